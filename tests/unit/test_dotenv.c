#include "base/dotenv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

static bool collect(void *data, const char *key, const char *value) {
  kl_buf *b = data;
  kl_buf_printf(b, "[%s|%s]", key, value);
  return true;
}

/* Parses an exact copy, so that the sanitizer sees a read past the end. */
static bool parse_bytes(const char *text, size_t n, kl_buf *out, kl_error *e) {
  char *exact = malloc(n ? n : 1);
  assert_non_null(exact);
  memcpy(exact, text, n);
  memset(e, 0, sizeof *e);
  kl_buf_clear(out);
  kl_buf_str(out, "");
  bool ok = kl_dotenv_parse(exact, n, collect, out, e);
  free(exact);
  return ok;
}

static void expect(const char *text, const char *want) {
  kl_buf out = {0};
  kl_error e;
  if (!parse_bytes(text, strlen(text), &out, &e)) fail_msg("%s", e.message);
  assert_string_equal(out.data, want);
  kl_buf_free(&out);
}

static void expect_error_bytes(const char *text, size_t n, const char *line, const char *part) {
  kl_buf out = {0};
  kl_error e;
  if (parse_bytes(text, n, &out, &e)) fail_msg("taken: %s", out.data);
  assert_string_equal(e.kind, "config");
  if (strncmp(e.message, line, strlen(line)) != 0 || !strstr(e.message, part)) fail_msg("message: %s", e.message);
  assert_null(strstr(e.message, "hunter2"));
  kl_buf_free(&out);
}

static void expect_error(const char *text, const char *line, const char *part) {
  expect_error_bytes(text, strlen(text), line, part);
}

static void reads_plain_assignments(void **state) {
  (void)state;
  expect("", "");
  expect("\n\n  \n", "");
  expect("A=1", "[A|1]");
  expect("A=1\nB=2\n", "[A|1][B|2]");
  expect("  _a9 = x y  \n", "[_a9|x y]");
  expect("A=\nB=", "[A|][B|]");
  expect("A=1\nA=2", "[A|1][A|2]");
  expect("A=$B ${C} `d` a\\nb it's", "[A|$B ${C} `d` a\\nb it's]");
  expect("URL=http://h/p?a=b#c", "[URL|http://h/p?a=b#c]");
}

static void takes_export_as_a_word(void **state) {
  (void)state;
  expect("export A=1", "[A|1]");
  expect("\texport \t A=1", "[A|1]");
  expect("exportA=1", "[exportA|1]");
  expect("export=1", "[export|1]");
  expect("export =1", "[export|1]");
  expect("export export=1", "[export|1]");
}

static void skips_comments(void **state) {
  (void)state;
  expect("# a\n  # b\nA=1 # c\nB=2#d\nC= # e\nD=#f\nE='x' # g\nF=\"x\"\t#", "[A|1][B|2#d][C|][D|#f][E|x][F|x]");
}

static void single_quotes_are_literal(void **state) {
  (void)state;
  expect("A='  a\\n\"b\" #c $D '", "[A|  a\\n\"b\" #c $D ]");
  expect("A=''", "[A|]");
  expect("A='x\r\ny'\nB=1", "[A|x\ny][B|1]");
}

static void double_quotes_know_four_escapes(void **state) {
  (void)state;
  expect("A=\"a\\nb\\tc\\\"d\\\\e'$F\"", "[A|a\nb\tc\"d\\e'$F]");
  expect("A=\"-----BEGIN X-----\nMII=\n-----END X-----\n\"\nB=1",
         "[A|-----BEGIN X-----\nMII=\n-----END X-----\n][B|1]");
}

static void reads_windows_files(void **state) {
  (void)state;
  expect("\xEF\xBB\xBF"
         "A=1\r\n\r\n# c\r\nB=\"x\r\ny\"\r\nC=3 \r\n",
         "[A|1][B|x\ny][C|3]");
}

static void names_the_line_of_an_error(void **state) {
  (void)state;
  expect_error("A=1\nB\n", "line 2: ", "expected = after the name");
  expect_error("A=\"x\ny\"\n\nhunter2!\n", "line 4: ", "expected = after the name");
  expect_error("=hunter2", "line 1: ", "expected NAME=VALUE");
  expect_error("1A=hunter2", "line 1: ", "expected NAME=VALUE");
  expect_error("A.B=hunter2", "line 1: ", "expected = after the name");
  expect_error("A-B=hunter2", "line 1: ", "expected = after the name");
  expect_error("export", "line 1: ", "expected =");
  expect_error("export ", "line 1: ", "expected NAME=VALUE");
  expect_error("\nA='hunter2\n\n", "line 2: ", "never closed");
  expect_error("A=\"hunter2\nB=1\nC=2", "line 1: ", "never closed");
  expect_error("A='hunter2'b", "line 1: ", "after the closing quote");
  expect_error("A='hunter2'#b", "line 1: ", "after the closing quote");
  expect_error("A=\"a\n\\hunter2\"", "line 2: ", "backslash");
  expect_error("A=\"hunter2\\", "line 1: ", "backslash");
  expect_error("A=hunter2\rB=1", "line 1: ", "carriage return");
  expect_error("A='hunter2\rB'", "line 1: ", "carriage return");
  expect_error("# hunter2\rB=1", "line 1: ", "carriage return");
  expect_error("KEY=-----BEGIN X-----\nMIIhunter2\n-----END X-----\n", "line 2: ", "double quotes");
}

static void refuses_a_nul_byte_anywhere(void **state) {
  (void)state;
  const char text[] = "A=\"b c\" # d\nexport E = 'f' # g\nH=i # j\n";
  for (size_t i = 0; i < sizeof text - 1; i++) {
    char copy[sizeof text];
    memcpy(copy, text, sizeof text);
    copy[i] = 0;
    expect_error_bytes(copy, sizeof text - 1, "line ", "");
  }
  expect_error_bytes("A=a\0b", 5, "line 1: ", "NUL");
}

static void a_byte_order_mark_counts_only_at_the_start(void **state) {
  (void)state;
  expect_error("A=1\n\xEF\xBB\xBF"
               "B=1",
               "line 2: ", "expected");
  expect_error("\xEF\xBB", "line 1: ", "expected");
}

static bool stop_at_b(void *data, const char *key, const char *value) {
  int *calls = data;
  (void)value;
  (*calls)++;
  return strcmp(key, "B") != 0;
}

static void stops_when_the_receiver_says_so(void **state) {
  (void)state;
  kl_error e = {0};
  int calls = 0;
  const char text[] = "A=1\nB=\"hunter2\n\"\nC=3\n";
  assert_false(kl_dotenv_parse(text, sizeof text - 1, stop_at_b, &calls, &e));
  assert_int_equal(calls, 2);
  assert_string_equal(e.kind, "internal");
  assert_string_equal(e.message, "line 2: B could not be kept");
}

static void errors_are_optional(void **state) {
  (void)state;
  int calls = 0;
  assert_false(kl_dotenv_parse("x", 1, stop_at_b, &calls, NULL));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_plain_assignments),
      cmocka_unit_test(takes_export_as_a_word),
      cmocka_unit_test(skips_comments),
      cmocka_unit_test(single_quotes_are_literal),
      cmocka_unit_test(double_quotes_know_four_escapes),
      cmocka_unit_test(reads_windows_files),
      cmocka_unit_test(names_the_line_of_an_error),
      cmocka_unit_test(refuses_a_nul_byte_anywhere),
      cmocka_unit_test(a_byte_order_mark_counts_only_at_the_start),
      cmocka_unit_test(stops_when_the_receiver_says_so),
      cmocka_unit_test(errors_are_optional),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
