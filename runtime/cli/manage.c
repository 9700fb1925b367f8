/* kalua reload, stop and start: what to do to running scripts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_fields.h"
#include "cli/cli.h"
#include "control/client.h"

/* One of the three commands. */
typedef struct verb {
  const char *op;
  const char *done; /* what it has become */
  void (*tell)(const char *name, const json_t *answer);
  bool now;    /* of stop */
  bool resume; /* of start */
} verb;

static void tell_reloaded(const char *name, const json_t *answer) {
  printf("[%s] reloaded in %.1f ms, generation %lld\n", name, json_number_value(json_object_get(answer, "ms")),
         (long long)json_integer_value(json_object_get(answer, "generation")));
}

static void tell_stopped(const char *name, const json_t *answer) {
  bool failed = json_is_true(json_object_get(answer, "failed"));
  printf("[%s] stopped%s\n", name, failed ? "; it has failed, see `kalua logs`" : "");
}

static void tell_started(const char *name, const json_t *answer) {
  printf("[%s] %s, generation %lld\n", name, json_is_true(json_object_get(answer, "resumed")) ? "resumed" : "started",
         (long long)json_integer_value(json_object_get(answer, "generation")));
}

/* Why it was not done; with the generation that goes on, where there is one. */
static void tell_error(const verb *v, const char *name, const kl_error *e, const json_t *refusal) {
  fprintf(stderr, "kalua: [%s] not %s: %s", name, v->done, e->message);
  json_t *generation = json_object_get(refusal, "generation");
  if (generation) fprintf(stderr, " (generation %lld goes on)", (long long)json_integer_value(generation));
  fputc('\n', stderr);
}

static bool do_one(const verb *v, const kl_running *r) {
  kl_control_peer *p = NULL;
  kl_error e = {0};
  kl_buf fields = {0};
  json_t *answer = NULL, *refusal = NULL;
  kl_json_field_str(&fields, "name", r->name);
  if (v->now) kl_json_field_bool(&fields, "now", true);
  if (v->resume) kl_json_field_bool(&fields, "resume", true);
  if (kl_control_connect(r->process, KL_CONTROL_ANSWER_MS, &p, &e))
    answer = kl_control_ask(p, v->op, &fields, -1, &refusal, &e);
  else
    kl_buf_free(&fields);
  kl_control_disconnect(p);
  /* A process that has gone has no script that runs. */
  bool ok = answer || (!strcmp(v->op, "stop") && p && e.kind && !strcmp(e.kind, KL_ERR_CLOSED) && !refusal);
  if (ok)
    v->tell(r->name, answer);
  else
    tell_error(v, r->name, &e, refusal);
  fflush(stdout);
  json_decref(answer);
  json_decref(refusal);
  return ok;
}

typedef struct targets {
  const kl_running **all; /* owned; borrowed from the list */
  size_t n;
} targets;

static bool add_targets(targets *t, const kl_running_list *l, const char *name, kl_error *e) {
  const kl_running **found = NULL;
  size_t n;
  if (!kl_running_find(l, name, &found, &n, e)) return false;
  const kl_running **grown = realloc(t->all, (t->n + n) * sizeof(const kl_running *));
  if (grown) {
    memcpy(grown + t->n, found, n * sizeof(const kl_running *));
    t->all = grown;
    t->n += n;
  } else {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
  }
  free(found);
  return grown != NULL;
}

/* All that were named, or none where one is not found. */
static int do_all(const verb *v, const kl_text_list *names) {
  kl_running_list l;
  targets t = {0};
  kl_error e = {0};
  if (!kl_running_get(&l, &e)) return kl_cli_fail(&e);
  int code = KL_EXIT_OK;
  for (size_t i = 0; code == KL_EXIT_OK && i < names->n; i++)
    if (!add_targets(&t, &l, names->items[i], &e)) code = kl_cli_fail(&e);
  if (code == KL_EXIT_OK) {
    for (size_t i = 0; i < t.n; i++)
      if (!do_one(v, t.all[i])) code = KL_EXIT_FAILED;
  }
  free(t.all);
  kl_running_free(&l);
  return code;
}

static int run(verb *v, const char *usage, int argc, char **argv) {
  const kl_opt now[] = {{"now", KL_OPT_FLAG, &v->now, NULL, "without waiting for its on_stop handlers", 0, 0},
                        {NULL, KL_OPT_FLAG, NULL, NULL, NULL, 0, 0}};
  const kl_opt resume[] = {{"resume", KL_OPT_FLAG, &v->resume, NULL, "although a breaker has halted it", 0, 0},
                           {NULL, KL_OPT_FLAG, NULL, NULL, NULL, 0, 0}};
  const kl_opt none[] = {{NULL, KL_OPT_FLAG, NULL, NULL, NULL, 0, 0}};
  const kl_opt *const tables[] = {!strcmp(v->op, "stop") ? now : !strcmp(v->op, "start") ? resume : none, NULL};
  kl_text_list names = {0};
  int code = kl_opts_parse(v->op, usage, tables, argc, argv, &names, NULL);
  if (code < 0 && names.n == 0) code = kl_cli_usage(v->op, "which script? `kalua ps` lists them");
  if (code < 0) code = do_all(v, &names);
  kl_text_list_free(&names);
  return code;
}

#define WHICH "NAME is one that `kalua ps` shows, PID:NAME, or PID for all scripts of that process.\n"

int kl_command_reload(int argc, char **argv) {
  static const char usage[] =
      "usage: kalua reload NAME...\n\n"
      "Starts the source of a running script, as it is now, as a new version beside the old one, and\n"
      "waits for the outcome: 0 when the new one has taken over, 1 when the old one goes on.\n" WHICH;
  verb v = {.op = "reload", .done = "reloaded", .tell = tell_reloaded};
  return run(&v, usage, argc, argv);
}

int kl_command_stop(int argc, char **argv) {
  static const char usage[] =
      "usage: kalua stop NAME...\n\n"
      "Ends a running script as Ctrl-C does, with its on_stop handlers, and waits until it has ended. The\n"
      "other scripts of its process go on; with the last one the process ends.\n" WHICH;
  verb v = {.op = "stop", .done = "stopped", .tell = tell_stopped};
  return run(&v, usage, argc, argv);
}

int kl_command_start(int argc, char **argv) {
  static const char usage[] =
      "usage: kalua start NAME...\n\n"
      "Starts a script anew that has ended in a process where others go on. One that a breaker has\n"
      "halted (max_daily_loss) may trade again only with --resume, also where it runs.\n" WHICH;
  verb v = {.op = "start", .done = "started", .tell = tell_started};
  return run(&v, usage, argc, argv);
}
