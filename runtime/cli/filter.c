#include "cli/filter.h"

#include <errno.h>
#include <jq.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/key.h"
#include "base/buf.h"

enum { CHUNK = 65536 };

/* The last byte of a stream whose writer failed: it is in no JSON text. */
static const char given_up = '\030';

struct kl_filter {
  pid_t pid;
  int stdout_fd; /* the real one */
};

/* ---- the filter's process ---- */

typedef struct {
  kl_filter_options o;
  jq_state *jq;
  kl_buf complaint; /* of the compiler */
} worker;

/* Keeps the first line of what the compiler says: "jq: error: WHAT (Unix shell quoting issues?) at <top-level>, …". */
static void hear_complaint(void *data, jv message) {
  worker *w = data;
  message = jq_format_error(message);
  if (jv_get_kind(message) == JV_KIND_STRING && w->complaint.len == 0) {
    static const char *const ends[] = {"\n", " at <top-level>", " (Unix shell quoting issues?)"};
    const char *text = jv_string_value(message);
    if (!strncmp(text, "jq: error: ", 11)) text += 11;
    size_t n = strlen(text);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
      const char *end = strstr(text, ends[i]);
      if (end && (size_t)(end - text) < n) n = (size_t)(end - text);
    }
    if (strstr(text, strerror(EMFILE))) /* of the limit below: an import */
      kl_buf_str(&w->complaint, "a filter cannot read files");
    else
      kl_buf_add(&w->complaint, text, n);
  }
  jv_free(message);
}

/* Nothing of the environment is left, in memory neither: a private key may be in it. */
static void wipe_environment(void) {
  for (char **v = environ; *v; v++)
    explicit_bzero(*v, strlen(*v));
  static char *nothing[] = {NULL};
  environ = nothing;
}

static void limit(int what, rlim_t most) { setrlimit((__rlimit_resource_t)what, &(struct rlimit){most, most}); }

/* Takes away all but computing, reading and writing what is open. */
static void lock_down(const kl_filter_options *o) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGINT, SIG_DFL); /* a shell's background jobs are started with it ignored */
  signal(SIGTERM, SIG_DFL);
  kl_auth_harden_process();
  wipe_environment();
  limit(RLIMIT_NOFILE, 0);
#ifndef __SANITIZE_ADDRESS__ /* whose shadow memory is larger than any ceiling */
  limit(RLIMIT_DATA, (rlim_t)o->memory_mb << 20);
#else
  (void)o;
#endif
}

/* Whether the bytes at p begin a control character that a terminal might obey: C0 but tab and line end, DEL, C1. */
static size_t control_length(const char *p, size_t n) {
  unsigned char c = (unsigned char)*p;
  if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f) return 1;
  return c == 0xc2 && n > 1 && (unsigned char)p[1] < 0xa0 ? 2 : 0;
}

static void print_text(const worker *w, FILE *out, const char *p, size_t n) {
  if (!w->o.terminal && out == stdout) {
    fwrite(p, 1, n, out);
    return;
  }
  for (size_t i = 0; i < n; i++) {
    size_t control = control_length(p + i, n - i);
    if (control) {
      i += control - 1;
      fprintf(out, "\\u%04x", (unsigned char)p[i]);
    } else {
      putc(p[i], out);
    }
  }
}

/* Takes v. */
static void print_result(const worker *w, jv v) {
  bool plain = jv_get_kind(v) == JV_KIND_STRING && !w->o.json;
  jv text = plain ? v : jv_dump_string(v, w->o.indent ? JV_PRINT_INDENT_FLAGS(2) : 0);
  print_text(w, stdout, jv_string_value(text), (size_t)jv_string_length_bytes(jv_copy(text)));
  putchar('\n');
  jv_free(text);
}

/* Takes message: what error() was given. */
static void complain(const worker *w, jv message) {
  if (jv_get_kind(message) != JV_KIND_STRING) message = jv_dump_string(message, 0);
  fputs("kalua: --jq: ", stderr);
  print_text(w, stderr, jv_string_value(message), (size_t)jv_string_length_bytes(jv_copy(message)));
  putc('\n', stderr);
  jv_free(message);
}

/* After halt or halt_error: the exit code, having said what it was given. */
static int halted(const worker *w) {
  jv code = jq_get_exit_code(w->jq), message = jq_get_error_message(w->jq);
  bool failed = jv_get_kind(code) == JV_KIND_NUMBER && jv_number_value(code) != 0;
  jv_free(code);
  if (jv_is_valid(message))
    complain(w, message);
  else
    jv_free(message);
  return failed ? KL_EXIT_FAILED : KL_EXIT_OK;
}

/* All results of one JSON text, which it takes. -1 to go on with the next, or an exit code. */
static int filter_one(const worker *w, jv text) {
  jq_start(w->jq, text, 0);
  jv result;
  while (jv_is_valid(result = jq_next(w->jq))) {
    print_result(w, result);
    if (!kl_cli_flush_output()) return KL_EXIT_FAILED;
  }
  if (jq_halted(w->jq)) {
    jv_free(result);
    return halted(w);
  }
  if (!jv_invalid_has_msg(jv_copy(result))) {
    jv_free(result);
    return -1;
  }
  complain(w, jv_invalid_get_msg(result));
  return KL_EXIT_FAILED;
}

/* Everything that has arrived whole. */
static int filter_arrived(const worker *w, jv_parser *parser) {
  jv text;
  while (jv_is_valid(text = jv_parser_next(parser))) {
    int code = filter_one(w, text);
    if (code >= 0) return code;
  }
  if (!jv_invalid_has_msg(jv_copy(text))) {
    jv_free(text);
    return -1;
  }
  jv why = jv_invalid_get_msg(text);
  fprintf(stderr, "kalua: --jq: the answer is not JSON: %s\n", jv_string_value(why));
  jv_free(why);
  return KL_EXIT_FAILED;
}

static int filter_all(const worker *w, int input) {
  static char chunk[CHUNK];
  jv_parser *parser = jv_parser_new(0);
  int code = -1;
  bool whole = true;
  while (code < 0) {
    ssize_t n = read(input, chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    if (chunk[n - 1] == given_up) {
      whole = false;
      n--;
    }
    jv_parser_set_buf(parser, chunk, (int)n, 1);
    code = filter_arrived(w, parser);
  }
  if (code < 0 && whole) {
    jv_parser_set_buf(parser, "", 0, 0);
    code = filter_arrived(w, parser);
  }
  jv_parser_free(parser);
  while (code == KL_EXIT_OK && read(input, chunk, sizeof chunk) > 0) {
  } /* after halt: the writer is not to fail */
  if (!kl_cli_flush_output()) return KL_EXIT_FAILED;
  return code < 0 ? KL_EXIT_OK : code;
}

/* For `input`: there is only what the filter is given. */
static jv no_input(jq_state *jq, void *data) {
  (void)jq;
  (void)data;
  return jv_invalid();
}

/* For `debug`, as jq itself says it. Takes v. */
static void show_debug(void *data, jv v) {
  jv text = jv_dump_string(jv_array_append(jv_array_append(jv_array(), jv_string("DEBUG:")), v), 0);
  print_text(data, stderr, jv_string_value(text), (size_t)jv_string_length_bytes(jv_copy(text)));
  putc('\n', stderr);
  jv_free(text);
}

static void out_of_memory(void *data) {
  static const char text[] = "kalua: --jq: the filter needs more memory than --mem allows\n";
  (void)data;
  ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
  (void)written;
  _exit(KL_EXIT_FAILED);
}

/* Tells the compiler's complaint, or nothing, through `report`; then filters `input`. */
static _Noreturn void work(const char *expression, const kl_filter_options *o, int report, int input) {
  worker w = {.o = *o};
  lock_down(o);
  w.jq = jq_init();
  bool ok = w.jq != NULL;
  if (ok) {
    jq_set_nomem_handler(w.jq, out_of_memory, NULL);
    jq_set_error_cb(w.jq, hear_complaint, &w);
    jq_set_input_cb(w.jq, no_input, NULL); /* 1.6 leaves these two uninitialised */
    jq_set_debug_cb(w.jq, show_debug, &w);
    jq_set_attr(w.jq, jv_string("JQ_LIBRARY_PATH"), jv_array());
    ok = jq_compile(w.jq, expression) != 0;
  }
  if (!ok) {
    if (w.complaint.len == 0) kl_buf_str(&w.complaint, "it cannot be compiled");
    ssize_t written = write(report, w.complaint.data, w.complaint.len);
    _exit(written < 0 ? KL_EXIT_FAILED : KL_EXIT_USAGE);
  }
  close(report);
  jq_set_error_cb(w.jq, NULL, NULL);
  _exit(filter_all(&w, input));
}

/* ---- the process that writes ---- */

static volatile sig_atomic_t filter_pid;
static void pass_on(int signum) { kill(filter_pid, signum); }

/* Until the child ends; a signal that asks this process to end goes to the child. */
static int wait_for(pid_t pid) {
  struct sigaction act = {.sa_handler = pass_on}, before_int, before_term;
  filter_pid = pid;
  sigaction(SIGINT, &act, &before_int);
  sigaction(SIGTERM, &act, &before_term);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  sigaction(SIGINT, &before_int, NULL);
  sigaction(SIGTERM, &before_term, NULL);
  return status;
}

/* What the child has to say before it filters; empty when it is ready. */
static void hear_report(int fd, char *text, size_t cap) {
  size_t n = 0;
  while (n + 1 < cap) {
    ssize_t got = read(fd, text + n, cap - 1 - n);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    n += (size_t)got;
  }
  text[n] = 0;
}

bool kl_filter_start(const char *expression, const kl_filter_options *o, kl_filter **out, kl_error *e) {
  int data[2], report[2];
  kl_filter *f = calloc(1, sizeof *f);
  if (!f) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
    return false;
  }
  f->stdout_fd = -1;
  if (pipe(data) != 0) goto no_pipe;
  if (pipe(report) != 0) goto no_report;
  fflush(stdout);
  f->stdout_fd = dup(STDOUT_FILENO);
  f->pid = f->stdout_fd < 0 ? -1 : fork();
  if (f->pid < 0) goto no_process;
  if (f->pid == 0) {
    close(data[1]);
    close(report[0]);
    close(f->stdout_fd);
    work(expression, o, report[1], data[0]);
  }
  close(data[0]);
  close(report[1]);
  char complaint[300];
  hear_report(report[0], complaint, sizeof complaint);
  close(report[0]);
  if (*complaint) {
    close(data[1]);
    close(f->stdout_fd);
    wait_for(f->pid);
    free(f);
    kl_error_set(e, "usage", "--jq: %s", complaint);
    return false;
  }
  dup2(data[1], STDOUT_FILENO);
  close(data[1]);
  signal(SIGPIPE, SIG_IGN); /* should the filter end before its input */
  *out = f;
  return true;

no_process:
  if (f->stdout_fd >= 0) close(f->stdout_fd);
  close(report[0]);
  close(report[1]);
no_report:
  close(data[0]);
  close(data[1]);
no_pipe:
  kl_error_set(e, KL_ERR_INTERNAL, "--jq: cannot start the filter: %s", strerror(errno));
  free(f);
  return false;
}

int kl_filter_finish(kl_filter *f, int code) {
  if (code != KL_EXIT_OK) putchar(given_up);
  bool written = kl_cli_flush_output();
  if (code == KL_EXIT_INTERRUPTED) kill(f->pid, SIGKILL);
  dup2(f->stdout_fd, STDOUT_FILENO);
  close(f->stdout_fd);
  int status = wait_for(f->pid);
  free(f);
  if (code != KL_EXIT_OK && code != KL_EXIT_FAILED) return code;
  if (WIFEXITED(status)) {
    if (code != KL_EXIT_OK) return code;
    return WEXITSTATUS(status) || written ? WEXITSTATUS(status) : KL_EXIT_FAILED;
  }
  int signum = WTERMSIG(status);
  if (signum == SIGINT || signum == SIGTERM) return KL_EXIT_INTERRUPTED;
  if (signum == SIGPIPE) return KL_EXIT_FAILED; /* its reader has gone, which is no news */
  fprintf(stderr, "kalua: --jq: the filter was ended by a signal: %s\n", strsignal(signum));
  return KL_EXIT_FAILED;
}
