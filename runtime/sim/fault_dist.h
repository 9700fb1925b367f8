/* Distributions of times, as a fault specification writes them: "5ms", "uniform(5ms,20ms)", "normal(20ms,4ms)",
 * "exponential(10ms)", "lognormal(5ms,p99=80ms)", "pareto(5ms,p99=80ms)", "percentiles(p50=5ms,p99=80ms,p100=2s)". */
#ifndef KL_SIM_FAULT_DIST_H
#define KL_SIM_FAULT_DIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/random.h"

typedef enum {
  KL_DIST_FIXED,
  KL_DIST_UNIFORM,     /* a to b */
  KL_DIST_NORMAL,      /* mean a, standard deviation b, never below 0 */
  KL_DIST_EXPONENTIAL, /* mean a */
  KL_DIST_LOGNORMAL,   /* median a, sigma b of the logarithm */
  KL_DIST_PARETO,      /* minimum a, exponent b: a long tail */
  KL_DIST_PERCENTILES  /* straight lines between the points */
} kl_dist_kind;

enum { KL_DIST_POINTS_MOST = 12 };

typedef struct kl_dist {
  kl_dist_kind kind;
  double a, b;                                                /* microseconds, or as the kind says */
  int n;                                                      /* of PERCENTILES */
  double at[KL_DIST_POINTS_MOST], value[KL_DIST_POINTS_MOST]; /* share below, and its value in microseconds */
} kl_dist;

/* The longest time that any specification may name or a distribution yields: a day. */
#define KL_DIST_MOST_US INT64_C(86400000000)

/* One value in microseconds, 0 to KL_DIST_MOST_US. */
int64_t kl_dist_sample(const kl_dist *d, kl_sim_random *r);

/* Reads a distribution of exactly n bytes. False with a message of what is wrong in `why`; *at is then the offset of
 * the place. */
bool kl_dist_parse(const char *text, size_t n, kl_dist *out, size_t *at, char *why, size_t cap);
/* Reads a duration of exactly n bytes ("20ms", "1.5s", "200us", "2m", "1h"), at most a day; false on anything else. */
bool kl_duration_parse(const char *text, size_t n, int64_t *us);
/* The same as text: "1.5s". */
void kl_duration_format(char *out, size_t cap, int64_t us);

#endif
