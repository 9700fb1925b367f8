#include "paper/paper.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/decimal.h"
#include "base/log.h"
#include "paper/live_account.h"
#include "paper/paper_impl.h"

enum { TICK_MS = 100, TICKS_LOOK = 10, STATUS_TIMEOUT_MS = 10000, SKEW_MS = 30000 };
#define STATUS_NS INT64_C(20000000000) /* between two looks whether the live exchange is paused */

#define LEAST_TIER "basic" /* where that of the live account is not known */

static kl_live_market *find(const kl_paper_exchange *p, const char *ticker, size_t n) {
  return kl_map_get(p->markets, ticker, n);
}

static bool no_memory(kl_error *e) {
  kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for paper trading");
  return false;
}

/* ---- who wants what ---- */

/* On the simulator's thread. */
static void want(void *data, const char *ticker) {
  kl_paper_exchange *p = data;
  pthread_mutex_lock(&p->lock);
  kl_buf_add(&p->names, ticker, strlen(ticker) + 1);
  if (p->names.failed) kl_log_error("paper", "orders for %s wait in vain: not enough memory", ticker);
  pthread_mutex_unlock(&p->lock);
  uv_async_send(p->wanted);
}

static void ask_status(kl_paper_exchange *p);

static void want_market(kl_paper_exchange *p, const char *ticker) {
  size_t n = strlen(ticker);
  kl_live_market *m = find(p, ticker, n);
  if (!m) {
    m = calloc(1, sizeof *m);
    if (!m || !kl_map_set(p->markets, ticker, n, m)) {
      free(m);
      (void)kl_sim_mirror_missing(p->sim, ticker, "not enough memory");
      return;
    }
    m->p = p;
    memcpy(m->ticker, ticker, n + 1);
    ask_status(p);
  }
  kl_live_market_want(m);
}

static void on_wanted(uv_async_t *h) {
  kl_paper_exchange *p = h->data;
  if (!p->sim) return;
  pthread_mutex_lock(&p->lock);
  kl_buf names = p->names;
  p->names = (kl_buf){0};
  pthread_mutex_unlock(&p->lock);
  for (size_t at = 0; at < names.len; at += strlen(names.data + at) + 1)
    want_market(p, names.data + at);
  kl_buf_free(&names);
}

/* ---- trades, and the life of markets ---- */

static void tell_all(kl_paper_exchange *p) {
  size_t cursor = 0, n;
  const char *ticker;
  void *m;
  while (kl_map_next(p->markets, &cursor, &ticker, &n, &m))
    kl_live_market_tell(m);
}

static void on_trade(void *data, const kl_event *ev, const char *raw, size_t n) {
  kl_paper_exchange *p = data;
  char id[64];
  (void)raw;
  (void)n;
  if (ev->type != KL_EV_TRADE || ev->trade.is_block_trade) return;
  kl_live_market *m = find(p, ev->ticker.p, ev->ticker.n);
  if (!m || !m->told_ns) return;
  size_t length = ev->trade.trade_id.n < sizeof id ? ev->trade.trade_id.n : 0;
  memcpy(id, ev->trade.trade_id.p, length);
  id[length] = '\0';
  if (!kl_sim_mirror_trade(p->sim, m->ticker, ev->trade.yes_price, ev->trade.count, ev->trade.taker_side, id))
    (void)kl_live_market_lose(m);
}

static void on_trades_ready(void *data, bool again) {
  (void)again;
  tell_all(data);
}

static void trades_failed(void *data, const kl_error *e) {
  kl_paper_exchange *p = data;
  kl_log_error("paper", "the live trades do not come any more, and resting orders fill by the book only: %s",
               e->message);
  tell_all(p);
}

static void trade_refused(void *data, const kl_error *e) {
  (void)data;
  kl_log_warn("paper", "the trades of a market do not come: %s", e->message);
}

/* What is said of a market's life is short; its description, read anew, says the rest. */
static void on_life(void *data, const kl_event *ev, const char *raw, size_t n) {
  kl_paper_exchange *p = data;
  (void)ev;
  const kl_feed_origin *o = kl_feed_origin_of(p->feed);
  kl_live_market *m = o->key.n ? find(p, o->key.p, o->key.n) : NULL;
  if (!m || !m->told_ns) return;
  json_t *root = json_loadb(raw, n, 0, NULL), *msg = json_object_get(root, "msg");
  const char *what = json_string_value(json_object_get(msg, "event_type"));
  if (what && !strcmp(what, "deactivated"))
    (void)kl_sim_mirror_status(p->sim, m->ticker, KL_MARKET_INACTIVE, -1);
  else if (what && !strcmp(what, "activated"))
    (void)kl_sim_mirror_status(p->sim, m->ticker, KL_MARKET_ACTIVE, -1);
  json_decref(root);
  kl_market_info_refresh(p->infos, m->ticker);
}

static void life_failed(void *data, const kl_error *e) {
  (void)data;
  kl_log_warn("paper", "the life of markets is looked up now and then, since its channel was refused: %s", e->message);
}

static bool follow_life(kl_paper_exchange *p, kl_error *e) {
  static const char *const channels[] = {"market_lifecycle_v2", "multivariate_market_lifecycle", NULL};
  if (p->changes) return true;
  const kl_feed_sub_options o = {.channels = channels, .data = p, .message = on_life, .failed = life_failed};
  p->changes = kl_feed_subscribe(p->feed, &o, e);
  return p->changes != NULL;
}

/* The markets that are followed, and one more; borrowed texts, NULL when out of memory. */
static const char **all_tickers(const kl_paper_exchange *p, const char *more) {
  const char **list = calloc(kl_map_count(p->markets) + 2, sizeof *list), *ticker;
  size_t cursor = 0, n = 0, length;
  void *v;
  while (list && kl_map_next(p->markets, &cursor, &ticker, &length, &v)) {
    const kl_live_market *m = v;
    if (m->book && strcmp(m->ticker, more) != 0) list[n++] = m->ticker;
  }
  if (list) list[n] = more;
  return list;
}

bool kl_paper_exchange_follow(kl_paper_exchange *p, const char *ticker, kl_error *e) {
  static const char *const channels[] = {"trade", NULL};
  const char *const one[] = {ticker, NULL};
  if (!follow_life(p, e)) return false;
  if (p->trades && kl_feed_sub_add(p->trades, one, e)) return true;
  const char **tickers = all_tickers(p, ticker); /* there is none, or it has failed */
  if (!tickers) return no_memory(e);
  kl_feed_sub_close(p->trades);
  const kl_feed_sub_options o = {.channels = channels,
                                 .tickers = tickers,
                                 .data = p,
                                 .message = on_trade,
                                 .ready = on_trades_ready,
                                 .failed = trades_failed,
                                 .refused = trade_refused};
  p->trades = kl_feed_subscribe(p->feed, &o, e);
  free((void *)tickers);
  return p->trades != NULL;
}

bool kl_paper_exchange_followed(const kl_paper_exchange *p) { return !p->trades || kl_feed_sub_ready(p->trades); }

void kl_paper_exchange_unfollow(kl_paper_exchange *p, const char *ticker) {
  const char *const tickers[] = {ticker, NULL};
  kl_error e;
  if (!p->trades || kl_feed_sub_remove(p->trades, tickers, &e)) return;
  kl_feed_sub_close(p->trades); /* it was the last */
  p->trades = NULL;
}

/* ---- now and then ---- */

static void take_status(kl_paper_exchange *p, const json_t *root, int shard) {
  const json_t *exchange = json_object_get(root, "exchange_active"), *trading = json_object_get(root, "trading_active");
  kl_pause pause = json_is_false(exchange) ? KL_EXCHANGE_PAUSE : json_is_false(trading) ? KL_TRADING_PAUSE : KL_RUNNING;
  if (p->pauses[shard] != pause && kl_sim_mirror_pause(p->sim, shard, pause)) p->pauses[shard] = pause;
}

static void got_status(void *data, const kl_http_response *res, const kl_error *e) {
  kl_paper_exchange *p = data;
  p->asked_status = NULL;
  if (e) return; /* the next one says it */
  json_t *root = json_loadb(res->body, res->body_len, 0, NULL);
  const json_t *rows = json_object_get(root, "exchange_index_statuses");
  for (int shard = 0; root && shard < KL_EXCHANGE_SHARDS; shard++) {
    const json_t *says = root;
    for (size_t i = 0; i < json_array_size(rows); i++) {
      const json_t *row = json_array_get(rows, i);
      if (json_integer_value(json_object_get(row, "exchange_index")) == shard) says = row;
    }
    take_status(p, says, shard);
  }
  json_decref(root);
}

static void ask_status(kl_paper_exchange *p) {
  kl_error e;
  kl_call_request q = {.op = kl_operation_find("GetExchangeStatus"),
                       .path = "/exchange/status",
                       .anonymous = true,
                       .timeout_ms = STATUS_TIMEOUT_MS};
  int64_t now_ns = kl_mono_ns(kl_clock_real());
  if (p->asked_status || kl_map_count(p->markets) == 0) return;
  if (p->status_ns && now_ns - p->status_ns < STATUS_NS) return;
  p->status_ns = now_ns;
  p->asked_status = kl_session_call(p->market, &q, got_status, p, &e);
}

/* One of those that have settled long ago. */
static void forget_old(kl_paper_exchange *p) {
  size_t cursor = 0, n;
  const char *ticker;
  void *m;
  while (kl_map_next(p->markets, &cursor, &ticker, &n, &m)) {
    if (!kl_live_market_is_old(m)) continue;
    (void)kl_map_remove(p->markets, ((kl_live_market *)m)->ticker, n);
    kl_live_market_free(m);
    return;
  }
}

static void on_tick(uv_timer_t *t) {
  kl_paper_exchange *p = t->data;
  size_t cursor = 0, n;
  const char *ticker;
  void *m;
  p->ticks++;
  tell_all(p);
  if (p->ticks % TICKS_LOOK != 0) return;
  while (kl_map_next(p->markets, &cursor, &ticker, &n, &m))
    kl_live_market_look(m);
  forget_old(p);
  ask_status(p);
}

/* What the feed missed while it was away may have been the end of a market. */
static void on_feed(void *data, const char *what, const char *detail) {
  kl_paper_exchange *p = data;
  size_t cursor = 0, n;
  const char *ticker;
  void *m;
  (void)detail;
  if (strcmp(what, "connected") != 0) return;
  while (kl_map_next(p->markets, &cursor, &ticker, &n, &m))
    kl_market_info_refresh(p->infos, ticker);
}

/* ---- life ---- */

/* The wanted sum on the shards in the proportion of what the live account has there; evenly where it has nothing. */
static void share_out(kl_money sum, const kl_live_account *live, int64_t start[KL_EXCHANGE_SHARDS]) {
  kl_money whole = 0, left = sum;
  for (int i = 0; i < KL_EXCHANGE_SHARDS; i++)
    whole += live->balance[i];
  for (int i = KL_EXCHANGE_SHARDS - 1; i > 0; i--) {
    long double part = whole > 0 ? (long double)live->balance[i] / (long double)whole : 1.0L / KL_EXCHANGE_SHARDS;
    start[i] = (int64_t)(part * (long double)sum) / (KL_MONEY_ONE / 100) * (KL_MONEY_ONE / 100);
    left -= start[i];
  }
  start[0] = left;
}

static bool start_exchange(kl_paper_exchange *p, const kl_paper_exchange_options *o, const kl_live_account *live,
                           kl_error *e) {
  kl_sim_mirror_options mirror = {.latency_us = 2 * p->latency_us, .data = p, .wanted = want};
  kl_money whole = 0;
  for (int i = 0; i < KL_EXCHANGE_SHARDS; i++)
    whole += live->balance[i];
  p->start = o->balance >= 0 ? o->balance : whole > 0 ? whole : KL_PAPER_BALANCE;
  p->resumed = o->state && access(o->state, F_OK) == 0;
  share_out(p->start, live, mirror.start);
  const kl_sim_options so = {.seed = (uint64_t)kl_wall_us(kl_clock_real()),
                             .mirror = &mirror,
                             .quick_keys = true,
                             .balance_precision = live->fine ? KL_MONEY_ONE / 10000 : KL_MONEY_ONE / 100,
                             .tier = live->tier[0] ? live->tier : LEAST_TIER,
                             .max_clock_skew_ms = SKEW_MS + 2 * p->latency_us / 1000, /* commands wait at the door */
                             .state = o->state};
  kl_error why;
  if (kl_sim_start(&so, &p->sim, &why)) return true;
  if (live->tier[0] && strstr(why.message, "--tier")) { /* a tier that is newer than this program */
    kl_sim_options usual = so;
    usual.tier = LEAST_TIER;
    return kl_sim_start(&usual, &p->sim, e);
  }
  *e = why;
  return false;
}

static bool open_handles(kl_paper_exchange *p) {
  p->wanted = calloc(1, sizeof *p->wanted);
  p->tick = calloc(1, sizeof *p->tick);
  if (!p->wanted || !p->tick || uv_async_init(p->loop, p->wanted, on_wanted) != 0) return false;
  uv_timer_init(p->loop, p->tick);
  p->wanted->data = p->tick->data = p;
  uv_unref((uv_handle_t *)p->wanted); /* they hold no loop */
  uv_unref((uv_handle_t *)p->tick);
  return true;
}

static void say(const kl_paper_exchange *p, const kl_live_account *live, const kl_paper_exchange_options *o) {
  char money[40] = "";
  if (live->error.kind)
    kl_log_warn("paper", "what is not known of the live account is assumed: %s", live->error.message);
  if (!p->resumed) kl_decimal_format(money, sizeof money, p->start / (KL_MONEY_ONE / 100), 2);
  kl_log_info("paper",
              "paper trading on %s: orders are filled here by live market data, and none is sent; %.1f ms each "
              "way%s; %s%s%s",
              kl_session_env(p->market), (double)p->latency_us / 1e3,
              o->latency_ms >= 0    ? ""
              : live->round_trip_us ? " as measured"
                                    : " assumed",
              p->resumed ? "the account of " : "the account begins with ", p->resumed ? o->state : money,
              p->resumed ? " goes on" : " dollars");
}

bool kl_paper_exchange_begin(const kl_paper_exchange_options *o, const kl_live_account *live, kl_paper_exchange **out,
                             kl_error *e) {
  *out = NULL;
  kl_paper_exchange *p = calloc(1, sizeof *p);
  if (!p) return no_memory(e);
  pthread_mutex_init(&p->lock, NULL);
  kl_list_init(&p->listener.link);
  p->loop = o->loop;
  p->market = o->market;
  p->feed = kl_session_feed(o->market);
  if (live->error.status == 401) { /* nor would there be market data */
    kl_error_coded(e, KL_ERR_AUTH, live->error.code, "paper trading reads the market of %s with the key: %s",
                   kl_session_env(o->market), live->error.message);
    kl_paper_exchange_close(p);
    return false;
  }
  p->latency_us = o->latency_ms >= 0        ? o->latency_ms * 1000
                  : live->round_trip_us > 0 ? live->round_trip_us / 2
                                            : KL_PAPER_LATENCY_MS * 1000;
  p->markets = kl_map_new();
  p->infos = kl_market_infos_new(o->market);
  bool ok = (p->markets && p->infos && open_handles(p)) || no_memory(e);
  if (!ok || !start_exchange(p, o, live, e)) {
    kl_paper_exchange_close(p);
    return false;
  }
  p->listener.data = p;
  p->listener.status = on_feed;
  kl_feed_listen(p->feed, &p->listener);
  uv_timer_start(p->tick, on_tick, TICK_MS, TICK_MS);
  uv_async_send(p->wanted); /* it was not listened to before there was an exchange */
  say(p, live, o);
  *out = p;
  return true;
}

bool kl_paper_exchange_open(const kl_paper_exchange_options *o, kl_paper_exchange **out, kl_error *e) {
  kl_live_account live;
  *out = NULL;
  if (!kl_session_has_key(o->market)) {
    kl_error_coded(
        e, KL_ERR_CONFIG, "key_missing",
        "paper trading needs an API key of %s for its market data, which nobody trades with: give --key-id and "
        "--key (KALSHI_API_KEY_ID, KALSHI_PRIVATE_KEY_PATH)",
        kl_session_env(o->market));
    return false;
  }
  kl_live_account_read(o->loop, o->market, &live);
  return kl_paper_exchange_begin(o, &live, out, e);
}

static void free_handle(uv_handle_t *h) { free(h); }

void kl_paper_exchange_close(kl_paper_exchange *p) {
  size_t cursor = 0, n;
  const char *ticker;
  void *m;
  if (!p) return;
  kl_feed_unlisten(&p->listener);
  if (p->asked_status) kl_call_cancel(p->asked_status);
  if (p->sim) kl_sim_stop(p->sim); /* its thread asks for nothing any more */
  while (p->markets && kl_map_next(p->markets, &cursor, &ticker, &n, &m))
    kl_live_market_free(m);
  kl_map_free(p->markets);
  kl_feed_sub_close(p->trades);
  kl_feed_sub_close(p->changes);
  kl_market_infos_free(p->infos);
  bool open = p->tick && p->tick->data;
  if (open) uv_close((uv_handle_t *)p->wanted, free_handle);
  if (open) uv_close((uv_handle_t *)p->tick, free_handle);
  if (!open) free(p->wanted);
  if (!open) free(p->tick);
  kl_buf_free(&p->names);
  pthread_mutex_destroy(&p->lock);
  free(p);
}

/* ---- reading ---- */

const char *kl_paper_exchange_rest_url(const kl_paper_exchange *p) { return kl_sim_rest_url(p->sim); }
const char *kl_paper_exchange_ws_url(const kl_paper_exchange *p) { return kl_sim_ws_url(p->sim); }
const char *kl_paper_exchange_key_id(const kl_paper_exchange *p) { return kl_sim_user_at(p->sim, 0)->key_id; }
kl_key *kl_paper_exchange_key(const kl_paper_exchange *p) { return kl_sim_user_at(p->sim, 0)->key; }
int64_t kl_paper_exchange_latency_us(const kl_paper_exchange *p) { return p->latency_us; }
bool kl_paper_exchange_report(const kl_paper_exchange *p, kl_sim_mirror_report *out) {
  return kl_sim_mirror_report_get(p->sim, out);
}
