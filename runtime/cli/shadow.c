/* kalua shadow: where a new version and the script beside which it runs differ, and what becomes of it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/json_fields.h"
#include "base/log.h"
#include "cli/cli.h"
#include "control/client.h"

enum { COLUMNS = 7, CELL = 80 };

typedef struct wish {
  bool json, promote, stop;
  const char *start; /* a file; NULL: not wanted */
  int64_t n;
} wish;

/* ---- the table ---- */

static const char *const columns[COLUMNS] = {"TIME", "WHO", "OPERATION", "TICKER", "SIDE", "PRICE", "COUNT"};
static const char *const keys[COLUMNS] = {"ts", "who", "operation", "ticker", "side", "price", "count"};
enum { COLUMN_TIME = 0, COLUMN_PRICE = 5 };

/* The time of day, UTC; "0.4200" as "0.42". */
static void cell(char out[CELL], const json_t *row, size_t column) {
  const json_t *v = json_object_get(row, keys[column]);
  const char *text = json_string_value(v);
  int64_t us;
  snprintf(out, CELL, "%s", text ? text : "");
  if (column == COLUMN_TIME && text && kl_time_parse_rfc3339(text, json_string_length(v), &us)) {
    time_t seconds = (time_t)(us / 1000000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    snprintf(out, CELL, "%02d:%02d:%02d.%03d", utc.tm_hour, utc.tm_min, utc.tm_sec, (int)(us / 1000 % 1000));
  }
  if (column < COLUMN_PRICE || !strchr(out, '.')) return;
  size_t n = strlen(out);
  while (out[n - 1] == '0')
    n--;
  if (out[n - 1] == '.') n--;
  out[n] = 0;
}

/* One line; `row` NULL: the titles. */
static void print_row(const json_t *row, const size_t width[COLUMNS], kl_buf *line) {
  char text[CELL];
  kl_buf_clear(line);
  for (size_t c = 0; c < COLUMNS; c++) {
    if (row)
      cell(text, row, c);
    else
      snprintf(text, sizeof text, "%s", columns[c]);
    if (c) kl_buf_str(line, "  ");
    size_t pad = width[c] - strlen(text);
    if (c >= COLUMN_PRICE) kl_buf_printf(line, "%*s", (int)pad, "");
    kl_log_escape(line, text, strlen(text)); /* tickers are the script's own words */
    if (c < COLUMN_PRICE) kl_buf_printf(line, "%*s", (int)pad, "");
  }
  while (line->len && line->data[line->len - 1] == ' ')
    line->len--;
  printf("%.*s\n", (int)line->len, line->data ? line->data : "");
}

static void print_rows(const json_t *rows) {
  size_t width[COLUMNS], i;
  const json_t *row;
  char text[CELL];
  kl_buf line = {0};
  for (size_t c = 0; c < COLUMNS; c++) {
    width[c] = strlen(columns[c]);
    json_array_foreach(rows, i, row) {
      cell(text, row, c);
      if (strlen(text) > width[c]) width[c] = strlen(text);
    }
  }
  print_row(NULL, width, &line);
  json_array_foreach(rows, i, row) print_row(row, width, &line);
  kl_buf_free(&line);
}

static const char *text_of(const json_t *o, const char *key) {
  const char *text = json_string_value(json_object_get(o, key));
  return text ? text : "";
}

static int64_t number_of(const json_t *o, const char *key) { return json_integer_value(json_object_get(o, key)); }

static void print_shadow(const json_t *s) {
  const char *phase = text_of(s, "phase"), *error = text_of(s, "last_error");
  const json_t *rows = json_object_get(s, "differences");
  int64_t undecided = number_of(s, "undecided"), left_out = number_of(s, "left_out");
  printf("%s beside %s: %" PRId64 " same, %" PRId64 " only old, %" PRId64 " only new", text_of(s, "path"),
         text_of(s, "name"), number_of(s, "same"), number_of(s, "only_old"), number_of(s, "only_new"));
  if (undecided) printf(", %" PRId64 " of the last second", undecided);
  putchar('\n');
  bool failed = !strcmp(phase, "failed") || !strcmp(phase, "waiting");
  if (!strcmp(phase, "ended")) puts("the shadow has ended");
  if (!strcmp(phase, "waiting")) puts("the shadow has failed, and is started again soon");
  if (*error) {
    kl_buf line = {0};
    kl_log_escape(&line, error, strlen(error));
    printf("%s: %s\n", failed ? "it failed" : "its last error", line.data ? line.data : "");
    kl_buf_free(&line);
  }
  if (json_array_size(rows) == 0) return;
  putchar('\n');
  if (left_out) printf("(%" PRId64 " before these)\n", left_out);
  print_rows(rows);
}

/* ---- asking ---- */

/* The answer of a process, owned; NULL with `e`. */
static json_t *ask(const kl_listed *process, const char *op, kl_buf *fields, int timeout_ms, json_t **refusal,
                   kl_error *e) {
  kl_control_peer *p = NULL;
  json_t *answer = NULL;
  if (kl_control_connect(process, KL_CONTROL_ANSWER_MS, &p, e))
    answer = kl_control_ask(p, op, fields, timeout_ms, refusal, e);
  else
    kl_buf_free(fields);
  kl_control_disconnect(p);
  return answer;
}

static json_t *ask_shadows(const kl_listed *process, const char *name, int64_t n, kl_error *e) {
  kl_buf fields = {0};
  if (name) kl_json_field_str(&fields, "name", name);
  kl_json_field_int(&fields, "n", n);
  return ask(process, "shadow", &fields, KL_CONTROL_ANSWER_MS, NULL, e);
}

static void collect(json_t *all, const json_t *answer, int64_t pid) {
  size_t i;
  json_t *s;
  json_array_foreach(json_object_get(answer, "shadows"), i, s) {
    json_object_set_new(s, "pid", json_integer(pid));
    json_array_append(all, s);
  }
}

static int print_all(const json_t *all, bool json) {
  size_t i;
  const json_t *s;
  if (json) {
    json_dumpf(all, stdout, JSON_COMPACT); /* what could not be written is said at the end */
    putchar('\n');
    return KL_EXIT_OK;
  }
  if (json_array_size(all) == 0) puts("no running script has a shadow");
  json_array_foreach(all, i, s) {
    if (i) putchar('\n');
    print_shadow(s);
  }
  return KL_EXIT_OK;
}

/* Of every process; those that do not answer have none to show. */
static int show_all(const kl_running_list *l, const wish *w) {
  json_t *all = json_array();
  for (size_t i = 0; all && i < l->n_processes; i++) {
    kl_error e = {0};
    json_t *answer = ask_shadows(&l->processes[i], NULL, w->n, &e);
    if (answer) collect(all, answer, l->processes[i].pid);
    json_decref(answer);
  }
  int code = print_all(all, w->json);
  json_decref(all);
  return code;
}

static int promote(const kl_running *r, kl_error *e) {
  kl_buf fields = {0};
  json_t *refusal = NULL;
  kl_json_field_str(&fields, "name", r->name);
  json_t *answer = ask(r->process, "promote", &fields, -1, &refusal, e);
  if (answer) {
    printf("[%s] promoted in %.1f ms, generation %" PRId64 "\n", r->name,
           json_number_value(json_object_get(answer, "ms")), number_of(answer, "generation"));
  } else {
    const json_t *generation = json_object_get(refusal, "generation");
    fprintf(stderr, "kalua: [%s] not promoted: %s", r->name, e->message);
    if (generation) fprintf(stderr, " (generation %lld goes on)", (long long)json_integer_value(generation));
    fputc('\n', stderr);
  }
  int code = answer ? KL_EXIT_OK : KL_EXIT_FAILED;
  json_decref(answer);
  json_decref(refusal);
  return code;
}

static int stop(const kl_running *r, const json_t *shadow, kl_error *e) {
  kl_buf fields = {0};
  const char *name = text_of(shadow, "shadow");
  kl_json_field_str(&fields, "name", name);
  json_t *answer = ask(r->process, "stop", &fields, -1, NULL, e);
  if (!answer) return kl_cli_fail(e);
  printf("[%s] stopped\n", name);
  json_decref(answer);
  return KL_EXIT_OK;
}

/* The file is named as the process finds it, whose folder may be another one. */
static int start(const kl_running *r, const char *file, kl_error *e) {
  kl_buf fields = {0};
  char *path = realpath(file, NULL);
  if (!path) return kl_cli_usage("shadow", "there is no file %s", file);
  kl_json_field_str(&fields, "name", r->name);
  kl_json_field_str(&fields, "path", path);
  free(path);
  json_t *answer = ask(r->process, "shadow_start", &fields, KL_CONTROL_ANSWER_MS, NULL, e);
  if (!answer) return kl_cli_fail(e);
  printf("[%s] started\n", text_of(answer, "shadow"));
  json_decref(answer);
  return KL_EXIT_OK;
}

static int show_one(const kl_running *r, const wish *w) {
  kl_error e = {0};
  if (w->start) return start(r, w->start, &e);
  if (w->promote) return promote(r, &e);
  json_t *answer = ask_shadows(r->process, r->name, w->n, &e), *all = json_array();
  int code = KL_EXIT_FAILED;
  if (!answer || !all) {
    code = kl_cli_fail(&e);
  } else if (w->stop) {
    code = stop(r, json_array_get(json_object_get(answer, "shadows"), 0), &e);
  } else {
    collect(all, answer, r->process->pid);
    code = print_all(all, w->json);
  }
  json_decref(all);
  json_decref(answer);
  return code;
}

static int run(const char *name, const wish *w) {
  kl_running_list l;
  kl_error e = {0};
  const kl_running **found = NULL;
  size_t n = 0;
  if (!kl_running_get(&l, &e)) return kl_cli_fail(&e);
  int code;
  if (!name)
    code = show_all(&l, w);
  else if (!kl_running_find(&l, name, &found, &n, &e))
    code = kl_cli_fail(&e);
  else if (n > 1)
    code = kl_cli_usage("shadow", "%s stands for several scripts: name one of them", name);
  else
    code = show_one(found[0], w);
  free(found);
  kl_running_free(&l);
  return code;
}

int kl_command_shadow(int argc, char **argv) {
  static const char usage[] =
      "usage: kalua shadow [NAME]\n\n"
      "Where a script and its shadow (`kalua run --shadow NEW=OLD`) differ: what only one of them did, by\n"
      "operation, market, side, price and count, within a second. NAME is one that `kalua ps` shows, of the\n"
      "script or of its shadow, or PID:NAME; without it, all shadows.\n";
  wish w = {.n = 1000};
  const kl_opt own[] = {{"lines", KL_OPT_INT, &w.n, "N", "the last N differences", 0, 10000, .fallback = "1000"},
                        {"json", KL_OPT_FLAG, &w.json, NULL, "an array of objects", 0, 0},
                        {"start", KL_OPT_TEXT, &w.start, "SCRIPT", "start one, with a copy of the state of NAME", 0, 0},
                        {"promote", KL_OPT_FLAG, &w.promote, NULL, "the new version becomes the one that runs", 0, 0},
                        {"stop", KL_OPT_FLAG, &w.stop, NULL, "end the shadow; the script goes on", 0, 0},
                        {NULL, KL_OPT_FLAG, NULL, NULL, NULL, 0, 0}};
  kl_text_list names = {0};
  int code = kl_opts_parse("shadow", usage, (const kl_opt *const[]){own, NULL}, argc, argv, &names, NULL);
  if (code < 0 && names.n > 1) code = kl_cli_usage("shadow", "one NAME at a time");
  if (code < 0 && w.promote + w.stop + (w.start != NULL) > 1)
    code = kl_cli_usage("shadow", "one of --start, --promote and --stop");
  if (code < 0 && (w.promote || w.stop || w.start) && names.n == 0)
    code = kl_cli_usage("shadow", "of which script? `kalua shadow` lists those that have one");
  if (code < 0) code = run(names.n ? names.items[0] : NULL, &w);
  kl_text_list_free(&names);
  return code;
}
