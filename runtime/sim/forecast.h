/* What the prices of an event's markets say about the number that decides it: the market's own forecast. */
#ifndef KL_SIM_FORECAST_H
#define KL_SIM_FORECAST_H

#include "sim/impl.h"

/* A market as a piece of the distribution: it pays when the number lies between. Either end may be infinite. */
typedef struct kl_sim_slice {
  double low, high;
  double p; /* its price, 0 to 1 */
} kl_sim_slice;

/* The share of the distribution that lies at or below a number. */
typedef struct kl_sim_knot {
  double at, below;
} kl_sim_knot;

/* The slice of a market (without p); false when its strikes are no range of a number. */
bool kl_sim_slice_of(const kl_market *m, kl_sim_slice *out);

/* Knots of the distribution in ascending order, into `out` (room for n + 1); returns how many, 0 when the slices say
 * nothing. `exclusive`: exactly one of the slices pays, so that their prices, scaled to sum to one, are the masses
 * between their bounds. Otherwise every slice is a threshold, and where prices contradict each other neighbours are
 * averaged until the shares ascend. Reorders `slices`. */
size_t kl_sim_distribution(kl_sim_slice *slices, size_t n, bool exclusive, kl_sim_knot *out);
/* The number below which the share `q` lies (0 to 1): on straight lines between the knots; beyond the outermost knot
 * the rest is spread evenly over a range as wide as the neighbouring one. n > 0. */
double kl_sim_percentile(const kl_sim_knot *knots, size_t n, double q);

/* How the number of an event is written. */
typedef struct kl_sim_number_style {
  const char *prefix, *suffix; /* "$", "°", "%" */
  int decimals;
} kl_sim_number_style;
/* As its markets' titles and strikes write it. */
kl_sim_number_style kl_sim_number_style_of(const kl_market_event *e);
void kl_sim_number_text(char *out, size_t cap, kl_sim_number_style style, double v); /* "$95,250.00" */

/* The last hour of middle prices in steps of five seconds, for forecasts of that resolution. */
enum { KL_SIM_MARK_S = 5, KL_SIM_MARKS = 720 };
struct kl_sim_marks;
struct kl_sim_marks *kl_sim_marks_new(void); /* NULL when out of memory */
void kl_sim_marks_free(struct kl_sim_marks *m);
/* Once a second: takes the prices when the next five seconds are over. */
void kl_sim_marks_tick(kl_sim *s);
/* The middle price at a Unix time that is a multiple of five seconds, times two, in kl_price units; 0: not known. */
int kl_sim_mark_at(const struct kl_sim_marks *marks, const kl_market *m, int64_t at_s);
/* The middle of bid and ask times two; 0 when both sides are empty. A lone ask says: between nothing and it. */
int kl_sim_middle2(kl_price bid, kl_price ask);

#endif
