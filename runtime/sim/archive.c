#include "sim/archive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "exchange/saved.h"
#include "sim/json_out.h"
#include "sim/random.h"

#define SECOND_US INT64_C(1000000)
#define HOUR_US (3600 * SECOND_US)
#define DAY_US (24 * HOUR_US)
#define STORE_KIND "past"

enum {
  MARKETS_DAYS = 90,
  TRADES_DAYS = 14,
  RANDOM_STREAM = 43,
  PAST_SERIES = 6, /* at most */
  TRADES = 16      /* of each market of the past */
};
/* How old the youngest archived event is, and how far they are apart; and those that are live still. */
static const int old_days = 95, apart_days = 5, recent_days[] = {40, 27, 16};
enum { RECENT = sizeof recent_days / sizeof *recent_days };

struct kl_sim_archive {
  int64_t markets_us, trades_us;
  uint64_t *bits; /* archived markets, by index */
  size_t words;
};

kl_sim_archive *kl_sim_archive_new(kl_sim *s) {
  kl_sim_archive *a = calloc(1, sizeof *a);
  if (a) s->archive = a;
  if (a) kl_sim_archive_second(s);
  return a;
}

void kl_sim_archive_free(kl_sim_archive *a) {
  if (!a) return;
  free(a->bits);
  free(a);
}

/* ---- the cutoffs ---- */

/* When the last market of an event settled; INT64_MAX: not all have. */
static int64_t settled_at(const kl_market_event *e) {
  int64_t last = INT64_MIN;
  for (size_t i = 0; i < e->n_markets; i++) {
    const kl_market *m = e->markets[i];
    if (m->status != KL_MARKET_FINALIZED) return INT64_MAX;
    if (m->settled_us > last) last = m->settled_us;
  }
  return e->n_markets > 0 ? last : INT64_MAX;
}

/* Room for the bits of all markets; without it, what is new stays live for a while longer. */
static void reserve(kl_sim_archive *a, size_t markets) {
  size_t words = markets / 64 + 1;
  if (words <= a->words) return;
  words += words / 2;
  uint64_t *bits = realloc(a->bits, words * sizeof *bits);
  if (!bits) return;
  memset(bits + a->words, 0, (words - a->words) * sizeof *bits);
  a->bits = bits;
  a->words = words;
}

void kl_sim_archive_second(kl_sim *s) {
  kl_sim_archive *a = s->archive;
  int64_t markets = s->o.history_s ? s->o.history_s * SECOND_US : MARKETS_DAYS * DAY_US;
  int64_t trades = s->o.history_s ? s->o.history_s * SECOND_US : TRADES_DAYS * DAY_US;
  /* Whole seconds, as they are told: what a client computes from the answer is what holds. */
  a->markets_us = (s->now_us - markets) / SECOND_US * SECOND_US;
  a->trades_us = (s->now_us - trades) / SECOND_US * SECOND_US;
  reserve(a, kl_exchange_market_count(s->x));
  for (size_t i = 0; i < kl_exchange_event_count(s->x); i++) {
    const kl_market_event *e = kl_exchange_event_at(s->x, i);
    if (settled_at(e) >= a->markets_us) continue;
    for (size_t k = 0; k < e->n_markets; k++) {
      uint32_t at = e->markets[k]->index;
      if (at / 64 < a->words) a->bits[at / 64] |= UINT64_C(1) << (at % 64);
    }
  }
}

void kl_sim_archive_forget(kl_sim *s, const kl_market *m) {
  kl_sim_archive *a = s->archive;
  if (m->index / 64 < a->words) a->bits[m->index / 64] &= ~(UINT64_C(1) << (m->index % 64));
}

int64_t kl_sim_archive_markets_us(const kl_sim *s) { return s->archive->markets_us; }
int64_t kl_sim_archive_trades_us(const kl_sim *s) { return s->archive->trades_us; }

bool kl_sim_archived_market(const kl_sim *s, const kl_market *m) {
  const kl_sim_archive *a = s->archive;
  return m->index / 64 < a->words && (a->bits[m->index / 64] >> (m->index % 64) & 1);
}

bool kl_sim_archived_order(const kl_sim *s, const kl_order *o) {
  return o->status != KL_ORDER_RESTING && kl_sim_archived_trade(s, o->updated_us);
}

kl_market *kl_sim_live_market(const kl_sim *s, const char *ticker) {
  kl_market *m = kl_exchange_market(s->x, ticker);
  return m && !kl_sim_archived_market(s, m) ? m : NULL;
}

/* ---- the past ---- */

typedef struct past {
  kl_sim *s;
  kl_sim_random random;
  uint32_t maker, taker;
  bool failed;
} past;

static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static struct tm date_of(int64_t us) {
  time_t t = (time_t)(us / SECOND_US);
  struct tm tm = {0};
  gmtime_r(&t, &tm);
  return tm;
}

/* An event like another one, that closed then; NULL when out of memory. */
static kl_market_event *add_event(past *p, const kl_market_event *like, int64_t close_us) {
  struct tm d = date_of(close_us);
  kl_market_event e = {.series = like->series, .mutually_exclusive = like->mutually_exclusive};
  char month[4];
  for (int i = 0; i < 4; i++)
    month[i] = (char)(months[d.tm_mon % 12][i] & ~0x20); /* in capitals; the NUL stays */
  snprintf(e.ticker, sizeof e.ticker, "%.31s-%02d%s%02d", like->series->ticker, (d.tm_year + 1900) % 100, month,
           d.tm_mday % 100);
  snprintf(e.title, sizeof e.title, "%s", like->title);
  snprintf(e.sub_title, sizeof e.sub_title, "%s %d, %d", months[d.tm_mon % 12], d.tm_mday, d.tm_year + 1900);
  return kl_exchange_add_event(p->s->x, &e);
}

/* A market like another one; NULL when out of memory. */
static kl_market *add_market(past *p, kl_market_event *e, const kl_market *like, int64_t open_us, int64_t close_us) {
  kl_market m = {.event = e,
                 .has_floor = like->has_floor,
                 .has_cap = like->has_cap,
                 .floor_strike = like->floor_strike,
                 .cap_strike = like->cap_strike,
                 .n_bands = like->n_bands,
                 .created_us = open_us - HOUR_US,
                 .open_us = open_us,
                 .close_us = close_us,
                 .expected_expiration_us = close_us + HOUR_US,
                 .latest_expiration_us = close_us + 7 * DAY_US,
                 .settlement_timer_s = like->settlement_timer_s,
                 .settlement = -1};
  const char *suffix = like->ticker + strlen(like->event->ticker);
  snprintf(m.ticker, sizeof m.ticker, "%.47s%.16s", e->ticker, suffix);
  snprintf(m.title, sizeof m.title, "%s", like->title);
  snprintf(m.yes_sub_title, sizeof m.yes_sub_title, "%s", like->yes_sub_title);
  snprintf(m.no_sub_title, sizeof m.no_sub_title, "%s", like->no_sub_title);
  snprintf(m.rules, sizeof m.rules, "%s", like->rules);
  snprintf(m.strike_type, sizeof m.strike_type, "%s", like->strike_type);
  snprintf(m.price_structure, sizeof m.price_structure, "%s", like->price_structure);
  memcpy(m.bands, like->bands, sizeof m.bands);
  return kl_exchange_add_market(p->s->x, &m);
}

/* A value that the strikes of a market call YES. */
static double value_in(const kl_market *m) {
  if (m->has_floor && m->has_cap) return (m->floor_strike + m->cap_strike) / 2;
  double at = m->has_floor ? m->floor_strike : m->cap_strike, off = 0.001 * (at < 0 ? -at : at) + 0.01;
  return m->has_floor ? at + off : at - off;
}

/* Draws what happened: *yes by market. A number decides where there are strikes, one market where only one can. */
static void draw(past *p, const kl_market_event *e, bool *yes) {
  uint32_t winner = kl_sim_below(&p->random, (uint32_t)e->n_markets);
  double value = value_in(e->markets[winner]);
  for (size_t i = 0; i < e->n_markets; i++) {
    const kl_market *m = e->markets[i];
    if (m->has_floor || m->has_cap) {
      yes[i] = (!m->has_floor || value > m->floor_strike) && (!m->has_cap || value <= m->cap_strike);
    } else {
      yes[i] = e->mutually_exclusive ? i == winner : kl_sim_uniform(&p->random) < 0.5;
    }
  }
}

static void place(past *p, uint32_t user, const kl_market *m, int64_t now_us, kl_side side, kl_price price,
                  kl_count count, kl_tif tif) {
  kl_order_request q = {.user = user, .ticker = m->ticker, .side = side, .price = price, .count = count, .tif = tif};
  kl_order_outcome out;
  if (kl_exchange_create(p->s->x, now_us, &q, &out) == KL_X_NOMEM) p->failed = true;
}

/* One trade at about that price, between quotes on both sides of it. */
static void trade(past *p, const kl_market *m, int64_t now_us, double at) {
  kl_sim *s = p->s;
  double half = 0.01 + 0.01 * kl_sim_uniform(&p->random);
  if (at < 0.03) at = 0.03;
  if (at > 0.97) at = 0.97;
  kl_price bid = kl_price_snap(m, (kl_price)((at - half) * KL_PRICE_ONE));
  kl_price ask = kl_price_snap(m, (kl_price)((at + half) * KL_PRICE_ONE));
  kl_count count = 100 * (1 + (kl_count)kl_sim_below(&p->random, 80));
  if (bid >= ask) return;
  place(p, p->maker, m, now_us, KL_BID, bid, 2 * count, KL_TIF_GTC);
  place(p, p->maker, m, now_us, KL_ASK, ask, 2 * count, KL_TIF_GTC);
  bool buys = kl_sim_uniform(&p->random) < at;
  place(p, p->taker, m, now_us, buys ? KL_BID : KL_ASK, buys ? ask : bid, count, KL_TIF_IOC);
  kl_sim_candles_quote(s->candles, m, now_us);
  kl_exchange_cancel_all(s->x, now_us, p->maker, 0);
}

static void make_event(past *p, const kl_market_event *like, int64_t close_us) {
  kl_sim *s = p->s;
  int64_t open_us = close_us - 20 * HOUR_US, settle_us = close_us + HOUR_US;
  kl_market_event *e = add_event(p, like, close_us);
  if (!e) return; /* there is such an event already: the series has one that day */
  size_t n = like->n_markets;
  for (size_t i = 0; i < n && !p->failed; i++)
    p->failed = !add_market(p, e, like->markets[i], open_us, close_us);
  bool *yes = p->failed ? NULL : calloc(n, sizeof *yes);
  double *start = yes ? calloc(n, sizeof *start) : NULL;
  if (!start) {
    free(yes);
    p->failed = true;
    return;
  }
  draw(p, e, yes);
  for (size_t i = 0; i < n; i++)
    start[i] = 0.15 + 0.7 * kl_sim_uniform(&p->random);
  for (int k = 0; k < TRADES; k++) {
    double done = (double)k / TRADES;
    for (size_t i = 0; i < n; i++) {
      double end = yes[i] ? 1 : 0;
      int64_t at = open_us + (int64_t)(done * (double)(close_us - open_us)) + (int64_t)(i + 1) * 7 * SECOND_US;
      trade(p, e->markets[i], at, start[i] + (end - start[i]) * done * done + 0.03 * kl_sim_gauss(&p->random));
    }
  }
  for (size_t i = 0; i < n; i++)
    kl_exchange_settle(s->x, settle_us, e->markets[i], yes[i] ? KL_PRICE_ONE : 0);
  free(yes);
  free(start);
}

/* The first event of each of some series. */
static size_t models(const kl_sim *s, const kl_market_event *out[PAST_SERIES]) {
  size_t n = 0;
  for (size_t i = 0; i < kl_exchange_event_count(s->x) && n < PAST_SERIES; i++) {
    const kl_market_event *e = kl_exchange_event_at(s->x, i);
    bool known = !strncmp(e->ticker, "KXMVE", 5) || e->n_markets == 0; /* combos come and go with their legs */
    for (size_t k = 0; k < n; k++)
      known = known || out[k]->series == e->series;
    if (!known) out[n++] = e;
  }
  return n;
}

static void note_made(void *data, const char *id, const json_t *object) {
  (void)id;
  (void)object;
  *(bool *)data = true;
}

bool kl_sim_archive_past(kl_sim *s) {
  past p = {.s = s, .random = kl_sim_random_new(s->o.seed, RANDOM_STREAM)};
  const kl_market_event *of[PAST_SERIES];
  int64_t today_us = s->now_us / DAY_US * DAY_US;
  bool made = false;
  kl_buf empty = {0};
  kl_sim_store_each(s->store, STORE_KIND, note_made, &made);
  if (made) return true; /* it is part of the state */
  size_t n = models(s, of);
  if (n == 0) return true;
  p.maker = kl_exchange_add_user(s->x, INT64_C(10000000) * KL_MONEY_ONE);
  p.taker = kl_exchange_add_user(s->x, INT64_C(10000000) * KL_MONEY_ONE);
  p.failed = p.maker == UINT32_MAX || p.taker == UINT32_MAX;
  kl_exchange_set_synthetic(s->x, p.maker, KL_SYNTHETIC_PAST); /* their trades are looked at, not their own lists */
  kl_exchange_set_synthetic(s->x, p.taker, KL_SYNTHETIC_PAST);
  /* Oldest first: the exchange's time does not go back. */
  for (size_t i = 0; i < 2 * n && !p.failed; i++)
    make_event(&p, of[i % n], today_us - (old_days + apart_days * (int64_t)(2 * n - 1 - i)) * DAY_US + 17 * HOUR_US);
  for (size_t i = 0; i < RECENT && !p.failed; i++)
    make_event(&p, of[i % n], today_us - recent_days[i] * DAY_US + 17 * HOUR_US);
  kl_buf_str(&empty, "{}");
  kl_sim_store_put(s->store, STORE_KIND, "made", &empty);
  kl_buf_free(&empty);
  return !p.failed;
}
