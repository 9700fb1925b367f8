#include "sim/mirror_door.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "sim/mirror_door_impl.h"
#include "sim/persist.h"
#include "sim/rolling.h"
#include "sim/server.h"

enum { CLOCK_MS = 50, REPORT_MS = 1000, RETIRE_MS = 1000 };
#define KEEP_US INT64_C(86400000000)

typedef enum { MARKET, SNAPSHOT, LEVEL, TRADE, STALE, STATUS, READY, MISSING, PAUSE } kind;

/* What waits in the queue; `n` bytes follow it. */
typedef struct message {
  kind what;
  uint32_t n;
  char ticker[sizeof((kl_market *)NULL)->ticker];
  int64_t a, b, c;
} message;

/* Of MARKET, behind the message. */
typedef struct market_tail {
  kl_series series;
  kl_market_event event;
  kl_market market;
} market_tail;

/* ---- telling: from another thread ---- */

static bool put(kl_sim *s, message m, const char *ticker, const void *tail, size_t n, const void *more, size_t n_more) {
  struct kl_sim_mirror *mirror = s->mirror;
  size_t length = strlen(ticker);
  if (length >= sizeof m.ticker) return true; /* no market is called so */
  memcpy(m.ticker, ticker, length + 1);
  m.n = (uint32_t)(n + n_more);
  pthread_mutex_lock(&mirror->lock);
  kl_buf *q = &mirror->queue;
  size_t before = q->len;
  bool ok = before + sizeof m + m.n <= KL_SIM_MIRROR_BYTES;
  if (ok) {
    kl_buf_add(q, &m, sizeof m);
    kl_buf_add(q, tail, n);
    kl_buf_add(q, more, n_more);
    ok = !q->failed;
    if (!ok) {
      q->len = before;
      q->failed = false;
    }
  }
  pthread_mutex_unlock(&mirror->lock);
  if (ok && before == 0) uv_async_send(&mirror->told);
  return ok;
}

bool kl_sim_mirror_market(kl_sim *s, const kl_mirror_market_info *i) {
  market_tail t = {*i->series, *i->event, *i->market};
  return put(s, (message){.what = MARKET}, i->market->ticker, &t, sizeof t, NULL, 0);
}

bool kl_sim_mirror_snapshot(kl_sim *s, const char *ticker, const kl_mirror_rung *const levels[2], const size_t n[2]) {
  return put(s, (message){.what = SNAPSHOT, .a = (int64_t)n[0], .b = (int64_t)n[1]}, ticker, levels[0],
             n[0] * sizeof *levels[0], levels[1], n[1] * sizeof *levels[1]);
}

bool kl_sim_mirror_level(kl_sim *s, const char *ticker, kl_outcome side, kl_price own, kl_count delta) {
  return put(s, (message){.what = LEVEL, .a = side, .b = own, .c = delta}, ticker, NULL, 0, NULL, 0);
}

bool kl_sim_mirror_trade(kl_sim *s, const char *ticker, kl_price yes, kl_count count, kl_side taker,
                         const char *trade_id) {
  return put(s, (message){.what = TRADE, .a = yes, .b = count, .c = taker}, ticker, trade_id,
             trade_id ? strlen(trade_id) : 0, "", 1);
}

bool kl_sim_mirror_stale(kl_sim *s, const char *ticker, bool stale) {
  return put(s, (message){.what = STALE, .a = stale}, ticker, NULL, 0, NULL, 0);
}

bool kl_sim_mirror_status(kl_sim *s, const char *ticker, kl_market_status status, kl_price settlement) {
  return put(s, (message){.what = STATUS, .a = status, .b = settlement}, ticker, NULL, 0, NULL, 0);
}

bool kl_sim_mirror_ready(kl_sim *s, const char *ticker) {
  return put(s, (message){.what = READY}, ticker, NULL, 0, NULL, 0);
}

bool kl_sim_mirror_missing(kl_sim *s, const char *ticker, const char *why) {
  return put(s, (message){.what = MISSING}, ticker, why, why ? strlen(why) : 0, "", 1);
}

bool kl_sim_mirror_pause(kl_sim *s, int shard, kl_pause pause) {
  return put(s, (message){.what = PAUSE, .a = shard, .b = pause}, "", NULL, 0, NULL, 0);
}

size_t kl_sim_mirror_waiting(const kl_sim *s) {
  struct kl_sim_mirror *m = s->mirror;
  pthread_mutex_lock(&m->lock);
  size_t n = m->queue.len;
  pthread_mutex_unlock(&m->lock);
  return n;
}

bool kl_sim_mirror_report_get(kl_sim *s, kl_sim_mirror_report *out) {
  struct kl_sim_mirror *m = s->mirror;
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += REPORT_MS / 1000;
  pthread_mutex_lock(&m->lock);
  m->wants_report = true;
  uv_async_send(&m->told);
  int rc = 0;
  while (m->wants_report && rc != ETIMEDOUT)
    rc = pthread_cond_timedwait(&m->reported, &m->lock, &until);
  bool ok = !m->wants_report;
  if (ok) *out = m->report;
  m->wants_report = false;
  pthread_mutex_unlock(&m->lock);
  return ok;
}

/* ---- taking in: on the simulator's thread ---- */

kl_mirror *kl_sim_mirror_of(const kl_sim *s) { return s->mirror ? s->mirror->model : NULL; }

kl_sim_mirrored *kl_sim_mirrored_of(struct kl_sim_mirror *m, const char *ticker) {
  size_t n = strlen(ticker);
  kl_sim_mirrored *k = kl_map_get(m->markets, ticker, n);
  if (k) return k;
  k = calloc(1, sizeof *k);
  if (k && kl_map_set(m->markets, ticker, n, k)) return k;
  free(k);
  return NULL;
}

void kl_sim_mirrored_want(kl_sim *s, kl_sim_mirrored *k, const char *ticker) {
  if (k->ready || k->asked) return;
  k->asked = true;
  k->missing_ns = 0;
  s->o.mirror->wanted(s->o.mirror->data, ticker);
}

static void take_market(kl_sim *s, const message *m, const char *tail) {
  market_tail *t = malloc(sizeof *t);
  if (!t) {
    kl_log_error("paper", "%s is not mirrored: not enough memory", m->ticker);
    return;
  }
  memcpy(t, tail, sizeof *t);
  const kl_mirror_market_info i = {&t->series, &t->event, &t->market};
  if (!kl_mirror_market(s->mirror->model, s->now_us, &i))
    kl_log_error("paper", "%s is not mirrored as it is now: the paper exchange cannot make it", m->ticker);
  free(t);
}

static void take_snapshot(kl_sim *s, const message *m, const char *tail) {
  const size_t n[2] = {(size_t)m->a, (size_t)m->b};
  kl_mirror_rung *rungs = malloc((n[0] + n[1] + 1) * sizeof *rungs);
  if (!rungs) {
    kl_mirror_stale(s->mirror->model, s->now_us, m->ticker, true);
    return;
  }
  memcpy(rungs, tail, m->n);
  const kl_mirror_rung *const levels[2] = {rungs, rungs + n[0]};
  kl_mirror_snapshot(s->mirror->model, s->now_us, m->ticker, levels, n);
  free(rungs);
}

static void take_ready(kl_sim *s, const message *m, const char *why) {
  kl_sim_mirrored *k = kl_sim_mirrored_of(s->mirror, m->ticker);
  if (!k) return; /* who waits for it gives up when its time is over */
  k->asked = false;
  k->ready = !why;
  k->missing_ns = why ? kl_mono_ns(kl_clock_real()) : 0;
  snprintf(k->why, sizeof k->why, "%s", why ? why : "");
}

static void take(kl_sim *s, const message *m, const char *tail) {
  kl_mirror *model = s->mirror->model;
  switch (m->what) {
  case MARKET:
    take_market(s, m, tail);
    return;
  case SNAPSHOT:
    take_snapshot(s, m, tail);
    return;
  case LEVEL:
    kl_mirror_level(model, s->now_us, m->ticker, (kl_outcome)m->a, m->b, m->c);
    return;
  case TRADE:
    kl_mirror_trade(model, s->now_us, m->ticker, m->a, m->b, (kl_side)m->c, tail);
    return;
  case STALE:
    kl_mirror_stale(model, s->now_us, m->ticker, m->a != 0);
    return;
  case STATUS:
    kl_mirror_status(model, s->now_us, m->ticker, (kl_market_status)m->a, m->b);
    return;
  case READY:
    take_ready(s, m, NULL);
    return;
  case MISSING:
    take_ready(s, m, tail);
    return;
  case PAUSE:
    kl_mirror_pause(model, s->now_us, (int)m->a, (kl_pause)m->b, 0);
    return;
  }
}

void kl_sim_mirror_drain(kl_sim *s) {
  struct kl_sim_mirror *mirror = s->mirror;
  pthread_mutex_lock(&mirror->lock);
  kl_buf q = mirror->queue;
  mirror->queue = mirror->taken;
  mirror->taken = q;
  pthread_mutex_unlock(&mirror->lock);
  if (q.len > 0 && !s->broken) {
    bool unpark = false;
    kl_sim_touch(s);
    for (size_t at = 0; at < q.len;) {
      message m;
      memcpy(&m, q.data + at, sizeof m);
      take(s, &m, q.data + at + sizeof m);
      unpark = unpark || m.what == READY || m.what == MISSING;
      at += sizeof m + m.n;
    }
    if (unpark) kl_sim_server_unpark(s);
  }
  kl_buf_clear(&mirror->taken);
}

static void report(kl_sim *s) {
  struct kl_sim_mirror *m = s->mirror;
  pthread_mutex_lock(&m->lock);
  if (m->wants_report) {
    for (int v = 0; v < KL_VIEWS; v++)
      kl_mirror_totals(m->model, (kl_mirror_view)v, s->accounts[0].user, NULL, &m->report.view[v]);
    m->report.resumed = kl_sim_persist_resumes(s);
    kl_mirror_counted(m->model, &m->report.counts);
    m->wants_report = false;
    pthread_cond_signal(&m->reported);
  }
  pthread_mutex_unlock(&m->lock);
}

static void on_told(uv_async_t *h) {
  kl_sim_mirror_drain(h->data);
  report(h->data);
}

/* ---- what has settled long ago ---- */

static bool settled_before(const kl_market_event *e, int64_t us) {
  for (size_t i = 0; i < e->n_markets; i++)
    if (!e->markets[i]->settled_us || e->markets[i]->settled_us > us) return false;
  return true;
}

static void forget_mirrored(struct kl_sim_mirror *m, const kl_market_event *e) {
  for (size_t i = 0; i < e->n_markets; i++) {
    const char *ticker = e->markets[i]->ticker;
    free(kl_map_remove(m->markets, ticker, strlen(ticker)));
  }
}

/* A process may trade for weeks, in markets that live for minutes. */
static void retire_settled(kl_sim *s) {
  struct kl_sim_mirror *m = s->mirror;
  int64_t keep_us = s->o.mirror->keep_us ? s->o.mirror->keep_us : KEEP_US;
  if (s->now_us - m->retired_us < RETIRE_MS * 1000) return;
  m->retired_us = s->now_us;
  for (size_t i = kl_exchange_event_count(s->x); i-- > 0;) {
    const kl_market_event *e = kl_exchange_event_at(s->x, i);
    char ticker[sizeof e->ticker];
    if (!settled_before(e, s->now_us - keep_us) || !kl_mirror_retirable(m->model, e->ticker)) continue;
    memcpy(ticker, e->ticker, sizeof ticker);
    kl_sim_rolling_forget(s, e);
    forget_mirrored(m, e);
    (void)kl_mirror_retire(m->model, s->now_us, ticker);
  }
}

static void on_clock(uv_timer_t *t) {
  kl_sim *s = t->data;
  if (s->broken) return;
  kl_sim_mirror_drain(s);
  kl_sim_touch(s);
  kl_mirror_time(s->mirror->model, s->now_us);
  retire_settled(s);
}

/* ---- life ---- */

/* What rested when the process ended is not known to rest still, nor what it would have met since. */
static void end_orders(kl_sim *s) {
  uint32_t user = s->accounts[0].user;
  size_t n = 0, more;
  while ((more = kl_exchange_cancel_all(s->x, s->now_us, user, -1)))
    n += more;
  if (n > 0) kl_log_info("paper", "%zu paper orders of the run before are canceled: nobody watched their markets", n);
}

/* The markets in which the account has something are wanted: they may settle. */
static void want_positions(kl_sim *s) {
  uint32_t user = s->accounts[0].user;
  for (int subaccount = 0; subaccount < 64; subaccount++) {
    const kl_position *p;
    for (size_t i = 0; (p = kl_exchange_position_at(s->x, user, subaccount, i)); i++) {
      kl_sim_mirrored *k =
          p->market->status != KL_MARKET_FINALIZED ? kl_sim_mirrored_of(s->mirror, p->market->ticker) : NULL;
      if (k) kl_sim_mirrored_want(s, k, p->market->ticker);
    }
  }
}

bool kl_sim_mirror_open(kl_sim *s, kl_error *e) {
  struct kl_sim_mirror *m = s->mirror = calloc(1, sizeof *m);
  if (m) {
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->reported, NULL);
    end_orders(s);
    m->markets = kl_map_new();
    m->model = kl_mirror_new(s->x, &(kl_mirror_options){.seed = kl_sim_persist_seed(s),
                                                        .balance_precision = s->o.balance_precision,
                                                        .linger_us = s->o.mirror->latency_us});
  }
  if (m && m->markets && m->model) return true;
  kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for the paper exchange");
  return false;
}

bool kl_sim_mirror_begin(kl_sim *s) {
  struct kl_sim_mirror *m = s->mirror;
  m->begun = uv_async_init(&s->loop, &m->told, on_told) == 0;
  if (!m->begun) {
    kl_error_set(&s->error, KL_ERR_INTERNAL, "no event loop for the paper exchange");
    return false;
  }
  uv_timer_init(&s->loop, &m->clock);
  m->told.data = m->clock.data = s;
  uv_timer_start(&m->clock, on_clock, CLOCK_MS, CLOCK_MS);
  want_positions(s);
  return true;
}

void kl_sim_mirror_end(kl_sim *s) {
  struct kl_sim_mirror *m = s->mirror;
  if (!m || !m->begun) return;
  uv_close((uv_handle_t *)&m->told, NULL);
  uv_close((uv_handle_t *)&m->clock, NULL);
}

void kl_sim_mirror_free(kl_sim *s) {
  struct kl_sim_mirror *m = s->mirror;
  size_t cursor = 0, n;
  const char *ticker;
  void *k;
  if (!m) return;
  kl_mirror_free(m->model);
  while (m->markets && kl_map_next(m->markets, &cursor, &ticker, &n, &k))
    free(k);
  kl_map_free(m->markets);
  kl_buf_free(&m->queue);
  kl_buf_free(&m->taken);
  pthread_mutex_destroy(&m->lock);
  pthread_cond_destroy(&m->reported);
  free(m);
  s->mirror = NULL;
}
