#include "base/index.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"

/* Linear probing over a table that is a power of two large and at most three quarters full. A removal shifts the run
 * behind it back, so there are no tombstones. */
typedef struct {
  uint64_t hash;
  void *thing; /* NULL: empty */
} slot;

struct kl_index {
  slot *slots;
  size_t cap; /* 0 until the first thing */
  size_t count, text_at;
};

static const char *text_of(const kl_index *x, const void *thing) { return (const char *)thing + x->text_at; }

kl_index *kl_index_new(size_t text_at) {
  kl_index *x = calloc(1, sizeof *x);
  if (x) x->text_at = text_at;
  return x;
}

void kl_index_free(kl_index *x) {
  if (!x) return;
  free(x->slots);
  free(x);
}

/* The slot of the text, or the empty one where it belongs. The table has an empty slot always. */
static slot *find(const kl_index *x, const char *text, uint64_t hash) {
  size_t mask = x->cap - 1;
  for (size_t i = (size_t)hash & mask;; i = (i + 1) & mask) {
    slot *s = &x->slots[i];
    if (!s->thing || (s->hash == hash && strcmp(text_of(x, s->thing), text) == 0)) return s;
  }
}

void *kl_index_get(const kl_index *x, const char *text) {
  return x->count == 0 ? NULL : find(x, text, kl_hash_bytes(text, strlen(text)))->thing;
}

bool kl_index_reserve(kl_index *x, size_t n) {
  size_t cap = x->cap ? x->cap : 16;
  while (x->count + n > cap - cap / 4)
    cap *= 2;
  if (cap == x->cap) return true;
  slot *slots = calloc(cap, sizeof *slots);
  if (!slots) return false;
  for (size_t i = 0; i < x->cap; i++) {
    if (!x->slots[i].thing) continue;
    size_t j = (size_t)x->slots[i].hash & (cap - 1);
    while (slots[j].thing)
      j = (j + 1) & (cap - 1);
    slots[j] = x->slots[i];
  }
  free(x->slots);
  x->slots = slots;
  x->cap = cap;
  return true;
}

bool kl_index_put(kl_index *x, void *thing) {
  const char *text = text_of(x, thing);
  uint64_t hash = kl_hash_bytes(text, strlen(text));
  slot *s = x->cap ? find(x, text, hash) : NULL;
  if (s && s->thing) {
    s->thing = thing;
    return true;
  }
  if (!kl_index_reserve(x, 1)) return false;
  *find(x, text, hash) = (slot){hash, thing};
  x->count++;
  return true;
}

void kl_index_remove(kl_index *x, const void *thing) {
  if (x->count == 0) return;
  const char *text = text_of(x, thing);
  slot *found = find(x, text, kl_hash_bytes(text, strlen(text)));
  if (found->thing != thing) return;
  size_t mask = x->cap - 1, hole = (size_t)(found - x->slots);
  for (size_t i = (hole + 1) & mask; x->slots[i].thing; i = (i + 1) & mask) {
    size_t home = (size_t)x->slots[i].hash & mask;
    /* It may move back only if that does not put it before its home. */
    if (((i - home) & mask) >= ((i - hole) & mask)) {
      x->slots[hole] = x->slots[i];
      hole = i;
    }
  }
  x->slots[hole] = (slot){0, NULL};
  x->count--;
}

size_t kl_index_count(const kl_index *x) { return x->count; }
