/* What the files of the world share: processes whose outcome has a probability that can be computed from their state.
 * Times are world seconds since the start. */
#ifndef KL_SIM_WORLD_PROCESS_H
#define KL_SIM_WORLD_PROCESS_H

#include <math.h>

#include "sim/world.h"

enum { KL_SIM_CONTENDERS = 3 };

/* A price that many events are about: a jump diffusion of its logarithm. */
typedef struct kl_sim_asset {
  kl_sim_random random;
  double t, log_price, last_jump;
  uint64_t jumps;
} kl_sim_asset;

struct kl_sim_process;

typedef struct kl_sim_process_type {
  kl_sim_kind kind;
  /* Moves the process on; returns how far its value jumped on the way, in standard deviations of what is left. */
  double (*advance)(struct kl_sim_process *p, double t);
  double (*fair)(const struct kl_sim_process *p, const kl_sim_claim *claim);
  void (*observe)(const struct kl_sim_process *p, kl_sim_observation *out);
  /* Moves the hidden value by so many standard deviations of what is left, in favour of the claim's contender if it has
   * one. */
  void (*news)(struct kl_sim_process *p, const kl_sim_claim *claim, double size);
} kl_sim_process_type;

extern const kl_sim_process_type kl_sim_weather_type, kl_sim_sports_type, kl_sim_crypto_type, kl_sim_poll_type,
    kl_sim_economy_type;

typedef struct kl_sim_process {
  const kl_sim_process_type *type;
  kl_sim_random random;
  double t, start, end; /* moved up to; observed from; decided at, INFINITY until it is known when */
  bool over;            /* at `end`; nothing moves any more */
  union {
    struct {
      double forecast, high; /* of the peak; of the day so far */
    } weather;
    struct {
      double strength, next; /* of the home team; game second of the next possession's end */
      double home, home_t;   /* the home team's chance, and when it was computed */
      int score[2], ball, overtimes;
    } sports;
    struct {
      kl_sim_asset *asset;
      double settled; /* logarithm of the price when the process was last moved */
      uint64_t seen;  /* of the asset's jumps */
    } crypto;
    struct {
      double support[KL_SIM_CONTENDERS], rate, jump, error; /* points; variance a second and at each publication */
      double polls, chance[KL_SIM_CONTENDERS];
      int n;
    } poll;
    struct {
      double expected, rate, jump, unit, last;
    } economy;
  } u;
} kl_sim_process;

static inline double kl_sim_normal_cdf(double z) { return 0.5 * erfc(-z * 0.70710678118654752); }
/* P(low < v <= high) of a normal v; sd 0 is a number. */
static inline double kl_sim_normal_between(double mean, double sd, double low, double high) {
  if (sd <= 0) return mean > low && mean <= high ? 1 : 0;
  return kl_sim_normal_cdf((high - mean) / sd) - kl_sim_normal_cdf((low - mean) / sd);
}
/* Multiples of `every` in (from, to]. */
static inline double kl_sim_times(double from, double to, double every) {
  return to > from ? floor(to / every) - floor(from / every) : 0;
}

/* Each sets up a process of its kind; `r` gives what is drawn once, and is then the process's own. */
void kl_sim_weather_begin(kl_sim_process *p, double peak, double midnight);
double kl_sim_weather_expected(const kl_sim_process *p); /* the day's highest, about */
void kl_sim_sports_begin(kl_sim_process *p, double tip_off, double t);
double kl_sim_sports_latest(double tip_off); /* when a game is over, but for many overtimes */
void kl_sim_crypto_begin(kl_sim_process *p, kl_sim_asset *asset, double end);
void kl_sim_asset_begin(kl_sim_asset *a, uint64_t seed, double price);
void kl_sim_asset_advance(kl_sim_asset *a, double t);
double kl_sim_asset_sd(const kl_sim_asset *a, double seconds); /* of the logarithm, after so long */
void kl_sim_poll_begin(kl_sim_process *p, const double *support, int n, double end);
/* `sd` of what is published at `end` around `expected`; readings are multiples of `unit`, the last one was `last`. */
void kl_sim_economy_begin(kl_sim_process *p, double expected, double sd, double unit, double last, double end);

/* world_calendar.c: makes the next event of a series with at most `most` markets; NULL when out of memory. */
kl_sim_event *kl_sim_calendar_add(kl_sim_world *w, uint32_t series, size_t most);
size_t kl_sim_calendar_series(void);
/* world.c: an empty world, and an event for it, which is then the world's; false when out of memory. */
bool kl_sim_world_begin(kl_sim_world *w, kl_exchange *x, const kl_sim_world_options *o);
bool kl_sim_world_take(kl_sim_world *w, kl_sim_event *e);
/* world.c: a place for a market of the exchange. */
kl_sim_market *kl_sim_world_place(kl_sim_world *w, const kl_market *m);

#endif
