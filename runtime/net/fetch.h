/* HTTP on behalf of a script: only to hosts that it may connect to, with redirects followed by the rules of the web,
 * and never with headers that are the runtime's own business. */
#ifndef KL_FETCH_H
#define KL_FETCH_H

#include "net/http.h"
#include "net/url.h"

/* The rules themselves, for whatever else connects on behalf of a script. */

/* Refuses (kind "validation") header lines that frame a message, route it or sign a call to the exchange: Host,
 * Content-Length, Transfer-Encoding, Connection and its kin, Proxy-*, KALSHI-ACCESS-*. */
bool kl_fetch_check_headers(const char *const *headers, kl_error *e);
/* Refuses (kind "permission", with the flag to give) a host that none of the patterns of net/permit.h allows. */
bool kl_fetch_check_host(const kl_url *u, const char *const *allow, bool allow_all, kl_error *e);

typedef struct kl_fetch kl_fetch;

typedef struct kl_fetch_request {
  kl_http_request http;       /* copied; a streamed answer is handed out as kl_http_send does */
  int redirects;              /* how many are followed; 0: a redirect is an answer like others */
  const char *const *secrets; /* names of headers that only the first origin may get, beside Authorization and Cookie;
                               * NULL-terminated, copied; may be NULL */
  const char *const *allow;   /* patterns of net/permit.h; borrowed until the end */
  bool allow_all;
} kl_fetch_request;

/* As kl_http_cb; also kind "permission". `url` is the address that answered last, borrowed. */
typedef void (*kl_fetch_cb)(void *data, const kl_http_response *res, const char *url, const kl_error *e);

/* Starts it. NULL with `e` (also kind "permission", with the flag to give) when it cannot be started, or must not be:
 * a header that is not the caller's to set, a host that is not allowed. Calls nobody from within. Time limits are for
 * all redirects together. */
kl_fetch *kl_fetch_start(kl_http *h, const kl_fetch_request *r, kl_fetch_cb cb, void *data, kl_error *e);
/* The address of the present request; borrowed until the next callback. */
const char *kl_fetch_url(const kl_fetch *f);
/* As their namesakes of net/http.h. */
void kl_fetch_cancel(kl_fetch *f);
void kl_fetch_pause(kl_fetch *f);
void kl_fetch_resume(kl_fetch *f);

#endif
