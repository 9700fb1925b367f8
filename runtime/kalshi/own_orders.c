#include "kalshi/own_orders.h"

#include <stdlib.h>
#include <string.h>

#include "base/index.h"
#include "base/list.h"

enum { RESTING_MOST = 200000 }; /* of an account, by the exchange's "Rate limits and tiers" */

/* One of the two lists of entries, oldest first. */
typedef struct shelf {
  kl_list entries;
  size_t count, most;
} shelf;

typedef struct entry {
  kl_own_order order; /* first */
  kl_list link;
  shelf *on;
} entry;

struct kl_own_orders {
  kl_index *by_id, *by_client_id;
  shelf resting, others;
};

static entry *get(const kl_own_orders *o, const char *order_id) { return kl_index_get(o->by_id, order_id); }

static void take_off(entry *en) {
  if (!en->on) return;
  kl_list_remove(&en->link);
  en->on->count--;
  en->on = NULL;
}

static void forget(kl_own_orders *o, entry *en) {
  kl_index_remove(o->by_id, en);
  kl_index_remove(o->by_client_id, en);
  take_off(en);
  free(en);
}

/* On the shelf of its status, as the newest there; the oldest goes where there is no room. */
static void shelve(kl_own_orders *o, entry *en) {
  shelf *s = en->order.status == KL_OWN_RESTING ? &o->resting : &o->others;
  if (en->on == s) return;
  take_off(en);
  if (s->count >= s->most) forget(o, KL_CONTAINER(s->entries.next, entry, link));
  kl_list_append(&s->entries, &en->link);
  s->count++;
  en->on = s;
}

/* The entry of an order, made where there is none and then on no shelf; NULL without memory or for an id that is none.
 */
static entry *open_entry(kl_own_orders *o, const char *order_id) {
  size_t n = strlen(order_id);
  entry *en = get(o, order_id);
  if (en) return en;
  if (n == 0 || n >= sizeof en->order.order_id) return NULL;
  en = calloc(1, sizeof *en);
  if (!en) return NULL;
  kl_list_init(&en->link);
  memcpy(en->order.order_id, order_id, n);
  en->order.total = -1;
  if (kl_index_put(o->by_id, en)) return en;
  free(en);
  return NULL;
}

static void name_entry(kl_own_orders *o, entry *en, const char *client_order_id) {
  char *name = en->order.client_order_id;
  size_t n = strlen(client_order_id);
  if (n == 0 || n >= sizeof en->order.client_order_id) return;
  kl_index_remove(o->by_client_id, en);
  memcpy(name, client_order_id, n + 1);
  if (!kl_index_put(o->by_client_id, en)) name[0] = 0;
}

/* ---- what is newer ---- */

static bool ended(kl_own_status s) { return s == KL_OWN_CANCELED || s == KL_OWN_EXECUTED; }

static bool same_state(const kl_own_order *a, const kl_own_order *b) {
  return a->status == b->status && a->filled == b->filled && a->remaining == b->remaining &&
         a->yes_price == b->yes_price;
}

static bool is_news(const entry *en, const kl_own_order *told, kl_told_by by) {
  const kl_own_order *known = &en->order;
  if (!known->ts_ms) return true;
  if (ended(known->status) && !ended(told->status)) return false;
  if (told->filled != known->filled) return told->filled > known->filled;
  if (ended(told->status) && !ended(known->status)) return true;
  if (known->status == KL_OWN_UNKNOWN) return told->ts_ms >= known->ts_ms;
  /* An answer left out what the others tell of the same state, and its time need not be to the millisecond theirs. */
  if (en->order.by == KL_TOLD_BY_ANSWER && by != KL_TOLD_BY_ANSWER && same_state(known, told)) return true;
  if (told->ts_ms != known->ts_ms) return told->ts_ms > known->ts_ms;
  return by == KL_TOLD_BY_CHANNEL; /* what comes there comes in order */
}

static bool set(int64_t *known, int64_t told) {
  bool other = *known != told;
  *known = told;
  return other;
}

/* Both have room for `cap`. What is the same is not written. */
static bool set_text(char *known, const char *told, size_t cap) {
  if (strcmp(known, told) == 0) return false;
  memcpy(known, told, cap);
  return true;
}

/* Takes what was told in place of what is known; true when that changes anything. */
static bool take_over(kl_own_order *known, const kl_own_order *told, kl_told_by by) {
  bool first = !known->ts_ms, other_state = !same_state(known, told), changed = other_state;
  known->status = told->status;
  known->side = told->side;
  known->yes_price = told->yes_price;
  known->filled = told->filled;
  known->remaining = told->remaining;
  changed |= set(&known->ts_ms, told->ts_ms ? told->ts_ms : 1);
  changed |= set(&known->initial, told->initial);
  /* A list may be older than the answer that said how large it is. */
  bool by_answer = by == KL_TOLD_BY_LIST && first && known->total >= 0;
  if (told->remaining > 0 && !by_answer) known->total = told->filled + told->remaining;
  if (told->created_ms) changed |= set(&known->created_ms, told->created_ms);
  if (told->ticker[0]) (void)set_text(known->ticker, told->ticker, sizeof known->ticker);
  if (by != KL_TOLD_BY_ANSWER) {
    changed |= set(&known->taker_cost, told->taker_cost);
    changed |= set(&known->maker_cost, told->maker_cost);
    changed |= set(&known->taker_fees, told->taker_fees);
    changed |= set(&known->maker_fees, told->maker_fees);
    known->exchange_index = told->exchange_index;
  }
  if (by != KL_TOLD_BY_ANSWER || first) {
    changed |= set(&known->expiration_ms, told->expiration_ms);
    known->subaccount = told->subaccount;
    changed |= set_text(known->order_group_id, told->order_group_id, sizeof known->order_group_id);
  }
  /* A list has no reasons: the channel's stays for the same state. */
  if (by == KL_TOLD_BY_CHANNEL || other_state) changed |= set_text(known->reason, told->reason, sizeof known->reason);
  return changed;
}

const kl_own_order *kl_own_orders_tell(kl_own_orders *o, const kl_own_order *told, kl_told_by by) {
  entry *en = open_entry(o, told->order_id);
  if (!en) return NULL;
  bool changed = false;
  if (is_news(en, told, by)) {
    changed = take_over(&en->order, told, by);
    en->order.by = by;
    if (strcmp(told->client_order_id, en->order.client_order_id) != 0 && told->client_order_id[0]) {
      name_entry(o, en, told->client_order_id);
      changed = true;
    }
  }
  if (told->told_ns > en->order.told_ns) en->order.told_ns = told->told_ns;
  if (told->listed) en->order.listed = told->listed;
  shelve(o, en);
  return changed ? &en->order : NULL;
}

void kl_own_orders_vanished(kl_own_orders *o, const char *order_id) {
  entry *en = get(o, order_id);
  if (!en || en->order.status != KL_OWN_RESTING) return;
  en->order.status = KL_OWN_UNKNOWN;
  shelve(o, en);
}

void kl_own_orders_note(kl_own_orders *o, const char *order_id, const char *client_order_id, const char *ticker,
                        kl_count total) {
  entry *en = open_entry(o, order_id);
  if (!en) return;
  en->order.total = total;
  size_t n = ticker ? strlen(ticker) : 0;
  if (n > 0 && n < sizeof en->order.ticker) memcpy(en->order.ticker, ticker, n + 1);
  if (client_order_id) name_entry(o, en, client_order_id);
  shelve(o, en);
}

/* ---- reading it ---- */

const kl_own_order *kl_own_orders_by_id(const kl_own_orders *o, const char *order_id) {
  return kl_index_get(o->by_id, order_id);
}

const kl_own_order *kl_own_orders_by_client_id(const kl_own_orders *o, const char *client_order_id) {
  return kl_index_get(o->by_client_id, client_order_id);
}

const kl_own_order *kl_own_orders_next(const kl_own_orders *o, bool resting, const kl_own_order *after) {
  const shelf *s = resting ? &o->resting : &o->others;
  const kl_list *n = after ? KL_CONTAINER(after, entry, order)->link.prev : s->entries.prev;
  return n == &s->entries ? NULL : &KL_CONTAINER(n, entry, link)->order;
}

size_t kl_own_orders_count(const kl_own_orders *o, bool resting) {
  return resting ? o->resting.count : o->others.count;
}

static const char *const status_names[] = {[KL_OWN_UNKNOWN] = "unknown",
                                           [KL_OWN_RESTING] = "resting",
                                           [KL_OWN_CANCELED] = "canceled",
                                           [KL_OWN_EXECUTED] = "executed"};

const char *kl_own_status_name(kl_own_status s) { return status_names[s]; }

kl_own_status kl_own_status_read(const char *s, size_t n) {
  for (int i = KL_OWN_RESTING; i <= KL_OWN_EXECUTED; i++)
    if (strlen(status_names[i]) == n && !memcmp(status_names[i], s, n)) return (kl_own_status)i;
  return KL_OWN_UNKNOWN;
}

/* ---- life ---- */

kl_own_orders *kl_own_orders_new(void) {
  kl_own_orders *o = calloc(1, sizeof *o);
  if (!o) return NULL;
  kl_list_init(&o->resting.entries);
  kl_list_init(&o->others.entries);
  o->resting.most = o->others.most = KL_OWN_REMEMBERED;
  o->by_id = kl_index_new(offsetof(entry, order.order_id));
  o->by_client_id = kl_index_new(offsetof(entry, order.client_order_id));
  if (o->by_id && o->by_client_id) return o;
  kl_own_orders_free(o);
  return NULL;
}

static void clear(kl_own_orders *o, shelf *s) {
  for (kl_list *n = s->entries.next; n != &s->entries;) {
    entry *en = KL_CONTAINER(n, entry, link);
    n = n->next;
    forget(o, en);
  }
}

void kl_own_orders_free(kl_own_orders *o) {
  if (!o) return;
  clear(o, &o->resting);
  clear(o, &o->others);
  kl_index_free(o->by_id);
  kl_index_free(o->by_client_id);
  free(o);
}

void kl_own_orders_keep(kl_own_orders *o) { o->resting.most = RESTING_MOST; }
