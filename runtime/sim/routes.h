/* The REST operations that the simulator serves. Which operation a path means comes from the exchange's own table
 * (kalshi/operation.h); here is only who answers it. */
#ifndef KL_SIM_ROUTES_H
#define KL_SIM_ROUTES_H

#include "sim/http.h"

/* Takes the tokens of a request whose cost depends on its items; false after answering 429. */
bool kl_sim_charge(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs, size_t items);

/* Handlers, by operation. */
void kl_sim_get_exchange_status(kl_sim *, const kl_sim_request *, kl_sim_response *);
void kl_sim_get_exchange_schedule(kl_sim *, const kl_sim_request *, kl_sim_response *);
void kl_sim_get_user_data_timestamp(kl_sim *, const kl_sim_request *, kl_sim_response *);
void kl_sim_get_account_limits(kl_sim *, const kl_sim_request *, kl_sim_response *);
void kl_sim_get_endpoint_costs(kl_sim *, const kl_sim_request *, kl_sim_response *);
void kl_sim_get_api_keys(kl_sim *, const kl_sim_request *, kl_sim_response *);

void kl_sim_get_series_list(kl_sim *, const kl_sim_request *, kl_sim_response *);
void kl_sim_get_series(kl_sim *, const kl_sim_request *, kl_sim_response *);
void kl_sim_get_events(kl_sim *, const kl_sim_request *, kl_sim_response *);
void kl_sim_get_event(kl_sim *, const kl_sim_request *, kl_sim_response *);
void kl_sim_get_markets(kl_sim *, const kl_sim_request *, kl_sim_response *);
void kl_sim_get_market(kl_sim *, const kl_sim_request *, kl_sim_response *);
void kl_sim_get_orderbook(kl_sim *, const kl_sim_request *, kl_sim_response *);
void kl_sim_get_orderbooks(kl_sim *, const kl_sim_request *, kl_sim_response *);
void kl_sim_get_trades(kl_sim *, const kl_sim_request *, kl_sim_response *);
void kl_sim_get_candlesticks(kl_sim *, const kl_sim_request *, kl_sim_response *);
void kl_sim_get_candlesticks_batch(kl_sim *, const kl_sim_request *, kl_sim_response *);

void kl_sim_get_balance(kl_sim *, const kl_sim_request *, kl_sim_response *);
void kl_sim_get_subaccount_balances(kl_sim *, const kl_sim_request *, kl_sim_response *);
void kl_sim_get_positions(kl_sim *, const kl_sim_request *, kl_sim_response *);
void kl_sim_get_fills(kl_sim *, const kl_sim_request *, kl_sim_response *);
void kl_sim_get_settlements(kl_sim *, const kl_sim_request *, kl_sim_response *);
void kl_sim_get_orders(kl_sim *, const kl_sim_request *, kl_sim_response *);
void kl_sim_get_order(kl_sim *, const kl_sim_request *, kl_sim_response *);
void kl_sim_get_queue_position(kl_sim *, const kl_sim_request *, kl_sim_response *);
void kl_sim_get_queue_positions(kl_sim *, const kl_sim_request *, kl_sim_response *);

void kl_sim_create_order(kl_sim *, const kl_sim_request *, kl_sim_response *);
void kl_sim_create_orders(kl_sim *, const kl_sim_request *, kl_sim_response *);
void kl_sim_cancel_order(kl_sim *, const kl_sim_request *, kl_sim_response *);
void kl_sim_cancel_orders(kl_sim *, const kl_sim_request *, kl_sim_response *);
void kl_sim_cancel_all(kl_sim *, const kl_sim_request *, kl_sim_response *);
void kl_sim_amend_order(kl_sim *, const kl_sim_request *, kl_sim_response *);
void kl_sim_decrease_order(kl_sim *, const kl_sim_request *, kl_sim_response *);

#endif
