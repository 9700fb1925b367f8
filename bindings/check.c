#include "bindings/check.h"

#include <stdio.h>
#include <string.h>

#include "script/script.h"

/* What the value is, in a few words; numbers are shown, since it is often the value that is wrong. */
static void describe(lua_State *L, int idx, char *out, size_t size) {
  switch (lua_type(L, idx)) {
  case LUA_TNIL:
    snprintf(out, size, "nil");
    break;
  case LUA_TNUMBER:
    if (lua_isinteger(L, idx))
      snprintf(out, size, "%lld", (long long)lua_tointeger(L, idx));
    else
      snprintf(out, size, "%.15g", lua_tonumber(L, idx));
    break;
  default:
    snprintf(out, size, "a %s", luaL_typename(L, idx));
  }
}

int kl_bad_argument(lua_State *L, int idx, const char *function, const char *what) {
  int number = strchr(function, ':') ? idx - 1 : idx;
  if (lua_isnone(L, idx)) {
    return kl_raise_coded(L, KL_ERR_VALIDATION, "missing_parameter", "%s: argument %d is missing: it must be %s",
                          function, number, what);
  }
  char is[64];
  describe(L, idx, is, sizeof is);
  return kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_type", "%s: argument %d must be %s, not %s", function, number,
                        what, is);
}

void kl_check_type(lua_State *L, int idx, int type, const char *function) {
  if (lua_type(L, idx) == type) return;
  char what[32];
  snprintf(what, sizeof what, "a %s", lua_typename(L, type));
  kl_bad_argument(L, idx, function, what);
}

const char *kl_check_text(lua_State *L, int idx, const char *function, size_t *n) {
  kl_check_type(L, idx, LUA_TSTRING, function);
  return lua_tolstring(L, idx, n);
}

void *kl_check_self(lua_State *L, const char *type, const char *class, const char *method) {
  void *self = luaL_testudata(L, 1, type);
  if (!self)
    kl_raise_coded(L, KL_ERR_VALIDATION, "called_with_dot", "%s:%s: call it with a colon, on %s %s", class, method,
                   strchr("aeiou", class[0]) ? "an" : "a", class);
  return self;
}
