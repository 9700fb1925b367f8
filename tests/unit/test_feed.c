/* The feed against a link made by hand: every message, gap, refusal and lost connection at the moment the test wants.
 */
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

/* ---- connection ---- */

static void connects_only_when_something_is_wanted(void **state) {
  (void)state;
  start_feed(NULL);
  turn();
  assert_int_equal(peer.signs, 0);
  kl_feed_book *b = open_book("A");
  turn();
  assert_int_equal(peer.signs, 1);
  assert_string_equal(peer.signed_path, "/trade-api/ws/v2");
  assert_int_equal(peer.opened, 0);
  signature_ready();
  assert_int_equal(peer.opened, 1);
  assert_string_equal(peer.header, "KALSHI-ACCESS-KEY: k");
  assert_false(status().connected);
  link_opens();
  assert_true(status().connected);
  assert_int_equal(peer.n_sent, 1);
  assert_string_equal(peer.sent[0], "{\"id\":1,\"cmd\":\"subscribe\",\"params\":{\"channels\":[\"orderbook_delta\"],"
                                    "\"market_tickers\":[\"A\"],\"use_yes_price\":true,\"skip_ticker_ack\":true}}");
  kl_feed_book_release(feed, b);
}

static void without_a_key_opening_is_an_auth_error(void **state) {
  (void)state;
  kl_error e;
  start_feed(&(kl_feed_options){.can_connect = false});
  assert_null(kl_feed_book_open(feed, "A", &e));
  assert_string_equal(e.kind, KL_ERR_AUTH);
  assert_null(kl_feed_subscribe(feed, &(kl_feed_sub_options){.channels = trade_channel}, &e));
  assert_string_equal(e.kind, KL_ERR_AUTH);
}

static void a_ticker_that_cannot_be_one_is_refused_at_once(void **state) {
  (void)state;
  kl_error e;
  start_feed(NULL);
  assert_null(kl_feed_book_open(feed, "", &e));
  assert_null(kl_feed_book_open(feed, "A B", &e));
  assert_null(kl_feed_book_open(feed, "0123456789012345678901234567890123456789012345678901234567890123", &e));
  assert_string_equal(e.kind, KL_ERR_VALIDATION);
  assert_int_equal(status().books, 0);
}

static void a_refused_key_fails_those_who_wait(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *b = open_book("A");
  watch w;
  start_watch(&w, b, false);
  sub_log l;
  subscribe(&l, trade_channel, NULL, false);
  turn();
  signature_ready();
  link_breaks(401);
  assert_true(b->failed);
  assert_string_equal(b->error.kind, KL_ERR_AUTH);
  assert_int_equal(w.changes, 1);
  assert_int_equal(l.failed, 1);
  assert_string_equal(l.error.kind, KL_ERR_AUTH);
  assert_non_null(strstr(status().last_error, "401"));
  kl_feed_unwatch(&w.w);
  kl_feed_book_release(feed, b);
  kl_feed_sub_close(l.sub);
  kl_feed_book *again = open_book("A"); /* a new wish tries again */
  turn();
  assert_int_equal(peer.signs, 2);
  kl_feed_book_release(feed, again);
}

static void a_network_error_fails_nobody_and_is_retried(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *b = open_book("A");
  turn();
  signature_ready();
  link_breaks(0);
  assert_false(b->failed);
  wait_for(&peer.signs, 2); /* a fresh signature */
  link_opens();
  assert_int_equal(status().reconnects, 0);
  kl_feed_book_release(feed, b);
}

static void a_lost_connection_makes_books_stale_and_comes_back(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *b = current_book();
  watch w;
  start_watch(&w, b, true);
  link_breaks(0);
  assert_true(b->stale);
  assert_int_equal(w.changes, 1);
  assert_best(b, 3800, 1000, 4000, 500); /* the last known stays readable */
  assert_int_equal(status().stale_books, 1);
  wait_for(&peer.signs, 2);
  link_opens();
  assert_int_equal(status().reconnects, 1);
  sent_id(0, "\"market_tickers\":[\"A\"]");
  answer_subscribe("orderbook_delta", 9);
  say_delta(9, 1, "A", "0.3800", "1.00", "yes"); /* before its snapshot: not for this book */
  say_snapshot(9, 2, "A", "[\"0.3700\",\"4.00\"]", "[\"0.4000\",\"6.00\"]");
  say_delta(9, 3, "A", "0.3700", "1.00", "yes");
  burst_ends();
  assert_false(b->stale);
  assert_best(b, 3700, 500, 4000, 600);
  assert_int_equal(w.changes, 2);
  assert_int_equal(w.deltas, 4); /* the snapshot's difference: -10, +4, +1, then the delta */
  assert_int_equal(w.sum, -1000 + 400 + 100 + 100);
  assert_int_equal(status().ignored, 1);
  kl_feed_unwatch(&w.w);
  kl_feed_book_release(feed, b);
}

/* ---- subscriptions merged ---- */

static void holders_of_one_market_share_one_book(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *b = current_book();
  kl_feed_book *same = open_book("A");
  turn();
  assert_ptr_equal(b, same);
  assert_int_equal(peer.n_sent, 0);
  kl_feed_book_release(feed, same);
  turn();
  assert_int_equal(peer.n_sent, 0);
  assert_int_equal(status().books, 1);
  kl_feed_book_release(feed, b);
  turn();
  assert_int_equal(peer.n_sent, 1);
  sent_id(0, "\"cmd\":\"unsubscribe\",\"params\":{\"sids\":[1]}");
}

static void adding_sends_only_the_new_markets_in_chunks(void **state) {
  (void)state;
  enum { N = 1200 };
  static kl_feed_book *books[N];
  start_feed(NULL);
  kl_feed_book *a = current_book();
  for (int i = 0; i < N; i++) {
    char ticker[16];
    snprintf(ticker, sizeof ticker, "M-%04d", i);
    books[i] = open_book(ticker);
  }
  turn();
  assert_int_equal(peer.n_sent, 3);
  int seq = 2;
  for (int i = 0; i < 3; i++) {
    long long id = sent_id(i, "\"sid\":1,\"action\":\"add_markets\"");
    assert_null(strstr(peer.sent[i], "\"A\""));
    say("{\"type\":\"ok\",\"id\":%lld,\"sid\":1,\"seq\":%d}", id, seq++);
  }
  assert_non_null(strstr(peer.sent[0], "\"M-0000\""));
  assert_non_null(strstr(peer.sent[0], "\"M-0499\""));
  assert_null(strstr(peer.sent[0], "\"M-0500\""));
  assert_non_null(strstr(peer.sent[2], "\"M-1199\""));
  forget_sent();
  for (int i = 0; i < N; i++)
    say_snapshot(1, seq++, books[i]->ticker, "[\"0.1000\",\"1.00\"]", "");
  burst_ends();
  assert_int_equal(status().stale_books, 0);
  assert_int_equal(status().gaps, 0);
  for (int i = 0; i < N; i++)
    kl_feed_book_release(feed, books[i]);
  turn();
  assert_int_equal(peer.n_sent, 3);
  sent_id(0, "\"action\":\"delete_markets\"");
  kl_feed_book_release(feed, a);
}

static void a_market_given_up_and_wanted_again_in_one_turn_gets_a_snapshot(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *b = current_book();
  kl_feed_book_release(feed, b);
  b = open_book("A");
  assert_true(b->stale);
  turn();
  assert_int_equal(peer.n_sent, 1);
  sent_id(0, "\"action\":\"get_snapshot\",\"market_tickers\":[\"A\"]");
  say_snapshot(1, 2, "A", "", "");
  burst_ends();
  assert_true(b->ready);
  kl_feed_book_release(feed, b);
}

static void messages_reach_the_subscriptions_of_their_market(void **state) {
  (void)state;
  start_feed(NULL);
  sub_log a, b;
  subscribe(&a, trade_channel, only_a, false);
  subscribe(&b, trade_channel, only_b, false);
  link_opens();
  assert_int_equal(peer.n_sent, 1);
  sent_id(0, "\"channels\":[\"trade\"],\"market_tickers\":[\"A\",\"B\"]");
  answer_subscribe("trade", 2);
  turn();
  assert_int_equal(a.ready, 1);
  assert_int_equal(b.ready, 1);
  say_trade(2, 1, "A");
  say_trade(2, 2, "B");
  say_trade(2, 3, "A");
  burst_ends();
  assert_int_equal(a.messages, 2);
  assert_int_equal(b.messages, 1);
  forget_sent();
  kl_error e;
  const char *const more[] = {"A", "C", NULL};
  assert_true(kl_feed_sub_add(a.sub, more, &e));
  assert_false(kl_feed_sub_ready(a.sub));
  turn();
  assert_int_equal(peer.n_sent, 1);
  long long id = sent_id(0, "\"action\":\"add_markets\",\"market_tickers\":[\"C\"]");
  say("{\"type\":\"ok\",\"id\":%lld,\"sid\":2,\"seq\":4}", id);
  burst_ends();
  assert_int_equal(a.ready, 2);
  assert_int_equal(a.again, 0);
  say_trade(2, 5, "C");
  assert_int_equal(a.messages, 3);
  assert_true(kl_feed_sub_remove(a.sub, only_a, &e));
  const char *const rest[] = {"C", NULL};
  assert_false(kl_feed_sub_remove(a.sub, rest, &e));
  say_trade(2, 6, "A");
  assert_int_equal(a.messages, 3);
  kl_feed_sub_close(a.sub);
  kl_feed_sub_close(b.sub);
  forget_sent();
  turn();
  assert_int_equal(peer.n_sent, 1);
  sent_id(0, "unsubscribe");
}

static void all_markets_widen_a_narrow_channel(void **state) {
  (void)state;
  start_feed(NULL);
  sub_log a, all;
  subscribe(&a, trade_channel, only_a, false);
  link_opens();
  answer_subscribe("trade", 2);
  turn();
  forget_sent();
  subscribe(&all, trade_channel, NULL, false);
  turn();
  assert_int_equal(peer.n_sent, 2);
  long long id = sent_id(0, "\"unsubscribe\",\"params\":{\"sids\":[2]}");
  sent_id(1, "\"channels\":[\"trade\"],\"skip_ticker_ack\":true}");
  say("{\"type\":\"unsubscribed\",\"id\":%lld,\"sid\":2,\"seq\":1}", id);
  answer_subscribe("trade", 3);
  burst_ends();
  assert_int_equal(all.ready, 1);
  assert_int_equal(a.again, 1);
  say_trade(3, 1, "A");
  say_trade(3, 2, "Z");
  assert_int_equal(a.messages, 1);
  assert_int_equal(all.messages, 2);
  forget_sent();
  sub_log b; /* covered already: live at once, nothing to send */
  subscribe(&b, trade_channel, only_b, false);
  turn();
  assert_int_equal(b.ready, 1);
  assert_int_equal(peer.n_sent, 0);
  kl_feed_sub_close(b.sub);
  kl_feed_sub_close(all.sub);
  kl_feed_sub_close(a.sub);
}

static void the_first_state_is_asked_for_where_it_is_wanted(void **state) {
  (void)state;
  start_feed(NULL);
  sub_log a, b;
  subscribe(&a, ticker_channel, only_a, false);
  link_opens();
  assert_null(strstr(peer.sent[0], "send_initial_snapshot"));
  answer_subscribe("ticker", 3);
  turn();
  forget_sent();
  subscribe(&b, ticker_channel, only_a, true);
  turn();
  assert_int_equal(peer.n_sent, 2);
  sent_id(0, "\"action\":\"delete_markets\",\"market_tickers\":[\"A\"]");
  long long id = sent_id(1, "\"action\":\"add_markets\",\"market_tickers\":[\"A\"],\"send_initial_snapshot\":true");
  assert_int_equal(b.ready, 0);
  say("{\"type\":\"ok\",\"id\":%lld,\"sid\":3}", id);
  burst_ends();
  assert_int_equal(b.ready, 1);
  assert_int_equal(a.ready, 1);
  link_breaks(0);
  forget_sent();
  wait_for(&peer.signs, 2);
  link_opens();
  sent_id(0, "\"send_initial_snapshot\":true");
  kl_feed_sub_close(a.sub);
  kl_feed_sub_close(b.sub);
}

static void messages_of_undecoded_types_are_filtered_too(void **state) {
  (void)state;
  static const char *const positions[] = {"market_positions", "market_lifecycle_v2", NULL};
  start_feed(NULL);
  sub_log a;
  subscribe(&a, positions, only_a, false);
  link_opens();
  sent_id(0, "\"channels\":[\"market_positions\"],\"market_tickers\":[\"A\"]");
  assert_null(strstr(peer.sent[1], "market_tickers")); /* this channel has no filter */
  answer_subscribe("market_positions", 6);
  turn();
  assert_int_equal(a.ready, 0);
  answer_subscribe("market_lifecycle_v2", 7);
  turn();
  assert_int_equal(a.ready, 1);
  say("{\"type\":\"market_note\",\"sid\":6,\"msg\":{\"user_id\":\"market_ticker\",\"market_ticker\":\"A\"}}");
  say("{\"type\":\"market_note\",\"sid\":6,\"msg\":{\"market_ticker\" : \"B\"}}");
  assert_int_equal(a.messages, 1);
  say("{\"type\":\"market_lifecycle_v2\",\"sid\":7,\"seq\":1,\"msg\":{\"legs\":[{\"market_ticker\":\"A\"}],"
      "\"market_ticker\":\"B\"}}");
  assert_int_equal(a.messages, 1);
  say("{\"type\":\"event_lifecycle\",\"sid\":7,\"seq\":2,\"msg\":{\"event_ticker\":\"E\"}}"); /* names no market */
  assert_int_equal(a.messages, 2);
  assert_string_equal(a.last, "event_lifecycle");
  kl_feed_sub_close(a.sub);
}

static void raw_book_messages_come_beside_the_book(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *b = current_book();
  sub_log l;
  subscribe(&l, book_channel, only_a, false);
  turn();
  assert_int_equal(l.ready, 1);
  assert_int_equal(peer.n_sent, 1); /* a newcomer begins with a snapshot */
  sent_id(0, "get_snapshot");
  say_snapshot(1, 2, "A", "[\"0.3800\",\"10.00\"]", "[\"0.4000\",\"5.00\"]");
  say_delta(1, 3, "A", "0.3800", "1.00", "yes");
  burst_ends();
  assert_int_equal(l.messages, 2);
  assert_best(b, 3800, 1100, 4000, 500);
  kl_feed_book_release(feed, b);
  turn();
  say_delta(1, 4, "A", "0.3800", "1.00", "yes");
  assert_int_equal(l.messages, 3);
  kl_feed_sub_close(l.sub);
}

/* ---- books ---- */

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

/* ---- refusals ---- */

static void a_channel_the_exchange_ended_is_subscribed_again(void **state) {
  (void)state;
  static const int codes[] = {10, 25};
  start_feed(NULL);
  kl_feed_book *a = current_book();
  for (int i = 0; i < 2; i++) {
    say("{\"type\":\"error\",\"sid\":%d,\"seq\":2,\"msg\":{\"code\":%d,\"msg\":\"ended\"}}", 1 + i, codes[i]);
    burst_ends();
    assert_true(a->stale);
    assert_int_equal(peer.n_sent, 0); /* not at once: it would be a storm */
    kl_clock_virtual_advance(&vclock, 1000000);
    wait_for(&peer.n_sent, 1);
    answer_subscribe("orderbook_delta", 2 + i);
    say_snapshot(2 + i, 1, "A", "[\"0.3800\",\"1.00\"]", "");
    burst_ends();
    assert_false(a->stale);
    forget_sent();
  }
  kl_feed_book_release(feed, a);
}

static void an_unknown_channel_fails_its_subscriptions_only(void **state) {
  (void)state;
  static const char *const odd[] = {"odd", NULL};
  start_feed(NULL);
  sub_log bad, good;
  subscribe(&good, trade_channel, NULL, false);
  subscribe(&bad, odd, NULL, false);
  link_opens();
  answer_subscribe("trade", 1);
  say("{\"type\":\"error\",\"id\":%lld,\"msg\":{\"code\":8,\"msg\":\"Unknown channel name\"}}", sent_id(1, "odd"));
  burst_ends();
  assert_int_equal(bad.failed, 1);
  assert_int_equal(bad.ready, 0);
  assert_int_equal(bad.error.status, 8);
  assert_string_equal(bad.error.kind, KL_ERR_WS);
  assert_int_equal(good.failed, 0);
  assert_int_equal(good.ready, 1);
  forget_sent();
  turn();
  assert_int_equal(peer.n_sent, 0); /* a refusal is not repeated */
  kl_feed_sub_close(bad.sub);
  kl_feed_sub_close(good.sub);
}

static void a_refused_addition_fails_the_markets_it_names(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *a = current_book();
  kl_feed_book *b = open_book("B"), *c = open_book("C");
  turn();
  say("{\"type\":\"error\",\"id\":%lld,\"msg\":{\"code\":11,\"msg\":\"Invalid parameter\",\"market_tickers\":[\"C\"]}}",
      sent_id(0, "\"market_tickers\":[\"B\",\"C\"]"));
  burst_ends();
  assert_true(c->failed);
  assert_int_equal(c->error.status, 11);
  assert_false(a->failed);
  assert_false(b->failed);
  assert_int_equal(peer.n_sent, 2);
  say("{\"type\":\"error\",\"id\":%lld,\"msg\":{\"code\":11,\"msg\":\"Invalid parameter\"}}",
      sent_id(1, "\"market_tickers\":[\"B\"]"));
  burst_ends();
  assert_true(b->failed); /* no name: all of the command */
  assert_int_equal(peer.n_sent, 2);
  kl_feed_book_release(feed, c);
  c = open_book("C"); /* a new wish asks again */
  turn();
  assert_int_equal(peer.n_sent, 3);
  kl_feed_book_release(feed, a);
  kl_feed_book_release(feed, b);
  kl_feed_book_release(feed, c);
}

static void a_refused_request_for_snapshots_is_repeated_without_the_market_it_names(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *a = current_book();
  kl_feed_book *b = open_book("B");
  turn();
  say("{\"type\":\"ok\",\"id\":%lld,\"sid\":1,\"seq\":2}", sent_id(0, "add_markets"));
  say_snapshot(1, 3, "B", "", "");
  say_delta(1, 5, "A", "0.3800", "1.00", "yes");
  burst_ends();
  say("{\"type\":\"error\",\"id\":%lld,\"msg\":{\"code\":11,\"msg\":\"Invalid parameter\",\"market_ticker\":\"B\"}}",
      sent_id(1, "\"action\":\"get_snapshot\",\"market_tickers\":[\"A\",\"B\"]"));
  burst_ends();
  assert_true(b->failed);
  assert_string_equal(b->error.kind, KL_ERR_VALIDATION);
  assert_false(a->failed);
  bool asked = false;
  for (int i = 2; i < peer.n_sent; i++)
    asked = asked || strstr(peer.sent[i], "\"action\":\"get_snapshot\",\"market_tickers\":[\"A\"]") != NULL;
  assert_true(asked);
  kl_feed_book_release(feed, a);
  kl_feed_book_release(feed, b);
}

static void too_many_requests_are_repeated_later(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *a = current_book();
  kl_feed_book *b = open_book("B");
  turn();
  say("{\"type\":\"error\",\"id\":%lld,\"msg\":{\"code\":27,\"msg\":\"Too many requests\"}}",
      sent_id(0, "add_markets"));
  burst_ends();
  assert_false(b->failed);
  assert_false(a->stale);
  assert_int_equal(peer.n_sent, 1);
  kl_clock_virtual_advance(&vclock, 1100000);
  wait_for(&peer.n_sent, 2);
  sent_id(1, "\"action\":\"add_markets\",\"market_tickers\":[\"B\"]");
  kl_feed_book_release(feed, a);
  kl_feed_book_release(feed, b);
}

/* ---- owners that act inside callbacks ---- */

static kl_feed_book *victim;
static watch *victim_watch;

static void releases_all(kl_book_watcher *w, kl_feed_book *b, const kl_event *ev, kl_price price) {
  (void)b;
  (void)ev;
  (void)price;
  ((watch *)w->data)->deltas++;
  kl_feed_unwatch(w);
  kl_feed_unwatch(w);
  kl_feed_unwatch(&victim_watch->w);
  kl_feed_book_release(feed, victim);
}

static void a_book_may_be_released_inside_its_callback(void **state) {
  (void)state;
  start_feed(NULL);
  victim = current_book();
  watch first, second;
  start_watch(&first, victim, true);
  first.w.delta = releases_all;
  start_watch(&second, victim, true);
  victim_watch = &second;
  say_delta(1, 2, "A", "0.3800", "1.00", "yes");
  assert_int_equal(first.deltas, 1);
  assert_int_equal(second.deltas, 0);
  burst_ends();
  assert_int_equal(first.changes, 0);
  assert_int_equal(status().books, 0);
}

static void a_book_may_be_released_in_the_midst_of_a_snapshot(void **state) {
  (void)state;
  start_feed(NULL);
  victim = current_book();
  watch first, second;
  start_watch(&first, victim, true);
  first.w.delta = releases_all;
  start_watch(&second, victim, true);
  victim_watch = &second;
  say_snapshot(1, 2, "A", "[\"0.1000\",\"1.00\"]", "[\"0.9000\",\"1.00\"]");
  burst_ends();
  assert_int_equal(first.deltas, 1);
  assert_int_equal(status().stale_books, 0);
}

static kl_feed_sub *sub_victims[2];

static void closes_all(void *data, const kl_event *ev, const char *raw, size_t n) {
  (void)ev;
  (void)raw;
  (void)n;
  ++*(int *)data;
  kl_feed_sub_close(sub_victims[0]);
  kl_feed_sub_close(sub_victims[1]);
}

static void subscriptions_may_be_closed_inside_a_message(void **state) {
  (void)state;
  kl_error e;
  int calls = 0;
  start_feed(NULL);
  const kl_feed_sub_options o = {.channels = trade_channel, .tickers = only_a, .data = &calls, .message = closes_all};
  sub_victims[0] = kl_feed_subscribe(feed, &o, &e);
  sub_victims[1] = kl_feed_subscribe(feed, &o, &e);
  link_opens();
  answer_subscribe("trade", 1);
  say_trade(1, 1, "A");
  assert_int_equal(calls, 1);
  forget_sent();
  burst_ends();
  sent_id(0, "unsubscribe");
}

static void closing_the_feed_fails_what_is_open(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *b = current_book();
  watch w;
  start_watch(&w, b, false);
  sub_log l;
  subscribe(&l, trade_channel, NULL, false);
  kl_feed_close(feed, on_feed_closed, &feed_closed);
  assert_true(b->failed);
  assert_string_equal(b->error.kind, KL_ERR_CLOSED);
  assert_int_equal(w.changes, 1);
  assert_int_equal(l.failed, 1);
  assert_int_equal(peer.closed_by_feed, 1);
  kl_error e;
  assert_null(kl_feed_book_open(feed, "A", &e));
  kl_feed_unwatch(&w.w);
  kl_feed_book_release(feed, b);
  kl_feed_sub_close(l.sub);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_true(feed_closed);
  feed = NULL;
}

int main(void) {
  count_allocations();
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
  const struct CMUnitTest tests[] = {
      T(connects_only_when_something_is_wanted),
      T(without_a_key_opening_is_an_auth_error),
      T(a_ticker_that_cannot_be_one_is_refused_at_once),
      T(a_refused_key_fails_those_who_wait),
      T(a_network_error_fails_nobody_and_is_retried),
      T(a_lost_connection_makes_books_stale_and_comes_back),
      T(holders_of_one_market_share_one_book),
      T(adding_sends_only_the_new_markets_in_chunks),
      T(a_market_given_up_and_wanted_again_in_one_turn_gets_a_snapshot),
      T(messages_reach_the_subscriptions_of_their_market),
      T(all_markets_widen_a_narrow_channel),
      T(the_first_state_is_asked_for_where_it_is_wanted),
      T(messages_of_undecoded_types_are_filtered_too),
      T(raw_book_messages_come_beside_the_book),
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
      T(a_channel_the_exchange_ended_is_subscribed_again),
      T(an_unknown_channel_fails_its_subscriptions_only),
      T(a_refused_addition_fails_the_markets_it_names),
      T(a_refused_request_for_snapshots_is_repeated_without_the_market_it_names),
      T(too_many_requests_are_repeated_later),
      T(a_book_may_be_released_inside_its_callback),
      T(a_book_may_be_released_in_the_midst_of_a_snapshot),
      T(subscriptions_may_be_closed_inside_a_message),
      T(closing_the_feed_fails_what_is_open),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
