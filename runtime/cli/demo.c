/* kalua demo: the market maker of scripts/examples on the embedded exchange, for a while. */
#include "cli/tool.h"

int kl_command_demo(int argc, char **argv) {
  static const char usage[] =
      "usage: kalua demo\n\n"
      "Starts the embedded exchange and lets an example strategy trade on it. Ends by itself or on\n"
      "Ctrl-C. No account is needed and nothing leaves this machine.\n";
  kl_connect_options o;
  kl_opt connect[KL_CONNECT_OPT_COUNT];
  kl_connect_opts(&o, connect);
  o.log_default = "warn";
  o.embedded = true;
  o.speed = 5; /* a busy market: something happens in 20 seconds */
  double seconds = 20;
  const kl_opt own[] = {
      {"seconds", KL_OPT_REAL, &seconds, "S", "how long", 1, 3600, .fallback = "20"},
      {"seed", KL_OPT_INT, &o.seed, "N", "the same seed gives the same market", 0, 9e15, .fallback = "1"},
      {NULL, KL_OPT_FLAG, NULL, NULL, NULL, 0, 0}};
  int code = kl_opts_parse("demo", usage, (const kl_opt *const[]){own, NULL}, argc, argv, NULL, NULL);
  if (code < 0) code = kl_tool_run(&o, "cli.demo", "demo", (char *const[]){NULL}, seconds, true);
  kl_connect_options_free(&o);
  return code;
}
