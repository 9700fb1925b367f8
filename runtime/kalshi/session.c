#include "kalshi/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "kalshi/account_internal.h"
#include "kalshi/hot_path.h"
#include "kalshi/session_impl.h"

enum { AUDIT_TIMEOUT_MS = 5000 };

/* The dedicated API hosts. Source: Kalshi "Getting started", API environments (documented 2026-05-07). */
bool kl_environment_urls(const char *env, const char **rest_url, const char **ws_url) {
  if (!strcmp(env, "prod")) {
    *rest_url = "https://external-api.kalshi.com/trade-api/v2";
    *ws_url = "wss://external-api-ws.kalshi.com/trade-api/ws/v2";
    return true;
  }
  if (!strcmp(env, "demo")) {
    *rest_url = "https://external-api.demo.kalshi.co/trade-api/v2";
    *ws_url = "wss://external-api-ws.demo.kalshi.co/trade-api/ws/v2";
    return true;
  }
  return false;
}

/* ---- the exchange's clock ---- */

enum { REFINE_MS = 2000 }; /* clocks drift apart by less between two headers */

static void bounds_take(kl_clock_bounds *b, int64_t low, int64_t high) {
  if (b->known && low <= b->high && high >= b->low) {
    if (low > b->low) b->low = low;
    if (high < b->high) b->high = high;
  } else {
    *b = (kl_clock_bounds){.known = true, .low = low, .high = high};
  }
}

void kl_clock_bounds_add(kl_clock_bounds *b, int64_t date_ms, int64_t sent_ms, int64_t received_ms, bool restart) {
  /* The header was written between the two times and names a second that had begun and not ended. */
  int64_t low = date_ms - received_ms, high = date_ms + 999 - sent_ms;
  if (high < low) return; /* our clock was set meanwhile */
  if (restart) b->known = false;
  bounds_take(b, low, high);
}

void kl_clock_bounds_refine(kl_clock_bounds *b, int64_t at_ms, int64_t sent_ms, int64_t received_ms) {
  if (!b->known || at_ms < 0 || at_ms > INT64_MAX / 2) return;
  int64_t low = at_ms - received_ms, high = at_ms - sent_ms;
  if (high < low || low > b->high + REFINE_MS || high < b->low - REFINE_MS) return;
  bounds_take(b, low, high);
}

int64_t kl_clock_bounds_offset(const kl_clock_bounds *b) {
  if (!b->known || (b->low <= 0 && b->high >= 0)) return 0;
  return b->low + (b->high - b->low) / 2;
}

uv_loop_t *kl_session_loop(const kl_session *s) { return s->loop; }
const kl_clock *kl_session_clock(const kl_session *s) { return s->clock; }
int64_t kl_session_timestamp_ms(const kl_session *s) {
  return kl_wall_ms(s->clock) + kl_clock_bounds_offset(&s->bounds);
}

/* ---- handshakes of the feed ---- */

typedef struct {
  kl_session *s;
  kl_sign_job *job;
  kl_feed_headers_cb done;
  void *feed;
  int64_t timestamp_ms;
} handshake;

static void handshake_signed(void *data, const char *signature, const kl_error *e) {
  handshake *h = data;
  kl_feed_headers_cb done = h->done;
  void *feed = h->feed;
  char key[160], timestamp[64], sign[KL_SIGNATURE_MAX + 40];
  snprintf(key, sizeof key, "KALSHI-ACCESS-KEY: %s", h->s->key_id);
  snprintf(timestamp, sizeof timestamp, "KALSHI-ACCESS-TIMESTAMP: %lld", (long long)h->timestamp_ms);
  snprintf(sign, sizeof sign, "KALSHI-ACCESS-SIGNATURE: %s", signature ? signature : "");
  const char *headers[] = {key, timestamp, sign, NULL};
  free(h);
  done(feed, e ? NULL : headers, e);
}

static int64_t exchange_ms(void *data) { return kl_session_timestamp_ms(data); }

static void *handshake_start(void *data, const char *method, const char *path, kl_feed_headers_cb done, void *feed) {
  kl_session *s = data;
  handshake *h = calloc(1, sizeof *h);
  if (!h) return NULL;
  h->s = s;
  h->done = done;
  h->feed = feed;
  h->timestamp_ms = kl_session_timestamp_ms(s);
  h->job = kl_sign_start(s->loop, s->key, h->timestamp_ms, method, path, handshake_signed, h);
  if (!h->job) {
    free(h);
    return NULL;
  }
  return h;
}

static void handshake_cancel(void *handle) {
  handshake *h = handle;
  kl_sign_cancel(h->job);
  free(h);
}

static void handshake_expired(void *data, int64_t date_ms, int64_t sent_ms) {
  kl_session *s = data;
  kl_clock_bounds_add(&s->bounds, date_ms, sent_ms, kl_wall_ms(s->clock), true);
}

/* ---- the audit of books ---- */

/* The audit asks only while half of the read tokens are there and nobody waits for any. Unsigned, it costs none. */
static void *audit_ask(void *data, const char *ticker, bool sign, kl_call_cb answered, void *audit) {
  kl_session *s = data;
  kl_budget b;
  kl_session_budget(s, &b);
  if (b.waiting > 0 || b.read < b.read_capacity / 2 || (sign && !s->key)) return NULL;
  char path[96];
  snprintf(path, sizeof path, "/markets/%s/orderbook", ticker); /* a ticker needs no encoding */
  kl_error e;
  kl_call_request r = {
      .op = kl_operation_find("GetMarketOrderbook"), .path = path, .anonymous = !sign, .timeout_ms = AUDIT_TIMEOUT_MS};
  kl_call *c = kl_session_call(s, &r, answered, audit, &e);
  if (!c) kl_log_debug("audit", "%s", e.message);
  return c;
}

static void audit_cancel(void *asked) { kl_call_cancel(asked); }

/* ---- reading it ---- */

kl_feed *kl_session_feed(kl_session *s) { return s->feed; }
kl_account *kl_session_account(kl_session *s) { return s->account; }
const char *kl_session_env(const kl_session *s) { return s->env; }
void kl_session_impatient(kl_session *s) { s->impatient = true; }

bool kl_session_has_key(const kl_session *s) { return s->key != NULL; }
size_t kl_session_writes_pending(const kl_session *s) { return s->writes; }

const kl_request_counts *kl_session_requests(const kl_session *s, size_t i) { return &s->requests[i]; }
const kl_session_times *kl_session_times_get(const kl_session *s) { return &s->times; }

void kl_session_stats_get(const kl_session *s, kl_session_stats *out) {
  *out = s->stats;
  out->clock_known = s->bounds.known;
  out->clock_offset_ms = kl_clock_bounds_offset(&s->bounds);
  int64_t below = out->clock_offset_ms - s->bounds.low, above = s->bounds.high - out->clock_offset_ms;
  out->clock_error_ms = below > above ? below : above;
  kl_book_audit_stats audit;
  kl_book_audit_stats_get(s->audit, &audit);
  out->audits = audit.audits;
  out->audit_differences = audit.differences;
  out->audits_undecided = audit.undecided;
}

/* ---- life ---- */

static void session_free(kl_session *s) {
  kl_key_release(s->key);
  free(s->costs);
  free(s->requests);
  free(s->env);
  free(s->rest_url);
  free(s->base_path);
  free(s->key_id);
  free(s);
}

void kl_session_part_closed(kl_session *s) {
  if (--s->open > 0) return;
  void (*closed)(void *) = s->closed;
  void *data = s->closed_data;
  session_free(s);
  if (closed) closed(data);
}

static void part_closed(void *data) { kl_session_part_closed(data); }
static void pump_closed(uv_handle_t *h) { kl_session_part_closed(h->data); }

/* The path of a URL: what the signature covers in front of an operation's path. */
static char *path_of_url(const char *url) {
  const char *host = strstr(url, "://");
  const char *path = host ? strchr(host + 3, '/') : NULL;
  return strdup(path ? path : "");
}

kl_session *kl_session_new(uv_loop_t *loop, const kl_session_options *o, kl_error *e) {
  if (o->key && (!o->key_id || !o->key_id[0] || strlen(o->key_id) > 120)) {
    kl_error_coded(e, KL_ERR_CONFIG, "key_id_missing",
                   "a private key needs its key id of up to 120 letters: give --key-id ID");
    return NULL;
  }
  size_t n = strlen(o->rest_url);
  if (n == 0 || o->rest_url[n - 1] == '/') {
    kl_error_coded(e, KL_ERR_CONFIG, "url_wrong", "REST URL \"%s\": give it without a slash at the end", o->rest_url);
    return NULL;
  }
  kl_session *s = calloc(1, sizeof *s);
  if (!s) goto no_memory;
  s->loop = loop;
  s->live = o->live;
  s->read_only = o->read_only;
  s->clock = o->clock;
  s->stepped = o->stepped;
  s->env = strdup(o->env);
  s->rest_url = strdup(o->rest_url);
  s->base_path = path_of_url(o->rest_url);
  s->key_id = o->key ? strdup(o->key_id) : NULL;
  if (!s->env || !s->rest_url || !s->base_path || (o->key && !s->key_id) || !kl_session_costs_init(s)) goto no_memory;
  if (o->key) s->key = kl_key_retain(o->key);
  kl_list_init(&s->calls);
  kl_limiter_init(&s->limiter, kl_mono_ns(s->clock));
  if (s->clock->line || getrandom(&s->random, sizeof s->random, GRND_NONBLOCK) != (ssize_t)sizeof s->random)
    s->random = (uint64_t)kl_mono_ns(s->clock);
  s->random |= 1;

  s->http = kl_http_new(loop, &(kl_http_options){.ca_file = o->ca_file, .user_agent = o->user_agent}, e);
  if (!s->http) goto failed;
  s->feed = kl_feed_new(loop,
                        &(kl_feed_options){.ws_url = o->ws_url,
                                           .ca_file = o->ca_file,
                                           .clock = o->clock,
                                           .sign_data = s,
                                           .sign = handshake_start,
                                           .sign_cancel = handshake_cancel,
                                           .expired = handshake_expired,
                                           .now_ms = exchange_ms,
                                           .can_connect = s->key != NULL,
                                           .filters_here = o->filters_here,
                                           .stepped = o->stepped},
                        e);
  if (!s->feed) {
    kl_http_close(s->http, NULL, NULL);
    goto failed;
  }
  s->own = kl_own_orders_new();
  s->account = s->own ? kl_account_new(s) : NULL;
  const kl_book_audit_options audit = {
      .feed = s->feed, .clock = s->clock, .every_ms = o->audit_ms, .data = s, .ask = audit_ask, .cancel = audit_cancel};
  s->audit = s->account && o->audit_ms > 0 ? kl_book_audit_new(loop, &audit) : NULL;
  s->hot = s->audit || (s->account && o->audit_ms <= 0) ? kl_hot_path_new(s, o->presign_ms) : NULL;
  if (!s->hot) {
    kl_book_audit_close(s->audit, NULL, NULL);
    if (s->account) kl_account_close(s->account, NULL, NULL);
    kl_own_orders_free(s->own);
    kl_feed_close(s->feed, NULL, NULL);
    kl_http_close(s->http, NULL, NULL);
    goto no_memory;
  }
  kl_timer_init(loop, &s->pump, s->clock);
  s->pump.uv.data = s;
  return s;

no_memory:
  kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for a session");
failed:
  if (s) session_free(s);
  return NULL;
}

void kl_session_close(kl_session *s, void (*closed)(void *), void *data) {
  s->closing = true;
  s->closed = closed;
  s->closed_data = data;
  s->open += 5; /* the timer, the feed, the HTTP client, the account, what is made ahead; calls counted themselves */
  if (s->audit) s->open++;
  kl_book_audit_close(s->audit, part_closed, s); /* cancels its call */
  s->audit = NULL;
  kl_account_close(s->account, part_closed, s);
  s->account = NULL;
  kl_session_abort_calls(s);
  kl_hot_path_close(s->hot, part_closed, s);
  kl_own_orders_free(s->own);
  s->own = NULL;
  kl_timer_close(&s->pump, pump_closed);
  kl_feed_close(s->feed, part_closed, s); /* cancels its handshake, if one is being signed */
  kl_http_close(s->http, part_closed, s);
}
