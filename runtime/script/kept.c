/* What outlives the versions of a strategy, by key. */
#include <stdlib.h>
#include <string.h>

#include "script/internal.h"

/* Its place among the holders, or -1. */
static int place_of(const kl_kept *k, const kl_script *s) {
  for (int i = 0; i < KL_KEPT_HOLDERS; i++)
    if (k->holders[i] == s) return i;
  return -1;
}

kl_keeper *kl_keeper_new(void) {
  kl_keeper *keeper = calloc(1, sizeof *keeper);
  if (!keeper) return NULL;
  keeper->refs = 1;
  keeper->map = kl_map_new();
  if (keeper->map) return keeper;
  free(keeper);
  return NULL;
}

kl_keeper *kl_keeper_retain(kl_keeper *keeper) {
  keeper->refs++;
  return keeper;
}

void kl_keeper_release(kl_keeper *keeper) {
  if (!keeper || --keeper->refs > 0) return;
  kl_map_free(keeper->map);
  kl_debugger_free(keeper->debugger);
  free(keeper);
}

uint64_t kl_script_owner(const kl_script *s) { return (uintptr_t)s->keeper; }

kl_kept *kl_kept_first(const kl_script *s, const char *key) { return kl_map_get(s->keeper->map, key, strlen(key)); }
bool kl_kept_held(const kl_kept *k, const kl_script *s) { return place_of(k, s) >= 0; }

bool kl_kept_hold(kl_script *s, kl_kept *k) {
  int at = place_of(k, NULL);
  if (at < 0 || kl_kept_held(k, s)) return false;
  k->holders[at] = s;
  return true;
}

static void let_go(kl_keeper *keeper, kl_script *s, kl_kept *k);

void kl_keeper_forget(kl_keeper *keeper, kl_script *s) {
  const char *key;
  size_t n, cursor = 0;
  void *first;
  while (kl_map_next(keeper->map, &cursor, &key, &n, &first)) {
    kl_kept *k = first;
    while (k && place_of(k, s) < 0)
      k = k->next;
    if (!k) continue;
    let_go(keeper, s, k);
    cursor = 0; /* the map may have changed */
  }
}

kl_kept *kl_kept_take(kl_script *s, const char *key) {
  for (kl_kept *k = kl_kept_first(s, key); k; k = k->next)
    if (kl_kept_hold(s, k)) return k;
  return NULL;
}

bool kl_kept_add(kl_script *s, kl_kept *k, const char *key) {
  k->key = strdup(key);
  if (!k->key) return false;
  k->next = NULL;
  k->holders[0] = s;
  kl_kept *last = kl_map_get(s->keeper->map, key, strlen(key));
  if (!last) {
    if (kl_map_set(s->keeper->map, key, strlen(key), k)) return true;
    free(k->key);
    k->key = NULL;
    return false;
  }
  while (last->next)
    last = last->next;
  last->next = k;
  return true;
}

static void let_go(kl_keeper *keeper, kl_script *s, kl_kept *k) {
  int at = place_of(k, s);
  if (at < 0) return;
  k->holders[at] = NULL;
  for (int i = 0; i < KL_KEPT_HOLDERS; i++)
    if (k->holders[i]) return;
  kl_map *map = keeper->map;
  size_t n = strlen(k->key);
  kl_kept *first = kl_map_get(map, k->key, n);
  if (first == k) {
    /* Replacing the value of a key that is there needs no memory. */
    if (k->next)
      (void)kl_map_set(map, k->key, n, k->next);
    else
      (void)kl_map_remove(map, k->key, n);
  } else {
    while (first && first->next != k)
      first = first->next;
    if (first) first->next = k->next;
  }
  free(k->key);
  k->free(k);
}

void kl_kept_release(kl_script *s, kl_kept *k) { let_go(s->keeper, s, k); }
