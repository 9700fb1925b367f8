/* A terminal in memory that interprets what is written to it: cells, wrapping at the right edge, scrolling. A code that
 * it does not know is a failure, so that a test sees each kind in use. */
#ifndef KL_VIRTUAL_SCREEN_H
#define KL_VIRTUAL_SCREEN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "prompt/text.h"

enum { VS_ROWS_MAX = 26, VS_COLUMNS_MAX = 82, VS_CELL_MAX = 40 };

typedef struct vs_cell {
  char text[VS_CELL_MAX]; /* "": nothing, or the second half of the one before */
  bool second, reverse;
} vs_cell;

typedef struct virtual_screen {
  int rows, columns;
  vs_cell cells[VS_ROWS_MAX][VS_COLUMNS_MAX];
  bool wrapped[VS_ROWS_MAX]; /* the row goes on in the next one */
  int row, column;
  bool pending; /* behind the last column: the next character wraps */
  bool hidden, reverse, styled;
  kl_buf gone;     /* lines that have scrolled out, each with a newline */
  const char *bad; /* what it did not know */
} virtual_screen;

static inline void vs_clear_row(virtual_screen *v, int row, int from) {
  if (from == 0 || !v->cells[row][from].second)
    memset(&v->cells[row][from], 0, (size_t)(v->columns - from) * sizeof(vs_cell));
  else
    memset(&v->cells[row][from - 1], 0, (size_t)(v->columns - from + 1) * sizeof(vs_cell));
  v->wrapped[row] = false;
}

static inline void vs_open(virtual_screen *v, int columns, int rows) {
  memset(v, 0, sizeof *v);
  v->rows = rows;
  v->columns = columns;
}

static inline void vs_close(virtual_screen *v) { kl_buf_free(&v->gone); }

/* A row without the blanks at its end; borrowed until the next call. */
static inline const char *vs_row(const virtual_screen *v, int row) {
  static char line[VS_COLUMNS_MAX * VS_CELL_MAX];
  size_t n = 0, last = 0;
  for (int c = 0; c < v->columns; c++) {
    const vs_cell *cell = &v->cells[row][c];
    size_t length = strlen(cell->text);
    if (cell->second) continue;
    memcpy(line + n, length ? cell->text : " ", length ? length : 1);
    n += length ? length : 1;
    if (length && strcmp(cell->text, " ") != 0) last = n;
  }
  line[last] = 0;
  return line;
}

static inline void vs_line_feed(virtual_screen *v) {
  if (v->row < v->rows - 1) {
    v->row++;
    return;
  }
  kl_buf_str(&v->gone, vs_row(v, 0));
  kl_buf_char(&v->gone, '\n');
  memmove(v->cells[0], v->cells[1], (size_t)(v->rows - 1) * sizeof v->cells[0]);
  memmove(v->wrapped, v->wrapped + 1, (size_t)(v->rows - 1) * sizeof v->wrapped[0]);
  memset(v->cells[v->rows - 1], 0, sizeof v->cells[0]);
  v->wrapped[v->rows - 1] = false;
}

static inline void vs_put(virtual_screen *v, const char *p, size_t n, int width) {
  int at = v->pending ? v->column : v->column - 1;
  if (width == 0) { /* with the character before it */
    while (at > 0 && v->cells[v->row][at].second)
      at--;
    if (at < 0) return;
    size_t had = strlen(v->cells[v->row][at].text);
    if (had + n < VS_CELL_MAX) {
      memcpy(v->cells[v->row][at].text + had, p, n);
      v->cells[v->row][at].text[had + n] = 0;
    }
    return;
  }
  if (v->pending || v->column + width > v->columns) {
    v->wrapped[v->row] = true;
    v->column = 0;
    v->pending = false;
    vs_line_feed(v);
  }
  if (v->cells[v->row][v->column].second) memset(&v->cells[v->row][v->column - 1], 0, sizeof(vs_cell));
  int behind = v->column + width;
  if (behind < v->columns && v->cells[v->row][behind].second) memset(&v->cells[v->row][behind], 0, sizeof(vs_cell));
  vs_cell *cell = &v->cells[v->row][v->column];
  memset(cell, 0, sizeof *cell);
  memcpy(cell->text, p, n);
  cell->reverse = v->reverse;
  if (width == 2) v->cells[v->row][v->column + 1] = (vs_cell){.second = true};
  v->column += width;
  v->pending = v->column == v->columns;
  if (v->pending) v->column--;
}

static inline void vs_sgr(virtual_screen *v, const char *p, size_t n) {
  v->styled = !(n == 0 || (n == 1 && *p == '0'));
  v->reverse = n == 1 && *p == '7' ? true : v->styled && v->reverse;
}

/* One sequence behind ESC [. */
static inline void vs_control(virtual_screen *v, const char *p, size_t n, char final) {
  int number = n > 0 && *p >= '0' && *p <= '9' ? atoi(p) : 0, count = number ? number : 1;
  bool plain = n < 4 && strspn(p, "0123456789") >= n;
  if (final == 'm') {
    vs_sgr(v, p, n);
    return;
  }
  if ((final == 'h' || final == 'l') && n == 3 && memcmp(p, "?25", 3) == 0) {
    v->hidden = final == 'l';
    return;
  }
  if ((final == 'h' || final == 'l') && n == 5 && memcmp(p, "?2004", 5) == 0) return;
  if (!plain) v->bad = "parameters";
  if (final != 'm' && final != 'K' && final != 'J') v->pending = false;
  switch (final) {
  case 'A':
    v->row = v->row > count ? v->row - count : 0;
    break;
  case 'B':
    v->row = v->row + count < v->rows ? v->row + count : v->rows - 1;
    break;
  case 'G':
    v->column = count <= v->columns ? count - 1 : v->columns - 1;
    break;
  case 'H':
    v->row = v->column = 0;
    break;
  case 'K':
    if (v->pending) v->bad = "an erase behind the edge, where terminals differ";
    vs_clear_row(v, v->row, v->column);
    break;
  case 'J':
    if (number != 2) vs_clear_row(v, v->row, v->column);
    for (int r = number == 2 ? 0 : v->row + 1; r < v->rows; r++)
      vs_clear_row(v, r, 0);
    break;
  default:
    v->bad = "a sequence";
  }
}

static inline void vs_write(virtual_screen *v, const char *p, size_t n) {
  for (size_t i = 0, length = 1; i < n; i += length) {
    uint32_t c = kl_text_char(p + i, n - i, &length);
    if (c == '\033') {
      size_t at = i + 2;
      while (at < n && (unsigned char)p[at] < 0x40)
        at++;
      if (i + 1 >= n || p[i + 1] != '[' || at >= n) {
        v->bad = "an escape";
        return;
      }
      vs_control(v, p + i + 2, at - i - 2, p[at]);
      length = at + 1 - i;
    } else if (c == '\r') {
      v->column = 0;
      v->pending = false;
    } else if (c == '\n') {
      v->pending = false;
      vs_line_feed(v);
    } else if (c == '\b') {
      if (v->column > 0) v->column--;
      v->pending = false;
    } else if (c == '\t') {
      v->column = (v->column / 8 + 1) * 8 < v->columns ? (v->column / 8 + 1) * 8 : v->columns - 1;
    } else if (c < 0x20 || (c >= 0x7F && c < 0xA0)) {
      v->bad = "a control character";
    } else {
      vs_put(v, p + i, length, kl_text_width(c));
    }
  }
}

/* All rows, each with a newline, up to the last one with something in it. */
static inline const char *vs_text(const virtual_screen *v) {
  static kl_buf all;
  size_t last = 0;
  kl_buf_clear(&all);
  kl_buf_str(&all, "");
  for (int r = 0; r < v->rows; r++) {
    const char *row = vs_row(v, r);
    kl_buf_str(&all, row);
    if (*row) last = all.len + 1;
    kl_buf_char(&all, '\n');
  }
  all.data[last] = 0;
  return all.data;
}

/* The terminal has another size and wraps its lines anew, as most do: lines that went on in the next row are one. The
 * cursor stays with its character. */
static inline void vs_reflow(virtual_screen *v, int columns, int rows) {
  virtual_screen *old = malloc(sizeof *old);
  if (!old) abort();
  *old = *v;
  int last = old->row;
  for (int r = 0; r < old->rows; r++)
    if (*vs_row(old, r)) last = r > last ? r : last;
  vs_open(v, columns, rows);
  v->gone = old->gone;
  int row = -1, column = 0;
  for (int r = 0; r <= last; r++) {
    int width = old->columns;
    while (width > 0 && !old->wrapped[r] && !*old->cells[r][width - 1].text && !old->cells[r][width - 1].second)
      width--;
    for (int c = 0; c < width || (r == old->row && c <= old->column); c++) {
      const vs_cell *cell = &old->cells[r][c];
      bool wide = c + 1 < old->columns && old->cells[r][c + 1].second;
      if (cell->second) continue;
      if (old->wrapped[r] && c == old->columns - 1 && !*cell->text) continue; /* where a wide one did not fit */
      if (c < width) vs_put(v, *cell->text ? cell->text : " ", *cell->text ? strlen(cell->text) : 1, wide ? 2 : 1);
      if (r == old->row && c == old->column) {
        row = v->row;
        column = c < width ? v->column - (v->pending ? 0 : wide ? 2 : 1) : v->column;
      }
    }
    if (r < last && !old->wrapped[r]) vs_write(v, "\r\n", 2);
  }
  v->row = row < 0 ? 0 : row;
  v->column = column < 0 ? 0 : column;
  v->pending = false;
  free(old);
}

#endif
