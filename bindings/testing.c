/* Module `test.stage`, for test_market.lua alone: a stage (bindings/testing.h) and the strategies on it. */
#include "bindings/testing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/decimal.h"
#include "bindings/account.h"
#include "bindings/bindings.h"
#include "bindings/json.h"
#include "bindings/order.h"
#include "script/script.h"

#define STAGE_META "test.Stage"
#define SCRIPT_META "test.Strategy"

static const double FAR_S = 1e10; /* of the year 2286 */
enum { LIST_MOST = 64 };

typedef struct stage {
  kl_member member; /* of the test's script, which may end before the stage is closed */
  const kl_testing *ops;
  kl_stage *g; /* NULL: closed */
} stage;

typedef struct script {
  kl_stage_script *s;
  stage *of; /* kept alive by the user value */
} script;

static const kl_testing *testing(lua_State *L) {
  const kl_testing *t = kl_environment_of(L)->testing;
  if (!t) luaL_error(L, "test.stage is for `kalua test`");
  return t;
}

/* ---- the stage ---- */

static stage *check_stage(lua_State *L) {
  stage *s = luaL_checkudata(L, 1, STAGE_META);
  if (!s->g) kl_raisef(L, KL_ERR_CLOSED, "this test is over, and its market and strategies with it");
  return s;
}

static void end_stage(stage *s) {
  if (s->g) s->ops->close(s->g, NULL, NULL);
  s->g = NULL;
}

static void member_closed(kl_member *m) { end_stage((stage *)m); }

static int l_gc(lua_State *L) {
  stage *s = luaL_checkudata(L, 1, STAGE_META);
  if (!s->g) return 0;
  end_stage(s);
  kl_script_disown(&s->member);
  return 0;
}

typedef struct close_wait {
  kl_wait wait; /* first */
  const kl_testing *ops;
  kl_stage *g; /* NULL: it is gone */
} close_wait;

static void stage_gone(void *data) {
  close_wait *w = data;
  w->g = NULL;
  kl_complete(&w->wait);
}

static int close_push(lua_State *L, kl_wait *wait) {
  (void)L;
  (void)wait;
  return 0;
}

static void close_drop(kl_wait *wait) {
  close_wait *w = (close_wait *)wait;
  if (w->g) w->ops->close(w->g, NULL, NULL);
  free(w);
}

static void close_describe(const kl_wait *w, kl_buf *out) {
  (void)w;
  kl_buf_str(out, "until the strategies under test and their exchange have ended");
}

/* Ends it, and returns when nothing of it is left: what its strategies say at their end is said in their test. */
static int l_close(lua_State *L) {
  stage *s = luaL_checkudata(L, 1, STAGE_META);
  if (!s->g) return 0;
  close_wait *w = calloc(1, sizeof *w);
  if (!w) return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory");
  w->wait = (kl_wait){.push = close_push, .drop = close_drop, .describe = close_describe};
  w->ops = s->ops;
  w->g = s->g;
  s->g = NULL;
  kl_script_disown(&s->member);
  w->ops->close(w->g, stage_gone, w);
  return kl_await(L, &w->wait);
}

/* (seconds since 1970): a stage whose time begins then. */
static int l_open(lua_State *L) {
  const kl_testing *ops = testing(L);
  double at = luaL_checknumber(L, 1);
  kl_error e = {0};
  luaL_argcheck(L, at >= 0 && at <= FAR_S, 1, "seconds since 1970");
  stage *s = lua_newuserdatauv(L, sizeof *s, 0);
  *s = (stage){.ops = ops, .member = {.close = member_closed}};
  luaL_setmetatable(L, STAGE_META);
  kl_script *of = kl_script_of(L);
  kl_environment *env = kl_environment_of(L);
  kl_stores *stores = kl_environment_stores(env, kl_script_loop(of));
  if (!stores) return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory");
  if (!ops->open(kl_script_host(of), env->version, stores, (int64_t)(at * 1e6), &s->g, &e)) return kl_raise(L, &e);
  kl_script_adopt(of, &s->member);
  return 1;
}

static int l_now(lua_State *L) {
  const stage *s = check_stage(L);
  lua_pushnumber(L, (double)s->ops->now_us(s->g) / 1e6);
  return 1;
}

/* ---- the market ---- */

static const char *field(lua_State *L, int idx, const char *name, size_t most) {
  size_t n = 0;
  lua_getfield(L, idx, name);
  const char *text = lua_tolstring(L, -1, &n);
  if (!text || n == 0 || n > most)
    kl_raisef(L, KL_ERR_VALIDATION, "market: %s is to be a text of 1 to %d letters", name, (int)most);
  return text; /* the table keeps it; the stack, too */
}

/* (fields): all of them are there. */
static int l_add(lua_State *L) {
  const stage *s = check_stage(L);
  kl_error e = {0};
  luaL_checktype(L, 2, LUA_TTABLE);
  kl_stage_market m = {.ticker = field(L, 2, "ticker", 63),
                       .event_ticker = field(L, 2, "event_ticker", 47),
                       .series_ticker = field(L, 2, "series_ticker", 31),
                       .title = field(L, 2, "title", 150),
                       .structure = field(L, 2, "price_level_structure", 39)};
  lua_getfield(L, 2, "close_time");
  double close = lua_tonumber(L, -1);
  lua_getfield(L, 2, "mutually_exclusive");
  m.exclusive = lua_toboolean(L, -1);
  if (!(close > (double)s->ops->now_us(s->g) / 1e6 && close <= FAR_S))
    return kl_raisef(L, KL_ERR_VALIDATION, "market: close_time is to be later than now (seconds since 1970)");
  m.close_us = (int64_t)(close * 1e6);
  if (!s->ops->add(s->g, &m, &e)) return kl_raise(L, &e);
  return 0;
}

static int64_t number_of(lua_State *L, int idx, const char *what, int places, double least, double most) {
  double v = lua_type(L, idx) == LUA_TNUMBER ? lua_tonumber(L, idx) : NAN, scale = pow(10, places);
  if (!(v >= least && v <= most) || fabs(v * scale - round(v * scale)) > 1e-6)
    kl_raisef(L, KL_ERR_VALIDATION, "%s is to be from %g to %g with at most %d decimals, not %s", what, least, most,
              places, luaL_tolstring(L, idx, NULL));
  return (int64_t)llround(v * scale);
}

/* (ticker, list of {side, price, count}, replace) */
static int l_orders(lua_State *L) {
  const stage *s = check_stage(L);
  const char *ticker = luaL_checkstring(L, 2);
  luaL_checktype(L, 3, LUA_TTABLE);
  lua_settop(L, 4);
  size_t n = (size_t)lua_rawlen(L, 3);
  kl_stage_order *orders = lua_newuserdatauv(L, (n + 1) * sizeof *orders, 0);
  for (size_t i = 0; i < n; i++) {
    if (lua_rawgeti(L, 3, (lua_Integer)i + 1) != LUA_TTABLE) return luaL_argerror(L, 3, "a list of orders");
    lua_rawgeti(L, -1, 1);
    lua_rawgeti(L, -2, 2);
    lua_rawgeti(L, -3, 3);
    orders[i].side = lua_type(L, -3) == LUA_TSTRING && !strcmp(lua_tostring(L, -3), "ask") ? KL_ASK : KL_BID;
    orders[i].price = number_of(L, -2, "a price", KL_PRICE_PLACES, 0.0001, 0.9999);
    orders[i].count = number_of(L, -1, "a count", KL_COUNT_PLACES, 0.01, 1e9);
    lua_settop(L, 5);
  }
  kl_error e = {0};
  if (!s->ops->orders(s->g, ticker, orders, n, lua_toboolean(L, 4), &e)) return kl_raise(L, &e);
  return 0;
}

/* (kind, list of "name=value"): what was done, as a table. */
static int l_trigger(lua_State *L) {
  const stage *s = check_stage(L);
  const char *kind = luaL_checkstring(L, 2), *words[LIST_MOST + 1];
  int n = 0;
  luaL_checktype(L, 3, LUA_TTABLE);
  lua_settop(L, 3);
  for (; n < LIST_MOST && lua_rawgeti(L, 3, n + 1) == LUA_TSTRING; lua_pop(L, 1))
    words[n++] = lua_tostring(L, -1); /* the table keeps it */
  words[n] = NULL;
  kl_error e = {0};
  kl_buf out = {0};
  bool ok = s->ops->trigger(s->g, kind, words, &out, &e);
  if (ok && !out.failed && out.data) lua_pushlstring(L, out.data, out.len);
  kl_buf_free(&out);
  if (!ok) return kl_raise(L, &e);
  return 1;
}

/* ---- settling ---- */

typedef struct settle_wait {
  kl_wait wait; /* first */
  const kl_testing *ops;
  kl_stage *g; /* NULL: it is over */
  kl_error error;
} settle_wait;

static void settled(void *data, const kl_error *e) {
  settle_wait *w = data;
  w->g = NULL;
  if (e) w->error = *e;
  kl_complete(&w->wait);
}

static int settle_push(lua_State *L, kl_wait *wait) {
  const settle_wait *w = (const settle_wait *)wait;
  return w->error.kind ? kl_raise(L, &w->error) : 0;
}

static void settle_drop(kl_wait *wait) {
  settle_wait *w = (settle_wait *)wait;
  if (w->g) w->ops->leave(w->g);
  free(w);
}

static void settle_describe(const kl_wait *w, kl_buf *out) {
  (void)w;
  kl_buf_str(out, "until the strategies under test have come to rest");
}

/* (time or nil): time moves to it, and everything comes to rest. */
static int l_settle(lua_State *L) {
  const stage *s = check_stage(L);
  double until = luaL_optnumber(L, 2, 0);
  luaL_argcheck(L, until >= 0 && until <= FAR_S, 2, "seconds since 1970");
  settle_wait *w = calloc(1, sizeof *w);
  if (!w) return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory");
  w->wait = (kl_wait){.push = settle_push, .drop = settle_drop, .describe = settle_describe};
  w->ops = s->ops;
  if (!s->ops->settle(s->g, (int64_t)(until * 1e6), settled, w)) {
    free(w);
    return kl_raisef(L, KL_ERR_VALIDATION, "another task of this test moves its time just now");
  }
  w->g = s->g;
  return kl_await(L, &w->wait);
}

/* ---- strategies ---- */

static script *check_script(lua_State *L) {
  script *x = luaL_checkudata(L, 1, SCRIPT_META);
  if (!x->of->g) kl_raisef(L, KL_ERR_CLOSED, "this test is over, and its market and strategies with it");
  return x;
}

/* A list of texts at the field; NULL where there is none. The table keeps the texts, the stack the list. */
static const char *const *texts(lua_State *L, int idx, const char *name) {
  if (lua_getfield(L, idx, name) == LUA_TNIL) {
    lua_pop(L, 1);
    return NULL;
  }
  bool one = lua_type(L, -1) == LUA_TSTRING || lua_type(L, -1) == LUA_TNUMBER;
  lua_Integer n = one ? 1 : lua_type(L, -1) == LUA_TTABLE ? luaL_len(L, -1) : -1;
  if (n < 0 || n > 10000) kl_raisef(L, KL_ERR_VALIDATION, "run: %s is to be a text or a list of texts", name);
  const char **list = lua_newuserdatauv(L, ((size_t)n + 1) * sizeof *list, (int)0);
  lua_createtable(L, (int)n, 0); /* what numbers were made into */
  for (lua_Integer i = 1; i <= n; i++) {
    if (one)
      lua_pushvalue(L, -3);
    else
      lua_rawgeti(L, -3, i);
    if (lua_type(L, -1) != LUA_TSTRING && lua_type(L, -1) != LUA_TNUMBER)
      kl_raisef(L, KL_ERR_VALIDATION, "run: %s is to be a text or a list of texts", name);
    size_t length = 0;
    list[i - 1] = lua_tolstring(L, -1, &length);
    if (strlen(list[i - 1]) != length) kl_raisef(L, KL_ERR_VALIDATION, "run: %s has a text with a zero byte", name);
    lua_rawseti(L, -2, i);
  }
  list[n] = NULL;
  return list;
}

static bool yes(lua_State *L, int idx, const char *name) {
  lua_getfield(L, idx, name);
  bool on = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return on;
}

static double number(lua_State *L, int idx, const char *name, double least, double most) {
  if (lua_getfield(L, idx, name) == LUA_TNIL) {
    lua_pop(L, 1);
    return 0;
  }
  double v = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : NAN;
  if (!(v >= least && v <= most))
    kl_raisef(L, KL_ERR_VALIDATION, "run: %s is to be a number from %g to %g", name, least, most);
  lua_pop(L, 1);
  return v;
}

static void read_risk(lua_State *L, int idx, kl_limit_values *out) {
  *out = (kl_limit_values){0};
  if (lua_getfield(L, idx, "risk") == LUA_TNIL) return;
  luaL_checktype(L, -1, LUA_TTABLE);
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
    kl_error e = {0};
    size_t n = 0;
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tolstring(L, -2, &n) : "";
    kl_limit l = kl_limit_find(name, n, &e);
    if (l == KL_LIMITS) kl_raise(L, &e);
    bool plain = lua_type(L, -1) == LUA_TBOOLEAN || lua_type(L, -1) == LUA_TNUMBER;
    double v = lua_type(L, -1) == LUA_TBOOLEAN ? lua_toboolean(L, -1) : lua_tonumber(L, -1);
    if (!plain)
      kl_raisef(L, KL_ERR_VALIDATION, "run: the limit %s is to be a number, not a %s", name, luaL_typename(L, -1));
    if (!kl_limits_set(out, l, v, &e)) kl_raise(L, &e);
  }
}

static kl_on_failure on_failure(lua_State *L, int idx) {
  lua_getfield(L, idx, "on_failure");
  const char *text = lua_tostring(L, -1);
  for (int i = 0; text && i < KL_FAILED_COUNT; i++)
    if (!strcmp(text, kl_on_failure_names[i])) return (kl_on_failure)i;
  if (text) kl_raisef(L, KL_ERR_VALIDATION, "run: on_failure is to be \"stop\", \"restart\" or \"last-good\"");
  return KL_FAILED_STOP;
}

/* The path of a script: from the folder of the test's own, or else as it is. Stays on the stack. */
static const char *path_of(lua_State *L, int idx) {
  const char *path = luaL_checkstring(L, idx), *own = kl_script_get_options(kl_script_of(L))->path;
  const char *slash = own ? strrchr(own, '/') : NULL;
  if (path[0] == '/' || !slash) return path;
  lua_pushlstring(L, own, (size_t)(slash + 1 - own));
  lua_pushvalue(L, idx);
  lua_concat(L, 2);
  return access(lua_tostring(L, -1), R_OK) == 0 ? lua_tostring(L, -1) : path;
}

/* (path, options): starts it; it has not run yet. */
static int l_run(lua_State *L) {
  stage *g = check_stage(L);
  kl_limit_values risk;
  kl_error e = {0};
  luaL_checktype(L, 3, LUA_TTABLE);
  lua_settop(L, 3);
  luaL_checkstack(L, 64, NULL);
  kl_strategy_options o = {.probation_ms = (int)(number(L, 3, "probation", 0, 86400) * 1e3)};
  if (lua_getfield(L, 3, "source") == LUA_TSTRING) o.script.source = lua_tostring(L, -1);
  if (o.script.source)
    o.script.name = luaL_checkstring(L, 2);
  else
    o.script.path = path_of(L, 2);
  if (lua_getfield(L, 3, "name") == LUA_TSTRING) o.script.name = lua_tostring(L, -1);
  o.on_failure = on_failure(L, 3);
  o.script.args = (char *const *)(uintptr_t)texts(L, 3, "args");
  if (!o.script.args) {
    static char *const none[] = {NULL};
    o.script.args = none;
  }
  o.script.allow.fs = texts(L, 3, "allow_fs");
  o.script.allow.net = texts(L, 3, "allow_net");
  o.script.allow.env = texts(L, 3, "allow_env");
  o.script.allow.run = yes(L, 3, "allow_run");
  o.script.allow.all = yes(L, 3, "allow_all");
  o.script.memory_cap = (size_t)number(L, 3, "mem", 1, 65536) << 20;
  o.script.cpu_ms = (int)number(L, 3, "cpu_ms", 1, 3600000);
  o.script.limits.order_rate = number(L, 3, "order_rate", 0.001, 1e5);
  o.script.limits.tasks = (int64_t)number(L, 3, "max_tasks", 1, 1e6);
  o.script.limits.timers = (int64_t)number(L, 3, "max_timers", 1, 1e6);
  double group = number(L, 3, "order_group", 1, KL_BELT_MOST);
  read_risk(L, 3, &risk);
  script *x = lua_newuserdatauv(L, sizeof *x, 1);
  x->of = g;
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  if (!g->ops->run(g->g, &o, &risk, (kl_count)(group * KL_COUNT_ONE), &x->s, &e)) return kl_raise(L, &e);
  luaL_setmetatable(L, SCRIPT_META);
  return 1;
}

/* () → the orders, the oldest first, as kalshi.Order has them. */
static int l_script_orders(lua_State *L) {
  const script *x = check_script(L);
  kl_desk *d = x->of->ops->desk(x->of->g);
  lua_newtable(L);
  lua_Integer n = 0, at = 0;
  for (const kl_desk_order *o = NULL; (o = kl_desk_next(d, x->s->party, o));)
    n += !o->renewed;
  for (kl_desk_order *o = NULL; (o = kl_desk_next(d, x->s->party, o));) {
    if (o->renewed) continue;
    kl_order_push(L, &kl_environment_of(L)->place, o);
    lua_rawseti(L, -2, n - at++);
  }
  return 1;
}

static int l_script_fills(lua_State *L) {
  const script *x = check_script(L);
  lua_newtable(L);
  lua_Integer n = 0;
  for (const kl_account_fill *f = NULL; (f = x->of->ops->fill_next(x->of->g, x->s->party, f));) {
    lua_createtable(L, 0, 12);
    kl_row_text(L, "trade_id", f->trade_id);
    kl_row_text(L, "order_id", f->order_id);
    if (f->client_order_id[0]) kl_row_text(L, "client_order_id", f->client_order_id);
    kl_row_text(L, "ticker", f->ticker);
    kl_row_text(L, "side", f->side == KL_BID ? "bid" : "ask");
    kl_row_text(L, "outcome_side", f->side == KL_BID ? "yes" : "no");
    kl_row_fixed(L, "price", f->yes_price, KL_PRICE_PLACES);
    kl_row_fixed(L, "count", f->count, KL_COUNT_PLACES);
    kl_row_fixed(L, "fee", f->fee, KL_MONEY_PLACES);
    lua_pushboolean(L, f->is_taker);
    lua_setfield(L, -2, "is_taker");
    kl_row_time(L, "ts", f->ts_ms);
    lua_rawseti(L, -2, ++n);
  }
  return 1;
}

/* (ticker): contracts of YES that the strategy's own fills have left it with. */
static int l_script_position(lua_State *L) {
  const script *x = check_script(L);
  kl_count n = kl_portfolio_position(kl_party_portfolio(x->s->party), luaL_checkstring(L, 2), NULL);
  lua_pushnumber(L, kl_decimal_to_double(n, KL_COUNT_PLACES));
  return 1;
}

/* () → realized, unrealized, fees, profit: of its fills, dollars */
static int l_script_money(lua_State *L) {
  const script *x = check_script(L);
  kl_portfolio_totals t;
  kl_portfolio_totals_get(kl_party_portfolio(x->s->party), &t);
  lua_createtable(L, 0, 4);
  kl_row_fixed(L, "realized", t.realized, KL_MONEY_PLACES);
  kl_row_fixed(L, "unrealized", t.unrealized, KL_MONEY_PLACES);
  kl_row_fixed(L, "fees", t.fees, KL_MONEY_PLACES);
  kl_row_fixed(L, "profit", t.profit, KL_MONEY_PLACES);
  return 1;
}

static void push_lines(lua_State *L, const kl_buf *b) {
  lua_Integer n = 0;
  lua_newtable(L);
  for (size_t at = 0; at < b->len;) {
    size_t length = strlen(b->data + at);
    lua_pushlstring(L, b->data + at, length);
    lua_rawseti(L, -2, ++n);
    at += length + 1;
  }
}

/* () → output, errors: lists of texts */
static int l_script_said(lua_State *L) {
  const script *x = check_script(L);
  push_lines(L, &x->s->printed);
  push_lines(L, &x->s->errors);
  return 2;
}

static int l_script_status(lua_State *L) {
  const script *x = check_script(L);
  kl_strategy_status s;
  kl_strategy_status_get(x->s->strategy, &s);
  lua_createtable(L, 0, 8);
  kl_row_text(L, "name", s.name);
  kl_row_text(L, "phase", kl_strategy_phase_names[s.phase]);
  kl_row_integer(L, "generation", s.generation);
  kl_row_integer(L, "reloads", (int64_t)s.reloads);
  lua_pushboolean(L, s.phase == KL_STRATEGY_ENDED);
  lua_setfield(L, -2, "ended");
  lua_pushboolean(L, x->s->failed);
  lua_setfield(L, -2, "failed");
  const char *halted = kl_party_halted(x->s->party);
  if (halted) kl_row_text(L, "halted", halted);
  return 1;
}

static int l_script_stop(lua_State *L) {
  kl_strategy_stop(check_script(L)->s->strategy, KL_STOP_EXIT, lua_toboolean(L, 2));
  return 0;
}

/* (path or nil) */
static int l_script_reload(lua_State *L) {
  const script *x = check_script(L);
  kl_error e = {0};
  if (!x->of->ops->reload(x->s, lua_isnoneornil(L, 2) ? NULL : path_of(L, 2), &e)) return kl_raise(L, &e);
  return 0;
}

/* () → whether it is over; raises where it did not come about */
static int l_script_reloaded(lua_State *L) {
  const script *x = check_script(L);
  if (x->s->reloading) {
    lua_pushboolean(L, false);
    return 1;
  }
  if (x->s->not_swapped.kind) return kl_raise(L, &x->s->not_swapped);
  lua_pushboolean(L, true);
  return 1;
}

int luaopen_kl_testing(lua_State *L) {
  static const luaL_Reg of_stage[] = {{"add", l_add},       {"orders", l_orders}, {"trigger", l_trigger},
                                      {"settle", l_settle}, {"run", l_run},       {"now", l_now},
                                      {"close", l_close},   {NULL, NULL}};
  static const luaL_Reg of_script[] = {{"orders", l_script_orders},     {"fills", l_script_fills},
                                       {"position", l_script_position}, {"money", l_script_money},
                                       {"said", l_script_said},         {"status", l_script_status},
                                       {"stop", l_script_stop},         {"reload", l_script_reload},
                                       {"reloaded", l_script_reloaded}, {NULL, NULL}};
  static const luaL_Reg functions[] = {{"open", l_open}, {NULL, NULL}};
  testing(L);
  luaL_newmetatable(L, STAGE_META);
  lua_pushcfunction(L, l_gc);
  lua_setfield(L, -2, "__gc");
  luaL_newlib(L, of_stage);
  lua_setfield(L, -2, "__index");
  luaL_newmetatable(L, SCRIPT_META);
  luaL_newlib(L, of_script);
  lua_setfield(L, -2, "__index");
  luaL_newlib(L, functions);
  return 1;
}
