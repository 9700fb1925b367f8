/* What the simulator trades and who trades it, without sockets. */
#include "sim/traders.h"

#include <math.h>
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

static void on_fill(void *data, const kl_fill *f) {
  stage *s = data;
  if (s->t) kl_sim_traders_fill(s->t, f);
}

static void on_trade(void *data, const kl_trade *t) {
  (void)t;
  ((stage *)data)->trades++;
}

static stage *open_stage(uint64_t seed, int markets, double rate) {
  kl_error e;
  stage *s = calloc(1, sizeof *s);
  assert_non_null(s);
  kl_exchange_options o = {.seed = seed, .sink = {.data = s, .level = on_level, .trade = on_trade, .fill = on_fill}};
  s->now_us = NOON;
  s->x = kl_exchange_new(&o);
  assert_non_null(s->x);
  kl_sim_world_options wo = {.seed = seed, .markets = markets, .now_us = NOON};
  assert_true(kl_sim_world_build(&s->w, s->x, &wo, &e));
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
    kl_sim_world_step(&s->w, s->w.step + 1);
    kl_sim_traders_step(s->t, s->now_us);
  }
}

/* Everything that can be seen of the books, as a number. */
static uint64_t fingerprint(const stage *s) {
  uint64_t h = 14695981039346656037U;
  for (size_t i = 0; i < kl_exchange_market_count(s->x); i++) {
    for (int side = 0; side < 2; side++) {
      kl_price price;
      kl_count count;
      for (size_t k = 0; kl_exchange_level(kl_exchange_market_at(s->x, i), (kl_outcome)side, k, &price, &count); k++)
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
    assert_int_equal(kl_exchange_market_count(s->x), wanted[i]);
    for (size_t k = 0; k < kl_exchange_market_count(s->x); k++) {
      const kl_market *m = kl_exchange_market_at(s->x, k);
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
  for (size_t i = 0; i < kl_exchange_market_count(s->x); i++) {
    const kl_market *m = kl_exchange_market_at(s->x, i);
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
    for (size_t i = 0; i < kl_exchange_market_count(s->x); i++) {
      kl_price bid, ask;
      kl_count bid_size, ask_size;
      kl_exchange_top(kl_exchange_market_at(s->x, i), &bid, &bid_size, &ask, &ask_size);
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

static void values_of_an_exclusive_event_add_up_to_one(void **state) {
  (void)state;
  stage *s = open_stage(2, 36, 10);
  for (uint64_t step = 1; step < 4000000; step = step * 3 / 2 + 1) {
    kl_sim_world_step(&s->w, step);
    for (size_t i = 0; i < s->w.n_events; i++) {
      const kl_sim_event *e = s->w.events[i];
      double sum = 0;
      if (!e->complete) continue;
      for (size_t k = 0; k < e->event->n_markets; k++)
        sum += kl_sim_world_fair(&s->w, e->event->markets[k]);
      assert_true(sum > 0.999 && sum < 1.001);
    }
  }
  close_stage(s);
}

/* A world at this speed, without traders. */
static stage *open_world(uint64_t seed, int markets, double speed) {
  kl_error e;
  stage *s = calloc(1, sizeof *s);
  assert_non_null(s);
  kl_exchange_options o = {.seed = seed, .speed = speed};
  s->now_us = NOON;
  s->x = kl_exchange_new(&o);
  assert_non_null(s->x);
  kl_sim_world_options wo = {.seed = seed, .markets = markets, .speed = speed, .now_us = NOON};
  assert_true(kl_sim_world_build(&s->w, s->x, &wo, &e));
  kl_exchange_tick(s->x, NOON);
  return s;
}

/* Goes on to a wall time, as the simulator's timers do. */
static void pass(stage *s, int64_t now_us) {
  while (s->now_us < now_us) {
    s->now_us = s->now_us + 100000 < now_us ? s->now_us + 100000 : now_us;
    kl_sim_world_step(&s->w, kl_sim_world_step_at(&s->w, s->now_us));
    kl_exchange_tick(s->x, s->now_us);
    kl_sim_world_settle(&s->w, s->now_us);
  }
}

static void check_agreement(const stage *s) {
  const kl_market *where;
  const char *wrong = kl_exchange_audit(s->x, &where);
  if (wrong) fail_msg("%s: %s", where ? where->ticker : "the exchange", wrong);
}

static void added(void *data, kl_sim_event *e) {
  stage *s = data;
  kl_sim_traders_add(s->t, e, s->now_us);
}

static void retiring(void *data, kl_sim_event *e) {
  stage *s = data;
  for (size_t i = 0; i < e->event->n_markets; i++)
    kl_sim_traders_forget(s->t, e->event->markets[i]);
}

static size_t open_markets(const stage *s) {
  size_t open = 0;
  for (size_t i = 0; i < kl_exchange_market_count(s->x); i++)
    open += kl_exchange_market_at(s->x, i)->status == KL_MARKET_ACTIVE;
  return open;
}

/* Days of a fast world with its traders: what is settled is forgotten, and nothing drifts apart. */
static void days_go_by_without_growth_or_drift(void **state) {
  (void)state;
  enum { MARKETS = 120, HOURS = 130 };
  static const double speed = 3600; /* an hour in a second */
  kl_error e;
  stage *s = calloc(1, sizeof *s);
  assert_non_null(s);
  kl_exchange_options o = {.seed = 9,
                           .speed = speed,
                           .keep_trades = 2000,
                           .sink = {.data = s, .level = on_level, .trade = on_trade, .fill = on_fill}};
  s->now_us = NOON;
  s->x = kl_exchange_new(&o);
  assert_non_null(s->x);
  kl_sim_world_options wo = {.seed = 9,
                             .markets = MARKETS,
                             .speed = speed,
                             .now_us = NOON,
                             .keep_us = 6 * INT64_C(1000000),
                             .data = s,
                             .added = added,
                             .retiring = retiring};
  assert_true(kl_sim_world_build(&s->w, s->x, &wo, &e));
  kl_exchange_tick(s->x, NOON);
  s->t = kl_sim_traders_new(s->x, &s->w, 9, 400);
  assert_non_null(s->t);
  kl_sim_traders_open(s->t, NOON);
  size_t most = 0, half = 0, made = s->w.made;
  for (int tick = 0; tick < HOURS * 10; tick++) {
    s->now_us += 100000;
    uint64_t due = kl_sim_world_step_at(&s->w, s->now_us);
    for (int k = 0; k < 5; k++) {
      kl_sim_world_step(&s->w, due - (uint64_t)(4 - k) * 20);
      kl_sim_traders_step(s->t, s->now_us);
    }
    kl_exchange_tick(s->x, s->now_us);
    kl_sim_world_settle(&s->w, s->now_us);
    assert_int_equal(open_markets(s), MARKETS);
    if (kl_exchange_market_count(s->x) > most) most = kl_exchange_market_count(s->x);
    if (tick == HOURS * 5) half = most;
    if (tick % 20 == 0) check_agreement(s);
  }
  assert_true(s->trades > 1000);
  assert_true(s->w.made > made + HOURS); /* hours, games and days have followed each other */
  assert_true(most < half + half / 10);  /* and were forgotten */
  assert_true(s->w.n_events == kl_exchange_event_count(s->x));
  for (size_t i = 0; i < kl_exchange_market_count(s->x); i++) {
    const kl_market *m = kl_exchange_market_at(s->x, i);
    assert_ptr_equal(kl_exchange_market(s->x, m->ticker), m);
    assert_int_equal(kl_exchange_market_from(s->x, m->serial), i);
    assert_true(m->index < most + 8); /* indices are used again */
  }
  check_agreement(s);
  close_stage(s);
}

static void closed_events_are_determined_then_settled_and_followed(void **state) {
  (void)state;
  stage *s = open_world(1, 36, 600); /* an hour in six seconds */
  const kl_market_event *e = kl_exchange_event_at(s->x, 0);
  const kl_market *head = e->markets[0];
  size_t n = e->n_markets, events = kl_exchange_event_count(s->x);
  int64_t close = head->close_us;
  assert_true(close > NOON && close < NOON + 2 * 24 * 6 * INT64_C(1000000));
  pass(s, close - 1);
  assert_int_equal(head->status, KL_MARKET_ACTIVE);
  assert_true(kl_exchange_event_count(s->x) > events); /* hours and games have ended meanwhile */
  pass(s, close + 50000);
  assert_in_range(head->status, KL_MARKET_CLOSED, KL_MARKET_DETERMINED);
  pass(s, close + 500000);
  assert_int_equal(head->status, KL_MARKET_FINALIZED);
  int winners = 0;
  for (size_t i = 0; i < n; i++) {
    const kl_market *m = e->markets[i];
    assert_int_equal(m->status, KL_MARKET_FINALIZED);
    assert_true(m->settlement == 0 || m->settlement == KL_PRICE_ONE);
    winners += m->settlement == KL_PRICE_ONE;
  }
  assert_int_equal(winners, 1); /* the ranges of a temperature leave no gap */
  assert_int_equal(open_markets(s), 36);
  close_stage(s);
}

static void events_can_be_observed(void **state) {
  (void)state;
  stage *s = open_world(3, 36, 600);
  bool seen[5] = {false};
  for (int i = 0; i < 200; i++) {
    pass(s, s->now_us + 500000);
    for (size_t k = 0; k < s->w.n_events; k++) {
      const kl_sim_event *e = s->w.events[k];
      kl_sim_observation o;
      kl_sim_world_observe(&s->w, e, &o);
      assert_int_equal(o.kind, e->kind);
      seen[o.kind] = true;
      switch (o.kind) {
      case KL_SIM_WEATHER:
        assert_true(o.value > -60 && o.value < 130);
        if (o.over) assert_true(o.extreme > -60 && o.extreme < 130);
        break;
      case KL_SIM_SPORTS:
        assert_true(o.score[0] >= 0 && o.score[1] >= 0 && o.score[0] < 250 && o.score[1] < 250);
        assert_true(o.clock_s >= 0 && o.clock_s <= 720);
        assert_true(o.started ? o.period >= 1 : o.period == 0);
        if (o.over) assert_true(o.period >= 4 && o.clock_s == 0 && o.score[0] != o.score[1]);
        break;
      case KL_SIM_CRYPTO:
        assert_true(o.value > 10000 && o.value < 1000000);
        break;
      case KL_SIM_POLL:
        assert_true(o.value > 0.2 && o.value < 0.5);
        break;
      case KL_SIM_ECONOMY:
        assert_true(o.value > 0 && o.value < 8);
        break;
      }
    }
  }
  for (int i = 0; i < 5; i++)
    assert_true(seen[i]);
  close_stage(s);
}

static void news_move_the_value_at_once(void **state) {
  (void)state;
  stage *s = open_world(5, 36, 1);
  for (size_t i = 0; i < kl_exchange_market_count(s->x); i++) {
    const kl_market *m = kl_exchange_market_at(s->x, i);
    double before = kl_sim_world_view(&s->w, m);
    double up = kl_sim_world_news(&s->w, m, 0.5);
    double between = kl_sim_world_view(&s->w, m);
    assert_true(fabs(between - before - up) < 1e-12);
    double down = kl_sim_world_news(&s->w, m, -1);
    assert_true(down < 0 && down >= -1);
    if (before > 0.1 && before < 0.4) assert_true(up > 0.01);
  }
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
  kl_market *m = kl_exchange_market_at(s->x, 9);
  kl_sim_candles *c = kl_sim_candles_new(4, kl_exchange_market_count(s->x), NOON, true);
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
  const kl_market *m = kl_exchange_market_at(s->x, 1);
  kl_sim_candles *c = kl_sim_candles_new(4, kl_exchange_market_count(s->x), NOON, false);
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
      cmocka_unit_test(values_of_an_exclusive_event_add_up_to_one),
      cmocka_unit_test(closed_events_are_determined_then_settled_and_followed),
      cmocka_unit_test(days_go_by_without_growth_or_drift),
      cmocka_unit_test(events_can_be_observed),
      cmocka_unit_test(news_move_the_value_at_once),
      cmocka_unit_test(the_past_is_consistent_and_repeatable),
      cmocka_unit_test(trades_make_candles),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
