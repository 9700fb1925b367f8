/* The exchange of the cut test: markets that go on trading, the truth about their books, and connections that it breaks
 * off when it is told to. It sends the changes of the books as fast as the client takes them; whoever connects anew
 * gets the books as they are then.
 *
 *   cut_server MARKETS [CERTIFICATE.pem KEY.pem]
 *
 * Prints {"port":N,"tickers_of_markets":[...]}, {"shown":true} for each connection whose snapshots were sent, and a
 * line for each that is over: when it was accepted, when the WebSocket was open, when the first command for books came,
 * when the first snapshots were sent and when it was cut (seconds since the epoch, 0: never), and how many messages
 * went out. While nobody is connected the markets move on.
 *
 * Lines on stdin: "cut" ends the connection in the middle of a message and closes it in order, "reset" does so with a
 * reset. "end" ends the trading: {"books":{TICKER:TEXT}} with the final books (in the text of synthetic.h) is printed,
 * and each client that is subscribed to all books and to market_lifecycle_v2 gets a message of that channel behind
 * everything else. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "feed_text.h"
#include "server_socket.h"

enum { SEED = 7, CHANGES = 20000, BATCH = 64 * 1024, UNSEEN = 10007, IDLE_MS = 50, BAD_PARAMETERS = 8, SEQ_MAX = 24 };

/* A change of a book and its message, without its seq: what comes before and behind that. */
typedef struct change {
  synthetic_market *market;
  int side, price;
  int64_t count;
  size_t at; /* in script.text */
  uint16_t head_len, tail_len;
} change;

static synthetic world;
static bool ended; /* the trading */

/* What the markets do: changes forward to the end, then the same backward, and so on. Prepared, since making them takes
 * longer than a client needs to read them. */
static struct {
  change *forward, *backward; /* CHANGES each */
  kl_buf text;
  long next; /* 0 to 2 * CHANGES - 1 */
} script;

typedef struct session {
  server_socket socket;
  feed_position at;
  bool *books; /* which markets are subscribed */
  int n_books;
  bool lifecycle;
  bool told; /* that the trading has ended */
  kl_buf out, text;
  double accepted, opened, asked, shown, cut;
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

/* ---- what the markets do ---- */

static change prepare(const synthetic_event *e) {
  static const char key[] = "\"seq\":";
  feed_position at = {.seq_books = 0, .ms = INT64_C(1795380241000)};
  size_t from = script.text.len;
  feed_put_event(&script.text, e, &at);
  if (script.text.failed) die("cut_server");
  char *text = script.text.data + from, *seq = memmem(text, script.text.len - from, key, sizeof key - 1);
  size_t head = (size_t)(seq - text) + sizeof key - 1, tail = script.text.len - from - head - 1; /* the seq is "1" */
  memmove(text + head, text + head + 1, tail);
  script.text.len--;
  return (change){.market = e->market,
                  .side = e->side,
                  .price = e->price,
                  .count = e->count,
                  .at = from,
                  .head_len = (uint16_t)head,
                  .tail_len = (uint16_t)tail};
}

static void prepare_script(void) {
  script.forward = calloc(CHANGES, sizeof *script.forward);
  script.backward = calloc(CHANGES, sizeof *script.backward);
  if (!script.forward || !script.backward) die("cut_server");
  for (int i = 0; i < CHANGES;) {
    synthetic_event e;
    synthetic_next(&world, &e);
    if (e.kind != EVENT_DELTA) continue;
    script.forward[i] = prepare(&e);
    e.count = -e.count;
    script.backward[CHANGES - 1 - i] = prepare(&e);
    i++;
  }
  script.next = CHANGES; /* the forward half has just happened */
}

/* The next change, made to its book. Best prices are not kept. */
static const change *move_on(void) {
  const change *c = script.next < CHANGES ? &script.forward[script.next] : &script.backward[script.next - CHANGES];
  if (++script.next == 2 * CHANGES) script.next = 0;
  int64_t *level = &c->market->count[c->side][c->price];
  bool was = *level != 0;
  *level += c->count;
  c->market->levels[c->side] += (*level != 0) - was;
  return c;
}

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

/* ---- messages ---- */

/* What s->text holds becomes a frame. */
static void put_frame(session *s) {
  server_put_frame_head(&s->out, s->text.len);
  kl_buf_add(&s->out, s->text.data, s->text.len);
  kl_buf_clear(&s->text);
  s->messages++;
}

static void put_change(session *s, const change *c) {
  char seq[SEQ_MAX];
  int digits = SEQ_MAX;
  for (int64_t v = ++s->at.seq_books; v; v /= 10)
    seq[--digits] = (char)('0' + v % 10);
  size_t n_seq = (size_t)(SEQ_MAX - digits), n = c->head_len + n_seq + c->tail_len;
  server_put_frame_head(&s->out, n);
  if (!kl_buf_reserve(&s->out, n)) return;
  char *p = s->out.data + s->out.len;
  const char *text = script.text.data + c->at;
  memcpy(p, text, c->head_len);
  memcpy(p + c->head_len, seq + digits, n_seq);
  memcpy(p + c->head_len + n_seq, text + c->head_len, c->tail_len);
  s->out.len += n;
  s->messages++;
}

static void trade_on(session *s) {
  while (s->n_books && s->out.len < BATCH) {
    const change *c = move_on();
    if (s->books[c->market - world.markets]) put_change(s, c);
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

/* Ends the connection within what was about to be sent. */
static void cut(session *s, bool reset) {
  struct linger at_once = {.l_onoff = 1, .l_linger = 0};
  int fd = s->socket.fd;
  s->cut = now();
  if (reset) setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  if (s->socket.tls || !server_socket_send(&s->socket, s->out.data, s->out.len / 2 + 1)) return;
}

typedef enum { ORDER_NONE, ORDER_CUT, ORDER_RESET, ORDER_END } order;

/* What the one who runs this wants; the last of several lines that have come meanwhile, and the end above all. */
static order take_order(void) {
  struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
  char text[1024];
  if (poll(&p, 1, 0) <= 0) return ORDER_NONE;
  ssize_t n = read(STDIN_FILENO, text, sizeof text);
  if (n <= 0) exit(0); /* it has gone */
  if (memmem(text, (size_t)n, "end\n", 4)) return ORDER_END;
  return n >= 6 && !memcmp(text + n - 6, "reset\n", 6) ? ORDER_RESET : ORDER_CUT;
}

static void end_trading(void) {
  ended = true;
  print_books();
}

static void serve(session *s) {
  while (obey_all(s)) {
    bool shown = s->asked > 0;
    if (!ended) trade_on(s);
    order o = ended ? ORDER_NONE : take_order();
    if (o == ORDER_CUT || o == ORDER_RESET) {
      cut(s, o == ORDER_RESET);
      break;
    }
    if (o == ORDER_END) end_trading();
    if (ended && !s->told && s->lifecycle && s->n_books == world.n) tell_end(s);
    if (s->out.failed || s->text.failed) die("cut_server");
    if (!server_socket_send(&s->socket, s->out.data, s->out.len)) break;
    kl_buf_clear(&s->out);
    if (!shown || s->shown > 0) continue;
    s->shown = now();
    puts("{\"shown\":true}");
    fflush(stdout);
  }
  printf("{\"accepted\":%.6f,\"opened\":%.6f,\"asked\":%.6f,\"shown\":%.6f,\"cut\":%.6f,\"messages\":%ld}\n",
         s->accepted, s->opened, s->asked, s->shown, s->cut, s->messages);
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
  prepare_script();
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
    if (!ended && take_order() == ORDER_END) end_trading(); /* there was nothing to cut */
    for (int i = 0; i < UNSEEN && !ended; i++)
      move_on();
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
