/* What own orders came to in each view. */
#include <stdlib.h>

#include "sim/mirror_impl.h"

enum { SUBACCOUNTS = 64 };

/* The user's tally in a market; NULL: none, or out of memory. */
static kl_m_tally *tally_of(kl_m_market *mk, uint32_t user, bool make) {
  kl_m_tally *t = mk->tallies;
  while (t && t->user != user)
    t = t->next;
  if (t || !make) return t;
  t = calloc(1, sizeof *t);
  if (!t) return NULL;
  t->user = user;
  t->next = mk->tallies;
  mk->tallies = t;
  return t;
}

static void count_fills(kl_mirror *m, uint32_t user, kl_mirror_view v) {
  kl_m_user *u = &m->users[user];
  uint64_t last = u->counted[v];
  const kl_fill *f;
  for (size_t i = 0; (f = kl_exchange_fill_at(m->views[v].x, u->number[v], i)) && f->number > last; i++) {
    kl_m_market *mk = kl_m_market_of(m, f->market->ticker);
    kl_m_tally *t = mk ? tally_of(mk, user, true) : NULL;
    if (i == 0) u->counted[v] = f->number;
    if (!t) continue;
    t->v[v].fills++;
    if (!f->is_taker) t->v[v].maker += f->count;
  }
}

void kl_m_count_fills(kl_mirror *m) {
  for (uint32_t user = 0; user < m->n_users; user++)
    for (int v = 0; v < KL_VIEWS && m->users[user].known; v++)
      count_fills(m, user, (kl_mirror_view)v);
}

/* The price of YES by which open positions are valued; -1: nothing is known. */
static kl_price mark(const kl_m_market *mk) {
  kl_price best[2] = {-1, -1};
  if (mk->m[KL_VIEW_ESTIMATE]->settlement >= 0) return mk->m[KL_VIEW_ESTIMATE]->settlement;
  for (int side = KL_BID; side <= KL_ASK && !mk->stale; side++)
    for (size_t i = mk->sides[side].n; i-- > 0 && best[side] < 0;)
      if (mk->sides[side].levels[i]->live > 0) best[side] = mk->sides[side].levels[i]->price;
  if (best[KL_BID] >= 0 && best[KL_ASK] >= 0) return (best[KL_BID] + best[KL_ASK]) / 2;
  return mk->last > 0 ? mk->last : -1;
}

static void add_position(const kl_m_market *mk, const kl_position *p, kl_mirror_total *out) {
  kl_price price = mark(mk);
  kl_count n = p->position < 0 ? -p->position : p->position;
  out->contracts += p->volume;
  out->fees += p->fees;
  out->realized += p->realized;
  out->cost += p->cost;
  out->value += price < 0 ? p->cost : (p->position < 0 ? KL_PRICE_ONE - price : price) * n;
  out->open += n;
  out->position += p->position;
}

static void add_tally(const kl_m_market *mk, uint32_t user, kl_mirror_view v, kl_mirror_total *out) {
  const kl_m_tally *t = tally_of((kl_m_market *)mk, user, false);
  if (!t) return;
  out->fills += t->v[v].fills;
  out->maker_contracts += t->v[v].maker;
}

/* Of a user in a market, without what rests. */
static void add_market(const kl_mirror *m, const kl_m_market *mk, uint32_t user, kl_mirror_view v,
                       kl_mirror_total *out) {
  const kl_m_user *u = &m->users[user];
  add_tally(mk, user, v, out);
  for (int sub = 0; sub < SUBACCOUNTS; sub++) {
    const kl_position *p;
    for (size_t i = 0; (p = kl_exchange_position_at(m->views[v].x, u->number[v], sub, i)); i++)
      if (p->market == mk->m[v]) add_position(mk, p, out);
  }
}

static void add_all(const kl_mirror *m, uint32_t user, kl_mirror_view v, kl_mirror_total *out) {
  const kl_m_user *u = &m->users[user];
  size_t cursor = 0, n;
  const char *key;
  void *value;
  while (kl_map_next(m->markets, &cursor, &key, &n, &value))
    add_tally(value, user, v, out);
  for (int sub = 0; sub < SUBACCOUNTS; sub++) {
    const kl_position *p;
    for (size_t i = 0; (p = kl_exchange_position_at(m->views[v].x, u->number[v], sub, i)); i++) {
      const kl_m_market *mk = kl_m_market_of(m, p->market->ticker);
      if (mk) add_position(mk, p, out);
    }
  }
}

static void add_resting(const kl_mirror *m, const kl_m_market *mk, uint32_t user, kl_mirror_view v,
                        kl_mirror_total *out) {
  const kl_m_user *u = &m->users[user];
  for (const kl_list *i = m->order_list.next; i != &m->order_list; i = i->next) {
    const kl_m_order *r = KL_CONTAINER(i, kl_m_order, link);
    if (r->user != user || (mk && r->market != mk) || !*r->id[v]) continue;
    const kl_order *o = kl_exchange_order(m->views[v].x, u->number[v], r->id[v]);
    if (!o || o->status != KL_ORDER_RESTING) continue;
    const kl_order *x = kl_exchange_order(m->views[KL_VIEW_ESTIMATE].x, user, r->id[KL_VIEW_ESTIMATE]);
    out->resting += o->remaining;
    if (!x || x->status != KL_ORDER_RESTING) out->stranded += o->remaining;
  }
}

void kl_mirror_totals(kl_mirror *m, kl_mirror_view v, uint32_t user, const char *ticker, kl_mirror_total *out) {
  *out = (kl_mirror_total){0};
  const kl_m_user *u = kl_m_user_of(m, user, false);
  const kl_m_market *mk = kl_m_market_of(m, ticker);
  if (!u || (ticker && !mk)) return;
  kl_m_count_fills(m);
  if (ticker) {
    add_market(m, mk, user, v, out);
  } else {
    *out = u->retired[v];
    add_all(m, user, v, out);
    out->position = 0;
  }
  add_resting(m, mk, user, v, out);
  out->profit = out->realized + out->value - out->cost - out->fees;
}

void kl_m_retire_totals(kl_mirror *m, const kl_market_event *e) {
  for (uint32_t user = 0; user < m->n_users; user++) {
    kl_m_user *u = &m->users[user];
    for (size_t i = 0; i < e->n_markets && u->known; i++) {
      const kl_m_market *mk = kl_m_market_of(m, e->markets[i]->ticker);
      for (int v = 0; v < KL_VIEWS && mk; v++)
        add_market(m, mk, user, (kl_mirror_view)v, &u->retired[v]);
    }
  }
}
