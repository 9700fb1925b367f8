#include <string.h>

#include "exchange/internal.h"

void kl_x_rest(kl_exchange *x, kl_x_order *o) {
  kl_x_user *u = x->users[o->o.user];
  kl_x_book_add(x, o);
  kl_x_hold(o);
  if (o->closing > 0) kl_list_append(&o->holding->closers, &o->closer);
  kl_list_append(&u->live, &o->live);
  u->n_live++;
  if (o->group) kl_list_append(&o->group->orders, &o->in_group);
  if (o->o.expiration_us > 0)
    kl_x_schedule_add(&x->schedule, (kl_x_alarm){o->o.expiration_us, o->o.seq, KL_X_EXPIRES, o->o.market, o});
}

void kl_x_unlist(kl_exchange *x, kl_x_order *o) {
  kl_list_remove(&o->live);
  kl_list_remove(&o->in_group);
  x->users[o->o.user]->n_live--;
  if (o->alarm != SIZE_MAX) kl_x_schedule_remove(&x->schedule, o->alarm);
}

void kl_x_withdraw(kl_exchange *x, kl_x_order *o) {
  kl_count n = o->o.remaining;
  kl_x_release(o);
  kl_x_book_take(x, o, n);
  kl_x_unlist(x, o);
  kl_x_tell_level(x, o, -n);
}

void kl_x_end(kl_exchange *x, kl_x_order *o, kl_update_reason reason) {
  /* The state is final before the sink hears of it. */
  o->o.status = KL_ORDER_CANCELED;
  o->o.reason = reason;
  o->o.updated_us = x->now;
  kl_x_withdraw(x, o);
  kl_x_group_leave(o);
  kl_x_tell_order(x, o);
}

kl_x_order *kl_x_resting(const kl_exchange *x, uint32_t user, int subaccount, const char *order_id) {
  kl_x_id id;
  if (!kl_x_id_parse(order_id, &id)) return NULL;
  kl_x_order *o = kl_x_index_find(&x->index, id);
  return o && o->level && o->o.user == user && o->o.subaccount == subaccount ? o : NULL;
}

/* The oldest orders have gone cold. They are asked for some time before their turn comes, and their places in the index
 * somewhat later, when their ids are there. */
static void prefetch_trim(const kl_exchange *x, const kl_x_user *u, size_t i) {
  enum { ORDERS_AHEAD = 16, INDEX_AHEAD = 8 };
  if (i + ORDERS_AHEAD < u->n_orders) {
    __builtin_prefetch(&u->orders[i + ORDERS_AHEAD]->id, 1);
    __builtin_prefetch(&u->orders[i + ORDERS_AHEAD]->level);
    __builtin_prefetch(u->orders[i + ORDERS_AHEAD], 1); /* goes back to the slab */
  }
  if (i + INDEX_AHEAD < u->n_orders) kl_x_index_prefetch(&x->index, u->orders[i + INDEX_AHEAD]->id);
}

void kl_x_trim(kl_exchange *x, kl_x_user *u) {
  size_t ended = u->n_orders - u->n_live;
  /* A quarter over the bound is let through, so that a pass over the list is rare. */
  if (ended <= u->keep_orders + u->keep_orders / 4) return;
  size_t drop = ended - u->keep_orders, kept = 0;
  size_t i = 0;
  for (; drop > 0; i++) {
    kl_x_order *o = u->orders[i];
    prefetch_trim(x, u, i);
    if (o->level) {
      u->orders[kept++] = o;
      continue;
    }
    kl_x_forget_order(x, o);
    kl_x_index_remove(&x->index, o);
    kl_x_slab_give(&x->orders, o);
    drop--;
  }
  memmove((void *)(u->orders + kept), (void *)(u->orders + i), (u->n_orders - i) * sizeof(kl_x_order *));
  u->n_orders -= i - kept;
}
