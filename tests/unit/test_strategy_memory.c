/* A strategy whose process has no memory for once, at each allocation in turn that a reload, a refusal, a return and an
 * end make: what was asked for is answered, the next reload works, and nothing is left. */
#include "strategy_bed.h"

#include "script/internal.h"

/* The linker leads all calls of the program here. */
void *__real_malloc(size_t n);
void *__real_calloc(size_t k, size_t n);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t k, size_t n);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);

static long left; /* allocations until the one that fails; 0: none does */
static bool failed;

static bool fails(void) {
  if (left == 0 || --left > 0) return false;
  failed = true;
  return true;
}

void *__wrap_malloc(size_t n) { return fails() ? NULL : __real_malloc(n); }
void *__wrap_calloc(size_t k, size_t n) { return fails() ? NULL : __real_calloc(k, n); }
void *__wrap_realloc(void *p, size_t n) { return fails() ? NULL : __real_realloc(p, n); }

char *__wrap_strndup(const char *s, size_t n) {
  size_t k = strnlen(s, n);
  char *copy = fails() ? NULL : __real_malloc(k + 1);
  if (!copy) return NULL;
  memcpy(copy, s, k);
  copy[k] = 0;
  return copy;
}

char *__wrap_strdup(const char *s) { return __wrap_strndup(s, strlen(s)); }

/* That of scripts is not meant: what they do without is tried elsewhere. */
static void *script_memory(void *data, void *p, size_t size) {
  (void)data;
  if (size > 0) return __real_realloc(p, size);
  free(p);
  return NULL;
}

#define LISTEN                                                                                                         \
  "local bus = require 'bus'\nlocal sub = bus.listen 'c'\ntask.spawn(function() for m in sub:messages() do end end)\n"

static const char first[] =
    HEAD LISTEN "kalua.state.n = 0\n"
                "kalua.on_stop(function() task.sleep(0.001); kalua.state.n = -1 end)\n"
                "print 'one'\n"
                "while true do pcall(task.sleep, 0.001); kalua.state.n = kalua.state.n + 1 end\n";

static const char *const next[] = {
    HEAD LISTEN "for i = 1, 3 do task.yield() end\nprint('two', kalua.state.n)\n" TICK,
    HEAD LISTEN "task.yield(); error 'at the start'\n",
    HEAD LISTEN "task.sleep(0.003); error 'late'\n",
    "this is = no Lua\n",
};

static int answers;

static void answered(void *data, kl_strategy *g, const kl_error *e) {
  (void)data;
  (void)g;
  (void)e;
  answers++;
}

/* False once the scenario makes no allocation of that number. */
static bool try_with(const char *text, long n) {
  bed b;
  kl_error e = {0};
  open_bed(&b);
  b.w.host->o.memory = script_memory;
  start(&b, first, (kl_strategy_options){.probation_ms = 10000});
  run_until(&b, &b.w.out, "one");
  write_script(&b, text);
  answers = 0;
  failed = false;
  left = n;
  bool asked = kl_strategy_reload(b.g, answered, NULL, &e);
  for (int i = 0; i < 100 && status(&b).phase != KL_STRATEGY_ENDED; i++) {
    uv_run(&b.w.loop, UV_RUN_ONCE);
    if (answers && i > 20) break;
  }
  left = 0;
  for (int i = 0; i < 10000 && asked && !answers; i++)
    uv_run(&b.w.loop, UV_RUN_ONCE);
  assert_int_equal(answers, asked);
  if (status(&b).phase != KL_STRATEGY_ENDED) {
    assert_string_equal(reload(&b, HEAD "print 'three'\n" TICK), "ok\n");
    run_until(&b, &b.w.out, "three");
    finish(&b);
  }
  assert_int_equal(b.ended, 1);
  close_bed(&b);
  return failed;
}

static void each_allocation_may_fail(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof next / sizeof next[0]; i++) {
    long n = 1;
    while (try_with(next[i], n))
      n++;
    assert_true(n > 10);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(each_allocation_may_fail)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
