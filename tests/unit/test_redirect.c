/* Where a redirect leads, and whether it is followed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/redirect.h"

static int redirect(kl_redirect *out, int status, const char *method, const char *url, const char *location,
                    kl_error *e) {
  char fields[512] = "X: 1\r\n";
  if (location) snprintf(fields, sizeof fields, "X: 1\r\nlocation: %s\r\nLocation: /second\r\n", location);
  const kl_http_response res = {.status = status, .head = {.fields = fields, .fields_len = strlen(fields)}};
  memset(e, 0, sizeof *e);
  return kl_redirect_read(out, method, url, &res, e);
}

static void finds_the_next_address(void **state) {
  (void)state;
  static const struct {
    const char *url, *location, *next;
    bool other;
  } cases[] = {
      {"https://a.test/x/y?q", "/z", "https://a.test/z", false},
      {"https://a.test/x/y?q", "z", "https://a.test/x/z", false},
      {"https://a.test/x/y?q", "?r", "https://a.test/x/y?r", false},
      {"https://a.test/x", "../../z", "https://a.test/z", false},
      {"https://a.test/x", "https://a.test:443/z#part", "https://a.test:443/z", false},
      {"https://a.test/x", "HTTPS://A.test/z", "https://A.test/z", false},
      {"https://a.test/x", "/a b", "https://a.test/a%20b", false},
      {"https://a.test/x", "//b.test/z", "https://b.test/z", true},
      {"https://a.test/x", "https://a.test:8443/", "https://a.test:8443/", true},
      {"https://a.test/x", "https://sub.a.test/", "https://sub.a.test/", true},
      {"http://127.0.0.1:80/x", "https://127.0.0.1:80/", "https://127.0.0.1:80/", true},
      {"http://127.0.0.1/x", "http://localhost/", "http://localhost/", true},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    kl_redirect out;
    kl_error e;
    int rc = redirect(&out, 307, "GET", cases[i].url, cases[i].location, &e);
    if (rc != 1) fail_msg("%s: %s", cases[i].location, e.message);
    assert_string_equal(out.url, cases[i].next);
    assert_int_equal(out.other_origin, cases[i].other);
    free(out.url);
  }
}

static void does_not_follow_to_just_anywhere(void **state) {
  (void)state;
  static const struct {
    const char *url, *location, *says;
  } cases[] = {
      {"https://a.test/", "http://a.test/", "unencrypted"},
      {"https://a.test/", "http://127.0.0.1/", "from https to http"},
      {"http://127.0.0.1/", "http://a.test/", "unencrypted"},
      {"https://a.test/", "ftp://a.test/", "not followed"},
      {"https://a.test/", "file:///etc/passwd", "not followed"},
      {"https://a.test/", "https://user:secret@a.test/", "not followed"},
      {"https://a.test/", "https://", "no address"},
      {"https://a.test/", "https://a.test:99999/", "no address"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    kl_redirect out;
    kl_error e;
    assert_int_equal(redirect(&out, 301, "GET", cases[i].url, cases[i].location, &e), -1);
    assert_string_equal(e.kind, KL_ERR_PROTOCOL);
    if (!strstr(e.message, cases[i].says)) fail_msg("%s: %s", cases[i].location, e.message);
    assert_null(strstr(e.message, "secret"));
    assert_null(out.url);
  }
}

static void turns_into_get_where_the_web_does(void **state) {
  (void)state;
  static const struct {
    int status;
    const char *method;
    bool get;
  } cases[] = {
      {301, "POST", true},   {302, "POST", true},  {303, "POST", true},   {307, "POST", false},
      {308, "POST", false},  {301, "PUT", false},  {302, "PATCH", false}, {303, "PUT", true},
      {303, "DELETE", true}, {303, "HEAD", false}, {302, "HEAD", false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    kl_redirect out;
    kl_error e;
    assert_int_equal(redirect(&out, cases[i].status, cases[i].method, "https://a.test/", "/x", &e), 1);
    assert_int_equal(out.to_get, cases[i].get);
    free(out.url);
  }
}

static void other_answers_lead_nowhere(void **state) {
  (void)state;
  static const int others[] = {200, 201, 300, 304, 305, 306, 399, 404};
  kl_redirect out;
  kl_error e;
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    assert_int_equal(redirect(&out, others[i], "GET", "https://a.test/", "/x", &e), 0);
    assert_null(out.url);
  }
  assert_int_equal(redirect(&out, 302, "GET", "https://a.test/", NULL, &e), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(finds_the_next_address), cmocka_unit_test(does_not_follow_to_just_anywhere),
      cmocka_unit_test(turns_into_get_where_the_web_does), cmocka_unit_test(other_answers_lead_nowhere)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
