/* Subscriptions that are being replaced: what is on its way of the old one, answers that come late, ends that the
 * exchange refuses. */
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

static void say_error(long long id, int code) {
  say("{\"type\":\"error\",\"id\":%lld,\"msg\":{\"code\":%d,\"msg\":\"refused\"}}", id, code);
}

static void say_end(int sid, int code) {
  say("{\"type\":\"error\",\"sid\":%d,\"msg\":{\"code\":%d,\"msg\":\"ended\"}}", sid, code);
}

static void say_ticker(int sid, const char *ticker) {
  say("{\"type\":\"ticker\",\"sid\":%d,\"msg\":{\"market_ticker\":\"%s\",\"market_id\":\"x\",\"price_dollars\":\"0."
      "4000\","
      "\"yes_bid_dollars\":\"0.4000\",\"yes_ask_dollars\":\"0.5000\",\"volume_fp\":\"1.00\",\"open_interest_fp\":\"1."
      "00\","
      "\"dollar_volume\":1,\"dollar_open_interest\":1,\"yes_bid_size_fp\":\"1.00\",\"yes_ask_size_fp\":\"1.00\","
      "\"last_trade_size_fp\":\"1.00\",\"ts\":1,\"ts_ms\":1000,\"time\":\"x\"}}",
      sid, ticker);
}

/* Trades of "A", live as sid 2 up to number 1, and of all markets: asked for, and not answered. */
static void widening(sub_log *a, sub_log *all) {
  start_feed(NULL);
  subscribe(a, trade_channel, only_a, false);
  link_opens();
  answer_subscribe("trade", 2);
  burst_ends();
  say_trade(2, 1, "A");
  assert_int_equal(a->messages, 1);
  forget_sent();
  subscribe(all, trade_channel, NULL, false);
  turn();
  assert_int_equal(peer.n_sent, 2);
  sent_id(0, "\"unsubscribe\"");
  sent_id(1, "\"subscribe\"");
}

static void later(int ms) {
  kl_clock_virtual_advance(&vclock, (int64_t)ms * 1000);
  wait_ms(250);
}

static int gaps_told;
static void on_gap(void *data, const char *what, const char *detail) {
  (void)data;
  (void)detail;
  gaps_told += !strcmp(what, "gap");
}

static void the_last_messages_of_a_subscription_are_counted_too(void **state) {
  (void)state;
  sub_log a, all;
  kl_feed_listener l = {.status = on_gap};
  gaps_told = 0;
  widening(&a, &all);
  kl_feed_listen(feed, &l);
  say_trade(2, 1, "A"); /* was here before */
  assert_int_equal(a.messages, 1);
  assert_int_equal(status().duplicates, 1);
  say_trade(2, 2, "A");
  assert_int_equal(a.messages, 2);
  assert_int_equal(gaps_told, 0);
  say_trade(2, 4, "A"); /* and one is missing */
  assert_int_equal(a.messages, 3);
  assert_int_equal(gaps_told, 1);
  say("{\"type\":\"unsubscribed\",\"id\":%lld,\"sid\":2,\"seq\":5}", sent_id(0, "unsubscribe"));
  answer_subscribe("trade", 3);
  say_trade(3, 1, "A"); /* with numbers of its own */
  assert_int_equal(a.messages, 4);
  assert_int_equal(gaps_told, 1);
  kl_feed_unlisten(&l);
  kl_feed_sub_close(a.sub);
  kl_feed_sub_close(all.sub);
}

static void a_connection_that_is_lost_ends_what_was_ending(void **state) {
  (void)state;
  sub_log a, all;
  widening(&a, &all);
  link_breaks(0);
  forget_sent();
  turn();
  link_opens();
  assert_int_equal(peer.n_sent, 1);
  answer_subscribe("trade", 1);
  burst_ends();
  assert_int_equal(all.ready, 1);
  say_trade(2, 2, "A"); /* of the connection before: nobody's */
  say_trade(1, 1, "A");
  assert_int_equal(a.messages, 2);
  assert_int_equal(all.messages, 1);
  kl_feed_sub_close(a.sub);
  kl_feed_sub_close(all.sub);
}

static void what_is_refused_after_the_end_of_another_is_told(void **state) {
  (void)state;
  sub_log a, all;
  widening(&a, &all);
  say("{\"type\":\"unsubscribed\",\"id\":%lld,\"sid\":2,\"seq\":2}", sent_id(0, "unsubscribe"));
  say_error(sent_id(1, "subscribe"), 11);
  burst_ends();
  assert_int_equal(a.failed, 1);
  assert_int_equal(all.failed, 1);
  kl_feed_sub_close(a.sub);
  kl_feed_sub_close(all.sub);
}

static void what_cannot_be_had_just_now_is_asked_for_again(void **state) {
  (void)state;
  sub_log a, all;
  widening(&a, &all);
  say("{\"type\":\"unsubscribed\",\"id\":%lld,\"sid\":2,\"seq\":2}", sent_id(0, "unsubscribe"));
  say_error(sent_id(1, "subscribe"), 27);
  forget_sent();
  later(1000);
  assert_int_equal(peer.n_sent, 1);
  answer_subscribe("trade", 3);
  burst_ends();
  say_trade(3, 1, "A");
  assert_int_equal(a.messages, 2);
  assert_int_equal(all.messages, 1);
  kl_feed_sub_close(a.sub);
  kl_feed_sub_close(all.sub);
}

/* The exchange has ended the old one by itself, before it read that it was to. */
static void an_end_that_was_on_its_way_concerns_the_old_one_alone(void **state) {
  (void)state;
  sub_log a, all;
  for (int code = 10; code <= 25; code += 15) {
    widening(&a, &all);
    say_end(2, 17); /* this one ends nothing */
    say_trade(2, 2, "A");
    assert_int_equal(a.messages, 2);
    say_end(2, code);
    say_error(sent_id(0, "unsubscribe"), 7);
    answer_subscribe("trade", 3);
    burst_ends();
    assert_int_equal(all.ready, 1);
    say_trade(3, 1, "A");
    assert_int_equal(a.messages, 3);
    assert_int_equal(peer.n_sent, 2);
    say_end(3, code); /* and that of the new one: it is subscribed again */
    forget_sent();
    later(1000);
    assert_int_equal(peer.n_sent, 1);
    answer_subscribe("trade", 4);
    burst_ends();
    assert_int_equal(all.again, 1);
    kl_feed_sub_close(a.sub);
    kl_feed_sub_close(all.sub);
    forget_sent();
    stop_feed();
  }
}

/* What is answered now was asked for on the subscription before: it says nothing of the one that is coming. */
static void an_answer_about_the_subscription_before_is_not_about_the_new_one(void **state) {
  (void)state;
  static const int codes[] = {7, 10, 16, 25, 26, 27};
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
    sub_log a, b, all;
    start_feed(NULL);
    subscribe(&a, trade_channel, only_a, false);
    link_opens();
    answer_subscribe("trade", 2);
    burst_ends();
    forget_sent();
    subscribe(&b, trade_channel, only_b, false);
    turn();
    subscribe(&all, trade_channel, NULL, false);
    turn();
    assert_int_equal(peer.n_sent, 3);
    say_error(sent_id(0, "add_markets"), codes[i]);
    say("{\"type\":\"unsubscribed\",\"id\":%lld,\"sid\":2,\"seq\":1}", sent_id(1, "unsubscribe"));
    answer_subscribe("trade", 3);
    burst_ends();
    if (all.ready != 1) fail_msg("after %d", codes[i]);
    assert_int_equal(b.ready, 1);
    later(1100);
    assert_int_equal(peer.n_sent, 3);
    say_trade(3, 1, "B");
    assert_int_equal(b.messages, 1);
    assert_int_equal(all.messages, 1);
    kl_feed_sub_close(a.sub);
    kl_feed_sub_close(b.sub);
    kl_feed_sub_close(all.sub);
    forget_sent();
    stop_feed();
  }
}

/* Whoever subscribes again to what still is there adds to it: it would stay as narrow as it was. */
static void an_end_that_is_refused_is_asked_for_again(void **state) {
  (void)state;
  sub_log a, all;
  widening(&a, &all);
  say_error(sent_id(0, "unsubscribe"), 27);
  say_trade(2, 2, "A");
  answer_subscribe("trade", 2);
  burst_ends();
  assert_int_equal(all.ready, 0);
  say_trade(2, 3, "A");
  assert_int_equal(a.messages, 3);
  assert_int_equal(status().gaps, 0);
  forget_sent();
  turn();
  assert_int_equal(peer.n_sent, 0); /* not at once: it had too many requests */
  later(1100);
  assert_int_equal(peer.n_sent, 2);
  sent_id(0, "\"unsubscribe\",\"params\":{\"sids\":[2]}");
  say("{\"type\":\"unsubscribed\",\"id\":%lld,\"sid\":2,\"seq\":4}", sent_id(0, "unsubscribe"));
  answer_subscribe("trade", 3);
  burst_ends();
  assert_int_equal(all.ready, 1);
  say_trade(3, 1, "Z");
  assert_int_equal(all.messages, 3);
  kl_feed_sub_close(a.sub);
  kl_feed_sub_close(all.sub);
}

static void so_is_the_end_of_what_nobody_wants(void **state) {
  (void)state;
  sub_log a, all;
  start_feed(NULL);
  subscribe(&a, trade_channel, only_a, false);
  link_opens();
  answer_subscribe("trade", 2);
  burst_ends();
  forget_sent();
  kl_feed_sub_close(a.sub);
  turn();
  say_error(sent_id(0, "unsubscribe"), 27);
  burst_ends();
  forget_sent();
  subscribe(&all, trade_channel, NULL, false);
  turn();
  later(1100);
  assert_int_equal(peer.n_sent, 2);
  sent_id(0, "\"unsubscribe\",\"params\":{\"sids\":[2]}");
  sent_id(1, "\"channels\":[\"trade\"],\"skip");
  kl_feed_sub_close(all.sub);
}

static void a_second_widening_waits_for_the_first(void **state) {
  (void)state;
  sub_log a, all;
  start_feed(NULL);
  subscribe(&a, ticker_channel, only_a, false);
  link_opens();
  answer_subscribe("ticker", 2);
  burst_ends();
  forget_sent();
  subscribe(&all, ticker_channel, NULL, false);
  turn();
  assert_int_equal(peer.n_sent, 2);
  sub_log more, first;
  subscribe(&more, ticker_channel, NULL, false);
  subscribe(&first, ticker_channel, NULL, true); /* begins anew, for the first state of all */
  turn();
  assert_int_equal(peer.n_sent, 2);
  say_ticker(2, "A");
  assert_int_equal(a.messages, 1);
  say("{\"type\":\"unsubscribed\",\"id\":%lld,\"sid\":2,\"seq\":1}", sent_id(0, "unsubscribe"));
  answer_subscribe("ticker", 3);
  say_ticker(3, "A");
  burst_ends();
  assert_int_equal(peer.n_sent, 4);
  sent_id(2, "\"unsubscribe\",\"params\":{\"sids\":[3]}");
  sent_id(3, "\"send_initial_snapshot\":true");
  say_ticker(3, "B");
  assert_int_equal(a.messages, 2);
  assert_int_equal(more.messages, 3);
  say("{\"type\":\"unsubscribed\",\"id\":%lld,\"sid\":3,\"seq\":1}", sent_id(2, "unsubscribe"));
  say("{\"type\":\"subscribed\",\"id\":%lld,\"msg\":{\"channel\":\"ticker\",\"sid\":4}}", sent_id(3, "subscribe"));
  burst_ends();
  assert_true(kl_feed_sub_ready(first.sub) && kl_feed_sub_ready(more.sub));
  say_ticker(4, "A");
  assert_int_equal(first.messages, more.messages);
  assert_int_equal(a.messages, 3);
  kl_feed_sub_close(a.sub);
  kl_feed_sub_close(all.sub);
  kl_feed_sub_close(more.sub);
  kl_feed_sub_close(first.sub);
}

static void all_may_be_given_up_while_one_is_ending(void **state) {
  (void)state;
  sub_log a, all;
  widening(&a, &all);
  kl_feed_sub_close(a.sub);
  kl_feed_sub_close(all.sub);
  say_trade(2, 2, "A");
  say("{\"type\":\"unsubscribed\",\"id\":%lld,\"sid\":2,\"seq\":3}", sent_id(0, "unsubscribe"));
  answer_subscribe("trade", 3);
  burst_ends();
  assert_int_equal(peer.n_sent, 3);
  sent_id(2, "\"unsubscribe\",\"params\":{\"sids\":[3]}");
  /* And wanted anew: what was on its way of the other is nobody's. */
  subscribe(&a, trade_channel, only_a, false);
  turn();
  say_trade(3, 1, "A");
  assert_int_equal(a.messages, 0);
  assert_int_equal(status().ignored, 1);
  kl_feed_sub_close(a.sub);
}

/* Two channels in turn, so that the one looked up last is now this one, now the other. */
static void two_channels_end_side_by_side(void **state) {
  (void)state;
  static const char *const both[] = {"trade", "ticker", NULL};
  sub_log a, all;
  start_feed(NULL);
  subscribe(&a, both, only_a, false);
  link_opens();
  answer_subscribe("trade", 2);
  answer_subscribe("ticker", 3);
  burst_ends();
  forget_sent();
  subscribe(&all, both, NULL, false);
  turn();
  assert_int_equal(peer.n_sent, 4);
  say_trade(2, 1, "A");
  say_ticker(3, "A");
  say("{\"type\":\"unsubscribed\",\"id\":%lld,\"sid\":2,\"seq\":2}", sent_id(0, "unsubscribe"));
  say_ticker(3, "A");
  assert_int_equal(a.messages, 3);
  answer_subscribe("trade", 4);
  say_trade(4, 1, "A");
  say_ticker(3, "A");
  say_trade(2, 3, "A"); /* gone */
  say_trade(4, 2, "A");
  assert_int_equal(a.messages, 6);
  assert_int_equal(status().ignored, 1);
  kl_feed_sub_close(a.sub);
  kl_feed_sub_close(all.sub);
}

static void say_value(int sid) {
  say("{\"type\":\"cfbenchmarks_value\",\"sid\":%d,\"seq\":1,\"msg\":{\"index_id\":\"BRTI\",\"data\":\"{}\"}}", sid);
}

static void indices_become_all_without_a_hole(void **state) {
  (void)state;
  static const char *const channel[] = {"cfbenchmarks_value", NULL}, *const one[] = {"BRTI", NULL},
                           *const every[] = {"all", NULL};
  sub_log brti = {0}, all = {0};
  kl_error e;
  start_feed(NULL);
  kl_feed_sub_options o = {.channels = channel,
                           .key = KL_KEY_INDEX,
                           .tickers = one,
                           .data = &brti,
                           .message = sub_message,
                           .ready = sub_ready,
                           .failed = sub_failed};
  brti.sub = kl_feed_subscribe(feed, &o, &e);
  link_opens();
  answer_subscribe("cfbenchmarks_value", 5);
  burst_ends();
  forget_sent();
  o.tickers = every;
  o.data = &all;
  all.sub = kl_feed_subscribe(feed, &o, &e);
  turn();
  say_value(5);
  assert_int_equal(brti.messages, 1);
  say("{\"type\":\"unsubscribed\",\"id\":%lld,\"sid\":5,\"seq\":2}", sent_id(0, "unsubscribe"));
  answer_subscribe("cfbenchmarks_value", 6);
  burst_ends();
  say_value(6);
  assert_int_equal(brti.messages, 2);
  assert_int_equal(all.messages, 2);
  kl_feed_sub_close(brti.sub);
  kl_feed_sub_close(all.sub);
}

static void the_first_state_is_asked_for_again_with_an_addition_that_was_refused(void **state) {
  (void)state;
  for (int code = 26; code <= 27; code++) {
    sub_log a, b;
    start_feed(NULL);
    subscribe(&a, ticker_channel, only_a, false);
    link_opens();
    answer_subscribe("ticker", 2);
    burst_ends();
    forget_sent();
    subscribe(&b, ticker_channel, only_b, true);
    turn();
    sent_id(0, "\"send_initial_snapshot\":true");
    say_error(sent_id(0, "add_markets"), code); /* goes to another connection, or is asked for later */
    turn();
    if (code == 26) {
      signature_ready();
      peer.ws->o.open(peer.ws->o.data, 0);
    }
    later(1100);
    assert_int_equal(peer.n_sent, 2);
    sent_id(1, "\"send_initial_snapshot\":true");
    kl_feed_sub_close(a.sub);
    kl_feed_sub_close(b.sub);
    forget_sent();
    stop_feed();
  }
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
  const struct CMUnitTest tests[] = {
      T(the_last_messages_of_a_subscription_are_counted_too),
      T(a_connection_that_is_lost_ends_what_was_ending),
      T(what_is_refused_after_the_end_of_another_is_told),
      T(what_cannot_be_had_just_now_is_asked_for_again),
      T(an_end_that_was_on_its_way_concerns_the_old_one_alone),
      T(an_answer_about_the_subscription_before_is_not_about_the_new_one),
      T(an_end_that_is_refused_is_asked_for_again),
      T(so_is_the_end_of_what_nobody_wants),
      T(a_second_widening_waits_for_the_first),
      T(all_may_be_given_up_while_one_is_ending),
      T(two_channels_end_side_by_side),
      T(indices_become_all_without_a_hole),
      T(the_first_state_is_asked_for_again_with_an_addition_that_was_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
