/* The feed's WebSocket connection: resolve, connect, TLS, handshake, frames; all on the loop. One object is one
 * connection; whoever wants another makes another. */
#ifndef KL_WS_CLIENT_H
#define KL_WS_CLIENT_H

#include <uv.h>

#include "base/error.h"

typedef struct kl_ws_client kl_ws_client;

typedef struct kl_ws_client_options {
  const char *url;            /* ws:// only to loopback */
  const char *const *headers; /* "Name: value", NULL-terminated */
  const char *ca_file;        /* NULL: the system's store */
  int64_t connect_timeout_ms; /* until the handshake is done; 0: 10,000 */
  int64_t silence_timeout_ms; /* no byte for so long ends the connection; 0: 15,000 */
  size_t max_message;         /* 0: 64 MiB */
  void *data;
  void (*open)(void *data, int64_t server_date_ms);
  void (*message)(void *data, const char *p, size_t n); /* a text message; 16 readable bytes follow */
  void (*burst_end)(void *data);                        /* all messages of one read were handed over */
  /* The connection is over, for whatever reason (also: never came about); once; last call. Not called after
   * kl_ws_client_close. e->status: HTTP status of a refused handshake or the close code, 0 otherwise. */
  void (*closed)(void *data, const kl_error *e);
} kl_ws_client_options;

/* NULL with `e` if the URL is wrong or memory is out; everything else is told by `closed`. Strings are copied. */
kl_ws_client *kl_ws_client_open(uv_loop_t *loop, const kl_ws_client_options *o, kl_error *e);
/* Queues a text message; false once the connection is over. */
bool kl_ws_client_send(kl_ws_client *c, const char *p, size_t n);
/* Ends it: a close frame if that is possible at once, then the socket. No callback is called any more; memory goes by
 * itself when the loop has closed the handles. Safe from inside callbacks. */
void kl_ws_client_close(kl_ws_client *c);
/* Bytes and messages received so far. */
uint64_t kl_ws_client_bytes(const kl_ws_client *c);
/* uv_now-independent time of the last byte, monotonic ns; 0 before the first. */
int64_t kl_ws_client_last_rx_ns(const kl_ws_client *c);

#endif
