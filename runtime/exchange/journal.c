/* What has changed since it was last saved: objects that know it of themselves, and lists of what came and went. */
#include <stdlib.h>
#include <string.h>

#include "exchange/internal.h"

/* A growing list of items of one size. */
typedef struct pile {
  unsigned char *data;
  size_t size, n, cap;
} pile;

typedef struct dropped {
  kl_saved_kind kind;
  uint64_t number;
} dropped;

struct kl_x_journal {
  bool restoring; /* nothing but drops is noted */
  bool failed;    /* memory was short */
  bool changed;
  kl_list orders;
  pile holdings, markets, events; /* pointers */
  pile client_ids, fills, trades, settlements, drops;
  size_t n_users, n_accounts; /* told so far */
  kl_series *series;          /* as they were told */
  size_t n_series, cap_series;
};

static void add(kl_x_journal *j, pile *p, const void *item) {
  j->changed = true;
  if (p->n == p->cap) {
    unsigned char *data = kl_x_grown(p->data, &p->cap, p->n + 1, p->size);
    if (!data) {
      j->failed = true;
      return;
    }
    p->data = data;
  }
  memcpy(p->data + p->n++ * p->size, item, p->size);
}

void kl_x_journal_restoring(kl_x_journal *j, bool on) { j->restoring = on; }

static void told(kl_x_account *a) {
  a->told.cash = a->cash;
  a->told.open = a->open;
  a->told.locked = a->locked;
  a->told.netting = a->netting;
}

void kl_x_journal_restored(const kl_exchange *x, kl_x_journal *j) {
  j->restoring = false;
  j->n_users = x->n_users;
  j->n_accounts = x->n_accounts;
  for (size_t i = 0; i < x->n_accounts; i++)
    told(x->accounts[i]);
}

/* ---- noting ---- */

static bool notes(const kl_exchange *x) { return x->journal && !x->journal->restoring; }

void kl_x_touch_order(const kl_exchange *x, kl_x_order *o) {
  if (!notes(x) || o->changed.next || x->users[o->o.user]->synthetic) return;
  kl_list_append(&x->journal->orders, &o->changed);
  x->journal->changed = true;
}

void kl_x_forget_order(const kl_exchange *x, kl_x_order *o) {
  if (!x->journal || x->users[o->o.user]->synthetic) return;
  if (o->changed.next) kl_list_remove(&o->changed);
  add(x->journal, &x->journal->drops, &(dropped){KL_SAVED_ORDER, o->number});
}

void kl_x_touch_holding(const kl_exchange *x, kl_x_holding *h) {
  if (!notes(x) || h->changed) return;
  h->changed = true;
  add(x->journal, &x->journal->holdings, &h);
}

void kl_x_touch_market(const kl_exchange *x, const kl_market *m) {
  kl_x_book *b = kl_x_book_of(m);
  if (!notes(x) || b->changed) return;
  b->changed = true;
  add(x->journal, &x->journal->markets, &b);
}

void kl_exchange_touch_market(kl_exchange *x, const kl_market *m) { kl_x_touch_market(x, m); }

void kl_exchange_touch_event(kl_exchange *x, const kl_market_event *e) {
  if (notes(x)) add(x->journal, &x->journal->events, &e);
}

void kl_x_touch_totals(const kl_exchange *x) {
  if (x->journal) x->journal->changed = true;
}

void kl_x_touch_user(const kl_exchange *x, uint32_t user) {
  if (!notes(x)) return;
  x->journal->changed = true;
  if (user < x->journal->n_users) x->journal->n_users = user; /* it and those after it are told again */
}

void kl_x_note_client_id(const kl_exchange *x, uint32_t user, const char *text) {
  if (!notes(x)) return;
  kl_saved_client_id c = {.number = x->client_ids.n, .user = user};
  memcpy(c.text, text, strlen(text) + 1);
  add(x->journal, &x->journal->client_ids, &c);
}

/* ---- lists that keep the newest ---- */

static void drop(const kl_exchange *x, kl_saved_kind kind, uint64_t number) {
  if (x->journal && number) add(x->journal, &x->journal->drops, &(dropped){kind, number});
}

/* What the next push will let go and the journal has to say so of; NULL: nothing. */
static const void *leaving(const kl_exchange *x, const kl_x_ring *r) {
  return x->journal && r->n > 0 && r->n == r->max ? kl_x_ring_newest(r, r->n - 1) : NULL;
}

void kl_x_keep_fill(kl_exchange *x, kl_fill *f) {
  kl_x_user *u = x->users[f->user];
  const kl_fill *old = leaving(x, &u->fills);
  if (!f->number) f->number = ++x->numbers;
  if (!u->synthetic) {
    if (old) drop(x, KL_SAVED_FILL, old->number);
    if (notes(x)) add(x->journal, &x->journal->fills, f);
  }
  kl_x_ring_push(&u->fills, f);
}

void kl_x_keep_settlement(kl_exchange *x, uint32_t user, kl_settlement *s) {
  kl_x_user *u = x->users[user];
  const kl_settlement *old = leaving(x, &u->settlements);
  if (!s->number) s->number = ++x->numbers;
  if (!u->synthetic) {
    if (old) drop(x, KL_SAVED_SETTLEMENT, old->number);
    kl_saved_settlement r = {.number = s->number, .user = user, .s = *s};
    if (notes(x)) add(x->journal, &x->journal->settlements, &r);
  }
  kl_x_ring_push(&u->settlements, s);
}

/* Whether a ring still has the trade of this number. */
static bool holds(const kl_x_ring *r, uint64_t number) {
  const kl_trade *oldest = r->n ? kl_x_ring_newest(r, r->n - 1) : NULL;
  return oldest && oldest->number <= number;
}

/* A trade is in the list of its market and in that of all; it is forgotten when it has left both. */
void kl_x_keep_trade(kl_exchange *x, kl_trade *t) {
  kl_x_ring *rings[2] = {&kl_x_book_of(t->market)->trades, &x->trades};
  if (!t->number) t->number = ++x->numbers;
  for (int i = 0; i < 2; i++) {
    const kl_trade *old = leaving(x, rings[i]);
    uint64_t number = old ? old->number : 0;
    const kl_x_ring *other = old ? (i == 0 ? &x->trades : &kl_x_book_of(old->market)->trades) : NULL;
    kl_x_ring_push(rings[i], t);
    if (number && !holds(other, number)) drop(x, KL_SAVED_TRADE, number);
  }
  if (notes(x)) add(x->journal, &x->journal->trades, t);
}

/* ---- events that are forgotten ---- */

static const kl_market_event *of_fill(const void *item) { return ((const kl_fill *)item)->market->event; }
static const kl_market_event *of_trade(const void *item) { return ((const kl_trade *)item)->market->event; }
static const kl_market_event *of_settlement(const void *item) { return ((const kl_settlement *)item)->market->event; }
static const kl_market_event *of_saved_settlement(const void *item) {
  return ((const kl_saved_settlement *)item)->s.market->event;
}
static const kl_market_event *of_book(const void *item) { return (*(kl_x_book *const *)item)->market->event; }
static const kl_market_event *of_holding(const void *item) { return (*(kl_x_holding *const *)item)->p.market->event; }
static const kl_market_event *of_event(const void *item) { return *(const kl_market_event *const *)item; }

/* Takes what is of the event out of a list that is still to be told. */
static void strip(pile *p, const kl_market_event *e, const kl_market_event *(*of)(const void *)) {
  size_t kept = 0;
  for (size_t i = 0; i < p->n; i++) {
    if (of(p->data + i * p->size) == e) continue;
    if (kept != i) memcpy(p->data + kept * p->size, p->data + i * p->size, p->size);
    kept++;
  }
  p->n = kept;
}

static void drop_ring(const kl_exchange *x, const kl_x_ring *r, const kl_market_event *e, kl_saved_kind kind,
                      const kl_market_event *(*of)(const void *), size_t number_at) {
  for (size_t i = 0; i < r->n; i++) {
    const unsigned char *item = kl_x_ring_newest(r, i);
    uint64_t number;
    memcpy(&number, item + number_at, sizeof number);
    if (of(item) == e) drop(x, kind, number);
  }
}

void kl_x_forget_event(const kl_exchange *x, const kl_market_event *e) {
  kl_x_journal *j = x->journal;
  if (!j) return;
  strip(&j->events, e, of_event);
  strip(&j->markets, e, of_book);
  strip(&j->holdings, e, of_holding);
  strip(&j->fills, e, of_fill);
  strip(&j->trades, e, of_trade);
  strip(&j->settlements, e, of_saved_settlement);
  for (size_t i = 0; i < x->n_users; i++) {
    const kl_x_user *u = x->users[i];
    for (size_t k = 0; k < u->n_orders; k++)
      if (u->orders[k]->o.market->event == e) kl_x_forget_order(x, u->orders[k]);
    if (u->synthetic) continue;
    drop_ring(x, &u->fills, e, KL_SAVED_FILL, of_fill, offsetof(kl_fill, number));
    drop_ring(x, &u->settlements, e, KL_SAVED_SETTLEMENT, of_settlement, offsetof(kl_settlement, number));
  }
  drop_ring(x, &x->trades, e, KL_SAVED_TRADE, of_trade, offsetof(kl_trade, number));
  for (size_t i = 0; i < e->n_markets; i++) {
    const kl_x_book *b = kl_x_book_of(e->markets[i]);
    drop_ring(x, &b->trades, e, KL_SAVED_TRADE, of_trade, offsetof(kl_trade, number));
    for (const kl_list *n = b->holdings.next; n != &b->holdings; n = n->next)
      drop(x, KL_SAVED_HOLDING, KL_CONTAINER(n, kl_x_holding, in_market)->number);
    drop(x, KL_SAVED_MARKET, b->number);
  }
  drop(x, KL_SAVED_EVENT, e->number);
}

/* ---- telling ---- */

#define TELL(w, kind, ...) (w)->put((w)->data, kind, &(__VA_ARGS__))

static void tell_market(const kl_exchange_writer *w, kl_x_book *b) {
  kl_saved_market r = {.number = b->number, .m = *b->market};
  memcpy(r.event, b->market->event->ticker, sizeof r.event);
  memcpy(r.hours, b->hours, sizeof r.hours);
  b->changed = false;
  TELL(w, KL_SAVED_MARKET, r);
}

static void tell_event(const kl_exchange_writer *w, const kl_market_event *e) {
  kl_saved_event r = {.number = e->number, .e = *e};
  memcpy(r.series, e->series->ticker, sizeof r.series);
  TELL(w, KL_SAVED_EVENT, r);
}

static void tell_holding(const kl_exchange_writer *w, kl_x_holding *h) {
  h->changed = false;
  TELL(w, KL_SAVED_HOLDING,
       (kl_saved_holding){
           .number = h->number, .account = h->account->number, .market = kl_x_book_of(h->p.market)->number, .p = h->p});
}

static void tell_order(const kl_exchange_writer *w, kl_x_order *o) {
  TELL(w, KL_SAVED_ORDER,
       (kl_saved_order){.number = o->number,
                        .account = o->holding->account->number,
                        .market = kl_x_book_of(o->o.market)->number,
                        .closing = o->closing,
                        .accumulator = o->accumulator,
                        .reserve = o->reserve,
                        .o = o->o});
}

static bool same_series(const kl_series *a, const kl_series *b) {
  return a->fee_type == b->fee_type && a->fee_multiplier_ppm == b->fee_multiplier_ppm && a->volume == b->volume &&
         a->exchange_index == b->exchange_index && strcmp(a->ticker, b->ticker) == 0 &&
         strcmp(a->title, b->title) == 0 && strcmp(a->category, b->category) == 0 &&
         strcmp(a->frequency, b->frequency) == 0;
}

/* Series are few, and everything may change in them: each is compared with what was told. */
static void tell_series(kl_exchange *x, kl_x_journal *j, const kl_exchange_writer *w) {
  if (x->n_series > j->cap_series) {
    kl_series *grown = kl_x_grown(j->series, &j->cap_series, x->n_series, sizeof *grown);
    if (!grown) {
      j->failed = true;
      return;
    }
    j->series = grown;
  }
  for (size_t i = 0; i < x->n_series; i++) {
    if (i < j->n_series && same_series(&j->series[i], x->series[i])) continue;
    j->series[i] = *x->series[i];
    TELL(w, KL_SAVED_SERIES, (kl_saved_series){.number = i + 1, .s = *x->series[i]});
  }
  j->n_series = x->n_series;
}

static void tell_users(kl_exchange *x, kl_x_journal *j, const kl_exchange_writer *w) {
  for (; j->n_users < x->n_users; j->n_users++) {
    const kl_x_user *u = x->users[j->n_users];
    kl_saved_user r = {
        .number = j->n_users + 1, .synthetic = u->synthetic, .keep_orders = u->keep_orders, .keep_fills = u->fills.max};
    memcpy(r.id, u->id, sizeof r.id);
    TELL(w, KL_SAVED_USER, r);
  }
}

/* Money moves in more ways than trades: each account is compared with what was told. */
static void tell_accounts(kl_exchange *x, kl_x_journal *j, const kl_exchange_writer *w) {
  for (size_t i = 0; i < x->n_accounts; i++) {
    kl_x_account *a = x->accounts[i];
    if (i < j->n_accounts && a->told.cash == a->cash && a->told.open == a->open && a->told.locked == a->locked &&
        a->told.netting == a->netting)
      continue;
    told(a);
    TELL(w, KL_SAVED_ACCOUNT,
         (kl_saved_account){.number = a->number,
                            .user = a->user,
                            .subaccount = a->subaccount,
                            .shard = a->shard,
                            .open = a->open,
                            .locked = a->locked,
                            .netting = a->netting,
                            .cash = a->cash});
  }
  j->n_accounts = x->n_accounts;
}

static void tell_lists(kl_x_journal *j, const kl_exchange_writer *w) {
  const kl_saved_client_id *ids = (const void *)j->client_ids.data;
  const kl_fill *fills = (const void *)j->fills.data;
  const kl_trade *trades = (const void *)j->trades.data;
  kl_saved_settlement *settlements = (void *)j->settlements.data;
  const dropped *drops = (const void *)j->drops.data;
  for (size_t i = 0; i < j->client_ids.n; i++)
    TELL(w, KL_SAVED_CLIENT_ID, ids[i]);
  for (size_t i = 0; i < j->fills.n; i++)
    TELL(w, KL_SAVED_FILL, (kl_saved_fill){fills[i].number, kl_x_book_of(fills[i].market)->number, fills[i]});
  for (size_t i = 0; i < j->trades.n; i++)
    TELL(w, KL_SAVED_TRADE, (kl_saved_trade){trades[i].number, kl_x_book_of(trades[i].market)->number, trades[i]});
  for (size_t i = 0; i < j->settlements.n; i++) {
    settlements[i].market = kl_x_book_of(settlements[i].s.market)->number;
    TELL(w, KL_SAVED_SETTLEMENT, settlements[i]);
  }
  /* Last: what came and went in between is put and dropped. */
  for (size_t i = 0; i < j->drops.n; i++)
    w->drop(w->data, drops[i].kind, drops[i].number);
  j->client_ids.n = j->fills.n = j->trades.n = j->settlements.n = j->drops.n = 0;
}

static void tell_totals(const kl_exchange *x, const kl_exchange_writer *w) {
  kl_saved_totals t = {.number = 1,
                       .random = x->random,
                       .seq = x->seq,
                       .numbers = x->numbers,
                       .now_us = x->now,
                       .hour = x->hour,
                       .deposits = x->deposits,
                       .fees = x->fees,
                       .transit = x->transit,
                       .retired = x->retired,
                       .market_serial = x->market_serial,
                       .event_serial = x->event_serial,
                       .precision = x->precision};
  for (int i = 0; i < KL_EXCHANGE_SHARDS; i++) {
    t.pauses[i] = (int)x->shards[i].pause;
    t.resumes_us[i] = x->shards[i].resume_us;
  }
  TELL(w, KL_SAVED_TOTALS, t);
}

bool kl_exchange_changed(const kl_exchange *x) { return x->journal && x->journal->changed; }

bool kl_exchange_save(kl_exchange *x, const kl_exchange_writer *w) {
  kl_x_journal *j = x->journal;
  if (!j || !j->changed) return true;
  j->changed = false;
  tell_series(x, j, w);
  const kl_market_event *const *events = (const void *)j->events.data;
  for (size_t i = 0; i < j->events.n; i++)
    tell_event(w, events[i]);
  kl_x_book *const *books = (const void *)j->markets.data;
  for (size_t i = 0; i < j->markets.n; i++)
    tell_market(w, books[i]);
  tell_users(x, j, w);
  tell_accounts(x, j, w);
  kl_x_holding *const *holdings = (const void *)j->holdings.data;
  for (size_t i = 0; i < j->holdings.n; i++)
    tell_holding(w, holdings[i]);
  for (kl_list *n = j->orders.next, *next; n != &j->orders; n = next) {
    kl_x_order *o = KL_CONTAINER(n, kl_x_order, changed);
    next = n->next;
    n->next = NULL; /* in no list */
    tell_order(w, o);
  }
  kl_list_init(&j->orders);
  j->events.n = j->markets.n = j->holdings.n = 0;
  tell_lists(j, w);
  tell_totals(x, w);
  return !j->failed;
}

/* ---- beginning ---- */

kl_x_journal *kl_x_journal_new(void) {
  kl_x_journal *j = calloc(1, sizeof *j);
  if (!j) return NULL;
  kl_list_init(&j->orders);
  j->holdings.size = j->markets.size = j->events.size = sizeof(void *);
  j->client_ids.size = sizeof(kl_saved_client_id);
  j->fills.size = sizeof(kl_fill);
  j->trades.size = sizeof(kl_trade);
  j->settlements.size = sizeof(kl_saved_settlement);
  j->drops.size = sizeof(dropped);
  return j;
}

void kl_x_journal_free(kl_x_journal *j) {
  if (!j) return;
  enum { PILES = 8 };
  pile *const piles[PILES] = {&j->holdings, &j->markets, &j->events,      &j->client_ids,
                              &j->fills,    &j->trades,  &j->settlements, &j->drops};
  for (size_t i = 0; i < PILES; i++)
    free(piles[i]->data);
  free(j->series);
  free(j);
}
