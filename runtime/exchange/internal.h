/* What the files of exchange/ share. Nothing outside the folder includes it. */
#ifndef KL_EXCHANGE_INTERNAL_H
#define KL_EXCHANGE_INTERNAL_H

#include "base/list.h"
#include "base/map.h"
#include "exchange/saved.h"

enum {
  KL_X_SUBACCOUNTS = 64,
  KL_X_OPEN_ORDERS = 200000, /* of a user; Kalshi's quota */
  KL_X_CANCEL_ALL = 10000,   /* orders that one call cancels */
  KL_X_GROUPS = 100000,      /* of a user; Kalshi's quota since 2026-08-13 */
  KL_X_CENT = 10000          /* of kl_money */
};
/* A billion contracts: keeps every product of price and count far inside 64 bits. */
#define KL_X_MAX_COUNT INT64_C(100000000000)
/* Ten billion dollars, the largest deposit. */
#define KL_X_MAX_MONEY INT64_C(10000000000000000)

/* ---- memory ---- */

/* Objects of one size, reused; memory goes back only with the slab. */
typedef struct kl_x_slab {
  size_t size; /* of an object */
  size_t n_free;
  void *free;
  void *chunks;
} kl_x_slab;

void kl_x_slab_init(kl_x_slab *s, size_t size);
void kl_x_slab_free(kl_x_slab *s);
bool kl_x_slab_reserve(kl_x_slab *s, size_t n); /* the next n takes succeed; false when out of memory */
void *kl_x_slab_take(kl_x_slab *s);             /* zeroed; only after a reserve */
void kl_x_slab_prefetch(const kl_x_slab *s);    /* one will be taken soon: its memory is asked for */
void kl_x_slab_give(kl_x_slab *s, void *p);

/* An array grown to at least `need` items: the new array (owned, *cap updated), or NULL with the old one untouched. */
void *kl_x_grown(void *data, size_t *cap, size_t need, size_t size);

/* The last `max` items of a stream. */
typedef struct kl_x_ring {
  unsigned char *data;
  size_t size, cap, max, first, n;
} kl_x_ring;

void kl_x_ring_init(kl_x_ring *r, size_t size, size_t max);
void kl_x_ring_free(kl_x_ring *r);
/* Copies an item in. The oldest goes when the ring is full, and also when memory for more is refused. */
void kl_x_ring_push(kl_x_ring *r, const void *item);
void *kl_x_ring_newest(const kl_x_ring *r, size_t i); /* the i-th newest, NULL past the end */

/* ---- identifiers ---- */

typedef struct kl_x_id {
  uint64_t hi, lo;
} kl_x_id;

kl_x_id kl_x_id_next(uint64_t *state); /* looks like a UUID of version 4 */
void kl_x_id_format(kl_x_id id, char out[37]);
bool kl_x_id_parse(const char *text, kl_x_id *out);

struct kl_x_order;

/* Orders by id. A slot holds half of the id, so that a search reads no order but the one it finds. */
typedef struct kl_x_index {
  struct kl_x_index_slot *slots;
  size_t cap, n;
} kl_x_index;

bool kl_x_index_reserve(kl_x_index *t);                    /* room for one more */
void kl_x_index_prefetch(const kl_x_index *t, kl_x_id id); /* an order of this id will be added or looked for */
void kl_x_index_add(kl_x_index *t, struct kl_x_order *o);
void kl_x_index_remove(kl_x_index *t, const struct kl_x_order *o);
struct kl_x_order *kl_x_index_find(const kl_x_index *t, kl_x_id id);

/* The client order ids of all users, which are never forgotten. */
typedef struct kl_x_client_id {
  uint64_t hash;
  const char *text;
  uint32_t user;
} kl_x_client_id;

typedef struct kl_x_client_ids {
  kl_x_client_id *slots;
  size_t cap, n;
  char *block; /* texts; blocks are chained through their first bytes */
  size_t left;
} kl_x_client_ids;

void kl_x_client_ids_free(kl_x_client_ids *t);
/* One will be looked for soon: the memory is asked for. */
void kl_x_client_ids_prefetch(const kl_x_client_ids *t, uint32_t user, const char *text);
bool kl_x_client_ids_has(const kl_x_client_ids *t, uint32_t user, const char *text);
bool kl_x_client_ids_reserve(kl_x_client_ids *t); /* room for one more of any valid length */
void kl_x_client_ids_add(kl_x_client_ids *t, uint32_t user, const char *text);

/* ---- accounts ---- */

/* What a subaccount has on one shard. */
typedef struct kl_x_account {
  uint64_t number; /* 1, 2, … in order of creation */
  struct {
    kl_money cash;
    bool open, locked, netting;
  } told; /* as it was last saved */
  uint32_t user;
  int subaccount, shard;
  bool open;   /* by its user; 0 always is */
  bool locked; /* for a settlement advance */
  bool netting;
  kl_money cash; /* with the collateral of resting orders; the balance is cash - held + returned */
  kl_money held;
  kl_money returned;  /* by netting: the sum of by_event */
  kl_money *by_event; /* by kl_market_event.index */
  size_t cap_events;
  struct kl_x_holding **by_market; /* by kl_market.index */
  size_t cap_markets;
  struct kl_x_holding **holdings; /* in order of creation */
  size_t n_holdings, cap_holdings;
  struct kl_x_account *next; /* of the same user */
} kl_x_account;

/* A position and the resting orders that would close it. */
typedef struct kl_x_holding {
  kl_position p;
  kl_x_account *account;
  kl_count promised; /* part of the position that open orders are credited with closing */
  kl_list closers;   /* resting orders with such a credit, oldest first */
  kl_list in_market;
  uint64_t number;
  bool changed; /* since it was saved */
} kl_x_holding;

typedef struct kl_x_user {
  kl_uuid id;
  kl_x_account *accounts[KL_X_SUBACCOUNTS][KL_EXCHANGE_SHARDS]; /* NULL: never used */
  kl_x_account *used;                                           /* the others, chained */
  kl_list live;                                                 /* resting orders */
  size_t n_live;
  struct kl_x_order **orders; /* kept ones, oldest first */
  size_t n_orders, cap_orders, keep_orders;
  kl_list groups; /* in order of creation */
  size_t n_groups;
  kl_x_ring fills, settlements;
  kl_synthetic synthetic; /* its orders are not saved */
} kl_x_user;

/* ---- book ---- */

typedef struct kl_x_level {
  kl_price price; /* of YES */
  kl_count total;
  kl_list queue; /* oldest first; then those that stand behind, oldest first */
} kl_x_level;

typedef struct kl_x_ladder {
  kl_x_level **levels; /* the best last */
  size_t n, cap;
} kl_x_ladder;

typedef struct kl_x_book {
  kl_market *market;
  kl_series *series;
  kl_x_ladder sides[2]; /* by kl_side */
  kl_list holdings;
  kl_x_ring trades;
  kl_count hours[24]; /* volume by hour of the day, for volume_24h */
  uint64_t number;
  bool changed; /* since it was saved */
} kl_x_book;

typedef struct kl_x_order {
  kl_order o;
  kl_x_id id;
  kl_list queue, live, closer;
  struct kl_x_group *group; /* NULL: none, or the order has ended */
  kl_list in_group;         /* while it rests */
  kl_x_level *level;        /* NULL unless it rests */
  kl_x_holding *holding;
  kl_fee_schedule reserve; /* by which it sets aside its maker fee */
  kl_count closing;        /* of `remaining`: needs no collateral because it closes the position */
  kl_money held;           /* collateral taken from the account while it rests */
  kl_money accumulator;    /* of rounding fees */
  size_t alarm;            /* place in the schedule, SIZE_MAX: none */
  uint64_t number;         /* grows in order of creation, which `seq` does not */
  kl_list changed;         /* since it was saved; `next` is NULL: it is in no list */
} kl_x_order;

/* ---- order groups ---- */

typedef struct kl_x_group_fill {
  int64_t at;
  kl_count count;
} kl_x_group_fill;

typedef struct kl_x_group {
  kl_order_group g;
  kl_list in_user, orders; /* the resting ones, oldest first */
  kl_x_group_fill *fills;  /* those of the window, oldest first, from `first` on */
  size_t first, n_fills, cap_fills;
  kl_count volume; /* their sum */
  uint64_t plan;   /* the last plan that met it, and the volume that it would have then */
  kl_count planned;
} kl_x_group;

/* ---- schedule ---- */

/* In this order at one time. An alarm whose market has moved its time since says nothing. */
typedef enum { KL_X_OPENS, KL_X_CLOSES, KL_X_EXPIRES, KL_X_SETTLES } kl_x_alarm_kind;

typedef struct kl_x_alarm {
  int64_t at;
  uint64_t tie; /* orders alarms of one time */
  kl_x_alarm_kind kind;
  kl_market *market;
  kl_x_order *order;
} kl_x_alarm;

typedef struct kl_x_schedule {
  kl_x_alarm *heap;
  size_t n, cap;
} kl_x_schedule;

bool kl_x_schedule_reserve(kl_x_schedule *s, size_t n); /* room for n more */
void kl_x_schedule_add(kl_x_schedule *s, kl_x_alarm a);
void kl_x_schedule_remove(kl_x_schedule *s, size_t i);

/* ---- the exchange ---- */

/* Numbers of things that come and go: those that were given back are used first. */
typedef struct kl_x_numbers {
  uint32_t *free;
  size_t n_free, cap;
  uint32_t next;
} kl_x_numbers;
typedef struct kl_x_journal kl_x_journal;
typedef struct kl_x_restore kl_x_restore;

struct kl_exchange {
  kl_exchange_sink sink;
  kl_x_journal *journal; /* NULL: nothing is noted */
  kl_x_restore *restore; /* NULL: not being restored */
  kl_money precision;
  uint64_t random;
  uint64_t seq;
  uint64_t numbers;  /* the last one given to anything that is saved */
  int64_t now, hour; /* hour is -1 before the first call with a time */
  double speed;
  struct {
    kl_pause pause;
    int64_t resume_us;
  } shards[KL_EXCHANGE_SHARDS];
  uint64_t plans;
  kl_money deposits, fees; /* the exchange bears what it forgoes: `fees` may fall */
  kl_money transit;        /* sent by one shard and not arrived at another */
  kl_x_slab orders, levels, holdings;
  kl_x_index index;
  kl_x_client_ids client_ids;
  kl_x_schedule schedule;
  kl_x_ring trades;
  size_t keep_market_trades;
  kl_map *series_by_ticker, *events_by_ticker, *markets_by_ticker, *groups_by_id;
  kl_series **series;
  size_t n_series, cap_series;
  kl_market_event **events;
  size_t n_events, cap_events;
  kl_market **markets;
  size_t n_markets, cap_markets;
  kl_market **market_places; /* by index; NULL: none has it */
  size_t cap_places;
  kl_x_numbers market_numbers, event_numbers;
  uint64_t market_serial, event_serial;
  kl_money retired; /* cost less realized profit of positions that were forgotten with their market */
  kl_x_user **users;
  size_t n_users, cap_users;
  kl_x_account **accounts; /* of all users, by number */
  size_t n_accounts, cap_accounts;
};

static inline kl_x_book *kl_x_book_of(const kl_market *m) { return m->priv; }
static inline kl_side kl_x_other(kl_side s) { return s == KL_BID ? KL_ASK : KL_BID; }
/* What a contract of this side costs: a bid pays the YES price, an ask one dollar minus it. */
static inline kl_price kl_x_own_price(kl_side s, kl_price p) { return s == KL_BID ? p : KL_PRICE_ONE - p; }
static inline kl_money kl_x_balance(const kl_x_account *a) { return a->cash - a->held + a->returned; }

/* a * b / c without overflow in between, toward zero; c > 0. */
int64_t kl_x_mul_div(int64_t a, int64_t b, int64_t c);

/* retire.c */
bool kl_x_reserve_index(kl_x_numbers *n); /* room for one more; false when out of memory */
uint32_t kl_x_take_index(kl_x_numbers *n);
void kl_x_give_index(kl_x_numbers *n, uint32_t index);

/* grid.c */
bool kl_x_valid_bands(const kl_price_band *bands, int n);

/* book.c: levels and queues. */
bool kl_x_crosses(const kl_market *m, kl_side side, kl_price price);
kl_x_level *kl_x_best(const kl_market *m, kl_side side);
bool kl_x_book_reserve(kl_exchange *x, const kl_market *m, kl_side side); /* memory for one more level */
void kl_x_book_add(kl_exchange *x, kl_x_order *o);                        /* at the back of its level, or behind it */
void kl_x_book_take(kl_exchange *x, kl_x_order *o, kl_count n);           /* n contracts off; the last ones unlink it */
void kl_x_book_free(kl_x_book *b);

/* exchange.c: what adding is made of. */
kl_market *kl_x_insert_market(kl_exchange *x, const kl_market *given); /* without id, status and alarms; or NULL */
void kl_x_arm_market(kl_exchange *x, kl_market *m); /* alarms by its status; memory for two is reserved */
kl_x_user *kl_x_insert_user(kl_exchange *x);        /* the next number, without accounts; or NULL */

/* accounts.c: who has what on which shard. */
/* NULL: it was never used, or there is no such user, subaccount or shard. */
kl_x_account *kl_x_account_find(const kl_exchange *x, uint32_t user, int subaccount, int shard);
kl_x_account *kl_x_account_get(kl_exchange *x, uint32_t user, int subaccount, int shard); /* NULL: out of memory */
kl_x_holding *kl_x_holding_get(kl_exchange *x, kl_x_account *a, const kl_market *m);      /* NULL: out of memory */
kl_x_holding *kl_x_holding_find(const kl_x_account *a, const kl_market *m);               /* NULL: none */
void kl_x_accounts_free(kl_x_user *u);

/* netting.c */
/* Brings `returned` up to date after a change of positions, promises or markets of the event. */
void kl_x_net(kl_x_account *a, const kl_market_event *e);
/* The same for every account that has to do with the event, after the settlement of one of its markets. A balance that
 * would be negative, because results were not exclusive after all, is made up for by the exchange. */
void kl_x_net_event(kl_exchange *x, const kl_market_event *e);
/* Contracts of the position that an order of `side` could close at no cost: not promised to other orders, and not
 * needed for what netting returned. `given_back` contracts count as not promised. */
kl_count kl_x_spare(const kl_x_holding *h, kl_side side, kl_count given_back);

/* fees.c: the fee of a fill in the market by the schedule that is in force. */
kl_money kl_x_fee(const kl_market *m, bool taker, kl_price yes_price, kl_count count);

/* ledger.c: collateral and positions. */
kl_count kl_x_closable(const kl_x_holding *h, kl_side side); /* contracts of the position that `side` would close */
kl_money kl_x_collateral(const kl_x_order *o);               /* what `o` must hold while it rests */
void kl_x_hold(kl_x_order *o);                               /* makes it hold that */
void kl_x_credit(kl_x_order *o, kl_count count); /* credits an order that does not rest with what it can close */
void kl_x_uncredit(kl_x_order *o, kl_count n);   /* takes n contracts of credit back */
void kl_x_release(kl_x_order *o);                /* collateral and credit go back */
/* Moves a position; returns the change of balance before fees. `own` is what a contract of that side costs. */
kl_money kl_x_position_trade(kl_position *p, kl_side side, kl_price own, kl_count n);
/* Books n contracts of `o` at `price` and fills in the money part of *f. */
void kl_x_ledger_fill(kl_exchange *x, kl_x_order *o, kl_price price, kl_count n, bool taker, kl_fill *f);
void kl_x_ledger_settle(kl_exchange *x, kl_x_holding *h, kl_price yes_value);

/* orders.c */
kl_exchange_result kl_x_check_request(kl_exchange *x, const kl_order_request *r, kl_market **market);
/* An order as requested, with memory reserved up to its rest; it has no identity yet, and goes back by
 * kl_x_slab_give(&x->orders, o). NULL: out of memory. */
void kl_x_init_order(kl_x_order *o, kl_x_holding *h); /* a zeroed one: in no list */
kl_x_order *kl_x_open_order(kl_exchange *x, kl_market *m, const kl_order_request *r);
/* Gives the order its identity and its place among the user's orders. */
void kl_x_register_order(kl_exchange *x, kl_x_order *o, const char *client_order_id);
/* After matching: rests, or ends for `reason`. The order whose fills are too many for its group has traded in full, and
 * is the first that goes. */
void kl_x_conclude(kl_exchange *x, kl_x_order *o, bool rests, kl_update_reason reason);

/* matching.c */
typedef struct kl_x_plan {
  kl_count filled;
  bool self;     /* own orders stand in the way */
  kl_money fees; /* the most that these fills take in fees at any moment */
} kl_x_plan;

/* What taking `want` contracts would do, without doing it. */
void kl_x_plan_take(kl_exchange *x, const kl_x_order *taker, kl_price price, kl_count want, kl_x_plan *plan);
/* Trades n contracts at the maker's price. A maker that is not in the book agreed to it outside: a block trade. */
void kl_x_trade(kl_exchange *x, kl_x_order *maker, kl_x_order *taker, kl_count n, kl_order_outcome *out);
/* Takes up to `want` contracts. False when it stopped at an own order. */
bool kl_x_match(kl_exchange *x, kl_x_order *taker, kl_count want, kl_order_outcome *out);

/* resting.c: orders that come to rest or end. */
void kl_x_rest(kl_exchange *x, kl_x_order *o);     /* into the book, with its collateral; memory is reserved */
void kl_x_withdraw(kl_exchange *x, kl_x_order *o); /* out of the book, told as a level change */
void kl_x_unlist(kl_exchange *x, kl_x_order *o);   /* no longer live: after its last contract left the book */
void kl_x_end(kl_exchange *x, kl_x_order *o, kl_update_reason reason); /* cancels a resting order */
void kl_x_trim(kl_exchange *x, kl_x_user *u);                          /* forgets the oldest ended orders */
/* The user's resting order of that subaccount, NULL when there is none. */
kl_x_order *kl_x_resting(const kl_exchange *x, uint32_t user, int subaccount, const char *order_id);

/* groups.c */
kl_x_group *kl_x_group_find(const kl_exchange *x, const kl_group_key *k); /* NULL: none */
void kl_x_group_count(const kl_exchange *x, kl_x_group *g, kl_count n);   /* contracts that filled now */
bool kl_x_group_over(const kl_exchange *x, kl_x_group *g);                /* its limit is exceeded */
void kl_x_group_trip(kl_exchange *x, kl_x_group *g);
void kl_x_group_leave(kl_x_order *o); /* an order that ends */
void kl_x_groups_free(kl_x_user *u);

/* lifecycle.c */
void kl_x_advance(kl_exchange *x, int64_t now_us); /* time-driven work up to now */
void kl_x_add_volume(const kl_exchange *x, kl_x_book *b, kl_count n);

/* journal.c: noting what changes. Whatever changes an order, a holding or a market ends with one of these; telling the
 * sink of it does that, too. Accounts and series are compared. */
kl_x_journal *kl_x_journal_new(void);                              /* NULL: out of memory */
void kl_x_journal_free(kl_x_journal *j);                           /* takes NULL */
void kl_x_journal_restoring(kl_x_journal *j, bool on);             /* nothing but what is let go is noted */
void kl_x_journal_restored(const kl_exchange *x, kl_x_journal *j); /* what is there has been saved */
void kl_x_touch_order(const kl_exchange *x, kl_x_order *o);
void kl_x_touch_holding(const kl_exchange *x, kl_x_holding *h);
void kl_x_touch_market(const kl_exchange *x, const kl_market *m);
void kl_x_touch_totals(const kl_exchange *x); /* what no other record tells of: cash, pauses, an id was drawn */
void kl_x_touch_user(const kl_exchange *x, uint32_t user);
void kl_x_note_client_id(const kl_exchange *x, uint32_t user, const char *text);
void kl_x_forget_order(const kl_exchange *x, kl_x_order *o);            /* before its memory goes */
void kl_x_forget_event(const kl_exchange *x, const kl_market_event *e); /* with all that is of its markets */
/* Into the lists that keep the newest, with a number each. */
void kl_x_keep_fill(kl_exchange *x, kl_fill *f);
void kl_x_keep_trade(kl_exchange *x, kl_trade *t);
void kl_x_keep_settlement(kl_exchange *x, uint32_t user, kl_settlement *s);

/* restore.c */
void kl_x_restore_free(kl_x_restore *r); /* takes NULL */

/* Telling the sink. */
static inline void kl_x_tell_level(const kl_exchange *x, const kl_x_order *o, kl_count delta) {
  if (x->sink.level)
    x->sink.level(x->sink.data, o->o.market, o->o.side == KL_BID ? KL_YES : KL_NO,
                  kl_x_own_price(o->o.side, o->o.price), delta, &o->o);
}
static inline void kl_x_tell_order(const kl_exchange *x, kl_x_order *o) {
  kl_x_touch_order(x, o);
  if (x->sink.order) x->sink.order(x->sink.data, &o->o);
}
static inline void kl_x_tell_position(const kl_exchange *x, kl_x_holding *h) {
  kl_x_touch_holding(x, h);
  if (x->sink.position) x->sink.position(x->sink.data, h->account->user, h->account->subaccount, &h->p);
}
static inline void kl_x_tell_fees(const kl_exchange *x, const kl_market_event *e) {
  kl_exchange_touch_event((kl_exchange *)x, e);
  if (x->sink.fees) x->sink.fees(x->sink.data, e);
}
static inline void kl_x_tell_market(const kl_exchange *x, const kl_market *m, const char *type) {
  kl_x_touch_market(x, m);
  if (x->sink.market) x->sink.market(x->sink.data, m, type);
}
static inline void kl_x_tell_group(const kl_exchange *x, const kl_x_group *g, const char *type) {
  kl_x_touch_totals(x);
  if (x->sink.group) x->sink.group(x->sink.data, &g->g, type);
}

#endif
