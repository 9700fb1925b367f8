#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/explain.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/help.h"
#include "kalshi/operation.h"

bool kl_text_list_add(kl_text_list *l, const char *text) {
  const char **grown = realloc(l->items, (l->n + 2) * sizeof *grown);
  if (!grown) return false;
  grown[l->n++] = text;
  grown[l->n] = NULL;
  l->items = grown;
  return true;
}

void kl_text_list_free(kl_text_list *l) {
  free(l->items);
  *l = (kl_text_list){0};
}

int kl_cli_usage(const char *command, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  fputs("kalua: ", stderr);
  vfprintf(stderr, fmt, ap);
  va_end(ap);
  fprintf(stderr, "; see `kalua %s%s--help` (kalua explain usage)\n", command ? command : "", command ? " " : "");
  return KL_EXIT_USAGE;
}

/* By poll, since the errno of a write that stdio made on its own is gone by now. */
static bool reader_has_gone(void) {
  struct pollfd p = {.fd = STDOUT_FILENO};
  return poll(&p, 1, 0) == 1 && (p.revents & POLLERR);
}

void kl_cli_output_lost(int why) {
  static bool told;
  if (!told && why != EPIPE && !reader_has_gone())
    fprintf(stderr, "kalua: cannot write to standard output: %s\n", why ? strerror(why) : "some of it was lost");
  told = true;
}

bool kl_cli_flush_output(void) {
  errno = 0;
  if (fflush(stdout) == 0 && !ferror(stdout)) return true;
  kl_cli_output_lost(errno);
  return false;
}

int kl_exit_code_of(const char *kind) {
  if (!kind) return KL_EXIT_FAILED;
  if (!strcmp(kind, "usage")) return KL_EXIT_USAGE; /* raised by the embedded tools */
  if (!strcmp(kind, KL_ERR_CONFIG) || !strcmp(kind, KL_ERR_AUTH)) return KL_EXIT_CONFIG;
  if (!strcmp(kind, KL_ERR_NETWORK) || !strcmp(kind, KL_ERR_TIMEOUT)) return KL_EXIT_NETWORK;
  return KL_EXIT_FAILED;
}

const kl_exit_text kl_exit_texts[] = {
    {KL_EXIT_OK, "done"},
    {KL_EXIT_FAILED, "a script or a test failed, the exchange refused a call, or what was asked for is not there"},
    {KL_EXIT_USAGE, "the command line is wrong; nothing was done"},
    {KL_EXIT_CONFIG, "credentials or configuration"},
    {KL_EXIT_NETWORK, "the exchange could not be reached"},
    {KL_EXIT_EXPECT, "a threshold of kalua.expect was missed"},
    {KL_EXIT_INTERRUPTED, "interrupted"},
    {0, NULL}};

int kl_cli_fail(const kl_error *e) {
  char hint[KL_HINT_CAP];
  if (kl_log_has_stderr())
    kl_log_write_with(KL_LOG_ERROR, "kalua", kl_log_of_error(e), "%s%s", e->message, kl_error_hint(hint, e));
  else
    fprintf(stderr, "kalua: %s%s\n", e->message, kl_error_hint(hint, e));
  return kl_exit_code_of(e->kind);
}

static const kl_opt *find(const kl_opt *const *tables, const char *name, size_t n) {
  for (; *tables; tables++) {
    for (const kl_opt *o = *tables; o->name; o++) {
      if (strlen(o->name) == n && !memcmp(o->name, name, n)) return o;
    }
  }
  return NULL;
}

static const kl_opt *find_letter(const kl_opt *const *tables, char letter) {
  for (; *tables; tables++) {
    for (const kl_opt *o = *tables; o->name; o++) {
      if (o->letter == letter || (o->name[0] == letter && !o->name[1])) return o;
    }
  }
  return NULL;
}

bool kl_opt_has_values(const kl_opt *o) {
  return o->argument && strchr(o->argument, '|') && !o->argument[strcspn(o->argument, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")];
}

/* "yes|no" as a list of texts in `copy`. */
static void split_values(char *copy, kl_text_list *out) {
  for (char *save = NULL, *at = strtok_r(copy, "|", &save); at; at = strtok_r(NULL, "|", &save))
    kl_text_list_add(out, at);
}

/* Whether an option that names its values has this one; false after saying which there are. */
static bool is_value(const char *command, const kl_opt *o, const char *value) {
  if (!kl_opt_has_values(o)) return true;
  kl_text_list values = {0};
  kl_buf said = {0};
  char *copy = strdup(o->argument);
  bool known = false;
  if (copy) split_values(copy, &values);
  for (size_t i = 0; i < values.n; i++) {
    known = known || !strcmp(values.items[i], value);
    kl_buf_printf(&said, "%s%s", i == 0 ? "" : i + 1 < values.n ? ", " : " or ", values.items[i]);
  }
  if (!known) {
    const char *near = kl_nearest(value, values.items, values.n);
    const char *list = said.failed || !said.data ? o->argument : said.data;
    if (near)
      kl_cli_usage(command, "--%s is %s, not \"%.60s\"; did you mean %s?", o->name, list, value, near);
    else
      kl_cli_usage(command, "--%s is %s, not \"%.60s\"", o->name, list, value);
  }
  free(copy);
  kl_text_list_free(&values);
  kl_buf_free(&said);
  return known;
}

/* Stores one option; false after printing why not. */
static bool store(const char *command, const kl_opt *o, const char *value) {
  char *end = NULL;
  if (o->type != KL_OPT_FLAG && !is_value(command, o, value)) return false;
  errno = 0;
  switch (o->type) {
  case KL_OPT_FLAG:
    *(bool *)o->target = true;
    return true;
  case KL_OPT_TEXT:
    *(const char **)o->target = value;
    return true;
  case KL_OPT_LIST:
    if (kl_text_list_add(o->target, value)) return true;
    fputs("kalua: not enough memory\n", stderr);
    return false;
  case KL_OPT_INT: {
    long long v = strtoll(value, &end, 10);
    if (errno || end == value || *end || (double)v < o->min || (double)v > o->max) break;
    *(int64_t *)o->target = v;
    return true;
  }
  case KL_OPT_REAL: {
    double v = strtod(value, &end);
    if (errno || end == value || *end || !(v >= o->min && v <= o->max)) break;
    *(double *)o->target = v;
    return true;
  }
  }
  kl_cli_usage(command, "--%s takes %s from %.15g to %.15g, not \"%s\"", o->name,
               o->type == KL_OPT_INT ? "a whole number" : "a number", o->min, o->max, value);
  return false;
}

/* Whether it is one of all the values that there are for the option. */
static bool is_value_of(const kl_opt *o, const char *given) {
  if (!o->argument || !strchr(o->argument, '|')) return false;
  size_t n = strlen(given);
  for (const char *at = o->argument; *at; at += strcspn(at, "|"), at += *at == '|') {
    if (n && strcspn(at, "|") == n && !memcmp(at, given, n)) return true;
  }
  return false;
}

/* Says that there is no such option, and which was meant: the one whose value it is, or the nearest that there is. */
static int unknown_option(const char *command, const kl_opt *const *tables, const char *arg) {
  kl_text_list names = {0};
  const kl_opt *has_value = NULL;
  char given[64];
  snprintf(given, sizeof given, "%.*s", (int)strcspn(arg + strspn(arg, "-"), "="), arg + strspn(arg, "-"));
  for (; *tables; tables++) {
    for (const kl_opt *o = *tables; o->name; o++) {
      if (o->help && is_value_of(o, given)) has_value = o;
      if (o->help && o->name[1] && !kl_text_list_add(&names, o->name)) break;
    }
  }
  const char *near = given[0] ? kl_nearest(given, names.items, names.n) : NULL;
  int code = has_value ? kl_cli_usage(command, "unknown option %s; did you mean --%s %s?", arg, has_value->name, given)
             : near    ? kl_cli_usage(command, "unknown option %s; did you mean --%s?", arg, near)
                       : kl_cli_usage(command, "unknown option %s", arg);
  kl_text_list_free(&names);
  return code;
}

int kl_opts_parse(const char *command, const char *usage, const kl_opt *const *tables, int argc, char **argv,
                  kl_text_list *rest, kl_text_list *after) {
  for (int i = 1; i < argc; i++) {
    const char *arg = argv[i];
    if (!strcmp(arg, "-h") || !strcmp(arg, "--help")) {
      kl_help_show(&(kl_help_page){command, usage, tables});
      return KL_EXIT_OK;
    }
    if (!strcmp(arg, "--")) {
      if (!after) return kl_cli_usage(command, "nothing may follow --");
      for (i++; i < argc; i++) {
        if (!kl_text_list_add(after, argv[i])) return KL_EXIT_FAILED;
      }
      break;
    }
    bool dashes = !strncmp(arg, "--", 2), letter = arg[0] == '-' && arg[1] && !dashes;
    if (!letter && !dashes) {
      if (!rest) return kl_cli_usage(command, "unexpected argument \"%s\"", arg);
      if (!kl_text_list_add(rest, arg)) return KL_EXIT_FAILED;
      continue;
    }
    const char *equals = dashes ? strchr(arg, '=') : NULL;
    const kl_opt *o = letter ? find_letter(tables, arg[1])
                             : find(tables, arg + 2, equals ? (size_t)(equals - arg - 2) : strlen(arg + 2));
    if (letter && o && arg[2]) o = NULL; /* -n5 */
    if (!o) return unknown_option(command, tables, arg);
    const char *value = NULL;
    if (o->type == KL_OPT_FLAG) {
      if (equals) return kl_cli_usage(command, "--%s takes no value", o->name);
    } else if (equals) {
      value = equals + 1;
    } else if (i + 1 < argc) {
      value = argv[++i];
    } else {
      return kl_cli_usage(command, "%s needs a value: %s", arg, o->argument);
    }
    if (!store(command, o, value)) return KL_EXIT_USAGE;
  }
  return -1;
}
