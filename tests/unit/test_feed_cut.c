/* A session of the feed cut after every single byte that the exchange sent: within the handshake, an acknowledgement, a
 * snapshot, a fragment, a delta. What the book shows then is what the whole messages said, and stale; on the next
 * connection, where the market has moved on, it becomes right. Real sockets and the feed's own WebSocket client; many
 * feeds side by side, one for each cut, since each waits a moment before it connects again. */
#include "unit/net_peer.h"

#include <openssl/evp.h>
#include <signal.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "kalshi/feed.h"

enum { AT_ONCE = 250, MESSAGES_MAX = 32, CUTS_MAX = 1 << 14, DELTAS = 14, PRICES = 6 };
static const int prices[PRICES] = {1, 3700, 3750, 3800, 6000, 9999}; /* in own prices of a side */

static uv_loop_t loop;
static peer server;
static kl_clock_virtual vclock;

/* ---- what the exchange says: on the connection that is cut, and on the next ---- */

typedef struct truth {
  kl_count count[2][PRICES];
} truth;

typedef struct session {
  kl_buf bytes; /* behind the handshake's answer */
  size_t n;     /* messages; for each: where it ends, and the book behind it */
  size_t end[MESSAGES_MAX];
  truth state[MESSAGES_MAX];
  truth now;
  int seq;
} session;

static session sessions[2];
static size_t answer_length; /* of the handshake */

/* One message, as it is or in three fragments with pings in between. */
static void add_message(session *s, const kl_buf *text, bool known) {
  size_t parts = s->n % 3 == 1 ? 3 : 1, at = 0;
  assert_false(text->failed);
  for (size_t i = 0; i < parts; i++) {
    bool last = i + 1 == parts;
    size_t n = last ? text->len - at : text->len / parts;
    uint8_t head[4] = {(uint8_t)((last ? 0x80 : 0) | (i == 0)), (uint8_t)(n < 126 ? n : 126), (uint8_t)(n >> 8),
                       (uint8_t)n};
    kl_buf_add(&s->bytes, head, n < 126 ? 2 : 4);
    kl_buf_add(&s->bytes, text->data + at, n);
    at += n;
    if (!last) kl_buf_add(&s->bytes, "\x89\x02hi", 4);
  }
  assert_true(s->n < MESSAGES_MAX);
  s->end[s->n] = s->bytes.len;
  if (known) s->state[s->n] = s->now;
  s->n++;
}

#define MARKET "\"msg\":{\"market_ticker\":\"A\",\"market_id\":\"30ebe0c2-d075-4992-9896-9ab2e8d35072\""

static void add_price(kl_buf *b, int side, int own) {
  kl_buf_json_decimal(b, side ? KL_PRICE_ONE - own : own, KL_PRICE_PLACES); /* use_yes_price */
}

static void add_snapshot(session *s) {
  kl_buf b = {0};
  kl_buf_printf(&b, "{\"type\":\"orderbook_snapshot\",\"sid\":1,\"seq\":%d," MARKET, ++s->seq);
  for (int side = 0; side < 2; side++) {
    const char *comma = "";
    kl_buf_str(&b, side ? ",\"no_dollars_fp\":[" : ",\"yes_dollars_fp\":[");
    for (int i = 0; i < PRICES; i++) {
      if (!s->now.count[side][i]) continue;
      kl_buf_printf(&b, "%s[", comma);
      add_price(&b, side, prices[i]);
      kl_buf_char(&b, ',');
      kl_buf_json_decimal(&b, s->now.count[side][i], KL_COUNT_PLACES);
      kl_buf_char(&b, ']');
      comma = ",";
    }
    kl_buf_char(&b, ']');
  }
  kl_buf_str(&b, "}}\n");
  add_message(s, &b, true);
  kl_buf_free(&b);
}

static void add_delta(session *s, int side, int i, kl_count by) {
  kl_buf b = {0};
  s->now.count[side][i] += by;
  assert_true(s->now.count[side][i] >= 0);
  kl_buf_printf(&b, "{\"type\":\"orderbook_delta\",\"sid\":1,\"seq\":%d," MARKET ",\"price_dollars\":", ++s->seq);
  add_price(&b, side, prices[i]);
  kl_buf_str(&b, ",\"delta_fp\":");
  kl_buf_json_decimal(&b, by, KL_COUNT_PLACES);
  kl_buf_printf(&b, ",\"side\":\"%s\",\"ts_ms\":1789482601250}}\n", side ? "no" : "yes");
  add_message(s, &b, true);
  kl_buf_free(&b);
}

static void record(void) {
  memset(sessions, 0, sizeof sessions);
  for (int i = 0; i < 2; i++) {
    session *s = &sessions[i];
    kl_buf b = {0};
    if (i) s->now = sessions[0].now;
    s->now.count[i][4] += 12300; /* what the connection before did not say */
    kl_buf_str(&b, "{\"type\":\"subscribed\",\"id\":1,\"msg\":{\"channel\":\"orderbook_delta\",\"sid\":1}}\n");
    add_message(s, &b, false);
    kl_buf_free(&b);
    add_snapshot(s);
    for (int k = 0; k < (i ? 4 : DELTAS); k++) {
      int side = k % 3 == 1, at = (k * 5 + i) % PRICES;
      kl_count have = s->now.count[side][at];
      add_delta(s, side, at, have && k % 4 == 3 ? -have : 100 + 7 * k);
    }
  }
}

/* ---- the server: the path of a URL says where its first connection is cut ---- */

static uint8_t connections[CUTS_MAX];

/* Says as many of these bytes as the cut leaves; false when that was the end. */
static bool say_up_to(peer_conn *c, size_t before, const char *p, size_t n, size_t cut) {
  size_t most = cut > before ? cut - before : 0;
  peer_write(c, p, n < most ? n : most);
  if (most > n) return true;
  peer_finish(c);
  return false;
}

static void answer_handshake(peer_conn *c) {
  char key[64], accept[32], answer[256];
  unsigned char digest[20];
  const char *at = strstr(c->in.data, "Sec-WebSocket-Key: ");
  assert_non_null(at);
  snprintf(key, sizeof key, "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", at + 19);
  assert_int_equal(EVP_Digest(key, strlen(key), digest, NULL, EVP_sha1(), NULL), 1);
  EVP_EncodeBlock((unsigned char *)accept, digest, 20);
  answer_length = (size_t)snprintf(answer, sizeof answer,
                                   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                   "Sec-WebSocket-Accept: %s\r\n\r\n",
                                   accept);
  size_t cut = strtoul(c->in.data + strlen("GET /cut/"), NULL, 10);
  assert_true(cut < CUTS_MAX);
  bool first = !connections[cut]++;
  /* From here on: 0 is a connection that is not cut, a negative number the cut of one that is. */
  c->number = first ? -(int)cut - 1 : 0;
  say_up_to(c, 0, answer, answer_length, first ? cut : SIZE_MAX);
}

/* The id of the next command of the client's out of c->in, pongs passed over; 0 while none is whole. */
static int take_command(peer_conn *c) {
  const uint8_t *p = (const uint8_t *)c->in.data;
  while (c->in.len >= 8) {
    size_t n = p[1] & 0x7F, head = n == 126 ? 8 : 6;
    if (n == 126) n = (size_t)p[2] << 8 | p[3];
    if (c->in.len < head + n) return 0;
    bool text = p[0] == 0x81;
    int id = 0;
    static const char begin[] = "{\"id\":";
    for (size_t i = 0; text && i < sizeof begin; i++) {
      char is = (char)(p[head + i] ^ p[head - 4 + (i & 3)]);
      if (i < sizeof begin - 1)
        assert_int_equal(is, begin[i]);
      else
        id = is - '0';
    }
    peer_take(c, head + n);
    if (text) return id;
  }
  return 0;
}

static void serve(peer_conn *c) {
  if (c->number > 0) {
    size_t n = peer_request(c);
    if (!n) return;
    answer_handshake(c);
    peer_take(c, n);
    return;
  }
  int id = take_command(c); /* to subscribe: there is no other */
  if (id > 0) {
    const session *s = &sessions[c->number == 0];
    assert_true(id < 10);
    strstr(s->bytes.data, "\"id\":")[5] = (char)('0' + id);
    say_up_to(c, answer_length, s->bytes.data, s->bytes.len, c->number ? (size_t)(-c->number - 1) : SIZE_MAX);
  }
}

/* ---- one feed for each cut ---- */

typedef struct one {
  kl_feed *feed;
  kl_feed_book *book;
  kl_feed_listener listener;
  kl_book_watcher watcher;
  size_t cut;
  bool broken, right;
} one;

static int n_right, n_closed;

static void assert_book_is(const one *o, const truth *t) {
  for (int side = 0; side < 2; side++) {
    size_t levels = 0;
    for (int i = 0; i < PRICES; i++) {
      kl_count is = kl_book_count_at(o->book->book, (kl_outcome)side, prices[i]);
      levels += t->count[side][i] != 0;
      if (is != t->count[side][i])
        fail_msg("cut after byte %zu: %lld at %d of side %d, not %lld", o->cut, (long long)is, prices[i], side,
                 (long long)t->count[side][i]);
    }
    assert_int_equal(kl_book_levels(o->book->book, (kl_outcome)side), levels);
  }
}

/* The connection that is cut is gone: whole messages count, half ones do not. */
static void on_status(void *data, const char *what, const char *detail) {
  one *o = data;
  (void)detail;
  if (strcmp(what, "disconnected") != 0) return;
  const session *s = &sessions[0];
  size_t whole = 0;
  assert_false(o->broken);
  assert_true(o->cut >= answer_length);
  while (whole < s->n && answer_length + s->end[whole] <= o->cut)
    whole++;
  o->broken = true;
  assert_true(o->book->stale);
  assert_int_equal(o->book->ready, whole >= 2);
  assert_book_is(o, whole ? &s->state[whole - 1] : &s->state[0]);
}

static void on_changed(kl_book_watcher *w, kl_feed_book *b) {
  one *o = w->data;
  assert_false(b->failed);
  if (b->stale || o->right) return;
  bool second = connections[o->cut] == 2;
  const session *s = &sessions[second];
  assert_true(b->seq >= 1 && b->seq <= s->seq);
  assert_book_is(o, &s->state[b->seq]); /* at no moment anything else */
  if (second && b->seq == s->seq) {
    o->right = true;
    n_right++;
  }
}

static void open_one(one *o, size_t cut) {
  char url[96];
  kl_error e;
  memset(o, 0, sizeof *o);
  o->cut = cut;
  snprintf(url, sizeof url, "ws://127.0.0.1:%d/cut/%zu", server.port, cut);
  o->feed = kl_feed_new(&loop, &(kl_feed_options){.ws_url = url, .clock = &vclock.clock, .can_connect = true}, &e);
  assert_non_null(o->feed);
  o->listener = (kl_feed_listener){.data = o, .status = on_status};
  kl_feed_listen(o->feed, &o->listener);
  o->book = kl_feed_book_open(o->feed, "A", &e);
  assert_non_null(o->book);
  o->watcher = (kl_book_watcher){.data = o, .changed = on_changed};
  kl_feed_watch(o->book, &o->watcher);
}

static void note_closed(void *data) {
  (void)data;
  n_closed++;
}

static void close_one(one *o) {
  kl_feed_unlisten(&o->listener);
  kl_feed_unwatch(&o->watcher);
  kl_feed_book_release(o->feed, o->book);
  kl_feed_close(o->feed, note_closed, NULL);
}

static void too_long(uv_timer_t *t) {
  (void)t;
  fail_msg("%d of the feeds became right within two minutes", n_right);
}

/* Cuts from `from` on, one apart. */
static void cut_batch(size_t from, int n) {
  static one all[AT_ONCE];
  n_right = n_closed = 0;
  for (int i = 0; i < n; i++)
    open_one(&all[i], from + (size_t)i);
  while (n_right < n)
    uv_run(&loop, UV_RUN_ONCE);
  for (int i = 0; i < n; i++) {
    assert_int_equal(all[i].broken, all[i].cut >= answer_length && answer_length > 0);
    close_one(&all[i]);
  }
  while (n_closed < n)
    uv_run(&loop, UV_RUN_ONCE);
}

static void a_session_cut_at_any_byte_ends_with_the_right_book(void **state) {
  (void)state;
  uv_timer_t guard;
  int fd;
  kl_log_set_level(KL_LOG_ERROR);
  signal(SIGPIPE, SIG_IGN); /* as the program does */
  assert_int_equal(uv_loop_init(&loop), 0);
  kl_clock_virtual_init(&vclock, 1789482600000000); /* stands still: no deadline of the feed is near */
  kl_clock_virtual_advance(&vclock, 1000000);
  uv_timer_init(&loop, &guard);
  uv_timer_start(&guard, too_long, 120000, 0);
  record();
  peer_open(&server, &loop, serve);
  assert_int_equal(uv_fileno((uv_handle_t *)&server.listener, &fd), 0);
  assert_int_equal(listen(fd, 2 * AT_ONCE), 0); /* all of a batch knock at once */
  cut_batch(0, 1);                              /* says how long the answer is */
  size_t total = answer_length + sessions[0].bytes.len;
  assert_true(total < CUTS_MAX);
  for (size_t at = 1; at <= total; at += AT_ONCE)
    cut_batch(at, total - at < AT_ONCE ? (int)(total - at) + 1 : AT_ONCE);
  for (size_t at = 0; at <= total; at++)
    assert_int_equal(connections[at], 2);
  print_message("%zu cuts\n", total + 1);
  kl_buf_free(&sessions[0].bytes);
  kl_buf_free(&sessions[1].bytes);
  uv_close((uv_handle_t *)&guard, NULL);
  peer_close(&server);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_session_cut_at_any_byte_ends_with_the_right_book)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
