/* Writes to a descriptor that others may share (standard output, a terminal) without ever blocking the loop, whoever
 * reads at the other end, and without changing the mode that the descriptor has for them. */
#ifndef KL_BINDINGS_WRITER_H
#define KL_BINDINGS_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

typedef struct kl_writer kl_writer;

/* For a terminal, a pipe, a socket or a file. The descriptor is borrowed until kl_writer_close. `progress` (may be
 * NULL) is called from the loop after bytes went out or writing failed. NULL when memory is out. */
kl_writer *kl_writer_new(uv_loop_t *loop, int fd, void (*progress)(void *data), void *data);
/* Takes a copy of the bytes. They go out at the end of this turn of the loop, or as soon as the other side takes them.
 * False when memory is out or writing has failed: see kl_writer_error. */
bool kl_writer_add(kl_writer *w, const char *p, size_t n);
/* Writes now what can be written without waiting. */
void kl_writer_flush(kl_writer *w);
/* What has not gone out yet; borrowed until the next call. */
const char *kl_writer_pending(const kl_writer *w, size_t *n);
/* Some of what was added went out, but not all of it. */
bool kl_writer_cut(const kl_writer *w);
/* The errno of the write that failed; nothing goes out any more. 0: none has. */
int kl_writer_error(const kl_writer *w);
/* Drops what is pending and frees, later, from the loop. Takes NULL. */
void kl_writer_close(kl_writer *w);

#endif
