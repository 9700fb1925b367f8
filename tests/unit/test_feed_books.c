/* Books of the feed against a link made by hand: deltas, gaps, snapshots that are late, behind or never come. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include "allocations.h"
#include "feed_world.h"
#include "kalshi/feed.h"

static void deltas_are_applied_in_prices_of_their_side(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *b = current_book();
  watch w;
  start_watch(&w, b, true);
  say_delta(1, 2, "A", "0.3900", "2.50", "no"); /* a NO bid at 0.61 is an offer of YES at 0.39 */
  assert_int_equal(w.last_price, 6100);
  assert_int_equal(w.last_side, KL_NO);
  assert_best(b, 3800, 1000, 3900, 250);
  say_delta(1, 3, "A", "0.3800", "-10.00", "yes");
  assert_best(b, 0, 0, 3900, 250);
  assert_int_equal(b->seq, 3);
  assert_int_equal(b->ts_ms, 1789482601250);
  kl_feed_unwatch(&w.w);
  kl_feed_book_release(feed, b);
}

static void no_levels_in_no_prices_are_understood_too(void **state) {
  (void)state;
  start_feed(&(kl_feed_options){.can_connect = true, .no_levels_in_no_prices = true});
  kl_feed_book *b = open_book("A");
  link_opens();
  sent_id(0, "\"use_yes_price\":false");
  answer_subscribe("orderbook_delta", 1);
  say_snapshot(1, 1, "A", "[\"0.3800\",\"10.00\"]", "[\"0.6000\",\"5.00\"]");
  say_delta(1, 2, "A", "0.6100", "2.50", "no");
  burst_ends();
  assert_best(b, 3800, 1000, 3900, 250);
  kl_feed_book_release(feed, b);
}

static void a_burst_wakes_a_watcher_once(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *b = current_book();
  watch w;
  start_watch(&w, b, true);
  uint64_t before = b->changes;
  for (int i = 0; i < 50; i++)
    say_delta(1, 2 + i, "A", "0.3800", "1.00", "yes");
  assert_int_equal(w.changes, 0);
  assert_int_equal(w.deltas, 50);
  burst_ends();
  assert_int_equal(w.changes, 1);
  assert_int_equal(b->changes - before, 50);
  burst_ends();
  assert_int_equal(w.changes, 1);
  kl_feed_unwatch(&w.w);
  kl_feed_book_release(feed, b);
}

static void deltas_allocate_nothing_once_warm(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *b = current_book();
  sub_log l;
  subscribe(&l, book_channel, only_a, false);
  turn();
  watch w;
  start_watch(&w, b, true);
  for (int i = 0; i < 100; i++)
    say_delta(1, 2 + i, "A", "0.3800", i % 2 ? "-1.00" : "1.00", i % 4 > 1 ? "no" : "yes");
  burst_ends();
  uint64_t before = allocations;
  for (int i = 0; i < 1000; i++) {
    say_delta(1, 102 + i, "A", "0.3800", i % 2 ? "-1.00" : "1.00", i % 4 > 1 ? "no" : "yes");
    if (i % 10 == 9) peer.ws->o.burst_end(peer.ws->o.data);
  }
  assert_int_equal(allocations - before, 0);
  assert_int_equal(w.deltas, 1100);
  assert_int_equal(l.messages, 1100);
  kl_feed_unwatch(&w.w);
  kl_feed_sub_close(l.sub);
  kl_feed_book_release(feed, b);
}

typedef struct listen_log {
  kl_feed_listener l;
  char text[512];
} listen_log;

static void on_status(void *data, const char *what, const char *detail) {
  listen_log *log = data;
  (void)detail;
  size_t n = strlen(log->text);
  snprintf(log->text + n, sizeof log->text - n, "%s ", what);
}

static void a_reconnect_is_told_to_its_end(void **state) {
  (void)state;
  start_feed(NULL);
  listen_log log = {.l = {.data = &log, .status = on_status}};
  kl_feed_book *b = current_book();
  kl_feed_listen(feed, &log.l);
  link_breaks(0);
  wait_for(&peer.signs, 2);
  link_opens();
  answer_subscribe("orderbook_delta", 9);
  say_snapshot(9, 1, "A", "", "");
  burst_ends();
  assert_string_equal(log.text, "disconnected connected resync ");
  kl_feed_unlisten(&log.l);
  kl_feed_book_release(feed, b);
}

static void a_gap_makes_every_book_of_the_subscription_stale(void **state) {
  (void)state;
  start_feed(NULL);
  listen_log log = {.l = {.data = &log, .status = on_status}};
  kl_feed_listen(feed, &log.l);
  kl_feed_book *a = current_book();
  kl_feed_book *b = open_book("B");
  turn();
  say("{\"type\":\"ok\",\"id\":%lld,\"sid\":1,\"seq\":2}", sent_id(0, "add_markets"));
  say_snapshot(1, 3, "B", "[\"0.1000\",\"1.00\"]", "");
  burst_ends();
  forget_sent();
  watch w;
  start_watch(&w, b, false);
  say_delta(1, 5, "A", "0.3800", "3.00", "yes"); /* 4 is missing */
  burst_ends();
  assert_true(a->stale);
  assert_true(b->stale);
  assert_int_equal(w.changes, 1);
  assert_best(a, 3800, 1000, 4000, 500); /* the delta after the gap is not applied */
  assert_int_equal(status().gaps, 1);
  assert_int_equal(peer.n_sent, 1);
  long long id = sent_id(0, "\"action\":\"get_snapshot\",\"market_tickers\":[\"A\",\"B\"]");
  say("{\"type\":\"orderbook_snapshot\",\"id\":%lld,\"sid\":1,\"seq\":6,\"msg\":{\"market_ticker\":\"A\",\"market_id\":"
      "\"30ebe0c2-d075-4992-9896-9ab2e8d35072\",\"yes_dollars_fp\":[[\"0.3800\",\"14.00\"]]}}",
      id);
  assert_false(a->stale);
  assert_true(b->stale);
  say_delta(1, 7, "B", "0.1000", "5.00", "yes"); /* still waits */
  say_delta(1, 8, "A", "0.3800", "1.00", "yes");
  say_snapshot(1, 9, "B", "[\"0.1000\",\"6.00\"]", "");
  burst_ends();
  assert_best(a, 3800, 1500, 0, 0);
  assert_best(b, 1000, 600, 0, 0);
  assert_int_equal(status().stale_books, 0);
  assert_string_equal(log.text, "connected gap resync ");
  kl_feed_unlisten(&log.l);
  kl_feed_unwatch(&w.w);
  kl_feed_book_release(feed, a);
  kl_feed_book_release(feed, b);
}

static void a_gap_on_trades_is_told_and_the_message_delivered(void **state) {
  (void)state;
  start_feed(NULL);
  sub_log l;
  subscribe(&l, trade_channel, NULL, false);
  link_opens();
  answer_subscribe("trade", 2);
  say_trade(2, 1, "A");
  say_trade(2, 4, "A");
  assert_int_equal(l.messages, 2);
  assert_int_equal(status().gaps, 1);
  kl_feed_sub_close(l.sub);
}

static void a_repeated_message_is_dropped(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *b = current_book();
  say_delta(1, 2, "A", "0.3800", "1.00", "yes");
  say_delta(1, 2, "A", "0.3800", "1.00", "yes");
  say_delta(1, 1, "A", "0.3800", "1.00", "yes");
  say_delta(1, 3, "A", "0.3800", "1.00", "yes");
  burst_ends();
  assert_best(b, 3800, 1200, 4000, 500);
  assert_int_equal(status().duplicates, 2);
  assert_int_equal(status().gaps, 0);
  assert_false(b->stale);
  kl_feed_book_release(feed, b);
}

static void numbers_that_begin_anew_make_the_books_stale(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *b = current_book();
  for (int i = 2; i < 10; i++)
    say_delta(1, i, "A", "0.3800", "1.00", "yes");
  say_delta(1, 1, "A", "0.3800", "1.00", "yes");
  say_delta(1, 2, "A", "0.3800", "1.00", "yes");
  burst_ends();
  assert_true(b->stale);
  assert_int_equal(status().gaps, 1);
  sent_id(0, "get_snapshot");
  say_snapshot(1, 3, "A", "[\"0.3800\",\"1.00\"]", "");
  burst_ends();
  assert_false(b->stale);
  kl_feed_book_release(feed, b);
}

static void a_number_far_off_does_not_keep_the_books_stale(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *b = current_book();
  say("{\"type\":\"orderbook_delta\",\"sid\":1,\"seq\":%lld,\"msg\":{\"market_ticker\":\"A\",\"market_id\":"
      "\"30ebe0c2-d075-4992-9896-9ab2e8d35072\",\"price_dollars\":\"0.3800\",\"delta_fp\":\"1.00\",\"side\":\"yes\"}}",
      LLONG_MAX);
  burst_ends();
  assert_true(b->stale);
  say_snapshot(1, 2, "A", "[\"0.3800\",\"1.00\"]", ""); /* a repeat, as far as can be told */
  burst_ends();
  assert_true(b->stale);
  say_snapshot(1, 3, "A", "[\"0.3800\",\"1.00\"]", "");
  burst_ends();
  assert_false(b->stale);
  kl_feed_book_release(feed, b);
}

static void a_delta_that_does_not_fit_asks_for_a_snapshot(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *a = current_book();
  say_delta(1, 2, "A", "0.3800", "-10.01", "yes");
  burst_ends();
  assert_true(a->stale);
  assert_int_equal(status().desyncs, 1);
  assert_int_equal(peer.n_sent, 1);
  sent_id(0, "get_snapshot");
  say_snapshot(1, 3, "A", "[\"0.3800\",\"1.00\"]", "");
  burst_ends();
  assert_false(a->stale);
  /* The same again at once: asked for after a pause, not at every round trip. */
  say_delta(1, 4, "A", "0.3800", "-10.01", "yes");
  burst_ends();
  assert_true(a->stale);
  assert_int_equal(peer.n_sent, 1);
  kl_clock_virtual_advance(&vclock, 5100000);
  wait_for(&peer.n_sent, 2);
  sent_id(1, "get_snapshot");
  kl_feed_book_release(feed, a);
}

static void a_message_that_cannot_be_read_leads_to_a_snapshot(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *a = current_book();
  say_raw("this is no JSON");
  burst_ends();
  assert_true(a->stale);
  assert_int_equal(status().malformed, 1);
  sent_id(0, "get_snapshot");
  say_snapshot(1, 3, "A", "[\"0.3800\",\"1.00\"]", ""); /* the number that was lost is no second gap */
  burst_ends();
  assert_false(a->stale);
  assert_int_equal(status().gaps, 0);
  forget_sent();
  say_raw("{\"type\":\"trade\",\"sid\":77,\"msg\":{}}"); /* of another subscription */
  burst_ends();
  assert_false(a->stale);
  assert_int_equal(peer.n_sent, 0);
  kl_feed_book_release(feed, a);
}

static void a_snapshot_that_is_behind_is_completed_by_what_came_before_it(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *b = current_book();
  watch w;
  start_watch(&w, b, true);
  say_delta(1, 3, "A", "0.3800", "1.00", "yes"); /* 2 is missing */
  burst_ends();
  assert_true(b->stale);
  long long id = sent_id(0, "get_snapshot");
  say_delta(1, 4, "A", "0.3800", "2.00", "yes");
  say_delta(1, 5, "B", "0.3800", "2.00", "yes");
  say_delta(1, 6, "A", "0.3900", "4.00", "yes");
  assert_int_equal(w.deltas, 0);
  /* The state as of 4: has the first two and not the third. */
  say("{\"type\":\"orderbook_snapshot\",\"id\":%lld,\"sid\":1,\"seq\":4,\"msg\":{\"market_ticker\":\"A\",\"market_id\":"
      "\"30ebe0c2-d075-4992-9896-9ab2e8d35072\",\"yes_dollars_fp\":[[\"0.3800\",\"20.00\"]],"
      "\"no_dollars_fp\":[[\"0.4000\",\"5.00\"]]}}",
      id);
  burst_ends();
  assert_false(b->stale);
  assert_best(b, 3900, 400, 4000, 500);
  assert_int_equal(b->seq, 6);
  assert_int_equal(w.deltas, 2); /* the snapshot's difference, and the third */
  assert_int_equal(w.sum, 1000 + 400);
  say_delta(1, 7, "A", "0.3900", "1.00", "yes");
  burst_ends();
  assert_best(b, 3900, 500, 4000, 500);
  assert_int_equal(status().gaps, 1);
  kl_feed_unwatch(&w.w);
  kl_feed_book_release(feed, b);
}

static void a_snapshot_from_before_the_gap_is_of_no_use(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *b = current_book();
  say_delta(1, 5, "A", "0.3800", "1.00", "yes");
  burst_ends();
  long long id = sent_id(0, "get_snapshot");
  say("{\"type\":\"orderbook_snapshot\",\"id\":%lld,\"sid\":1,\"seq\":3,\"msg\":{\"market_ticker\":\"A\",\"market_id\":"
      "\"30ebe0c2-d075-4992-9896-9ab2e8d35072\",\"yes_dollars_fp\":[[\"0.1000\",\"20.00\"]]}}",
      id);
  burst_ends();
  assert_true(b->stale);
  assert_best(b, 3800, 1000, 4000, 500); /* as it was */
  kl_clock_virtual_advance(&vclock, 5100000);
  wait_for(&peer.n_sent, 2); /* asked again */
  sent_id(1, "get_snapshot");
  kl_feed_book_release(feed, b);
}

static void strangers_are_ignored(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *a = current_book();
  say_delta(1, 2, "UNKNOWN", "0.3800", "1.00", "yes");
  say_delta(44, 1, "A", "0.3800", "1.00", "yes");
  say("{\"type\":\"something_new\",\"sid\":1,\"seq\":3,\"msg\":{\"market_ticker\":\"A\"}}");
  say("{\"type\":\"ok\",\"id\":999,\"msg\":[]}");
  say_delta(1, 4, "A", "0.3800", "1.00", "yes");
  burst_ends();
  assert_best(a, 3800, 1100, 4000, 500);
  assert_false(a->stale);
  assert_int_equal(status().gaps, 0);
  kl_feed_book_release(feed, a);
}

static void a_market_that_gets_no_snapshot_does_not_exist(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *a = current_book();
  kl_feed_book *b = open_book("NOSUCH");
  watch w;
  start_watch(&w, b, false);
  turn();
  say("{\"type\":\"ok\",\"id\":%lld,\"sid\":1,\"seq\":2}", sent_id(0, "add_markets"));
  burst_ends();
  kl_clock_virtual_advance(&vclock, 4900000);
  wait_ms(150);
  assert_false(b->failed);
  kl_clock_virtual_advance(&vclock, 200000);
  wait_for(&w.changes, 1);
  assert_true(b->failed);
  assert_string_equal(b->error.kind, KL_ERR_VALIDATION);
  assert_non_null(strstr(b->error.message, "NOSUCH"));
  assert_false(a->failed);
  kl_feed_unwatch(&w.w);
  kl_feed_book_release(feed, b);
  turn();
  sent_id(1, "\"action\":\"delete_markets\",\"market_tickers\":[\"NOSUCH\"]");
  kl_feed_book_release(feed, a);
}

static void a_snapshot_that_does_not_come_is_asked_for_again(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *a = current_book();
  say_delta(1, 3, "A", "0.3800", "1.00", "yes");
  burst_ends();
  assert_int_equal(peer.n_sent, 1);
  kl_clock_virtual_advance(&vclock, 5100000);
  wait_for(&peer.n_sent, 2);
  sent_id(1, "get_snapshot");
  assert_false(a->failed);
  kl_feed_book_release(feed, a);
}

static void a_command_without_an_answer_ends_the_connection(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *a = open_book("A");
  link_opens();
  kl_clock_virtual_advance(&vclock, 10100000);
  wait_for(&peer.closed_by_feed, 1);
  assert_false(a->failed);
  wait_for(&peer.signs, 2);
  kl_feed_book_release(feed, a);
}

int main(void) {
  count_allocations();
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
  const struct CMUnitTest tests[] = {
      T(deltas_are_applied_in_prices_of_their_side),
      T(no_levels_in_no_prices_are_understood_too),
      T(a_burst_wakes_a_watcher_once),
      T(deltas_allocate_nothing_once_warm),
      T(a_reconnect_is_told_to_its_end),
      T(a_gap_makes_every_book_of_the_subscription_stale),
      T(a_gap_on_trades_is_told_and_the_message_delivered),
      T(a_repeated_message_is_dropped),
      T(numbers_that_begin_anew_make_the_books_stale),
      T(a_number_far_off_does_not_keep_the_books_stale),
      T(a_delta_that_does_not_fit_asks_for_a_snapshot),
      T(a_message_that_cannot_be_read_leads_to_a_snapshot),
      T(a_snapshot_that_is_behind_is_completed_by_what_came_before_it),
      T(a_snapshot_from_before_the_gap_is_of_no_use),
      T(strangers_are_ignored),
      T(a_market_that_gets_no_snapshot_does_not_exist),
      T(a_snapshot_that_does_not_come_is_asked_for_again),
      T(a_command_without_an_answer_ends_the_connection),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
