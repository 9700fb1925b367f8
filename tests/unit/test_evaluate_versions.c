/* Inputs of a prompt and the versions of a strategy: neither is in the way of the other. */
#include "strategy_bed.h"

#include "prompt_bed.h"
#include "script/strategy.h"

/* A prompt that follows the versions. */
typedef struct {
  kl_strategy_observer observer;
  kl_evaluator *v; /* NULL: none in the version that runs yet */
  int versions, ends;
  told t;
} follower;

static void changed(kl_strategy_observer *o, kl_strategy *g, kl_script *s) {
  follower *f = KL_CONTAINER(o, follower, observer);
  assert_ptr_equal(kl_strategy_script(g), s);
  f->versions += s != NULL;
  f->ends += s == NULL;
  kl_evaluator_free(f->v, s ? "another version" : "no version");
  f->v = NULL;
}

static void follow(bed *b, follower *f) {
  *f = (follower){.observer.changed = changed};
  kl_list_init(&f->observer.link);
  kl_strategy_observe(b->g, &f->observer);
}

static void leave(follower *f) {
  kl_strategy_unobserve(&f->observer);
  kl_evaluator_free(f->v, "the prompt has gone");
  f->v = NULL;
  told_clear(&f->t);
}

static kl_evaluator *prompt_in(bed *b, follower *f) {
  kl_error e = {0};
  if (!f->v) f->v = kl_evaluator_new(kl_strategy_script(b->g), &e);
  if (!f->v) fail_msg("%s", e.message);
  return f->v;
}

static const char *typed(bed *b, follower *f, const char *source) {
  return input(&b->w, prompt_in(b, f), &f->t, source, true);
}

static void another_version_ends_what_is_evaluated(void **state) {
  (void)state;
  bed b;
  follower f;
  open_bed(&b);
  start(&b, HEAD "print 'one'\n" TICK, (kl_strategy_options){0});
  run_until(&b, &b.w.out, "one");
  follow(&b, &f);
  typed(&b, &f, "local x = 1");
  type_in(prompt_in(&b, &f), &f.t, "while true do pcall(task.sleep, 60) end", true);
  run_for(&b, 20);
  assert_string_equal(reload(&b, HEAD "print 'two'\n" TICK), "ok\n");
  assert_int_equal(f.t.ends, 1);
  assert_string_equal(outcome_of(&f.t), "cancelled: another version");
  assert_int_equal(f.versions, 1);
  assert_string_equal(typed(&b, &f, "kalua.generation, x"), "value: 2, nil");
  finish(&b);
  assert_int_equal(f.ends, 1);
  leave(&f);
  assert_lacks(world_log(&b.w), "error");
  close_bed(&b);
}

/* Neither an error of an input nor its ending undoes a reload; an error of the version itself still does. */
static void errors_of_inputs_undo_no_reload(void **state) {
  (void)state;
  bed b;
  follower f;
  open_bed(&b);
  start(&b, HEAD "print 'one'\n" TICK, (kl_strategy_options){.probation_ms = 60000});
  run_until(&b, &b.w.out, "one");
  follow(&b, &f);
  assert_string_equal(reload(&b, HEAD "print 'two'\n" TICK), "ok\n");
  assert_string_equal(typed(&b, &f, "error('mine', 0)"), "error: mine");
  typed_ms = SHORT_MS;
  assert_contains(typed(&b, &f, "while true do end"), "ran for more than");
  typed_ms = PATIENT_MS;
  assert_contains(typed(&b, &f, "('x'):rep(1e12)"), "error");
  run_for(&b, 20);
  assert_int_equal(status(&b).phase, KL_STRATEGY_PROBATION);
  assert_int_equal(status(&b).script.errors, 0);
  /* What an input starts is the script's. */
  assert_string_equal(typed(&b, &f, "local t = task.spawn(function() error('of a task') end)"), "value");
  run_until(&b, &b.told, "rolled back: ");
  assert_contains(text_of(&b.told), "of a task");
  assert_int_equal(f.versions, 2);
  assert_string_equal(typed(&b, &f, "kalua.generation"), "value: 1");
  finish(&b);
  leave(&f);
  close_bed(&b);
}

static void a_paused_script_can_be_looked_at(void **state) {
  (void)state;
  bed b;
  follower f;
  kl_error e = {0};
  open_bed(&b);
  start(&b, HEAD "n = 0\nwhile true do task.sleep(0.002); n = n + 1; print('n', n) end\n", (kl_strategy_options){0});
  run_until(&b, &b.w.out, "n\t2");
  follow(&b, &f);
  type_in(prompt_in(&b, &f), &f.t, "task.sleep(0.03); return 'slept'", true); /* goes on in the pause */
  uv_run(&b.w.loop, UV_RUN_NOWAIT);
  assert_true(kl_strategy_pause(b.g, true, &e));
  run_to_end(&b.w, &f.t);
  assert_string_equal(outcome_of(&f.t), "value: slept");
  typed(&b, &f, "n");
  char *before = strdup(f.t.shown.data);
  assert_string_equal(typed(&b, &f, "task.spawn(function() spawned = n end); task.sleep(0.03); return spawned"),
                      "value: nil"); /* what it starts rests as the script does */
  typed(&b, &f, "n");
  assert_string_equal(f.t.shown.data, before);
  free(before);
  kl_evaluation *x = type_in(prompt_in(&b, &f), &f.t, "task.sleep(60)", true);
  uv_run(&b.w.loop, UV_RUN_NOWAIT);
  kl_evaluation_cancel(x, "interrupted");
  run_to_end(&b.w, &f.t);
  assert_string_equal(outcome_of(&f.t), "cancelled: interrupted");
  assert_true(kl_strategy_pause(b.g, false, &e));
  assert_string_equal(typed(&b, &f, "task.sleep(0.05); return spawned ~= nil"), "value: true");
  finish(&b);
  leave(&f);
  close_bed(&b);
}

/* It opens the module for a script that had not done so. */
static void a_look_at_the_state_does_not_lose_it(void **state) {
  (void)state;
  bed b;
  follower f;
  open_bed(&b);
  start(&b, HEAD "kalua.state.kept = 7\nprint 'one'\n" TICK, (kl_strategy_options){0});
  run_until(&b, &b.w.out, "one");
  follow(&b, &f);
  assert_string_equal(reload(&b, "local task = require 'task'\nprint 'two'\n" TICK), "ok\n");
  run_until(&b, &b.w.out, "two");
  assert_string_equal(typed(&b, &f, "kalua.state.kept"), "value: 7");
  assert_string_equal(reload(&b, HEAD "print('three', kalua.state.kept)\n" TICK), "ok\n");
  run_until(&b, &b.w.out, "three\t7");
  finish(&b);
  leave(&f);
  close_bed(&b);
}

static void a_late_require_of_kalua_finds_the_state(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  start(&b, HEAD "kalua.state.kept = 7\nprint 'one'\n" TICK, (kl_strategy_options){0});
  run_until(&b, &b.w.out, "one");
  assert_string_equal(reload(&b, "local task = require 'task'\ntask.sleep(0.03)\n"
                                 "print('late', require('kalua').state.kept)\n" TICK),
                      "ok\n");
  run_until(&b, &b.w.out, "late\t7");
  finish(&b);
  close_bed(&b);
}

/* Inputs while the handlers of a swap run, or the second build does, see no state in between. */
static void reloads_and_inputs_at_once(void **state) {
  (void)state;
  bed b;
  follower f;
  open_bed(&b);
  static const char text[] =
      HEAD "kalua.on_stop(function() task.sleep(0.005); kalua.state.n = (kalua.state.n or 0) + 1 "
           "end)\nprint('version', kalua.generation)\n" TICK;
  start(&b, text, (kl_strategy_options){.probation_ms = 200});
  run_until(&b, &b.w.out, "version\t1");
  follow(&b, &f);
  for (int i = 1; i <= 10; i++) {
    kl_error e = {0};
    kl_buf_clear(&b.outcomes);
    write_script(&b, text);
    assert_true(kl_strategy_reload(b.g, reloaded, &b, &e));
    int inputs = 0;
    while (b.outcomes.len == 0) {
      type_in(prompt_in(&b, &f), &f.t, "task.sleep(0.001); return kalua.generation", true);
      while (f.t.ends == 0)
        uv_run(&b.w.loop, UV_RUN_ONCE);
      assert_int_equal(f.t.ends, 1);
      inputs++;
      char number[16];
      snprintf(number, sizeof number, "%d", i);
      if (f.t.end.status == KL_EVALUATION_VALUE) assert_string_equal(f.t.shown.data, number);
    }
    assert_string_equal(text_of(&b.outcomes), "ok\n");
    assert_true(inputs > 0);
  }
  assert_string_equal(typed(&b, &f, "kalua.generation, kalua.state.n"), "value: 11, 10");
  finish(&b);
  leave(&f);
  assert_lacks(world_log(&b.w), "error");
  close_bed(&b);
}

/* The last of its errors is told to who looks at it, and it can be asked again once it runs again. */
static void a_script_that_fails_is_told(void **state) {
  (void)state;
  bed b;
  follower f;
  open_bed(&b);
  start(&b, HEAD "print 'up'\ntask.sleep(0.05)\nerror('over')\n",
        (kl_strategy_options){.on_failure = KL_FAILED_RESTART});
  run_until(&b, &b.w.out, "up");
  follow(&b, &f);
  type_in(prompt_in(&b, &f), &f.t, "task.sleep(60)", true);
  while (f.ends == 0)
    uv_run(&b.w.loop, UV_RUN_ONCE);
  assert_int_equal(f.t.end.status, KL_EVALUATION_CANCELLED);
  assert_int_equal(status(&b).phase, KL_STRATEGY_WAITING);
  while (f.versions == 0)
    uv_run(&b.w.loop, UV_RUN_ONCE);
  assert_string_equal(typed(&b, &f, "kalua.generation"), "value: 2");
  finish(&b);
  leave(&f);
  close_bed(&b);
}

/* The host closes under it. */
static void a_prompt_outlives_its_strategy(void **state) {
  (void)state;
  bed b;
  follower f;
  open_bed(&b);
  start(&b, HEAD "print 'one'\n" TICK, (kl_strategy_options){0});
  run_until(&b, &b.w.out, "one");
  follow(&b, &f);
  typed(&b, &f, "1");
  type_in(prompt_in(&b, &f), &f.t, "task.sleep(60)", true);
  uv_run(&b.w.loop, UV_RUN_NOWAIT);
  finish(&b);
  assert_int_equal(f.t.ends, 1);
  kl_host_close(b.w.host);
  leave(&f);
  uv_run(&b.w.loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&b.w.loop), 0);
  kl_expectations_free(b.w.environment.expectations);
  kl_bus_free(b.w.environment.bus);
  kl_buf_free(&b.w.out);
  kl_buf_free(&b.w.log);
  kl_buf_free(&b.told);
  kl_buf_free(&b.outcomes);
  kl_log_close();
  unlink(b.path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(another_version_ends_what_is_evaluated),
      cmocka_unit_test(errors_of_inputs_undo_no_reload),
      cmocka_unit_test(a_paused_script_can_be_looked_at),
      cmocka_unit_test(a_look_at_the_state_does_not_lose_it),
      cmocka_unit_test(a_late_require_of_kalua_finds_the_state),
      cmocka_unit_test(reloads_and_inputs_at_once),
      cmocka_unit_test(a_script_that_fails_is_told),
      cmocka_unit_test(a_prompt_outlives_its_strategy),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
