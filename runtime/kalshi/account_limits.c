/* What the exchange says about this account's limits: tier, buckets, prices of the operations. Source: Kalshi "Rate
 * limits and tiers"; GET /account/limits, GET /account/endpoint_costs. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "kalshi/session_impl.h"

enum { AGAIN_S = 60, DEFAULT_COST = 10 };

bool kl_session_costs_init(kl_session *s) {
  s->default_cost = DEFAULT_COST;
  s->costs = malloc(kl_operation_count * sizeof *s->costs);
  s->requests = calloc(kl_operation_count + 1, sizeof *s->requests);
  if (!s->costs || !s->requests) return false;
  for (size_t i = 0; i < kl_operation_count; i++)
    s->costs[i] = kl_operations[i].cost;
  return true;
}

double kl_session_cost(const kl_session *s, const kl_operation *op, uint32_t items) {
  if (!op) return s->default_cost;
  double cost = s->costs[op - kl_operations];
  return op->cost_per_item && items > 1 ? cost * items : cost;
}

bool kl_session_fits(const kl_session *s, const kl_call *c, kl_error *e) {
  double capacity = kl_limiter_capacity(&s->limiter, c->ticket.buckets);
  if (c->ticket.cost <= capacity) return true;
  double one = kl_session_cost(s, c->op, 1);
  kl_error_coded(
      e, KL_ERR_VALIDATION, "batch_too_large",
      "%s costs %.0f tokens but the account's %s bucket never holds more than %.0f: send at most %.0f at once", c->name,
      c->ticket.cost, c->bucket == KL_BUCKET_WRITE ? "write" : "read", capacity,
      one > 0 ? (double)(uint32_t)(capacity / one) : 1);
  snprintf(e->operation, sizeof e->operation, "%s", c->name);
  return false;
}

/* ---- taking it over ---- */

static bool read_bucket(const json_t *root, const char *name, double *capacity, double *rate) {
  const json_t *bucket = json_object_get(root, name);
  const json_t *c = json_object_get(bucket, "bucket_capacity"), *r = json_object_get(bucket, "refill_rate");
  if (!json_is_number(c) || !json_is_number(r)) return false;
  *capacity = json_number_value(c);
  *rate = json_number_value(r);
  return *capacity > 0 && *rate > 0;
}

static void take_limits(kl_session *s, const json_t *root) {
  double capacity[2], rate[2];
  if (!read_bucket(root, "read", &capacity[KL_BUCKET_READ], &rate[KL_BUCKET_READ]) ||
      !read_bucket(root, "write", &capacity[KL_BUCKET_WRITE], &rate[KL_BUCKET_WRITE])) {
    kl_log_warn("session", "the answer of GET /account/limits has no usable buckets; keeping those of the basic tier");
    return;
  }
  int64_t now = kl_mono_ns(s->clock);
  for (int i = 0; i < 2; i++)
    kl_limiter_set(&s->limiter, (kl_bucket)i, capacity[i], rate[i], now);
  const char *tier = json_string_value(json_object_get(root, "usage_tier"));
  snprintf(s->tier, sizeof s->tier, "%s", tier ? tier : "unknown");
  s->limits_known = true;
  kl_log_debug("session", "tier %s: read %.0f/s up to %.0f, write %.0f/s up to %.0f", s->tier, rate[KL_BUCKET_READ],
               capacity[KL_BUCKET_READ], rate[KL_BUCKET_WRITE], capacity[KL_BUCKET_WRITE]);
}

/* Whether a path of the list, "/trade-api/v2/portfolio/orders/:order_id", is the template of an operation,
 * "/portfolio/orders/{order_id}". */
static bool same_path(const char *listed, const char *template, const char *base) {
  size_t n = strlen(base);
  if (n && !strncmp(listed, base, n)) listed += n;
  while (*listed && *template) {
    if (*listed == ':' && *template == '{') {
      listed += strcspn(listed, "/");
      template += strcspn(template, "/");
    } else if (*listed++ != *template ++) {
      return false;
    }
  }
  return !*listed && !*template;
}

/* The list names what differs from the default. An operation that it does not name keeps the price of the table, which
 * knows of batches and of prices that were only announced. */
static void take_costs(kl_session *s, const json_t *root) {
  const json_t *all = json_object_get(root, "endpoint_costs"), *one;
  size_t i, changed = 0;
  const json_t *base = json_object_get(root, "default_cost");
  if (json_is_number(base) && json_number_value(base) > 0) s->default_cost = json_number_value(base);
  json_array_foreach(all, i, one) {
    const char *method = json_string_value(json_object_get(one, "method"));
    const char *path = json_string_value(json_object_get(one, "path"));
    const json_t *cost = json_object_get(one, "cost");
    if (!method || !path || !json_is_integer(cost)) continue;
    json_int_t v = json_integer_value(cost);
    if (v < 0 || v > UINT16_MAX) continue;
    for (size_t k = 0; k < kl_operation_count; k++) {
      const kl_operation *op = &kl_operations[k];
      if (strcmp(op->method, method) != 0 || !same_path(path, op->path, "/trade-api/v2") || s->costs[k] == v) continue;
      kl_log_debug("session", "%s costs %lld tokens, not %u", op->name, (long long)v, s->costs[k]);
      s->costs[k] = (uint16_t)v;
      changed++;
    }
  }
  if (!json_is_array(all)) kl_log_warn("session", "the answer of GET /account/endpoint_costs has no list of costs");
  if (changed) kl_log_debug("session", "%zu operations cost something else than the documentation says", changed);
}

void kl_session_take_answer(kl_session *s, const kl_operation *op, const char *body, size_t n) {
  bool limits = !strcmp(op->id, "GetAccountApiLimits"), costs = !strcmp(op->id, "GetAccountEndpointCosts");
  if (!limits && !costs) return;
  json_t *root = json_loadb(body, n, 0, NULL);
  if (limits)
    take_limits(s, root);
  else
    take_costs(s, root);
  json_decref(root);
}

/* ---- asking for it ---- */

static void costs_answered(void *data, const kl_http_response *res, const kl_error *e) {
  (void)data;
  (void)res; /* kl_session_take_answer has seen it */
  if (e) kl_log_debug("session", "the prices of the operations could not be read: %s", e->message);
}

static void limits_answered(void *data, const kl_http_response *res, const kl_error *e) {
  kl_session *s = data;
  (void)res;
  s->limits_asking = false;
  if (e) kl_log_debug("session", "the account's limits could not be read: %s", e->message);
  if (s->closing) return;
  kl_error ignored;
  kl_call_request r = {
      .op = kl_operation_find("GetAccountEndpointCosts"), .path = "/account/endpoint_costs", .urgent = true};
  if (!e && !kl_session_call(s, &r, costs_answered, NULL, &ignored)) kl_log_debug("session", "%s", ignored.message);
  kl_session_release_held(s);
  kl_session_pump(s);
}

static bool begins_to_matter(const kl_session *s, int64_t now) {
  for (int i = 0; i < 2; i++)
    if (kl_limiter_tokens(&s->limiter, KL_IN_BUCKET(i), now) < s->limiter.buckets[i].capacity / 2) return true;
  return false;
}

void kl_session_ask_limits(kl_session *s, bool now) {
  int64_t at = kl_mono_ns(s->clock);
  if (s->limits_known || s->limits_asking || !s->key || s->closing) return;
  if (s->limits_asked_ns && at - s->limits_asked_ns < AGAIN_S * INT64_C(1000000000)) return;
  if (!now && !begins_to_matter(s, at)) return;
  s->limits_asked_ns = at;
  s->limits_asking = true; /* the call itself comes here, too */
  kl_error e;
  kl_call_request r = {.op = kl_operation_find("GetAccountApiLimits"), .path = "/account/limits", .urgent = true};
  s->limits_asking = kl_session_call(s, &r, limits_answered, s, &e) != NULL;
  if (!s->limits_asking) kl_log_debug("session", "%s", e.message);
}

void kl_session_budget(kl_session *s, kl_budget *out) {
  int64_t now = kl_mono_ns(s->clock);
  const kl_token_bucket *b = s->limiter.buckets;
  *out = (kl_budget){.read = kl_limiter_tokens(&s->limiter, KL_IN_BUCKET(KL_BUCKET_READ), now),
                     .write = kl_limiter_tokens(&s->limiter, KL_IN_BUCKET(KL_BUCKET_WRITE), now),
                     .read_capacity = b[KL_BUCKET_READ].capacity,
                     .write_capacity = b[KL_BUCKET_WRITE].capacity,
                     .read_rate = b[KL_BUCKET_READ].rate,
                     .write_rate = b[KL_BUCKET_WRITE].rate,
                     .waiting = kl_limiter_waiting(&s->limiter)};
  for (int i = 0; i <= KL_SHARDS; i++)
    out->shard_write[i] = kl_limiter_tokens(&s->limiter, kl_bucket_of_shard(i), now);
  memcpy(out->tier, s->tier, sizeof out->tier);
}
