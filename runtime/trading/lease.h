/* Leases: orders that expire at the exchange after a while and are renewed as long as this process is well. The
 * exchange cannot move an expiration, so that an order is canceled, which says how much of it was left, and that is
 * placed anew; never both at once. Private to the desk and the tests. Source: Kalshi "Create Order" (expiration_time),
 * "Cancel Order" (reduced_by). */
#ifndef KL_LEASE_H
#define KL_LEASE_H

#include "trading/desk_impl.h"

/* The end of the lease, from now on: into the body of an order that is about to be sent, and its record, which is
 * renewed from then on. */
bool kl_lease_complete(kl_desk_entry *x, json_t *body, kl_error *e);
void kl_leases_tick(kl_desk *d);
/* All orders of the account are being canceled: none that is being renewed is placed anew. */
void kl_leases_stop(kl_desk *d);

#endif
