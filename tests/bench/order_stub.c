/* The exchange of the order bench: answers at once and always the same, so that what is left of a call's time is the
 * client's. One thread, HTTP/1.1 with connections kept, plain on one port and TLS 1.3 on another when a certificate is
 * given. Signatures are not verified; an order without one is refused, so that no peer gets away without signing.
 *
 *   order_stub [CERTIFICATE.pem KEY.pem]      prints {"http":PORT,"https":PORT} and serves until it is killed
 *
 * GET /stub tells what has been served since it was last asked: {"orders":N,"refused":N,"connections":N}. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { REQUEST_MAX = 16384, ANSWER_MAX = 4096, EVENTS = 16 };

typedef struct listener {
  int fd;
  int port;
  SSL_CTX *tls; /* NULL: plain */
} listener;

typedef struct connection {
  int fd;
  SSL *tls;
  size_t len; /* of what has arrived and is not answered yet */
  char in[REQUEST_MAX + 1];
} connection;

typedef struct request {
  const char *method, *path; /* borrowed from the connection, not NUL-terminated */
  size_t method_len, path_len;
  size_t total; /* bytes, its body included */
  bool is_signed;
  bool last; /* the client asks to close the connection */
} request;

static struct { long orders, refused, connections; } served;

static void die(const char *what) {
  fprintf(stderr, "order_stub: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void die_tls(const char *what) {
  fprintf(stderr, "order_stub: %s: ", what);
  ERR_print_errors_fp(stderr);
  exit(1);
}

/* ---- requests ---- */

static bool is_name(const char *line, size_t n, const char *name) {
  return n == strlen(name) && !strncasecmp(line, name, n);
}

/* 1: a whole request is there; 0: more bytes are needed; -1: no request that this server takes. */
static int read_request(const connection *c, request *r) {
  const char *end = memmem(c->in, c->len, "\r\n\r\n", 4);
  if (!end) return c->len < REQUEST_MAX ? 0 : -1;
  const char *line = memchr(c->in, '\n', c->len);
  const char *space = memchr(c->in, ' ', (size_t)(line - c->in));
  const char *second = space ? memchr(space + 1, ' ', (size_t)(line - space - 1)) : NULL;
  if (!second) return -1;
  size_t body = 0;
  *r = (request){.method = c->in, .method_len = (size_t)(space - c->in), .path = space + 1};
  r->path_len = (size_t)(second - r->path);
  const char *query = memchr(r->path, '?', r->path_len);
  if (query) r->path_len = (size_t)(query - r->path);
  while (line < end) {
    line++;
    const char *next = memchr(line, '\n', (size_t)(end + 2 - line));
    const char *colon = memchr(line, ':', (size_t)(next - line));
    if (!colon) return -1;
    size_t n = (size_t)(colon - line);
    const char *value = colon + 1 + strspn(colon + 1, " \t");
    if (is_name(line, n, "Content-Length"))
      body = strtoul(value, NULL, 10);
    else if (is_name(line, n, "KALSHI-ACCESS-SIGNATURE"))
      r->is_signed = true;
    else if (is_name(line, n, "Connection"))
      r->last = !strncasecmp(value, "close", 5);
    else if (is_name(line, n, "Transfer-Encoding"))
      return -1; /* every peer says how long its body is */
    line = next;
  }
  r->total = (size_t)(end + 4 - c->in) + body;
  if (r->total > REQUEST_MAX) return -1;
  return r->total <= c->len;
}

/* ---- answers ---- */

static const char order_body[] = "{\"order_id\":\"7d7c6f64-6c5e-4d3b-9f57-2f1d8a3c9b10\",\"client_order_id\":"
                                 "\"0b6b6d0e-2f3a-4a5e-8a53-9d2f6b1c7e44\","
                                 "\"fill_count\":\"0.00\",\"remaining_count\":\"1.00\",\"ts_ms\":1795380241123}";

/* Enough for a market to be found and traded by every peer. */
#define MARKET                                                                                                         \
  "{\"ticker\":\"KXBENCH-26NOV25-T1\",\"event_ticker\":\"KXBENCH-26NOV25\",\"market_type\":\"binary\","                \
  "\"title\":\"Bench\",\"yes_sub_title\":\"Yes\",\"no_sub_title\":\"No\",\"status\":\"active\","                       \
  "\"open_time\":\"2026-11-01T00:00:00Z\",\"close_time\":\"2027-11-01T00:00:00Z\","                                    \
  "\"expiration_time\":\"2027-11-01T00:00:00Z\",\"latest_expiration_time\":\"2027-11-01T00:00:00Z\","                  \
  "\"yes_bid_dollars\":\"0.4000\",\"yes_ask_dollars\":\"0.4200\",\"no_bid_dollars\":\"0.5800\","                       \
  "\"no_ask_dollars\":\"0.6000\",\"last_price_dollars\":\"0.4100\",\"volume_fp\":\"0.00\","                            \
  "\"open_interest_fp\":\"0.00\",\"result\":\"\",\"price_level_structure\":\"linear_cent\"}"

#define BUCKET "{\"refill_rate\":100000000,\"bucket_capacity\":100000000}"

typedef struct route {
  const char *method, *path, *body;
} route;

static const route routes[] = {
    {"GET", "/trade-api/v2/account/limits",
     "{\"usage_tier\":\"prime\",\"read\":" BUCKET ",\"write\":" BUCKET ",\"grants\":[]}"},
    {"GET", "/trade-api/v2/account/endpoint_costs", "{\"default_cost\":10,\"endpoint_costs\":[]}"},
    {"GET", "/trade-api/v2/exchange/status", "{\"exchange_active\":true,\"trading_active\":true}"},
    {"GET", "/trade-api/v2/portfolio/balance", "{\"balance\":100000,\"portfolio_value\":0,\"updated_ts\":1795380241}"},
    {"GET", "/trade-api/v2/markets", "{\"markets\":[" MARKET "],\"cursor\":\"\"}"},
    {"GET", "/trade-api/v2/markets/KXBENCH-26NOV25-T1", "{\"market\":" MARKET "}"},
};

static bool is_text(const char *p, size_t n, const char *text) { return n == strlen(text) && !memcmp(p, text, n); }

static bool is_order(const request *r) {
  return is_text(r->method, r->method_len, "POST") &&
         is_text(r->path, r->path_len, "/trade-api/v2/portfolio/events/orders");
}

static const char *date_now(void) {
  static time_t at;
  static char text[40];
  time_t now = time(NULL);
  if (now != at) {
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    at = now;
  }
  return text;
}

static size_t put_answer(char *out, const char *status, const char *body) {
  int n = snprintf(out, ANSWER_MAX,
                   "HTTP/1.1 %s\r\nDate: %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", status,
                   date_now(), strlen(body), body);
  return (size_t)n;
}

static size_t answer(const request *r, char *out) {
  if (is_order(r)) {
    if (!r->is_signed) {
      served.refused++;
      return put_answer(out, "401 Unauthorized",
                        "{\"error\":{\"code\":\"missing_parameters\",\"message\":\"the order is not signed\"}}");
    }
    served.orders++;
    return put_answer(out, "201 Created", order_body);
  }
  if (is_text(r->method, r->method_len, "GET") && is_text(r->path, r->path_len, "/stub")) {
    char body[128];
    snprintf(body, sizeof body, "{\"orders\":%ld,\"refused\":%ld,\"connections\":%ld}", served.orders, served.refused,
             served.connections);
    memset(&served, 0, sizeof served);
    return put_answer(out, "200 OK", body);
  }
  for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
    if (is_text(r->method, r->method_len, routes[i].method) && is_text(r->path, r->path_len, routes[i].path))
      return put_answer(out, "200 OK", routes[i].body);
  return put_answer(out, "404 Not Found", "{\"error\":{\"code\":\"not_found\",\"message\":\"not found\"}}");
}

/* ---- connections ---- */

/* False when the connection is over. Answers are far smaller than a socket's buffer: one that does not fit means that
 * the client does not read, and ends the connection too. */
static bool send_all(connection *c, const char *p, size_t n) {
  if (c->tls) return SSL_write(c->tls, p, (int)n) == (int)n;
  return send(c->fd, p, n, MSG_NOSIGNAL) == (ssize_t)n;
}

/* Bytes read; 0: none for now; -1: over. */
static int receive(connection *c) {
  char *at = c->in + c->len;
  size_t room = REQUEST_MAX - c->len;
  if (c->tls) {
    ERR_clear_error();
    int n = SSL_read(c->tls, at, (int)room);
    if (n > 0) return n;
    return SSL_get_error(c->tls, n) == SSL_ERROR_WANT_READ ? 0 : -1;
  }
  ssize_t n = recv(c->fd, at, room, 0);
  if (n > 0) return (int)n;
  return n < 0 && errno == EAGAIN ? 0 : -1;
}

static bool serve(connection *c) {
  do {
    int n = receive(c);
    if (n <= 0) return n == 0;
    c->len += (size_t)n;
    c->in[c->len] = '\0';
    request r;
    int whole;
    while ((whole = read_request(c, &r)) > 0) {
      char out[ANSWER_MAX];
      if (!send_all(c, out, answer(&r, out)) || r.last) return false;
      c->len -= r.total;
      memmove(c->in, c->in + r.total, c->len + 1);
    }
    if (whole < 0) return false;
  } while (c->tls && SSL_pending(c->tls) > 0);
  return true;
}

static void drop(connection *c) {
  if (c->tls) SSL_free(c->tls);
  close(c->fd);
  free(c);
}

static void watch(int epoll, int fd, void *data) {
  struct epoll_event ev = {.events = EPOLLIN, .data.ptr = data};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) != 0) die("epoll_ctl");
}

static void accept_one(int epoll, const listener *l) {
  int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return; /* the client has left again */
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  connection *c = calloc(1, sizeof *c);
  if (!c) die("not enough memory");
  c->fd = fd;
  if (l->tls) {
    c->tls = SSL_new(l->tls);
    if (!c->tls || SSL_set_fd(c->tls, fd) != 1) die_tls("no TLS connection");
    SSL_set_accept_state(c->tls);
  }
  served.connections++;
  watch(epoll, fd, c);
}

static listener open_listener(SSL_CTX *tls) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t n = sizeof a;
  listener l = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), .tls = tls};
  if (l.fd < 0 || bind(l.fd, (struct sockaddr *)&a, n) != 0 || listen(l.fd, 64) != 0 ||
      getsockname(l.fd, (struct sockaddr *)&a, &n) != 0)
    die("cannot listen on 127.0.0.1");
  l.port = ntohs(a.sin_port);
  return l;
}

static SSL_CTX *open_tls(const char *certificate, const char *key) {
  SSL_CTX *t = SSL_CTX_new(TLS_server_method());
  if (!t || SSL_CTX_set_min_proto_version(t, TLS1_3_VERSION) != 1 ||
      SSL_CTX_use_certificate_chain_file(t, certificate) != 1 ||
      SSL_CTX_use_PrivateKey_file(t, key, SSL_FILETYPE_PEM) != 1)
    die_tls("the certificate cannot be used");
  return t;
}

int main(int argc, char **argv) {
  if (argc != 1 && argc != 3) {
    fputs("usage: order_stub [CERTIFICATE.pem KEY.pem]\n", stderr);
    return 2;
  }
  prctl(PR_SET_PDEATHSIG, SIGTERM); /* does not outlive the bench */
  signal(SIGPIPE, SIG_IGN);
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) die("epoll_create1");
  listener listeners[2];
  int n_listeners = 0;
  listeners[n_listeners++] = open_listener(NULL);
  if (argc == 3) listeners[n_listeners++] = open_listener(open_tls(argv[1], argv[2]));
  for (int i = 0; i < n_listeners; i++)
    watch(epoll, listeners[i].fd, &listeners[i]);
  printf("{\"http\":%d,\"https\":%d}\n", listeners[0].port, n_listeners > 1 ? listeners[1].port : 0);
  fflush(stdout);
  for (;;) {
    struct epoll_event events[EVENTS];
    int n = epoll_wait(epoll, events, EVENTS, -1);
    for (int i = 0; i < n; i++) {
      void *p = events[i].data.ptr;
      if (p >= (void *)listeners && p < (void *)(listeners + n_listeners))
        accept_one(epoll, p);
      else if (!serve(p))
        drop(p);
    }
  }
}
