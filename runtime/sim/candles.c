#include "sim/candles.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/random.h"

enum {
  PAST_MOST = 1440,
  PAST_LEAST = 60,
  PAST_TOTAL = 400000,
  LIVE_MOST = 10080,
  LIVE_LEAST = 240,
  LIVE_TOTAL = 1500000
};

/* What happened to a market since the start. */
typedef struct history {
  bool past;        /* it has a synthetic past: markets that were there at the start */
  double fair;      /* at the start */
  bool begun, told; /* it has a `fair`, and that was saved */
  kl_sim_candle *live;
  uint32_t n, cap;
  uint32_t saved; /* how many of the oldest are as they were saved */
  int64_t gone_s; /* those that end before were let go and are not told of yet; 0: none */
} history;

struct kl_sim_candles {
  uint64_t seed;
  int64_t start_s;    /* end of the past: a whole minute */
  size_t past;        /* minutes of it */
  uint32_t live_most; /* of a market */
  size_t n;
  history *markets;
};

kl_sim_candles *kl_sim_candles_new(uint64_t seed, size_t markets, int64_t start_us, bool past) {
  kl_sim_candles *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  c->seed = seed;
  c->start_s = start_us / 60000000 * 60;
  c->n = markets;
  size_t minutes = PAST_TOTAL / (markets ? markets : 1);
  c->past = !past ? 0 : minutes > PAST_MOST ? PAST_MOST : minutes < PAST_LEAST ? PAST_LEAST : minutes;
  size_t live = LIVE_TOTAL / (markets ? markets : 1);
  c->live_most = live > LIVE_MOST ? LIVE_MOST : live < LIVE_LEAST ? LIVE_LEAST : (uint32_t)live;
  c->markets = calloc(markets ? markets : 1, sizeof *c->markets);
  if (!c->markets) {
    free(c);
    return NULL;
  }
  return c;
}

void kl_sim_candles_free(kl_sim_candles *c) {
  if (!c) return;
  for (size_t i = 0; i < c->n; i++)
    free(c->markets[i].live);
  free(c->markets);
  free(c);
}

void kl_sim_candles_forget(kl_sim_candles *c, const kl_market *m) {
  if (m->index >= c->n) return;
  free(c->markets[m->index].live);
  c->markets[m->index] = (history){0};
}

/* Room for the market's history; false when out of memory. */
static bool reserve(kl_sim_candles *c, const kl_market *m) {
  size_t n = c->n ? c->n : 1;
  if (m->index < c->n) return true;
  while (n <= m->index)
    n *= 2;
  history *grown = realloc(c->markets, n * sizeof *grown);
  if (!grown) return false;
  memset(grown + c->n, 0, (n - c->n) * sizeof *grown);
  c->markets = grown;
  c->n = n;
  return true;
}

static void ohlc_start(kl_sim_ohlc *o, kl_price p) {
  int16_t v = (int16_t)p;
  *o = (kl_sim_ohlc){v, v, v, v};
}

static void ohlc_add(kl_sim_ohlc *o, kl_price p) {
  int16_t v = (int16_t)p;
  if (v < o->low) o->low = v;
  if (v > o->high) o->high = v;
  o->close = v;
}

static double logistic(double x) { return 1 / (1 + exp(-x)); }

static kl_price snapped(const kl_market *m, double p) {
  kl_price price = kl_price_snap(m, (kl_price)llround(p * KL_PRICE_ONE));
  return price < 1 ? 1 : price > KL_PRICE_ONE - 1 ? KL_PRICE_ONE - 1 : price;
}

/* The synthetic past, oldest first: a walk backwards from the price at the start. NULL when out of memory. */
static kl_sim_candle *make_past(const kl_sim_candles *c, const kl_market *m) {
  kl_sim_random r = kl_sim_random_new(c->seed, UINT64_C(1000000) + m->index);
  double fair = c->markets[m->index].fair;
  double at = log(fair / (1 - fair));
  double *path = malloc((c->past + 1) * sizeof *path);
  kl_sim_candle *out = malloc((c->past + 1) * sizeof *out);
  if (!path || !out) {
    free(path);
    free(out);
    return NULL;
  }
  path[c->past] = at;
  for (size_t i = c->past; i-- > 0;) {
    at += 0.02 * kl_sim_gauss(&r);
    path[i] = at;
  }
  double busy = 0.15 + 0.4 * kl_sim_uniform(&r), size = exp(3 + 1.2 * kl_sim_uniform(&r));
  kl_count interest = 100 * (kl_count)(500 + kl_sim_below(&r, 4000));
  for (size_t i = 0; i < c->past; i++) {
    kl_sim_candle *k = &out[i];
    double from = logistic(path[i]), to = logistic(path[i + 1]), half = 0.006 + 0.01 * kl_sim_uniform(&r);
    double middle = (from + to) / 2 + 0.004 * kl_sim_gauss(&r);
    *k = (kl_sim_candle){.end_s = c->start_s - 60 * (int64_t)(c->past - 1 - i)};
    ohlc_start(&k->bid, snapped(m, from - half));
    ohlc_start(&k->ask, snapped(m, from + half));
    ohlc_add(&k->bid, snapped(m, middle - half));
    ohlc_add(&k->ask, snapped(m, middle + half));
    ohlc_add(&k->bid, snapped(m, to - half));
    ohlc_add(&k->ask, snapped(m, to + half));
    if (kl_sim_uniform(&r) < busy) {
      kl_count count = 100 * (1 + (kl_count)(size * exp(0.8 * kl_sim_gauss(&r))));
      bool bought = kl_sim_uniform(&r) < 0.5;
      kl_price first = bought ? k->ask.open : k->bid.open, last = bought ? k->bid.close : k->ask.close;
      ohlc_start(&k->price, first);
      ohlc_add(&k->price, last);
      k->volume = count;
      k->cost = (first + last) / 2 * count;
      interest += count / 100 * 100 / 3;
    }
    k->open_interest = interest;
  }
  free(path);
  return out;
}

void kl_sim_candles_begin(kl_sim_candles *c, kl_market *m, double fair) {
  if (c->past == 0 || !reserve(c, m)) return;
  c->markets[m->index].fair = fair;
  c->markets[m->index].past = true;
  kl_sim_candle *past = make_past(c, m);
  if (!past) return; /* the market then starts without a last price */
  for (size_t i = 0; i < c->past; i++) {
    const kl_sim_candle *k = &past[i];
    if (!k->volume) continue;
    m->last_price = k->price.close;
    m->last_size = k->volume;
    m->last_trade_us = k->end_s * 1000000;
    if (!m->previous_price) m->previous_price = k->price.open;
    m->volume += k->volume;
    m->dollar_volume += KL_PRICE_ONE * k->volume;
  }
  m->volume_24h = m->volume;
  m->previous_bid = past[0].bid.open;
  m->previous_ask = past[0].ask.open;
  m->open_interest = past[c->past - 1].open_interest;
  m->dollar_open_interest = KL_PRICE_ONE * m->open_interest;
  m->volume_before = m->volume;
  m->open_interest_before = m->open_interest;
  free(past);
}

/* A place for one more; NULL when out of memory. */
static kl_sim_candle *append(history *h) {
  if (h->n == h->cap) {
    uint32_t cap = h->cap ? h->cap * 2 : 8;
    kl_sim_candle *grown = realloc(h->live, cap * sizeof *grown);
    if (!grown) return NULL;
    h->live = grown;
    h->cap = cap;
  }
  return &h->live[h->n++];
}

/* The candle of the minute that a time is in; NULL when out of memory, and then this minute is lost. */
static kl_sim_candle *current(kl_sim_candles *c, const kl_market *m, int64_t now_us) {
  if (!reserve(c, m)) return NULL;
  history *h = &c->markets[m->index];
  int64_t end = now_us / 60000000 * 60 + 60;
  if (h->n > 0 && h->saved >= h->n) h->saved = h->n - 1;
  if (h->n > 0 && h->live[h->n - 1].end_s >= end) return &h->live[h->n - 1];
  if (h->n >= c->live_most) {
    uint32_t drop = h->n - c->live_most + c->live_most / 4; /* a state file may hold more than there is room for now */
    memmove(h->live, h->live + drop, (h->n - drop) * sizeof *h->live);
    h->n -= drop;
    h->saved -= h->saved < drop ? h->saved : drop;
    h->gone_s = h->live[0].end_s;
  }
  kl_sim_candle *k = append(h);
  if (!k) return NULL;
  *k = (kl_sim_candle){.end_s = end, .open_interest = m->open_interest};
  kl_price bid, ask;
  kl_count bid_size, ask_size;
  if (h->n > 1) {
    bid = k[-1].bid.close;
    ask = k[-1].ask.close;
  } else {
    kl_exchange_top(m, &bid, &bid_size, &ask, &ask_size);
  }
  ohlc_start(&k->bid, bid);
  ohlc_start(&k->ask, ask);
  return k;
}

void kl_sim_candles_trade(kl_sim_candles *c, const kl_trade *t) {
  kl_sim_candle *k = current(c, t->market, t->ts_us);
  if (!k) return;
  if (k->volume == 0) {
    ohlc_start(&k->price, t->yes_price);
  } else {
    ohlc_add(&k->price, t->yes_price);
  }
  k->volume += t->count;
  k->cost += t->yes_price * t->count;
  k->open_interest = t->market->open_interest;
}

void kl_sim_candles_quote(kl_sim_candles *c, const kl_market *m, int64_t now_us) {
  kl_price bid, ask;
  kl_count bid_size, ask_size;
  kl_sim_candle *k = current(c, m, now_us);
  if (!k) return;
  kl_exchange_top(m, &bid, &bid_size, &ask, &ask_size);
  ohlc_add(&k->bid, bid);
  ohlc_add(&k->ask, ask);
  k->open_interest = m->open_interest;
}

/* ---- keeping them in a file ---- */

void kl_sim_candles_save(kl_sim_candles *c, const kl_sim_candles_writer *w) {
  for (uint32_t i = 0; i < c->n; i++) {
    history *h = &c->markets[i];
    if (h->begun && !h->told) w->market(w->data, i, h->past, h->fair);
    h->told = h->begun;
    if (h->gone_s) w->gone(w->data, i, h->gone_s);
    h->gone_s = 0;
    for (; h->saved < h->n; h->saved++)
      w->candle(w->data, i, &h->live[h->saved]);
  }
}

bool kl_sim_candles_resume(kl_sim_candles *c, const kl_market *m, bool past, double fair) {
  if (!reserve(c, m)) return false;
  history *h = &c->markets[m->index];
  h->past = past && c->past > 0;
  h->fair = fair;
  h->begun = h->told = true;
  return true;
}

bool kl_sim_candles_restore(kl_sim_candles *c, const kl_market *m, const kl_sim_candle *k) {
  if (!reserve(c, m)) return false;
  history *h = &c->markets[m->index];
  if (h->n > 0 && h->live[h->n - 1].end_s >= k->end_s) return false;
  kl_sim_candle *own = append(h);
  if (!own) return false;
  *own = *k;
  h->saved = h->n;
  return true;
}

/* ---- periods ---- */

typedef struct gather {
  int64_t period_s, start_s, end_s;
  kl_sim_candle_list *out;
  kl_sim_candle now; /* the period under way; end_s 0: none yet */
  kl_price last;     /* trade price */
} gather;

static int64_t period_end(int64_t end_s, int64_t period_s) { return (end_s + period_s - 1) / period_s * period_s; }

static void merge(kl_sim_ohlc *into, const kl_sim_ohlc *o) {
  if (o->low < into->low) into->low = o->low;
  if (o->high > into->high) into->high = o->high;
  into->close = o->close;
}

/* A period is complete: into the list if it lies in the range, else it is what came before. */
static void emit(gather *g) {
  kl_sim_candle_list *out = g->out;
  if (g->now.end_s < g->start_s) {
    out->before = g->now;
    out->has_before = true;
    if (g->now.volume) out->previous = g->now.price.close;
  } else if (g->now.end_s <= g->end_s) {
    out->candles[out->n++] = g->now;
  }
  if (g->now.volume) g->last = g->now.price.close;
}

/* Goes on to the period that ends at `end_s`, repeating the state over periods in which nothing happened. */
static void go_to(gather *g, int64_t end_s) {
  while (g->now.end_s < end_s) {
    emit(g);
    int64_t next = g->now.end_s + g->period_s;
    if (next < g->start_s && next < end_s) { /* nobody asks for the ones in between */
      int64_t skip = (g->start_s < end_s ? g->start_s : end_s) - next;
      next += skip / g->period_s * g->period_s;
    }
    kl_price bid = g->now.bid.close, ask = g->now.ask.close;
    g->now = (kl_sim_candle){.end_s = next, .open_interest = g->now.open_interest};
    ohlc_start(&g->now.bid, bid);
    ohlc_start(&g->now.ask, ask);
  }
}

static void take(gather *g, const kl_sim_candle *k) {
  int64_t end = period_end(k->end_s, g->period_s);
  if (g->now.end_s == 0) {
    g->now = *k;
    g->now.end_s = end;
    return;
  }
  if (g->now.end_s < end) {
    go_to(g, end);
    g->now.bid = k->bid;
    g->now.ask = k->ask;
  } else {
    merge(&g->now.bid, &k->bid);
    merge(&g->now.ask, &k->ask);
  }
  if (k->volume) {
    if (g->now.volume) {
      merge(&g->now.price, &k->price);
    } else {
      g->now.price = k->price;
    }
    g->now.volume += k->volume;
    g->now.cost += k->cost;
  }
  g->now.open_interest = k->open_interest;
}

/* When the first candle of a market ends. */
static int64_t first_end(const kl_sim_candles *c, const history *h) {
  if (h->past && c->past > 0) return c->start_s - 60 * (int64_t)(c->past - 1);
  return h->n > 0 ? h->live[0].end_s : INT64_MAX;
}

int64_t kl_sim_candles_begin_s(const kl_sim_candles *c, kl_market *const *markets, size_t n) {
  int64_t first = INT64_MAX;
  for (size_t i = 0; i < n; i++) {
    if (markets[i]->index >= c->n) continue;
    int64_t end = first_end(c, &c->markets[markets[i]->index]);
    if (end < first) first = end;
  }
  return first;
}

kl_sim_candles_result kl_sim_candles_range(const kl_sim_candles *c, const kl_market *m, int64_t now_us, int64_t start_s,
                                           int64_t end_s, int minutes, size_t max, kl_sim_candle_list *out) {
  static const history none = {0};
  const history *h = m->index < c->n ? &c->markets[m->index] : &none;
  size_t past_n = h->past ? c->past : 0;
  memset(out, 0, sizeof *out);
  if (past_n == 0 && h->n == 0) return KL_SIM_CANDLES_OK;
  gather g = {.period_s = 60 * (int64_t)minutes, .start_s = start_s, .end_s = end_s, .out = out};
  int64_t first = first_end(c, h);
  int64_t last = now_us / 60000000 * 60 + 60;
  if (last > m->close_us / 1000000 + 60) last = m->close_us / 1000000 / 60 * 60 + 60;
  int64_t from = period_end(start_s > first ? start_s : first, g.period_s);
  int64_t to = period_end(last, g.period_s);
  if (to > end_s) to = end_s;
  size_t count = from <= to ? (size_t)((to - from) / g.period_s) + 1 : 0;
  if (count > max) {
    out->n = count;
    return KL_SIM_CANDLES_TOO_MANY;
  }
  out->candles = malloc((count + 1) * sizeof *out->candles);
  kl_sim_candle *past = past_n ? make_past(c, m) : NULL;
  if (!out->candles || (past_n && !past)) {
    free(out->candles);
    free(past);
    out->candles = NULL;
    return KL_SIM_CANDLES_NOMEM;
  }
  for (size_t i = 0; i < past_n; i++)
    take(&g, &past[i]);
  for (uint32_t i = 0; i < h->n && h->live[i].end_s <= last; i++)
    take(&g, &h->live[i]);
  go_to(&g, period_end(last, g.period_s));
  if (g.now.end_s <= period_end(last, g.period_s)) emit(&g);
  free(past);
  return KL_SIM_CANDLES_OK;
}
