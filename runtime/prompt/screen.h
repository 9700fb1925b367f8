/* The part of a terminal in which an input is typed, drawn with few bytes: what differs from what is there. Pure: the
 * codes go into a buffer. */
#ifndef KL_PROMPT_SCREEN_H
#define KL_PROMPT_SCREEN_H

#include "prompt/layout.h"

typedef struct kl_screen kl_screen;

/* NULL when memory is out. Nothing is shown yet, and the cursor is at the begin of a line with nothing in it. */
kl_screen *kl_screen_new(size_t columns, size_t rows, bool colour);
void kl_screen_free(kl_screen *s); /* takes NULL */

/* Shows what is to be seen, in place of what is there. */
void kl_screen_show(kl_screen *s, const kl_view *v, kl_buf *out);
/* Takes it away; the cursor is at the begin of the line where it was. */
void kl_screen_hide(kl_screen *s, kl_buf *out);
/* Leaves it there; the cursor is at the begin of the line behind it. */
void kl_screen_leave(kl_screen *s, kl_buf *out);
/* Takes it away and puts a text (kl_text_show) where it was; what is typed is to be shown again behind it. */
void kl_screen_above(kl_screen *s, const char *p, size_t n, kl_buf *out);
/* An empty screen. */
void kl_screen_clear(kl_screen *s, kl_buf *out);
/* Something else has drawn, or scrolled: the cursor is at the begin of an empty line, and nothing is shown. */
void kl_screen_forget(kl_screen *s);
/* The terminal has another size. What is there is taken away; `reflows`: the terminal has wrapped its lines anew. */
void kl_screen_resize(kl_screen *s, size_t columns, size_t rows, bool reflows, kl_buf *out);
/* Whether anything is shown. */
bool kl_screen_visible(const kl_screen *s);

#endif
