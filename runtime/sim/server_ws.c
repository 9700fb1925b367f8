/* WebSockets: handshake, commands, messages. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/log.h"
#include "sim/auth.h"
#include "sim/scopes.h"
#include "sim/server_impl.h"

#define WS_PATH "/trade-api/ws/v2"

enum {
  BURST = 256 << 10,    /* written to one WebSocket before the others have their turn */
  KEPT_MOST = 64 << 10, /* of the buffer of a WebSocket that has nothing to write */
  MESSAGE_MOST = 4 << 20,
  HEAD = 4, /* of a frame of 126 to 65,535 bytes, as most are */
  OPCODE_TEXT = 1,
  OPCODE_CLOSE = 8,
  OPCODE_PING = 9
};

/* A handshake: 0 goes on with it, 1 when it was answered otherwise, -1 closes. */
int kl_sim_on_upgrade(struct lws *wsi, const char *protocol) {
  kl_sim_connection *k = kl_sim_connection_of(wsi);
  if (!k) return -1;
  kl_sim *s = k->sim;
  k->answered = k->waits_for_body = k->close_after = false;
  k->fault = (kl_fault_verdict){0};
  if (kl_sim_connection_read_head(k, wsi)) return -1;
  if (strcmp(protocol, "websocket") != 0) { /* an offer of HTTP/2, which need not be taken */
    k->close_after = true;
    return kl_sim_connection_serve(k, wsi) < 0 ? -1 : 1;
  }
  kl_sim_response rs = {0};
  kl_sim_fault_judge(s, &k->rq, true, &k->fault);
  if (k->fault.end == KL_FAULT_LOSE_BEFORE) return -1;
  if (k->fault.end == KL_FAULT_RESET_BEFORE) return kl_sim_connection_reset(wsi);
  kl_sim_touch(s);
  kl_sim_count(&s->counters.requests);
  if (s->broken) {
    kl_sim_fail_state(&rs);
  } else if (k->fault.end) {
    kl_sim_fault_answer(&rs, &k->fault);
  } else if (strcmp(k->path, WS_PATH) != 0) {
    kl_sim_fail(&rs, 404, "not_found", "not found", NULL);
  } else {
    kl_sim_api_key *key = NULL;
    kl_sim_auth_result r = kl_sim_auth_check(s, k->rq.key_id, k->rq.timestamp, k->rq.signature, "GET", k->path, &key);
    if (r == KL_SIM_AUTH_OK && kl_sim_permit_session(s, key, &rs)) {
      k->key = kl_sim_key_retain(key);
      return 0;
    }
    if (r != KL_SIM_AUTH_OK) {
      const char *message, *details, *code = kl_sim_auth_code(r, &message, &details);
      kl_sim_count(&s->counters.rejected_auth);
      kl_sim_fail(&rs, 401, code, message, details);
    }
  }
  k->close_after = true;
  kl_sim_connection_refuse(k, wsi, &rs);
  return -1;
}

int kl_sim_on_established(struct lws *wsi) {
  kl_sim_connection *k = kl_sim_connection_of(wsi);
  if (!k || !k->key || k->key->deleted) return -1;
  k->session = kl_sim_session_open(k->sim, k->key, wsi);
  return k->session ? 0 : -1;
}

int kl_sim_on_message(struct lws *wsi, const void *data, size_t n) {
  kl_sim_connection *k = kl_sim_connection_of(wsi);
  if (!k || !k->session) return -1;
  kl_buf *b = &k->session->received;
  if (b->len + n > MESSAGE_MOST) {
    lws_close_reason(wsi, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, NULL, 0);
    return -1;
  }
  kl_buf_add(b, data, n);
  if (b->failed) return -1;
  if (!lws_is_final_fragment(wsi) || lws_remaining_packet_payload(wsi)) return 0;
  kl_sim_touch(k->sim);
  kl_sim_session_command(k->session, b->data ? b->data : "", b->len);
  k->session->heard++;
  kl_buf_clear(b);
  return 0;
}

/* ---- writing ---- */

/* Frames go past the library, which has a call of the system for each: one takes all that wait. It writes itself only
 * before it asks us to, and only in answer to what it has read. So it is kept from reading while the socket has taken
 * a part of a frame: nothing comes in between. */
static int flush(kl_sim_connection *k, struct lws *wsi) {
  SSL *ssl = lws_get_ssl(wsi);
  while (k->sent < k->out.len) {
    const char *data = k->out.data + k->sent;
    size_t n = k->out.len - k->sent;
    ERR_clear_error();
    ssize_t sent = ssl ? SSL_write(ssl, data, (int)n) : send(lws_get_socket_fd(wsi), data, n, MSG_NOSIGNAL);
    if (sent > 0) {
      k->sent += (size_t)sent;
      continue;
    }
    if (!ssl && sent < 0 && errno == EINTR) continue;
    if (ssl ? SSL_get_error(ssl, (int)sent) == SSL_ERROR_WANT_WRITE : sent < 0 && errno == EAGAIN) break;
    return -1; /* the other side has gone */
  }
  bool stuck = k->sent < k->out.len;
  if (stuck != k->stuck) lws_rx_flow_control(wsi, !stuck);
  k->stuck = stuck;
  if (stuck) {
    lws_callback_on_writable(wsi);
  } else {
    kl_buf_clear(&k->out);
    if (k->out.cap > KEPT_MOST) kl_buf_free(&k->out);
    k->sent = 0;
  }
  return 0;
}

/* Makes what stands in `out` from `start` on a frame (RFC 6455, 5.2): HEAD bytes were left for its head there. */
static void finish_frame(kl_buf *out, size_t start, int opcode) {
  if (out->failed) return;
  size_t n = out->len - start - HEAD, head = n < 126 ? 2 : n <= 65535 ? 4 : 10;
  if (head > HEAD && !kl_buf_reserve(out, head - HEAD)) return;
  unsigned char *p = (unsigned char *)out->data + start;
  if (head != HEAD) memmove(p + head, p + HEAD, n);
  out->len = start + head + n;
  p[0] = (unsigned char)(0x80 | opcode);
  p[1] = (unsigned char)(head == 2 ? n : head == 4 ? 126 : 127);
  for (size_t i = 2; i < head; i++)
    p[i] = (unsigned char)(n >> (8 * (head - 1 - i)));
}

static size_t start_frame(kl_buf *out) {
  size_t start = out->len;
  kl_buf_add(out, "\0\0\0\0", HEAD);
  return start;
}

/* A close frame, and the end right behind it. */
static int close_with(kl_sim_connection *k, struct lws *wsi, int code) {
  const char reason[] = {(char)(code >> 8), (char)(code & 255)};
  if (k->stuck) return -1; /* in the middle of another frame */
  size_t start = start_frame(&k->out);
  kl_buf_add(&k->out, reason, sizeof reason);
  finish_frame(&k->out, start, OPCODE_CLOSE);
  if (k->out.failed || flush(k, wsi) < 0 || k->stuck) kl_log_debug("sim", "no close frame could be sent");
  return -1;
}

/* The connection ends as a fault says. */
static int end_session(kl_sim_connection *k, struct lws *wsi) {
  switch (k->session->fault.end) {
  case KL_FAULT_CLOSE:
    return close_with(k, wsi, k->session->fault.code);
  case KL_FAULT_RESET:
    return kl_sim_connection_reset(wsi);
  default:
    return -1; /* without a word */
  }
}

int kl_sim_on_session_writable(struct lws *wsi) {
  static const char ping[] = "heartbeat";
  kl_sim_connection *k = kl_sim_connection_of(wsi);
  kl_sim_session *c = k ? k->session : NULL;
  if (!c) return 0;
  if (c->fault.end) return end_session(k, wsi);
  for (int i = 0; c->fault.ending && i < KL_CH_COUNT; i++) {
    if ((c->fault.ending >> i & 1) && c->subs[i]) kl_sim_session_end(c, c->subs[i], c->fault.ending_code);
    c->fault.ending &= ~(UINT32_C(1) << i);
  }
  if (c->closing) return close_with(k, wsi, LWS_CLOSE_STATUS_POLICY_VIOLATION);
  int64_t now_ns = c->fault.quiet_ns || c->fault.timed ? kl_mono_ns(k->sim->clock) : 0;
  if (c->fault.quiet_ns > now_ns) {
    kl_sim_connection_wait(k, c->fault.quiet_ns);
    return 0;
  }
  if (flush(k, wsi) < 0) return -1;
  if (k->stuck) return 0;
  if (c->ping_due) {
    c->ping_due = false;
    size_t start = start_frame(&k->out);
    kl_buf_str(&k->out, ping);
    finish_frame(&k->out, start, OPCODE_PING);
  }
  uint64_t messages = 0;
  int64_t wait_ns = 0; /* until then; 0: for nothing */
  while (!wait_ns && kl_sim_session_ready(c) && k->out.len < BURST) {
    int64_t due_ns = kl_sim_session_due(c);
    if (due_ns > now_ns) {
      wait_ns = due_ns;
      break;
    }
    size_t start = start_frame(&k->out);
    kl_sim_session_next(c, &k->out);
    finish_frame(&k->out, start, OPCODE_TEXT);
    messages++;
    c->told++;
    if (!c->fault.rate) continue;
    wait_ns = c->fault.quiet_ns = now_ns + (int64_t)((double)(k->out.len - start) / (double)c->fault.rate * 1e9);
  }
  if (k->out.failed || flush(k, wsi) < 0) return -1;
  atomic_fetch_add_explicit(&k->sim->counters.ws_messages, messages, memory_order_relaxed);
  if (wait_ns) {
    if (c->n > 0) kl_sim_connection_wait(k, wait_ns);
  } else if (c->n > 0) {
    lws_callback_on_writable(wsi);
  }
  return 0;
}

void kl_sim_server_wake(kl_sim_session *c) { lws_callback_on_writable(c->wsi); }
