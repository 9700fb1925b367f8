/* Strategies in the moments that seldom come: ends, pauses and requests in the midst of a reload. */
#include "strategy_bed.h"

/* Asks for a reload and does not wait for its outcome. */
static void ask(bed *b, const char *text) {
  kl_error e = {0};
  if (text) write_script(b, text);
  if (!kl_strategy_reload(b->g, reloaded, b, &e)) fail_msg("%s", e.message);
}

static void run_until_gone(bed *b) {
  for (int i = 0; i < 100000 && kl_strategy_script(b->g); i++)
    uv_run(&b->w.loop, UV_RUN_ONCE);
  assert_null(kl_strategy_script(b->g));
}

/* Its handlers may have seen "reload" already, for which a script leaves its orders where they are. */
static void a_stop_in_the_midst_of_a_swap_runs_all_handlers(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  start(&b,
        HEAD "kalua.on_stop(function(why) print('first', why) end)\n"
             "kalua.on_stop(function(why) print('second', why); task.sleep(0.1); print('slept', why) end)\n"
             "print 'one'\n" TICK,
        (kl_strategy_options){0});
  run_until(&b, &b.w.out, "one");
  ask(&b, HEAD "print 'two'\n" TICK);
  run_until(&b, &b.w.out, "second\treload");
  finish(&b);
  assert_contains(text_of(&b.outcomes), "stopping");
  assert_contains(text_of(&b.w.out), "first\texit\nsecond\texit\nslept\texit\n");
  assert_lacks(text_of(&b.w.out), "slept\treload");
  assert_lacks(text_of(&b.w.out), "two");
  close_bed(&b);
}

/* Else it would trade beside the new version. */
static void what_a_handler_started_rests_after_the_swap(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  start(&b,
        HEAD "kalua.on_stop(function()\n"
             "  task.spawn(function() while true do task.sleep(0.001); print 'old' end end)\n"
             "  task.sleep(0.01)\n"
             "end)\nprint 'one'\n" TICK,
        (kl_strategy_options){0});
  run_until(&b, &b.w.out, "one");
  assert_string_equal(reload(&b, HEAD "print 'two'\n" TICK), "ok\n");
  assert_contains(text_of(&b.w.out), "old");
  kl_buf_clear(&b.w.out);
  run_for(&b, 30);
  assert_lacks(text_of(&b.w.out), "old");
  finish(&b);
  close_bed(&b);
}

static void a_pause_is_no_time_of_the_probation(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  kl_error e = {0};
  start(&b, HEAD "while true do task.sleep(0.005); print 'one' end\n", (kl_strategy_options){.probation_ms = QUICK_MS});
  run_until(&b, &b.w.out, "one");
  assert_string_equal(reload(&b, HEAD "local again\n"
                                      "kalua.on_probation(function()\n"
                                      "  if again then print 'checked' end; again = true\n"
                                      "end)\n" TICK),
                      "ok\n");
  assert_true(kl_strategy_pause(b.g, true, &e));
  kl_buf_clear(&b.w.out);
  run_for(&b, 6 * QUICK_MS);
  assert_int_equal(status(&b).phase, KL_STRATEGY_PAUSED);
  assert_int_equal(status(&b).rolled_back, 0);
  assert_string_equal(text_of(&b.w.out), ""); /* neither version runs */
  assert_true(kl_strategy_pause(b.g, false, &e));
  assert_int_equal(status(&b).phase, KL_STRATEGY_PROBATION);
  run_until(&b, &b.w.out, "checked");
  finish(&b);
  close_bed(&b);
}

/* The version that runs has failed and its handlers run when the mended file is saved: they come to their end, what
 * they leave in the state is carried over, and there is nothing to return to. */
static void a_version_that_ends_is_let_end_before_the_swap(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  start(&b,
        HEAD "kalua.on_stop(function(why) print 'handler'; task.sleep(0.05); kalua.state.saved = why end)\n"
             "task.sleep(0.01)\nerror 'broken'\n",
        (kl_strategy_options){.probation_ms = 60000});
  run_until(&b, &b.w.out, "handler");
  assert_string_equal(reload(&b, HEAD "print('two', kalua.state.saved)\ntask.sleep(0.02)\nerror 'late'\n"), "ok\n");
  assert_contains(text_of(&b.w.out), "two\terror");
  assert_contains(world_log(&b.w), "broken");
  assert_int_equal(b.ended, 0);
  run_until_gone(&b);
  assert_lacks(text_of(&b.told), "rolled back");
  assert_int_equal(b.ended, 1);
  assert_int_equal(b.failed, 1);
  assert_contains(status(&b).last_error, "late");
  close_bed(&b);
}

static void a_strategy_that_has_just_ended_is_not_reloaded(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  start(&b, HEAD "print 'one'\n", (kl_strategy_options){0});
  ask(&b, NULL); /* its turn is behind that of the script, which ends in it */
  run_until(&b, &b.outcomes, "\n");
  assert_contains(text_of(&b.outcomes), "s does not run");
  assert_int_equal(status(&b).phase, KL_STRATEGY_ENDED);
  assert_string_equal(text_of(&b.w.out), "one\n");
  assert_int_equal(b.ended, 1);
  close_bed(&b);
}

/* Who asks while an earlier try still runs is told of the one that read the files as they were then. */
static void each_request_gets_the_outcome_of_its_own_files(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  start(&b, HEAD "print 'one'\n" TICK, (kl_strategy_options){0});
  run_until(&b, &b.w.out, "one");
  ask(&b, "error 'wrong'\n");
  do
    uv_run(&b.w.loop, UV_RUN_ONCE);
  while (status(&b).phase != KL_STRATEGY_RELOADING);
  ask(&b, HEAD "print 'two'\n" TICK);
  run_until(&b, &b.outcomes, "ok\n");
  assert_contains(text_of(&b.outcomes), "wrong\nok\n");
  finish(&b);
  close_bed(&b);
}

static const char never_starts[] = HEAD "while true do task.yield() end\n";

static void a_stop_while_only_a_start_runs_is_an_end(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  start(&b, HEAD "print 'one'\ntask.sleep(0.02)\n", (kl_strategy_options){0});
  run_until(&b, &b.w.out, "one");
  ask(&b, never_starts);
  run_until_gone(&b);
  assert_int_equal(status(&b).phase, KL_STRATEGY_RELOADING);
  assert_int_equal(b.ended, 0);
  finish(&b);
  assert_int_equal(b.ended, 1);
  assert_contains(text_of(&b.outcomes), "stopping");
  close_bed(&b);
}

/* It fails while a new version starts: that one takes its place, and where it does not, the source is started anew. */
static void a_restart_waits_for_the_start_that_runs(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  start(&b, HEAD "print 'one'\ntask.sleep(0.02)\nerror 'broken'\n",
        (kl_strategy_options){.on_failure = KL_FAILED_RESTART, .probation_ms = -1, .start_ms = 2000});
  run_until(&b, &b.w.out, "one");
  ask(&b, never_starts);
  run_until_gone(&b);
  assert_int_equal(status(&b).phase, KL_STRATEGY_RELOADING);
  assert_lacks(world_log(&b.w), "started again");
  run_until(&b, &b.outcomes, "its start has not ended");
  assert_int_equal(status(&b).phase, KL_STRATEGY_WAITING);
  assert_contains(world_log(&b.w), "started again in 1 s");
  finish(&b);
  assert_int_equal(b.ended, 1);
  close_bed(&b);
}

/* What goes wrong for long, as a key that is refused, goes into the log again and again. */
static void a_failure_and_the_next_try_are_one_line(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  start(&b, HEAD "task.sleep(0.001)\nerror('broken', 0)\n",
        (kl_strategy_options){.on_failure = KL_FAILED_RESTART, .probation_ms = -1, .start_ms = 200});
  while (status(&b).phase != KL_STRATEGY_WAITING)
    uv_run(&b.w.loop, UV_RUN_ONCE);
  const char *log = world_log(&b.w), *line = strstr(log, "broken; it is started again in 1 s\n");
  assert_non_null(line);
  assert_ptr_equal(strstr(log, "broken"), line);
  assert_int_equal(strlen(line), strlen("broken; it is started again in 1 s\n"));
  finish(&b);
  close_bed(&b);
}

static void a_pause_does_not_outlive_its_version(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  kl_error e = {0};
  start(&b, HEAD "kalua.on_stop(function() print 'bye'; task.sleep(0.1) end)\n", (kl_strategy_options){0});
  run_until(&b, &b.w.out, "bye");
  assert_true(kl_strategy_pause(b.g, true, &e));
  run_until_gone(&b);
  write_script(&b, HEAD "while true do task.sleep(0.005); print 'again' end\n");
  assert_true(kl_strategy_start_again(b.g, &e));
  assert_int_equal(status(&b).phase, KL_STRATEGY_RUNNING);
  run_until(&b, &b.w.out, "again");
  finish(&b);
  close_bed(&b);
}

/* A file that is saved while the strategy waits for its restart is tried at once, and what is wrong with it is said. */
static void a_broken_file_is_told_of_between_two_starts(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  kl_error e = {0};
  start(&b, HEAD "error 'broken'\n", (kl_strategy_options){.on_failure = KL_FAILED_RESTART, .probation_ms = -1});
  run_until_gone(&b);
  write_script(&b, "this is = no Lua\n");
  assert_true(kl_strategy_reload(b.g, NULL, NULL, &e));
  run_until(&b, &b.told, "not started again: ");
  assert_contains(text_of(&b.told), "syntax error near 'is'");
  assert_string_equal(reload(&b, HEAD "print 'mended'\n" TICK), "ok\n");
  assert_contains(text_of(&b.told), "started again, generation 2");
  run_until(&b, &b.w.out, "mended");
  finish(&b);
  close_bed(&b);
}

/* The last of the handlers hangs and no pass wakes the watchdog's helper meanwhile; then the second build never comes
 * to an end of its own. */
static void a_second_start_out_of_a_timer_is_watched(void **state) {
  (void)state;
  bed b;
  open_bed_with(&b, 900);
  start(&b,
        HEAD "kalua.on_stop(function() print 'hangs'; kalua.state.hung = true; task.sleep(9) end)\nprint 'one'\n"
             "task.sleep(99)\n",
        (kl_strategy_options){.script = {.cpu_ms = 100}});
  run_until(&b, &b.w.out, "one");
  assert_contains(reload(&b, HEAD "while kalua.state.hung do end\n" TICK), "ran for more than 100 ms");
  finish(&b);
  close_bed(&b);
}

/* Members of a version: what they are told, and in which order. */
typedef struct {
  kl_member member; /* first */
  kl_script *script;
} watcher;

static void note(const watcher *w, const char *what) {
  world *at = kl_script_data(w->script);
  kl_script_stats stats;
  kl_script_stats_get(w->script, &stats);
  kl_buf_printf(&at->out, "%d %s\n", stats.generation, what);
}

static void watcher_live(kl_member *m) { note((watcher *)m, "live"); }

static void watcher_close(kl_member *m) {
  note((watcher *)m, "closed");
  free(m);
}

static int l_watch(lua_State *L) {
  watcher *w = calloc(1, sizeof *w);
  assert_non_null(w);
  w->script = kl_script_of(L);
  w->member.live = watcher_live;
  w->member.close = watcher_close;
  kl_list_init(&w->member.link);
  kl_script_adopt(w->script, &w->member);
  return 0;
}

static int open_watch(lua_State *L) {
  lua_pushcfunction(L, l_watch);
  return 1;
}

/* A subscription of the version that comes back takes over what that of the other has not handed out. */
static void who_comes_back_finds_what_the_other_left(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  world_modules_add("watch", open_watch);
  start(&b, HEAD "require 'watch' ()\nprint 'one'\n" TICK, (kl_strategy_options){0});
  run_until(&b, &b.w.out, "one");
  assert_string_equal(reload(&b, HEAD "require 'watch' ()\ntask.sleep(0.01); error 'late'\n"), "ok\n");
  run_until(&b, &b.told, "rolled back");
  run_until(&b, &b.w.out, "2 closed");
  assert_contains(text_of(&b.w.out), "2 live\n1 live\n2 closed\n");
  finish(&b);
  close_bed(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_stop_in_the_midst_of_a_swap_runs_all_handlers),
                                     cmocka_unit_test(what_a_handler_started_rests_after_the_swap),
                                     cmocka_unit_test(a_pause_is_no_time_of_the_probation),
                                     cmocka_unit_test(a_version_that_ends_is_let_end_before_the_swap),
                                     cmocka_unit_test(a_strategy_that_has_just_ended_is_not_reloaded),
                                     cmocka_unit_test(each_request_gets_the_outcome_of_its_own_files),
                                     cmocka_unit_test(a_stop_while_only_a_start_runs_is_an_end),
                                     cmocka_unit_test(a_restart_waits_for_the_start_that_runs),
                                     cmocka_unit_test(a_failure_and_the_next_try_are_one_line),
                                     cmocka_unit_test(a_pause_does_not_outlive_its_version),
                                     cmocka_unit_test(a_broken_file_is_told_of_between_two_starts),
                                     cmocka_unit_test(a_second_start_out_of_a_timer_is_watched),
                                     cmocka_unit_test(who_comes_back_finds_what_the_other_left)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
