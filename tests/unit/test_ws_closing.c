/* What kl_ws_client does beyond the feed's needs: both kinds of messages, pings, subprotocols, the closing handshake;
 * and a session that is cut at every byte. */
#include "unit/ws_box.h"

#include <signal.h>

static kl_ws_client_options all_options(box *b, const char *url) {
  kl_ws_client_options o = box_options(b, url);
  o.binary = on_binary;
  o.pong = on_pong;
  return o;
}

static void connect_all(box *b, void (*change)(kl_ws_client_options *)) {
  char url[64];
  snprintf(url, sizeof url, "ws://127.0.0.1:%d/", b->server.port);
  kl_ws_client_options o = all_options(b, url);
  if (change) change(&o);
  box_connect(b, &o);
}

static void no_change(kl_ws_client_options *o) { (void)o; }

/* ---- messages and pings ---- */

static void say_all_kinds(box *b, peer_conn *c) {
  if (b->frames.len) return;
  peer_write(c,
             "\x82\x02hi\x01\x02on\x8A\x03one\x80\x01"
             "e\x8A\x00\x88\x02\x03\xE8",
             22);
}

static void hands_over_binary_messages_and_pongs(void **state) {
  (void)state;
  box b;
  box_open(&b);
  b.upgraded = say_all_kinds;
  connect_all(&b, no_change);
  box_run(&b);
  assert_string_equal(b.log.data, "open|b:hi|p:one|m:one|p:|burst|closed|");
  expect_error(&b, KL_ERR_WS, 1000, "code 1000");
  assert_string_equal(b.reason, "");
  box_free(&b);
}

static void send_all_kinds(uv_timer_t *t) {
  box *b = t->data;
  char long_payload[126] = {0};
  assert_true(kl_ws_client_send_binary(b->client, "\x01\x02", 2));
  assert_true(kl_ws_client_ping(b->client, "are you there", 13));
  assert_true(kl_ws_client_ping(b->client, "", 0));
  assert_false(kl_ws_client_ping(b->client, long_payload, sizeof long_payload));
  assert_true(kl_ws_client_send(b->client, "", 0));
}

static void close_after_four(box *b, peer_conn *c) {
  if (strstr(b->frames.data, "81:|")) peer_write(c, "\x88\x00", 2);
}

static void sends_binary_messages_and_pings(void **state) {
  (void)state;
  box b;
  box_open(&b);
  b.framed = close_after_four;
  connect_all(&b, no_change);
  b.when_open = send_all_kinds;
  box_run(&b);
  assert_string_equal(b.frames.data, "82:\x01\x02|89:are you there|89:|81:|");
  box_free(&b);
}

static void send_nothing_early(void **state) {
  (void)state;
  box b;
  box_open(&b);
  connect_all(&b, no_change);
  assert_false(kl_ws_client_send_binary(b.client, "x", 1));
  assert_false(kl_ws_client_ping(b.client, "x", 1));
  kl_ws_client_finish(b.client, 1000, NULL, 0);
  box_run(&b);
  assert_string_equal(b.log.data, "closed|");
  expect_error(&b, KL_ERR_CLOSED, 0, "before it was open");
  box_free(&b);
}

/* ---- subprotocols ---- */

static void offer(kl_ws_client_options *o) { o->protocols = "v2.feed, v1.feed"; }

static void note_protocol(box *b, peer_conn *c) {
  (void)c;
  kl_buf_str(&b->log,
             strstr(b->head.data, "\r\nSec-WebSocket-Protocol: v2.feed, v1.feed\r\n") ? "asked|" : "not asked|");
  peer_write(c, "\x88\x00", 2);
}

static void protocol_open(void *data, int64_t date_ms) {
  box *b = data;
  const char *protocol = kl_ws_client_protocol(b->client);
  (void)date_ms;
  kl_buf_printf(&b->log, "open:%s|", protocol ? protocol : "none");
}

static void offer_and_note(kl_ws_client_options *o) {
  offer(o);
  o->open = protocol_open;
}

static void agrees_on_a_subprotocol(void **state) {
  (void)state;
  static const struct {
    const char *fields, *log;
  } cases[] = {{"Sec-WebSocket-Protocol: v1.feed\r\n", "asked|open:v1.feed|closed|"},
               {"Sec-WebSocket-Protocol: v2.feed\r\n", "asked|open:v2.feed|closed|"},
               {NULL, "asked|open:none|closed|"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    box b;
    box_open(&b);
    b.fields = cases[i].fields;
    b.upgraded = note_protocol;
    connect_all(&b, offer_and_note);
    box_run(&b);
    assert_string_equal(b.log.data, cases[i].log);
    box_free(&b);
  }
}

static void refuses_what_was_not_offered(void **state) {
  (void)state;
  static const struct {
    const char *fields, *says;
  } cases[] = {{"Sec-WebSocket-Protocol: v3.feed\r\n", "the subprotocol 'v3.feed', which was not offered"},
               {"Sec-WebSocket-Protocol: V2.feed\r\n", "the subprotocol 'V2.feed', which was not offered"},
               {"Sec-WebSocket-Protocol: v1.feed, v2.feed\r\n", "which was not offered"},
               {"Sec-WebSocket-Protocol: v1.feed\r\nSec-WebSocket-Protocol: v2.feed\r\n", "more than one subprotocol"},
               {"Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n",
                "turn compression off at the server"},
               {"Sec-WebSocket-Extensions: x-mux\r\n", "insists on the extension 'x-mux'"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    box b;
    box_open(&b);
    b.fields = cases[i].fields;
    connect_all(&b, offer);
    box_run(&b);
    assert_string_equal(b.log.data, "closed|");
    expect_error(&b, KL_ERR_PROTOCOL, 101, cases[i].says);
    box_free(&b);
  }
}

static void refuses_to_offer_what_is_no_subprotocol(void **state) {
  (void)state;
  static const char *const bad[] = {"",     " ",         "a b",         "a,",  ",a", "a,,b",
                                    "a, a", "a\r\nX: y", "caf\xC3\xA9", "a/b", "a;b"};
  uv_loop_t loop;
  uv_loop_init(&loop);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    kl_error e = {0};
    const kl_ws_client_options o = {.url = "ws://127.0.0.1/", .protocols = bad[i]};
    assert_null(kl_ws_client_open(&loop, &o, &e));
    assert_string_equal(e.kind, KL_ERR_VALIDATION);
  }
  assert_int_equal(uv_loop_close(&loop), 0);
}

static void compressed_frame(box *b, peer_conn *c) {
  (void)b;
  peer_write(c, "\xC1\x01x", 3);
}

static void says_that_compression_was_not_agreed_on(void **state) {
  (void)state;
  box b;
  box_open(&b);
  b.upgraded = compressed_frame;
  connect_all(&b, no_change);
  box_run(&b);
  expect_error(&b, KL_ERR_PROTOCOL, 1002, "compression (permessage-deflate), but none was agreed on");
  box_free(&b);
}

/* ---- closing ---- */

static void finish_client(uv_timer_t *t) {
  box *b = t->data;
  kl_ws_client_finish(b->client, 4000, "enough", 6);
  assert_false(kl_ws_client_send(b->client, "x", 1));
  assert_false(kl_ws_client_ping(b->client, "x", 1));
  kl_ws_client_finish(b->client, 4001, "again", 5); /* nothing */
}

/* To its end, with a server that does this with the close frame. */
static void finish_against(box *b, void (*framed)(box *, peer_conn *), void (*change)(kl_ws_client_options *)) {
  box_open(b);
  b->framed = framed;
  b->when_open = finish_client;
  connect_all(b, change);
  box_run(b);
}

static void say_more_then_close(box *b, peer_conn *c) {
  if (!strncmp(b->frames.data, "88:", 3)) peer_write(c, "\x81\x04late\x89\x01?\x88\x05\x0F\xA0yes", 16);
}

static void hands_over_what_comes_before_the_servers_close(void **state) {
  (void)state;
  box b;
  finish_against(&b, say_more_then_close, no_change);
  assert_string_equal(b.log.data, "open|m:late|burst|closed|");
  assert_string_equal(b.frames.data, "88:\x0F\xA0"
                                     "enough|"); /* and no pong, no second close frame */
  expect_error(&b, KL_ERR_WS, 4000, "code 4000: yes");
  assert_string_equal(b.reason, "yes");
  box_free(&b);
}

static void wait_little(kl_ws_client_options *o) { o->close_timeout_ms = 100; }

static void gives_up_a_server_that_does_not_answer_the_close(void **state) {
  (void)state;
  box b;
  finish_against(&b, NULL, wait_little);
  assert_string_equal(b.log.data, "open|closed|");
  expect_error(&b, KL_ERR_TIMEOUT, 0, "did not answer the close frame within 100 ms");
  box_free(&b);
}

static void chat(uv_timer_t *t) {
  box *b = t->data;
  peer_write(b->conn, "\x8A\x00", 2);
}

static void chat_on(box *b, peer_conn *c) {
  (void)c;
  uv_timer_start(&b->timer, chat, 0, 10);
}

static void gives_up_one_that_talks_on_instead(void **state) {
  (void)state;
  box b;
  finish_against(&b, chat_on, wait_little);
  expect_error(&b, KL_ERR_TIMEOUT, 0, "did not answer the close frame");
  box_free(&b);
}

static void answer_the_close_before_a_standstill(box *b, peer_conn *c) {
  (void)b;
  peer_write(c, "\x88\x02\x0F\xA0", 4);
  uv_sleep(200); /* longer than it is waited for */
}

static void reads_a_close_that_came_while_the_loop_stood_still(void **state) {
  (void)state;
  box b;
  finish_against(&b, answer_the_close_before_a_standstill, wait_little);
  expect_error(&b, KL_ERR_WS, 4000, "code 4000");
  box_free(&b);
}

static void hang_up_on_close(box *b, peer_conn *c) {
  (void)b;
  peer_finish(c);
}

static void tells_a_server_that_hangs_up_instead(void **state) {
  (void)state;
  box b;
  finish_against(&b, hang_up_on_close, no_change);
  expect_error(&b, KL_ERR_NETWORK, 0, "ended the connection");
  box_free(&b);
}

static void reason_with_controls(box *b, peer_conn *c) {
  (void)b;
  peer_write(c,
             "\x88\x09\x03\xF3"
             "a\n\x1B[2J",
             11);
}

static void makes_one_line_of_a_reason(void **state) {
  (void)state;
  box b;
  box_open(&b);
  b.upgraded = reason_with_controls;
  connect_all(&b, no_change);
  box_run(&b);
  expect_error(&b, KL_ERR_WS, 1011, "code 1011: a  [2J");
  assert_string_equal(b.reason, "a\n\x1B[2J");
  box_free(&b);
}

/* ---- what waits to be sent ---- */

enum { LONG = 12 << 20 };

static uint64_t heard_bytes;
static char heard_mask[4];

/* Counts what comes and checks the payload, which is the letter 'x' all over, by its mask. */
static void count_bytes(peer_conn *c) {
  box *b = c->p->data;
  if (!b->head.len) {
    size_t n = peer_request(c);
    if (n) serve_handshake(b, c, n);
    return;
  }
  for (size_t i = 0; i < c->in.len; i++, heard_bytes++) {
    if (heard_bytes >= 10 && heard_bytes < 14) heard_mask[heard_bytes - 10] = c->in.data[i];
    if (heard_bytes >= 14 && heard_bytes < LONG + 14)
      assert_int_equal(c->in.data[i] ^ heard_mask[(heard_bytes - 14) & 3], 'x');
  }
  kl_buf_clear(&c->in);
}

static void slow_reader(box *b, peer_conn *c) {
  (void)b;
  uv_read_stop((uv_stream_t *)&c->tcp);
}

static void read_on(uv_timer_t *t) {
  box *b = t->data;
  uv_read_start((uv_stream_t *)&b->conn->tcp, peer_alloc, peer_read);
}

static int writable_calls;

static void on_writable(void *data) {
  box *b = data;
  writable_calls++;
  if (kl_ws_client_queued(b->client) == 0) {
    kl_ws_client_close(b->client);
    uv_timer_stop(&b->timer);
  }
}

static void client_gone(uv_idle_t *h) {
  box *b = h->data;
  if (b->server.ended == 0) return;
  uv_close((uv_handle_t *)h, NULL);
  finish(b);
}

static void send_long_one(void *data, int64_t date_ms) {
  box *b = data;
  char *p = malloc(LONG);
  (void)date_ms;
  assert_non_null(p);
  memset(p, 'x', LONG);
  assert_true(kl_ws_client_send_binary(b->client, p, LONG));
  free(p);
  assert_true(kl_ws_client_queued(b->client) > LONG / 2);
  uv_timer_start(&b->timer, read_on, 50, 0);
}

static void send_long_options(kl_ws_client_options *o) {
  o->open = send_long_one;
  o->writable = on_writable;
  o->max_queued = 16 << 20;
}

static void sends_a_message_that_is_longer_than_what_the_feed_may_queue(void **state) {
  (void)state;
  box b;
  uv_idle_t idle;
  heard_bytes = 0;
  writable_calls = 0;
  box_open(&b);
  uv_idle_init(&b.loop, &idle);
  idle.data = &b;
  uv_idle_start(&idle, client_gone);
  b.server.on_data = count_bytes;
  b.upgraded = slow_reader;
  connect_all(&b, send_long_options);
  box_run(&b);
  assert_int_equal(heard_bytes, LONG + 14 + 8); /* and the close frame */
  assert_true(writable_calls > 1);
  box_free(&b);
}

/* The server closes while a message of ours waits: it goes out, and the close frame behind it, before the end. */
static void close_while_busy(box *b, peer_conn *c) {
  slow_reader(b, c);
  peer_write(c, "\x88\x02\x03\xE8", 4);
}

static void finish_when_heard(uv_idle_t *h) {
  box *b = h->data;
  if (!strstr(b->log.data ? b->log.data : "", "closed|")) return;
  if (heard_bytes < LONG + 14 + 8) return;
  uv_close((uv_handle_t *)h, NULL);
  finish(b);
}

static void lets_out_what_waits_when_the_server_closes(void **state) {
  (void)state;
  box b;
  uv_idle_t idle;
  heard_bytes = 0;
  box_open(&b);
  uv_idle_init(&b.loop, &idle);
  idle.data = &b;
  uv_idle_start(&idle, finish_when_heard);
  b.linger = true;
  b.server.on_data = count_bytes;
  b.upgraded = close_while_busy;
  connect_all(&b, send_long_options);
  box_run(&b);
  expect_error(&b, KL_ERR_WS, 1000, "code 1000");
  box_free(&b);
}

static void leave_busy(void *data, int64_t date_ms) {
  box *b = data;
  send_long_one(b, date_ms);
  kl_ws_client_leave(b->client);
}

static void leave_options(kl_ws_client_options *o) {
  send_long_options(o);
  o->open = leave_busy;
}

static void finish_when_all_came(uv_idle_t *h) {
  box *b = h->data;
  if (b->server.ended == 0) return;
  uv_close((uv_handle_t *)h, NULL);
  finish(b);
}

static void lets_out_what_waits_when_it_is_left(void **state) {
  (void)state;
  box b;
  uv_idle_t idle;
  heard_bytes = 0;
  box_open(&b);
  uv_idle_init(&b.loop, &idle);
  idle.data = &b;
  uv_idle_start(&idle, finish_when_all_came);
  b.server.on_data = count_bytes;
  b.upgraded = slow_reader;
  connect_all(&b, leave_options);
  box_run(&b);
  assert_int_equal(heard_bytes, LONG + 14 + 8);
  box_free(&b);
}

/* ---- silence ---- */

static void ask_often(kl_ws_client_options *o) {
  o->silence_timeout_ms = 400;
  o->ping_after_ms = 50;
}

static void answer_pings(box *b, peer_conn *c) {
  const char *at = b->frames.data;
  int pings = 0;
  while ((at = strstr(at, "89:keep-alive|")))
    at++, pings++;
  if (pings < 12)
    peer_write(c, "\x8A\x0Akeep-alive", 12);
  else
    peer_write(c, "\x88\x02\x03\xE8", 4);
}

static void asks_a_silent_server_for_a_sign_of_life(void **state) {
  (void)state;
  box b;
  box_open(&b);
  b.framed = answer_pings;
  connect_all(&b, ask_often); /* twelve times 50 ms of silence: longer than the limit */
  box_run(&b);
  expect_error(&b, KL_ERR_WS, 1000, "code 1000");
  box_free(&b);
}

static void gives_up_one_that_does_not_answer(void **state) {
  (void)state;
  box b;
  box_open(&b);
  connect_all(&b, ask_often);
  box_run(&b);
  expect_error(&b, KL_ERR_TIMEOUT, 0, "nothing came");
  assert_memory_equal(b.frames.data, "89:keep-alive|", 14);
  assert_null(strstr(b.frames.data + 14, "89:")); /* one question */
  box_free(&b);
}

static void stand_still(uv_timer_t *t) {
  (void)t;
  uv_sleep(500); /* longer than the limit */
}

static void answer_the_first_ping(box *b, peer_conn *c) {
  if (strstr(b->frames.data, "89:keep-alive|")) peer_write(c, "\x88\x02\x03\xE8", 4);
}

/* Nobody can have answered what was not asked. */
static void asks_before_it_gives_up_after_a_standstill(void **state) {
  (void)state;
  box b;
  box_open(&b);
  b.framed = answer_the_first_ping;
  b.when_open = stand_still;
  connect_all(&b, ask_often);
  box_run(&b);
  expect_error(&b, KL_ERR_WS, 1000, "code 1000");
  box_free(&b);
}

static void say_hello(uv_timer_t *t) {
  box *b = t->data;
  assert_true(kl_ws_client_send(b->client, "hello", 5));
}

static void say_bye_before_a_standstill(box *b, peer_conn *c) {
  if (strncmp(b->frames.data, "81:hello|", 9) != 0) return;
  peer_write(c, "\x88\x02\x03\xE8", 4);
  stand_still(&b->timer);
}

static void limit_only(kl_ws_client_options *o) { o->silence_timeout_ms = 400; }

static void reads_what_came_while_the_loop_stood_still(void **state) {
  (void)state;
  box b;
  box_open(&b);
  b.framed = say_bye_before_a_standstill;
  b.when_open = say_hello;
  connect_all(&b, limit_only);
  box_run(&b);
  expect_error(&b, KL_ERR_WS, 1000, "code 1000");
  box_free(&b);
}

static void no_limit(kl_ws_client_options *o) {
  o->silence_timeout_ms = -1;
  o->connect_timeout_ms = 1000;
}

static void say_bye(uv_timer_t *t) {
  box *b = t->data;
  peer_write(b->conn, "\x88\x02\x03\xE8", 4);
}

static void waits_for_ever_where_it_is_told_to(void **state) {
  (void)state;
  box b;
  box_open(&b);
  connect_all(&b, no_limit);
  uv_timer_start(&b.timer, say_bye, 1400, 0);
  box_run(&b);
  expect_error(&b, KL_ERR_WS, 1000, "code 1000");
  box_free(&b);
}

/* ---- a session cut at every byte ---- */

#define SAY(out, bytes) kl_buf_add(out, bytes, sizeof(bytes) - 1)

/* All that a server says in a session: text, binary, a ping within fragments, long lengths, a close frame. */
static void whole_session(kl_buf *out) {
  char filler[300];
  memset(filler, 'f', sizeof filler);
  SAY(out, "\x81\x03one");
  SAY(out, "\x82\x02\x00\x01");
  SAY(out, "\x01\x02\xE2\x82\x89\x01p\x80\x02\xACx"); /* 20 */
  SAY(out, "\x81\x7E\x01\x2C");
  kl_buf_add(out, filler, sizeof filler);         /* 324 */
  SAY(out, "\x02\x01z\x00\x00\x8A\x00\x80\x01y"); /* 331, 334 */
  SAY(out, "\x88\x05\x03\xE9"
           "bye");
}

/* What must have been handed over once `n` bytes of it were sent, "closed" apart. */
static const char *expected_log(size_t n) {
  static const struct {
    size_t at;
    const char *log;
  } steps[] = {{0, "open|"},
               {5, "open|m:one|"},
               {9, "open|m:one|b:|"},
               {20, "open|m:one|b:|m:\xE2\x82\xACx|"},
               {324, "open|m:one|b:|m:\xE2\x82\xACx|m:ffffffffffffffffffffffffffffffff|"},
               {331, "open|m:one|b:|m:\xE2\x82\xACx|m:ffffffffffffffffffffffffffffffff|p:|"},
               {334, "open|m:one|b:|m:\xE2\x82\xACx|m:ffffffffffffffffffffffffffffffff|p:|b:zy|"}};
  const char *log = "";
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    if (n >= steps[i].at) log = steps[i].log;
  }
  return log;
}

static size_t cut_at, cut_step; /* of the answer to the handshake and the session together */
static kl_buf script;           /* what the server says */

static void say_cut(box *b, peer_conn *c) {
  (void)b;
  uv_tcp_nodelay(&c->tcp, 1);
  for (size_t at = 0; at < cut_at; at += cut_step)
    peer_write(c, script.data + at, cut_at - at < cut_step ? cut_at - at : cut_step);
  peer_finish(c);
}

static void serve_cut(peer_conn *c) {
  box *b = c->p->data;
  char accept[32];
  if (b->head.len) return;
  size_t n = peer_request(c);
  if (!n) return;
  kl_buf_add(&b->head, c->in.data, n);
  accept_value(c->in.data, accept);
  kl_buf_clear(&script);
  kl_buf_printf(&script,
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Accept: %s\r\n\r\n",
                accept);
  whole_session(&script);
  if (cut_at > script.len) cut_at = script.len;
  say_cut(b, c);
}

static void without_bursts(kl_buf *log) {
  char *at;
  while ((at = strstr(log->data, "burst|"))) {
    memmove(at, at + 6, strlen(at + 6) + 1);
    log->len -= 6;
  }
}

static void is_never_half_there_however_it_is_cut(void **state) {
  (void)state;
  static const size_t steps[] = {100000, 1};
  for (size_t s = 0; s < 2; s++) {
    size_t last = 2;
    for (size_t n = 1; n < last; n++) {
      box b;
      cut_at = n;
      cut_step = steps[s];
      box_open(&b);
      b.server.on_data = serve_cut;
      connect_all(&b, no_change);
      box_run(&b);
      without_bursts(&b.log);
      char expected[400];
      size_t head = strlen("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n") +
                    strlen("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
      last = script.len + 1;
      snprintf(expected, sizeof expected, "%sclosed|", n >= head ? expected_log(n - head) : "");
      assert_string_equal(b.log.data, expected);
      if (n < script.len)
        expect_error(&b, KL_ERR_NETWORK, 0, "");
      else
        expect_error(&b, KL_ERR_WS, 1001, "code 1001: bye");
      box_free(&b);
    }
  }
  kl_buf_free(&script);
}

int main(void) {
  alarm(100);
  signal(SIGPIPE, SIG_IGN); /* as the program does */
  static const char *const names[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    unsetenv(names[i]);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(hands_over_binary_messages_and_pongs),
      cmocka_unit_test(sends_binary_messages_and_pings),
      cmocka_unit_test(send_nothing_early),
      cmocka_unit_test(agrees_on_a_subprotocol),
      cmocka_unit_test(refuses_what_was_not_offered),
      cmocka_unit_test(refuses_to_offer_what_is_no_subprotocol),
      cmocka_unit_test(says_that_compression_was_not_agreed_on),
      cmocka_unit_test(hands_over_what_comes_before_the_servers_close),
      cmocka_unit_test(gives_up_a_server_that_does_not_answer_the_close),
      cmocka_unit_test(gives_up_one_that_talks_on_instead),
      cmocka_unit_test(reads_a_close_that_came_while_the_loop_stood_still),
      cmocka_unit_test(tells_a_server_that_hangs_up_instead),
      cmocka_unit_test(makes_one_line_of_a_reason),
      cmocka_unit_test(sends_a_message_that_is_longer_than_what_the_feed_may_queue),
      cmocka_unit_test(lets_out_what_waits_when_the_server_closes),
      cmocka_unit_test(lets_out_what_waits_when_it_is_left),
      cmocka_unit_test(asks_a_silent_server_for_a_sign_of_life),
      cmocka_unit_test(gives_up_one_that_does_not_answer),
      cmocka_unit_test(asks_before_it_gives_up_after_a_standstill),
      cmocka_unit_test(reads_what_came_while_the_loop_stood_still),
      cmocka_unit_test(waits_for_ever_where_it_is_told_to),
      cmocka_unit_test(is_never_half_there_however_it_is_cut),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
