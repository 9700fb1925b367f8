/* The native book beside the plainest one there is, a slot for every price: random sequences of deltas and snapshots,
 * the same to both, and every reader asked what the slots say. KALUA_TEST_SEED repeats a run that failed. */
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kalshi/book.h"

enum { STEPS = 1000000, FULL_COMPARE_EVERY = 1000, SNAPSHOT_EVERY = 3000, LAST = KL_PRICE_ONE - 1 };
static const kl_count MOST = 100000000000000; /* of one level: 10^12 contracts */

static kl_book *book;
static kl_count naive[2][KL_PRICE_ONE + 1];
static size_t naive_levels[2];
static int naive_best[2]; /* 0: the side is empty */
static uint64_t seed, random_state;
static int step;

/* ---- what a failure says ---- */

typedef struct deed {
  const char *what;
  int side;
  int64_t price, delta;
} deed;
static deed deeds[16];
static unsigned n_deeds;

static void note(const char *what, int side, int64_t price, int64_t delta) {
  deeds[n_deeds++ % 16] = (deed){what, side, price, delta};
}

static void disagree(const char *what, double is, double ought, int line) {
  for (unsigned i = n_deeds > 16 ? n_deeds - 16 : 0; i < n_deeds; i++) {
    const deed *d = &deeds[i % 16];
    print_error("  %s side %d, price %" PRId64 ", change %" PRId64 "\n", d->what, d->side, d->price, d->delta);
  }
  fail_msg("line %d, step %d of seed %" PRIu64 ": %s is %.17g, the slots say %.17g (KALUA_TEST_SEED=%" PRIu64
           " repeats it)",
           line, step, seed, what, is, ought, seed);
}
#define AGREE(is, ought)                                                                                               \
  do {                                                                                                                 \
    if ((is) != (ought)) disagree(#is, (double)(is), (double)(ought), __LINE__);                                       \
  } while (0)

static uint32_t below(uint32_t n) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (uint32_t)((random_state >> 32) * n >> 32);
}

/* ---- the slots ---- */

static void slot_set(int side, int price, kl_count count) {
  kl_count *slot = &naive[side][price];
  if (!*slot && count) naive_levels[side]++;
  if (*slot && !count) naive_levels[side]--;
  *slot = count;
  if (count && price > naive_best[side]) naive_best[side] = price;
  while (naive_best[side] > 0 && !naive[side][naive_best[side]])
    naive_best[side]--;
}

static void slots_clear(void) {
  memset(naive, 0, sizeof naive);
  naive_levels[0] = naive_levels[1] = 0;
  naive_best[0] = naive_best[1] = 0;
}

/* ---- comparisons; every one from the eyes of both sides ---- */

static void compare_best(void) {
  for (int side = 0; side < 2; side++) {
    kl_price bid = 0, ask = 0;
    kl_count bids = 0, asks = 0;
    bool any = naive_best[side] > 0;
    AGREE(kl_book_best_bid(book, (kl_outcome)side, &bid, &bids), any);
    AGREE(kl_book_best_ask(book, (kl_outcome)(1 - side), &ask, &asks), any);
    AGREE(kl_book_levels(book, (kl_outcome)side), naive_levels[side]);
    if (!any) continue;
    AGREE(bid, naive_best[side]);
    AGREE(ask, KL_PRICE_ONE - naive_best[side]);
    AGREE(bids, naive[side][naive_best[side]]);
    AGREE(asks, bids);
  }
}

static void compare_sweep(int view, bool buy, kl_count count) {
  if (count > INT64_MAX / KL_PRICE_ONE) count = INT64_MAX / KL_PRICE_ONE; /* a sweep takes no more */
  int side = buy ? 1 - view : view;
  kl_count filled = 0, left = count;
  kl_money cost = 0, got_cost;
  kl_price worst = 0, got_worst;
  kl_count got;
  for (int price = naive_best[side]; price > 0 && left > 0; price--) {
    kl_count take = naive[side][price] < left ? naive[side][price] : left;
    if (!take) continue;
    worst = buy ? KL_PRICE_ONE - price : price;
    filled += take;
    cost += take * worst;
    left -= take;
  }
  kl_book_sweep(book, (kl_outcome)view, buy, count, &got, &got_cost, &got_worst);
  AGREE(got, filled);
  AGREE(got_cost, cost);
  AGREE(got_worst, worst);
}

static kl_count top(int side, size_t levels) {
  kl_count sum = 0;
  if (levels > naive_levels[side]) levels = naive_levels[side];
  for (int price = naive_best[side]; levels > 0; price--) {
    sum += naive[side][price];
    levels -= naive[side][price] > 0;
  }
  return sum;
}

static void compare_weights(int view) {
  for (size_t levels = 1 + below(3); levels < 20000; levels *= 30) {
    kl_count bids = top(view, levels), asks = top(1 - view, levels);
    double ought = bids + asks ? (double)(bids - asks) / (double)(bids + asks) : 0;
    AGREE(kl_book_imbalance(book, (kl_outcome)view, levels), ought);
  }
  double micro = 0, ought = 0;
  bool both = naive_best[0] && naive_best[1];
  if (both) {
    double bid = naive_best[view], ask = KL_PRICE_ONE - naive_best[1 - view];
    double bids = (double)naive[view][naive_best[view]], asks = (double)naive[1 - view][naive_best[1 - view]];
    ought = (bid * asks + ask * bids) / (bids + asks) / KL_PRICE_ONE;
  }
  AGREE(kl_book_microprice(book, (kl_outcome)view, &micro), both);
  if (both && fabs(micro - ought) > 1e-12) disagree("microprice", micro, ought, __LINE__);
}

static void compare_all(void) {
  compare_best();
  for (int side = 0; side < 2; side++) {
    size_t i = 0;
    kl_count sum = 0, total = top(side, SIZE_MAX);
    kl_price p;
    kl_count c;
    for (int price = KL_PRICE_ONE; price >= 0; price--) {
      kl_count ought = naive[side][price];
      /* At and below every level, and here and there where none is. */
      bool asked = ought || price % 13 == 0 || (price < KL_PRICE_ONE && naive[side][price + 1]);
      if (asked) AGREE(kl_book_count_at(book, (kl_outcome)side, price), ought);
      sum += ought;
      if (price <= naive_best[side] && price % 997 == 0)
        AGREE(kl_book_depth(book, (kl_outcome)side, naive_best[side] - price), sum);
      if (!ought) continue;
      AGREE(kl_book_bid_at(book, (kl_outcome)side, i, &p, &c), true);
      AGREE(p, price);
      AGREE(c, ought);
      AGREE(kl_book_ask_at(book, (kl_outcome)(1 - side), i, &p, &c), true);
      AGREE(p, KL_PRICE_ONE - price);
      AGREE(c, ought);
      i++;
    }
    AGREE(kl_book_bid_at(book, (kl_outcome)side, i, &p, &c), false);
    AGREE(kl_book_ask_at(book, (kl_outcome)(1 - side), i, &p, &c), false);
    AGREE(kl_book_depth(book, (kl_outcome)side, KL_PRICE_ONE), total);
    AGREE(kl_book_depth(book, (kl_outcome)side, 0), naive[side][naive_best[side]]);
    for (int buy = 0; buy < 2; buy++) {
      compare_sweep(side, buy, 0);
      compare_sweep(side, buy, 1);
      kl_count there = buy ? top(1 - side, SIZE_MAX) : total;
      compare_sweep(side, buy, there ? (kl_count)(below(1000000) % (uint64_t)there) : 7);
      compare_sweep(side, buy, there);
      compare_sweep(side, buy, there + 1);
    }
    compare_weights(side);
  }
}

/* ---- what is done to both ---- */

/* How the market behaves for a while. */
typedef enum { GROWS, BUSY, THIN, DENSE, EDGES, MANNERS } manner;

static int choose_price(int side, manner m) {
  int near = naive_best[side] - 8 + (int)below(12);
  switch (m) {
  case GROWS:
    return 1 + (int)below(LAST);
  case THIN:
    return below(3) ? naive_best[side] : 4990 + (int)below(20);
  case DENSE:
    return 4900 + (int)below(128);
  case EDGES:
    return below(2) ? 1 + (int)below(3) : LAST - (int)below(3);
  default:
    return below(5) ? near : 1 + (int)below(LAST);
  }
}

static kl_count choose_change(kl_count have, manner m) {
  switch (below(m == GROWS ? 12 : 5)) {
  case 0:
    return -have;
  case 1:
    return have ? -1 - (kl_count)(below(1u << 30) % (uint64_t)have) : (kl_count)below(3);
  case 2:
    return m == THIN ? -have : have / 2 - (kl_count)below(1000);
  case 3:
    return below(50) ? 1 + (kl_count)below(500) : MOST - have + (kl_count)below(2); /* to the bound, or over it */
  default:
    return 1 + (kl_count)below(50000);
  }
}

static bool fits(int64_t price, kl_count have, kl_count delta) {
  return price > 0 && price < KL_PRICE_ONE && have + delta >= 0 && have + delta <= MOST;
}

static unsigned desyncs, snapshots, refused, emptied;

static void apply_delta(manner m) {
  static const int64_t outside[] = {0, -1, KL_PRICE_ONE, KL_PRICE_ONE + 1, INT32_MAX, INT64_MIN};
  int side = (int)below(2);
  int64_t price = choose_price(side, m);
  if (price < 1 || price > LAST) price = 5000;
  kl_count have = naive[side][price], delta = choose_change(have, m);
  if (!below(500)) { /* what belongs to no book */
    price = outside[below(6)];
    have = 0;
  } else if (have && !below(500)) {
    delta = below(2) ? INT64_MAX : INT64_MIN;
  }
  note("delta", side, price, delta);
  bool good = delta <= MOST && delta >= -MOST && fits(price, have, delta);
  kl_book_result result = kl_book_apply(book, (kl_outcome)side, price, delta);
  AGREE(result, good ? KL_BOOK_OK : KL_BOOK_DESYNC);
  if (good) {
    slot_set(side, (int)price, have + delta);
    emptied += !naive_levels[side];
  } else {
    desyncs++;
  }
  compare_best();
  bool inside = price > 0 && price < KL_PRICE_ONE;
  for (int64_t p = inside ? price - 1 : 1; inside && p <= price + 1; p++)
    AGREE(kl_book_count_at(book, (kl_outcome)side, p), naive[side][p]);
  if (!good && !below(200)) compare_all(); /* unchanged, to the last level */
}

static void shuffle(kl_level *a, size_t n) {
  for (size_t i = n; i > 1; i--) {
    size_t j = below((uint32_t)i);
    kl_level t = a[i - 1];
    a[i - 1] = a[j];
    a[j] = t;
  }
}

/* The levels of the slots, ascending, descending or in no order. */
static size_t write_side(int side, kl_level *out) {
  size_t n = 0;
  for (int price = 1; price < KL_PRICE_ONE; price++)
    if (naive[side][price]) out[n++] = (kl_level){price, naive[side][price]};
  uint32_t order = below(3);
  if (order == 1) shuffle(out, n);
  for (size_t i = 0; order == 2 && i < n / 2; i++) {
    kl_level t = out[i];
    out[i] = out[n - 1 - i];
    out[n - 1 - i] = t;
  }
  return n;
}

/* A new state of the market: the old one, one with other levels, an empty side, all levels there can be. */
static void change_slots(int side) {
  uint32_t kind = below(8);
  if (kind < 3) return;
  memset(naive[side], 0, sizeof naive[side]);
  naive_levels[side] = 0;
  naive_best[side] = 0;
  uint32_t levels = kind == 3 ? 0 : kind == 4 ? 1 : kind == 5 ? LAST : below(300);
  for (uint32_t i = 0; i < levels; i++)
    slot_set(side, levels == LAST ? (int)i + 1 : 1 + (int)below(LAST), 1 + (kl_count)below(1000000));
  if (below(2)) slot_set(side, 1, 1 + (kl_count)below(100));
  if (below(2)) slot_set(side, LAST, MOST);
}

static void take_snapshot(void) {
  static kl_level levels[2][KL_PRICE_ONE];
  change_slots(0);
  change_slots(1);
  size_t n[2] = {write_side(0, levels[0]), write_side(1, levels[1])};
  note("snapshot", 0, (int64_t)n[0], (int64_t)n[1]);
  int side = (int)below(2);
  if (n[side] && n[side] < LAST && !below(4)) { /* one that is none: the book is empty then */
    kl_level *bad = &levels[side][below((uint32_t)n[side])];
    switch (below(4)) {
    case 0:
      levels[side][n[side]++] = *bad;
      break;
    case 1:
      bad->count = -(kl_count)below(2);
      break;
    case 2:
      bad->count = MOST + 1;
      break;
    default:
      bad->price = below(2) ? 0 : KL_PRICE_ONE;
    }
    AGREE(kl_book_snapshot(book, levels[0], n[0], levels[1], n[1]), false);
    slots_clear();
    refused++;
  } else {
    AGREE(kl_book_snapshot(book, levels[0], n[0], levels[1], n[1]), true);
    snapshots++;
  }
  compare_all();
}

static void agrees_with_a_slot_for_every_price(void **state) {
  (void)state;
  const char *given = getenv("KALUA_TEST_SEED");
  seed = given ? strtoull(given, NULL, 10) : 20260915;
  random_state = seed ? seed : 1;
  book = kl_book_new();
  assert_non_null(book);
  slots_clear();
  manner m = GROWS;
  size_t most_levels = 0;
  for (step = 0; step < STEPS; step++) {
    if (step % 5000 == 0) m = (manner)below(MANNERS);
    if (!below(SNAPSHOT_EVERY)) {
      take_snapshot();
    } else if (!below(20 * SNAPSHOT_EVERY)) {
      note("clear", 0, 0, 0);
      kl_book_clear(book);
      slots_clear();
      compare_all();
    } else {
      apply_delta(m);
    }
    if (step % FULL_COMPARE_EVERY == 0) compare_all();
    if (naive_levels[0] > most_levels) most_levels = naive_levels[0];
  }
  kl_book_free(book);
  /* That the run went where books break. */
  assert_true(desyncs > 10000);
  assert_true(snapshots > 100 && refused > 10);
  assert_true(emptied > 1000);
  assert_true(most_levels == LAST);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_a_slot_for_every_price)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
