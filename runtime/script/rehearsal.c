#include "script/rehearsal.h"

#include <stdlib.h>
#include <string.h>

#include "script/internal.h"

typedef struct entry {
  kl_list link;
  bool ready; /* put before the last rewind, and not taken since */
  size_t key_n, n;
  char *answer; /* in `bytes`, aligned */
  _Alignas(max_align_t) char bytes[];
} entry;

/* A start asks for little: a list is enough. */
struct kl_rehearsal {
  kl_list entries; /* in the order in which they were put */
};

kl_rehearsal *kl_rehearsal_new(void) {
  kl_rehearsal *r = malloc(sizeof *r);
  if (r) kl_list_init(&r->entries);
  return r;
}

void kl_rehearsal_free(kl_rehearsal *r) {
  if (!r) return;
  while (!kl_list_empty(&r->entries)) {
    entry *e = KL_CONTAINER(r->entries.next, entry, link);
    kl_list_remove(&e->link);
    free(e);
  }
  free(r);
}

void kl_rehearsal_rewind(kl_rehearsal *r) {
  for (kl_list *l = r->entries.next; l != &r->entries; l = l->next)
    KL_CONTAINER(l, entry, link)->ready = true;
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
  kl_list_append(&r->entries, &e->link);
}

const void *kl_rehearsal_take(kl_rehearsal *r, const void *key, size_t key_n, size_t *n) {
  for (kl_list *l = r->entries.next; l != &r->entries; l = l->next) {
    entry *e = KL_CONTAINER(l, entry, link);
    if (!e->ready || e->key_n != key_n || memcmp(e->bytes, key, key_n) != 0) continue;
    e->ready = false;
    *n = e->n;
    return e->answer;
  }
  return NULL;
}

kl_rehearsal *kl_script_rehearsal(const kl_script *s) { return s->rehearsal; }
