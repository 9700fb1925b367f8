#include <stdlib.h>
#include <string.h>

#include "exchange/internal.h"

typedef struct slab_item {
  struct slab_item *next;
} slab_item;

enum { SLAB_CHUNK = 256 };

/* Every object starts on this boundary, and so does the first of a chunk. */
static size_t aligned(size_t n) {
  return (n + _Alignof(max_align_t) - 1) / _Alignof(max_align_t) * _Alignof(max_align_t);
}

void kl_x_slab_init(kl_x_slab *s, size_t size) { *s = (kl_x_slab){.size = aligned(size)}; }

void kl_x_slab_free(kl_x_slab *s) {
  slab_item *chunk = s->chunks;
  while (chunk) {
    slab_item *next = chunk->next;
    free(chunk);
    chunk = next;
  }
  s->chunks = s->free = NULL;
  s->n_free = 0;
}

bool kl_x_slab_reserve(kl_x_slab *s, size_t n) {
  while (s->n_free < n) {
    size_t head = aligned(sizeof(slab_item));
    unsigned char *chunk = malloc(head + s->size * SLAB_CHUNK);
    if (!chunk) return false;
    slab_item *first = (slab_item *)(void *)chunk;
    first->next = s->chunks;
    s->chunks = first;
    for (size_t i = SLAB_CHUNK; i > 0; i--)
      kl_x_slab_give(s, chunk + head + (i - 1) * s->size);
  }
  return true;
}

void kl_x_slab_prefetch(const kl_x_slab *s) {
  for (size_t at = 0; s->free && at < s->size; at += 64)
    __builtin_prefetch((const unsigned char *)s->free + at, 1);
}

void *kl_x_slab_take(kl_x_slab *s) {
  slab_item *item = s->free;
  s->free = item->next;
  s->n_free--;
  return memset(item, 0, s->size);
}

void kl_x_slab_give(kl_x_slab *s, void *p) {
  slab_item *item = p;
  item->next = s->free;
  s->free = item;
  s->n_free++;
}

void *kl_x_grown(void *data, size_t *cap, size_t need, size_t size) {
  size_t n = *cap ? *cap : 16;
  while (n < need) {
    if (n > SIZE_MAX / 2 / size) return NULL;
    n *= 2;
  }
  void *p = realloc(data, n * size);
  if (p) *cap = n;
  return p;
}

void kl_x_ring_init(kl_x_ring *r, size_t size, size_t max) { *r = (kl_x_ring){.size = size, .max = max}; }

void kl_x_ring_free(kl_x_ring *r) {
  free(r->data);
  r->data = NULL;
  r->cap = r->first = r->n = 0;
}

static void ring_grow(kl_x_ring *r) {
  size_t cap = r->cap ? r->cap * 2 : 16;
  if (cap > r->max) cap = r->max;
  unsigned char *data = malloc(cap * r->size);
  if (!data) return;
  size_t tail = r->cap - r->first; /* items up to the end of the old array */
  if (tail > r->n) tail = r->n;
  if (r->n) {
    memcpy(data, r->data + r->first * r->size, tail * r->size);
    memcpy(data + tail * r->size, r->data, (r->n - tail) * r->size);
  }
  free(r->data);
  r->data = data;
  r->cap = cap;
  r->first = 0;
}

void kl_x_ring_push(kl_x_ring *r, const void *item) {
  if (r->n == r->cap && r->cap < r->max) ring_grow(r);
  if (r->cap == 0) return;
  size_t at = r->first + r->n;
  if (at >= r->cap) at -= r->cap;
  memcpy(r->data + at * r->size, item, r->size);
  if (r->n < r->cap)
    r->n++;
  else
    r->first = r->first + 1 == r->cap ? 0 : r->first + 1;
}

void *kl_x_ring_newest(const kl_x_ring *r, size_t i) {
  if (i >= r->n) return NULL;
  return r->data + (r->first + r->n - 1 - i) % r->cap * r->size;
}
