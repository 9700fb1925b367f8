#include "cli/api_help.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

static const char legacy_prefix[] = "legacy.";

const kl_operation *kl_api_operation(const char *name) {
  size_t n = sizeof legacy_prefix - 1;
  return strncmp(name, legacy_prefix, n) != 0 ? kl_operation_find(name) : kl_operation_find_legacy(name + n);
}

/* Two operations may share a name: only today's goes without the prefix. */
static const char *prefix_of(const kl_operation *op) { return op->legacy ? legacy_prefix : ""; }

void kl_api_print_list(void) {
  for (size_t i = 0; i < kl_operation_count; i++) {
    const kl_operation *op = &kl_operations[i];
    char name[96];
    snprintf(name, sizeof name, "%s%s", prefix_of(op), op->name);
    printf("%-52s %s (%s %s%s)\n", name, op->summary, op->method, op->path, op->legacy ? ", superseded" : "");
  }
}

/* ---- words ---- */

/* Whether its value is written as JSON: k:=JSON. */
static bool takes_json(const kl_param *p) {
  kl_param_type t = p->type == KL_T_ARRAY ? p->item_type : p->type;
  return t == KL_T_OBJECT || t == KL_T_ANY || t == KL_T_ARRAY;
}

void kl_api_print_words(const kl_operation *op) {
  for (uint16_t i = 0; i < op->n_params; i++) {
    const kl_param *p = &op->params[i];
    printf("%s%s\n", p->name, takes_json(p) ? ":=" : "=");
    for (const char *const *v = p->enums; v && *v; v++) {
      if (**v) printf("%s=%s\n", p->name, *v);
    }
    if (p->type == KL_T_BOOLEAN) printf("%s=true\n%s=false\n", p->name, p->name);
  }
}

/* ---- help of one operation ---- */

static const char *word_of(kl_param_type t) {
  static const char *const words[] = {
      [KL_T_STRING] = "string",   [KL_T_INTEGER] = "integer", [KL_T_NUMBER] = "number",
      [KL_T_BOOLEAN] = "boolean", [KL_T_DOLLARS] = "dollars", [KL_T_COUNT] = "contracts",
      [KL_T_ARRAY] = "array",     [KL_T_OBJECT] = "object",   [KL_T_ANY] = "any JSON"};
  return words[t];
}

static void add_type(kl_buf *b, const kl_param *p) {
  bool list = p->type == KL_T_ARRAY;
  if (list) kl_buf_str(b, "list of ");
  if (p->map) kl_buf_str(b, "map of ");
  if (p->format == KL_FORMAT_DATE_TIME) {
    kl_buf_str(b, list ? "times" : p->in == KL_IN_ANSWER ? "time" : "time, like 2026-01-31T12:00:00Z");
  } else if (!p->enums) {
    kl_buf_str(b, word_of(list || p->map ? p->item_type : p->type));
    if (list || p->map) kl_buf_str(b, list && p->item_type == KL_T_DOLLARS ? "" : "s");
  } else {
    for (const char *const *v = p->enums; *v; v++)
      kl_buf_printf(b, "%s%s", v == p->enums ? "" : "|", **v ? *v : "\"\"");
  }
  const char *unit = list ? " of them" : "";
  if (p->has_min && p->has_max)
    kl_buf_printf(b, ", %.15g to %.15g%s", p->min, p->max, unit);
  else if (p->has_min)
    kl_buf_printf(b, ", at least %.15g%s", p->min, unit);
  else if (p->has_max)
    kl_buf_printf(b, ", at most %.15g%s", p->max, unit);
  if (p->max_length) kl_buf_printf(b, ", at most %u characters", (unsigned)p->max_length);
  if (p->nullable) kl_buf_str(b, ", or null");
  if (p->deprecated) kl_buf_str(b, ", deprecated");
  if (p->preset) kl_buf_printf(b, " [%s]", p->preset);
}

static void print_row(const char *mark, const char *name, int width, const char *place, const kl_param *p) {
  kl_buf type = {0};
  add_type(&type, p);
  if (p->about) kl_buf_printf(&type, ": %s", p->about);
  printf("  %s %-*s  %s%s\n", mark, width, name ? name : "", place, type.data ? type.data : "");
  kl_buf_free(&type);
}

/* How long the longest name is that print_fields prints. */
static int widest_name(const kl_param *fields, uint16_t n, int before, int depth) {
  int widest = 0;
  for (uint16_t i = 0; i < n; i++) {
    int own = before + (int)strlen(fields[i].name);
    int inner = depth > 0 ? widest_name(fields[i].fields, fields[i].n_fields, own + 3, depth - 1) : 0;
    if (own > widest) widest = own;
    if (inner > widest) widest = inner;
  }
  return widest;
}

/* The fields, and those inside them down to `depth` more levels. */
static void print_fields(const kl_param *fields, uint16_t n, const char *before, int depth, bool parameters,
                         int width) {
  static const char *const places[] = {
      [KL_IN_PATH] = "path   ", [KL_IN_QUERY] = "query  ", [KL_IN_BODY] = "body   ", [KL_IN_ANSWER] = ""};
  for (uint16_t i = 0; i < n; i++) {
    const kl_param *p = &fields[i];
    if (!*p->name) continue; /* the inner array of an array of arrays */
    kl_buf name = {0};
    kl_buf_printf(&name, "%s%s", before, p->name);
    print_row(parameters && p->required ? "*" : " ", name.data, width, places[p->in], p);
    kl_buf_str(&name, p->type == KL_T_ARRAY ? "[]." : ".");
    if (p->fields && depth > 0 && !name.failed)
      print_fields(p->fields, p->n_fields, name.data, depth - 1, parameters, width);
    kl_buf_free(&name);
  }
}

static void add_upper(kl_buf *b, const char *name) {
  for (; *name; name++)
    kl_buf_char(b, (char)toupper((unsigned char)*name));
}

/* A value that the parameter would take, for an example. */
static void add_example(kl_buf *b, const kl_param *p) {
  if (p->enums) {
    kl_buf_str(b, p->enums[0]);
    return;
  }
  switch (p->type) {
  case KL_T_BOOLEAN:
    kl_buf_str(b, "true");
    break;
  case KL_T_DOLLARS:
    kl_buf_str(b, "0.42");
    break;
  case KL_T_COUNT:
    kl_buf_str(b, "10");
    break;
  case KL_T_INTEGER:
  case KL_T_NUMBER:
    kl_buf_printf(b, "%.15g", p->has_min && p->min > 1 ? p->min : p->has_max && p->max < 5 ? p->max : 5);
    break;
  default:
    add_upper(b, p->name);
  }
}

/* Path and required parameters; where there are none, a small page of what is often filtered by. */
static void print_example(const kl_operation *op) {
  kl_buf b = {0};
  size_t given = 0;
  for (uint16_t i = 0; i < op->n_params; i++) {
    const kl_param *p = &op->params[i];
    bool usual = op->rows && given < 2 && (!strcmp(p->name, "limit") || (!strcmp(p->name, "status") && p->enums));
    if (!p->required && !usual) continue;
    given++;
    kl_buf_char(&b, ' ');
    if (p->in != KL_IN_PATH) kl_buf_printf(&b, "%s%s", p->name, takes_json(p) ? ":=@" : "=");
    if (takes_json(p))
      kl_buf_printf(&b, "%s.json", p->name);
    else
      add_example(&b, p);
  }
  printf("\n  kalua api %s%s%s\n", prefix_of(op), op->name, b.data ? b.data : "");
  kl_buf_free(&b);
}

static void print_status(const kl_operation *op) {
  if (!strcmp(op->status, "current")) return;
  printf("It is %s%s%s%s.\n",
         strcmp(op->status, "perps") != 0 ? op->status : "described with the perpetual futures now",
         op->replaced_by ? "; today it is " : "", op->replaced_by ? op->replaced_by : "",
         !strcmp(op->status, "removed") && !op->replaced_by ? " by the exchange" : "");
}

void kl_api_print_help(const kl_operation *op) {
  printf("usage: kalua api %s%s", prefix_of(op), op->name);
  for (uint16_t i = 0; i < op->n_params && op->params[i].in == KL_IN_PATH; i++) {
    kl_buf b = {0};
    add_upper(&b, op->params[i].name);
    printf(" %s", b.data ? b.data : "");
    kl_buf_free(&b);
  }
  printf(" [k=v...]\n\n%s.\n\n", op->summary);
  printf("%s %s, of %s: %s a key, %d %s tokens%s", op->method, op->path, op->tag, op->auth ? "with" : "without",
         op->cost, op->bucket == KL_BUCKET_WRITE ? "write" : "read", op->cost_per_item ? " for each order" : "");
  if (op->rows) printf(", pages of %s (--all)", op->rows);
  puts(".");
  print_status(op);
  if (op->n_params) {
    puts("\nParameters (* is required):");
    print_fields(op->params, op->n_params, "", 3, true, widest_name(op->params, op->n_params, 0, 3));
  }
  if (!op->result) {
    puts("\nThe answer is empty.");
  } else if (op->result->fields) {
    puts("\nThe answer:");
    print_fields(op->result->fields, op->result->n_fields, "", 1, false,
                 widest_name(op->result->fields, op->result->n_fields, 0, 1));
  }
  print_example(op);
  puts("\nThe options are those of `kalua api --help`.");
}
