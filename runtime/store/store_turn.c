/* Turns: several tasks that change one value by what it is come one after the other, so that none does its work for
 * nothing. */
#include <stdlib.h>
#include <string.h>

#include "store/store_impl.h"

struct kl_store_turn {
  kl_store *store;
  kl_list link;   /* in `behind` of the one whose turn it is; by itself: it is this one's */
  kl_list behind; /* of those that wait */
  bool has_come;
  void (*come)(void *data);
  void *data;
  size_t n;
  char key[];
};

kl_store_turn *kl_store_turn_new(kl_store *s, const char *key, size_t n, bool *now, void (*come)(void *), void *data) {
  kl_store_turn *t = calloc(1, sizeof *t + n + 1);
  if (!s->turns) s->turns = kl_map_new();
  if (!t || !s->turns) {
    free(t);
    return NULL;
  }
  t->store = s;
  s->refs++;
  t->come = come;
  t->data = data;
  t->n = n;
  memcpy(t->key, key, n);
  kl_list_init(&t->link);
  kl_list_init(&t->behind);
  kl_store_turn *first = kl_map_get(s->turns, key, n);
  t->has_come = !first;
  *now = t->has_come;
  if (first) {
    kl_list_append(&first->behind, &t->link);
  } else if (!kl_map_set(s->turns, key, n, t)) {
    s->refs--; /* not the last one */
    free(t);
    return NULL;
  }
  return t;
}

void kl_store_turn_end(kl_store_turn *t) {
  if (!t) return;
  kl_store *s = t->store;
  kl_map *turns = s->turns;
  if (!t->has_come) {
    kl_list_remove(&t->link);
  } else if (kl_list_empty(&t->behind)) {
    (void)kl_map_remove(turns, t->key, t->n);
  } else {
    kl_store_turn *next = KL_CONTAINER(kl_list_take(&t->behind), kl_store_turn, link);
    kl_list_move(&next->behind, &t->behind);
    next->has_come = true;
    (void)kl_map_set(turns, t->key, t->n, next); /* in the place of t, which needs no memory */
    next->come(next->data);
  }
  free(t);
  kl_store_release(s);
}

void kl_store_turns_end(kl_stores *all) {
  kl_list over;
  kl_list_move(&over, &all->ending);
  while (!kl_list_empty(&over))
    kl_store_turn_end(KL_CONTAINER(kl_list_take(&over), kl_store_turn, link));
}

static void on_turn(uv_prepare_t *h) {
  uv_prepare_stop(h);
  kl_store_turns_end(h->data);
}

void kl_store_turn_end_soon(kl_store_turn *t) {
  if (!t) return;
  kl_stores *all = t->store->all;
  kl_list_append(&all->ending, &t->link);
  uv_prepare_start(&all->turn, on_turn);
}
