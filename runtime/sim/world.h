/* The world that is traded: series, events and markets made from the seed and today's date, and the hidden values that
 * their prices follow. */
#ifndef KL_SIM_WORLD_H
#define KL_SIM_WORLD_H

#include "base/error.h"
#include "exchange/exchange.h"
#include "sim/random.h"

typedef enum {
  KL_SIM_VALUE, /* markets are ranges of one number (a temperature, a rate) */
  KL_SIM_RACE   /* markets are contenders, one of which wins */
} kl_sim_model;

typedef struct kl_sim_event {
  kl_market_event *event;
  kl_sim_model model;
  kl_sim_random random;
  double value, anchor; /* VALUE: the expected outcome, and where it started */
  double sd;            /* VALUE: how far from it the outcome may end */
  double activity;      /* share of the trading, relative */
  uint64_t step;        /* up to which the values have been moved */
  uint32_t first, n;    /* its markets, by index */
  enum { KL_SIM_OPEN, KL_SIM_DETERMINED, KL_SIM_SETTLED } stage;
  double outcome;  /* VALUE, once determined */
  uint32_t winner; /* RACE, once determined */
} kl_sim_event;

typedef struct kl_sim_market {
  kl_market *market;
  uint32_t event;
  double low, high;     /* VALUE: YES when the outcome is between */
  double logit, anchor; /* RACE */
} kl_sim_market;

typedef struct kl_sim_world {
  kl_sim_event *events;
  size_t n_events;
  kl_sim_market *markets; /* by kl_market.index */
  size_t n_markets;
} kl_sim_world;

enum { KL_SIM_STEP_MS = 20 }; /* simulated time of a step */

/* Fills the exchange and the world. False with `e` when memory is out. */
bool kl_sim_world_build(kl_sim_world *w, kl_exchange *x, uint64_t seed, int markets, int64_t now_us, kl_error *e);
void kl_sim_world_free(kl_sim_world *w);

/* The hidden probability of YES at a step, which never goes back. */
double kl_sim_world_fair(kl_sim_world *w, uint32_t market, uint64_t step);
/* Determines the markets of events that have closed, by the hidden value, and settles them after their timer. */
void kl_sim_world_settle(kl_sim_world *w, kl_exchange *x, int64_t now_us);
/* The tags of a series, NULL-terminated; borrowed for good. */
const char *const *kl_sim_world_tags(const char *series_ticker);

#endif
