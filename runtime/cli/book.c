/* kalua book: one live book in the terminal. */
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/tool.h"

static const char usage[] =
    "usage: kalua book TICKER\n\n"
    "Shows the live order book of a market until q or Ctrl-C: asks above, bids below, with what\n"
    "is offered up to each price, and the last trades. + and - change the number of levels, s\n"
    "shows the book from the other side. Without a terminal it prints one line per change,\n"
    "with --once and --levels the ladder.\n\n"
    "  kalua book KXHIGHNY-26NOV22-B51\n"
    "  kalua book KXHIGHNY-26NOV22-B51 --side no --once\n"
    "  kalua book KXHIGHNY-26NOV22-B51 --json --levels 1 | jq -c '[.bids[0], .asks[0]]'\n";

/* Whether characters beyond ASCII come out as they are meant. */
static bool is_utf8(void) {
  setlocale(LC_CTYPE, "");
  bool yes = !strcmp(nl_langinfo(CODESET), "UTF-8");
  setlocale(LC_CTYPE, "C");
  return yes;
}

typedef struct {
  bool json, once, orders;
  int64_t levels; /* 0: as many as fit */
  double seconds;
  const char *side;
} choice;

static int show(const kl_connect_options *o, const choice *c, const char *ticker) {
  bool terminal = kl_tool_terminal();
  bool ladder = c->once && (terminal || c->levels > 0); /* a line has the best level only */
  const char *kind = c->json ? "json" : ladder ? "once" : terminal ? "screen" : "lines";
  char show_as[24], side[16], levels[32], seconds[48];
  snprintf(show_as, sizeof show_as, "show=%s", kind);
  snprintf(side, sizeof side, "side=%s", c->side);
  snprintf(levels, sizeof levels, "levels=%lld", (long long)c->levels);
  snprintf(seconds, sizeof seconds, "seconds=%.9g", c->seconds);
  const char *args[16];
  size_t n = 0;
  args[n++] = show_as;
  args[n++] = side;
  if (c->once) args[n++] = "once=1";
  if (c->levels > 0) args[n++] = levels;
  if (c->seconds > 0) args[n++] = seconds;
  if (c->orders) args[n++] = "orders=1";
  if (terminal && kl_tool_colour()) args[n++] = "colour=1";
  if (is_utf8()) args[n++] = "blocks=1";
  if (isatty(STDIN_FILENO)) args[n++] = "keys=1";
  args[n++] = "--";
  args[n++] = ticker;
  args[n] = NULL;
  return kl_tool_run(o, "cli.book", "book", (char *const *)args, 0, false);
}

int kl_command_book(int argc, char **argv) {
  kl_connect_options o;
  kl_opt connect[KL_CONNECT_OPT_COUNT];
  kl_connect_opts(&o, connect);
  o.log_default = "warn";
  choice c = {.side = "yes"};
  const kl_opt own[] = {{"json", KL_OPT_FLAG, &c.json, NULL, "one JSON object per change", 0, 0},
                        {"levels", KL_OPT_INT, &c.levels, "N", "levels of each side", 1, 100,
                         .fallback = "as many as fit; with --json 10"},
                        {"side", KL_OPT_TEXT, &c.side, "yes|no", "prices of YES or of NO", .fallback = "yes"},
                        {"orders", KL_OPT_FLAG, &c.orders, NULL, "mark prices where an order of your own rests", 0, 0},
                        {"once", KL_OPT_FLAG, &c.once, NULL, "show the book once and end", 0, 0},
                        {"seconds", KL_OPT_REAL, &c.seconds, "S", "end after S seconds", 0.01, 1e6},
                        {NULL, KL_OPT_FLAG, NULL, NULL, NULL, 0, 0}};
  kl_text_list words = {0};
  int code = kl_opts_parse("book", usage, (const kl_opt *const[]){own, connect, NULL}, argc, argv, &words, NULL);
  if (code < 0 && words.n != 1) code = kl_cli_usage("book", words.n ? "one market at a time" : "which market?");
  if (code < 0 && !words.items[0][0]) code = kl_cli_usage("book", "which market? The ticker is empty");
  if (code < 0 && strcmp(c.side, "yes") != 0 && strcmp(c.side, "no") != 0)
    code = kl_cli_usage("book", "--side takes yes or no, not \"%.40s\"", c.side);
  if (code < 0) code = show(&o, &c, words.items[0]);
  kl_text_list_free(&words);
  kl_connect_options_free(&o);
  return code;
}
