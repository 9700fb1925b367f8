/* Figures as text for Prometheus: its exposition format 0.0.4. */
#ifndef KL_MONITOR_PROMETHEUS_H
#define KL_MONITOR_PROMETHEUS_H

#include "base/buf.h"
#include "base/metrics.h"

#define KL_PROMETHEUS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* While it is written; zeroed but for `out`. */
typedef struct kl_prometheus {
  kl_buf *out;
  char name[128]; /* of the family under way */
} kl_prometheus;

/* A sink that appends to p->out. Values of labels and helps are escaped; bytes that are no UTF-8 become U+FFFD. */
kl_metric_sink kl_prometheus_sink(kl_prometheus *p);

#endif
