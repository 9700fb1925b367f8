/* Which hosts --allow-net allows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/permit.h"

static bool allows(const char *pattern, const char *url) {
  const char *const list[] = {"other.test", pattern, NULL};
  kl_url u;
  kl_error e;
  if (!kl_url_parse(&u, KL_URL_HTTP, url, &e)) fail_msg("%s", e.message);
  bool ok = kl_permit_allows(list, &u);
  kl_url_free(&u);
  return ok;
}

static void compares_host_and_port(void **state) {
  (void)state;
  static const struct {
    const char *pattern, *url;
    bool allowed;
  } cases[] = {
      {"api.example.test", "https://api.example.test/x", true},
      {"api.example.test", "https://API.Example.Test:8443/x", true},
      {"API.example.test", "https://api.example.test./", true},
      {"api.example.test.", "https://api.example.test/", true},
      {"api.example.test", "https://example.test/", false},
      {"api.example.test", "https://xapi.example.test/", false},
      {"api.example.test", "https://x.api.example.test/", false},
      {"api.example.test", "https://api.example.test.evil.test/", false},
      {"api.example.test", "https://evil.test/api.example.test", false},
      {"api.example.test", "https://evil.test?api.example.test", false},
      {"api.example.test:443", "https://api.example.test/", true},
      {"api.example.test:443", "https://api.example.test:444/", false},
      {"api.example.test:8443", "https://api.example.test/", false},
      {"*.example.test", "https://api.example.test/", true},
      {"*.example.test", "https://a.b.EXAMPLE.test:1/", true},
      {"*.example.test", "https://example.test/", false},
      {"*.example.test", "https://notexample.test/", false},
      {"*.example.test", "https://.example.test.evil.test/", false},
      {"*.example.test:443", "https://api.example.test/", true},
      {"*.example.test:443", "https://api.example.test:80/", false},
      {"127.0.0.1", "http://127.0.0.1:8080/", true},
      {"127.0.0.1", "http://127.1:8080/", true},
      {"127.0.0.1", "http://localhost:8080/", false},
      {"localhost", "http://localhost/", true},
      {"*.0.0.1", "http://127.0.0.1/", false},
      {"::1", "http://[::1]:8080/", true},
      {"[::1]", "http://[0:0:0:0:0:0:0:1]/", true},
      {"[::1]:80", "http://[::1]/", true},
      {"[::1]:81", "http://[::1]/", false},
      {"2001:db8::1", "https://[2001:DB8:0::1]/", true},
      {"2001:db8::1", "https://[2001:db8::2]/", false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    if (allows(cases[i].pattern, cases[i].url) != cases[i].allowed)
      fail_msg("%s %s %s", cases[i].pattern, cases[i].allowed ? "refuses" : "allows", cases[i].url);
  }
}

static void an_empty_list_allows_nothing(void **state) {
  (void)state;
  static const char *const none[] = {NULL};
  kl_url u;
  assert_true(kl_url_parse(&u, KL_URL_HTTP, "https://example.test/", NULL));
  assert_false(kl_permit_allows(NULL, &u));
  assert_false(kl_permit_allows(none, &u));
  kl_url_free(&u);
}

static void refuses_what_names_no_host(void **state) {
  (void)state;
  static const char *const bad[] = {"",
                                    "*",
                                    "*.",
                                    "https://example.test",
                                    "example.test/x",
                                    "a.test,b",
                                    "a b.test",
                                    "a.*.test",
                                    "*a.test",
                                    "a.test:",
                                    "a.test:0",
                                    "a.test:65536",
                                    "a.test:80x",
                                    "a.test:*",
                                    "u@a.test",
                                    ".a.test",
                                    "a..test",
                                    "[::1",
                                    "[::1]80",
                                    "[::1]:",
                                    "::1::",
                                    "[a.test]:80",
                                    "*.*.test",
                                    "a.test?x",
                                    "a.test#x"};
  static const char *const good[] = {"a",   "a.test",     "a.test:1",      "*.a.test:65535",
                                     "::1", "[::1]:8080", "b\xC3\xBC.test"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    kl_error e = {0};
    if (kl_permit_check(bad[i], &e)) fail_msg("\"%s\" is taken", bad[i]);
    assert_string_equal(e.kind, KL_ERR_VALIDATION);
  }
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    if (!kl_permit_check(good[i], NULL)) fail_msg("\"%s\" is refused", good[i]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(compares_host_and_port),
                                     cmocka_unit_test(an_empty_list_allows_nothing),
                                     cmocka_unit_test(refuses_what_names_no_host)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
