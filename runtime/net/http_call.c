#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "net/http_internal.h"

enum { DEFAULT_TIMEOUT_MS = 30000, DEFAULT_MAX_BODY = 64 << 20, KEEPALIVE_S = 30 };

void kl_http_call_free(kl_http_call *c) {
  if (c->easy) curl_easy_cleanup(c->easy);
  curl_slist_free_all(c->headers);
  kl_url_free(&c->url);
  kl_buf_free(&c->answer);
  free(c->body);
  free(c);
}

/* ---- curl's callbacks ---- */

static size_t on_body(char *p, size_t size, size_t count, void *data) {
  kl_http_call *c = data;
  size_t n = size * count;
  if (n > c->max_body - c->answer.len) {
    c->too_long = true;
    return 0;
  }
  kl_buf_add(&c->answer, p, n);
  if (!c->answer.failed) return n;
  c->out_of_memory = true;
  return 0;
}

static size_t on_header(char *p, size_t size, size_t count, void *data) {
  kl_http_call *c = data;
  size_t n = size * count;
  char text[64];
  if (n > 5 && n < sizeof text && !strncasecmp(p, "Date:", 5)) {
    memcpy(text, p + 5, n - 5);
    text[n - 5] = 0;
    time_t t = curl_getdate(text, NULL);
    if (t > 0) c->date_ms = (int64_t)t * 1000;
  }
  return n;
}

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
  c->connected = true;
  return CURL_PREREQFUNC_OK;
}

bool kl_http_call_sent(kl_http_call *c) { return c->connected && bytes_sent(c) > c->sent_before; }

/* ---- building ---- */

static bool refuse(kl_error *e, const char *what) {
  kl_error_set(e, KL_ERR_VALIDATION, "the HTTP request is wrong: %s", what);
  snprintf(e->code, sizeof e->code, "unsent");
  return false;
}

static bool check_method(const char *method, kl_error *e) {
  size_t n = method ? strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") : 0;
  return (n > 0 && n < 16 && !method[n]) || refuse(e, "its method is not a word of capital letters");
}

static bool add_header(kl_http_call *c, const char *line) {
  struct curl_slist *grown = curl_slist_append(c->headers, line);
  if (grown) c->headers = grown;
  return grown != NULL;
}

/* curl takes "Name:" as an order to leave the header out; "Name;" is how it sends one without a value. */
static bool add_empty_header(kl_http_call *c, const char *line, size_t name) {
  char *text = strndup(line, name + 1);
  if (!text) return false;
  text[name] = ';';
  bool ok = add_header(c, text);
  free(text);
  return ok;
}

static bool has_bad_bytes(const char *line) {
  for (; *line; line++) {
    if (((unsigned char)*line < 0x20 && *line != '\t') || *line == 0x7F) return true;
  }
  return false;
}

static bool add_headers(kl_http_call *c, const kl_http_request *r, kl_error *e) {
  bool typed = false, ok = true;
  for (const char *const *h = r->headers; h && *h && ok; h++) {
    const char *line = *h;
    size_t name = strcspn(line, ":");
    if (has_bad_bytes(line) || !line[name] || name == 0 || strcspn(line, " \t") < name)
      return refuse(e, "a header is not one line 'Name: value'");
    size_t value = name + 1 + strspn(line + name + 1, " \t");
    ok = line[value] ? add_header(c, line) : add_empty_header(c, line, name);
    typed = typed || (name == 12 && !strncasecmp(line, "Content-Type", 12));
  }
  /* No pause for "100 Continue", and no form type that the caller did not ask for. */
  ok = ok && add_header(c, "Expect:");
  if (!typed) ok = ok && add_header(c, "Content-Type:");
  if (!ok) kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for an HTTP request");
  return ok;
}

static bool set_method(kl_http_call *c, const kl_http_request *r) {
  bool post = !strcmp(r->method, "POST"), put = !strcmp(r->method, "PUT") || !strcmp(r->method, "PATCH");
  bool bad = false;
  if (r->body || post || put) {
    size_t n = r->body ? r->body_len : 0;
    c->body = malloc(n + 1);
    if (!c->body) return false;
    if (n) memcpy(c->body, r->body, n);
    c->body[n] = 0;
    bad |= curl_easy_setopt(c->easy, CURLOPT_POST, 1L) != CURLE_OK;
    bad |= curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)n) != CURLE_OK;
    bad |= curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, c->body) != CURLE_OK;
    if (!post) bad |= curl_easy_setopt(c->easy, CURLOPT_CUSTOMREQUEST, r->method) != CURLE_OK;
  } else if (!strcmp(r->method, "HEAD")) {
    bad |= curl_easy_setopt(c->easy, CURLOPT_NOBODY, 1L) != CURLE_OK;
  } else {
    bad |= curl_easy_setopt(c->easy, CURLOPT_HTTPGET, 1L) != CURLE_OK;
    if (strcmp(r->method, "GET") != 0) bad |= curl_easy_setopt(c->easy, CURLOPT_CUSTOMREQUEST, r->method) != CURLE_OK;
  }
  c->repeatable = !strcmp(r->method, "GET") || !strcmp(r->method, "HEAD");
  return !bad;
}

static bool set_protocol(kl_http_call *c) {
#if LIBCURL_VERSION_NUM >= 0x075500
  return curl_easy_setopt(c->easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
#else
  return curl_easy_setopt(c->easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS)) == CURLE_OK;
#endif
}

/* curl keeps the certificates that it has read only when they come from a file alone, so its directory is left out
 * wherever there is a file. */
static bool set_trust(kl_http_call *c, const char *ca_file) {
  const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);
  const char *env_file = getenv("SSL_CERT_FILE"), *env_dir = getenv("SSL_CERT_DIR");
  const char *file = ca_file ? ca_file : env_file && *env_file ? env_file : v->cainfo;
  if (!ca_file && env_dir && *env_dir && curl_easy_setopt(c->easy, CURLOPT_CAPATH, env_dir) != CURLE_OK) return false;
  if (!file) return true;
  if (curl_easy_setopt(c->easy, CURLOPT_CAINFO, file) != CURLE_OK) return false;
  if (!ca_file && env_dir && *env_dir) return true;
  return curl_easy_setopt(c->easy, CURLOPT_CAPATH, NULL) == CURLE_OK;
}

static bool set_connection(kl_http_call *c, const char *url) {
  bool bad = false;
  bad |= curl_easy_setopt(c->easy, CURLOPT_URL, url) != CURLE_OK;
  bad |= curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L) != CURLE_OK;
  bad |= curl_easy_setopt(c->easy, CURLOPT_TCP_NODELAY, 1L) != CURLE_OK;
  bad |= curl_easy_setopt(c->easy, CURLOPT_TCP_KEEPALIVE, 1L) != CURLE_OK;
  bad |= curl_easy_setopt(c->easy, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_S) != CURLE_OK;
  bad |= curl_easy_setopt(c->easy, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_S) != CURLE_OK;
  bad |= curl_easy_setopt(c->easy, CURLOPT_FOLLOWLOCATION, 0L) != CURLE_OK;
  bad |= curl_easy_setopt(c->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) != CURLE_OK;
  if (c->url.loopback) bad |= curl_easy_setopt(c->easy, CURLOPT_PROXY, "") != CURLE_OK;
  if (c->url.tls) {
    bad |= curl_easy_setopt(c->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) != CURLE_OK;
    /* Several calls at once share one HTTP/2 connection rather than open one each; without HTTP/2 in curl this is
     * refused, and HTTP/1.1 does. */
    if (curl_easy_setopt(c->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS) == CURLE_OK)
      bad |= curl_easy_setopt(c->easy, CURLOPT_PIPEWAIT, 1L) != CURLE_OK;
  }
#if LIBCURL_VERSION_NUM >= 0x075700
  /* Giving up during a name look-up must not wait for the resolver's thread. */
  bad |= curl_easy_setopt(c->easy, CURLOPT_QUICK_EXIT, 1L) != CURLE_OK;
#endif
  return !bad && set_protocol(c);
}

static bool set_rest(kl_http_call *c, const char *user_agent) {
  bool bad = false;
  bad |= curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers) != CURLE_OK;
  bad |= curl_easy_setopt(c->easy, CURLOPT_ACCEPT_ENCODING, "") != CURLE_OK;
  bad |= curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, (long)c->timeout_ms) != CURLE_OK;
  bad |= curl_easy_setopt(c->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)c->timeout_ms) != CURLE_OK;
  bad |= curl_easy_setopt(c->easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)c->max_body) != CURLE_OK;
  bad |= curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_body) != CURLE_OK;
  bad |= curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c) != CURLE_OK;
  bad |= curl_easy_setopt(c->easy, CURLOPT_HEADERFUNCTION, on_header) != CURLE_OK;
  bad |= curl_easy_setopt(c->easy, CURLOPT_HEADERDATA, c) != CURLE_OK;
  bad |= curl_easy_setopt(c->easy, CURLOPT_PREREQFUNCTION, on_connection) != CURLE_OK;
  bad |= curl_easy_setopt(c->easy, CURLOPT_PREREQDATA, c) != CURLE_OK;
  bad |= curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->curl_text) != CURLE_OK;
  bad |= curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c) != CURLE_OK;
  if (user_agent) bad |= curl_easy_setopt(c->easy, CURLOPT_USERAGENT, user_agent) != CURLE_OK;
  return !bad;
}

kl_http_call *kl_http_call_new(const kl_http_request *r, const char *ca_file, const char *user_agent, kl_error *e) {
  kl_error unused;
  if (!e) e = &unused;
  if (!check_method(r->method, e)) return NULL;
  kl_http_call *c = calloc(1, sizeof *c);
  if (!c) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for an HTTP request");
    return NULL;
  }
  kl_list_init(&c->link);
  c->timeout_ms = r->timeout_ms > 0 ? r->timeout_ms : DEFAULT_TIMEOUT_MS;
  c->max_body = r->max_body ? r->max_body : DEFAULT_MAX_BODY;
  if (!kl_url_parse(&c->url, KL_URL_HTTP, r->url, e) || !add_headers(c, r, e)) {
    snprintf(e->code, sizeof e->code, "unsent");
    kl_http_call_free(c);
    return NULL;
  }
  c->easy = curl_easy_init();
  if (!c->easy || !set_connection(c, r->url) || (c->url.tls && !set_trust(c, ca_file)) || !set_method(c, r) ||
      !set_rest(c, user_agent)) {
    kl_error_set(e, KL_ERR_INTERNAL, "curl refuses the request to '%s': not enough memory, or its version is too old",
                 c->url.authority);
    snprintf(e->code, sizeof e->code, "unsent");
    kl_http_call_free(c);
    return NULL;
  }
  return c;
}

/* ---- the outcome ---- */

static const char *curl_says(kl_http_call *c, CURLcode rc) {
  return c->curl_text[0] ? c->curl_text : curl_easy_strerror(rc);
}

static void describe_connect_failure(kl_http_call *c, CURLcode rc, kl_error *e) {
  long os = 0;
  curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &os);
  if (os)
    kl_error_set(e, KL_ERR_NETWORK, "cannot connect to '%s': %s; is it running, and is the port right?",
                 c->url.authority, strerror((int)os));
  else
    kl_error_set(e, KL_ERR_NETWORK, "cannot connect to '%s': %s", c->url.authority, curl_says(c, rc));
}

static void describe_timeout(kl_http_call *c, bool sent, kl_error *e) {
  kl_error_set(e, KL_ERR_TIMEOUT,
               sent ? "no whole answer from '%s' within %lld ms" : "no connection to '%s' within %lld ms",
               c->url.authority, (long long)c->timeout_ms);
}

static void describe_own_abort(kl_http_call *c, kl_error *e) {
  if (c->too_long)
    kl_error_set(e, KL_ERR_PROTOCOL, "the answer of '%s' is longer than the %zu bytes allowed", c->url.authority,
                 c->max_body);
  else if (c->out_of_memory)
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for the answer of '%s'", c->url.authority);
  else
    kl_error_set(e, KL_ERR_NETWORK, "'%s' ended the connection without an answer", c->url.authority);
}

static void describe(kl_http_call *c, CURLcode rc, bool sent, kl_error *e) {
  const char *host = c->url.authority, *says = curl_says(c, rc);
  switch (rc) {
  case CURLE_COULDNT_RESOLVE_HOST:
    kl_error_set(e, KL_ERR_NETWORK, "cannot find the host '%s': check the name and the network", c->url.host);
    break;
  case CURLE_COULDNT_RESOLVE_PROXY:
    kl_error_set(e, KL_ERR_NETWORK, "cannot find the proxy for '%s' (%s): check the proxy in the environment", host,
                 says);
    break;
  case CURLE_COULDNT_CONNECT:
    describe_connect_failure(c, rc, e);
    break;
  case CURLE_OPERATION_TIMEDOUT:
    describe_timeout(c, sent, e);
    break;
  case CURLE_PEER_FAILED_VERIFICATION:
    kl_error_set(e, KL_ERR_CONFIG,
                 "the certificate of '%s' is not trusted: %s; if an authority of your own signed it, name its "
                 "certificate with --ca FILE; if it is for another name, check the address",
                 host, says);
    break;
  case CURLE_SSL_CACERT_BADFILE:
    kl_error_set(e, KL_ERR_CONFIG, "the CA certificates cannot be loaded (%s): --ca takes a PEM file", says);
    break;
  case CURLE_SSL_CONNECT_ERROR:
    kl_error_set(e, KL_ERR_NETWORK, "TLS with '%s' failed: %s", host, says);
    break;
  case CURLE_FILESIZE_EXCEEDED:
    c->too_long = true;
    describe_own_abort(c, e);
    break;
  case CURLE_WRITE_ERROR:
  case CURLE_ABORTED_BY_CALLBACK:
    describe_own_abort(c, e);
    break;
  case CURLE_GOT_NOTHING:
    kl_error_set(e, KL_ERR_NETWORK, "'%s' ended the connection without an answer", host);
    break;
  case CURLE_PARTIAL_FILE:
    kl_error_set(e, KL_ERR_NETWORK, "'%s' ended the connection before its answer was complete", host);
    break;
  case CURLE_OUT_OF_MEMORY: /* curl also says so of a header line that is longer than it takes */
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for the call to '%s', or a header of its answer is too long",
                 host);
    break;
  case CURLE_UNSUPPORTED_PROTOCOL:
  case CURLE_WEIRD_SERVER_REPLY:
  case CURLE_BAD_CONTENT_ENCODING:
    kl_error_set(e, KL_ERR_PROTOCOL, "the answer of '%s' is not proper HTTP: %s", host, says);
    break;
  default:
    kl_error_set(e, KL_ERR_NETWORK, "the call to '%s' failed: %s", host, says);
  }
}

void kl_http_call_error(kl_http_call *c, CURLcode rc, kl_error *e) {
  bool sent = kl_http_call_sent(c);
  describe(c, rc, sent, e);
  bool passing = !strcmp(e->kind, KL_ERR_NETWORK) || !strcmp(e->kind, KL_ERR_TIMEOUT);
  e->retryable = passing && (!sent || c->repeatable);
  snprintf(e->code, sizeof e->code, "%s", sent ? "sent" : "unsent");
}

void kl_http_call_response(kl_http_call *c, kl_http_response *res) {
  long status = 0;
  const char *type = NULL;
  curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(c->easy, CURLINFO_CONTENT_TYPE, &type);
  *res = (kl_http_response){
      .status = (int)status,
      .body = c->answer.data ? c->answer.data : "",
      .body_len = c->answer.len,
      .content_type = type ? type : "",
      .date_ms = c->date_ms,
      .total_us = (kl_mono_ns(kl_clock_real()) - c->started_ns) / 1000,
  };
}
