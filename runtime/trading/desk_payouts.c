/* Markets that settle. The channel of their lives says when; what they paid is then read from the market, or, where the
 * exchange does not show that any more, from the account's settlements. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/decimal.h"
#include "base/log.h"
#include "trading/desk_portfolio_impl.h"

enum {
  HURRY_S = 60,  /* how long it is asked every second */
  AGAIN_S = 30,  /* after a read that failed */
  RARELY_S = 900 /* of a market that is not to be had */
};

/* ---- booked ---- */

static void note(const kl_ledger *l, const char *ticker, kl_price value, int64_t ts_ms) {
  char key[80], text[64];
  if (!l->journal) return;
  (void)snprintf(key, sizeof key, "settled:%s", ticker);
  (void)snprintf(text, sizeof text, "%" PRId64 " %" PRId64, value, ts_ms);
  kl_order_journal_note(l->journal, key, text);
}

static kl_money profit_of(const kl_ledger_book *b) {
  kl_portfolio_totals t;
  kl_portfolio_totals_get(b->portfolio, &t);
  return t.realized - t.fees;
}

static bool has(const kl_ledger_book *b, const char *ticker) {
  return kl_portfolio_position(b->portfolio, ticker, NULL) != 0;
}

static void settle_book(kl_ledger *l, kl_ledger_book *b, const char *ticker, kl_price value, int64_t ts_ms) {
  char profit[32], paid[32];
  bool held = has(b, ticker);
  kl_money before = profit_of(b);
  kl_portfolio_settle(b->portfolio, ticker, value, ts_ms);
  kl_ledger_tell_risk(l, b, ticker);
  if (!held) return;
  kl_money change = profit_of(b) - before;
  if (ts_ms < kl_ledger_day_start_ms(l)) kl_ledger_day_correct(b, change);
  (void)kl_decimal_format(profit, sizeof profit, change, KL_MONEY_PLACES);
  (void)kl_decimal_format(paid, sizeof paid, value, KL_PRICE_PLACES);
  kl_log_info("portfolio", "%s settled at %s for YES: %s dollars for %s", ticker, paid, profit,
              b->party ? kl_party_name(b->party) : "the account");
}

static void settle(kl_ledger *l, kl_ledger_market *m, kl_price value, int64_t ts_ms) {
  if (ts_ms <= 0) ts_ms = kl_ledger_now_ms(l);
  note(l, m->ticker, value, ts_ms);
  m->mark = value;
  for (kl_list *n = l->books.next; n != &l->books; n = n->next)
    settle_book(l, KL_CONTAINER(n, kl_ledger_book, link), m->ticker, value, ts_ms);
}

typedef struct noted {
  char ticker[64];
  int64_t value, ts_ms;
} noted;

static bool read_note(const kl_ledger *l, const kl_holding *h, int64_t until_ms, noted *out) {
  char key[80], text[64];
  if (h->settled) return false;
  (void)snprintf(key, sizeof key, "settled:%s", h->ticker);
  memcpy(out->ticker, h->ticker, sizeof out->ticker);
  return kl_order_journal_noted(l->journal, key, text, sizeof text) &&
         kl_ledger_read_pair(text, &out->value, &out->ts_ms) && out->ts_ms < until_ms;
}

bool kl_ledger_settle_noted(const kl_ledger *l, const kl_ledger_book *b, int64_t until_ms) {
  kl_buf found = {0};
  noted one;
  for (const kl_holding *h = NULL; l->journal && (h = kl_portfolio_next(b->portfolio, h));)
    if (read_note(l, h, until_ms, &one)) kl_buf_add(&found, &one, sizeof one);
  for (size_t at = 0; !found.failed && at < found.len; at += sizeof one) {
    memcpy(&one, found.data + at, sizeof one);
    kl_portfolio_settle(b->portfolio, one.ticker, one.value, one.ts_ms);
  }
  bool good = !found.failed;
  kl_buf_free(&found);
  return good;
}

/* ---- from the account's settlements ---- */

static bool read_settlement(const char *body, size_t n, const char *ticker, kl_price *value, int64_t *ts_ms) {
  json_t *root = json_loadb(body, n, 0, NULL);
  const json_t *rows = json_object_get(root, "settlements"), *row;
  bool found = false;
  size_t i;
  json_array_foreach(rows, i, row) {
    const char *t = json_string_value(json_object_get(row, "ticker"));
    const char *result = json_string_value(json_object_get(row, "market_result"));
    const char *when = json_string_value(json_object_get(row, "settled_time"));
    const json_t *cents = json_object_get(row, "value");
    int64_t us;
    if (!t || !result || strcmp(t, ticker) != 0) continue;
    found = true;
    if (!strcmp(result, "yes"))
      *value = KL_PRICE_ONE;
    else if (!strcmp(result, "no"))
      *value = 0;
    else if (json_is_integer(cents))
      *value = json_integer_value(cents) * 100;
    else
      found = false;
    *ts_ms = when && kl_time_parse_rfc3339(when, strlen(when), &us) ? us / 1000 : 0;
    if (found) break;
  }
  json_decref(root);
  return found;
}

static void on_settlements(void *data, const kl_http_response *res, const kl_error *e) {
  kl_ledger_market *m = data;
  kl_price value;
  int64_t ts_ms;
  m->call = NULL;
  m->want_ns = kl_ledger_now_ns(m->l) + (e ? AGAIN_S : RARELY_S) * KL_LEDGER_S;
  if (!e && read_settlement(res->body, res->body_len, m->ticker, &value, &ts_ms)) {
    settle(m->l, m, value, ts_ms);
    return;
  }
  if (m->lost) return;
  m->lost = true;
  kl_log_warn("portfolio",
              "%s: the exchange shows neither the market nor a settlement of it (%s), so what is held there "
              "stays in the books",
              m->ticker, e ? e->message : "no such settlement");
}

static void ask_settlements(kl_ledger_market *m) {
  kl_error e;
  char query[96];
  (void)snprintf(query, sizeof query, "ticker=%s&limit=10", m->ticker);
  kl_call_request r = {.op = kl_operation_find("GetSettlements"), .path = "/portfolio/settlements", .query = query};
  m->call = kl_session_call(m->l->session, &r, on_settlements, m, &e);
  if (!m->call) m->want_ns = kl_ledger_now_ns(m->l) + AGAIN_S * KL_LEDGER_S;
}

/* ---- from the market ---- */

static void look_at(kl_ledger_market *m, const kl_market_info *i) {
  if (i->settlement >= 0 && !strcmp(i->status, "finalized")) settle(m->l, m, i->settlement, i->settled_ms);
}

static void on_market(kl_market_waiter *w, const kl_market_info *i, const kl_error *e) {
  kl_ledger_market *m = w->data;
  m->waits = false;
  m->want_ns = kl_ledger_now_ns(m->l) + AGAIN_S * KL_LEDGER_S;
  if (i)
    look_at(m, i);
  else if (e->status == 404)
    ask_settlements(m);
  else
    kl_log_debug("portfolio", "%s: %s", m->ticker, e->message);
}

static void want(kl_ledger *l, kl_ledger_market *m) {
  if (m->waits || m->call || kl_ledger_now_ns(l) < m->want_ns) return;
  m->waits = true;
  m->waiter.data = m;
  m->waiter.done = on_market;
  kl_market_info_want(kl_desk_markets(l->d), m->ticker, &m->waiter);
}

static void look_again(kl_ledger *l, kl_ledger_market *m) {
  int64_t now = kl_ledger_now_ns(l);
  if (now - m->looked_ns < KL_LEDGER_S) return;
  m->looked_ns = now;
  kl_market_info_refresh(kl_desk_markets(l->d), m->ticker);
}

void kl_ledger_hurry(kl_ledger *l, kl_ledger_market *m) {
  m->hurry_until_ns = kl_ledger_now_ns(l) + HURRY_S * KL_LEDGER_S;
  look_again(l, m);
}

/* ---- the channel of markets' lives ---- */

static void on_message(void *data, const kl_event *ev, const char *raw, size_t n) {
  kl_ledger *l = data;
  (void)ev;
  json_t *root = json_loadb(raw, n, 0, NULL);
  const json_t *msg = json_object_get(root, "msg");
  const char *ticker = json_string_value(json_object_get(msg, "market_ticker"));
  const char *event = json_string_value(json_object_get(msg, "event_ticker"));
  kl_ledger_market *m = ticker ? kl_ledger_market_of(l, ticker) : NULL;
  if (m) {
    m->looked_ns = 0;
    kl_ledger_hurry(l, m);
  } else if (ticker) {
    kl_market_info_refresh(kl_desk_markets(l->d), ticker);
  } else if (event) {
    kl_market_info_refresh_event(kl_desk_markets(l->d), event);
  }
  json_decref(root);
}

static void on_failed(void *data, const kl_error *e) {
  kl_ledger *l = data;
  kl_log_debug("portfolio", "the channel of markets' lives is not to be had, and they are looked at now and then: %s",
               e->message);
  kl_feed_sub_close(l->lifecycle_sub);
  l->lifecycle_sub = NULL;
  l->life_again_ns = kl_ledger_now_ns(l) + AGAIN_S * KL_LEDGER_S;
}

static void listen_for_lives(kl_ledger *l) {
  static const char *const channels[] = {"market_lifecycle_v2", NULL};
  kl_error e;
  bool wanted = !kl_list_empty(&l->held);
  if (!wanted || l->lifecycle_sub || kl_ledger_now_ns(l) < l->life_again_ns) return;
  const kl_feed_sub_options o = {.channels = channels, .data = l, .message = on_message, .failed = on_failed};
  l->lifecycle_sub = kl_feed_subscribe(kl_session_feed(l->market_session), &o, &e);
  if (!l->lifecycle_sub) on_failed(l, &e);
}

void kl_ledger_payouts_tick(kl_ledger *l) {
  int64_t now = kl_ledger_now_ns(l);
  listen_for_lives(l);
  for (kl_list *n = l->held.next; n != &l->held; n = n->next) {
    kl_ledger_market *m = KL_CONTAINER(n, kl_ledger_market, link);
    const kl_market_info *i = kl_market_info_get(kl_desk_markets(l->d), m->ticker);
    if (!i) {
      want(l, m);
      continue;
    }
    look_at(m, i);
    if (now < m->hurry_until_ns) look_again(l, m);
  }
}

void kl_ledger_market_stop(kl_ledger_market *m) {
  kl_market_info_leave(&m->waiter);
  if (m->call) kl_call_cancel(m->call);
  m->call = NULL;
}

void kl_ledger_payouts_stop(kl_ledger *l) {
  kl_feed_sub_close(l->lifecycle_sub);
  l->lifecycle_sub = NULL;
}
