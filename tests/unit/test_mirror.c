/* The rules of the fill model, one by one, on small books. Checks of all views are written pessimistic, estimate,
 * optimistic. */
#include "mirror_bed.h"

/* ---- queue and trades ---- */

/* Bid 50: 10 contracts of others, then 5 of ours, then 7 more of others. */
static const kl_order *queue_at_50(bed *b) {
  empty_book(b);
  live(b, KL_BID, 50, 10);
  live(b, KL_ASK, 55, 20);
  const kl_order *o = order(b, KL_BID, 50, 5);
  live(b, KL_BID, 50, 7);
  check_in_front(b, KL_BID, 50, 10, 10, 10);
  return o;
}

static void a_new_order_stands_behind_all_that_is_there(void **state) {
  bed *b = *state;
  (void)queue_at_50(b);
  prints(b, 50, 10, KL_ASK);
  live(b, KL_BID, 50, -10);
  check_fills(b, 0, 0, 0);
  check_in_front(b, KL_BID, 50, 0, 0, 0);
}

static void a_trade_fills_those_in_front_then_us_then_those_behind(void **state) {
  bed *b = *state;
  (void)queue_at_50(b);
  prints(b, 50, 12, KL_ASK);
  check_fills(b, 2, 2, 2);
  live(b, KL_BID, 50, -12);
  check_fills(b, 2, 2, 2);
  kl_mirror_counts counts;
  kl_mirror_counted(b->m, &counts);
  assert_int_equal(counts.explained, 1);
  pass(b, 2 * WINDOW);
  kl_mirror_counted(b->m, &counts);
  assert_int_equal(counts.canceled, 0);
  assert_int_equal(counts.unseen_trades, 0);
  prints(b, 50, 5, KL_ASK);
  live(b, KL_BID, 50, -5);
  check_fills(b, 5, 5, 5);
  assert_int_equal(in_front(b, EST, KL_BID, 50), -1);
}

static void the_level_may_fall_before_its_trade_is_told(void **state) {
  bed *b = *state;
  (void)queue_at_50(b);
  live(b, KL_BID, 50, -12);
  check_fills(b, 0, 0, 0);
  check_in_front(b, KL_BID, 50, 10, 10, 10);
  b->now += 100 * MS;
  prints(b, 50, 12, KL_ASK);
  check_fills(b, 2, 2, 2);
  pass(b, 2 * WINDOW);
  check_fills(b, 2, 2, 2);
}

static void a_trade_in_pieces_explains_one_fall(void **state) {
  bed *b = *state;
  (void)queue_at_50(b);
  live(b, KL_BID, 50, -14);
  prints(b, 50, 6, KL_ASK);
  prints(b, 50, 8, KL_ASK);
  check_fills(b, 4, 4, 4);
  pass(b, 2 * WINDOW);
  prints(b, 50, 1, KL_ASK);
  live(b, KL_BID, 50, -1);
  check_fills(b, 5, 5, 5);
}

static void a_trade_told_twice_counts_once(void **state) {
  bed *b = *state;
  (void)queue_at_50(b);
  for (int i = 0; i < 2; i++)
    kl_mirror_trade(b->m, b->now, "M", 5000, 12 * ONE, KL_ASK, "a6f0e2a8-0000-4000-8000-000000000001");
  check_fills(b, 2, 2, 2);
  kl_mirror_counts counts;
  kl_mirror_counted(b->m, &counts);
  assert_int_equal(counts.repeated_trades, 1);
}

static void trades_at_other_prices_or_sides_do_not_touch_us(void **state) {
  bed *b = *state;
  (void)queue_at_50(b);
  prints(b, 55, 20, KL_BID);
  prints(b, 51, 20, KL_ASK); /* above our bid: others were better */
  prints(b, 50, 3, KL_BID);  /* somebody bought at 50: it was an ask that traded */
  check_fills(b, 0, 0, 0);
  check_in_front(b, KL_BID, 50, 10, 10, 10);
}

static void a_better_price_than_the_trade_fills_first_and_at_its_own_price(void **state) {
  bed *b = *state;
  empty_book(b);
  live(b, KL_BID, 50, 10);
  (void)order(b, KL_BID, 52, 5);
  prints(b, 50, 3, KL_ASK);
  live(b, KL_BID, 50, -3);
  check_fills(b, 3, 3, 3);
  prints(b, 50, 7, KL_ASK);
  live(b, KL_BID, 50, -7);
  check_fills(b, 5, 5, 5);
  assert_int_equal(total(b, EST).cost, 5 * ONE * 5200);
}

static void what_we_filled_in_the_place_of_others_is_not_filled_again(void **state) {
  bed *b = *state;
  empty_book(b);
  live(b, KL_BID, 51, 4);
  live(b, KL_BID, 50, 20);
  (void)order(b, KL_BID, 52, 4);
  const kl_order *second = order(b, KL_BID, 50, 5);
  /* A seller of 6: 4 at 51 and 2 at 50, while we were first. */
  prints(b, 51, 4, KL_ASK);
  prints(b, 50, 2, KL_ASK);
  live(b, KL_BID, 51, -4);
  live(b, KL_BID, 50, -2);
  assert_int_equal(second->filled, 0);
  check_fills(b, 4, 4, 4);
  /* The four at 51 would have been there for the two: nobody in front of us was filled by them. What live does not
   * show leaves all the same, since nobody stands behind us. */
  assert_int_equal(in_front(b, EST, KL_BID, 50), 18);
}

/* ---- levels that fall without a trade ---- */

static void a_cancel_is_in_front_or_behind_by_the_view(void **state) {
  bed *b = *state;
  empty_book(b);
  live(b, KL_BID, 50, 10);
  (void)order(b, KL_BID, 50, 5);
  live(b, KL_BID, 50, 10);
  live(b, KL_BID, 50, -8);
  check_in_front(b, KL_BID, 50, 10, 10, 10);
  pass(b, WINDOW);
  check_in_front(b, KL_BID, 50, 10, 6, 2);
  live(b, KL_BID, 50, -6);
  pass(b, WINDOW);
  check_in_front(b, KL_BID, 50, 6, 3, 0);
  check_fills(b, 0, 0, 0);
}

static void a_fall_that_no_trade_explained_fills_nobody(void **state) {
  bed *b = *state;
  (void)queue_at_50(b);
  live(b, KL_BID, 50, -17);
  pass(b, WINDOW);
  check_fills(b, 0, 0, 0);
  check_in_front(b, KL_BID, 50, 0, 0, 0);
}

static void a_trade_after_the_window_is_one_of_its_own(void **state) {
  bed *b = *state;
  (void)queue_at_50(b);
  live(b, KL_BID, 50, -10);
  pass(b, WINDOW);
  /* Ten of the seventeen are gone. Pessimist: seven behind and three in front; estimate: 5.88 in front. */
  check_in_front(b, KL_BID, 50, 7, 4, 0);
  prints(b, 50, 6, KL_ASK);
  check_fills(b, 0, 1, 5);
}

static void an_order_that_came_after_the_trade_is_not_filled_by_it(void **state) {
  bed *b = *state;
  empty_book(b);
  live(b, KL_BID, 50, 10);
  live(b, KL_BID, 50, -10);
  b->now += 20 * MS;
  (void)order(b, KL_BID, 51, 5);
  (void)order(b, KL_BID, 50, 5);
  b->now += 20 * MS;
  live(b, KL_BID, 49, 1); /* the market is followed now */
  check_fills(b, 0, 0, 0);
}

static void a_late_trade_fills_no_order_that_came_between(void **state) {
  bed *b = *state;
  empty_book(b);
  live(b, KL_BID, 50, 10);
  live(b, KL_BID, 40, 1);
  (void)order(b, KL_BID, 40, 1); /* so that the market is followed */
  live(b, KL_BID, 50, -10);
  b->now += 20 * MS;
  (void)order(b, KL_BID, 51, 5);
  (void)order(b, KL_BID, 50, 5);
  b->now += 20 * MS;
  prints(b, 50, 10, KL_ASK);
  check_fills(b, 0, 0, 0);
}

/* ---- live orders that cross ours ---- */

static void a_live_order_that_crosses_fills_us_at_our_price(void **state) {
  bed *b = *state;
  empty_book(b);
  live(b, KL_BID, 49, 10);
  live(b, KL_ASK, 55, 10);
  (void)order(b, KL_BID, 52, 5);
  live(b, KL_ASK, 51, 3);
  check_fills(b, 0, 3, 3);
  assert_int_equal(total(b, EST).cost, 3 * ONE * 5200);
  pass(b, WINDOW);
  check_fills(b, 3, 3, 3);
  /* They are ours now: nobody takes them again, though live shows them. */
  assert_int_equal(take(b, KL_BID, 51, 10), 0);
}

static void a_crossing_order_that_leaves_at_once_does_not_fill_the_pessimist(void **state) {
  bed *b = *state;
  empty_book(b);
  (void)order(b, KL_BID, 52, 5);
  live(b, KL_ASK, 51, 3);
  b->now += 100 * MS;
  live(b, KL_ASK, 51, -2);
  pass(b, WINDOW);
  check_fills(b, 1, 3, 3);
}

static void a_crossing_order_that_trades_fills_the_pessimist_too(void **state) {
  bed *b = *state;
  empty_book(b);
  (void)order(b, KL_BID, 52, 5);
  live(b, KL_ASK, 51, 3);
  prints(b, 51, 3, KL_BID);
  live(b, KL_ASK, 51, -3);
  check_fills(b, 3, 3, 3);
  pass(b, 2 * WINDOW);
  check_fills(b, 3, 3, 3);
}

static void a_seller_of_more_than_the_queue_fills_us_with_the_rest(void **state) {
  bed *b = *state;
  empty_book(b);
  live(b, KL_BID, 50, 10);
  (void)order(b, KL_BID, 50, 5);
  /* He sells 13 at 50: ten to those in front, and the rest comes to rest there. */
  live(b, KL_BID, 50, -10);
  live(b, KL_ASK, 50, 3);
  check_fills(b, 0, 3, 3);
  prints(b, 50, 10, KL_ASK);
  check_fills(b, 0, 3, 3);
  pass(b, WINDOW);
  check_fills(b, 3, 3, 3);
}

/* ---- own orders that take ---- */

static void an_own_order_walks_the_levels_that_live_shows(void **state) {
  bed *b = *state;
  empty_book(b);
  live(b, KL_ASK, 55, 10);
  live(b, KL_ASK, 56, 10);
  live(b, KL_ASK, 58, 10);
  assert_int_equal(take(b, KL_BID, 57, 25), 20);
  assert_int_equal(b->out.fill_cost, 10 * ONE * 5500 + 10 * ONE * 5600);
  check_fills(b, 20, 20, 20);
  assert_int_equal(take(b, KL_BID, 57, 25), 0); /* it is gone */
  live(b, KL_ASK, 56, 4);
  assert_int_equal(take(b, KL_BID, 57, 25), 4);
}

static void what_was_taken_comes_again_by_the_view(void **state) {
  bed *b = *state;
  empty_book(b);
  live(b, KL_ASK, 55, 10);
  (void)order(b, KL_BID, 20, 1); /* the market is followed */
  assert_int_equal(take(b, KL_BID, 55, 6), 6);
  check_fills(b, 6, 6, 6);
  pass(b, 1000 * MS);
  live(b, KL_ASK, 55, -3); /* canceled: in the estimate it was of what we took */
  pass(b, WINDOW);
  (void)take(b, KL_BID, 55, 10);
  /* Live shows 7: the pessimist has 1 left of them, the estimate 4, the optimist all. */
  check_fills(b, 7, 10, 13);
}

static void a_level_that_vanishes_and_returns_is_new(void **state) {
  bed *b = *state;
  empty_book(b);
  live(b, KL_ASK, 55, 10);
  assert_int_equal(take(b, KL_BID, 55, 10), 10);
  live(b, KL_ASK, 55, -10);
  live(b, KL_ASK, 55, 10);
  assert_int_equal(take(b, KL_BID, 55, 10), 10);
  check_fills(b, 20, 20, 20);
}

static void all_or_nothing_counts_what_is_there(void **state) {
  bed *b = *state;
  empty_book(b);
  live(b, KL_ASK, 55, 10);
  kl_order_request r = {.side = KL_BID, .price = 5500, .count = 11 * ONE, .tif = KL_TIF_FOK};
  assert_int_equal(enter(b, r), KL_X_OK);
  check_fills(b, 0, 0, 0);
  r.count = 10 * ONE;
  assert_int_equal(enter(b, r), KL_X_OK);
  check_fills(b, 10, 10, 10);
}

static void post_only_sees_the_live_book(void **state) {
  bed *b = *state;
  empty_book(b);
  live(b, KL_ASK, 55, 10);
  kl_order_request r = {.side = KL_BID, .price = 5500, .count = ONE, .post_only = true};
  assert_int_equal(enter(b, r), KL_X_POST_ONLY_CROSS);
  live(b, KL_ASK, 55, -10);
  assert_int_equal(enter(b, r), KL_X_OK);
}

/* ---- commands that change orders ---- */

static void an_amended_order_goes_to_the_back(void **state) {
  bed *b = *state;
  const kl_order *o = queue_at_50(b);
  assert_int_equal(change(b, o, 50, 3), KL_X_OK); /* smaller: the place stays */
  check_in_front(b, KL_BID, 50, 10, 10, 10);
  assert_int_equal(change(b, o, 50, 8), KL_X_OK);
  check_in_front(b, KL_BID, 50, 17, 17, 17);
  live(b, KL_BID, 51, 2);
  assert_int_equal(change(b, o, 51, 8), KL_X_OK);
  check_in_front(b, KL_BID, 51, 2, 2, 2);
  assert_int_equal(in_front(b, EST, KL_BID, 50), -1);
}

static void an_order_keeps_its_total_in_each_view(void **state) {
  bed *b = *state;
  empty_book(b);
  live(b, KL_BID, 50, 10);
  const kl_order *o = order(b, KL_BID, 50, 5);
  live(b, KL_BID, 50, -10); /* canceled */
  pass(b, WINDOW);
  live(b, KL_BID, 50, 10);
  prints(b, 50, 2, KL_ASK);
  live(b, KL_BID, 50, -2);
  check_fills(b, 2, 2, 2);
  assert_int_equal(change(b, o, 50, 4), KL_X_OK);
  prints(b, 50, 9, KL_ASK);
  live(b, KL_BID, 50, -8);
  check_fills(b, 4, 4, 4);
}

static void a_cancel_ends_the_order_wherever_it_rests(void **state) {
  bed *b = *state;
  empty_book(b);
  const kl_order *o = order(b, KL_BID, 52, 5);
  live(b, KL_ASK, 51, 3);
  check_fills(b, 0, 3, 3);
  withdraw(b, o);
  pass(b, 2 * WINDOW);
  check_fills(b, 0, 3, 3);
  assert_int_equal(total(b, PESS).resting, 0);
  kl_mirror_canceled(b->m, b->now, o); /* twice: nothing */
}

static void the_optimist_thinks_that_a_cancel_came_after_the_trade(void **state) {
  bed *b = *state;
  const kl_order *o = queue_at_50(b);
  live(b, KL_BID, 50, -12); /* ten in front, and two of ours */
  withdraw(b, o);
  check_fills(b, 0, 0, 2);
  prints(b, 50, 12, KL_ASK);
  pass(b, 2 * WINDOW);
  check_fills(b, 0, 0, 2);
}

static void an_order_that_filled_in_the_estimate_is_stranded_in_the_pessimistic_view(void **state) {
  bed *b = *state;
  (void)queue_at_50(b);
  live(b, KL_BID, 50, -10);
  pass(b, WINDOW);
  prints(b, 50, 10, KL_ASK);
  live(b, KL_BID, 50, -7);
  check_fills(b, 3, 5, 5);
  assert_int_equal(total(b, PESS).stranded, 2 * ONE);
  assert_int_equal(total(b, EST).stranded, 0);
}

static void a_decrease_is_followed(void **state) {
  bed *b = *state;
  const kl_order *o = queue_at_50(b);
  const kl_order *after;
  kl_mirror_before(b->m, b->now, "M");
  assert_int_equal(kl_exchange_decrease(b->x, b->now, b->me, 0, o->id, 2 * ONE, -1, &after), KL_X_OK);
  kl_mirror_decreased(b->m, b->now, after);
  for (int v = 0; v < KL_VIEWS; v++)
    assert_int_equal(total(b, (kl_mirror_view)v).resting, 3 * ONE);
  check_in_front(b, KL_BID, 50, 10, 10, 10);
}

static void an_order_expires_in_all_views(void **state) {
  bed *b = *state;
  empty_book(b);
  kl_order_request r = {.side = KL_BID, .price = 5000, .count = ONE, .expiration_us = b->now + SECOND};
  assert_int_equal(enter(b, r), KL_X_OK);
  pass(b, SECOND);
  for (int v = 0; v < KL_VIEWS; v++)
    assert_int_equal(total(b, (kl_mirror_view)v).resting, 0);
}

static void an_order_group_is_triggered_in_all_views(void **state) {
  bed *b = *state;
  const kl_order_group *g;
  empty_book(b);
  assert_int_equal(kl_exchange_group_create(b->x, b->now, b->me, 0, 0, 2 * ONE, &g), KL_X_OK);
  kl_mirror_group(b->m, b->now, g, "created");
  kl_order_request r = {.side = KL_BID, .price = 5000, .count = 10 * ONE, .order_group_id = g->id};
  assert_int_equal(enter(b, r), KL_X_OK);
  live(b, KL_ASK, 50, 3); /* the third is one too many */
  assert_true(g->triggered);
  kl_mirror_group(b->m, b->now, g, "triggered");
  for (int v = 0; v < KL_VIEWS; v++)
    assert_int_equal(total(b, (kl_mirror_view)v).resting, 0);
  kl_group_key k = {b->me, 0, 0, g->id};
  assert_int_equal(kl_exchange_group_reset(b->x, b->now, &k), KL_X_OK);
  kl_mirror_group(b->m, b->now, g, "reset");
  assert_int_equal(enter(b, r), KL_X_OK);
  for (int v = 0; v < KL_VIEWS; v++)
    assert_int_equal(total(b, (kl_mirror_view)v).resting, 10 * ONE);
}

static void own_orders_do_not_trade_with_each_other(void **state) {
  bed *b = *state;
  empty_book(b);
  live(b, KL_ASK, 55, 2);
  (void)order(b, KL_ASK, 55, 5);
  live(b, KL_ASK, 55, 3);
  assert_int_equal(take(b, KL_BID, 55, 10), 2);
  check_fills(b, 2, 2, 2);
}

/* ---- books that cannot be relied on ---- */

static void nothing_is_taken_from_a_stale_book(void **state) {
  bed *b = *state;
  (void)queue_at_50(b);
  kl_mirror_stale(b->m, b->now, "M", true);
  assert_int_equal(take(b, KL_BID, 55, 5), 0);
  live(b, KL_ASK, 45, 5); /* not believed */
  check_fills(b, 0, 0, 0);
  check_in_front(b, KL_BID, 50, 10, 10, 10);
  prints(b, 50, 12, KL_ASK); /* a trade is a trade */
  check_fills(b, 2, 2, 2);
  const kl_mirror_rung bids[] = {{5000, 5 * ONE}}, asks[] = {{4500, 20 * ONE}};
  const kl_mirror_rung *const levels[2] = {bids, asks};
  const size_t n[2] = {1, 1};
  kl_mirror_snapshot(b->m, b->now, "M", levels, n);
  assert_int_equal(take(b, KL_BID, 55, 5), 5);
}

static void nothing_is_known_before_the_first_snapshot(void **state) {
  bed *b = *state;
  live(b, KL_ASK, 55, 10);
  assert_int_equal(take(b, KL_BID, 55, 5), 0);
  empty_book(b);
  live(b, KL_ASK, 55, 10);
  assert_int_equal(take(b, KL_BID, 55, 5), 5);
}

static void after_a_gap_the_queue_is_no_longer_than_the_book(void **state) {
  bed *b = *state;
  (void)queue_at_50(b);
  kl_mirror_stale(b->m, b->now, "M", true);
  const kl_mirror_rung bids[] = {{5000, 4 * ONE}};
  const kl_mirror_rung *const levels[2] = {bids, NULL};
  const size_t n[2] = {1, 0};
  kl_mirror_snapshot(b->m, b->now, "M", levels, n);
  pass(b, WINDOW);
  check_fills(b, 0, 0, 0);
  check_in_front(b, KL_BID, 50, 4, 2, 0);
}

/* ---- markets ---- */

static void a_closed_market_pays_what_live_says(void **state) {
  bed *b = *state;
  empty_book(b);
  live(b, KL_ASK, 60, 10);
  assert_int_equal(take(b, KL_BID, 60, 10), 10);
  (void)order(b, KL_BID, 50, 1);
  kl_mirror_status(b->m, b->now, "M", KL_MARKET_CLOSED, -1);
  assert_int_equal(total(b, EST).resting, 0);
  kl_mirror_status(b->m, b->now, "M", KL_MARKET_DETERMINED, KL_PRICE_ONE);
  kl_mirror_status(b->m, b->now, "M", KL_MARKET_FINALIZED, KL_PRICE_ONE);
  for (int v = 0; v < KL_VIEWS; v++) {
    kl_mirror_total t = total(b, (kl_mirror_view)v);
    assert_int_equal(t.realized, 10 * ONE * 4000);
    assert_int_equal(t.open, 0);
    assert_int_equal(t.profit, t.realized - t.fees);
    assert_true(t.fees > 0);
  }
  assert_true(kl_mirror_retire(b->m, b->now, "E"));
  assert_false(kl_mirror_has(b->m, "M"));
  assert_int_equal(total(b, OPT).realized, 10 * ONE * 4000);
  assert_int_equal(total(b, OPT).fills, 1);
  assert_true(kl_mirror_market(b->m, b->now, &b->info)); /* for the teardown */
}

static void an_inactive_market_fills_nothing_and_resumes_empty(void **state) {
  bed *b = *state;
  (void)queue_at_50(b);
  kl_mirror_status(b->m, b->now, "M", KL_MARKET_INACTIVE, -1);
  prints(b, 50, 20, KL_ASK);
  live(b, KL_BID, 50, -17);
  live(b, KL_BID, 50, 3);
  check_fills(b, 0, 0, 0);
  kl_mirror_status(b->m, b->now, "M", KL_MARKET_ACTIVE, -1);
  assert_int_equal(total(b, PESS).resting, 0);
  pass(b, 2 * WINDOW);
  (void)order(b, KL_BID, 50, 1);
  check_in_front(b, KL_BID, 50, 3, 3, 3);
}

static void a_pause_holds_everything_in_its_place(void **state) {
  bed *b = *state;
  (void)queue_at_50(b);
  kl_mirror_pause(b->m, b->now, KL_ALL_SHARDS, KL_TRADING_PAUSE, 0);
  live(b, KL_BID, 50, 5);
  pass(b, 2 * WINDOW);
  kl_mirror_pause(b->m, b->now, KL_ALL_SHARDS, KL_RUNNING, 0);
  prints(b, 50, 12, KL_ASK);
  check_fills(b, 2, 2, 2);
}

static void fees_follow_the_live_schedule(void **state) {
  bed *b = *state;
  empty_book(b);
  live(b, KL_ASK, 50, 300);
  (void)take(b, KL_BID, 50, 100);
  kl_money first = total(b, EST).fees;
  b->series.fee_multiplier_ppm = 2000000;
  assert_true(kl_mirror_market(b->m, b->now, &b->info));
  (void)take(b, KL_BID, 50, 100);
  for (int v = 0; v < KL_VIEWS; v++)
    assert_int_equal(total(b, (kl_mirror_view)v).fees, 3 * first);
}

static void a_market_that_nobody_trades_costs_no_orders(void **state) {
  bed *b = *state;
  empty_book(b);
  for (int i = 1; i < 50; i++)
    live(b, KL_BID, i, 10);
  for (int v = 0; v < KL_VIEWS; v++)
    assert_int_equal(kl_exchange_levels(kl_exchange_market(kl_mirror_exchange(b->m, (kl_mirror_view)v), "M"), KL_YES),
                     0);
}

static void unknown_markets_and_nonsense_are_ignored(void **state) {
  bed *b = *state;
  empty_book(b);
  kl_mirror_level(b->m, b->now, "X", KL_YES, 5000, ONE);
  kl_mirror_trade(b->m, b->now, "X", 5000, ONE, KL_BID, "");
  kl_mirror_stale(b->m, b->now, "X", true);
  kl_mirror_before(b->m, b->now, "X");
  kl_mirror_level(b->m, b->now, "M", KL_YES, 0, ONE);
  kl_mirror_level(b->m, b->now, "M", KL_YES, 10000, ONE);
  kl_mirror_level(b->m, b->now, "M", KL_YES, 5050, ONE); /* not on the grid: nobody can trade with it */
  live(b, KL_BID, 50, -5);
  prints(b, 50, -1, KL_BID);
  assert_int_equal(take(b, KL_ASK, 50, 5), 0);
  kl_mirror_total t;
  kl_mirror_totals(b->m, EST, 99, "M", &t);
  assert_int_equal(t.contracts, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      BED_CASE(a_new_order_stands_behind_all_that_is_there),
      BED_CASE(a_trade_fills_those_in_front_then_us_then_those_behind),
      BED_CASE(the_level_may_fall_before_its_trade_is_told),
      BED_CASE(a_trade_in_pieces_explains_one_fall),
      BED_CASE(a_trade_told_twice_counts_once),
      BED_CASE(trades_at_other_prices_or_sides_do_not_touch_us),
      BED_CASE(a_better_price_than_the_trade_fills_first_and_at_its_own_price),
      BED_CASE(what_we_filled_in_the_place_of_others_is_not_filled_again),
      BED_CASE(a_cancel_is_in_front_or_behind_by_the_view),
      BED_CASE(a_fall_that_no_trade_explained_fills_nobody),
      BED_CASE(a_trade_after_the_window_is_one_of_its_own),
      BED_CASE(an_order_that_came_after_the_trade_is_not_filled_by_it),
      BED_CASE(a_late_trade_fills_no_order_that_came_between),
      BED_CASE(a_live_order_that_crosses_fills_us_at_our_price),
      BED_CASE(a_crossing_order_that_leaves_at_once_does_not_fill_the_pessimist),
      BED_CASE(a_crossing_order_that_trades_fills_the_pessimist_too),
      BED_CASE(a_seller_of_more_than_the_queue_fills_us_with_the_rest),
      BED_CASE(an_own_order_walks_the_levels_that_live_shows),
      BED_CASE(what_was_taken_comes_again_by_the_view),
      BED_CASE(a_level_that_vanishes_and_returns_is_new),
      BED_CASE(all_or_nothing_counts_what_is_there),
      BED_CASE(post_only_sees_the_live_book),
      BED_CASE(an_amended_order_goes_to_the_back),
      BED_CASE(an_order_keeps_its_total_in_each_view),
      BED_CASE(a_cancel_ends_the_order_wherever_it_rests),
      BED_CASE(the_optimist_thinks_that_a_cancel_came_after_the_trade),
      BED_CASE(an_order_that_filled_in_the_estimate_is_stranded_in_the_pessimistic_view),
      BED_CASE(a_decrease_is_followed),
      BED_CASE(an_order_expires_in_all_views),
      BED_CASE(an_order_group_is_triggered_in_all_views),
      BED_CASE(own_orders_do_not_trade_with_each_other),
      BED_CASE(nothing_is_taken_from_a_stale_book),
      BED_CASE(nothing_is_known_before_the_first_snapshot),
      BED_CASE(after_a_gap_the_queue_is_no_longer_than_the_book),
      BED_CASE(a_closed_market_pays_what_live_says),
      BED_CASE(an_inactive_market_fills_nothing_and_resumes_empty),
      BED_CASE(a_pause_holds_everything_in_its_place),
      BED_CASE(fees_follow_the_live_schedule),
      BED_CASE(a_market_that_nobody_trades_costs_no_orders),
      BED_CASE(unknown_markets_and_nonsense_are_ignored),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
