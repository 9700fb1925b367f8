/* kalua run: strategies and tools, until they end or a signal comes. */
#include <lauxlib.h>

#include "cli/app.h"

/* Whether a file can be read and compiled. */
static bool compiles(const char *path) {
  lua_State *L = luaL_newstate();
  bool ok = L && luaL_loadfilex(L, path, "t") == LUA_OK;
  if (L) lua_close(L);
  return ok;
}

/* Starts all or none: half of a set-up is not what was asked for, and a script that was started has its first turn
 * before it can be stopped. */
static bool start_all(kl_app *app, const kl_text_list *scripts, const kl_text_list *args, kl_error *e) {
  size_t first = 0, n = scripts->n;
  for (size_t i = 0; n > 1 && i < n; i++) {
    if (compiles(scripts->items[i])) continue;
    first = i; /* the host says what is wrong with it */
    break;
  }
  for (size_t i = 0; i < n; i++) {
    if (!kl_app_start(app, scripts->items[(first + i) % n], NULL, NULL, (char *const *)args->items, e)) return false;
  }
  return true;
}

int kl_command_run(int argc, char **argv) {
  static const char usage[] = "usage: kalua [run] SCRIPT... [-- ARG...]\n\n"
                              "Runs Lua scripts, each in a state of its own, on one event loop. Without options they\n"
                              "trade on the embedded exchange. What follows -- is kalua.args.\n";
  kl_connect_options o;
  kl_opt connect[KL_CONNECT_OPT_COUNT];
  kl_connect_opts(&o, connect);
  bool quiet = false;
  const kl_opt own[] = {{"quiet", KL_OPT_FLAG, &quiet, NULL, "no summary at the end", 0, 0},
                        {NULL, KL_OPT_FLAG, NULL, NULL, NULL, 0, 0}};
  kl_text_list scripts = {0}, args = {0};
  int code = kl_opts_parse("run", usage, (const kl_opt *const[]){own, connect, NULL}, argc, argv, &scripts, &args);
  if (code < 0 && scripts.n == 0) code = kl_cli_usage("run", "which script?");
  kl_app *app = NULL;
  kl_error e = {0};
  if (code < 0 && !kl_app_open(&o, KL_VERSION, &app, &e)) code = kl_cli_fail(&e);
  if (code < 0) {
    kl_app_strategies(app);
    kl_app_prefix_output(app, scripts.n > 1);
    if (!start_all(app, &scripts, &args, &e)) code = kl_cli_fail(&e);
    if (code < 0) {
      code = kl_app_run(app, 0);
      int missed = kl_app_summary(app, quiet);
      if (code == KL_EXIT_OK) code = missed;
    } else {
      kl_app_abandon(app);
    }
  }
  kl_app_close(app);
  kl_text_list_free(&scripts);
  kl_text_list_free(&args);
  kl_connect_options_free(&o);
  return code;
}
