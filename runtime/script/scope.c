#include "script/scope.h"

#include <inttypes.h>
#include <string.h>

#include "script/frames.h"
#include "script/guard.h"
#include "script/internal.h"
#include "script/look.h"
#include "script/words.h"

struct kl_scope {
  kl_task *task;        /* whose frame was selected, anchored by its object; NULL: none */
  int outer;            /* how many frames are around it: those inside of it come and go */
  const void *function; /* it is taken to be the same frame while this runs there; anchored */
};

/* User values of the scope's userdata, which is upvalue 1 of its functions. */
enum { VARIABLES = 1, MODULES, TASK, FUNCTION, USER_VALUES = FUNCTION };

/* Stands for nil in the table of variables: declared, without a value. */
static const char nil_mark = 0;

/* What is there without `require`. */
static const char *const modules[] = {"kalshi", "task",  "kalua",  "json", "http",  "ws",         "log",
                                      "bus",    "store", "sizing", "odds", "stats", "calibration"};

bool kl_scope_has_module(const char *name) {
  for (size_t i = 0; i < sizeof modules / sizeof modules[0]; i++)
    if (strcmp(modules[i], name) == 0) return true;
  return false;
}

/* Pushes the value of the variable; false, and nothing pushed, where it was not declared. */
static bool push_variable(lua_State *L, int scope, const char *name) {
  lua_getiuservalue(L, scope, VARIABLES);
  lua_pushstring(L, name);
  bool known = lua_rawget(L, -2) != LUA_TNIL;
  lua_remove(L, -2);
  if (known && lua_touserdata(L, -1) == (const void *)&nil_mark) {
    lua_pop(L, 1);
    lua_pushnil(L);
  } else if (!known) {
    lua_pop(L, 1);
  }
  return known;
}

/* The value at the top, popped. */
static void set_variable(lua_State *L, int scope, const char *name) { /* value */
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_pushlightuserdata(L, (void *)(uintptr_t)&nil_mark);
  }
  lua_getiuservalue(L, scope, VARIABLES); /* value variables */
  lua_pushstring(L, name);                /* value variables name */
  lua_rotate(L, -3, -1);                  /* variables name value */
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

static bool push_module(lua_State *L, int scope, const char *name) {
  lua_getiuservalue(L, scope, MODULES);
  lua_pushstring(L, name);
  bool known = lua_rawget(L, -2) != LUA_TNIL;
  lua_remove(L, -2);
  if (!known) lua_pop(L, 1);
  return known;
}

/* The same for a global that is in the table itself. */
static bool push_global(lua_State *L, const char *name) {
  lua_pushglobaltable(L);
  lua_pushstring(L, name);
  bool known = lua_rawget(L, -2) != LUA_TNIL;
  lua_remove(L, -2);
  if (!known) lua_pop(L, 1);
  return known;
}

static bool find_frame(const kl_scope *s, kl_frame *f) {
  if (!s->task || kl_task_ended(s->task) || kl_task_get_status(s->task) == KL_TASK_RUNNING) return false;
  int level = kl_task_frames(s->task) - 1 - s->outer;
  return level >= 0 && kl_task_frame(s->task, level, f) && kl_frame_function(f->co, &f->ar) == s->function;
}

static bool push_of_frame(lua_State *L, int scope, const char *name) {
  kl_frame f;
  return find_frame(lua_touserdata(L, scope), &f) && kl_frame_get(L, f.co, &f.ar, name);
}

/* All but what a metatable of the globals adds. `_` is the prompt's: in frames it is a name for what is not used. */
static bool push_known(lua_State *L, int scope, const char *name) {
  luaL_checkstack(L, 6, NULL);
  return (strcmp(name, "_") != 0 && push_of_frame(L, scope, name)) || push_variable(L, scope, name) ||
         push_global(L, name) || push_module(L, scope, name);
}

static int l_index(lua_State *L) {
  if (lua_type(L, 2) == LUA_TSTRING && push_known(L, lua_upvalueindex(1), lua_tostring(L, 2))) return 1;
  lua_pushglobaltable(L);
  lua_pushvalue(L, 2);
  lua_gettable(L, -2);
  return 1;
}

static int l_newindex(lua_State *L) {
  int scope = lua_upvalueindex(1);
  if (lua_type(L, 2) == LUA_TSTRING) {
    const char *name = lua_tostring(L, 2);
    kl_frame f;
    lua_pushvalue(L, 3);
    if (strcmp(name, "_") != 0 && find_frame(lua_touserdata(L, scope), &f) && kl_frame_set(L, f.co, &f.ar, name))
      return 0;
    if (push_variable(L, scope, name)) {
      lua_settop(L, 3);
      set_variable(L, scope, name);
      return 0;
    }
  }
  lua_settop(L, 3);
  lua_pushglobaltable(L);
  lua_insert(L, 2); /* env globals key value */
  lua_settable(L, 2);
  return 0;
}

/* Those of the main chunk of an input: a later one of the same name hides an earlier one, as it does there. */
static int l_take(lua_State *L) {
  lua_Debug ar;
  const char *name;
  if (!lua_getstack(L, 1, &ar)) return 0;
  for (int i = 1; (name = lua_getlocal(L, &ar, i)); i++) {
    if (*name == '(' || strcmp(name, "_ENV") == 0)
      lua_pop(L, 1);
    else
      set_variable(L, lua_upvalueindex(1), name);
  }
  return 0;
}

static void set_function(lua_State *L, int scope, lua_CFunction fn, const char *name) {
  lua_pushvalue(L, scope);
  lua_pushcclosure(L, fn, 1);
  lua_setfield(L, -2, name);
}

void kl_scope_new(lua_State *L, kl_scope **out) {
  luaL_checkstack(L, 6, NULL);
  kl_scope *s = lua_newuserdatauv(L, sizeof *s, USER_VALUES); /* scope */
  *s = (kl_scope){0};
  int scope = lua_gettop(L);
  for (int i = VARIABLES; i <= MODULES; i++) {
    lua_newtable(L);
    lua_setiuservalue(L, scope, i);
  }
  lua_newtable(L);          /* scope env */
  lua_createtable(L, 0, 4); /* scope env mt */
  set_function(L, scope, l_index, "__index");
  set_function(L, scope, l_newindex, "__newindex");
  kl_guard_allow_fields(L, -1, "__index");
  lua_pushvalue(L, scope);
  lua_setfield(L, -2, "scope");
  lua_pushliteral(L, "the environment of an input");
  lua_setfield(L, -2, "__metatable"); /* an input may not replace it */
  lua_setmetatable(L, -2);
  lua_replace(L, scope); /* env */
  *out = s;
}

/* Pushes the scope's userdata. */
static void push_scope(lua_State *L, int env) {
  lua_getmetatable(L, env);
  lua_getfield(L, -1, "scope");
  lua_remove(L, -2);
}

/* A module of the program by its name, in C or embedded: loads it, where a host has it. False where there is none. */
static bool load_module(lua_State *L, int scope, const char *name) {
  const luaL_Reg *m = kl_script_of(L)->host->o.modules;
  while (m && m->name && strcmp(m->name, name) != 0)
    m++;
  if ((!m || !m->name) && !kl_embedded_find(name)) return false;
  kl_require_module(L, name);           /* module */
  lua_getiuservalue(L, scope, MODULES); /* module modules */
  lua_pushvalue(L, -2);
  lua_setfield(L, -2, name);
  lua_pop(L, 1); /* module */
  return true;
}

void kl_scope_load_modules(lua_State *L, int env, const char *source, size_t n) {
  luaL_checkstack(L, 6, NULL);
  push_scope(L, lua_absindex(L, env)); /* scope */
  int scope = lua_gettop(L);
  for (size_t i = 0; i < sizeof modules / sizeof modules[0]; i++) {
    if (!kl_words_has(source, n, modules[i]) || push_module(L, scope, modules[i])) continue;
    load_module(L, scope, modules[i]);
  }
  lua_settop(L, scope - 1);
}

void kl_scope_declare(lua_State *L, int env, const char *name) { /* value */
  luaL_checkstack(L, 6, NULL);
  push_scope(L, lua_absindex(L, env)); /* value scope */
  lua_insert(L, -2);                   /* scope value */
  set_variable(L, lua_gettop(L) - 1, name);
  lua_pop(L, 1);
}

void kl_scope_push_take(lua_State *L, int env) {
  luaL_checkstack(L, 4, NULL);
  push_scope(L, lua_absindex(L, env));
  lua_pushcclosure(L, l_take, 1);
}

kl_task *kl_scope_selected(const kl_scope *s, int *level) {
  kl_frame f;
  if (!find_frame(s, &f)) return NULL;
  *level = f.level;
  return s->task;
}

void kl_scope_forget(kl_scope *s) { s->task = NULL; }

static void deselect(lua_State *L, int scope) {
  kl_scope *s = lua_touserdata(L, scope);
  s->task = NULL;
  lua_pushnil(L);
  lua_setiuservalue(L, scope, TASK);
  lua_pushnil(L);
  lua_setiuservalue(L, scope, FUNCTION);
}

bool kl_scope_select(lua_State *L, int env, kl_task *t, int level, kl_error *e) {
  kl_frame f;
  luaL_checkstack(L, 6, NULL);
  push_scope(L, lua_absindex(L, env)); /* scope */
  int scope = lua_gettop(L);
  kl_scope *s = lua_touserdata(L, scope);
  if (t && level == KL_FRAME_USUAL) level = kl_task_usual_frame(t);
  bool ok = !t || (!kl_task_ended(t) && kl_task_frame(t, level, &f));
  if (!t)
    deselect(L, scope);
  else if (!ok)
    kl_task_no_frame(t, level, e);
  else {
    kl_frame_push_function(L, f.co, &f.ar); /* may raise: then what was selected stays */
    s->function = lua_topointer(L, -1);
    lua_setiuservalue(L, scope, FUNCTION);
    lua_rawgeti(L, LUA_REGISTRYINDEX, t->ref);
    lua_setiuservalue(L, scope, TASK);
    s->task = t;
    s->outer = kl_task_frames(t) - 1 - level;
  }
  lua_pop(L, 1);
  return ok;
}

void kl_scope_check_frame(lua_State *L, int env) {
  kl_frame f;
  luaL_checkstack(L, 6, NULL);
  push_scope(L, lua_absindex(L, env)); /* scope */
  int scope = lua_gettop(L);
  const kl_scope *s = lua_touserdata(L, scope);
  const kl_task *t = s->task;
  if (t && !find_frame(s, &f)) {
    bool ended = kl_task_ended(t);
    uint64_t id = kl_task_id(t);
    deselect(L, scope);
    kl_raise_coded(L, KL_ERR_CLOSED, "no_such_task",
                   "the frame that was selected is gone, task %" PRIu64
                   " has %s: names mean what they mean to the script again",
                   id, ended ? "ended" : "gone on");
  }
  lua_pop(L, 1);
}

bool kl_scope_lookup(lua_State *L, int env, const char *name) {
  luaL_checkstack(L, 4, NULL);
  push_scope(L, lua_absindex(L, env)); /* scope */
  int scope = lua_gettop(L);
  bool known = push_known(L, scope, name);
  for (size_t i = 0; !known && i < sizeof modules / sizeof modules[0]; i++)
    known = strcmp(modules[i], name) == 0 && load_module(L, scope, name);
  lua_remove(L, known ? -2 : -1);
  return known;
}

/* The variables that are in the table: declared ones without a value are nil. */
static void each_variable(lua_State *L, int scope, void (*fn)(void *, lua_State *, const char *), void *data) {
  lua_getiuservalue(L, scope, VARIABLES);
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) { /* … variables name value */
    if (lua_touserdata(L, -1) == (const void *)&nil_mark) {
      lua_pop(L, 1);
      lua_pushnil(L);
    }
    fn(data, L, lua_tostring(L, -2));
  }
  lua_pop(L, 1);
}

void kl_scope_each(lua_State *L, int env, void (*fn)(void *data, lua_State *L, const char *name), void *data) {
  luaL_checkstack(L, 8, NULL);
  push_scope(L, lua_absindex(L, env)); /* scope */
  int scope = lua_gettop(L);
  each_variable(L, scope, fn, data);
  for (size_t i = 0; i < sizeof modules / sizeof modules[0]; i++) {
    if (!push_module(L, scope, modules[i])) lua_pushnil(L);
    fn(data, L, modules[i]);
    lua_pop(L, 1);
  }
  lua_settop(L, scope - 1);
}
