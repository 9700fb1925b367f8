#include "sim/history.h"

#include <math.h>
#include <stdlib.h>

#include "sim/random.h"

#define HOUR_MS INT64_C(3600000)

typedef struct hour {
  int64_t number; /* since the epoch; -1: empty */
  double *values; /* owned; NULL until used */
} hour;

struct kl_sim_history {
  kl_sim_history_options o;
  hour *hours;
  int64_t first, newest; /* steps since the epoch; newest 0: none */
  double first_value, first_noise, value;
};

kl_sim_history *kl_sim_history_new(const kl_sim_history_options *o) {
  kl_sim_history *h = calloc(1, sizeof *h);
  if (!h) return NULL;
  h->o = *o;
  h->hours = calloc((size_t)o->hours, sizeof *h->hours);
  if (!h->hours) {
    free(h);
    return NULL;
  }
  for (int i = 0; i < o->hours; i++)
    h->hours[i].number = -1;
  return h;
}

void kl_sim_history_free(kl_sim_history *h) {
  if (!h) return;
  for (int i = 0; i < h->o.hours; i++)
    free(h->hours[i].values);
  free(h->hours);
  free(h);
}

static int64_t steps_an_hour(const kl_sim_history *h) { return HOUR_MS / h->o.step_ms; }

static bool store(kl_sim_history *h, int64_t step, double value) {
  int64_t per_hour = steps_an_hour(h), number = step / per_hour;
  hour *at = &h->hours[number % h->o.hours];
  if (!at->values) at->values = malloc((size_t)per_hour * sizeof *at->values);
  if (!at->values) return false;
  if (at->number != number) {
    at->number = number;
    for (int64_t i = 0; i < per_hour; i++)
      at->values[i] = NAN;
  }
  at->values[step % per_hour] = value;
  return true;
}

/* ---- the made-up past ---- */

/* A standard normal number of its own for every (scale, place). */
static double pebble(const kl_sim_history *h, int scale, int64_t place) {
  kl_sim_random r =
      kl_sim_random_new(h->o.seed ^ (uint64_t)place * UINT64_C(0x9e3779b97f4a7c15), h->o.stream * 64 + (uint64_t)scale);
  return kl_sim_gauss(&r);
}

/* Noise on scales of one step, two, four, … some hours, each as strong as a random walk is over its length. */
static double noise(const kl_sim_history *h, int64_t step) {
  static const double longest_s = 40000;
  double sum = 0, shortest = (double)h->o.step_ms / 1000, seconds = (double)step * shortest;
  for (int scale = 0; ldexp(shortest, scale) < longest_s; scale++) {
    double length = ldexp(shortest, scale);
    double at = seconds / length, place = floor(at), part = at - place;
    double here = pebble(h, scale, (int64_t)place), next = pebble(h, scale, (int64_t)place + 1);
    sum += 0.5 * h->o.rough * sqrt(length) * (here + (next - here) * part);
  }
  return sum;
}

static double past(const kl_sim_history *h, int64_t step) {
  double move = noise(h, step) - h->first_noise;
  return h->o.relative ? h->first_value * exp(move) : h->first_value + move;
}

bool kl_sim_history_put(kl_sim_history *h, int64_t now_ms, double value) {
  int64_t step = now_ms / h->o.step_ms;
  if (!h->newest) {
    h->first = step;
    h->newest = step - 1;
    h->first_value = h->value = value;
    h->first_noise = noise(h, step);
  }
  if (step <= h->newest) return false;
  int64_t from = h->newest + 1, most = steps_an_hour(h) * h->o.hours;
  if (step - from > most) from = step - most;
  for (; from < step; from++)
    store(h, from, h->value);
  if (!store(h, step, value)) return false;
  h->newest = step;
  h->value = value;
  return true;
}

bool kl_sim_history_at(const kl_sim_history *h, int64_t at_ms, double *value) {
  int64_t step = at_ms / h->o.step_ms, per_hour = steps_an_hour(h);
  if (!h->newest || at_ms < 0 || step > h->newest) return false;
  if (step < h->first) {
    *value = past(h, step);
    return true;
  }
  const hour *at = &h->hours[step / per_hour % h->o.hours];
  if (at->number != step / per_hour) return false;
  *value = at->values[step % per_hour];
  return !isnan(*value);
}

int64_t kl_sim_history_newest_ms(const kl_sim_history *h) { return h->newest * h->o.step_ms; }
int64_t kl_sim_history_first_ms(const kl_sim_history *h) { return h->newest ? h->first * h->o.step_ms : 0; }
