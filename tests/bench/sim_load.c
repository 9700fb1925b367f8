/* Requests to the simulator as fast as it answers, over kept connections with one request under way on each:
 *
 *   sim_load PORT status|status-signed|order CONNECTIONS SECONDS KEY_FILE IDS TICKER...
 *
 * IDS are key ids with commas between them, all of that key; the connections take turns with them. A signature is of
 * the time, method and path only: it is made once for each second and used for all orders of it, which the server
 * cannot know. Orders are limit orders of one contract at 40 to 60 cents, bids and asks, so that about a half trade at
 * once. Prints one line of JSON; `verify_us` is what one verification takes in this process. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "auth/key.h"

#define ORDERS "/trade-api/v2/portfolio/events/orders"
#define STATUS "/trade-api/v2/exchange/status"

enum { ROOM = 8192, LATENCIES = 1000000 };

typedef struct connection {
  int fd;
  const char *key_id;
  char answer[ROOM];
  size_t n;
  long long sent_ns;
} connection;

typedef struct load {
  bool order, is_signed;
  const kl_key *key;
  char signature[KL_SIGNATURE_MAX];
  long long signed_ms;
  char **tickers;
  size_t n_tickers;
  uint64_t random;
  unsigned long long answers, good, limited, other;
  uint32_t *latency; /* by microsecond */
} load;

static void die(const char *what) {
  fprintf(stderr, "sim_load: %s: %s\n", what, strerror(errno));
  exit(1);
}

static long long now_ns(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (long long)t.tv_sec * 1000000000 + t.tv_nsec;
}

static uint32_t draw(load *l, uint32_t below) {
  l->random = l->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
  return (uint32_t)((l->random >> 33) % below);
}

static size_t signed_text(const load *l, char *text, size_t cap) {
  return kl_signed_text(text, cap, l->signed_ms, l->order ? "POST" : "GET", l->order ? ORDERS : STATUS);
}

static void sign_anew(load *l) {
  char text[256];
  kl_error e;
  l->signed_ms = now_ns(CLOCK_REALTIME) / 1000000;
  if (!kl_key_sign(l->key, text, signed_text(l, text, sizeof text), l->signature, &e)) die(e.message);
}

static void ask(load *l, connection *c) {
  char request[ROOM], body[512];
  int n = 0, length = 0;
  if (l->order)
    length = snprintf(body, sizeof body,
                      "{\"ticker\":\"%s\",\"side\":\"%s\",\"price\":\"0.%02u\",\"count\":\"1.00\",\"time_in_force\":"
                      "\"good_till_canceled\",\"self_trade_prevention_type\":\"maker\"}",
                      l->tickers[draw(l, (uint32_t)l->n_tickers)], draw(l, 2) ? "bid" : "ask", 40 + draw(l, 21));
  n = snprintf(request, sizeof request, "%s HTTP/1.1\r\nHost: 127.0.0.1\r\n",
               l->order ? "POST " ORDERS : "GET " STATUS);
  if (l->is_signed)
    n += snprintf(request + n, sizeof request - (size_t)n,
                  "KALSHI-ACCESS-KEY: %s\r\nKALSHI-ACCESS-TIMESTAMP: %lld\r\nKALSHI-ACCESS-SIGNATURE: %s\r\n",
                  c->key_id, l->signed_ms, l->signature);
  if (l->order)
    n += snprintf(request + n, sizeof request - (size_t)n, "Content-Type: application/json\r\nContent-Length: %d\r\n",
                  length);
  n += snprintf(request + n, sizeof request - (size_t)n, "\r\n%.*s", length, body);
  c->n = 0;
  c->sent_ns = now_ns(CLOCK_MONOTONIC);
  if (send(c->fd, request, (size_t)n, MSG_NOSIGNAL) != n) die("a request could not be sent");
}

/* Whether the answer is there as a whole. */
static bool whole(connection *c) {
  static const char length[] = "Content-Length: ";
  c->answer[c->n] = '\0';
  const char *end = strstr(c->answer, "\r\n\r\n"), *at = end ? strstr(c->answer, length) : NULL;
  if (!end) return false;
  if (!at || at > end) {
    errno = EPROTO;
    die("an answer without a length");
  }
  return (size_t)(end + 4 - c->answer) + strtoul(at + sizeof length - 1, NULL, 10) <= c->n;
}

static void on_readable(load *l, connection *c) {
  ssize_t got = recv(c->fd, c->answer + c->n, sizeof c->answer - c->n - 1, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) die("a connection ended");
  c->n += (size_t)got;
  if (!whole(c)) return;
  long status = strtol(c->answer + 9, NULL, 10);
  long long us = (now_ns(CLOCK_MONOTONIC) - c->sent_ns) / 1000;
  l->answers++;
  l->good += status / 100 == 2;
  l->limited += status == 429;
  l->other += status / 100 != 2 && status != 429;
  l->latency[us < LATENCIES ? us : LATENCIES - 1]++;
  ask(l, c);
}

static int percentile(const load *l, double p) {
  unsigned long long seen = 0;
  for (int i = 0; i < LATENCIES; i++) {
    seen += l->latency[i];
    if ((double)seen > (double)l->answers * p) return i;
  }
  return LATENCIES;
}

/* CPU time of one verification, in microseconds. */
static double verify_us(load *l) {
  enum { TIMES = 5000 };
  char text[256];
  kl_public_key *k = kl_public_key_of(l->key);
  if (!k) die("out of memory");
  sign_anew(l);
  size_t n = signed_text(l, text, sizeof text);
  long long start = now_ns(CLOCK_PROCESS_CPUTIME_ID);
  for (int i = 0; i < TIMES; i++)
    if (!kl_public_key_verify(k, text, n, l->signature)) die("a signature does not verify");
  long long took = now_ns(CLOCK_PROCESS_CPUTIME_ID) - start;
  kl_public_key_release(k);
  return (double)took / TIMES / 1000;
}

static int connect_to(int port) {
  struct sockaddr_in a = {
      .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
  int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) != 0) die("no connection");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

int main(int argc, char **argv) {
  enum { FIRST_TICKER = 7, EVENTS = 64, IDS_MOST = 1000 };
  if (argc <= FIRST_TICKER) {
    fprintf(stderr, "usage: sim_load PORT status|status-signed|order CONNECTIONS SECONDS KEY_FILE IDS TICKER...\n");
    return 2;
  }
  static load l;
  l.order = !strcmp(argv[2], "order");
  l.is_signed = strcmp(argv[2], "status") != 0;
  l.tickers = argv + FIRST_TICKER;
  l.n_tickers = (size_t)(argc - FIRST_TICKER);
  l.random = 1;
  l.latency = calloc(LATENCIES, sizeof *l.latency);
  size_t n = strtoul(argv[3], NULL, 10), n_ids = 0;
  const char *ids[IDS_MOST];
  for (char *save = NULL, *id = strtok_r(argv[6], ",", &save); id && n_ids < IDS_MOST; id = strtok_r(NULL, ",", &save))
    ids[n_ids++] = id;
  kl_error e = {0};
  kl_key *key;
  if (!kl_key_load_file(argv[5], NULL, NULL, &key, &e)) {
    fprintf(stderr, "sim_load: %s\n", e.message);
    return 1;
  }
  l.key = key;
  connection *all = calloc(n, sizeof *all);
  int poll = epoll_create1(EPOLL_CLOEXEC);
  if (!all || !l.latency || poll < 0 || n_ids == 0) die("cannot start");
  double verify = verify_us(&l);
  for (size_t i = 0; i < n; i++) {
    all[i].fd = connect_to(atoi(argv[1]));
    all[i].key_id = ids[i % n_ids];
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &all[i]};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, all[i].fd, &ev) != 0) die("cannot wait for a connection");
  }
  puts("begin");
  fflush(stdout);
  long long start = now_ns(CLOCK_MONOTONIC), until = start + strtoll(argv[4], NULL, 10) * 1000000000, now = start;
  for (size_t i = 0; i < n; i++)
    ask(&l, &all[i]);
  for (; now < until; now = now_ns(CLOCK_MONOTONIC)) {
    struct epoll_event ready[EVENTS];
    if (now_ns(CLOCK_REALTIME) / 1000000 > l.signed_ms + 1000) sign_anew(&l);
    int got = epoll_wait(poll, ready, EVENTS, 100);
    for (int i = 0; i < got; i++)
      on_readable(&l, ready[i].data.ptr);
  }
  puts("end");
  printf("{\"seconds\":%.2f,\"answers\":%llu,\"good\":%llu,\"limited\":%llu,\"other\":%llu,\"p50_us\":%d,\"p99_us\":%d,"
         "\"verify_us\":%.2f}\n",
         (double)(now - start) / 1e9, l.answers, l.good, l.limited, l.other, percentile(&l, 0.5), percentile(&l, 0.99),
         verify);
  for (size_t i = 0; i < n; i++)
    close(all[i].fd);
  free(all);
  free(l.latency);
  kl_key_release(key);
  return l.other ? 1 : 0;
}
