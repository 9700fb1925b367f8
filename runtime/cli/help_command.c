/* kalua help: the pages of --help by their names, and what belongs to no command. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/connect_options.h"
#include "cli/help.h"
#include "kalshi/operation.h"

static bool every(const kl_opt *o) {
  (void)o;
  return true;
}

static void print_options(void) {
  kl_buf b = {0};
  kl_connect_options o;
  kl_opt connect[KL_CONNECT_OPT_COUNT];
  kl_connect_opts(&o, connect);
  kl_help_paragraph(&b,
                    "The options of every command that connects. An option wins over an environment variable, which "
                    "stands in (parentheses), and that over .env in the current folder. [In brackets: what holds "
                    "without it.]",
                    kl_help_width());
  for (const kl_opt *at = connect; at->name;) {
    kl_buf_printf(&b, "\n%s:\n", at->group ? at->group : "Options");
    at = kl_help_options(&b, at, kl_help_width(), every);
  }
  if (b.data) fputs(b.data, stdout);
  kl_buf_free(&b);
  kl_connect_options_free(&o);
}

static void print_exit_codes(void) {
  kl_buf b = {0};
  puts("How a command ends:\n");
  for (const kl_exit_text *x = kl_exit_texts; x->text; x++) {
    char name[16];
    snprintf(name, sizeof name, "  %d", x->code);
    kl_help_entry(&b, name, 8, x->text, kl_help_width());
  }
  if (b.data) fputs(b.data, stdout);
  kl_buf_free(&b);
}

static const struct {
  const char *name;
  const char *about;
  void (*print)(void);
} topics[] = {
    {"options", "the options of every command that connects", print_options},
    {"exit-codes", "how a command ends", print_exit_codes},
};
enum { TOPICS = sizeof topics / sizeof topics[0] };

void kl_help_overview(FILE *out) {
  fputs("usage: kalua [COMMAND] [OPTION...] [ARG...]\n\n"
        "Lua strategies and tools for the Kalshi exchange. Without an account everything\n"
        "runs on an exchange inside this process.\n",
        out);
  for (size_t i = 0; i < kl_command_count; i++) {
    const kl_command *c = &kl_commands[i];
    if (c->group) fprintf(out, "\n%s:\n", c->group);
    fprintf(out, "  kalua %-28s %s\n", c->synopsis, c->summary);
  }
  fputs("\nAlso:\n"
        "  kalua SCRIPT                       the same as kalua run SCRIPT\n"
        "  kalua -e EXPR                      evaluate at the exchange, and print\n"
        "  kalua --version\n",
        out);
  for (size_t i = 0; i < TOPICS; i++)
    fprintf(out, "  kalua help %-23s %s\n", topics[i].name, topics[i].about);
}

static const kl_command *find_command(const char *name) {
  for (size_t i = 0; i < kl_command_count; i++) {
    if (!strcmp(kl_commands[i].name, name)) return &kl_commands[i];
  }
  return NULL;
}

/* COMMAND WORD... --help */
static int print_command(const kl_command *c, const kl_text_list *words) {
  char help[] = "--help", **argv = calloc(words->n + 2, sizeof *argv);
  if (!argv) return KL_EXIT_FAILED;
  for (size_t i = 0; i < words->n; i++)
    argv[i] = (char *)(uintptr_t)words->items[i];
  argv[words->n] = help;
  int code = c->run((int)words->n + 1, argv);
  free(argv);
  return code;
}

static int print_page(const kl_text_list *words) {
  const char *name = words->items[0];
  const kl_command *c = find_command(name);
  if (c) return print_command(c, words);
  for (size_t i = 0; i < TOPICS; i++) {
    if (strcmp(topics[i].name, name) != 0) continue;
    topics[i].print();
    return KL_EXIT_OK;
  }
  kl_text_list names = {0};
  for (size_t i = 0; i < kl_command_count; i++)
    kl_text_list_add(&names, kl_commands[i].name);
  for (size_t i = 0; i < TOPICS; i++)
    kl_text_list_add(&names, topics[i].name);
  const char *near = kl_nearest(name, names.items, names.n);
  int code = near ? kl_cli_usage("help", "there is no command \"%.60s\"; did you mean %s?", name, near)
                  : kl_cli_usage("help", "there is no command \"%.60s\"", name);
  kl_text_list_free(&names);
  return code;
}

static int print_json(void) {
  kl_buf b = {0};
  kl_help_json(&b);
  bool ok = !b.failed;
  if (ok)
    fwrite(b.data, 1, b.len, stdout); /* what could not be written is said at the end */
  else
    fputs("kalua: not enough memory\n", stderr);
  kl_buf_free(&b);
  return ok ? KL_EXIT_OK : KL_EXIT_FAILED;
}

int kl_command_help(int argc, char **argv) {
  static const char usage[] =
      "usage: kalua help [COMMAND]\n"
      "       kalua help options\n"
      "       kalua help exit-codes\n\n"
      "The page of a command, as with --help behind it; all options of the commands that connect; how they may end.\n\n"
      "  kalua help run\n"
      "  kalua help api get_markets\n";
  bool json = false;
  const kl_opt own[] = {{"json", KL_OPT_FLAG, &json, NULL, "every command with its options, as one JSON object", 0, 0},
                        {NULL, KL_OPT_FLAG, NULL, NULL, NULL, 0, 0}};
  kl_text_list words = {0};
  int code = kl_opts_parse("help", usage, (const kl_opt *const[]){own, NULL}, argc, argv, &words, NULL);
  if (code < 0 && json) {
    code = print_json();
  } else if (code < 0 && words.n) {
    code = print_page(&words);
  } else if (code < 0) {
    kl_help_overview(stdout);
    code = KL_EXIT_OK;
  }
  kl_text_list_free(&words);
  return code;
}
