/* What is known of orders and fills, whoever tells of it and in whatever order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kalshi/account_internal.h"

static kl_own_order state_of(kl_own_status status, kl_count filled, kl_count remaining, int64_t ts) {
  kl_own_order o = {.status = status, .filled = filled, .remaining = remaining, .initial = 10, .ts_ms = ts};
  snprintf(o.order_id, sizeof o.order_id, "o1");
  snprintf(o.ticker, sizeof o.ticker, "T");
  return o;
}

/* A life of an order; whatever the order in which its states are told, and by whom, the last one counts. */
static void any_order_of_arrival_gives_the_same_end(void **state) {
  (void)state;
  const kl_own_order life[] = {state_of(KL_OWN_RESTING, 0, 10, 100), state_of(KL_OWN_RESTING, 0, 8, 110),
                               state_of(KL_OWN_RESTING, 3, 5, 110), state_of(KL_OWN_RESTING, 5, 3, 130),
                               state_of(KL_OWN_CANCELED, 5, 0, 130)};
  enum { N = 5 };
  int turns[N] = {0, 1, 2, 3, 4}, runs = 0;
  for (int code = 0; code < N * N * N * N * N; code++) {
    int seen = 0;
    for (int i = 0, c = code; i < N; i++, c /= N) {
      turns[i] = c % N;
      seen |= 1 << turns[i];
    }
    if (seen != (1 << N) - 1) continue;
    for (int by = 0; by < 3; by++) {
      kl_own_orders *o = kl_own_orders_new();
      for (int i = 0; i < N; i++)
        kl_own_orders_tell(o, &life[turns[i]], i & 1 ? KL_TOLD_BY_LIST : (kl_told_by)by);
      const kl_own_order *end = kl_own_orders_by_id(o, "o1");
      if (!end) fail_msg("no order");
      assert_int_equal(end->status, KL_OWN_CANCELED);
      assert_int_equal(end->filled, 5);
      assert_int_equal(kl_own_orders_count(o, true), 0);
      kl_own_orders_free(o);
      runs++;
    }
  }
  assert_int_equal(runs, 3 * 120);
}

static void the_later_change_counts_and_of_one_moment_what_the_channel_said_last(void **state) {
  (void)state;
  const kl_own_order sizes[] = {state_of(KL_OWN_RESTING, 0, 10, 100), state_of(KL_OWN_RESTING, 0, 8, 110),
                                state_of(KL_OWN_RESTING, 0, 12, 120)};
  static const int turns[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  for (int i = 0; i < 6; i++) {
    kl_own_orders *o = kl_own_orders_new();
    for (int k = 0; k < 3; k++)
      kl_own_orders_tell(o, &sizes[turns[i][k]], k & 1 ? KL_TOLD_BY_CHANNEL : KL_TOLD_BY_LIST);
    assert_int_equal(kl_own_orders_by_id(o, "o1")->remaining, 12);
    kl_own_order same = state_of(KL_OWN_RESTING, 0, 7, 120);
    assert_non_null(kl_own_orders_tell(o, &same, KL_TOLD_BY_CHANNEL));
    same.remaining = 12;
    assert_null(kl_own_orders_tell(o, &same, KL_TOLD_BY_LIST));
    assert_int_equal(kl_own_orders_by_id(o, "o1")->remaining, 7);
    kl_own_orders_free(o);
  }
}

static void a_list_does_not_replace_the_size_that_an_answer_said(void **state) {
  (void)state;
  kl_own_orders *o = kl_own_orders_new();
  kl_own_order row = state_of(KL_OWN_RESTING, 0, 10, 100);
  kl_own_orders_note(o, "o1", "mine", NULL, 6); /* what a decrease left */
  kl_own_orders_tell(o, &row, KL_TOLD_BY_LIST);
  assert_int_equal(kl_own_orders_by_id(o, "o1")->total, 6);
  row.ts_ms = 110;
  row.remaining = 5;
  kl_own_orders_tell(o, &row, KL_TOLD_BY_CHANNEL);
  assert_int_equal(kl_own_orders_by_client_id(o, "mine")->total, 5);
  kl_own_orders_free(o);
}

static void ended_orders_are_bounded_and_resting_ones_stay(void **state) {
  (void)state;
  kl_own_orders *o = kl_own_orders_new();
  kl_own_orders_keep(o);
  for (int i = 0; i < 2 * KL_OWN_REMEMBERED; i++) {
    kl_own_order rests = state_of(KL_OWN_RESTING, 0, 10, 100);
    snprintf(rests.order_id, sizeof rests.order_id, "r%d", i);
    kl_own_orders_tell(o, &rests, KL_TOLD_BY_CHANNEL);
    kl_own_order ended = state_of(KL_OWN_EXECUTED, 10, 0, 100);
    snprintf(ended.order_id, sizeof ended.order_id, "e%d", i);
    snprintf(ended.client_order_id, sizeof ended.client_order_id, "c%d", i);
    kl_own_orders_tell(o, &ended, KL_TOLD_BY_CHANNEL);
  }
  assert_int_equal(kl_own_orders_count(o, true), 2 * KL_OWN_REMEMBERED);
  assert_int_equal(kl_own_orders_count(o, false), KL_OWN_REMEMBERED);
  assert_null(kl_own_orders_by_id(o, "e0"));
  assert_null(kl_own_orders_by_client_id(o, "c0"));
  assert_non_null(kl_own_orders_by_client_id(o, "c32767"));
  assert_string_equal(kl_own_orders_next(o, false, NULL)->order_id, "e32767");
  kl_own_orders_free(o);
}

static void fills_are_bounded_sorted_and_each_once(void **state) {
  (void)state;
  kl_fills f;
  assert_true(kl_fills_init(&f));
  for (int i = 0; i < KL_FILLS_KEPT + 500; i++) {
    kl_account_fill fill = {.ts_ms = 1000 + i};
    snprintf(fill.trade_id, sizeof fill.trade_id, "t%d", i);
    assert_non_null(kl_fills_add(&f, &fill));
    assert_null(kl_fills_add(&f, &fill));
  }
  assert_int_equal(f.count, KL_FILLS_KEPT);
  kl_account_fill old = {.ts_ms = 1400, .trade_id = "old"};
  assert_null(kl_fills_add(&f, &old)); /* older than all that are kept */
  kl_account_fill own = {.ts_ms = 5000, .trade_id = "t4000", .order_id = "other"};
  const kl_account_fill *middle = kl_fills_add(&f, &own); /* the other side of a trade with oneself */
  assert_non_null(middle);
  int64_t last = INT64_MIN;
  for (kl_list *n = f.newest_last.next; n != &f.newest_last; n = n->next) {
    const kl_account_fill *at = (const kl_account_fill *)((const char *)n - sizeof(kl_account_fill));
    assert_true(at->ts_ms >= last);
    last = at->ts_ms;
  }
  kl_fills_clear(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(any_order_of_arrival_gives_the_same_end),
      cmocka_unit_test(the_later_change_counts_and_of_one_moment_what_the_channel_said_last),
      cmocka_unit_test(a_list_does_not_replace_the_size_that_an_answer_said),
      cmocka_unit_test(ended_orders_are_bounded_and_resting_ones_stay),
      cmocka_unit_test(fills_are_bounded_sorted_and_each_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
