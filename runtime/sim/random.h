/* The simulator's random numbers: small, seeded, the same everywhere. splitmix64 (Steele, Lea, Flood 2014). */
#ifndef KL_SIM_RANDOM_H
#define KL_SIM_RANDOM_H

#include <math.h>
#include <stdint.h>

typedef struct kl_sim_random {
  uint64_t state;
} kl_sim_random;

static inline uint64_t kl_sim_next(kl_sim_random *r) {
  uint64_t z = (r->state += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

/* A stream of its own for each (seed, stream). */
static inline kl_sim_random kl_sim_random_new(uint64_t seed, uint64_t stream) {
  kl_sim_random r = {seed ^ (stream * UINT64_C(0xd1342543de82ef95))};
  kl_sim_next(&r);
  return r;
}

/* In [0, 1). */
static inline double kl_sim_uniform(kl_sim_random *r) { return (double)(kl_sim_next(r) >> 11) * 0x1p-53; }

/* In [0, n); n > 0. The bias of the modulus is far below what a market could show. */
static inline uint32_t kl_sim_below(kl_sim_random *r, uint32_t n) { return (uint32_t)((kl_sim_next(r) >> 32) % n); }

/* A UUID of version 4. */
static inline void kl_sim_uuid(kl_sim_random *r, char out[37]) {
  static const char digits[] = "0123456789abcdef";
  for (int i = 0; i < 36; i++)
    out[i] = i == 8 || i == 13 || i == 18 || i == 23 ? '-' : digits[kl_sim_below(r, 16)];
  out[14] = '4';
  out[19] = digits[8 + kl_sim_below(r, 4)];
  out[36] = '\0';
}

/* Standard normal (Box and Muller, one of the pair). */
static inline double kl_sim_gauss(kl_sim_random *r) {
  double u = 1.0 - kl_sim_uniform(r), v = kl_sim_uniform(r);
  return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

#endif
