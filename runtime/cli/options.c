#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

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
  fprintf(stderr, "; see `kalua %s%s--help`\n", command ? command : "", command ? " " : "");
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

int kl_cli_fail(const kl_error *e) {
  fprintf(stderr, "kalua: %s\n", e->message);
  return kl_exit_code_of(e->kind);
}

static void print_help(const char *usage, const kl_opt *const *tables) {
  fputs(usage, stdout);
  fputs("\nOptions:\n", stdout);
  for (; *tables; tables++) {
    for (const kl_opt *o = *tables; o->name; o++) {
      if (!o->help) continue;
      char left[64];
      snprintf(left, sizeof left, "%s%s%s%s", o->name[1] ? "--" : "-", o->name, o->argument ? " " : "",
               o->argument ? o->argument : "");
      printf("  %-24s %s\n", left, o->help);
    }
  }
  printf("  %-24s %s\n", "--help", "this text");
}

static const kl_opt *find(const kl_opt *const *tables, const char *name, size_t n) {
  for (; *tables; tables++) {
    for (const kl_opt *o = *tables; o->name; o++) {
      if (strlen(o->name) == n && !memcmp(o->name, name, n)) return o;
    }
  }
  return NULL;
}

/* Stores one option; false after printing why not. */
static bool store(const char *command, const kl_opt *o, const char *value) {
  char *end = NULL;
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

int kl_opts_parse(const char *command, const char *usage, const kl_opt *const *tables, int argc, char **argv,
                  kl_text_list *rest, kl_text_list *after) {
  for (int i = 1; i < argc; i++) {
    const char *arg = argv[i];
    if (!strcmp(arg, "-h") || !strcmp(arg, "--help")) {
      print_help(usage, tables);
      return KL_EXIT_OK;
    }
    if (!strcmp(arg, "--")) {
      if (!after) return kl_cli_usage(command, "nothing may follow --");
      for (i++; i < argc; i++) {
        if (!kl_text_list_add(after, argv[i])) return KL_EXIT_FAILED;
      }
      break;
    }
    const kl_opt *letter = arg[0] == '-' && arg[1] && !arg[2] ? find(tables, arg + 1, 1) : NULL;
    if (!letter && (strncmp(arg, "--", 2) != 0 || !arg[2])) {
      if (arg[0] == '-' && arg[1] && strncmp(arg, "--", 2) != 0) return kl_cli_usage(command, "unknown option %s", arg);
      if (!rest) return kl_cli_usage(command, "unexpected argument \"%s\"", arg);
      if (!kl_text_list_add(rest, arg)) return KL_EXIT_FAILED;
      continue;
    }
    const char *name = letter ? "" : arg + 2;
    const char *equals = strchr(name, '=');
    const kl_opt *o = letter ? letter : find(tables, name, equals ? (size_t)(equals - name) : strlen(name));
    if (!o) return kl_cli_usage(command, "unknown option %s", arg);
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
