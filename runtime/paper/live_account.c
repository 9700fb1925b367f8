#include "paper/live_account.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "kalshi/json_member.h"

enum { TIMEOUT_MS = 4000, PROBES = 5, CENT = KL_MONEY_ONE / 100 };

enum { BALANCE, LIMITS, PROBE, CALLS };

typedef struct kl_live_reading {
  kl_session *s;
  kl_live_account out;
  kl_call *calls[CALLS]; /* whose answers are to come */
  int probes;            /* still to be made */
  int64_t sent_ns;
  void (*done)(void *data, const kl_live_account *live);
  void *data;
} reading;

static int64_t now_ns(void) { return kl_mono_ns(kl_clock_real()); }

static void note(reading *r, const kl_error *e) {
  if (!r->out.error.kind) r->out.error = *e;
}

static bool ask(reading *r, int which, const char *operation, bool anonymous, kl_call_cb answered) {
  const kl_operation *op = kl_operation_find(operation);
  kl_call_request q = {
      .op = op, .path = op->path, .anonymous = anonymous, .urgent = true, .timeout_ms = TIMEOUT_MS / (1 + anonymous)};
  kl_error e;
  r->calls[which] = kl_session_call(r->s, &q, answered, r, &e);
  if (!r->calls[which]) note(r, &e);
  return r->calls[which] != NULL;
}

static void probe(reading *r);

/* The account first; then how long a read takes, which nothing else must slow down. */
static void go_on(reading *r) {
  for (int i = 0; i < CALLS; i++)
    if (r->calls[i]) return;
  if (!r->out.error.kind && r->probes > 0) {
    probe(r);
    if (r->calls[PROBE]) return;
  }
  r->done(r->data, &r->out);
  free(r);
}

static void take_balance(kl_live_account *out, const json_t *root) {
  const json_t *rows = json_object_get(root, "balance_breakdown"), *row;
  size_t i;
  kl_money whole = 0, sum = 0, part;
  out->has_balance = kl_member_fixed(root, "balance_dollars", KL_MONEY_PLACES, &whole);
  out->fine = whole % CENT != 0;
  json_array_foreach((json_t *)rows, i, row) {
    json_int_t shard = json_integer_value(json_object_get(row, "exchange_index"));
    if (shard < 0 || shard >= KL_EXCHANGE_SHARDS || !kl_member_fixed(row, "balance", KL_MONEY_PLACES, &part)) continue;
    out->fine = out->fine || part % CENT != 0;
    if (part <= 0) continue;
    out->balance[shard] = part;
    sum += part;
  }
  if (!sum && whole > 0) out->balance[0] = whole;
}

/* The answer, owned; NULL where there is none, which is noted, or where it is no JSON. */
static json_t *got(reading *r, int which, const kl_http_response *res, const kl_error *e) {
  r->calls[which] = NULL;
  if (e) note(r, e);
  return e ? NULL : json_loadb(res->body, res->body_len, 0, NULL);
}

static void got_balance(void *data, const kl_http_response *res, const kl_error *e) {
  reading *r = data;
  json_t *root = got(r, BALANCE, res, e);
  if (!e) take_balance(&r->out, root);
  json_decref(root);
  go_on(r);
}

static void got_limits(void *data, const kl_http_response *res, const kl_error *e) {
  reading *r = data;
  json_t *root = got(r, LIMITS, res, e);
  const char *tier = json_string_value(json_object_get(root, "usage_tier"));
  if (tier && strlen(tier) < sizeof r->out.tier) memcpy(r->out.tier, tier, strlen(tier) + 1);
  json_decref(root);
  go_on(r);
}

static void probed(void *data, const kl_http_response *res, const kl_error *e) {
  reading *r = data;
  int64_t took_us = (now_ns() - r->sent_ns) / 1000;
  (void)res;
  r->calls[PROBE] = NULL;
  r->probes--;
  if (e)
    note(r, e);
  else if (!r->out.round_trip_us || took_us < r->out.round_trip_us)
    r->out.round_trip_us = took_us > 0 ? took_us : 1;
  go_on(r);
}

/* The shortest read that there is. The first opens the connection, and is seldom the best. */
static void probe(reading *r) {
  r->sent_ns = now_ns();
  (void)ask(r, PROBE, "GetExchangeStatus", true, probed);
}

kl_live_reading *kl_live_account_start(kl_session *s, void (*done)(void *data, const kl_live_account *live), void *data,
                                       kl_error *e) {
  reading *r = calloc(1, sizeof *r);
  if (!r) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
    return NULL;
  }
  *r = (reading){.s = s, .probes = PROBES, .done = done, .data = data};
  if (kl_session_has_key(s)) {
    (void)ask(r, BALANCE, "GetBalance", false, got_balance);
    (void)ask(r, LIMITS, "GetAccountApiLimits", false, got_limits);
  }
  if (!r->calls[BALANCE] && !r->calls[LIMITS] && !r->out.error.kind) probe(r);
  if (r->calls[BALANCE] || r->calls[LIMITS] || r->calls[PROBE]) return r;
  *e = r->out.error;
  free(r);
  return NULL;
}

void kl_live_account_stop(kl_live_reading *r) {
  if (!r) return;
  for (int i = 0; i < CALLS; i++)
    if (r->calls[i]) kl_call_cancel(r->calls[i]);
  free(r);
}

typedef struct result {
  kl_live_account *out;
  bool over;
} result;

static void keep(void *data, const kl_live_account *live) {
  result *x = data;
  *x->out = *live;
  x->over = true;
}

void kl_live_account_read(uv_loop_t *loop, kl_session *s, kl_live_account *out) {
  result x = {.out = out};
  *out = (kl_live_account){0};
  kl_live_reading *r = kl_live_account_start(s, keep, &x, &out->error);
  while (r && !x.over) /* each call has its deadline */
    uv_run(loop, UV_RUN_ONCE);
}
