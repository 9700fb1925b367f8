/* kalua ps: the running scripts of this user. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/cli.h"
#include "control/client.h"
#include "trading/kill_mark.h"

enum { COLUMNS = 10, CELL = 32 };

static const struct {
  const char *title;
  bool right;
} columns[COLUMNS] = {{"NAME", false}, {"PID", true},     {"ENV", false},  {"STATE", false}, {"GEN", true},
                      {"UP", true},    {"RELOADS", true}, {"TASKS", true}, {"MEMORY", true}, {"ERRORS", true}};

/* Of one row, but for the name, which may be long. */
typedef struct row {
  const char *name;
  char cells[COLUMNS][CELL];
} row;

static const char *text_of(const kl_running *r, const char *key) {
  const char *text = json_string_value(json_object_get(r->status, key));
  return text ? text : "";
}

static int64_t number_of(const kl_running *r, const char *key) {
  return json_integer_value(json_object_get(r->status, key));
}

/* Two units at most: 42s, 3m05s, 2h07m, 12d03h. */
static void format_age(char out[CELL], int64_t seconds) {
  if (seconds < 0) seconds = 0;
  if (seconds < 60)
    snprintf(out, CELL, "%" PRId64 "s", seconds);
  else if (seconds < 3600)
    snprintf(out, CELL, "%" PRId64 "m%02" PRId64 "s", seconds / 60, seconds % 60);
  else if (seconds < 86400)
    snprintf(out, CELL, "%" PRId64 "h%02" PRId64 "m", seconds / 3600, seconds / 60 % 60);
  else
    snprintf(out, CELL, "%" PRId64 "d%02" PRId64 "h", seconds / 86400, seconds / 3600 % 24);
}

static void format_bytes(char out[CELL], int64_t bytes) {
  static const char *const units[] = {"B", "K", "M", "G"};
  double v = (double)bytes;
  size_t unit = 0;
  for (; v >= 1000 && unit < 3; unit++)
    v /= 1024;
  snprintf(out, CELL, v < 10 && unit > 0 ? "%.1f%s" : "%.0f%s", v, units[unit]);
}

static void fill_row(row *out, const kl_running *r, int64_t now_ms) {
  int64_t values[COLUMNS] = {[4] = number_of(r, "generation"),
                             [6] = number_of(r, "reloads"),
                             [7] = number_of(r, "tasks"),
                             [9] = number_of(r, "errors")};
  bool ended = !strcmp(text_of(r, "phase"), "ended"), failed = json_is_true(json_object_get(r->status, "failed"));
  out->name = r->name;
  snprintf(out->cells[1], CELL, "%" PRId64, r->process->pid);
  if (!r->status) {
    snprintf(out->cells[2], CELL, "-");
    snprintf(out->cells[3], CELL, "no answer");
    for (size_t i = 4; i < COLUMNS; i++)
      snprintf(out->cells[i], CELL, "-");
    return;
  }
  snprintf(out->cells[2], CELL, "%s", text_of(r, "env"));
  snprintf(out->cells[3], CELL, "%s", ended && failed ? "failed" : text_of(r, "phase"));
  for (size_t i = 4; i < COLUMNS; i++)
    snprintf(out->cells[i], CELL, "%" PRId64, values[i]);
  format_age(out->cells[5], (now_ms - number_of(r, "started_ms")) / 1000);
  format_bytes(out->cells[8], number_of(r, "memory"));
  if (ended) snprintf(out->cells[5], CELL, "-");
}

/* Characters, which for the names of most files are columns. */
static size_t width_of(const char *text) {
  size_t n = 0;
  for (; *text; text++)
    n += ((unsigned char)*text & 0xC0) != 0x80;
  return n;
}

static void print_cell(const char *text, bool right, size_t width, bool last) {
  size_t pad = width - width_of(text);
  printf("%*s%s%*s", right ? (int)pad : 0, "", text, right || last ? 0 : (int)pad, "");
  fputs(last ? "\n" : "  ", stdout);
}

static const char *cell(const row *r, size_t i) { return i == 0 ? r->name : r->cells[i]; }

static void print_rows(const row *rows, size_t n) {
  size_t width[COLUMNS];
  for (size_t i = 0; i < COLUMNS; i++) {
    width[i] = strlen(columns[i].title);
    for (size_t k = 0; k < n; k++)
      if (width_of(cell(&rows[k], i)) > width[i]) width[i] = width_of(cell(&rows[k], i));
  }
  for (size_t i = 0; i < COLUMNS; i++)
    print_cell(columns[i].title, columns[i].right, width[i], i + 1 == COLUMNS);
  for (size_t k = 0; k < n; k++) {
    for (size_t i = 0; i < COLUMNS; i++)
      print_cell(cell(&rows[k], i), columns[i].right, width[i], i + 1 == COLUMNS);
  }
}

static void print_line(const char *name, const char *text, bool *first) {
  kl_buf line = {0};
  kl_log_escape(&line, text, strlen(text));
  if (*first) putchar('\n');
  *first = false;
  if (!line.failed) printf("[%s] %s\n", name, line.data);
  kl_buf_free(&line);
}

/* What went wrong last, and why nothing is traded, for those where that is so. */
static void print_errors(const kl_running_list *l) {
  bool first = true;
  for (size_t i = 0; i < l->n; i++) {
    const kl_running *r = &l->items[i];
    const char *error = text_of(r, "last_error");
    const json_t *notes = json_object_get(r->status, "notes"); /* an older process has none */
    size_t k;
    json_t *note;
    if (*error) print_line(r->name, error, &first);
    json_array_foreach(notes, k, note) {
      if (json_is_string(note)) print_line(r->name, json_string_value(note), &first);
    }
  }
}

/* For those that are started yet, too. */
static void print_kill(void) {
  char why[256];
  if (kl_kill_mark_read(why, sizeof why)) printf("\n%s\n", why);
}

static int print_table(const kl_running_list *l) {
  int64_t now_ms = kl_wall_ms(kl_clock_real());
  row *rows = calloc(l->n ? l->n : 1, sizeof *rows);
  if (!rows) {
    fputs("kalua: not enough memory\n", stderr);
    return KL_EXIT_FAILED;
  }
  if (l->n == 0) puts("no script of this user is running");
  for (size_t i = 0; i < l->n; i++)
    fill_row(&rows[i], &l->items[i], now_ms);
  if (l->n > 0) print_rows(rows, l->n);
  print_errors(l);
  print_kill();
  free(rows);
  return KL_EXIT_OK;
}

static int print_json(const kl_running_list *l) {
  json_t *all = json_array();
  for (size_t i = 0; i < l->n; i++) {
    const kl_running *r = &l->items[i];
    json_t *one = r->status ? json_incref(r->status)
                            : json_pack("{s:s, s:I, s:s}", "name", r->name, "pid", (json_int_t)r->process->pid, "phase",
                                        "no answer");
    if (json_array_append_new(all, one) != 0) {
      json_decref(all);
      fputs("kalua: not enough memory\n", stderr);
      return KL_EXIT_FAILED;
    }
  }
  json_dumpf(all, stdout, JSON_COMPACT); /* what could not be written is said at the end */
  putchar('\n');
  json_decref(all);
  return KL_EXIT_OK;
}

static int print_names(const kl_running_list *l) {
  for (size_t i = 0; i < l->n; i++)
    puts(l->items[i].name);
  return KL_EXIT_OK;
}

int kl_command_ps(int argc, char **argv) {
  static const char usage[] =
      "usage: kalua ps\n\n"
      "The running scripts of this user: of every `kalua run` and `kalua demo`, and those that ended in\n"
      "a process where others go on.\n";
  bool json = false, names = false;
  const kl_opt own[] = {{"json", KL_OPT_FLAG, &json, NULL, "an array of objects, with more about each", 0, 0},
                        {"names", KL_OPT_FLAG, &names, NULL, "the names only, one a line", 0, 0},
                        {NULL, KL_OPT_FLAG, NULL, NULL, NULL, 0, 0}};
  int code = kl_opts_parse("ps", usage, (const kl_opt *const[]){own, NULL}, argc, argv, NULL, NULL);
  if (code >= 0) return code;
  kl_running_list l;
  kl_error e = {0};
  if (!kl_running_get(&l, &e)) return kl_cli_fail(&e);
  code = names ? print_names(&l) : json ? print_json(&l) : print_table(&l);
  kl_running_free(&l);
  return code;
}
