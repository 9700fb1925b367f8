/* Who may ask, which handler answers, and what the answer looks like. */
#include "monitor/monitor.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "monitor/server.h"
#include "net/local_http.h"

/* Nothing of this may be framed, guessed at, kept, or read by a page of another origin. */
static const char safe_headers[] =
    "Cache-Control: no-store\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "X-Frame-Options: DENY\r\n"
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n"
    "Permissions-Policy: camera=(), geolocation=(), microphone=()\r\n"
    "Referrer-Policy: no-referrer\r\n";

int kl_monitor_port(const kl_monitor *m) { return m->port; }

const char *kl_monitor_arg(const kl_monitor_request *r, const char *name) {
  size_t n = strlen(name);
  for (size_t i = 0; r->args[i]; i++)
    if (!strncmp(r->args[i], name, n) && r->args[i][n] == '=') return r->args[i] + n + 1;
  return NULL;
}

/* ---- routes ---- */

bool kl_monitor_route(kl_monitor *m, const char *path, kl_monitor_access access, kl_monitor_handler *h, void *data) {
  kl_monitor_route_entry *more = realloc(m->routes, (m->n_routes + 1) * sizeof *more);
  if (!more) return false;
  m->routes = more;
  size_t n = strlen(path);
  kl_monitor_route_entry r = {.path = strdup(path), .access = access, .handler = h, .data = data};
  if (!r.path) return false;
  if (n >= 2 && !strcmp(path + n - 2, "/*")) r.prefix = n - 1;
  m->routes[m->n_routes++] = r;
  return true;
}

static const kl_monitor_route_entry *find(const kl_monitor *m, const char *path) {
  const kl_monitor_route_entry *best = NULL;
  for (size_t i = 0; i < m->n_routes; i++) {
    const kl_monitor_route_entry *r = &m->routes[i];
    if (!r->prefix && !strcmp(path, r->path)) return r;
    if (r->prefix && !strncmp(path, r->path, r->prefix) && (!best || r->prefix > best->prefix)) best = r;
  }
  return best;
}

/* ---- who may ask ---- */

static void refuse(kl_monitor_answer *a, int status, const char *text) {
  a->status = status;
  kl_buf_printf(&a->body, "%s\n", text);
}

static bool has_token(const kl_monitor *m, const char *authorization) {
  static const char scheme[] = "Bearer ";
  size_t skip = sizeof scheme - 1;
  if (!authorization || strncasecmp(authorization, scheme, skip) != 0) return false;
  size_t n = strlen(m->token);
  return strlen(authorization + skip) == n && CRYPTO_memcmp(authorization + skip, m->token, n) == 0;
}

static bool may_ask(const kl_monitor *m, const kl_monitor_credentials *c, kl_monitor_answer *a) {
  if (!c->host || !kl_http_own_host(c->host, m->port, false))
    refuse(a, 403, "the Host header must name 127.0.0.1 or localhost with this server's port");
  else if (c->origin && !kl_http_own_origin(c->origin, m->port, false))
    refuse(a, 403, "a page of another origin may not ask");
  else
    return true;
  return false;
}

static bool may_have(const kl_monitor *m, const kl_monitor_credentials *c, kl_monitor_answer *a) {
  bool foreign = c->fetch_site && strcmp(c->fetch_site, "same-origin") != 0 && strcmp(c->fetch_site, "none") != 0;
  if (foreign) {
    refuse(a, 403, "a page of another site may not ask");
  } else if (!m->token) {
    refuse(a, 403, "this server was started without a token (--web gives it one)");
  } else if (!has_token(m, c->authorization)) {
    refuse(a, 401,
           "the header Authorization: Bearer TOKEN is missing or wrong; the token is in "
           "$XDG_STATE_HOME/kalua/web-token");
    a->headers = "WWW-Authenticate: Bearer realm=\"kalua\"\r\n";
  } else {
    return true;
  }
  return false;
}

/* ---- answers ---- */

static void answer(kl_monitor_connection *k, const char *method, const kl_monitor_credentials *c, int refusal,
                   kl_monitor_answer *a) {
  const kl_monitor *m = k->monitor;
  if (!may_ask(m, c, a)) return;
  if (refusal == 405) {
    refuse(a, 405, "only GET and HEAD are answered here: nothing can be changed over this server");
    a->headers = "Allow: GET, HEAD\r\n";
    return;
  }
  if (refusal) {
    refuse(a, refusal, "the path or the query is too long");
    return;
  }
  const kl_monitor_route_entry *r = find(m, k->path);
  if (!r) {
    refuse(a, 404, "there is nothing at this address");
    return;
  }
  if (r->access == KL_MONITOR_TOKEN && !may_have(m, c, a)) return;
  kl_monitor_request rq = {.method = method, .path = k->path, .args = k->arg_list};
  r->handler(r->data, &rq, a);
}

void kl_monitor_respond(kl_monitor_connection *k, const char *method, const kl_monitor_credentials *c, int refusal) {
  kl_monitor_answer a = {.priv = k};
  char date[64];
  k->head = !strcmp(method, "HEAD");
  answer(k, method, c, refusal, &a);
  if (a.body.failed) {
    kl_buf_free(&a.body);
    a.status = 500;
    a.headers = NULL;
    a.fixed = NULL;
    refuse(&a, 500, "not enough memory");
  }
  int status = a.status ? a.status : 200;
  const char *body = a.fixed ? a.fixed : a.body.data;
  size_t n = a.fixed ? a.fixed_len : a.body.len;
  const char *type = k->stream ? "text/event-stream" : a.type ? a.type : "text/plain; charset=utf-8";
  kl_http_date(date, sizeof date, kl_wall_us(kl_clock_real()));
  kl_buf_printf(&k->out, "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: %s\r\n", status, kl_http_reason(status), date,
                type);
  if (!k->stream) kl_buf_printf(&k->out, "Content-Length: %zu\r\n", n);
  kl_buf_str(&k->out, safe_headers);
  if (a.headers) kl_buf_str(&k->out, a.headers);
  if (k->stream || k->close_after) kl_buf_str(&k->out, "Connection: close\r\n");
  kl_buf_str(&k->out, "\r\n");
  if (!k->stream && !k->head && n) kl_buf_add(&k->out, body, n);
  kl_buf_free(&a.body);
}
