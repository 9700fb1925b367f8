/* Structured targets: the teams and parties that markets are about, as the exchange's reference data has them. */
#ifndef KL_SIM_TARGETS_H
#define KL_SIM_TARGETS_H

#include "sim/impl.h"
#include "sim/subjects.h"

typedef struct kl_sim_target {
  kl_uuid id;
  char name[64];        /* "Boston" */
  char code[24];        /* "BOS", as tickers have it */
  char type[32];        /* "basketball_team" */
  char competition[40]; /* "" : none */
  int64_t created_us;   /* when the first market about it came */
} kl_sim_target;

struct kl_sim_targets;
struct kl_sim_targets *kl_sim_targets_new(void);    /* NULL when out of memory */
void kl_sim_targets_free(struct kl_sim_targets *t); /* takes NULL */

/* Takes up the markets that have come since the last call; false when out of memory. The functions below see what was
 * taken up; a target stays when its markets are gone. */
bool kl_sim_targets_sync(kl_sim *s);
size_t kl_sim_targets_count(const struct kl_sim_targets *t);
const kl_sim_target *kl_sim_target_at(const struct kl_sim_targets *t, size_t i);         /* in order of appearance */
const kl_sim_target *kl_sim_target_find(const struct kl_sim_targets *t, const char *id); /* NULL: none */

/* The target that a market is about: its id, and its type into `type` (32 bytes); false when it is about none. */
bool kl_sim_target_of(const kl_market *m, kl_uuid id, char type[32]);

#endif
