/* Positions, average cost, profit and fees from fills and settlements: by hand, and on the exchange's own engine with
 * random trading, where a portfolio that heard of a user's fills only has the same numbers as the exchange. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "exchange/exchange.h"
#include "trading/portfolio.h"

#define CONTRACTS(n) ((kl_count)(n)*KL_COUNT_ONE)
#define CENTS(n) ((kl_money)(n)*10000)

static kl_portfolio *p;
static int64_t now_ms;

static int begin(void **state) {
  (void)state;
  now_ms = 1000;
  p = kl_portfolio_new();
  return p ? 0 : -1;
}

static int end(void **state) {
  (void)state;
  kl_portfolio_free(p);
  return 0;
}

static void fill(const char *ticker, kl_side side, int price_cents, int contracts, kl_money fee) {
  assert_true(
      kl_portfolio_fill(p, ticker, 0, side, price_cents * INT64_C(100), CONTRACTS(contracts), fee, now_ms += 10));
}

static const kl_holding *of(const char *ticker) { return kl_portfolio_get(p, ticker, 0); }

static kl_portfolio_totals totals(void) {
  kl_portfolio_totals t;
  kl_portfolio_totals_get(p, &t);
  return t;
}

static void expect(const char *ticker, int contracts, int cost_cents, int realized_cents, int fees_cents) {
  const kl_holding *h = of(ticker);
  assert_non_null(h);
  assert_int_equal(h->position, CONTRACTS(contracts));
  assert_int_equal(h->cost, CENTS(cost_cents));
  assert_int_equal(h->realized, CENTS(realized_cents));
  assert_int_equal(h->fees, CENTS(fees_cents));
}

static void test_opened_added_to_closed_in_part_and_flipped(void **state) {
  (void)state;
  fill("A", KL_BID, 40, 10, CENTS(5));
  expect("A", 10, 400, 0, 5);
  fill("A", KL_BID, 50, 10, CENTS(5));
  expect("A", 20, 900, 0, 10);
  assert_int_equal(kl_holding_average(of("A")), 450000);
  fill("A", KL_ASK, 60, 5, CENTS(2));
  expect("A", 15, 675, 75, 12);
  fill("A", KL_ASK, 30, 25, CENTS(3));
  expect("A", -10, 700, -150, 15); /* ten NO at 70 cents */
  assert_int_equal(kl_holding_average(of("A")), 300000);
  fill("A", KL_BID, 20, 10, 0);
  expect("A", 0, 0, -50, 15);
  assert_int_equal(kl_holding_average(of("A")), -1);
  assert_int_equal(of("A")->bought, CONTRACTS(30));
  assert_int_equal(of("A")->sold, CONTRACTS(30));
  kl_portfolio_totals t = totals();
  assert_int_equal(t.realized, -CENTS(50));
  assert_int_equal(t.profit, -CENTS(65));
  assert_int_equal(t.traded, CONTRACTS(60));
  assert_int_equal(t.fills, 5);
  assert_int_equal(t.open + (size_t)t.contracts, 0);
}

static void test_settled_at_yes_no_and_a_scalar(void **state) {
  (void)state;
  fill("Y", KL_BID, 40, 10, CENTS(5));
  fill("N", KL_ASK, 40, 10, CENTS(5));
  fill("S", KL_ASK, 40, 1, 0);
  kl_portfolio_settle(p, "Y", KL_PRICE_ONE, 5000);
  expect("Y", 0, 0, 600, 5);
  assert_true(of("Y")->settled && of("Y")->settlement == KL_PRICE_ONE && of("Y")->updated_ms == 5000);
  kl_portfolio_settle(p, "N", KL_PRICE_ONE, 5000);
  expect("N", 0, 0, -600, 5);
  kl_portfolio_settle(p, "S", 3333, 5000); /* 66.67 cents are paid as 66 */
  assert_int_equal(of("S")->realized, CENTS(6) + 6700);
  assert_int_equal(of("S")->fees, 6700);
  kl_portfolio_settle(p, "S", 3333, 6000);
  kl_portfolio_settle(p, "unknown", 3333, 6000);
  assert_int_equal(of("S")->fees, 6700);
  assert_int_equal(totals().open, 0);
  kl_portfolio_mark(p, "S", 10);
  assert_int_equal(totals().unrealized, 0);
}

/* Whatever the order in which fills are told, the average is that of the order in which they happened. */
static void test_fills_that_are_told_late(void **state) {
  (void)state;
  assert_true(kl_portfolio_fill(p, "A", 0, KL_BID, 4000, CONTRACTS(10), 0, 1000));
  assert_true(kl_portfolio_fill(p, "A", 0, KL_ASK, 6000, CONTRACTS(10), 0, 3000));
  expect("A", 0, 0, 200, 0);
  assert_true(kl_portfolio_fill(p, "A", 0, KL_BID, 5000, CONTRACTS(10), CENTS(1), 2000));
  expect("A", 10, 450, 150, 1);
  kl_portfolio_settle(p, "A", 0, 9000);
  expect("A", 0, 0, -300, 1);
  assert_true(kl_portfolio_fill(p, "A", 0, KL_BID, 1000, CONTRACTS(10), CENTS(1), 8000));
  expect("A", 0, 0, -400, 2);
  assert_int_equal(totals().realized, -CENTS(400));
}

static void test_marks_and_drawdown(void **state) {
  (void)state;
  fill("A", KL_BID, 40, 10, CENTS(10));
  fill("B", KL_ASK, 40, 10, 0);
  assert_int_equal(totals().unrealized, 0);
  assert_int_equal(totals().cost, CENTS(1000));
  kl_portfolio_mark(p, "A", 5000);
  assert_int_equal(kl_holding_unrealized(of("A")), CENTS(100));
  kl_portfolio_mark(p, "B", 3000);
  assert_int_equal(kl_holding_unrealized(of("B")), CENTS(100));
  kl_portfolio_totals t = totals();
  assert_int_equal(t.profit, CENTS(190));
  assert_int_equal(t.peak, CENTS(190));
  kl_portfolio_mark(p, "A", 1000);
  t = totals();
  assert_int_equal(t.profit, -CENTS(210));
  assert_int_equal(t.drawdown, CENTS(400));
  kl_portfolio_mark(p, "A", 3000);
  t = totals();
  assert_int_equal(t.drawdown, CENTS(200));
  assert_int_equal(t.max_drawdown, CENTS(400));
  kl_portfolio_restart(p);
  assert_int_equal(totals().max_drawdown, 0);
  assert_int_equal(totals().peak, totals().profit);
  kl_portfolio_mark(p, "A", -1); /* not known any more: its cost */
  assert_int_equal(totals().unrealized, CENTS(100));
}

static void test_what_the_exchange_says_counts(void **state) {
  (void)state;
  fill("A", KL_BID, 40, 10, 0);
  kl_portfolio_mark(p, "A", 5000);
  kl_holding h = {.ticker = "A", .position = CONTRACTS(-3), .cost = CENTS(150), .realized = CENTS(7), .mark = -1};
  assert_true(kl_portfolio_set(p, &h));
  expect("A", -3, 150, 7, 0);
  assert_int_equal(of("A")->bought, CONTRACTS(10));
  assert_int_equal(of("A")->mark, 5000);
  /* An older fill is not put before what it said. */
  assert_true(kl_portfolio_fill(p, "A", 0, KL_ASK, 5000, CONTRACTS(1), 0, 1));
  expect("A", -4, 200, 7, 0);
  h.subaccount = 2;
  assert_true(kl_portfolio_set(p, &h));
  kl_money cost;
  assert_int_equal(kl_portfolio_position(p, "A", &cost), CONTRACTS(-7));
  assert_int_equal(cost, CENTS(350));
  assert_int_equal(kl_portfolio_position(p, "B", NULL), 0);
  assert_int_equal(totals().open, 2);
  const kl_holding *first = kl_portfolio_next(p, NULL), *second = kl_portfolio_next(p, first);
  assert_true(first->subaccount == 0 && second->subaccount == 2 && !kl_portfolio_next(p, second));
}

static void test_old_settled_ones_stay_in_the_totals(void **state) {
  (void)state;
  char ticker[32];
  enum { MANY = KL_HOLDINGS_SETTLED + 50 };
  for (int i = 0; i < MANY; i++) {
    (void)snprintf(ticker, sizeof ticker, "T%d", i);
    fill(ticker, KL_BID, 40, 1, CENTS(1));
    kl_portfolio_settle(p, ticker, KL_PRICE_ONE, now_ms);
  }
  assert_null(of("T0"));
  assert_non_null(of("T50"));
  assert_int_equal(totals().realized, MANY * CENTS(60));
  assert_int_equal(totals().fees, MANY * CENTS(1));
}

static void test_sums_end_at_the_bound(void **state) {
  (void)state;
  for (int i = 0; i < 40; i++)
    assert_true(kl_portfolio_fill(p, "A", 0, KL_BID, 9999, INT64_MAX / 30000, INT64_MAX / 30, i));
  kl_portfolio_mark(p, "A", 1);
  assert_int_equal(of("A")->fees, INT64_MAX);
  assert_true(of("A")->cost > INT64_MAX / 2);
  assert_true(totals().profit < 0);
}

/* ---- random trading ---- */

enum { USERS = 4, SUBACCOUNTS = 2, MARKETS = 5, LATE = 12, PAID = 16 };

static uint64_t random_state;

static uint64_t random_next(void) {
  uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}
static int64_t below(int64_t n) { return (int64_t)(random_next() % (uint64_t)n); }

typedef struct told {
  char ticker[64];
  int subaccount;
  kl_side side;
  kl_price price;
  kl_count count;
  kl_money fee;
  int64_t ts_ms;
} told;

static struct {
  kl_exchange *x;
  kl_market *markets[MARKETS];
  kl_portfolio *of[USERS];
  told late[USERS][LATE * 8]; /* fills that are told later, in any order */
  int n_late[USERS];
  const kl_market *paid[PAID]; /* the last of them: a fill there may be told after the payout */
  bool shuffles;
  int made;
  int64_t now_us;
  uint64_t fills, settled, scalars, flips;
} r;

static void tell(uint32_t user, const told *t) {
  assert_true(kl_portfolio_fill(r.of[user], t->ticker, t->subaccount, t->side, t->price, t->count, t->fee, t->ts_ms));
}

static void tell_late(uint32_t user) {
  while (r.n_late[user] > 0) {
    /* Of those of the same moment the one that was first. */
    int i = (int)below(r.n_late[user]);
    for (int k = 0; k < i; k++)
      if (r.late[user][k].ts_ms == r.late[user][i].ts_ms) i = k;
    told t = r.late[user][i];
    memmove(&r.late[user][i], &r.late[user][i + 1], (size_t)(r.n_late[user] - i - 1) * sizeof t);
    r.n_late[user]--;
    tell(user, &t);
  }
}

static void on_fill(void *data, const kl_fill *f) {
  (void)data;
  told t = {.subaccount = f->subaccount,
            .side = f->side,
            .price = f->yes_price,
            .count = f->count,
            .fee = f->fee,
            .ts_ms = f->ts_us / 1000};
  (void)snprintf(t.ticker, sizeof t.ticker, "%s", f->market->ticker);
  r.fills++;
  if (r.shuffles && r.n_late[f->user] < (int)(sizeof r.late[0] / sizeof *r.late[0]))
    r.late[f->user][r.n_late[f->user]++] = t;
  else
    tell(f->user, &t);
}

static void pay_out(const kl_market *m) {
  for (uint32_t u = 0; u < USERS; u++)
    kl_portfolio_settle(r.of[u], m->ticker, m->settlement, m->settled_us / 1000);
}

static void on_market(void *data, const kl_market *m, const char *event_type) {
  (void)data;
  if (strcmp(event_type, "settled") != 0) return;
  r.paid[r.settled % PAID] = m;
  r.settled++;
  r.scalars += m->settlement > 0 && m->settlement < KL_PRICE_ONE;
  pay_out(m);
}

static void add_market(int i) {
  static const kl_fee_type fees[] = {KL_FEE_QUADRATIC, KL_FEE_QUADRATIC_MAKER, KL_FEE_FLAT};
  static const char *const grids[] = {"linear_cent", "deci_cent"};
  kl_series s = {.fee_type = fees[below(3)], .fee_multiplier_ppm = 1000000, .exchange_index = r.made % 4};
  kl_market_event e = {.mutually_exclusive = false};
  if (s.fee_type == KL_FEE_FLAT) s.fee_multiplier_ppm = 20000;
  (void)snprintf(s.ticker, sizeof s.ticker, "S%d", r.made);
  (void)snprintf(e.ticker, sizeof e.ticker, "S%d-E", r.made);
  e.series = kl_exchange_add_series(r.x, &s);
  kl_market m = {.event = kl_exchange_add_event(r.x, &e), .created_us = r.now_us};
  assert_non_null(m.event);
  (void)snprintf(m.ticker, sizeof m.ticker, "S%d-E-1", r.made++);
  assert_true(kl_price_structure(grids[below(2)], &m));
  r.markets[i] = kl_exchange_add_market(r.x, &m);
  assert_non_null(r.markets[i]);
}

static void trade(void) {
  const kl_market *m = r.markets[below(MARKETS)];
  kl_order_request q = {.user = (uint32_t)below(USERS),
                        .subaccount = (int)below(SUBACCOUNTS),
                        .ticker = m->ticker,
                        .side = (kl_side)below(2),
                        .price = kl_price_snap(m, 3500 + below(3000)),
                        .count = below(3) ? 100 * (1 + below(20)) : 1 + below(700),
                        .tif = below(2) ? KL_TIF_GTC : KL_TIF_IOC,
                        .stp = below(2) ? KL_STP_MAKER : KL_STP_TAKER_AT_CROSS};
  (void)kl_exchange_create(r.x, r.now_us, &q, NULL);
}

static void settle(void) {
  int i = (int)below(MARKETS);
  kl_price at = below(3) ? KL_PRICE_ONE * below(2) : below(KL_PRICE_ONE);
  assert_int_equal(kl_exchange_settle(r.x, r.now_us, r.markets[i], at), KL_X_OK);
  add_market(i);
}

static void compare(uint32_t user, int subaccount) {
  const kl_position *x;
  for (size_t i = 0; (x = kl_exchange_position_at(r.x, user, subaccount, i)); i++) {
    const kl_holding *h = kl_portfolio_get(r.of[user], x->market->ticker, subaccount);
    if (!h) {
      assert_int_equal(x->volume, 0);
      continue;
    }
    assert_int_equal(h->position, x->position);
    assert_int_equal(h->cost, x->cost);
    assert_int_equal(h->realized, x->realized);
    assert_int_equal(h->fees, x->fees);
    assert_int_equal(h->bought + h->sold, x->volume);
    if (x->position) assert_false(h->settled);
  }
}

/* The sums that are kept are those of the holdings. */
static void check_totals(const kl_portfolio *portfolio) {
  kl_portfolio_totals t, s = {0};
  kl_portfolio_totals_get(portfolio, &t);
  for (const kl_holding *h = NULL; (h = kl_portfolio_next(portfolio, h));) {
    s.realized += h->realized;
    s.fees += h->fees;
    s.cost += h->cost;
    s.traded += h->bought + h->sold;
    s.contracts += h->position < 0 ? -h->position : h->position;
    s.open += h->position != 0;
  }
  assert_int_equal(t.realized, s.realized);
  assert_int_equal(t.fees, s.fees);
  assert_int_equal(t.cost, s.cost);
  assert_int_equal(t.traded, s.traded);
  assert_int_equal(t.contracts, s.contracts);
  assert_int_equal(t.open, s.open);
}

static void random_trading(uint64_t seed, int steps, bool shuffles) {
  memset(&r, 0, sizeof r);
  random_state = seed;
  r.shuffles = shuffles;
  r.now_us = INT64_C(1790000000000000);
  kl_exchange_options o = {
      .seed = seed, .balance_precision = seed % 2 ? 100 : 10000, .sink = {.fill = on_fill, .market = on_market}};
  r.x = kl_exchange_new(&o);
  assert_non_null(r.x);
  for (uint32_t u = 0; u < USERS; u++) {
    r.of[u] = kl_portfolio_new();
    assert_non_null(r.of[u]);
    assert_int_equal(kl_exchange_add_user(r.x, INT64_C(20000) * KL_MONEY_ONE), u);
    for (int shard = 0; shard < KL_EXCHANGE_SHARDS; shard++) {
      assert_int_equal(kl_exchange_open_subaccount(r.x, u, 1, shard), KL_X_OK);
      assert_int_equal(kl_exchange_transfer(r.x, u, shard, 0, 1, INT64_C(8000) * KL_MONEY_ONE), KL_X_OK);
    }
  }
  for (int i = 0; i < MARKETS; i++)
    add_market(i);
  for (int step = 1; step <= steps; step++) {
    r.now_us += 1000 * below(3);
    if (below(400))
      trade();
    else
      settle();
    if (shuffles && step % LATE) continue;
    for (uint32_t u = 0; u < USERS; u++)
      tell_late(u);
    for (int i = 0; shuffles && i < PAID; i++)
      if (r.paid[i]) pay_out(r.paid[i]);
    for (uint32_t u = 0; u < USERS; u++) {
      if (step % 200 && below(4)) continue;
      for (int s = 0; s < SUBACCOUNTS; s++)
        compare(u, s);
    }
    if (step % 500 == 0) check_totals(r.of[below(USERS)]);
  }
  for (uint32_t u = 0; u < USERS; u++)
    kl_portfolio_free(r.of[u]);
  kl_exchange_free(r.x);
  assert_true(r.fills > (uint64_t)steps / 4 && r.settled > 2 && r.scalars > 0);
}

static int steps(void) {
  const char *n = getenv("PORTFOLIO_STEPS");
  return n ? atoi(n) : 6000;
}

static void test_random_trading_is_as_the_exchange_counts(void **state) {
  (void)state;
  random_trading(1, steps(), false);
  random_trading(2, steps(), false);
}

static void test_random_trading_told_in_any_order(void **state) {
  (void)state;
  random_trading(3, steps(), true);
}

#define PORTFOLIO_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      PORTFOLIO_TEST(test_opened_added_to_closed_in_part_and_flipped),
      PORTFOLIO_TEST(test_settled_at_yes_no_and_a_scalar),
      PORTFOLIO_TEST(test_fills_that_are_told_late),
      PORTFOLIO_TEST(test_marks_and_drawdown),
      PORTFOLIO_TEST(test_what_the_exchange_says_counts),
      PORTFOLIO_TEST(test_old_settled_ones_stay_in_the_totals),
      PORTFOLIO_TEST(test_sums_end_at_the_bound),
      cmocka_unit_test(test_random_trading_is_as_the_exchange_counts),
      cmocka_unit_test(test_random_trading_told_in_any_order),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
