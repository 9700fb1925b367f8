/* Milestones: occurrences in the world that events are about. A game, a city's day, an hour of a coin's price, a race,
 * a release; all events about the same one belong to it. */
#ifndef KL_SIM_MILESTONES_H
#define KL_SIM_MILESTONES_H

#include "sim/impl.h"
#include "sim/subjects.h"

typedef struct kl_sim_milestone {
  kl_uuid id;
  kl_sim_subject about;
  char title[160];
  char source_id[96];             /* what the simulator knows it by */
  const kl_market_event **events; /* owned; in order of creation, at least one */
  size_t n, cap;
  uint64_t listed; /* in which answer it was written last */
} kl_sim_milestone;

struct kl_sim_milestones;
struct kl_sim_milestones *kl_sim_milestones_new(void);    /* NULL when out of memory */
void kl_sim_milestones_free(struct kl_sim_milestones *m); /* takes NULL */

/* Takes up what events have come and gone; false when out of memory. Pointers to milestones are good until the next
 * call. */
bool kl_sim_milestones_sync(kl_sim *s);
size_t kl_sim_milestones_count(const struct kl_sim_milestones *m);
kl_sim_milestone *kl_sim_milestone_at(const struct kl_sim_milestones *m, size_t i);         /* in order of appearance */
kl_sim_milestone *kl_sim_milestone_find(const struct kl_sim_milestones *m, const char *id); /* NULL: none */
/* The milestone that an event belongs to; NULL: none. */
kl_sim_milestone *kl_sim_milestone_of(const struct kl_sim_milestones *m, const char *event_ticker);

typedef struct kl_sim_milestone_state {
  int64_t start_us, end_us, updated_us;
  kl_sim_observation seen; /* of its first event */
  bool observed;           /* false: the world knows nothing of it any more */
} kl_sim_milestone_state;
/* Where it stands now. */
void kl_sim_milestone_look(const kl_sim *s, const kl_sim_milestone *m, kl_sim_milestone_state *out);
/* "scheduled", "inprogress" or "closed". */
const char *kl_sim_milestone_status(const kl_sim_milestone_state *st);

/* The milestone as REST gives it. */
void kl_sim_json_milestone(kl_buf *b, const kl_sim *s, const kl_sim_milestone *m);
/* `,"milestones":[…]`: those that the events belong to, each once. */
void kl_sim_json_milestones_of(kl_buf *b, kl_sim *s, const kl_market_event *const *events, size_t n);

/* The teams of a game as `"away_team_id":…,"home_team_id":…` and their names. */
void kl_sim_json_teams(kl_buf *b, const kl_sim_milestone *m);

#endif
