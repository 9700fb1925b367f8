/* Module `kalshi`: every operation of the exchange as a function, free-form calls, the session's state. What reads
 * better in Lua (pages, history, cancel_all) is in lua/stdlib/kalshi_*.lua. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/error.h"
#include "bindings/check.h"
#include "bindings/describe.h"
#include "bindings/order.h"
#include "bindings/rest.h"
#include "bindings/sessions.h"
#include "script/guard.h"
#include "script/script.h"

enum { MAX_NAMES = 256 };

/* ---- calls ---- */

/* What changes something, in an input of a prompt that only looks. */
static void refuse_guarded(lua_State *L, const char *call) {
  char text[96];
  snprintf(text, sizeof text, "kalshi.%s", call);
  kl_guard_refuse(L, text);
}

static int l_operation(lua_State *L) {
  kl_place *at = kl_place_of(L);
  const kl_operation *op = lua_touserdata(L, lua_upvalueindex(2));
  if (strcmp(op->method, "GET") != 0) refuse_guarded(L, op->name);
  return kl_rest_await(L, at, op, NULL, kl_args_read(L, at, op, 1));
}

/* kalshi.call("GET", "/markets", {limit = 5}): the path is below /trade-api/v2 and sent as it is. */
static int l_call(lua_State *L) {
  size_t n;
  kl_place *at = kl_place_of(L);
  const char *given = kl_check_text(L, 1, "kalshi.call", NULL), *path = kl_check_text(L, 2, "kalshi.call", &n);
  if (strlen(path) != n)
    return kl_raise_coded(L, KL_ERR_VALIDATION, "malformed_value", "call: the path holds a zero byte");
  static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "PATCH"};
  const char *method = NULL;
  for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
    if (!strcasecmp(methods[i], given)) method = methods[i];
  if (!method)
    return kl_raise_coded(L, KL_ERR_VALIDATION, "unknown_value",
                          "call: unknown method \"%.20s\": use GET, POST, PUT or DELETE", given);
  static const char base[] = "/trade-api/v2/";
  if (!strncmp(path, base, sizeof base - 1)) path += sizeof base - 2;
  if (strcmp(method, "GET") != 0) refuse_guarded(L, "call with another method than GET");
  /* The path without its query says which operation it is, and so what the answer looks like. */
  lua_pushlstring(L, path, strcspn(path, "?"));
  const kl_operation *op = kl_operation_match(method, lua_tostring(L, -1));
  lua_pop(L, 1);
  kl_args *args = kl_args_read_free(L, at, method, path, op, 3);
  return kl_rest_await(L, at, op, method, args);
}

/* ---- the session's state ---- */

static void set_number(lua_State *L, const char *name, double v) {
  lua_pushnumber(L, v);
  lua_setfield(L, -2, name);
}

static void set_count(lua_State *L, const char *name, uint64_t v) {
  lua_pushinteger(L, (lua_Integer)v);
  lua_setfield(L, -2, name);
}

/* {read, write, read_capacity, …}; `tier` is absent until the account's limits are known, `shards` holds the write
 * tokens of those shards whose bucket is not full. */
static int l_budget(lua_State *L) {
  kl_budget b;
  const kl_place *at = kl_place_of(L);
  kl_sessions_budget(at->session, kl_account_session(at), &b);
  lua_createtable(L, 0, 9);
  set_number(L, "read", b.read);
  set_number(L, "write", b.write);
  set_number(L, "read_capacity", b.read_capacity);
  set_number(L, "write_capacity", b.write_capacity);
  set_number(L, "read_rate", b.read_rate);
  set_number(L, "write_rate", b.write_rate);
  set_count(L, "waiting", b.waiting);
  lua_newtable(L);
  for (int i = 1; i < (int)(sizeof b.shard_write / sizeof b.shard_write[0]); i++) {
    if (b.shard_write[i] >= b.write_capacity) continue;
    lua_pushnumber(L, b.shard_write[i]);
    lua_rawseti(L, -2, i);
  }
  lua_setfield(L, -2, "shards");
  if (b.tier[0]) {
    lua_pushstring(L, b.tier);
    lua_setfield(L, -2, "tier");
  }
  return 1;
}

static int l_has_key(lua_State *L) {
  lua_pushboolean(L, kl_session_has_key(kl_account_session(kl_place_of(L))));
  return 1;
}

static int l_status(lua_State *L) {
  const kl_place *at = kl_place_of(L);
  kl_session *s = at->session, *own = kl_account_session(at);
  kl_feed_status feed;
  kl_session_stats stats;
  kl_feed_status_get(kl_session_feed(s), &feed);
  kl_sessions_stats(s, own, &stats);
  lua_createtable(L, 0, 27);
  lua_pushboolean(L, feed.connected);
  lua_setfield(L, -2, "connected");
  if (feed.age >= 0) set_number(L, "age", feed.age);
  set_number(L, "delay", feed.delay);
  lua_pushboolean(L, feed.late);
  lua_setfield(L, -2, "late");
  set_count(L, "connections", feed.connections);
  if (stats.clock_known) {
    set_number(L, "clock_offset", (double)stats.clock_offset_ms / 1e3);
    set_number(L, "clock_error", (double)stats.clock_error_ms / 1e3);
  }
  set_count(L, "reconnects", feed.reconnects);
  set_count(L, "messages", feed.messages);
  set_count(L, "bytes", feed.bytes);
  set_count(L, "gaps", feed.gaps);
  set_count(L, "malformed", feed.malformed);
  set_count(L, "snapshots", feed.snapshots);
  set_count(L, "books", feed.books);
  set_count(L, "stale_books", feed.stale_books);
  set_count(L, "calls", stats.calls);
  set_count(L, "errors", stats.errors);
  set_count(L, "retries", stats.retries);
  set_count(L, "rate_limited", stats.rate_limited);
  set_count(L, "lost", stats.lost);
  set_count(L, "lost_done", stats.lost_done);
  set_count(L, "lost_not_done", stats.lost_not_done);
  set_count(L, "lost_unknown", stats.lost_unknown);
  set_count(L, "presigned", stats.presigned);
  set_count(L, "audits", stats.audits);
  set_count(L, "audit_differences", stats.audit_differences);
  set_count(L, "audits_undecided", stats.audits_undecided);
  kl_account_push_status(L, own);
  lua_setfield(L, -2, "account");
  if (feed.last_error[0]) {
    lua_pushstring(L, feed.last_error);
    lua_setfield(L, -2, "last_error");
  }
  return 1;
}

/* ---- unknown names ---- */

/* __index of the module's tables: a misspelt operation is an error at once, with the name that was meant. */
static int l_unknown(lua_State *L) {
  const char *prefix = lua_tostring(L, lua_upvalueindex(1));
  if (lua_type(L, 2) != LUA_TSTRING) return 0;
  const char *name = lua_tostring(L, 2);
  const char *names[MAX_NAMES];
  size_t n = 0;
  /* The names live in the table, so they outlive this call. */
  for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1))
    if (lua_type(L, -2) == LUA_TSTRING && n < MAX_NAMES) names[n++] = lua_tostring(L, -2);
  const kl_operation *legacy = kl_operation_find_legacy(name);
  if (legacy && !strcmp(prefix, "kalshi")) {
    if (legacy->replaced_by)
      return kl_raise_coded(L, KL_ERR_VALIDATION, "operation_replaced",
                            "kalshi.%s was replaced by kalshi.%s; the old one is kalshi.legacy.%s", name,
                            legacy->replaced_by, legacy->name);
    return kl_raise_coded(L, KL_ERR_VALIDATION, "operation_replaced",
                          "kalshi.%s was removed by the exchange; it is kalshi.legacy.%s", name, legacy->name);
  }
  const kl_operation *by_id = kl_operation_find(name);
  const char *near = by_id ? by_id->name : kl_nearest(name, names, n);
  if (near)
    return kl_raise_coded(L, KL_ERR_VALIDATION, "unknown_operation", "%s.%s: no such operation (did you mean \"%s\"?)",
                          prefix, name, near);
  return kl_raise_coded(L, KL_ERR_VALIDATION, "unknown_operation",
                        "%s.%s: no such operation (kalua api --help lists them)", prefix, name);
}

static void suggest_names(lua_State *L, const char *prefix) {
  lua_createtable(L, 0, 2);
  lua_pushstring(L, prefix);
  lua_pushcclosure(L, l_unknown, 1);
  kl_guard_allow(L, -1);
  lua_setfield(L, -2, "__index");
  lua_pushliteral(L, "kalshi");
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);
}

/* ---- the module ---- */

static void push_operation(lua_State *L, kl_place *place, const kl_operation *op) {
  lua_pushlightuserdata(L, place);
  lua_pushlightuserdata(L, (void *)(uintptr_t)op);
  lua_pushcclosure(L, l_operation, 2);
}

/* For kalshi_pages.lua: per paged operation where its rows and cursor are, what sets the size of a page (`size`) and
 * how large that may be (`most`; absent when the description gives no bound). */
static void push_paging(lua_State *L) {
  lua_newtable(L);
  for (size_t i = 0; i < kl_operation_count; i++) {
    const kl_operation *op = &kl_operations[i];
    if (!op->rows || op->legacy) continue;
    lua_createtable(L, 0, 4);
    lua_pushstring(L, op->rows);
    lua_setfield(L, -2, "rows");
    lua_pushstring(L, op->cursor_field);
    lua_setfield(L, -2, "cursor");
    for (uint16_t k = 0; k < op->n_params; k++) {
      const kl_param *p = &op->params[k];
      if (strcmp(p->name, "limit") != 0 && strcmp(p->name, "page_size") != 0) continue;
      lua_pushstring(L, p->name);
      lua_setfield(L, -2, "size");
      if (!p->has_max) continue;
      lua_pushinteger(L, (lua_Integer)p->max);
      lua_setfield(L, -2, "most");
    }
    lua_setfield(L, -2, op->name);
  }
}

/* fail(kind, operation, retryable, text, code?): raises an error object as the calls themselves do. */
static int l_fail(lua_State *L) {
  const char *operation = luaL_checkstring(L, 2);
  kl_error e;
  kl_error_set(&e, luaL_checkstring(L, 1), "%s: %s", operation, luaL_checkstring(L, 4));
  snprintf(e.operation, sizeof e.operation, "%s", operation);
  e.retryable = lua_toboolean(L, 3);
  kl_error_code(&e, luaL_optstring(L, 5, ""));
  return kl_raise(L, &e);
}

/* shadow(): the script is one, so what it cancels goes on. */
static int l_shadow(lua_State *L) {
  lua_pushboolean(L, kl_script_is_shadow(kl_script_of(L)));
  return 1;
}

/* seconds(text): seconds since the epoch of a time as the exchange writes it; nil for anything else. */
static int l_seconds(lua_State *L) {
  int64_t us;
  size_t n;
  const char *text = lua_type(L, 1) == LUA_TSTRING ? lua_tolstring(L, 1, &n) : NULL;
  if (text && kl_time_parse_rfc3339(text, n, &us))
    lua_pushnumber(L, (double)us / 1e6);
  else
    lua_pushnil(L);
  return 1;
}

/* Runs the embedded part `name` with (module, helpers). */
static void run_lua_part(lua_State *L, const char *name, int module, int helpers) {
  const kl_embedded *m = kl_embedded_find(name);
  if (!m) luaL_error(L, "the standard library lacks %s.lua", name);
  lua_pushfstring(L, "=%s.lua", name); /* chunk */
  kl_embedded_load(L, m, lua_tostring(L, -1));
  lua_pushvalue(L, module);
  lua_pushvalue(L, helpers);
  lua_call(L, 2, 0);
  lua_pop(L, 1); /* */
}

/* The parts that are written in Lua, in the order in which they use each other through `helpers`. */
static void add_lua_parts(lua_State *L, kl_place *place, int module) {
  static const luaL_Reg functions[] = {{"budget", l_budget}, {"has_key", l_has_key},
                                       {"fail", l_fail},     {"seconds", l_seconds},
                                       {"shadow", l_shadow}, {"cancel_many", kl_order_cancel_many_lua},
                                       {NULL, NULL}};
  static const char *const parts[] = {"kalshi_calls", "kalshi_books", "kalshi_history", "kalshi_pages",
                                      "kalshi_candles"};
  luaL_newlibtable(L, functions); /* helpers */
  lua_pushlightuserdata(L, place);
  luaL_setfuncs(L, functions, 1);
  kl_guard_allow_fields(L, -1, "budget has_key");
  int helpers = lua_gettop(L);
  push_paging(L);
  lua_setfield(L, helpers, "paging");
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
    run_lua_part(L, parts[i], module, helpers);
  lua_pop(L, 1); /* */
}

void kl_kalshi_push(lua_State *L, kl_place *place) {
  static const luaL_Reg functions[] = {{"call", l_call},
                                       {"status", l_status},
                                       {"limits", kl_limits_lua},
                                       {"book", kl_book_open_lua},
                                       {"subscribe", kl_stream_subscribe_lua},
                                       {"subscriptions", kl_stream_subscriptions_lua},
                                       {"orders", kl_account_orders_lua},
                                       {"fills", kl_account_fills_lua},
                                       {"positions", kl_account_positions_lua},
                                       {"balance", kl_account_balance_lua},
                                       {"portfolio", kl_portfolio_lua},
                                       {"order", kl_order_place_lua},
                                       {"own_orders", kl_order_own_lua},
                                       {"find_order", kl_order_find_lua},
                                       {"connect", kl_connect_lua},
                                       {"operations", kl_operations_lua},
                                       {"describe", kl_describe_lua},
                                       {NULL, NULL}};
  luaL_checkstack(L, 12, NULL);
  lua_createtable(L, 0, (int)kl_operation_count + 8); /* module */
  int module = lua_gettop(L);
  lua_newtable(L); /* module legacy */
  for (size_t i = 0; i < kl_operation_count; i++) {
    const kl_operation *op = &kl_operations[i];
    push_operation(L, place, op);
    lua_setfield(L, op->legacy ? module + 1 : module, op->name);
  }
  suggest_names(L, "kalshi.legacy");
  lua_setfield(L, module, "legacy"); /* module */
  lua_pushlightuserdata(L, place);
  luaL_setfuncs(L, functions, 1);
  lua_pushcfunction(L, l_operation); /* it refuses by itself what is no GET, as `call` does */
  kl_guard_allow(L, -1);
  lua_pop(L, 1);
  kl_guard_allow_fields(
      L, module,
      "call connect status subscriptions own_orders find_order orders fills positions balance portfolio limits "
      "operations describe");
  lua_pushstring(L, place->env);
  lua_setfield(L, module, "env");
  lua_pushstring(L, kl_place_name(place));
  lua_setfield(L, module, "profile");
  add_lua_parts(L, place, module);
  kl_guard_allow_fields(L, module, "budget");
  suggest_names(L, "kalshi");
}

int luaopen_kl_kalshi(lua_State *L) {
  kl_book_register(L);
  kl_stream_register(L);
  kl_order_register(L);
  kl_kalshi_push(L, &kl_environment_of(L)->place);
  return 1;
}
