#include "bindings/bindings.h"

const luaL_Reg kl_modules[] = {{"kalshi", luaopen_kl_kalshi},
                               {"task", luaopen_kl_task},
                               {"kalua", luaopen_kl_kalua},
                               {"json", luaopen_kl_json},
                               {"log", luaopen_kl_log},
                               {"http", luaopen_kl_http},
                               {"ws", luaopen_kl_ws},
                               {"bus", luaopen_kl_bus},
                               {"cli.output", luaopen_kl_output},
                               {"cli.terminal", luaopen_kl_terminal},
                               {NULL, NULL}};
