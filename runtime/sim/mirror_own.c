/* Own commands: what they did on the exchange of the estimate, done in the two bounds too. */
#include <stdlib.h>
#include <string.h>

#include "sim/mirror_impl.h"

/* A billion dollars: what an account of a bound has to begin with, and gets when that is not enough. */
static const kl_money PLENTY = INT64_C(1000000000000000);

bool kl_m_refill(kl_exchange *x, uint32_t user, int subaccount, int shard) {
  return kl_exchange_deposit(x, user, subaccount, shard, PLENTY) == KL_X_OK;
}

kl_m_user *kl_m_user_of(kl_mirror *m, uint32_t user, bool make) {
  if (user < m->n_users && m->users[user].known) return &m->users[user];
  if (!make || kl_mirror_is_other(m, user) || !kl_exchange_user_id(m->views[KL_VIEW_ESTIMATE].x, user)) return NULL;
  if (user >= m->n_users) {
    kl_m_user *users = kl_m_grown(m->users, &m->cap_users, (size_t)user + 1, sizeof *users);
    if (!users) return NULL;
    memset(users + m->n_users, 0, (user + 1 - m->n_users) * sizeof *users);
    m->users = users;
    m->n_users = (size_t)user + 1;
  }
  kl_m_user *u = &m->users[user];
  u->number[KL_VIEW_ESTIMATE] = user;
  for (int v = KL_VIEW_PESSIMISTIC; v < KL_VIEWS; v++) {
    u->number[v] = kl_exchange_add_user(m->views[v].x, PLENTY);
    if (u->number[v] == UINT32_MAX) return NULL;
  }
  u->known = true;
  return u;
}

/* The subaccount in a bound, with money. */
static void open_account(kl_exchange *x, uint32_t user, int subaccount, int shard) {
  if (kl_exchange_has_subaccount(x, user, subaccount, shard)) return;
  if (kl_exchange_open_subaccount(x, user, subaccount, shard) == KL_X_OK) (void)kl_m_refill(x, user, subaccount, shard);
}

static kl_m_order *order_of(const kl_mirror *m, const kl_order *o) {
  return kl_map_get(m->orders, o->id, strlen(o->id));
}

static bool rests(const kl_mirror *m, const kl_m_user *u, const kl_m_order *r, kl_mirror_view v) {
  const kl_order *o = *r->id[v] ? kl_exchange_order(m->views[v].x, u->number[v], r->id[v]) : NULL;
  return o && o->status == KL_ORDER_RESTING;
}

static void forget(kl_mirror *m, kl_m_order *r) {
  const char *id = r->id[KL_VIEW_ESTIMATE];
  (void)kl_map_remove(m->orders, id, strlen(id));
  kl_list_remove(&r->link);
  free(r);
}

/* Looks at the two that were looked at longest ago: so those that have ended everywhere do not gather. */
static void sweep(kl_mirror *m) {
  int k = 0;
  for (kl_list *i = m->order_list.next, *next; i != &m->order_list && k < 2; i = next, k++) {
    next = i->next;
    kl_m_order *r = KL_CONTAINER(i, kl_m_order, link);
    const kl_m_user *u = kl_m_user_of(m, r->user, false);
    bool live = false;
    for (int v = 0; v < KL_VIEWS && u; v++)
      live = live || rests(m, u, r, (kl_mirror_view)v);
    if (live) {
      kl_list_remove(&r->link);
      kl_list_append(&m->order_list, &r->link);
    } else {
      forget(m, r);
    }
  }
}

void kl_m_forget_orders(kl_mirror *m, const kl_market_event *e) {
  for (kl_list *i = m->order_list.next, *next; i != &m->order_list; i = next) {
    next = i->next;
    kl_m_order *r = KL_CONTAINER(i, kl_m_order, link);
    if (r->market->m[KL_VIEW_ESTIMATE]->event == e) forget(m, r);
  }
}

void kl_mirror_before(kl_mirror *m, int64_t now_us, const char *ticker) {
  kl_m_advance(m, now_us);
  if (ticker) {
    kl_m_market *mk = kl_m_market_of(m, ticker);
    if (mk) kl_m_settle(m, mk);
    return;
  }
  size_t cursor = 0, n;
  const char *key;
  void *value;
  while (kl_map_next(m->markets, &cursor, &key, &n, &value))
    kl_m_settle(m, value);
}

/* The group's id in a view; "": it has none there. */
static const char *group_in(const kl_mirror *m, const char *id, kl_mirror_view v) {
  const kl_m_group *g = id && *id ? kl_map_get(m->groups, id, strlen(id)) : NULL;
  return g ? g->id[v] : "";
}

/* An order that is there in x: it is in the other views, too. */
static void place(kl_mirror *m, kl_mirror_view v, const kl_m_user *u, const kl_order_request *given, kl_m_order *r) {
  kl_exchange *x = m->views[v].x;
  kl_market *market = r->market->m[v];
  kl_order_request q = *given;
  kl_order_outcome out;
  q.user = u->number[v];
  q.client_order_id = NULL; /* x has refused one that was used before */
  q.order_group_id = group_in(m, given->order_group_id, v);
  open_account(x, q.user, q.subaccount, market->exchange_index);
  kl_exchange_result result = kl_exchange_create(x, m->now_us, &q, &out);
  if (result == KL_X_INSUFFICIENT_BALANCE && kl_m_refill(x, q.user, q.subaccount, market->exchange_index))
    result = kl_exchange_create(x, m->now_us, &q, &out);
  if (result == KL_X_OK)
    memcpy(r->id[v], out.order->id, sizeof r->id[v]);
  else
    m->counts.unfollowed++;
  kl_m_absorb(m, v, r->market, kl_m_other(q.side), q.price);
}

void kl_mirror_created(kl_mirror *m, int64_t now_us, const kl_order_request *r, const kl_order *o) {
  kl_m_advance(m, now_us);
  kl_m_market *mk = kl_m_market_of(m, r->ticker);
  const kl_m_user *u = mk ? kl_m_user_of(m, r->user, true) : NULL;
  if (!u || order_of(m, o)) return;
  sweep(m);
  kl_m_engage(m, mk);
  mk->own_us = m->now_us;
  kl_m_absorb(m, KL_VIEW_ESTIMATE, mk, kl_m_other(r->side), r->price);
  kl_m_order *order = calloc(1, sizeof *order);
  if (!order || !kl_map_set(m->orders, o->id, strlen(o->id), order)) {
    free(order);
    m->counts.unfollowed++;
    return;
  }
  order->user = r->user;
  order->subaccount = r->subaccount;
  order->market = mk;
  memcpy(order->id[KL_VIEW_ESTIMATE], o->id, sizeof o->id);
  kl_list_append(&m->order_list, &order->link);
  for (int v = KL_VIEW_PESSIMISTIC; v < KL_VIEWS; v++)
    place(m, (kl_mirror_view)v, u, r, order);
}

/* The optimist thinks that what his level lost just now was traded, before the cancel came, and will be told. */
static void outrun(kl_mirror *m, kl_mirror_view v, const kl_m_user *u, const kl_m_order *r) {
  const kl_order *o = kl_exchange_order(m->views[v].x, u->number[v], r->id[v]);
  kl_m_level *l = kl_m_level_find(r->market, o->side, o->price);
  kl_count own, n = l ? l->v[v].held : 0;
  if (n == 0) return;
  kl_m_let_go(v, l); /* the trade, when it is told, finds that it has happened */
  (void)kl_m_take(m, v, r->market, kl_m_other(o->side), l->price, n, &own);
  kl_m_fit(m, v, l, KL_M_REPLACED);
}

static void cancel(kl_mirror *m, kl_mirror_view v, const kl_m_user *u, const kl_m_order *r) {
  if (v == KL_VIEW_OPTIMISTIC && rests(m, u, r, v)) outrun(m, v, u, r);
  if (rests(m, u, r, v))
    (void)kl_exchange_cancel(m->views[v].x, m->now_us, u->number[v], r->subaccount, r->id[v], NULL, NULL);
}

static void cancel_all(kl_mirror *m, const kl_m_user *u, const kl_m_order *r) {
  for (int v = KL_VIEW_PESSIMISTIC; v < KL_VIEWS; v++)
    cancel(m, (kl_mirror_view)v, u, r);
}

/* The order of a tap with its user; NULL: not one of those that were told. */
static kl_m_order *told(kl_mirror *m, int64_t now_us, const kl_order *o, const kl_m_user **u) {
  kl_m_advance(m, now_us);
  kl_m_order *r = order_of(m, o);
  *u = r ? kl_m_user_of(m, r->user, false) : NULL;
  return *u ? r : NULL;
}

void kl_mirror_canceled(kl_mirror *m, int64_t now_us, const kl_order *o) {
  const kl_m_user *u;
  kl_m_order *r = told(m, now_us, o, &u);
  if (r) cancel_all(m, u, r);
}

/* The order in a view as it was amended in x: so many contracts in all, of which more or fewer may have filled. */
static void amend(kl_mirror *m, kl_mirror_view v, const kl_m_user *u, const kl_m_order *r, const kl_amend_request *q) {
  kl_exchange *x = m->views[v].x;
  kl_amend_request a = *q;
  if (v == KL_VIEW_OPTIMISTIC && rests(m, u, r, v)) outrun(m, v, u, r);
  const kl_order *o = *r->id[v] ? kl_exchange_order(x, u->number[v], r->id[v]) : NULL;
  if (!o || o->status != KL_ORDER_RESTING) {
    m->counts.unfollowed++;
    return;
  }
  if (q->count <= o->filled) { /* more has filled here than is wanted now */
    cancel(m, v, u, r);
    return;
  }
  a.user = u->number[v];
  a.order_id = r->id[v];
  a.client_order_id = a.updated_client_order_id = NULL;
  kl_exchange_result result = kl_exchange_amend(x, m->now_us, &a, NULL);
  if (result == KL_X_INSUFFICIENT_BALANCE && kl_m_refill(x, a.user, r->subaccount, r->market->m[v]->exchange_index))
    result = kl_exchange_amend(x, m->now_us, &a, NULL);
  if (result != KL_X_OK) m->counts.unfollowed++;
  kl_m_absorb(m, v, r->market, kl_m_other(q->side), q->price);
}

void kl_mirror_amended(kl_mirror *m, int64_t now_us, const kl_amend_request *q, const kl_order *o) {
  const kl_m_user *u;
  kl_m_order *r = told(m, now_us, o, &u);
  if (!r) return;
  kl_m_engage(m, r->market);
  r->market->own_us = m->now_us;
  kl_m_absorb(m, KL_VIEW_ESTIMATE, r->market, kl_m_other(q->side), q->price);
  if (o->status == KL_ORDER_CANCELED && o->reason == KL_REASON_POST_ONLY_CROSS) {
    cancel_all(m, u, r);
    return;
  }
  for (int v = KL_VIEW_PESSIMISTIC; v < KL_VIEWS; v++)
    amend(m, (kl_mirror_view)v, u, r, q);
}

void kl_mirror_decreased(kl_mirror *m, int64_t now_us, const kl_order *o) {
  const kl_m_user *u;
  kl_m_order *r = told(m, now_us, o, &u);
  if (!r) return;
  if (o->status != KL_ORDER_RESTING) {
    cancel_all(m, u, r);
    return;
  }
  for (int v = KL_VIEW_PESSIMISTIC; v < KL_VIEWS; v++) {
    if (!rests(m, u, r, (kl_mirror_view)v)) continue;
    kl_exchange *x = m->views[v].x;
    const kl_order *own = kl_exchange_order(x, u->number[v], r->id[v]);
    kl_count left = kl_m_positive(o->initial - own->filled);
    if (left < own->remaining)
      (void)kl_exchange_decrease(x, m->now_us, u->number[v], r->subaccount, r->id[v], -1, left, NULL);
  }
}

/* ---- order groups ---- */

static void create_group(kl_mirror *m, const kl_m_user *u, const kl_order_group *g) {
  kl_m_group *group = calloc(1, sizeof *group);
  if (!group || !kl_map_set(m->groups, g->id, strlen(g->id), group)) {
    free(group);
    m->counts.unfollowed++;
    return;
  }
  memcpy(group->id[KL_VIEW_ESTIMATE], g->id, sizeof g->id);
  for (int v = KL_VIEW_PESSIMISTIC; v < KL_VIEWS; v++) {
    const kl_order_group *made;
    open_account(m->views[v].x, u->number[v], g->subaccount, g->shard);
    if (kl_exchange_group_create(m->views[v].x, m->now_us, u->number[v], g->subaccount, g->shard, g->limit, &made) ==
        KL_X_OK)
      memcpy(group->id[v], made->id, sizeof made->id);
    else
      m->counts.unfollowed++;
  }
}

void kl_mirror_group(kl_mirror *m, int64_t now_us, const kl_order_group *g, const char *event_type) {
  const kl_m_user *u = kl_m_user_of(m, g->user, true);
  if (now_us > m->now_us) m->now_us = now_us; /* nothing ends here: x may be in the middle of something */
  if (!u) return;
  if (strcmp(event_type, "created") == 0) {
    create_group(m, u, g);
    return;
  }
  for (int v = KL_VIEW_PESSIMISTIC; v < KL_VIEWS; v++) {
    kl_exchange *x = m->views[v].x;
    kl_group_key k = {u->number[v], g->subaccount, g->shard, group_in(m, g->id, (kl_mirror_view)v)};
    if (strcmp(event_type, "limit_updated") == 0) (void)kl_exchange_group_set_limit(x, m->now_us, &k, g->limit);
    if (strcmp(event_type, "triggered") == 0) (void)kl_exchange_group_trigger(x, m->now_us, &k);
    if (strcmp(event_type, "reset") == 0) (void)kl_exchange_group_reset(x, m->now_us, &k);
    if (strcmp(event_type, "deleted") == 0) (void)kl_exchange_group_delete(x, m->now_us, &k);
  }
  if (strcmp(event_type, "deleted") == 0) free(kl_map_remove(m->groups, g->id, strlen(g->id)));
}
