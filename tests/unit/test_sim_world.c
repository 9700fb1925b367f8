/* What the simulator trades and who trades it, without sockets. */
#include "sim/traders.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/candles.h"

#define NOON INT64_C(1795521600000000) /* 24 November 2026, 12:00 UTC */
#define STEP_US (KL_SIM_STEP_MS * INT64_C(1000))

typedef struct stage {
  kl_exchange *x;
  kl_sim_world w;
  kl_sim_traders *t;
  int64_t now_us;
  uint64_t levels, trades;
  bool off_grid;
} stage;

static void on_level(void *data, const kl_market *m, kl_outcome side, kl_price price, kl_count delta,
                     const kl_order *by) {
  stage *s = data;
  (void)delta;
  (void)by;
  s->levels++;
  if (!kl_price_on_grid(m, side == KL_YES ? price : KL_PRICE_ONE - price)) s->off_grid = true;
  if (s->t) kl_sim_traders_count_level(s->t);
}

static void on_trade(void *data, const kl_trade *t) {
  (void)t;
  ((stage *)data)->trades++;
}

static stage *open_stage(uint64_t seed, int markets, double rate) {
  kl_error e;
  stage *s = calloc(1, sizeof *s);
  assert_non_null(s);
  kl_exchange_options o = {.seed = seed, .sink = {.data = s, .level = on_level, .trade = on_trade}};
  s->now_us = NOON;
  s->x = kl_exchange_new(&o);
  assert_non_null(s->x);
  assert_true(kl_sim_world_build(&s->w, s->x, seed, markets, NOON, &e));
  kl_exchange_tick(s->x, NOON);
  s->t = kl_sim_traders_new(s->x, &s->w, seed, rate);
  assert_non_null(s->t);
  kl_sim_traders_open(s->t, NOON);
  return s;
}

static void close_stage(stage *s) {
  kl_sim_traders_free(s->t);
  kl_sim_world_free(&s->w);
  kl_exchange_free(s->x);
  free(s);
}

static void walk(stage *s, int steps) {
  for (int i = 0; i < steps; i++) {
    s->now_us += STEP_US;
    kl_sim_traders_step(s->t, s->now_us);
  }
}

/* Everything that can be seen of the books, as a number. */
static uint64_t fingerprint(const stage *s) {
  uint64_t h = 14695981039346656037U;
  for (size_t i = 0; i < s->w.n_markets; i++) {
    for (int side = 0; side < 2; side++) {
      kl_price price;
      kl_count count;
      for (size_t k = 0; kl_exchange_level(s->w.markets[i].market, (kl_outcome)side, k, &price, &count); k++)
        h = (h ^ (uint64_t)(price * 1000003 + count)) * 1099511628211U;
    }
  }
  return h;
}

static void makes_as_many_markets_as_asked(void **state) {
  static const int wanted[] = {1, 36, 700};
  (void)state;
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
    stage *s = open_stage(1, wanted[i], 10);
    assert_int_equal(s->w.n_markets, wanted[i]);
    assert_int_equal(kl_exchange_market_count(s->x), wanted[i]);
    for (size_t k = 0; k < s->w.n_markets; k++) {
      const kl_market *m = s->w.markets[k].market;
      assert_int_equal(m->index, k);
      assert_int_equal(m->status, KL_MARKET_ACTIVE);
      assert_true(m->close_us > NOON);
    }
    close_stage(s);
  }
}

static void has_several_series_and_price_structures(void **state) {
  (void)state;
  stage *s = open_stage(1, 36, 10);
  bool exclusive = false, inclusive = false;
  char structures[8][40];
  size_t n = 0;
  assert_true(kl_exchange_series_count(s->x) >= 6);
  for (size_t i = 0; i < s->w.n_markets; i++) {
    const kl_market *m = s->w.markets[i].market;
    size_t k = 0;
    while (k < n && strcmp(structures[k], m->price_structure) != 0)
      k++;
    if (k == n) snprintf(structures[n++], sizeof structures[0], "%s", m->price_structure);
    if (m->event->mutually_exclusive) exclusive = true;
    if (!m->event->mutually_exclusive) inclusive = true;
  }
  assert_true(n >= 4);
  assert_true(exclusive && inclusive);
  close_stage(s);
}

static void the_same_seed_gives_the_same_books(void **state) {
  (void)state;
  stage *a = open_stage(7, 36, 300), *b = open_stage(7, 36, 300), *c = open_stage(8, 36, 300);
  assert_true(fingerprint(a) == fingerprint(b));
  assert_true(fingerprint(a) != fingerprint(c));
  walk(a, 2000);
  walk(b, 2000);
  assert_true(fingerprint(a) == fingerprint(b));
  assert_true(a->trades > 0 && a->trades == b->trades);
  close_stage(a);
  close_stage(b);
  close_stage(c);
}

static void keeps_the_rate_and_the_grid(void **state) {
  (void)state;
  stage *s = open_stage(3, 36, 500);
  s->levels = 0;
  walk(s, 60 * 1000 / KL_SIM_STEP_MS);
  assert_in_range(s->levels, 60 * 500 * 98 / 100, 60 * 500 * 102 / 100);
  assert_true(s->trades > 100);
  assert_false(s->off_grid);
  close_stage(s);
}

static void books_are_hardly_ever_empty_or_crossed(void **state) {
  (void)state;
  stage *s = open_stage(5, 36, 126);
  size_t looks = 0, empty = 0, wide = 0;
  for (int minute = 0; minute < 20; minute++) {
    walk(s, 60 * 1000 / KL_SIM_STEP_MS);
    for (size_t i = 0; i < s->w.n_markets; i++) {
      kl_price bid, ask;
      kl_count bid_size, ask_size;
      kl_exchange_top(s->w.markets[i].market, &bid, &bid_size, &ask, &ask_size);
      assert_true(bid < ask);
      looks++;
      if (bid_size == 0 || ask_size == 0) empty++;
      if (ask - bid > 1000) wide++;
    }
  }
  assert_true(empty * 100 <= looks * 2);
  assert_true(wide * 100 <= looks * 4);
  assert_int_equal(kl_exchange_conservation(s->x), 0);
  close_stage(s);
}

static void prices_of_an_exclusive_event_add_up_to_one(void **state) {
  (void)state;
  stage *s = open_stage(2, 36, 10);
  for (uint64_t step = 0; step < 100000; step += 5000) {
    for (size_t i = 0; i < s->w.n_events; i++) {
      const kl_sim_event *e = &s->w.events[i];
      double sum = 0;
      if (e->model != KL_SIM_RACE || e->n < 2) continue;
      for (uint32_t k = e->first; k < e->first + e->n; k++)
        sum += kl_sim_world_fair(&s->w, k, step);
      assert_true(sum > 0.98 && sum < 1.02);
    }
  }
  close_stage(s);
}

static void closed_events_are_determined_and_then_settled(void **state) {
  (void)state;
  stage *s = open_stage(1, 36, 10);
  const kl_market *head = s->w.markets[0].market;
  uint32_t n = s->w.events[0].n;
  int64_t after = head->close_us + 10 * INT64_C(1000000);
  kl_exchange_tick(s->x, after);
  kl_sim_world_settle(&s->w, s->x, after);
  assert_int_equal(head->status, KL_MARKET_DETERMINED);
  after += 61 * INT64_C(1000000);
  kl_sim_world_settle(&s->w, s->x, after);
  int winners = 0;
  for (uint32_t i = 0; i < n; i++) {
    const kl_market *m = s->w.markets[i].market;
    assert_int_equal(m->status, KL_MARKET_FINALIZED);
    assert_true(m->settlement == 0 || m->settlement == KL_PRICE_ONE);
    winners += m->settlement == KL_PRICE_ONE;
  }
  assert_int_equal(winners, 1); /* the ranges of a temperature leave no gap */
  assert_int_equal(kl_exchange_conservation(s->x), 0);
  close_stage(s);
}

/* ---- candles ---- */

static void check_ohlc(const kl_sim_ohlc *o) {
  assert_true(o->low <= o->open && o->low <= o->close && o->high >= o->open && o->high >= o->close);
  assert_true(o->low > 0 && o->high < KL_PRICE_ONE);
}

static void the_past_is_consistent_and_repeatable(void **state) {
  (void)state;
  stage *s = open_stage(4, 36, 10);
  kl_market *m = s->w.markets[9].market;
  kl_sim_candles *c = kl_sim_candles_new(4, s->w.n_markets, NOON, true);
  kl_sim_candle_list one, hour, again;
  assert_non_null(c);
  kl_sim_candles_begin(c, m, 0.3);
  int64_t end_s = NOON / 1000000, start_s = end_s - 6 * 3600 + 1;
  assert_int_equal(kl_sim_candles_range(c, m, NOON, start_s, end_s, 1, 5000, &one), KL_SIM_CANDLES_OK);
  assert_int_equal(kl_sim_candles_range(c, m, NOON, start_s, end_s, 1, 5000, &again), KL_SIM_CANDLES_OK);
  assert_int_equal(kl_sim_candles_range(c, m, NOON, start_s, end_s, 60, 5000, &hour), KL_SIM_CANDLES_OK);
  assert_int_equal(one.n, 360);
  assert_int_equal(hour.n, 6);
  assert_true(one.has_before);
  assert_memory_equal(one.candles, again.candles, one.n * sizeof *one.candles);
  free(again.candles);
  kl_count by_minute = 0, by_hour = 0;
  for (size_t i = 0; i < one.n; i++) {
    const kl_sim_candle *k = &one.candles[i];
    assert_true(k->end_s == start_s - 1 + 60 * (int64_t)(i + 1));
    check_ohlc(&k->bid);
    check_ohlc(&k->ask);
    if (k->volume) check_ohlc(&k->price);
    assert_true(kl_price_on_grid(m, k->bid.close) && kl_price_on_grid(m, k->ask.close));
    by_minute += k->volume;
  }
  for (size_t i = 0; i < hour.n; i++)
    by_hour += hour.candles[i].volume;
  assert_true(by_minute > 0 && by_minute == by_hour);
  assert_true(m->volume >= by_minute && m->last_price > 0);
  assert_int_equal(kl_sim_candles_range(c, m, NOON, start_s, end_s, 1, 100, &again), KL_SIM_CANDLES_TOO_MANY);
  assert_int_equal(again.n, 360);
  free(one.candles);
  free(hour.candles);
  kl_sim_candles_free(c);
  close_stage(s);
}

static void trades_make_candles(void **state) {
  (void)state;
  stage *s = open_stage(4, 2, 10);
  const kl_market *m = s->w.markets[1].market;
  kl_sim_candles *c = kl_sim_candles_new(4, s->w.n_markets, NOON, false);
  kl_sim_candle_list list;
  assert_non_null(c);
  int64_t minute = INT64_C(60000000), start_s = NOON / 1000000, end_s = start_s + 600;
  assert_int_equal(kl_sim_candles_range(c, m, NOON, start_s, end_s, 1, 100, &list), KL_SIM_CANDLES_OK);
  assert_int_equal(list.n, 0);
  kl_sim_candles_trade(c, &(kl_trade){.market = m, .yes_price = 4000, .count = 100, .ts_us = NOON + 1});
  kl_sim_candles_trade(c, &(kl_trade){.market = m, .yes_price = 4300, .count = 300, .ts_us = NOON + 2});
  kl_sim_candles_trade(c, &(kl_trade){.market = m, .yes_price = 3900, .count = 50, .ts_us = NOON + 3 * minute});
  int64_t now = NOON + 4 * minute + 1;
  assert_int_equal(kl_sim_candles_range(c, m, now, start_s, end_s, 1, 100, &list), KL_SIM_CANDLES_OK);
  assert_int_equal(list.n, 5); /* two of them between the trades, and the minute under way */
  assert_int_equal(list.candles[0].volume, 400);
  assert_int_equal(list.candles[0].price.open, 4000);
  assert_int_equal(list.candles[0].price.close, 4300);
  assert_int_equal(list.candles[0].cost, 4000 * 100 + 4300 * 300);
  assert_int_equal(list.candles[1].volume, 0);
  assert_int_equal(list.candles[3].price.close, 3900);
  free(list.candles);
  assert_int_equal(kl_sim_candles_range(c, m, now, start_s + 130, end_s, 1, 100, &list), KL_SIM_CANDLES_OK);
  assert_true(list.has_before);
  assert_int_equal(list.previous, 4300);
  assert_int_equal(list.n, 3);
  free(list.candles);
  kl_sim_candles_free(c);
  close_stage(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(makes_as_many_markets_as_asked),
      cmocka_unit_test(has_several_series_and_price_structures),
      cmocka_unit_test(the_same_seed_gives_the_same_books),
      cmocka_unit_test(keeps_the_rate_and_the_grid),
      cmocka_unit_test(books_are_hardly_ever_empty_or_crossed),
      cmocka_unit_test(prices_of_an_exclusive_event_add_up_to_one),
      cmocka_unit_test(closed_events_are_determined_and_then_settled),
      cmocka_unit_test(the_past_is_consistent_and_repeatable),
      cmocka_unit_test(trades_make_candles),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
