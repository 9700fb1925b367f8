/* Trades whose parties found each other outside the book: block trades, and the orders of a confirmed quote. */
#include <string.h>

#include "exchange/internal.h"

static kl_order_request order_of(const kl_cross_party *p, const char *ticker, kl_side side, kl_price price,
                                 kl_count count) {
  return (kl_order_request){.user = p->user,
                            .ticker = ticker,
                            .client_order_id = p->client_order_id,
                            .side = side,
                            .price = price,
                            .count = count,
                            .stp = KL_STP_MAKER,
                            .subaccount = p->subaccount};
}

bool kl_exchange_can_pay(const kl_exchange *x, uint32_t user, int subaccount, const kl_market *m, kl_side side,
                         kl_price price, kl_count count, bool taker) {
  if (user >= x->n_users || subaccount < 0 || subaccount >= KL_X_SUBACCOUNTS) return false;
  if (count < 0 || count > KL_X_MAX_COUNT) return false; /* no order has so many: and the products stay in 64 bits */
  const kl_x_account *a = x->users[user]->accounts[subaccount][m->exchange_index];
  const kl_x_holding *h = a ? kl_x_holding_find(a, m) : NULL;
  kl_price own = kl_x_own_price(side, price);
  kl_count closing = h ? kl_x_spare(h, side, 0) : 0;
  if (closing > count) closing = count;
  kl_money fee = kl_x_fee(m, taker, price, count) + x->precision;
  return own * (count - closing) + fee <= (a ? kl_x_balance(a) : 0) + (KL_PRICE_ONE - own) * closing;
}

static kl_exchange_result check_party(kl_exchange *x, const kl_order_request *r, bool taker, kl_market **m) {
  kl_exchange_result result = kl_x_check_request(x, r, m);
  if (result != KL_X_OK) return result;
  return kl_exchange_can_pay(x, r->user, r->subaccount, *m, r->side, r->price, r->count, taker)
             ? KL_X_OK
             : KL_X_INSUFFICIENT_BALANCE;
}

kl_exchange_result kl_exchange_block_trade(kl_exchange *x, int64_t now_us, const kl_block_trade *t,
                                           kl_cross_outcome *out) {
  kl_order_outcome unused = {0};
  kl_market *m;
  *out = (kl_cross_outcome){0};
  kl_x_advance(x, now_us);
  if (t->buyer.user == t->seller.user) return KL_X_INVALID_PARAMETERS;
  kl_order_request requests[2] = {order_of(&t->buyer, t->ticker, KL_BID, t->price, t->count),
                                  order_of(&t->seller, t->ticker, KL_ASK, t->price, t->count)};
  for (int side = KL_BID; side <= KL_ASK; side++) {
    kl_exchange_result result = check_party(x, &requests[side], side != (int)t->maker, &m);
    if (result != KL_X_OK) return result;
  }
  kl_x_order *orders[2];
  for (int side = KL_BID; side <= KL_ASK; side++) {
    orders[side] = kl_x_open_order(x, m, &requests[side]);
    if (orders[side]) continue;
    if (side == KL_ASK) kl_x_slab_give(&x->orders, orders[KL_BID]);
    return KL_X_NOMEM;
  }
  for (int side = KL_BID; side <= KL_ASK; side++) {
    kl_x_register_order(x, orders[side], requests[side].client_order_id);
    kl_x_credit(orders[side], t->count);
    memcpy(out->orders[side], orders[side]->o.id, sizeof out->orders[side]);
    out->filled[side] = t->count;
  }
  kl_x_order *maker = orders[t->maker], *taker = orders[kl_x_other(t->maker)];
  kl_x_trade(x, maker, taker, t->count, &unused);
  kl_x_conclude(x, taker, false, KL_REASON_CANCEL);
  const kl_trade *made = kl_exchange_trade_at(x, m, 0);
  if (made) memcpy(out->trade_id, made->id, sizeof out->trade_id); /* without memory none is kept */
  return KL_X_OK;
}

/* Ends what the book did not fill of an order that its party does not let rest. */
static void cancel_rest(kl_exchange *x, const kl_cross_party *p, const char *order_id) {
  kl_x_order *o = kl_x_resting(x, p->user, p->subaccount, order_id);
  if (o && !p->rest_remainder) kl_x_end(x, o, KL_REASON_CANCEL);
}

static kl_count filled_of(const kl_exchange *x, uint32_t user, const char *order_id) {
  const kl_order *o = kl_exchange_order(x, user, order_id);
  return o ? o->filled : 0;
}

kl_exchange_result kl_exchange_execute_quote(kl_exchange *x, int64_t now_us, const kl_quote_trade *t,
                                             kl_cross_outcome *out) {
  kl_side sides[2] = {t->quoter_side, kl_x_other(t->quoter_side)};
  const kl_cross_party *parties[2] = {&t->quoter, &t->requester};
  kl_order_request requests[2];
  kl_market *m;
  *out = (kl_cross_outcome){0};
  kl_x_advance(x, now_us);
  if (t->quoter.user == t->requester.user) return KL_X_INVALID_PARAMETERS;
  for (int i = 0; i < 2; i++) {
    requests[i] = order_of(parties[i], t->ticker, sides[i], t->price, t->count);
    requests[i].behind = true;
    requests[i].quoter = i == 0;
    requests[i].post_only = i == 0 && t->post_only;
    kl_exchange_result result = check_party(x, &requests[i], true, &m);
    if (result != KL_X_OK) return result;
  }
  int first = t->post_only ? 0 : 1;
  kl_exchange_result result = KL_X_OK;
  for (int k = 0; k < 2 && result == KL_X_OK; k++) {
    int i = k == 0 ? first : 1 - first;
    kl_order_outcome placed;
    result = kl_exchange_create(x, now_us, &requests[i], &placed);
    if (result == KL_X_OK) memcpy(out->orders[sides[i]], placed.order->id, sizeof out->orders[0]);
  }
  for (int i = 0; i < 2; i++) {
    const char *id = out->orders[sides[i]];
    if (!id[0]) continue;
    cancel_rest(x, parties[i], id);
    out->filled[sides[i]] = filled_of(x, parties[i]->user, id);
  }
  return result;
}
