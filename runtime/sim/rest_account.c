/* What the exchange grants an account: limits and costs. */
#include "sim/json_out.h"
#include "sim/routes.h"

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

const kl_sim_route kl_sim_routes_account[] = {
    {"GetUserDataTimestamp", get_user_data_timestamp, false},
    {"GetAccountApiLimits", get_account_limits, false},
    {"GetAccountEndpointCosts", get_endpoint_costs, false},
    {NULL, NULL, false},
};
