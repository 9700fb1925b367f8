/* kalua sim: who may come in, and what the exchange remembers. The options of it. */
#ifndef KL_CLI_SIM_ACCESS_H
#define KL_CLI_SIM_ACCESS_H

#include "cli/cli.h"
#include "sim/sim.h"

/* The table of these options, which write to static memory. */
const kl_opt *kl_sim_access_options(void);
/* What they say, into *so. So->known and its keys go to kl_sim_start; kl_sim_access_end frees the rest. */
bool kl_sim_access_apply(kl_sim_options *so, kl_error *e);
void kl_sim_access_end(void);

/* The file of the i-th known key, as it was given, and whether it holds the private key. */
const char *kl_sim_access_file(int i, bool *is_private);

#endif
