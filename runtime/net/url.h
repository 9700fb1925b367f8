/* Addresses of servers and proxies. Plain text protocols go to loopback only: credentials never cross a network in the
 * clear. */
#ifndef KL_URL_H
#define KL_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

typedef struct kl_url {
  char *host;        /* without brackets; owned */
  char *authority;   /* host and port as a Host header has them, the port only if it is not the scheme's; owned */
  char *target;      /* path and query, "/" at least; owned */
  char *credentials; /* "user:password", a proxy's; owned, NULL when there are none */
  uint16_t port;
  bool tls;
  bool loopback; /* 127.0.0.0/8, ::1 or localhost */
  bool is_ip;
} kl_url;

typedef enum { KL_URL_HTTP, KL_URL_WS } kl_url_family; /* http and https, or ws and wss */

/* Reads an address. False with kind "validation" when it is none, has another scheme, credentials, or is plain text to
 * a host that is not loopback. */
bool kl_url_parse(kl_url *u, kl_url_family family, const char *text, kl_error *e);
void kl_url_free(kl_url *u); /* zeroes; takes a zeroed one */

/* Finds the proxy that the environment names for a TLS connection to `u`: https_proxy, HTTPS_PROXY, all_proxy or
 * ALL_PROXY, unless no_proxy or NO_PROXY has the host. `proxy->host` is NULL when there is none. False with kind
 * "config" when its address is wrong or not http://. */
bool kl_proxy_find(const kl_url *u, kl_url *proxy, kl_error *e);

#endif
