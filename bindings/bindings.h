/* The Lua modules of the runtime, one file each. The only place beside script/ that knows lua.h. */
#ifndef KL_BINDINGS_H
#define KL_BINDINGS_H

#include <lauxlib.h>
#include <lua.h>

#include "kalshi/operation.h"
#include "kalshi/session.h"

typedef struct kl_bus kl_bus;
typedef struct kl_shadow kl_shadow;

/* What kl_host_options.data points at. */
typedef struct kl_environment {
  kl_session *session; /* borrowed */
  kl_http *http;       /* for the scripts' own requests, which share nothing with the session; borrowed */
  const char *ca_file; /* for connections that scripts open; NULL: the system's store */
  const char *env;     /* "sim", "demo", "prod" */
  const char *version;
  bool tool; /* the scripts are bodies of commands, which may use what belongs to the command line */
  /* kalua.expect: set by scripts, read by the end summary (owned by the command). NULL: ignored. */
  void *expectations;
  kl_bus *bus;        /* between the scripts; made at its first use, to be freed (kl_bus_free) when the host has gone */
  kl_shadow *shadows; /* see bindings/shadow.h; to be freed (kl_shadows_free) when the host has gone */
} kl_environment;

/* Preloaded modules, for kl_host_options.modules. */
extern const luaL_Reg kl_modules[];

int luaopen_kl_task(lua_State *L);
int luaopen_kl_kalua(lua_State *L);
int luaopen_kl_json(lua_State *L);
int luaopen_kl_log(lua_State *L);
int luaopen_kl_kalshi(lua_State *L);
int luaopen_kl_http(lua_State *L);
int luaopen_kl_ws(lua_State *L);
int luaopen_kl_bus(lua_State *L);
int luaopen_kl_prompt_catalog(lua_State *L);
/* For the bodies of commands only (kl_environment.tool): output.c, terminal.c. */
int luaopen_kl_output(lua_State *L);
int luaopen_kl_terminal(lua_State *L);

/* Sets `__fields` of the metatable at the top, for objects whose `__index` is a function: the names that it answers,
 * each with its Lua type. The methods are functions; the others are names and types in turn, up to a NULL. For who
 * lists what an object has. */
void kl_set_fields(lua_State *L, const luaL_Reg *methods, const char *const *others); /* raises */

/* json.c: the value at idx to JSON text; a text to a value on the stack. With a shape, fixed-point strings become
 * numbers; whole numbers become integers. `null_absent`: JSON null is left out (nil) instead of json.null. */
void kl_json_decode(lua_State *L, const char *p, size_t n, const kl_shape *shape, bool null_absent); /* raises */
void kl_json_encode(lua_State *L, int idx, kl_buf *out);                                             /* raises */
/* The sentinel json.null on the stack. */
void kl_json_push_null(lua_State *L);
bool kl_json_is_null(lua_State *L, int idx);
/* The table at the top, which is empty, is written as [] while it stays so. */
void kl_json_mark_empty_array(lua_State *L); /* raises */

void kl_bus_free(kl_bus *bus); /* bus.c; takes NULL */

/* book.c: registers the metatable; kalshi.book. */
void kl_book_register(lua_State *L);
int kl_book_open_lua(lua_State *L);
/* stream.c: kalshi.subscribe. */
void kl_stream_register(lua_State *L);
int kl_stream_subscribe_lua(lua_State *L);
int kl_stream_subscriptions_lua(lua_State *L); /* kalshi.subscriptions() */
/* account.c: kalshi.orders, fills, positions, balance; the part of kalshi.status about the account, nil before it is
 * kept.
 */
int kl_account_orders_lua(lua_State *L);
int kl_account_fills_lua(lua_State *L);
int kl_account_positions_lua(lua_State *L);
int kl_account_balance_lua(lua_State *L);
void kl_account_push_status(lua_State *L, kl_session *s); /* raises */

#endif
