/* kalshi.own_orders, find_order, cancel_all and cancel_mine. */
#include "bindings/order.h"

#include <string.h>

#include "bindings/check.h"
#include "bindings/options.h"
#include "script/guard.h"
#include "script/limits.h"
#include "script/strategy.h"

/* ---- orders of the desk, and of a shadow ---- */

/* A desk and a party, or a shadow: where the orders of the running script are. */
typedef struct where {
  kl_place *place;
  kl_desk *d;
  kl_party *p;
  kl_shadow *s;
} where;

static where where_of(lua_State *L, bool all) {
  where at = {.place = kl_place_of(L)};
  kl_actor who = KL_ACTOR_OLD;
  kl_shadow *s = kl_shadow_here(L, at.place, &who);
  if (kl_script_is_shadow(kl_script_of(L))) {
    at.s = s;
    return at;
  }
  at.d = at.place->desk;
  uint32_t generation;
  if (at.d && kl_environment_of(L)->tool) at.d = NULL;
  if (at.d && !all) at.p = kl_order_party(L, at.place, &generation);
  return at;
}

/* The newest first. */
static kl_desk_order *next_of(const where *at, const kl_desk_order *after) {
  if (at->s) return kl_shadow_next_order(at->s, after);
  return at->d ? kl_desk_next(at->d, at->p, after) : NULL;
}

/* ---- kalshi.own_orders ---- */

int kl_order_own_lua(lua_State *L) {
  static const char name[] = "kalshi.own_orders";
  static const char *const keys[] = {"ticker", "status"};
  static const char *const words[] = {"open", "all", "pending", "unknown", "resting", "filled", "canceled", "rejected"};
  kl_options_check(L, 1, name, keys, 2, NULL);
  const char *ticker = kl_option_text(L, 1, name, "ticker", 64), *status = kl_option_text(L, 1, name, "status", 16);
  size_t chosen = 0;
  while (status && chosen < 8 && strcmp(status, words[chosen]) != 0)
    chosen++;
  if (chosen == 8) {
    const char *near = kl_nearest(status, words, 8);
    return kl_raise_coded(L, KL_ERR_VALIDATION, "unknown_value",
                          "%s: status must be open, all, pending, unknown, resting, filled, canceled or rejected, not "
                          "\"%.20s\"%s%s%s",
                          name, status, near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
  }
  const where at = where_of(L, false);
  lua_Integer n = 0;
  lua_newtable(L);
  for (kl_desk_order *o = NULL; (o = next_of(&at, o));) {
    bool wanted = chosen == 0 ? !kl_desk_status_final(o->status)
                              : chosen == 1 || !strcmp(words[chosen], kl_desk_status_name(o->status));
    if (!wanted || o->renewed || (ticker && strcmp(ticker, o->ticker) != 0)) continue;
    kl_order_push(L, at.place, o);
    lua_rawseti(L, -2, ++n);
  }
  if (!n) kl_json_mark_empty_array(L);
  return 1;
}

/* ---- kalshi.find_order ---- */

int kl_order_find_lua(lua_State *L) {
  const char *id = kl_check_text(L, 1, "kalshi.find_order", NULL);
  const where at = where_of(L, true);
  kl_desk_order *o = at.d ? kl_desk_find(at.d, id) : NULL;
  while (at.s && (o = kl_shadow_next_order(at.s, o)) && strcmp(o->id, id) != 0 && strcmp(o->client_id, id) != 0)
    ;
  if (o)
    kl_order_push(L, at.place, o);
  else
    lua_pushnil(L);
  return 1;
}

/* ---- kalshi.cancel_all, cancel_mine ---- */

static int cancel_all(lua_State *L, int status, lua_KContext mine) {
  (void)status;
  kl_place *at = kl_place_of(L);
  kl_desk *d = at->desk;
  uint32_t generation;
  kl_party *p = mine ? kl_order_party(L, at, &generation) : NULL;
  kl_actor who = KL_ACTOR_OLD;
  kl_shadow *shadow = kl_shadow_here(L, at, &who);
  kl_check_await(L);
  if (shadow) kl_order_note_all(L, shadow, d, p);
  return kl_order_cancel_party(L, d, p, mine ? "kalshi.cancel_mine" : "kalshi.cancel_all");
}

/* cancel(mine): of the desk's orders; nil where there is no desk to ask, or the script is a shadow. */
int kl_order_cancel_many_lua(lua_State *L) {
  bool mine = lua_toboolean(L, 1);
  if (!kl_place_of(L)->desk || kl_environment_of(L)->tool || kl_script_is_shadow(kl_script_of(L))) {
    lua_pushnil(L);
    return 1;
  }
  return kl_may_pretend(L) ? cancel_all(L, LUA_OK, mine) : kl_hold(L, mine, cancel_all);
}
