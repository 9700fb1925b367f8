/* API usage levels: which tier an account has, by what grants, and how much it must trade for more. Source: Kalshi,
 * "Rate limits and tiers". */
#ifndef KL_SIM_LEVELS_H
#define KL_SIM_LEVELS_H

#include "sim/impl.h"

/* Gives every account the tier of the options, and what the store says it earned since. */
bool kl_sim_levels_begin(kl_sim *s, kl_error *e);
/* Looks at the volumes every hour of simulated time, grants what was earned, and takes back what has expired. */
void kl_sim_levels_second(kl_sim *s);

/* The permanent Advanced grant: false when none of the account's last 100 orders came through the API. */
bool kl_sim_levels_upgrade(kl_sim *s, kl_sim_account *a);

/* What of the last month's trading earns a level, and what keeps it. */
typedef struct kl_sim_goal {
  const kl_sim_tier *tier;
  kl_count earn, keep;
} kl_sim_goal;
/* The i-th level that is earned by volume; false past the end. */
bool kl_sim_levels_goal(const kl_sim *s, int i, kl_sim_goal *out);

#endif
