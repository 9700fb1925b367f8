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

static struct {
  int calls;
  int64_t date_ms, sent_ms;
} corrected;

static void clock_corrected(void *data, int64_t date_ms, int64_t sent_ms) {
  (void)data;
  corrected.calls++;
  corrected.date_ms = date_ms;
  corrected.sent_ms = sent_ms;
}

static void a_clock_that_is_wrong_is_corrected_and_fails_nobody(void **state) {
  (void)state;
  memset(&corrected, 0, sizeof corrected);
  start_feed(&(kl_feed_options){.can_connect = true, .expired = clock_corrected});
  kl_feed_book *b = open_book("A");
  turn();
  signature_ready();
  int64_t now = kl_wall_ms(&vclock.clock);
  link_expires(now + 90000);
  assert_int_equal(corrected.calls, 1);
  assert_int_equal(corrected.date_ms, now + 90000);
  assert_int_equal(corrected.sent_ms, now);
  assert_false(b->failed);
  assert_non_null(strstr(status().last_error, "90 s from ours"));
  wait_for(&peer.signs, 2);
  signature_ready();
  link_expires(now + 90000); /* signed by the exchange's time, and refused again: this does not end by itself */
  assert_int_equal(corrected.calls, 1);
  assert_true(b->failed);
  assert_string_equal(b->error.kind, KL_ERR_AUTH);
  kl_feed_book_release(feed, b);
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
  say_trade(2, 1, "A"); /* on its way before the exchange has read the command */
  assert_int_equal(a.messages, 1);
  say("{\"type\":\"unsubscribed\",\"id\":%lld,\"sid\":2,\"seq\":2}", id);
  say_trade(2, 3, "A"); /* of a subscription that is gone */
  assert_int_equal(a.messages, 1);
  answer_subscribe("trade", 3);
  burst_ends();
  assert_int_equal(all.ready, 1);
  assert_int_equal(a.again, 1);
  say_trade(3, 1, "A");
  say_trade(3, 2, "Z");
  assert_int_equal(a.messages, 2);
  assert_int_equal(all.messages, 3);
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

/* The account wants all as soon as an order is placed: a filter that changes just then would lose the fill. */
static void channels_of_the_account_are_had_whole_and_filtered_here(void **state) {
  (void)state;
  static const char *const fills[] = {"fill", NULL};
  start_feed(NULL);
  sub_log a, all;
  subscribe(&a, fills, only_a, false);
  link_opens();
  sent_id(0, "\"channels\":[\"fill\"]}");
  answer_subscribe("fill", 2);
  turn();
  assert_int_equal(a.ready, 1);
  forget_sent();
  subscribe(&all, fills, NULL, false);
  turn();
  assert_int_equal(all.ready, 1);
  assert_int_equal(peer.n_sent, 0);
  say("{\"type\":\"fill_note\",\"sid\":2,\"msg\":{\"market_ticker\":\"A\"}}");
  say("{\"type\":\"fill_note\",\"sid\":2,\"msg\":{\"market_ticker\":\"B\"}}");
  assert_int_equal(a.messages, 1);
  assert_int_equal(all.messages, 2);
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
  static const char *const both[] = {"trade", "market_lifecycle_v2", NULL};
  start_feed(NULL);
  sub_log a;
  subscribe(&a, both, only_a, false);
  link_opens();
  sent_id(0, "\"channels\":[\"trade\"],\"market_tickers\":[\"A\"]");
  assert_null(strstr(peer.sent[1], "market_tickers")); /* this channel has no filter */
  answer_subscribe("trade", 6);
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
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
  const struct CMUnitTest tests[] = {
      T(connects_only_when_something_is_wanted),
      T(without_a_key_opening_is_an_auth_error),
      T(a_ticker_that_cannot_be_one_is_refused_at_once),
      T(a_refused_key_fails_those_who_wait),
      T(a_clock_that_is_wrong_is_corrected_and_fails_nobody),
      T(a_network_error_fails_nobody_and_is_retried),
      T(a_lost_connection_makes_books_stale_and_comes_back),
      T(holders_of_one_market_share_one_book),
      T(adding_sends_only_the_new_markets_in_chunks),
      T(a_market_given_up_and_wanted_again_in_one_turn_gets_a_snapshot),
      T(messages_reach_the_subscriptions_of_their_market),
      T(all_markets_widen_a_narrow_channel),
      T(channels_of_the_account_are_had_whole_and_filtered_here),
      T(the_first_state_is_asked_for_where_it_is_wanted),
      T(messages_of_undecoded_types_are_filtered_too),
      T(raw_book_messages_come_beside_the_book),
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
