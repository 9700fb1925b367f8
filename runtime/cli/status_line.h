/* A few rows at the bottom of the terminal that stay there while everything else scrolls above them, as apt has them:
 * the terminal is told to scroll all rows but the last ones, so whoever prints needs to know nothing of it. */
#ifndef KL_STATUS_LINE_H
#define KL_STATUS_LINE_H

#include <stddef.h>
#include <uv.h>

#include "base/buf.h"

typedef struct kl_status_line kl_status_line;

enum { KL_STATUS_ROWS = 7 }; /* at most */

/* Appends the text of the rows, a newline behind each; SGR sequences are allowed. `columns`: what fits. */
typedef void kl_status_fill(void *data, kl_buf *out, int columns);

/* NULL where standard output and error are not both a terminal that can do this and is large enough, or somebody else
 * has taken it: then nothing is shown, which is no error. */
kl_status_line *kl_status_line_open(uv_loop_t *loop, kl_status_fill *fill, void *data);
/* Asks `fill` and shows what has changed; happens by itself twice a second. Takes NULL. */
void kl_status_line_draw(kl_status_line *s);
/* Takes the rows away: before the last words of a program. The memory goes when the loop has closed the handles. Takes
 * NULL. */
void kl_status_line_close(kl_status_line *s);

#endif
