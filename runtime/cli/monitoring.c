#include "cli/monitoring.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "bindings/metric_store.h"
#include "cli/app_impl.h"
#include "cli/web_token.h"
#include "cli/web_view.h"
#include "monitor/prometheus.h"
#include "script/look.h"

enum { LAG_MS = 200 };

struct kl_monitoring {
  kl_app *app;
  kl_monitor *metrics, *web; /* one and the same where the port is */
  kl_web_view *view;         /* on `web`; NULL: none */
  uv_prepare_t turn;
  uv_timer_t lag;
  int64_t due_ns;              /* of `lag` */
  uint64_t before_ns, idle_ns; /* at the end of the turn before: the time, and what was idle until then */
  kl_loop_times times;
  size_t last_size; /* of the text of /metrics */
  int open;         /* handles */
};

/* ---- the loop ---- */

static void turn_ends(uv_prepare_t *h) {
  kl_monitoring *m = h->data;
  uint64_t now = uv_hrtime(), idle = uv_metrics_idle_time(h->loop);
  if (m->before_ns) kl_durations_add(&m->times.turns, (int64_t)(now - m->before_ns) - (int64_t)(idle - m->idle_ns));
  m->before_ns = now;
  m->idle_ns = idle;
}

static void look_at_feeds(kl_app *a, int64_t now_ns) {
  for (kl_app_account *x = &a->first; x; x = x->next) {
    kl_feed_status feed;
    kl_feed_status_get(kl_session_feed(x->session), &feed);
    if (!feed.wanted || feed.connected)
      x->feed_away_ns = 0;
    else if (!x->feed_away_ns)
      x->feed_away_ns = now_ns;
  }
}

static void lag_fired(uv_timer_t *h) {
  kl_monitoring *m = h->data;
  int64_t now_ns = kl_mono_ns(kl_clock_real());
  kl_durations_add(&m->times.lag, now_ns - m->due_ns);
  if (m->app->first.session) look_at_feeds(m->app, now_ns);
  uv_update_time(h->loop);
  m->due_ns = kl_mono_ns(kl_clock_real()) + LAG_MS * INT64_C(1000000);
  uv_timer_start(h, lag_fired, LAG_MS, 0);
}

void kl_monitoring_measure(kl_app *a) {
  if (a->monitoring) return;
  kl_monitoring *m = calloc(1, sizeof *m);
  if (!m) {
    kl_log_warn("kalua", "loop and scripts are not measured: not enough memory");
    return;
  }
  m->app = a;
  a->monitoring = m;
  (void)uv_loop_configure(&a->loop, UV_METRICS_IDLE_TIME);
  uv_prepare_init(&a->loop, &m->turn);
  uv_timer_init(&a->loop, &m->lag);
  m->turn.data = m->lag.data = m;
  m->open = 2;
  uv_prepare_start(&m->turn, turn_ends);
  m->due_ns = kl_mono_ns(kl_clock_real()) + LAG_MS * INT64_C(1000000);
  uv_timer_start(&m->lag, lag_fired, LAG_MS, 0);
  for (kl_strategy *g = kl_strategy_next(a->host, NULL); g; g = kl_strategy_next(a->host, g))
    kl_strategy_measure(g, true);
}

bool kl_monitoring_join(kl_app *a, const kl_app_account *x, kl_error *e) {
  if (!a->monitoring || !a->monitoring->view || kl_web_view_join(a->monitoring->view, x)) return true;
  kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for another account on the page");
  return false;
}

void kl_monitoring_started(kl_app *a, kl_strategy *g) {
  if (a->monitoring) kl_strategy_measure(g, true);
}

const kl_loop_times *kl_monitoring_loop(const kl_app *a) { return a->monitoring ? &a->monitoring->times : NULL; }

/* ---- what is served ---- */

static void serve_metrics(void *data, const kl_monitor_request *r, kl_monitor_answer *out) {
  kl_app *a = data;
  (void)r;
  kl_prometheus p = {.out = &out->body};
  kl_metric_sink sink = kl_prometheus_sink(&p);
  (void)kl_buf_reserve(&out->body, a->monitoring->last_size + 1024);
  kl_monitoring_collect(a, &sink);
  kl_metric_store_read(a->environment.metrics, &sink);
  a->monitoring->last_size = out->body.len;
  out->type = KL_PROMETHEUS_TYPE;
}

static void serve_health(void *data, const kl_monitor_request *r, kl_monitor_answer *out) {
  (void)r;
  out->status = kl_monitoring_health(data, &out->body) ? 200 : 503;
  out->type = "application/json";
}

/* ---- opening ---- */

static bool open_server(kl_app *a, int port, const char *what, bool with_token, kl_monitor **out, kl_error *e) {
  char token[KL_WEB_TOKEN_SIZE] = "";
  if (with_token && !kl_web_token_get(token, e)) return false;
  kl_monitor_options o = {.port = port, .token = with_token ? token : NULL, .what = what};
  bool ok = kl_monitor_open(&a->loop, &o, out, e);
  explicit_bzero(token, sizeof token);
  return ok;
}

static bool route_metrics(kl_app *a, kl_monitor *m) {
  return kl_monitor_route(m, "/metrics", KL_MONITOR_OPEN, serve_metrics, a) &&
         kl_monitor_route(m, "/health", KL_MONITOR_OPEN, serve_health, a);
}

/* With the token it goes to a terminal alone: as a fragment, which no browser sends and no log has. */
static void say_page(kl_monitor *web) {
  int port = kl_monitor_port(web);
  char token[KL_WEB_TOKEN_SIZE];
  kl_error e;
  kl_log_info("kalua", "the page is at http://127.0.0.1:%d/; its token is in the file web-token of the state folder",
              port);
  if (!isatty(STDERR_FILENO) || !kl_web_token_get(token, &e)) return;
  kl_stderr_printf("kalua: look at http://127.0.0.1:%d/#token=%s\n", port, token);
  explicit_bzero(token, sizeof token);
}

bool kl_monitoring_open(kl_app *a, kl_monitoring_ports ports, kl_error *e) {
  if (ports.metrics < 0 && ports.web < 0) return true;
  kl_monitoring_measure(a);
  kl_monitoring *m = a->monitoring;
  if (!m) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
    return false;
  }
  bool one = ports.metrics == ports.web && ports.web > 0, ok = true;
  if (ports.web >= 0) ok = open_server(a, ports.web, "--web", true, &m->web, e);
  if (ok && one) m->metrics = m->web;
  if (ok && !one && ports.metrics >= 0) ok = open_server(a, ports.metrics, "--metrics", false, &m->metrics, e);
  ok = ok && (!m->web || kl_web_view_open(a, m->web, &m->view, e));
  if (!ok) return false;
  if (m->metrics && !route_metrics(a, m->metrics)) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
    return false;
  }
  if (m->metrics)
    kl_log_info("kalua", "metrics at http://127.0.0.1:%d/metrics, health at /health", kl_monitor_port(m->metrics));
  if (m->web) say_page(m->web);
  return true;
}

kl_monitor *kl_monitoring_web(kl_app *a) { return a->monitoring ? a->monitoring->web : NULL; }

static void handle_closed(uv_handle_t *h) {
  kl_monitoring *m = h->data;
  if (--m->open == 0) free(m);
}

void kl_monitoring_close(kl_app *a) {
  kl_monitoring *m = a->monitoring;
  if (!m) return;
  /* The loop runs while one of them closes, and the other answers until it does. */
  if (m->web != m->metrics) kl_monitor_close(m->web);
  kl_monitor_close(m->metrics);
  a->monitoring = NULL;
  kl_web_view_close(m->view);
  uv_close((uv_handle_t *)&m->turn, handle_closed);
  uv_close((uv_handle_t *)&m->lag, handle_closed);
}
