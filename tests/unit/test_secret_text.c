/* What the history and the journal keep of what was typed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "prompt/secret_text.h"

#define RUN44 "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA="
#define HEX64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void becomes(const char *text, const char *kept) {
  kl_buf b = {0};
  bool found = kl_secret_mask(&b, text, strlen(text));
  assert_string_equal(b.data ? b.data : "", kept);
  assert_int_equal(found, strcmp(text, kept) != 0);
  assert_int_equal(kl_secret_found(text, strlen(text)), found);
  kl_buf_free(&b);
}

static void stays(const char *text) { becomes(text, text); }

static void hides_keys_and_tokens(void **state) {
  (void)state;
  becomes("key = [[-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----]] more",
          "key = [[[secret]]] more");
  becomes("-----BEGIN PRIVATE KEY-----\nMIIE cut off", "[secret]");
  becomes("x = \"" RUN44 "\"", "x = \"[secret]\"");
  becomes("x = " HEX64, "x = [secret]");
  becomes("a(\"eyJhbGciOiJIUzI1NiJ9.eyJzdWIi.c2ln-x\")", "a(\"[secret]\")");
}

static void hides_what_a_name_tells(void **state) {
  (void)state;
  becomes("api_key = \"abc\"", "api_key = \"[secret]\"");
  becomes("headers = { [\"X-Api-Key\"] = 'abc', a = 1 }", "headers = { [\"X-Api-Key\"] = '[secret]', a = 1 }");
  becomes("{\"password\": \"a\\\"b\"}", "{\"password\": \"[secret]\"}");
  becomes("Authorization = \"Bearer abcdefgh.1\"", "Authorization = \"[secret]\"");
  becomes("h = 'bearer abcdefgh.1' .. x", "h = 'bearer [secret]' .. x");
  becomes("KALSHI_PASSPHRASE=correct7horse", "KALSHI_PASSPHRASE=[secret]");
  becomes("my_token == [[abc]] and TOKEN=\"d\"", "my_token == [[[secret]]] and TOKEN=\"[secret]\"");
  becomes("password = \"never closed", "password = \"[secret]");
}

static void leaves_the_rest(void **state) {
  (void)state;
  stays("");
  stays("kalshi.create_order{ ticker = \"KXBTCD-26NOV2617-T90999.99\", side = \"bid\", price = 0.42 }");
  stays("kalshi.cancel_order{ order_id = \"3c1cf1b6-8d7e-4c59-9c4f-2ad1a0e2f3b4\" }");
  stays("token = get_token()");
  stays("tokens = budget.write");
  stays("token_rate = 1000000000000");
  stays("secrets_of_the_market = kalshi.get_markets{ limit = 100 }");
  stays("password = \"\"");
  stays("--------------------------------------------------------------------------");
  stays("local aVeryLongNameOfAVariableThatSomebodyTypedWithoutAnyNumberInIt = 1");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(hides_keys_and_tokens), cmocka_unit_test(hides_what_a_name_tells),
                                     cmocka_unit_test(leaves_the_rest)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
