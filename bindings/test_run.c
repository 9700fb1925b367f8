/* Module `test_runner`, for lua/stdlib/test*.lua only. Where `kalua test` runs the script, `options` is a table with
 * `filter`, `list`, `seed` and `limit`; else it is nil, and of the functions only `places` may be called. */
#include "bindings/test_run.h"

#include <string.h>

#include "bindings/bindings.h"
#include "script/strategy.h"
#include "script/task.h"

static kl_test_run *run_of(lua_State *L) {
  kl_test_run *r = ((kl_environment *)kl_script_data(kl_script_of(L)))->tests;
  if (!r) luaL_error(L, "no tests are run here: `kalua test` does that");
  return r;
}

/* ---- the limit of a test, in real time: the time of scripts may stand still ---- */

/* The first time the test is cancelled; if that does not help, its script is stopped. */
static void limit_reached(uv_timer_t *timer) {
  kl_test_run *r = timer->data;
  kl_task *t = r->task ? kl_task_find(r->script, r->task) : NULL;
  if (!t) return;
  if (!r->over) {
    r->over = true;
    kl_task_cancel(t, "the test took too long");
    uv_timer_start(timer, limit_reached, KL_TEST_PATIENCE_S * 1000, 0);
    return;
  }
  r->stuck = true;
  kl_strategy_stop(kl_script_strategy(r->script), KL_STOP_EXIT, true);
}

void kl_test_run_open(kl_test_run *r, uv_loop_t *loop) {
  uv_timer_init(loop, &r->limit);
  r->limit.data = r;
  r->script = NULL;
  r->task = 0;
  r->open = true;
  r->over = r->stuck = false;
}

void kl_test_run_close(kl_test_run *r) {
  if (r->open) uv_close((uv_handle_t *)&r->limit, NULL);
  r->open = false;
  r->script = NULL;
  r->task = 0;
}

/* ---- functions ---- */

/* began(group, name) */
static int l_began(lua_State *L) {
  kl_test_run *r = run_of(L);
  r->began(r->data, luaL_checkstring(L, 1), luaL_checkstring(L, 2));
  return 0;
}

/* limit(task): it has its time from now on. */
static int l_limit(lua_State *L) {
  kl_test_run *r = run_of(L);
  kl_task *t = kl_task_check(L, 1);
  r->script = kl_script_of(L);
  r->task = kl_task_id(t);
  r->over = false;
  uv_update_time(r->limit.loop); /* compiling may have taken a while */
  uv_timer_start(&r->limit, limit_reached, (uint64_t)(r->limit_s * 1e3), 0);
  return 0;
}

/* over() -> whether the limit was reached; it is lifted. */
static int l_over(lua_State *L) {
  kl_test_run *r = run_of(L);
  uv_timer_stop(&r->limit);
  r->task = 0;
  lua_pushboolean(L, r->over);
  return 1;
}

static const char *field(lua_State *L, const char *name) {
  return lua_getfield(L, 1, name) == LUA_TSTRING ? lua_tostring(L, -1) : NULL; /* the table keeps it */
}

/* ended{outcome, group, name, file, line, message, detail, calls} -> whether more tests are wanted */
static int l_ended(lua_State *L) {
  static const char *const outcomes[] = {"passed", "failed", "pending", "listed", NULL};
  kl_test_run *r = run_of(L);
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_getfield(L, 1, "outcome");
  kl_test_report report = {.outcome = (kl_test_outcome)luaL_checkoption(L, -1, NULL, outcomes),
                           .group = field(L, "group"),
                           .name = field(L, "name"),
                           .file = field(L, "file"),
                           .message = field(L, "message"),
                           .detail = field(L, "detail"),
                           .calls = field(L, "calls")};
  lua_getfield(L, 1, "line");
  report.line = (int)lua_tointeger(L, -1);
  lua_pushboolean(L, r->ended(r->data, &report));
  return 1;
}

static int l_finished(lua_State *L) {
  kl_test_run *r = run_of(L);
  r->finished(r->data);
  return 0;
}

/* places() -> { { file, line }, … }: the calls of the running coroutine that stand in files, the innermost first. */
static int l_places(lua_State *L) {
  enum { LEVELS = 200 };
  lua_Debug ar;
  lua_newtable(L);
  lua_Integer n = 0;
  for (int level = 1; level < LEVELS && lua_getstack(L, level, &ar); level++) {
    if (!lua_getinfo(L, "Sl", &ar) || ar.source[0] != '@' || ar.currentline <= 0) continue;
    lua_createtable(L, 0, 2);
    lua_pushstring(L, ar.source + 1);
    lua_setfield(L, -2, "file");
    lua_pushinteger(L, ar.currentline);
    lua_setfield(L, -2, "line");
    lua_rawseti(L, -2, ++n);
  }
  return 1;
}

int luaopen_kl_test_runner(lua_State *L) {
  static const luaL_Reg functions[] = {{"began", l_began}, {"limit", l_limit},       {"over", l_over},
                                       {"ended", l_ended}, {"finished", l_finished}, {"places", l_places},
                                       {NULL, NULL}};
  luaL_newlib(L, functions);
  const kl_test_run *r = ((kl_environment *)kl_script_data(kl_script_of(L)))->tests;
  if (!r) return 1;
  lua_createtable(L, 0, 4);
  lua_pushstring(L, r->filter);
  lua_setfield(L, -2, "filter");
  lua_pushboolean(L, r->list);
  lua_setfield(L, -2, "list");
  if (r->shuffled) {
    lua_pushinteger(L, r->seed);
    lua_setfield(L, -2, "seed");
  }
  lua_pushnumber(L, r->limit_s);
  lua_setfield(L, -2, "limit");
  lua_setfield(L, -2, "options");
  return 1;
}
