/* Price, then time, with those that stand behind last. A taker meets the best level's first order first. */
#include <string.h>

#include "exchange/internal.h"

static kl_count open_interest(kl_count position) { return position > 0 ? position : 0; }

/* Whether a plan may count on the order: its group is triggered as soon as more than the limit has filled. */
static bool plannable(const kl_exchange *x, const kl_x_order *maker) {
  kl_x_group *g = maker->group;
  if (!g) return true;
  if (g->plan != x->plans) {
    g->plan = x->plans;
    g->planned = kl_exchange_group_volume(x, &g->g);
  }
  return g->planned <= g->g.limit;
}

void kl_x_plan_take(kl_exchange *x, const kl_x_order *taker, kl_price price, kl_count want, kl_x_plan *plan) {
  const kl_x_book *b = kl_x_book_of(taker->o.market);
  kl_side side = taker->o.side;
  const kl_x_ladder *l = &b->sides[kl_x_other(side)];
  kl_money fees = 0, accumulator = taker->accumulator;
  *plan = (kl_x_plan){0};
  x->plans++;
  for (size_t i = l->n; i > 0 && plan->filled < want; i--) {
    const kl_x_level *level = l->levels[i - 1];
    if (side == KL_BID ? level->price > price : level->price < price) return;
    for (const kl_list *q = level->queue.next; q != &level->queue && plan->filled < want; q = q->next) {
      const kl_x_order *maker = KL_CONTAINER(q, kl_x_order, queue);
      if (maker->o.user == taker->o.user) {
        plan->self = true;
        if (taker->o.stp == KL_STP_TAKER_AT_CROSS) return;
        continue;
      }
      if (!plannable(x, maker)) continue;
      kl_count left = want - plan->filled, n = maker->o.remaining < left ? maker->o.remaining : left;
      /* Closing a contract adds a dollar to the revenue, which does not change its rounding. */
      kl_money revenue = -kl_x_own_price(side, level->price) * n, rebate;
      kl_money fee = kl_x_fee(taker->o.market, true, level->price, n);
      fees += fee + kl_fee_rounding(revenue, fee, x->precision, &accumulator, &rebate) - rebate;
      if (fees > plan->fees) plan->fees = fees;
      plan->filled += n;
      if (maker->group) maker->group->planned += n;
    }
  }
}

static void add_fill(kl_exchange *x, kl_x_order *o, const kl_trade *t, bool taker, bool taker_fee, kl_fill *f) {
  *f = (kl_fill){.order = &o->o,
                 .user = o->o.user,
                 .market = t->market,
                 .side = o->o.side,
                 .is_taker = taker,
                 .taker_fee = taker_fee,
                 .yes_price = t->yes_price,
                 .count = t->count,
                 .subaccount = o->o.subaccount,
                 .ts_us = x->now};
  memcpy(f->order_id, o->o.id, sizeof f->order_id);
  memcpy(f->trade_id, t->id, sizeof f->trade_id);
  kl_x_ledger_fill(x, o, t->yes_price, t->count, taker, f);
  o->o.filled += t->count;
  if (o->group) kl_x_group_count(x, o->group, t->count);
  o->o.reason = KL_REASON_TRADE;
  o->o.updated_us = x->now;
  kl_x_keep_fill(x, f);
}

static void count_trade(kl_exchange *x, kl_trade *t, kl_market *m, kl_count interest) {
  kl_x_book *b = kl_x_book_of(m);
  m->last_price = t->yes_price;
  m->last_size = t->count;
  m->volume += t->count;
  kl_x_add_volume(x, b, t->count);
  m->open_interest += interest;
  m->dollar_volume += t->yes_price * t->count;
  m->dollar_open_interest += interest * KL_PRICE_ONE;
  m->last_trade_us = x->now;
  b->series->volume += t->count;
  kl_x_keep_trade(x, t);
  kl_x_touch_market(x, m);
}

/* The quoter of a combo that hits an order of the last seconds pays as a maker, and that order as a taker: it came for
 * the quote. */
static bool fees_swapped(const kl_exchange *x, const kl_x_order *maker, const kl_x_order *taker) {
  static const int64_t young_us = 5000000;
  return taker->o.quoter && x->now - maker->o.created_us < young_us &&
         kl_exchange_fees(taker->o.market->event).type == KL_FEE_QUADRATIC_COMBO_MAKER;
}

void kl_x_trade(kl_exchange *x, kl_x_order *maker, kl_x_order *taker, kl_count n, kl_order_outcome *out) {
  kl_market *m = taker->o.market;
  bool block = !maker->level, swapped = fees_swapped(x, maker, taker);
  kl_trade t = {.market = m,
                .yes_price = maker->o.price,
                .count = n,
                .taker_side = taker->o.side,
                .block = block,
                .ts_us = x->now};
  kl_x_id_format(kl_x_id_next(&x->random), t.id);
  kl_fill fills[2];
  kl_position *a = &maker->holding->p, *b = &taker->holding->p;
  kl_count before = open_interest(a->position) + open_interest(b->position);
  kl_x_group *group = maker->group;

  if (block)
    maker->o.remaining -= n;
  else
    kl_x_book_take(x, maker, n);
  taker->o.remaining -= n;
  add_fill(x, maker, &t, false, swapped, &fills[0]);
  add_fill(x, taker, &t, true, !swapped, &fills[1]);
  count_trade(x, &t, m, open_interest(a->position) + open_interest(b->position) - before);
  if (maker->o.remaining == 0) {
    maker->o.status = KL_ORDER_EXECUTED;
    if (!block) kl_x_unlist(x, maker);
    kl_x_group_leave(maker);
  }
  out->filled += n;
  out->fill_cost += t.yes_price * n;
  out->fees += fills[1].fee;

  if (!block) kl_x_tell_level(x, maker, -n);
  if (x->sink.trade) x->sink.trade(x->sink.data, &t);
  if (x->sink.fill) x->sink.fill(x->sink.data, &fills[0]);
  if (x->sink.fill) x->sink.fill(x->sink.data, &fills[1]);
  kl_x_tell_order(x, maker);
  kl_x_tell_position(x, maker->holding);
  kl_x_tell_position(x, taker->holding);
  if (group && kl_x_group_over(x, group)) kl_x_group_trip(x, group);
}

bool kl_x_match(kl_exchange *x, kl_x_order *taker, kl_count want, kl_order_outcome *out) {
  const kl_market *m = taker->o.market;
  while (want > 0 && kl_x_crosses(m, taker->o.side, taker->o.price)) {
    const kl_x_level *level = kl_x_best(m, kl_x_other(taker->o.side));
    kl_x_order *maker = KL_CONTAINER(level->queue.next, kl_x_order, queue);
    if (maker->o.user == taker->o.user) {
      if (taker->o.stp == KL_STP_TAKER_AT_CROSS) return false;
      kl_x_end(x, maker, KL_REASON_SELF_TRADE);
      continue;
    }
    kl_count n = maker->o.remaining < want ? maker->o.remaining : want;
    kl_x_trade(x, maker, taker, n, out);
    want -= n;
  }
  return true;
}
