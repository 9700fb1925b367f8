/* A strategy on a host of its own, whose script is a file that the test writes, and what was said of it. */
#ifndef KL_STRATEGY_BED_H
#define KL_STRATEGY_BED_H

#include "script_world.h"

#include "script/strategy.h"

enum { QUICK_MS = 40 };

typedef struct {
  world w;
  kl_strategy *g;
  char path[64];
  kl_buf told;     /* what was announced, a line each */
  kl_buf outcomes; /* of reloads: "ok" or the message, a line each */
  int ended, failed;
} bed;

static inline void strategy_ended(void *data, kl_strategy *g, kl_script *s, bool failed) {
  bed *b = data; /* the world is its first member */
  (void)g;
  (void)s;
  b->ended++;
  b->failed += failed;
}

static inline void announced(void *data, kl_strategy *g, bool bad, const char *text, const char *traceback) {
  bed *b = data;
  (void)g;
  (void)bad;
  (void)traceback;
  kl_buf_str(&b->told, text);
  kl_buf_char(&b->told, '\n');
}

static inline void write_script(bed *b, const char *text) {
  FILE *f = fopen(b->path, "we");
  assert_non_null(f);
  fputs(text, f);
  fclose(f);
}

static inline void open_bed_with(bed *b, int grace_ms) {
  memset(b, 0, sizeof *b);
  world_open_with(&b->w, grace_ms, strategy_ended, announced);
  snprintf(b->path, sizeof b->path, "/tmp/kalua-strategy-%d.lua", (int)getpid());
}

static inline void open_bed(bed *b) { open_bed_with(b, 200); }

static inline void start(bed *b, const char *text, kl_strategy_options o) {
  kl_error e = {0};
  write_script(b, text);
  o.script.path = b->path;
  o.script.name = "s";
  o.script.env = "sim";
  o.script.cpu_ms = o.script.cpu_ms ? o.script.cpu_ms : 60000;
  if (!kl_strategy_start(b->w.host, &o, &b->g, &e)) fail_msg("%s", e.message);
}

static inline const char *text_of(const kl_buf *buf) { return buf->data ? buf->data : ""; }

static inline void reloaded(void *data, kl_strategy *g, const kl_error *e) {
  bed *b = data;
  (void)g;
  kl_buf_str(&b->outcomes, e ? e->message : "ok");
  kl_buf_char(&b->outcomes, '\n');
}

static inline void poked(uv_timer_t *t) { (void)t; }

static inline void patience_over(uv_handle_t *h) { free(h); }

/* Runs the loop until what is printed holds the text. */
static inline void run_until(bed *b, const kl_buf *buf, const char *text) {
  uv_timer_t *patience = malloc(sizeof *patience);
  assert_non_null(patience);
  uv_timer_init(&b->w.loop, patience);
  uv_timer_start(patience, poked, 60000, 0);
  while (uv_is_active((uv_handle_t *)patience) && !strstr(text_of(buf), text))
    uv_run(&b->w.loop, UV_RUN_ONCE);
  uv_close((uv_handle_t *)patience, patience_over); /* by a later turn: none is taken here */
  if (!strstr(text_of(buf), text)) fail_msg("\"%s\" never came, only: %s", text, text_of(buf));
}

static inline void run_for(bed *b, uint64_t ms) {
  uv_timer_t timer;
  uv_timer_init(&b->w.loop, &timer);
  uv_timer_start(&timer, poked, ms, 0);
  while (uv_is_active((uv_handle_t *)&timer))
    uv_run(&b->w.loop, UV_RUN_ONCE);
  uv_close((uv_handle_t *)&timer, NULL);
  uv_run(&b->w.loop, UV_RUN_NOWAIT); /* closed before its memory goes */
}

/* Saves, reloads and waits for the outcome, which is returned. */
static inline const char *reload(bed *b, const char *text) {
  kl_error e = {0};
  kl_buf_clear(&b->outcomes);
  if (text) write_script(b, text);
  if (!kl_strategy_reload(b->g, reloaded, b, &e)) fail_msg("%s", e.message);
  run_until(b, &b->outcomes, "\n");
  return text_of(&b->outcomes);
}

static inline void finish(bed *b) {
  kl_strategy_stop(b->g, KL_STOP_EXIT, false);
  kl_strategy_status st;
  do {
    uv_run(&b->w.loop, UV_RUN_ONCE);
    kl_strategy_status_get(b->g, &st);
  } while (st.phase != KL_STRATEGY_ENDED);
}

static inline void close_bed(bed *b) {
  world_close(&b->w);
  kl_buf_free(&b->told);
  kl_buf_free(&b->outcomes);
  unlink(b->path);
}

static inline kl_strategy_status status(const bed *b) {
  kl_strategy_status st;
  kl_strategy_status_get(b->g, &st);
  return st;
}

#define HEAD "local kalua, task = require 'kalua', require 'task'\n"
#define TICK "while true do task.sleep(0.005) end\n"

#endif
