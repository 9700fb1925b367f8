/* The records of orders: made, named, told, counted, forgotten. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "trading/desk_impl.h"

enum {
  STRAYS_MOST = 10000,   /* as many fills as the account keeps */
  OLDER_SLACK_MS = 60000 /* an order that is that much older than its record is another one of the same name */
};

/* ---- names ---- */

void kl_desk_name(kl_desk *d, const kl_party *p, uint32_t generation, char out[65]) {
  static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
  char counter[16];
  int n = 0;
  for (uint64_t c = ++d->counter; c || !n; c >>= 5)
    counter[n++] = digits[c & 31];
  size_t at = 0;
  for (const char *s = p->name; *s && at < 24; s++) {
    unsigned char c = (unsigned char)*s;
    bool plain = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
    out[at++] = plain ? (char)c : '_';
  }
  at += (size_t)snprintf(out + at, 65 - at, "-g%" PRIu32 "-%s", generation, d->run);
  while (n > 0 && at < 64)
    out[at++] = counter[--n];
  out[at] = 0;
}

static bool make_name(kl_desk *d, kl_desk_entry *x, const char *wanted, kl_error *e) {
  if (!wanted || !wanted[0]) {
    kl_desk_name(d, x->o.party, x->o.generation, x->o.client_id);
  } else if (strlen(wanted) >= sizeof x->o.client_id) {
    kl_error_coded(e, KL_ERR_VALIDATION, "malformed_value", "client_order_id has %zu characters, and the most is %zu",
                   strlen(wanted), sizeof x->o.client_id - 1);
    return false;
  } else {
    memcpy(x->o.client_id, wanted, strlen(wanted) + 1);
  }
  x->own_name = strstr(x->o.client_id, d->run) != NULL; /* nobody else knows that word */
  if (kl_index_get(d->by_client, x->o.client_id)) {
    kl_error_coded(e, KL_ERR_VALIDATION, "client_order_id_used",
                   "client_order_id %s is another order's: each is used once, for ever", x->o.client_id);
    return false;
  }
  if (kl_index_put(d->by_client, x)) return true;
  kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for an order");
  return false;
}

/* ---- counts ---- */

static void count_one(kl_desk_counts *c, kl_desk_status s, int by) {
  size_t *where = s == KL_DESK_PENDING   ? &c->pending
                  : s == KL_DESK_UNKNOWN ? &c->unknown
                  : s == KL_DESK_RESTING ? &c->resting
                                         : NULL;
  uint64_t *ever = s == KL_DESK_FILLED ? &c->filled : s == KL_DESK_REJECTED ? &c->rejected : NULL;
  if (where) *where += (size_t)by;
  if (ever) *ever += (uint64_t)by;
}

static void count(kl_desk_entry *x, kl_desk_status s, int by) {
  count_one(&x->d->counts, s, by);
  count_one(&x->o.party->counts, s, by);
}

static void recount(kl_desk_entry *x) {
  if (x->counted == x->o.status) return;
  count(x, x->counted, -1);
  count(x, x->o.status, 1);
  x->counted = x->o.status;
}

/* ---- life ---- */

static void unlist(kl_desk_entry *x) {
  kl_list_remove(&x->link);
  kl_list_remove(&x->party_link);
  kl_list_remove(&x->doubt_link);
  kl_list_remove(&x->missing_link);
  kl_list_remove(&x->ended_link);
  kl_list_remove(&x->lease_link);
}

static void entry_free(kl_desk_entry *x) {
  unlist(x);
  kl_desk_order_set_error(&x->o, NULL);
  free(x);
}

static void forget(kl_desk_entry *x) {
  kl_desk *d = x->d;
  kl_desk_entry *front = x->front;
  kl_index_remove(d->by_client, x);
  kl_index_remove(d->by_id, x);
  d->nameless -= x->nameless;
  if (!kl_list_empty(&x->ended_link)) d->n_ended--;
  entry_free(x);
  if (front) kl_desk_order_release(&front->o);
}

/* The ended ones that nobody holds: the newest stay. */
static void shelve(kl_desk_entry *x) {
  kl_desk *d = x->d;
  bool ended = kl_desk_status_final(x->o.status) && !x->o.references && !x->o.risk.open && kl_list_empty(&x->after);
  bool shelved = !kl_list_empty(&x->ended_link);
  if (ended == shelved) return;
  if (!ended) {
    kl_list_remove(&x->ended_link);
    d->n_ended--;
    return;
  }
  kl_list_append(&d->ended, &x->ended_link);
  d->n_ended++;
  while (d->n_ended > KL_DESK_KEPT)
    forget(KL_CONTAINER(d->ended.next, kl_desk_entry, ended_link));
}

const char *kl_desk_order_own_group(const kl_desk_order *o) {
  const kl_desk_entry *x = o->priv;
  if (!x) return o->group_id;
  bool belts = x->belted || (x->earlier && o->party->belt);
  return belts ? "" : o->group_id;
}

kl_desk_order *kl_desk_order_retain(kl_desk_order *o) {
  kl_desk_entry *x = (kl_desk_entry *)o;
  o->references++;
  if (x->d) shelve(x);
  return o;
}

/* Of one that the desk has: it stays when nobody holds it. */
static void let_go(kl_desk_entry *x) {
  x->o.references--;
  shelve(x);
}

void kl_desk_order_release(kl_desk_order *o) {
  if (!o) return;
  kl_desk_entry *x = (kl_desk_entry *)o;
  if (x->d)
    let_go(x);
  else if (!--o->references)
    entry_free(x);
}

static kl_desk_entry *entry_new(kl_desk *d, kl_party *p) {
  kl_desk_entry *x = calloc(1, sizeof *x);
  if (!x) return NULL;
  x->d = d;
  x->o.priv = x;
  x->o.party = p;
  kl_list_init(&x->o.watchers);
  kl_list_init(&x->link);
  kl_list_init(&x->party_link);
  kl_list_init(&x->ended_link);
  kl_list_init(&x->doubt_link);
  kl_list_init(&x->missing_link);
  kl_list_init(&x->lease_link);
  kl_list_init(&x->after);
  return x;
}

/* The exchange may have it under an id that is not known yet, so that a fill of an unknown order may be its. */
static bool may_be_named(const kl_desk_entry *x) { return !x->o.id[0] && x->o.status != KL_DESK_REJECTED; }

static void enlist(kl_desk_entry *x) {
  kl_list_append(&x->d->orders, &x->link);
  kl_list_append(&x->o.party->orders, &x->party_link);
  x->counted = x->o.status;
  count(x, x->counted, 1);
  x->nameless = may_be_named(x);
  x->d->nameless += x->nameless;
}

kl_desk_entry *kl_desk_entry_new(kl_desk *d, kl_party *p, uint32_t generation, const kl_order_intent *i, kl_error *e) {
  kl_desk_entry *x = entry_new(d, p);
  if (!x) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for an order");
    return NULL;
  }
  kl_desk_order *o = &x->o;
  o->generation = generation;
  snprintf(o->ticker, sizeof o->ticker, "%s", i->ticker);
  o->side = i->side;
  o->on_no = i->on_no;
  o->yes_price = i->yes_price;
  o->count = i->count;
  o->tif = i->tif;
  o->post_only = i->post_only;
  o->reduce_only = i->reduce_only;
  o->subaccount = i->has_subaccount ? i->subaccount : 0;
  snprintf(o->group_id, sizeof o->group_id, "%s", i->group_id ? i->group_id : "");
  o->created_ms = kl_desk_now_ms(d);
  x->created_ns = kl_desk_now_ns(d);
  o->expiration_ms = i->expiration_s * 1000;
  x->belted = p->belt && !o->group_id[0];
  x->stp_maker = i->stp_maker;
  x->cancel_on_pause = i->cancel_on_pause;
  x->has_subaccount = i->has_subaccount;
  x->sync = i->sync;
  x->lease_s = i->lease_s;
  if (!make_name(d, x, i->client_id, e)) {
    free(x);
    return NULL;
  }
  kl_desk_entry_begin(x);
  enlist(x);
  o->references = 1;
  d->counts.placed++;
  p->counts.placed++;
  return x;
}

/* Both have their names. The older comes before the newer in all lists. */
static void take_over(kl_desk_entry *old, const kl_desk_entry *x) {
  *old = *x;
  kl_list *const links[] = {&old->link,         &old->party_link, &old->ended_link, &old->doubt_link,
                            &old->missing_link, &old->lease_link, &old->after,      &old->o.watchers};
  for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
    kl_list_init(links[i]);
  old->o.priv = old;
  old->o.references = 0;
  old->o.writes = 0;
  old->o.before = old->o.before_cost = old->o.before_fees = 0;
  old->o.renewed = true;
  old->renewing = old->lease_asked = false;
  old->lease_s = 0;
  memset(old->end_word, 0, sizeof old->end_word);
  memcpy(old->end_word, "lease", sizeof "lease");
}

/* Nothing has been said of it yet. */
static void start_anew(kl_desk_entry *x, kl_count left) {
  kl_desk_order *o = &x->o;
  kl_desk_entry none = {.d = NULL};
  o->id[0] = 0;
  if (x->belted) o->group_id[0] = 0;
  o->error = NULL; /* the other record's */
  o->created_ms = kl_desk_now_ms(x->d);
  x->created_ns = kl_desk_now_ns(x->d);
  o->count = left;
  o->filled = o->seen = 0;
  o->cost = o->fees = 0;
  o->updated_ms = o->expiration_ms = 0;
  o->risk = none.o.risk;
  x->total_ms = x->price_ms = x->reason_ms = 0;
  x->total_by = x->price_by = x->reason_by = x->end_by = KL_BY_NOBODY;
  x->filled_derived = 0;
  x->n_replaced = 0;
  x->end = KL_OWN_UNKNOWN;
  x->end_counted = false;
  x->fill_cost = x->told_cost = x->answer_cost = 0;
  x->fill_fees = x->told_fees = x->answer_fees = 0;
  x->told_covers = x->answer_covers = 0;
  x->exists = x->rests = x->vanished = x->lost = x->rejected = x->earlier = x->unsure = x->renewing = false;
  x->change_lost = x->overlap = false;
  x->own_name = x->renewal = true;
  memset(x->end_word, 0, sizeof x->end_word);
  memset(x->word, 0, sizeof x->word);
  memcpy(x->word, "lease", sizeof "lease");
  kl_desk_entry_begin(x);
}

static void look_at_name(kl_desk_entry *x);

kl_desk_entry *kl_desk_entry_split(kl_desk_entry *x, kl_count left, kl_error *e) {
  kl_desk *d = x->d;
  char name[65];
  kl_desk_entry *old = entry_new(d, x->o.party);
  kl_desk_name(d, x->o.party, x->o.generation, name);
  if (!old || !kl_index_reserve(d->by_client, 1)) {
    free(old);
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for an order");
    return NULL;
  }
  take_over(old, x);
  (void)kl_index_put(d->by_client, old); /* in the place of `x` */
  (void)kl_index_put(d->by_id, old);
  kl_list_append(&x->link, &old->link);
  kl_list_append(&x->party_link, &old->party_link);
  (void)kl_desk_entry_settle(old);
  if (old->o.seen < old->o.filled)
    kl_desk_await_fills(old); /* its fills are told under its id, not under that of `x` */
  old->counted = old->o.status;
  count(old, old->counted, 1);
  old->front = x;
  x->o.references++;
  x->o.before += old->folded = old->o.filled;
  x->o.before_cost += old->folded_cost = old->o.cost;
  x->o.before_fees += old->folded_fees = old->o.fees;
  memcpy(x->o.client_id, name, sizeof x->o.client_id);
  (void)kl_index_put(d->by_client, x); /* there is room */
  start_anew(x, left);
  look_at_name(x);
  return old;
}

void kl_desk_entry_drop(kl_desk_entry *x) {
  count(x, x->counted, -1);
  x->d->counts.placed--;
  x->o.party->counts.placed--;
  forget(x);
}

kl_desk_entry *kl_desk_adopt(kl_desk *d, kl_party *p, const kl_desk_order *kept, kl_error *e) {
  kl_desk_entry *x = kl_desk_entry_of(d, kept->id, kept->client_id);
  if (x) return x;
  x = entry_new(d, p);
  if (!x) goto no_memory;
  kl_list watchers = x->o.watchers;
  x->o = *kept;
  x->o.watchers = watchers;
  kl_list_init(&x->o.watchers);
  x->o.party = p;
  x->o.priv = x;
  x->o.error = NULL;
  x->o.references = 0;
  x->o.writes = 0;
  memset(&x->o.risk, 0, sizeof x->o.risk);
  x->earlier = true;
  x->fill_cost = kept->cost; /* of what was seen, when that is all that was filled */
  x->fill_fees = kept->fees;
  x->told_covers = kept->filled > kept->seen ? kept->filled : 0;
  x->told_cost = kept->cost;
  x->told_fees = kept->fees;
  x->lost = kept->status == KL_DESK_PENDING || kept->status == KL_DESK_UNKNOWN;
  /* Whether it still rests is not known until it was looked up. */
  x->rests = x->vanished = kept->status == KL_DESK_RESTING;
  /* Nor whether it was changed: by a write that the process before did not live to see answered. */
  x->unsure = !kl_desk_status_final(kept->status);
  x->end_counted = kl_desk_status_final(kept->status);
  if (x->end_counted) x->end = kept->status == KL_DESK_FILLED ? KL_OWN_EXECUTED : KL_OWN_CANCELED;
  if (x->o.client_id[0] && !kl_index_put(d->by_client, x)) goto no_memory;
  if (x->o.id[0] && !kl_index_put(d->by_id, x)) {
    kl_index_remove(d->by_client, x);
    goto no_memory;
  }
  kl_desk_entry_begin(x);
  enlist(x);
  kl_desk_reserve_kept(x);
  if (!kl_desk_status_final(x->o.status)) kl_desk_doubt(x);
  shelve(x);
  return x;

no_memory:
  free(x);
  kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for the orders of an earlier run");
  return NULL;
}

static size_t fill_key(const kl_account_fill *f, char out[130]) {
  int n = snprintf(out, 130, "%s/%s", f->trade_id, f->order_id);
  return n > 0 && n < 130 ? (size_t)n : 0;
}

bool kl_desk_know_fill(kl_desk *d, const kl_account_fill *f) {
  char key[130];
  size_t n = fill_key(f, key);
  if (!d->known_fills) d->known_fills = kl_map_new();
  return d->known_fills && kl_map_set(d->known_fills, key, n, d);
}

static bool fill_is_known(const kl_desk *d, const kl_account_fill *f) {
  char key[130];
  if (!d->known_fills) return false;
  size_t n = fill_key(f, key);
  return kl_map_get(d->known_fills, key, n) != NULL;
}

/* ---- who is told ---- */

void kl_desk_watch(kl_desk_order *o, kl_order_watcher *w) { kl_list_append(&o->watchers, &w->link); }
void kl_desk_unwatch(kl_order_watcher *w) { kl_list_remove(&w->link); }
void kl_desk_listen(kl_desk *d, kl_desk_listener *l) { kl_list_append(&d->listeners, &l->link); }
void kl_desk_unlisten(kl_desk_listener *l) { kl_list_remove(&l->link); }

static void tell_watchers(kl_desk_order *o) {
  kl_order_watcher cursor = {.data = NULL};
  for (kl_list *n = o->watchers.next; n != &o->watchers;) {
    kl_order_watcher *w = KL_CONTAINER(n, kl_order_watcher, link);
    kl_list_append(n->next, &cursor.link);
    if (w->changed) w->changed(w, o);
    n = cursor.link.next;
    kl_list_remove(&cursor.link);
  }
}

static void tell_listeners(kl_desk *d, const kl_desk_order *o, kl_party *p, const kl_account_fill *f) {
  kl_desk_listener cursor = {.data = NULL};
  for (kl_list *n = d->listeners.next; n != &d->listeners;) {
    kl_desk_listener *l = KL_CONTAINER(n, kl_desk_listener, link);
    kl_list_append(n->next, &cursor.link);
    if (o && l->order) l->order(l->data, o);
    if (f && l->fill) l->fill(l->data, p, f);
    n = cursor.link.next;
    kl_list_remove(&cursor.link);
  }
}

/* ---- changes ---- */

/* What is told of an order whose lease was renewed shows in the one that goes on from it. */
static void fold(kl_desk_entry *x) {
  kl_desk_order *o = &x->o;
  bool same = o->filled == x->folded && o->cost == x->folded_cost && o->fees == x->folded_fees;
  if (!x->front || same) return;
  x->front->o.before += o->filled - x->folded;
  x->front->o.before_cost += o->cost - x->folded_cost;
  x->front->o.before_fees += o->fees - x->folded_fees;
  x->folded = o->filled;
  x->folded_cost = o->cost;
  x->folded_fees = o->fees;
  kl_desk_entry_changed(x->front);
}

/* No change of it is on its way, so what it may still come to is known. */
static void reserve(kl_desk_entry *x) {
  kl_desk_order *o = &x->o;
  kl_risk *r = x->d->risk;
  if (!o->risk.open) return;
  kl_count left = kl_desk_entry_left(x);
  bool final = kl_desk_status_final(o->status);
  bool known = final || (!x->creating && !x->changing && !x->unsure && o->status == KL_DESK_RESTING);
  bool same = o->risk.settled_by && o->risk.left == left && o->risk.price == o->yes_price;
  if (!known || (same && !final)) return;
  kl_risk_time(r, kl_desk_now_ns(x->d));
  if (final && !left)
    kl_risk_release(r, &o->risk);
  else if (!same)
    kl_risk_set(r, &o->risk, o->yes_price, left);
}

static void tell_waiting(kl_desk_entry *x) {
  for (kl_list *n = x->after.next; n != &x->after;) {
    kl_desk_write *w = KL_CONTAINER(n, kl_desk_write, after_link);
    n = n->next;
    kl_desk_write_order_changed(w);
  }
}

void kl_desk_entry_changed(kl_desk_entry *x) {
  kl_desk *d = x->d;
  kl_desk_order *o = &x->o;
  bool revived = x->counted == KL_DESK_REJECTED && o->status != KL_DESK_REJECTED;
  o->version++;
  kl_desk_order_retain(o); /* whoever is told may let go, of others too */
  recount(x);
  reserve(x);
  if (revived)
    kl_log_write_with(KL_LOG_ERROR, "desk", kl_desk_log_of(o),
                      "order %s was thought not to exist, and the exchange tells of it: it is %s", o->client_id,
                      kl_desk_status_name(o->status));
  if (d->journal) kl_order_journal_update(d->journal, o);
  if (kl_desk_entry_doubtful(x))
    kl_desk_doubt(x);
  else
    kl_list_remove(&x->doubt_link);
  tell_watchers(o);
  tell_listeners(d, o, NULL, NULL);
  tell_waiting(x);
  if (!kl_list_empty(&d->alls)) kl_desk_alls_look(d);
  look_at_name(x);
  fold(x);
  let_go(x);
}

void kl_desk_entry_told(kl_desk_entry *x, const kl_desk_news *n) {
  bool named = n->id && n->id[0] && !x->o.id[0];
  kl_desk_order_retain(&x->o);
  if (named) (void)kl_desk_entry_name(x, n->id); /* also its fills that came before */
  bool changed = kl_desk_entry_tell(x, n) || named;
  if (x->o.seen < x->o.filled) kl_desk_await_fills(x);
  if (changed) kl_desk_entry_changed(x);
  kl_desk_order_release(&x->o);
}

void kl_desk_entry_told_row(kl_desk_entry *x, const kl_own_order *row, kl_desk_source by) {
  bool rests = row->status == KL_OWN_RESTING;
  bool answer = by == KL_BY_ANSWER;
  kl_desk_news n = {.by = by,
                    .ts_ms = row->ts_ms,
                    .status = row->status,
                    .has_filled = true,
                    .filled = row->filled,
                    .total = rests ? row->filled + row->remaining : 0,
                    .yes_price = row->yes_price,
                    .left_over = -1,
                    .covers = answer ? 0 : row->filled,
                    .cost = row->taker_cost + row->maker_cost,
                    .fees = row->taker_fees + row->maker_fees,
                    .id = row->order_id,
                    .reason = row->reason,
                    .group_id = row->order_group_id,
                    .expiration_ms = row->expiration_ms,
                    .exchange_index = answer ? -1 : row->exchange_index};
  kl_desk_entry_told(x, &n);
}

/* ---- the account tells ---- */

/* News of an order look at nearly all of the middle of its record, which has left the caches where there are thousands:
 * these lines are fetched at once and not one after the other. */
static void fetch_ahead(const kl_desk_entry *x) {
  enum { LINE = 64 };
  for (size_t at = offsetof(kl_desk_order, id); at < offsetof(kl_desk_entry, replaced); at += LINE)
    __builtin_prefetch((const char *)x + at, 1);
  __builtin_prefetch(x->o.watchers.next);
}

kl_desk_entry *kl_desk_entry_of(kl_desk *d, const char *order_id, const char *client_id) {
  kl_desk_entry *x = order_id && order_id[0] ? kl_index_get(d->by_id, order_id) : NULL;
  if (x) fetch_ahead(x);
  if (x || !client_id || !client_id[0]) return x;
  x = kl_index_get(d->by_client, client_id);
  /* The exchange's id of it is known, so this is another order of the same name. */
  return x && x->o.id[0] && order_id && order_id[0] ? NULL : x;
}

kl_desk_order *kl_desk_find(kl_desk *d, const char *id) {
  kl_desk_entry *x = kl_index_get(d->by_id, id);
  if (!x) x = kl_index_get(d->by_client, id);
  while (x && x->front)
    x = x->front;
  return x ? &x->o : NULL;
}

/* The caller holds it: whoever is told may let go of it. */
static void take_fill(kl_desk_entry *x, const kl_account_fill *f) {
  kl_desk *d = x->d;
  kl_desk_order *o = &x->o;
  if (fill_is_known(d, f)) return;
  if (x->earlier) (void)kl_desk_know_fill(d, f); /* desk_recover.c may tell of it, too */
  d->counts.fills++;
  o->party->counts.fills++;
  kl_desk_standstill_over(d, o->ticker);
  kl_risk_time(d->risk, kl_desk_now_ns(d));
  /* Whatever was reserved for it once, also where nothing is any more. */
  if (o->risk.party) kl_risk_fill(d->risk, &o->risk, f->yes_price, f->count, f->fee);
  bool changed = kl_desk_entry_fill(x, f->yes_price, f->count, f->fee, f->ts_ms);
  if (!x->earlier && o->seen >= o->filled) kl_list_remove(&x->missing_link);
  if (d->journal) kl_order_journal_fill(d->journal, f, o->party->name);
  tell_listeners(d, NULL, o->party, f);
  if (changed) kl_desk_entry_changed(x);
}

/* Fills that came before it was known whose they are. The caller holds it. */
static void claim_strays(kl_desk_entry *x) {
  kl_desk *d = x->d;
  kl_list mine, *after;
  kl_list_init(&mine);
  for (kl_list *n = d->strays.next; n != &d->strays; n = after) {
    after = n->next;
    if (strcmp(KL_CONTAINER(n, kl_desk_stray, link)->fill.order_id, x->o.id) != 0) continue;
    kl_list_remove(n);
    kl_list_append(&mine, n);
    d->n_strays--;
  }
  /* Whoever is told may change the desk's list, and not this one. */
  for (kl_list *n = mine.next; n != &mine; n = after) {
    kl_desk_stray *s = KL_CONTAINER(n, kl_desk_stray, link);
    after = n->next;
    take_fill(x, &s->fill);
    free(s);
  }
}

/* Of nobody here. Before the account is loaded it is the past, which the account's positions tell of. */
static void nobodys(kl_desk *d, const kl_account_fill *f) {
  kl_account_status status;
  kl_account_status_get(kl_session_account(d->session), &status);
  if (status.loaded) tell_listeners(d, NULL, NULL, f);
}

static void disown_strays(kl_desk *d) {
  while (!kl_list_empty(&d->strays) && !d->nameless) {
    kl_desk_stray *s = KL_CONTAINER(kl_list_take(&d->strays), kl_desk_stray, link);
    d->n_strays--;
    nobodys(d, &s->fill);
    free(s);
  }
}

static void look_at_name(kl_desk_entry *x) {
  bool nameless = may_be_named(x);
  if (nameless == x->nameless) return;
  x->nameless = nameless;
  x->d->nameless += nameless ? 1 : (size_t)-1;
  disown_strays(x->d);
}

bool kl_desk_entry_name(kl_desk_entry *x, const char *id) {
  kl_desk *d = x->d;
  size_t n = strlen(id);
  if (x->o.id[0] || n >= sizeof x->o.id) return x->o.id[0] != 0;
  if (!kl_index_reserve(d->by_id, 1)) {
    kl_log_error("desk", "order %s of the exchange cannot be remembered: not enough memory", id);
    return false;
  }
  memcpy(x->o.id, id, n + 1);
  (void)kl_index_put(d->by_id, x); /* there is room */
  claim_strays(x);
  look_at_name(x);
  return true;
}

void kl_desk_claim_fills(kl_desk_entry *x) { claim_strays(x); }

void kl_desk_hold_fills(kl_desk *d, bool hold) {
  d->nameless += hold ? 1 : (size_t)-1;
  if (!hold) disown_strays(d);
}

void kl_desk_entry_rename(kl_desk_entry *x, const char *client_id) {
  kl_desk *d = x->d;
  size_t n = strlen(client_id);
  if (!n || n >= sizeof x->o.client_id || !strcmp(x->o.client_id, client_id)) return;
  if (kl_index_get(d->by_client, client_id) || !kl_index_reserve(d->by_client, 1)) {
    kl_log_write_with(KL_LOG_WARN, "desk", kl_desk_log_of(&x->o),
                      "order %s is now %s at the exchange, and stays known by its former name here", x->o.client_id,
                      client_id);
    return;
  }
  kl_index_remove(d->by_client, x);
  memcpy(x->o.client_id, client_id, n + 1);
  (void)kl_index_put(d->by_client, x); /* there is room */
  x->own_name = strstr(client_id, d->run) != NULL;
}

static void on_fill(void *data, const kl_account_fill *f) { kl_desk_fill_told(data, f); }

void kl_desk_fill_told(kl_desk *d, const kl_account_fill *f) {
  kl_desk_entry *x = kl_desk_entry_of(d, f->order_id, f->client_order_id);
  if (!x) x = kl_desk_deal_order(d, f->order_id, f->client_order_id, f->ticker, f->side, f->yes_price, f->count);
  if (x) {
    kl_desk_order_retain(&x->o);
    if (!x->o.id[0]) (void)kl_desk_entry_name(x, f->order_id);
    take_fill(x, f);
    kl_desk_order_release(&x->o);
    return;
  }
  kl_desk_deals_stray(d, f->ticker);
  kl_desk_stray *s = d->nameless && d->n_strays < STRAYS_MOST ? malloc(sizeof *s) : NULL;
  if (!s) {
    nobodys(d, f);
    return;
  }
  s->fill = *f;
  kl_list_append(&d->strays, &s->link);
  d->n_strays++;
}

/* A machine that slept has counted too few nanoseconds. */
int64_t kl_desk_entry_since_ms(const kl_desk_entry *x) {
  int64_t then_ms = x->o.created_ms, now_ms = x->earlier ? then_ms : kl_desk_ms_of(x->d, x->created_ns);
  return now_ms < then_ms ? now_ms : then_ms;
}

bool kl_desk_is_older(const kl_desk_entry *x, const kl_own_order *row) {
  return !x->o.id[0] && !x->own_name && row->created_ms && row->created_ms < kl_desk_entry_since_ms(x) - OLDER_SLACK_MS;
}

static void on_order(void *data, const kl_own_order *row) {
  kl_desk *d = data;
  kl_desk_entry *x = kl_desk_entry_of(d, row->order_id, row->client_order_id);
  if (!row->ts_ms) return;
  if (!x)
    x = kl_desk_deal_order(d, row->order_id, row->client_order_id, row->ticker, row->side, row->yes_price,
                           row->filled + row->remaining);
  if (!x) return;
  /* The answer itself comes to whoever wrote, who knows more of it. */
  if (row->by == KL_TOLD_BY_ANSWER && row->status != KL_OWN_UNKNOWN) return;
  /* Somebody has used this name before: that order is another one. */
  if (kl_desk_is_older(x, row)) return;
  kl_desk_entry_told_row(x, row, row->by == KL_TOLD_BY_LIST ? KL_BY_LIST : KL_BY_CHANNEL);
}

static void on_reconciled(void *data) {
  kl_desk *d = data;
  kl_desk_writes_look(d);
}

void kl_desk_orders_listen(kl_desk *d) {
  d->account =
      (kl_account_listener){.data = d, .order = on_order, .fill = on_fill, .reconciled = on_reconciled, .early = true};
  kl_account_listen(kl_session_account(d->session), &d->account);
}

static void on_loaded(void *data, const kl_error *e) {
  kl_desk *d = data;
  d->loading_waits = false;
  d->account_failed = e != NULL;
  if (e) d->account_error = *e;
  kl_desk_writes_look(d);
}

bool kl_desk_watch_account(kl_desk *d, kl_error *e) {
  kl_account *a = kl_session_account(d->session);
  kl_account_status status;
  if (!kl_account_start(a, e)) return false;
  kl_account_status_get(a, &status);
  if (status.loaded || d->loading_waits) return true;
  d->account_failed = false;
  d->loading_waits = true;
  d->loading = (kl_account_waiter){.data = d, .done = on_loaded};
  kl_account_await(a, &d->loading);
  return true;
}

void kl_desk_orders_free(kl_desk *d) {
  while (!kl_list_empty(&d->strays))
    free(KL_CONTAINER(kl_list_take(&d->strays), kl_desk_stray, link));
  while (!kl_list_empty(&d->orders)) {
    kl_desk_entry *x = KL_CONTAINER(kl_list_take(&d->orders), kl_desk_entry, link);
    unlist(x);
    if (x->front) x->front->o.references--; /* it comes later */
    x->front = NULL;
    x->d = NULL;
    x->o.party = NULL;
    if (!x->o.references) entry_free(x);
  }
  kl_index_free(d->by_id);
  kl_index_free(d->by_client);
  kl_map_free(d->known_fills);
}
