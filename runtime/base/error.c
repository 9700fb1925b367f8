#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Length of s without a UTF-8 sequence cut in two at its end. */
static size_t whole_characters(const char *s, size_t n) {
  size_t start = n;
  while (start > 0 && n - start < 3 && ((unsigned char)s[start - 1] & 0xC0) == 0x80)
    start--;
  if (start == 0) return n;
  unsigned char lead = (unsigned char)s[start - 1];
  size_t want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
  return want > n - start + 1 ? start - 1 : n;
}

void kl_error_set(kl_error *e, const char *kind, const char *fmt, ...) {
  if (!e) return;
  /* Formatted aside: the arguments may point into `e`. */
  char message[sizeof e->message];
  va_list ap;
  va_start(ap, fmt);
  int n = vsnprintf(message, sizeof message, fmt, ap);
  va_end(ap);
  if (n < 0) message[0] = 0;
  if (n >= (int)sizeof message) message[whole_characters(message, sizeof message - 1)] = 0;
  for (char *p = message; *p; p++) {
    if ((unsigned char)*p < 0x20 || *p == 0x7F) *p = ' ';
  }
  memset(e, 0, sizeof *e);
  e->kind = kind;
  memcpy(e->message, message, sizeof message);
}
