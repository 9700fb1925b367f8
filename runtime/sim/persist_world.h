/* The world's hidden values in the state file. */
#ifndef KL_SIM_PERSIST_WORLD_H
#define KL_SIM_PERSIST_WORLD_H

#include "sim/impl.h"
#include "sim/rows.h"

typedef struct kl_sim_world_rows kl_sim_world_rows;

/* NULL when out of memory; the store may have failed. */
kl_sim_world_rows *kl_sim_world_rows_open(kl_sim_store *st);
void kl_sim_world_rows_close(kl_sim_world_rows *r); /* takes NULL */
/* Makes the world of a restored exchange. False: the store has failed, or memory is out. */
bool kl_sim_world_rows_load(kl_sim_world_rows *r, kl_sim *s);
/* A market goes, or an event of the world, before the exchange forgets it. */
void kl_sim_world_rows_forget(kl_sim_world_rows *r, const kl_market *m);
void kl_sim_world_rows_forget_event(kl_sim_world_rows *r, const kl_sim_event *e);
void kl_sim_world_rows_save(kl_sim_world_rows *r, const kl_sim_world *w);

#endif
