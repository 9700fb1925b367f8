#include "net/utf8.h"

#include <string.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)

static uint64_t load64(const char *p) {
  uint64_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

/* Number of leading ASCII bytes, possibly up to 31 too few. */
static size_t ascii_prefix(const char *p, size_t n) {
  size_t i = 0;
  while (n - i >= 32) {
    uint64_t any = load64(p + i) | load64(p + i + 8) | load64(p + i + 16) | load64(p + i + 24);
    if (any & HIGH_BITS) return i;
    i += 32;
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
