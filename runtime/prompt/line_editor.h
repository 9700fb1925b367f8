/* What keys do to the text that is being typed: editing, history, search, and the menu of a completion. Pure: keys in,
 * state out; prompt/screen.h draws it. */
#ifndef KL_LINE_EDITOR_H
#define KL_LINE_EDITOR_H

#include "prompt/history.h"
#include "prompt/keys.h"
#include "prompt/line.h"
#include "prompt/menu.h"

typedef struct kl_line_editor kl_line_editor;

/* What a key led to. */
typedef enum kl_edit {
  KL_EDIT_NONE, /* nothing: the key means nothing here */
  KL_EDIT_DONE,
  KL_EDIT_ENTER,     /* the text is asked to run: then kl_line_editor_accept, or kl_line_editor_newline */
  KL_EDIT_COMPLETE,  /* then kl_line_editor_offer */
  KL_EDIT_INTERRUPT, /* Ctrl-C: what was typed is to be dropped, by kl_line_editor_drop */
  KL_EDIT_EOF,       /* Ctrl-D without a text */
  KL_EDIT_CLEAR,     /* Ctrl-L: a screen with nothing else on it */
  KL_EDIT_REFUSED    /* a text that is too long */
} kl_edit;

/* The history is borrowed. NULL when memory is out. */
kl_line_editor *kl_line_editor_new(const kl_history *history);
void kl_line_editor_free(kl_line_editor *e); /* takes NULL */

kl_edit kl_line_editor_key(kl_line_editor *e, const kl_key *key);

/* The text, NUL-terminated, and its length; borrowed until the next key. */
const char *kl_line_editor_text(const kl_line_editor *e, size_t *n);
size_t kl_line_editor_cursor(const kl_line_editor *e);

/* The text was taken, or is given up: the next one begins. The history is looked at from its end again. */
void kl_line_editor_drop(kl_line_editor *e);
/* Goes on in a new line at the cursor, indented as the text asks for. */
bool kl_line_editor_newline(kl_line_editor *e);
/* Completions of what stands between `from` and the cursor: the items (taken) are put in there, where there is one and
 * it is whole; otherwise what they have in common, and the menu is there. Without any it does nothing. */
void kl_line_editor_offer(kl_line_editor *e, kl_menu_item *items, size_t count, size_t from, bool partial);

/* The menu, NULL where there is none. */
kl_menu *kl_line_editor_menu(const kl_line_editor *e);
/* A search in the history: what is looked for, and whether nothing was found; NULL where there is none. */
const char *kl_line_editor_search(const kl_line_editor *e, size_t *n, bool *forward, bool *failed);

#endif
