/* The tables `os` and `io` of scripts: time for all, the rest where the --allow flags give it. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <lualib.h>

#include "script/internal.h"

/* ---- permissions ---- */

static bool listed(const char *const *list, const char *what) {
  for (; list && *list; list++)
    if (strcmp(*list, what) == 0) return true;
  return false;
}

/* The real path of a file, or of one that shall be made in a folder that exists. False with errno. */
static bool real_path(const char *path, char out[PATH_MAX]) {
  if (realpath(path, out)) return true;
  struct stat st;
  if (errno != ENOENT || lstat(path, &st) == 0) return false; /* a link into nowhere could lead anywhere */
  const char *slash = strrchr(path, '/');
  const char *name = slash ? slash + 1 : path;
  char folder[PATH_MAX];
  size_t n = slash ? (size_t)(slash - path) + 1 : 1;
  if (n >= sizeof folder || strlen(name) == 0 || strcmp(name, "..") == 0) {
    errno = ENOENT;
    return false;
  }
  memcpy(folder, slash ? path : ".", n);
  folder[n] = 0;
  if (!realpath(folder, out)) return false;
  size_t used = strlen(out);
  if (used + strlen(name) + 2 > PATH_MAX) {
    errno = ENAMETOOLONG;
    return false;
  }
  out[used] = '/';
  memcpy(out + used + 1, name, strlen(name) + 1);
  return true;
}

static bool below(const char *path, const char *folder) {
  size_t n = strlen(folder);
  while (n > 1 && folder[n - 1] == '/')
    n--;
  return strncmp(path, folder, n) == 0 && (path[n] == 0 || path[n] == '/' || n == 1);
}

/* Raises when the script may not use the file; otherwise pushes the path to open. 0 with nil and a message pushed when
 * there is no such file. */
static bool push_allowed(lua_State *L, const char *path) {
  const kl_permissions allow = kl_script_permissions(kl_script_of(L));
  char real[PATH_MAX], folder[PATH_MAX];
  if (!real_path(path, real)) {
    lua_pushnil(L);
    lua_pushfstring(L, "%s: %s", path, strerror(errno));
    return false;
  }
  bool ok = allow.all;
  for (const char *const *p = allow.fs; !ok && p && *p; p++)
    ok = realpath(*p, folder) && below(real, folder);
  if (!ok) kl_raisef(L, KL_ERR_PERMISSION, "the script may not use the file %s: run it with --allow-fs PATH", path);
  struct stat st;
  if (stat(real, &st) == 0 && !S_ISREG(st.st_mode)) { /* opening a pipe would stop every script */
    lua_pushnil(L);
    lua_pushfstring(L, "%s: not a regular file", path);
    return false;
  }
  lua_pushstring(L, real);
  return true;
}

/* ---- io ---- */

/* io.open and io.lines of Lua, upvalue 1, with the path looked at first. */
static int l_open(lua_State *L) {
  if (!push_allowed(L, luaL_checkstring(L, 1))) return 2;
  lua_replace(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

static int l_lines(lua_State *L) {
  if (!push_allowed(L, luaL_checkstring(L, 1))) return lua_error(L);
  lua_replace(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

static void open_io(lua_State *L, const kl_permissions *allow) {
  bool files = allow->all || (allow->fs && *allow->fs), run = allow->all || allow->run;
  if (!files && !run) return;
  lua_pushcfunction(L, luaopen_io);
  lua_call(L, 0, 1);        /* io */
  lua_createtable(L, 0, 4); /* io own */
  if (files) {
    lua_getfield(L, -2, "open");
    lua_pushcclosure(L, l_open, 1);
    lua_setfield(L, -2, "open");
    lua_getfield(L, -2, "lines");
    lua_pushcclosure(L, l_lines, 1);
    lua_setfield(L, -2, "lines");
  }
  if (run) {
    lua_getfield(L, -2, "popen");
    lua_setfield(L, -2, "popen");
  }
  lua_getfield(L, -2, "type");
  lua_setfield(L, -2, "type");
  lua_setglobal(L, "io"); /* io */
  lua_pop(L, 1);          /* */
  luaL_getmetatable(L, LUA_FILEHANDLE);
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable"); /* scripts cannot reach __gc */
  lua_pop(L, 1);
}

/* ---- os ---- */

static lua_Integer now(lua_State *L) { return kl_wall_us(kl_script_clock(kl_script_of(L))) / 1000000; }

/* os.time of Lua, upvalue 1; without a table the script's clock is asked. */
static int l_time(lua_State *L) {
  if (lua_isnoneornil(L, 1)) {
    lua_pushinteger(L, now(L));
    return 1;
  }
  lua_settop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

/* os.date of Lua, upvalue 1; likewise. */
static int l_date(lua_State *L) {
  luaL_optstring(L, 1, "%c");
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

static int l_getenv(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  const kl_permissions allow = kl_script_permissions(kl_script_of(L));
  if (!allow.all && !listed(allow.env, name))
    return kl_raisef(L, KL_ERR_PERMISSION,
                     "the script may not read the environment variable %.100s: run it with "
                     "--allow-env %.100s",
                     name, name);
  lua_pushstring(L, getenv(name));
  return 1;
}

void kl_files_open(lua_State *L) {
  const kl_permissions allow = kl_script_permissions(kl_script_of(L));
  lua_pushcfunction(L, luaopen_os);
  lua_call(L, 0, 1);        /* os */
  lua_createtable(L, 0, 6); /* os own */
  lua_getfield(L, -2, "time");
  lua_pushcclosure(L, l_time, 1);
  lua_setfield(L, -2, "time");
  lua_getfield(L, -2, "date");
  lua_pushcclosure(L, l_date, 1);
  lua_setfield(L, -2, "date");
  lua_getfield(L, -2, "clock");
  lua_setfield(L, -2, "clock");
  lua_getfield(L, -2, "difftime");
  lua_setfield(L, -2, "difftime");
  if (allow.all || (allow.env && *allow.env)) {
    lua_pushcfunction(L, l_getenv);
    lua_setfield(L, -2, "getenv");
  }
  if (allow.all || allow.run) {
    lua_getfield(L, -2, "execute");
    lua_setfield(L, -2, "execute");
  }
  lua_setglobal(L, "os"); /* os */
  lua_pop(L, 1);          /* */
  open_io(L, &allow);
}
