/* kalua test: scripts that use the `test` module, each against a fresh embedded exchange. */
#include <stdio.h>

#include "cli/tool.h"

int kl_command_test(int argc, char **argv) {
  static const char usage[] =
      "usage: kalua test FILE...\n\n"
      "Runs test scripts one after the other, each in a fresh process state against the embedded\n"
      "exchange (or the one given). Exit code 1 when a test failed.\n";
  kl_connect_options o;
  kl_opt connect[KL_CONNECT_OPT_COUNT];
  kl_connect_opts(&o, connect);
  o.log_default = "error";
  kl_text_list files = {0};
  int code = kl_opts_parse("test", usage, (const kl_opt *const[]){connect, NULL}, argc, argv, &files, NULL);
  if (code < 0 && files.n == 0) code = kl_cli_usage("test", "which files?");
  if (code < 0) {
    code = KL_EXIT_OK;
    for (size_t i = 0; i < files.n && code != KL_EXIT_INTERRUPTED; i++) {
      kl_app *app = NULL;
      kl_error e = {0};
      int one;
      if (!kl_app_open(&o, KL_VERSION, &app, &e)) {
        one = kl_cli_fail(&e);
      } else if (kl_app_start(app, files.items[i], NULL, NULL, (char *const[]){NULL}, &e)) {
        one = kl_app_run(app, 0);
      } else {
        one = kl_cli_fail(&e);
        kl_app_abandon(app);
      }
      kl_app_close(app);
      if (one != KL_EXIT_OK) code = one == KL_EXIT_INTERRUPTED ? one : KL_EXIT_FAILED;
    }
  }
  kl_text_list_free(&files);
  kl_connect_options_free(&o);
  return code;
}
