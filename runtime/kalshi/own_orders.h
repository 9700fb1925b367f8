/* What a session knows of its own orders without asking: from the answers to its writes, and from the account channel
 * `user_orders` while the feed is up. Used to tell what became of a write whose answer was lost. The newest 16,384
 * orders are remembered. Loop thread only. */
#ifndef KL_OWN_ORDERS_H
#define KL_OWN_ORDERS_H

#include "base/units.h"
#include "kalshi/feed.h"

typedef struct kl_own_orders kl_own_orders;

typedef struct kl_own_order {
  char order_id[64];
  char client_order_id[80]; /* "" where there is none */
  kl_count total;           /* filled and resting: no fill changes it, amend and decrease do; -1: not known */
  /* As the account channel told last; ts_ms 0: it has not. */
  int64_t ts_ms;
  char status[16]; /* "resting", "canceled", "executed" */
  kl_count filled, remaining, initial;
  kl_price yes_price;
} kl_own_order;

kl_own_orders *kl_own_orders_new(kl_feed *feed); /* NULL when out of memory; the feed must outlive it */
void kl_own_orders_free(kl_own_orders *o);       /* takes NULL */

/* Orders are being written: listens to the account channel from now on, whenever the feed is up for somebody else. */
void kl_own_orders_watch(kl_own_orders *o);
/* The answer to a write says so; client_order_id may be NULL (keeps what is known). Without memory it is forgotten. */
void kl_own_orders_note(kl_own_orders *o, const char *order_id, const char *client_order_id, kl_count total);

/* Borrowed until the next event; NULL when unknown. */
const kl_own_order *kl_own_orders_by_id(const kl_own_orders *o, const char *order_id);
const kl_own_order *kl_own_orders_by_client_id(const kl_own_orders *o, const char *client_order_id);

#endif
