/* An election. Each contender has a support that nobody knows exactly: a random walk, part of it in the steps of news
 * days; on election day it is off once more by what the polls had missed, and the largest wins. Polls that are
 * published every eight hours say the shares with the error of their samples; their average is what the public sees. */
#include "sim/world_process.h"

enum { NEWS_S = 8 * 3600, POINTS = 21 };
static const double daily_sd = 0.9, missed_sd = 1.5, sample_sd = 2.0, smoothing = 0.25; /* points, points, points */
static const double settle_s = 2; /* the walk is moved in strides of at least so long */

static double variance(const kl_sim_process *p, double from, double to) {
  return p->u.poll.rate * (to - from) + p->u.poll.jump * kl_sim_times(from, to, NEWS_S);
}

/* P(contender's is the largest of normals of one sd around these means): over the contender's own value. */
static double largest(const double *means, int n, int who, double sd) {
  const double from = -4.5, step = -2 * from / (POINTS - 1);
  double sum = 0, weights = 0;
  for (int i = 0; i < POINTS; i++) {
    double z = from + i * step, weight = exp(-0.5 * z * z), all = weight;
    for (int k = 0; k < n; k++)
      if (k != who) all *= kl_sim_normal_cdf((means[who] - means[k]) / sd + z);
    sum += all;
    weights += weight;
  }
  return sum / weights;
}

static void update_chances(kl_sim_process *p) {
  double sd = sqrt(variance(p, p->t, p->end) + p->u.poll.error), sum = 0;
  for (int i = 0; i < p->u.poll.n; i++)
    sum += p->u.poll.chance[i] = largest(p->u.poll.support, p->u.poll.n, i, sd);
  for (int i = 0; i < p->u.poll.n; i++)
    p->u.poll.chance[i] /= sum;
}

static void publish(kl_sim_process *p) {
  const double *s = p->u.poll.support;
  double all = 0, poll = s[0] + sample_sd * kl_sim_gauss(&p->random);
  for (int i = 0; i < p->u.poll.n; i++)
    all += s[i];
  p->u.poll.polls += smoothing * (poll / all - p->u.poll.polls);
}

static double advance(kl_sim_process *p, double t) {
  if (t < p->end && t - p->t < settle_s) return 0;
  double step = variance(p, p->t, t), jump = 0, largest_step = 0;
  int published = (int)kl_sim_times(p->t, t, NEWS_S);
  double left = sqrt(variance(p, p->t, p->end) + p->u.poll.error);
  for (int i = 0; i < p->u.poll.n; i++) {
    double moved = sqrt(step) * kl_sim_gauss(&p->random);
    p->u.poll.support[i] += moved;
    if (fabs(moved) > largest_step) largest_step = fabs(moved);
  }
  p->t = t;
  if (published > 0) jump = largest_step / left;
  for (int i = 0; i < published; i++)
    publish(p);
  if (t >= p->end) {
    int winner = 0;
    for (int i = 0; i < p->u.poll.n; i++) {
      p->u.poll.support[i] += sqrt(p->u.poll.error) * kl_sim_gauss(&p->random);
      if (p->u.poll.support[i] > p->u.poll.support[winner]) winner = i;
    }
    for (int i = 0; i < p->u.poll.n; i++)
      p->u.poll.chance[i] = i == winner;
  } else {
    update_chances(p);
  }
  return jump;
}

static double fair(const kl_sim_process *p, const kl_sim_claim *claim) { return p->u.poll.chance[claim->contender]; }

static void observe(const kl_sim_process *p, kl_sim_observation *out) { out->value = p->u.poll.polls; }

static void news(kl_sim_process *p, const kl_sim_claim *claim, double size) {
  double sd = sqrt(variance(p, p->t, p->end) + p->u.poll.error);
  p->u.poll.support[claim->contender] += size * sd;
  update_chances(p);
}

const kl_sim_process_type kl_sim_poll_type = {KL_SIM_POLL, advance, fair, observe, news};

void kl_sim_poll_begin(kl_sim_process *p, const double *support, int n, double end) {
  double all = 0;
  p->type = &kl_sim_poll_type;
  p->start = p->t; /* polls can be read at any time */
  p->end = end;
  p->u.poll.n = n;
  p->u.poll.rate = daily_sd * daily_sd / 86400 / 2;
  p->u.poll.jump = p->u.poll.rate * NEWS_S;
  p->u.poll.error = missed_sd * missed_sd;
  for (int i = 0; i < n; i++)
    all += p->u.poll.support[i] = support[i];
  p->u.poll.polls = support[0] / all + 0.01 * kl_sim_gauss(&p->random);
  update_chances(p);
}
