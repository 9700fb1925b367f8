/* A hash map from byte strings to pointers. Open addressing, keys copied, values borrowed. */
#ifndef KL_MAP_H
#define KL_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct kl_map kl_map;

kl_map *kl_map_new(void);                                           /* NULL when out of memory */
void kl_map_free(kl_map *m);                                        /* takes NULL; values are not touched */
void *kl_map_get(const kl_map *m, const char *key, size_t n);       /* NULL when absent */
bool kl_map_set(kl_map *m, const char *key, size_t n, void *value); /* replaces; false when out of memory */
void *kl_map_remove(kl_map *m, const char *key, size_t n);          /* the removed value or NULL */
size_t kl_map_count(const kl_map *m);

/* Iterates: start with *cursor = 0; false at the end. The map may not be changed meanwhile, and `key` is the map's
 * until it is. */
bool kl_map_next(const kl_map *m, size_t *cursor, const char **key, size_t *n, void **value);

/* The hash used, for callers with their own tables. */
uint64_t kl_hash_bytes(const void *p, size_t n);

#endif
