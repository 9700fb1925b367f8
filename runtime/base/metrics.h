/* Counters of durations, and how whoever has figures hands them to whoever shows them. */
#ifndef KL_METRICS_H
#define KL_METRICS_H

#include <stddef.h>
#include <stdint.h>

/* ---- durations in fixed buckets ---- */

enum { KL_DURATION_BUCKETS = 20 };
extern const int64_t kl_duration_bounds_ns[KL_DURATION_BUCKETS]; /* 10 us, 25 us, 50 us, and so on to 10 s, 30 s */
extern const double kl_duration_bounds[KL_DURATION_BUCKETS];     /* the same in seconds */

/* Zeroed is empty. */
typedef struct kl_durations {
  uint64_t counts[KL_DURATION_BUCKETS + 1]; /* each of its bucket alone; the last: longer than all bounds */
  int64_t sum_ns;
} kl_durations;
/* Some ten nanoseconds. Negative is 0. */
void kl_durations_add(kl_durations *d, int64_t ns);

/* ---- figures on their way ---- */

typedef enum kl_metric_type { KL_METRIC_COUNTER, KL_METRIC_GAUGE, KL_METRIC_HISTOGRAM } kl_metric_type;
extern const char *const kl_metric_type_names[]; /* "counter" "gauge" "histogram" */

typedef struct kl_label {
  const char *name, *value;
} kl_label;

typedef struct kl_metric_buckets {
  const double *bounds;   /* n, growing */
  const uint64_t *counts; /* n + 1, each of its bucket alone; the last: above all bounds */
  size_t n;
  double sum;
} kl_metric_buckets;

/* Gets families, each followed by its samples. All texts are valid during the call only. */
typedef struct kl_metric_sink {
  void *data;
  void (*family)(void *data, const char *name, kl_metric_type type, const char *help);
  void (*sample)(void *data, const kl_label *labels, size_t n, double value);
  void (*buckets)(void *data, const kl_label *labels, size_t n, const kl_metric_buckets *b);
} kl_metric_sink;

/* A family of one sample without labels. */
void kl_metric_put(const kl_metric_sink *s, const char *name, kl_metric_type type, const char *help, double value);
/* A sample of durations, of the family before. */
void kl_metric_durations(const kl_metric_sink *s, const kl_label *labels, size_t n, const kl_durations *d);

#endif
