/* What became of a write whose answer was lost. It is looked up, never guessed: orders by their client_order_id or
 * order id, from the account channel if that has told already and over REST otherwise, and "it is not there" counts
 * only once the exchange's read side is known to be newer than the loss. Source: Kalshi "Orders" guide (client_order_id
 * is unique for ever, so it works as an idempotency key), GET /exchange/user_data_timestamp (how fresh reads are). */
#ifndef KL_LOST_WRITE_H
#define KL_LOST_WRITE_H

#include "kalshi/order_answer.h"
#include "kalshi/session_impl.h"

typedef enum {
  KL_LOST_DONE,     /* it happened; the text is the answer that the exchange would have given, with "resolved":true */
  KL_LOST_NOT_DONE, /* it did not happen; the text says how that is known */
  KL_LOST_UNKNOWN   /* it cannot be told; the text says why */
} kl_lost_verdict;

typedef void (*kl_lost_cb)(void *data, kl_lost_verdict verdict, const char *text, size_t n);

/* Whether writes of this operation with this body can be looked up at all. */
bool kl_lost_write_can(const kl_call *c);
/* Begins to look up what became of `c`, which must outlive it; `by_timeout`: its answer did not come in time, so that
 * it may still be on its way. `cb` is called once, from the loop, within half a minute. NULL when out of memory. */
kl_lost_write *kl_lost_write_start(kl_call *c, bool by_timeout, kl_lost_cb cb, void *data);
/* `cb` will not be called; call it only before `cb` was. Counts itself off the session when the loop has closed it. */
void kl_lost_write_cancel(kl_lost_write *w);

/* Called before a write first leaves: what a later look-up compares with. The account channel tells of the write itself
 * before its answer is missed, so what is known then is too late. */
void kl_lost_write_before(kl_call *c);

/* An answer to a write came: remembers what a later look-up needs. `answer` is what it says of its order, empty for a
 * batch and for a write of no orders. False when it should tell of orders and is no JSON object. */
bool kl_lost_write_remember(kl_session *s, const kl_call *c, const char *body, size_t n, kl_order_answer *answer);

#endif
