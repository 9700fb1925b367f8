/* What belongs to an event beside its markets: pictures, colours and sources, and the forecast that its prices make. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/forecast.h"
#include "sim/json_out.h"
#include "sim/reference.h"
#include "sim/routes.h"
#include "sim/subjects.h"

enum { POINTS_MOST = 5000, PERCENTILES_MOST = 10 };
/* Unix seconds beyond which nothing can have happened. */
#define TIME_MOST INT64_C(100000000000)

static void not_found(kl_sim_response *rs) { kl_sim_fail(rs, 404, "not_found", "not found", NULL); }

/* ---- metadata ---- */

static void image(kl_buf *b, const char *key, const char *name) {
  char url[128];
  snprintf(url, sizeof url, "https://example.org/images/%s.webp", name);
  kl_sim_field_str(b, key, url);
}

static void get_metadata(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  /* Told apart at a glance, also by people who see few colours. */
  static const char *const colours[] = {"#0072B2", "#E69F00", "#009E73", "#CC79A7",
                                        "#56B4E9", "#D55E00", "#F0E442", "#000000"};
  const kl_market_event *e = kl_exchange_event(s->x, rq->params[0]);
  kl_sim_subject about;
  kl_buf *b = &rs->body;
  if (!e) {
    not_found(rs);
    return;
  }
  kl_sim_subject_of(e->series, &about);
  kl_buf_char(b, '{');
  image(b, "image_url", e->series->ticker);
  image(b, "featured_image_url", e->ticker);
  kl_sim_key(b, "market_details");
  kl_buf_char(b, '[');
  for (size_t i = 0; i < e->n_markets; i++) {
    kl_buf_str(b, i ? ",{" : "{");
    kl_sim_field_str(b, "market_ticker", e->markets[i]->ticker);
    image(b, "image_url", e->markets[i]->ticker);
    kl_sim_field_str(b, "color_code", colours[i % (sizeof colours / sizeof *colours)]);
    kl_buf_char(b, '}');
  }
  kl_buf_char(b, ']');
  kl_sim_json_sources(b);
  if (about.competition[0]) kl_sim_field_str(b, "competition", about.competition);
  if (about.scope[0]) kl_sim_field_str(b, "competition_scope", about.scope);
  kl_buf_char(b, '}');
}

/* ---- forecast ---- */

typedef struct forecast_query {
  int64_t start_s, end_s, minutes; /* 0 minutes: five seconds */
  int percentiles[PERCENTILES_MOST];
  int n;
} forecast_query;

/* The repeated `percentiles`; commas are understood as well. False after answering. */
static bool read_percentiles(const kl_sim_request *rq, kl_sim_response *rs, forecast_query *q) {
  const char *wrong = NULL;
  for (size_t i = 0; i < rq->n_args && !wrong; i++) {
    if (strcmp(rq->args[i].key, "percentiles") != 0) continue;
    for (const char *p = rq->args[i].value; *p && !wrong;) {
      char *end;
      long v = strtol(p, &end, 10);
      if (end == p || (*end && *end != ',') || v < 0 || v > 9999) {
        wrong = "percentiles must be integers from 0 to 9999";
      } else if (q->n == PERCENTILES_MOST) {
        wrong = "percentiles: at most 10";
      } else {
        q->percentiles[q->n++] = (int)v;
        p = *end ? end + 1 : end;
      }
    }
  }
  if (!wrong && q->n == 0) wrong = "percentiles is required";
  if (wrong) kl_sim_fail_query(rq, rs, wrong);
  return !wrong;
}

static bool read_forecast_query(const kl_sim_request *rq, kl_sim_response *rs, forecast_query *q) {
  static const char *const needed[] = {"start_ts", "end_ts", "period_interval"};
  const char *wrong = NULL;
  *q = (forecast_query){0};
  for (size_t i = 0; i < 3; i++)
    if (!kl_sim_arg_get(rq, needed[i])) wrong = "start_ts, end_ts and period_interval are required";
  if (!wrong && (!kl_sim_arg_int(rq, rs, "start_ts", 0, TIME_MOST, 0, &q->start_s) ||
                 !kl_sim_arg_int(rq, rs, "end_ts", 0, TIME_MOST, 0, &q->end_s) ||
                 !kl_sim_arg_int(rq, rs, "period_interval", 0, 1440, 0, &q->minutes)))
    return false;
  if (!wrong && q->minutes != 0 && q->minutes != 1 && q->minutes != 60 && q->minutes != 1440)
    wrong = "period_interval must be 0, 1, 60 or 1440";
  if (!wrong && q->start_s > q->end_s) wrong = "start_ts is after end_ts";
  if (wrong) kl_sim_fail_query(rq, rs, wrong);
  return !wrong && read_percentiles(rq, rs, q);
}

/* The prices of one market at the ends of periods. */
typedef struct price_row {
  const kl_market *market;
  kl_sim_slice slice;
  kl_sim_candle_list candles; /* owned; empty with five seconds */
  size_t at;                  /* the next candle to look at */
} price_row;

/* The middle price times two at the end of a period, or else the last trade's; 0: the market had neither. */
static int price_at(const kl_sim *s, price_row *row, const forecast_query *q, int64_t end_s) {
  if (q->minutes == 0) return kl_sim_mark_at(s->reference->marks, row->market, end_s);
  while (row->at < row->candles.n && row->candles.candles[row->at].end_s < end_s)
    row->at++;
  if (row->at == row->candles.n || row->candles.candles[row->at].end_s != end_s) return 0;
  const kl_sim_candle *k = &row->candles.candles[row->at];
  int middle = kl_sim_middle2(k->bid.close, k->ask.close);
  return middle ? middle : k->volume ? 2 * k->price.close : 0;
}

/* An object with a value for every percentile asked for. */
static void write_point(kl_buf *b, const kl_market_event *e, const forecast_query *q, int64_t end_s,
                        const kl_sim_knot *knots, size_t n, kl_sim_number_style style) {
  double scale = pow(10, style.decimals);
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "event_ticker", e->ticker);
  kl_sim_field_int(b, "end_period_ts", end_s);
  kl_sim_field_int(b, "period_interval", q->minutes);
  kl_sim_key(b, "percentile_points");
  kl_buf_char(b, '[');
  for (int i = 0; i < q->n; i++) {
    char text[80];
    double raw = kl_sim_percentile(knots, n, q->percentiles[i] / 10000.0), rounded = round(raw * scale) / scale;
    kl_sim_number_text(text, sizeof text, style, rounded);
    kl_buf_str(b, i ? ",{" : "{");
    kl_sim_field_int(b, "percentile", q->percentiles[i]);
    kl_buf_printf(b, ",\"raw_numerical_forecast\":%.10g,\"numerical_forecast\":%.10g", raw, rounded);
    kl_sim_field_str(b, "formatted_forecast", text);
    kl_buf_char(b, '}');
  }
  kl_buf_str(b, "]}");
}

/* The points of all periods in which every market had a price. */
static void write_history(kl_buf *b, const kl_sim *s, const kl_market_event *e, const forecast_query *q,
                          price_row *rows, size_t n, kl_sim_slice *slices, kl_sim_knot *knots) {
  kl_sim_number_style style = kl_sim_number_style_of(e);
  int64_t step = q->minutes ? 60 * q->minutes : KL_SIM_MARK_S;
  int64_t first = (q->start_s + step - 1) / step * step, last = s->now_us / 1000000 + step;
  bool any = false;
  if (last > q->end_s) last = q->end_s;
  if (q->minutes) { /* what lies before the first candle needs no look */
    int64_t begin = INT64_MAX;
    for (size_t i = 0; i < n; i++)
      if (rows[i].candles.n && rows[i].candles.candles[0].end_s < begin) begin = rows[i].candles.candles[0].end_s;
    if (begin > first) first = begin;
  } else if (first < s->now_us / 1000000 - KL_SIM_MARKS * KL_SIM_MARK_S) {
    first = (s->now_us / 1000000 / step - KL_SIM_MARKS) * step;
  }
  for (int64_t at = first; at <= last; at += step) {
    size_t known = 0;
    for (size_t i = 0; i < n; i++) {
      int price2 = price_at(s, &rows[i], q, at);
      if (price2 == 0) break;
      slices[known] = rows[i].slice;
      slices[known++].p = price2 / (2.0 * KL_PRICE_ONE);
    }
    size_t n_knots = known == n ? kl_sim_distribution(slices, n, e->mutually_exclusive, knots) : 0;
    if (n_knots == 0) continue;
    if (any) kl_buf_char(b, ',');
    any = true;
    write_point(b, e, q, at, knots, n_knots, style);
  }
}

/* The rows of an event; false after answering an error. */
static bool read_rows(const kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs, const kl_market_event *e,
                      const forecast_query *q, price_row *rows, size_t *n) {
  for (size_t i = 0; i < e->n_markets; i++) {
    price_row *row = &rows[*n];
    *row = (price_row){.market = e->markets[i]};
    if (!kl_sim_slice_of(row->market, &row->slice)) continue;
    (*n)++;
    if (q->minutes == 0) continue;
    switch (kl_sim_candles_range(s->candles, row->market, s->now_us, q->start_s, q->end_s, (int)q->minutes, POINTS_MOST,
                                 &row->candles)) {
    case KL_SIM_CANDLES_TOO_MANY:
      kl_sim_fail_query(rq, rs, "more points than one answer may hold (5,000): ask for a shorter time");
      return false;
    case KL_SIM_CANDLES_NOMEM:
      kl_sim_fail(rs, 500, "internal_error", "the simulator is out of memory", NULL);
      return false;
    default:
      break;
    }
  }
  if (*n > 0) return true;
  kl_sim_fail(rs, 400, "invalid_parameters", "invalid parameters",
              "the markets of this event are not about a number: there is no forecast of it");
  return false;
}

static void get_forecast(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const kl_market_event *e = kl_exchange_event(s->x, rq->params[1]);
  forecast_query q;
  if (!e || strcmp(e->series->ticker, rq->params[0]) != 0) {
    not_found(rs);
    return;
  }
  if (!read_forecast_query(rq, rs, &q)) return;
  size_t n = 0;
  price_row *rows = calloc(e->n_markets + 1, sizeof *rows);
  kl_sim_slice *slices = calloc(e->n_markets + 1, sizeof *slices);
  kl_sim_knot *knots = calloc(e->n_markets + 1, sizeof *knots);
  if (!rows || !slices || !knots) {
    kl_sim_fail(rs, 500, "internal_error", "the simulator is out of memory", NULL);
  } else if (read_rows(s, rq, rs, e, &q, rows, &n)) {
    kl_buf_str(&rs->body, "{\"forecast_history\":[");
    write_history(&rs->body, s, e, &q, rows, n, slices, knots);
    kl_buf_str(&rs->body, "]}");
  }
  for (size_t i = 0; rows && i < n; i++)
    free(rows[i].candles.candles);
  free(rows);
  free(slices);
  free(knots);
}

const kl_sim_route kl_sim_routes_event_data[] = {
    {"GetEventMetadata", get_metadata, false},
    {"GetEventForecastPercentilesHistory", get_forecast, false},
    {NULL, NULL, false},
};
