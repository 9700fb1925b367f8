/* The feed above connections, timers and an exchange of the target's own. The input says what happens: books opened and
 * given up, levels that change, messages lost, repeated or out of order, connections that break, subscriptions that are
 * refused or ended, snapshots that come late, and (if it begins so) messages that no exchange would send. At the end
 * the exchange behaves, and then every book must be current within minutes and equal to the exchange's. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "kalshi/feed.h"
#include "net/ws_client.h"

enum { MARKETS = 8, LEVELS = 9, LINKS = 64, TIMERS = 64, COMMANDS = 256, LATE = 16, SUBS = 4, ROUNDS = 400 };

#define CHECK(x)                                                                                                       \
  do {                                                                                                                 \
    if (!(x)) {                                                                                                        \
      fprintf(stderr, "fuzz_feed: %s does not hold (line %d)\n", #x, __LINE__);                                        \
      abort();                                                                                                         \
    }                                                                                                                  \
  } while (0)

static kl_clock_virtual vclock;

/* ---- libuv's part: timers by the virtual clock, a flush when the target wants it ---- */

typedef struct timer {
  uv_timer_t *h;
  uv_timer_cb cb;
  int64_t due_ms, repeat_ms;
} timer;

static struct {
  timer timers[TIMERS];
  uv_prepare_t *prepare;
  uv_prepare_cb flush;
  struct {
    uv_handle_t *h;
    uv_close_cb cb;
  } closing[TIMERS];
  size_t n_closing;
} loop;

static int64_t now_ms(void) { return kl_mono_ns(&vclock.clock) / 1000000; }

int uv_timer_init(uv_loop_t *l, uv_timer_t *h) {
  (void)l;
  memset(h, 0, sizeof *h);
  return 0;
}

static timer *timer_of(const uv_timer_t *h) {
  for (size_t i = 0; i < TIMERS; i++)
    if (loop.timers[i].h == h) return &loop.timers[i];
  return NULL;
}

int uv_timer_stop(uv_timer_t *h) {
  timer *t = timer_of(h);
  if (t) *t = (timer){0};
  return 0;
}

int uv_timer_start(uv_timer_t *h, uv_timer_cb cb, uint64_t timeout, uint64_t repeat) {
  uv_timer_stop(h);
  timer *t = timer_of(NULL);
  CHECK(t);
  *t = (timer){h, cb, now_ms() + (int64_t)timeout, (int64_t)repeat};
  return 0;
}

int uv_prepare_init(uv_loop_t *l, uv_prepare_t *h) {
  (void)l;
  memset(h, 0, sizeof *h);
  loop.prepare = h;
  return 0;
}
int uv_prepare_start(uv_prepare_t *h, uv_prepare_cb cb) {
  (void)h;
  loop.flush = cb;
  return 0;
}
int uv_prepare_stop(uv_prepare_t *h) {
  (void)h;
  loop.flush = NULL;
  return 0;
}

void uv_close(uv_handle_t *h, uv_close_cb cb) {
  uv_timer_stop((uv_timer_t *)h);
  if (h == (uv_handle_t *)loop.prepare) loop.flush = NULL;
  CHECK(loop.n_closing < TIMERS);
  loop.closing[loop.n_closing].h = h;
  loop.closing[loop.n_closing++].cb = cb;
}

/* ---- the exchange ---- */

typedef struct command {
  char *text;
} command;

struct kl_ws_client {
  kl_ws_client_options o;
  bool open, dead;
  int64_t sid, next_sid, seq; /* of its subscription to books; sid 0: none */
  bool has[MARKETS];
  command commands[COMMANDS];
  size_t n_commands;
  char *held, *last; /* a message that waits for the next one to go first; the last one sent */
  struct {
    char *text;
    int market;
  } late[LATE];
  size_t n_late;
};

static struct {
  kl_ws_client *links[LINKS];
  size_t n_links;
  int64_t yes[MARKETS][LEVELS], no[MARKETS][LEVELS]; /* contracts at 0.1, 0.2, … in own prices */
  unsigned most;                                     /* markets of one subscription */
  bool drop, swap, garble;                           /* the next message */
  /* Snapshots on request carry the number of the state that they show, not one of their own. Then no message is lost:
   * the number of such a snapshot could not be told from that of a lost message. */
  bool as_of;
} exchange;

kl_ws_client *kl_ws_client_open(uv_loop_t *l, const kl_ws_client_options *o, kl_error *e) {
  (void)l, (void)e;
  CHECK(exchange.n_links < LINKS);
  kl_ws_client *c = calloc(1, sizeof *c);
  CHECK(c);
  c->o = *o;
  exchange.links[exchange.n_links++] = c;
  return c;
}

bool kl_ws_client_send(kl_ws_client *c, const char *p, size_t n) {
  CHECK(c->open && !c->dead);
  CHECK(c->n_commands < COMMANDS);
  c->commands[c->n_commands++].text = strndup(p, n);
  return true;
}

static void forget(kl_ws_client *c) {
  size_t i = 0;
  while (exchange.links[i] != c)
    i++;
  exchange.links[i] = exchange.links[--exchange.n_links];
  for (i = 0; i < c->n_commands; i++)
    free(c->commands[i].text);
  for (i = 0; i < c->n_late; i++)
    free(c->late[i].text);
  free(c->held);
  free(c->last);
  free(c);
}

void kl_ws_client_close(kl_ws_client *c) { c->dead = true; } /* the memory goes when nothing of it is under way */

uint64_t kl_ws_client_bytes(const kl_ws_client *c) { return (uint64_t)c->seq; }
int64_t kl_ws_client_date_ms(const kl_ws_client *c) {
  (void)c;
  return 0;
}
int64_t kl_ws_client_last_rx_ns(const kl_ws_client *c) {
  (void)c;
  return 0;
}

static void bury_dead(void) {
  for (size_t i = exchange.n_links; i-- > 0;)
    if (exchange.links[i]->dead) forget(exchange.links[i]);
}

static void deliver(kl_ws_client *c, const char *text) {
  if (c->dead) return;
  size_t n = strlen(text);
  char *copy = calloc(1, n + 16);
  CHECK(copy);
  memcpy(copy, text, n);
  bool taken = c->o.unchecked && c->o.unchecked(c->o.data, copy, n);
  if (!taken && !c->dead) c->o.message(c->o.data, copy, n);
  free(copy);
}

/* What the exchange sends; what becomes of it on the way. Answers to commands are not lost: of those nothing else would
 * tell. */
static void say(kl_ws_client *c, const char *text) {
  bool data = strncmp(text, "{\"type\":\"orderbook", 18) == 0;
  if (exchange.drop && data) {
    exchange.drop = false;
    return;
  }
  if (exchange.garble && data) {
    exchange.garble = false;
    char *bad = strdup(text);
    bad[strlen(bad) - 1] = ' ';
    deliver(c, bad);
    free(bad);
    return;
  }
  if (exchange.swap && data && !c->held) {
    exchange.swap = false;
    c->held = strdup(text);
    return;
  }
  deliver(c, text);
  free(c->last);
  c->last = strdup(text);
  if (c->held) {
    char *held = c->held;
    c->held = NULL;
    deliver(c, held);
    free(held);
  }
}

#define ID "\"market_id\":\"30ebe0c2-d075-4992-9896-9ab2e8d35072\""

static void add_side(kl_buf *b, const char *name, const int64_t *levels, bool turned) {
  bool any = false;
  for (int i = 0; i < LEVELS; i++) {
    if (!levels[i]) continue;
    kl_buf_printf(b, "%s[\"0.%d000\",\"%lld.00\"]", any ? "," : name, turned ? LEVELS - i : i + 1,
                  (long long)levels[i]);
    any = true;
  }
  if (any) kl_buf_str(b, "]");
}

/* The caller frees. */
static char *snapshot(const kl_ws_client *c, int m, int64_t seq, long long id) {
  kl_buf b = {0};
  kl_buf_str(&b, "{\"type\":\"orderbook_snapshot\",");
  if (id) kl_buf_printf(&b, "\"id\":%lld,", id);
  kl_buf_printf(&b, "\"sid\":%lld,\"seq\":%lld,\"msg\":{\"market_ticker\":\"M%d\"," ID, (long long)c->sid,
                (long long)seq, m);
  add_side(&b, ",\"yes_dollars_fp\":[", exchange.yes[m], false);
  add_side(&b, ",\"no_dollars_fp\":[", exchange.no[m], true);
  kl_buf_str(&b, "}}");
  char *text = strndup(b.data, b.len);
  kl_buf_free(&b);
  return text;
}

static void say_snapshot(kl_ws_client *c, int m, long long id) {
  char *text = snapshot(c, m, ++c->seq, id);
  say(c, text);
  free(text);
}

__attribute__((format(printf, 2, 3))) static void say_format(kl_ws_client *c, const char *format, ...) {
  char text[512];
  va_list ap;
  va_start(ap, format);
  vsnprintf(text, sizeof text, format, ap);
  va_end(ap);
  say(c, text);
}

/* The markets that a command names, as bits. */
static unsigned named(const char *text) {
  unsigned bits = 0;
  const char *at = strstr(text, "\"market_tickers\":[");
  while (at && (at = strstr(at, "\"M")) != NULL) {
    bits |= 1U << ((at[2] - '0') % MARKETS);
    at += 3;
  }
  return bits;
}

static bool add_markets(kl_ws_client *c, unsigned bits, long long id) {
  unsigned held = 0;
  for (int m = 0; m < MARKETS; m++)
    held += c->has[m] || (bits >> m & 1);
  if (held <= exchange.most) return true;
  say_format(c, "{\"type\":\"error\",\"id\":%lld,\"msg\":{\"code\":26,\"msg\":\"Subscription market limit exceeded\"}}",
             id);
  return false;
}

static void started(kl_ws_client *c, unsigned bits) {
  for (int m = 0; m < MARKETS && !c->dead; m++) {
    if (!(bits >> m & 1) || c->has[m]) continue;
    c->has[m] = true;
    say_snapshot(c, m, 0);
  }
}

/* Additions of which the exchange thinks better when the snapshots are out. */
static void half_added(kl_ws_client *c, unsigned bits, long long id) {
  bool had[MARKETS];
  memcpy(had, c->has, sizeof had);
  started(c, bits);
  memcpy(c->has, had, sizeof had);
  say_format(c, "{\"type\":\"error\",\"id\":%lld,\"msg\":{\"code\":18,\"msg\":\"Command timeout\"}}", id);
}

/* Answers the oldest command. `late`: a snapshot is taken now and sent when the input says so. `half`: an addition is
 * taken back. */
static void answer(kl_ws_client *c, bool late, bool half) {
  if (c->dead || !c->n_commands) return;
  char *text = c->commands[0].text;
  memmove(c->commands, c->commands + 1, --c->n_commands * sizeof c->commands[0]);
  long long id = strtoll(text + sizeof "{\"id\":" - 1, NULL, 10);
  unsigned bits = named(text);
  bool ours = strstr(text, "\"sid\":") == NULL || strtoll(strstr(text, "\"sid\":") + 6, NULL, 10) == c->sid;
  if (strstr(text, "\"cmd\":\"subscribe\"")) {
    if (add_markets(c, bits, id)) {
      c->sid = ++c->next_sid;
      c->seq = 0;
      say_format(c, "{\"type\":\"subscribed\",\"id\":%lld,\"msg\":{\"channel\":\"orderbook_delta\",\"sid\":%lld}}", id,
                 (long long)c->sid);
      started(c, bits);
    }
  } else if (strstr(text, "\"cmd\":\"unsubscribe\"")) {
    if (c->sid)
      say_format(c, "{\"type\":\"unsubscribed\",\"id\":%lld,\"sid\":%lld,\"seq\":%lld}", id, (long long)c->sid,
                 (long long)++c->seq);
    c->sid = 0;
    memset(c->has, 0, sizeof c->has);
  } else if (!c->sid || !ours) {
    say_format(c, "{\"type\":\"error\",\"id\":%lld,\"msg\":{\"code\":7,\"msg\":\"Unknown subscription ID\"}}", id);
  } else if (strstr(text, "add_markets")) {
    if (half) {
      half_added(c, bits, id);
    } else if (add_markets(c, bits, id)) {
      say_format(c, "{\"type\":\"ok\",\"id\":%lld,\"sid\":%lld,\"seq\":%lld}", id, (long long)c->sid,
                 (long long)++c->seq);
      started(c, bits);
    }
  } else if (strstr(text, "delete_markets")) {
    for (int m = 0; m < MARKETS; m++)
      if (bits >> m & 1) c->has[m] = false;
    say_format(c, "{\"type\":\"ok\",\"id\":%lld,\"sid\":%lld,\"seq\":%lld}", id, (long long)c->sid,
               (long long)++c->seq);
  } else if (strstr(text, "get_snapshot")) {
    for (int m = 0; m < MARKETS && !c->dead; m++) {
      if (!(bits >> m & 1)) continue;
      if (late && c->n_late < LATE) {
        c->late[c->n_late].market = m;
        c->late[c->n_late++].text = snapshot(c, m, c->seq, id);
      } else {
        say_snapshot(c, m, id);
      }
    }
  }
  free(text);
}

static void send_late(kl_ws_client *c) {
  if (c->dead || !c->n_late) return;
  char *text = c->late[0].text;
  memmove(c->late, c->late + 1, --c->n_late * sizeof c->late[0]);
  say(c, text);
  free(text);
}

static void change(int m, bool no, int level, int64_t by) {
  int64_t *at = no ? &exchange.no[m][level] : &exchange.yes[m][level];
  if (*at + by < 0) by = -*at;
  if (!by) by = 1;
  *at += by;
  for (size_t i = 0; i < exchange.n_links; i++) {
    kl_ws_client *c = exchange.links[i];
    if (!c->open || c->dead || !c->sid || !c->has[m]) continue;
    say_format(c,
               "{\"type\":\"orderbook_delta\",\"sid\":%lld,\"seq\":%lld,\"msg\":{\"market_ticker\":\"M%d\"," ID
               ",\"price_dollars\":\"0.%d000\",\"delta_fp\":\"%lld.00\",\"side\":\"%s\"}}",
               (long long)c->sid, (long long)++c->seq, m, no ? LEVELS - level : level + 1, (long long)by,
               no ? "no" : "yes");
  }
}

static void break_link(kl_ws_client *c) {
  if (c->dead) return;
  kl_error e;
  kl_error_set(&e, KL_ERR_NETWORK, "broken");
  c->dead = true;
  c->o.closed(c->o.data, &e);
}

static void end_subscription(kl_ws_client *c, int code) {
  if (c->dead || !c->open || !c->sid) return;
  int64_t sid = c->sid;
  c->sid = 0;
  memset(c->has, 0, sizeof c->has);
  say_format(c, "{\"type\":\"error\",\"sid\":%lld,\"msg\":{\"code\":%d,\"msg\":\"ended\"}}", (long long)sid, code);
}

/* ---- the owner ---- */

static struct {
  kl_feed *feed;
  kl_feed_book *books[MARKETS];
  kl_book_watcher watchers[MARKETS];
  kl_count sums[MARKETS]; /* of all deltas told of a book: what it must hold in all */
  kl_feed_sub *subs[SUBS];
  bool closed;
} owner;

static void on_delta(kl_book_watcher *w, kl_feed_book *b, const kl_event *ev, kl_price own_price) {
  CHECK(own_price > 0 && own_price < KL_PRICE_ONE);
  (void)b;
  *(kl_count *)w->data += ev->delta.delta;
}

static void open_book(int m) {
  kl_error e;
  char ticker[8];
  if (owner.books[m]) return;
  snprintf(ticker, sizeof ticker, "M%d", m);
  owner.books[m] = kl_feed_book_open(owner.feed, ticker, &e);
  CHECK(owner.books[m]);
  owner.sums[m] = 0;
  /* What another holder's book has already is not told again. */
  kl_price price;
  kl_count count;
  for (int side = 0; side < 2; side++)
    for (size_t i = 0; kl_book_bid_at(owner.books[m]->book, (kl_outcome)side, i, &price, &count); i++)
      owner.sums[m] += count;
  owner.watchers[m] = (kl_book_watcher){.data = &owner.sums[m], .delta = on_delta};
  kl_feed_watch(owner.books[m], &owner.watchers[m]);
}

static void close_book(int m) {
  if (!owner.books[m]) return;
  kl_feed_unwatch(&owner.watchers[m]);
  kl_feed_book_release(owner.feed, owner.books[m]);
  owner.books[m] = NULL;
}

static void on_message(void *data, const kl_event *ev, const char *raw, size_t n) {
  (void)data, (void)ev;
  CHECK(n && raw[0]);
}
static void on_failed(void *data, const kl_error *e) {
  (void)data;
  CHECK(e->kind);
}

static void toggle_sub(int i, unsigned bits) {
  static const char *const channels[] = {"orderbook_delta", NULL};
  static const char *const names[MARKETS] = {"M0", "M1", "M2", "M3", "M4", "M5", "M6", "M7"};
  const char *tickers[MARKETS + 1];
  size_t n = 0;
  kl_error e;
  for (int m = 0; m < MARKETS; m++)
    if (bits >> m & 1) tickers[n++] = names[m];
  tickers[n] = NULL;
  if (!owner.subs[i] && n) {
    owner.subs[i] = kl_feed_subscribe(
        owner.feed,
        &(kl_feed_sub_options){.channels = channels, .tickers = tickers, .message = on_message, .failed = on_failed},
        &e);
  } else if (owner.subs[i] && bits & 1) {
    kl_feed_sub_add(owner.subs[i], tickers, &e);
  } else if (owner.subs[i] && bits & 2) {
    kl_feed_sub_remove(owner.subs[i], tickers, &e);
  } else if (owner.subs[i]) {
    kl_feed_sub_close(owner.subs[i]);
    owner.subs[i] = NULL;
  }
}

/* ---- turns ---- */

static void turn(void) {
  for (size_t i = 0; i < exchange.n_links; i++) {
    kl_ws_client *c = exchange.links[i];
    if (c->dead || !c->open) continue;
    c->o.burst_end(c->o.data);
  }
  for (int i = 0; i < 4 && loop.flush; i++)
    loop.flush(loop.prepare);
  for (size_t i = 0; i < exchange.n_links; i++) {
    kl_ws_client *c = exchange.links[i];
    if (c->dead || c->open) continue;
    c->open = true;
    c->o.open(c->o.data, 0);
  }
  for (int i = 0; i < 4 && loop.flush; i++)
    loop.flush(loop.prepare);
  bury_dead();
}

static void advance(int64_t ms) {
  kl_clock_virtual_advance(&vclock, ms * 1000);
  for (size_t i = 0; i < TIMERS; i++) {
    timer t = loop.timers[i];
    if (!t.h || t.due_ms > now_ms()) continue;
    if (t.repeat_ms) {
      loop.timers[i].due_ms = now_ms() + t.repeat_ms;
    } else {
      loop.timers[i] = (timer){0};
    }
    t.cb(t.h);
  }
}

static kl_ws_client *link_at(unsigned i) { return exchange.n_links ? exchange.links[i % exchange.n_links] : NULL; }

/* ---- the end: everything is right again ---- */

static bool all_current(void) {
  bool current = true;
  for (int m = 0; m < MARKETS; m++) {
    const kl_feed_book *b = owner.books[m];
    if (b && !b->failed && (!b->ready || b->stale)) current = false;
  }
  return current;
}

static void compare(int m) {
  const kl_feed_book *b = owner.books[m];
  kl_count in_all = 0;
  if (!b || b->failed) return;
  for (int i = 0; i < LEVELS; i++) {
    kl_price price = (i + 1) * 1000;
    CHECK(kl_book_count_at(b->book, KL_YES, price) == exchange.yes[m][i] * 100);
    CHECK(kl_book_count_at(b->book, KL_NO, price) == exchange.no[m][i] * 100);
    in_all += (exchange.yes[m][i] + exchange.no[m][i]) * 100;
  }
  CHECK(owner.sums[m] == in_all);
}

/* Where nothing is lost unseen, no book may be wrong without saying so, at any time. */
static void compare_current(void) {
  for (int m = 0; m < MARKETS; m++) {
    const kl_feed_book *b = owner.books[m];
    if (b && b->ready && !b->stale) compare(m);
  }
}

static void settle(void) {
  exchange.drop = exchange.swap = exchange.garble = false;
  for (int round = 0; round < ROUNDS; round++) {
    turn();
    for (size_t i = 0; i < exchange.n_links; i++) {
      kl_ws_client *c = exchange.links[i];
      while (c->n_late)
        send_late(c);
      for (int k = 0; k < 64 && c->n_commands && !c->dead; k++)
        answer(c, false, false);
    }
    for (int m = 0; m < MARKETS; m++)
      change(m, round & 1, m, 1); /* shows a gap where the last message was lost */
    turn();
    if (round > 8 && all_current()) break;
    advance(1000);
  }
  CHECK(all_current());
  for (int m = 0; m < MARKETS; m++)
    compare(m);
}

/* ---- what no exchange sends ---- */

static void say_strange(const uint8_t *p, size_t n) {
  static const char *const parts[] = {"{\"type\":\"",
                                      "orderbook_delta",
                                      "orderbook_snapshot",
                                      "subscribed",
                                      "ok",
                                      "error",
                                      "unsubscribed",
                                      "\",\"sid\":",
                                      "1",
                                      "2",
                                      ",\"seq\":",
                                      "3",
                                      ",\"id\":",
                                      ",\"msg\":{",
                                      "\"market_ticker\":\"M1\"",
                                      ",\"code\":26",
                                      ",\"code\":10",
                                      ",\"code\":7",
                                      ",\"msg\":\"x\"",
                                      ",\"market_tickers\":[\"M1\",\"M2\"]",
                                      "\"channel\":\"orderbook_delta\"",
                                      ",\"price_dollars\":\"0.1000\"",
                                      ",\"delta_fp\":\"-5.00\"",
                                      ",\"side\":\"no\"",
                                      ID,
                                      ",",
                                      "}",
                                      "}}",
                                      "\"",
                                      "[",
                                      "]",
                                      ",\"yes_dollars_fp\":[[\"0.3000\",\"1.00\"]]"};
  kl_buf b = {0};
  for (size_t i = 0; i < n; i++)
    kl_buf_str(&b, parts[p[i] % (sizeof parts / sizeof parts[0])]);
  kl_ws_client *c = link_at(n ? p[0] : 0);
  if (c && c->open && !c->dead && b.len) deliver(c, b.data);
  kl_buf_free(&b);
}

static void end_all(void) {
  for (int m = 0; m < MARKETS; m++)
    close_book(m);
  for (int i = 0; i < SUBS; i++) {
    kl_feed_sub_close(owner.subs[i]);
    owner.subs[i] = NULL;
  }
}

static void on_closed(void *data) { *(bool *)data = true; }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 3) return 0;
  kl_error e;
  kl_log_set_level(KL_LOG_ERROR);
  memset(&loop, 0, sizeof loop);
  memset(&exchange, 0, sizeof exchange);
  memset(&owner, 0, sizeof owner);
  kl_clock_virtual_init(&vclock, 1789482600000000);
  kl_clock_virtual_advance(&vclock, 1000000);
  bool strange = data[0] & 1;
  exchange.most = 1 + (data[1] & 7);
  exchange.as_of = data[0] & 2;
  owner.feed = kl_feed_new(
      NULL, &(kl_feed_options){.ws_url = "ws://127.0.0.1/x", .clock = &vclock.clock, .can_connect = true}, &e);
  CHECK(owner.feed);
  for (size_t i = 2; i + 1 < size; i += 2) {
    unsigned op = data[i] & 15, a = data[i] >> 4, b = data[i + 1];
    kl_ws_client *c = link_at(a);
    bool live = c && c->open && !c->dead;
    switch (op) {
    case 0:
    case 1:
      change((int)(b & 7), b & 8, (int)(a % LEVELS), (int64_t)(b >> 4) - 6);
      break;
    case 2:
      open_book((int)(b % MARKETS));
      break;
    case 3:
      close_book((int)(b % MARKETS));
      break;
    case 4:
      exchange.drop = b & 1 && !exchange.as_of;
      exchange.swap = b & 2 && !exchange.as_of;
      exchange.garble = b & 4;
      break;
    case 5:
      if (live && c->last) deliver(c, c->last);
      break;
    case 6:
      if (live) break_link(c);
      bury_dead();
      break;
    case 7:
      if (live) end_subscription(c, b & 1 ? 10 : 25);
      break;
    case 8:
    case 9:
      if (live) answer(c, b & 1 && exchange.as_of, b & 2);
      break;
    case 10:
      if (live) send_late(c);
      break;
    case 11:
      advance((int64_t)b * 30);
      break;
    case 12:
      toggle_sub((int)(a % SUBS), b);
      break;
    case 13: {
      size_t n = b & 15;
      if (strange && i + 2 + n <= size) {
        say_strange(data + i + 2, n);
        i += n;
      }
      break;
    }
    default:
      turn();
      break;
    }
    if (exchange.as_of && !strange) compare_current();
  }
  if (strange) { /* nothing can be said of its books; but nothing may break */
    turn();
    advance(20000);
    turn();
  } else {
    settle();
  }
  if (data[1] & 8) end_all();
  kl_feed_close(owner.feed, on_closed, &owner.closed);
  end_all();
  while (loop.n_closing) {
    loop.n_closing--;
    loop.closing[loop.n_closing].cb(loop.closing[loop.n_closing].h);
  }
  CHECK(owner.closed);
  while (exchange.n_links) {
    exchange.links[0]->dead = true;
    bury_dead();
  }
  return 0;
}
