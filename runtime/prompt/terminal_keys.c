#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bindings/tty.h"
#include "prompt/terminal_impl.h"
#include "prompt/text.h"

enum {
  ESCAPE_MS = 40,       /* behind which Esc is a key of its own */
  PASTE_MS = 500,       /* behind which a Ctrl-C ends a block that does not end */
  HINT_MS = 60,         /* without a key, before a hint is asked for */
  DRAW_ROOM = 32 << 10, /* nothing is drawn while the terminal has not taken so much */
  HELD_MAX = 4 << 20,   /* bytes of keys that are kept */
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

/* ---- drawing ---- */

static kl_view view_of(const kl_terminal *t) {
  kl_view v = {.prompt = t->first, .next = t->next, .hint = t->notice ? t->notice : t->hint};
  v.text = kl_line_editor_text(t->editor, &v.n);
  v.cursor = kl_line_editor_cursor(t->editor);
  v.menu = kl_line_editor_menu(t->editor);
  v.search = kl_line_editor_search(t->editor, &v.search_n, &v.search_forward, &v.search_failed);
  if (t->state == KL_AT_BUSY) v.busy = t->busy;
  return v;
}

void kl_terminal_draw(kl_terminal *t) {
  size_t pending;
  uv_prepare_stop(&t->turn);
  kl_writer_pending(t->out, &pending);
  t->dirty = true;
  if (pending > DRAW_ROOM) return; /* what is written next comes back to it */
  bool had_text = t->above.len > 0;
  kl_buf_clear(&t->codes);
  if (had_text) kl_screen_above(t->screen, t->above.data, t->above.len, &t->codes);
  kl_buf_clear(&t->above);
  t->dirty = false;
  if (t->state == KL_AT_ACCEPTED || (t->state == KL_AT_BUSY && !(t->busy && *t->busy))) {
    kl_screen_hide(t->screen, &t->codes);
  } else {
    kl_view v = view_of(t);
    kl_screen_show(t->screen, &v, &t->codes);
  }
  if (!t->codes.failed && t->codes.len > 0) kl_writer_add(t->out, t->codes.data, t->codes.len);
  kl_writer_flush(t->out);
  if (had_text) kl_terminal_wake(t); /* somebody may wait for room */
}

static void on_turn(uv_prepare_t *h) { kl_terminal_draw(h->data); }

/* At the end of this turn of the loop, once for all that changes in it. */
void kl_terminal_soon(kl_terminal *t) {
  t->dirty = true;
  uv_prepare_start(&t->turn, on_turn);
}

void kl_terminal_leave(kl_terminal *t, const char *instead, const char *mark) {
  kl_view v = view_of(t);
  if (instead) {
    v.text = instead;
    v.n = strlen(instead);
  }
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

/* As it is to stay when somebody else gets the terminal. */
static void settle(kl_terminal *t) {
  if (t->state != KL_AT_ACCEPTED && t->state != KL_AT_BUSY) {
    kl_terminal_leave(t, NULL, "");
    return;
  }
  kl_buf_clear(&t->codes);
  if (t->above.len > 0) kl_screen_above(t->screen, t->above.data, t->above.len, &t->codes);
  kl_buf_clear(&t->above);
  kl_screen_hide(t->screen, &t->codes);
  if (!t->codes.failed && t->codes.len > 0) kl_writer_add(t->out, t->codes.data, t->codes.len);
}

/* ---- keys ---- */

static void hold(kl_terminal *t, const kl_key *key) {
  kl_held_key *h = t->held_bytes + key->n < HELD_MAX ? malloc(sizeof *h) : NULL;
  char *text = h && key->text ? malloc(key->n + 1) : NULL;
  if (!h || (key->text && !text)) { /* far too much was typed ahead */
    free(h);
    return;
  }
  if (text) {
    memcpy(text, key->text, key->n);
    text[key->n] = 0;
  }
  *h = (kl_held_key){.key = *key};
  h->key.text = text;
  *t->held_end = h;
  t->held_end = &h->next;
  t->held_bytes += sizeof *h + key->n;
}

static void free_held(kl_held_key *h) {
  free((char *)h->key.text);
  free(h);
}

static void drop_held(kl_terminal *t) {
  while (t->held) {
    kl_held_key *h = t->held;
    t->held = h->next;
    free_held(h);
  }
  t->held_end = &t->held;
  t->held_bytes = 0;
}

void kl_terminal_end_input(kl_terminal *t) {
  kl_line_editor_drop(t->editor);
  kl_terminal_set_text(&t->hint, NULL);
  t->entered = t->completing = t->hints = false;
  uv_timer_stop(&t->hint_timer);
}

static void on_hint_timer(uv_timer_t *h) {
  kl_terminal *t = h->data;
  size_t n;
  bool forward, failed;
  if (t->state != KL_AT_EDITING || kl_line_editor_menu(t->editor) ||
      kl_line_editor_search(t->editor, &n, &forward, &failed))
    return;
  t->hints = true;
  kl_terminal_wake(t);
}

void kl_terminal_hint_later(kl_terminal *t) { uv_timer_start(&t->hint_timer, on_hint_timer, HINT_MS, 0); }

void kl_terminal_interrupt(kl_terminal *t) {
  drop_held(t);
  t->behind_enter = t->entered;
  if (t->state == KL_AT_EDITING || t->state == KL_AT_COMPLETING) {
    t->state = KL_AT_EDITING;
    kl_terminal_leave(t, NULL, "^C");
    kl_terminal_end_input(t);
    kl_terminal_soon(t);
  }
  t->interrupted = true;
}

static void apply(kl_terminal *t, const kl_key *key) {
  t->notice = NULL;
  switch (kl_line_editor_key(t->editor, key)) {
  case KL_EDIT_NONE:
    break;
  case KL_EDIT_DONE:
    kl_terminal_hint_later(t);
    break;
  case KL_EDIT_ENTER:
    t->state = KL_AT_ASKED;
    t->entered = true;
    break;
  case KL_EDIT_COMPLETE:
    t->state = KL_AT_COMPLETING;
    t->completing = true;
    break;
  case KL_EDIT_INTERRUPT:
    kl_terminal_interrupt(t);
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
  if (t->state == KL_AT_EDITING) {
    apply(t, key);
  } else if (key->kind == KL_KEY_CHAR && key->c == 'c' && key->mods == KL_CTRL) {
    kl_terminal_interrupt(t);
  } else {
    hold(t, key);
  }
}

/* What was typed meanwhile. */
void kl_terminal_replay(kl_terminal *t) {
  while (t->held && t->state == KL_AT_EDITING) {
    kl_held_key *h = t->held;
    t->held = h->next;
    if (!t->held) t->held_end = &t->held;
    t->held_bytes -= sizeof *h + h->key.n;
    apply(t, &h->key);
    free_held(h);
  }
  kl_terminal_soon(t);
  kl_terminal_tell(t);
}

static void on_rest(uv_timer_t *h) {
  kl_terminal *t = h->data;
  kl_keys_rest(&t->keys, on_key, t);
  kl_terminal_draw(t);
  kl_terminal_tell(t);
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
    kl_terminal_draw(t);
  }
  kl_terminal_tell(t);
}

/* ---- standard error, which is shown above, too ---- */

void kl_terminal_add_above(kl_terminal *t, const char *p, size_t n) {
  if (n == 0) return;
  kl_buf_add(&t->above, p, n);
  if (p[n - 1] != '\n') kl_buf_char(&t->above, '\n');
  kl_terminal_soon(t);
}

static void on_stderr(void *data, const char *p, size_t n, int why) {
  kl_terminal *t = data;
  (void)why;
  kl_buf_add(&t->errors, p, n);
  size_t whole = t->errors.len;
  while (whole > 0 && t->errors.data[whole - 1] != '\n')
    whole--;
  if (t->errors.failed || t->errors.len - whole > KL_TERMINAL_ROOM) whole = t->errors.len; /* no line at all */
  kl_terminal_add_above(t, t->errors.data ? t->errors.data : "", whole);
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
  kl_terminal_draw(t);
}

static void resized(uv_signal_t *h, int number) {
  kl_terminal *t = h->data;
  (void)number;
  fit_screen(t);
  t->resized = true;
  kl_terminal_wake(t);
}

/* What is shown is given up, and what others write is theirs. */
static void step_back(kl_terminal *t) {
  kl_key_reader_close(t->errors_in);
  t->errors_in = NULL;
}

/* The terminal is ours again, and has whatever others have written. */
static void come_back(kl_terminal *t, uv_loop_t *loop) {
  watch_stderr(t, loop);
  kl_screen_forget(t->screen);
  kl_writer_add(t->out, "\r\033[J", 4);
  fit_screen(t);
}

static void suspended(uv_signal_t *h, int number) {
  kl_terminal *t = h->data;
  (void)number;
  settle(t);
  kl_writer_flush(t->out);
  step_back(t);
  t->was_suspended = true;
  kl_tty_suspend(&way);
  come_back(t, h->loop);
}

/* It was stopped and goes on. */
static void continued(uv_signal_t *h, int number) {
  kl_terminal *t = h->data;
  (void)number;
  if (t->was_suspended) { /* `suspended` has seen to it */
    t->was_suspended = false;
    return;
  }
  step_back(t);
  kl_tty_restore();
  kl_tty_take(&way);
  come_back(t, h->loop);
}

/* ---- opening and closing ---- */

static bool can_reflow(void) {
  const char *term = getenv("TERM");
  return term && !getenv("XTERM_VERSION") && strncmp(term, "linux", 5) != 0 && strncmp(term, "rxvt", 4) != 0;
}

static void open_history(kl_terminal *t) {
  char usual[4096];
  kl_error e = {0};
  if (t->o.no_history) return;
  const char *path = t->o.history ? t->o.history : kl_history_path(usual, sizeof usual) ? usual : NULL;
  if (!path)
    kl_terminal_add_above(t, "the history of inputs is not kept: neither XDG_STATE_HOME nor HOME is set",
                          strlen("the history of inputs is not kept: neither XDG_STATE_HOME nor HOME is set"));
  else if (!kl_history_open(t->history, path, &e))
    kl_terminal_add_above(t, e.message, strlen(e.message));
}

bool kl_terminal_open_keys(kl_terminal *t, uv_loop_t *loop) {
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

void kl_terminal_close_keys(kl_terminal *t) {
  kl_key_reader_close(t->errors_in);
  kl_key_reader_close(t->keys_in);
  if (t->screen && t->editor && t->out) settle(t);
  uv_close((uv_handle_t *)&t->rest_timer, kl_terminal_handle_closed);
  uv_close((uv_handle_t *)&t->hint_timer, kl_terminal_handle_closed);
  uv_close((uv_handle_t *)&t->on_resize, kl_terminal_handle_closed);
  uv_close((uv_handle_t *)&t->on_suspend, kl_terminal_handle_closed);
  uv_close((uv_handle_t *)&t->on_continue, kl_terminal_handle_closed);
  uv_close((uv_handle_t *)&t->turn, kl_terminal_handle_closed);
}

void kl_terminal_free_keys(kl_terminal *t) {
  kl_buf_free(&t->above);
  kl_buf_free(&t->errors);
  drop_held(t);
  kl_keys_free(&t->keys);
  kl_line_editor_free(t->editor);
  kl_history_free(t->history);
  kl_screen_free(t->screen);
}
