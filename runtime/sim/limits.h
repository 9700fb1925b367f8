/* The exchange's rate limits: two token buckets of an account with continuous refill. Source: Kalshi, "Rate limits and
 * tiers". The simulator's accounts are of the highest tier, so that a fast strategy is not held up. */
#ifndef KL_SIM_LIMITS_H
#define KL_SIM_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

enum {
  KL_SIM_READ_RATE = 12000,
  KL_SIM_READ_CAPACITY = 12000,
  KL_SIM_WRITE_RATE = 9600,
  KL_SIM_WRITE_CAPACITY = 19200
};
#define KL_SIM_TIER "prestige"

typedef struct kl_sim_limits {
  double tokens[2]; /* read, write */
  int64_t filled_ns;
} kl_sim_limits;

void kl_sim_limits_init(kl_sim_limits *l, int64_t mono_ns);
/* Takes `cost` tokens of the read or write bucket, all or none; false when they are not there. */
bool kl_sim_limits_take(kl_sim_limits *l, bool write, uint32_t cost, int64_t mono_ns);

#endif
