/* The exchange itself. */
#include "sim/json_out.h"
#include "sim/routes.h"

static void get_exchange_status(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const char *trading = kl_exchange_paused(s->x) ? "false" : "true";
  (void)rq;
  kl_buf_printf(&rs->body,
                "{\"exchange_active\":true,\"trading_active\":%s,\"intra_exchange_transfers_active\":true,"
                "\"exchange_estimated_resume_time\":null,\"exchange_index_statuses\":[{\"exchange_index\":0,"
                "\"description\":\"default\",\"exchange_active\":true,\"trading_active\":%s,"
                "\"intra_exchange_transfers_active\":true}]}",
                trading, trading);
}

static void get_exchange_schedule(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  static const char *const days[] = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};
  kl_buf *b = &rs->body;
  (void)rq;
  kl_buf_str(b, "{\"schedule\":{\"standard_hours\":[{");
  kl_sim_field_time(b, "start_time", s->start_us - INT64_C(30) * 86400000000);
  kl_sim_field_time(b, "end_time", s->start_us + INT64_C(365) * 86400000000);
  for (size_t i = 0; i < sizeof days / sizeof *days; i++) {
    kl_sim_key(b, days[i]);
    kl_buf_str(b, "[{\"open_time\":\"00:00\",\"close_time\":\"00:00\"}]");
  }
  kl_buf_str(b, "}],\"maintenance_windows\":[]}}");
}

const kl_sim_route kl_sim_routes_exchange[] = {
    {"GetExchangeStatus", get_exchange_status, false},
    {"GetExchangeSchedule", get_exchange_schedule, false},
    {NULL, NULL, false},
};
