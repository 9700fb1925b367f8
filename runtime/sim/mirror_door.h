/* The doors of a simulator whose markets are mirrors of live ones (kl_sim_options.mirror): what is told of the live
 * markets comes in here from another thread, in order, and requests of clients are held here as long as they would be
 * on their way, or until their market is mirrored. All functions but those at the end are called from one other thread.
 *
 * What comes in waits in a queue of at most KL_SIM_MIRROR_BYTES. One that is full takes nothing more and says so: who
 * tells then has lost a change, and the book of that market is right again with the next snapshot. */
#ifndef KL_SIM_MIRROR_DOOR_H
#define KL_SIM_MIRROR_DOOR_H

#include "sim/mirror.h"
#include "sim/sim.h"

enum { KL_SIM_MIRROR_BYTES = 16 << 20 };

/* Each says whether it was taken; false: the queue is full, and nothing of it was taken. Texts are copied. What they
 * mean says mirror.h. */
bool kl_sim_mirror_market(kl_sim *s, const kl_mirror_market_info *i);
bool kl_sim_mirror_snapshot(kl_sim *s, const char *ticker, const kl_mirror_rung *const levels[2], const size_t n[2]);
bool kl_sim_mirror_level(kl_sim *s, const char *ticker, kl_outcome side, kl_price own, kl_count delta);
bool kl_sim_mirror_trade(kl_sim *s, const char *ticker, kl_price yes, kl_count count, kl_side taker,
                         const char *trade_id);
bool kl_sim_mirror_stale(kl_sim *s, const char *ticker, bool stale);
bool kl_sim_mirror_status(kl_sim *s, const char *ticker, kl_market_status status, kl_price settlement);
/* Orders for it go on from here: it is mirrored. */
bool kl_sim_mirror_ready(kl_sim *s, const char *ticker);
/* It is not: orders for it end as on the exchange when there is no such market (`why` NULL), else as when that is out
 * of service, with `why` in the answer. It is asked for again by the next order. */
bool kl_sim_mirror_missing(kl_sim *s, const char *ticker, const char *why);
/* A shard (KL_ALL_SHARDS: all) is paused, or runs. */
bool kl_sim_mirror_pause(kl_sim *s, int shard, kl_pause pause);

/* Bytes that wait. */
size_t kl_sim_mirror_waiting(const kl_sim *s);

typedef struct kl_sim_mirror_report {
  bool resumed; /* the account goes on from a state file: the views began with different positions, and say nothing of
                   each other */
  kl_mirror_total view[KL_VIEWS]; /* of the account, by kl_mirror_view */
  kl_mirror_counts counts;
} kl_sim_mirror_report;
/* Waits for the simulator's thread, which first takes in what waits. False when that stands for longer than a second.
 */
bool kl_sim_mirror_report_get(kl_sim *s, kl_sim_mirror_report *out);

/* ---- the simulator's own side ---- */

bool kl_sim_mirror_open(kl_sim *s, kl_error *e); /* once the exchange and its accounts are there */
void kl_sim_mirror_free(kl_sim *s);
bool kl_sim_mirror_begin(kl_sim *s); /* on its loop */
void kl_sim_mirror_end(kl_sim *s);
/* Takes in what waits. */
void kl_sim_mirror_drain(kl_sim *s);
/* The model; NULL without a mirror, or before it is open. */
kl_mirror *kl_sim_mirror_of(const kl_sim *s);

#endif
