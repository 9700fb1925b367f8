/* The text that is being typed, of one or more lines, with its cursor: moving, cutting, putting back, undoing. Pure.
 * The text is always valid UTF-8 without control characters but newlines and tabs, and the cursor never inside of what
 * belongs together (kl_cluster_next). Offsets are bytes. */
#ifndef KL_PROMPT_LINE_H
#define KL_PROMPT_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { KL_LINE_MAX = 4 << 20 }; /* bytes; more are not taken */

typedef struct kl_line kl_line;

kl_line *kl_line_new(void);    /* NULL when memory is out */
void kl_line_free(kl_line *l); /* takes NULL */

/* The text, NUL-terminated, and its length; borrowed until the next change. */
const char *kl_line_text(const kl_line *l, size_t *n);
size_t kl_line_cursor(const kl_line *l);

/* Empties it and forgets what could be undone; what was cut stays. */
void kl_line_reset(kl_line *l);
/* Another text in its place, with the cursor at its end; can be undone. */
void kl_line_set(kl_line *l, const char *p, size_t n);
/* Replaces the bytes from `from` to `to` and puts the cursor behind what is new, which is cleaned (kl_text_clean).
 * False, and nothing done, when the text would be too long or memory is out. */
bool kl_line_replace(kl_line *l, size_t from, size_t to, const char *p, size_t n);
/* At the cursor. */
bool kl_line_insert(kl_line *l, const char *p, size_t n);
/* One that was typed: several in a row are undone together. */
bool kl_line_type(kl_line *l, uint32_t c);
bool kl_line_undo(kl_line *l); /* false: there is nothing to undo */

typedef enum kl_motion {
  KL_MOVE_LEFT,
  KL_MOVE_RIGHT,
  KL_MOVE_WORD_LEFT,
  KL_MOVE_WORD_RIGHT,
  KL_MOVE_BLANK_LEFT, /* to the begin of what stands between blanks */
  KL_MOVE_LINE_START,
  KL_MOVE_LINE_END,
  KL_MOVE_START, /* of the whole */
  KL_MOVE_END
} kl_motion;
/* Where the motion leads from the cursor. */
size_t kl_line_target(const kl_line *l, kl_motion m);
void kl_line_move(kl_line *l, kl_motion m);
/* To the begin of a cluster at or before `at`. */
void kl_line_move_to(kl_line *l, size_t at);
/* A line up or down, in the column where the first of several such moves began. False: there is no line. */
bool kl_line_up(kl_line *l);
bool kl_line_down(kl_line *l);

/* Deletes from the cursor to the target; false when that is where it is. */
bool kl_line_delete(kl_line *l, kl_motion m);
/* The same, kept for kl_line_yank; cuts in a row are kept as one. */
bool kl_line_kill(kl_line *l, kl_motion m);
bool kl_line_yank(kl_line *l);
/* After a yank: what was cut before that in its place. */
bool kl_line_yank_older(kl_line *l);
bool kl_line_transpose(kl_line *l);
/* The word behind the cursor in capitals, in small letters, or with a capital at its begin (ASCII). */
bool kl_line_change_case(kl_line *l, char how /* 'u' 'l' 'c' */);

/* Says that the last command is over: what follows belongs to nothing before it. Called for each key that does none of
 * the above. */
void kl_line_settle(kl_line *l);

#endif
