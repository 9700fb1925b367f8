/* Order groups: the seven operations under /portfolio/order_groups. */
#include <stdio.h>
#include <string.h>

#include "base/decimal.h"
#include "sim/body.h"
#include "sim/json_out.h"
#include "sim/routes.h"

static void fail(kl_sim_response *rs, kl_exchange_result result, const char *details) {
  kl_sim_fail(rs, kl_sim_status_of(result), kl_exchange_error_code(result), kl_exchange_error_message(result),
              details ? details : kl_exchange_error_details(result));
}

/* ---- reading ---- */

/* The limit of a body: `contracts_limit`, whole, or `contracts_limit_fp`; both must say the same. False after
 * answering. */
static bool read_limit(const json_t *body, kl_sim_response *rs, kl_count *out) {
  static const int64_t least = 100, most = 100000000;
  kl_sim_details details;
  const json_t *whole;
  const char *text;
  int64_t contracts;
  if (!kl_sim_body_field(body, "contracts_limit", KL_SIM_INTEGER, &whole, details) ||
      !kl_sim_body_int(body, "contracts_limit", 0, &contracts, details) ||
      !kl_sim_body_text(body, "contracts_limit_fp", &text, details)) {
    kl_sim_fail_body(rs, details);
    return false;
  }
  const char *wrong = NULL;
  int64_t fraction = 0;
  if (!whole && !text) {
    wrong = "contracts_limit or contracts_limit_fp is required";
  } else if (text && !kl_decimal_parse(text, strlen(text), KL_COUNT_PLACES, &fraction)) {
    wrong = "contracts_limit_fp is not a count";
  } else if ((whole && (contracts < 1 || contracts > most / 100)) || (text && (fraction < least || fraction > most))) {
    wrong = "the limit must be 1 to 1000000 contracts";
  } else if (whole && text && contracts * 100 != fraction) {
    wrong = "contracts_limit and contracts_limit_fp differ";
  }
  if (wrong) fail(rs, KL_X_INVALID_PARAMETERS, wrong);
  *out = text ? fraction : contracts * 100;
  return !wrong;
}

/* The group that a change names: its id, and `subaccount` and `exchange_index` of the query, both 0 by default. */
static bool read_key(const kl_sim_request *rq, kl_sim_response *rs, kl_group_key *k) {
  int subaccount;
  int64_t shard;
  if (!kl_sim_arg_subaccount(rq, rs, 0, &subaccount) ||
      !kl_sim_arg_int(rq, rs, "exchange_index", 0, INT32_MAX, 0, &shard))
    return false;
  *k = (kl_group_key){rq->account->user, subaccount, (int)shard, rq->params[0]};
  return true;
}

/* ---- writing ---- */

/* Whether the group still watches its orders: one that was triggered does not, until it is reset. */
static void common_fields(kl_buf *b, const kl_order_group *g) {
  kl_sim_field_count(b, "contracts_limit_fp", g->limit);
  kl_sim_field_bool(b, "is_auto_cancel_enabled", !g->triggered);
  kl_sim_field_int(b, "exchange_index", g->shard);
}

static void get_groups(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  int subaccount;
  bool any = false;
  if (!kl_sim_arg_subaccount(rq, rs, -1, &subaccount)) return;
  kl_buf_str(&rs->body, "{\"order_groups\":[");
  for (const kl_order_group *g = NULL; (g = kl_exchange_group_next(s->x, rq->account->user, g));) {
    if (subaccount >= 0 && g->subaccount != subaccount) continue;
    kl_buf_str(&rs->body, any ? ",{" : "{");
    any = true;
    kl_sim_field_str(&rs->body, "id", g->id);
    common_fields(&rs->body, g);
    kl_buf_char(&rs->body, '}');
  }
  kl_buf_str(&rs->body, "]}");
}

static void get_group(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  int subaccount;
  if (!kl_sim_arg_subaccount(rq, rs, -1, &subaccount)) return;
  const kl_order_group *g = kl_exchange_group(s->x, rq->account->user, rq->params[0]);
  if (!g || (subaccount >= 0 && g->subaccount != subaccount)) {
    kl_sim_fail_result(rs, KL_X_NOT_FOUND);
    return;
  }
  kl_buf *b = &rs->body;
  kl_buf_char(b, '{');
  common_fields(b, g);
  kl_sim_key(b, "orders");
  kl_buf_char(b, '[');
  bool any = false;
  for (const kl_order *o = NULL; (o = kl_exchange_group_order_next(g, o)); any = true) {
    if (any) kl_buf_char(b, ',');
    kl_buf_json_cstr(b, o->id);
  }
  kl_buf_str(b, "]}");
}

static void create_group(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_sim_details details;
  int64_t subaccount, shard;
  kl_count limit;
  const kl_order_group *g;
  json_t *body = kl_sim_body_read(rq, rs);
  if (!body) return;
  if (!kl_sim_body_int(body, "subaccount", 0, &subaccount, details) ||
      !kl_sim_body_int(body, "exchange_index", 0, &shard, details)) {
    kl_sim_fail_body(rs, details);
  } else if (subaccount < 0 || subaccount > 63) {
    fail(rs, KL_X_INVALID_PARAMETERS, "subaccount must be 0 to 63");
  } else if (shard < 0 || shard >= KL_EXCHANGE_SHARDS) {
    snprintf(details, sizeof details, "exchange_index must be 0 to %d", KL_EXCHANGE_SHARDS - 1);
    fail(rs, KL_X_INVALID_PARAMETERS, details);
  } else if (read_limit(body, rs, &limit)) {
    kl_exchange_result result =
        kl_exchange_group_create(s->x, s->now_us, rq->account->user, (int)subaccount, (int)shard, limit, &g);
    if (result != KL_X_OK) {
      kl_sim_fail_result(rs, result);
    } else {
      rs->status = 201;
      kl_buf_char(&rs->body, '{');
      kl_sim_field_str(&rs->body, "order_group_id", g->id);
      kl_sim_field_int(&rs->body, "subaccount", g->subaccount);
      kl_sim_field_int(&rs->body, "exchange_index", g->shard);
      kl_buf_char(&rs->body, '}');
    }
  }
  json_decref(body);
}

/* {} or the error. */
static void conclude(kl_sim_response *rs, kl_exchange_result result) {
  if (result != KL_X_OK) {
    kl_sim_fail_result(rs, result);
  } else {
    kl_buf_str(&rs->body, "{}");
  }
}

static void update_limit(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_group_key k;
  kl_count limit;
  if (!read_key(rq, rs, &k)) return;
  json_t *body = kl_sim_body_read(rq, rs);
  if (!body) return;
  if (read_limit(body, rs, &limit)) conclude(rs, kl_exchange_group_set_limit(s->x, s->now_us, &k, limit));
  json_decref(body);
}

typedef kl_exchange_result (*change)(kl_exchange *x, int64_t now_us, const kl_group_key *k);

static void change_group(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs, change how) {
  kl_group_key k;
  if (read_key(rq, rs, &k)) conclude(rs, how(s->x, s->now_us, &k));
}

static void trigger_group(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  change_group(s, rq, rs, kl_exchange_group_trigger);
}
static void reset_group(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  change_group(s, rq, rs, kl_exchange_group_reset);
}
static void delete_group(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  change_group(s, rq, rs, kl_exchange_group_delete);
}

const kl_sim_route kl_sim_routes_groups[] = {
    {"GetOrderGroups", get_groups, false},       {"GetOrderGroup", get_group, false},
    {"CreateOrderGroup", create_group, false},   {"UpdateOrderGroupLimit", update_limit, false},
    {"TriggerOrderGroup", trigger_group, false}, {"ResetOrderGroup", reset_group, false},
    {"DeleteOrderGroup", delete_group, false},   {NULL, NULL, false},
};
