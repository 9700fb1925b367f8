/* Events that begin and end while the simulator runs: what its modules are told of it. */
#ifndef KL_SIM_ROLLING_H
#define KL_SIM_ROLLING_H

#include "sim/impl.h"

/* The world's options with the hooks of the simulator. */
kl_sim_world_options kl_sim_rolling_options(kl_sim *s);
/* What time does to events, ten times a second. */
void kl_sim_rolling_tick(kl_sim *s);

/* Everything that knows the event's markets forgets them, before the exchange does. */
void kl_sim_rolling_forget(kl_sim *s, const kl_market_event *e);

#endif
