#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kalshi/book.h"

static kl_book *book;

static int set_up(void **state) {
  (void)state;
  book = kl_book_new();
  return book ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  kl_book_free(book);
  return 0;
}

static uint64_t state_of_random = 88172645463325252;
static uint32_t random_below(uint32_t n) {
  state_of_random ^= state_of_random << 13;
  state_of_random ^= state_of_random >> 7;
  state_of_random ^= state_of_random << 17;
  return (uint32_t)((state_of_random >> 32) * n >> 32);
}

/* YES bids 0.38 x 45.50, 0.37 x 120, 0.01 x 4000; NO bids 0.60 x 18, 0.59 x 310.25, so YES asks at 0.40 and 0.41. */
static const kl_level YES_LEVELS[] = {{100, 400000}, {3700, 12000}, {3800, 4550}};
static const kl_level NO_LEVELS[] = {{5900, 31025}, {6000, 1800}};
static void load(void) { assert_true(kl_book_snapshot(book, YES_LEVELS, 3, NO_LEVELS, 2)); }

static void assert_bid(kl_outcome view, size_t i, kl_price price, kl_count count) {
  kl_price p = -1;
  kl_count c = -1;
  assert_true(kl_book_bid_at(book, view, i, &p, &c));
  assert_int_equal(p, price);
  assert_int_equal(c, count);
}

static void assert_ask(kl_outcome view, size_t i, kl_price price, kl_count count) {
  kl_price p = -1;
  kl_count c = -1;
  assert_true(kl_book_ask_at(book, view, i, &p, &c));
  assert_int_equal(p, price);
  assert_int_equal(c, count);
}

static void has_no_best_and_no_levels_when_empty(void **state) {
  (void)state;
  kl_price p;
  kl_count c;
  double d;
  for (int view = 0; view < 2; view++) {
    assert_false(kl_book_best_bid(book, (kl_outcome)view, &p, &c));
    assert_false(kl_book_best_ask(book, (kl_outcome)view, &p, &c));
    assert_int_equal(kl_book_levels(book, (kl_outcome)view), 0);
    assert_int_equal(kl_book_count_at(book, (kl_outcome)view, 5000), 0);
    assert_int_equal(kl_book_depth(book, (kl_outcome)view, 10000), 0);
    assert_true(kl_book_imbalance(book, (kl_outcome)view, 5) == 0);
    assert_false(kl_book_microprice(book, (kl_outcome)view, &d));
  }
}

static void shows_both_sides_from_both_views(void **state) {
  (void)state;
  load();
  kl_price p;
  kl_count c;
  assert_true(kl_book_best_bid(book, KL_YES, &p, &c));
  assert_int_equal(p, 3800);
  assert_int_equal(c, 4550);
  assert_true(kl_book_best_ask(book, KL_YES, &p, &c));
  assert_int_equal(p, 4000);
  assert_int_equal(c, 1800);
  assert_true(kl_book_best_bid(book, KL_NO, &p, &c));
  assert_int_equal(p, 6000);
  assert_true(kl_book_best_ask(book, KL_NO, &p, &c));
  assert_int_equal(p, 6200);
  assert_int_equal(c, 4550);
  assert_bid(KL_YES, 2, 100, 400000);
  assert_ask(KL_YES, 1, 4100, 31025);
  assert_ask(KL_NO, 2, 9900, 400000);
  assert_false(kl_book_bid_at(book, KL_YES, 3, &p, &c));
  assert_false(kl_book_ask_at(book, KL_YES, 2, &p, &c));
  assert_false(kl_book_bid_at(book, KL_YES, SIZE_MAX, &p, &c));
  assert_int_equal(kl_book_levels(book, KL_YES), 3);
  assert_int_equal(kl_book_levels(book, KL_NO), 2);
  assert_int_equal(kl_book_count_at(book, KL_YES, 3700), 12000);
  assert_int_equal(kl_book_count_at(book, KL_YES, 3750), 0);
  assert_int_equal(kl_book_count_at(book, KL_NO, 10000), 0);
}

static void sums_depth_near_the_best(void **state) {
  (void)state;
  load();
  assert_int_equal(kl_book_depth(book, KL_YES, 0), 4550);
  assert_int_equal(kl_book_depth(book, KL_YES, 99), 4550);
  assert_int_equal(kl_book_depth(book, KL_YES, 100), 16550);
  assert_int_equal(kl_book_depth(book, KL_YES, INT64_MAX), 416550);
  assert_int_equal(kl_book_depth(book, KL_YES, -1), 0);
  assert_int_equal(kl_book_depth(book, KL_YES, INT64_MIN), 0);
  assert_int_equal(kl_book_depth(book, KL_NO, 100), 32825);
}

static void assert_sweep(kl_outcome view, bool buy, kl_count count, kl_count filled, kl_money cost, kl_price worst) {
  kl_count f = -1;
  kl_money c = -1;
  kl_price w = -1;
  kl_book_sweep(book, view, buy, count, &f, &c, &w);
  assert_int_equal(f, filled);
  assert_int_equal(c, cost);
  assert_int_equal(w, worst);
}

static void sweeps_like_a_marketable_order(void **state) {
  (void)state;
  load();
  assert_sweep(KL_YES, true, 1800, 1800, 1800 * 4000, 4000);
  assert_sweep(KL_YES, true, 1801, 1801, 1800 * 4000 + 4100, 4100);
  assert_sweep(KL_YES, true, 1000000, 32825, 1800 * 4000 + 31025 * 4100, 4100);
  assert_sweep(KL_YES, false, 5000, 5000, 4550 * 3800 + 450 * 3700, 3700);
  assert_sweep(KL_NO, true, 4551, 4551, 4550 * 6200 + 6300, 6300);
  assert_sweep(KL_NO, false, 1, 1, 6000, 6000);
  assert_sweep(KL_YES, true, 0, 0, 0, 0);
  assert_sweep(KL_YES, true, -5, 0, 0, 0);
  kl_book_clear(book);
  assert_sweep(KL_YES, true, 100, 0, 0, 0);
}

static void keeps_a_sweep_of_the_largest_levels_exact(void **state) {
  (void)state;
  const kl_count most = 100000000000000;
  for (kl_price p = 9000; p < 9100; p++)
    assert_int_equal(kl_book_apply(book, KL_YES, p, most), KL_BOOK_OK);
  kl_count filled;
  kl_money cost;
  kl_price worst;
  kl_book_sweep(book, KL_YES, false, INT64_MAX, &filled, &cost, &worst);
  assert_int_equal(filled, INT64_MAX / KL_PRICE_ONE);
  int64_t expected = 0;
  kl_count left = filled;
  for (kl_price p = 9099; left > 0; p--) {
    kl_count take = left < most ? left : most;
    expected += take * p;
    left -= take;
  }
  assert_int_equal(cost, expected);
  assert_int_equal(kl_book_depth(book, KL_YES, 10000), 100 * most);
}

static void weighs_imbalance_and_microprice(void **state) {
  (void)state;
  load();
  double d = 0;
  assert_true(kl_book_microprice(book, KL_YES, &d));
  double expected = (0.38 * 18 + 0.40 * 45.5) / (18 + 45.5);
  assert_true(d > expected - 1e-12 && d < expected + 1e-12);
  assert_true(kl_book_microprice(book, KL_NO, &d));
  assert_true(d > 1 - expected - 1e-12 && d < 1 - expected + 1e-12);
  expected = (45.5 - 18) / (45.5 + 18);
  d = kl_book_imbalance(book, KL_YES, 1);
  assert_true(d > expected - 1e-12 && d < expected + 1e-12);
  assert_true(kl_book_imbalance(book, KL_NO, 1) == -d);
  assert_true(kl_book_imbalance(book, KL_YES, 0) == 0);
  d = kl_book_imbalance(book, KL_YES, 100);
  expected = (416550. - 32825.) / (416550. + 32825.);
  assert_true(d > expected - 1e-12 && d < expected + 1e-12);
}

static void moves_adds_and_removes_levels(void **state) {
  (void)state;
  load();
  assert_int_equal(kl_book_apply(book, KL_YES, 3800, -50), KL_BOOK_OK);
  assert_bid(KL_YES, 0, 3800, 4500);
  assert_int_equal(kl_book_apply(book, KL_YES, 3800, -4500), KL_BOOK_OK);
  assert_bid(KL_YES, 0, 3700, 12000);
  assert_int_equal(kl_book_apply(book, KL_YES, 3850, 1), KL_BOOK_OK);
  assert_bid(KL_YES, 0, 3850, 1);
  assert_int_equal(kl_book_apply(book, KL_NO, 1, 7), KL_BOOK_OK);
  assert_int_equal(kl_book_apply(book, KL_NO, 9999, 7), KL_BOOK_OK);
  assert_ask(KL_YES, 0, 1, 7);
  assert_ask(KL_YES, 3, 9999, 7);
  assert_int_equal(kl_book_apply(book, KL_NO, 5000, 0), KL_BOOK_OK);
  assert_int_equal(kl_book_levels(book, KL_NO), 4);
}

static void reports_a_desync_and_stays_unchanged(void **state) {
  (void)state;
  load();
  assert_int_equal(kl_book_apply(book, KL_YES, 3800, -4551), KL_BOOK_DESYNC);
  assert_int_equal(kl_book_apply(book, KL_YES, 3801, -1), KL_BOOK_DESYNC);
  assert_int_equal(kl_book_apply(book, KL_YES, 0, 1), KL_BOOK_DESYNC);
  assert_int_equal(kl_book_apply(book, KL_YES, 10000, 1), KL_BOOK_DESYNC);
  assert_int_equal(kl_book_apply(book, KL_YES, -5, 1), KL_BOOK_DESYNC);
  assert_int_equal(kl_book_apply(book, KL_YES, 3800, INT64_MAX), KL_BOOK_DESYNC);
  assert_int_equal(kl_book_apply(book, KL_YES, 3800, INT64_MIN), KL_BOOK_DESYNC);
  assert_int_equal(kl_book_levels(book, KL_YES), 3);
  assert_bid(KL_YES, 0, 3800, 4550);
}

static void takes_snapshots_in_any_order(void **state) {
  (void)state;
  kl_level down[300], mixed[300];
  for (int i = 0; i < 300; i++)
    down[i] = mixed[i] = (kl_level){9000 - 7 * i, i + 1};
  for (uint32_t i = 299; i > 0; i--) {
    uint32_t j = random_below(i + 1);
    kl_level t = mixed[i];
    mixed[i] = mixed[j];
    mixed[j] = t;
  }
  assert_true(kl_book_snapshot(book, down, 300, mixed, 300));
  for (size_t i = 0; i < 300; i++) {
    assert_bid(KL_YES, i, down[i].price, down[i].count);
    assert_bid(KL_NO, i, down[i].price, down[i].count);
  }
  assert_true(kl_book_snapshot(book, NULL, 0, down, 1));
  assert_int_equal(kl_book_levels(book, KL_YES), 0);
  assert_int_equal(kl_book_levels(book, KL_NO), 1);
}

static void refuses_a_bad_snapshot_and_is_empty_then(void **state) {
  (void)state;
  static const kl_level bad[][3] = {
      {{100, 1}, {200, 1}, {100, 1}},  {{100, 1}, {100, 1}, {200, 1}},         {{100, 1}, {200, 0}, {300, 1}},
      {{100, 1}, {200, -1}, {300, 1}}, {{0, 1}, {200, 1}, {300, 1}},           {{100, 1}, {200, 1}, {10000, 1}},
      {{-1, 1}, {200, 1}, {300, 1}},   {{100, 1}, {200, INT64_MAX}, {300, 1}}, {{300, 1}, {200, 1}, {200, 1}}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    load();
    assert_false(kl_book_snapshot(book, YES_LEVELS, 3, bad[i], 3));
    assert_int_equal(kl_book_levels(book, KL_YES), 0);
    assert_int_equal(kl_book_levels(book, KL_NO), 0);
    load();
    assert_false(kl_book_snapshot(book, bad[i], 3, NO_LEVELS, 2));
    assert_int_equal(kl_book_levels(book, KL_YES), 0);
    assert_int_equal(kl_book_levels(book, KL_NO), 0);
  }
}

static void allocates_nothing_once_warm(void **state) {
  (void)state;
  size_t empty = kl_book_memory(book);
  for (int price = 1; price <= 9999; price++)
    kl_book_apply(book, KL_YES, price, 1);
  size_t warm = kl_book_memory(book);
  assert_true(warm >= empty + 9999 * sizeof(kl_level));
  assert_true(warm <= empty + 2 * 16384 * sizeof(kl_level));
  for (int round = 0; round < 3; round++) {
    for (int price = 9999; price >= 1; price--)
      assert_int_equal(kl_book_apply(book, KL_YES, price, -1), KL_BOOK_OK);
    assert_int_equal(kl_book_levels(book, KL_YES), 0);
    for (int price = 1; price <= 9999; price++)
      assert_int_equal(kl_book_apply(book, KL_YES, price, 1), KL_BOOK_OK);
    kl_book_clear(book);
    assert_true(kl_book_snapshot(book, YES_LEVELS, 3, NULL, 0));
    kl_book_clear(book);
    for (int price = 1; price <= 9999; price++)
      assert_int_equal(kl_book_apply(book, KL_YES, price, 1), KL_BOOK_OK);
  }
  assert_int_equal(kl_book_memory(book), warm);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(has_no_best_and_no_levels_when_empty),
      TEST(shows_both_sides_from_both_views),
      TEST(sums_depth_near_the_best),
      TEST(sweeps_like_a_marketable_order),
      TEST(keeps_a_sweep_of_the_largest_levels_exact),
      TEST(weighs_imbalance_and_microprice),
      TEST(moves_adds_and_removes_levels),
      TEST(reports_a_desync_and_stays_unchanged),
      TEST(takes_snapshots_in_any_order),
      TEST(refuses_a_bad_snapshot_and_is_empty_then),
      TEST(allocates_nothing_once_warm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
