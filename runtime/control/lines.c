#include "control/lines.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"

typedef struct entry {
  uint64_t number;
  int64_t wall_us;
  const char *level;
  size_t n;
  char source_and_text[]; /* the source with its NUL, then the text */
} entry;

typedef struct ring {
  entry **entries; /* owned; KL_LINES_KEPT slots once there is one line */
  size_t first, count, bytes;
  uint64_t dropped; /* number of the newest line that is gone */
} ring;

struct kl_lines {
  pthread_mutex_t lock;
  void (*news)(void *data);
  void *data;
  kl_map *by_source;
  ring **rings; /* owned; the first one is of those that have none of their own */
  size_t n_rings;
  uint64_t number; /* of the last line */
};

static bool add_ring(kl_lines *l, const char *source) {
  ring *r = calloc(1, sizeof *r);
  ring **grown = r ? realloc(l->rings, (l->n_rings + 1) * sizeof(ring *)) : NULL;
  if (grown) l->rings = grown;
  if (!grown || (source && !kl_map_set(l->by_source, source, strlen(source), r))) {
    free(r);
    return false;
  }
  l->rings[l->n_rings++] = r;
  return true;
}

kl_lines *kl_lines_new(void (*news)(void *data), void *data) {
  kl_lines *l = calloc(1, sizeof *l);
  if (!l) return NULL;
  pthread_mutex_init(&l->lock, NULL);
  l->news = news;
  l->data = data;
  l->by_source = kl_map_new();
  if (l->by_source && add_ring(l, NULL)) return l;
  kl_lines_free(l);
  return NULL;
}

static entry *at(const ring *r, size_t i) { return r->entries[(r->first + i) % KL_LINES_KEPT]; }

static size_t size_of(const entry *e) { return sizeof *e + strlen(e->source_and_text) + 1 + e->n; }

static void drop_first(ring *r) {
  entry *e = at(r, 0);
  r->dropped = e->number;
  r->bytes -= size_of(e);
  r->first = (r->first + 1) % KL_LINES_KEPT;
  r->count--;
  free(e);
}

void kl_lines_free(kl_lines *l) {
  if (!l) return;
  for (size_t i = 0; i < l->n_rings; i++) {
    while (l->rings[i]->count > 0)
      drop_first(l->rings[i]);
    free(l->rings[i]->entries);
    free(l->rings[i]);
  }
  free(l->rings);
  kl_map_free(l->by_source);
  pthread_mutex_destroy(&l->lock);
  free(l);
}

bool kl_lines_source(kl_lines *l, const char *source) {
  pthread_mutex_lock(&l->lock);
  bool ok = kl_map_get(l->by_source, source, strlen(source)) || add_ring(l, source);
  pthread_mutex_unlock(&l->lock);
  return ok;
}

static ring *ring_of(kl_lines *l, const char *source) {
  ring *r = kl_map_get(l->by_source, source, strlen(source));
  return r ? r : l->rings[0];
}

/* Where a text is cut so that no character is cut in two. */
static size_t cut_at(const char *text, size_t n, size_t most) {
  if (n <= most) return n;
  while (most > 0 && ((unsigned char)text[most] & 0xC0) == 0x80)
    most--;
  return most;
}

void kl_lines_put(kl_lines *l, const char *level, const char *source, int64_t wall_us, const char *text, size_t n) {
  static const char more[] = "…";
  size_t kept = cut_at(text, n, KL_LINES_TEXT_MAX), tail = kept < n ? sizeof more - 1 : 0;
  size_t name = strlen(source) + 1;
  entry *e = malloc(sizeof *e + name + kept + tail);
  if (e) {
    *e = (entry){.wall_us = wall_us, .level = level, .n = kept + tail};
    memcpy(e->source_and_text, source, name);
    if (kept) memcpy(e->source_and_text + name, text, kept);
    memcpy(e->source_and_text + name + kept, more, tail);
  }
  pthread_mutex_lock(&l->lock);
  ring *r = ring_of(l, source);
  if (!r->entries) r->entries = calloc(KL_LINES_KEPT, sizeof(entry *));
  l->number++;
  if (!e || !r->entries) {
    r->dropped = l->number;
    free(e);
  } else {
    e->number = l->number;
    r->bytes += size_of(e);
    while (r->count == KL_LINES_KEPT || (r->count > 0 && r->bytes > KL_LINES_BYTES))
      drop_first(r);
    r->entries[(r->first + r->count++) % KL_LINES_KEPT] = e;
  }
  pthread_mutex_unlock(&l->lock);
  l->news(l->data);
}

/* ---- reading ---- */

/* The first line of a ring behind `after`; count where there is none. */
static size_t find(const ring *r, uint64_t after) {
  size_t low = 0, high = r->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (at(r, middle)->number <= after)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static int by_number(const void *a, const void *b) {
  const entry *x = *(entry *const *)a, *y = *(entry *const *)b;
  return (x->number > y->number) - (x->number < y->number);
}

/* Lines of some rings. */
typedef struct batch {
  const entry **all; /* owned */
  size_t n, cap;
  uint64_t dropped;
} batch;

/* Adds those behind `after`; as many as there is memory for. */
static void add_lines(batch *b, const ring *r, uint64_t after) {
  size_t first = find(r, after), more = r->count - first;
  if (r->dropped > after && r->dropped > b->dropped) b->dropped = r->dropped;
  if (b->n + more > b->cap) {
    const entry **grown = realloc(b->all, 2 * (b->n + more) * sizeof(entry *));
    if (!grown) return;
    b->all = grown;
    b->cap = 2 * (b->n + more);
  }
  for (size_t i = 0; i < more; i++)
    b->all[b->n++] = at(r, first + i);
}

/* Those of one source, or of all, in order. */
static batch collect(kl_lines *l, const char *source, uint64_t after) {
  batch b = {0};
  if (source) {
    add_lines(&b, ring_of(l, source), after);
    return b;
  }
  for (size_t i = 0; i < l->n_rings; i++)
    add_lines(&b, l->rings[i], after);
  if (b.n > 1) qsort(b.all, b.n, sizeof(entry *), by_number);
  return b;
}

uint64_t kl_lines_read(kl_lines *l, const char *source, uint64_t *after, bool (*fn)(void *data, const kl_line *line),
                       void *data) {
  bool more = true;
  pthread_mutex_lock(&l->lock);
  batch b = collect(l, source, *after);
  for (size_t i = 0; i < b.n && more; i++) {
    const entry *e = b.all[i];
    const char *text = e->source_and_text + strlen(e->source_and_text) + 1;
    kl_line line = {e->number, e->wall_us, e->level, e->source_and_text, text, e->n};
    more = fn(data, &line);
    *after = e->number;
  }
  free(b.all);
  pthread_mutex_unlock(&l->lock);
  return b.dropped;
}

uint64_t kl_lines_last(kl_lines *l, const char *source, size_t n) {
  pthread_mutex_lock(&l->lock);
  uint64_t after = l->number;
  batch b = {0};
  if (n > 0) b = collect(l, source, 0);
  if (b.n > 0) after = b.all[b.n > n ? b.n - n : 0]->number - 1;
  free(b.all);
  pthread_mutex_unlock(&l->lock);
  return after;
}
