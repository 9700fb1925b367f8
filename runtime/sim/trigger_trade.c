/* Triggers that trade: a synthetic party with money enough, a user of the exchange like any other, so that price, time,
 * fees and everybody's money are as always. */
#include <string.h>

#include "base/decimal.h"
#include "sim/trigger_impl.h"

#include "exchange/saved.h"

#define DEPOSIT (INT64_C(1000000000) * KL_MONEY_ONE)
enum { KEEP = 1000 };

typedef enum { TAKER, RESTER } role;

/* A synthetic party, made when it is first needed; UINT32_MAX after refusing. Who takes never rests, so that it meets
 * no order of its own. */
static uint32_t hand_of(kl_sim_trigger_call *c, role r) {
  kl_sim *s = c->s;
  if (s->hands[r] != UINT32_MAX) return s->hands[r];
  kl_synthetic kind = r == TAKER ? KL_SYNTHETIC_TAKER_HAND : KL_SYNTHETIC_RESTER_HAND;
  s->hands[r] = kl_exchange_synthetic_at(s->x, kind, 0); /* of an earlier run with the state file */
  if (s->hands[r] != UINT32_MAX) return s->hands[r];
  s->hands[r] = kl_exchange_add_user(s->x, DEPOSIT);
  if (s->hands[r] == UINT32_MAX) {
    kl_sim_trigger_refuse(c, 409, "not enough memory for a synthetic party");
    return UINT32_MAX;
  }
  kl_exchange_set_synthetic(s->x, s->hands[r], kind);
  kl_exchange_keep(s->x, s->hands[r], KEEP, KEEP);
  return s->hands[r];
}

/* ---- which order ---- */

typedef struct search {
  const char *client_order_id; /* NULL: any */
  const kl_order *found;
  const kl_sim_account *owner;
  size_t n;
} search;

static void search_account(const kl_sim *s, const kl_sim_account *a, search *q) {
  const kl_order *o;
  for (size_t i = 0; (o = kl_exchange_order_at(s->x, a->user, i)); i++) {
    if (o->status != KL_ORDER_RESTING) continue;
    if (q->client_order_id && strcmp(o->client_order_id, q->client_order_id) != 0) continue;
    q->found = o;
    q->owner = a;
    q->n++;
  }
}

/* By id, whatever its status. */
static void search_id(const kl_sim *s, const kl_sim_account *a, const char *id, search *q) {
  const kl_order *o = kl_exchange_order(s->x, a->user, id);
  if (!o) return;
  q->found = o;
  q->owner = a;
  q->n++;
}

/* The resting order that the arguments name; NULL after refusing. */
static const kl_order *find_order(kl_sim_trigger_call *c, int *user) {
  static const char *const status[] = {
      [KL_ORDER_RESTING] = "resting", [KL_ORDER_CANCELED] = "canceled", [KL_ORDER_EXECUTED] = "executed"};
  const char *id = kl_sim_trigger_value_of(c, "order")->text;
  search q = {.client_order_id = kl_sim_trigger_value_of(c, "client_order_id")->text};
  bool ok;
  const kl_sim_account *only = kl_sim_trigger_user(c, &ok);
  if (!ok) return NULL;
  for (int i = 0; i < c->s->n_accounts; i++) {
    const kl_sim_account *a = &c->s->accounts[i];
    if (only && a != only) continue;
    if (id)
      search_id(c->s, a, id, &q);
    else
      search_account(c->s, a, &q);
  }
  if (q.n == 1 && q.found->status == KL_ORDER_RESTING) {
    *user = (int)(q.owner - c->s->accounts) + 1;
    return q.found;
  }
  if (q.n == 1)
    kl_sim_trigger_refuse(c, 409, "the order %s is %s", q.found->id, status[q.found->status]);
  else if (q.n == 0 && (id || q.client_order_id))
    kl_sim_trigger_refuse(c, 404, "no client has an order \"%.64s\"", id ? id : q.client_order_id);
  else if (q.n == 0)
    kl_sim_trigger_refuse(c, 409, "no order of a client rests");
  else
    kl_sim_trigger_refuse(c, 409, "%zu orders rest: say which by order=, client_order_id= or user=", q.n);
  return NULL;
}

/* ---- fill ---- */

/* Contracts that an order against `o` meets before it: better prices, and its own price before its place. */
static kl_count ahead_of(const kl_sim *s, const kl_order *o) {
  kl_outcome side = kl_sim_outcome(o->side);
  kl_price own = o->side == KL_BID ? o->price : KL_PRICE_ONE - o->price, price;
  kl_count n = kl_exchange_queue_position(s->x, o), at;
  for (size_t i = 0; kl_exchange_level(o->market, side, i, &price, &at) && price > own; i++)
    n += at;
  return n;
}

static void count_text(char out[32], kl_count n) { kl_decimal_format(out, 32, n, KL_COUNT_PLACES); }
static void price_text(char out[32], kl_price p) { kl_decimal_format(out, 32, p, KL_PRICE_PLACES); }

bool kl_sim_trigger_fill(kl_sim_trigger_call *c) {
  const kl_sim_trigger_value *wanted = kl_sim_trigger_value_of(c, "count");
  char filled[32], left[32], ahead_text[32], price[32], id[sizeof(kl_uuid)];
  int user = 0;
  uint32_t hand = hand_of(c, TAKER);
  const kl_order *o = hand == UINT32_MAX ? NULL : find_order(c, &user);
  if (!o) return false;
  count_text(left, o->remaining);
  if (wanted->text && wanted->number > o->remaining)
    return kl_sim_trigger_refuse(c, 409, "only %s contracts of the order are left", left);
  kl_count want = wanted->text ? wanted->number : o->remaining, before = o->filled, ahead = ahead_of(c->s, o);
  uint32_t owner = o->user;
  memcpy(id, o->id, sizeof id);
  kl_order_request r = {.user = hand,
                        .ticker = o->market->ticker,
                        .side = o->side == KL_BID ? KL_ASK : KL_BID,
                        .price = o->price,
                        .count = ahead + want,
                        .tif = KL_TIF_IOC};
  kl_exchange_result result = kl_exchange_create(c->s->x, c->s->now_us, &r, NULL);
  if (result != KL_X_OK) return kl_sim_trigger_refuse_result(c, result);
  o = kl_exchange_order(c->s->x, owner, id);
  if (!o || o->filled == before)
    return kl_sim_trigger_refuse(c, 409, "the order was not reached: something else trades in this market just now");
  count_text(filled, o->filled - before);
  count_text(left, o->remaining);
  count_text(ahead_text, ahead);
  price_text(price, o->price);
  kl_sim_field_str(c->out, "order_id", id);
  if (o->client_order_id[0]) kl_sim_field_str(c->out, "client_order_id", o->client_order_id);
  kl_sim_field_int(c->out, "user", user);
  kl_sim_field_str(c->out, "market", o->market->ticker);
  kl_sim_field_str(c->out, "side", kl_sim_side_name(o->side));
  kl_sim_field_price(c->out, "price", o->price);
  kl_sim_field_count(c->out, "filled", o->filled - before);
  kl_sim_field_count(c->out, "remaining", o->remaining);
  kl_sim_field_count(c->out, "ahead", ahead);
  return kl_sim_trigger_done(c, "filled %s contracts of the %s at %s in %s, %s are left%s%s%s", filled,
                             kl_sim_side_name(o->side), price, o->market->ticker, left, ahead ? "; " : "",
                             ahead ? ahead_text : "", ahead ? " that were ahead of it traded before" : "");
}

/* ---- trade, quote, cancel ---- */

bool kl_sim_trigger_trade(kl_sim_trigger_call *c) {
  const kl_sim_trigger_value *price = kl_sim_trigger_value_of(c, "price");
  char filled[32], wanted[32];
  uint32_t hand = hand_of(c, TAKER);
  const kl_market *m = hand == UINT32_MAX ? NULL : kl_sim_trigger_market(c, "market");
  if (!m) return false;
  kl_side side = (kl_side)kl_sim_trigger_value_of(c, "side")->number;
  kl_order_request r = {.user = hand,
                        .ticker = m->ticker,
                        .side = side,
                        .price = price->text      ? price->number
                                 : side == KL_BID ? kl_price_snap(m, KL_PRICE_ONE - 1)
                                                  : kl_price_snap(m, 1),
                        .count = kl_sim_trigger_value_of(c, "count")->number,
                        .tif = KL_TIF_IOC};
  kl_order_outcome done;
  kl_exchange_result result = kl_exchange_create(c->s->x, c->s->now_us, &r, &done);
  if (result != KL_X_OK) return kl_sim_trigger_refuse_result(c, result);
  if (done.filled == 0)
    return kl_sim_trigger_refuse(c, 409, "nothing in the book of %s trades at that price", m->ticker);
  count_text(filled, done.filled);
  count_text(wanted, r.count);
  kl_sim_field_str(c->out, "market", m->ticker);
  kl_sim_field_str(c->out, "side", kl_sim_side_name(side));
  kl_sim_field_count(c->out, "filled", done.filled);
  kl_sim_field_price(c->out, "last_price", m->last_price);
  char last[32];
  price_text(last, m->last_price);
  return kl_sim_trigger_done(c, "%s %s of %s contracts in %s, the last at %s", side == KL_BID ? "bought" : "sold",
                             filled, wanted, m->ticker, last);
}

bool kl_sim_trigger_quote(kl_sim_trigger_call *c) {
  char price[32], count[32];
  uint32_t hand = hand_of(c, RESTER);
  const kl_market *m = hand == UINT32_MAX ? NULL : kl_sim_trigger_market(c, "market");
  if (!m) return false;
  kl_order_request r = {.user = hand,
                        .ticker = m->ticker,
                        .side = (kl_side)kl_sim_trigger_value_of(c, "side")->number,
                        .price = kl_sim_trigger_value_of(c, "price")->number,
                        .count = kl_sim_trigger_value_of(c, "count")->number,
                        .tif = KL_TIF_GTC,
                        .post_only = true};
  kl_order_outcome done;
  kl_exchange_result result = kl_exchange_create(c->s->x, c->s->now_us, &r, &done);
  if (result != KL_X_OK) return kl_sim_trigger_refuse_result(c, result);
  price_text(price, r.price);
  count_text(count, r.count);
  kl_sim_field_str(c->out, "order_id", done.order->id);
  kl_sim_field_str(c->out, "market", m->ticker);
  kl_sim_field_str(c->out, "side", kl_sim_side_name(r.side));
  kl_sim_field_price(c->out, "price", r.price);
  kl_sim_field_count(c->out, "count", r.count);
  return kl_sim_trigger_done(c, "%s of %s contracts at %s rests in %s", kl_sim_side_name(r.side), count, price,
                             m->ticker);
}

bool kl_sim_trigger_cancel(kl_sim_trigger_call *c) {
  char gone[32];
  kl_count reduced;
  int user = 0;
  const kl_order *o = find_order(c, &user);
  if (!o) return false;
  kl_exchange_result result = kl_exchange_cancel(c->s->x, c->s->now_us, o->user, o->subaccount, o->id, &reduced, &o);
  if (result != KL_X_OK) return kl_sim_trigger_refuse_result(c, result);
  count_text(gone, reduced);
  kl_sim_field_str(c->out, "order_id", o->id);
  kl_sim_field_int(c->out, "user", user);
  kl_sim_field_str(c->out, "market", o->market->ticker);
  kl_sim_field_count(c->out, "canceled", reduced);
  return kl_sim_trigger_done(c, "canceled %s contracts of the %s in %s", gone, kl_sim_side_name(o->side),
                             o->market->ticker);
}
