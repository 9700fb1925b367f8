/* Members that come while the simulator runs: by name, each an account with a key of its own (kl_sim_member). */
#ifndef KL_SIM_MEMBERS_H
#define KL_SIM_MEMBERS_H

#include "sim/impl.h"

/* Those of the state file, before the keys that clients have made. */
bool kl_sim_members_load(kl_sim *s, kl_error *e);
/* The one of that name, for the simulator's thread; with this key, which it retains, where there was none yet. NULL
 * with `e`. */
kl_sim_account *kl_sim_members_get(kl_sim *s, const char *name, kl_key *key, kl_error *e);

#endif
