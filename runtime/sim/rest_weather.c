/* The weather index: values by the minute, with the stations' readings, and the calibrations that they come from. All
 * public. Source: Kalshi, GET /live_data/weather/{city} and its calibrations. */
#include <math.h>
#include <string.h>

#include "sim/json_out.h"
#include "sim/reference.h"
#include "sim/routes.h"
#include "sim/weather.h"

#define DAY_MS INT64_C(86400000)
#define WINDOW_MOST_MS (7 * DAY_MS)
#define TIME_MOST_MS INT64_C(100000000000000)

static const kl_sim_city *find_city(const kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const kl_sim_city *c = kl_sim_city_find(s->reference->weather, rq->params[0]);
  if (!c) kl_sim_fail(rs, 400, "bad_request", "bad request", "unknown city");
  return c;
}

/* ---- values ---- */

static bool read_window(const kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs, int64_t *from, int64_t *to) {
  int64_t now = s->now_us / 1000, last;
  bool has_from = kl_sim_arg_get(rq, "from"), has_to = kl_sim_arg_get(rq, "to");
  bool has_last = kl_sim_arg_get(rq, "last_sec");
  const char *wrong = NULL;
  if (!kl_sim_arg_int(rq, rs, "to", 0, TIME_MOST_MS, now, to) ||
      !kl_sim_arg_int(rq, rs, "from", 0, TIME_MOST_MS, *to - DAY_MS, from) ||
      !kl_sim_arg_int(rq, rs, "last_sec", 1, TIME_MOST_MS / 1000, 0, &last))
    return false;
  if (has_last && (has_from || has_to)) {
    wrong = "last_sec excludes from and to";
  } else if (has_from && !has_to) {
    wrong = "from goes with to";
  } else if (*from > *to) {
    wrong = "from is after to";
  }
  if (!wrong && has_last) {
    *to = now;
    *from = now - last * 1000;
  }
  if (!wrong && *to - *from > WINDOW_MOST_MS) wrong = "at most seven days at a time";
  if (wrong) kl_sim_fail_query(rq, rs, wrong);
  return !wrong;
}

static void write_stations(kl_buf *b, const kl_sim *s, const kl_sim_calibration *cal, int64_t at, double value,
                           bool pending) {
  int64_t now = s->now_us / 1000;
  bool used[KL_SIM_STATIONS] = {false};
  kl_sim_key(b, "stations");
  kl_buf_char(b, '[');
  for (int n = 0; n < KL_SIM_STATIONS; n++) { /* sorted by id */
    int next = -1;
    for (int i = 0; i < KL_SIM_STATIONS; i++)
      if (!used[i] && (next < 0 || strcmp(cal->stations[i].id, cal->stations[next].id) < 0)) next = i;
    used[next] = true;
    kl_buf_str(b, n ? ",{" : "{");
    kl_sim_field_str(b, "station_id", cal->stations[next].id);
    kl_sim_field_str(b, "code", pending ? "pending" : "ok");
    kl_sim_field_str(b, "source", "hf_asos");
    kl_buf_printf(b, ",\"temp_f\":%.10g", kl_sim_station_reading(cal, next, at, value));
    kl_sim_field_int(b, "received_at_ms", pending ? now : at + KL_SIM_MINUTE_MS);
    kl_buf_char(b, '}');
  }
  kl_buf_char(b, ']');
}

static void get_weather(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const kl_sim_city *c = find_city(s, rq, rs);
  int64_t from, to;
  bool detailed, any = false;
  kl_buf *b = &rs->body;
  kl_sim_calibration cal;
  if (!c || !read_window(s, rq, rs, &from, &to) || !kl_sim_arg_bool(rq, rs, "detailed", &detailed)) return;
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "city", c->id);
  kl_sim_field_str(b, "units", "fahrenheit");
  kl_sim_key(b, "timeseries");
  kl_buf_char(b, '[');
  int64_t newest = -1, minute = (from + KL_SIM_MINUTE_MS - 1) / KL_SIM_MINUTE_MS * KL_SIM_MINUTE_MS;
  for (; minute <= to; minute += KL_SIM_MINUTE_MS) {
    double value;
    bool pending = minute + KL_SIM_MINUTE_MS > s->now_us / 1000;
    if ((pending && !detailed) || !kl_sim_city_at(s, c, minute, &value) ||
        !kl_sim_city_calibration_at(s, c, minute, &cal)) {
      if (pending) break;
      continue;
    }
    kl_buf_str(b, any ? ",{" : "{");
    any = true;
    newest = minute;
    kl_sim_field_int(b, "t", minute);
    if (!pending) kl_buf_printf(b, ",\"v\":%.10g", round(value * 100) / 100);
    kl_sim_field_str(b, "status", pending ? "incomplete" : "normal");
    if (!pending) kl_sim_field_int(b, "contributors", KL_SIM_STATIONS);
    if (detailed) write_stations(b, s, &cal, minute, value, pending);
    kl_buf_char(b, '}');
  }
  kl_buf_char(b, ']');
  bool known = newest >= 0 && kl_sim_city_calibration_at(s, c, newest, &cal);
  kl_sim_field_str(b, "config_version", known ? cal.version : "");
  kl_buf_char(b, '}');
}

/* ---- calibrations ---- */

static void get_calibrations(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const kl_sim_city *c = find_city(s, rq, rs);
  kl_buf *b = &rs->body;
  kl_sim_calibration cal;
  if (!c) return;
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "city", c->id);
  kl_sim_field_str(b, "units", "celsius");
  kl_sim_key(b, "calibrations");
  kl_buf_char(b, '[');
  for (int week = 0; kl_sim_city_calibration(s, c, week, &cal); week++) {
    kl_buf_str(b, week ? ",{" : "{");
    kl_sim_field_str(b, "config_version", cal.version);
    kl_sim_field_int(b, "published_at_ms", cal.published_ms);
    kl_sim_field_int(b, "effective_at_ms", cal.effective_ms);
    kl_sim_field_str(b, "change_reason", week ? "weekly offset calibration" : "launch");
    if (week) {
      kl_sim_field_int(b, "calibration_window_start_ms", cal.window_start_ms);
      kl_sim_field_int(b, "calibration_window_end_ms", cal.window_end_ms);
    }
    kl_buf_printf(b, ",\"city_reference_c\":%.10g", cal.reference_c);
    kl_sim_key(b, "stations");
    kl_buf_char(b, '[');
    for (int i = 0; i < KL_SIM_STATIONS; i++) {
      kl_buf_str(b, i ? ",{" : "{");
      kl_sim_field_str(b, "station_id", cal.stations[i].id);
      kl_buf_printf(b, ",\"weight\":%.10g,\"offset_c\":%.10g", cal.stations[i].weight, cal.stations[i].offset_c);
      if (week) kl_sim_field_str(b, "update_note", "updated from one week of minutes");
      kl_buf_char(b, '}');
    }
    kl_buf_str(b, "]}");
  }
  kl_buf_str(b, "]}");
}

const kl_sim_route kl_sim_routes_weather[] = {
    {"GetWeatherIndex", get_weather, false},
    {"GetWeatherIndexCalibrations", get_calibrations, false},
    {NULL, NULL, false},
};
