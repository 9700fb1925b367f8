/* The process looked at from outside: `--metrics` and `--web` of `kalua run`, what is measured for them, and what
 * scripts read by metrics.read(). */
#ifndef KL_MONITORING_H
#define KL_MONITORING_H

#include "base/metrics.h"
#include "cli/app_impl.h"
#include "cli/project.h"
#include "monitor/monitor.h"

typedef struct kl_monitoring kl_monitoring;

/* The same port for both is one server. False with `e` (kind "config"). Before the first strategy starts. */
bool kl_monitoring_open(kl_app *a, kl_monitoring_ports ports, kl_error *e);
/* Ends the servers and all that is measured. Never from within a callback of the loop; takes what was never opened. */
void kl_monitoring_close(kl_app *a);
/* The server of the page; NULL without one. */
kl_monitor *kl_monitoring_web(kl_app *a);

/* From now on it is measured how long the loop's turns and the scripts' tasks take, which costs four readings of the
 * clock a turn and two at each resume. Harmless when repeated. */
void kl_monitoring_measure(kl_app *a);
/* An account of a profile was opened; nothing was ordered there yet. False with `e`. */
bool kl_monitoring_join(kl_app *a, const kl_app_account *x, kl_error *e);
/* A strategy was started. */
void kl_monitoring_started(kl_app *a, kl_strategy *g);

/* Hands over all figures of the process, without those that scripts count: for kl_environment.collect, with the app as
 * `data`. The sink may longjmp. */
void kl_monitoring_collect(void *app, const kl_metric_sink *sink);
/* monitoring_trading.c: the part of scripts, orders and portfolios. */
void kl_monitoring_collect_trading(kl_app *a, const kl_metric_sink *sink);

/* How the process is, for who restarts or reports it. Appends a JSON object; false: something is wrong. */
bool kl_monitoring_health(kl_app *a, kl_buf *out);

/* Of the loop, since kl_monitoring_measure. */
typedef struct kl_loop_times {
  kl_durations turns, lag;
} kl_loop_times;
const kl_loop_times *kl_monitoring_loop(const kl_app *a); /* NULL: not measured */

#endif
