/* An order as whoever placed it sees it: what was wanted, what is known to have become of it, and how sure that is. The
 * desk (desk.h) keeps these; the store of what the exchange says of orders is kalshi/own_orders.h. */
#ifndef KL_TRADING_ORDER_H
#define KL_TRADING_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/list.h"
#include "base/units.h"
#include "trading/risk.h"

typedef struct kl_party kl_party;

/* The exchange's words, and two of ours: pending is on its way and was not answered yet, unknown may or may not be at
 * the exchange and is being looked up. The last three are final. */
typedef enum {
  KL_DESK_PENDING,
  KL_DESK_UNKNOWN,
  KL_DESK_RESTING,
  KL_DESK_FILLED,
  KL_DESK_CANCELED, /* also with a part filled */
  KL_DESK_REJECTED  /* refused by the exchange, or known never to have reached it: `error` says which */
} kl_desk_status;
const char *kl_desk_status_name(kl_desk_status s); /* "pending" "unknown" "resting" "filled" "canceled" "rejected" */
static inline bool kl_desk_status_final(kl_desk_status s) { return s >= KL_DESK_FILLED; }

typedef enum { KL_DESK_GTC, KL_DESK_IOC, KL_DESK_FOK } kl_desk_tif;
const char *kl_desk_tif_name(kl_desk_tif t); /* "good_till_canceled" "immediate_or_cancel" "fill_or_kill" */
bool kl_desk_tif_read(const char *name, kl_desk_tif *out); /* false where it is none of these */

enum { KL_LEASE_LEAST = 5, KL_LEASE_MOST = 3600 }; /* seconds */

/* What is wanted. Texts borrowed. */
typedef struct kl_order_intent {
  const char *ticker;
  kl_side side;       /* on the YES leg */
  kl_price yes_price; /* on the YES leg */
  bool on_no;         /* said in terms of NO; kept for whoever reads it, the exchange knows no such thing */
  kl_count count;
  kl_desk_tif tif;
  bool post_only, reduce_only, cancel_on_pause;
  bool stp_maker;       /* self_trade_prevention_type "maker"; else "taker_at_cross" */
  int64_t expiration_s; /* 0: none */
  int32_t subaccount;
  bool has_subaccount;
  const char *client_id; /* NULL: the desk makes one */
  const char *group_id;  /* NULL: none, or the seat belt's */
  double lease_s;        /* 0: none; see lease.h. KL_LEASE_LEAST to KL_LEASE_MOST */
  bool sync;             /* the journal has it on the disk before it is sent */
} kl_order_intent;

/* First what hardly changes; then, in one piece from `id` on, what news of an order look at, so that one of thousands
 * that has left the caches comes back with few lines. */
typedef struct kl_desk_order {
  char client_id[65];
  char ticker[64];
  char group_id[64];
  bool post_only, reduce_only;
  bool on_no;   /* of the intent */
  bool renewed; /* another one goes on from it: whoever placed it sees that one */
  int32_t subaccount;
  uint32_t generation; /* of the script that placed it */
  int64_t created_ms;  /* the exchange's clock, as it was known when it was placed */
  void *priv;          /* the desk's; NULL: the order is of no desk */
  /* Of the orders at the exchange that this one goes on from, since its lease was renewed: what filled of them, with
   * its cost and fees. All else is of the one that is there now. */
  kl_count before;
  kl_money before_cost, before_fees;
  char id[64];           /* the exchange's; "" until known */
  const kl_error *error; /* of a rejected one; NULL where there is none; kl_desk_order_set_error */
  kl_party *party;       /* borrowed; lives as long as the desk */
  kl_side side;
  kl_desk_tif tif;
  kl_desk_status status;
  int32_t exchange_index;
  kl_price yes_price;    /* as it rests now */
  kl_count count;        /* as wanted: filled and remaining together, until it ends */
  kl_count filled;       /* by the exchange's word */
  kl_count remaining;    /* that may still fill; 0 once final */
  kl_money cost, fees;   /* of what has filled: own price times count, and what it cost */
  kl_count seen;         /* contracts whose fills have been told one by one: cost and fees are of these at least */
  int64_t updated_ms;    /* the exchange's time of the last change; 0: not known */
  int64_t expiration_ms; /* 0: none */
  char reason[32];       /* of the last change, the exchange's word, or ours in lower case */
  uint64_t version;      /* grows with every change */
  unsigned writes;       /* of it (create, amend, decrease, cancel) that are not answered */
  uint32_t references;   /* kl_desk_order_retain */
  kl_list watchers;      /* of kl_order_watcher.link */
  kl_risk_slot risk;     /* what is reserved for it */
} kl_desk_order;

/* Why it was rejected: a copy, which the order owns. NULL takes it away, as whoever ends the order's life must. Without
 * memory for a copy the order says that there was none (kind "internal"), and the log has the message. */
void kl_desk_order_set_error(kl_desk_order *o, const kl_error *e);

/* Appends the body of the request that says it to the exchange: prices are of YES, the `count` of an amend is the whole
 * size. Without memory b->failed is set. */
void kl_desk_put_create(kl_buf *b, const kl_order_intent *i, const char *client_id);
void kl_desk_put_amend(kl_buf *b, const kl_desk_order *o, kl_price yes_price, kl_count count);
void kl_desk_put_decrease(kl_buf *b, const kl_desk_order *o, kl_count by);

/* Told of every change, from the loop; it may release, unwatch and watch within. The owner embeds it. */
typedef struct kl_order_watcher kl_order_watcher;
struct kl_order_watcher {
  kl_list link;
  void *data;
  void (*changed)(kl_order_watcher *w, const kl_desk_order *o);
};

#endif
