/* The inside of risk*.c. */
#ifndef KL_RISK_IMPL_H
#define KL_RISK_IMPL_H

#include "base/map.h"
#include "trading/risk.h"

/* Contracts that one order, or all reservations in one market, may be for: the cost of them, and sums of that over all
 * markets of an account (128 bits), are then far from their ends. In 1/100 contract. */
#define KL_RISK_COUNT_MAX INT64_C(10000000000000)
#define KL_RISK_COST_MAX (KL_RISK_COUNT_MAX * KL_PRICE_ONE)
#define KL_RISK_NONE UINT32_MAX

typedef __int128 kl_wide;
static inline int64_t kl_narrow(kl_wide v) {
  return v > INT64_MAX ? INT64_MAX : v < INT64_MIN ? INT64_MIN : (int64_t)v;
}

/* ---- risk_levels.c: what is reserved on one side, by price ---- */

typedef struct kl_risk_level {
  kl_price own; /* what a contract costs: of a bid the YES price, of an ask one dollar minus it */
  kl_count count;
} kl_risk_level;
/* Sorted, the dearest last. */
typedef struct kl_risk_levels {
  kl_risk_level *v;
  uint32_t n, cap;
} kl_risk_levels;

bool kl_risk_levels_reserve(kl_risk_levels *l); /* room for one more; false when out of memory */
/* There is room for one more. `delta` negative takes off what is there. */
void kl_risk_levels_add(kl_risk_levels *l, kl_price own, kl_count delta);
/* What the `count` dearest contracts of `all` cost, which cost `all_cost` together. */
kl_money kl_risk_levels_dearest(const kl_risk_levels *l, kl_count count, kl_count all, kl_money all_cost);
static inline kl_price kl_risk_levels_best(const kl_risk_levels *l) { return l->n ? l->v[l->n - 1].own : 0; }

static inline kl_price kl_risk_own(kl_side side, kl_price yes) { return side == KL_BID ? yes : KL_PRICE_ONE - yes; }

/* ---- risk_exposure.c: what may be lost ---- */

/* A party's part of a market: two lines of the cache. */
typedef struct kl_risk_cell {
  kl_count position; /* + YES, - NO */
  kl_money cost;     /* of the open position, at average cost */
  kl_count reserved[2];
  kl_money reserved_cost[2];
  kl_risk_levels levels[2];
  kl_money at_no, at_yes; /* the loss at worst when the market settles so; negative: a gain */
} kl_risk_cell;

/* A party's part of an event. */
typedef struct kl_risk_event_part {
  kl_wide at_no;    /* the sum of its markets' */
  kl_wide worst;    /* the sum of the worse of both of each market, where that is a loss */
  kl_money *more;   /* a tree of maxima: leaf `slot` is at_yes - at_no of that market */
  uint32_t leaves;  /* a power of two */
  kl_money counted; /* what it adds to the party's exposure */
} kl_risk_event_part;

typedef struct kl_risk_event {
  char ticker[64];
  bool exclusive;
  uint32_t n_markets;
} kl_risk_event;

typedef struct kl_risk_market_row {
  char ticker[64];
  uint32_t event, slot; /* KL_RISK_NONE: not known; its place in the event */
  kl_fee_type fee_type;
  int64_t fee_multiplier_ppm;
} kl_risk_market_row;

/* ---- risk_rate.c: what happened within a second ---- */

enum { KL_RATE_SLOTS = 101, KL_RATE_SLOT_NS = 10000000 };
typedef struct kl_risk_rate {
  int64_t slot; /* the newest, in slots since the clock began */
  int64_t sum;
  int64_t in[KL_RATE_SLOTS];
} kl_risk_rate;
/* Moves on to now; the sum is what was counted within the last second, and up to 10 ms before. */
int64_t kl_risk_rate_now(kl_risk_rate *r, int64_t now_ns);
void kl_risk_rate_add(kl_risk_rate *r, int64_t amount);

/* ---- risk_money.c: what the balance does not show yet ---- */

/* Told at about the same time. */
typedef struct kl_risk_told {
  int64_t first_ns, last_ns;
  kl_wide sum;
} kl_risk_told;
enum { KL_TOLD_CAP = 256 };
typedef struct kl_risk_purse {
  bool known;
  kl_money balance, portfolio_value;
  kl_wide pending;                /* of orders that the exchange has not told of */
  kl_wide told;                   /* the sum of the ring */
  kl_risk_told ring[KL_TOLD_CAP]; /* number n at n % KL_TOLD_CAP */
  uint64_t first, next;           /* the numbers that are in it, from 1 */
} kl_risk_purse;

void kl_purse_init(kl_risk_purse *p);
void kl_purse_balance(kl_risk_purse *p, kl_money balance, kl_money portfolio_value, int64_t asked_ns);
static inline kl_wide kl_purse_left(const kl_risk_purse *p) { return (kl_wide)p->balance - p->pending - p->told; }
/* The slot may take up to `hold` in all; what that is more than before is not settled. */
void kl_purse_hold(kl_risk_purse *p, kl_risk_slot *s, kl_money hold);
/* The exchange has told of the slot. */
void kl_purse_tell(kl_risk_purse *p, kl_risk_slot *s, int64_t now_ns);
/* `count` of what the slot has left were filled, at that cost: what was held for them is spent, and more where they
 * cost more. */
void kl_purse_spend(kl_risk_purse *p, kl_risk_slot *s, kl_count count, kl_money cost, int64_t now_ns);
/* It takes no more than `hold`. */
void kl_purse_shrink(kl_risk_purse *p, kl_risk_slot *s, kl_money hold);

/* ---- all of it ---- */

typedef struct kl_risk_party {
  char name[64];
  kl_limit_values configured, wish, effective;
  kl_risk_cell **cells;       /* by market; NULL: nothing there */
  kl_risk_event_part **parts; /* by event */
  kl_wide exposure;
  uint32_t open;         /* slots */
  uint32_t traded_open;  /* of these, counted among today's trades */
  uint32_t trades_today; /* orders */
  kl_money profit_today;
  kl_money forgiven; /* profit (a loss) at which a person let it go on */
  bool breached;     /* and told */
  kl_risk_rate orders, contracts;
  uint64_t refused;
  kl_limit refused_by;
} kl_risk_party;

struct kl_risk {
  kl_map *by_ticker, *events_by_ticker; /* to the number + 1 */
  kl_risk_market_row *markets;
  kl_risk_event *events;
  kl_risk_party **parties;
  uint32_t n_markets, cap_markets, n_events, cap_events, n_parties, cap_parties;
  kl_risk_purse purse;
  int64_t now_ns;
  int64_t day; /* that all counts of the day are of */
};

/* Found or made; NULL when out of memory. The event's part, too. */
kl_risk_cell *kl_risk_cell_of(kl_risk *r, kl_risk_party *p, uint32_t market);
static inline kl_risk_cell *kl_risk_cell_get(const kl_risk_party *p, uint32_t market) {
  return p->cells ? p->cells[market] : NULL;
}
/* What a check of an order there looks at is on its way into the caches: with many markets it has left them, and would
 * be waited for piece by piece. */
void kl_risk_cell_ahead(const kl_risk *r, const kl_risk_party *p, uint32_t market);
/* Its position, cost or reservations have changed: what may be lost is computed anew. */
void kl_risk_cell_changed(kl_risk *r, kl_risk_party *p, uint32_t market, kl_risk_cell *c);
/* Takes the cell out of all sums, or back in: around a change of its market's event. */
void kl_risk_cell_out(kl_risk *r, kl_risk_party *p, uint32_t market);
bool kl_risk_cell_in(kl_risk *r, kl_risk_party *p, uint32_t market); /* false when out of memory */
/* The event's exclusivity has changed. */
void kl_risk_part_changed(kl_risk *r, kl_risk_party *p, uint32_t event);
kl_money kl_risk_cell_exposure(const kl_risk_cell *c);
/* Of the market's event, or of the market alone where that is not known. */
kl_money kl_risk_event_loss(const kl_risk *r, const kl_risk_party *p, uint32_t market);
/* At average cost, as the exchange counts. */
void kl_risk_cell_fill(kl_risk_cell *c, kl_side side, kl_price yes, kl_count count);

/* risk_limits.c: without zeros at the end. */
size_t kl_risk_format(char *out, size_t cap, int64_t v, int places);

/* ---- risk_check.c ---- */

/* What an order, or a change of one, asks for. */
typedef struct kl_risk_ask {
  uint32_t market;
  kl_side side;
  kl_price yes, own;
  kl_count count; /* wanted; of a change what is to be left */
  bool fresh;     /* a new order */
  kl_price old_own;
  kl_count old_count; /* 0 */
  const kl_risk_view *view;
  int64_t now_ns;
} kl_risk_ask;

/* What was at risk before it was reserved. */
typedef struct kl_risk_before {
  kl_count worst_position;
  kl_money market, event;
  kl_wide all;
} kl_risk_before;

/* What does not depend on the reservation. */
bool kl_risk_check_order(kl_risk *r, kl_risk_party *p, const kl_risk_ask *a, kl_error *e);
void kl_risk_before_get(const kl_risk *r, const kl_risk_party *p, const kl_risk_ask *a, kl_risk_before *out);
/* With it reserved. */
bool kl_risk_check_reserved(kl_risk *r, kl_risk_party *p, const kl_risk_ask *a, const kl_risk_before *b, kl_error *e);
/* `left` of the balance would be left. */
bool kl_risk_check_balance(kl_risk *r, kl_risk_party *p, const kl_risk_ask *a, kl_wide left, kl_error *e);
/* Contracts of `count`, which are among the reserved, that would open a position. */
kl_count kl_risk_opening(const kl_risk_cell *c, kl_side side, kl_count count);

#endif
