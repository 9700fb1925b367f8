/* An HTTP client and a server on one loop, with the outcomes of up to eight calls. */
#ifndef HTTP_BOX_H
#define HTTP_BOX_H

#include "unit/net_peer.h"

#include "net/http.h"

/* A client, a peer and the outcomes of up to eight calls, in the order in which they came. */
typedef struct box box;

typedef struct outcome {
  box *b;
  bool done;
  int order;
  int status;
  kl_buf body;
  char type[64];
  int64_t date_ms, total_us;
  kl_error error;
} outcome;

struct box {
  uv_loop_t loop;
  peer server;
  kl_http *http;
  char base[64];
  kl_buf requests; /* what the server got, each whole */
  const char *answer;
  void (*serve)(box *b, peer_conn *c, const char *request); /* instead of sending `answer` */
  outcome calls[8];
  int done, wanted;
  void (*then)(box *b, outcome *o); /* after each outcome */
  uv_timer_t timer;
  kl_http_call *handle;
  bool closed;
};

#define OK "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"

static inline void serve(peer_conn *c) {
  box *b = c->p->data;
  size_t n;
  while (!c->closing && (n = peer_request(c))) {
    char *request = strndup(c->in.data, n);
    assert_non_null(request);
    kl_buf_add(&b->requests, c->in.data, n);
    kl_buf_char(&b->requests, '|');
    peer_take(c, n);
    if (b->serve)
      b->serve(b, c, request);
    else
      peer_say(c, b->answer);
    free(request);
  }
}

static inline void on_gone(void *data) { ((box *)data)->closed = true; }

static inline void finish(box *b) {
  kl_http_close(b->http, on_gone, b);
  peer_close(&b->server);
  uv_close((uv_handle_t *)&b->timer, NULL);
}

static inline void on_done(void *data, const kl_http_response *res, const kl_error *e) {
  outcome *o = data;
  box *b = o->b;
  assert_false(o->done);
  assert_true(!res != !e);
  o->done = true;
  o->order = ++b->done;
  if (res) {
    assert_int_equal(res->body[res->body_len], 0);
    o->status = res->status;
    o->date_ms = res->date_ms;
    o->total_us = res->total_us;
    kl_buf_add(&o->body, res->body, res->body_len);
    snprintf(o->type, sizeof o->type, "%s", res->content_type);
  } else {
    o->error = *e;
  }
  if (b->then) b->then(b, o);
  if (b->done == b->wanted) finish(b);
}

static inline void box_open_trusting(box *b, const char *ca_file) {
  kl_error e = {0};
  memset(b, 0, sizeof *b);
  assert_int_equal(uv_loop_init(&b->loop), 0);
  peer_open(&b->server, &b->loop, serve);
  b->server.data = b;
  b->answer = OK;
  for (size_t i = 0; i < 8; i++)
    b->calls[i].b = b;
  snprintf(b->base, sizeof b->base, "http://127.0.0.1:%d", b->server.port);
  uv_timer_init(&b->loop, &b->timer);
  b->timer.data = b;
  b->http = kl_http_new(&b->loop, &(kl_http_options){.user_agent = "tester/1", .ca_file = ca_file}, &e);
  if (!b->http) fail_msg("%s", e.message);
}

static inline void box_open(box *b) { box_open_trusting(b, NULL); }

static inline kl_http_call *box_send(box *b, int i, const kl_http_request *r) {
  kl_error e = {0};
  b->wanted++;
  kl_http_call *c = kl_http_send(b->http, r, on_done, &b->calls[i], &e);
  if (!c) fail_msg("%s", e.message);
  assert_false(b->calls[i].done); /* never from within */
  return c;
}

static inline kl_http_call *box_get(box *b, int i, const char *path) {
  char url[128];
  snprintf(url, sizeof url, "%s%s", b->base, path);
  return box_send(b, i, &(kl_http_request){.method = "GET", .url = url, .timeout_ms = 5000});
}

static inline void box_run(box *b) {
  uv_run(&b->loop, UV_RUN_DEFAULT);
  assert_true(b->closed);
  assert_int_equal(uv_loop_close(&b->loop), 0);
}

static inline void box_free(box *b) {
  kl_buf_free(&b->requests);
  for (size_t i = 0; i < 8; i++)
    kl_buf_free(&b->calls[i].body);
}

static inline void expect_error(const outcome *o, const char *kind, kl_sent sent, const char *says) {
  if (!o->error.kind || strcmp(o->error.kind, kind) != 0 || o->error.sent != sent || !strstr(o->error.message, says))
    fail_msg("%s %d: %s", o->error.kind ? o->error.kind : "no error", (int)o->error.sent, o->error.message);
}

#endif
