/* What prices say about a number, the past of a sampled value, and the averages of an index. */
#include "sim/forecast.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/indices.h"

static void near(double got, double wanted) {
  if (fabs(got - wanted) > 1e-9) fail_msg("%.12g instead of %.12g", got, wanted);
}

/* Three ranges and what lies beyond them: the masses are the prices, scaled to one. */
static void ranges_are_masses(void **state) {
  (void)state;
  kl_sim_slice slices[] = {
      {50, 52, 0.30}, {-INFINITY, 50, 0.10}, {54, INFINITY, 0.20}, {52, 54, 0.40}}; /* in any order */
  kl_sim_knot knots[5];
  size_t n = kl_sim_distribution(slices, 4, true, knots);
  assert_int_equal(n, 3);
  near(knots[0].at, 50);
  near(knots[0].below, 0.1);
  near(knots[1].below, 0.4);
  near(knots[2].below, 0.8);
  near(kl_sim_percentile(knots, n, 0.1), 50);
  near(kl_sim_percentile(knots, n, 0.25), 51);
  near(kl_sim_percentile(knots, n, 0.5), 52.5);
  near(kl_sim_percentile(knots, n, 0.05), 49); /* half of what lies below 50, over a range of 2 */
  near(kl_sim_percentile(knots, n, 0.9), 55);
  near(kl_sim_percentile(knots, n, 0), 48);
}

static void prices_that_do_not_sum_to_one_are_scaled(void **state) {
  (void)state;
  kl_sim_slice slices[] = {{-INFINITY, 10, 0.6}, {10, 20, 0.3}, {20, INFINITY, 0.3}};
  kl_sim_knot knots[4];
  size_t n = kl_sim_distribution(slices, 3, true, knots);
  assert_int_equal(n, 2);
  near(knots[0].below, 0.5);
  near(knots[1].below, 0.75);
  kl_sim_slice nothing[] = {{-INFINITY, 10, 0}, {10, INFINITY, 0}};
  assert_int_equal(kl_sim_distribution(nothing, 2, true, knots), 0);
  assert_int_equal(kl_sim_distribution(nothing, 0, true, knots), 0);
}

/* Ranges with a hair between them, as "94,000 to 94,249.99". */
static void ranges_leave_no_gap(void **state) {
  (void)state;
  kl_sim_slice slices[] = {{94000, 94249.99, 0.5}, {94250, 94499.99, 0.5}};
  kl_sim_knot knots[3];
  assert_int_equal(kl_sim_distribution(slices, 2, true, knots), 3);
  near(knots[0].below, 0);
  near(knots[1].at, 94250);
  near(knots[1].below, 0.5);
  near(knots[2].below, 1);
  near(kl_sim_percentile(knots, 3, 0.25), 94125);
}

static void thresholds_are_shares(void **state) {
  (void)state;
  kl_sim_slice slices[] = {{3.5, INFINITY, 0.6}, {3.75, INFINITY, 0.2}, {3.25, INFINITY, 0.9}, {-INFINITY, 4, 0.95}};
  kl_sim_knot knots[5];
  size_t n = kl_sim_distribution(slices, 4, false, knots);
  assert_int_equal(n, 4);
  near(knots[0].at, 3.25);
  near(knots[0].below, 0.1);
  near(knots[3].at, 4);
  near(knots[3].below, 0.95);
  near(kl_sim_percentile(knots, n, 0.5), 3.5 + 0.25 * 0.1 / 0.4);
}

/* "Above 4" dearer than "above 3" says nothing about which is right: both count. */
static void contradicting_prices_are_averaged(void **state) {
  (void)state;
  kl_sim_slice slices[] = {{1, INFINITY, 0.9}, {2, INFINITY, 0.4}, {3, INFINITY, 0.6}, {4, INFINITY, 0.5}};
  kl_sim_knot knots[5];
  size_t n = kl_sim_distribution(slices, 4, false, knots);
  assert_int_equal(n, 4);
  near(knots[0].below, 0.1);
  near(knots[1].below, 0.5);
  near(knots[2].below, 0.5);
  near(knots[3].below, 0.5);
  double last = -INFINITY;
  for (int q = 0; q <= 9999; q++) {
    double at = kl_sim_percentile(knots, n, q / 10000.0);
    assert_true(at >= last && isfinite(at));
    last = at;
  }
}

static void one_threshold_is_enough(void **state) {
  (void)state;
  kl_sim_slice slice = {200, INFINITY, 0.25};
  kl_sim_knot knots[2];
  assert_int_equal(kl_sim_distribution(&slice, 1, false, knots), 1);
  near(kl_sim_percentile(knots, 1, 0.75), 200);
  near(kl_sim_percentile(knots, 1, 0), 198);
  near(kl_sim_percentile(knots, 1, 0.875), 201);
}

static void numbers_are_written_as_in_titles(void **state) {
  (void)state;
  char text[80];
  kl_sim_number_text(text, sizeof text, (kl_sim_number_style){"$", "", 2}, 95250);
  assert_string_equal(text, "$95,250.00");
  kl_sim_number_text(text, sizeof text, (kl_sim_number_style){"", "°", 0}, 54.4);
  assert_string_equal(text, "54°");
  kl_sim_number_text(text, sizeof text, (kl_sim_number_style){"", "%", 2}, -0.25);
  assert_string_equal(text, "-0.25%");
  kl_sim_number_text(text, sizeof text, (kl_sim_number_style){"$", "", 0}, 1234567);
  assert_string_equal(text, "$1,234,567");
}

/* ---- history ---- */

#define NOON INT64_C(1795521600000) /* 24 November 2026, 12:00 UTC */

static kl_sim_history *history(int64_t step_ms, int hours) {
  kl_sim_history *h =
      kl_sim_history_new(&(kl_sim_history_options){.seed = 1, .step_ms = step_ms, .hours = hours, .rough = 0.1});
  assert_non_null(h);
  return h;
}

static void a_sample_stands_for_its_step(void **state) {
  (void)state;
  kl_sim_history *h = history(200, 2);
  double v;
  assert_false(kl_sim_history_at(h, NOON, &v));
  assert_int_equal(kl_sim_history_newest_ms(h), 0);
  assert_true(kl_sim_history_put(h, NOON + 50, 100));
  assert_false(kl_sim_history_put(h, NOON + 199, 101)); /* the same step */
  assert_true(kl_sim_history_put(h, NOON + 200, 102));
  assert_true(kl_sim_history_put(h, NOON + 1010, 105)); /* three were missed: nothing was seen to change */
  const double wanted[] = {100, 102, 102, 102, 102, 105};
  for (int i = 0; i < 6; i++) {
    assert_true(kl_sim_history_at(h, NOON + 200 * i + i, &v));
    near(v, wanted[i]);
  }
  assert_false(kl_sim_history_at(h, NOON + 1200, &v));
  assert_int_equal(kl_sim_history_newest_ms(h), NOON + 1000);
  assert_int_equal(kl_sim_history_first_ms(h), NOON);
  kl_sim_history_free(h);
}

static void the_past_leads_to_the_first_sample(void **state) {
  (void)state;
  kl_sim_history *a = history(1000, 2), *b = history(1000, 2);
  double v, w, before = 100;
  kl_sim_history_put(a, NOON, 100);
  kl_sim_history_put(b, NOON, 100);
  for (int64_t t = NOON - 1000; t > NOON - 7200000; t -= 1000) {
    assert_true(kl_sim_history_at(a, t, &v));
    assert_true(kl_sim_history_at(b, t, &w));
    near(v, w);
    if (fabs(v - before) > 1) fail_msg("a leap of %g in a second", v - before);
    before = v;
  }
  kl_sim_history_at(a, NOON - 7200000, &v);
  assert_true(v != 100);
  kl_sim_history_free(a);
  kl_sim_history_free(b);
}

static void old_samples_are_forgotten(void **state) {
  (void)state;
  kl_sim_history *h = history(60000, 2);
  double v;
  for (int i = 0; i <= 180; i++)
    kl_sim_history_put(h, NOON + 60000 * i, i);
  assert_false(kl_sim_history_at(h, NOON, &v)); /* it was sampled: no made-up value takes its place */
  assert_true(kl_sim_history_at(h, NOON + 60000 * 120, &v));
  near(v, 120);
  assert_true(kl_sim_history_put(h, NOON + 60000 * 1000, 7)); /* a long pause */
  assert_true(kl_sim_history_at(h, NOON + 60000 * 999, &v));
  near(v, 180);
  kl_sim_history_free(h);
}

/* ---- averages of an index ---- */

/* Every second of a quarter of an hour has the value of its number: 0 at the begin, 900 at the end. */
static kl_sim_index counting_index(void) {
  kl_sim_index x = {.history = history(200, 2)};
  for (int64_t ms = 0; ms <= 900000; ms += 200)
    kl_sim_history_put(x.history, NOON + ms, (double)(ms / 1000));
  return x;
}

static void the_last_minute_is_averaged_without_the_present(void **state) {
  (void)state;
  kl_sim_index x = counting_index();
  kl_sim_index_average a = kl_sim_index_average_60s(&x, NOON / 1000 + 100);
  near(a.value, (40 + 99) / 2.0);
  assert_int_equal(a.count, 60);
  assert_int_equal(a.start_ms, NOON + 40000);
  assert_int_equal(a.end_ms, NOON + 100000);
  kl_sim_history_free(x.history);
}

/* Counts as the exchange's page of the channel gives them: one second in, 14, 59, and the close. */
static void the_minute_before_a_quarter_is_averaged_with_the_present(void **state) {
  (void)state;
  static const int seconds[] = {841, 854, 899, 900};
  kl_sim_index x = counting_index();
  kl_sim_index_average a;
  assert_false(kl_sim_index_average_quarter(&x, NOON / 1000 + 839, &a));
  assert_false(kl_sim_index_average_quarter(&x, NOON / 1000 + 840, &a));
  for (int i = 0; i < 4; i++) {
    assert_true(kl_sim_index_average_quarter(&x, NOON / 1000 + seconds[i], &a));
    assert_int_equal(a.count, seconds[i] - 840);
    near(a.value, (841 + seconds[i]) / 2.0);
    assert_int_equal(a.start_ms, NOON + 840000);
    assert_int_equal(a.end_ms, NOON + 1000 * seconds[i] + 1);
  }
  kl_sim_history_free(x.history);
}

static void prices_have_cents_and_small_ones_more(void **state) {
  (void)state;
  char text[32];
  kl_sim_index_text(text, 64288.169);
  assert_string_equal(text, "64288.17");
  kl_sim_index_text(text, 0.1234567);
  assert_string_equal(text, "0.123457");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ranges_are_masses),
      cmocka_unit_test(prices_that_do_not_sum_to_one_are_scaled),
      cmocka_unit_test(ranges_leave_no_gap),
      cmocka_unit_test(thresholds_are_shares),
      cmocka_unit_test(contradicting_prices_are_averaged),
      cmocka_unit_test(one_threshold_is_enough),
      cmocka_unit_test(numbers_are_written_as_in_titles),
      cmocka_unit_test(a_sample_stands_for_its_step),
      cmocka_unit_test(the_past_leads_to_the_first_sample),
      cmocka_unit_test(old_samples_are_forgotten),
      cmocka_unit_test(the_last_minute_is_averaged_without_the_present),
      cmocka_unit_test(the_minute_before_a_quarter_is_averaged_with_the_present),
      cmocka_unit_test(prices_have_cents_and_small_ones_more),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
