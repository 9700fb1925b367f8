/* The synthetic cast. Makers keep ladders around what they think a market is worth: they learn it late, each with its
 * own delay, and lean away from what they hold. Takers trade for reasons of their own: by whim, because the price has
 * moved, because they know better, because the prices of an event do not add up. They are users of the exchange like
 * any other. What they do depends on the seed and the number of steps only, as long as no client trades. */
#ifndef KL_SIM_TRADERS_H
#define KL_SIM_TRADERS_H

#include "exchange/exchange.h"
#include "sim/world.h"

typedef struct kl_sim_traders kl_sim_traders;

/* `rate`: book messages a second of world time to aim at; a world too fast for the machine gets fewer. Registers the
 * users. NULL when out of memory. The exchange and the world are borrowed. */
kl_sim_traders *kl_sim_traders_new(kl_exchange *x, kl_sim_world *w, uint64_t seed, double rate);
void kl_sim_traders_free(kl_sim_traders *t); /* takes NULL */

/* Fills every book once. */
void kl_sim_traders_open(kl_sim_traders *t, int64_t now_us);
/* One step of the world, which has been moved there. */
void kl_sim_traders_step(kl_sim_traders *t, int64_t now_us);
/* An event that came while the world runs: its books are filled. A market that goes. */
void kl_sim_traders_add(kl_sim_traders *t, const kl_sim_event *e, int64_t now_us);
void kl_sim_traders_forget(kl_sim_traders *t, const kl_market *m);

/* The exchange's sink tells of every changed level, by which the rate is kept, and of every fill. */
void kl_sim_traders_count_level(kl_sim_traders *t);
void kl_sim_traders_fill(kl_sim_traders *t, const kl_fill *f);
uint64_t kl_sim_traders_orders(const kl_sim_traders *t); /* created so far */
uint64_t kl_sim_traders_steps(const kl_sim_traders *t);

#endif
