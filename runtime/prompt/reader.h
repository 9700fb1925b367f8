/* Reads a descriptor that others may share (standard input) on a loop without changing its mode: a terminal, a pipe, a
 * socket, or a file, which is always ready. */
#ifndef KL_PROMPT_READER_H
#define KL_PROMPT_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

typedef struct kl_key_reader kl_key_reader;

/* What was read, borrowed; with n 0 it is the end, or `why` (an errno) it cannot be read: then nothing follows. May
 * stop or close the reader. */
typedef void kl_key_reader_fn(void *data, const char *p, size_t n, int why);

/* `fd` is borrowed until kl_key_reader_close. NULL when memory is out. Reads nothing yet. */
kl_key_reader *kl_key_reader_new(uv_loop_t *loop, int fd, kl_key_reader_fn *fn, void *data);
void kl_key_reader_start(kl_key_reader *r); /* harmless when repeated, or after the end */
void kl_key_reader_stop(kl_key_reader *r);
/* Frees, later, from the loop. Takes NULL. */
void kl_key_reader_close(kl_key_reader *r);

#endif
