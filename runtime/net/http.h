/* HTTP client: libcurl's multi interface on the loop. Connections, TLS sessions and what a call needs are kept and
 * reused, so that a call on a warm connection costs little more than its two system calls. All calls from the loop
 * thread. */
#ifndef KL_HTTP_H
#define KL_HTTP_H

#include <uv.h>

#include "base/buf.h"
#include "base/error.h"
#include "net/http_head.h"

typedef struct kl_http kl_http;
typedef struct kl_http_call kl_http_call;

typedef struct kl_http_options {
  const char *ca_file;    /* NULL: the system's store */
  const char *user_agent; /* copied */
  int max_connections;    /* per host; 0: 16 */
} kl_http_options;

typedef struct kl_http_response {
  int status;
  const char *body; /* NUL-terminated, valid during the callback; "" where the answer is streamed */
  size_t body_len;
  const char *content_type; /* "" when absent */
  int64_t date_ms;          /* the `Date` header as Unix time, 0 when absent */
  int64_t total_us;         /* time from send to the last byte */
  kl_http_head head;        /* all header fields: walk them with kl_http_head_next; borrowed like the rest */
} kl_http_response;

typedef struct kl_http_request {
  const char *method;         /* "GET", "POST", … */
  const char *url;            /* http:// is refused unless the host is loopback */
  const char *const *headers; /* "Name: value" lines, NULL-terminated; may be NULL */
  const char *body;           /* NULL: none; copied */
  size_t body_len;
  int64_t timeout_ms; /* whole call; 0: 30,000, for a streamed answer no limit */
  bool uncompressed;  /* offers no compression: for answers too small to gain by it */
  size_t max_body;    /* a longer answer (decoded) is an error; 0: 64 MiB, for a streamed answer no limit */
  /* May be NULL. Asked, with the `data` of the callback, before the body of an answer that is not streamed grows to n
   * bytes; false ends the call with kind "limit". */
  bool (*room)(void *data, size_t n);

  /* A streamed answer: both are set, or neither. `on_head` is called once, with status and header fields, `on_piece`
   * for each piece of the body (decoded; n > 0), then the callback of kl_http_send with an empty body. In each of them
   * everything may be called: kl_http_pause and kl_http_resume, kl_http_cancel, kl_http_send, kl_http_close. */
  void (*on_head)(void *data, const kl_http_response *res);
  void (*on_piece)(void *data, const char *p, size_t n);
  int64_t head_timeout_ms; /* of a streamed answer: until its head; 0: 30,000 */
  int64_t idle_timeout_ms; /* of a streamed answer: without a byte, once the head is there; 0: no limit */
} kl_http_request;

/* Exactly one of `res` and `e` is not NULL. An HTTP status of 400 or more is a response, not an error. Called once,
 * from the loop, never from within kl_http_send. e->kind: "network", "timeout", "validation", "protocol",
 * "config" (a certificate that is not trusted). e->sent says whether the request may have reached the server (it was at
 * least partly sent). */
typedef void (*kl_http_cb)(void *data, const kl_http_response *res, const kl_error *e);

kl_http *kl_http_new(uv_loop_t *loop, const kl_http_options *o, kl_error *e);
/* Aborts all calls (their callbacks get kind "closed") and closes the handles; `closed` is called from the loop when
 * the memory is gone. Redirects are never followed. */
void kl_http_close(kl_http *h, void (*closed)(void *data), void *data);
/* NULL with `e` when the request cannot be started; the callback is then not called. The handle is valid until the
 * callback has returned or the call was cancelled. */
kl_http_call *kl_http_send(kl_http *h, const kl_http_request *r, kl_http_cb cb, void *data, kl_error *e);
/* Aborts the transfer; the callback will not be called. */
void kl_http_cancel(kl_http_call *c);
/* Calls under way. */
size_t kl_http_active(const kl_http *h);

/* A streamed answer: no piece comes, and none is read from the connection, until kl_http_resume. What has been read
 * already is kept: at most a megabyte, or what one read unpacks to. Time while paused does not count as idle. */
void kl_http_pause(kl_http_call *c);
/* Pieces come again, from the loop. Does nothing to a call that is not paused. */
void kl_http_resume(kl_http_call *c);

/* Opens a connection, TLS included, to the host of `url` when none is idle and none is being warmed, by a GET request
 * for `url` without credentials: name the cheapest address that the server answers to anybody. libcurl keeps no
 * connection that carried no request, so one it has to be; the answer is not looked at. A failure is logged at the
 * level debug and changes nothing else. An HTTP/1.1 connection is given up after about 100 s without use, or earlier by
 * the server: repeat this to keep one at hand, it costs nothing while there is one. */
void kl_http_warm(kl_http *h, const char *url);

#endif
