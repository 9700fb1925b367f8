#include "client.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
  int fd;
  SSL *tls; /* NULL: plain */
};

static struct rusage began, opened, ended;

static void die(const char *what) {
  fprintf(stderr, "client: %s\n", what);
  exit(1);
}

static void send_all(client *c, const void *p, size_t n) {
  long sent = c->tls ? SSL_write(c->tls, p, (int)n) : send(c->fd, p, n, MSG_NOSIGNAL);
  if (sent != (long)n) die("cannot send");
}

size_t client_receive(client *c, char *p, size_t room) {
  long n = c->tls ? SSL_read(c->tls, p, (int)room) : recv(c->fd, p, room, 0);
  return n > 0 ? (size_t)n : 0;
}

static void start_tls(client *c) {
  SSL_CTX *t = SSL_CTX_new(TLS_client_method());
  if (!t) die("no TLS");
  /* As few calls of read() as there can be. */
  SSL_CTX_set_read_ahead(t, 1);
  SSL_CTX_set_default_read_buffer_len(t, 128 * 1024);
  c->tls = SSL_new(t);
  if (!c->tls || SSL_set_fd(c->tls, c->fd) != 1 || SSL_connect(c->tls) != 1) die("the TLS handshake failed");
}

client *client_open(int port, bool tls) {
  static const char request[] = "GET /trade-api/ws/v2 HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                                "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                "Sec-WebSocket-Version: 13\r\n\r\n";
  client *c = calloc(1, sizeof *c);
  struct sockaddr_in a = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (!c) die("out of memory");
  c->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&a, sizeof a) != 0) die("cannot connect");
  int on = 1;
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (tls) start_tls(c);
  send_all(c, request, sizeof request - 1);
  char answer[4096];
  size_t have = 0;
  do { /* the server sends nothing more before the subscription */
    size_t n = client_receive(c, answer + have, sizeof answer - 1 - have);
    if (!n) die("the server refused the handshake");
    have += n;
    answer[have] = 0;
  } while (!strstr(answer, "\r\n\r\n"));
  if (strncmp(answer, "HTTP/1.1 101", 12) != 0) die("the server refused the handshake");
  return c;
}

void client_subscribe(client *c) {
  static const char text[] = "{\"id\":1,\"cmd\":\"subscribe\",\"params\":{\"channels\":[\"orderbook_delta\",\"ticker\","
                             "\"trade\",\"market_lifecycle_v2\"],\"use_yes_price\":true}}";
  enum { LEN = sizeof text - 1 };
  _Static_assert(LEN >= 126 && LEN <= UINT16_MAX, "the frame has two bytes of length");
  /* A mask of zeros is one like any other. */
  unsigned char frame[8 + LEN] = {0x81, 0x80 | 126, LEN >> 8, LEN & 0xff};
  memcpy(frame + 8, text, LEN);
  getrusage(RUSAGE_SELF, &began);
  send_all(c, frame, sizeof frame);
}

void client_opened(void) { getrusage(RUSAGE_SELF, &opened); }

void client_close(client *c) {
  static const unsigned char frame[] = {0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8};
  send_all(c, frame, sizeof frame);
  getrusage(RUSAGE_SELF, &ended);
  SSL_free(c->tls);
  close(c->fd);
  free(c);
}

static double seconds(struct timeval t) { return (double)t.tv_sec + (double)t.tv_usec / 1e6; }

static double cpu(const struct rusage *r) { return seconds(r->ru_utime) + seconds(r->ru_stime); }

/* ru_maxrss would count what the process was before it became this program. */
static long peak_kb(void) {
  char line[256];
  long kb = 0;
  FILE *f = fopen("/proc/self/status", "r");
  while (f && fgets(line, sizeof line, f))
    if (!strncmp(line, "VmHWM:", 6)) kb = strtol(line + 6, NULL, 10);
  if (f) fclose(f);
  return kb;
}

void client_report(const client_totals *t) {
  double opening = opened.ru_maxrss ? cpu(&opened) - cpu(&began) : 0;
  printf("{\"messages\":%llu,\"cpu\":%.6f,\"cpu_opening\":%.6f,\"rss_kb\":%ld,\"snapshots\":%llu,\"deltas\":%llu,"
         "\"callbacks\":%llu,"
         "\"bids\":%llu,\"spreads\":%llu,\"checksum\":\"%08x\"}\n",
         (unsigned long long)t->messages, cpu(&ended) - cpu(&began), opening, peak_kb(),
         (unsigned long long)t->snapshots, (unsigned long long)t->deltas, (unsigned long long)t->callbacks,
         (unsigned long long)t->bids, (unsigned long long)t->spreads, t->checksum);
}
