#include "sim/limits.h"

#include <string.h>

const kl_sim_tier kl_sim_tiers[] = {
    {"basic", 200, 100},     {"advanced", 300, 300}, {"expert", 600, 600},      {"premier", 1200, 1200},
    {"paragon", 2400, 2400}, {"prime", 4800, 4800},  {"prestige", 12000, 9600}, {NULL, 0, 0},
};

const kl_sim_tier *kl_sim_tier_find(const char *name) {
  for (const kl_sim_tier *t = kl_sim_tiers; t->name; t++)
    if (!strcmp(t->name, name)) return t;
  return NULL;
}

void kl_sim_limits_init(kl_sim_limits *l, const kl_sim_tier *tier, int64_t mono_ns) {
  *l = (kl_sim_limits){.tier = tier, .filled_ns = mono_ns, .read = tier->read_rate * KL_SIM_BURST_S};
  for (int i = 0; i <= KL_SIM_SHARDS_MOST; i++)
    l->write[i] = tier->write_rate * KL_SIM_BURST_S;
}

static void refill(double *bucket, int rate, double seconds) {
  *bucket += rate * seconds;
  if (*bucket > rate * KL_SIM_BURST_S) *bucket = rate * KL_SIM_BURST_S;
}

static void refill_all(kl_sim_limits *l, int64_t mono_ns) {
  double seconds = (double)(mono_ns - l->filled_ns) / 1e9;
  l->filled_ns = mono_ns;
  refill(&l->read, l->tier->read_rate, seconds);
  for (int i = 0; i <= KL_SIM_SHARDS_MOST; i++)
    refill(&l->write[i], l->tier->write_rate, seconds);
}

void kl_sim_limits_change(kl_sim_limits *l, const kl_sim_tier *tier, int64_t mono_ns) {
  refill_all(l, mono_ns);
  l->tier = tier;
  refill_all(l, mono_ns);
}

bool kl_sim_limits_take(kl_sim_limits *l, bool write, int64_t shard, uint32_t cost, int64_t mono_ns) {
  refill_all(l, mono_ns);
  double *bucket = write ? &l->write[shard >= 1 && shard <= KL_SIM_SHARDS_MOST ? shard : 0] : &l->read;
  /* A millionth of a token is rounding, not debt. */
  if (*bucket < cost - 1e-6) return false;
  *bucket -= cost;
  return true;
}

/* The count falls by `most` a minute; it is brought up to now before it is looked at or raised. */
static void forget_crosses(kl_sim_limits *l, int most, int64_t mono_ns) {
  l->crosses -= most * (double)(mono_ns - l->crossed_ns) / 60e9;
  if (l->crosses < 0) l->crosses = 0;
  l->crossed_ns = mono_ns;
}

void kl_sim_limits_crossed(kl_sim_limits *l, int most, int64_t mono_ns) {
  forget_crosses(l, most, mono_ns);
  l->crosses += 1;
}

bool kl_sim_limits_crosses_often(kl_sim_limits *l, int most, int64_t mono_ns) {
  forget_crosses(l, most, mono_ns);
  return l->crosses > most - 1 + 1e-6;
}
