/* The control socket: lines and requests, and a server with operations of the test's own, reached by our client and by
 * plain sockets. The server runs on a loop in a thread of its own. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json_fields.h"
#include "control/client.h"
#include "control/server.h"

/* ---- lines ---- */

/* What the reader makes of a text that comes in parts of `part` bytes: its lines, each in brackets. */
static void reads(const char *text, size_t part, const char *expected) {
  kl_control_reader r = {0};
  kl_buf got = {0};
  size_t n, left = strlen(text);
  const char *line;
  while (left > 0) {
    size_t take = left < part ? left : part;
    assert_true(kl_control_reader_add(&r, text, take));
    text += take;
    left -= take;
    while (kl_control_reader_next(&r, &line, &n) > 0)
      kl_buf_printf(&got, "[%.*s]", (int)n, line);
  }
  if (kl_control_reader_partial(&r)) kl_buf_str(&got, "…");
  assert_string_equal(got.data, expected);
  kl_buf_free(&got);
  kl_control_reader_free(&r);
}

static void lines_are_cut_wherever_the_bytes_are(void **state) {
  (void)state;
  for (size_t part = 1; part < 12; part++) {
    reads("{}\n[1]\r\n\n \t\r\nrest", part, "[{}][[1]\r]…");
    reads("a\nbc\n", part, "[a][bc]");
  }
}

static void a_line_that_does_not_end_is_given_up(void **state) {
  (void)state;
  kl_control_reader r = {0};
  const char *line;
  size_t n, sent = 0;
  char part[4096];
  memset(part, 'x', sizeof part);
  int got = 0;
  while (got == 0 && sent <= 2 * (size_t)KL_CONTROL_LINE_MAX) {
    assert_true(kl_control_reader_add(&r, part, sizeof part));
    sent += sizeof part;
    got = kl_control_reader_next(&r, &line, &n);
  }
  assert_int_equal(got, -1);
  assert_true(sent <= KL_CONTROL_LINE_MAX + sizeof part);
  kl_control_reader_free(&r);
}

static void requests_are_checked(void **state) {
  (void)state;
  static const char *const bad[] = {"",
                                    "x",
                                    "[]",
                                    "\"ps\"",
                                    "{}",
                                    "{\"op\":1}",
                                    "{\"op\":\"\"}",
                                    "{\"op\":\"ps\",\"id\":-1}",
                                    "{\"op\":\"ps\",\"id\":1.5}",
                                    "{\"op\":\"ps\",\"id\":\"1\"}",
                                    "{\"op\":\"ps\",\"id\":9007199254740993}",
                                    "{\"op\":\"ps\",\"op\":\"ps\"}",
                                    "{\"op\":\"ps\"} x",
                                    "{\"op\":\"ps\\u0000\"}",
                                    "{\"op\":\"\xff\"}",
                                    "{\"op\":\"a-name-of-an-operation-that-is-far-too-long\"}",
                                    "GET / HTTP/1.1\r"};
  kl_control_request q;
  kl_error e;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    e = (kl_error){0};
    if (kl_control_request_parse(bad[i], strlen(bad[i]), &q, &e)) fail_msg("taken: %s", bad[i]);
    assert_string_equal(e.kind, KL_ERR_VALIDATION);
    assert_null(q.fields);
  }
  static const char good[] = "{\"id\":9007199254740992,\"op\":\"reload\",\"name\":\"a\"}";
  assert_true(kl_control_request_parse(good, strlen(good), &q, &e));
  assert_int_equal(q.id, INT64_C(9007199254740992));
  assert_string_equal(q.op, "reload");
  assert_string_equal(json_string_value(json_object_get(q.fields, "name")), "a");
  kl_control_request_free(&q);
}

/* ---- the server of the test ---- */

static char home[] = "/tmp/kl_test_control.XXXXXX";

typedef struct server {
  pthread_t thread;
  uv_loop_t loop;
  uv_async_t quit;
  kl_control_server *control;
  kl_listing *listing;
  uv_timer_t later; /* of "later" */
  kl_control_call *answers_later;
  int cancelled, streamed;
  _Atomic int flooded; /* events of 64 KiB */
} server;

static void run_echo(void *data, kl_control_call *call, const json_t *fields) {
  kl_buf b = {0};
  (void)data;
  kl_json_field_str(&b, "text", json_string_value(json_object_get(fields, "text")));
  kl_control_answer(call, &b);
}

static void run_fail(void *data, kl_control_call *call, const json_t *fields) {
  kl_error e;
  kl_buf b = {0};
  (void)data;
  (void)fields;
  kl_error_set(&e, KL_ERR_TIMEOUT, "it took too long");
  kl_json_field_int(&b, "generation", 7);
  kl_control_refuse(call, &e, &b);
}

static void run_hold(void *data, kl_control_call *call, const json_t *fields) {
  (void)data;
  (void)call;
  (void)fields;
}

static void cancel_hold(void *data, kl_control_call *call) {
  server *s = data;
  s->cancelled++;
  kl_control_answer(call, NULL);
}

/* Answers the call "hold" of the same client whose id is `of`. */
static void run_release(void *data, kl_control_call *call, const json_t *fields) {
  kl_buf b = {0};
  (void)data;
  kl_control_call *other = kl_control_sibling(call, "hold", json_integer_value(json_object_get(fields, "of")));
  kl_json_field_bool(&b, "found", other != NULL);
  if (other) kl_control_answer(other, NULL);
  kl_control_answer(call, &b);
}

static void answer_later(uv_timer_t *t) {
  server *s = t->data;
  kl_control_answer(s->answers_later, NULL);
  s->answers_later = NULL;
}

static void run_later(void *data, kl_control_call *call, const json_t *fields) {
  server *s = data;
  s->answers_later = call;
  uv_timer_start(&s->later, answer_later, (uint64_t)json_integer_value(json_object_get(fields, "ms")), 0);
}

/* 1 MiB of events, as there is room. */
static void go_on(void *data, kl_control_call *call) {
  server *s = data;
  char text[1025];
  memset(text, 'y', 1024);
  text[1024] = 0;
  while (s->streamed < 1024 && kl_control_has_room(call)) {
    kl_buf b = {0};
    kl_json_field_int(&b, "i", s->streamed++);
    kl_json_field_str(&b, "text", text);
    kl_control_event(call, "part", &b);
  }
  if (s->streamed == 1024) kl_control_answer(call, NULL);
}

static void run_stream(void *data, kl_control_call *call, const json_t *fields) {
  server *s = data;
  (void)fields;
  s->streamed = 0;
  go_on(data, call);
}

/* Events without a look at the room, up to 64 MiB. */
static void run_flood(void *data, kl_control_call *call, const json_t *fields) {
  server *s = data;
  static char text[(64 << 10) + 1];
  (void)fields;
  memset(text, 'z', sizeof text - 1);
  for (s->flooded = 0; s->flooded < 1024 && !kl_control_is_gone(call); s->flooded++) {
    kl_buf b = {0};
    kl_json_field_str(&b, "text", text);
    kl_control_event(call, "part", &b);
  }
  kl_control_answer(call, NULL);
}

static void run_large(void *data, kl_control_call *call, const json_t *fields) {
  kl_buf b = {0};
  (void)data;
  (void)fields;
  kl_json_key(&b, "text");
  kl_buf_char(&b, '"');
  for (int i = 0; i < 1 << 17; i++)
    kl_buf_str(&b, "abcdefgh");
  kl_buf_char(&b, '"');
  kl_control_answer(call, &b);
}

static const kl_control_op ops[] = {
    {"echo", run_echo, NULL, NULL},       {"fail", run_fail, NULL, NULL},   {"hold", run_hold, cancel_hold, NULL},
    {"release", run_release, NULL, NULL}, {"later", run_later, NULL, NULL}, {"stream", run_stream, NULL, go_on},
    {"large", run_large, NULL, NULL},     {"flood", run_flood, NULL, NULL}, {NULL, NULL, NULL, NULL}};

static void quit(uv_async_t *h) {
  server *s = h->data;
  kl_listing_close(s->listing);
  kl_control_server_close(s->control);
  uv_close((uv_handle_t *)&s->quit, NULL);
  if (!s->answers_later) uv_close((uv_handle_t *)&s->later, NULL);
}

static void *run_loop(void *p) {
  server *s = p;
  uv_run(&s->loop, UV_RUN_DEFAULT);
  return NULL;
}

static int open_server(void **state) {
  server *s = calloc(1, sizeof *s);
  kl_error e;
  *state = s;
  uv_loop_init(&s->loop);
  uv_async_init(&s->loop, &s->quit, quit);
  uv_timer_init(&s->loop, &s->later);
  s->quit.data = s->later.data = s;
  s->control = kl_control_server_new(&s->loop);
  bool ok = s->control && kl_listing_open(&s->listing, &e) &&
            kl_control_server_listen(s->control, kl_listing_folder(s->listing), kl_listing_path(s->listing),
                                     kl_listing_socket(s->listing), &e) &&
            kl_control_server_add(s->control, ops, s) && kl_listing_publish(s->listing, &e);
  return ok && pthread_create(&s->thread, NULL, run_loop, s) == 0 ? 0 : -1;
}

static int close_server(void **state) {
  server *s = *state;
  uv_async_send(&s->quit);
  pthread_join(s->thread, NULL);
  if (!uv_is_closing((uv_handle_t *)&s->later)) uv_close((uv_handle_t *)&s->later, NULL);
  uv_run(&s->loop, UV_RUN_DEFAULT);
  int code = uv_loop_close(&s->loop);
  free(s);
  return code;
}

/* ---- with our client ---- */

static kl_control_peer *join(void) {
  kl_listed *all;
  size_t n;
  kl_error e = {0};
  kl_control_peer *p = NULL;
  assert_true(kl_listed_all(&all, &n, &e));
  assert_int_equal(n, 1);
  if (!kl_control_connect(&all[0], 10000, &p, &e)) fail_msg("%s", e.message);
  assert_int_equal(kl_control_peer_pid(p), getpid());
  kl_listed_free(all, n);
  return p;
}

static void asks_and_is_answered(void **state) {
  (void)state;
  kl_control_peer *p = join();
  kl_buf b = {0};
  kl_error e = {0};
  kl_json_field_str(&b, "text", "ä \"x\" \n");
  json_t *a = kl_control_ask(p, "echo", &b, 10000, NULL, &e);
  assert_non_null(a);
  assert_string_equal(json_string_value(json_object_get(a, "text")), "ä \"x\" \n");
  json_decref(a);
  json_t *refusal = NULL;
  assert_null(kl_control_ask(p, "fail", NULL, 10000, &refusal, &e));
  assert_string_equal(e.kind, KL_ERR_TIMEOUT);
  assert_string_equal(e.message, "it took too long");
  assert_int_equal(json_integer_value(json_object_get(refusal, "generation")), 7);
  json_decref(refusal);
  assert_null(kl_control_ask(p, "nothing", NULL, 10000, NULL, &e));
  assert_non_null(strstr(e.message, "\"nothing\""));
  kl_control_disconnect(p);
}

static void answers_come_in_any_order(void **state) {
  (void)state;
  kl_control_peer *p = join();
  kl_error e = {0};
  int64_t held, released;
  assert_true(kl_control_send(p, "hold", NULL, &held, &e));
  kl_buf b = {0};
  kl_json_field_int(&b, "of", 99);
  json_t *a = kl_control_ask(p, "release", &b, 10000, NULL, &e);
  assert_true(json_is_false(json_object_get(a, "found")));
  json_decref(a);
  kl_json_field_int(&b, "of", held);
  assert_true(kl_control_send(p, "release", &b, &released, &e));
  a = kl_control_await(p, held, 10000, NULL, &e);
  assert_non_null(a);
  json_decref(a);
  a = kl_control_await(p, released, 10000, NULL, &e);
  assert_true(json_is_true(json_object_get(a, "found")));
  json_decref(a);
  kl_control_disconnect(p);
}

static void a_call_can_be_cancelled(void **state) {
  server *s = *state;
  kl_control_peer *p = join();
  kl_error e = {0};
  int64_t held, later;
  assert_true(kl_control_send(p, "hold", NULL, &held, &e));
  kl_buf b = {0};
  kl_json_field_int(&b, "call", held);
  assert_true(kl_control_send(p, "cancel", &b, &later, &e));
  json_t *a = kl_control_await(p, later, 10000, NULL, &e);
  assert_true(json_is_true(json_object_get(a, "cancelled")));
  json_decref(a);
  a = kl_control_await(p, held, 10000, NULL, &e);
  assert_non_null(a);
  json_decref(a);
  assert_int_equal(s->cancelled, 1);
  kl_control_disconnect(p);
}

static void events_wait_for_room(void **state) {
  (void)state;
  kl_control_peer *p = join();
  kl_error e = {0};
  int64_t id;
  assert_true(kl_control_send(p, "stream", NULL, &id, &e));
  usleep(50000); /* the server meets a reader that does not read */
  for (int i = 0; i < 1024; i++) {
    json_t *m = kl_control_receive(p, 10000, &e);
    assert_non_null(m);
    assert_string_equal(json_string_value(json_object_get(m, "event")), "part");
    assert_int_equal(json_integer_value(json_object_get(m, "i")), i);
    json_decref(m);
  }
  json_t *a = kl_control_await(p, id, 10000, NULL, &e);
  assert_non_null(a);
  json_decref(a);
  kl_control_disconnect(p);
}

static void too_many_requests_at_a_time_are_refused(void **state) {
  (void)state;
  kl_control_peer *p = join();
  kl_error e = {0};
  int64_t id = 0;
  for (int i = 0; i < 17; i++)
    assert_true(kl_control_send(p, "hold", NULL, &id, &e));
  assert_null(kl_control_await(p, id, 10000, NULL, &e));
  assert_string_equal(e.kind, KL_ERR_RATE_LIMIT);
  kl_control_disconnect(p);
}

static void a_call_outlives_its_client(void **state) {
  (void)state;
  kl_control_peer *p = join();
  kl_error e = {0};
  int64_t id;
  kl_buf b = {0};
  kl_json_field_int(&b, "ms", 100);
  assert_true(kl_control_send(p, "later", &b, &id, &e));
  kl_json_field_str(&b, "text", "");
  json_decref(kl_control_ask(p, "echo", &b, 10000, NULL, &e)); /* it has begun */
  kl_control_disconnect(p);
  usleep(200000);
  json_decref(kl_control_receive(p = join(), 0, &e));
  kl_control_disconnect(p);
}

static void answers_that_are_due_go_out_at_the_close(void **state) {
  server *s = *state;
  kl_control_peer *p = join();
  kl_error e = {0};
  int64_t held, large;
  assert_true(kl_control_send(p, "hold", NULL, &held, &e));
  assert_true(kl_control_send(p, "large", NULL, &large, &e));
  json_t *first = kl_control_await(p, large, 10000, NULL, &e);
  assert_non_null(first);
  json_decref(first);
  assert_true(kl_control_send(p, "large", NULL, &large, &e));
  usleep(50000);
  uv_async_send(&s->quit); /* "hold" is cancelled by it */
  json_t *a = kl_control_await(p, large, 10000, NULL, &e);
  assert_non_null(a);
  json_decref(a);
  a = kl_control_await(p, held, 10000, NULL, &e);
  assert_non_null(a);
  json_decref(a);
  assert_null(kl_control_receive(p, 10000, &e));
  assert_string_equal(e.kind, KL_ERR_CLOSED);
  kl_control_disconnect(p);
}

/* ---- with plain sockets ---- */

static int plain(void) {
  struct sockaddr_un at = {.sun_family = AF_UNIX};
  kl_listed *all;
  size_t n;
  kl_error e = {0};
  assert_true(kl_listed_all(&all, &n, &e));
  assert_int_equal(n, 1);
  snprintf(at.sun_path, sizeof at.sun_path, "%s/kalua/%s", home, all[0].socket);
  struct stat st;
  assert_int_equal(stat(at.sun_path, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  kl_listed_free(all, n);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(connect(fd, (const struct sockaddr *)&at, sizeof at), 0);
  return fd;
}

/* All that comes until the end. */
static void read_all(int fd, kl_buf *out) {
  char part[65536];
  for (;;) {
    ssize_t n = read(fd, part, sizeof part);
    if (n <= 0) break;
    kl_buf_add(out, part, (size_t)n);
  }
}

static void say(int fd, const char *text) {
  assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* What is answered to `text` and the end of the requests. */
static void answers(const char *text, const char *const *expected) {
  kl_buf got = {0};
  int fd = plain();
  say(fd, text);
  shutdown(fd, SHUT_WR);
  read_all(fd, &got);
  close(fd);
  const char *at = got.data;
  assert_non_null(strstr(at, "\"protocol\":1"));
  for (; *expected; expected++) {
    const char *next = strstr(at, *expected);
    if (!next) fail_msg("\"%s\" is not in: %s", *expected, at);
    at = next + strlen(*expected);
  }
  kl_buf_free(&got);
}

static void whoever_closes_its_side_gets_its_answers(void **state) {
  (void)state;
  answers("{\"op\":\"echo\",\"text\":\"a\"}\n{\"op\":\"later\",\"ms\":50,\"id\":2}\n",
          (const char *const[]){"{\"id\":0,\"ok\":true,\"text\":\"a\"}\n", "{\"id\":2,\"ok\":true}\n", NULL});
  answers("{\"op\":\"hold\",\"id\":3}\n", (const char *const[]){"{\"id\":3,\"ok\":true}\n", NULL});
}

static void garbage_ends_the_connection(void **state) {
  (void)state;
  static const char *const all[] = {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\n",
                                    "[]\n{\"op\":\"echo\",\"text\":\"\"}\n"};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    kl_buf got = {0};
    int fd = plain();
    say(fd, all[i]);
    read_all(fd, &got); /* it ends by itself */
    close(fd);
    assert_non_null(strstr(got.data, "{\"id\":0,\"ok\":false,\"error\":{\"kind\":\"validation\""));
    assert_null(strstr(got.data, "\"ok\":true"));
    kl_buf_free(&got);
  }
}

static void who_does_not_read_is_dropped(void **state) {
  (void)state;
  kl_buf got = {0};
  int fd = plain();
  for (int i = 0; i < 16; i++)
    say(fd, "{\"op\":\"large\"}\n");
  kl_control_peer *p = join(); /* the others do not notice */
  kl_error e;
  kl_buf b = {0};
  kl_json_field_str(&b, "text", "here");
  json_t *a = kl_control_ask(p, "echo", &b, 10000, NULL, &e);
  assert_non_null(a);
  json_decref(a);
  kl_control_disconnect(p);
  read_all(fd, &got);
  close(fd);
  assert_true(got.len < 16 << 20);
  kl_buf_free(&got);
}

/* An input that prints inside of a C function cannot wait until there is room. */
static void what_is_kept_for_a_client_is_bounded(void **state) {
  server *s = *state;
  kl_buf got = {0};
  int fd = plain();
  say(fd, "{\"op\":\"flood\"}\n");
  read_all(fd, &got); /* it is dropped */
  close(fd);
  assert_true(got.len < 8 << 20);
  assert_in_range(s->flooded, 16, 128);
  kl_buf_free(&got);
  kl_control_disconnect(join());
}

static void one_client_too_many_is_told(void **state) {
  (void)state;
  int fds[64];
  for (int i = 0; i < 64; i++)
    fds[i] = plain();
  kl_listed *all;
  size_t n;
  kl_error e = {0};
  kl_control_peer *p = NULL;
  assert_true(kl_listed_all(&all, &n, &e));
  assert_false(kl_control_connect(&all[0], 10000, &p, &e));
  assert_string_equal(e.kind, KL_ERR_RATE_LIMIT);
  assert_non_null(strstr(e.message, "64 clients"));
  kl_listed_free(all, n);
  for (int i = 0; i < 64; i++)
    close(fds[i]);
  assert_true(kl_listed_all(&all, &n, &e));
  for (int i = 0; !kl_control_connect(&all[0], 10000, &p, &e); i++) { /* until it has noticed */
    if (i == 1000) fail_msg("%s", e.message);
    usleep(10000);
  }
  kl_listed_free(all, n);
  kl_control_disconnect(p);
}

/* A folder has the name of the socket: it cannot be made, and of the attempt nothing is left. */
static void a_socket_that_gets_no_name_leaves_nothing(void **state) {
  (void)state;
  char path[300], left[300];
  uv_loop_t loop;
  kl_error e = {0};
  snprintf(path, sizeof path, "%s/taken", home);
  snprintf(left, sizeof left, "%s/.new-%ld", home, (long)getpid());
  assert_int_equal(mkdir(path, 0700), 0);
  int folder = open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  assert_true(folder >= 0);
  assert_int_equal(uv_loop_init(&loop), 0);
  kl_control_server *s = kl_control_server_new(&loop);
  assert_non_null(s);
  assert_false(kl_control_server_listen(s, folder, home, "taken", &e));
  assert_string_equal(e.code, "runtime_folder_unusable");
  assert_int_equal(access(left, F_OK), -1);
  assert_int_equal(errno, ENOENT);
  kl_control_server_close(s);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&loop), 0);
  close(folder);
  assert_int_equal(rmdir(path), 0);
}

static int make_home(void **state) {
  (void)state;
  if (!mkdtemp(home) || signal(SIGPIPE, SIG_IGN) == SIG_ERR) return -1;
  return setenv("XDG_RUNTIME_DIR", home, 1);
}

static int remove_home(void **state) {
  char path[300];
  (void)state;
  snprintf(path, sizeof path, "%s/kalua", home);
  return rmdir(path) == 0 && rmdir(home) == 0 ? 0 : -1;
}

#define TEST(f) cmocka_unit_test(f)
#define SERVED(f) cmocka_unit_test_setup_teardown(f, open_server, close_server)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(lines_are_cut_wherever_the_bytes_are),
      TEST(a_line_that_does_not_end_is_given_up),
      TEST(requests_are_checked),
      TEST(a_socket_that_gets_no_name_leaves_nothing),
      SERVED(asks_and_is_answered),
      SERVED(answers_come_in_any_order),
      SERVED(a_call_can_be_cancelled),
      SERVED(events_wait_for_room),
      SERVED(too_many_requests_at_a_time_are_refused),
      SERVED(a_call_outlives_its_client),
      SERVED(answers_that_are_due_go_out_at_the_close),
      SERVED(whoever_closes_its_side_gets_its_answers),
      SERVED(garbage_ends_the_connection),
      SERVED(who_does_not_read_is_dropped),
      SERVED(what_is_kept_for_a_client_is_bounded),
      SERVED(one_client_too_many_is_told),
  };
  return cmocka_run_group_tests(tests, make_home, remove_home);
}
