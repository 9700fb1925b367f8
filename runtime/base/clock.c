#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t ns_of(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t real_mono_ns(const kl_clock *c) {
  (void)c;
  return ns_of(CLOCK_MONOTONIC);
}

static int64_t real_wall_us(const kl_clock *c) {
  (void)c;
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

const kl_clock *kl_clock_real(void) {
  static const kl_clock real = {real_mono_ns, real_wall_us, NULL};
  return &real;
}

int64_t kl_thread_cpu_ns(void) { return ns_of(CLOCK_THREAD_CPUTIME_ID); }

/* Rounds towards minus infinity: times before 1970 stay in order. */
static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

int64_t kl_mono_ns(const kl_clock *c) { return c->mono_ns(c); }
int64_t kl_wall_us(const kl_clock *c) { return c->wall_us(c); }
int64_t kl_wall_ms(const kl_clock *c) { return floor_div(c->wall_us(c), 1000); }

static int64_t virtual_mono_ns(const kl_clock *c) {
  const kl_clock_virtual *v = (const kl_clock_virtual *)(const void *)c;
  return (v->now_us - v->start_us) * 1000;
}

static int64_t virtual_wall_us(const kl_clock *c) { return ((const kl_clock_virtual *)(const void *)c)->now_us; }

void kl_clock_virtual_init(kl_clock_virtual *v, int64_t wall_us) {
  v->clock.mono_ns = virtual_mono_ns;
  v->clock.wall_us = virtual_wall_us;
  v->clock.line = NULL;
  v->now_us = v->start_us = wall_us;
}

void kl_clock_virtual_advance(kl_clock_virtual *v, int64_t us) { v->now_us += us; }

typedef struct {
  int64_t year;
  int month, day;
} civil_date;

/* Proleptic Gregorian date of a day counted from 1970-01-01. Years are counted from March, so that the leap day is the
 * last of its year; 719468 is the distance of 1970-01-01 from 0000-03-01, 146097 the days of 400 years. */
static civil_date date_of_day(int64_t day) {
  int64_t since = day + 719468;
  int64_t era = floor_div(since, 146097);
  int64_t in_era = since - era * 146097;
  int64_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
  int64_t in_year = in_era - (365 * year + year / 4 - year / 100);
  int64_t month = (5 * in_year + 2) / 153; /* 0 is March */
  civil_date d;
  d.day = (int)(in_year - (153 * month + 2) / 5 + 1);
  d.month = (int)(month < 10 ? month + 3 : month - 9);
  d.year = year + era * 400 + (d.month <= 2);
  return d;
}

size_t kl_time_rfc3339(char *out, size_t cap, int64_t wall_us, int fraction) {
  int64_t seconds = floor_div(wall_us, 1000000);
  int us = (int)(wall_us % 1000000);
  if (us < 0) us += 1000000;
  int64_t day = floor_div(seconds, 86400);
  int second = (int)(seconds - day * 86400);
  civil_date d = date_of_day(day);
  char part[16] = "";
  if (fraction == 3) snprintf(part, sizeof part, ".%03d", us / 1000);
  if (fraction == 6) snprintf(part, sizeof part, ".%06d", us);
  char text[64];
  int n = snprintf(text, sizeof text, "%04lld-%02d-%02dT%02d:%02d:%02d%sZ", (long long)d.year, d.month, d.day,
                   second / 3600, second / 60 % 60, second % 60, part);
  if (n < 0 || (size_t)n >= cap) {
    if (cap) out[0] = 0;
    return 0;
  }
  for (int i = 0; i <= n; i++)
    out[i] = text[i];
  return (size_t)n;
}

static bool two_digits(const char *s, int *out) {
  if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9') return false;
  *out = (s[0] - '0') * 10 + (s[1] - '0');
  return true;
}

bool kl_time_parse_rfc3339(const char *s, size_t n, int64_t *wall_us) {
  int century, year, month, day, hour, minute, second, offset = 0;
  if (n < 20 || !two_digits(s, &century) || !two_digits(s + 2, &year) || s[4] != '-' || !two_digits(s + 5, &month) ||
      s[7] != '-' || !two_digits(s + 8, &day) || (s[10] != 'T' && s[10] != 't') || !two_digits(s + 11, &hour) ||
      s[13] != ':' || !two_digits(s + 14, &minute) || s[16] != ':' || !two_digits(s + 17, &second))
    return false;
  const char *p = s + 19, *end = s + n;
  int64_t fraction = 0, unit = 100000;
  if (*p == '.') {
    const char *digits = ++p;
    for (; p < end && *p >= '0' && *p <= '9'; p++, unit /= 10)
      fraction += (*p - '0') * unit;
    if (p == digits) return false;
  }
  if (end - p == 1 && (*p == 'Z' || *p == 'z')) {
    offset = 0;
  } else {
    int hours, minutes;
    if (end - p != 6 || (*p != '+' && *p != '-') || !two_digits(p + 1, &hours) || p[3] != ':' ||
        !two_digits(p + 4, &minutes) || hours > 23 || minutes > 59)
      return false;
    offset = (*p == '-' ? -1 : 1) * (hours * 60 + minutes) * 60;
  }
  struct tm t = {.tm_year = century * 100 + year - 1900, .tm_mon = month - 1, .tm_mday = day};
  if (hour > 23 || minute > 59 || second > 60) return false;
  time_t midnight = timegm(&t);
  if (t.tm_mon != month - 1 || t.tm_mday != day) return false; /* timegm moved it to a day that exists */
  *wall_us = ((int64_t)midnight + hour * 3600 + minute * 60 + second - offset) * 1000000 + fraction;
  return true;
}
