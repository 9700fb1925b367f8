#include "net/http.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/http_internal.h"

enum { DEFAULT_CONNECTIONS = 16, WARM_TIMEOUT_MS = 10000 };

/* ---- the end ---- */

static void tell_closed(kl_http_call *c) {
  kl_error e;
  kl_error_set(&e, KL_ERR_CLOSED, "the HTTP client was closed before '%s' had answered", c->url.authority);
  e.sent = kl_http_call_sent(c) ? KL_SENT_MAYBE : KL_SENT_NO;
  c->told = true;
  c->cb(c->data, NULL, &e);
  kl_http_call_free(c);
}

/* Takes the first call off a list of them. */
static kl_http_call *take_first(kl_list *calls) {
  kl_http_call *c = KL_CONTAINER(calls->next, kl_http_call, link);
  kl_list_remove(&c->link);
  kl_list_remove(&c->fresh);
  return c;
}

void kl_http_release(kl_http *h) {
  if (--h->refs > 0) return;
  while (!kl_list_empty(&h->calls)) {
    h->active--;
    tell_closed(take_first(&h->calls));
  }
  void (*closed)(void *) = h->closed;
  void *data = h->closed_data;
  if (h->share) curl_share_cleanup(h->share); /* after the handles that use it */
  free(h->sockets);
  free(h->ca_file);
  free(h->user_agent);
  free(h);
  if (closed) closed(data);
}

void kl_http_timer_closed(uv_handle_t *t) { kl_http_release(t->data); }

void kl_http_close(kl_http *h, void (*closed)(void *data), void *data) {
  h->closing = true;
  h->closed = closed;
  h->closed_data = data;
  while (!kl_list_empty(&h->spare))
    kl_http_call_free(take_first(&h->spare));
  if (h->multi) {
    for (kl_list *n = h->calls.next; n != &h->calls; n = n->next)
      curl_multi_remove_handle(h->multi, KL_CONTAINER(n, kl_http_call, link)->easy);
    curl_multi_cleanup(h->multi);
    h->multi = NULL;
  }
  uv_close((uv_handle_t *)&h->timer, kl_http_timer_closed);
  uv_close((uv_handle_t *)&h->limits, kl_http_timer_closed);
}

/* ---- the beginning ---- */

static CURLcode init_code;
static void init_curl(void) { init_code = curl_global_init(CURL_GLOBAL_DEFAULT); }

static bool set_up(kl_http *h) {
  bool bad = false;
  bad |= curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, kl_http_on_socket) != CURLM_OK;
  bad |= curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h) != CURLM_OK;
  bad |= curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, kl_http_on_timer) != CURLM_OK;
  bad |= curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h) != CURLM_OK;
  bad |= curl_multi_setopt(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS, h->max_connections) != CURLM_OK;
  bad |= curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, 2 * h->max_connections) != CURLM_OK;
  /* curl's own store of TLS sessions is one per handle. No locks: one thread. */
  bad |= curl_share_setopt(h->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) != CURLSHE_OK;
  return !bad;
}

/* Only the first call needs curl: most of what it takes to set it up is not paid by programs that make none. */
static bool start_curl(kl_http *h, kl_error *e) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  if (h->multi) return true;
  pthread_once(&once, init_curl);
  if (init_code == CURLE_OK) {
    h->multi = curl_multi_init();
    h->share = curl_share_init();
  }
  if (h->multi && h->share && set_up(h)) return true;
  if (h->multi) curl_multi_cleanup(h->multi);
  if (h->share) curl_share_cleanup(h->share);
  h->multi = NULL;
  h->share = NULL;
  kl_error_set(e, KL_ERR_INTERNAL, "curl cannot be started: %s; or its version is too old",
               curl_easy_strerror(init_code));
  return false;
}

kl_http *kl_http_new(uv_loop_t *loop, const kl_http_options *o, kl_error *e) {
  if (o->ca_file && access(o->ca_file, R_OK) != 0) {
    kl_error_coded(e, KL_ERR_CONFIG, "ca_file_wrong", "the CA file '%s' cannot be read: %s; check --ca", o->ca_file,
                   strerror(errno));
    return NULL;
  }
  kl_http *h = calloc(1, sizeof *h);
  if (h) {
    h->ca_file = o->ca_file ? strdup(o->ca_file) : NULL;
    h->user_agent = o->user_agent ? strdup(o->user_agent) : NULL;
  }
  if (!h || (o->ca_file && !h->ca_file) || (o->user_agent && !h->user_agent)) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for an HTTP client");
    if (h) {
      free(h->ca_file);
      free(h->user_agent);
      free(h);
    }
    return NULL;
  }
  h->loop = loop;
  h->max_connections = o->max_connections > 0 ? o->max_connections : DEFAULT_CONNECTIONS;
  kl_list_init(&h->calls);
  kl_list_init(&h->spare);
  kl_list_init(&h->fresh);
  uv_timer_init(loop, &h->timer);
  uv_timer_init(loop, &h->limits);
  h->timer.data = h->limits.data = h;
  h->refs = 2;
  return h;
}

/* ---- calls ---- */

kl_http_call *kl_http_send(kl_http *h, const kl_http_request *r, kl_http_cb cb, void *data, kl_error *e) {
  if (h->closing) {
    kl_error_set(e, KL_ERR_CLOSED, "the HTTP client is closed");
    if (e) e->sent = KL_SENT_NO;
    return NULL;
  }
  if (!start_curl(h, e)) return NULL;
  kl_http_call *c = kl_http_call_prepare(h, r, e);
  if (!c) return NULL;
  c->cb = cb;
  c->data = data;
  h->acting = true; /* the timer that adding asks for is served by kl_http_act */
  CURLMcode rc = curl_multi_add_handle(h->multi, c->easy);
  h->acting = false;
  if (rc != CURLM_OK) {
    kl_error_set(e, KL_ERR_INTERNAL, "curl does not take the request to '%s': %s", c->url.authority,
                 curl_multi_strerror(rc));
    if (e) e->sent = KL_SENT_NO;
    kl_http_call_free(c);
    return NULL;
  }
  kl_list_append(&h->calls, &c->link);
  h->active++;
  /* The request goes out now if a connection is at hand. What failed at once is told from the loop. */
  if (kl_http_act(h, CURL_SOCKET_TIMEOUT, 0) < h->active) {
    h->outcome = true;
    kl_http_arm_timer(h);
  }
  if (kl_http_call_streams(c)) kl_http_arm_limits(h);
  return c;
}

void kl_http_cancel(kl_http_call *c) {
  if (c->told) return;
  kl_http_detach(c);
  c->told = true;
  if (!c->busy) kl_http_call_done(c, false); /* else whoever calls its callback does that */
}

size_t kl_http_active(const kl_http *h) { return h->active; }

void kl_http_pause(kl_http_call *c) {
  if (c->told || c->paused) return;
  c->paused = true;
  if (c->ended || c->held) return;
  c->held = true;
  c->h->acting = true;
  (void)curl_easy_pause(c->easy, CURLPAUSE_RECV);
  c->h->acting = false;
  kl_http_arm_timer(c->h);
}

void kl_http_resume(kl_http_call *c) {
  kl_http *h = c->h;
  if (c->told || !c->paused) return;
  c->paused = false;
  c->last_ns = kl_mono_ns(kl_clock_real());
  if (kl_list_empty(&c->fresh)) kl_list_append(&h->fresh, &c->fresh);
  h->outcome = true;
  kl_http_arm_timer(h);
  kl_http_arm_limits(h);
}

/* ---- warming ---- */

static void warmed(void *data, const kl_http_response *res, const kl_error *e) {
  (void)data;
  if (res)
    kl_log_debug("http", "a connection was opened ahead in %.1f ms", (double)res->total_us / 1e3);
  else
    kl_log_debug("http", "no connection was opened ahead: %s", e->message);
}

static bool is_warming(const kl_http *h, const char *url, size_t origin) {
  for (kl_list *n = h->calls.next; n != &h->calls; n = n->next) {
    const kl_http_call *c = KL_CONTAINER(n, kl_http_call, link);
    if (c->warming && c->origin_len == origin && !memcmp(c->url_text.data, url, origin)) return true;
  }
  return false;
}

void kl_http_warm(kl_http *h, const char *url) {
  size_t origin = kl_http_origin_length(url);
  kl_error e = {0};
  if (h->closing || is_warming(h, url, origin) || kl_http_has_idle(h, url, origin)) return;
  const kl_http_request r = {.method = "GET", .url = url, .timeout_ms = WARM_TIMEOUT_MS};
  kl_http_call *c = kl_http_send(h, &r, warmed, NULL, &e);
  if (c)
    c->warming = true;
  else
    warmed(NULL, NULL, &e);
}
