/* The table `os` of scripts, but for its functions for files (files.c) and programs (process.c). */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lualib.h>

#include "script/guard.h"
#include "script/internal.h"
#include "script/process.h"

static lua_Integer now(lua_State *L) { return kl_wall_us(kl_script_clock(kl_script_of(L))) / 1000000; }

/* os.time of Lua, upvalue 1; without a table the script's clock is asked. */
static int l_time(lua_State *L) {
  if (lua_isnoneornil(L, 1)) {
    lua_pushinteger(L, now(L));
    return 1;
  }
  kl_guard_refuse(L, "os.time of a table, which it sets right,");
  lua_settop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

/* os.clock: of the time that the process has worked; where the script's clock is moved by hand, of that clock. */
static int l_clock(lua_State *L) {
  const kl_clock *c = kl_script_clock(kl_script_of(L));
  if (c->line)
    lua_pushnumber(L, (double)kl_mono_ns(c) / 1e9);
  else
    lua_pushnumber(L, (double)clock() / CLOCKS_PER_SEC);
  return 1;
}

enum { MAX_DATE_FORMAT = 1 << 16 };

/* os.date of Lua, upvalue 1; likewise. */
static int l_date(lua_State *L) {
  size_t n;
  luaL_optlstring(L, 1, "%c", &n);
  luaL_argcheck(L, n <= MAX_DATE_FORMAT, 1, "format longer than 64 KiB"); /* nothing ends it in the middle */
  lua_settop(L, 2);
  if (lua_isnil(L, 1)) {
    lua_pushliteral(L, "%c");
    lua_replace(L, 1);
  }
  if (lua_isnil(L, 2)) {
    lua_pushinteger(L, now(L));
    lua_replace(L, 2);
  }
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, 2, 1);
  return 1;
}

static bool listed(const char *const *list, const char *what) {
  for (; list && *list; list++)
    if (strcmp(*list, what) == 0) return true;
  return false;
}

static int l_getenv(lua_State *L) {
  size_t n;
  const char *name = luaL_checklstring(L, 1, &n);
  const kl_script *s = kl_script_of(L);
  if (strlen(name) != n) return luaL_argerror(L, 1, "the name holds a zero byte");
  if (listed(s->host->o.secret_variables, name))
    return kl_raise_coded(L, KL_ERR_PERMISSION, "secret_protected",
                          "the environment variable %.100s leads to the private key: no flag gives it to a script",
                          name);
  if (!s->o.allow.all && !listed(s->o.allow.env, name))
    return kl_raise_coded(L, KL_ERR_PERMISSION, "permission_env",
                          "the script may not read the environment variable %.100s: run it with --allow-env %.100s",
                          name, name);
  lua_pushstring(L, getenv(name));
  return 1;
}

void kl_system_open(lua_State *L) {
  lua_pushcfunction(L, luaopen_os);
  lua_call(L, 0, 1);         /* os */
  lua_createtable(L, 0, 11); /* os own */
  lua_getfield(L, -2, "time");
  lua_pushcclosure(L, l_time, 1);
  lua_setfield(L, -2, "time");
  lua_getfield(L, -2, "date");
  kl_guard_allow(L, -1); /* it is called through l_date; that of time is not: it changes the table that it is given */
  lua_pushcclosure(L, l_date, 1);
  lua_setfield(L, -2, "date");
  lua_pushcfunction(L, l_clock);
  kl_guard_allow(L, -1);
  lua_setfield(L, -2, "clock");
  lua_getfield(L, -2, "difftime");
  lua_setfield(L, -2, "difftime");
  lua_pushcfunction(L, l_getenv);
  lua_setfield(L, -2, "getenv");
  lua_pushcfunction(L, kl_program_execute);
  lua_setfield(L, -2, "execute");
  kl_push_never(L, "os.exit", "return from the script's main chunk, or raise an error");
  lua_setfield(L, -2, "exit");
  kl_push_never(L, "os.setlocale", "all scripts share the locale, which is C");
  lua_setfield(L, -2, "setlocale");
  lua_remove(L, -2); /* own */
}
