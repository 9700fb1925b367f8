#include "cli/tool.h"

#include "cli/app.h"

int kl_tool_run(const kl_connect_options *o, const char *module, const char *name, char *const *args, double seconds,
                bool summary) {
  kl_app *app = NULL;
  kl_error e = {0};
  int code;
  if (!kl_app_open(o, KL_VERSION, &app, &e)) return kl_cli_fail(&e);
  kl_app_tool_errors(app, !summary);
  if (kl_app_start(app, NULL, module, name, args, &e)) {
    code = kl_app_run(app, seconds);
    if (summary) kl_app_summary(app, false);
  } else {
    code = kl_cli_fail(&e);
    kl_app_abandon(app);
  }
  kl_app_close(app);
  return code;
}
