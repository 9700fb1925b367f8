#include "sim/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libwebsockets.h>

#include "base/log.h"
#include "sim/auth.h"
#include "sim/http.h"

#define WS_PATH "/trade-api/ws/v2"

enum {
  HEADERS_MOST = 32768,   /* bytes of one request's headers; 100 tickers of a query fit */
  HEADERS_AT_ONCE = 1024, /* requests that are being read; taken from memory as they come */
  PATH_MOST = 1024,
  CHUNK = 65536,   /* written at once */
  BURST = 1 << 20, /* written to one WebSocket before the others have their turn */
  MESSAGE_MOST = 4 << 20,
  KEEP_ALIVE_S = 120
};

/* What a connection holds for the request under way, or as a WebSocket. */
typedef struct connection {
  kl_sim *sim;
  kl_sim_session *session; /* of a WebSocket */
  kl_sim_account *account; /* who signed the handshake */
  kl_sim_request rq;
  char path[PATH_MOST], key_id[80], timestamp[32], signature[KL_SIGNATURE_MAX];
  char method[8];
  kl_buf query; /* key=value texts, each with its NUL */
  kl_sim_arg args[KL_SIM_ARGS_MOST];
  kl_buf body;
  kl_buf out; /* LWS_PRE bytes, then head and body of the answer, or a frame */
  size_t sent;
  bool waits_for_body, answered, close_after;
} connection;

static connection *connection_of(struct lws *wsi) {
  connection *k = lws_get_opaque_user_data(wsi);
  if (k) return k;
  k = calloc(1, sizeof *k);
  if (!k) return NULL;
  k->sim = lws_context_user(lws_get_context(wsi));
  lws_set_opaque_user_data(wsi, k);
  return k;
}

static void free_connection(struct lws *wsi) {
  connection *k = lws_get_opaque_user_data(wsi);
  if (!k) return;
  lws_set_opaque_user_data(wsi, NULL);
  if (k->session) kl_sim_session_close(k->session);
  kl_buf_free(&k->query);
  kl_buf_free(&k->body);
  kl_buf_free(&k->out);
  free(k);
}

/* ---- reading a request ---- */

/* A header of the exchange's own; NULL when it is absent, or too long to mean anything. */
static const char *own_header(struct lws *wsi, const char *name, char *out, size_t cap) {
  int n = (int)strlen(name), length = lws_hdr_custom_length(wsi, name, n);
  if (length <= 0 || (size_t)length >= cap) return NULL;
  if (lws_hdr_custom_copy(wsi, out, (int)cap, name, n) < 0) return NULL;
  return out;
}

/* The query: key and value, split at the first '='; the library has undone the percent-encoding. */
static bool read_query(connection *k, struct lws *wsi) {
  size_t count = 0;
  kl_buf_clear(&k->query);
  for (int i = 0;; i++) {
    int length = lws_hdr_fragment_length(wsi, WSI_TOKEN_HTTP_URI_ARGS, i);
    if (!kl_buf_reserve(&k->query, (size_t)length + 2)) return false;
    char *at = k->query.data + k->query.len;
    int n = lws_hdr_copy_fragment(wsi, at, length + 1, WSI_TOKEN_HTTP_URI_ARGS, i);
    if (n < 0) break;     /* there is no such one */
    if (n == 0) continue; /* nothing between two '&' */
    if (count++ == KL_SIM_ARGS_MOST) return false;
    char *value = memchr(at, '=', (size_t)n);
    if (value) *value = '\0';
    at[n] = at[n + 1] = '\0';
    k->query.len += (size_t)n + (value ? 1 : 2);
  }
  /* Now that the text stays where it is: each key is followed by its value. */
  const char *p = k->query.data;
  for (size_t i = 0; i < count; i++) {
    k->args[i].key = p;
    p += strlen(p) + 1;
    k->args[i].value = p;
    p += strlen(p) + 1;
  }
  k->rq.args = k->args;
  k->rq.n_args = count;
  return true;
}

/* Method, path, signature headers, query. Returns 0, or the status of what is wrong. */
static int read_head(connection *k, struct lws *wsi) {
  static const struct {
    enum lws_token_indexes token;
    const char *name;
  } methods[] = {{WSI_TOKEN_GET_URI, "GET"},        {WSI_TOKEN_POST_URI, "POST"}, {WSI_TOKEN_DELETE_URI, "DELETE"},
                 {WSI_TOKEN_PUT_URI, "PUT"},        {WSI_TOKEN_HEAD_URI, "HEAD"}, {WSI_TOKEN_PATCH_URI, "PATCH"},
                 {WSI_TOKEN_OPTIONS_URI, "OPTIONS"}};
  k->rq = (kl_sim_request){.method = k->method, .path = k->path};
  k->path[0] = '\0';
  snprintf(k->method, sizeof k->method, "?");
  for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
    if (!lws_hdr_total_length(wsi, methods[i].token)) continue;
    snprintf(k->method, sizeof k->method, "%s", methods[i].name);
    if (lws_hdr_copy(wsi, k->path, sizeof k->path, methods[i].token) < 0) return 414;
    break;
  }
  char languages[128];
  if (lws_hdr_copy(wsi, languages, sizeof languages, WSI_TOKEN_HTTP_ACCEPT_LANGUAGE) > 0)
    k->rq.language = kl_sim_language_read(languages);
  k->rq.key_id = own_header(wsi, "kalshi-access-key:", k->key_id, sizeof k->key_id);
  k->rq.timestamp = own_header(wsi, "kalshi-access-timestamp:", k->timestamp, sizeof k->timestamp);
  k->rq.signature = own_header(wsi, "kalshi-access-signature:", k->signature, sizeof k->signature);
  return read_query(k, wsi) ? 0 : 414;
}

/* ---- answering ---- */

static const char *reason_of(int status) {
  switch (status) {
  case 200:
    return "OK";
  case 201:
    return "Created";
  case 204:
    return "No Content";
  case 301:
    return "Moved Permanently";
  case 400:
    return "Bad Request";
  case 401:
    return "Unauthorized";
  case 404:
    return "Not Found";
  case 405:
    return "Method Not Allowed";
  case 409:
    return "Conflict";
  case 410:
    return "Gone";
  case 411:
    return "Length Required";
  case 413:
    return "Content Too Large";
  case 414:
    return "URI Too Long";
  case 426:
    return "Upgrade Required";
  case 429:
    return "Too Many Requests";
  case 501:
    return "Not Implemented";
  default:
    return "Internal Server Error";
  }
}

/* RFC 9110, 5.6.7: "Tue, 15 Nov 1994 08:12:31 GMT", in English whatever the locale. */
static void http_date(char *out, size_t cap, int64_t us) {
  static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  time_t t = (time_t)(us / 1000000);
  struct tm tm = {0};
  gmtime_r(&t, &tm);
  snprintf(out, cap, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday % 7], tm.tm_mday, months[tm.tm_mon % 12],
           tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void out_start(kl_buf *out) {
  kl_buf_clear(out);
  if (!kl_buf_reserve(out, LWS_PRE)) return;
  memset(out->data, 0, LWS_PRE);
  out->len = LWS_PRE;
}

/* Head and body as one text: they mostly go out in one write. The library's own header functions are not used, since
 * they want two. */
static void render(connection *k, const kl_sim_response *rs) {
  char date[64];
  kl_buf *out = &k->out;
  http_date(date, sizeof date, kl_wall_us(kl_clock_real()));
  out_start(out);
  kl_buf_printf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\n", rs->status, reason_of(rs->status), date);
  if (rs->status != 204) kl_buf_printf(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n", rs->body.len);
  if (rs->location[0]) kl_buf_printf(out, "Location: %s\r\n", rs->location);
  if (rs->allow[0]) kl_buf_printf(out, "Allow: %s\r\n", rs->allow);
  if (rs->status == 426) kl_buf_str(out, "Upgrade: websocket\r\n");
  if (k->close_after) kl_buf_str(out, "Connection: close\r\n");
  kl_buf_str(out, "\r\n");
  if (rs->status != 204 && strcmp(k->method, "HEAD") != 0 && rs->body.len) kl_buf_add(out, rs->body.data, rs->body.len);
  k->sent = LWS_PRE;
}

/* Writes on; -1 closes the connection. */
static int write_on(connection *k, struct lws *wsi) {
  if (k->out.failed) return -1;
  do {
    size_t n = k->out.len - k->sent;
    bool last = n <= CHUNK;
    if (!last) n = CHUNK;
    /* The bytes before the place are the library's to use: what was there has been written. */
    if (lws_write(wsi, (unsigned char *)k->out.data + k->sent, n, last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) <
        (int)n)
      return -1;
    k->sent += n;
    if (last) {
      if (k->out.cap > 4 * (size_t)CHUNK) kl_buf_free(&k->out);
      if (k->close_after) return -1;
      return lws_http_transaction_completed(wsi) ? -1 : 0;
    }
  } while (!lws_send_pipe_choked(wsi));
  lws_callback_on_writable(wsi);
  return 0;
}

static int answer(connection *k, struct lws *wsi, kl_sim_response *rs) {
  render(k, rs);
  kl_buf_free(&rs->body);
  k->answered = true;
  k->waits_for_body = false;
  return write_on(k, wsi);
}

static int answer_failure(connection *k, struct lws *wsi, int status, const char *code, const char *message) {
  kl_sim_response rs = {0};
  kl_sim_touch(k->sim);
  kl_sim_count(&k->sim->counters.requests);
  kl_sim_fail(&rs, status, code, message, NULL);
  return answer(k, wsi, &rs);
}

static int serve(connection *k, struct lws *wsi) {
  kl_sim_response rs = {0};
  k->rq.body = k->body.data ? k->body.data : "";
  k->rq.body_len = k->body.len;
  kl_sim_dispatch(k->sim, &k->rq, &rs);
  return answer(k, wsi, &rs);
}

/* The length of the body; false when the header says none that can be understood. */
static bool read_length(struct lws *wsi, bool *given, uint64_t *length) {
  char text[24];
  *length = 0;
  *given = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0;
  if (!*given) return true;
  if (lws_hdr_copy(wsi, text, sizeof text, WSI_TOKEN_HTTP_CONTENT_LENGTH) < 0) return false;
  if (!*text || text[strspn(text, "0123456789")]) return false;
  *length = strtoull(text, NULL, 10); /* at most 2^64 - 1: too large for us in any case */
  return true;
}

static int on_request(struct lws *wsi) {
  connection *k = connection_of(wsi);
  if (!k) return -1;
  kl_buf_clear(&k->body);
  k->answered = k->waits_for_body = k->close_after = false;
  int wrong = read_head(k, wsi);
  bool has_length;
  uint64_t n;
  bool understood = read_length(wsi, &has_length, &n);
  bool posts = !strcmp(k->method, "POST") || !strcmp(k->method, "PUT") || !strcmp(k->method, "PATCH");
  if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING)) {
    k->close_after = true; /* where the body ends is not known */
    return answer_failure(k, wsi, 411, "length_required", "send the body with Content-Length, not in chunks");
  }
  if (!understood) {
    k->close_after = true;
    return answer_failure(k, wsi, 400, "bad_request", "Content-Length is not one decimal number");
  }
  if (wrong || n > KL_SIM_BODY_MOST) {
    k->close_after = true;
    return wrong ? answer_failure(k, wsi, wrong, "bad_request", "the path or the query is too long")
                 : answer_failure(k, wsi, 413, "bad_request", "the body is too large");
  }
  /* Without a length these methods make the library wait for a body that does not come. */
  if (posts && !has_length) k->close_after = true;
  /* After `Content-Length: 0` it tells of the end of the body, but of POST only. */
  if (n > 0 || (has_length && !strcmp(k->method, "POST"))) {
    k->waits_for_body = true;
    return 0;
  }
  return serve(k, wsi);
}

static int on_body(struct lws *wsi, const void *data, size_t n) {
  connection *k = connection_of(wsi);
  if (!k || !k->waits_for_body) return 0;
  if (k->body.len + n > KL_SIM_BODY_MOST) return -1;
  kl_buf_add(&k->body, data, n);
  return k->body.failed ? -1 : 0;
}

static int on_body_end(struct lws *wsi) {
  connection *k = connection_of(wsi);
  return k && k->waits_for_body ? serve(k, wsi) : 0;
}

/* ---- WebSocket ---- */

/* A handshake: 0 goes on with it, 1 when it was answered otherwise, -1 closes. */
static int on_upgrade(struct lws *wsi, const char *protocol) {
  connection *k = connection_of(wsi);
  if (!k) return -1;
  kl_sim *s = k->sim;
  k->answered = k->waits_for_body = k->close_after = false;
  if (read_head(k, wsi)) return -1;
  if (strcmp(protocol, "websocket") != 0) { /* an offer of HTTP/2, which need not be taken */
    k->close_after = true;
    return serve(k, wsi) < 0 ? -1 : 1;
  }
  kl_sim_response rs = {0};
  kl_sim_touch(s);
  kl_sim_count(&s->counters.requests);
  if (strcmp(k->path, WS_PATH) != 0) {
    kl_sim_fail(&rs, 404, "not_found", "not found", NULL);
  } else {
    kl_sim_auth_result r =
        kl_sim_auth_check(s, k->rq.key_id, k->rq.timestamp, k->rq.signature, "GET", k->path, &k->account);
    if (r == KL_SIM_AUTH_OK) return 0;
    const char *message, *details, *code = kl_sim_auth_code(r, &message, &details);
    kl_sim_count(&s->counters.rejected_auth);
    kl_sim_fail(&rs, 401, code, message, details);
  }
  k->close_after = true;
  answer(k, wsi, &rs);
  return -1;
}

static int on_established(struct lws *wsi) {
  connection *k = connection_of(wsi);
  if (!k || !k->account) return -1;
  k->session = kl_sim_session_open(k->sim, k->account, wsi);
  return k->session ? 0 : -1;
}

static int on_message(struct lws *wsi, const void *data, size_t n) {
  connection *k = connection_of(wsi);
  if (!k || !k->session) return -1;
  kl_buf *b = &k->session->received;
  if (b->len + n > MESSAGE_MOST) {
    lws_close_reason(wsi, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, NULL, 0);
    return -1;
  }
  kl_buf_add(b, data, n);
  if (b->failed) return -1;
  if (!lws_is_final_fragment(wsi) || lws_remaining_packet_payload(wsi)) return 0;
  kl_sim_touch(k->sim);
  kl_sim_session_command(k->session, b->data ? b->data : "", b->len);
  kl_buf_clear(b);
  return 0;
}

static int on_session_writable(struct lws *wsi) {
  static const char ping[] = "heartbeat";
  connection *k = connection_of(wsi);
  kl_sim_session *c = k ? k->session : NULL;
  if (!c) return 0;
  if (c->closing) {
    lws_close_reason(wsi, LWS_CLOSE_STATUS_POLICY_VIOLATION, NULL, 0);
    return -1;
  }
  if (c->ping_due) {
    c->ping_due = false;
    out_start(&k->out);
    kl_buf_str(&k->out, ping);
    if (k->out.failed || lws_write(wsi, (unsigned char *)k->out.data + LWS_PRE, sizeof ping - 1, LWS_WRITE_PING) < 0)
      return -1;
  }
  for (size_t written = 0; c->n > 0 && written < BURST && !lws_send_pipe_choked(wsi);) {
    out_start(&k->out);
    kl_sim_session_next(c, &k->out);
    if (k->out.failed) return -1;
    size_t n = k->out.len - LWS_PRE;
    if (lws_write(wsi, (unsigned char *)k->out.data + LWS_PRE, n, LWS_WRITE_TEXT) < (int)n) return -1;
    kl_sim_count(&k->sim->counters.ws_messages);
    written += n;
  }
  if (c->n > 0) lws_callback_on_writable(wsi);
  return 0;
}

void kl_sim_server_wake(kl_sim_session *c) { lws_callback_on_writable(c->wsi); }

/* ---- the library ---- */

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len) {
  connection *k;
  (void)user;
  switch (reason) {
  case LWS_CALLBACK_HTTP:
    return on_request(wsi);
  case LWS_CALLBACK_HTTP_BODY:
    return on_body(wsi, in, len);
  case LWS_CALLBACK_HTTP_BODY_COMPLETION:
    return on_body_end(wsi);
  case LWS_CALLBACK_HTTP_WRITEABLE:
    k = lws_get_opaque_user_data(wsi);
    return k && k->answered && k->sent < k->out.len ? write_on(k, wsi) : 0;
  case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
    return on_upgrade(wsi, in ? in : "");
  case LWS_CALLBACK_ESTABLISHED:
    return on_established(wsi);
  case LWS_CALLBACK_RECEIVE:
    return on_message(wsi, in, len);
  case LWS_CALLBACK_SERVER_WRITEABLE:
    return on_session_writable(wsi);
  case LWS_CALLBACK_CLOSED:
  case LWS_CALLBACK_WSI_DESTROY:
    free_connection(wsi);
    return 0;
  default:
    return 0;
  }
}

static void on_log(int level, const char *line) {
  size_t n = strcspn(line, "\n");
  (void)level;
  kl_log_error("sim", "libwebsockets: %.*s", (int)n, line);
}

/* The library's TLS globals are set up once in a process: doing it again under a living context breaks that one. */
static atomic_flag tls_is_set_up = ATOMIC_FLAG_INIT;

bool kl_sim_server_open(kl_sim *s, kl_error *e) {
  static const struct lws_protocols protocols[] = {{"kalshi", on_event, 0, 8192, 0, NULL, 0},
                                                   {NULL, NULL, 0, 0, 0, NULL, 0}};
  void *loops[1] = {&s->loop};
  struct lws_context_creation_info ci = {0};
  lws_set_log_level(LLL_ERR, on_log);
  ci.options =
      LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME;
  if (s->o.tls && !atomic_flag_test_and_set(&tls_is_set_up)) ci.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
  ci.foreign_loops = loops;
  ci.pcontext = &s->lws;
  ci.gid = -1;
  ci.uid = -1;
  ci.user = s;
  ci.max_http_header_data = HEADERS_MOST;
  ci.max_http_header_pool = HEADERS_AT_ONCE;
  ci.pt_serv_buf_size = CHUNK;
  s->lws = lws_create_context(&ci);
  if (!s->lws) {
    kl_error_set(e, KL_ERR_CONFIG,
                 "libwebsockets could not start: is its libuv plug-in (libwebsockets-evlib-uv) installed?");
    return false;
  }
  struct lws_context_creation_info vi = {0};
  vi.vhost_name = "sim";
  vi.iface = "127.0.0.1";
  vi.port = s->o.port;
  vi.protocols = protocols;
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
  if (s->lws) lws_context_destroy(s->lws);
}

void kl_sim_server_free(kl_sim *s) {
  if (s->lws) lws_context_destroy(s->lws); /* the second call, after the loop has closed its handles, frees it */
  s->lws = NULL;
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
