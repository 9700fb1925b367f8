/* The orders of one side of a shadow: those that the old one has sent, or those that the new one believes to have.
 * Private to the shadow. */
#ifndef KL_SHADOW_ORDERS_H
#define KL_SHADOW_ORDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/list.h"
#include "base/map.h"
#include "base/units.h"

typedef struct kl_paper_order {
  kl_list link;
  char id[80]; /* its key: the exchange's or the shadow's; before the answer the client_order_id */
  char client_order_id[80], group[80];
  char ticker[64], side[8];
  kl_price price;
  kl_count filled; /* by the time at which it was taken over from the account: nothing fills here */
  kl_count remaining;
  bool ended; /* rests no more: kept so that a second cancel is answered as the exchange does */
} kl_paper_order;

/* The oldest go first. */
enum { KL_PAPER_ORDERS_MAX = 20000 };

typedef struct kl_paper { /* made by kl_paper_open */
  kl_map *by_id;
  kl_list orders; /* of kl_paper_order.link, in order of birth */
  size_t n;
} kl_paper;

/* A text (NULL: "") into a field; cut where it does not fit. */
static inline void kl_paper_copy(char *out, size_t cap, const char *text) {
  snprintf(out, cap, "%s", text ? text : "");
}

bool kl_paper_open(kl_paper *p); /* false when memory is out */
void kl_paper_close(kl_paper *p);
/* A copy under its id. NULL when memory is out. Borrowed until the next add. */
kl_paper_order *kl_paper_add(kl_paper *p, const kl_paper_order *o);
kl_paper_order *kl_paper_find(const kl_paper *p, const char *id);
void kl_paper_rename(kl_paper *p, const char *id, const char *new_id);
/* All of a group, or of all (NULL), rest no more. */
void kl_paper_end(kl_paper *p, const char *group);

#endif
