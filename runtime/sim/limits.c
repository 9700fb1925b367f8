#include "sim/limits.h"

static const double rates[2] = {KL_SIM_READ_RATE, KL_SIM_WRITE_RATE};
static const double capacities[2] = {KL_SIM_READ_CAPACITY, KL_SIM_WRITE_CAPACITY};

void kl_sim_limits_init(kl_sim_limits *l, int64_t mono_ns) {
  l->tokens[0] = capacities[0];
  l->tokens[1] = capacities[1];
  l->filled_ns = mono_ns;
}

bool kl_sim_limits_take(kl_sim_limits *l, bool write, uint32_t cost, int64_t mono_ns) {
  double seconds = (double)(mono_ns - l->filled_ns) / 1e9;
  l->filled_ns = mono_ns;
  for (int i = 0; i < 2; i++) {
    l->tokens[i] += rates[i] * seconds;
    if (l->tokens[i] > capacities[i]) l->tokens[i] = capacities[i];
  }
  double *bucket = &l->tokens[write ? 1 : 0];
  if (*bucket < cost) return false;
  *bucket -= cost;
  return true;
}
