#include "bindings/shadow_orders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool kl_paper_open(kl_paper *p) {
  kl_list_init(&p->orders);
  p->n = 0;
  p->by_id = kl_map_new();
  return p->by_id != NULL;
}

static void drop(kl_paper *p, kl_paper_order *o) {
  if (kl_map_get(p->by_id, o->id, strlen(o->id)) == o) kl_map_remove(p->by_id, o->id, strlen(o->id));
  kl_list_remove(&o->link);
  free(o);
  p->n--;
}

void kl_paper_close(kl_paper *p) {
  if (!p->by_id) return; /* it was not opened */
  for (kl_list *n = p->orders.next, *next; n != &p->orders; n = next) {
    next = n->next;
    free(KL_CONTAINER(n, kl_paper_order, link));
  }
  kl_map_free(p->by_id);
}

kl_paper_order *kl_paper_add(kl_paper *p, const kl_paper_order *o) {
  kl_paper_order *copy = malloc(sizeof *copy);
  if (!copy) return NULL;
  *copy = *o;
  kl_list_init(&copy->link);
  if (!kl_map_set(p->by_id, copy->id, strlen(copy->id), copy)) {
    free(copy);
    return NULL;
  }
  kl_list_append(&p->orders, &copy->link);
  if (++p->n > KL_PAPER_ORDERS_MAX) drop(p, KL_CONTAINER(p->orders.next, kl_paper_order, link));
  return copy;
}

kl_paper_order *kl_paper_find(const kl_paper *p, const char *id) { return kl_map_get(p->by_id, id, strlen(id)); }

void kl_paper_rename(kl_paper *p, const char *id, const char *new_id) {
  kl_paper_order *o = kl_map_remove(p->by_id, id, strlen(id));
  if (!o) return;
  snprintf(o->id, sizeof o->id, "%s", new_id);
  if (!kl_map_set(p->by_id, o->id, strlen(o->id), o)) drop(p, o);
}

void kl_paper_end(kl_paper *p, const char *group) {
  for (kl_list *n = p->orders.next; n != &p->orders; n = n->next) {
    kl_paper_order *o = KL_CONTAINER(n, kl_paper_order, link);
    if (!group || !strcmp(o->group, group)) o->ended = true;
  }
}
