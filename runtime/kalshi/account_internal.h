/* What the files of the account share: account.c has its life, the channels and who is told, account_load.c the reads
 * over REST, account_rows.c the rows of their answers, account_fills.c and account_positions.c what is kept of these,
 * account_answer.c what answers to writes say. Private to these, the session and the tests. */
#ifndef KL_ACCOUNT_INTERNAL_H
#define KL_ACCOUNT_INTERNAL_H

#include <jansson.h>

#include "base/map.h"
#include "kalshi/account.h"
#include "kalshi/account_rows.h"
#include "kalshi/order_answer.h"
#include "kalshi/session_impl.h"

/* ---- account_fills.c: the newest KL_FILLS_KEPT, each once ---- */

typedef struct kl_fills {
  kl_list newest_last;
  kl_map *by_id;
  size_t count;
} kl_fills;

bool kl_fills_init(kl_fills *f); /* false when out of memory */
void kl_fills_clear(kl_fills *f);
/* The fill as it is kept; NULL when it is known, too old to be kept, or without memory. */
const kl_account_fill *kl_fills_add(kl_fills *f, const kl_account_fill *fill);

/* ---- account_positions.c: by ticker and subaccount ---- */

typedef struct kl_positions {
  kl_list entries; /* changed last: at the end */
  kl_map *by_id;
  size_t count;
} kl_positions;

bool kl_positions_init(kl_positions *p); /* false when out of memory */
void kl_positions_clear(kl_positions *p);
/* The channel says so, at `now_ns`. The position when that changed it. */
const kl_account_position *kl_positions_tell(kl_positions *p, const kl_account_position *told, int64_t now_ns);
/* A list says so. It does not count where the channel has spoken since `horizon_ns`: that is newer. */
const kl_account_position *kl_positions_list(kl_positions *p, const kl_account_position *told, uint64_t number,
                                             int64_t horizon_ns);
/* The list of that number is complete: what stands in none of it and was not told of since the horizon is gone. `gone`
 * is told of each, flat. */
void kl_positions_sweep(kl_positions *p, uint64_t number, int64_t horizon_ns,
                        void (*gone)(void *data, const kl_account_position *p), void *data);

/* ---- account_load.c ---- */

typedef enum {
  KL_LOAD_IDLE,
  KL_LOAD_FRESH,     /* until reads are newer than the channels */
  KL_LOAD_LISTS,     /* orders, fills, balance */
  KL_LOAD_POSITIONS, /* of each subaccount */
  KL_LOAD_LOOKUPS,   /* of orders that rest no longer */
  KL_LOAD_PAUSE      /* before another try */
} kl_load_step;

enum { KL_LOOKUPS_AT_ONCE = 8 };

typedef struct kl_chain {
  kl_account *a;
  kl_call *call;
  char cursor[512]; /* of a look-up: the order's id */
  unsigned pages;
  bool done;
} kl_chain;

typedef struct kl_load {
  kl_load_step step;
  bool reconciles; /* false: positions and balance only, while all is well */
  bool fresh;      /* its lists hold all that was before the channels were live */
  uint64_t number; /* of this load, from 1 */
  int64_t as_of_ms, began_ns, horizon_ns;
  int64_t patience_ns, pause_ms, retry_ms;
  kl_chain asking; /* how fresh reads are; which subaccounts there are */
  kl_chain orders, fills, positions, balance;
  uint64_t subaccounts_left; /* a bit each */
  kl_chain lookups[KL_LOOKUPS_AT_ONCE];
  char (*candidates)[64];
  size_t n_candidates, next_candidate;
  size_t n_doubtful; /* of the candidates, at their beginning: to be looked up once more */
  unsigned round;
  bool fills_to_bound; /* false: the newest page is enough */
} kl_load;

struct kl_account {
  kl_session *s;
  kl_own_orders *orders; /* the session's */
  kl_fills fills;
  kl_positions positions;
  kl_account_balance balance;

  /* account.c */
  bool watching;
  kl_feed_listener feed_listener;
  kl_feed_sub *watch_sub, *sub;
  bool started, loaded, reconciled_once, right;
  bool timers;
  kl_timer tick, pause; /* pause: the load's */
  kl_list waiters, listeners;
  int64_t ready_ns, ready_wall_ms; /* when the channels were live, by our clocks */
  int64_t right_ns, right_ms;      /* when it was last seen to be right: monotonic, the exchange's time */
  int64_t refreshed_ns;
  bool subaccount_is_new; /* positions of it are to be read, or are under another one */
  uint64_t malformed;     /* of the feed, when it was last looked at */
  uint64_t reconciled;
  int64_t balance_dirty_ns, balance_asked_ns;
  kl_chain balance_again;

  /* account_load.c */
  kl_load load;
  uint64_t subaccounts; /* seen or listed, a bit each */
  bool locked;          /* the key is one subaccount's: */
  int32_t home;         /* this one's */
  bool many;            /* it is not: several were seen */
  bool no_subaccounts;  /* the exchange does not tell which there are */

  void (*closed)(void *);
  void *closed_data;
};

/* The channels are live (again): everything is read, from the beginning if a load is under way. */
void kl_load_reconcile(kl_account *a);
/* Positions and balance, unless a load is under way. */
void kl_load_refresh(kl_account *a);
void kl_load_stop(kl_account *a);
void kl_load_pause_fired(uv_timer_t *t);
void kl_load_balance(kl_account *a); /* reads it once in the background, unless that is under way */

/* ---- account.c ---- */

/* Everything that changes goes through these; they tell the listeners. */
void kl_account_tell_order(kl_account *a, const kl_own_order *told, kl_told_by by);
void kl_account_order_vanished(kl_account *a, const char *order_id);
void kl_account_tell_fill(kl_account *a, const kl_account_fill *fill);
void kl_account_position_changed(kl_account *a, const kl_account_position *p);
void kl_account_saw_subaccount(kl_account *a, int32_t subaccount);
/* Lists were read. `right`: and looked up is what had vanished; else more is to come. */
void kl_account_load_done(kl_account *a, bool right);
/* The exchange refuses what the account needs. */
void kl_account_refused(kl_account *a, const kl_error *e);
bool kl_account_is_live(const kl_account *a); /* the channels are */
int64_t kl_account_now_ns(const kl_account *a);

/* ---- for the session ---- */

kl_account *kl_account_new(kl_session *s); /* NULL when out of memory; uses s->own, which must outlive it */
/* Nothing is told any more; `closed` once its memory may go, from within where it was never started. */
void kl_account_close(kl_account *a, void (*closed)(void *), void *data);
/* account_answer.c: an order write was answered; what that says of its orders is known before its caller hears it. */
void kl_account_answered(kl_account *a, const kl_call *c, const kl_order_answer *answer, const char *body, size_t n);

#endif
