/* A feed on a link made by hand (ws_peer.h), with a clock made by hand: what the tests of the feed share. */
#ifndef KL_TEST_FEED_WORLD_H
#define KL_TEST_FEED_WORLD_H

#include "base/clock.h"
#include "base/log.h"
#include "ws_peer.h"

/* ---- the test's own hands ---- */

static uv_loop_t loop;
static kl_feed *feed;
static kl_clock_virtual vclock;
static bool feed_closed;

static inline void *sign(void *data, const char *method, const char *path, kl_feed_headers_cb done, void *f) {
  (void)data;
  assert_string_equal(method, "GET");
  snprintf(peer.signed_path, sizeof peer.signed_path, "%s", path);
  if (peer.sign_done) {
    assert_true(peer.n_sign_later < LINKS_MAX);
    peer.sign_later[peer.n_sign_later++] = f;
  } else {
    peer.sign_feed = f;
  }
  peer.sign_done = done;
  peer.signs++;
  return &peer;
}

static inline void sign_cancel(void *handle) {
  assert_ptr_equal(handle, &peer);
  peer.sign_done = NULL;
  peer.n_sign_later = 0;
}

/* Two turns: what callbacks of the first asked for goes out in the second. */
static inline void turn(void) {
  uv_run(&loop, UV_RUN_NOWAIT);
  uv_run(&loop, UV_RUN_NOWAIT);
}

static inline void signature_ready(void) {
  static __attribute__((unused)) const char *const headers[] = {"KALSHI-ACCESS-KEY: k", NULL};
  kl_feed_headers_cb done = peer.sign_done;
  assert_non_null(done);
  void *of = peer.sign_feed;
  peer.sign_done = peer.n_sign_later ? done : NULL;
  peer.sign_feed = peer.sign_later[0];
  if (peer.n_sign_later) memmove(peer.sign_later, peer.sign_later + 1, (size_t)--peer.n_sign_later * sizeof(void *));
  done(of, headers, NULL);
}

static inline void link_opens(void) {
  turn();
  if (peer.sign_done) signature_ready();
  assert_non_null(peer.ws);
  if (peer.ws) peer.ws->o.open(peer.ws->o.data, 0);
  turn();
}

static inline void burst_ends(void) {
  peer.ws->o.burst_end(peer.ws->o.data);
  turn();
}

static inline void wait_for(const int *counter, int value) {
  for (int i = 0; i < 500 && *counter < value; i++) {
    uv_run(&loop, UV_RUN_NOWAIT);
    uv_sleep(5);
  }
  assert_int_equal(*counter, value);
}

static inline void wait_ms(int ms) {
  for (int i = 0; i < ms; i += 5) {
    uv_run(&loop, UV_RUN_NOWAIT);
    uv_sleep(5);
  }
}

static inline kl_feed_status status(void) {
  kl_feed_status s;
  kl_feed_status_get(feed, &s);
  return s;
}

static inline void start_feed(const kl_feed_options *extra) {
  kl_error e;
  kl_feed_options o = extra ? *extra : (kl_feed_options){.can_connect = true};
  o.ws_url = "wss://exchange.test/trade-api/ws/v2";
  o.clock = &vclock.clock;
  o.sign = sign;
  o.sign_cancel = sign_cancel;
  feed = kl_feed_new(&loop, &o, &e);
  assert_non_null(feed);
}

static inline int setup(void **state) {
  (void)state;
  memset(&peer, 0, sizeof peer);
  kl_log_set_level(KL_LOG_ERROR);
  uv_loop_init(&loop);
  kl_clock_virtual_init(&vclock, 1789482600000000);
  kl_clock_virtual_advance(&vclock, 1000000);
  feed_closed = false;
  feed = NULL;
  return 0;
}

static inline void on_feed_closed(void *data) { *(bool *)data = true; }

static inline void stop_feed(void) {
  kl_feed_close(feed, on_feed_closed, &feed_closed);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_true(feed_closed);
  feed = NULL;
}

static inline int teardown(void **state) {
  (void)state;
  if (feed) stop_feed();
  forget_sent();
  return uv_loop_close(&loop);
}

static inline kl_feed_book *open_book(const char *ticker) {
  kl_error e;
  kl_feed_book *b = kl_feed_book_open(feed, ticker, &e);
  if (!b) fail_msg("%s", e.message);
  return b;
}

/* A book of ticker "A" that is up to date: YES bid 0.38 x 10, YES ask 0.40 x 5; sid 1, seq 1. */
static inline kl_feed_book *current_book(void) {
  kl_feed_book *b = open_book("A");
  link_opens();
  answer_subscribe("orderbook_delta", 1);
  say_snapshot(1, 1, "A", "[\"0.3800\",\"10.00\"]", "[\"0.4000\",\"5.00\"]");
  burst_ends();
  assert_true(b->ready);
  assert_false(b->stale);
  forget_sent();
  return b;
}

static inline void assert_best(const kl_feed_book *b, kl_price bid, kl_count bid_count, kl_price ask,
                               kl_count ask_count) {
  kl_price p = 0;
  kl_count c = 0;
  if (kl_book_best_bid(b->book, KL_YES, &p, &c)) {
    assert_int_equal(p, bid);
    assert_int_equal(c, bid_count);
  } else {
    assert_int_equal(bid, 0);
  }
  if (kl_book_best_ask(b->book, KL_YES, &p, &c)) {
    assert_int_equal(p, ask);
    assert_int_equal(c, ask_count);
  } else {
    assert_int_equal(ask, 0);
  }
}

typedef struct watch {
  kl_book_watcher w;
  int changes, deltas;
  kl_count sum;
  kl_price last_price;
  kl_outcome last_side;
} watch;

static inline void on_changed(kl_book_watcher *w, kl_feed_book *b) {
  (void)b;
  ((watch *)w->data)->changes++;
}

static inline void on_delta(kl_book_watcher *w, kl_feed_book *b, const kl_event *ev, kl_price own_price) {
  watch *x = w->data;
  (void)b;
  x->deltas++;
  x->sum += ev->delta.delta;
  x->last_price = own_price;
  x->last_side = ev->delta.side;
}

static inline void start_watch(watch *x, kl_feed_book *b, bool deltas) {
  *x = (watch){.w = {.data = x, .changed = on_changed, .delta = deltas ? on_delta : NULL}};
  kl_feed_watch(b, &x->w);
}

typedef struct sub_log {
  kl_feed_sub *sub;
  int messages, ready, again, failed;
  char last[128];
  kl_error error;
} sub_log;

static inline void sub_message(void *data, const kl_event *ev, const char *raw, size_t n) {
  sub_log *l = data;
  l->messages++;
  snprintf(l->last, sizeof l->last, "%.*s", (int)ev->type_name.n, ev->type_name.p);
  assert_true(n > 0 && raw[0] == '{');
}
static inline void sub_ready(void *data, bool again) {
  sub_log *l = data;
  l->ready++;
  l->again += again;
}
static inline void sub_failed(void *data, const kl_error *e) {
  sub_log *l = data;
  l->failed++;
  l->error = *e;
}

static inline kl_feed_sub *subscribe(sub_log *l, const char *const *channels, const char *const *tickers,
                                     bool initial) {
  kl_error e;
  memset(l, 0, sizeof *l);
  const kl_feed_sub_options o = {.channels = channels,
                                 .tickers = tickers,
                                 .send_initial_snapshot = initial,
                                 .data = l,
                                 .message = sub_message,
                                 .ready = sub_ready,
                                 .failed = sub_failed};
  l->sub = kl_feed_subscribe(feed, &o, &e);
  if (!l->sub) fail_msg("%s", e.message);
  assert_int_equal(l->ready, 0);
  return l->sub;
}

static __attribute__((unused)) const char *const trade_channel[] = {"trade", NULL};
static __attribute__((unused)) const char *const ticker_channel[] = {"ticker", NULL};
static __attribute__((unused)) const char *const book_channel[] = {"orderbook_delta", NULL};
static __attribute__((unused)) const char *const only_a[] = {"A", NULL};
static __attribute__((unused)) const char *const only_b[] = {"B", NULL};

#endif
