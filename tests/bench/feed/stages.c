/* The runtime's own way of a message, cut off behind one stage after the other, on the feed of feed_server.c: what each
 * stage adds is the difference of two runs. The same objects as in kalua, without Lua.
 *
 *   feed_stages URL FEED.json receive|frame|decode|apply|watch
 *
 * receive: bytes through the loop into the parser's buffer (kl_stream), TLS included. frame: and messages found
 * (kl_ws_client). decode: and their fields read (kl_wire_decode). apply: and the books kept (kl_feed). watch: and a C
 * function told of every delta and every burst, as bindings are. Prints as client_report() in client.c does.
 *
 * The certificate of a wss URL is trusted when SSL_CERT_FILE names it. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include "kalshi/feed.h"
#include "net/stream.h"
#include "net/ws_client.h"
#include "net/ws_frame.h"
#include "net/ws_handshake.h"

static const char subscribe_all[] =
    "{\"id\":1,\"cmd\":\"subscribe\",\"params\":{\"channels\":[\"orderbook_delta\",\"ticker\",\"trade\","
    "\"market_lifecycle_v2\"],\"use_yes_price\":true}}";

static struct {
  const char *url;
  json_t *expected;
  uv_loop_t loop;
  struct rusage began, ended;
  uint64_t messages, deltas, bursts;
} run;

static void die(const char *what) {
  fprintf(stderr, "feed_stages: %s\n", what);
  exit(1);
}

static void begin(void) { getrusage(RUSAGE_SELF, &run.began); }

static void finish(void) {
  getrusage(RUSAGE_SELF, &run.ended);
  uv_stop(&run.loop);
}

/* ---- receive: the handshake by hand, then bytes into a parser that is not asked what they are ---- */

static struct {
  kl_url url;
  kl_stream *stream;
  kl_ws_parser *parser;
  kl_buf answer;
  bool open;
  char last[4]; /* bytes of the stream */
} raw;

static const uint8_t raw_key[16] = "the bench's key";

static void raw_ready(void *data) {
  static const char *const no_headers[] = {NULL};
  kl_buf out = {0};
  (void)data;
  kl_ws_write_handshake(&out, raw.url.authority, raw.url.target, raw_key, no_headers, NULL);
  if (out.failed || !kl_stream_write(raw.stream, out.data, out.len)) die("cannot send the handshake");
  kl_buf_free(&out);
}

static char *raw_buffer(void *data, size_t *room) {
  (void)data;
  if (raw.open) return kl_ws_parser_buffer(raw.parser, 16 * 1024, room);
  if (!kl_buf_reserve(&raw.answer, 4096)) return NULL;
  *room = 4096;
  return raw.answer.data + raw.answer.len;
}

static void raw_handshake(size_t n) {
  static const uint8_t mask[4];
  kl_ws_answer answer;
  kl_error e;
  kl_buf out = {0};
  raw.answer.len += n;
  raw.answer.data[raw.answer.len] = 0;
  long rc = kl_ws_read_handshake(raw.answer.data, raw.answer.len, raw_key, NULL, &answer, &e);
  if (rc < 0) die(e.message);
  if (rc == 0) return;
  raw.open = true;
  begin();
  kl_ws_write_frame(&out, KL_WS_TEXT, subscribe_all, sizeof subscribe_all - 1, mask);
  if (out.failed || !kl_stream_write(raw.stream, out.data, out.len)) die("cannot subscribe");
  kl_buf_free(&out);
}

static void raw_input(void *data, size_t n) {
  (void)data;
  if (!raw.open) {
    raw_handshake(n);
    return;
  }
  size_t room;
  const char *end = kl_ws_parser_buffer(raw.parser, 16 * 1024, &room) + n;
  size_t keep = n < sizeof raw.last ? n : sizeof raw.last;
  memmove(raw.last, raw.last + keep, sizeof raw.last - keep);
  memcpy(raw.last + sizeof raw.last - keep, end - keep, keep);
  if (memcmp(raw.last, "\x88\x02\x03\xe8", sizeof raw.last) != 0) return;
  static const uint8_t mask[4];
  kl_buf out = {0};
  kl_ws_write_frame(&out, KL_WS_CLOSE, "\x03\xe8", 2, mask);
  if (out.failed || !kl_stream_write(raw.stream, out.data, out.len)) die("cannot answer the close frame");
  kl_buf_free(&out);
  finish();
}

static void raw_read_end(void *data) { (void)data; }
static void raw_failed(void *data, const kl_error *e) {
  (void)data;
  die(e->message);
}

static void start_receive(void) {
  static const kl_ws_handler nobody;
  kl_error e;
  if (!kl_url_parse(&raw.url, KL_URL_WS, run.url, &e)) die(e.message);
  raw.parser = kl_ws_parser_new(&nobody, 1 << 26);
  raw.stream = raw.parser ? kl_stream_open(&run.loop,
                                           &(kl_stream_options){.url = &raw.url,
                                                                .connect_ms = 10000,
                                                                .ready = raw_ready,
                                                                .buffer = raw_buffer,
                                                                .input = raw_input,
                                                                .read_end = raw_read_end,
                                                                .failed = raw_failed},
                                           &e)
                          : NULL;
  if (!raw.stream) die("no connection");
}

/* ---- frame and decode: the WebSocket client ---- */

static struct {
  kl_ws_client *ws;
  kl_decoder *decoder; /* NULL: messages are only counted */
} client;

static void client_open(void *data, int64_t date_ms) {
  (void)data;
  (void)date_ms;
  begin();
  if (!kl_ws_client_send(client.ws, subscribe_all, sizeof subscribe_all - 1)) die("cannot subscribe");
}

static void client_message(void *data, const char *p, size_t n) {
  kl_event ev;
  kl_error e;
  (void)data;
  run.messages++;
  if (!client.decoder) return;
  if (!kl_wire_decode(client.decoder, p, n, &ev, &e)) die(e.message);
  if (ev.type == KL_EV_DELTA) run.deltas++;
}

static void client_burst_end(void *data) {
  (void)data;
  run.bursts++;
}

static void client_closed(void *data, const kl_error *e) {
  (void)data;
  if (e->status != 1000) die(e->message);
  finish();
}

static void start_client(bool decode) {
  static const char *const no_headers[] = {NULL};
  kl_error e;
  if (decode && !(client.decoder = kl_decoder_new())) die("out of memory");
  client.ws = kl_ws_client_open(&run.loop,
                                &(kl_ws_client_options){.url = run.url,
                                                        .headers = no_headers,
                                                        .open = client_open,
                                                        .message = client_message,
                                                        .burst_end = client_burst_end,
                                                        .closed = client_closed},
                                &e);
  if (!client.ws) die(e.message);
}

/* ---- apply and watch: the feed ---- */

static struct {
  kl_feed *feed;
  kl_feed_sub *first, *last; /* that open the connection, and tell the server to begin */
  kl_feed_listener listener;
  kl_feed_book **books;
  kl_book_watcher *watchers;
  size_t n, ready;
  bool watch, began;
} books;

static kl_feed_sub *subscribe(const char *channel, void (*ready)(void *, bool)) {
  const char *const channels[] = {channel, NULL};
  kl_error e;
  kl_feed_sub *s = kl_feed_subscribe(books.feed, &(kl_feed_sub_options){.channels = channels, .ready = ready}, &e);
  if (!s) die(e.message);
  return s;
}

static void watched_delta(kl_book_watcher *w, kl_feed_book *b, const kl_event *ev, kl_price own_price) {
  (void)w;
  (void)b;
  (void)ev;
  (void)own_price;
  run.deltas++;
}

static void watched_change(kl_book_watcher *w, kl_feed_book *b) {
  (void)w;
  (void)b;
  run.bursts++;
}

/* Until its first snapshot each book is watched by this. */
static void became_ready(kl_book_watcher *w, kl_feed_book *b) {
  if (b->failed) die(b->error.message);
  if (!b->ready) return;
  kl_feed_unwatch(w);
  if (books.watch) {
    w->changed = watched_change;
    w->delta = watched_delta;
    kl_feed_watch(b, w);
  }
  if (++books.ready == books.n) books.last = subscribe("market_lifecycle_v2", NULL);
}

static void open_books(void *data, bool again) {
  size_t i;
  json_t *ticker, *tickers = json_object_get(run.expected, "tickers_of_markets");
  (void)data;
  if (again || books.began) return;
  books.began = true;
  begin();
  json_array_foreach(tickers, i, ticker) {
    kl_error e;
    books.books[i] = kl_feed_book_open(books.feed, json_string_value(ticker), &e);
    if (!books.books[i]) die(e.message);
    kl_list_init(&books.watchers[i].link);
    books.watchers[i].changed = became_ready;
    kl_feed_watch(books.books[i], &books.watchers[i]);
  }
}

static void on_status(void *data, const char *what, const char *detail) {
  (void)data;
  if (!strcmp(what, "gap")) die(detail);
  if (!strcmp(what, "disconnected")) finish();
}

static void start_feed(bool watch) {
  kl_error e;
  books.watch = watch;
  books.n = json_array_size(json_object_get(run.expected, "tickers_of_markets"));
  books.books = calloc(books.n, sizeof(kl_feed_book *));
  books.watchers = calloc(books.n, sizeof *books.watchers);
  books.feed = kl_feed_new(&run.loop, &(kl_feed_options){.ws_url = run.url, .can_connect = true}, &e);
  if (!books.books || !books.watchers || !books.feed) die("the feed cannot be made");
  kl_list_init(&books.listener.link);
  books.listener.status = on_status;
  kl_feed_listen(books.feed, &books.listener);
  books.first = subscribe("multivariate_market_lifecycle", open_books);
}

/* ---- the report ---- */

static double seconds(struct timeval a, struct timeval b) {
  return (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_usec - a.tv_usec) / 1e6;
}

static void report(void) {
  kl_feed_status status = {.snapshots = 0};
  if (books.feed) {
    kl_feed_status_get(books.feed, &status);
    run.messages = status.messages;
  }
  printf("{\"messages\":%llu,\"cpu\":%.6f,\"deltas\":%llu,\"bursts\":%llu,\"snapshots\":%llu}\n",
         (unsigned long long)run.messages,
         seconds(run.began.ru_utime, run.ended.ru_utime) + seconds(run.began.ru_stime, run.ended.ru_stime),
         (unsigned long long)run.deltas, (unsigned long long)run.bursts, (unsigned long long)status.snapshots);
}

int main(int argc, char **argv) {
  static const char *const stages[] = {"receive", "frame", "decode", "apply", "watch"};
  size_t stage = 0, n = sizeof stages / sizeof stages[0];
  while (argc == 4 && stage < n && strcmp(argv[3], stages[stage]) != 0)
    stage++;
  if (argc != 4 || stage == n) {
    fputs("usage: feed_stages URL FEED.json receive|frame|decode|apply|watch\n", stderr);
    return 2;
  }
  run.url = argv[1];
  run.expected = json_load_file(argv[2], 0, NULL);
  if (!run.expected || uv_loop_init(&run.loop) != 0) die("cannot read the feed's numbers");
  if (stage == 0)
    start_receive();
  else if (stage <= 2)
    start_client(stage == 2);
  else
    start_feed(stage == 4);
  uv_run(&run.loop, UV_RUN_DEFAULT);
  report();
  fflush(stdout);
  _exit(0); /* nothing is to be seen of how it ends */
}
