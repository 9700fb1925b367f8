/* The metrics that scripts count themselves. They belong to a name of a script and not to a version of it, so a counter
 * goes on over reloads; as long as the process. */
#ifndef KL_METRIC_STORE_H
#define KL_METRIC_STORE_H

#include <stdbool.h>

#include "base/error.h"
#include "base/metrics.h"

enum {
  KL_METRIC_SERIES_MOST = 1000, /* of a script, over all its metrics */
  KL_METRICS_MOST = 200,        /* of a script */
  KL_METRIC_LABELS_MOST = 8,    /* of a series */
  KL_METRIC_NAME_MOST = 100,    /* bytes */
  KL_METRIC_VALUE_MOST = 200,   /* bytes of a label's value */
  KL_METRIC_HELP_MOST = 500,
  KL_METRIC_BUCKETS_MOST = 50
};

typedef struct kl_metric_store kl_metric_store;
typedef struct kl_metric kl_metric;
typedef struct kl_series kl_series;

void kl_metric_store_free(kl_metric_store *m); /* takes NULL */
/* Makes *m at the first call. The metric of that script with this name, made where it is not there; what it was made as
 * holds. `help` may be NULL; `bounds` are a histogram's, growing. NULL with `e`: kind "validation" for a name that is
 * none, or one that is there with another type or other buckets; "limit". */
kl_metric *kl_metric_get(kl_metric_store **m, const char *script, kl_metric_type type, const char *name,
                         const char *help, const double *bounds, size_t n_bounds, kl_error *e);
/* Whether a label may have this name and value. */
bool kl_metric_label_ok(const char *name, const char *value, size_t value_n, kl_error *e);
/* The series with these labels, which are in the order of their names; made where it is not there. NULL with `e`. */
kl_series *kl_metric_series(kl_metric *x, const kl_label *labels, size_t n, kl_error *e);
/* The same, but nothing is made: its value, 0 where it is not there. */
double kl_metric_value(const kl_metric *x, const kl_label *labels, size_t n);
kl_metric_type kl_metric_type_of(const kl_metric *x);
const char *kl_metric_name(const kl_metric *x);

double kl_series_value(const kl_series *s);
void kl_series_set(kl_series *s, double v); /* of a counter or a gauge */
/* Of a histogram. */
void kl_series_observe(kl_series *s, double v);

/* All of it; the label "script" comes first. The sink may longjmp. */
void kl_metric_store_read(const kl_metric_store *m, const kl_metric_sink *sink);

#endif
