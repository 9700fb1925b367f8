/* What is known of markets, for whoever places orders there: the event, its other markets, the price grid, fees and
 * times. Read over REST when first asked for, kept, and read again when the exchange says that it changed, after the
 * market opened or closed, and every few minutes while somebody uses it. Loop thread only. */
#ifndef KL_MARKET_INFO_H
#define KL_MARKET_INFO_H

#include "base/list.h"
#include "exchange/exchange.h"
#include "kalshi/session.h"

typedef struct kl_market_infos kl_market_infos;

enum { KL_INFO_BANDS = 8 };

typedef struct kl_market_info {
  char ticker[64], event_ticker[64], series_ticker[64];
  char status[16]; /* the exchange's word */
  char result[8];  /* "yes", "no", "scalar" or "" */
  bool exclusive;  /* at most one market of its event settles at YES */
  kl_price_band bands[KL_INFO_BANDS];
  int n_bands;
  kl_fee_type fee_type;       /* of the series, or what the event has instead */
  int64_t fee_multiplier_ppm; /* the same */
  int64_t open_ms, close_ms, expected_expiration_ms;
  kl_price settlement; /* of YES; -1: not determined */
  int64_t settled_ms;  /* 0: not paid yet, or not said */
  kl_price last_price; /* 0: never traded */
  int32_t exchange_index;
  int settlement_timer_s;
  char title[160], yes_sub_title[64], event_title[160];
  int64_t read_ns;
} kl_market_info;

kl_market_infos *kl_market_infos_new(kl_session *s); /* borrows `s`; NULL when out of memory */
/* Waiters are told "closed". Not from within `done` of a waiter. Takes NULL. */
void kl_market_infos_free(kl_market_infos *m);
/* NULL: not known yet. It may be some minutes old; asking keeps it fresh from then on. Borrowed until the loop runs on.
 */
const kl_market_info *kl_market_info_get(const kl_market_infos *m, const char *ticker);
/* On the market's grid: 0 < p < 1 and a step of its band. */
bool kl_market_info_on_grid(const kl_market_info *i, kl_price p);
/* The grid in words, for messages: "0.01 from 0.00 to 1.00", a piece for each band. */
enum { KL_INFO_STEPS = 256 };
void kl_market_info_steps(const kl_market_info *i, char out[KL_INFO_STEPS]);

/* Who waits; the owner embeds it. `done` once, from the loop, never from within; `e` when it cannot be read, which is
 * remembered for a second only. */
typedef struct kl_market_waiter kl_market_waiter;
struct kl_market_waiter {
  kl_list link;
  void *data;
  void (*done)(kl_market_waiter *w, const kl_market_info *i, const kl_error *e);
};
void kl_market_info_want(kl_market_infos *m, const char *ticker, kl_market_waiter *w);
void kl_market_info_leave(kl_market_waiter *w); /* harmless when repeated, but it must have waited */
/* Reads what is known of a market, or of an event, once more; until that is here the old is answered, to those who
 * want it too. Nothing for what is not known. */
void kl_market_info_refresh(kl_market_infos *m, const char *ticker);
void kl_market_info_refresh_event(kl_market_infos *m, const char *event_ticker);

#endif
