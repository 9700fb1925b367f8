#include "bindings/bindings.h"
#include "bindings/embedded.h"
#include "bindings/test_run.h"

const luaL_Reg kl_modules[] = {{"kalshi", luaopen_kl_kalshi},
                               {"task", luaopen_kl_task},
                               {"kalua", luaopen_kl_kalua},
                               {"json", luaopen_kl_json},
                               {"log", luaopen_kl_log},
                               {"http", luaopen_kl_http},
                               {"ws", luaopen_kl_ws},
                               {"bus", luaopen_kl_bus},
                               {"metrics", luaopen_kl_metrics},
                               {"store", luaopen_kl_store},
                               {"library", luaopen_kl_library},
                               {"test_runner", luaopen_kl_test_runner},
                               {"prompt.catalog", luaopen_kl_prompt_catalog},
                               {"test.stage", luaopen_kl_testing},
                               {"cli.output", luaopen_kl_output},
                               {"cli.terminal", luaopen_kl_terminal},
                               {"cli.report", luaopen_kl_report},
                               {NULL, NULL}};

void kl_set_fields(lua_State *L, const luaL_Reg *methods, const char *const *others) {
  lua_newtable(L); /* mt fields */
  for (; methods->name; methods++) {
    lua_pushliteral(L, "function");
    lua_setfield(L, -2, methods->name);
  }
  for (; others[0]; others += 2) {
    lua_pushstring(L, others[1]);
    lua_setfield(L, -2, others[0]);
  }
  lua_setfield(L, -2, "__fields"); /* mt */
}
