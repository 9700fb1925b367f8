/* The exchange as a whole: creation, users, static data, look-ups and lists. */
#include "exchange/exchange.h"

#include <stdlib.h>
#include <string.h>

#include "exchange/internal.h"

enum {
  KEEP_ORDERS = 100000,
  KEEP_FILLS = 100000,
  KEEP_SETTLEMENTS = 10000,
  KEEP_TRADES = 100000,
  KEEP_OF_MARKET = 10000
};

kl_exchange *kl_exchange_new(const kl_exchange_options *o) {
  kl_money precision = o->balance_precision ? o->balance_precision : KL_X_CENT;
  if (precision <= 0 || KL_X_CENT % precision != 0) return NULL;
  kl_exchange *x = calloc(1, sizeof *x);
  if (!x) return NULL;
  x->sink = o->sink;
  x->precision = precision;
  x->random = o->seed;
  x->hour = -1;
  x->speed = o->speed > 0 ? o->speed : 1;
  kl_x_slab_init(&x->orders, sizeof(kl_x_order));
  kl_x_slab_init(&x->levels, sizeof(kl_x_level));
  kl_x_slab_init(&x->holdings, sizeof(kl_x_holding));
  kl_x_ring_init(&x->trades, sizeof(kl_trade), o->keep_trades ? o->keep_trades : KEEP_TRADES);
  x->keep_market_trades = o->keep_market_trades ? o->keep_market_trades : KEEP_OF_MARKET;
  if (o->journal) x->journal = kl_x_journal_new();
  x->series_by_ticker = kl_map_new();
  x->events_by_ticker = kl_map_new();
  x->markets_by_ticker = kl_map_new();
  x->groups_by_id = kl_map_new();
  if (x->series_by_ticker && x->events_by_ticker && x->markets_by_ticker && x->groups_by_id &&
      !o->journal == !x->journal)
    return x;
  kl_exchange_free(x);
  return NULL;
}

static void free_user(kl_x_user *u) {
  kl_x_accounts_free(u);
  free((void *)u->orders);
  kl_x_groups_free(u);
  kl_x_ring_free(&u->fills);
  kl_x_ring_free(&u->settlements);
  free(u);
}

void kl_exchange_free(kl_exchange *x) {
  if (!x) return;
  kl_x_restore_free(x->restore);
  kl_x_journal_free(x->journal);
  for (size_t i = 0; i < x->n_users; i++)
    free_user(x->users[i]);
  for (size_t i = 0; i < x->n_markets; i++) {
    kl_x_book_free(x->markets[i]->priv);
    free(x->markets[i]);
  }
  for (size_t i = 0; i < x->n_events; i++) {
    free((void *)x->events[i]->markets);
    free(x->events[i]);
  }
  for (size_t i = 0; i < x->n_series; i++)
    free(x->series[i]);
  free((void *)x->users);
  free((void *)x->accounts);
  free((void *)x->markets);
  free((void *)x->market_places);
  free(x->market_numbers.free);
  free(x->event_numbers.free);
  free((void *)x->events);
  free((void *)x->series);
  free(x->index.slots);
  free(x->schedule.heap);
  kl_map_free(x->series_by_ticker);
  kl_map_free(x->events_by_ticker);
  kl_map_free(x->markets_by_ticker);
  kl_map_free(x->groups_by_id);
  kl_x_client_ids_free(&x->client_ids);
  kl_x_ring_free(&x->trades);
  kl_x_slab_free(&x->orders);
  kl_x_slab_free(&x->levels);
  kl_x_slab_free(&x->holdings);
  free(x);
}

/* A copy of `item` under its ticker; NULL when the ticker exists or memory is short. */
static void *named_copy(kl_map *map, const char *ticker, const void *item, size_t size) {
  size_t n = strlen(ticker);
  if (n == 0 || kl_map_get(map, ticker, n)) return NULL;
  void *copy = malloc(size);
  if (!copy) return NULL;
  memcpy(copy, item, size);
  if (kl_map_set(map, ticker, n, copy)) return copy;
  free(copy);
  return NULL;
}

kl_series *kl_exchange_add_series(kl_exchange *x, const kl_series *s) {
  if (s->exchange_index < 0 || s->exchange_index >= KL_EXCHANGE_SHARDS) return NULL;
  kl_series **list = kl_x_grown((void *)x->series, &x->cap_series, x->n_series + 1, sizeof(kl_series *));
  if (!list) return NULL;
  x->series = list;
  kl_series *copy = named_copy(x->series_by_ticker, s->ticker, s, sizeof *s);
  if (copy) x->series[x->n_series++] = copy;
  return copy;
}

kl_market_event *kl_exchange_add_event(kl_exchange *x, const kl_market_event *e) {
  if (!e->series || kl_exchange_series(x, e->series->ticker) != e->series) return NULL;
  kl_market_event **list = kl_x_grown((void *)x->events, &x->cap_events, x->n_events + 1, sizeof(kl_market_event *));
  if (!list) return NULL;
  x->events = list;
  kl_market_event fresh = *e;
  fresh.markets = NULL;
  fresh.n_markets = fresh.cap_markets = 0;
  if (!kl_x_reserve_index(&x->event_numbers)) return NULL;
  kl_market_event *copy = named_copy(x->events_by_ticker, e->ticker, &fresh, sizeof fresh);
  if (!copy) return NULL;
  copy->index = kl_x_take_index(&x->event_numbers);
  copy->serial = x->event_serial++;
  copy->number = ++x->numbers;
  x->events[x->n_events++] = copy;
  kl_exchange_touch_event(x, copy);
  if (x->sink.event) x->sink.event(x->sink.data, copy);
  return copy;
}

void kl_x_arm_market(kl_exchange *x, kl_market *m) {
  if (m->status == KL_MARKET_INITIALIZED)
    kl_x_schedule_add(&x->schedule, (kl_x_alarm){m->open_us, m->index, KL_X_OPENS, m, NULL});
  if (m->close_us > 0 && m->status < KL_MARKET_CLOSED)
    kl_x_schedule_add(&x->schedule, (kl_x_alarm){m->close_us, m->index, KL_X_CLOSES, m, NULL});
  if (m->settle_us > 0) kl_x_schedule_add(&x->schedule, (kl_x_alarm){m->settle_us, m->index, KL_X_SETTLES, m, NULL});
}

static void start_market(kl_exchange *x, kl_market *m) {
  int64_t now = x->now > m->created_us ? x->now : m->created_us;
  m->status = m->open_us > now ? KL_MARKET_INITIALIZED : KL_MARKET_ACTIVE;
  if (m->close_us > 0 && m->close_us <= now) m->status = KL_MARKET_CLOSED;
  m->settlement = -1;
  kl_x_arm_market(x, m);
}

kl_market *kl_x_insert_market(kl_exchange *x, const kl_market *given) {
  kl_market m = *given;
  if (!m.event || kl_exchange_event(x, m.event->ticker) != m.event) return NULL;
  if (m.n_bands == 0 && !kl_price_structure(*m.price_structure ? m.price_structure : "linear_cent", &m)) return NULL;
  if (!kl_x_valid_bands(m.bands, m.n_bands)) return NULL;
  m.exchange_index = m.event->series->exchange_index;
  kl_market **list = kl_x_grown((void *)x->markets, &x->cap_markets, x->n_markets + 1, sizeof(kl_market *));
  if (!list) return NULL;
  x->markets = list;
  kl_market **of_event =
      kl_x_grown((void *)m.event->markets, &m.event->cap_markets, m.event->n_markets + 1, sizeof(kl_market *));
  if (!of_event) return NULL;
  m.event->markets = of_event;
  if (!kl_x_schedule_reserve(&x->schedule, 2) || !kl_x_reserve_index(&x->market_numbers)) return NULL;
  size_t need = (size_t)x->market_numbers.next + 1;
  kl_market **places = kl_x_grown((void *)x->market_places, &x->cap_places, need, sizeof(kl_market *));
  if (!places) return NULL;
  x->market_places = places;
  kl_x_book *b = calloc(1, sizeof *b);
  kl_market *copy = b ? named_copy(x->markets_by_ticker, m.ticker, &m, sizeof m) : NULL;
  if (!copy) {
    free(b);
    return NULL;
  }
  b->market = copy;
  b->series = kl_exchange_series(x, m.event->series->ticker);
  kl_list_init(&b->holdings);
  kl_x_ring_init(&b->trades, sizeof(kl_trade), x->keep_market_trades);
  if (x->hour >= 0) b->hours[x->hour % 24] = m.volume_24h;
  copy->priv = b;
  copy->index = kl_x_take_index(&x->market_numbers);
  copy->serial = x->market_serial++;
  x->market_places[copy->index] = copy;
  b->number = ++x->numbers;
  x->markets[x->n_markets++] = copy;
  m.event->markets[m.event->n_markets++] = copy;
  return copy;
}

kl_market *kl_exchange_add_market(kl_exchange *x, const kl_market *given) {
  kl_market *m = kl_x_insert_market(x, given);
  if (!m) return NULL;
  kl_x_id_format(kl_x_id_next(&x->random), m->id);
  start_market(x, m);
  kl_x_tell_market(x, m, "created");
  return m;
}

kl_x_user *kl_x_insert_user(kl_exchange *x) {
  if (x->n_users >= UINT32_MAX) return NULL;
  kl_x_user **list = kl_x_grown((void *)x->users, &x->cap_users, x->n_users + 1, sizeof(kl_x_user *));
  if (!list) return NULL;
  x->users = list;
  kl_x_user *u = calloc(1, sizeof *u);
  if (!u) return NULL;
  kl_list_init(&u->live);
  kl_list_init(&u->groups);
  u->keep_orders = KEEP_ORDERS;
  kl_x_ring_init(&u->fills, sizeof(kl_fill), KEEP_FILLS);
  kl_x_ring_init(&u->settlements, sizeof(kl_settlement), KEEP_SETTLEMENTS);
  x->users[x->n_users++] = u;
  return u;
}

uint32_t kl_exchange_add_user(kl_exchange *x, kl_money deposit) {
  if (deposit < 0 || deposit > KL_X_MAX_MONEY) return UINT32_MAX;
  size_t n_accounts = x->n_accounts;
  kl_x_user *u = kl_x_insert_user(x);
  if (!u) return UINT32_MAX;
  uint32_t number = (uint32_t)x->n_users - 1;
  for (int shard = 0; shard < KL_EXCHANGE_SHARDS; shard++) {
    kl_x_account *a = kl_x_account_get(x, number, 0, shard);
    if (!a) {
      kl_x_accounts_free(u);
      free(u);
      x->n_accounts = n_accounts;
      x->n_users--;
      return UINT32_MAX;
    }
    a->open = true;
    a->cash = deposit;
  }
  x->deposits += deposit * KL_EXCHANGE_SHARDS;
  kl_x_id_format(kl_x_id_next(&x->random), u->id);
  kl_x_touch_totals(x);
  return number;
}

void kl_exchange_set_synthetic(kl_exchange *x, uint32_t user, kl_synthetic kind) {
  if (user >= x->n_users) return;
  x->users[user]->synthetic = kind;
  kl_x_touch_user(x, user);
}

kl_synthetic kl_exchange_synthetic(const kl_exchange *x, uint32_t user) {
  return user < x->n_users ? x->users[user]->synthetic : KL_SYNTHETIC_NONE;
}

uint32_t kl_exchange_synthetic_at(const kl_exchange *x, kl_synthetic kind, size_t i) {
  for (uint32_t user = 0; user < x->n_users; user++)
    if (x->users[user]->synthetic == kind && i-- == 0) return user;
  return UINT32_MAX;
}

void kl_exchange_keep(kl_exchange *x, uint32_t user, size_t orders, size_t fills) {
  if (user >= x->n_users) return;
  kl_x_user *u = x->users[user];
  u->keep_orders = orders;
  kl_x_ring_free(&u->fills);
  kl_x_ring_init(&u->fills, sizeof(kl_fill), fills);
  kl_x_touch_user(x, user);
}

const char *kl_exchange_user_id(const kl_exchange *x, uint32_t user) {
  return user < x->n_users ? x->users[user]->id : NULL;
}

kl_series *kl_exchange_series(const kl_exchange *x, const char *ticker) {
  return kl_map_get(x->series_by_ticker, ticker, strlen(ticker));
}
kl_market_event *kl_exchange_event(const kl_exchange *x, const char *ticker) {
  return kl_map_get(x->events_by_ticker, ticker, strlen(ticker));
}
kl_market *kl_exchange_market(const kl_exchange *x, const char *ticker) {
  return kl_map_get(x->markets_by_ticker, ticker, strlen(ticker));
}

const kl_order *kl_exchange_order(const kl_exchange *x, uint32_t user, const char *order_id) {
  kl_x_id id;
  if (!kl_x_id_parse(order_id, &id)) return NULL;
  const kl_x_order *o = kl_x_index_find(&x->index, id);
  return o && o->o.user == user ? &o->o : NULL;
}

size_t kl_exchange_series_count(const kl_exchange *x) { return x->n_series; }
kl_series *kl_exchange_series_at(const kl_exchange *x, size_t i) { return i < x->n_series ? x->series[i] : NULL; }
size_t kl_exchange_event_count(const kl_exchange *x) { return x->n_events; }
kl_market_event *kl_exchange_event_at(const kl_exchange *x, size_t i) { return i < x->n_events ? x->events[i] : NULL; }
size_t kl_exchange_market_count(const kl_exchange *x) { return x->n_markets; }
kl_market *kl_exchange_market_at(const kl_exchange *x, size_t i) { return i < x->n_markets ? x->markets[i] : NULL; }

const kl_order *kl_exchange_order_at(const kl_exchange *x, uint32_t user, size_t i) {
  if (user >= x->n_users || i >= x->users[user]->n_orders) return NULL;
  return &x->users[user]->orders[x->users[user]->n_orders - 1 - i]->o;
}

const kl_fill *kl_exchange_fill_at(const kl_exchange *x, uint32_t user, size_t i) {
  kl_fill *f = user < x->n_users ? kl_x_ring_newest(&x->users[user]->fills, i) : NULL;
  /* A kept fill may outlive its order. */
  if (f) f->order = kl_exchange_order(x, user, f->order_id);
  return f;
}

const kl_settlement *kl_exchange_settlement_at(const kl_exchange *x, uint32_t user, size_t i) {
  return user < x->n_users ? kl_x_ring_newest(&x->users[user]->settlements, i) : NULL;
}

const kl_trade *kl_exchange_trade_at(const kl_exchange *x, const kl_market *m, size_t i) {
  return kl_x_ring_newest(m ? &kl_x_book_of(m)->trades : &x->trades, i);
}
