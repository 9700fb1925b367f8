/* Requests to a simulator that mirrors markets: how long each is on its way, and whether its market is there. */
#ifndef KL_SIM_MIRROR_HOLD_H
#define KL_SIM_MIRROR_HOLD_H

#include "sim/http.h"

/* How much later a request that has come is to be handled. Markets that it names are asked for meanwhile. 0 without
 * a mirror, and for what changes nothing. */
int64_t kl_sim_mirror_way_us(kl_sim *s, const kl_sim_request *rq);

typedef enum {
  KL_SIM_MIRROR_GOES,
  KL_SIM_MIRROR_WAITS,  /* for a market; see kl_sim_server_unpark */
  KL_SIM_MIRROR_REFUSES /* answered */
} kl_sim_mirror_verdict;
/* Whether it may be handled now; `late`: it has waited long enough. Whatever is told of the live markets by now has
 * been taken in then. */
kl_sim_mirror_verdict kl_sim_mirror_lets(kl_sim *s, const kl_sim_request *rq, bool late, kl_sim_response *rs);

#endif
