/* An intrusive doubly linked list. A node not in a list points at itself. */
#ifndef KL_LIST_H
#define KL_LIST_H

#include <stdbool.h>
#include <stddef.h>

typedef struct kl_list {
  struct kl_list *next, *prev;
} kl_list;

static inline void kl_list_init(kl_list *l) { l->next = l->prev = l; }
static inline bool kl_list_empty(const kl_list *l) { return l->next == l; }
static inline void kl_list_remove(kl_list *n) {
  n->prev->next = n->next;
  n->next->prev = n->prev;
  n->next = n->prev = n;
}
/* Appends n, which must be in no list, before the head: at the end. */
static inline void kl_list_append(kl_list *head, kl_list *n) {
  n->prev = head->prev;
  n->next = head;
  head->prev->next = n;
  head->prev = n;
}
/* Takes the first out of a list that is not empty. */
static inline kl_list *kl_list_take(kl_list *head) {
  kl_list *n = head->next;
  head->next = n->next;
  head->next->prev = head;
  kl_list_init(n);
  return n;
}
/* Moves all of `from` to the empty head `to`. */
static inline void kl_list_move(kl_list *to, kl_list *from) {
  if (kl_list_empty(from)) {
    kl_list_init(to);
    return;
  }
  *to = *from;
  to->next->prev = to;
  to->prev->next = to;
  kl_list_init(from);
}

#define KL_CONTAINER(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
