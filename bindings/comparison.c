#include "bindings/comparison.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"

struct kl_difference {
  kl_list link;
  kl_actor who;
  kl_act act;
};

struct kl_comparison {
  int64_t window_us;
  kl_list alone; /* of kl_difference.link, in order of time: without a pair so far */
  size_t n;
  uint64_t same, acts[KL_ACTORS];
};

kl_comparison *kl_comparison_new(int64_t window_us) {
  kl_comparison *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  c->window_us = window_us;
  kl_list_init(&c->alone);
  return c;
}

static void drop(kl_comparison *c, kl_difference *d) {
  kl_list_remove(&d->link);
  free(d);
  c->n--;
}

void kl_comparison_free(kl_comparison *c) {
  if (!c) return;
  for (kl_list *n = c->alone.next, *next; n != &c->alone; n = next) {
    next = n->next;
    free(KL_CONTAINER(n, kl_difference, link));
  }
  free(c);
}

static bool equal(const kl_act *a, const kl_act *b) {
  return a->detail == b->detail && !strcmp(a->operation, b->operation) && !strcmp(a->ticker, b->ticker) &&
         !strcmp(a->side, b->side) && !strcmp(a->price, b->price) && !strcmp(a->count, b->count);
}

/* The earliest equal act of the other within the window; NULL where there is none. */
static kl_difference *pair_of(const kl_comparison *c, kl_actor who, const kl_act *act) {
  kl_difference *found = NULL;
  for (kl_list *n = c->alone.prev; n != &c->alone; n = n->prev) {
    kl_difference *d = KL_CONTAINER(n, kl_difference, link);
    if (act->at_us - d->act.at_us > c->window_us) break;
    if (d->who != who && equal(&d->act, act)) found = d;
  }
  return found;
}

bool kl_comparison_add(kl_comparison *c, kl_actor who, const kl_act *act) {
  c->acts[who]++;
  kl_difference *d = pair_of(c, who, act);
  if (d) {
    c->same++;
    drop(c, d);
    return true;
  }
  d = malloc(sizeof *d);
  if (!d) return false;
  d->who = who;
  d->act = *act;
  kl_list_init(&d->link);
  kl_list_append(&c->alone, &d->link);
  if (++c->n > KL_DIFFERENCES_MAX) drop(c, KL_CONTAINER(c->alone.next, kl_difference, link));
  return true;
}

static bool decided(const kl_comparison *c, const kl_difference *d, int64_t now_us) {
  return now_us - d->act.at_us > c->window_us;
}

void kl_comparison_count(const kl_comparison *c, int64_t now_us, kl_comparison_counts *out) {
  *out = (kl_comparison_counts){.same = c->same, .kept = c->n};
  for (int who = 0; who < KL_ACTORS; who++)
    out->only[who] = c->acts[who] - c->same;
  for (const kl_list *n = c->alone.prev; n != &c->alone; n = n->prev) {
    const kl_difference *d = KL_CONTAINER(n, kl_difference, link);
    if (decided(c, d, now_us)) break;
    out->only[d->who]--;
    out->open++;
    out->kept--;
  }
}

const kl_difference *kl_comparison_next(const kl_comparison *c, int64_t now_us, const kl_difference *after) {
  const kl_list *n = after ? after->link.next : c->alone.next;
  if (n == &c->alone) return NULL;
  const kl_difference *d = KL_CONTAINER(n, kl_difference, link);
  return decided(c, d, now_us) ? d : NULL;
}

kl_actor kl_difference_who(const kl_difference *d) { return d->who; }
const kl_act *kl_difference_act(const kl_difference *d) { return &d->act; }
