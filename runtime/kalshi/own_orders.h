/* The orders that a session knows of without asking: from the answers to its writes, from the account channel
 * `user_orders` and from REST lists, in any order of arrival; what is older never replaces what is newer. A store only:
 * account.h feeds it, lost_write.h tells from it what became of a write whose answer was lost. Loop thread only. */
#ifndef KL_OWN_ORDERS_H
#define KL_OWN_ORDERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/units.h"

/* Ended and unknown orders: the newest of them are remembered. So are resting ones until kl_own_orders_keep. */
enum { KL_OWN_REMEMBERED = 16384 };

typedef struct kl_own_orders kl_own_orders;

typedef enum {
  KL_OWN_UNKNOWN, /* nobody told, or it rests no longer and how it ended is not known yet */
  KL_OWN_RESTING,
  KL_OWN_CANCELED,
  KL_OWN_EXECUTED
} kl_own_status;

/* Who tells. An answer to a write knows neither costs nor fees, and those that are known stay. */
typedef enum { KL_TOLD_BY_ANSWER, KL_TOLD_BY_LIST, KL_TOLD_BY_CHANNEL } kl_told_by;

typedef struct kl_own_order {
  char order_id[64];
  char client_order_id[80]; /* "" where there is none */
  char ticker[64];          /* the same */
  kl_count total;           /* filled and resting: no fill changes it, amend and decrease do; -1: not known */
  /* As it was told last; ts_ms 0: nobody has told more than the above. */
  int64_t ts_ms; /* of its last change, by the exchange */
  kl_told_by by; /* who told that */
  kl_own_status status;
  kl_side side;
  kl_price yes_price;
  kl_count initial, filled, remaining;
  kl_money taker_cost, maker_cost, taker_fees, maker_fees;
  int64_t created_ms, expiration_ms; /* 0: not known; none */
  int32_t subaccount, exchange_index;
  char order_group_id[64]; /* "" where there is none */
  char reason[24];         /* of its last change, the exchange's word; "" where it gave none */
  /* For whoever compares with lists. */
  int64_t told_ns; /* monotonic, when the channel or an answer told last; 0: never */
  uint64_t listed; /* the number of the list that it stood in last */
} kl_own_order;

kl_own_orders *kl_own_orders_new(void);    /* NULL when out of memory */
void kl_own_orders_free(kl_own_orders *o); /* takes NULL */

/* From now on resting orders are remembered up to the exchange's own bound for an account, 200,000. */
void kl_own_orders_keep(kl_own_orders *o);

/* A write and its answer say so; client_order_id and ticker may be NULL (keeps what is known). Without memory it is
 * forgotten. */
void kl_own_orders_note(kl_own_orders *o, const char *order_id, const char *client_order_id, const char *ticker,
                        kl_count total);

/* Takes over what is told, unless what is known is newer: an ended order never rests again, filled contracts are never
 * fewer, else the later ts_ms counts. `total` of `told` is not read; told_ns is kept unless it is later, listed unless
 * it is not 0. The order when something changed; NULL when nothing did, or without memory. Borrowed as below. */
const kl_own_order *kl_own_orders_tell(kl_own_orders *o, const kl_own_order *told, kl_told_by by);
/* It rests no longer, and nobody knows how it ended. */
void kl_own_orders_vanished(kl_own_orders *o, const char *order_id);

/* Borrowed until the next call that changes the store; NULL when unknown. */
const kl_own_order *kl_own_orders_by_id(const kl_own_orders *o, const char *order_id);
const kl_own_order *kl_own_orders_by_client_id(const kl_own_orders *o, const char *client_order_id);

/* Walks over the resting orders or over all others, those told of last first: NULL begins, NULL ends. */
const kl_own_order *kl_own_orders_next(const kl_own_orders *o, bool resting, const kl_own_order *after);
size_t kl_own_orders_count(const kl_own_orders *o, bool resting);

/* The exchange's word: "resting", "canceled", "executed", "unknown". */
const char *kl_own_status_name(kl_own_status s);
/* Anything else than the first three is KL_OWN_UNKNOWN. */
kl_own_status kl_own_status_read(const char *s, size_t n);

#endif
