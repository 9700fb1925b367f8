/* Block trades: one party proposes, the other accepts, and they trade past the book. Source: Kalshi, block trade
 * proposals; the words of `status` and who may propose are not documented there. */
#ifndef KL_SIM_BLOCK_TRADES_H
#define KL_SIM_BLOCK_TRADES_H

#include "sim/impl.h"

typedef struct kl_sim_blocks kl_sim_blocks;

/* Makes s->blocks and loads what the state file has; false with `e`. */
bool kl_sim_blocks_start(kl_sim *s, kl_error *e);
void kl_sim_blocks_free(kl_sim_blocks *b); /* takes NULL */
/* Proposals whose time is over, and ended ones that are forgotten after seven days. */
void kl_sim_blocks_tick(kl_sim *s);
/* Forgets the proposals about a market, before the exchange forgets it. */
void kl_sim_blocks_retire(kl_sim *s, const kl_market *m);

#endif
