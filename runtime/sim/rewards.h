/* What liquidity programmes pay. Once a second a look is taken at both sides of each book: from the best price down to
 * the programme's target size, contracts count the less the further away they are, and each account that a client uses
 * has its share of all that counts. When the programme is paid out, its reward times the mean of the shares is
 * deposited. */
#ifndef KL_SIM_REWARDS_H
#define KL_SIM_REWARDS_H

#include "sim/impl.h"

struct kl_sim_rewards;
struct kl_sim_rewards *kl_sim_rewards_new(void);    /* NULL when out of memory */
void kl_sim_rewards_free(struct kl_sim_rewards *r); /* takes NULL */
/* What was earned in an earlier run with the state file. */
bool kl_sim_rewards_load(kl_sim *s, kl_error *e);
void kl_sim_rewards_second(kl_sim *s);

#endif
