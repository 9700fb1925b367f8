/* The Lua modules of the runtime, one file each. The only place beside script/ that knows lua.h. */
#ifndef KL_BINDINGS_H
#define KL_BINDINGS_H

#include <lauxlib.h>
#include <lua.h>

#include "base/list.h"
#include "base/metrics.h"
#include "kalshi/operation.h"
#include "kalshi/session.h"
#include "trading/desk.h"

typedef struct kl_bus kl_bus;
typedef struct kl_metric_store kl_metric_store;
typedef struct kl_shadow kl_shadow;
typedef struct kl_stores kl_stores;
typedef struct kl_wishes kl_wishes;

/* One account that is traded on, and the market as its session has it. Each table of kalshi's functions is of one: they
 * find it as their first upvalue (kl_place_of), and what they hand out (books, subscriptions, orders) stays with it. */
typedef struct kl_place {
  const char *profile;         /* what kalshi.connect calls it; NULL: the account of the command */
  kl_session *session;         /* of markets and books; borrowed */
  kl_session *account_session; /* of orders and the account: of paper trading the paper exchange's, else the same; NULL
                                  is the same, too; borrowed */
  kl_desk *desk;     /* that the scripts' orders go through; NULL in tools, whose calls go to a session; borrowed */
  const char *env;   /* "sim", "demo", "prod" */
  kl_wishes *wishes; /* what scripts have tightened; to be freed (kl_wishes_free) when the host has gone */
} kl_place;

/* The name of a profile: letters, digits, - and _, not too many. */
enum { KL_PROFILE_NAME = 32 /* characters at most */ };
bool kl_profile_name_ok(const char *name);

/* Somebody who waits for an account to be opened; a member of what waits. */
typedef struct kl_place_waiter {
  kl_list link;
  void *data;
  /* Once, from the loop: the place, or NULL with `e`. */
  void (*done)(void *data, kl_place *place, const kl_error *e);
} kl_place_waiter;

/* What kl_host_options.data points at. */
typedef struct kl_environment {
  kl_place place;      /* the account of the command */
  kl_http *http;       /* for the scripts' own requests, which share nothing with the session; borrowed */
  const char *ca_file; /* for connections that scripts open; NULL: the system's store */
  const char *version;
  bool tool; /* the scripts are bodies of commands, which may use what belongs to the command line */
  const struct kl_testing *testing; /* bindings/testing.h: of `kalua test`; NULL elsewhere */
  /* kalua.expect: set by scripts, read by the end summary (owned by the command). NULL: ignored. */
  void *expectations;
  kl_bus *bus;        /* between the scripts; made at its first use, to be freed (kl_bus_free) when the host has gone */
  kl_shadow *shadows; /* see bindings/shadow.h; to be freed (kl_shadows_free) when the host has gone */
  struct kl_report *report;  /* of `kalua doctor` (bindings/report.h); NULL elsewhere; borrowed */
  struct kl_test_run *tests; /* bindings/test_run.h; NULL where no tests are run; borrowed */
  kl_metric_store *metrics;  /* that scripts count; made at its first use, to be freed (kl_metric_store_free) when the
                                host has gone */
  /* Hands all that the process has counted to a sink, which may longjmp; NULL: nothing but `metrics`. */
  void (*collect)(void *data, const kl_metric_sink *sink);
  void *collect_data;
  /* kalshi.connect: the account of a profile, which is kept until the process ends. *out is NULL where it is to be
   * opened first (only with `w`, which is told then, and may leave its list before). False with `e`. NULL: there are no
   * further accounts here. */
  bool (*connect)(void *data, const char *profile, kl_place_waiter *w, kl_place **out, kl_error *e);
  /* The accounts that are open, that of the command first: NULL begins, NULL ends. NULL: there is that one only. */
  kl_place *(*next_place)(void *data, const kl_place *after);
  void *connect_data; /* of both */
  const char *store;  /* the folder of the scripts' stores: "sim", "paper", …; NULL: they are kept in memory */
  kl_stores *stores;  /* made at their first use, to be closed (kl_stores_close) when the host has gone */
} kl_environment;

/* Of the function of a kalshi table that runs. */
kl_place *kl_place_of(lua_State *L);
/* connect.c: kalshi.connect; a table of a place's functions (kalshi.c). */
int kl_connect_lua(lua_State *L);
void kl_kalshi_push(lua_State *L, kl_place *place); /* raises */
/* The profile in front of a key or a label that is the place's: "" of the first account. */
static inline const char *kl_place_name(const kl_place *p) { return p->profile ? p->profile : ""; }

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
int luaopen_kl_metrics(lua_State *L);
int luaopen_kl_store(lua_State *L);
int luaopen_kl_prompt_catalog(lua_State *L);
/* For the bodies of commands only (kl_environment.tool): output.c, terminal.c, report.c. */
int luaopen_kl_output(lua_State *L);
int luaopen_kl_terminal(lua_State *L);
int luaopen_kl_report(lua_State *L);
/* For `kalua test` only (kl_environment.testing): testing.c. */
int luaopen_kl_testing(lua_State *L);

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

/* store_call.c: the stores of the environment, made where there are none yet. NULL when out of memory. */
kl_stores *kl_environment_stores(kl_environment *env, uv_loop_t *loop);

void kl_wishes_free(kl_wishes *w); /* limits.c; takes NULL */
int kl_limits_lua(lua_State *L);   /* kalshi.limits */

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
int kl_portfolio_lua(lua_State *L);                       /* portfolio.c: kalshi.portfolio */
void kl_account_push_status(lua_State *L, kl_session *s); /* raises */

#endif
