#include "prompt/screen.h"

#include <stdlib.h>
#include <string.h>

#include "prompt/text.h"

struct kl_screen {
  size_t columns, rows;
  bool colour;
  kl_frame shown, next;
  bool visible;       /* `shown` is there */
  size_t row, column; /* of the terminal's cursor, from the first row of what is shown; column == columns: behind the
                         last one, from where the next character wraps */
  bool styled;        /* an SGR sequence is in effect: of the style, in `next` */
  unsigned style;
};

kl_screen *kl_screen_new(size_t columns, size_t rows, bool colour) {
  kl_screen *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->columns = columns < 2 ? 2 : columns;
  s->rows = rows < 1 ? 1 : rows;
  s->colour = colour;
  return s;
}

void kl_screen_free(kl_screen *s) {
  if (!s) return;
  kl_frame_free(&s->shown);
  kl_frame_free(&s->next);
  free(s);
}

bool kl_screen_visible(const kl_screen *s) { return s->visible; }

/* ---- codes ---- */

static void set_style(kl_screen *s, const kl_frame *f, unsigned style, kl_buf *out) {
  if (s->styled ? style == s->style : style == 0) return;
  if (s->styled) kl_buf_str(out, "\033[0m");
  s->styled = style != 0;
  s->style = style;
  if (style) kl_buf_add(out, f->bytes.data + f->styles[style].at, f->styles[style].n);
}

static void to_column(kl_screen *s, size_t column, kl_buf *out) {
  if (column == s->column) return;
  if (column == 0) {
    kl_buf_char(out, '\r');
  } else if (column + 1 == s->column && s->column < s->columns) {
    kl_buf_char(out, '\b');
  } else {
    kl_buf_printf(out, "\033[%zuG", column + 1);
  }
  s->column = column;
}

/* To a row that is there. */
static void to_row(kl_screen *s, size_t row, kl_buf *out) {
  if (row == s->row) return;
  if (s->column == s->columns) to_column(s, 0, out); /* terminals differ about moves from behind the edge */
  if (row < s->row) {
    kl_buf_printf(out, "\033[%zuA", s->row - row);
  } else {
    kl_buf_printf(out, "\033[%zuB", row - s->row);
  }
  s->row = row;
}

static void move_to(kl_screen *s, size_t row, size_t column, kl_buf *out) {
  to_row(s, row, out);
  to_column(s, column, out);
}

/* ---- drawing ---- */

static bool same_bytes(const kl_frame *a, size_t a_at, size_t a_n, const kl_frame *b, size_t b_at, size_t b_n) {
  return a_n == b_n && memcmp(a->bytes.data + a_at, b->bytes.data + b_at, a_n) == 0;
}

static bool same_cell(const kl_frame *a, const kl_cell *x, const kl_frame *b, const kl_cell *y) {
  const kl_style *s = &a->styles[x->style], *t = &b->styles[y->style];
  return x->width == y->width && same_bytes(a, x->at, x->n, b, y->at, y->n) &&
         same_bytes(a, s->at, s->n, b, t->at, t->n);
}

/* The first cell in which the rows differ. */
static size_t first_change(const kl_frame *a, const kl_row *x, const kl_frame *b, const kl_row *y) {
  size_t i = 0;
  while (i < x->count && i < y->count && same_cell(a, &a->cells[x->first + i], b, &b->cells[y->first + i]))
    i++;
  while (i > 0 && i < y->count && b->cells[y->first + i].width == 0) /* with what it belongs to */
    i--;
  return i;
}

/* To the begin of a row that may not be there yet. `flows`: what is written next wraps into it. */
static void reach_row(kl_screen *s, size_t row, size_t there, kl_buf *out) {
  if (row < there) {
    move_to(s, row, 0, out);
    return;
  }
  to_row(s, row - 1, out);
  kl_buf_str(out, "\r\n");
  s->row = row;
  s->column = 0;
}

/* The cursor is at the end of the row before, and the first cell of this one would wrap. */
static bool flows(const kl_screen *s, size_t row) {
  const kl_frame *f = &s->next;
  if (row == 0 || s->row != row - 1) return false;
  const kl_row *before = &f->rows[row - 1], *r = &f->rows[row];
  if (!before->wraps || !before->sure || s->column != before->width) return false;
  size_t width = r->count > 0 ? f->cells[r->first].width : 1;
  return s->column + width > s->columns && width > 0;
}

static void draw_cells(kl_screen *s, const kl_row *r, size_t from, kl_buf *out) {
  const kl_frame *f = &s->next;
  for (size_t i = from; i < r->count; i++) {
    const kl_cell *c = &f->cells[r->first + i];
    set_style(s, f, c->style, out);
    kl_buf_add(out, f->bytes.data + c->at, c->n);
    s->column += c->width;
    if (!c->sure && s->column < s->columns) kl_buf_printf(out, "\033[%zuG", s->column + 1);
  }
}

/* What is left of the row that was there. */
static void erase_rest(kl_screen *s, const kl_row *r, const kl_row *old, kl_buf *out) {
  if (!old || r->width >= s->columns || (old->width <= r->width && old->sure && r->sure)) return;
  set_style(s, &s->next, 0, out);
  to_column(s, r->width, out);
  kl_buf_str(out, "\033[K");
}

static void draw_row(kl_screen *s, size_t row, kl_buf *out) {
  const kl_frame *f = &s->next, *shown = &s->shown;
  size_t there = s->visible ? shown->n_rows : 0;
  const kl_row *r = &f->rows[row], *old = row < there ? &shown->rows[row] : NULL;
  size_t from = old ? first_change(shown, old, f, r) : 0;
  if (old && from == r->count && from == old->count) return;
  if (from == 0 && flows(s, row)) {
    if (r->count == 0) kl_buf_str(out, " \r"); /* or nothing would wrap */
    s->row = row;
    s->column = 0;
  } else if (row >= there && row > 0) {
    set_style(s, f, 0, out); /* a line that scrolls in has the background of the style */
    reach_row(s, row, there, out);
  } else {
    size_t column = 0;
    for (size_t i = 0; i < from; i++)
      column += f->cells[r->first + i].width;
    if (column >= s->columns) return; /* only what is behind the edge differs */
    move_to(s, row, column, out);
  }
  draw_cells(s, r, from, out);
  erase_rest(s, r, old, out);
}

/* The rows that were there and are no longer. */
static void erase_rows(kl_screen *s, kl_buf *out) {
  size_t rows = s->next.n_rows;
  if (!s->visible || s->shown.n_rows <= rows) return;
  set_style(s, &s->next, 0, out);
  move_to(s, rows, 0, out);
  kl_buf_str(out, "\033[J");
}

static size_t rows_that_differ(const kl_screen *s) {
  size_t count = 0;
  for (size_t i = 0; i < s->next.n_rows; i++) {
    const kl_row *r = &s->next.rows[i], *old = s->visible && i < s->shown.n_rows ? &s->shown.rows[i] : NULL;
    if (!old || old->count != r->count || first_change(&s->shown, old, &s->next, r) < r->count) count++;
  }
  return count;
}

void kl_screen_show(kl_screen *s, const kl_view *v, kl_buf *out) {
  s->next.top = s->shown.top;
  kl_frame_fill(&s->next, v, s->columns, s->rows, s->colour);
  if (s->next.failed || s->next.bytes.failed || s->next.n_rows == 0) return; /* what is there stays */
  bool much = rows_that_differ(s) > 1;
  if (much) kl_buf_str(out, "\033[?25l");
  for (size_t i = 0; i < s->next.n_rows; i++)
    draw_row(s, i, out);
  erase_rows(s, out);
  set_style(s, &s->next, 0, out);
  move_to(s, s->next.row, s->next.column, out);
  if (much) kl_buf_str(out, "\033[?25h");
  kl_frame swap = s->shown;
  s->shown = s->next;
  s->next = swap;
  s->visible = true;
}

void kl_screen_forget(kl_screen *s) {
  s->visible = false;
  s->row = s->column = 0;
  s->shown.top = 0;
}

/* From the begin of this row to the end of the screen; `below`: there are rows below. Not by one code: at the top of
 * the screen tmux takes that for a reason to keep what is there as history. */
static void erase_from_here(bool below, kl_buf *out) { kl_buf_str(out, below ? "\033[K\033[B\033[J\033[A" : "\033[K"); }

void kl_screen_hide(kl_screen *s, kl_buf *out) {
  if (!s->visible) return;
  size_t top = s->shown.top;
  move_to(s, 0, 0, out);
  erase_from_here(s->shown.n_rows > 1, out);
  kl_screen_forget(s);
  s->shown.top = top;
}

void kl_screen_leave(kl_screen *s, kl_buf *out) {
  if (!s->visible) return;
  to_row(s, s->shown.n_rows - 1, out);
  kl_buf_str(out, "\r\n");
  kl_screen_forget(s);
}

void kl_screen_above(kl_screen *s, const char *p, size_t n, kl_buf *out) {
  kl_screen_hide(s, out);
  kl_text_show(out, p, n, s->colour, true);
  if (s->colour && memchr(p, '\033', n)) kl_buf_str(out, "\033[0m");
  if (n > 0 && p[n - 1] != '\n') kl_buf_str(out, "\r\n");
}

void kl_screen_clear(kl_screen *s, kl_buf *out) {
  kl_buf_str(out, "\033[H\033[2J");
  kl_screen_forget(s);
}

/* How many rows the cursor is below the first one once the terminal has wrapped the lines anew. */
static size_t reflowed_row(const kl_screen *s, size_t columns) {
  size_t row = 0, line = 0; /* `line`: columns of the line up to this row */
  for (size_t i = 0; i < s->shown.n_rows && i < s->row; i++) {
    line += s->shown.rows[i].width;
    if (s->shown.rows[i].wraps && s->shown.rows[i].sure) continue;
    row += line > columns ? (line - 1) / columns + 1 : 1;
    line = 0;
  }
  return row + (line + s->column) / columns;
}

void kl_screen_resize(kl_screen *s, size_t columns, size_t rows, bool reflows, kl_buf *out) {
  columns = columns < 2 ? 2 : columns;
  rows = rows < 1 ? 1 : rows;
  if (s->visible) {
    size_t up = reflows && columns != s->columns ? reflowed_row(s, columns) : s->row;
    kl_buf_char(out, '\r');
    if (up > 0) kl_buf_printf(out, "\033[%zuA", up);
    erase_from_here(up > 0 || s->shown.n_rows > s->row + 1, out);
    s->visible = false;
    s->row = s->column = 0;
  }
  s->columns = columns;
  s->rows = rows;
}
