/* Whether an account may trade a market, whatever the engine would say: its location attestation, and what an FCM
 * member allows its subtrader. */
#ifndef KL_SIM_ELIGIBLE_H
#define KL_SIM_ELIGIBLE_H

#include "sim/body.h"

/* Why not, in the wire's words. */
typedef struct kl_sim_denial {
  int status;
  const char *code, *message; /* NULL code: it may */
  kl_sim_details details;
} kl_sim_denial;

/* Whether anything may be bought or sold there: orders, quotes, RFQs. False with *d. */
bool kl_sim_may_trade(const kl_sim *s, const kl_sim_account *a, const kl_market *m, kl_sim_denial *d);
/* The same for an order; one that is amended is given with what it wants more. */
bool kl_sim_may_order(const kl_sim *s, const kl_sim_account *a, const kl_market *m, const kl_order_request *q,
                      kl_sim_denial *d);

#endif
