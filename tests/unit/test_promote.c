/* A strategy goes on with another file: kl_strategy_promote, and shadows as strategies. */
#include "script_world.h"

#include "script/strategy.h"

typedef struct {
  world w;
  kl_strategy *g;
  char old[64], young[64];
  kl_buf told, outcomes; /* a line each */
} bed;

static void announced(void *data, kl_strategy *g, bool bad, const char *text, const char *traceback) {
  bed *b = data; /* the world is its first member */
  (void)g;
  (void)bad;
  (void)traceback;
  kl_buf_str(&b->told, text);
  kl_buf_char(&b->told, '\n');
}

static void done(void *data, kl_strategy *g, const kl_error *e) {
  bed *b = data;
  (void)g;
  kl_buf_str(&b->outcomes, e ? e->message : "ok");
  kl_buf_char(&b->outcomes, '\n');
}

static const char *text_of(const kl_buf *buf) { return buf->data ? buf->data : ""; }

static void write_file(const char *path, const char *text) {
  FILE *f = fopen(path, "we");
  assert_non_null(f);
  fputs(text, f);
  fclose(f);
}

static void open_bed(bed *b) {
  memset(b, 0, sizeof *b);
  world_open_with(&b->w, 200, NULL, announced);
  snprintf(b->old, sizeof b->old, "/tmp/kalua-promote-old-%d.lua", (int)getpid());
  snprintf(b->young, sizeof b->young, "/tmp/kalua-promote-new-%d.lua", (int)getpid());
}

static kl_strategy *start(bed *b, const char *path, const char *name, kl_strategy_options o) {
  kl_error e = {0};
  kl_strategy *g = NULL;
  o.script.path = path;
  o.script.name = name;
  o.script.env = "sim";
  o.script.cpu_ms = 60000; /* sanitizers are slow */
  if (!kl_strategy_start(b->w.host, &o, &g, &e)) fail_msg("%s", e.message);
  return g;
}

static void run_until(bed *b, const kl_buf *buf, const char *text) {
  for (int i = 0; i < 100000 && !strstr(text_of(buf), text); i++)
    uv_run(&b->w.loop, UV_RUN_ONCE);
  if (!strstr(text_of(buf), text)) fail_msg("\"%s\" never came, only: %s", text, text_of(buf));
}

static kl_strategy_status status(const kl_strategy *g) {
  kl_strategy_status st;
  kl_strategy_status_get(g, &st);
  return st;
}

static void stop(bed *b, kl_strategy *g) {
  kl_strategy_stop(g, KL_STOP_EXIT, false);
  while (status(g).phase != KL_STRATEGY_ENDED)
    uv_run(&b->w.loop, UV_RUN_ONCE);
}

static void close_bed(bed *b) {
  world_close(&b->w);
  kl_buf_free(&b->told);
  kl_buf_free(&b->outcomes);
  unlink(b->old);
  unlink(b->young);
}

static const char *promote(bed *b) {
  kl_error e = {0};
  kl_buf_clear(&b->outcomes);
  if (!kl_strategy_promote(b->g, b->young, done, b, &e)) fail_msg("%s", e.message);
  run_until(b, &b->outcomes, "\n");
  return text_of(&b->outcomes);
}

#define HEAD "local kalua, task = require 'kalua', require 'task'\nlocal s = kalua.state\n"
#define TICK "while true do task.sleep(0.005) end\n"
#define OLD HEAD "s.n = (s.n or 0) + 1\nprint('old', kalua.generation, s.n)\n" TICK

static void the_other_file_is_its_own_from_then_on(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  write_file(b.old, OLD);
  write_file(b.young, HEAD "s.n = s.n + 1\nprint('new', kalua.generation, kalua.name, s.n)\n" TICK);
  b.g = start(&b, b.old, "s", (kl_strategy_options){.watch = true, .probation_ms = -1});
  run_until(&b, &b.w.out, "old\t1\t1");
  assert_string_equal(promote(&b), "ok\n");
  run_until(&b, &b.w.out, "new\t2\ts\t2");
  assert_contains(text_of(&b.told), "promoted /tmp/kalua-promote-new-");
  assert_string_equal(status(b.g).path, b.young);
  write_file(b.young, HEAD "print('newer', kalua.generation, s.n)\n" TICK); /* it is watched */
  run_until(&b, &b.w.out, "newer\t3\t2");
  stop(&b, b.g);
  kl_error e = {0};
  assert_true(kl_strategy_start_again(b.g, &e)); /* from the same file */
  run_until(&b, &b.w.out, "newer\t4\t2");
  stop(&b, b.g);
  close_bed(&b);
}

static void what_is_refused_leaves_all_as_it_was(void **state) {
  (void)state;
  static const char *const wrong[] = {"local x = = 1\n", HEAD "error('no')\n", "print 'ends at once'\n"};
  bed b;
  open_bed(&b);
  write_file(b.old, OLD);
  b.g = start(&b, b.old, "s", (kl_strategy_options){.watch = true});
  run_until(&b, &b.w.out, "old\t1\t1");
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    write_file(b.young, wrong[i]);
    assert_string_not_equal(promote(&b), "ok\n");
    assert_string_equal(status(b.g).path, b.old);
  }
  assert_contains(text_of(&b.told), "not promoted: ");
  unlink(b.young);
  assert_contains(promote(&b), "cannot read the script");
  write_file(b.young, OLD); /* nobody's file: no reload follows */
  write_file(b.old, HEAD "print('changed', kalua.generation, s.n)\n" TICK);
  run_until(&b, &b.w.out, "changed\t2\t1");
  assert_int_equal(status(b.g).reloads, 1);
  stop(&b, b.g);
  close_bed(&b);
}

static void a_rollback_brings_the_old_file_back(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  write_file(b.old, OLD);
  write_file(b.young, HEAD "print 'new'\ntask.sleep(0.01)\nerror 'too bad'\n");
  b.g = start(&b, b.old, "s", (kl_strategy_options){.watch = true});
  run_until(&b, &b.w.out, "old\t1\t1");
  assert_string_equal(promote(&b), "ok\n");
  run_until(&b, &b.told, "rolled back: ");
  assert_string_equal(status(b.g).path, b.old);
  assert_int_equal(status(b.g).generation, 1);
  write_file(b.old, HEAD "print('changed', kalua.generation, s.n)\n" TICK);
  run_until(&b, &b.w.out, "changed\t3\t1");
  stop(&b, b.g);
  close_bed(&b);
}

/* The version that comes back is that of before the first promotion, which had not outlived its own probation. */
static void a_rollback_after_two_promotions_brings_the_first_file_back(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  write_file(b.old, OLD);
  write_file(b.young, HEAD "print 'second'\n" TICK);
  b.g = start(&b, b.old, "s", (kl_strategy_options){0});
  run_until(&b, &b.w.out, "old\t1\t1");
  assert_string_equal(promote(&b), "ok\n");
  run_until(&b, &b.w.out, "second");
  unlink(b.young);
  b.young[strlen(b.young) - 1] = 'x';
  write_file(b.young, HEAD "print 'third'\ntask.sleep(0.01)\nerror 'too bad'\n");
  assert_string_equal(promote(&b), "ok\n");
  run_until(&b, &b.told, "rolled back: ");
  assert_string_equal(status(b.g).path, b.old);
  assert_int_equal(status(b.g).generation, 1);
  kl_error e = {0};
  assert_true(kl_strategy_reload(b.g, done, &b, &e));
  run_until(&b, &b.w.out, "old\t4\t2");
  stop(&b, b.g);
  close_bed(&b);
}

static void only_one_that_runs_and_rests_not_is_promoted(void **state) {
  (void)state;
  bed b;
  kl_error e = {0};
  open_bed(&b);
  write_file(b.old, OLD);
  write_file(b.young, OLD);
  b.g = start(&b, b.old, "s", (kl_strategy_options){0});
  run_until(&b, &b.w.out, "old\t1\t1");
  assert_true(kl_strategy_pause(b.g, true, &e));
  assert_false(kl_strategy_promote(b.g, b.young, done, &b, &e));
  assert_contains(e.message, "resume it first");
  assert_true(kl_strategy_pause(b.g, false, &e));
  assert_true(kl_strategy_promote(b.g, b.young, done, &b, &e));
  assert_false(kl_strategy_promote(b.g, b.young, done, &b, &e));
  assert_contains(e.message, "try again in a moment");
  kl_strategy_stop(b.g, KL_STOP_EXIT, false); /* with the promotion under way: it is told */
  assert_contains(text_of(&b.outcomes), "is stopping");
  stop(&b, b.g);
  assert_false(kl_strategy_promote(b.g, b.young, done, &b, &e));
  assert_string_equal(status(b.g).path, b.old);
  close_bed(&b);
}

/* It begins with the state of the other, has one of its own from then on, and changes nothing outside. */
static void a_shadow_has_a_state_of_its_own_and_no_effect(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  write_file(b.old, OLD);
  write_file(b.young, HEAD "local bus = require 'bus'\n"
                           "s.n = s.n + 10\n"
                           "print('shadow', s.n)\n"
                           "local ok, err = pcall(io.open, '/tmp/kalua-promote-never', 'w')\n"
                           "print(ok, err.kind, err.message)\n"
                           "kalua.expect { errors = '==0' }\n"
                           "print(bus.send('x', 1), bus.last('x'), kalua.save())\n" TICK);
  b.g = start(&b, b.old, "s", (kl_strategy_options){0});
  run_until(&b, &b.w.out, "old\t1\t1");
  kl_strategy *shadow =
      start(&b, b.young, "s+shadow", (kl_strategy_options){.shadow_of = b.g, .script = {.allow = {.all = true}}});
  assert_ptr_equal(kl_strategy_shadow_of(shadow), b.g);
  run_until(&b, &b.w.out, "shadow\t11");
  run_until(&b, &b.w.out, "false\tshadow\tthis is a shadow of s, which changes nothing outside");
  run_until(&b, &b.w.out, "0\tnil\tfalse");
  assert_int_equal(kl_expectations_count(b.w.environment.expectations), 0);
  kl_error e = {0};
  assert_true(kl_strategy_reload(shadow, NULL, NULL, &e));
  run_until(&b, &b.w.out, "shadow\t21"); /* with its own state */
  stop(&b, shadow);
  assert_true(kl_strategy_start_again(shadow, &e));
  run_until(&b, &b.w.out, "shadow\t31");
  stop(&b, shadow);
  stop(&b, b.g);
  close_bed(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_other_file_is_its_own_from_then_on),
                                     cmocka_unit_test(what_is_refused_leaves_all_as_it_was),
                                     cmocka_unit_test(a_rollback_brings_the_old_file_back),
                                     cmocka_unit_test(a_rollback_after_two_promotions_brings_the_first_file_back),
                                     cmocka_unit_test(only_one_that_runs_and_rests_not_is_promoted),
                                     cmocka_unit_test(a_shadow_has_a_state_of_its_own_and_no_effect)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
