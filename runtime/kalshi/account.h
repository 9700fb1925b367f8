/* The account in memory: orders, fills, positions as the private channels tell them, and the balance. Loaded over REST
 * once somebody asks, kept by the channels from then on, and reconciled with REST after every reconnect. Until
 * somebody asks it only listens to `user_orders` while the feed is up for others, for lost_write.h. Loop thread only.
 */
#ifndef KL_ACCOUNT_H
#define KL_ACCOUNT_H

#include "base/error.h"
#include "base/list.h"
#include "kalshi/own_orders.h"

typedef struct kl_account kl_account;

enum { KL_FILLS_KEPT = 10000, KL_POSITIONS_KEPT = 65536 }; /* the oldest go first, of positions flat ones only */

typedef struct kl_account_fill {
  char trade_id[64], order_id[64];
  char client_order_id[80]; /* "" where the exchange did not say */
  char ticker[64];
  kl_side side;
  kl_price yes_price;
  kl_count count;
  kl_money fee;
  bool is_taker;
  bool has_post_position; /* lists do not say */
  kl_count post_position;
  int64_t ts_ms;
  int32_t subaccount, exchange_index;
} kl_account_fill;

typedef struct kl_account_position {
  char ticker[64];
  int32_t subaccount;
  kl_count position; /* + YES, - NO */
  kl_money exposure; /* cost of what is open */
  kl_money realized; /* without fees */
  kl_money fees;
  int64_t updated_ms; /* the exchange's time where a list told, else when the channel's message was here */
} kl_account_position;

typedef struct kl_account_balance {
  kl_money balance;
  kl_money portfolio_value; /* of the positions; to the cent */
  int64_t read_ns;          /* monotonic, when it was asked for; 0: not yet */
} kl_account_balance;

typedef struct kl_account_status {
  bool started; /* somebody asked */
  bool loaded;  /* there is something to answer with */
  bool stale;   /* not known to be right: the feed is away, or what it missed is being read */
  double age;   /* seconds since it was last known to be right; negative: never */
  size_t resting, orders, fills, positions; /* orders: remembered ones that do not rest */
  uint64_t reconciled;                      /* how often */
} kl_account_status;

/* The account is kept from now on. The answer is NULL with `e` where there is no key. Harmless when repeated; starts
 * anew after the exchange had refused. */
bool kl_account_start(kl_account *a, kl_error *e);
/* Orders are being written: listens to `user_orders` from now on whenever the feed is up for somebody else. */
void kl_account_watch(kl_account *a);
/* A list that somebody else has read shows this fill of the account: it is told unless it was known. Nothing before the
 * account is started, whose own reading brings it. */
void kl_account_show_fill(kl_account *a, const kl_account_fill *fill);
void kl_account_status_get(const kl_account *a, kl_account_status *out);

/* Who waits for the first load; the owner embeds it. */
typedef struct kl_account_waiter {
  kl_list link;
  void *data;
  /* Once, from the loop: it is loaded, or cannot be (`e`). Unlinked before. */
  void (*done)(void *data, const kl_error *e);
} kl_account_waiter;
void kl_account_await(kl_account *a, kl_account_waiter *w); /* the account is started and not loaded */
void kl_account_leave(kl_account_waiter *w);                /* harmless when repeated, but it must have waited */

/* What is known; borrowed until the loop runs on. */
const kl_own_orders *kl_account_orders(const kl_account *a);
/* Newest first; NULL begins, NULL ends. */
const kl_account_fill *kl_account_fill_next(const kl_account *a, const kl_account_fill *after);
/* In no particular order. */
const kl_account_position *kl_account_position_next(const kl_account *a, const kl_account_position *after);
kl_account_balance kl_account_balance_get(const kl_account *a);

/* Somebody who is told of changes, from the loop; what is NULL is not told. Rows are borrowed during the call. Nothing
 * is told before the first load is done, which `reconciled` then says; with `early` it is, and what that load reads,
 * too. */
typedef struct kl_account_listener {
  kl_list link;
  void *data;
  bool early;
  void (*order)(void *data, const kl_own_order *o); /* new, changed or ended; KL_OWN_UNKNOWN: being looked up */
  void (*fill)(void *data, const kl_account_fill *f);
  void (*position)(void *data, const kl_account_position *p);
  void (*reconciled)(void *data); /* no longer stale; what had been missed was told before */
} kl_account_listener;
/* The owner keeps `l` where it is until kl_account_unlisten, which may be called inside callbacks. */
void kl_account_listen(kl_account *a, kl_account_listener *l);
void kl_account_unlisten(kl_account_listener *l);

#endif
