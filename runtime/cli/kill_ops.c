/* The inside of `kalua kill` in a process that is asked. */
#include <stdlib.h>

#include "base/json_fields.h"
#include "base/log.h"
#include "cli/app.h"
#include "cli/kill.h"
#include "trading/sweep.h"

enum { LOOK_MS = 10, STOP_MS = 1500, SWEEP_MS = 8000 };

typedef struct killing {
  kl_app *app;
  kl_control_call *call;
  uv_timer_t timer;
  uint64_t since_ms;
  int64_t scripts;
  size_t sweeps;       /* of accounts, that are not over */
  kl_sweep_result all; /* of those that are */
} killing;

static void killing_closed(uv_handle_t *h) { free(h->data); }

static void tell(killing *k) {
  kl_buf b = {0};
  const kl_sweep_result *r = &k->all;
  kl_json_field_int(&b, "found", (int64_t)r->found);
  kl_json_field_int(&b, "left", (int64_t)r->left);
  kl_json_field_int(&b, "scripts", k->scripts);
  if (r->error.kind) {
    kl_log_error("kalua", "killed, and orders may still rest: %s", r->error.message);
    kl_control_refuse(k->call, &r->error, &b);
  } else {
    kl_log_warn("kalua", "killed: nothing rests any more (%zu orders canceled)", r->found);
    kl_control_answer(k->call, &b);
  }
  kl_app_release(k->app);
  uv_close((uv_handle_t *)&k->timer, killing_closed);
}

static void swept(void *data, const kl_sweep_result *r) {
  killing *k = data;
  k->all.found += r->found;
  k->all.left += r->left;
  if (r->error.kind && !k->all.error.kind) k->all.error = r->error;
  if (--k->sweeps == 0) tell(k);
}

/* What a script sends in its last turn is canceled with the rest. One that does not end in time is not waited for. */
static void look(uv_timer_t *t) {
  killing *k = t->data;
  kl_session *s;
  if (kl_app_running(k->app) && uv_now(t->loop) - k->since_ms < STOP_MS) return;
  uv_timer_stop(t);
  k->sweeps = 1; /* this one, until all have begun */
  for (size_t i = 0; (s = kl_app_account_session_at(k->app, i)); i++) {
    if (!kl_session_has_key(s)) continue; /* nobody orders without one */
    k->sweeps++;
    if (kl_sweep_start(s, t->loop, SWEEP_MS, swept, k)) continue;
    k->sweeps--;
    kl_error_set(&k->all.error, KL_ERR_INTERNAL, "not enough memory");
  }
  swept(k, &(kl_sweep_result){0});
}

static void run_kill(void *data, kl_control_call *call, const json_t *fields) {
  kl_app *app = data;
  (void)fields;
  killing *k = calloc(1, sizeof *k);
  if (!k) {
    kl_error e;
    kl_error_set(&e, KL_ERR_INTERNAL, "not enough memory");
    kl_control_refuse(call, &e, NULL);
    return;
  }
  kl_log_warn("kalua", "kalua kill: all scripts are stopped and all orders canceled");
  k->app = app;
  k->call = call;
  kl_app_hold(app);
  for (kl_strategy *g = kl_app_strategy_next(app, NULL); g; g = kl_app_strategy_next(app, g)) {
    kl_strategy_status s;
    kl_strategy_status_get(g, &s);
    k->scripts += s.phase != KL_STRATEGY_ENDED;
  }
  kl_app_kill(app);
  uv_timer_init(kl_app_loop(app), &k->timer);
  k->timer.data = k;
  k->since_ms = uv_now(kl_app_loop(app));
  uv_timer_start(&k->timer, look, 0, LOOK_MS);
}

const kl_control_op kl_kill_ops[] = {{"kill", run_kill, NULL, NULL}, {NULL, NULL, NULL, NULL}};
