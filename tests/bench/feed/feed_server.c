/* The exchange of the feed bench: sends a prepared feed as fast as the client takes it.
 *
 *   feed_server FEED.ndjson MARKETS [CERTIFICATE.pem KEY.pem]     prints {"port":N}, then a line for each connection
 *
 * A client subscribes to the books of all MARKETS, in one command or many, and gets a snapshot of each. Subscribed to
 * `market_lifecycle_v2` too, it gets the messages and a close frame; that channel has no messages of its own and tells
 * that the client is ready. A subscription to books without a list of markets stands for all of them, which the real
 * exchange does not offer. From then on commands are not read.
 *
 * The line of a connection: {"answers":N,"started":B,"whole":B,"seconds":S}: answers to commands, whether the messages
 * were begun and whether the client has taken them and the close frame, and the time from the first subscription to
 * books until then. After one whose messages were begun the next is accepted when a line has come on stdin: a client
 * that comes back by itself is not served. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "server_socket.h"

enum { BAD_PARAMETERS = 8, HUGE_PAGE = 2 * 1024 * 1024, COMMAND_WAIT_MS = 60000, END_WAIT_MS = 30000 };

/* A ticker of the feed, by its hash. */
typedef struct market {
  const char *ticker; /* in the frames */
  size_t len;
  unsigned session; /* the last connection that subscribed to it */
} market;

static struct {
  char *frames; /* all of them, one behind the other, and a close frame */
  size_t len;
  size_t snapshots_len; /* of the first frames, one for each market */
  long messages;
  market *markets; /* a hash table of `slots` */
  size_t n_markets, slots;
} feed;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- the feed ---- */

/* The slot of a ticker, or the empty one where it would be. */
static market *slot_of(const char *ticker, size_t n) {
  size_t hash = 5381;
  for (size_t i = 0; i < n; i++)
    hash = hash * 33 + (unsigned char)ticker[i];
  for (size_t i = hash & (feed.slots - 1);; i = (i + 1) & (feed.slots - 1)) {
    market *m = &feed.markets[i];
    if (!m->ticker || (m->len == n && !memcmp(m->ticker, ticker, n))) return m;
  }
}

/* The market of one of the snapshots that the feed begins with. */
static void add_market(const char *line, size_t n) {
  static const char key[] = "\"market_ticker\":\"";
  const char *at = memmem(line, n, key, sizeof key - 1);
  const char *end = at ? memchr(at + sizeof key - 1, '"', n - (size_t)(at - line) - (sizeof key - 1)) : NULL;
  if (!end || !memmem(line, n, "orderbook_snapshot", 18)) {
    fputs("feed_server: the feed does not begin with a snapshot of each market\n", stderr);
    exit(1);
  }
  at += sizeof key - 1;
  *slot_of(at, (size_t)(end - at)) = (market){.ticker = at, .len = (size_t)(end - at)};
}

/* The lines as frames, in huge pages where there are any: the client's core is measured, this one has to keep up. */
static void load(const char *path) {
  struct stat st;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &st) != 0) die(path);
  const char *text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (text == MAP_FAILED) die(path);
  const char *end = text + st.st_size;
  size_t lines = 0;
  for (const char *p = text; (p = memchr(p, '\n', (size_t)(end - p))); p++)
    lines++;
  size_t room = ((size_t)st.st_size + lines * 10 + 16 + HUGE_PAGE) / HUGE_PAGE * HUGE_PAGE;
  kl_buf out = {.data = aligned_alloc(HUGE_PAGE, room), .cap = room};
  if (!out.data) die("feed_server");
  madvise(out.data, room, MADV_HUGEPAGE);
  const char *next;
  for (const char *p = text; p < end && (next = memchr(p, '\n', (size_t)(end - p))); p = next + 1) {
    size_t n = (size_t)(next - p);
    server_put_frame_head(&out, n);
    kl_buf_add(&out, p, n);
    if (feed.messages++ >= (long)feed.n_markets) continue;
    add_market(out.data + out.len - n, n);
    feed.snapshots_len = out.len;
  }
  kl_buf_add(&out, SERVER_CLOSE_FRAME, sizeof SERVER_CLOSE_FRAME - 1);
  munmap((void *)(uintptr_t)text, (size_t)st.st_size);
  close(fd);
  feed.frames = out.data;
  feed.len = out.len;
}

/* ---- a connection ---- */

typedef struct session {
  server_socket socket;
  unsigned number;
  size_t subscribed; /* markets */
  bool ready;        /* market_lifecycle_v2 */
  double began;      /* 0: not yet */
  long answers;
  kl_buf out;
} session;

static void refuse(session *s, const command *c, const char *why) {
  command_put_error(&s->out, c->id, BAD_PARAMETERS, why);
  s->answers++;
}

static bool subscribe_market(session *s, const char *ticker) {
  market *m = slot_of(ticker, strlen(ticker));
  if (!m->ticker) return false;
  if (m->session != s->number) s->subscribed++;
  m->session = s->number;
  return true;
}

/* False after a refusal. */
static bool subscribe_books(session *s, const command *c) {
  size_t i;
  json_t *ticker;
  if (!s->began) s->began = now();
  if (!c->tickers) s->subscribed = feed.n_markets;
  json_array_foreach(c->tickers, i, ticker) {
    const char *text = json_string_value(ticker);
    if (text && subscribe_market(s, text)) continue;
    refuse(s, c, "a market that the feed does not have");
    return false;
  }
  return true;
}

static void subscribe(session *s, const command *c) {
  size_t i;
  json_t *channel;
  json_array_foreach(c->channels, i, channel) {
    const char *name = json_string_value(channel);
    if (!name) continue;
    if (!strcmp(name, "orderbook_delta")) {
      if (!c->yes_prices) {
        refuse(s, c, "the feed has NO levels in YES prices: ask for use_yes_price");
        return;
      }
      if (!subscribe_books(s, c)) return;
    } else if (!strcmp(name, "market_lifecycle_v2")) {
      s->ready = true;
    }
    command_put_subscribed(&s->out, c->id, name);
    s->answers++;
  }
}

static void obey(session *s, const command *c) {
  switch (c->kind) {
  case COMMAND_SUBSCRIBE:
    subscribe(s, c);
    break;
  case COMMAND_ADD:
    if (!subscribe_books(s, c)) break;
    command_put_ok(&s->out, c->id, 1);
    s->answers++;
    break;
  case COMMAND_DELETE:
  case COMMAND_SNAPSHOT:
  case COMMAND_OTHER:
    refuse(s, c, "not served by this bench");
    break;
  }
}

static bool send_answers(session *s) {
  bool ok = !s->out.failed && server_socket_send(&s->socket, s->out.data, s->out.len);
  kl_buf_clear(&s->out);
  return ok;
}

/* Reads commands until `ready` or all markets are subscribed; false when the client left. */
static bool await_subscriptions(session *s, bool all) {
  while (s->subscribed < feed.n_markets || (all && !s->ready)) {
    const char *text;
    size_t n;
    command c;
    if (server_socket_read(&s->socket, &text, &n, COMMAND_WAIT_MS) <= 0) return false;
    if (!command_parse(text, n, &c)) return false;
    obey(s, &c);
    command_free(&c);
    if (!send_answers(s)) return false;
  }
  return true;
}

/* False when the client left before the end; `started`: it was ready for the messages. */
static bool stream(session *s, bool *started) {
  if (!await_subscriptions(s, false)) return false;
  if (!server_socket_send(&s->socket, feed.frames, feed.snapshots_len)) return false;
  *started = await_subscriptions(s, true);
  if (!*started) return false;
  if (!server_socket_send(&s->socket, feed.frames + feed.snapshots_len, feed.len - feed.snapshots_len)) return false;
  const char *text;
  size_t n;
  while (server_socket_read(&s->socket, &text, &n, END_WAIT_MS) > 0)
    ; /* commands that came too late */
  return s->socket.closed;
}

/* False when there is nothing to read within `wait_ms` (-1: for ever). */
static bool take_line(int wait_ms) {
  struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
  char text[256];
  if (poll(&p, 1, wait_ms) <= 0) return false;
  if (read(STDIN_FILENO, text, sizeof text) <= 0) exit(0); /* whoever started it has gone */
  return true;
}

/* True when the messages were begun. */
static bool serve(session *s) {
  bool started = false, whole = stream(s, &started);
  take_line(0); /* said to what was before */
  printf("{\"answers\":%ld,\"started\":%s,\"whole\":%s,\"seconds\":%.6f}\n", s->answers, started ? "true" : "false",
         whole ? "true" : "false", now() - s->began);
  fflush(stdout);
  server_socket_close(&s->socket);
  kl_buf_free(&s->out);
  return started;
}

int main(int argc, char **argv) {
  long markets = argc == 3 || argc == 5 ? strtol(argv[2], NULL, 10) : 0;
  if (markets < 1) {
    fputs("usage: feed_server FEED.ndjson MARKETS [CERTIFICATE.pem KEY.pem]\n", stderr);
    return 2;
  }
  prctl(PR_SET_PDEATHSIG, SIGTERM); /* does not outlive the bench */
  signal(SIGPIPE, SIG_IGN);
  feed.n_markets = (size_t)markets;
  for (feed.slots = 4; feed.slots < feed.n_markets * 4; feed.slots *= 2)
    ;
  feed.markets = calloc(feed.slots, sizeof *feed.markets);
  if (!feed.markets) die("feed_server");
  load(argv[1]);
  SSL_CTX *tls = argc == 5 ? server_tls(argv[3], argv[4]) : NULL;
  int port, listener = server_listen(&port);
  printf("{\"port\":%d}\n", port);
  fflush(stdout);
  for (unsigned number = 1;; number++) {
    session s = {.number = number};
    if (server_socket_accept(&s.socket, listener, tls) && serve(&s)) take_line(-1);
  }
}
