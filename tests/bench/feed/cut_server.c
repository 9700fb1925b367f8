/* The exchange of the cut test: markets that go on trading, and the truth about their books. It sends their changes as
 * fast as the client takes them; whoever connects anew gets the books as they are then.
 *
 *   cut_server MARKETS [CERTIFICATE.pem KEY.pem]
 *
 * Prints {"port":N,"tickers_of_markets":[...]}, then a line for each connection that has ended: when it was accepted,
 * when the WebSocket was open, when the first command for books came and when its snapshots were sent (seconds since
 * the epoch, 0: never), and how many messages went out. While nobody is connected the markets move on as well.
 *
 * A line on stdin ends the trading. {"books":{TICKER:TEXT}} with the final books (in the text of synthetic.h) is
 * printed, and each client that is subscribed to all books and to market_lifecycle_v2 gets a message of that channel
 * behind everything else. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "feed_text.h"
#include "server_socket.h"

enum { SEED = 7, BATCH = 64 * 1024, UNSEEN = 10000, IDLE_MS = 50, BAD_PARAMETERS = 8 };

static synthetic world;
static bool ended; /* the trading */

typedef struct session {
  server_socket socket;
  feed_position at;
  bool *books; /* which markets are subscribed */
  int n_books;
  bool tickers, trades, lifecycle;
  bool told; /* that the trading has ended */
  kl_buf out, text;
  double accepted, opened, asked, shown;
  long messages;
} session;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what) {
  perror(what);
  exit(1);
}

/* ---- the truth ---- */

static void print_books(void) {
  fputs("{\"books\":{", stdout);
  for (int i = 0; i < world.n; i++) {
    const synthetic_market *m = &world.markets[i];
    printf("%s\"%s\":\"", i ? "," : "", m->ticker);
    for (int side = 0; side < 2; side++)
      for (int p = 0; p < SYNTHETIC_PRICES; p++)
        if (m->count[side][p]) printf("%c%d:%lld\\n", side ? 'n' : 'y', p, (long long)m->count[side][p]);
    putchar('"');
  }
  puts("}}");
  fflush(stdout);
}

static bool is_told_to_end(void) {
  struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
  char line[64];
  if (poll(&p, 1, 0) <= 0) return false;
  if (read(STDIN_FILENO, line, sizeof line) <= 0) exit(0); /* whoever started it has gone */
  return true;
}

/* ---- messages ---- */

/* What s->text holds becomes a frame. */
static void put_frame(session *s) {
  server_put_frame_head(&s->out, s->text.len);
  kl_buf_add(&s->out, s->text.data, s->text.len);
  kl_buf_clear(&s->text);
  s->messages++;
}

static bool is_wanted(const session *s, const synthetic_event *e) {
  switch (e->kind) {
  case EVENT_TICKER:
    return s->tickers;
  case EVENT_TRADE:
    return s->trades;
  case EVENT_SNAPSHOT:
  case EVENT_DELTA:
    break;
  }
  return s->books[e->market - world.markets];
}

static void trade_on(session *s) {
  s->at.ms = (int64_t)(now() * 1e3);
  while (s->out.len < BATCH) {
    synthetic_event e;
    synthetic_next(&world, &e);
    if (!is_wanted(s, &e)) {
      if (!s->n_books) return;
      continue;
    }
    feed_put_event(&s->text, &e, &s->at);
    put_frame(s);
  }
}

static void tell_end(session *s) {
  kl_buf_str(&s->text, "{\"type\":\"market_lifecycle_v2\",\"sid\":4,\"seq\":1,\"msg\":{\"event_type\":\"determined\","
                       "\"market_ticker\":\"KXEND\"}}");
  put_frame(s);
  s->told = true;
}

/* ---- commands ---- */

static int market_of(const char *ticker) {
  for (int i = 0; i < world.n; i++)
    if (!strcmp(world.markets[i].ticker, ticker)) return i;
  return -1;
}

/* Each market of the command: subscribed where it is not yet, and its snapshot where it was not or is asked for. */
static bool take_books(session *s, const command *c) {
  size_t i;
  json_t *ticker;
  bool asked = c->kind == COMMAND_SNAPSHOT;
  if (!s->asked) s->asked = now();
  json_array_foreach(c->tickers, i, ticker) {
    const char *text = json_string_value(ticker);
    int market = text ? market_of(text) : -1;
    if (market < 0) {
      command_put_error(&s->out, c->id, BAD_PARAMETERS, "no such market");
      return false;
    }
    if (s->books[market] && !asked) continue;
    if (!asked) {
      s->books[market] = true;
      s->n_books++;
    }
    feed_put_snapshot(&s->text, &world.markets[market], asked ? c->id : 0, &s->at);
    put_frame(s);
  }
  return true;
}

static void drop_books(session *s, const command *c) {
  size_t i;
  json_t *ticker;
  json_array_foreach(c->tickers, i, ticker) {
    const char *text = json_string_value(ticker);
    int market = text ? market_of(text) : -1;
    if (market < 0 || !s->books[market]) continue;
    s->books[market] = false;
    s->n_books--;
  }
}

static void subscribe(session *s, const command *c) {
  size_t i;
  json_t *channel;
  json_array_foreach(c->channels, i, channel) {
    const char *name = json_string_value(channel);
    if (!name) continue;
    command_put_subscribed(&s->out, c->id, name);
    if (!strcmp(name, "orderbook_delta"))
      take_books(s, c);
    else if (!strcmp(name, "ticker"))
      s->tickers = true;
    else if (!strcmp(name, "trade"))
      s->trades = true;
    else if (!strcmp(name, "market_lifecycle_v2"))
      s->lifecycle = true;
  }
}

static void obey(session *s, const command *c) {
  switch (c->kind) {
  case COMMAND_SUBSCRIBE:
    subscribe(s, c);
    break;
  case COMMAND_ADD:
    if (take_books(s, c)) command_put_ok(&s->out, c->id, SID_BOOKS);
    break;
  case COMMAND_DELETE:
    drop_books(s, c);
    command_put_ok(&s->out, c->id, SID_BOOKS);
    break;
  case COMMAND_SNAPSHOT:
    take_books(s, c);
    break;
  case COMMAND_OTHER:
    command_put_error(&s->out, c->id, BAD_PARAMETERS, "not served by this bench");
    break;
  }
}

/* All commands that are there; waits for one where there is nothing else to do. False when the connection is over. */
static bool obey_all(session *s) {
  int wait_ms = s->n_books && !ended ? 0 : IDLE_MS;
  for (;;) {
    const char *text;
    size_t n;
    command c;
    int rc = server_socket_read(&s->socket, &text, &n, wait_ms);
    if (rc <= 0) return rc == 0;
    if (!command_parse(text, n, &c)) return false;
    obey(s, &c);
    command_free(&c);
    wait_ms = 0;
  }
}

static void serve(session *s) {
  while (obey_all(s)) {
    bool shown = s->asked > 0;
    if (!ended && is_told_to_end()) {
      ended = true;
      print_books();
    }
    if (!ended && s->n_books) trade_on(s);
    if (ended && !s->told && s->lifecycle && s->n_books == world.n) tell_end(s);
    if (s->out.failed || s->text.failed) die("cut_server");
    if (!server_socket_send(&s->socket, s->out.data, s->out.len)) break;
    kl_buf_clear(&s->out);
    if (shown && !s->shown) s->shown = now();
  }
  printf("{\"accepted\":%.6f,\"opened\":%.6f,\"asked\":%.6f,\"shown\":%.6f,\"messages\":%ld}\n", s->accepted, s->opened,
         s->asked, s->shown, s->messages);
  fflush(stdout);
}

int main(int argc, char **argv) {
  long markets = argc == 2 || argc == 4 ? strtol(argv[1], NULL, 10) : 0;
  if (markets < 1 || markets > 100000) {
    fputs("usage: cut_server MARKETS [CERTIFICATE.pem KEY.pem]\n", stderr);
    return 2;
  }
  prctl(PR_SET_PDEATHSIG, SIGTERM); /* does not outlive the bench */
  signal(SIGPIPE, SIG_IGN);
  if (!synthetic_init(&world, (int)markets, SEED)) die("cut_server");
  SSL_CTX *tls = argc == 4 ? server_tls(argv[2], argv[3]) : NULL;
  int port, listener = server_listen(&port);
  printf("{\"port\":%d,\"tickers_of_markets\":[", port);
  for (int i = 0; i < world.n; i++)
    printf("%s\"%s\"", i ? "," : "", world.markets[i].ticker);
  puts("]}");
  fflush(stdout);
  for (;;) {
    session s = {.books = calloc((size_t)world.n, sizeof(bool))};
    struct pollfd p = {.fd = listener, .events = POLLIN};
    if (!s.books) die("cut_server");
    if (poll(&p, 1, -1) < 0) die("cut_server: poll");
    s.accepted = now();
    for (int i = 0; i < UNSEEN && !ended; i++) {
      synthetic_event e;
      synthetic_next(&world, &e);
    }
    if (server_socket_accept(&s.socket, listener, tls)) {
      s.opened = now();
      serve(&s);
      server_socket_close(&s.socket);
    }
    kl_buf_free(&s.out);
    kl_buf_free(&s.text);
    free(s.books);
  }
}
