/* What time and the operator do to markets and orders. */
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
  cancel_orders(x, m, KL_REASON_CLOSE);
}

static void ring(kl_exchange *x, const kl_x_alarm *a) {
  kl_market *m = a->market;
  switch (a->kind) {
  case KL_X_OPENS:
    if (m->status != KL_MARKET_INITIALIZED) return;
    m->status = KL_MARKET_ACTIVE;
    m->updated_us = x->now;
    return;
  case KL_X_CLOSES:
    if (m->status < KL_MARKET_CLOSED) close_market(x, m);
    return;
  case KL_X_EXPIRES:
    kl_x_end(x, a->order, KL_REASON_EXPIRY);
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

void kl_exchange_set_paused(kl_exchange *x, int64_t now_us, bool paused) {
  kl_x_advance(x, now_us);
  bool comes = paused && !x->paused;
  x->paused = paused;
  for (size_t i = 0; comes && i < x->n_users; i++) {
    kl_list *live = &x->users[i]->live;
    for (kl_list *n = live->next, *next; n != live; n = next) {
      next = n->next;
      kl_x_order *o = KL_CONTAINER(n, kl_x_order, live);
      if (o->o.cancel_on_pause) kl_x_end(x, o, KL_REASON_HALT);
    }
  }
}

bool kl_exchange_paused(const kl_exchange *x) { return x->paused; }

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

kl_exchange_result kl_exchange_determine(kl_exchange *x, int64_t now_us, kl_market *m, kl_price yes_value) {
  kl_x_advance(x, now_us);
  if (yes_value < 0 || yes_value > KL_PRICE_ONE) return KL_X_INVALID_PRICE;
  if (m->status == KL_MARKET_INITIALIZED || m->status > KL_MARKET_CLOSED) return KL_X_INVALID_PARAMETERS;
  if (m->status != KL_MARKET_CLOSED) {
    m->close_us = x->now;
    close_market(x, m);
    kl_x_tell_market(x, m, "close_date_updated");
  }
  m->status = KL_MARKET_DETERMINED;
  m->settlement = yes_value;
  m->updated_us = x->now;
  kl_x_tell_market(x, m, "determined");
  return KL_X_OK;
}

kl_exchange_result kl_exchange_settle(kl_exchange *x, int64_t now_us, kl_market *m, kl_price yes_value) {
  kl_x_advance(x, now_us);
  if (m->status == KL_MARKET_DETERMINED) {
    if (yes_value != m->settlement) return KL_X_INVALID_PRICE;
  } else {
    kl_exchange_result result = kl_exchange_determine(x, now_us, m, yes_value);
    if (result != KL_X_OK) return result;
  }
  m->status = KL_MARKET_FINALIZED;
  m->updated_us = x->now;
  kl_list *holdings = &kl_x_book_of(m)->holdings;
  for (kl_list *n = holdings->next; n != holdings; n = n->next)
    kl_x_ledger_settle(x, KL_CONTAINER(n, kl_x_holding, in_market), yes_value);
  kl_x_tell_market(x, m, "settled");
  return KL_X_OK;
}
