/* Candlesticks, of one market, of several, and of an event. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/archive.h"
#include "sim/json_out.h"
#include "sim/routes.h"

enum { SINGLE_MOST = 5000, BATCH_MOST = 10000, BATCH_TICKERS = 100 };
/* Unix seconds beyond which nothing can have happened. */
#define TIME_MOST INT64_C(100000000000)

typedef struct range {
  int64_t start_s, end_s, minutes;
  bool with_before;
  bool historical; /* of the historical tier */
} range;

static bool read_range(const kl_sim_request *rq, kl_sim_response *rs, range *r) {
  *r = (range){0};
  static const char *const needed[] = {"start_ts", "end_ts", "period_interval"};
  for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
    if (kl_sim_arg_get(rq, needed[i])) continue;
    kl_sim_fail_query(rq, rs, "start_ts, end_ts and period_interval are required");
    return false;
  }
  if (!kl_sim_arg_int(rq, rs, "start_ts", 0, TIME_MOST, 0, &r->start_s) ||
      !kl_sim_arg_int(rq, rs, "end_ts", 0, TIME_MOST, 0, &r->end_s) ||
      !kl_sim_arg_int(rq, rs, "period_interval", 1, 1440, 1, &r->minutes) ||
      !kl_sim_arg_bool(rq, rs, "include_latest_before_start", &r->with_before))
    return false;
  if (r->minutes != 1 && r->minutes != 60 && r->minutes != 1440) {
    kl_sim_fail_query(rq, rs, "period_interval must be 1, 60 or 1440");
    return false;
  }
  if (r->start_s > r->end_s) {
    kl_sim_fail_query(rq, rs, "start_ts is after end_ts");
    return false;
  }
  return true;
}

/* The historical tier names its fields without their units. */
static void price_field(kl_buf *b, const range *r, const char *name, kl_price price) {
  char key[24];
  snprintf(key, sizeof key, "%s%s", name, r->historical ? "" : "_dollars");
  kl_sim_field_price(b, key, price);
}

static void ohlc_fields(kl_buf *b, const range *r, const kl_sim_ohlc *o) {
  price_field(b, r, "open", o->open);
  price_field(b, r, "low", o->low);
  price_field(b, r, "high", o->high);
  price_field(b, r, "close", o->close);
}

static void ohlc(kl_buf *b, const range *r, const char *key, const kl_sim_ohlc *o) {
  kl_sim_key(b, key);
  kl_buf_char(b, '{');
  ohlc_fields(b, r, o);
  kl_buf_char(b, '}');
}

static void null_field(kl_buf *b, const range *r, const char *name) {
  char key[24];
  snprintf(key, sizeof key, "%s%s", name, r->historical ? "" : "_dollars");
  kl_sim_key(b, key);
  kl_buf_str(b, "null");
}

static void price_of(kl_buf *b, const range *r, const kl_sim_candle *k, kl_price previous) {
  static const char *const names[] = {"open", "low", "high", "close", "mean"};
  kl_sim_key(b, "price");
  kl_buf_char(b, '{');
  if (k->volume) {
    ohlc_fields(b, r, &k->price);
    price_field(b, r, "mean", (k->cost + k->volume / 2) / k->volume);
    if (!r->historical) {
      price_field(b, r, "min", k->price.low);
      price_field(b, r, "max", k->price.high);
    }
  }
  for (size_t i = 0; !k->volume && i < sizeof names / sizeof *names; i++)
    null_field(b, r, names[i]);
  if (previous) {
    price_field(b, r, "previous", previous);
  } else {
    null_field(b, r, "previous");
  }
  kl_buf_char(b, '}');
}

static void candle(kl_buf *b, const range *r, const kl_sim_candle *k, kl_price previous) {
  kl_buf_char(b, '{');
  kl_sim_field_int(b, "end_period_ts", k->end_s);
  ohlc(b, r, "yes_bid", &k->bid);
  ohlc(b, r, "yes_ask", &k->ask);
  price_of(b, r, k, previous);
  kl_sim_field_count(b, r->historical ? "volume" : "volume_fp", k->volume);
  kl_sim_field_count(b, r->historical ? "open_interest" : "open_interest_fp", k->open_interest);
  kl_buf_char(b, '}');
}

/* The state before the range as a candle without trades, at the first period of it. */
static kl_sim_candle standing(const kl_sim_candle *before, const range *r) {
  int64_t period = 60 * r->minutes;
  kl_sim_candle k = {.end_s = (r->start_s + period - 1) / period * period, .open_interest = before->open_interest};
  int16_t bid = before->bid.close, ask = before->ask.close;
  k.bid = (kl_sim_ohlc){bid, bid, bid, bid};
  k.ask = (kl_sim_ohlc){ask, ask, ask, ask};
  return k;
}

/* Writes the array; false after answering an error. *left is how many candles may still be given. */
static bool candles_of(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs, const kl_market *m, const range *r,
                       size_t *left) {
  kl_sim_candle_list list;
  kl_buf *b = &rs->body;
  switch (kl_sim_candles_range(s->candles, m, s->now_us, r->start_s, r->end_s, (int)r->minutes, *left, &list)) {
  case KL_SIM_CANDLES_TOO_MANY:
    kl_sim_fail_query(rq, rs, "more candlesticks than one answer may hold: ask for a shorter time");
    return false;
  case KL_SIM_CANDLES_NOMEM:
    kl_sim_fail(rs, 500, "internal_error", "the simulator is out of memory", NULL);
    return false;
  default:
    break;
  }
  *left -= list.n;
  kl_price previous = list.previous;
  bool any = r->with_before && list.has_before;
  kl_buf_char(b, '[');
  if (any) {
    kl_sim_candle k = standing(&list.before, r);
    candle(b, r, &k, previous);
  }
  for (size_t i = 0; i < list.n; i++) {
    if (any) kl_buf_char(b, ',');
    any = true;
    candle(b, r, &list.candles[i], previous);
    if (list.candles[i].volume) previous = list.candles[i].price.close;
  }
  kl_buf_char(b, ']');
  free(list.candles);
  return true;
}

/* Those of one market (NULL: there is none). */
static void answer_market(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs, const kl_market *m,
                          bool historical) {
  range r;
  size_t left = SINGLE_MOST;
  if (!m) {
    kl_sim_fail(rs, 404, "not_found", "not found", NULL);
    return;
  }
  if (!read_range(rq, rs, &r)) return;
  r.historical = historical;
  if (historical) r.with_before = false; /* not of this operation */
  kl_buf_char(&rs->body, '{');
  kl_sim_field_str(&rs->body, "ticker", m->ticker);
  kl_sim_key(&rs->body, "candlesticks");
  if (!candles_of(s, rq, rs, m, &r, &left)) return;
  kl_buf_char(&rs->body, '}');
}

static void get_candlesticks(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const kl_market *m = kl_sim_live_market(s, rq->params[1]);
  bool there = m && !strcmp(m->event->series->ticker, rq->params[0]);
  answer_market(s, rq, rs, there ? m : NULL, false);
}

static void get_candlesticks_historical(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const kl_market *m = kl_exchange_market(s->x, rq->params[0]);
  answer_market(s, rq, rs, m && kl_sim_archived_market(s, m) ? m : NULL, true);
}

static void get_candlesticks_batch(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const char *tickers = kl_sim_arg_get(rq, "market_tickers");
  range r;
  size_t left = BATCH_MOST;
  bool any = false;
  if (!tickers || kl_sim_list_count(tickers) > BATCH_TICKERS) {
    kl_sim_fail_query(rq, rs, tickers ? "market_tickers: at most 100" : "market_tickers is required");
    return;
  }
  if (!read_range(rq, rs, &r)) return;
  kl_buf_str(&rs->body, "{\"markets\":[");
  for (const char *p = tickers; *p;) {
    char ticker[64];
    size_t length = strcspn(p, ",");
    const kl_market *m = NULL;
    if (length < sizeof ticker) {
      memcpy(ticker, p, length);
      ticker[length] = '\0';
      m = kl_sim_live_market(s, ticker);
    }
    p += length + (p[length] == ',');
    if (!m) continue; /* an unknown ticker has no row */
    kl_buf_str(&rs->body, any ? ",{" : "{");
    any = true;
    kl_sim_field_str(&rs->body, "market_ticker", m->ticker);
    kl_sim_key(&rs->body, "candlesticks");
    if (!candles_of(s, rq, rs, m, &r, &left)) return;
    kl_buf_char(&rs->body, '}');
  }
  kl_buf_str(&rs->body, "]}");
}

/* All markets of an event. What would be too much for one answer is cut off at the end, the same for all of them, and
 * adjusted_end_ts says where. */
static void get_candlesticks_of_event(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const kl_market_event *e = kl_exchange_event(s->x, rq->params[1]);
  range r;
  size_t left = SINGLE_MOST;
  kl_buf *b = &rs->body;
  if (!e || strcmp(e->series->ticker, rq->params[0]) != 0) {
    kl_sim_fail(rs, 404, "not_found", "not found", NULL);
    return;
  }
  if (!read_range(rq, rs, &r)) return;
  r.with_before = false; /* not of this operation */
  int64_t asked = r.end_s;
  bool cut = false;
  int64_t begin = kl_sim_candles_begin_s(s->candles, e->markets, e->n_markets);
  if (begin != INT64_MAX) {
    int64_t period = 60 * r.minutes, each = SINGLE_MOST / (int64_t)e->n_markets;
    int64_t first = ((begin > r.start_s ? begin : r.start_s) + period - 1) / period * period;
    int64_t last = first + (each - 1) * period;
    /* Periods that have not begun hold no candles: nothing is cut there. */
    cut = last < r.end_s && last < s->now_us / 1000000;
    if (cut) r.end_s = last;
  }
  kl_buf_str(b, "{\"market_tickers\":[");
  for (size_t i = 0; i < e->n_markets; i++) {
    if (i) kl_buf_char(b, ',');
    kl_buf_json_cstr(b, e->markets[i]->ticker);
  }
  kl_buf_str(b, "],\"market_candlesticks\":[");
  for (size_t i = 0; i < e->n_markets; i++) {
    if (i) kl_buf_char(b, ',');
    if (!candles_of(s, rq, rs, e->markets[i], &r, &left)) return;
  }
  kl_buf_char(b, ']');
  kl_sim_field_int(b, "adjusted_end_ts", cut ? r.end_s : asked);
  kl_buf_char(b, '}');
}

const kl_sim_route kl_sim_routes_candles[] = {
    {"GetMarketCandlesticks", get_candlesticks, false},
    {"GetMarketCandlesticksHistorical", get_candlesticks_historical, false},
    {"BatchGetMarketCandlesticks", get_candlesticks_batch, false},
    {"GetMarketCandlesticksByEvent", get_candlesticks_of_event, false},
    {NULL, NULL, false},
};
