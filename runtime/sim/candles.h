/* Candlesticks by the minute: a synthetic past, made anew from the seed whenever it is asked for, and what happened
 * since the start. */
#ifndef KL_SIM_CANDLES_H
#define KL_SIM_CANDLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exchange/exchange.h"

/* Open, low, high, close, in kl_price units, which fit 16 bits. */
typedef struct kl_sim_ohlc {
  int16_t open, low, high, close;
} kl_sim_ohlc;

typedef struct kl_sim_candle {
  int64_t end_s; /* Unix seconds, inclusive */
  kl_sim_ohlc bid, ask, price;
  kl_count volume; /* 0: no trade, and `price` says nothing */
  kl_money cost;   /* sum of price times count */
  kl_count open_interest;
} kl_sim_candle;

typedef struct kl_sim_candles kl_sim_candles;

/* `past`: whether the markets that kl_sim_candles_begin is told have a synthetic past; later ones have none. NULL when
 * out of memory. */
kl_sim_candles *kl_sim_candles_new(uint64_t seed, size_t markets, int64_t start_us, bool past);
void kl_sim_candles_free(kl_sim_candles *c); /* takes NULL */

/* Gives a market the last price, volume and open interest that its past ends with; `fair` is its price now. */
void kl_sim_candles_begin(kl_sim_candles *c, kl_market *m, double fair);

/* The market goes, and another may get its index. */
void kl_sim_candles_forget(kl_sim_candles *c, const kl_market *m);
/* ---- keeping them in a file ---- */

typedef struct kl_sim_candles_writer {
  void *data;
  void (*market)(void *data, uint32_t market, bool past, double fair); /* new: what its past is made from */
  void (*candle)(void *data, uint32_t market, const kl_sim_candle *k); /* a minute since the start, new or changed */
  void (*gone)(void *data, uint32_t market, int64_t before_s);         /* minutes that end before this were let go */
} kl_sim_candles_writer;
/* Tells what has changed since it was last asked; markets by their index. */
void kl_sim_candles_save(kl_sim_candles *c, const kl_sim_candles_writer *w);
/* Instead of kl_sim_candles_begin, for a market that was told of. False when out of memory. */
bool kl_sim_candles_resume(kl_sim_candles *c, const kl_market *m, bool past, double fair);
/* The market's next minute. False when it is not later than the last one, or memory is out. */
bool kl_sim_candles_restore(kl_sim_candles *c, const kl_market *m, const kl_sim_candle *k);

void kl_sim_candles_trade(kl_sim_candles *c, const kl_trade *t);
/* The market's best prices as they are now. */
void kl_sim_candles_quote(kl_sim_candles *c, const kl_market *m, int64_t now_us);

typedef struct kl_sim_candle_list {
  kl_sim_candle *candles; /* oldest first; owned, free() it */
  size_t n;
  kl_price previous; /* last trade price before the first candle; 0: none */
  bool has_before;
  kl_sim_candle before; /* the state before the range, as a candle without trades at its first period */
} kl_sim_candle_list;

typedef enum { KL_SIM_CANDLES_OK, KL_SIM_CANDLES_TOO_MANY, KL_SIM_CANDLES_NOMEM } kl_sim_candles_result;

/* When the first of the markets' candles ends, in Unix seconds; INT64_MAX when they have none. */
int64_t kl_sim_candles_begin_s(const kl_sim_candles *c, kl_market *const *markets, size_t n);
/* Candles of `minutes` that end within [start_s, end_s] and have begun; a period without an event repeats the state
 * before it. More than `max` are refused; out->n then says how many there would be. */
kl_sim_candles_result kl_sim_candles_range(const kl_sim_candles *c, const kl_market *m, int64_t now_us, int64_t start_s,
                                           int64_t end_s, int minutes, size_t max, kl_sim_candle_list *out);

#endif
