/* The inside of shadows: what their files share. */
#ifndef KL_SHADOW_IMPL_H
#define KL_SHADOW_IMPL_H

#include <jansson.h>

#include "bindings/shadow.h"
#include "bindings/shadow_orders.h"
#include "trading/desk.h"

/* One for each account that either side has orders of: that of the account of the command has the others as branches,
 * which share its sides and its comparison. */
struct kl_shadow {
  kl_shadow *next;
  kl_shadow *branches; /* chained by `next`; they have none */
  kl_place *at;        /* the account */
  kl_strategy *sides[KL_ACTORS];
  kl_paper paper[KL_ACTORS];
  kl_comparison *comparison;
  uint64_t took_ms; /* the last write of the old one; 0: none was answered yet */
  uint64_t numbers; /* of orders and groups that were made up */
  kl_list made;     /* shadow_desk.c's */
  uint64_t names;   /* of orders there */
};

/* It is to end, or has ended. */
bool kl_shadow_side_ends(const kl_strategy *g);

/* ---- requests (shadow_request.c) ---- */

/* Today's operation of that name. */
bool kl_shadow_is(const kl_operation *op, const char *name);
/* The body; owned, NULL where there is none. */
json_t *kl_shadow_body(const kl_args *args);
/* A field of a body: NULL and false where it is absent or of another form. */
const char *kl_shadow_text(const json_t *o, const char *name);
bool kl_shadow_fixed(const json_t *o, const char *name, int places, int64_t *out);
/* The last part of the path that the operation's path has in braces: the id of what the call is about; "" where there
 * is none. */
void kl_shadow_path_id(const kl_operation *op, const kl_args *args, char *out, size_t cap);
/* The fields of an order that a body has; its id stays empty. */
void kl_shadow_read_order(const json_t *o, kl_paper_order *out);
/* The order that a side knows by this id: one of its own, or one of the account, which is its own from then on. NULL
 * where nobody knows it. */
kl_paper_order *kl_shadow_order(kl_shadow *s, kl_actor who, const char *id);
/* Notes a write, a batch as its orders; `body` may be NULL. */
void kl_shadow_note_request(kl_shadow *s, kl_actor who, const kl_operation *op, const char *method, const kl_args *args,
                            const json_t *body);

/* ---- orders as objects (shadow_desk.c) ---- */

void kl_shadow_copy_orders(kl_shadow *s);    /* those that rest when it starts */
void kl_shadow_refresh_orders(kl_shadow *s); /* something was answered */
void kl_shadow_forget_orders(kl_shadow *s);  /* it goes */

#endif
