/* What is older than the cutoff: markets, trades, and what accounts had. Candlesticks are in rest_candles.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/archive.h"
#include "sim/json_out.h"
#include "sim/routes.h"

static void get_cutoff(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_buf *b = &rs->body;
  (void)rq;
  kl_buf_char(b, '{');
  kl_sim_field_time(b, "market_settled_ts", kl_sim_archive_markets_us(s));
  kl_sim_field_time(b, "trades_created_ts", kl_sim_archive_trades_us(s));
  kl_sim_field_time(b, "orders_updated_ts", kl_sim_archive_trades_us(s));
  kl_sim_field_time(b, "market_positions_last_updated_ts", kl_sim_archive_markets_us(s));
  kl_buf_char(b, '}');
}

/* ---- markets ---- */

typedef struct filter {
  const char *tickers, *event, *series, *mve;
} filter;

static bool read_filter(const kl_sim_request *rq, kl_sim_response *rs, filter *f) {
  *f = (filter){kl_sim_arg_get(rq, "tickers"), kl_sim_arg_get(rq, "event_ticker"), kl_sim_arg_get(rq, "series_ticker"),
                kl_sim_arg_get(rq, "mve_filter")};
  if (!!f->tickers + !!f->event + !!f->series + !!f->mve > 1) {
    kl_sim_fail_query(rq, rs, "tickers, event_ticker, series_ticker and mve_filter exclude each other");
    return false;
  }
  if (!f->mve || !strcmp(f->mve, "exclude")) return true;
  kl_sim_fail_query(rq, rs, "mve_filter must be exclude");
  return false;
}

static bool fits(const kl_market *m, const filter *f) {
  if (!kl_sim_in_list(f->tickers, m->ticker)) return false;
  if (f->event && strcmp(f->event, m->event->ticker) != 0) return false;
  if (f->series && strcmp(f->series, m->event->series->ticker) != 0) return false;
  return !f->mve || strncmp(m->ticker, "KXMVE", 5) != 0;
}

static void get_markets(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  filter f;
  int64_t limit, n = 0;
  kl_buf *b = &rs->body;
  bool more = false;
  if (!kl_sim_arg_int(rq, rs, "limit", 0, 1000, 100, &limit) || !read_filter(rq, rs, &f)) return;
  if (limit == 0) limit = 100;
  size_t i = kl_sim_page_start(rq, 'h');
  kl_buf_str(b, "{\"markets\":[");
  for (; i < kl_exchange_market_count(s->x); i++) {
    const kl_market *m = kl_exchange_market_at(s->x, i);
    if (!kl_sim_archived_market(s, m) || !fits(m, &f)) continue;
    more = n == limit;
    if (more) break;
    if (n++) kl_buf_char(b, ',');
    kl_sim_json_market(b, m);
  }
  kl_buf_char(b, ']');
  kl_sim_page_end(b, "cursor", 'h', more, i);
  kl_buf_char(b, '}');
}

static void get_market(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const kl_market *m = kl_exchange_market(s->x, rq->params[0]);
  if (!m || !kl_sim_archived_market(s, m)) {
    kl_sim_fail(rs, 404, "not_found", "not found", NULL);
    return;
  }
  kl_buf_str(&rs->body, "{\"market\":");
  kl_sim_json_market(&rs->body, m);
  kl_buf_char(&rs->body, '}');
}

/* ---- trades ---- */

/* Newest first; of one time, by id. */
static int newer(const void *a, const void *b) {
  const kl_trade *x = *(const kl_trade *const *)a, *y = *(const kl_trade *const *)b;
  return x->ts_us != y->ts_us ? (x->ts_us < y->ts_us ? 1 : -1) : strcmp(x->id, y->id);
}

typedef struct trade_query {
  int64_t limit, min_s, max_s;
  bool by_block, block;
  kl_trade after; /* the last row of the page before: time and id */
  bool resumed;
} trade_query;

static bool read_trade_query(const kl_sim_request *rq, kl_sim_response *rs, trade_query *q) {
  char last[80];
  *q = (trade_query){.by_block = kl_sim_arg_get(rq, "is_block_trade") != NULL};
  if (!kl_sim_arg_int(rq, rs, "limit", 0, 1000, 100, &q->limit) ||
      !kl_sim_arg_int(rq, rs, "min_ts", INT64_MIN, INT64_MAX, INT64_MIN, &q->min_s) ||
      !kl_sim_arg_int(rq, rs, "max_ts", INT64_MIN, INT64_MAX, INT64_MAX, &q->max_s) ||
      !kl_sim_arg_bool(rq, rs, "is_block_trade", &q->block))
    return false;
  if (q->limit == 0) q->limit = 100;
  if (!kl_sim_cursor_read(rq, 'T', last, sizeof last)) return true;
  char *id = NULL;
  q->after.ts_us = strtoll(last, &id, 10);
  q->resumed = *id == '/' && strlen(id + 1) < sizeof q->after.id;
  if (q->resumed) memcpy(q->after.id, id + 1, strlen(id + 1) + 1);
  return true;
}

typedef struct trade_list {
  const kl_trade **rows;
  size_t n, cap;
} trade_list;

/* The trades of a market that fit: each market keeps its own, longer than the exchange as a whole keeps all. */
static bool gather(const kl_sim *s, const kl_market *m, const trade_query *q, trade_list *l) {
  const kl_trade *t, *after = &q->after;
  for (size_t i = 0; (t = kl_exchange_trade_at(s->x, m, i)); i++) {
    int64_t at = t->ts_us / 1000000;
    if (at < q->min_s) return true; /* newest first: only older ones follow */
    if (!kl_sim_archived_trade(s, t->ts_us) || at > q->max_s || (q->by_block && t->block != q->block)) continue;
    if (q->resumed && newer(&after, &t) >= 0) continue;
    if (l->n == l->cap) {
      size_t cap = l->cap ? l->cap * 2 : 256;
      const kl_trade **grown = realloc((void *)l->rows, cap * sizeof(const kl_trade *));
      if (!grown) return false;
      l->rows = grown;
      l->cap = cap;
    }
    l->rows[l->n++] = t;
  }
  return true;
}

static void get_trades(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const char *ticker = kl_sim_arg_get(rq, "ticker");
  kl_buf *b = &rs->body;
  trade_query q;
  trade_list l = {0};
  char last[80];
  bool ok = true;
  if (!read_trade_query(rq, rs, &q)) return;
  const kl_market *only = ticker ? kl_exchange_market(s->x, ticker) : NULL;
  for (size_t i = 0; ok && !ticker && i < kl_exchange_market_count(s->x); i++)
    ok = gather(s, kl_exchange_market_at(s->x, i), &q, &l);
  if (only) ok = gather(s, only, &q, &l);
  if (!ok) {
    free((void *)l.rows);
    kl_sim_fail(rs, 500, "internal_error", "the simulator is out of memory", NULL);
    return;
  }
  if (l.n > 1) qsort((void *)l.rows, l.n, sizeof(const kl_trade *), newer);
  bool more = l.n > (size_t)q.limit;
  if (more) l.n = (size_t)q.limit;
  kl_buf_str(b, "{\"trades\":[");
  for (size_t i = 0; i < l.n; i++) {
    if (i) kl_buf_char(b, ',');
    kl_sim_json_trade(b, l.rows[i]);
  }
  kl_buf_str(b, "],\"cursor\":");
  if (more) {
    snprintf(last, sizeof last, "%lld/%s", (long long)l.rows[l.n - 1]->ts_us, l.rows[l.n - 1]->id);
    kl_sim_cursor_write(b, 'T', last);
  } else {
    kl_buf_str(b, "\"\"");
  }
  kl_buf_char(b, '}');
  free((void *)l.rows);
}

/* ---- what accounts had ---- */

static void get_fills(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) { kl_sim_list_fills(s, rq, rs, true); }

static void get_orders(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_sim_list_orders(s, rq, rs, true);
}

static void get_positions(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_sim_list_positions(s, rq, rs, true);
}

const kl_sim_route kl_sim_routes_historical[] = {
    {"GetHistoricalCutoff", get_cutoff, false},       {"GetHistoricalMarkets", get_markets, false},
    {"GetHistoricalMarket", get_market, false},       {"GetTradesHistorical", get_trades, false},
    {"GetFillsHistorical", get_fills, false},         {"GetHistoricalOrders", get_orders, false},
    {"GetHistoricalPositions", get_positions, false}, {NULL, NULL, false},
};
