#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "trading/risk.h"

static const int64_t second = 1000000000;
enum { CONTRACT = KL_COUNT_ONE, DOLLAR = KL_MONEY_ONE, MAKER = 1, TAKER = 2 };

static kl_risk *r;
static uint32_t kxa, kxb, kxc;
static kl_error e;
static kl_risk_slot slots[400];
static int64_t now;

static int set_up(void **state) {
  (void)state;
  memset(slots, 0, sizeof slots);
  now = 1000 * second;
  r = kl_risk_new();
  assert_int_equal(kl_risk_add_party(r, "maker"), MAKER);
  assert_int_equal(kl_risk_add_party(r, "taker"), TAKER);
  kxa = kl_risk_market(r, "KXE-A");
  kxb = kl_risk_market(r, "KXE-B");
  kxc = kl_risk_market(r, "KXE-C");
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  kl_risk_free(r);
  return 0;
}

static void limit(uint32_t party, const char *text) {
  kl_limit_values v = {0};
  assert_true(kl_limits_parse(text, &v, &e));
  kl_risk_configure(r, party, &v);
}

static void one_event(bool exclusive) {
  assert_true(kl_risk_market_event(r, kxa, "KXE", exclusive));
  assert_true(kl_risk_market_event(r, kxb, "KXE", exclusive));
  assert_true(kl_risk_market_event(r, kxc, "KXE", exclusive));
}

/* In contracts and cents. */
static bool order(int slot, uint32_t party, uint32_t market, kl_side side, int cents, int contracts) {
  memset(&e, 0, sizeof e);
  return kl_risk_admit(r, party, market, side, cents * 100, contracts * CONTRACT, NULL, now, &slots[slot], &e);
}
static bool viewed(int slot, kl_side side, int cents, const kl_risk_view *v) {
  memset(&e, 0, sizeof e);
  return kl_risk_admit(r, MAKER, kxa, side, cents * 100, CONTRACT, v, now, &slots[slot], &e);
}
static bool change(int slot, int cents, int contracts) {
  memset(&e, 0, sizeof e);
  return kl_risk_admit_change(r, &slots[slot], cents * 100, contracts * CONTRACT, NULL, now, &e);
}
static void fill(int slot, int cents, int contracts) {
  kl_risk_fill(r, &slots[slot], cents * 100, contracts * CONTRACT, 0);
}
static void refused(const char *name, const char *message) {
  assert_string_equal(e.kind, KL_ERR_RISK);
  assert_string_equal(e.code, name);
  assert_string_equal(e.message, message);
}
static kl_money exposure(uint32_t party) {
  kl_risk_state s;
  kl_risk_state_get(r, party, &s);
  return s.exposure;
}

/* ---- names and numbers ---- */

static void limits_are_read_with_their_units(void **state) {
  (void)state;
  kl_limit_values v = {0};
  assert_true(
      kl_limits_parse("max_position=100, max_order_cost = 12.5 ,self_cross=false,max_market_share=7.5", &v, &e));
  assert_int_equal(v.value[KL_LIMIT_POSITION], 100 * CONTRACT);
  assert_int_equal(v.value[KL_LIMIT_ORDER_COST], 12500000);
  assert_int_equal(v.value[KL_LIMIT_SELF_CROSS], 0);
  assert_int_equal(v.value[KL_LIMIT_MARKET_SHARE], 75000);
  assert_true(kl_limits_parse("max_position=50", &v, &e)); /* the later counts */
  assert_int_equal(v.value[KL_LIMIT_POSITION], 50 * CONTRACT);
  assert_int_equal(v.value[KL_LIMIT_ORDER_COST], 12500000);
}

static void a_wrong_limit_is_told_what_to_write(void **state) {
  (void)state;
  static const struct {
    const char *text, *says;
  } cases[] = {
      {"max_positon=100", "no limit is called \"max_positon\"; did you mean max_position?"},
      {"max_position", "a limit is NAME=VALUE, as in max_position=100, and \"max_position\" is none"},
      {"max_open_orders=1.5",
       "max_open_orders is to be a whole number from 0, and \"1.5\" was given (orders that rest or are on their way)"},
      {"max_position=-1", "max_position is to be a number of contracts from 0 with at most 2 decimals, and \"-1\" was "
                          "given (contracts held in one market, either way, with all that may still fill)"},
      {"self_cross=maybe", "self_cross is to be true or false, and \"maybe\" was given"},
      {"max_position=10,", "a limit is NAME=VALUE, as in max_position=100, and \"\" is none"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    kl_limit_values v = {0};
    assert_false(kl_limits_parse(cases[i].text, &v, &e));
    assert_string_equal(e.kind, KL_ERR_CONFIG);
    assert_string_equal(e.message, cases[i].says);
    assert_int_equal(v.set, 0);
  }
  kl_limit_values v = {0};
  assert_false(kl_limits_parse("zzz=1", &v, &e));
  assert_non_null(strstr(e.message, "there are max_order_count, max_order_cost"));
}

static void a_script_may_tighten_and_never_widen(void **state) {
  (void)state;
  limit(MAKER, "max_position=100,min_balance=50,self_cross=false");
  kl_limit_values wish = {0}, got;
  assert_true(kl_limits_parse("max_position=60,min_balance=80,max_order_count=5", &wish, &e));
  assert_true(kl_risk_tighten(r, MAKER, &wish, &e));
  kl_risk_effective(r, MAKER, &got);
  assert_int_equal(got.value[KL_LIMIT_POSITION], 60 * CONTRACT);
  assert_int_equal(got.value[KL_LIMIT_MIN_BALANCE], 80 * DOLLAR);
  assert_int_equal(got.value[KL_LIMIT_ORDER_COUNT], 5 * CONTRACT);
  static const char *const wider[] = {"max_position=60.01", "min_balance=79.99", "self_cross=true",
                                      "max_order_count=4,max_position=1000"};
  for (size_t i = 0; i < sizeof wider / sizeof *wider; i++) {
    kl_limit_values w = {0};
    assert_true(kl_limits_parse(wider[i], &w, &e));
    assert_false(kl_risk_tighten(r, MAKER, &w, &e));
    assert_string_equal(e.kind, KL_ERR_VALIDATION);
    kl_risk_effective(r, MAKER, &got);
    assert_int_equal(got.value[KL_LIMIT_ORDER_COUNT], 5 * CONTRACT); /* nothing of it was taken over */
  }
  assert_string_equal(e.message, "max_position cannot be made 1000 contracts: it is 60 contracts, as this version "
                                 "asked before, and a script may only make it tighter");
  /* Another version has its own wishes, within what is configured. */
  kl_risk_set_wish(r, MAKER, &(kl_limit_values){0});
  kl_risk_effective(r, MAKER, &got);
  assert_int_equal(got.value[KL_LIMIT_POSITION], 100 * CONTRACT);
  assert_false(got.set >> KL_LIMIT_ORDER_COUNT & 1);
}

/* ---- each limit at its edge ---- */

static void the_largest_order(void **state) {
  (void)state;
  limit(MAKER, "max_order_count=10");
  assert_true(order(0, MAKER, kxa, KL_BID, 50, 10));
  assert_false(kl_risk_admit(r, MAKER, kxa, KL_BID, 5000, 10 * CONTRACT + 1, NULL, now, &slots[1], &e));
  refused("max_order_count", "maker: an order for 10.01 contracts in KXE-A is too large, and max_order_count is 10");
  assert_false(slots[1].open);
  assert_true(order(1, TAKER, kxa, KL_BID, 50, 1000)); /* another one's limit */
}

static void the_dearest_order(void **state) {
  (void)state;
  limit(MAKER, "max_order_cost=6");
  assert_true(order(0, MAKER, kxa, KL_BID, 60, 10));
  assert_false(kl_risk_admit(r, MAKER, kxa, KL_BID, 6001, 10 * CONTRACT, NULL, now, &slots[1], &e));
  refused("max_order_cost", "maker: an order for 10 at 0.6001 in KXE-A costs 6.001 dollars, and max_order_cost is 6");
  assert_true(order(1, MAKER, kxa, KL_ASK, 40, 10)); /* 60 cents for each NO */
  assert_false(order(2, MAKER, kxa, KL_ASK, 39, 10));
  /* Contracts that close a position cost nothing. */
  kl_risk_release(r, &slots[1]);
  kl_risk_position(r, MAKER, kxa, 100 * CONTRACT, 50 * DOLLAR);
  assert_true(order(2, MAKER, kxa, KL_ASK, 1, 100));
  assert_false(order(3, MAKER, kxa, KL_ASK, 1, 7)); /* those do not: the first order closes all */
}

static void a_position_with_all_that_may_still_fill(void **state) {
  (void)state;
  limit(MAKER, "max_position=100");
  assert_true(order(0, MAKER, kxa, KL_BID, 50, 70));
  assert_true(order(1, MAKER, kxa, KL_BID, 50, 30));
  assert_false(kl_risk_admit(r, MAKER, kxa, KL_BID, 5000, 1, NULL, now, &slots[2], &e));
  refused("max_position",
          "maker: an order for 0.01 would make 100.01 contracts in KXE-A at worst, and max_position is 100");
  assert_true(order(2, MAKER, kxa, KL_ASK, 60, 100)); /* the other way */
  assert_false(order(3, MAKER, kxa, KL_ASK, 60, 1));
  fill(0, 50, 70); /* long 70: 30 more of either may come, and 170 may be sold */
  assert_false(order(3, MAKER, kxa, KL_BID, 50, 1));
  assert_true(order(3, MAKER, kxa, KL_ASK, 60, 70));
  assert_false(order(4, MAKER, kxa, KL_ASK, 60, 1));
  kl_risk_release(r, &slots[1]);
  assert_true(order(5, MAKER, kxa, KL_BID, 50, 30));
  assert_false(order(6, MAKER, kxa, KL_BID, 50, 1));
}

static void closing_is_never_refused(void **state) {
  (void)state;
  kl_risk_position(r, MAKER, kxa, 500 * CONTRACT, 200 * DOLLAR);
  limit(MAKER, "max_position=100,max_market_exposure=10,max_event_exposure=10,max_exposure=10,max_order_cost=10");
  assert_false(order(0, MAKER, kxa, KL_BID, 50, 1)); /* it is beyond all of them already */
  assert_true(order(0, MAKER, kxa, KL_ASK, 40, 500));
  assert_false(order(1, MAKER, kxa, KL_ASK, 40, 101));
  fill(0, 40, 500);
  assert_int_equal(exposure(MAKER), 0);
}

static void one_market(void **state) {
  (void)state;
  limit(MAKER, "max_market_exposure=50");
  assert_true(order(0, MAKER, kxa, KL_BID, 40, 100)); /* 40 when NO */
  assert_true(order(1, MAKER, kxa, KL_ASK, 60, 125)); /* 50 when YES: not at the same time */
  assert_false(kl_risk_admit(r, MAKER, kxa, KL_BID, 1000, 100 * CONTRACT + 1, NULL, now, &slots[2], &e));
  refused("max_market_exposure", "maker: an order for 100.01 at 0.1 would put 50.001 dollars at risk in KXE-A, and "
                                 "max_market_exposure is 50");
  assert_true(order(2, MAKER, kxa, KL_BID, 10, 100));
  assert_true(order(3, MAKER, kxb, KL_BID, 50, 100)); /* another market */
}

static void dearest_orders_are_taken_to_be_those_that_open(void **state) {
  (void)state;
  limit(MAKER, "max_market_exposure=20");
  kl_risk_position(r, MAKER, kxa, -100 * CONTRACT, 20 * DOLLAR);
  assert_true(order(0, MAKER, kxa, KL_BID, 10, 60));
  assert_true(order(1, MAKER, kxa, KL_BID, 80, 40)); /* 100 in all close, whatever comes first */
  assert_true(order(2, MAKER, kxa, KL_BID, 5, 25));  /* 25 of the 40 at 0.80 may now open: 20 dollars */
  assert_false(kl_risk_admit(r, MAKER, kxa, KL_BID, 500, 1, NULL, now, &slots[3], &e));
  refused("max_market_exposure",
          "maker: an order for 0.01 at 0.05 would put 20.008 dollars at risk in KXE-A, and max_market_exposure is 20");
  fill(0, 10, 60);
  fill(2, 5, 25);
  fill(1, 80, 40);
  assert_int_equal(exposure(MAKER), 20 * DOLLAR);
}

static void an_event_over_its_outcomes(void **state) {
  (void)state;
  one_event(true);
  limit(MAKER, "max_event_exposure=60");
  /* NO of all three at 60 cents: only one of them can settle at YES. */
  assert_true(order(0, MAKER, kxa, KL_ASK, 40, 100));
  assert_true(order(1, MAKER, kxb, KL_ASK, 40, 100));
  assert_true(order(2, MAKER, kxc, KL_ASK, 40, 100));
  assert_int_equal(exposure(MAKER), 60 * DOLLAR);
  assert_false(kl_risk_admit(r, MAKER, kxc, KL_ASK, 4000, 1, NULL, now, &slots[3], &e));
  refused(
      "max_event_exposure",
      "maker: an order for 0.01 at 0.4 in KXE-C would put 60.006 dollars at risk in KXE, and max_event_exposure is 60");
  fill(0, 40, 100);
  fill(1, 40, 100);
  /* 60 for C may be lost, and A and B then win 40 each: 100 more of C are covered by them. */
  assert_int_equal(exposure(MAKER), 20 * DOLLAR);
  fill(2, 40, 100);
  assert_int_equal(exposure(MAKER), 0); /* 180 paid, 200 come back at least */
  /* To close one of them opens the others to a loss, and that is no reduction. */
  limit(MAKER, "max_event_exposure=10");
  assert_true(order(3, MAKER, kxa, KL_BID, 30, 75));
  assert_int_equal(exposure(MAKER), 10 * DOLLAR);
  assert_false(order(4, MAKER, kxa, KL_BID, 30, 1));
}

static void yes_of_all_outcomes_may_lose_all(void **state) {
  (void)state;
  one_event(true);
  limit(MAKER, "max_event_exposure=90");
  assert_true(order(0, MAKER, kxa, KL_BID, 30, 100));
  assert_true(order(1, MAKER, kxb, KL_BID, 30, 100));
  assert_true(order(2, MAKER, kxc, KL_BID, 30, 100)); /* nobody says that one of them must be YES */
  assert_false(order(3, MAKER, kxc, KL_BID, 1, 1));
}

static void markets_of_other_events_add_up(void **state) {
  (void)state;
  one_event(false);
  limit(MAKER, "max_event_exposure=60");
  assert_true(order(0, MAKER, kxa, KL_ASK, 40, 50));
  assert_true(order(1, MAKER, kxb, KL_ASK, 40, 50));
  assert_false(order(2, MAKER, kxc, KL_ASK, 40, 1));
  assert_int_equal(kl_risk_event_exposure(r, MAKER, kxc), 60 * DOLLAR);
  one_event(true); /* it turns out that they exclude each other */
  assert_int_equal(kl_risk_event_exposure(r, MAKER, kxc), 30 * DOLLAR);
}

static void an_event_that_becomes_known_later(void **state) {
  (void)state;
  assert_true(order(0, MAKER, kxa, KL_ASK, 40, 50));
  assert_true(order(1, MAKER, kxb, KL_ASK, 40, 50));
  assert_int_equal(exposure(MAKER), 60 * DOLLAR);
  assert_int_equal(kl_risk_event_exposure(r, MAKER, kxa), 30 * DOLLAR);
  one_event(true);
  assert_int_equal(exposure(MAKER), 30 * DOLLAR);
  assert_int_equal(exposure(KL_RISK_ACCOUNT), 30 * DOLLAR);
}

static void everything(void **state) {
  (void)state;
  limit(KL_RISK_ACCOUNT, "max_exposure=100");
  assert_true(order(0, MAKER, kxa, KL_BID, 50, 100));
  assert_true(order(1, TAKER, kxb, KL_ASK, 50, 100));
  assert_false(order(2, MAKER, kxc, KL_BID, 1, 1));
  refused("max_exposure", "account: an order for 1 at 0.01 in KXE-C would put 100.01 dollars at risk in all, and "
                          "max_exposure is 100");
  kl_risk_release(r, &slots[1]);
  assert_true(order(2, TAKER, kxc, KL_BID, 50, 100));
}

static void the_share_of_one_market(void **state) {
  (void)state;
  limit(MAKER, "max_market_share=10");
  assert_false(order(0, MAKER, kxa, KL_BID, 50, 1));
  refused("max_market_share", "maker: the account's equity is not known yet, and max_market_share is 10 percent");
  kl_risk_money(r, 400 * DOLLAR, 100 * DOLLAR, now);
  assert_true(order(0, MAKER, kxa, KL_BID, 50, 100));
  assert_false(order(1, MAKER, kxa, KL_BID, 1, 1));
  refused("max_market_share",
          "maker: an order for 1 would put 50.01 dollars at risk in KXE-A, of an equity of 500, and "
          "max_market_share is 10 percent");
}

static void orders_at_a_time(void **state) {
  (void)state;
  limit(KL_RISK_ACCOUNT, "max_open_orders=2");
  assert_true(order(0, MAKER, kxa, KL_BID, 50, 1));
  assert_true(order(1, TAKER, kxa, KL_BID, 50, 1));
  assert_false(order(2, MAKER, kxa, KL_BID, 50, 1));
  refused("max_open_orders", "account: 2 orders rest or are on their way, and max_open_orders is 2");
  fill(1, 50, 1);
  assert_false(order(2, MAKER, kxa, KL_BID, 50, 1)); /* it has not ended by anybody's word */
  kl_risk_release(r, &slots[1]);
  kl_risk_release(r, &slots[1]);
  assert_true(order(2, MAKER, kxa, KL_BID, 50, 1));
}

static void orders_within_a_second(void **state) {
  (void)state;
  limit(MAKER, "max_orders_per_second=3");
  assert_true(order(0, MAKER, kxa, KL_BID, 50, 1));
  now += second / 2;
  assert_true(order(1, MAKER, kxa, KL_BID, 50, 1));
  assert_true(change(1, 49, 1)); /* a change is one, too */
  assert_false(order(2, MAKER, kxa, KL_BID, 50, 1));
  refused("max_orders_per_second",
          "maker: 3 orders and changes within the last second, and max_orders_per_second is 3");
  assert_true(e.retryable);
  now += second / 2;
  assert_false(order(2, MAKER, kxa, KL_BID, 50, 1)); /* to the instant: within a second */
  now += second / 100;
  assert_true(order(2, MAKER, kxa, KL_BID, 50, 1));
  assert_false(order(3, MAKER, kxa, KL_BID, 50, 1));
  now += 100 * second;
  for (int i = 3; i < 6; i++)
    assert_true(order(i, MAKER, kxa, KL_BID, 50, 1));
  assert_false(order(6, MAKER, kxa, KL_BID, 50, 1));
}

static void contracts_within_a_second(void **state) {
  (void)state;
  limit(MAKER, "max_contracts_per_second=10");
  assert_true(order(0, MAKER, kxa, KL_BID, 50, 6));
  assert_true(order(1, MAKER, kxa, KL_BID, 50, 4));
  assert_false(kl_risk_admit(r, MAKER, kxa, KL_BID, 5000, 1, NULL, now, &slots[2], &e));
  refused("max_contracts_per_second",
          "maker: an order for 0.01 would make 10.01 contracts within a second, and max_contracts_per_second is 10");
  assert_false(change(0, 50, 7));
  assert_true(change(0, 55, 6)); /* no more contracts */
  now += second + second / 100;
  assert_true(change(0, 55, 16));
  assert_false(change(0, 55, 17));
}

static void the_loss_of_a_day(void **state) {
  (void)state;
  limit(MAKER, "max_daily_loss=50");
  assert_false(kl_risk_profit(r, MAKER, 20000, -50 * DOLLAR));
  assert_true(order(0, MAKER, kxa, KL_BID, 50, 1));
  assert_true(kl_risk_profit(r, MAKER, 20000, -50 * DOLLAR - 1));
  assert_false(kl_risk_profit(r, MAKER, 20000, -60 * DOLLAR)); /* told once */
  assert_false(order(1, MAKER, kxa, KL_BID, 50, 1));
  refused("max_daily_loss", "maker: 60 dollars were lost today, and max_daily_loss is 50");
  kl_risk_forgive(r, MAKER, 20000, -60 * DOLLAR); /* a person says so */
  assert_true(order(1, MAKER, kxa, KL_BID, 50, 1));
  assert_false(kl_risk_profit(r, MAKER, 20000, -110 * DOLLAR));
  assert_true(kl_risk_profit(r, MAKER, 20000, -110 * DOLLAR - 1));
  assert_false(order(2, MAKER, kxa, KL_BID, 50, 1));
  assert_false(kl_risk_profit(r, MAKER, 20001, 0)); /* the next day */
  assert_true(order(2, MAKER, kxa, KL_BID, 50, 1));
  assert_false(kl_risk_profit(r, MAKER, 20000, -500 * DOLLAR)); /* of the past */
  assert_true(order(3, MAKER, kxa, KL_BID, 50, 1));
}

static void the_trades_of_a_day(void **state) {
  (void)state;
  limit(MAKER, "max_daily_trades=3");
  kl_risk_trades(r, MAKER, 20000, 1);
  assert_true(order(0, MAKER, kxa, KL_BID, 50, 2));
  assert_true(order(1, MAKER, kxa, KL_BID, 50, 2));
  assert_false(order(2, MAKER, kxa, KL_BID, 50, 2)); /* both may still fill */
  refused("max_daily_trades", "maker: 3 orders of today filled or may still fill, and max_daily_trades is 3");
  kl_risk_release(r, &slots[0]); /* never filled */
  assert_true(order(2, MAKER, kxa, KL_BID, 50, 2));
  fill(1, 50, 1);
  fill(1, 50, 1); /* one trade */
  kl_risk_release(r, &slots[1]);
  assert_false(order(3, MAKER, kxa, KL_BID, 50, 2));
  fill(2, 50, 1);
  kl_risk_profit(r, MAKER, 20001, 0); /* midnight: one order rests, and may fill again */
  assert_true(order(3, MAKER, kxa, KL_BID, 50, 2));
  assert_true(order(4, MAKER, kxa, KL_BID, 50, 2));
  assert_false(order(5, MAKER, kxa, KL_BID, 50, 2));
  fill(2, 50, 1);
  kl_risk_release(r, &slots[2]);
  assert_false(order(5, MAKER, kxa, KL_BID, 50, 2)); /* that was a trade of this day as well */
}

static void what_is_to_be_left_of_the_balance(void **state) {
  (void)state;
  limit(MAKER, "min_balance=50");
  assert_false(order(0, MAKER, kxa, KL_BID, 50, 1));
  refused("min_balance", "maker: the balance is not known yet, and min_balance is 50");
  kl_risk_money(r, 100 * DOLLAR, 0, now);
  /* 80 at 0.60 are 48, the taker's fee 1.344, and a cent for rounding. */
  assert_true(order(0, MAKER, kxa, KL_BID, 60, 80));
  assert_false(order(1, MAKER, kxa, KL_BID, 60, 2));
  refused("min_balance",
          "maker: an order for 2 at 0.6 in KXE-A would leave 49.4024 dollars of the balance, and min_balance is 50");
  kl_risk_release(r, &slots[0]);
  assert_true(order(0, MAKER, kxa, KL_BID, 60, 80));
  kl_risk_set(r, &slots[0], 6000, 80 * CONTRACT);
  /* A balance that may be of before the order says nothing of it; one that was asked for later shows it. */
  kl_risk_money(r, 100 * DOLLAR, 0, now + second);
  assert_false(order(1, MAKER, kxa, KL_BID, 60, 2));
  kl_risk_money(r, 52 * DOLLAR, 0, now + 3 * second);
  assert_true(order(1, MAKER, kxa, KL_BID, 60, 2));
  assert_false(order(2, MAKER, kxa, KL_BID, 60, 2));
  kl_risk_release(r, &slots[0]); /* what comes back counts once a balance shows it */
  assert_false(order(2, MAKER, kxa, KL_BID, 60, 2));
  kl_risk_money(r, 100 * DOLLAR, 0, now + 3 * second);
  assert_true(order(2, MAKER, kxa, KL_BID, 60, 2));
}

static void the_fees_of_the_market_count_for_the_balance(void **state) {
  (void)state;
  limit(MAKER, "min_balance=0");
  kl_risk_money(r, 10 * DOLLAR, 0, now);
  assert_false(order(0, MAKER, kxa, KL_BID, 50, 20));
  kl_risk_market_fees(r, kxa, KL_FEE_QUADRATIC, 0);
  assert_false(order(0, MAKER, kxa, KL_BID, 50, 20)); /* there may be rounding */
  assert_true(order(0, MAKER, kxa, KL_BID, 49, 20));
}

static void closing_takes_nothing_from_the_balance(void **state) {
  (void)state;
  limit(MAKER, "min_balance=100");
  kl_risk_money(r, 100 * DOLLAR, 0, now);
  kl_risk_position(r, MAKER, kxa, 10 * CONTRACT, 5 * DOLLAR);
  kl_risk_position(r, KL_RISK_ACCOUNT, kxa, 10 * CONTRACT, 5 * DOLLAR);
  assert_true(order(0, MAKER, kxa, KL_ASK, 50, 10));
  assert_false(order(1, MAKER, kxa, KL_ASK, 50, 1));
}

static void prices_far_from_the_book(void **state) {
  (void)state;
  limit(MAKER, "max_price_distance=0.05");
  const kl_risk_view book = {.has_book = true, .bid = 4000, .ask = 4300}, empty = {0};
  assert_false(viewed(0, KL_BID, 41, &empty));
  refused("max_price_distance",
          "maker: no book of KXE-A is there to compare the price with, and max_price_distance is 0.05");
  assert_true(viewed(0, KL_BID, 46, &book));
  assert_true(viewed(1, KL_BID, 37, &book));
  assert_false(viewed(2, KL_BID, 47, &book));
  refused("max_price_distance", "maker: an order at 0.47 is 0.055 dollars away from the middle of KXE-A's book, 0.415, "
                                "and max_price_distance is 0.05");
  assert_false(viewed(2, KL_ASK, 36, &book));
}

static void books_and_clocks_that_are_off(void **state) {
  (void)state;
  limit(MAKER, "max_book_age=2");
  assert_true(viewed(0, KL_BID, 41, &(kl_risk_view){.has_book = true, .ask = 10000, .book_age_ms = 2000}));
  assert_false(viewed(1, KL_BID, 41, &(kl_risk_view){.has_book = true, .ask = 10000, .book_age_ms = 2001}));
  refused("max_book_age", "maker: the book of KXE-A was known to be right 2.001 seconds ago, and max_book_age is 2");
  limit(MAKER, "max_clock_skew=0.5");
  assert_true(viewed(1, KL_BID, 41, &(kl_risk_view){.has_skew = true, .skew_ms = -500}));
  assert_false(viewed(2, KL_BID, 41, &(kl_risk_view){.has_skew = true, .skew_ms = -501}));
  refused("max_clock_skew",
          "maker: the exchange's clock and this one are 0.501 seconds apart, and max_clock_skew is 0.5");
  assert_false(viewed(2, KL_BID, 41, &(kl_risk_view){0}));
}

static void crossing_an_own_order(void **state) {
  (void)state;
  limit(TAKER, "self_cross=false");
  assert_true(order(0, MAKER, kxa, KL_ASK, 45, 1));
  assert_true(order(1, MAKER, kxa, KL_ASK, 42, 1));
  assert_true(order(2, TAKER, kxa, KL_BID, 41, 1));
  assert_false(order(3, TAKER, kxa, KL_BID, 42, 1));
  refused("self_cross", "taker: a bid at 0.42 would cross an own ask at 0.42 in KXE-A, and self_cross is false");
  kl_risk_release(r, &slots[1]); /* the best one has ended, the next is the best */
  assert_true(order(3, TAKER, kxa, KL_BID, 44, 1));
  assert_false(order(4, TAKER, kxa, KL_BID, 45, 1));
  assert_false(change(3, 45, 1));
  fill(0, 45, 1);
  assert_true(change(3, 45, 1));
  assert_true(order(5, MAKER, kxa, KL_ASK, 40, 1)); /* who has no such limit may */
  limit(MAKER, "self_cross=true");
  assert_true(order(6, MAKER, kxa, KL_ASK, 40, 1));
  limit(MAKER, "self_cross=false");
  assert_false(order(7, MAKER, kxa, KL_ASK, 40, 1));
}

/* ---- changes ---- */

static void a_change_on_its_way_is_the_worse_of_both(void **state) {
  (void)state;
  limit(MAKER, "max_market_exposure=50");
  assert_true(order(0, MAKER, kxa, KL_BID, 50, 80));
  assert_true(change(0, 40, 100)); /* either way: at worst 100 at 0.50 */
  assert_int_equal(exposure(MAKER), 50 * DOLLAR);
  assert_false(order(1, MAKER, kxa, KL_BID, 1, 1));
  assert_false(change(0, 51, 80));
  assert_int_equal(exposure(MAKER), 50 * DOLLAR);
  kl_risk_set(r, &slots[0], 4000, 100 * CONTRACT);
  assert_int_equal(exposure(MAKER), 40 * DOLLAR);
  fill(0, 40, 60);
  assert_int_equal(exposure(MAKER), 40 * DOLLAR);
  assert_true(change(0, 65, 40));
  assert_int_equal(exposure(MAKER), 50 * DOLLAR);
  kl_risk_release(r, &slots[0]);
  assert_int_equal(exposure(MAKER), 24 * DOLLAR);
  assert_false(change(0, 65, 40));
  assert_string_equal(e.kind, KL_ERR_VALIDATION);
}

static void less_is_never_refused(void **state) {
  (void)state;
  assert_true(order(0, MAKER, kxa, KL_BID, 50, 80));
  limit(MAKER, "max_position=1,max_orders_per_second=0,max_daily_loss=1,max_book_age=1");
  assert_true(change(0, 50, 40));
  assert_true(change(0, 30, 40));
  assert_false(change(0, 50, 81));
}

static void fills_that_come_after_the_end(void **state) {
  (void)state;
  assert_true(order(0, MAKER, kxa, KL_BID, 50, 80));
  kl_risk_release(r, &slots[0]);
  assert_int_equal(exposure(MAKER), 0);
  fill(0, 50, 10);
  assert_int_equal(exposure(MAKER), 5 * DOLLAR);
  assert_int_equal(exposure(KL_RISK_ACCOUNT), 5 * DOLLAR);
}

static void orders_that_are_there_already(void **state) {
  (void)state;
  limit(MAKER, "max_position=10,max_open_orders=2");
  assert_true(kl_risk_adopt(r, MAKER, kxa, KL_BID, 5000, 20 * CONTRACT, &slots[0])); /* beyond the limit */
  assert_false(order(1, MAKER, kxa, KL_BID, 50, 1));
  kl_risk_release(r, &slots[0]);
  assert_true(order(1, MAKER, kxa, KL_BID, 50, 10));
}

static void numbers_without_end(void **state) {
  (void)state;
  limit(MAKER, "max_position=1000000000,max_exposure=1000000000,min_balance=0");
  kl_risk_money(r, INT64_MAX, INT64_MAX, now);
  assert_false(kl_risk_admit(r, MAKER, kxa, KL_BID, 9999, INT64_MAX, NULL, now, &slots[0], &e));
  assert_string_equal(e.kind, KL_ERR_VALIDATION);
  assert_false(kl_risk_admit(r, MAKER, kxa, KL_BID, 0, 100, NULL, now, &slots[0], &e));
  assert_false(kl_risk_admit(r, MAKER, kxa, KL_BID, 10000, 100, NULL, now, &slots[0], &e));
  assert_false(kl_risk_admit(r, MAKER, kxa, KL_BID, 5000, 0, NULL, now, &slots[0], &e));
  assert_false(kl_risk_admit(r, MAKER, kxa, KL_BID, 5000, INT64_MIN, NULL, now, &slots[0], &e));
  int64_t extremes[] = {INT64_MAX, INT64_MIN};
  for (int i = 0; i < 2; i++) {
    kl_risk_position(r, MAKER, kxa, extremes[i], extremes[i]);
    kl_risk_position(r, KL_RISK_ACCOUNT, kxa, extremes[i], extremes[1 - i]);
    kl_risk_position(r, MAKER, kxb, extremes[1 - i], INT64_MAX);
    assert_false(order(0, MAKER, kxb, i ? KL_BID : KL_ASK, 50, 1) && order(1, MAKER, kxa, KL_BID, 50, 1));
    kl_risk_profit(r, MAKER, 20000 + i, extremes[i]);
    kl_risk_state s;
    kl_risk_state_get(r, MAKER, &s);
    assert_true(s.exposure >= 0);
  }
  kl_risk_position(r, MAKER, kxa, 0, 0);
  kl_risk_position(r, MAKER, kxb, 0, 0);
  assert_true(kl_risk_adopt(r, MAKER, kxc, KL_BID, INT64_MAX, INT64_C(10000000000000), &slots[0]));
  assert_false(kl_risk_adopt(r, MAKER, kxc, KL_BID, 5000, 1, &slots[1]));
  kl_risk_set(r, &slots[0], INT64_MIN, INT64_MAX);
  kl_risk_fill(r, &slots[0], INT64_MAX, INT64_MAX, INT64_MAX);
  kl_risk_release(r, &slots[0]);
}

static void needs_are_those_of_party_and_account(void **state) {
  (void)state;
  limit(MAKER, "max_book_age=1");
  limit(KL_RISK_ACCOUNT, "max_event_exposure=5");
  assert_int_equal(kl_risk_needs(r, MAKER), 1u << KL_LIMIT_BOOK_AGE | 1u << KL_LIMIT_EVENT_EXPOSURE);
  assert_int_equal(kl_risk_needs(r, TAKER), 1u << KL_LIMIT_EVENT_EXPOSURE);
}

static void refusals_are_counted(void **state) {
  (void)state;
  limit(MAKER, "max_order_count=1");
  kl_risk_state s;
  kl_risk_state_get(r, MAKER, &s);
  assert_int_equal(s.refused_by, KL_LIMITS);
  assert_false(order(0, MAKER, kxa, KL_BID, 50, 2));
  kl_risk_state_get(r, MAKER, &s);
  assert_int_equal(s.refused, 1);
  assert_int_equal(s.refused_by, KL_LIMIT_ORDER_COUNT);
  kl_risk_state_get(r, KL_RISK_ACCOUNT, &s);
  assert_int_equal(s.refused, 1);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      T(limits_are_read_with_their_units),
      T(a_wrong_limit_is_told_what_to_write),
      T(a_script_may_tighten_and_never_widen),
      T(the_largest_order),
      T(the_dearest_order),
      T(a_position_with_all_that_may_still_fill),
      T(closing_is_never_refused),
      T(one_market),
      T(dearest_orders_are_taken_to_be_those_that_open),
      T(an_event_over_its_outcomes),
      T(yes_of_all_outcomes_may_lose_all),
      T(markets_of_other_events_add_up),
      T(an_event_that_becomes_known_later),
      T(everything),
      T(the_share_of_one_market),
      T(orders_at_a_time),
      T(orders_within_a_second),
      T(contracts_within_a_second),
      T(the_loss_of_a_day),
      T(the_trades_of_a_day),
      T(what_is_to_be_left_of_the_balance),
      T(the_fees_of_the_market_count_for_the_balance),
      T(closing_takes_nothing_from_the_balance),
      T(prices_far_from_the_book),
      T(books_and_clocks_that_are_off),
      T(crossing_an_own_order),
      T(a_change_on_its_way_is_the_worse_of_both),
      T(less_is_never_refused),
      T(fills_that_come_after_the_end),
      T(orders_that_are_there_already),
      T(numbers_without_end),
      T(needs_are_those_of_party_and_account),
      T(refusals_are_counted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
