/* Messages about markets, events and order groups: the channels market_lifecycle_v2, multivariate_market_lifecycle and
 * order_group_updates. */
#ifndef KL_SIM_LIFECYCLE_CHANNEL_H
#define KL_SIM_LIFECYCLE_CHANNEL_H

#include "sim/session.h"

/* Tells of a market, with the event types of kl_exchange_sink.market. Those that the wire has no message for are not
 * told: disputes, and for combos also changes of the price grid and of metadata. */
void kl_sim_tell_market(kl_sim *s, const kl_market *m, const char *event_type);
/* Tells of a new event. */
void kl_sim_tell_event(kl_sim *s, const kl_market_event *e);
/* The overrides of its fees changed. */
void kl_sim_tell_fees(kl_sim *s, const kl_market_event *e);
/* Tells the owner of an order group. */
void kl_sim_tell_group(kl_sim *s, const kl_order_group *g, const char *event_type);

#endif
