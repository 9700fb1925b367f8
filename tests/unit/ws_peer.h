/* A link in place of net/ws_client.c, moved by hand: what the feed sends is kept, what the exchange says is said by the
 * test, at the moment it wants. Included by one file of a program; its definitions win over those of the library. */
#ifndef KL_TEST_WS_PEER_H
#define KL_TEST_WS_PEER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kalshi/feed.h"
#include "net/ws_client.h"

enum { SENT_MAX = 64, LINKS_MAX = 16 };

struct kl_ws_client {
  kl_ws_client_options o;
  bool over;
  int number; /* in the order of opening, from 0 */
};

static struct {
  kl_ws_client *ws; /* the newest, or the one chosen by speak_on */
  kl_ws_client *all[LINKS_MAX];
  int opened, closed_by_feed;
  char *sent[SENT_MAX];
  int sent_on[SENT_MAX]; /* which connection */
  int n_sent;
  uint64_t bytes;
  int64_t date_ms;              /* of the answer to a handshake */
  kl_feed_headers_cb sign_done; /* of the oldest signature that is waited for */
  void *sign_feed;
  void *sign_later[LINKS_MAX]; /* who else waits */
  int n_sign_later;
  int signs;
  char signed_path[64];
  char header[64];
} peer;

kl_ws_client *kl_ws_client_open(uv_loop_t *loop, const kl_ws_client_options *o, kl_error *e) {
  (void)loop;
  (void)e;
  kl_ws_client *c = calloc(1, sizeof *c);
  assert_non_null(c);
  c->o = *o;
  snprintf(peer.header, sizeof peer.header, "%s", o->headers && o->headers[0] ? o->headers[0] : "");
  peer.ws = c;
  c->number = peer.opened;
  if (peer.opened < LINKS_MAX) peer.all[peer.opened] = c;
  peer.opened++;
  return c;
}

bool kl_ws_client_send(kl_ws_client *c, const char *p, size_t n) {
  assert_false(c->over);
  assert_true(peer.n_sent < SENT_MAX);
  peer.sent_on[peer.n_sent] = c->number;
  peer.sent[peer.n_sent++] = strndup(p, n);
  return true;
}

void kl_ws_client_close(kl_ws_client *c) {
  peer.closed_by_feed++;
  if (peer.ws == c) peer.ws = NULL;
  free(c);
}

/* What the feed does not use. They are here all the same, lest the library's file comes in with its own of the above.
 */
bool kl_ws_client_send_binary(kl_ws_client *c, const char *p, size_t n) {
  (void)c, (void)p, (void)n;
  return false;
}
bool kl_ws_client_ping(kl_ws_client *c, const char *p, size_t n) {
  (void)c, (void)p, (void)n;
  return false;
}
size_t kl_ws_client_queued(const kl_ws_client *c) {
  (void)c;
  return 0;
}
void kl_ws_client_finish(kl_ws_client *c, int code, const char *reason, size_t n) {
  (void)c, (void)code, (void)reason, (void)n;
}
void kl_ws_client_leave(kl_ws_client *c) { (void)c; }
const char *kl_ws_client_protocol(const kl_ws_client *c) {
  (void)c;
  return NULL;
}
const char *kl_ws_client_close_reason(const kl_ws_client *c, size_t *n) {
  (void)c;
  *n = 0;
  return "";
}

int64_t kl_ws_client_date_ms(const kl_ws_client *c) {
  (void)c;
  return peer.date_ms;
}

uint64_t kl_ws_client_bytes(const kl_ws_client *c) {
  (void)c;
  return peer.bytes;
}

int64_t kl_ws_client_last_rx_ns(const kl_ws_client *c) {
  (void)c;
  return 0;
}

/* What is said from now on comes over the i-th connection opened, which must be there. */
static inline void speak_on(int i) {
  assert_true(i < peer.opened && i < LINKS_MAX);
  peer.ws = peer.all[i];
}

static inline void forget_sent(void) {
  for (int i = 0; i < peer.n_sent; i++)
    free(peer.sent[i]);
  peer.n_sent = 0;
}

static inline void say_raw(const char *text) {
  static char buf[65536];
  size_t n = strlen(text);
  assert_true(n + 16 < sizeof buf);
  memset(buf, 0, n + 16);
  memcpy(buf, text, n + 1);
  assert_non_null(peer.ws);
  peer.bytes += n;
  if (peer.ws->o.unchecked && peer.ws->o.unchecked(peer.ws->o.data, buf, n)) return;
  peer.ws->o.message(peer.ws->o.data, buf, n);
}

__attribute__((format(printf, 1, 2))) static inline void say(const char *fmt, ...) {
  static char text[60000];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  say_raw(text);
}

static inline void link_breaks(int status) {
  kl_ws_client *ws = peer.ws;
  kl_error e;
  kl_error_set(&e, KL_ERR_NETWORK, "the connection broke");
  e.status = status;
  ws->over = true;
  ws->o.closed(ws->o.data, &e);
  if (peer.ws == ws) peer.ws = NULL;
  free(ws);
}

/* The handshake is refused, since its timestamp is not of the exchange's time. */
static inline void link_expires(int64_t date_ms) {
  kl_ws_client *ws = peer.ws;
  kl_error e;
  kl_error_coded(&e, KL_ERR_HTTP, "header_timestamp_expired", "the server refused the WebSocket handshake");
  e.status = 401;
  peer.date_ms = date_ms;
  ws->over = true;
  ws->o.closed(ws->o.data, &e);
  if (peer.ws == ws) peer.ws = NULL;
  free(ws);
}

/* The id of the i-th command sent, whose text must hold `part`. */
static inline long long sent_id(int i, const char *part) {
  assert_true(i < peer.n_sent);
  if (!strstr(peer.sent[i], part)) fail_msg("sent: %.300s\nexpected: %s", peer.sent[i], part);
  assert_memory_equal(peer.sent[i], "{\"id\":", 6);
  return strtoll(peer.sent[i] + 6, NULL, 10);
}

static inline void answer_subscribe(const char *channel, long long sid) {
  char part[96];
  snprintf(part, sizeof part, "\"channels\":[\"%s\"]", channel);
  for (int i = 0; i < peer.n_sent; i++) {
    if (!strstr(peer.sent[i], part)) continue;
    say("{\"type\":\"subscribed\",\"id\":%lld,\"msg\":{\"channel\":\"%s\",\"sid\":%lld}}", sent_id(i, part), channel,
        sid);
    return;
  }
  fail_msg("no subscribe to %s", channel);
}

static inline void say_snapshot(int sid, int seq, const char *ticker, const char *yes, const char *no) {
  say("{\"type\":\"orderbook_snapshot\",\"sid\":%d,\"seq\":%d,\"msg\":{\"market_ticker\":\"%s\",\"market_id\":"
      "\"30ebe0c2-d075-4992-9896-9ab2e8d35072\",\"yes_dollars_fp\":[%s],\"no_dollars_fp\":[%s]}}",
      sid, seq, ticker, yes, no);
}

static inline void say_delta(int sid, int seq, const char *ticker, const char *price, const char *delta,
                             const char *side) {
  say("{\"type\":\"orderbook_delta\",\"sid\":%d,\"seq\":%d,\"msg\":{\"market_ticker\":\"%s\",\"market_id\":"
      "\"30ebe0c2-d075-4992-9896-9ab2e8d35072\",\"price_dollars\":\"%s\",\"delta_fp\":\"%s\",\"side\":\"%s\","
      "\"ts_ms\":1789482601250}}",
      sid, seq, ticker, price, delta, side);
}

static inline void say_trade(int sid, int seq, const char *ticker) {
  say("{\"type\":\"trade\",\"sid\":%d,\"seq\":%d,\"msg\":{\"trade_id\":\"b4fd9106-b09e-4687-aec4-1b57bef38806\","
      "\"market_ticker\":\"%s\",\"yes_price_dollars\":\"0.4000\",\"no_price_dollars\":\"0.6000\",\"count_fp\":\"12."
      "25\","
      "\"taker_side\":\"yes\",\"taker_outcome_side\":\"yes\",\"taker_book_side\":\"bid\",\"is_block_trade\":false,"
      "\"ts\":1789482600,\"ts_ms\":1789482600402}}",
      sid, seq, ticker);
}

#endif
