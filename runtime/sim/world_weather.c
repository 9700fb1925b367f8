/* The highest temperature of a day. The hidden value is the forecast of the day's peak, a random walk whose steps are
 * the errors that the forecast still has; every ten minutes of the day the station reads the forecast less what the
 * hour is colder than the afternoon, and the highest reading counts, to the whole degree.
 *
 * The probability that no reading to come is above a bound depends only on the time and on how far the bound is from
 * the forecast. It is computed backwards in time, once for all days. */
#include <pthread.h>

#include "sim/world_process.h"

enum {
  ROW_S = 120,
  READ_S = 600,
  DAY_ROWS = 24 * 3600 / ROW_S,
  AHEAD_ROW_S = 7200,
  AHEAD_ROWS = 24, /* the forecast of a later day says nothing new */
  PUBLISH_S = 6 * 3600,
  COLUMNS = 1121
};
static const double distance_least = -14, column = 0.025; /* degrees */
static const double daily_range = 14, warmest_h = 15, settled_h = 17;
/* Variances: of an hour of the day until the evening and after; of the two days before, half of it comes with the
 * publications. */
static const double day_hour = 4.0 / 17, evening_hour = 0.05, ahead_all = 6.25;

/* The probability that no reading after the row's time exceeds a bound at that distance above the forecast. */
static float day_table[DAY_ROWS + 1][COLUMNS];
static float ahead_table[AHEAD_ROWS + 1][COLUMNS]; /* by how much of the variance before the day is still to come */
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* How much colder it is than at the warmest hour. */
static double colder(double second) {
  return daily_range / 2 * (1 - cos(6.283185307179586 * (second / 3600 - warmest_h) / 24));
}

/* Variance that the day brings up to a second of it. */
static double day_variance(double second) {
  double h = second / 3600;
  return h < settled_h ? day_hour * h : day_hour * settled_h + evening_hour * (h - settled_h);
}

/* One row from the one after it: the mean over a normal step with this variance. Weight by weight over all columns,
 * which compilers turn into vectors. */
static void blur(const float *next, float *out, double variance) {
  enum { REACH_MOST = 299 };
  static double padded[COLUMNS + 2 * REACH_MOST], mean[COLUMNS]; /* below the table it is 0, above it 1 */
  double sum = 0, sd = sqrt(variance);
  int reach = (int)(5 * sd / column) + 1;
  if (reach > REACH_MOST) reach = REACH_MOST;
  for (int c = 0; c < COLUMNS; c++) {
    padded[REACH_MOST + c] = (double)next[c];
    mean[c] = 0;
  }
  for (int c = 0; c < REACH_MOST; c++)
    padded[REACH_MOST + COLUMNS + c] = 1;
  for (int i = -reach; i <= reach; i++) {
    double weight = exp(-0.5 * (i * column / sd) * (i * column / sd));
    const double *from = padded + REACH_MOST + i;
    sum += weight;
    for (int c = 0; c < COLUMNS; c++)
      mean[c] += weight * from[c];
  }
  for (int c = 0; c < COLUMNS; c++)
    out[c] = (float)(mean[c] / sum);
}

static void make_tables(void) {
  static float row[COLUMNS];
  for (int c = 0; c < COLUMNS; c++)
    day_table[DAY_ROWS][c] = 1;
  for (int r = DAY_ROWS - 1; r >= 0; r--) {
    double from = (double)r * ROW_S, to = from + ROW_S;
    bool reading = (r + 1) * ROW_S % READ_S == 0;
    double cooler = colder(to);
    for (int c = 0; c < COLUMNS; c++) {
      double distance = distance_least + c * column;
      /* Below the bound by `distance`, colder by that much; the column that the edge falls into gets its share. */
      double share = reading ? (distance + cooler) / column + 0.5 : 1;
      row[c] = share >= 1 ? day_table[r + 1][c] : share <= 0 ? 0 : (float)share * day_table[r + 1][c];
    }
    blur(row, day_table[r], day_variance(to) - day_variance(from));
  }
  for (int c = 0; c < COLUMNS; c++)
    ahead_table[0][c] = day_table[0][c];
  for (int r = 1; r <= AHEAD_ROWS; r++)
    blur(ahead_table[r - 1], ahead_table[r], ahead_all / AHEAD_ROWS);
}

/* Between four entries of a table; the row is a real number. `edge`: the distance below which the later row is lost. */
static double look_up(const float (*table)[COLUMNS], int rows, double row, double distance, double edge) {
  double at = (distance - distance_least) / column;
  if (at < 0) return 0;
  if (at >= COLUMNS - 1) return 1;
  int r = (int)row, c = (int)at;
  if (r >= rows) r = rows - 1;
  double y = row - r, x = at - c;
  double upper = (double)table[r][c] * (1 - x) + (double)table[r][c + 1] * x;
  double lower = (double)table[r + 1][c] * (1 - x) + (double)table[r + 1][c + 1] * x;
  return upper * (1 - y) + (distance >= edge ? lower * y : 0);
}

/* Variance of what is published before the day begins, between two times. */
static double ahead_variance(const kl_sim_process *p, double from, double to) {
  static const double ahead_s = (double)AHEAD_ROWS * AHEAD_ROW_S;
  double begin = p->start - ahead_s;
  if (from < begin) from = begin;
  if (to > p->start) to = p->start;
  if (to <= from) return 0;
  double publications = kl_sim_times(from - begin, to - begin, PUBLISH_S);
  return ahead_all / 2 * ((to - from) / ahead_s + publications * PUBLISH_S / ahead_s);
}

static void read_station(kl_sim_process *p, double t) {
  double temperature = p->u.weather.forecast - colder(t - p->start);
  if (temperature > p->u.weather.high) p->u.weather.high = temperature;
}

static double advance(kl_sim_process *p, double t) {
  double jump = 0;
  if (p->t < p->start) {
    double to = t < p->start ? t : p->start, variance = ahead_variance(p, p->t, to);
    double step = sqrt(variance) * kl_sim_gauss(&p->random);
    if (variance > ahead_all / 2 * PUBLISH_S / AHEAD_ROW_S / AHEAD_ROWS) jump = fabs(step) / 3;
    p->u.weather.forecast += step;
    p->t = to;
  }
  while (p->t < t) {
    double reading = p->start + (floor((p->t - p->start) / READ_S + 1e-9) + 1) * READ_S;
    double to = reading < t ? reading : t;
    double variance = day_variance(to - p->start) - day_variance(p->t - p->start);
    p->u.weather.forecast += sqrt(variance) * kl_sim_gauss(&p->random);
    p->t = to;
    if (to >= reading) read_station(p, reading);
  }
  return jump;
}

/* P(the day's highest is at most the bound). */
static double below(const kl_sim_process *p, double bound) {
  if (isinf(bound)) return bound > 0 ? 1 : 0;
  if (p->u.weather.high > bound) return 0;
  if (p->t >= p->end) return 1;
  double distance = bound - p->u.weather.forecast;
  if (p->t >= p->start) {
    double second = p->t - p->start, next = (floor(second / ROW_S) + 1) * ROW_S;
    bool reading = (int)next % READ_S == 0;
    return look_up((const float(*)[COLUMNS])day_table, DAY_ROWS, second / ROW_S, distance,
                   reading ? -colder(next) : distance);
  }
  double left = ahead_variance(p, p->t, p->start) / ahead_all * AHEAD_ROWS;
  return look_up((const float(*)[COLUMNS])ahead_table, AHEAD_ROWS, left, distance, distance);
}

static double fair(const kl_sim_process *p, const kl_sim_claim *claim) {
  return below(p, claim->high) - below(p, claim->low);
}

static void observe(const kl_sim_process *p, kl_sim_observation *out) {
  double second = p->t > p->start ? p->t - p->start : 0;
  out->value = p->u.weather.forecast - colder(second);
  out->extreme = p->u.weather.high;
}

static void news(kl_sim_process *p, const kl_sim_claim *claim, double size) {
  (void)claim;
  double second = p->t > p->start ? p->t - p->start : 0;
  double left = ahead_variance(p, p->t, p->start) + day_variance(24 * 3600) - day_variance(second);
  p->u.weather.forecast += size * sqrt(left);
}

const kl_sim_process_type kl_sim_weather_type = {KL_SIM_WEATHER, advance, fair, observe, news};

void kl_sim_weather_begin(kl_sim_process *p, double peak, double midnight) {
  pthread_once(&once, make_tables);
  p->type = &kl_sim_weather_type;
  p->start = midnight;
  p->end = midnight + 24 * 3600;
  p->u.weather.forecast = peak;
  p->u.weather.high = -INFINITY;
}

double kl_sim_weather_expected(const kl_sim_process *p) { return p->u.weather.forecast + 0.8; }
