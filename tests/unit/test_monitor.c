/* The server that shows the process to browsers and to monitoring: who is answered, and with what. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "monitor/monitor.h"
#include "monitor/prometheus.h"

typedef struct bed {
  uv_loop_t loop;
  kl_monitor *monitor;
  kl_monitor_stream *stream;
  int calls, closed;
  bool any; /* whichever stream may end */
} bed;

/* A client on the same loop: it sends what it is given and keeps what comes. */
typedef struct client {
  uv_tcp_t tcp;
  uv_connect_t connect;
  uv_write_t write;
  char *text;
  kl_buf in;
  bool ended, paused;
} client;

static void hello(void *data, const kl_monitor_request *r, kl_monitor_answer *a) {
  bed *b = data;
  b->calls++;
  const char *name = kl_monitor_arg(r, "name");
  kl_buf_printf(&a->body, "hello %s", name ? name : "world");
}

static void stream_closed(void *data, kl_monitor_stream *s) {
  bed *b = data;
  if (!b->any) assert_ptr_equal(b->stream, s);
  b->stream = NULL;
  b->closed++;
}

static void events(void *data, const kl_monitor_request *r, kl_monitor_answer *a) {
  bed *b = data;
  (void)r;
  kl_monitor_stream *s = kl_monitor_stream_begin(a, stream_closed, b);
  if (s) b->stream = s;
}

static int setup(void **state) {
  bed *b = calloc(1, sizeof *b);
  kl_error e = {0};
  uv_loop_init(&b->loop);
  kl_monitor_options o = {.token = "0123456789abcdef"};
  assert_true(kl_monitor_open(&b->loop, &o, &b->monitor, &e));
  assert_true(kl_monitor_route(b->monitor, "/hello", KL_MONITOR_OPEN, hello, b));
  assert_true(kl_monitor_route(b->monitor, "/secret/*", KL_MONITOR_TOKEN, hello, b));
  assert_true(kl_monitor_route(b->monitor, "/events", KL_MONITOR_TOKEN, events, b));
  *state = b;
  return 0;
}

static int teardown(void **state) {
  bed *b = *state;
  kl_monitor_close(b->monitor);
  uv_run(&b->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&b->loop), 0);
  assert_null(b->stream);
  free(b);
  return 0;
}

static void room(uv_handle_t *h, size_t n, uv_buf_t *out) {
  (void)h;
  *out = uv_buf_init(malloc(n), (unsigned)n);
}

static void came(uv_stream_t *t, ssize_t n, const uv_buf_t *buf) {
  client *c = t->data;
  if (n > 0) kl_buf_add(&c->in, buf->base, (size_t)n);
  if (n < 0) c->ended = true;
  free(buf->base);
}

static void connected(uv_connect_t *q, int status) {
  client *c = q->data;
  assert_int_equal(status, 0);
  uv_buf_t out = uv_buf_init(c->text, (unsigned)strlen(c->text));
  uv_write(&c->write, (uv_stream_t *)&c->tcp, &out, 1, NULL);
  if (!c->paused) uv_read_start((uv_stream_t *)&c->tcp, room, came);
}

static void client_open(bed *b, client *c, const char *text) {
  struct sockaddr_in at;
  uv_ip4_addr("127.0.0.1", kl_monitor_port(b->monitor), &at);
  c->text = strdup(text);
  uv_tcp_init(&b->loop, &c->tcp);
  c->tcp.data = c->connect.data = c;
  uv_tcp_connect(&c->connect, &c->tcp, (const struct sockaddr *)&at, connected);
}

static void client_close(bed *b, client *c) {
  uv_close((uv_handle_t *)&c->tcp, NULL);
  for (int i = 0; i < 20; i++)
    uv_run(&b->loop, UV_RUN_NOWAIT);
  kl_buf_free(&c->in);
  free(c->text);
}

#define WAIT(b, condition)                                                                                             \
  for (int turns_ = 0; !(condition); turns_++) {                                                                       \
    assert_true(turns_ < 20000);                                                                                       \
    uv_run(&(b)->loop, UV_RUN_NOWAIT);                                                                                 \
    if (!(condition)) usleep(500);                                                                                     \
  }

/* The whole answer to one request on a connection of its own; freed by the caller. `%d` of `request` is the port. */
static char *ask(bed *b, const char *request, ...) {
  client c = {0};
  char text[4096];
  va_list ap;
  va_start(ap, request);
  vsnprintf(text, sizeof text, request, ap);
  va_end(ap);
  client_open(b, &c, text);
  WAIT(b, c.ended);
  char *answer = strdup(c.in.data ? c.in.data : "");
  client_close(b, &c);
  return answer;
}

#define ANSWERS(b, status, ...)                                                                                        \
  do {                                                                                                                 \
    char *answer_ = ask(b, __VA_ARGS__);                                                                               \
    if (strncmp(answer_, "HTTP/1.1 " #status " ", 13) != 0) fail_msg("expected " #status ", got %.300s", answer_);     \
    free(answer_);                                                                                                     \
  } while (0)

static void a_route_is_answered(void **state) {
  bed *b = *state;
  int port = kl_monitor_port(b->monitor);
  char *text = ask(b, "GET /hello?x=1&name=a%%20b HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: 0\r\n\r\n", port);
  assert_non_null(strstr(text, "HTTP/1.1 200 OK\r\n"));
  assert_non_null(strstr(text, "\r\nContent-Length: 9\r\n"));
  assert_non_null(strstr(text, "Content-Security-Policy: default-src 'none'"));
  assert_non_null(strstr(text, "Cache-Control: no-store"));
  assert_non_null(strstr(text, "\r\n\r\nhello a b"));
  free(text);
  text = ask(b, "HEAD /hello HTTP/1.1\r\nHost: localhost:%d\r\nContent-Length: 0\r\n\r\n", port);
  assert_non_null(strstr(text, "\r\nContent-Length: 11\r\n"));
  assert_null(strstr(text, "hello"));
  free(text);
}

static void who_may_not_ask_is_refused(void **state) {
  bed *b = *state;
  int port = kl_monitor_port(b->monitor);
#define HEAD "GET /hello HTTP/1.1\r\nContent-Length: 0\r\n"
  ANSWERS(b, 200, HEAD "Host: [::1]:%d\r\n\r\n", port);
  ANSWERS(b, 200, HEAD "Host: LOCALHOST:%d\r\nOrigin: http://localhost:%d\r\n\r\n", port, port);
  ANSWERS(b, 403, HEAD "Host: 127.0.0.1\r\n\r\n");
  ANSWERS(b, 403, HEAD "Host: 127.0.0.1:%d\r\n\r\n", port + 1);
  ANSWERS(b, 403, HEAD "Host: evil.example:%d\r\n\r\n", port);
  ANSWERS(b, 403, HEAD "Host: localhost.evil.example:%d\r\n\r\n", port);
  ANSWERS(b, 403, HEAD "Host: localhost:%d\r\nOrigin: null\r\n\r\n", port);
  ANSWERS(b, 403, HEAD "Host: localhost:%d\r\nOrigin: https://localhost:%d\r\n\r\n", port, port);
  ANSWERS(b, 403, HEAD "Host: localhost:%d\r\nOrigin: http://evil.example\r\n\r\n", port);
  assert_int_equal(b->calls, 2);
}

static void a_route_with_a_token_wants_it_in_a_header(void **state) {
  bed *b = *state;
  int port = kl_monitor_port(b->monitor);
#define SECRET "GET /secret/x%s HTTP/1.1\r\nContent-Length: 0\r\nHost: localhost:%d\r\n%s\r\n"
  ANSWERS(b, 200, SECRET, "", port, "Authorization: Bearer 0123456789abcdef\r\n");
  ANSWERS(b, 200, SECRET, "", port, "Authorization: bearer 0123456789abcdef\r\nSec-Fetch-Site: same-origin\r\n");
  ANSWERS(b, 403, SECRET, "", port, "Authorization: Bearer 0123456789abcdef\r\nSec-Fetch-Site: cross-site\r\n");
  ANSWERS(b, 401, SECRET, "", port, "");
  ANSWERS(b, 401, SECRET, "?token=0123456789abcdef", port, "");
  ANSWERS(b, 401, SECRET, "", port, "Cookie: token=0123456789abcdef\r\n");
  ANSWERS(b, 401, SECRET, "", port, "Authorization: Bearer 0123456789abcdee\r\n");
  ANSWERS(b, 401, SECRET, "", port, "Authorization: Bearer 0123456789abcdef0\r\n");
  ANSWERS(b, 401, SECRET, "", port, "Authorization: Bearer \r\n");
  ANSWERS(b, 401, SECRET, "", port, "Authorization: Basic 0123456789abcdef\r\n");
  assert_int_equal(b->calls, 2);
}

static void other_methods_and_long_heads_are_refused(void **state) {
  bed *b = *state;
  int port = kl_monitor_port(b->monitor);
  static const char *const methods[] = {"POST", "PUT", "DELETE", "PATCH", "OPTIONS"};
  for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
    ANSWERS(b, 405, "%s /hello HTTP/1.1\r\nHost: localhost:%d\r\nContent-Length: 2\r\n\r\n{}", methods[i], port);
  char path[1200];
  memset(path, 'a', sizeof path - 1);
  path[sizeof path - 1] = 0;
  ANSWERS(b, 414, "GET /%s HTTP/1.1\r\nHost: localhost:%d\r\n\r\n", path, port);
  ANSWERS(b, 414, "GET /hello?a&b&c&d&e&f&g&h&i&j&k&l&m&n&o&p&q&r HTTP/1.1\r\nHost: localhost:%d\r\n\r\n", port);
  ANSWERS(b, 404, "GET /hell HTTP/1.1\r\nContent-Length: 0\r\nHost: localhost:%d\r\n\r\n", port);
  ANSWERS(b, 404, "GET /secret HTTP/1.1\r\nContent-Length: 0\r\nHost: localhost:%d\r\n\r\n", port);
  assert_int_equal(b->calls, 0);
}

/* What cannot be read never comes to a route; the answer, when there is one, has the same care taken of it. */
static void what_is_no_request_is_refused_with_our_headers(void **state) {
  bed *b = *state;
  static const char *const broken[] = {"GET /hello%%zz HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n",
                                       "BREW /hello HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n",
                                       "GET /../../etc/passwd%%00 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n",
                                       "GET /hello?a=%%f HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n"};
  size_t answered = 0;
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
    char *text = ask(b, broken[i], kl_monitor_port(b->monitor));
    if (*text) {
      answered++;
      if (strncmp(text + 8, " 40", 3) != 0 || !strstr(text, "\r\ncache-control: no-store\r\n") ||
          !strstr(text, "\r\nx-content-type-options: nosniff\r\n") ||
          !strstr(text, "\r\ncontent-security-policy: default-src 'none'"))
        fail_msg("request %zu is answered by %s", i, text);
    }
    free(text);
  }
  assert_true(answered > 0);
  assert_int_equal(b->calls, 0);
}

static void connections_are_bounded(void **state) {
  bed *b = *state;
  enum { MANY = 70 };
  client *all = calloc(MANY, sizeof *all);
  for (int i = 0; i < MANY; i++)
    client_open(b, &all[i], "GET /hello HTTP/1.1\r\n"); /* and no more */
  size_t refused = 0;
  for (int turns = 0; turns < 400 && refused < 20; turns++) {
    uv_run(&b->loop, UV_RUN_NOWAIT);
    usleep(1000);
    refused = 0;
    for (int i = 0; i < MANY; i++)
      refused += all[i].ended;
  }
  assert_true(refused >= 20 && refused < MANY);
  for (int i = 0; i < MANY; i++)
    client_close(b, &all[i]);
  free(all);
  ANSWERS(b, 200, "GET /hello HTTP/1.1\r\nContent-Length: 0\r\nHost: localhost:%d\r\n\r\n",
          kl_monitor_port(b->monitor));
}

#define STREAM                                                                                                         \
  "GET /events HTTP/1.1\r\nHost: localhost:%d\r\nAuthorization: Bearer 0123456789abcdef\r\nAccept: "                   \
  "text/event-stream\r\n\r\n"

static void stream_open(bed *b, client *c) {
  char text[512];
  snprintf(text, sizeof text, STREAM, kl_monitor_port(b->monitor));
  b->stream = NULL;
  client_open(b, c, text);
  WAIT(b, b->stream || c->ended || c->in.len);
}

static void events_come_as_they_are_sent(void **state) {
  bed *b = *state;
  client c = {0};
  stream_open(b, &c);
  assert_true(kl_monitor_stream_send(b->stream, "book", "{\"a\":1}", 7));
  assert_false(kl_monitor_stream_send(b->stream, "book", "{\n}", 3));
  WAIT(b, c.in.data && strstr(c.in.data, "event: book\ndata: {\"a\":1}\n\n"));
  assert_non_null(strstr(c.in.data, "Content-Type: text/event-stream\r\n"));
  WAIT(b, kl_monitor_stream_idle(b->stream));
  client_close(b, &c);
  WAIT(b, b->closed == 1);
}

/* A reader that does not read costs no more than the newest of each name, and gets those once it reads. */
static void a_slow_reader_gets_the_newest(void **state) {
  bed *b = *state;
  enum { BIG = 200000, ROUNDS = 200 };
  client c = {.paused = true};
  char *json = malloc(BIG + 1);
  stream_open(b, &c);
  for (int i = 0; i < ROUNDS; i++) {
    memset(json, ' ', BIG);
    int n = snprintf(json, BIG, "{\"round\":%d}", i);
    json[n] = ' ';
    assert_true(kl_monitor_stream_send(b->stream, i % 2 ? "odd" : "even", json, BIG));
    uv_run(&b->loop, UV_RUN_NOWAIT);
  }
  assert_false(kl_monitor_stream_idle(b->stream));
  for (int i = 0; i < 16; i++) {
    char name[16];
    snprintf(name, sizeof name, "n%d", i);
    assert_int_equal(kl_monitor_stream_send(b->stream, name, "{}", 2), i < 14); /* sixteen names in all */
  }
  uv_read_start((uv_stream_t *)&c.tcp, room, came);
  WAIT(b, kl_monitor_stream_idle(b->stream) && c.in.data && strstr(c.in.data, "{\"round\":199}"));
  assert_non_null(strstr(c.in.data, "{\"round\":198}"));
  assert_null(strstr(c.in.data, "{\"round\":180}"));
  free(json);
  client_close(b, &c);
  WAIT(b, b->closed == 1);
}

static void streams_are_bounded_and_end_with_the_server(void **state) {
  bed *b = *state;
  enum { MOST = 16 };
  client *all = calloc(MOST, sizeof *all);
  client c = {0};
  kl_monitor_stream *first = NULL;
  for (int i = 0; i < MOST; i++) {
    stream_open(b, &all[i]);
    assert_non_null(b->stream);
    if (!first) first = b->stream;
  }
  stream_open(b, &c);
  WAIT(b, c.in.data);
  assert_non_null(strstr(c.in.data, "HTTP/1.1 503 "));
  b->stream = first;
  kl_monitor_stream_end(first);
  WAIT(b, all[0].ended);
  assert_int_equal(b->closed, 1);
  b->any = true;
  kl_monitor_close(b->monitor);
  b->monitor = NULL;
  assert_int_equal(b->closed, MOST);
  for (int i = 0; i < MOST; i++)
    client_close(b, &all[i]);
  client_close(b, &c);
  free(all);
}

static void a_port_that_is_taken_is_said(void **state) {
  bed *b = *state;
  kl_monitor *second = NULL;
  kl_error e = {0};
  kl_monitor_options o = {.port = kl_monitor_port(b->monitor), .what = "--metrics"};
  assert_false(kl_monitor_open(&b->loop, &o, &second, &e));
  assert_null(second);
  assert_string_equal(e.kind, KL_ERR_CONFIG);
  assert_non_null(strstr(e.message, "--metrics: another program listens on 127.0.0.1 port "));
}

static void two_servers_live_on_one_loop(void **state) {
  bed *b = *state;
  kl_monitor *second = NULL, *first = b->monitor;
  kl_error e = {0};
  assert_true(kl_monitor_open(&b->loop, &(kl_monitor_options){0}, &second, &e));
  assert_true(kl_monitor_route(second, "/hello", KL_MONITOR_OPEN, hello, b));
  assert_true(kl_monitor_route(second, "/secret/*", KL_MONITOR_TOKEN, hello, b));
  b->monitor = second;
  ANSWERS(b, 200, "GET /hello HTTP/1.1\r\nContent-Length: 0\r\nHost: localhost:%d\r\n\r\n", kl_monitor_port(second));
  ANSWERS(b, 403, SECRET, "", kl_monitor_port(second), "Authorization: Bearer 0123456789abcdef\r\n");
  kl_monitor_close(second);
  b->monitor = first;
  ANSWERS(b, 200, "GET /hello HTTP/1.1\r\nContent-Length: 0\r\nHost: localhost:%d\r\n\r\n", kl_monitor_port(first));
}

/* ---- the text for Prometheus ---- */

static void figures_become_text(void **state) {
  (void)state;
  kl_buf out = {0};
  kl_prometheus p = {.out = &out};
  kl_metric_sink s = kl_prometheus_sink(&p);
  kl_durations d = {0};
  s.family(s.data, "a_total", KL_METRIC_COUNTER, "back \\ line\nend");
  kl_label labels[] = {{"x", "q\"b\\l\n"}, {"y", "\xFF\x01"}};
  s.sample(s.data, labels, 2, 0.1);
  s.sample(s.data, NULL, 0, 1e300 * 1e10);
  kl_durations_add(&d, -5);
  kl_durations_add(&d, 10000);
  kl_durations_add(&d, 10001);
  kl_durations_add(&d, INT64_C(40000000000));
  s.family(s.data, "t_seconds", KL_METRIC_HISTOGRAM, "times");
  kl_metric_durations(&s, labels, 1, &d);
  assert_false(out.failed);
  static const char head[] = "# HELP a_total back \\\\ line\\nend\n# TYPE a_total counter\n"
                             "a_total{x=\"q\\\"b\\\\l\\n\",y=\"\xEF\xBF\xBD \"} 0.1\na_total +Inf\n";
  assert_memory_equal(out.data, head, sizeof head - 1);
  assert_non_null(strstr(out.data, "t_seconds_bucket{x=\"q\\\"b\\\\l\\n\",le=\"1e-05\"} 2\n"));
  assert_non_null(strstr(out.data, "le=\"2.5e-05\"} 3\n"));
  assert_non_null(strstr(out.data, "le=\"30\"} 3\n"));
  assert_non_null(strstr(out.data, "le=\"+Inf\"} 4\n"));
  assert_non_null(strstr(out.data, "t_seconds_sum{x=\"q\\\"b\\\\l\\n\"} 40.000020001\n"));
  kl_buf_free(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_route_is_answered, setup, teardown),
      cmocka_unit_test_setup_teardown(who_may_not_ask_is_refused, setup, teardown),
      cmocka_unit_test_setup_teardown(a_route_with_a_token_wants_it_in_a_header, setup, teardown),
      cmocka_unit_test_setup_teardown(other_methods_and_long_heads_are_refused, setup, teardown),
      cmocka_unit_test_setup_teardown(what_is_no_request_is_refused_with_our_headers, setup, teardown),
      cmocka_unit_test_setup_teardown(connections_are_bounded, setup, teardown),
      cmocka_unit_test_setup_teardown(events_come_as_they_are_sent, setup, teardown),
      cmocka_unit_test_setup_teardown(a_slow_reader_gets_the_newest, setup, teardown),
      cmocka_unit_test_setup_teardown(streams_are_bounded_and_end_with_the_server, setup, teardown),
      cmocka_unit_test_setup_teardown(a_port_that_is_taken_is_said, setup, teardown),
      cmocka_unit_test_setup_teardown(two_servers_live_on_one_loop, setup, teardown),
      cmocka_unit_test(figures_become_text),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
