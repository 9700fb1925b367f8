/* Module `log`: log.info(message, fields) and fellows; one line each, with the script's name. */
#include "base/log.h"
#include "bindings/bindings.h"
#include "script/script.h"

/* Upvalue 1 is the level. Fields are appended as k=v, sorted by key, so that lines of one place look alike. */
static int l_write(lua_State *L) {
  kl_log_level level = (kl_log_level)lua_tointeger(L, lua_upvalueindex(1));
  if (!kl_log_enabled(level)) return 0;
  luaL_checkany(L, 1);
  lua_settop(L, 2);
  luaL_Buffer b;
  lua_newtable(L); /* message fields keys */
  if (!lua_isnil(L, 2)) {
    luaL_checktype(L, 2, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
      luaL_tolstring(L, -2, NULL);
      lua_rawseti(L, 3, (lua_Integer)lua_rawlen(L, 3) + 1);
    }
    lua_getglobal(L, "table");
    lua_getfield(L, -1, "sort");
    lua_pushvalue(L, 3);
    lua_call(L, 1, 0);
    lua_settop(L, 3);
  }
  luaL_buffinit(L, &b);
  luaL_tolstring(L, 1, NULL);
  luaL_addvalue(&b);
  lua_Integer n = (lua_Integer)lua_rawlen(L, 3);
  for (lua_Integer i = 1; i <= n; i++) {
    luaL_addchar(&b, ' ');
    lua_rawgeti(L, 3, i);
    luaL_addvalue(&b);
    luaL_addchar(&b, '=');
    lua_rawgeti(L, 3, i);
    lua_gettable(L, 2);
    luaL_tolstring(L, -1, NULL);
    lua_remove(L, -2);
    luaL_addvalue(&b);
  }
  luaL_pushresult(&b);
  kl_log_write(level, kl_script_name(kl_script_of(L)), "%s", lua_tostring(L, -1));
  return 0;
}

int luaopen_kl_log(lua_State *L) {
  static const struct {
    const char *name;
    kl_log_level level;
  } levels[] = {{"error", KL_LOG_ERROR}, {"warn", KL_LOG_WARN}, {"info", KL_LOG_INFO}, {"debug", KL_LOG_DEBUG}};
  lua_createtable(L, 0, 4);
  for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
    lua_pushinteger(L, levels[i].level);
    lua_pushcclosure(L, l_write, 1);
    lua_setfield(L, -2, levels[i].name);
  }
  return 1;
}
