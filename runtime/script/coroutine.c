/* The table `coroutine` of scripts. A call that waits inside a coroutine suspends the whole task: its yield carries our
 * mark, and whoever resumed the coroutine passes it outward. So `for x in coroutine.wrap(...)` may wait inside. */
#include <lualib.h>

#include "script/internal.h"

/* Outcomes of drive beside a count of values. */
enum { RAISED = -1, WAITS = -2 };

static lua_State *check_coroutine(lua_State *L) {
  lua_State *co = lua_tothread(L, 1);
  luaL_argexpected(L, co, 1, "coroutine");
  return co;
}

/* Before co, which waited, is resumed: takes our mark off it. */
static void unmark(lua_State *L, lua_State *co) {
  if (!kl_task_unmark(kl_script_of(L)->current, co)) lua_pop(co, 1);
}

/* Resumes co with the nargs values on its top. The count of values it gave, now on top of L; RAISED with the error
 * there; or WAITS, the mark being left on co. */
static int drive(lua_State *L, lua_State *co, int nargs) {
  kl_script *s = kl_script_of(L);
  bool no_wait = s->no_wait;
  int n = 0;
  s->no_wait = no_wait || !lua_isyieldable(L); /* what waits inside could not be passed outward from here */
  s->nest++;
  kl_watch_switch(s, co);
  int status = lua_resume(co, L, nargs, &n);
  kl_watch_switch(s, L);
  s->nest--;
  s->no_wait = no_wait;
  if (status == LUA_YIELD && s->current && s->current->unmarked)
    return WAITS; /* by a debugger, in co or inside of it */
  bool broken = s->current && s->current->broken;
  if (status != LUA_OK && status != LUA_YIELD) {
    lua_xmove(co, L, 1);
    /* What was broken by an error has its hooks off for good: closing it could hang. The mark refuses that. */
    if (broken) lua_pushlightuserdata(co, (void *)(uintptr_t)&kl_await_mark);
    return RAISED;
  }
  if (status == LUA_YIELD && broken) {
    lua_pop(co, n);
    lua_pushlightuserdata(co, (void *)(uintptr_t)&kl_await_mark);
    if (!lua_isyieldable(L)) kl_watch_check(L); /* raises */
    return WAITS;
  }
  if (status == LUA_YIELD && n == 1 && kl_is_marked(co)) return WAITS;
  if (!lua_checkstack(L, n + 1)) {
    lua_pop(co, n);
    lua_pushliteral(L, "too many results to resume");
    return RAISED;
  }
  lua_xmove(co, L, n);
  return n;
}

/* Moves the arguments, which are on top of L, to co; false with an error on top of L. */
static bool hand_over(lua_State *L, lua_State *co, int nargs) {
  if (kl_is_marked(co)) {
    lua_pushliteral(L, "cannot resume a coroutine that waits, or the thread of a task");
  } else if (lua_status(co) == LUA_OK && lua_gettop(co) == 0) {
    lua_pushliteral(L, "cannot resume dead coroutine");
  } else if (!lua_checkstack(co, nargs)) {
    lua_pushliteral(L, "too many arguments to resume");
  } else {
    lua_xmove(L, co, nargs);
    return true;
  }
  return false;
}

static int wait_outside(lua_State *L, lua_KFunction k) {
  lua_pushlightuserdata(L, (void *)(uintptr_t)&kl_await_mark);
  return lua_yieldk(L, 1, 0, k);
}

/* ---- resume ---- */

static int resume_k(lua_State *L, int status, lua_KContext ctx);

static int resume_end(lua_State *L, int n) {
  if (n == WAITS) return wait_outside(L, resume_k);
  bool ok = n != RAISED;
  int count = ok ? n : 1;
  lua_pushboolean(L, ok);
  lua_insert(L, -(count + 1));
  return count + 1;
}

static int resume_k(lua_State *L, int status, lua_KContext ctx) {
  lua_State *co = lua_tothread(L, 1);
  (void)status;
  (void)ctx;
  unmark(L, co);
  return resume_end(L, drive(L, co, 0));
}

static int l_resume(lua_State *L) {
  lua_State *co = check_coroutine(L);
  int nargs = lua_gettop(L) - 1;
  return resume_end(L, hand_over(L, co, nargs) ? drive(L, co, nargs) : RAISED);
}

/* ---- wrap ---- */

static int wrap_k(lua_State *L, int status, lua_KContext ctx);

/* The error is on top of L: closes the coroutine, adds the caller's place to a text, keeps the traceback. */
static int wrap_raise(lua_State *L, lua_State *co) {
  int status = lua_status(co);
  if (status != LUA_OK && status != LUA_YIELD && !kl_is_marked(co)) {
    kl_script *s = kl_script_of(L);
    if (kl_is_cancelled_error(L, -1)) {
      lua_pushnil(L); /* err nil */
    } else {
      luaL_traceback(L, co, NULL, 0); /* err trace */
      kl_task_join_trace(L);
    }
    lua_insert(L, -2);   /* trace err */
    lua_xmove(L, co, 1); /* trace; a closing variable may replace the error */
    kl_watch_switch(s, co);
    lua_resetthread(co);
    kl_watch_switch(s, L);
    lua_xmove(co, L, 1); /* trace err */
  } else {
    lua_pushnil(L);
    lua_insert(L, -2);
  }
  if (status != LUA_ERRMEM && lua_type(L, -1) == LUA_TSTRING) {
    luaL_where(L, 1);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  lua_pushvalue(L, -2); /* trace err trace */
  kl_task_note_trace(L);
  return lua_error(L);
}

static int wrap_end(lua_State *L, lua_State *co, int n) {
  if (n == WAITS) return wait_outside(L, wrap_k);
  return n == RAISED ? wrap_raise(L, co) : n;
}

static int wrap_k(lua_State *L, int status, lua_KContext ctx) {
  lua_State *co = lua_tothread(L, lua_upvalueindex(1));
  (void)status;
  (void)ctx;
  unmark(L, co);
  return wrap_end(L, co, drive(L, co, 0));
}

static int wrapped(lua_State *L) {
  lua_State *co = lua_tothread(L, lua_upvalueindex(1));
  int nargs = lua_gettop(L);
  return wrap_end(L, co, hand_over(L, co, nargs) ? drive(L, co, nargs) : RAISED);
}

static void new_coroutine(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_State *co = lua_newthread(L);
  lua_pushvalue(L, 1);
  lua_xmove(L, co, 1);
}

static int l_create(lua_State *L) {
  new_coroutine(L);
  return 1;
}

static int l_wrap(lua_State *L) {
  new_coroutine(L);
  lua_pushcclosure(L, wrapped, 1);
  return 1;
}

/* ---- the rest ---- */

lua_State *kl_coroutine_inner(lua_State *co) {
  lua_Debug ar;
  lua_State *inner = NULL;
  if (!lua_getstack(co, 0, &ar) || !lua_checkstack(co, 2)) return NULL;
  lua_getinfo(co, "f", &ar); /* … fn */
  lua_CFunction fn = lua_tocfunction(co, -1);
  bool there = (fn == wrapped && lua_getupvalue(co, -1, 1)) || (fn == l_resume && lua_getlocal(co, &ar, 1));
  if (there) inner = lua_tothread(co, -1);
  lua_pop(co, there ? 2 : 1);
  return inner;
}

/* In the task itself, not in a coroutine of it, a yield lets the other tasks run. */
static int l_yield(lua_State *L) {
  const kl_task *t = kl_task_current(L);
  if (t && t->co == L) return kl_yield(L);
  return lua_yield(L, lua_gettop(L));
}

static const char *status_of(lua_State *L, lua_State *co) {
  lua_Debug ar;
  if (co == L) return "running";
  if (kl_is_marked(co)) return lua_status(co) == LUA_YIELD ? "suspended" : "dead";
  if (lua_status(co) == LUA_YIELD) return "suspended";
  if (lua_status(co) != LUA_OK) return "dead";
  if (lua_getstack(co, 0, &ar)) return "normal";
  return lua_gettop(co) == 0 ? "dead" : "suspended"; /* the latter is not started yet */
}

static int l_status(lua_State *L) {
  lua_pushstring(L, status_of(L, check_coroutine(L)));
  return 1;
}

static int l_close(lua_State *L) {
  lua_State *co = check_coroutine(L);
  lua_Debug ar;
  if (kl_is_marked(co))
    return luaL_error(L, "cannot close a coroutine that waits, or was broken, or is the thread of a task");
  if (co == L || (lua_status(co) == LUA_OK && lua_getstack(co, 0, &ar)))
    return luaL_error(L, "cannot close a %s coroutine", co == L ? "running" : "normal");
  kl_script *s = kl_script_of(L);
  kl_watch_switch(s, co);
  int status = lua_resetthread(co);
  kl_watch_switch(s, L);
  lua_pushboolean(L, status == LUA_OK);
  if (status == LUA_OK) return 1;
  lua_xmove(co, L, 1);
  return 2;
}

void kl_coroutines_open(lua_State *L) {
  static const luaL_Reg own[] = {{"create", l_create}, {"wrap", l_wrap},   {"resume", l_resume}, {"yield", l_yield},
                                 {"status", l_status}, {"close", l_close}, {NULL, NULL}};
  lua_pushcfunction(L, luaopen_coroutine);
  lua_call(L, 0, 1);
  luaL_setfuncs(L, own, 0); /* running and isyieldable are those of Lua */
}
