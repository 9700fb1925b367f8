#include "sim/schedule.h"

#include "sim/json_out.h"

#define HOUR_US INT64_C(3600000000)
#define DAY_US (24 * HOUR_US)
#define WEEK_US (7 * DAY_US)

enum { THURSDAY = 4, MAINTENANCE_FROM = 3, MAINTENANCE_TO = 5, WINDOWS_SHOWN = 4 };

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

/* Days from 1970-01-01, a Thursday, to a date. March is the first month, so that the leap day is the last of its year.
 */
static int64_t day_of(int64_t year, int month, int day) {
  int64_t y = month <= 2 ? year - 1 : year, m = month <= 2 ? month + 9 : month - 3;
  return 365 * y + floor_div(y, 4) - floor_div(y, 100) + floor_div(y, 400) + (153 * m + 2) / 5 + day - 1 - 719468;
}

static int weekday(int64_t day) { return (int)((day % 7 + 7 + THURSDAY) % 7); }

/* The n-th Sunday of a month, as a day. */
static int64_t sunday(int64_t year, int month, int n) {
  int64_t first = day_of(year, month, 1);
  return first + (7 - weekday(first)) % 7 + 7 * (n - 1);
}

static int64_t year_of(int64_t day) {
  int64_t year = 1970 + floor_div(day * 400, 146097);
  while (day < day_of(year, 1, 1))
    year--;
  while (day >= day_of(year + 1, 1, 1))
    year++;
  return year;
}

int64_t kl_sim_eastern_offset_us(int64_t utc_us) {
  int64_t year = year_of(floor_div(utc_us - 5 * HOUR_US, DAY_US));
  int64_t begin = sunday(year, 3, 2) * DAY_US + 7 * HOUR_US; /* 2:00 of standard time */
  int64_t end = sunday(year, 11, 1) * DAY_US + 6 * HOUR_US;  /* 2:00 of daylight saving time */
  return (utc_us >= begin && utc_us < end ? -4 : -5) * HOUR_US;
}

/* The moment at which Eastern clocks show that hour of a day. */
static int64_t eastern(int64_t day, int hour) {
  int64_t wall = day * DAY_US + hour * HOUR_US;
  return wall - kl_sim_eastern_offset_us(wall + 5 * HOUR_US);
}

kl_sim_window kl_sim_maintenance(int64_t utc_us, int i) {
  int64_t day = floor_div(utc_us + kl_sim_eastern_offset_us(utc_us), DAY_US);
  day += (THURSDAY - weekday(day) + 7) % 7;
  if (utc_us >= eastern(day, MAINTENANCE_TO)) day += 7;
  day += INT64_C(7) * i;
  return (kl_sim_window){eastern(day, MAINTENANCE_FROM), eastern(day, MAINTENANCE_TO)};
}

/* Whether a pause is one for maintenance that should have ended: it resumes when a window did. */
static bool is_over(int64_t now_us, kl_pause pause, int64_t resume_us) {
  return pause == KL_TRADING_PAUSE && resume_us > 0 && resume_us <= now_us &&
         kl_sim_maintenance(resume_us - 1, 0).end_us == resume_us;
}

void kl_sim_schedule_second(kl_sim *s) {
  kl_sim_window w = kl_sim_maintenance(s->now_us, 0);
  bool now = s->o.maintenance && s->now_us >= w.start_us, begins = now && s->maintenance_end_us != w.end_us;
  for (int shard = 0; shard < KL_EXCHANGE_SHARDS; shard++) {
    int64_t resume;
    kl_pause pause = kl_exchange_pause_of(s->x, shard, &resume);
    if (begins && pause == KL_RUNNING)
      (void)kl_exchange_set_pause(s->x, s->now_us, shard, KL_TRADING_PAUSE, w.end_us);
    else if (is_over(s->now_us, pause, resume))
      (void)kl_exchange_set_pause(s->x, s->now_us, shard, KL_RUNNING, 0);
  }
  if (begins) s->maintenance_end_us = w.end_us;
}

void kl_sim_schedule_json(kl_buf *b, int64_t now_us) {
  static const char *const days[] = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};
  int64_t year = year_of(floor_div(now_us, DAY_US));
  kl_buf_str(b, "{\"standard_hours\":[{");
  kl_sim_field_time(b, "start_time", day_of(year, 1, 1) * DAY_US);
  kl_sim_field_time(b, "end_time", day_of(year + 1, 1, 1) * DAY_US);
  for (size_t i = 0; i < sizeof days / sizeof *days; i++) {
    kl_sim_key(b, days[i]);
    kl_buf_str(b, i == 3 ? "[{\"open_time\":\"00:00\",\"close_time\":\"03:00\"},"
                           "{\"open_time\":\"05:00\",\"close_time\":\"00:00\"}]"
                         : "[{\"open_time\":\"00:00\",\"close_time\":\"00:00\"}]");
  }
  kl_buf_str(b, "}],\"maintenance_windows\":[");
  for (int i = 0; i < WINDOWS_SHOWN; i++) {
    kl_sim_window w = kl_sim_maintenance(now_us, i);
    kl_buf_str(b, i ? ",{" : "{");
    kl_sim_field_time(b, "start_datetime", w.start_us);
    kl_sim_field_time(b, "end_datetime", w.end_us);
    kl_buf_char(b, '}');
  }
  kl_buf_str(b, "]}");
}
