/* kalua: dispatches to the commands. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "cli/help.h"
#include "kalshi/operation.h"
#include "net/reach.h"

const kl_command kl_commands[] = {
    {"run", "run SCRIPT... [-- ARG...]", "run strategies or tools", kl_command_run, "Run"},
    {"new", "new DIR", "a folder with a strategy, its tests and its limits", kl_command_new},
    {"test", "test [FILE|FOLDER]...", "run script tests", kl_command_test},
    {"repl", "repl [SCRIPT]", "a prompt at the exchange, or inside a script", kl_command_repl},
    {"demo", "demo", "a strategy on the embedded exchange, for 20 seconds", kl_command_demo},
    {"book", "book TICKER", "one live book in the terminal", kl_command_book, "Look"},
    {"tail", "tail CHANNEL [TICKER...]", "a stream as one JSON object per line", kl_command_tail},
    {"api", "api OPERATION [k=v...]", "one REST call, JSON out", kl_command_api},
    {"ps", "ps", "the running scripts of this user", kl_command_ps, "What runs"},
    {"logs", "logs [NAME]", "the last lines of running scripts", kl_command_logs},
    {"attach", "attach [NAME]", "a prompt inside a running script", kl_command_attach},
    {"reload", "reload NAME...", "start the source of a running script as it is now", kl_command_reload},
    {"shadow", "shadow [NAME]", "where a new version beside a running script differs", kl_command_shadow},
    {"stop", "stop NAME...", "end a running script", kl_command_stop},
    {"start", "start NAME...", "start one anew that has ended", kl_command_start},
    {"kill", "kill", "stop all trading of this user, now", kl_command_kill},
    {"sim", "sim", "the exchange simulator as a server of its own", kl_command_sim, "The simulator"},
    {"trigger", "trigger KIND [k=v...]", "make something happen in a simulator", kl_command_trigger},
    {"doctor", "doctor", "what is wrong with my set-up", kl_command_doctor, "When something is wrong"},
    {"explain", "explain [CODE]", "what an error means, and what to do", kl_command_explain},
    {"help", "help [COMMAND]", "the options of a command", kl_command_help},
};
const size_t kl_command_count = sizeof kl_commands / sizeof kl_commands[0];

static const kl_command *find_command(const char *name) {
  for (size_t i = 0; i < kl_command_count; i++) {
    if (!strcmp(kl_commands[i].name, name)) return &kl_commands[i];
  }
  return NULL;
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
    kl_help_overview(stderr);
    return KL_EXIT_USAGE;
  }
  const char *first = argv[1];
  if (!strcmp(first, "--help") || !strcmp(first, "-h")) {
    kl_help_overview(stdout);
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
  kl_text_list names = {0};
  for (size_t i = 0; i < kl_command_count; i++)
    kl_text_list_add(&names, kl_commands[i].name);
  const char *near = kl_nearest(first, names.items, names.n);
  kl_text_list_free(&names);
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
  if (kl_reach_under_way()) _exit(code);
  return code;
}
