/* Accounts: what a subaccount has on a shard, and moving money between them. */
#include <stdlib.h>

#include "exchange/internal.h"

kl_x_account *kl_x_account_find(const kl_exchange *x, uint32_t user, int subaccount, int shard) {
  if (user >= x->n_users || subaccount < 0 || subaccount >= KL_X_SUBACCOUNTS || shard < 0 ||
      shard >= KL_EXCHANGE_SHARDS)
    return NULL;
  return x->users[user]->accounts[subaccount][shard];
}

kl_x_account *kl_x_account_get(kl_exchange *x, uint32_t user, int subaccount, int shard) {
  kl_x_account **slot = &x->users[user]->accounts[subaccount][shard];
  if (!*slot) {
    kl_x_account **all = kl_x_grown((void *)x->accounts, &x->cap_accounts, x->n_accounts + 1, sizeof(kl_x_account *));
    if (!all) return NULL;
    x->accounts = all;
    *slot = calloc(1, sizeof **slot);
    if (!*slot) return NULL;
    x->accounts[x->n_accounts++] = *slot;
    (*slot)->number = x->n_accounts;
    (*slot)->user = user;
    (*slot)->subaccount = subaccount;
    (*slot)->shard = shard;
    (*slot)->next = x->users[user]->used;
    x->users[user]->used = *slot;
  }
  return *slot;
}

void kl_x_accounts_free(kl_x_user *u) {
  for (kl_x_account *a = u->used, *next; a; a = next) {
    next = a->next;
    free((void *)a->by_market);
    free((void *)a->holdings);
    free(a->by_event);
    free(a);
  }
}

kl_x_holding *kl_x_holding_find(const kl_x_account *a, const kl_market *m) {
  return m->index < a->cap_markets ? a->by_market[m->index] : NULL;
}

kl_x_holding *kl_x_holding_get(kl_exchange *x, kl_x_account *a, const kl_market *m) {
  kl_x_holding *h = kl_x_holding_find(a, m);
  if (h) return h;
  if (m->index >= a->cap_markets) {
    size_t cap = a->cap_markets;
    kl_x_holding **by = kl_x_grown((void *)a->by_market, &cap, (size_t)m->index + 1, sizeof(kl_x_holding *));
    if (!by) return NULL;
    for (size_t i = a->cap_markets; i < cap; i++)
      by[i] = NULL;
    a->by_market = by;
    a->cap_markets = cap;
  }
  if (a->n_holdings == a->cap_holdings) {
    kl_x_holding **list = kl_x_grown((void *)a->holdings, &a->cap_holdings, a->n_holdings + 1, sizeof(kl_x_holding *));
    if (!list) return NULL;
    a->holdings = list;
  }
  if (m->event->index >= a->cap_events) {
    size_t cap = a->cap_events;
    kl_money *by = kl_x_grown(a->by_event, &cap, (size_t)m->event->index + 1, sizeof *by);
    if (!by) return NULL;
    for (size_t i = a->cap_events; i < cap; i++)
      by[i] = 0;
    a->by_event = by;
    a->cap_events = cap;
  }
  if (!kl_x_slab_reserve(&x->holdings, 1)) return NULL;
  h = kl_x_slab_take(&x->holdings);
  h->p.market = m;
  h->account = a;
  kl_list_init(&h->closers);
  kl_list_append(&kl_x_book_of(m)->holdings, &h->in_market);
  a->by_market[m->index] = h;
  a->holdings[a->n_holdings++] = h;
  h->number = ++x->numbers;
  kl_x_touch_holding(x, h);
  return h;
}

/* Calls `f` for the account on each of the shards that are meant, and adds up what it says. */
static kl_money sum_of(const kl_exchange *x, uint32_t user, int subaccount, int shard,
                       kl_money (*f)(const kl_x_account *)) {
  kl_money sum = 0;
  for (int s = 0; s < KL_EXCHANGE_SHARDS; s++) {
    const kl_x_account *a = shard == s || shard == KL_ALL_SHARDS ? kl_x_account_find(x, user, subaccount, s) : NULL;
    if (a) sum += f(a);
  }
  return sum;
}

static kl_money balance_of(const kl_x_account *a) { return kl_x_balance(a); }
static kl_money held_of(const kl_x_account *a) { return a->held; }
static kl_money returned_of(const kl_x_account *a) { return a->returned; }

static kl_money value_of(const kl_position *p) {
  const kl_market *m = p->market;
  kl_price price = m->last_price;
  if (price == 0) {
    const kl_x_level *bid = kl_x_best(m, KL_BID), *ask = kl_x_best(m, KL_ASK);
    if (!bid || !ask) return p->cost;
    price = (bid->price + ask->price) / 2;
  }
  return p->position > 0 ? price * p->position : (KL_PRICE_ONE - price) * -p->position;
}

static kl_money positions_value(const kl_x_account *a) {
  kl_money sum = 0;
  for (size_t i = 0; i < a->n_holdings; i++)
    sum += value_of(&a->holdings[i]->p);
  return sum - a->returned;
}

kl_money kl_exchange_balance(const kl_exchange *x, uint32_t user, int subaccount, int shard) {
  return sum_of(x, user, subaccount, shard, balance_of);
}

kl_money kl_exchange_held(const kl_exchange *x, uint32_t user, int subaccount, int shard) {
  return sum_of(x, user, subaccount, shard, held_of);
}

kl_money kl_exchange_returned(const kl_exchange *x, uint32_t user, int subaccount, int shard) {
  return sum_of(x, user, subaccount, shard, returned_of);
}

/* What the orders of a side of the market hold together: they are on both ladders with those of all other users, so the
 * user's own list is the shorter way. */
static kl_money held_on_side(const kl_x_user *u, const kl_x_holding *h, kl_side side) {
  kl_money sum = 0;
  for (const kl_list *n = u->live.next; n != &u->live; n = n->next) {
    const kl_x_order *o = KL_CONTAINER(n, kl_x_order, live);
    if (o->holding == h && o->o.side == side) sum += o->held;
  }
  return sum;
}

kl_money kl_exchange_held_most(const kl_exchange *x, uint32_t user, int subaccount, int shard) {
  const kl_x_account *a = kl_x_account_find(x, user, subaccount, shard);
  kl_money most = 0;
  for (size_t i = 0; a && a->held > 0 && i < a->n_holdings; i++) {
    for (int side = KL_BID; side <= KL_ASK; side++) {
      kl_money held = held_on_side(x->users[user], a->holdings[i], (kl_side)side);
      if (held > most) most = held;
    }
  }
  return most;
}

kl_money kl_exchange_portfolio_value(const kl_exchange *x, uint32_t user, int subaccount, int shard) {
  return sum_of(x, user, subaccount, shard, positions_value);
}

const kl_position *kl_exchange_position_at(const kl_exchange *x, uint32_t user, int subaccount, size_t i) {
  for (int s = 0; s < KL_EXCHANGE_SHARDS; s++) {
    const kl_x_account *a = kl_x_account_find(x, user, subaccount, s);
    if (!a) continue;
    if (i < a->n_holdings) return &a->holdings[i]->p;
    i -= a->n_holdings;
  }
  return NULL;
}

/* ---- subaccounts ---- */

/* The open account; NULL with *result otherwise. */
static kl_x_account *open_account(const kl_exchange *x, uint32_t user, int subaccount, int shard,
                                  kl_exchange_result *result) {
  bool valid =
      user < x->n_users && subaccount >= 0 && subaccount < KL_X_SUBACCOUNTS && shard >= 0 && shard < KL_EXCHANGE_SHARDS;
  kl_x_account *a = kl_x_account_find(x, user, subaccount, shard);
  *result = a && a->open ? KL_X_OK : valid ? KL_X_NO_SUBACCOUNT : KL_X_INVALID_PARAMETERS;
  return *result == KL_X_OK ? a : NULL;
}

/* The same, and it is not locked, nor its shard in an exchange pause. */
static kl_x_account *free_account(const kl_exchange *x, uint32_t user, int subaccount, int shard,
                                  kl_exchange_result *result) {
  kl_x_account *a = open_account(x, user, subaccount, shard, result);
  bool paused = kl_exchange_pause_of(x, shard, NULL) == KL_EXCHANGE_PAUSE;
  if (!a || (!a->locked && !paused)) return a;
  *result = paused ? KL_X_EXCHANGE_PAUSED : KL_X_LOCKED;
  return NULL;
}

kl_exchange_result kl_exchange_open_subaccount(kl_exchange *x, uint32_t user, int subaccount, int shard) {
  kl_exchange_result result;
  if (open_account(x, user, subaccount, shard, &result)) return KL_X_EXISTS;
  if (result != KL_X_NO_SUBACCOUNT) return result;
  kl_x_account *a = kl_x_account_get(x, user, subaccount, shard);
  if (!a) return KL_X_NOMEM;
  a->open = true;
  kl_x_touch_totals(x);
  return KL_X_OK;
}

bool kl_exchange_has_subaccount(const kl_exchange *x, uint32_t user, int subaccount, int shard) {
  kl_exchange_result result;
  return open_account(x, user, subaccount, shard, &result) != NULL;
}

kl_exchange_result kl_exchange_lock_subaccount(kl_exchange *x, int64_t now_us, uint32_t user, int subaccount, int shard,
                                               bool locked) {
  kl_exchange_result result;
  kl_x_advance(x, now_us);
  kl_x_account *a = open_account(x, user, subaccount, shard, &result);
  if (!a) return result;
  if (a->locked == locked) return KL_X_EXISTS;
  a->locked = locked;
  kl_x_touch_totals(x);
  kl_list *live = &x->users[user]->live;
  for (kl_list *n = live->next, *next; locked && n != live; n = next) {
    next = n->next;
    kl_x_order *o = KL_CONTAINER(n, kl_x_order, live);
    if (o->holding->account == a) kl_x_end(x, o, KL_REASON_CANCEL);
  }
  return KL_X_OK;
}

bool kl_exchange_locked(const kl_exchange *x, uint32_t user, int subaccount, int shard) {
  const kl_x_account *a = kl_x_account_find(x, user, subaccount, shard);
  return a && a->locked;
}

/* ---- moving money ---- */

static kl_exchange_result take(kl_exchange *x, kl_x_account **a, uint32_t user, int subaccount, int shard,
                               kl_money amount) {
  kl_exchange_result result;
  *a = free_account(x, user, subaccount, shard, &result);
  if (!*a) return result;
  if (amount <= 0) return KL_X_INVALID_PARAMETERS;
  return kl_x_balance(*a) < amount ? KL_X_INSUFFICIENT_BALANCE : KL_X_OK;
}

kl_exchange_result kl_exchange_transfer(kl_exchange *x, uint32_t user, int shard, int from, int to, kl_money amount) {
  kl_x_account *source, *target;
  kl_exchange_result result;
  if (from == to) return KL_X_INVALID_PARAMETERS;
  target = free_account(x, user, to, shard, &result);
  if (!target) return result;
  result = take(x, &source, user, from, shard, amount);
  if (result != KL_X_OK) return result;
  source->cash -= amount;
  target->cash += amount;
  kl_x_touch_totals(x);
  return KL_X_OK;
}

kl_exchange_result kl_exchange_send(kl_exchange *x, uint32_t user, int subaccount, int shard, kl_money amount) {
  kl_x_account *a;
  kl_exchange_result result = take(x, &a, user, subaccount, shard, amount);
  if (result != KL_X_OK) return result;
  a->cash -= amount;
  x->transit += amount;
  kl_x_touch_totals(x);
  return KL_X_OK;
}

kl_exchange_result kl_exchange_arrive(kl_exchange *x, uint32_t user, int subaccount, int shard, kl_money amount) {
  kl_exchange_result result;
  kl_x_account *a = free_account(x, user, subaccount, shard, &result);
  if (!a) return result;
  if (amount <= 0 || amount > x->transit) return KL_X_INVALID_PARAMETERS;
  a->cash += amount;
  x->transit -= amount;
  kl_x_touch_totals(x);
  return KL_X_OK;
}

void kl_exchange_set_transit(kl_exchange *x, kl_money amount) { x->transit = amount; }

kl_exchange_result kl_exchange_deposit(kl_exchange *x, uint32_t user, int subaccount, int shard, kl_money amount) {
  kl_exchange_result result;
  kl_x_account *a = open_account(x, user, subaccount, shard, &result);
  if (!a) return result;
  if (amount <= 0 || amount > KL_X_MAX_MONEY - a->cash) return KL_X_INVALID_PARAMETERS;
  a->cash += amount;
  x->deposits += amount;
  kl_x_touch_totals(x);
  return KL_X_OK;
}

kl_exchange_result kl_exchange_withdraw(kl_exchange *x, uint32_t user, int subaccount, int shard, kl_money amount) {
  kl_x_account *a;
  kl_exchange_result result = take(x, &a, user, subaccount, shard, amount);
  if (result != KL_X_OK) return result;
  a->cash -= amount;
  x->deposits -= amount;
  kl_x_touch_totals(x);
  return KL_X_OK;
}

/* One end of a move of contracts. */
static void move(kl_x_holding *h, kl_side side, kl_price own, kl_count n, int64_t now_us) {
  kl_count volume = h->p.volume;
  h->account->cash += kl_x_position_trade(&h->p, side, own, n);
  h->p.volume = volume; /* nothing was traded */
  h->p.updated_us = now_us;
  kl_x_net(h->account, h->p.market->event);
}

kl_exchange_result kl_exchange_transfer_position(kl_exchange *x, int64_t now_us, const kl_position_transfer *t) {
  kl_exchange_result result;
  kl_x_advance(x, now_us);
  const kl_market *m = t->ticker ? kl_exchange_market(x, t->ticker) : NULL;
  if (!m) return KL_X_NOT_FOUND;
  if (t->from == t->to) return KL_X_INVALID_PARAMETERS;
  kl_x_account *from = free_account(x, t->user, t->from, m->exchange_index, &result);
  kl_x_account *to = from ? free_account(x, t->user, t->to, m->exchange_index, &result) : NULL;
  if (!to) return result;
  if (m->status == KL_MARKET_FINALIZED) return KL_X_MARKET_INACTIVE;
  if (t->price < 0 || t->price > KL_PRICE_ONE) return KL_X_INVALID_PRICE;
  kl_side buys = t->side == KL_YES ? KL_BID : KL_ASK;
  kl_x_holding *h = kl_x_holding_find(from, m);
  kl_count has = h ? kl_x_closable(h, kl_x_other(buys)) - h->promised : 0;
  if (t->count <= 0 || t->count > has) return KL_X_INVALID_SIZE;
  kl_x_holding *g = kl_x_holding_get(x, to, m);
  if (!g) return KL_X_NOMEM;
  /* Resting orders of `to` may count on closing what it has. */
  if (t->count > kl_x_closable(g, buys) - g->promised && g->promised > 0 && kl_x_closable(g, buys) > 0)
    return KL_X_INVALID_SIZE;
  const kl_position before_from = h->p, before_to = g->p;
  const kl_money cash_from = from->cash, cash_to = to->cash;
  move(h, kl_x_other(buys), KL_PRICE_ONE - t->price, t->count, x->now);
  move(g, buys, t->price, t->count, x->now);
  if (kl_x_balance(from) < 0 || kl_x_balance(to) < 0) {
    h->p = before_from;
    g->p = before_to;
    from->cash = cash_from;
    to->cash = cash_to;
    kl_x_net(from, m->event);
    kl_x_net(to, m->event);
    return KL_X_INSUFFICIENT_BALANCE;
  }
  kl_x_tell_position(x, h);
  kl_x_tell_position(x, g);
  return KL_X_OK;
}

static kl_money of_account(const kl_x_account *a) {
  kl_money sum = a->cash - a->held;
  for (size_t i = 0; i < a->n_holdings; i++)
    sum += a->holdings[i]->p.cost - a->holdings[i]->p.realized;
  return sum;
}

kl_money kl_exchange_conservation(const kl_exchange *x) {
  kl_money sum = x->fees + x->transit - x->deposits + x->retired;
  for (size_t i = 0; i < x->n_users; i++) {
    const kl_x_user *u = x->users[i];
    for (const kl_x_account *a = u->used; a; a = a->next)
      sum += of_account(a);
    for (const kl_list *n = u->live.next; n != &u->live; n = n->next)
      sum += kl_x_collateral(KL_CONTAINER(n, kl_x_order, live));
  }
  return sum;
}
