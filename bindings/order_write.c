/* kalshi.order, o:cancel, o:amend, o:decrease: writes of the desk that a task waits for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "bindings/check.h"
#include "bindings/inspect.h"
#include "bindings/order.h"
#include "script/limits.h"

/* ---- a write that is waited for ---- */

typedef struct order_write {
  kl_wait wait; /* first */
  kl_desk_write *write;
  kl_script *script;
  kl_desk_order *order; /* retained */
  const char *what;     /* static */
  bool takes_back;      /* it leaves less at the exchange: sent also when nobody waits for it any more */
  bool failed;
  kl_error error;
  uint64_t since_ms; /* of the loop */
} order_write;

static void done(void *data, const kl_http_response *answer, const kl_error *e) {
  order_write *w = data;
  (void)answer; /* the order says it all */
  w->write = NULL;
  if (e) {
    w->failed = true;
    w->error = *e;
  }
  kl_complete(&w->wait);
}

/* What was under way when its version was replaced goes on: the next one counts on it. */
static void drop(kl_wait *wait) {
  order_write *w = (order_write *)wait;
  if (w->write) kl_desk_leave(w->write, w->takes_back || kl_script_replaced(w->script));
  if (w->order) kl_order_let_go(w->order);
  free(w);
}

static void describe(const kl_wait *wait, kl_buf *out) {
  const order_write *w = (const order_write *)wait;
  char text[320];
  kl_order_text(w->order, text, sizeof text);
  kl_buf_printf(out, "%s: %s", w->what, text);
  kl_wait_since(out, kl_script_loop(w->script), w->since_ms);
}

/* Everything that can raise comes before something is sent: also what kl_await would raise. */
static order_write *write_new(lua_State *L, const char *what, int (*push)(lua_State *, kl_wait *)) {
  kl_check_await(L);
  order_write *w = calloc(1, sizeof *w);
  if (!w) {
    kl_raisef(L, KL_ERR_INTERNAL, "%s: not enough memory", what);
    return NULL;
  }
  w->wait = (kl_wait){.push = push, .drop = drop, .describe = describe, .kind = KL_WAIT_EVENT};
  w->script = kl_script_of(L);
  w->what = what;
  w->since_ms = uv_now(kl_script_loop(w->script));
  return w;
}

static kl_desk *desk_of(lua_State *L, const kl_place *at, const char *call) {
  kl_desk *d = kl_environment_of(L)->tool ? NULL : at->desk;
  if (!d)
    kl_raise_coded(L, KL_ERR_CONFIG, "no_orders_here",
                   "%s: no orders are kept here: use it in a script of `kalua run` or a prompt", call);
  return d;
}

kl_party *kl_order_party(lua_State *L, const kl_place *at, uint32_t *generation) {
  kl_party *p = kl_party_here(L, at, generation);
  if (!p) kl_raisef(L, KL_ERR_INTERNAL, "not enough memory for the orders of a script");
  return p;
}

/* ---- what is asked for ---- */

void kl_order_say_unsendable(lua_State *L, kl_place *at, const kl_error *e) {
  const kl_environment *env = at && kl_script_of(L) ? kl_environment_of(L) : NULL;
  kl_actor who = KL_ACTOR_OLD;
  uint32_t generation;
  if (!env || env->tool || !at->desk || (kl_shadow_here(L, at, &who) && who == KL_ACTOR_NEW)) return;
  kl_party *p = kl_party_here(L, at, &generation);
  if (p) kl_desk_say_refused(p, "before it was sent", e);
}

/* Of a new order the wish, of a change the rest. */
typedef struct reading {
  kl_place *place;
  kl_order_wish *wish;
  const kl_order_handle *order;
  kl_price *yes_price;
  kl_count *total;
} reading;

/* (table, reading) or (order, table, reading). */
static int read_protected(lua_State *L) {
  const reading *r = lua_touserdata(L, -1);
  lua_pop(L, 1);
  if (r->wish)
    kl_order_wish_read(L, r->wish);
  else
    kl_order_change_read(L, r->order, r->yes_price, r->total);
  return lua_gettop(L); /* with the texts that a wish borrows */
}

/* The value of a field of the error at the top, "" where it is no text. */
static void copy_field(lua_State *L, const char *name, char *out, size_t size) {
  lua_pushstring(L, name);
  lua_rawget(L, -2);
  snprintf(out, size, "%s", lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "");
  lua_pop(L, 1);
}

/* The arguments are all of the stack. A script may take the error and say nothing, so that it never trades and nothing
 * tells why: the log does. */
static void read_arguments(lua_State *L, reading *r) {
  int n = lua_gettop(L);
  luaL_checkstack(L, n + 4, NULL);
  lua_pushcfunction(L, read_protected);
  for (int i = 1; i <= n; i++)
    lua_pushvalue(L, i);
  lua_pushlightuserdata(L, r);
  if (lua_pcall(L, n + 1, LUA_MULTRET, 0) == LUA_OK) return;
  if (lua_type(L, -1) == LUA_TTABLE) {
    kl_error e = {.kind = KL_ERR_VALIDATION};
    copy_field(L, "message", e.message, sizeof e.message);
    copy_field(L, "code", e.code, sizeof e.code);
    kl_order_say_unsendable(L, r->place, &e);
  }
  lua_error(L);
}

/* ---- kalshi.order ---- */

/* Of a write that nobody waits for. */
static void nobody(void *data, const kl_http_response *answer, const kl_error *e) {
  (void)data;
  (void)answer;
  (void)e;
}

/* How the order ended without ever being one, or that it is not known what became of it: an error, with the object. */
static int push_placed(lua_State *L, kl_wait *wait) {
  order_write *w = (order_write *)wait;
  kl_desk_order *o = w->order;
  lua_settop(L, 1);
  if (o->status == KL_DESK_REJECTED) {
    kl_error e = o->error ? *o->error : w->error;
    return kl_order_raise(L, 1, &e);
  }
  /* Nobody is there any more to tell what becomes of it. */
  if (w->failed && !kl_desk_status_final(o->status) && w->error.kind && !strcmp(w->error.kind, KL_ERR_CLOSED)) {
    kl_error e = w->error;
    return kl_order_raise(L, 1, &e);
  }
  return 1;
}

static int remember(lua_State *L) {
  kl_order_remember(L, 1);
  return 0;
}

static int place(lua_State *L);

static int held_place(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  (void)ctx;
  return place(L);
}

/* The table at index 1. */
static int place(lua_State *L) {
  kl_place *at = kl_place_of(L);
  kl_order_wish wish = {.place = at};
  kl_actor who = KL_ACTOR_OLD;
  lua_settop(L, 1);
  read_arguments(L, &(reading){.place = at, .wish = &wish});
  if (!kl_may_pretend(L)) {
    lua_settop(L, 1);
    return kl_hold(L, 0, held_place);
  }
  kl_shadow *shadow = kl_order_shadow(L, at, &who);
  if (shadow && who == KL_ACTOR_NEW) return kl_order_shadow_place(L, shadow, &wish);
  kl_desk *d = desk_of(L, at, "kalshi.order");
  uint32_t generation;
  kl_party *party = kl_order_party(L, at, &generation);
  kl_order_handle *h = kl_order_push_new(L, at);
  int object = lua_gettop(L);
  luaL_checkstack(L, 4, NULL);
  kl_args *note = shadow ? kl_order_note_new(L) : NULL;
  kl_script_count_orders(L, 1, "kalshi.order");
  order_write *w = wish.wait ? write_new(L, "kalshi.order", push_placed) : NULL;
  if (!w) kl_check_cancelled(L);
  kl_desk_write *write = NULL;
  kl_error e;
  if (!kl_desk_place(d, party, generation, &wish.intent, &h->order, w ? done : nobody, w, &write, &e)) {
    free(w);
    return kl_raise(L, &e);
  }
  if (shadow) kl_order_note_place(shadow, note, h->order, &wish.intent);
  if (w) {
    w->write = write;
    w->order = kl_order_retain(h->order);
  } else if (write) {
    kl_desk_leave(write, true);
  }
  lua_pushvalue(L, object);
  lua_replace(L, 1);
  lua_settop(L, 1);
  /* It is sent, so nothing is raised any more. Without memory to remember it own_orders makes another object of it. */
  lua_pushcfunction(L, remember);
  lua_pushvalue(L, 1);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) lua_settop(L, 1);
  return w ? kl_await(L, &w->wait) : 1;
}

int kl_order_place_lua(lua_State *L) {
  if (lua_isnoneornil(L, 1))
    return kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_arguments",
                          "kalshi.order takes one table: { ticker = …, side = \"yes\", price = 0.42, count = 10 }");
  if (lua_gettop(L) > 1)
    return kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_arguments",
                          "kalshi.order takes one table and nothing behind it");
  return place(L);
}

/* ---- changes ---- */

/* A change of what the exchange has not answered yet waits for that; a cancel is the desk's to keep until then. Index 1
 * is the order, the arguments stay behind it. */
typedef int change(lua_State *L);
enum { CANCEL, AMEND, DECREASE };
static change cancel, amend, decrease;
static change *const changes[] = {[CANCEL] = cancel, [AMEND] = amend, [DECREASE] = decrease};

static int go_on(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  return changes[ctx](L);
}

static int when_answered(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  const kl_order_handle *h = lua_touserdata(L, 1);
  if (ctx == CANCEL || h->order->status != KL_DESK_PENDING) return changes[ctx](L);
  lua_pushcfunction(L, kl_order_answered_lua);
  lua_pushvalue(L, 1);
  lua_callk(L, 1, 0, ctx, go_on);
  return changes[ctx](L);
}

static int begin(lua_State *L, int which) {
  if (!kl_may_pretend(L)) return kl_hold(L, which, when_answered);
  return when_answered(L, LUA_OK, which);
}

/* What an order says that has ended before it could be changed. */
static int raise_ended(lua_State *L, const kl_desk_order *o, const char *method) {
  kl_error e;
  char filled[32];
  kl_decimal_short(filled, kl_order_filled(o), KL_COUNT_PLACES, 0);
  kl_error_set(&e, KL_ERR_CLOSED, "order:%s: the order is %s%s%s%s", method, kl_desk_status_name(o->status),
               o->status == KL_DESK_CANCELED && kl_order_filled(o) > 0 ? ", with " : "",
               o->status == KL_DESK_CANCELED && kl_order_filled(o) > 0 ? filled : "",
               o->status == KL_DESK_CANCELED && kl_order_filled(o) > 0 ? " filled" : "");
  kl_error_code(&e, kl_desk_status_name(o->status));
  snprintf(e.operation, sizeof e.operation, "%s", method);
  return kl_order_raise(L, 1, &e);
}

static int push_canceled(lua_State *L, kl_wait *wait) {
  const order_write *w = (const order_write *)wait;
  const kl_desk_order *o = w->order;
  if (w->failed && !kl_desk_status_final(o->status)) return kl_order_raise(L, 1, &w->error);
  lua_pushboolean(L, !w->failed && o->status != KL_DESK_FILLED && o->status != KL_DESK_REJECTED);
  return 1;
}

/* order:amend and order:decrease. */
static int push_changed(lua_State *L, kl_wait *wait) {
  const order_write *w = (const order_write *)wait;
  const kl_desk_order *o = w->order;
  if (w->failed && kl_desk_status_final(o->status) && (w->error.status == 404 || !w->error.kind))
    return raise_ended(L, o, w->what + strlen("order:"));
  if (w->failed) return kl_order_raise(L, 1, &w->error);
  lua_settop(L, 1);
  return 1;
}

static int await_change(lua_State *L, order_write *w, const kl_order_handle *h, kl_desk_write *write) {
  w->write = write;
  w->order = kl_order_retain(h->order);
  return kl_await(L, &w->wait);
}

static int refused(lua_State *L, order_write *w, const kl_error *e) {
  free(w);
  return kl_order_raise(L, 1, e);
}

static int cancel(lua_State *L) {
  const kl_order_handle *h = kl_order_check(L, "cancel");
  kl_desk_order *o = h->order;
  if (kl_desk_status_final(o->status)) {
    kl_check_cancelled(L);
    lua_pushboolean(L, 0);
    return 1;
  }
  kl_actor who = KL_ACTOR_OLD;
  kl_shadow *shadow = kl_order_shadow(L, h->place, &who);
  if (shadow && who == KL_ACTOR_NEW) return kl_order_shadow_cancel(L, h);
  kl_args *note = shadow ? kl_order_note_new(L) : NULL;
  kl_desk *d = desk_of(L, h->place, "order:cancel");
  order_write *w = write_new(L, "order:cancel", push_canceled);
  w->takes_back = true;
  kl_desk_write *write = NULL;
  kl_error e;
  if (!kl_desk_cancel(d, o, done, w, &write, &e)) return refused(L, w, &e);
  if (shadow) kl_order_note_cancel(shadow, note, o);
  return await_change(L, w, h, write);
}

static int amend(lua_State *L) {
  const kl_order_handle *h = kl_order_check(L, "amend");
  kl_desk_order *o = h->order;
  kl_price yes_price;
  kl_count total;
  kl_actor who = KL_ACTOR_OLD;
  if (kl_desk_status_final(o->status)) return raise_ended(L, o, "amend");
  read_arguments(L, &(reading){.place = h->place, .order = h, .yes_price = &yes_price, .total = &total});
  kl_shadow *shadow = kl_order_shadow(L, h->place, &who);
  if (shadow && who == KL_ACTOR_NEW) return kl_order_shadow_amend(L, h, yes_price, total);
  kl_args *note = shadow ? kl_order_note_new(L) : NULL;
  kl_script_count_orders(L, 1, "order:amend");
  kl_desk *d = desk_of(L, h->place, "order:amend");
  order_write *w = write_new(L, "order:amend", push_changed);
  kl_desk_write *write = NULL;
  kl_error e;
  if (!kl_desk_amend(d, o, yes_price, total, done, w, &write, &e)) return refused(L, w, &e);
  if (shadow) kl_order_note_amend(shadow, note, o, yes_price, total);
  return await_change(L, w, h, write);
}

static int decrease(lua_State *L) {
  const kl_order_handle *h = kl_order_check(L, "decrease");
  kl_desk_order *o = h->order;
  kl_count by = 0;
  kl_actor who = KL_ACTOR_OLD;
  if (kl_desk_status_final(o->status)) return raise_ended(L, o, "decrease");
  if (lua_type(L, 2) != LUA_TNUMBER || !kl_decimal_from_double(lua_tonumber(L, 2), KL_COUNT_PLACES, &by) || by <= 0)
    return kl_bad_argument(L, 2, "order:decrease", "a number of contracts to take off, a multiple of 0.01 above 0");
  kl_shadow *shadow = kl_order_shadow(L, h->place, &who);
  if (shadow && who == KL_ACTOR_NEW) return kl_order_shadow_decrease(L, h, by);
  kl_args *note = shadow ? kl_order_note_new(L) : NULL;
  kl_desk *d = desk_of(L, h->place, "order:decrease");
  order_write *w = write_new(L, "order:decrease", push_changed);
  w->takes_back = true;
  kl_desk_write *write = NULL;
  kl_error e;
  if (!kl_desk_decrease(d, o, by, done, w, &write, &e)) return refused(L, w, &e);
  if (shadow) kl_order_note_decrease(shadow, note, o, by);
  return await_change(L, w, h, write);
}

int kl_order_cancel_lua(lua_State *L) {
  kl_order_check(L, "cancel");
  if (lua_gettop(L) > 1)
    return kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_arguments", "order:cancel takes no arguments");
  return begin(L, CANCEL);
}

int kl_order_amend_lua(lua_State *L) {
  kl_order_check(L, "amend");
  return begin(L, AMEND);
}

int kl_order_decrease_lua(lua_State *L) {
  kl_order_check(L, "decrease");
  return begin(L, DECREASE);
}

/* ---- all ---- */

/* The desk goes on with it whoever waits, so the one that waits is told through this, which outlives it. */
typedef struct all_call {
  struct all_wait *waiter; /* NULL once nobody waits */
  size_t canceled;
  bool failed;
  kl_error error;
} all_call;

typedef struct all_wait {
  kl_wait wait; /* first */
  all_call *call;
  const char *name;
  bool over; /* the call is ours to free */
  uv_loop_t *loop;
  uint64_t since_ms;
} all_wait;

static void all_done(void *data, size_t canceled, const kl_error *e) {
  all_call *c = data;
  if (!c->waiter) {
    free(c);
    return;
  }
  c->canceled = canceled;
  if (e) {
    c->failed = true;
    c->error = *e;
  }
  c->waiter->over = true;
  kl_complete(&c->waiter->wait);
}

static void all_drop(kl_wait *wait) {
  all_wait *w = (all_wait *)wait;
  w->call->waiter = NULL;
  if (w->over) free(w->call);
  free(w);
}

static int all_push(lua_State *L, kl_wait *wait) {
  const all_wait *w = (const all_wait *)wait;
  if (w->call->failed) {
    kl_error e = w->call->error;
    return kl_raise(L, &e);
  }
  lua_pushinteger(L, (lua_Integer)w->call->canceled);
  return 1;
}

static void all_describe(const kl_wait *wait, kl_buf *out) {
  const all_wait *w = (const all_wait *)wait;
  kl_buf_str(out, w->name);
  kl_wait_since(out, w->loop, w->since_ms);
}

int kl_order_cancel_party(lua_State *L, kl_desk *d, kl_party *p, const char *name) {
  kl_check_await(L);
  all_wait *w = calloc(1, sizeof *w);
  all_call *c = calloc(1, sizeof *c);
  if (!w || !c) {
    free(w);
    free(c);
    return kl_raisef(L, KL_ERR_INTERNAL, "%s: not enough memory", name);
  }
  w->wait = (kl_wait){.push = all_push, .drop = all_drop, .describe = all_describe, .kind = KL_WAIT_EVENT};
  w->call = c;
  w->name = name;
  w->loop = kl_script_loop(kl_script_of(L));
  w->since_ms = uv_now(w->loop);
  c->waiter = w;
  if (!kl_desk_cancel_all(d, p, all_done, c)) {
    free(w);
    free(c);
    return kl_raisef(L, KL_ERR_INTERNAL, "%s: not enough memory", name);
  }
  return kl_await(L, &w->wait);
}
