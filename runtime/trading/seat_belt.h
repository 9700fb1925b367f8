/* The seat belt on the exchange's side: the orders of each party are in order groups of its own, one for each shard and
 * subaccount, which the exchange triggers when more than so many contracts trade in 15 s. Triggered, by the exchange or
 * from here, all that rests in the group is canceled and nothing gets in until it is reset. Private to the desk and the
 * tests. Source: Kalshi "Order groups". */
#ifndef KL_SEAT_BELT_H
#define KL_SEAT_BELT_H

#include "trading/desk_impl.h"

/* Whether the groups are there that the orders of this write go into; begins to make those that are not. */
kl_check kl_belt_check(kl_desk_write *w, kl_error *e);
/* The group that was checked for: into the body of the order, and its record. */
bool kl_belt_complete(kl_desk_entry *x, json_t *body, kl_error *e);
/* The exchange has refused an order of a belt: it may have triggered the group, or the group may be gone. */
void kl_belt_refused(kl_desk_entry *x, const kl_error *e);
/* The order's group is being triggered, which cancels it. */
bool kl_belt_takes(const kl_desk_entry *x);

/* Of the party (NULL: of all). */
void kl_belts_trigger(kl_desk *d, const kl_party *p);
/* A person lets the party go on. */
void kl_belts_reset(const kl_party *p);
/* Those in which nothing rests are deleted. */
void kl_belts_tidy(kl_desk *d);
size_t kl_belts_pending(const kl_desk *d); /* that kl_belts_tidy has begun and are not over */
/* What writes wait for, in words, for the error of one that has waited for too long; NULL: for no belt. */
const char *kl_belts_wait(const kl_desk_write *w);
void kl_belts_close(kl_desk *d);

#endif
