/* The commands that every matching engine of the bench is given, in a file: one struct after the other, in the
 * machine's byte order. All orders are limit orders that rest if they do not trade; no one trades with himself. */
#ifndef KL_BENCH_FLOW_H
#define KL_BENCH_FLOW_H

#include <stdint.h>

enum { FLOW_NEW, FLOW_CANCEL };

typedef struct flow_command {
  uint32_t order;  /* number: of the new one, or of the one to cancel, which may have traded */
  uint16_t market; /* 0, 1, … */
  uint16_t price;  /* 100 to 9,900 in steps of 100: ten thousandths of a dollar */
  uint32_t count;  /* contracts */
  uint8_t kind, buys;
  uint16_t user; /* even ones buy, odd ones sell */
} flow_command;

/* What an engine made of them: equal for all that match by price and time. */
typedef struct flow_sum {
  uint64_t trades, contracts, check;
} flow_sum;

/* Adds a trade at `price` of `count` contracts between two orders. */
static inline void flow_trade(flow_sum *s, uint32_t maker, uint32_t taker, uint32_t price, uint32_t count) {
  s->trades++;
  s->contracts += count;
  s->check = (s->check * 31 + maker * UINT64_C(7) + taker * UINT64_C(5) + price * UINT64_C(3) + count) & 0xffffffffffff;
}

#endif
