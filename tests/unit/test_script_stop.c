/* How scripts end: of their own accord, stopped, at once, broken by the watchdog. */
#include <signal.h>

#include "script_world.h"

#define T "local task, kalua = require 'task', require 'kalua'\n"

static double seconds(void) { return (double)kl_mono_ns(kl_clock_real()) / 1e9; }

typedef struct {
  kl_script *s;
  bool now;
  uv_timer_t timer;
} stopper;

static void stop_now(uv_timer_t *t) {
  stopper *st = t->data;
  kl_script_stop(st->s, KL_STOP_EXIT, st->now);
  uv_close((uv_handle_t *)t, NULL);
}

/* Stops s, which has begun, and each task that it spawned, after so many milliseconds. */
static void stop_in(world *w, stopper *st, kl_script *s, unsigned ms, bool now) {
  for (int passes = 0; passes < 4; passes++)
    uv_run(&w->loop, UV_RUN_NOWAIT);
  *st = (stopper){.s = s, .now = now};
  uv_timer_init(&w->loop, &st->timer);
  st->timer.data = st;
  uv_update_time(&w->loop);
  uv_timer_start(&st->timer, stop_now, ms, 0);
}

static void runs_on_stop_at_every_end(void **state) {
  (void)state;
  runs(T "kalua.on_stop(function(why) print(1, why) task.sleep(0.002) print '1b' end)\n"
         "kalua.on_stop(function(why) print(2, why) task.all{ function() task.sleep(0.002) print '2b' end } end)\n"
         "print 'main'",
       "main\n1\texit\n1b\n2\texit\n2b\n");
}

static void lets_the_script_run_on_while_on_stop_runs(void **state) {
  (void)state;
  world w;
  stopper st;
  world_open(&w, 60000);
  kl_script *s =
      world_start(&w, T "local busy = false\n"
                        "kalua.on_stop(function() while busy do task.sleep(0.001) end print 'idle' end)\n"
                        "task.spawn(function() busy = true task.sleep(0.02) busy = false task.sleep(60) end)\n"
                        "task.sleep(60)");
  stop_in(&w, &st, s, 5, false);
  double start = seconds();
  world_run(&w);
  assert_true(seconds() - start < 30);
  assert_string_equal(world_out(&w), "idle\n");
  assert_int_equal(w.failed, 0);
  assert_string_equal(world_log(&w), "");
  world_close(&w);
}

static void cancels_everything_and_waits_for_it(void **state) {
  (void)state;
  world w;
  stopper st;
  world_open(&w, 60000);
  kl_script *s =
      world_start(&w, T "local function f(name) return function()\n"
                        "  local g <close> = setmetatable({}, { __close = function(_, e) print(name, e) end })\n"
                        "  task.sleep(60) end end\n"
                        "task.every(60, print) task.spawn(f 'a')\n"
                        "task.spawn(function() task.all{ f 'b' } end)\n"
                        "task.channel():recv()");
  stop_in(&w, &st, s, 5, false);
  double start = seconds();
  world_run(&w);
  assert_true(seconds() - start < 30);
  assert_string_equal(world_out(&w), "a\tcancelled: the script is stopping\nb\tcancelled: the script is stopping\n");
  assert_int_equal(w.failed, 0);
  assert_string_equal(world_log(&w), "");
  world_close(&w);
}

static void fails_the_script_when_on_stop_fails_and_runs_the_next_one(void **state) {
  (void)state;
  world w;
  world_open(&w, 1000);
  kl_script *s = world_start(&w, T "kalua.on_stop(function() error('not cancelled', 0) end)\n"
                                   "kalua.on_stop(function() print 'next' end)");
  world_run(&w);
  assert_string_equal(world_out(&w), "next\n");
  assert_int_equal(w.failed, 1);
  assert_string_equal(kl_script_error(s), "not cancelled");
  world_close(&w);
}

static void gives_each_on_stop_handler_its_share_of_the_time(void **state) {
  (void)state;
  world w;
  world_open(&w, 2000);
  world_start(&w, T "kalua.on_stop(function() task.sleep(60) end) kalua.on_stop(function() print 'second' end)");
  double start = seconds();
  world_run(&w);
  assert_true(seconds() - start < 30);
  assert_string_equal(world_out(&w), "second\n");
  assert_contains(world_log(&w), "on_stop handler 1 did not end in time and was cancelled");
  world_close(&w);
}

static void skips_the_grace_when_stopped_at_once(void **state) {
  (void)state;
  world w;
  stopper st, again;
  world_open(&w, 60000);
  kl_script *s = world_start(&w, T "kalua.on_stop(function() task.sleep(60) end)\n"
                                   "local g <close> = setmetatable({}, { __close = function() print 'closed' end })\n"
                                   "task.sleep(60)");
  stop_in(&w, &st, s, 5, false);
  stop_in(&w, &again, s, 15, true);
  double start = seconds();
  world_run(&w);
  assert_true(seconds() - start < 30);
  assert_string_equal(world_out(&w), "closed\n");
  kl_script_stop(s, KL_STOP_EXIT, true); /* of an ended one: nothing */
  assert_contains(world_log(&w), "the main chunk did not end in time and was cut off");
  assert_contains(world_log(&w), "stack traceback");
  world_close(&w);
}

/* Whoever stops it at once knows that: no task of it was slow. */
static void blames_no_task_that_was_given_no_time(void **state) {
  (void)state;
  world w;
  stopper st;
  world_open(&w, 60000);
  kl_script *s = world_start(&w, T "local g <close> = setmetatable({}, { __close = function() print 'closed' end })\n"
                                   "task.spawn(function() while true do pcall(task.sleep, 0.001) end end)\n"
                                   "task.spawn(function() while true do task.yield() pcall(error) end end)\n"
                                   "while true do task.sleep(60) end");
  stop_in(&w, &st, s, 15, true);
  world_run(&w);
  assert_string_equal(world_out(&w), "closed\n");
  assert_lacks(world_log(&w), "error");
  kl_script_stats stats;
  kl_script_stats_get(s, &stats);
  assert_int_equal(stats.errors, 0);
  world_close(&w);
}

static void says_nothing_of_a_script_that_never_ran(void **state) {
  (void)state;
  world w;
  world_open(&w, 500);
  kl_script *s = world_start(&w, T "kalua.on_stop(print) print 'ran'");
  kl_script_stop(s, KL_STOP_EXIT, true);
  world_run(&w);
  assert_lacks(world_log(&w), "error");
  world_close(&w);
}

static void refuses_to_start_tasks_once_all_are_cancelled(void **state) {
  (void)state;
  world w;
  stopper st;
  world_open(&w, 60000);
  kl_script *s = world_start(&w, T "pcall(task.sleep, 60) print(pcall(task.spawn, print))");
  stop_in(&w, &st, s, 5, false);
  world_run(&w);
  assert_string_equal(world_out(&w), "false\tclosed: the script is stopping, it cannot start tasks any more\n");
  world_close(&w);
}

/* ---- members ---- */

static int closed_order[3], closed_count;
typedef struct {
  kl_member member;
  int id;
} thing;
static void close_thing(kl_member *m) { closed_order[closed_count++] = ((thing *)m)->id; }

static void closes_what_a_script_owns_last_first(void **state) {
  (void)state;
  world w;
  world_open(&w, 500);
  kl_script *s = world_start(&w, "");
  thing things[3] = {{.id = 1}, {.id = 2}, {.id = 3}};
  for (int i = 0; i < 3; i++) {
    things[i].member.close = close_thing;
    kl_script_adopt(s, &things[i].member);
  }
  kl_script_disown(&things[1].member);
  closed_count = 0;
  world_run(&w);
  assert_int_equal(closed_count, 2);
  assert_int_equal(closed_order[0], 3);
  assert_int_equal(closed_order[1], 1);
  world_close(&w);
}

static void runs_several_scripts_side_by_side(void **state) {
  (void)state;
  world w;
  world_open(&w, 500);
  for (int i = 0; i < 20; i++)
    world_start(&w, T "x = (x or 0) + 1 for i = 1, 10 do task.sleep(0.001) end print(x)");
  kl_script *bad = world_start(&w, "error 'alone'");
  assert_int_equal(kl_host_running(w.host), 21);
  world_run(&w);
  assert_int_equal(w.ended, 21);
  assert_int_equal(w.failed, 1);
  assert_non_null(kl_script_error(bad));
  assert_int_equal(strlen(world_out(&w)), 40);
  world_close(&w);
}

static void closes_a_host_whose_scripts_still_run(void **state) {
  (void)state;
  world w;
  world_open(&w, 500);
  world_start(&w, T "task.sleep(60)");
  world_start(&w,
              T "task.all{ function() task.timeout(60, task.sleep, 60) end, function() task.channel():recv() end }");
  for (int i = 0; i < 5; i++)
    uv_run(&w.loop, UV_RUN_NOWAIT);
  kl_host_close(w.host);
  uv_run(&w.loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&w.loop), 0);
  kl_expectations_free(w.environment.expectations);
  kl_buf_free(&w.out);
  kl_log_close();
  unlink(w.log_path);
}

/* ---- the watchdog ---- */

/* ThreadSanitizer holds signals back until a system call, which an endless loop does not make. */
#if defined(__SANITIZE_THREAD__)
#define NEEDS_SIGNALS() skip()
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define NEEDS_SIGNALS() skip()
#endif
#endif
#ifndef NEEDS_SIGNALS
#define NEEDS_SIGNALS() ((void)0)
#endif

static kl_script *start_limited(world *w, const char *source, int cpu_ms) {
  kl_script_options o = {.source = source, .name = "s", .cpu_ms = cpu_ms};
  kl_script *s;
  kl_error e;
  if (!kl_script_start(w->host, &o, &s, &e)) fail_msg("%s", e.message);
  return s;
}

static void breaks(const char *source, const char *error) {
  world w;
  world_open(&w, 200);
  double start = seconds();
  kl_script *s = start_limited(&w, source, 60);
  world_run(&w);
  assert_true(seconds() - start < 60);
  assert_int_equal(w.failed, 1);
  char shown[256];
  snprintf(shown, sizeof shown, "%s (kalua explain cpu_ceiling)", error);
  assert_string_equal(kl_script_error(s), shown);
  world_close(&w);
}

#define TOO_LONG "ran for more than 60 ms without waiting; call task.yield in long loops, or raise --cpu-ms"

static void breaks_an_endless_loop_and_names_its_place(void **state) {
  (void)state;
  NEEDS_SIGNALS();
  breaks("local x = 0\nwhile true do\n  x = x + 1 end", "s:3: " TOO_LONG);
}

static void breaks_a_loop_that_catches_errors(void **state) {
  (void)state;
  NEEDS_SIGNALS();
  breaks("\nwhile true do pcall(function() while true do end end) end", "s:2: " TOO_LONG);
  breaks("\nlocal function f() pcall(f) f() end f()", "s:2: " TOO_LONG);
  breaks("local function loop() while true do end end\n\nwhile true do xpcall(loop, loop) end", "s:1: " TOO_LONG);
  breaks("local function g()\nlocal ok, e = xpcall(g, g) error(e) end pcall(g)", "s:2: " TOO_LONG);
  breaks("local function less() while true do pcall(less) end end\nwhile true do pcall(table.sort, { 1, 2 }, less) end",
         "s:1: " TOO_LONG);
}

static void breaks_a_loop_inside_coroutines(void **state) {
  (void)state;
  NEEDS_SIGNALS();
  breaks("local co = coroutine.wrap(function() while true do coroutine.yield() end end) while true do co() end",
         "s:1: " TOO_LONG); /* in either loop */
  breaks("local co = coroutine.create(function() while true do end end)\n"
         "while true do\n coroutine.resume(co) end",
         "s:1: " TOO_LONG);
  breaks("local endless = { __close = function() while true do end end }\n"
         "local co = coroutine.wrap(function() local c <close> = setmetatable({}, endless)\n"
         "  while true do end end)\n"
         "while true do pcall(co) end",
         "s:3: " TOO_LONG);
}

static void breaks_loops_in_closing_variables_and_in_tostring(void **state) {
  (void)state;
  NEEDS_SIGNALS();
  world w;
  world_open(&w, 200);
  double start = seconds();
  kl_script *s = start_limited(
      &w, "local c <close> = setmetatable({}, { __close = function() while true do end end }) error 'x'", 60);
  world_run(&w);
  assert_int_equal(w.failed, 1);
  s = start_limited(
      &w, "local c <close> = setmetatable({}, { __close = function() print 'closed' end }) while true do end", 60);
  world_run(&w);
  assert_int_equal(w.failed, 2);
  assert_string_equal(world_out(&w), "closed\n");
  s = start_limited(&w, "error(setmetatable({}, { __tostring = function() while true do end end }))", 60);
  world_run(&w);
  assert_int_equal(w.failed, 3);
  assert_non_null(kl_script_error(s));
  assert_true(seconds() - start < 60);
  world_close(&w);
}

static void leaves_other_tasks_alone(void **state) {
  (void)state;
  NEEDS_SIGNALS();
  world w;
  world_open(&w, 200);
  kl_script *s =
      start_limited(&w,
                    "local task = require 'task'\n"
                    "local t = task.spawn(function() while true do end end)\n"
                    "print(pcall(t.await, t))\n"
                    "local n = 0 for i = 1, 1e5 do n = n + i end print(n)\n"
                    "for i = 1, 20 do local x = 0 for k = 1, 1e5 do x = x + k end task.sleep(0.001) end print 'fine'",
                    60);
  world_run(&w);
  if (w.failed) fail_msg("%s", kl_script_error(s));
  assert_string_equal(world_out(&w), "false\ts:2: " TOO_LONG "\n5000050000\nfine\n");
  world_close(&w);
}

static kl_host *to_interrupt;
static void on_alarm(int signum) {
  (void)signum;
  kl_host_interrupt(to_interrupt);
}

static void breaks_a_cancelled_task_that_spins(void **state) {
  (void)state;
  NEEDS_SIGNALS();
  world w;
  stopper st;
  world_open(&w, 60000);
  kl_script *s = start_limited(&w,
                               T "task.spawn(function()\n"
                                 "  local g <close> = setmetatable({}, { __close = function() print 'closed' end })\n"
                                 "  while true do pcall(coroutine.yield) end\n"
                                 "end)\n"
                                 "task.sleep(60)",
                               60);
  stop_in(&w, &st, s, 5, false);
  double start = seconds();
  world_run(&w);
  assert_true(seconds() - start < 30);
  assert_string_equal(world_out(&w), "closed\n");
  assert_contains(world_log(&w), "s:4: " TOO_LONG);
  assert_int_equal(w.failed, 0);
  world_close(&w);
}

static void breaks_what_runs_at_an_interrupt(void **state) {
  (void)state;
  NEEDS_SIGNALS();
  world w;
  world_open(&w, 200);
  kl_host_interrupt(w.host); /* nothing runs: nothing happens */
  kl_script *s =
      start_limited(&w, "local task = require 'task' task.sleep(0.005) print 'loop'\nwhile true do end", 60000);
  to_interrupt = w.host;
  signal(SIGALRM, on_alarm);
  ualarm(60000, 60000); /* again and again: on a busy machine it may not be there yet */
  double start = seconds();
  world_run(&w);
  ualarm(0, 0);
  assert_true(seconds() - start < 30);
  assert_string_equal(world_out(&w), "loop\n");
  assert_string_equal(kl_script_error(s), "s:2: interrupted");
  world_close(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(runs_on_stop_at_every_end),
                                     cmocka_unit_test(lets_the_script_run_on_while_on_stop_runs),
                                     cmocka_unit_test(cancels_everything_and_waits_for_it),
                                     cmocka_unit_test(fails_the_script_when_on_stop_fails_and_runs_the_next_one),
                                     cmocka_unit_test(gives_each_on_stop_handler_its_share_of_the_time),
                                     cmocka_unit_test(skips_the_grace_when_stopped_at_once),
                                     cmocka_unit_test(blames_no_task_that_was_given_no_time),
                                     cmocka_unit_test(says_nothing_of_a_script_that_never_ran),
                                     cmocka_unit_test(refuses_to_start_tasks_once_all_are_cancelled),
                                     cmocka_unit_test(closes_what_a_script_owns_last_first),
                                     cmocka_unit_test(runs_several_scripts_side_by_side),
                                     cmocka_unit_test(closes_a_host_whose_scripts_still_run),
                                     cmocka_unit_test(breaks_an_endless_loop_and_names_its_place),
                                     cmocka_unit_test(breaks_a_loop_that_catches_errors),
                                     cmocka_unit_test(breaks_a_loop_inside_coroutines),
                                     cmocka_unit_test(breaks_loops_in_closing_variables_and_in_tostring),
                                     cmocka_unit_test(leaves_other_tasks_alone),
                                     cmocka_unit_test(breaks_a_cancelled_task_that_spins),
                                     cmocka_unit_test(breaks_what_runs_at_an_interrupt)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
