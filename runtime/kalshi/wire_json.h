/* JSON text, read in place: the primitives of the wire decoder. Every function takes a position and returns the one
 * after what it read, or NULL with the error in the reader. The text needs 16 readable bytes behind its end (see
 * kl_wire_decode): loads may touch them, decisions never depend on them. */
#ifndef KL_WIRE_JSON_H
#define KL_WIRE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "kalshi/wire.h"

enum { KL_JSON_DEPTH = 64 }; /* objects and arrays open at once, the outermost included */

#define KL_LIKELY(x) __builtin_expect(!!(x), 1)
#define KL_UNLIKELY(x) __builtin_expect(!!(x), 0)

typedef struct kl_json {
  const char *start, *end;
  /* Room for strings that had escapes; belongs to the decoder, is as long as the text before the first is written, so
   * it does not move while strings in it are lent. */
  char **scratch;
  size_t *scratch_cap;
  size_t scratch_len;
  uint64_t *allocations;
  /* Set by the first failure. */
  const char *error;
  const char *error_at;
  bool no_memory;
} kl_json;

/* Records the first error; returns NULL. `what` is static text: "expected a price". */
const char *kl_json_fail(kl_json *j, const char *at, const char *what);

/* The rest of a string whose opening quote is at open[0], with escapes and bytes above 0x7f; `out` NULL only checks. */
const char *kl_json_string_rest(kl_json *j, const char *open, kl_str *out);
/* An integer in any spelling of JSON: 12, 1e3, 4.0; refuses fractions and what does not fit 64 bits. */
const char *kl_json_int_any(kl_json *j, const char *p, int64_t *out);
/* Checks and passes one value of any kind; `depth` containers are open around it. */
const char *kl_json_skip(kl_json *j, const char *p, unsigned depth);

/* Eight bytes, the first one lowest. */
static inline uint64_t kl_load8(const char *p) {
  uint64_t v;
  memcpy(&v, p, sizeof v);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  v = __builtin_bswap64(v);
#endif
  return v;
}

/* A bit for each of 8 bytes that ends a run of plain characters in a string: quote, backslash, control, above 0x7f. */
static inline uint32_t kl_json_stops8(const char *p) {
  const uint64_t ones = 0x0101010101010101;
  uint64_t v = kl_load8(p);
  uint64_t low = v & (0x7f * ones);
  uint64_t printable = low + 0x60 * ones; /* bit 7: not below 0x20 */
  uint64_t not_quote = (low ^ ('"' * ones)) + 0x7f * ones;
  uint64_t not_backslash = (low ^ ('\\' * ones)) + 0x7f * ones;
  uint64_t stop = (v | ~(printable & not_quote & not_backslash)) & (0x80 * ones);
  return (uint32_t)(((stop >> 7) * 0x0102040810204080) >> 56); /* bit 7 of byte i becomes bit i */
}

/* The same for 16 bytes. */
static inline uint32_t kl_json_stops(const char *p) {
#ifdef __SSE2__
  __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
  __m128i stop = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20)); /* signed: above 0x7f too */
  stop = _mm_or_si128(stop, _mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
  stop = _mm_or_si128(stop, _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
  return (uint32_t)_mm_movemask_epi8(stop);
#else
  return kl_json_stops8(p) | kl_json_stops8(p + 8) << 8;
#endif
}

static inline const char *kl_json_space(const kl_json *j, const char *p) {
  while (p < j->end && KL_UNLIKELY(*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r'))
    p++;
  return p;
}

static inline bool kl_json_at(const kl_json *j, const char *p, char c) { return p < j->end && *p == c; }

/* The end of the plain characters at p: a stop, or somewhere at or behind `end`. */
static inline const char *kl_json_plain(const char *p, const char *end) {
  while (p < end) {
    uint32_t stops = kl_json_stops(p);
    if (KL_LIKELY(stops)) return p + __builtin_ctz(stops);
    p += 16;
  }
  return p;
}

/* A string; p[0] is its opening quote. The bytes of *out are the text's own unless there were escapes. */
static inline const char *kl_json_string(kl_json *j, const char *p, kl_str *out) {
  const char *close = kl_json_plain(p + 1, j->end);
  if (KL_LIKELY(close < j->end && *close == '"')) {
    out->p = p + 1;
    out->n = (uint32_t)(close - p - 1);
    return close + 1;
  }
  return kl_json_string_rest(j, p, out);
}

/* The number of eight digits, first one lowest, each as a byte 0 to 9: neighbours joined in pairs to 0..99, those to
 * 0..9999, those to eight digits. */
static inline uint64_t kl_join8(uint64_t x) {
  x = ((x * (1 + (10 << 8))) >> 8) & 0x00ff00ff00ff00ff;
  x = ((x * (1 + (100 << 16))) >> 16) & 0x0000ffff0000ffff;
  return (x * (1 + ((uint64_t)10000 << 32))) >> 32;
}

/* Up to 8 decimal digits at p; returns how many. Touches p[0..7]. */
static inline unsigned kl_digits8(const char *p, uint64_t *out) {
  const uint64_t ones = 0x0101010101010101;
  uint64_t x = kl_load8(p) ^ ('0' * ones);
  /* Bit 7 of a byte above 9. A carry out of such a byte spoils only those behind it, and the first is what counts. */
  uint64_t other = ((x + 0x76 * ones) | x) & (0x80 * ones);
  unsigned n = 8;
  if (other) {
    n = (unsigned)__builtin_ctzll(other) / 8;
    if (!n) return 0;
    x <<= 8 * (8 - n); /* leading zeros */
  }
  *out = kl_join8(x);
  return n;
}

/* Up to 16 decimal digits; p must be at or before the text's end. */
static inline unsigned kl_digits16(const char *p, uint64_t *out) {
  static const uint64_t power[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
  unsigned n = kl_digits8(p, out);
  if (n == 8) {
    uint64_t more = 0;
    unsigned m = kl_digits8(p + 8, &more);
    *out = *out * power[m] + more;
    n += m;
  }
  return n;
}

/* A non-negative integer of up to 15 digits; NULL when there is something else, which may still be a number. */
static inline const char *kl_json_short_uint(const char *p, const char *end, int64_t *out) {
  uint64_t v;
  unsigned n = kl_digits16(p, &v);
  if (KL_UNLIKELY(n == 0 || n == 16 || (n > 1 && *p == '0'))) return NULL;
  p += n;
  if (KL_UNLIKELY(p >= end || *p == '.' || *p == 'e' || *p == 'E')) return NULL;
  *out = (int64_t)v;
  return p;
}

/* The same, quicker for 13 digits: milliseconds since 1970 have so many from 2001 to 2286. Touches p[0..15]. */
static inline const char *kl_json_short_ms(const char *p, const char *end, int64_t *out) {
  const uint64_t ones = 0x0101010101010101;
  uint64_t head = kl_load8(p) ^ ('0' * ones), tail = kl_load8(p + 5) ^ ('0' * ones); /* three digits are in both */
  bool digits = !(((head + 0x76 * ones) | head | (tail + 0x76 * ones) | tail) & (0x80 * ones));
  char next = p[13];
  if (KL_UNLIKELY(!digits || *p == '0' || end - p <= 13 || (next != '}' && next != ','))) {
    return kl_json_short_uint(p, end, out);
  }
  *out = (int64_t)(kl_join8(head) * 100000 + kl_join8(tail & ~(uint64_t)0xffffff));
  return p + 13;
}

static inline const char *kl_json_int(kl_json *j, const char *p, int64_t *out) {
  const char *after = kl_json_short_uint(p, j->end, out);
  return KL_LIKELY(after != NULL) ? after : kl_json_int_any(j, p, out);
}

/* `0.dddd"` at p, as the exchange writes prices, in units of 1/10,000; returns behind the quote, NULL when the spelling
 * is another. Touches p[0..7]. */
static inline const char *kl_json_usual_price(const char *p, int64_t *out) {
  uint64_t x = kl_load8(p);
  const uint64_t frame = 0x00ff00000000ffff; /* bytes 0, 1 and 6 */
  if (KL_UNLIKELY((x & frame) != ('0' | (uint64_t)'.' << 8 | (uint64_t)'"' << 48))) return NULL;
  uint64_t d = ((x >> 16) & 0xffffffff) ^ 0x30303030;
  if (KL_UNLIKELY(((d + 0x76767676) | d) & 0x80808080)) return NULL;
  d = ((d * (1 + (10 << 8))) >> 8) & 0x00ff00ff;
  *out = (int64_t)(((d * (1 + (100 << 16))) >> 16) & 0xffff);
  return p + 7;
}

/* `d.dd"` with one to eight digits before the point, as the exchange writes counts, in units of 1/100. A sign is for
 * the caller. Behind the quote, or NULL. Touches p[0..11]. */
static inline const char *kl_json_usual_count(const char *p, int64_t *out) {
  uint64_t whole;
  unsigned n = kl_digits8(p, &whole);
  if (KL_UNLIKELY(n == 0)) return NULL;
  p += n;
  unsigned tens = (unsigned char)p[1] - (unsigned)'0', units = (unsigned char)p[2] - (unsigned)'0';
  if (KL_UNLIKELY(p[0] != '.' || tens > 9 || units > 9 || p[3] != '"')) return NULL;
  *out = (int64_t)(whole * 100 + tens * 10 + units);
  return p + 4;
}

#endif
