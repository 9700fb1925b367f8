#include "base/metrics.h"

#define US INT64_C(1000)
#define MS INT64_C(1000000)
#define S INT64_C(1000000000)

const int64_t kl_duration_bounds_ns[KL_DURATION_BUCKETS] = {
    10 * US, 25 * US, 50 * US,  100 * US, 250 * US, 500 * US, 1 * MS,    5 * MS / 2, 5 * MS, 10 * MS,
    25 * MS, 50 * MS, 100 * MS, 250 * MS, 500 * MS, 1 * S,    5 * S / 2, 5 * S,      10 * S, 30 * S};

const double kl_duration_bounds[KL_DURATION_BUCKETS] = {
    1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};

const char *const kl_metric_type_names[] = {"counter", "gauge", "histogram"};

void kl_durations_add(kl_durations *d, int64_t ns) {
  if (ns < 0) ns = 0;
  size_t i = 0;
  while (i < KL_DURATION_BUCKETS && ns > kl_duration_bounds_ns[i])
    i++;
  d->counts[i]++;
  d->sum_ns += ns;
}

void kl_metric_put(const kl_metric_sink *s, const char *name, kl_metric_type type, const char *help, double value) {
  s->family(s->data, name, type, help);
  s->sample(s->data, NULL, 0, value);
}

void kl_metric_durations(const kl_metric_sink *s, const kl_label *labels, size_t n, const kl_durations *d) {
  kl_metric_buckets b = {
      .bounds = kl_duration_bounds, .counts = d->counts, .n = KL_DURATION_BUCKETS, .sum = (double)d->sum_ns / 1e9};
  s->buckets(s->data, labels, n, &b);
}
