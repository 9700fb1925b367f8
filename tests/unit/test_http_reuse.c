/* What calls share: handles, connections, TLS sessions; and what they must not. */
#include "unit/http_box.h"

#include "base/log.h"

/* ---- handles ---- */

typedef struct shape {
  const char *method, *path, *body;
  const char *headers[4];
  int64_t timeout_ms;
  size_t max_body;
} shape;

static const shape shapes[] = {
    {"GET", "/", NULL, {0}, 0, 0},
    {"GET", "/a?b=c", NULL, {"X-One: 1", "X-Two: 2", "X-Empty:"}, 5000, 100},
    {"HEAD", "/", NULL, {0}, 0, 0},
    {"POST", "/", "{\"a\":1}", {"Content-Type: application/json"}, 0, 0},
    {"POST", "/", NULL, {0}, 7000, 0},
    {"POST", "/x", "", {"Authorization: Bearer secret"}, 0, 0},
    {"PUT", "/", "abc", {"User-Agent: other"}, 0, 5},
    {"PATCH", "/y", NULL, {"Accept: text/plain"}, 0, 0},
    {"DELETE", "/", "{}", {0}, 0, 0},
    {"DELETE", "/z", NULL, {"Accept-Encoding: identity"}, 0, 0},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void send_shape(box *b, int i, const shape *s) {
  char url[128];
  snprintf(url, sizeof url, "%s%s", b->base, s->path);
  box_send(b, i,
           &(kl_http_request){.method = s->method,
                              .url = url,
                              .headers = s->headers,
                              .body = s->body,
                              .body_len = s->body ? strlen(s->body) : 0,
                              .timeout_ms = s->timeout_ms,
                              .max_body = s->max_body});
}

static const shape *second_shape;

static void send_second(box *b, outcome *o) {
  if (o->order == 1 && second_shape) send_shape(b, 1, second_shape);
}

static void answer_by_method(box *b, peer_conn *c, const char *request) {
  (void)b;
  peer_say(c, strncmp(request, "HEAD", 4) ? OK
                                          : "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n");
}

/* Everything that the server got for the second of two calls, the port in `Host` apart. */
static char *requested(const shape *first, const shape *second) {
  box b;
  box_open(&b);
  b.serve = answer_by_method;
  b.then = send_second;
  second_shape = second;
  send_shape(&b, 0, first);
  box_run(&b);
  for (int i = 0; i < b.done; i++)
    assert_int_equal(b.calls[i].status, 200);
  assert_int_equal(b.server.accepted, 1);
  const char *bar = strchr(b.requests.data, '|');
  char *text = strdup(second ? bar + 1 : b.requests.data);
  assert_non_null(text);
  const char *host = strstr(text, "Host: ");
  assert_non_null(host);
  for (char *p = text + (host - text) + 16; *p != '\r'; p++)
    *p = '0';
  box_free(&b);
  return text;
}

static void nothing_of_a_call_reaches_the_next(void **state) {
  (void)state;
  for (size_t k = 0; k < SHAPES; k++) {
    char *alone = requested(&shapes[k], NULL);
    for (size_t i = 0; i < SHAPES; i++) {
      char *after = requested(&shapes[i], &shapes[k]);
      assert_string_equal(after, alone);
      free(after);
    }
    free(alone);
  }
}

static void limits_are_those_of_the_call(void **state) {
  (void)state;
  static const shape tight = {"GET", "/", NULL, {0}, 0, 4}, wide = {"GET", "/", NULL, {0}, 0, 5};
  for (int order = 0; order < 2; order++) {
    box b;
    box_open(&b);
    b.then = send_second;
    second_shape = order ? &tight : &wide;
    send_shape(&b, 0, order ? &wide : &tight);
    box_run(&b);
    expect_error(&b.calls[order], KL_ERR_PROTOCOL, KL_SENT_MAYBE, "longer than the 4 bytes");
    assert_int_equal(b.calls[!order].status, 200);
    assert_string_equal(b.calls[!order].body.data, "hello");
    box_free(&b);
  }
}

static void answer_in_turn(box *b, peer_conn *c, const char *request) {
  static const char *const answers[] = {
      "HTTP/1.1 200 OK\r\nDate: Tue, 15 Nov 1994 08:12:31 GMT\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nDate: Tue, 15 Nov 1994 08:12:32 GMT\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nDate: soon\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nDate: Tue, 15 Nov 1994 08:12:32 GMT\r\nContent-Length: 0\r\n\r\n",
  };
  (void)request;
  peer_say(c, answers[b->done]);
}

static void get_next(box *b, outcome *o) {
  if (o->order < 5) box_get(b, o->order, "/");
}

static void dates_are_those_of_the_call(void **state) {
  (void)state;
  static const int64_t expected[] = {784887151000, 784887152000, 0, 0, 784887152000};
  box b;
  box_open(&b);
  b.serve = answer_in_turn;
  b.then = get_next;
  box_get(&b, 0, "/");
  box_run(&b);
  for (int i = 0; i < 5; i++)
    assert_int_equal(b.calls[i].date_ms, expected[i]);
  box_free(&b);
}

/* ---- connections ---- */

static void close_after(box *b, peer_conn *c, const char *request) {
  (void)b, (void)request;
  peer_say(c, OK);
  peer_finish(c);
}

static void get_later(uv_timer_t *t) {
  box *b = t->data;
  box_get(b, b->done, "/");
  b->wanted--;
}

static void wait_and_get(box *b, outcome *o) {
  if (o->order < 3) uv_timer_start(&b->timer, get_later, 30, 0);
}

static void a_connection_that_the_server_ended_is_not_used_again(void **state) {
  (void)state;
  box b;
  box_open(&b);
  b.serve = close_after;
  b.then = wait_and_get;
  b.wanted = 2;
  box_get(&b, 0, "/");
  box_run(&b);
  assert_int_equal(b.server.accepted, 3);
  for (int i = 0; i < 3; i++)
    assert_int_equal(b.calls[i].status, 200);
  box_free(&b);
}

/* ---- warming ---- */

static void warm_again_and_finish(uv_timer_t *t) {
  box *b = t->data;
  kl_http_warm(b->http, b->base);
  assert_int_equal(kl_http_active(b->http), 0); /* one is at hand */
  finish(b);
}

static void then_warm_again(box *b, outcome *o) {
  (void)o;
  uv_timer_start(&b->timer, warm_again_and_finish, 0, 0);
}

static void send_when_warm(uv_timer_t *t) {
  box *b = t->data;
  if (kl_http_active(b->http)) return; /* not yet */
  uv_timer_stop(t);
  assert_int_equal(b->server.accepted, 1);
  char url[128];
  snprintf(url, sizeof url, "%s/order", b->base);
  box_send(b, 0, &(kl_http_request){.method = "POST", .url = url, .body = "{}", .body_len = 2});
}

static void warm(box *b) {
  char url[128];
  snprintf(url, sizeof url, "%s/status?cheap", b->base);
  b->serve = answer_by_method;
  b->then = then_warm_again;
  b->wanted = 1; /* the close is ours */
  kl_http_warm(b->http, url);
  kl_http_warm(b->http, url);
  assert_int_equal(kl_http_active(b->http), 1);
  uv_timer_start(&b->timer, send_when_warm, 5, 5);
  box_run(b);
  assert_int_equal(b->calls[0].status, 200);
  assert_int_equal(b->server.accepted, 1);
  assert_memory_equal(b->requests.data, "GET /status?cheap HTTP/1.1\r\n", 28);
  assert_non_null(strstr(b->requests.data, "|POST /order HTTP/1.1\r\n"));
}

static void a_warm_connection_takes_the_next_call(void **state) {
  (void)state;
  box b;
  box_open(&b);
  warm(&b);
  box_free(&b);
}

static void a_warm_connection_takes_the_next_call_with_tls(void **state) {
  (void)state;
  char path[] = "/tmp/kl_test_ca_XXXXXX";
  peer maker = {0};
  box b;
  peer_use_tls(&maker, "IP:127.0.0.1", path);
  box_open_trusting(&b, path);
  b.server.tls = maker.tls;
  snprintf(b.base, sizeof b.base, "https://127.0.0.1:%d", b.server.port);
  warm(&b);
  box_free(&b);
  unlink(path);
}

static void see_it_ended(uv_timer_t *t) {
  box *b = t->data;
  if (kl_http_active(b->http) || b->server.conns) return;
  if (b->server.accepted == 1) {
    kl_http_warm(b->http, b->base);
  } else {
    uv_timer_stop(t);
    finish(b);
  }
}

static void a_connection_that_ended_is_warmed_anew(void **state) {
  (void)state;
  box b;
  box_open(&b);
  b.serve = close_after;
  kl_http_warm(b.http, b.base);
  uv_timer_start(&b.timer, see_it_ended, 30, 30);
  box_run(&b);
  assert_int_equal(b.server.accepted, 2);
  box_free(&b);
}

static void finish_when_done(uv_timer_t *t) {
  box *b = t->data;
  if (kl_http_active(b->http)) return;
  uv_timer_stop(t);
  finish(b);
}

static void warming_in_vain_is_only_logged(void **state) {
  (void)state;
  char log[] = "/tmp/kl_test_log_XXXXXX", text[4096] = "";
  int fd = mkstemp(log);
  assert_true(fd >= 0);
  assert_true(kl_log_open(KL_LOG_DEBUG, false, log));
  box b;
  box_open(&b);
  uv_close((uv_handle_t *)&b.server.listener, NULL);
  uv_run(&b.loop, UV_RUN_NOWAIT);
  kl_http_warm(b.http, b.base);
  kl_http_warm(b.http, "http://example.test/");
  kl_http_warm(b.http, "nonsense");
  uv_timer_start(&b.timer, finish_when_done, 5, 5);
  box_run(&b);
  kl_log_close();
  assert_true(read(fd, text, sizeof text - 1) > 0);
  close(fd);
  unlink(log);
  assert_non_null(strstr(text, "refused"));
  assert_non_null(strstr(text, "unencrypted"));
  assert_non_null(strstr(text, "nonsense"));
  assert_null(strstr(text, "ERROR"));
  box_free(&b);
}

/* ---- TLS sessions ---- */

static int resumed;
static peer_conn *held[3];

/* The first is answered at once, the next three together. */
static void hold_three(box *b, peer_conn *c, const char *request) {
  (void)request;
  resumed += SSL_session_reused(c->ssl);
  if (b->done == 0) {
    peer_say(c, OK);
    return;
  }
  held[b->wanted++ - 5] = c;
  if (b->wanted < 8) return;
  b->wanted = 4;
  for (int i = 0; i < 3; i++)
    peer_say(held[i], OK);
}

static void then_three(box *b, outcome *o) {
  if (o->order > 1) return;
  for (int i = 1; i < 4; i++)
    box_get(b, i, "/");
  b->wanted = 5;
}

/* Whichever handle they are made with. */
static void the_next_connections_resume_the_first_ones_session(void **state) {
  (void)state;
  char path[] = "/tmp/kl_test_ca_XXXXXX";
  peer maker = {0};
  box b;
  peer_use_tls(&maker, "IP:127.0.0.1", path);
  box_open_trusting(&b, path);
  b.server.tls = maker.tls;
  snprintf(b.base, sizeof b.base, "https://127.0.0.1:%d", b.server.port);
  b.serve = hold_three;
  b.then = then_three;
  b.wanted = 1; /* the close is ours */
  resumed = 0;
  box_get(&b, 0, "/");
  box_run(&b);
  assert_int_equal(b.server.accepted, 3);
  assert_int_equal(resumed, 2);
  box_free(&b);
  unlink(path);
}

/* ---- header fields ---- */

static void on_fields(void *data, const kl_http_response *res, const kl_error *e) {
  box *b = data;
  kl_http_field f;
  assert_null(e);
  assert_int_equal(res->head.status, res->status);
  for (size_t at = 0; kl_http_head_next(&res->head, &at, &f);) {
    kl_buf_add(&b->calls[0].body, f.name, f.name_len);
    kl_buf_char(&b->calls[0].body, '=');
    kl_buf_add(&b->calls[0].body, f.value, f.value_len);
    kl_buf_char(&b->calls[0].body, ';');
  }
  finish(b);
}

static void all_fields_of_the_last_head_are_there(void **state) {
  (void)state;
  kl_error e;
  box b;
  box_open(&b);
  b.answer = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
             "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nset-cookie: b=2; c\r\nX-Empty:\r\nX-Wide:   a b  \r\n"
             "X-Folded: one\r\n  two\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Trailer: t\r\n\r\n";
  assert_non_null(kl_http_send(b.http, &(kl_http_request){.method = "GET", .url = b.base}, on_fields, &b, &e));
  box_run(&b);
  assert_string_equal(b.calls[0].body.data, "Set-Cookie=a=1;set-cookie=b=2; c;X-Empty=;X-Wide=a b;X-Folded=one two;"
                                            "Transfer-Encoding=chunked;");
  box_free(&b);
}

int main(void) {
  alarm(100);
  static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                      "ALL_PROXY",  "no_proxy",    "NO_PROXY"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    unsetenv(names[i]);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_of_a_call_reaches_the_next),
      cmocka_unit_test(limits_are_those_of_the_call),
      cmocka_unit_test(dates_are_those_of_the_call),
      cmocka_unit_test(a_connection_that_the_server_ended_is_not_used_again),
      cmocka_unit_test(a_warm_connection_takes_the_next_call),
      cmocka_unit_test(a_warm_connection_takes_the_next_call_with_tls),
      cmocka_unit_test(a_connection_that_ended_is_warmed_anew),
      cmocka_unit_test(warming_in_vain_is_only_logged),
      cmocka_unit_test(the_next_connections_resume_the_first_ones_session),
      cmocka_unit_test(all_fields_of_the_last_head_are_there),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
