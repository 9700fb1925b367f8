/* Order groups in the state file. */
#ifndef KL_SIM_ORDER_GROUPS_H
#define KL_SIM_ORDER_GROUPS_H

#include "sim/impl.h"

/* Keeps what has become of a group; `event_type` is that of kl_exchange_sink.group. */
void kl_sim_groups_keep(kl_sim *s, const kl_order_group *g, const char *event_type);
/* Puts the kept groups back into the exchange, once its users, orders and fills are there. */
bool kl_sim_groups_load(kl_sim *s, kl_error *e);

#endif
