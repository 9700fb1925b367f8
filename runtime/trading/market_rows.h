/* Answers of the exchange about one market, event or series, read into what market_info.h tells of them. */
#ifndef KL_MARKET_ROWS_H
#define KL_MARKET_ROWS_H

#include "trading/market_info.h"

typedef struct kl_event_row {
  char series_ticker[64], title[160];
  bool exclusive;
  bool has_fee_type, has_fee_multiplier; /* what it has instead of the series' */
  kl_fee_type fee_type;
  int64_t fee_multiplier_ppm;
} kl_event_row;

typedef struct kl_series_row {
  kl_fee_type fee_type;
  int64_t fee_multiplier_ppm;
} kl_series_row;

/* The answer to GetMarket. What the event and the series say stays as it is. False with `e` (kind "protocol") and
 * nothing changed for one without what it must have. */
bool kl_market_row_read(kl_market_info *i, const char *body, size_t n, kl_error *e);
bool kl_event_row_read(kl_event_row *r, const char *body, size_t n, kl_error *e);
bool kl_series_row_read(kl_series_row *r, const char *body, size_t n, kl_error *e);

/* What to go by where the exchange shows none: independent markets of the series that the ticker begins with; the
 * usual fees. */
void kl_event_row_absent(kl_event_row *r, const char *event_ticker);
void kl_series_row_absent(kl_series_row *r);

#endif
