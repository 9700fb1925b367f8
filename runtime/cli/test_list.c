/* The report for people: a line for each test, and of one that failed all that helps at once below it. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/test_results.h"

enum { SLOW_MS = 100 };

static const char green[] = "\033[32m", red[] = "\033[31m", yellow[] = "\033[33m", faint[] = "\033[2m",
                  bold[] = "\033[1m";

static void say(kl_buf *out, const kl_test_list *l, const char *style, const char *text, size_t n) {
  if (l->colour) kl_buf_str(out, style);
  kl_log_escape(out, text, n);
  if (l->colour) kl_buf_str(out, "\033[0m");
}

static void say_text(kl_buf *out, const kl_test_list *l, const char *style, const char *text) {
  say(out, l, style, text, strlen(text));
}

/* Each line of the text behind `indent`. */
static void say_lines(kl_buf *out, const kl_test_list *l, const char *style, const char *indent, const char *text) {
  while (*text) {
    size_t n = strcspn(text, "\n");
    kl_buf_str(out, indent);
    say(out, l, style, text, n);
    kl_buf_char(out, '\n');
    text += n + (text[n] == '\n');
  }
}

static void put(kl_buf *out) {
  if (out->data) fwrite(out->data, 1, out->len, stdout);
  fflush(stdout); /* a test that runs long is seen to be the one behind this line */
  kl_buf_free(out);
}

static const char indent[] = "        ";

static void say_failure(kl_buf *out, const kl_test_list *l, const kl_test_result *r) {
  if (r->place) {
    kl_buf_str(out, indent);
    kl_buf t = {0};
    kl_buf_printf(&t, "%s:%d", r->place, r->line);
    if (t.data) say(out, l, bold, t.data, t.len);
    kl_buf_free(&t);
    if (r->source && r->source[0]) {
      kl_buf_str(out, ": ");
      kl_log_escape(out, r->source, strlen(r->source));
    }
    kl_buf_char(out, '\n');
  }
  if (r->message) say_lines(out, l, red, indent, r->message);
  if (r->detail) say_lines(out, l, "", "          ", r->detail);
  if (r->calls) {
    kl_buf_printf(out, "%scalled from\n", indent);
    say_lines(out, l, faint, "          ", r->calls);
  }
  if (r->output.len > 0) {
    kl_buf_printf(out, "%sprinted\n", indent);
    say_lines(out, l, faint, "          | ", r->output.data);
  }
}

static void list_file(void *data, const char *file) {
  kl_test_list *l = data;
  l->file = file;
  kl_buf_clear(&l->group);
  if (!l->terminal) return;
  kl_buf out = {0};
  say_text(&out, l, bold, file);
  kl_buf_char(&out, '\n');
  put(&out);
}

/* On a terminal a block has its name above its tests. */
static void begin_group(kl_buf *out, kl_test_list *l, const kl_test_result *r) {
  if (!l->terminal || !r->name[0]) return;
  const char *last = l->group.data ? l->group.data : "";
  if (strcmp(last, r->group) != 0 && r->group[0]) {
    kl_buf_str(out, "  ");
    say_text(out, l, "", r->group);
    kl_buf_char(out, '\n');
  }
  kl_buf_clear(&l->group);
  kl_buf_str(&l->group, r->group);
}

static void list_result(void *data, const kl_test_result *r, size_t number) {
  static const char *const words[] = {"ok      ", "not ok  ", "pending "}, *const marks[] = {"✓ ", "✗ ", "- "};
  static const char *const styles[] = {green, red, yellow};
  kl_test_list *l = data;
  kl_buf out = {0}, name = {0};
  (void)number;
  if (r->outcome == KL_TEST_LISTED) {
    kl_test_full_name(&name, r);
    kl_buf_printf(&out, "%s:%d: ", r->place ? r->place : r->file, r->line);
    kl_log_escape(&out, name.data ? name.data : "", name.len);
    kl_buf_char(&out, '\n');
    kl_buf_free(&name);
    put(&out);
    return;
  }
  begin_group(&out, l, r);
  if (l->terminal) {
    kl_buf_str(&out, r->group[0] ? "    " : "  ");
    say_text(&out, l, styles[r->outcome], marks[r->outcome]);
    kl_buf_str(&name, r->name[0] ? r->name : "the file itself");
  } else {
    say_text(&out, l, styles[r->outcome], words[r->outcome]);
    kl_test_full_name(&name, r);
  }
  kl_log_escape(&out, name.data ? name.data : "", name.len);
  char took[32];
  snprintf(took, sizeof took, "  %.0f ms", r->seconds * 1e3);
  if (l->terminal && r->seconds * 1e3 >= SLOW_MS) say_text(&out, l, faint, took);
  kl_buf_char(&out, '\n');
  if (r->outcome == KL_TEST_FAILED) say_failure(&out, l, r);
  kl_buf_free(&name);
  put(&out);
}

/* Those that failed once more, for who sees only the end. */
static void name_failures(kl_buf *out, const kl_test_list *l, const kl_test_results *all) {
  if (all->failed == 0 || all->n < 2) return;
  kl_buf_str(out, "\nfailed:\n");
  for (size_t i = 0; i < all->n; i++) {
    const kl_test_result *r = all->items[i];
    if (r->outcome != KL_TEST_FAILED) continue;
    kl_buf line = {0};
    if (r->place)
      kl_buf_printf(&line, "%s:%d: ", r->place, r->line);
    else if (r->name[0])
      kl_buf_printf(&line, "%s: ", r->file);
    kl_test_full_name(&line, r);
    kl_buf_str(out, "  ");
    say_text(out, l, "", line.data ? line.data : r->file);
    kl_buf_char(out, '\n');
    kl_buf_free(&line);
  }
}

static void list_end(void *data, const kl_test_results *all) {
  kl_test_list *l = data;
  kl_buf out = {0}, sum = {0};
  kl_buf_free(&l->group);
  if (all->listed) return;
  name_failures(&out, l, all);
  kl_buf_printf(&sum, "%zu passed, %zu failed", all->passed, all->failed);
  if (all->pending) kl_buf_printf(&sum, ", %zu pending", all->pending);
  if (l->terminal) kl_buf_char(&out, '\n');
  if (sum.data) say(&out, l, all->failed ? red : green, sum.data, sum.len);
  kl_buf_printf(&out, " in %.2f s%s\n", all->seconds, all->interrupted ? ", interrupted" : "");
  kl_buf_free(&sum);
  put(&out);
}

const kl_test_reporter kl_test_list_reporter = {list_file, list_result, list_end};
