/* Connections by libwebsockets. */
#include "monitor/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/local_http.h"

enum {
  HEADERS_MOST = 8192, /* bytes of one request's headers */
  CHUNK = 65536,       /* written at once */
  KEEP_ALIVE_S = 60,
  KEEP_BUFFER = 262144
};

/* ---- connections ---- */

static void connection_new(struct lws *wsi) {
  kl_monitor *m = lws_context_user(lws_get_context(wsi));
  kl_monitor_connection *k = calloc(1, sizeof *k);
  if (!k) return; /* its request is closed */
  k->monitor = m;
  k->wsi = wsi;
  lws_set_opaque_user_data(wsi, k);
  m->connections++;
}

static void connection_free(struct lws *wsi) {
  kl_monitor_connection *k = lws_get_opaque_user_data(wsi);
  if (!k) return;
  lws_set_opaque_user_data(wsi, NULL);
  k->monitor->connections--;
  kl_monitor_stream_free(k->stream);
  kl_buf_free(&k->args);
  kl_buf_free(&k->out);
  free(k);
}

/* ---- a request ---- */

/* The query, split at '&'; the library has undone the percent-encoding. */
static bool read_query(kl_monitor_connection *k) {
  size_t n = 0;
  kl_buf_clear(&k->args);
  for (int i = 0;; i++) {
    int length = lws_hdr_fragment_length(k->wsi, WSI_TOKEN_HTTP_URI_ARGS, i);
    if (!kl_buf_reserve(&k->args, (size_t)length + 1)) return false;
    int got = lws_hdr_copy_fragment(k->wsi, k->args.data + k->args.len, length + 1, WSI_TOKEN_HTTP_URI_ARGS, i);
    if (got < 0) break;     /* there is no such one */
    if (got == 0) continue; /* nothing between two '&' */
    if (n++ == KL_MONITOR_ARGS_MOST) return false;
    k->args.data[k->args.len + (size_t)got] = '\0';
    k->args.len += (size_t)got + 1;
  }
  /* Now that the text stays where it is. */
  const char *p = k->args.data;
  for (size_t i = 0; i < n; i++) {
    k->arg_list[i] = p;
    p += strlen(p) + 1;
  }
  k->arg_list[n] = NULL;
  return true;
}

/* NULL when it is not there; one that is too long is nothing that any check lets pass. */
static const char *header(struct lws *wsi, enum lws_token_indexes token, char *out, size_t cap) {
  if (lws_hdr_total_length(wsi, token) <= 0) return NULL;
  if (lws_hdr_copy(wsi, out, (int)cap, token) < 0) return "?";
  return out;
}

static const char *read_method(struct lws *wsi, enum lws_token_indexes *token) {
  static const struct {
    enum lws_token_indexes token;
    const char *name;
  } methods[] = {{WSI_TOKEN_GET_URI, "GET"}, {WSI_TOKEN_HEAD_URI, "HEAD"}};
  for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
    if (!lws_hdr_total_length(wsi, methods[i].token)) continue;
    *token = methods[i].token;
    return methods[i].name;
  }
  return NULL;
}

static int write_on(kl_monitor_connection *k) {
  if (k->out.failed) return -1;
  do {
    size_t n = k->out.len - k->sent;
    bool last = n <= CHUNK;
    if (!last) n = CHUNK;
    /* The bytes before the place are the library's to use: what was there has been written. */
    if (lws_write(k->wsi, (unsigned char *)k->out.data + k->sent, n, last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) <
        (int)n)
      return -1;
    k->sent += n;
    if (last) {
      k->answering = false;
      if (k->out.cap > KEEP_BUFFER) kl_buf_free(&k->out);
      if (k->close_after) return -1;
      return lws_http_transaction_completed(k->wsi) ? -1 : 0;
    }
  } while (!lws_send_pipe_choked(k->wsi));
  lws_callback_on_writable(k->wsi);
  return 0;
}

static int on_request(struct lws *wsi) {
  kl_monitor_connection *k = lws_get_opaque_user_data(wsi);
  static const char site[] = "sec-fetch-site:";
  enum lws_token_indexes token = WSI_TOKEN_GET_URI;
  char host[128], origin[160], fetch_site[24], authorization[128];
  if (!k || k->stream) return -1;
  const char *method = read_method(wsi, &token);
  int refusal = 0;
  if (!method)
    refusal = 405;
  else if (lws_hdr_copy(wsi, k->path, sizeof k->path, token) < 0 || !read_query(k))
    refusal = 414;
  /* What the body of a GET would mean nobody says, and where it ends nobody looks. */
  k->close_after = refusal || lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0 ||
                   lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0;
  kl_monitor_credentials c = {.host = header(wsi, WSI_TOKEN_HOST, host, sizeof host),
                              .origin = header(wsi, WSI_TOKEN_ORIGIN, origin, sizeof origin),
                              .authorization =
                                  header(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, authorization, sizeof authorization)};
  if (lws_hdr_custom_length(wsi, site, sizeof site - 1) > 0) {
    bool whole = lws_hdr_custom_copy(wsi, fetch_site, sizeof fetch_site, site, sizeof site - 1) >= 0;
    c.fetch_site = whole ? fetch_site : "?";
  }
  k->answering = true;
  k->sent = LWS_PRE;
  kl_buf_clear(&k->out);
  char before[LWS_PRE] = {0};
  kl_buf_add(&k->out, before, sizeof before); /* the library's to write in */
  kl_monitor_respond(k, method ? method : "POST", &c, refusal);
  explicit_bzero(authorization, sizeof authorization);
  if (!k->stream) return write_on(k);
  lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
  return kl_monitor_stream_write(k->stream);
}

static int on_writable(struct lws *wsi) {
  kl_monitor_connection *k = lws_get_opaque_user_data(wsi);
  if (!k) return 0;
  if (k->stream) return kl_monitor_stream_write(k->stream);
  return k->answering ? write_on(k) : 0;
}

/* ---- the library ---- */

static void on_second(uv_timer_t *t) {
  kl_monitor *m = t->data;
  int64_t now_ns = kl_mono_ns(kl_clock_real());
  lws_cancel_service(m->lws);
  for (kl_list *at = m->streams.next; at != &m->streams; at = at->next)
    kl_monitor_stream_second(KL_CONTAINER(at, kl_monitor_stream, link), now_ns);
  if (m->connections == 0) uv_timer_stop(t);
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len) {
  kl_monitor *m = lws_context_user(lws_get_context(wsi));
  (void)user;
  (void)in;
  (void)len;
  switch (reason) {
  case LWS_CALLBACK_FILTER_NETWORK_CONNECTION:
    return m->closing || m->connections >= KL_MONITOR_CONNECTIONS_MOST ? -1 : 0;
  case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
    connection_new(wsi);
    if (!uv_is_active((uv_handle_t *)&m->second)) uv_timer_start(&m->second, on_second, 1000, 1000);
    return 0;
  case LWS_CALLBACK_HTTP:
    return on_request(wsi);
  case LWS_CALLBACK_HTTP_BODY:
    return -1;
  case LWS_CALLBACK_HTTP_BODY_COMPLETION:
    return 0;
  case LWS_CALLBACK_HTTP_WRITEABLE:
    return on_writable(wsi);
  case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
    return -1; /* no WebSocket is served here */
  case LWS_CALLBACK_WSI_DESTROY:
    connection_free(wsi);
    return 0;
  default:
    return 0;
  }
}

/* What no request could be read from is answered by the library itself, with a page of its own; these go with it.
 * Chained in place, since the library wants them so. */
static struct lws_protocol_vhost_options own_headers[] = {
    {NULL, NULL, "cache-control:", "no-store"},
    {NULL, NULL, "x-content-type-options:", "nosniff"},
    {NULL, NULL, "x-frame-options:", "DENY"},
    {NULL, NULL, "content-security-policy:", "default-src 'none'; frame-ancestors 'none'"},
    {NULL, NULL, "cross-origin-resource-policy:", "same-origin"},
    {NULL, NULL, "referrer-policy:", "no-referrer"},
};

/* The library does not say why it cannot listen. */
static bool can_listen(const kl_monitor_options *o, kl_error *e) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)o->port)};
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
  bool ok = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
            bind(fd, (const struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 1) == 0;
  int why = errno;
  if (fd >= 0) close(fd);
  if (ok) return true;
  const char *what = o->what ? o->what : "the monitor";
  if (why == EADDRINUSE)
    kl_error_set(e, KL_ERR_CONFIG,
                 "%s: another program listens on 127.0.0.1 port %d (`ss -ltnp` shows which); choose another port, or 0 "
                 "for any that is free",
                 what, o->port);
  else if (why == EACCES)
    kl_error_set(e, KL_ERR_CONFIG, "%s: port %d is not for ordinary users; choose one from 1024 up, or 0 for any", what,
                 o->port);
  else
    kl_error_set(e, KL_ERR_CONFIG, "%s: cannot listen on 127.0.0.1 port %d: %s", what, o->port, strerror(why));
  return false;
}

static bool start(kl_monitor *m, const kl_monitor_options *o, kl_error *e) {
  static const struct lws_protocols protocols[] = {{"monitor", on_event, 0, 0, 0, NULL, 0},
                                                   {NULL, NULL, 0, 0, 0, NULL, 0}};
  if (!kl_lws_open(
          m->loop,
          &(kl_lws_options){
              .owner = m, .headers_most = HEADERS_MOST, .requests_most = KL_MONITOR_CONNECTIONS_MOST, .buffer = CHUNK},
          &m->lws, e))
    return false;
  struct lws_context_creation_info vi = {0};
  vi.vhost_name = "monitor";
  vi.iface = "127.0.0.1";
  vi.port = o->port;
  vi.protocols = protocols;
  vi.keepalive_timeout = KEEP_ALIVE_S;
  vi.timeout_secs = 10; /* for the head of a request */
  for (size_t i = 1; i < sizeof own_headers / sizeof *own_headers; i++)
    own_headers[i - 1].next = &own_headers[i];
  vi.headers = own_headers;
  vi.options = LWS_SERVER_OPTION_DISABLE_IPV6 | LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME |
               LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND;
  m->vhost = lws_create_vhost(m->lws, &vi);
  m->port = m->vhost ? lws_get_vhost_listen_port(m->vhost) : -1;
  if (m->port > 0) return true;
  kl_error_set(e, KL_ERR_CONFIG, "%s: cannot listen on 127.0.0.1 port %d", o->what ? o->what : "the monitor", o->port);
  return false;
}

bool kl_monitor_open(uv_loop_t *loop, const kl_monitor_options *o, kl_monitor **out, kl_error *e) {
  *out = NULL;
  if (!can_listen(o, e)) return false;
  kl_monitor *m = calloc(1, sizeof *m);
  if (m) m->token = o->token ? strdup(o->token) : NULL;
  if (!m || (o->token && !m->token)) {
    free(m);
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
    return false;
  }
  m->loop = loop;
  kl_list_init(&m->streams);
  uv_timer_init(loop, &m->second);
  m->second.data = m;
  if (!start(m, o, e)) {
    kl_monitor_close(m);
    return false;
  }
  *out = m;
  return true;
}

static void look_for_closing(uv_handle_t *h, void *data) {
  if (uv_is_closing(h)) *(bool *)data = true;
}

/* The library frees its handles in the loop, and its context only once they are gone. */
static void run_until_closed(uv_loop_t *loop) {
  bool closing = true;
  for (int turns = 0; closing && turns < 1000; turns++) {
    uv_run(loop, UV_RUN_NOWAIT);
    closing = false;
    uv_walk(loop, look_for_closing, &closing);
  }
}

void kl_monitor_close(kl_monitor *m) {
  if (!m) return;
  m->closing = true;
  uv_close((uv_handle_t *)&m->second, NULL);
  if (m->lws) lws_context_destroy(m->lws);
  run_until_closed(m->loop);
  if (m->lws) lws_context_destroy(m->lws);
  for (size_t i = 0; i < m->n_routes; i++)
    free(m->routes[i].path);
  free(m->routes);
  if (m->token) explicit_bzero(m->token, strlen(m->token));
  free(m->token);
  free(m);
}
