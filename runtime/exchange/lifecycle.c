/* What time and the operator do to markets and orders. */
#include <stdio.h>
#include <string.h>

#include "exchange/internal.h"

static const int64_t HOUR_US = INT64_C(3600000000);

static void cancel_orders(kl_exchange *x, const kl_market *m, kl_update_reason reason) {
  for (int side = KL_BID; side <= KL_ASK; side++)
    for (kl_x_level *level = kl_x_best(m, (kl_side)side); level; level = kl_x_best(m, (kl_side)side))
      kl_x_end(x, KL_CONTAINER(level->queue.next, kl_x_order, queue), reason);
}

/* The buckets of 24 clock hours: the oldest is emptied when a new hour begins. */
static void roll_hours(kl_exchange *x, int64_t hour) {
  if (x->hour >= 0 && hour <= x->hour) return;
  bool new_day = x->hour >= 0 && hour / 24 != x->hour / 24;
  int64_t passed = x->hour < 0 ? 0 : hour - x->hour;
  for (size_t i = 0; i < x->n_markets; i++) {
    kl_market *m = x->markets[i];
    kl_count *hours = kl_x_book_of(m)->hours;
    if (x->hour < 0) hours[hour % 24] = m->volume_24h;
    for (int64_t k = 0; k < passed && k < 24; k++) {
      m->volume_24h -= hours[(hour - k) % 24];
      hours[(hour - k) % 24] = 0;
    }
    kl_x_touch_market(x, m);
    if (!new_day) continue;
    kl_count size;
    m->previous_price = m->last_price;
    kl_exchange_top(m, &m->previous_bid, &size, &m->previous_ask, &size);
  }
  x->hour = hour;
}

void kl_x_add_volume(const kl_exchange *x, kl_x_book *b, kl_count n) {
  b->market->volume_24h += n;
  if (x->hour >= 0) b->hours[x->hour % 24] += n;
}

static void close_market(kl_exchange *x, kl_market *m) {
  m->status = KL_MARKET_CLOSED;
  m->updated_us = x->now;
  kl_x_touch_market(x, m);
  cancel_orders(x, m, KL_REASON_CLOSE);
}

static void finalize(kl_exchange *x, kl_market *m) {
  m->status = KL_MARKET_FINALIZED;
  m->settle_us = 0;
  m->settled_us = m->updated_us = x->now;
  kl_list *holdings = &kl_x_book_of(m)->holdings;
  for (kl_list *n = holdings->next; n != holdings; n = n->next)
    kl_x_ledger_settle(x, KL_CONTAINER(n, kl_x_holding, in_market), m->settlement);
  kl_x_net_event(x, m->event);
  kl_x_tell_market(x, m, "settled");
}

static void ring(kl_exchange *x, const kl_x_alarm *a) {
  kl_market *m = a->market;
  switch (a->kind) {
  case KL_X_OPENS:
    if (m->status != KL_MARKET_INITIALIZED) return;
    m->status = KL_MARKET_ACTIVE;
    m->updated_us = x->now;
    kl_x_touch_market(x, m);
    return;
  case KL_X_CLOSES:
    if (m->status < KL_MARKET_CLOSED && m->close_us == a->at) close_market(x, m);
    return;
  case KL_X_EXPIRES:
    kl_x_end(x, a->order, KL_REASON_EXPIRY);
    return;
  case KL_X_SETTLES:
    if (m->settle_us == a->at) finalize(x, m);
    return;
  }
}

void kl_x_advance(kl_exchange *x, int64_t now_us) {
  if (now_us > x->now) x->now = now_us;
  if (x->now / HOUR_US != x->hour) roll_hours(x, x->now / HOUR_US);
  while (x->schedule.n > 0 && x->schedule.heap[0].at <= x->now) {
    kl_x_alarm a = x->schedule.heap[0];
    kl_x_schedule_remove(&x->schedule, 0);
    ring(x, &a);
  }
}

int64_t kl_exchange_tick(kl_exchange *x, int64_t now_us) {
  kl_x_advance(x, now_us);
  return x->schedule.n > 0 ? x->schedule.heap[0].at : INT64_MAX;
}

/* ---- pauses ---- */

static void halt_orders(kl_exchange *x, int shard) {
  for (size_t i = 0; i < x->n_users; i++) {
    kl_list *live = &x->users[i]->live;
    for (kl_list *n = live->next, *next; n != live; n = next) {
      next = n->next;
      kl_x_order *o = KL_CONTAINER(n, kl_x_order, live);
      if (o->o.cancel_on_pause && o->o.market->exchange_index == shard) kl_x_end(x, o, KL_REASON_HALT);
    }
  }
}

bool kl_exchange_set_pause(kl_exchange *x, int64_t now_us, int shard, kl_pause pause, int64_t resume_us) {
  kl_x_advance(x, now_us);
  if (shard < KL_ALL_SHARDS || shard >= KL_EXCHANGE_SHARDS) return false;
  for (int i = 0; i < KL_EXCHANGE_SHARDS; i++) {
    if (shard != KL_ALL_SHARDS && shard != i) continue;
    bool comes = pause != KL_RUNNING && x->shards[i].pause == KL_RUNNING;
    x->shards[i].pause = pause;
    x->shards[i].resume_us = pause == KL_RUNNING ? 0 : resume_us;
    if (comes) halt_orders(x, i);
  }
  kl_x_touch_totals(x);
  return true;
}

kl_pause kl_exchange_pause_of(const kl_exchange *x, int shard, int64_t *resume_us) {
  bool known = shard >= 0 && shard < KL_EXCHANGE_SHARDS;
  if (resume_us) *resume_us = known ? x->shards[shard].resume_us : 0;
  return known ? x->shards[shard].pause : KL_RUNNING;
}

void kl_exchange_set_paused(kl_exchange *x, int64_t now_us, bool paused) {
  (void)kl_exchange_set_pause(x, now_us, KL_ALL_SHARDS, paused ? KL_TRADING_PAUSE : KL_RUNNING, 0);
}

bool kl_exchange_paused(const kl_exchange *x) { return x->shards[0].pause != KL_RUNNING; }

/* ---- markets ---- */

kl_exchange_result kl_exchange_set_active(kl_exchange *x, int64_t now_us, kl_market *m, bool active) {
  kl_x_advance(x, now_us);
  if (m->status != KL_MARKET_ACTIVE && m->status != KL_MARKET_INACTIVE) return KL_X_INVALID_PARAMETERS;
  if ((m->status == KL_MARKET_ACTIVE) == active) return KL_X_OK;
  m->status = active ? KL_MARKET_ACTIVE : KL_MARKET_INACTIVE;
  m->updated_us = x->now;
  if (active) cancel_orders(x, m, KL_REASON_HALT);
  kl_x_tell_market(x, m, active ? "activated" : "deactivated");
  return KL_X_OK;
}

static void close_now(kl_exchange *x, kl_market *m) {
  m->close_us = x->now;
  if (m->open_us > x->now) m->open_us = x->now;
  close_market(x, m);
  kl_x_tell_market(x, m, "close_date_updated");
}

kl_exchange_result kl_exchange_set_close(kl_exchange *x, int64_t now_us, kl_market *m, int64_t close_us) {
  kl_x_advance(x, now_us);
  if (m->status > KL_MARKET_CLOSED || close_us <= 0) return KL_X_INVALID_PARAMETERS;
  if (close_us <= x->now) {
    if (m->status == KL_MARKET_CLOSED) return KL_X_INVALID_PARAMETERS;
    close_now(x, m);
    return KL_X_OK;
  }
  if (m->status == KL_MARKET_INITIALIZED && close_us <= m->open_us) return KL_X_INVALID_PARAMETERS;
  if (close_us == m->close_us) return KL_X_OK;
  if (!kl_x_schedule_reserve(&x->schedule, 1)) return KL_X_NOMEM;
  kl_x_schedule_add(&x->schedule, (kl_x_alarm){close_us, m->index, KL_X_CLOSES, m, NULL});
  m->close_us = close_us;
  if (m->latest_expiration_us < close_us) m->latest_expiration_us = close_us;
  m->updated_us = x->now;
  kl_x_tell_market(x, m, "close_date_updated");
  if (m->status != KL_MARKET_CLOSED) return KL_X_OK;
  m->status = KL_MARKET_ACTIVE;
  kl_x_tell_market(x, m, "activated");
  return KL_X_OK;
}

kl_exchange_result kl_exchange_set_structure(kl_exchange *x, int64_t now_us, kl_market *m, const char *name,
                                             const kl_price_band *bands, int n) {
  kl_x_advance(x, now_us);
  if (m->status > KL_MARKET_CLOSED || !name || strlen(name) >= sizeof m->price_structure)
    return KL_X_INVALID_PARAMETERS;
  if (n != 0) {
    if (!kl_x_valid_bands(bands, n)) return KL_X_INVALID_PRICE;
    (void)snprintf(m->price_structure, sizeof m->price_structure, "%s", name);
    memcpy(m->bands, bands, (size_t)n * sizeof *bands);
    m->n_bands = n;
  } else if (!kl_price_structure(name, m)) {
    return KL_X_INVALID_PARAMETERS;
  }
  m->updated_us = x->now;
  kl_x_tell_market(x, m, "price_level_structure_updated");
  return KL_X_OK;
}

kl_exchange_result kl_exchange_set_metadata(kl_exchange *x, int64_t now_us, kl_market *m, const kl_market_metadata *d) {
  kl_x_advance(x, now_us);
  if (m->status == KL_MARKET_FINALIZED) return KL_X_INVALID_PARAMETERS;
  if ((d->yes_sub_title && strlen(d->yes_sub_title) >= sizeof m->yes_sub_title) ||
      (d->strike_type && strlen(d->strike_type) >= sizeof m->strike_type))
    return KL_X_INVALID_PARAMETERS;
  if (d->yes_sub_title) (void)snprintf(m->yes_sub_title, sizeof m->yes_sub_title, "%s", d->yes_sub_title);
  if (d->strike_type) {
    (void)snprintf(m->strike_type, sizeof m->strike_type, "%s", d->strike_type);
    m->has_floor = d->has_floor;
    m->floor_strike = d->floor_strike;
    m->has_cap = d->has_cap;
    m->cap_strike = d->cap_strike;
  }
  m->updated_us = x->now;
  kl_x_tell_market(x, m, "metadata_updated");
  return KL_X_OK;
}

/* ---- results ---- */

/* Starts the settlement timer anew, for a market that has one. */
static void start_timer(kl_exchange *x, kl_market *m) {
  m->settle_us = 0;
  if (m->settlement_timer_s <= 0) return;
  m->settle_us = x->now + (int64_t)(m->settlement_timer_s * 1e6 / x->speed);
  kl_x_schedule_add(&x->schedule, (kl_x_alarm){m->settle_us, m->index, KL_X_SETTLES, m, NULL});
}

kl_exchange_result kl_exchange_determine(kl_exchange *x, int64_t now_us, kl_market *m, kl_price yes_value) {
  kl_x_advance(x, now_us);
  if (yes_value < 0 || yes_value > KL_PRICE_ONE) return KL_X_INVALID_PRICE;
  if (m->status == KL_MARKET_INITIALIZED || m->status > KL_MARKET_CLOSED) return KL_X_INVALID_PARAMETERS;
  if (!kl_x_schedule_reserve(&x->schedule, 1)) return KL_X_NOMEM;
  if (m->status != KL_MARKET_CLOSED) close_now(x, m);
  m->status = KL_MARKET_DETERMINED;
  m->settlement = yes_value;
  m->determined_us = m->updated_us = x->now;
  start_timer(x, m);
  kl_x_tell_market(x, m, "determined");
  return KL_X_OK;
}

kl_exchange_result kl_exchange_dispute(kl_exchange *x, int64_t now_us, kl_market *m) {
  kl_x_advance(x, now_us);
  if (m->status != KL_MARKET_DETERMINED && m->status != KL_MARKET_AMENDED) return KL_X_INVALID_PARAMETERS;
  m->status = KL_MARKET_DISPUTED;
  m->settle_us = 0;
  m->updated_us = x->now;
  kl_x_tell_market(x, m, "disputed");
  return KL_X_OK;
}

kl_exchange_result kl_exchange_amend_result(kl_exchange *x, int64_t now_us, kl_market *m, kl_price yes_value) {
  kl_x_advance(x, now_us);
  if (yes_value < 0 || yes_value > KL_PRICE_ONE) return KL_X_INVALID_PRICE;
  if (m->status < KL_MARKET_DETERMINED || m->status == KL_MARKET_FINALIZED) return KL_X_INVALID_PARAMETERS;
  bool same = yes_value == m->settlement;
  if (same && m->status != KL_MARKET_DISPUTED) return KL_X_OK;
  if (!kl_x_schedule_reserve(&x->schedule, 1)) return KL_X_NOMEM;
  m->status = same ? KL_MARKET_DETERMINED : KL_MARKET_AMENDED;
  m->updated_us = x->now;
  if (!same) {
    m->settlement = yes_value;
    m->determined_us = x->now;
  }
  start_timer(x, m);
  kl_x_tell_market(x, m, same ? "dispute_rejected" : "determined");
  return KL_X_OK;
}

kl_exchange_result kl_exchange_settle(kl_exchange *x, int64_t now_us, kl_market *m, kl_price yes_value) {
  kl_x_advance(x, now_us);
  if (m->status == KL_MARKET_DETERMINED || m->status == KL_MARKET_AMENDED) {
    if (yes_value != m->settlement) return KL_X_INVALID_PRICE;
  } else {
    kl_exchange_result result = kl_exchange_determine(x, now_us, m, yes_value);
    if (result != KL_X_OK) return result;
  }
  finalize(x, m);
  return KL_X_OK;
}
