/* Which simulators of this user run, for `kalua trigger` to find: a file for each in the folder of running processes
 * (base/runtime_folder.h). */
#ifndef KL_SIM_REGISTRY_H
#define KL_SIM_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/sim.h"

/* Lists a running simulator. Where that cannot be done it is logged, and only its address finds it. */
void kl_sim_registry_add(kl_sim *s);
void kl_sim_registry_remove(kl_sim *s);

typedef struct kl_sim_listed {
  char rest_url[96], ca_path[300], title[96]; /* ca_path "": no TLS */
  int64_t pid, started_ms;
} kl_sim_listed;

/* The running ones, the oldest first; *out is owned (free), *n may be 0. Files of those that are gone are removed.
 * False when memory is out. */
bool kl_sim_registry_list(kl_sim_listed **out, size_t *n);

#endif
