/* The clock of the exchange, which keeps New York time. Rule since 2007: daylight saving from the second Sunday of
 * March to the first of November, at two in the morning. No time zone files are read, so that it holds on any machine.
 */
#ifndef KL_NEW_YORK_H
#define KL_NEW_YORK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* The UTC second of two o'clock standard time on the n-th Sunday of a month (0: January). */
static inline int64_t kl_nth_sunday(int year, int month, int n) {
  struct tm tm = {.tm_year = year - 1900, .tm_mon = month, .tm_mday = 1};
  time_t first = timegm(&tm); /* fills in tm_wday */
  int day = (7 - tm.tm_wday) % 7 + 7 * (n - 1);
  return (int64_t)first + day * INT64_C(86400) + (2 + 5) * 3600;
}

/* What New York's clocks show less UTC, in seconds. */
static inline int kl_new_york_offset(int64_t utc_s) {
  time_t t = (time_t)utc_s;
  struct tm tm = {0};
  gmtime_r(&t, &tm);
  int year = tm.tm_year + 1900;
  /* In November the clocks that go back are an hour ahead of standard time. */
  bool summer = utc_s >= kl_nth_sunday(year, 2, 2) && utc_s < kl_nth_sunday(year, 10, 1) - 3600;
  return summer ? -4 * 3600 : -5 * 3600;
}

/* The UTC second of the midnight that began the day there. */
static inline int64_t kl_new_york_midnight(int64_t utc_s) {
  int64_t local = utc_s + kl_new_york_offset(utc_s);
  int64_t start = local - local % 86400;
  return start - kl_new_york_offset(start + 5 * 3600); /* the offset that held at midnight */
}

/* The day there, counted from 1970: it changes at midnight of that clock. */
static inline int64_t kl_new_york_day(int64_t utc_s) {
  int64_t local = utc_s + kl_new_york_offset(utc_s);
  return local / 86400 - (local % 86400 < 0);
}

#endif
