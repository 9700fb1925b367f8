/* Streamed answers: head, pieces and end in order; pausing; limits; what may be done inside the callbacks. */
#include "unit/http_box.h"

#include "base/list.h"

typedef struct stream {
  box b;
  kl_http_call *call;
  int heads, pieces;
  int status;
  char type[64];
  kl_buf body;
  bool ended;
  kl_error error;
  void (*in_head)(struct stream *s);
  void (*in_piece)(struct stream *s);
  void (*in_end)(struct stream *s);
  size_t seen; /* when the test looked */
} stream;

static void on_head(void *data, const kl_http_response *res) {
  stream *s = data;
  assert_int_equal(s->heads++, 0);
  assert_int_equal(s->pieces, 0);
  assert_false(s->ended);
  assert_int_equal(res->body_len, 0);
  s->status = res->status;
  kl_http_head_get(&res->head, "content-type", s->type, sizeof s->type);
  if (s->in_head) s->in_head(s);
}

static void on_piece(void *data, const char *p, size_t n) {
  stream *s = data;
  assert_int_equal(s->heads, 1);
  assert_false(s->ended);
  assert_true(n > 0);
  s->pieces++;
  kl_buf_add(&s->body, p, n);
  if (s->in_piece) s->in_piece(s);
}

static void on_end(void *data, const kl_http_response *res, const kl_error *e) {
  stream *s = data;
  assert_false(s->ended);
  s->ended = true;
  if (e) s->error = *e;
  if (res) assert_int_equal(res->body_len, 0);
  if (s->in_end)
    s->in_end(s);
  else
    finish(&s->b);
}

static void stream_open(stream *s) {
  memset(s, 0, sizeof *s);
  box_open(&s->b);
  s->b.wanted = 100; /* the close is ours */
}

static void stream_send(stream *s, kl_http_request r) {
  kl_error e = {0};
  r.method = "GET";
  r.url = s->b.base;
  r.on_head = on_head;
  r.on_piece = on_piece;
  s->call = kl_http_send(s->b.http, &r, on_end, s, &e);
  if (!s->call) fail_msg("%s", e.message);
  assert_int_equal(s->heads, 0);
}

static void stream_free(stream *s) {
  kl_buf_free(&s->body);
  box_free(&s->b);
}

#define HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

/* ---- order ---- */

static void hands_out_head_pieces_and_end(void **state) {
  (void)state;
  stream s;
  stream_open(&s);
  s.b.answer = HEAD "5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\n";
  stream_send(&s, (kl_http_request){0});
  box_run(&s.b);
  assert_int_equal(s.status, 200);
  assert_string_equal(s.type, "text/event-stream");
  assert_string_equal(s.body.data, "hello world");
  assert_true(s.ended && !s.error.kind);
  stream_free(&s);
}

static void tells_the_head_of_an_answer_without_a_body(void **state) {
  (void)state;
  stream s;
  stream_open(&s);
  s.b.answer = "HTTP/1.1 204 No Content\r\n\r\n";
  stream_send(&s, (kl_http_request){0});
  box_run(&s.b);
  assert_int_equal(s.heads, 1);
  assert_int_equal(s.status, 204);
  assert_true(s.ended && !s.error.kind);
  stream_free(&s);
}

static peer_conn *waiting;

static void answer_the_head(box *b, peer_conn *c, const char *request) {
  (void)b, (void)request;
  waiting = c;
  peer_say(c, HEAD);
}

static void say_more(stream *s) {
  (void)s;
  peer_say(waiting, "3\r\nabc\r\n");
}

static void say_the_end(stream *s) {
  if (s->pieces == 1) peer_say(waiting, "2\r\nde\r\n0\r\n\r\n");
}

static void head_and_pieces_do_not_wait_for_what_follows(void **state) {
  (void)state;
  stream s;
  stream_open(&s);
  s.b.serve = answer_the_head;
  s.in_head = say_more;
  s.in_piece = say_the_end;
  stream_send(&s, (kl_http_request){0});
  box_run(&s.b);
  assert_string_equal(s.body.data, "abcde");
  assert_true(s.ended && !s.error.kind);
  stream_free(&s);
}

static void hang_up_after(box *b, peer_conn *c, const char *request) {
  (void)request;
  peer_say(c, b->answer);
  peer_finish(c);
}

static void tells_an_answer_that_was_cut_after_its_pieces(void **state) {
  (void)state;
  stream s;
  stream_open(&s);
  s.b.serve = hang_up_after;
  s.b.answer = HEAD "3\r\nabc\r\n";
  stream_send(&s, (kl_http_request){0});
  box_run(&s.b);
  assert_string_equal(s.body.data, "abc");
  assert_string_equal(s.error.kind, KL_ERR_NETWORK);
  stream_free(&s);
}

/* ---- pausing ---- */

enum { LARGE = 24 << 20, CHUNK = 64 << 10 };

static void answer_a_lot(box *b, peer_conn *c, const char *request) {
  static char chunk[CHUNK];
  char head[128];
  (void)b, (void)request;
  memset(chunk, 'x', sizeof chunk);
  snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", LARGE);
  peer_say(c, head);
  for (size_t sent = 0; sent < LARGE; sent += CHUNK)
    peer_write(c, chunk, sizeof chunk);
}

static void look_and_resume(uv_timer_t *t) {
  stream *s = KL_CONTAINER(t->data, stream, b);
  assert_int_equal(s->body.len, s->seen);                 /* nothing came while it was paused */
  assert_true(waiting->tcp.write_queue_size > LARGE / 4); /* the server is held back */
  s->in_piece = NULL;
  kl_http_resume(s->call);
  kl_http_resume(s->call);
}

static void pause_in_piece(stream *s) {
  kl_http_pause(s->call);
  s->seen = s->body.len;
  uv_timer_start(&s->b.timer, look_and_resume, 3000, 0);
}

static void remember_and_answer_a_lot(box *b, peer_conn *c, const char *request) {
  waiting = c;
  answer_a_lot(b, c, request);
}

static void a_paused_answer_holds_the_server_back(void **state) {
  (void)state;
  stream s;
  stream_open(&s);
  s.b.serve = remember_and_answer_a_lot;
  s.in_piece = pause_in_piece;
  stream_send(&s, (kl_http_request){.idle_timeout_ms = 2000}); /* which a pause does not count for */
  box_run(&s.b);
  if (s.error.kind) fail_msg("%s", s.error.message);
  assert_int_equal(s.body.len, LARGE);
  assert_true(s.ended);
  stream_free(&s);
}

static void resume_for_the_end(uv_timer_t *t) {
  stream *s = KL_CONTAINER(t->data, stream, b);
  assert_false(s->ended);
  assert_int_equal(s->pieces, 0);
  kl_http_resume(s->call);
}

static void pause_in_head(stream *s) {
  kl_http_pause(s->call);
  uv_timer_start(&s->b.timer, resume_for_the_end, 50, 0);
}

static void an_end_waits_for_what_was_paused(void **state) {
  (void)state;
  static const char *const answers[] = {HEAD "3\r\nabc\r\n0\r\n\r\n", HEAD "3\r\nabc\r\n"};
  for (size_t i = 0; i < 2; i++) {
    stream s;
    stream_open(&s);
    s.b.serve = hang_up_after;
    s.b.answer = answers[i];
    s.in_head = pause_in_head;
    stream_send(&s, (kl_http_request){0});
    box_run(&s.b);
    assert_string_equal(s.body.data, "abc");
    assert_int_equal(s.error.kind != NULL, i);
    stream_free(&s);
  }
}

static void pause_and_resume(stream *s) {
  kl_http_pause(s->call);
  kl_http_resume(s->call);
}

static void pausing_and_resuming_at_once_loses_nothing(void **state) {
  (void)state;
  stream s;
  stream_open(&s);
  s.b.serve = answer_a_lot;
  s.in_head = s.in_piece = pause_and_resume;
  stream_send(&s, (kl_http_request){0});
  box_run(&s.b);
  if (s.error.kind) fail_msg("%s", s.error.message);
  assert_int_equal(s.body.len, LARGE);
  stream_free(&s);
}

/* ---- limits ---- */

static void answer_nothing(box *b, peer_conn *c, const char *request) { (void)b, (void)c, (void)request; }

static void expect_failure(void (*serve_it)(box *, peer_conn *, const char *), kl_http_request r, const char *kind,
                           const char *says) {
  stream s;
  stream_open(&s);
  s.b.serve = serve_it;
  stream_send(&s, r);
  uint64_t before = uv_hrtime();
  box_run(&s.b);
  assert_true(uv_hrtime() - before < 20000000000); /* none of the other limits, which are half a minute */
  if (!s.error.kind) fail_msg("no error");
  assert_string_equal(s.error.kind, kind);
  if (!strstr(s.error.message, says)) fail_msg("%s", s.error.message);
  assert_int_equal(s.error.sent, KL_SENT_MAYBE);
  stream_free(&s);
}

static void ends_an_answer_that_does_not_come(void **state) {
  (void)state;
  expect_failure(answer_nothing, (kl_http_request){.head_timeout_ms = 50}, KL_ERR_TIMEOUT, "no answer from");
  expect_failure(answer_the_head, (kl_http_request){.idle_timeout_ms = 50}, KL_ERR_TIMEOUT,
                 "has sent nothing for 50 ms");
  expect_failure(answer_the_head, (kl_http_request){.timeout_ms = 1000}, KL_ERR_TIMEOUT, "no whole answer");
}

static void ends_an_answer_that_is_too_long(void **state) {
  (void)state;
  expect_failure(answer_a_lot, (kl_http_request){.max_body = LARGE - 1}, KL_ERR_PROTOCOL, "longer than");
}

/* ---- inside the callbacks ---- */

static void cancel_and_finish(stream *s) {
  kl_http_cancel(s->call);
  assert_int_equal(kl_http_active(s->b.http), 0);
  finish(&s->b);
}

static void close_client(stream *s) { finish(&s->b); }

static void may_be_cancelled_and_closed_inside_its_callbacks(void **state) {
  (void)state;
  for (int i = 0; i < 4; i++) {
    stream s;
    stream_open(&s);
    s.b.answer = HEAD "3\r\nabc\r\n0\r\n\r\n";
    if (i % 2)
      s.in_piece = i / 2 ? close_client : cancel_and_finish;
    else
      s.in_head = i / 2 ? close_client : cancel_and_finish;
    s.in_end = pause_and_resume; /* does nothing any more */
    stream_send(&s, (kl_http_request){0});
    box_run(&s.b);
    assert_int_equal(s.ended, i / 2);
    if (i / 2) assert_string_equal(s.error.kind, KL_ERR_CLOSED);
    assert_int_equal(s.pieces, i % 2);
    stream_free(&s);
  }
}

static void cancel_later(uv_timer_t *t) {
  stream *s = KL_CONTAINER(t->data, stream, b);
  kl_http_cancel(s->call);
  finish(&s->b);
}

static void pause_then_cancel(stream *s) {
  kl_http_pause(s->call);
  uv_timer_start(&s->b.timer, cancel_later, 50, 0);
}

static void may_be_cancelled_while_paused(void **state) {
  (void)state;
  for (int i = 0; i < 2; i++) {
    stream s;
    stream_open(&s);
    s.b.serve = i ? answer_a_lot : NULL;
    s.b.answer = HEAD "3\r\nabc\r\n0\r\n\r\n"; /* which has ended by then */
    s.in_head = pause_then_cancel;
    stream_send(&s, (kl_http_request){0});
    box_run(&s.b);
    assert_false(s.ended);
    stream_free(&s);
  }
}

static void get_another(stream *s) {
  if (s->pieces == 1) box_get(&s->b, 0, "/other");
}

static void finish_with_the_other(box *b, outcome *o) {
  (void)o;
  finish(b);
}

static void end_quietly(stream *s) { (void)s; }

static void may_send_another_inside_its_callbacks(void **state) {
  (void)state;
  stream s;
  stream_open(&s);
  s.b.answer = HEAD "3\r\nabc\r\n0\r\n\r\n";
  s.in_piece = get_another;
  s.in_end = end_quietly;
  s.b.then = finish_with_the_other;
  stream_send(&s, (kl_http_request){0});
  box_run(&s.b);
  assert_true(s.ended && !s.error.kind);
  assert_string_equal(s.b.calls[0].body.data, "abc");
  stream_free(&s);
}

int main(void) {
  alarm(100);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(hands_out_head_pieces_and_end),
      cmocka_unit_test(tells_the_head_of_an_answer_without_a_body),
      cmocka_unit_test(head_and_pieces_do_not_wait_for_what_follows),
      cmocka_unit_test(tells_an_answer_that_was_cut_after_its_pieces),
      cmocka_unit_test(a_paused_answer_holds_the_server_back),
      cmocka_unit_test(an_end_waits_for_what_was_paused),
      cmocka_unit_test(pausing_and_resuming_at_once_loses_nothing),
      cmocka_unit_test(ends_an_answer_that_does_not_come),
      cmocka_unit_test(ends_an_answer_that_is_too_long),
      cmocka_unit_test(may_be_cancelled_and_closed_inside_its_callbacks),
      cmocka_unit_test(may_be_cancelled_while_paused),
      cmocka_unit_test(may_send_another_inside_its_callbacks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
