#include "cli/tool.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/app.h"

static bool can_draw(void) {
  const char *term = getenv("TERM");
  return term && *term && strcmp(term, "dumb") != 0;
}

int kl_tool_width(void) {
  struct winsize size = {0};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char *columns = getenv("COLUMNS");
  long n = columns ? strtol(columns, NULL, 10) : 0;
  return n > 0 && n < 10000 ? (int)n : 80;
}

bool kl_tool_terminal(void) { return isatty(STDOUT_FILENO) && can_draw(); }

bool kl_tool_colour(void) {
  const char *no = getenv("NO_COLOR");
  return can_draw() && !(no && *no);
}

int kl_tool_run(const kl_connect_options *o, const char *module, const char *name, char *const *args, double seconds,
                bool summary) {
  kl_app *app = NULL;
  kl_error e = {0};
  int code;
  if (!kl_app_open(o, KL_VERSION, &app, &e)) return kl_cli_fail(&e);
  kl_app_tool_errors(app, !summary);
  if (summary) {
    kl_app_show(app);
  } else {
    kl_session_impatient(kl_app_session(app));
    kl_session_impatient(kl_app_account_session(app));
  }
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
