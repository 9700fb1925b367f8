/* The synthetic side of requests for quote: makers who answer whoever asks and confirm in time, and now and then
 * somebody who asks about a combo, takes the best answer and goes. They are users of the exchange like any other. */
#ifndef KL_SIM_RFQ_MAKERS_H
#define KL_SIM_RFQ_MAKERS_H

#include "sim/combos.h"
#include "sim/rfqs.h"

typedef struct kl_sim_rfq_makers kl_sim_rfq_makers;

typedef struct kl_sim_rfq_makers_options {
  kl_exchange *x; /* these three are borrowed */
  kl_sim_rfqs *rfqs;
  kl_sim_combos *combos;
  uint64_t seed;
  double speed;
  /* The probability of YES of a market that is no combo; changes nothing. */
  double (*fair)(void *data, const kl_market *m);
  void *data;
} kl_sim_rfq_makers_options;

/* Registers the users. NULL: out of memory. */
kl_sim_rfq_makers *kl_sim_rfq_makers_new(const kl_sim_rfq_makers_options *o, int64_t now_us);
void kl_sim_rfq_makers_free(kl_sim_rfq_makers *m); /* takes NULL */

/* Tells of a request, as it is made. Only remembers it. Takes NULL. */
void kl_sim_rfq_makers_hear(kl_sim_rfq_makers *m, const kl_sim_rfq *r);
/* Everything that they do. Takes NULL. */
void kl_sim_rfq_makers_tick(kl_sim_rfq_makers *m, int64_t now_us);

size_t kl_sim_rfq_makers_count(const kl_sim_rfq_makers *m); /* 0 for NULL */
uint32_t kl_sim_rfq_maker_user(const kl_sim_rfq_makers *m, size_t i);

#endif
