/* What counting costs where it happens, and what making the text of /metrics takes: bench_metrics [SCRIPTS]. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/metrics.h"
#include "bindings/metric_store.h"
#include "monitor/prometheus.h"

enum { TIMES = 20000000, TEXTS = 200 };

/* Of the processor's time: what else the machine does is no part of it. */
static double ns_each(clock_t from, double n) { return (double)(clock() - from) * (1e9 / CLOCKS_PER_SEC) / n; }

int main(int argc, char **argv) {
  int scripts = argc > 1 ? atoi(argv[1]) : 4;
  volatile uint64_t counters[32] = {0};
  kl_durations d = {0};
  clock_t from = clock();
  for (uint32_t i = 0; i < TIMES; i++)
    counters[i % 13]++;
  printf("a counter of the feed      %6.2f ns\n", ns_each(from, TIMES));
  uint64_t x = 88172645463325252u;
  from = clock();
  for (int i = 0; i < TIMES; i++) {
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    kl_durations_add(&d, (int64_t)(x % 50000000));
  }
  printf("a duration in its bucket   %6.2f ns\n", ns_each(from, TIMES));

  kl_metric_store *store = NULL;
  kl_error e;
  for (int s = 0; s < scripts; s++) {
    char script[32], name[32], value[16];
    snprintf(script, sizeof script, "script%d", s);
    for (int m = 0; m < 20; m++) {
      snprintf(name, sizeof name, "figure_%d_total", m);
      kl_metric *metric = kl_metric_get(&store, script, KL_METRIC_COUNTER, name, NULL, NULL, 0, &e);
      for (int v = 0; metric && v < 10; v++) {
        snprintf(value, sizeof value, "%d", v);
        kl_series *series = kl_metric_series(metric, &(kl_label){"of", value}, 1, &e);
        if (series) kl_series_set(series, v * 1.5);
      }
    }
  }
  kl_buf out = {0};
  from = clock();
  for (int i = 0; i < TEXTS; i++) {
    kl_buf_clear(&out);
    kl_prometheus p = {.out = &out};
    kl_metric_sink sink = kl_prometheus_sink(&p);
    kl_metric_store_read(store, &sink);
    sink.family(sink.data, "t_seconds", KL_METRIC_HISTOGRAM, "durations");
    for (int k = 0; k < 10; k++)
      kl_metric_durations(&sink, &(kl_label){"kind", "read"}, 1, &d);
  }
  printf("text of %d series          %6.0f us, %zu bytes\n", scripts * 200 + 10 * 23, ns_each(from, TEXTS) / 1e3,
         out.len);
  kl_buf_free(&out);
  kl_metric_store_free(store);
  return 0;
}
