/* Those who trade against the makers, and guests in the book. */
#include <math.h>

#include "sim/traders_impl.h"

typedef struct top {
  kl_price bid, ask;
  kl_count bid_size, ask_size;
} top;

static top top_of(const kl_market *m) {
  top t;
  kl_exchange_top(m, &t.bid, &t.bid_size, &t.ask, &t.ask_size);
  return t;
}

/* People like round numbers, most trades are small, and a few are very large. */
static kl_count taken_size(kl_sim_traders *t, const kl_desk *d) {
  static const int usual[] = {1, 1, 2, 5, 10, 10, 20, 25, 50, 100, 100, 200};
  uint32_t dice = kl_sim_below(&t->random, 100);
  if (dice < 40) return 100 * usual[kl_sim_below(&t->random, sizeof usual / sizeof *usual)];
  double contracts = d->size * 0.2 * exp(0.7 * kl_sim_gauss(&t->random));
  if (dice >= 97) contracts *= pow(1 - kl_sim_uniform(&t->random), -0.8);
  return kl_traders_size(t, contracts);
}

/* Buys or sells at the best price; a few go through it. */
static bool take(kl_sim_traders *t, int64_t now_us, uint32_t user, const kl_desk *d, kl_side side, kl_count count) {
  const kl_market *m = d->market;
  top b = top_of(m);
  kl_price price = side == KL_BID ? b.ask : b.bid;
  kl_count best = side == KL_BID ? b.ask_size : b.bid_size;
  if (!kl_traders_inside(price)) return false;
  if (count > best && kl_sim_below(&t->random, 4) != 0) count = best;
  for (int i = 0; i < 2 && count > best; i++) {
    kl_price next = side == KL_BID ? kl_traders_above(m, price) : kl_traders_below(m, price);
    if (kl_traders_inside(next)) price = next;
  }
  if (count > 0) kl_traders_place(t, now_us, user, m, side, price, count, KL_TIF_IOC, NULL);
  return true;
}

bool kl_traders_whim(kl_sim_traders *t, int64_t now_us, kl_desk *d) {
  kl_side side = kl_sim_uniform(&t->random) < 0.5 ? KL_BID : KL_ASK;
  return take(t, now_us, t->whim_user, d, side, taken_size(t, d));
}

/* Someone who sees the hidden value takes every order that is wrong by more than it costs to trade. */
bool kl_traders_knowledge(kl_sim_traders *t, int64_t now_us, kl_desk *d) {
  static const double edge = 0.004;
  const kl_market *m = d->market;
  double fair = kl_sim_world_fair(t->w, m);
  top b = top_of(m);
  kl_price limit = (kl_price)llround(fair * KL_PRICE_ONE);
  bool buys = b.ask_size > 0 && (double)b.ask / KL_PRICE_ONE < fair - edge;
  bool sells = b.bid_size > 0 && (double)b.bid / KL_PRICE_ONE > fair + edge;
  if (!buys && !sells) return false;
  if (buys ? limit < b.ask : limit > b.bid) limit = buys ? b.ask : b.bid;
  limit = kl_price_snap(m, limit);
  if (!kl_traders_inside(limit)) limit = buys ? b.ask : b.bid;
  kl_traders_place(t, now_us, t->knowing_user, m, buys ? KL_BID : KL_ASK, limit, buys ? b.ask_size : b.bid_size,
                   KL_TIF_IOC, NULL);
  return true;
}

/* Someone follows trades that have gone one way. */
bool kl_traders_momentum(kl_sim_traders *t, int64_t now_us, kl_desk *d) {
  double trend = d->fast - d->slow;
  if (fabs(trend) < 0.012) return false;
  return take(t, now_us, t->momentum_user, d, trend > 0 ? KL_BID : KL_ASK, taken_size(t, d));
}

/* One contract of each market of the event pays a dollar: for less, buy all; for more, sell all. */
bool kl_traders_arbitrage(kl_sim_traders *t, int64_t now_us, kl_desk *d) {
  static const kl_price gain = 100; /* for the fees */
  const kl_market_event *e = d->event->event;
  kl_price bids = 0, asks = 0;
  kl_count bid_size = INT64_MAX, ask_size = INT64_MAX;
  if (!d->event->complete || e->n_markets < 2) return false;
  for (size_t i = 0; i < e->n_markets; i++) {
    top b = top_of(e->markets[i]);
    bids += b.bid;
    asks += b.ask;
    if (b.bid_size < bid_size) bid_size = b.bid_size;
    if (b.ask_size < ask_size) ask_size = b.ask_size;
  }
  bool buys = ask_size > 0 && asks<KL_PRICE_ONE - gain, sells = bid_size> 0 && bids > KL_PRICE_ONE + gain;
  if (!buys && !sells) return false;
  kl_count count = buys ? ask_size : bid_size;
  if (count > 50000) count = 50000;
  for (size_t i = 0; i < e->n_markets; i++) {
    top b = top_of(e->markets[i]);
    kl_price price = buys ? b.ask : b.bid;
    if (kl_traders_inside(price))
      kl_traders_place(t, now_us, t->arbitrage_user, e->markets[i], buys ? KL_BID : KL_ASK, price, count, KL_TIF_IOC,
                       NULL);
  }
  return true;
}

bool kl_traders_join(kl_sim_traders *t, int64_t now_us, kl_desk *d) {
  const kl_market *m = d->market;
  kl_quote *g = &d->guests[d->next_guest];
  d->next_guest = (uint8_t)((d->next_guest + 1) % KL_GUESTS);
  if (g->id[0]) {
    kl_exchange_cancel(t->x, now_us, t->guest_user, 0, g->id, NULL, NULL);
    g->id[0] = '\0';
    if (kl_sim_below(&t->random, 3) == 0) return true;
  }
  top b = top_of(m);
  kl_side side = kl_sim_uniform(&t->random) < 0.5 ? KL_BID : KL_ASK;
  kl_price price = side == KL_BID ? b.bid : b.ask;
  kl_price better = side == KL_BID ? kl_traders_above(m, b.bid) : kl_traders_below(m, b.ask);
  if (kl_sim_below(&t->random, 4) == 0 && better > b.bid && better < b.ask) price = better;
  if (kl_traders_inside(price))
    kl_traders_place(t, now_us, t->guest_user, m, side, price, kl_traders_size(t, d->size * 0.2), KL_TIF_GTC, &g->id);
  return true;
}
