/* Errors of tasks: who is told, what is kept. */
#include "script_world.h"

#define T "local task, kalua = require 'task', require 'kalua'\n"

/* Runs a script that may fail; its log is in world_log. */
static kl_script *run_in(world *w, const char *source) {
  world_open(w, 500);
  kl_script *s = world_start(w, source);
  world_run(w);
  return s;
}

static uint64_t errors_of(const kl_script *s) {
  kl_script_stats stats;
  kl_script_stats_get(s, &stats);
  return stats.errors;
}

static void logs_an_error_that_nobody_awaits_and_goes_on(void **state) {
  (void)state;
  world w;
  const kl_script *s = run_in(&w, T "kalua.on_error(function(e) task.sleep(0.001) print('told', e) end)\n"
                                    "kalua.on_error(function(e) print('also', e) end)\n"
                                    "local function deep() error 'broken' end\n"
                                    "task.spawn(function() deep() end)\n"
                                    "task.sleep(0.01) print 'on'");
  assert_string_equal(world_out(&w), "also\ts:4: broken\ntold\ts:4: broken\non\n");
  assert_contains(world_log(&w), "error in a task that nobody awaits: s:4: broken");
  assert_contains(world_log(&w), "in upvalue 'deep'");
  assert_contains(world_log(&w), "spawned at s:5");
  assert_int_equal(w.failed, 0);
  assert_int_equal(errors_of(s), 1);
  assert_null(kl_script_error(s));
  world_close(&w);
}

static void survives_an_error_in_on_error(void **state) {
  (void)state;
  world w;
  const kl_script *s = run_in(&w, T "kalua.on_error(function(e) print('told', e) error('worse', 0) end)\n"
                                    "task.spawn(error, 'bad') task.sleep(0.005) print 'on'");
  assert_string_equal(world_out(&w), "told\tbad\non\n");
  assert_contains(world_log(&w), "error in an on_error handler: worse");
  assert_int_equal(errors_of(s), 2);
  world_close(&w);
}

/* What the closing variables of a failed main chunk close, its tasks find closed: that is not what was wrong. */
static void names_the_cause_and_not_what_follows_from_it(void **state) {
  (void)state;
  world w;
  kl_script *s = run_in(&w, T "local sub <close> = require 'bus'.listen 'x'\n"
                              "task.spawn(function() for m in sub:messages() do print(m) end end)\n"
                              "error 'the cause'");
  assert_string_equal(kl_script_error(s), "s:4: the cause");
  assert_null(strstr(world_log(&w), "error "));
  world_close(&w);
}

static void gives_the_error_of_the_main_chunk_to_the_host(void **state) {
  (void)state;
  world w;
  kl_script *s = run_in(&w, T "kalua.on_stop(function(why) print('stopped', why) end)\n"
                              "task.spawn(task.sleep, 60)\n"
                              "local function go() task.sleep(0.001) error 'no way' end\n"
                              "go()");
  assert_int_equal(w.failed, 1);
  assert_string_equal(kl_script_error(s), "s:4: no way");
  assert_null(kl_script_error_kind(s));
  assert_contains(kl_script_traceback(s), "s:4: in local 'go'");
  assert_contains(kl_script_traceback(s), "s:5: in main chunk");
  assert_string_equal(world_out(&w), "stopped\terror\n");
  assert_string_equal(world_log(&w), "");
  world_close(&w);
}

static void tells_kind_and_message_of_error_tables(void **state) {
  (void)state;
  world w;
  kl_script *s = run_in(&w, "error({ kind = 'usage', message = 'which ticker?' }, 0)");
  assert_string_equal(kl_script_error(s), "usage: which ticker?");
  assert_string_equal(kl_script_error_kind(s), "usage");
  world_close(&w);
  s = run_in(&w, T "task.sleep(0)\nkalua.expect{ fill = '<1' }");
  assert_contains(kl_script_error(s), "validation: expect: unknown metric \"fill\" (did you mean \"fills\"?)");
  assert_string_equal(kl_script_error_kind(s), "validation");
  world_close(&w);
  s = run_in(&w, "error(setmetatable({}, { __tostring = function() error 'worse' end }))");
  assert_int_equal(w.failed, 1);
  assert_non_null(kl_script_error(s));
  world_close(&w);
  s = run_in(&w, "error()");
  assert_string_equal(kl_script_error(s), "an error without a message (nil was raised)");
  world_close(&w);
}

static void keeps_the_traceback_across_tasks(void **state) {
  (void)state;
  world w;
  kl_script *s = run_in(&w, T "local function origin() task.sleep(0.001) error 'first cause' end\n"
                              "local inner = task.spawn(function() origin() end)\n"
                              "local outer = task.spawn(function() inner:await() end)\n"
                              "task.all{ outer }");
  assert_string_equal(kl_script_error(s), "s:2: first cause");
  const char *trace = kl_script_traceback(s);
  assert_contains(trace, "in upvalue 'origin'");
  assert_contains(trace, "spawned at s:3");
  assert_contains(trace, "raised again in");
  assert_contains(trace, "spawned at s:4");
  assert_true(strstr(trace, "origin") < strstr(trace, "s:5:"));
  assert_int_equal(errors_of(s), 1);
  world_close(&w);
}

static void keeps_the_traceback_across_wrapped_coroutines(void **state) {
  (void)state;
  world w;
  kl_script *s = run_in(&w, T "local function origin() error 'in there' end\n"
                              "local step = coroutine.wrap(function() task.sleep(0.001) origin() end)\n"
                              "step()");
  assert_contains(kl_script_error(s), "in there");
  assert_contains(kl_script_traceback(s), "in upvalue 'origin'");
  world_close(&w);
}

static void puts_the_place_of_the_script_into_an_error(void **state) {
  (void)state;
  runs(T "\n"
         "local ok, e = pcall(function()\n"
         "  task.race{}\n"
         "end)\n"
         "print(e.where, e.retryable, e.status, e.code)\n"
         "local t = task.spawn(task.race, {})\n" /* no line of the script is on the stack: where it was spawned */
         "ok, e = pcall(t.await, t) print(e.where)\n"
         "print(getmetatable(e), pcall(setmetatable, e, {}))",
       "s:4\tfalse\tnil\twrong_arguments\ns:7\nkalua.error\tfalse\tcannot change a protected metatable\n");
}

static void refuses_what_does_not_compile(void **state) {
  (void)state;
  world w;
  world_open(&w, 500);
  kl_script *s;
  kl_error e;
  kl_script_options o = {.source = "#!/usr/bin/env kalua\nlocal x = = 1", .name = "s"};
  assert_false(kl_script_start(w.host, &o, &s, &e));
  assert_string_equal(e.message, "s:2: unexpected symbol near '='");
  assert_null(s);
  o.source = "\x1bLua";
  assert_false(kl_script_start(w.host, &o, &s, &e));
  o = (kl_script_options){.path = "/nonexistent/x.lua"};
  assert_false(kl_script_start(w.host, &o, &s, &e));
  assert_string_equal(e.message, "cannot read the script /nonexistent/x.lua: No such file or directory");
  o.path = "/tmp";
  assert_false(kl_script_start(w.host, &o, &s, &e));
  assert_contains(e.message, "Is a directory");
  world_close(&w);
}

static void ends_a_task_that_runs_out_of_memory_and_goes_on(void **state) {
  (void)state;
  world w;
  world_open(&w, 500);
  kl_script_options o = {.source =
                             T "local t = task.spawn(function() local a = {} for i = 1, 1e9 do a[i] = { i } end end)\n"
                               "print(pcall(t.await, t))\n"
                               "print(pcall(string.rep, 'x', 1e9))\n"
                               "task.spawn(string.rep, 'x', 1e9) task.sleep(0.005) print 'on'",
                         .name = "s",
                         .memory_cap = 4 << 20};
  kl_script *s;
  kl_error e;
  assert_true(kl_script_start(w.host, &o, &s, &e));
  world_run(&w);
  assert_string_equal(world_out(&w), "false\tnot enough memory\nfalse\tnot enough memory\non\n");
  assert_contains(world_log(&w), "error in a task that nobody awaits: not enough memory");
  kl_script_stats stats;
  kl_script_stats_get(s, &stats);
  assert_true(stats.memory_peak <= (4 << 20) + (64 << 10));
  world_close(&w);
}

static void survives_errors_without_end(void **state) {
  (void)state;
  world w;
  kl_script *s = run_in(&w, T "local function f() return 1 + f() end\n"
                              "print(select(2, pcall(f)):match 'stack overflow')\n"
                              "local co co = coroutine.wrap(function() co() end) print((pcall(co)))\n"
                              "local function h() return coroutine.wrap(h)() end print((pcall(h)))\n"
                              "local t = task.spawn(f) print((pcall(t.await, t)))");
  if (w.failed) fail_msg("%s", kl_script_error(s));
  assert_string_equal(world_out(&w), "stack overflow\nfalse\nfalse\nfalse\n");
  world_close(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(logs_an_error_that_nobody_awaits_and_goes_on),
                                     cmocka_unit_test(survives_an_error_in_on_error),
                                     cmocka_unit_test(gives_the_error_of_the_main_chunk_to_the_host),
                                     cmocka_unit_test(names_the_cause_and_not_what_follows_from_it),
                                     cmocka_unit_test(tells_kind_and_message_of_error_tables),
                                     cmocka_unit_test(keeps_the_traceback_across_tasks),
                                     cmocka_unit_test(keeps_the_traceback_across_wrapped_coroutines),
                                     cmocka_unit_test(puts_the_place_of_the_script_into_an_error),
                                     cmocka_unit_test(refuses_what_does_not_compile),
                                     cmocka_unit_test(ends_a_task_that_runs_out_of_memory_and_goes_on),
                                     cmocka_unit_test(survives_errors_without_end)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
