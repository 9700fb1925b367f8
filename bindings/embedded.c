#include "bindings/embedded.h"

#include <string.h>

#include "bindings/bindings.h"
#include "script/script.h"

void kl_embedded_call(lua_State *L, const char *name, int nargs) {
  const kl_embedded *m = kl_embedded_find(name);
  if (!m) luaL_error(L, "the standard library lacks %s.lua", name);
  lua_pushfstring(L, "=kalua/%s.lua", name); /* … chunkname */
  kl_embedded_load(L, m, lua_tostring(L, -1));
  lua_insert(L, -nargs - 2); /* chunk … chunkname */
  lua_pop(L, 1);
  lua_call(L, nargs, 1);
}

int kl_embedded_error_lua(lua_State *L) {
  static const char *const kinds[] = {KL_ERR_VALIDATION, KL_ERR_HTTP, KL_ERR_PROTOCOL, KL_ERR_CLOSED};
  const char *kind = luaL_checkstring(L, 1);
  kl_error e;
  kl_error_set(&e, KL_ERR_INTERNAL, "%s", luaL_checkstring(L, 2));
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (!strcmp(kinds[i], kind)) e.kind = kinds[i];
  e.status = (int)luaL_optinteger(L, 3, 0);
  e.retryable = lua_toboolean(L, 4);
  kl_error_code(&e, luaL_optstring(L, 5, ""));
  kl_push_error(L, &e);
  return 1;
}

int kl_embedded_nearest_lua(lua_State *L) {
  enum { MAX_NAMES = 32 };
  const char *names[MAX_NAMES], *name = luaL_checkstring(L, 1);
  size_t n = 0;
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  for (; n < MAX_NAMES && lua_rawgeti(L, 2, (lua_Integer)n + 1) == LUA_TSTRING; n++) {
    names[n] = lua_tostring(L, -1); /* the table keeps it */
    lua_pop(L, 1);
  }
  lua_pushstring(L, kl_nearest(name, names, n));
  return 1;
}

int luaopen_kl_library(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"error", kl_embedded_error_lua}, {"nearest", kl_embedded_nearest_lua}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
