/* The read side of the exchange lags behind its acknowledgements: with --read-lag, what an account has is shown as it
 * was so long ago. Kept as a journal of what was there before each change of that time. Every function takes a NULL
 * lag, which is none. */
#ifndef KL_SIM_LAG_H
#define KL_SIM_LAG_H

#include "sim/impl.h"

/* NULL when out of memory. */
kl_sim_lag *kl_sim_lag_new(const kl_sim *s);
void kl_sim_lag_free(kl_sim_lag *l);

/* What the engine tells. */
void kl_sim_lag_order(kl_sim_lag *l, const kl_order *o);
void kl_sim_lag_position(kl_sim_lag *l, uint32_t user, int subaccount, const kl_position *p);
/* The market goes: what anybody had in it is not looked at any more. */
void kl_sim_lag_forget(kl_sim_lag *l, const kl_market *m);
/* The balances of a user may have changed. */
void kl_sim_lag_money(kl_sim_lag *l, uint32_t user);
/* An account that comes while it runs. False when out of memory. */
bool kl_sim_lag_add(kl_sim_lag *l, uint32_t user);
void kl_sim_lag_all_money(kl_sim_lag *l); /* those of any may */
/* At the end of whatever may have changed balances. */
void kl_sim_lag_settle(kl_sim_lag *l);

/* As they are shown; NULL: not there yet. Valid until the next call of anything here. */
const kl_order *kl_sim_lag_shown_order(kl_sim_lag *l, const kl_order *o);
const kl_position *kl_sim_lag_shown_position(kl_sim_lag *l, uint32_t user, int subaccount, const kl_position *p);
kl_money kl_sim_lag_shown_balance(kl_sim_lag *l, uint32_t user, int subaccount, int shard, kl_money balance);
/* The balance that is shown now, on one shard or on all. */
kl_money kl_sim_shown_balance(kl_sim *s, uint32_t user, int subaccount, int shard);
bool kl_sim_lag_shows(const kl_sim_lag *l, int64_t us); /* what happened then */

#endif
