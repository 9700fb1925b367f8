#include "cli/help.h"

#include <stdio.h>
#include <string.h>

#include "cli/tool.h"

enum { NARROWEST = 40, WIDEST = 100, MARGIN = 2, LEFT = 26 };

int kl_help_width(void) {
  int width = kl_tool_width();
  return width < NARROWEST ? NARROWEST : width > WIDEST ? WIDEST : width;
}

/* Columns of a text of UTF-8 without wide characters. */
static int columns(const char *s, size_t n) {
  int wide = 0;
  for (size_t i = 0; i < n; i++)
    wide += ((unsigned char)s[i] & 0xc0) != 0x80;
  return wide;
}

/* Adds the words of a text, each line from `column` to `width`; the cursor is at `at`. */
static void add_wrapped(kl_buf *b, const char *text, size_t n, int at, int column, int width) {
  const char *end = text + n;
  bool first = true;
  while (text < end) {
    while (text < end && (*text == ' ' || *text == '\n'))
      text++;
    size_t word = 0;
    while (text + word < end && text[word] != ' ' && text[word] != '\n')
      word++;
    if (word == 0) break;
    int wide = columns(text, word);
    if (!first && at + 1 + wide > width) {
      kl_buf_printf(b, "\n%*s", column, "");
      at = column;
    } else if (!first) {
      kl_buf_char(b, ' ');
      at++;
    }
    kl_buf_add(b, text, word);
    at += wide;
    text += word;
    first = false;
  }
  kl_buf_char(b, '\n');
}

void kl_help_entry(kl_buf *b, const char *name, int column, const char *text, int width) {
  kl_buf_printf(b, "%-*s", column, name);
  add_wrapped(b, text, strlen(text), column, column, width);
}

void kl_help_paragraph(kl_buf *b, const char *text, int width) { add_wrapped(b, text, strlen(text), 0, 0, width); }

/* Paragraphs wrapped; lines that begin with a space as they are. */
static void add_usage(kl_buf *b, const char *usage, int width) {
  const char *body = strstr(usage, "\n\n");
  size_t head = body ? (size_t)(body - usage) + 2 : strlen(usage);
  kl_buf_add(b, usage, head);
  for (const char *at = usage + head; *at;) {
    const char *stop = at;
    bool wraps = *at != ' ' && *at != '\n';
    do {
      stop += strcspn(stop, "\n");
      if (*stop) stop++;
    } while (wraps && *stop && *stop != ' ' && *stop != '\n');
    if (wraps)
      add_wrapped(b, at, (size_t)(stop - at), 0, 0, width);
    else
      kl_buf_add(b, at, (size_t)(stop - at));
    at = stop;
  }
}

static void add_option(kl_buf *b, const kl_opt *o, int width) {
  kl_buf text = {0};
  size_t start = b->len;
  kl_buf_printf(b, "%*s", MARGIN, "");
  if (o->letter) kl_buf_printf(b, "-%c, ", o->letter);
  kl_buf_printf(b, "%s%s%s%s", o->name[1] ? "--" : "-", o->name, o->argument ? " " : "",
                o->argument ? o->argument : "");
  int at = (int)(b->len - start);
  kl_buf_str(&text, o->help);
  if (o->variable) kl_buf_printf(&text, " (%s)", o->variable);
  if (o->fallback) kl_buf_printf(&text, " [%s]", o->fallback);
  if (at + 2 > LEFT)
    kl_buf_printf(b, "\n%*s", LEFT, "");
  else
    kl_buf_printf(b, "%*s", LEFT - at, "");
  if (text.data) add_wrapped(b, text.data, text.len, LEFT, LEFT, width);
  b->failed = b->failed || text.failed;
  kl_buf_free(&text);
}

const kl_opt *kl_help_options(kl_buf *b, const kl_opt *from, int width, bool (*shown)(const kl_opt *o)) {
  const kl_opt *o = from;
  do {
    if (o->help && shown(o)) add_option(b, o, width);
    o++;
  } while (o->name && !o->group);
  return o;
}

static bool is_own(const kl_opt *o) { return !o->connects; }
static bool is_common(const kl_opt *o) { return o->connects && o->common; }

static void add_options(kl_buf *b, const kl_help_page *page, int width) {
  const kl_opt *connecting = NULL;
  int left_out = 0;
  bool headed = false;
  for (const kl_opt *const *t = page->tables; *t; t++) {
    for (const kl_opt *o = *t; o->name;) {
      if (o->connects) {
        connecting = *t;
        break;
      }
      if (o->group || !headed) kl_buf_printf(b, "\n%s:\n", o->group ? o->group : "Options");
      headed = true;
      o = kl_help_options(b, o, width, is_own);
    }
  }
  if (!headed && !connecting) kl_buf_str(b, "\nOptions:\n");
  if (connecting) {
    kl_buf_str(b, "\nOptions of every command that connects:\n");
    for (const kl_opt *o = connecting; o->name;)
      o = kl_help_options(b, o, width, is_common);
    for (const kl_opt *o = connecting; o->name; o++)
      left_out += o->help && !o->common;
  }
  const kl_opt help = {"help", KL_OPT_FLAG, NULL, NULL, "this text", 0, 0};
  add_option(b, &help, width);
  if (!connecting) return;
  kl_buf more = {0};
  kl_buf_printf(&more,
                "`kalua help options` has the other %d: addresses, paper trading, limits, permissions, the log, "
                "the embedded exchange. `kalua help exit-codes` says how it may end.",
                left_out);
  kl_buf_char(b, '\n');
  if (more.data) add_wrapped(b, more.data, more.len, 0, 0, width);
  b->failed = b->failed || more.failed;
  kl_buf_free(&more);
}

static struct {
  void (*take)(void *data, const kl_help_page *page);
  void *data;
} taker;

void kl_help_take(const kl_command *c, void (*take)(void *data, const kl_help_page *page), void *data) {
  char name[32], help[] = "--help";
  snprintf(name, sizeof name, "%s", c->name);
  taker.take = take;
  taker.data = data;
  c->run(2, (char *[]){name, help, NULL});
  taker.take = NULL;
}

void kl_help_show(const kl_help_page *page) {
  if (taker.take) {
    taker.take(taker.data, page);
    return;
  }
  kl_buf b = {0};
  int width = kl_help_width();
  add_usage(&b, page->usage, width);
  add_options(&b, page, width);
  if (b.failed)
    fputs("kalua: not enough memory\n", stderr);
  else
    fputs(b.data, stdout);
  kl_buf_free(&b);
}
