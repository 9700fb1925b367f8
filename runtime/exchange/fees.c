#include "exchange/internal.h"

/* The trade fee is a multiple of 1e-4 dollar. */
enum { FEE_STEP = 100 };

static kl_money steps_up(unsigned __int128 numerator, uint64_t denominator) {
  return (kl_money)((numerator + denominator - 1) / denominator) * FEE_STEP;
}

kl_money kl_fee_trade(kl_fee_type type, int64_t multiplier_ppm, bool taker, kl_price yes_price, kl_count count) {
  if (count <= 0 || multiplier_ppm <= 0 || yes_price < 0 || yes_price > KL_PRICE_ONE) return 0;
  uint64_t ppm = (uint64_t)multiplier_ppm;
  if (type == KL_FEE_FLAT) {
    /* The exchange publishes no formula: taken as M dollars a contract, from takers. ppm / 1e6 dollar * count / 100,
     * in steps of 1e-4 dollar. */
    return taker ? steps_up((unsigned __int128)ppm * (uint64_t)count, 10000) : 0;
  }
  /* Quarters of the taker's 0.07: a maker pays one (0.0175), two (0.035) for combos, or none. */
  uint64_t quarters = 4;
  if (!taker) quarters = type == KL_FEE_QUADRATIC_MAKER ? 1 : type == KL_FEE_QUADRATIC_COMBO_MAKER ? 2 : 0;
  if (quarters == 0) return 0;
  /* quarters * 0.0175 * ppm / 1e6 * count / 1e2 * p / 1e4 * (1e4 - p) / 1e4 dollars, in steps of 1e-4 dollar:
   * 0.0175 is 7 / 400, so the denominator is 400 * 1e6 * 1e2 * 1e8 / 1e4. */
  const uint64_t denominator = UINT64_C(400000000000000);
  uint64_t rate = 7 * quarters * (uint64_t)yes_price * (uint64_t)(KL_PRICE_ONE - yes_price);
  uint64_t numerator;
  if (!__builtin_mul_overflow(rate, ppm, &numerator) && !__builtin_mul_overflow(numerator, (uint64_t)count, &numerator))
    return (kl_money)(numerator / denominator + (numerator % denominator != 0)) * FEE_STEP;
  return steps_up((unsigned __int128)rate * ppm * (uint64_t)count, denominator);
}

kl_fee_schedule kl_exchange_fees(const kl_market_event *e) {
  return (kl_fee_schedule){e->has_fee_type ? e->fee_type : e->series->fee_type,
                           e->has_fee_multiplier ? e->fee_multiplier_ppm : e->series->fee_multiplier_ppm};
}

kl_money kl_x_fee(const kl_market *m, bool taker, kl_price yes_price, kl_count count) {
  kl_fee_schedule s = kl_exchange_fees(m->event);
  return kl_fee_trade(s.type, s.multiplier_ppm, taker, yes_price, count);
}

/* A thousand times the usual fee is more than any contract pays, and keeps the products small. */
static bool valid_multiplier(int64_t ppm) { return ppm >= 0 && ppm <= INT64_C(1000000000); }

kl_exchange_result kl_exchange_set_series_fees(kl_exchange *x, int64_t now_us, kl_series *s, kl_fee_schedule fees) {
  kl_x_advance(x, now_us);
  if (!valid_multiplier(fees.multiplier_ppm) || fees.type > KL_FEE_FLAT) return KL_X_INVALID_PARAMETERS;
  s->fee_type = fees.type;
  s->fee_multiplier_ppm = fees.multiplier_ppm;
  kl_x_touch_totals(x);
  return KL_X_OK;
}

kl_exchange_result kl_exchange_set_event_fees(kl_exchange *x, int64_t now_us, kl_market_event *e,
                                              const kl_fee_type *type, const int64_t *multiplier_ppm) {
  kl_x_advance(x, now_us);
  if ((type && *type > KL_FEE_FLAT) || (multiplier_ppm && !valid_multiplier(*multiplier_ppm)))
    return KL_X_INVALID_PARAMETERS;
  e->has_fee_type = type != NULL;
  e->has_fee_multiplier = multiplier_ppm != NULL;
  if (type) e->fee_type = *type;
  if (multiplier_ppm) e->fee_multiplier_ppm = *multiplier_ppm;
  kl_x_tell_fees(x, e);
  return KL_X_OK;
}

kl_money kl_fee_rounding(kl_money revenue, kl_money trade_fee, kl_money precision, kl_money *accumulator,
                         kl_money *rebate) {
  kl_money rounding = (revenue - trade_fee) % precision;
  if (rounding < 0) rounding += precision; /* the change is floored toward minus infinity */
  *accumulator += rounding;
  *rebate = 0;
  /* The net fee of a fill is never negative, so a cent that would make it so waits for a later fill. */
  while (*accumulator > KL_X_CENT && *rebate + KL_X_CENT <= trade_fee + rounding) {
    *rebate += KL_X_CENT;
    *accumulator -= KL_X_CENT;
  }
  return rounding;
}
