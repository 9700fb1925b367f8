/* The doors of a simulator that mirrors markets: what is told comes in, in order and bounded, and orders wait for their
 * market and for as long as they would be on their way. */
#include <pthread.h>

#include "sim/mirror_door.h"
#include "sim_client.h"

#define ORDERS "/portfolio/events/orders"
#define TICKER "KXMIRROR-26NOV26-T1"

static struct {
  pthread_mutex_t lock;
  int asked; /* how often a market was wanted */
  char ticker[64];
} asked = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* On the simulator's thread, which stands while the test holds the lock. */
static void wanted(void *data, const char *ticker) {
  (void)data;
  pthread_mutex_lock(&asked.lock);
  asked.asked++;
  snprintf(asked.ticker, sizeof asked.ticker, "%s", ticker);
  pthread_mutex_unlock(&asked.lock);
}

static int times_asked(void) {
  pthread_mutex_lock(&asked.lock);
  int n = asked.asked;
  pthread_mutex_unlock(&asked.lock);
  return n;
}

static void await_asked(int n) {
  for (int i = 0; times_asked() < n; i++) {
    if (i == 5000) fail_msg("the market was not asked for");
    usleep(1000);
  }
}

static kl_sim *open_mirror(int64_t latency_us) {
  asked.asked = 0;
  kl_sim_mirror_options m = {.latency_us = latency_us, .wanted = wanted};
  m.start[0] = INT64_C(1000) * KL_MONEY_ONE;
  m.start[2] = INT64_C(7) * KL_MONEY_ONE;
  return sim_open((kl_sim_options){.seed = 1, .mirror = &m, .quick_keys = true});
}

static void tell_market(kl_sim *s) {
  const kl_series series = {.ticker = "KXMIRROR", .fee_type = KL_FEE_QUADRATIC, .fee_multiplier_ppm = 1000000};
  const kl_market_event event = {.ticker = "KXMIRROR-26NOV26"};
  kl_market market = {.ticker = TICKER,
                      .status = KL_MARKET_ACTIVE,
                      .close_us = kl_wall_us(kl_clock_real()) + INT64_C(3600000000),
                      .settlement = -1};
  assert_true(kl_price_structure("linear_cent", &market));
  assert_true(kl_sim_mirror_market(s, &(kl_mirror_market_info){&series, &event, &market}));
}

/* Offers of YES at 0.60: bids of NO at 0.40. */
static void tell_offer(kl_sim *s, kl_count count) {
  const kl_mirror_rung offer = {4000, count};
  const kl_mirror_rung *const levels[2] = {[KL_YES] = NULL, [KL_NO] = &offer};
  const size_t n[2] = {[KL_YES] = 0, [KL_NO] = count > 0};
  assert_true(kl_sim_mirror_snapshot(s, TICKER, levels, n));
}

/* Sends an order that takes five at 0.60 at most, and does not wait for its answer. */
static int send_order(kl_sim *s) {
  static const char body[] = "{\"ticker\":\"" TICKER "\",\"side\":\"bid\",\"price\":\"0.60\",\"count\":\"5\","
                             "\"time_in_force\":\"immediate_or_cancel\","
                             "\"self_trade_prevention_type\":\"taker_at_cross\"}";
  int fd = sim_connect(s);
  kl_buf b = {0};
  kl_buf_printf(&b, "POST " SIM_ROOT ORDERS " HTTP/1.1\r\nHost: 127.0.0.1\r\n");
  sim_sign(&b, kl_sim_user_at(s, 0), "POST", SIM_ROOT ORDERS, 0);
  kl_buf_printf(&b, "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", sizeof body - 1, body);
  sim_write(fd, b.data, b.len);
  kl_buf_free(&b);
  return fd;
}

static bool answered(int fd, int ms) {
  struct pollfd p = {.fd = fd, .events = POLLIN};
  return poll(&p, 1, ms) > 0;
}

static void check_filled(int fd, const char *count) {
  sim_answer a = sim_receive(fd);
  assert_int_equal(a.status, 201);
  assert_string_equal(sim_text(a.body, "fill_count"), count);
  sim_answer_free(&a);
  close(fd);
}

static void an_order_waits_for_its_market(void **state) {
  (void)state;
  kl_sim *s = open_mirror(0);
  int fd = send_order(s);
  await_asked(1);
  assert_string_equal(asked.ticker, TICKER);
  tell_market(s);
  tell_offer(s, 300);
  assert_false(answered(fd, 50));
  assert_true(kl_sim_mirror_ready(s, TICKER));
  check_filled(fd, "3.00");
  check_filled(send_order(s), "0.00"); /* what it took is gone */
  assert_true(kl_sim_mirror_level(s, TICKER, KL_NO, 4000, 200));
  check_filled(send_order(s), "2.00");
  assert_int_equal(times_asked(), 1);
  kl_sim_mirror_report r;
  assert_true(kl_sim_mirror_report_get(s, &r));
  assert_int_equal(r.view[KL_VIEW_ESTIMATE].contracts, 500);
  assert_false(r.resumed);
  sim_answer a = sim_call(s, kl_sim_user_at(s, 0), "GET", "/portfolio/positions", NULL);
  assert_string_equal(sim_text(a.body, "market_positions.0.position_fp"), "5.00");
  sim_answer_free(&a);
  kl_sim_stop(s);
}

static bool is_there(kl_sim *s) {
  sim_answer a = sim_call(s, kl_sim_user_at(s, 0), "GET", "/markets/" TICKER, NULL);
  int status = a.status;
  sim_answer_free(&a);
  assert_true(status == 200 || status == 404);
  return status == 200;
}

/* What it came to stays in the report, and the market is asked for anew. */
static void a_settled_market_goes_after_a_while(void **state) {
  (void)state;
  asked.asked = 0;
  kl_sim_mirror_options m = {.wanted = wanted, .keep_us = 2000000, .start = {INT64_C(1000) * KL_MONEY_ONE}};
  kl_sim *s = sim_open((kl_sim_options){.seed = 1, .mirror = &m, .quick_keys = true});
  tell_market(s);
  tell_offer(s, 300);
  assert_true(kl_sim_mirror_ready(s, TICKER));
  check_filled(send_order(s), "3.00");
  assert_true(kl_sim_mirror_status(s, TICKER, KL_MARKET_FINALIZED, KL_PRICE_ONE));
  assert_true(is_there(s));
  for (int i = 0; is_there(s); i++) {
    if (i == 500) fail_msg("it stays");
    usleep(10000);
  }
  kl_sim_mirror_report r;
  assert_true(kl_sim_mirror_report_get(s, &r));
  assert_int_equal(r.view[KL_VIEW_ESTIMATE].contracts, 300);
  assert_int_equal(r.view[KL_VIEW_ESTIMATE].realized, 300 * 4000);
  int before = times_asked(), fd = send_order(s);
  await_asked(before + 1);
  tell_market(s);
  tell_offer(s, 200);
  assert_true(kl_sim_mirror_ready(s, TICKER));
  check_filled(fd, "2.00");
  kl_sim_stop(s);
}

static void a_market_that_cannot_be_had_refuses_its_orders(void **state) {
  (void)state;
  kl_sim *s = open_mirror(0);
  int fd = send_order(s);
  await_asked(1);
  assert_true(kl_sim_mirror_missing(s, TICKER, NULL));
  sim_answer a = sim_receive(fd);
  assert_int_equal(a.status, 404);
  sim_answer_free(&a);
  close(fd);
  usleep(1100000); /* it is asked for again then */
  fd = send_order(s);
  await_asked(2);
  assert_true(kl_sim_mirror_missing(s, TICKER, "the line is dead"));
  a = sim_receive(fd);
  assert_int_equal(a.status, 503);
  assert_non_null(strstr(sim_text(a.body, "error.details"), "the line is dead"));
  sim_answer_free(&a);
  close(fd);
  kl_sim_stop(s);
}

static void an_order_meets_what_came_while_it_was_on_its_way(void **state) {
  (void)state;
  kl_sim *s = open_mirror(2000000);
  tell_market(s);
  tell_offer(s, 500);
  assert_true(kl_sim_mirror_ready(s, TICKER));
  int64_t sent_ns = kl_mono_ns(kl_clock_real());
  int fd = send_order(s);
  usleep(50000);
  assert_true(kl_sim_mirror_level(s, TICKER, KL_NO, 4000, -400)); /* somebody was faster */
  check_filled(fd, "1.00");
  assert_true(kl_mono_ns(kl_clock_real()) - sent_ns >= INT64_C(2000000000));
  kl_sim_stop(s);
}

static void a_full_queue_takes_nothing_and_the_next_snapshot_is_right(void **state) {
  (void)state;
  kl_sim *s = open_mirror(0);
  tell_market(s);
  tell_offer(s, 500);
  assert_true(kl_sim_mirror_ready(s, TICKER));
  pthread_mutex_lock(&asked.lock);
  static const char other[] = "{\"ticker\":\"KXOTHER\"}";
  int fd = sim_connect(s);
  kl_buf b = {0};
  kl_buf_printf(&b, "POST " SIM_ROOT ORDERS " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %zu\r\n\r\n%s",
                sizeof other - 1, other);
  sim_write(fd, b.data, b.len); /* asks for a market: the simulator's thread stands in `wanted` now */
  kl_buf_free(&b);
  size_t told = 0;
  while (kl_sim_mirror_level(s, TICKER, KL_NO, 4100, told % 2 ? -100 : 100)) {
    told++;
    if (told > 10000000) fail_msg("the queue has no end");
  }
  assert_true(kl_sim_mirror_waiting(s) <= KL_SIM_MIRROR_BYTES);
  assert_true(told > 10000);
  assert_false(kl_sim_mirror_trade(s, TICKER, 6000, 100, KL_BID, "t"));
  pthread_mutex_unlock(&asked.lock);
  for (int i = 0; kl_sim_mirror_waiting(s) > 0 && i < 10000; i++)
    usleep(1000);
  tell_offer(s, 200);
  check_filled(send_order(s), "2.00");
  close(fd);
  kl_sim_stop(s);
}

static void the_account_has_what_it_was_given(void **state) {
  (void)state;
  kl_sim *s = open_mirror(0);
  sim_answer a = sim_call(s, kl_sim_user_at(s, 0), "GET", "/portfolio/balance", NULL);
  assert_string_equal(sim_text(a.body, "balance_dollars"), "1007.0000");
  assert_string_equal(sim_text(a.body, "balance_breakdown.2.balance"), "7.0000");
  sim_answer_free(&a);
  a = sim_call(s, NULL, "GET", "/markets?limit=10", NULL);
  assert_int_equal(json_array_size(sim_at(a.body, "markets")), 0);
  sim_answer_free(&a);
  kl_sim_stop(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_order_waits_for_its_market),
      cmocka_unit_test(a_settled_market_goes_after_a_while),
      cmocka_unit_test(a_market_that_cannot_be_had_refuses_its_orders),
      cmocka_unit_test(an_order_meets_what_came_while_it_was_on_its_way),
      cmocka_unit_test(a_full_queue_takes_nothing_and_the_next_snapshot_is_right),
      cmocka_unit_test(the_account_has_what_it_was_given),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
