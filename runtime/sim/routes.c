#include "sim/routes.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/auth.h"
#include "sim/fcm.h"
#include "sim/lag.h"
#include "sim/scopes.h"

#define ROOT "/trade-api/v2"

static const kl_sim_route *const tables[] = {
    kl_sim_routes_account,     kl_sim_routes_block_trades,   kl_sim_routes_candles,    kl_sim_routes_cfbenchmarks,
    kl_sim_routes_combos,      kl_sim_routes_communications, kl_sim_routes_event_data, kl_sim_routes_exchange,
    kl_sim_routes_fcm,         kl_sim_routes_fee_changes,    kl_sim_routes_groups,     kl_sim_routes_historical,
    kl_sim_routes_incentives,  kl_sim_routes_keys,           kl_sim_routes_live_data,  kl_sim_routes_market,
    kl_sim_routes_milestones,  kl_sim_routes_orders,         kl_sim_routes_portfolio,  kl_sim_routes_search,
    kl_sim_routes_subaccounts, kl_sim_routes_transfers,      kl_sim_routes_weather,    NULL,
};

/* Who answers each operation, in the order of kl_operations; made when the first simulator of the process needs it. */
enum { OPERATIONS_MOST = 512 };
static const kl_sim_route *by_operation[OPERATIONS_MOST];
static pthread_once_t sorted = PTHREAD_ONCE_INIT;

static const kl_sim_route *search_route(const kl_operation *op) {
  for (const kl_sim_route *const *t = tables; *t; t++)
    for (const kl_sim_route *r = *t; r->id; r++)
      if (!strcmp(r->id, op->id)) return r;
  return NULL;
}

static void sort_routes(void) {
  for (size_t i = 0; i < kl_operation_count && i < OPERATIONS_MOST; i++)
    by_operation[i] = search_route(&kl_operations[i]);
}

static const kl_sim_route *find_route(const kl_operation *op) {
  size_t i = (size_t)(op - kl_operations);
  pthread_once(&sorted, sort_routes);
  return i < OPERATIONS_MOST ? by_operation[i] : search_route(op);
}

/* The values of the template's parameters; false when one is too long to name anything. */
static bool read_params(kl_sim_request *rq, const char *path) {
  const char *t = rq->op->path, *p = path;
  int n = 0;
  while (*t && *p) {
    size_t tn = strcspn(t + 1, "/"), pn = strcspn(p + 1, "/");
    if (t[1] == '{') {
      if (n == KL_SIM_PARAMS_MOST || pn >= sizeof rq->params[0]) return false;
      memcpy(rq->params[n], p + 1, pn);
      rq->params[n++][pn] = '\0';
    }
    t += 1 + tn;
    p += 1 + pn;
  }
  return true;
}

/* Nothing has this method and path: the path may have others. */
static void no_operation(const char *path, kl_sim_response *rs) {
  static const char *const methods[] = {"GET", "POST", "PUT", "DELETE"};
  size_t n = 0;
  for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
    if (!kl_operation_match(methods[i], path)) continue;
    n += (size_t)snprintf(rs->allow + n, sizeof rs->allow - n, "%s%s", n ? ", " : "", methods[i]);
  }
  if (n > 0) {
    kl_sim_fail(rs, 405, "method_not_allowed", "method not allowed", NULL);
  } else {
    kl_sim_fail(rs, 404, "not_found", "not found", NULL);
  }
}

/* The shard that a write of one order names: its `exchange_index`, in the query of a cancel and in the body of the
 * others. 0 where it names none, or none that can be read: the handler says what is wrong with it. */
static int64_t shard_of(const kl_sim_request *rq) {
  static const char key[] = "\"exchange_index\"";
  if (rq->op->bucket != KL_BUCKET_WRITE || rq->op->cost_per_item) return 0;
  const char *text = kl_sim_arg_get(rq, "exchange_index");
  if (text) return strtoll(text, NULL, 10);
  if (rq->body_len == 0 || !memmem(rq->body, rq->body_len, key, sizeof key - 1)) return 0;
  json_t *body = json_loadb(rq->body, rq->body_len, 0, NULL);
  int64_t shard = json_integer_value(json_object_get(body, "exchange_index"));
  json_decref(body);
  return shard;
}

void kl_sim_too_many(kl_sim *s, kl_sim_response *rs) {
  kl_sim_count(&s->counters.rate_limited);
  rs->status = 429;
  kl_buf_clear(&rs->body);
  kl_buf_str(&rs->body, "{\"error\":\"too many requests\"}");
}

static bool take_tokens(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs, uint32_t cost) {
  kl_sim_account *a = rq->account ? kl_sim_payer(rq->account) : NULL;
  bool write = rq->op->bucket == KL_BUCKET_WRITE;
  if (!a || kl_sim_limits_take(&a->limits, write, shard_of(rq), cost, kl_mono_ns(s->clock))) return true;
  kl_sim_too_many(s, rs);
  return false;
}

bool kl_sim_charge(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs, size_t items) {
  uint64_t cost = (uint64_t)rq->op->cost * items;
  return take_tokens(s, rq, rs, cost > UINT32_MAX ? UINT32_MAX : (uint32_t)cost);
}

static bool authorize(kl_sim *s, kl_sim_request *rq, kl_sim_response *rs) {
  kl_sim_auth_result r = kl_sim_auth_check(s, rq->key_id, rq->timestamp, rq->signature, rq->method, rq->path, &rq->key);
  if (r == KL_SIM_AUTH_OK) {
    rq->account = rq->key->account;
    return true;
  }
  const char *message, *details, *code = kl_sim_auth_code(r, &message, &details);
  kl_sim_count(&s->counters.rejected_auth);
  kl_sim_fail(rs, 401, code, message, details);
  return false;
}

/* What needs no signature is served without one, and to a wrong one too; a good one says whose tokens it takes. */
static void recognize(kl_sim *s, kl_sim_request *rq) {
  if (kl_sim_auth_check(s, rq->key_id, rq->timestamp, rq->signature, rq->method, rq->path, &rq->key) == KL_SIM_AUTH_OK)
    rq->account = rq->key->account;
}

/* Whether a body, or none where the operation takes one, comes with the type that says what it is. The exchange wants
 * it of a POST and a PUT without a body, too. */
static bool typed(const kl_sim_request *rq, kl_sim_response *rs) {
  static const char json[] = "application/json";
  const char *type = rq->content_type ? rq->content_type : "";
  bool writes = !strcmp(rq->method, "POST") || !strcmp(rq->method, "PUT");
  if (!rq->op->has_body || (rq->body_len == 0 && !writes)) return true;
  size_t n = strcspn(type, " ;\t");
  if (n == sizeof json - 1 && !strncasecmp(type, json, n)) return true;
  kl_sim_fail(rs, 400, "invalid_content_type", "invalid content type",
              "send Content-Type: application/json, with {} where there is nothing to say");
  return false;
}

/* From the answer of who asks to the one of what was asked. */
static void serve(kl_sim *s, const kl_sim_route *r, kl_sim_request *rq, kl_sim_response *rs) {
  bool open = !rq->op->auth || (r && r->auth_optional); /* what anybody may see needs no scope */
  if (!open && !kl_sim_permit(s, rq, rs)) return;
  if (!r) {
    char details[160];
    snprintf(details, sizeof details, "the simulator does not serve %s (%s %s)", rq->op->id, rq->op->method,
             rq->op->path);
    kl_sim_fail(rs, 501, "not_implemented", "not implemented", details);
    return;
  }
  if (!typed(rq, rs)) return;
  if (!rq->op->cost_per_item && !take_tokens(s, rq, rs, rq->op->cost)) return;
  kl_exchange_tick(s->x, s->now_us);
  r->handler(s, rq, rs);
  if (rq->account && strcmp(rq->method, "GET") != 0) kl_sim_lag_money(s->lag, rq->account->user);
  kl_sim_lag_settle(s->lag);
}

void kl_sim_dispatch(kl_sim *s, kl_sim_request *rq, kl_sim_response *rs) {
  kl_sim_touch(s);
  kl_sim_count(&s->counters.requests);
  rs->status = 200;
  if (s->broken) {
    kl_sim_fail_state(rs);
    return;
  }
  size_t length = strlen(rq->path), root = sizeof ROOT - 1;
  if (strncmp(rq->path, ROOT "/", root + 1) != 0) {
    kl_sim_fail(rs, 404, "not_found", "not found", NULL);
    return;
  }
  if (length > root + 1 && rq->path[length - 1] == '/' && length < sizeof rs->location) {
    rs->status = 301;
    memcpy(rs->location, rq->path, length - 1);
    rs->location[length - 1] = '\0';
    return;
  }
  const char *path = rq->path + root;
  rq->op = kl_operation_match(rq->method, path);
  if (!rq->op || !read_params(rq, path)) {
    no_operation(path, rs);
    return;
  }
  const kl_sim_route *r = find_route(rq->op);
  bool needs_auth = rq->op->auth && !(r && r->auth_optional);
  if (needs_auth && !authorize(s, rq, rs)) return;
  if (!needs_auth) recognize(s, rq);
  serve(s, r, rq, rs);
  kl_sim_permit_end(rq);
  if (rs->status < 300) kl_sim_translate_answer(rq->language, &rs->body);
  if (rs->body.failed) {
    kl_buf_free(&rs->body);
    kl_sim_fail(rs, 500, "internal_error", "the simulator is out of memory", NULL);
  }
}
