/* The client side of TLS without sockets: encrypted bytes in and out, plain ones out and in. TLS 1.2 at least;
 * certificate and host name are always verified. */
#ifndef KL_TLS_H
#define KL_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Loads the certificates of `ca_file` (NULL: the system's store) for this process, once; reading the system's takes
 * tens of milliseconds, so call it from a worker thread. Any thread. False with kind "config". */
bool kl_tls_prepare(const char *ca_file, kl_error *e);
bool kl_tls_prepared(const char *ca_file);

typedef struct kl_tls kl_tls;

/* A connection to `host` (a name or an IP address), which its certificate must be for. Strings are copied. NULL with
 * `e`. */
kl_tls *kl_tls_new(const char *ca_file, const char *host, kl_error *e);
void kl_tls_free(kl_tls *t); /* takes NULL */

/* Encrypted bytes from the peer, borrowed until kl_tls_input_end, which keeps a copy of those that were not used by
 * then. Both are false when out of memory. */
bool kl_tls_input(kl_tls *t, const void *p, size_t n);
bool kl_tls_input_end(kl_tls *t);
/* Encrypted bytes for the peer, borrowed until the next call on `t`; kl_tls_output_done takes them away. */
size_t kl_tls_output(kl_tls *t, const char **p);
void kl_tls_output_done(kl_tls *t);

/* 1 done, 0 needs more input, -1 failed with `e`. Leaves output in each case. */
int kl_tls_handshake(kl_tls *t, kl_error *e);
/* Number of plain bytes, 0 when more input is needed or the peer has ended (*ended), -1 with `e`. */
long kl_tls_read(kl_tls *t, char *p, size_t room, bool *ended, kl_error *e);
/* Encrypts all of it. */
bool kl_tls_write(kl_tls *t, const void *p, size_t n, kl_error *e);
/* Adds the closing alert to the output. */
void kl_tls_shutdown(kl_tls *t);

#endif
