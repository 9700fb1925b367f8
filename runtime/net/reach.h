/* The way to a server, looked at step by step: its name, a connection, TLS. Nothing is asked of the server. Done by a
 * thread of its own, since looking up a name may take as long as it likes: who no longer waits leaves it to itself. */
#ifndef KL_REACH_H
#define KL_REACH_H

#include <stdbool.h>
#include <stdint.h>

#include "net/url.h"

typedef struct kl_reach_facts {
  char proxy[256]; /* host and port of the proxy that the environment names; "": none. Then it has looked up no name */
  bool resolved;   /* also where the host is an address */
  int addresses;
  char address[64];   /* the first */
  int64_t resolve_us; /* how long that took; 0 for an address */
  char resolve_error[128];
  int64_t connect_us; /* TCP, by way of the proxy where there is one; 0: no connection */
  int64_t tls_us;     /* the handshake */
  bool trusted;       /* the certificate is, and is for this host */
  char tls_version[16], issuer[256];
  int64_t ends_ms; /* the certificate, as Unix time; 0: none was seen */
  char error[256]; /* why there is no connection, or none that is trusted */
} kl_reach_facts;

typedef struct kl_reach kl_reach;
/* Begins. `url` is one that speaks TLS, or any, for its name only; copied, like `ca_file` (NULL: the system's store).
 * Waits for TLS for at most `timeout_ms`. NULL with `e`. */
kl_reach *kl_reach_start(const kl_url *url, const char *ca_file, int timeout_ms, kl_error *e);

/* Whether a thread still looks, though nobody may wait for it any more. Then the process has to end without the
 * handlers of exit(), which would take the TLS library from under it. */
bool kl_reach_under_way(void);
/* Whether it is over; then *out is filled. */
bool kl_reach_done(kl_reach *r, kl_reach_facts *out);
void kl_reach_release(kl_reach *r); /* takes NULL; at any time */

#endif
