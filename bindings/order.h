/* Orders as objects of scripts, shared by the files of their binding: order.c (module functions), order_args.c (what
 * kalshi.order is given), order_object.c (fields and text), order_wait.c (waiting for news), order_write.c (place,
 * cancel, amend, decrease), order_shadow.c (the same on paper beside another version). */
#ifndef KL_BINDINGS_ORDER_H
#define KL_BINDINGS_ORDER_H

#include "bindings/rest.h"
#include "bindings/shadow.h"
#include "trading/desk.h"

#define KL_ORDER_META "kalshi.Order"

/* In the memory of the userdata; one for each order in each script. An order without a party is a shadow's own. */
typedef struct kl_order_handle {
  kl_place *place;      /* of the account */
  kl_desk_order *order; /* retained; NULL while it is being placed */
  bool told;            /* wait has returned with news */
  uint64_t seen;        /* version of the order when it last did */
} kl_order_handle;

/* What kalshi.order was asked for. The texts of the intent are borrowed from the stack. */
typedef struct kl_order_wish {
  kl_place *place; /* of the account: before it is read */
  kl_order_intent intent;
  bool wait;
} kl_order_wish;

/* ---- order_args.c ---- */

/* From the table at index 1, above which the stack then holds the texts. */
void kl_order_wish_read(lua_State *L, kl_order_wish *out); /* raises */
/* What amend is given, from the table at index 2: the price on the YES leg and the whole size, 0 where absent. */
void kl_order_change_read(lua_State *L, const kl_order_handle *h, kl_price *yes_price, kl_count *total); /* raises */
/* A price of this order's market, as it is said for it, must be on the market's grid where that is known. */
void kl_order_check_grid(lua_State *L, const kl_place *at, const char *function, const char *ticker, kl_price yes_price,
                         bool on_no); /* raises */

/* ---- order_object.c ---- */

void kl_order_register(lua_State *L);
/* An order in the terms in which it was placed: the price that is the same as this one of YES (and the other way). */
static inline kl_price kl_order_terms(const kl_desk_order *o, kl_price yes) {
  return o->on_no ? KL_PRICE_ONE - yes : yes;
}
/* With what had filled before its lease was renewed. */
static inline kl_count kl_order_filled(const kl_desk_order *o) { return o->before + o->filled; }
static inline kl_count kl_order_count(const kl_desk_order *o) { return o->before + o->count; }
/* "buy yes 10 @ 0.42 KXA-1: resting, 4 filled at 0.42". */
void kl_order_text(const kl_desk_order *o, char *out, size_t cap);
/* Pushes the object of an order, the same one each time while the script holds it; retains the order. */
kl_order_handle *kl_order_push(lua_State *L, kl_place *at, kl_desk_order *o); /* raises */
/* The same for an order yet to come: an object without one, then kl_order_remember when `order` is set. */
kl_order_handle *kl_order_push_new(lua_State *L, kl_place *at); /* raises */
void kl_order_remember(lua_State *L, int idx);                  /* raises */
/* Of the desk, or a shadow's. */
kl_desk_order *kl_order_retain(kl_desk_order *o);
void kl_order_let_go(kl_desk_order *o);
void kl_order_watch(kl_desk_order *o, kl_order_watcher *w);
void kl_order_unwatch(kl_order_watcher *w); /* harmless when repeated */
/* The object at index 1. `method` is for messages. */
kl_order_handle *kl_order_check(lua_State *L, const char *method); /* raises */
/* Raises `e` with the object at `idx` as its field `order`. */
int kl_order_raise(lua_State *L, int idx, const kl_error *e); /* raises */

/* ---- order_wait.c: methods ---- */

int kl_order_wait_lua(lua_State *L);
int kl_order_wait_fill_lua(lua_State *L);
int kl_order_changes_lua(lua_State *L);
/* (order): returns once the order is answered, whatever the answer. */
int kl_order_answered_lua(lua_State *L);

/* ---- order.c: kalshi.own_orders, find_order, and what cancel_all and cancel_mine are made of ---- */

int kl_order_own_lua(lua_State *L);
int kl_order_find_lua(lua_State *L);
int kl_order_cancel_many_lua(lua_State *L);

/* ---- order_write.c: methods, and the function ---- */

int kl_order_place_lua(lua_State *L);
int kl_order_cancel_lua(lua_State *L);
int kl_order_amend_lua(lua_State *L);
int kl_order_decrease_lua(lua_State *L);
/* The party of the running script at that account, where there is a desk, and which version of it runs. */
kl_party *kl_order_party(lua_State *L, const kl_place *at, uint32_t *generation); /* raises */
/* Says in the script's log why an order or a change was not even sent. */
void kl_order_say_unsendable(lua_State *L, kl_place *at, const kl_error *e);
/* Cancels everything of the party (NULL: of the account) and returns how many. Arguments are not looked at. */
int kl_order_cancel_party(lua_State *L, kl_desk *d, kl_party *p, const char *name); /* raises */

/* ---- order_shadow.c ---- */

/* The side that the running script is in; NULL where there is no shadow of or for it. In one whose shadow ended it
 * raises kind "shadow". */
kl_shadow *kl_order_shadow(lua_State *L, kl_place *at, kl_actor *who); /* raises */
/* The shadow places, changes or cancels: as the raw operation is answered there. Object at index 1 but for place. */
int kl_order_shadow_place(lua_State *L, kl_shadow *s, const kl_order_wish *w);                         /* raises */
int kl_order_shadow_cancel(lua_State *L, const kl_order_handle *h);                                    /* raises */
int kl_order_shadow_amend(lua_State *L, const kl_order_handle *h, kl_price yes_price, kl_count total); /* raises */
int kl_order_shadow_decrease(lua_State *L, const kl_order_handle *h, kl_count by);                     /* raises */
/* The other side has sent this: its shadow compares it. Before it is sent kl_order_note_new, which may raise. */
kl_args *kl_order_note_new(lua_State *L); /* raises */
void kl_order_note_place(kl_shadow *s, kl_args *a, const kl_desk_order *o, const kl_order_intent *i);
void kl_order_note_cancel(kl_shadow *s, kl_args *a, const kl_desk_order *o);
void kl_order_note_amend(kl_shadow *s, kl_args *a, const kl_desk_order *o, kl_price yes_price, kl_count total);
void kl_order_note_decrease(kl_shadow *s, kl_args *a, const kl_desk_order *o, kl_count by);
/* Everything of the account (p NULL), or what is open of the party. */
void kl_order_note_all(lua_State *L, kl_shadow *s, kl_desk *d, kl_party *p); /* raises */

#endif
