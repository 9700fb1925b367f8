#include "net/http.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/http_internal.h"

enum {
  DEFAULT_CONNECTIONS = 16,
  MAX_STEPS = 16, /* of curl in one go, when it asks to be called again at once */
};

struct kl_http {
  uv_loop_t *loop;
  CURLM *multi; /* made for the first call */
  uv_timer_t timer;
  char *ca_file;
  char *user_agent;
  long max_connections;
  kl_list calls; /* under way, or (closing) to be told */
  size_t active;
  int refs; /* handles that the loop still has */
  bool acting;
  bool closing;
  bool timer_set; /* curl asked for wait_ms since the last look */
  long wait_ms;   /* -1: no timer */
  bool outcome;   /* a call may have ended within kl_http_send: reap from the timer */
  void (*closed)(void *data);
  void *closed_data;
};

/* One per socket of curl's. */
typedef struct watch {
  uv_poll_t poll;
  kl_http *h;
  curl_socket_t socket;
} watch;

/* ---- the end ---- */

static void tell_closed(kl_http_call *c) {
  kl_error e;
  kl_error_set(&e, KL_ERR_CLOSED, "the HTTP client was closed before '%s' had answered", c->url.authority);
  snprintf(e.code, sizeof e.code, "%s", kl_http_call_sent(c) ? "sent" : "unsent");
  c->told = true;
  c->cb(c->data, NULL, &e);
  kl_http_call_free(c);
}

static void release(kl_http *h) {
  if (--h->refs > 0) return;
  while (!kl_list_empty(&h->calls)) {
    kl_http_call *c = KL_CONTAINER(h->calls.next, kl_http_call, link);
    kl_list_remove(&c->link);
    h->active--;
    tell_closed(c);
  }
  void (*closed)(void *) = h->closed;
  void *data = h->closed_data;
  free(h->ca_file);
  free(h->user_agent);
  free(h);
  if (closed) closed(data);
}

static void timer_closed(uv_handle_t *t) { release(t->data); }

static void watch_closed(uv_handle_t *p) {
  watch *w = p->data;
  kl_http *h = w->h;
  free(w);
  release(h);
}

/* ---- curl on the loop ---- */

static void on_timer(uv_timer_t *t);

static void arm_timer(kl_http *h) {
  if (h->closing) return;
  if (h->outcome) {
    (void)uv_timer_start(&h->timer, on_timer, 0, 0);
  } else if (h->timer_set) {
    h->timer_set = false;
    if (h->wait_ms < 0)
      uv_timer_stop(&h->timer);
    else
      (void)uv_timer_start(&h->timer, on_timer, (uint64_t)h->wait_ms, 0);
  }
}

/* curl must not be called from here: the time is only noted. */
static int on_curl_timer(CURLM *multi, long ms, void *data) {
  kl_http *h = data;
  (void)multi;
  h->timer_set = true;
  h->wait_ms = ms;
  if (!h->acting) arm_timer(h);
  return 0;
}

/* Lets curl work. When it wants to go on at once it may, a limited number of times: waiting for a timer would cost a
 * turn of the loop a step, and a timer of 0 ms that renews itself would keep the loop from its sockets. */
static void act(kl_http *h, curl_socket_t socket, int events) {
  int running;
  h->acting = true;
  for (int i = 0; i < MAX_STEPS; i++) {
    h->timer_set = false;
    (void)curl_multi_socket_action(h->multi, socket, events, &running);
    if (!h->timer_set || h->wait_ms != 0) break;
    socket = CURL_SOCKET_TIMEOUT;
    events = 0;
  }
  if (h->timer_set && h->wait_ms == 0) h->wait_ms = 1;
  h->acting = false;
  arm_timer(h);
}

/* Takes a call off curl and off the list. */
static void detach(kl_http *h, kl_http_call *c) {
  if (h->multi) curl_multi_remove_handle(h->multi, c->easy);
  kl_list_remove(&c->link);
  h->active--;
}

static void finish(kl_http *h, kl_http_call *c, CURLcode rc) {
  detach(h, c);
  c->told = true;
  if (rc == CURLE_OK) {
    kl_http_response res;
    kl_http_call_response(c, &res);
    c->cb(c->data, &res, NULL);
  } else {
    kl_error e;
    kl_http_call_error(c, rc, &e);
    c->cb(c->data, NULL, &e);
  }
  kl_http_call_free(c);
}

/* Tells the calls that have ended. A callback may send, cancel and close. */
static void reap(kl_http *h) {
  const CURLMsg *m;
  int left;
  while (!h->closing && (m = curl_multi_info_read(h->multi, &left))) {
    if (m->msg != CURLMSG_DONE) continue;
    kl_http_call *c = NULL;
    CURLcode rc = m->data.result;
    curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &c);
    finish(h, c, rc);
  }
}

static void on_timer(uv_timer_t *t) {
  kl_http *h = t->data;
  h->outcome = false;
  act(h, CURL_SOCKET_TIMEOUT, 0);
  reap(h);
}

static void on_socket(uv_poll_t *p, int status, int events) {
  watch *w = p->data;
  kl_http *h = w->h;
  int flags = 0;
  if (h->closing) return;
  if (status < 0) flags = CURL_CSELECT_ERR;
  if (events & UV_READABLE) flags |= CURL_CSELECT_IN;
  if (events & UV_WRITABLE) flags |= CURL_CSELECT_OUT;
  h->outcome = false;
  act(h, w->socket, flags);
  reap(h);
}

static watch *watch_socket(kl_http *h, curl_socket_t socket) {
  watch *w = calloc(1, sizeof *w);
  if (!w) return NULL;
  w->h = h;
  w->socket = socket;
  if (uv_poll_init_socket(h->loop, &w->poll, socket) != 0) {
    free(w);
    return NULL;
  }
  w->poll.data = w;
  h->refs++;
  return w;
}

static int on_curl_socket(CURL *easy, curl_socket_t socket, int what, void *data, void *assigned) {
  kl_http *h = data;
  watch *w = assigned;
  (void)easy;
  if (what == CURL_POLL_REMOVE) {
    if (w) {
      curl_multi_assign(h->multi, socket, NULL);
      uv_poll_stop(&w->poll);
      uv_close((uv_handle_t *)&w->poll, watch_closed);
    }
    return 0;
  }
  if (!w) {
    w = watch_socket(h, socket);
    if (!w) return -1;
    curl_multi_assign(h->multi, socket, w);
  }
  int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
  return uv_poll_start(&w->poll, events, on_socket) == 0 ? 0 : -1;
}

/* ---- life ---- */

static CURLcode init_code;
static void init_curl(void) { init_code = curl_global_init(CURL_GLOBAL_DEFAULT); }

/* Only the first call needs curl: most of what it takes to set it up is not paid by programs that make none. */
static bool start_curl(kl_http *h, kl_error *e) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  if (h->multi) return true;
  pthread_once(&once, init_curl);
  if (init_code == CURLE_OK) h->multi = curl_multi_init();
  if (!h->multi) {
    kl_error_set(e, KL_ERR_INTERNAL, "curl cannot be started: %s", curl_easy_strerror(init_code));
    return false;
  }
  bool bad = false;
  bad |= curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket) != CURLM_OK;
  bad |= curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h) != CURLM_OK;
  bad |= curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer) != CURLM_OK;
  bad |= curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h) != CURLM_OK;
  bad |= curl_multi_setopt(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS, h->max_connections) != CURLM_OK;
  bad |= curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, 2 * h->max_connections) != CURLM_OK;
  if (!bad) return true;
  curl_multi_cleanup(h->multi);
  h->multi = NULL;
  kl_error_set(e, KL_ERR_INTERNAL, "curl cannot be set up: its version is too old");
  return false;
}

kl_http *kl_http_new(uv_loop_t *loop, const kl_http_options *o, kl_error *e) {
  if (o->ca_file && access(o->ca_file, R_OK) != 0) {
    kl_error_set(e, KL_ERR_CONFIG, "the CA file '%s' cannot be read: %s; check --ca", o->ca_file, strerror(errno));
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
  uv_timer_init(loop, &h->timer);
  h->timer.data = h;
  h->refs = 1;
  return h;
}

void kl_http_close(kl_http *h, void (*closed)(void *data), void *data) {
  h->closing = true;
  h->closed = closed;
  h->closed_data = data;
  if (h->multi) {
    for (kl_list *n = h->calls.next; n != &h->calls; n = n->next)
      curl_multi_remove_handle(h->multi, KL_CONTAINER(n, kl_http_call, link)->easy);
    curl_multi_cleanup(h->multi);
    h->multi = NULL;
  }
  uv_close((uv_handle_t *)&h->timer, timer_closed);
}

kl_http_call *kl_http_send(kl_http *h, const kl_http_request *r, kl_http_cb cb, void *data, kl_error *e) {
  if (h->closing) {
    kl_error_set(e, KL_ERR_CLOSED, "the HTTP client is closed");
    if (e) snprintf(e->code, sizeof e->code, "unsent");
    return NULL;
  }
  if (!start_curl(h, e)) return NULL;
  kl_http_call *c = kl_http_call_new(r, h->ca_file, h->user_agent, e);
  if (!c) return NULL;
  c->h = h;
  c->cb = cb;
  c->data = data;
  c->started_ns = kl_mono_ns(kl_clock_real());
  h->acting = true; /* the timer that adding asks for is served by act() */
  CURLMcode rc = curl_multi_add_handle(h->multi, c->easy);
  h->acting = false;
  if (rc != CURLM_OK) {
    kl_error_set(e, KL_ERR_INTERNAL, "curl does not take the request to '%s': %s", c->url.authority,
                 curl_multi_strerror(rc));
    if (e) snprintf(e->code, sizeof e->code, "unsent");
    kl_http_call_free(c);
    return NULL;
  }
  kl_list_append(&h->calls, &c->link);
  h->active++;
  /* The request goes out now if a connection is at hand; what came of it is told from the loop. */
  h->outcome = true;
  act(h, CURL_SOCKET_TIMEOUT, 0);
  return c;
}

void kl_http_cancel(kl_http_call *c) {
  if (c->told) return;
  detach(c->h, c);
  kl_http_call_free(c);
}

size_t kl_http_active(const kl_http *h) { return h->active; }
