/* Netting within an event of mutually exclusive markets.
 *
 * At most one of them settles at YES, so of the NO contracts of an account all but those of one market pay a dollar
 * each, whatever happens. That sum is returned to the balance while the positions are open. It is a function of
 * positions, promises and results, and is computed anew whenever one of them changed.
 *
 * Contracts that resting orders are credited with closing are left out. So filling such an order changes nothing, and
 * an order is credited only with contracts whose promise costs nothing: those by which one market exceeds all others.
 */
#include "exchange/internal.h"

/* NO contracts of a market that are not promised. */
static kl_count no_contracts(const kl_x_account *a, const kl_market *m) {
  const kl_x_holding *h = kl_x_holding_find(a, m);
  if (!h || h->p.position >= 0) return 0;
  kl_count n = -h->p.position - h->promised;
  return n > 0 ? n : 0;
}

/* What is left of the one dollar that the markets of an event pay to YES: settled ones have paid their part. */
static kl_price unpaid(const kl_market_event *e) {
  kl_price left = KL_PRICE_ONE;
  for (size_t i = 0; i < e->n_markets; i++)
    if (e->markets[i]->status == KL_MARKET_FINALIZED) left -= e->markets[i]->settlement;
  return left > 0 ? left : 0;
}

static kl_money sure(const kl_x_account *a, const kl_market_event *e) {
  kl_count sum = 0, most = 0;
  for (size_t i = 0; i < e->n_markets; i++) {
    kl_count n = no_contracts(a, e->markets[i]);
    sum += n;
    if (n > most) most = n;
  }
  return sum == 0 ? 0 : sum * KL_PRICE_ONE - most * unpaid(e);
}

void kl_x_net(kl_x_account *a, const kl_market_event *e) {
  if (!a->netting && a->returned == 0) return;
  if (e->index >= a->cap_events) return; /* it never had to do with the event */
  kl_money now = a->netting && e->mutually_exclusive ? sure(a, e) : 0;
  a->returned += now - a->by_event[e->index];
  a->by_event[e->index] = now;
}

void kl_x_net_event(kl_exchange *x, const kl_market_event *e) {
  for (size_t i = 0; e->mutually_exclusive && i < e->n_markets; i++) {
    const kl_list *holdings = &kl_x_book_of(e->markets[i])->holdings;
    for (const kl_list *n = holdings->next; n != holdings; n = n->next) {
      kl_x_account *a = KL_CONTAINER(n, kl_x_holding, in_market)->account;
      if (!a->netting) continue;
      kl_x_net(a, e);
      kl_money missing = -kl_x_balance(a);
      if (missing <= 0) continue;
      a->cash += missing;
      x->fees -= missing;
    }
  }
}

kl_count kl_x_spare(const kl_x_holding *h, kl_side side, kl_count given_back) {
  kl_count spare = kl_x_closable(h, side) - h->promised + given_back;
  if (spare <= 0) return 0;
  const kl_x_account *a = h->account;
  const kl_market_event *e = h->p.market->event;
  if (!a->netting || !e->mutually_exclusive || side == KL_ASK) return spare;
  if (unpaid(e) < KL_PRICE_ONE) return 0;
  kl_count second = 0;
  for (size_t i = 0; i < e->n_markets; i++) {
    kl_count n = e->markets[i] == h->p.market ? 0 : no_contracts(a, e->markets[i]);
    if (n > second) second = n;
  }
  return spare > second ? spare - second : 0;
}

kl_exchange_result kl_exchange_set_netting(kl_exchange *x, uint32_t user, int subaccount, int shard, bool on) {
  if (!kl_exchange_has_subaccount(x, user, subaccount, shard)) return KL_X_NO_SUBACCOUNT;
  kl_x_account *a = kl_x_account_find(x, user, subaccount, shard);
  if (!on && kl_x_balance(a) < a->returned) return KL_X_INSUFFICIENT_BALANCE;
  a->netting = on;
  kl_x_touch_totals(x);
  for (size_t i = 0; i < a->n_holdings; i++)
    kl_x_net(a, a->holdings[i]->p.market->event);
  return KL_X_OK;
}

bool kl_exchange_netting(const kl_exchange *x, uint32_t user, int subaccount, int shard) {
  const kl_x_account *a = kl_x_account_find(x, user, subaccount, shard);
  return a && a->netting;
}
