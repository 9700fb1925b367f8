/* Prices of a coin: one jump diffusion (Merton 1976) of the logarithm of the price, without drift, which all events
 * about the coin share. */
#include "sim/world_process.h"

/* A second's variance is that of 55 % a year; a jump every three hours, of 0.4 %. */
static const double diffusion = 9.8e-5, jump_every_s = 3 * 3600.0, jump_sd = 0.004;
enum { TERMS = 60 };

void kl_sim_asset_begin(kl_sim_asset *a, uint64_t seed, double price) {
  *a = (kl_sim_asset){.random = kl_sim_random_new(seed, 36)};
  a->log_price = log(price) + 0.03 * kl_sim_gauss(&a->random);
}

double kl_sim_asset_sd(const kl_sim_asset *a, double seconds) {
  (void)a;
  return sqrt(seconds * (diffusion * diffusion + jump_sd * jump_sd / jump_every_s));
}

void kl_sim_asset_advance(kl_sim_asset *a, double t) {
  if (t <= a->t) return;
  double seconds = t - a->t, wait = seconds;
  a->log_price += diffusion * sqrt(seconds) * kl_sim_gauss(&a->random);
  while ((wait += jump_every_s * log(1 - kl_sim_uniform(&a->random))) > 0) {
    a->last_jump = jump_sd * kl_sim_gauss(&a->random);
    a->log_price += a->last_jump;
    a->jumps++;
  }
  a->t = t;
}

static double advance(kl_sim_process *p, double t) {
  kl_sim_asset *a = p->u.crypto.asset;
  kl_sim_asset_advance(a, t);
  p->t = t;
  p->u.crypto.settled = a->log_price;
  if (a->jumps == p->u.crypto.seen) return 0;
  p->u.crypto.seen = a->jumps;
  double left = kl_sim_asset_sd(a, p->end - t);
  return left > 0 ? fabs(a->last_jump) / left : 0;
}

/* P(low < logarithm of the price at the end <= high): a normal for each number of jumps. */
static double fair(const kl_sim_process *p, const kl_sim_claim *claim) {
  double now = p->u.crypto.settled, left = p->end - p->t;
  double low = claim->low > 0 ? log(claim->low) : -INFINITY, high = log(claim->high);
  if (left <= 0) return now > low && now <= high ? 1 : 0;
  double jumps = left / jump_every_s, variance = diffusion * diffusion * left;
  if (jumps > TERMS / 3.0) return kl_sim_normal_between(now, kl_sim_asset_sd(p->u.crypto.asset, left), low, high);
  double weight = exp(-jumps), sum = 0, weights = 0;
  for (int n = 0; n < TERMS && (n < jumps || weight > 1e-7); n++) {
    sum += weight * kl_sim_normal_between(now, sqrt(variance + n * jump_sd * jump_sd), low, high);
    weights += weight;
    weight *= jumps / (n + 1);
  }
  return sum / weights;
}

static void observe(const kl_sim_process *p, kl_sim_observation *out) {
  /* The coin has a price before and after, too. */
  out->value = exp(p->over ? p->u.crypto.settled : p->u.crypto.asset->log_price);
}

static void news(kl_sim_process *p, const kl_sim_claim *claim, double size) {
  (void)claim;
  kl_sim_asset *a = p->u.crypto.asset;
  double left = kl_sim_asset_sd(a, p->end - p->t);
  /* What would be a small move for a far event must not be a crash of the coin. */
  double most = kl_sim_asset_sd(a, 3600);
  a->last_jump = size * (left < most ? left : most);
  a->log_price += a->last_jump;
  a->jumps++;
  p->u.crypto.settled = a->log_price;
}

const kl_sim_process_type kl_sim_crypto_type = {KL_SIM_CRYPTO, advance, fair, observe, news};

void kl_sim_crypto_begin(kl_sim_process *p, kl_sim_asset *asset, double end) {
  p->type = &kl_sim_crypto_type;
  p->u.crypto.asset = asset;
  p->u.crypto.settled = asset->log_price;
  p->u.crypto.seen = asset->jumps;
  p->start = p->t; /* a price can be seen at any time */
  p->end = end;
}
