/* kalua api: one REST call from the shell. */
#include <unistd.h>

#include "cli/tool.h"

int kl_command_api(int argc, char **argv) {
  static const char usage[] =
      "usage: kalua api OPERATION [k=v...]\n"
      "       kalua api GET|POST|PUT|DELETE PATH [k=v...]\n\n"
      "Calls one operation and prints the answer as the exchange sent it. Path parameters are given in place or as\n"
      "k=v; k:=JSON gives a value that is not text. `kalua api --list` names the operations.\n\n"
      "  kalua api get_markets status=open limit=5\n"
      "  kalua api get_market KXHIGHNY-26NOV22-B51\n"
      "  kalua api GET /markets limit=5\n";
  kl_connect_options o;
  kl_opt connect[KL_CONNECT_OPT_COUNT];
  kl_connect_opts(&o, connect);
  o.log_default = "warn";
  bool list = false, json = false;
  const kl_opt own[] = {{"list", KL_OPT_FLAG, &list, NULL, "name the operations", 0, 0},
                        {"json", KL_OPT_FLAG, &json, NULL, "one line, also on a terminal", 0, 0},
                        {NULL, KL_OPT_FLAG, NULL, NULL, NULL, 0, 0}};
  kl_text_list words = {0}, args = {0};
  int code = kl_opts_parse("api", usage, (const kl_opt *const[]){own, connect, NULL}, argc, argv, &words, NULL);
  if (code < 0 && words.n == 0 && !list) code = kl_cli_usage("api", "which operation?");
  if (code < 0) {
    bool ok = kl_text_list_add(&args, list ? "list" : json || !isatty(STDOUT_FILENO) ? "line" : "auto");
    for (size_t i = 0; i < words.n; i++)
      ok = ok && kl_text_list_add(&args, words.items[i]);
    code = ok ? kl_tool_run(&o, "cli.api", "api", (char *const *)args.items, 0, false) : KL_EXIT_FAILED;
  }
  kl_text_list_free(&words);
  kl_text_list_free(&args);
  kl_connect_options_free(&o);
  return code;
}
