#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static void expect_json(const char *in, size_t n, const char *want) {
  kl_buf b = {0};
  kl_buf_json_string(&b, in, n);
  assert_false(b.failed);
  assert_string_equal(b.data, want);
  assert_int_equal(b.len, strlen(want));
  kl_buf_free(&b);
}

static void a_zeroed_buffer_is_empty_and_grows(void **state) {
  (void)state;
  kl_buf b = {0};
  kl_buf_add(&b, "", 0);
  assert_string_equal(b.data, "");
  for (int i = 0; i < 10000; i++)
    kl_buf_char(&b, (char)('a' + i % 26));
  assert_int_equal(b.len, 10000);
  assert_int_equal(b.data[9999], 'a' + 9999 % 26);
  assert_int_equal(b.data[10000], 0);
  kl_buf_free(&b);
  assert_null(b.data);
  assert_int_equal(b.cap, 0);
}

static void clearing_keeps_the_memory(void **state) {
  (void)state;
  kl_buf b = {0};
  kl_buf_str(&b, "some text");
  size_t cap = b.cap;
  kl_buf_clear(&b);
  assert_int_equal(b.len, 0);
  assert_int_equal(b.cap, cap);
  assert_string_equal(b.data, "");
  kl_buf_free(&b);
  kl_buf_clear(&b);
  assert_null(b.data);
}

static void prints_longer_than_the_room(void **state) {
  (void)state;
  kl_buf b = {0};
  kl_buf_str(&b, "<");
  kl_buf_printf(&b, "%0200d|%s", 7, "x");
  assert_int_equal(b.len, 203);
  assert_string_equal(b.data + 200, "7|x");
  kl_buf_printf(&b, "%s", "");
  assert_int_equal(b.len, 203);
  kl_buf_free(&b);
}

static void writes_numbers(void **state) {
  (void)state;
  kl_buf b = {0};
  kl_buf_int(&b, INT64_MIN);
  kl_buf_char(&b, ' ');
  kl_buf_decimal(&b, 4200, 4);
  kl_buf_char(&b, ' ');
  kl_buf_json_decimal(&b, -500, 4);
  kl_buf_json_key(&b, "a\"b");
  assert_string_equal(b.data, "-9223372036854775808 0.4200 \"-0.0500\"\"a\\\"b\":");
  kl_buf_free(&b);
}

static void a_size_beyond_memory_fails_and_stays_failed(void **state) {
  (void)state;
  kl_buf b = {0};
  kl_buf_str(&b, "kept");
  assert_false(kl_buf_reserve(&b, SIZE_MAX));
  assert_true(b.failed);
  kl_buf_str(&b, "ignored");
  kl_buf_printf(&b, "%d", 1);
  kl_buf_char(&b, 'x');
  assert_string_equal(b.data, "kept");
  assert_false(kl_buf_reserve(&b, 1));
  kl_buf_clear(&b);
  kl_buf_str(&b, "again");
  assert_false(b.failed);
  assert_string_equal(b.data, "again");
  kl_buf_free(&b);
}

static void escapes_what_json_must(void **state) {
  (void)state;
  expect_json("", 0, "\"\"");
  expect_json("plain", 5, "\"plain\"");
  expect_json("a\"b\\c/", 6, "\"a\\\"b\\\\c/\"");
  expect_json("\b\f\n\r\t\x01\x1f\x7f", 8, "\"\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"");
  expect_json("a\0b", 3, "\"a\\u0000b\"");
}

static void keeps_valid_utf8(void **state) {
  (void)state;
  const char *const good[] = {"\xC2\x80",     "\xDF\xBF",     "\xE0\xA0\x80",     "\xED\x9F\xBF",
                              "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"};
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    char want[16];
    snprintf(want, sizeof want, "\"%s\"", good[i]);
    expect_json(good[i], strlen(good[i]), want);
  }
}

#define BAD "\xEF\xBF\xBD"

static void replaces_invalid_utf8(void **state) {
  (void)state;
  expect_json("a\xFFz", 3, "\"a" BAD "z\"");
  expect_json("\xC0\xAF", 2, "\"" BAD BAD "\"");                 /* overlong */
  expect_json("\xE0\x9F\xBF", 3, "\"" BAD BAD BAD "\"");         /* overlong */
  expect_json("\xED\xA0\x80", 3, "\"" BAD BAD BAD "\"");         /* surrogate */
  expect_json("\xF4\x90\x80\x80", 4, "\"" BAD BAD BAD BAD "\""); /* beyond U+10FFFF */
  expect_json("\xE2\x82", 2, "\"" BAD BAD "\"");                 /* cut off at the end */
  expect_json("\xE2\x82\"", 3, "\"" BAD BAD "\\\"\"");           /* cut off before a quote */
  expect_json("\x80", 1, "\"" BAD "\"");
}

static void an_error_message_is_one_whole_line(void **state) {
  (void)state;
  kl_error e = {.status = 5, .code = "old"};
  kl_error_set(&e, KL_ERR_CONFIG, "line\nbreak\t%d\x7f", 3);
  assert_string_equal(e.message, "line break 3 ");
  assert_string_equal(e.kind, "config");
  assert_int_equal(e.status, 0);
  assert_string_equal(e.code, "");
  kl_error_set(&e, KL_ERR_HTTP, "again: %s", e.message); /* its own text as an argument */
  assert_string_equal(e.message, "again: line break 3 ");
  kl_error_set(NULL, KL_ERR_HTTP, "nobody asks");
}

static void a_long_error_message_is_cut_between_characters(void **state) {
  (void)state;
  static const char *const character[] = {"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
  for (size_t k = 0; k < 3; k++) {
    for (size_t shift = 0; shift < 4; shift++) {
      kl_buf b = {0};
      for (size_t i = 0; i < shift; i++)
        kl_buf_char(&b, 'x');
      while (b.len < 2 * sizeof(((kl_error *)NULL)->message))
        kl_buf_str(&b, character[k]);
      kl_error e;
      kl_error_set(&e, KL_ERR_HTTP, "%s", b.data);
      size_t n = strlen(e.message);
      assert_true(n > sizeof e.message - 5);
      assert_int_equal((n - shift) % strlen(character[k]), 0);
      kl_buf_free(&b);
    }
  }
}

static void items_of_a_list_have_commas_between_them(void **state) {
  (void)state;
  kl_buf b = {0};
  kl_buf_json_item(&b, "%d \"%s\"", 1, "a");
  kl_buf_json_item(&b, "%0700d", 7); /* longer than any room */
  assert_memory_equal(b.data, "\"1 \\\"a\\\"\",\"000", 14);
  assert_int_equal(b.len, 9 + 1 + 702);
  kl_buf_clear(&b);
  kl_buf_str(&b, "[");
  kl_buf_json_item(&b, "one");
  kl_buf_json_item(&b, "two");
  assert_string_equal(b.data, "[\"one\",\"two\"");
  kl_buf_free(&b);
}

static void a_query_is_encoded(void **state) {
  (void)state;
  kl_buf b = {0};
  kl_buf_percent(&b, "a/b~", 4, true);
  kl_buf_percent(&b, "/\0[", 3, false);
  assert_string_equal(b.data, "a/b~%2F%00%5B");
  kl_buf_clear(&b);
  kl_buf_query(&b, "cursor", "a-Z_0.9 &=%\xc3\xa9");
  assert_string_equal(b.data, "&cursor=a-Z_0.9%20%26%3D%25%C3%A9");
  kl_buf_free(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(items_of_a_list_have_commas_between_them),
      cmocka_unit_test(a_query_is_encoded),
      cmocka_unit_test(a_zeroed_buffer_is_empty_and_grows),
      cmocka_unit_test(clearing_keeps_the_memory),
      cmocka_unit_test(prints_longer_than_the_room),
      cmocka_unit_test(writes_numbers),
      cmocka_unit_test(a_size_beyond_memory_fails_and_stays_failed),
      cmocka_unit_test(escapes_what_json_must),
      cmocka_unit_test(keeps_valid_utf8),
      cmocka_unit_test(replaces_invalid_utf8),
      cmocka_unit_test(an_error_message_is_one_whole_line),
      cmocka_unit_test(a_long_error_message_is_cut_between_characters),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
