#include "kalshi/hot_path.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "kalshi/account.h"

enum {
  IDLE_S = 20,     /* servers and what stands before them close a connection that is idle for a minute or less */
  TRADING_S = 600, /* since the last order write */
  WARM_TIMEOUT_MS = 5000
};
#define SECOND INT64_C(1000000000)

struct kl_hot_path {
  kl_session *s;
  kl_ready *ready;  /* NULL: none is made ahead */
  uv_timer_t timer; /* looks whether the connection has been idle; keeps no loop alive */
  kl_feed_listener listener;
  bool feed_up, warming;
  int64_t order_ns;   /* of the last order write; 0: none */
  int64_t traffic_ns; /* of the last answer; 0: none */
  size_t open;
  void (*closed)(void *);
  void *closed_data;
};

/* ---- the connection ---- */

static void warmed(void *data, const kl_http_response *res, const kl_error *e) {
  kl_hot_path *h = data;
  (void)res; /* what counts is that it went over the connection */
  h->warming = false;
  if (e) kl_log_debug("session", "the connection could not be kept warm: %s", e->message);
}

/* A small public read over the connection that orders take keeps it from being closed as idle, which could happen at
 * the very moment that an order is sent over it. Not signed, so that it costs the account nothing. */
static void keep_warm(kl_hot_path *h) {
  kl_error e;
  kl_call_request r = {.op = kl_operation_find("GetExchangeStatus"),
                       .path = "/exchange/status",
                       .urgent = true,
                       .anonymous = true,
                       .timeout_ms = WARM_TIMEOUT_MS};
  if (h->warming) return;
  h->warming = kl_session_call(h->s, &r, warmed, h, &e) != NULL;
  if (!h->warming) kl_log_debug("session", "the connection could not be kept warm: %s", e.message);
}

/* One is opened where none is at hand: none was used yet, or the server closed it. */
static void open_ahead(kl_hot_path *h) {
  if (h->s->stepped) return;
  kl_buf url = {0};
  kl_buf_printf(&url, "%s/exchange/status", h->s->rest_url);
  if (!url.failed) kl_http_warm(h->s->http, url.data);
  kl_buf_free(&url);
}

static bool can_trade(const kl_session *s) {
  return s->key && !s->read_only && (s->live || strcmp(s->env, "prod") != 0);
}

static void look(uv_timer_t *t) {
  kl_hot_path *h = t->data;
  int64_t now = kl_mono_ns(h->s->clock);
  bool trading = h->order_ns && now - h->order_ns < TRADING_S * SECOND;
  if (!trading && !h->feed_up) {
    uv_timer_stop(t);
    return;
  }
  if (h->traffic_ns && now - h->traffic_ns >= IDLE_S * SECOND)
    keep_warm(h);
  else
    open_ahead(h);
}

static void watch(kl_hot_path *h) {
  if (h->s->stepped || uv_is_active((uv_handle_t *)&h->timer)) return;
  uv_timer_start(&h->timer, look, 1000, 1000);
}

/* A strategy that watches books is likely to send an order: its connection is opened now. */
static void feed_status(void *data, const char *what, const char *detail) {
  kl_hot_path *h = data;
  (void)detail;
  if (!strcmp(what, "disconnected")) h->feed_up = false;
  if (strcmp(what, "connected") != 0 || !can_trade(h->s) || h->s->closing) return;
  h->feed_up = true;
  open_ahead(h);
  watch(h);
}

void kl_hot_path_traffic(kl_hot_path *h) {
  h->traffic_ns = kl_mono_ns(h->s->clock);
  kl_ready_refill(h->ready);
}

/* ---- signatures ---- */

static bool is_order_write(const kl_operation *op) {
  return op && !op->legacy && op->bucket == KL_BUCKET_WRITE && !strncmp(op->path, "/portfolio/events/orders", 24);
}

bool kl_hot_path_signature(kl_hot_path *h, const kl_call *c, const char *path, int64_t *timestamp_ms,
                           char signature[KL_SIGNATURE_MAX]) {
  if (!is_order_write(c->op)) return false;
  h->order_ns = kl_mono_ns(h->s->clock);
  kl_account_watch(h->s->account);
  watch(h);
  if (!h->ready) return false;
  if (kl_ready_take(h->ready, c->method, path, timestamp_ms, signature)) return true;
  /* Paths that name an order are made ready when the order rests; they serve once. */
  if (!strchr(c->op->path, '{')) kl_ready_want(h->ready, c->method, path, false);
  return false;
}

void kl_hot_path_answered(kl_hot_path *h, const kl_call *c, const kl_order_answer *answer) {
  if (!h->ready || !is_order_write(c->op) || c->op->cost_per_item) return;
  kl_buf path = {0};
  if (!strcmp(c->op->id, "CreateOrderV2")) {
    bool rests = answer->order_id[0] && answer->has_remaining && answer->remaining > 0;
    if (rests && !strpbrk(answer->order_id, "/%?#")) {
      kl_buf_printf(&path, "%s/portfolio/events/orders/%s", h->s->base_path, answer->order_id);
      if (!path.failed) kl_ready_want(h->ready, "DELETE", path.data, true);
    }
  } else if (!strcmp(c->op->id, "CancelOrderV2")) {
    kl_buf_printf(&path, "%s%s", h->s->base_path, c->path);
    if (!path.failed) kl_ready_forget(h->ready, "DELETE", path.data);
  }
  kl_buf_free(&path);
}

/* ---- life ---- */

static int64_t now_ms(void *data) { return kl_session_timestamp_ms(data); }

kl_hot_path *kl_hot_path_new(kl_session *s, int presign_ms) {
  kl_hot_path *h = calloc(1, sizeof *h);
  if (!h) return NULL;
  h->s = s;
  if (presign_ms > 0 && s->key) {
    h->ready = kl_ready_new(s->loop, s->key, s->clock, presign_ms, now_ms, s);
    if (!h->ready) {
      free(h);
      return NULL;
    }
  }
  uv_timer_init(s->loop, &h->timer);
  uv_unref((uv_handle_t *)&h->timer);
  h->timer.data = h;
  h->listener.data = h;
  h->listener.status = feed_status;
  kl_feed_listen(s->feed, &h->listener);
  return h;
}

static void part_closed(void *data) {
  kl_hot_path *h = data;
  if (--h->open > 0) return;
  void (*closed)(void *) = h->closed;
  void *closed_data = h->closed_data;
  free(h);
  if (closed) closed(closed_data);
}

static void timer_closed(uv_handle_t *t) { part_closed(t->data); }

void kl_hot_path_close(kl_hot_path *h, void (*closed)(void *), void *data) {
  h->closed = closed;
  h->closed_data = data;
  h->open = h->ready ? 2 : 1;
  kl_feed_unlisten(&h->listener);
  kl_ready_close(h->ready, part_closed, h);
  uv_close((uv_handle_t *)&h->timer, timer_closed);
}
