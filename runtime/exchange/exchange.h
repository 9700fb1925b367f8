/* A matching engine for yes/no contracts as a pure library: orders, queue, fills, fees, balances, positions. No I/O, no
 * threads, no clock of its own (`now_us` is passed in), and the same calls give the same results. Rules: Kalshi's
 * guides on orders, fees, order direction and market lifecycle; where they are silent the header says what was chosen.
 */
#ifndef KL_EXCHANGE_H
#define KL_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/units.h"

typedef struct kl_exchange kl_exchange;

typedef char kl_uuid[37]; /* 36 characters and NUL */

/* Matching engines of their own behind one set of doors (`exchange_index` 0 to 3): an account has money on each, an
 * event and its markets are on the one of their series, and money of one shard does not pay for orders on another. */
enum { KL_EXCHANGE_SHARDS = 4, KL_ALL_SHARDS = -1 };

typedef enum { KL_TIF_GTC, KL_TIF_IOC, KL_TIF_FOK } kl_tif;
typedef enum { KL_STP_TAKER_AT_CROSS, KL_STP_MAKER } kl_stp;
typedef enum { KL_ORDER_RESTING, KL_ORDER_CANCELED, KL_ORDER_EXECUTED } kl_order_status;
typedef enum {
  KL_REASON_NONE,
  KL_REASON_TRADE,
  KL_REASON_DECREASE,
  KL_REASON_AMEND,
  KL_REASON_SELF_TRADE,
  KL_REASON_EXPIRY,
  KL_REASON_CLOSE,
  KL_REASON_HALT,
  KL_REASON_POST_ONLY_CROSS,
  KL_REASON_REDUCE_ONLY,
  KL_REASON_CANCEL, /* by its owner; the wire has no word for it */
  KL_REASON_GROUP   /* its order group was triggered or deleted; no word for it either */
} kl_update_reason;
/* The wire's word ("Trade", "SelfTradeCancel", …); NULL for NONE, CANCEL and GROUP. */
const char *kl_update_reason_name(kl_update_reason r);

typedef enum {
  KL_MARKET_INITIALIZED,
  KL_MARKET_ACTIVE,
  KL_MARKET_INACTIVE,
  KL_MARKET_CLOSED,
  KL_MARKET_DETERMINED,
  KL_MARKET_DISPUTED,
  KL_MARKET_AMENDED,
  KL_MARKET_FINALIZED
} kl_market_status;
const char *kl_market_status_name(kl_market_status s);

typedef enum { KL_FEE_QUADRATIC, KL_FEE_QUADRATIC_MAKER, KL_FEE_QUADRATIC_COMBO_MAKER, KL_FEE_FLAT } kl_fee_type;

/* What trades cost. */
typedef struct kl_fee_schedule {
  kl_fee_type type;
  int64_t multiplier_ppm; /* 1,000,000 is 1 */
} kl_fee_schedule;

/* A band of the price grid: start <= p <= end is valid when (p - start) is a multiple of step. */
typedef struct kl_price_band {
  kl_price start, end, step;
} kl_price_band;

/* How a request ended; kl_exchange_error_code gives the wire's code. */
typedef enum {
  KL_X_OK,
  KL_X_NOT_FOUND,
  KL_X_INVALID_PRICE,
  KL_X_INVALID_SIZE,
  KL_X_POST_ONLY_CROSS,
  KL_X_INSUFFICIENT_BALANCE,
  KL_X_MARKET_INACTIVE,
  KL_X_EXISTS,          /* client_order_id was used before, ever, by this user */
  KL_X_SIDE_MISMATCH,   /* amend */
  KL_X_TICKER_MISMATCH, /* amend */
  KL_X_ID_MISMATCH,     /* amend: client_order_id is another order's */
  KL_X_INVALID_PARAMETERS,
  KL_X_EXPIRED, /* expiration_time not in the future */
  KL_X_PAUSED,  /* trading pause */
  KL_X_EXCHANGE_PAUSED,
  KL_X_GROUP_NOT_FOUND, /* order_group_id: no such group of this user, subaccount and shard */
  KL_X_GROUP_TRIGGERED, /* it takes no orders until it is reset */
  KL_X_TOO_MANY_GROUPS,
  KL_X_TOO_MANY_ORDERS,
  KL_X_NO_SUBACCOUNT, /* never opened on that shard */
  KL_X_LOCKED,        /* the subaccount is */
  KL_X_NOMEM
} kl_exchange_result;
const char *kl_exchange_error_code(kl_exchange_result r);    /* "insufficient_balance" */
const char *kl_exchange_error_message(kl_exchange_result r); /* "insufficient balance" */
const char *kl_exchange_error_details(kl_exchange_result r); /* "post only cross" or NULL */

typedef struct kl_series {
  char ticker[32];
  char title[96];
  char category[48];
  char frequency[24];
  kl_fee_type fee_type;
  int64_t fee_multiplier_ppm; /* 1,000,000 is 1 */
  kl_count volume;
  int exchange_index; /* the shard of its events and markets */
} kl_series;

typedef struct kl_market_event {
  char ticker[48];
  char title[160];
  char sub_title[96];
  const kl_series *series;
  bool mutually_exclusive;
  /* What replaces the type and the multiplier of the series' fees. */
  bool has_fee_type, has_fee_multiplier;
  kl_fee_type fee_type;
  int64_t fee_multiplier_ppm;
  /* Kept by the exchange: its markets in order of creation, and its own numbers. */
  struct kl_market **markets;
  size_t n_markets, cap_markets;
  uint32_t index;  /* a small number, used again when the event is forgotten */
  uint64_t serial; /* 0, 1, … in order of creation */
  uint64_t number; /* in saved.h */
} kl_market_event;

/* A part of a combo: the outcome of another market. */
typedef struct kl_leg {
  struct kl_market *market;
  kl_outcome side;
} kl_leg;

typedef struct kl_market {
  char ticker[64];
  kl_uuid id;
  char title[160];
  char yes_sub_title[64];
  char no_sub_title[64];
  char rules[256];
  char strike_type[24]; /* "greater", "between", "custom", … */
  bool has_floor, has_cap;
  double floor_strike, cap_strike; /* metadata only */
  kl_market_event *event;
  const kl_leg *legs;     /* of a combo: YES when all of them come true; borrowed for as long as the exchange lives */
  size_t n_legs;          /* 0: it is none */
  const char *collection; /* of a combo: what it was made in; borrowed likewise */
  kl_market_status status;
  char price_structure[40]; /* a label */
  kl_price_band bands[4];
  int n_bands;
  int64_t created_us, open_us, close_us, expected_expiration_us, latest_expiration_us;
  int settlement_timer_s;
  kl_price last_price; /* 0: never traded */
  kl_price previous_price, previous_bid, previous_ask;
  kl_count last_size, volume, volume_24h, open_interest;
  kl_money dollar_volume, dollar_open_interest;
  kl_count volume_before, open_interest_before; /* of these, what the market came with */
  int64_t last_trade_us;
  int64_t updated_us;                /* of what is not trading: status, times, metadata */
  kl_price settlement;               /* of YES, once determined; -1 before */
  int64_t determined_us, settled_us; /* 0: not yet */
  int64_t settle_us;                 /* when the settlement timer ends; 0: none runs */
  int exchange_index;                /* that of the series, filled in */
  uint32_t index;                    /* a small number, used again when the market is forgotten */
  uint64_t serial;                   /* 0, 1, … in order of creation */
  void *priv;                        /* the engine's book */
} kl_market;

typedef struct kl_order {
  kl_uuid id;
  char client_order_id[65];
  uint32_t user;
  kl_market *market;
  kl_side side;
  kl_price price; /* YES price */
  kl_count initial, filled, remaining;
  kl_tif tif;
  kl_stp stp;
  bool post_only, reduce_only, cancel_on_pause;
  bool behind; /* ranks last at its price, whatever its time */
  bool quoter; /* of a market maker whose quote was accepted */
  int subaccount;
  kl_uuid order_group_id; /* "": none */
  int64_t expiration_us;  /* 0: none */
  kl_order_status status;
  kl_update_reason reason; /* of the last update */
  int64_t created_us, updated_us;
  kl_money taker_cost, maker_cost; /* own price * count: a bid pays the YES price, an ask one dollar minus it */
  kl_money taker_fees, maker_fees;
  uint64_t seq; /* order of arrival; a lost queue place gets a new one */
  void *priv;
} kl_order;

typedef struct kl_trade {
  kl_uuid id;
  const kl_market *market;
  kl_price yes_price;
  kl_count count;
  kl_side taker_side;
  bool block; /* agreed outside the book */
  int64_t ts_us;
  uint64_t number; /* grows with time; filled in when it is kept */
} kl_trade;

typedef struct kl_fill {
  const kl_order *order;
  const kl_market *market;
  kl_price yes_price;
  kl_count count;
  kl_money fee; /* net: trade fee + rounding - rebate */
  kl_count post_position;
  int64_t ts_us;
  uint32_t user;
  int subaccount;
  kl_side side;
  bool is_taker;
  bool taker_fee; /* paid the taker's fee: is_taker, but for what kl_order_request.quoter says */
  kl_uuid trade_id;
  kl_uuid order_id;
  uint64_t number; /* grows with time; filled in when it is kept */
} kl_fill;

typedef struct kl_position {
  const kl_market *market;
  kl_count position; /* + YES, - NO */
  kl_money cost;     /* of the open position */
  kl_money realized; /* without fees */
  kl_money fees;
  kl_money position_fees; /* of the open position */
  kl_money traded;        /* spent on opening, ever */
  kl_count volume;
  int64_t updated_us;
} kl_position;

/* A position that was paid out. */
typedef struct kl_settlement {
  const kl_market *market;
  int subaccount;
  kl_count yes_count, no_count; /* one of them is zero */
  kl_money yes_cost, no_cost;
  kl_money revenue; /* whole cents */
  kl_money fees;    /* of the position, with what the rounding of a scalar payout left */
  int64_t settled_us;
  uint64_t number; /* grows with time; filled in when it is kept */
} kl_settlement;

/* Orders that are watched together: when more than `limit` contracts of them fill within 15 seconds, those that rest
 * are canceled and new ones refused until the group is reset. Source: Kalshi, "Order groups". */
typedef struct kl_order_group {
  kl_uuid id;
  uint32_t user;
  int subaccount, shard;
  kl_count limit;
  bool triggered;
  int64_t created_us;
  int64_t counted_from_us; /* of the last reset: fills up to then do not count */
} kl_order_group;

/* What happened, told in order while a call runs. Any may be NULL. Pointers are valid during the call. The sink must
 * not change the exchange. A match tells: level, trade, fill of the maker, fill of the taker, order of the maker,
 * positions of both. The taker's order is told once, after its matches, and then its level if it rests. Opening and
 * closing by time are not told, as on the wire. */
typedef struct kl_exchange_sink {
  void *data;
  /* A level changed by `delta`. `side` KL_YES: bids at `price`; KL_NO: the NO price of an ask. `by` is the order
   * whose contracts came or went. */
  void (*level)(void *data, const kl_market *m, kl_outcome side, kl_price price, kl_count delta, const kl_order *by);
  void (*trade)(void *data, const kl_trade *t);
  void (*fill)(void *data, const kl_fill *f);
  void (*order)(void *data, const kl_order *o); /* created, changed or ended */
  void (*position)(void *data, uint32_t user, int subaccount, const kl_position *p);
  /* "created", "activated", "deactivated", "close_date_updated", "price_level_structure_updated", "metadata_updated",
   * "determined" (again when the result is amended), "settled"; and "disputed" and "dispute_rejected", for which the
   * wire has no message. */
  void (*market)(void *data, const kl_market *m, const char *event_type);
  void (*event)(void *data, const kl_market_event *e); /* added */
  /* "created", "limit_updated", "triggered", "reset", "deleted"; the orders that it cancels are told before. */
  void (*group)(void *data, const kl_order_group *g, const char *event_type);
  void (*fees)(void *data, const kl_market_event *e); /* its overrides changed */
} kl_exchange_sink;

typedef struct kl_exchange_options {
  uint64_t seed;              /* of order, trade and market ids */
  kl_money balance_precision; /* 100 (1e-4 dollar, direct members) or 10000 (a cent); 0: 10000 */
  size_t keep_trades;         /* over all markets; 0: 100,000 */
  size_t keep_market_trades;  /* of each market; 0: 10,000 */
  double speed;               /* settlement timers run so many times as fast; 0: 1 */
  bool journal;               /* notes what changes, for saved.h */
  kl_exchange_sink sink;
} kl_exchange_options;

kl_exchange *kl_exchange_new(const kl_exchange_options *o); /* NULL: out of memory, or no such precision */
void kl_exchange_free(kl_exchange *x);

/* Static data. The arguments are copied; the returned objects live as long as the exchange. NULL: out of memory, the
 * ticker exists, or there is no such shard. `m->event` and `e->series` must be of this exchange. */
kl_series *kl_exchange_add_series(kl_exchange *x, const kl_series *s);
kl_market_event *kl_exchange_add_event(kl_exchange *x, const kl_market_event *e);
kl_market *kl_exchange_add_market(kl_exchange *x, const kl_market *m); /* id, index, status by times are filled in */
/* Bands of a documented structure ("linear_cent", "deci_cent", …) into the market description; false if unknown. */
bool kl_price_structure(const char *name, kl_market *m);
bool kl_price_on_grid(const kl_market *m, kl_price p);
kl_price kl_price_snap(const kl_market *m, kl_price p); /* nearest valid price */

/* A user with `deposit` in subaccount 0 of every shard, at most ten billion dollars each; returns its number (0, 1, …)
 * or UINT32_MAX. */
uint32_t kl_exchange_add_user(kl_exchange *x, kl_money deposit);
const char *kl_exchange_user_id(const kl_exchange *x, uint32_t user); /* a UUID */
/* The balance of a subaccount on a shard (KL_ALL_SHARDS: on all together): what may be spent, so the collateral of
 * resting orders is taken off and what netting returned is in it. */
kl_money kl_exchange_balance(const kl_exchange *x, uint32_t user, int subaccount, int shard);
/* The collateral of its resting orders, with the maker fees set aside. */
kl_money kl_exchange_held(const kl_exchange *x, uint32_t user, int subaccount, int shard);
/* The part of it on the side of one market where it is largest. */
kl_money kl_exchange_held_most(const kl_exchange *x, uint32_t user, int subaccount, int shard);
/* Sum of positions at last price (or mid), for portfolio_value, less what netting returned of it already. */
kl_money kl_exchange_portfolio_value(const kl_exchange *x, uint32_t user, int subaccount, int shard);

/* ---- subaccounts ---- 0 is open on every shard; 1 to 63 have to be opened, on each shard by itself. */

/* KL_X_EXISTS when it is open. */
kl_exchange_result kl_exchange_open_subaccount(kl_exchange *x, uint32_t user, int subaccount, int shard);
bool kl_exchange_has_subaccount(const kl_exchange *x, uint32_t user, int subaccount, int shard);
/* Locked for a settlement advance: its resting orders are canceled, and nothing trades or moves until it is unlocked.
 * KL_X_EXISTS when it is as wanted. */
kl_exchange_result kl_exchange_lock_subaccount(kl_exchange *x, int64_t now_us, uint32_t user, int subaccount, int shard,
                                               bool locked);
bool kl_exchange_locked(const kl_exchange *x, uint32_t user, int subaccount, int shard);
/* Netting: of mutually exclusive markets at most one settles at YES, so NO in several of them is sure to pay, and with
 * netting that is returned to the balance at once (sum of the NO contracts less the largest of them, in dollars).
 * Contracts that resting orders would close are left out of the sum. Turning it off takes back what was returned:
 * KL_X_INSUFFICIENT_BALANCE when the balance is less. Off until set. */
kl_exchange_result kl_exchange_set_netting(kl_exchange *x, uint32_t user, int subaccount, int shard, bool on);
bool kl_exchange_netting(const kl_exchange *x, uint32_t user, int subaccount, int shard);
/* What it returned, over all events. */
kl_money kl_exchange_returned(const kl_exchange *x, uint32_t user, int subaccount, int shard);

/* ---- moving money ---- KL_X_INSUFFICIENT_BALANCE when the balance is less than `amount` (> 0). Not in an exchange
 * pause of the shard. */

/* Between two subaccounts of one shard. */
kl_exchange_result kl_exchange_transfer(kl_exchange *x, uint32_t user, int shard, int from, int to, kl_money amount);
/* Out of an account and on its way to another shard, and the arrival of what was sent. */
kl_exchange_result kl_exchange_send(kl_exchange *x, uint32_t user, int subaccount, int shard, kl_money amount);
kl_exchange_result kl_exchange_arrive(kl_exchange *x, uint32_t user, int subaccount, int shard, kl_money amount);
/* What is on its way when a state that was kept is taken up again. */
void kl_exchange_set_transit(kl_exchange *x, kl_money amount);
/* From outside and back. */
kl_exchange_result kl_exchange_deposit(kl_exchange *x, uint32_t user, int subaccount, int shard, kl_money amount);
kl_exchange_result kl_exchange_withdraw(kl_exchange *x, uint32_t user, int subaccount, int shard, kl_money amount);

typedef struct kl_position_transfer {
  uint32_t user;
  int from, to;
  const char *ticker;
  kl_outcome side;
  kl_price price; /* of a contract of that side, 0 to one dollar: paid by `to`, and what it cost from then on */
  kl_count count;
} kl_position_transfer;
/* Moves contracts between two subaccounts of a user. KL_X_INVALID_SIZE when `from` does not have so many that no
 * resting order would close. */
kl_exchange_result kl_exchange_transfer_position(kl_exchange *x, int64_t now_us, const kl_position_transfer *t);
/* How many ended orders and fills of the user are kept. Forgets the fills kept so far. */
void kl_exchange_keep(kl_exchange *x, uint32_t user, size_t orders, size_t fills);

typedef struct kl_order_request {
  uint32_t user;
  const char *ticker;
  const char *client_order_id; /* NULL or "": none */
  kl_side side;
  kl_price price;
  kl_count count;
  kl_tif tif;
  kl_stp stp;
  bool post_only, reduce_only, cancel_on_pause;
  bool behind;           /* ranks last at its price: behind all others, later ones too, that do not. Of orders made by
                            requests for quote: Kalshi, "Requests for quote" */
  bool quoter;           /* of the maker of a quote: hitting an order of the last five seconds in a series with combo
                            maker fees, it pays the maker's fee and that order the taker's. Kalshi, changelog, August
                            2026 */
  int64_t expiration_us; /* 0: none */
  int subaccount;        /* 0 to 63 */
  const char *order_group_id; /* NULL or "": none */
} kl_order_request;

/* What a create or amend did, beside the order itself. */
typedef struct kl_order_outcome {
  const kl_order *order; /* valid until the next call that changes the exchange */
  kl_count filled;       /* by this call */
  kl_count remaining;
  kl_money fill_cost; /* sum of yes price * count of these fills */
  kl_money fees;      /* of these fills */
  bool changed;       /* amend: anything changed */
} kl_order_outcome;

/* Places an order. Any other result than KL_X_OK means that nothing happened and no client_order_id was used up; `out`
 * may be NULL. KL_X_OK with a canceled order: the rest of an immediate-or-cancel, a fill-or-kill that could not be
 * filled, a stop at an own order, or what a reduce-only order had nothing left to close for.
 * Chosen where the guides are silent: the balance must cover the limit price of every contract that does not close the
 * position (whatever it would trade at), the fees of what trades at once, and, in series with maker fees, that of what
 * comes to rest; reduce_only goes only with immediate-or-cancel, post_only and an expiration only with
 * good-till-canceled. */
kl_exchange_result kl_exchange_create(kl_exchange *x, int64_t now_us, const kl_order_request *r, kl_order_outcome *out);
/* *reduced gets what was taken off; both results may be NULL. Works in a trading pause, not in an inactive market. */
kl_exchange_result kl_exchange_cancel(kl_exchange *x, int64_t now_us, uint32_t user, int subaccount,
                                      const char *order_id, kl_count *reduced, const kl_order **order);
typedef struct kl_amend_request {
  uint32_t user;
  int subaccount;
  const char *order_id;
  const char *ticker;
  kl_side side;
  kl_price price;
  kl_count count;                      /* total: filled + wanted remaining */
  const char *client_order_id;         /* must match if given */
  const char *updated_client_order_id; /* NULL: keeps it */
} kl_amend_request;
/* Keeps the queue place only when the size falls at the same price. A count not above what has filled is
 * KL_X_INVALID_SIZE. A post-only order that would cross ends with KL_REASON_POST_ONLY_CROSS and the result KL_X_OK. A
 * refused amend changes nothing. */
kl_exchange_result kl_exchange_amend(kl_exchange *x, int64_t now_us, const kl_amend_request *r, kl_order_outcome *out);
/* Exactly one of reduce_by (> 0) and reduce_to (>= 0); the other is -1. Keeps the queue place. To zero, or by more than
 * is left, cancels. Works in a trading pause. */
kl_exchange_result kl_exchange_decrease(kl_exchange *x, int64_t now_us, uint32_t user, int subaccount,
                                        const char *order_id, kl_count reduce_by, kl_count reduce_to,
                                        const kl_order **order);
/* Cancels the resting orders of the user (subaccount -1: all) but those in inactive markets and in an exchange pause;
 * returns how many. At most 10,000 a call, the oldest first, as Kalshi does: go on until none is left. */
size_t kl_exchange_cancel_all(kl_exchange *x, int64_t now_us, uint32_t user, int subaccount);

/* ---- trades that were agreed outside the book: cross.c ---- */

typedef struct kl_cross_party {
  uint32_t user;
  int subaccount;
  const char *client_order_id; /* NULL or "": none */
  bool rest_remainder;         /* execute_quote: what the book did not fill stays in it */
} kl_cross_party;

/* Whether the account could pay now for `count` contracts (0 to a billion) at `price` and the fee of that role;
 * contracts that close its position, and that no resting order counts on, cost nothing and pay for fees. */
bool kl_exchange_can_pay(const kl_exchange *x, uint32_t user, int subaccount, const kl_market *m, kl_side side,
                         kl_price price, kl_count count, bool taker);

typedef struct kl_block_trade {
  const char *ticker;
  kl_price price; /* of YES */
  kl_count count;
  kl_cross_party buyer, seller; /* of YES */
  kl_side maker;                /* whose fee is the maker's */
} kl_block_trade;

typedef struct kl_cross_outcome {
  kl_uuid orders[2]; /* by kl_side */
  kl_uuid trade_id;  /* block_trade */
  kl_count filled[2];
} kl_cross_outcome;

/* A trade between two users at an agreed price, past the book: told like any other trade but for the level, and flagged
 * `block`. Each side must be able to pay its price and fee; otherwise nothing happens. Source: Kalshi, block trade
 * proposals; that the price must be on the grid is chosen. */
kl_exchange_result kl_exchange_block_trade(kl_exchange *x, int64_t now_us, const kl_block_trade *t,
                                           kl_cross_outcome *out);

typedef struct kl_quote_trade {
  const char *ticker;
  kl_side quoter_side;
  kl_price price; /* of YES */
  kl_count count;
  kl_cross_party quoter, requester;
  bool post_only; /* of the quoter */
} kl_quote_trade;

/* Enters both orders of a confirmed quote into the public book, with the lowest time priority: the requester's first,
 * or the quoter's when it may not take. Each trades with what the book has for it, so the fill may be better than the
 * quote, or in part with others. What is left of an order is canceled unless its party lets it rest. Own orders in the
 * way are canceled. Any other result than KL_X_OK: neither order was entered, or (out->filled says so) the second could
 * not be paid after the first had traded. Source: Kalshi, "Requests for quote". */
kl_exchange_result kl_exchange_execute_quote(kl_exchange *x, int64_t now_us, const kl_quote_trade *t,
                                             kl_cross_outcome *out);

/* Time-driven work: expiry of orders, opening and closing of markets. Returns the time of the next such event, or
 * INT64_MAX. Every other call does it first for its own `now_us`. */
int64_t kl_exchange_tick(kl_exchange *x, int64_t now_us);

typedef enum {
  KL_RUNNING,
  KL_TRADING_PAUSE, /* no order is placed or amended; cancel and decrease work */
  KL_EXCHANGE_PAUSE /* nothing works, not even cancel */
} kl_pause;
/* Pauses a shard (KL_ALL_SHARDS: all), or lets it run again. Orders with cancel_on_pause go when the pause comes.
 * Expiry and closing go on. `resume_us` is when it is thought to end, 0: unknown; only shown. False: no such shard. */
bool kl_exchange_set_pause(kl_exchange *x, int64_t now_us, int shard, kl_pause pause, int64_t resume_us);
/* Of one shard; *resume_us may be NULL. */
kl_pause kl_exchange_pause_of(const kl_exchange *x, int shard, int64_t *resume_us);
/* A trading pause of all shards on or off. */
void kl_exchange_set_paused(kl_exchange *x, int64_t now_us, bool paused);
bool kl_exchange_paused(const kl_exchange *x); /* whether shard 0, the default, is in any pause */

/* ---- the life of a market ----
 * initialized -> active <-> inactive -> closed -> determined -> (disputed -> amended) -> finalized. Opening and closing
 * come with time, the rest by these calls. Each answers KL_X_INVALID_PARAMETERS where its arrow does not exist. */

/* Trading in the market stops, or goes on: then all orders that rested meanwhile are canceled. */
kl_exchange_result kl_exchange_set_active(kl_exchange *x, int64_t now_us, kl_market *m, bool active);
/* Moves the close. A time that is not in the future closes the market now; a later one reopens a closed market that is
 * not determined. */
kl_exchange_result kl_exchange_set_close(kl_exchange *x, int64_t now_us, kl_market *m, int64_t close_us);
/* Another price grid, by the name of a documented structure, or by `n` bands of its own when that is not 0. Orders that
 * rest stay where they are, also off the new grid, and may be made smaller there. KL_X_INVALID_PRICE: bad bands. */
kl_exchange_result kl_exchange_set_structure(kl_exchange *x, int64_t now_us, kl_market *m, const char *name,
                                             const kl_price_band *bands, int n);
typedef struct kl_market_metadata {
  const char *yes_sub_title; /* NULL: stays */
  const char *strike_type;   /* NULL: stays, and so do the strikes */
  bool has_floor, has_cap;
  double floor_strike, cap_strike;
} kl_market_metadata;
kl_exchange_result kl_exchange_set_metadata(kl_exchange *x, int64_t now_us, kl_market *m, const kl_market_metadata *d);
/* Determines a market at `yes_value` (0 to 10000), closing it first if need be: resting orders go, nothing is paid.
 * Where the market has a settlement timer it starts now, and the market settles by itself when it ends. */
kl_exchange_result kl_exchange_determine(kl_exchange *x, int64_t now_us, kl_market *m, kl_price yes_value);
/* Somebody doubts the result: the settlement timer stops. Only before the market is finalized. */
kl_exchange_result kl_exchange_dispute(kl_exchange *x, int64_t now_us, kl_market *m);
/* Another result before the market is finalized, disputed or not: it is amended, and the timer starts anew. The same
 * result rejects a dispute: the market is determined as before, with a new timer. */
kl_exchange_result kl_exchange_amend_result(kl_exchange *x, int64_t now_us, kl_market *m, kl_price yes_value);
/* Determines a market if it is not, and settles it at once at `yes_value`: positions are paid and the market is
 * finalized. KL_X_INVALID_PRICE where the result is another, KL_X_INVALID_PARAMETERS in a dispute. */
kl_exchange_result kl_exchange_settle(kl_exchange *x, int64_t now_us, kl_market *m, kl_price yes_value);

/* ---- order groups ---- */

/* A group of one user, subaccount and shard, as requests name it. */
typedef struct kl_group_key {
  uint32_t user;
  int subaccount, shard;
  const char *id;
} kl_group_key;

/* `limit` 1 to 1,000,000 contracts, also fractional; *out (may be NULL) lives until the group is deleted. A user has at
 * most 100,000. In an exchange pause of the shard none of these works. */
kl_exchange_result kl_exchange_group_create(kl_exchange *x, int64_t now_us, uint32_t user, int subaccount, int shard,
                                            kl_count limit, const kl_order_group **out);
/* Triggers at once when more has filled within the window. */
kl_exchange_result kl_exchange_group_set_limit(kl_exchange *x, int64_t now_us, const kl_group_key *k, kl_count limit);
/* Cancels its resting orders and refuses new ones, as the limit does. Does nothing when it is triggered. */
kl_exchange_result kl_exchange_group_trigger(kl_exchange *x, int64_t now_us, const kl_group_key *k);
/* Takes orders again, and counts from zero. */
kl_exchange_result kl_exchange_group_reset(kl_exchange *x, int64_t now_us, const kl_group_key *k);
/* Cancels its resting orders and forgets it. */
kl_exchange_result kl_exchange_group_delete(kl_exchange *x, int64_t now_us, const kl_group_key *k);
/* NULL: the user has none of that id. */
const kl_order_group *kl_exchange_group(const kl_exchange *x, uint32_t user, const char *id);
/* The groups of a user in order of creation: the one after `g`, the first for NULL; NULL at the end. */
const kl_order_group *kl_exchange_group_next(const kl_exchange *x, uint32_t user, const kl_order_group *g);
/* Its resting orders, oldest first, in the same way. */
const kl_order *kl_exchange_group_order_next(const kl_order_group *g, const kl_order *o);
/* Contracts that filled within the 15 seconds up to now. */
kl_count kl_exchange_group_volume(const kl_exchange *x, const kl_order_group *g);
/* Puts a group back as it was, after a restart: orders that name it and rest join it, and the fills that the exchange
 * keeps count. KL_X_EXISTS: there is one of this id. Tells nothing. */
kl_exchange_result kl_exchange_group_restore(kl_exchange *x, const kl_order_group *g);

/* Look-ups; NULL when unknown. */
kl_series *kl_exchange_series(const kl_exchange *x, const char *ticker);
kl_market_event *kl_exchange_event(const kl_exchange *x, const char *ticker);
kl_market *kl_exchange_market(const kl_exchange *x, const char *ticker);
const kl_order *kl_exchange_order(const kl_exchange *x, uint32_t user, const char *order_id);
size_t kl_exchange_series_count(const kl_exchange *x);
kl_series *kl_exchange_series_at(const kl_exchange *x, size_t i);
size_t kl_exchange_event_count(const kl_exchange *x);
kl_market_event *kl_exchange_event_at(const kl_exchange *x, size_t i);
size_t kl_exchange_market_count(const kl_exchange *x);
kl_market *kl_exchange_market_at(const kl_exchange *x, size_t i);
/* By kl_market.index; NULL when no market has it. */
kl_market *kl_exchange_market_by_index(const kl_exchange *x, uint32_t index);
/* Where the list goes on with what was made as number `serial` or later, for pages of a list that changes meanwhile. */
size_t kl_exchange_market_from(const kl_exchange *x, uint64_t serial);
size_t kl_exchange_event_from(const kl_exchange *x, uint64_t serial);

/* Whether all markets of the event are finalized and paid. */
bool kl_exchange_retirable(const kl_market_event *e);
/* Forgets an event with its markets, and their trades, orders, fills, settlements and positions; pointers to them are
 * dead afterwards. False, and nothing happened, unless it is retirable. */
bool kl_exchange_retire_event(kl_exchange *x, kl_market_event *e);

/* Lists of one user, newest first: the i-th, NULL past the end. Fills and trades are kept up to a bound (100,000 and,
 * per market, 10,000), the oldest go first; ended orders of a user likewise (100,000, let up to a quarter over). */
const kl_order *kl_exchange_order_at(const kl_exchange *x, uint32_t user, size_t i);
const kl_fill *kl_exchange_fill_at(const kl_exchange *x, uint32_t user, size_t i);
const kl_settlement *kl_exchange_settlement_at(const kl_exchange *x, uint32_t user, size_t i);
const kl_position *kl_exchange_position_at(const kl_exchange *x, uint32_t user, int subaccount,
                                           size_t i); /* of all shards, in any order */
/* Trades of a market (NULL: of all, kept 100,000), newest first. */
const kl_trade *kl_exchange_trade_at(const kl_exchange *x, const kl_market *m, size_t i);

/* Book: the i-th best level of a side (own prices: NO levels at their NO price); false past the end. */
bool kl_exchange_level(const kl_market *m, kl_outcome side, size_t i, kl_price *price, kl_count *count);
size_t kl_exchange_levels(const kl_market *m, kl_outcome side);
/* Calls `one` for the orders of a side as they would be filled, until it says false; it must change nothing. */
void kl_exchange_each_resting(const kl_market *m, kl_outcome side, bool (*one)(void *data, const kl_order *o),
                              void *data);
/* The same for the orders at one own price of a side; nothing where no order rests. */
void kl_exchange_each_at(const kl_market *m, kl_outcome side, kl_price own, bool (*one)(void *data, const kl_order *o),
                         void *data);
/* Best YES bid and ask with their sizes; price 0 / 10000 with size 0 when that side is empty. */
void kl_exchange_top(const kl_market *m, kl_price *bid, kl_count *bid_size, kl_price *ask, kl_count *ask_size);
/* Contracts ahead of a resting order at its price. */
kl_count kl_exchange_queue_position(const kl_exchange *x, const kl_order *o);

/* Fees. `fee` is the trade fee rounded up to 1e-4 dollar. Source: Kalshi fee rounding guide; taker 0.07 M C P (1-P),
 * maker a quarter of it where the series has maker fees (a half for combos). */
kl_money kl_fee_trade(kl_fee_type type, int64_t multiplier_ppm, bool taker, kl_price yes_price, kl_count count);
/* What trades of an event's markets cost now: the series' schedule with the event's overrides. */
kl_fee_schedule kl_exchange_fees(const kl_market_event *e);
/* A new schedule for all fills from now on. Orders that rest keep what they set aside for fees. */
kl_exchange_result kl_exchange_set_series_fees(kl_exchange *x, int64_t now_us, kl_series *s, kl_fee_schedule fees);
/* New overrides; NULL: none. */
kl_exchange_result kl_exchange_set_event_fees(kl_exchange *x, int64_t now_us, kl_market_event *e,
                                              const kl_fee_type *type, const int64_t *multiplier_ppm);
/* Rounding: given the revenue of a fill (negative: paid) and its trade fee, the rounding fee that brings the change of
 * balance down to the precision; `accumulator` collects it and gives back whole cents (*rebate) while it exceeds one,
 * but never more than the fee of this fill: the rest waits for the next. The net fee is fee + rounding - rebate. */
kl_money kl_fee_rounding(kl_money revenue, kl_money trade_fee, kl_money precision, kl_money *accumulator,
                         kl_money *rebate);

/* Balances, less what netting returned, + collateral of resting orders + cost of open positions - realized profit +
 * money on its way + fees collected - deposits: zero, always. The collateral is computed anew from the orders. For
 * tests. */
kl_money kl_exchange_conservation(const kl_exchange *x);
/* Whether books, orders, trades, positions and money agree: levels are the sums of their orders, no book is crossed,
 * positions of a market add up to nothing and their longs to the open interest, trades to the volume. NULL when they
 * do, else what does not, and *where (NULL: money). For tests. */
const char *kl_exchange_audit(const kl_exchange *x, const kl_market **where);

#endif
