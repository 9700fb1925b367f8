/* Everything that the exchange tells about the world beside its markets: one place for the state of these modules. */
#ifndef KL_SIM_REFERENCE_H
#define KL_SIM_REFERENCE_H

#include "sim/impl.h"
#include "sim/subjects.h"

/* The events that are about one kind of thing, looked up anew only when events come or go. A zeroed one is empty. */
typedef struct kl_sim_source {
  const kl_market_event *event;
  size_t slot; /* what the event tells of: the number of a coin or a city */
} kl_sim_source;
typedef struct kl_sim_sources {
  kl_sim_source *list; /* owned */
  size_t n, cap;
  uint64_t mark;
} kl_sim_sources;
/* `slot` says what a subject's events tell of, SIZE_MAX to leave it out. When memory is out the list is short, and made
 * anew at the next call. */
void kl_sim_sources_sync(kl_sim *s, kl_sim_sources *sources, kl_sim_about about,
                         size_t (*slot)(kl_sim *s, const kl_sim_subject *of));
void kl_sim_sources_free(kl_sim_sources *sources);

struct kl_sim_reference {
  struct kl_sim_targets *targets;
  struct kl_sim_milestones *milestones;
  struct kl_sim_indices *indices;
  struct kl_sim_weather *weather;
  struct kl_sim_plays *plays;
  struct kl_sim_rewards *rewards;
  struct kl_sim_marks *marks;
};

/* Once the markets exist; false when out of memory. */
bool kl_sim_reference_open(kl_sim *s);
void kl_sim_reference_free(kl_sim *s);
/* A number that changes when an event comes or goes, so that lists made of all of them are made anew only then. */
uint64_t kl_sim_events_mark(const kl_sim *s);
/* Before anything is served: what the clock would bring in a moment, so that the first request finds it. */
void kl_sim_reference_begin(kl_sim *s);
/* Every 100 ms, and every second. */
void kl_sim_reference_tick(kl_sim *s);
void kl_sim_reference_second(kl_sim *s);

#endif
