/* Candlesticks, of one market, of several, and of an event. */
#include <stdlib.h>
#include <string.h>

#include "sim/json_out.h"
#include "sim/routes.h"

enum { SINGLE_MOST = 5000, BATCH_MOST = 10000, BATCH_TICKERS = 100 };
/* Unix seconds beyond which nothing can have happened. */
#define TIME_MOST INT64_C(100000000000)

typedef struct range {
  int64_t start_s, end_s, minutes;
  bool with_before;
} range;

static bool read_range(const kl_sim_request *rq, kl_sim_response *rs, range *r) {
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

static void ohlc(kl_buf *b, const char *key, const kl_sim_ohlc *o) {
  kl_sim_key(b, key);
  kl_buf_char(b, '{');
  kl_sim_field_price(b, "open_dollars", o->open);
  kl_sim_field_price(b, "low_dollars", o->low);
  kl_sim_field_price(b, "high_dollars", o->high);
  kl_sim_field_price(b, "close_dollars", o->close);
  kl_buf_char(b, '}');
}

static void candle(kl_buf *b, const kl_sim_candle *k, kl_price previous) {
  kl_buf_char(b, '{');
  kl_sim_field_int(b, "end_period_ts", k->end_s);
  ohlc(b, "yes_bid", &k->bid);
  ohlc(b, "yes_ask", &k->ask);
  kl_sim_key(b, "price");
  kl_buf_char(b, '{');
  if (k->volume) {
    kl_sim_field_price(b, "open_dollars", k->price.open);
    kl_sim_field_price(b, "low_dollars", k->price.low);
    kl_sim_field_price(b, "high_dollars", k->price.high);
    kl_sim_field_price(b, "close_dollars", k->price.close);
    kl_sim_field_price(b, "mean_dollars", (k->cost + k->volume / 2) / k->volume);
    kl_sim_field_price(b, "min_dollars", k->price.low);
    kl_sim_field_price(b, "max_dollars", k->price.high);
  } else {
    kl_buf_str(b, "\"open_dollars\":null,\"low_dollars\":null,\"high_dollars\":null,\"close_dollars\":null,"
                  "\"mean_dollars\":null");
  }
  kl_sim_key(b, "previous_dollars");
  if (previous) {
    kl_buf_json_decimal(b, previous, KL_PRICE_PLACES);
  } else {
    kl_buf_str(b, "null");
  }
  kl_buf_char(b, '}');
  kl_sim_field_count(b, "volume_fp", k->volume);
  kl_sim_field_count(b, "open_interest_fp", k->open_interest);
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
    candle(b, &k, previous);
  }
  for (size_t i = 0; i < list.n; i++) {
    if (any) kl_buf_char(b, ',');
    any = true;
    candle(b, &list.candles[i], previous);
    if (list.candles[i].volume) previous = list.candles[i].price.close;
  }
  kl_buf_char(b, ']');
  free(list.candles);
  return true;
}

static void get_candlesticks(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const kl_market *m = kl_exchange_market(s->x, rq->params[1]);
  range r;
  size_t left = SINGLE_MOST;
  if (!m || strcmp(m->event->series->ticker, rq->params[0]) != 0) {
    kl_sim_fail(rs, 404, "not_found", "not found", NULL);
    return;
  }
  if (!read_range(rq, rs, &r)) return;
  kl_buf_char(&rs->body, '{');
  kl_sim_field_str(&rs->body, "ticker", m->ticker);
  kl_sim_key(&rs->body, "candlesticks");
  if (!candles_of(s, rq, rs, m, &r, &left)) return;
  kl_buf_char(&rs->body, '}');
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
      m = kl_exchange_market(s->x, ticker);
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
    {"BatchGetMarketCandlesticks", get_candlesticks_batch, false},
    {"GetMarketCandlesticksByEvent", get_candlesticks_of_event, false},
    {NULL, NULL, false},
};
