/* One REST call from its tokens to its answer: wait, sign, send, and again where repeating is safe. What was not asked
 * is in call_new.c, what got lost in lost_write.c. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "kalshi/account_internal.h"
#include "kalshi/hot_path.h"
#include "kalshi/lost_write.h"
#include "kalshi/response.h"
#include "kalshi/session_impl.h"

enum {
  READ_TIMEOUT_MS = 10000,  /* one try of a read; the next may do better */
  WRITE_TIMEOUT_MS = 10000, /* of a write: what is left is for looking up what became of it */
  WRITE_LEAST_MS = 5000,
  RESEND_LEAST_MS = 2000, /* what a write that did not happen needs to be sent again */
  BACKOFF_FIRST_MS = 250,
  BACKOFF_MOST_MS = 8000,
  REFUSED_TRIES = 2,           /* again, of a connection that is refused while a person waits */
  STEPPED_TIMEOUT_MS = 600000, /* where time stands still; its own timer counts */
  READS_AT_ONCE = 12           /* of the connections to a host, so that an order always finds one */
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

/* It is no longer under way, neither being signed nor being sent. */
static void call_off_way(kl_call *c) {
  c->http = NULL;
  if (!c->ticket.paid) return;
  kl_limiter_settle(&c->s->limiter, &c->ticket, kl_mono_ns(c->s->clock));
  if (!c->write) c->s->reads_under_way--;
}

/* Takes the call off the session; its memory goes when the loop has closed the timer. */
static void call_end(kl_call *c) {
  kl_list_remove(&c->link);
  kl_limiter_remove(&c->ticket);
  if (c->job) kl_sign_cancel(c->job);
  if (c->http) kl_http_cancel(c->http);
  call_off_way(c);
  if (c->lookup) kl_lost_write_cancel(c->lookup);
  c->job = NULL;
  c->lookup = NULL;
  if (c->write) c->s->writes--;
  kl_timer_close(&c->timer, call_timer_closed);
}

static bool writes_orders(const kl_call *c) { return !strncmp(c->path, "/portfolio/events/orders", 24); }

/* For the log: what it is, and what went wrong with it (NULL: nothing). */
static kl_buf call_fields(const kl_call *c, const kl_error *e) {
  kl_error of = e ? *e : (kl_error){0};
  snprintf(of.operation, sizeof of.operation, "%s", c->op ? c->op->name : c->name);
  return kl_log_of_error(&of);
}

static void call_finish(kl_call *c, const kl_http_response *res, const kl_error *e) {
  kl_session *s = c->s;
  kl_call_cb cb = c->cb;
  void *data = c->data;
  s->stats.calls++;
  if (e) s->stats.errors++;
  if (!cb) {
    if (e)
      kl_log_write_with(KL_LOG_WARN, "session", call_fields(c, e), "%s, which nobody waits for any more: %s: %s",
                        c->name, e->kind, e->message);
    else
      kl_log_info("session", "%s, which nobody waits for any more, answered %d: %.300s", c->name, res->status,
                  writes_orders(c) && res->body_len ? res->body : ""); /* others may hold a new key */
  } else if (e) {
    kl_log_write_with(KL_LOG_DEBUG, "session", call_fields(c, e), "%s failed: %s: %s", c->name, e->kind, e->message);
  }
  call_end(c);
  if (cb) cb(data, e ? NULL : res, e);
}

static void call_timer_fired(uv_timer_t *t);

/* Sets the timer for the deadline. */
static void call_watch_deadline(kl_call *c) {
  int64_t left = remaining_ms(c);
  kl_timer_start(&c->timer, call_timer_fired, left > 0 ? (uint64_t)left + 1 : 0, 0);
}

static void call_enqueue(kl_call *c) {
  c->state = KL_CALL_WAITING;
  c->queued_ns = kl_mono_ns(c->s->clock);
  call_watch_deadline(c);
  if (!c->anonymous) c->ticket.cost = kl_session_cost(c->s, c->op, c->items); /* may have become known meanwhile */
  kl_limiter_enqueue(&c->s->limiter, &c->ticket);
}

static void call_fail_later(kl_call *c, const kl_error *e) {
  c->error = *e;
  c->state = KL_CALL_FAILED;
  kl_timer_start(&c->timer, call_timer_fired, 0, 0);
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

/* True when the call goes on. An order that was given up is not tried again; its cancel is. */
static bool call_retry(kl_call *c, const kl_error *why) {
  bool wanted = (c->cb && !c->given_up) || c->left;
  if (!wanted && c->write && c->ticket.class != KL_CLASS_CANCEL) return false;
  int64_t pause = backoff_ms(c);
  if (pause >= remaining_ms(c)) return false;
  c->attempt++;
  if (why != &c->error) c->error = *why; /* what is told should there be no time for the next one */
  c->s->stats.retries++;
  /* The first is told, so that a wait of half a minute is no riddle; the rest would only repeat it. */
  bool told = c->attempt == 1 && strcmp(why->kind, KL_ERR_RATE_LIMIT) != 0;
  kl_log_write_with(told ? KL_LOG_WARN : KL_LOG_DEBUG, "session", call_fields(c, why), "%s: %s; again in %lld ms",
                    c->name, why->message, (long long)pause);
  c->state = KL_CALL_PAUSING;
  kl_timer_start(&c->timer, call_timer_fired, (uint64_t)pause, 0);
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
  if (c->ticket.class == KL_CLASS_CANCEL)
    snprintf(out, cap, "it may or may not have happened; look at the orders, canceling again does no harm");
  else if (find_client_order_id(c, id, sizeof id))
    snprintf(out, cap,
             "it may or may not have happened; look the order up by client_order_id %s before sending it again", id);
  else
    snprintf(out, cap, "it may or may not have happened; look before sending it again");
}

/* Tells that nobody knows. `why` completes "…: ". */
static void call_finish_unknown(kl_call *c, const char *why) {
  kl_error out;
  char todo[256];
  describe_unknown(c, todo, sizeof todo);
  kl_error_coded(&out, c->error.kind, "outcome_unknown", "%s was sent, but no answer came (%.160s%s%.160s): %s",
                 c->name, c->error.message, why[0] ? "; " : "", why, todo);
  out.status = c->error.status;
  snprintf(out.operation, sizeof out.operation, "%s", c->name);
  if (!c->told_unknown) c->s->stats.lost_unknown++;
  call_finish(c, NULL, &out);
}

/* It did not happen. Sends it again while there is time and somebody who wants it. */
static void call_not_done(kl_call *c, const char *how) {
  bool cancel = c->ticket.class == KL_CLASS_CANCEL;
  kl_log_info("session", "%s: its answer was lost, but it did not happen (%s)", c->name, how);
  /* Sent again without time for another look-up, what is known for sure might end as unknown. */
  if ((cancel || remaining_ms(c) > RESEND_LEAST_MS) && call_retry(c, &c->error)) {
    if (!c->told_unknown) c->s->stats.lost_not_done++;
    return;
  }
  if (cancel) {
    /* It is repeated without asking how fresh the read was, so without the repetition nothing is known. */
    call_finish_unknown(c, how);
    return;
  }
  if (!c->told_unknown) c->s->stats.lost_not_done++;
  kl_error out;
  kl_error_coded(&out, c->error.kind, "not_done",
                 "%s did not happen: its answer was lost (%.200s), and a look-up showed that %s; it may be sent again",
                 c->name, c->error.message, how);
  out.status = c->error.status;
  out.retryable = true;
  snprintf(out.operation, sizeof out.operation, "%s", c->name);
  call_finish(c, NULL, &out);
}

static void call_looked_up(void *data, kl_lost_verdict verdict, const char *text, size_t n) {
  kl_call *c = data;
  c->lookup = NULL;
  if (verdict == KL_LOST_DONE) {
    kl_log_info("session", "%s: its answer was lost, but it happened: %.300s", c->name, text);
    if (!c->told_unknown) c->s->stats.lost_done++;
    kl_order_answer ignored;
    (void)kl_lost_write_remember(c->s, c, text, n, &ignored);
    call_finish(c, &(kl_http_response){.status = 200, .body = text, .body_len = n, .content_type = "application/json"},
                NULL);
  } else if (c->refused) {
    /* It was sent again after a loss and refused: that is its outcome. */
    kl_error refusal = c->error;
    call_finish(c, NULL, &refusal);
  } else if (verdict == KL_LOST_NOT_DONE) {
    call_not_done(c, text);
  } else {
    call_finish_unknown(c, text);
  }
}

/* Whether the outcome can be looked up; it then is. `c->error` says why the answer was lost. */
static bool call_look_up(kl_call *c) {
  if (!c->s->key || !kl_lost_write_can(c)) return false;
  c->lookup = kl_lost_write_start(c, !strcmp(c->error.kind, KL_ERR_TIMEOUT), call_looked_up, c);
  if (!c->lookup) return false;
  c->state = KL_CALL_LOOKING_UP;
  call_watch_deadline(c);
  kl_log_write(c->lost ? KL_LOG_DEBUG : KL_LOG_WARN, "session", "%s: no answer (%s); looking up what became of it",
               c->name, c->error.message);
  c->lost = true;
  return true;
}

/* A write that may have happened, and whose answer is not to be had. */
static void call_lost(kl_call *c, const kl_error *e) {
  c->error = *e;
  c->s->stats.lost++;
  if (!call_look_up(c)) call_finish_unknown(c, "");
}

/* The transport failed: no answer. */
static void call_no_answer(kl_call *c, const kl_error *e) {
  bool unsent = e->sent == KL_SENT_NO;
  bool passing = !strcmp(e->kind, KL_ERR_NETWORK) || !strcmp(e->kind, KL_ERR_TIMEOUT);
  if (!unsent) c->sent = true;
  if (passing && (unsent || !c->write || c->repeat != KL_REPEAT_NEVER)) {
    c->lost = c->lost || !unsent;
    bool enough = c->s->impatient && c->attempt >= REFUSED_TRIES && unsent && !strcmp(e->code, "connection_failed");
    if (!enough && call_retry(c, e)) return;
  }
  if (c->write && c->sent && strcmp(e->kind, KL_ERR_VALIDATION) != 0) {
    kl_error lost = *e;
    if (!passing) lost.kind = KL_ERR_NETWORK; /* an answer that is no HTTP, or too long, tells as little as none */
    call_lost(c, &lost);
    return;
  }
  kl_error out;
  kl_error_coded(&out, e->kind, e->code, "%s: %s", c->name, e->message);
  out.retryable = passing;
  snprintf(out.operation, sizeof out.operation, "%s", c->name);
  call_finish(c, NULL, &out);
}

static bool is_timestamp_refusal(const kl_error *e) {
  return e->status == 401 && !strcmp(e->code, "header_timestamp_expired");
}

/* What a write says that was sent again after its answer was lost, and whose first may have come through all the same.
 */
static bool contradicts(const kl_call *c, int status) {
  if (!c->lost || c->refused) return false;
  return status == 404 || status == 409;
}

/* The exchange answered with something other than a success. */
static void call_refused(kl_call *c, const kl_http_response *res) {
  kl_session *s = c->s;
  kl_error e;
  kl_error_from_answer(&e, res->status, res->content_type, res->body, res->body_len, c->name);
  if (is_timestamp_refusal(&e) && res->date_ms && !c->clock_corrected) {
    c->clock_corrected = true;
    if (!c->lost) c->first_sent_ms = 0; /* by the clock that was wrong, and this one came to nothing */
    kl_log_warn("session", "the exchange refused the timestamp; its clock is %lld ms from ours, corrected",
                (long long)kl_clock_bounds_offset(&s->bounds));
    s->stats.retries++;
    call_enqueue(c);
    kl_session_pump(s);
    return;
  }
  /* Of an earlier try that was lost a refusal says nothing, and a cancel is to outlast a pause. */
  bool refused = kl_error_is_refusal(&e) && !c->lost && c->ticket.class != KL_CLASS_CANCEL;
  bool may_have_happened = res->status >= 500 && res->status != 501 && c->write && !refused;
  if (res->status == 429) {
    /* Refused before anything happened, so a write may be repeated too. */
    if (s->stats.rate_limited++ == 0)
      kl_log_warn("session", "%s was refused for want of tokens (429): another program may be trading on this account",
                  c->name);
    /* An unsigned call is held against something else than the account. */
    if (!c->anonymous) kl_limiter_drain(&s->limiter, c->ticket.buckets, kl_mono_ns(s->clock));
    if (call_retry(c, &e)) return;
  } else if (res->status >= 500 && res->status != 501 && (!c->write || c->repeat != KL_REPEAT_NEVER)) {
    c->lost = c->lost || c->write;
    if (call_retry(c, &e)) return;
  } else if (may_have_happened) {
    c->error = e;
    s->stats.lost++;
    if (call_look_up(c)) return;
    s->stats.lost_unknown++;
  } else if (contradicts(c, res->status)) {
    if (c->repeat == KL_REPEAT_GONE && res->status == 404) {
      call_finish(c, &(kl_http_response){.status = 204, .body = "", .content_type = ""}, NULL);
      return;
    }
    c->refused = true;
    c->error = e;
    if (call_look_up(c)) return;
  }
  size_t n = strlen(e.message);
  if (may_have_happened) {
    e.retryable = false;
    char todo[256];
    describe_unknown(c, todo, sizeof todo);
    snprintf(e.message + n, sizeof e.message - n, "; %s", todo);
    kl_error_code(&e, "outcome_unknown");
  } else if (res->status >= 300 && res->status < 400) {
    snprintf(e.message + n, sizeof e.message - n, ": redirects are not followed, check the REST URL");
  } else if (res->status == 404 && c->unrouted) {
    snprintf(e.message + n, sizeof e.message - n,
             "; it was looked for on shard 0 alone: give market_ticker if it may be on another");
  } else if (res->status == 410 && c->op && c->op->replaced_by) {
    snprintf(e.message + n, sizeof e.message - n, ": use kalshi.%s", c->op->replaced_by);
  }
  call_finish(c, NULL, &e);
}

static void call_succeeded(kl_call *c, const kl_http_response *res) {
  kl_session *s = c->s;
  if (c->op) kl_session_take_answer(s, c->op, res->body, res->body_len);
  kl_order_answer answer = {0};
  if (c->write && !kl_lost_write_remember(s, c, res->body, res->body_len, &answer)) {
    /* A page of some proxy's, or half an answer: it tells as little as none. */
    kl_error e;
    kl_error_coded(&e, KL_ERR_PROTOCOL, "answer_unreadable",
                   "it answered %d with something that is not JSON: \"%.80s\"", res->status, res->body);
    e.status = res->status;
    call_lost(c, &e);
    return;
  }
  if (c->write) {
    /* Exact to the millisecond where a Date header is to the second. */
    if (answer.ts_ms) kl_clock_bounds_refine(&s->bounds, answer.ts_ms, c->sent_ms, kl_wall_ms(s->clock));
    kl_hot_path_answered(s->hot, c, &answer);
    kl_account_answered(s->account, c, &answer, res->body, res->body_len);
  }
  call_finish(c, res, NULL);
}

/* `res` NULL: no answer. */
static void call_count(kl_call *c, const kl_http_response *res) {
  kl_session *s = c->s;
  int class = res ? res->status / 100 : 0;
  int end = class >= 2 && class <= 5 ? KL_REQUEST_2XX + class - 2 : KL_REQUEST_NO_ANSWER;
  s->requests[c->op ? (size_t)(c->op - kl_operations) : kl_operation_count].ends[end]++;
  if (res) kl_durations_add(c->write ? &s->times.writes : &s->times.reads, kl_mono_ns(s->clock) - c->left_ns);
}

static void call_answered(void *data, const kl_http_response *res, const kl_error *e) {
  kl_call *c = data;
  kl_session *s = c->s;
  call_count(c, e ? NULL : res);
  call_off_way(c);
  kl_hot_path_traffic(s->hot);
  if (e) {
    call_no_answer(c, e);
    if (!s->closing) kl_session_pump(s); /* a read less is under way */
    return;
  }
  c->sent = true;
  if (kl_log_enabled(KL_LOG_DEBUG)) {
    kl_buf fields = call_fields(c, NULL);
    kl_log_number(&fields, "status", res->status);
    kl_log_number(&fields, "latency_ms", (double)res->total_us / 1e3);
    kl_log_write_with(KL_LOG_DEBUG, "session", fields, "%s %s%s: %d, %zu bytes, %.1f ms", c->method, s->base_path,
                      c->path, res->status, res->body_len, (double)res->total_us / 1e3);
  }
  /* An unsigned answer may come from a cache, Date and all. */
  if (res->date_ms && (c->timestamp_ms || !s->key)) {
    kl_error refusal = {.status = res->status};
    if (res->status == 401)
      kl_error_from_answer(&refusal, res->status, res->content_type, res->body, res->body_len, c->name);
    kl_clock_bounds_add(&s->bounds, res->date_ms, c->sent_ms, kl_wall_ms(s->clock), is_timestamp_refusal(&refusal));
  }
  bool write = c->write;
  if (res->status < 200 || res->status >= 300) {
    call_refused(c, res);
  } else {
    call_succeeded(c, res);
  }
  if (!write && !s->closing) kl_session_pump(s);
}

/* How long one try may take. */
static int64_t attempt_ms(const kl_call *c) {
  int64_t left = remaining_ms(c), most = READ_TIMEOUT_MS;
  if (c->write) {
    most = left / 2 > WRITE_LEAST_MS ? left / 2 : WRITE_LEAST_MS;
    if (most > WRITE_TIMEOUT_MS) most = WRITE_TIMEOUT_MS;
  }
  if (left > most) left = most;
  return left < 1 ? 1 : left;
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
  int64_t left = attempt_ms(c);
  c->left_ns = kl_mono_ns(s->clock);
  c->sent_ms = kl_wall_ms(s->clock);
  if (!c->first_sent_ms) {
    c->first_sent_ms = kl_session_timestamp_ms(s);
    if (c->write) kl_lost_write_before(c);
  }
  if (url.failed) {
    kl_error_set(&e, KL_ERR_INTERNAL, "%s: not enough memory", c->name);
  } else {
    kl_http_request r = {.method = c->method,
                         .url = url.data,
                         .headers = headers,
                         .body = c->body,
                         .body_len = c->body_len,
                         .uncompressed = c->write,
                         .timeout_ms = s->stepped ? STEPPED_TIMEOUT_MS : left};
    c->http = kl_http_send(s->http, &r, call_answered, c, &e);
  }
  kl_buf_free(&url);
  if (c->http) {
    c->state = KL_CALL_SENDING;
    kl_timer_stop(&c->timer); /* the HTTP client watches the time now, */
    if (s->stepped) kl_timer_start(&c->timer, call_timer_fired, (uint64_t)left, 0); /* the machine's */
  } else {
    call_fail_later(c, &e);
  }
}

static void call_signed(void *data, const char *signature, const kl_error *e) {
  kl_call *c = data;
  kl_session *s = c->s;
  c->job = NULL;
  if (!e) {
    call_send(c, signature);
    return;
  }
  call_finish(c, NULL, e);
  kl_session_pump(s); /* one less is under way */
}

/* It has its tokens: signs where there is a key, and sends. Calls nobody back. */
static void call_start(kl_call *c) {
  kl_session *s = c->s;
  if (!s->key || c->anonymous) {
    call_send(c, NULL);
    return;
  }
  char ready[KL_SIGNATURE_MAX];
  kl_buf path = {0};
  kl_buf_str(&path, s->base_path);
  kl_buf_str(&path, c->path);
  /* One made before the clock was corrected would be refused again. */
  if (!path.failed && c->write && !c->clock_corrected &&
      kl_hot_path_signature(s->hot, c, path.data, &c->timestamp_ms, ready)) {
    s->stats.presigned++;
    call_send(c, ready);
    kl_buf_free(&path);
    return;
  }
  c->timestamp_ms = kl_session_timestamp_ms(s);
  c->state = KL_CALL_SIGNING;
  if (!path.failed) c->job = kl_sign_start(s->loop, s->key, c->timestamp_ms, c->method, path.data, call_signed, c);
  kl_buf_free(&path);
  if (!c->job) {
    kl_error e;
    kl_error_set(&e, KL_ERR_INTERNAL, "%s: not enough memory to sign it", c->name);
    call_fail_later(c, &e);
  }
}

static void pump_fired(uv_timer_t *t) { kl_session_pump(t->data); }

/* At most so many; returns how many. */
static size_t let_go(kl_session *s, size_t most) {
  int64_t wait_ns = -1;
  size_t n = 0;
  for (kl_ticket *t; n < most && (t = kl_limiter_next(&s->limiter, s->reads_under_way >= READS_AT_ONCE,
                                                      kl_mono_ns(s->clock), &wait_ns));) {
    kl_call *c = KL_CONTAINER(t, kl_call, ticket);
    if (!c->write) s->reads_under_way++;
    kl_durations_add(&s->times.waits, kl_mono_ns(s->clock) - c->queued_ns);
    call_start(c);
    n++;
  }
  if (wait_ns >= 0) kl_timer_start(&s->pump, pump_fired, (uint64_t)(wait_ns / 1000000) + 1, 0);
  return n;
}

void kl_session_pump(kl_session *s) {
  if (!s->closing && !s->stepped) (void)let_go(s, SIZE_MAX);
}

void kl_session_look_at(const kl_session *s, kl_session_look *out) {
  *out = (kl_session_look){0};
  out->busy = kl_feed_look(s->feed, &out->commands, &out->received, &out->links);
  for (const kl_list *n = s->calls.next; n != &s->calls; n = n->next) {
    const kl_call *c = KL_CONTAINER(n, const kl_call, link);
    out->calls += c->state == KL_CALL_SENDING;
    out->busy = out->busy || c->state == KL_CALL_SIGNING;
  }
}

bool kl_session_step(kl_session *s) { return !s->closing && (kl_feed_step(s->feed) || let_go(s, 1) > 0); }

static void call_timed_out(kl_call *c) {
  kl_error e;
  bool lost = c->lost && c->write && c->repeat == KL_REPEAT_NEVER;
  bool not_done = lost && c->ticket.class != KL_CLASS_CANCEL; /* a cancel is repeated without being sure */
  const char *last = c->error.message;
  bool named = !strncmp(last, c->name, strlen(c->name)); /* an answer's is, the transport's is not */
  if (c->attempt && c->error.kind && not_done)
    kl_error_coded(&e, c->error.kind, "not_done",
                   "%s did not happen: its answer was lost (%.200s), and there was no time to send it "
                   "again; it may be sent again",
                   c->name, last);
  else if (c->attempt && c->error.kind)
    kl_error_coded(&e, c->error.kind, c->error.code, "%s%s%s; there was no time for another try", named ? "" : c->name,
                   named ? "" : ": ", last);
  else if (c->state == KL_CALL_WAITING || c->state == KL_CALL_HELD)
    kl_error_coded(&e, KL_ERR_TIMEOUT, "tokens_exhausted",
                   "%s waited too long for its rate-limit tokens (%s bucket): send fewer calls", c->name,
                   c->bucket == KL_BUCKET_WRITE ? "write" : "read");
  else
    kl_error_coded(&e, KL_ERR_TIMEOUT, "timeout_unsent", "%s ran out of time before it was sent", c->name);
  if (c->attempt) e.status = c->error.status;
  /* A write that was lost waits to be sent again only where that does no harm. */
  e.retryable = !c->sent || !c->write || c->lost;
  if (lost) kl_error_code(&e, not_done ? "not_done" : "outcome_unknown");
  snprintf(e.operation, sizeof e.operation, "%s", c->name);
  call_finish(c, NULL, &e);
}

/* The time of whoever waits is over while the look-up goes on: it ends in the log. */
static void call_give_up_waiting(kl_call *c) {
  kl_call_cb cb = c->cb;
  void *data = c->data;
  if (!cb) return;
  kl_error out;
  char todo[256];
  describe_unknown(c, todo, sizeof todo);
  kl_error_coded(&out, c->error.kind, "outcome_unknown",
                 "%s was sent, no answer came (%.160s), and there was no time to look it up: %s", c->name,
                 c->error.message, todo);
  out.status = c->error.status;
  snprintf(out.operation, sizeof out.operation, "%s", c->name);
  c->cb = NULL;
  c->told_unknown = true;
  c->s->stats.lost_unknown++;
  cb(data, NULL, &out);
}

/* The HTTP client's time is not ours. */
static void call_unanswered(kl_call *c) {
  kl_error e;
  kl_error_coded(&e, KL_ERR_TIMEOUT, "no_answer", "no answer came in time");
  e.sent = KL_SENT_MAYBE;
  kl_http_cancel(c->http);
  call_answered(c, NULL, &e);
}

static void call_timer_fired(uv_timer_t *t) {
  kl_call *c = t->data;
  kl_session *s = c->s;
  switch (c->state) {
  case KL_CALL_HELD:
  case KL_CALL_WAITING:
  case KL_CALL_SIGNING:
    if (remaining_ms(c) > 0)
      call_watch_deadline(c);
    else
      call_timed_out(c);
    break;
  case KL_CALL_PAUSING:
    call_enqueue(c);
    kl_session_pump(c->s);
    break;
  case KL_CALL_FAILED:
    call_finish(c, NULL, &c->error);
    break;
  case KL_CALL_LOOKING_UP:
    if (remaining_ms(c) > 0)
      call_watch_deadline(c);
    else
      call_give_up_waiting(c);
    break;
  case KL_CALL_SENDING:
    if (s->stepped) call_unanswered(c);
    break;
  }
  kl_session_pump(s); /* whatever ended here made room */
}

/* ---- beginning and ending ---- */

void kl_call_begin(kl_call *c) {
  kl_session *s = c->s;
  kl_error ignored;
  if (!s->limits_known && s->key && !kl_session_fits(s, c, &ignored)) {
    c->state = KL_CALL_HELD;
    call_watch_deadline(c);
    kl_session_ask_limits(s, true);
    if (!s->limits_asking) kl_session_release_held(s); /* asked for in vain a moment ago */
    return;
  }
  call_enqueue(c);
  kl_session_pump(s);
  kl_session_ask_limits(s, false);
}

void kl_session_release_held(kl_session *s) {
  for (kl_list *n = s->calls.next; n != &s->calls; n = n->next) {
    kl_call *c = KL_CONTAINER(n, kl_call, link);
    kl_error e;
    if (c->state != KL_CALL_HELD) continue;
    c->ticket.cost = kl_session_cost(s, c->op, c->items);
    if (kl_session_fits(s, c, &e))
      call_enqueue(c);
    else
      call_fail_later(c, &e);
  }
}

void kl_call_cancel(kl_call *c) {
  bool under_way = c->state == KL_CALL_SENDING || c->state == KL_CALL_LOOKING_UP;
  bool goes_on = c->write && (under_way || c->ticket.class == KL_CLASS_CANCEL);
  if (goes_on) {
    c->cb = NULL;
    return;
  }
  if (c->write) kl_log_info("session", "%s was given up before it was sent", c->name);
  call_end(c);
  kl_session_pump(c->s);
}

bool kl_call_give_up(kl_call *c) {
  bool under_way = c->state == KL_CALL_SENDING || c->state == KL_CALL_LOOKING_UP;
  /* A write that sets a state and failed may have come through: only what never is repeated is known not to have. */
  bool maybe = c->sent && c->repeat != KL_REPEAT_NEVER;
  if (under_way || maybe || c->state == KL_CALL_FAILED || c->ticket.class == KL_CLASS_CANCEL) {
    c->given_up = true;
    return true;
  }
  kl_log_info("session", "%s was given up before it was sent", c->name);
  call_end(c);
  kl_session_pump(c->s);
  return false;
}

void kl_call_leave(kl_call *c) {
  if (!c->write) {
    kl_call_cancel(c);
    return;
  }
  c->cb = NULL;
  c->left = true;
}

void kl_session_abort_calls(kl_session *s) {
  while (!kl_list_empty(&s->calls)) {
    kl_call *c = KL_CONTAINER(s->calls.next, kl_call, link);
    kl_error e;
    bool unknown = c->write && (c->sent || c->state == KL_CALL_SENDING);
    kl_error_set(&e, KL_ERR_CLOSED,
                 unknown ? "%s was under way when the session closed; it may or may not have happened"
                         : "%s: the session closed before it was answered",
                 c->name);
    if (unknown) kl_error_code(&e, "outcome_unknown");
    snprintf(e.operation, sizeof e.operation, "%s", c->name);
    call_finish(c, NULL, &e);
  }
}
