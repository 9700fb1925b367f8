#include "kalshi/account.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "kalshi/account_internal.h"

#define MS INT64_C(1000000)

enum {
  TICK_MS = 1000,
  REFRESH_MS = 60000 /* for what no channel tells: deposits, payouts of settled markets */
};

int64_t kl_account_now_ns(const kl_account *a) { return kl_mono_ns(a->s->clock); }
bool kl_account_is_live(const kl_account *a) { return a->sub && kl_feed_sub_ready(a->sub); }

static bool is_stale(const kl_account *a) { return !a->right || !kl_account_is_live(a); }

/* ---- who is told ---- */

/* For each listener that has `member` and wants to know already; one may leave inside, or another. */
#define TELL(a, member, ...)                                                                                           \
  do {                                                                                                                 \
    kl_account_listener cursor_ = {.data = NULL};                                                                      \
    for (kl_list *n_ = (a)->listeners.next; n_ != &(a)->listeners;) {                                                  \
      kl_account_listener *l_ = KL_CONTAINER(n_, kl_account_listener, link);                                           \
      kl_list_append(n_->next, &cursor_.link);                                                                         \
      if (l_->member && ((a)->loaded || l_->early)) l_->member(__VA_ARGS__);                                           \
      n_ = cursor_.link.next;                                                                                          \
      kl_list_remove(&cursor_.link);                                                                                   \
    }                                                                                                                  \
  } while (0)

void kl_account_listen(kl_account *a, kl_account_listener *l) { kl_list_append(&a->listeners, &l->link); }
void kl_account_unlisten(kl_account_listener *l) { kl_list_remove(&l->link); }

void kl_account_await(kl_account *a, kl_account_waiter *w) { kl_list_append(&a->waiters, &w->link); }
void kl_account_leave(kl_account_waiter *w) { kl_list_remove(&w->link); }

static void tell_waiters(kl_account *a, const kl_error *e) {
  while (!kl_list_empty(&a->waiters)) {
    kl_account_waiter *w = KL_CONTAINER(a->waiters.next, kl_account_waiter, link);
    kl_list_remove(&w->link);
    w->done(w->data, e);
  }
}

void kl_account_tell_order(kl_account *a, const kl_own_order *told, kl_told_by by) {
  const kl_own_order *changed = kl_own_orders_tell(a->orders, told, by);
  if (!changed) return;
  if (by != KL_TOLD_BY_LIST) a->balance_dirty_ns = kl_account_now_ns(a);
  TELL(a, order, l_->data, changed);
}

void kl_account_order_vanished(kl_account *a, const char *order_id) {
  kl_own_orders_vanished(a->orders, order_id);
  const kl_own_order *o = kl_own_orders_by_id(a->orders, order_id);
  if (o) TELL(a, order, l_->data, o);
}

void kl_account_tell_fill(kl_account *a, const kl_account_fill *fill) {
  const kl_account_fill *kept = kl_fills_add(&a->fills, fill);
  if (kept) TELL(a, fill, l_->data, kept);
}

void kl_account_show_fill(kl_account *a, const kl_account_fill *fill) {
  if (!a->started) return;
  kl_account_saw_subaccount(a, fill->subaccount);
  kl_account_tell_fill(a, fill);
}

void kl_account_position_changed(kl_account *a, const kl_account_position *p) { TELL(a, position, l_->data, p); }

/* ---- the channels ---- */

static void copy(kl_str from, char *to, size_t cap) {
  size_t n = from.n < cap ? from.n : 0;
  memcpy(to, from.p, n);
  to[n] = 0;
}

void kl_account_saw_subaccount(kl_account *a, int32_t subaccount) {
  if (subaccount < 0 || subaccount > 63) return;
  uint64_t bit = UINT64_C(1) << subaccount;
  bool is_new = !(a->subaccounts & bit);
  a->subaccounts |= bit;
  if (a->locked && a->subaccounts != bit) {
    a->many = true;
    a->locked = false;
    a->home = 0;
  } else if (a->locked && subaccount != a->home) {
    a->home = subaccount; /* only now it is seen which one's the key is */
  } else if (!is_new || !subaccount) {
    return;
  }
  if (a->loaded) a->subaccount_is_new = true;
}

static int32_t subaccount_of(kl_account *a, const kl_event *ev) {
  int32_t subaccount = ev->has & KL_HAS_SUBACCOUNT ? ev->subaccount : 0;
  kl_account_saw_subaccount(a, subaccount);
  return subaccount;
}

static void on_order(kl_account *a, const kl_event *ev) {
  kl_own_order o = {.ts_ms = ev->ts_ms,
                    .status = kl_own_status_read(ev->user_order.status.p, ev->user_order.status.n),
                    .side = ev->user_order.side,
                    .yes_price = ev->user_order.yes_price,
                    .initial = ev->user_order.initial,
                    .filled = ev->user_order.filled,
                    .remaining = ev->user_order.remaining,
                    .taker_cost = ev->user_order.taker_fill_cost,
                    .maker_cost = ev->user_order.maker_fill_cost,
                    .taker_fees = ev->user_order.taker_fees,
                    .maker_fees = ev->user_order.maker_fees,
                    .created_ms = ev->user_order.created_ts_ms,
                    .expiration_ms = ev->user_order.expiration_ts_ms,
                    .subaccount = subaccount_of(a, ev),
                    .exchange_index = ev->exchange_index,
                    .told_ns = kl_account_now_ns(a)};
  copy(ev->user_order.order_id, o.order_id, sizeof o.order_id);
  copy(ev->user_order.client_order_id, o.client_order_id, sizeof o.client_order_id);
  copy(ev->user_order.order_group_id, o.order_group_id, sizeof o.order_group_id);
  copy(ev->user_order.last_update_reason, o.reason, sizeof o.reason);
  copy(ev->ticker, o.ticker, sizeof o.ticker);
  kl_account_tell_order(a, &o, KL_TOLD_BY_CHANNEL);
}

static void on_fill(kl_account *a, const kl_event *ev) {
  kl_account_fill f = {.side = ev->fill.side,
                       .yes_price = ev->fill.yes_price,
                       .count = ev->fill.count,
                       .fee = ev->fill.fee,
                       .is_taker = ev->fill.is_taker,
                       .has_post_position = true,
                       .post_position = ev->fill.post_position,
                       .ts_ms = ev->ts_ms,
                       .subaccount = subaccount_of(a, ev),
                       .exchange_index = ev->exchange_index};
  copy(ev->fill.trade_id, f.trade_id, sizeof f.trade_id);
  copy(ev->fill.order_id, f.order_id, sizeof f.order_id);
  copy(ev->fill.client_order_id, f.client_order_id, sizeof f.client_order_id);
  copy(ev->ticker, f.ticker, sizeof f.ticker);
  a->balance_dirty_ns = kl_account_now_ns(a);
  kl_account_tell_fill(a, &f);
}

static void on_position(kl_account *a, const kl_event *ev) {
  kl_account_position p = {.subaccount = subaccount_of(a, ev),
                           .position = ev->position.position,
                           .exposure = ev->position.cost,
                           .realized = ev->position.realized,
                           .fees = ev->position.fees,
                           .updated_ms = kl_session_timestamp_ms(a->s)};
  copy(ev->ticker, p.ticker, sizeof p.ticker);
  a->balance_dirty_ns = kl_account_now_ns(a);
  const kl_account_position *changed = kl_positions_tell(&a->positions, &p, kl_account_now_ns(a));
  if (changed) kl_account_position_changed(a, changed);
}

static void on_message(void *data, const kl_event *ev, const char *raw, size_t n) {
  kl_account *a = data;
  (void)raw;
  (void)n;
  switch (ev->type) {
  case KL_EV_USER_ORDER:
    on_order(a, ev);
    break;
  case KL_EV_FILL:
    on_fill(a, ev);
    break;
  case KL_EV_POSITION:
    on_position(a, ev);
    break;
  default:
    break;
  }
}

/* ---- listening only ---- */

static void on_watch_failed(void *data, const kl_error *e) {
  kl_account *a = data;
  kl_log_debug("account", "the channel of own orders is not to be had: %s", e->message);
  kl_feed_sub_close(a->watch_sub);
  a->watch_sub = NULL;
}

static void watch(kl_account *a) {
  static const char *const channels[] = {"user_orders", NULL};
  kl_error e;
  if (a->watch_sub || a->sub) return;
  a->watch_sub = kl_feed_subscribe(
      a->s->feed,
      &(kl_feed_sub_options){.channels = channels, .data = a, .message = on_message, .failed = on_watch_failed}, &e);
  if (!a->watch_sub) kl_log_debug("account", "the channel of own orders cannot be subscribed to: %s", e.message);
}

static void on_status(void *data, const char *what, const char *detail) {
  (void)detail;
  if (!strcmp(what, "connected")) watch(data);
}

void kl_account_watch(kl_account *a) {
  if (a->watching) return;
  a->watching = true;
  a->feed_listener.data = a;
  a->feed_listener.status = on_status;
  kl_feed_listen(a->s->feed, &a->feed_listener);
  kl_feed_status status;
  kl_feed_status_get(a->s->feed, &status);
  if (status.connected) watch(a);
}

/* ---- keeping it ---- */

static uint64_t malformed_now(const kl_account *a) {
  kl_feed_status status;
  kl_feed_status_get(a->s->feed, &status);
  return status.malformed;
}

/* Everything is read anew, as if the channels were live from this moment on. */
static void reconcile_now(kl_account *a) {
  a->ready_ns = kl_account_now_ns(a);
  a->ready_wall_ms = kl_wall_ms(a->s->clock);
  a->malformed = malformed_now(a);
  a->subaccount_is_new = false;
  kl_load_reconcile(a);
}

static void on_ready(void *data, bool again) {
  kl_account *a = data;
  if (again) kl_log_info("account", "the channels are back: reconciling with what the exchange has");
  a->right = false;
  reconcile_now(a);
}

void kl_account_refused(kl_account *a, const kl_error *e) {
  kl_error copied = *e;
  if (a->loaded) return; /* what is known is still answered; it is tried again */
  kl_load_stop(a);
  kl_feed_sub_close(a->sub);
  a->sub = NULL;
  a->started = false;
  kl_timer_stop(&a->tick);
  tell_waiters(a, &copied);
}

static void on_failed(void *data, const kl_error *e) {
  kl_account *a = data;
  kl_error copied = *e;
  if (a->loaded) kl_log_warn("account", "the account's channels ended, and what is known gets old: %s", e->message);
  kl_load_stop(a);
  kl_feed_sub_close(a->sub);
  a->sub = NULL;
  a->started = a->right = false;
  kl_timer_stop(&a->tick);
  tell_waiters(a, &copied);
}

void kl_account_load_done(kl_account *a, bool right) {
  bool first = !a->loaded;
  a->loaded = true;
  a->refreshed_ns = kl_account_now_ns(a);
  bool news = right && !a->right;
  if (right) {
    a->right = a->reconciled_once = true;
    a->right_ns = kl_account_now_ns(a);
    a->right_ms = kl_session_timestamp_ms(a->s);
  }
  if (news) {
    a->reconciled++;
    kl_log_debug("account", "reconciled: %zu orders rest, %zu positions, %zu fills",
                 kl_own_orders_count(a->orders, true), a->positions.count, a->fills.count);
    TELL(a, reconciled, l_->data);
  }
  if (first) tell_waiters(a, NULL);
}

/* Whether a read that nobody waits for would hold up others. */
static bool reads_are_short(const kl_account *a) {
  kl_budget b;
  kl_session_budget(a->s, &b);
  return b.waiting > 0 || b.read < b.read_capacity / 4;
}

static void on_tick(uv_timer_t *t) {
  kl_account *a = t->data;
  int64_t now = kl_account_now_ns(a);
  if (!a->loaded || is_stale(a)) return;
  a->right_ns = now;
  a->right_ms = kl_session_timestamp_ms(a->s);
  if (a->subaccount_is_new) {
    a->right = false;
    reconcile_now(a);
    return;
  }
  if (reads_are_short(a)) return;
  if (a->balance_dirty_ns) kl_load_balance(a);
  if (now - a->refreshed_ns < REFRESH_MS * MS) return;
  a->refreshed_ns = now;
  if (malformed_now(a) != a->malformed)
    reconcile_now(a); /* a message that cannot be read may have been one of ours */
  else
    kl_load_refresh(a);
}

bool kl_account_start(kl_account *a, kl_error *e) {
  static const char *const channels[] = {"user_orders", "fill", "market_positions", NULL};
  if (a->started) return true;
  a->sub = kl_feed_subscribe(
      a->s->feed,
      &(kl_feed_sub_options){
          .channels = channels, .data = a, .message = on_message, .ready = on_ready, .failed = on_failed},
      e);
  if (!a->sub) return false;
  kl_feed_sub_close(a->watch_sub); /* the same channel, and after the other has it */
  a->watch_sub = NULL;
  if (!a->timers) {
    kl_timer_init(a->s->loop, &a->tick, a->s->clock);
    kl_timer_init(a->s->loop, &a->pause, a->s->clock);
    a->tick.uv.data = a->pause.uv.data = a;
    a->timers = true;
  }
  a->started = true;
  kl_own_orders_keep(a->orders);
  kl_timer_start(&a->tick, on_tick, TICK_MS, TICK_MS);
  return true;
}

/* ---- reading it ---- */

const kl_own_orders *kl_account_orders(const kl_account *a) { return a->orders; }
kl_account_balance kl_account_balance_get(const kl_account *a) { return a->balance; }

void kl_account_status_get(const kl_account *a, kl_account_status *out) {
  *out = (kl_account_status){.started = a->started,
                             .loaded = a->loaded,
                             .stale = is_stale(a),
                             .age = -1,
                             .resting = kl_own_orders_count(a->orders, true),
                             .orders = kl_own_orders_count(a->orders, false),
                             .fills = a->fills.count,
                             .positions = a->positions.count,
                             .reconciled = a->reconciled};
  if (!out->stale) {
    kl_feed_status feed;
    kl_feed_status_get(a->s->feed, &feed);
    out->age = feed.age;
  } else if (a->right_ns) {
    out->age = (double)(kl_account_now_ns(a) - a->right_ns) / 1e9;
  }
}

/* ---- life ---- */

static void account_free(kl_account *a) {
  void (*closed)(void *) = a->closed;
  void *data = a->closed_data;
  kl_fills_clear(&a->fills);
  kl_positions_clear(&a->positions);
  free(a);
  if (closed) closed(data);
}

kl_account *kl_account_new(kl_session *s) {
  kl_account *a = calloc(1, sizeof *a);
  if (!a) return NULL;
  a->s = s;
  a->orders = s->own;
  kl_list_init(&a->waiters);
  kl_list_init(&a->listeners);
  kl_list_init(&a->feed_listener.link);
  bool good = kl_fills_init(&a->fills);
  good = kl_positions_init(&a->positions) && good;
  if (good) return a;
  account_free(a);
  return NULL;
}

static void pause_closed(uv_handle_t *h) { account_free(h->data); }
static void tick_closed(uv_handle_t *h) {
  kl_account *a = h->data;
  kl_timer_close(&a->pause, pause_closed);
}

void kl_account_close(kl_account *a, void (*closed)(void *), void *data) {
  kl_error e;
  a->closed = closed;
  a->closed_data = data;
  kl_load_stop(a);
  if (a->balance_again.call) kl_call_cancel(a->balance_again.call);
  a->balance_again.call = NULL;
  while (!kl_list_empty(&a->listeners))
    kl_list_remove(a->listeners.next);
  kl_error_set(&e, KL_ERR_CLOSED, "the session was closed");
  tell_waiters(a, &e);
  if (a->watching) kl_feed_unlisten(&a->feed_listener);
  kl_feed_sub_close(a->watch_sub);
  kl_feed_sub_close(a->sub);
  a->watch_sub = a->sub = NULL;
  if (a->timers)
    kl_timer_close(&a->tick, tick_closed);
  else
    account_free(a);
}
