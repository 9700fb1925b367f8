/* Trades that were agreed outside the book: block trades, and the orders of a confirmed quote. */
#include "exchange_world.h"

static kl_cross_party party(uint32_t user) { return (kl_cross_party){.user = user}; }

static kl_exchange_result block(world *w, uint32_t buyer, uint32_t seller, kl_price price, kl_count count,
                                kl_side maker, kl_cross_outcome *out) {
  kl_block_trade t = {
      .ticker = "M", .price = price, .count = count, .buyer = party(buyer), .seller = party(seller), .maker = maker};
  return kl_exchange_block_trade(w->x, w->now, &t, out);
}

static void a_block_trade_passes_the_book_by(void **state) {
  world *w = *state;
  kl_cross_outcome out;
  const kl_order *bid = place(w, CAT, KL_BID, 4000, 1000), *ask = place(w, CAT, KL_ASK, 6000, 1000);
  w->log[0] = '\0';
  assert_int_equal(block(w, ANN, BOB, 7000, 500, KL_ASK, &out), KL_X_OK);
  /* The book is as it was, though the price is beyond its best offer. */
  assert_string_equal(w->log, "trade:7000:500:bid fill:1:maker:-500 fill:0:taker:500 order:1:executed:0:Trade "
                              "position:1/0:-500 position:0/0:500 order:0:executed:0:Trade");
  assert_int_equal(bid->remaining, 1000);
  assert_int_equal(ask->remaining, 1000);
  const kl_trade *t = kl_exchange_trade_at(w->x, w->m, 0);
  assert_true(t->block);
  assert_string_equal(t->id, out.trade_id);
  assert_int_equal(w->m->volume, 500);
  assert_int_equal(w->m->open_interest, 500);
  assert_int_equal(position(w, ANN), 500);
  assert_int_equal(position(w, BOB), -500);
  /* 5 at 0.70: 3.50, fee 0.0735 and the cent's rest; the maker pays 1.50 and no fee in this series. */
  assert_int_equal(balance(w, ANN), DOLLARS(1000) - 3500000 - 80000);
  assert_int_equal(balance(w, BOB), DOLLARS(1000) - 1500000);
  const kl_order *o = kl_exchange_order(w->x, ANN, out.orders[KL_BID]);
  assert_int_equal(o->status, KL_ORDER_EXECUTED);
  assert_int_equal(o->filled, 500);
  assert_non_null(kl_exchange_order(w->x, BOB, out.orders[KL_ASK]));
  assert_false(kl_exchange_trade_at(w->x, w->m, 1));
}

static void a_block_trade_that_cannot_be_does_nothing(void **state) {
  world *w = *state;
  kl_cross_outcome out;
  assert_int_equal(block(w, ANN, ANN, 5000, 100, KL_BID, &out), KL_X_INVALID_PARAMETERS);
  assert_int_equal(block(w, ANN, BOB, 5050, 100, KL_BID, &out), KL_X_INVALID_PRICE);
  assert_int_equal(block(w, ANN, BOB, 10000, 100, KL_BID, &out), KL_X_INVALID_PRICE);
  assert_int_equal(block(w, ANN, BOB, 5000, 0, KL_BID, &out), KL_X_INVALID_SIZE);
  assert_int_equal(block(w, ANN, 9, 5000, 100, KL_BID, &out), KL_X_INVALID_PARAMETERS);
  /* The seller's side costs 0.90 each: 1,200 of them are more than a thousand dollars. */
  assert_int_equal(block(w, ANN, BOB, 1000, 120000, KL_BID, &out), KL_X_INSUFFICIENT_BALANCE);
  assert_int_equal(block(w, BOB, ANN, 9000, 120000, KL_BID, &out), KL_X_INSUFFICIENT_BALANCE);
  kl_exchange_set_paused(w->x, w->now, true);
  assert_int_equal(block(w, ANN, BOB, 5000, 100, KL_BID, &out), KL_X_PAUSED);
  kl_exchange_set_paused(w->x, w->now, false);
  kl_exchange_set_active(w->x, w->now, w->m, false);
  assert_int_equal(block(w, ANN, BOB, 5000, 100, KL_BID, &out), KL_X_MARKET_INACTIVE);
  assert_int_equal(balance(w, ANN), DOLLARS(1000));
  assert_int_equal(position(w, BOB), 0);
  assert_null(kl_exchange_order_at(w->x, ANN, 0));
  assert_null(kl_exchange_trade_at(w->x, w->m, 0));
}

static void a_block_trade_may_close_what_a_resting_order_would(void **state) {
  world *w = *state;
  kl_cross_outcome out;
  assert_int_equal(block(w, ANN, BOB, 5000, 1000, KL_BID, &out), KL_X_OK);
  const kl_order *closer = place(w, ANN, KL_ASK, 9900, 1000); /* closes, so it holds nothing */
  assert_int_equal(balance(w, ANN), DOLLARS(1000) - DOLLARS(5));
  assert_int_equal(block(w, BOB, ANN, 4000, 1000, KL_BID, &out), KL_X_OK);
  assert_int_equal(position(w, ANN), 0);
  assert_int_equal(closer->remaining, 1000);
  /* The order now opens a position of NO at a cent each. */
  assert_int_equal(balance(w, ANN), DOLLARS(1000) - DOLLARS(5) + DOLLARS(4) - CENTS(10) - CENTS(17));
  assert_int_equal(kl_exchange_conservation(w->x), 0);
}

/* Ann quotes for Bob: she buys YES at `price`. */
static kl_quote_trade quoted(kl_price price, kl_count count) {
  return (kl_quote_trade){.ticker = "M",
                          .quoter_side = KL_BID,
                          .price = price,
                          .count = count,
                          .quoter = {.user = ANN, .client_order_id = "quote:1"},
                          .requester = party(BOB)};
}

static void both_orders_of_a_quote_meet_in_the_book(void **state) {
  world *w = *state;
  kl_quote_trade t = quoted(4500, 2000);
  kl_cross_outcome out;
  place(w, CAT, KL_BID, 4000, 100);
  assert_int_equal(kl_exchange_execute_quote(w->x, w->now, &t, &out), KL_X_OK);
  assert_int_equal(out.filled[KL_BID], 2000);
  assert_int_equal(out.filled[KL_ASK], 2000);
  assert_int_equal(position(w, ANN), 2000);
  assert_int_equal(position(w, BOB), -2000);
  const kl_order *o = kl_exchange_order(w->x, ANN, out.orders[KL_BID]);
  assert_string_equal(o->client_order_id, "quote:1");
  const kl_fill *f = kl_exchange_fill_at(w->x, ANN, 0);
  assert_true(f->is_taker); /* the requester's order came first */
  assert_true(f->taker_fee);
  assert_false(kl_exchange_trade_at(w->x, w->m, 0)->block);
}

static void better_orders_of_the_book_come_first(void **state) {
  world *w = *state;
  kl_quote_trade t = quoted(4500, 2000);
  kl_cross_outcome out;
  place(w, CAT, KL_BID, 4600, 500); /* better for Bob, who sells */
  place(w, CAT, KL_BID, 4500, 300); /* as good, and it has time priority */
  assert_int_equal(kl_exchange_execute_quote(w->x, w->now, &t, &out), KL_X_OK);
  assert_int_equal(out.filled[KL_ASK], 2000);
  assert_int_equal(out.filled[KL_BID], 1200);
  assert_int_equal(kl_exchange_order(w->x, ANN, out.orders[KL_BID])->status, KL_ORDER_CANCELED);
  assert_int_equal(position(w, BOB), -2000);
  assert_int_equal(position(w, CAT), 800);
}

static void what_is_left_may_rest_behind_all_others(void **state) {
  world *w = *state;
  kl_quote_trade t = quoted(4500, 2000);
  kl_cross_outcome out;
  t.quoter.rest_remainder = true;
  place(w, CAT, KL_BID, 4500, 500);
  assert_int_equal(kl_exchange_execute_quote(w->x, w->now, &t, &out), KL_X_OK);
  const kl_order *o = kl_exchange_order(w->x, ANN, out.orders[KL_BID]);
  assert_int_equal(o->status, KL_ORDER_RESTING);
  assert_int_equal(o->remaining, 500);
  place(w, CAT, KL_BID, 4500, 70);
  assert_int_equal(kl_exchange_queue_position(w->x, o), 70);
}

static void a_post_only_quote_rests_first_or_not_at_all(void **state) {
  world *w = *state;
  kl_quote_trade t = quoted(4500, 2000);
  kl_cross_outcome out;
  t.post_only = true;
  const kl_order *ask = place(w, CAT, KL_ASK, 4500, 100);
  assert_int_equal(kl_exchange_execute_quote(w->x, w->now, &t, &out), KL_X_POST_ONLY_CROSS);
  assert_int_equal(out.filled[KL_ASK], 0);
  assert_int_equal(position(w, BOB), 0);
  assert_int_equal(cancel(w, ask), KL_X_OK);
  assert_int_equal(kl_exchange_execute_quote(w->x, w->now, &t, &out), KL_X_OK);
  assert_int_equal(out.filled[KL_BID], 2000);
  assert_false(kl_exchange_fill_at(w->x, ANN, 0)->is_taker);
  assert_int_equal(balance(w, ANN), DOLLARS(1000) - DOLLARS(9)); /* a maker pays nothing here */
}

static void a_quote_that_a_party_cannot_pay_does_nothing(void **state) {
  world *w = *state;
  kl_quote_trade t = quoted(4500, 200000);
  kl_cross_outcome out;
  assert_int_equal(kl_exchange_execute_quote(w->x, w->now, &t, &out), KL_X_INSUFFICIENT_BALANCE);
  assert_int_equal(balance(w, BOB), DOLLARS(1000));
  assert_null(kl_exchange_order_at(w->x, ANN, 0));
  t = quoted(4500, 100);
  t.requester.user = ANN;
  assert_int_equal(kl_exchange_execute_quote(w->x, w->now, &t, &out), KL_X_INVALID_PARAMETERS);
}

static void own_orders_in_the_way_go(void **state) {
  world *w = *state;
  kl_quote_trade t = quoted(4500, 2000);
  kl_cross_outcome out;
  const kl_order *own = place(w, BOB, KL_BID, 4700, 100);
  assert_int_equal(kl_exchange_execute_quote(w->x, w->now, &t, &out), KL_X_OK);
  assert_int_equal(own->status, KL_ORDER_CANCELED);
  assert_int_equal(own->reason, KL_REASON_SELF_TRADE);
  assert_int_equal(out.filled[KL_BID], 2000);
}

static void the_quoter_of_a_combo_pays_as_a_maker(void **state) {
  world *w = *state;
  kl_market *combo = add_market(w->x, "C", "center_deci_edge_centi_cent", KL_FEE_QUADRATIC_COMBO_MAKER, 0, 0);
  kl_quote_trade t = quoted(4500, 10000);
  kl_cross_outcome out;
  t.ticker = combo->ticker;
  assert_int_equal(kl_exchange_execute_quote(w->x, w->now, &t, &out), KL_X_OK);
  kl_money taker = kl_fee_trade(KL_FEE_QUADRATIC_COMBO_MAKER, 1000000, true, 4500, 10000);
  kl_money maker = kl_fee_trade(KL_FEE_QUADRATIC_COMBO_MAKER, 1000000, false, 4500, 10000);
  const kl_fill *quoter = kl_exchange_fill_at(w->x, ANN, 0), *requester = kl_exchange_fill_at(w->x, BOB, 0);
  assert_true(quoter->is_taker && !quoter->taker_fee);
  assert_true(!requester->is_taker && requester->taker_fee);
  assert_in_range(quoter->fee, maker, maker + 10000);
  assert_in_range(requester->fee, taker, taker + 10000);
  assert_true(quoter->fee < requester->fee);
  const kl_order *o = kl_exchange_order(w->x, ANN, out.orders[KL_BID]);
  assert_int_equal(o->maker_fees, quoter->fee);
  assert_int_equal(o->taker_fees, 0);

  /* An order that has been there for five seconds and more is a maker's like any other. */
  kl_order_request r = request(CAT, KL_ASK, 4500, 10000);
  r.ticker = combo->ticker;
  assert_int_equal(send_order(w, r), KL_X_OK);
  w->now += 5 * SECOND;
  t.quoter.client_order_id = "quote:2";
  t.requester.rest_remainder = true;
  assert_int_equal(kl_exchange_execute_quote(w->x, w->now, &t, &out), KL_X_OK);
  assert_true(kl_exchange_fill_at(w->x, ANN, 0)->taker_fee);
  assert_false(kl_exchange_fill_at(w->x, CAT, 0)->taker_fee);
}

/* ---- at random ---- */

static uint64_t random_state = 33;
static int64_t below(int64_t n) {
  uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return (int64_t)((z ^ (z >> 31)) % (uint64_t)n);
}

static void money_is_conserved_whatever_is_agreed(void **state) {
  world *w = *state;
  static const char *const tickers[] = {"M", "C"};
  int done[3] = {0, 0, 0};
  add_market(w->x, "C", "center_deci_edge_centi_cent", KL_FEE_QUADRATIC_COMBO_MAKER, 0, 0);
  for (int i = 0; i < 20000; i++) {
    uint32_t a = (uint32_t)below(3), b = (uint32_t)below(3);
    const char *ticker = tickers[below(2)];
    kl_price price = 100 * (1 + below(99));
    kl_count count = 1 + below(40000);
    kl_cross_outcome out;
    w->log[0] = '\0';
    w->now += below(2 * SECOND);
    int64_t what = below(3);
    if (what == 0) {
      kl_order_request r = request(a, below(2) ? KL_BID : KL_ASK, price, count);
      r.ticker = ticker;
      done[0] += send_order(w, r) == KL_X_OK;
      if (below(4) == 0) kl_exchange_cancel_all(w->x, w->now, a, -1);
    } else if (what == 1) {
      kl_block_trade t = {.ticker = ticker,
                          .price = price,
                          .count = count,
                          .buyer = party(a),
                          .seller = party(b),
                          .maker = below(2) ? KL_BID : KL_ASK};
      done[1] += kl_exchange_block_trade(w->x, w->now, &t, &out) == KL_X_OK;
    } else {
      kl_quote_trade t = {.ticker = ticker,
                          .quoter_side = below(2) ? KL_BID : KL_ASK,
                          .price = price,
                          .count = count,
                          .quoter = {.user = a, .rest_remainder = below(2)},
                          .requester = {.user = b, .rest_remainder = below(2)},
                          .post_only = below(3) == 0};
      done[2] += kl_exchange_execute_quote(w->x, w->now, &t, &out) == KL_X_OK;
    }
    assert_int_equal(kl_exchange_conservation(w->x), 0);
    for (uint32_t u = 0; u < 3; u++)
      assert_true(balance(w, u) >= 0);
    kl_price bid, ask;
    kl_count size;
    kl_exchange_top(w->m, &bid, &size, &ask, &size);
    assert_true(bid < ask);
  }
  for (int i = 0; i < 3; i++)
    assert_true(done[i] > 500);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(a_block_trade_passes_the_book_by),
      CASE(a_block_trade_that_cannot_be_does_nothing),
      CASE(a_block_trade_may_close_what_a_resting_order_would),
      CASE(both_orders_of_a_quote_meet_in_the_book),
      CASE(better_orders_of_the_book_come_first),
      CASE(what_is_left_may_rest_behind_all_others),
      CASE(a_post_only_quote_rests_first_or_not_at_all),
      CASE(a_quote_that_a_party_cannot_pay_does_nothing),
      CASE(own_orders_in_the_way_go),
      CASE(the_quoter_of_a_combo_pays_as_a_maker),
      CASE(money_is_conserved_whatever_is_agreed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
