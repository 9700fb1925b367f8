/* WebSockets: handshake, commands, messages. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/ssl.h>

#include "base/log.h"
#include "sim/auth.h"
#include "sim/scopes.h"
#include "sim/server_impl.h"

#define WS_PATH "/trade-api/ws/v2"

enum {
  BURST = 1 << 20, /* written to one WebSocket before the others have their turn */
  MESSAGE_MOST = 4 << 20
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
  kl_buf_clear(b);
  return 0;
}

/* A close frame, and the end right behind it. Past the library, which sends none when the connection is given up while
 * it may write. */
static int close_with(struct lws *wsi, int code) {
  const unsigned char frame[] = {0x88, 2, (unsigned char)(code >> 8), (unsigned char)(code & 255)};
  SSL *ssl = lws_get_ssl(wsi);
  if (lws_partial_buffered(wsi)) return -1; /* in the middle of another frame */
  if (ssl)
    SSL_write(ssl, frame, sizeof frame);
  else if (send(lws_get_socket_fd(wsi), frame, sizeof frame, MSG_NOSIGNAL) < 0)
    kl_log_debug("sim", "no close frame could be sent: %s", strerror(errno));
  return -1;
}

/* The connection ends as a fault says. */
static int end_session(const kl_sim_connection *k, struct lws *wsi) {
  switch (k->session->fault.end) {
  case KL_FAULT_CLOSE:
    return close_with(wsi, k->session->fault.code);
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
  if (c->closing) return close_with(wsi, LWS_CLOSE_STATUS_POLICY_VIOLATION);
  int64_t now_ns = c->fault.quiet_ns || c->fault.timed ? kl_mono_ns(kl_clock_real()) : 0;
  if (c->fault.quiet_ns > now_ns) {
    kl_sim_connection_wait(k, c->fault.quiet_ns);
    return 0;
  }
  if (c->ping_due) {
    c->ping_due = false;
    kl_sim_connection_start(&k->out);
    kl_buf_str(&k->out, ping);
    if (k->out.failed || lws_write(wsi, (unsigned char *)k->out.data + LWS_PRE, sizeof ping - 1, LWS_WRITE_PING) < 0)
      return -1;
  }
  for (size_t written = 0; kl_sim_session_ready(c) && written < BURST && !lws_send_pipe_choked(wsi);) {
    int64_t due_ns = kl_sim_session_due(c);
    if (due_ns > now_ns) {
      kl_sim_connection_wait(k, due_ns);
      return 0;
    }
    kl_sim_connection_start(&k->out);
    kl_sim_session_next(c, &k->out);
    if (k->out.failed) return -1;
    size_t n = k->out.len - LWS_PRE;
    if (lws_write(wsi, (unsigned char *)k->out.data + LWS_PRE, n, LWS_WRITE_TEXT) < (int)n) return -1;
    kl_sim_count(&k->sim->counters.ws_messages);
    written += n;
    if (c->fault.rate) {
      c->fault.quiet_ns = now_ns + (int64_t)((double)n / (double)c->fault.rate * 1e9);
      if (c->n > 0) kl_sim_connection_wait(k, c->fault.quiet_ns);
      return 0;
    }
  }
  if (c->n > 0) lws_callback_on_writable(wsi);
  return 0;
}

void kl_sim_server_wake(kl_sim_session *c) { lws_callback_on_writable(c->wsi); }
