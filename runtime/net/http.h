/* HTTP client: libcurl's multi interface on the loop. Connections are kept and reused. All calls from the loop thread.
 */
#ifndef KL_HTTP_H
#define KL_HTTP_H

#include <uv.h>

#include "base/buf.h"
#include "base/error.h"

typedef struct kl_http kl_http;
typedef struct kl_http_call kl_http_call;

typedef struct kl_http_options {
  const char *ca_file;    /* NULL: the system's store */
  const char *user_agent; /* copied */
  int max_connections;    /* per host; 0: 16 */
} kl_http_options;

typedef struct kl_http_request {
  const char *method;         /* "GET", "POST", … */
  const char *url;            /* http:// is refused unless the host is loopback */
  const char *const *headers; /* "Name: value" lines, NULL-terminated; may be NULL */
  const char *body;           /* NULL: none; copied */
  size_t body_len;
  int64_t timeout_ms; /* whole call; 0: 30,000 */
  size_t max_body;    /* a longer answer is an error; 0: 64 MiB */
} kl_http_request;

typedef struct kl_http_response {
  int status;
  const char *body; /* NUL-terminated, valid during the callback */
  size_t body_len;
  const char *content_type; /* "" when absent */
  int64_t date_ms;          /* the `Date` header as Unix time, 0 when absent */
  int64_t total_us;         /* time from send to the last byte */
} kl_http_response;

/* Exactly one of `res` and `e` is not NULL. An HTTP status of 400 or more is a response, not an error. Called once,
 * from the loop, never from within kl_http_send. e->kind: "network", "timeout", "validation", "protocol",
 * "config" (a certificate that is not trusted). For a request
 * that may have reached the server (it was at least partly sent) e->code is "sent"; "unsent" otherwise. */
typedef void (*kl_http_cb)(void *data, const kl_http_response *res, const kl_error *e);

kl_http *kl_http_new(uv_loop_t *loop, const kl_http_options *o, kl_error *e);
/* Aborts all calls (their callbacks get kind "closed") and closes the handles; `closed` is called from the loop when
 * the memory is gone. Redirects are never followed. */
void kl_http_close(kl_http *h, void (*closed)(void *data), void *data);
/* NULL with `e` when the request cannot be started; the callback is then not called. */
kl_http_call *kl_http_send(kl_http *h, const kl_http_request *r, kl_http_cb cb, void *data, kl_error *e);
/* Aborts the transfer; the callback will not be called. */
void kl_http_cancel(kl_http_call *c);
/* Calls under way. */
size_t kl_http_active(const kl_http *h);

#endif
