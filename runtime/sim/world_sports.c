/* A basketball game. The teams have the ball in turn; possessions end by a Poisson process of the game's clock, each
 * with no, one, two or three points, more often for the better team. After four quarters of twelve minutes a tie goes
 * on in overtimes of five. Until the tip-off the strength of the home team is a random walk: who is injured, who is
 * rested.
 *
 * The probability of a home win depends on the possessions left, the lead, whose ball it is and the strength; that
 * table is computed backwards, once for all games, and averaged over the number of possessions that the clock allows.
 */
#include <pthread.h>
#include <stdlib.h>

#include "sim/world_process.h"

enum {
  QUARTER_S = 720,
  OVERTIME_S = 300,
  GAME_S = 4 * QUARTER_S,
  MOST_LEFT = 290, /* possessions; 200 are expected of a whole game */
  LEAD_MOST = 70,
  LEADS = 2 * LEAD_MOST + 1,
  STRENGTHS = 11
};
static const double possession_s = 14.4, strength_most = 0.1;
/* World seconds: of a second of the clock, of a quarter, of breaks. */
#define REAL_TIME 3.0
#define QUARTER_REAL (QUARTER_S * REAL_TIME)
#define SHORT_BREAK 150.0
#define LONG_BREAK 900.0
static const double strength_day = 0.0004, strength_known_s = 2 * 86400.0; /* variance that a day brings; no earlier */

enum { AWAY, HOME };

static float table[STRENGTHS][2][MOST_LEFT + 1][LEADS]; /* by who has the ball, possessions left, home's lead */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void points_of(double strength, int team, double *p) {
  double better = 1 + (team == HOME ? strength : -strength);
  p[1] = 0.03 * better;
  p[2] = 0.36 * better;
  p[3] = 0.12 * better;
  p[0] = 1 - p[1] - p[2] - p[3];
}

/* Fills rows 1 to `most` of a table from its rows 0. */
static void fill(float (*rows)[MOST_LEFT + 1][LEADS], double strength, int most) {
  double points[2][4];
  points_of(strength, AWAY, points[AWAY]);
  points_of(strength, HOME, points[HOME]);
  for (int n = 1; n <= most; n++) {
    for (int team = AWAY; team <= HOME; team++) {
      const float *next = rows[1 - team][n - 1];
      for (int lead = 0; lead < LEADS; lead++) {
        double sum = 0;
        for (int k = 0; k < 4; k++) {
          int to = team == HOME ? lead + k : lead - k;
          to = to < 0 ? 0 : to >= LEADS ? LEADS - 1 : to;
          sum += points[team][k] * (double)next[to];
        }
        rows[team][n][lead] = (float)sum;
      }
    }
  }
}

/* The chances of `mean` possessions, Poisson, against one lead. */
static double over_possessions(const float (*rows)[MOST_LEFT + 1][LEADS], int ball, double mean, int lead) {
  int at = lead + LEAD_MOST, middle = (int)mean, reach = (int)(5 * sqrt(mean)) + 6;
  int low = middle - reach < 0 ? 0 : middle - reach, high = middle + reach > MOST_LEFT ? MOST_LEFT : middle + reach;
  at = at < 0 ? 0 : at >= LEADS ? LEADS - 1 : at;
  if (mean <= 0) return (double)rows[ball][0][at];
  double weight = exp(low * log(mean) - mean - lgamma(low + 1.0)), sum = 0, weights = 0;
  for (int n = low; n <= high; n++) {
    sum += weight * (double)rows[ball][n][at];
    weights += weight;
    weight *= mean / (n + 1);
  }
  return sum / weights;
}

static void set_end(float (*rows)[MOST_LEFT + 1][LEADS], double loss, double tie, double win) {
  for (int team = AWAY; team <= HOME; team++)
    for (int lead = 0; lead < LEADS; lead++)
      rows[team][0][lead] = (float)(lead < LEAD_MOST ? loss : lead == LEAD_MOST ? tie : win);
}

/* The average over whose ball it is at the beginning. */
static double whole_period(const float (*rows)[MOST_LEFT + 1][LEADS], double seconds) {
  double mean = seconds / possession_s;
  return (over_possessions(rows, AWAY, mean, 0) + over_possessions(rows, HOME, mean, 0)) / 2;
}

static double strength_of(int level) { return strength_most * (2.0 * level / (STRENGTHS - 1) - 1); }

static void make_tables(void) {
  for (int i = 0; i < STRENGTHS; i++) {
    const float(*rows)[MOST_LEFT + 1][LEADS] = (const float(*)[MOST_LEFT + 1][LEADS]) table[i];
    /* An overtime that ends in a tie is followed by another: the chance of the whole is that of one that decides. */
    set_end(table[i], 0, 0, 1);
    fill(table[i], strength_of(i), 70);
    double win = whole_period(rows, OVERTIME_S);
    set_end(table[i], 0, 1, 0);
    fill(table[i], strength_of(i), 70);
    double tie = whole_period(rows, OVERTIME_S);
    set_end(table[i], 0, win / (1 - tie), 1);
    fill(table[i], strength_of(i), MOST_LEFT);
  }
}

/* Home's chance, between the strengths of the tables. `ball` -1: not thrown in yet. */
static double chance(double strength, int ball, double seconds, int lead) {
  double at = (strength / strength_most + 1) / 2 * (STRENGTHS - 1), sum = 0;
  at = at < 0 ? 0 : at > STRENGTHS - 1 ? STRENGTHS - 1 : at;
  int level = at >= STRENGTHS - 1 ? STRENGTHS - 2 : (int)at;
  for (int i = 0; i < 2; i++) {
    const float(*rows)[MOST_LEFT + 1][LEADS] = (const float(*)[MOST_LEFT + 1][LEADS]) table[level + i];
    double one = ball >= 0 ? over_possessions(rows, ball, seconds / possession_s, lead) : whole_period(rows, seconds);
    sum += one * (i ? at - level : 1 - (at - level));
  }
  return sum;
}

/* ---- the clock ---- */

/* Second of the game's clock, overtimes running on from GAME_S, after so many seconds of the evening. */
static double clock_at(double since) {
  static const double breaks[] = {0, SHORT_BREAK, SHORT_BREAK + LONG_BREAK, 2 * SHORT_BREAK + LONG_BREAK};
  if (since <= 0) return 0;
  for (int q = 3; q >= 0; q--) {
    double from = q * QUARTER_REAL + breaks[q];
    if (since < from) continue;
    double played = (since - from) / REAL_TIME;
    if (q < 3) return q * QUARTER_S + (played > QUARTER_S ? QUARTER_S : played);
    if (played <= QUARTER_S) return q * QUARTER_S + played;
    /* Every overtime follows after a short break. */
    double extra = since - from - QUARTER_REAL, one = SHORT_BREAK + OVERTIME_S * REAL_TIME;
    double n = floor(extra / one), within = extra - n * one - SHORT_BREAK;
    return GAME_S + n * OVERTIME_S + (within > 0 ? within / REAL_TIME : 0);
  }
  return 0;
}

/* When the clock shows a second, which is the end of a period. */
static double since_at(double clock) {
  if (clock <= GAME_S) return 4 * QUARTER_REAL + 2 * SHORT_BREAK + LONG_BREAK;
  double n = (clock - GAME_S) / OVERTIME_S;
  return since_at(GAME_S) + n * (SHORT_BREAK + OVERTIME_S * REAL_TIME);
}

double kl_sim_sports_latest(double tip_off) { return tip_off + since_at(GAME_S); }

/* ---- the process ---- */

static double period_end(const kl_sim_process *p) { return GAME_S + p->u.sports.overtimes * (double)OVERTIME_S; }

static double strength_variance(const kl_sim_process *p, double from, double to) {
  if (from < p->start - strength_known_s) from = p->start - strength_known_s;
  if (to > p->start) to = p->start;
  return to > from ? (to - from) / 86400 * strength_day : 0;
}

static double next_possession(kl_sim_process *p) { return -possession_s * log(1 - kl_sim_uniform(&p->random)); }

static void play(kl_sim_process *p) {
  double points[4], at = kl_sim_uniform(&p->random);
  int scored = 0;
  points_of(p->u.sports.strength, p->u.sports.ball, points);
  while (scored < 3 && at >= points[scored])
    at -= points[scored++];
  p->u.sports.score[p->u.sports.ball] += scored;
  p->u.sports.ball = 1 - p->u.sports.ball;
}

/* Plays up to a second of the clock; true when the game is over then. */
static bool play_until(kl_sim_process *p, double clock) {
  for (;;) {
    double end = period_end(p), to = clock < end ? clock : end;
    while (p->u.sports.next <= to) {
      play(p);
      p->u.sports.next += next_possession(p);
    }
    if (clock < end) return false;
    if (p->u.sports.score[HOME] != p->u.sports.score[AWAY]) return true;
    if (clock <= end) return false;
    p->u.sports.overtimes++;
    p->u.sports.ball = kl_sim_below(&p->random, 2) ? HOME : AWAY;
    p->u.sports.next = end + next_possession(p);
  }
}

static double play_on(kl_sim_process *p, double t) {
  if (p->t < p->start) {
    double to = t < p->start ? t : p->start;
    p->u.sports.strength += sqrt(strength_variance(p, p->t, to)) * kl_sim_gauss(&p->random);
    p->t = to;
    if (to >= p->start) {
      p->u.sports.ball = kl_sim_below(&p->random, 2) ? HOME : AWAY;
      p->u.sports.next = next_possession(p);
    }
  }
  if (t <= p->start) return 0;
  int before = p->u.sports.score[AWAY] + p->u.sports.score[HOME];
  bool over = play_until(p, clock_at(t - p->start));
  p->t = t;
  if (over) {
    p->end = p->start + since_at(period_end(p));
    p->over = true;
  }
  double left = (period_end(p) - clock_at(t - p->start)) / possession_s;
  int scored = p->u.sports.score[AWAY] + p->u.sports.score[HOME] - before;
  return scored && left < 60 ? scored / sqrt(1.3 * (left + 4)) : 0;
}

static double home_wins(const kl_sim_process *p) {
  int lead = p->u.sports.score[HOME] - p->u.sports.score[AWAY];
  if (p->over) return lead > 0 ? 1 : 0;
  if (p->t >= p->start) {
    double left = period_end(p) - clock_at(p->t - p->start);
    /* A tie when the time is up: the ball of the overtime is not thrown in yet. */
    return chance(p->u.sports.strength, p->u.sports.ball, left > 0 ? left : 0, lead);
  }
  static const double node[3] = {-1.7320508075688772, 0, 1.7320508075688772}, weight[3] = {1 / 6.0, 2 / 3.0, 1 / 6.0};
  double sd = sqrt(strength_variance(p, p->t, p->start)), sum = 0;
  for (int i = 0; i < 3; i++)
    sum += weight[i] * chance(p->u.sports.strength + sd * node[i], -1, GAME_S, 0);
  return sum;
}

static void update_chance(kl_sim_process *p) {
  p->u.sports.home = home_wins(p);
  p->u.sports.home_t = p->t;
}

static double fair(const kl_sim_process *p, const kl_sim_claim *claim) {
  double home = p->u.sports.home;
  return claim->contender == HOME ? home : 1 - home;
}

static void observe(const kl_sim_process *p, kl_sim_observation *out) {
  out->score[AWAY] = p->u.sports.score[AWAY];
  out->score[HOME] = p->u.sports.score[HOME];
  if (p->t < p->start) return;
  double clock = clock_at(p->t - p->start);
  if (clock < GAME_S && p->u.sports.overtimes == 0) {
    out->period = 1 + (int)clock / QUARTER_S;
    out->clock_s = (int)ceil(out->period * QUARTER_S - clock);
  } else {
    out->period = 4 + p->u.sports.overtimes;
    out->clock_s = clock < period_end(p) ? (int)ceil(period_end(p) - clock) : 0;
  }
}

/* The chance changes little within half a second in which nobody scores, and before the game within five. */
static double advance(kl_sim_process *p, double t) {
  int before = p->u.sports.score[AWAY] + p->u.sports.score[HOME], ball = p->u.sports.ball;
  double jump = play_on(p, t), known = p->t - p->u.sports.home_t;
  bool scored = p->u.sports.score[AWAY] + p->u.sports.score[HOME] != before || p->u.sports.ball != ball;
  if (scored || p->over || known > (p->t < p->start ? 5 : 0.5)) update_chance(p);
  return jump;
}

/* Before the game the strength, in the game points. */
static void news(kl_sim_process *p, const kl_sim_claim *claim, double size) {
  double towards = claim->contender == HOME ? size : -size;
  if (p->t < p->start) {
    p->u.sports.strength += towards * 0.05;
    update_chance(p);
    return;
  }
  double left = (period_end(p) - clock_at(p->t - p->start)) / possession_s;
  int points = (int)lround(towards * sqrt(1.3 * (left > 1 ? left : 1)));
  if (points == 0) points = towards > 0 ? 1 : -1;
  p->u.sports.score[points > 0 ? HOME : AWAY] += abs(points);
  update_chance(p);
}

const kl_sim_process_type kl_sim_sports_type = {KL_SIM_SPORTS, advance, fair, observe, news};

void kl_sim_sports_begin(kl_sim_process *p, double tip_off, double t) {
  pthread_once(&once, make_tables);
  p->type = &kl_sim_sports_type;
  p->start = tip_off;
  p->end = INFINITY;
  p->t = t < tip_off ? t : tip_off;
  p->u.sports.strength = 0.01 + 0.025 * kl_sim_gauss(&p->random);
  if (p->t >= tip_off) {
    p->u.sports.ball = kl_sim_below(&p->random, 2) ? HOME : AWAY;
    p->u.sports.next = next_possession(p);
    play_on(p, t);
  }
  update_chance(p);
}
