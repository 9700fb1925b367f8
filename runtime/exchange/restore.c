/* An exchange made from its records again. Nothing in them is believed before it was checked: a record that does not
 * fit what is there already ends the restore, so a damaged file never becomes a damaged book. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exchange/internal.h"

/* Far above what trading reaches, and far below what would overflow. */
#define MOST_MONEY (100 * KL_X_MAX_MONEY)
#define MOST_COUNT (1000 * KL_X_MAX_COUNT)

struct kl_x_restore {
  kl_saved_kind kind; /* of the last record */
  uint64_t last;      /* its number */
  bool has_totals;
  kl_saved_totals totals;
  unsigned __int128 weight; /* sum of all magnitudes of money: while it fits, no sum of them overflows */
  kl_x_order **resting;
  size_t n_resting, cap_resting;
};

void kl_x_restore_free(kl_x_restore *r) {
  if (!r) return;
  free((void *)r->resting);
  free(r);
}

static const char *const nouns[KL_SAVED_KINDS] = {
    [KL_SAVED_TOTALS] = "totals",    [KL_SAVED_SERIES] = "series",
    [KL_SAVED_EVENT] = "event",      [KL_SAVED_MARKET] = "market",
    [KL_SAVED_USER] = "user",        [KL_SAVED_ACCOUNT] = "account",
    [KL_SAVED_HOLDING] = "position", [KL_SAVED_ORDER] = "order",
    [KL_SAVED_FILL] = "fill",        [KL_SAVED_CLIENT_ID] = "client order id",
    [KL_SAVED_TRADE] = "trade",      [KL_SAVED_SETTLEMENT] = "settlement"};

static bool wrong(const kl_x_restore *r, kl_error *e, const char *what) {
  const char *noun = r->kind < KL_SAVED_KINDS ? nouns[r->kind] : "row";
  kl_error_set(e, KL_ERR_CONFIG, "%s %" PRIu64 ": %s", noun, r->last, what);
  return false;
}

static bool no_memory(kl_error *e) {
  kl_error_set(e, KL_ERR_INTERNAL, "not enough memory to restore the exchange");
  return false;
}

/* ---- checks ---- */

static bool money(kl_x_restore *r, kl_money v) {
  if (v < -MOST_MONEY || v > MOST_MONEY) return false;
  r->weight += (uint64_t)(v < 0 ? -v : v);
  return true;
}

static bool fees(const kl_fee_schedule *f) {
  return (unsigned)f->type <= KL_FEE_FLAT && f->multiplier_ppm >= 0 && f->multiplier_ppm <= INT64_C(1000000000);
}
static bool count(kl_count n) { return n >= 0 && n <= MOST_COUNT; }
static bool price(kl_price p) { return p >= 0 && p <= KL_PRICE_ONE; }
static bool time_of(int64_t us) { return us >= 0 && us <= INT64_C(100000000000000000); }
static bool uuid(const char *text) {
  kl_x_id id;
  return kl_x_id_parse(text, &id);
}

uint64_t kl_market_number(const kl_market *m) { return kl_x_book_of(m)->number; }

kl_market *kl_exchange_market_numbered(const kl_exchange *x, uint64_t number) {
  size_t low = 0, high = x->n_markets;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (kl_x_book_of(x->markets[middle])->number < number)
      low = middle + 1;
    else
      high = middle;
  }
  return low < x->n_markets && kl_x_book_of(x->markets[low])->number == number ? x->markets[low] : NULL;
}

static kl_x_account *account_of(const kl_exchange *x, uint64_t number) {
  return number >= 1 && number <= x->n_accounts ? x->accounts[number - 1] : NULL;
}

/* ---- what is traded ---- */

static bool restore_totals(kl_exchange *x, const kl_saved_totals *t, kl_error *e) {
  kl_x_restore *r = x->restore;
  if (r->has_totals || t->precision <= 0 || KL_X_CENT % t->precision != 0) return wrong(r, e, "no such precision");
  if (!time_of(t->now_us) || (t->hour != -1 && t->hour != t->now_us / INT64_C(3600000000)))
    return wrong(r, e, "no such time");
  for (int i = 0; i < KL_EXCHANGE_SHARDS; i++)
    if (t->pauses[i] < KL_RUNNING || t->pauses[i] > KL_EXCHANGE_PAUSE || !time_of(t->resumes_us[i]))
      return wrong(r, e, "no such pause");
  if (!money(r, t->deposits) || !money(r, t->fees) || !money(r, t->transit) || !money(r, t->retired))
    return wrong(r, e, "the amounts are out of range");
  r->totals = *t;
  r->has_totals = true;
  x->precision = t->precision;
  x->now = t->now_us;
  x->hour = t->hour;
  return true;
}

static bool restore_series(kl_exchange *x, const kl_saved_series *s, kl_error *e) {
  kl_x_restore *r = x->restore;
  if (s->number != x->n_series + 1) return wrong(r, e, "the one before it is missing");
  if (!fees(&(kl_fee_schedule){s->s.fee_type, s->s.fee_multiplier_ppm}) || !count(s->s.volume))
    return wrong(r, e, "its fees or its volume are out of range");
  return kl_exchange_add_series(x, &s->s) || wrong(r, e, "its ticker is there already, or its shard is not");
}

static bool restore_event(kl_exchange *x, const kl_saved_event *s, kl_error *e) {
  kl_market_event event = s->e;
  event.series = kl_exchange_series(x, s->series);
  if (!event.series) return wrong(x->restore, e, "its series is missing");
  if (!fees(&(kl_fee_schedule){event.fee_type, event.fee_multiplier_ppm}))
    return wrong(x->restore, e, "its fees are out of range");
  kl_market_event *added = kl_exchange_add_event(x, &event);
  if (!added) return wrong(x->restore, e, "its ticker is there already");
  added->number = s->number;
  added->serial = s->e.serial;
  return true;
}

static bool market_makes_sense(const kl_saved_market *s) {
  const kl_market *m = &s->m;
  kl_count sum = 0;
  for (int i = 0; i < 24; i++) {
    if (!count(s->hours[i])) return false;
    sum += s->hours[i];
  }
  return uuid(m->id) && (unsigned)m->status <= KL_MARKET_FINALIZED && m->n_bands > 0 && price(m->last_price) &&
         price(m->previous_price) && price(m->previous_bid) && price(m->previous_ask) && m->settlement >= -1 &&
         m->settlement <= KL_PRICE_ONE && count(m->last_size) && count(m->volume) && m->volume_24h <= MOST_COUNT &&
         m->volume_24h >= -MOST_COUNT && count(m->open_interest) && time_of(m->open_us) && time_of(m->close_us) &&
         time_of(m->settle_us) &&
         (m->settle_us == 0 || m->status == KL_MARKET_DETERMINED || m->status == KL_MARKET_AMENDED) &&
         sum <= MOST_COUNT;
}

static bool restore_market(kl_exchange *x, const kl_saved_market *s, kl_error *e) {
  kl_x_restore *r = x->restore;
  kl_market given = s->m;
  given.legs = NULL; /* whoever makes combos gives them theirs again */
  given.n_legs = 0;
  given.collection = NULL;
  given.event = kl_exchange_event(x, s->event);
  if (!given.event) return wrong(r, e, "its event is missing");
  if (!market_makes_sense(s)) return wrong(r, e, "its state is out of range");
  kl_market *m = kl_x_insert_market(x, &given);
  if (!m) return wrong(r, e, "its ticker is there already, or its price bands make no sense");
  kl_x_book *b = kl_x_book_of(m);
  b->number = s->number;
  m->serial = s->m.serial;
  memcpy(b->hours, s->hours, sizeof b->hours);
  kl_x_arm_market(x, m);
  return true;
}

/* ---- who trades ---- */

static bool restore_user(kl_exchange *x, const kl_saved_user *s, kl_error *e) {
  kl_x_restore *r = x->restore;
  if (s->number != x->n_users + 1) return wrong(r, e, "the one before it is missing");
  if (!uuid(s->id) || (unsigned)s->synthetic >= KL_SYNTHETIC_KINDS) return wrong(r, e, "it makes no sense");
  kl_x_user *u = kl_x_insert_user(x);
  if (!u) return no_memory(e);
  memcpy(u->id, s->id, sizeof u->id);
  u->synthetic = s->synthetic;
  u->keep_orders = (size_t)s->keep_orders;
  u->fills.max = (size_t)s->keep_fills;
  return true;
}

static bool restore_account(kl_exchange *x, const kl_saved_account *s, kl_error *e) {
  kl_x_restore *r = x->restore;
  if (s->number != x->n_accounts + 1) return wrong(r, e, "the one before it is missing");
  if (s->user >= x->n_users || s->subaccount < 0 || s->subaccount >= KL_X_SUBACCOUNTS || s->shard < 0 ||
      s->shard >= KL_EXCHANGE_SHARDS)
    return wrong(r, e, "there is no such user, subaccount or shard");
  if (!money(r, s->cash)) return wrong(r, e, "its balance is out of range");
  if (kl_x_account_find(x, s->user, s->subaccount, s->shard)) return wrong(r, e, "it is there twice");
  kl_x_account *a = kl_x_account_get(x, s->user, s->subaccount, s->shard);
  if (!a) return no_memory(e);
  a->cash = s->cash;
  a->open = s->open;
  a->locked = s->locked;
  a->netting = s->netting;
  return true;
}

static bool restore_holding(kl_exchange *x, const kl_saved_holding *s, kl_error *e) {
  kl_x_restore *r = x->restore;
  kl_x_account *a = account_of(x, s->account);
  kl_market *m = kl_exchange_market_numbered(x, s->market);
  if (!a || !m || a->shard != m->exchange_index) return wrong(r, e, "its account or its market is missing");
  if (kl_x_holding_find(a, m)) return wrong(r, e, "it is there twice");
  const kl_position *p = &s->p;
  if (p->position < -MOST_COUNT || p->position > MOST_COUNT || !count(p->volume) || !money(r, p->cost) ||
      !money(r, p->realized) || !money(r, p->fees) || !money(r, p->position_fees) || !money(r, p->traded))
    return wrong(r, e, "its amounts are out of range");
  kl_x_holding *h = kl_x_holding_get(x, a, m);
  if (!h) return no_memory(e);
  h->number = s->number;
  h->p = *p;
  h->p.market = m;
  return true;
}

/* ---- what was traded ---- */

static bool restore_client_id(kl_exchange *x, const kl_saved_client_id *s, kl_error *e) {
  kl_x_restore *r = x->restore;
  if (s->user >= x->n_users || !s->text[0]) return wrong(r, e, "there is no such user, or it is empty");
  if (kl_x_client_ids_has(&x->client_ids, s->user, s->text)) return wrong(r, e, "it was used twice");
  if (!kl_x_client_ids_reserve(&x->client_ids)) return no_memory(e);
  kl_x_client_ids_add(&x->client_ids, s->user, s->text);
  return true;
}

static bool order_makes_sense(kl_x_restore *r, const kl_saved_order *s) {
  const kl_order *o = &s->o;
  bool rests = o->status == KL_ORDER_RESTING;
  return uuid(o->id) && (unsigned)o->side <= KL_ASK && (unsigned)o->tif <= KL_TIF_FOK &&
         (unsigned)o->stp <= KL_STP_MAKER && (unsigned)o->status <= KL_ORDER_EXECUTED &&
         (unsigned)o->reason <= KL_REASON_GROUP && o->price > 0 && o->price < KL_PRICE_ONE && count(o->initial) &&
         count(o->filled) && count(o->remaining) && rests == (o->remaining > 0) &&
         (rests ? o->filled + o->remaining == o->initial : o->filled <= o->initial) && o->remaining <= KL_X_MAX_COUNT &&
         time_of(o->expiration_us) && s->closing >= 0 && s->closing <= o->remaining && money(r, s->accumulator) &&
         money(r, o->taker_cost) && money(r, o->maker_cost) && money(r, o->taker_fees) && money(r, o->maker_fees) &&
         fees(&s->reserve) && o->seq > 0 && o->seq <= r->totals.seq;
}

/* Memory for one more order of the user. */
static bool reserve_order(kl_exchange *x, kl_x_user *u) {
  kl_x_restore *r = x->restore;
  kl_x_order **list = kl_x_grown((void *)u->orders, &u->cap_orders, u->n_orders + 1, sizeof(kl_x_order *));
  if (list) u->orders = list;
  kl_x_order **resting = kl_x_grown((void *)r->resting, &r->cap_resting, r->n_resting + 1, sizeof(kl_x_order *));
  if (resting) r->resting = resting;
  return list && resting && kl_x_slab_reserve(&x->orders, 1) && kl_x_index_reserve(&x->index);
}

static bool restore_order(kl_exchange *x, const kl_saved_order *s, kl_error *e) {
  kl_x_restore *r = x->restore;
  kl_x_account *a = account_of(x, s->account);
  kl_market *m = kl_exchange_market_numbered(x, s->market);
  if (!a || !m || a->user != s->o.user || a->subaccount != s->o.subaccount || a->shard != m->exchange_index)
    return wrong(r, e, "its account or its market is missing");
  if (!order_makes_sense(r, s)) return wrong(r, e, "its state is out of range");
  const char *client_id = s->o.client_order_id;
  if (client_id[0] && !kl_x_client_ids_has(&x->client_ids, a->user, client_id))
    return wrong(r, e, "its client order id is missing");
  bool rests = s->o.status == KL_ORDER_RESTING;
  if (rests && (m->status < KL_MARKET_ACTIVE || m->status >= KL_MARKET_CLOSED))
    return wrong(r, e, "it rests in a market that has no orders");
  kl_x_user *u = x->users[a->user];
  kl_x_holding *h = kl_x_holding_find(a, m);
  if (!h) return wrong(r, e, "the position that it would change is missing");
  if (!reserve_order(x, u)) return no_memory(e);
  kl_x_id id;
  (void)kl_x_id_parse(s->o.id, &id);
  if (kl_x_index_find(&x->index, id)) return wrong(r, e, "its id is another's, too");
  kl_x_order *o = kl_x_slab_take(&x->orders);
  kl_x_init_order(o, h);
  o->o = s->o;
  o->o.market = m;
  o->o.priv = o;
  o->id = id;
  o->number = s->number;
  o->closing = s->closing;
  o->accumulator = s->accumulator;
  o->reserve = s->reserve;
  kl_x_index_add(&x->index, o);
  u->orders[u->n_orders++] = o;
  if (rests) r->resting[r->n_resting++] = o;
  return true;
}

static bool restore_fill(kl_exchange *x, const kl_saved_fill *s, kl_error *e) {
  kl_fill f = s->f;
  f.number = s->number;
  f.order = NULL;
  f.market = kl_exchange_market_numbered(x, s->market);
  if (!f.market || f.user >= x->n_users) return wrong(x->restore, e, "its user or its market is missing");
  if (!uuid(f.order_id) || !uuid(f.trade_id) || (unsigned)f.side > KL_ASK || !price(f.yes_price) || !count(f.count))
    return wrong(x->restore, e, "it is out of range");
  kl_x_keep_fill(x, &f);
  return true;
}

static bool restore_trade(kl_exchange *x, const kl_saved_trade *s, kl_error *e) {
  kl_trade t = s->t;
  t.number = s->number;
  t.market = kl_exchange_market_numbered(x, s->market);
  if (!t.market) return wrong(x->restore, e, "its market is missing");
  if (!uuid(t.id) || (unsigned)t.taker_side > KL_ASK || !price(t.yes_price) || !count(t.count))
    return wrong(x->restore, e, "it is out of range");
  kl_x_keep_trade(x, &t);
  return true;
}

static bool restore_settlement(kl_exchange *x, const kl_saved_settlement *s, kl_error *e) {
  kl_settlement t = s->s;
  t.number = s->number;
  t.market = kl_exchange_market_numbered(x, s->market);
  if (!t.market || s->user >= x->n_users) return wrong(x->restore, e, "its user or its market is missing");
  kl_x_keep_settlement(x, s->user, &t);
  return true;
}

/* ---- all together ---- */

bool kl_exchange_restore(kl_exchange *x, kl_saved_kind kind, const void *record, kl_error *e) {
  kl_x_restore *r = x->restore;
  if (!r) {
    r = x->restore = calloc(1, sizeof *r);
    if (!r) return no_memory(e);
    if (x->journal) kl_x_journal_restoring(x->journal, true);
  }
  uint64_t number;
  memcpy(&number, record, sizeof number);
  bool in_order = kind > r->kind || (kind == r->kind && number > r->last);
  r->kind = kind;
  r->last = number;
  if (!in_order || number == 0 || number > INT64_MAX) return wrong(r, e, "it is out of order");
  if (!r->has_totals && kind != KL_SAVED_TOTALS) return wrong(r, e, "there are no totals");
  bool counted =
      kind == KL_SAVED_EVENT || kind == KL_SAVED_MARKET || kind == KL_SAVED_HOLDING || kind >= KL_SAVED_ORDER;
  if (counted && number > r->totals.numbers) return wrong(r, e, "it is newer than the totals");
  switch (kind) {
  case KL_SAVED_TOTALS:
    return restore_totals(x, record, e);
  case KL_SAVED_SERIES:
    return restore_series(x, record, e);
  case KL_SAVED_EVENT:
    return restore_event(x, record, e);
  case KL_SAVED_MARKET:
    return restore_market(x, record, e);
  case KL_SAVED_USER:
    return restore_user(x, record, e);
  case KL_SAVED_ACCOUNT:
    return restore_account(x, record, e);
  case KL_SAVED_HOLDING:
    return restore_holding(x, record, e);
  case KL_SAVED_CLIENT_ID:
    return restore_client_id(x, record, e);
  case KL_SAVED_ORDER:
    return restore_order(x, record, e);
  case KL_SAVED_FILL:
    return restore_fill(x, record, e);
  case KL_SAVED_TRADE:
    return restore_trade(x, record, e);
  case KL_SAVED_SETTLEMENT:
    return restore_settlement(x, record, e);
  case KL_SAVED_KINDS:
    break;
  }
  return wrong(r, e, "there is no such kind");
}

static int by_seq(const void *a, const void *b) {
  const kl_x_order *one = *(kl_x_order *const *)a, *two = *(kl_x_order *const *)b;
  return (one->o.seq > two->o.seq) - (one->o.seq < two->o.seq);
}

/* Books, collateral and alarms, in the order in which the orders came to rest. */
static bool fill_books(kl_exchange *x, kl_error *e) {
  kl_x_restore *r = x->restore;
  r->kind = KL_SAVED_ORDER;
  if (r->n_resting > 0) qsort((void *)r->resting, r->n_resting, sizeof(kl_x_order *), by_seq);
  for (size_t i = 0; i < r->n_resting; i++) {
    kl_x_order *o = r->resting[i];
    kl_x_holding *h = o->holding;
    r->last = o->number;
    if (i > 0 && r->resting[i - 1]->o.seq == o->o.seq) return wrong(r, e, "another has its place in the queue");
    if (kl_x_crosses(o->o.market, o->o.side, o->o.price)) return wrong(r, e, "it crosses another order");
    if (!kl_x_book_reserve(x, o->o.market, o->o.side) || !kl_x_schedule_reserve(&x->schedule, 1)) return no_memory(e);
    h->promised += o->closing;
    if (o->closing > 0 && h->promised > kl_x_closable(h, o->o.side))
      return wrong(r, e, "it would close more than the position");
    kl_x_rest(x, o);
  }
  return true;
}

/* What netting returns follows from positions, promises and results. */
static void net(kl_exchange *x) {
  for (size_t i = 0; i < x->n_accounts; i++) {
    kl_x_account *a = x->accounts[i];
    for (size_t k = 0; a->netting && k < a->n_holdings; k++)
      kl_x_net(a, a->holdings[k]->p.market->event);
  }
}

static bool adds_up(kl_exchange *x, kl_error *e) {
  kl_x_restore *r = x->restore;
  if (r->weight > INT64_MAX / 4) {
    kl_error_set(e, KL_ERR_CONFIG, "the amounts of money are out of range");
    return false;
  }
  for (size_t i = 0; i < x->n_accounts; i++) {
    const kl_x_account *a = x->accounts[i];
    if (kl_x_balance(a) >= 0) continue;
    kl_error_set(e, KL_ERR_CONFIG, "account %zu has less than its orders need", i + 1);
    return false;
  }
  for (size_t i = 0; i < x->n_markets; i++) {
    kl_count sum = 0;
    const kl_list *holdings = &kl_x_book_of(x->markets[i])->holdings;
    for (const kl_list *n = holdings->next; n != holdings; n = n->next)
      sum += KL_CONTAINER(n, kl_x_holding, in_market)->p.position;
    if (sum == 0) continue;
    kl_error_set(e, KL_ERR_CONFIG, "the positions of market %.64s do not add up to zero", x->markets[i]->ticker);
    return false;
  }
  kl_money off = kl_exchange_conservation(x);
  if (off == 0) return true;
  kl_error_set(e, KL_ERR_CONFIG, "the money does not add up: %" PRId64 " millionths of a dollar too %s",
               off < 0 ? -off : off, off < 0 ? "few" : "many");
  return false;
}

bool kl_exchange_restored(kl_exchange *x, kl_error *e) {
  kl_x_restore *r = x->restore;
  if (!r || !r->has_totals) {
    kl_error_set(e, KL_ERR_CONFIG, "there are no totals");
    return false;
  }
  x->random = r->totals.random;
  x->seq = r->totals.seq;
  for (int i = 0; i < KL_EXCHANGE_SHARDS; i++) {
    x->shards[i].pause = (kl_pause)r->totals.pauses[i];
    x->shards[i].resume_us = r->totals.resumes_us[i];
  }
  x->deposits = r->totals.deposits;
  x->fees = r->totals.fees;
  x->transit = r->totals.transit;
  x->retired = r->totals.retired;
  x->market_serial = r->totals.market_serial;
  x->event_serial = r->totals.event_serial;
  if (!fill_books(x, e)) return false;
  net(x);
  if (!adds_up(x, e)) return false;
  x->numbers = r->totals.numbers;
  kl_x_restore_free(r);
  x->restore = NULL;
  if (x->journal) kl_x_journal_restored(x, x->journal);
  return true;
}
