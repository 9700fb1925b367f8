#include "sim/traders.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAKERS = 3, TAKERS = 2, LEVELS_MOST = 6, GUESTS = 3 };
enum { KEPT_ORDERS = 500, KEPT_FILLS = 100 }; /* nobody looks at the traders' own lists */
/* Far more than they can lose, and far below what would overflow. */
#define DEPOSIT (INT64_C(10000000000) * KL_MONEY_ONE)

/* An order that a trader keeps in the book. */
typedef struct quote {
  kl_uuid id; /* empty: none */
} quote;

typedef struct ladder {
  quote sides[2][LEVELS_MOST]; /* by kl_side, best first */
} ladder;

typedef struct desk {
  ladder makers[MAKERS];
  quote guests[GUESTS]; /* small orders of those who join the book for a while */
  uint8_t next_guest;
  double half_spread; /* of the makers, in dollars */
  double size;        /* typical contracts */
} desk;

struct kl_sim_traders {
  kl_exchange *x;
  kl_sim_world *w;
  kl_sim_random random;
  double rate;
  double tokens; /* messages that may still be caused */
  size_t n;      /* markets that they trade */
  double *reach; /* cumulative activity by market */
  desk *desks;   /* by market */
  int levels, makers;
  uint32_t maker_users[MAKERS], taker_users[TAKERS], guest_user;
  uint64_t step, orders, messages;
};

static bool add_user(kl_exchange *x, uint32_t *user) {
  *user = kl_exchange_add_user(x, DEPOSIT);
  if (*user == UINT32_MAX) return false;
  kl_exchange_keep(x, *user, KEPT_ORDERS, KEPT_FILLS);
  return true;
}

kl_sim_traders *kl_sim_traders_new(kl_exchange *x, kl_sim_world *w, uint64_t seed, double rate) {
  kl_sim_traders *t = calloc(1, sizeof *t);
  if (!t) return NULL;
  t->x = x;
  t->w = w;
  t->rate = rate;
  t->random = kl_sim_random_new(seed, 2);
  /* Thousands of markets get thinner books, or the orders alone would fill the memory. */
  t->n = kl_exchange_market_count(x);
  t->levels = t->n <= 500 ? LEVELS_MOST : 3;
  t->makers = t->n <= 500 ? MAKERS : 1;
  t->reach = malloc(t->n * sizeof *t->reach);
  t->desks = calloc(t->n, sizeof *t->desks);
  bool ok = t->reach && t->desks;
  for (int i = 0; ok && i < MAKERS; i++)
    ok = add_user(x, &t->maker_users[i]);
  for (int i = 0; ok && i < TAKERS; i++)
    ok = add_user(x, &t->taker_users[i]);
  ok = ok && add_user(x, &t->guest_user);
  if (!ok) {
    kl_sim_traders_free(t);
    return NULL;
  }
  double sum = 0;
  for (size_t i = 0; i < t->n; i++) {
    const kl_sim_event *e = i < w->cap_markets ? w->markets[i].event : NULL; /* NULL: settled before the start */
    double fair = kl_sim_world_fair(w, kl_exchange_market_at(x, i));
    if (e) sum += e->activity * (0.3 + 4 * fair * (1 - fair)); /* the undecided ones are traded most */
    t->reach[i] = sum;
    t->desks[i].half_spread = 0.005 + 0.012 * kl_sim_uniform(&t->random) * kl_sim_uniform(&t->random);
    t->desks[i].size = exp(3.2 + 1.5 * kl_sim_uniform(&t->random));
  }
  return t;
}

void kl_sim_traders_free(kl_sim_traders *t) {
  if (!t) return;
  free(t->reach);
  free(t->desks);
  free(t);
}

void kl_sim_traders_count_level(kl_sim_traders *t) { t->messages++; }
uint64_t kl_sim_traders_orders(const kl_sim_traders *t) { return t->orders; }
uint64_t kl_sim_traders_steps(const kl_sim_traders *t) { return t->step; }

/* The grid's neighbours of a price; 0 or one dollar past its ends. */
static kl_price below(const kl_market *m, kl_price p) {
  for (int i = 0; i < m->n_bands; i++) {
    const kl_price_band *b = &m->bands[i];
    if (p > b->start && p <= b->end) return b->start + (p - b->start - 1) / b->step * b->step;
  }
  return 0;
}

static kl_price above(const kl_market *m, kl_price p) {
  for (int i = 0; i < m->n_bands; i++) {
    const kl_price_band *b = &m->bands[i];
    if (p >= b->start && p < b->end) return b->start + ((p - b->start) / b->step + 1) * b->step;
  }
  return KL_PRICE_ONE;
}

static bool inside(kl_price p) { return p > 0 && p < KL_PRICE_ONE; }

/* Whole contracts mostly, now and then a fraction. */
static kl_count size_around(kl_sim_traders *t, double contracts) {
  double v = contracts * exp(0.7 * kl_sim_gauss(&t->random));
  kl_count count = 100 * (kl_count)(v < 1 ? 1 : v > 20000 ? 20000 : v);
  if (kl_sim_below(&t->random, 12) == 0) count += kl_sim_below(&t->random, 100);
  return count;
}

/* Creates an order; true with *id when it rests. */
static bool place(kl_sim_traders *t, int64_t now_us, uint32_t user, const kl_market *m, kl_side side, kl_price price,
                  kl_count count, kl_tif tif, kl_uuid *id) {
  kl_order_request r = {.user = user,
                        .ticker = m->ticker,
                        .side = side,
                        .price = price,
                        .count = count,
                        .tif = tif,
                        .stp = KL_STP_TAKER_AT_CROSS,
                        .post_only = tif == KL_TIF_GTC};
  kl_order_outcome out;
  if (kl_exchange_create(t->x, now_us, &r, &out) != KL_X_OK) return false;
  t->orders++;
  if (out.remaining == 0 || tif != KL_TIF_GTC) return false;
  if (id) memcpy(*id, out.order->id, sizeof *id);
  return true;
}

static bool amend(kl_sim_traders *t, int64_t now_us, uint32_t user, const char *id, const kl_market *m, kl_side side,
                  kl_price price, kl_count total) {
  kl_amend_request r = {
      .user = user, .order_id = id, .ticker = m->ticker, .side = side, .price = price, .count = total};
  kl_order_outcome out;
  return kl_exchange_amend(t->x, now_us, &r, &out) == KL_X_OK;
}

/* Where a maker wants its k-th level; false when there is no room on that side. */
static bool wanted(const kl_market *m, const desk *d, double estimate, kl_side side, int k, kl_price *out) {
  double distance = d->half_spread + 0.011 * k + (k > 3 ? 0.03 * (k - 3) : 0);
  double at = side == KL_BID ? estimate - distance : estimate + distance;
  kl_price p = kl_price_snap(m, (kl_price)llround((at < 0 ? 0 : at > 1 ? 1 : at) * KL_PRICE_ONE));
  kl_price bid, ask;
  kl_count bid_size, ask_size;
  kl_exchange_top(m, &bid, &bid_size, &ask, &ask_size);
  if (side == KL_BID && ask_size > 0 && p >= ask) p = below(m, ask);
  if (side == KL_ASK && bid_size > 0 && p <= bid) p = above(m, bid);
  *out = p;
  return inside(p);
}

/* Brings one level of a maker's ladder to where it should be; true when that took a message. */
static bool requote(kl_sim_traders *t, int64_t now_us, uint32_t market, int maker, kl_side side, int k) {
  const kl_market *m = kl_exchange_market_at(t->x, market);
  desk *d = &t->desks[market];
  quote *q = &d->makers[maker].sides[side][k];
  double fair = kl_sim_world_fair(t->w, m);
  double estimate = fair + 0.25 * d->half_spread * kl_sim_gauss(&t->random) + 0.002 * (maker - 1);
  uint32_t user = t->maker_users[maker];
  kl_price price;
  if (!wanted(m, d, estimate, side, k, &price)) {
    if (q->id[0]) kl_exchange_cancel(t->x, now_us, user, 0, q->id, NULL, NULL);
    q->id[0] = '\0';
    return false;
  }
  const kl_order *o = q->id[0] ? kl_exchange_order(t->x, user, q->id) : NULL;
  bool resting = o && o->status == KL_ORDER_RESTING;
  kl_count size = size_around(t, d->size * (1 + 0.8 * k));
  if (resting && o->price == price && o->remaining * 3 > size) {
    /* In place: the size is touched up now and then, as a real maker's inventory would. */
    if (kl_sim_below(&t->random, 3) != 0) return false;
    return amend(t, now_us, user, q->id, m, side, price, o->filled + size);
  }
  if (resting) {
    if (kl_sim_below(&t->random, 8) != 0 && amend(t, now_us, user, q->id, m, side, price, o->filled + size))
      return true;
    kl_exchange_cancel(t->x, now_us, user, 0, q->id, NULL, NULL);
  }
  q->id[0] = '\0';
  place(t, now_us, user, m, side, price, size, KL_TIF_GTC, &q->id);
  return true;
}

/* Someone buys or sells at the best price, for no reason that the model knows. */
static void take_by_whim(kl_sim_traders *t, int64_t now_us, uint32_t market) {
  const kl_market *m = kl_exchange_market_at(t->x, market);
  kl_price bid, ask;
  kl_count bid_size, ask_size;
  kl_exchange_top(m, &bid, &bid_size, &ask, &ask_size);
  kl_side side = kl_sim_uniform(&t->random) < 0.5 ? KL_BID : KL_ASK;
  kl_price price = side == KL_BID ? ask : bid;
  if (!inside(price)) return;
  kl_count best = side == KL_BID ? ask_size : bid_size;
  kl_count count = size_around(t, t->desks[market].size * 0.25);
  /* Most take a part of the best level; a few go through it. */
  if (count > best && kl_sim_below(&t->random, 4) != 0) count = best;
  if (count > best) {
    for (int i = 0; i < 2; i++) {
      kl_price next = side == KL_BID ? above(m, price) : below(m, price);
      if (inside(next)) price = next;
    }
  }
  if (count > 0) place(t, now_us, t->taker_users[0], m, side, price, count, KL_TIF_IOC, NULL);
}

/* Someone who knows the hidden value takes every order that is wrong by more than a maker's spread. */
static bool take_by_knowledge(kl_sim_traders *t, int64_t now_us, uint32_t market) {
  const kl_market *m = kl_exchange_market_at(t->x, market);
  double fair = kl_sim_world_fair(t->w, m);
  kl_price bid, ask;
  kl_count bid_size, ask_size;
  kl_exchange_top(m, &bid, &bid_size, &ask, &ask_size);
  double edge = 0.004;
  kl_price limit = (kl_price)llround(fair * KL_PRICE_ONE);
  if (ask_size > 0 && (double)ask / KL_PRICE_ONE < fair - edge) {
    limit = kl_price_snap(m, limit > ask ? limit : ask);
    if (inside(limit)) place(t, now_us, t->taker_users[1], m, KL_BID, limit, ask_size, KL_TIF_IOC, NULL);
    return true;
  }
  if (bid_size > 0 && (double)bid / KL_PRICE_ONE > fair + edge) {
    limit = kl_price_snap(m, limit < bid ? limit : bid);
    if (inside(limit)) place(t, now_us, t->taker_users[1], m, KL_ASK, limit, bid_size, KL_TIF_IOC, NULL);
    return true;
  }
  return false;
}

/* Someone joins the best price, or improves it, with a small order, and an older such order goes. */
static void join(kl_sim_traders *t, int64_t now_us, uint32_t market) {
  const kl_market *m = kl_exchange_market_at(t->x, market);
  desk *d = &t->desks[market];
  quote *g = &d->guests[d->next_guest];
  d->next_guest = (uint8_t)((d->next_guest + 1) % GUESTS);
  if (g->id[0]) {
    kl_exchange_cancel(t->x, now_us, t->guest_user, 0, g->id, NULL, NULL);
    g->id[0] = '\0';
    if (kl_sim_below(&t->random, 3) == 0) return;
  }
  kl_price bid, ask;
  kl_count bid_size, ask_size;
  kl_exchange_top(m, &bid, &bid_size, &ask, &ask_size);
  kl_side side = kl_sim_uniform(&t->random) < 0.5 ? KL_BID : KL_ASK;
  kl_price price = side == KL_BID ? bid : ask;
  kl_price better = side == KL_BID ? above(m, bid) : below(m, ask);
  if (kl_sim_below(&t->random, 4) == 0 && better > bid && better < ask) price = better;
  if (inside(price)) place(t, now_us, t->guest_user, m, side, price, size_around(t, d->size * 0.2), KL_TIF_GTC, &g->id);
}

static uint32_t pick_market(kl_sim_traders *t) {
  size_t n = t->n, low = 0, high = n - 1;
  double at = kl_sim_uniform(&t->random) * t->reach[n - 1];
  while (low < high) {
    size_t mid = (low + high) / 2;
    if (t->reach[mid] > at) {
      high = mid;
    } else {
      low = mid + 1;
    }
  }
  return (uint32_t)low;
}

static void act(kl_sim_traders *t, int64_t now_us) {
  uint32_t market = pick_market(t);
  if (kl_exchange_market_at(t->x, market)->status != KL_MARKET_ACTIVE) return;
  uint32_t dice = kl_sim_below(&t->random, 100);
  if (dice < 14) {
    take_by_whim(t, now_us, market);
  } else if (dice < 22) {
    if (!take_by_knowledge(t, now_us, market)) join(t, now_us, market);
  } else if (dice < 30) {
    join(t, now_us, market);
  } else {
    /* A maker looks at its ladder from the inside out until it has changed something. */
    int maker = (int)kl_sim_below(&t->random, (uint32_t)t->makers);
    kl_side first = kl_sim_uniform(&t->random) < 0.5 ? KL_BID : KL_ASK;
    int skip = kl_sim_below(&t->random, 3) == 0 ? (int)kl_sim_below(&t->random, (uint32_t)t->levels) : 0;
    for (int k = skip; k < t->levels; k++) {
      bool moved = requote(t, now_us, market, maker, first, k);
      moved = requote(t, now_us, market, maker, first == KL_BID ? KL_ASK : KL_BID, k) || moved;
      if (moved) return;
    }
  }
}

void kl_sim_traders_open(kl_sim_traders *t, int64_t now_us) {
  for (uint32_t i = 0; i < t->n; i++) {
    if (kl_exchange_market_at(t->x, i)->status != KL_MARKET_ACTIVE) continue;
    for (int maker = 0; maker < t->makers; maker++) {
      for (int k = 0; k < t->levels; k++) {
        requote(t, now_us, i, maker, KL_BID, k);
        requote(t, now_us, i, maker, KL_ASK, k);
      }
    }
  }
}

void kl_sim_traders_step(kl_sim_traders *t, int64_t now_us) {
  t->step++;
  t->tokens += t->rate * KL_SIM_STEP_MS / 1000.0;
  /* An action that changes nothing costs a little too, so that a step always ends. */
  while (t->tokens >= 1) {
    uint64_t before = t->messages;
    act(t, now_us);
    uint64_t caused = t->messages - before;
    t->tokens -= caused ? (double)caused : 0.1;
  }
}
