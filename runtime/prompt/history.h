/* What was entered before: in memory, and in a file of this user's that several prompts may share. */
#ifndef KL_HISTORY_H
#define KL_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

typedef struct kl_history kl_history;

/* An empty one, which is kept nowhere. NULL when memory is out. */
kl_history *kl_history_new(void);
void kl_history_free(kl_history *h); /* takes NULL */

/* $XDG_STATE_HOME/kalua/history, or else ~/.local/state/kalua/history. False when neither is known. */
bool kl_history_path(char *path, size_t cap);
/* Reads the newest entries of a file, made (0600, its folder 0700) where it is not there, and keeps there what is added
 * from now on. What is no regular file (a link to /dev/null) keeps nothing. False with `e` (kind "config"): then it is
 * kept nowhere. */
bool kl_history_open(kl_history *h, const char *path, kl_error *e);

/* Adds an entry of one or more lines as the newest one, unless it is like the last one or blank. It goes into the file
 * at once, whole or not at all, where kl_history_keeps. False with `e` when that failed for the first time; nothing
 * goes into the file after that. */
bool kl_history_add(kl_history *h, const char *p, size_t n, kl_error *e);
/* Entries from the oldest, 0, to the newest. The text is NUL-terminated and borrowed until the next add. */
size_t kl_history_count(const kl_history *h);
const char *kl_history_at(const kl_history *h, size_t i, size_t *n);

/* Whether a text may be written to the disk: not what begins with a blank, nor what looks like a secret or a key. */
bool kl_history_keeps(const char *p, size_t n);

#endif
