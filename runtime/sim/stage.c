#include "sim/stage_impl.h"

#include <stdio.h>
#include <string.h>

#include "base/decimal.h"
#include "exchange/saved.h"
#include "sim/faults.h"
#include "sim/server_impl.h"
#include "sim/triggers.h"

#define SECOND INT64_C(1000000)
/* What the exchange's own events do not say (ends of faults, transfers, requests for quotes) is looked at in a tenth of
 * a second, a second or a minute. */
enum { FINE_US = 100000, BUSY_S = 120, REST_S = 60 };
#define DEPOSIT (INT64_C(1000000000) * KL_MONEY_ONE)

/* ---- from thread to thread ---- */

typedef struct kl_sim_stage_question question;
struct kl_sim_stage_question {
  void (*answer)(kl_sim *s, void *data);
  void *data;
  bool done;
};

static void on_asked(uv_async_t *a) {
  kl_sim *s = a->data;
  pthread_mutex_lock(&s->lock);
  question *q = s->stage.question;
  s->stage.question = NULL;
  pthread_mutex_unlock(&s->lock);
  if (!q) return;
  kl_sim_touch(s);
  q->answer(s, q->data);
  pthread_mutex_lock(&s->lock);
  q->done = true;
  pthread_cond_broadcast(&s->stage.done);
  pthread_mutex_unlock(&s->lock);
}

int kl_sim_stage_open(kl_sim *s) {
  s->stage.asked.data = s;
  return uv_async_init(&s->loop, &s->stage.asked, on_asked);
}

void kl_sim_stage_ask(kl_sim *s, void (*answer)(kl_sim *, void *), void *data) {
  question q = {.answer = answer, .data = data};
  pthread_mutex_lock(&s->lock);
  while (s->stage.asking) /* one after the other */
    pthread_cond_wait(&s->stage.done, &s->lock);
  s->stage.asking = true;
  s->stage.question = &q;
  uv_async_send(&s->stage.asked);
  while (!q.done)
    pthread_cond_wait(&s->stage.done, &s->lock);
  s->stage.asking = false;
  pthread_cond_broadcast(&s->stage.done);
  pthread_mutex_unlock(&s->lock);
}

/* ---- time ---- */

static int64_t after(int64_t now_us, int64_t step_us) { return (now_us / step_us + 1) * step_us; }

static int64_t next_of(kl_sim *s) {
  uint64_t requests = atomic_load_explicit(&s->counters.requests, memory_order_relaxed);
  if (requests != s->stage.requests) s->stage.busy_until_us = s->now_us + BUSY_S * SECOND;
  s->stage.requests = requests;
  int64_t next = kl_exchange_tick(s->x, s->now_us), due_ns = kl_sim_server_next_ns(s);
  int64_t step = kl_sim_faults_count(s->faults)       ? FINE_US
                 : s->now_us < s->stage.busy_until_us ? SECOND
                                                      : REST_S * SECOND;
  int64_t look = after(s->now_us, step);
  if (look < next) next = look;
  if (due_ns == INT64_MAX) return next;
  int64_t left_us = (due_ns - kl_mono_ns(s->clock) + 999) / 1000;
  int64_t due = s->now_us + (left_us > 0 ? left_us : 0);
  return due < next ? due : next;
}

static void look(kl_sim *s, kl_sim_look *out) {
  *out = (kl_sim_look){.held = s->n_held};
  for (kl_list *n = s->sessions.next; n != &s->sessions; n = n->next) {
    const kl_sim_session *c = KL_CONTAINER(n, kl_sim_session, link);
    const kl_sim_connection *k = lws_get_opaque_user_data(c->wsi);
    if (c->closing || c->fault.end) continue; /* it will be gone */
    out->sessions++;
    out->heard += c->heard;
    out->told += c->told + (kl_sim_connection_waits(k) ? 0 : c->n);
  }
  out->next_us = next_of(s);
}

static void turn(kl_sim *s, void *data) {
  int64_t second = s->now_us / SECOND;
  if (second != s->stage.second) kl_sim_run_second(s);
  s->stage.second = second;
  kl_sim_run_tick(s);
  kl_sim_server_due(s);
  look(s, data);
}

void kl_sim_stage_turn(kl_sim *s, kl_sim_look *out) { kl_sim_stage_ask(s, turn, out); }

/* ---- what is done there ---- */

typedef struct stage_call {
  const char *ticker;
  const kl_sim_stage_order *orders;
  size_t n;
  bool replace, ok;
  const kl_sim_stage_market *market;
  const char *kind;
  const char *const *words;
  kl_buf *out;
  kl_error *e;
} stage_call;

static void add(kl_sim *s, void *data) {
  stage_call *c = data;
  const kl_sim_stage_market *o = c->market;
  kl_series *series = kl_exchange_series(s->x, o->series_ticker);
  kl_market_event *event = kl_exchange_event(s->x, o->event_ticker);
  kl_market m = {.created_us = s->now_us,
                 .open_us = s->now_us,
                 .close_us = o->close_us,
                 .expected_expiration_us = o->close_us,
                 .latest_expiration_us = o->close_us + 7 * 86400 * SECOND,
                 .settlement = -1,
                 .updated_us = s->now_us};
  c->ok = false;
  if (kl_exchange_market(s->x, o->ticker)) {
    kl_error_set(c->e, KL_ERR_VALIDATION, "there is a market %s already", o->ticker);
    return;
  }
  if (!kl_price_structure(o->structure, &m)) {
    kl_error_set(c->e, KL_ERR_VALIDATION,
                 "there is no price level structure \"%.40s\": linear_cent, deci_cent, tapered_deci_cent, … as markets "
                 "name them",
                 o->structure);
    return;
  }
  if (!series) {
    kl_series new = {
        .category = "Test", .frequency = "custom", .fee_type = KL_FEE_QUADRATIC, .fee_multiplier_ppm = 1000000};
    snprintf(new.ticker, sizeof new.ticker, "%s", o->series_ticker);
    snprintf(new.title, sizeof new.title, "%s", o->title);
    series = kl_exchange_add_series(s->x, &new);
  }
  if (!event && series) {
    kl_market_event new = {.series = series, .mutually_exclusive = o->exclusive};
    snprintf(new.ticker, sizeof new.ticker, "%s", o->event_ticker);
    snprintf(new.title, sizeof new.title, "%s", o->title);
    event = kl_exchange_add_event(s->x, &new);
  }
  m.event = event;
  snprintf(m.ticker, sizeof m.ticker, "%s", o->ticker);
  snprintf(m.title, sizeof m.title, "%s", o->title);
  snprintf(m.yes_sub_title, sizeof m.yes_sub_title, "Yes");
  snprintf(m.no_sub_title, sizeof m.no_sub_title, "No");
  snprintf(m.rules, sizeof m.rules, "The test decides.");
  snprintf(m.strike_type, sizeof m.strike_type, "custom");
  c->ok = event && kl_exchange_add_market(s->x, &m);
  if (!c->ok) kl_error_set(c->e, KL_ERR_INTERNAL, "not enough memory for the market %s", o->ticker);
  (void)kl_exchange_tick(s->x, s->now_us); /* it opens */
}

bool kl_sim_stage_add(kl_sim *s, const kl_sim_stage_market *m, kl_error *e) {
  stage_call c = {.market = m, .e = e};
  kl_sim_stage_ask(s, add, &c);
  return c.ok;
}

/* Whoever rests: the hand of the trigger `quote`, so that `trade` meets it. */
static uint32_t somebody(kl_sim *s) {
  if (s->hands[1] != UINT32_MAX) return s->hands[1];
  s->hands[1] = kl_exchange_add_user(s->x, DEPOSIT);
  if (s->hands[1] != UINT32_MAX) kl_exchange_set_synthetic(s->x, s->hands[1], KL_SYNTHETIC_RESTER_HAND);
  return s->hands[1];
}

/* The next resting order of a user in a market; they come from the newest on. */
static const kl_order *resting(const kl_sim *s, uint32_t user, const kl_market *m) {
  const kl_order *o;
  for (size_t i = 0; (o = kl_exchange_order_at(s->x, user, i)); i++)
    if (o->market == m && o->status == KL_ORDER_RESTING) return o;
  return NULL;
}

static void put_orders(kl_sim *s, void *data) {
  stage_call *c = data;
  uint32_t user = somebody(s);
  const kl_market *m = kl_exchange_market(s->x, c->ticker);
  c->ok = false;
  if (!m || user == UINT32_MAX) {
    kl_error_set(c->e, KL_ERR_VALIDATION, m ? "not enough memory" : "there is no market %s in this test", c->ticker);
    return;
  }
  const kl_order *o;
  while (c->replace && (o = resting(s, user, m))) {
    kl_uuid id;
    kl_count reduced;
    memcpy(id, o->id, sizeof id);
    kl_exchange_result r = kl_exchange_cancel(s->x, s->now_us, user, 0, id, &reduced, &o);
    if (r == KL_X_OK) continue;
    kl_error_set(c->e, KL_ERR_VALIDATION, "%s: the orders there cannot be replaced: %s", c->ticker,
                 kl_exchange_error_message(r));
    return;
  }
  for (size_t i = 0; i < c->n; i++) {
    const kl_sim_stage_order *x = &c->orders[i];
    kl_order_request q = {
        .user = user, .ticker = c->ticker, .side = x->side, .price = x->price, .count = x->count, .tif = KL_TIF_GTC};
    kl_exchange_result r = kl_exchange_create(s->x, s->now_us, &q, NULL);
    if (r == KL_X_OK) continue;
    char price[32], count[32];
    kl_decimal_format(price, sizeof price, x->price, KL_PRICE_PLACES);
    kl_decimal_format(count, sizeof count, x->count, KL_COUNT_PLACES);
    kl_error_set(c->e, KL_ERR_VALIDATION, "%s: the exchange refuses %s contracts at %s: %s%s", c->ticker, count, price,
                 kl_exchange_error_message(r), r == KL_X_MARKET_INACTIVE ? " (the market is paused or closed)" : "");
    return;
  }
  c->ok = true;
}

bool kl_sim_stage_orders(kl_sim *s, const char *ticker, const kl_sim_stage_order *orders, size_t n, bool replace,
                         kl_error *e) {
  stage_call c = {.ticker = ticker, .orders = orders, .n = n, .replace = replace, .e = e};
  kl_sim_stage_ask(s, put_orders, &c);
  return c.ok;
}

static void pull(kl_sim *s, void *data) {
  stage_call *c = data;
  c->ok = kl_sim_trigger_run(s, c->kind, c->words, c->out, c->e);
  s->stage.busy_until_us = s->now_us + BUSY_S * SECOND;
}

bool kl_sim_stage_trigger(kl_sim *s, const char *kind, const char *const *words, kl_buf *out, kl_error *e) {
  stage_call c = {.kind = kind, .words = words, .out = out, .e = e};
  kl_sim_stage_ask(s, pull, &c);
  return c.ok;
}
