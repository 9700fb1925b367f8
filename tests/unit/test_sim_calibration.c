/* The hidden values of the simulated world are probabilities: of the markets that stood at 30 % some time before the
 * end, 30 % end YES, whatever the kind of process and however long before. */
#include "sim/world.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOON INT64_C(1795521600000000) /* 24 November 2026, 12:00 UTC */
#define SECOND INT64_C(1000000)

enum { KINDS = 5, HORIZONS = 5, BINS = 12, LOOKS_MOST = 4096 };

static const char *const kind_names[KINDS] = {"weather", "sports", "crypto", "poll", "economy"};
/* World seconds before the end of the event. */
static const int horizons[HORIZONS] = {300, 1800, 7200, 10 * 3600, 30 * 3600};

typedef struct bin {
  double expected, variance;
  unsigned n, yes;
} bin;

static bin bins[KINDS][HORIZONS][BINS];

/* A value that was seen, of a market that is not decided yet. */
typedef struct look {
  const kl_market *market;
  double fair;
  int kind, horizon;
} look;

static look looks[LOOKS_MOST];
static size_t n_looks;

static int bin_of(double p) {
  static const double edges[BINS - 1] = {0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.98};
  int i = 0;
  while (i < BINS - 1 && p >= edges[i])
    i++;
  return i;
}

/* The markets of one event depend on each other, so one of it is looked at. */
static void look_at(kl_sim_world *w, const kl_sim_event *e, int horizon, uint32_t salt) {
  const kl_market *m = e->event->markets[(e->serial * 7 + salt) % e->event->n_markets];
  assert_true(n_looks < LOOKS_MOST);
  looks[n_looks++] = (look){m, kl_sim_world_fair(w, m), (int)e->kind, horizon};
}

static void count_decided(void) {
  size_t kept = 0;
  for (size_t i = 0; i < n_looks; i++) {
    const look *l = &looks[i];
    if (l->market->settlement < 0) {
      looks[kept++] = *l;
      continue;
    }
    bin *b = &bins[l->kind][l->horizon][bin_of(l->fair)];
    b->n++;
    b->yes += l->market->settlement == KL_PRICE_ONE;
    b->expected += l->fair;
    b->variance += l->fair * (1 - l->fair);
  }
  n_looks = kept;
}

/* One world for many days, looked at whenever one of its events is as far from its end as a horizon says. */
static void watch(uint64_t seed, int markets, int days) {
  static const double speed = 3600;
  kl_error error;
  kl_exchange_options xo = {.seed = seed, .speed = speed};
  kl_exchange *x = kl_exchange_new(&xo);
  kl_sim_world w;
  kl_sim_world_options o = {.seed = seed, .markets = markets, .speed = speed, .now_us = NOON, .keep_us = SECOND / 10};
  assert_non_null(x);
  assert_true(kl_sim_world_build(&w, x, &o, &error));
  kl_exchange_tick(x, NOON);
  int64_t now = NOON, end = NOON + (int64_t)days * 86400 * SECOND / (int64_t)speed,
          stride = 300 * SECOND / (int64_t)speed;
  while (now < end) {
    int64_t before = now;
    now += stride;
    kl_sim_world_step(&w, kl_sim_world_step_at(&w, now));
    kl_exchange_tick(x, now);
    kl_sim_world_settle(&w, now);
    for (size_t i = 0; i < w.n_events; i++) {
      const kl_sim_event *e = w.events[i];
      if (e->stage != KL_SIM_OPEN) continue;
      for (int h = 0; h < HORIZONS; h++) {
        int64_t at = e->end_us - (int64_t)horizons[h] * SECOND / (int64_t)speed;
        if (at > before && at <= now) look_at(&w, e, h, (uint32_t)seed + (uint32_t)h);
      }
    }
    count_decided();
  }
  n_looks = 0;
  kl_sim_world_free(&w);
  kl_exchange_free(x);
}

static void values_are_probabilities(void **state) {
  (void)state;
  watch(1, 150, 90);
  unsigned total = 0, cells = 0;
  for (int kind = 0; kind < KINDS; kind++) {
    for (int h = 0; h < HORIZONS; h++) {
      for (int i = 0; i < BINS; i++) {
        const bin *b = &bins[kind][h][i];
        if (b->n == 0) continue;
        total += b->n;
        double off = ((double)b->yes - b->expected) / sqrt(b->variance + 0.25);
        if (getenv("KL_PRINT"))
          printf("%-8s %6d s  %5u markets at %.3f: %.3f  %+.1f\n", kind_names[kind], horizons[h], b->n,
                 b->expected / b->n, (double)b->yes / b->n, off);
        if (b->n < 20) continue;
        cells++;
        /* Of some hundred cells the worst is about 3 sd off by chance. */
        if (fabs(off) > 4.2)
          fail_msg("%s, %d s before the end: %u markets at %.3f ended YES %u times", kind_names[kind], horizons[h],
                   b->n, b->expected / b->n, b->yes);
      }
    }
  }
  printf("%u values in %u cells\n", total, cells);
  assert_true(total > 8000 && cells > 50);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(values_are_probabilities)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
