/* The weekly maintenance window by Eastern clocks, and the pause that comes with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "sim/schedule.h"

static int64_t at(const char *text) {
  int64_t us;
  assert_true(kl_time_parse_rfc3339(text, strlen(text), &us));
  return us;
}

static void check_window(const char *now, int i, const char *start, const char *end) {
  kl_sim_window w = kl_sim_maintenance(at(now), i);
  assert_int_equal(w.start_us, at(start));
  assert_int_equal(w.end_us, at(end));
}

static void eastern_clocks_change_on_the_second_sunday_of_march_and_the_first_of_november(void **state) {
  (void)state;
  static const struct {
    const char *utc;
    int hours;
  } cases[] = {
      {"2026-01-15T12:00:00Z", -5}, {"2026-03-08T06:59:59Z", -5}, {"2026-03-08T07:00:00Z", -4},
      {"2026-07-04T00:00:00Z", -4}, {"2026-11-01T05:59:59Z", -4}, {"2026-11-01T06:00:00Z", -5},
      {"2027-03-14T07:00:00Z", -4}, {"2028-11-05T06:00:00Z", -5}, {"2024-12-31T23:59:59Z", -5},
      {"2025-01-01T04:59:59Z", -5}, {"2015-03-08T07:00:00Z", -4}, {"2020-11-01T05:59:59Z", -4},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_int_equal(kl_sim_eastern_offset_us(at(cases[i].utc)), cases[i].hours * INT64_C(3600000000));
}

static void the_window_is_thursday_three_to_five_by_eastern_clocks(void **state) {
  (void)state;
  check_window("2026-09-15T12:00:00Z", 0, "2026-09-17T07:00:00Z", "2026-09-17T09:00:00Z"); /* a Tuesday, summer */
  check_window("2026-09-17T07:00:00Z", 0, "2026-09-17T07:00:00Z", "2026-09-17T09:00:00Z");
  check_window("2026-09-17T08:59:59Z", 0, "2026-09-17T07:00:00Z", "2026-09-17T09:00:00Z");
  check_window("2026-09-17T09:00:00Z", 0, "2026-09-24T07:00:00Z", "2026-09-24T09:00:00Z");
  check_window("2026-11-25T19:00:00Z", 0, "2026-11-26T08:00:00Z", "2026-11-26T10:00:00Z"); /* winter */
  check_window("2026-10-29T12:00:00Z", 0, "2026-11-05T08:00:00Z", "2026-11-05T10:00:00Z"); /* across the change */
  check_window("2026-03-05T12:00:00Z", 1, "2026-03-19T07:00:00Z", "2026-03-19T09:00:00Z");
  check_window("2026-09-17T03:30:00Z", 0, "2026-09-17T07:00:00Z", "2026-09-17T09:00:00Z"); /* still Wednesday there */
}

static void step(kl_sim *s, const char *now) {
  s->now_us = at(now);
  kl_sim_schedule_second(s);
}

static kl_pause pause_of(const kl_sim *s, int shard) { return kl_exchange_pause_of(s->x, shard, NULL); }

static void trading_pauses_for_the_window_where_it_is_asked_for(void **state) {
  (void)state;
  kl_exchange_options o = {.seed = 1};
  kl_sim s = {.x = kl_exchange_new(&o)};
  int64_t resume;
  assert_non_null(s.x);
  step(&s, "2026-09-17T07:30:00Z");
  assert_int_equal(pause_of(&s, 0), KL_RUNNING); /* not asked for */
  s.o.maintenance = true;
  step(&s, "2026-09-17T06:59:59Z");
  assert_int_equal(pause_of(&s, 0), KL_RUNNING);
  step(&s, "2026-09-17T07:00:00Z");
  for (int shard = 0; shard < KL_EXCHANGE_SHARDS; shard++) {
    assert_int_equal(kl_exchange_pause_of(s.x, shard, &resume), KL_TRADING_PAUSE);
    assert_int_equal(resume, at("2026-09-17T09:00:00Z"));
  }
  /* An operator lets one shard go on and closes another altogether: that stays. */
  assert_true(kl_exchange_set_pause(s.x, s.now_us, 1, KL_RUNNING, 0));
  assert_true(kl_exchange_set_pause(s.x, s.now_us, 2, KL_EXCHANGE_PAUSE, 0));
  step(&s, "2026-09-17T07:00:01Z");
  assert_int_equal(pause_of(&s, 1), KL_RUNNING);
  step(&s, "2026-09-17T09:00:00Z");
  assert_int_equal(pause_of(&s, 0), KL_RUNNING);
  assert_int_equal(pause_of(&s, 2), KL_EXCHANGE_PAUSE);
  step(&s, "2026-09-24T08:59:59Z");
  assert_int_equal(pause_of(&s, 3), KL_TRADING_PAUSE);
  /* Stopped in a window, and started after it without the option. */
  s.o.maintenance = false;
  s.maintenance_end_us = 0;
  step(&s, "2026-09-24T12:00:00Z");
  assert_int_equal(pause_of(&s, 3), KL_RUNNING);
  assert_int_equal(pause_of(&s, 2), KL_EXCHANGE_PAUSE);
  kl_exchange_free(s.x);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(eastern_clocks_change_on_the_second_sunday_of_march_and_the_first_of_november),
      cmocka_unit_test(the_window_is_thursday_three_to_five_by_eastern_clocks),
      cmocka_unit_test(trading_pauses_for_the_window_where_it_is_asked_for),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
