/* The paths beside those of the exchange: "/sim/…" as JSON for `kalua trigger`, tests and the page, and the page's
 * files. Unsigned, but only for this machine: a caller from elsewhere, a name that is not that of loopback (a page
 * whose name was made to point here) and a browser's request from another page's origin are refused. */
#ifndef KL_SIM_CONTROL_H
#define KL_SIM_CONTROL_H

#include "sim/http.h"

/* Whether the path is one of these. */
bool kl_sim_control_takes(const char *path);
/* Answers it. */
void kl_sim_control(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs);

/* control_views.c: what can be looked at. */
void kl_sim_view_markets(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs);
void kl_sim_view_book(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs);
void kl_sim_view_trades(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs);
void kl_sim_view_orders(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs);
void kl_sim_view_accounts(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs);
void kl_sim_view_status(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs);
void kl_sim_view_events(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs);

#endif
