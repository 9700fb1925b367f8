/* Text as a terminal shows it: characters with what combines with them, their columns, and nothing that would move the
 * cursor. */
#ifndef KL_PROMPT_TEXT_H
#define KL_PROMPT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* The character that begins at p, n > 0 bytes long at most, and its length. What is no UTF-8 is U+FFFD, a byte long. */
uint32_t kl_text_char(const char *p, size_t n, size_t *length);
/* Appends a character as UTF-8. */
void kl_text_add(kl_buf *b, uint32_t c);

/* Columns of one character: 0 when it combines with the one before or cannot be seen, 1, or 2. As the C library has it
 * for UTF-8, whatever the locale of the process is. */
int kl_text_width(uint32_t c);

/* Where the cursor may stand: a cluster is a character with all that combines with it (accents, the parts of an emoji).
 * The end of the one that begins at `at` < n; the begin of the one that ends at `at` > 0. A newline is one. */
size_t kl_cluster_next(const char *p, size_t n, size_t at);
size_t kl_cluster_before(const char *p, size_t n, size_t at);
/* Columns of a cluster. *sure: all terminals agree about them. */
int kl_cluster_width(const char *p, size_t n, bool *sure);

/* Columns of a text without newlines; SGR sequences take none. */
size_t kl_text_columns(const char *p, size_t n);

/* Appends a text for the input: newlines as \n, tabs kept; every other control character, and what is no UTF-8, as
 * U+FFFD. */
void kl_text_clean(kl_buf *b, const char *p, size_t n);
/* Appends a text for the terminal: as it is but for control characters, which are written out (\x07). Tabs and newlines
 * stay, newlines as \r\n where `raw` is set; SGR sequences (colours) stay where `colour` is set and are left out
 * otherwise. */
void kl_text_show(kl_buf *b, const char *p, size_t n, bool colour, bool raw);
/* The length of the SGR sequence that begins at p; 0 when none does. */
size_t kl_text_sgr(const char *p, size_t n);

#endif
