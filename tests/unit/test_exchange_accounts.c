/* The matching engine, rule by rule: money, markets, lists. */
#include "unit/exchange_world.h"

/* ---- money ---- */

static void the_balance_must_cover_price_and_fee(void **state) {
  world *w = *state;
  place(w, BOB, KL_ASK, 5000, 100000);
  /* 1000 contracts: 500.00 + 17.50 */
  uint32_t poor = kl_exchange_add_user(w->x, CENTS(51749));
  uint32_t exact = kl_exchange_add_user(w->x, CENTS(51750));
  assert_int_equal(send_order(w, request(poor, KL_BID, 5000, 100000)), KL_X_INSUFFICIENT_BALANCE);
  assert_int_equal(kl_exchange_balance(w->x, poor, 0, 0), CENTS(51749));
  assert_int_equal(send_order(w, request(exact, KL_BID, 5000, 100000)), KL_X_OK);
  assert_int_equal(kl_exchange_balance(w->x, exact, 0, 0), 0);
  /* what rests needs no fee where makers pay none */
  uint32_t maker = kl_exchange_add_user(w->x, DOLLARS(5));
  assert_int_equal(send_order(w, request(maker, KL_BID, 5000, 1001)), KL_X_INSUFFICIENT_BALANCE);
  assert_int_equal(send_order(w, request(maker, KL_BID, 5000, 1000)), KL_X_OK);
  /* an unfunded subaccount has nothing, and one that was never opened is not there */
  kl_order_request r = request(ANN, KL_BID, 100, 1);
  r.subaccount = 7;
  assert_int_equal(send_order(w, r), KL_X_NO_SUBACCOUNT);
  assert_int_equal(kl_exchange_open_subaccount(w->x, ANN, 7, 0), KL_X_OK);
  assert_int_equal(send_order(w, r), KL_X_INSUFFICIENT_BALANCE);
}

static void closing_pays_out_the_other_side_of_a_dollar(void **state) {
  world *w = *state;
  place(w, BOB, KL_ASK, 6000, 1000);
  place(w, ANN, KL_BID, 6000, 1000); /* BOB holds 10 NO at 0.40 */
  place(w, CAT, KL_ASK, 7000, 400);
  kl_money before = balance(w, BOB);
  place(w, BOB, KL_BID, 7000, 400); /* buys back at 0.70: gets 0.30 each, less the fee of 0.0588 */
  assert_int_equal(balance(w, BOB), before + CENTS(120 - 6));
  const kl_position *p = kl_exchange_position_at(w->x, BOB, 0, 0);
  assert_int_equal(p->position, -600);
  assert_int_equal(p->cost, CENTS(240));
  assert_int_equal(p->realized, -CENTS(40));
  assert_int_equal(p->fees, CENTS(6));
  assert_int_equal(p->traded, CENTS(400));
  assert_int_equal(p->volume, 1400);
  assert_int_equal(w->m->open_interest, 1000); /* CAT took over what BOB gave back */
}

static void an_order_that_closes_needs_no_collateral(void **state) {
  world *w = *state;
  uint32_t poor = kl_exchange_add_user(w->x, CENTS(520));
  place(w, BOB, KL_ASK, 5000, 1000);
  assert_int_equal(send_order(w, request(poor, KL_BID, 5000, 1000)), KL_X_OK);
  assert_int_equal(kl_exchange_balance(w->x, poor, 0, 0), CENTS(2));
  /* the position closes once: the first order uses it up */
  assert_int_equal(send_order(w, request(poor, KL_ASK, 9000, 1000)), KL_X_OK);
  assert_int_equal(kl_exchange_balance(w->x, poor, 0, 0), CENTS(2));
  assert_int_equal(send_order(w, request(poor, KL_ASK, 9000, 1000)), KL_X_INSUFFICIENT_BALANCE);
  /* and orders on the position's own side are not charged for it */
  assert_int_equal(send_order(w, request(poor, KL_BID, 100, 200)), KL_X_OK);
  assert_int_equal(kl_exchange_balance(w->x, poor, 0, 0), 0);
}

static void an_order_whose_position_was_sold_elsewhere_gets_collateral(void **state) {
  world *w = *state;
  place(w, BOB, KL_ASK, 5000, 1000);
  place(w, ANN, KL_BID, 5000, 1000);
  const kl_order *resting = place(w, ANN, KL_ASK, 9000, 1000); /* closes: nothing held */
  kl_money before = balance(w, ANN);
  place(w, CAT, KL_BID, 6000, 1000);
  place(w, ANN, KL_ASK, 6000, 1000); /* sells the position: +6.00, fee 0.168; the other now holds 10 * 0.10 */
  assert_int_equal(position(w, ANN), 0);
  assert_int_equal(balance(w, ANN), before + CENTS(600 - 17 - 100));
  assert_int_equal(cancel(w, resting), KL_X_OK);
  assert_int_equal(balance(w, ANN), before + CENTS(600 - 17));
}

static void a_maker_pays_where_the_series_charges_makers(void **state) {
  world *w = *state;
  kl_market *m = add_market(w->x, "F", "linear_cent", KL_FEE_QUADRATIC_MAKER, 0, 0);
  assert_non_null(m);
  kl_order_request r = request(BOB, KL_ASK, 5000, 10000);
  r.ticker = "F";
  assert_int_equal(send_order(w, r), KL_X_OK);
  const kl_order *o = w->out.order;
  assert_int_equal(balance(w, BOB), DOLLARS(1000) - DOLLARS(50) - 437500); /* the fee is set aside */
  r.user = ANN;
  r.side = KL_BID;
  assert_int_equal(send_order(w, r), KL_X_OK);
  assert_int_equal(o->maker_fees, CENTS(44));
  assert_int_equal(balance(w, BOB), DOLLARS(950) - CENTS(44));
}

static void rounding_fees_come_back_over_the_fills_of_an_order(void **state) {
  world *w = *state;
  assert_non_null(add_market(w->x, "H", "deci_cent", KL_FEE_QUADRATIC, 0, 0));
  for (int i = 0; i < 3; i++) {
    kl_order_request r = request(BOB, KL_ASK, 550, 100);
    r.ticker = "H";
    assert_int_equal(send_order(w, r), KL_X_OK);
  }
  kl_order_request r = request(ANN, KL_BID, 550, 300);
  r.ticker = "H";
  assert_int_equal(send_order(w, r), KL_X_OK);
  /* each fill: 0.055 + 0.0037 paid as 0.06, so 0.0013 of rounding, 0.0039 in all: no rebate */
  assert_int_equal(w->out.fees, 3 * 5000);
  assert_int_equal(balance(w, ANN), DOLLARS(1000) - CENTS(18));
}

static void rounding_never_takes_a_maker_below_zero(void **state) {
  world *w = *state;
  uint32_t poor = kl_exchange_add_user(w->x, CENTS(50));
  assert_int_equal(send_order(w, request(poor, KL_BID, 5000, 100)), KL_X_OK);
  assert_int_equal(kl_exchange_balance(w->x, poor, 0, 0), 0);
  for (int i = 0; i < 3; i++)
    place(w, BOB, KL_ASK, 5000, 1); /* half a cent each */
  assert_int_equal(kl_exchange_balance(w->x, poor, 0, 0), 0);
  assert_int_equal(kl_exchange_conservation(w->x), 0);
}

static void money_moves_between_subaccounts(void **state) {
  world *w = *state;
  assert_int_equal(kl_exchange_transfer(w->x, ANN, 0, 0, 63, DOLLARS(400)), KL_X_NO_SUBACCOUNT);
  assert_int_equal(kl_exchange_open_subaccount(w->x, ANN, 63, 0), KL_X_OK);
  assert_int_equal(kl_exchange_open_subaccount(w->x, ANN, 63, 0), KL_X_EXISTS);
  assert_int_equal(kl_exchange_open_subaccount(w->x, ANN, 64, 0), KL_X_INVALID_PARAMETERS);
  assert_false(kl_exchange_has_subaccount(w->x, ANN, 63, 1));
  assert_int_equal(kl_exchange_transfer(w->x, ANN, 0, 0, 63, DOLLARS(400)), KL_X_OK);
  assert_int_equal(balance(w, ANN), DOLLARS(600));
  assert_int_equal(kl_exchange_balance(w->x, ANN, 63, 0), DOLLARS(400));
  assert_int_equal(kl_exchange_transfer(w->x, ANN, 0, 0, 63, DOLLARS(601)), KL_X_INSUFFICIENT_BALANCE);
  assert_int_equal(kl_exchange_transfer(w->x, ANN, 0, 5, 0, 1), KL_X_NO_SUBACCOUNT);
  assert_int_equal(kl_exchange_transfer(w->x, ANN, 0, 0, 64, 1), KL_X_INVALID_PARAMETERS);
  assert_int_equal(kl_exchange_transfer(w->x, ANN, 0, 0, 0, 1), KL_X_INVALID_PARAMETERS);
  assert_int_equal(kl_exchange_transfer(w->x, ANN, 0, 0, 63, 0), KL_X_INVALID_PARAMETERS);
  assert_int_equal(kl_exchange_balance(w->x, ANN, 64, 0), 0);
}

static void money_of_one_shard_pays_for_nothing_on_another(void **state) {
  world *w = *state;
  kl_series s = {.ticker = "CRYPTO", .fee_multiplier_ppm = 1000000, .exchange_index = 2};
  kl_market_event e = {.ticker = "CRYPTO-E", .series = kl_exchange_add_series(w->x, &s)};
  kl_market given = {.ticker = "CRYPTO-E-M", .event = kl_exchange_add_event(w->x, &e)};
  const kl_market *m = kl_exchange_add_market(w->x, &given);
  assert_non_null(m);
  assert_int_equal(m->exchange_index, 2);
  kl_order_request r = request(ANN, KL_BID, 5000, 200000); /* 2,000 contracts: a thousand dollars */
  r.ticker = m->ticker;
  assert_int_equal(send_order(w, r), KL_X_OK);
  assert_int_equal(kl_exchange_balance(w->x, ANN, 0, 2), 0);
  assert_int_equal(kl_exchange_balance(w->x, ANN, 0, 0), DOLLARS(1000));
  assert_int_equal(kl_exchange_balance(w->x, ANN, 0, KL_ALL_SHARDS), DOLLARS(3000));
  r.price = 100;
  assert_int_equal(send_order(w, r), KL_X_INSUFFICIENT_BALANCE);
  r = request(BOB, KL_ASK, 5000, 1000);
  r.ticker = m->ticker;
  assert_int_equal(send_order(w, r), KL_X_OK);
  assert_int_equal(kl_exchange_position_at(w->x, BOB, 0, 0)->position, -1000);
  assert_int_equal(kl_exchange_portfolio_value(w->x, BOB, 0, 0), 0);
  assert_int_equal(kl_exchange_portfolio_value(w->x, BOB, 0, 2), DOLLARS(5));
  assert_int_equal(kl_exchange_settle(w->x, w->now, kl_exchange_market(w->x, m->ticker), 0), KL_X_OK);
  assert_int_equal(kl_exchange_balance(w->x, BOB, 0, 2), DOLLARS(1005) - CENTS(18));
  assert_int_equal(kl_exchange_balance(w->x, BOB, 0, KL_EXCHANGE_SHARDS), 0);
  s.exchange_index = KL_EXCHANGE_SHARDS;
  (void)snprintf(s.ticker, sizeof s.ticker, "NOWHERE");
  assert_null(kl_exchange_add_series(w->x, &s));
}

static void positions_are_valued_at_the_last_price(void **state) {
  world *w = *state;
  place(w, BOB, KL_ASK, 6000, 1000);
  place(w, ANN, KL_BID, 6000, 1000);
  assert_int_equal(kl_exchange_portfolio_value(w->x, ANN, 0, 0), DOLLARS(6));
  assert_int_equal(kl_exchange_portfolio_value(w->x, BOB, 0, 0), DOLLARS(4));
  assert_int_equal(kl_exchange_portfolio_value(w->x, CAT, 0, 0), 0);
}

/* ---- markets ---- */

static void orders_expire_in_time(void **state) {
  world *w = *state;
  kl_order_request r = request(ANN, KL_BID, 5000, 100);
  r.expiration_us = w->now;
  assert_int_equal(send_order(w, r), KL_X_EXPIRED);
  r.expiration_us = w->now + SECOND;
  r.tif = KL_TIF_IOC;
  assert_int_equal(send_order(w, r), KL_X_INVALID_PARAMETERS);
  r.tif = KL_TIF_GTC;
  assert_int_equal(send_order(w, r), KL_X_OK);
  const kl_order *o = w->out.order;
  place(w, BOB, KL_BID, 4000, 100);
  assert_int_equal(kl_exchange_tick(w->x, w->now + SECOND - 1), w->now + SECOND);
  assert_int_equal(o->status, KL_ORDER_RESTING);
  w->now += SECOND;
  place(w, BOB, KL_ASK, 5000, 100); /* any call does the work that is due */
  assert_int_equal(w->out.filled, 0);
  assert_int_equal(o->status, KL_ORDER_CANCELED);
  assert_int_equal(o->reason, KL_REASON_EXPIRY);
  assert_int_equal(kl_exchange_tick(w->x, w->now), INT64_MAX);
}

static void markets_open_and_close_by_time_without_a_message(void **state) {
  world *w = *state;
  kl_market *m = add_market(w->x, "T", "linear_cent", KL_FEE_QUADRATIC, START + SECOND, START + 2 * SECOND);
  assert_int_equal(m->status, KL_MARKET_INITIALIZED);
  kl_order_request r = request(ANN, KL_BID, 5000, 100);
  r.ticker = "T";
  w->log[0] = '\0';
  assert_int_equal(send_order(w, r), KL_X_MARKET_INACTIVE);
  assert_int_equal(kl_exchange_tick(w->x, START + SECOND), START + 2 * SECOND);
  assert_string_equal(w->log, "");
  w->now = START + SECOND;
  assert_int_equal(send_order(w, r), KL_X_OK);
  const kl_order *o = w->out.order;
  w->now = START + 2 * SECOND;
  w->log[0] = '\0';
  assert_int_equal(send_order(w, r), KL_X_MARKET_INACTIVE);
  assert_string_equal(w->log, "level:yes:5000:-100:0 order:0:canceled:0:CloseCancel");
  assert_int_equal(m->status, KL_MARKET_CLOSED);
  assert_int_equal(o->reason, KL_REASON_CLOSE);
}

static void an_inactive_market_refuses_everything_and_reactivation_cancels(void **state) {
  world *w = *state;
  const kl_order *o = place(w, ANN, KL_BID, 5000, 100), *same;
  w->log[0] = '\0';
  assert_int_equal(kl_exchange_set_active(w->x, w->now, w->m, false), KL_X_OK);
  assert_int_equal(send_order(w, request(BOB, KL_BID, 5000, 100)), KL_X_MARKET_INACTIVE);
  assert_int_equal(cancel(w, o), KL_X_MARKET_INACTIVE);
  assert_int_equal(amend(w, o, 5000, 50), KL_X_MARKET_INACTIVE);
  assert_int_equal(kl_exchange_decrease(w->x, w->now, ANN, 0, o->id, 1, -1, &same), KL_X_MARKET_INACTIVE);
  assert_int_equal(kl_exchange_cancel_all(w->x, w->now, ANN, -1), 0);
  assert_int_equal(o->status, KL_ORDER_RESTING);
  assert_int_equal(kl_exchange_set_active(w->x, w->now, w->m, true), KL_X_OK);
  assert_string_equal(w->log, "deactivated level:yes:5000:-100:0 order:0:canceled:0:HaltCancel activated");
}

static void a_trading_pause_stops_orders_but_not_cancels(void **state) {
  world *w = *state;
  const kl_order *stays = place(w, ANN, KL_BID, 5000, 100), *same;
  kl_order_request r = request(ANN, KL_BID, 4900, 100);
  r.cancel_on_pause = true;
  assert_int_equal(send_order(w, r), KL_X_OK);
  const kl_order *goes = w->out.order;
  kl_exchange_set_paused(w->x, w->now, true);
  assert_true(kl_exchange_paused(w->x));
  assert_int_equal(goes->status, KL_ORDER_CANCELED);
  assert_int_equal(goes->reason, KL_REASON_HALT);
  assert_int_equal(send_order(w, r), KL_X_PAUSED);
  assert_int_equal(amend(w, stays, 4900, 100), KL_X_PAUSED);
  assert_int_equal(kl_exchange_decrease(w->x, w->now, ANN, 0, stays->id, 50, -1, &same), KL_X_OK);
  assert_int_equal(cancel(w, stays), KL_X_OK);
  kl_exchange_set_paused(w->x, w->now, false);
  assert_int_equal(send_order(w, r), KL_X_OK);
}

static void settlement_pays_a_dollar_to_the_side_that_won(void **state) {
  world *w = *state;
  place(w, BOB, KL_ASK, 6000, 1000);
  place(w, ANN, KL_BID, 6000, 1000);
  const kl_order *o = place(w, CAT, KL_BID, 1000, 100);
  kl_money ann = balance(w, ANN), bob = balance(w, BOB);
  w->log[0] = '\0';
  assert_int_equal(kl_exchange_settle(w->x, w->now, w->m, KL_PRICE_ONE + 1), KL_X_INVALID_PRICE);
  assert_int_equal(kl_exchange_settle(w->x, w->now, w->m, KL_PRICE_ONE), KL_X_OK);
  assert_string_equal(w->log, "level:yes:1000:-100:2 order:2:canceled:0:CloseCancel close_date_updated determined "
                              "position:1/0:0 position:0/0:0 settled");
  assert_int_equal(o->reason, KL_REASON_CLOSE);
  assert_int_equal(w->m->status, KL_MARKET_FINALIZED);
  assert_int_equal(w->m->settlement, KL_PRICE_ONE);
  assert_int_equal(balance(w, ANN), ann + DOLLARS(10));
  assert_int_equal(balance(w, BOB), bob);
  assert_int_equal(kl_exchange_position_at(w->x, ANN, 0, 0)->realized, DOLLARS(4));
  assert_int_equal(kl_exchange_position_at(w->x, BOB, 0, 0)->realized, -DOLLARS(4));
  const kl_settlement *s = kl_exchange_settlement_at(w->x, ANN, 0);
  assert_int_equal(s->yes_count, 1000);
  assert_int_equal(s->yes_cost, DOLLARS(6));
  assert_int_equal(s->revenue, DOLLARS(10));
  assert_int_equal(s->fees, CENTS(17)); /* 0.168, paid in whole cents */
  assert_null(kl_exchange_settlement_at(w->x, CAT, 0));
  assert_int_equal(kl_exchange_settle(w->x, w->now, w->m, 0), KL_X_INVALID_PARAMETERS);
}

static void a_scalar_payout_is_rounded_down_to_the_cent(void **state) {
  world *w = *state;
  place(w, BOB, KL_ASK, 6000, 101);
  place(w, ANN, KL_BID, 6000, 101);
  kl_money ann = balance(w, ANN), bob = balance(w, BOB);
  assert_int_equal(kl_exchange_determine(w->x, w->now, w->m, 3733), KL_X_OK);
  assert_int_equal(w->m->status, KL_MARKET_DETERMINED);
  assert_int_equal(balance(w, ANN), ann);
  assert_int_equal(kl_exchange_settle(w->x, w->now, w->m, 3734), KL_X_INVALID_PRICE);
  assert_int_equal(kl_exchange_settle(w->x, w->now, w->m, 3733), KL_X_OK);
  assert_int_equal(balance(w, ANN), ann + CENTS(37)); /* 1.01 * 0.3733 = 0.377033 */
  assert_int_equal(balance(w, BOB), bob + CENTS(63)); /* 1.01 * 0.6267 = 0.632967 */
  assert_int_equal(kl_exchange_position_at(w->x, ANN, 0, 0)->fees, w->out.fees + 7033);
}

static void every_documented_grid_accepts_its_steps_only(void **state) {
  (void)state;
  static const struct {
    const char *name;
    kl_price good[4], bad[3];
  } grids[] = {
      {"linear_cent", {100, 5000, 9900, 200}, {50, 5001, 9950}},
      {"deci_cent", {10, 5010, 9990, 100}, {5, 5001, 9999}},
      {"tapered_deci_cent", {10, 1000, 1100, 9010}, {15, 1010, 8990}},
      {"center_whole_edge_half_cent", {50, 1000, 1100, 9050}, {20, 1050, 9010}},
      {"center_whole_edge_quint_cent", {20, 1000, 1100, 9020}, {50, 1020, 9010}},
      {"center_half_edge_half_cent", {50, 1050, 8950, 9050}, {20, 1020, 9010}},
      {"center_half_edge_quint_cent", {20, 1050, 8950, 9020}, {50, 1020, 9010}},
      {"center_half_edge_deci_cent", {10, 1050, 8950, 9010}, {5, 1010, 9005}},
      {"center_quint_edge_quint_cent", {20, 1020, 8980, 9020}, {50, 1010, 9010}},
      {"center_quint_edge_deci_cent", {10, 1020, 8980, 9010}, {5, 1010, 9005}},
      {"center_centi_edge_centi_cent", {1, 1001, 5003, 9999}, {0, 10000, -1}},
      {"center_deci_edge_centi_cent", {1, 99, 110, 9901}, {101, 5001, 9899}},
  };
  for (size_t i = 0; i < sizeof grids / sizeof *grids; i++) {
    kl_market m = {0};
    assert_true(kl_price_structure(grids[i].name, &m));
    assert_string_equal(m.price_structure, grids[i].name);
    for (int j = 0; j < 4; j++)
      assert_true(kl_price_on_grid(&m, grids[i].good[j]));
    for (int j = 0; j < 3; j++)
      assert_false(kl_price_on_grid(&m, grids[i].bad[j]));
    assert_false(kl_price_on_grid(&m, 0));
    assert_false(kl_price_on_grid(&m, KL_PRICE_ONE));
    for (kl_price p = -5; p < KL_PRICE_ONE + 5; p++) { /* nothing valid is nearer than what snap gives */
      kl_price snapped = kl_price_snap(&m, p), d = snapped < p ? p - snapped : snapped - p;
      assert_true(kl_price_on_grid(&m, snapped));
      for (kl_price q = p - d + 1; q < p + d; q++)
        assert_false(kl_price_on_grid(&m, q));
    }
  }
  kl_market m = {0};
  assert_false(kl_price_structure("unheard_of", &m));
}

static void wrong_requests_are_refused(void **state) {
  world *w = *state;
  kl_order_request good = request(ANN, KL_BID, 5000, 100), r = good;
  r.price = 5050;
  assert_int_equal(send_order(w, r), KL_X_INVALID_PRICE);
  r = good;
  r.price = 0;
  assert_int_equal(send_order(w, r), KL_X_INVALID_PRICE);
  r = good;
  r.count = 0;
  assert_int_equal(send_order(w, r), KL_X_INVALID_SIZE);
  r.count = INT64_MAX;
  assert_int_equal(send_order(w, r), KL_X_INVALID_SIZE);
  r = good;
  r.ticker = "NOPE";
  assert_int_equal(send_order(w, r), KL_X_NOT_FOUND);
  r = good;
  r.user = 99;
  assert_int_equal(send_order(w, r), KL_X_INVALID_PARAMETERS);
  r = good;
  r.subaccount = 64;
  assert_int_equal(send_order(w, r), KL_X_INVALID_PARAMETERS);
  assert_string_equal(w->log, "");
}

static void static_data_is_found_by_ticker_and_never_twice(void **state) {
  world *w = *state;
  assert_ptr_equal(kl_exchange_market(w->x, "M"), w->m);
  assert_ptr_equal(kl_exchange_market_at(w->x, 0), w->m);
  assert_ptr_equal(kl_exchange_event(w->x, "M"), w->m->event);
  assert_ptr_equal(kl_exchange_event_at(w->x, 0), w->m->event);
  assert_ptr_equal(kl_exchange_series(w->x, "M"), w->m->event->series);
  assert_ptr_equal(kl_exchange_series_at(w->x, 0), w->m->event->series);
  assert_null(kl_exchange_market(w->x, "m"));
  assert_null(kl_exchange_market_at(w->x, 1));
  assert_int_equal(kl_exchange_market_count(w->x), 1);
  assert_int_equal(kl_exchange_event_count(w->x), 1);
  assert_int_equal(kl_exchange_series_count(w->x), 1);
  assert_null(kl_exchange_add_market(w->x, w->m)); /* exists */
  kl_market orphan = {.ticker = "O"};
  assert_null(kl_exchange_add_market(w->x, &orphan));
  assert_int_equal(kl_exchange_add_user(w->x, -1), UINT32_MAX);
}

static void lists_are_newest_first_and_bounded(void **state) {
  world *w = *state;
  kl_exchange_keep(w->x, ANN, 8, 4);
  const kl_order *oldest = place(w, ANN, KL_BID, 100, 100);
  for (int i = 0; i < 40; i++) {
    place(w, BOB, KL_ASK, 5000, 100 + i);
    place_as(w, ANN, KL_BID, 5000, 100 + i, KL_TIF_IOC, KL_STP_MAKER);
  }
  size_t n = 0;
  while (kl_exchange_order_at(w->x, ANN, n))
    n++;
  assert_in_range(n, 9, 12);
  assert_int_equal(kl_exchange_order_at(w->x, ANN, 0)->initial, 139);
  assert_ptr_equal(kl_exchange_order_at(w->x, ANN, n - 1), oldest); /* it rests, so it stays */
  for (size_t i = 0; i < 4; i++) {
    assert_int_equal(kl_exchange_fill_at(w->x, ANN, i)->count, 139 - i);
    assert_ptr_equal(kl_exchange_fill_at(w->x, ANN, i)->order, kl_exchange_order_at(w->x, ANN, i));
  }
  assert_null(kl_exchange_fill_at(w->x, ANN, 4));
  assert_non_null(kl_exchange_fill_at(w->x, BOB, 39));
}

static void kept_orders_are_found_while_others_are_forgotten(void **state) {
  world *w = *state;
  kl_exchange_keep(w->x, ANN, 400, 0);
  kl_uuid first = "";
  for (int i = 0; i < 3000; i++) {
    const kl_order *o = place_as(w, ANN, KL_BID, 100, 100, KL_TIF_IOC, KL_STP_MAKER);
    if (i == 0) memcpy(first, o->id, sizeof first);
    if (i % 60 != 0) continue;
    for (size_t j = 0; (o = kl_exchange_order_at(w->x, ANN, j)); j++)
      assert_ptr_equal(kl_exchange_order(w->x, ANN, o->id), o);
  }
  assert_null(kl_exchange_order(w->x, ANN, first));
}

static void volume_of_the_last_day_forgets_what_is_older(void **state) {
  world *w = *state;
  place(w, BOB, KL_ASK, 5000, 1000);
  place(w, ANN, KL_BID, 5000, 300);
  w->now += 3600 * SECOND;
  place(w, ANN, KL_BID, 5000, 200);
  assert_int_equal(w->m->volume_24h, 500);
  (void)kl_exchange_tick(w->x, w->now + 23 * 3600 * SECOND);
  assert_int_equal(w->m->volume_24h, 200);
  (void)kl_exchange_tick(w->x, w->now + 24 * 3600 * SECOND);
  assert_int_equal(w->m->volume_24h, 0);
  assert_int_equal(w->m->volume, 500);
  assert_int_equal(w->m->previous_price, 5000);
  assert_int_equal(w->m->previous_ask, 5000);
}

static void the_same_calls_give_the_same_ids(void **state) {
  world *a = *state;
  world *b = world_new();
  if (!b) {
    fail();
    return;
  }
  const kl_order *first = place(a, ANN, KL_BID, 5000, 100), *second = place(b, ANN, KL_BID, 5000, 100);
  assert_string_equal(first->id, second->id);
  assert_string_equal(a->m->id, b->m->id);
  assert_string_equal(kl_exchange_user_id(a->x, CAT), kl_exchange_user_id(b->x, CAT));
  assert_string_not_equal(first->id, place(a, ANN, KL_BID, 5000, 100)->id);
  assert_int_equal(strlen(first->id), 36);
  assert_int_equal(first->id[14], '4');
  assert_non_null(strchr("89ab", first->id[19]));
  assert_true(world_free(b));
}

static void every_result_and_reason_has_its_name(void **state) {
  (void)state;
  for (int r = KL_X_OK; r <= KL_X_NOMEM; r++) {
    assert_true(strlen(kl_exchange_error_code((kl_exchange_result)r)) > 0);
    assert_true(strlen(kl_exchange_error_message((kl_exchange_result)r)) > 0);
  }
  assert_string_equal(kl_exchange_error_code(KL_X_POST_ONLY_CROSS), "invalid_order");
  assert_string_equal(kl_exchange_error_details(KL_X_POST_ONLY_CROSS), "post only cross");
  assert_null(kl_exchange_error_details(KL_X_INSUFFICIENT_BALANCE));
  assert_string_equal(kl_update_reason_name(KL_REASON_TRADE), "Trade");
  assert_null(kl_update_reason_name(KL_REASON_NONE));
  assert_null(kl_update_reason_name(KL_REASON_CANCEL));
  assert_string_equal(kl_market_status_name(KL_MARKET_FINALIZED), "finalized");
}

static void only_known_balance_precisions_are_taken(void **state) {
  (void)state;
  kl_exchange_options o = {.balance_precision = 300};
  assert_null(kl_exchange_new(&o));
  o.balance_precision = 100;
  kl_exchange *x = kl_exchange_new(&o);
  assert_non_null(x);
  kl_exchange_free(x);
  kl_exchange_free(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(the_balance_must_cover_price_and_fee),
      CASE(closing_pays_out_the_other_side_of_a_dollar),
      CASE(an_order_that_closes_needs_no_collateral),
      CASE(an_order_whose_position_was_sold_elsewhere_gets_collateral),
      CASE(a_maker_pays_where_the_series_charges_makers),
      CASE(rounding_fees_come_back_over_the_fills_of_an_order),
      CASE(rounding_never_takes_a_maker_below_zero),
      CASE(money_moves_between_subaccounts),
      CASE(money_of_one_shard_pays_for_nothing_on_another),
      CASE(positions_are_valued_at_the_last_price),
      CASE(orders_expire_in_time),
      CASE(markets_open_and_close_by_time_without_a_message),
      CASE(an_inactive_market_refuses_everything_and_reactivation_cancels),
      CASE(a_trading_pause_stops_orders_but_not_cancels),
      CASE(settlement_pays_a_dollar_to_the_side_that_won),
      CASE(a_scalar_payout_is_rounded_down_to_the_cent),
      cmocka_unit_test(every_documented_grid_accepts_its_steps_only),
      CASE(wrong_requests_are_refused),
      CASE(static_data_is_found_by_ticker_and_never_twice),
      CASE(lists_are_newest_first_and_bounded),
      CASE(kept_orders_are_found_while_others_are_forgotten),
      CASE(volume_of_the_last_day_forgets_what_is_older),
      CASE(the_same_calls_give_the_same_ids),
      cmocka_unit_test(every_result_and_reason_has_its_name),
      cmocka_unit_test(only_known_balance_precisions_are_taken),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
