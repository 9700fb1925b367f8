/* Series, events, markets, books, trades. All public. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/archive.h"
#include "sim/json_out.h"
#include "sim/milestones.h"
#include "sim/routes.h"

enum { EVENTS_MOST = 200 };

static void not_found(kl_sim_response *rs) { kl_sim_fail(rs, 404, "not_found", "not found", NULL); }

/* Any of the tags asked for, comma-separated. */
static bool has_tag(const kl_series *series, const char *wanted) {
  if (!wanted) return true;
  for (const char *const *tag = kl_sim_world_tags(series->ticker); *tag; tag++)
    if (kl_sim_in_list(wanted, *tag)) return true;
  return false;
}

static void get_series_list(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const char *category = kl_sim_arg_get(rq, "category"), *tags = kl_sim_arg_get(rq, "tags");
  bool with_volume, with_metadata, any = false;
  int64_t min_updated;
  if (!kl_sim_arg_bool(rq, rs, "include_volume", &with_volume)) return;
  if (!kl_sim_arg_bool(rq, rs, "include_product_metadata", &with_metadata)) return;
  if (!kl_sim_arg_int(rq, rs, "min_updated_ts", INT64_MIN, INT64_MAX, INT64_MIN, &min_updated)) return;
  kl_buf_str(&rs->body, "{\"series\":[");
  for (size_t i = 0; i < kl_exchange_series_count(s->x); i++) {
    const kl_series *series = kl_exchange_series_at(s->x, i);
    if ((category && strcmp(category, series->category) != 0) || !has_tag(series, tags)) continue;
    if (s->start_us / 1000000 < min_updated) continue;
    if (any) kl_buf_char(&rs->body, ',');
    any = true;
    kl_sim_json_series(&rs->body, s, series, with_volume, with_metadata);
  }
  kl_buf_str(&rs->body, "]}");
}

static void get_series(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const kl_series *series = kl_exchange_series(s->x, rq->params[0]);
  bool with_volume;
  if (!series) {
    not_found(rs);
    return;
  }
  if (!kl_sim_arg_bool(rq, rs, "include_volume", &with_volume)) return;
  kl_buf_str(&rs->body, "{\"series\":");
  kl_sim_json_series(&rs->body, s, series, with_volume, true);
  kl_buf_char(&rs->body, '}');
}

/* ---- status ---- */

/* The filter's words; paused is not for events. */
typedef enum { ANY, UNOPENED, OPEN, PAUSED, CLOSED, SETTLED, UNKNOWN } status_filter;

static status_filter read_status(const char *text) {
  static const char *const names[] = {
      [UNOPENED] = "unopened", [OPEN] = "open", [PAUSED] = "paused", [CLOSED] = "closed", [SETTLED] = "settled"};
  if (!text) return ANY;
  for (int i = UNOPENED; i <= SETTLED; i++)
    if (!strcmp(names[i], text)) return (status_filter)i;
  return UNKNOWN;
}

static bool has_status(const kl_market *m, status_filter f) {
  switch (f) {
  case UNOPENED:
    return m->status == KL_MARKET_INITIALIZED;
  case OPEN:
    return m->status == KL_MARKET_ACTIVE;
  case PAUSED:
    return m->status == KL_MARKET_INACTIVE;
  case CLOSED:
    return m->status == KL_MARKET_CLOSED || m->status == KL_MARKET_DETERMINED || m->status == KL_MARKET_DISPUTED ||
           m->status == KL_MARKET_AMENDED;
  case SETTLED:
    return m->status == KL_MARKET_FINALIZED;
  default:
    return true;
  }
}

/* ---- events ---- */

static bool any_market(const kl_market_event *e, status_filter f, int64_t min_close_s) {
  for (size_t i = 0; i < e->n_markets; i++) {
    const kl_market *m = e->markets[i];
    if (has_status(m, f) && m->close_us / 1000000 >= min_close_s) return true;
  }
  return false;
}

static void get_events(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const char *series = kl_sim_arg_get(rq, "series_ticker"), *tickers = kl_sim_arg_get(rq, "tickers");
  status_filter status = read_status(kl_sim_arg_get(rq, "status"));
  const kl_market_event *listed[EVENTS_MOST];
  int64_t limit, min_close, min_updated;
  bool nested, milestones;
  if (!kl_sim_arg_int(rq, rs, "limit", 1, EVENTS_MOST, EVENTS_MOST, &limit)) return;
  if (!kl_sim_arg_int(rq, rs, "min_close_ts", INT64_MIN, INT64_MAX, INT64_MIN, &min_close)) return;
  if (!kl_sim_arg_int(rq, rs, "min_updated_ts", INT64_MIN, INT64_MAX, INT64_MIN, &min_updated)) return;
  if (!kl_sim_arg_bool(rq, rs, "with_nested_markets", &nested)) return;
  if (!kl_sim_arg_bool(rq, rs, "with_milestones", &milestones)) return;
  if (status == UNKNOWN || status == PAUSED) {
    kl_sim_fail_query(rq, rs, "status must be one of unopened, open, closed, settled");
    return;
  }
  kl_buf *b = &rs->body;
  int64_t n = 0;
  size_t i = kl_exchange_event_from(s->x, kl_sim_page_start(rq, 'e'));
  bool more = false;
  kl_buf_str(b, "{\"events\":[");
  for (; i < kl_exchange_event_count(s->x); i++) {
    const kl_market_event *e = kl_exchange_event_at(s->x, i);
    if (!strncmp(e->ticker, "KXMVE", 5)) continue; /* GET /events/multivariate has the combos */
    if ((series && strcmp(series, e->series->ticker) != 0) || !kl_sim_in_list(tickers, e->ticker) ||
        kl_sim_event_updated_us(e) / 1000000 < min_updated)
      continue;
    if ((status != ANY || min_close != INT64_MIN) && !any_market(e, status, min_close)) continue;
    more = n == limit;
    if (more) break;
    if (n) kl_buf_char(b, ',');
    listed[n++] = e;
    kl_sim_json_event(b, s, e, nested);
  }
  kl_buf_char(b, ']');
  if (milestones) kl_sim_json_milestones_of(b, s, listed, (size_t)n);
  kl_sim_page_end(b, "cursor", 'e', more, more ? kl_exchange_event_at(s->x, i)->serial : 0);
  kl_buf_char(b, '}');
}

static void get_event(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  bool nested;
  const kl_market_event *e = kl_exchange_event(s->x, rq->params[0]);
  if (!e) {
    not_found(rs);
    return;
  }
  if (!kl_sim_arg_bool(rq, rs, "with_nested_markets", &nested)) return;
  kl_buf *b = &rs->body;
  kl_buf_str(b, "{\"event\":");
  kl_sim_json_event(b, s, e, nested);
  kl_buf_str(b, ",\"markets\":[");
  /* An event moves as a whole. */
  for (size_t i = 0; i < e->n_markets && !nested && !kl_sim_archived_market(s, e->markets[0]); i++) {
    if (i) kl_buf_char(b, ',');
    kl_sim_json_market(b, e->markets[i]);
  }
  kl_buf_str(b, "]}");
}

/* ---- markets ---- */

typedef struct market_filter {
  const char *tickers, *events, *series, *mve;
  status_filter status;
  int64_t min_created, max_created, min_updated, max_updated, min_close, max_close, min_settled, max_settled;
} market_filter;

static bool read_range(const kl_sim_request *rq, kl_sim_response *rs, const char *min_key, const char *max_key,
                       int64_t *min, int64_t *max, bool *given) {
  if (!kl_sim_arg_int(rq, rs, min_key, INT64_MIN, INT64_MAX, INT64_MIN, min)) return false;
  if (!kl_sim_arg_int(rq, rs, max_key, INT64_MIN, INT64_MAX, INT64_MAX, max)) return false;
  *given = *min != INT64_MIN || *max != INT64_MAX;
  return true;
}

/* Which filters go together: Kalshi, GET /markets. */
static bool read_market_filter(const kl_sim_request *rq, kl_sim_response *rs, market_filter *f) {
  bool created, closed, settled, updated;
  *f = (market_filter){.tickers = kl_sim_arg_get(rq, "tickers"),
                       .events = kl_sim_arg_get(rq, "event_ticker"),
                       .series = kl_sim_arg_get(rq, "series_ticker"),
                       .mve = kl_sim_arg_get(rq, "mve_filter"),
                       .status = read_status(kl_sim_arg_get(rq, "status"))};
  if (!read_range(rq, rs, "min_created_ts", "max_created_ts", &f->min_created, &f->max_created, &created) ||
      !read_range(rq, rs, "min_close_ts", "max_close_ts", &f->min_close, &f->max_close, &closed) ||
      !read_range(rq, rs, "min_settled_ts", "max_settled_ts", &f->min_settled, &f->max_settled, &settled) ||
      !read_range(rq, rs, "min_updated_ts", "max_updated_ts", &f->min_updated, &f->max_updated, &updated))
    return false;
  status_filter st = f->status;
  const char *wrong = NULL;
  if (st == UNKNOWN) {
    wrong = "status must be one of unopened, open, paused, closed, settled";
  } else if (f->mve && strcmp(f->mve, "only") != 0 && strcmp(f->mve, "exclude") != 0) {
    wrong = "mve_filter must be only or exclude";
  } else if (created && st != ANY && st != UNOPENED && st != OPEN) {
    wrong = "created time filters go with status unopened, open or none";
  } else if (closed && st != ANY && st != CLOSED) {
    wrong = "close time filters go with status closed or none";
  } else if (settled && st != ANY && st != SETTLED) {
    wrong = "settled time filters go with status settled or none";
  } else if (created + closed + settled > 1) {
    wrong = "created, close and settled time filters exclude each other";
  } else if (updated && (st != ANY || created || closed || settled || f->tickers || f->events ||
                         (f->mve && strcmp(f->mve, "exclude") != 0) || (f->series && !f->mve))) {
    wrong = "min_updated_ts goes with mve_filter=exclude only";
  }
  if (wrong) kl_sim_fail_query(rq, rs, wrong);
  return !wrong;
}

static bool market_fits(const kl_market *m, const market_filter *f) {
  int64_t created = m->created_us / 1000000, close = m->close_us / 1000000, updated = m->updated_us / 1000000,
          settled = m->settled_us / 1000000;
  if (!has_status(m, f->status) || !kl_sim_in_list(f->tickers, m->ticker) ||
      !kl_sim_in_list(f->events, m->event->ticker))
    return false;
  if (f->series && strcmp(f->series, m->event->series->ticker) != 0) return false;
  if (f->mve && (m->n_legs > 0) != !strcmp(f->mve, "only")) return false;
  if (created < f->min_created || created > f->max_created || close < f->min_close || close > f->max_close ||
      updated < f->min_updated || updated > f->max_updated)
    return false;
  if (f->min_settled == INT64_MIN && f->max_settled == INT64_MAX) return true;
  return m->status == KL_MARKET_FINALIZED && settled >= f->min_settled && settled <= f->max_settled;
}

static void get_markets(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  market_filter f;
  int64_t limit, n = 0;
  if (!kl_sim_arg_int(rq, rs, "limit", 0, 1000, 100, &limit) || !read_market_filter(rq, rs, &f)) return;
  if (limit == 0) limit = 100;
  kl_buf *b = &rs->body;
  size_t i = kl_exchange_market_from(s->x, kl_sim_page_start(rq, 'm'));
  bool more = false;
  kl_buf_str(b, "{\"markets\":[");
  for (; i < kl_exchange_market_count(s->x); i++) {
    const kl_market *m = kl_exchange_market_at(s->x, i);
    if (!market_fits(m, &f) || kl_sim_archived_market(s, m)) continue;
    more = n == limit;
    if (more) break;
    if (n++) kl_buf_char(b, ',');
    kl_sim_json_market(b, m);
  }
  kl_buf_char(b, ']');
  kl_sim_page_end(b, "cursor", 'm', more, more ? kl_exchange_market_at(s->x, i)->serial : 0);
  kl_buf_char(b, '}');
}

static void get_market(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const kl_market *m = kl_sim_live_market(s, rq->params[0]);
  if (!m) {
    not_found(rs);
    return;
  }
  kl_buf_str(&rs->body, "{\"market\":");
  kl_sim_json_market(&rs->body, m);
  kl_buf_char(&rs->body, '}');
}

/* ---- books ---- */

static void get_orderbook(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const kl_market *m = kl_sim_live_market(s, rq->params[0]);
  int64_t depth;
  if (!m) {
    not_found(rs);
    return;
  }
  if (!kl_sim_arg_int(rq, rs, "depth", INT64_MIN, 100, 0, &depth)) return;
  kl_buf_str(&rs->body, "{\"orderbook_fp\":");
  kl_sim_json_book(&rs->body, m, depth > 0 ? (size_t)depth : 0);
  kl_buf_char(&rs->body, '}');
}

/* Calls `each` for every ticker of the repeated `tickers`, which may hold commas as well; returns how many. */
static size_t each_ticker(const kl_sim_request *rq, void (*each)(void *data, const char *ticker), void *data) {
  size_t n = 0;
  char ticker[201];
  for (size_t i = 0; i < rq->n_args; i++) {
    if (strcmp(rq->args[i].key, "tickers") != 0) continue;
    for (const char *p = rq->args[i].value; *p;) {
      size_t length = strcspn(p, ",");
      if (length >= sizeof ticker) return SIZE_MAX;
      memcpy(ticker, p, length);
      ticker[length] = '\0';
      if (length > 0) n++;
      if (length > 0 && each) each(data, ticker);
      p += length + (p[length] == ',');
    }
  }
  return n;
}

typedef struct books {
  kl_sim *s;
  kl_buf *b;
  bool any;
} books;

static void add_book(void *data, const char *ticker) {
  books *out = data;
  const kl_market *m = kl_sim_live_market(out->s, ticker);
  if (!m) return; /* an unknown ticker has no row */
  kl_buf_str(out->b, out->any ? ",{" : "{");
  out->any = true;
  kl_sim_field_str(out->b, "ticker", m->ticker);
  kl_sim_key(out->b, "orderbook_fp");
  kl_sim_json_book(out->b, m, 0);
  kl_buf_char(out->b, '}');
}

static void get_orderbooks(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  size_t n = each_ticker(rq, NULL, NULL);
  if (n == 0 || n > 100) {
    kl_sim_fail_query(rq, rs, n == 0 ? "tickers is required" : "tickers: 1 to 100 of at most 200 characters");
    return;
  }
  books out = {s, &rs->body, false};
  kl_buf_str(&rs->body, "{\"orderbooks\":[");
  each_ticker(rq, add_book, &out);
  kl_buf_str(&rs->body, "]}");
}

/* ---- trades ---- */

static void get_trades(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const char *ticker = kl_sim_arg_get(rq, "ticker"), *block = kl_sim_arg_get(rq, "is_block_trade");
  int64_t limit, min, max, n = 0;
  bool only_block;
  kl_sim_place start, last = {0};
  if (!kl_sim_arg_int(rq, rs, "limit", 0, 1000, 100, &limit)) return;
  if (!kl_sim_arg_int(rq, rs, "min_ts", INT64_MIN, INT64_MAX, INT64_MIN, &min)) return;
  if (!kl_sim_arg_int(rq, rs, "max_ts", INT64_MIN, INT64_MAX, INT64_MAX, &max)) return;
  if (!kl_sim_arg_bool(rq, rs, "is_block_trade", &only_block)) return;
  if (limit == 0) limit = 100;
  const kl_market *m = ticker ? kl_exchange_market(s->x, ticker) : NULL;
  bool none = ticker && !m, more = false;
  kl_buf *b = &rs->body;
  const kl_trade *t;
  kl_sim_place_read(rq, 't', &start);
  kl_buf_str(b, "{\"trades\":[");
  for (size_t i = 0; !none && (t = kl_exchange_trade_at(s->x, m, i)); i++) {
    if (kl_sim_place_skips(&start, t->id, t->ts_us)) continue;
    if (t->ts_us / 1000000 > max || (block && t->block != only_block)) continue;
    if (t->ts_us / 1000000 < min || kl_sim_archived_trade(s, t->ts_us))
      break; /* newest first: only older ones follow */
    more = n == limit;
    if (more) break;
    if (n++) kl_buf_char(b, ',');
    kl_sim_json_trade(b, t);
    kl_sim_place_set(&last, t->id, t->ts_us);
  }
  kl_sim_place_end(b, 't', more, &last);
}

const kl_sim_route kl_sim_routes_market[] = {
    {"GetSeriesList", get_series_list, false},
    {"GetSeries", get_series, false},
    {"GetEvents", get_events, false},
    {"GetEvent", get_event, false},
    {"GetMarkets", get_markets, false},
    {"GetMarket", get_market, false},
    {"GetMarketOrderbook", get_orderbook, true},
    {"GetMarketOrderbooks", get_orderbooks, true},
    {"GetTrades", get_trades, false},
    {NULL, NULL, false},
};
