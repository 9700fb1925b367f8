/* Forgetting events that are settled and paid, so that an exchange that runs for weeks does not grow. */
#include <stdlib.h>
#include <string.h>

#include "exchange/internal.h"

uint32_t kl_x_take_index(kl_x_numbers *n) { return n->n_free ? n->free[--n->n_free] : n->next++; }

bool kl_x_reserve_index(kl_x_numbers *n) {
  uint32_t *list = kl_x_grown(n->free, &n->cap, (size_t)n->next + 1, sizeof *list);
  if (list) n->free = list;
  return list;
}

void kl_x_give_index(kl_x_numbers *n, uint32_t index) { n->free[n->n_free++] = index; }

bool kl_exchange_retirable(const kl_market_event *e) {
  for (size_t i = 0; i < e->n_markets; i++) {
    const kl_list *holdings = &kl_x_book_of(e->markets[i])->holdings;
    if (e->markets[i]->status != KL_MARKET_FINALIZED) return false;
    for (const kl_list *n = holdings->next; n != holdings; n = n->next)
      if (KL_CONTAINER(n, kl_x_holding, in_market)->p.position != 0) return false;
  }
  return true;
}

static const kl_market *fill_market(const void *item) { return ((const kl_fill *)item)->market; }
static const kl_market *trade_market(const void *item) { return ((const kl_trade *)item)->market; }
static const kl_market *settlement_market(const void *item) { return ((const kl_settlement *)item)->market; }

/* Takes the items of the event's markets out of a ring; the others keep their order. */
static void purge(kl_x_ring *r, const kl_market_event *e, const kl_market *(*market)(const void *)) {
  size_t kept = 0;
  for (size_t i = 0; i < r->n; i++) {
    unsigned char *from = r->data + (r->first + i) % r->cap * r->size;
    if (market(from)->event == e) continue;
    unsigned char *to = r->data + (r->first + kept++) % r->cap * r->size;
    if (to != from) memcpy(to, from, r->size);
  }
  r->n = kept;
}

static void purge_orders(kl_exchange *x, kl_x_user *u, const kl_market_event *e) {
  size_t kept = 0;
  for (size_t i = 0; i < u->n_orders; i++) {
    kl_x_order *o = u->orders[i];
    if (o->o.market->event == e) {
      kl_x_index_remove(&x->index, o);
      kl_x_slab_give(&x->orders, o);
    } else {
      u->orders[kept++] = o;
    }
  }
  u->n_orders = kept;
}

static void purge_holdings(kl_exchange *x, kl_x_account *a, const kl_market_event *e) {
  size_t kept = 0;
  for (size_t i = 0; i < a->n_holdings; i++) {
    kl_x_holding *h = a->holdings[i];
    if (h->p.market->event != e) {
      a->holdings[kept++] = h;
      continue;
    }
    x->retired += h->p.cost - h->p.realized;
    a->by_market[h->p.market->index] = NULL;
    kl_list_remove(&h->in_market);
    kl_x_slab_give(&x->holdings, h);
  }
  a->n_holdings = kept;
  if (e->index < a->cap_events) {
    a->returned -= a->by_event[e->index];
    a->by_event[e->index] = 0;
  }
}

/* Every order has a holding, so an account without one of the event's has nothing else of it either. */
static bool takes_part(const kl_x_user *u, const kl_market_event *e) {
  for (const kl_x_account *a = u->used; a; a = a->next)
    for (size_t i = 0; i < e->n_markets; i++)
      if (kl_x_holding_find(a, e->markets[i])) return true;
  return false;
}

/* Alarms that the life of a market left behind. */
static void purge_alarms(kl_x_schedule *s, const kl_market_event *e) {
  bool found = true;
  while (found) {
    found = false;
    for (size_t i = s->n; i-- > 0;) {
      if (i >= s->n || s->heap[i].market->event != e) continue;
      kl_x_schedule_remove(s, i);
      found = true; /* another may have come to a place that was looked at */
    }
  }
}

static void forget_market(kl_exchange *x, kl_market *m) {
  size_t at = 0;
  while (x->markets[at] != m)
    at++;
  memmove((void *)&x->markets[at], (void *)&x->markets[at + 1], (x->n_markets - at - 1) * sizeof(kl_market *));
  x->n_markets--;
  x->market_places[m->index] = NULL;
  kl_x_give_index(&x->market_numbers, m->index);
  kl_map_remove(x->markets_by_ticker, m->ticker, strlen(m->ticker));
  kl_x_book_free(m->priv);
  free(m);
}

bool kl_exchange_retire_event(kl_exchange *x, kl_market_event *e) {
  if (!kl_exchange_retirable(e)) return false;
  kl_x_forget_event(x, e);
  for (size_t i = 0; i < x->n_users; i++) {
    kl_x_user *u = x->users[i];
    if (!takes_part(u, e)) continue;
    purge_orders(x, u, e);
    purge(&u->fills, e, fill_market);
    purge(&u->settlements, e, settlement_market);
    for (kl_x_account *a = u->used; a; a = a->next)
      purge_holdings(x, a, e);
  }
  purge(&x->trades, e, trade_market);
  purge_alarms(&x->schedule, e);
  for (size_t i = 0; i < e->n_markets; i++)
    forget_market(x, e->markets[i]);
  size_t at = 0;
  while (x->events[at] != e)
    at++;
  memmove((void *)&x->events[at], (void *)&x->events[at + 1], (x->n_events - at - 1) * sizeof(kl_market_event *));
  x->n_events--;
  kl_x_give_index(&x->event_numbers, e->index);
  kl_map_remove(x->events_by_ticker, e->ticker, strlen(e->ticker));
  free((void *)e->markets);
  free(e);
  return true;
}

kl_market *kl_exchange_market_by_index(const kl_exchange *x, uint32_t index) {
  return index < x->market_numbers.next ? x->market_places[index] : NULL;
}

size_t kl_exchange_market_from(const kl_exchange *x, uint64_t serial) {
  size_t low = 0, high = x->n_markets;
  while (low < high) {
    size_t mid = (low + high) / 2;
    if (x->markets[mid]->serial < serial)
      low = mid + 1;
    else
      high = mid;
  }
  return low;
}

size_t kl_exchange_event_from(const kl_exchange *x, uint64_t serial) {
  size_t low = 0, high = x->n_events;
  while (low < high) {
    size_t mid = (low + high) / 2;
    if (x->events[mid]->serial < serial)
      low = mid + 1;
    else
      high = mid;
  }
  return low;
}

/* ---- whether everything agrees ---- */

typedef struct sums {
  kl_count positions, longs;
} sums;

static const char *audit_side(const kl_market *m, kl_side side) {
  const kl_x_ladder *l = &kl_x_book_of(m)->sides[side];
  for (size_t i = 0; i < l->n; i++) {
    kl_count total = 0;
    for (const kl_list *n = l->levels[i]->queue.next; n != &l->levels[i]->queue; n = n->next) {
      const kl_x_order *o = KL_CONTAINER(n, kl_x_order, queue);
      if (o->o.status != KL_ORDER_RESTING || o->level != l->levels[i]) return "an order in the book that does not rest";
      if (o->o.filled + o->o.remaining > o->o.initial) return "an order with more contracts than it had";
      total += o->o.remaining;
    }
    if (total != l->levels[i]->total) return "a level that is not the sum of its orders";
    if (total <= 0) return "an empty level";
  }
  return NULL;
}

const char *kl_exchange_audit(const kl_exchange *x, const kl_market **where) {
  for (size_t i = 0; i < x->n_markets; i++) {
    const kl_market *m = x->markets[i];
    const kl_x_book *b = kl_x_book_of(m);
    sums s = {0};
    *where = m;
    if (kl_exchange_market_by_index(x, m->index) != m) return "a market that is not at its index";
    for (int side = KL_BID; side <= KL_ASK; side++) {
      const char *wrong = audit_side(m, (kl_side)side);
      if (wrong) return wrong;
    }
    const kl_x_level *bid = kl_x_best(m, KL_BID), *ask = kl_x_best(m, KL_ASK);
    if (bid && ask && bid->price >= ask->price) return "a crossed book";
    if (m->status >= KL_MARKET_CLOSED && (bid || ask)) return "orders in a closed market";
    for (const kl_list *n = b->holdings.next; n != &b->holdings; n = n->next) {
      const kl_x_holding *h = KL_CONTAINER(n, kl_x_holding, in_market);
      s.positions += h->p.position;
      if (h->p.position > 0) s.longs += h->p.position;
      if (h->promised < 0 || h->promised > (h->p.position < 0 ? -h->p.position : h->p.position))
        return "more contracts promised than there are";
    }
    if (s.positions != 0) return "positions that do not add up to nothing";
    if (m->status != KL_MARKET_FINALIZED && s.longs != m->open_interest - m->open_interest_before)
      return "an open interest that is not the sum of the positions";
    kl_count traded = 0;
    for (size_t k = 0; k < b->trades.n; k++)
      traded += ((const kl_trade *)kl_x_ring_newest(&b->trades, k))->count;
    if (b->trades.n < b->trades.max && traded != m->volume - m->volume_before)
      return "a volume that is not the sum of the trades";
  }
  *where = NULL;
  if (kl_exchange_conservation(x) != 0) return "money that came from nowhere";
  return NULL;
}
