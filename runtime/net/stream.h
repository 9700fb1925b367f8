/* A byte stream to a server, on the loop: the name is resolved, its addresses are tried in turn, a proxy from the
 * environment is passed with CONNECT, TLS is done. Loop thread only. */
#ifndef KL_STREAM_H
#define KL_STREAM_H

#include <uv.h>

#include "net/url.h"

typedef struct kl_stream kl_stream;

/* Callbacks come from the loop, never from within a kl_stream function, and not after kl_stream_close. */
typedef struct kl_stream_options {
  const kl_url *url;   /* borrowed until kl_stream_close or `failed` */
  const char *ca_file; /* copied; NULL: the system's store */
  int64_t connect_ms;  /* what all attempts to connect may take together; each address gets its share */
  size_t max_queued;   /* bytes that may wait for the socket; 0: 8 MiB */
  void *data;
  void (*ready)(void *data);
  /* Where plain bytes may be put: *room of them; NULL when out of memory. `input` then says how many came. */
  char *(*buffer)(void *data, size_t *room);
  void (*input)(void *data, size_t n);
  void (*read_end)(void *data); /* all that one read of the socket gave was handed over */
  void (*sent)(void *data);     /* some of what waited for the socket has gone out; may be NULL */
  /* The stream is over: the other side ended it (kind "network") or something failed. Last call; memory then goes by
   * itself. */
  void (*failed)(void *data, const kl_error *e);
} kl_stream_options;

/* NULL with `e`: wrong proxy in the environment, or out of memory. */
kl_stream *kl_stream_open(uv_loop_t *loop, const kl_stream_options *o, kl_error *e);

/* Sends at once what the socket takes and queues the rest. False when the stream is not ready, or over, or more than
 * max_queued would wait; `failed` is then still to come. */
bool kl_stream_write(kl_stream *s, const void *p, size_t n);
/* Bytes that wait for the socket. */
size_t kl_stream_queued(const kl_stream *s);

/* What the stream is at, for messages: "looking up the name", "connecting", … */
const char *kl_stream_doing(const kl_stream *s);

/* Ends it; memory goes by itself when the loop has closed the handles. What waits for the socket is lost, and what was
 * written last may be, too: when bytes of the server's have not been read, the socket is reset. */
void kl_stream_close(kl_stream *s);
/* Ends it for its owner, as kl_stream_close does; but what was written still goes out, and the socket stays for up to a
 * second until the server has ended its side, so that it hears the last words. */
void kl_stream_finish(kl_stream *s);

#endif
