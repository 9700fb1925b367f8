/* A host on a loop of its own for the tests of script/: scripts from strings, their output and the log as text. */
#ifndef KL_SCRIPT_WORLD_H
#define KL_SCRIPT_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/log.h"
#include "bindings/bindings.h"
#include "bindings/expect.h"
#include "script/script.h"
#include "store/store.h"

typedef struct world {
  kl_environment environment; /* first: bindings get the world as their environment */
  uv_loop_t loop;
  kl_host *host;
  kl_buf out; /* what was printed, a newline behind each call */
  kl_buf log; /* filled by world_log */
  char log_path[64];
  size_t ended, failed;
  int grace_ms;
  /* Memory for scripts: the allocation number `fail_at` and all behind it fail for a while. */
  size_t allocations, fail_at, fail_count;
  size_t still_at; /* in the allocation of this number the machine stands still for `still_ms` */
  int still_ms;
} world;

static luaL_Reg world_modules[8] = {{"task", luaopen_kl_task},
                                    {"kalua", luaopen_kl_kalua},
                                    {"log", luaopen_kl_log},
                                    {"bus", luaopen_kl_bus},
                                    {"json", luaopen_kl_json},
                                    {"store", luaopen_kl_store},
                                    {NULL, NULL}};

/* One module of the test's own. */
static inline void world_modules_add(const char *name, lua_CFunction open) {
  world_modules[6] = (luaL_Reg){name, open};
}

static void world_ended(void *data, kl_script *s, bool failed) {
  world *w = data;
  (void)s;
  w->ended++;
  if (failed) w->failed++;
}

static void world_print(void *data, kl_script *s, const char *text, size_t n) {
  world *w = data;
  (void)s;
  kl_buf_add(&w->out, text, n);
  kl_buf_char(&w->out, '\n');
}

static void *world_memory(void *data, void *p, size_t size) {
  world *w = data;
  if (size == 0) {
    free(p);
    return NULL;
  }
  w->allocations++;
  if (w->allocations == w->still_at) usleep((useconds_t)w->still_ms * 1000);
  if (w->fail_at && w->allocations >= w->fail_at && w->allocations < w->fail_at + w->fail_count) return NULL;
  return realloc(p, size);
}

static inline void world_open_with(world *w, int grace_ms,
                                   void (*strategy_ended)(void *, kl_strategy *, kl_script *, bool),
                                   void (*announce)(void *, kl_strategy *, bool, const char *, const char *)) {
  memset(w, 0, sizeof *w);
  w->environment = (kl_environment){.place.env = "sim", .version = "1.2.3", .expectations = kl_expectations_new()};
  snprintf(w->log_path, sizeof w->log_path, "/tmp/kalua-test-%d.log", (int)getpid());
  unlink(w->log_path);
  assert_true(kl_log_open(KL_LOG_DEBUG, false, w->log_path));
  assert_int_equal(uv_loop_init(&w->loop), 0);
  kl_host_options o = {.clock = kl_clock_real(),
                       .data = w,
                       .modules = world_modules,
                       .grace_ms = grace_ms,
                       .script_ended = world_ended,
                       .strategy_ended = strategy_ended,
                       .announce = announce,
                       .print = world_print,
                       .memory = world_memory};
  w->host = kl_host_new(&w->loop, &o);
  assert_non_null(w->host);
}

static inline void world_open(world *w, int grace_ms) { world_open_with(w, grace_ms, NULL, NULL); }

static inline void world_close(world *w) {
  assert_int_equal(kl_host_running(w->host), 0);
  kl_host_close(w->host);
  kl_stores_close(w->environment.stores);
  uv_run(&w->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&w->loop), 0);
  kl_expectations_free(w->environment.expectations);
  kl_bus_free(w->environment.bus);
  kl_buf_free(&w->out);
  kl_buf_free(&w->log);
  kl_log_close();
  unlink(w->log_path);
}

/* Starts a script; it runs with world_run. */
static inline kl_script *world_start(world *w, const char *source) {
  kl_script_options o = {.source = source, .name = "s", .env = "sim", .cpu_ms = 60000}; /* sanitizers are slow */
  kl_script *s = NULL;
  kl_error e = {0};
  if (!kl_script_start(w->host, &o, &s, &e)) fail_msg("%s", e.message);
  return s;
}

/* Runs the loop until no script is left. */
static inline void world_run(world *w) {
  while (kl_host_running(w->host) > 0)
    uv_run(&w->loop, UV_RUN_ONCE);
}

static inline const char *world_out(const world *w) { return w->out.data ? w->out.data : ""; }

/* The log so far. */
static inline const char *world_log(world *w) {
  kl_buf_clear(&w->log);
  FILE *f = fopen(w->log_path, "re");
  assert_non_null(f);
  char part[4096];
  for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;)
    kl_buf_add(&w->log, part, n);
  fclose(f);
  return w->log.data ? w->log.data : "";
}

static inline void assert_contains(const char *text, const char *part) {
  if (!strstr(text, part)) fail_msg("\"%s\" is not in:\n%s", part, text);
}

static inline void assert_lacks(const char *text, const char *part) {
  if (strstr(text, part)) fail_msg("\"%s\" is in:\n%s", part, text);
}

/* Runs one script that must not fail and must leave nothing in the log, and compares its output. */
static inline void runs(const char *source, const char *expected) {
  world w;
  world_open(&w, 500);
  kl_script *s = world_start(&w, source);
  world_run(&w);
  if (w.failed) fail_msg("%s\n%s", kl_script_error(s), kl_script_traceback(s) ? kl_script_traceback(s) : "");
  assert_string_equal(world_out(&w), expected);
  assert_string_equal(world_log(&w), "");
  kl_script_stats stats;
  kl_script_stats_get(s, &stats);
  assert_int_equal(stats.errors, 0);
  assert_int_equal(stats.tasks, 0);
  assert_int_equal(stats.memory, 0);
  world_close(&w);
}

#endif
