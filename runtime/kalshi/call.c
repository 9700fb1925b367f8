/* One REST call from its tokens to its answer: wait, sign, send, and again where repeating is safe. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/signer.h"
#include "base/log.h"
#include "kalshi/response.h"
#include "kalshi/session_impl.h"

enum {
  DEFAULT_TIMEOUT_MS = 30000,
  ATTEMPT_TIMEOUT_MS = 10000, /* one try of a read; the next may do better */
  BACKOFF_FIRST_MS = 250,
  BACKOFF_MOST_MS = 8000,
  DEFAULT_COST = 10, /* of an operation that is not in the table */
  LIMITS_AGAIN_S = 60
};

typedef enum {
  CALL_WAITING, /* for tokens */
  CALL_SIGNING,
  CALL_SENDING,
  CALL_PAUSING, /* before another try */
  CALL_FAILED   /* could not be sent; told from the timer */
} call_state;

struct kl_call {
  kl_list link;
  kl_session *s;
  kl_ticket ticket;
  uv_timer_t timer; /* the pause, or the deadline while nothing is on its way */
  call_state state;

  const kl_operation *op; /* NULL for a path that the table does not know */
  char name[64];          /* for messages */
  char method[8];
  char *path, *query, *body;
  size_t body_len;
  kl_bucket bucket;
  kl_class class;
  bool write;

  int64_t deadline_ns;
  int attempt;
  bool clock_corrected;
  bool sent; /* something of it may have reached the exchange */
  int64_t timestamp_ms, sent_ms;
  kl_sign_job *job;
  kl_http_call *http;
  kl_error error; /* of CALL_FAILED */

  kl_call_cb cb; /* NULL: nobody waits any more */
  void *data;
};

static int64_t remaining_ms(const kl_call *c) { return (c->deadline_ns - kl_mono_ns(c->s->clock)) / 1000000; }

static void call_timer_closed(uv_handle_t *h) {
  kl_call *c = h->data;
  kl_session *s = c->s;
  bool last = s->closing;
  free(c->path);
  free(c->query);
  free(c->body);
  free(c);
  if (last)
    kl_session_part_closed(s);
  else
    s->open--;
}

/* Takes the call off the session; its memory goes when the loop has closed the timer. */
static void call_end(kl_call *c) {
  kl_list_remove(&c->link);
  kl_list_remove(&c->ticket.link);
  if (c->job) kl_sign_cancel(c->job);
  if (c->http) kl_http_cancel(c->http);
  c->job = NULL;
  c->http = NULL;
  if (c->write) c->s->writes--;
  uv_close((uv_handle_t *)&c->timer, call_timer_closed);
}

static void call_finish(kl_call *c, const kl_http_response *res, const kl_error *e) {
  kl_session *s = c->s;
  kl_call_cb cb = c->cb;
  void *data = c->data;
  s->stats.calls++;
  if (e) s->stats.errors++;
  if (!cb) {
    if (e)
      kl_log_warn("session", "%s, which nobody waits for any more: %s: %s", c->name, e->kind, e->message);
    else
      kl_log_info("session", "%s, which nobody waits for any more, answered %d: %.300s", c->name, res->status,
                  res->body_len ? res->body : "");
  } else if (e) {
    kl_log_debug("session", "%s failed: %s: %s", c->name, e->kind, e->message);
  }
  call_end(c);
  if (cb) cb(data, e ? NULL : res, e);
}

static void call_timer_fired(uv_timer_t *t);

/* Sets the timer for the deadline. */
static void call_watch_deadline(kl_call *c) {
  int64_t left = remaining_ms(c);
  uv_timer_start(&c->timer, call_timer_fired, left > 0 ? (uint64_t)left + 1 : 0, 0);
}

static void call_enqueue(kl_call *c) {
  c->state = CALL_WAITING;
  call_watch_deadline(c);
  kl_limiter_enqueue(&c->s->limiter, c->bucket, c->class, &c->ticket);
}

static void call_fail_later(kl_call *c, const kl_error *e) {
  c->error = *e;
  c->state = CALL_FAILED;
  uv_timer_start(&c->timer, call_timer_fired, 0, 0);
}

static uint64_t next_random(kl_session *s) { /* xorshift64; spreads retries, nothing secret */
  s->random ^= s->random << 13;
  s->random ^= s->random >> 7;
  s->random ^= s->random << 17;
  return s->random;
}

/* Between a half and the whole of a pause that doubles from try to try. */
static int64_t backoff_ms(kl_call *c) {
  int64_t pause = BACKOFF_FIRST_MS;
  for (int i = 0; i < c->attempt && pause < BACKOFF_MOST_MS; i++)
    pause *= 2;
  if (pause > BACKOFF_MOST_MS) pause = BACKOFF_MOST_MS;
  return pause / 2 + (int64_t)(next_random(c->s) % (uint64_t)(pause / 2 + 1));
}

/* True when the call goes on. An order that nobody waits for any more is not tried again; its cancel is. */
static bool call_retry(kl_call *c, const kl_error *why) {
  if (!c->cb && c->write && c->class != KL_CLASS_CANCEL) return false;
  int64_t pause = backoff_ms(c);
  if (pause >= remaining_ms(c)) return false;
  c->attempt++;
  c->s->stats.retries++;
  /* The first is told, so that a wait of half a minute is no riddle; the rest would only repeat it. */
  bool told = c->attempt == 1 && strcmp(why->kind, KL_ERR_RATE_LIMIT) != 0;
  kl_log_write(told ? KL_LOG_WARN : KL_LOG_DEBUG, "session", "%s: %s; again in %lld ms", c->name, why->message,
               (long long)pause);
  c->state = CALL_PAUSING;
  uv_timer_start(&c->timer, call_timer_fired, (uint64_t)pause, 0);
  return true;
}

/* The client_order_id in a body, for messages. */
static bool find_client_order_id(const kl_call *c, char *out, size_t cap) {
  json_t *root = c->body ? json_loadb(c->body, c->body_len, 0, NULL) : NULL;
  const char *id = json_string_value(json_object_get(root, "client_order_id"));
  bool found = id && id[0];
  if (found) snprintf(out, cap, "%s", id);
  json_decref(root);
  return found;
}

/* What to do about a write that may or may not have happened. */
static void describe_unknown(const kl_call *c, char *out, size_t cap) {
  char id[96];
  if (c->class == KL_CLASS_CANCEL)
    snprintf(out, cap, "it may or may not have happened; look at the orders, canceling again does no harm");
  else if (find_client_order_id(c, id, sizeof id))
    snprintf(out, cap,
             "it may or may not have happened; look the order up by client_order_id %s before sending it again", id);
  else
    snprintf(out, cap, "it may or may not have happened; look before sending it again");
}

/* The transport failed: no answer. */
static void call_no_answer(kl_call *c, const kl_error *e) {
  bool unsent = !strcmp(e->code, "unsent");
  bool passing = !strcmp(e->kind, KL_ERR_NETWORK) || !strcmp(e->kind, KL_ERR_TIMEOUT);
  if (!unsent) c->sent = true;
  if (passing && (unsent || !c->write) && call_retry(c, e)) return;
  kl_error out;
  if (c->write && c->sent && strcmp(e->kind, KL_ERR_VALIDATION) != 0) {
    char todo[256];
    describe_unknown(c, todo, sizeof todo);
    kl_error_set(&out, passing ? e->kind : KL_ERR_NETWORK, "%s was sent, but no answer came (%.200s): %s", c->name,
                 e->message, todo);
    snprintf(out.code, sizeof out.code, "outcome_unknown");
  } else {
    kl_error_set(&out, e->kind, "%s: %s", c->name, e->message);
    out.retryable = passing;
  }
  snprintf(out.operation, sizeof out.operation, "%s", c->name);
  call_finish(c, NULL, &out);
}

static bool is_timestamp_refusal(const kl_error *e) {
  return e->status == 401 && !strcmp(e->code, "header_timestamp_expired");
}

/* The exchange answered with something other than a success. */
static void call_refused(kl_call *c, const kl_http_response *res) {
  kl_session *s = c->s;
  kl_error e;
  kl_error_from_answer(&e, res->status, res->content_type, res->body, res->body_len, c->name);
  if (is_timestamp_refusal(&e) && res->date_ms && !c->clock_corrected) {
    c->clock_corrected = true;
    kl_log_warn("session", "the exchange refused the timestamp; its clock is %lld ms from ours, corrected",
                (long long)kl_clock_bounds_offset(&s->bounds));
    s->stats.retries++;
    call_enqueue(c);
    kl_session_pump(s);
    return;
  }
  if (res->status == 429) {
    /* Refused before anything happened, so a write may be repeated too. */
    s->stats.rate_limited++;
    kl_limiter_drain(&s->limiter, c->bucket, kl_mono_ns(s->clock));
    if (call_retry(c, &e)) return;
  } else if (res->status >= 500 && res->status != 501 && !c->write) {
    if (call_retry(c, &e)) return;
  }
  size_t n = strlen(e.message);
  if (res->status >= 500 && c->write) {
    e.retryable = false;
    char todo[256];
    describe_unknown(c, todo, sizeof todo);
    snprintf(e.message + n, sizeof e.message - n, "; %s", todo);
    if (!e.code[0]) snprintf(e.code, sizeof e.code, "outcome_unknown");
  } else if (res->status >= 300 && res->status < 400) {
    snprintf(e.message + n, sizeof e.message - n, ": redirects are not followed, check the REST URL");
  } else if (res->status == 410 && c->op && c->op->replaced_by) {
    snprintf(e.message + n, sizeof e.message - n, ": use kalshi.%s", c->op->replaced_by);
  }
  call_finish(c, NULL, &e);
}

static void call_answered(void *data, const kl_http_response *res, const kl_error *e) {
  kl_call *c = data;
  kl_session *s = c->s;
  c->http = NULL;
  if (e) {
    call_no_answer(c, e);
    return;
  }
  c->sent = true;
  kl_log_debug("session", "%s %s%s: %d, %zu bytes, %.1f ms", c->method, s->base_path, c->path, res->status,
               res->body_len, (double)res->total_us / 1e3);
  /* An unsigned answer may come from a cache, Date and all. */
  if (res->date_ms && (c->timestamp_ms || !s->key)) {
    kl_error refusal = {.status = res->status};
    if (res->status == 401)
      kl_error_from_answer(&refusal, res->status, res->content_type, res->body, res->body_len, c->name);
    kl_clock_bounds_add(&s->bounds, res->date_ms, c->sent_ms, kl_wall_ms(s->clock), is_timestamp_refusal(&refusal));
  }
  if (res->status < 200 || res->status >= 300) {
    call_refused(c, res);
    return;
  }
  if (c->op && !strcmp(c->op->id, "GetAccountApiLimits")) kl_session_take_limits(s, res->body, res->body_len);
  call_finish(c, res, NULL);
}

static void call_send(kl_call *c, const char *signature) {
  kl_session *s = c->s;
  char key[160], timestamp[64], sign[KL_SIGNATURE_MAX + 40];
  const char *headers[6];
  int n = 0;
  headers[n++] = "Accept: application/json";
  if (c->body) headers[n++] = "Content-Type: application/json";
  if (signature) {
    snprintf(key, sizeof key, "KALSHI-ACCESS-KEY: %s", s->key_id);
    snprintf(timestamp, sizeof timestamp, "KALSHI-ACCESS-TIMESTAMP: %lld", (long long)c->timestamp_ms);
    snprintf(sign, sizeof sign, "KALSHI-ACCESS-SIGNATURE: %s", signature);
    headers[n++] = key;
    headers[n++] = timestamp;
    headers[n++] = sign;
  }
  headers[n] = NULL;

  kl_error e;
  kl_buf url = {0};
  kl_buf_str(&url, s->rest_url);
  kl_buf_str(&url, c->path);
  if (c->query) {
    kl_buf_char(&url, '?');
    kl_buf_str(&url, c->query);
  }
  int64_t left = remaining_ms(c);
  if (left < 1) left = 1;
  if (!c->write && left > ATTEMPT_TIMEOUT_MS) left = ATTEMPT_TIMEOUT_MS;
  c->sent_ms = kl_wall_ms(s->clock);
  if (url.failed) {
    kl_error_set(&e, KL_ERR_INTERNAL, "%s: not enough memory", c->name);
  } else {
    kl_http_request r = {.method = c->method,
                         .url = url.data,
                         .headers = headers,
                         .body = c->body,
                         .body_len = c->body_len,
                         .timeout_ms = left};
    c->http = kl_http_send(s->http, &r, call_answered, c, &e);
  }
  kl_buf_free(&url);
  if (c->http) {
    c->state = CALL_SENDING;
    uv_timer_stop(&c->timer); /* the HTTP client watches the time now */
  } else {
    call_fail_later(c, &e);
  }
}

static void call_signed(void *data, const char *signature, const kl_error *e) {
  kl_call *c = data;
  c->job = NULL;
  if (e)
    call_finish(c, NULL, e);
  else
    call_send(c, signature);
}

/* It has its tokens: signs where there is a key, and sends. Calls nobody back. */
static void call_start(kl_call *c) {
  kl_session *s = c->s;
  if (!s->key) {
    call_send(c, NULL);
    return;
  }
  kl_buf path = {0};
  kl_buf_str(&path, s->base_path);
  kl_buf_str(&path, c->path);
  c->timestamp_ms = kl_session_timestamp_ms(s);
  c->state = CALL_SIGNING;
  if (!path.failed) c->job = kl_sign_start(s->loop, s->key, c->timestamp_ms, c->method, path.data, call_signed, c);
  kl_buf_free(&path);
  if (!c->job) {
    kl_error e;
    kl_error_set(&e, KL_ERR_INTERNAL, "%s: not enough memory to sign it", c->name);
    call_fail_later(c, &e);
  }
}

static void pump_fired(uv_timer_t *t) { kl_session_pump(t->data); }

void kl_session_pump(kl_session *s) {
  if (s->closing) return;
  int64_t wait_ns;
  for (kl_ticket *t; (t = kl_limiter_next(&s->limiter, kl_mono_ns(s->clock), &wait_ns));)
    call_start(KL_CONTAINER(t, kl_call, ticket));
  if (wait_ns >= 0) uv_timer_start(&s->pump, pump_fired, (uint64_t)(wait_ns / 1000000) + 1, 0);
}

static void call_timed_out(kl_call *c) {
  kl_error e;
  if (c->state == CALL_WAITING)
    kl_error_set(&e, KL_ERR_TIMEOUT, "%s waited too long for its rate-limit tokens (%s bucket): send fewer calls",
                 c->name, c->bucket == KL_BUCKET_WRITE ? "write" : "read");
  else
    kl_error_set(&e, KL_ERR_TIMEOUT, "%s ran out of time before it was sent", c->name);
  e.retryable = !c->sent || !c->write;
  snprintf(e.operation, sizeof e.operation, "%s", c->name);
  call_finish(c, NULL, &e);
}

static void call_timer_fired(uv_timer_t *t) {
  kl_call *c = t->data;
  switch (c->state) {
  case CALL_WAITING:
  case CALL_SIGNING:
    if (remaining_ms(c) > 0)
      call_watch_deadline(c);
    else
      call_timed_out(c);
    break;
  case CALL_PAUSING:
    call_enqueue(c);
    kl_session_pump(c->s);
    break;
  case CALL_FAILED:
    call_finish(c, NULL, &c->error);
    break;
  case CALL_SENDING:
    break;
  }
}

/* ---- starting one ---- */

static void limits_answered(void *data, const kl_http_response *res, const kl_error *e) {
  (void)data;
  (void)res; /* kl_session_take_limits has seen it */
  if (e) kl_log_debug("session", "the account's limits could not be read: %s", e->message);
}

/* Asks for the account's real limits once they begin to matter: a bucket is half empty. */
static void ask_for_limits(kl_session *s) {
  int64_t now = kl_mono_ns(s->clock);
  if (s->limits_known || !s->key || s->closing) return;
  if (s->limits_asked_ns && now - s->limits_asked_ns < LIMITS_AGAIN_S * INT64_C(1000000000)) return;
  bool matters = false;
  for (int i = 0; i < 2; i++)
    if (kl_limiter_tokens(&s->limiter, (kl_bucket)i, now) < s->limiter.buckets[i].capacity / 2) matters = true;
  if (!matters) return;
  s->limits_asked_ns = now;
  kl_error e;
  kl_call_request r = {.op = kl_operation_find("GetAccountApiLimits"), .path = "/account/limits"};
  if (!kl_session_call(s, &r, limits_answered, NULL, &e)) kl_log_debug("session", "%s", e.message);
}

static bool check_request(const kl_session *s, const kl_call_request *r, const kl_operation *op, const char *method,
                          const char *name, kl_error *e) {
  if (s->closing) {
    kl_error_set(e, KL_ERR_CLOSED, "%s: the session is closed", name);
    return false;
  }
  if (!r->path || r->path[0] != '/') {
    kl_error_set(e, KL_ERR_VALIDATION, "%s: the path must begin with a slash, for example /exchange/status", name);
    return false;
  }
  for (const char *p = r->path; *p; p++)
    if (*p <= ' ' || *p == '?' || *p == '#' || *p == 0x7f) {
      kl_error_set(e, KL_ERR_VALIDATION,
                   "%s: the path holds \"%c\", which must be percent-encoded or, in front of a query, left out", name,
                   *p > ' ' && *p != 0x7f ? *p : ' ');
      return false;
    }
  bool known = false;
  static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "PATCH"};
  for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
    known = known || !strcmp(method, methods[i]);
  if (!known) {
    kl_error_set(e, KL_ERR_VALIDATION, "%s: unknown method \"%.16s\": use GET, POST, PUT or DELETE", name, method);
    return false;
  }
  bool write = strcmp(method, "GET") != 0;
  if (write && !s->live && !strcmp(s->env, "prod")) {
    kl_error_set(e, KL_ERR_PERMISSION, "%s would act on the real exchange: start with --live to allow it", name);
    return false;
  }
  /* Books are described as signed but answer unsigned calls too. */
  if (op && op->auth && !s->key && strncmp(r->path, "/markets/", 9) != 0) {
    kl_error_set(e, KL_ERR_AUTH,
                 "%s needs an API key: give --key-id and --key (KALSHI_API_KEY_ID, "
                 "KALSHI_PRIVATE_KEY_PATH)",
                 name);
    return false;
  }
  return true;
}

kl_call *kl_session_call(kl_session *s, const kl_call_request *r, kl_call_cb cb, void *data, kl_error *e) {
  const char *method = r->op ? r->op->method : r->method ? r->method : "";
  const kl_operation *op = r->op ? r->op : kl_operation_match(method, r->path ? r->path : "");
  char name[64];
  if (r->op)
    snprintf(name, sizeof name, "%s", r->op->name);
  else
    snprintf(name, sizeof name, "%.8s %.50s", method, r->path ? r->path : "");
  if (!check_request(s, r, op, method, name, e)) goto refused;

  kl_bucket bucket = op ? op->bucket : strcmp(method, "GET") != 0 ? KL_BUCKET_WRITE : KL_BUCKET_READ;
  double cost = op ? op->cost : DEFAULT_COST;
  if (op && op->cost_per_item && r->items > 1) cost *= r->items;
  double capacity = s->limiter.buckets[bucket].capacity;
  if (s->limits_known && cost > capacity) {
    kl_error_set(e, KL_ERR_VALIDATION,
                 "%s costs %.0f tokens but the account's %s bucket holds %.0f: send at most %.0f "
                 "at once",
                 name, cost, bucket == KL_BUCKET_WRITE ? "write" : "read", capacity,
                 op ? (double)(uint32_t)(capacity / op->cost) : 1);
    goto refused;
  }

  kl_call *c = calloc(1, sizeof *c);
  if (!c) goto no_memory;
  c->s = s;
  c->op = op;
  c->write = strcmp(method, "GET") != 0;
  c->bucket = bucket;
  c->class = !c->write ? KL_CLASS_READ : !strcmp(method, "DELETE") ? KL_CLASS_CANCEL : KL_CLASS_WRITE;
  c->ticket.cost = cost;
  memcpy(c->name, name, sizeof name);
  snprintf(c->method, sizeof c->method, "%s", method);
  c->path = strdup(r->path);
  c->query = r->query && r->query[0] ? strdup(r->query) : NULL;
  /* A POST or PUT without a body and its type is refused by some paths (invalid_content_type). */
  const char *body = r->body ? r->body : !strcmp(method, "POST") || !strcmp(method, "PUT") ? "{}" : NULL;
  if (body) {
    c->body_len = r->body ? r->body_len : strlen(body);
    c->body = malloc(c->body_len + 1);
    if (c->body) {
      memcpy(c->body, body, c->body_len);
      c->body[c->body_len] = '\0';
    }
  }
  if (!c->path || (r->query && r->query[0] && !c->query) || (body && !c->body)) {
    free(c->path);
    free(c->query);
    free(c->body);
    free(c);
    goto no_memory;
  }
  c->cb = cb;
  c->data = data;
  c->deadline_ns = kl_mono_ns(s->clock) + (r->timeout_ms ? r->timeout_ms : DEFAULT_TIMEOUT_MS) * INT64_C(1000000);
  kl_list_init(&c->ticket.link);
  kl_list_append(&s->calls, &c->link);
  uv_timer_init(s->loop, &c->timer);
  c->timer.data = c;
  s->open++;
  if (c->write) s->writes++;
  call_enqueue(c);
  kl_session_pump(s);
  ask_for_limits(s);
  return c;

no_memory:
  kl_error_set(e, KL_ERR_INTERNAL, "%s: not enough memory", name);
refused:
  if (e) snprintf(e->operation, sizeof e->operation, "%s", name);
  return NULL;
}

void kl_call_cancel(kl_call *c) {
  bool goes_on = c->write && (c->sent || c->state == CALL_SENDING || c->class == KL_CLASS_CANCEL);
  if (goes_on) {
    c->cb = NULL;
    return;
  }
  if (c->write) kl_log_info("session", "%s was given up before it was sent", c->name);
  call_end(c);
  kl_session_pump(c->s);
}

void kl_session_abort_calls(kl_session *s) {
  while (!kl_list_empty(&s->calls)) {
    kl_call *c = KL_CONTAINER(s->calls.next, kl_call, link);
    kl_error e;
    bool unknown = c->write && (c->sent || c->state == CALL_SENDING);
    kl_error_set(&e, KL_ERR_CLOSED,
                 unknown ? "%s was under way when the session closed; it may or may not have happened"
                         : "%s: the session closed before it was answered",
                 c->name);
    if (unknown) snprintf(e.code, sizeof e.code, "outcome_unknown");
    snprintf(e.operation, sizeof e.operation, "%s", c->name);
    call_finish(c, NULL, &e);
  }
}
