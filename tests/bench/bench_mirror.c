/* Cost of the fill model by message: of a market that nobody trades in, of one with own orders at the touch, and of an
 * own command. Prints nanoseconds of
 * processor time. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sim/mirror.h"

enum { LEVELS = 40, MESSAGES = 2000000, COMMANDS = 20000 };

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static kl_mirror *m;
static kl_exchange *x;
static uint32_t me;
static int64_t now_us = INT64_C(1790000000000000);

static void add_market(const char *ticker) {
  kl_series series = {.fee_multiplier_ppm = 1000000};
  kl_market_event event = {0};
  kl_market market = {.price_structure = "linear_cent", .settlement = -1, .status = KL_MARKET_ACTIVE};
  (void)snprintf(series.ticker, sizeof series.ticker, "%s", ticker);
  (void)snprintf(event.ticker, sizeof event.ticker, "%s", ticker);
  (void)snprintf(market.ticker, sizeof market.ticker, "%s", ticker);
  kl_mirror_rung rungs[2][LEVELS];
  for (int i = 0; i < LEVELS; i++)
    for (int side = 0; side < 2; side++)
      rungs[side][i] = (kl_mirror_rung){(48 - i) * 100, 100000};
  const kl_mirror_rung *const levels[2] = {rungs[0], rungs[1]};
  const size_t n[2] = {LEVELS, LEVELS};
  if (!kl_mirror_market(m, now_us, &(kl_mirror_market_info){&series, &event, &market})) exit(1);
  kl_mirror_snapshot(m, now_us, ticker, levels, n);
}

static void place(const char *ticker, kl_side side, kl_price price) {
  kl_order_request r = {.user = me, .ticker = ticker, .side = side, .price = price, .count = 300};
  kl_order_outcome out;
  kl_mirror_before(m, now_us, ticker);
  if (kl_exchange_create(x, now_us, &r, &out) == KL_X_OK) kl_mirror_created(m, now_us, &r, out.order);
}

/* Levels near the touch change, one message in ten is a trade with its fall. */
static double messages(const char *ticker, int n) {
  int64_t start = now_ns();
  for (int i = 0; i < n; i++) {
    kl_outcome side = i / 2 % 2 ? KL_NO : KL_YES;
    kl_price own = (48 - i / 4 % 8) * 100;
    now_us += 200;
    if (i % 20 == 18) {
      kl_mirror_trade(m, now_us, ticker, 4800, 100, KL_ASK, NULL);
      kl_mirror_level(m, now_us, ticker, KL_YES, 4800, -100);
      kl_mirror_level(m, now_us, ticker, KL_YES, 4800, 100);
    } else {
      kl_mirror_level(m, now_us, ticker, side, own, i % 2 ? -100 : 100);
    }
    if (i % 250 == 0) kl_mirror_time(m, now_us);
  }
  return (double)(now_ns() - start) / n;
}

int main(void) {
  x = kl_exchange_new(&(kl_exchange_options){.seed = 1});
  me = kl_exchange_add_user(x, INT64_C(1000000000000));
  m = kl_mirror_new(x, &(kl_mirror_options){.seed = 1});
  add_market("QUIET");
  add_market("OURS");
  printf("a live message, market without own orders: %6.0f ns\n", messages("QUIET", MESSAGES));
  place("OURS", KL_BID, 4000);
  place("OURS", KL_ASK, 6000);
  printf("... with own orders behind the touch:      %6.0f ns\n", messages("OURS", MESSAGES));
  for (int i = 0; i < 4; i++) {
    place("OURS", KL_BID, (48 - i) * 100);
    place("OURS", KL_ASK, (52 + i) * 100);
  }
  printf("... with own orders at the first 4 levels: %6.0f ns\n", messages("OURS", MESSAGES / 4));
  int64_t start = now_ns();
  add_market("NEW");
  place("NEW", KL_BID, 4000);
  printf("the first own order of a market:           %6.0f ns\n", (double)(now_ns() - start));
  start = now_ns();
  for (int i = 0; i < COMMANDS; i++) {
    place("NEW", KL_BID, 4000);
    const kl_order *o = kl_exchange_order_at(x, me, 0);
    kl_mirror_before(m, now_us, "NEW");
    if (kl_exchange_cancel(x, now_us, me, 0, o->id, NULL, NULL) == KL_X_OK) kl_mirror_canceled(m, now_us, o);
  }
  printf("an own order and its cancel, all views:    %6.0f ns\n", (double)(now_ns() - start) / COMMANDS);
  kl_mirror_free(m);
  kl_exchange_free(x);
  return 0;
}
