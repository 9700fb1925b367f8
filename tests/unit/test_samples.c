/* A value over time: what is kept of it as it gets older, and what is given of that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "monitor/samples.h"

typedef struct given {
  size_t n;
  int64_t first_ms, last_ms, last_value, widest_ms;
} given;

static void take(void *data, int64_t wall_ms, int64_t value) {
  given *g = data;
  if (g->n == 0)
    g->first_ms = wall_ms;
  else if (wall_ms - g->last_ms > g->widest_ms)
    g->widest_ms = wall_ms - g->last_ms;
  if (g->n) assert_true(wall_ms > g->last_ms); /* in order, none twice */
  g->n++;
  g->last_ms = wall_ms;
  g->last_value = value;
}

static given all(const kl_samples *s, int64_t since_ms, int64_t step_ms) {
  given g = {0};
  kl_samples_each(s, since_ms, step_ms, take, &g);
  return g;
}

static void test_ten_minutes_are_kept_second_by_second(void **state) {
  (void)state;
  kl_samples *s = kl_samples_new();
  for (int64_t t = 1; t <= 600; t++)
    kl_samples_add(s, t * 1000, t);
  given g = all(s, 0, 0);
  assert_int_equal(g.n, 600);
  assert_int_equal(g.widest_ms, 1000);
  assert_int_equal(g.last_value, 600);
  kl_samples_free(s);
}

static void test_older_ones_are_thinned_and_memory_is_bounded(void **state) {
  (void)state;
  enum { DAYS = 6 };
  kl_samples *s = kl_samples_new();
  int64_t end = INT64_C(1000) * 86400 * DAYS;
  for (int64_t t = 1000; t <= end; t += 1000)
    kl_samples_add(s, t, t);
  assert_in_range(kl_samples_count(s), 1, KL_SAMPLES_TIERS * KL_SAMPLES_EACH);
  given g = all(s, 0, 0);
  assert_int_equal(g.last_ms, end);
  assert_true(end - g.first_ms >= INT64_C(99) * 3600 * 1000); /* a hundred hours, nearly */
  assert_int_equal(g.widest_ms, 600 * 1000);
  assert_int_equal(all(s, end - 599 * 1000, 0).n, 600);
  assert_int_equal(all(s, end - 5400 * 1000, 0).widest_ms, 10 * 1000);
  assert_int_equal(all(s, end - 36000 * 1000 + 60000, 0).widest_ms, 60 * 1000);
  kl_samples_free(s);
}

static void test_steps_thin_what_is_given_and_keep_the_newest(void **state) {
  (void)state;
  kl_samples *s = kl_samples_new();
  for (int64_t t = 0; t < 600; t++)
    kl_samples_add(s, t * 1000, t);
  given g = all(s, 0, 60 * 1000);
  assert_int_equal(g.n, 10);
  assert_int_equal(g.last_value, 599);
  assert_int_equal(all(s, 600 * 1000, 0).n, 0);
  kl_samples_free(s);
}

static void test_a_clock_that_goes_back_changes_the_last_one_only(void **state) {
  (void)state;
  kl_samples *s = kl_samples_new();
  kl_samples_add(s, 5000, 1);
  kl_samples_add(s, 6000, 2);
  kl_samples_add(s, 3000, 3); /* the clock was set */
  kl_samples_add(s, 6500, 4); /* quicker than once a second */
  given g = all(s, 0, 0);
  assert_int_equal(g.n, 2);
  assert_int_equal(g.last_ms, 6000);
  assert_int_equal(g.last_value, 4);
  kl_samples_free(s);
  kl_samples_free(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ten_minutes_are_kept_second_by_second),
      cmocka_unit_test(test_older_ones_are_thinned_and_memory_is_bounded),
      cmocka_unit_test(test_steps_thin_what_is_given_and_keep_the_newest),
      cmocka_unit_test(test_a_clock_that_goes_back_changes_the_last_one_only),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
