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

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
  const struct CMUnitTest tests[] = {
      T(a_market_that_no_subscription_takes_fails),
      T(a_subscription_that_takes_none_fails_those_it_names),
      T(the_limit_is_looked_for_by_one_command_at_a_time),
      T(where_no_connection_is_left_all_beyond_the_limit_fail_at_once),
      T(a_book_whose_addition_was_refused_behind_its_snapshot_is_stale),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
