/* What the files of the fill model share. Nothing else includes it. */
#ifndef KL_SIM_MIRROR_IMPL_H
#define KL_SIM_MIRROR_IMPL_H

#include "base/list.h"
#include "base/map.h"
#include "sim/mirror.h"

typedef struct kl_m_market kl_m_market;
typedef struct kl_m_level kl_m_level;

/* Something that was told of a level and has not found its other half, or waits for its time. */
typedef enum {
  KL_M_FALL,  /* the level fell: a trade may explain it */
  KL_M_PRINT, /* a trade: the level will fall by it */
  KL_M_CROSS, /* pessimistic: a live order that crosses own ones and has not stood for long */
  KL_M_TAKEN, /* optimistic: what we took, until it is forgotten */
  KL_M_NOTES
} kl_m_kind;

typedef struct kl_m_note {
  kl_list at_level, in_time; /* oldest first */
  kl_m_kind kind;
  kl_m_level *level;
  kl_count count;
  int64_t at_us, due_us;
  unsigned held; /* of a fall: by view, whether the crowd still has these contracts */
} kl_m_note;

struct kl_m_level {
  kl_m_market *market;
  kl_side side;
  kl_price price;   /* of YES */
  kl_count live;    /* as it was told last */
  kl_count printed; /* of these, traded: sum of KL_M_PRINT */
  kl_count fresh;   /* while a snapshot is taken over */
  kl_list notes, dirty;
  struct {
    kl_count shown;    /* contracts of the crowd in the engine */
    kl_count gone;     /* that live shows and own orders took; below zero: that live does not show, because it traded
                          those whose place we had */
    kl_count held;     /* that live does not show any more, and whose fall is not explained: sum of KL_M_FALL */
    kl_count crossing; /* that live shows and that are not shown, because they cross: sum of KL_M_CROSS */
  } v[KL_VIEWS];
};

typedef struct kl_m_ladder {
  kl_m_level **levels; /* the best last */
  size_t n, cap;
} kl_m_ladder;

/* What own orders at rest took the place of at a level that live has emptied: others who would still be there. */
typedef struct kl_m_displaced {
  kl_price price;
  kl_count count;
  int64_t until_us;
} kl_m_displaced;

/* Fills of a user in a market. */
typedef struct kl_m_tally {
  struct kl_m_tally *next;
  uint32_t user; /* of x */
  struct {
    uint64_t fills;
    kl_count maker;
  } v[KL_VIEWS];
} kl_m_tally;

struct kl_m_market {
  kl_market *m[KL_VIEWS];
  kl_m_ladder sides[2];
  kl_list dirty;   /* levels whose crowd is not as it should be in some engine */
  kl_list engaged; /* in the model's list while own orders may rest here or notes wait */
  kl_m_tally *tallies;
  kl_m_displaced displaced[KL_VIEWS][2]; /* by side of what rests */
  kl_price last;                         /* live trade; 0: none */
  int64_t own_us;                        /* when an own order last came or moved */
  bool stale;
};

typedef struct kl_m_view {
  kl_exchange *x;
  uint32_t crowd, taker;
} kl_m_view;

/* An own user: its number in each view, and what it had in markets that are forgotten. */
typedef struct kl_m_user {
  uint32_t number[KL_VIEWS];
  bool known;
  uint64_t counted[KL_VIEWS]; /* number of the last fill that was counted */
  kl_mirror_total retired[KL_VIEWS];
} kl_m_user;

/* An own order, by its id in x. */
typedef struct kl_m_order {
  kl_list link;
  uint32_t user;
  kl_m_market *market;
  int subaccount;
  kl_uuid id[KL_VIEWS]; /* "": the view refused it */
} kl_m_order;

typedef struct kl_m_group {
  kl_uuid id[KL_VIEWS];
} kl_m_group;

/* An order of a queue, while it is looked at. */
typedef struct kl_m_item {
  kl_uuid id;
  kl_count remaining, filled;
  kl_count take;
  bool crowd;
} kl_m_item;

enum { KL_M_MOST_NOTES = 65536, KL_M_TRADE_IDS = 256 };

struct kl_mirror {
  kl_m_view views[KL_VIEWS];
  int64_t wait_us[KL_M_NOTES]; /* how long a note of each kind waits */
  int64_t now_us, looked_us;
  kl_map *markets; /* kl_m_market by ticker */
  kl_list engaged;
  kl_list waiting[KL_M_NOTES]; /* notes by kind, oldest first */
  size_t n_notes;
  kl_m_user *users; /* by number in x */
  size_t n_users, cap_users;
  kl_map *orders; /* kl_m_order by id in x */
  kl_list order_list;
  kl_map *groups; /* kl_m_group by id in x */
  kl_m_item *queue;
  size_t n_queue, cap_queue;
  struct {
    uint64_t hash;
    int64_t at_us;
  } trade_ids[KL_M_TRADE_IDS];
  size_t next_trade_id;
  kl_mirror_counts counts;
};

static inline kl_side kl_m_other(kl_side s) { return s == KL_BID ? KL_ASK : KL_BID; }
static inline kl_outcome kl_m_outcome(kl_side s) { return s == KL_BID ? KL_YES : KL_NO; }
static inline kl_price kl_m_own(kl_side s, kl_price yes) { return s == KL_BID ? yes : KL_PRICE_ONE - yes; }
static inline kl_count kl_m_least(kl_count a, kl_count b) { return a < b ? a : b; }
static inline kl_count kl_m_positive(kl_count n) { return n > 0 ? n : 0; }
/* Whether price `a` of a side is better than `b`: a bid pays more, an ask asks less. */
static inline bool kl_m_better(kl_side s, kl_price a, kl_price b) { return s == KL_BID ? a > b : a < b; }

/* An array grown to at least `need` items: the new array, or NULL with the old one untouched. */
void *kl_m_grown(void *data, size_t *cap, size_t need, size_t size);

/* mirror.c */
kl_m_market *kl_m_market_of(const kl_mirror *m, const char *ticker); /* NULL: unknown */
void kl_m_engage(kl_mirror *m, kl_m_market *mk);
static inline bool kl_m_engaged(const kl_m_market *mk) { return !kl_list_empty(&mk->engaged); }

/* mirror_levels.c: the live book, and notes. */
kl_m_level *kl_m_level_find(const kl_m_market *mk, kl_side side, kl_price price); /* NULL: none */
kl_m_level *kl_m_level_get(kl_m_market *mk, kl_side side, kl_price price);        /* NULL: out of memory */
void kl_m_soil(kl_m_level *l);                                                    /* marks it dirty */
/* Forgets a level that nothing is known of; pointers to it are dead then. */
void kl_m_prune(kl_m_level *l);
void kl_m_market_free(kl_mirror *m, kl_m_market *mk);
/* Adds to the latest note of that kind and time, or makes one. False: out of memory. */
bool kl_m_note_add(kl_mirror *m, kl_m_level *l, kl_m_kind kind, kl_count n, unsigned held);
/* Takes n contracts off a note, and the note away with its last. */
void kl_m_note_take(kl_mirror *m, kl_m_note *note, kl_count n);
/* Takes up to n contracts off the level's notes of a kind, the oldest first, or the latest; returns how many. */
kl_count kl_m_notes_take(kl_mirror *m, kl_m_level *l, kl_m_kind kind, kl_count n, bool latest);
/* Ends what has waited long enough. */
void kl_m_advance(kl_mirror *m, int64_t now_us);

/* mirror_engine.c: the others' orders in the engines. */

/* Who goes first when the crowd is too large. */
typedef enum {
  KL_M_CANCELED, /* by the view: contracts that left without a trade */
  KL_M_REPLACED  /* own orders filled in their place: those behind */
} kl_m_cause;

bool kl_m_attended(const kl_mirror *m, kl_mirror_view v, const kl_m_level *l); /* own orders rest there */
/* Contracts that the crowd has in the engine at a level. */
kl_count kl_m_standing(const kl_mirror *m, kl_mirror_view v, const kl_m_level *l);
/* Contracts that it should have there. */
kl_count kl_m_wanted(const kl_mirror *m, kl_mirror_view v, const kl_m_level *l);
/* Brings the crowd at a level to that. */
void kl_m_fit(kl_mirror *m, kl_mirror_view v, kl_m_level *l, kl_m_cause cause);
/* kl_m_fit where own orders stand; elsewhere later. */
void kl_m_fit_or_soil(kl_mirror *m, kl_mirror_view v, kl_m_level *l, kl_m_cause cause);
/* All dirty levels of a market. */
void kl_m_settle(kl_mirror *m, kl_m_market *mk);
/* Falls that are not explained are taken for cancels at once: the crowd does not have these contracts any more. */
void kl_m_let_go(kl_mirror_view v, kl_m_level *l);
/* Takes the crowd away where its price is better than `price` (or as good, with `equal`) and no own order stands, or
 * also where one does. */
void kl_m_hide(kl_mirror *m, kl_mirror_view v, kl_m_market *mk, kl_side side, kl_price price, bool equal,
               bool attended_too);
/* The taker trades up to n contracts at `limit` or better; returns how many. *own: with own orders. */
kl_count kl_m_take(kl_mirror *m, kl_mirror_view v, kl_m_market *mk, kl_side side, kl_price limit, kl_count n,
                   kl_count *own);
/* After an own command: what it took of the crowd on `side` up to `limit` is gone. */
void kl_m_absorb(kl_mirror *m, kl_mirror_view v, kl_m_market *mk, kl_side side, kl_price limit);
/* The engine has ended all orders of the market. */
void kl_m_cleared(kl_mirror *m, kl_m_market *mk);
/* n contracts of a live order at this level meet the own orders that they cross; `stay`: live goes on showing them, so
 * they are gone. */
void kl_m_cross(kl_mirror *m, kl_mirror_view v, kl_m_level *l, kl_count n, bool stay);
/* Whether own orders rest that an order at this level would cross. Falls there that are not explained are let go. */
bool kl_m_crosses(kl_mirror *m, kl_mirror_view v, kl_m_level *l);

/* mirror_own.c */
kl_m_user *kl_m_user_of(kl_mirror *m, uint32_t user, bool make); /* NULL: unknown, or out of memory */
/* Deposits for a user of the model that cannot pay; false: that is not possible either. */
bool kl_m_refill(kl_exchange *x, uint32_t user, int subaccount, int shard);

/* Forgets the own orders of an event's markets. */
void kl_m_forget_orders(kl_mirror *m, const kl_market_event *e);

/* mirror_totals.c */
void kl_m_count_fills(kl_mirror *m);
void kl_m_retire_totals(kl_mirror *m, const kl_market_event *e);

#endif
