/* Where a write of an order that exists goes. The exchange looks for it on the shard that the write names, or on that
 * of the market that it names, and otherwise on shard 0 alone. Source: Kalshi, "Exchange sharding". */
#ifndef KL_ORDER_ROUTE_H
#define KL_ORDER_ROUTE_H

#include "kalshi/session_impl.h"

/* The order id in the path of a write; false when there is none, or a longer or an encoded one. */
bool kl_order_id_of_path(const char *path, char *out, size_t cap);
/* The ticker of an order as its create named it, from the create's body; false when there is none or a longer one. */
bool kl_order_ticker_of_body(const char *body, char *out, size_t cap);

/* Gives a cancel, a decrease or a batch of cancels that names neither shard nor market the market of each order that is
 * known here, and notes in `unrouted` that a single one goes to shard 0 because its order is not. False when out of
 * memory. */
bool kl_order_route(kl_call *c);

#endif
