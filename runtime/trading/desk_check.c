/* What stands between an order and the exchange: halts, limits, and what the limits have to know. Nothing is waited for
 * that no limit needs, and what is reserved is reserved in the same turn of the loop as it was checked in. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "trading/seat_belt.h"

#define BIT(limit) (UINT32_C(1) << (limit))

enum {
  BOOK_IDLE_S = 300, /* a book that no order has needed for so long is given back */
  SWEEP_S = 60
};

/* Limits that compare with what the account has: positions, balance, what it has traded today. */
static const uint32_t needs_account =
    BIT(KL_LIMIT_POSITION) | BIT(KL_LIMIT_MARKET_EXPOSURE) | BIT(KL_LIMIT_EVENT_EXPOSURE) | BIT(KL_LIMIT_EXPOSURE) |
    BIT(KL_LIMIT_MARKET_SHARE) | BIT(KL_LIMIT_MIN_BALANCE) | BIT(KL_LIMIT_DAILY_LOSS) | BIT(KL_LIMIT_DAILY_TRADES);
/* Which markets exclude each other, and what trades cost. */
static const uint32_t needs_event = BIT(KL_LIMIT_EVENT_EXPOSURE) | BIT(KL_LIMIT_EXPOSURE) | BIT(KL_LIMIT_MIN_BALANCE);
static const uint32_t needs_book = BIT(KL_LIMIT_PRICE_DISTANCE) | BIT(KL_LIMIT_BOOK_AGE);

static uint32_t needs_of(const kl_desk *d, const kl_party *p) { return kl_risk_needs(d->risk, p->risk); }

/* ---- markets ---- */

static void market_told(kl_market_waiter *w, const kl_market_info *i, const kl_error *e) {
  kl_desk_market *m = w->data;
  (void)i;
  m->info_wanted = false;
  m->info_failed = e != NULL;
  if (e) m->error = *e;
  kl_desk_writes_look(m->d);
}

static void book_changed(kl_book_watcher *w, kl_feed_book *b) {
  kl_desk_market *m = w->data;
  if (b->failed) {
    m->book_failed = true;
    m->error = b->error;
  }
  kl_desk_writes_look(m->d);
}

static void give_book_back(kl_desk_market *m) {
  if (!m->book) return;
  kl_feed_unwatch(&m->watcher);
  kl_feed_book_release(kl_session_feed(m->d->market_session), m->book);
  m->book = NULL;
  m->book_failed = false;
}

static void sweep(kl_desk *d) {
  int64_t now = kl_desk_now_ns(d);
  if (now - d->swept_ns < SWEEP_S * 1000 * KL_DESK_MS) return;
  d->swept_ns = now;
  size_t cursor = 0, n;
  const char *key;
  void *value;
  while (kl_map_next(d->markets, &cursor, &key, &n, &value)) {
    kl_desk_market *m = value;
    if (now - m->used_ns > BOOK_IDLE_S * 1000 * KL_DESK_MS) give_book_back(m);
  }
}

/* What is known of the market is told to the limits, once. */
static bool tell_event(kl_desk_market *m) {
  kl_desk *d = m->d;
  const kl_market_info *i = m->event_told ? NULL : kl_market_info_get(d->infos, m->ticker);
  if (!i) return m->event_told;
  kl_risk_market_fees(d->risk, m->risk, i->fee_type, i->fee_multiplier_ppm);
  m->event_told = kl_risk_market_event(d->risk, m->risk, i->event_ticker, i->exclusive);
  return m->event_told;
}

kl_desk_market *kl_desk_market_of(kl_desk *d, const char *ticker, kl_error *e) {
  size_t n = strlen(ticker);
  sweep(d);
  kl_desk_market *m = kl_map_get(d->markets, ticker, n);
  if (!m && n > 0 && n < sizeof m->ticker) {
    m = calloc(1, sizeof *m);
    if (!m || !kl_map_set(d->markets, ticker, n, m)) {
      free(m);
      kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for market %s", ticker);
      return NULL;
    }
    m->d = d;
    m->risk = UINT32_MAX;
    memcpy(m->ticker, ticker, n + 1);
    kl_list_init(&m->info.link);
    kl_list_init(&m->watcher.link);
  }
  if (!m) {
    kl_error_coded(e, KL_ERR_VALIDATION, "no_such_market", "\"%.80s\" is not the ticker of a market", ticker);
    return NULL;
  }
  m->used_ns = kl_desk_now_ns(d);
  if (m->risk == UINT32_MAX) m->risk = kl_risk_market(d->risk, ticker);
  if (m->risk != UINT32_MAX) {
    (void)tell_event(m);
    return m;
  }
  kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for market %s", ticker);
  return NULL;
}

void kl_desk_markets_free(kl_desk *d) {
  size_t cursor = 0, n;
  const char *key;
  void *value;
  while (d->markets && kl_map_next(d->markets, &cursor, &key, &n, &value)) {
    kl_desk_market *m = value;
    give_book_back(m);
    if (m->info_wanted) kl_market_info_leave(&m->info);
    free(m);
  }
  kl_map_free(d->markets);
  d->markets = NULL;
}

/* ---- what has to be known ---- */

static kl_check check_account(kl_desk *d, kl_error *e) {
  kl_account_status status;
  kl_account_status_get(kl_session_account(d->session), &status);
  if (status.loaded) return KL_CHECK_READY;
  if (d->account_failed) {
    kl_error_coded(e, d->account_error.kind, "limit_data_missing",
                   "the account could not be read, and limits compare with it: %.400s", d->account_error.message);
    d->account_failed = false; /* the next order tries again */
    return KL_CHECK_REFUSED;
  }
  return kl_desk_watch_account(d, e) ? KL_CHECK_WAIT : KL_CHECK_REFUSED;
}

kl_check kl_desk_market_known(kl_desk_market *m, const char *need, kl_error *e) {
  kl_desk *d = m->d;
  if (kl_market_info_get(d->infos, m->ticker)) return KL_CHECK_READY;
  if (m->info_failed) {
    m->info_failed = false;
    kl_error_coded(e, m->error.kind, "limit_data_missing", "the event of %s could not be read, and %s: %.400s",
                   m->ticker, need, m->error.message);
    return KL_CHECK_REFUSED;
  }
  if (!m->info_wanted) {
    m->info_wanted = true;
    m->info = (kl_market_waiter){.data = m, .done = market_told};
    kl_list_init(&m->info.link);
    kl_market_info_want(d->infos, m->ticker, &m->info);
  }
  return KL_CHECK_WAIT;
}

static kl_check check_event(kl_desk_market *m, kl_error *e) {
  if (tell_event(m)) return KL_CHECK_READY;
  kl_check known = kl_desk_market_known(m, "limits of exposure and balance need it", e);
  if (known != KL_CHECK_READY) return known;
  kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for the event of %s", m->ticker);
  return KL_CHECK_REFUSED;
}

static kl_check check_book(kl_desk_market *m, kl_error *e) {
  if (m->book_failed) {
    kl_error_coded(e, m->error.kind, "limit_data_missing",
                   "the book of %s is not to be had, and limits of price and age need it: %.400s", m->ticker,
                   m->error.message);
    give_book_back(m);
    return KL_CHECK_REFUSED;
  }
  if (!m->book) {
    m->book = kl_feed_book_open(kl_session_feed(m->d->market_session), m->ticker, e);
    if (!m->book) return KL_CHECK_REFUSED;
    m->watcher = (kl_book_watcher){.data = m, .changed = book_changed};
    kl_feed_watch(m->book, &m->watcher);
  }
  return m->book->ready ? KL_CHECK_READY : KL_CHECK_WAIT;
}

/* A write that takes nothing on has nothing to be checked for. */
static bool takes_on(const kl_desk_write *w) { return w->kind == KL_WRITE_CREATE || w->kind == KL_WRITE_AMEND; }

static kl_check check_market(kl_desk *d, uint32_t needs, const char *ticker, kl_error *e) {
  if (!(needs & (needs_event | needs_book))) return KL_CHECK_READY;
  kl_desk_market *m = kl_desk_market_of(d, ticker, e);
  if (!m) return KL_CHECK_REFUSED;
  kl_check one = needs & needs_event ? check_event(m, e) : KL_CHECK_READY;
  if (one != KL_CHECK_REFUSED && (needs & needs_book)) {
    kl_check book = check_book(m, e);
    if (book != KL_CHECK_READY) one = book;
  }
  return one;
}

kl_check kl_desk_check_known(kl_desk *d, const kl_party *p, const char *ticker, kl_error *e) {
  uint32_t needs = needs_of(d, p);
  kl_check account = needs & needs_account ? check_account(d, e) : KL_CHECK_READY;
  if (account == KL_CHECK_REFUSED) return account;
  kl_check market = check_market(d, needs, ticker, e);
  return market == KL_CHECK_READY ? account : market;
}

kl_check kl_desk_check(kl_desk_write *w, kl_error *e) {
  kl_desk *d = w->d;
  if (w->deal) return kl_desk_deal_check(w, e);
  uint32_t needs = takes_on(w) ? needs_of(d, w->p) : 0;
  kl_check all = w->p->belt ? kl_belt_check(w, e) : KL_CHECK_READY;
  if (!needs || all == KL_CHECK_REFUSED) return all;
  if (w->seek && !w->one.x) {
    kl_check sought = kl_desk_seek_check(w, e);
    if (sought != KL_CHECK_READY || !w->one.x) return sought;
  }
  if (needs & needs_account) {
    kl_check account = check_account(d, e);
    if (account != KL_CHECK_READY) all = account;
  }
  for (size_t i = 0; i < w->n_items && all != KL_CHECK_REFUSED; i++) {
    if (!w->items[i].x) return all;
    kl_check one = check_market(d, needs, w->items[i].x->o.ticker, e);
    if (one != KL_CHECK_READY) all = one;
  }
  return all;
}

/* ---- reserving ---- */

static void see_book(const kl_desk_market *m, kl_risk_view *v) {
  const kl_feed_book *b = m->book;
  kl_price price;
  kl_count count;
  if (!b || !b->ready || b->failed) return;
  v->has_book = true;
  v->bid = kl_book_best_bid(b->book, KL_YES, &price, &count) ? price : 0;
  v->ask = kl_book_best_ask(b->book, KL_YES, &price, &count) ? price : KL_PRICE_ONE;
  if (b->stale) {
    v->book_age_ms = (kl_desk_now_ns(m->d) - b->rx_ns) / KL_DESK_MS;
  } else {
    kl_feed_status feed;
    kl_feed_status_get(kl_session_feed(m->d->market_session), &feed);
    v->book_age_ms = feed.age > 0 ? (int64_t)(feed.age * 1e3) : 0;
  }
}

static void see_clock(const kl_desk *d, kl_risk_view *v) {
  kl_session_stats stats;
  kl_session_stats_get(d->session, &stats);
  v->has_skew = stats.clock_known;
  v->skew_ms = stats.clock_offset_ms;
}

bool kl_desk_view(kl_desk *d, const kl_party *p, const char *ticker, kl_desk_market **m, kl_risk_view *v, kl_error *e) {
  uint32_t needs = needs_of(d, p);
  memset(v, 0, sizeof *v);
  *m = kl_desk_market_of(d, ticker, e);
  if (!*m) return false;
  if (needs & needs_book) see_book(*m, v);
  if (needs & BIT(KL_LIMIT_CLOCK_SKEW)) see_clock(d, v);
  return true;
}

static bool admit_item(kl_desk_write *w, kl_desk_item *it, kl_error *e) {
  kl_desk *d = w->d;
  kl_desk_order *o = &it->x->o;
  kl_desk_market *m;
  kl_risk_view v;
  if (!kl_desk_view(d, w->p, o->ticker, &m, &v, e)) return false;
  int64_t now = kl_desk_now_ns(d);
  if (w->kind == KL_WRITE_CREATE)
    return kl_risk_admit(d->risk, w->p->risk, m->risk, o->side, o->yes_price, o->count, &v, now, &o->risk, e);
  kl_count total = it->total ? it->total : o->count;
  kl_price price = it->price ? it->price : o->yes_price;
  kl_count left = total > o->seen ? total - o->seen : 0;
  if (!o->risk.open) /* one of an earlier run that nothing was reserved for */
    return kl_risk_admit(d->risk, o->party->risk, m->risk, o->side, price, left, &v, now, &o->risk, e);
  return kl_risk_admit_change(d->risk, &o->risk, price, left, &v, now, e);
}

static void undo_item(kl_desk_write *w, kl_desk_item *it) {
  kl_desk_order *o = &it->x->o;
  kl_risk_time(w->d->risk, kl_desk_now_ns(w->d));
  if (w->kind == KL_WRITE_CREATE)
    kl_risk_release(w->d->risk, &o->risk);
  else if (it->x->changing <= 1 && !it->x->unsure)
    kl_risk_set(w->d->risk, &o->risk, o->yes_price, kl_desk_entry_left(it->x));
}

static void undo(kl_desk_write *w, size_t n) {
  while (n-- > 0)
    if (w->items[n].x) undo_item(w, &w->items[n]);
}

void kl_desk_admit_undo(kl_desk_write *w) {
  if (w->deal) kl_desk_deal_undo(w);
  kl_desk_seek_free(w->seek);
  w->seek = NULL;
  if (takes_on(w)) undo(w, w->n_items);
}

/* What is reserved for quotes that have ended meanwhile may be what is missing. */
static bool refused(kl_desk_write *w, const kl_error *e) {
  kl_desk_refused(w->p, e);
  kl_desk_deals_hurry(w->d);
  return false;
}

bool kl_desk_admit(kl_desk_write *w, kl_error *e) {
  if (w->deal) return kl_desk_deal_admit(w, e) || refused(w, e);
  if (!takes_on(w)) return true;
  for (size_t i = 0; i < w->n_items; i++) {
    if (!w->items[i].x || admit_item(w, &w->items[i], e)) continue;
    undo(w, i);
    (void)refused(w, e);
    if (w->batch && e->message[0]) {
      kl_error one = *e;
      kl_error_coded(e, one.kind, one.code, "order %zu of %zu: %.600s", i + 1, w->n_items, one.message);
      memcpy(e->code, one.code, sizeof e->code);
    }
    return false;
  }
  return true;
}

void kl_desk_reserve_kept(kl_desk_entry *x) {
  kl_desk *d = x->d;
  kl_desk_order *o = &x->o;
  kl_error e;
  kl_count left = kl_desk_entry_left(x);
  kl_desk_market *m = left > 0 ? kl_desk_market_of(d, o->ticker, &e) : NULL;
  if (m && !kl_risk_adopt(d->risk, o->party->risk, m->risk, o->side, o->yes_price, left, &o->risk))
    kl_log_error("desk", "order %s of an earlier run cannot be counted against the limits: not enough memory",
                 o->client_id);
}

/* ---- halts ---- */

bool kl_desk_may_send(kl_desk *d, kl_party *p, kl_error *e) {
  if (d->closing) {
    kl_error_coded(e, KL_ERR_CLOSED, "process_ending", "the process ends, and nothing is sent any more");
    return false;
  }
  if (d->halted[0]) {
    kl_error_coded(e, KL_ERR_RISK, "halted", "%s", d->halted);
    kl_desk_refused(p, e);
    return false;
  }
  if (p->halted[0]) {
    kl_error_coded(e, KL_ERR_RISK, "halted", "%s is halted: %s; nothing but cancels is sent until a person resumes it",
                   p->name, p->halted);
    kl_desk_refused(p, e);
    return false;
  }
  /* Without it an order is sent all the same: the journal keeps it in memory meanwhile, and the log says so. */
  return !d->journal || !d->o.journal_sync || !kl_order_journal_broken(d->journal, e);
}
