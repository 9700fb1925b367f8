/* Markets that trade by a fixed random sequence, each with its true book: what the synthetic feed is made of. The same
 * seed gives the same markets and the same events on every machine: integers only, and a random generator of its own.
 *
 * Prices are 1/10,000 dollar in own terms of their side, counts 1/100 contract. Side 0 is YES, side 1 is NO. */
#ifndef BENCH_SYNTHETIC_H
#define BENCH_SYNTHETIC_H

#include <stdbool.h>
#include <stdint.h>

enum { SYNTHETIC_ONE = 10000, SYNTHETIC_PRICES = SYNTHETIC_ONE + 1 };

typedef enum { TICKS_CENT, TICKS_DECI_CENT, TICKS_TAPERED_DECI_CENT, TICKS_CENTI_CENT_AT_EDGES } synthetic_ticks;

typedef struct synthetic_market {
  char ticker[80], uuid[40];
  synthetic_ticks ticks;
  int wanted_levels; /* a side with more loses levels faster than it gains them */
  int fair;          /* the price around which orders come */
  int last;          /* of the last trade */
  int64_t volume, open_interest;
  int levels[2];
  int best[2];                        /* -1: the side is empty */
  int64_t count[2][SYNTHETIC_PRICES]; /* the book; never negative, never crossed */
} synthetic_market;

typedef struct synthetic {
  uint64_t random[4];
  int n;
  synthetic_market *markets;
  uint64_t *popularity; /* cumulative: few markets get most events */
} synthetic;

typedef enum { EVENT_SNAPSHOT, EVENT_TICKER, EVENT_TRADE, EVENT_DELTA } synthetic_kind;

typedef struct synthetic_event {
  synthetic_kind kind;
  synthetic_market *market; /* as it is after the event */
  int side;                 /* of a delta; of a trade: the taker's */
  int price;                /* of a delta */
  int64_t count;            /* of a delta (signed) or a trade */
  char id[40];              /* of a trade; of a delta: the client order id when it is one's own, else "" */
} synthetic_event;

/* `n` markets with books that have traded for a while. False when out of memory. */
bool synthetic_init(synthetic *s, int n, uint64_t seed);
void synthetic_free(synthetic *s);

/* What happens next: about 85 % deltas, 10 % tickers, 5 % trades, one in 20,000 a fresh snapshot. */
void synthetic_next(synthetic *s, synthetic_event *e);

/* FNV-1a over the text of a book: its ticker and a line end, then of YES and of NO each level by rising price as
 * "y4200:1300\n" ("n" for NO). `hash` is SYNTHETIC_HASH or what another market's book gave. */
#define SYNTHETIC_HASH UINT32_C(2166136261)
uint32_t synthetic_checksum(uint32_t hash, const synthetic_market *m);
/* The same over all books, by rising ticker. Zero when out of memory. */
uint32_t synthetic_checksum_all(const synthetic *s);

#endif
