/* Combos: markets made on demand from outcomes of other markets, in multivariate event collections. A combo ends at the
 * product of its legs: when all of them are determined, or at once when one has failed. Knows no JSON and no clock.
 * Source: Kalshi, "Multivariate event collections", "Requests for quote". */
#ifndef KL_SIM_COMBOS_H
#define KL_SIM_COMBOS_H

#include "exchange/exchange.h"
#include "sim/rfqs.h"

typedef struct kl_sim_combos kl_sim_combos;

enum { KL_SIM_LEGS_MOST = 10 };

typedef struct kl_sim_collection {
  const char *ticker, *title, *description;
  const char *category; /* of the events whose markets may be legs; NULL: any */
  const kl_series *series;
  int size_min, size_max; /* legs */
  int64_t open_us, close_us;
} kl_sim_collection;

typedef struct kl_sim_combo {
  kl_market *market;
  const kl_sim_collection *collection;
  uint32_t user;                 /* who made it */
  int64_t created_us, looked_us; /* looked: last time it was asked for by its legs */
  size_t n;
  kl_leg legs[KL_SIM_LEGS_MOST];
} kl_sim_combo;

typedef struct kl_sim_combos_sink {
  void *data;
  void (*made)(void *data, const kl_sim_combo *c); /* may be NULL */
} kl_sim_combos_sink;

/* NULL: out of memory. `now_us` is when the collections open. */
kl_sim_combos *kl_sim_combos_new(kl_exchange *x, int64_t now_us, kl_sim_combos_sink sink);
void kl_sim_combos_free(
    kl_sim_combos *c); /* takes NULL; before the exchange is freed, nothing may use its markets then */
/* Determines combos whose legs decide them, and follows disputes and amendments of legs. */
void kl_sim_combos_tick(kl_sim_combos *c, int64_t now_us);

size_t kl_sim_collections_count(const kl_sim_combos *c);
const kl_sim_collection *kl_sim_collection_at(const kl_sim_combos *c, size_t i);
const kl_sim_collection *kl_sim_collection_find(const kl_sim_combos *c, const char *ticker);
/* Whether markets of the event may be legs there. */
bool kl_sim_collection_takes(const kl_sim_collection *k, const kl_market_event *e);

/* A leg as a client names it. */
typedef struct kl_sim_leg_name {
  const char *market, *event;
  kl_outcome side;
} kl_sim_leg_name;

typedef struct kl_sim_combo_refusal {
  kl_sim_refusal refusal; /* details may point to the text */
  char text[200];
} kl_sim_combo_refusal;

/* The combo of these legs, in whatever order: an existing one, or a new one; false with `why`. A user makes at most
 * 5,000 a week. */
bool kl_sim_combo_create(kl_sim_combos *c, int64_t now_us, uint32_t user, const kl_sim_collection *k,
                         const kl_sim_leg_name *legs, size_t n, const kl_sim_combo **out, kl_sim_combo_refusal *why);
/* The same without making one: 404 when there is none. */
bool kl_sim_combo_look_up(kl_sim_combos *c, int64_t now_us, const kl_sim_collection *k, const kl_sim_leg_name *legs,
                          size_t n, const kl_sim_combo **out, kl_sim_combo_refusal *why);

/* In order of creation; NULL past the end. */
const kl_sim_combo *kl_sim_combo_at(const kl_sim_combos *c, size_t i);
size_t kl_sim_combos_count(const kl_sim_combos *c);

/* Puts back a combo that was saved, under the tickers it had: `event_title` and so on come from its legs. False: a leg
 * is unknown, or memory is out. */
bool kl_sim_combo_restore(kl_sim_combos *c, const char *collection, const char *event_ticker, const char *ticker,
                          const kl_leg *legs, size_t n, uint32_t user, int64_t created_us, int64_t now_us);

/* Whether a combo that is kept has a leg in the event: then the event must stay. */
bool kl_sim_combos_need(const kl_sim_combos *c, const kl_market_event *e);
/* An event whose combos were all settled by that time; NULL: none. */
kl_market_event *kl_sim_combos_old(const kl_sim_combos *c, int64_t settled_by_us);
/* Forgets such an event with its combos, here and in the exchange. */
void kl_sim_combos_retire(kl_sim_combos *c, kl_market_event *e);

/* What the combo pays for YES as its legs stand: *decided when nothing open can change it any more. */
kl_price kl_sim_combo_value(const kl_market *m, bool *decided);

#endif
