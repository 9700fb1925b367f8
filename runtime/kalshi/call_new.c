/* Building a REST call from a request: what is wrong with it is said before anything is sent. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kalshi/order_route.h"

enum { DEFAULT_TIMEOUT_MS = 30000 };

static bool check_request(const kl_session *s, const kl_call_request *r, const kl_operation *op, const char *method,
                          const char *name, kl_error *e) {
  if (s->closing) {
    kl_error_coded(e, KL_ERR_CLOSED, "session_closed", "%s: the session is closed", name);
    return false;
  }
  if (!r->path || r->path[0] != '/') {
    kl_error_coded(e, KL_ERR_VALIDATION, "malformed_value",
                   "%s: the path must begin with a slash, for example /exchange/status", name);
    return false;
  }
  for (const char *p = r->path; *p; p++)
    if (*p <= ' ' || *p == '?' || *p == '#' || *p == 0x7f) {
      kl_error_coded(e, KL_ERR_VALIDATION, "malformed_value",
                     "%s: the path holds \"%c\", which must be percent-encoded or, in front of a query, left out", name,
                     *p > ' ' && *p != 0x7f ? *p : ' ');
      return false;
    }
  bool known = false;
  static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "PATCH"};
  for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
    known = known || !strcmp(method, methods[i]);
  if (!known) {
    kl_error_coded(e, KL_ERR_VALIDATION, "unknown_value", "%s: unknown method \"%.16s\": use GET, POST, PUT or DELETE",
                   name, method);
    return false;
  }
  bool write = strcmp(method, "GET") != 0;
  if (write && s->read_only) {
    kl_error_coded(e, KL_ERR_PAPER, "paper_not_possible",
                   "%s would act on the live exchange, and this is paper trading", name);
    return false;
  }
  if (write && !s->live && !strcmp(s->env, "prod")) {
    kl_error_coded(e, KL_ERR_PERMISSION, "not_on_prod_without_live",
                   "%s would act on the real exchange: start with --live to allow it", name);
    return false;
  }
  /* Books are described as signed but answer unsigned calls too. */
  if (op && op->auth && !s->key && strncmp(r->path, "/markets/", 9) != 0) {
    kl_error_coded(e, KL_ERR_AUTH, "key_missing",
                   "%s needs an API key: give --key-id and --key (KALSHI_API_KEY_ID, "
                   "KALSHI_PRIVATE_KEY_PATH)",
                   name);
    return false;
  }
  return true;
}

kl_repeat kl_operation_repeat(const kl_operation *op) {
  static const char *const safe[] = {"CancelAllOrders",
                                     "TriggerOrderGroup",
                                     "UpdateOrderGroupLimit",
                                     "UpdateSubaccountNetting",
                                     "SetTargetBalanceAllocation",
                                     "UpdateFCMSubtraderBlockedCategories",
                                     "UpdateFCMEventContractDailyCap"};
  static const char *const gone[] = {"DeleteOrderGroup", "DeleteRFQ",    "DeleteRFQQuote",
                                     "DeleteQuote",      "DeleteApiKey", "DeleteFCMEventContractDailyCap"};
  if (!op) return KL_REPEAT_NEVER;
  for (size_t i = 0; i < sizeof safe / sizeof safe[0]; i++)
    if (!strcmp(op->id, safe[i])) return KL_REPEAT_SAFE;
  for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++)
    if (!strcmp(op->id, gone[i])) return KL_REPEAT_GONE;
  return KL_REPEAT_NEVER;
}

/* Writes of one order are billed to the shard that they name; the exchange finds the shard of the others and bills, as
 * reported since September 2026, the unscoped bucket and that of the shard, which we do not know: so all. Quotes and
 * RFQs live on shard 1. Batches are always unscoped. Source: Kalshi "Rate limits and tiers", "Exchange sharding". */
static kl_bucket_set buckets_of(const kl_operation *op, kl_bucket bucket, const kl_call_request *r) {
  if (bucket == KL_BUCKET_READ) return KL_IN_BUCKET(KL_BUCKET_READ);
  kl_bucket_set unscoped = KL_IN_BUCKET(KL_BUCKET_WRITE);
  if (!op || op->legacy || op->cost_per_item) return unscoped;
  if (!strncmp(op->path, "/communications/", 16)) return unscoped | kl_bucket_of_shard(1);
  if (strncmp(op->path, "/portfolio/events/orders", 24) != 0 || !strcmp(op->id, "CancelAllOrders")) return unscoped;
  if (r->routed && r->shard >= 0) return kl_bucket_of_shard(r->shard);
  return unscoped | KL_ALL_SHARDS;
}

static char *copy(const char *s, size_t n, bool *failed) {
  char *out = malloc(n + 1);
  if (!out) {
    *failed = true;
    return NULL;
  }
  memcpy(out, s, n);
  out[n] = '\0';
  return out;
}

/* The strings of the request. False when out of memory. */
static bool copy_request(kl_call *c, const kl_call_request *r) {
  bool failed = false;
  c->path = copy(r->path, strlen(r->path), &failed);
  if (r->query && r->query[0]) c->query = copy(r->query, strlen(r->query), &failed);
  /* A POST or PUT without a body and its type is refused by some paths (invalid_content_type). */
  const char *body = r->body ? r->body : !strcmp(c->method, "POST") || !strcmp(c->method, "PUT") ? "{}" : NULL;
  if (body) {
    c->body_len = r->body ? r->body_len : strlen(body);
    c->body = copy(body, c->body_len, &failed);
  }
  return !failed;
}

kl_call *kl_session_call(kl_session *s, const kl_call_request *r, kl_call_cb cb, void *data, kl_error *e) {
  const char *method = r->op ? r->op->method : r->method ? r->method : "";
  const kl_operation *op = r->op ? r->op : kl_operation_match(method, r->path ? r->path : "");
  char name[64];
  if (r->op)
    snprintf(name, sizeof name, "%s", r->op->name);
  else
    snprintf(name, sizeof name, "%.8s %.50s", method, r->path ? r->path : "");
  kl_call *c = NULL;
  if (!check_request(s, r, op, method, name, e)) goto refused;
  c = calloc(1, sizeof *c);
  if (!c) goto no_memory;
  c->s = s;
  c->op = op;
  c->write = strcmp(method, "GET") != 0;
  c->repeat = kl_operation_repeat(op);
  c->anonymous = r->anonymous;
  c->bucket = op ? op->bucket : c->write ? KL_BUCKET_WRITE : KL_BUCKET_READ;
  c->items = r->items;
  memcpy(c->name, name, sizeof name);
  snprintf(c->method, sizeof c->method, "%s", method);
  kl_ticket_init(&c->ticket);
  c->ticket.cost = r->anonymous ? 0 : kl_session_cost(s, op, c->items);
  c->ticket.class = !c->write ? KL_CLASS_READ : !strcmp(method, "DELETE") ? KL_CLASS_CANCEL : KL_CLASS_WRITE;
  if (r->urgent && !c->write) c->ticket.class = KL_CLASS_WRITE;
  c->ticket.owner = r->owner;
  c->ticket.buckets = buckets_of(op, c->bucket, r);
  if (s->limits_known && !kl_session_fits(s, c, e)) goto refused;
  if (!copy_request(c, r) || !kl_order_route(c)) goto no_memory;
  c->cb = cb;
  c->data = data;
  c->deadline_ns = kl_mono_ns(s->clock) + (r->timeout_ms ? r->timeout_ms : DEFAULT_TIMEOUT_MS) * INT64_C(1000000);
  kl_list_append(&s->calls, &c->link);
  kl_timer_init(s->loop, &c->timer, s->clock);
  c->timer.uv.data = c;
  s->open++;
  if (c->write) s->writes++;
  kl_call_begin(c);
  return c;

no_memory:
  kl_error_set(e, KL_ERR_INTERNAL, "%s: not enough memory", name);
refused:
  if (e) snprintf(e->operation, sizeof e->operation, "%s", name);
  if (c) {
    free(c->path);
    free(c->query);
    free(c->body);
    free(c);
  }
  return NULL;
}
