/* The REST operations that the simulator serves. Which operation a path means comes from the exchange's own table
 * (kalshi/operation.h); here is only who answers it. */
#ifndef KL_SIM_ROUTES_H
#define KL_SIM_ROUTES_H

#include "sim/http.h"

/* Takes the tokens of a request whose cost depends on its items; false after answering 429. */
bool kl_sim_charge(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs, size_t items);

/* Answers 429, and counts it. */
void kl_sim_too_many(kl_sim *s, kl_sim_response *rs);

/* Who answers an operation. */
typedef struct kl_sim_route {
  const char *id; /* operationId; NULL ends a table */
  kl_sim_handler handler;
  bool auth_optional; /* served unsigned, too, though the description asks for a signature */
} kl_sim_route;

/* The tables, each in rest_<name>.c. */
extern const kl_sim_route kl_sim_routes_account[];
extern const kl_sim_route kl_sim_routes_block_trades[]; /* in block_trades.c */
extern const kl_sim_route kl_sim_routes_candles[];
extern const kl_sim_route kl_sim_routes_cfbenchmarks[];
extern const kl_sim_route kl_sim_routes_combos[];
extern const kl_sim_route kl_sim_routes_communications[];
extern const kl_sim_route kl_sim_routes_event_data[];
extern const kl_sim_route kl_sim_routes_historical[];
extern const kl_sim_route kl_sim_routes_incentives[]; /* in incentives.c */
extern const kl_sim_route kl_sim_routes_search[];
extern const kl_sim_route kl_sim_routes_weather[];
extern const kl_sim_route kl_sim_routes_exchange[];
extern const kl_sim_route kl_sim_routes_groups[];
extern const kl_sim_route kl_sim_routes_fcm[];
extern const kl_sim_route kl_sim_routes_keys[];
extern const kl_sim_route kl_sim_routes_live_data[];
extern const kl_sim_route kl_sim_routes_market[];
extern const kl_sim_route kl_sim_routes_milestones[];
extern const kl_sim_route kl_sim_routes_orders[];
extern const kl_sim_route kl_sim_routes_portfolio[];
extern const kl_sim_route kl_sim_routes_subaccounts[];
extern const kl_sim_route kl_sim_routes_transfers[];
extern const kl_sim_route kl_sim_routes_fee_changes[];

/* Lists of an account, of the live or of the historical tier. */
void kl_sim_list_positions(kl_sim *, const kl_sim_request *, kl_sim_response *, bool historical);
void kl_sim_list_fills(kl_sim *, const kl_sim_request *, kl_sim_response *, bool historical);
void kl_sim_list_orders(kl_sim *, const kl_sim_request *, kl_sim_response *, bool historical);

#endif
