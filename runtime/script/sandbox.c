/* What a script can reach: an allow list. The libraries of Lua are opened aside, and named functions are taken over. */
#include <stdio.h>
#include <string.h>

#include <lualib.h>

#include "script/bounded.h"
#include "script/guard.h"
#include "script/internal.h"

/* Opens a library of Lua without registering it; leaves its table on the stack. */
static void open_library(lua_State *L, lua_CFunction open) {
  lua_pushcfunction(L, open);
  lua_call(L, 0, 1);
}

/* Empties the table at the top of everything that is not named; names are separated by blanks. */
static void keep_only(lua_State *L, const char *names) {
  for (lua_pushnil(L); lua_next(L, -2);) { /* table key value */
    lua_pop(L, 1);
    const char *key = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    size_t n = strlen(key);
    bool kept = false;
    for (const char *p = names; n > 0 && !kept && (p = strstr(p, key)); p++)
      kept = (p == names || p[-1] == ' ') && (p[n] == ' ' || p[n] == 0);
    if (kept) continue;
    lua_pushvalue(L, -1);
    lua_pushnil(L);
    lua_rawset(L, -4); /* clearing a field is allowed while the table is walked */
  }
}

/* `replace` puts functions of ours in the place of some; it may be NULL. */
static void open_kept(lua_State *L, lua_CFunction open, const char *name, const char *names,
                      void (*replace)(lua_State *)) {
  open_library(L, open);
  keep_only(L, names);
  if (replace) replace(L);
  lua_setglobal(L, name);
}

/* ---- base functions of our own ---- */

static int l_setmetatable(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_argexpected(L, lua_isnil(L, 2) || lua_istable(L, 2), 2, "nil or table");
  if (lua_istable(L, 2)) {
    lua_pushliteral(L, "__gc");
    lua_rawget(L, 2);
    /* A finalizer runs where nothing can break it. */
    if (!lua_isnil(L, -1))
      return kl_raise_coded(L, KL_ERR_PERMISSION, "not_for_scripts",
                            "scripts cannot have finalizers (__gc): use __close, or kalua.on_stop");
    lua_pop(L, 1);
  }
  /* __replaceable: of a binding's, which is hidden but may be replaced as a whole */
  if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL && luaL_getmetafield(L, 1, "__replaceable") == LUA_TNIL)
    return luaL_error(L, "cannot change a protected metatable");
  lua_settop(L, 2);
  lua_setmetatable(L, 1);
  return 1;
}

static int l_collectgarbage(lua_State *L) {
  const char *what = luaL_optstring(L, 1, "collect");
  if (strcmp(what, "count") != 0)
    return kl_raise_coded(L, KL_ERR_PERMISSION, "not_for_scripts",
                          "collectgarbage(\"%.20s\") is not for scripts: only \"count\" is", what);
  lua_pushnumber(L, (lua_Number)kl_script_of(L)->used / 1024);
  return 1;
}

/* The handler that a script gave to xpcall, upvalue 1. It is passed over while the watchdog breaks the task: the error
 * is then raised from a hook, and what runs before that returns cannot be broken. */
static int handle_message(lua_State *L) {
  const kl_task *t = kl_task_current(L);
  lua_settop(L, 1);
  if (t && t->broken) return 1;
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, 1, LUA_MULTRET);
  return lua_gettop(L);
}

static int xpcall_end(lua_State *L, int status, lua_KContext ctx) {
  (void)ctx;
  lua_pushboolean(L, status == LUA_OK || status == LUA_YIELD);
  lua_replace(L, 1); /* in the place of the handler */
  return lua_gettop(L);
}

static int l_xpcall(lua_State *L) {
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_pushvalue(L, 2);
  lua_pushcclosure(L, handle_message, 1);
  lua_pushvalue(L, 1);
  lua_replace(L, 2); /* fn fn args handler */
  lua_replace(L, 1); /* handler fn args */
  return xpcall_end(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 1, 0, xpcall_end), 0);
}

/* ---- the globals ---- */

static void open_base(lua_State *L) {
  static const char *const kept[] = {"assert",   "error",    "getmetatable", "ipairs",   "next",   "pairs",
                                     "pcall",    "rawequal", "rawget",       "rawlen",   "rawset", "select",
                                     "tonumber", "tostring", "type",         "_VERSION", NULL};
  static const luaL_Reg own[] = {{"print", kl_print_lua},
                                 {"load", kl_bounded_load},
                                 {"xpcall", l_xpcall},
                                 {"setmetatable", l_setmetatable},
                                 {"collectgarbage", l_collectgarbage},
                                 {NULL, NULL}};
  /* luaopen_base fills the table of globals: let it fill one of its own. */
  lua_pushglobaltable(L); /* globals */
  lua_newtable(L);        /* globals scratch */
  lua_pushvalue(L, -1);
  lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
  open_library(L, luaopen_base); /* globals scratch scratch */
  lua_pop(L, 1);                 /* globals scratch */
  lua_pushvalue(L, -2);
  lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
  for (size_t i = 0; kept[i]; i++) {
    lua_getfield(L, -1, kept[i]);
    lua_setfield(L, -3, kept[i]);
  }
  lua_pop(L, 1); /* globals */
  luaL_setfuncs(L, own, 0);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "_G");
  lua_pop(L, 1); /* */
}

void kl_sandbox_open(lua_State *L) {
  open_base(L);
  open_kept(L, luaopen_string, "string", /* also the index of the metatable of strings */
            "byte char find format gmatch gsub len lower match pack packsize rep reverse sub unpack upper",
            kl_bounded_string_open);
  lua_pushliteral(L, "");
  lua_getmetatable(L, -1); /* "" mt */
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 2); /* */
  open_kept(L, luaopen_table, "table", "concat insert move pack remove sort unpack", kl_bounded_table_open);
  open_kept(L, luaopen_math, "math",
            "abs acos asin atan ceil cos deg exp floor fmod huge log max maxinteger min mininteger modf pi rad random "
            "randomseed sin sqrt tan tointeger type ult",
            NULL);
  open_kept(L, luaopen_utf8, "utf8", "char charpattern codepoint codes len offset", NULL);
  kl_coroutines_open(L);
  lua_setglobal(L, "coroutine");
  open_library(L, luaopen_debug); /* debug */
  lua_createtable(L, 0, 1);       /* debug own */
  lua_getfield(L, -2, "traceback");
  lua_setfield(L, -2, "traceback");
  lua_setglobal(L, "debug"); /* debug */
  lua_pop(L, 1);             /* */
  kl_files_open(L);
  kl_require_open(L);
  lua_setglobal(L, "require");
  kl_guard_open(L);
}
