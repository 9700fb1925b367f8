/* Who trades where, and how much of it: a few markets get most of the trading, and news bring more. */
#include "sim/traders.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "exchange/saved.h"
#include "sim/traders_impl.h"

enum { KEPT_ORDERS = 500, KEPT_FILLS = 100 }; /* nobody looks at the traders' own lists */
/* Far more than they can lose, and far below what would overflow. */
#define DEPOSIT (INT64_C(10000000000) * KL_MONEY_ONE)
/* Of the wall's second: a world that is faster gets no more, unless it was asked for. */
static const double most_messages = 20000;
static const double heat_lasts_s = 20, heat_most = 25;
/* In so many steps every event is looked at; in so many rounds of it every market is weighed. */
enum { LOOK_STEPS = 100, WEIGH_ROUNDS = 8 };

/* The next of the traders: one that a restored exchange has already, or a new one. */
static bool add_user(kl_exchange *x, size_t *n, uint32_t *user) {
  *user = kl_exchange_synthetic_at(x, KL_SYNTHETIC_TRADER, (*n)++);
  if (*user != UINT32_MAX) return true;
  *user = kl_exchange_add_user(x, DEPOSIT);
  if (*user == UINT32_MAX) return false;
  kl_exchange_set_synthetic(x, *user, KL_SYNTHETIC_TRADER);
  kl_exchange_keep(x, *user, KEPT_ORDERS, KEPT_FILLS);
  return true;
}

/* ---- the weights ---- */

static void add_weight(kl_sim_traders *t, size_t index, double change) {
  for (size_t i = index + 1; i <= t->cap; i += i & -i)
    t->tree[i] += change;
}

static void set_weight(kl_sim_traders *t, size_t index, double weight) {
  add_weight(t, index, weight - t->desks[index].weight);
  t->desks[index].weight = weight;
}

/* The market at a place of the line of all weights. */
static size_t at_weight(const kl_sim_traders *t, double at) {
  size_t i = 0;
  for (size_t step = t->cap; step > 0; step /= 2) {
    if (i + step > t->cap || t->tree[i + step] > at) continue;
    i += step;
    at -= t->tree[i];
  }
  return i < t->cap ? i : t->cap - 1;
}

static bool reserve(kl_sim_traders *t, size_t index) {
  size_t cap = t->cap ? t->cap : 64;
  if (index < t->cap) return true;
  while (cap <= index)
    cap *= 2;
  kl_desk *desks = realloc(t->desks, cap * sizeof *desks);
  if (desks) t->desks = desks;
  double *tree = desks ? realloc(t->tree, (cap + 1) * sizeof *tree) : NULL;
  if (!tree) return false;
  memset(desks + t->cap, 0, (cap - t->cap) * sizeof *desks);
  memset(tree, 0, (cap + 1) * sizeof *tree);
  t->tree = tree;
  size_t before = t->cap;
  t->cap = cap;
  for (size_t i = 0; i < before; i++)
    add_weight(t, i, desks[i].weight);
  return true;
}

static double heat_of(kl_sim_traders *t, kl_desk *d) {
  if (d->heat > 0 && d->heat_step != t->step) {
    d->heat *= exp(-(double)(t->step - d->heat_step) * t->w->step_s / heat_lasts_s);
    if (d->heat < 0.05) d->heat = 0;
  }
  d->heat_step = t->step;
  return d->heat;
}

static void weigh(kl_sim_traders *t, kl_desk *d) {
  size_t index = (size_t)(d - t->desks);
  if (d->market->status != KL_MARKET_ACTIVE) {
    set_weight(t, index, 0);
    return;
  }
  double p = kl_sim_world_view(t->w, d->market);
  set_weight(t, index, d->liquidity * (0.1 + 4 * p * (1 - p)) * (1 + heat_of(t, d)));
}

/* Looks at some events: those with news get busy, the others are weighed anew now and then. */
static void look_around(kl_sim_traders *t) {
  size_t n = t->w->n_events;
  for (size_t k = n / LOOK_STEPS + 1; k > 0 && n > 0; k--) {
    t->sweep = (t->sweep + 1) % n;
    const kl_sim_event *e = t->w->events[t->sweep];
    const kl_market *first = e->event->markets[0];
    if (e->stage != KL_SIM_OPEN || first->index >= t->cap || t->desks[first->index].market != first) continue;
    bool news = t->desks[first->index].jumps != e->jumps;
    if (!news && (e->serial + t->step / LOOK_STEPS) % WEIGH_ROUNDS != 0) continue;
    for (size_t i = 0; i < e->event->n_markets; i++) {
      kl_desk *d = &t->desks[e->event->markets[i]->index];
      if (news) {
        d->heat = heat_of(t, d) + 150 * e->stirred;
        if (d->heat > heat_most) d->heat = heat_most;
        d->jumps = e->jumps;
      }
      weigh(t, d);
    }
  }
}

/* ---- markets that come and go ---- */

static bool open_desk(kl_sim_traders *t, const kl_sim_event *e, const kl_market *m) {
  if (!reserve(t, m->index)) return false;
  kl_desk *d = &t->desks[m->index];
  kl_quote *quotes = calloc((size_t)t->makers * 2 * (size_t)t->levels, sizeof *quotes);
  if (!quotes) return false;
  /* Log-normal: the busiest of a hundred markets has about a hundred times the trading of a quiet one. */
  double liquidity = e->activity * exp(1.1 * kl_sim_gauss(&t->random));
  double half = 0.0065 * pow(liquidity, -0.55) * exp(0.25 * kl_sim_gauss(&t->random));
  *d = (kl_desk){.market = m,
                 .event = e,
                 .liquidity = liquidity,
                 .half_spread = half < 0.004  ? 0.004
                                : half > 0.05 ? 0.05
                                              : half,
                 .size = exp(3.4 + 0.7 * kl_sim_gauss(&t->random)) * pow(liquidity, 0.3),
                 .heat_step = t->step,
                 .jumps = e->jumps,
                 .quotes = quotes};
  double fair = kl_sim_world_view(t->w, m);
  for (int i = 0; i < KL_MAKERS; i++)
    d->views[i] = (kl_maker_view){.estimate = fair, .step = t->step};
  weigh(t, d);
  return true;
}

static void fill_book(kl_sim_traders *t, kl_desk *d, int64_t now_us) {
  if (d->market->status != KL_MARKET_ACTIVE) return;
  for (int maker = 0; maker < t->makers; maker++) {
    for (int k = 0; k < t->levels; k++) {
      kl_traders_requote(t, now_us, d, maker, KL_BID, k);
      kl_traders_requote(t, now_us, d, maker, KL_ASK, k);
    }
  }
}

void kl_sim_traders_add(kl_sim_traders *t, const kl_sim_event *e, int64_t now_us) {
  for (size_t i = 0; i < e->event->n_markets; i++) {
    const kl_market *m = e->event->markets[i];
    if (open_desk(t, e, m))
      fill_book(t, &t->desks[m->index], now_us);
    else
      kl_log_error("sim", "no memory for traders in %s", m->ticker);
  }
}

void kl_sim_traders_forget(kl_sim_traders *t, const kl_market *m) {
  if (m->index >= t->cap || t->desks[m->index].market != m) return;
  set_weight(t, m->index, 0);
  free(t->desks[m->index].quotes);
  t->desks[m->index] = (kl_desk){0};
}

kl_sim_traders *kl_sim_traders_new(kl_exchange *x, kl_sim_world *w, uint64_t seed, double rate) {
  kl_sim_traders *t = calloc(1, sizeof *t);
  if (!t) return NULL;
  t->x = x;
  t->w = w;
  double of_wall = rate * w->o.speed, most = rate > most_messages ? rate : most_messages;
  t->rate = (of_wall < most ? of_wall : most) * w->step_s / w->o.speed;
  t->random = kl_sim_random_new(seed, 2);
  t->step = w->step;
  /* Thousands of markets get thinner books, or the orders alone would fill the memory. */
  size_t n = kl_exchange_market_count(x), users = 0;
  t->levels = n <= 500 ? KL_LEVELS_MOST : 3;
  t->makers = n <= 500 ? KL_MAKERS : n <= 2000 ? 2 : 1;
  bool ok = true;
  for (int i = 0; ok && i < KL_MAKERS; i++)
    ok = add_user(x, &users, &t->maker_users[i]);
  ok = ok && add_user(x, &users, &t->whim_user) && add_user(x, &users, &t->knowing_user) &&
       add_user(x, &users, &t->momentum_user) && add_user(x, &users, &t->arbitrage_user) &&
       add_user(x, &users, &t->guest_user);
  for (size_t i = 0; ok && i < w->n_events; i++)
    for (size_t k = 0; ok && k < w->events[i]->event->n_markets; k++)
      ok = open_desk(t, w->events[i], w->events[i]->event->markets[k]);
  if (ok) return t;
  kl_sim_traders_free(t);
  return NULL;
}

void kl_sim_traders_free(kl_sim_traders *t) {
  if (!t) return;
  for (size_t i = 0; i < t->cap; i++)
    free(t->desks[i].quotes);
  free(t->desks);
  free(t->tree);
  free(t);
}

void kl_sim_traders_count_level(kl_sim_traders *t) { t->messages++; }
uint64_t kl_sim_traders_orders(const kl_sim_traders *t) { return t->orders; }
uint64_t kl_sim_traders_steps(const kl_sim_traders *t) { return t->step; }

void kl_sim_traders_fill(kl_sim_traders *t, const kl_fill *f) {
  kl_desk *d = f->market->index < t->cap ? &t->desks[f->market->index] : NULL;
  if (!d || d->market != f->market) return;
  uint32_t maker = f->user - t->maker_users[0];
  if (maker < KL_MAKERS) d->views[maker].inventory = f->post_position;
  if (!f->is_taker) return;
  double price = (double)f->yes_price / KL_PRICE_ONE;
  if (d->slow == 0) d->fast = d->slow = price;
  d->fast += 0.3 * (price - d->fast);
  d->slow += 0.05 * (price - d->slow);
}

/* ---- what they share ---- */

kl_price kl_traders_below(const kl_market *m, kl_price p) {
  for (int i = 0; i < m->n_bands; i++) {
    const kl_price_band *b = &m->bands[i];
    if (p > b->start && p <= b->end) return b->start + (p - b->start - 1) / b->step * b->step;
  }
  return 0;
}

kl_price kl_traders_above(const kl_market *m, kl_price p) {
  for (int i = 0; i < m->n_bands; i++) {
    const kl_price_band *b = &m->bands[i];
    if (p >= b->start && p < b->end) return b->start + ((p - b->start) / b->step + 1) * b->step;
  }
  return KL_PRICE_ONE;
}

kl_count kl_traders_size(kl_sim_traders *t, double contracts) {
  double v = contracts * exp(0.7 * kl_sim_gauss(&t->random));
  kl_count count = 100 * (kl_count)(v < 1 ? 1 : v > 20000 ? 20000 : v);
  if (kl_sim_below(&t->random, 12) == 0) count += kl_sim_below(&t->random, 100);
  return count;
}

bool kl_traders_place(kl_sim_traders *t, int64_t now_us, uint32_t user, const kl_market *m, kl_side side,
                      kl_price price, kl_count count, kl_tif tif, kl_uuid *id) {
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

/* ---- steps ---- */

/* A maker looks at its ladder from the inside out until it has changed something. */
static void make(kl_sim_traders *t, int64_t now_us, kl_desk *d) {
  int maker = (int)kl_sim_below(&t->random, (uint32_t)t->makers);
  kl_side first = kl_sim_uniform(&t->random) < 0.5 ? KL_BID : KL_ASK;
  int skip = kl_sim_below(&t->random, 3) == 0 ? (int)kl_sim_below(&t->random, (uint32_t)t->levels) : 0;
  for (int k = skip; k < t->levels; k++) {
    bool moved = kl_traders_requote(t, now_us, d, maker, first, k);
    moved = kl_traders_requote(t, now_us, d, maker, first == KL_BID ? KL_ASK : KL_BID, k) || moved;
    if (moved) return;
  }
}

static void act(kl_sim_traders *t, int64_t now_us) {
  double sum = t->tree[t->cap];
  kl_desk *d = sum > 0 ? &t->desks[at_weight(t, kl_sim_uniform(&t->random) * sum)] : NULL;
  if (!d || !d->market) return;
  if (d->market->status != KL_MARKET_ACTIVE) {
    weigh(t, d);
    return;
  }
  double dice = kl_sim_uniform(&t->random) * 100;
  if (d->heat > 1) dice *= 0.6; /* news are traded on */
  if (dice < 13) {
    kl_traders_whim(t, now_us, d);
  } else if (dice < 21) {
    if (!kl_traders_knowledge(t, now_us, d)) kl_traders_join(t, now_us, d);
  } else if (dice < 24) {
    kl_traders_momentum(t, now_us, d);
  } else if (dice < 25) {
    kl_traders_arbitrage(t, now_us, d);
  } else if (dice < 31) {
    kl_traders_join(t, now_us, d);
  } else {
    make(t, now_us, d);
  }
}

void kl_sim_traders_open(kl_sim_traders *t, int64_t now_us) {
  for (size_t i = 0; i < t->cap; i++)
    if (t->desks[i].market) fill_book(t, &t->desks[i], now_us);
}

void kl_sim_traders_step(kl_sim_traders *t, int64_t now_us) {
  t->step = t->w->step;
  look_around(t);
  t->tokens += t->rate;
  /* An action that changes nothing costs a little too, so that a step always ends. */
  while (t->tokens >= 1) {
    uint64_t before = t->messages;
    act(t, now_us);
    uint64_t caused = t->messages - before;
    t->tokens -= caused ? (double)caused : 0.1;
  }
}
