#include "sim/fault_dist.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/decimal.h"

/* ---- durations ---- */

static const struct {
  const char *name;
  int places; /* what a number of this unit is scaled by, with `times`, to be microseconds */
  int64_t times;
} units[] = {{"us", 0, 1}, {"ms", 3, 1}, {"s", 6, 1}, {"m", 6, 60}, {"h", 6, 3600}};

bool kl_duration_parse(const char *text, size_t n, int64_t *us) {
  size_t digits = 0;
  int64_t v;
  while (digits < n && ((text[digits] >= '0' && text[digits] <= '9') || text[digits] == '.'))
    digits++;
  for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
    size_t length = strlen(units[i].name);
    if (n - digits != length || memcmp(text + digits, units[i].name, length) != 0) continue;
    if (!kl_decimal_parse(text, digits, units[i].places, &v) || v > KL_DIST_MOST_US / units[i].times) return false;
    *us = v * units[i].times;
    return true;
  }
  return false;
}

void kl_duration_format(char *out, size_t cap, int64_t us) {
  char number[32];
  int unit = us < 1000 ? 0 : us < 1000000 ? 1 : 2;
  size_t n = kl_decimal_format(number, sizeof number, us, units[unit].places);
  if (unit > 0) {
    while (number[n - 1] == '0')
      n--;
    if (number[n - 1] == '.') n--;
  }
  snprintf(out, cap, "%.*s%s", (int)n, number, units[unit].name);
}

/* ---- samples ---- */

static double percentile_of(const kl_dist *d, double p) {
  double low = 0, below = 0;
  for (int i = 0; i < d->n; i++) {
    if (p <= d->at[i]) {
      double width = d->at[i] - below;
      return width > 0 ? low + (d->value[i] - low) * (p - below) / width : d->value[i];
    }
    low = d->value[i];
    below = d->at[i];
  }
  return low;
}

int64_t kl_dist_sample(const kl_dist *d, kl_sim_random *r) {
  double v = d->a;
  switch (d->kind) {
  case KL_DIST_FIXED:
    break;
  case KL_DIST_UNIFORM:
    v += (d->b - d->a) * kl_sim_uniform(r);
    break;
  case KL_DIST_NORMAL:
    v += d->b * kl_sim_gauss(r);
    break;
  case KL_DIST_EXPONENTIAL:
    v *= -log(1.0 - kl_sim_uniform(r));
    break;
  case KL_DIST_LOGNORMAL:
    v *= exp(d->b * kl_sim_gauss(r));
    break;
  case KL_DIST_PARETO:
    v *= pow(1.0 - kl_sim_uniform(r), -1.0 / d->b);
    break;
  case KL_DIST_PERCENTILES:
    v = percentile_of(d, kl_sim_uniform(r));
    break;
  }
  if (!(v > 0)) return 0;
  return v < (double)KL_DIST_MOST_US ? (int64_t)v : KL_DIST_MOST_US;
}

/* ---- reading ---- */

/* The standard normal's quantile by bisection of its distribution function: exact enough, and read once. */
static double normal_quantile(double p) {
  double low = -10, high = 10;
  for (int i = 0; i < 80; i++) {
    double middle = (low + high) / 2;
    if (0.5 * erfc(-middle / sqrt(2.0)) < p)
      low = middle;
    else
      high = middle;
  }
  return (low + high) / 2;
}

/* An argument between parentheses: a duration, with "p99=" before it or not. */
typedef struct argument {
  size_t at;    /* offset in the text */
  double share; /* 0.99; -1: plain */
  double us;
} argument;

typedef struct reader {
  size_t *at;
  char *why;
  size_t cap;
} reader;

static bool wrong(const reader *r, size_t at, const char *why) {
  *r->at = at;
  snprintf(r->why, r->cap, "%s", why);
  return false;
}

static bool read_argument(const reader *r, const char *text, size_t from, size_t n, argument *a) {
  const char *equals = memchr(text + from, '=', n);
  int64_t us, hundredths;
  *a = (argument){.at = from, .share = -1};
  if (equals) {
    size_t name = (size_t)(equals - text) - from;
    if (name < 2 || text[from] != 'p' || !kl_decimal_parse(text + from + 1, name - 1, 6, &hundredths) ||
        hundredths < 0 || hundredths > 100000000)
      return wrong(r, from, "a percentile is written p99=80ms, with a number from 0 to 100");
    a->share = (double)hundredths / 1e8;
    n -= name + 1;
    from += name + 1;
  }
  if (!kl_duration_parse(text + from, n, &us))
    return wrong(r, from, "expected a time like 20ms, 1.5s or 200us, at most 24h");
  a->us = (double)us;
  return true;
}

static bool fill_percentiles(const reader *r, const argument *args, int n, kl_dist *out) {
  for (int i = 0; i < n; i++) {
    if (args[i].share < 0) return wrong(r, args[i].at, "percentiles(...) takes only points like p50=5ms");
    if (i > 0 && (args[i].share <= args[i - 1].share || args[i].us < args[i - 1].us))
      return wrong(r, args[i].at, "percentiles must rise");
    out->at[i] = args[i].share;
    out->value[i] = args[i].us;
  }
  out->n = n;
  return true;
}

/* lognormal and pareto: one plain time and one percentile above it. */
static bool fill_tail(const reader *r, const argument *args, int n, kl_dist *out) {
  const char *form = out->kind == KL_DIST_LOGNORMAL ? "lognormal takes the median and a percentile: (5ms,p99=80ms)"
                                                    : "pareto takes the minimum and a percentile: (5ms,p99=80ms)";
  double least = out->kind == KL_DIST_LOGNORMAL ? 0.5 : 0;
  if (n != 2 || args[0].share >= 0 || args[1].share < 0) return wrong(r, n > 0 ? args[0].at : 0, form);
  if (args[1].share <= least || args[1].share >= 1)
    return wrong(r, args[1].at,
                 out->kind == KL_DIST_LOGNORMAL ? "the percentile must be above p50 and below p100"
                                                : "the percentile must be above p0 and below p100");
  if (args[0].us <= 0 || args[1].us <= args[0].us)
    return wrong(r, args[1].at, "the percentile must be longer than what stands before it, and that more than nothing");
  out->a = args[0].us;
  out->b = out->kind == KL_DIST_LOGNORMAL ? log(args[1].us / args[0].us) / normal_quantile(args[1].share)
                                          : -log(1 - args[1].share) / log(args[1].us / args[0].us);
  return true;
}

static bool fill_plain(const reader *r, const argument *args, int n, int want, kl_dist *out) {
  for (int i = 0; i < n; i++)
    if (args[i].share >= 0) return wrong(r, args[i].at, "this distribution takes plain times, no percentile");
  if (n != want)
    return wrong(r, 0, want == 1 ? "this distribution takes one time" : "this distribution takes two times");
  out->a = args[0].us;
  out->b = n > 1 ? args[1].us : 0;
  if (out->kind == KL_DIST_UNIFORM && out->b < out->a) return wrong(r, args[1].at, "the range runs backwards");
  return true;
}

bool kl_dist_parse(const char *text, size_t n, kl_dist *out, size_t *at, char *why, size_t cap) {
  static const struct {
    const char *name;
    kl_dist_kind kind;
    int plain; /* arguments; 0: of another form */
  } kinds[] = {{"uniform", KL_DIST_UNIFORM, 2},         {"normal", KL_DIST_NORMAL, 2},
               {"exponential", KL_DIST_EXPONENTIAL, 1}, {"lognormal", KL_DIST_LOGNORMAL, 0},
               {"pareto", KL_DIST_PARETO, 0},           {"percentiles", KL_DIST_PERCENTILES, 0}};
  const reader r = {at, why, cap};
  argument args[KL_DIST_POINTS_MOST];
  int64_t us;
  *out = (kl_dist){.kind = KL_DIST_FIXED};
  if (kl_duration_parse(text, n, &us)) {
    out->a = (double)us;
    return true;
  }
  const char *open = memchr(text, '(', n);
  if (!open)
    return wrong(&r, 0,
                 "expected a time like 20ms, or uniform, normal, exponential, lognormal, pareto or percentiles "
                 "with times in parentheses");
  size_t name = (size_t)(open - text), k = 0;
  while (k < sizeof kinds / sizeof *kinds && (strlen(kinds[k].name) != name || memcmp(kinds[k].name, text, name) != 0))
    k++;
  if (k == sizeof kinds / sizeof *kinds)
    return wrong(&r, 0, "unknown distribution: uniform, normal, exponential, lognormal, pareto or percentiles");
  if (text[n - 1] != ')') return wrong(&r, n - 1, "the parenthesis is not closed");
  out->kind = kinds[k].kind;
  int count = 0;
  for (size_t from = name + 1; from < n;) {
    const char *comma = memchr(text + from, ',', n - 1 - from);
    size_t end = comma ? (size_t)(comma - text) : n - 1;
    if (count == KL_DIST_POINTS_MOST) return wrong(&r, from, "too many times");
    if (!read_argument(&r, text, from, end - from, &args[count])) return false;
    count++;
    from = end + 1;
  }
  if (out->kind == KL_DIST_PERCENTILES) return fill_percentiles(&r, args, count, out);
  return kinds[k].plain ? fill_plain(&r, args, count, kinds[k].plain, out) : fill_tail(&r, args, count, out);
}
