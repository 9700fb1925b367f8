/* Order groups: what a user lets fill within fifteen seconds before everything that rests is taken back. */
#include <stdlib.h>
#include <string.h>

#include "exchange/internal.h"

static const int64_t WINDOW_US = 15000000;
static const kl_count LIMIT_LEAST = 100, LIMIT_MOST = 100000000;

static bool in_window(const kl_exchange *x, const kl_x_group_fill *f) { return f->at > x->now - WINDOW_US; }

static void forget_old(const kl_exchange *x, kl_x_group *g) {
  while (g->first < g->n_fills && !in_window(x, &g->fills[g->first]))
    g->volume -= g->fills[g->first++].count;
  if (g->first == g->n_fills) g->first = g->n_fills = 0;
}

static void count_at(kl_x_group *g, int64_t at, kl_count n) {
  g->volume += n;
  kl_x_group_fill *last = g->n_fills > g->first ? &g->fills[g->n_fills - 1] : NULL;
  if (last && last->at == at) {
    last->count += n;
    return;
  }
  if (g->fills && g->n_fills == g->cap_fills && g->first > g->n_fills / 2) {
    memmove(g->fills, g->fills + g->first, (g->n_fills - g->first) * sizeof *g->fills);
    g->n_fills -= g->first;
    g->first = 0;
  }
  if (g->n_fills == g->cap_fills) {
    kl_x_group_fill *fills = kl_x_grown(g->fills, &g->cap_fills, g->n_fills + 1, sizeof *fills);
    if (fills) g->fills = fills;
  }
  if (g->fills && g->n_fills < g->cap_fills) {
    g->fills[g->n_fills++] = (kl_x_group_fill){at, n};
  } else if (last) { /* no memory: the fills before count for longer, which errs on the safe side */
    last->at = at;
    last->count += n;
  }
}

void kl_x_group_count(const kl_exchange *x, kl_x_group *g, kl_count n) {
  forget_old(x, g);
  count_at(g, x->now, n);
}

bool kl_x_group_over(const kl_exchange *x, kl_x_group *g) {
  forget_old(x, g);
  return g->volume > g->g.limit;
}

kl_count kl_exchange_group_volume(const kl_exchange *x, const kl_order_group *group) {
  const kl_x_group *g = KL_CONTAINER(group, kl_x_group, g);
  kl_count volume = g->volume;
  for (size_t i = g->first; i < g->n_fills && !in_window(x, &g->fills[i]); i++)
    volume -= g->fills[i].count;
  return volume;
}

void kl_x_group_leave(kl_x_order *o) {
  kl_list_remove(&o->in_group);
  o->group = NULL;
}

static void cancel_orders(kl_exchange *x, kl_x_group *g) {
  while (!kl_list_empty(&g->orders))
    kl_x_end(x, KL_CONTAINER(g->orders.next, kl_x_order, in_group), KL_REASON_GROUP);
}

void kl_x_group_trip(kl_exchange *x, kl_x_group *g) {
  if (g->g.triggered) return;
  g->g.triggered = true;
  cancel_orders(x, g);
  kl_x_tell_group(x, g, "triggered");
}

/* ---- finding ---- */

static kl_x_group *by_id(const kl_exchange *x, uint32_t user, const char *id) {
  if (!id || user >= x->n_users) return NULL;
  kl_x_group *g = kl_map_get(x->groups_by_id, id, strlen(id));
  return g && g->g.user == user ? g : NULL;
}

kl_x_group *kl_x_group_find(const kl_exchange *x, const kl_group_key *k) {
  kl_x_group *g = by_id(x, k->user, k->id);
  return g && g->g.subaccount == k->subaccount && g->g.shard == k->shard ? g : NULL;
}

const kl_order_group *kl_exchange_group(const kl_exchange *x, uint32_t user, const char *id) {
  const kl_x_group *g = by_id(x, user, id);
  return g ? &g->g : NULL;
}

const kl_order_group *kl_exchange_group_next(const kl_exchange *x, uint32_t user, const kl_order_group *g) {
  if (user >= x->n_users) return NULL;
  const kl_list *groups = &x->users[user]->groups;
  const kl_list *next = g ? KL_CONTAINER(g, kl_x_group, g)->in_user.next : groups->next;
  return next != groups ? &KL_CONTAINER(next, kl_x_group, in_user)->g : NULL;
}

const kl_order *kl_exchange_group_order_next(const kl_order_group *group, const kl_order *o) {
  const kl_list *orders = &KL_CONTAINER(group, kl_x_group, g)->orders;
  const kl_list *next = o ? ((const kl_x_order *)o->priv)->in_group.next : orders->next;
  return next != orders ? &KL_CONTAINER(next, kl_x_order, in_group)->o : NULL;
}

/* ---- making and changing ---- */

static bool valid_limit(kl_count limit) { return limit >= LIMIT_LEAST && limit <= LIMIT_MOST; }

/* Puts a group of that description among those of its user; NULL when out of memory. */
static kl_x_group *add_group(kl_exchange *x, const kl_order_group *like) {
  kl_x_user *u = x->users[like->user];
  kl_x_group *g = calloc(1, sizeof *g);
  if (!g) return NULL;
  g->g = *like;
  kl_list_init(&g->orders);
  if (!kl_map_set(x->groups_by_id, g->g.id, strlen(g->g.id), g)) {
    free(g);
    return NULL;
  }
  kl_list_append(&u->groups, &g->in_user);
  u->n_groups++;
  return g;
}

static void free_group(kl_x_group *g) {
  free(g->fills);
  free(g);
}

void kl_x_groups_free(kl_x_user *u) {
  for (kl_list *i = u->groups.next, *next; i != &u->groups; i = next) {
    next = i->next;
    free_group(KL_CONTAINER(i, kl_x_group, in_user));
  }
}

static kl_exchange_result check_place(const kl_exchange *x, uint32_t user, int subaccount, int shard) {
  if (user >= x->n_users || subaccount < 0 || subaccount >= KL_X_SUBACCOUNTS || shard < 0 ||
      shard >= KL_EXCHANGE_SHARDS)
    return KL_X_INVALID_PARAMETERS;
  return kl_exchange_pause_of(x, shard, NULL) == KL_EXCHANGE_PAUSE ? KL_X_EXCHANGE_PAUSED : KL_X_OK;
}

kl_exchange_result kl_exchange_group_create(kl_exchange *x, int64_t now_us, uint32_t user, int subaccount, int shard,
                                            kl_count limit, const kl_order_group **out) {
  kl_x_advance(x, now_us);
  if (out) *out = NULL;
  kl_exchange_result result = check_place(x, user, subaccount, shard);
  if (result != KL_X_OK) return result;
  if (!kl_exchange_has_subaccount(x, user, subaccount, shard)) return KL_X_NO_SUBACCOUNT;
  if (!valid_limit(limit)) return KL_X_INVALID_PARAMETERS;
  if (x->users[user]->n_groups >= KL_X_GROUPS) return KL_X_TOO_MANY_GROUPS;
  kl_order_group like = {.user = user, .subaccount = subaccount, .shard = shard, .limit = limit, .created_us = x->now};
  kl_x_id_format(kl_x_id_next(&x->random), like.id);
  kl_x_group *g = add_group(x, &like);
  if (!g) return KL_X_NOMEM;
  if (out) *out = &g->g;
  kl_x_tell_group(x, g, "created");
  return KL_X_OK;
}

/* The group that a request names, when it may be changed now. */
static kl_exchange_result find_group(kl_exchange *x, int64_t now_us, const kl_group_key *k, kl_x_group **out) {
  kl_x_advance(x, now_us);
  *out = NULL;
  kl_exchange_result result = check_place(x, k->user, k->subaccount, k->shard);
  if (result != KL_X_OK) return result == KL_X_INVALID_PARAMETERS ? KL_X_NOT_FOUND : result;
  *out = kl_x_group_find(x, k);
  return *out ? KL_X_OK : KL_X_NOT_FOUND;
}

kl_exchange_result kl_exchange_group_set_limit(kl_exchange *x, int64_t now_us, const kl_group_key *k, kl_count limit) {
  kl_x_group *g;
  kl_exchange_result result = find_group(x, now_us, k, &g);
  if (result != KL_X_OK) return result;
  if (!valid_limit(limit)) return KL_X_INVALID_PARAMETERS;
  g->g.limit = limit;
  kl_x_tell_group(x, g, "limit_updated");
  if (kl_x_group_over(x, g)) kl_x_group_trip(x, g);
  return KL_X_OK;
}

kl_exchange_result kl_exchange_group_trigger(kl_exchange *x, int64_t now_us, const kl_group_key *k) {
  kl_x_group *g;
  kl_exchange_result result = find_group(x, now_us, k, &g);
  if (result == KL_X_OK) kl_x_group_trip(x, g);
  return result;
}

kl_exchange_result kl_exchange_group_reset(kl_exchange *x, int64_t now_us, const kl_group_key *k) {
  kl_x_group *g;
  kl_exchange_result result = find_group(x, now_us, k, &g);
  if (result != KL_X_OK) return result;
  g->g.triggered = false;
  g->g.counted_from_us = x->now;
  g->first = g->n_fills = 0;
  g->volume = 0;
  kl_x_tell_group(x, g, "reset");
  return KL_X_OK;
}

kl_exchange_result kl_exchange_group_delete(kl_exchange *x, int64_t now_us, const kl_group_key *k) {
  kl_x_group *g;
  kl_exchange_result result = find_group(x, now_us, k, &g);
  if (result != KL_X_OK) return result;
  cancel_orders(x, g);
  kl_map_remove(x->groups_by_id, g->g.id, strlen(g->g.id));
  kl_list_remove(&g->in_user);
  x->users[g->g.user]->n_groups--;
  kl_x_tell_group(x, g, "deleted");
  free_group(g);
  return KL_X_OK;
}

kl_exchange_result kl_exchange_group_restore(kl_exchange *x, const kl_order_group *like) {
  if (like->user >= x->n_users || like->subaccount < 0 || like->subaccount >= KL_X_SUBACCOUNTS || like->shard < 0 ||
      like->shard >= KL_EXCHANGE_SHARDS || !valid_limit(like->limit))
    return KL_X_INVALID_PARAMETERS;
  if (kl_map_get(x->groups_by_id, like->id, strlen(like->id))) return KL_X_EXISTS;
  kl_x_group *g = add_group(x, like);
  if (!g) return KL_X_NOMEM;
  kl_x_user *u = x->users[like->user];
  for (kl_list *i = u->live.next; i != &u->live; i = i->next) {
    kl_x_order *o = KL_CONTAINER(i, kl_x_order, live);
    if (strcmp(o->o.order_group_id, like->id) != 0) continue;
    o->group = g;
    kl_list_append(&g->orders, &o->in_group);
  }
  /* From the oldest kept fill on, as they came. */
  for (size_t i = u->fills.n; i > 0; i--) {
    const kl_fill *f = kl_exchange_fill_at(x, like->user, i - 1);
    if (f->ts_us <= like->counted_from_us || !f->order || strcmp(f->order->order_group_id, like->id) != 0) continue;
    count_at(g, f->ts_us, f->count);
  }
  forget_old(x, g);
  return KL_X_OK;
}
