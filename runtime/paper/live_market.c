#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "paper/paper_impl.h"

#define KEEP_NS INT64_C(86400000000000) /* as long as the paper exchange keeps what has settled */

/* ---- its description ---- */

static kl_market_status status_of(const char *word) {
  for (int s = KL_MARKET_INITIALIZED; s <= KL_MARKET_FINALIZED; s++)
    if (!strcmp(word, kl_market_status_name((kl_market_status)s))) return (kl_market_status)s;
  return KL_MARKET_INACTIVE; /* a word that is not known: nothing is traded there */
}

/* One that is too long for the paper exchange is cut, and stays one of its own. */
static void put_ticker(char *out, size_t cap, const char *ticker) {
  enum { MARK = 9 };
  size_t n = strlen(ticker);
  if (n < cap) {
    memcpy(out, ticker, n + 1);
    return;
  }
  memcpy(out, ticker, cap - 1 - MARK);
  snprintf(out + cap - 1 - MARK, MARK + 1, "~%08x", (unsigned)(kl_hash_bytes(ticker, n) & 0xffffffffU));
}

static bool tell_description(kl_live_market *m, const kl_market_info *i) {
  kl_series series = {
      .fee_type = i->fee_type, .fee_multiplier_ppm = i->fee_multiplier_ppm, .exchange_index = i->exchange_index};
  kl_market_event event = {.mutually_exclusive = i->exclusive,
                           .has_fee_type = true,
                           .has_fee_multiplier = true,
                           .fee_type = i->fee_type,
                           .fee_multiplier_ppm = i->fee_multiplier_ppm};
  kl_market market = {.status = status_of(i->status),
                      .open_us = i->open_ms * 1000,
                      .close_us = i->close_ms * 1000,
                      .expected_expiration_us = i->expected_expiration_ms * 1000,
                      .latest_expiration_us = i->expected_expiration_ms * 1000,
                      .settlement_timer_s = i->settlement_timer_s,
                      .settlement = i->settlement,
                      .last_price = i->last_price,
                      .exchange_index = i->exchange_index};
  int most = (int)(sizeof market.bands / sizeof market.bands[0]);
  put_ticker(series.ticker, sizeof series.ticker, i->series_ticker);
  put_ticker(event.ticker, sizeof event.ticker, i->event_ticker);
  snprintf(event.title, sizeof event.title, "%s", i->event_title);
  snprintf(market.ticker, sizeof market.ticker, "%s", i->ticker);
  snprintf(market.title, sizeof market.title, "%s", i->title);
  snprintf(market.yes_sub_title, sizeof market.yes_sub_title, "%s", i->yes_sub_title);
  snprintf(market.price_structure, sizeof market.price_structure, "live");
  if (i->n_bands > most && !m->told_ns)
    kl_log_warn("paper", "%s has %d bands of prices, and on paper the first %d of them", i->ticker, i->n_bands, most);
  for (market.n_bands = 0; market.n_bands < i->n_bands && market.n_bands < most; market.n_bands++)
    market.bands[market.n_bands] = i->bands[market.n_bands];
  bool ended = market.status == KL_MARKET_FINALIZED;
  if (ended && !m->ended) m->ended_ns = kl_mono_ns(kl_clock_real());
  m->ended = ended;
  return kl_sim_mirror_market(m->p->sim, &(kl_mirror_market_info){&series, &event, &market});
}

/* ---- telling ---- */

bool kl_live_market_lose(kl_live_market *m) {
  if (m->whole)
    kl_log_warn("paper",
                "%s: the paper exchange is too far behind, and is not told of all that happens there until it has its "
                "book anew: orders may fill less than for real",
                m->ticker);
  m->whole = false;
  return false;
}

static bool tell_stale(kl_live_market *m) {
  if (m->told_stale) return true;
  m->told_stale = kl_sim_mirror_stale(m->p->sim, m->ticker, true);
  return m->told_stale;
}

static bool tell_snapshot(kl_live_market *m) {
  const kl_book *b = m->book->book;
  size_t n[2];
  n[KL_YES] = kl_book_levels(b, KL_YES);
  n[KL_NO] = kl_book_levels(b, KL_NO);
  kl_mirror_rung *rungs = malloc((n[0] + n[1] + 1) * sizeof *rungs);
  if (!rungs) return kl_live_market_lose(m);
  const kl_mirror_rung *const levels[2] = {rungs, rungs + n[0]};
  for (int side = 0; side < 2; side++)
    for (size_t i = 0; i < n[side]; i++) {
      kl_mirror_rung *r = &rungs[(side ? n[0] : 0) + i];
      kl_book_bid_at(b, (kl_outcome)side, i, &r->price, &r->count);
    }
  m->whole = kl_sim_mirror_snapshot(m->p->sim, m->ticker, levels, n);
  free(rungs);
  if (m->whole) m->told_stale = false;
  return m->whole || kl_live_market_lose(m);
}

static bool is_right(const kl_live_market *m) {
  return m->book && m->book->ready && !m->book->stale && !m->book->failed;
}

void kl_live_market_tell(kl_live_market *m) {
  if (m->due_missing) {
    m->due_missing = !kl_sim_mirror_missing(m->p->sim, m->ticker, m->unknown ? NULL : m->missing);
    return;
  }
  if (!m->told_ns) return; /* the description comes first */
  if (is_right(m)) {
    if (!m->whole && !tell_snapshot(m)) return;
  } else if (m->book) {
    m->whole = false;
    if (!tell_stale(m)) return;
    if (m->book->failed && m->due_ready) m->due_ready = !kl_sim_mirror_ready(m->p->sim, m->ticker);
    return;
  }
  if (m->due_ready && (!m->book || kl_paper_exchange_followed(m->p)))
    m->due_ready = !kl_sim_mirror_ready(m->p->sim, m->ticker);
}

static void miss(kl_live_market *m, const kl_error *e) {
  m->due_missing = true;
  m->due_ready = false;
  m->unknown = e->status == 404 || (e->kind && !strcmp(e->kind, KL_ERR_VALIDATION));
  snprintf(m->missing, sizeof m->missing, "%.*s", (int)sizeof m->missing - 1, e->message);
  kl_live_market_tell(m);
}

/* ---- its book ---- */

static void on_changed(kl_book_watcher *w, kl_feed_book *b) {
  kl_live_market *m = w->data;
  if (b->failed && m->due_ready && !m->ended) {
    kl_log_warn("paper", "there is no book of %s: %s; orders rest there, and fill by nothing", m->ticker,
                b->error.message);
  }
  kl_live_market_tell(m);
}

static void on_delta(kl_book_watcher *w, kl_feed_book *b, const kl_event *ev, kl_price own_price) {
  kl_live_market *m = w->data;
  if (b->stale) return; /* a snapshot follows */
  if (!m->whole) {      /* it has the change */
    kl_live_market_tell(m);
    return;
  }
  if (!kl_sim_mirror_level(m->p->sim, m->ticker, ev->delta.side, own_price, ev->delta.delta))
    (void)kl_live_market_lose(m);
}

static bool open_book(kl_live_market *m, kl_error *e) {
  if (!kl_paper_exchange_follow(m->p, m->ticker, e)) return false;
  m->book = kl_feed_book_open(m->p->feed, m->ticker, e);
  if (!m->book) return false;
  m->watcher = (kl_book_watcher){.data = m, .changed = on_changed, .delta = on_delta};
  kl_list_init(&m->watcher.link);
  kl_feed_watch(m->book, &m->watcher);
  return true;
}

static void close_book(kl_live_market *m) {
  if (!m->book) return;
  kl_feed_unwatch(&m->watcher);
  kl_feed_book_release(m->p->feed, m->book);
  m->book = NULL;
  kl_paper_exchange_unfollow(m->p, m->ticker);
}

/* ---- asking ---- */

void kl_live_market_look(kl_live_market *m) {
  const kl_market_info *i = kl_market_info_get(m->p->infos, m->ticker);
  if (m->told_ns && i && i->read_ns != m->told_ns && tell_description(m, i)) m->told_ns = i->read_ns;
  if (m->ended) close_book(m);
}

bool kl_live_market_is_old(const kl_live_market *m) {
  return m->ended && !m->waits && kl_mono_ns(kl_clock_real()) - m->ended_ns > KEEP_NS;
}

/* The paper exchange may have forgotten it since. */
static void tell_ended(kl_live_market *m) {
  const kl_market_info *i = kl_market_info_get(m->p->infos, m->ticker);
  if (i) (void)tell_description(m, i);
}

static void on_described(kl_market_waiter *w, const kl_market_info *i, const kl_error *e) {
  kl_live_market *m = w->data;
  kl_error why;
  m->waits = false;
  if (e) {
    miss(m, e);
    return;
  }
  if (!tell_description(m, i)) {
    kl_error_coded(&why, KL_ERR_INTERNAL, "paper_overloaded",
                   "there is too much to tell the paper exchange: try again");
    miss(m, &why);
    return;
  }
  m->told_ns = i->read_ns;
  if (!m->ended && !m->book && !open_book(m, &why)) {
    m->told_ns = 0;
    miss(m, &why);
    return;
  }
  kl_live_market_tell(m);
}

void kl_live_market_want(kl_live_market *m) {
  m->due_missing = false;
  m->due_ready = true;
  if (m->book && m->book->failed) close_book(m); /* asked for anew */
  if (m->told_ns && (m->book || m->ended)) {
    if (m->ended) tell_ended(m);
    kl_live_market_tell(m);
    return;
  }
  if (m->waits) return;
  m->waits = true;
  m->waiter = (kl_market_waiter){.data = m, .done = on_described};
  kl_list_init(&m->waiter.link);
  kl_market_info_want(m->p->infos, m->ticker, &m->waiter);
}

void kl_live_market_free(kl_live_market *m) {
  if (!m) return;
  if (m->waits) kl_market_info_leave(&m->waiter);
  close_book(m);
  free(m);
}
