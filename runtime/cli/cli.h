/* The command line: what the commands share. Each command is one file; main.c only dispatches. */
#ifndef KL_CLI_H
#define KL_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Exit codes of every command. */
enum {
  KL_EXIT_OK = 0,
  KL_EXIT_FAILED = 1, /* a script failed, an HTTP error, no such market */
  KL_EXIT_USAGE = 2,
  KL_EXIT_CONFIG = 3,  /* credentials or configuration */
  KL_EXIT_NETWORK = 4, /* the exchange could not be reached */
  KL_EXIT_EXPECT = 5,  /* a threshold of kalua.expect was missed */
  KL_EXIT_INTERRUPTED = 130
};

typedef struct kl_command {
  const char *name;
  const char *synopsis; /* after "kalua " */
  const char *summary;  /* one line for `kalua --help` */
  /* argv[0] is the command's name; returns the exit code. Asked for --help it hands its page to kl_opts_parse. */
  int (*run)(int argc, char **argv);
  const char *group; /* of `kalua --help`: the heading of those that begin here */
} kl_command;

extern const kl_command kl_commands[]; /* in the order of `kalua --help` */
extern const size_t kl_command_count;

int kl_command_run(int argc, char **argv);
int kl_command_sim(int argc, char **argv);
int kl_command_trigger(int argc, char **argv);
int kl_command_api(int argc, char **argv);
int kl_command_book(int argc, char **argv);
int kl_command_tail(int argc, char **argv);
int kl_command_demo(int argc, char **argv);
int kl_command_ps(int argc, char **argv);
int kl_command_logs(int argc, char **argv);
int kl_command_attach(int argc, char **argv);
int kl_command_reload(int argc, char **argv);
int kl_command_stop(int argc, char **argv);
int kl_command_start(int argc, char **argv);
int kl_command_repl(int argc, char **argv);
int kl_command_kill(int argc, char **argv);
int kl_command_shadow(int argc, char **argv);
int kl_command_doctor(int argc, char **argv);
int kl_command_new(int argc, char **argv);
int kl_command_explain(int argc, char **argv);
int kl_command_test(int argc, char **argv);
int kl_command_help(int argc, char **argv);

/* ---- options ---- */

typedef enum { KL_OPT_FLAG, KL_OPT_TEXT, KL_OPT_INT, KL_OPT_REAL, KL_OPT_LIST } kl_opt_type;

/* A growing list of borrowed texts, NULL-terminated. Zeroed is empty. */
typedef struct kl_text_list {
  const char **items;
  size_t n;
} kl_text_list;
bool kl_text_list_add(kl_text_list *l, const char *text);
void kl_text_list_free(kl_text_list *l);

/* `--help`, the manual, the completions and the tables of docs/commands.md are made of these: see docs/generate. The
 * order of the members is that of the rows in the tables, which people read. */
typedef struct kl_opt { /* NOLINT(clang-analyzer-optin.performance.Padding) */
  const char *name;     /* without "--"; of one letter: without "-" */
  kl_opt_type type;
  void *target; /* bool, const char *, int64_t, double or kl_text_list */
  /* What stands behind it: a word in capitals, which docs/generate/words.lua says how to complete, or all the values
   * there are, as in "yes|no": others are refused. */
  const char *argument;
  const char *help; /* NULL: not shown */
  double min, max;  /* of INT and REAL */
  /* The rest, but for `letter`, is for reading only. */
  const char *fallback;              /* what holds without it */
  const char *variable;              /* the environment variable that says the same */
  const char *const *(*words)(void); /* what a value may begin with, NULL-terminated: for completion */
  const char *group;                 /* the heading of the group that begins here */
  bool connects;                     /* one of kl_connect_opts: told whole by `kalua help options` only */
  bool common;                       /* of those, shown by each command */
  char letter;                       /* 'f' where -f is the same; 0: none */
} kl_opt;

/* Reads `--name V`, `--name=V`, `-h`; everything else goes to `rest` and what follows `--` to `after` (either may be
 * NULL: then it is an error). Returns -1 to go on, or an exit code after it printed a help or an error. `tables` ends
 * with NULL, each table with a NULL name.
 *
 * `usage` is the page of --help without the options: lines "usage: kalua …" and "       kalua …", an empty line, then
 * paragraphs, which are wrapped, and lines that begin with spaces, which are not: examples and lists. */
int kl_opts_parse(const char *command, const char *usage, const kl_opt *const *tables, int argc, char **argv,
                  kl_text_list *rest, kl_text_list *after);

/* ---- errors ---- */

/* Prints "kalua: MESSAGE" to stderr and returns the exit code for the error's kind. */
int kl_cli_fail(const kl_error *e);
int kl_cli_usage(const char *command, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Writes out what is left of standard output. False when some of it was lost: said once, except where the reader of a
 * pipe has simply gone. */
bool kl_cli_flush_output(void);
/* Says so once, with the errno where that is known (0 else), under the same exception. */
void kl_cli_output_lost(int why);
/* What the exit codes stand for, ends with a NULL text. */
typedef struct kl_exit_text {
  int code;
  const char *text;
} kl_exit_text;
extern const kl_exit_text kl_exit_texts[];
/* The exit code that an error object of a script stands for, by its kind; NULL and unknown kinds: KL_EXIT_FAILED. */
int kl_exit_code_of(const char *kind);

#endif
