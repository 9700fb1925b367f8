#include "base/decimal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect_parse(const char *text, int places, int64_t want) {
  int64_t v = 77;
  if (!kl_decimal_parse(text, strlen(text), places, &v)) fail_msg("refused %s at %d places", text, places);
  assert_int_equal(v, want);
}

static void expect_refused(const char *text, int places) {
  int64_t v = 77;
  if (kl_decimal_parse(text, strlen(text), places, &v))
    fail_msg("took %s at %d places as %lld", text, places, (long long)v);
  assert_int_equal(v, 77);
}

static void reads_numbers_on_the_grid(void **state) {
  (void)state;
  expect_parse("0", 4, 0);
  expect_parse("-0", 4, 0);
  expect_parse("-0.0000", 4, 0);
  expect_parse("1", 4, 10000);
  expect_parse("0.42", 4, 4200);
  expect_parse("0.4200", 4, 4200);
  expect_parse("0.420000000000000000000000", 4, 4200);
  expect_parse("-0.0500", 4, -500);
  expect_parse("000000000000000000000000001.5", 2, 150);
  expect_parse("12", 0, 12);
  expect_parse("12.000", 0, 12);
  expect_parse("9223372036854775807", 0, INT64_MAX);
  expect_parse("-9223372036854775808", 0, INT64_MIN);
  expect_parse("922337203685477.5807", 4, INT64_MAX);
  expect_parse("-922337203685477.5808", 4, INT64_MIN);
  expect_parse("9.223372036854775807", 18, INT64_MAX);
}

static void refuses_what_does_not_fit_the_grid(void **state) {
  (void)state;
  expect_refused("0.42001", 4);
  expect_refused("0.4200000001", 4);
  expect_refused("0.5", 0);
}

static void refuses_overflow(void **state) {
  (void)state;
  expect_refused("9223372036854775808", 0);
  expect_refused("-9223372036854775809", 0);
  expect_refused("922337203685477.5808", 4);
  expect_refused("922337203685478", 4);
  expect_refused("99999999999999999999999999999999", 0);
  expect_refused("18446744073709551617", 0);
  expect_refused("10", 18);
}

static void refuses_anything_but_digits_and_one_point(void **state) {
  (void)state;
  const char *const bad[] = {"",     "-",   ".",  "-.",  ".5",  "5.",  "+1",   " 1",  "1 ",   "1.2.3", "1e3",
                             "0x10", "--1", "1-", "1,5", "nan", "inf", "1.-2", "-.5", "1.2a", "1.0a",  "1.00000a"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    expect_refused(bad[i], 4);
  expect_refused("1", -1);
  expect_refused("1", 19);
}

static void reads_exactly_the_bytes_it_was_given(void **state) {
  (void)state;
  int64_t v = 0;
  char *exact = malloc(4); /* no NUL behind: the sanitizer sees a read too far */
  assert_non_null(exact);
  for (int i = 0; i < 4; i++)
    exact[i] = "1.25"[i];
  assert_true(kl_decimal_parse(exact, 4, 2, &v));
  assert_int_equal(v, 125);
  assert_true(kl_decimal_parse(exact, 3, 2, &v));
  assert_int_equal(v, 120);
  assert_false(kl_decimal_parse(exact, 2, 2, &v));
  assert_false(kl_decimal_parse("1\0", 2, 2, &v));
  free(exact);
}

static void writes_every_place(void **state) {
  (void)state;
  static const struct {
    int64_t v;
    int places;
    const char *want;
  } cases[] = {{0, 0, "0"},
               {0, 4, "0.0000"},
               {-500, 4, "-0.0500"},
               {4200, 4, "0.4200"},
               {10000, 4, "1.0000"},
               {-12, 0, "-12"},
               {123456, 2, "1234.56"},
               {INT64_MAX, 0, "9223372036854775807"},
               {INT64_MIN, 0, "-9223372036854775808"},
               {INT64_MIN, 18, "-9.223372036854775808"},
               {-1, 18, "-0.000000000000000001"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char out[32];
    assert_int_equal(kl_decimal_format(out, sizeof out, cases[i].v, cases[i].places), strlen(cases[i].want));
    assert_string_equal(out, cases[i].want);
  }
}

static void writes_nothing_into_too_small_a_space(void **state) {
  (void)state;
  char out[8] = "xxxxxxx";
  assert_int_equal(kl_decimal_format(out, 6, 10000, 4), 0);
  assert_string_equal(out, "");
  assert_int_equal(kl_decimal_format(out, 7, 10000, 4), 6);
  assert_int_equal(kl_decimal_format(NULL, 0, 1, 0), 0);
}

static void leaves_out_zeros_at_the_end(void **state) {
  (void)state;
  static const struct {
    int64_t v;
    int places, least;
    const char *want;
  } cases[] = {{4200, 4, 2, "0.42"}, {4210, 4, 2, "0.421"},  {4000, 4, 2, "0.40"}, {0, 4, 2, "0.00"},
               {0, 2, 0, "0"},       {10000, 2, 0, "100"},   {1050, 2, 0, "10.5"}, {-50, 2, 0, "-0.5"},
               {100, 0, 0, "100"},   {-10000, 4, 2, "-1.00"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char out[32];
    assert_int_equal(kl_decimal_short(out, cases[i].v, cases[i].places, cases[i].least), strlen(cases[i].want));
    assert_string_equal(out, cases[i].want);
  }
}

static uint64_t next_random(uint64_t *s) {
  *s ^= *s << 13;
  *s ^= *s >> 7;
  *s ^= *s << 17;
  return *s;
}

static void text_comes_back_as_the_same_number(void **state) {
  (void)state;
  uint64_t seed = 88172645463325252u;
  for (int i = 0; i < 200000; i++) {
    uint64_t r = next_random(&seed);
    int64_t v = (int64_t)(r >> (i % 64)), back = 0;
    if (i & 1) v = -v;
    int places = i % 19;
    char out[32];
    size_t n = kl_decimal_format(out, sizeof out, v, places);
    assert_true(n > 0);
    assert_true(kl_decimal_parse(out, n, places, &back));
    assert_int_equal(back, v);
  }
}

static void a_double_near_the_grid_is_on_it(void **state) {
  (void)state;
  int64_t v = 0;
  assert_true(kl_decimal_from_double(0.1 + 0.2, 4, &v));
  assert_int_equal(v, 3000);
  assert_true(kl_decimal_from_double(0.1 + 0.2, 2, &v));
  assert_int_equal(v, 30);
  assert_true(kl_decimal_from_double(-0.05, 4, &v));
  assert_int_equal(v, -500);
  assert_true(kl_decimal_from_double(0.42 + 0.9e-9, 4, &v));
  assert_int_equal(v, 4200);
  assert_true(kl_decimal_from_double(0.42 - 0.9e-9, 4, &v));
  assert_int_equal(v, 4200);
  assert_true(kl_decimal_from_double(-0.0, 4, &v));
  assert_int_equal(v, 0);
  assert_true(kl_decimal_from_double(9007199254740992.0, 0, &v));
  assert_int_equal(v, 9007199254740992);
  assert_true(kl_decimal_from_double(12345678901.23, 2, &v));
  assert_int_equal(v, 1234567890123);
  /* The product with 10^5 rounds to the point beside. */
  assert_true(kl_decimal_from_double(42717451921.31522, 5, &v));
  assert_int_equal(v, 4271745192131522);
}

static void a_double_off_the_grid_is_refused(void **state) {
  (void)state;
  int64_t v = 77;
  const double bad[] = {0.42001,          0.42 + 2e-9,       0.42 - 2e-9, 0.00005, (double)NAN,
                        (double)INFINITY, -(double)INFINITY, 1e300,       -1e300,  9007199254740993.0 / 10000 * 1.001};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    if (kl_decimal_from_double(bad[i], 4, &v)) fail_msg("took %.17g", bad[i]);
  }
  assert_false(kl_decimal_from_double(9007199254740994.0, 0, &v));
  assert_false(kl_decimal_from_double(0.5, 9, &v)); /* the tolerance is the grid there */
  assert_false(kl_decimal_from_double(0.5, -1, &v));
  assert_int_equal(v, 77);
}

static void every_cent_of_a_dollar_survives_the_double(void **state) {
  (void)state;
  for (int64_t want = -20000; want <= 20000; want++) {
    int64_t v = 0;
    assert_true(kl_decimal_from_double(kl_decimal_to_double(want, 4), 4, &v));
    assert_int_equal(v, want);
  }
  uint64_t seed = 1;
  for (int i = 0; i < 200000; i++) {
    int64_t want = (int64_t)(next_random(&seed) >> 13), v = 0; /* up to 2^51: every point has its own double */
    want = (want & ((INT64_C(1) << 51) - 1)) * (i & 1 ? -1 : 1);
    int places = i % 7;
    assert_true(kl_decimal_from_double(kl_decimal_to_double(want, places), places, &v));
    assert_int_equal(v, want);
  }
  assert_true(kl_decimal_to_double(4200, 4) == 0.42);
  assert_true(kl_decimal_to_double(30, 2) == 0.3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_numbers_on_the_grid),
      cmocka_unit_test(refuses_what_does_not_fit_the_grid),
      cmocka_unit_test(refuses_overflow),
      cmocka_unit_test(refuses_anything_but_digits_and_one_point),
      cmocka_unit_test(reads_exactly_the_bytes_it_was_given),
      cmocka_unit_test(writes_every_place),
      cmocka_unit_test(writes_nothing_into_too_small_a_space),
      cmocka_unit_test(leaves_out_zeros_at_the_end),
      cmocka_unit_test(text_comes_back_as_the_same_number),
      cmocka_unit_test(a_double_near_the_grid_is_on_it),
      cmocka_unit_test(a_double_off_the_grid_is_refused),
      cmocka_unit_test(every_cent_of_a_dollar_survives_the_double),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
