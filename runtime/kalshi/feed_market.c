/* The markets of a channel: which there are, who holds them, and on which connection they are. Where a channel is
 * chosen by index, "market" means an index. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/line.h"
#include "base/log.h"
#include "base/map.h"
#include "kalshi/feed_internal.h"

/* ---- a channel's markets, by ticker ---- */

static uint64_t load8(const char *p) {
  uint64_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

/* As memcmp, without the call: this is asked for every message. */
static bool has_name(const kl_feed_market *m, const char *ticker, size_t n) {
  if (m->len != n) return false;
  if (n < 8) return !memcmp(m->ticker, ticker, n);
  for (size_t i = 0; i + 8 < n; i += 8)
    if (load8(m->ticker + i) != load8(ticker + i)) return false;
  return load8(m->ticker + n - 8) == load8(ticker + n - 8);
}

static kl_feed_market **table_slot(const kl_feed_table *t, const char *ticker, size_t n, uint32_t hash) {
  size_t mask = t->cap - 1, i = hash & mask;
  for (;; i = (i + 1) & mask) {
    kl_feed_market *m = t->slots[i];
    if (!m || (m->hash == hash && has_name(m, ticker, n))) return &t->slots[i];
  }
}

static bool table_add(kl_feed_table *t, kl_feed_market *m) {
  if ((t->count + 1) * 4 > t->cap) { /* sparse: the first place is nearly always the right one */
    kl_feed_table wide = {.cap = t->cap ? t->cap * 2 : 64, .count = t->count};
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

/* ---- what a key may look like ---- */

bool kl_feed_key_check(kl_feed_key key, const char *ticker, kl_error *e) {
  size_t n = strlen(ticker);
  bool good = n > 0 && n < KL_FEED_TICKER_MAX, market = key == KL_KEY_TICKER || key == KL_KEY_MARKET_ID;
  for (size_t i = 0; good && i < n; i++) {
    char c = ticker[i];
    good =
        (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    if (!market && c > ' ' && c < 127 && c != '"' && c != '\\') good = true;
  }
  if (!good) {
    kl_error_coded(e, KL_ERR_VALIDATION, "malformed_value", "\"%.80s\" is not %s: %s, at most %d of them", ticker,
                   key == KL_KEY_TICKER      ? "a market ticker"
                   : key == KL_KEY_MARKET_ID ? "a market id"
                   : key == KL_KEY_INDEX     ? "an index id"
                                             : "an underlying",
                   market ? "letters, digits, '.', '_' and '-'" : "printable characters without quotes",
                   KL_FEED_TICKER_MAX - 1);
  }
  return good;
}

/* ---- markets ---- */

kl_feed_market *kl_feed_market_find(kl_feed_channel *c, const char *ticker, size_t n) {
  const kl_feed_table *t = &c->table;
  if (!t->count) return NULL;
  uint32_t hash = (uint32_t)kl_hash_bytes(ticker, n);
  kl_feed_market *m = t->slots[hash & (t->cap - 1)];
  if (m && m->hash == hash && has_name(m, ticker, n)) return m; /* nearly always */
  return m ? *table_slot(t, ticker, n, hash) : NULL;
}

kl_feed_market *kl_feed_market_known(kl_feed_channel *head, const char *ticker, size_t n) {
  for (kl_feed_channel *c = head; c; c = c->next) {
    kl_feed_market *m = kl_feed_market_find(c, ticker, n);
    if (m) return m;
  }
  return NULL;
}

static bool has_room(const kl_feed_channel *c) {
  if (c->markets_held >= c->most) return false;
  uint32_t on_link = 0;
  for (const kl_list *n = c->link->channels.next; n != &c->link->channels; n = n->next)
    on_link += KL_CONTAINER(n, kl_feed_channel, in_link)->markets_held;
  return on_link < KL_FEED_LINK_MARKETS;
}

/* Where a further market goes: the first connection that takes it, a new one where none does. When there may be no more
 * connections it is the first, and the exchange refuses it. */
static kl_feed_channel *with_room(kl_feed_channel *head) {
  if (head->is_wide || head->wide_refs || head->filter == KL_FILTER_NONE) return head;
  for (kl_feed_channel *c = head; c; c = c->next) {
    if (has_room(c)) return c;
  }
  kl_feed_channel *c = kl_feed_channel_extend(head);
  return c ? c : head;
}

kl_feed_market *kl_feed_market_want(kl_feed_channel *head, const char *ticker, size_t n) {
  kl_feed_market *m = kl_feed_market_known(head, ticker, n);
  kl_feed_channel *c = m ? m->channel : with_room(head);
  if (!m) {
    m = kl_line_alloc(sizeof *m);
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
    c->markets_held++;
    kl_feed_market_work(m);
  }
  return m;
}

void kl_feed_market_free(kl_feed_market *m) {
  kl_feed_channel *c = m->channel;
  table_remove(&c->table, m);
  kl_list_remove(&m->all);
  kl_list_remove(&m->work);
  kl_list_remove(&m->in_flight);
  kl_feed_market_unheld(m);
  kl_feed_bury(c->f, m);
}

void kl_feed_market_drop(kl_feed_market *m) {
  if (--m->refs) return;
  m->channel->wanted--;
  m->channel->markets_held--;
  m->awaiting = m->need_snapshot = false;
  kl_feed_market_unheld(m);
  if (m->sent) {
    kl_feed_market_work(m);
  } else {
    kl_feed_channel_touch(m->channel);
    kl_feed_market_free(m);
  }
}

void kl_feed_market_work(kl_feed_market *m) {
  if (kl_list_empty(&m->work)) kl_list_append(&m->channel->work, &m->work);
  kl_feed_channel_touch(m->channel);
}

bool kl_feed_market_is_acked(const kl_feed_market *m) {
  const kl_feed_channel *c = m->channel, *head = c->head;
  return (head->sid && head->is_wide) || (c->sid && m->acked);
}

/* ---- from one connection to another ---- */

/* The exchange does not know the market, or has just forgotten it. */
static bool move_market(kl_feed_market *m, kl_feed_channel *to) {
  kl_feed_channel *from = m->channel;
  if (!table_add(&to->table, m)) return false;
  table_remove(&from->table, m);
  kl_list_remove(&m->all);
  kl_list_remove(&m->work);
  kl_list_remove(&m->in_flight);
  kl_list_append(&to->markets, &m->all);
  m->channel = to;
  if (m->book) kl_feed_books_stale(m);
  m->sent = m->acked = m->shown = m->need_snapshot = false;
  m->cmd = 0;
  if (m->refs) {
    from->wanted--;
    from->markets_held--;
    to->wanted++;
    to->markets_held++;
  }
  kl_feed_market_work(m);
  return true;
}

bool kl_feed_market_spill(kl_feed_market *m) {
  kl_feed_channel *c = m->channel, *to = with_room(c->head);
  return to != c && to->markets_held < to->most && move_market(m, to);
}

void kl_feed_channel_split(kl_feed_channel *c) {
  if (c->head->wide_refs || c->markets_held < 2) return;
  kl_feed_channel *to = c->head;
  while (to && (to == c || to->markets_held))
    to = to->next;
  if (!to) to = kl_feed_channel_extend(c->head);
  if (!to) return;
  size_t i = 0, moved = 0;
  for (kl_list *n = c->markets.next; n != &c->markets;) {
    kl_feed_market *m = KL_CONTAINER(n, kl_feed_market, all);
    n = n->next;
    if (!m->refs || i++ % 2 == 0) continue;
    if (!move_market(m, to)) break;
    moved++;
  }
  kl_log_info("feed", "channel %s: %zu of %zu markets go to connection %u", c->name, moved, i,
              (unsigned)to->link->number);
}
