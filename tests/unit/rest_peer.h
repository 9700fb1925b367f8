/* A REST server that answers as it is told, and a session against it: for the tests of the session. Include it after
 * cmocka. */
#ifndef KL_TEST_REST_PEER_H
#define KL_TEST_REST_PEER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kalshi/session.h"

/* ---- a peer that answers as it is told ---- */

enum { MAX_REQUESTS = 64 };
#define DROP "drop" /* reads the request and closes the connection */
#define HANG "hang" /* never answers */

typedef struct {
  uv_tcp_t server;
  int port;
  const char *const *answers; /* by request; the last one stays */
  size_t n_answers;
  const char *(*choose)(const char *request); /* instead of them, where it gives one */
  char *requests[MAX_REQUESTS];
  size_t count;
  uv_tcp_t *open[MAX_REQUESTS];
} peer_state;

typedef struct {
  uv_tcp_t tcp; /* first */
  char text[8192];
  size_t len;
} connection;

static uv_loop_t loop;
static peer_state peer;

static void connection_closed(uv_handle_t *h) {
  for (size_t i = 0; i < MAX_REQUESTS; i++)
    if (peer.open[i] == (uv_tcp_t *)h) peer.open[i] = NULL;
  free(h);
}

static void connection_close(connection *c) {
  if (!uv_is_closing((uv_handle_t *)&c->tcp)) uv_close((uv_handle_t *)&c->tcp, connection_closed);
}

static void written(uv_write_t *w, int status) {
  (void)status;
  free(w->data);
  free(w);
}

static void answer(connection *c) {
  const char *what = peer.choose ? peer.choose(c->text) : NULL;
  if (!what) what = peer.answers[peer.count < peer.n_answers ? peer.count : peer.n_answers - 1];
  if (peer.count == MAX_REQUESTS) abort();
  peer.requests[peer.count++] = strdup(c->text);
  if (!strcmp(what, DROP)) {
    connection_close(c);
    return;
  }
  if (!strcmp(what, HANG)) return;
  uv_write_t *w = calloc(1, sizeof *w);
  if (!w) abort();
  w->data = strdup(what);
  uv_buf_t buf = uv_buf_init(w->data, (unsigned)strlen(what));
  if (uv_write(w, (uv_stream_t *)&c->tcp, &buf, 1, written) != 0) written(w, 0);
}

static void give_room(uv_handle_t *h, size_t size, uv_buf_t *buf) {
  connection *c = (connection *)h;
  (void)size;
  *buf = uv_buf_init(c->text + c->len, (unsigned)(sizeof c->text - 1 - c->len));
}

static void received(uv_stream_t *s, ssize_t n, const uv_buf_t *buf) {
  connection *c = (connection *)s;
  (void)buf;
  if (n < 0) {
    connection_close(c);
    return;
  }
  c->len += (size_t)n;
  c->text[c->len] = '\0';
  char *end = strstr(c->text, "\r\n\r\n");
  if (!end) return;
  const char *length = strstr(c->text, "Content-Length: ");
  size_t body = length ? strtoul(length + 16, NULL, 10) : 0;
  if (c->len < (size_t)(end + 4 - c->text) + body) return;
  answer(c);
  c->len = 0;
}

static void connected(uv_stream_t *server, int status) {
  connection *c = calloc(1, sizeof *c);
  if (status != 0 || !c) abort();
  uv_tcp_init(&loop, &c->tcp);
  if (uv_accept(server, (uv_stream_t *)&c->tcp) != 0) abort();
  for (size_t i = 0; i < MAX_REQUESTS; i++)
    if (!peer.open[i]) {
      peer.open[i] = &c->tcp;
      break;
    }
  uv_read_start((uv_stream_t *)&c->tcp, give_room, received);
}

static void peer_start(void) {
  struct sockaddr_in at;
  int len = sizeof at;
  uv_ip4_addr("127.0.0.1", 0, &at);
  memset(&peer, 0, sizeof peer);
  uv_tcp_init(&loop, &peer.server);
  assert_int_equal(uv_tcp_bind(&peer.server, (const struct sockaddr *)&at, 0), 0);
  assert_int_equal(uv_listen((uv_stream_t *)&peer.server, 16, connected), 0);
  assert_int_equal(uv_tcp_getsockname(&peer.server, (struct sockaddr *)&at, &len), 0);
  peer.port = ntohs(at.sin_port);
}

static void peer_stop(void) {
  uv_close((uv_handle_t *)&peer.server, NULL);
  for (size_t i = 0; i < MAX_REQUESTS; i++) {
    if (peer.open[i]) connection_close((connection *)peer.open[i]);
    free(peer.requests[i]);
  }
}

#define ANSWERS(...)                                                                                                   \
  do {                                                                                                                 \
    static const char *const list[] = {__VA_ARGS__};                                                                   \
    peer.answers = list;                                                                                               \
    peer.n_answers = sizeof list / sizeof list[0];                                                                     \
  } while (0)

#define OK_EMPTY "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

/* ---- a session against it ---- */

static kl_session *session;
static kl_key *key;
static kl_session_options options;
static char rest_url[64], ws_url[64];

typedef struct {
  int calls;
  int status;
  char body[512];
  bool failed;
  kl_error error;
} outcome;

static void on_answer(void *data, const kl_http_response *res, const kl_error *e) {
  outcome *o = data;
  o->calls++;
  if (e) {
    assert_null(res);
    o->failed = true;
    o->error = *e;
  } else if (!res) {
    fail_msg("neither an answer nor an error");
  } else {
    o->status = res->status;
    snprintf(o->body, sizeof o->body, "%s", res->body);
  }
}

static int set_up(void **state) {
  (void)state;
  uv_loop_init(&loop);
  peer_start();
  ANSWERS(OK_EMPTY);
  snprintf(rest_url, sizeof rest_url, "http://127.0.0.1:%d/trade-api/v2", peer.port);
  snprintf(ws_url, sizeof ws_url, "ws://127.0.0.1:%d/trade-api/ws/v2", peer.port);
  options = (kl_session_options){.env = "sim",
                                 .rest_url = rest_url,
                                 .ws_url = ws_url,
                                 .clock = kl_clock_real(),
                                 .user_agent = "kalua-test",
                                 .key_id = "a-key-id"};
  session = NULL;
  key = NULL;
  return 0;
}

static void start(bool with_key) {
  kl_error e;
  if (with_key) {
    assert_true(kl_key_generate(0, &key, &e));
    options.key = key;
  }
  session = kl_session_new(&loop, &options, &e);
  assert_non_null(session);
}

static void note_closed(void *data) { *(bool *)data = true; }

static void stop_session(void) {
  bool closed = false;
  kl_session_close(session, note_closed, &closed);
  while (!closed)
    uv_run(&loop, UV_RUN_ONCE);
  session = NULL;
}

static int tear_down(void **state) {
  (void)state;
  if (session) stop_session();
  kl_key_release(key);
  peer_stop();
  uv_run(&loop, UV_RUN_DEFAULT);
  return uv_loop_close(&loop);
}

static void too_long(uv_timer_t *t) {
  (void)t;
  fail_msg("nothing happened for 10 seconds");
}

/* Runs the loop until *flag is set. */
static void run_until(const int *flag) {
  uv_timer_t guard;
  uv_timer_init(&loop, &guard);
  uv_timer_start(&guard, too_long, 10000, 0);
  while (!*flag)
    uv_run(&loop, UV_RUN_ONCE);
  uv_close((uv_handle_t *)&guard, NULL);
  uv_run(&loop, UV_RUN_NOWAIT);
}

/* Timers run before the loop waits: without the stop it would go on to wait for something that may never come. */
static void note_time(uv_timer_t *t) {
  *(int *)t->data = 1;
  uv_stop(t->loop);
}

static void __attribute__((unused)) run_for(uint64_t ms) {
  int over = 0;
  uv_timer_t timer;
  uv_timer_init(&loop, &timer);
  timer.data = &over;
  uv_timer_start(&timer, note_time, ms, 0);
  while (!over)
    uv_run(&loop, UV_RUN_ONCE);
  uv_close((uv_handle_t *)&timer, NULL);
  uv_run(&loop, UV_RUN_NOWAIT);
}

static kl_call *begin(const char *operation, const char *path, const char *body, int64_t timeout_ms, outcome *o) {
  kl_error e;
  kl_call_request r = {.op = kl_operation_find(operation),
                       .path = path,
                       .body = body,
                       .body_len = body ? strlen(body) : 0,
                       .timeout_ms = timeout_ms};
  kl_call *c = kl_session_call(session, &r, on_answer, o, &e);
  if (!c) fail_msg("%s", e.message);
  assert_int_equal(o->calls, 0);
  return c;
}

static outcome __attribute__((unused))
call(const char *operation, const char *path, const char *body, int64_t timeout_ms) {
  outcome o = {0};
  begin(operation, path, body, timeout_ms, &o);
  run_until(&o.calls);
  assert_int_equal(o.calls, 1);
  return o;
}

/* Requests that began with this line. */
static size_t __attribute__((unused)) asked(const char *line) {
  size_t n = 0;
  for (size_t i = 0; i < peer.count; i++)
    n += !strncmp(peer.requests[i], line, strlen(line));
  return n;
}

#define ORDERS "/portfolio/events/orders"

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
