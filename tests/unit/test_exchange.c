/* The matching engine, rule by rule: the book, matching, and changes of orders. */
#include "unit/exchange_world.h"

/* ---- book and matching ---- */

static void bids_and_asks_rest_and_lock_what_they_cost(void **state) {
  world *w = *state;
  place(w, ANN, KL_BID, 4000, 1000);
  place(w, BOB, KL_ASK, 6500, 1000);
  assert_int_equal(balance(w, ANN), DOLLARS(996));
  assert_int_equal(balance(w, BOB), CENTS(99650)); /* 10 * 0.35 */
  check_level(w, KL_YES, 0, 4000, 1000);
  check_level(w, KL_NO, 0, 3500, 1000);
  kl_price bid, ask;
  kl_count bid_size, ask_size;
  kl_exchange_top(w->m, &bid, &bid_size, &ask, &ask_size);
  assert_int_equal(bid, 4000);
  assert_int_equal(ask, 6500);
  assert_int_equal(kl_exchange_cancel_all(w->x, w->now, ANN, -1), 1);
  assert_int_equal(balance(w, ANN), DOLLARS(1000));
  kl_exchange_top(w->m, &bid, &bid_size, &ask, &ask_size);
  assert_int_equal(bid, 0);
  assert_int_equal(bid_size, 0);
}

static void a_taker_gets_the_resting_price_and_pays_the_fee(void **state) {
  world *w = *state;
  const kl_order *ask = place(w, BOB, KL_ASK, 5000, 1000);
  const kl_order *bid = place(w, ANN, KL_BID, 6000, 1000);
  /* 10 * 0.50 + 0.175, the change floored to the cent */
  assert_int_equal(balance(w, ANN), CENTS(100000 - 518));
  assert_int_equal(balance(w, BOB), DOLLARS(995));
  assert_int_equal(w->out.filled, 1000);
  assert_int_equal(w->out.remaining, 0);
  assert_int_equal(w->out.fill_cost, DOLLARS(5));
  assert_int_equal(w->out.fees, CENTS(18));
  assert_int_equal(bid->status, KL_ORDER_EXECUTED);
  assert_int_equal(bid->taker_cost, DOLLARS(5));
  assert_int_equal(bid->taker_fees, CENTS(18));
  assert_int_equal(ask->status, KL_ORDER_EXECUTED);
  assert_int_equal(ask->maker_cost, DOLLARS(5));
  assert_int_equal(ask->maker_fees, 0);
  assert_int_equal(position(w, ANN), 1000);
  assert_int_equal(position(w, BOB), -1000);
  assert_int_equal(w->m->last_price, 5000);
  assert_int_equal(w->m->volume, 1000);
  assert_int_equal(w->m->open_interest, 1000);
  assert_int_equal(w->m->dollar_volume, DOLLARS(5));
  assert_int_equal(w->m->dollar_open_interest, DOLLARS(10));
}

static void the_best_price_trades_first_and_then_the_oldest_order(void **state) {
  world *w = *state;
  const kl_order *late = place(w, BOB, KL_ASK, 5100, 100);
  const kl_order *first = place(w, BOB, KL_ASK, 5000, 100);
  const kl_order *second = place(w, CAT, KL_ASK, 5000, 100);
  assert_int_equal(kl_exchange_queue_position(w->x, second), 100);
  place(w, ANN, KL_BID, 5100, 150);
  assert_int_equal(first->status, KL_ORDER_EXECUTED);
  assert_int_equal(second->remaining, 50);
  assert_int_equal(late->remaining, 100);
  assert_int_equal(kl_exchange_queue_position(w->x, second), 0);
  assert_int_equal(kl_exchange_trade_at(w->x, w->m, 0)->count, 50);
  assert_int_equal(kl_exchange_trade_at(w->x, w->m, 1)->count, 100);
  assert_null(kl_exchange_trade_at(w->x, NULL, 2));
}

static void the_rest_of_a_taker_comes_to_rest_at_its_own_price(void **state) {
  world *w = *state;
  place(w, BOB, KL_ASK, 5000, 100);
  const kl_order *o = place(w, ANN, KL_BID, 5500, 300);
  assert_int_equal(o->status, KL_ORDER_RESTING);
  assert_int_equal(o->filled, 100);
  assert_int_equal(o->remaining, 200);
  check_level(w, KL_YES, 0, 5500, 200);
}

static void the_rest_of_an_immediate_or_cancel_is_canceled_in_the_call(void **state) {
  world *w = *state;
  place(w, BOB, KL_ASK, 5000, 100);
  const kl_order *o = place_as(w, ANN, KL_BID, 5500, 300, KL_TIF_IOC, KL_STP_MAKER);
  assert_int_equal(o->status, KL_ORDER_CANCELED);
  assert_int_equal(o->initial, 300);
  assert_int_equal(w->out.filled, 100);
  assert_int_equal(w->out.remaining, 0);
  assert_int_equal(kl_exchange_levels(w->m, KL_YES), 0);
}

static void a_fill_or_kill_trades_all_or_nothing(void **state) {
  world *w = *state;
  place(w, BOB, KL_ASK, 5000, 100);
  place(w, CAT, KL_ASK, 5100, 100);
  const kl_order *o = place_as(w, ANN, KL_BID, 5100, 201, KL_TIF_FOK, KL_STP_MAKER);
  assert_int_equal(o->status, KL_ORDER_CANCELED);
  assert_int_equal(w->out.filled, 0);
  assert_int_equal(balance(w, ANN), DOLLARS(1000));
  o = place_as(w, ANN, KL_BID, 5100, 200, KL_TIF_FOK, KL_STP_MAKER);
  assert_int_equal(o->status, KL_ORDER_EXECUTED);
  assert_int_equal(w->out.filled, 200);
}

static void a_fill_or_kill_that_meets_an_own_order_is_an_immediate_or_cancel(void **state) {
  world *w = *state;
  place(w, BOB, KL_ASK, 5000, 100);
  const kl_order *own = place(w, ANN, KL_ASK, 5100, 100);
  place_as(w, ANN, KL_BID, 5100, 200, KL_TIF_FOK, KL_STP_TAKER_AT_CROSS);
  assert_int_equal(w->out.filled, 100);
  assert_int_equal(w->out.order->reason, KL_REASON_SELF_TRADE);
  assert_int_equal(own->status, KL_ORDER_RESTING);
  place(w, BOB, KL_ASK, 5000, 100);
  place_as(w, ANN, KL_BID, 5100, 200, KL_TIF_FOK, KL_STP_MAKER);
  assert_int_equal(w->out.filled, 100);
  assert_int_equal(w->out.order->status, KL_ORDER_CANCELED);
  assert_int_equal(own->status, KL_ORDER_CANCELED);
}

static void a_post_only_order_that_would_cross_is_refused(void **state) {
  world *w = *state;
  place(w, BOB, KL_ASK, 5000, 100);
  kl_order_request r = request(ANN, KL_BID, 5000, 100);
  r.post_only = true;
  assert_int_equal(send_order(w, r), KL_X_POST_ONLY_CROSS);
  assert_null(w->out.order);
  r.price = 4900;
  assert_int_equal(send_order(w, r), KL_X_OK);
  assert_int_equal(w->out.remaining, 100);
  r.tif = KL_TIF_IOC;
  assert_int_equal(send_order(w, r), KL_X_INVALID_PARAMETERS);
}

static void a_post_only_order_amended_across_ends(void **state) {
  world *w = *state;
  place(w, BOB, KL_ASK, 5000, 100);
  kl_order_request r = request(ANN, KL_BID, 4900, 100);
  r.post_only = true;
  assert_int_equal(send_order(w, r), KL_X_OK);
  const kl_order *o = w->out.order;
  assert_int_equal(amend(w, o, 5000, 100), KL_X_OK);
  assert_int_equal(o->status, KL_ORDER_CANCELED);
  assert_int_equal(o->reason, KL_REASON_POST_ONLY_CROSS);
  assert_int_equal(w->out.filled, 0);
  assert_int_equal(w->out.remaining, 0);
  assert_int_equal(balance(w, ANN), DOLLARS(1000));
}

static void taker_at_cross_stops_at_the_first_own_order_of_any_subaccount(void **state) {
  world *w = *state;
  assert_int_equal(kl_exchange_open_subaccount(w->x, ANN, 5, 0), KL_X_OK);
  assert_int_equal(kl_exchange_transfer(w->x, ANN, 0, 0, 5, DOLLARS(10)), KL_X_OK);
  place(w, BOB, KL_ASK, 4900, 100);
  kl_order_request r = request(ANN, KL_ASK, 5000, 100);
  r.subaccount = 5;
  assert_int_equal(send_order(w, r), KL_X_OK);
  const kl_order *own = w->out.order;
  place(w, BOB, KL_ASK, 5100, 100);
  const kl_order *o = place_as(w, ANN, KL_BID, 5100, 300, KL_TIF_GTC, KL_STP_TAKER_AT_CROSS);
  assert_int_equal(w->out.filled, 100);
  assert_int_equal(w->out.remaining, 0);
  assert_int_equal(o->status, KL_ORDER_CANCELED);
  assert_int_equal(o->reason, KL_REASON_SELF_TRADE);
  assert_int_equal(own->status, KL_ORDER_RESTING);
}

static void maker_prevention_cancels_own_orders_and_goes_on(void **state) {
  world *w = *state;
  const kl_order *own = place(w, ANN, KL_ASK, 5000, 100);
  place(w, BOB, KL_ASK, 5100, 100);
  place_as(w, ANN, KL_BID, 5100, 100, KL_TIF_GTC, KL_STP_MAKER);
  assert_int_equal(w->out.filled, 100);
  assert_int_equal(own->status, KL_ORDER_CANCELED);
  assert_int_equal(own->reason, KL_REASON_SELF_TRADE);
}

static void reduce_only_fills_no_more_than_the_position(void **state) {
  world *w = *state;
  kl_order_request r = request(ANN, KL_ASK, 4000, 500);
  r.reduce_only = true;
  assert_int_equal(send_order(w, r), KL_X_INVALID_PARAMETERS); /* only immediate-or-cancel */
  r.tif = KL_TIF_IOC;
  place(w, BOB, KL_ASK, 5000, 200);
  place(w, ANN, KL_BID, 5000, 200);
  place(w, CAT, KL_BID, 4000, 1000);
  assert_int_equal(send_order(w, r), KL_X_OK);
  assert_int_equal(w->out.filled, 200);
  assert_int_equal(w->out.order->reason, KL_REASON_REDUCE_ONLY);
  assert_int_equal(position(w, ANN), 0);
  assert_int_equal(send_order(w, r), KL_X_OK);
  assert_int_equal(w->out.filled, 0);
  assert_int_equal(w->out.order->status, KL_ORDER_CANCELED);
  assert_int_equal(w->out.order->reason, KL_REASON_REDUCE_ONLY);
}

static void events_are_told_in_the_order_they_happen(void **state) {
  world *w = *state;
  place(w, BOB, KL_ASK, 5000, 100);
  w->log[0] = '\0';
  place(w, ANN, KL_BID, 5000, 150);
  assert_string_equal(w->log, "level:no:5000:-100:1 trade:5000:100:bid fill:1:maker:-100 fill:0:taker:100 "
                              "order:1:executed:0:Trade position:1/0:-100 position:0/0:100 "
                              "order:0:resting:50:Trade level:yes:5000:+50:0");
  w->log[0] = '\0';
  place_as(w, ANN, KL_BID, 4000, 100, KL_TIF_IOC, KL_STP_MAKER);
  assert_string_equal(w->log, "order:0:canceled:0:-"); /* no level for what never rested */
  w->log[0] = '\0';
  assert_int_equal(kl_exchange_cancel_all(w->x, w->now, ANN, 0), 1);
  assert_string_equal(w->log, "level:yes:5000:-50:0 order:0:canceled:0:-");
}

/* ---- changing orders ---- */

static void a_smaller_size_keeps_the_place_in_the_queue(void **state) {
  world *w = *state;
  const kl_order *o = place(w, ANN, KL_BID, 5000, 300);
  const kl_order *behind = place(w, BOB, KL_BID, 5000, 100);
  uint64_t seq = o->seq;
  w->log[0] = '\0';
  assert_int_equal(amend(w, o, 5000, 200), KL_X_OK);
  assert_string_equal(w->log, "level:yes:5000:-100:0 order:0:resting:200:Amend");
  assert_true(w->out.changed);
  assert_int_equal(o->seq, seq);
  assert_int_equal(o->initial, 200);
  assert_int_equal(kl_exchange_queue_position(w->x, behind), 200);
  assert_int_equal(balance(w, ANN), DOLLARS(999));
  assert_int_equal(amend(w, o, 5000, 200), KL_X_OK);
  assert_false(w->out.changed);
}

static void a_larger_size_or_another_price_goes_to_the_back(void **state) {
  world *w = *state;
  const kl_order *o = place(w, ANN, KL_BID, 5000, 100);
  place(w, BOB, KL_BID, 5000, 100);
  place(w, BOB, KL_BID, 5100, 100);
  kl_uuid id;
  memcpy(id, o->id, sizeof id);
  assert_int_equal(amend(w, o, 5000, 200), KL_X_OK);
  assert_int_equal(kl_exchange_queue_position(w->x, o), 100);
  assert_int_equal(amend(w, o, 5100, 50), KL_X_OK);
  assert_int_equal(kl_exchange_queue_position(w->x, o), 100);
  assert_string_equal(o->id, id);
  assert_int_equal(balance(w, ANN), DOLLARS(1000) - 5100 * 50);
}

static void the_count_of_an_amend_holds_what_has_filled(void **state) {
  world *w = *state;
  const kl_order *o = place(w, ANN, KL_BID, 5000, 300);
  place(w, BOB, KL_ASK, 5000, 100);
  assert_int_equal(amend(w, o, 5000, 100), KL_X_INVALID_SIZE);
  assert_int_equal(amend(w, o, 5000, 250), KL_X_OK);
  assert_int_equal(o->remaining, 150);
  assert_int_equal(w->out.remaining, 150);
}

static void an_amend_may_trade(void **state) {
  world *w = *state;
  const kl_order *o = place(w, ANN, KL_BID, 5000, 300);
  place(w, BOB, KL_ASK, 5500, 100);
  w->log[0] = '\0';
  assert_int_equal(amend(w, o, 5500, 300), KL_X_OK);
  assert_int_equal(w->out.filled, 100);
  assert_int_equal(w->out.remaining, 200);
  assert_int_equal(o->status, KL_ORDER_RESTING);
  assert_string_equal(w->log, "level:yes:5000:-300:0 level:no:4500:-100:1 trade:5500:100:bid fill:1:maker:-100 "
                              "fill:0:taker:100 order:1:executed:0:Trade position:1/0:-100 position:0/0:100 "
                              "order:0:resting:200:Trade level:yes:5500:+200:0");
}

static void an_amend_that_does_not_fit_changes_nothing(void **state) {
  world *w = *state;
  const kl_order *o = place(w, ANN, KL_BID, 5000, 100);
  kl_amend_request a = {.user = ANN, .order_id = o->id, .ticker = "M", .side = KL_BID, .price = 5000, .count = 100};
  kl_amend_request b = a;
  b.ticker = "N";
  assert_int_equal(kl_exchange_amend(w->x, w->now, &b, NULL), KL_X_TICKER_MISMATCH);
  b = a;
  b.side = KL_ASK;
  assert_int_equal(kl_exchange_amend(w->x, w->now, &b, NULL), KL_X_SIDE_MISMATCH);
  b = a;
  b.client_order_id = "other";
  assert_int_equal(kl_exchange_amend(w->x, w->now, &b, NULL), KL_X_ID_MISMATCH);
  b = a;
  b.price = 5050;
  assert_int_equal(kl_exchange_amend(w->x, w->now, &b, NULL), KL_X_INVALID_PRICE);
  b = a;
  b.subaccount = 1;
  assert_int_equal(kl_exchange_amend(w->x, w->now, &b, NULL), KL_X_NOT_FOUND);
  assert_int_equal(amend(w, o, 5000, 1000000), KL_X_INSUFFICIENT_BALANCE);
  assert_int_equal(o->remaining, 100);
  assert_int_equal(balance(w, ANN), CENTS(99950));
  /* its own collateral counts: all of the balance is reachable */
  assert_int_equal(amend(w, o, 5000, 200000), KL_X_OK);
  assert_int_equal(balance(w, ANN), 0);
}

static void a_decrease_keeps_the_place_and_to_zero_cancels(void **state) {
  world *w = *state;
  const kl_order *o = place(w, ANN, KL_BID, 5000, 300), *same;
  uint64_t seq = o->seq;
  assert_int_equal(kl_exchange_decrease(w->x, w->now, ANN, 0, o->id, 100, -1, &same), KL_X_OK);
  assert_ptr_equal(same, o);
  assert_int_equal(o->remaining, 200);
  assert_int_equal(o->initial, 200);
  assert_int_equal(o->reason, KL_REASON_DECREASE);
  assert_int_equal(kl_exchange_decrease(w->x, w->now, ANN, 0, o->id, -1, 50, &same), KL_X_OK);
  assert_int_equal(o->remaining, 50);
  assert_int_equal(o->seq, seq);
  check_level(w, KL_YES, 0, 5000, 50);
  assert_int_equal(kl_exchange_decrease(w->x, w->now, ANN, 0, o->id, 10, 10, &same), KL_X_INVALID_PARAMETERS);
  assert_int_equal(kl_exchange_decrease(w->x, w->now, ANN, 0, o->id, -1, -1, &same), KL_X_INVALID_PARAMETERS);
  assert_int_equal(kl_exchange_decrease(w->x, w->now, ANN, 0, o->id, 0, -1, &same), KL_X_INVALID_SIZE);
  assert_int_equal(kl_exchange_decrease(w->x, w->now, ANN, 0, o->id, -1, 51, &same), KL_X_INVALID_SIZE);
  assert_int_equal(kl_exchange_decrease(w->x, w->now, ANN, 0, o->id, -1, 0, &same), KL_X_OK);
  assert_int_equal(o->status, KL_ORDER_CANCELED);
  assert_int_equal(balance(w, ANN), DOLLARS(1000));
}

static void a_cancel_finds_only_resting_orders_of_that_user_and_subaccount(void **state) {
  world *w = *state;
  const kl_order *o = place(w, ANN, KL_BID, 5000, 300), *ended;
  kl_count reduced;
  assert_int_equal(kl_exchange_cancel(w->x, w->now, BOB, 0, o->id, &reduced, &ended), KL_X_NOT_FOUND);
  assert_int_equal(kl_exchange_cancel(w->x, w->now, ANN, 3, o->id, &reduced, &ended), KL_X_NOT_FOUND);
  assert_int_equal(kl_exchange_cancel(w->x, w->now, ANN, 0, "nonsense", &reduced, &ended), KL_X_NOT_FOUND);
  assert_int_equal(kl_exchange_cancel(w->x, w->now, ANN, 0, NULL, &reduced, &ended), KL_X_NOT_FOUND);
  assert_int_equal(kl_exchange_cancel(w->x, w->now, ANN, 0, o->id, &reduced, &ended), KL_X_OK);
  assert_int_equal(reduced, 300);
  assert_int_equal(ended->initial, 300);
  assert_int_equal(ended->remaining, 0);
  assert_int_equal(cancel(w, o), KL_X_NOT_FOUND);
  assert_ptr_equal(kl_exchange_order(w->x, ANN, o->id), o); /* but it can still be read */
  assert_null(kl_exchange_order(w->x, BOB, o->id));
}

static void cancel_all_can_be_limited_to_a_subaccount(void **state) {
  world *w = *state;
  assert_int_equal(kl_exchange_open_subaccount(w->x, ANN, 2, 0), KL_X_OK);
  assert_int_equal(kl_exchange_transfer(w->x, ANN, 0, 0, 2, DOLLARS(10)), KL_X_OK);
  place(w, ANN, KL_BID, 5000, 100);
  place(w, ANN, KL_BID, 4900, 100);
  kl_order_request r = request(ANN, KL_BID, 4800, 100);
  r.subaccount = 2;
  assert_int_equal(send_order(w, r), KL_X_OK);
  assert_int_equal(kl_exchange_cancel_all(w->x, w->now, ANN, 2), 1);
  assert_int_equal(kl_exchange_cancel_all(w->x, w->now, ANN, -1), 2);
  assert_int_equal(kl_exchange_cancel_all(w->x, w->now, ANN, -1), 0);
}

static void a_client_order_id_is_used_once_for_ever(void **state) {
  world *w = *state;
  kl_order_request r = request(ANN, KL_BID, 5000, 100);
  r.client_order_id = "mine";
  assert_int_equal(send_order(w, r), KL_X_OK);
  assert_string_equal(w->out.order->client_order_id, "mine");
  assert_int_equal(cancel(w, w->out.order), KL_X_OK);
  assert_int_equal(send_order(w, r), KL_X_EXISTS);
  r.user = BOB; /* another user's ids are his own */
  assert_int_equal(send_order(w, r), KL_X_OK);
  const kl_order *o = w->out.order;
  r.client_order_id = "refused";
  r.price = 5050;
  assert_int_equal(send_order(w, r), KL_X_INVALID_PRICE); /* a refused order uses up nothing */
  r.price = 5000;
  assert_int_equal(send_order(w, r), KL_X_OK);
  r.client_order_id = "12345678901234567890123456789012345678901234567890123456789012345";
  assert_int_equal(send_order(w, r), KL_X_INVALID_PARAMETERS);
  kl_amend_request a = {.user = BOB,
                        .order_id = o->id,
                        .ticker = "M",
                        .side = KL_BID,
                        .price = 5000,
                        .count = 100,
                        .client_order_id = "mine",
                        .updated_client_order_id = "refused"};
  assert_int_equal(kl_exchange_amend(w->x, w->now, &a, &w->out), KL_X_EXISTS);
  a.updated_client_order_id = "new";
  assert_int_equal(kl_exchange_amend(w->x, w->now, &a, &w->out), KL_X_OK);
  assert_true(w->out.changed);
  assert_string_equal(o->client_order_id, "new");
  r.client_order_id = "mine";
  assert_int_equal(send_order(w, r), KL_X_EXISTS);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(bids_and_asks_rest_and_lock_what_they_cost),
      CASE(a_taker_gets_the_resting_price_and_pays_the_fee),
      CASE(the_best_price_trades_first_and_then_the_oldest_order),
      CASE(the_rest_of_a_taker_comes_to_rest_at_its_own_price),
      CASE(the_rest_of_an_immediate_or_cancel_is_canceled_in_the_call),
      CASE(a_fill_or_kill_trades_all_or_nothing),
      CASE(a_fill_or_kill_that_meets_an_own_order_is_an_immediate_or_cancel),
      CASE(a_post_only_order_that_would_cross_is_refused),
      CASE(a_post_only_order_amended_across_ends),
      CASE(taker_at_cross_stops_at_the_first_own_order_of_any_subaccount),
      CASE(maker_prevention_cancels_own_orders_and_goes_on),
      CASE(reduce_only_fills_no_more_than_the_position),
      CASE(events_are_told_in_the_order_they_happen),
      CASE(a_smaller_size_keeps_the_place_in_the_queue),
      CASE(a_larger_size_or_another_price_goes_to_the_back),
      CASE(the_count_of_an_amend_holds_what_has_filled),
      CASE(an_amend_may_trade),
      CASE(an_amend_that_does_not_fit_changes_nothing),
      CASE(a_decrease_keeps_the_place_and_to_zero_cancels),
      CASE(a_cancel_finds_only_resting_orders_of_that_user_and_subaccount),
      CASE(cancel_all_can_be_limited_to_a_subaccount),
      CASE(a_client_order_id_is_used_once_for_ever),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
