/* What the files of the prompt's terminal share: terminal.c (opening, events, what the front says, and everything
 * without a terminal) and terminal_keys.c (keys, drawing, signals). */
#ifndef KL_PROMPT_TERMINAL_IMPL_H
#define KL_PROMPT_TERMINAL_IMPL_H

#include "bindings/writer.h"
#include "prompt/lines.h"
#include "prompt/reader.h"
#include "prompt/screen.h"
#include "prompt/terminal.h"

enum { KL_TERMINAL_ROOM = 256 << 10 };

typedef struct kl_held_key {
  kl_key key; /* its text is owned */
  struct kl_held_key *next;
} kl_held_key;

struct kl_terminal {
  kl_terminal_options o;
  bool plain, prompts, colour; /* prompts: plain, but somebody types */
  char *first, *next, *hint, *busy;
  kl_writer *out, *err; /* err: plain only */
  enum {
    KL_AT_EDITING,
    KL_AT_ASKED,      /* Enter: is it to run? */
    KL_AT_COMPLETING, /* Tab */
    KL_AT_ACCEPTED,   /* nothing is shown until somebody waits for events */
    KL_AT_BUSY
  } state;
  bool interrupted, entered, completing, ended, resized, hints; /* events that were not told yet */
  bool behind_enter; /* the interrupt came after what was entered, and is meant for that */
  uv_signal_t on_interrupt;
  int open_handles;
  kl_buf text;  /* of the event that was told last; plain: lines of an input that is not complete */
  kl_buf codes; /* scratch */

  /* Plain. */
  kl_input_lines *lines;
  bool prompted, more, failed; /* the prompt is there; `text` is to be gone on with */

  /* With keys. */
  kl_key_reader *keys_in, *errors_in;
  kl_keys keys;
  kl_held_key *held, **held_end;
  size_t held_bytes;
  kl_history *history;
  kl_line_editor *editor;
  kl_screen *screen;
  kl_buf above, errors;      /* to be shown above; what standard error got, without an end of line */
  const char *notice;        /* instead of the hint, until the next key */
  bool dirty, reflows, gone; /* gone: nobody types any more */
  bool was_suspended;        /* by ourselves */
  uv_timer_t rest_timer, hint_timer;
  uv_signal_t on_resize, on_suspend, on_continue;
  uv_prepare_t turn; /* draws what has changed */
};

/* There may be an event, or room; the same where there is an event. */
void kl_terminal_wake(kl_terminal *t);
void kl_terminal_tell(kl_terminal *t);
void kl_terminal_set_text(char **slot, const char *text); /* a copy; NULL: none */

/* The rest is of terminals with keys. False when memory is out. */
bool kl_terminal_open_keys(kl_terminal *t, uv_loop_t *loop);
/* Leaves the screen as it is to stay, and closes the handles, each of which ends in kl_terminal_handle_closed. */
void kl_terminal_close_keys(kl_terminal *t);
void kl_terminal_free_keys(kl_terminal *t);
void kl_terminal_handle_closed(uv_handle_t *h);

void kl_terminal_soon(kl_terminal *t); /* at the end of this turn of the loop, once for all that changes in it */
void kl_terminal_draw(kl_terminal *t);
/* The input, or what stands `instead` of it, stays as it is, with `mark` behind it, and what comes next is below. */
void kl_terminal_leave(kl_terminal *t, const char *instead, const char *mark);
void kl_terminal_end_input(kl_terminal *t);
/* What was typed meanwhile. */
void kl_terminal_replay(kl_terminal *t);
void kl_terminal_interrupt(kl_terminal *t);
void kl_terminal_add_above(kl_terminal *t, const char *p, size_t n);
void kl_terminal_hint_later(kl_terminal *t);

#endif
