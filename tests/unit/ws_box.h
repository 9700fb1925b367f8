/* kl_ws_client against a server of the test's own, for the tests of the client. */
#ifndef KL_TEST_WS_BOX_H
#define KL_TEST_WS_BOX_H

#include "unit/net_peer.h"

#include <openssl/evp.h>

#include "base/clock.h"
#include "net/ws_client.h"

/* One client against one peer; what happens to the client is written down. */
typedef struct box {
  uv_loop_t loop;
  peer server;
  kl_ws_client *client;
  kl_buf log; /* "open|" "m:text|" "burst|" "closed|" */
  kl_error error;
  char reason[128]; /* of the server's close frame */
  bool over;
  bool linger; /* the server goes on when the client's connection is over */
  int64_t date_ms, rx_ns;
  uint64_t bytes;
  kl_buf head;                                   /* the request that the server got */
  kl_buf frames;                                 /* what the server got: "81:text|" with opcode and unmasked payload */
  const char *answer;                            /* instead of the right one */
  const char *fields;                            /* further ones of the right answer */
  void (*upgraded)(struct box *b, peer_conn *c); /* the server has answered the handshake */
  void (*framed)(struct box *b, peer_conn *c);   /* the server got a frame */
  const char *close_at;                          /* the client is closed in this callback */
  uv_timer_cb when_open;                         /* the timer's, once the client is open */
  uv_timer_t timer;
  peer_conn *conn;
} box;

/* ---- the server's side ---- */

static inline void accept_value(const char *request, char out[32]) {
  const char *at = strstr(request, "Sec-WebSocket-Key: ");
  assert_non_null(at);
  char text[80];
  unsigned char digest[20];
  snprintf(text, sizeof text, "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", at + 19);
  assert_int_equal(EVP_Digest(text, strlen(text), digest, NULL, EVP_sha1(), NULL), 1);
  EVP_EncodeBlock((unsigned char *)out, digest, 20);
}

static inline void serve_handshake(box *b, peer_conn *c, size_t n) {
  char accept[32], answer[1024];
  kl_buf_add(&b->head, c->in.data, n);
  accept_value(c->in.data, accept);
  peer_take(c, n);
  snprintf(answer, sizeof answer,
           "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Date: Tue, 15 Nov 1994 08:12:31 GMT\r\nSec-WebSocket-Accept: %s\r\n%s\r\n",
           accept, b->fields ? b->fields : "");
  peer_say(c, b->answer ? b->answer : answer);
  b->conn = c;
  if (b->upgraded) b->upgraded(b, c);
}

/* One client frame of up to 65,535 bytes out of c->in; false when there is none. */
static inline bool take_frame(box *b, peer_conn *c) {
  const uint8_t *p = (const uint8_t *)c->in.data;
  if (c->in.len < 6) return false;
  size_t n = p[1] & 0x7F, head = 2;
  if (n == 126) {
    n = (size_t)p[2] << 8 | p[3];
    head = 4;
  }
  assert_true(p[1] & 0x80);
  if (c->in.len < head + 4 + n) return false;
  kl_buf_printf(&b->frames, "%02x:", p[0]);
  for (size_t i = 0; i < n; i++)
    kl_buf_char(&b->frames, (char)(p[head + 4 + i] ^ p[head + (i & 3)]));
  kl_buf_char(&b->frames, '|');
  peer_take(c, head + 4 + n);
  return true;
}

static inline void serve(peer_conn *c) {
  box *b = c->p->data;
  if (b->head.len == 0) {
    size_t n = peer_request(c);
    if (n) serve_handshake(b, c, n);
  }
  while (b->head.len && !c->closing && take_frame(b, c)) {
    if (b->framed) b->framed(b, c);
  }
}

/* ---- the client's side ---- */

static inline void finish(box *b) {
  b->over = true;
  peer_close(&b->server);
  if (!uv_is_closing((uv_handle_t *)&b->timer)) uv_close((uv_handle_t *)&b->timer, NULL);
}

static inline void note(box *b, const char *what) {
  kl_buf_str(&b->log, what);
  if (b->close_at && !strcmp(what, b->close_at)) {
    kl_ws_client_close(b->client);
    finish(b);
  }
}

static inline void on_open(void *data, int64_t date_ms) {
  box *b = data;
  b->date_ms = date_ms;
  note(b, "open|");
  if (b->when_open) uv_timer_start(&b->timer, b->when_open, 0, 0);
}

static inline void on_message(void *data, const char *p, size_t n) {
  box *b = data;
  char text[64];
  snprintf(text, sizeof text, "m:%.*s|", n > 32 ? 32 : (int)n, p);
  note(b, text);
}

static inline void on_binary(void *data, const char *p, size_t n) {
  box *b = data;
  char text[64];
  snprintf(text, sizeof text, "b:%.*s|", n > 32 ? 32 : (int)n, p);
  note(b, text);
}

static inline void on_pong(void *data, const char *p, size_t n) {
  box *b = data;
  char text[140];
  snprintf(text, sizeof text, "p:%.*s|", (int)n, p);
  note(b, text);
}

static inline void on_burst(void *data) { note(data, "burst|"); }

static inline void on_closed(void *data, const kl_error *e) {
  box *b = data;
  assert_false(b->over);
  size_t n;
  const char *reason = kl_ws_client_close_reason(b->client, &n);
  b->error = *e;
  snprintf(b->reason, sizeof b->reason, "%.*s", (int)n, reason);
  b->bytes = kl_ws_client_bytes(b->client);
  b->rx_ns = kl_ws_client_last_rx_ns(b->client);
  assert_false(kl_ws_client_send(b->client, "x", 1));
  kl_ws_client_close(b->client);
  kl_buf_str(&b->log, "closed|");
  if (!b->linger) finish(b);
}

static inline void box_open(box *b) {
  memset(b, 0, sizeof *b);
  assert_int_equal(uv_loop_init(&b->loop), 0);
  peer_open(&b->server, &b->loop, serve);
  b->server.data = b;
  uv_timer_init(&b->loop, &b->timer);
  b->timer.data = b;
}

static inline kl_ws_client_options box_options(box *b, const char *url) {
  return (kl_ws_client_options){.url = url,
                                .data = b,
                                .open = on_open,
                                .message = on_message,
                                .burst_end = on_burst,
                                .closed = on_closed,
                                .connect_timeout_ms = 5000};
}

static inline void box_connect(box *b, const kl_ws_client_options *o) {
  kl_error e = {0};
  b->client = kl_ws_client_open(&b->loop, o, &e);
  if (!b->client) fail_msg("%s", e.message);
}

static inline void box_connect_plain(box *b) {
  char url[64];
  snprintf(url, sizeof url, "ws://127.0.0.1:%d/ws?x=1", b->server.port);
  const kl_ws_client_options o = box_options(b, url);
  box_connect(b, &o);
}

/* Runs until everything is closed, which the loop itself confirms. */
static inline void box_run(box *b) {
  uv_run(&b->loop, UV_RUN_DEFAULT);
  assert_true(b->over);
  assert_int_equal(uv_loop_close(&b->loop), 0);
}

static inline void box_free(box *b) {
  kl_buf_free(&b->log);
  kl_buf_free(&b->head);
  kl_buf_free(&b->frames);
}

static inline void expect_error(const box *b, const char *kind, int status, const char *says) {
  if (!b->error.kind || strcmp(b->error.kind, kind) != 0 || !strstr(b->error.message, says))
    fail_msg("%s: %s", b->error.kind ? b->error.kind : "no error", b->error.message);
  assert_int_equal(b->error.status, status);
}

#endif
