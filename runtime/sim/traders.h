/* The synthetic cast: makers who keep ladders around their estimate of a market's hidden value, takers who trade
 * against them by whim or because the price has moved away. They are users of the exchange like any other. What they
 * do depends on the seed and the number of steps only, as long as no client trades. */
#ifndef KL_SIM_TRADERS_H
#define KL_SIM_TRADERS_H

#include "exchange/exchange.h"
#include "sim/world.h"

typedef struct kl_sim_traders kl_sim_traders;

/* `rate`: book messages a second of simulated time to aim at. Registers the users. NULL when out of memory. The
 * exchange and the world are borrowed. */
kl_sim_traders *kl_sim_traders_new(kl_exchange *x, kl_sim_world *w, uint64_t seed, double rate);
void kl_sim_traders_free(kl_sim_traders *t); /* takes NULL */

/* Fills every book once. */
void kl_sim_traders_open(kl_sim_traders *t, int64_t now_us);
/* One step of KL_SIM_STEP_MS. */
void kl_sim_traders_step(kl_sim_traders *t, int64_t now_us);

/* The exchange's sink tells of every changed level; this is how the rate is kept. */
void kl_sim_traders_count_level(kl_sim_traders *t);
uint64_t kl_sim_traders_orders(const kl_sim_traders *t); /* created so far */
uint64_t kl_sim_traders_steps(const kl_sim_traders *t);

#endif
