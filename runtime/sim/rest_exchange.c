/* The exchange itself, accounts and keys. */
#include <stdio.h>
#include <string.h>

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

static void get_user_data_timestamp(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  (void)rq;
  kl_buf_char(&rs->body, '{');
  kl_sim_field_time(&rs->body, "as_of_time", s->now_us);
  kl_buf_char(&rs->body, '}');
}

static void get_account_limits(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const kl_sim_tier *t = rq->account->limits.tier;
  (void)s;
  kl_buf_printf(&rs->body,
                "{\"usage_tier\":\"%s\",\"read\":{\"refill_rate\":%d,\"bucket_capacity\":%d},"
                "\"write\":{\"refill_rate\":%d,\"bucket_capacity\":%d},\"grants\":[{\"exchange_instance\":"
                "\"event_contract\",\"level\":\"%s\",\"expires_ts\":null,\"source\":\"manual\"}]}",
                t->name, t->read_rate, t->read_rate * KL_SIM_BURST_S, t->write_rate, t->write_rate * KL_SIM_BURST_S,
                t->name);
}

/* "/portfolio/orders/{order_id}" as the exchange writes it: "/trade-api/v2/portfolio/orders/:order_id". */
static void template_path(kl_buf *b, const char *path) {
  kl_buf_str(b, "\"/trade-api/v2");
  for (; *path; path++) {
    if (*path == '{') {
      kl_buf_char(b, ':');
    } else if (*path != '}') {
      kl_buf_char(b, *path);
    }
  }
  kl_buf_char(b, '"');
}

static void get_endpoint_costs(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  enum { DEFAULT_COST = 10 };
  kl_buf *b = &rs->body;
  bool any = false;
  (void)s;
  (void)rq;
  kl_buf_printf(b, "{\"default_cost\":%d,\"endpoint_costs\":[", DEFAULT_COST);
  for (size_t i = 0; i < kl_operation_count; i++) {
    const kl_operation *op = &kl_operations[i];
    if (op->legacy || op->cost == DEFAULT_COST) continue;
    kl_buf_str(b, any ? ",{" : "{");
    any = true;
    kl_sim_field_str(b, "method", op->method);
    kl_sim_key(b, "path");
    template_path(b, op->path);
    kl_sim_field_int(b, "cost", op->cost);
    kl_buf_char(b, '}');
  }
  kl_buf_str(b, "]}");
}

static void get_api_keys(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_buf *b = &rs->body;
  const kl_sim_account *a = rq->account;
  (void)s;
  kl_buf_str(b, "{\"api_keys\":[{");
  kl_sim_field_str(b, "api_key_id", a->pub.key_id);
  kl_sim_field_str(b, "name", "simulator");
  kl_buf_str(b, ",\"scopes\":[\"read\",\"write\"]");
  kl_sim_field_str(b, "key_type", !strcmp(kl_key_type(a->pub.key), "RSA") ? "rsa" : "ed25519");
  kl_buf_str(b, "}],\"api_key_region_expiration_ts\":null}");
}

const kl_sim_route kl_sim_routes_exchange[] = {
    {"GetExchangeStatus", get_exchange_status, false},
    {"GetExchangeSchedule", get_exchange_schedule, false},
    {"GetUserDataTimestamp", get_user_data_timestamp, false},
    {"GetAccountApiLimits", get_account_limits, false},
    {"GetAccountEndpointCosts", get_endpoint_costs, false},
    {"GetApiKeys", get_api_keys, false},
    {NULL, NULL, false},
};
