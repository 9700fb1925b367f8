#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "kalshi/order_answer.h"

static kl_order_answer answer;
static bool read_text(const char *s) { return kl_order_answer_read(s, strlen(s), &answer); }

static void what_an_order_answers_is_read(void **state) {
  (void)state;
  assert_true(read_text("{\"order_id\":\"o-1\",\"client_order_id\":\"c-1\",\"fill_count\":\"2.50\",\"remaining_count\":"
                        "\"7.00\",\"average_fill_price\":\"0.4200\",\"ts_ms\":1789482602150}\n"));
  assert_string_equal(answer.order_id, "o-1");
  assert_string_equal(answer.client_order_id, "c-1");
  assert_true(answer.has_filled && answer.has_remaining);
  assert_int_equal(answer.filled, 250);
  assert_int_equal(answer.remaining, 700);
  assert_int_equal(answer.ts_ms, 1789482602150);
}

static void order_blanks_escapes_and_unknown_members_do_not_matter(void **state) {
  (void)state;
  assert_true(read_text(" { \"x\" : [1, {\"order_id\": \"no\"}, null, -1.5e3] ,\n\"remaining_count\":null,"
                        "\"order_id\":\"o\\u002d1\", \"ts_ms\": 1.5e3, \"fill_count\": 3 } "));
  assert_string_equal(answer.order_id, "o-1");
  assert_false(answer.has_remaining || answer.has_filled);
  assert_int_equal(answer.ts_ms, 0);
  assert_true(read_text("{}"));
  assert_string_equal(answer.order_id, "");
}

static void what_is_no_object_is_told(void **state) {
  (void)state;
  static const char *const bad[] = {"",
                                    " ",
                                    "[]",
                                    "null",
                                    "<html>hi</html>",
                                    "{",
                                    "{\"order_id\": ",
                                    "{\"order_id\":\"x\"",
                                    "{\"order_id\":\"x\"}}",
                                    "{\"order_id\":\"x\",}",
                                    "{\"order_id\" \"x\"}",
                                    "{\"a\":01}",
                                    "{\"a\":tru}",
                                    "{\"a\":\"\x01\"}",
                                    "{\"a\":\"\xff\"}",
                                    "{} x"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    if (read_text(bad[i])) fail_msg("taken: %s", bad[i]);
}

static void every_beginning_of_an_answer_is_refused(void **state) {
  (void)state;
  static const char text[] = "{\"order_id\":\"o-1\",\"fill_count\":\"2.50\",\"n\":[1,true,\"\\n\"],\"ts_ms\":17}";
  for (size_t n = 0; n < sizeof text - 1; n++) {
    char *exact = malloc(n ? n : 1); /* so that a look behind the end is seen */
    assert_non_null(exact);
    memcpy(exact, text, n);
    if (kl_order_answer_read(exact, n, &answer)) fail_msg("taken after %zu bytes", n);
    free(exact);
  }
}

static void long_answers_and_long_ids_are_no_trouble(void **state) {
  (void)state;
  static char text[8000];
  strcpy(text, "{\"order_id\":\"");
  memset(text + strlen(text), 'x', 3000);
  strcat(text, "\",\"client_order_id\":\"c\"}");
  assert_true(read_text(text));
  assert_string_equal(answer.order_id, "");
  assert_string_equal(answer.client_order_id, "c");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_an_order_answers_is_read),
      cmocka_unit_test(order_blanks_escapes_and_unknown_members_do_not_matter),
      cmocka_unit_test(what_is_no_object_is_told),
      cmocka_unit_test(every_beginning_of_an_answer_is_refused),
      cmocka_unit_test(long_answers_and_long_ids_are_no_trouble),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
