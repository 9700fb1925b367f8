/* The exchange's hours: always open but for the weekly maintenance, Thursday 03:00 to 05:00 Eastern. Source: Kalshi,
 * "Maintenance and pauses". */
#ifndef KL_SIM_SCHEDULE_H
#define KL_SIM_SCHEDULE_H

#include "sim/impl.h"

/* What Eastern wall clocks are ahead of UTC at that moment, in microseconds: -4 or -5 hours. The rule of the United
 * States since 2007: daylight saving time from the second Sunday of March to the first of November, at 2:00. */
int64_t kl_sim_eastern_offset_us(int64_t utc_us);

typedef struct kl_sim_window {
  int64_t start_us, end_us;
} kl_sim_window;
/* The maintenance window that has not ended at that time, the i-th from there (0: under way, or the next). */
kl_sim_window kl_sim_maintenance(int64_t utc_us, int i);

/* With the option `maintenance`: pauses trading when a window begins. Ends such pauses when their window does, also
 * those that a simulator had when it was stopped. Call once a second. What somebody else pauses or resumes meanwhile
 * stays. */
void kl_sim_schedule_second(kl_sim *s);
/* The answer of GET /exchange/schedule: what is in "schedule". */
void kl_sim_schedule_json(kl_buf *b, int64_t now_us);

#endif
