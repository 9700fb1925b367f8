/* A strategy whose process has no memory for once, at each allocation in turn that a reload, a refusal, a return and an
 * end make: what was asked for is answered, the next reload works, and nothing is left. */
#include "strategy_bed.h"

#include "failing_memory.h"
#include "script/internal.h"

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
  allocations_left = n;
  bool asked = kl_strategy_reload(b.g, answered, NULL, &e);
  for (int i = 0; i < 100 && status(&b).phase != KL_STRATEGY_ENDED; i++) {
    uv_run(&b.w.loop, UV_RUN_ONCE);
    if (answers && i > 20) break;
  }
  allocations_left = 0;
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
