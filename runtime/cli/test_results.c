#include "cli/test_results.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/utf8.h"

static char *copy(const char *text, bool *ok) {
  char *made = text ? strdup(text) : NULL;
  if (text && !made) *ok = false;
  return made;
}

size_t kl_test_character(const char *p, size_t n) {
  unsigned char c = (unsigned char)*p;
  size_t length = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
  return length <= n && kl_utf8_valid(p, length) ? length : 0;
}

/* A copy in which bytes that are no UTF-8 are U+FFFD. */
static char *clean(const char *text, bool *ok) {
  size_t n = strlen(text);
  kl_buf b = {0};
  kl_buf_reserve(&b, n);
  for (size_t i = 0; i < n;) {
    size_t length = kl_test_character(text + i, n - i);
    kl_buf_add(&b, length ? text + i : "\xEF\xBF\xBD", length ? length : 3);
    i += length ? length : 1;
  }
  if (!b.failed) return b.data;
  kl_buf_free(&b);
  *ok = false;
  return NULL;
}

/* The file and the line that a message begins with, as Lua writes it: taken from it. Returns the rest. */
static const char *take_place(kl_test_result *r, const char *message, bool *ok) {
  const char *end = strstr(message, ".lua:");
  char *behind;
  long line = end ? strtol(end + 5, &behind, 10) : 0;
  if (line <= 0 || line > INT_MAX || strncmp(behind, ": ", 2) != 0 || memchr(message, '\n', (size_t)(end - message)))
    return message;
  r->place = strndup(message, (size_t)(end + 4 - message));
  r->line = (int)line;
  if (!r->place) *ok = false;
  return behind + 2;
}

/* The text of a line of a file, without the blanks around it; NULL where it cannot be had. */
static char *line_of(const char *path, int line) {
  FILE *f = path && line > 0 ? fopen(path, "re") : NULL;
  if (!f) return NULL;
  char *text = NULL;
  size_t cap = 0;
  ssize_t n = 0;
  for (int i = 0; i < line && n >= 0; i++)
    n = getline(&text, &cap, f);
  fclose(f);
  if (n < 0) {
    free(text);
    return NULL;
  }
  size_t from = strspn(text, " \t"), to = strlen(text);
  while (to > from && strchr(" \t\r\n", text[to - 1]))
    to--;
  memmove(text, text + from, to - from);
  text[to - from] = '\0';
  return text;
}

static void result_free(kl_test_result *r) {
  if (!r) return;
  free(r->group);
  free(r->name);
  free(r->place);
  free(r->source);
  free(r->message);
  free(r->detail);
  free(r->calls);
  kl_buf_free(&r->output);
  free(r);
}

static bool grow(kl_test_results *all) {
  if (all->n < all->cap) return true;
  size_t cap = all->cap ? all->cap * 2 : 64;
  kl_test_result **grown = realloc(all->items, cap * sizeof(kl_test_result *));
  if (!grown) return false;
  all->items = grown;
  all->cap = cap;
  return true;
}

static void count(kl_test_results *all, const kl_test_result *r) {
  all->passed += r->outcome == KL_TEST_PASSED;
  all->failed += r->outcome == KL_TEST_FAILED;
  all->pending += r->outcome == KL_TEST_PENDING;
  all->listed += r->outcome == KL_TEST_LISTED;
}

const kl_test_result *kl_test_results_add(kl_test_results *all, const char *file, const kl_test_report *r,
                                          double seconds, kl_buf *output) {
  kl_test_result *made = grow(all) ? calloc(1, sizeof *made) : NULL;
  bool ok = made != NULL;
  if (made) {
    made->outcome = r->outcome;
    made->file = file;
    made->group = clean(r->group ? r->group : "", &ok);
    made->name = clean(r->name ? r->name : "", &ok);
    made->seconds = seconds;
    made->place = copy(r->file, &ok);
    made->line = r->line;
    made->message = copy(r->file || !r->message ? r->message : take_place(made, r->message, &ok), &ok);
    made->detail = copy(r->detail, &ok);
    made->calls = copy(r->calls, &ok);
    if (r->outcome == KL_TEST_FAILED) made->source = line_of(made->place, made->line);
    made->output = *output;
    *output = (kl_buf){0};
  }
  if (!ok) {
    result_free(made);
    all->lost = true;
    all->failed += r->outcome == KL_TEST_FAILED;
    return NULL;
  }
  count(all, made);
  return all->items[all->n++] = made;
}

void kl_test_results_free(kl_test_results *all) {
  for (size_t i = 0; i < all->n; i++)
    result_free(all->items[i]);
  free(all->items);
  *all = (kl_test_results){0};
}

void kl_test_full_name(kl_buf *out, const kl_test_result *r) {
  if (!r->name[0]) {
    kl_buf_str(out, r->file);
    return;
  }
  if (r->group[0]) kl_buf_printf(out, "%s ", r->group);
  kl_buf_str(out, r->name);
}
