/* What waits for a clock that is moved by hand fires in the order of its time, then of its start. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/timer.h"

enum { MOST = 200 };

static kl_timeline line;
static kl_timed all[MOST];
static size_t fired[4 * MOST], n_fired;

static void note(kl_timed *t) { fired[n_fired++] = (size_t)(t - all); }

static int reset(void **state) {
  (void)state;
  line = (kl_timeline){0};
  memset(all, 0, sizeof all);
  n_fired = 0;
  for (size_t i = 0; i < MOST; i++)
    all[i].fire = note;
  return 0;
}

static void test_order(void **state) {
  (void)state;
  const int64_t due[] = {30, 10, 20, 10, 30, 10};
  const size_t expected[] = {1, 3, 5, 2};
  for (size_t i = 0; i < 6; i++)
    kl_timeline_add(&line, &all[i], due[i]);
  assert_int_equal(kl_timeline_next(&line), 10);
  assert_int_equal(kl_timeline_fire(&line, 9), 0);
  assert_int_equal(kl_timeline_fire(&line, 29), 4);
  assert_memory_equal(fired, expected, sizeof expected);
  kl_timeline_remove(&line, &all[0]);
  kl_timeline_remove(&line, &all[0]);
  assert_int_equal(kl_timeline_fire(&line, INT64_MAX), 1);
  assert_int_equal(fired[4], 4);
  assert_int_equal(kl_timeline_next(&line), INT64_MAX);
}

static void again(kl_timed *t) {
  note(t);
  if (n_fired < 3 * MOST) kl_timeline_add(&line, t, t->due_us);
}

/* One that starts itself anew at the same time does not keep the others from their turn. */
static void test_what_starts_while_firing_waits(void **state) {
  (void)state;
  all[0].fire = again;
  kl_timeline_add(&line, &all[0], 5);
  kl_timeline_add(&line, &all[1], 5);
  assert_int_equal(kl_timeline_fire(&line, 5), 2);
  assert_int_equal(kl_timeline_fire(&line, 5), 1);
  assert_int_equal(fired[1], 1);
  assert_int_equal(fired[2], 0);
}

/* Against a plain search, with a fixed seed. */
static void test_random(void **state) {
  (void)state;
  uint32_t seed = 7;
  int64_t now = 0;
  for (int step = 0; step < 20000; step++) {
    seed = seed * 1664525 + 1013904223;
    kl_timed *t = &all[(seed >> 8) % MOST];
    switch (seed >> 30) {
    case 0:
    case 1:
      kl_timeline_remove(&line, t);
      kl_timeline_add(&line, t, now + (int64_t)((seed >> 4) % 50));
      break;
    case 2:
      kl_timeline_remove(&line, t);
      break;
    default: {
      const kl_timed *first = NULL;
      for (size_t i = 0; i < MOST; i++) {
        const kl_timed *x = &all[i];
        if (x->waits &&
            (!first || x->due_us < first->due_us || (x->due_us == first->due_us && x->number < first->number)))
          first = x;
      }
      assert_int_equal(kl_timeline_next(&line), first ? first->due_us : INT64_MAX);
      if (!first) break;
      now = first->due_us;
      n_fired = 0;
      assert_true(kl_timeline_fire(&line, now) > 0);
      assert_int_equal(fired[0], (size_t)(first - all));
    }
    }
  }
}

static int calls;
static void on_timer(uv_timer_t *t) {
  calls++;
  assert_ptr_equal(t->data, &calls);
}
static void on_closed(uv_handle_t *h) { h->data = NULL; }

static void test_timer_by_a_clock_that_is_moved(void **state) {
  (void)state;
  uv_loop_t loop;
  kl_clock_virtual v;
  kl_timer once, every;
  kl_clock_virtual_init(&v, 1000000);
  v.clock.line = &line;
  assert_int_equal(uv_loop_init(&loop), 0);
  kl_timer_init(&loop, &once, &v.clock);
  kl_timer_init(&loop, &every, &v.clock);
  once.uv.data = every.uv.data = &calls;
  kl_timer_sleep(&once, on_timer, 30);
  kl_timer_start(&every, on_timer, 10, 10);
  assert_int_equal(kl_timer_left_ms(&once), 30);
  for (int i = 0; i < 4; i++) {
    kl_clock_virtual_advance(&v, 10000);
    kl_timeline_fire(&line, kl_wall_us(&v.clock));
  }
  assert_int_equal(calls, 5);
  assert_false(kl_timer_active(&once));
  assert_true(kl_timer_active(&every));
  kl_timer_close(&once, on_closed);
  kl_timer_close(&every, on_closed);
  assert_int_equal(kl_timeline_next(&line), INT64_MAX);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(test_order, reset), cmocka_unit_test_setup(test_what_starts_while_firing_waits, reset),
      cmocka_unit_test_setup(test_random, reset), cmocka_unit_test_setup(test_timer_by_a_clock_that_is_moved, reset)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
