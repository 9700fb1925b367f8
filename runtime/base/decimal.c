#include "base/decimal.h"

#include <math.h>
#include <string.h>

enum { MAX_PLACES = 18 }; /* 10^18 is the largest power of ten in an int64_t */

static const int64_t powers[MAX_PLACES + 1] = {
    1,
    10,
    100,
    1000,
    10000,
    100000,
    1000000,
    10000000,
    100000000,
    1000000000,
    10000000000,
    100000000000,
    1000000000000,
    10000000000000,
    100000000000000,
    1000000000000000,
    10000000000000000,
    100000000000000000,
    1000000000000000000,
};

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* *v = *v * 10 + digit; false when that exceeds the limit. */
static bool append_digit(uint64_t *v, char digit, uint64_t limit) {
  uint64_t d = (uint64_t)(digit - '0');
  if (*v > (limit - d) / 10) return false;
  *v = *v * 10 + d;
  return true;
}

bool kl_decimal_parse(const char *s, size_t n, int places, int64_t *out) {
  if (places < 0 || places > MAX_PLACES) return false;
  size_t i = 0;
  bool negative = n > 0 && s[0] == '-';
  if (negative) i++;
  const uint64_t limit = (uint64_t)INT64_MAX + negative;

  uint64_t v = 0;
  size_t first = i;
  for (; i < n && is_digit(s[i]); i++) {
    if (!append_digit(&v, s[i], limit)) return false;
  }
  if (i == first) return false;

  int decimals = 0;
  if (i < n) {
    if (s[i] != '.' || i + 1 == n) return false;
    for (i++; i < n; i++) {
      if (!is_digit(s[i])) return false;
      if (decimals == places) {
        if (s[i] != '0') return false;
      } else {
        if (!append_digit(&v, s[i], limit)) return false;
        decimals++;
      }
    }
  }
  for (; decimals < places; decimals++) {
    if (!append_digit(&v, '0', limit)) return false;
  }
  *out = negative ? (int64_t)(0 - v) : (int64_t)v;
  return true;
}

size_t kl_decimal_format(char *out, size_t cap, int64_t v, int places) {
  char text[32];
  char *p = text + sizeof text;
  uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
  if (places < 0) places = 0;
  if (places > MAX_PLACES) places = MAX_PLACES;
  for (int digits = 0; rest > 0 || digits <= places; digits++) {
    if (digits == places && places > 0) *--p = '.';
    *--p = (char)('0' + rest % 10);
    rest /= 10;
  }
  if (v < 0) *--p = '-';
  size_t n = (size_t)(text + sizeof text - p);
  if (n >= cap) {
    if (cap) out[0] = 0;
    return 0;
  }
  memcpy(out, p, n);
  out[n] = 0;
  return n;
}

size_t kl_decimal_short(char out[32], int64_t v, int places, int least) {
  size_t n = kl_decimal_format(out, 32, v, places);
  for (int kept = places; kept > least && out[n - 1] == '0'; kept--)
    out[--n] = 0;
  if (out[n - 1] == '.') out[--n] = 0;
  return n;
}

/* Above 8 places the tolerance would take in neighbours on the grid. */
enum { MAX_DOUBLE_PLACES = 8 };

bool kl_decimal_from_double(double v, int places, int64_t *out) {
  const double tolerance = 1e-9, most = 9007199254740992.0; /* 2^53 */
  if (places < 0 || places > MAX_DOUBLE_PLACES) return false;
  double scale = (double)powers[places];
  double units = round(v * scale);
  if (!(fabs(units) <= most)) return false; /* NaN and infinity end here too */
  /* The product was rounded, so that near 2^53 the grid point may be the one beside. The quotient of two exact numbers
   * is the nearest double of the grid point. */
  for (int step = 0; step < 3; step++) {
    double candidate = units + (step == 0 ? 0 : step == 1 ? 1 : -1);
    if (fabs(candidate) <= most && fabs(v - candidate / scale) <= tolerance) {
      *out = (int64_t)candidate;
      return true;
    }
  }
  return false;
}

double kl_decimal_to_double(int64_t v, int places) {
  if (places < 0) places = 0;
  if (places > MAX_PLACES) places = MAX_PLACES;
  return (double)v / (double)powers[places];
}
