/* A descriptor for whole lines from any thread, which never waits for its reader: what does not go out at once is kept,
 * up to a bound, and a thread writes it when the reader takes it. */
#ifndef KL_SINK_H
#define KL_SINK_H

#include <pthread.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/outlet.h"

typedef struct kl_sink {
  pthread_mutex_t lock; /* guards all */
  pthread_cond_t news;
  kl_outlet out;
  kl_buf kept; /* what did not go out yet; begins in the middle of a line after one was written in part */
  bool open, has_thread, quit;
  bool failing; /* an error other than that it would wait: the thread leaves it to the next write */
  pthread_t thread;
} kl_sink;

#define KL_SINK_CLOSED                                                                                                 \
  (kl_sink) { .lock = PTHREAD_MUTEX_INITIALIZER, .news = PTHREAD_COND_INITIALIZER }

/* `fd` is borrowed until kl_sink_close. */
void kl_sink_open(kl_sink *s, int fd);
/* Takes a line (or several). False when none of it was taken, with errno: EAGAIN where more than the bound of a
 * megabyte waits for the reader already. `cut` (may be NULL) is set when its rest is lost for want of memory. */
bool kl_sink_write(kl_sink *s, const char *p, size_t n, bool *cut);
/* Waits for the reader while it takes something every `patience_ms`, then gives up. The lines that are lost. Harmless
 * when it is not open. */
size_t kl_sink_close(kl_sink *s, int patience_ms);

#endif
