/* What one core can do with the feed, in steps: the yardstick of the bench. It assumes what a program for real use must
 * check, and does nothing else.
 *
 *   feed_limit PORT receive|walk|scan|book [tls]
 *
 * receive: bytes into a buffer. walk: and the frames found. scan: and the fields of deltas read. book: and books kept,
 * and a function called after each delta, with everything counted that feed_generate.c tells. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "limit_book.h"
#include "limit_scan.h"

enum { BUFFER = 256 * 1024, SLACK = 64, MARKETS_MOST = 100000 };

static client_totals totals;
static limit_books books;
static uint64_t sink; /* what `scan` has read, so that it is not left out */

static void die(const char *what) {
  fprintf(stderr, "feed_limit: %s\n", what);
  exit(1);
}

/* ---- what is done with a message ---- */

/* The strategy: out of line and called through a pointer, as one that is not known beforehand. */
static __attribute__((noinline)) void on_delta(const limit_book *b, int bid, int no_bid) {
  (void)b;
  totals.callbacks++;
  totals.bids += (uint64_t)bid;
  totals.spreads += (uint64_t)(10000 - no_bid - bid);
}
static void (*volatile strategy)(const limit_book *, int, int) = on_delta;

static const char *find(const char *p, const char *end, const char *text) {
  const char *at = memmem(p, (size_t)(end - p), text, strlen(text));
  return at ? at + strlen(text) : NULL;
}

/* p behind the key's '['. */
static void read_levels(limit_side *s, bool no, const char *p) {
  while (*p == '[') {
    int price;
    int64_t count;
    p = scan_price(p + SCAN_LEN("[\""), &price);
    if (p) p = scan_count(p + SCAN_LEN("\",\""), &count);
    if (!p) die("a level that is not as it always is");
    limit_apply(s, no ? 10000 - price : price, count);
    p += SCAN_LEN("\"]");
    if (*p == ',') p++;
  }
}

static void read_snapshot(const char *p, const char *end) {
  const char *ticker = find(p, end, "\"market_ticker\":\"");
  const char *quote = ticker ? memchr(ticker, '"', (size_t)(end - ticker)) : NULL;
  if (!quote) die("a snapshot without a ticker");
  int n = (int)(quote - ticker);
  limit_book **slot = limit_slot(&books, ticker, n);
  if (!*slot) {
    *slot = calloc(1, sizeof **slot);
    if (!*slot || n >= (int)sizeof(*slot)->ticker) die("no memory for a book");
    memcpy((*slot)->ticker, ticker, (size_t)n);
    (*slot)->ticker_len = n;
  }
  limit_clear(*slot);
  const char *yes = find(quote, end, "\"yes_dollars_fp\":["), *no = find(quote, end, "\"no_dollars_fp\":[");
  if (yes) read_levels(&(*slot)->sides[0], false, yes);
  if (no) read_levels(&(*slot)->sides[1], true, no);
}

static inline void do_scan(const char *p) {
  scan_delta d;
  if (!SCAN_STARTS(p, SCAN_DELTA)) return;
  if (!scan_read_delta(p, &d)) die("a delta that is not as it always is");
  totals.deltas++;
  sink += (uint64_t)d.price + (uint64_t)d.size + (uint64_t)d.side + (uint64_t)d.ticker_len;
}

static inline void do_book(const char *p, const char *end) {
  static uint64_t seq;
  scan_delta d;
  if (SCAN_LIKELY(SCAN_STARTS(p, SCAN_DELTA))) {
    if (!scan_read_delta(p, &d)) die("a delta that is not as it always is");
    if (d.seq != ++seq) die("a gap");
    if (!totals.deltas++) client_opened();
    limit_book *b = *limit_slot(&books, d.ticker, d.ticker_len);
    if (!b) return;
    limit_apply(&b->sides[d.side], d.price, d.size);
    if (b->sides[0].best >= 0 && b->sides[1].best >= 0) strategy(b, b->sides[0].best, b->sides[1].best);
  } else if (SCAN_STARTS(p, SCAN_SNAPSHOT)) {
    seq++;
    totals.snapshots++;
    read_snapshot(p, end);
  }
}

/* ---- bytes and frames ---- */

typedef enum { RECEIVE, WALK, SCAN, BOOK } step;

/* The whole frames in p[0..n): returns how many bytes they take. Inlined once for each step. */
static inline __attribute__((always_inline)) size_t walk(const char *p, size_t n, step what, bool *closed) {
  size_t at = 0;
  while (n - at >= 2 && !*closed) {
    const unsigned char *h = (const unsigned char *)p + at;
    size_t len = h[1] & 0x7f, head = 2;
    if (len == 126) {
      if (n - at < 4) break;
      len = (size_t)h[2] << 8 | h[3];
      head = 4;
    } else if (len == 127) {
      if (n - at < 10) break;
      len = 0;
      for (int i = 0; i < 8; i++)
        len = len << 8 | h[2 + i];
      head = 10;
    }
    if (n - at < head + len) break;
    at += head + len;
    if (SCAN_LIKELY((h[0] & 0x0f) == 1)) {
      const char *text = (const char *)h + head;
      totals.messages++;
      if (what == SCAN) do_scan(text);
      if (what == BOOK) do_book(text, text + len);
    } else if ((h[0] & 0x0f) == 8) {
      *closed = true;
    }
  }
  return at;
}

static bool is_close_frame(const char *p, size_t n) { return n >= 4 && !memcmp(p + n - 4, "\x88\x02\x03\xe8", 4); }

static void run(client *c, step what) {
  char *buffer = calloc(1, BUFFER + SLACK);
  size_t have = 0;
  bool closed = false;
  if (!buffer) die("out of memory");
  while (!closed) {
    size_t n = client_receive(c, buffer + have, BUFFER - have);
    if (!n) die("the connection was lost");
    if (what == RECEIVE) {
      closed = is_close_frame(buffer, n);
      continue;
    }
    have += n;
    size_t done = what == WALK   ? walk(buffer, have, WALK, &closed)
                  : what == SCAN ? walk(buffer, have, SCAN, &closed)
                                 : walk(buffer, have, BOOK, &closed);
    have -= done;
    memmove(buffer, buffer + done, have);
  }
  free(buffer);
}

/* ---- the checksum, as in synthetic.h ---- */

static int by_ticker(const void *a, const void *b) {
  const limit_book *const *x = a, *const *y = b;
  return strcmp((*x)->ticker, (*y)->ticker);
}

static uint32_t add_text(uint32_t hash, const char *text) {
  for (; *text; text++)
    hash = (hash ^ (uint8_t)*text) * UINT32_C(16777619);
  return hash;
}

static uint32_t checksum(void) {
  limit_book **sorted = malloc((books.mask + 1) * sizeof(limit_book *));
  size_t n = 0;
  uint32_t hash = UINT32_C(2166136261);
  if (!sorted) die("out of memory");
  for (uint32_t i = 0; i <= books.mask; i++)
    if (books.slots[i]) sorted[n++] = books.slots[i];
  qsort(sorted, n, sizeof(limit_book *), by_ticker);
  for (size_t i = 0; i < n; i++) {
    hash = add_text(add_text(hash, sorted[i]->ticker), "\n");
    for (int side = 0; side < 2; side++) {
      const limit_side *s = &sorted[i]->sides[side];
      for (int k = 0; k < s->n; k++) {
        char line[48];
        snprintf(line, sizeof line, "%c%d:%lld\n", side ? 'n' : 'y', s->levels[k].price, (long long)s->levels[k].count);
        hash = add_text(hash, line);
      }
    }
  }
  free(sorted);
  return hash;
}

int main(int argc, char **argv) {
  static const char *const steps[] = {"receive", "walk", "scan", "book"};
  int what = 0;
  while (what < 4 && argc >= 3 && strcmp(argv[2], steps[what]) != 0)
    what++;
  if (argc < 3 || what == 4) {
    fputs("usage: feed_limit PORT receive|walk|scan|book [tls]\n", stderr);
    return 2;
  }
  limit_books_init(&books, MARKETS_MOST);
  client *c = client_open((int)strtol(argv[1], NULL, 10), argc > 3);
  client_subscribe(c);
  run(c, (step)what);
  client_close(c);
  if (what == BOOK) totals.checksum = checksum();
  client_report(&totals);
  return sink == 42;
}
