/* The answers that a new version of a strategy got while it started. Where the old version ran on meanwhile, the new
 * one is built a second time, with the state as it is then; it is given the same answers, and nobody is asked twice.
 *
 * The strategy makes a record with the first build, sets `rehearsal` of the script (script/internal.h) to it, calls
 * kl_rehearsal_rewind before the next build and hangs it on that; once a version is live its `rehearsal` is NULL again
 * and the record is freed. */
#ifndef KL_REHEARSAL_H
#define KL_REHEARSAL_H

#include <stdbool.h>
#include <stddef.h>

#include "script/script.h"

typedef struct kl_rehearsal kl_rehearsal;

kl_rehearsal *kl_rehearsal_new(void);      /* NULL when out of memory */
void kl_rehearsal_free(kl_rehearsal *r);   /* takes NULL */
void kl_rehearsal_rewind(kl_rehearsal *r); /* what was put so far can be taken, once each */

/* Notes an answer in a form of the binding's own; key and answer are copied. Without memory it is left out, and asked
 * for again. */
void kl_rehearsal_put(kl_rehearsal *r, const void *key, size_t key_n, const void *answer, size_t n);
/* The oldest answer under this key that was put before the last rewind and not taken since; NULL when there is none.
 * Borrowed until the record is freed. */
const void *kl_rehearsal_take(kl_rehearsal *r, const void *key, size_t key_n, size_t *n);

/* The record of a version that starts; NULL for every other script. */
kl_rehearsal *kl_script_rehearsal(const kl_script *s);

#endif
