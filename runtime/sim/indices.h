/* The prices that crypto events are about, as benchmark indices: five values a second of each coin that the world has,
 * kept for a day, with a made-up past before the start. */
#ifndef KL_SIM_INDICES_H
#define KL_SIM_INDICES_H

#include "sim/history.h"
#include "sim/impl.h"

enum { KL_SIM_INDEX_STEP_MS = 200, KL_SIM_INDICES_MOST = 32, KL_SIM_INDEX_HOURS = 25 };

typedef struct kl_sim_index {
  char coin[16];       /* "BTC" */
  char id[24];         /* as CF Benchmarks calls it: "BRTI", "ETHUSD_RTI" */
  char underlying[32]; /* as Pyth calls it: "Crypto.BTC/USD" */
  kl_sim_history *history;
  int64_t told_s; /* the last whole second that was told */
} kl_sim_index;

struct kl_sim_indices;
struct kl_sim_indices *kl_sim_indices_new(void);    /* NULL when out of memory */
void kl_sim_indices_free(struct kl_sim_indices *x); /* takes NULL */
/* Takes the prices as they are; tells the channels what is new. Every 100 ms. */
void kl_sim_indices_tick(kl_sim *s);

size_t kl_sim_indices_count(const struct kl_sim_indices *x);
const kl_sim_index *kl_sim_index_at(const struct kl_sim_indices *x, size_t i);
/* By coin, by index id or by underlying; NULL: unknown. */
const kl_sim_index *kl_sim_index_of_coin(const struct kl_sim_indices *x, const char *coin);
const kl_sim_index *kl_sim_index_find(const struct kl_sim_indices *x, const char *id);

/* "64288.17": the value as the index publishes it. */
void kl_sim_index_text(char out[32], double value);

typedef struct kl_sim_index_average {
  double value;
  int count;
  int64_t start_ms, end_ms; /* end: exclusive */
} kl_sim_index_average;
/* Over the whole seconds of [at - 60 s, at); the value at `at` when there are none. */
kl_sim_index_average kl_sim_index_average_60s(const kl_sim_index *x, int64_t at_s);
/* Over the whole seconds of the last minute before a quarter of an hour, up to `at` and with it; false outside of such
 * a minute. Source: Kalshi, CF Benchmarks value feed, averaging semantics. */
bool kl_sim_index_average_quarter(const kl_sim_index *x, int64_t at_s, kl_sim_index_average *out);

#endif
