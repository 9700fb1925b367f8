/* The server's end of a WebSocket connection, plain or TLS, on loopback. One at a time, and calls wait: the benches
 * serve one client, as fast as it takes what it gets. */
#ifndef BENCH_SERVER_SOCKET_H
#define BENCH_SERVER_SOCKET_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

typedef struct server_socket {
  int fd;
  SSL *tls;  /* NULL: plain */
  kl_buf in; /* bytes that came and were not taken yet */
  size_t taken;
  short wanted; /* what OpenSSL waits for: POLLIN or POLLOUT */
  bool closed;  /* the client's close frame has come */
} server_socket;

/* A context for TLS 1.3 from PEM files; ends the process when they cannot be used. */
SSL_CTX *server_tls(const char *certificate, const char *key);
/* Listens on 127.0.0.1 on a port of the system's choice; ends the process when that fails. */
int server_listen(int *port);

/* Waits for a client and does both handshakes; headers are not looked at. False when that client went away or did not
 * speak WebSocket: nothing is left to close then. */
bool server_socket_accept(server_socket *s, int listener, SSL_CTX *tls);
void server_socket_close(server_socket *s);

/* Sends all of it. False when the connection is over, or when the client takes nothing for half a minute. */
bool server_socket_send(server_socket *s, const char *p, size_t n);
/* The next text message, borrowed until the next call. 1: there is one; 0: none within `wait_ms`; -1: it is over. */
int server_socket_read(server_socket *s, const char **text, size_t *n, int wait_ms);

/* Appends the head of an unmasked text frame of n bytes. */
void server_put_frame_head(kl_buf *out, size_t n);
#define SERVER_CLOSE_FRAME "\x88\x02\x03\xe8" /* code 1000 */

#endif
