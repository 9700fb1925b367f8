/* Writing to a descriptor that others may share (standard output, standard error, a terminal) without ever waiting for
 * whoever reads at the other end, and without changing the mode that the descriptor has for the others. */
#ifndef KL_OUTLET_H
#define KL_OUTLET_H

#include <stddef.h>
#include <sys/types.h>

typedef enum {
  KL_OUTLET_PLAIN,   /* a file, which is always ready, or a description of our own that does not block */
  KL_OUTLET_SOCKET,  /* send says so call by call */
  KL_OUTLET_PORTIONS /* what poll calls writable takes PIPE_BUF bytes */
} kl_outlet_way;

typedef struct kl_outlet {
  int fd;     /* to write to and to wait for; borrowed, or the same as own_fd */
  int own_fd; /* closed at the end; -1: none */
  kl_outlet_way way;
} kl_outlet;

/* `fd` is borrowed until kl_outlet_close. Cannot fail: what is wrong with fd shows at the first write. */
void kl_outlet_open(kl_outlet *o, int fd);
/* As write. -1 with EAGAIN where it would have to wait. */
ssize_t kl_outlet_put(const kl_outlet *o, const char *p, size_t n);
/* The same until all is written, or no more can be: the count; errno where that is less than n. */
size_t kl_outlet_put_all(const kl_outlet *o, const char *p, size_t n);
void kl_outlet_close(kl_outlet *o);

#endif
