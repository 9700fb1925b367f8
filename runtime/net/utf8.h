/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing beyond U+10FFFF. */
#ifndef KL_UTF8_H
#define KL_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a check that goes over several pieces stands. Zeroed: between two characters. */
typedef struct kl_utf8 {
  uint8_t need;   /* continuation bytes still to come */
  uint8_t lo, hi; /* range of the next one */
} kl_utf8;

/* Takes the next n bytes; false when they cannot be part of valid UTF-8. */
bool kl_utf8_feed(kl_utf8 *u, const char *p, size_t n);

/* Whether n bytes are whole and valid. */
bool kl_utf8_valid(const char *p, size_t n);

#endif
