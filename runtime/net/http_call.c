#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "net/http_internal.h"

enum {
  DEFAULT_TIMEOUT_MS = 30000,
  DEFAULT_MAX_BODY = 64 << 20,
  KEEPALIVE_S = 30,
  MAX_SPARE = 16,
  KEPT_BUFFER = 64 << 10, /* a larger one is not kept for the next call */
};

void kl_http_call_free(kl_http_call *c) {
  if (c->easy) curl_easy_cleanup(c->easy);
  kl_url_free(&c->url);
  kl_buf_free(&c->url_text);
  kl_buf_free(&c->lines);
  kl_buf_free(&c->body);
  kl_buf_free(&c->fields);
  kl_buf_free(&c->answer);
  free(c->nodes);
  free(c);
}

static void keep_small(kl_buf *b) {
  if (b->cap > KEPT_BUFFER || b->failed)
    kl_buf_free(b);
  else
    kl_buf_clear(b);
}

void kl_http_call_done(kl_http_call *c, bool clean) {
  kl_http *h = c->h;
  kl_list_remove(&c->fresh);
  if (!clean || h->closing || h->n_spare >= MAX_SPARE) {
    kl_http_call_free(c);
    return;
  }
  keep_small(&c->body);
  keep_small(&c->fields);
  keep_small(&c->answer);
  kl_list_append(h->spare.next, &c->link); /* in front: its buffers are in the cache */
  h->n_spare++;
}

bool kl_http_call_streams(const kl_http_call *c) { return c->on_piece != NULL; }

/* ---- the connection that it gets ---- */

static long bytes_sent(kl_http_call *c) {
  long n = 0;
  curl_easy_getinfo(c->easy, CURLINFO_REQUEST_SIZE, &n);
  return n;
}

/* Called when a connection is ready and before the request goes out: again when a connection that was kept open turned
 * out to be dead, and curl would send the request once more over another. An order must not be sent twice without its
 * sender knowing. */
static int on_connection(void *data, char *peer, char *own, int peer_port, int own_port) {
  kl_http_call *c = data;
  (void)peer, (void)own, (void)peer_port, (void)own_port;
  if (kl_http_call_sent(c) && !c->repeatable) {
    c->repeat_denied = true;
    return CURL_PREREQFUNC_ABORT;
  }
  c->sent_before = bytes_sent(c);
  c->connected = c->has_connection = true;
  return CURL_PREREQFUNC_OK;
}

bool kl_http_call_sent(kl_http_call *c) { return c->connected && bytes_sent(c) > c->sent_before; }

/* ---- the handle: what is the same for all calls ---- */

static bool set_protocol(CURL *easy) {
#if LIBCURL_VERSION_NUM >= 0x075500
  return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
#else
  return curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS)) == CURLE_OK;
#endif
}

/* curl keeps the certificates that it has read only when they come from a file alone, so its directory is left out
 * wherever there is a file. */
bool kl_http_set_trust(CURL *easy, const char *ca_file) {
  const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);
  const char *env_file = getenv("SSL_CERT_FILE"), *env_dir = getenv("SSL_CERT_DIR");
  const char *file = ca_file ? ca_file : env_file && *env_file ? env_file : v->cainfo;
  if (!ca_file && env_dir && *env_dir && curl_easy_setopt(easy, CURLOPT_CAPATH, env_dir) != CURLE_OK) return false;
  if (!file) return true;
  if (curl_easy_setopt(easy, CURLOPT_CAINFO, file) != CURLE_OK) return false;
  if (!ca_file && env_dir && *env_dir) return true;
  return curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK;
}

static bool set_connection(CURL *easy, kl_http_call *c, const kl_http *h) {
  bool bad = false;
  bad |= curl_easy_setopt(easy, CURLOPT_SHARE, h->share) != CURLE_OK;
  bad |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) != CURLE_OK;
  bad |= curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L) != CURLE_OK;
  bad |= curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L) != CURLE_OK;
  bad |= curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_S) != CURLE_OK;
  bad |= curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_S) != CURLE_OK;
  bad |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) != CURLE_OK;
  bad |= curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) != CURLE_OK;
  bad |= curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) != CURLE_OK;
  bad |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, kl_http_open_socket) != CURLE_OK;
  bad |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, c) != CURLE_OK;
  bad |= curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, kl_http_close_socket) != CURLE_OK;
  bad |= curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, h) != CURLE_OK; /* the connection outlives the call */
  /* Without HTTP/2 in curl this is refused, and HTTP/1.1 does. */
  (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
#if LIBCURL_VERSION_NUM >= 0x075700
  /* Giving up during a name look-up must not wait for the resolver's thread. */
  bad |= curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) != CURLE_OK;
#endif
  return !bad && set_protocol(easy) && kl_http_set_trust(easy, h->ca_file);
}

static bool set_callbacks(CURL *easy, kl_http_call *c, const char *user_agent) {
  bool bad = false;
  bad |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, kl_http_on_body) != CURLE_OK;
  bad |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, c) != CURLE_OK;
  bad |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, kl_http_on_header) != CURLE_OK;
  bad |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, c) != CURLE_OK;
  bad |= curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connection) != CURLE_OK;
  bad |= curl_easy_setopt(easy, CURLOPT_PREREQDATA, c) != CURLE_OK;
  bad |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, c->curl_text) != CURLE_OK;
  bad |= curl_easy_setopt(easy, CURLOPT_PRIVATE, c) != CURLE_OK;
  if (user_agent) bad |= curl_easy_setopt(easy, CURLOPT_USERAGENT, user_agent) != CURLE_OK;
  return !bad;
}

static kl_http_call *call_new(kl_http *h, kl_error *e) {
  kl_http_call *c = calloc(1, sizeof *c);
  if (c) c->easy = curl_easy_init();
  if (!c || !c->easy) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for an HTTP request");
    free(c);
    return NULL;
  }
  c->h = h;
  kl_list_init(&c->link);
  kl_list_init(&c->fresh);
  if (set_connection(c->easy, c, h) && set_callbacks(c->easy, c, h->user_agent)) return c;
  kl_error_set(e, KL_ERR_INTERNAL, "curl cannot be set up: not enough memory, or its version is too old");
  kl_http_call_free(c);
  return NULL;
}

/* ---- what differs between calls ---- */

static bool refuse(kl_error *e, const char *what) {
  kl_error_set(e, KL_ERR_VALIDATION, "the HTTP request is wrong: %s", what);
  return false;
}

static bool check_method(const char *method, kl_error *e) {
  size_t n = method ? strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") : 0;
  return (n > 0 && n < 16 && !method[n]) || refuse(e, "its method is not a word of capital letters");
}

static bool has_bad_bytes(const char *text, bool blanks) {
  for (; *text; text++) {
    unsigned char b = (unsigned char)*text;
    if (b == 0x7F || (blanks ? b < 0x20 && b != '\t' : b <= 0x20)) return true;
  }
  return false;
}

size_t kl_http_origin_length(const char *url) {
  const char *host = strstr(url, "://");
  return host ? (size_t)(host - url) + 3 + strcspn(host + 3, "/?#") : 0;
}

/* The address is taken apart only where its origin is another one than that of the handle's last call; what is behind
 * the origin needs no more than a look. */
static bool set_url(kl_http_call *c, const char *url, kl_error *e) {
  size_t n = strlen(url), origin = kl_http_origin_length(url);
  bool known = c->url.host && origin == c->origin_len && !memcmp(url, c->url_text.data, origin);
  if (known && n == c->url_text.len && !memcmp(url, c->url_text.data, n)) return true;
  if (!known || has_bad_bytes(url + origin, false)) {
    kl_url_free(&c->url);
    if (!kl_url_parse(&c->url, KL_URL_HTTP, url, e)) return false;
  }
  kl_buf_clear(&c->url_text);
  kl_buf_add(&c->url_text, url, n);
  c->origin_len = origin;
  if (!c->url_text.failed && curl_easy_setopt(c->easy, CURLOPT_URL, url) == CURLE_OK) return true;
  kl_url_free(&c->url); /* the handle has another address than we think */
  kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for an HTTP request, or its address is too long");
  return false;
}

static void add_line(kl_http_call *c, const char *line, size_t n) {
  kl_buf_add(&c->lines, line, n);
  kl_buf_char(&c->lines, 0);
}

/* One line to `lines`. */
static bool add_header(kl_http_call *c, const char *line, bool *typed, kl_error *e) {
  size_t name = strcspn(line, ":");
  if (has_bad_bytes(line, true) || !line[name] || name == 0 || strcspn(line, " \t") < name)
    return refuse(e, "a header is not one line 'Name: value'");
  size_t value = name + 1 + strspn(line + name + 1, " \t");
  if (line[value]) {
    add_line(c, line, strlen(line));
  } else { /* curl takes "Name:" as an order to leave the header out; "Name;" is how it sends one without a value */
    kl_buf_add(&c->lines, line, name);
    add_line(c, ";", 1);
  }
  *typed = *typed || (name == 12 && !strncasecmp(line, "Content-Type", 12));
  return true;
}

/* curl only reads the list: its nodes and texts are ours, and in one piece each. */
static bool set_headers(kl_http_call *c, const kl_http_request *r, kl_error *e) {
  bool typed = false;
  size_t n = 0;
  kl_buf_clear(&c->lines);
  for (; r->headers && r->headers[n]; n++) {
    if (!add_header(c, r->headers[n], &typed, e)) return false;
  }
  /* No pause for "100 Continue", and no form type that the caller did not ask for. */
  add_line(c, "Expect:", 7);
  n++;
  if (!typed) {
    add_line(c, "Content-Type:", 13);
    n++;
  }
  if (n > c->max_nodes && !c->lines.failed) {
    struct curl_slist *more = realloc(c->nodes, n * sizeof *more);
    if (!more) c->lines.failed = true;
    if (more) {
      c->nodes = more;
      c->max_nodes = n;
    }
  }
  if (c->lines.failed) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for an HTTP request");
    return false;
  }
  char *text = c->lines.data;
  for (size_t i = 0; i < n; i++) {
    c->nodes[i] = (struct curl_slist){.data = text, .next = i + 1 < n ? &c->nodes[i + 1] : NULL};
    text += strlen(text) + 1;
  }
  return curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->nodes) == CURLE_OK;
}

/* POSTFIELDS makes any request a POST, and HTTPGET and POST take back NOBODY: hence the order. */
static bool set_method(kl_http_call *c, const kl_http_request *r) {
  bool post = !strcmp(r->method, "POST"), put = !strcmp(r->method, "PUT") || !strcmp(r->method, "PATCH");
  bool head = !strcmp(r->method, "HEAD"), get = !strcmp(r->method, "GET");
  bool with_body = r->body || post || put, bad = false;
  kl_buf_clear(&c->body);
  if (with_body) {
    kl_buf_add(&c->body, r->body, r->body ? r->body_len : 0);
    if (c->body.failed) return false;
    bad |= curl_easy_setopt(c->easy, CURLOPT_POST, 1L) != CURLE_OK;
    bad |= curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body.len) != CURLE_OK;
    bad |= curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, c->body.data) != CURLE_OK;
  } else {
    if (c->set.body) bad |= curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, NULL) != CURLE_OK;
    bad |= curl_easy_setopt(c->easy, CURLOPT_HTTPGET, 1L) != CURLE_OK;
    if (head) bad |= curl_easy_setopt(c->easy, CURLOPT_NOBODY, 1L) != CURLE_OK;
  }
  c->set.body = with_body;
  bool custom = with_body ? !post : !get && !head;
  if (custom || c->set.custom)
    bad |= curl_easy_setopt(c->easy, CURLOPT_CUSTOMREQUEST, custom ? r->method : NULL) != CURLE_OK;
  c->set.custom = custom;
  c->repeatable = get || head;
  return !bad;
}

/* Loopback is never asked of a proxy. Several calls at once share one HTTP/2 connection rather than open one each. */
static bool set_way(kl_http_call *c) {
  bool bad = false;
  if (c->url.loopback != c->set.loopback)
    bad |= curl_easy_setopt(c->easy, CURLOPT_PROXY, c->url.loopback ? "" : NULL) != CURLE_OK;
  if (c->url.tls != c->set.tls) bad |= curl_easy_setopt(c->easy, CURLOPT_PIPEWAIT, c->url.tls ? 1L : 0L) != CURLE_OK;
  c->set.loopback = c->url.loopback;
  c->set.tls = c->url.tls;
  return !bad;
}

static bool set_encoding(kl_http_call *c, const kl_http_request *r) {
  bool compressed = !r->uncompressed;
  if (compressed == c->set.compressed) return true;
  c->set.compressed = compressed;
  return curl_easy_setopt(c->easy, CURLOPT_ACCEPT_ENCODING, compressed ? "" : NULL) == CURLE_OK;
}

static bool set_limits(kl_http_call *c, const kl_http_request *r) {
  bool bad = false, streams = r->on_piece != NULL;
  c->head_timeout_ms = r->head_timeout_ms > 0 ? r->head_timeout_ms : DEFAULT_TIMEOUT_MS;
  c->idle_timeout_ms = r->idle_timeout_ms > 0 ? r->idle_timeout_ms : 0;
  c->timeout_ms = r->timeout_ms > 0 ? r->timeout_ms : streams ? 0 : DEFAULT_TIMEOUT_MS;
  c->max_body = r->max_body ? r->max_body : streams ? SIZE_MAX : DEFAULT_MAX_BODY;
  int64_t connect_ms = streams ? c->head_timeout_ms : c->timeout_ms;
  curl_off_t file = c->max_body < (size_t)INT64_MAX ? (curl_off_t)c->max_body : 0;
  if (c->timeout_ms != c->set.timeout_ms)
    bad |= curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, (long)c->timeout_ms) != CURLE_OK;
  if (connect_ms != c->set.connect_ms)
    bad |= curl_easy_setopt(c->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms) != CURLE_OK;
  if (c->max_body != c->set.max_body) bad |= curl_easy_setopt(c->easy, CURLOPT_MAXFILESIZE_LARGE, file) != CURLE_OK;
  c->set.timeout_ms = c->timeout_ms;
  c->set.connect_ms = connect_ms;
  c->set.max_body = c->max_body;
  return !bad;
}

/* As if it were new, the handle's options apart. */
static void start_anew(kl_http_call *c, const kl_http_request *r) {
  c->cb = NULL;
  c->data = NULL;
  c->told = c->busy = c->ended = false;
  c->rc = CURLE_OK;
  c->warming = c->connected = c->has_connection = c->repeat_denied = false;
  c->sent_before = 0;
  kl_buf_clear(&c->fields);
  kl_buf_clear(&c->answer);
  c->status = 0;
  c->head_whole = false;
  c->received = 0;
  c->too_long = c->head_too_long = c->out_of_memory = c->no_room = false;
  c->room = r->on_piece ? NULL : r->room;
  c->date_ms = 0;
  c->curl_text[0] = 0;
  c->on_head = r->on_head;
  c->on_piece = r->on_piece;
  c->head_told = c->paused = c->held = c->limit_passed = false;
  c->started_ns = c->last_ns = kl_mono_ns(kl_clock_real());
}

kl_http_call *kl_http_call_prepare(kl_http *h, const kl_http_request *r, kl_error *e) {
  kl_error unused;
  if (!e) e = &unused;
  kl_http_call *c = NULL;
  if (check_method(r->method, e)) {
    if (kl_list_empty(&h->spare)) {
      c = call_new(h, e);
    } else {
      c = KL_CONTAINER(h->spare.next, kl_http_call, link);
      kl_list_remove(&c->link);
      h->n_spare--;
    }
  }
  if (c) {
    start_anew(c, r);
    e->kind = NULL;
    if (set_url(c, r->url, e) && set_headers(c, r, e) && set_way(c) && set_method(c, r) && set_encoding(c, r) &&
        set_limits(c, r))
      return c;
    if (!e->kind)
      kl_error_set(e, KL_ERR_INTERNAL, "curl refuses the request to '%s': not enough memory, or its version is too old",
                   c->url.authority);
    kl_http_call_free(c);
  }
  e->sent = KL_SENT_NO;
  return NULL;
}
