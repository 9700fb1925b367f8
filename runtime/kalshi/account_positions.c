#include "kalshi/account_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct entry {
  kl_account_position position; /* first */
  kl_list link;
  int64_t told_ns; /* by the channel; 0: never */
  uint64_t listed;
} entry;

enum { ID_MAX = 80 };
static size_t id_of(const kl_account_position *p, char out[ID_MAX]) {
  return (size_t)snprintf(out, ID_MAX, "%s/%d", p->ticker, (int)p->subaccount);
}

bool kl_positions_init(kl_positions *p) {
  kl_list_init(&p->entries);
  p->count = 0;
  p->by_id = kl_map_new();
  return p->by_id != NULL;
}

static void forget(kl_positions *p, entry *e) {
  char id[ID_MAX];
  kl_map_remove(p->by_id, id, id_of(&e->position, id));
  kl_list_remove(&e->link);
  p->count--;
  free(e);
}

void kl_positions_clear(kl_positions *p) {
  for (kl_list *n = p->entries.next; n != &p->entries;) {
    entry *e = KL_CONTAINER(n, entry, link);
    n = n->next;
    forget(p, e);
  }
  kl_map_free(p->by_id);
  p->by_id = NULL;
}

static void make_room(kl_positions *p) {
  for (kl_list *n = p->entries.next; p->count >= KL_POSITIONS_KEPT && n != &p->entries;) {
    entry *e = KL_CONTAINER(n, entry, link);
    n = n->next;
    if (e->position.position == 0) forget(p, e);
  }
}

/* Made where there is none, then all zero; NULL without memory. */
static entry *open_entry(kl_positions *p, const kl_account_position *told) {
  char id[ID_MAX];
  size_t n = id_of(told, id);
  entry *e = kl_map_get(p->by_id, id, n);
  if (e) return e;
  if (p->count >= KL_POSITIONS_KEPT) make_room(p);
  e = calloc(1, sizeof *e);
  if (!e || !kl_map_set(p->by_id, id, n, e)) {
    free(e);
    return NULL;
  }
  memcpy(e->position.ticker, told->ticker, sizeof e->position.ticker);
  e->position.subaccount = told->subaccount;
  kl_list_append(&p->entries, &e->link);
  p->count++;
  return e;
}

static const kl_account_position *take(kl_positions *p, entry *e, const kl_account_position *told) {
  kl_account_position *had = &e->position;
  bool changed = had->position != told->position || had->exposure != told->exposure ||
                 had->realized != told->realized || had->fees != told->fees || !had->updated_ms;
  *had = *told;
  kl_list_remove(&e->link);
  kl_list_append(&p->entries, &e->link);
  return changed ? had : NULL;
}

const kl_account_position *kl_positions_tell(kl_positions *p, const kl_account_position *told, int64_t now_ns) {
  entry *e = open_entry(p, told);
  if (!e) return NULL;
  e->told_ns = now_ns;
  return take(p, e, told);
}

const kl_account_position *kl_positions_list(kl_positions *p, const kl_account_position *told, uint64_t number,
                                             int64_t horizon_ns) {
  entry *e = open_entry(p, told);
  if (!e) return NULL;
  e->listed = number;
  return e->told_ns >= horizon_ns && e->told_ns ? NULL : take(p, e, told);
}

void kl_positions_sweep(kl_positions *p, uint64_t number, int64_t horizon_ns,
                        void (*gone)(void *data, const kl_account_position *p), void *data) {
  for (kl_list *n = p->entries.next; n != &p->entries;) {
    entry *e = KL_CONTAINER(n, entry, link);
    n = n->next;
    if (e->listed == number || (e->told_ns && e->told_ns >= horizon_ns)) continue;
    kl_account_position flat = e->position;
    forget(p, e);
    flat.position = 0;
    flat.exposure = 0;
    gone(data, &flat);
  }
}

const kl_account_position *kl_account_position_next(const kl_account *a, const kl_account_position *after) {
  const kl_list *end = &a->positions.entries;
  const kl_list *n = after ? KL_CONTAINER(after, entry, position)->link.next : end->next;
  return n == end ? NULL : &KL_CONTAINER(n, entry, link)->position;
}
