/* One market's order book: bids of YES and bids of NO, each a sorted array with the best at the back. Integer prices
 * and counts; no allocation once warm. Knows nothing of sockets or sequence numbers. */
#ifndef KL_BOOK_H
#define KL_BOOK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/units.h"
#include "kalshi/wire.h"

typedef struct kl_book kl_book;

kl_book *kl_book_new(void); /* NULL when out of memory */
void kl_book_free(kl_book *b);
void kl_book_clear(kl_book *b);

/* Replaces both sides. Levels in own prices of their side, any order, no duplicates, counts above zero; false (and an
 * empty book) when a level is invalid or memory is out. */
bool kl_book_snapshot(kl_book *b, const kl_level *yes, size_t n_yes, const kl_level *no, size_t n_no);

typedef enum {
  KL_BOOK_OK,
  KL_BOOK_DESYNC /* a level would become negative: unchanged */,
  KL_BOOK_NOMEM
} kl_book_result;
/* Adds a signed change to the level at `price` of `side` (own price of that side, 1 to 9999). */
kl_book_result kl_book_apply(kl_book *b, kl_outcome side, kl_price price, kl_count delta);

/* Readers. `view` says from whose side one looks: bids of `view` are its own levels, asks are the other side's levels
 * at one dollar minus their price. False where that side is empty. */
bool kl_book_best_bid(const kl_book *b, kl_outcome view, kl_price *price, kl_count *count);
bool kl_book_best_ask(const kl_book *b, kl_outcome view, kl_price *price, kl_count *count);
/* The best YES bid and ask at once; 0 where that side is empty. */
void kl_book_touch(const kl_book *b, kl_price *bid, kl_price *ask);
size_t kl_book_levels(const kl_book *b, kl_outcome view); /* number of bid levels of `view` */
/* The i-th best bid or ask, 0 is the best; false past the end. */
bool kl_book_bid_at(const kl_book *b, kl_outcome view, size_t i, kl_price *price, kl_count *count);
bool kl_book_ask_at(const kl_book *b, kl_outcome view, size_t i, kl_price *price, kl_count *count);
/* Contracts of bids of `view` at exactly `price`; 0 where none. */
kl_count kl_book_count_at(const kl_book *b, kl_outcome view, kl_price price);
/* Contracts of bids of `view` no further than `within` from the best bid. */
kl_count kl_book_depth(const kl_book *b, kl_outcome view, kl_price within);
/* Walks the book as a marketable order would: buying takes asks of `view`, selling its bids. *filled may be less than
 * `count`; *cost is the sum of price * count (exact); *worst is the last price touched (0 when nothing). */
void kl_book_sweep(const kl_book *b, kl_outcome view, bool buy, kl_count count, kl_count *filled, kl_money *cost,
                   kl_price *worst);
/* (bid contracts - ask contracts) / sum over the best `levels` of each side, -1 to 1; 0 for an empty book. */
double kl_book_imbalance(const kl_book *b, kl_outcome view, size_t levels);
/* Mid weighted by the opposite sizes: (bid * ask_count + ask * bid_count) / (bid_count + ask_count); false unless both
 * sides have a level. In dollars. Source: Stoikov (2018), "The micro-price", first-order form. */
bool kl_book_microprice(const kl_book *b, kl_outcome view, double *dollars);

/* Bytes held. */
size_t kl_book_memory(const kl_book *b);

#endif
