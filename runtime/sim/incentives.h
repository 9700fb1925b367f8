/* Liquidity incentive programmes: rewards for resting orders in some of the markets, one programme a market and
 * period, the next one announced a period ahead. Which they are follows from the markets and the time alone. */
#ifndef KL_SIM_INCENTIVES_H
#define KL_SIM_INCENTIVES_H

#include "sim/impl.h"

typedef enum { KL_SIM_UPCOMING, KL_SIM_RUNNING, KL_SIM_ENDED, KL_SIM_PAID_OUT } kl_sim_incentive_status;

typedef struct kl_sim_incentive {
  kl_uuid id;
  const kl_market *market;
  int64_t start_us, end_us, pay_us;
  int64_t reward;   /* centi-cents, for the period */
  int discount_bps; /* what a contract a cent away from the best counts, of 10,000 */
  kl_count target;  /* contracts a side that count */
  kl_sim_incentive_status status;
} kl_sim_incentive;

enum { KL_SIM_INCENTIVE_PERIODS = 4 }; /* of a market that are to be seen: two that ended, this one, the next */

/* The programme of a market in one of these periods (0 to 3, oldest first); false when it has none: most markets have
 * no programme, and none begins before its market opens or runs on after it closes. A period is six hours of the
 * simulated world, at least ten seconds; a programme is paid out an eighth of a period after its end. */
bool kl_sim_incentive_of(const kl_sim *s, const kl_market *m, int period, kl_sim_incentive *out);

#endif
