/* The stage's part of the simulator's thread. */
#ifndef KL_SIM_STAGE_IMPL_H
#define KL_SIM_STAGE_IMPL_H

#include "sim/impl.h"
#include "sim/stage.h"

/* Before the thread starts; 0 or a negative number of libuv's. */
int kl_sim_stage_open(kl_sim *s);
/* Runs `answer` on the simulator's thread, and waits until it has. From any other thread. */
void kl_sim_stage_ask(kl_sim *s, void (*answer)(kl_sim *s, void *data), void *data);

#endif
