/* Strategies: how versions take each other's place. Each test writes its script to a file and reloads it. */
#include "strategy_bed.h"

static void a_good_version_takes_over_with_the_state(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  start(&b,
        HEAD "kalua.state.list = {1, 2.5, 'x'}; kalua.state.self = kalua.state; print('one', kalua.generation)\n" TICK,
        (kl_strategy_options){0});
  run_until(&b, &b.w.out, "one\t1");
  assert_string_equal(reload(&b, HEAD
                             "local s = kalua.state\n"
                             "print('two', kalua.generation, s.list[1], s.list[2], s.list[3], s.self == s)\n" TICK),
                      "ok\n");
  run_until(&b, &b.w.out, "two\t2\t1\t2.5\tx\ttrue");
  assert_contains(text_of(&b.told), "reloaded in ");
  assert_contains(text_of(&b.told), "generation 2");
  assert_int_equal(status(&b).generation, 2);
  assert_int_equal(status(&b).phase, KL_STRATEGY_PROBATION);
  finish(&b);
  assert_int_equal(b.ended, 1);
  assert_int_equal(b.failed, 0);
  close_bed(&b);
}

/* Each is refused, with this in its message, while the old version counts on. */
static void a_wrong_version_is_refused(void **state) {
  (void)state;
  static const struct {
    const char *text, *message;
  } wrong[] = {
      {"local x = = 1\n", "unexpected symbol near '='"},
      {HEAD "require 'no_such_module'\n" TICK, "module 'no_such_module' not found"},
      {HEAD "error('at start')\n", "at start"},
      {HEAD "task.spawn(function() error('in a task of the start') end)\n" TICK, "in a task of the start"},
      {HEAD "task.all{function() error('below all') end}\n" TICK, "below all"},
      {HEAD "while true do end\n", "ran for more than 1500 ms without waiting"},
      {HEAD "local t = {}; while true do t[#t + 1] = ('x'):rep(1e5) .. #t end\n", "not enough memory"},
      {HEAD "print('nothing is left')\n", "ends at once"},
      {HEAD "kalua.migrate(2, function() end)\n" TICK,
       "kalua.state is of schema 1; the step from 1 to 2 must come first"},
      {HEAD "kalua.migrate(1, function(s) task.sleep(0.01) end)\n" TICK, "cannot wait here"},
      {HEAD "kalua.migrate(1, function(s) error('cannot convert') end)\n" TICK, "cannot convert"},
      {HEAD "while true do task.yield() end\n",
       "its start has not ended after 3 s: it does not stop working, and waits"},
      {"", "ends at once"},
  };
  bed b;
  open_bed(&b);
  start(&b,
        HEAD "kalua.state.n = 0\nwhile true do task.sleep(0.002); kalua.state.n = kalua.state.n + 1; print('n', "
             "kalua.state.n) end\n",
        (kl_strategy_options){.start_ms = 3000, .script = {.cpu_ms = 1500, .memory_cap = 4 << 20}});
  run_until(&b, &b.w.out, "n\t3");
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    assert_contains(reload(&b, wrong[i].text), wrong[i].message);
    assert_contains(text_of(&b.told), "(generation 1 goes on)");
    kl_buf_clear(&b.told);
    kl_buf_clear(&b.w.out);
    run_until(&b, &b.w.out, "n\t");
    assert_null(strstr(text_of(&b.w.out), "nothing is left")); /* a start that is refused has said nothing */
    assert_int_equal(status(&b).refused, i + 1);
  }
  assert_int_equal(status(&b).generation, 1);
  assert_int_equal(status(&b).script.errors, 0);
  finish(&b);
  assert_int_equal(b.failed, 0);
  close_bed(&b);
}

static void state_that_cannot_cross_refuses_with_its_path(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  start(&b, HEAD "kalua.state.a = {{}, {f = print}}\nprint 'up'\n" TICK, (kl_strategy_options){0});
  run_until(&b, &b.w.out, "up");
  assert_contains(reload(&b, HEAD TICK "-- two\n"), "kalua.state.a[2].f");
  assert_int_equal(status(&b).generation, 1);
  finish(&b);
  close_bed(&b);
}

static void an_error_within_the_probation_brings_the_old_one_back(void **state) {
  (void)state;
  static const char *const late[] = {
      HEAD "kalua.state.by = 'two'\ntask.sleep(0.02)\nerror('late')\n",
      HEAD "kalua.state.by = 'two'\ntask.spawn(function() task.sleep(0.01); error('late') end)\n" TICK,
      HEAD "kalua.state.by = 'two'\nkalua.on_probation(function() error('late') end)\n" TICK,
      HEAD "local a, b = task.channel(1), task.channel(1)\n"
           "task.spawn(function() task.sleep(0.01); a:recv(); b:send(1) end)\nb:recv()\n"
           "--[[late]]\n",
      HEAD "task.sleep(0.01)\nwhile true do end -- late\n",
      HEAD "task.sleep(0.01)\nlocal t = {}; while true do t[#t + 1] = ('x'):rep(1e5) .. #t end -- late\n",
  };
  bed b;
  open_bed(&b);
  start(&b,
        HEAD "kalua.state.by = 'one'\nprint('one', kalua.generation)\nlocal n = 0\n"
             "while true do task.sleep(0.002); n = n + 1; print('alive', kalua.state.by, n) end\n",
        (kl_strategy_options){.probation_ms = 6000, .script = {.cpu_ms = 500, .memory_cap = 4 << 20}});
  run_until(&b, &b.w.out, "alive");
  for (size_t i = 0; i < sizeof late / sizeof late[0]; i++) {
    assert_string_equal(reload(&b, late[i]), "ok\n");
    run_until(&b, &b.told, "rolled back: ");
    assert_contains(text_of(&b.told), "(generation 1 goes on again)");
    if (i < 3) assert_contains(text_of(&b.told), "late");
    kl_buf_clear(&b.told);
    kl_buf_clear(&b.w.out);
    run_until(&b, &b.w.out, "alive\tone");
  }
  assert_int_equal(status(&b).rolled_back, sizeof late / sizeof late[0]);
  assert_string_equal(reload(&b, HEAD "print('good', kalua.generation)\n" TICK), "ok\n");
  run_until(&b, &b.w.out, "good\t8");
  for (int i = 0; i < 1000 && status(&b).phase == KL_STRATEGY_PROBATION; i++)
    run_for(&b, 10);
  assert_int_equal(status(&b).phase, KL_STRATEGY_RUNNING);
  assert_int_equal(b.ended, 0);
  finish(&b);
  close_bed(&b);
}

static void a_check_that_says_false_brings_the_old_one_back(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  start(&b, HEAD "print 'one'\n" TICK, (kl_strategy_options){.probation_ms = 100});
  run_until(&b, &b.w.out, "one");
  assert_string_equal(reload(&b, HEAD "local calls = 0\n"
                                      "kalua.on_probation(function() calls = calls + 1; return calls < 3 end)\n" TICK),
                      "ok\n");
  run_until(&b, &b.told, "rolled back: ");
  assert_contains(text_of(&b.told), "a check of kalua.on_probation failed: that of /");
  finish(&b);
  close_bed(&b);
}

/* The handlers of the old version run at the swap, and what they leave in the state is what the new one gets; what the
 * start said in its rehearsal is said once. */
static void on_stop_handlers_run_at_the_swap(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  start(&b,
        HEAD "kalua.on_stop(function(why) task.sleep(0.01); kalua.state.saved = why; print('stopped', why) end)\n"
             "print 'one'\nwhile true do task.sleep(0.001); print 'tick' end\n",
        (kl_strategy_options){.probation_ms = QUICK_MS});
  run_until(&b, &b.w.out, "tick");
  assert_string_equal(reload(&b, HEAD "print('two', kalua.state.saved)\n" TICK), "ok\n");
  const char *stopped = strstr(text_of(&b.w.out), "stopped\treload"), *two = strstr(text_of(&b.w.out), "two\treload");
  assert_non_null(stopped);
  assert_non_null(two);
  assert_true(stopped < two);
  assert_null(strstr(stopped, "tick"));  /* it rests while its handlers run */
  assert_null(strstr(two + 1, "two\t")); /* once */
  finish(&b);
  assert_null(strstr(text_of(&b.w.out), "stopped\texit")); /* the version that had the handler is gone */
  close_bed(&b);
}

static void on_stop_runs_again_at_the_end_of_one_that_came_back(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  start(&b, HEAD "kalua.on_stop(function(why) print('stopped', why) end)\nprint 'one'\n" TICK,
        (kl_strategy_options){.probation_ms = 200});
  run_until(&b, &b.w.out, "one");
  assert_string_equal(reload(&b, HEAD "task.sleep(0.01); error 'late'\n"), "ok\n");
  run_until(&b, &b.told, "rolled back");
  finish(&b);
  assert_contains(text_of(&b.w.out), "stopped\treload\nstopped\texit\n");
  close_bed(&b);
}

static void the_time_of_handlers_at_a_swap_is_over_with_them(void **state) {
  (void)state;
  bed b;
  open_bed(&b); /* handlers have 200 ms */
  start(&b, HEAD "kalua.on_stop(function() end)\nprint 'one'\nwhile true do task.sleep(0.005); print 'tick' end\n",
        (kl_strategy_options){.probation_ms = 10000});
  run_until(&b, &b.w.out, "one");
  assert_string_equal(reload(&b, HEAD "task.sleep(0.4); error 'late'\n"), "ok\n");
  run_until(&b, &b.told, "rolled back");
  assert_lacks(world_log(&b.w), "on_stop handlers did not run");
  kl_buf_clear(&b.w.out);
  run_until(&b, &b.w.out, "tick"); /* the one that came back runs */
  finish(&b);
  assert_int_equal(b.failed, 0);
  close_bed(&b);
}

static void state_is_migrated_step_by_step(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  start(&b, HEAD "kalua.state.cents = 42\nprint 'one'\n" TICK, (kl_strategy_options){.probation_ms = -1});
  run_until(&b, &b.w.out, "one");
#define STEP1 "kalua.migrate(1, function(s) s.dollars = s.cents / 100; s.cents = nil end)\n"
#define STEP2 "kalua.migrate(2, function(s) return {money = {dollars = s.dollars}} end)\n"
  assert_string_equal(reload(&b, HEAD STEP1 "print('two', kalua.state.dollars, kalua.state.cents)\n" TICK), "ok\n");
  assert_contains(text_of(&b.w.out), "two\t0.42\tnil");
  assert_string_equal(
      reload(&b, HEAD STEP1 STEP2 "print('three', kalua.state.money.dollars, kalua.state.dollars)\n" TICK), "ok\n");
  assert_contains(text_of(&b.w.out), "three\t0.42\tnil");
  assert_string_equal(reload(&b, HEAD STEP2 "print('four', kalua.state.money.dollars)\n" TICK), "ok\n");
  assert_contains(text_of(&b.w.out), "four\t0.42");
  assert_contains(reload(&b, HEAD STEP1 TICK), "kalua.state is of schema 3, and the new version knows only 2");
  finish(&b);
  close_bed(&b);
}

static void a_failed_strategy_is_started_again_with_its_state(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  start(&b,
        HEAD "local s = kalua.state\ns.n = (s.n or 0) + 1\nprint('run', s.n, kalua.generation)\n"
             "task.sleep(0.01)\nif s.n < 3 then error('again') end\n" TICK,
        (kl_strategy_options){.on_failure = KL_FAILED_RESTART, .probation_ms = -1});
  run_until(&b, &b.w.out, "run\t2\t2");
  assert_int_equal(status(&b).restarts, 1);
  assert_int_equal(b.ended, 0);
  kl_strategy_stop(b.g, KL_STOP_EXIT, false);
  finish(&b);
  close_bed(&b);
}

static void the_last_good_version_is_started_again(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  start(&b,
        HEAD "local s = kalua.state\ns.n = (s.n or 0) + 1\nprint('run', s.n)\n"
             "task.sleep(0.2)\nif s.n == 1 then error('worn out') end\n" TICK,
        (kl_strategy_options){.on_failure = KL_FAILED_LAST_GOOD, .probation_ms = QUICK_MS});
  run_until(&b, &b.w.out, "run\t1");
  write_script(&b, "this is = no Lua\n"); /* and nobody asks for a reload */
  run_until(&b, &b.w.out, "run\t2");
  assert_int_equal(status(&b).generation, 2);
  assert_contains(status(&b).last_error, "worn out");
  finish(&b);
  close_bed(&b);
}

/* What is made ready ahead of a reload knows neither the state nor the number of the version that it will be. */
static void a_version_that_was_made_ready_has_the_state_of_now(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  start(&b,
        HEAD
        "kalua.state.n = 0\nwhile true do task.sleep(0.002); kalua.state.n = kalua.state.n + 1; print 'tick' end\n",
        (kl_strategy_options){.probation_ms = QUICK_MS});
  run_for(&b, 5 * QUICK_MS); /* by then it is ready */
  assert_string_equal(reload(&b, HEAD "print('two', kalua.generation, kalua.state.n > 3, kalua.state.n)\n" TICK),
                      "ok\n");
  run_until(&b, &b.w.out, "two\t2\ttrue");
  finish(&b);
  close_bed(&b);
}

static void stopping_ends_every_version(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  start(&b, HEAD "print 'one'\n" TICK, (kl_strategy_options){0});
  run_until(&b, &b.w.out, "one");
  assert_string_equal(reload(&b, HEAD "-- two\n" TICK), "ok\n");
  kl_error e = {0};
  assert_true(kl_strategy_reload(b.g, reloaded, &b, &e));
  kl_buf_clear(&b.outcomes);
  finish(&b); /* before the reload had its turn */
  assert_contains(text_of(&b.outcomes), "stopping");
  assert_false(kl_strategy_reload(b.g, reloaded, &b, &e));
  assert_contains(e.message, "does not run");
  assert_true(kl_strategy_start_again(b.g, &e));
  run_for(&b, 10);
  assert_int_equal(status(&b).phase, KL_STRATEGY_RUNNING);
  finish(&b);
  assert_int_equal(b.ended, 2);
  close_bed(&b);
}

static void a_paused_strategy_rests_and_goes_on(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  start(&b, HEAD "while true do task.sleep(0.001); print 'tick' end\n", (kl_strategy_options){0});
  run_until(&b, &b.w.out, "tick");
  kl_error e = {0};
  assert_true(kl_strategy_pause(b.g, true, &e));
  kl_buf_clear(&b.w.out);
  run_for(&b, 20);
  assert_string_equal(text_of(&b.w.out), "");
  assert_contains(reload(&b, NULL), "paused");
  assert_true(kl_strategy_pause(b.g, false, &e));
  run_until(&b, &b.w.out, "tick");
  finish(&b);
  close_bed(&b);
}

/* What is not live may not act: it is held until it is. */
static int l_act(lua_State *L);
static int act_k(lua_State *L, int st, lua_KContext ctx) {
  (void)st;
  (void)ctx;
  return l_act(L);
}

static int l_act(lua_State *L) {
  if (!kl_may_act(L)) return kl_hold(L, 0, act_k);
  world *w = kl_script_data(kl_script_of(L));
  kl_buf_str(&w->out, "acted\n");
  return 0;
}

static int open_act(lua_State *L) {
  lua_pushcfunction(L, l_act);
  return 1;
}

static void effects_wait_until_the_version_is_live(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  world_modules_add("act", open_act);
  start(&b, HEAD "print 'one'\n" TICK, (kl_strategy_options){0});
  run_until(&b, &b.w.out, "one");
  assert_contains(reload(&b, HEAD "local act = require 'act'\ntask.spawn(act)\ntask.yield()\nerror 'no'\n"), "no");
  assert_null(strstr(text_of(&b.w.out), "acted"));
  assert_string_equal(reload(&b, HEAD "local act = require 'act'\nact()\nprint 'two'\n" TICK), "ok\n");
  run_until(&b, &b.w.out, "acted\ntwo");
  finish(&b);
  close_bed(&b);
}

/* Whatever happens to a hundred versions, nothing of them stays. */
static void versions_leave_nothing(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  start(&b, HEAD "kalua.state.n = 0\n" TICK, (kl_strategy_options){.probation_ms = QUICK_MS});
  run_for(&b, 5);
  size_t before = 0;
  for (int i = 0; i < 200; i++) {
    reload(&b, i % 4 == 3 ? "error 'x'"
                          : HEAD
                   "kalua.state.n = kalua.state.n + 1\nfor i = 1, 5 do task.spawn(task.sleep, 9) end\n" TICK);
    if (i == 20) before = status(&b).script.memory;
  }
  assert_in_range(status(&b).script.memory, 1, before + before / 10);
  run_for(&b, 4 * QUICK_MS);
  assert_int_equal(status(&b).reloads, 150);
  finish(&b);
  close_bed(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_good_version_takes_over_with_the_state),
                                     cmocka_unit_test(a_wrong_version_is_refused),
                                     cmocka_unit_test(state_that_cannot_cross_refuses_with_its_path),
                                     cmocka_unit_test(an_error_within_the_probation_brings_the_old_one_back),
                                     cmocka_unit_test(a_check_that_says_false_brings_the_old_one_back),
                                     cmocka_unit_test(on_stop_handlers_run_at_the_swap),
                                     cmocka_unit_test(on_stop_runs_again_at_the_end_of_one_that_came_back),
                                     cmocka_unit_test(the_time_of_handlers_at_a_swap_is_over_with_them),
                                     cmocka_unit_test(state_is_migrated_step_by_step),
                                     cmocka_unit_test(a_failed_strategy_is_started_again_with_its_state),
                                     cmocka_unit_test(the_last_good_version_is_started_again),
                                     cmocka_unit_test(a_version_that_was_made_ready_has_the_state_of_now),
                                     cmocka_unit_test(stopping_ends_every_version),
                                     cmocka_unit_test(a_paused_strategy_rests_and_goes_on),
                                     cmocka_unit_test(effects_wait_until_the_version_is_live),
                                     cmocka_unit_test(versions_leave_nothing)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
