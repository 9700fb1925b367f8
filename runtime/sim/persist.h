/* What of the simulator is in its state file besides the objects of the modules: the matching engine, the members with
 * their keys, the world and its candlesticks. One transaction takes everything that a turn of the loop has changed, and
 * nothing that follows from it leaves the process before it is in the file. */
#ifndef KL_SIM_PERSIST_H
#define KL_SIM_PERSIST_H

#include "sim/impl.h"

typedef struct kl_sim_persist kl_sim_persist;

/* Opens the file that the options name, if they name one. When it has an exchange, the options that made it (seed,
 * number of markets) and its members with their keys take the place of the given ones. Before anything else is made. */
bool kl_sim_persist_open(kl_sim *s, kl_error *e);
void kl_sim_persist_close(kl_sim *s);
/* Whether the file has an exchange to go on with. */
bool kl_sim_persist_resumes(const kl_sim *s);
/* The seed for what is made in this run: never that of an earlier one with the file, whose ids would come again. */
uint64_t kl_sim_persist_seed(const kl_sim *s);
/* In this order: the keys of the saved members, into the accounts; the exchange, which is new, and the users of the
 * accounts; the world and the candlesticks. */
bool kl_sim_persist_load_keys(kl_sim *s, kl_error *e); /* does nothing unless it resumes */
bool kl_sim_persist_load(kl_sim *s, kl_error *e);
bool kl_sim_persist_load_parts(kl_sim *s, kl_error *e);
/* Writes the members; from here on everything is kept. */
bool kl_sim_persist_begin(kl_sim *s, kl_error *e);

/* Whether something is not in the file yet. */
bool kl_sim_persist_pending(const kl_sim *s);
/* Brings the file up to date. False, once and for all, when that failed: nothing that has changed since the last time
 * may be told. Without a file there is nothing to do. */
bool kl_sim_persist_commit(kl_sim *s);
/* A market goes, or an event of the world, before the exchange forgets it. */
void kl_sim_persist_forget(kl_sim *s, const kl_market *m);
void kl_sim_persist_forget_event(kl_sim *s, const kl_sim_event *e);
/* Once a second: the hidden values and the minutes under way. */
void kl_sim_persist_second(kl_sim *s);

#endif
