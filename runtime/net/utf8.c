#include "net/utf8.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define HIGH_BITS UINT64_C(0x8080808080808080)

static uint64_t load64(const char *p) {
  uint64_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

#ifdef __SSE2__
static __m128i load128(const char *p) { return _mm_loadu_si128((const __m128i *)(const void *)p); }

/* Whether 64 bytes are all ASCII. */
static bool ascii64(const char *p) {
  __m128i any = _mm_or_si128(_mm_or_si128(load128(p), load128(p + 16)), _mm_or_si128(load128(p + 32), load128(p + 48)));
  return _mm_movemask_epi8(any) == 0;
}
#else
static bool ascii64(const char *p) {
  uint64_t any = 0;
  for (size_t i = 0; i < 64; i += 8)
    any |= load64(p + i);
  return !(any & HIGH_BITS);
}
#endif

/* Number of leading ASCII bytes, possibly up to 63 too few. */
static size_t ascii_prefix(const char *p, size_t n) {
  size_t i = 0;
  while (n - i >= 64) {
    if (!ascii64(p + i)) break;
    i += 64;
  }
  while (n - i >= 8) {
    if (load64(p + i) & HIGH_BITS) return i;
    i += 8;
  }
  /* The last bytes as the end of a word that begins earlier. */
  if (n >= 8 && !(load64(p + n - 8) & HIGH_BITS)) return n;
  return i;
}

/* The first byte of a character of two to four bytes. */
static bool take_lead(kl_utf8 *u, uint8_t c) {
  u->lo = 0x80;
  u->hi = 0xBF;
  if (c < 0xC2 || c > 0xF4) return false;
  if (c < 0xE0) {
    u->need = 1;
  } else if (c < 0xF0) {
    u->need = 2;
    if (c == 0xE0) u->lo = 0xA0;
    if (c == 0xED) u->hi = 0x9F;
  } else {
    u->need = 3;
    if (c == 0xF0) u->lo = 0x90;
    if (c == 0xF4) u->hi = 0x8F;
  }
  return true;
}

bool kl_utf8_feed(kl_utf8 *u, const char *p, size_t n) {
  size_t i = 0;
  while (i < n) {
    uint8_t c = (uint8_t)p[i];
    if (u->need) {
      if (c < u->lo || c > u->hi) return false;
      u->lo = 0x80;
      u->hi = 0xBF;
      u->need--;
      i++;
    } else if (c >= 0x80) {
      if (!take_lead(u, c)) return false;
      i++;
    } else {
      size_t skip = ascii_prefix(p + i, n - i);
      i += skip ? skip : 1;
    }
  }
  return true;
}

bool kl_utf8_valid(const char *p, size_t n) {
  kl_utf8 u = {0};
  return kl_utf8_feed(&u, p, n) && u.need == 0;
}
