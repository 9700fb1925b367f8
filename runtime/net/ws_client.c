#include "net/ws_client.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/http_head.h"
#include "net/stream.h"
#include "net/ws_frame.h"
#include "net/ws_handshake.h"

enum {
  READ_WANT = 16 * 1024, /* free room asked of the parser: a TLS record's worth */
  MAX_REFUSAL = KL_HTTP_HEAD_MAX + 16 * 1024,
  REFUSAL_WAIT_MS = 300, /* for the body of a refusal */
  GRACE_MS = 50,         /* after a timeout, for bytes that came while the loop was held up */
  MAX_EARLY = 8 * 1024 * 1024,
  DEFAULT_CONNECT_MS = 10000,
  DEFAULT_SILENCE_MS = 15000,
  DEFAULT_CLOSE_MS = 5000,
  PIECE = 256 * 1024, /* of a long message, so that no second copy of it is made */
  MAX_CONTROL = 125,  /* payload of a control frame */
};

/* The payload of pings that only ask for a sign of life. */
static const char KEEP_ALIVE[] = "keep-alive";

typedef enum {
  C_CONNECTING, /* the stream is not there yet */
  C_HANDSHAKE,  /* request sent */
  C_REFUSED,    /* waiting for the rest of the refusal's body */
  C_OPEN,
  C_FAILED, /* `closed` is to be called from the timer */
  C_OVER
} client_state;

struct kl_ws_client {
  kl_ws_client_options o; /* its strings are not used after opening */
  kl_url url;
  kl_stream *stream;
  kl_ws_parser *parser;
  uv_timer_t timer;
  client_state state;
  kl_buf request; /* the handshake's, until sent */
  kl_buf answer;  /* the handshake's, until read */
  kl_buf out;     /* frames; kept for its memory */
  kl_buf early;   /* messages sent before the handshake was done */
  uint8_t key[16];
  uint8_t masks[256]; /* random bytes, four a frame */
  size_t masks_used;
  char *protocols, *protocol; /* that were offered, that the server chose; NULL: none */
  bool burst;                 /* messages since the last burst_end */
  bool closing;               /* our close frame is out: no frame may follow it */
  bool ending;                /* once the frames at hand are taken, with close_code (0: none) */
  int close_code;
  char reason[MAX_CONTROL]; /* of the server's close frame */
  size_t reason_len;
  bool grace;
  int64_t date_ms;  /* of the answer to the handshake */
  int64_t asked_ns; /* rx_ns when a ping asked for a byte */
  int64_t late_ms;  /* by so much that ping was: its answer may be, too */
  uint64_t bytes;
  int64_t rx_ns;
  kl_error error;
};

/* ---- the end ---- */

static void free_client(kl_ws_client *c) {
  kl_ws_parser_free(c->parser);
  kl_url_free(&c->url);
  /* It holds the signature of the handshake. */
  if (c->request.data) explicit_bzero(c->request.data, c->request.cap);
  kl_buf_free(&c->request);
  kl_buf_free(&c->answer);
  kl_buf_free(&c->out);
  kl_buf_free(&c->early);
  free(c->protocols);
  free(c->protocol);
  free(c);
}

static void timer_closed(uv_handle_t *h) { free_client(h->data); }

/* Nothing is called back after this. With `heard`, what was sent last is to reach the server. */
static void tear_down(kl_ws_client *c, bool heard) {
  c->state = C_OVER;
  kl_ws_parser_stop(c->parser);
  if (c->stream && heard)
    kl_stream_finish(c->stream);
  else if (c->stream)
    kl_stream_close(c->stream);
  c->stream = NULL;
  uv_close((uv_handle_t *)&c->timer, timer_closed);
}

/* What a server says goes into messages of one line, and onto terminals. */
static void to_one_line(char *text) {
  for (; *text; text++) {
    if ((unsigned char)*text < 0x20 || *text == 0x7F) *text = ' ';
  }
}

/* Only from the loop's callbacks. */
static void end(kl_ws_client *c, const kl_error *e) {
  if (c->state == C_OVER) return;
  kl_error told = *e;
  to_one_line(told.message);
  tear_down(c, c->ending);
  c->o.closed(c->o.data, &told);
}

static void on_timer(uv_timer_t *t);

static void set_timer(kl_ws_client *c, int64_t ms) {
  /* Cannot fail: the handle is not closing and the callback not NULL. */
  (void)uv_timer_start(&c->timer, on_timer, ms > 0 ? (uint64_t)ms : 0, 0);
}

/* Has c->error told from the loop. */
static void end_later(kl_ws_client *c) {
  c->state = C_FAILED;
  kl_ws_parser_stop(c->parser);
  set_timer(c, 0);
}

static void out_of_memory(kl_ws_client *c) {
  kl_error_set(&c->error, KL_ERR_INTERNAL, "not enough memory for the WebSocket to '%s'", c->url.authority);
}

/* ---- sending ---- */

static bool next_mask(kl_ws_client *c, uint8_t mask[4]) {
  if (c->masks_used == sizeof c->masks) {
    if (RAND_bytes(c->masks, sizeof c->masks) != 1) {
      kl_error_set(&c->error, KL_ERR_INTERNAL, "no random numbers for the WebSocket to '%s'", c->url.authority);
      return false;
    }
    c->masks_used = 0;
  }
  memcpy(mask, c->masks + c->masks_used, 4);
  c->masks_used += 4;
  return true;
}

/* False with c->error when it cannot be written into `to`. */
static bool write_frame(kl_ws_client *c, kl_buf *to, int opcode, const char *p, size_t n) {
  uint8_t mask[4];
  if (!next_mask(c, mask)) return false;
  kl_ws_write_frame(to, opcode, p, n, mask);
  if (!to->failed) return true;
  out_of_memory(c);
  return false;
}

/* A message that is longer than a piece, as one frame. */
static bool send_long(kl_ws_client *c, int opcode, const char *p, size_t n) {
  uint8_t mask[4];
  if (!next_mask(c, mask) || !kl_buf_reserve(&c->out, KL_WS_HEAD_MAX + PIECE)) {
    if (c->out.failed) out_of_memory(c);
    end_later(c);
    return false;
  }
  c->out.len = kl_ws_write_head((uint8_t *)c->out.data, opcode, n, mask);
  bool ok = true;
  for (size_t at = 0; ok && at < n; at += PIECE) {
    size_t part = n - at < PIECE ? n - at : PIECE;
    kl_ws_mask(c->out.data + c->out.len, p + at, part, mask, at);
    ok = kl_stream_write(c->stream, c->out.data, c->out.len + part);
    kl_buf_clear(&c->out);
  }
  kl_buf_free(&c->out);
  return ok;
}

static bool send_frame(kl_ws_client *c, int opcode, const char *p, size_t n) {
  kl_buf_clear(&c->out);
  if (n > PIECE) return send_long(c, opcode, p, n);
  if (!write_frame(c, &c->out, opcode, p, n)) {
    end_later(c);
    return false;
  }
  bool ok = kl_stream_write(c->stream, c->out.data, c->out.len);
  if (c->out.cap > READ_WANT) kl_buf_free(&c->out);
  return ok;
}

/* A last word; whether it gets through changes nothing. None follows another. */
static void send_close(kl_ws_client *c, int code, const char *reason, size_t n) {
  uint8_t mask[4];
  char payload[MAX_CONTROL] = {(char)(code >> 8), (char)(code & 0xFF)};
  if (c->closing) return;
  c->closing = true;
  if (n > sizeof payload - 2) n = sizeof payload - 2;
  if (n) memcpy(payload + 2, reason, n);
  kl_buf_clear(&c->out);
  if (!next_mask(c, mask)) return;
  kl_ws_write_frame(&c->out, KL_WS_CLOSE, payload, code ? 2 + n : 0, mask);
  if (!c->out.failed) (void)kl_stream_write(c->stream, c->out.data, c->out.len);
}

static bool send_early(kl_ws_client *c, const char *p, size_t n) {
  if (n > MAX_EARLY || c->early.len > MAX_EARLY - n) {
    kl_error_coded(&c->error, KL_ERR_OVERFLOW, "overflow",
                   "more than 8 MiB wait for the WebSocket to '%s' to be connected", c->url.authority);
    end_later(c);
    return false;
  }
  if (write_frame(c, &c->early, KL_WS_TEXT, p, n)) return true;
  end_later(c);
  return false;
}

static bool takes_frames(const kl_ws_client *c) { return c->state == C_OPEN && !c->ending && !c->closing; }

bool kl_ws_client_send(kl_ws_client *c, const char *p, size_t n) {
  if (takes_frames(c)) return send_frame(c, KL_WS_TEXT, p, n);
  if (c->state == C_CONNECTING || c->state == C_HANDSHAKE) return send_early(c, p, n);
  return false;
}

bool kl_ws_client_send_binary(kl_ws_client *c, const char *p, size_t n) {
  return takes_frames(c) && send_frame(c, KL_WS_BINARY, p, n);
}

bool kl_ws_client_ping(kl_ws_client *c, const char *p, size_t n) {
  return takes_frames(c) && n <= MAX_CONTROL && send_frame(c, KL_WS_PING, p, n);
}

size_t kl_ws_client_queued(const kl_ws_client *c) { return c->stream ? kl_stream_queued(c->stream) : 0; }

/* ---- frames ---- */

static void on_message(void *data, int opcode, const char *p, size_t n) {
  kl_ws_client *c = data;
  if (opcode == KL_WS_TEXT) {
    c->burst = true;
    c->o.message(c->o.data, p, n);
    return;
  }
  if (c->o.binary) {
    c->burst = true;
    c->o.binary(c->o.data, p, n);
    return;
  }
  kl_error_coded(&c->error, KL_ERR_PROTOCOL, "answer_unreadable", "'%s' sent a binary message; only text is understood",
                 c->url.authority);
  c->error.status = 1003;
  c->ending = true;
  c->close_code = 1003;
  kl_ws_parser_stop(c->parser);
}

static bool on_unchecked(void *data, const char *p, size_t n) {
  kl_ws_client *c = data;
  if (!c->o.unchecked(c->o.data, p, n)) return false;
  c->burst = true;
  return true;
}

static void on_close_frame(kl_ws_client *c, const char *p, size_t n) {
  int code = n >= 2 ? (uint8_t)p[0] << 8 | (uint8_t)p[1] : 0;
  if (code)
    kl_error_coded(&c->error, KL_ERR_WS, "ws_closed", "'%s' closed the WebSocket with code %d%s%.*s", c->url.authority,
                   code, n > 2 ? ": " : "", n > 2 ? (int)(n - 2) : 0, p + (n > 2 ? 2 : 0));
  else
    kl_error_coded(&c->error, KL_ERR_WS, "ws_closed", "'%s' closed the WebSocket without a code", c->url.authority);
  c->error.status = code;
  c->error.retryable = true;
  c->reason_len = n > 2 ? n - 2 : 0;
  if (c->reason_len) memcpy(c->reason, p + 2, c->reason_len);
  c->ending = true;
  c->close_code = code;
}

static void on_control(void *data, int opcode, const char *p, size_t n) {
  kl_ws_client *c = data;
  if (opcode == KL_WS_CLOSE)
    on_close_frame(c, p, n);
  else if (opcode == KL_WS_PONG && c->o.pong)
    c->o.pong(c->o.data, p, n);
  else if (opcode == KL_WS_PING && takes_frames(c))
    (void)send_frame(c, KL_WS_PONG, p, n); /* what fails here is told by the stream or the timer */
}

static void end_burst(kl_ws_client *c) {
  if (!c->burst) return;
  c->burst = false;
  c->o.burst_end(c->o.data);
}

/* n bytes were put into the parser's buffer. */
static void take_frames(kl_ws_client *c, size_t n) {
  kl_error e;
  if (!kl_ws_parser_feed(c->parser, n, &e) && c->state == C_OPEN) {
    kl_error_coded(&c->error, e.kind, "answer_unreadable", "'%s' broke the WebSocket protocol: %s", c->url.authority,
                   e.message);
    c->error.status = c->close_code = e.status;
    c->ending = true;
  }
  if (!c->ending || c->state != C_OPEN) return;
  end_burst(c);
  if (c->state != C_OPEN) return;
  send_close(c, c->close_code, NULL, 0);
  end(c, &c->error);
}

/* ---- the handshake ---- */

static void check_silence(kl_ws_client *c);

static void become_open(kl_ws_client *c, size_t head_len, const kl_ws_answer *a) {
  size_t rest = c->answer.len - head_len, room = 0;
  char *to = rest ? kl_ws_parser_buffer(c->parser, rest, &room) : NULL;
  if (a->protocol) c->protocol = strndup(a->protocol, a->protocol_len);
  if ((rest && !to) || (a->protocol && !c->protocol)) {
    out_of_memory(c);
    end(c, &c->error);
    return;
  }
  if (rest) memcpy(to, c->answer.data + head_len, rest);
  kl_buf_free(&c->answer);
  c->state = C_OPEN;
  c->grace = false;
  uv_timer_stop(&c->timer);
  check_silence(c);
  if (c->early.len) (void)kl_stream_write(c->stream, c->early.data, c->early.len);
  kl_buf_free(&c->early);
  c->o.open(c->o.data, a->date_ms);
  if (rest && c->state == C_OPEN) take_frames(c, rest);
}

static void take_answer(kl_ws_client *c, size_t n) {
  kl_ws_answer a;
  c->answer.len += n;
  c->answer.data[c->answer.len] = 0;
  long rc = kl_ws_read_handshake(c->answer.data, c->answer.len, c->key, c->protocols, &a, &c->error);
  if (rc == 0) return;
  c->date_ms = a.date_ms;
  if (rc > 0) {
    become_open(c, (size_t)rc, &a);
    return;
  }
  bool more = c->error.status && c->error.status != 101 && c->answer.len < MAX_REFUSAL &&
              kl_ws_handshake_body_pending(c->answer.data, c->answer.len);
  if (!more) {
    end(c, &c->error);
  } else if (c->state == C_HANDSHAKE) {
    c->state = C_REFUSED;
    c->grace = false;
    set_timer(c, REFUSAL_WAIT_MS);
  }
}

/* ---- the stream's callbacks ---- */

static void on_ready(void *data) {
  kl_ws_client *c = data;
  c->state = C_HANDSHAKE;
  (void)kl_stream_write(c->stream, c->request.data, c->request.len); /* what fails here is told by the stream */
}

static char *on_buffer(void *data, size_t *room) {
  kl_ws_client *c = data;
  if (c->state == C_OPEN) return kl_ws_parser_buffer(c->parser, READ_WANT, room);
  if (!kl_buf_reserve(&c->answer, 4096)) return NULL;
  *room = c->answer.cap - c->answer.len - 1;
  return c->answer.data + c->answer.len;
}

static void on_input(void *data, size_t n) {
  kl_ws_client *c = data;
  c->bytes += n;
  c->rx_ns = kl_mono_ns(kl_clock_real());
  if (takes_frames(c)) c->grace = false; /* else it is not silence that has an end */
  if (c->state == C_OPEN)
    take_frames(c, n);
  else if (c->state == C_HANDSHAKE || c->state == C_REFUSED)
    take_answer(c, n);
}

static void on_read_end(void *data) {
  kl_ws_client *c = data;
  if (c->state == C_OPEN) end_burst(c);
}

static void on_sent(void *data) {
  kl_ws_client *c = data;
  if (c->state == C_OPEN && c->o.writable) c->o.writable(c->o.data);
}

static void on_failed(void *data, const kl_error *e) {
  kl_ws_client *c = data;
  c->stream = NULL; /* its memory goes by itself */
  if (c->state == C_REFUSED || c->state == C_FAILED) {
    end(c, &c->error);
  } else if (c->state == C_HANDSHAKE) {
    kl_error own;
    kl_error_coded(&own, e->kind, e->code, "%s, before it had answered the WebSocket handshake", e->message);
    own.retryable = e->retryable;
    end(c, &own);
  } else {
    end(c, e);
  }
}

/* ---- time ---- */

static void connect_timed_out(kl_ws_client *c) {
  kl_error_coded(&c->error, KL_ERR_TIMEOUT, "no_connection_in_time",
                 "no WebSocket to '%s' within %lld ms: it was still %s", c->url.authority,
                 (long long)c->o.connect_timeout_ms, kl_stream_doing(c->stream));
  c->error.retryable = true;
  end(c, &c->error);
}

/* True once after a timeout: the timer is set again. */
static bool take_grace(kl_ws_client *c) {
  if (c->grace) return false;
  c->grace = true;
  set_timer(c, GRACE_MS);
  return true;
}

static void silent_too_long(kl_ws_client *c, int64_t idle) {
  if (take_grace(c)) return;
  kl_error_coded(&c->error, KL_ERR_TIMEOUT, "no_answer",
                 "nothing came from '%s' for %lld ms: the connection is taken for dead", c->url.authority,
                 (long long)idle);
  c->error.retryable = true;
  send_close(c, 1001, NULL, 0);
  end(c, &c->error);
}

/* Does what is due while the connection is open, and sets the timer for what is due next. */
static void check_silence(kl_ws_client *c) {
  const int64_t limit = c->o.silence_timeout_ms, ask = c->o.ping_after_ms;
  int64_t idle = (kl_mono_ns(kl_clock_real()) - c->rx_ns) / 1000000;
  if (ask > 0 && idle >= ask && c->asked_ns != c->rx_ns) {
    c->asked_ns = c->rx_ns;
    c->late_ms = idle - ask;
    if (!kl_ws_client_ping(c, KEEP_ALIVE, sizeof KEEP_ALIVE - 1)) return; /* its end is on the way */
  }
  bool asked = ask > 0 && c->asked_ns == c->rx_ns;
  int64_t left = limit + (asked ? c->late_ms : 0) - idle;
  if (limit > 0 && left <= 0) {
    silent_too_long(c, idle);
    return;
  }
  int64_t next = limit > 0 ? left : ask;
  if (ask > 0 && !asked && ask - idle < next) next = ask - idle;
  if (next > 0) set_timer(c, next);
}

static void close_timed_out(kl_ws_client *c) {
  kl_error_coded(&c->error, KL_ERR_TIMEOUT, "no_answer", "'%s' did not answer the close frame within %lld ms",
                 c->url.authority, (long long)c->o.close_timeout_ms);
  end(c, &c->error);
}

static void on_timer(uv_timer_t *t) {
  kl_ws_client *c = t->data;
  switch (c->state) {
  case C_CONNECTING:
  case C_HANDSHAKE:
    if (!take_grace(c)) connect_timed_out(c);
    break;
  case C_OPEN:
    if (!c->closing)
      check_silence(c);
    else if (!take_grace(c))
      close_timed_out(c);
    break;
  case C_REFUSED:
    if (!take_grace(c)) end(c, &c->error);
    break;
  case C_FAILED:
    end(c, &c->error);
    break;
  case C_OVER:
    break;
  }
}

/* ---- opening and closing ---- */

static bool check_headers(const char *const *headers, kl_error *e) {
  for (; headers && *headers; headers++) {
    if (kl_ws_handshake_header_ok(*headers)) continue;
    int name = (int)strcspn(*headers, ":\r\n");
    kl_error_coded(e, KL_ERR_VALIDATION, "header_reserved",
                   "the header '%.*s' cannot go into a WebSocket handshake: one line 'Name: value' that the handshake "
                   "does not set itself",
                   name > 60 ? 60 : name, *headers);
    return false;
  }
  return true;
}

static bool fill(kl_ws_client *c, kl_error *e) {
  const kl_ws_handler handler = {c, on_message, on_control, c->o.unchecked ? on_unchecked : NULL};
  if (RAND_bytes(c->key, sizeof c->key) != 1) {
    kl_error_set(e, KL_ERR_INTERNAL, "no random numbers for a WebSocket");
    return false;
  }
  c->masks_used = sizeof c->masks;
  if (c->o.protocols) c->protocols = strdup(c->o.protocols);
  c->parser = kl_ws_parser_new(&handler, c->o.max_message);
  kl_ws_write_handshake(&c->request, c->url.authority, c->url.target, c->key, c->o.headers, c->protocols);
  if (c->parser && !c->request.failed && (c->protocols || !c->o.protocols)) return true;
  kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for a WebSocket");
  return false;
}

kl_ws_client *kl_ws_client_open(uv_loop_t *loop, const kl_ws_client_options *o, kl_error *e) {
  if (!check_headers(o->headers, e)) return NULL;
  if (o->protocols && !kl_ws_handshake_protocols_ok(o->protocols)) {
    kl_error_coded(e, KL_ERR_VALIDATION, "malformed_value",
                   "'%.200s' is no list of WebSocket subprotocols: names without blanks and punctuation, none twice",
                   o->protocols);
    return NULL;
  }
  kl_ws_client *c = calloc(1, sizeof *c);
  if (!c) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for a WebSocket");
    return NULL;
  }
  c->o = *o;
  if (!c->o.connect_timeout_ms) c->o.connect_timeout_ms = DEFAULT_CONNECT_MS;
  if (!c->o.silence_timeout_ms) c->o.silence_timeout_ms = DEFAULT_SILENCE_MS;
  if (!c->o.close_timeout_ms) c->o.close_timeout_ms = DEFAULT_CLOSE_MS;
  const kl_stream_options so = {
      .url = &c->url,
      .ca_file = o->ca_file,
      .connect_ms = c->o.connect_timeout_ms,
      .max_queued = c->o.max_queued,
      .data = c,
      .ready = on_ready,
      .buffer = on_buffer,
      .input = on_input,
      .read_end = on_read_end,
      .sent = on_sent,
      .failed = on_failed,
  };
  if (!kl_url_parse(&c->url, KL_URL_WS, o->url, e) || !fill(c, e) || !(c->stream = kl_stream_open(loop, &so, e))) {
    free_client(c);
    return NULL;
  }
  c->o.url = c->o.ca_file = c->o.protocols = NULL;
  c->o.headers = NULL;
  uv_timer_init(loop, &c->timer);
  c->timer.data = c;
  set_timer(c, c->o.connect_timeout_ms);
  return c;
}

void kl_ws_client_finish(kl_ws_client *c, int code, const char *reason, size_t n) {
  if (takes_frames(c)) {
    send_close(c, code, reason, n);
    c->grace = false;
    if (c->state == C_OPEN) set_timer(c, c->o.close_timeout_ms);
  } else if (c->state == C_CONNECTING || c->state == C_HANDSHAKE) {
    kl_error_set(&c->error, KL_ERR_CLOSED, "the WebSocket to '%s' was closed before it was open", c->url.authority);
    end_later(c);
  }
}

void kl_ws_client_close(kl_ws_client *c) {
  if (c->state == C_OVER) return;
  if (c->state == C_OPEN) send_close(c, 1000, NULL, 0);
  tear_down(c, false);
}

void kl_ws_client_leave(kl_ws_client *c) {
  if (c->state == C_OVER) return;
  bool open = c->state == C_OPEN;
  if (open) send_close(c, 1000, NULL, 0);
  tear_down(c, open);
}

const char *kl_ws_client_protocol(const kl_ws_client *c) { return c->protocol; }

const char *kl_ws_client_close_reason(const kl_ws_client *c, size_t *n) {
  *n = c->reason_len;
  return c->reason;
}

int64_t kl_ws_client_date_ms(const kl_ws_client *c) { return c->date_ms; }
uint64_t kl_ws_client_bytes(const kl_ws_client *c) { return c->bytes; }
int64_t kl_ws_client_last_rx_ns(const kl_ws_client *c) { return c->rx_ns; }
