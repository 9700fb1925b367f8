/* Placing and amending: what may trade at once. */
#include <stdio.h>
#include <string.h>

#include "exchange/internal.h"

static bool given(const char *text) { return text && *text; }

static bool valid_client_id(const char *id) {
  return strnlen(id, sizeof(((kl_order *)NULL)->client_order_id)) < sizeof(((kl_order *)NULL)->client_order_id);
}

static kl_exchange_result check_market(const kl_exchange *x, const kl_market *m) {
  kl_pause pause = kl_exchange_pause_of(x, m->exchange_index, NULL);
  if (pause == KL_EXCHANGE_PAUSE) return KL_X_EXCHANGE_PAUSED;
  if (m->status != KL_MARKET_ACTIVE) return KL_X_MARKET_INACTIVE;
  return pause == KL_TRADING_PAUSE ? KL_X_PAUSED : KL_X_OK;
}

/* The user's resting order of that subaccount. One that has ended in a market that is not open is answered for like one
 * that rests: nothing can be done there. */
static kl_exchange_result find_resting(const kl_exchange *x, uint32_t user, int subaccount, const char *order_id,
                                       kl_x_order **out) {
  kl_x_id id;
  *out = NULL;
  kl_x_order *o = kl_x_id_parse(order_id, &id) ? kl_x_index_find(&x->index, id) : NULL;
  if (!o || o->o.user != user || o->o.subaccount != subaccount) return KL_X_NOT_FOUND;
  kl_exchange_result result = check_market(x, o->o.market);
  if (result != KL_X_OK && result != KL_X_PAUSED) return result;
  if (!o->level) return KL_X_NOT_FOUND;
  /* What ending it touches, all at once: its neighbours in the lists and its holding. */
  __builtin_prefetch(o->holding, 1);
  __builtin_prefetch(o->live.next, 1);
  __builtin_prefetch(o->live.prev, 1);
  __builtin_prefetch(o->queue.next, 1);
  __builtin_prefetch(o->queue.prev, 1);
  *out = o;
  return KL_X_OK;
}

static kl_exchange_result check_group(const kl_exchange *x, const kl_order_request *r, const kl_market *m) {
  kl_group_key key = {r->user, r->subaccount, m->exchange_index, r->order_group_id};
  if (!given(r->order_group_id)) return KL_X_OK;
  const kl_x_group *g = kl_x_group_find(x, &key);
  if (!g) return KL_X_GROUP_NOT_FOUND;
  return g->g.triggered ? KL_X_GROUP_TRIGGERED : KL_X_OK;
}

/* What placing an order touches first: the position, and the order that it meets. */
static void prefetch_trade(const kl_x_account *a, const kl_market *m, kl_side side) {
  const kl_x_holding *h = kl_x_holding_find(a, m);
  const kl_x_level *best = kl_x_best(m, kl_x_other(side));
  if (h) __builtin_prefetch(h, 1);
  if (best) __builtin_prefetch(KL_CONTAINER(best->queue.next, kl_x_order, queue), 1);
}

kl_exchange_result kl_x_check_request(kl_exchange *x, const kl_order_request *r, kl_market **market) {
  if (r->user >= x->n_users || r->subaccount < 0 || r->subaccount >= KL_X_SUBACCOUNTS || !r->ticker)
    return KL_X_INVALID_PARAMETERS;
  if (given(r->client_order_id) && !valid_client_id(r->client_order_id)) return KL_X_INVALID_PARAMETERS;
  kl_market *m = *market = kl_exchange_market(x, r->ticker);
  if (!m) return KL_X_NOT_FOUND;
  const kl_x_account *a = kl_x_account_find(x, r->user, r->subaccount, m->exchange_index);
  if (!a || !a->open) return KL_X_NO_SUBACCOUNT;
  if (a->locked) return KL_X_LOCKED;
  prefetch_trade(a, m, r->side);
  if (given(r->client_order_id) && kl_x_client_ids_has(&x->client_ids, r->user, r->client_order_id)) return KL_X_EXISTS;
  kl_exchange_result result = check_market(x, m);
  if (result != KL_X_OK) return result;
  if (r->count <= 0 || r->count > KL_X_MAX_COUNT) return KL_X_INVALID_SIZE;
  if (!kl_price_on_grid(m, r->price)) return KL_X_INVALID_PRICE;
  if (r->tif != KL_TIF_GTC && (r->post_only || r->expiration_us != 0)) return KL_X_INVALID_PARAMETERS;
  if (r->reduce_only && r->tif != KL_TIF_IOC) return KL_X_INVALID_PARAMETERS;
  if (r->expiration_us < 0 || (r->expiration_us > 0 && r->expiration_us <= x->now)) return KL_X_EXPIRED;
  result = check_group(x, r, m);
  if (result != KL_X_OK) return result;
  if (r->tif == KL_TIF_GTC && x->users[r->user]->n_live >= KL_X_OPEN_ORDERS) return KL_X_TOO_MANY_ORDERS;
  if (r->post_only && kl_x_crosses(m, r->side, r->price)) return KL_X_POST_ONLY_CROSS;
  return KL_X_OK;
}

/* Memory for a new order up to its rest, so that nothing can fail halfway. */
static bool reserve_create(kl_exchange *x, kl_x_user *u, const kl_market *m, const kl_order_request *r) {
  if (!kl_x_slab_reserve(&x->orders, 1) || !kl_x_index_reserve(&x->index)) return false;
  if (given(r->client_order_id) && !kl_x_client_ids_reserve(&x->client_ids)) return false;
  if (u->n_orders == u->cap_orders) {
    kl_x_order **list = kl_x_grown((void *)u->orders, &u->cap_orders, u->n_orders + 1, sizeof(kl_x_order *));
    if (!list) return false;
    u->orders = list;
  }
  return kl_x_book_reserve(x, m, r->side) && kl_x_schedule_reserve(&x->schedule, 1);
}

/* Whether the account can pay for `count` contracts of `o` at `price`, with `extra` added to its balance and what the
 * order itself is credited with closing given back. Asked for: the price of what does not close, the fees of what
 * trades at once, and the maker fee of what comes to rest. Plans the trades only when the answer needs it. */
static bool affordable(kl_exchange *x, const kl_x_order *o, kl_price price, kl_count count, kl_money extra) {
  const kl_market *m = o->o.market;
  kl_count closing = kl_x_spare(o->holding, o->o.side, o->closing);
  if (closing > count) closing = count;
  kl_money need = kl_x_own_price(o->o.side, price) * (count - closing);
  kl_money have = kl_x_balance(o->holding->account) + extra;
  if (need > have) return false;
  kl_count rest = count;
  if (kl_x_crosses(m, o->o.side, price)) {
    /* No fill is smaller than one unit of kl_count, and the fee of a unit is highest at half a dollar. */
    kl_money unit = kl_x_fee(m, true, KL_PRICE_ONE / 2, 1) + x->precision;
    if (count < (have - need) / unit) return true;
    kl_x_plan plan;
    kl_x_plan_take(x, o, price, count, &plan);
    need += plan.fees;
    rest -= plan.filled;
    if (plan.self && o->o.stp == KL_STP_TAKER_AT_CROSS) rest = 0;
  }
  if (o->o.tif == KL_TIF_GTC) need += kl_x_fee(m, false, price, rest);
  return need <= have;
}

void kl_x_conclude(kl_exchange *x, kl_x_order *o, bool rests, kl_update_reason reason) {
  kl_count left = o->o.remaining;
  kl_x_group *group = o->group;
  o->o.updated_us = x->now;
  if (group && kl_x_group_over(x, group)) {
    if (rests) reason = KL_REASON_GROUP;
    rests = false;
  } else {
    group = NULL;
  }
  if (left > 0 && rests) {
    kl_x_rest(x, o);
    kl_x_tell_order(x, o);
    kl_x_tell_level(x, o, left);
    return;
  }
  kl_x_release(o);
  o->o.remaining = 0;
  o->o.status = left > 0 ? KL_ORDER_CANCELED : KL_ORDER_EXECUTED;
  if (left > 0) o->o.reason = reason;
  kl_x_group_leave(o);
  kl_x_tell_order(x, o);
  if (group) kl_x_group_trip(x, group);
}

void kl_x_init_order(kl_x_order *o, kl_x_holding *h) {
  kl_list_init(&o->queue);
  kl_list_init(&o->live);
  kl_list_init(&o->closer);
  kl_list_init(&o->in_group);
  o->alarm = SIZE_MAX;
  o->holding = h;
}

kl_x_order *kl_x_open_order(kl_exchange *x, kl_market *m, const kl_order_request *r) {
  kl_x_user *u = x->users[r->user];
  kl_x_trim(x, u);
  kl_x_account *a = kl_x_account_find(x, r->user, r->subaccount, m->exchange_index);
  kl_x_holding *h = a ? kl_x_holding_get(x, a, m) : NULL;
  if (!h || !reserve_create(x, u, m, r)) return NULL;
  kl_x_order *o = kl_x_slab_take(&x->orders);
  kl_x_init_order(o, h);
  o->reserve = kl_exchange_fees(m->event);
  o->o = (kl_order){.user = r->user,
                    .market = m,
                    .side = r->side,
                    .price = r->price,
                    .initial = r->count,
                    .remaining = r->count,
                    .tif = r->tif,
                    .stp = r->stp,
                    .post_only = r->post_only,
                    .reduce_only = r->reduce_only,
                    .cancel_on_pause = r->cancel_on_pause,
                    .behind = r->behind,
                    .quoter = r->quoter,
                    .subaccount = r->subaccount,
                    .expiration_us = r->expiration_us,
                    .status = KL_ORDER_RESTING,
                    .reason = KL_REASON_NONE,
                    .created_us = x->now,
                    .updated_us = x->now,
                    .priv = o};
  kl_group_key key = {r->user, r->subaccount, m->exchange_index, r->order_group_id};
  if (given(r->order_group_id)) o->group = kl_x_group_find(x, &key);
  if (o->group) memcpy(o->o.order_group_id, o->group->g.id, sizeof o->o.order_group_id);
  return o;
}

void kl_x_register_order(kl_exchange *x, kl_x_order *o, const char *client_order_id) {
  kl_x_user *u = x->users[o->o.user];
  o->id = kl_x_id_next(&x->random);
  kl_x_id_format(o->id, o->o.id);
  o->o.seq = ++x->seq;
  o->number = ++x->numbers;
  kl_x_index_add(&x->index, o);
  u->orders[u->n_orders++] = o;
  if (!given(client_order_id)) return;
  (void)snprintf(o->o.client_order_id, sizeof o->o.client_order_id, "%s", client_order_id);
  kl_x_client_ids_add(&x->client_ids, o->o.user, client_order_id);
  kl_x_note_client_id(x, o->o.user, client_order_id);
}

/* What a new order will touch, of tables that are too large for the caches: asked for while it is checked. */
static void prefetch_create(const kl_exchange *x, const kl_order_request *r) {
  uint64_t state = x->random;
  if (given(r->client_order_id)) kl_x_client_ids_prefetch(&x->client_ids, r->user, r->client_order_id);
  kl_x_index_prefetch(&x->index, kl_x_id_next(&state));
  kl_x_slab_prefetch(&x->orders);
}

kl_exchange_result kl_exchange_create(kl_exchange *x, int64_t now_us, const kl_order_request *r,
                                      kl_order_outcome *out) {
  kl_order_outcome unused;
  kl_market *m;
  if (!out) out = &unused;
  *out = (kl_order_outcome){0};
  prefetch_create(x, r);
  kl_x_advance(x, now_us);
  kl_exchange_result result = kl_x_check_request(x, r, &m);
  if (result != KL_X_OK) return result;
  kl_x_order *o = kl_x_open_order(x, m, r);
  if (!o) return KL_X_NOMEM;
  const kl_x_holding *h = o->holding;
  kl_count want = r->count;
  if (r->reduce_only && want > kl_x_closable(h, r->side)) want = kl_x_closable(h, r->side);
  if (!affordable(x, o, r->price, want, 0)) {
    kl_x_slab_give(&x->orders, o);
    return KL_X_INSUFFICIENT_BALANCE;
  }
  kl_x_register_order(x, o, r->client_order_id);
  kl_x_plan plan = {.filled = want};
  if (r->tif == KL_TIF_FOK) kl_x_plan_take(x, o, r->price, want, &plan);
  bool reached = true;
  /* A fill-or-kill that meets an own order is an immediate-or-cancel. */
  if (plan.filled == want || plan.self) {
    kl_x_credit(o, want);
    reached = kl_x_match(x, o, want, out);
  }
  kl_update_reason reason = !reached                                 ? KL_REASON_SELF_TRADE
                            : want < r->count && out->filled == want ? KL_REASON_REDUCE_ONLY
                                                                     : KL_REASON_CANCEL;
  kl_x_conclude(x, o, r->tif == KL_TIF_GTC && reached, reason);
  out->order = &o->o;
  out->remaining = o->o.remaining;
  out->changed = true;
  return KL_X_OK;
}

static kl_exchange_result check_amend(const kl_exchange *x, const kl_x_order *o, const kl_amend_request *r,
                                      bool rename) {
  if (!r->ticker || strcmp(r->ticker, o->o.market->ticker) != 0) return KL_X_TICKER_MISMATCH;
  if (r->side != o->o.side) return KL_X_SIDE_MISMATCH;
  if (given(r->client_order_id) && strcmp(r->client_order_id, o->o.client_order_id) != 0) return KL_X_ID_MISMATCH;
  if (rename && !valid_client_id(r->updated_client_order_id)) return KL_X_INVALID_PARAMETERS;
  if (rename && kl_x_client_ids_has(&x->client_ids, r->user, r->updated_client_order_id)) return KL_X_EXISTS;
  if (r->count <= o->o.filled || r->count > KL_X_MAX_COUNT) return KL_X_INVALID_SIZE;
  /* The grid may have changed since the order was placed. */
  if (r->price == o->o.price && r->count <= o->o.filled + o->o.remaining) return KL_X_OK;
  return kl_price_on_grid(o->o.market, r->price) ? KL_X_OK : KL_X_INVALID_PRICE;
}

/* Fewer contracts at the same price: the place in the queue stays. */
static void shrink(kl_exchange *x, kl_x_order *o, kl_count n, kl_update_reason reason) {
  if (n > 0) {
    kl_count spare = o->closing - (o->o.remaining - n);
    if (spare > 0) kl_x_uncredit(o, spare);
    kl_x_book_take(x, o, n);
    o->o.initial -= n;
    kl_x_hold(o);
    kl_x_tell_level(x, o, -n);
  }
  o->o.reason = reason;
  o->o.updated_us = x->now;
  kl_x_tell_order(x, o);
}

static void rename_order(kl_exchange *x, kl_x_order *o, const char *client_order_id) {
  kl_x_client_ids_add(&x->client_ids, o->o.user, client_order_id);
  kl_x_note_client_id(x, o->o.user, client_order_id);
  (void)snprintf(o->o.client_order_id, sizeof o->o.client_order_id, "%s", client_order_id);
}

kl_exchange_result kl_exchange_amend(kl_exchange *x, int64_t now_us, const kl_amend_request *r, kl_order_outcome *out) {
  kl_order_outcome unused;
  if (!out) out = &unused;
  *out = (kl_order_outcome){0};
  kl_x_advance(x, now_us);
  kl_x_order *o;
  kl_exchange_result result = find_resting(x, r->user, r->subaccount, r->order_id, &o);
  if (result == KL_X_OK) result = check_market(x, o->o.market);
  if (result != KL_X_OK) return result;
  bool rename = given(r->updated_client_order_id) && strcmp(r->updated_client_order_id, o->o.client_order_id) != 0;
  result = check_amend(x, o, r, rename);
  if (result != KL_X_OK) return result;
  if (rename && !kl_x_client_ids_reserve(&x->client_ids)) return KL_X_NOMEM;

  kl_count remaining = r->count - o->o.filled;
  out->order = &o->o;
  if (r->price == o->o.price && remaining <= o->o.remaining) {
    out->changed = rename || remaining < o->o.remaining;
    if (rename) rename_order(x, o, r->updated_client_order_id);
    if (out->changed) shrink(x, o, o->o.remaining - remaining, KL_REASON_AMEND);
    out->remaining = remaining;
    return KL_X_OK;
  }
  if (o->o.post_only && kl_x_crosses(o->o.market, o->o.side, r->price)) {
    kl_x_end(x, o, KL_REASON_POST_ONLY_CROSS);
    out->changed = true;
    return KL_X_OK;
  }
  if (!affordable(x, o, r->price, remaining, o->held)) return KL_X_INSUFFICIENT_BALANCE;
  if (!kl_x_book_reserve(x, o->o.market, o->o.side)) return KL_X_NOMEM;
  if (rename) rename_order(x, o, r->updated_client_order_id);
  kl_x_withdraw(x, o);
  o->reserve = kl_exchange_fees(o->o.market->event);
  o->o.price = r->price;
  o->o.initial = r->count;
  o->o.remaining = remaining;
  o->o.reason = KL_REASON_AMEND;
  o->o.seq = ++x->seq;
  kl_x_credit(o, remaining);
  bool reached = kl_x_match(x, o, remaining, out);
  kl_x_conclude(x, o, reached, KL_REASON_SELF_TRADE);
  out->remaining = o->o.remaining;
  out->changed = true;
  return KL_X_OK;
}

kl_exchange_result kl_exchange_decrease(kl_exchange *x, int64_t now_us, uint32_t user, int subaccount,
                                        const char *order_id, kl_count reduce_by, kl_count reduce_to,
                                        const kl_order **order) {
  kl_x_advance(x, now_us);
  if (order) *order = NULL;
  kl_x_order *o;
  kl_exchange_result result = find_resting(x, user, subaccount, order_id, &o);
  if (result != KL_X_OK) return result;
  if ((reduce_by == -1) == (reduce_to == -1)) return KL_X_INVALID_PARAMETERS;
  if (reduce_to == -1 ? reduce_by <= 0 : reduce_to < 0 || reduce_to > o->o.remaining) return KL_X_INVALID_SIZE;
  kl_count n = reduce_to == -1 ? reduce_by : o->o.remaining - reduce_to;
  if (n >= o->o.remaining)
    kl_x_end(x, o, KL_REASON_CANCEL);
  else if (n > 0)
    shrink(x, o, n, KL_REASON_DECREASE);
  if (order) *order = &o->o;
  return KL_X_OK;
}

kl_exchange_result kl_exchange_cancel(kl_exchange *x, int64_t now_us, uint32_t user, int subaccount,
                                      const char *order_id, kl_count *reduced, const kl_order **order) {
  kl_x_advance(x, now_us);
  if (reduced) *reduced = 0;
  if (order) *order = NULL;
  kl_x_order *o;
  kl_exchange_result result = find_resting(x, user, subaccount, order_id, &o);
  if (result != KL_X_OK) return result;
  if (reduced) *reduced = o->o.remaining;
  kl_x_end(x, o, KL_REASON_CANCEL);
  if (order) *order = &o->o;
  return KL_X_OK;
}

size_t kl_exchange_cancel_all(kl_exchange *x, int64_t now_us, uint32_t user, int subaccount) {
  size_t n = 0;
  kl_x_advance(x, now_us);
  if (user >= x->n_users) return 0;
  kl_list *live = &x->users[user]->live;
  for (kl_list *i = live->next, *next; i != live && n < KL_X_CANCEL_ALL; i = next) {
    next = i->next;
    kl_x_order *o = KL_CONTAINER(i, kl_x_order, live);
    if (subaccount != -1 && o->o.subaccount != subaccount) continue;
    kl_exchange_result result = check_market(x, o->o.market);
    if (result != KL_X_OK && result != KL_X_PAUSED) continue;
    kl_x_end(x, o, KL_REASON_CANCEL);
    n++;
  }
  return n;
}
