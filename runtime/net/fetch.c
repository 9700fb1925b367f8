#include "net/fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "net/permit.h"
#include "net/redirect.h"

struct kl_fetch {
  kl_http *h;
  kl_http_call *call;
  kl_fetch_request r; /* texts and lists are owned, `allow` apart */
  char *method, *url;
  char **headers, **secrets;
  char *body;
  int left; /* redirects */
  int64_t started_ns;
  kl_redirect next;
  kl_fetch_cb cb;
  void *data;
};

/* ---- memory ---- */

static void free_list(char **list) {
  for (char **p = list; p && *p; p++)
    free(*p);
  free(list);
}

static char **copy_list(const char *const *list) {
  size_t n = 0;
  while (list && list[n])
    n++;
  char **own = calloc(n + 1, sizeof *own);
  for (size_t i = 0; own && i < n; i++) {
    own[i] = strdup(list[i]);
    if (own[i]) continue;
    free_list(own);
    return NULL;
  }
  return own;
}

static void fetch_free(kl_fetch *f) {
  free(f->method);
  free(f->url);
  free_list(f->headers);
  free_list(f->secrets);
  free(f->body);
  free(f->next.url);
  free(f);
}

static kl_fetch *fetch_new(kl_http *h, const kl_fetch_request *r, kl_error *e) {
  kl_fetch *f = calloc(1, sizeof *f);
  bool ok = f != NULL;
  if (ok) {
    f->h = h;
    f->r = *r;
    f->left = r->redirects;
    f->started_ns = kl_mono_ns(kl_clock_real());
    f->method = strdup(r->http.method);
    f->url = strdup(r->http.url);
    f->headers = copy_list(r->http.headers);
    f->secrets = copy_list(r->secrets);
    if (r->http.body) f->body = malloc(r->http.body_len + 1);
    ok = f->method && f->url && f->headers && f->secrets && (f->body || !r->http.body);
  }
  if (ok && f->body && r->http.body_len) memcpy(f->body, r->http.body, r->http.body_len);
  if (ok) return f;
  if (f) fetch_free(f);
  kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for an HTTP request");
  return NULL;
}

/* ---- headers ---- */

static bool has_name(const char *line, const char *name) {
  size_t n = strlen(name);
  return !strncasecmp(line, name, n) && line[n] == ':';
}

static bool starts_with(const char *line, const char *start) { return !strncasecmp(line, start, strlen(start)); }

/* What frames a message belongs to the HTTP client, what routes it to the address, and what signs an order to the
 * session: a script that set them would get past the checks that the others rely on. */
bool kl_fetch_check_headers(const char *const *headers, kl_error *e) {
  static const char *const framing[] = {
      "Host", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Upgrade", "TE", "Trailer", "Expect",
      NULL};
  for (; headers && *headers; headers++) {
    if (starts_with(*headers, "KALSHI-ACCESS-")) {
      kl_error_coded(e, KL_ERR_VALIDATION, "header_reserved",
                     "the header %.*s is for signed calls to the exchange, which kalshi.* makes: sent by the script "
                     "itself, an order would pass by limits, --live and the record of orders",
                     (int)strcspn(*headers, ":"), *headers);
      return false;
    }
    bool own = starts_with(*headers, "Proxy-");
    for (const char *const *name = framing; !own && *name; name++)
      own = has_name(*headers, *name);
    if (!own) continue;
    kl_error_coded(e, KL_ERR_VALIDATION, "header_reserved", "the header %.*s is set by the client itself: leave it out",
                   (int)strcspn(*headers, ":"), *headers);
    return false;
  }
  return true;
}

static bool is_secret(const kl_fetch *f, const char *line) {
  bool secret = has_name(line, "Authorization") || has_name(line, "Cookie");
  for (char **name = f->secrets; !secret && *name; name++)
    secret = has_name(line, *name);
  return secret;
}

/* Of the body that is not sent again. */
static bool is_about_body(const char *line) { return starts_with(line, "Content-"); }

static void drop_headers(kl_fetch *f, bool secrets, bool body) {
  size_t kept = 0;
  for (size_t i = 0; f->headers[i]; i++) {
    char *line = f->headers[i];
    if ((secrets && is_secret(f, line)) || (body && is_about_body(line)))
      free(line);
    else
      f->headers[kept++] = line;
  }
  f->headers[kept] = NULL;
}

/* ---- requests ---- */

bool kl_fetch_check_host(const kl_url *u, const char *const *allow, bool allow_all, kl_error *e) {
  if (allow_all || kl_permit_allows(allow, u)) return true;
  kl_error_coded(e, KL_ERR_PERMISSION, "permission_net",
                 "the script may not connect to '%s': run it with --allow-net %s", u->authority, u->authority);
  return false;
}

/* `from` is the address that redirects, NULL for the first. */
static bool check_permission(const kl_fetch *f, const char *from, kl_error *e) {
  if (f->r.allow_all) return true;
  kl_url u, before = {0};
  if (!kl_url_parse(&u, KL_URL_HTTP, f->url, e)) return false;
  bool ok = kl_fetch_check_host(&u, f->r.allow, false, e);
  if (!ok && from && kl_url_parse(&before, KL_URL_HTTP, from, NULL))
    kl_error_coded(e, KL_ERR_PERMISSION, "permission_net",
                   "'%s' redirects to '%s', to which the script may not connect: run it with --allow-net %s",
                   before.authority, u.authority, u.authority);
  kl_url_free(&before);
  kl_url_free(&u);
  return ok;
}

static int64_t remaining(const kl_fetch *f, int64_t limit, int64_t standard) {
  if (limit <= 0) limit = standard;
  if (limit <= 0) return 0;
  int64_t left = limit - (kl_mono_ns(kl_clock_real()) - f->started_ns) / 1000000;
  return left > 0 ? left : 1;
}

static void answered(void *data, const kl_http_response *res, const kl_error *e);
static void on_head(void *data, const kl_http_response *res);
static void on_piece(void *data, const char *p, size_t n);
static bool room(void *data, size_t n);

static bool send_request(kl_fetch *f, const char *from, kl_error *e) {
  enum { STANDARD_MS = 30000 };
  kl_http_request r = f->r.http;
  bool streams = r.on_piece != NULL;
  if (!check_permission(f, from, e)) return false;
  r.method = f->method;
  r.url = f->url;
  r.headers = (const char *const *)f->headers;
  r.body = f->body;
  r.timeout_ms = remaining(f, r.timeout_ms, streams ? 0 : STANDARD_MS);
  r.head_timeout_ms = remaining(f, r.head_timeout_ms, STANDARD_MS);
  if (r.room) r.room = room;
  if (streams) {
    r.on_head = on_head;
    r.on_piece = on_piece;
  }
  f->call = kl_http_send(f->h, &r, answered, f, e);
  return f->call != NULL;
}

static void end(kl_fetch *f, const kl_http_response *res, const kl_error *e) {
  f->call = NULL;
  f->cb(f->data, res, f->url, e);
  fetch_free(f);
}

/* ---- redirects ---- */

/* 1: f->next says where to; 0: the answer is the caller's; -1 with `e`. */
static int look_for_redirect(kl_fetch *f, const kl_http_response *res, kl_error *e) {
  if (f->r.redirects <= 0) return 0;
  int follow = kl_redirect_read(&f->next, f->method, f->url, res, e);
  if (follow == 1 && f->left-- == 0) {
    kl_error_coded(e, KL_ERR_PROTOCOL, "redirect_refused",
                   "more than %d redirects, the last one to '%.200s': allow more by redirects = n, if "
                   "they come to an end",
                   f->r.redirects, f->next.url);
    return -1;
  }
  return follow;
}

/* Takes f->next as its address. */
static void follow(kl_fetch *f) {
  kl_error e = {0};
  char *from = f->url;
  f->url = f->next.url;
  f->next.url = NULL;
  drop_headers(f, f->next.other_origin, f->next.to_get);
  if (f->next.to_get) {
    free(f->method);
    f->method = strdup("GET");
    free(f->body);
    f->body = NULL;
    f->r.http.body_len = 0;
  }
  bool ok = f->method != NULL;
  if (!ok) kl_error_set(&e, KL_ERR_INTERNAL, "not enough memory to follow a redirect");
  ok = ok && send_request(f, from, &e);
  free(from);
  if (!ok) end(f, NULL, &e);
}

/* ---- answers ---- */

static void answered(void *data, const kl_http_response *res, const kl_error *e) {
  kl_fetch *f = data;
  kl_error why = {0};
  f->call = NULL;
  int redirect = res && !f->r.http.on_piece ? look_for_redirect(f, res, &why) : 0;
  if (redirect == 1)
    follow(f);
  else if (redirect == 0)
    end(f, res, e);
  else
    end(f, NULL, &why);
}

static void on_head(void *data, const kl_http_response *res) {
  kl_fetch *f = data;
  kl_error why = {0};
  int redirect = look_for_redirect(f, res, &why);
  if (redirect == 0) {
    f->r.http.on_head(f->data, res);
    return;
  }
  kl_http_cancel(f->call); /* its body is of no use */
  if (redirect == 1)
    follow(f);
  else
    end(f, NULL, &why);
}

static void on_piece(void *data, const char *p, size_t n) {
  kl_fetch *f = data;
  f->r.http.on_piece(f->data, p, n);
}

static bool room(void *data, size_t n) {
  const kl_fetch *f = data;
  return f->r.http.room(f->data, n);
}

/* ---- for the caller ---- */

kl_fetch *kl_fetch_start(kl_http *h, const kl_fetch_request *r, kl_fetch_cb cb, void *data, kl_error *e) {
  if (!kl_fetch_check_headers(r->http.headers, e)) return NULL;
  kl_fetch *f = fetch_new(h, r, e);
  if (!f) return NULL;
  f->cb = cb;
  f->data = data;
  if (send_request(f, NULL, e)) return f;
  fetch_free(f);
  return NULL;
}

const char *kl_fetch_url(const kl_fetch *f) { return f->url; }

void kl_fetch_cancel(kl_fetch *f) {
  if (f->call) kl_http_cancel(f->call);
  fetch_free(f);
}

void kl_fetch_pause(kl_fetch *f) {
  if (f->call) kl_http_pause(f->call);
}

void kl_fetch_resume(kl_fetch *f) {
  if (f->call) kl_http_resume(f->call);
}
