/* The fill model of paper trading: own orders in an exchange of our own (exchange/exchange.h) among everybody else's
 * orders, as the live book and the live trades of another exchange show them. docs/paper.md, "How orders are filled",
 * has the rules in words. Pure: no I/O, no clock of its own, one thread; only what was told by `now_us` is used.
 *
 * The others' orders are orders of two users of the model: the crowd, whose orders rest and stand at each live level in
 * front of and behind own ones as they came, and the taker, who trades what the live exchange prints. The queue, fees,
 * self-trade prevention, post-only, expiry, groups and everything else are the engine's.
 *
 * What the live data cannot tell is decided in three views. The estimate is the exchange that the model was made for,
 * and what a script sees. The pessimistic and the optimistic view are two more exchanges with the same markets and the
 * same own commands:
 *
 *                                   pessimistic             estimate                optimistic
 *   a level falls without a trade   those behind us left    in proportion           those in front left
 *   a live order crosses ours       fills once it has       fills at once           fills at once
 *                                   stood for `linger_us`
 *                                   or trades
 *   what we took from a level       until the level has     the first to be         after `forget_us`, or as soon
 *   is gone                         fallen below it         canceled there          as the level changes by as much
 *   those whose place we took       stay until the level    the first to be         leave at once
 *   in a trade                      has emptied             canceled there
 *   a trade took the last that      no more than it         no more than it         as much again
 *   others had at our price
 *   our cancel or amend comes while was not traded          was not traded          was traded before it came
 *   it is open what a level lost
 *   others at better prices than    met first where own     met first where own     not met
 *   a trade, says a late book       orders stand, too       orders stand, too
 *
 * So the estimate and the pessimistic view never fill more at rest than has traded at our price or through it, and what
 * crossed; and nobody takes more than live shows. Only the optimistic view goes beyond that, and only in the fifth
 * line: an immediate order that emptied the level may have wanted more, which no feed shows.
 *
 * What the bounds are bounds of: the same commands at the same times. A command that a view cannot do (the cancel of
 * what has filled there) does nothing there, and an order that has filled in the estimate rests on in the pessimistic
 * view until it fills, expires, or its owner's next command for it. So for each order fills are ordered: pessimistic <=
 * estimate <= optimistic as long as the earlier orders left the views with the same book. For the profit of a strategy
 * that decides by its fills (it sells because it has bought) no replay of its commands is a strict bound: `stranded`
 * says how many contracts rest in a view whose order has ended in the estimate, and as long as it is small beside
 * `contracts` the bounds mean what they say. Positions differ, so reduce-only closes in each view what is open there.
 * Money does not: in the two bounds an account has as much as it needs, so that a view never refuses an order for money
 * that the estimate had.
 *
 * The others' orders are brought into the engines late: at a level where own orders stand at once, elsewhere before an
 * own command. So kl_mirror_before is to be called before each of them and before the book of a market is read.
 */
#ifndef KL_SIM_MIRROR_H
#define KL_SIM_MIRROR_H

#include "exchange/exchange.h"

typedef struct kl_mirror kl_mirror;

typedef enum { KL_VIEW_ESTIMATE, KL_VIEW_PESSIMISTIC, KL_VIEW_OPTIMISTIC } kl_mirror_view;
enum { KL_VIEWS = 3 };
const char *kl_mirror_view_name(kl_mirror_view v); /* "estimate" "pessimistic" "optimistic" */

typedef struct kl_mirror_options {
  uint64_t seed;              /* of ids in the two bounds */
  kl_money balance_precision; /* as that of the exchange; kl_exchange_options */
  int64_t window_us;          /* a trade and the level that it changed arrive within this, in either order; 0: 250 ms */
  int64_t linger_us; /* pessimistic: a live order that crosses ours must stand for so long; 0: 250 ms. The latency that
                        orders are delayed by is a good value. */
  int64_t forget_us; /* optimistic: what we took is there again after this; 0: 1 s */
} kl_mirror_options;

/* A model over `x`, which must outlive it. Adds two users to x, and users of x are own ones unless they are these.
 * NULL: out of memory. */
kl_mirror *kl_mirror_new(kl_exchange *x, const kl_mirror_options *o);
void kl_mirror_free(kl_mirror *m); /* takes NULL; x is left as it is */
/* Whether the user of x stands for others: the crowd or the taker. */
bool kl_mirror_is_other(const kl_mirror *m, uint32_t user);
/* The exchange of a view, for tests and for reading; that of the estimate is x. */
kl_exchange *kl_mirror_exchange(const kl_mirror *m, kl_mirror_view v);

/* ---- the live exchange, as it is told ---- Unknown tickers are ignored: false or nothing. */

/* A market as live, with its event and series: as kl_exchange_add_series, _event and _market take them, but the links
 * between them, which are made by ticker. `market->status` is the live one (and `market->settlement` its result, from
 * KL_MARKET_DETERMINED on). What is there already is brought up to date: status, close time, fees (of the series, or
 * the event's own), price bands and their name, strikes. False: out of memory, or a ticker or bands that the engine
 * refuses; what was there stays. */
typedef struct kl_mirror_market_info {
  const kl_series *series;
  const kl_market_event *event;
  const kl_market *market;
} kl_mirror_market_info;
bool kl_mirror_market(kl_mirror *m, int64_t now_us, const kl_mirror_market_info *i);
bool kl_mirror_has(const kl_mirror *m, const char *ticker);

typedef struct kl_mirror_rung {
  kl_price price; /* own price of the side, as on the wire */
  kl_count count;
} kl_mirror_rung;
/* The live book, by kl_outcome; the first one, and after each gap. It ends staleness. What is less than before, and was
 * not traded, was canceled. A market is stale until its first snapshot. */
void kl_mirror_snapshot(kl_mirror *m, int64_t now_us, const char *ticker, const kl_mirror_rung *const levels[2],
                        const size_t n[2]);
/* The level at the own price of `side` changed by `delta`. Ignored while the book is stale. */
void kl_mirror_level(kl_mirror *m, int64_t now_us, const char *ticker, kl_outcome side, kl_price own, kl_count delta);
/* A trade of the live book; not block trades, which fill nobody. `trade_id` (NULL or "": not known): told again within
 * the window, it is ignored. */
void kl_mirror_trade(kl_mirror *m, int64_t now_us, const char *ticker, kl_price yes, kl_count count, kl_side taker,
                     const char *trade_id);
/* The book cannot be relied on: own orders take nothing and post-only ones cannot cross; what rests keeps the place
 * that it had, and fills by trades only. False alone ends it where the book goes on without a gap. */
void kl_mirror_stale(kl_mirror *m, int64_t now_us, const char *ticker, bool stale);
/* Inactive and active again, closed, determined (`settlement`: the value of YES), amended, finalized, in all views.
 * Steps that were not told are made up for. Steps back are ignored, but for a close that was moved. */
void kl_mirror_status(kl_mirror *m, int64_t now_us, const char *ticker, kl_market_status s, kl_price settlement);
/* kl_exchange_set_pause in all views. */
void kl_mirror_pause(kl_mirror *m, int64_t now_us, int shard, kl_pause pause, int64_t resume_us);
/* Ends windows; to be called every 50 ms or so. */
void kl_mirror_time(kl_mirror *m, int64_t now_us);
/* Whether all its markets are finalized and paid, in all views. */
bool kl_mirror_retirable(const kl_mirror *m, const char *event_ticker);
/* kl_exchange_retire_event in all views; totals keep what its markets earned. False: unknown, or not settled. */
bool kl_mirror_retire(kl_mirror *m, int64_t now_us, const char *event_ticker);

/* ---- own commands ---- done on x by whoever has it, and told here at once, with the same `now_us`. */

/* Before any own command in the market (create, amend, cancel, decrease), and before its book in x is read: brings the
 * others' orders up to date. NULL: in all markets where something is not. */
void kl_mirror_before(kl_mirror *m, int64_t now_us, const char *ticker);
/* After kl_exchange_create that ended with KL_X_OK: `o` is out->order. */
void kl_mirror_created(kl_mirror *m, int64_t now_us, const kl_order_request *r, const kl_order *o);
/* After kl_exchange_amend that ended with KL_X_OK. */
void kl_mirror_amended(kl_mirror *m, int64_t now_us, const kl_amend_request *r, const kl_order *o);
/* After kl_exchange_cancel and for each order that kl_exchange_cancel_all ended; also from the sink's `order`, for a
 * canceled order whose reason is KL_REASON_CANCEL. Told twice it does nothing. */
void kl_mirror_canceled(kl_mirror *m, int64_t now_us, const kl_order *o);
/* After kl_exchange_decrease that ended with KL_X_OK. */
void kl_mirror_decreased(kl_mirror *m, int64_t now_us, const kl_order *o);
/* After a change of an order group, in the words of the sink's `group`, from which it may be called: "created",
 * "limit_updated", "triggered", "reset", "deleted". A group that fills triggered in x is triggered in all views, since
 * its owner acts on it. */
void kl_mirror_group(kl_mirror *m, int64_t now_us, const kl_order_group *g, const char *event_type);

/* ---- what came of it ---- */

typedef struct kl_mirror_total {
  uint64_t fills;
  kl_count contracts;         /* of them */
  kl_count maker_contracts;   /* of these, filled at rest */
  kl_money fees;              /* paid, net */
  kl_money realized;          /* profit of what was closed and settled, without fees */
  kl_money cost, value;       /* of what is open: paid, and by the middle of the live book, or its last trade */
  kl_money profit;            /* realized + value - cost - fees */
  kl_count open;              /* contracts of positions, long and short added up */
  kl_count resting, stranded; /* contracts of own orders that rest, and those whose order has ended in the estimate */
  kl_count position;          /* of a market: + YES, - NO; 0 over several */
} kl_mirror_total;
/* Of a user of x over all markets (`ticker` NULL) or in one; zeros for what is unknown. */
void kl_mirror_totals(kl_mirror *m, kl_mirror_view v, uint32_t user, const char *ticker, kl_mirror_total *out);

/* What was told and what was done with it; for diagnostics and tests. */
typedef struct kl_mirror_counts {
  uint64_t levels, trades, snapshots, repeated_trades;
  uint64_t explained, canceled; /* falls of levels near own orders: by a trade, and not */
  uint64_t unseen_trades;       /* trades near own orders whose level never fell */
  uint64_t refused;             /* orders of others that the engine did not take: prices off the grid, no memory */
  uint64_t unfollowed;          /* own commands that a bound could not do */
} kl_mirror_counts;
void kl_mirror_counted(const kl_mirror *m, kl_mirror_counts *out);
/* Whether the others' orders in all views are the live book, less what own orders took, in a market that
 * kl_mirror_before was just called for. NULL: they are; else what is not. For tests. */
const char *kl_mirror_audit(const kl_mirror *m, const char *ticker);

#endif
