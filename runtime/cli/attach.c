/* kalua attach: a prompt inside a running script. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json_fields.h"
#include "base/log.h"
#include "cli/cli.h"
#include "control/client.h"
#include "prompt/front.h"

enum { TRIES = 3, ANSWER_MAX = 256 };

typedef struct attach {
  const char *name; /* as it was given; NULL: it was not */
  const char *level;
  bool json, armed, keep_going;
  kl_text_list inputs;
} attach;

/* ---- which ---- */

static const char *phase_of(const kl_running *r) {
  const char *phase = json_string_value(json_object_get(r->status, "phase"));
  return phase ? phase : "no answer";
}

static bool runs(const kl_running *r) { return strcmp(phase_of(r), "ended") != 0; }

/* "PID:NAME", which is nobody else's. */
static void print_one(FILE *out, const kl_running *r) {
  kl_buf b = {0};
  kl_log_escape(&b, r->name, strlen(r->name));
  fprintf(out, "%lld:%s  %s", (long long)r->process->pid, b.data ? b.data : "", phase_of(r));
  kl_buf_free(&b);
  const char *env = json_string_value(json_object_get(r->status, "env"));
  if (env) fprintf(out, ", %s", env);
  fputc('\n', out);
}

/* A line from standard input, byte by byte: what follows it is for the prompt. False at the end. */
static bool read_answer(char out[ANSWER_MAX]) {
  size_t n = 0;
  for (;;) {
    char c;
    ssize_t got = read(STDIN_FILENO, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    if (c == '\n') break;
    if (n + 1 < ANSWER_MAX) out[n++] = c;
  }
  out[n] = 0;
  return true;
}

/* Lets who sits at the terminal choose. NULL with *code where nobody did. */
static const kl_running *choose(const kl_running **all, size_t n, int *code) {
  char answer[ANSWER_MAX], *end;
  for (size_t i = 0; i < n; i++) {
    fprintf(stderr, "%3zu  ", i + 1);
    print_one(stderr, all[i]);
  }
  for (int tries = 0; tries < TRIES; tries++) {
    fprintf(stderr, "which one? [1-%zu] ", n);
    if (!read_answer(answer)) {
      fputc('\n', stderr);
      *code = KL_EXIT_INTERRUPTED;
      return NULL;
    }
    unsigned long number = strtoul(answer, &end, 10);
    if (end != answer && *end == 0 && number >= 1 && number <= n) return all[number - 1];
    const kl_running *named = NULL;
    for (size_t i = 0; i < n; i++)
      if (strcmp(all[i]->name, answer) == 0) named = named ? NULL : all[i];
    if (named) return named;
  }
  fputs("kalua: none of them was chosen\n", stderr);
  *code = KL_EXIT_USAGE;
  return NULL;
}

/* NULL with *code, after it was said why. `all` has at least one. */
static const kl_running *pick(const attach *a, const kl_running **all, size_t n, int *code) {
  size_t running = 0;
  for (size_t i = 0; i < n; i++)
    if (runs(all[i])) all[running++] = all[i];
  if (running == 0) {
    fprintf(stderr, "kalua: no script of this user is running; start one by `kalua run SCRIPT`\n");
    *code = KL_EXIT_FAILED;
    return NULL;
  }
  if (running == 1) return all[0];
  if (a->inputs.n == 0 && isatty(STDIN_FILENO) && isatty(STDERR_FILENO)) return choose(all, running, code);
  fprintf(stderr, "kalua: several scripts are running, say which:\n");
  for (size_t i = 0; i < running; i++) {
    fputs("  ", stderr);
    print_one(stderr, all[i]);
  }
  *code = KL_EXIT_FAILED;
  return NULL;
}

/* The script that is meant; NULL with *code. */
static const kl_running *find(const attach *a, const kl_running_list *l, int *code) {
  const kl_running **found = NULL;
  size_t n = 0;
  kl_error e = {0};
  if (a->name) {
    if (!kl_running_find(l, a->name, &found, &n, &e)) {
      *code = kl_cli_fail(&e);
      return NULL;
    }
  } else {
    n = l->n;
    found = calloc(n ? n : 1, sizeof(const kl_running *));
    for (size_t i = 0; found && i < n; i++)
      found[i] = &l->items[i];
  }
  if (!found) {
    kl_error_set(&e, KL_ERR_INTERNAL, "not enough memory");
    *code = kl_cli_fail(&e);
    return NULL;
  }
  const kl_running *r = n == 1 && a->name ? found[0] : pick(a, found, n, code);
  free(found);
  return r;
}

/* ---- going there ---- */

static bool set_level(const attach *a, const kl_listed *process, kl_error *e) {
  kl_control_peer *p = NULL;
  kl_buf fields = {0};
  json_t *answer = NULL;
  kl_json_field_str(&fields, "level", a->level);
  if (kl_control_connect(process, KL_CONTROL_ANSWER_MS, &p, e))
    answer = kl_control_ask(p, "log_level", &fields, KL_CONTROL_ANSWER_MS, NULL, e);
  else
    kl_buf_free(&fields);
  kl_control_disconnect(p);
  json_decref(answer);
  return answer != NULL;
}

/* A descriptor that is connected to it, for the prompt, which reads the hello; -1 with `e`. */
static int connect_to(const kl_listed *process, kl_error *e) {
  kl_control_peer *p = NULL;
  if (!kl_control_open_peer(process, KL_CONTROL_ANSWER_MS, &p, e)) return -1;
  int fd = fcntl(kl_control_peer_fd(p), F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  if (fd < 0) kl_error_set(e, KL_ERR_INTERNAL, "cannot open a connection: %s", strerror(errno));
  kl_control_disconnect(p);
  return fd;
}

static int go(const attach *a, const kl_running *r) {
  kl_error e = {0};
  if (!r->status) {
    kl_error_coded(&e, KL_ERR_TIMEOUT, "process_silent", "process %lld does not answer", (long long)r->process->pid);
    return kl_cli_fail(&e);
  }
  if (a->level && !set_level(a, r->process, &e)) return kl_cli_fail(&e);
  int fd = connect_to(r->process, &e);
  if (fd < 0) return kl_cli_fail(&e);
  const kl_front_options o = {.fd = fd,
                              .name = r->name,
                              .armed = a->armed,
                              .json = a->json,
                              .keep_going = a->keep_going,
                              .inputs = a->inputs.n > 0 ? a->inputs.items : NULL};
  return kl_front_run(&o);
}

static int run(const attach *a) {
  kl_running_list l;
  kl_error e = {0};
  int code = KL_EXIT_OK;
  if (!kl_running_get(&l, &e)) return kl_cli_fail(&e);
  const kl_running *r = find(a, &l, &code);
  if (r) code = go(a, r);
  kl_running_free(&l);
  return code;
}

int kl_command_attach(int argc, char **argv) {
  static const char usage[] =
      "usage: kalua attach [NAME]\n\n"
      "A prompt inside a running script: its values, its tasks and their variables, what it waits for and\n"
      "what it has open. Nothing can be changed before :arm. Ctrl-D leaves; the script goes on.\n"
      "NAME is one that `kalua ps` shows, PID:NAME, or PID where that process has one script. Without NAME\n"
      "the only one; where there are several, a list to choose from.\n"
      "Without a terminal, standard input is read as what is typed.\n";
  attach a = {0};
  const kl_opt own[] = {
      {"e", KL_OPT_LIST, &a.inputs, "EXPR", "evaluate this, or a command like :tasks, instead of what is typed", 0, 0},
      {"json", KL_OPT_FLAG, &a.json, NULL, "values as JSON", 0, 0},
      {"arm", KL_OPT_FLAG, &a.armed, NULL, "may change the script from the beginning, as after :arm", 0, 0},
      {"keep-going", KL_OPT_FLAG, &a.keep_going, NULL, "go on after an input that failed", 0, 0},
      {"log", KL_OPT_TEXT, &a.level, "error|warn|info|debug|trace", "from now on its process logs so much", 0, 0},
      {NULL, KL_OPT_FLAG, NULL, NULL, NULL, 0, 0}};
  const kl_opt *const tables[] = {own, NULL};
  kl_text_list names = {0};
  int code = kl_opts_parse("attach", usage, tables, argc, argv, &names, NULL);
  if (code < 0 && names.n > 1) code = kl_cli_usage("attach", "a prompt is inside of one script, not of %zu", names.n);
  a.name = names.n > 0 ? names.items[0] : NULL;
  if (code < 0) code = run(&a);
  kl_text_list_free(&names);
  kl_text_list_free(&a.inputs);
  return code;
}
