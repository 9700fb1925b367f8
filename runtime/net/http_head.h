/* The head of an HTTP/1.x answer, as a handshake and a proxy's CONNECT need it. Works in place, allocates nothing. */
#ifndef KL_HTTP_HEAD_H
#define KL_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>

enum { KL_HTTP_HEAD_MAX = 16 * 1024 };

typedef struct kl_http_head {
  int status;
  size_t len;         /* bytes of the head, the empty line included */
  const char *reason; /* borrowed from the input, not NUL-terminated */
  size_t reason_len;
  const char *fields; /* the header lines; borrowed */
  size_t fields_len;
} kl_http_head;

/* 1: a whole head is there; 0: more bytes are needed; -1: these bytes are no head (or more than KL_HTTP_HEAD_MAX).
 * Interim answers (100, 102, 103) in front are skipped; `len` counts them. */
int kl_http_head_read(const char *p, size_t n, kl_http_head *h);

/* Walks the header lines: start with *cursor = 0. Name and value are borrowed; blanks around the value are cut. */
typedef struct kl_http_field {
  const char *name, *value;
  size_t name_len, value_len;
} kl_http_field;
bool kl_http_head_next(const kl_http_head *h, size_t *cursor, kl_http_field *f);

bool kl_http_field_is(const kl_http_field *f, const char *name);         /* ignoring case */
bool kl_http_field_has_token(const kl_http_field *f, const char *token); /* in a comma-separated value */

/* Puts the first header `name` into `out`, NUL-terminated and cut to cap; false when there is none. */
bool kl_http_head_get(const kl_http_head *h, const char *name, char *out, size_t cap);

/* The body behind the head in p[0..n), as far as it is there: chunks are joined into `out` (NUL-terminated, cut to
 * cap). *whole says whether all of it is there, which without a length only the end of the connection can tell. */
size_t kl_http_body_read(const kl_http_head *h, const char *p, size_t n, char *out, size_t cap, bool *whole);

#endif
