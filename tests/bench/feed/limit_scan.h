/* The least that can be done to read a message: the key order that the exchange uses today is taken for granted and its
 * literals are compared as words; there is no other way through. Neither UTF-8 nor JSON is checked. Header only, to be
 * inlined. */
#ifndef BENCH_LIMIT_SCAN_H
#define BENCH_LIMIT_SCAN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define SCAN_LEN(literal) (sizeof(literal) - 1)
#define SCAN_STARTS(p, literal) (memcmp((p), literal, SCAN_LEN(literal)) == 0)
#define SCAN_LIKELY(x) __builtin_expect(!!(x), 1)

typedef struct scan_delta {
  const char *ticker; /* in the message */
  int ticker_len;
  int side;     /* 0 YES, 1 NO */
  int price;    /* in own terms of the side, 1/10,000 dollar */
  int64_t size; /* signed, 1/100 contract */
  uint64_t seq;
} scan_delta;

#define SCAN_DELTA "{\"type\":\"orderbook_delta\",\"sid\":"
#define SCAN_SNAPSHOT "{\"type\":\"orderbook_snapshot\","

static inline const char *scan_uint(const char *p, uint64_t *out) {
  uint64_t v = 0;
  for (; (unsigned)(*p - '0') < 10; p++)
    v = v * 10 + (uint64_t)(*p - '0');
  *out = v;
  return p;
}

/* "0.4200": p at the 0; NULL for any other form. */
static inline const char *scan_price(const char *p, int *out) {
  if (p[1] != '.' || p[6] != '"') return NULL;
  *out = (p[0] - '0') * 10000 + (p[2] - '0') * 1000 + (p[3] - '0') * 100 + (p[4] - '0') * 10 + (p[5] - '0');
  return p + 6;
}

/* "-54.00": p at the sign; NULL for any other form. */
static inline const char *scan_count(const char *p, int64_t *out) {
  bool negative = *p == '-';
  uint64_t v;
  p = scan_uint(p + negative, &v);
  if (*p != '.' || p[3] != '"') return NULL;
  int64_t count = (int64_t)v * 100 + (p[1] - '0') * 10 + (p[2] - '0');
  *out = negative ? -count : count;
  return p + 3;
}

/* p at a message that begins with SCAN_DELTA. False when it is not as it always is. */
static inline bool scan_read_delta(const char *p, scan_delta *d) {
  enum { UUID = 36 };
  uint64_t sid;
  p = scan_uint(p + SCAN_LEN(SCAN_DELTA), &sid);
  if (!SCAN_STARTS(p, ",\"seq\":")) return false;
  p = scan_uint(p + SCAN_LEN(",\"seq\":"), &d->seq);
  if (!SCAN_STARTS(p, ",\"msg\":{\"market_ticker\":\"")) return false;
  d->ticker = p += SCAN_LEN(",\"msg\":{\"market_ticker\":\"");
  while (*p != '"')
    p++;
  d->ticker_len = (int)(p - d->ticker);
  if (!SCAN_STARTS(p, "\",\"market_id\":\"")) return false;
  p += SCAN_LEN("\",\"market_id\":\"") + UUID;
  if (!SCAN_STARTS(p, "\",\"price_dollars\":\"")) return false;
  p = scan_price(p + SCAN_LEN("\",\"price_dollars\":\""), &d->price);
  if (!p || !SCAN_STARTS(p, "\",\"delta_fp\":\"")) return false;
  p = scan_count(p + SCAN_LEN("\",\"delta_fp\":\""), &d->size);
  if (!p || !SCAN_STARTS(p, "\",\"side\":\"")) return false;
  d->side = p[SCAN_LEN("\",\"side\":\"")] == 'n';
  if (d->side) d->price = 10000 - d->price;
  return true;
}

#endif
