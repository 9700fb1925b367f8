/* kalshi.limits: what limits the orders of the script that asks, and how far it has come. What a version has tightened
 * holds while it is the one that runs: its wishes are kept with it here, and go to kl_risk when it takes over. */
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "bindings/check.h"
#include "bindings/rest.h"
#include "script/guard.h"
#include "script/script.h"
#include "script/strategy.h"

static const char wish_type[] =
    "kalshi.limits.wish"; /* its metatable; in a script's registry its own is under its place */

/* What a version has asked for; in its registry, so that it goes with it. */
typedef struct wish {
  kl_list link; /* kl_wishes.wishes */
  const kl_script *script;
  kl_limit_values values;
} wish;

/* A strategy some version of which has asked for something. */
typedef struct watch {
  kl_list link; /* kl_wishes.watches */
  kl_strategy_observer observer;
  const kl_strategy *strategy;
  kl_place *at;
} watch;

struct kl_wishes {
  kl_list wishes, watches;
};

void kl_wishes_free(kl_wishes *w) {
  if (!w) return;
  for (kl_list *n = w->watches.next; n != &w->watches;) {
    watch *x = KL_CONTAINER(n, watch, link);
    n = n->next;
    kl_strategy_unobserve(&x->observer);
    free(x);
  }
  free(w);
}

static wish *wish_of(const kl_wishes *w, const kl_script *s) {
  for (kl_list *n = w->wishes.next; n != &w->wishes; n = n->next) {
    wish *x = KL_CONTAINER(n, wish, link);
    if (x->script == s) return x;
  }
  return NULL;
}

static int wish_gc(lua_State *L) {
  kl_list_remove(&((wish *)lua_touserdata(L, 1))->link);
  return 0;
}

/* Another version runs. */
static void version_changed(kl_strategy_observer *o, kl_strategy *g, kl_script *s) {
  const watch *x = KL_CONTAINER(o, watch, observer);
  kl_party *p = s && x->at->desk ? kl_desk_party(x->at->desk, kl_strategy_name(g)) : NULL;
  if (!p) return; /* without a version nothing is ordered */
  const wish *its = wish_of(x->at->wishes, s);
  kl_risk_set_wish(kl_desk_risk(x->at->desk), kl_party_risk(p), its ? &its->values : &(kl_limit_values){0});
}

static bool watch_versions(kl_place *at, kl_strategy *g) {
  for (kl_list *n = at->wishes->watches.next; n != &at->wishes->watches; n = n->next)
    if (KL_CONTAINER(n, watch, link)->strategy == g) return true;
  watch *x = calloc(1, sizeof *x);
  if (!x) return false;
  *x = (watch){.observer.changed = version_changed, .strategy = g, .at = at};
  kl_list_init(&x->observer.link);
  kl_list_init(&x->link);
  kl_list_append(&at->wishes->watches, &x->link);
  kl_strategy_observe(g, &x->observer);
  return true;
}

/* The wish of the running script, made where it has none. */
static wish *own_wish(lua_State *L, kl_place *at) { /* raises */
  kl_script *s = kl_script_of(L);
  if (!at->wishes) {
    kl_wishes *made = calloc(1, sizeof *made);
    if (!made) {
      kl_raisef(L, KL_ERR_INTERNAL, "limits: not enough memory");
      return NULL;
    }
    kl_list_init(&made->wishes);
    kl_list_init(&made->watches);
    at->wishes = made;
  }
  wish *x = wish_of(at->wishes, s);
  if (x) return x;
  x = lua_newuserdatauv(L, sizeof *x, 0); /* wish */
  *x = (wish){.script = s};
  kl_list_init(&x->link);
  if (luaL_newmetatable(L, wish_type)) { /* wish mt */
    lua_pushcfunction(L, wish_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);               /* wish */
  lua_rawsetp(L, LUA_REGISTRYINDEX, at); /* */
  kl_strategy *g = kl_script_strategy(s);
  if (g && !kl_script_is_shadow(s) && !watch_versions(at, g))
    kl_raisef(L, KL_ERR_INTERNAL, "limits: not enough memory");
  kl_list_append(&at->wishes->wishes, &x->link);
  return x;
}

/* ---- what is asked for ---- */

/* The limit and the value at the top of the stack. */
static void read_limit(lua_State *L, kl_limit_values *to) { /* raises */
  kl_error e = {0};
  size_t n;
  if (lua_type(L, -2) != LUA_TSTRING)
    kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_arguments",
                   "limits: a table of limits with their names is wanted, as in { max_position = 50 }");
  const char *name = lua_tolstring(L, -2, &n);
  kl_limit l = kl_limit_find(name, n, &e);
  if (l == KL_LIMITS) kl_raise_coded(L, KL_ERR_VALIDATION, e.code, "limits: %s", e.message);
  bool cross = l == KL_LIMIT_SELF_CROSS;
  if (lua_type(L, -1) != (cross ? LUA_TBOOLEAN : LUA_TNUMBER))
    kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_type", "limits: %s must be %s, not %s", kl_limit_table[l].name,
                   cross ? "true or false" : "a number", luaL_typename(L, -1));
  if (!kl_limits_set(to, l, cross ? lua_toboolean(L, -1) : lua_tonumber(L, -1), &e))
    kl_raise_coded(L, KL_ERR_VALIDATION, e.code, "limits: %s", e.message);
}

static void tighten(lua_State *L, kl_place *at, kl_party *p) { /* raises */
  kl_limit_values asked = {0}, configured;
  kl_error e = {0};
  for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1))
    read_limit(L, &asked);
  kl_risk *risk = kl_desk_risk(at->desk);
  kl_risk_configured(risk, kl_party_risk(p), &configured);
  wish *x = own_wish(L, at);
  if (!kl_limits_wish(&configured, &x->values, &asked, &e)) {
    kl_raise(L, &e);
    return;
  }
  kl_script *s = kl_script_of(L);
  if (kl_script_live(s) && !kl_script_is_shadow(s)) kl_risk_set_wish(risk, kl_party_risk(p), &x->values);
}

/* ---- what there is ---- */

static void set_number(lua_State *L, const char *name, int64_t v, int places) {
  if (places == 0)
    lua_pushinteger(L, (lua_Integer)v);
  else
    lua_pushnumber(L, kl_decimal_to_double(v, places));
  lua_setfield(L, -2, name);
}

/* A table: the limits in force, and the state that they are compared with. */
static void push_limits(lua_State *L, const kl_risk *risk, uint32_t party, const kl_limit_values *v) { /* raises */
  kl_risk_state state;
  kl_risk_state_get(risk, party, &state);
  lua_createtable(L, 0, KL_LIMITS + 8);
  for (int i = 0; i < KL_LIMITS; i++) {
    if (!(v->set >> i & 1)) continue;
    if (i == KL_LIMIT_SELF_CROSS) {
      lua_pushboolean(L, v->value[i] != 0);
      lua_setfield(L, -2, kl_limit_table[i].name);
    } else {
      set_number(L, kl_limit_table[i].name, v->value[i], kl_limit_table[i].places);
    }
  }
  set_number(L, "exposure", state.exposure, KL_MONEY_PLACES);
  set_number(L, "profit_today", state.profit_today, KL_MONEY_PLACES);
  set_number(L, "trades_today", state.trades_today, 0);
  set_number(L, "open_orders", state.open_orders, 0);
  set_number(L, "refused", (int64_t)state.refused, 0);
  if (state.refused_by == KL_LIMITS) return;
  lua_pushstring(L, kl_limit_table[state.refused_by].name);
  lua_setfield(L, -2, "refused_by");
}

int kl_limits_lua(lua_State *L) {
  kl_place *at = kl_place_of(L);
  kl_script *s = kl_script_of(L);
  if (!lua_isnoneornil(L, 1)) {
    kl_check_type(L, 1, LUA_TTABLE, "kalshi.limits");
    kl_guard_refuse(L, "kalshi.limits with new limits");
  }
  if (!at->desk)
    return kl_raise_coded(L, KL_ERR_CONFIG, "no_orders_here", "limits: nothing is ordered here, so nothing is limited");
  kl_party *p = kl_desk_party(at->desk, kl_name_here(L));
  if (!p) return kl_raisef(L, KL_ERR_INTERNAL, "limits: not enough memory");
  if (!lua_isnoneornil(L, 1)) tighten(L, at, p);
  const kl_risk *risk = kl_desk_risk(at->desk);
  kl_limit_values v;
  kl_risk_configured(risk, kl_party_risk(p), &v);
  const wish *own = at->wishes ? wish_of(at->wishes, s) : NULL;
  if (own) kl_limits_tighten(&v, &own->values);
  push_limits(L, risk, kl_party_risk(p), &v);
  if (kl_party_halted(p)) {
    lua_pushstring(L, kl_party_halted(p));
    lua_setfield(L, -2, "halted");
  }
  kl_risk_effective(risk, KL_RISK_ACCOUNT, &v);
  push_limits(L, risk, KL_RISK_ACCOUNT, &v);
  lua_setfield(L, -2, "account");
  return 1;
}
