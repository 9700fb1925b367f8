#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/http_internal.h"

enum {
  MAX_STEPS = 16,      /* of curl in one go, when it asks to be called again at once */
  MAX_IDLE_S = 100,    /* curl takes no connection that was idle for 118 s */
  SOCKETS_AT_ONCE = 64 /* that the table grows by */
};

static int64_t now_ns(void) { return kl_mono_ns(kl_clock_real()); }

/* ---- the end of calls ---- */

void kl_http_detach(kl_http_call *c) {
  if (c->h->multi) curl_multi_remove_handle(c->h->multi, c->easy);
  kl_list_remove(&c->link);
  c->h->active--;
}

/* curl is done with it: once all was handed out, its end is told. */
static void finish(kl_http_call *c) {
  if (kl_http_call_streams(c)) {
    if (!kl_http_call_hand_out(c)) return;
    if (c->paused && (c->answer.len || !c->head_told)) return;
    kl_buf_clear(&c->answer);
  }
  kl_http_detach(c);
  c->told = true;
  bool ok = c->rc == CURLE_OK;
  if (ok) {
    kl_http_response res;
    kl_http_call_response(c, &res);
    c->cb(c->data, &res, NULL);
  } else {
    kl_error e;
    kl_http_call_error(c, &e);
    c->cb(c->data, NULL, &e);
  }
  kl_http_call_done(c, ok);
}

static void end(kl_http_call *c, CURLcode rc) {
  curl_multi_remove_handle(c->h->multi, c->easy);
  c->ended = true;
  c->rc = rc;
  finish(c);
}

/* Hands out what has come, and has curl read on where it had stopped. */
static void serve(kl_http_call *c) {
  kl_http *h = c->h;
  if (!kl_http_call_hand_out(c) || c->paused) return;
  if (c->ended) {
    finish(c);
  } else if (c->held) {
    c->held = false;
    h->acting = true; /* what it kept comes to the callbacks now */
    CURLcode rc = curl_easy_pause(c->easy, CURLPAUSE_CONT);
    h->acting = false;
    if (rc != CURLE_OK) end(c, rc);
    kl_http_arm_timer(h);
  }
}

/* After curl has worked: tells the calls that have ended and hands out what has come. Callbacks may send, cancel and
 * close. */
static void settle(kl_http *h) {
  const CURLMsg *m;
  int left;
  do {
    while (!h->closing && (m = curl_multi_info_read(h->multi, &left))) {
      if (m->msg != CURLMSG_DONE) continue;
      kl_http_call *c = NULL;
      CURLcode rc = m->data.result;
      curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &c);
      end(c, rc);
    }
    while (!h->closing && !kl_list_empty(&h->fresh))
      serve(KL_CONTAINER(h->fresh.next, kl_http_call, fresh));
    /* Serving may have ended others, but their messages come by the next look. */
  } while (!h->closing && !kl_list_empty(&h->fresh));
}

/* ---- curl's time ---- */

static void on_timer(uv_timer_t *t) {
  kl_http *h = t->data;
  h->outcome = false;
  (void)kl_http_act(h, CURL_SOCKET_TIMEOUT, 0);
  settle(h);
}

void kl_http_arm_timer(kl_http *h) {
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
int kl_http_on_timer(CURLM *multi, long ms, void *client) {
  kl_http *h = client;
  (void)multi;
  h->timer_set = true;
  h->wait_ms = ms;
  if (!h->acting) kl_http_arm_timer(h);
  return 0;
}

/* When curl wants to go on at once it may, a limited number of times: waiting for a timer would cost a turn of the loop
 * a step, and a timer of 0 ms that renews itself would keep the loop from its sockets. */
size_t kl_http_act(kl_http *h, curl_socket_t fd, int events) {
  int running = 0;
  h->acting = true;
  for (int i = 0; i < MAX_STEPS; i++) {
    h->timer_set = false;
    (void)curl_multi_socket_action(h->multi, fd, events, &running);
    if (!h->timer_set || h->wait_ms != 0) break;
    fd = CURL_SOCKET_TIMEOUT;
    events = 0;
  }
  if (h->timer_set && h->wait_ms == 0) h->wait_ms = 1;
  h->acting = false;
  kl_http_arm_timer(h);
  return (size_t)running;
}

/* ---- time limits of streamed answers ---- */

/* When the call has waited too long; 0: never. */
static int64_t deadline(const kl_http_call *c) {
  if (!kl_http_call_streams(c) || c->ended || c->told || c->paused) return 0;
  if (!c->head_whole) return c->started_ns + c->head_timeout_ms * 1000000;
  return c->idle_timeout_ms ? c->last_ns + c->idle_timeout_ms * 1000000 : 0;
}

static kl_http_call *first_to_fail(const kl_http *h, int64_t *when) {
  kl_http_call *first = NULL;
  for (kl_list *n = h->calls.next; n != &h->calls; n = n->next) {
    kl_http_call *c = KL_CONTAINER(n, kl_http_call, link);
    int64_t at = deadline(c);
    if (!at || (first && at >= *when)) continue;
    first = c;
    *when = at;
  }
  return first;
}

static void on_limits(uv_timer_t *t) {
  kl_http *h = t->data;
  kl_http_call *c;
  int64_t when = 0;
  while (!h->closing && (c = first_to_fail(h, &when)) && when <= now_ns()) {
    c->limit_passed = true;
    end(c, CURLE_OPERATION_TIMEDOUT);
  }
  kl_http_arm_limits(h);
}

/* Deadlines move back while an answer comes in; the timer is not moved for that, it looks again when it fires. */
void kl_http_arm_limits(kl_http *h) {
  int64_t when = 0;
  if (h->closing) return;
  if (!first_to_fail(h, &when)) {
    uv_timer_stop(&h->limits);
    return;
  }
  int64_t left = when - now_ns();
  (void)uv_timer_start(&h->limits, on_limits, left > 0 ? (uint64_t)(left / 1000000) + 1 : 1, 0);
}

/* ---- curl's sockets ----
 *
 * A socket stays registered with the loop between two calls: curl lets go of it at the end of each, and every change
 * costs system calls. What comes in the meantime is the end of the connection, or a message that belongs to no call;
 * curl looks for it when it takes the connection again, so the loop stops listening. */

static kl_http_socket *find_socket(const kl_http *h, curl_socket_t fd) {
  return (size_t)fd < h->n_sockets ? h->sockets[fd] : NULL;
}

static void socket_closed(uv_handle_t *p) {
  kl_http_socket *s = p->data;
  kl_http *h = s->h;
  free(s->origin);
  free(s);
  kl_http_release(h);
}

static void drop_socket(kl_http_socket *s) {
  s->h->sockets[s->fd] = NULL;
  uv_poll_stop(&s->poll);
  uv_close((uv_handle_t *)&s->poll, socket_closed);
}

static bool grow_table(kl_http *h, size_t fd) {
  if (fd < h->n_sockets) return true;
  size_t n = fd + SOCKETS_AT_ONCE;
  kl_http_socket **grown = realloc(h->sockets, n * sizeof(kl_http_socket *));
  if (!grown) return false;
  for (size_t i = h->n_sockets; i < n; i++)
    grown[i] = NULL;
  h->sockets = grown;
  h->n_sockets = n;
  return true;
}

static kl_http_socket *add_socket(kl_http *h, curl_socket_t fd) {
  if (!grow_table(h, (size_t)fd)) return NULL;
  if (h->sockets[fd]) drop_socket(h->sockets[fd]); /* closed without a word */
  kl_http_socket *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->h = h;
  s->fd = fd;
  if (uv_poll_init_socket(h->loop, &s->poll, fd) != 0) {
    free(s);
    return NULL;
  }
  s->poll.data = s;
  h->sockets[fd] = s;
  h->refs++;
  return s;
}

curl_socket_t kl_http_open_socket(void *call, curlsocktype purpose, struct curl_sockaddr *a) {
  kl_http_call *c = call;
  (void)purpose;
  curl_socket_t fd = socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
  if (fd < 0) return CURL_SOCKET_BAD;
  kl_http_socket *s = add_socket(c->h, fd);
  c->has_connection = false;
  if (s) {
    s->opened = true;
    s->origin = strndup(c->url_text.data, c->origin_len); /* without it, the socket is only not found */
    return fd;
  }
  close(fd);
  return CURL_SOCKET_BAD;
}

int kl_http_close_socket(void *client, curl_socket_t fd) {
  kl_http_socket *s = find_socket(client, fd);
  if (s) drop_socket(s);
  return close(fd);
}

static void on_event(uv_poll_t *p, int status, int events) {
  kl_http_socket *s = p->data;
  kl_http *h = s->h;
  int flags = 0;
  if (h->closing) return;
  if (s->idle) {
    uv_poll_stop(&s->poll);
    s->events = 0;
    s->spoiled = true;
    return;
  }
  if (status < 0) flags = CURL_CSELECT_ERR;
  if (events & UV_READABLE) flags |= CURL_CSELECT_IN;
  if (events & UV_WRITABLE) flags |= CURL_CSELECT_OUT;
  h->outcome = false;
  (void)kl_http_act(h, s->fd, flags);
  settle(h);
}

static int listen_to(kl_http_socket *s, int events) {
  if (events == s->events) return 0;
  s->events = events;
  return uv_poll_start(&s->poll, events, on_event) == 0 ? 0 : -1;
}

/* curl tells the end of a socket only once a connection came of it: before that, and for its inner pipes, letting go is
 * the last that is heard of it. An idle connection does not keep the loop from ending. */
static int let_go(kl_http_socket *s) {
  if (!s->connected) {
    drop_socket(s);
    return 0;
  }
  if (!s->idle) uv_unref((uv_handle_t *)&s->poll);
  s->idle = true;
  s->spoiled = false;
  s->idle_since_ns = now_ns();
  return listen_to(s, UV_READABLE);
}

int kl_http_on_socket(CURL *easy, curl_socket_t fd, int what, void *client, void *assigned) {
  kl_http *h = client;
  kl_http_socket *s = find_socket(h, fd);
  kl_http_call *c = NULL;
  (void)assigned;
  if (s && s->opened && !s->connected) { /* not every handle is one of ours */
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &c);
    s->connected = c && c->has_connection;
  }
  if (what == CURL_POLL_REMOVE) return s ? let_go(s) : 0;
  if (!s) s = add_socket(h, fd);
  if (!s) return -1;
  if (s->idle) uv_ref((uv_handle_t *)&s->poll);
  s->idle = false;
  return listen_to(s, (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0));
}

bool kl_http_has_idle(const kl_http *h, const char *origin, size_t n) {
  int64_t old = now_ns() - (int64_t)MAX_IDLE_S * 1000000000;
  for (size_t i = 0; i < h->n_sockets; i++) {
    const kl_http_socket *s = h->sockets[i];
    if (!s || !s->idle || s->spoiled || s->idle_since_ns < old || !s->origin) continue;
    if (strlen(s->origin) == n && !memcmp(s->origin, origin, n)) return true;
  }
  return false;
}
