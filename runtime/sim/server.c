#include "sim/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "net/local_http.h"
#include "sim/server_impl.h"

enum {
  HEADERS_MOST = 32768,   /* bytes of one request's headers; 100 tickers of a query fit */
  HEADERS_AT_ONCE = 1024, /* requests that are being read; taken from memory as they come */
  CHUNK = 65536,          /* of the library's buffer */
  KEEP_ALIVE_S = 120
};

/* What waits for its time: the library's own timers do not wake a loop that is not its own. */
struct kl_sim_waits {
  kl_list list; /* the earliest first */
  uv_timer_t timer;
};

kl_sim_connection *kl_sim_connection_of(struct lws *wsi) {
  kl_sim_connection *k = lws_get_opaque_user_data(wsi);
  if (k) return k;
  k = calloc(1, sizeof *k);
  if (!k) return NULL;
  k->sim = lws_context_user(lws_get_context(wsi));
  k->wsi = wsi;
  kl_list_init(&k->wait);
  kl_list_init(&k->turn);
  lws_set_opaque_user_data(wsi, k);
  return k;
}

void kl_sim_connection_free(struct lws *wsi) {
  kl_sim_connection *k = lws_get_opaque_user_data(wsi);
  if (!k) return;
  lws_set_opaque_user_data(wsi, NULL);
  kl_list_remove(&k->wait);
  kl_list_remove(&k->turn);
  kl_sim_connection_hold(k, false);
  if (k->session) kl_sim_session_close(k->session);
  if (k->later) k->later->k = NULL;
  kl_sim_key_release(k->key);
  kl_buf_free(&k->query);
  kl_buf_free(&k->body);
  kl_buf_free(&k->out);
  free(k);
}

/* ---- waiting ---- */

static void on_due(uv_timer_t *t);

static void set_timer(kl_sim *s, int64_t now_ns) {
  struct kl_sim_waits *w = s->waits;
  if (kl_list_empty(&w->list) || s->clock->line) return;
  const kl_sim_connection *k = KL_CONTAINER(w->list.next, kl_sim_connection, wait);
  int64_t ms = k->due_ns > now_ns ? (k->due_ns - now_ns + 999999) / 1000000 : 0;
  uv_timer_start(&w->timer, on_due, (uint64_t)ms, 0);
}

/* Those whose time has come may write: there they go on. */
static void on_due(uv_timer_t *t) { kl_sim_server_due(t->data); }

void kl_sim_server_due(kl_sim *s) {
  int64_t now_ns = kl_mono_ns(s->clock);
  while (!kl_list_empty(&s->waits->list)) {
    kl_sim_connection *k = KL_CONTAINER(s->waits->list.next, kl_sim_connection, wait);
    if (k->due_ns > now_ns) break;
    kl_list_remove(&k->wait);
    kl_sim_connection_hold(k, false);
    lws_callback_on_writable(k->wsi);
  }
  set_timer(s, now_ns);
}

int64_t kl_sim_server_next_ns(const kl_sim *s) {
  const kl_list *all = &s->waits->list;
  return kl_list_empty(all) ? INT64_MAX : KL_CONTAINER(all->next, const kl_sim_connection, wait)->due_ns;
}

void kl_sim_connection_hold(kl_sim_connection *k, bool held) {
  if (k->held == held) return;
  k->held = held;
  if (held)
    k->sim->n_held++;
  else
    k->sim->n_held--;
}

/* The connection is asked to write at that time, and not before. Mostly it is the last in the list. */
void kl_sim_connection_wait(kl_sim_connection *k, int64_t due_ns) {
  kl_list *all = &k->sim->waits->list;
  kl_list_remove(&k->wait);
  if (!k->session) kl_sim_connection_hold(k, true);
  k->due_ns = due_ns;
  kl_list *before = all->prev;
  while (before != all && KL_CONTAINER(before, kl_sim_connection, wait)->due_ns > due_ns)
    before = before->prev;
  kl_list_append(before->next, &k->wait);
  uv_update_time(&k->sim->loop);
  if (all->next == &k->wait) set_timer(k->sim, kl_mono_ns(k->sim->clock));
}

bool kl_sim_connection_waits(const kl_sim_connection *k) { return !kl_list_empty(&k->wait); }

int kl_sim_connection_reset(struct lws *wsi) {
  const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
  /* The library shuts its sockets down before it closes them, which would end the stream properly. */
  if (connect(lws_get_socket_fd(wsi), &nobody, sizeof nobody) != 0)
    kl_log_debug("sim", "a connection could not be reset: %s", strerror(errno));
  return -1;
}

void kl_sim_server_release(kl_sim *s) {
  while (!kl_list_empty(&s->waiting)) {
    kl_sim_connection *k = KL_CONTAINER(s->waiting.next, kl_sim_connection, turn);
    kl_list_remove(&k->turn);
    lws_callback_on_writable(k->wsi);
  }
}

void kl_sim_server_unpark(kl_sim *s) {
  int64_t now_ns = kl_mono_ns(s->clock);
  kl_list *all = &s->waits->list;
  for (kl_list *at = all->next, *next; at != all; at = next) {
    next = at->next;
    kl_sim_connection *k = KL_CONTAINER(at, kl_sim_connection, wait);
    if (k->parked && k->due_ns == k->parked_ns) kl_sim_connection_wait(k, now_ns); /* goes to the front */
  }
}

void kl_sim_server_break(kl_sim *s) {
  for (kl_list *at = s->sessions.next; at != &s->sessions; at = at->next) {
    kl_sim_session *c = KL_CONTAINER(at, kl_sim_session, link);
    c->closing = true;
    kl_sim_server_wake(c);
  }
}

void kl_sim_connection_start(kl_buf *out) {
  kl_buf_clear(out);
  if (!kl_buf_reserve(out, LWS_PRE)) return;
  memset(out->data, 0, LWS_PRE);
  out->len = LWS_PRE;
}

/* ---- the library ---- */

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len) {
  (void)user;
  switch (reason) {
  case LWS_CALLBACK_HTTP:
    return kl_sim_on_request(wsi);
  case LWS_CALLBACK_HTTP_BODY:
    return kl_sim_on_body(wsi, in, len);
  case LWS_CALLBACK_HTTP_BODY_COMPLETION:
    return kl_sim_on_body_end(wsi);
  case LWS_CALLBACK_HTTP_WRITEABLE:
    return kl_sim_on_writable(wsi);
  case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
    return kl_sim_on_upgrade(wsi, in ? in : "");
  case LWS_CALLBACK_ESTABLISHED:
    return kl_sim_on_established(wsi);
  case LWS_CALLBACK_RECEIVE:
    return kl_sim_on_message(wsi, in, len);
  case LWS_CALLBACK_SERVER_WRITEABLE:
    return kl_sim_on_session_writable(wsi);
  case LWS_CALLBACK_CLOSED:
  case LWS_CALLBACK_WSI_DESTROY:
    kl_sim_connection_free(wsi);
    return 0;
  default:
    return 0;
  }
}

/* The library's TLS globals are set up once in a process: doing it again under a living context breaks that one. */
static atomic_flag tls_is_set_up = ATOMIC_FLAG_INIT;

/* A WebSocket that has answered nothing for so long is given up. The library sends no pings of its own, which could
 * come between two parts of a frame (server_ws.c). */
static const lws_retry_bo_t idle = {.secs_since_valid_ping = 300, .secs_since_valid_hangup = 300};

bool kl_sim_server_open(kl_sim *s, kl_error *e) {
  static const struct lws_protocols protocols[] = {{"kalshi", on_event, 0, 8192, 0, NULL, 0},
                                                   {NULL, NULL, 0, 0, 0, NULL, 0}};
  s->waits = calloc(1, sizeof *s->waits);
  if (!s->waits) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for the exchange simulator");
    return false;
  }
  kl_list_init(&s->waits->list);
  uv_timer_init(&s->loop, &s->waits->timer);
  s->waits->timer.data = s;
  bool sets_up_tls = s->o.tls && !atomic_flag_test_and_set(&tls_is_set_up);
  if (!kl_lws_open(&s->loop,
                   &(kl_lws_options){.owner = s,
                                     .headers_most = HEADERS_MOST,
                                     .requests_most = HEADERS_AT_ONCE,
                                     .buffer = CHUNK,
                                     .more = sets_up_tls ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0},
                   &s->lws, e))
    return false;
  struct lws_context_creation_info vi = {0};
  vi.vhost_name = "sim";
  vi.iface = "127.0.0.1";
  vi.port = s->o.port;
  vi.protocols = protocols;
  vi.retry_and_idle_policy = &idle;
  vi.keepalive_timeout = KEEP_ALIVE_S;
  vi.options = LWS_SERVER_OPTION_DISABLE_IPV6 | LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME;
  if (s->o.tls) {
    vi.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    vi.alpn = "http/1.1";
    vi.server_ssl_cert_mem = s->tls_cert;
    vi.server_ssl_cert_mem_len = (unsigned)s->tls_cert_len;
    vi.server_ssl_private_key_mem = s->tls_key;
    vi.server_ssl_private_key_mem_len = (unsigned)s->tls_key_len;
  }
  s->vhost = lws_create_vhost(s->lws, &vi);
  s->port = s->vhost ? lws_get_vhost_listen_port(s->vhost) : -1;
  if (s->port > 0) return true;
  kl_error_set(e, KL_ERR_CONFIG, "the simulator cannot listen on 127.0.0.1 port %d: is the port taken?", s->o.port);
  return false;
}

void kl_sim_server_close(kl_sim *s) {
  if (s->waits) uv_close((uv_handle_t *)&s->waits->timer, NULL);
  if (s->lws) lws_context_destroy(s->lws);
}

void kl_sim_server_free(kl_sim *s) {
  if (s->lws) lws_context_destroy(s->lws); /* the second call, after the loop has closed its handles, frees it */
  s->lws = NULL;
  free(s->waits);
  s->waits = NULL;
}

void kl_sim_server_second(kl_sim *s) {
  enum { PING_EVERY_S = 10 };
  /* The library's own timers do not wake a loop that is not its own. */
  lws_cancel_service(s->lws);
  if (++s->seconds % PING_EVERY_S != 0) return;
  for (kl_list *at = s->sessions.next; at != &s->sessions; at = at->next) {
    kl_sim_session *c = KL_CONTAINER(at, kl_sim_session, link);
    c->ping_due = true;
    kl_sim_server_wake(c);
  }
}
