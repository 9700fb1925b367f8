#include "kalshi/own_orders.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"

enum { REMEMBERED = 16384 };

typedef struct entry {
  kl_own_order order; /* first */
  kl_list link;       /* oldest first */
} entry;

struct kl_own_orders {
  kl_feed *feed;
  kl_feed_sub *sub;
  kl_feed_listener listener;
  bool watching;
  kl_map *by_id, *by_client_id;
  kl_list entries;
  size_t count;
};

static entry *get(const kl_own_orders *o, const char *order_id, size_t n) { return kl_map_get(o->by_id, order_id, n); }

static void forget(kl_own_orders *o, entry *en) {
  kl_own_order *order = &en->order;
  kl_map_remove(o->by_id, order->order_id, strlen(order->order_id));
  size_t n = strlen(order->client_order_id);
  if (n && kl_map_get(o->by_client_id, order->client_order_id, n) == en)
    kl_map_remove(o->by_client_id, order->client_order_id, n);
  kl_list_remove(&en->link);
  o->count--;
  free(en);
}

/* The entry of an order, made where there is none; NULL without memory or for an id that is too long to be one. */
static entry *open_entry(kl_own_orders *o, const char *order_id, size_t n) {
  entry *en = get(o, order_id, n);
  if (en) return en;
  if (n == 0 || n >= sizeof en->order.order_id) return NULL;
  if (o->count == REMEMBERED) forget(o, KL_CONTAINER(o->entries.next, entry, link));
  en = calloc(1, sizeof *en);
  if (!en) return NULL;
  memcpy(en->order.order_id, order_id, n);
  en->order.total = -1;
  if (!kl_map_set(o->by_id, order_id, n, en)) {
    free(en);
    return NULL;
  }
  kl_list_append(&o->entries, &en->link);
  o->count++;
  return en;
}

static void name_entry(kl_own_orders *o, entry *en, const char *client_order_id, size_t n) {
  if (n == 0 || n >= sizeof en->order.client_order_id) return;
  size_t had = strlen(en->order.client_order_id);
  if (had && kl_map_get(o->by_client_id, en->order.client_order_id, had) == en)
    kl_map_remove(o->by_client_id, en->order.client_order_id, had);
  memcpy(en->order.client_order_id, client_order_id, n);
  en->order.client_order_id[n] = 0;
  if (!kl_map_set(o->by_client_id, client_order_id, n, en)) en->order.client_order_id[0] = 0;
}

/* ---- the account channel ---- */

static void on_message(void *data, const kl_event *ev, const char *raw, size_t n) {
  kl_own_orders *o = data;
  (void)raw;
  (void)n;
  if (ev->type != KL_EV_USER_ORDER) return;
  entry *en = open_entry(o, ev->user_order.order_id.p, ev->user_order.order_id.n);
  if (!en) return;
  kl_own_order *order = &en->order;
  int64_t ts = ev->user_order.updated_ts_ms ? ev->user_order.updated_ts_ms : ev->user_order.created_ts_ms;
  if (ts < order->ts_ms) return;
  if (ev->user_order.status.n >= sizeof order->status) return;
  order->ts_ms = ts ? ts : 1;
  memcpy(order->status, ev->user_order.status.p, ev->user_order.status.n);
  order->status[ev->user_order.status.n] = 0;
  order->filled = ev->user_order.filled;
  order->remaining = ev->user_order.remaining;
  order->initial = ev->user_order.initial;
  order->yes_price = ev->user_order.yes_price;
  if (order->remaining > 0) order->total = order->filled + order->remaining;
  name_entry(o, en, ev->user_order.client_order_id.p, ev->user_order.client_order_id.n);
}

static void on_failed(void *data, const kl_error *e) {
  kl_own_orders *o = data;
  kl_log_debug("session", "the channel of own orders is not to be had: %s", e->message);
  kl_feed_sub_close(o->sub);
  o->sub = NULL;
}

static void subscribe(kl_own_orders *o) {
  static const char *const channels[] = {"user_orders", NULL};
  kl_error e;
  if (o->sub) return;
  o->sub = kl_feed_subscribe(
      o->feed, &(kl_feed_sub_options){.channels = channels, .data = o, .message = on_message, .failed = on_failed}, &e);
  if (!o->sub) kl_log_debug("session", "the channel of own orders cannot be subscribed to: %s", e.message);
}

static void on_status(void *data, const char *what, const char *detail) {
  (void)detail;
  if (!strcmp(what, "connected")) subscribe(data);
}

void kl_own_orders_watch(kl_own_orders *o) {
  if (o->watching) return;
  o->watching = true;
  o->listener.data = o;
  o->listener.status = on_status;
  kl_feed_listen(o->feed, &o->listener);
  kl_feed_status status;
  kl_feed_status_get(o->feed, &status);
  if (status.connected) subscribe(o);
}

/* ---- life ---- */

kl_own_orders *kl_own_orders_new(kl_feed *feed) {
  kl_own_orders *o = calloc(1, sizeof *o);
  if (!o) return NULL;
  o->feed = feed;
  kl_list_init(&o->entries);
  kl_list_init(&o->listener.link);
  o->by_id = kl_map_new();
  o->by_client_id = kl_map_new();
  if (o->by_id && o->by_client_id) return o;
  kl_own_orders_free(o);
  return NULL;
}

void kl_own_orders_free(kl_own_orders *o) {
  if (!o) return;
  if (o->watching) kl_feed_unlisten(&o->listener);
  kl_feed_sub_close(o->sub);
  while (!kl_list_empty(&o->entries))
    forget(o, KL_CONTAINER(o->entries.next, entry, link));
  kl_map_free(o->by_id);
  kl_map_free(o->by_client_id);
  free(o);
}

void kl_own_orders_note(kl_own_orders *o, const char *order_id, const char *client_order_id, kl_count total) {
  entry *en = open_entry(o, order_id, strlen(order_id));
  if (!en) return;
  en->order.total = total;
  if (client_order_id) name_entry(o, en, client_order_id, strlen(client_order_id));
}

const kl_own_order *kl_own_orders_by_id(const kl_own_orders *o, const char *order_id) {
  return kl_map_get(o->by_id, order_id, strlen(order_id));
}

const kl_own_order *kl_own_orders_by_client_id(const kl_own_orders *o, const char *client_order_id) {
  return kl_map_get(o->by_client_id, client_order_id, strlen(client_order_id));
}
