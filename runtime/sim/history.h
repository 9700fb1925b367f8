/* A number that is sampled at a fixed step of wall time, and can be asked for later. What lies before the first sample
 * is made up: a walk that leads to it, the same for the same seed whenever it is asked for. */
#ifndef KL_SIM_HISTORY_H
#define KL_SIM_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

typedef struct kl_sim_history_options {
  uint64_t seed, stream;
  int64_t step_ms; /* divides an hour */
  int hours;       /* of samples that are kept, with the one under way */
  double rough;    /* of the made-up past: what it moves by in a second, about */
  bool relative;   /* `rough` is a share of the value */
} kl_sim_history_options;

typedef struct kl_sim_history kl_sim_history;
kl_sim_history *kl_sim_history_new(const kl_sim_history_options *o); /* NULL when out of memory */
void kl_sim_history_free(kl_sim_history *h);                         /* takes NULL */

/* The value now. True when a step has begun since the last call, which then has this value; steps that were missed get
 * the value before. False, too, when out of memory: the step is missed. */
bool kl_sim_history_put(kl_sim_history *h, int64_t now_ms, double value);
/* The value of the step that a time lies in; false when it is still to come, was not kept, or nothing was ever put. */
bool kl_sim_history_at(const kl_sim_history *h, int64_t at_ms, double *value);
/* The begin of the newest step with a value, and of the first that was sampled; 0: none. */
int64_t kl_sim_history_newest_ms(const kl_sim_history *h);
int64_t kl_sim_history_first_ms(const kl_sim_history *h);

#endif
