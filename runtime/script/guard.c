#include "script/guard.h"

#include <stdio.h>
#include <string.h>

#include "script/hooks.h"
#include "script/internal.h"

enum { NAME_SIZE = 80 };

static const char allowed_key = 0; /* a table: function to true; weak, so that it keeps no closure alive */

static void push_allowed(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &allowed_key) == LUA_TTABLE) return;
  lua_pop(L, 1);
  lua_newtable(L);          /* allowed */
  lua_createtable(L, 0, 1); /* allowed mt */
  lua_pushliteral(L, "k");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &allowed_key);
}

void kl_guard_allow(lua_State *L, int idx) {
  idx = lua_absindex(L, idx);
  luaL_checkstack(L, 5, NULL);
  push_allowed(L);
  lua_pushvalue(L, idx);
  lua_pushboolean(L, 1);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

void kl_guard_allow_fields(lua_State *L, int idx, const char *names) {
  idx = lua_absindex(L, idx);
  luaL_checkstack(L, 6, NULL);
  while (*names) {
    size_t n = strcspn(names, " ");
    lua_pushlstring(L, names, n);
    if (lua_rawget(L, idx) == LUA_TFUNCTION) kl_guard_allow(L, -1);
    lua_pop(L, 1);
    names += n;
    names += strspn(names, " ");
  }
}

void kl_guard_set(lua_State *L, bool on) {
  kl_task *t = kl_task_current(L);
  t->guarded = on;
  kl_hooks_set(L, t);
}

/* How the call reads in the source, as far as Lua knows. */
static void name_of(const lua_Debug *ar, char *out, size_t size) {
  if (strcmp(ar->namewhat, "metamethod") == 0)
    snprintf(out, size, "the metamethod __%s", ar->name);
  else if (ar->name)
    snprintf(out, size, "%s", ar->name);
  else if (ar->what[0] == 'C')
    snprintf(out, size, "a function");
  else
    snprintf(out, size, "the function at %s:%d", ar->short_src, ar->linedefined);
}

void kl_guard_call(lua_State *L, lua_Debug *ar) {
  luaL_checkstack(L, 4, NULL);
  lua_getinfo(L, "f", ar); /* fn */
  push_allowed(L);         /* fn allowed */
  lua_insert(L, -2);       /* allowed fn */
  bool allowed = lua_rawget(L, -2) == LUA_TBOOLEAN;
  lua_pop(L, 2);
  if (allowed) return;
  char name[NAME_SIZE];
  lua_getinfo(L, "nS", ar);
  name_of(ar, name, sizeof name);
  kl_raisef(L, KL_ERR_PERMISSION, "this may change what the script does: :arm first (%s)", name);
}
