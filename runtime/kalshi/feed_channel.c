/* What the exchange was asked for and what it answered: one subscription per channel, a set of markets each. Wishes are
 * compared with what was sent, and the difference goes out once per loop turn. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "kalshi/feed_internal.h"

#define MS INT64_C(1000000)

/* Error codes of the exchange that need an answer of their own (AsyncAPI, "error" message). */
enum {
  CODE_UNKNOWN_SID = 7,
  CODE_AUTH = 9,
  CODE_CHANNEL = 10,
  CODE_PARAMETER = 11,
  CODE_NOT_FOUND = 16,
  CODE_INTERNAL = 17,
  CODE_TIMEOUT = 18,
  CODE_BUFFER = 25,
  CODE_RATE = 27
};

/* ---- a channel's markets, by ticker ---- */

static kl_feed_market **table_slot(const kl_feed_table *t, const char *ticker, size_t n, uint32_t hash) {
  size_t mask = t->cap - 1, i = hash & mask;
  for (;; i = (i + 1) & mask) {
    kl_feed_market *m = t->slots[i];
    if (!m || (m->hash == hash && m->len == n && !memcmp(m->ticker, ticker, n))) return &t->slots[i];
  }
}

static bool table_add(kl_feed_table *t, kl_feed_market *m) {
  if ((t->count + 1) * 2 > t->cap) {
    kl_feed_table wide = {.cap = t->cap ? t->cap * 2 : 16, .count = t->count};
    wide.slots = calloc(wide.cap, sizeof(kl_feed_market *));
    if (!wide.slots) return false;
    for (size_t i = 0; i < t->cap; i++) {
      kl_feed_market *old = t->slots[i];
      if (old) *table_slot(&wide, old->ticker, old->len, old->hash) = old;
    }
    free(t->slots);
    *t = wide;
  }
  *table_slot(t, m->ticker, m->len, m->hash) = m;
  t->count++;
  return true;
}

static void table_remove(kl_feed_table *t, const kl_feed_market *m) {
  size_t mask = t->cap - 1, hole = m->hash & mask;
  while (t->slots[hole] != m)
    hole = (hole + 1) & mask;
  t->count--;
  t->slots[hole] = NULL;
  /* Close up: whoever would not be found over the hole moves into it. */
  for (size_t i = (hole + 1) & mask; t->slots[i]; i = (i + 1) & mask) {
    size_t home = t->slots[i]->hash & mask;
    if (((i - home) & mask) >= ((i - hole) & mask)) {
      t->slots[hole] = t->slots[i];
      t->slots[i] = NULL;
      hole = i;
    }
  }
}

bool kl_feed_ticker_check(const char *ticker, kl_error *e) {
  size_t n = strlen(ticker);
  bool good = n > 0 && n < KL_FEED_TICKER_MAX;
  for (size_t i = 0; good && i < n; i++) {
    char c = ticker[i];
    good =
        (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  }
  if (!good) {
    kl_error_set(e, KL_ERR_VALIDATION,
                 "\"%.80s\" is not a market ticker: letters, digits, '.', '_' and '-', at most %d of them", ticker,
                 KL_FEED_TICKER_MAX - 1);
  }
  return good;
}

kl_feed_market *kl_feed_market_find(kl_feed_channel *c, const char *ticker, size_t n) {
  kl_feed_market *m = c->last;
  if (m && m->len == n && !memcmp(m->ticker, ticker, n)) return m;
  if (!c->table.count) return NULL;
  m = *table_slot(&c->table, ticker, n, (uint32_t)kl_hash_bytes(ticker, n));
  if (m) c->last = m;
  return m;
}

kl_feed_market *kl_feed_market_want(kl_feed_channel *c, const char *ticker, size_t n) {
  kl_feed_market *m = kl_feed_market_find(c, ticker, n);
  if (!m) {
    m = calloc(1, sizeof *m);
    if (!m) return NULL;
    memcpy(m->ticker, ticker, n);
    m->len = (uint32_t)n;
    m->hash = (uint32_t)kl_hash_bytes(ticker, n);
    m->channel = c;
    kl_list_init(&m->dead);
    kl_list_init(&m->all);
    kl_list_init(&m->work);
    kl_list_init(&m->in_flight);
    kl_list_init(&m->interests);
    if (!table_add(&c->table, m)) {
      free(m);
      return NULL;
    }
    kl_list_append(&c->markets, &m->all);
  }
  if (!m->refs++) {
    c->wanted++;
    kl_feed_market_work(m);
  }
  return m;
}

static void market_free(kl_feed_market *m) {
  kl_feed_channel *c = m->channel;
  table_remove(&c->table, m);
  if (c->last == m) c->last = NULL;
  kl_list_remove(&m->all);
  kl_list_remove(&m->work);
  kl_list_remove(&m->in_flight);
  kl_feed_bury(c->f, m);
}

void kl_feed_market_drop(kl_feed_market *m) {
  if (--m->refs) return;
  m->channel->wanted--;
  m->awaiting = m->need_snapshot = false;
  if (m->sent) {
    kl_feed_market_work(m);
  } else {
    kl_feed_channel_touch(m->channel);
    market_free(m);
  }
}

void kl_feed_market_work(kl_feed_market *m) {
  if (kl_list_empty(&m->work)) kl_list_append(&m->channel->work, &m->work);
  kl_feed_channel_touch(m->channel);
}

bool kl_feed_market_is_acked(const kl_feed_market *m) {
  const kl_feed_channel *c = m->channel;
  return c->sid && (c->is_wide || m->acked);
}

/* ---- channels ---- */

static kl_feed_filter filter_of(const char *name) {
  static const char *const optional[] = {"ticker", "trade", "fill", "market_positions", "user_orders"};
  if (!strcmp(name, "orderbook_delta")) return KL_FILTER_REQUIRED;
  for (size_t i = 0; i < sizeof optional / sizeof *optional; i++) {
    if (!strcmp(name, optional[i])) return KL_FILTER_OPTIONAL;
  }
  return KL_FILTER_NONE;
}

kl_feed_channel *kl_feed_channel_get(kl_feed *f, const char *name, kl_error *e) {
  for (size_t i = 0; i < f->n_channels; i++) {
    if (!strcmp(f->channels[i]->name, name)) return f->channels[i];
  }
  kl_feed_channel *c;
  if (!*name || strlen(name) >= sizeof c->name || f->n_channels == KL_FEED_CHANNELS_MAX) {
    kl_error_set(e, KL_ERR_VALIDATION, "\"%.60s\" is not a channel", name);
    return NULL;
  }
  c = calloc(1, sizeof *c);
  if (!c) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for channel %s", name);
    return NULL;
  }
  c->f = f;
  memcpy(c->name, name, strlen(name) + 1);
  c->filter = filter_of(name);
  c->books = c->filter == KL_FILTER_REQUIRED;
  c->has_initial = !strcmp(name, "ticker");
  kl_list_init(&c->markets);
  kl_list_init(&c->work);
  kl_list_init(&c->in_flight);
  kl_list_init(&c->wide);
  kl_list_init(&c->narrow);
  f->channels[f->n_channels++] = c;
  if (c->books) f->books = c;
  return c;
}

kl_feed_channel *kl_feed_channel_of_sid(kl_feed *f, int64_t sid) {
  for (size_t i = 0; i < f->n_channels; i++) {
    if (f->channels[i]->sid == sid && sid) return f->channels[i];
  }
  return NULL;
}

void kl_feed_channel_free(kl_feed_channel *c) {
  while (!kl_list_empty(&c->markets))
    market_free(KL_CONTAINER(c->markets.next, kl_feed_market, all));
  free(c->table.slots);
  free(c);
}

void kl_feed_channel_touch(kl_feed_channel *c) {
  c->dirty = true;
  kl_feed_wake(c->f);
}

/* Nothing of the channel's markets is known to the exchange; those that nobody wants go. */
static void forget_markets(kl_feed_channel *c) {
  for (kl_list *n = c->markets.next; n != &c->markets;) {
    kl_feed_market *m = KL_CONTAINER(n, kl_feed_market, all);
    n = n->next;
    m->sent = m->acked = m->shown = m->need_snapshot = false;
    m->cmd = 0;
    kl_list_remove(&m->in_flight);
    if (!m->refs) {
      market_free(m);
      continue;
    }
    if (m->book) kl_feed_books_stale(m);
    kl_feed_market_work(m);
  }
}

void kl_feed_channel_reset(kl_feed_channel *c) {
  c->sid = c->seq = 0;
  c->subscribe_cmd = 0;
  c->is_wide = c->restart = false;
  c->not_before_ns = 0;
  c->failures = 0;
  forget_markets(c);
  kl_feed_subs_unacked(c);
  kl_feed_channel_touch(c);
}

void kl_feed_channel_ended(kl_feed_channel *c, const char *why) {
  kl_feed *f = c->f;
  int64_t now = kl_feed_now(f);
  if (c->sid && now - c->live_ns > 60000 * MS) c->failures = 0;
  uint32_t shift = c->failures > 8 ? 8 : c->failures;
  int64_t wait_ms = 100 + (int64_t)(kl_feed_random(f) % 100);
  wait_ms <<= shift;
  if (wait_ms > 30000) wait_ms = 30000;
  c->failures++;
  kl_log_warn("feed", "channel %s: %s; subscribing again in %" PRId64 " ms", c->name, why, wait_ms);
  c->sid = c->seq = 0;
  c->subscribe_cmd = 0;
  c->is_wide = c->restart = false;
  c->not_before_ns = now + wait_ms * MS;
  forget_markets(c);
  kl_feed_subs_unacked(c);
  kl_feed_tick_on(f);
}

/* ---- commands ---- */

static bool command_note(kl_feed *f, kl_feed_cmd_kind kind, kl_feed_channel *c) {
  if (f->n_cmds == f->cap_cmds) {
    size_t cap = f->cap_cmds ? f->cap_cmds * 2 : 16;
    kl_feed_cmd *wide = realloc(f->cmds, cap * sizeof *wide);
    if (!wide) return false;
    f->cmds = wide;
    f->cap_cmds = cap;
  }
  f->cmds[f->n_cmds++] = (kl_feed_cmd){.id = f->next_id, .kind = kind, .channel = c, .sent_ns = kl_feed_now(f)};
  kl_feed_tick_on(f);
  return true;
}

static bool command_take(kl_feed *f, int64_t id, kl_feed_cmd *out) {
  for (size_t i = 0; i < f->n_cmds; i++) {
    if (f->cmds[i].id != id) continue;
    *out = f->cmds[i];
    memmove(f->cmds + i, f->cmds + i + 1, (f->n_cmds - i - 1) * sizeof *f->cmds);
    f->n_cmds--;
    return true;
  }
  return false;
}

void kl_feed_command_answered(kl_feed *f, int64_t id) {
  kl_feed_cmd cmd;
  command_take(f, id, &cmd);
}

bool kl_feed_commands_check(kl_feed *f, int64_t now) {
  for (size_t i = 0; i < f->n_cmds;) {
    kl_feed_cmd *cmd = &f->cmds[i];
    if (now - cmd->sent_ns < f->o.command_timeout_ms * MS) {
      i++;
      continue;
    }
    if (cmd->kind == KL_CMD_SNAPSHOT) { /* the book's own deadline sees to it */
      memmove(cmd, cmd + 1, (f->n_cmds - i - 1) * sizeof *cmd);
      f->n_cmds--;
      continue;
    }
    kl_error e;
    kl_error_set(&e, KL_ERR_WS, "the exchange did not answer a command on channel %s for %" PRId64 " ms: reconnecting",
                 cmd->channel->name, f->o.command_timeout_ms);
    kl_feed_drop_link(f, &e);
    return false;
  }
  return f->n_cmds > 0;
}

/* Begins a command; its id is f->next_id until command_send. */
static kl_buf *command_begin(kl_feed *f, const char *cmd) {
  kl_buf_clear(&f->out);
  kl_buf_printf(&f->out, "{\"id\":%" PRId64 ",\"cmd\":\"%s\",\"params\":{", f->next_id, cmd);
  return &f->out;
}

static bool command_send(kl_feed *f, kl_feed_cmd_kind kind, kl_feed_channel *c) {
  kl_buf_str(&f->out, "}}");
  if (f->out.failed || !command_note(f, kind, c)) {
    kl_buf_free(&f->out);
    kl_error e;
    kl_error_set(&e, KL_ERR_INTERNAL, "not enough memory for a command on channel %s", c->name);
    kl_feed_drop_link(f, &e);
    return false;
  }
  f->next_id++;
  return kl_ws_client_send(f->ws, f->out.data, f->out.len); /* false: its end is on the way to us */
}

typedef bool (*market_test)(const kl_feed_market *m);
static bool is_to_add(const kl_feed_market *m) { return m->refs && !m->sent; }
/* A second addition of a market does not bring its first state: it is taken out before. */
static bool is_to_delete(const kl_feed_market *m) { return m->sent && (!m->refs || m->initial); }
static bool is_to_snapshot(const kl_feed_market *m) { return m->refs && m->sent && m->need_snapshot; }

/* Writes "market_tickers" with up to a chunk of the markets that pass, from *at on in the list of work; those of an
 * addition (`add_id` is not 0) are marked with its id. */
static void write_tickers(kl_feed_channel *c, kl_list **at, market_test test, kl_buf *out, int64_t add_id,
                          bool *initial) {
  size_t n = 0;
  kl_buf_str(out, "\"market_tickers\":[");
  for (; *at != &c->work && n < KL_FEED_CHUNK; *at = (*at)->next) {
    kl_feed_market *m = KL_CONTAINER(*at, kl_feed_market, work);
    if (!test(m)) continue;
    if (n++) kl_buf_char(out, ',');
    kl_buf_json_string(out, m->ticker, m->len);
    if (add_id) m->cmd = add_id;
    if (m->initial) *initial = true;
  }
  kl_buf_char(out, ']');
}

/* What write_tickers wrote was sent as an addition. */
static void mark_added(kl_feed_channel *c, int64_t cmd_id) {
  for (kl_list *n = c->work.next; n != &c->work; n = n->next) {
    kl_feed_market *m = KL_CONTAINER(n, kl_feed_market, work);
    if (m->cmd != cmd_id) continue;
    m->sent = true;
    m->acked = m->shown = m->need_snapshot = m->initial = false; /* the subscription itself brings a snapshot */
    kl_list_remove(&m->in_flight);
    kl_list_append(&c->in_flight, &m->in_flight);
  }
}

static kl_list *first_work(kl_feed_channel *c, kl_list *at, market_test test) {
  while (at != &c->work && !test(KL_CONTAINER(at, kl_feed_market, work)))
    at = at->next;
  return at;
}

static bool send_subscribe(kl_feed_channel *c, bool all) {
  kl_feed *f = c->f;
  bool initial = all && c->initial;
  kl_list *at = c->work.next;
  kl_buf *out = command_begin(f, "subscribe");
  int64_t id = f->next_id;
  kl_buf_printf(out, "\"channels\":[\"%s\"]", c->name);
  if (!all) {
    kl_buf_char(out, ',');
    write_tickers(c, &at, is_to_add, out, id, &initial);
  }
  if (c->books) kl_buf_printf(out, ",\"use_yes_price\":%s", f->o.no_levels_in_no_prices ? "false" : "true");
  if (initial && c->has_initial) kl_buf_str(out, ",\"send_initial_snapshot\":true");
  if (c->filter != KL_FILTER_NONE) kl_buf_str(out, ",\"skip_ticker_ack\":true");
  if (!command_send(f, KL_CMD_SUBSCRIBE, c)) return false;
  c->subscribe_cmd = id;
  c->is_wide = all;
  if (all) {
    c->initial = false;
  } else {
    mark_added(c, id);
  }
  return true;
}

static bool send_unsubscribe(kl_feed_channel *c) {
  kl_feed *f = c->f;
  kl_buf_printf(command_begin(f, "unsubscribe"), "\"sids\":[%" PRId64 "]", c->sid);
  c->sid = c->seq = 0;
  c->is_wide = c->restart = false;
  forget_markets(c);
  return command_send(f, KL_CMD_UNSUBSCRIBE, c);
}

/* All updates of one kind, in chunks. */
static bool send_updates(kl_feed_channel *c, const char *action, market_test test, kl_feed_cmd_kind kind) {
  kl_feed *f = c->f;
  for (kl_list *at = first_work(c, c->work.next, test); at != &c->work; at = first_work(c, at, test)) {
    bool initial = false;
    int64_t id = f->next_id;
    kl_list *start = at;
    kl_buf *out = command_begin(f, "update_subscription");
    kl_buf_printf(out, "\"sid\":%" PRId64 ",\"action\":\"%s\",", c->sid, action);
    write_tickers(c, &at, test, out, kind == KL_CMD_ADD ? id : 0, &initial);
    if (initial && kind == KL_CMD_ADD) kl_buf_str(out, ",\"send_initial_snapshot\":true");
    if (!command_send(f, kind, c)) return false;
    if (kind == KL_CMD_ADD) {
      mark_added(c, id);
      continue;
    }
    for (kl_list *n = start; n != at; n = n->next) {
      kl_feed_market *m = KL_CONTAINER(n, kl_feed_market, work);
      if (!test(m)) continue;
      if (kind == KL_CMD_SNAPSHOT) m->since_ns = kl_feed_now(f);
      if (kind == KL_CMD_DELETE) m->sent = m->acked = false;
    }
  }
  return true;
}

/* The list of work is done: whoever was deleted goes. */
static void finish_work(kl_feed_channel *c) {
  while (!kl_list_empty(&c->work)) {
    kl_feed_market *m = KL_CONTAINER(c->work.next, kl_feed_market, work);
    kl_list_remove(&m->work);
    m->need_snapshot = false;
    if (!m->refs) market_free(m);
  }
}

void kl_feed_channel_flush(kl_feed_channel *c) {
  int64_t now = kl_feed_now(c->f);
  c->dirty = false;
  if (c->subscribe_cmd) return; /* its answer brings us back */
  bool all = c->filter == KL_FILTER_NONE || c->wide_refs > 0;
  if (!c->wanted) {
    if (c->sid) send_unsubscribe(c);
    forget_markets(c);
    c->dirty = false;
    return;
  }
  if (c->not_before_ns > now) {
    kl_feed_tick_on(c->f);
    return;
  }
  c->not_before_ns = 0;
  /* Narrower than wanted: begin anew, since what a second subscribe does to a filter is not documented. A channel that
   * became wider than wanted stays so until its end: nothing is lost, the filter is here. */
  if (c->sid && (c->restart || (all && !c->is_wide))) {
    kl_feed_subs_unacked(c);
    if (!send_unsubscribe(c)) return;
  }
  if (!c->sid) {
    if (send_subscribe(c, all)) c->dirty = false;
    return;
  }
  if (!c->is_wide) {
    if (!send_updates(c, "delete_markets", is_to_delete, KL_CMD_DELETE)) return;
    if (!send_updates(c, "add_markets", is_to_add, KL_CMD_ADD)) return;
    if (c->books && !send_updates(c, "get_snapshot", is_to_snapshot, KL_CMD_SNAPSHOT)) return;
  }
  finish_work(c);
  c->dirty = false;
}

/* ---- answers ---- */

static void market_acked(kl_feed_market *m) {
  kl_list_remove(&m->in_flight);
  m->cmd = 0;
  if (!m->sent || m->acked) return;
  m->acked = true;
  kl_feed_market_awaits(m);
  kl_feed_subs_market_acked(m);
}

/* The first market in flight with that command. To be asked again after each: callbacks may change the list. */
static kl_feed_market *in_flight_with(kl_feed_channel *c, int64_t id) {
  for (kl_list *n = c->in_flight.next; n != &c->in_flight; n = n->next) {
    kl_feed_market *m = KL_CONTAINER(n, kl_feed_market, in_flight);
    if (m->cmd == id) return m;
  }
  return NULL;
}

static void all_acked(kl_feed_channel *c, int64_t id) {
  kl_feed_market *m;
  while ((m = in_flight_with(c, id)))
    market_acked(m);
}

void kl_feed_on_subscribed(kl_feed *f, const kl_event *ev) {
  kl_feed_channel *c = NULL;
  kl_str name = ev->subscribed.channel;
  for (size_t i = 0; i < f->n_channels && !c; i++) {
    if (kl_str_is(name, f->channels[i]->name, strlen(f->channels[i]->name))) c = f->channels[i];
  }
  if (!c || !(ev->has & KL_HAS_SID)) return;
  kl_feed_cmd cmd;
  if (ev->has & KL_HAS_ID) command_take(f, ev->id, &cmd);
  if (!c->subscribe_cmd || ((ev->has & KL_HAS_ID) && ev->id != c->subscribe_cmd)) return; /* not what we wait for */
  int64_t id = c->subscribe_cmd;
  c->subscribe_cmd = 0;
  c->sid = ev->sid;
  c->seq = 0;
  c->live_ns = kl_feed_now(f);
  if (c->is_wide) { /* nothing is sent for single markets */
    while (!kl_list_empty(&c->work))
      kl_list_remove(c->work.next);
  } else {
    all_acked(c, id);
  }
  kl_feed_subs_acked(c);
  kl_feed_channel_touch(c);
}

void kl_feed_on_ok(kl_feed *f, const kl_event *ev) {
  kl_feed_cmd cmd;
  if (!(ev->has & KL_HAS_ID) || !command_take(f, ev->id, &cmd)) return;
  if (cmd.kind == KL_CMD_ADD) all_acked(cmd.channel, cmd.id);
}

void kl_feed_on_unsubscribed(kl_feed *f, const kl_event *ev) {
  if (ev->has & KL_HAS_ID) kl_feed_command_answered(f, ev->id);
  kl_feed_channel *c = (ev->has & KL_HAS_SID) ? kl_feed_channel_of_sid(f, ev->sid) : NULL;
  if (c) kl_feed_channel_ended(c, "the exchange ended the subscription"); /* we had not asked: c->sid was ours */
}

static bool is_transient(int code) { return code == CODE_INTERNAL || code == CODE_TIMEOUT || code == CODE_RATE; }

static void refusal(kl_error *out, const kl_event *ev, const char *channel, const char *ticker) {
  int code = ev->error.code;
  int n = (int)(ev->error.message.n > 200 ? 200 : ev->error.message.n);
  if (ticker && (code == CODE_PARAMETER || code == CODE_NOT_FOUND)) {
    kl_error_set(out, KL_ERR_VALIDATION, "no such market: the exchange refused %s on %s: %.*s (code %d)", ticker,
                 channel, n, ev->error.message.p, code);
  } else {
    kl_error_set(out, code == CODE_AUTH ? KL_ERR_AUTH : KL_ERR_WS, "the exchange refused %s%s%s: %.*s (code %d)",
                 channel, ticker ? " of " : "", ticker ? ticker : "", n, ev->error.message.p, code);
  }
  out->status = code;
  snprintf(out->code, sizeof out->code, "%d", code);
  snprintf(out->operation, sizeof out->operation, "subscribe");
}

static void fail_market(kl_feed_market *m, const kl_error *e) {
  kl_list_remove(&m->in_flight);
  m->sent = m->acked = false;
  m->cmd = 0;
  if (!m->refs) {
    market_free(m);
    return;
  }
  m->refs++; /* stays while its holders let go */
  if (m->book) kl_feed_book_fail(m->book, e);
  kl_feed_subs_fail_market(m, e);
  kl_feed_market_drop(m);
}

static void fail_channel(kl_feed_channel *c, const kl_error *e) {
  for (kl_list *n = c->markets.next; n != &c->markets;) {
    kl_feed_market *m = KL_CONTAINER(n, kl_feed_market, all);
    n = n->next; /* failing a book calls nobody yet */
    if (m->book) kl_feed_book_fail(m->book, e);
  }
  kl_feed_subs_fail_channel(c, e);
}

/* Does the error name this market? */
static bool is_named(const kl_feed_market *m, const kl_event *ev, kl_str list) {
  kl_str one = ev->error.market_ticker;
  if (one.n && kl_str_is(one, m->ticker, m->len)) return true;
  while (kl_feed_scan_string(&list, &one)) {
    if (kl_str_is(one, m->ticker, m->len)) return true;
  }
  return false;
}

/* An addition (or what is left of it) counts as never sent. */
static void addition_undone(kl_feed_channel *c, int64_t id) {
  kl_feed_market *m;
  while ((m = in_flight_with(c, id))) {
    kl_list_remove(&m->in_flight);
    m->sent = false;
    m->cmd = 0;
    if (m->refs) {
      kl_feed_market_work(m);
    } else {
      market_free(m);
    }
  }
}

/* An addition was refused: the markets that the error names fail, the others are asked for again; all fail when it
 * names none of them. */
static void addition_refused(kl_feed_channel *c, int64_t id, const kl_event *ev, kl_str list) {
  bool named = false;
  for (kl_list *n = c->in_flight.next; n != &c->in_flight && !named; n = n->next) {
    kl_feed_market *m = KL_CONTAINER(n, kl_feed_market, in_flight);
    named = m->cmd == id && is_named(m, ev, list);
  }
  for (kl_list *n = c->in_flight.next; n != &c->in_flight;) {
    kl_feed_market *m = KL_CONTAINER(n, kl_feed_market, in_flight);
    n = n->next;
    if (m->cmd != id || (named && !is_named(m, ev, list))) continue;
    kl_error e;
    refusal(&e, ev, c->name, m->ticker);
    fail_market(m, &e);
    n = c->in_flight.next; /* the holders may have let go of any other */
  }
  addition_undone(c, id);
}

/* A request for snapshots was refused: the markets it names are gone, the others get theirs when asked for again. */
static void snapshot_refused(kl_feed_channel *c, const kl_event *ev, kl_str list) {
  for (kl_list *n = c->markets.next; n != &c->markets;) {
    kl_feed_market *m = KL_CONTAINER(n, kl_feed_market, all);
    n = n->next;
    if (!m->book || !m->awaiting) continue;
    if (is_named(m, ev, list)) {
      kl_error e;
      refusal(&e, ev, c->name, m->ticker);
      kl_feed_book_fail(m->book, &e); /* calls nobody yet */
    } else {
      m->need_snapshot = true;
      kl_feed_market_work(m);
    }
  }
}

/* The exchange could not just now: the same again, later. A snapshot has a deadline of its own, and a market too many
 * does no harm. */
static void ask_again(kl_feed_channel *c, const kl_feed_cmd *cmd, const char *why) {
  if (cmd->kind == KL_CMD_SUBSCRIBE) {
    kl_feed_channel_ended(c, why);
  } else if (cmd->kind == KL_CMD_ADD) {
    addition_undone(c, cmd->id);
    c->not_before_ns = kl_feed_now(c->f) + 1000 * MS;
    kl_feed_tick_on(c->f);
  }
}

void kl_feed_on_error(kl_feed *f, const kl_event *ev, const char *raw, size_t n) {
  kl_feed_cmd cmd = {.channel = NULL};
  int code = ev->error.code;
  bool answered = (ev->has & KL_HAS_ID) && command_take(f, ev->id, &cmd);
  kl_feed_channel *c = answered ? cmd.channel : (ev->has & KL_HAS_SID) ? kl_feed_channel_of_sid(f, ev->sid) : NULL;
  kl_error e;
  refusal(&e, ev, c ? c->name : "a command", NULL);
  kl_feed_note(f, e.message);
  kl_log_warn("feed", "%s", e.message);
  if (!c) return;
  if (code == CODE_CHANNEL || code == CODE_BUFFER || (code == CODE_UNKNOWN_SID && answered && c->sid)) {
    if (answered && cmd.kind == KL_CMD_UNSUBSCRIBE) return;
    kl_feed_channel_ended(c, e.message);
    return;
  }
  if (!answered) return;
  if (is_transient(code)) {
    ask_again(c, &cmd, e.message);
    return;
  }
  kl_str list = {NULL, 0};
  bool has_list = kl_feed_scan_msg(raw, n, "market_tickers", &list);
  bool names = ev->error.market_ticker.n || (has_list && list.n > 2);
  switch (cmd.kind) {
  case KL_CMD_SUBSCRIBE:
    if (c->subscribe_cmd != cmd.id) return;
    c->subscribe_cmd = 0;
    if (c->is_wide || !names) {
      c->is_wide = false;
      fail_channel(c, &e);
      forget_markets(c);
    } else {
      addition_refused(c, cmd.id, ev, list);
    }
    kl_feed_channel_touch(c);
    break;
  case KL_CMD_ADD:
    addition_refused(c, cmd.id, ev, list);
    break;
  case KL_CMD_SNAPSHOT:
    if (names) snapshot_refused(c, ev, list); /* otherwise the deadline asks again */
    break;
  case KL_CMD_UNSUBSCRIBE:
  case KL_CMD_DELETE:
    break;
  }
}
