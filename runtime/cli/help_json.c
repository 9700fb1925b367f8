/* `kalua help --json`: what the manual, the completions and the tables of options are generated from. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/json_fields.h"
#include "cli/connect_options.h"
#include "cli/help.h"

/* Before an element of an array. */
static void next(kl_buf *b) {
  if (b->len && b->data[b->len - 1] != '[') kl_buf_char(b, ',');
}

static void add_text(kl_buf *b, const char *s, size_t n) {
  next(b);
  kl_buf_json_string(b, s, n);
}

static void add_values(kl_buf *b, const char *argument) {
  kl_json_key(b, "values");
  kl_buf_char(b, '[');
  for (const char *at = argument; *at;) {
    size_t n = strcspn(at, "|");
    add_text(b, at, n);
    at += n + (at[n] != 0);
  }
  kl_buf_char(b, ']');
}

static void add_words(kl_buf *b, const char *const *words) {
  kl_json_key(b, "words");
  kl_buf_char(b, '[');
  for (; *words; words++)
    add_text(b, *words, strlen(*words));
  kl_buf_char(b, ']');
}

static void add_option(kl_buf *b, const kl_opt *o, const char *group) {
  static const char *const types[] = {"flag", "text", "integer", "number", "text"};
  next(b);
  kl_buf_char(b, '{');
  kl_json_field_str(b, "name", o->name);
  if (o->letter) kl_json_field_str(b, "letter", (const char[]){o->letter, 0});
  kl_json_field_str(b, "type", types[o->type]);
  if (o->argument) kl_json_field_str(b, "argument", o->argument);
  if (kl_opt_has_values(o)) add_values(b, o->argument);
  if (o->words) add_words(b, o->words());
  kl_json_field_str(b, "help", o->help);
  if (o->fallback) kl_json_field_str(b, "default", o->fallback);
  if (o->variable) kl_json_field_str(b, "environment", o->variable);
  if (o->type == KL_OPT_LIST) kl_json_field_bool(b, "repeatable", true);
  if (o->type == KL_OPT_INT || o->type == KL_OPT_REAL) {
    kl_json_key(b, "min");
    kl_buf_printf(b, "%.15g", o->min);
    kl_json_key(b, "max");
    kl_buf_printf(b, "%.15g", o->max);
  }
  if (group) kl_json_field_str(b, "group", group);
  if (o->common) kl_json_field_bool(b, "common", true);
  kl_buf_char(b, '}');
}

static void add_table(kl_buf *b, const kl_opt *table) {
  const char *group = NULL;
  for (const kl_opt *o = table; o->name; o++) {
    if (o->group) group = o->group;
    if (o->help) add_option(b, o, group);
  }
}

/* The words of a usage line behind the name of the command that stand for something: "[SCRIPT|FOLDER]..." is
 * {"word": "SCRIPT|FOLDER", "optional": true, "repeatable": true}; "--" and what is written as it stands are left out.
 */
static void add_positionals(kl_buf *b, const char *line, size_t n) {
  kl_json_key(b, "positionals");
  kl_buf_char(b, '[');
  for (const char *at = line, *end = line + n; at < end;) {
    size_t word = 0;
    while (at + word < end && at[word] != ' ')
      word++;
    size_t from = strspn(at, "["), to = from;
    while (to < word && (isupper((unsigned char)at[to]) || at[to] == '|' || at[to] == '='))
      to++;
    bool after = at - line >= 3 && (!strncmp(at - 3, "-- ", 3) || !strncmp(at - 3, "[--", 3));
    if (to > from + 1 && isupper((unsigned char)at[from])) {
      next(b);
      kl_buf_str(b, "{\"word\":");
      kl_buf_json_string(b, at + from, to - from);
      if (from > 0) kl_json_field_bool(b, "optional", true);
      if (after) kl_json_field_bool(b, "after", true);
      if (word > 3 && memmem(at, word, "...", 3)) kl_json_field_bool(b, "repeatable", true);
      kl_buf_char(b, '}');
    }
    at += word + 1;
  }
  kl_buf_char(b, ']');
}

/* What stands before the empty line: the ways to call it. What is behind it, as it is. */
static void add_usage(kl_buf *b, const char *usage) {
  const char *body = strstr(usage, "\n\n"), *end = body ? body : usage + strlen(usage);
  kl_json_key(b, "usage");
  kl_buf_char(b, '[');
  for (const char *at = usage; at < end;) {
    size_t n = strcspn(at, "\n");
    const char *words = strstr(at, "kalua ");
    if (words && words < at + n) {
      next(b);
      kl_buf_str(b, "{\"text\":");
      kl_buf_json_string(b, words, (size_t)(at + n - words));
      add_positionals(b, words, (size_t)(at + n - words));
      kl_buf_char(b, '}');
    }
    at += n + 1;
  }
  kl_buf_char(b, ']');
  kl_json_field_str(b, "text", body ? body + 2 : "");
}

static void add_page(void *data, const kl_help_page *page) {
  kl_buf *b = data;
  bool connects = false;
  add_usage(b, page->usage);
  kl_json_key(b, "options");
  kl_buf_char(b, '[');
  for (const kl_opt *const *t = page->tables; *t; t++) {
    if ((*t)->connects)
      connects = true;
    else
      add_table(b, *t);
  }
  kl_buf_char(b, ']');
  kl_json_field_bool(b, "connects", connects);
}

void kl_help_json(kl_buf *b) {
  kl_connect_options o;
  kl_opt connect[KL_CONNECT_OPT_COUNT];
  kl_buf_char(b, '{');
  kl_json_field_str(b, "version", KL_VERSION);
  kl_json_key(b, "commands");
  kl_buf_char(b, '[');
  for (size_t i = 0; i < kl_command_count; i++) {
    const kl_command *c = &kl_commands[i];
    if (i) kl_buf_char(b, ',');
    kl_buf_char(b, '{');
    kl_json_field_str(b, "name", c->name);
    kl_json_field_str(b, "synopsis", c->synopsis);
    kl_json_field_str(b, "summary", c->summary);
    if (c->group) kl_json_field_str(b, "group", c->group);
    kl_help_take(c, add_page, b);
    kl_buf_char(b, '}');
  }
  kl_buf_str(b, "],\"connecting\":[");
  kl_connect_opts(&o, connect);
  add_table(b, connect);
  kl_connect_options_free(&o);
  kl_buf_str(b, "],\"exit_codes\":[");
  for (const kl_exit_text *x = kl_exit_texts; x->text; x++) {
    kl_buf_str(b, x == kl_exit_texts ? "{" : ",{");
    kl_json_field_int(b, "code", x->code);
    kl_json_field_str(b, "text", x->text);
    kl_buf_char(b, '}');
  }
  kl_buf_str(b, "]}\n");
}
