#include "net/local_http.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <libwebsockets.h>

#include "base/clock.h"
#include "base/log.h"

const char *kl_http_reason(int status) {
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
  case 403:
    return "Forbidden";
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
  case 415:
    return "Unsupported Media Type";
  case 414:
    return "URI Too Long";
  case 426:
    return "Upgrade Required";
  case 429:
    return "Too Many Requests";
  case 501:
    return "Not Implemented";
  case 502:
    return "Bad Gateway";
  case 503:
    return "Service Unavailable";
  case 504:
    return "Gateway Timeout";
  case 500:
    return "Internal Server Error";
  default:
    return "Error";
  }
}

void kl_http_date(char *out, size_t cap, int64_t us) {
  static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  time_t t = (time_t)(us / 1000000);
  struct tm tm = {0};
  gmtime_r(&t, &tm);
  snprintf(out, cap, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday % 7], tm.tm_mday, months[tm.tm_mon % 12],
           tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

bool kl_http_own_host(const char *host, int port, bool tls) {
  static const char *const names[] = {"127.0.0.1", "localhost", "[::1]"};
  char own[64];
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    snprintf(own, sizeof own, "%s:%d", names[i], port);
    if (!strcasecmp(host, own)) return true;
    if (!strcasecmp(host, names[i]) && port == (tls ? 443 : 80)) return true;
  }
  return false;
}

bool kl_http_own_origin(const char *origin, int port, bool tls) {
  const char *scheme = tls ? "https://" : "http://";
  size_t n = strlen(scheme);
  return !strncmp(origin, scheme, n) && kl_http_own_host(origin + n, port, tls);
}

/* Some of it is said of whatever a stranger sends, so it is bounded. From the threads of all contexts. */
static void on_log(int level, const char *line) {
  enum { LINES = 10, SECONDS = 10 };
  static atomic_llong begun_ns; /* of the seconds that are counted */
  static atomic_uint said, held_back;
  long long now_ns = kl_mono_ns(kl_clock_real()), begun = atomic_load(&begun_ns);
  (void)level;
  if (now_ns - begun > SECONDS * INT64_C(1000000000) && atomic_compare_exchange_strong(&begun_ns, &begun, now_ns))
    atomic_store(&said, 0);
  if (atomic_fetch_add(&said, 1) >= LINES) {
    atomic_fetch_add(&held_back, 1);
    return;
  }
  char more[48] = "";
  unsigned n = atomic_exchange(&held_back, 0);
  if (n) snprintf(more, sizeof more, " (%u lines before it were left out)", n);
  kl_log_error("http", "libwebsockets: %.*s%s", (int)strcspn(line, "\n"), line, more);
}

bool kl_lws_open(uv_loop_t *loop, const kl_lws_options *o, struct lws_context **context, kl_error *e) {
  void *loops[1] = {loop};
  struct lws_context_creation_info ci = {0};
  lws_set_log_level(LLL_ERR, on_log);
  ci.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
               LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME | o->more;
  ci.foreign_loops = loops;
  ci.pcontext = context;
  ci.gid = -1;
  ci.uid = -1;
  ci.user = o->owner;
  ci.max_http_header_data = (unsigned short)o->headers_most;
  ci.max_http_header_pool = (unsigned short)o->requests_most;
  ci.pt_serv_buf_size = o->buffer;
  *context = lws_create_context(&ci);
  if (*context) return true;
  kl_error_set(e, KL_ERR_CONFIG,
               "libwebsockets could not start: is its libuv plug-in (libwebsockets-evlib-uv) installed?");
  return false;
}
