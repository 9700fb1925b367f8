#include "bindings/options.h"

#include <math.h>
#include <string.h>

#include "base/decimal.h"
#include "base/units.h"
#include "kalshi/operation.h"
#include "net/utf8.h"
#include "script/script.h"

static void refuse_key(lua_State *L, const char *function, const char *key, const char *const *keys, size_t n,
                       const kl_option_slip *slips) {
  for (; slips && slips->word; slips++) {
    if (strcmp(key, slips->word) != 0) continue;
    if (slips->say)
      kl_raise_coded(L, KL_ERR_VALIDATION, "unknown_option", "%s: there is no option %s: %s", function, key,
                     slips->say);
    else
      kl_raise_coded(L, KL_ERR_VALIDATION, "unknown_option", "%s: there is no option %s: it is called %s here",
                     function, key, slips->option);
  }
  const char *near = kl_nearest(key, keys, n);
  if (near)
    kl_raise_coded(L, KL_ERR_VALIDATION, "unknown_option", "%s: there is no option %s; did you mean \"%s\"?", function,
                   key, near);
  luaL_Buffer list;
  luaL_buffinit(L, &list);
  for (size_t i = 0; i < n; i++) {
    if (i) luaL_addstring(&list, ", ");
    luaL_addstring(&list, keys[i]);
  }
  luaL_pushresult(&list);
  kl_raise_coded(L, KL_ERR_VALIDATION, "unknown_option", "%s: there is no option %s%s%s", function, key,
                 n ? "; it takes " : "", lua_tostring(L, -1));
}

void kl_options_check(lua_State *L, int idx, const char *function, const char *const *keys, size_t n,
                      const kl_option_slip *slips) {
  if (lua_gettop(L) > idx)
    kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_arguments", "%s takes one table and nothing behind it", function);
  if (lua_isnoneornil(L, idx)) {
    lua_settop(L, idx - 1);
    lua_newtable(L);
  } else if (lua_type(L, idx) != LUA_TTABLE) {
    kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_arguments", "%s takes one table, not a %s", function,
                   luaL_typename(L, idx));
  }
  luaL_checkstack(L, 4, NULL);
  for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING)
      kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_arguments", "%s: its options have names: a %s is none", function,
                     luaL_typename(L, -2));
    const char *key = lua_tostring(L, -2);
    size_t i = 0;
    while (i < n && strcmp(key, keys[i]) != 0)
      i++;
    if (i == n) refuse_key(L, function, key, keys, n, slips);
  }
}

const char *kl_option_text(lua_State *L, int idx, const char *function, const char *name, size_t cap) {
  luaL_checkstack(L, 2, NULL);
  int type = lua_getfield(L, idx, name);
  if (type == LUA_TNIL) return NULL;
  if (type != LUA_TSTRING)
    kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_type", "%s: %s must be a string, not a %s", function, name,
                   lua_typename(L, type));
  size_t n;
  const char *s = lua_tolstring(L, -1, &n);
  if (n == 0) kl_raise_coded(L, KL_ERR_VALIDATION, "malformed_value", "%s: %s must not be empty", function, name);
  if (strlen(s) != n)
    kl_raise_coded(L, KL_ERR_VALIDATION, "malformed_value", "%s: %s holds a zero byte", function, name);
  if (!kl_utf8_valid(s, n))
    kl_raise_coded(L, KL_ERR_VALIDATION, "malformed_value", "%s: %s is not valid UTF-8", function, name);
  if (n >= cap)
    kl_raise_coded(L, KL_ERR_VALIDATION, "malformed_value", "%s: %s must have at most %zu bytes, not %zu", function,
                   name, cap - 1, n);
  return s;
}

bool kl_option_flag(lua_State *L, int idx, const char *function, const char *name, bool preset) {
  int type = lua_getfield(L, idx, name);
  if (type != LUA_TNIL && type != LUA_TBOOLEAN)
    kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_type", "%s: %s must be true or false, not a %s", function, name,
                   lua_typename(L, type));
  bool v = type == LUA_TNIL ? preset : lua_toboolean(L, -1);
  lua_pop(L, 1);
  return v;
}

bool kl_option_number(lua_State *L, int idx, const char *function, const char *name, lua_Number least, lua_Number most,
                      lua_Number *out) {
  int type = lua_getfield(L, idx, name);
  lua_Number v = lua_tonumber(L, -1);
  lua_pop(L, 1);
  if (type == LUA_TNIL) return false;
  if (type != LUA_TNUMBER)
    kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_type", "%s: %s must be a number, not a %s", function, name,
                   lua_typename(L, type));
  if (!(v >= least && v <= most)) /* NaN too */
    kl_raise_coded(L, KL_ERR_VALIDATION, "out_of_range", "%s: %s must be %.15g to %.15g, not %.15g", function, name,
                   least, most, v);
  *out = v;
  return true;
}

bool kl_option_integer(lua_State *L, int idx, const char *function, const char *name, lua_Integer least,
                       lua_Integer most, lua_Integer *out) {
  lua_Number v;
  if (!kl_option_number(L, idx, function, name, (lua_Number)least, (lua_Number)most, &v)) return false;
  if (!lua_numbertointeger(floor(v), out) || v != floor(v))
    kl_raise_coded(L, KL_ERR_VALIDATION, "out_of_range", "%s: %s must be a whole number, not %.15g", function, name, v);
  return true;
}

bool kl_option_fixed(lua_State *L, int idx, const char *function, const char *name, int places, int64_t *out) {
  const char *grid = places == KL_PRICE_PLACES
                         ? "prices are multiples of 0.0001 dollar, in most markets of more (its price_ranges)"
                         : "counts are multiples of 0.01 contract";
  int type = lua_getfield(L, idx, name);
  if (type == LUA_TNUMBER) {
    lua_Number v = lua_tonumber(L, -1);
    if (!kl_decimal_from_double(v, places, out))
      kl_raise_coded(L, KL_ERR_VALIDATION, places == KL_PRICE_PLACES ? "price_off_grid" : "count_off_grid",
                     "%s: %s %.15g is off the grid: %s", function, name, v, grid);
  } else if (type == LUA_TSTRING) {
    size_t n;
    const char *s = lua_tolstring(L, -1, &n);
    if (!kl_decimal_parse(s, n, places, out))
      kl_raise_coded(L, KL_ERR_VALIDATION, places == KL_PRICE_PLACES ? "price_off_grid" : "count_off_grid",
                     "%s: %s \"%.40s\" is no number, or off the grid: %s", function, name, s, grid);
  } else if (type != LUA_TNIL) {
    kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_type", "%s: %s must be a number, not a %s", function, name,
                   lua_typename(L, type));
  }
  lua_pop(L, 1);
  return type != LUA_TNIL;
}
