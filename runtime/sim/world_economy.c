/* A reading that is published at a time: what economists expect is a random walk until then, half of it in steps at the
 * other figures that come out every six hours. The published reading is rounded. */
#include "sim/world_process.h"

enum { FIGURES_S = 6 * 3600 };

static double variance(const kl_sim_process *p, double from, double to) {
  double offset = p->end - floor(p->end / FIGURES_S) * FIGURES_S; /* no figure falls on the publication */
  return p->u.economy.rate * (to - from) +
         p->u.economy.jump * kl_sim_times(from - offset + FIGURES_S / 2.0, to - offset + FIGURES_S / 2.0, FIGURES_S);
}

static double advance(kl_sim_process *p, double t) {
  double step = variance(p, p->t, t), left = variance(p, p->t, p->end);
  bool figure = step > p->u.economy.rate * (t - p->t) * 1.000001;
  double moved = sqrt(step) * kl_sim_gauss(&p->random);
  p->u.economy.expected += moved;
  p->t = t;
  if (t >= p->end) p->u.economy.last = round(p->u.economy.expected / p->u.economy.unit) * p->u.economy.unit;
  return figure && left > 0 ? fabs(moved) / sqrt(left) : 0;
}

static double fair(const kl_sim_process *p, const kl_sim_claim *claim) {
  double sd = sqrt(variance(p, p->t, p->end));
  return kl_sim_normal_between(p->u.economy.expected, sd, claim->low, claim->high);
}

static void observe(const kl_sim_process *p, kl_sim_observation *out) { out->value = p->u.economy.last; }

static void news(kl_sim_process *p, const kl_sim_claim *claim, double size) {
  (void)claim;
  p->u.economy.expected += size * sqrt(variance(p, p->t, p->end));
}

const kl_sim_process_type kl_sim_economy_type = {KL_SIM_ECONOMY, advance, fair, observe, news};

void kl_sim_economy_begin(kl_sim_process *p, double expected, double sd, double unit, double last, double end) {
  p->type = &kl_sim_economy_type;
  p->start = p->end = end;
  p->u.economy.expected = expected;
  p->u.economy.unit = unit;
  p->u.economy.last = last;
  double seconds = end - p->t > 1 ? end - p->t : 1;
  p->u.economy.rate = sd * sd / 2 / seconds;
  p->u.economy.jump = p->u.economy.rate * FIGURES_S;
}
