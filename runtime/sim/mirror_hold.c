#include "sim/mirror_hold.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "sim/mirror_door_impl.h"

#define ROOT "/trade-api/v2"
#define MISSING_NS INT64_C(1000000000) /* a market that could not be had is asked for again so long after */

static const kl_operation *operation_of(const kl_sim_request *rq) {
  size_t root = sizeof ROOT - 1;
  return strncmp(rq->path, ROOT "/", root + 1) == 0 ? kl_operation_match(rq->method, rq->path + root) : NULL;
}

static bool is(const kl_operation *op, const char *id) { return op && !strcmp(op->id, id); }

/* Calls `one` for the markets that new orders of the request name. */
static void each_ticker(kl_sim *s, const kl_sim_request *rq, const kl_operation *op,
                        void (*one)(kl_sim *s, const char *ticker, void *data), void *data) {
  bool batch = is(op, "BatchCreateOrdersV2");
  if (!batch && !is(op, "CreateOrderV2")) return;
  json_t *body = json_loadb(rq->body, rq->body_len, 0, NULL), *item;
  json_t *orders = batch ? json_object_get(body, "orders") : NULL;
  const char *ticker = json_string_value(json_object_get(body, "ticker"));
  size_t i;
  if (!batch && ticker) one(s, ticker, data);
  json_array_foreach(orders, i, item) {
    ticker = json_string_value(json_object_get(item, "ticker"));
    if (ticker) one(s, ticker, data);
  }
  json_decref(body);
}

static void want(kl_sim *s, const char *ticker, void *data) {
  (void)data;
  kl_sim_mirrored *k = *ticker && strlen(ticker) < sizeof((kl_market *)NULL)->ticker
                           ? kl_sim_mirrored_of(s->mirror, ticker)
                           : NULL; /* no market is called so */
  if (!k) return;
  if (k->missing_ns && kl_mono_ns(kl_clock_real()) - k->missing_ns < MISSING_NS) return;
  kl_sim_mirrored_want(s, k, ticker);
}

int64_t kl_sim_mirror_way_us(kl_sim *s, const kl_sim_request *rq) {
  if (!s->mirror || !strcmp(rq->method, "GET")) return 0;
  each_ticker(s, rq, operation_of(rq), want, NULL);
  return s->o.mirror->latency_us;
}

typedef struct looking {
  bool waits;
  bool named;       /* it names markets, which are up to date now */
  char missing[64]; /* one that cannot be had; "": none */
  const char *why;
} looking;

static void look(kl_sim *s, const char *ticker, void *data) {
  looking *l = data;
  size_t n = strlen(ticker);
  const kl_sim_mirrored *k = kl_map_get(s->mirror->markets, ticker, n);
  if (!k) return;
  if (k->missing_ns && k->why[0]) {
    snprintf(l->missing, sizeof l->missing, "%s", ticker);
    l->why = k->why;
  }
  l->waits = l->waits || (!k->ready && !k->missing_ns);
  l->named = true;
  if (k->ready) kl_mirror_before(s->mirror->model, s->now_us, ticker);
}

static void refuse(kl_sim *s, kl_sim_response *rs, const char *ticker, const char *why) {
  char details[320];
  kl_sim_count(&s->counters.requests);
  snprintf(details, sizeof details, "paper trading has no market data of %s: %s", ticker, why);
  kl_sim_fail(rs, 503, "service_unavailable", "service unavailable", details);
}

kl_sim_mirror_verdict kl_sim_mirror_lets(kl_sim *s, const kl_sim_request *rq, bool late, kl_sim_response *rs) {
  if (!s->mirror) return KL_SIM_MIRROR_GOES;
  kl_sim_mirror_drain(s);
  kl_sim_touch(s);
  if (!strcmp(rq->method, "GET")) return KL_SIM_MIRROR_GOES;
  looking l = {0};
  const kl_operation *op = operation_of(rq);
  each_ticker(s, rq, op, look, &l);
  if (l.missing[0] || (l.waits && late)) {
    refuse(s, rs, l.missing[0] ? l.missing : "a market of this request", l.why ? l.why : "it did not come in time");
    return KL_SIM_MIRROR_REFUSES;
  }
  if (l.waits) return KL_SIM_MIRROR_WAITS;
  if (!l.named) kl_mirror_before(s->mirror->model, s->now_us, NULL);
  return KL_SIM_MIRROR_GOES;
}
