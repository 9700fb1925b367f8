/* Where an answer sends its reader on to, and whether that is followed. */
#ifndef KL_REDIRECT_H
#define KL_REDIRECT_H

#include "net/http.h"

typedef struct kl_redirect {
  char *url;         /* absolute, without fragment; owned */
  bool to_get;       /* the next request is a GET without a body */
  bool other_origin; /* another scheme, host or port: credentials must not go there */
} kl_redirect;

/* For the answer to a `method` request for `url`. 1: follow it, `out` is filled; 0: it sends nowhere (another status,
 * or no Location); -1 with kind "protocol": to where it sends nobody goes (from https to http, plain http to a host
 * that is not loopback, an address with a password, no address). */
int kl_redirect_read(kl_redirect *out, const char *method, const char *url, const kl_http_response *res, kl_error *e);

#endif
