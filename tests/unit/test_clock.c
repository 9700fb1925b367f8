#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void expect_time(int64_t us, int fraction, const char *want) {
  char out[64];
  assert_int_equal(kl_time_rfc3339(out, sizeof out, us, fraction), strlen(want));
  assert_string_equal(out, want);
}

static void writes_rfc3339(void **state) {
  (void)state;
  expect_time(0, 0, "1970-01-01T00:00:00Z");
  expect_time(INT64_C(1789482600402000), 3, "2026-09-15T14:30:00.402Z");
  expect_time(INT64_C(1789482600402999), 3, "2026-09-15T14:30:00.402Z");
  expect_time(INT64_C(1789482600402999), 6, "2026-09-15T14:30:00.402999Z");
  expect_time(INT64_C(1709164800000000), 0, "2024-02-29T00:00:00Z");
  expect_time(INT64_C(951782400000000), 0, "2000-02-29T00:00:00Z");
  expect_time(INT64_C(4107542399999999), 6, "2100-02-28T23:59:59.999999Z");
  expect_time(INT64_C(4107542400000000), 0, "2100-03-01T00:00:00Z");
}

static void writes_times_before_1970(void **state) {
  (void)state;
  expect_time(-1, 6, "1969-12-31T23:59:59.999999Z");
  expect_time(-1000000, 0, "1969-12-31T23:59:59Z");
  expect_time(INT64_C(-62135596800000000), 0, "0001-01-01T00:00:00Z");
}

static void agrees_with_the_system_calendar(void **state) {
  (void)state;
  for (int64_t day = -200000; day < 200000; day += 37) {
    time_t t = (time_t)(day * 86400 + 86399);
    struct tm tm;
    assert_non_null(gmtime_r(&t, &tm));
    char want[64];
    if (tm.tm_year + 1900 < 1000) continue; /* %Y does not pad */
    assert_true(strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%SZ", &tm) > 0);
    expect_time((int64_t)t * 1000000, 0, want);
  }
}

static void takes_any_time_and_any_space(void **state) {
  (void)state;
  char out[64];
  assert_true(kl_time_rfc3339(out, sizeof out, INT64_MAX, 6) > 0);
  assert_true(kl_time_rfc3339(out, sizeof out, INT64_MIN, 6) > 0);
  assert_int_equal(kl_time_rfc3339(out, 20, 0, 0), 0);
  assert_string_equal(out, "");
  assert_int_equal(kl_time_rfc3339(out, 21, 0, 0), 20);
  assert_int_equal(kl_time_rfc3339(NULL, 0, 0, 0), 0);
}

static void reads_what_it_writes_and_other_forms_of_rfc3339(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t us;
  } good[] = {{"1970-01-01T00:00:00Z", 0},
              {"2026-09-15T14:30:02.15048Z", INT64_C(1789482602150480)},
              {"2026-09-15T14:30:02.150480999Z", INT64_C(1789482602150480)},
              {"2026-09-15T15:30:02.1+01:00", INT64_C(1789482602100000)},
              {"2026-09-15T09:00:02-05:30", INT64_C(1789482602000000)},
              {"1969-12-31T23:59:59.5Z", -500000},
              {"2024-02-29t00:00:00z", INT64_C(1709164800000000)}};
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    int64_t us = 1;
    assert_true(kl_time_parse_rfc3339(good[i].text, strlen(good[i].text), &us));
    assert_int_equal(us, good[i].us);
  }
  static const char *const bad[] = {"",
                                    "2026-09-15",
                                    "2026-09-15 14:30:02Z",
                                    "2026-09-15T14:30:02",
                                    "2026-09-15T14:30:02.Z",
                                    "2026-09-15T14:30:02.",
                                    "2026-13-15T14:30:02Z",
                                    "2025-02-29T14:30:02Z",
                                    "2026-09-15T24:30:02Z",
                                    "2026-09-15T14:30:02+1:00",
                                    "2026-09-15T14:30:02+01:60",
                                    "2026-09-15T14:30:02Zx"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    int64_t us = 1;
    assert_false(kl_time_parse_rfc3339(bad[i], strlen(bad[i]), &us));
    assert_int_equal(us, 1);
  }
}

static void the_real_clock_goes_forward(void **state) {
  (void)state;
  const kl_clock *c = kl_clock_real();
  int64_t before = kl_mono_ns(c);
  for (int i = 0; i < 1000; i++) {
    int64_t now = kl_mono_ns(c);
    assert_true(now >= before);
    before = now;
  }
  assert_true(kl_wall_us(c) > INT64_C(1700000000000000));
  int64_t us = kl_wall_us(c), ms = kl_wall_ms(c);
  assert_true(ms - us / 1000 >= 0 && ms - us / 1000 < 1000);
}

static void a_thread_that_waits_uses_no_processor_time(void **state) {
  (void)state;
  const int64_t still_ns = 200000000;
  int64_t before = kl_thread_cpu_ns();
  nanosleep(&(struct timespec){.tv_nsec = still_ns}, NULL);
  int64_t waited = kl_thread_cpu_ns();
  assert_true(waited >= before && waited - before < still_ns / 2);
  for (int64_t until = waited + 1000000; kl_thread_cpu_ns() < until;) { /* work counts: this ends */
  }
}

static void a_virtual_clock_moves_only_by_hand(void **state) {
  (void)state;
  kl_clock_virtual v;
  kl_clock_virtual_init(&v, 1500);
  assert_int_equal(kl_wall_us(&v.clock), 1500);
  assert_int_equal(kl_wall_ms(&v.clock), 1);
  assert_int_equal(kl_mono_ns(&v.clock), 0);
  kl_clock_virtual_advance(&v, 250);
  assert_int_equal(kl_wall_us(&v.clock), 1750);
  assert_int_equal(kl_mono_ns(&v.clock), 250000);
  kl_clock_virtual_init(&v, -1);
  assert_int_equal(kl_wall_ms(&v.clock), -1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(writes_rfc3339),
      cmocka_unit_test(writes_times_before_1970),
      cmocka_unit_test(agrees_with_the_system_calendar),
      cmocka_unit_test(takes_any_time_and_any_space),
      cmocka_unit_test(reads_what_it_writes_and_other_forms_of_rfc3339),
      cmocka_unit_test(the_real_clock_goes_forward),
      cmocka_unit_test(a_thread_that_waits_uses_no_processor_time),
      cmocka_unit_test(a_virtual_clock_moves_only_by_hand),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
