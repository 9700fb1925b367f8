/* The books of the feed: snapshots and deltas applied, staleness, resynchronisation, and whoever watches. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/line.h"
#include "base/log.h"
#include "kalshi/feed_internal.h"

#define MS INT64_C(1000000)

enum { DESYNC_PAUSE_MS = 1000 };

static kl_feed_book_own *own_of(kl_feed_book *b) { return b->priv; }

/* ---- state ---- */

static void mark_dirty(kl_feed_book_own *b) {
  if (kl_list_empty(&b->dirty)) kl_list_append(&b->f->dirty, &b->dirty);
}

static void touched(kl_feed_book_own *b) {
  b->pub.changes++;
  mark_dirty(b);
}

static void set_stale(kl_feed_book_own *b, bool stale) {
  if (b->pub.stale == stale) return;
  b->pub.stale = stale;
  if (stale) {
    b->f->n_stale++;
  } else if (!--b->f->n_stale && b->f->resyncing) {
    b->f->resyncing = false;
    kl_feed_tell(b->f, "resync", "all books are current again");
  }
}

void kl_feed_market_unheld(kl_feed_market *m) {
  m->channel->f->n_held -= m->n_held;
  free(m->held);
  m->held = NULL;
  m->n_held = m->cap_held = 0;
}

void kl_feed_market_awaiting(kl_feed_market *m) {
  kl_feed_market_unheld(m);
  m->awaiting = true;
  m->held_from = m->channel->seq.last;
}

void kl_feed_books_stale(kl_feed_market *m) {
  kl_feed_market_awaiting(m);
  m->tries = 0;
  m->since_ns = kl_feed_now(m->channel->f);
  if (!m->book->pub.ready || m->book->pub.stale) return;
  m->channel->f->resyncing = true;
  set_stale(m->book, true);
  touched(m->book);
}

void kl_feed_book_resync(kl_feed_market *m) {
  if (m->book) kl_feed_books_stale(m);
  m->need_snapshot = true;
  kl_feed_market_work(m);
  kl_feed_tick_on(m->channel->f);
}

void kl_feed_books_resync(kl_feed_channel *c) {
  c->f->resyncing = true;
  for (kl_list *n = c->markets.next; n != &c->markets; n = n->next) {
    kl_feed_market *m = KL_CONTAINER(n, kl_feed_market, all);
    if (m->refs) kl_feed_book_resync(m);
  }
}

void kl_feed_market_awaits(kl_feed_market *m) {
  if (!m->book || !m->awaiting) return;
  m->since_ns = kl_feed_now(m->channel->f);
  kl_feed_tick_on(m->channel->f);
}

kl_feed_book *kl_feed_book_sample(const kl_feed *f, uint64_t random) {
  size_t n = 0;
  for (int pass = 0; pass < 2; pass++) {
    size_t at = pass && n ? random % n : 0;
    for (const kl_feed_channel *c = f->books; c; c = c->next) {
      for (kl_list *l = c->markets.next; l != &c->markets; l = l->next) {
        kl_feed_book_own *b = KL_CONTAINER(l, kl_feed_market, all)->book;
        if (!b || !b->pub.ready || b->pub.stale) continue;
        if (pass && at-- == 0) return &b->pub;
        n += !pass;
      }
    }
  }
  return NULL;
}

void kl_feed_books_each(const kl_feed *f, bool (*each)(void *data, const kl_feed_book *b), void *data) {
  for (const kl_feed_channel *c = f->books; c; c = c->next) {
    for (kl_list *l = c->markets.next; l != &c->markets; l = l->next) {
      const kl_feed_book_own *b = KL_CONTAINER(l, kl_feed_market, all)->book;
      if (b && !each(data, &b->pub)) return;
    }
  }
}

kl_feed_book *kl_feed_book_find(const kl_feed *f, const char *ticker) {
  kl_feed_market *m = f->books ? kl_feed_market_known(f->books, ticker, strlen(ticker)) : NULL;
  return m && m->book ? &m->book->pub : NULL;
}

void kl_feed_book_distrust(kl_feed_book *pub, const char *what, const char *detail) {
  kl_feed_book_own *b = own_of(pub);
  kl_feed *f = b->f;
  if (!b->market || f->closing) return;
  f->resyncing = true;
  kl_feed_book_resync(b->market);
  kl_feed_tell(f, what, detail);
}

/* ---- watchers ---- */

/* Watchers may come and go, and be given back, within the call: a cursor in the list keeps the place. */
static void tell_changed(kl_feed_book_own *b, kl_list *watchers) {
  kl_book_watcher cursor = {.changed = NULL};
  for (kl_list *n = watchers->next; n != watchers;) {
    kl_book_watcher *w = KL_CONTAINER(n, kl_book_watcher, link);
    kl_list_append(n->next, &cursor.link);
    if (w->changed) w->changed(w, &b->pub);
    n = cursor.link.next;
    kl_list_remove(&cursor.link);
  }
}

void kl_feed_books_tell(kl_feed *f) {
  kl_list dirty;
  kl_list_init(&dirty);
  kl_list_move(&dirty, &f->dirty);
  while (!kl_list_empty(&dirty)) {
    kl_feed_book_own *b = KL_CONTAINER(dirty.next, kl_feed_book_own, dirty);
    kl_list_remove(&b->dirty);
    tell_changed(b, &b->watchers);
    tell_changed(b, &b->delta_watchers);
  }
}

static void tell_delta(kl_feed_book_own *b, const kl_event *ev, kl_price own_price) {
  kl_book_watcher cursor = {.delta = NULL};
  for (kl_list *n = b->delta_watchers.next; n != &b->delta_watchers;) {
    kl_book_watcher *w = KL_CONTAINER(n, kl_book_watcher, link);
    n = n->next;
    if (n == &b->delta_watchers) { /* the last, most often the only one: no place to be kept */
      w->delta(w, &b->pub, ev, own_price);
      return;
    }
    kl_list_append(n, &cursor.link);
    w->delta(w, &b->pub, ev, own_price);
    n = cursor.link.next;
    kl_list_remove(&cursor.link);
  }
}

static bool has_delta_watcher(const kl_feed_book_own *b) { return !kl_list_empty(&b->delta_watchers); }

void kl_feed_watch(kl_feed_book *pub, kl_book_watcher *w) {
  kl_feed_book_own *b = own_of(pub);
  kl_list_append(w->delta ? &b->delta_watchers : &b->watchers, &w->link);
}

void kl_feed_unwatch(kl_book_watcher *w) { kl_list_remove(&w->link); }

static void forget_watchers(kl_list *watchers) {
  for (kl_list *n = watchers->next; n != watchers;) {
    kl_book_watcher *w = KL_CONTAINER(n, kl_book_watcher, link);
    n = n->next;
    if (w->changed || w->delta) kl_list_remove(&w->link); /* the others are cursors of loops under way */
  }
}

/* ---- messages ---- */

static bool reserve_levels(kl_feed *f, int which, size_t n) {
  if (n <= f->cap_levels[which]) return true;
  size_t cap = n < 256 ? 256 : n * 2;
  kl_level *wide = realloc(f->levels[which], cap * sizeof *wide);
  if (!wide) return false;
  f->levels[which] = wide;
  f->cap_levels[which] = cap;
  return true;
}

static void applied(kl_feed_book_own *b, const kl_event *ev) {
  if (ev->has & KL_HAS_SEQ) b->pub.seq = ev->seq;
  b->pub.ts_last = (ev->has & KL_HAS_TS) != 0;
  if (b->pub.ts_last) b->pub.ts_ms = ev->ts_ms;
  b->pub.rx_ns = kl_feed_now(b->f);
  touched(b);
}

/* The change of one level between two books, as the delta that the exchange would have sent. */
static void tell_level(kl_feed_book_own *b, const kl_event *snapshot, kl_outcome side, kl_price price,
                       kl_count change) {
  kl_event ev = {.type = KL_EV_DELTA,
                 .has = snapshot->has & ~(uint32_t)KL_HAS_ID,
                 .type_name = {"orderbook_delta", sizeof "orderbook_delta" - 1},
                 .sid = snapshot->sid,
                 .seq = snapshot->seq,
                 .ts_ms = snapshot->ts_ms,
                 .sending_ts_ms = snapshot->sending_ts_ms,
                 .ticker = snapshot->ticker,
                 .market_id = snapshot->market_id};
  bool turned = side == KL_NO && !b->f->o.no_levels_in_no_prices;
  ev.delta.price = turned ? KL_PRICE_ONE - price : price;
  ev.delta.delta = change;
  ev.delta.side = side;
  ev.delta.client_order_id = (kl_str){"", 0};
  tell_delta(b, &ev, price);
}

/* Deltas from the levels `old` (best first) to what the book holds now. */
static void tell_difference(kl_feed_book_own *b, const kl_event *ev, kl_outcome side, const kl_level *old,
                            size_t n_old) {
  size_t i = 0, j = 0;
  while (b->refs) {
    kl_price price = 0;
    kl_count count = 0;
    bool has_new = kl_book_bid_at(b->pub.book, side, j, &price, &count);
    bool has_old = i < n_old;
    if (!has_new && !has_old) return;
    if (has_old && (!has_new || old[i].price > price)) {
      tell_level(b, ev, side, old[i].price, -old[i].count);
      i++;
    } else if (!has_old || price > old[i].price) {
      tell_level(b, ev, side, price, count);
      j++;
    } else {
      if (count != old[i].count) tell_level(b, ev, side, price, count - old[i].count);
      i++;
      j++;
    }
  }
}

static void on_delta(kl_feed *f, kl_feed_market *m, const kl_event *ev);

/* Without room for it the snapshot must be newer than this delta. */
static void hold(kl_feed *f, kl_feed_market *m, const kl_event *ev) {
  f->ignored++;
  if (!(ev->has & KL_HAS_SEQ)) return;
  if (m->held_from < 0) m->held_from = m->channel->seq.after;
  if (m->n_held == m->cap_held) {
    uint32_t cap = m->cap_held ? m->cap_held * 2 : 16;
    kl_feed_held *wide = f->n_held < KL_FEED_HELD ? realloc(m->held, cap * sizeof *wide) : NULL;
    if (!wide) {
      kl_feed_market_unheld(m);
      m->held_from = ev->seq;
      return;
    }
    m->held = wide;
    m->cap_held = cap;
  }
  m->held[m->n_held++] = (kl_feed_held){.price = ev->delta.price,
                                        .delta = ev->delta.delta,
                                        .seq = ev->seq,
                                        .ts_ms = ev->ts_ms,
                                        .side = ev->delta.side,
                                        .has_ts = (ev->has & KL_HAS_TS) != 0};
  f->n_held++;
}

/* A snapshot on request may come behind deltas that it does not have (Kalshi, "get_snapshot"): those follow it now. */
static void replay(kl_feed *f, kl_feed_market *m, const kl_event *snapshot) {
  kl_feed_held *held = m->held;
  uint32_t n = m->n_held;
  kl_feed_book_own *b = m->book;
  m->held = NULL;
  m->n_held = m->cap_held = 0;
  f->n_held -= n;
  for (uint32_t i = 0; i < n && b->refs && m->book == b && !m->awaiting; i++) {
    if (held[i].seq <= snapshot->seq) continue;
    kl_event ev = {.type = KL_EV_DELTA,
                   .has = KL_HAS_SID | KL_HAS_SEQ | (held[i].has_ts ? KL_HAS_TS : 0),
                   .type_name = {"orderbook_delta", sizeof "orderbook_delta" - 1},
                   .sid = snapshot->sid,
                   .seq = held[i].seq,
                   .ts_ms = held[i].ts_ms,
                   .ticker = snapshot->ticker,
                   .market_id = snapshot->market_id};
    ev.delta.price = held[i].price;
    ev.delta.delta = held[i].delta;
    ev.delta.side = held[i].side;
    ev.delta.client_order_id = (kl_str){"", 0};
    on_delta(f, m, &ev);
  }
  free(held);
}

/* The snapshot shows an earlier state than messages that have come: is it of use? */
static bool is_too_old(const kl_feed_market *m, const kl_event *ev) {
  const kl_feed_channel *c = m->channel;
  if (!(ev->has & KL_HAS_SEQ)) return false;
  if (c->seq.last < 0) return true; /* from before a message that could not be read */
  if (ev->seq >= c->seq.last) return false;
  return !m->awaiting || ev->seq < (m->held_from < 0 ? c->seq.after : m->held_from);
}

static void on_snapshot(kl_feed *f, kl_feed_market *m, const kl_event *ev) {
  kl_feed_book_own *b = m->book;
  const kl_level *yes = ev->snapshot.levels[KL_YES], *no = ev->snapshot.levels[KL_NO];
  size_t n_yes = ev->snapshot.n[KL_YES], n_no = ev->snapshot.n[KL_NO];
  size_t old[2] = {0, 0};
  bool ok = true, tell = has_delta_watcher(b);
  if (!f->o.no_levels_in_no_prices && n_no) {
    ok = reserve_levels(f, 0, n_no);
    for (size_t i = 0; ok && i < n_no; i++) {
      f->levels[0][i] = (kl_level){.price = KL_PRICE_ONE - no[i].price, .count = no[i].count};
    }
    no = f->levels[0];
  }
  if (ok && tell) {
    old[KL_YES] = kl_book_levels(b->pub.book, KL_YES);
    old[KL_NO] = kl_book_levels(b->pub.book, KL_NO);
    ok = reserve_levels(f, 1, old[KL_YES] + old[KL_NO] + 1); /* there is memory, even for none */
    for (size_t i = 0; ok && i < old[KL_YES] + old[KL_NO]; i++) {
      kl_outcome side = i < old[KL_YES] ? KL_YES : KL_NO;
      kl_price price = 0;
      kl_count count = 0;
      kl_book_bid_at(b->pub.book, side, side == KL_YES ? i : i - old[KL_YES], &price, &count);
      f->levels[1][i] = (kl_level){.price = (int32_t)price, .count = count};
    }
  }
  if (!ok || !kl_book_snapshot(b->pub.book, yes, n_yes, no, n_no)) {
    f->malformed++;
    kl_log_error("feed", "snapshot of %s (seq %" PRId64 ") is not a book, or memory is out: asking again", m->ticker,
                 ev->seq);
    kl_feed_books_stale(m); /* the deadline asks again: at once would be a storm */
    kl_feed_tick_on(f);
    return;
  }
  m->awaiting = false;
  m->tries = 0;
  m->channel->last_snapshot_ns = kl_feed_now(f);
  b->pub.ready = true;
  applied(b, ev);
  if (tell) {
    tell_difference(b, ev, KL_YES, f->levels[1], old[KL_YES]);
    tell_difference(b, ev, KL_NO, f->levels[1] + old[KL_YES], old[KL_NO]);
  }
  if (b->refs) set_stale(b, false);
  if (m->n_held) replay(f, m, ev);
}

/* Of a market that was given up or refused, and is wanted again, the exchange may still say something from before. No
 * changes came since: what it says until it has come to the removal, or to an earlier request, makes no book. */
static bool is_from_before(const kl_feed_market *m, const kl_event *ev) {
  if ((ev->has & KL_HAS_ID) && ev->id < m->added_by) return true;
  return !m->acked && kl_feed_deletes_before(m->channel, m->added_by);
}

static void on_delta(kl_feed *f, kl_feed_market *m, const kl_event *ev) {
  kl_feed_book_own *b = m->book;
  kl_price price = ev->delta.price;
  bool turned = (ev->delta.side == KL_NO) & !f->o.no_levels_in_no_prices; /* no branch: it cannot be foreseen */
  price = turned ? KL_PRICE_ONE - price : price;
  kl_book_result r = KL_BOOK_DESYNC;
  if (price > 0 && price < KL_PRICE_ONE) r = kl_book_apply(b->pub.book, ev->delta.side, price, ev->delta.delta);
  if (r == KL_BOOK_OK) {
    applied(b, ev);
    tell_delta(b, ev, price);
    return;
  }
  if (r == KL_BOOK_DESYNC) f->desyncs++;
  f->resyncing = true;
  kl_log_warn("feed", "%s: delta %" PRId64 " at %" PRId64 " (seq %" PRId64 ") %s: asking for a snapshot", m->ticker,
              ev->delta.delta, price, ev->seq, r == KL_BOOK_DESYNC ? "does not fit the book" : "found no memory");
  int64_t now = kl_feed_now(f);
  if (m->desync_ns && now - m->desync_ns < DESYNC_PAUSE_MS * MS) {
    kl_feed_books_stale(m); /* the deadline asks: a feed that is wrong again at once would be asked without end */
    kl_feed_tick_on(f);
  } else {
    kl_feed_book_resync(m);
  }
  m->desync_ns = now;
}

void kl_feed_books_message(kl_feed *f, kl_feed_market *m, const kl_event *ev) {
  if (ev->type == KL_EV_SNAPSHOT) {
    f->snapshots++;
    /* A request may be answered for a market whose addition was refused, too: no changes follow. */
    if (!m || !m->sent) return;
    m->shown = true;
    if (m->book && !is_from_before(m, ev) && !is_too_old(m, ev)) on_snapshot(f, m, ev);
  } else if (ev->type == KL_EV_DELTA) {
    if (!m) {
      f->ignored++;
    } else if (m->book && m->awaiting) {
      hold(f, m, ev);
    } else if (m->book) {
      on_delta(f, m, ev);
    }
  }
}

/* ---- deadlines ---- */

bool kl_feed_books_check(kl_feed_channel *c, int64_t now) {
  const kl_feed *f = c->f;
  bool busy = false;
  for (kl_list *n = c->markets.next; n != &c->markets;) {
    kl_feed_market *m = KL_CONTAINER(n, kl_feed_market, all);
    n = n->next; /* failing a book calls nobody yet */
    if (!m->book || !m->awaiting || !kl_feed_market_is_acked(m)) continue;
    int64_t limit = f->o.snapshot_timeout_ms * MS * (1 + (m->tries > 5 ? 5 : m->tries));
    int64_t waited = now - m->since_ns;
    /* With thousands of markets the last snapshot may take its time: patience while others arrive. */
    if (waited < 4 * limit && now - c->last_snapshot_ns < limit) waited = now - c->last_snapshot_ns;
    if (waited < limit) {
      busy = true;
    } else if (!m->book->pub.ready && !m->shown) {
      kl_error e;
      kl_error_coded(
          &e, KL_ERR_VALIDATION, "no_such_market",
          "no such market: %s (subscribed, but the exchange sent no book for it within %.1f s): check the ticker",
          m->ticker, (double)waited / 1e9);
      snprintf(e.operation, sizeof e.operation, "book");
      kl_feed_book_fail(m->book, &e);
    } else {
      m->tries++;
      m->since_ns = now;
      m->need_snapshot = true;
      kl_log_warn("feed", "%s: no snapshot came, asking again", m->ticker);
      kl_feed_market_work(m);
      busy = true;
    }
  }
  return busy;
}

/* ---- holders ---- */

void kl_feed_book_free(kl_feed_book_own *b) {
  kl_book_free(b->pub.book);
  free(b);
}

/* The market lets go of its book. */
static void detach(kl_feed_book_own *b) {
  kl_feed_market *m = b->market;
  b->market = NULL;
  if (!m) return;
  m->book = NULL;
  m->awaiting = false;
  kl_feed_market_unheld(m);
  kl_feed_market_drop(m);
}

void kl_feed_book_fail(kl_feed_book_own *b, const kl_error *e) {
  b->pub.failed = true;
  b->pub.error = *e;
  set_stale(b, false); /* not waited for any more */
  b->pub.stale = true;
  touched(b);
  detach(b);
}

kl_feed_book *kl_feed_book_open(kl_feed *f, const char *ticker, kl_error *e) {
  if (f->closing) {
    kl_error_coded(e, KL_ERR_CLOSED, "session_closed", "the session is closed");
    return NULL;
  }
  if (!f->o.can_connect) {
    kl_error_coded(e, KL_ERR_AUTH, "key_missing",
                   "the book of %s needs an API key, as all of the feed does: give --key-id and --key "
                   "(KALSHI_API_KEY_ID, KALSHI_PRIVATE_KEY_PATH)",
                   ticker);
    return NULL;
  }
  if (!kl_feed_key_check(KL_KEY_TICKER, ticker, e)) return NULL;
  kl_feed_channel *c = kl_feed_channel_get(f, "orderbook_delta", KL_KEY_TICKER, "", e);
  if (!c) return NULL;
  size_t n = strlen(ticker);
  kl_feed_market *m = kl_feed_market_known(c, ticker, n);
  if (m && m->book) {
    m->book->refs++;
    return &m->book->pub;
  }
  kl_feed_book_own *b = kl_line_alloc(sizeof *b);
  if (b) b->pub.book = kl_book_new();
  m = b && b->pub.book ? kl_feed_market_want(c, ticker, n) : NULL;
  if (!m) {
    if (b) kl_feed_book_free(b);
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for the book of %s", ticker);
    return NULL;
  }
  memcpy(b->pub.ticker, ticker, n + 1);
  b->pub.priv = b;
  b->f = f;
  b->refs = 1;
  b->market = m;
  kl_list_init(&b->watchers);
  kl_list_init(&b->delta_watchers);
  kl_list_init(&b->dirty);
  kl_list_init(&b->dead);
  f->n_books++;
  set_stale(b, true);
  m->book = b;
  kl_feed_market_awaiting(m);
  m->tries = 0;
  m->since_ns = kl_feed_now(f);
  if (m->sent && m->shown) { /* a subscription had it, or it is just being given up: none comes by itself */
    m->need_snapshot = true;
    kl_feed_market_work(m);
    kl_feed_tick_on(f);
  }
  return &b->pub;
}

void kl_feed_book_release(kl_feed *f, kl_feed_book *pub) {
  kl_feed_book_own *b = pub ? own_of(pub) : NULL;
  if (!b || --b->refs) return;
  forget_watchers(&b->watchers);
  forget_watchers(&b->delta_watchers);
  kl_list_remove(&b->dirty);
  if (!pub->failed) set_stale(b, false);
  f->n_books--;
  detach(b);
  if (f->depth) {
    kl_list_append(&f->dead_own, &b->dead);
  } else {
    kl_feed_book_free(b);
  }
}
