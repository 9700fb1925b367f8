/* What a script sees of an order: fields, text, picture. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/decimal.h"
#include "bindings/check.h"
#include "bindings/options.h"
#include "bindings/order.h"
#include "script/guard.h"
#include "script/script.h"

/* ---- the object ---- */

static const char objects_key = 0; /* of the registry: objects by their order, held weakly */

static void push_objects(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &objects_key) == LUA_TTABLE) return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &objects_key);
}

kl_order_handle *kl_order_push_new(lua_State *L, kl_place *at) {
  kl_order_handle *h = lua_newuserdatauv(L, sizeof *h, 0);
  memset(h, 0, sizeof *h);
  h->place = at;
  luaL_setmetatable(L, KL_ORDER_META);
  return h;
}

kl_order_handle *kl_order_push(lua_State *L, kl_place *at, kl_desk_order *o) {
  luaL_checkstack(L, 4, NULL);
  push_objects(L); /* objects */
  if (lua_rawgetp(L, -1, o) == LUA_TUSERDATA) {
    lua_remove(L, -2);
    return lua_touserdata(L, -1);
  }
  lua_pop(L, 1);
  kl_order_handle *h = kl_order_push_new(L, at); /* objects object */
  h->order = kl_order_retain(o);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, -3, o);
  lua_remove(L, -2);
  return h;
}

void kl_order_remember(lua_State *L, int idx) {
  idx = lua_absindex(L, idx);
  const kl_order_handle *h = lua_touserdata(L, idx);
  push_objects(L);
  lua_pushvalue(L, idx);
  lua_rawsetp(L, -2, h->order);
  lua_pop(L, 1);
}

/* The desk's, also once the desk has gone. */
static bool is_of_desk(const kl_desk_order *o) { return o->priv != NULL; }

kl_desk_order *kl_order_retain(kl_desk_order *o) {
  if (is_of_desk(o)) return kl_desk_order_retain(o);
  o->references++;
  return o;
}

void kl_order_let_go(kl_desk_order *o) {
  if (is_of_desk(o))
    kl_desk_order_release(o);
  else
    kl_shadow_release_order(o);
}

void kl_order_watch(kl_desk_order *o, kl_order_watcher *w) {
  if (is_of_desk(o)) {
    kl_desk_watch(o, w);
  } else {
    kl_list_init(&w->link);
    kl_list_append(&o->watchers, &w->link);
  }
}

void kl_order_unwatch(kl_order_watcher *w) { kl_desk_unwatch(w); }

static int l_gc(lua_State *L) {
  kl_order_handle *h = luaL_checkudata(L, 1, KL_ORDER_META);
  if (h->order) kl_order_let_go(h->order);
  h->order = NULL;
  return 0;
}

kl_order_handle *kl_order_check(lua_State *L, const char *method) {
  kl_order_handle *h = kl_check_self(L, KL_ORDER_META, "order", method);
  if (!h->order) kl_raise_coded(L, KL_ERR_CLOSED, "order_not_placed", "order:%s: this order was never placed", method);
  return h;
}

int kl_order_raise(lua_State *L, int idx, const kl_error *e) {
  idx = lua_absindex(L, idx);
  kl_push_error(L, e);
  lua_pushvalue(L, idx);
  lua_setfield(L, -2, "order");
  return lua_error(L);
}

/* ---- text ---- */

static const char *outcome(const kl_desk_order *o) { return o->on_no ? "no" : "yes"; }
static const char *action(const kl_desk_order *o) { return (o->side == KL_BID) != o->on_no ? "buy" : "sell"; }

/* What has filled, at the prices of the terms it was placed in; false while it is not known of all of it. */
static bool amount(const kl_desk_order *o, kl_money *out) {
  kl_money cost = o->before_cost + o->cost;
  if (kl_order_filled(o) == 0) {
    *out = 0;
    return true;
  }
  if ((o->filled && !o->cost) || (o->before && !o->before_cost)) return false;
  kl_money other = kl_order_filled(o) * KL_PRICE_ONE - cost;
  *out = (o->side == KL_ASK) == o->on_no ? cost : other; /* the cost is of the outcome that it gains from */
  return true;
}

static bool average(const kl_desk_order *o, double *dollars) {
  kl_money paid;
  if (kl_order_filled(o) == 0 || !amount(o, &paid)) return false;
  *dollars = (double)paid / (double)kl_order_filled(o) / KL_PRICE_ONE; /* 1e-6 dollar over 1e-2 contract */
  return true;
}

void kl_order_text(const kl_desk_order *o, char *out, size_t cap) {
  char count[32], price[32], filled[64] = "", at[32] = "";
  double dollars;
  kl_decimal_short(count, kl_order_count(o), KL_COUNT_PLACES, 0);
  kl_decimal_short(price, kl_order_terms(o, o->yes_price), KL_PRICE_PLACES, 2);
  if (average(o, &dollars)) {
    char number[32];
    kl_decimal_short(number, (int64_t)llround(dollars * KL_PRICE_ONE), KL_PRICE_PLACES, 2);
    snprintf(at, sizeof at, " at %.20s", number);
  }
  if (kl_order_filled(o) > 0 && o->status != KL_DESK_FILLED) {
    char number[32];
    kl_decimal_short(number, kl_order_filled(o), KL_COUNT_PLACES, 0);
    snprintf(filled, sizeof filled, ", %.20s filled", number);
  }
  snprintf(out, cap, "%s %s %s @ %s %s: %s%s%s%s%.80s", action(o), outcome(o), count, price, o->ticker,
           kl_desk_status_name(o->status), filled, at, o->error ? ", " : "", o->error ? o->error->message : "");
}

static int l_tostring(lua_State *L) {
  const kl_order_handle *h = luaL_checkudata(L, 1, KL_ORDER_META);
  if (!h->order) {
    lua_pushliteral(L, "order (never placed)");
    return 1;
  }
  char text[320];
  kl_order_text(h->order, text, sizeof text);
  lua_pushstring(L, text);
  return 1;
}

/* ---- fields ---- */

typedef enum {
  F_ID,
  F_CLIENT_ID,
  F_TICKER,
  F_STATUS,
  F_FILLED,
  F_REMAINING,
  F_COUNT,
  F_PRICE,
  F_AVERAGE_PRICE,
  F_FEES,
  F_COST,
  F_SIDE,
  F_ACTION,
  F_OUTCOME_SIDE,
  F_YES_PRICE,
  F_NO_PRICE,
  F_TIME_IN_FORCE,
  F_POST_ONLY,
  F_REASON,
  F_ERROR,
  F_CREATED,
  F_UPDATED,
  F_EXPIRATION,
  F_GROUP_ID,
  F_OWN_GROUP_ID,
  F_SUBACCOUNT,
  F_GENERATION,
  FIELDS
} field;

/* Names and Lua types, in turn, as kl_set_fields takes them. */
static const char *const fields[2 * FIELDS + 1] = {[2 * F_ID] = "id",
                                                   [2 * F_ID + 1] = "string",
                                                   [2 * F_CLIENT_ID] = "client_id",
                                                   [2 * F_CLIENT_ID + 1] = "string",
                                                   [2 * F_TICKER] = "ticker",
                                                   [2 * F_TICKER + 1] = "string",
                                                   [2 * F_STATUS] = "status",
                                                   [2 * F_STATUS + 1] = "string",
                                                   [2 * F_FILLED] = "filled",
                                                   [2 * F_FILLED + 1] = "number",
                                                   [2 * F_REMAINING] = "remaining",
                                                   [2 * F_REMAINING + 1] = "number",
                                                   [2 * F_COUNT] = "count",
                                                   [2 * F_COUNT + 1] = "number",
                                                   [2 * F_PRICE] = "price",
                                                   [2 * F_PRICE + 1] = "number",
                                                   [2 * F_AVERAGE_PRICE] = "average_price",
                                                   [2 * F_AVERAGE_PRICE + 1] = "number",
                                                   [2 * F_FEES] = "fees",
                                                   [2 * F_FEES + 1] = "number",
                                                   [2 * F_COST] = "cost",
                                                   [2 * F_COST + 1] = "number",
                                                   [2 * F_SIDE] = "side",
                                                   [2 * F_SIDE + 1] = "string",
                                                   [2 * F_ACTION] = "action",
                                                   [2 * F_ACTION + 1] = "string",
                                                   [2 * F_OUTCOME_SIDE] = "outcome_side",
                                                   [2 * F_OUTCOME_SIDE + 1] = "string",
                                                   [2 * F_YES_PRICE] = "yes_price",
                                                   [2 * F_YES_PRICE + 1] = "number",
                                                   [2 * F_NO_PRICE] = "no_price",
                                                   [2 * F_NO_PRICE + 1] = "number",
                                                   [2 * F_TIME_IN_FORCE] = "time_in_force",
                                                   [2 * F_TIME_IN_FORCE + 1] = "string",
                                                   [2 * F_POST_ONLY] = "post_only",
                                                   [2 * F_POST_ONLY + 1] = "boolean",
                                                   [2 * F_REASON] = "reason",
                                                   [2 * F_REASON + 1] = "string",
                                                   [2 * F_ERROR] = "error",
                                                   [2 * F_ERROR + 1] = "table",
                                                   [2 * F_CREATED] = "created",
                                                   [2 * F_CREATED + 1] = "number",
                                                   [2 * F_UPDATED] = "updated",
                                                   [2 * F_UPDATED + 1] = "number",
                                                   [2 * F_EXPIRATION] = "expiration",
                                                   [2 * F_EXPIRATION + 1] = "number",
                                                   [2 * F_GROUP_ID] = "group_id",
                                                   [2 * F_GROUP_ID + 1] = "string",
                                                   [2 * F_OWN_GROUP_ID] = "own_group_id",
                                                   [2 * F_OWN_GROUP_ID + 1] = "string",
                                                   [2 * F_SUBACCOUNT] = "subaccount",
                                                   [2 * F_SUBACCOUNT + 1] = "number",
                                                   [2 * F_GENERATION] = "generation",
                                                   [2 * F_GENERATION + 1] = "number",
                                                   [2 * FIELDS] = NULL};

static void push_fixed(lua_State *L, int64_t v, int places) { lua_pushnumber(L, kl_decimal_to_double(v, places)); }

static void push_text(lua_State *L, const char *text) {
  if (text[0])
    lua_pushstring(L, text);
  else
    lua_pushnil(L);
}

static void push_time(lua_State *L, int64_t ms) {
  if (ms > 0)
    lua_pushnumber(L, (double)ms / 1e3);
  else
    lua_pushnil(L);
}

static void push_field(lua_State *L, const kl_desk_order *o, field f) {
  kl_money paid;
  double dollars;
  switch (f) {
  case F_ID:
    push_text(L, o->id);
    break;
  case F_CLIENT_ID:
    push_text(L, o->client_id);
    break;
  case F_TICKER:
    push_text(L, o->ticker);
    break;
  case F_STATUS:
    lua_pushstring(L, kl_desk_status_name(o->status));
    break;
  case F_FILLED:
    push_fixed(L, kl_order_filled(o), KL_COUNT_PLACES);
    break;
  case F_REMAINING:
    push_fixed(L, o->remaining, KL_COUNT_PLACES);
    break;
  case F_COUNT:
    push_fixed(L, kl_order_count(o), KL_COUNT_PLACES);
    break;
  case F_PRICE:
    push_fixed(L, kl_order_terms(o, o->yes_price), KL_PRICE_PLACES);
    break;
  case F_AVERAGE_PRICE:
    if (average(o, &dollars))
      lua_pushnumber(L, dollars);
    else
      lua_pushnil(L);
    break;
  case F_FEES:
    push_fixed(L, o->before_fees + o->fees, KL_MONEY_PLACES);
    break;
  case F_COST:
    if (amount(o, &paid))
      push_fixed(L, paid, KL_MONEY_PLACES);
    else
      lua_pushnil(L);
    break;
  case F_SIDE:
    lua_pushstring(L, o->side == KL_BID ? "bid" : "ask");
    break;
  case F_ACTION:
    lua_pushstring(L, action(o));
    break;
  case F_OUTCOME_SIDE:
    lua_pushstring(L, o->side == KL_BID ? "yes" : "no");
    break;
  case F_YES_PRICE:
    push_fixed(L, o->yes_price, KL_PRICE_PLACES);
    break;
  case F_NO_PRICE:
    push_fixed(L, KL_PRICE_ONE - o->yes_price, KL_PRICE_PLACES);
    break;
  case F_TIME_IN_FORCE:
    lua_pushstring(L, kl_desk_tif_name(o->tif));
    break;
  case F_POST_ONLY:
    lua_pushboolean(L, o->post_only);
    break;
  case F_REASON:
    push_text(L, o->reason);
    break;
  case F_ERROR:
    if (o->error)
      kl_push_error(L, o->error);
    else
      lua_pushnil(L);
    break;
  case F_CREATED:
    push_time(L, o->created_ms);
    break;
  case F_UPDATED:
    push_time(L, o->updated_ms);
    break;
  case F_EXPIRATION:
    push_time(L, o->expiration_ms);
    break;
  case F_GROUP_ID:
    push_text(L, o->group_id);
    break;
  case F_OWN_GROUP_ID:
    push_text(L, kl_desk_order_own_group(o));
    break;
  case F_SUBACCOUNT:
    if (o->subaccount)
      lua_pushinteger(L, o->subaccount);
    else
      lua_pushnil(L);
    break;
  case F_GENERATION:
    lua_pushinteger(L, o->generation);
    break;
  case FIELDS:
    break;
  }
}

static const luaL_Reg methods[] = {{"wait", kl_order_wait_lua},
                                   {"wait_fill", kl_order_wait_fill_lua},
                                   {"changes", kl_order_changes_lua},
                                   {"cancel", kl_order_cancel_lua},
                                   {"amend", kl_order_amend_lua},
                                   {"decrease", kl_order_decrease_lua},
                                   {NULL, NULL}};

enum { METHODS = sizeof methods / sizeof *methods - 1 };

static int unknown_field(lua_State *L, const char *name) {
  static const kl_option_slip slips[] = {{"order_id", "id", NULL},
                                         {"client_order_id", "client_id", NULL},
                                         {"fill_count", "filled", NULL},
                                         {"filled_count", "filled", NULL},
                                         {"remaining_count", "remaining", NULL},
                                         {"size", "count", NULL},
                                         {"average_fill_price", "average_price", NULL},
                                         {"fee", "fees", NULL},
                                         {"modify", "amend", NULL},
                                         {"close", "cancel", NULL},
                                         {NULL, NULL, NULL}};
  const char *names[METHODS + FIELDS], *near = NULL;
  size_t n = 0;
  for (int i = 0; i < METHODS; i++)
    names[n++] = methods[i].name;
  for (int i = 0; i < FIELDS; i++)
    names[n++] = fields[2 * i];
  for (const kl_option_slip *s = slips; s->word && !near; s++)
    if (!strcmp(s->word, name)) near = s->option;
  if (!near) near = kl_nearest(name, names, n);
  if (near)
    return kl_raise_coded(L, KL_ERR_VALIDATION, "unknown_field", "an order has no \"%.40s\"; did you mean \"%s\"?",
                          name, near);
  return kl_raise_coded(L, KL_ERR_VALIDATION, "unknown_field",
                        "an order has no \"%.40s\"; :help kalshi.Order lists what it has", name);
}

/* Upvalue 1: the methods, and the fields as their numbers. */
static int l_index(lua_State *L) {
  const kl_order_handle *h = luaL_checkudata(L, 1, KL_ORDER_META);
  lua_pushvalue(L, 2);
  int type = lua_rawget(L, lua_upvalueindex(1));
  if (type == LUA_TFUNCTION) return 1;
  if (type == LUA_TNIL)
    return lua_type(L, 2) == LUA_TSTRING
               ? unknown_field(L, lua_tostring(L, 2))
               : kl_raise_coded(L, KL_ERR_VALIDATION, "unknown_field", "an order has no items, only named fields");
  if (!h->order)
    return kl_raise_coded(L, KL_ERR_CLOSED, "order_not_placed", "order.%s: this order was never placed",
                          lua_tostring(L, 2));
  push_field(L, h->order, (field)lua_tointeger(L, -1));
  return 1;
}

static int l_newindex(lua_State *L) {
  const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?";
  bool amends = !strcmp(name, "price") || !strcmp(name, "count");
  return kl_raise_coded(L, KL_ERR_VALIDATION, "read_only_field", "order.%.40s: the fields of an order are read only%s",
                        name, amends ? "; order:amend{ } changes it at the exchange" : "");
}

/* ---- what the prompt draws ---- */

static void set_field(lua_State *L, const char *name, const kl_desk_order *o, field f) {
  push_field(L, o, f);
  lua_setfield(L, -2, name);
}

static void set_constant(lua_State *L, const char *name, const char *text) {
  lua_pushstring(L, text);
  lua_setfield(L, -2, name);
}

/* With the names of the exchange's answers, which the prompt knows how to draw; the price is of YES there. */
static int picture(lua_State *L) {
  const kl_order_handle *h = lua_touserdata(L, 1);
  luaL_checkstack(L, 8, NULL);
  lua_createtable(L, 0, 20);
  set_constant(L, "type", "order");
  const kl_desk_order *o = h->order;
  if (!o) {
    set_constant(L, "status", "never placed");
    return 1;
  }
  set_field(L, "order_id", o, F_ID);
  set_field(L, "client_order_id", o, F_CLIENT_ID);
  set_field(L, "ticker", o, F_TICKER);
  set_constant(L, "action", action(o));
  set_constant(L, "side", outcome(o));
  set_field(L, "book_side", o, F_SIDE);
  set_field(L, "price", o, F_YES_PRICE);
  set_field(L, "status", o, F_STATUS);
  set_field(L, "initial_count", o, F_COUNT);
  set_field(L, "fill_count", o, F_FILLED);
  set_field(L, "remaining_count", o, F_REMAINING);
  set_field(L, "average_price", o, F_AVERAGE_PRICE);
  set_field(L, "fees", o, F_FEES);
  set_field(L, "created_ts", o, F_CREATED);
  set_field(L, "expiration_ts", o, F_EXPIRATION);
  set_field(L, "order_group_id", o, F_GROUP_ID);
  set_field(L, "reason", o, F_REASON);
  if (o->error) set_constant(L, "why", o->error->message);
  return 1;
}

/* ---- the type ---- */

void kl_order_register(lua_State *L) {
  static const luaL_Reg meta[] = {
      {"__gc", l_gc}, {"__tostring", l_tostring}, {"__newindex", l_newindex}, {"__picture", picture}, {NULL, NULL}};
  luaL_newmetatable(L, KL_ORDER_META); /* mt */
  luaL_setfuncs(L, meta, 0);
  kl_guard_allow_fields(L, -1, "__tostring");
  kl_set_fields(L, methods, fields);
  luaL_newlib(L, methods); /* mt names */
  for (int i = 0; i < FIELDS; i++) {
    lua_pushinteger(L, i);
    lua_setfield(L, -2, fields[2 * i]);
  }
  lua_pushcclosure(L, l_index, 1); /* mt index */
  kl_guard_allow(L, -1);
  lua_setfield(L, -2, "__index"); /* mt */
  lua_pushliteral(L, KL_ORDER_META);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1); /* */
}
