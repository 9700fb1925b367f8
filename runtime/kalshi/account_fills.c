#include "kalshi/account_internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct entry {
  kl_account_fill fill; /* first */
  kl_list link;
} entry;

/* A trade is one fill of an account, unless it trades with itself: then of each of its orders. */
enum { ID_MAX = 130 };
static size_t id_of(const kl_account_fill *f, char out[ID_MAX]) {
  size_t n = strlen(f->trade_id), m = strlen(f->order_id);
  memcpy(out, f->trade_id, n);
  out[n] = '/';
  memcpy(out + n + 1, f->order_id, m);
  return n + 1 + m;
}

bool kl_fills_init(kl_fills *f) {
  kl_list_init(&f->newest_last);
  f->count = 0;
  f->by_id = kl_map_new();
  return f->by_id != NULL;
}

static void forget(kl_fills *f, entry *e) {
  char id[ID_MAX];
  kl_map_remove(f->by_id, id, id_of(&e->fill, id));
  kl_list_remove(&e->link);
  f->count--;
  free(e);
}

void kl_fills_clear(kl_fills *f) {
  for (kl_list *n = f->newest_last.next; n != &f->newest_last;) {
    entry *e = KL_CONTAINER(n, entry, link);
    n = n->next;
    forget(f, e);
  }
  kl_map_free(f->by_id);
  f->by_id = NULL;
}

/* What is behind the newest that is not newer; of the same millisecond the one that is told later is. */
static kl_list *place_of(kl_fills *f, int64_t ts_ms) {
  kl_list *n = f->newest_last.prev;
  while (n != &f->newest_last && KL_CONTAINER(n, entry, link)->fill.ts_ms > ts_ms)
    n = n->prev;
  return n->next;
}

const kl_account_fill *kl_fills_add(kl_fills *f, const kl_account_fill *fill) {
  char id[ID_MAX];
  size_t n = id_of(fill, id);
  if (kl_map_get(f->by_id, id, n)) return NULL;
  kl_list *before = place_of(f, fill->ts_ms);
  if (f->count == KL_FILLS_KEPT) {
    if (before == f->newest_last.next) return NULL;
    forget(f, KL_CONTAINER(f->newest_last.next, entry, link));
  }
  entry *e = calloc(1, sizeof *e);
  if (!e || !kl_map_set(f->by_id, id, n, e)) {
    free(e);
    return NULL;
  }
  e->fill = *fill;
  kl_list_append(before, &e->link);
  f->count++;
  return &e->fill;
}

const kl_account_fill *kl_account_fill_next(const kl_account *a, const kl_account_fill *after) {
  const kl_list *end = &a->fills.newest_last;
  const kl_list *n = after ? KL_CONTAINER(after, entry, fill)->link.prev : end->prev;
  return n == end ? NULL : &KL_CONTAINER(n, entry, link)->fill;
}
