/* A growable byte buffer, and JSON text written into it. A zeroed kl_buf is valid and empty. Running out of memory sets
 * `failed`, after which appends do nothing: check once at the end. */
#ifndef KL_BUF_H
#define KL_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct kl_buf {
  char *data; /* NUL-terminated whenever data is not NULL; owned */
  size_t len;
  size_t cap;
  bool failed;
  size_t most; /* bytes; more of them fail as if memory were out. 0: no bound; kl_buf_free forgets it */
} kl_buf;

void kl_buf_free(kl_buf *b);                  /* releases and zeroes */
void kl_buf_clear(kl_buf *b);                 /* keeps the memory */
bool kl_buf_reserve(kl_buf *b, size_t extra); /* room for `extra` more bytes and the NUL */
void kl_buf_add(kl_buf *b, const void *p, size_t n);
void kl_buf_str(kl_buf *b, const char *s);
void kl_buf_char(kl_buf *b, char c);
void kl_buf_printf(kl_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void kl_buf_int(kl_buf *b, int64_t v);
void kl_buf_decimal(kl_buf *b, int64_t v, int places); /* 0.4200 */

/* Percent-encodes for a URL, by RFC 3986: all but the unreserved characters, and slashes where they are to stay. */
void kl_buf_percent(kl_buf *b, const char *s, size_t n, bool slashes);
/* "&name=value" of a URL's query, with the value percent-encoded. */
void kl_buf_query(kl_buf *b, const char *name, const char *value);

/* JSON: a string with its quotes and escapes (bytes are passed as UTF-8; invalid ones become U+FFFD);
 * `"0.4200"` with the quotes; `"key":`. */
void kl_buf_json_string(kl_buf *b, const char *s, size_t n);
void kl_buf_json_cstr(kl_buf *b, const char *s);
/* A string as the next item of a list: behind a comma unless the text is empty or ends with its [. */
void kl_buf_json_item(kl_buf *list, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void kl_buf_json_decimal(kl_buf *b, int64_t v, int places);
void kl_buf_json_key(kl_buf *b, const char *key);

#endif
