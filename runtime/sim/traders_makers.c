/* Market makers: ladders around a late estimate, leaning away from the inventory. */
#include <math.h>
#include <string.h>

#include "sim/traders_impl.h"

static const kl_maker_style styles[KL_MAKERS] = {
    {1.0, 0.6, 0.3}, /* close and small, sees nearly everything */
    {2.2, 2.5, 4.0}, /* deep, a few seconds late */
    {1.4, 1.0, 1.5},
    {4.0, 6.0, 15.0}, /* far out, large, slow */
};

/* What the maker thinks now: it moves towards the value by what its delay has let through. */
static double estimate(kl_sim_traders *t, kl_desk *d, int maker) {
  kl_maker_view *v = &d->views[maker];
  if (v->step == t->step) return v->estimate;
  double fair = kl_sim_world_fair(t->w, d->market);
  double seconds = (double)(t->step - v->step) * t->w->step_s;
  v->estimate += (fair - v->estimate) * (1 - exp(-seconds / styles[maker].delay_s));
  v->step = t->step;
  return v->estimate;
}

/* Where a maker wants its k-th level; false when there is no room on that side. */
static bool wanted(kl_sim_traders *t, kl_desk *d, int maker, kl_side side, int k, kl_price *out) {
  const kl_market *m = d->market;
  double value = estimate(t, d, maker);
  /* The spread is narrower where a contract can win or lose little. */
  double edge = 2 * sqrt(value * (1 - value)), half = d->half_spread * styles[maker].width * (0.35 + 0.65 * edge);
  double lean = (double)d->views[maker].inventory / 100 / (30 * d->size * styles[maker].size);
  lean = lean < -2 ? -2 : lean > 2 ? 2 : lean;
  double middle = value - lean * half + 0.25 * half * kl_sim_gauss(&t->random);
  double distance = half + (0.006 + 0.5 * half) * k;
  double at = side == KL_BID ? middle - distance : middle + distance;
  kl_price p = kl_price_snap(m, (kl_price)llround((at < 0 ? 0 : at > 1 ? 1 : at) * KL_PRICE_ONE));
  kl_price bid, ask;
  kl_count bid_size, ask_size;
  kl_exchange_top(m, &bid, &bid_size, &ask, &ask_size);
  if (side == KL_BID && ask_size > 0 && p >= ask) p = kl_traders_below(m, ask);
  if (side == KL_ASK && bid_size > 0 && p <= bid) p = kl_traders_above(m, bid);
  *out = p;
  return kl_traders_inside(p);
}

static bool amend(kl_sim_traders *t, int64_t now_us, uint32_t user, const char *id, const kl_market *m, kl_side side,
                  kl_price price, kl_count total) {
  kl_amend_request r = {
      .user = user, .order_id = id, .ticker = m->ticker, .side = side, .price = price, .count = total};
  kl_order_outcome out;
  return kl_exchange_amend(t->x, now_us, &r, &out) == KL_X_OK;
}

bool kl_traders_requote(kl_sim_traders *t, int64_t now_us, kl_desk *d, int maker, kl_side side, int k) {
  const kl_market *m = d->market;
  kl_quote *q = &d->quotes[(maker * 2 + (int)side) * t->levels + k];
  uint32_t user = t->maker_users[maker];
  kl_price price;
  if (!wanted(t, d, maker, side, k, &price)) {
    if (q->id[0]) kl_exchange_cancel(t->x, now_us, user, 0, q->id, NULL, NULL);
    q->id[0] = '\0';
    return false;
  }
  const kl_order *o = q->id[0] ? kl_exchange_order(t->x, user, q->id) : NULL;
  bool resting = o && o->status == KL_ORDER_RESTING;
  kl_count size = kl_traders_size(t, d->size * styles[maker].size * (1 + 0.8 * k));
  if (resting && o->price == price && o->remaining * 3 > size) {
    /* In place: the size is touched up now and then. */
    if (kl_sim_below(&t->random, 3) != 0) return false;
    return amend(t, now_us, user, q->id, m, side, price, o->filled + size);
  }
  if (resting) {
    if (kl_sim_below(&t->random, 8) != 0 && amend(t, now_us, user, q->id, m, side, price, o->filled + size))
      return true;
    kl_exchange_cancel(t->x, now_us, user, 0, q->id, NULL, NULL);
  }
  q->id[0] = '\0';
  kl_traders_place(t, now_us, user, m, side, price, size, KL_TIF_GTC, &q->id);
  return true;
}
