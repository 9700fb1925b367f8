/* Conditions of breakpoints. One is compiled once in each version, and runs in a coroutine of its own from within the
 * hook: its globals are what its names mean in the frame that is about to go on. It cannot wait, cannot assign, calls
 * only what changes nothing (script/guard.h), and is ended when it computes for long. */
#include <stdlib.h>
#include <string.h>

#include "script/debug_impl.h"
#include "script/frames.h"
#include "script/guard.h"

enum { INSTRUCTIONS = 200000 };

static const char conditions_key = 0; /* a table: [1] the coroutine, [2] the environment, id to compiled function */
enum { COROUTINE = 1, ENVIRONMENT = 2, FIRST_ID = 2 /* ids lie behind these */ };

bool kl_condition_check(const char *condition, kl_error *e) {
  lua_State *L = luaL_newstate();
  kl_buf text = {0};
  kl_buf_str(&text, "return ");
  kl_buf_str(&text, condition);
  bool ok = L && !text.failed;
  if (!ok) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for a condition");
  } else if (luaL_loadbufferx(L, text.data, text.len, "=condition", "t") != LUA_OK) {
    ok = false;
    const char *why = lua_tostring(L, -1), *place = why ? strstr(why, "condition:1: ") : NULL;
    kl_error_coded(e, KL_ERR_VALIDATION, "breakpoint_wrong", "the condition \"%s\" is no expression of Lua: %s",
                   condition, place ? place + strlen("condition:1: ") : why);
  }
  kl_buf_free(&text);
  if (L) lua_close(L);
  return ok;
}

/* ---- names ---- */

/* __index of the environment: (environment, name). */
static int look_up(lua_State *L) {
  kl_debugger *d = kl_debugger_of(kl_script_of(L));
  if (lua_type(L, 2) != LUA_TSTRING || !d || !d->frame) return 0;
  luaL_checkstack(L, 5, NULL);
  const char *name = lua_tostring(L, 2);
  if (kl_frame_get(L, d->frame, d->frame_ar, name)) return 1;
  if (!kl_frame_get(L, d->frame, d->frame_ar, "_ENV")) lua_pushglobaltable(L);
  lua_pushvalue(L, 2);
  lua_gettable(L, -2);
  return 1;
}

static int no_assignment(lua_State *L) { return luaL_error(L, "a condition cannot change anything"); }

/* ---- running ---- */

static void hook(lua_State *L, lua_Debug *ar) {
  if (ar->event != LUA_HOOKCOUNT) {
    kl_guard_call(L, ar);
    return;
  }
  lua_sethook(L, hook, LUA_MASKCALL | LUA_MASKCOUNT, 1); /* out of the reach of its pcalls */
  luaL_error(L, "it computes for too long");
}

/* Pushes the table of this version. */
static void push_conditions(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &conditions_key) == LUA_TTABLE) return;
  lua_pop(L, 1);
  lua_newtable(L); /* conditions */
  lua_newthread(L);
  lua_rawseti(L, -2, COROUTINE);
  lua_newtable(L);          /* conditions env */
  lua_createtable(L, 0, 3); /* conditions env mt */
  lua_pushcfunction(L, look_up);
  kl_guard_allow(L, -1);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, no_assignment);
  kl_guard_allow(L, -1);
  lua_setfield(L, -2, "__newindex");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);
  lua_rawseti(L, -2, ENVIRONMENT);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &conditions_key);
}

/* Pushes the compiled condition; the table is at the top. */
static void push_compiled(lua_State *L, const kl_break *b) {
  int conditions = lua_gettop(L);
  if (lua_rawgeti(L, conditions, FIRST_ID + b->id) == LUA_TFUNCTION) return;
  lua_pop(L, 1);
  lua_pushfstring(L, "return %s", b->condition);
  size_t n;
  const char *text = lua_tolstring(L, -1, &n);
  if (luaL_loadbufferx(L, text, n, "=condition", "t") != LUA_OK) lua_error(L);
  lua_rawgeti(L, conditions, ENVIRONMENT);
  lua_setupvalue(L, -2, 1);
  kl_guard_allow(L, -1);
  lua_remove(L, -2);
  lua_pushvalue(L, -1);
  lua_rawseti(L, conditions, FIRST_ID + b->id);
}

typedef struct run {
  const kl_break *b;
  bool truth, failed;
  char *error; /* owned */
} run;

/* Protected: (run, error value). */
static int note_error(lua_State *L) {
  run *r = lua_touserdata(L, 1);
  static const char advice[] = ": :arm first"; /* of the guard; that would not help */
  kl_describe(L, 2, false);
  size_t n;
  const char *text = lua_tolstring(L, -1, &n), *end = text + n - (sizeof advice - 1);
  if (n >= sizeof advice && !strcmp(end, advice)) n = (size_t)(end - text);
  r->error = strndup(text, n);
  return 0;
}

/* Protected: (run). */
static int evaluate(lua_State *L) {
  run *r = lua_touserdata(L, 1);
  luaL_checkstack(L, 8, NULL);
  push_conditions(L);
  lua_rawgeti(L, -1, COROUTINE);
  lua_State *co = lua_tothread(L, -1);
  lua_pop(L, 1);
  push_compiled(L, r->b); /* run conditions fn */
  lua_settop(co, 0);
  lua_xmove(L, co, 1);
  lua_sethook(co, hook, LUA_MASKCALL | LUA_MASKCOUNT, INSTRUCTIONS);
  int status = lua_pcall(co, 0, 1, 0);
  lua_sethook(co, NULL, 0, 0);
  r->truth = status == LUA_OK && lua_toboolean(co, -1);
  r->failed = status != LUA_OK;
  if (r->failed) {
    lua_pushcfunction(L, note_error);
    lua_pushlightuserdata(L, r);
    lua_xmove(co, L, 1);
    lua_call(L, 2, 0);
  }
  lua_settop(co, 0);
  return 0;
}

kl_condition_result kl_condition_evaluate(kl_debugger *d, const kl_break *b, lua_State *L, lua_Debug *ar,
                                          char **error) {
  kl_script *s = kl_script_of(L);
  run r = {.b = b};
  kl_task *t = s->current;
  bool no_wait = s->no_wait, guarded = t->guarded;
  size_t cap = s->cap, most = kl_guard_cap(s);
  s->no_wait = true;
  t->guarded = true; /* for what asks, as calls that only change something with some arguments */
  if (most < cap) s->cap = most;
  d->frame = L;
  d->frame_ar = ar;
  int top = lua_gettop(L);
  lua_pushcfunction(L, evaluate);
  lua_pushlightuserdata(L, &r);
  int status = lua_pcall(L, 1, 0, 0);
  if (status != LUA_OK && !r.error && lua_type(L, -1) == LUA_TSTRING) r.error = strdup(lua_tostring(L, -1));
  lua_settop(L, top);
  d->frame = NULL;
  s->no_wait = no_wait;
  s->cap = cap;
  t->guarded = guarded;
  *error = r.error;
  if (status != LUA_OK || r.failed) return KL_CONDITION_FAILED;
  return r.truth ? KL_CONDITION_TRUE : KL_CONDITION_FALSE;
}
