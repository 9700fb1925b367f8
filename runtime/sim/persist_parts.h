/* The parts of the state file that follow once a second: the world's hidden values, and the candlesticks. */
#ifndef KL_SIM_PERSIST_PARTS_H
#define KL_SIM_PERSIST_PARTS_H

#include "sim/impl.h"
#include "sim/rows.h"

typedef struct kl_sim_parts kl_sim_parts;

/* NULL when out of memory; the store may have failed. */
kl_sim_parts *kl_sim_parts_open(kl_sim_store *st);
void kl_sim_parts_close(kl_sim_parts *p); /* takes NULL */
/* Makes the world and the candlesticks of a restored exchange. False: the store has failed, or memory is out. */
bool kl_sim_parts_load(kl_sim_parts *p, kl_sim *s);
/* A market goes, or an event of the world, before the exchange forgets it. */
void kl_sim_parts_forget(kl_sim_parts *p, const kl_market *m);
void kl_sim_parts_forget_event(kl_sim_parts *p, const kl_sim_event *e);
/* Puts what has changed. */
void kl_sim_parts_save(kl_sim_parts *p, kl_sim *s);

#endif
