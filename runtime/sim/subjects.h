/* What a series is about: the sport and its competition, the city, the coin. The exchange's reference data (milestones,
 * structured targets, filters, live data) is made from this and from the events and markets that exist. */
#ifndef KL_SIM_SUBJECTS_H
#define KL_SIM_SUBJECTS_H

#include "exchange/exchange.h"

typedef enum {
  KL_SIM_ABOUT_SPORTS,
  KL_SIM_ABOUT_WEATHER,
  KL_SIM_ABOUT_CRYPTO,
  KL_SIM_ABOUT_ELECTION,
  KL_SIM_ABOUT_ECONOMY,
  KL_SIM_ABOUT_NOTHING /* no occurrence in the world belongs to it: combos, series of unknown categories */
} kl_sim_about;

typedef struct kl_sim_subject {
  kl_sim_about about;
  char milestone_type[32]; /* "basketball_game", "political_race", … */
  char target_type[32];    /* of its structured targets: "basketball_team"; "" : it has none */
  char sport[24];          /* "Basketball" */
  char competition[40];    /* "Pro Basketball (M)" */
  char scope[24];          /* what the markets of a game are: "Games" */
  char place[32];          /* the city's id of the weather index ("nyc"), or the coin ("BTC") */
} kl_sim_subject;

/* By the series' category and ticker. */
void kl_sim_subject_of(const kl_series *series, kl_sim_subject *out);

/* A UUID that only depends on the two texts, the same in every run and for every seed. */
void kl_sim_name_uuid(const char *kind, const char *name, kl_uuid out);

#endif
