/* The audit of books between a link and a REST that are both moved by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include "base/buf.h"
#include "base/decimal.h"
#include "base/log.h"
#include "kalshi/book_audit.h"
#include "ws_peer.h"

enum { EVERY_MS = 1, WINDOW_MS = 60, INTO_THE_WINDOW_MS = 20 };

static uv_loop_t loop;
static uv_timer_t alive;        /* the audit's own timer keeps no loop going */
static kl_clock_virtual vclock; /* stands still: what counts here is the order of things */
static kl_feed *feed;
static kl_feed_book *book;
static kl_book_audit *audit;
static int seq;

/* ---- REST, by hand ---- */

static struct {
  int asked, cancelled;
  bool refuse; /* no tokens */
  bool sign;
  char ticker[64];
  kl_call_cb answered; /* NULL: nothing is being asked */
  void *audit;
} rest;

static void *rest_ask(void *data, const char *ticker, bool sign, kl_call_cb answered, void *a) {
  assert_ptr_equal(data, &rest);
  assert_null(rest.answered);
  rest.asked++;
  if (rest.refuse) return NULL;
  snprintf(rest.ticker, sizeof rest.ticker, "%s", ticker);
  rest.sign = sign;
  rest.answered = answered;
  rest.audit = a;
  return &rest;
}

static void rest_cancel(void *asked) {
  assert_ptr_equal(asked, &rest);
  assert_non_null(rest.answered);
  rest.answered = NULL;
  rest.cancelled++;
}

static void rest_says(const char *body) {
  kl_call_cb answered = rest.answered;
  assert_non_null(answered);
  rest.answered = NULL;
  answered(rest.audit, &(kl_http_response){.status = 200, .body = body, .body_len = strlen(body)}, NULL);
}

static void rest_fails(int status) {
  kl_call_cb answered = rest.answered;
  kl_error e;
  kl_error_set(&e, KL_ERR_HTTP, "it did not work");
  e.status = status;
  assert_non_null(answered);
  rest.answered = NULL;
  answered(rest.audit, NULL, &e);
}

#define BOOK(yes, no) "{\"orderbook_fp\":{\"yes_dollars\":[" yes "],\"no_dollars\":[" no "]}}"
/* The book that every test begins with; NO levels are in NO prices in REST, in YES prices on the feed here. */
#define AS_IT_WAS BOOK("[\"0.3700\",\"4.00\"],[\"0.3800\",\"10.00\"]", "[\"0.6000\",\"5.00\"]")
#define ONE_MORE BOOK("[\"0.3700\",\"4.00\"],[\"0.3800\",\"11.00\"]", "[\"0.6000\",\"5.00\"]")
#define WRONG BOOK("[\"0.3700\",\"4.00\"],[\"0.3800\",\"12.00\"]", "[\"0.6000\",\"5.00\"]")

/* ---- time and the feed ---- */

static void turn(void) {
  uv_run(&loop, UV_RUN_NOWAIT);
  uv_run(&loop, UV_RUN_NOWAIT);
}

static void wait_for(const int *counter, int value) {
  for (int i = 0; i < 2000 && *counter < value; i++) {
    uv_run(&loop, UV_RUN_NOWAIT);
    uv_sleep(2);
  }
  assert_int_equal(*counter, value);
}

static kl_book_audit_stats stats(void) {
  kl_book_audit_stats s;
  kl_book_audit_stats_get(audit, &s);
  return s;
}

static void wait_for_stats(uint64_t audits, uint64_t differences, uint64_t without) {
  for (int i = 0; i < 2000; i++) {
    kl_book_audit_stats s = stats();
    if (s.audits >= audits && s.undecided >= without) break;
    uv_run(&loop, UV_RUN_NOWAIT);
    uv_sleep(2);
  }
  kl_book_audit_stats s = stats();
  assert_int_equal(s.audits, audits);
  assert_int_equal(s.differences, differences);
  assert_int_equal(s.undecided, without);
}

static void note_time(uv_timer_t *t) { *(int *)t->data = 1; }

/* To be called before the audit begins or just when it asked: timers run in their order, however late they are, so this
 * one comes after the beginning of the window and before its end. */
static void into_the_window(void) {
  int over = 0;
  uv_timer_t timer;
  uv_timer_init(&loop, &timer);
  timer.data = &over;
  uv_timer_start(&timer, note_time, INTO_THE_WINDOW_MS, 0);
  while (!over)
    uv_run(&loop, UV_RUN_ONCE);
  uv_close((uv_handle_t *)&timer, NULL);
  uv_run(&loop, UV_RUN_NOWAIT);
}

static void burst_ends(void) { peer.ws->o.burst_end(peer.ws->o.data); }

static void delta(const char *price, const char *by, const char *side) {
  say_delta(1, ++seq, "A", price, by, side);
  burst_ends();
}

typedef struct listen_log {
  kl_feed_listener l;
  char text[128], detail[256];
} listen_log;
static listen_log heard;

static void on_status(void *data, const char *what, const char *detail) {
  listen_log *log = data;
  size_t n = strlen(log->text);
  snprintf(log->text + n, sizeof log->text - n, "%s ", what);
  snprintf(log->detail, sizeof log->detail, "%s", detail);
}

static kl_book_audit_options options;

static void never(uv_timer_t *t) { (void)t; }

static int setup(void **state) {
  (void)state;
  memset(&peer, 0, sizeof peer);
  memset(&rest, 0, sizeof rest);
  kl_log_set_level(KL_LOG_ERROR);
  uv_loop_init(&loop);
  uv_timer_init(&loop, &alive);
  uv_timer_start(&alive, never, 3600000, 0);
  kl_clock_virtual_init(&vclock, 1789482600000000);
  kl_clock_virtual_advance(&vclock, 1000000);
  kl_error e;
  const kl_feed_options o = {.can_connect = true, .ws_url = "wss://exchange.test/ws", .clock = &vclock.clock};
  feed = kl_feed_new(&loop, &o, &e);
  assert_non_null(feed);
  heard = (listen_log){.l = {.data = &heard, .status = on_status}};
  kl_feed_listen(feed, &heard.l);
  options = (kl_book_audit_options){.feed = feed,
                                    .clock = &vclock.clock,
                                    .every_ms = EVERY_MS,
                                    .window_ms = WINDOW_MS,
                                    .data = &rest,
                                    .ask = rest_ask,
                                    .cancel = rest_cancel};
  return 0;
}

/* An audit and a feed with one book that is current, long after its connection came. */
static void start(void) {
  kl_error e;
  audit = kl_book_audit_new(&loop, &options);
  assert_non_null(audit);
  book = kl_feed_book_open(feed, "A", &e);
  assert_non_null(book);
  turn();
  peer.ws->o.open(peer.ws->o.data, 0);
  kl_clock_virtual_advance(&vclock, 5000000);
  uv_run(&loop, UV_RUN_NOWAIT);
  answer_subscribe("orderbook_delta", 1);
  seq = 1;
  say_snapshot(1, seq, "A", "[\"0.3700\",\"4.00\"],[\"0.3800\",\"10.00\"]", "[\"0.4000\",\"5.00\"]");
  burst_ends();
  assert_false(book->stale);
  forget_sent();
}

static void note_closed(void *data) { *(bool *)data = true; }

static void stop_audit(void) {
  bool closed = false;
  kl_book_audit_close(audit, note_closed, &closed);
  audit = NULL;
  while (!closed)
    uv_run(&loop, UV_RUN_ONCE);
}

static int teardown(void **state) {
  (void)state;
  bool closed = false;
  uv_close((uv_handle_t *)&alive, NULL);
  if (audit) stop_audit();
  kl_feed_unlisten(&heard.l);
  if (book) kl_feed_book_release(feed, book);
  book = NULL;
  kl_feed_close(feed, note_closed, &closed);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_true(closed);
  forget_sent();
  return uv_loop_close(&loop);
}

/* Closes the audit too, so that its next round does not come in between. */
static void expect_stats(uint64_t audits, uint64_t differences, uint64_t without) {
  wait_for_stats(audits, differences, without);
  stop_audit();
}

/* ---- the answer and the window ---- */

static void a_quiet_book_agrees(void **state) {
  (void)state;
  start();
  wait_for(&rest.asked, 1);
  assert_string_equal(rest.ticker, "A");
  assert_false(rest.sign);
  rest_says(AS_IT_WAS);
  expect_stats(1, 0, 0);
  assert_false(book->stale);
}

static void an_answer_that_is_older_than_the_question_agrees(void **state) {
  (void)state;
  start();
  into_the_window();
  delta("0.3800", "1.00", "yes");
  delta("0.4000", "7.00", "no");
  delta("0.3900", "2.00", "no");
  wait_for(&rest.asked, 1);
  rest_says(ONE_MORE);
  expect_stats(1, 0, 0);
}

static void what_the_book_was_before_the_window_does_not_agree(void **state) {
  (void)state;
  start();
  delta("0.3800", "1.00", "yes"); /* the audit has not begun */
  wait_for(&rest.asked, 1);
  rest_says(AS_IT_WAS);
  wait_for(&rest.asked, 2);
  rest_says(ONE_MORE);
  expect_stats(1, 0, 0);
}

static void an_answer_that_the_stream_has_not_shown_yet_agrees_once_it_does(void **state) {
  (void)state;
  start();
  wait_for(&rest.asked, 1);
  rest_says(ONE_MORE);
  assert_int_equal(stats().audits, 0);
  delta("0.4000", "7.00", "no"); /* nearer is not equal */
  assert_int_equal(stats().audits, 0);
  delta("0.4000", "-7.00", "no");
  delta("0.3800", "1.00", "yes");
  assert_int_equal(stats().audits, 1);
  expect_stats(1, 0, 0);
}

static void a_state_that_passed_within_a_burst_agrees(void **state) {
  (void)state;
  start();
  wait_for(&rest.asked, 1);
  rest_says(ONE_MORE);
  say_delta(1, 2, "A", "0.3800", "1.00", "yes");
  say_delta(1, 3, "A", "0.3800", "6.00", "yes");
  burst_ends();
  assert_int_equal(stats().audits, 1);
  expect_stats(1, 0, 0);
}

static void what_a_snapshot_passes_through_is_no_state(void **state) {
  (void)state;
  start();
  into_the_window();
  /* To the feed's watchers it comes as two deltas; the book never was what it is between them. */
  say_snapshot(1, 2, "A", "[\"0.3700\",\"5.00\"],[\"0.3800\",\"11.00\"]", "[\"0.4000\",\"5.00\"]");
  burst_ends();
  wait_for(&rest.asked, 1);
  rest_says(ONE_MORE);
  wait_for(&rest.asked, 2);
  rest_says(BOOK("[\"0.3700\",\"5.00\"],[\"0.3800\",\"11.00\"]", "[\"0.6000\",\"5.00\"]"));
  expect_stats(1, 0, 0);
}

static void levels_that_come_and_go_are_compared_too(void **state) {
  (void)state;
  start();
  into_the_window();
  delta("0.3800", "-10.00", "yes");
  delta("0.4000", "-5.00", "no");
  delta("0.3700", "-4.00", "yes");
  wait_for(&rest.asked, 1);
  rest_says("{\"orderbook_fp\":{\"yes_dollars\":null},\"more\":1}"); /* empty, as some write it */
  wait_for_stats(1, 0, 0);
  wait_for(&rest.asked, 2);
  rest_says(BOOK("", ""));
  expect_stats(2, 0, 0);
}

static uint32_t below(uint32_t n) {
  static uint64_t x = 88172645463325252;
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  return (uint32_t)((x >> 32) * n >> 32);
}

/* The book as a REST answer; `off` is added to one level. */
static void write_answer(kl_buf *out, kl_count off) {
  static const char *const names[] = {"yes_dollars", "no_dollars"};
  kl_buf_clear(out);
  kl_buf_str(out, "{\"orderbook_fp\":{");
  for (int side = 0; side < 2; side++) {
    kl_price p;
    kl_count c;
    kl_buf_printf(out, "%s\"%s\":[", side ? "," : "", names[side]);
    for (size_t i = kl_book_levels(book->book, (kl_outcome)side); i-- > 0;) {
      kl_book_bid_at(book->book, (kl_outcome)side, i, &p, &c);
      kl_buf_char(out, '[');
      kl_buf_json_decimal(out, p, KL_PRICE_PLACES);
      kl_buf_char(out, ',');
      kl_buf_json_decimal(out, c + (i == 0 && side == KL_YES ? off : 0), KL_COUNT_PLACES);
      kl_buf_str(out, i ? "]," : "]");
    }
    kl_buf_char(out, ']');
  }
  kl_buf_str(out, "}}");
  assert_false(out->failed);
}

static void any_state_of_a_busy_book_agrees_and_no_other_does(void **state) {
  (void)state;
  start();
  kl_buf right = {0}, off = {0};
  uint64_t agreed = 0, differed = 0;
  for (int round = 0; round < 12; round++) {
    bool wrong = round % 4 == 3;
    int asked = rest.asked;
    into_the_window();
    assert_int_equal(rest.asked, asked);
    uint32_t keep = below(300);
    for (uint32_t i = 0; i < 300; i++) {
      char price[16], by[16];
      kl_outcome side = below(2) ? KL_NO : KL_YES;
      kl_price own = 3000 + (kl_price)below(40) * 10;
      kl_count have = kl_book_count_at(book->book, side, own);
      kl_decimal_format(price, sizeof price, side == KL_NO ? KL_PRICE_ONE - own : own, KL_PRICE_PLACES);
      kl_decimal_format(by, sizeof by, have && below(2) ? -have : 1 + (kl_count)below(1000000), KL_COUNT_PLACES);
      say_delta(1, ++seq, "A", price, by, side == KL_NO ? "no" : "yes");
      if (i == keep) {
        write_answer(&right, 0);
        write_answer(&off, 12345678901);
      }
      if (below(3)) burst_ends();
    }
    burst_ends();
    wait_for(&rest.asked, asked + 1);
    if (wrong) {
      rest_says(off.data);
      wait_for(&rest.asked, asked + 2);
      rest_says(off.data);
      differed++;
    } else {
      rest_says(right.data);
    }
    wait_for_stats(++agreed, differed, 0);
    if (!wrong) continue;
    assert_true(book->stale);
    write_answer(&right, 0);
    say_snapshot(1, ++seq, "A", "[\"0.3700\",\"4.00\"],[\"0.3800\",\"10.00\"]", "[\"0.4000\",\"5.00\"]");
    burst_ends();
    assert_false(book->stale);
    forget_sent();
  }
  kl_buf_free(&right);
  kl_buf_free(&off);
  stop_audit();
}

/* ---- a book that is wrong ---- */

static void a_difference_is_asked_for_twice_counted_told_and_repaired(void **state) {
  (void)state;
  start();
  wait_for(&rest.asked, 1);
  rest_says(WRONG);
  wait_for(&rest.asked, 2);
  assert_int_equal(stats().differences, 0);
  assert_false(book->stale);
  rest_says(WRONG);
  wait_for_stats(1, 1, 0);
  assert_true(book->stale);
  assert_string_equal(heard.text, "connected audit ");
  assert_string_equal(heard.detail, "A is not as REST says: YES bids at 0.3800 are 10.00 here and 12.00 there, and 0 "
                                    "other levels differ");
  turn();
  assert_int_equal(peer.n_sent, 1);
  sent_id(0, "\"action\":\"get_snapshot\",\"market_tickers\":[\"A\"]");
  say_snapshot(1, 2, "A", "[\"0.3700\",\"4.00\"],[\"0.3800\",\"12.00\"]", "[\"0.4000\",\"5.00\"]");
  burst_ends();
  assert_false(book->stale);
  assert_string_equal(heard.text, "connected audit resync ");
  wait_for(&rest.asked, 3);
  rest_says(WRONG); /* which it is no more */
  expect_stats(2, 1, 0);
}

static void the_level_that_is_told_is_of_the_nearest_state(void **state) {
  (void)state;
  start();
  into_the_window();
  delta("0.3900", "2.00", "no"); /* in this state only 0.6100 of NO is another */
  delta("0.3800", "1.00", "yes");
  delta("0.4000", "-5.00", "no");
  wait_for(&rest.asked, 1);
#define NEAR BOOK("[\"0.3700\",\"4.00\"],[\"0.3800\",\"10.00\"]", "[\"0.6000\",\"5.00\"],[\"0.6100\",\"3.50\"]")
  rest_says(NEAR);
  wait_for(&rest.asked, 2);
  rest_says(NEAR);
  wait_for_stats(1, 1, 0);
  assert_string_equal(heard.detail,
                      "A is not as REST says: NO bids at 0.6100 are 2.00 here and 3.50 there, and 0 other "
                      "levels differ");
}

static void a_difference_that_the_second_answer_does_not_have_is_none(void **state) {
  (void)state;
  start();
  wait_for(&rest.asked, 1);
  rest_says(WRONG);
  wait_for(&rest.asked, 2);
  rest_says(AS_IT_WAS);
  expect_stats(1, 0, 0);
  assert_false(book->stale);
  assert_string_equal(heard.text, "connected ");
}

/* ---- no verdict ---- */

typedef enum { BEFORE_ASKING, WHILE_ASKING, AFTER_THE_ANSWER, MOMENTS } moment;

static void go_to(moment m) {
  if (m == BEFORE_ASKING) {
    into_the_window();
    assert_int_equal(rest.asked, 0);
    return;
  }
  wait_for(&rest.asked, 1);
  if (m == AFTER_THE_ANSWER) rest_says(WRONG);
}

static void a_gap_makes_stale(void) {
  seq += 2;
  delta("0.3800", "1.00", "yes");
  assert_true(book->stale);
}

static void becomes_stale_at(moment m) {
  start();
  go_to(m);
  a_gap_makes_stale();
  expect_stats(0, 0, 1);
  assert_int_equal(rest.cancelled, m == WHILE_ASKING);
}
static void stale_before_asking(void **state) {
  (void)state;
  becomes_stale_at(BEFORE_ASKING);
}
static void stale_while_asking(void **state) {
  (void)state;
  becomes_stale_at(WHILE_ASKING);
}
static void stale_after_the_answer(void **state) {
  (void)state;
  becomes_stale_at(AFTER_THE_ANSWER);
}

static void closes_at(moment m) {
  start();
  go_to(m);
  kl_feed_book_release(feed, book);
  book = NULL;
  turn();
  if (m == WHILE_ASKING) rest_says(AS_IT_WAS);
  expect_stats(0, 0, 1);
}
static void closed_before_asking(void **state) {
  (void)state;
  closes_at(BEFORE_ASKING);
}
static void closed_while_asking(void **state) {
  (void)state;
  closes_at(WHILE_ASKING);
}
static void closed_after_the_answer(void **state) {
  (void)state;
  closes_at(AFTER_THE_ANSWER);
}

static void a_lost_connection_gives_no_verdict(void **state) {
  (void)state;
  start();
  wait_for(&rest.asked, 1);
  link_breaks(0);
  expect_stats(0, 0, 1);
}

static void a_book_that_changes_too_often_gives_no_verdict(void **state) {
  (void)state;
  options.changes_max = 300;
  start();
  into_the_window();
  for (int i = 0; i < 301; i++)
    delta("0.3800", "1.00", "yes");
  expect_stats(0, 0, 1);
  assert_int_equal(rest.asked, 0);
}

static void no_tokens_no_question(void **state) {
  (void)state;
  rest.refuse = true;
  start();
  wait_for_stats(0, 0, 1);
  rest.refuse = false;
  wait_for(&rest.asked, 2);
  rest_says(AS_IT_WAS);
  expect_stats(1, 0, 1);
}

static void an_unsigned_question_that_is_refused_is_signed(void **state) {
  (void)state;
  start();
  wait_for(&rest.asked, 1);
  assert_false(rest.sign);
  rest_fails(401);
  assert_int_equal(rest.asked, 2);
  assert_true(rest.sign);
  rest_says(AS_IT_WAS);
  wait_for_stats(1, 0, 0);
  wait_for(&rest.asked, 3);
  assert_true(rest.sign);
  rest_fails(403);
  expect_stats(1, 0, 1);
}

static void a_rest_that_fails_gives_no_verdict(void **state) {
  (void)state;
  static const int codes[] = {404, 500, 0};
  start();
  for (int i = 0; i < 3; i++) {
    wait_for(&rest.asked, i + 1);
    rest_fails(codes[i]);
    wait_for_stats(0, 0, (uint64_t)i + 1);
  }
  wait_for(&rest.asked, 4);
  rest_says(AS_IT_WAS);
  expect_stats(1, 0, 3);
}

static void an_answer_that_is_no_book_gives_no_verdict(void **state) {
  (void)state;
  static const char *const bodies[] = {
      "",
      "<html>",
      "[]",
      "{}",
      "{\"orderbook_fp\":[]}",
      "{\"orderbook_fp\":{\"yes_dollars\":{}}}",
      BOOK("3", ""),
      BOOK("[\"0.3700\"]", ""),
      BOOK("[\"0.3700\",4]", ""),
      BOOK("[\"0.37001\",\"4.00\"]", ""),
      BOOK("[\"0.3700\",\"4.001\"]", ""),
      BOOK("[\"0.0000\",\"4.00\"]", ""),
      BOOK("", "[\"1.0000\",\"4.00\"]"),
      BOOK("", "[\"0.5000\",\"-4.00\"]"),
      BOOK("[\"0.3700\",\"4.00\"],[\"0.3700\",\"4.00\"]", ""),
  };
  start();
  for (int i = 0; i < (int)(sizeof bodies / sizeof *bodies); i++) {
    wait_for(&rest.asked, i + 1);
    rest_says(bodies[i]);
    wait_for_stats(0, 0, (uint64_t)i + 1);
  }
  assert_false(book->stale);
}

/* ---- when it is asked ---- */

static void nothing_is_asked_without_a_current_book(void **state) {
  (void)state;
  kl_error e;
  audit = kl_book_audit_new(&loop, &options);
  assert_non_null(audit);
  book = kl_feed_book_open(feed, "A", &e);
  turn();
  peer.ws->o.open(peer.ws->o.data, 0);
  kl_clock_virtual_advance(&vclock, 2000000);
  into_the_window();
  into_the_window();
  into_the_window();
  into_the_window();
  assert_int_equal(rest.asked, 0);
  expect_stats(0, 0, 0);
}

static void nothing_is_asked_within_a_second_of_a_connection(void **state) {
  (void)state;
  start();
  kl_clock_virtual_advance(&vclock, -4500000); /* half a second after the connection came */
  into_the_window();
  into_the_window();
  into_the_window();
  into_the_window();
  assert_int_equal(rest.asked, 0);
}

static void closing_takes_the_question_back(void **state) {
  (void)state;
  start();
  wait_for(&rest.asked, 1);
  stop_audit();
  assert_int_equal(rest.cancelled, 1);
  delta("0.3800", "1.00", "yes");
}

static void books_are_chosen_by_chance(void **state) {
  (void)state;
  kl_error e;
  start();
  assert_ptr_equal(kl_feed_book_sample(feed, 12345), book);
  kl_feed_book *other = kl_feed_book_open(feed, "B", &e), *third = kl_feed_book_open(feed, "C", &e);
  turn();
  say("{\"type\":\"ok\",\"id\":%lld,\"sid\":1,\"seq\":2}", sent_id(0, "add_markets"));
  say_snapshot(1, 3, "B", "", "");
  burst_ends();
  int hits[3] = {0, 0, 0};
  for (uint64_t i = 0; i < 10; i++) {
    kl_feed_book *b = kl_feed_book_sample(feed, i);
    assert_non_null(b);
    hits[b == book ? 0 : b == other ? 1 : 2]++;
  }
  assert_int_equal(hits[0], 5);
  assert_int_equal(hits[1], 5);
  assert_int_equal(hits[2], 0); /* has had no snapshot */
  stop_audit();
  kl_feed_book_release(feed, other);
  kl_feed_book_release(feed, third);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
  const struct CMUnitTest tests[] = {
      T(a_quiet_book_agrees),
      T(an_answer_that_is_older_than_the_question_agrees),
      T(what_the_book_was_before_the_window_does_not_agree),
      T(an_answer_that_the_stream_has_not_shown_yet_agrees_once_it_does),
      T(a_state_that_passed_within_a_burst_agrees),
      T(what_a_snapshot_passes_through_is_no_state),
      T(levels_that_come_and_go_are_compared_too),
      T(any_state_of_a_busy_book_agrees_and_no_other_does),
      T(a_difference_is_asked_for_twice_counted_told_and_repaired),
      T(the_level_that_is_told_is_of_the_nearest_state),
      T(a_difference_that_the_second_answer_does_not_have_is_none),
      T(stale_before_asking),
      T(stale_while_asking),
      T(stale_after_the_answer),
      T(closed_before_asking),
      T(closed_while_asking),
      T(closed_after_the_answer),
      T(a_lost_connection_gives_no_verdict),
      T(a_book_that_changes_too_often_gives_no_verdict),
      T(no_tokens_no_question),
      T(an_unsigned_question_that_is_refused_is_signed),
      T(a_rest_that_fails_gives_no_verdict),
      T(an_answer_that_is_no_book_gives_no_verdict),
      T(nothing_is_asked_without_a_current_book),
      T(nothing_is_asked_within_a_second_of_a_connection),
      T(closing_takes_the_question_back),
      T(books_are_chosen_by_chance),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
