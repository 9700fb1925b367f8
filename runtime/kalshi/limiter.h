/* The token buckets of an account, kept on this side so that calls wait instead of being refused. Two budgets, read and
 * write, refilled continuously; a call takes its cost or waits. Source: Kalshi "Rate limits and tiers" guide. No clock
 * and no timer of its own: the caller says what time it is. */
#ifndef KL_LIMITER_H
#define KL_LIMITER_H

#include <stdint.h>

#include "base/list.h"
#include "kalshi/operation.h"

/* Order within a bucket: what takes risk off the table goes first. First come first served within a class. */
typedef enum { KL_CLASS_CANCEL, KL_CLASS_WRITE, KL_CLASS_READ, KL_CLASSES } kl_class;

typedef struct kl_ticket {
  kl_list link; /* in a queue, or alone */
  double cost;
} kl_ticket;

typedef struct kl_token_bucket {
  double tokens, capacity, rate; /* rate: tokens a second */
  int64_t at_ns;                 /* when `tokens` was right */
  kl_list queues[KL_CLASSES];
} kl_token_bucket;

typedef struct kl_limiter {
  kl_token_bucket buckets[2]; /* by kl_bucket */
} kl_limiter;

/* Full buckets of the Basic tier: 200 and 100 a second, of one second each (the smallest that the exchange documents).
 * Must not be moved in memory afterwards. */
void kl_limiter_init(kl_limiter *l, int64_t now_ns);
/* What the exchange says of a bucket. A bucket that was full stays full. */
void kl_limiter_set(kl_limiter *l, kl_bucket which, double capacity, double rate, int64_t now_ns);
/* The exchange refused a call for want of tokens: the bucket is empty, whatever we thought. */
void kl_limiter_drain(kl_limiter *l, kl_bucket which, int64_t now_ns);
double kl_limiter_tokens(const kl_limiter *l, kl_bucket which, int64_t now_ns);

/* Queues a ticket with its cost set; it must be in no queue. kl_list_remove takes it out again. */
void kl_limiter_enqueue(kl_limiter *l, kl_bucket which, kl_class class, kl_ticket *t);
/* Takes the next ticket that has its tokens now out of its queue and pays for it; NULL when none has. *wait_ns is then
 * how long until one has, -1 when nobody waits. A cost above the capacity waits for a full bucket and leaves it in
 * debt.
 */
kl_ticket *kl_limiter_next(kl_limiter *l, int64_t now_ns, int64_t *wait_ns);

#endif
