/* What people are told of orders that are refused: where nothing is traded, and no more in the log than there is. */
#include "unit/desk_world.h"

static size_t standstills(const kl_standstill **out) { return kl_party_standstills(maker, out); }

static void be_refused(const char *answer) {
  outcome o = {0};
  kl_order_intent i = bid();
  world.create = keep(0, answer);
  kl_desk_order *x = place(&i, &o);
  UNTIL(o.calls);
  assert_true(o.failed);
  kl_desk_order_release(x);
  world.create = NULL;
}

static void a_pause_is_remembered_until_an_order_goes_through(void **state) {
  (void)state;
  const kl_standstill *all;
  char text[256];
  outcome o = {0};
  kl_order_intent i = bid();
  assert_int_equal(standstills(&all), 0);
  be_refused(json_answer(400, REFUSED("invalid_order")));
  assert_int_equal(standstills(&all), 0);
  be_refused(json_answer(400, REFUSED("MARKET_INACTIVE")));
  be_refused(json_answer(400, REFUSED("MARKET_INACTIVE")));
  be_refused(json_answer(400, REFUSED("trading_is_paused")));
  assert_int_equal(standstills(&all), 2);
  assert_string_equal(kl_standstill_text(text, sizeof text, &all[0], all[0].at_ms + 12500),
                      "T is paused or closed: the exchange refused an order 12 s ago (MARKET_INACTIVE)");
  assert_string_equal(kl_standstill_text(text, sizeof text, &all[1], all[1].at_ms + 150000),
                      "trading is paused on the exchange: the exchange refused an order 2 min ago (trading_is_paused)");
  kl_desk_order *x = place(&i, &o);
  UNTIL(o.calls);
  assert_false(o.failed);
  assert_int_equal(standstills(&all), 0);
  kl_desk_order_release(x);
}

static void a_fill_ends_it_too(void **state) {
  (void)state;
  const kl_standstill *all;
  kl_desk_order *x = resting();
  be_refused(json_answer(400, REFUSED("MARKET_INACTIVE")));
  assert_int_equal(standstills(&all), 1);
  world.cancel = keep(1, json_answer(400, REFUSED("MARKET_INACTIVE"))); /* after the close also cancels */
  assert_true(cancel(x).failed);
  assert_int_equal(standstills(&all), 1);
  say_fill("t1", "o1", "", "4.00");
  assert_int_equal(standstills(&all), 0);
  kl_desk_order_release(x);
}

static void a_pause_of_the_whole_exchange_is_seen(void **state) {
  (void)state;
  const kl_standstill *all;
  be_refused(json_answer(503, REFUSED("exchange_is_paused")));
  assert_int_equal(standstills(&all), 1);
  assert_string_equal(all[0].ticker, "");
  assert_string_equal(all[0].code, "exchange_is_paused");
}

static int unawaited;
static void note_line(void *data, kl_log_level level, const char *source, const char *text, size_t n) {
  (void)data;
  (void)level;
  (void)source;
  (void)n;
  if (strstr(text, "nobody waits")) unawaited++;
}

/* Its object has the error, for whoever placed it without waiting, and the log has said so once. */
static void a_refusal_of_an_order_without_wait_is_said_once(void **state) {
  (void)state;
  outcome a = {0}, b = {0};
  kl_error e;
  kl_order_intent i = bid();
  kl_desk_order *x = place(&i, &a), *y = NULL; /* 20 contracts, and 15 may be held */
  kl_desk_write *w = NULL;
  assert_true(kl_desk_place(desk, maker, 3, &i, &y, on_answer, &b, &w, &e));
  kl_desk_leave(w, true);
  unawaited = 0;
  kl_log_set_level(KL_LOG_INFO);
  kl_log_tap(note_line, NULL);
  channels_open();
  UNTIL(a.calls && y->status == KL_DESK_REJECTED && !y->writes);
  kl_log_tap(NULL, NULL);
  kl_log_set_level(KL_LOG_ERROR);
  assert_string_equal(y->error->code, "max_position");
  assert_int_equal(unawaited, 0);
  kl_desk_order_release(x);
  kl_desk_order_release(y);
}

int main(void) {
  kl_log_set_level(KL_LOG_ERROR);
  const struct CMUnitTest tests[] = {
      IN(begin_world, a_pause_is_remembered_until_an_order_goes_through),
      IN(begin_world, a_fill_ends_it_too),
      IN(begin_world, a_pause_of_the_whole_exchange_is_seen),
      IN(begin_limited, a_refusal_of_an_order_without_wait_is_said_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
