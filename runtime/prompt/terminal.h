/* The terminal of a prompt on a loop: keys and drawing where there is one, else lines of standard input and plain text.
 * It belongs to the thread of its loop, whichever that is; one at a time in a process. */
#ifndef KL_PROMPT_TERMINAL_H
#define KL_PROMPT_TERMINAL_H

#include <uv.h>

#include "base/error.h"
#include "prompt/menu.h"

typedef struct kl_terminal kl_terminal;

typedef enum kl_terminal_kind {
  KL_TERMINAL_ENTER,    /* text: is it to run? What follows is kept until kl_terminal_accept or _newline */
  KL_TERMINAL_COMPLETE, /* text, cursor; what follows is kept until kl_terminal_offer, or the next kl_terminal_want */
  KL_TERMINAL_INTERRUPT,
  KL_TERMINAL_EOF, /* text: of an input that was not complete */
  KL_TERMINAL_RESIZE,
  KL_TERMINAL_HINT,  /* text, cursor; after a change, once nothing was typed for a moment */
  KL_TERMINAL_FAILED /* text: why standard input cannot be read any more */
} kl_terminal_kind;

typedef struct kl_terminal_event {
  kl_terminal_kind kind;
  const char *text; /* borrowed until the next call; NULL: none */
  size_t n, cursor;
} kl_terminal_event;

typedef struct kl_terminal_options {
  bool plain;               /* as without a terminal */
  bool no_colour;           /* whatever the terminal can do */
  bool no_history;          /* none is kept */
  const char *history;      /* the file that keeps it; NULL: the usual one */
  void (*wake)(void *data); /* there may be an event, or room */
  void *data;
} kl_terminal_options;

/* NULL with `e`. */
kl_terminal *kl_terminal_open(uv_loop_t *loop, const kl_terminal_options *o, kl_error *e);
/* Gives the terminal back, and frees, later, from the loop; what nobody has read is written as far as nobody has to be
 * waited for, which `wait` allows for a moment. Takes NULL. */
void kl_terminal_close(kl_terminal *t, bool wait);

bool kl_terminal_plain(const kl_terminal *t);
/* Somebody sits there and is asked: a terminal, also one that cannot be drawn on. */
bool kl_terminal_asks(const kl_terminal *t);
bool kl_terminal_colour(const kl_terminal *t);
void kl_terminal_get_size(const kl_terminal *t, int *columns, int *rows);

/* Somebody waits for events: the input is shown, and lines are read. */
void kl_terminal_want(kl_terminal *t);
/* The next event; false when there is none, then `wake` follows. */
bool kl_terminal_next(kl_terminal *t, kl_terminal_event *e);

/* The texts are copied. */
void kl_terminal_prompt(kl_terminal *t, const char *first, const char *next);
/* `instead`: shown and kept in the history in place of what was entered; NULL: that. */
void kl_terminal_accept(kl_terminal *t, const char *instead);
void kl_terminal_newline(kl_terminal *t);
/* See kl_line_editor_offer; the items are taken. Nothing happens when the text is another by now. */
void kl_terminal_offer(kl_terminal *t, kl_menu_item *items, size_t count, size_t from, bool partial);
void kl_terminal_hint(kl_terminal *t, const char *text); /* NULL: none */
/* Text above what is typed; without a terminal on standard output, or on standard error where `error` is set. */
void kl_terminal_above(kl_terminal *t, const char *p, size_t n, bool error);
/* An input runs: `text` (may be "") is there in place of what is typed, and keys are kept. NULL: no more. */
void kl_terminal_busy(kl_terminal *t, const char *text);
/* Less than a few hundred KB wait to be written. *why: the errno of a write that failed, 0: none has. */
bool kl_terminal_has_room(const kl_terminal *t, int *why);
/* Writes what can be written now; the errno that standard output failed with, 0 while it has not. */
int kl_terminal_lost(kl_terminal *t);
/* Nothing waits to be written. */
bool kl_terminal_drained(const kl_terminal *t);

#endif
