/* Risk limits: whether an order may be sent, given all that is held, rests, or is on its way. A pure library: no I/O,
 * no clock of its own (`now_ns` is passed in), a check allocates nothing (a reservation may: the first of a party in a
 * market, and a price that no order of it had). Contracts are reserved when an order is admitted and go over to the
 * position with each fill, so that whatever arrives in whatever order, what may be held at worst is never more than a
 * limit.
 *
 * How things are counted (docs/risk.md says it for users):
 * - Loss at worst of a market, for an outcome: what the open position cost (average cost) less what it would be paid,
 *   after those of the orders were filled that make it worse. Contracts that close a position come first and cost
 *   nothing, at worst the dearest are the ones that open. What has been realized is no part of it; nor are fees.
 * - Of an event whose markets exclude each other: the worst over "this market settles at YES, all others at NO", for
 *   each of its markets, and "all at NO". Of any other: the sum over its markets of the worse of both. Of a market
 *   whose event is not known: its own. Never below zero, and summed over all events for max_exposure.
 * - A limit of exposure refuses only what makes the exposure larger. So contracts that close a position are never
 *   refused by max_position, max_market_exposure, max_market_share and max_order_cost, and by the limits of events and
 *   of everything only where they protect others of their event.
 * - Filling, canceling and changing back never make any of these larger. */
#ifndef KL_RISK_H
#define KL_RISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/units.h"
#include "exchange/exchange.h"

/* Units: counts 1/100 contract, money 1e-6 dollar, prices 1e-4 dollar, shares parts per million, times ms, others
 * plain. */
typedef enum {
  KL_LIMIT_ORDER_COUNT,     /* max_order_count: contracts of one order */
  KL_LIMIT_ORDER_COST,      /* max_order_cost: dollars of one order */
  KL_LIMIT_POSITION,        /* max_position: contracts in one market, with all that rests */
  KL_LIMIT_MARKET_EXPOSURE, /* max_market_exposure: dollars that one market may lose at worst */
  KL_LIMIT_EVENT_EXPOSURE,  /* max_event_exposure: dollars that an event may lose at worst over its outcomes */
  KL_LIMIT_EXPOSURE,        /* max_exposure: dollars that everything may lose at worst */
  KL_LIMIT_MARKET_SHARE,    /* max_market_share: exposure of one market, in percent of equity */
  KL_LIMIT_OPEN_ORDERS,     /* max_open_orders: orders that rest or are on their way */
  KL_LIMIT_ORDER_RATE,      /* max_orders_per_second */
  KL_LIMIT_CONTRACT_RATE,   /* max_contracts_per_second */
  KL_LIMIT_DAILY_LOSS,      /* max_daily_loss: dollars; a breach is a breaker */
  KL_LIMIT_DAILY_TRADES,    /* max_daily_trades: orders of today that filled or may still fill */
  KL_LIMIT_MIN_BALANCE,     /* min_balance: dollars that must be left */
  KL_LIMIT_PRICE_DISTANCE,  /* max_price_distance: dollars from the middle of the book */
  KL_LIMIT_BOOK_AGE,        /* max_book_age: seconds since the book was known to be right */
  KL_LIMIT_CLOCK_SKEW,      /* max_clock_skew: seconds between the exchange's clock and ours */
  KL_LIMIT_SELF_CROSS,      /* self_cross: false (0) refuses to cross an own resting order of any script */
  KL_LIMITS
} kl_limit;

typedef struct kl_limit_values {
  uint32_t set; /* a bit each */
  int64_t value[KL_LIMITS];
} kl_limit_values;

/* In the order of kl_limit. */
typedef struct kl_limit_info {
  const char *name; /* of flags, kalua.lua and Lua: "max_position" */
  const char *unit; /* "contracts", "dollars", "percent", "orders", "seconds", … */
  int places;       /* of the integer: value = number * 10^places */
  bool least;       /* it is a floor: tighter is larger */
  const char *help;
} kl_limit_info;
extern const kl_limit_info kl_limit_table[KL_LIMITS];

/* "max_position=100" or several with commas, into `out`; of a limit that is there already the later counts. False with
 * `e` (kind "config"), which names what there is or the nearest to a wrong name; `out` is then as it was. */
bool kl_limits_parse(const char *text, kl_limit_values *out, kl_error *e);
/* The limit of that name; KL_LIMITS with `e` (kind "config") when there is none. */
kl_limit kl_limit_find(const char *name, size_t n, kl_error *e);
/* A number as people write it (dollars, contracts, seconds, percent; self_cross 0 or 1). False with `e`. */
bool kl_limits_set(kl_limit_values *v, kl_limit l, double number, kl_error *e);
/* The value as a number; as text with its unit, "100 contracts", which is returned. */
double kl_limit_number(kl_limit l, int64_t value);
enum { KL_LIMIT_TEXT_CAP = 48 };
const char *kl_limit_text(kl_limit l, int64_t value, char out[KL_LIMIT_TEXT_CAP]);
/* Whichever of the two is tighter, of each. */
void kl_limits_tighten(kl_limit_values *v, const kl_limit_values *by);
/* Of the limits in `by`, the first that would be wider than in `v`; KL_LIMITS: none is. */
kl_limit kl_limits_wider(const kl_limit_values *v, const kl_limit_values *by);

/* `more` is asked for by a script that is bound by `configured` and has asked for `wish` before: added to that. False
 * with `e` (kind "validation") when one of them would be wider than what is in force; then nothing is changed. */
bool kl_limits_wish(const kl_limit_values *configured, kl_limit_values *wish, const kl_limit_values *more, kl_error *e);

typedef struct kl_risk kl_risk;

enum { KL_RISK_ACCOUNT = 0 }; /* the party that stands for all together; others are from 1 */

kl_risk *kl_risk_new(void); /* NULL when out of memory */
void kl_risk_free(kl_risk *r);
/* A further party; 0 when out of memory. */
uint32_t kl_risk_add_party(kl_risk *r, const char *name);
/* `configured` is the bound of all later tightening. */
void kl_risk_configure(kl_risk *r, uint32_t party, const kl_limit_values *configured);
void kl_risk_configured(const kl_risk *r, uint32_t party, kl_limit_values *out);
/* A script's own wish, effective together with what is configured and what it wished before, as kl_limits_wish. */
bool kl_risk_tighten(kl_risk *r, uint32_t party, const kl_limit_values *wish, kl_error *e);
/* What was wished; another version takes over with its own. A zeroed one is none. */
void kl_risk_wish(const kl_risk *r, uint32_t party, kl_limit_values *out);
void kl_risk_set_wish(kl_risk *r, uint32_t party, const kl_limit_values *wish);
void kl_risk_effective(const kl_risk *r, uint32_t party, kl_limit_values *out);
/* Which limits any party has, a bit each: the desk asks what the check will need (book, balance, the market's event).
 */
uint32_t kl_risk_needs(const kl_risk *r, uint32_t party);

/* The number of a market; UINT32_MAX when out of memory. Its event is known once kl_risk_market_event was called. */
uint32_t kl_risk_market(kl_risk *r, const char *ticker);
/* `exclusive`: at most one market of the event settles at YES. */
bool kl_risk_market_event(kl_risk *r, uint32_t market, const char *event_ticker, bool exclusive);
/* What trades there cost; the exchange's usual schedule until told. */
void kl_risk_market_fees(kl_risk *r, uint32_t market, kl_fee_type type, int64_t multiplier_ppm);

/* What is reserved for one order; zeroed is nothing. Owned by whoever owns the order. */
typedef struct kl_risk_slot {
  bool open;
  uint32_t party, market;
  kl_side side;
  kl_price price;      /* the worse one, while a change is on its way */
  kl_count left;       /* that may still be filled: what fills have not yet been told of */
  int64_t traded_day;  /* counted among that day's trades; 0: not yet */
  kl_money hold;       /* what it may still take from the balance, at worst */
  kl_money unsettled;  /* of that, what the balance as told may not show yet */
  uint64_t settled_by; /* a balance asked for after this has it; 0: the exchange has not told of it */
} kl_risk_slot;

/* What the check has to know of the outside. */
typedef struct kl_risk_view {
  bool has_book;
  kl_price bid, ask; /* of YES; bid 0, ask KL_PRICE_ONE where a side is empty */
  int64_t book_age_ms;
  bool has_skew;
  int64_t skew_ms;
} kl_risk_view;

/* Checks an order of `party` and of the account, and reserves it in `slot` when it may be sent. False with `e`: kind
 * "risk", code the limit's name, and a message with the numbers. Under 1 us. A bid for YES at yes_price, an ask of YES
 * at it; no price, no contracts or more than can be counted are kind "validation". */
bool kl_risk_admit(kl_risk *r, uint32_t party, uint32_t market, kl_side side, kl_price yes_price, kl_count count,
                   const kl_risk_view *view, int64_t now_ns, kl_risk_slot *slot, kl_error *e);
/* It is to be changed to this price and so many left: reserves the worse of both. What neither pays more nor is for
 * more contracts is never refused, and counts as an order of this second all the same. */
bool kl_risk_admit_change(kl_risk *r, kl_risk_slot *slot, kl_price yes_price, kl_count left, const kl_risk_view *view,
                          int64_t now_ns, kl_error *e);
/* An order that is there already (of an earlier run, of another program): reserves without a check. False when out of
 * memory or when contracts are beyond counting. It is taken that the
 * balance shows it. */
bool kl_risk_adopt(kl_risk *r, uint32_t party, uint32_t market, kl_side side, kl_price yes_price, kl_count left,
                   kl_risk_slot *slot);
/* The time from now on, monotonic as in kl_risk_admit: what is told next (set, fill, release) is told at that time, and
 * balances that were asked for later show it. */
void kl_risk_time(kl_risk *r, int64_t now_ns);
/* The exchange has told: what is left and at which price is known again, no change is on its way. */
void kl_risk_set(kl_risk *r, kl_risk_slot *slot, kl_price yes_price, kl_count left);
/* The same of what the exchange takes nothing from the balance for yet: a quote. */
void kl_risk_restate(kl_risk *r, kl_risk_slot *slot, kl_price yes_price, kl_count left);
/* `count` of it were filled at that price: from the reservation to the position, of the party and of the account. */
void kl_risk_fill(kl_risk *r, kl_risk_slot *slot, kl_price yes_price, kl_count count, kl_money fee);
/* Nothing of it can fill any more. Harmless when repeated. */
void kl_risk_release(kl_risk *r, kl_risk_slot *slot);
/* Contracts that no slot accounts for: other programs, settlements, a first load. Absolute. */
void kl_risk_position(kl_risk *r, uint32_t party, uint32_t market, kl_count position, kl_money cost);
/* Of the account, as it was told last; monotonic time at which it was asked for. */
void kl_risk_money(kl_risk *r, kl_money balance, kl_money portfolio_value, int64_t asked_ns);
/* Profit of the day (realized, unrealized, fees taken off); the first trades and fills of a day begin anew with
 * `day`. True when that is a breach of max_daily_loss that was none before. */
bool kl_risk_profit(kl_risk *r, uint32_t party, int64_t day, kl_money profit);
/* A person lets it go on after a breach: the day's loss is counted from that profit on. */
void kl_risk_forgive(kl_risk *r, uint32_t party, int64_t day, kl_money profit);
void kl_risk_trades(kl_risk *r, uint32_t party, int64_t day, uint32_t trades);

/* What could be lost at worst, for status lines and kalshi.limits. */
typedef struct kl_risk_state {
  kl_money exposure; /* all */
  uint32_t open_orders, trades_today;
  kl_money profit_today;
  uint64_t refused;    /* orders, ever */
  kl_limit refused_by; /* the last one; KL_LIMITS: none yet */
} kl_risk_state;
void kl_risk_state_get(const kl_risk *r, uint32_t party, kl_risk_state *out);
kl_money kl_risk_event_exposure(const kl_risk *r, uint32_t party, uint32_t market);

#endif
