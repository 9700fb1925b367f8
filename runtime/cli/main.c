/* kalua: dispatches to the commands. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "cli/cli.h"
#include "kalshi/operation.h"

static const kl_command commands[] = {
    {"run", "run SCRIPT... [-- ARG...]", "run strategies or tools", kl_command_run},
    {"repl", "repl [SCRIPT]", "a prompt at the exchange, or inside a script", kl_command_repl},
    {"ps", "ps", "the running scripts of this user", kl_command_ps},
    {"logs", "logs [NAME]", "the last lines of running scripts", kl_command_logs},
    {"attach", "attach [NAME]", "a prompt inside a running script", kl_command_attach},
    {"reload", "reload NAME...", "start the source of a running script as it is now", kl_command_reload},
    {"stop", "stop NAME...", "end a running script", kl_command_stop},
    {"start", "start NAME...", "start one anew that has ended", kl_command_start},
    {"shadow", "shadow [NAME]", "where a new version beside a running script differs", kl_command_shadow},
    {"api", "api OPERATION [k=v...]", "one REST call, JSON out", kl_command_api},
    {"book", "book TICKER", "one live book in the terminal", kl_command_book},
    {"tail", "tail CHANNEL [TICKER...]", "a stream as one JSON object per line", kl_command_tail},
    {"demo", "demo", "a strategy on the embedded exchange, for 20 seconds", kl_command_demo},
    {"sim", "sim", "the exchange simulator as a server of its own", kl_command_sim},
    {"trigger", "trigger KIND [k=v...]", "make something happen in a simulator", kl_command_trigger},
    {"doctor", "doctor", "what is wrong with my set-up", kl_command_doctor},
    {"test", "test FILE...", "run script tests", kl_command_test},
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static const kl_command *find_command(const char *name) {
  for (size_t i = 0; i < COMMANDS; i++) {
    if (!strcmp(commands[i].name, name)) return &commands[i];
  }
  return NULL;
}

static void print_help(FILE *out) {
  fputs("usage: kalua [COMMAND] [OPTION...] [ARG...]\n\n"
        "Lua strategies and tools for the Kalshi exchange. Without an account everything\n"
        "runs on an exchange inside this process.\n\n",
        out);
  for (size_t i = 0; i < COMMANDS; i++)
    fprintf(out, "  kalua %-28s %s\n", commands[i].synopsis, commands[i].summary);
  fputs("  kalua SCRIPT                       the same as kalua run SCRIPT\n"
        "  kalua -e EXPR                      evaluate at the exchange, and print\n"
        "  kalua COMMAND --help               the options of a command\n"
        "  kalua --version\n",
        out);
}

static bool looks_like_script(const char *arg) {
  size_t n = strlen(arg);
  return (n > 4 && !strcmp(arg + n - 4, ".lua")) || strchr(arg, '/') || access(arg, R_OK) == 0;
}

/* `kalua -e EXPR`, maybe behind other options. */
static bool has_expression(int argc, char **argv) {
  for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
    if (!strcmp(argv[i], "-e")) return true;
  }
  return false;
}

static int dispatch(int argc, char **argv) {
  if (argc < 2) {
    print_help(stderr);
    return KL_EXIT_USAGE;
  }
  const char *first = argv[1];
  if (!strcmp(first, "--help") || !strcmp(first, "-h") || !strcmp(first, "help")) {
    print_help(stdout);
    return KL_EXIT_OK;
  }
  if (!strcmp(first, "--version") || !strcmp(first, "-V")) {
    puts("kalua " KL_VERSION);
    return KL_EXIT_OK;
  }
  const kl_command *c = find_command(first);
  if (c) return c->run(argc - 1, argv + 1);
  if (first[0] == '-' && has_expression(argc, argv)) {
    argv[0] = "repl";
    return kl_command_repl(argc, argv);
  }
  /* `kalua script.lua`, `kalua --env demo script.lua` and a #! line: run. */
  if (first[0] == '-' || looks_like_script(first)) {
    argv[0] = "run";
    return kl_command_run(argc, argv);
  }
  const char *names[COMMANDS];
  for (size_t i = 0; i < COMMANDS; i++)
    names[i] = commands[i].name;
  const char *near = kl_nearest(first, names, COMMANDS);
  if (near) return kl_cli_usage(NULL, "there is no command or script \"%s\"; did you mean %s?", first, near);
  return kl_cli_usage(NULL, "there is no command or script \"%s\"", first);
}

/* A closed standard descriptor would be given to the next socket or file, which libuv forbids. Read-only, so that
 * output meant for a closed one is an error and not lost in silence. */
static bool open_standard_descriptors(void) {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
    if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDONLY) != fd) return false;
  }
  return true;
}

int main(int argc, char **argv) {
  if (!open_standard_descriptors()) return KL_EXIT_FAILED;
  int code = dispatch(argc, argv);
  if (!kl_cli_flush_output() && code == KL_EXIT_OK) code = KL_EXIT_FAILED;
  uv_library_shutdown(); /* joins the thread pool, whose threads hold state of OpenSSL's */
  return code;
}
