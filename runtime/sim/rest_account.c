/* What the exchange grants an account: limits and costs. */
#include "sim/fcm.h"
#include "sim/json_out.h"
#include "sim/levels.h"
#include "sim/routes.h"
#include "sim/scopes.h"

static void get_user_data_timestamp(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  (void)rq;
  kl_buf_char(&rs->body, '{');
  kl_sim_field_time(&rs->body, "as_of_time", s->now_us - s->o.read_lag_ms * 1000);
  kl_buf_char(&rs->body, '}');
}

static void bucket(kl_buf *b, const char *key, int rate) {
  kl_sim_key(b, key);
  kl_buf_printf(b, "{\"refill_rate\":%d,\"bucket_capacity\":%d}", rate, rate * KL_SIM_BURST_S);
}

static void grant(kl_buf *b, bool *any, const char *level, int64_t expires_s, const char *source) {
  if (*any) kl_buf_char(b, ',');
  *any = true;
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "exchange_instance", "event_contract");
  kl_sim_field_str(b, "level", level);
  if (expires_s) kl_sim_field_int(b, "expires_ts", expires_s);
  kl_sim_field_str(b, "source", source);
  kl_buf_char(b, '}');
}

static void limits_of(kl_buf *b, const kl_sim *s, const kl_sim_account *a, const kl_sim_tier *t) {
  bool any = false;
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "usage_tier", t->name);
  bucket(b, "read", t->read_rate);
  bucket(b, "write", t->write_rate);
  kl_sim_key(b, "grants");
  kl_buf_char(b, '[');
  if (s->tier > kl_sim_tiers) grant(b, &any, s->tier->name, 0, "manual"); /* the lowest is everybody's */
  if (a->levels.upgraded) grant(b, &any, "advanced", 0, "manual");
  if (a->levels.earned) grant(b, &any, a->levels.earned->name, a->levels.earned_until_s, "volume");
  kl_buf_str(b, "]}");
}

static void get_account_limits(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const kl_sim_account *a = rq->account->subtrader ? rq->account->subtrader->member : rq->account;
  limits_of(&rs->body, s, a, a->limits.tier);
}

/* The buckets of the perpetuals have levels of their own; nothing grants one of them here, so that it is the lowest. */
static void get_perps_limits(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  limits_of(&rs->body, s, rq->account, kl_sim_tiers);
}

static void upgrade(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  if (kl_sim_levels_upgrade(s, rq->account)) {
    rs->status = 201;
  } else {
    kl_sim_forbid(rs, "at least one of the last 100 orders must have been created through the API");
  }
}

static void get_volume_progress(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_buf *b = &rs->body;
  kl_sim_goal g;
  kl_buf_str(b, "{\"volume_progress\":[{");
  kl_sim_field_int(b, "computed_ts", s->volumes_us / 1000000);
  kl_sim_field_count(b, "trailing_30d_volume_fp", rq->account->levels.volume);
  kl_sim_key(b, "goals");
  kl_buf_char(b, '[');
  for (int i = 0; kl_sim_levels_goal(s, i, &g); i++) {
    kl_buf_str(b, i ? ",{" : "{");
    kl_sim_field_str(b, "level", g.tier->name);
    kl_sim_field_count(b, "earn_volume_goal_fp", g.earn);
    kl_sim_field_count(b, "keep_volume_goal_fp", g.keep);
    kl_buf_char(b, '}');
  }
  kl_buf_str(b, "]}]}");
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
    {"GetPerpsAccountApiLimits", get_perps_limits, false},
    {"UpgradeAccountApiUsageLevel", upgrade, false},
    {"GetAccountApiUsageLevelVolumeProgress", get_volume_progress, false},
    {"GetAccountEndpointCosts", get_endpoint_costs, false},
    {NULL, NULL, false},
};
