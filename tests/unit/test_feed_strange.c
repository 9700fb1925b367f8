/* The feed when the exchange answers as it should not, or not in the order that one expects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include "feed_world.h"
#include "kalshi/feed.h"

static void say_error(long long id, int code, const char *more) {
  say("{\"type\":\"error\",\"id\":%lld,\"msg\":{\"code\":%d,\"msg\":\"refused\"%s}}", id, code, more);
}

static void link_opens_on(int i) {
  turn();
  if (peer.sign_done) signature_ready();
  assert_int_equal(peer.opened, i + 1);
  speak_on(i);
  peer.ws->o.open(peer.ws->o.data, 0);
  turn();
}

static void answer_snapshot(long long id, int seq, const char *ticker, const char *yes) {
  say("{\"type\":\"orderbook_snapshot\",\"id\":%lld,\"sid\":1,\"seq\":%d,\"msg\":{\"market_ticker\":\"%s\","
      "\"market_id\":\"30ebe0c2-d075-4992-9896-9ab2e8d35072\",\"yes_dollars_fp\":[%s],\"no_dollars_fp\":[]}}",
      id, seq, ticker, yes);
}

/* ---- error 26 ---- */

static void a_market_that_no_subscription_takes_fails(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *a = open_book("A");
  link_opens();
  say_error(sent_id(0, "\"market_tickers\":[\"A\"]"), 26, "");
  burst_ends();
  assert_true(a->failed);
  assert_int_equal(a->error.status, 26);
  assert_int_equal(peer.signs, 1); /* nor is another connection opened for it */
  kl_feed_book_release(feed, a);
}

static void a_subscription_that_takes_none_fails_those_it_names(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *a = open_book("A"), *b = open_book("B");
  link_opens();
  say_error(sent_id(0, "\"market_tickers\":[\"A\",\"B\"]"), 26, ",\"market_tickers\":[\"A\",\"B\"]");
  burst_ends();
  assert_true(a->failed && b->failed);
  assert_int_equal(peer.signs, 1);
  kl_feed_book_release(feed, a);
  kl_feed_book_release(feed, b);
}

static void the_limit_is_looked_for_by_one_command_at_a_time(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *a = current_book();
  kl_feed_book *more[7];
  for (int i = 0; i < 7; i++)
    more[i] = open_book((char[]){'B', (char)('0' + i), '\0'});
  turn();
  say_error(sent_id(0, "\"B0\",\"B1\",\"B2\",\"B3\",\"B4\",\"B5\",\"B6\""), 26, "");
  burst_ends();
  assert_int_equal(peer.n_sent, 2);
  say("{\"type\":\"ok\",\"id\":%lld,\"sid\":1,\"seq\":2}", sent_id(1, "[\"B0\",\"B1\",\"B2\"]"));
  burst_ends();
  assert_int_equal(peer.n_sent, 3);
  say_error(sent_id(2, "[\"B3\",\"B4\",\"B5\",\"B6\"]"), 26, "");
  burst_ends();
  assert_int_equal(peer.n_sent, 4);
  say_error(sent_id(3, "[\"B3\",\"B4\"]"), 26, "");
  burst_ends();
  assert_int_equal(peer.n_sent, 5);
  say_error(sent_id(4, "[\"B5\"]"), 26, "");
  burst_ends();
  assert_int_equal(peer.n_sent, 5); /* it takes four: what is left goes elsewhere */
  link_opens_on(1);
  assert_int_equal(peer.n_sent, 6);
  assert_int_equal(peer.sent_on[5], 1);
  for (int i = 0; i < 7; i++)
    kl_feed_book_release(feed, more[i]);
  kl_feed_book_release(feed, a);
}

enum { MANY = 10000, MANY_LIMIT = 3333 };

/* Answers all commands like an exchange that takes so many markets on a connection; returns how many there were. */
static int answer_with_limit(int taken[LINKS_MAX]) {
  int n = peer.n_sent;
  for (int i = 0; i < n; i++) {
    int on = peer.sent_on[i], markets = 0;
    for (const char *at = peer.sent[i]; (at = strstr(at, "\"M-")) != NULL; at++)
      markets++;
    long long id = sent_id(i, "");
    speak_on(on);
    if (taken[on] + markets > MANY_LIMIT) {
      say_error(id, 26, "");
    } else if (strstr(peer.sent[i], "\"subscribe\"")) {
      say("{\"type\":\"subscribed\",\"id\":%lld,\"msg\":{\"channel\":\"trade\",\"sid\":1}}", id);
      taken[on] += markets;
    } else {
      assert_non_null(strstr(peer.sent[i], "add_markets"));
      say("{\"type\":\"ok\",\"id\":%lld,\"sid\":1}", id);
      taken[on] += markets;
    }
  }
  forget_sent();
  return n;
}

static void ten_thousand_markets_find_their_connections(void **state) {
  (void)state;
  start_feed(NULL);
  static char names[MANY][16];
  static const char *tickers[MANY + 1];
  for (int i = 0; i < MANY; i++) {
    snprintf(names[i], sizeof names[i], "M-%05d", i);
    tickers[i] = names[i];
  }
  sub_log l;
  subscribe(&l, trade_channel, tickers, false);
  int taken[LINKS_MAX] = {0}, commands = 0, opened = 0;
  for (int round = 0; round < 500 && !l.ready; round++) {
    turn();
    if (peer.sign_done) signature_ready();
    for (; opened < peer.opened; opened++) {
      speak_on(opened);
      peer.ws->o.open(peer.ws->o.data, 0);
    }
    turn();
    commands += answer_with_limit(taken);
  }
  assert_int_equal(l.ready, 1);
  assert_int_equal(l.failed, 0);
  assert_int_equal(peer.opened, 4);
  assert_int_equal(taken[0] + taken[1] + taken[2] + taken[3], MANY);
  if (commands > 120) fail_msg("%d commands", commands);
  assert_true(kl_feed_sub_remove(l.sub, tickers + 1, &l.error)); /* all but one */
  kl_feed_sub_close(l.sub);
}

static void where_no_connection_is_left_all_beyond_the_limit_fail_at_once(void **state) {
  (void)state;
  start_feed(&(kl_feed_options){.can_connect = true, .max_connections = 1});
  kl_feed_book *a = current_book();
  kl_feed_book *b = open_book("B"), *c = open_book("C"), *d = open_book("D");
  turn();
  say_error(sent_id(0, "[\"B\",\"C\",\"D\"]"), 26, "");
  burst_ends();
  say_error(sent_id(1, "[\"B\"]"), 26, "");
  burst_ends();
  assert_true(b->failed && c->failed && d->failed);
  assert_int_equal(d->error.status, 26);
  assert_false(a->failed);
  kl_feed_book_release(feed, a);
  kl_feed_book_release(feed, b);
  kl_feed_book_release(feed, c);
  kl_feed_book_release(feed, d);
}

static void too_many_snapshots_at_once_are_asked_for_in_smaller_lots(void **state) {
  (void)state;
  start_feed(&(kl_feed_options){.can_connect = true, .snapshot_timeout_ms = 300});
  kl_feed_book *a = current_book(), *b = open_book("B");
  turn();
  say("{\"type\":\"ok\",\"id\":%lld,\"sid\":1,\"seq\":2}", sent_id(0, "add_markets"));
  say_snapshot(1, 3, "B", "", "");
  burst_ends();
  forget_sent();
  say_delta(1, 5, "A", "0.3800", "1.00", "yes");
  burst_ends();
  say_error(sent_id(0, "\"get_snapshot\",\"market_tickers\":[\"A\",\"B\"]"), 26, ",\"market_tickers\":[\"A\",\"B\"]");
  burst_ends();
  assert_false(a->failed || b->failed);
  assert_int_equal(peer.n_sent, 3);
  answer_snapshot(sent_id(1, "\"get_snapshot\",\"market_tickers\":[\"A\"]"), 6, "A", "[\"0.3800\",\"11.00\"]");
  answer_snapshot(sent_id(2, "\"get_snapshot\",\"market_tickers\":[\"B\"]"), 7, "B", "");
  burst_ends();
  assert_false(a->stale || b->stale);
  kl_feed_book_release(feed, a);
  kl_feed_book_release(feed, b);
}

/* ---- a book is right or says that it is not ---- */

static void a_book_whose_addition_was_refused_behind_its_snapshot_is_stale(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *a = current_book();
  kl_feed_book *b = open_book("B");
  turn();
  long long id = sent_id(0, "add_markets");
  say_snapshot(1, 2, "B", "[\"0.1000\",\"1.00\"]", "");
  burst_ends();
  assert_false(b->stale);
  say_error(id, 18, ""); /* and whether changes of B will come is not known */
  burst_ends();
  assert_true(b->stale);
  kl_feed_book_release(feed, a);
  kl_feed_book_release(feed, b);
}

static void a_snapshot_of_a_market_that_is_not_subscribed_makes_no_book(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *a = current_book();
  kl_feed_book *b = open_book("B"), *c = open_book("C");
  turn();
  long long add = sent_id(0, "add_markets");
  say_delta(1, 3, "A", "0.3800", "1.00", "yes"); /* a gap: snapshots of all are asked for */
  burst_ends();
  long long get = sent_id(1, "get_snapshot");
  say_error(add, 26, "");
  answer_snapshot(get, 4, "B", "[\"0.1000\",\"1.00\"]");
  burst_ends();
  assert_true(b->stale && !b->ready);
  kl_feed_book_release(feed, a);
  kl_feed_book_release(feed, b);
  kl_feed_book_release(feed, c);
}

static void a_snapshot_of_an_addition_before_the_last_removal_makes_no_book(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *a = current_book(), *b = open_book("B");
  turn();
  kl_feed_book_release(feed, b);
  turn();
  b = open_book("B");
  turn();
  sent_id(2, "add_markets");
  say("{\"type\":\"ok\",\"id\":%lld,\"sid\":1,\"seq\":2}", sent_id(0, "add_markets"));
  say_snapshot(1, 3, "B", "[\"0.1000\",\"1.00\"]", "");
  burst_ends();
  assert_true(b->stale);
  say("{\"type\":\"ok\",\"id\":%lld,\"sid\":1,\"seq\":4}", sent_id(1, "delete_markets"));
  say_snapshot(1, 5, "B", "[\"0.2000\",\"1.00\"]", ""); /* it may come before the answer */
  burst_ends();
  assert_false(b->stale);
  assert_best(b, 2000, 100, 0, 0);
  kl_feed_book_release(feed, a);
  kl_feed_book_release(feed, b);
}

static void a_snapshot_asked_for_before_the_addition_makes_no_book(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *a = current_book(), *b = open_book("B"), *c = open_book("C");
  turn();
  long long add = sent_id(0, "add_markets");
  say_delta(1, 3, "A", "0.3800", "1.00", "yes"); /* a gap: snapshots of all are asked for */
  burst_ends();
  long long get = sent_id(1, "get_snapshot");
  say_error(add, 26, "");
  burst_ends();
  long long again = sent_id(2, "\"add_markets\",\"market_tickers\":[\"B\"]");
  answer_snapshot(get, 4, "B", "[\"0.1000\",\"1.00\"]");
  burst_ends();
  assert_true(b->stale);
  say("{\"type\":\"ok\",\"id\":%lld,\"sid\":1,\"seq\":5}", again);
  say_snapshot(1, 6, "B", "[\"0.2000\",\"1.00\"]", "");
  burst_ends();
  assert_false(b->stale);
  kl_feed_book_release(feed, a);
  kl_feed_book_release(feed, b);
  kl_feed_book_release(feed, c);
}

static void a_quiet_book_becomes_current_by_a_snapshot_that_is_behind(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *a = current_book(), *b = open_book("B");
  turn();
  say("{\"type\":\"ok\",\"id\":%lld,\"sid\":1,\"seq\":2}", sent_id(0, "add_markets"));
  say_snapshot(1, 3, "B", "", "");
  burst_ends();
  forget_sent();
  say_raw("{\"type\":\"orderbook_delta\",\"sid\":1,\"seq\":4,\"msg\":{}}");
  burst_ends();
  assert_true(a->stale && b->stale);
  long long id = sent_id(0, "get_snapshot");
  for (int seq = 5; seq < 9; seq++)
    say_delta(1, seq, "A", "0.3800", "1.00", "yes");
  answer_snapshot(id, 6, "A", "[\"0.3800\",\"12.00\"]");
  answer_snapshot(id, 6, "B", "[\"0.1000\",\"1.00\"]");
  burst_ends();
  assert_false(a->stale || b->stale);
  assert_best(a, 3800, 1400, 0, 0);
  assert_best(b, 1000, 100, 0, 0);
  kl_feed_book_release(feed, a);
  kl_feed_book_release(feed, b);
}

static void a_snapshot_from_before_a_message_that_could_not_be_read_is_of_no_use(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *a = current_book();
  say_delta(1, 2, "A", "0.3800", "-20.00", "yes"); /* does not fit: a snapshot is asked for */
  burst_ends();
  long long id = sent_id(0, "get_snapshot");
  say_delta(1, 3, "A", "0.3800", "1.00", "yes");
  say_raw("{\"type\":\"orderbook_delta\",\"sid\":1,\"seq\":4,\"msg\":{}}");
  answer_snapshot(id, 2, "A", "[\"0.3800\",\"10.00\"]");
  burst_ends();
  assert_true(a->stale);
  answer_snapshot(id, 3, "A", "[\"0.3800\",\"11.00\"]");
  burst_ends();
  assert_true(a->stale);
  answer_snapshot(sent_id(1, "get_snapshot"), 5, "A", "[\"0.3800\",\"12.00\"]");
  burst_ends();
  assert_false(a->stale);
  assert_best(a, 3800, 1200, 0, 0);
  say_delta(1, 6, "A", "0.3800", "1.00", "yes");
  burst_ends();
  assert_best(a, 3800, 1300, 0, 0);
  assert_int_equal(status().gaps, 0);
  kl_feed_book_release(feed, a);
}

static void a_snapshot_from_between_two_such_messages_is_of_no_use(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *a = current_book();
  say_raw("{\"type\":\"orderbook_delta\",\"sid\":1,\"seq\":2,\"msg\":{}}");
  burst_ends();
  say_raw("{\"type\":\"orderbook_delta\",\"sid\":1,\"seq\":3,\"msg\":{}}");
  answer_snapshot(sent_id(0, "get_snapshot"), 2, "A", "[\"0.3800\",\"11.00\"]");
  burst_ends();
  assert_true(a->stale);
  say_delta(1, 4, "A", "0.3800", "1.00", "yes");
  answer_snapshot(sent_id(1, "get_snapshot"), 3, "A", "[\"0.3800\",\"12.00\"]");
  burst_ends();
  assert_false(a->stale);
  assert_best(a, 3800, 1300, 0, 0);
  assert_int_equal(status().gaps, 0);
  kl_feed_book_release(feed, a);
}

/* ---- answers that are none ---- */

static void an_answer_to_subscribe_that_says_nothing_does_not_count(void **state) {
  (void)state;
  static const char *const answers[] = {
      "{\"type\":\"ok\",\"id\":%lld,\"sid\":1,\"seq\":1}",
      "{\"type\":\"subscribed\",\"id\":%lld,\"msg\":{\"channel\":\"trades\",\"sid\":1}}",
      "{\"type\":\"subscribed\",\"id\":%lld,\"msg\":{\"channel\":\"trade\",\"sid\":0}}",
      "{\"type\":\"unsubscribed\",\"id\":%lld,\"sid\":1,\"seq\":1}",
  };
  for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
    start_feed(&(kl_feed_options){.can_connect = true, .command_timeout_ms = 1000});
    sub_log l;
    subscribe(&l, trade_channel, only_a, false);
    link_opens();
    char text[256];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, sizeof text, answers[i], sent_id(0, "\"trade\""));
#pragma GCC diagnostic pop
    say_raw(text);
    burst_ends();
    assert_int_equal(l.ready, 0);
    assert_int_equal(peer.n_sent, 1);
    kl_clock_virtual_advance(&vclock, 1100000);
    wait_for(&peer.closed_by_feed, 1); /* and is not waited for without end */
    assert_non_null(strstr(status().last_error, "did not answer"));
    kl_feed_sub_close(l.sub);
    stop_feed();
    forget_sent();
    memset(&peer, 0, sizeof peer);
  }
}

static void a_snapshot_that_repeats_the_id_of_an_addition_is_not_its_answer(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *a = current_book();
  sub_log raw;
  subscribe(&raw, book_channel, only_b, false);
  turn();
  long long id = sent_id(0, "add_markets");
  answer_snapshot(id, 2, "B", "");
  burst_ends();
  assert_int_equal(raw.messages, 1);
  assert_int_equal(raw.ready, 0);
  say("{\"type\":\"ok\",\"id\":%lld,\"sid\":1,\"seq\":3}", id);
  burst_ends();
  assert_int_equal(raw.ready, 1);
  kl_feed_sub_close(raw.sub);
  kl_feed_book_release(feed, a);
}

/* ---- wide and narrow ---- */

/* Ticker "A" on the first connection, "B" on the second, both acknowledged; and a subscription to all. */
static void two_connections(sub_log *one, sub_log *two) {
  subscribe(one, trade_channel, only_a, false);
  link_opens();
  answer_subscribe("trade", 1);
  burst_ends();
  forget_sent();
  subscribe(two, trade_channel, only_b, false);
  turn();
  say_error(sent_id(0, "\"market_tickers\":[\"B\"]"), 26, "");
  burst_ends();
  forget_sent();
}

static void what_all_markets_cover_stays_ready_when_another_connection_fails(void **state) {
  (void)state;
  start_feed(NULL);
  sub_log one, two, all;
  two_connections(&one, &two);
  turn();
  signature_ready(); /* the second connection is on its way */
  subscribe(&all, trade_channel, NULL, false);
  speak_on(0);
  turn();
  turn();
  answer_subscribe("trade", 2);
  burst_ends();
  assert_int_equal(all.ready, 1);
  assert_true(kl_feed_sub_ready(two.sub));
  speak_on(1);
  link_breaks(0);
  turn();
  assert_true(kl_feed_sub_ready(two.sub));
  kl_feed_sub_close(one.sub);
  kl_feed_sub_close(two.sub);
  kl_feed_sub_close(all.sub);
}

static void markets_go_over_to_the_cover_of_all_without_a_hole(void **state) {
  (void)state;
  start_feed(NULL);
  sub_log one, two, all;
  two_connections(&one, &two);
  link_opens_on(1);
  answer_subscribe("trade", 1);
  burst_ends();
  assert_int_equal(two.ready, 1);
  forget_sent();
  subscribe(&all, trade_channel, NULL, false);
  turn();
  turn();
  assert_int_equal(status().connections, 2); /* what is asked for is not there yet */
  speak_on(1);
  say_trade(1, 1, "B");
  burst_ends();
  assert_int_equal(two.messages, 1);
  assert_int_equal(all.messages, 1);
  speak_on(0);
  answer_subscribe("trade", 2);
  say_trade(2, 1, "B");
  speak_on(1);
  say_trade(1, 2, "B"); /* the same, before that connection knows of its end */
  assert_int_equal(two.messages, 2);
  assert_int_equal(all.messages, 2);
  burst_ends();
  assert_int_equal(status().connections, 1);
  assert_int_equal(two.again, 0);
  assert_true(kl_feed_sub_ready(two.sub));
  forget_sent();
  kl_feed_sub_close(all.sub);
  kl_feed_sub_close(one.sub);
  turn();
  assert_false(kl_feed_sub_ready(two.sub)); /* the cover is gone */
  kl_feed_sub_close(two.sub);
}

/* All is refused for now, or not wanted any more: the others have not ended for it. */
static void what_is_not_covered_yet_goes_on(void **state) {
  (void)state;
  start_feed(NULL);
  sub_log one, two, all;
  two_connections(&one, &two);
  link_opens_on(1);
  answer_subscribe("trade", 1);
  burst_ends();
  forget_sent();
  subscribe(&all, trade_channel, NULL, false);
  turn();
  speak_on(0);
  say_error(sent_id(1, "\"subscribe\""), 27, "");
  kl_feed_sub_close(all.sub);
  turn();
  turn();
  speak_on(1);
  say_trade(1, 1, "B");
  burst_ends();
  assert_int_equal(two.messages, 1);
  assert_true(kl_feed_sub_ready(two.sub));
  assert_int_equal(status().connections, 2);
  kl_feed_sub_close(two.sub);
  turn();
  assert_int_equal(status().connections, 1);
  kl_feed_sub_close(one.sub);
}

static void the_first_state_comes_through_all_markets_too(void **state) {
  (void)state;
  start_feed(NULL);
  sub_log all, a, b;
  subscribe(&all, ticker_channel, NULL, false);
  subscribe(&a, ticker_channel, only_a, true);
  link_opens();
  assert_int_equal(peer.n_sent, 1);
  sent_id(0, "\"send_initial_snapshot\":true");
  subscribe(&b, ticker_channel, only_b, true); /* too late for that command */
  turn();
  answer_subscribe("ticker", 1);
  burst_ends();
  assert_int_equal(peer.n_sent, 3);
  sent_id(1, "unsubscribe");
  sent_id(2, "\"send_initial_snapshot\":true");
  kl_feed_sub_close(all.sub);
  kl_feed_sub_close(a.sub);
  kl_feed_sub_close(b.sub);
}

static void an_initial_subscription_that_becomes_wide_asks_for_it_again(void **state) {
  (void)state;
  start_feed(NULL);
  sub_log all, a;
  subscribe(&a, ticker_channel, only_a, true);
  link_opens();
  answer_subscribe("ticker", 1);
  burst_ends();
  forget_sent();
  subscribe(&all, ticker_channel, NULL, false);
  turn();
  sent_id(0, "unsubscribe");
  sent_id(1, "\"send_initial_snapshot\":true");
  kl_feed_sub_close(all.sub);
  kl_feed_sub_close(a.sub);
}

/* ---- callbacks that go on asking ---- */

typedef struct asking {
  kl_feed_request r;
  int answers;
  bool again;
} asking;

static void ask_again(kl_feed_request *r, const char *raw, size_t n, const kl_error *e) {
  asking *a = r->data;
  kl_error why;
  (void)raw, (void)n, (void)e;
  a->answers++;
  a->again = kl_feed_subscriptions(feed, 0, r, &why);
}

static void a_request_may_be_repeated_when_its_connection_ends(void **state) {
  (void)state;
  start_feed(NULL);
  kl_error e;
  kl_feed_book *a = current_book();
  asking q = {.r = {.data = &q, .answer = ask_again}};
  assert_true(kl_feed_subscriptions(feed, 0, &q.r, &e));
  link_breaks(0);
  assert_int_equal(q.answers, 1);
  assert_false(q.again); /* there is nobody to ask */
  kl_feed_book_release(feed, a);
}

/* ---- a connection more that is refused ---- */

static void a_further_connection_that_is_refused_fails_only_what_waits_for_it(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *a = current_book();
  kl_feed_book *b = open_book("B");
  turn();
  say_error(sent_id(0, "[\"B\"]"), 26, "");
  burst_ends();
  turn();
  signature_ready();
  sub_log trades;
  speak_on(0);
  subscribe(&trades, trade_channel, only_a, false);
  turn();
  speak_on(1);
  link_breaks(403);
  assert_true(b->failed);
  assert_non_null(strstr(b->error.message, "refused connection 2"));
  assert_int_equal(trades.failed, 0);
  speak_on(0);
  answer_subscribe("trade", 2);
  burst_ends();
  assert_int_equal(trades.ready, 1);
  assert_false(a->failed || a->stale);
  kl_feed_book_release(feed, a);
  kl_feed_book_release(feed, b);
  kl_feed_sub_close(trades.sub);
}

/* ---- connections are few ---- */

static void variants_that_nobody_uses_make_room_for_others(void **state) {
  (void)state;
  static const char *const rfqs[] = {"communications", NULL};
  start_feed(&(kl_feed_options){.can_connect = true, .max_connections = 2});
  for (int i = 0; i < 6; i++) {
    kl_error e;
    sub_log l = {.sub = NULL};
    kl_feed_sub_options o = {.channels = rfqs, .shard_factor = 8, .shard_key = i, .data = &l, .ready = sub_ready};
    l.sub = kl_feed_subscribe(feed, &o, &e);
    if (!l.sub) fail_msg("%s", e.message);
    if (!i) link_opens();
    turn();
    char part[64];
    snprintf(part, sizeof part, "\"shard_factor\":8,\"shard_key\":%d}", i);
    long long id = sent_id(0, part);
    say("{\"type\":\"subscribed\",\"id\":%lld,\"msg\":{\"channel\":\"communications\",\"sid\":%d}}", id, i + 1);
    burst_ends();
    assert_int_equal(l.ready, 1);
    kl_feed_sub_close(l.sub);
    turn();
    sent_id(1, "unsubscribe");
    forget_sent();
  }
  assert_int_equal(peer.opened, 1);
}

static void a_split_takes_a_connection_that_has_become_empty(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *a = current_book();
  kl_feed_book *b = open_book("B");
  for (int i = 0; i < 3; i++) {
    turn();
    speak_on(0);
    say("{\"type\":\"error\",\"sid\":%d,\"msg\":{\"code\":25,\"msg\":\"Subscription buffer overflow\"}}", i + 1);
    burst_ends();
    kl_feed_book_release(feed, b); /* which had gone to the second */
    turn();
    forget_sent();
    kl_clock_virtual_advance(&vclock, 2000000);
    wait_for(&peer.n_sent, 1);
    answer_subscribe("orderbook_delta", i + 2);
    b = open_book("B");
  }
  assert_int_equal(status().connections_made, 2);
  kl_feed_book_release(feed, a);
  kl_feed_book_release(feed, b);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
  const struct CMUnitTest tests[] = {
      T(a_market_that_no_subscription_takes_fails),
      T(a_subscription_that_takes_none_fails_those_it_names),
      T(the_limit_is_looked_for_by_one_command_at_a_time),
      T(ten_thousand_markets_find_their_connections),
      T(where_no_connection_is_left_all_beyond_the_limit_fail_at_once),
      T(too_many_snapshots_at_once_are_asked_for_in_smaller_lots),
      T(a_book_whose_addition_was_refused_behind_its_snapshot_is_stale),
      T(a_snapshot_of_a_market_that_is_not_subscribed_makes_no_book),
      T(a_snapshot_of_an_addition_before_the_last_removal_makes_no_book),
      T(a_snapshot_asked_for_before_the_addition_makes_no_book),
      T(a_quiet_book_becomes_current_by_a_snapshot_that_is_behind),
      T(a_snapshot_from_before_a_message_that_could_not_be_read_is_of_no_use),
      T(a_snapshot_from_between_two_such_messages_is_of_no_use),
      T(an_answer_to_subscribe_that_says_nothing_does_not_count),
      T(a_snapshot_that_repeats_the_id_of_an_addition_is_not_its_answer),
      T(what_all_markets_cover_stays_ready_when_another_connection_fails),
      T(markets_go_over_to_the_cover_of_all_without_a_hole),
      T(what_is_not_covered_yet_goes_on),
      T(the_first_state_comes_through_all_markets_too),
      T(an_initial_subscription_that_becomes_wide_asks_for_it_again),
      T(a_request_may_be_repeated_when_its_connection_ends),
      T(a_further_connection_that_is_refused_fails_only_what_waits_for_it),
      T(variants_that_nobody_uses_make_room_for_others),
      T(a_split_takes_a_connection_that_has_become_empty),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
