/* Money beside trading, rule by rule: subaccounts, shards, moves of money and of positions, netting, changes of fees.
 */
#include "unit/exchange_world.h"

/* Two exclusive markets of an event, where ANN has netting. */
typedef struct pair {
  world *w;
  kl_market *a, *b;
} pair;

static kl_market *exclusive_market(kl_exchange *x, kl_market_event *e, const char *ticker) {
  kl_market m = {.event = e, .created_us = START};
  (void)snprintf(m.ticker, sizeof m.ticker, "%s", ticker);
  return kl_exchange_add_market(x, &m);
}

static pair pair_of(world *w) {
  kl_series s = {.ticker = "RACE", .fee_type = KL_FEE_QUADRATIC}; /* a multiplier of 0: no fees */
  kl_market_event e = {.ticker = "RACE-E", .mutually_exclusive = true};
  e.series = kl_exchange_add_series(w->x, &s);
  kl_market_event *event = kl_exchange_add_event(w->x, &e);
  pair p = {w, exclusive_market(w->x, event, "RACE-E-A"), exclusive_market(w->x, event, "RACE-E-B")};
  assert_true(p.a && p.b);
  assert_int_equal(kl_exchange_set_netting(w->x, ANN, 0, 0, true), KL_X_OK);
  return p;
}

static kl_exchange_result trade_in(world *w, const kl_market *m, uint32_t buyer, uint32_t seller, kl_price price,
                                   kl_count count) {
  kl_order_request r = request(seller, KL_ASK, price, count);
  r.ticker = m->ticker;
  kl_exchange_result result = send_order(w, r);
  if (result != KL_X_OK) return result;
  r.user = buyer;
  r.side = KL_BID;
  return send_order(w, r);
}

static kl_money returned(const world *w, uint32_t user) { return kl_exchange_returned(w->x, user, 0, 0); }

static void what_no_is_sure_to_pay_is_returned_at_once(void **state) {
  world *w = *state;
  pair p = pair_of(w);
  assert_int_equal(trade_in(w, p.a, BOB, ANN, 3000, 1000), KL_X_OK); /* 10 NO at 0.70 */
  assert_int_equal(balance(w, ANN), DOLLARS(993));
  assert_int_equal(trade_in(w, p.b, BOB, ANN, 4000, 400), KL_X_OK); /* 4 NO at 0.60 */
  assert_int_equal(returned(w, ANN), DOLLARS(4));                   /* of 14 contracts at most 10 lose */
  assert_int_equal(balance(w, ANN), DOLLARS(993) - CENTS(240) + DOLLARS(4));
  assert_int_equal(returned(w, BOB), 0);
  assert_int_equal(kl_exchange_conservation(w->x), 0);
  /* off takes it back, on returns it again */
  assert_int_equal(kl_exchange_set_netting(w->x, ANN, 0, 0, false), KL_X_OK);
  assert_int_equal(balance(w, ANN), DOLLARS(993) - CENTS(240));
  assert_int_equal(kl_exchange_set_netting(w->x, ANN, 0, 0, true), KL_X_OK);
  assert_int_equal(balance(w, ANN), DOLLARS(997) - CENTS(240));
  /* A loses: nothing more to return, since its ten paid out what had been returned */
  assert_int_equal(kl_exchange_settle(w->x, w->now, p.a, 0), KL_X_OK);
  assert_int_equal(returned(w, ANN), 0);
  assert_int_equal(balance(w, ANN), DOLLARS(1003) - CENTS(240));
  assert_int_equal(kl_exchange_settle(w->x, w->now, p.b, KL_PRICE_ONE), KL_X_OK);
  assert_int_equal(balance(w, ANN), DOLLARS(1003) - CENTS(240));
}

static void after_a_winner_all_other_no_is_sure(void **state) {
  world *w = *state;
  pair p = pair_of(w);
  assert_int_equal(trade_in(w, p.a, BOB, ANN, 3000, 1000), KL_X_OK);
  assert_int_equal(trade_in(w, p.b, BOB, ANN, 4000, 400), KL_X_OK);
  kl_money before = balance(w, ANN);
  assert_int_equal(kl_exchange_settle(w->x, w->now, p.a, KL_PRICE_ONE), KL_X_OK);
  assert_int_equal(returned(w, ANN), DOLLARS(4));
  assert_int_equal(balance(w, ANN), before);
  assert_int_equal(kl_exchange_settle(w->x, w->now, p.b, 0), KL_X_OK);
  assert_int_equal(returned(w, ANN), 0);
  assert_int_equal(balance(w, ANN), before);
}

static void netting_never_takes_a_balance_below_zero(void **state) {
  world *w = *state;
  pair p = pair_of(w);
  assert_int_equal(trade_in(w, p.a, BOB, ANN, 3000, 1000), KL_X_OK);
  assert_int_equal(trade_in(w, p.b, BOB, ANN, 4000, 1000), KL_X_OK);
  assert_int_equal(returned(w, ANN), DOLLARS(10));
  assert_int_equal(kl_exchange_open_subaccount(w->x, ANN, 1, 0), KL_X_OK);
  assert_int_equal(kl_exchange_transfer(w->x, ANN, 0, 0, 1, balance(w, ANN)), KL_X_OK);
  /* what was returned is spent: netting cannot be turned off, and an order that closes NO is no longer free */
  assert_int_equal(kl_exchange_set_netting(w->x, ANN, 0, 0, false), KL_X_INSUFFICIENT_BALANCE);
  kl_order_request r = request(ANN, KL_BID, 2000, 1000);
  r.ticker = p.a->ticker;
  assert_int_equal(send_order(w, r), KL_X_INSUFFICIENT_BALANCE);
  assert_int_equal(kl_exchange_transfer(w->x, ANN, 0, 1, 0, DOLLARS(2)), KL_X_OK);
  assert_int_equal(send_order(w, r), KL_X_OK);
  assert_int_equal(balance(w, ANN), 0);
  r.user = CAT;
  r.side = KL_ASK;
  assert_int_equal(send_order(w, r), KL_X_OK); /* ANN gets 0.80 each and gives back a dollar */
  assert_int_equal(returned(w, ANN), 0);
  assert_int_equal(balance(w, ANN), 0);
  /* two winners in an exclusive event: the exchange bears what it had returned */
  assert_int_equal(trade_in(w, p.a, BOB, CAT, 5000, 100), KL_X_OK);
  assert_int_equal(kl_exchange_set_netting(w->x, CAT, 0, 0, true), KL_X_OK);
  assert_int_equal(trade_in(w, p.b, BOB, CAT, 5000, 1100), KL_X_OK);
  assert_int_equal(kl_exchange_open_subaccount(w->x, CAT, 1, 0), KL_X_OK);
  assert_int_equal(kl_exchange_transfer(w->x, CAT, 0, 0, 1, balance(w, CAT)), KL_X_OK);
  assert_int_equal(kl_exchange_settle(w->x, w->now, p.a, KL_PRICE_ONE), KL_X_OK);
  assert_int_equal(kl_exchange_settle(w->x, w->now, p.b, KL_PRICE_ONE), KL_X_OK);
  assert_int_equal(balance(w, CAT), 0);
  assert_int_equal(kl_exchange_conservation(w->x), 0);
}

static void an_order_that_would_close_keeps_its_contracts_out_of_netting(void **state) {
  world *w = *state;
  pair p = pair_of(w);
  assert_int_equal(trade_in(w, p.a, BOB, ANN, 3000, 1000), KL_X_OK);
  kl_order_request r = request(ANN, KL_BID, 1000, 600);
  r.ticker = p.a->ticker;
  kl_money before = balance(w, ANN);
  assert_int_equal(send_order(w, r), KL_X_OK);
  const kl_order *closes = w->out.order;
  assert_int_equal(balance(w, ANN), before); /* it only closes */
  assert_int_equal(trade_in(w, p.b, BOB, ANN, 4000, 1000), KL_X_OK);
  assert_int_equal(returned(w, ANN), DOLLARS(4)); /* 4 and 10 */
  r.user = CAT;
  r.side = KL_ASK;
  before = balance(w, ANN);
  assert_int_equal(send_order(w, r), KL_X_OK);
  assert_int_equal(closes->status, KL_ORDER_EXECUTED);
  assert_int_equal(returned(w, ANN), DOLLARS(4));
  assert_int_equal(balance(w, ANN), before + CENTS(540));
}

static void contracts_move_between_subaccounts_at_a_price(void **state) {
  world *w = *state;
  assert_int_equal(kl_exchange_open_subaccount(w->x, ANN, 1, 0), KL_X_OK);
  assert_int_equal(kl_exchange_transfer(w->x, ANN, 0, 0, 1, DOLLARS(100)), KL_X_OK);
  place(w, BOB, KL_ASK, 4000, 10000);
  place(w, ANN, KL_BID, 4000, 10000);
  kl_money all = balance(w, ANN) + kl_exchange_balance(w->x, ANN, 1, 0);
  kl_position_transfer t = {
      .user = ANN, .from = 0, .to = 1, .ticker = "M", .side = KL_YES, .price = 6000, .count = 10000};
  w->log[0] = '\0';
  assert_int_equal(kl_exchange_transfer_position(w->x, w->now, &t), KL_X_OK);
  assert_string_equal(w->log, "position:0/0:0 position:0/1:10000");
  const kl_position *from = kl_exchange_position_at(w->x, ANN, 0, 0), *to = kl_exchange_position_at(w->x, ANN, 1, 0);
  assert_int_equal(from->realized, DOLLARS(20));
  assert_int_equal(to->cost, DOLLARS(60));
  assert_int_equal(to->volume, 0);
  assert_int_equal(kl_exchange_balance(w->x, ANN, 1, 0), DOLLARS(40));
  assert_int_equal(balance(w, ANN) + kl_exchange_balance(w->x, ANN, 1, 0), all);
  assert_int_equal(kl_exchange_conservation(w->x), 0);
  /* more than there is, more than can be paid, and what an order would close */
  t = (kl_position_transfer){ANN, 1, 0, "M", KL_YES, 6000, 10001};
  assert_int_equal(kl_exchange_transfer_position(w->x, w->now, &t), KL_X_INVALID_SIZE);
  t.count = 10000;
  t.side = KL_NO;
  assert_int_equal(kl_exchange_transfer_position(w->x, w->now, &t), KL_X_INVALID_SIZE);
  t.side = KL_YES;
  t.price = KL_PRICE_ONE + 1;
  assert_int_equal(kl_exchange_transfer_position(w->x, w->now, &t), KL_X_INVALID_PRICE);
  t.price = 6000;
  kl_order_request r = request(ANN, KL_ASK, 9000, 1);
  r.subaccount = 1;
  assert_int_equal(send_order(w, r), KL_X_OK);
  assert_int_equal(kl_exchange_transfer_position(w->x, w->now, &t), KL_X_INVALID_SIZE);
  t.count = 9999;
  assert_int_equal(kl_exchange_transfer(w->x, ANN, 0, 0, 1, balance(w, ANN)), KL_X_OK);
  assert_int_equal(kl_exchange_transfer_position(w->x, w->now, &t), KL_X_INSUFFICIENT_BALANCE);
  assert_int_equal(kl_exchange_position_at(w->x, ANN, 1, 0)->position, 10000);
  t.price = 0;
  assert_int_equal(kl_exchange_transfer_position(w->x, w->now, &t), KL_X_OK);
  assert_int_equal(kl_exchange_position_at(w->x, ANN, 0, 0)->position, 9999);
  t.to = 2;
  assert_int_equal(kl_exchange_transfer_position(w->x, w->now, &t), KL_X_NO_SUBACCOUNT);
}

static void a_locked_subaccount_rests_trades_and_moves_nothing(void **state) {
  world *w = *state;
  const kl_order *o = place(w, ANN, KL_BID, 5000, 100);
  assert_int_equal(kl_exchange_open_subaccount(w->x, ANN, 1, 0), KL_X_OK);
  assert_int_equal(kl_exchange_lock_subaccount(w->x, w->now, ANN, 0, 0, true), KL_X_OK);
  assert_int_equal(kl_exchange_lock_subaccount(w->x, w->now, ANN, 0, 0, true), KL_X_EXISTS);
  assert_true(kl_exchange_locked(w->x, ANN, 0, 0));
  assert_int_equal(o->status, KL_ORDER_CANCELED);
  assert_int_equal(balance(w, ANN), DOLLARS(1000));
  assert_int_equal(send_order(w, request(ANN, KL_BID, 5000, 100)), KL_X_LOCKED);
  assert_int_equal(kl_exchange_transfer(w->x, ANN, 0, 0, 1, 1), KL_X_LOCKED);
  assert_int_equal(kl_exchange_send(w->x, ANN, 0, 0, 1), KL_X_LOCKED);
  assert_int_equal(kl_exchange_lock_subaccount(w->x, w->now, ANN, 0, 0, false), KL_X_OK);
  assert_int_equal(send_order(w, request(ANN, KL_BID, 5000, 100)), KL_X_OK);
  assert_int_equal(kl_exchange_lock_subaccount(w->x, w->now, ANN, 2, 0, true), KL_X_NO_SUBACCOUNT);
}

static void money_on_its_way_is_nowhere_and_not_lost(void **state) {
  world *w = *state;
  assert_int_equal(kl_exchange_send(w->x, ANN, 0, 0, DOLLARS(1001)), KL_X_INSUFFICIENT_BALANCE);
  assert_int_equal(kl_exchange_send(w->x, ANN, 0, 0, DOLLARS(300)), KL_X_OK);
  assert_int_equal(kl_exchange_balance(w->x, ANN, 0, KL_ALL_SHARDS), DOLLARS(3700));
  assert_int_equal(kl_exchange_conservation(w->x), 0);
  assert_int_equal(kl_exchange_arrive(w->x, ANN, 0, 3, DOLLARS(301)), KL_X_INVALID_PARAMETERS);
  assert_int_equal(kl_exchange_arrive(w->x, ANN, 0, 3, DOLLARS(300)), KL_X_OK);
  assert_int_equal(kl_exchange_balance(w->x, ANN, 0, 3), DOLLARS(1300));
  assert_int_equal(kl_exchange_deposit(w->x, ANN, 0, 1, DOLLARS(5)), KL_X_OK);
  assert_int_equal(kl_exchange_withdraw(w->x, ANN, 0, 1, DOLLARS(1006)), KL_X_INSUFFICIENT_BALANCE);
  assert_int_equal(kl_exchange_withdraw(w->x, ANN, 0, 1, DOLLARS(1005)), KL_X_OK);
  assert_int_equal(kl_exchange_balance(w->x, ANN, 0, 1), 0);
}

static void a_change_of_fees_counts_from_the_next_fill(void **state) {
  world *w = *state;
  kl_market_event *e = kl_exchange_event(w->x, "M");
  kl_series *s = kl_exchange_series(w->x, "M");
  kl_order_request r = request(BOB, KL_ASK, 5000, 10000);
  assert_int_equal(send_order(w, r), KL_X_OK);
  const kl_order *maker = w->out.order;
  kl_money before = balance(w, BOB);
  const kl_fee_type type = KL_FEE_QUADRATIC_MAKER;
  const int64_t half = 500000;
  assert_int_equal(kl_exchange_set_event_fees(w->x, w->now, e, &type, &half), KL_X_OK);
  assert_int_equal(balance(w, BOB), before); /* it set nothing aside and need not now */
  place(w, ANN, KL_BID, 5000, 5000);
  assert_int_equal(w->out.fees, CENTS(44)); /* 0.4375 */
  assert_int_equal(maker->maker_fees, CENTS(11));
  assert_int_equal(kl_exchange_set_event_fees(w->x, w->now, e, NULL, &half), KL_X_OK);
  place(w, ANN, KL_BID, 5000, 1000);
  assert_int_equal(w->out.fees, CENTS(9));
  assert_int_equal(maker->maker_fees, CENTS(11));
  assert_int_equal(kl_exchange_set_event_fees(w->x, w->now, e, NULL, NULL), KL_X_OK);
  assert_int_equal(kl_exchange_set_series_fees(w->x, w->now, s, (kl_fee_schedule){KL_FEE_FLAT, 20000}), KL_X_OK);
  place(w, ANN, KL_BID, 5000, 1000);
  assert_int_equal(w->out.fees, CENTS(20));
  assert_int_equal(kl_exchange_set_series_fees(w->x, w->now, s, (kl_fee_schedule){KL_FEE_FLAT, -1}),
                   KL_X_INVALID_PARAMETERS);
  /* a maker with nothing left cannot be charged what was not asked of it */
  uint32_t poor = kl_exchange_add_user(w->x, DOLLARS(5));
  assert_int_equal(send_order(w, request(poor, KL_ASK, 6000, 1250)), KL_X_OK);
  assert_int_equal(kl_exchange_balance(w->x, poor, 0, 0), 0);
  const kl_fee_type combo = KL_FEE_QUADRATIC_COMBO_MAKER;
  assert_int_equal(kl_exchange_set_event_fees(w->x, w->now, e, &combo, &(int64_t){1000000}), KL_X_OK);
  place(w, CAT, KL_BID, 6000, 1250);
  assert_int_equal(kl_exchange_balance(w->x, poor, 0, 0), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(what_no_is_sure_to_pay_is_returned_at_once),
      CASE(after_a_winner_all_other_no_is_sure),
      CASE(netting_never_takes_a_balance_below_zero),
      CASE(an_order_that_would_close_keeps_its_contracts_out_of_netting),
      CASE(contracts_move_between_subaccounts_at_a_price),
      CASE(a_locked_subaccount_rests_trades_and_moves_nothing),
      CASE(money_on_its_way_is_nowhere_and_not_lost),
      CASE(a_change_of_fees_counts_from_the_next_fill),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
