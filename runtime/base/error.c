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

static void set(kl_error *e, const char *kind, const char *code, const char *fmt, va_list ap) {
  /* Formatted aside: the arguments may point into `e`, and so may the code. */
  char message[sizeof e->message], word[sizeof e->code];
  int n = vsnprintf(message, sizeof message, fmt, ap);
  snprintf(word, sizeof word, "%s", code);
  if (n < 0) message[0] = 0;
  if (n >= (int)sizeof message) message[whole_characters(message, sizeof message - 1)] = 0;
  for (char *p = message; *p; p++) {
    if ((unsigned char)*p < 0x20 || *p == 0x7F) *p = ' ';
  }
  memset(e, 0, sizeof *e);
  e->kind = kind;
  memcpy(e->code, word, sizeof word);
  memcpy(e->message, message, sizeof message);
}

void kl_error_set(kl_error *e, const char *kind, const char *fmt, ...) {
  if (!e) return;
  va_list ap;
  va_start(ap, fmt);
  set(e, kind, "", fmt, ap);
  va_end(ap);
}

void kl_error_coded(kl_error *e, const char *kind, const char *code, const char *fmt, ...) {
  if (!e) return;
  va_list ap;
  va_start(ap, fmt);
  set(e, kind, code, fmt, ap);
  va_end(ap);
}

void kl_error_code(kl_error *e, const char *code) {
  if (e) snprintf(e->code, sizeof e->code, "%s", code);
}
