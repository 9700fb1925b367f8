/* What the exchange was asked for: one subscription per channel and connection, a set of markets each. Wishes are
 * compared with what was sent, and the difference goes out once per loop turn. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "kalshi/feed_internal.h"

#define MS INT64_C(1000000)

/* ---- channels ---- */

static bool is_word_of(const char *words, const char *word, size_t n) {
  for (const char *at = words; *at;) {
    size_t len = strcspn(at, " ");
    if (len == n && !memcmp(at, word, n)) return true;
    at += len + (at[len] == ' ');
  }
  return false;
}

/* `params` are members of a JSON object, each after a comma. False: *unknown is the first that is not in `allowed`. */
static bool params_known(const char *params, const char *allowed, kl_str *unknown) {
  for (const char *at = params; (at = strstr(at, ",\"")) != NULL;) {
    at += 2;
    size_t n = strcspn(at, "\"");
    if (is_word_of(allowed, at, n)) continue;
    *unknown = (kl_str){at, (uint32_t)n};
    return false;
  }
  return true;
}

/* On the first connection that does not have a channel of this name. */
static kl_feed_link *place(kl_feed *f, const char *name) {
  for (kl_list *n = f->links.next; n != &f->links; n = n->next) {
    kl_feed_link *l = KL_CONTAINER(n, kl_feed_link, in_feed);
    bool taken = false;
    for (const kl_list *k = l->channels.next; k != &l->channels && !taken; k = k->next)
      taken = !strcmp(KL_CONTAINER(k, kl_feed_channel, in_link)->name, name);
    if (!taken) return l;
  }
  return f->n_links < f->o.max_connections ? kl_feed_link_new(f) : NULL;
}

static kl_feed_channel *channel_new(kl_feed *f, const char *name) {
  kl_feed_link *l = place(f, name);
  kl_feed_channel *c = l ? calloc(1, sizeof *c) : NULL;
  if (!c) return NULL;
  c->f = f;
  c->link = l;
  c->head = c;
  c->most = KL_FEED_LINK_MARKETS;
  c->chunk = c->lot = KL_FEED_CHUNK;
  memcpy(c->name, name, strlen(name) + 1);
  while (c->kind < kl_channel_count && strcmp(kl_channel_table[c->kind].name, name) != 0)
    c->kind++;
  kl_list_init(&c->in_feed);
  kl_list_init(&c->markets);
  kl_list_init(&c->work);
  kl_list_init(&c->in_flight);
  kl_list_init(&c->wide);
  kl_list_init(&c->narrow);
  kl_list_append(&l->channels, &c->in_link);
  return c;
}

/* What the exchange is to filter of what it could. Not an account's own messages: they are few, whoever places an order
 * wants all of them, and a filter that is changed just then loses the fill. */
static kl_channel_filter filter_of(const kl_feed *f, const kl_channel *known) {
  if (!known) return KL_FILTER_NONE;
  bool here = known->filter == KL_FILTER_OPTIONAL && (known->own || f->o.filters_here);
  return here ? KL_FILTER_NONE : known->filter;
}

/* False with `e` where the channel has no such key or parameter. One that is not in the table may be a newer one. */
static bool describe(const char *name, kl_feed_key key, const char *params, kl_error *e) {
  const kl_channel *known = kl_channel_find(name);
  kl_feed_key own = known ? known->key : KL_KEY_TICKER;
  bool by_id = key == KL_KEY_MARKET_ID && !strcmp(name, "ticker");
  if (key != own && !by_id) {
    kl_error_coded(e, KL_ERR_VALIDATION, "contradicting_options",
                   "channel %s is chosen by %s, not by %s: subscribe to it apart", name, kl_feed_key_words[own].param,
                   kl_feed_key_words[key].param);
    return false;
  }
  kl_str unknown;
  if (params_known(params, known ? known->params : "", &unknown)) return true;
  kl_error_coded(e, KL_ERR_VALIDATION, "unknown_parameter", "channel %s has no parameter %.*s", name, (int)unknown.n,
                 unknown.p);
  return false;
}

/* One of that name that nobody uses any more, for other parameters: connections are few. */
static kl_feed_channel *idle_channel(kl_feed *f, const char *name) {
  for (kl_list *n = f->channels.next; n != &f->channels; n = n->next) {
    kl_feed_channel *c = KL_CONTAINER(n, kl_feed_channel, in_feed);
    if (strcmp(c->name, name) != 0 || c->books || c->next || c->wanted || c->sid || c->subscribe_cmd) continue;
    if (!kl_list_empty(&c->markets) || !kl_list_empty(&c->wide) || !kl_list_empty(&c->narrow)) continue;
    kl_list_remove(&c->in_feed);
    c->most = KL_FEED_LINK_MARKETS;
    c->chunk = c->lot = KL_FEED_CHUNK;
    c->failures = 0;
    c->initial = c->is_wide = c->restart = false;
    c->ending = 0; /* its last messages are of other parameters */
    return c;
  }
  return NULL;
}

kl_feed_channel *kl_feed_channel_get(kl_feed *f, const char *name, kl_feed_key key, const char *params, kl_error *e) {
  for (kl_list *n = f->channels.next; n != &f->channels; n = n->next) {
    kl_feed_channel *c = KL_CONTAINER(n, kl_feed_channel, in_feed);
    if (!strcmp(c->name, name) && c->key == key && !strcmp(c->params, params)) return c;
  }
  kl_feed_channel *c;
  if (!*name || strlen(name) >= sizeof c->name || strlen(params) >= sizeof c->params) {
    kl_error_coded(e, KL_ERR_VALIDATION, "unknown_channel", "\"%.60s\" is not a channel", name);
    return NULL;
  }
  if (!describe(name, key, params, e)) return NULL;
  c = idle_channel(f, name);
  if (!c) c = channel_new(f, name);
  if (!c) {
    kl_error_set(e, KL_ERR_INTERNAL, "channel %s needs a connection more, and there are %u already, or memory is out",
                 name, (unsigned)f->n_links);
    return NULL;
  }
  memcpy(c->params, params, strlen(params) + 1);
  c->key = key;
  c->filter = filter_of(f, kl_channel_find(name));
  c->snapshots = c->filter == KL_FILTER_REQUIRED;
  c->books = c->snapshots && !*params;
  c->has_initial = !strcmp(name, "ticker");
  kl_list_append(&f->channels, &c->in_feed);
  if (c->books) f->books = c;
  return c;
}

kl_feed_channel *kl_feed_channel_extend(kl_feed_channel *head) {
  kl_feed_channel *c = channel_new(head->f, head->name);
  if (!c) return NULL;
  memcpy(c->params, head->params, sizeof c->params);
  c->key = head->key;
  c->filter = head->filter;
  c->snapshots = head->snapshots;
  c->books = head->books;
  c->has_initial = head->has_initial;
  c->most = head->most; /* what one connection does not take, the next one hardly will */
  c->head = head;
  while (head->next)
    head = head->next;
  head->next = c;
  return c;
}

kl_feed_channel *kl_feed_channel_of_sid(kl_feed_link *l, int64_t sid) {
  if (l->last && l->last->sid == sid && sid) return l->last;
  for (kl_list *n = l->channels.next; n != &l->channels; n = n->next) {
    kl_feed_channel *c = KL_CONTAINER(n, kl_feed_channel, in_link);
    if ((c->sid == sid || c->ending == sid) && sid) return l->last = c;
  }
  return NULL;
}

void kl_feed_channel_free(kl_feed_channel *c) {
  while (!kl_list_empty(&c->markets))
    kl_feed_market_free(KL_CONTAINER(c->markets.next, kl_feed_market, all));
  kl_list_remove(&c->in_link);
  kl_list_remove(&c->in_feed);
  free(c->table.slots);
  free(c);
}

void kl_feed_channel_touch(kl_feed_channel *c) {
  c->dirty = true;
  kl_feed_wake(c->f);
}

/* Nothing of the channel's markets is known to the exchange; those that nobody wants go. */
void kl_feed_forget_markets(kl_feed_channel *c) {
  for (kl_list *n = c->markets.next; n != &c->markets;) {
    kl_feed_market *m = KL_CONTAINER(n, kl_feed_market, all);
    n = n->next;
    m->sent = m->acked = m->shown = m->need_snapshot = false;
    m->cmd = 0;
    kl_list_remove(&m->in_flight);
    if (!m->refs) {
      kl_feed_market_free(m);
      continue;
    }
    if (m->book) kl_feed_books_stale(m);
    kl_feed_market_work(m);
  }
}

/* Its markets on other connections were covered while it was asked for all. */
static void touch_others(kl_feed_channel *c) {
  for (kl_feed_channel *o = c->is_wide ? c->next : NULL; o; o = o->next)
    kl_feed_channel_touch(o);
}

void kl_feed_channel_reset(kl_feed_channel *c) {
  touch_others(c);
  kl_feed_subs_unacked(c);
  c->sid = c->ending = 0;
  c->seq = (kl_feed_seq){0};
  c->subscribe_cmd = 0;
  c->is_wide = c->restart = false;
  c->not_before_ns = 0;
  c->failures = 0;
  kl_feed_forget_markets(c);
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
  touch_others(c);
  kl_feed_subs_unacked(c);
  c->sid = 0;
  c->seq = (kl_feed_seq){0};
  c->subscribe_cmd = 0;
  c->is_wide = c->restart = false;
  c->not_before_ns = now + wait_ms * MS;
  kl_feed_forget_markets(c);
  kl_feed_tick_on(f);
}

/* ---- commands ---- */

typedef bool (*market_test)(const kl_feed_market *m);
static bool is_to_add(const kl_feed_market *m) { return m->refs && !m->sent; }
/* A second addition of a market does not bring its first state: it is taken out before. */
static bool is_to_delete(const kl_feed_market *m) { return m->sent && (!m->refs || m->initial); }
static bool is_to_snapshot(const kl_feed_market *m) { return m->refs && m->sent && m->need_snapshot; }

/* Writes the list of keys with up to a chunk of the markets that pass, from *at on in the list of work; those of an
 * addition (`add_id` is not 0) are marked with its id. Returns how many. */
static uint32_t write_tickers(kl_feed_channel *c, kl_list **at, market_test test, kl_buf *out, int64_t add_id,
                              bool *initial) {
  uint32_t n = 0, most = test == is_to_add ? c->chunk : test == is_to_snapshot ? c->lot : KL_FEED_CHUNK;
  kl_buf_printf(out, "\"%s\":[", kl_feed_key_words[c->key].param);
  for (; *at != &c->work && n < most; *at = (*at)->next) {
    kl_feed_market *m = KL_CONTAINER(*at, kl_feed_market, work);
    if (!test(m)) continue;
    if (n++) kl_buf_char(out, ',');
    kl_buf_json_string(out, m->ticker, m->len);
    if (add_id) m->cmd = add_id;
    if (m->initial) *initial = true;
  }
  kl_buf_char(out, ']');
  return n;
}

/* What write_tickers wrote was sent as an addition. */
static void mark_added(kl_feed_channel *c, int64_t cmd_id) {
  for (kl_list *n = c->work.next; n != &c->work; n = n->next) {
    kl_feed_market *m = KL_CONTAINER(n, kl_feed_market, work);
    if (m->cmd != cmd_id) continue;
    m->sent = true;
    m->added_by = cmd_id;
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

/* Does anyone ask for the first state of a market? It comes with that of all. */
static bool take_initials(kl_feed_channel *c) {
  bool any = false;
  for (; c; c = c->next) {
    for (kl_list *n = c->markets.next; n != &c->markets; n = n->next) {
      kl_feed_market *m = KL_CONTAINER(n, kl_feed_market, all);
      any = any || (m->initial && m->refs);
      m->initial = false;
    }
  }
  return any;
}

static bool send_subscribe(kl_feed_channel *c, bool all) {
  kl_feed_link *l = c->link;
  if (all && c->has_initial && take_initials(c)) c->initial = true;
  bool initial = all && c->initial, by_market = c->key == KL_KEY_TICKER || c->key == KL_KEY_MARKET_ID;
  kl_list *at = c->work.next;
  kl_buf *out = kl_feed_command_begin(l, "subscribe");
  int64_t id = l->next_id;
  kl_buf_printf(out, ",\"params\":{\"channels\":[\"%s\"]", c->name);
  if (all && !by_market) {
    kl_buf_printf(out, ",\"%s\":[\"all\"]", kl_feed_key_words[c->key].param);
  } else if (!all && first_work(c, at, is_to_add) != &c->work) {
    kl_buf_char(out, ',');
    write_tickers(c, &at, is_to_add, out, id, &initial);
  }
  if (c->books) kl_buf_printf(out, ",\"use_yes_price\":%s", c->f->o.no_levels_in_no_prices ? "false" : "true");
  kl_buf_str(out, c->params);
  if (initial && c->has_initial) kl_buf_str(out, ",\"send_initial_snapshot\":true");
  if (c->filter != KL_FILTER_NONE && by_market) kl_buf_str(out, ",\"skip_ticker_ack\":true");
  kl_buf_char(out, '}');
  if (!kl_feed_command_send(l, KL_CMD_SUBSCRIBE, c, NULL)) return false;
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
  kl_feed_link *l = c->link;
  int64_t sid = c->sid;
  kl_buf_printf(kl_feed_command_begin(l, "unsubscribe"), ",\"params\":{\"sids\":[%" PRId64 "]}", sid);
  touch_others(c);
  /* Snapshots begin anew with the next subscription, and what comes before it would be of no book. */
  c->ending = c->wanted && !c->snapshots ? sid : 0;
  c->ending_seq = c->seq;
  c->sid = 0;
  c->seq = (kl_feed_seq){0};
  c->is_wide = c->restart = false;
  kl_feed_forget_markets(c);
  if (!kl_feed_command_send(l, KL_CMD_UNSUBSCRIBE, c, NULL)) return false;
  l->cmds[l->n_cmds - 1].sid = sid;
  return true;
}

/* All updates of one kind, in chunks. */
static bool send_updates(kl_feed_channel *c, const char *action, market_test test, kl_feed_cmd_kind kind) {
  kl_feed_link *l = c->link;
  /* While the exchange's limit is being looked for, the next step depends on the answer to this one. */
  bool one = kind == KL_CMD_ADD && c->chunk < KL_FEED_CHUNK;
  if (one && !kl_list_empty(&c->in_flight)) return true;
  for (kl_list *at = first_work(c, c->work.next, test); at != &c->work; at = first_work(c, at, test)) {
    bool initial = false;
    int64_t id = l->next_id;
    kl_list *start = at;
    kl_buf *out = kl_feed_command_begin(l, "update_subscription");
    kl_buf_printf(out, ",\"params\":{\"sid\":%" PRId64 ",\"action\":\"%s\",", c->sid, action);
    uint32_t markets = write_tickers(c, &at, test, out, kind == KL_CMD_ADD ? id : 0, &initial);
    if (initial && kind == KL_CMD_ADD) kl_buf_str(out, ",\"send_initial_snapshot\":true");
    kl_buf_char(out, '}');
    if (!kl_feed_command_send(l, kind, c, NULL)) return false;
    l->cmds[l->n_cmds - 1].markets = markets;
    if (kind == KL_CMD_ADD) {
      mark_added(c, id);
      if (one) break;
      continue;
    }
    for (kl_list *n = start; n != at; n = n->next) {
      kl_feed_market *m = KL_CONTAINER(n, kl_feed_market, work);
      if (!test(m)) continue;
      if (kind == KL_CMD_SNAPSHOT) m->since_ns = kl_feed_now(c->f);
      if (kind == KL_CMD_DELETE) m->sent = m->acked = false;
    }
  }
  return true;
}

/* The list of work is done, but for additions that wait for an answer: whoever was deleted goes. */
static void finish_work(kl_feed_channel *c) {
  for (kl_list *n = c->work.next; n != &c->work;) {
    kl_feed_market *m = KL_CONTAINER(n, kl_feed_market, work);
    n = n->next;
    if (!c->is_wide && is_to_add(m)) continue;
    kl_list_remove(&m->work);
    m->need_snapshot = false;
    if (!m->refs) kl_feed_market_free(m);
  }
}

bool kl_feed_channel_covered(const kl_feed_channel *c) {
  return c != c->head && (c->head->is_wide || c->head->wide_refs > 0);
}

bool kl_feed_channel_fills_in(const kl_feed_channel *c) {
  return c->wanted && c->sid && !(c->head->sid && c->head->is_wide);
}

void kl_feed_channel_flush(kl_feed_channel *c) {
  int64_t now = kl_feed_now(c->f);
  const kl_feed_words *words = &kl_feed_key_words[c->key];
  c->dirty = false;
  if (c->subscribe_cmd) return; /* its answer brings us back */
  bool all = c->filter == KL_FILTER_NONE || c->wide_refs > 0;
  if (!c->wanted || kl_feed_channel_covered(c)) {
    if (kl_feed_channel_fills_in(c)) return; /* the head's answer brings us back */
    if (c->sid) {
      kl_feed_subs_unacked(c); /* it may have covered those of others */
      send_unsubscribe(c);
    }
    kl_feed_forget_markets(c);
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
    if (!send_updates(c, words->remove, is_to_delete, KL_CMD_DELETE)) return;
    if (!send_updates(c, words->add, is_to_add, KL_CMD_ADD)) return;
    if (c->snapshots && !send_updates(c, "get_snapshot", is_to_snapshot, KL_CMD_SNAPSHOT)) return;
  }
  finish_work(c);
  c->dirty = false;
}
