/* The feed with all that a subscription may ask for, and on several connections. */
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
#include "kalshi/operation.h"

static void every_channel_of_the_description_is_known(void **state) {
  (void)state;
  size_t n = 0;
  for (; kl_channels[n]; n++) {
    if (!kl_channel_find(kl_channels[n])) fail_msg("%s is not in the table of channels", kl_channels[n]);
  }
  assert_int_equal(n, kl_channel_count);
}

/* ---- several connections ---- */

static void link_opens_on(int i) {
  turn();
  if (peer.sign_done) signature_ready();
  assert_int_equal(peer.opened, i + 1);
  speak_on(i);
  peer.ws->o.open(peer.ws->o.data, 0);
  turn();
}

static void say_error(long long id, int code, const char *more) {
  say("{\"type\":\"error\",\"id\":%lld,\"msg\":{\"code\":%d,\"msg\":\"refused\"%s}}", id, code, more);
}

static void markets_beyond_the_limit_of_a_subscription_go_to_another_connection(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *a = current_book();
  kl_feed_book *b = open_book("B"), *c = open_book("C");
  turn();
  say_error(sent_id(0, "\"market_tickers\":[\"B\",\"C\"]"), 26, "");
  burst_ends();
  /* Half is tried, and does not fit either. */
  say_error(sent_id(1, "\"market_tickers\":[\"B\"]"), 26, "");
  burst_ends();
  link_opens_on(1);
  assert_int_equal(peer.sent_on[2], 1);
  sent_id(2, "\"market_tickers\":[\"B\"]"); /* no more than the first took */
  say("{\"type\":\"subscribed\",\"id\":1,\"msg\":{\"channel\":\"orderbook_delta\",\"sid\":1}}");
  say_snapshot(1, 1, "B", "[\"0.1000\",\"1.00\"]", "");
  burst_ends();
  link_opens_on(2);
  say("{\"type\":\"subscribed\",\"id\":1,\"msg\":{\"channel\":\"orderbook_delta\",\"sid\":1}}");
  say_snapshot(1, 1, "C", "[\"0.2000\",\"2.00\"]", "");
  burst_ends();
  assert_true(a->ready && b->ready && c->ready);
  assert_false(a->stale || b->stale || c->stale);
  assert_best(b, 1000, 100, 0, 0);
  assert_best(c, 2000, 200, 0, 0);
  assert_int_equal(status().connections, 3);

  /* The same sid on another connection is another subscription, with numbers of its own. */
  speak_on(0);
  say_delta(1, 2, "A", "0.3800", "1.00", "yes");
  speak_on(1);
  say_delta(1, 2, "B", "0.1000", "1.00", "yes");
  burst_ends();
  assert_best(a, 3800, 1100, 4000, 500);
  assert_best(b, 1000, 200, 0, 0);
  assert_int_equal(status().gaps, 0);

  /* A gap concerns the books of its own connection. */
  say_delta(1, 4, "B", "0.1000", "1.00", "yes");
  burst_ends();
  assert_true(b->stale);
  assert_false(a->stale || c->stale);

  /* So does its end, and what nobody wants any more is hung up. */
  kl_feed_book_release(feed, b);
  turn();
  turn();
  assert_int_equal(peer.closed_by_feed, 1);
  assert_int_equal(status().connections, 2);
  speak_on(2);
  link_breaks(0);
  turn();
  assert_true(c->stale);
  assert_false(a->stale);
  assert_false(status().connected);
  link_opens_on(3);
  say("{\"type\":\"subscribed\",\"id\":2,\"msg\":{\"channel\":\"orderbook_delta\",\"sid\":1}}");
  say_snapshot(1, 1, "C", "[\"0.3000\",\"2.00\"]", "");
  burst_ends();
  assert_false(c->stale);
  assert_true(status().connected);
  kl_feed_book_release(feed, a);
  kl_feed_book_release(feed, c);
}

static void markets_that_the_limit_names_go_alone(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *a = current_book();
  kl_feed_book *b = open_book("B"), *c = open_book("C");
  turn();
  say_error(sent_id(0, "\"market_tickers\":[\"B\",\"C\"]"), 26, ",\"market_tickers\":[\"C\"]");
  turn();
  sent_id(1, "\"market_tickers\":[\"B\"]");
  assert_int_equal(peer.sent_on[1], 0);
  link_opens_on(1);
  sent_id(2, "\"market_tickers\":[\"C\"]");
  assert_false(b->failed || c->failed);
  kl_feed_book_release(feed, a);
  kl_feed_book_release(feed, b);
  kl_feed_book_release(feed, c);
}

static void without_a_further_connection_the_limit_is_an_error(void **state) {
  (void)state;
  start_feed(&(kl_feed_options){.can_connect = true, .max_connections = 1});
  kl_feed_book *a = current_book();
  kl_feed_book *b = open_book("B");
  turn();
  say_error(sent_id(0, "\"market_tickers\":[\"B\"]"), 26, "");
  burst_ends();
  assert_true(b->failed);
  assert_int_equal(b->error.status, 26);
  assert_false(a->failed);
  kl_feed_book_release(feed, a);
  kl_feed_book_release(feed, b);
}

static void a_buffer_that_overflowed_is_split_in_two(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_book *a = current_book();
  kl_feed_book *b = open_book("B");
  turn();
  say("{\"type\":\"ok\",\"id\":%lld,\"sid\":1,\"seq\":2}", sent_id(0, "add_markets"));
  say_snapshot(1, 3, "B", "", "");
  burst_ends();
  forget_sent();
  say("{\"type\":\"error\",\"sid\":1,\"msg\":{\"code\":25,\"msg\":\"Subscription buffer overflow\"}}");
  burst_ends();
  assert_true(a->stale && b->stale);
  link_opens_on(1);
  assert_int_equal(peer.n_sent, 1);
  assert_int_equal(peer.sent_on[0], 1);
  sent_id(0, "\"market_tickers\":[\"B\"]");
  kl_clock_virtual_advance(&vclock, 1100000);
  wait_for(&peer.n_sent, 2);
  assert_int_equal(peer.sent_on[1], 0);
  sent_id(1, "\"market_tickers\":[\"A\"]");
  kl_feed_book_release(feed, a);
  kl_feed_book_release(feed, b);
}

static void all_markets_cover_those_of_other_connections(void **state) {
  (void)state;
  start_feed(NULL);
  sub_log one, two, all;
  subscribe(&one, ticker_channel, only_a, false);
  link_opens();
  answer_subscribe("ticker", 1);
  burst_ends();
  forget_sent();
  subscribe(&two, ticker_channel, only_b, false);
  turn();
  say_error(sent_id(0, "\"market_tickers\":[\"B\"]"), 26, "");
  burst_ends();
  link_opens_on(1);
  say("{\"type\":\"subscribed\",\"id\":1,\"msg\":{\"channel\":\"ticker\",\"sid\":1}}");
  burst_ends();
  assert_int_equal(two.ready, 1);
  forget_sent();
  subscribe(&all, ticker_channel, NULL, false);
  speak_on(0);
  turn();
  turn();
  sent_id(0, "\"unsubscribe\"");
  answer_subscribe("ticker", 2);
  burst_ends();
  turn();
  assert_int_equal(all.ready, 1);
  speak_on(0);
  say("{\"type\":\"ticker\",\"sid\":2,\"msg\":{\"market_ticker\":\"B\",\"market_id\":\"x\",\"price_dollars\":\"0."
      "4000\","
      "\"yes_bid_dollars\":\"0.4000\",\"yes_ask_dollars\":\"0.5000\",\"volume_fp\":\"1.00\",\"open_interest_fp\":\"1."
      "00\","
      "\"dollar_volume\":1,\"dollar_open_interest\":1,\"yes_bid_size_fp\":\"1.00\",\"yes_ask_size_fp\":\"1.00\","
      "\"last_trade_size_fp\":\"1.00\",\"ts\":1,\"ts_ms\":1000,\"time\":\"x\"}}");
  assert_int_equal(all.messages, 1);
  assert_int_equal(two.messages, 1);
  assert_int_equal(one.messages, 0);
  assert_int_equal(status().connections, 1); /* the second is not needed any more */
  kl_feed_sub_close(one.sub);
  kl_feed_sub_close(two.sub);
  kl_feed_sub_close(all.sub);
}

/* ---- other parameters ---- */

static kl_feed_sub *subscribe_with(sub_log *l, kl_feed_sub_options o) {
  kl_error e;
  memset(l, 0, sizeof *l);
  o.data = l;
  o.message = sub_message;
  o.ready = sub_ready;
  o.failed = sub_failed;
  l->sub = kl_feed_subscribe(feed, &o, &e);
  if (!l->sub) l->error = e;
  return l->sub;
}

static const char *const index_channel[] = {"cfbenchmarks_value", NULL};
static const char *const rfq_channel[] = {"communications", NULL};
static const char *const all_keys[] = {"all", NULL};

typedef struct list_log {
  kl_feed_request r;
  int answers;
  char text[256], error[32];
} list_log;

static void list_answer(kl_feed_request *r, const char *raw, size_t n, const kl_error *e) {
  list_log *l = r->data;
  l->answers++;
  if (raw) snprintf(l->text, sizeof l->text, "%.*s", (int)n, raw);
  if (e) snprintf(l->error, sizeof l->error, "%s", e->kind);
}

static void indices_are_subscribed_listed_and_filtered(void **state) {
  (void)state;
  start_feed(NULL);
  sub_log none, brti, all;
  kl_error e;
  list_log list = {.r = {.data = &list, .answer = list_answer}};
  subscribe_with(&none, (kl_feed_sub_options){.channels = index_channel, .key = KL_KEY_INDEX});
  assert_false(kl_feed_sub_list(none.sub, &list.r, &e)); /* not yet */
  link_opens();
  sent_id(0, "{\"channels\":[\"cfbenchmarks_value\"]}");
  answer_subscribe("cfbenchmarks_value", 12);
  burst_ends();
  assert_int_equal(none.ready, 1);
  assert_true(kl_feed_sub_list(none.sub, &list.r, &e));
  say("{\"type\":\"cfbenchmarks_value_indexlist\",\"id\":%lld,\"sid\":12,\"seq\":1,\"msg\":{\"index_ids\":[\"BRTI\"]}}",
      sent_id(1, "{\"sid\":12,\"action\":\"indexlist\"}"));
  assert_int_equal(list.answers, 1);
  assert_non_null(strstr(list.text, "[\"BRTI\"]"));
  assert_int_equal(none.messages, 0);

  const char *const ids[] = {"BRTI", NULL};
  subscribe_with(&brti, (kl_feed_sub_options){.channels = index_channel, .key = KL_KEY_INDEX, .tickers = ids});
  turn();
  say("{\"type\":\"ok\",\"id\":%lld,\"sid\":12,\"seq\":2,\"msg\":{\"index_ids\":[\"BRTI\"]}}",
      sent_id(2, "\"action\":\"subscribe_indices\",\"index_ids\":[\"BRTI\"]"));
  burst_ends();
  assert_int_equal(brti.ready, 1);
  say("{\"type\":\"cfbenchmarks_value\",\"sid\":12,\"seq\":3,\"msg\":{\"index_id\":\"BRTI\",\"data\":\"{}\"}}");
  assert_int_equal(brti.messages, 1);
  assert_int_equal(none.messages, 0);
  assert_int_equal(status().gaps, 0);

  subscribe_with(&all, (kl_feed_sub_options){.channels = index_channel, .key = KL_KEY_INDEX, .tickers = all_keys});
  turn();
  turn();
  sent_id(3, "unsubscribe");
  sent_id(4, "\"index_ids\":[\"all\"]");
  kl_feed_sub_close(none.sub);
  kl_feed_sub_close(brti.sub);
  kl_feed_sub_close(all.sub);
}

static void a_list_ends_with_its_connection(void **state) {
  (void)state;
  start_feed(NULL);
  kl_error e;
  kl_feed_book *a = current_book();
  list_log list = {.r = {.data = &list, .answer = list_answer}}, gone = {.r = {.data = &gone, .answer = list_answer}};
  assert_true(kl_feed_subscriptions(feed, 0, &list.r, &e));
  say("{\"type\":\"ok\",\"id\":%lld,\"msg\":[{\"channel\":\"orderbook_delta\",\"sid\":1}]}",
      sent_id(0, "\"cmd\":\"list_subscriptions\"}"));
  assert_int_equal(list.answers, 1);
  assert_non_null(strstr(list.text, "\"sid\":1"));
  assert_true(kl_feed_subscriptions(feed, 0, &list.r, &e));
  assert_true(kl_feed_subscriptions(feed, 0, &gone.r, &e));
  kl_feed_request_cancel(feed, &gone.r);
  link_breaks(0);
  assert_int_equal(list.answers, 2);
  assert_string_equal(list.error, KL_ERR_NETWORK);
  assert_int_equal(gone.answers, 0);
  assert_false(kl_feed_subscriptions(feed, 0, &list.r, &e));
  kl_feed_book_release(feed, a);
}

static void shards_have_connections_of_their_own(void **state) {
  (void)state;
  start_feed(NULL);
  sub_log a, b, same, own;
  subscribe_with(&a, (kl_feed_sub_options){.channels = rfq_channel, .shard_factor = 2, .shard_key = 0});
  subscribe_with(&b, (kl_feed_sub_options){.channels = rfq_channel, .shard_factor = 2, .shard_key = 1});
  subscribe_with(&same, (kl_feed_sub_options){.channels = rfq_channel, .shard_factor = 2, .shard_key = 1});
  subscribe_with(&own, (kl_feed_sub_options){.channels = rfq_channel, .only_own_rfqs = true});
  turn();
  assert_int_equal(peer.signs, 3); /* three connections; the newest signature is what the test can answer */
  kl_feed_sub_close(own.sub);
  signature_ready();
  kl_feed_sub_close(a.sub);
  kl_feed_sub_close(b.sub);
  kl_feed_sub_close(same.sub);
  subscribe_with(&a, (kl_feed_sub_options){.channels = rfq_channel, .shard_factor = 2, .shard_key = 2});
  assert_null(a.sub);
  assert_non_null(strstr(a.error.message, "shard_key 2"));
  subscribe_with(&a, (kl_feed_sub_options){.channels = trade_channel, .shard_factor = 2, .shard_key = 1});
  assert_null(a.sub);
  assert_string_equal(a.error.message, "channel trade has no parameter shard_factor");
  subscribe_with(&a, (kl_feed_sub_options){.channels = index_channel, .tickers = only_a});
  assert_null(a.sub);
  assert_non_null(strstr(a.error.message, "chosen by index_ids"));
  static const char *const shard_two[] = {"communications", NULL};
  subscribe_with(&a, (kl_feed_sub_options){.channels = shard_two, .shard_factor = 4, .shard_key = 3});
  assert_non_null(a.sub);
  kl_feed_sub_close(a.sub);
}

static void market_ids_select_tickers(void **state) {
  (void)state;
  start_feed(NULL);
  sub_log l;
  const char *const ids[] = {"30ebe0c2-d075-4992-9896-9ab2e8d35072", NULL};
  subscribe_with(
      &l, (kl_feed_sub_options){
              .channels = ticker_channel, .key = KL_KEY_MARKET_ID, .tickers = ids, .send_initial_snapshot = true});
  link_opens();
  sent_id(0, "\"market_ids\":[\"30ebe0c2-d075-4992-9896-9ab2e8d35072\"],\"send_initial_snapshot\":true");
  answer_subscribe("ticker", 1);
  burst_ends();
  assert_int_equal(l.ready, 1);
  say("{\"type\":\"ticker\",\"sid\":1,\"msg\":{\"market_ticker\":\"B\",\"market_id\":"
      "\"30ebe0c2-d075-4992-9896-9ab2e8d35072\",\"price_dollars\":\"0.4000\",\"yes_bid_dollars\":\"0.4000\","
      "\"yes_ask_dollars\":\"0.5000\",\"volume_fp\":\"1.00\",\"open_interest_fp\":\"1.00\",\"dollar_volume\":1,"
      "\"dollar_open_interest\":1,\"yes_bid_size_fp\":\"1.00\",\"yes_ask_size_fp\":\"1.00\",\"last_trade_size_fp\":\"1."
      "00\","
      "\"ts\":1,\"ts_ms\":1000,\"time\":\"x\"}}");
  assert_int_equal(l.messages, 1);
  kl_feed_sub_close(l.sub);
}

/* ---- how old what comes is ---- */

static char late_told[64];
static void on_late(void *data, const char *what, const char *detail) {
  (void)data;
  (void)detail;
  if (!strcmp(what, "late") || !strcmp(what, "current")) snprintf(late_told, sizeof late_told, "%s", what);
}

static void delta_sent_at(int seq, long long ms) {
  say("{\"type\":\"orderbook_delta\",\"sid\":1,\"seq\":%d,\"msg\":{\"market_ticker\":\"A\",\"market_id\":"
      "\"30ebe0c2-d075-4992-9896-9ab2e8d35072\",\"price_dollars\":\"0.3800\",\"delta_fp\":\"1.00\",\"side\":\"yes\","
      "\"ts_ms\":%lld}}",
      seq, ms);
  burst_ends();
}

static void data_that_is_old_when_it_comes_is_late(void **state) {
  (void)state;
  start_feed(NULL);
  kl_feed_listener l = {.status = on_late};
  late_told[0] = '\0';
  kl_feed_listen(feed, &l);
  kl_feed_book *a = current_book();
  long long now = kl_wall_us(&vclock.clock) / 1000;
  delta_sent_at(2, now - 200);
  assert_false(status().late);
  assert_true(kl_feed_book_age(feed, a) > 0.19 && kl_feed_book_age(feed, a) < 0.21);
  delta_sent_at(3, now - 5000); /* one alone is an accident */
  assert_false(status().late);
  assert_true(kl_feed_book_age(feed, a) > 4.9);
  kl_clock_virtual_advance(&vclock, 1200000);
  delta_sent_at(4, now + 1200 - 5000);
  assert_true(status().late);
  assert_string_equal(late_told, "late");
  assert_true(status().delay > 4.9 && status().delay < 5.1);
  delta_sent_at(5, now + 1200 - 50);
  assert_false(status().late);
  assert_string_equal(late_told, "current");
  assert_false(a->stale); /* late is not wrong */
  kl_feed_unlisten(&l);
  kl_feed_book_release(feed, a);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
  const struct CMUnitTest tests[] = {
      T(every_channel_of_the_description_is_known),
      T(markets_beyond_the_limit_of_a_subscription_go_to_another_connection),
      T(markets_that_the_limit_names_go_alone),
      T(without_a_further_connection_the_limit_is_an_error),
      T(a_buffer_that_overflowed_is_split_in_two),
      T(all_markets_cover_those_of_other_connections),
      T(indices_are_subscribed_listed_and_filtered),
      T(a_list_ends_with_its_connection),
      T(shards_have_connections_of_their_own),
      T(market_ids_select_tickers),
      T(data_that_is_old_when_it_comes_is_late),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
