/* What is to be on the screen while an input is typed, as rows of cells. Pure. */
#ifndef KL_PROMPT_LAYOUT_H
#define KL_PROMPT_LAYOUT_H

#include "prompt/line_editor.h"

/* What is shown. Texts are borrowed during the call; SGR sequences count in `prompt`, `next` and `busy` only. */
typedef struct kl_view {
  const char *prompt, *next; /* before the first line of the input, and before the others */
  const char *text;
  size_t n, cursor;
  const char *search; /* what is looked for; NULL: nothing is */
  size_t search_n;
  bool search_forward, search_failed;
  kl_menu *menu;    /* NULL: none; it is laid out */
  const char *hint; /* below the input, where there is no menu; NULL: none */
  const char *busy; /* a line in place of all that; NULL: none */
  bool plain;       /* as it stays when it was entered: only the input */
} kl_view;

typedef struct kl_cell {
  size_t at; /* its bytes */
  unsigned n;
  unsigned char width;
  unsigned char style;
  bool sure; /* all terminals agree about its width */
} kl_cell;

typedef struct kl_row {
  size_t first, count; /* its cells */
  size_t width;
  bool wraps; /* the next row goes on with it, as a terminal does by itself */
  bool sure;  /* all its cells are */
} kl_row;

typedef struct kl_style {
  size_t at, n; /* its SGR sequences */
} kl_style;

enum { KL_STYLES_MAX = 64 };

/* Zeroed: nothing. */
typedef struct kl_frame {
  kl_buf bytes;
  kl_cell *cells;
  size_t n_cells, cells_cap;
  kl_row *rows;
  size_t n_rows, rows_cap;
  kl_style styles[KL_STYLES_MAX]; /* 0: none */
  size_t n_styles;
  size_t row, column; /* of the cursor; column < columns */
  size_t top;         /* row of the input that is the first one in sight */
  bool failed;        /* memory was out: it is not whole */
} kl_frame;

/* Fills the frame for a screen of at least 2 columns and 1 row, of which it uses at most all. Where the input has more
 * rows, it shows those around the cursor; `top` says where it began the last time. */
void kl_frame_fill(kl_frame *f, const kl_view *v, size_t columns, size_t rows, bool colour);
void kl_frame_free(kl_frame *f); /* releases and zeroes */

#endif
