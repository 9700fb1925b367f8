/* The passthrough to CF Benchmarks: latest and historical values of an index, as its own API gives them, in Kalshi's
 * envelope. Source: Kalshi, "CF Benchmarks REST Passthrough". */
#include <stdio.h>
#include <string.h>

#include "sim/indices.h"
#include "sim/json_out.h"
#include "sim/reference.h"
#include "sim/routes.h"

enum { RECENT_S = 3600 };
#define HOUR_US INT64_C(3600000000)

static void bad_request(kl_sim_response *rs, const char *details) {
  kl_sim_fail(rs, 400, "bad_request", "bad request", details);
}

static void open_envelope(const kl_sim *s, kl_buf *b) {
  char time[40];
  kl_time_rfc3339(time, sizeof time, s->now_us, 3);
  kl_buf_str(b, "{\"data\":{");
  kl_sim_field_str(b, "serverTime", time);
  kl_buf_str(b, ",\"payload\":[");
}

/* The values at every `step_ms` of [from, to], oldest first, and the end of the envelope. */
static void write_values(kl_buf *b, const kl_sim_index *x, int64_t from_ms, int64_t to_ms, int64_t step_ms) {
  bool any = false;
  for (int64_t at = (from_ms + step_ms - 1) / step_ms * step_ms; at <= to_ms; at += step_ms) {
    char text[32];
    double value;
    if (!kl_sim_history_at(x->history, at, &value)) continue;
    kl_sim_index_text(text, value);
    kl_buf_printf(b, "%s{\"time\":%lld,\"value\":\"%s\"}", any ? "," : "", (long long)at, text);
    any = true;
  }
  kl_buf_str(b, "]}}");
}

static void get_recent(const kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs, const kl_sim_index *x) {
  const char *resolution = kl_sim_arg_get(rq, "maxResolution");
  int64_t newest = kl_sim_history_newest_ms(x->history), step = 1000;
  if (resolution && !strcmp(resolution, "PER_MINUTE")) {
    step = 60000;
  } else if (resolution && strcmp(resolution, "PER_SECOND") != 0) {
    bad_request(rs, "maxResolution must be PER_SECOND or PER_MINUTE");
    return;
  }
  open_envelope(s, &rs->body);
  write_values(&rs->body, x, newest - RECENT_S * 1000 + 1, newest, step);
}

static void get_history(const kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs, const kl_sim_index *x) {
  const char *timespan = kl_sim_arg_get(rq, "timespan"), *timestamp = kl_sim_arg_get(rq, "timestamp");
  int64_t from;
  double value;
  if (!timespan || strcmp(timespan, "HOUR") != 0) {
    bad_request(rs,
                timespan ? "invalid-parameters: timespan must be HOUR" : "invalid-parameters: timespan is required");
  } else if (!timestamp || !kl_time_parse_rfc3339(timestamp, strlen(timestamp), &from)) {
    bad_request(rs, "invalid-parameters: timestamp must be an RFC 3339 time");
  } else if (from % HOUR_US != 0) {
    bad_request(rs, "invalid-parameters: timestamp must be the begin of an hour");
  } else if (from / 1000 <= kl_sim_history_newest_ms(x->history) &&
             !kl_sim_history_at(x->history, from / 1000, &value) &&
             !kl_sim_history_at(x->history, (from + HOUR_US) / 1000 - 1, &value)) {
    kl_sim_fail(rs, 404, "not_found", "not found", "values of that hour are not kept any more");
  } else {
    open_envelope(s, &rs->body);
    write_values(&rs->body, x, from / 1000, (from + HOUR_US) / 1000 - 1, KL_SIM_INDEX_STEP_MS);
  }
}

static void passthrough(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  static const char root[] = "/cfbenchmarks/";
  const char *at = strstr(rq->path, root), *endpoint = at ? at + sizeof root - 1 : "";
  bool recent = !strcmp(endpoint, "values"), history = !strcmp(endpoint, "history/values");
  const char *id = kl_sim_arg_get(rq, "id");
  const kl_sim_index *x = id ? kl_sim_index_find(s->reference->indices, id) : NULL;
  if (!recent && !history) {
    kl_sim_fail(rs, 404, "not_found", "not found", "the simulator has values and history/values");
  } else if (!id) {
    bad_request(rs, "invalid-parameters: id is required");
  } else if (!x || strcmp(x->id, id) != 0) {
    kl_sim_fail(rs, 404, "not_found", "not found", "no such index in the simulated world");
  } else if (recent) {
    get_recent(s, rq, rs, x);
  } else {
    get_history(s, rq, rs, x);
  }
}

const kl_sim_route kl_sim_routes_cfbenchmarks[] = {
    {"CFBenchmarksPassthrough", passthrough, false},
    {NULL, NULL, false},
};
