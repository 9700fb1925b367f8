/* Trade fees and their rounding. The rounding vectors are those of Kalshi's fee rounding guide. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "exchange/exchange.h"

enum { PPM = 1000000, CENT = 10000 };

static void takers_pay_seven_percent_of_p_times_one_minus_p(void **state) {
  (void)state;
  /* 0.07 * 0.52 * 0.48 = 0.017472, up to 0.0175 */
  assert_int_equal(kl_fee_trade(KL_FEE_QUADRATIC, PPM, true, 5200, 100), 17500);
  /* 0.07 * 0.25 = 0.0175 exactly: not rounded */
  assert_int_equal(kl_fee_trade(KL_FEE_QUADRATIC, PPM, true, 5000, 100), 17500);
  assert_int_equal(kl_fee_trade(KL_FEE_QUADRATIC, PPM, true, 5000, 10000), 1750000);
  /* the captured fill: 12.25 at 0.40 is 0.2058 exactly */
  assert_int_equal(kl_fee_trade(KL_FEE_QUADRATIC, PPM, true, 4000, 1225), 205800);
  /* 0.07 * 0.01 * 0.0001 * 0.9999 is far below one step */
  assert_int_equal(kl_fee_trade(KL_FEE_QUADRATIC, PPM, true, 1, 1), 100);
  assert_int_equal(kl_fee_trade(KL_FEE_QUADRATIC, PPM, true, 3000, 100), 14700);
  assert_int_equal(kl_fee_trade(KL_FEE_QUADRATIC, PPM, true, 7000, 100), 14700);
}

static void makers_pay_only_where_the_series_says_so(void **state) {
  (void)state;
  assert_int_equal(kl_fee_trade(KL_FEE_QUADRATIC, PPM, false, 5000, 100), 0);
  /* 0.0175 * 0.25 = 0.004375, up to 0.0044 */
  assert_int_equal(kl_fee_trade(KL_FEE_QUADRATIC_MAKER, PPM, false, 5000, 100), 4400);
  /* 0.035 * 0.25 = 0.00875, up to 0.0088 */
  assert_int_equal(kl_fee_trade(KL_FEE_QUADRATIC_COMBO_MAKER, PPM, false, 5000, 100), 8800);
  /* 100 at 0.55: 0.0175 * 100 * 0.2475 = 0.433125, up to 0.4332, as captured */
  assert_int_equal(kl_fee_trade(KL_FEE_QUADRATIC_MAKER, PPM, false, 5500, 10000), 433200);
  assert_int_equal(kl_fee_trade(KL_FEE_QUADRATIC_MAKER, PPM, true, 5000, 100), 17500);
}

static void the_multiplier_of_the_series_scales_the_fee(void **state) {
  (void)state;
  assert_int_equal(kl_fee_trade(KL_FEE_QUADRATIC, PPM / 2, true, 5000, 10000), 875000);
  assert_int_equal(kl_fee_trade(KL_FEE_QUADRATIC, 2 * PPM, true, 5000, 10000), 3500000);
  assert_int_equal(kl_fee_trade(KL_FEE_QUADRATIC, 0, true, 5000, 10000), 0);
  /* the flat type: M dollars a contract, takers only */
  assert_int_equal(kl_fee_trade(KL_FEE_FLAT, 20000, true, 1234, 150), 30000);
  assert_int_equal(kl_fee_trade(KL_FEE_FLAT, 20000, false, 1234, 150), 0);
}

static void large_counts_do_not_overflow(void **state) {
  (void)state;
  /* a billion contracts at half a dollar: 0.0175 * 1e9 dollars */
  assert_int_equal(kl_fee_trade(KL_FEE_QUADRATIC, PPM, true, 5000, INT64_C(100000000000)),
                   INT64_C(17500000) * KL_MONEY_ONE);
  assert_int_equal(kl_fee_trade(KL_FEE_QUADRATIC, 3 * PPM, true, 5000, INT64_C(100000000000)),
                   INT64_C(52500000) * KL_MONEY_ONE);
  /* the two ways to compute agree where one takes over from the other */
  for (kl_count n = 26000; n < 27000; n++) {
    kl_money exact = (INT64_C(175) * n + 99) / 100 * 100;
    assert_int_equal(kl_fee_trade(KL_FEE_QUADRATIC, PPM, true, 5000, n), exact);
  }
}

static void nothing_is_charged_for_nothing(void **state) {
  (void)state;
  assert_int_equal(kl_fee_trade(KL_FEE_QUADRATIC, PPM, true, 5000, 0), 0);
  assert_int_equal(kl_fee_trade(KL_FEE_QUADRATIC, PPM, true, 5000, -1), 0);
  assert_int_equal(kl_fee_trade(KL_FEE_QUADRATIC, PPM, true, 0, 100), 0);
  assert_int_equal(kl_fee_trade(KL_FEE_QUADRATIC, PPM, true, 10000, 100), 0);
  assert_int_equal(kl_fee_trade(KL_FEE_QUADRATIC, PPM, true, 10001, 100), 0);
}

typedef struct vector {
  kl_money revenue, fee, rounding, accumulator, rebate, change; /* change of balance, rebate included */
} vector;

static void check(const vector *v, size_t n, kl_money precision) {
  kl_money accumulator = 0;
  for (size_t i = 0; i < n; i++) {
    kl_money rebate = -1;
    kl_money rounding = kl_fee_rounding(v[i].revenue, v[i].fee, precision, &accumulator, &rebate);
    assert_int_equal(rounding, v[i].rounding);
    assert_int_equal(accumulator, v[i].accumulator);
    assert_int_equal(rebate, v[i].rebate);
    assert_int_equal(v[i].revenue - v[i].fee - rounding + rebate, v[i].change);
    assert_int_equal((v[i].revenue - v[i].fee - rounding) % precision, 0);
    assert_true(v[i].fee + rounding - rebate >= 0);
  }
}

static void three_contracts_at_five_and_a_half_cents_match_the_guide(void **state) {
  (void)state;
  static const vector v[] = {
      {-55000, 8500, 6500, 6500, 0, -70000},
      {-55000, 8500, 6500, 3000, CENT, -60000},
      {-55000, 8500, 6500, 9500, 0, -70000},
  };
  check(v, 3, CENT);
}

static void parts_of_a_contract_at_half_a_dollar_match_the_guide(void **state) {
  (void)state;
  /* 0.30 @ 0.50: -0.15 - 0.0041 = -0.1541, floored to -0.16; 0.0118 gives a cent back */
  static const vector v[] = {
      {-150000, 4100, 5900, 5900, 0, -160000},
      {-150000, 4100, 5900, 1800, CENT, -150000},
      {-150000, 4100, 5900, 7700, 0, -160000},
  };
  check(v, 3, CENT);
}

static void a_tiny_part_off_the_cent_grid_matches_the_guide(void **state) {
  (void)state;
  /* 0.03 @ 0.3301: revenue -0.009903, fee 0.0005; rebates on the second and third fills */
  static const vector v[] = {
      {-9903, 500, 9597, 9597, 0, -20000},
      {-9903, 500, 9597, 9194, CENT, -10000},
      {-9903, 500, 9597, 8791, CENT, -10000},
  };
  check(v, 3, CENT);
}

static void direct_members_are_rounded_to_a_hundredth_of_a_cent(void **state) {
  (void)state;
  static const vector v[] = {
      {-55000, 8500, 0, 0, 0, -63500},
      {-9903, 500, 97, 97, 0, -10500},
      {9903, 500, 3, 100, 0, 9400},
  };
  check(v, 3, 100);
}

static void sellers_are_floored_the_same_way(void **state) {
  (void)state;
  /* +0.055 - 0.0085 = 0.0465, floored to 0.04 */
  static const vector v[] = {{55000, 8500, 6500, 6500, 0, 40000}};
  check(v, 1, CENT);
}

static void a_rebate_that_would_make_the_net_fee_negative_waits(void **state) {
  (void)state;
  static const vector v[] = {
      {-5000, 0, 5000, 5000, 0, -10000},         {-5000, 0, 5000, 10000, 0, -10000}, /* a cent is not yet exceeded */
      {-5000, 0, 5000, 15000, 0, -10000}, /* exceeded, but this fill's fee is only half a cent */
      {-55000, 8500, 6500, 11500, CENT, -60000}, {-51000, 19000, 0, 1500, CENT, -60000},
  };
  check(v, 5, CENT);
}

static void exact_changes_are_left_alone(void **state) {
  (void)state;
  static const vector v[] = {{-500000, 0, 0, 0, 0, -500000}, {-482500, 17500, 0, 0, 0, -500000}};
  check(v, 2, CENT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(takers_pay_seven_percent_of_p_times_one_minus_p),
      cmocka_unit_test(makers_pay_only_where_the_series_says_so),
      cmocka_unit_test(the_multiplier_of_the_series_scales_the_fee),
      cmocka_unit_test(large_counts_do_not_overflow),
      cmocka_unit_test(nothing_is_charged_for_nothing),
      cmocka_unit_test(three_contracts_at_five_and_a_half_cents_match_the_guide),
      cmocka_unit_test(parts_of_a_contract_at_half_a_dollar_match_the_guide),
      cmocka_unit_test(a_tiny_part_off_the_cent_grid_matches_the_guide),
      cmocka_unit_test(direct_members_are_rounded_to_a_hundredth_of_a_cent),
      cmocka_unit_test(sellers_are_floored_the_same_way),
      cmocka_unit_test(a_rebate_that_would_make_the_net_fee_negative_waits),
      cmocka_unit_test(exact_changes_are_left_alone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
