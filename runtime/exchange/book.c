#include <stdlib.h>
#include <string.h>

#include "exchange/internal.h"

/* Grows with how good a price is. */
static kl_price rank(kl_side side, kl_price p) { return side == KL_BID ? p : -p; }

kl_x_level *kl_x_best(const kl_market *m, kl_side side) {
  const kl_x_ladder *l = &kl_x_book_of(m)->sides[side];
  return l->n ? l->levels[l->n - 1] : NULL;
}

bool kl_x_crosses(const kl_market *m, kl_side side, kl_price price) {
  const kl_x_level *best = kl_x_best(m, kl_x_other(side));
  return best && rank(side, best->price) <= rank(side, price);
}

/* Where a price is or belongs: the number of worse levels. */
static size_t place(const kl_x_ladder *l, kl_side side, kl_price price) {
  size_t low = 0, high = l->n;
  kl_price r = rank(side, price);
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (rank(side, l->levels[middle]->price) < r)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

bool kl_x_book_reserve(kl_exchange *x, const kl_market *m, kl_side side) {
  kl_x_ladder *l = &kl_x_book_of(m)->sides[side];
  if (l->n == l->cap) {
    kl_x_level **levels = kl_x_grown((void *)l->levels, &l->cap, l->n + 1, sizeof(kl_x_level *));
    if (!levels) return false;
    l->levels = levels;
  }
  return kl_x_slab_reserve(&x->levels, 1);
}

void kl_x_book_add(kl_exchange *x, kl_x_order *o) {
  kl_x_ladder *l = &kl_x_book_of(o->o.market)->sides[o->o.side];
  size_t i = place(l, o->o.side, o->o.price);
  if (i == l->n || l->levels[i]->price != o->o.price) {
    kl_x_level *level = kl_x_slab_take(&x->levels);
    level->price = o->o.price;
    kl_list_init(&level->queue);
    memmove((void *)(l->levels + i + 1), (void *)(l->levels + i), (l->n - i) * sizeof(kl_x_level *));
    l->levels[i] = level;
    l->n++;
  }
  o->level = l->levels[i];
  o->level->total += o->o.remaining;
  kl_list *last = o->level->queue.prev;
  /* Those that stand behind whatever their time are at the end: few, and none in most levels. */
  while (!o->o.behind && last != &o->level->queue && KL_CONTAINER(last, kl_x_order, queue)->o.behind)
    last = last->prev;
  kl_list_append(last->next, &o->queue); /* before what follows it */
}

void kl_x_book_take(kl_exchange *x, kl_x_order *o, kl_count n) {
  kl_x_level *level = o->level;
  o->o.remaining -= n;
  level->total -= n;
  if (o->o.remaining > 0) return;
  kl_list_remove(&o->queue);
  o->level = NULL;
  if (!kl_list_empty(&level->queue)) return;
  kl_x_ladder *l = &kl_x_book_of(o->o.market)->sides[o->o.side];
  size_t i = place(l, o->o.side, level->price);
  l->n--;
  memmove((void *)(l->levels + i), (void *)(l->levels + i + 1), (l->n - i) * sizeof(kl_x_level *));
  kl_x_slab_give(&x->levels, level);
}

void kl_x_book_free(kl_x_book *b) {
  free((void *)b->sides[KL_BID].levels);
  free((void *)b->sides[KL_ASK].levels);
  kl_x_ring_free(&b->trades);
  free(b);
}

bool kl_exchange_level(const kl_market *m, kl_outcome side, size_t i, kl_price *price, kl_count *count) {
  kl_side s = side == KL_YES ? KL_BID : KL_ASK;
  const kl_x_ladder *l = &kl_x_book_of(m)->sides[s];
  if (i >= l->n) return false;
  const kl_x_level *level = l->levels[l->n - 1 - i];
  *price = kl_x_own_price(s, level->price);
  *count = level->total;
  return true;
}

size_t kl_exchange_levels(const kl_market *m, kl_outcome side) {
  return kl_x_book_of(m)->sides[side == KL_YES ? KL_BID : KL_ASK].n;
}

void kl_exchange_each_resting(const kl_market *m, kl_outcome side, bool (*one)(void *data, const kl_order *o),
                              void *data) {
  const kl_x_ladder *l = &kl_x_book_of(m)->sides[side == KL_YES ? KL_BID : KL_ASK];
  for (size_t i = l->n; i-- > 0;) {
    const kl_list *queue = &l->levels[i]->queue;
    for (const kl_list *at = queue->next; at != queue; at = at->next)
      if (!one(data, &KL_CONTAINER(at, kl_x_order, queue)->o)) return;
  }
}

void kl_exchange_each_at(const kl_market *m, kl_outcome side, kl_price own, bool (*one)(void *data, const kl_order *o),
                         void *data) {
  kl_side s = side == KL_YES ? KL_BID : KL_ASK;
  const kl_x_ladder *l = &kl_x_book_of(m)->sides[s];
  kl_price price = kl_x_own_price(s, own);
  size_t i = place(l, s, price);
  if (i == l->n || l->levels[i]->price != price) return;
  const kl_list *queue = &l->levels[i]->queue;
  for (const kl_list *at = queue->next; at != queue; at = at->next)
    if (!one(data, &KL_CONTAINER(at, kl_x_order, queue)->o)) return;
}

void kl_exchange_top(const kl_market *m, kl_price *bid, kl_count *bid_size, kl_price *ask, kl_count *ask_size) {
  const kl_x_level *b = kl_x_best(m, KL_BID), *a = kl_x_best(m, KL_ASK);
  *bid = b ? b->price : 0;
  *bid_size = b ? b->total : 0;
  *ask = a ? a->price : KL_PRICE_ONE;
  *ask_size = a ? a->total : 0;
}

kl_count kl_exchange_queue_position(const kl_exchange *x, const kl_order *o) {
  (void)x;
  const kl_x_order *order = o->priv;
  kl_count ahead = 0;
  if (!order->level) return 0;
  for (const kl_list *n = order->queue.prev; n != &order->level->queue; n = n->prev)
    ahead += KL_CONTAINER(n, kl_x_order, queue)->o.remaining;
  return ahead;
}
