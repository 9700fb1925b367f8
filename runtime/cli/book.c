/* kalua book: one live book in the terminal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/tool.h"

/* A terminal that can be drawn on. */
static bool has_screen(void) {
  const char *term = getenv("TERM");
  return isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

/* As many levels of each side as the screen has room for; what is drawn besides them takes five lines. */
static int64_t levels_that_fit(int64_t wanted) {
  struct winsize size = {0};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0) return wanted;
  int64_t room = (size.ws_row - 5) / 2;
  return room < 1 ? 1 : room < wanted ? room : wanted;
}

int kl_command_book(int argc, char **argv) {
  static const char usage[] =
      "usage: kalua book TICKER\n\n"
      "Shows the live order book of a market until Ctrl-C. Without a terminal it prints one line\n"
      "per change.\n";
  kl_connect_options o;
  kl_opt connect[KL_CONNECT_OPT_COUNT];
  kl_connect_opts(&o, connect);
  o.log_default = "warn";
  bool json = false;
  int64_t levels = 10;
  double seconds = 0;
  const kl_opt own[] = {{"json", KL_OPT_FLAG, &json, NULL, "one JSON object per change", 0, 0},
                        {"levels", KL_OPT_INT, &levels, "N", "levels to show of each side [10]", 1, 100},
                        {"seconds", KL_OPT_REAL, &seconds, "S", "end after S seconds", 0.01, 1e6},
                        {NULL, KL_OPT_FLAG, NULL, NULL, NULL, 0, 0}};
  kl_text_list words = {0};
  int code = kl_opts_parse("book", usage, (const kl_opt *const[]){own, connect, NULL}, argc, argv, &words, NULL);
  if (code < 0 && words.n != 1) code = kl_cli_usage("book", words.n ? "one market at a time" : "which market?");
  if (code < 0) {
    const char *mode = json ? "json" : has_screen() ? "screen" : "lines";
    if (!strcmp(mode, "screen")) levels = levels_that_fit(levels);
    char depth[24];
    snprintf(depth, sizeof depth, "%lld", (long long)levels);
    const char *const args[] = {words.items[0], mode, depth, NULL};
    code = kl_tool_run(&o, "cli.book", "book", (char *const *)args, seconds, false);
  }
  kl_text_list_free(&words);
  kl_connect_options_free(&o);
  return code;
}
