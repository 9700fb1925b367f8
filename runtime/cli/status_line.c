#include "cli/status_line.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/outlet.h"
#include "bindings/tty.h"

enum { DRAW_MS = 500, ROWS_LEAST = 12, COLUMNS_LEAST = 40 };

struct kl_status_line {
  uv_timer_t timer;
  uv_signal_t resized, suspended;
  int open; /* handles */
  kl_outlet out;
  int rows, columns; /* of the terminal, as it is set up */
  int shown;         /* rows of it that are ours; 0: none */
  kl_buf text, last;
  kl_status_fill *fill;
  void *data;
};

static void keep_modes(struct termios *modes) { (void)modes; }

/* All rows scroll again, and what is below the last line is cleared. Both keep the cursor where it is. */
#define LEAVE "\0337\033[r\0338\033[J"
static const kl_tty_way way = {.modes = keep_modes, .enter = "", .leave = LEAVE, .errors = KL_TTY_STDERR_LEFT};

static void put(kl_status_line *s, kl_buf *b) {
  if (!b->failed) (void)kl_outlet_put_all(&s->out, b->data, b->len); /* a terminal that takes nothing shows nothing */
  kl_buf_free(b);
}

/* Makes room below the line that the cursor is on, and takes the last n rows out of what scrolls. */
static void take_rows(kl_status_line *s, int n) {
  kl_buf b = {0};
  if (s->shown) kl_buf_str(&b, LEAVE);
  kl_tty_size(&s->rows, &s->columns);
  s->shown = s->rows >= ROWS_LEAST && s->columns >= COLUMNS_LEAST ? n : 0;
  if (s->shown) {
    for (int i = 0; i < n; i++)
      kl_buf_char(&b, '\n');
    kl_buf_printf(&b, "\033[%dA\0337\033[1;%dr\0338", n, s->rows - n);
  }
  put(s, &b);
}

/* Bytes and columns of `line` up to its end or to `columns`: SGR sequences take no room. */
static size_t that_fit(const char *line, size_t n, int columns) {
  size_t i = 0;
  for (int used = 0; i < n; i++) {
    if (line[i] == '\033') {
      while (i < n && line[i] != 'm')
        i++;
      continue;
    }
    bool starts = ((unsigned char)line[i] & 0xC0) != 0x80;
    if (starts && ++used > columns) break;
  }
  return i;
}

static void put_rows(kl_status_line *s) {
  kl_buf b = {0};
  const char *p = s->text.data, *end = p + s->text.len;
  kl_buf_str(&b, "\0337");
  for (int i = 0; i < s->shown && p < end; i++) {
    const char *line_end = memchr(p, '\n', (size_t)(end - p));
    size_t n = (size_t)((line_end ? line_end : end) - p);
    kl_buf_printf(&b, "\033[%d;1H\033[2K", s->rows - s->shown + 1 + i);
    kl_buf_add(&b, p, that_fit(p, n, s->columns));
    kl_buf_str(&b, "\033[0m");
    p += n + 1;
  }
  kl_buf_str(&b, "\0338");
  put(s, &b);
}

static int lines_of(const kl_buf *text) {
  int n = 0;
  for (size_t i = 0; i < text->len; i++)
    n += text->data[i] == '\n';
  return n < KL_STATUS_ROWS ? n : KL_STATUS_ROWS;
}

static void draw(kl_status_line *s, bool anew) {
  kl_buf_clear(&s->text);
  s->fill(s->data, &s->text, s->columns);
  if (s->text.failed) return;
  int n = lines_of(&s->text);
  if (n != s->shown || anew) {
    take_rows(s, n);
    anew = true;
  }
  if (!s->shown) return;
  if (!anew && s->text.len == s->last.len && !memcmp(s->text.data, s->last.data, s->text.len)) return;
  put_rows(s);
  kl_buf_clear(&s->last);
  kl_buf_add(&s->last, s->text.data, s->text.len);
}

void kl_status_line_draw(kl_status_line *s) {
  if (s) draw(s, false);
}

static void on_timer(uv_timer_t *t) { draw(t->data, false); }

static void on_resized(uv_signal_t *h, int number) {
  (void)number;
  draw(h->data, true);
}

static void on_suspended(uv_signal_t *h, int number) {
  (void)number;
  kl_tty_suspend(&way);
  draw(h->data, true);
}

static bool can_show(void) {
  const char *term = getenv("TERM");
  return term && strcmp(term, "dumb") != 0 && isatty(STDOUT_FILENO) && isatty(STDERR_FILENO);
}

kl_status_line *kl_status_line_open(uv_loop_t *loop, kl_status_fill *fill, void *data) {
  if (!can_show() || kl_tty_taken()) return NULL;
  kl_status_line *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  if (!kl_tty_take(&way)) {
    free(s);
    return NULL;
  }
  s->fill = fill;
  s->data = data;
  kl_outlet_open(&s->out, STDOUT_FILENO);
  kl_tty_size(&s->rows, &s->columns);
  uv_timer_init(loop, &s->timer);
  uv_signal_init(loop, &s->resized);
  uv_signal_init(loop, &s->suspended);
  s->timer.data = s->resized.data = s->suspended.data = s;
  s->open = 3;
  uv_timer_start(&s->timer, on_timer, 0, DRAW_MS);
  uv_signal_start(&s->resized, on_resized, SIGWINCH);
  uv_signal_start(&s->suspended, on_suspended, SIGTSTP);
  return s;
}

static void handle_closed(uv_handle_t *h) {
  kl_status_line *s = h->data;
  if (--s->open > 0) return;
  kl_buf_free(&s->text);
  kl_buf_free(&s->last);
  kl_outlet_close(&s->out);
  free(s);
}

void kl_status_line_close(kl_status_line *s) {
  if (!s) return;
  kl_tty_restore();
  uv_close((uv_handle_t *)&s->timer, handle_closed);
  uv_close((uv_handle_t *)&s->resized, handle_closed);
  uv_close((uv_handle_t *)&s->suspended, handle_closed);
}
