#include "prompt/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bindings/tty.h"
#include "prompt/terminal_impl.h"
#include "prompt/text.h"

enum { CLOSE_MS = 2000 };

void kl_terminal_wake(kl_terminal *t) { t->o.wake(t->o.data); }

/* The same where there is an event. */
void kl_terminal_tell(kl_terminal *t) {
  bool waits = t->state != KL_AT_BUSY && (t->resized || t->entered || t->completing || t->ended || t->hints);
  if (t->interrupted || waits) kl_terminal_wake(t);
}

void kl_terminal_set_text(char **slot, const char *text) {
  char *copy = text ? strdup(text) : NULL; /* without memory nothing is shown */
  free(*slot);
  *slot = copy;
}

/* Nobody reads what is written: what runs is to end as at Ctrl-C, and nothing follows. */
static void look_for_reader(kl_terminal *t) {
  if (!t->plain || t->gone || !kl_writer_error(t->out)) return;
  t->gone = t->interrupted = true;
  kl_terminal_wake(t);
}

static void on_written(void *data) {
  kl_terminal *t = data;
  look_for_reader(t);
  if (!t->plain && (t->dirty || t->above.len > 0)) kl_terminal_draw(t);
  kl_terminal_wake(t);
}

static void on_sigint(uv_signal_t *h, int number) {
  kl_terminal *t = h->data;
  (void)number;
  if (t->plain) {
    t->interrupted = true;
    t->more = t->prompted = false;
    if (t->prompts) kl_writer_add(t->out, "\n", 1);
  } else {
    kl_terminal_interrupt(t);
    kl_terminal_draw(t);
  }
  kl_terminal_wake(t);
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

void kl_terminal_handle_closed(uv_handle_t *h) {
  kl_terminal *t = h->data;
  if (--t->open_handles > 0) return;
  kl_terminal_free_keys(t);
  kl_buf_free(&t->text);
  kl_buf_free(&t->codes);
  free(t->first);
  free(t->next);
  free(t->hint);
  free(t->busy);
  free(t);
}

static void no_wake(void *data) { (void)data; }

static void write_rest(kl_writer *w, bool wait) {
  size_t pending;
  if (!w) return;
  kl_writer_flush(w);
  for (int ms = 0; wait && ms < CLOSE_MS && !kl_writer_error(w) && *kl_writer_pending(w, &pending); ms += 10) {
    usleep(10000);
    kl_writer_flush(w);
  }
}

void kl_terminal_close(kl_terminal *t, bool wait) {
  if (!t) return;
  t->o.wake = no_wake;
  write_rest(t->out, wait);
  if (!t->plain) kl_terminal_close_keys(t);
  kl_input_lines_close(t->lines);
  write_rest(t->out, wait);
  write_rest(t->err, wait);
  kl_writer_close(t->out);
  kl_writer_close(t->err);
  if (!t->plain) kl_tty_restore();
  uv_close((uv_handle_t *)&t->on_interrupt, kl_terminal_handle_closed);
}

static void lines_ready(void *data) { kl_terminal_wake(data); }

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
    t->state = KL_AT_ACCEPTED;
    uv_signal_init(loop, &t->on_interrupt);
    t->on_interrupt.data = t;
    t->open_handles = 1;
    t->out = kl_writer_new(loop, STDOUT_FILENO, on_written, t);
    kl_terminal_set_text(&t->first, "> ");
    kl_terminal_set_text(&t->next, "  ");
    bool ok = t->out && t->first && t->next;
    if (t->plain) {
      t->err = kl_writer_new(loop, STDERR_FILENO, on_written, t);
      t->lines = kl_input_lines_new(loop, STDIN_FILENO, lines_ready, t);
      ok = ok && t->err && t->lines;
    } else {
      ok = kl_terminal_open_keys(t, loop) && ok;
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
bool kl_terminal_asks(const kl_terminal *t) { return !t->plain || t->prompts; }
bool kl_terminal_colour(const kl_terminal *t) { return t->colour; }

void kl_terminal_get_size(const kl_terminal *t, int *columns, int *rows) {
  (void)t;
  kl_tty_size(rows, columns);
}

/* ---- events ---- */

void kl_terminal_want(kl_terminal *t) {
  if (t->state == KL_AT_ACCEPTED || (t->state == KL_AT_COMPLETING && !t->completing)) {
    t->state = KL_AT_EDITING;
    if (!t->plain) kl_terminal_replay(t);
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
  if (t->state == KL_AT_BUSY) return false;
  if (told(&t->resized, e, KL_TERMINAL_RESIZE)) return true;
  if (told(&t->entered, e, KL_TERMINAL_ENTER) || told(&t->completing, e, KL_TERMINAL_COMPLETE)) {
    copy_text(t, e);
    return true;
  }
  if (t->state == KL_AT_ASKED || t->state == KL_AT_COMPLETING) return false;
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
  if (t->state != KL_AT_EDITING || t->failed) return false;
  if (t->gone) {
    *e = (kl_terminal_event){.kind = KL_TERMINAL_EOF};
    return true;
  }
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
    t->state = KL_AT_ASKED;
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
  bool waits = t->behind_enter && t->entered && t->state != KL_AT_BUSY;
  if (!waits && told(&t->interrupted, e, KL_TERMINAL_INTERRUPT)) return true;
  return t->plain ? next_line(t, e) : next_of_keys(t, e);
}

/* ---- what the front says ---- */

void kl_terminal_prompt(kl_terminal *t, const char *first, const char *next) {
  kl_terminal_set_text(&t->first, first);
  kl_terminal_set_text(&t->next, next);
  if (!t->first) t->first = strdup("");
  if (!t->next) t->next = strdup("");
  if (!t->plain) kl_terminal_soon(t);
}

void kl_terminal_accept(kl_terminal *t, const char *instead) {
  kl_error e = {0};
  if (t->state != KL_AT_ASKED) return;
  t->state = KL_AT_ACCEPTED;
  if (t->plain) return;
  size_t n;
  const char *text = kl_line_editor_text(t->editor, &n);
  if (instead) {
    text = instead;
    n = strlen(instead);
  }
  kl_terminal_leave(t, instead, "");
  if (!kl_history_add(t->history, text, n, &e)) kl_terminal_add_above(t, e.message, strlen(e.message));
  kl_terminal_end_input(t);
}

void kl_terminal_newline(kl_terminal *t) {
  if (t->state != KL_AT_ASKED) return;
  t->state = KL_AT_EDITING;
  if (t->plain) {
    t->more = true;
    return;
  }
  kl_line_editor_newline(t->editor);
  kl_terminal_replay(t);
}

void kl_terminal_offer(kl_terminal *t, kl_menu_item *items, size_t count, size_t from, bool partial) {
  if (t->plain || t->state != KL_AT_COMPLETING) {
    kl_menu_items_free(items, count);
    return;
  }
  t->state = KL_AT_EDITING;
  kl_line_editor_offer(t->editor, items, count, from, partial);
  if (count > 0) kl_terminal_hint_later(t);
  kl_terminal_replay(t);
}

void kl_terminal_hint(kl_terminal *t, const char *text) {
  if (t->plain || (!text && !t->hint)) return;
  kl_terminal_set_text(&t->hint, text);
  kl_terminal_soon(t);
}

void kl_terminal_above(kl_terminal *t, const char *p, size_t n, bool error) {
  if (!t->plain) {
    kl_terminal_add_above(t, p, n);
    return;
  }
  kl_buf_clear(&t->codes);
  if (isatty(error ? STDERR_FILENO : STDOUT_FILENO))
    kl_text_show(&t->codes, p, n, false, false);
  else
    kl_buf_add(&t->codes, p, n);
  if (n > 0 && p[n - 1] != '\n') kl_buf_char(&t->codes, '\n');
  if (!t->codes.failed) kl_writer_add(error ? t->err : t->out, t->codes.data ? t->codes.data : "", t->codes.len);
  look_for_reader(t);
}

void kl_terminal_busy(kl_terminal *t, const char *text) {
  if (text) {
    kl_terminal_set_text(&t->busy, text);
    t->state = KL_AT_BUSY;
  } else if (t->state == KL_AT_BUSY) {
    t->state = KL_AT_EDITING;
    if (!t->plain)
      kl_terminal_replay(t);
    else
      kl_terminal_wake(t);
  }
  if (!t->plain) kl_terminal_soon(t);
}

bool kl_terminal_has_room(const kl_terminal *t, int *why) {
  size_t out, err = 0;
  kl_writer_pending(t->out, &out);
  *why = kl_writer_error(t->out);
  if (t->err) kl_writer_pending(t->err, &err);
  return *why || out + err + t->above.len <= KL_TERMINAL_ROOM;
}

int kl_terminal_lost(kl_terminal *t) {
  kl_writer_flush(t->out);
  return kl_writer_error(t->out);
}

bool kl_terminal_drained(const kl_terminal *t) {
  size_t out, err = 0;
  kl_writer_pending(t->out, &out);
  if (t->err) kl_writer_pending(t->err, &err);
  return (out == 0 || kl_writer_error(t->out)) && (err == 0 || kl_writer_error(t->err)) && t->above.len == 0;
}
