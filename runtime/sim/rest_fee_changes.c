/* Scheduled changes of fees. */
#include <string.h>

#include "sim/fee_changes.h"
#include "sim/json_out.h"
#include "sim/routes.h"

static void get_series_changes(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const char *ticker = kl_sim_arg_get(rq, "series_ticker");
  const kl_sim_fee_change *c;
  kl_buf *b = &rs->body;
  bool past, any = false;
  if (!kl_sim_arg_bool(rq, rs, "show_historical", &past)) return;
  kl_buf_str(b, "{\"series_fee_change_arr\":[");
  for (size_t i = 0; (c = kl_sim_fee_change_at(s, i)); i++) {
    if (c->event || (c->applied && !past) || (ticker && strcmp(ticker, c->series->ticker) != 0)) continue;
    kl_buf_str(b, any ? ",{" : "{");
    any = true;
    kl_sim_field_str(b, "id", c->id);
    kl_sim_field_str(b, "series_ticker", c->series->ticker);
    kl_sim_field_str(b, "fee_type", kl_sim_fee_name(c->fees.type));
    kl_sim_field_ppm(b, "fee_multiplier", c->fees.multiplier_ppm);
    kl_sim_field_time(b, "scheduled_ts", c->at_us);
    kl_buf_char(b, '}');
  }
  kl_buf_str(b, "]}");
}

static void event_row(kl_buf *b, const kl_sim_fee_change *c) {
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "id", c->id);
  kl_sim_field_str(b, "event_ticker", c->event->ticker);
  kl_sim_field_str(b, "series_ticker", c->series->ticker);
  kl_sim_fee_override_fields(b, c->has_type ? &c->fees.type : NULL, c->has_multiplier ? &c->fees.multiplier_ppm : NULL);
  kl_sim_field_time(b, "scheduled_ts", c->at_us);
  kl_buf_char(b, '}');
}

static void get_event_changes(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const char *ticker = kl_sim_arg_get(rq, "event_ticker");
  const kl_sim_fee_change *c;
  kl_buf *b = &rs->body;
  int64_t limit, n = 0;
  char last[64] = "";
  size_t i = 0;
  if (!kl_sim_arg_int(rq, rs, "limit", 1, 1000, 100, &limit)) return;
  if (kl_sim_cursor_read(rq, 'e', last, sizeof last)) {
    while ((c = kl_sim_fee_change_at(s, i)) && strcmp(c->id, last) != 0)
      i++;
    i = c ? i + 1 : 0;
  }
  kl_buf_str(b, "{\"event_fee_changes\":[");
  for (; (c = kl_sim_fee_change_at(s, i)); i++) {
    if (!c->event || (ticker && strcmp(ticker, c->event->ticker) != 0)) continue;
    if (n == limit) break;
    if (n++) kl_buf_char(b, ',');
    event_row(b, c);
    memcpy(last, c->id, sizeof c->id);
  }
  kl_buf_str(b, "],\"cursor\":");
  if (c) {
    kl_sim_cursor_write(b, 'e', last);
  } else {
    kl_buf_str(b, "\"\"");
  }
  kl_buf_char(b, '}');
}

const kl_sim_route kl_sim_routes_fee_changes[] = {
    {"GetSeriesFeeChanges", get_series_changes, false},
    {"GetEventFeeChanges", get_event_changes, false},
    {NULL, NULL, false},
};
