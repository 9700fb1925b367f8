#include "script/rehearsal.h"

#include <stdlib.h>
#include <string.h>

#include "script/internal.h"

typedef struct entry {
  struct entry *next;
  bool ready; /* put before the last rewind, and not taken since */
  size_t key_n, n;
  char *answer; /* in `bytes`, aligned */
  _Alignas(max_align_t) char bytes[];
} entry;

/* A start asks for little: a list is enough. */
struct kl_rehearsal {
  entry *first; /* in the order in which they were put */
  entry **end;  /* where the next one goes */
};

kl_rehearsal *kl_rehearsal_new(void) {
  kl_rehearsal *r = calloc(1, sizeof *r);
  if (r) r->end = &r->first;
  return r;
}

void kl_rehearsal_free(kl_rehearsal *r) {
  for (entry *e = r ? r->first : NULL, *next; e; e = next) {
    next = e->next;
    free(e);
  }
  free(r);
}

void kl_rehearsal_rewind(kl_rehearsal *r) {
  for (entry *e = r->first; e; e = e->next)
    e->ready = true;
}

void kl_rehearsal_put(kl_rehearsal *r, const void *key, size_t key_n, const void *answer, size_t n) {
  const size_t unit = _Alignof(max_align_t), at = (key_n + unit - 1) / unit * unit;
  if (key_n > SIZE_MAX / 4 || n > SIZE_MAX / 4) return;
  entry *e = malloc(sizeof *e + at + n);
  if (!e) return;
  *e = (entry){.key_n = key_n, .n = n};
  e->answer = e->bytes + at;
  memcpy(e->bytes, key, key_n);
  if (n) memcpy(e->answer, answer, n);
  *r->end = e;
  r->end = &e->next;
}

const void *kl_rehearsal_take(kl_rehearsal *r, const void *key, size_t key_n, size_t *n) {
  for (entry *e = r->first; e; e = e->next) {
    if (!e->ready || e->key_n != key_n || memcmp(e->bytes, key, key_n) != 0) continue;
    e->ready = false;
    *n = e->n;
    return e->answer;
  }
  return NULL;
}

kl_rehearsal *kl_script_rehearsal(const kl_script *s) { return s->rehearsal; }
