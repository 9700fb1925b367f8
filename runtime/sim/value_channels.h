/* The channels whose messages are values of indices: cfbenchmarks_value, its fast sibling and pyth_value. Nothing flows
 * before ids are chosen. Source: Kalshi, AsyncAPI description and its pages of these channels. */
#ifndef KL_SIM_VALUE_CHANNELS_H
#define KL_SIM_VALUE_CHANNELS_H

#include <jansson.h>

#include "sim/indices.h"
#include "sim/session.h"

static inline bool kl_sim_is_value_channel(kl_sim_channel ch) {
  return ch == KL_CH_CF || ch == KL_CH_CF_FAST || ch == KL_CH_PYTH;
}

typedef enum {
  KL_VALUES_OK,
  KL_VALUES_PARAMETER,   /* the list is not one of texts */
  KL_VALUES_NO_IDS,      /* it is missing: error 24 or 28 */
  KL_VALUES_UNSUPPORTED, /* no such action */
} kl_sim_values_result;

/* Whether `params` of a subscribe can be understood for the channel. */
kl_sim_values_result kl_sim_values_check(kl_sim_channel ch, const json_t *params);
/* Adds what a subscribe chooses, which may be nothing; ids that do not exist choose nothing. */
void kl_sim_values_choose(const kl_sim *s, kl_sim_sub *sub, const json_t *params);
/* Runs an action of update_subscription and queues its answer (`id`: of the command, 0: none). Nothing is done and
 * queued with another result than KL_VALUES_OK. */
kl_sim_values_result kl_sim_values_update(kl_sim_session *c, kl_sim_sub *sub, const char *action, const json_t *params,
                                          int64_t id);

/* A new value at `at_ms`, and one at a whole second. `index`: its number. */
void kl_sim_tell_index(kl_sim *s, size_t index, const kl_sim_index *x, int64_t at_ms);
void kl_sim_tell_index_second(kl_sim *s, size_t index, const kl_sim_index *x, int64_t at_s);

#endif
