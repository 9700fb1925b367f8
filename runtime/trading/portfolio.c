/* The rules are those of the exchange's own ledger: contracts of the other side close first, at the average cost of
 * what is open, and a pair of YES and NO is a dollar. The average depends on the order of fills, and they may be told
 * in any; so each holding keeps its last fills and is built anew from before them when one is told late. */
#include "trading/portfolio.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/map.h"

enum { CENT = 10000 }; /* of kl_money */

typedef struct fill {
  kl_side side;
  kl_price price;
  kl_count count;
  kl_money fee;
  int64_t ts_ms;
} fill;

typedef struct entry {
  kl_holding h;      /* first */
  kl_list link;      /* in all */
  kl_list same;      /* in market.entries */
  kl_holding before; /* as it was before `recent` */
  fill *recent;      /* owned; by time */
  size_t n, cap;
} entry;

typedef struct market {
  kl_list entries;
} market;

struct kl_portfolio {
  kl_map *markets; /* by ticker */
  kl_list all;
  size_t settled;
  kl_money realized, fees, unrealized, cost, peak, max_drawdown;
  kl_count contracts, traded;
  uint64_t fills;
  size_t open;
};

/* ---- numbers ---- */

static int64_t clamp(__int128 v) {
  if (v > INT64_MAX) return INT64_MAX;
  return v < INT64_MIN ? INT64_MIN : (int64_t)v;
}

static int64_t sum(int64_t a, int64_t b) { return clamp((__int128)a + b); }
static int64_t difference(int64_t a, int64_t b) { return clamp((__int128)a - b); }
static int64_t product(int64_t a, int64_t b) { return clamp((__int128)a * b); }
static int64_t part(int64_t whole, int64_t n, int64_t of) { return clamp((__int128)whole * n / of); }
static kl_count magnitude(kl_count n) { return n < 0 ? -n : n; }

/* ---- one holding ---- */

static void apply(kl_holding *h, const fill *f) {
  kl_price own = f->side == KL_BID ? f->price : KL_PRICE_ONE - f->price;
  bool opposite = f->side == KL_BID ? h->position < 0 : h->position > 0;
  kl_count had = magnitude(h->position), closed = !opposite ? 0 : f->count < had ? f->count : had;
  if (closed > 0) {
    kl_money cost = part(h->cost, closed, had);
    h->cost -= cost;
    h->realized = sum(h->realized, difference(product(KL_PRICE_ONE - own, closed), cost));
  }
  h->cost = sum(h->cost, product(own, f->count - closed));
  h->position = sum(h->position, f->side == KL_BID ? f->count : -f->count);
  h->fees = sum(h->fees, f->fee);
  kl_count *side = f->side == KL_BID ? &h->bought : &h->sold;
  *side = sum(*side, f->count);
  if (f->ts_ms > h->updated_ms) h->updated_ms = f->ts_ms;
}

static void pay_out(kl_holding *h, kl_price yes_value, int64_t ts_ms) {
  kl_price own = h->position > 0 ? yes_value : KL_PRICE_ONE - yes_value;
  kl_money payout = product(own, magnitude(h->position));
  h->realized = sum(h->realized, difference(payout, h->cost));
  h->fees = sum(h->fees, payout % CENT);
  h->position = 0;
  h->cost = 0;
  h->settled = true;
  h->settlement = h->mark = yes_value;
  if (ts_ms > h->updated_ms) h->updated_ms = ts_ms;
}

kl_money kl_holding_unrealized(const kl_holding *h) {
  if (h->mark < 0 || h->position == 0) return 0;
  return difference(product(h->position > 0 ? h->mark : KL_PRICE_ONE - h->mark, magnitude(h->position)), h->cost);
}

kl_money kl_holding_average(const kl_holding *h) {
  if (h->position == 0) return -1;
  kl_count n = magnitude(h->position);
  kl_money paid = clamp(((__int128)h->cost * KL_COUNT_ONE + n / 2) / n);
  return h->position > 0 ? paid : KL_MONEY_ONE - paid;
}

/* ---- totals ---- */

/* `add`: sum or difference. */
static void count_holding(kl_portfolio *p, const kl_holding *h, int64_t (*add)(int64_t, int64_t)) {
  p->realized = add(p->realized, h->realized);
  p->fees = add(p->fees, h->fees);
  p->cost = add(p->cost, h->cost);
  p->unrealized = add(p->unrealized, kl_holding_unrealized(h));
  p->contracts = add(p->contracts, magnitude(h->position));
  p->traded = add(p->traded, sum(h->bought, h->sold));
  p->open += (size_t)add(0, h->position != 0);
}

static kl_money profit(const kl_portfolio *p) { return difference(sum(p->realized, p->unrealized), p->fees); }

static void look_at_profit(kl_portfolio *p) {
  kl_money now = profit(p);
  if (now > p->peak) p->peak = now;
  kl_money down = difference(p->peak, now);
  if (down > p->max_drawdown) p->max_drawdown = down;
}

/* Takes the holding over as it is now. */
static void change(kl_portfolio *p, entry *e, const kl_holding *now) {
  count_holding(p, &e->h, difference);
  e->h = *now;
  count_holding(p, &e->h, sum);
}

/* ---- holdings ---- */

static market *find_market(const kl_portfolio *p, const char *ticker) {
  return kl_map_get(p->markets, ticker, strlen(ticker));
}

static entry *find(const kl_portfolio *p, const char *ticker, int32_t subaccount) {
  const market *m = find_market(p, ticker);
  for (const kl_list *n = m ? m->entries.next : NULL; m && n != &m->entries; n = n->next) {
    entry *e = KL_CONTAINER(n, entry, same);
    if (e->h.subaccount == subaccount) return e;
  }
  return NULL;
}

static market *get_market(kl_portfolio *p, const char *ticker) {
  market *m = find_market(p, ticker);
  if (m) return m;
  m = calloc(1, sizeof *m);
  if (!m || !kl_map_set(p->markets, ticker, strlen(ticker), m)) {
    free(m);
    return NULL;
  }
  kl_list_init(&m->entries);
  return m;
}

static entry *get_entry(kl_portfolio *p, const char *ticker, int32_t subaccount) {
  entry *e = find(p, ticker, subaccount);
  if (e) return e;
  market *m = get_market(p, ticker);
  e = m ? calloc(1, sizeof *e) : NULL;
  if (!e) return NULL;
  (void)snprintf(e->h.ticker, sizeof e->h.ticker, "%s", ticker);
  e->h.subaccount = subaccount;
  e->h.mark = e->h.settlement = -1;
  e->before = e->h;
  kl_list_append(&p->all, &e->link);
  kl_list_append(&m->entries, &e->same);
  return e;
}

/* What it came to stays in the totals. */
static void forget(kl_portfolio *p, entry *e) {
  market *m = find_market(p, e->h.ticker);
  kl_list_remove(&e->link);
  kl_list_remove(&e->same);
  if (m && kl_list_empty(&m->entries)) {
    (void)kl_map_remove(p->markets, e->h.ticker, strlen(e->h.ticker));
    free(m);
  }
  free(e->recent);
  free(e);
}

static void forget_oldest_settled(kl_portfolio *p) {
  for (kl_list *n = p->all.next; p->settled > KL_HOLDINGS_SETTLED && n != &p->all;) {
    entry *e = KL_CONTAINER(n, entry, link);
    n = n->next;
    if (!e->h.settled) continue;
    forget(p, e);
    p->settled--;
  }
}

/* ---- fills ---- */

static bool make_room(entry *e) {
  if (e->n < e->cap) return true;
  if (e->cap == KL_FILLS_SORTED) {
    apply(&e->before, &e->recent[0]);
    e->n--;
    memmove(e->recent, e->recent + 1, e->n * sizeof *e->recent);
    return true;
  }
  size_t cap = e->cap ? e->cap * 2 : 4;
  fill *grown = realloc(e->recent, cap * sizeof *grown);
  if (!grown) return false;
  e->recent = grown;
  e->cap = cap;
  return true;
}

bool kl_portfolio_fill(kl_portfolio *p, const char *ticker, int32_t subaccount, kl_side side, kl_price yes_price,
                       kl_count count, kl_money fee, int64_t ts_ms) {
  const fill f = {side, yes_price, count, fee, ts_ms};
  entry *e = get_entry(p, ticker, subaccount);
  if (!e || !make_room(e)) return false;
  size_t at = e->n;
  while (at > 0 && e->recent[at - 1].ts_ms > ts_ms)
    at--;
  memmove(e->recent + at + 1, e->recent + at, (e->n - at) * sizeof *e->recent);
  e->recent[at] = f;
  e->n++;
  kl_holding now = e->h;
  if (at + 1 == e->n && !e->h.settled) {
    apply(&now, &f);
  } else {
    now = e->before;
    now.mark = e->h.mark;
    for (size_t i = 0; i < e->n; i++)
      apply(&now, &e->recent[i]);
    if (e->h.settled) pay_out(&now, e->h.settlement, e->h.updated_ms);
  }
  change(p, e, &now);
  p->fills++;
  look_at_profit(p);
  return true;
}

/* ---- what else changes ---- */

void kl_portfolio_settle(kl_portfolio *p, const char *ticker, kl_price yes_value, int64_t ts_ms) {
  const market *m = find_market(p, ticker);
  for (const kl_list *n = m ? m->entries.next : NULL; m && n != &m->entries; n = n->next) {
    entry *e = KL_CONTAINER(n, entry, same);
    if (e->h.settled) continue;
    kl_holding now = e->h;
    pay_out(&now, yes_value, ts_ms);
    change(p, e, &now);
    p->settled++;
  }
  look_at_profit(p);
  forget_oldest_settled(p);
}

bool kl_portfolio_set(kl_portfolio *p, const kl_holding *h) {
  entry *e = get_entry(p, h->ticker, h->subaccount);
  if (!e) return false;
  kl_holding now = *h;
  if (now.mark < 0) now.mark = e->h.mark;
  if (now.bought == 0) now.bought = e->h.bought;
  if (now.sold == 0) now.sold = e->h.sold;
  if (!now.settled) now.settlement = -1;
  if (now.settled != e->h.settled) p->settled += now.settled ? 1 : (size_t)-1;
  change(p, e, &now);
  e->before = e->h;
  e->n = 0;
  look_at_profit(p);
  return true;
}

void kl_portfolio_mark(kl_portfolio *p, const char *ticker, kl_price yes_price) {
  const market *m = find_market(p, ticker);
  bool changed = false;
  for (const kl_list *n = m ? m->entries.next : NULL; m && n != &m->entries; n = n->next) {
    entry *e = KL_CONTAINER(n, entry, same);
    if (e->h.mark == yes_price || e->h.settled) continue;
    kl_holding now = e->h;
    now.mark = yes_price;
    change(p, e, &now);
    changed = true;
  }
  if (changed) look_at_profit(p);
}

void kl_portfolio_restart(kl_portfolio *p) {
  p->peak = profit(p);
  p->max_drawdown = 0;
}

/* ---- reading ---- */

const kl_holding *kl_portfolio_get(const kl_portfolio *p, const char *ticker, int32_t subaccount) {
  const entry *e = find(p, ticker, subaccount);
  return e ? &e->h : NULL;
}

const kl_holding *kl_portfolio_next(const kl_portfolio *p, const kl_holding *after) {
  const kl_list *n = after ? KL_CONTAINER(after, entry, h)->link.next : p->all.next;
  return n == &p->all ? NULL : &KL_CONTAINER(n, entry, link)->h;
}

kl_count kl_portfolio_position(const kl_portfolio *p, const char *ticker, kl_money *cost) {
  const market *m = find_market(p, ticker);
  kl_count all = 0;
  kl_money paid = 0;
  for (const kl_list *n = m ? m->entries.next : NULL; m && n != &m->entries; n = n->next) {
    const kl_holding *h = &KL_CONTAINER(n, entry, same)->h;
    all = sum(all, h->position);
    paid = sum(paid, h->cost);
  }
  if (cost) *cost = paid;
  return all;
}

void kl_portfolio_totals_get(const kl_portfolio *p, kl_portfolio_totals *out) {
  kl_money now = profit(p);
  *out = (kl_portfolio_totals){.realized = p->realized,
                               .fees = p->fees,
                               .unrealized = p->unrealized,
                               .cost = p->cost,
                               .profit = now,
                               .peak = p->peak,
                               .drawdown = difference(p->peak, now),
                               .max_drawdown = p->max_drawdown,
                               .contracts = p->contracts,
                               .traded = p->traded,
                               .fills = p->fills,
                               .open = p->open};
}

/* ---- life ---- */

kl_portfolio *kl_portfolio_new(void) {
  kl_portfolio *p = calloc(1, sizeof *p);
  if (!p) return NULL;
  kl_list_init(&p->all);
  p->markets = kl_map_new();
  if (p->markets) return p;
  free(p);
  return NULL;
}

void kl_portfolio_free(kl_portfolio *p) {
  if (!p) return;
  for (kl_list *n = p->all.next, *next; n != &p->all; n = next) {
    next = n->next;
    forget(p, KL_CONTAINER(n, entry, link));
  }
  size_t cursor = 0, n;
  const char *ticker;
  void *m;
  while (kl_map_next(p->markets, &cursor, &ticker, &n, &m))
    free(m);
  kl_map_free(p->markets);
  free(p);
}
