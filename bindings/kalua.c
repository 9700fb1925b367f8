/* Module `kalua`: what a script knows of the process it runs in. */
#include <stdio.h>
#include <string.h>

#include "bindings/bindings.h"
#include "bindings/check.h"
#include "bindings/expect.h"
#include "bindings/sessions.h"
#include "script/guard.h"
#include "script/script.h"

static kl_environment *environment(lua_State *L) { return kl_script_data(kl_script_of(L)); }

static int l_on_stop(lua_State *L) {
  kl_check_type(L, 1, LUA_TFUNCTION, "kalua.on_stop");
  lua_settop(L, 1);
  kl_script_on_stop(L);
  return 0;
}

static int l_on_error(lua_State *L) {
  kl_check_type(L, 1, LUA_TFUNCTION, "kalua.on_error");
  lua_settop(L, 1);
  kl_script_on_error(L);
  return 0;
}

static int l_on_probation(lua_State *L) {
  kl_check_type(L, 1, LUA_TFUNCTION, "kalua.on_probation");
  lua_settop(L, 1);
  kl_script_on_probation(L);
  return 0;
}

/* kalua.migrate(from, fn) */
static int l_migrate(lua_State *L) {
  int whole = 0;
  lua_Integer from = lua_type(L, 1) == LUA_TNUMBER ? lua_tointegerx(L, 1, &whole) : 0;
  if (!whole || from < 1 || from > 1000000)
    return kl_bad_argument(L, 1, "kalua.migrate", "the number of a schema, 1 or more");
  kl_check_type(L, 2, LUA_TFUNCTION, "kalua.migrate");
  return kl_script_migrate_lua(L);
}

static int l_now(lua_State *L) {
  lua_pushnumber(L, (lua_Number)kl_wall_us(kl_script_clock(kl_script_of(L))) / 1e6);
  return 1;
}

static void set_count(lua_State *L, const char *name, uint64_t n) {
  lua_pushinteger(L, (lua_Integer)n);
  lua_setfield(L, -2, name);
}

/* {tasks, resumes, errors, memory, memory_peak}; memory in bytes, errors of tasks that nobody awaited. */
static int l_stats(lua_State *L) {
  kl_script_stats stats;
  kl_script_stats_get(kl_script_of(L), &stats);
  lua_createtable(L, 0, 5);
  set_count(L, "tasks", stats.tasks);
  set_count(L, "resumes", stats.resumes);
  set_count(L, "errors", stats.errors);
  set_count(L, "memory", stats.memory);
  set_count(L, "memory_peak", stats.memory_peak);
  return 1;
}

static const char *known_metric(lua_State *L, const char *name) {
  size_t n = 0;
  for (; kl_expectation_metrics[n]; n++) {
    if (!strcmp(kl_expectation_metrics[n], name)) return kl_expectation_metrics[n];
  }
  const char *near = kl_nearest(name, kl_expectation_metrics, n);
  kl_raise_coded(L, KL_ERR_VALIDATION, "unknown_metric",
                 "expect: unknown metric \"%.60s\"%s%s%s: seconds, messages, orders, fills, errors, "
                 "cash_change or position_change",
                 name, near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
  return NULL;
}

static int l_expect(lua_State *L) {
  kl_check_type(L, 1, LUA_TTABLE, "kalua.expect");
  kl_script *s = kl_script_of(L);
  kl_environment *env = environment(L);
  for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING)
      return kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_arguments", "expect: the keys are names of metrics");
    kl_expectation x = {.metric = known_metric(L, lua_tostring(L, -2))};
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    if (!kl_expectation_parse(text, &x.op, &x.value)) {
      return kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_arguments",
                            "expect: %s takes a text like \"<200\" or \">=0.5\"", x.metric);
    }
    snprintf(x.script, sizeof x.script, "%s", kl_script_name(s));
    if (env->expectations && !kl_script_is_shadow(s) && !kl_expectations_add(env->expectations, &x))
      return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory");
  }
  return 0;
}

int luaopen_kl_kalua(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"on_stop", l_on_stop}, {"on_error", l_on_error},     {"on_probation", l_on_probation},
      {"migrate", l_migrate}, {"save", kl_script_save_lua}, {"expect", l_expect},
      {"now", l_now},         {"stats", l_stats},           {NULL, NULL}};
  kl_script *s = kl_script_of(L);
  const kl_script_options *o = kl_script_get_options(s);
  luaL_newlib(L, functions);
  kl_guard_allow_fields(L, -1, "now stats");
  kl_script_open_state(L);
  kl_script_stats stats;
  kl_script_stats_get(s, &stats);
  lua_pushinteger(L, stats.generation);
  lua_setfield(L, -2, "generation");
  lua_newtable(L);
  for (lua_Integer i = 0; o->args && o->args[i]; i++) {
    lua_pushstring(L, o->args[i]);
    lua_rawseti(L, -2, i + 1);
  }
  lua_setfield(L, -2, "args");
  lua_pushstring(L, environment(L)->place.env);
  lua_setfield(L, -2, "env");
  lua_pushboolean(L, kl_paper_trading(&environment(L)->place));
  lua_setfield(L, -2, "paper");
  lua_pushstring(L, kl_script_name(s));
  lua_setfield(L, -2, "name");
  lua_pushstring(L, environment(L)->version);
  lua_setfield(L, -2, "version");
  return 1;
}
