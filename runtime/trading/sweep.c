#include "trading/sweep.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum {
  COUNT_MS = 200,   /* for counting what rests */
  LOOK_MS = 250,    /* between two looks */
  AGAIN_MS = 2000,  /* between two cancels while looks show orders: reads may lag by as much */
  CALL_MS = 8000,   /* of one call */
  SETTLED_LOOKS = 2 /* so many in a row without an order: one may be of a moment before the last was placed */
};

struct kl_sweep {
  kl_session *s;
  uv_timer_t timer;
  kl_call *call, *count; /* NULL: none is under way */
  int64_t until_ns, patience_ns, canceled_ns;
  unsigned empty; /* looks in a row that showed none */
  bool begun;     /* a cancel-all was sent */
  bool canceled;  /* at least one cancel-all was answered */
  kl_sweep_result result;
  kl_error last; /* of a call that failed; kind NULL: the last ones were answered */
  void (*done)(void *data, const kl_sweep_result *r);
  void *data;
};

static int64_t now_ns(void) { return kl_mono_ns(kl_clock_real()); }

static void timer_closed(uv_handle_t *h) { free(h->data); }

static void finish(kl_sweep *w) {
  if (w->count) kl_call_cancel(w->count);
  uv_close((uv_handle_t *)&w->timer, timer_closed); /* frees it, in a later turn */
  w->done(w->data, &w->result);
}

static void cancel_all(kl_sweep *w);
static void look(kl_sweep *w);

static void on_timer(uv_timer_t *t) {
  kl_sweep *w = t->data;
  bool again = !w->canceled || (!w->empty && now_ns() - w->canceled_ns >= AGAIN_MS * INT64_C(1000000));
  if (again)
    cancel_all(w);
  else
    look(w);
}

static void pause_or_end(kl_sweep *w) {
  if (now_ns() < w->until_ns) {
    uv_timer_start(&w->timer, on_timer, LOOK_MS, 0);
    return;
  }
  if (w->last.kind)
    w->result.error = w->last;
  else
    kl_error_set(&w->result.error, KL_ERR_TIMEOUT,
                 "%zu orders still rest; those in markets that are closed or paused go when the exchange lets them",
                 w->result.left);
  finish(w);
}

static void looked(void *data, const kl_http_response *res, const kl_error *e) {
  kl_sweep *w = data;
  w->call = NULL;
  w->last = e ? *e : (kl_error){0};
  json_t *root = res ? json_loadb(res->body, res->body_len, 0, NULL) : NULL;
  const json_t *rows = json_object_get(root, "orders");
  if (!e && !json_is_array(rows)) kl_error_set(&w->last, KL_ERR_PROTOCOL, "the list of orders is no list");
  size_t n = json_array_size(rows);
  json_decref(root);
  if (!w->last.kind) {
    if (n < w->result.left) w->until_ns = now_ns() + w->patience_ns; /* it gets on */
    w->result.left = n;
    if (n > w->result.found) w->result.found = n;
    w->empty = n == 0 ? w->empty + 1 : 0;
  }
  if (!w->last.kind && w->canceled && w->empty >= SETTLED_LOOKS)
    finish(w);
  else
    pause_or_end(w);
}

static void was_canceled(void *data, const kl_http_response *res, const kl_error *e) {
  kl_sweep *w = data;
  (void)res;
  w->call = NULL;
  w->canceled_ns = now_ns();
  w->last = e ? *e : (kl_error){0};
  w->empty = 0; /* what was seen before says nothing */
  if (!e) w->canceled = true;
  if (e)
    pause_or_end(w);
  else
    uv_timer_start(&w->timer, on_timer, 1, 0);
}

static void cancel_all(kl_sweep *w) {
  w->begun = true;
  const kl_operation *op = kl_operation_find("cancel_all_orders");
  kl_call_request r = {.op = op, .path = op->path, .query = "", .timeout_ms = CALL_MS};
  w->call = kl_session_call(w->s, &r, was_canceled, w, &w->last);
  if (!w->call) pause_or_end(w);
}

/* What rested, so that it can be told. */
static void counted(void *data, const kl_http_response *res, const kl_error *e) {
  kl_sweep *w = data;
  json_t *root = res && !e ? json_loadb(res->body, res->body_len, 0, NULL) : NULL;
  size_t n = json_array_size(json_object_get(root, "orders"));
  w->count = NULL;
  if (n > w->result.found) w->result.found = n;
  json_decref(root);
  if (!w->begun) uv_timer_start(&w->timer, on_timer, 0, 0);
}

static kl_call *list(kl_sweep *w, kl_call_cb cb, kl_error *e) {
  const kl_operation *op = kl_operation_find("get_orders");
  kl_call_request r = {
      .op = op, .path = op->path, .query = "status=resting&limit=1000", .urgent = true, .timeout_ms = CALL_MS};
  return kl_session_call(w->s, &r, cb, w, e);
}

static void look(kl_sweep *w) {
  w->call = list(w, looked, &w->last);
  if (!w->call) pause_or_end(w);
}

kl_sweep *kl_sweep_start(kl_session *s, uv_loop_t *loop, int64_t patience_ms,
                         void (*done)(void *data, const kl_sweep_result *r), void *data) {
  kl_sweep *w = calloc(1, sizeof *w);
  if (!w) return NULL;
  *w = (kl_sweep){.s = s, .done = done, .data = data, .patience_ns = patience_ms * INT64_C(1000000)};
  w->until_ns = now_ns() + w->patience_ns;
  uv_timer_init(loop, &w->timer);
  w->timer.data = w;
  kl_error e = {0};
  w->count = list(w, counted, &e);                                 /* where it cannot be asked, nothing is told of it */
  uv_timer_start(&w->timer, on_timer, w->count ? COUNT_MS : 0, 0); /* cancelling hardly waits for a count */
  return w;
}

void kl_sweep_stop(kl_sweep *w) {
  if (!w) return;
  if (w->call) kl_call_cancel(w->call);
  if (w->count) kl_call_cancel(w->count);
  uv_close((uv_handle_t *)&w->timer, timer_closed);
}
