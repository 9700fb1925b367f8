#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/utf8.h"
#include "net/ws_frame.h"
#include "net/ws_handshake.h"

/* What a parser handed over: "T:text", "B:bytes", "P:ping", "O:pong", "C:close", each ended by '|'. */
typedef struct {
  kl_ws_parser *parser;
  kl_buf log;
  int stop_after; /* messages; 0: never */
  int messages;
} sink;

static void on_message(void *data, int opcode, const char *p, size_t n) {
  sink *s = data;
  kl_buf_str(&s->log, opcode == KL_WS_TEXT ? "T:" : "B:");
  kl_buf_add(&s->log, p, n);
  kl_buf_char(&s->log, '|');
  /* The promise that 16 bytes behind a message may be read: the sanitizer watches. */
  volatile char sum = 0;
  for (size_t i = 0; i < 16; i++)
    sum = (char)(sum ^ p[n + i]);
  if (++s->messages == s->stop_after) kl_ws_parser_stop(s->parser);
}

static void on_control(void *data, int opcode, const char *p, size_t n) {
  sink *s = data;
  kl_buf_str(&s->log, opcode == KL_WS_PING ? "P:" : opcode == KL_WS_PONG ? "O:" : "C:");
  kl_buf_add(&s->log, p, n);
  kl_buf_char(&s->log, '|');
}

static void sink_open(sink *s, size_t max_message) {
  memset(s, 0, sizeof *s);
  kl_ws_handler h = {.data = s, .message = on_message, .control = on_control};
  s->parser = kl_ws_parser_new(&h, max_message);
  assert_non_null(s->parser);
}

static void sink_close(sink *s) {
  kl_ws_parser_free(s->parser);
  kl_buf_free(&s->log);
}

static bool feed(sink *s, const void *p, size_t n, kl_error *e) {
  size_t room;
  char *to = kl_ws_parser_buffer(s->parser, n, &room);
  assert_non_null(to);
  assert_true(room >= n);
  if (n) memcpy(to, p, n);
  return kl_ws_parser_feed(s->parser, n, e);
}

/* Feeds in pieces of `step` bytes; false at the first violation. */
static bool feed_in_steps(sink *s, const kl_buf *in, size_t step, kl_error *e) {
  for (size_t at = 0; at < in->len; at += step) {
    if (!feed(s, in->data + at, in->len - at < step ? in->len - at : step, e)) return false;
  }
  return true;
}

/* A frame as servers write it. */
static void frame(kl_buf *b, int first, const void *p, size_t n) {
  kl_buf_char(b, (char)first);
  if (n < 126) {
    kl_buf_char(b, (char)n);
  } else {
    int bytes = n < 65536 ? 2 : 8;
    kl_buf_char(b, bytes == 2 ? 126 : 127);
    for (int i = bytes - 1; i >= 0; i--)
      kl_buf_char(b, (char)((uint64_t)n >> (8 * i)));
  }
  kl_buf_add(b, p, n);
}

static void text(kl_buf *b, const char *s) { frame(b, 0x80 | KL_WS_TEXT, s, strlen(s)); }

static void expect(const kl_buf *in, size_t max_message, const char *log) {
  for (size_t step = 1; step <= in->len; step++) {
    sink s;
    kl_error e;
    sink_open(&s, max_message);
    assert_true(feed_in_steps(&s, in, step, &e));
    assert_string_equal(s.log.data ? s.log.data : "", log);
    sink_close(&s);
  }
}

/* The bytes are refused with the code, in one piece and byte by byte, having delivered exactly `log`. */
static void expect_refused(const void *p, size_t n, int code, const char *log) {
  kl_buf in = {0};
  kl_buf_add(&in, p, n);
  size_t steps[] = {n, 1};
  for (size_t i = 0; i < 2; i++) {
    sink s;
    kl_error e = {0};
    sink_open(&s, 1000);
    assert_false(feed_in_steps(&s, &in, steps[i], &e));
    assert_string_equal(e.kind, KL_ERR_PROTOCOL);
    assert_int_equal(e.status, code);
    assert_string_equal(s.log.data ? s.log.data : "", log);
    assert_false(feed(&s, "\x81\x01x", 3, &e)); /* takes nothing more */
    assert_int_equal(e.status, code);
    assert_string_equal(s.log.data ? s.log.data : "", log);
    sink_close(&s);
  }
  kl_buf_free(&in);
}

#define REFUSED(bytes, code, log) expect_refused(bytes, sizeof(bytes) - 1, code, log)

static void delivers_messages_and_control_frames_split_anywhere(void **state) {
  (void)state;
  kl_buf in = {0};
  char long_text[300];
  memset(long_text, 'x', sizeof long_text);
  text(&in, "hello");
  text(&in, "");
  frame(&in, 0x80 | KL_WS_BINARY, "\xFF\xFE", 2);
  frame(&in, 0x80 | KL_WS_PING, "heartbeat", 9);
  frame(&in, 0x80 | KL_WS_PONG, "", 0);
  frame(&in, 0x80 | KL_WS_TEXT, long_text, 125);
  frame(&in, 0x80 | KL_WS_TEXT, long_text, 126);
  frame(&in, 0x80 | KL_WS_TEXT, long_text, 300);
  frame(&in, 0x80 | KL_WS_CLOSE, "\x03\xE8gone", 6);
  kl_buf log = {0};
  kl_buf_str(&log, "T:hello|T:|B:\xFF\xFE|P:heartbeat|O:|T:");
  kl_buf_add(&log, long_text, 125);
  kl_buf_str(&log, "|T:");
  kl_buf_add(&log, long_text, 126);
  kl_buf_str(&log, "|T:");
  kl_buf_add(&log, long_text, 300);
  kl_buf_str(&log, "|C:\x03\xE8gone|");
  expect(&in, 0, log.data);
  kl_buf_free(&log);
  kl_buf_free(&in);
}

static void joins_fragments_with_control_frames_between(void **state) {
  (void)state;
  kl_buf in = {0};
  frame(&in, KL_WS_TEXT, "one ", 4);
  frame(&in, 0x80 | KL_WS_PING, "p", 1);
  frame(&in, KL_WS_CONTINUATION, "", 0);
  frame(&in, KL_WS_CONTINUATION, "two ", 4);
  frame(&in, 0x80 | KL_WS_CONTINUATION, "three", 5);
  frame(&in, KL_WS_BINARY, "\x80", 1);
  frame(&in, 0x80 | KL_WS_CONTINUATION, "\x81", 1);
  text(&in, "after");
  expect(&in, 0, "P:p|T:one two three|B:\x80\x81|T:after|");
  kl_buf_free(&in);
}

static void accepts_a_character_split_between_fragments(void **state) {
  (void)state;
  kl_buf in = {0};
  frame(&in, KL_WS_TEXT, "\xF0\x9F", 2);
  frame(&in, KL_WS_CONTINUATION, "\x98", 1);
  frame(&in, 0x80 | KL_WS_CONTINUATION, "\x80!", 2);
  expect(&in, 0, "T:\xF0\x9F\x98\x80!|");
  kl_buf_free(&in);
}

static void hands_over_a_large_message_and_gives_the_memory_back(void **state) {
  (void)state;
  sink s;
  kl_error e;
  size_t n = 3 << 20, room = 0;
  char *big = malloc(n);
  kl_buf in = {0};
  assert_non_null(big);
  memset(big, 'a', n);
  frame(&in, 0x80 | KL_WS_TEXT, big, n);
  sink_open(&s, n);
  assert_true(feed_in_steps(&s, &in, 100000, &e));
  assert_int_equal(s.log.len, n + 3);
  assert_memory_equal(s.log.data + 2, big, n);
  assert_non_null(kl_ws_parser_buffer(s.parser, 1, &room));
  assert_true(room > 1 << 20);
  kl_buf_clear(&in);
  text(&in, "small");
  for (int i = 0; i < 1000; i++)
    assert_true(feed(&s, in.data, in.len, &e));
  assert_non_null(kl_ws_parser_buffer(s.parser, 1, &room));
  assert_int_equal(room, 256 * 1024);
  kl_buf_free(&in);
  free(big);
  sink_close(&s);
}

static void note_place(void *data, int opcode, const char *p, size_t n) {
  (void)opcode, (void)n;
  *(const char **)data = p;
}

static void ignore_control(void *data, int opcode, const char *p, size_t n) {
  (void)data, (void)opcode, (void)p, (void)n;
}

static void hands_over_a_message_in_one_frame_in_place(void **state) {
  (void)state;
  const char *seen = NULL;
  kl_ws_handler h = {.data = &seen, .message = note_place, .control = ignore_control};
  kl_ws_parser *parser = kl_ws_parser_new(&h, 0);
  kl_error e;
  size_t room;
  assert_non_null(parser);
  char *to = kl_ws_parser_buffer(parser, 100, &room);
  assert_non_null(to);
  memcpy(to, "\x81\x03one\x81\x03two", 10);
  assert_true(kl_ws_parser_feed(parser, 10, &e));
  assert_ptr_equal(seen, to + 7);
  kl_ws_parser_free(parser);
}

static void keeps_the_rest_back_when_stopped(void **state) {
  (void)state;
  sink s;
  kl_error e;
  sink_open(&s, 0);
  s.stop_after = 1;
  assert_true(feed(&s,
                   "\x81\x01"
                   "a\x81\x01"
                   "b\x81\x01"
                   "c",
                   9, &e));
  assert_string_equal(s.log.data, "T:a|");
  assert_true(feed(&s, "", 0, &e));
  assert_string_equal(s.log.data, "T:a|T:b|T:c|");
  sink_close(&s);
}

static void starts_anew_after_a_reset(void **state) {
  (void)state;
  sink s;
  kl_error e;
  sink_open(&s, 0);
  assert_true(feed(&s, "\x01\x02hi\x81", 5, &e));
  kl_ws_parser_reset(s.parser);
  assert_true(feed(&s, "\x81\x01x", 3, &e));
  assert_false(feed(&s, "\x83\x01x", 3, &e));
  kl_ws_parser_reset(s.parser);
  assert_true(feed(&s, "\x81\x01y", 3, &e));
  assert_string_equal(s.log.data, "T:x|T:y|");
  sink_close(&s);
}

static void discards_what_follows_a_close_frame(void **state) {
  (void)state;
  sink s;
  kl_error e;
  sink_open(&s, 0);
  assert_true(feed(&s, "\x88\x00\x81\x01x", 5, &e));
  assert_true(feed(&s, "\x83\x01x", 3, &e));
  assert_string_equal(s.log.data, "C:|");
  sink_close(&s);
}

static void refuses_masked_frames(void **state) {
  (void)state;
  REFUSED("\x81\x01"
          "a\x81\x81\x01\x02\x03\x04"
          "a",
          1002, "T:a|");
}

static void refuses_reserved_bits_and_opcodes(void **state) {
  (void)state;
  REFUSED("\xC1\x01x", 1002, "");
  REFUSED("\xA1\x01x", 1002, "");
  REFUSED("\x91\x01x", 1002, "");
  for (int opcode = 0; opcode < 16; opcode++) {
    char bytes[3] = {(char)(0x80 | opcode), 1, 'x'};
    if ((opcode >= 3 && opcode <= 7) || opcode >= 11) expect_refused(bytes, sizeof bytes, 1002, "");
  }
}

static void refuses_wrong_control_frames(void **state) {
  (void)state;
  REFUSED("\x09\x00", 1002, "");
  REFUSED("\x89\x7E\x00\x7E", 1002, "");
  REFUSED("\x88\x7F", 1002, "");
}

static void refuses_wrong_sequences_of_fragments(void **state) {
  (void)state;
  REFUSED("\x80\x01x", 1002, "");
  REFUSED("\x00\x01x", 1002, "");
  REFUSED("\x01\x01x\x81\x01y", 1002, "");
  REFUSED("\x01\x01x\x80\x01y\x80\x01z", 1002, "T:xy|");
}

static void refuses_lengths_that_are_not_minimal(void **state) {
  (void)state;
  REFUSED("\x81\x7E\x00\x7D", 1002, "");
  REFUSED("\x81\x7F\x00\x00\x00\x00\x00\x00\xFF\xFF", 1002, "");
  REFUSED("\x81\x7F\x80\x00\x00\x00\x00\x01\x00\x00", 1002, "");
}

static void refuses_messages_beyond_the_limit(void **state) {
  (void)state;
  /* The limit is 1000: told by the header, before the bytes come. */
  REFUSED("\x81\x7E\x03\xE9", 1009, "");
  REFUSED("\x81\x7F\x00\x00\x00\x00\x7F\xFF\xFF\xFF", 1009, "");
  kl_buf in = {0};
  char part[600] = {0};
  memset(part, 'x', sizeof part);
  frame(&in, KL_WS_TEXT, part, sizeof part);
  frame(&in, KL_WS_CONTINUATION, part, 401);
  expect_refused(in.data, in.len, 1009, "");
  kl_buf_clear(&in);
  frame(&in, KL_WS_TEXT, part, sizeof part);
  frame(&in, 0x80 | KL_WS_CONTINUATION, part, 400);
  sink s;
  kl_error e;
  sink_open(&s, 1000);
  assert_true(feed_in_steps(&s, &in, in.len, &e));
  assert_int_equal(s.log.len, 1003);
  sink_close(&s);
  kl_buf_free(&in);
}

static void refuses_text_that_is_not_utf8(void **state) {
  (void)state;
  REFUSED("\x81\x01\xFF", 1007, "");
  REFUSED("\x81\x02\xC3x", 1007, "");
  REFUSED("\x81\x01\xC3", 1007, "");
  REFUSED("\x01\x01\xC3\x80\x01x", 1007, "");
  REFUSED("\x01\x01\xC3\x80\x00", 1007, "");
  REFUSED("\x81\x0A"
          "abcdefghi\x80",
          1007, "");
}

static void refuses_close_frames_with_wrong_codes(void **state) {
  (void)state;
  REFUSED("\x88\x01x", 1002, "");
  REFUSED("\x88\x04\x03\xE8\xFF\xFF", 1007, "");
  static const int bad[] = {0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535};
  static const int good[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1014, 3000, 4999};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char bytes[] = {(char)0x88, 2, (char)(bad[i] >> 8), (char)bad[i]};
    expect_refused(bytes, sizeof bytes, 1002, "");
  }
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    char bytes[] = {(char)0x88, 2, (char)(good[i] >> 8), (char)good[i]};
    sink s;
    kl_error e;
    sink_open(&s, 0);
    assert_true(feed(&s, bytes, sizeof bytes, &e));
    assert_int_equal(s.log.len, 5);
    sink_close(&s);
  }
}

/* The definition of RFC 3629, slowly. */
static bool take_short(void *data, const char *p, size_t n) {
  sink *s = data;
  if (n != 2) return false;
  kl_buf_str(&s->log, "A:");
  kl_buf_add(&s->log, p, n);
  kl_buf_char(&s->log, '|');
  return true;
}

static void offers_whole_text_before_it_checks_it(void **state) {
  (void)state;
  sink s;
  kl_error e;
  memset(&s, 0, sizeof s);
  kl_ws_handler h = {.data = &s, .message = on_message, .control = on_control, .unchecked = take_short};
  s.parser = kl_ws_parser_new(&h, 0);
  assert_non_null(s.parser);
  /* Taken, not taken, binary, a ping, in fragments. */
  static const char good[] = "\x81\x02"
                             "ab"
                             "\x81\x03"
                             "abc"
                             "\x82\x02"
                             "de"
                             "\x89\x02"
                             "fg"
                             "\x01\x01"
                             "h"
                             "\x80\x01"
                             "i";
  assert_true(feed(&s, good, sizeof good - 1, &e));
  assert_string_equal(s.log.data, "A:ab|T:abc|B:de|P:fg|T:hi|");
  assert_false(feed(&s, "\x81\x03\x61\xff\x62", 5, &e));
  assert_int_equal(e.status, 1007);
  sink_close(&s);
}

static bool is_utf8(const unsigned char *p, size_t n) {
  for (size_t i = 0; i < n;) {
    size_t more = p[i] < 0x80             ? 0
                  : (p[i] & 0xE0) == 0xC0 ? 1
                  : (p[i] & 0xF0) == 0xE0 ? 2
                  : (p[i] & 0xF8) == 0xF0 ? 3
                                          : 9;
    static const unsigned long least[] = {0, 0x80, 0x800, 0x10000};
    if (more == 9 || i + more >= n + (more == 0)) return false;
    unsigned long c = more ? p[i] & (0x3FU >> more) : p[i];
    for (size_t k = 1; k <= more; k++) {
      if ((p[i + k] & 0xC0) != 0x80) return false;
      c = c << 6 | (p[i + k] & 0x3F);
    }
    if (c < least[more] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) return false;
    i += more + 1;
  }
  return true;
}

static void knows_utf8_as_its_definition_does(void **state) {
  (void)state;
  static const unsigned char edges[] = {0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF,
                                        0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF};
  size_t m = sizeof edges;
  for (size_t i = 0; i < m * m * m * m; i++) {
    unsigned char p[4] = {edges[i % m], edges[i / m % m], edges[i / m / m % m], edges[i / m / m / m]};
    for (size_t n = 1; n <= 4; n++)
      assert_int_equal(kl_utf8_valid((const char *)p, n), is_utf8(p, n));
  }
}

static void finds_a_bad_byte_at_every_place_of_a_long_text(void **state) {
  (void)state;
  char p[100];
  for (size_t n = 1; n <= sizeof p; n++) {
    memset(p, 'a', sizeof p);
    assert_true(kl_utf8_valid(p, n));
    for (size_t at = 0; at < n; at++) {
      p[at] = (char)0x80;
      assert_false(kl_utf8_valid(p, n));
      p[at] = 'a';
    }
  }
}

static void writes_frames_with_lengths_in_shortest_form_and_masked(void **state) {
  (void)state;
  static const size_t sizes[] = {0, 1, 7, 8, 9, 125, 126, 65535, 65536, 70001};
  static const uint8_t mask[4] = {0x12, 0x34, 0x56, 0x78};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    size_t n = sizes[i], head = n < 126 ? 2 : n < 65536 ? 4 : 10;
    char *payload = malloc(n + 1);
    assert_non_null(payload);
    for (size_t k = 0; k < n; k++)
      payload[k] = (char)(k * 7);
    kl_buf out = {0};
    kl_buf_char(&out, '#');
    kl_ws_write_frame(&out, KL_WS_TEXT, payload, n, mask);
    const uint8_t *f = (const uint8_t *)out.data + 1;
    assert_int_equal(out.len, 1 + head + 4 + n);
    assert_int_equal(f[0], 0x81);
    assert_int_equal(f[1], 0x80 | (head == 2 ? n : head == 4 ? 126 : 127));
    uint64_t written = f[1] & 0x7F;
    if (head > 2) written = 0;
    for (size_t k = 2; k < head; k++)
      written = written << 8 | f[k];
    assert_int_equal(written, n);
    assert_memory_equal(f + head, mask, 4);
    for (size_t k = 0; k < n; k++)
      assert_int_equal(f[head + 4 + k] ^ mask[k & 3], (uint8_t)payload[k]);
    kl_buf_free(&out);
    free(payload);
  }
}

/* ---- the handshake; key and accept value are the example of RFC 6455, 1.3 ---- */

static const uint8_t key[16] = "the sample nonce";
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define GOOD                                                                                                           \
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " ACCEPT     \
  "\r\n"

static long read_answer(const char *answer, kl_error *e) {
  size_t n = strlen(answer);
  char *exact = malloc(n ? n : 1);
  assert_non_null(exact);
  memcpy(exact, answer, n);
  long rc = kl_ws_read_handshake(exact, n, key, NULL, NULL, e);
  free(exact);
  return rc;
}

static void writes_the_request_of_the_standard(void **state) {
  (void)state;
  static const char *const headers[] = {"X-A: 1", "X-B: two words", NULL};
  kl_buf out = {0};
  kl_ws_write_handshake(&out, "example.test:8080", "/ws?x=1", key, headers, NULL);
  assert_string_equal(out.data, "GET /ws?x=1 HTTP/1.1\r\nHost: example.test:8080\r\nUpgrade: websocket\r\n"
                                "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                "Sec-WebSocket-Version: 13\r\nX-A: 1\r\nX-B: two words\r\n\r\n");
  kl_buf_free(&out);
}

static void refuses_to_write_headers_that_would_break_the_request(void **state) {
  (void)state;
  static const char *const bad[] = {"X: a\r\nY: b", "no colon", ": x", "Host: x", "sec-websocket-key: x", "A b: c"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    const char *const headers[] = {bad[i], NULL};
    kl_buf out = {0};
    kl_ws_write_handshake(&out, "h", "/", key, headers, NULL);
    assert_true(out.failed);
    kl_buf_free(&out);
  }
}

static void accepts_the_answer_of_the_standard(void **state) {
  (void)state;
  kl_error e;
  kl_ws_answer a = {.date_ms = 1};
  const char *answer = GOOD "Date: Tue, 15 Nov 1994 08:12:31 GMT\r\n\r\n\x81\x01x";
  size_t head = strlen(answer) - 3;
  assert_int_equal(kl_ws_read_handshake(answer, strlen(answer), key, NULL, &a, &e), head);
  assert_int_equal(a.date_ms, 784887151000);
  assert_null(a.protocol);
  for (size_t n = 0; n < head; n++)
    assert_int_equal(kl_ws_read_handshake(answer, n, key, NULL, &a, &e), 0);
  assert_true(read_answer("HTTP/1.1 101\r\nUPGRADE: WebSocket\r\nconnection: keep-alive, upgrade\r\n"
                          "sec-websocket-accept:  " ACCEPT " \r\n\r\n",
                          &e) > 0);
  assert_true(read_answer("HTTP/1.1 100 Continue\r\n\r\n" GOOD "\r\n", &e) > 0);
}

static void refuses_answers_that_break_the_standard(void **state) {
  (void)state;
  static const char *const bad[] = {
      "HTTP/1.1 101 x\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n",
      "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n",
      "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
      "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\n",
      "HTTP/1.1 101 x\r\nUpgrade: websockets\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n",
      GOOD "Sec-WebSocket-Accept: " ACCEPT "\r\n\r\n",
      GOOD "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
      GOOD "Sec-WebSocket-Protocol: chat\r\n\r\n",
      GOOD "Bad Name: x\r\n\r\n",
      GOOD " folded: x\r\n\r\n",
      GOOD "no colon\r\n\r\n",
      "SSH-2.0-OpenSSH_9.2\r\n",
      "HTTP/1.1 20 x\r\n\r\n",
      "HTTP/2 200\r\n\r\n",
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    kl_error e = {0};
    assert_int_equal(read_answer(bad[i], &e), -1);
    assert_string_equal(e.kind, KL_ERR_PROTOCOL);
  }
}

static void refuses_a_head_of_more_than_16_kib(void **state) {
  (void)state;
  kl_buf b = {0};
  kl_error e;
  kl_buf_str(&b, GOOD);
  while (b.len < 20000)
    kl_buf_str(&b, "X-Filler: 0123456789\r\n");
  assert_int_equal(kl_ws_read_handshake(b.data, 16000, key, NULL, NULL, &e), 0);
  assert_int_equal(kl_ws_read_handshake(b.data, b.len, key, NULL, NULL, &e), -1);
  kl_buf_free(&b);
}

static void says_why_a_handshake_was_refused(void **state) {
  (void)state;
  static const struct {
    const char *answer, *kind, *code, *says;
    int status;
    bool retryable;
  } cases[] = {
      {"HTTP/1.1 401 Unauthorized\r\nContent-Length: 91\r\n\r\n"
       "{\"error\":{\"code\":\"authentication_error\",\"message\":\"no \\\"such\\\" key\",\"details\":\"NOT_FOUND\"}}",
       KL_ERR_HTTP, "authentication_error", "no \"such\" key, NOT_FOUND", 401, false},
      {"HTTP/1.1 403 Forbidden\r\n\r\n{\"msg\":\"scope\"}", KL_ERR_HTTP, "", ": scope;", 403, false},
      {"HTTP/1.1 429 Too Many Requests\r\n\r\n{\"error\":\"too many requests\"}", KL_ERR_HTTP, "",
       ": too many requests", 429, true},
      {"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html\r\n\r\n"
       "<html><body>\n<h1>503</h1>\nNo  server\n</body></html>",
       KL_ERR_HTTP, "", ": 503 No server", 503, true},
      {"HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n6;x=y\r\nhalf a\r\n5\r\n word\r\n0\r\n\r\n", KL_ERR_HTTP,
       "", ": half a word", 500, true},
      {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", KL_ERR_HTTP, "", "404 Not Found; check the path", 404,
       false},
      {"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n", KL_ERR_HTTP, "", "redirects are not followed", 302, false},
      {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"message\":\"cut o", KL_ERR_HTTP, "", ": cut o", 200, false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    kl_error e = {0};
    assert_int_equal(read_answer(cases[i].answer, &e), -1);
    assert_string_equal(e.kind, cases[i].kind);
    assert_string_equal(e.code, cases[i].code);
    assert_int_equal(e.status, cases[i].status);
    assert_int_equal(e.retryable, cases[i].retryable);
    if (!strstr(e.message, cases[i].says)) fail_msg("'%s' lacks '%s'", e.message, cases[i].says);
  }
}

static void shows_at_most_200_bytes_of_a_refusals_body(void **state) {
  (void)state;
  kl_buf b = {0};
  kl_error e;
  kl_buf_str(&b, "HTTP/1.1 500 X\r\n\r\n");
  for (int i = 0; i < 1000; i++)
    kl_buf_char(&b, 'z');
  assert_int_equal(kl_ws_read_handshake(b.data, b.len, key, NULL, NULL, &e), -1);
  size_t shown = 0;
  for (const char *p = e.message; *p; p++)
    shown += *p == 'z';
  assert_in_range(shown, 190, 200);
  kl_buf_free(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(delivers_messages_and_control_frames_split_anywhere),
      cmocka_unit_test(joins_fragments_with_control_frames_between),
      cmocka_unit_test(accepts_a_character_split_between_fragments),
      cmocka_unit_test(hands_over_a_large_message_and_gives_the_memory_back),
      cmocka_unit_test(hands_over_a_message_in_one_frame_in_place),
      cmocka_unit_test(keeps_the_rest_back_when_stopped),
      cmocka_unit_test(starts_anew_after_a_reset),
      cmocka_unit_test(discards_what_follows_a_close_frame),
      cmocka_unit_test(refuses_masked_frames),
      cmocka_unit_test(refuses_reserved_bits_and_opcodes),
      cmocka_unit_test(refuses_wrong_control_frames),
      cmocka_unit_test(refuses_wrong_sequences_of_fragments),
      cmocka_unit_test(refuses_lengths_that_are_not_minimal),
      cmocka_unit_test(refuses_messages_beyond_the_limit),
      cmocka_unit_test(refuses_text_that_is_not_utf8),
      cmocka_unit_test(offers_whole_text_before_it_checks_it),
      cmocka_unit_test(refuses_close_frames_with_wrong_codes),
      cmocka_unit_test(knows_utf8_as_its_definition_does),
      cmocka_unit_test(finds_a_bad_byte_at_every_place_of_a_long_text),
      cmocka_unit_test(writes_frames_with_lengths_in_shortest_form_and_masked),
      cmocka_unit_test(writes_the_request_of_the_standard),
      cmocka_unit_test(refuses_to_write_headers_that_would_break_the_request),
      cmocka_unit_test(accepts_the_answer_of_the_standard),
      cmocka_unit_test(refuses_answers_that_break_the_standard),
      cmocka_unit_test(refuses_a_head_of_more_than_16_kib),
      cmocka_unit_test(says_why_a_handshake_was_refused),
      cmocka_unit_test(shows_at_most_200_bytes_of_a_refusals_body),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
