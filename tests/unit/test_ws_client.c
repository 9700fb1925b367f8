#include "unit/ws_box.h"

/* ---- talking ---- */

static void say_two_and_ping(box *b, peer_conn *c) {
  (void)b;
  peer_write(c, "\x81\x03one\x81\x03two\x89\x02hi", 14);
}

static void close_after_two_frames(box *b, peer_conn *c) {
  if (strstr(b->frames.data, "8a:hi|") && strstr(b->frames.data, "81:hello|")) peer_write(c, "\x88\x06\x03\xE9gone", 8);
}

static void send_hello(uv_timer_t *t) {
  box *b = t->data;
  assert_true(kl_ws_client_send(b->client, "hello", 5));
}

static void talks_and_is_closed_by_the_server(void **state) {
  (void)state;
  static const char *const headers[] = {"X-Key: abc", NULL};
  box b;
  char url[64];
  box_open(&b);
  b.upgraded = say_two_and_ping;
  b.framed = close_after_two_frames;
  snprintf(url, sizeof url, "ws://127.0.0.1:%d/ws?x=1", b.server.port);
  kl_ws_client_options o = box_options(&b, url);
  o.headers = headers;
  box_connect(&b, &o);
  memset(url, 'x', sizeof url - 1); /* copied */
  b.when_open = send_hello;
  box_run(&b);
  assert_string_equal(b.log.data, "open|m:one|m:two|burst|closed|");
  assert_int_equal(b.date_ms, 784887151000);
  assert_non_null(strstr(b.head.data, "GET /ws?x=1 HTTP/1.1\r\n"));
  assert_non_null(strstr(b.head.data, "\r\nX-Key: abc\r\n"));
  assert_int_equal(strlen(b.frames.data), strlen("8a:hi|81:hello|"));
  assert_true(strstr(b.frames.data, "8a:hi|") && strstr(b.frames.data, "81:hello|")); /* in the order of the machine */
  expect_error(&b, KL_ERR_WS, 1001, "code 1001: gone");
  assert_true(b.error.retryable);
  assert_in_range(b.bytes, 150, 250);
  assert_true(b.rx_ns > 0 && b.rx_ns <= kl_mono_ns(kl_clock_real()));
  box_free(&b);
}

static void sends_what_was_queued_before_the_handshake(void **state) {
  (void)state;
  box b;
  box_open(&b);
  b.framed = say_two_and_ping;
  box_connect_plain(&b);
  assert_true(kl_ws_client_send(b.client, "early", 5));
  b.close_at = "m:two|";
  box_run(&b);
  assert_memory_equal(b.frames.data, "81:early|", 9);
  assert_string_equal(b.log.data, "open|m:one|m:two|");
  box_free(&b);
}

static void close_frame_only(box *b, peer_conn *c) {
  (void)b;
  peer_write(c, "\x88\x00", 2);
}

static void takes_a_close_frame_without_a_code(void **state) {
  (void)state;
  box b;
  box_open(&b);
  b.upgraded = close_frame_only;
  box_connect_plain(&b);
  box_run(&b);
  expect_error(&b, KL_ERR_WS, 0, "without a code");
  box_free(&b);
}

/* ---- refusals and breaks ---- */

static void hang_up_after(box *b, peer_conn *c) {
  (void)b;
  peer_finish(c);
}

static void run_with_answer(box *b, const char *answer, void (*then)(box *, peer_conn *)) {
  box_open(b);
  b->answer = answer;
  b->upgraded = then;
  box_connect_plain(b);
  box_run(b);
  assert_string_equal(b->log.data, "closed|");
}

static void tells_why_a_handshake_was_refused(void **state) {
  (void)state;
  box b;
  run_with_answer(&b,
                  "HTTP/1.1 401 Unauthorized\r\nContent-Length: 34\r\n\r\n"
                  "{\"code\":\"nope\",\"message\":\"bad key\"}",
                  NULL);
  expect_error(&b, KL_ERR_HTTP, 401, "bad key");
  assert_string_equal(b.error.code, "nope");
  box_free(&b);
  run_with_answer(&b, "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n", NULL);
  expect_error(&b, KL_ERR_HTTP, 429, "429 Too Many Requests");
  box_free(&b);
  /* A body without a length, cut by the end of the connection, and one that does not end. */
  run_with_answer(&b, "HTTP/1.1 503 Busy\r\n\r\n<html><h1>Come back later</h1>", hang_up_after);
  expect_error(&b, KL_ERR_HTTP, 503, "Come back later");
  box_free(&b);
  run_with_answer(&b, "HTTP/1.1 503 Busy\r\n\r\n<html><h1>Come back later</h1>", NULL);
  expect_error(&b, KL_ERR_HTTP, 503, "Come back later");
  box_free(&b);
}

static void send_rest(uv_timer_t *t) {
  box *b = t->data;
  peer_say(b->conn, "late words");
}

static void send_rest_later(box *b, peer_conn *c) {
  (void)c;
  uv_timer_start(&b->timer, send_rest, 50, 0);
}

static void rest_and_standstill(uv_async_t *h) {
  box *b = h->data;
  send_rest(&b->timer);
  uv_sleep(400); /* longer than the body is waited for */
  uv_close((uv_handle_t *)h, NULL);
}

static uv_async_t among_sockets; /* what it calls comes after sockets and before timers */

static void wake_it(uv_timer_t *t) {
  (void)t;
  uv_async_send(&among_sockets);
}

static void send_rest_before_a_standstill(box *b, peer_conn *c) {
  (void)c;
  uv_async_init(&b->loop, &among_sockets, rest_and_standstill);
  among_sockets.data = b;
  uv_timer_start(&b->timer, wake_it, 50, 0);
}

static void waits_for_the_body_of_a_refusal(void **state) {
  (void)state;
  box b;
  run_with_answer(&b, "HTTP/1.1 500 Oops\r\nContent-Length: 10\r\n\r\n", send_rest_later);
  expect_error(&b, KL_ERR_HTTP, 500, "late words");
  box_free(&b);
  run_with_answer(&b, "HTTP/1.1 500 Oops\r\nContent-Length: 10\r\n\r\n", send_rest_before_a_standstill);
  expect_error(&b, KL_ERR_HTTP, 500, "late words");
  box_free(&b);
}

static void refuses_what_is_no_answer_to_a_handshake(void **state) {
  (void)state;
  box b;
  run_with_answer(&b, "220 mail.test ESMTP\r\n", NULL);
  expect_error(&b, KL_ERR_PROTOCOL, 0, "not HTTP");
  box_free(&b);
  run_with_answer(&b, "HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", NULL);
  expect_error(&b, KL_ERR_PROTOCOL, 101, "Sec-WebSocket-Accept");
  box_free(&b);
  run_with_answer(&b, "HTTP/1.1 101 Switch", hang_up_after);
  expect_error(&b, KL_ERR_NETWORK, 0, "before it had answered");
  box_free(&b);
}

static void half_a_frame(box *b, peer_conn *c) {
  (void)b;
  peer_write(c, "\x81\x03one\x81\x05two", 10);
  peer_finish(c);
}

static void tells_a_connection_that_was_cut(void **state) {
  (void)state;
  box b;
  box_open(&b);
  b.upgraded = half_a_frame;
  box_connect_plain(&b);
  box_run(&b);
  assert_string_equal(b.log.data, "open|m:one|burst|closed|");
  expect_error(&b, KL_ERR_NETWORK, 0, "ended the connection");
  box_free(&b);
}

static void masked_frame(box *b, peer_conn *c) {
  (void)b;
  peer_write(c, "\x81\x01x\x81\x81zzzzx", 10);
}

static void binary_frame(box *b, peer_conn *c) {
  (void)b;
  peer_write(c, "\x81\x01x\x82\x01x\x81\x01y", 9);
}

static void finish_when_framed(box *b, peer_conn *c) {
  (void)c;
  finish(b);
}

/* The error reaches the owner and the server hears the code. */
static void expect_violation(void (*what)(box *, peer_conn *), int code, const char *says) {
  box b;
  char heard[] = {'8', '8', ':', (char)(code >> 8), (char)code, '|', 0};
  box_open(&b);
  b.upgraded = what;
  b.framed = finish_when_framed;
  b.linger = true;
  box_connect_plain(&b);
  box_run(&b);
  expect_error(&b, KL_ERR_PROTOCOL, code, says);
  assert_string_equal(b.log.data, "open|m:x|burst|closed|");
  assert_string_equal(b.frames.data, heard);
  box_free(&b);
}

static void ends_the_connection_when_the_protocol_is_broken(void **state) {
  (void)state;
  expect_violation(masked_frame, 1002, "masked frame");
  expect_violation(binary_frame, 1003, "binary message");
}

static void close_frame_seen(box *b, peer_conn *c) {
  (void)c;
  assert_string_equal(b->frames.data, "88:\x03\xE8|");
  finish(b);
}

static void close_client(uv_timer_t *t) {
  box *b = t->data;
  kl_ws_client_close(b->client);
}

static void says_goodbye_when_closed(void **state) {
  (void)state;
  box b;
  box_open(&b);
  b.framed = close_frame_seen;
  box_connect_plain(&b);
  b.when_open = close_client;
  box_run(&b);
  assert_string_equal(b.log.data, "open|");
  box_free(&b);
}

static void may_be_closed_inside_any_callback(void **state) {
  (void)state;
  static const char *const places[] = {"open|", "m:one|", "m:two|", "burst|"};
  static const char *const logs[] = {"open|", "open|m:one|", "open|m:one|m:two|", "open|m:one|m:two|burst|"};
  for (size_t i = 0; i < 4; i++) {
    box b;
    box_open(&b);
    b.upgraded = say_two_and_ping;
    b.close_at = places[i];
    box_connect_plain(&b);
    box_run(&b);
    assert_string_equal(b.log.data, logs[i]);
    box_free(&b);
  }
}

static void may_be_closed_at_any_time(void **state) {
  (void)state;
  for (int turns = 0; turns < 12; turns++) {
    box b;
    box_open(&b);
    box_connect_plain(&b);
    for (int i = 0; i < turns; i++)
      uv_run(&b.loop, UV_RUN_NOWAIT);
    kl_ws_client_close(b.client);
    finish(&b);
    box_run(&b);
    box_free(&b);
  }
}

/* ---- time and limits ---- */

static void gives_up_a_handshake_that_takes_too_long(void **state) {
  (void)state;
  box b;
  char url[64];
  box_open(&b);
  b.server.on_data = NULL;
  snprintf(url, sizeof url, "ws://127.0.0.1:%d/", b.server.port);
  kl_ws_client_options o = box_options(&b, url);
  o.connect_timeout_ms = 100;
  box_connect(&b, &o);
  box_run(&b);
  expect_error(&b, KL_ERR_TIMEOUT, 0, "within 100 ms: it was still waiting for the server's answer");
  box_free(&b);
}

static void gives_up_a_silent_connection(void **state) {
  (void)state;
  box b;
  char url[64];
  box_open(&b);
  snprintf(url, sizeof url, "ws://localhost:%d/", b.server.port);
  kl_ws_client_options o = box_options(&b, url);
  o.silence_timeout_ms = 120;
  box_connect(&b, &o);
  box_run(&b);
  assert_string_equal(b.log.data, "open|closed|");
  expect_error(&b, KL_ERR_TIMEOUT, 0, "nothing came");
  box_free(&b);
}

static void stop_reading(box *b, peer_conn *c) {
  (void)b;
  uv_read_stop((uv_stream_t *)&c->tcp);
}

static void send_too_much(uv_timer_t *t) {
  box *b = t->data;
  size_t n = 1 << 20;
  char *p = malloc(n);
  assert_non_null(p);
  memset(p, 'x', n);
  int taken = 0;
  while (kl_ws_client_send(b->client, p, n))
    assert_true(++taken < 30);
  assert_true(taken >= 7);
  assert_false(kl_ws_client_send(b->client, p, 1));
  free(p);
}

static void ends_the_connection_when_the_server_does_not_read(void **state) {
  (void)state;
  box b;
  box_open(&b);
  b.upgraded = stop_reading;
  box_connect_plain(&b);
  b.when_open = send_too_much;
  box_run(&b);
  expect_error(&b, KL_ERR_OVERFLOW, 0, "does not read");
  box_free(&b);
}

static void big_message(box *b, peer_conn *c) {
  (void)b;
  kl_buf m = {0};
  kl_buf_add(&m, "\x81\x7F\0\0\0\0\0\x10\0\0", 10);
  for (int i = 0; i < 1 << 20; i++)
    kl_buf_char(&m, (char)('a' + i % 26));
  kl_buf_add(&m,
             "\x81\x03"
             "end",
             5);
  peer_write(c, m.data, m.len);
  kl_buf_free(&m);
}

static void takes_messages_larger_than_its_buffer(void **state) {
  (void)state;
  box b;
  box_open(&b);
  b.upgraded = big_message;
  b.close_at = "m:end|";
  box_connect_plain(&b);
  box_run(&b);
  assert_non_null(strstr(b.log.data, "open|m:abcdefghijklmnopqrstuvwxyzabcdef|"));
  box_free(&b);
}

/* ---- connecting ---- */

static void tells_a_connection_that_was_refused(void **state) {
  (void)state;
  box b;
  char url[64];
  box_open(&b);
  snprintf(url, sizeof url, "ws://127.0.0.1:%d/", b.server.port);
  uv_close((uv_handle_t *)&b.server.listener, NULL);
  uv_run(&b.loop, UV_RUN_NOWAIT);
  const kl_ws_client_options o = box_options(&b, url);
  box_connect(&b, &o);
  box_run(&b);
  expect_error(&b, KL_ERR_NETWORK, 0, "connection refused");
  assert_true(b.error.retryable);
  box_free(&b);
}

static void refuses_wrong_addresses_and_headers(void **state) {
  (void)state;
  static const char *const urls[] = {"ws://example.test/",
                                     "http://127.0.0.1/",
                                     "wss://u:secret@example.test/",
                                     "127.0.0.1:80",
                                     "",
                                     "ws://127.0.0.1:99999/",
                                     "ws://127.0.0.1/a b",
                                     "ws://128.0.0.1/",
                                     "ws://localhost.test/"};
  static const char *const headers[] = {"X: 1\r\nY: 2", NULL};
  uv_loop_t loop;
  uv_loop_init(&loop);
  for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
    kl_error e = {0};
    const kl_ws_client_options o = {.url = urls[i]};
    assert_null(kl_ws_client_open(&loop, &o, &e));
    assert_string_equal(e.kind, KL_ERR_VALIDATION);
    assert_null(strstr(e.message, "secret"));
  }
  kl_error e = {0};
  const kl_ws_client_options o = {.url = "ws://127.0.0.1/", .headers = headers};
  assert_null(kl_ws_client_open(&loop, &o, &e));
  assert_string_equal(e.kind, KL_ERR_VALIDATION);
  assert_int_equal(uv_loop_close(&loop), 0);
}

/* ---- TLS ---- */

/* Connects to https://host of a peer with a certificate for `names`. */
static void run_tls(box *b, const char *names, const char *host, bool trusted) {
  char path[] = "/tmp/kl_test_ca_XXXXXX", url[64];
  box_open(b);
  peer_use_tls(&b->server, names, path);
  b->upgraded = big_message;
  b->close_at = "m:end|";
  snprintf(url, sizeof url, "wss://%s:%d/", host, b->server.port);
  kl_ws_client_options o = box_options(b, url);
  o.ca_file = trusted ? path : NULL;
  box_connect(b, &o);
  box_run(b);
  unlink(path);
}

static void talks_tls_with_a_server_whose_certificate_is_right(void **state) {
  (void)state;
  box b;
  run_tls(&b, "DNS:localhost", "localhost", true);
  assert_non_null(strstr(b.log.data, "open|m:abcdef"));
  box_free(&b);
  run_tls(&b, "IP:127.0.0.1", "127.0.0.1", true);
  assert_non_null(strstr(b.log.data, "open|m:abcdef"));
  box_free(&b);
}

static void refuses_certificates_that_are_not_trusted_or_for_another_name(void **state) {
  (void)state;
  box b;
  run_tls(&b, "DNS:localhost", "localhost", false);
  assert_string_equal(b.log.data, "closed|");
  expect_error(&b, KL_ERR_CONFIG, 0, "--ca FILE");
  box_free(&b);
  run_tls(&b, "DNS:elsewhere.test", "localhost", true);
  assert_string_equal(b.log.data, "closed|");
  expect_error(&b, KL_ERR_CONFIG, 0, "for another name");
  box_free(&b);
  run_tls(&b, "DNS:localhost", "127.0.0.1", true);
  expect_error(&b, KL_ERR_CONFIG, 0, "for another name");
  box_free(&b);
}

static void tells_a_ca_file_that_cannot_be_used(void **state) {
  (void)state;
  static const char *const files[] = {"/nowhere/ca.pem", "/dev/null"};
  for (size_t i = 0; i < 2; i++) {
    box b;
    char url[64];
    box_open(&b);
    snprintf(url, sizeof url, "wss://127.0.0.1:%d/", b.server.port);
    kl_ws_client_options o = box_options(&b, url);
    o.ca_file = files[i];
    box_connect(&b, &o);
    box_run(&b);
    expect_error(&b, KL_ERR_CONFIG, 0, files[i]);
    box_free(&b);
  }
}

static void tells_a_server_that_does_not_speak_tls(void **state) {
  (void)state;
  box b;
  char url[64];
  box_open(&b);
  b.server.on_data = peer_finish;
  snprintf(url, sizeof url, "wss://127.0.0.1:%d/", b.server.port);
  const kl_ws_client_options o = box_options(&b, url);
  box_connect(&b, &o);
  box_run(&b);
  expect_error(&b, KL_ERR_NETWORK, 0, "before it was established");
  box_free(&b);
}

/* ---- proxies ---- */

typedef struct {
  box b;
  SSL_CTX *tls;
  const char *answer;
  kl_buf connect;
} proxy_box;

static void serve_as_proxy(peer_conn *c) {
  box *b = c->p->data;
  proxy_box *p = (proxy_box *)(void *)b;
  if (p->connect.len) {
    serve(c);
    return;
  }
  size_t n = peer_request(c);
  if (!n) return;
  kl_buf_add(&p->connect, c->in.data, n);
  peer_take(c, n);
  peer_say(c, p->answer);
  if (!p->tls) return;
  c->ssl = SSL_new(p->tls);
  SSL_set_bio(c->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_accept_state(c->ssl);
}

static void run_proxy(proxy_box *p, const char *answer, bool tls) {
  char path[] = "/tmp/kl_test_ca_XXXXXX", proxy[64];
  memset(p, 0, sizeof *p);
  box_open(&p->b);
  peer_use_tls(&p->b.server, "DNS:exchange.test", path);
  p->tls = tls ? p->b.server.tls : NULL;
  if (!tls) SSL_CTX_free(p->b.server.tls);
  p->b.server.tls = NULL;
  p->b.server.on_data = serve_as_proxy;
  p->answer = answer;
  p->b.upgraded = say_two_and_ping;
  p->b.close_at = "m:two|";
  snprintf(proxy, sizeof proxy, "http://user:p%%40ss@127.0.0.1:%d", p->b.server.port);
  setenv("https_proxy", proxy, 1);
  kl_ws_client_options o = box_options(&p->b, "wss://exchange.test/ws");
  o.ca_file = path;
  box_connect(&p->b, &o);
  unsetenv("https_proxy");
  box_run(&p->b);
  SSL_CTX_free(p->tls);
  unlink(path);
}

static void goes_through_the_proxy_of_the_environment(void **state) {
  (void)state;
  proxy_box p;
  run_proxy(&p, "HTTP/1.1 200 Connection established\r\n\r\n", true);
  assert_string_equal(p.b.log.data, "open|m:one|m:two|");
  assert_non_null(strstr(p.connect.data, "CONNECT exchange.test:443 HTTP/1.1\r\n"));
  assert_non_null(strstr(p.connect.data, "Proxy-Authorization: Basic dXNlcjpwQHNz\r\n"));
  kl_buf_free(&p.connect);
  box_free(&p.b);
}

static void tells_a_proxy_that_refuses(void **state) {
  (void)state;
  proxy_box p;
  run_proxy(&p, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", false);
  expect_error(&p.b, KL_ERR_NETWORK, 0, "HTTP 407 Proxy Authentication Required");
  kl_buf_free(&p.connect);
  box_free(&p.b);
  run_proxy(&p, "EHLO\r\n\r\n", false);
  expect_error(&p.b, KL_ERR_PROTOCOL, 0, "does not answer CONNECT");
  kl_buf_free(&p.connect);
  box_free(&p.b);
}

static void never_asks_a_proxy_for_loopback(void **state) {
  (void)state;
  box b;
  setenv("https_proxy", "http://127.0.0.1:1", 1);
  setenv("all_proxy", "http://127.0.0.1:1", 1);
  run_tls(&b, "DNS:localhost", "localhost", true);
  unsetenv("https_proxy");
  unsetenv("all_proxy");
  assert_non_null(strstr(b.log.data, "open|"));
  box_free(&b);
}

int main(void) {
  alarm(100);
  static const char *const names[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    unsetenv(names[i]);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(talks_and_is_closed_by_the_server),
      cmocka_unit_test(sends_what_was_queued_before_the_handshake),
      cmocka_unit_test(takes_a_close_frame_without_a_code),
      cmocka_unit_test(tells_why_a_handshake_was_refused),
      cmocka_unit_test(waits_for_the_body_of_a_refusal),
      cmocka_unit_test(refuses_what_is_no_answer_to_a_handshake),
      cmocka_unit_test(tells_a_connection_that_was_cut),
      cmocka_unit_test(ends_the_connection_when_the_protocol_is_broken),
      cmocka_unit_test(says_goodbye_when_closed),
      cmocka_unit_test(may_be_closed_inside_any_callback),
      cmocka_unit_test(may_be_closed_at_any_time),
      cmocka_unit_test(gives_up_a_handshake_that_takes_too_long),
      cmocka_unit_test(gives_up_a_silent_connection),
      cmocka_unit_test(ends_the_connection_when_the_server_does_not_read),
      cmocka_unit_test(takes_messages_larger_than_its_buffer),
      cmocka_unit_test(tells_a_connection_that_was_refused),
      cmocka_unit_test(refuses_wrong_addresses_and_headers),
      cmocka_unit_test(talks_tls_with_a_server_whose_certificate_is_right),
      cmocka_unit_test(refuses_certificates_that_are_not_trusted_or_for_another_name),
      cmocka_unit_test(tells_a_ca_file_that_cannot_be_used),
      cmocka_unit_test(tells_a_server_that_does_not_speak_tls),
      cmocka_unit_test(goes_through_the_proxy_of_the_environment),
      cmocka_unit_test(tells_a_proxy_that_refuses),
      cmocka_unit_test(never_asks_a_proxy_for_loopback),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
