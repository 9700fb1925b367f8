/* A line editor with its keys and its screen, on a terminal in memory. */
#ifndef KL_EDITOR_BED_H
#define KL_EDITOR_BED_H

#include "prompt/screen.h"
#include "virtual_screen.h"

typedef struct editor_bed {
  kl_history *history;
  kl_line_editor *editor;
  kl_screen *screen;
  kl_keys keys;
  virtual_screen *v;
  const char *prompt, *next, *hint;
  kl_edit last; /* what the last key led to */
  size_t bytes; /* that were written by the last show */
} editor_bed;

static inline void bed_show(editor_bed *b) {
  kl_buf out = {0};
  kl_view view = {.prompt = b->prompt, .next = b->next, .hint = b->hint};
  view.text = kl_line_editor_text(b->editor, &view.n);
  view.cursor = kl_line_editor_cursor(b->editor);
  view.menu = kl_line_editor_menu(b->editor);
  view.search = kl_line_editor_search(b->editor, &view.search_n, &view.search_forward, &view.search_failed);
  kl_screen_show(b->screen, &view, &out);
  b->bytes = out.len;
  vs_write(b->v, out.data ? out.data : "", out.len);
  kl_buf_free(&out);
}

static inline void bed_open(editor_bed *b, int columns, int rows, bool colour) {
  memset(b, 0, sizeof *b);
  b->history = kl_history_new();
  b->editor = kl_line_editor_new(b->history);
  b->screen = kl_screen_new((size_t)columns, (size_t)rows, colour);
  b->v = malloc(sizeof *b->v);
  if (!b->editor || !b->screen || !b->v) abort();
  vs_open(b->v, columns, rows);
  b->prompt = "> ";
  b->next = ". ";
  bed_show(b);
}

static inline void bed_close(editor_bed *b) {
  kl_keys_free(&b->keys);
  kl_line_editor_free(b->editor);
  kl_history_free(b->history);
  kl_screen_free(b->screen);
  vs_close(b->v);
  free(b->v);
}

static inline void bed_key(void *data, const kl_key *key) {
  editor_bed *b = data;
  b->last = kl_line_editor_key(b->editor, key);
}

/* What a terminal sends for keys; the screen follows. */
static inline void bed_type(editor_bed *b, const char *bytes) {
  kl_keys_feed(&b->keys, bytes, strlen(bytes), bed_key, b);
  kl_keys_rest(&b->keys, bed_key, b);
  bed_show(b);
}

static inline void bed_remember(editor_bed *b, const char *text) {
  kl_history_add(b->history, text, strlen(text), NULL);
  kl_line_editor_drop(b->editor);
  bed_show(b);
}

static inline void bed_above(editor_bed *b, const char *text) {
  kl_buf out = {0};
  kl_screen_above(b->screen, text, strlen(text), &out);
  vs_write(b->v, out.data, out.len);
  kl_buf_free(&out);
  bed_show(b);
}

static inline const char *bed_text(const editor_bed *b) {
  size_t n;
  return kl_line_editor_text(b->editor, &n);
}

#endif
