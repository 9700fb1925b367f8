#include "sim/weather.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/random.h"
#include "sim/reference.h"
#include "sim/subjects.h"

#define WEEK_MS INT64_C(604800000)
#define DAY_MS INT64_C(86400000)
enum { HOURS = 49, WEEKS_BEFORE = 4 };

struct kl_sim_weather {
  kl_sim_city list[KL_SIM_CITIES_MOST];
  size_t n;
  kl_sim_sources sources;
};

struct kl_sim_weather *kl_sim_weather_new(void) {
  return calloc(1, sizeof(struct kl_sim_weather));
}

void kl_sim_weather_free(struct kl_sim_weather *w) {
  if (!w) return;
  for (size_t i = 0; i < w->n; i++)
    kl_sim_history_free(w->list[i].history);
  kl_sim_sources_free(&w->sources);
  free(w);
}

static kl_sim_city *city_of(kl_sim *s, struct kl_sim_weather *w, const char *id) {
  for (size_t i = 0; i < w->n; i++)
    if (!strcmp(w->list[i].id, id)) return &w->list[i];
  if (w->n == KL_SIM_CITIES_MOST) return NULL;
  kl_sim_history_options o = {
      .seed = s->o.seed, .stream = 3440 + w->n, .step_ms = KL_SIM_MINUTE_MS, .hours = HOURS, .rough = 0.006};
  kl_sim_city *made = &w->list[w->n];
  *made = (kl_sim_city){.history = kl_sim_history_new(&o)};
  if (!made->history) return NULL;
  snprintf(made->id, sizeof made->id, "%s", id);
  w->n++;
  return made;
}

static size_t slot_of(kl_sim *s, const kl_sim_subject *about) {
  struct kl_sim_weather *w = s->reference->weather;
  const kl_sim_city *of = city_of(s, w, about->place);
  return of ? (size_t)(of - w->list) : SIZE_MAX;
}

/* How much colder it is than at the warmest hour; the clock is that of the world's day, in New York. */
static double colder(double world_ms) {
  static const double warmest_h = 15, range = 14, zone_h = 5;
  return range / 2 * (1 - cos((fmod(world_ms / 3600000 - zone_h, 24) - warmest_h) / 24 * 6.283185307179586));
}

/* The world's own time, which runs `speed` times as fast since the start. */
static double world_ms(const kl_sim *s, int64_t wall_ms) {
  double start = (double)s->start_us / 1000;
  return start + ((double)wall_ms - start) * s->o.speed;
}

/* The temperature in a city: that of the day under way. Before the world's first day the forecast of that day, which is
 * for its midnight, with what the hour is warmer or colder than that. */
static bool temperature(const kl_sim *s, size_t slot, double *out) {
  const kl_sim_sources *sources = &s->reference->weather->sources;
  int64_t soonest = INT64_MAX;
  for (size_t i = 0; i < sources->n; i++) {
    const kl_sim_event *e =
        sources->list[i].slot == slot ? kl_sim_world_event(&s->world, sources->list[i].event) : NULL;
    kl_sim_observation now;
    if (!e) continue;
    kl_sim_world_observe(&s->world, e, &now);
    if (now.over || (!now.started && e->start_us >= soonest)) continue;
    *out = now.value;
    if (now.started) return true;
    soonest = e->start_us;
    *out += colder(world_ms(s, e->start_us / 1000)) - colder(world_ms(s, s->now_us / 1000));
  }
  return soonest != INT64_MAX;
}

void kl_sim_weather_second(kl_sim *s) {
  struct kl_sim_weather *w = s->reference->weather;
  kl_sim_sources_sync(s, &w->sources, KL_SIM_ABOUT_WEATHER, slot_of);
  for (size_t i = 0; i < w->n; i++) {
    double now;
    if (temperature(s, i, &now)) kl_sim_history_put(w->list[i].history, s->now_us / 1000, now);
  }
}

const kl_sim_city *kl_sim_city_find(const struct kl_sim_weather *w, const char *id) {
  for (size_t i = 0; i < w->n; i++)
    if (!strcmp(w->list[i].id, id)) return &w->list[i];
  return NULL;
}

/* ---- the value ---- */

/* The week of the launch, since the epoch; weeks begin on Monday, 00:00 UTC. */
static int64_t launch_week(const kl_sim *s) { return (s->start_us / 1000 + 3 * DAY_MS) / WEEK_MS - WEEKS_BEFORE; }
static int64_t begin_of(int64_t week) { return week * WEEK_MS - 3 * DAY_MS; }

bool kl_sim_city_at(const kl_sim *s, const kl_sim_city *c, int64_t at_ms, double *fahrenheit) {
  int64_t first = kl_sim_history_first_ms(c->history);
  if (at_ms < begin_of(launch_week(s)) || !kl_sim_history_at(c->history, at_ms, fahrenheit)) return false;
  if (at_ms < first) *fahrenheit += colder(world_ms(s, first)) - colder(world_ms(s, at_ms));
  return true;
}

/* ---- stations ---- */

static double drawn(const char *version, int station, int64_t at) {
  kl_sim_random r = kl_sim_random_new(kl_hash_bytes(version, strlen(version)) ^ (uint64_t)at, 3480 + (uint64_t)station);
  return kl_sim_gauss(&r);
}

static void name_station(const kl_sim_city *c, int i, char out[16]) {
  static const char *const nyc[KL_SIM_STATIONS] = {"KNYC1M", "KLGA1M", "KJFK1M", "KEWR1M"};
  if (!strcmp(c->id, "nyc")) {
    snprintf(out, 16, "%s", nyc[i]);
    return;
  }
  snprintf(out, 16, "K%.3s%c1M", c->id, 'A' + i);
  for (char *p = out; *p; p++)
    *p = (char)toupper((unsigned char)*p);
}

bool kl_sim_city_calibration(const kl_sim *s, const kl_sim_city *c, int week, kl_sim_calibration *out) {
  static const double weights[KL_SIM_STATIONS] = {0.4, 0.25, 0.2, 0.15};
  int64_t number = launch_week(s) + week, begin = begin_of(number);
  *out = (kl_sim_calibration){.effective_ms = begin};
  /* Two hours after the week that it was estimated from: the launch had none. */
  if (week > 0) {
    out->effective_ms += 7200000;
    out->window_start_ms = begin - WEEK_MS;
    out->window_end_ms = begin;
  }
  if (week < 0 || out->effective_ms > s->now_us / 1000) return false;
  out->published_ms = out->effective_ms - 3600000;
  if (week == 0) {
    snprintf(out->version, sizeof out->version, "%s-temperature-v1.0", c->id);
  } else {
    time_t day = (time_t)(begin / 1000);
    struct tm tm = {0};
    gmtime_r(&day, &tm);
    snprintf(out->version, sizeof out->version, "%s-temperature-v1.0-cal-%04d%02d%02d", c->id, tm.tm_year + 1900,
             tm.tm_mon + 1, tm.tm_mday);
  }
  for (int i = 0; i < KL_SIM_STATIONS; i++) {
    name_station(c, i, out->stations[i].id);
    out->stations[i].weight = weights[i];
    /* A lasting difference of the place, corrected a little every week; in thousandths, as published. */
    double offset = 0.8 * drawn(out->stations[i].id, i, 0) + (week ? 0.05 * drawn(out->stations[i].id, i, number) : 0);
    out->stations[i].offset_c = round(offset * 1000) / 1000;
    out->reference_c += weights[i] * out->stations[i].offset_c;
  }
  return true;
}

bool kl_sim_city_calibration_at(const kl_sim *s, const kl_sim_city *c, int64_t at_ms, kl_sim_calibration *out) {
  int week = (int)((at_ms + 3 * DAY_MS) / WEEK_MS - launch_week(s));
  if (week < 0) return false;
  if (kl_sim_city_calibration(s, c, week, out) && out->effective_ms <= at_ms) return true;
  return week > 0 && kl_sim_city_calibration(s, c, week - 1, out);
}

double kl_sim_station_reading(const kl_sim_calibration *cal, int station, int64_t at_ms, double fahrenheit) {
  /* What the stations differ by from one minute to the next cancels out: the last one makes up for the others. */
  double noise = 0, last = cal->stations[KL_SIM_STATIONS - 1].weight;
  for (int i = 0; i + 1 < KL_SIM_STATIONS; i++) {
    double own = 0.15 * drawn(cal->stations[i].id, i, at_ms);
    if (i == station) noise = own;
    if (station + 1 == KL_SIM_STATIONS) noise -= own * cal->stations[i].weight / last;
  }
  double celsius = (fahrenheit - 32) / 1.8 - cal->reference_c + cal->stations[station].offset_c + noise;
  return celsius * 1.8 + 32;
}
