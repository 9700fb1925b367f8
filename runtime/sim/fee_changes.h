/* Scheduled changes of fees: of a series, or an event's override. They apply when they are due. Some come from the
 * seed; with synthetic traders, events get a lower fee for a while now and then. */
#ifndef KL_SIM_FEE_CHANGES_H
#define KL_SIM_FEE_CHANGES_H

#include "sim/impl.h"

typedef struct kl_sim_fee_changes kl_sim_fee_changes;

typedef struct kl_sim_fee_change {
  kl_uuid id;
  kl_series *series;
  kl_market_event *event; /* NULL: a change of the series */
  bool has_type, has_multiplier;
  kl_fee_schedule fees;
  int64_t at_us;
  bool applied;
} kl_sim_fee_change;

/* Made after the world, and after what the state file says about the exchange. */
bool kl_sim_fee_changes_start(kl_sim *s, kl_error *e);
void kl_sim_fee_changes_free(kl_sim_fee_changes *f); /* takes NULL */
void kl_sim_fee_changes_tick(kl_sim *s);
/* The event goes, and with it its changes. */
void kl_sim_fee_changes_forget(kl_sim *s, const kl_market_event *e);

/* Schedules a change, or applies it at once when it is due; false when out of memory. */
bool kl_sim_fee_change_series(kl_sim *s, kl_series *series, kl_fee_schedule fees, int64_t at_us);
bool kl_sim_fee_change_event(kl_sim *s, kl_market_event *event, const kl_fee_type *type, const int64_t *multiplier_ppm,
                             int64_t at_us);

/* The i-th by time, the earliest first; NULL past the end. The last 2,000 or so are kept. */
const kl_sim_fee_change *kl_sim_fee_change_at(const kl_sim *s, size_t i);

#endif
