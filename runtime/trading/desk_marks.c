/* What contracts are worth: the middle of the book where it has both sides, else the last trade, within what is bid and
 * asked; once the result is known, that. Told by the channel `ticker` of what is held. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "trading/desk_portfolio_impl.h"

enum { AGAIN_S = 30 }; /* after the channel was refused */

static kl_price mark_of(const kl_ledger_market *m) {
  bool bid = m->bid > 0, ask = m->ask > 0 && m->ask < KL_PRICE_ONE;
  if (!m->told) return m->last > 0 ? m->last : -1;
  if (bid && ask) return (m->bid + m->ask) / 2;
  if (m->last <= 0) return -1;
  if (bid && m->last < m->bid) return m->bid;
  return ask && m->last > m->ask ? m->ask : m->last;
}

static void look_at(kl_ledger *l, kl_ledger_market *m) {
  const kl_market_info *i = kl_market_info_get(kl_desk_markets(l->d), m->ticker);
  if (i && !m->told) m->last = i->last_price;
  m->mark = i && i->settlement >= 0 ? i->settlement : mark_of(m);
}

/* ---- the channel ---- */

static void on_message(void *data, const kl_event *ev, const char *raw, size_t n) {
  kl_ledger *l = data;
  (void)raw;
  (void)n;
  kl_ledger_market *m = ev->type == KL_EV_TICKER ? kl_map_get(l->markets, ev->ticker.p, ev->ticker.n) : NULL;
  if (!m) return;
  m->told = true;
  m->bid = ev->ticker_.yes_bid;
  m->ask = ev->ticker_.yes_ask;
  m->last = ev->ticker_.price;
}

static void close_channel(kl_ledger *l) {
  kl_feed_sub_close(l->ticker_sub);
  l->ticker_sub = NULL;
  for (kl_list *n = l->held.next; n != &l->held; n = n->next)
    KL_CONTAINER(n, kl_ledger_market, link)->subscribed = false;
}

static void on_failed(void *data, const kl_error *e) {
  kl_ledger *l = data;
  kl_log_debug("portfolio", "the channel of prices is not to be had, and positions are valued at last prices: %s",
               e->message);
  close_channel(l);
  l->sub_again_ns = kl_ledger_now_ns(l) + AGAIN_S * KL_LEDGER_S;
}

static bool subscribe(kl_ledger *l, const char *const *tickers) {
  static const char *const channels[] = {"ticker", NULL};
  kl_error e;
  if (l->ticker_sub) {
    if (kl_feed_sub_add(l->ticker_sub, tickers, &e)) return true;
  } else {
    const kl_feed_sub_options o = {.channels = channels,
                                   .tickers = tickers,
                                   .send_initial_snapshot = true,
                                   .data = l,
                                   .message = on_message,
                                   .failed = on_failed};
    l->ticker_sub = kl_feed_subscribe(kl_session_feed(l->market_session), &o, &e);
    if (l->ticker_sub) return true;
  }
  on_failed(l, &e);
  return false;
}

/* So many of what is held and subscribed to, or of what is held no longer and still is; NULL-terminated. */
static size_t pick(const kl_ledger *l, bool held, const char **out) {
  size_t count = 0;
  for (kl_list *n = l->held.next; n != &l->held; n = n->next) {
    const kl_ledger_market *m = KL_CONTAINER(n, kl_ledger_market, link);
    if ((m->turn == l->turn) == held && m->subscribed != held) out[count++] = m->ticker;
  }
  out[count] = NULL;
  return count;
}

void kl_ledger_marks_tick(kl_ledger *l) {
  size_t all = kl_map_count(l->markets);
  const char **tickers = all ? calloc(all + 1, sizeof *tickers) : NULL;
  kl_error e;
  if (!tickers) return;
  if (kl_ledger_now_ns(l) >= l->sub_again_ns && pick(l, true, tickers) && subscribe(l, tickers))
    for (kl_list *n = l->held.next; n != &l->held; n = n->next)
      KL_CONTAINER(n, kl_ledger_market, link)->subscribed = true;
  size_t gone = l->ticker_sub ? pick(l, false, tickers) : 0;
  if (gone == all)
    close_channel(l);
  else if (gone && !kl_feed_sub_remove(l->ticker_sub, tickers, &e))
    kl_log_debug("portfolio", "prices of markets that are not held any more go on: %s", e.message);
  free((void *)tickers);
}

void kl_ledger_marks_apply(kl_ledger *l) {
  for (kl_list *n = l->held.next; n != &l->held; n = n->next) {
    kl_ledger_market *m = KL_CONTAINER(n, kl_ledger_market, link);
    look_at(l, m);
    for (kl_list *b = l->books.next; b != &l->books; b = b->next)
      kl_portfolio_mark(KL_CONTAINER(b, kl_ledger_book, link)->portfolio, m->ticker, m->mark);
  }
}

void kl_ledger_marks_stop(kl_ledger *l) { close_channel(l); }
