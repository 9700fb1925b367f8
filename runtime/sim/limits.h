/* The exchange's rate limits: token buckets of an account with continuous refill. Source: Kalshi, "Rate limits and
 * tiers"; of the numbers that changed, those since 2026-09-24. */
#ifndef KL_SIM_LIMITS_H
#define KL_SIM_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A usage tier: tokens a second. A bucket holds KL_SIM_BURST_S seconds of them. */
typedef struct kl_sim_tier {
  const char *name; /* as GET /account/limits writes it: "basic", … */
  int read_rate, write_rate;
} kl_sim_tier;

enum {
  KL_SIM_BURST_S = 3,
  KL_SIM_SHARDS_MOST = 3 /* the highest exchange_index that has a bucket of its own */
};
#define KL_SIM_DEFAULT_TIER "prestige" /* a fast strategy is not held up */

/* From the smallest to the largest; the name of the last entry is NULL. */
extern const kl_sim_tier kl_sim_tiers[];
/* By name; NULL when there is no such tier. */
const kl_sim_tier *kl_sim_tier_find(const char *name);

typedef struct kl_sim_limits {
  const kl_sim_tier *tier;
  double read, write[1 + KL_SIM_SHARDS_MOST]; /* tokens left; write by shard, 0: what no shard is billed for */
  int64_t filled_ns;
  double crosses; /* post-only orders that would have crossed, less what time has forgiven */
  int64_t crossed_ns;
} kl_sim_limits;

/* Full buckets. */
void kl_sim_limits_init(kl_sim_limits *l, const kl_sim_tier *tier, int64_t mono_ns);
/* Another tier from now on: what is in the buckets stays, up to what they hold. */
void kl_sim_limits_change(kl_sim_limits *l, const kl_sim_tier *tier, int64_t mono_ns);
/* Takes `cost` tokens, all or none; false when they are not there. `shard` picks the write bucket: one of its own for 1
 * to KL_SIM_SHARDS_MOST, the common one for every other number; reads have one bucket. */
bool kl_sim_limits_take(kl_sim_limits *l, bool write, int64_t shard, uint32_t cost, int64_t mono_ns);

/* For the throttle of post-only orders that would cross too often, `most` a minute: one more did. */
void kl_sim_limits_crossed(kl_sim_limits *l, int most, int64_t mono_ns);
/* Whether it is too often now. The count falls by `most` a minute. */
bool kl_sim_limits_crosses_often(kl_sim_limits *l, int most, int64_t mono_ns);

#endif
