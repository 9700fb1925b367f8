/* Members of JSON objects, as the exchange writes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "kalshi/json_member.h"

static json_t *o;

static int begin(void **state) {
  (void)state;
  o = json_loads(
      "{\"text\":\"abc\",\"empty\":\"\",\"number\":4.2,\"price\":\"0.4200\",\"fine\":\"0.00001\",\"null\":null,"
      "\"time\":\"1970-01-01T00:00:01.500Z\"}",
      0, NULL);
  return o ? 0 : -1;
}

static int end(void **state) {
  (void)state;
  json_decref(o);
  return 0;
}

static void texts(void **state) {
  (void)state;
  char out[4] = "old";
  assert_string_equal(kl_member_text(o, "text"), "abc");
  assert_string_equal(kl_member_text(o, "number"), "");
  assert_string_equal(kl_member_text(o, "null"), "");
  assert_string_equal(kl_member_text(o, "absent"), "");
  assert_string_equal(kl_member_text(NULL, "text"), "");
  assert_false(kl_member_copy(o, "text", out, 3));
  assert_false(kl_member_copy(o, "empty", out, sizeof out));
  assert_false(kl_member_copy(o, "absent", out, sizeof out));
  assert_string_equal(out, "old");
  assert_true(kl_member_copy(o, "text", out, sizeof out));
  assert_string_equal(out, "abc");
}

static void numbers(void **state) {
  (void)state;
  int64_t n = 7;
  assert_false(kl_member_fixed(o, "number", 4, &n)); /* not exact */
  assert_false(kl_member_fixed(o, "fine", 4, &n));
  assert_false(kl_member_fixed(o, "text", 4, &n));
  assert_false(kl_member_fixed(o, "absent", 4, &n));
  assert_false(kl_member_fixed(NULL, "price", 4, &n));
  assert_int_equal(n, 7);
  assert_true(kl_member_fixed(o, "price", 4, &n));
  assert_int_equal(n, 4200);
}

static void times(void **state) {
  (void)state;
  assert_int_equal(kl_member_time_ms(o, "time"), 1500);
  assert_int_equal(kl_member_time_ms(o, "text"), 0);
  assert_int_equal(kl_member_time_ms(o, "absent"), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(texts, begin, end),
                                     cmocka_unit_test_setup_teardown(numbers, begin, end),
                                     cmocka_unit_test_setup_teardown(times, begin, end)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
