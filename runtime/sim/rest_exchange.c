/* The exchange itself: whether it runs, and when it does not. */
#include "sim/json_out.h"
#include "sim/routes.h"
#include "sim/schedule.h"

static void state_fields(kl_buf *b, kl_pause pause) {
  kl_sim_field_bool(b, "exchange_active", pause != KL_EXCHANGE_PAUSE);
  kl_sim_field_bool(b, "trading_active", pause == KL_RUNNING);
  kl_sim_field_bool(b, "intra_exchange_transfers_active", pause != KL_EXCHANGE_PAUSE);
}

/* The whole is as its default shard; the resume time is the earliest of the paused ones. */
static void get_exchange_status(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  static const char *const descriptions[KL_EXCHANGE_SHARDS] = {"default", "combos", "crypto", "tennis and baseball"};
  kl_buf *b = &rs->body;
  int64_t first = 0;
  (void)rq;
  for (int i = 0; i < KL_EXCHANGE_SHARDS; i++) {
    int64_t resume;
    kl_pause pause = kl_exchange_pause_of(s->x, i, &resume);
    if (pause != KL_RUNNING && resume > 0 && (first == 0 || resume < first)) first = resume;
  }
  kl_buf_char(b, '{');
  state_fields(b, kl_exchange_pause_of(s->x, 0, NULL));
  if (first > 0) {
    kl_sim_field_time(b, "exchange_estimated_resume_time", first);
  } else {
    kl_sim_key(b, "exchange_estimated_resume_time");
    kl_buf_str(b, "null");
  }
  kl_sim_key(b, "exchange_index_statuses");
  for (int i = 0; i < KL_EXCHANGE_SHARDS; i++) {
    kl_buf_str(b, i ? ",{" : "[{");
    kl_sim_field_int(b, "exchange_index", i);
    kl_sim_field_str(b, "description", descriptions[i]);
    state_fields(b, kl_exchange_pause_of(s->x, i, NULL));
    kl_buf_char(b, '}');
  }
  kl_buf_str(b, "]}");
}

static void get_exchange_schedule(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  (void)rq;
  kl_buf_str(&rs->body, "{\"schedule\":");
  kl_sim_schedule_json(&rs->body, s->now_us);
  kl_buf_char(&rs->body, '}');
}

/* Removed on 2026-07-04: a client that still asks gets what any unknown path gets. */
static void get_exchange_announcements(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  (void)s;
  (void)rq;
  kl_sim_fail(rs, 404, "not_found", "not found", "removed on 2026-07-04: maintenance is in GET /exchange/schedule");
}

const kl_sim_route kl_sim_routes_exchange[] = {
    {"GetExchangeStatus", get_exchange_status, false},
    {"GetExchangeSchedule", get_exchange_schedule, false},
    {"GetExchangeAnnouncements", get_exchange_announcements, false},
    {NULL, NULL, false},
};
