/* kalua logs: the last lines of running scripts, and those that come. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/explain.h"
#include "base/json_fields.h"
#include "base/log.h"
#include "cli/cli.h"
#include "control/client.h"

/* One process whose lines are read. */
typedef struct source {
  kl_control_peer *peer; /* NULL once it has gone */
  const char *name;      /* of the script; NULL: all of the process */
  int64_t after, request;
} source;

typedef struct line {
  json_t *event; /* owned */
  const char *ts;
  int64_t pid, number;
} line;

typedef struct logs {
  bool follow, json, failed;
  int64_t n;
  source *sources;
  size_t n_sources;
  line *lines; /* of the past */
  size_t n_lines;
} logs;

/* ---- printing ---- */

static const char *text_of(const json_t *event, const char *key) {
  const char *text = json_string_value(json_object_get(event, key));
  return text ? text : "";
}

static void print_text(const char *key, const json_t *event) {
  kl_buf b = {0};
  const char *text = text_of(event, key);
  kl_log_escape(&b, text, strlen(text));
  if (!b.failed && b.len > 0) fwrite(b.data, 1, b.len, stdout);
  kl_buf_free(&b);
}

/* As the log has it: HH:MM:SS.mmm level source text. */
static void print_line(const logs *l, const json_t *event, int64_t pid) {
  if (l->json) {
    kl_buf b = {0};
    kl_buf_char(&b, '{');
    kl_json_field_str(&b, "ts", text_of(event, "ts"));
    kl_json_field_str(&b, "level", text_of(event, "level"));
    kl_json_field_str(&b, "source", text_of(event, "source"));
    kl_json_field_str(&b, "msg", text_of(event, "msg"));
    const char *text = text_of(event, "msg"), *code;
    char word[64];
    size_t n;
    if (kl_explain_find(text, strlen(text), &code, &n) && n < sizeof word) {
      memcpy(word, code, n);
      word[n] = 0;
      kl_json_field_str(&b, "code", word);
    }
    kl_json_field_int(&b, "pid", pid);
    kl_buf_str(&b, "}\n");
    if (!b.failed) fwrite(b.data, 1, b.len, stdout);
    kl_buf_free(&b);
    return;
  }
  const char *clock = strchr(text_of(event, "ts"), 'T');
  printf("%.12s %-5.8s ", clock ? clock + 1 : "", text_of(event, "level"));
  print_text("source", event);
  putchar(' ');
  print_text("msg", event);
  putchar('\n');
}

static void tell_lost(const source *s) {
  kl_cli_flush_output();
  fprintf(stderr, "kalua: lines of process %lld are missing here: they came faster than they were read\n",
          (long long)kl_control_peer_pid(s->peer));
}

/* ---- the past ---- */

static bool ask(source *s, int64_t n, bool follow, kl_error *e) {
  kl_buf fields = {0};
  if (s->name) kl_json_field_str(&fields, "name", s->name);
  if (n >= 0) kl_json_field_int(&fields, "n", n);
  if (n < 0) kl_json_field_int(&fields, "after", s->after);
  kl_json_field_bool(&fields, "follow", follow);
  return kl_control_send(s->peer, "logs", &fields, &s->request, e);
}

static bool keep(logs *l, json_t *event, int64_t pid) {
  line *grown = realloc(l->lines, (l->n_lines + 1) * sizeof *grown);
  if (!grown) return false;
  l->lines = grown;
  grown[l->n_lines++] = (line){.event = json_incref(event),
                               .ts = text_of(event, "ts"),
                               .pid = pid,
                               .number = json_integer_value(json_object_get(event, "number"))};
  return true;
}

/* Reads what was said so far; false with `e`. */
static bool read_past(logs *l, source *s, kl_error *e) {
  if (!ask(s, l->n, false, e)) return false;
  for (;;) {
    json_t *m = kl_control_receive(s->peer, KL_CONTROL_ANSWER_MS, e);
    if (!m) return false;
    json_t *ok = json_object_get(m, "ok");
    const char *event = json_string_value(json_object_get(m, "event"));
    bool kept = true;
    if (event && !strcmp(event, "line")) kept = keep(l, m, kl_control_peer_pid(s->peer));
    if (ok) s->after = json_integer_value(json_object_get(m, "after"));
    if (json_is_false(ok)) {
      const char *why = json_string_value(json_object_get(json_object_get(m, "error"), "message"));
      kl_error_set(e, KL_ERR_VALIDATION, "%s", why ? why : "refused");
    }
    bool done = json_is_true(ok), refused = json_is_false(ok);
    json_decref(m);
    if (!kept) kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
    if (!kept || refused) return false;
    if (done) return true;
  }
}

static int by_time(const void *a, const void *b) {
  const line *x = a, *y = b;
  int order = strcmp(x->ts, y->ts);
  if (order == 0) order = (x->pid > y->pid) - (x->pid < y->pid);
  return order ? order : (x->number > y->number) - (x->number < y->number);
}

static void print_past(logs *l) {
  if (l->n_sources > 1 && l->n_lines > 1) qsort(l->lines, l->n_lines, sizeof *l->lines, by_time);
  size_t n = (size_t)l->n, first = l->n_lines > n ? l->n_lines - n : 0;
  for (size_t i = 0; i < l->n_lines; i++) {
    if (i >= first) print_line(l, l->lines[i].event, l->lines[i].pid);
    json_decref(l->lines[i].event);
  }
  free(l->lines);
}

/* ---- what comes ---- */

static void lose(source *s) {
  kl_control_disconnect(s->peer);
  s->peer = NULL;
}

/* Prints what is there; false once the process has gone. */
static bool take(const logs *l, source *s, kl_error *e) {
  for (;;) {
    json_t *m = kl_control_receive(s->peer, 0, e);
    if (!m) return e->kind && !strcmp(e->kind, KL_ERR_TIMEOUT);
    const char *event = json_string_value(json_object_get(m, "event"));
    bool over = json_object_get(m, "ok") != NULL;
    if (event && !strcmp(event, "line")) print_line(l, m, kl_control_peer_pid(s->peer));
    if (event && !strcmp(event, "lost")) tell_lost(s);
    json_decref(m);
    if (over) return false;
  }
}

static void follow(logs *l) {
  if (l->n_sources == 0) return;
  struct pollfd *fds = calloc(l->n_sources, sizeof *fds);
  size_t left = 0;
  kl_error e = {0};
  for (size_t i = 0; fds && i < l->n_sources; i++) {
    source *s = &l->sources[i];
    if (s->peer && !ask(s, -1, true, &e)) lose(s);
    left += s->peer != NULL;
  }
  while (left > 0) {
    for (size_t i = 0; i < l->n_sources; i++)
      fds[i] =
          (struct pollfd){.fd = l->sources[i].peer ? kl_control_peer_fd(l->sources[i].peer) : -1, .events = POLLIN};
    if (!kl_cli_flush_output()) {
      l->failed = true;
      break;
    }
    if (poll(fds, l->n_sources, -1) < 0 && errno != EINTR) break;
    for (size_t i = 0; i < l->n_sources; i++) {
      if (fds[i].fd < 0 || !fds[i].revents || take(l, &l->sources[i], &e)) continue;
      lose(&l->sources[i]);
      left--;
    }
  }
  free(fds);
}

/* ---- which ---- */

static bool add_source(logs *l, const kl_listed *process, const char *name) {
  source *grown = realloc(l->sources, (l->n_sources + 1) * sizeof *grown);
  kl_error e = {0};
  if (!grown) return false;
  l->sources = grown;
  source *s = &grown[l->n_sources];
  *s = (source){.name = name};
  if (!kl_control_connect(process, KL_CONTROL_ANSWER_MS, &s->peer, &e)) {
    fprintf(stderr, "kalua: %s\n", e.message);
    l->failed = true;
    return true;
  }
  l->n_sources++;
  return true;
}

/* The processes whose lines are wanted: one script, all of a process, or of all. False with `e`. */
static bool add_sources(logs *l, const kl_running_list *all, const char *what, kl_error *e) {
  bool ok = true;
  if (!what) {
    for (size_t i = 0; ok && i < all->n_processes; i++)
      ok = add_source(l, &all->processes[i], NULL);
    if (ok && all->n_processes == 0) {
      kl_error_coded(e, KL_ERR_VALIDATION, "no_script_running",
                     "no script of this user is running; start one by `kalua run SCRIPT`");
      return false;
    }
  } else {
    const kl_running **found = NULL;
    size_t n = 0;
    char *end;
    if (!kl_running_find(all, what, &found, &n, e)) return false;
    (void)strtoll(what, &end, 10);
    /* PID alone is the whole process, with what belongs to none of its scripts. */
    bool whole = *end == 0 && strcmp(found[0]->name, what) != 0;
    ok = add_source(l, found[0]->process, whole ? NULL : found[0]->name);
    free(found);
  }
  if (!ok) kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
  return ok;
}

static int run(logs *l, const char *what) {
  kl_running_list all;
  kl_error e = {0};
  if (!kl_running_get(&all, &e)) return kl_cli_fail(&e);
  bool ok = add_sources(l, &all, what, &e);
  for (size_t i = 0; ok && i < l->n_sources; i++)
    ok = read_past(l, &l->sources[i], &e);
  print_past(l);
  if (!ok) {
    kl_cli_flush_output();
    fprintf(stderr, "kalua: %s\n", e.message);
  } else if (l->follow) {
    follow(l);
  }
  for (size_t i = 0; i < l->n_sources; i++)
    kl_control_disconnect(l->sources[i].peer);
  free(l->sources);
  kl_running_free(&all);
  return ok && !l->failed ? KL_EXIT_OK : KL_EXIT_FAILED;
}

int kl_command_logs(int argc, char **argv) {
  static const char usage[] =
      "usage: kalua logs [NAME]\n\n"
      "The last lines of a running script, of its log and of what it printed; without NAME those of all,\n"
      "and of what belongs to none. NAME is one that `kalua ps` shows, PID:NAME, or PID for all of a\n"
      "process. A process keeps the last 1,000 lines of each script, and they end with it.\n";
  logs l = {.n = 100};
  const kl_opt own[] = {
      {"follow", KL_OPT_FLAG, &l.follow, NULL, "go on with the lines that come, until the process ends", .letter = 'f'},
      {"lines", KL_OPT_INT, &l.n, "N", "how many of the last ones", 0, 1000000, .letter = 'n', .fallback = "100"},
      {"json", KL_OPT_FLAG, &l.json, NULL, "one object per line: ts, level, source, msg, pid", 0, 0},
      {NULL, KL_OPT_FLAG, NULL, NULL, NULL, 0, 0}};
  kl_text_list names = {0};
  int code = kl_opts_parse("logs", usage, (const kl_opt *const[]){own, NULL}, argc, argv, &names, NULL);
  if (code < 0 && names.n > 1) code = kl_cli_usage("logs", "one script, or all: what is \"%s\"?", names.items[1]);
  signal(SIGPIPE, SIG_IGN); /* a reader that goes ends it quietly */
  if (code < 0) code = run(&l, names.n ? names.items[0] : NULL);
  kl_text_list_free(&names);
  return code;
}
