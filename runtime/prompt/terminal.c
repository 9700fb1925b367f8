#include "prompt/terminal.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bindings/tty.h"
#include "bindings/writer.h"
#include "prompt/lines.h"
#include "prompt/reader.h"
#include "prompt/screen.h"
#include "prompt/text.h"

enum {
  ESCAPE_MS = 40, /* behind which Esc is a key of its own */
  PASTE_MS = 500, /* behind which a Ctrl-C ends a block that does not end */
  HINT_MS = 60,   /* without a key, before a hint is asked for */
  ROOM = 256 << 10,
  DRAW_ROOM = 32 << 10, /* nothing is drawn while the terminal has not taken so much */
  HELD_MAX = 4 << 20,   /* bytes of keys that are kept */
  CLOSE_MS = 2000
};

typedef struct held_key {
  kl_key key; /* its text is owned */
  struct held_key *next;
} held_key;

struct kl_terminal {
  kl_terminal_options o;
  bool plain, prompts, colour; /* prompts: plain, but somebody types */
  char *first, *next, *hint, *busy;
  kl_writer *out, *err; /* err: plain only */
  enum { EDITING, ASKED, COMPLETING, ACCEPTED, BUSY } state;
  bool interrupted, entered, completing, ended, resized, hints; /* events that were not told yet */
  uv_signal_t on_interrupt;
  int open_handles;
  kl_buf text; /* of the event that was told last; plain: lines of an input that is not complete */

  /* Plain. */
  kl_input_lines *lines;
  bool prompted, more, failed; /* the prompt is there; `text` is to be gone on with */

  /* With keys. */
  kl_key_reader *keys_in, *errors_in;
  kl_keys keys;
  held_key *held, **held_end;
  size_t held_bytes;
  kl_history *history;
  kl_line_editor *editor;
  kl_screen *screen;
  kl_buf above, codes, errors; /* to be shown above; scratch; what standard error got, without an end of line */
  const char *notice;          /* instead of the hint, until the next key */
  bool dirty, reflows, gone;   /* gone: nobody types any more */
  uv_timer_t rest_timer, hint_timer;
  uv_signal_t on_resize, on_suspend, on_continue;
  uv_prepare_t turn; /* draws what has changed */
};

/* ---- taking the terminal ---- */

/* Bytes as they are typed, Ctrl-C, Ctrl-S and Ctrl-V too. Ctrl-Z and Ctrl-\ remain signals. */
static void key_modes(struct termios *modes) {
  modes->c_iflag &= ~(tcflag_t)(ICRNL | INLCR | IXON | ISTRIP);
  modes->c_lflag &= ~(tcflag_t)(ICANON | ECHO | IEXTEN);
  modes->c_lflag |= (tcflag_t)(ISIG | NOFLSH);
  modes->c_cc[VINTR] = _POSIX_VDISABLE;
  modes->c_cc[VMIN] = 1;
  modes->c_cc[VTIME] = 0;
}

/* Pasted text comes marked as such. At the end: what a sequence that was cut off left, and all below is taken away. */
static const kl_tty_way way = {.modes = key_modes,
                               .enter = "\033[?2004h",
                               .leave = "\030\033[0m\033[?2004l\033[?25h\033[J",
                               .errors = KL_TTY_STDERR_READ};

static void wake(kl_terminal *t) { t->o.wake(t->o.data); }

/* The same where there is an event. */
static void tell(kl_terminal *t) {
  bool waits = t->state != BUSY && (t->resized || t->entered || t->completing || t->ended || t->hints);
  if (t->interrupted || waits) wake(t);
}

/* ---- drawing ---- */

static void soon(kl_terminal *t);

static kl_view view_of(const kl_terminal *t) {
  kl_view v = {.prompt = t->first, .next = t->next, .hint = t->notice ? t->notice : t->hint};
  v.text = kl_line_editor_text(t->editor, &v.n);
  v.cursor = kl_line_editor_cursor(t->editor);
  v.menu = kl_line_editor_menu(t->editor);
  v.search = kl_line_editor_search(t->editor, &v.search_n, &v.search_forward, &v.search_failed);
  if (t->state == BUSY) v.busy = t->busy;
  return v;
}

static void draw(kl_terminal *t) {
  size_t pending;
  uv_prepare_stop(&t->turn);
  kl_writer_pending(t->out, &pending);
  if (pending > DRAW_ROOM) return; /* `on_written` comes back to it */
  bool had_text = t->above.len > 0;
  kl_buf_clear(&t->codes);
  if (had_text) kl_screen_above(t->screen, t->above.data, t->above.len, &t->codes);
  kl_buf_clear(&t->above);
  t->dirty = false;
  if (t->state == ACCEPTED || (t->state == BUSY && !(t->busy && *t->busy))) {
    kl_screen_hide(t->screen, &t->codes);
  } else {
    kl_view v = view_of(t);
    kl_screen_show(t->screen, &v, &t->codes);
  }
  if (!t->codes.failed && t->codes.len > 0) kl_writer_add(t->out, t->codes.data, t->codes.len);
  kl_writer_flush(t->out);
  if (had_text) wake(t); /* somebody may wait for room */
}

static void on_turn(uv_prepare_t *h) { draw(h->data); }

/* At the end of this turn of the loop, once for all that changes in it. */
static void soon(kl_terminal *t) {
  t->dirty = true;
  uv_prepare_start(&t->turn, on_turn);
}

static void on_written(void *data) {
  kl_terminal *t = data;
  if (!t->plain && (t->dirty || t->above.len > 0)) draw(t);
  wake(t);
}

/* The input stays as it is, with `mark` behind it, and what comes next is below. */
static void leave_input(kl_terminal *t, const char *mark) {
  kl_view v = view_of(t);
  v.plain = true;
  v.menu = NULL;
  v.search = v.hint = v.busy = NULL;
  v.cursor = v.n;
  kl_buf marked = {0};
  if (*mark) {
    kl_buf_add(&marked, v.text, v.n);
    kl_buf_str(&marked, mark);
    if (!marked.failed) {
      v.text = marked.data;
      v.n = v.cursor = marked.len;
    }
  }
  kl_buf_clear(&t->codes);
  if (t->above.len > 0) kl_screen_above(t->screen, t->above.data, t->above.len, &t->codes);
  kl_buf_clear(&t->above);
  kl_screen_show(t->screen, &v, &t->codes);
  kl_screen_leave(t->screen, &t->codes);
  if (!t->codes.failed) kl_writer_add(t->out, t->codes.data, t->codes.len);
  kl_buf_free(&marked);
}

/* ---- keys ---- */

static void hold(kl_terminal *t, const kl_key *key) {
  held_key *h = t->held_bytes + key->n < HELD_MAX ? malloc(sizeof *h) : NULL;
  char *text = h && key->text ? malloc(key->n + 1) : NULL;
  if (!h || (key->text && !text)) { /* far too much was typed ahead */
    free(h);
    return;
  }
  if (text) {
    memcpy(text, key->text, key->n);
    text[key->n] = 0;
  }
  *h = (held_key){.key = *key};
  h->key.text = text;
  *t->held_end = h;
  t->held_end = &h->next;
  t->held_bytes += sizeof *h + key->n;
}

static void free_held(held_key *h) {
  free((char *)h->key.text);
  free(h);
}

static void drop_held(kl_terminal *t) {
  while (t->held) {
    held_key *h = t->held;
    t->held = h->next;
    free_held(h);
  }
  t->held_end = &t->held;
  t->held_bytes = 0;
}

static void set_text(char **slot, const char *text) {
  char *copy = text ? strdup(text) : NULL; /* without memory nothing is shown */
  free(*slot);
  *slot = copy;
}

static void end_input(kl_terminal *t) {
  kl_line_editor_drop(t->editor);
  set_text(&t->hint, NULL);
  t->entered = t->completing = t->hints = false;
  uv_timer_stop(&t->hint_timer);
}

static void on_hint_timer(uv_timer_t *h) {
  kl_terminal *t = h->data;
  size_t n;
  bool forward, failed;
  if (t->state != EDITING || kl_line_editor_menu(t->editor) || kl_line_editor_search(t->editor, &n, &forward, &failed))
    return;
  t->hints = true;
  wake(t);
}

static void interrupt(kl_terminal *t) {
  drop_held(t);
  if (t->state == EDITING) {
    leave_input(t, "^C");
    end_input(t);
    soon(t);
  }
  t->interrupted = true;
}

static void apply(kl_terminal *t, const kl_key *key) {
  t->notice = NULL;
  switch (kl_line_editor_key(t->editor, key)) {
  case KL_EDIT_NONE:
    break;
  case KL_EDIT_DONE:
    uv_timer_start(&t->hint_timer, on_hint_timer, HINT_MS, 0);
    break;
  case KL_EDIT_ENTER:
    t->state = ASKED;
    t->entered = true;
    break;
  case KL_EDIT_COMPLETE:
    t->state = COMPLETING;
    t->completing = true;
    break;
  case KL_EDIT_INTERRUPT:
    interrupt(t);
    break;
  case KL_EDIT_EOF:
    t->ended = true;
    break;
  case KL_EDIT_CLEAR:
    kl_buf_clear(&t->codes);
    kl_screen_clear(t->screen, &t->codes);
    if (!t->codes.failed) kl_writer_add(t->out, t->codes.data, t->codes.len);
    break;
  case KL_EDIT_REFUSED:
    t->notice = key->kind == KL_KEY_PASTE
                    ? "not pasted: that is too long for a prompt; put it into a file, and :load it"
                    : "the input is too long";
    break;
  }
}

static void on_key(void *data, const kl_key *key) {
  kl_terminal *t = data;
  if (t->state == EDITING) {
    apply(t, key);
  } else if (key->kind == KL_KEY_CHAR && key->c == 'c' && key->mods == KL_CTRL) {
    interrupt(t);
  } else {
    hold(t, key);
  }
}

/* What was typed meanwhile. */
static void replay(kl_terminal *t) {
  while (t->held && t->state == EDITING) {
    held_key *h = t->held;
    t->held = h->next;
    if (!t->held) t->held_end = &t->held;
    t->held_bytes -= sizeof *h + h->key.n;
    apply(t, &h->key);
    free_held(h);
  }
  soon(t);
  tell(t);
}

static void on_rest(uv_timer_t *h) {
  kl_terminal *t = h->data;
  kl_keys_rest(&t->keys, on_key, t);
  draw(t);
  tell(t);
}

static void on_typed(void *data, const char *p, size_t n, int why) {
  kl_terminal *t = data;
  (void)why;
  uv_timer_stop(&t->rest_timer);
  if (n == 0) { /* the terminal is gone */
    t->ended = t->gone = true;
  } else {
    kl_keys_feed(&t->keys, p, n, on_key, t);
    if (kl_keys_waits(&t->keys))
      uv_timer_start(&t->rest_timer, on_rest, t->keys.state == KL_KEYS_PASTE ? PASTE_MS : ESCAPE_MS, 0);
    draw(t);
  }
  tell(t);
}

/* ---- standard error, which is shown above, too ---- */

static void add_above(kl_terminal *t, const char *p, size_t n) {
  if (n == 0) return;
  kl_buf_add(&t->above, p, n);
  if (p[n - 1] != '\n') kl_buf_char(&t->above, '\n');
  soon(t);
}

static void on_stderr(void *data, const char *p, size_t n, int why) {
  kl_terminal *t = data;
  (void)why;
  kl_buf_add(&t->errors, p, n);
  size_t whole = t->errors.len;
  while (whole > 0 && t->errors.data[whole - 1] != '\n')
    whole--;
  if (t->errors.failed || t->errors.len - whole > ROOM) whole = t->errors.len; /* no line at all */
  add_above(t, t->errors.data ? t->errors.data : "", whole);
  if (whole > 0) memmove(t->errors.data, t->errors.data + whole, t->errors.len - whole);
  t->errors.len -= whole;
  t->errors.failed = false;
}

static void watch_stderr(kl_terminal *t, uv_loop_t *loop) {
  kl_key_reader_close(t->errors_in);
  t->errors_in = kl_tty_stderr() >= 0 ? kl_key_reader_new(loop, kl_tty_stderr(), on_stderr, t) : NULL;
  if (t->errors_in) kl_key_reader_start(t->errors_in);
}

/* ---- signals ---- */

static void fit_screen(kl_terminal *t) {
  int rows, columns;
  kl_tty_size(&rows, &columns);
  kl_buf_clear(&t->codes);
  kl_screen_resize(t->screen, (size_t)columns, (size_t)rows, t->reflows, &t->codes);
  if (!t->codes.failed && t->codes.len > 0) kl_writer_add(t->out, t->codes.data, t->codes.len);
  draw(t);
}

static void resized(uv_signal_t *h, int number) {
  kl_terminal *t = h->data;
  (void)number;
  fit_screen(t);
  t->resized = true;
  wake(t);
}

static void suspended(uv_signal_t *h, int number) {
  kl_terminal *t = h->data;
  (void)number;
  leave_input(t, "");
  kl_writer_flush(t->out);
  kl_key_reader_close(t->errors_in);
  t->errors_in = NULL;
  kl_tty_suspend(&way);
  watch_stderr(t, h->loop);
  kl_screen_forget(t->screen);
  fit_screen(t);
}

/* It was stopped and goes on, and what is there now is somebody else's. */
static void continued(uv_signal_t *h, int number) {
  kl_terminal *t = h->data;
  (void)number;
  kl_key_reader_close(t->errors_in);
  t->errors_in = NULL;
  kl_tty_restore();
  kl_tty_take(&way);
  watch_stderr(t, h->loop);
  kl_screen_forget(t->screen);
  fit_screen(t);
}

static void on_sigint(uv_signal_t *h, int number) {
  kl_terminal *t = h->data;
  (void)number;
  if (t->plain) {
    t->interrupted = true;
    t->more = t->prompted = false;
    if (t->prompts) kl_writer_add(t->out, "\n", 1);
  } else {
    interrupt(t);
    draw(t);
  }
  wake(t);
}

/* ---- opening and closing ---- */

static bool can_draw(void) {
  const char *term = getenv("TERM");
  return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

static bool has_colour(void) {
  const char *no = getenv("NO_COLOR");
  return !(no && *no);
}

static bool can_reflow(void) {
  const char *term = getenv("TERM");
  return !getenv("XTERM_VERSION") && strncmp(term, "linux", 5) != 0 && strncmp(term, "rxvt", 4) != 0;
}

static void handle_closed(uv_handle_t *h) {
  kl_terminal *t = h->data;
  if (--t->open_handles > 0) return;
  kl_buf_free(&t->text);
  kl_buf_free(&t->above);
  kl_buf_free(&t->codes);
  kl_buf_free(&t->errors);
  drop_held(t);
  kl_keys_free(&t->keys);
  kl_line_editor_free(t->editor);
  kl_history_free(t->history);
  kl_screen_free(t->screen);
  free(t->first);
  free(t->next);
  free(t->hint);
  free(t->busy);
  free(t);
}

static void no_wake(void *data) { (void)data; }

static void write_rest(kl_writer *w, bool wait) {
  size_t pending;
  kl_writer_flush(w);
  for (int ms = 0; wait && ms < CLOSE_MS && !kl_writer_error(w) && *kl_writer_pending(w, &pending); ms += 10) {
    usleep(10000);
    kl_writer_flush(w);
  }
}

void kl_terminal_close(kl_terminal *t, bool wait) {
  if (!t) return;
  t->o.wake = no_wake;
  if (!t->plain) {
    kl_key_reader_close(t->errors_in);
    kl_key_reader_close(t->keys_in);
    if (t->screen && t->out) {
      t->state = t->state == BUSY ? ACCEPTED : t->state;
      if (t->state == ACCEPTED)
        draw(t);
      else
        leave_input(t, "");
    }
    uv_close((uv_handle_t *)&t->rest_timer, handle_closed);
    uv_close((uv_handle_t *)&t->hint_timer, handle_closed);
    uv_close((uv_handle_t *)&t->on_resize, handle_closed);
    uv_close((uv_handle_t *)&t->on_suspend, handle_closed);
    uv_close((uv_handle_t *)&t->on_continue, handle_closed);
    uv_close((uv_handle_t *)&t->turn, handle_closed);
  }
  kl_input_lines_close(t->lines);
  if (t->out) write_rest(t->out, wait);
  if (t->err) write_rest(t->err, wait);
  kl_writer_close(t->out);
  kl_writer_close(t->err);
  if (!t->plain) kl_tty_restore();
  uv_close((uv_handle_t *)&t->on_interrupt, handle_closed);
}

static void open_history(kl_terminal *t) {
  char usual[4096];
  kl_error e = {0};
  if (t->o.no_history) return;
  const char *path = t->o.history ? t->o.history : kl_history_path(usual, sizeof usual) ? usual : NULL;
  if (!path)
    add_above(t, "the history of inputs is not kept: neither XDG_STATE_HOME nor HOME is set",
              strlen("the history of inputs is not kept: neither XDG_STATE_HOME nor HOME is set"));
  else if (!kl_history_open(t->history, path, &e))
    add_above(t, e.message, strlen(e.message));
}

static bool open_keys(kl_terminal *t, uv_loop_t *loop) {
  int rows, columns;
  kl_tty_size(&rows, &columns);
  uv_timer_init(loop, &t->rest_timer);
  uv_timer_init(loop, &t->hint_timer);
  uv_signal_init(loop, &t->on_resize);
  uv_signal_init(loop, &t->on_suspend);
  uv_signal_init(loop, &t->on_continue);
  uv_prepare_init(loop, &t->turn);
  t->rest_timer.data = t->hint_timer.data = t->on_resize.data = t->on_suspend.data = t->on_continue.data =
      t->turn.data = t;
  t->open_handles += 6;
  t->history = kl_history_new();
  t->editor = t->history ? kl_line_editor_new(t->history) : NULL;
  t->screen = kl_screen_new((size_t)columns, (size_t)rows, t->colour);
  t->keys_in = kl_key_reader_new(loop, STDIN_FILENO, on_typed, t);
  if (!t->editor || !t->screen || !t->keys_in) return false;
  t->reflows = can_reflow();
  kl_tty_take(&way);
  watch_stderr(t, loop);
  uv_signal_start(&t->on_resize, resized, SIGWINCH);
  uv_signal_start(&t->on_suspend, suspended, SIGTSTP);
  uv_signal_start(&t->on_continue, continued, SIGCONT);
  open_history(t);
  kl_line_editor_drop(t->editor); /* at the end of the history */
  kl_key_reader_start(t->keys_in);
  return true;
}

static void lines_ready(void *data) { wake(data); }

kl_terminal *kl_terminal_open(uv_loop_t *loop, const kl_terminal_options *o, kl_error *e) {
  kl_terminal *t = calloc(1, sizeof *t);
  if (t) {
    t->o = *o;
    t->held_end = &t->held;
    t->plain = o->plain || !can_draw();
    if (!t->plain && kl_tty_taken()) {
      free(t);
      kl_error_set(e, KL_ERR_VALIDATION, "the terminal is in use already");
      return NULL;
    }
    t->prompts = t->plain && !o->plain && isatty(STDIN_FILENO);
    t->colour = !t->plain && !o->no_colour && has_colour();
    t->state = ACCEPTED;
    uv_signal_init(loop, &t->on_interrupt);
    t->on_interrupt.data = t;
    t->open_handles = 1;
    t->out = kl_writer_new(loop, STDOUT_FILENO, on_written, t);
    set_text(&t->first, "> ");
    set_text(&t->next, "  ");
    bool ok = t->out && t->first && t->next;
    if (t->plain) {
      t->err = kl_writer_new(loop, STDERR_FILENO, on_written, t);
      t->lines = kl_input_lines_new(loop, STDIN_FILENO, lines_ready, t);
      ok = ok && t->err && t->lines;
    } else {
      ok = open_keys(t, loop) && ok;
    }
    if (ok) {
      uv_signal_start(&t->on_interrupt, on_sigint, SIGINT);
      return t;
    }
    kl_terminal_close(t, false);
  }
  kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for the terminal");
  return NULL;
}

bool kl_terminal_plain(const kl_terminal *t) { return t->plain; }
bool kl_terminal_colour(const kl_terminal *t) { return t->colour; }

void kl_terminal_get_size(const kl_terminal *t, int *columns, int *rows) {
  (void)t;
  kl_tty_size(rows, columns);
}

/* ---- events ---- */

void kl_terminal_want(kl_terminal *t) {
  if (t->state == ACCEPTED || (t->state == COMPLETING && !t->completing)) {
    t->state = EDITING;
    if (!t->plain) replay(t);
  }
}

static void copy_text(kl_terminal *t, kl_terminal_event *e) {
  size_t n;
  const char *text = kl_line_editor_text(t->editor, &n);
  kl_buf_clear(&t->text);
  kl_buf_add(&t->text, text, n);
  e->text = t->text.failed ? "" : t->text.data;
  e->n = t->text.failed ? 0 : t->text.len;
  e->cursor = kl_line_editor_cursor(t->editor);
}

static bool told(bool *flag, kl_terminal_event *e, kl_terminal_kind kind) {
  if (!*flag) return false;
  *flag = false;
  *e = (kl_terminal_event){.kind = kind};
  return true;
}

static bool next_of_keys(kl_terminal *t, kl_terminal_event *e) {
  if (t->state == BUSY) return false;
  if (told(&t->resized, e, KL_TERMINAL_RESIZE)) return true;
  if (told(&t->entered, e, KL_TERMINAL_ENTER) || told(&t->completing, e, KL_TERMINAL_COMPLETE)) {
    copy_text(t, e);
    return true;
  }
  if (t->state == ASKED || t->state == COMPLETING) return false;
  if (told(&t->ended, e, KL_TERMINAL_EOF)) {
    t->ended = t->gone;
    return true;
  }
  if (!told(&t->hints, e, KL_TERMINAL_HINT)) return false;
  copy_text(t, e);
  return true;
}

static void show_prompt(kl_terminal *t) {
  if (!t->prompts || t->prompted) return;
  const char *prompt = t->more ? t->next : t->first;
  kl_buf_clear(&t->codes);
  kl_text_show(&t->codes, prompt, strlen(prompt), false, false);
  if (!t->codes.failed) kl_writer_add(t->out, t->codes.data, t->codes.len);
  kl_writer_flush(t->out);
  t->prompted = true;
}

static bool next_line(kl_terminal *t, kl_terminal_event *e) {
  const char *p;
  size_t n;
  if (t->state != EDITING || t->failed) return false;
  show_prompt(t);
  kl_input_lines_state what = kl_input_lines_take(t->lines, &p, &n);
  if (what == KL_LINES_LATER) return false;
  *e = (kl_terminal_event){.kind = KL_TERMINAL_ENTER};
  if (what == KL_LINES_END) {
    e->kind = KL_TERMINAL_EOF;
    if (t->prompts) kl_writer_add(t->out, "\n", 1);
  } else if (what == KL_LINES_FAILED) {
    *e = (kl_terminal_event){.kind = KL_TERMINAL_FAILED, .text = p, .n = n};
    t->failed = true;
    return true;
  } else {
    if (!t->more) kl_buf_clear(&t->text);
    if (t->more) kl_buf_char(&t->text, '\n');
    kl_buf_add(&t->text, p, n);
    t->state = ASKED;
    t->prompted = false;
  }
  if (t->text.failed) { /* too long for the memory that there is */
    *e = (kl_terminal_event){.kind = KL_TERMINAL_FAILED, .text = "not enough memory", .n = strlen("not enough memory")};
    t->failed = true;
    return true;
  }
  if (what == KL_LINES_LINE || t->more) {
    e->text = t->text.data ? t->text.data : "";
    e->n = e->cursor = t->text.len;
  }
  t->more = false;
  return true;
}

bool kl_terminal_next(kl_terminal *t, kl_terminal_event *e) {
  if (told(&t->interrupted, e, KL_TERMINAL_INTERRUPT)) return true;
  return t->plain ? next_line(t, e) : next_of_keys(t, e);
}

/* ---- what the front says ---- */

void kl_terminal_prompt(kl_terminal *t, const char *first, const char *next) {
  set_text(&t->first, first);
  set_text(&t->next, next);
  if (!t->first) t->first = strdup("");
  if (!t->next) t->next = strdup("");
  if (!t->plain) soon(t);
}

void kl_terminal_accept(kl_terminal *t) {
  kl_error e = {0};
  if (t->state != ASKED) return;
  t->state = ACCEPTED;
  if (t->plain) return;
  size_t n;
  const char *text = kl_line_editor_text(t->editor, &n);
  leave_input(t, "");
  if (!kl_history_add(t->history, text, n, &e)) add_above(t, e.message, strlen(e.message));
  end_input(t);
}

void kl_terminal_newline(kl_terminal *t) {
  if (t->state != ASKED) return;
  t->state = EDITING;
  if (t->plain) {
    t->more = true;
    return;
  }
  kl_line_editor_newline(t->editor);
  replay(t);
}

void kl_terminal_offer(kl_terminal *t, kl_menu_item *items, size_t count, size_t from, bool partial) {
  if (t->plain || t->state != COMPLETING) {
    kl_menu_items_free(items, count);
    return;
  }
  t->state = EDITING;
  kl_line_editor_offer(t->editor, items, count, from, partial);
  if (count > 0) uv_timer_start(&t->hint_timer, on_hint_timer, HINT_MS, 0);
  replay(t);
}

void kl_terminal_hint(kl_terminal *t, const char *text) {
  if (t->plain || (!text && !t->hint)) return;
  set_text(&t->hint, text);
  soon(t);
}

void kl_terminal_above(kl_terminal *t, const char *p, size_t n, bool error) {
  if (!t->plain) {
    add_above(t, p, n);
    return;
  }
  kl_buf_clear(&t->codes);
  if (isatty(error ? STDERR_FILENO : STDOUT_FILENO))
    kl_text_show(&t->codes, p, n, false, false);
  else
    kl_buf_add(&t->codes, p, n);
  if (n > 0 && p[n - 1] != '\n') kl_buf_char(&t->codes, '\n');
  if (!t->codes.failed) kl_writer_add(error ? t->err : t->out, t->codes.data ? t->codes.data : "", t->codes.len);
}

void kl_terminal_busy(kl_terminal *t, const char *text) {
  if (text) {
    set_text(&t->busy, text);
    t->state = BUSY;
  } else if (t->state == BUSY) {
    t->state = EDITING;
    if (!t->plain)
      replay(t);
    else
      wake(t);
  }
  if (!t->plain) soon(t);
}

bool kl_terminal_has_room(const kl_terminal *t, int *why) {
  size_t out, err = 0;
  kl_writer_pending(t->out, &out);
  *why = kl_writer_error(t->out);
  if (t->err) kl_writer_pending(t->err, &err);
  return *why || out + err + t->above.len <= ROOM;
}

bool kl_terminal_drained(const kl_terminal *t) {
  size_t out, err = 0;
  kl_writer_pending(t->out, &out);
  if (t->err) kl_writer_pending(t->err, &err);
  return (out == 0 || kl_writer_error(t->out)) && (err == 0 || kl_writer_error(t->err)) && t->above.len == 0;
}
