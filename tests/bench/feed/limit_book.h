/* The books of the limit: two arrays sorted by price with the best at the back, found by a hash of the ticker. Header
 * only, to be inlined. Prices in own terms of their side, 1/10,000 dollar; counts 1/100 contract. */
#ifndef BENCH_LIMIT_BOOK_H
#define BENCH_LIMIT_BOOK_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "limit_scan.h"

typedef struct limit_level {
  int32_t price;
  int64_t count;
} limit_level;

typedef struct limit_side {
  int n, room;
  int best; /* -1: empty */
  limit_level *levels;
} limit_side;

typedef struct limit_book {
  char ticker[48];
  int ticker_len;
  limit_side sides[2];
} limit_book;

typedef struct limit_books {
  limit_book **slots; /* NULL: free */
  uint32_t mask;
} limit_books;

/* Room for `most` books. */
static inline void limit_books_init(limit_books *b, uint32_t most) {
  uint32_t slots = 4;
  while (slots < most * 4)
    slots *= 2;
  b->slots = calloc(slots, sizeof(limit_book *));
  if (!b->slots) abort();
  b->mask = slots - 1;
}

/* Words of eight bytes, the last one overlapping; tickers have eight at least. */
static inline uint32_t limit_hash(const char *ticker, int n) {
  uint64_t hash = (uint64_t)n, word;
  for (int i = 0; i + 8 < n; i += 8) {
    memcpy(&word, ticker + i, 8);
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    hash ^= hash >> 29;
  }
  memcpy(&word, ticker + n - 8, 8);
  return (uint32_t)((hash ^ word) * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

/* The slot of a ticker, or the free one where it would be. */
static inline limit_book **limit_slot(const limit_books *b, const char *ticker, int n) {
  for (uint32_t i = limit_hash(ticker, n) & b->mask;; i = (i + 1) & b->mask) {
    limit_book **slot = &b->slots[i];
    if (!*slot || SCAN_LIKELY((*slot)->ticker_len == n && !memcmp((*slot)->ticker, ticker, (size_t)n))) return slot;
  }
}

static inline void limit_insert(limit_side *s, int at, int price, int64_t count) {
  if (s->n == s->room) {
    s->room = s->room ? 2 * s->room : 16;
    s->levels = realloc(s->levels, (size_t)s->room * sizeof *s->levels);
    if (!s->levels) abort();
  }
  memmove(s->levels + at + 1, s->levels + at, (size_t)(s->n - at) * sizeof *s->levels);
  s->levels[at] = (limit_level){.price = price, .count = count};
  s->n++;
}

/* A signed change of one level. Most are near the best, so the search begins there. */
static inline void limit_apply(limit_side *s, int price, int64_t count) {
  int i = s->n;
  while (i > 0 && s->levels[i - 1].price > price)
    i--;
  if (i > 0 && s->levels[i - 1].price == price) {
    if ((s->levels[i - 1].count += count) > 0) return;
    memmove(s->levels + i - 1, s->levels + i, (size_t)(s->n - i) * sizeof *s->levels);
    s->n--;
  } else if (count > 0) {
    limit_insert(s, i, price, count);
  }
  s->best = s->n ? s->levels[s->n - 1].price : -1;
}

static inline void limit_clear(limit_book *b) {
  for (int side = 0; side < 2; side++) {
    b->sides[side].n = 0;
    b->sides[side].best = -1;
  }
}

#endif
