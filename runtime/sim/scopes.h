/* What a key may do: its scopes, and the subaccount that it is locked to. Source: Kalshi, "API keys". */
#ifndef KL_SIM_SCOPES_H
#define KL_SIM_SCOPES_H

#include "sim/http.h"

/* Whether rq->key may do rq->op; false after answering 403. The request of a key that is locked to a subaccount is
 * completed with it, in query and body, so that no handler has to know of such keys: one that names another is refused,
 * a batch as a whole. kl_sim_permit_end frees what that took. */
bool kl_sim_permit(const kl_sim *s, kl_sim_request *rq, kl_sim_response *rs);
void kl_sim_permit_end(kl_sim_request *rq);

/* Whether a key may open a WebSocket connection; false after answering 403, or 429 when its account has as many as it
 * may have. */
bool kl_sim_permit_session(const kl_sim *s, const kl_sim_api_key *k, kl_sim_response *rs);

/* 403: `details` says what is missing. */
void kl_sim_forbid(kl_sim_response *rs, const char *details);

#endif
