/* The simulator's state file: an SQLite database that outlives the process. Whatever is put joins one transaction,
 * which the server commits before anything that follows from it is told to a client, so a kill -9 at any moment loses
 * nothing that was acknowledged. Here are the file itself and the objects of the modules (keys, groups, quotes, …),
 * each a JSON text under its kind and id; the tables of the matching engine are in sim/persist.h. One thread. */
#ifndef KL_SIM_STORE_H
#define KL_SIM_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

typedef struct kl_sim_store kl_sim_store;

/* Opens or creates the file, mode 0600, and locks it until it is closed. Refuses, with a message of its own each, a
 * file that is in use, is not a state file, was written by a newer version, is damaged, or cannot be read and written.
 */
bool kl_sim_store_open(const char *path, kl_sim_store **out, kl_error *e);
/* Drops what was not committed. Takes NULL. */
void kl_sim_store_close(kl_sim_store *st);

/* ---- objects ---- every function takes a NULL store, which holds nothing and keeps nothing. */

/* Inserts or replaces one object; the text is copied. What goes wrong, a failed buffer too, makes the commit fail. */
void kl_sim_store_put(kl_sim_store *st, const char *kind, const char *id, const kl_buf *json);
void kl_sim_store_delete(kl_sim_store *st, const char *kind, const char *id);
/* All objects of a kind in the order in which they were first put; `object` is borrowed during the call, which must not
 * put or delete objects of that kind. False when the file cannot be read: kl_sim_store_error says why. */
bool kl_sim_store_each(kl_sim_store *st, const char *kind,
                       void (*one)(void *data, const char *id, const json_t *object), void *data);

/* ---- transactions ---- */

/* Whether something was put since the last commit. */
bool kl_sim_store_pending(const kl_sim_store *st);
/* True when all that was put is in the file, or nothing was. After a failure the store takes nothing more: what was put
 * since the last commit must not be acknowledged. */
bool kl_sim_store_commit(kl_sim_store *st);
/* The first thing that went wrong; NULL: nothing did. */
const kl_error *kl_sim_store_error(const kl_sim_store *st);

#endif
