/* What can be looked at below /sim/: JSON for the page and for tests. Prices and counts are texts, as in the exchange's
 * own answers. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/control.h"
#include "sim/faults.h"
#include "sim/journal.h"
#include "sim/json_out.h"

enum { ROWS_MOST = 1000 };

/* A whole number of the query within the bounds; false after answering 400. */
static bool number(const kl_sim_request *rq, kl_sim_response *rs, const char *key, int64_t min, int64_t max,
                   int64_t fallback, int64_t *out) {
  const char *text = kl_sim_arg_get(rq, key);
  char *end = NULL, what[160];
  *out = fallback;
  if (!text) return true;
  long long v = strtoll(text, &end, 10);
  if (!*end && text[0] >= '0' && text[0] <= '9' && v >= min && v <= max) {
    *out = v;
    return true;
  }
  snprintf(what, sizeof what, "%s is a whole number from %" PRId64 " to %" PRId64, key, min, max);
  kl_sim_fail(rs, 400, "invalid_parameters", what, NULL);
  return false;
}

/* The market of `market=`, NULL where none is asked for; false after answering 404. */
static bool market_arg(const kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs, const kl_market **out) {
  const char *ticker = kl_sim_arg_get(rq, "market");
  *out = ticker ? kl_exchange_market(s->x, ticker) : NULL;
  if (!ticker || *out) return true;
  kl_sim_fail(rs, 404, "not_found", "there is no such market", NULL);
  return false;
}

/* A comma before all but the first of an array. */
static void next_row(kl_buf *b) {
  if (b->len > 0 && b->data[b->len - 1] != '[') kl_buf_char(b, ',');
}

/* ---- markets ---- */

typedef struct market_query {
  const char *text; /* part of ticker or title */
  const char *status;
} market_query;

static bool market_wanted(const kl_market *m, const market_query *q) {
  if (q->status && strcmp(q->status, kl_market_status_name(m->status)) != 0) return false;
  return !q->text || strcasestr(m->ticker, q->text) || strcasestr(m->title, q->text) ||
         strcasestr(m->event->title, q->text);
}

/* A market found, with what its list is sorted by. */
typedef struct found {
  const kl_market *m;
  int64_t key;
} found;

static int64_t no_key(const kl_market *m) {
  (void)m;
  return 0;
}
static int64_t volume_of(const kl_market *m) { return m->volume; }
static int64_t open_interest_of(const kl_market *m) { return m->open_interest; }
static int64_t last_of(const kl_market *m) { return m->last_price; }
static int64_t activity_of(const kl_market *m) { return m->last_trade_us; }
static int64_t close_of(const kl_market *m) { return m->close_us; }
static int64_t status_of(const kl_market *m) { return (int64_t)m->status; }
static int64_t bid_of(const kl_market *m) {
  kl_price bid, ask;
  kl_count bid_size, ask_size;
  kl_exchange_top(m, &bid, &bid_size, &ask, &ask_size);
  return bid;
}
static int64_t ask_of(const kl_market *m) {
  kl_price bid, ask;
  kl_count bid_size, ask_size;
  kl_exchange_top(m, &bid, &bid_size, &ask, &ask_size);
  return ask;
}

static const struct {
  const char *name;
  int64_t (*key)(const kl_market *);
  bool largest_first; /* unless the query says otherwise */
} sorts[] = {{"volume", volume_of, true}, {"ticker", no_key, false},    {"activity", activity_of, true},
             {"close", close_of, false},  {"status", status_of, false}, {"bid", bid_of, true},
             {"ask", ask_of, true},       {"last", last_of, true},      {"open_interest", open_interest_of, true}};

static int by_key(const void *a, const void *b) {
  const found *x = a, *y = b;
  return x->key != y->key ? (x->key > y->key) - (x->key < y->key) : strcmp(x->m->ticker, y->m->ticker);
}
static int by_key_largest_first(const void *a, const void *b) {
  const found *x = a, *y = b;
  return x->key != y->key ? (x->key < y->key) - (x->key > y->key) : strcmp(x->m->ticker, y->m->ticker);
}
static int by_ticker_last_first(const void *a, const void *b) { return by_key(b, a); }

/* How the query wants them sorted; false after answering 400. */
static bool sort_arg(const kl_sim_request *rq, kl_sim_response *rs, size_t *how,
                     int (**compare)(const void *, const void *)) {
  const char *sort = kl_sim_arg_get(rq, "sort"), *order = kl_sim_arg_get(rq, "order");
  *how = 0;
  while (sort && *how < sizeof sorts / sizeof *sorts && strcmp(sort, sorts[*how].name) != 0)
    ++*how;
  if (*how == sizeof sorts / sizeof *sorts) {
    kl_sim_fail(rs, 400, "invalid_parameters",
                "sort is volume, ticker, activity, close, status, bid, ask, last or open_interest", NULL);
    return false;
  }
  if (order && strcmp(order, "asc") != 0 && strcmp(order, "desc") != 0) {
    kl_sim_fail(rs, 400, "invalid_parameters", "order is asc or desc", NULL);
    return false;
  }
  bool largest_first = order ? !strcmp(order, "desc") : sorts[*how].largest_first;
  *compare = !largest_first ? by_key : sorts[*how].key == no_key ? by_ticker_last_first : by_key_largest_first;
  return true;
}

static void market_fields(kl_buf *b, const kl_market *m) {
  kl_price bid, ask;
  kl_count bid_size, ask_size;
  kl_exchange_top(m, &bid, &bid_size, &ask, &ask_size);
  kl_sim_field_str(b, "ticker", m->ticker);
  kl_sim_field_str(b, "title", m->title);
  kl_sim_field_str(b, "yes_sub_title", m->yes_sub_title);
  kl_sim_field_str(b, "event_ticker", m->event->ticker);
  kl_sim_field_str(b, "event_title", m->event->title);
  kl_sim_field_int(b, "exchange_index", m->exchange_index);
  kl_sim_field_str(b, "status", kl_market_status_name(m->status));
  kl_sim_field_price(b, "bid", bid);
  kl_sim_field_count(b, "bid_size", bid_size);
  kl_sim_field_price(b, "ask", ask);
  kl_sim_field_count(b, "ask_size", ask_size);
  kl_sim_field_price(b, "last", m->last_price);
  kl_sim_field_count(b, "volume", m->volume);
  kl_sim_field_count(b, "open_interest", m->open_interest);
  kl_sim_field_int(b, "close_ts_ms", m->close_us / 1000);
  if (m->settlement >= 0) kl_sim_field_price(b, "value", m->settlement);
}

void kl_sim_view_markets(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const market_query q = {kl_sim_arg_get(rq, "q"), kl_sim_arg_get(rq, "status")};
  int (*compare)(const void *, const void *);
  int64_t limit, offset;
  size_t how, n = 0, total = kl_exchange_market_count(s->x);
  if (!number(rq, rs, "limit", 1, ROWS_MOST, 100, &limit) || !number(rq, rs, "offset", 0, 1000000, 0, &offset) ||
      !sort_arg(rq, rs, &how, &compare))
    return;
  found *all = calloc(total + 1, sizeof *all);
  if (!all) {
    kl_sim_fail(rs, 500, "internal_error", "the simulator is out of memory", NULL);
    return;
  }
  for (size_t i = 0; i < total; i++) {
    const kl_market *m = kl_exchange_market_at(s->x, i);
    if (m && market_wanted(m, &q)) all[n++] = (found){m, sorts[how].key(m)};
  }
  qsort(all, n, sizeof *all, compare);
  kl_buf *b = &rs->body;
  kl_buf_str(b, "{\"markets\":[");
  for (size_t i = (size_t)offset; i < n && i < (size_t)(offset + limit); i++) {
    next_row(b);
    kl_buf_char(b, '{');
    market_fields(b, all[i].m);
    kl_buf_char(b, '}');
  }
  kl_buf_printf(b, "],\"total\":%zu}", n);
  free(all);
}

/* Levels of a side in YES prices, the best first. */
static void ladder(kl_buf *b, const kl_market *m, kl_outcome side, size_t depth) {
  kl_price price;
  kl_count count;
  kl_buf_char(b, '[');
  for (size_t i = 0; i < depth && kl_exchange_level(m, side, i, &price, &count); i++) {
    next_row(b);
    kl_buf_char(b, '[');
    kl_buf_json_decimal(b, side == KL_YES ? price : KL_PRICE_ONE - price, KL_PRICE_PLACES);
    kl_buf_char(b, ',');
    kl_buf_json_decimal(b, count, KL_COUNT_PLACES);
    kl_buf_char(b, ']');
  }
  kl_buf_char(b, ']');
}

void kl_sim_view_book(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const kl_market *m = kl_exchange_market(s->x, rq->path + sizeof "/sim/book/" - 1);
  int64_t depth;
  kl_buf *b = &rs->body;
  if (!m) {
    kl_sim_fail(rs, 404, "not_found", "there is no such market", NULL);
    return;
  }
  if (!number(rq, rs, "depth", 1, KL_PRICE_ONE, KL_PRICE_ONE, &depth)) return;
  kl_buf_char(b, '{');
  market_fields(b, m);
  kl_sim_key(b, "bids");
  ladder(b, m, KL_YES, (size_t)depth);
  kl_sim_key(b, "asks");
  ladder(b, m, KL_NO, (size_t)depth);
  kl_buf_char(b, '}');
}

/* ---- trades and orders ---- */

void kl_sim_view_trades(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const kl_market *m;
  const kl_trade *t;
  int64_t limit;
  kl_buf *b = &rs->body;
  if (!market_arg(s, rq, rs, &m) || !number(rq, rs, "limit", 1, ROWS_MOST, 50, &limit)) return;
  kl_buf_str(b, "{\"trades\":[");
  for (size_t i = 0; i < (size_t)limit && (t = kl_exchange_trade_at(s->x, m, i)); i++) {
    next_row(b);
    kl_buf_char(b, '{');
    kl_sim_field_str(b, "trade_id", t->id);
    kl_sim_field_str(b, "market", t->market->ticker);
    kl_sim_field_price(b, "price", t->yes_price);
    kl_sim_field_count(b, "count", t->count);
    kl_sim_field_str(b, "taker_side", kl_sim_side_name(t->taker_side));
    kl_sim_field_int(b, "ts_ms", t->ts_us / 1000);
    kl_buf_char(b, '}');
  }
  kl_buf_str(b, "]}");
}

static void order_row(kl_buf *b, const kl_order *o, int user) {
  static const char *const status[] = {
      [KL_ORDER_RESTING] = "resting", [KL_ORDER_CANCELED] = "canceled", [KL_ORDER_EXECUTED] = "executed"};
  next_row(b);
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "order_id", o->id);
  kl_sim_field_str(b, "client_order_id", o->client_order_id);
  kl_sim_field_int(b, "user", user);
  kl_sim_field_int(b, "subaccount", o->subaccount);
  kl_sim_field_str(b, "market", o->market->ticker);
  kl_sim_field_str(b, "side", kl_sim_side_name(o->side));
  kl_sim_field_price(b, "price", o->price);
  kl_sim_field_count(b, "initial", o->initial);
  kl_sim_field_count(b, "filled", o->filled);
  kl_sim_field_count(b, "remaining", o->remaining);
  kl_sim_field_str(b, "status", status[o->status]);
  kl_sim_field_int(b, "created_ts_ms", o->created_us / 1000);
  kl_sim_field_int(b, "updated_ts_ms", o->updated_us / 1000);
  kl_buf_char(b, '}');
}

void kl_sim_view_orders(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const char *status = kl_sim_arg_get(rq, "status");
  const kl_market *m;
  const kl_order *o;
  int64_t limit, user;
  if (!market_arg(s, rq, rs, &m) || !number(rq, rs, "limit", 1, ROWS_MOST, 100, &limit) ||
      !number(rq, rs, "user", 1, s->n_accounts, 0, &user))
    return;
  if (status && strcmp(status, "resting") != 0 && strcmp(status, "all") != 0) {
    kl_sim_fail(rs, 400, "invalid_parameters", "status is resting or all", NULL);
    return;
  }
  bool all = status && !strcmp(status, "all");
  kl_buf *b = &rs->body;
  kl_buf_str(b, "{\"orders\":[");
  for (int k = 0; k < s->n_accounts; k++) {
    if (user && k + 1 != user) continue;
    int64_t left = limit; /* of each user, so that a busy one does not hide the others */
    for (size_t i = 0; left > 0 && (o = kl_exchange_order_at(s->x, s->accounts[k].user, i)); i++) {
      if ((m && o->market != m) || (!all && o->status != KL_ORDER_RESTING)) continue;
      order_row(b, o, k + 1);
      left--;
    }
  }
  kl_buf_str(b, "]}");
}

/* ---- accounts ---- */

static void positions(kl_buf *b, const kl_sim *s, uint32_t user) {
  const kl_position *p;
  kl_buf_char(b, '[');
  for (int sub = 0; sub < 64; sub++) {
    for (size_t i = 0; (p = kl_exchange_position_at(s->x, user, sub, i)); i++) {
      if (p->position == 0 || p->market->status == KL_MARKET_FINALIZED) continue;
      next_row(b);
      kl_buf_char(b, '{');
      kl_sim_field_str(b, "market", p->market->ticker);
      kl_sim_field_int(b, "subaccount", sub);
      kl_sim_field_count(b, "position", p->position);
      kl_sim_field_money(b, "cost", p->cost);
      kl_sim_field_money(b, "realized", p->realized);
      kl_sim_field_money(b, "fees", p->fees);
      kl_sim_field_price(b, "last", p->market->last_price);
      kl_buf_char(b, '}');
    }
  }
  kl_buf_char(b, ']');
}

/* What is free on each shard, of all subaccounts together. */
static void balances(kl_buf *b, const kl_sim *s, uint32_t user) {
  kl_buf_char(b, '[');
  for (int shard = 0; shard < KL_EXCHANGE_SHARDS; shard++) {
    kl_money balance = 0;
    for (int sub = 0; sub < 64; sub++)
      balance += kl_exchange_balance(s->x, user, sub, shard);
    next_row(b);
    kl_buf_json_decimal(b, balance, KL_MONEY_PLACES);
  }
  kl_buf_char(b, ']');
}

void kl_sim_view_accounts(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_buf *b = &rs->body;
  (void)rq;
  kl_buf_str(b, "{\"accounts\":[");
  for (int i = 0; i < s->n_accounts; i++) {
    uint32_t user = s->accounts[i].user;
    kl_money balance = 0, value = 0;
    for (int sub = 0; sub < 64; sub++) {
      balance += kl_exchange_balance(s->x, user, sub, KL_ALL_SHARDS);
      value += kl_exchange_portfolio_value(s->x, user, sub, KL_ALL_SHARDS);
    }
    size_t resting = 0;
    const kl_order *o;
    for (size_t k = 0; (o = kl_exchange_order_at(s->x, user, k)); k++)
      resting += o->status == KL_ORDER_RESTING;
    next_row(b);
    kl_buf_char(b, '{');
    kl_sim_field_int(b, "user", i + 1);
    kl_sim_field_str(b, "user_id", kl_exchange_user_id(s->x, user));
    kl_sim_field_str(b, "key_id", s->accounts[i].pub.key_id);
    kl_sim_field_money(b, "balance", balance);
    kl_sim_key(b, "balances");
    balances(b, s, user);
    kl_sim_field_money(b, "portfolio_value", value);
    kl_sim_field_int(b, "resting_orders", (int64_t)resting);
    kl_sim_key(b, "positions");
    positions(b, s, user);
    kl_buf_char(b, '}');
  }
  kl_buf_str(b, "]}");
}

/* ---- the simulator itself ---- */

static void counters(kl_buf *b, const kl_sim *s) {
  kl_sim_stats st;
  kl_sim_stats_get(s, &st);
  kl_buf_printf(b,
                "{\"requests\":%" PRIu64 ",\"rejected_auth\":%" PRIu64 ",\"rate_limited\":%" PRIu64
                ",\"orders\":%" PRIu64 ",\"trades\":%" PRIu64 ",\"ws_messages\":%" PRIu64 ",\"ws_clients\":%" PRIu64
                "}",
                st.requests, st.rejected_auth, st.rate_limited, st.orders, st.trades, st.ws_messages, st.ws_clients);
}

static void rules(kl_buf *b, kl_sim *s) {
  kl_buf_char(b, '[');
  for (size_t i = 0; i < kl_sim_faults_count(s->faults); i++) {
    const kl_sim_fault *f = kl_sim_faults_at(s->faults, i);
    next_row(b);
    kl_buf_char(b, '{');
    kl_sim_field_int(b, "id", f->id);
    kl_sim_field_str(b, "rule", f->rule.text);
    kl_sim_field_bool(b, "passing", f->passing);
    kl_sim_field_int(b, "struck", (int64_t)f->struck);
    if (kl_fault_is_window(&f->rule)) kl_sim_field_bool(b, "on", f->on);
    kl_buf_char(b, '}');
  }
  kl_buf_char(b, ']');
}

static void shards(kl_buf *b, const kl_sim *s) {
  kl_buf_char(b, '[');
  for (int i = 0; i < KL_EXCHANGE_SHARDS; i++) {
    int64_t resume_us = 0;
    kl_pause pause = kl_exchange_pause_of(s->x, i, &resume_us);
    next_row(b);
    kl_buf_char(b, '{');
    kl_sim_field_int(b, "exchange_index", i);
    kl_sim_field_bool(b, "exchange_active", pause != KL_EXCHANGE_PAUSE);
    kl_sim_field_bool(b, "trading_active", pause == KL_RUNNING);
    if (pause != KL_RUNNING && resume_us > 0) kl_sim_field_int(b, "resume_ts_ms", resume_us / 1000);
    kl_buf_char(b, '}');
  }
  kl_buf_char(b, ']');
}

void kl_sim_view_status(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  static const char *const states[] = {"running", "trading_pause", "exchange_pause"};
  kl_buf *b = &rs->body;
  (void)rq;
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "version", KL_VERSION);
  kl_sim_field_int(b, "pid", getpid());
  kl_sim_field_str(b, "title", s->o.title ? s->o.title : "");
  kl_sim_field_str(b, "rest_url", s->rest_url);
  kl_sim_field_str(b, "ws_url", s->ws_url);
  kl_sim_field_int(b, "seed", (int64_t)s->o.seed);
  kl_sim_key(b, "speed");
  kl_buf_printf(b, "%.6g", s->o.speed);
  kl_sim_field_bool(b, "quiet_market", s->o.quiet);
  kl_sim_field_str(b, "tier", s->tier->name);
  kl_sim_field_int(b, "users", s->n_accounts);
  kl_sim_field_int(b, "markets", (int64_t)kl_exchange_market_count(s->x));
  kl_sim_field_int(b, "start_ts_ms", s->start_us / 1000);
  kl_sim_field_int(b, "now_ts_ms", s->now_us / 1000);
  kl_sim_field_str(b, "state", s->outage ? "outage" : states[s->fault_pause]);
  kl_sim_key(b, "shards");
  shards(b, s);
  kl_sim_field_int(b, "clock_off_ms", s->clock_off_us / 1000);
  kl_sim_field_int(b, "last_event", (int64_t)kl_sim_journal_last(s->journal));
  kl_sim_key(b, "counters");
  counters(b, s);
  kl_sim_key(b, "faults");
  rules(b, s);
  kl_buf_char(b, '}');
}

void kl_sim_view_events(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  int64_t since, limit;
  kl_buf *b = &rs->body;
  if (!number(rq, rs, "since", 0, INT64_MAX, 0, &since) || !number(rq, rs, "limit", 1, ROWS_MOST, 200, &limit)) return;
  kl_buf_str(b, "{\"events\":");
  uint64_t last = kl_sim_journal_json(s->journal, (uint64_t)since, (size_t)limit, b);
  kl_buf_printf(b, ",\"next\":%" PRIu64 "}", last);
}
