/* A pairing heap: each node's children are a list, whose first has its parent as `prev`. */
#include "base/timeline.h"

static bool before(const kl_timed *a, const kl_timed *b) {
  return a->due_us < b->due_us || (a->due_us == b->due_us && a->number < b->number);
}

/* Two heaps into one; either may be NULL. */
static kl_timed *meld(kl_timed *a, kl_timed *b) {
  if (!a) return b;
  if (!b) return a;
  if (before(b, a)) {
    kl_timed *t = a;
    a = b;
    b = t;
  }
  b->prev = a;
  b->next = a->child;
  if (b->next) b->next->prev = b;
  a->child = b;
  return a;
}

/* The children of one that goes: in pairs from the left, and the pairs from the right. */
static kl_timed *meld_all(kl_timed *first) {
  kl_timed *pairs = NULL, *all = NULL;
  while (first) {
    kl_timed *a = first, *b = a->next;
    first = b ? b->next : NULL;
    a->next = a->prev = NULL;
    if (b) b->next = b->prev = NULL;
    a = meld(a, b);
    a->next = pairs;
    pairs = a;
  }
  while (pairs) {
    kl_timed *a = pairs;
    pairs = a->next;
    a->next = NULL;
    all = meld(all, a);
  }
  return all;
}

void kl_timeline_add(kl_timeline *l, kl_timed *t, int64_t due_us) {
  t->child = t->next = t->prev = NULL;
  t->due_us = due_us;
  t->number = ++l->started;
  t->waits = true;
  l->root = meld(l->root, t);
}

void kl_timeline_remove(kl_timeline *l, kl_timed *t) {
  if (!t->waits) return;
  t->waits = false;
  kl_timed *below = meld_all(t->child);
  t->child = NULL;
  if (t == l->root) {
    l->root = below;
    return;
  }
  if (t->prev->child == t)
    t->prev->child = t->next;
  else
    t->prev->next = t->next;
  if (t->next) t->next->prev = t->prev;
  t->next = t->prev = NULL;
  l->root = meld(l->root, below);
}

int64_t kl_timeline_next(const kl_timeline *l) { return l->root ? l->root->due_us : INT64_MAX; }

size_t kl_timeline_fire(kl_timeline *l, int64_t now_us) {
  uint64_t last = l->started;
  size_t n = 0;
  for (kl_timed *t; (t = l->root) && t->due_us <= now_us && t->number <= last; n++) {
    kl_timeline_remove(l, t);
    t->fire(t);
  }
  return n;
}
