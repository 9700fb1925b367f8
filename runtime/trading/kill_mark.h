/* The mark that `kalua kill` leaves: no process of this user sends orders while it is there, whoever starts it again.
 * It is a file in the state folder, so it outlives restarts of the machine, until a person lifts it. */
#ifndef KL_KILL_MARK_H
#define KL_KILL_MARK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Writes it, durably. False with `e`. */
bool kl_kill_mark_set(kl_error *e);
/* Takes it away; *was (may be NULL): it was there. False with `e`. */
bool kl_kill_mark_clear(bool *was, kl_error *e);
/* Whether it is there; `why` says since when and how it is lifted. What cannot be read counts as there. */
bool kl_kill_mark_read(char *why, size_t cap);

#endif
