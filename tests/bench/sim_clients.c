/* Many WebSocket clients of the simulator in one process, over epoll. Each follows the books of some markets and checks
 * that no `seq` of its subscription is missing:
 *
 *   sim_clients PORT KEY_ID KEY_FILE CLIENTS MARKETS SECONDS TICKER...
 *
 * MARKETS of the tickers for each client, by turns. When all snapshots are there it prints "begin"; SECONDS later it
 * prints "end" and one line of JSON. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "auth/key.h"

#define PATH "/trade-api/ws/v2"

enum {
  ROOM = 1 << 20,   /* of a read */
  LATENCIES = 10001 /* ms; the last one is "or more" */
};

typedef struct client {
  int fd;     /* -1: over */
  char *kept; /* the beginning of a frame whose end has not come */
  size_t n_kept;
  unsigned long long seq;
  size_t markets, snapshots;
} client;

typedef struct sums {
  unsigned long long deltas, bytes, gaps, overflows, errors, closed, latency[LATENCIES];
} sums;

static const char *program = "sim_clients";
static size_t fresh; /* clients that have all their snapshots */

static void die(const char *what) {
  fprintf(stderr, "%s: %s: %s\n", program, what, strerror(errno));
  exit(1);
}

static long long wall_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void write_all(int fd, const void *data, size_t n) {
  const char *p = data;
  while (n > 0) {
    ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) die("a request could not be sent");
    p += sent;
    n -= (size_t)sent;
  }
}

/* A frame of a client, with the mask 0 (RFC 6455, 5.3). */
static void send_frame(int fd, int opcode, const char *data, size_t n) {
  unsigned char head[14] = {(unsigned char)(0x80 | opcode)};
  size_t length = 2;
  if (n < 126) {
    head[1] = (unsigned char)(0x80 | n);
  } else {
    bool large = n > 65535;
    size_t digits = large ? 8 : 2;
    head[1] = large ? 0xff : 0xfe;
    for (size_t i = 0; i < digits; i++)
      head[length++] = (unsigned char)(n >> (8 * (digits - 1 - i)));
  }
  write_all(fd, head, length + 4); /* the mask's bytes are 0 already */
  write_all(fd, data, n);
}

static int connect_to(int port, const char *key_id, const kl_key *key) {
  struct sockaddr_in a = {
      .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
  char signature[KL_SIGNATURE_MAX], text[256], request[2048];
  long long now = wall_ms();
  kl_error e;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) != 0) die("no connection");
  size_t n = kl_signed_text(text, sizeof text, now, "GET", PATH);
  if (!kl_key_sign(key, text, n, signature, &e)) die(e.message);
  int length = snprintf(request, sizeof request,
                        "GET " PATH " HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
                        "KALSHI-ACCESS-KEY: %s\r\nKALSHI-ACCESS-TIMESTAMP: %lld\r\nKALSHI-ACCESS-SIGNATURE: %s\r\n\r\n",
                        key_id, now, signature);
  write_all(fd, request, (size_t)length);
  /* Byte by byte: what follows the head are frames. */
  char head[2048];
  size_t got = 0;
  while (got + 1 < sizeof head && (got < 4 || memcmp(head + got - 4, "\r\n\r\n", 4) != 0))
    if (recv(fd, head + got++, 1, 0) != 1) die("no answer to a handshake");
  head[got] = '\0';
  if (strncmp(head, "HTTP/1.1 101", 12) != 0) {
    fprintf(stderr, "%s: the handshake was refused: %s\n", program, head);
    exit(1);
  }
  return fd;
}

static void subscribe(client *c, size_t i, char **tickers, size_t n_tickers) {
  size_t room = 128 + c->markets * 64, n;
  char *text = malloc(room);
  if (!text) die("out of memory");
  n = (size_t)snprintf(
      text, room,
      "{\"id\":1,\"cmd\":\"subscribe\",\"params\":{\"channels\":[\"orderbook_delta\"],\"market_tickers\":[");
  for (size_t k = 0; k < c->markets; k++)
    n += (size_t)snprintf(text + n, room - n, "%s\"%s\"", k ? "," : "", tickers[(i * c->markets + k) % n_tickers]);
  n += (size_t)snprintf(text + n, room - n, "]}}");
  send_frame(c->fd, 1, text, n);
  free(text);
}

/* The number behind `key` in the n bytes, 0 when it is not there. */
static unsigned long long number_after(const char *p, size_t n, const char *key, size_t key_n) {
  const char *at = memmem(p, n, key, key_n), *end = p + n;
  unsigned long long v = 0;
  for (at = at ? at + key_n : end; at < end && *at >= '0' && *at <= '9'; at++)
    v = v * 10 + (unsigned long long)(*at - '0');
  return v;
}
#define NUMBER_AFTER(p, n, key) number_after(p, n, key, sizeof(key) - 1)

static bool starts(const char *p, size_t n, const char *with) {
  size_t k = strlen(with);
  return n >= k && memcmp(p, with, k) == 0;
}

static void on_text(client *c, const char *p, size_t n, long long now, bool counted, sums *s) {
  enum { HEAD = 96, TAIL = 40 };
  bool delta = starts(p, n, "{\"type\":\"orderbook_delta\""),
       snapshot = starts(p, n, "{\"type\":\"orderbook_snapshot\"");
  if (!delta && !snapshot) {
    if (!starts(p, n, "{\"type\":\"error\"")) return;
    s->errors++;
    s->overflows += memmem(p, n, "\"code\":25", 9) != NULL;
    return;
  }
  unsigned long long seq = NUMBER_AFTER(p, n < HEAD ? n : HEAD, "\"seq\":");
  s->gaps += seq != c->seq + 1;
  c->seq = seq;
  if (snapshot && ++c->snapshots == c->markets) fresh++;
  if (!delta || !counted) return;
  s->deltas++;
  s->bytes += n;
  size_t tail = n < TAIL ? n : TAIL;
  long long late = now - (long long)NUMBER_AFTER(p + n - tail, tail, "\"ts_ms\":");
  s->latency[late < 0 ? 0 : late < LATENCIES ? late : LATENCIES - 1]++;
}

/* Takes the frames that are there; returns how many bytes they were. */
static size_t on_bytes(client *c, const char *p, size_t n, bool counted, sums *s) {
  size_t at = 0;
  long long now = wall_ms();
  while (n - at >= 2) {
    const unsigned char *h = (const unsigned char *)p + at;
    size_t length = h[1] & 127u, head = length == 127 ? 10 : length == 126 ? 4 : 2;
    if (n - at < head) break;
    if (head > 2) {
      length = 0;
      for (size_t i = 2; i < head; i++)
        length = length << 8 | h[i];
    }
    if (n - at - head < length) break;
    const char *data = p + at + head;
    if ((h[0] & 15) == 1) on_text(c, data, length, now, counted, s);
    if ((h[0] & 15) == 9) send_frame(c->fd, 10, data, length);
    at += head + length;
  }
  return at;
}

static void on_readable(client *c, char *buffer, bool counted, sums *s) {
  size_t n = c->n_kept;
  memcpy(buffer, c->kept, n);
  ssize_t got = recv(c->fd, buffer + n, ROOM, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    s->closed++;
    close(c->fd);
    c->fd = -1;
    return;
  }
  n += (size_t)got;
  size_t used = on_bytes(c, buffer, n, counted, s);
  c->n_kept = n - used;
  char *kept = realloc(c->kept, c->n_kept + 1);
  if (!kept || c->n_kept > ROOM) die("a frame is too large");
  c->kept = kept;
  memcpy(kept, buffer + used, c->n_kept);
}

static long long percentile(const sums *s, double p) {
  unsigned long long seen = 0, want = (unsigned long long)((double)s->deltas * p);
  if (want >= s->deltas && s->deltas > 0) want = s->deltas - 1;
  for (int i = 0; i < LATENCIES; i++) {
    seen += s->latency[i];
    if (seen > want) return i;
  }
  return LATENCIES - 1;
}

static double cpu_seconds(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void say(const char *word) {
  puts(word);
  fflush(stdout);
}

int main(int argc, char **argv) {
  enum { FIRST_TICKER = 7, EVENTS = 256 };
  if (argc <= FIRST_TICKER) {
    fprintf(stderr, "usage: sim_clients PORT KEY_ID KEY_FILE CLIENTS MARKETS SECONDS TICKER...\n");
    return 2;
  }
  size_t n = strtoul(argv[4], NULL, 10), markets = strtoul(argv[5], NULL, 10);
  size_t n_tickers = (size_t)(argc - FIRST_TICKER);
  long long seconds = strtoll(argv[6], NULL, 10);
  kl_key *key;
  kl_error e = {0};
  if (!kl_key_load_file(argv[3], NULL, NULL, &key, &e)) {
    fprintf(stderr, "%s: %s\n", program, e.message);
    return 1;
  }
  client *all = calloc(n, sizeof *all);
  char *buffer = malloc(2 * (size_t)ROOM);
  int poll = epoll_create1(EPOLL_CLOEXEC);
  if (!all || !buffer || poll < 0 || markets > n_tickers) die("cannot start");
  for (size_t i = 0; i < n; i++) {
    client *c = &all[i];
    *c = (client){.fd = connect_to(atoi(argv[1]), argv[2], key), .kept = malloc(1), .markets = markets};
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
    if (!c->kept || epoll_ctl(poll, EPOLL_CTL_ADD, c->fd, &ev) != 0) die("cannot wait for a connection");
  }
  for (size_t i = 0; i < n; i++)
    subscribe(&all[i], i, argv + FIRST_TICKER, n_tickers);

  static sums s;
  long long start = wall_ms(), begin = 0;
  double cpu = 0;
  for (;;) {
    long long now = wall_ms();
    if (!begin && fresh == n) {
      say("begin");
      begin = now;
      cpu = cpu_seconds();
    }
    if (begin && now >= begin + seconds * 1000) break;
    if (!begin && now > start + 120000) {
      fprintf(stderr, "%s: only %zu of %zu clients have their snapshots after two minutes\n", program, fresh, n);
      return 1;
    }
    struct epoll_event ready[EVENTS];
    int got = epoll_wait(poll, ready, EVENTS, 100);
    for (int i = 0; i < got; i++)
      on_readable(ready[i].data.ptr, buffer, begin != 0, &s);
    if (s.closed == n) break;
  }
  say("end");
  double wall = (double)(wall_ms() - begin) / 1000;
  printf("{\"clients\":%zu,\"seconds\":%.2f,\"deltas\":%llu,\"bytes\":%llu,\"gaps\":%llu,\"overflows\":%llu,"
         "\"errors\":%llu,\"closed\":%llu,\"p50\":%lld,\"p99\":%lld,\"p999\":%lld,\"most\":%lld,\"cpu\":%.2f}\n",
         n, wall, s.deltas, s.bytes, s.gaps, s.overflows, s.errors, s.closed, percentile(&s, 0.5), percentile(&s, 0.99),
         percentile(&s, 0.999), percentile(&s, 1), cpu_seconds() - cpu);
  for (size_t i = 0; i < n; i++) {
    if (all[i].fd >= 0) close(all[i].fd);
    free(all[i].kept);
  }
  free(all);
  free(buffer);
  kl_key_release(key);
  return s.gaps || s.errors || s.closed ? 1 : 0;
}
