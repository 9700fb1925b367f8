/* Parties, markets and what is reserved for orders: the door of risk.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trading/risk_impl.h"

/* Every fill is rounded against whoever trades, and what is rounded off comes back in whole cents. */
enum { ROUNDING = KL_MONEY_ONE / 100 };

/* ---- parties ---- */

kl_risk *kl_risk_new(void) {
  kl_risk *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  kl_purse_init(&r->purse);
  r->day = 1; /* before any that will be told */
  r->by_ticker = kl_map_new();
  r->events_by_ticker = kl_map_new();
  if (r->by_ticker && r->events_by_ticker) kl_risk_add_party(r, "account");
  if (r->n_parties == 1) return r;
  kl_risk_free(r);
  return NULL;
}

static void free_party(const kl_risk *r, kl_risk_party *p) {
  for (uint32_t i = 0; p->cells && i < r->n_markets; i++) {
    if (!p->cells[i]) continue;
    free(p->cells[i]->levels[KL_BID].v);
    free(p->cells[i]->levels[KL_ASK].v);
    free(p->cells[i]);
  }
  for (uint32_t i = 0; p->parts && i < r->n_events; i++) {
    if (p->parts[i]) free(p->parts[i]->more);
    free(p->parts[i]);
  }
  free(p->cells);
  free(p->parts);
  free(p);
}

void kl_risk_free(kl_risk *r) {
  if (!r) return;
  for (uint32_t i = 0; i < r->n_parties; i++)
    free_party(r, r->parties[i]);
  free(r->parties);
  free(r->markets);
  free(r->events);
  kl_map_free(r->by_ticker);
  kl_map_free(r->events_by_ticker);
  free(r);
}

/* The array with room for one more; NULL when out of memory. */
static void *grown(void *v, uint32_t n, uint32_t *cap, size_t size) {
  if (n < *cap) return v;
  uint32_t more = *cap ? *cap * 2 : 16;
  void *larger = realloc(v, more * size);
  if (larger) *cap = more;
  return larger;
}

uint32_t kl_risk_add_party(kl_risk *r, const char *name) {
  kl_risk_party **parties = grown(r->parties, r->n_parties, &r->cap_parties, sizeof(kl_risk_party *));
  if (!parties) return 0;
  r->parties = parties;
  kl_risk_party *p = calloc(1, sizeof *p);
  if (!p) return 0;
  snprintf(p->name, sizeof p->name, "%s", name);
  p->refused_by = KL_LIMITS;
  parties[r->n_parties] = p;
  return r->n_parties++;
}

static void put_in_force(kl_risk_party *p) {
  p->effective = p->configured;
  kl_limits_tighten(&p->effective, &p->wish);
}

void kl_risk_configure(kl_risk *r, uint32_t party, const kl_limit_values *configured) {
  kl_risk_party *p = r->parties[party];
  p->configured = *configured;
  put_in_force(p);
}

void kl_risk_configured(const kl_risk *r, uint32_t party, kl_limit_values *out) {
  *out = r->parties[party]->configured;
}

bool kl_risk_tighten(kl_risk *r, uint32_t party, const kl_limit_values *wish, kl_error *e) {
  kl_risk_party *p = r->parties[party];
  if (!kl_limits_wish(&p->configured, &p->wish, wish, e)) return false;
  put_in_force(p);
  return true;
}

void kl_risk_wish(const kl_risk *r, uint32_t party, kl_limit_values *out) { *out = r->parties[party]->wish; }

void kl_risk_set_wish(kl_risk *r, uint32_t party, const kl_limit_values *wish) {
  r->parties[party]->wish = *wish;
  put_in_force(r->parties[party]);
}

void kl_risk_effective(const kl_risk *r, uint32_t party, kl_limit_values *out) { *out = r->parties[party]->effective; }

uint32_t kl_risk_needs(const kl_risk *r, uint32_t party) {
  return r->parties[party]->effective.set | r->parties[KL_RISK_ACCOUNT]->effective.set;
}

/* ---- markets ---- */

/* Makes the arrays of all parties as long as the new capacity. */
static bool lengthen(kl_risk *r, uint32_t from, uint32_t to, bool events) {
  for (uint32_t i = 0; i < r->n_parties; i++) {
    void **v = events ? (void **)r->parties[i]->parts : (void **)r->parties[i]->cells;
    if (!v) continue;
    void **longer = realloc(v, to * sizeof *longer);
    if (!longer) return false;
    memset(longer + from, 0, (to - from) * sizeof *longer);
    if (events)
      r->parties[i]->parts = (kl_risk_event_part **)longer;
    else
      r->parties[i]->cells = (kl_risk_cell **)longer;
  }
  return true;
}

uint32_t kl_risk_market(kl_risk *r, const char *ticker) {
  size_t n = strlen(ticker);
  uintptr_t found = (uintptr_t)kl_map_get(r->by_ticker, ticker, n);
  if (found) return (uint32_t)(found - 1);
  uint32_t cap = r->cap_markets;
  kl_risk_market_row *markets = grown(r->markets, r->n_markets, &cap, sizeof *markets);
  if (!markets) return UINT32_MAX;
  r->markets = markets;
  if (cap != r->cap_markets && !lengthen(r, r->cap_markets, cap, false)) return UINT32_MAX;
  r->cap_markets = cap;
  kl_risk_market_row *m = &markets[r->n_markets];
  *m = (kl_risk_market_row){.event = KL_RISK_NONE, .fee_type = KL_FEE_QUADRATIC, .fee_multiplier_ppm = KL_MONEY_ONE};
  snprintf(m->ticker, sizeof m->ticker, "%s", ticker);
  if (!kl_map_set(r->by_ticker, ticker, n, (void *)(uintptr_t)(r->n_markets + 1))) return UINT32_MAX;
  return r->n_markets++;
}

static uint32_t event_of(kl_risk *r, const char *ticker, bool exclusive) {
  size_t n = strlen(ticker);
  uintptr_t found = (uintptr_t)kl_map_get(r->events_by_ticker, ticker, n);
  if (found) return (uint32_t)(found - 1);
  uint32_t cap = r->cap_events;
  kl_risk_event *events = grown(r->events, r->n_events, &cap, sizeof *events);
  if (!events) return KL_RISK_NONE;
  r->events = events;
  if (cap != r->cap_events && !lengthen(r, r->cap_events, cap, true)) return KL_RISK_NONE;
  r->cap_events = cap;
  kl_risk_event *e = &events[r->n_events];
  *e = (kl_risk_event){.exclusive = exclusive};
  snprintf(e->ticker, sizeof e->ticker, "%s", ticker);
  if (!kl_map_set(r->events_by_ticker, ticker, n, (void *)(uintptr_t)(r->n_events + 1))) return KL_RISK_NONE;
  return r->n_events++;
}

/* All parties' parts of the market go from its event to another. */
static bool move(kl_risk *r, uint32_t market, uint32_t event, uint32_t slot) {
  kl_risk_market_row *m = &r->markets[market];
  for (uint32_t i = 0; i < r->n_parties; i++)
    kl_risk_cell_out(r, r->parties[i], market);
  m->event = event;
  m->slot = slot;
  bool ok = true;
  for (uint32_t i = 0; i < r->n_parties; i++)
    if (!kl_risk_cell_in(r, r->parties[i], market)) ok = false;
  return ok;
}

bool kl_risk_market_event(kl_risk *r, uint32_t market, const char *event_ticker, bool exclusive) {
  uint32_t event = event_of(r, event_ticker, exclusive);
  if (event == KL_RISK_NONE) return false;
  kl_risk_event *e = &r->events[event];
  if (e->exclusive != exclusive) {
    e->exclusive = exclusive;
    for (uint32_t i = 0; i < r->n_parties; i++)
      kl_risk_part_changed(r, r->parties[i], event);
  }
  if (r->markets[market].event == event) return true;
  uint32_t slot = e->n_markets++;
  if (move(r, market, event, slot)) return true;
  move(r, market, KL_RISK_NONE, 0); /* alone, which takes no memory */
  return false;
}

void kl_risk_market_fees(kl_risk *r, uint32_t market, kl_fee_type type, int64_t multiplier_ppm) {
  r->markets[market].fee_type = type;
  r->markets[market].fee_multiplier_ppm = multiplier_ppm;
}

/* ---- reservations ---- */

/* Who is concerned: the party, and the account unless it is the same. */
static int concerned(kl_risk *r, uint32_t party, kl_risk_party *out[2]) {
  out[0] = r->parties[party];
  out[1] = r->parties[KL_RISK_ACCOUNT];
  return party == KL_RISK_ACCOUNT ? 1 : 2;
}

/* The cells are there and have room for a price more: kl_risk's parts of what may need memory. */
static bool prepare(kl_risk *r, uint32_t party, uint32_t market, kl_side side) {
  kl_risk_party *who[2];
  int n = concerned(r, party, who);
  for (int i = 0; i < n; i++) {
    kl_risk_cell *c = kl_risk_cell_of(r, who[i], market);
    if (!c || !kl_risk_levels_reserve(&c->levels[side])) return false;
  }
  return true;
}

/* From `before` contracts at one own price to `after` at another; there is room. */
static void reserve(kl_risk *r, uint32_t party, uint32_t market, kl_side side, kl_price own_before, kl_count before,
                    kl_price own_after, kl_count after) {
  kl_risk_party *who[2];
  int n = concerned(r, party, who);
  for (int i = 0; i < n; i++) {
    kl_risk_cell *c = kl_risk_cell_get(who[i], market);
    if (own_before == own_after) {
      if (after != before) kl_risk_levels_add(&c->levels[side], own_after, after - before);
    } else {
      if (after > 0) kl_risk_levels_add(&c->levels[side], own_after, after);
      if (before > 0) kl_risk_levels_add(&c->levels[side], own_before, -before);
    }
    c->reserved[side] += after - before;
    c->reserved_cost[side] += own_after * after - own_before * before;
    kl_risk_cell_changed(r, who[i], market, c);
  }
}

/* What an order for so many contracts, which are reserved, may take from the balance: those that close cost nothing. */
static kl_money hold_of(const kl_risk *r, uint32_t market, kl_side side, kl_price yes, kl_count opening) {
  const kl_risk_market_row *m = &r->markets[market];
  if (opening <= 0) return 0;
  return kl_risk_own(side, yes) * opening + kl_fee_trade(m->fee_type, m->fee_multiplier_ppm, true, yes, opening) +
         ROUNDING;
}

static bool no_memory(kl_error *e) {
  kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
  return false;
}

static void count_refusal(kl_risk *r, kl_risk_party *p, kl_risk_party *by) {
  p->refused++;
  p->refused_by = by->refused_by;
  kl_risk_party *account = r->parties[KL_RISK_ACCOUNT];
  if (p == account) return;
  account->refused++;
  account->refused_by = by->refused_by;
}

static bool check_balance(kl_risk *r, kl_risk_party *p, const kl_risk_ask *a, kl_money more, kl_error *e) {
  if (!(p->effective.set >> KL_LIMIT_MIN_BALANCE & 1) || more <= 0) return true;
  return kl_risk_check_balance(r, p, a, kl_purse_left(&r->purse) - more, e);
}

/* Reserves what is asked for unless a limit refuses it. `own`, `count`: what is reserved then. */
static bool reserve_checked(kl_risk *r, kl_risk_slot *s, const kl_risk_ask *a, kl_price own, kl_count count,
                            kl_error *e) {
  kl_risk_party *who[2];
  kl_risk_before before[2];
  int n = concerned(r, s->party, who), failed = -1;
  for (int i = 0; i < n; i++)
    kl_risk_cell_ahead(r, who[i], a->market);
  for (int i = 0; i < n && failed < 0; i++)
    if (!kl_risk_check_order(r, who[i], a, e)) failed = i;
  if (failed >= 0) {
    count_refusal(r, who[0], who[failed]);
    return false;
  }
  if (!prepare(r, s->party, a->market, a->side)) return no_memory(e);
  kl_risk_cell *all = kl_risk_cell_get(r->parties[KL_RISK_ACCOUNT], a->market);
  if (all->reserved[a->side] + count - a->old_count > KL_RISK_COUNT_MAX) {
    kl_error_coded(e, KL_ERR_VALIDATION, "count_out_of_range", "so many contracts of %s cannot be counted",
                   r->markets[a->market].ticker);
    return false;
  }
  for (int i = 0; i < n; i++)
    kl_risk_before_get(r, who[i], a, &before[i]);
  reserve(r, s->party, a->market, a->side, a->old_own, a->old_count, own, count);
  kl_price yes = kl_risk_own(a->side, own);
  kl_money hold = hold_of(r, a->market, a->side, yes, kl_risk_opening(all, a->side, count));
  for (int i = 0; i < n && failed < 0; i++)
    if (!kl_risk_check_reserved(r, who[i], a, &before[i], e) || !check_balance(r, who[i], a, hold - s->hold, e))
      failed = i;
  if (failed >= 0) {
    reserve(r, s->party, a->market, a->side, own, count, a->old_own, a->old_count);
    count_refusal(r, who[0], who[failed]);
    return false;
  }
  for (int i = 0; i < n; i++) {
    kl_risk_rate_add(&who[i]->orders, 1);
    if (a->count > a->old_count) kl_risk_rate_add(&who[i]->contracts, a->count - a->old_count);
  }
  kl_purse_hold(&r->purse, s, hold);
  s->price = yes;
  s->left = count;
  return true;
}

static bool valid(kl_price yes, kl_count count, kl_error *e) {
  if (yes > 0 && yes < KL_PRICE_ONE && count > 0 && count <= KL_RISK_COUNT_MAX) return true;
  kl_error_coded(e, KL_ERR_VALIDATION, "count_out_of_range", "%s",
                 count <= 0                  ? "an order is for more than nothing"
                 : count > KL_RISK_COUNT_MAX ? "so many contracts cannot be counted"
                                             : "a price is more than 0 and less than 1");
  return false;
}

static void opened(kl_risk *r, kl_risk_slot *s) {
  kl_risk_party *who[2];
  int n = concerned(r, s->party, who);
  s->open = true;
  for (int i = 0; i < n; i++)
    who[i]->open++;
}

bool kl_risk_admit(kl_risk *r, uint32_t party, uint32_t market, kl_side side, kl_price yes_price, kl_count count,
                   const kl_risk_view *view, int64_t now_ns, kl_risk_slot *slot, kl_error *e) {
  kl_risk_time(r, now_ns);
  if (!valid(yes_price, count, e)) return false;
  kl_risk_slot s = {.party = party, .market = market, .side = side};
  kl_risk_ask a = {.market = market,
                   .side = side,
                   .yes = yes_price,
                   .own = kl_risk_own(side, yes_price),
                   .count = count,
                   .fresh = true,
                   .view = view,
                   .now_ns = now_ns};
  a.old_own = a.own;
  if (!reserve_checked(r, &s, &a, a.own, count, e)) return false;
  *slot = s;
  opened(r, slot);
  return true;
}

bool kl_risk_admit_change(kl_risk *r, kl_risk_slot *slot, kl_price yes_price, kl_count left, const kl_risk_view *view,
                          int64_t now_ns, kl_error *e) {
  kl_risk_time(r, now_ns);
  if (!valid(yes_price, left, e)) return false;
  if (!slot->open) {
    kl_error_set(e, KL_ERR_VALIDATION, "the order has ended");
    return false;
  }
  kl_risk_ask a = {.market = slot->market,
                   .side = slot->side,
                   .yes = yes_price,
                   .own = kl_risk_own(slot->side, yes_price),
                   .count = left,
                   .old_own = kl_risk_own(slot->side, slot->price),
                   .old_count = slot->left,
                   .view = view,
                   .now_ns = now_ns};
  if (a.own <= a.old_own && left <= slot->left) {
    kl_risk_party *who[2];
    int n = concerned(r, slot->party, who);
    for (int i = 0; i < n; i++) {
      kl_risk_rate_now(&who[i]->orders, now_ns);
      kl_risk_rate_add(&who[i]->orders, 1);
    }
    return true;
  }
  return reserve_checked(r, slot, &a, a.own > a.old_own ? a.own : a.old_own, left > slot->left ? left : slot->left, e);
}

/* Counts and prices of the outside, as far as can be counted. */
static kl_count countable(kl_count n) { return n < 0 ? 0 : n > KL_RISK_COUNT_MAX ? KL_RISK_COUNT_MAX : n; }
static kl_price payable(kl_price p) { return p < 0 ? 0 : p > KL_PRICE_ONE ? KL_PRICE_ONE : p; }

bool kl_risk_adopt(kl_risk *r, uint32_t party, uint32_t market, kl_side side, kl_price yes_price, kl_count left,
                   kl_risk_slot *slot) {
  kl_price yes = payable(yes_price), own = kl_risk_own(side, yes);
  if (left < 0 || left > KL_RISK_COUNT_MAX || !prepare(r, party, market, side)) return false;
  kl_risk_cell *all = kl_risk_cell_get(r->parties[KL_RISK_ACCOUNT], market);
  if (all->reserved[side] + left > KL_RISK_COUNT_MAX) return false;
  reserve(r, party, market, side, own, 0, own, left);
  *slot = (kl_risk_slot){.party = party,
                         .market = market,
                         .side = side,
                         .price = yes,
                         .left = left,
                         .hold = hold_of(r, market, side, yes, kl_risk_opening(all, side, left))};
  opened(r, slot);
  return true;
}

void kl_risk_time(kl_risk *r, int64_t now_ns) {
  if (now_ns > r->now_ns) r->now_ns = now_ns;
}

void kl_risk_restate(kl_risk *r, kl_risk_slot *slot, kl_price yes_price, kl_count left) {
  if (!slot->open) return;
  kl_price yes = payable(yes_price);
  kl_count n = countable(left), room = KL_RISK_COUNT_MAX;
  room -= kl_risk_cell_get(r->parties[KL_RISK_ACCOUNT], slot->market)->reserved[slot->side] - slot->left;
  if (n > room) n = room > 0 ? room : 0;
  if (!prepare(r, slot->party, slot->market, slot->side)) yes = slot->price; /* as it was reserved */
  reserve(r, slot->party, slot->market, slot->side, kl_risk_own(slot->side, slot->price), slot->left,
          kl_risk_own(slot->side, yes), n);
  slot->price = yes;
  slot->left = n;
  kl_purse_shrink(&r->purse, slot, hold_of(r, slot->market, slot->side, yes, n));
}

void kl_risk_set(kl_risk *r, kl_risk_slot *slot, kl_price yes_price, kl_count left) {
  if (!slot->open) return;
  kl_purse_tell(&r->purse, slot, r->now_ns);
  kl_risk_restate(r, slot, yes_price, left);
}

/* A day's first fill of an order makes it a trade of that day. */
static void count_trade(kl_risk *r, kl_risk_slot *s) {
  if (s->traded_day == r->day) return;
  kl_risk_party *who[2];
  int n = concerned(r, s->party, who);
  s->traded_day = r->day;
  for (int i = 0; i < n; i++) {
    who[i]->trades_today++;
    if (s->open) who[i]->traded_open++;
  }
}

void kl_risk_fill(kl_risk *r, kl_risk_slot *slot, kl_price yes_price, kl_count count, kl_money fee) {
  kl_price yes = payable(yes_price), own = kl_risk_own(slot->side, slot->price);
  kl_count filled = countable(count), reserved = slot->open && filled > slot->left ? slot->left : filled;
  if (!slot->open) reserved = 0;
  if (filled == 0) return;
  count_trade(r, slot);
  kl_risk_party *who[2];
  int n = concerned(r, slot->party, who);
  kl_money cost = 0;
  for (int i = 0; i < n; i++) {
    kl_risk_cell *c = kl_risk_cell_of(r, who[i], slot->market);
    if (!c) continue; /* it was there when the order was admitted */
    kl_count shut = slot->side == KL_BID ? -c->position : c->position;
    cost = kl_risk_own(slot->side, yes) * (shut <= 0 ? filled : shut < filled ? filled - shut : 0);
    if (reserved > 0) kl_risk_levels_add(&c->levels[slot->side], own, -reserved);
    c->reserved[slot->side] -= reserved;
    c->reserved_cost[slot->side] -= own * reserved;
    kl_risk_cell_fill(c, slot->side, yes, filled);
    kl_risk_cell_changed(r, who[i], slot->market, c);
  }
  kl_purse_spend(&r->purse, slot, reserved,
                 cost + (fee < 0                  ? 0
                         : fee > KL_RISK_COST_MAX ? KL_RISK_COST_MAX
                                                  : fee),
                 r->now_ns);
  slot->left -= reserved;
}

void kl_risk_release(kl_risk *r, kl_risk_slot *slot) {
  if (!slot->open) return;
  kl_price own = kl_risk_own(slot->side, slot->price);
  reserve(r, slot->party, slot->market, slot->side, own, slot->left, own, 0);
  kl_purse_shrink(&r->purse, slot, 0);
  kl_risk_party *who[2];
  int n = concerned(r, slot->party, who);
  for (int i = 0; i < n; i++) {
    who[i]->open--;
    if (slot->traded_day == r->day) who[i]->traded_open--;
  }
  slot->left = 0;
  slot->open = false;
}

/* ---- what the outside tells ---- */

void kl_risk_position(kl_risk *r, uint32_t party, uint32_t market, kl_count position, kl_money cost) {
  kl_risk_party *p = r->parties[party];
  if (position == 0 && !kl_risk_cell_get(p, market)) return;
  kl_risk_cell *c = kl_risk_cell_of(r, p, market);
  if (!c) return;
  c->position = position < 0 ? -countable(position == INT64_MIN ? INT64_MAX : -position) : countable(position);
  c->cost = position == 0 || cost < 0 ? 0 : cost > KL_RISK_COST_MAX ? KL_RISK_COST_MAX : cost;
  kl_risk_cell_changed(r, p, market, c);
}

void kl_risk_money(kl_risk *r, kl_money balance, kl_money portfolio_value, int64_t asked_ns) {
  kl_purse_balance(&r->purse, balance, portfolio_value, asked_ns);
}

/* The first that is told of a later day begins it for all. */
static void begin_day(kl_risk *r, int64_t day) {
  if (day <= r->day) return;
  r->day = day;
  for (uint32_t i = 0; i < r->n_parties; i++) {
    kl_risk_party *p = r->parties[i];
    p->trades_today = p->traded_open = 0;
    p->profit_today = p->forgiven = 0;
    p->breached = false;
  }
}

bool kl_risk_profit(kl_risk *r, uint32_t party, int64_t day, kl_money profit) {
  begin_day(r, day);
  kl_risk_party *p = r->parties[party];
  if (day != r->day) return false;
  p->profit_today = profit;
  bool breach = p->effective.set >> KL_LIMIT_DAILY_LOSS & 1 &&
                (kl_wide)p->forgiven - profit > p->effective.value[KL_LIMIT_DAILY_LOSS];
  bool first = breach && !p->breached;
  if (breach) p->breached = true;
  return first;
}

void kl_risk_forgive(kl_risk *r, uint32_t party, int64_t day, kl_money profit) {
  begin_day(r, day);
  if (day != r->day) return;
  r->parties[party]->forgiven = profit < 0 ? profit : 0;
  r->parties[party]->breached = false;
}

void kl_risk_trades(kl_risk *r, uint32_t party, int64_t day, uint32_t trades) {
  begin_day(r, day);
  if (day == r->day) r->parties[party]->trades_today = trades;
}

void kl_risk_state_get(const kl_risk *r, uint32_t party, kl_risk_state *out) {
  const kl_risk_party *p = r->parties[party];
  *out = (kl_risk_state){.exposure = kl_narrow(p->exposure),
                         .open_orders = p->open,
                         .trades_today = p->trades_today,
                         .profit_today = p->profit_today,
                         .refused = p->refused,
                         .refused_by = p->refused_by};
}

kl_money kl_risk_event_exposure(const kl_risk *r, uint32_t party, uint32_t market) {
  return kl_risk_event_loss(r, r->parties[party], market);
}
