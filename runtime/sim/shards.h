/* Shards (`exchange_index`): which series are on which, and where a request is routed. */
#ifndef KL_SIM_SHARDS_H
#define KL_SIM_SHARDS_H

#include "exchange/exchange.h"

/* The shard of a series: 1 for combos, 2 for crypto, 3 for tennis and baseball, 0 for all others (Kalshi's guide on
 * sharding, 2026-08). */
int kl_sim_shard_of_series(const char *ticker, const char *category);

/* Whether a request about something of market `m` reaches it. `exchange_index` is what the request names: a shard, or
 * -1 (also: nothing) to be routed by `ticker`, the market that it names; without one it goes to shard 0. */
bool kl_sim_shard_reaches(int64_t exchange_index, const char *ticker, const kl_market *m);

#endif
