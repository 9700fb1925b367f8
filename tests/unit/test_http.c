#include "unit/http_box.h"

/* ---- answers ---- */

static void gets_an_answer(void **state) {
  (void)state;
  static const char *const headers[] = {"X-Key: abc", "X-Empty:", NULL};
  box b;
  char url[128];
  box_open(&b);
  b.answer = "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nDate: Tue, 15 Nov 1994 08:12:31 GMT\r\n"
             "Content-Length: 2\r\n\r\n{}";
  snprintf(url, sizeof url, "%s/a?b=c", b.base);
  box_send(&b, 0, &(kl_http_request){.method = "GET", .url = url, .headers = headers});
  assert_int_equal(kl_http_active(b.http), 1);
  box_run(&b);
  assert_int_equal(b.calls[0].status, 404);
  assert_string_equal(b.calls[0].body.data, "{}");
  assert_string_equal(b.calls[0].type, "application/json");
  assert_int_equal(b.calls[0].date_ms, 784887151000);
  assert_true(b.calls[0].total_us > 0 && b.calls[0].total_us < 5000000);
  assert_non_null(strstr(b.requests.data, "GET /a?b=c HTTP/1.1\r\n"));
  assert_non_null(strstr(b.requests.data, "\r\nX-Key: abc\r\n"));
  assert_non_null(strstr(b.requests.data, "\r\nX-Empty:\r\n"));
  assert_non_null(strstr(b.requests.data, "\r\nUser-Agent: tester/1\r\n"));
  assert_non_null(strstr(b.requests.data, "gzip"));
  box_free(&b);
}

static void sends_bodies_with_every_method(void **state) {
  (void)state;
  static const struct {
    const char *method, *body, *start, *length;
  } cases[] = {
      {"POST", "{\"a\":1}", "POST /x HTTP/1.1\r\n", "\r\nContent-Length: 7\r\n"},
      {"POST", NULL, "POST /x HTTP/1.1\r\n", "\r\nContent-Length: 0\r\n"},
      {"PUT", "abc", "PUT /x HTTP/1.1\r\n", "\r\nContent-Length: 3\r\n"},
      {"PUT", NULL, "PUT /x HTTP/1.1\r\n", "\r\nContent-Length: 0\r\n"},
      {"DELETE", "{}", "DELETE /x HTTP/1.1\r\n", "\r\nContent-Length: 2\r\n"},
      {"DELETE", NULL, "DELETE /x HTTP/1.1\r\n", ""},
  };
  static const char *const headers[] = {"Content-Type: application/json", NULL};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    box b;
    char url[128];
    box_open(&b);
    snprintf(url, sizeof url, "%s/x", b.base);
    box_send(&b, 0,
             &(kl_http_request){.method = cases[i].method,
                                .url = url,
                                .body = cases[i].body,
                                .body_len = cases[i].body ? strlen(cases[i].body) : 0,
                                .headers = i ? headers : NULL});
    box_run(&b);
    assert_int_equal(b.calls[0].status, 200);
    const char *got = b.requests.data;
    assert_memory_equal(got, cases[i].start, strlen(cases[i].start));
    assert_non_null(strstr(got, cases[i].length));
    const char *body = strstr(got, "\r\n\r\n") + 4;
    size_t n = cases[i].body ? strlen(cases[i].body) : 0;
    assert_memory_equal(body, cases[i].body ? cases[i].body : "", n);
    assert_string_equal(body + n, "|");
    assert_null(strcasestr(got, "Expect:"));
    if (!i) assert_null(strcasestr(got, "Content-Type:"));
    if (!cases[i].length[0]) assert_null(strcasestr(got, "Content-Length"));
    box_free(&b);
  }
}

static void send_large_body(box *b) {
  char url[128];
  size_t n = 3 << 20;
  char *body = malloc(n);
  assert_non_null(body);
  memset(body, 'x', n);
  snprintf(url, sizeof url, "%s/x", b->base);
  box_send(b, 0, &(kl_http_request){.method = "POST", .url = url, .body = body, .body_len = n});
  memset(body, 'y', n); /* copied */
  free(body);
}

static void sends_a_large_body(void **state) {
  (void)state;
  box b;
  box_open(&b);
  send_large_body(&b);
  box_run(&b);
  assert_int_equal(b.calls[0].status, 200);
  assert_true(b.requests.len > 3 << 20);
  assert_null(strchr(strstr(b.requests.data, "\r\n\r\n"), 'y'));
  box_free(&b);
}

static void send_another(box *b, outcome *o) {
  if (o->order < 4) box_get(b, o->order, "/again");
}

static void keeps_its_connection(void **state) {
  (void)state;
  box b;
  box_open(&b);
  b.then = send_another;
  box_get(&b, 0, "/first");
  box_run(&b);
  assert_int_equal(b.done, 4);
  assert_int_equal(b.server.accepted, 1);
  for (int i = 0; i < 4; i++)
    assert_string_equal(b.calls[i].body.data, "hello");
  box_free(&b);
}

static void makes_calls_side_by_side(void **state) {
  (void)state;
  box b;
  box_open(&b);
  for (int i = 0; i < 8; i++)
    box_get(&b, i, "/");
  assert_int_equal(kl_http_active(b.http), 8);
  box_run(&b);
  assert_int_equal(b.done, 8);
  for (int i = 0; i < 8; i++)
    assert_int_equal(b.calls[i].status, 200);
  box_free(&b);
}

static void answer_with_a_redirect(box *b, peer_conn *c, const char *request) {
  char text[256];
  (void)request;
  snprintf(text, sizeof text, "HTTP/1.1 302 Found\r\nLocation: %s/other\r\nContent-Length: 0\r\n\r\n", b->base);
  peer_say(c, text);
}

static void does_not_follow_redirects(void **state) {
  (void)state;
  box b;
  box_open(&b);
  b.serve = answer_with_a_redirect;
  box_get(&b, 0, "/");
  box_run(&b);
  assert_int_equal(b.calls[0].status, 302);
  assert_null(strstr(b.requests.data, "/other"));
  box_free(&b);
}

static void passes_on_a_page_of_html_with_status_500(void **state) {
  (void)state;
  box b;
  box_open(&b);
  b.answer = "HTTP/1.1 500 Oops\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"
             "4\r\n<b>a\r\n5\r\n</b>b\r\n0\r\n\r\n";
  box_get(&b, 0, "/");
  box_run(&b);
  assert_int_equal(b.calls[0].status, 500);
  assert_string_equal(b.calls[0].body.data, "<b>a</b>b");
  box_free(&b);
}

/* ---- failures ---- */

static void cut_after(box *b, peer_conn *c, const char *request) {
  (void)request;
  peer_say(c, b->answer);
  peer_finish(c);
}

static void post(box *b, int i, const char *path, int64_t timeout_ms) {
  char url[128];
  snprintf(url, sizeof url, "%s%s", b->base, path);
  box_send(b, i,
           &(kl_http_request){.method = "POST", .url = url, .body = "{}", .body_len = 2, .timeout_ms = timeout_ms});
}

static void tells_an_answer_that_was_cut(void **state) {
  (void)state;
  static const char *const answers[] = {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "HTTP/1.1 20", ""};
  static const char *const says[] = {"before its answer was complete", "without an answer", "without an answer"};
  for (size_t i = 0; i < 3; i++) {
    box b;
    box_open(&b);
    b.serve = cut_after;
    b.answer = answers[i];
    post(&b, 0, "/", 5000);
    box_run(&b);
    expect_error(&b.calls[0], KL_ERR_NETWORK, KL_SENT_MAYBE, says[i]);
    assert_false(b.calls[0].error.retryable);
    box_free(&b);
  }
}

static void answer_nothing(box *b, peer_conn *c, const char *request) { (void)b, (void)c, (void)request; }

static void tells_a_timeout_after_sending(void **state) {
  (void)state;
  box b;
  box_open(&b);
  b.serve = answer_nothing;
  post(&b, 0, "/", 100);
  box_run(&b);
  expect_error(&b.calls[0], KL_ERR_TIMEOUT, KL_SENT_MAYBE, "no whole answer");
  box_free(&b);
}

static void tells_a_connection_that_was_refused(void **state) {
  (void)state;
  box b;
  box_open(&b);
  uv_close((uv_handle_t *)&b.server.listener, NULL);
  uv_run(&b.loop, UV_RUN_NOWAIT);
  post(&b, 0, "/", 5000);
  box_run(&b);
  expect_error(&b.calls[0], KL_ERR_NETWORK, KL_SENT_NO, "refused");
  assert_true(b.calls[0].error.retryable);
  box_free(&b);
}

static void refuses_an_answer_longer_than_allowed(void **state) {
  (void)state;
  static const char *const answers[] = {"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world",
                                        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello "
                                        "world\r\n0\r\n\r\n"};
  for (size_t i = 0; i < 2; i++) {
    for (size_t max = 10; max <= 11; max++) {
      box b;
      box_open(&b);
      b.answer = answers[i];
      box_send(&b, 0, &(kl_http_request){.method = "GET", .url = b.base, .max_body = max});
      box_run(&b);
      if (max == 11)
        assert_int_equal(b.calls[0].status, 200);
      else
        expect_error(&b.calls[0], KL_ERR_PROTOCOL, KL_SENT_MAYBE, "longer than the 10 bytes");
      box_free(&b);
    }
  }
}

static void tells_an_answer_that_is_not_http(void **state) {
  (void)state;
  box b;
  box_open(&b);
  b.answer = "SSH-2.0-x\r\n\r\n";
  box_get(&b, 0, "/");
  box_run(&b);
  expect_error(&b.calls[0], KL_ERR_PROTOCOL, KL_SENT_MAYBE, "not proper HTTP");
  box_free(&b);
}

/* The server takes a second request and hangs up without a word. */
static void answer_first_only(box *b, peer_conn *c, const char *request) {
  (void)b;
  if (strstr(request, "/second"))
    peer_hang_up(c);
  else
    peer_say(c, OK);
}

static void post_second(box *b, outcome *o) {
  if (o->order == 1) post(b, 1, "/second", 5000);
}

static void does_not_send_an_order_twice_when_a_kept_connection_dies(void **state) {
  (void)state;
  box b;
  box_open(&b);
  b.serve = answer_first_only;
  b.then = post_second;
  box_get(&b, 0, "/first");
  box_run(&b);
  assert_int_equal(b.calls[0].status, 200);
  expect_error(&b.calls[1], KL_ERR_NETWORK, KL_SENT_MAYBE, "without an answer");
  const char *second = strstr(b.requests.data, "/second");
  assert_non_null(second);
  assert_null(strstr(second + 1, "/second"));
  box_free(&b);
}

static void refuses_wrong_requests(void **state) {
  (void)state;
  static const char *const bad_header[] = {"X: 1\r\nY: 2", NULL};
  static const char *const no_colon[] = {"X", NULL};
  const kl_http_request cases[] = {
      {.method = "GET", .url = "http://example.test/"},
      {.method = "GET", .url = "ftp://127.0.0.1/"},
      {.method = "GET", .url = "file:///etc/passwd"},
      {.method = "GET", .url = "https://user:secret@example.test/"},
      {.method = "GET", .url = "http://127.0.0.1.example.test/"},
      {.method = "GET", .url = ""},
      {.method = "GET /x", .url = "http://127.0.0.1/"},
      {.method = "", .url = "http://127.0.0.1/"},
      {.method = "GET", .url = "http://127.0.0.1/", .headers = bad_header},
      {.method = "GET", .url = "http://127.0.0.1/", .headers = no_colon},
  };
  box b;
  box_open(&b);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    kl_error e = {0};
    assert_null(kl_http_send(b.http, &cases[i], on_done, &b.calls[0], &e));
    assert_string_equal(e.kind, KL_ERR_VALIDATION);
    assert_int_equal(e.sent, KL_SENT_NO);
    assert_null(strstr(e.message, "secret"));
  }
  assert_int_equal(kl_http_active(b.http), 0);
  finish(&b);
  box_run(&b);
  box_free(&b);
}

static void tells_a_host_that_cannot_be_found(void **state) {
  (void)state;
  box b;
  box_open(&b);
  box_send(&b, 0, &(kl_http_request){.method = "GET", .url = "https://nowhere.invalid/", .timeout_ms = 20000});
  box_run(&b);
  expect_error(&b.calls[0], KL_ERR_NETWORK, KL_SENT_NO, "nowhere.invalid");
  box_free(&b);
}

/* ---- cancel and close ---- */

static void cancel_and_finish(uv_timer_t *t) {
  box *b = t->data;
  kl_http_cancel(b->handle);
  assert_int_equal(kl_http_active(b->http), 0);
  finish(b);
}

static void calls_nobody_after_a_cancel(void **state) {
  (void)state;
  for (int i = 0; i < 3; i++) {
    box b;
    box_open(&b);
    b.serve = answer_nothing;
    if (i == 0) {
      b.handle = box_send(&b, 0, &(kl_http_request){.method = "GET", .url = "https://nowhere.invalid/"});
    } else {
      b.handle = box_get(&b, 0, "/");
    }
    uv_timer_start(&b.timer, cancel_and_finish, i == 2 ? 50 : 0, 0);
    box_run(&b);
    assert_false(b.calls[0].done);
    box_free(&b);
  }
}

static void cancel_the_other(box *b, outcome *o) {
  if (o->order > 1) return;
  kl_http_cancel(b->handle);
  b->wanted--;
}

static void may_cancel_another_call_inside_a_callback(void **state) {
  (void)state;
  box b;
  box_open(&b);
  b.then = cancel_the_other;
  box_get(&b, 0, "/");
  b.handle = box_get(&b, 1, "/");
  box_run(&b);
  assert_int_equal(b.done, 1);
  assert_false(b.calls[1].done);
  box_free(&b);
}

static void cancel_itself(box *b, outcome *o) {
  (void)o;
  kl_http_cancel(b->handle);
}

static void may_cancel_itself_inside_its_callback(void **state) {
  (void)state;
  box b;
  box_open(&b);
  b.then = cancel_itself;
  b.handle = box_get(&b, 0, "/");
  box_run(&b);
  assert_int_equal(b.calls[0].status, 200);
  box_free(&b);
}

static void close_now(uv_timer_t *t) { finish(t->data); }

static void tells_calls_under_way_that_the_client_closes(void **state) {
  (void)state;
  box b;
  box_open(&b);
  b.serve = answer_nothing;
  box_get(&b, 0, "/");
  post(&b, 1, "/", 5000);
  b.wanted = 3; /* the close is ours */
  uv_timer_start(&b.timer, close_now, 50, 0);
  box_run(&b);
  expect_error(&b.calls[0], KL_ERR_CLOSED, KL_SENT_MAYBE, "closed");
  expect_error(&b.calls[1], KL_ERR_CLOSED, KL_SENT_MAYBE, "closed");
  box_free(&b);
}

static void may_be_closed_without_a_callback_and_without_calls(void **state) {
  (void)state;
  uv_loop_t loop;
  kl_error e;
  assert_int_equal(uv_loop_init(&loop), 0);
  kl_http *h = kl_http_new(&loop, &(kl_http_options){0}, &e);
  assert_non_null(h);
  kl_http_close(h, NULL, NULL);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&loop), 0);
}

/* ---- TLS ---- */

static void run_tls(box *b, const char *names, const char *host, bool trusted) {
  char path[] = "/tmp/kl_test_ca_XXXXXX", url[64];
  peer maker = {0};
  peer_use_tls(&maker, names, path);
  box_open_trusting(b, trusted ? path : NULL);
  b->server.tls = maker.tls;
  snprintf(url, sizeof url, "https://%s:%d/", host, b->server.port);
  box_send(b, 0, &(kl_http_request){.method = "GET", .url = url, .timeout_ms = 5000});
  box_run(b);
  unlink(path);
}

static void talks_tls_with_a_server_whose_certificate_is_right(void **state) {
  (void)state;
  box b;
  run_tls(&b, "DNS:localhost", "localhost", true);
  assert_string_equal(b.calls[0].body.data, "hello");
  box_free(&b);
  run_tls(&b, "IP:127.0.0.1", "127.0.0.1", true);
  assert_string_equal(b.calls[0].body.data, "hello");
  box_free(&b);
}

static void refuses_certificates_that_are_not_trusted_or_for_another_name(void **state) {
  (void)state;
  box b;
  run_tls(&b, "DNS:localhost", "localhost", false);
  expect_error(&b.calls[0], KL_ERR_CONFIG, KL_SENT_NO, "--ca FILE");
  box_free(&b);
  run_tls(&b, "DNS:elsewhere.test", "localhost", true);
  expect_error(&b.calls[0], KL_ERR_CONFIG, KL_SENT_NO, "is not trusted");
  assert_int_equal(b.requests.len, 0);
  box_free(&b);
}

static void refuses_a_ca_file_that_cannot_be_read(void **state) {
  (void)state;
  kl_error e = {0};
  uv_loop_t loop;
  assert_int_equal(uv_loop_init(&loop), 0);
  assert_null(kl_http_new(&loop, &(kl_http_options){.ca_file = "/nowhere/ca.pem"}, &e));
  assert_string_equal(e.kind, KL_ERR_CONFIG);
  assert_non_null(strstr(e.message, "/nowhere/ca.pem"));
  assert_int_equal(uv_loop_close(&loop), 0);
}

static void never_asks_a_proxy_for_loopback(void **state) {
  (void)state;
  box b;
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  setenv("all_proxy", "http://127.0.0.1:1", 1);
  box_open(&b);
  box_get(&b, 0, "/");
  box_run(&b);
  unsetenv("http_proxy");
  unsetenv("all_proxy");
  assert_int_equal(b.calls[0].status, 200);
  box_free(&b);
}

int main(void) {
  alarm(100);
  static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                      "ALL_PROXY",  "no_proxy",    "NO_PROXY"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    unsetenv(names[i]);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gets_an_answer),
      cmocka_unit_test(sends_bodies_with_every_method),
      cmocka_unit_test(sends_a_large_body),
      cmocka_unit_test(keeps_its_connection),
      cmocka_unit_test(makes_calls_side_by_side),
      cmocka_unit_test(does_not_follow_redirects),
      cmocka_unit_test(passes_on_a_page_of_html_with_status_500),
      cmocka_unit_test(tells_an_answer_that_was_cut),
      cmocka_unit_test(tells_a_timeout_after_sending),
      cmocka_unit_test(tells_a_connection_that_was_refused),
      cmocka_unit_test(refuses_an_answer_longer_than_allowed),
      cmocka_unit_test(tells_an_answer_that_is_not_http),
      cmocka_unit_test(does_not_send_an_order_twice_when_a_kept_connection_dies),
      cmocka_unit_test(refuses_wrong_requests),
      cmocka_unit_test(tells_a_host_that_cannot_be_found),
      cmocka_unit_test(calls_nobody_after_a_cancel),
      cmocka_unit_test(may_cancel_another_call_inside_a_callback),
      cmocka_unit_test(may_cancel_itself_inside_its_callback),
      cmocka_unit_test(tells_calls_under_way_that_the_client_closes),
      cmocka_unit_test(may_be_closed_without_a_callback_and_without_calls),
      cmocka_unit_test(talks_tls_with_a_server_whose_certificate_is_right),
      cmocka_unit_test(refuses_certificates_that_are_not_trusted_or_for_another_name),
      cmocka_unit_test(refuses_a_ca_file_that_cannot_be_read),
      cmocka_unit_test(never_asks_a_proxy_for_loopback),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
