/* Orders beside a shadow: what the one side sends is noted for the comparison, and what the other wants to send is
 * answered as the raw operation is (bindings/rest.c). */
#include "bindings/order.h"
#include "script/strategy.h"

#define BASE "/portfolio/events/orders"

kl_shadow *kl_order_shadow(lua_State *L, kl_place *at, kl_actor *who) {
  kl_shadow *s = kl_shadow_here(L, at, who);
  if (!s && kl_script_is_shadow(kl_script_of(L))) (void)kl_may_act(L); /* raises: it is nobody's */
  return s;
}

/* ---- requests ---- */

static void write_create(kl_args *a, const kl_order_intent *i, const char *client_id) {
  kl_buf_str(&a->path, BASE);
  a->has_body = true;
  kl_desk_put_create(&a->body, i, client_id);
}

static const char *id_of(const kl_desk_order *o) { return o->id[0] ? o->id : o->client_id; }

static void write_cancel(kl_args *a, const kl_desk_order *o) { kl_buf_printf(&a->path, BASE "/%s", id_of(o)); }

static void write_amend(kl_args *a, const kl_desk_order *o, kl_price yes_price, kl_count total) {
  kl_buf_printf(&a->path, BASE "/%s/amend", id_of(o));
  a->has_body = true;
  kl_desk_put_amend(&a->body, o, yes_price ? yes_price : o->yes_price, total ? total : kl_order_count(o));
}

static void write_decrease(kl_args *a, const kl_desk_order *o, kl_count by) {
  kl_buf_printf(&a->path, BASE "/%s/decrease", id_of(o));
  a->has_body = true;
  kl_desk_put_decrease(&a->body, o, by);
}

/* ---- the side that trades ---- */

kl_args *kl_order_note_new(lua_State *L) { return kl_args_push(L); }

static void note(kl_shadow *s, kl_args *a, const char *operation, const kl_desk_order *o) {
  const kl_operation *op = kl_operation_find(operation);
  if (o->id[0]) kl_shadow_learn(s, o->client_id, o->id);
  if (op && !a->path.failed && !a->body.failed) kl_shadow_sent(s, op, op->method, a);
}

void kl_order_note_place(kl_shadow *s, kl_args *a, const kl_desk_order *o, const kl_order_intent *i) {
  write_create(a, i, o->client_id);
  note(s, a, "create_order", o);
}

void kl_order_note_cancel(kl_shadow *s, kl_args *a, const kl_desk_order *o) {
  write_cancel(a, o);
  note(s, a, "cancel_order", o);
}

void kl_order_note_amend(kl_shadow *s, kl_args *a, const kl_desk_order *o, kl_price yes_price, kl_count total) {
  write_amend(a, o, yes_price, total);
  note(s, a, "amend_order", o);
}

void kl_order_note_decrease(kl_shadow *s, kl_args *a, const kl_desk_order *o, kl_count by) {
  write_decrease(a, o, by);
  note(s, a, "decrease_order", o);
}

void kl_order_note_all(lua_State *L, kl_shadow *s, kl_desk *d, kl_party *p) {
  for (const kl_desk_order *o = NULL; p && (o = kl_desk_next(d, p, o));) {
    if (kl_desk_status_final(o->status)) continue;
    kl_order_note_cancel(s, kl_args_push(L), o);
    lua_pop(L, 1);
  }
  if (p) return;
  const kl_operation *op = kl_operation_find("cancel_all_orders");
  kl_args *a = kl_args_push(L);
  kl_buf_str(&a->path, BASE);
  if (op && !a->path.failed) kl_shadow_sent(s, op, op->method, a);
  lua_pop(L, 1);
}

/* ---- the shadow ---- */

static int l_call(lua_State *L) { /* place operation arguments */
  return kl_rest_await(L, lua_touserdata(L, 1), lua_touserdata(L, 2), NULL, lua_touserdata(L, 3));
}

/* Calls the operation with the arguments at the top, which go, and goes on with `k`: the order has changed then. */
static int call(lua_State *L, kl_place *at, const char *operation, lua_KFunction k) {
  luaL_checkstack(L, 4, NULL);
  lua_pushcfunction(L, l_call);
  lua_insert(L, -2);
  lua_pushlightuserdata(L, at);
  lua_insert(L, -2);
  lua_pushlightuserdata(L, (void *)(uintptr_t)kl_operation_find(operation));
  lua_insert(L, -2);
  lua_callk(L, 3, 0, 0, k);
  return k(L, LUA_OK, 0);
}

/* The order at index 1, with its object there. */
static int placed(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  (void)ctx;
  lua_settop(L, 1);
  return 1;
}

int kl_order_shadow_place(lua_State *L, kl_shadow *s, const kl_order_wish *w) {
  kl_error e;
  kl_script_stats stats;
  kl_script_stats_get(kl_script_of(L), &stats);
  kl_args *a = kl_args_push(L); /* … texts arguments */
  kl_desk_order *o = kl_shadow_add_order(s, &w->intent, (uint32_t)stats.generation, &e);
  if (!o) return kl_raise(L, &e);
  a->items = 1;
  write_create(a, &w->intent, o->client_id);
  kl_order_push(L, w->place, o); /* what is not held by now is forgotten with the next one */
  lua_replace(L, 1);             /* object texts arguments */
  if (w->wait) return call(L, w->place, "create_order", placed);
  kl_buf body = {0};
  const kl_operation *op = kl_operation_find("create_order");
  bool ok = kl_shadow_answer(s, op, op->method, a, &body, &e);
  kl_buf_free(&body);
  if (!ok) return kl_raise(L, &e);
  lua_settop(L, 1);
  return 1;
}

static int canceled(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  (void)ctx;
  lua_pushboolean(L, 1);
  return 1;
}

int kl_order_shadow_cancel(lua_State *L, const kl_order_handle *h) {
  write_cancel(kl_args_push(L), h->order);
  return call(L, h->place, "cancel_order", canceled);
}

int kl_order_shadow_amend(lua_State *L, const kl_order_handle *h, kl_price yes_price, kl_count total) {
  write_amend(kl_args_push(L), h->order, yes_price, total);
  return call(L, h->place, "amend_order", placed);
}

int kl_order_shadow_decrease(lua_State *L, const kl_order_handle *h, kl_count by) {
  write_decrease(kl_args_push(L), h->order, by);
  return call(L, h->place, "decrease_order", placed);
}
