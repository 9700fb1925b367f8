/* The token buckets of an account, kept on this side so that calls wait instead of being refused. Reads and writes have
 * budgets of their own, and so has each shard of the exchange for the order writes that name it; all are refilled
 * continuously. Source: Kalshi "Rate limits and tiers" guide. No clock and no timer of its own: the caller says what
 * time it is. */
#ifndef KL_LIMITER_H
#define KL_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "kalshi/operation.h"

/* What goes first when tokens are short: what takes risk off the table, then orders, then everything else. */
typedef enum { KL_CLASS_CANCEL, KL_CLASS_WRITE, KL_CLASS_READ, KL_CLASSES } kl_class;

/* The buckets a call draws from, one bit each: KL_BUCKET_READ, KL_BUCKET_WRITE (the unscoped one), then the write
 * buckets of the shards from 1 up. */
typedef uint32_t kl_bucket_set;
enum { KL_SHARDS = 15, KL_BUCKETS = 2 + KL_SHARDS };
#define KL_IN_BUCKET(which) (UINT32_C(1) << (unsigned)(which))
#define KL_ALL_SHARDS ((((kl_bucket_set)1 << KL_SHARDS) - 1) << 2)
/* The write bucket of shard 1 to KL_SHARDS; the unscoped one for 0 and for a shard beyond what is kept. */
kl_bucket_set kl_bucket_of_shard(int64_t shard);

/* A call that waits. Tickets of one owner with the same buckets and class go in the order they came; between owners the
 * one that was served least comes next. */
typedef struct kl_ticket {
  double cost;
  kl_class class;
  kl_bucket_set buckets;
  uint64_t owner; /* a script; 0: the session itself */
  /* The limiter's own. */
  kl_list link;     /* the first of an owner: in the queue of its class; another: behind its first; else alone */
  kl_list behind;   /* of a first: the rest of its owner's */
  double served;    /* of a first: tokens that its owner had, as the queue counts */
  bool first, paid; /* paid: its tokens are held, and not yet settled */
} kl_ticket;

typedef struct kl_token_bucket {
  double tokens, capacity, rate; /* rate: tokens a second */
  double held;                   /* of `tokens`: for calls on their way */
  int64_t at_ns;                 /* when `tokens` was right */
} kl_token_bucket;

typedef struct kl_limiter {
  kl_token_bucket buckets[KL_BUCKETS];
  kl_list queues[KL_CLASSES];
} kl_limiter;

/* Full buckets of the Basic tier: 200 and 100 a second, of one second each (the smallest that the exchange documents).
 * Must not be moved in memory afterwards. */
void kl_limiter_init(kl_limiter *l, int64_t now_ns);
/* What the exchange says of the read or the write bucket; those of the shards hold as much as the latter. A bucket that
 * was full stays full. */
void kl_limiter_set(kl_limiter *l, kl_bucket which, double capacity, double rate, int64_t now_ns);
/* The exchange refused a call for want of tokens: these buckets are empty, whatever we thought. */
void kl_limiter_drain(kl_limiter *l, kl_bucket_set which, int64_t now_ns);
/* Tokens in the least filled of these buckets; the capacity of the smallest. */
double kl_limiter_tokens(const kl_limiter *l, kl_bucket_set which, int64_t now_ns);
double kl_limiter_capacity(const kl_limiter *l, kl_bucket_set which);

/* A ticket in no queue. */
void kl_ticket_init(kl_ticket *t);
/* Queues a ticket whose cost, class, buckets and owner are set; it must be in no queue. */
void kl_limiter_enqueue(kl_limiter *l, kl_ticket *t);
/* Takes it out again; harmless when it is in none. */
void kl_limiter_remove(kl_ticket *t);
/* Takes the next ticket that has its tokens now out of its queue and pays for it; NULL when none has. *wait_ns is then
 * how long until one has, -1 when nobody waits for tokens. With `hold_reads` tickets of class READ stay where they are.
 * A little is left in a bucket (a twentieth of a second's refill, so that a call that travels faster than the one
 * before it still finds its tokens at the exchange) except by a call that needs it. A cost above the capacity waits for
 * a full bucket and leaves it in debt. */
kl_ticket *kl_limiter_next(kl_limiter *l, bool hold_reads, int64_t now_ns, int64_t *wait_ns);
/* The call of a ticket that kl_limiter_next gave out was answered, or given up: what was held for it is now spent. The
 * exchange took its tokens at some moment since; a bucket that is full refills no more, so the latest moment is the
 * one that never promises tokens which are not there. Harmless when nothing is held. */
void kl_limiter_settle(kl_limiter *l, kl_ticket *t, int64_t now_ns);
/* Tickets in the queues. */
size_t kl_limiter_waiting(const kl_limiter *l);

#endif
