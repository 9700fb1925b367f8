/* Everything that the exchange tells about the world beside its markets: one place for the state of these modules. */
#ifndef KL_SIM_REFERENCE_H
#define KL_SIM_REFERENCE_H

#include "sim/impl.h"

struct kl_sim_reference {
  struct kl_sim_targets *targets;
  struct kl_sim_marks *marks;
};

/* Once the markets exist; false when out of memory. */
bool kl_sim_reference_open(kl_sim *s);
void kl_sim_reference_free(kl_sim *s);
/* A number that changes when an event comes or goes, so that lists made of all of them are made anew only then. */
uint64_t kl_sim_events_mark(const kl_sim *s);
/* Every 100 ms, and every second. */
void kl_sim_reference_tick(kl_sim *s);
void kl_sim_reference_second(kl_sim *s);

#endif
