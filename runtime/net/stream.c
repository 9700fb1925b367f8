#include "net/stream.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "net/http_head.h"
#include "net/tls.h"

enum {
  CIPHER_ROOM = 64 * 1024,      /* one read of a TLS connection */
  TURN_MAX = 512 * 1024,        /* bytes in one turn of the loop, where libuv alone would read 32 times */
  MAX_QUEUED = 8 * 1024 * 1024, /* bytes that may wait for the socket, where the owner sets no limit */
  MIN_ATTEMPT_MS = 1000,        /* for one address */
  WRITE_ERROR_GRACE_MS = 100,   /* for the reading side to say why */
  LINGER_MS = 1000,             /* after kl_stream_finish */
  LINGER_ROOM = 16 * 1024,
};

typedef enum { S_RESOLVING, S_CONNECTING, S_PROXY, S_TLS, S_READY, S_FAILED, S_LINGERS, S_CLOSED } stream_state;

/* One attempt: a socket's handle must outlive its close callback, so that each address has its own. */
typedef struct attempt {
  uv_tcp_t tcp;
  uv_connect_t connect;
  kl_stream *s;
} attempt;

struct kl_stream {
  uv_loop_t *loop;
  kl_stream_options o;
  char *ca_file;      /* own copy: a worker may read it when the owner is gone */
  kl_url proxy;       /* host NULL: none */
  const kl_url *peer; /* whom the socket is connected to: the proxy or the server */
  stream_state state;
  int refs; /* handles and requests that the loop still has */

  uv_getaddrinfo_t resolve;
  uv_work_t prepare; /* reads the certificates */
  bool preparing, resolving;
  int resolve_status;
  kl_error prepare_error; /* the worker's while `preparing` */
  struct addrinfo *addresses, *next;
  int left; /* addresses from `next` on */
  int64_t attempt_ms;
  attempt *at;
  uv_timer_t timer; /* an attempt's time, or a failure to be told */

  uv_shutdown_t shutdown;

  kl_tls *tls;
  char *cipher;   /* CIPHER_ROOM bytes, for TLS and the proxy's answer */
  kl_buf head;    /* the proxy's answer */
  bool delivered; /* bytes since the last read_end */
  size_t turn;    /* bytes read without coming to an end of what is there */
  bool paused;    /* the turn's share was read: the rest in the next one */
  kl_error error;
};

typedef struct pending_write {
  uv_write_t req;
  char data[];
} pending_write;

/* ---- the end ---- */

static void release(kl_stream *s) {
  if (--s->refs > 0) return;
  if (s->addresses) uv_freeaddrinfo(s->addresses);
  kl_url_free(&s->proxy);
  free(s->ca_file);
  kl_tls_free(s->tls);
  kl_buf_free(&s->head);
  free(s->cipher);
  free(s);
}

static void attempt_closed(uv_handle_t *h) {
  attempt *a = h->data;
  kl_stream *s = a->s;
  free(a);
  release(s);
}

static void drop_attempt(kl_stream *s) {
  if (s->at) uv_close((uv_handle_t *)&s->at->tcp, attempt_closed);
  s->at = NULL;
}

static void timer_closed(uv_handle_t *h) { release(h->data); }

void kl_stream_close(kl_stream *s) {
  if (s->state == S_CLOSED) return;
  if (s->state == S_READY && s->tls && uv_stream_get_write_queue_size((uv_stream_t *)&s->at->tcp) == 0) {
    const char *p;
    kl_tls_shutdown(s->tls);
    size_t n = kl_tls_output(s->tls, &p);
    uv_buf_t b = uv_buf_init((char *)p, (unsigned)n);
    /* A courtesy: whether it arrives changes nothing. */
    if (n) (void)uv_try_write((uv_stream_t *)&s->at->tcp, &b, 1);
  }
  s->state = S_CLOSED;
  if (s->resolving) uv_cancel((uv_req_t *)&s->resolve);
  if (s->preparing) uv_cancel((uv_req_t *)&s->prepare);
  drop_attempt(s);
  uv_close((uv_handle_t *)&s->timer, timer_closed);
}

static void linger_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *b) {
  (void)suggested;
  *b = uv_buf_init(((attempt *)h->data)->s->cipher, LINGER_ROOM);
}

/* What comes is of no interest any more, its end is. */
static void linger_read(uv_stream_t *tcp, ssize_t n, const uv_buf_t *b) {
  (void)b;
  if (n < 0) kl_stream_close(((attempt *)tcp->data)->s);
}

static void lingered(uv_timer_t *t) { kl_stream_close(t->data); }

static void shut_down(uv_shutdown_t *req, int rc) {
  kl_stream *s = req->data;
  if (rc != 0 && rc != UV_ECANCELED) kl_stream_close(s);
  release(s);
}

static bool flush_tls(kl_stream *s);

void kl_stream_finish(kl_stream *s) {
  bool ok = s->state == S_READY && (s->cipher || (s->cipher = malloc(LINGER_ROOM)));
  if (ok && s->tls) {
    kl_tls_shutdown(s->tls);
    ok = flush_tls(s);
  }
  if (ok) {
    uv_stream_t *tcp = (uv_stream_t *)&s->at->tcp;
    uv_read_stop(tcp);
    s->shutdown.data = s;
    ok = uv_read_start(tcp, linger_alloc, linger_read) == 0 && uv_shutdown(&s->shutdown, tcp, shut_down) == 0;
  }
  if (!ok) {
    kl_stream_close(s);
    return;
  }
  s->refs++;
  s->state = S_LINGERS;
  uv_timer_start(&s->timer, lingered, LINGER_MS, 0);
}

/* Only from the loop's callbacks. */
static void fail(kl_stream *s) {
  void (*failed)(void *, const kl_error *) = s->o.failed;
  if (s->state == S_CLOSED) return;
  kl_error e = s->error;
  kl_stream_close(s);
  failed(s->o.data, &e);
}

static void told_later(uv_timer_t *t) { fail(t->data); }

/* Has s->error told from the loop, in `ms`. Reading goes on meanwhile: the peer's last words explain more than a
 * write that did not work. */
static void fail_later(kl_stream *s, uint64_t ms) {
  if (ms == 0) s->state = S_FAILED;
  uv_timer_start(&s->timer, told_later, ms, 0);
}

static void out_of_memory(kl_stream *s) {
  kl_error_set(&s->error, KL_ERR_INTERNAL, "not enough memory for the connection to '%s'", s->o.url->authority);
}

static void connection_lost(kl_stream *s, int rc) {
  if (rc == UV_EOF)
    kl_error_coded(&s->error, KL_ERR_NETWORK, "connection_lost", "'%s' ended the connection%s", s->peer->authority,
                   s->state == S_READY ? "" : " before it was established");
  else
    kl_error_coded(&s->error, KL_ERR_NETWORK, "connection_lost", "the connection to '%s' was lost: %s",
                   s->peer->authority, uv_strerror(rc));
  s->error.retryable = true;
}

/* ---- writing ---- */

static void written(uv_write_t *req, int rc) {
  pending_write *w = (pending_write *)(void *)req;
  kl_stream *s = req->data;
  free(w);
  if (rc == UV_ECANCELED || s->state == S_CLOSED || s->state == S_FAILED || s->state == S_LINGERS) return;
  if (rc == 0) {
    if (s->state == S_READY && s->o.sent) s->o.sent(s->o.data);
    return;
  }
  connection_lost(s, rc);
  fail_later(s, WRITE_ERROR_GRACE_MS);
}

static bool queue_write(kl_stream *s, const char *p, size_t n) {
  uv_stream_t *tcp = (uv_stream_t *)&s->at->tcp;
  size_t queued = uv_stream_get_write_queue_size(tcp);
  if (n > s->o.max_queued || queued > s->o.max_queued - n) {
    kl_error_coded(&s->error, KL_ERR_OVERFLOW, "overflow",
                   "'%s' does not read what it is sent: more than %zu MiB wait, so the connection was ended",
                   s->o.url->authority, s->o.max_queued >> 20);
    fail_later(s, 0);
    return false;
  }
  pending_write *w = malloc(sizeof *w + n);
  if (!w) {
    out_of_memory(s);
    fail_later(s, 0);
    return false;
  }
  memcpy(w->data, p, n);
  w->req.data = s;
  uv_buf_t b = uv_buf_init(w->data, (unsigned)n);
  int rc = uv_write(&w->req, tcp, &b, 1, written);
  if (rc == 0) return true;
  free(w);
  connection_lost(s, rc);
  fail_later(s, WRITE_ERROR_GRACE_MS);
  return false;
}

static bool send_raw(kl_stream *s, const char *p, size_t n) {
  uv_stream_t *tcp = (uv_stream_t *)&s->at->tcp;
  if (uv_stream_get_write_queue_size(tcp) == 0 && n <= INT32_MAX) {
    uv_buf_t b = uv_buf_init((char *)p, (unsigned)n);
    int rc = uv_try_write(tcp, &b, 1);
    if (rc < 0 && rc != UV_EAGAIN) {
      connection_lost(s, rc);
      fail_later(s, WRITE_ERROR_GRACE_MS);
      return false;
    }
    if (rc > 0) {
      p += rc;
      n -= (size_t)rc;
    }
  }
  return n == 0 || queue_write(s, p, n);
}

static bool flush_tls(kl_stream *s) {
  const char *p;
  size_t n = kl_tls_output(s->tls, &p);
  if (n == 0) return true;
  bool ok = send_raw(s, p, n);
  kl_tls_output_done(s->tls);
  return ok;
}

size_t kl_stream_queued(const kl_stream *s) {
  return s->state == S_READY ? uv_stream_get_write_queue_size((const uv_stream_t *)&s->at->tcp) : 0;
}

bool kl_stream_write(kl_stream *s, const void *p, size_t n) {
  if (s->state != S_READY) return false;
  if (!s->tls) return send_raw(s, p, n);
  if (!kl_tls_write(s->tls, p, n, &s->error)) {
    fail_later(s, WRITE_ERROR_GRACE_MS);
    return false;
  }
  return flush_tls(s);
}

/* ---- reading ---- */

static void take_plain(kl_stream *s, size_t n) {
  s->delivered = true;
  s->o.input(s->o.data, n);
}

/* Hands over what TLS has decrypted. */
static void drain_tls(kl_stream *s) {
  bool ended = false;
  while (s->state == S_READY) {
    size_t room = 0;
    char *to = s->o.buffer(s->o.data, &room);
    if (!to) {
      out_of_memory(s);
      fail(s);
      return;
    }
    long n = kl_tls_read(s->tls, to, room, &ended, &s->error);
    if (n > 0) {
      take_plain(s, (size_t)n);
      continue;
    }
    /* The messages in front of the end or the fault count; so their burst ends first. */
    if (n < 0 || ended) {
      if (s->delivered) {
        s->delivered = false;
        s->o.read_end(s->o.data);
      }
      if (s->state != S_READY) return;
      if (ended) connection_lost(s, UV_EOF);
      fail(s);
      return;
    }
    break;
  }
  if (s->state == S_READY) flush_tls(s);
}

static void become_ready(kl_stream *s) {
  s->state = S_READY;
  s->o.ready(s->o.data);
}

static void take_tls(kl_stream *s, const char *p, size_t n) {
  if (n && !kl_tls_input(s->tls, p, n)) {
    out_of_memory(s);
    fail(s);
    return;
  }
  if (s->state == S_TLS) {
    int rc = kl_tls_handshake(s->tls, &s->error);
    bool sent = flush_tls(s);
    if (rc < 0) {
      fail(s);
      return;
    }
    if (rc == 0 || !sent) return;
    become_ready(s);
  }
  if (s->state == S_READY) drain_tls(s);
}

static void start_tls(kl_stream *s) {
  s->state = S_TLS;
  s->tls = kl_tls_new(s->ca_file, s->o.url->host, &s->error);
  if (!s->tls) {
    fail(s);
    return;
  }
  take_tls(s, NULL, 0);
}

/* The proxy's answer to CONNECT. */
static void take_proxy(kl_stream *s, const char *p, size_t n) {
  kl_http_head h;
  kl_buf_add(&s->head, p, n);
  if (s->head.failed) {
    out_of_memory(s);
    fail(s);
    return;
  }
  int rc = kl_http_head_read(s->head.data, s->head.len, &h);
  if (rc == 0) return;
  if (rc == 1 && h.status / 100 == 2 && h.len == s->head.len) {
    kl_buf_free(&s->head);
    start_tls(s);
    return;
  }
  if (rc == 1 && h.status / 100 != 2)
    kl_error_coded(&s->error, KL_ERR_NETWORK, "proxy_failed",
                   "the proxy '%s' refused to connect to '%s': HTTP %d %.*s%s", s->proxy.authority, s->o.url->authority,
                   h.status, h.reason_len > 60 ? 60 : (int)h.reason_len, h.reason,
                   h.status == 407 ? "; put user:password@ into its address" : "");
  else
    kl_error_coded(&s->error, KL_ERR_PROTOCOL, "proxy_failed",
                   "the proxy '%s' does not answer CONNECT as HTTP proxies do", s->proxy.authority);
  fail(s);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *b) {
  kl_stream *s = ((attempt *)h->data)->s;
  (void)suggested;
  if (s->turn >= TURN_MAX) {
    /* What waits must be worked off before more comes: queues are bounded, and others have connections, too. Without
     * room libuv gives up reading in this turn and says UV_ENOBUFS. */
    s->turn = 0;
    s->paused = true;
    *b = uv_buf_init(NULL, 0);
    return;
  }
  size_t room = CIPHER_ROOM;
  char *to = s->cipher;
  if (s->state == S_READY && !s->tls) to = s->o.buffer(s->o.data, &room);
  *b = uv_buf_init(to, to ? (unsigned)(room > INT32_MAX ? INT32_MAX : room) : 0);
}

static void on_read(uv_stream_t *tcp, ssize_t n, const uv_buf_t *b) {
  kl_stream *s = ((attempt *)tcp->data)->s;
  bool paused = s->paused;
  s->paused = false;
  s->turn = n > 0 && (size_t)n == b->len ? s->turn + (size_t)n : 0;
  if (n == 0 || paused || s->state == S_CLOSED || s->state == S_FAILED) return;
  if (n < 0) {
    if (n == UV_ENOBUFS)
      out_of_memory(s);
    else
      connection_lost(s, (int)n);
    fail(s);
    return;
  }
  s->delivered = false;
  if (s->state == S_PROXY)
    take_proxy(s, b->base, (size_t)n);
  else if (s->tls)
    take_tls(s, b->base, (size_t)n);
  else
    take_plain(s, (size_t)n);
  if (s->tls && s->state != S_CLOSED && !kl_tls_input_end(s->tls)) {
    out_of_memory(s);
    fail(s);
    return;
  }
  if (s->delivered && s->state == S_READY) s->o.read_end(s->o.data);
}

/* ---- connecting ---- */

static bool ask_proxy(kl_stream *s) {
  kl_buf out = {0};
  bool brackets = strchr(s->o.url->host, ':') != NULL;
  kl_buf_printf(&out, "CONNECT %s%s%s:%u HTTP/1.1\r\nHost: %s%s%s:%u\r\n", brackets ? "[" : "", s->o.url->host,
                brackets ? "]" : "", (unsigned)s->o.url->port, brackets ? "[" : "", s->o.url->host, brackets ? "]" : "",
                (unsigned)s->o.url->port);
  if (s->proxy.credentials) {
    size_t n = strlen(s->proxy.credentials);
    unsigned char *text = malloc(4 * (n / 3 + 1) + 1);
    if (text) {
      EVP_EncodeBlock(text, (const unsigned char *)s->proxy.credentials, (int)n);
      kl_buf_printf(&out, "Proxy-Authorization: Basic %s\r\n", (const char *)text);
    } else {
      out.failed = true;
    }
    free(text);
  }
  kl_buf_str(&out, "\r\n");
  bool ok = !out.failed;
  if (!ok) out_of_memory(s);
  if (ok) send_raw(s, out.data, out.len);
  kl_buf_free(&out);
  return ok;
}

static void connect_next(kl_stream *s);

static void attempt_failed(kl_stream *s, int rc) {
  drop_attempt(s);
  const char *hint = rc == UV_ECONNREFUSED ? "; is it running, and is the port right?" : "";
  kl_error_coded(&s->error, rc == UV_ETIMEDOUT ? KL_ERR_TIMEOUT : KL_ERR_NETWORK, "proxy_failed",
                 "cannot connect to %s'%s': %s%s", s->proxy.host ? "the proxy " : "", s->peer->authority,
                 uv_strerror(rc), hint);
  s->error.retryable = true;
  connect_next(s);
}

static void attempt_timed_out(uv_timer_t *t) { attempt_failed(t->data, UV_ETIMEDOUT); }

static void connected(uv_connect_t *req, int rc) {
  attempt *a = req->data;
  kl_stream *s = a->s;
  if (s->state != S_CONNECTING || s->at != a) return;
  uv_timer_stop(&s->timer);
  if (rc == 0) rc = uv_tcp_nodelay(&a->tcp, 1);
  if (rc == 0 && s->o.url->tls && !s->cipher && !(s->cipher = malloc(CIPHER_ROOM))) rc = UV_ENOMEM;
  if (rc == 0) rc = uv_read_start((uv_stream_t *)&a->tcp, on_alloc, on_read);
  if (rc) {
    attempt_failed(s, rc);
    return;
  }
  s->error = (kl_error){0};
  if (s->proxy.host) {
    s->state = S_PROXY;
    if (!ask_proxy(s)) fail(s);
  } else if (s->o.url->tls) {
    start_tls(s);
  } else {
    become_ready(s);
  }
}

static bool is_loopback(const struct sockaddr *a) {
  if (a->sa_family == AF_INET)
    return (ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr) >> 24) == 127;
  return a->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr);
}

static int start_attempt(kl_stream *s, const struct sockaddr *address) {
  attempt *a = calloc(1, sizeof *a);
  if (!a) return UV_ENOMEM;
  int rc = uv_tcp_init(s->loop, &a->tcp);
  if (rc) {
    free(a);
    return rc;
  }
  a->s = s;
  a->tcp.data = a->connect.data = a;
  s->at = a;
  s->refs++;
  return uv_tcp_connect(&a->connect, &a->tcp, address, connected);
}

/* Takes the next address that can be tried; fails with the last one's error when there is none. */
static void connect_next(kl_stream *s) {
  while (s->next) {
    const struct sockaddr *address = s->next->ai_addr;
    int64_t share = s->attempt_ms;
    s->next = s->next->ai_next;
    s->left--;
    if (!s->o.url->tls && !is_loopback(address)) {
      kl_error_coded(&s->error, KL_ERR_NETWORK, "url_unencrypted",
                     "'%s' is not this machine, and an unencrypted connection goes nowhere else", s->peer->authority);
      continue;
    }
    s->state = S_CONNECTING;
    int rc = start_attempt(s, address);
    if (rc == 0) {
      /* The last one has whatever is left of the owner's patience. */
      if (s->next) uv_timer_start(&s->timer, attempt_timed_out, (uint64_t)share, 0);
      return;
    }
    attempt_failed(s, rc);
    return;
  }
  fail(s);
}

/* ---- the beginning ---- */

static void prepared_and_resolved(kl_stream *s) {
  if (s->preparing || s->resolving || s->state != S_RESOLVING) return;
  if (s->prepare_error.kind) {
    s->error = s->prepare_error;
    fail(s);
    return;
  }
  if (s->resolve_status) {
    int rc = s->resolve_status;
    kl_error_coded(&s->error, KL_ERR_NETWORK, "host_not_found",
                   "cannot find the %s '%s': %s; check the name and the network", s->proxy.host ? "proxy" : "host",
                   s->peer->host, uv_strerror(rc));
    s->error.retryable = true;
    fail(s);
    return;
  }
  s->next = s->addresses;
  for (struct addrinfo *a = s->next; a; a = a->ai_next)
    s->left++;
  s->attempt_ms = s->o.connect_ms / (s->left ? s->left : 1);
  if (s->attempt_ms < MIN_ATTEMPT_MS) s->attempt_ms = MIN_ATTEMPT_MS;
  kl_error_coded(&s->error, KL_ERR_NETWORK, "host_not_found", "the name '%s' has no address", s->peer->host);
  connect_next(s);
}

static void resolved(uv_getaddrinfo_t *req, int rc, struct addrinfo *found) {
  kl_stream *s = req->data;
  s->resolving = false;
  s->resolve_status = rc;
  s->addresses = rc == 0 ? found : NULL;
  prepared_and_resolved(s);
  release(s);
}

static void prepare_in_worker(uv_work_t *req) {
  kl_stream *s = req->data;
  kl_error e;
  if (!kl_tls_prepare(s->ca_file, &e)) s->prepare_error = e;
}

static void prepared(uv_work_t *req, int rc) {
  kl_stream *s = req->data;
  (void)rc; /* canceled: then the stream is closed */
  s->preparing = false;
  prepared_and_resolved(s);
  release(s);
}

static int start_resolving(kl_stream *s) {
  char port[8];
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
  snprintf(port, sizeof port, "%u", (unsigned)s->peer->port);
  s->resolve.data = s;
  int rc = uv_getaddrinfo(s->loop, &s->resolve, resolved, s->peer->host, port, &hints);
  if (rc) return rc;
  s->resolving = true;
  s->refs++;
  return 0;
}

static int start_preparing(kl_stream *s) {
  if (!s->o.url->tls || kl_tls_prepared(s->ca_file)) return 0;
  s->prepare.data = s;
  int rc = uv_queue_work(s->loop, &s->prepare, prepare_in_worker, prepared);
  if (rc) return rc;
  s->preparing = true;
  s->refs++;
  return 0;
}

kl_stream *kl_stream_open(uv_loop_t *loop, const kl_stream_options *o, kl_error *e) {
  kl_stream *s = calloc(1, sizeof *s);
  if (s && o->ca_file && !(s->ca_file = strdup(o->ca_file))) {
    free(s);
    s = NULL;
  }
  if (!s) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for a connection");
    return NULL;
  }
  if (o->url->tls && !kl_proxy_find(o->url, &s->proxy, e)) {
    free(s->ca_file);
    free(s);
    return NULL;
  }
  s->loop = loop;
  s->o = *o;
  if (!s->o.max_queued) s->o.max_queued = MAX_QUEUED;
  s->peer = s->proxy.host ? &s->proxy : o->url;
  s->refs = 1;
  uv_timer_init(loop, &s->timer);
  s->timer.data = s;
  int rc = start_resolving(s);
  if (rc == 0) rc = start_preparing(s);
  if (rc) {
    kl_error_coded(&s->error, KL_ERR_NETWORK, "host_not_found", "cannot look up '%s': %s", s->peer->host,
                   uv_strerror(rc));
    fail_later(s, 0);
  }
  return s;
}

const char *kl_stream_doing(const kl_stream *s) {
  switch (s->state) {
  case S_RESOLVING:
    return "looking up the name";
  case S_CONNECTING:
    return "connecting";
  case S_PROXY:
    return "waiting for the proxy";
  case S_TLS:
    return "in the TLS handshake";
  default:
    return "waiting for the server's answer";
  }
}
