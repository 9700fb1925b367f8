#include "script/guard.h"

#include <stdio.h>
#include <string.h>

#include "script/hooks.h"
#include "script/internal.h"

enum { NAME_SIZE = 80, MEMORY = 32 << 20 };

enum { EXPECTED = 128 };

static const char allowed_key = 0; /* a table: function to true; weak, so that it keeps no chunk of an input alive */

static void push_allowed(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &allowed_key) == LUA_TTABLE) return;
  lua_pop(L, 1);
  lua_createtable(L, 0, EXPECTED); /* allowed */
  lua_createtable(L, 0, 1);        /* allowed mt */
  lua_pushliteral(L, "k");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &allowed_key);
}

/* What stands for a function in that table: a C function stands for all of its closures. */
static void push_key(lua_State *L, int idx) {
  lua_CFunction c = lua_tocfunction(L, idx);
  if (c)
    lua_pushcfunction(L, c);
  else
    lua_pushvalue(L, idx);
}

void kl_guard_allow(lua_State *L, int idx) {
  idx = lua_absindex(L, idx);
  luaL_checkstack(L, 5, NULL);
  push_allowed(L);
  push_key(L, idx);
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
  t->script->cap = on ? kl_guard_cap(t->script) : t->script->o.memory_cap;
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

static int refuse(lua_State *L, const char *call) {
  return kl_raise_coded(L, KL_ERR_PERMISSION, "arm_first", "%s may change what the script does: :arm first", call);
}

void kl_guard_refuse(lua_State *L, const char *call) {
  const kl_task *t = kl_task_current(L);
  if (t && t->guarded) refuse(L, call);
}

void kl_guard_call(lua_State *L, lua_Debug *ar) {
  luaL_checkstack(L, 4, NULL);
  lua_getinfo(L, "f", ar); /* fn */
  push_allowed(L);         /* fn allowed */
  push_key(L, -2);         /* fn allowed key */
  bool allowed = lua_rawget(L, -2) == LUA_TBOOLEAN;
  lua_pop(L, 3);
  if (allowed) return;
  char name[NAME_SIZE];
  lua_getinfo(L, "nS", ar);
  name_of(ar, name, sizeof name);
  refuse(L, name);
}

size_t kl_guard_cap(const kl_script *s) {
  return s->cap > s->used && s->cap - s->used > MEMORY ? s->used + MEMORY : s->cap;
}

/* A text that outgrows the C stack is in a box of the auxiliary library's, which is closed by a call. */
static void allow_boxes(lua_State *L) {
  luaL_Buffer b;
  luaL_buffinitsize(L, &b, LUAL_BUFFERSIZE + 1); /* makes their metatable */
  luaL_pushresultsize(&b, 0);
  if (luaL_getmetatable(L, "_UBOX*") == LUA_TTABLE) kl_guard_allow_fields(L, -1, "__close");
  lua_pop(L, 2);
}

/* What is not here: what changes a table (rawset, setmetatable, table.insert, os.time of a table), runs or makes other
 * code (load, coroutine.wrap), goes on from where it was (math.random), or reaches outside (io, os). */
void kl_guard_open(lua_State *L) {
  static const struct {
    const char *library, *names;
  } harmless[] = {
      {LUA_GNAME,
       "assert collectgarbage error getmetatable ipairs next pairs pcall print rawequal rawget rawlen select "
       "tonumber tostring type"},
      {"string", "byte char find format gmatch gsub len lower match pack packsize rep reverse sub unpack upper"},
      {"table", "concat pack unpack"},
      {"math", "abs acos asin atan ceil cos deg exp floor fmod log max min modf rad sin sqrt tan tointeger type ult"},
      {"utf8", "char codepoint codes len offset"},
      {"os", "clock date difftime time"},
      {"coroutine", "isyieldable running status"},
      {"debug", "traceback"},
  };
  int top = lua_gettop(L);
  for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++) {
    lua_getglobal(L, harmless[i].library);
    kl_guard_allow_fields(L, -1, harmless[i].names);
    lua_settop(L, top);
  }
  allow_boxes(L);
  lua_pushliteral(L, ""); /* its arithmetic: "10" + 1 */
  lua_getmetatable(L, -1);
  kl_guard_allow_fields(L, -1, "__add __sub __mul __mod __pow __div __idiv __unm");
  lua_settop(L, top);
}
