/* Collateral and positions.
 *
 * The contracts of an order that would close the account's position need no collateral: they are credited with it. All
 * credits of a side together never exceed the position (`promised`). A new order gets what is left; it is not handed
 * out again when the position grows later.
 *
 * A fill may close contracts that were promised to another order of the account on that side. The other then gets
 * collateral of its own. That is always paid for: the fill frees one dollar a contract (its own collateral plus its
 * proceeds), and the other order, which stands behind it at the same or a worse price, needs less than the collateral
 * part of that. The same holds with netting, where closing NO gives back at most one dollar a contract: an order is not
 * credited with contracts that this would concern (kl_x_spare), so each of them has collateral.
 */
#include "exchange/internal.h"

int64_t kl_x_mul_div(int64_t a, int64_t b, int64_t c) { return (int64_t)((__int128)a * b / c); }

static kl_count smaller(kl_count a, kl_count b) { return a < b ? a : b; }
static kl_count magnitude(kl_count n) { return n < 0 ? -n : n; }

kl_count kl_x_closable(const kl_x_holding *h, kl_side side) {
  bool opposite = side == KL_ASK ? h->p.position > 0 : h->p.position < 0;
  return opposite ? magnitude(h->p.position) : 0;
}

kl_money kl_x_collateral(const kl_x_order *o) {
  return kl_x_own_price(o->o.side, o->o.price) * (o->o.remaining - o->closing) +
         kl_fee_trade(o->reserve.type, o->reserve.multiplier_ppm, false, o->o.price, o->o.remaining);
}

void kl_x_hold(kl_x_order *o) {
  kl_money wanted = o->level ? kl_x_collateral(o) : 0;
  o->holding->account->held += wanted - o->held;
  o->held = wanted;
}

void kl_x_credit(kl_x_order *o, kl_count count) {
  o->closing = smaller(kl_x_spare(o->holding, o->o.side, 0), count);
  o->holding->promised += o->closing;
  kl_x_net(o->holding->account, o->o.market->event);
}

void kl_x_uncredit(kl_x_order *o, kl_count n) {
  o->closing -= n;
  o->holding->promised -= n;
  kl_x_net(o->holding->account, o->o.market->event);
  if (o->closing == 0) kl_list_remove(&o->closer);
}

void kl_x_release(kl_x_order *o) {
  kl_x_uncredit(o, o->closing);
  o->holding->account->held -= o->held;
  o->held = 0;
}

/* Takes back credits that the position no longer covers, from the latest order first. */
static void cover_promises(const kl_exchange *x, kl_x_holding *h, kl_side side) {
  kl_count excess = h->promised - kl_x_closable(h, side);
  while (excess > 0) {
    kl_x_order *o = KL_CONTAINER(h->closers.prev, kl_x_order, closer);
    kl_count n = smaller(excess, o->closing);
    kl_x_uncredit(o, n);
    kl_x_hold(o);
    kl_x_touch_order(x, o);
    excess -= n;
  }
}

kl_money kl_x_position_trade(kl_position *p, kl_side side, kl_price own, kl_count n) {
  bool opposite = side == KL_ASK ? p->position > 0 : p->position < 0;
  kl_count before = magnitude(p->position);
  kl_count closed = opposite ? smaller(n, before) : 0, opened = n - closed;
  /* A pair of YES and NO is a dollar, so buying the other side at `own` yields one dollar minus it. */
  kl_money proceeds = (KL_PRICE_ONE - own) * closed, spent = own * opened;
  if (closed > 0) {
    kl_money cost = kl_x_mul_div(p->cost, closed, before);
    p->cost -= cost;
    p->realized += proceeds - cost;
    p->position_fees -= kl_x_mul_div(p->position_fees, closed, before);
  }
  p->cost += spent;
  p->traded += spent;
  p->volume += n;
  p->position += side == KL_BID ? n : -n;
  return proceeds - spent;
}

void kl_x_ledger_fill(kl_exchange *x, kl_x_order *o, kl_price price, kl_count n, bool taker, kl_fill *f) {
  kl_x_holding *h = o->holding;
  kl_x_account *a = h->account;
  kl_price own = kl_x_own_price(o->o.side, price);
  kl_count opened = n - smaller(n, kl_x_closable(h, o->o.side));
  kl_money revenue = kl_x_position_trade(&h->p, o->o.side, own, n);
  kl_money fee = kl_x_fee(o->o.market, f->taker_fee, price, n), rebate;
  fee += kl_fee_rounding(revenue, fee, x->precision, &o->accumulator, &rebate);
  fee -= rebate;
  if (o->closing > 0) kl_x_uncredit(o, smaller(o->closing, n));
  kl_x_hold(o);
  if (opened < n) cover_promises(x, h, o->o.side);
  kl_x_net(a, o->o.market->event);
  /* Resting orders hold no more than their price and maker fee. Rounding beyond that comes from the free balance, and
   * the exchange forgoes what is not there: a balance never goes below zero. */
  kl_money left = kl_x_balance(a) + revenue - fee;
  if (left < 0) fee = fee > -left ? fee + left : 0;
  a->cash += revenue - fee;
  x->fees += fee;
  h->p.fees += fee;
  h->p.position_fees += kl_x_mul_div(fee, opened, n);
  h->p.updated_us = x->now;
  *(taker ? &o->o.taker_cost : &o->o.maker_cost) += own * n;
  *(f->taker_fee ? &o->o.taker_fees : &o->o.maker_fees) += fee;
  f->fee = fee;
  f->post_position = h->p.position;
}

void kl_x_ledger_settle(kl_exchange *x, kl_x_holding *h, kl_price yes_value) {
  kl_position *p = &h->p;
  if (p->position == 0) return;
  bool yes = p->position > 0;
  kl_count n = magnitude(p->position);
  kl_money payout = (yes ? yes_value : KL_PRICE_ONE - yes_value) * n;
  kl_money rest = payout % KL_X_CENT; /* payouts are whole cents, the rest is a fee */
  kl_settlement s = {.market = p->market,
                     .subaccount = h->account->subaccount,
                     .yes_count = yes ? n : 0,
                     .no_count = yes ? 0 : n,
                     .yes_cost = yes ? p->cost : 0,
                     .no_cost = yes ? 0 : p->cost,
                     .revenue = payout - rest,
                     .fees = p->fees + rest,
                     .settled_us = x->now};
  p->realized += payout - p->cost;
  p->fees += rest;
  p->position = 0;
  p->cost = p->position_fees = 0;
  p->updated_us = x->now;
  h->account->cash += s.revenue;
  x->fees += rest;
  kl_x_keep_settlement(x, h->account->user, &s);
  kl_x_tell_position(x, h);
}
