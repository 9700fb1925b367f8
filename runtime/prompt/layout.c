#include "prompt/layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/lua_text.h"
#include "prompt/text.h"

enum { TAB = 4, COLOURED_MAX = 64 << 10, MENU_ROWS = 10, HINT_ROWS = 10 };

enum { PLAIN, DIM, KEYWORD, STRING, NUMBER, COMMENT, COMMAND, BRACKET, CHOSEN, OWN_STYLES };

static const char *const own_styles[OWN_STYLES] = {
    [PLAIN] = "",          [DIM] = "\033[2m",      [KEYWORD] = "\033[35m",   [STRING] = "\033[32m",
    [NUMBER] = "\033[36m", [COMMENT] = "\033[90m", [COMMAND] = "\033[1;34m", [BRACKET] = "\033[1m",
    [CHOSEN] = "\033[7m"};

void kl_frame_free(kl_frame *f) {
  kl_buf_free(&f->bytes);
  free(f->cells);
  free(f->rows);
  memset(f, 0, sizeof *f);
}

/* ---- rows and cells ---- */

typedef struct flow {
  kl_frame *f;
  size_t columns;
  size_t row, column; /* where the next cell goes */
  size_t first, end;  /* rows of the input that are in the frame */
  bool sure;          /* of this row so far */
  size_t cursor_row, cursor_column;
} flow;

static bool grow(void **p, size_t *cap, size_t need, size_t size) {
  size_t more = *cap ? *cap : 64;
  if (need <= *cap) return true;
  while (more < need)
    more *= 2;
  void *grown = realloc(*p, more * size);
  if (!grown) return false;
  *p = grown;
  *cap = more;
  return true;
}

static bool in_sight(const flow *o) { return o->row >= o->first && o->row < o->end; }

static kl_row *open_row(kl_frame *f) {
  if (!grow((void **)&f->rows, &f->rows_cap, f->n_rows + 1, sizeof *f->rows)) {
    f->failed = true;
    return NULL;
  }
  kl_row *r = &f->rows[f->n_rows++];
  *r = (kl_row){.first = f->n_cells, .sure = true};
  return r;
}

static void add_cell(kl_frame *f, const char *p, size_t n, int width, unsigned style, bool sure) {
  if (f->n_rows == 0 || !grow((void **)&f->cells, &f->cells_cap, f->n_cells + 1, sizeof *f->cells)) {
    f->failed = true;
    return;
  }
  kl_row *r = &f->rows[f->n_rows - 1];
  f->cells[f->n_cells++] = (kl_cell){f->bytes.len, (unsigned)n, (unsigned char)width, (unsigned char)style, sure};
  kl_buf_add(&f->bytes, p, n);
  if (f->bytes.failed) f->failed = true;
  r->count++;
  r->width += (size_t)width;
  r->sure &= sure;
}

static void next_row(flow *o, bool wraps) {
  if (in_sight(o) && o->f->n_rows > 0) o->f->rows[o->f->n_rows - 1].wraps = wraps;
  o->row++;
  o->column = 0;
  if (in_sight(o)) open_row(o->f);
}

/* A cluster of this width, in the next row where this one is full. */
static void make_room(flow *o, int width) {
  if (o->column + (size_t)width > o->columns) next_row(o, true);
}

static void put(flow *o, const char *p, size_t n, int width, unsigned style, bool sure) {
  make_room(o, width);
  if (in_sight(o)) add_cell(o->f, p, n, width, style, sure);
  o->column += (size_t)width;
}

/* What a cluster looks like: nothing of it may move the cursor, whatever it is. */
static void put_cluster(flow *o, const char *p, size_t n, unsigned style) {
  bool sure;
  unsigned char c = (unsigned char)p[0];
  if (c >= 0x20 && c < 0x7F && n == 1) {
    put(o, p, 1, 1, style, true);
  } else if (c < 0x20 || c == 0x7F || (c == 0xC2 && n > 1 && (unsigned char)p[1] < 0xA0)) {
    put(o, "?", 1, 1, style, true);
  } else if (n == 1) {
    put(o, "\xEF\xBF\xBD", 3, 1, style, true);
  } else {
    int width = kl_cluster_width(p, n, &sure);
    put(o, p, n < 128 ? n : 0, width, style, sure);
  }
}

/* ---- styles ---- */

static void begin_styles(kl_frame *f) {
  for (size_t i = 0; i < OWN_STYLES; i++) {
    f->styles[i] = (kl_style){f->bytes.len, strlen(own_styles[i])};
    kl_buf_str(&f->bytes, own_styles[i]);
  }
  f->n_styles = OWN_STYLES;
}

/* The style of a text's own: what it had before and this sequence. */
static unsigned add_style(kl_frame *f, unsigned before, const char *p, size_t n) {
  if (f->n_styles == KL_STYLES_MAX) return before;
  bool reset = n == 3 || (n == 4 && p[2] == '0');
  if (reset) return PLAIN;
  kl_style s = {f->bytes.len, n};
  kl_style old = f->styles[before];
  if (kl_buf_reserve(&f->bytes, old.n + n)) { /* the source does not move */
    kl_buf_add(&f->bytes, f->bytes.data + old.at, old.n);
    kl_buf_add(&f->bytes, p, n);
    s.n = old.n + n;
  }
  f->styles[f->n_styles] = s;
  return (unsigned)f->n_styles++;
}

/* A text of one line with styles of its own; `most` columns of it. */
static void put_styled(flow *o, const char *p, bool colour, unsigned style, size_t most) {
  size_t n = strlen(p), used = 0;
  for (size_t at = 0, next; at < n; at = next) {
    size_t sgr = kl_text_sgr(p + at, n - at);
    if (sgr) {
      if (colour) style = add_style(o->f, style, p + at, sgr);
      next = at + sgr;
      continue;
    }
    bool sure;
    next = kl_cluster_next(p, n, at);
    int width = kl_cluster_width(p + at, next - at, &sure);
    used += width > 0 ? (size_t)width : 1;
    if (used > most) return;
    put_cluster(o, p + at, next - at, style);
  }
}

/* The style of each byte of a Lua text; the memory is the caller's. NULL: all plain. */
static unsigned char *colour_text(const kl_view *v) {
  if (v->n == 0 || v->n > COLOURED_MAX) return NULL;
  unsigned char *styles = calloc(v->n, 1);
  if (!styles) return NULL;
  if (v->text[0] == ':') {
    for (size_t i = 0; i < v->n && v->text[i] != ' ' && v->text[i] != '\n'; i++)
      styles[i] = COMMAND;
    return styles;
  }
  static const unsigned char of[] = {[KL_LUA_KEYWORD] = KEYWORD, [KL_LUA_NUMBER] = NUMBER, [KL_LUA_STRING] = STRING,
                                     [KL_LUA_COMMENT] = COMMENT, [KL_LUA_NAME] = PLAIN,    [KL_LUA_SIGN] = PLAIN};
  kl_lua_scan s = {.text = v->text, .n = v->n};
  while (kl_lua_next(&s))
    memset(styles + s.from, of[s.kind], s.to - s.from);
  size_t open, close;
  if (!v->plain && kl_lua_brackets(v->text, v->n, v->cursor, &open, &close)) styles[open] = styles[close] = BRACKET;
  return styles;
}

/* ---- the input ---- */

static void mark_cursor(flow *o, int width) {
  make_room(o, width);
  o->cursor_row = o->row;
  o->cursor_column = o->column;
}

static void put_input(flow *o, const kl_view *v, const unsigned char *styles, bool colour) {
  put_styled(o, v->prompt, colour, PLAIN, SIZE_MAX);
  size_t indent = o->column;
  for (size_t at = 0, next; at < v->n; at = next) {
    bool sure;
    unsigned style = styles ? styles[at] : PLAIN;
    next = kl_cluster_next(v->text, v->n, at);
    if (v->text[at] == '\n') {
      if (at == v->cursor) mark_cursor(o, 1);
      next_row(o, false);
      put_styled(o, v->next, colour, PLAIN, SIZE_MAX);
      indent = o->column;
    } else if (v->text[at] == '\t') {
      if (at == v->cursor) mark_cursor(o, 1);
      size_t column = o->column >= indent ? o->column - indent : o->column;
      for (size_t blanks = TAB - column % TAB; blanks > 0; blanks--)
        put(o, " ", 1, 1, style, true);
    } else {
      if (at == v->cursor) mark_cursor(o, kl_cluster_width(v->text + at, next - at, &sure));
      put_cluster(o, v->text + at, next - at, style);
    }
  }
  if (v->cursor >= v->n) mark_cursor(o, v->plain ? 0 : 1);
}

/* ---- below it ---- */

/* A row that is cut at the right edge. */
static void put_below(kl_frame *f, const char *text, size_t columns, unsigned style, bool colour) {
  flow o = {.f = f, .columns = columns, .end = 1};
  if (open_row(f)) put_styled(&o, text, colour, style, columns);
}

static void put_search(kl_frame *f, const kl_view *v, size_t columns, bool colour) {
  kl_buf b = {0};
  kl_buf_printf(&b, "%ssearch %s: ", v->search_failed ? "nothing found, " : "",
                v->search_forward ? "forward" : "backward");
  kl_buf_add(&b, v->search, v->search_n);
  if (!b.failed) put_below(f, b.data, columns, colour ? DIM : PLAIN, false);
  kl_buf_free(&b);
}

static void put_menu(kl_frame *f, const kl_menu *m, size_t columns, size_t rows, bool colour) {
  for (size_t r = m->first; r < m->first + m->shown; r++) {
    flow o = {.f = f, .columns = columns, .end = 1};
    if (!open_row(f)) return;
    for (size_t c = 0; c < m->columns && r * m->columns + c < m->count; c++) {
      size_t i = r * m->columns + c;
      while (c > 0 && o.column < c * m->width && o.column < columns)
        put(&o, " ", 1, 1, PLAIN, true);
      size_t room = columns - o.column;
      put_styled(&o, m->items[i].text, false, m->chosen && i == m->choice ? CHOSEN : PLAIN,
                 m->width < room ? m->width : room);
    }
  }
  if (rows <= m->shown) return;
  kl_buf b = {0};
  const char *hint = m->chosen ? m->items[m->choice].hint : NULL;
  size_t shown = m->shown * m->columns;
  if (hint) {
    kl_buf_str(&b, hint);
  } else if (m->shown < m->rows) {
    kl_buf_printf(&b, "%zu of %zu%s", shown, m->count, m->partial ? ", and there are more" : "");
  } else if (m->partial) {
    kl_buf_str(&b, "there are more: type on");
  }
  if (!b.failed && b.len > 0) put_below(f, b.data, columns, colour ? DIM : PLAIN, false);
  kl_buf_free(&b);
}

static void put_hint(kl_frame *f, const char *hint, size_t columns, size_t rows, bool colour) {
  kl_buf line = {0};
  for (size_t r = 0; r < rows && *hint; r++) {
    size_t n = strcspn(hint, "\n");
    kl_buf_clear(&line);
    kl_buf_add(&line, hint, n);
    if (!line.failed) put_below(f, line.data, columns, colour ? DIM : PLAIN, colour);
    hint += hint[n] ? n + 1 : n;
  }
  kl_buf_free(&line);
}

/* Rows that the menu, the search or the hint take below the input, at most `most`. */
static size_t rows_below(const kl_view *v, size_t columns, size_t most) {
  if (most == 0 || v->plain) return 0;
  if (v->search) return 1;
  if (v->menu) {
    size_t rows = most > MENU_ROWS + 1 ? MENU_ROWS : most > 1 ? most - 1 : 1;
    kl_menu_lay_out(v->menu, columns, rows);
    return v->menu->shown < most ? v->menu->shown + 1 : v->menu->shown;
  }
  size_t rows = 0;
  for (const char *p = v->hint; p && *p && rows < HINT_ROWS && rows < most; rows++) {
    p += strcspn(p, "\n");
    if (*p) p++;
  }
  return rows;
}

static void clear(kl_frame *f) {
  kl_buf_clear(&f->bytes);
  f->n_cells = f->n_rows = 0;
  f->failed = false;
  begin_styles(f);
}

void kl_frame_fill(kl_frame *f, const kl_view *v, size_t columns, size_t rows, bool colour) {
  clear(f);
  if (v->busy) {
    put_below(f, v->busy, columns, PLAIN, colour);
    f->row = f->top = 0;
    f->column = f->n_rows > 0 && f->rows[0].width < columns ? f->rows[0].width : columns - 1;
    return;
  }
  size_t below = rows_below(v, columns, rows / 2), height = rows - below;
  unsigned char *styles = colour ? colour_text(v) : NULL;
  flow measure = {.f = f, .columns = columns, .first = SIZE_MAX, .end = 0};
  put_input(&measure, v, NULL, false);
  size_t total = measure.row + 1, top = v->plain && total <= height ? 0 : f->top;
  if (top + height > total) top = total > height ? total - height : 0;
  if (measure.cursor_row < top) top = measure.cursor_row;
  if (measure.cursor_row >= top + height) top = measure.cursor_row - height + 1;
  flow o = {.f = f, .columns = columns, .first = top, .end = top + height};
  if (top == 0) open_row(f);
  put_input(&o, v, styles, colour);
  free(styles);
  f->top = top;
  f->row = o.cursor_row - top;
  f->column = o.cursor_column < columns ? o.cursor_column : columns - 1;
  if (below == 0) return;
  if (v->search) {
    put_search(f, v, columns, colour);
  } else if (v->menu) {
    put_menu(f, v->menu, columns, below, colour);
  } else if (v->hint) {
    put_hint(f, v->hint, columns, below, colour);
  }
}
