/* A hash index of things by a text that stands in each of them, an id or a name. Of a thing it has the hash of its text
 * and where the thing is, so that the index of ten thousand fits the nearer caches, where a map with its copies of the
 * keys (map.h) does not: a look-up waits for the thing alone. */
#ifndef KL_INDEX_H
#define KL_INDEX_H

#include <stdbool.h>
#include <stddef.h>

typedef struct kl_index kl_index;

/* `text_at`: where in a thing its text stands (offsetof), which ends with a NUL and does not change while the thing is
 * in the index. NULL when out of memory. */
kl_index *kl_index_new(size_t text_at);
void kl_index_free(kl_index *x); /* takes NULL; things are not touched */
/* The thing with that text; NULL when there is none. */
void *kl_index_get(const kl_index *x, const char *text);
/* From now on the thing is the one with its text, in place of any that was; borrowed. False when out of memory. */
bool kl_index_put(kl_index *x, void *thing);
/* The next `n` things are put in without a failure. False when out of memory. */
bool kl_index_reserve(kl_index *x, size_t n);
/* Nothing where another thing, or none, is the one with its text. */
void kl_index_remove(kl_index *x, const void *thing);
size_t kl_index_count(const kl_index *x);

#endif
