/* A WebSocket connection: resolve, connect, TLS, handshake, frames; all on the loop. One object is one connection;
 * whoever wants another makes another. Extensions are not offered; redirects are not followed. */
#ifndef KL_WS_CLIENT_H
#define KL_WS_CLIENT_H

#include <uv.h>

#include "base/error.h"

typedef struct kl_ws_client kl_ws_client;

typedef struct kl_ws_client_options {
  const char *url;            /* ws:// only to loopback */
  const char *const *headers; /* "Name: value", NULL-terminated */
  const char *protocols;      /* "a, b": subprotocols to offer; NULL: none */
  const char *ca_file;        /* NULL: the system's store */
  int64_t connect_timeout_ms; /* until the handshake is done; 0: 10,000 */
  int64_t silence_timeout_ms; /* no byte for so long ends the connection; 0: 15,000; below 0: no limit */
  int64_t ping_after_ms;      /* no byte for so long: a ping asks for one; 0: none does */
  int64_t close_timeout_ms;   /* for kl_ws_client_finish; 0: 5,000 */
  size_t max_message;         /* 0: 64 MiB */
  size_t max_queued;          /* bytes that may wait to be sent; one more ends the connection; 0: 8 MiB */
  void *data;
  void (*open)(void *data, int64_t server_date_ms);
  void (*message)(void *data, const char *p, size_t n);   /* a text message; 16 readable bytes follow */
  bool (*unchecked)(void *data, const char *p, size_t n); /* see kl_ws_handler; may be NULL */
  void (*binary)(void *data, const char *p, size_t n);    /* NULL: a binary message ends the connection (1003) */
  void (*pong)(void *data, const char *p, size_t n);      /* may be NULL */
  void (*burst_end)(void *data);                          /* all messages of one read were handed over */
  void (*writable)(void *data);                           /* some of what waited to be sent has gone out; may be NULL */
  /* The connection is over, for whatever reason (also: never came about); once; last call. Not called after
   * kl_ws_client_close. e->kind: "ws" when the server sent a close frame, with its code as e->status (0: without one);
   * "http" for a refused handshake, with its status; "protocol" with the code that was sent to the server; "network",
   * "timeout", … */
  void (*closed)(void *data, const kl_error *e);
} kl_ws_client_options;

/* NULL with `e` if the URL, a header or a protocol is wrong or memory is out; everything else is told by `closed`.
 * Strings are copied. */
kl_ws_client *kl_ws_client_open(uv_loop_t *loop, const kl_ws_client_options *o, kl_error *e);
/* The subprotocol that the server chose, NULL where none; from `open` on. Borrowed from c. */
const char *kl_ws_client_protocol(const kl_ws_client *c);
/* Queues a text message, which must be UTF-8; false once the connection is over or being closed. */
bool kl_ws_client_send(kl_ws_client *c, const char *p, size_t n);
/* The same for a binary message; only from `open` on. */
bool kl_ws_client_send_binary(kl_ws_client *c, const char *p, size_t n);
/* A ping with up to 125 bytes, which the pong will have; only from `open` on. */
bool kl_ws_client_ping(kl_ws_client *c, const char *p, size_t n);
/* Bytes that wait to be sent. */
size_t kl_ws_client_queued(const kl_ws_client *c);
/* Begins the closing handshake: nothing is sent behind its close frame (`code` 0: without one), what the server still
 * sends is handed over, and `closed` comes with the server's close frame, or with "timeout" when there is none in time.
 * The reason is UTF-8 of at most 123 bytes. */
void kl_ws_client_finish(kl_ws_client *c, int code, const char *reason, size_t n);
/* The reason of the server's close frame, "" where there is none; within `closed`. Borrowed from c. */
const char *kl_ws_client_close_reason(const kl_ws_client *c, size_t *n);
/* The time of the server's answer to the handshake, also of a refusal, in ms since 1970; 0 where it told none, or is
 * not there yet. */
int64_t kl_ws_client_date_ms(const kl_ws_client *c);
/* Ends it: a close frame if that is possible at once, then the socket. No callback is called any more; memory goes by
 * itself when the loop has closed the handles. Safe from inside callbacks. */
void kl_ws_client_close(kl_ws_client *c);
/* The same for its owner; but what was sent still goes out, for which the socket stays for up to a second. */
void kl_ws_client_leave(kl_ws_client *c);
/* Bytes and messages received so far. */
uint64_t kl_ws_client_bytes(const kl_ws_client *c);
/* uv_now-independent time of the last byte, monotonic ns; 0 before the first. */
int64_t kl_ws_client_last_rx_ns(const kl_ws_client *c);

#endif
