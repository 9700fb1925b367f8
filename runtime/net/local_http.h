/* What the HTTP servers on this machine share: texts of answers, and whether a request is meant for them. */
#ifndef KL_LOCAL_HTTP_H
#define KL_LOCAL_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"

struct lws_context;

/* "Not Found"; "Error" for a status that has no text here. Static. */
const char *kl_http_reason(int status);
/* RFC 9110, 5.6.7: "Tue, 15 Nov 1994 08:12:31 GMT", in English whatever the locale. `us` since the Unix epoch. */
void kl_http_date(char *out, size_t cap, int64_t us);

/* Whether the header Host names this machine ("127.0.0.1", "localhost" or "[::1]") with the server's port; the port may
 * be left out where it is that of the scheme. A page elsewhere can make a name of its own mean 127.0.0.1, but not this.
 */
bool kl_http_own_host(const char *host, int port, bool tls);
/* The same of the header Origin: "http://127.0.0.1:8080". */
bool kl_http_own_origin(const char *origin, int port, bool tls);

typedef struct kl_lws_options {
  void *owner;            /* the context's user */
  unsigned headers_most;  /* bytes of one request's headers */
  unsigned requests_most; /* whose headers are read at once */
  unsigned buffer;        /* bytes of the library's buffer */
  uint64_t more;          /* LWS_SERVER_OPTION_… beside those that every server here has */
} kl_lws_options;

/* A context of the library in `loop`, without a listener yet; what it logs goes to our log, which is one for the
 * process. *context is set, and cleared by the library when the context is gone. False with an error. */
bool kl_lws_open(uv_loop_t *loop, const kl_lws_options *o, struct lws_context **context, kl_error *e);

#endif
