/* Inputs of a prompt in a running script, and what came of each, as text. */
#ifndef KL_PROMPT_BED_H
#define KL_PROMPT_BED_H

#include "script_world.h"

#include "script/evaluate.h"
#include "script/task.h"

/* One input. */
typedef struct told {
  size_t ends; /* must become 1 */
  kl_evaluation_end end;
  char why[256];
  kl_buf shown, printed, trace; /* the values as by tostring, with ", " between; a newline behind each line */
  bool full;                    /* it has to wait with what it prints */
} told;

static const char *const told_statuses[] = {[KL_EVALUATION_VALUE] = "value",
                                            [KL_EVALUATION_ERROR] = "error",
                                            [KL_EVALUATION_CANCELLED] = "cancelled",
                                            [KL_EVALUATION_MORE] = "more"};

static void told_print(void *data, const char *text, size_t n) {
  told *t = data;
  kl_buf_add(&t->printed, text, n);
  kl_buf_char(&t->printed, '\n');
}

static bool told_room(void *data) { return !((told *)data)->full; }

static void told_show(void *data, lua_State *L, int n, const char *traceback) {
  told *t = data;
  int first = lua_gettop(L) - n + 1;
  kl_buf_clear(&t->shown);
  kl_buf_clear(&t->trace);
  for (int i = 0; i < n; i++) {
    if (i) kl_buf_str(&t->shown, ", ");
    /* No code of the script's runs for that. */
    bool own = luaL_getmetafield(L, first + i, "__tostring") == LUA_TFUNCTION && !lua_iscfunction(L, -1);
    kl_buf_str(&t->shown, own ? luaL_typename(L, first + i) : luaL_tolstring(L, first + i, NULL));
    lua_settop(L, first + n - 1);
  }
  if (traceback) kl_buf_str(&t->trace, traceback);
}

static void told_ended(void *data, const kl_evaluation_end *end) {
  told *t = data;
  t->ends++;
  t->end = *end;
  snprintf(t->why, sizeof t->why, "%s", end->why ? end->why : "");
}

static inline void told_clear(told *t) {
  kl_buf_free(&t->shown);
  kl_buf_free(&t->printed);
  kl_buf_free(&t->trace);
  *t = (told){0};
}

/* How long an input may run without waiting: long, since machines are busy, where a test does not want it broken. */
enum { PATIENT_MS = 60000, SHORT_MS = 200 };
static int typed_ms = PATIENT_MS;

static inline kl_evaluation *type_in(kl_evaluator *v, told *t, const char *source, bool armed) {
  told_clear(t);
  const kl_evaluation_options o = {.source = source,
                                   .n = strlen(source),
                                   .armed = armed,
                                   .cpu_ms = typed_ms,
                                   .data = t,
                                   .print = told_print,
                                   .room = told_room,
                                   .show = told_show,
                                   .ended = told_ended};
  return kl_evaluate(v, &o);
}

/* Runs the loop until the input has ended. */
static inline void run_to_end(world *w, const told *t) {
  while (t->ends == 0)
    uv_run(&w->loop, UV_RUN_ONCE);
  assert_int_equal(t->ends, 1);
}

/* "value: 1, 2" or "error: prompt:1: …"; borrowed until the next input. */
static inline const char *outcome_of(told *t) {
  static char text[4096];
  const char *shown = t->shown.data ? t->shown.data : "";
  if (t->end.status == KL_EVALUATION_CANCELLED || t->end.why) shown = t->why;
  snprintf(text, sizeof text, "%s%s%s", told_statuses[t->end.status], *shown ? ": " : "", shown);
  return text;
}

/* An input that ends by itself. */
static inline const char *input(world *w, kl_evaluator *v, told *t, const char *source, bool armed) {
  type_in(v, t, source, armed);
  run_to_end(w, t);
  return outcome_of(t);
}

/* A script that runs until it is stopped, and a prompt in it. */
typedef struct prompt_bed {
  world w;
  kl_script *s;
  kl_evaluator *v;
  told t;
} prompt_bed;

static inline void bed_begin(prompt_bed *b, const char *source) {
  kl_error e = {0};
  world_open(&b->w, 500);
  memset(&b->t, 0, sizeof b->t);
  b->s = world_start(&b->w, source);
  b->v = kl_evaluator_new(b->s, &e);
  if (!b->v) fail_msg("%s", e.message);
  for (int i = 0; i < 3; i++)
    uv_run(&b->w.loop, UV_RUN_NOWAIT);
}

/* The inputs must not have been noticed. */
static inline void bed_end(prompt_bed *b) {
  kl_script_stats stats;
  kl_evaluator_free(b->v, "the prompt has gone");
  kl_script_stats_get(b->s, &stats);
  assert_int_equal(stats.errors, 0);
  kl_script_stop(b->s, KL_STOP_EXIT, false);
  world_run(&b->w);
  if (b->w.failed) fail_msg("%s", kl_script_error(b->s));
  told_clear(&b->t);
  world_close(&b->w);
}

/* Typed by somebody who may change something. */
static inline const char *armed(prompt_bed *b, const char *source) { return input(&b->w, b->v, &b->t, source, true); }
/* By somebody who looks. */
static inline const char *looks(prompt_bed *b, const char *source) { return input(&b->w, b->v, &b->t, source, false); }

#endif
