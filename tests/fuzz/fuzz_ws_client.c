/* The WebSocket client above a stream of the target's own: the input says what the server sends, in what pieces, and
 * what the owner does in between. Whatever that is: callbacks come in their order and none behind the last, and what
 * the client writes is a request, then frames by the book with nothing behind a close frame. */
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "net/stream.h"
#include "net/ws_client.h"
#include "net/ws_frame.h"

/* ---- the stream ---- */

struct kl_stream {
  kl_stream_options o;
  bool ready;
  size_t queued;
};

static struct {
  kl_stream stream;
  bool alive; /* the client has the stream */
  bool deaf;  /* writes fail */
  kl_buf written;
} net;

kl_stream *kl_stream_open(uv_loop_t *loop, const kl_stream_options *o, kl_error *e) {
  (void)loop, (void)e;
  net.stream = (kl_stream){.o = *o};
  net.alive = true;
  return &net.stream;
}

bool kl_stream_write(kl_stream *s, const void *p, size_t n) {
  if (!net.alive || !s->ready) abort();
  if (net.deaf) return false;
  kl_buf_add(&net.written, p, n);
  s->queued += n;
  return true;
}

size_t kl_stream_queued(const kl_stream *s) { return s->queued; }

const char *kl_stream_doing(const kl_stream *s) {
  (void)s;
  return "being tested";
}

void kl_stream_close(kl_stream *s) {
  (void)s;
  if (!net.alive) abort();
  net.alive = false;
}

void kl_stream_finish(kl_stream *s) { kl_stream_close(s); }

/* ---- the owner ---- */

static struct {
  kl_ws_client *client;
  bool open, over;
  bool close_in_message; /* from within the next callback */
  bool burst;
} owner;

static void may_close(void) {
  if (!owner.close_in_message) return;
  owner.close_in_message = false;
  owner.over = true;
  kl_ws_client_close(owner.client);
}

static void on_open(void *data, int64_t date_ms) {
  (void)data, (void)date_ms;
  if (owner.open || owner.over) abort();
  owner.open = true;
  const char *protocol = kl_ws_client_protocol(owner.client);
  if (protocol && strcmp(protocol, "a") != 0 && strcmp(protocol, "b") != 0) abort();
  may_close();
}

static void on_message(void *data, const char *p, size_t n) {
  volatile char last = p[n + 15]; /* readable, by promise */
  (void)data, (void)last;
  if (!owner.open || owner.over || n > 3000) abort();
  owner.burst = true;
  may_close();
}

static void on_pong(void *data, const char *p, size_t n) {
  (void)data, (void)p;
  if (!owner.open || owner.over || n > 125) abort();
  may_close();
}

static void on_burst_end(void *data) {
  (void)data;
  if (!owner.burst || owner.over) abort();
  owner.burst = false;
  may_close();
}

static void on_writable(void *data) {
  (void)data;
  if (!owner.open || owner.over) abort();
}

static void on_closed(void *data, const kl_error *e) {
  size_t n;
  (void)data;
  if (owner.over || owner.burst || !e->kind || !e->message[0] || strpbrk(e->message, "\r\n\x1B")) abort();
  (void)kl_ws_client_close_reason(owner.client, &n);
  if (n > 123) abort();
  owner.over = true;
}

/* ---- what the client wrote ---- */

/* The server's answer to the request, with or without a subprotocol. */
static void answer(kl_buf *out, bool protocol) {
  const char *at = strstr(net.written.data, "Sec-WebSocket-Key: ");
  char text[80], accept[32];
  unsigned char digest[20];
  if (!at) abort();
  snprintf(text, sizeof text, "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", at + 19);
  if (!EVP_Digest(text, strlen(text), digest, NULL, EVP_sha1(), NULL)) abort();
  EVP_EncodeBlock((unsigned char *)accept, digest, 20);
  kl_buf_printf(out,
                "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n",
                accept, protocol ? "Sec-WebSocket-Protocol: b\r\n" : "");
}

static void check_frames(const uint8_t *p, size_t n) {
  bool closed = false;
  while (n) {
    if (closed || n < 6 || !(p[0] & 0x80) || p[0] & 0x70 || !(p[1] & 0x80)) abort();
    int opcode = p[0] & 0x0F;
    size_t len = p[1] & 0x7F, head = 2;
    if (len == 126) {
      len = (size_t)p[2] << 8 | p[3];
      head = 4;
    } else if (len == 127) {
      len = (size_t)p[6] << 24 | (size_t)p[7] << 16 | (size_t)p[8] << 8 | p[9];
      head = 10;
    }
    if (opcode != KL_WS_TEXT && opcode != KL_WS_BINARY && (opcode < KL_WS_CLOSE || opcode > KL_WS_PONG)) abort();
    if (opcode >= KL_WS_CLOSE && len > 125) abort();
    if (n < head + 4 + len) abort();
    closed = opcode == KL_WS_CLOSE;
    if (closed && len) {
      unsigned code = (unsigned)(p[6] ^ p[2]) << 8 | (unsigned)(p[7] ^ p[3]);
      if (len < 2 || !kl_ws_is_close_code(code)) abort();
    }
    p += head + 4 + len;
    n -= head + 4 + len;
  }
}

/* ---- the play ---- */

static void give(const char *p, size_t n) {
  while (n && net.alive) {
    size_t room = 0;
    char *to = net.stream.o.buffer(net.stream.o.data, &room);
    if (!to || !room) abort();
    size_t part = n < room ? n : room;
    memcpy(to, p, part);
    net.stream.o.input(net.stream.o.data, part);
    p += part;
    n -= part;
  }
  if (net.alive) net.stream.o.read_end(net.stream.o.data);
}

static void fail_stream(void) {
  kl_error e;
  kl_error_set(&e, KL_ERR_NETWORK, "it broke");
  net.alive = false;
  net.stream.o.failed(net.stream.o.data, &e);
}

static void act(uint8_t op, const char *p, size_t n) {
  static const int codes[] = {0, 1000, 1001, 3000, 4999};
  kl_ws_client *c = owner.client;
  switch (op & 7) {
  case 0:
    (void)kl_ws_client_send(c, "text", 4);
    break;
  case 1:
    (void)kl_ws_client_send_binary(c, p, n);
    break;
  case 2:
    (void)kl_ws_client_ping(c, p, n);
    break;
  case 3:
    kl_ws_client_finish(c, codes[(op >> 3) % 5], "reason", 6);
    break;
  case 4:
    owner.close_in_message = true;
    break;
  case 5:
    net.stream.queued /= 2;
    if (net.stream.o.sent) net.stream.o.sent(net.stream.o.data);
    break;
  case 6:
    net.deaf = op & 8;
    break;
  default:
    if (op & 8) fail_stream();
    break;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  uv_loop_t loop;
  kl_error e = {0};
  if (uv_loop_init(&loop)) abort();
  memset(&net, 0, sizeof net);
  memset(&owner, 0, sizeof owner);
  kl_ws_client_options o = {.url = "ws://127.0.0.1:9/",
                            .protocols = data[0] & 1 ? "a, b" : NULL,
                            .max_message = 3000,
                            .open = on_open,
                            .message = on_message,
                            .binary = data[0] & 2 ? on_message : NULL,
                            .pong = data[0] & 4 ? on_pong : NULL,
                            .burst_end = on_burst_end,
                            .writable = on_writable,
                            .closed = on_closed};
  owner.client = kl_ws_client_open(&loop, &o, &e);
  if (!owner.client) abort();
  if (data[0] & 8) act(data[1], "", 0); /* before it is connected */
  kl_buf said = {0};
  size_t request = 0, at = 1;
  if (net.alive && !owner.over) {
    net.stream.ready = true;
    net.deaf = false;
    net.stream.o.ready(net.stream.o.data);
    const char *end = strstr(net.written.data ? net.written.data : "", "\r\n\r\n");
    if (!end) abort();
    request = (size_t)(end - net.written.data) + 4;
    if (!(data[0] & 16)) answer(&said, data[0] & 1);
  }
  /* A byte says how many come next, of which its top bit makes something that the owner does. */
  while (at < size && net.alive && !owner.over) {
    size_t n = data[at] & 0x7F;
    bool acts = data[at++] & 0x80;
    if (n > size - at) n = size - at;
    if (acts && n) {
      act(data[at], (const char *)data + at, n);
      uv_run(&loop, UV_RUN_NOWAIT);
    } else if (!acts) {
      kl_buf_add(&said, data + at, n);
      give(said.data, said.len);
      kl_buf_clear(&said);
    }
    at += n;
  }
  if (!owner.over) {
    owner.over = true;
    kl_ws_client_close(owner.client);
  }
  while (uv_run(&loop, UV_RUN_DEFAULT))
    ;
  if (net.alive || uv_loop_close(&loop)) abort();
  if (request) check_frames((const uint8_t *)net.written.data + request, net.written.len - request);
  kl_buf_free(&net.written);
  kl_buf_free(&said);
  return 0;
}
