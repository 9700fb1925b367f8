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
    *slot = calloc(1, sizeof **slot);
    if (!*slot) return NULL;
    (*slot)->user = user;
    (*slot)->subaccount = subaccount;
    (*slot)->shard = shard;
  }
  return *slot;
}

void kl_x_accounts_free(kl_x_user *u) {
  kl_x_account **slots = &u->accounts[0][0];
  for (int i = 0; i < KL_X_SUBACCOUNTS * KL_EXCHANGE_SHARDS; i++) {
    if (!slots[i]) continue;
    free((void *)slots[i]->by_market);
    free((void *)slots[i]->holdings);
    free(slots[i]);
    slots[i] = NULL;
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
  if (!kl_x_slab_reserve(&x->holdings, 1)) return NULL;
  h = kl_x_slab_take(&x->holdings);
  h->p.market = m;
  h->account = a;
  kl_list_init(&h->closers);
  kl_list_append(&kl_x_book_of(m)->holdings, &h->in_market);
  a->by_market[m->index] = h;
  a->holdings[a->n_holdings++] = h;
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
  return sum;
}

kl_money kl_exchange_balance(const kl_exchange *x, uint32_t user, int subaccount, int shard) {
  return sum_of(x, user, subaccount, shard, balance_of);
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

kl_exchange_result kl_exchange_transfer(kl_exchange *x, uint32_t user, int shard, int from, int to, kl_money amount) {
  if (user >= x->n_users || from < 0 || from >= KL_X_SUBACCOUNTS || to < 0 || to >= KL_X_SUBACCOUNTS || from == to ||
      shard < 0 || shard >= KL_EXCHANGE_SHARDS || amount <= 0)
    return KL_X_INVALID_PARAMETERS;
  kl_x_account *source = kl_x_account_find(x, user, from, shard);
  if (!source || kl_x_balance(source) < amount) return KL_X_INSUFFICIENT_BALANCE;
  kl_x_account *target = kl_x_account_get(x, user, to, shard);
  if (!target) return KL_X_NOMEM;
  source->cash -= amount;
  target->cash += amount;
  return KL_X_OK;
}

static kl_money of_account(const kl_x_account *a) {
  kl_money sum = kl_x_balance(a);
  for (size_t i = 0; i < a->n_holdings; i++)
    sum += a->holdings[i]->p.cost - a->holdings[i]->p.realized;
  return sum;
}

kl_money kl_exchange_conservation(const kl_exchange *x) {
  kl_money sum = x->fees - x->deposits;
  for (uint32_t i = 0; i < x->n_users; i++) {
    const kl_x_user *u = x->users[i];
    for (int s = 0; s < KL_X_SUBACCOUNTS; s++)
      sum += sum_of(x, i, s, KL_ALL_SHARDS, of_account);
    for (const kl_list *n = u->live.next; n != &u->live; n = n->next)
      sum += kl_x_collateral(KL_CONTAINER(n, kl_x_order, live));
  }
  return sum;
}
