/* Long random runs of the matching engine: invariants after every step. tests/oracle compares it with another engine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/map.h"
#include "exchange/internal.h"
#include "unit/counts.h"

static uint64_t random_state;

static uint64_t random_next(void) {
  uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}
static int64_t below(int64_t n) { return (int64_t)(random_next() % (uint64_t)n); }
static bool chance(int64_t in_thousand) { return below(1000) < in_thousand; }

/* ---- invariants ---- */

enum { STEPS = 110000, USERS = 7, SUBACCOUNTS = 2, MARKETS = 4, MAX_LIVE = 4096 };

typedef struct watched {
  kl_market *m;
  kl_count levels[2][KL_PRICE_ONE + 1]; /* by outcome and own price, from the sink's deltas */
  kl_count told[2];                     /* their sums */
} watched;

typedef struct seen {
  uint64_t trades, fills, refused_balance, self_trades, expired, closed, halted, reduced, post_only_ended, amended,
      decreased, fok_killed;
} seen;

typedef struct run {
  kl_exchange *x;
  watched markets[MARKETS];
  int made;
  int64_t now;
  kl_map *status; /* of every order told of: status + 1 */
  const kl_order *live[MAX_LIVE];
  size_t n_live;
  kl_price taken; /* own price of the last level that shrank */
  bool taken_best;
  kl_outcome taken_side;
  seen seen;
} run;

static watched *watched_of(run *r, const kl_market *m) {
  for (int i = 0; i < MARKETS; i++)
    if (r->markets[i].m == m) return &r->markets[i];
  return NULL;
}

static void on_level(void *data, const kl_market *m, kl_outcome side, kl_price price, kl_count delta,
                     const kl_order *by) {
  run *r = data;
  watched *w = watched_of(r, m);
  assert_non_null(w);
  assert_true(delta != 0);
  assert_true(kl_price_on_grid(m, price));
  assert_int_equal(by->side == KL_BID ? by->price : KL_PRICE_ONE - by->price, price);
  if (delta < 0) {
    r->taken = price;
    r->taken_side = side;
    r->taken_best = true;
    for (kl_price p = price + 1; p <= KL_PRICE_ONE; p++)
      if (w->levels[side][p] > 0) r->taken_best = false;
  }
  w->levels[side][price] += delta;
  w->told[side] += delta;
  assert_true(w->levels[side][price] >= 0);
}

static void on_trade(void *data, const kl_trade *t) {
  run *r = data;
  kl_outcome maker = t->taker_side == KL_BID ? KL_NO : KL_YES;
  assert_int_equal(r->taken_side, maker);
  assert_int_equal(maker == KL_YES ? r->taken : KL_PRICE_ONE - r->taken, t->yes_price);
  assert_true(r->taken_best);
  assert_true(t->count > 0);
  r->seen.trades++;
}

static void on_fill(void *data, const kl_fill *f) {
  run *r = data;
  r->seen.fills++;
  assert_true(f->fee >= 0);
  assert_string_equal(f->order_id, f->order->id);
  bool bid = f->side == KL_BID;
  assert_true(bid ? f->yes_price <= f->order->price : f->yes_price >= f->order->price);
  if (f->is_taker) return;
  for (size_t i = 0; i < r->n_live; i++) {
    const kl_order *o = r->live[i];
    if (o == f->order || o->market != f->market || o->side != f->side || o->status != KL_ORDER_RESTING) continue;
    assert_false(bid ? o->price > f->yes_price : o->price < f->yes_price);
    if (o->price != f->yes_price) continue;
    assert_true(o->behind || !f->order->behind);
    if (o->behind == f->order->behind) assert_true(o->seq > f->order->seq);
  }
}

static void on_order(void *data, const kl_order *o) {
  run *r = data;
  uintptr_t before = (uintptr_t)kl_map_get(r->status, o->id, 36);
  assert_true(before == 0 || before == (uintptr_t)KL_ORDER_RESTING + 1);
  assert_true(
      kl_map_set(r->status, o->id, 36, (void *)((uintptr_t)o->status + 1))); // NOLINT(performance-no-int-to-ptr)
  size_t i = 0;
  while (i < r->n_live && r->live[i] != o)
    i++;
  if (o->status == KL_ORDER_RESTING) {
    assert_int_equal(o->filled + o->remaining, o->initial);
    assert_true(o->remaining > 0);
    assert_true(r->n_live < MAX_LIVE);
    r->live[i] = o;
    if (i == r->n_live) r->n_live++;
  } else {
    assert_int_equal(o->remaining, 0);
    if (o->status == KL_ORDER_EXECUTED) assert_int_equal(o->filled, o->initial);
    if (i < r->n_live) r->live[i] = r->live[--r->n_live];
  }
  seen *s = &r->seen;
  if (o->status == KL_ORDER_CANCELED && o->tif == KL_TIF_FOK && o->filled == 0) s->fok_killed++;
  switch (o->reason) {
  case KL_REASON_SELF_TRADE:
    s->self_trades++;
    break;
  case KL_REASON_EXPIRY:
    assert_true(o->expiration_us <= r->now);
    s->expired++;
    break;
  case KL_REASON_CLOSE:
    s->closed++;
    break;
  case KL_REASON_HALT:
    s->halted++;
    break;
  case KL_REASON_REDUCE_ONLY:
    s->reduced++;
    break;
  case KL_REASON_POST_ONLY_CROSS:
    s->post_only_ended++;
    break;
  case KL_REASON_AMEND:
    s->amended++;
    break;
  case KL_REASON_DECREASE:
    s->decreased++;
    break;
  default:
    break;
  }
}

static kl_market *add_market(kl_exchange *x, int number, int64_t now, int64_t close_us) {
  static const char *const grids[] = {"linear_cent", "deci_cent", "tapered_deci_cent", "center_deci_edge_centi_cent"};
  static const kl_fee_type fees[] = {KL_FEE_QUADRATIC, KL_FEE_QUADRATIC_MAKER, KL_FEE_QUADRATIC_COMBO_MAKER,
                                     KL_FEE_FLAT};
  kl_series s = {.fee_type = fees[number % 4], .fee_multiplier_ppm = number % 4 == 3 ? 20000 : 1000000};
  kl_market_event e = {0};
  kl_market m = {.created_us = now, .close_us = close_us};
  (void)snprintf(s.ticker, sizeof s.ticker, "S%d", number);
  (void)snprintf(e.ticker, sizeof e.ticker, "S%d-E", number);
  (void)snprintf(m.ticker, sizeof m.ticker, "S%d-E-M", number);
  assert_true(kl_price_structure(grids[number / 2 % 4], &m));
  e.series = kl_exchange_add_series(x, &s);
  m.event = kl_exchange_add_event(x, &e);
  kl_market *made = kl_exchange_add_market(x, &m);
  assert_non_null(made);
  return made;
}

static void replace_market(run *r, int i) {
  memset(r->markets[i].levels, 0, sizeof r->markets[i].levels);
  r->markets[i].m = add_market(r->x, r->made++, r->now, chance(300) ? r->now + 1000000 * (10 + below(200)) : 0);
}

/* Orders are credited with closing no more than the position. */
static void check_promises(const kl_x_holding *h) {
  kl_count sum = 0, size = h->p.position < 0 ? -h->p.position : h->p.position;
  for (const kl_list *n = h->closers.next; n != &h->closers; n = n->next) {
    const kl_x_order *o = KL_CONTAINER(n, kl_x_order, closer);
    assert_true(o->closing > 0 && o->closing <= o->o.remaining);
    assert_int_equal(o->o.side, h->p.position > 0 ? KL_ASK : KL_BID);
    sum += o->closing;
  }
  assert_int_equal(sum, h->promised);
  assert_true(sum <= size);
}

static void check_market(const run *r, const watched *w) {
  const kl_market *m = w->m;
  kl_count sums[2] = {0, 0};
  for (int side = KL_YES; side <= KL_NO; side++) {
    kl_price price, last = KL_PRICE_ONE;
    kl_count count;
    size_t n = 0;
    for (; kl_exchange_level(m, (kl_outcome)side, n, &price, &count); n++) {
      assert_true(price < last);
      assert_true(count > 0);
      assert_int_equal(w->levels[side][price], count);
      last = price;
      sums[side] += count;
    }
    assert_int_equal(n, kl_exchange_levels(m, (kl_outcome)side));
    assert_int_equal(sums[side], w->told[side]); /* no level was told that is not there */
  }
  kl_price bid, ask;
  kl_count bid_size, ask_size;
  kl_exchange_top(m, &bid, &bid_size, &ask, &ask_size);
  assert_true(bid < ask);

  kl_count net = 0, interest = 0;
  kl_money value = 0;
  for (uint32_t u = 0; u < USERS; u++)
    for (int s = 0; s < SUBACCOUNTS; s++) {
      const kl_position *p;
      for (size_t i = 0; (p = kl_exchange_position_at(r->x, u, s, i)); i++) {
        if (p->market != m) continue;
        net += p->position;
        interest += p->position > 0 ? p->position : 0;
        value += p->cost - p->realized;
        assert_true(p->cost >= 0);
        check_promises(KL_CONTAINER(p, kl_x_holding, p));
        assert_true(p->position != 0 || (p->cost == 0 && p->position_fees == 0));
      }
    }
  assert_int_equal(net, 0);
  if (m->status == KL_MARKET_FINALIZED) {
    assert_int_equal(value, 0); /* what one side won the other lost */
    return;
  }
  assert_int_equal(interest, m->open_interest);
  assert_int_equal(value, interest * KL_PRICE_ONE); /* every pair is backed by a dollar */
}

static void check_all(run *r, int touched) {
  assert_int_equal(kl_exchange_conservation(r->x), 0);
  for (uint32_t u = 0; u < USERS; u++)
    for (int s = 0; s < SUBACCOUNTS; s++)
      assert_true(kl_exchange_balance(r->x, u, s, 0) >= 0);
  for (int i = 0; i < MARKETS; i++)
    if (touched < 0 || touched == i) check_market(r, &r->markets[i]);
}

/* What is due has been done, and the time told is that of the next expiry or close. */
static void check_next(const run *r, int64_t next) {
  int64_t first = INT64_MAX;
  for (size_t i = 0; i < r->n_live; i++) {
    int64_t at = r->live[i]->expiration_us;
    assert_true(at == 0 || at > r->now);
    if (at > 0 && at < first) first = at;
  }
  for (int i = 0; i < MARKETS; i++) {
    const kl_market *m = r->markets[i].m;
    if (m->close_us > r->now && m->close_us < first) first = m->close_us;
    assert_true(m->close_us == 0 || m->close_us > r->now || m->status >= KL_MARKET_CLOSED);
  }
  /* earlier only for a market that closed before its time */
  assert_true(next > r->now && next <= first);
}

static kl_price some_price(const kl_market *m) {
  kl_price p = chance(30) ? 1 + below(9999) : 4000 + 300 * below(8) + below(300);
  return chance(980) ? kl_price_snap(m, p) : p;
}

static const kl_order *some_order(const run *r) { return r->n_live ? r->live[below((int64_t)r->n_live)] : NULL; }

static void random_create(run *r, const kl_market *m) {
  char name[32];
  (void)snprintf(name, sizeof name, "c%d", (int)below(200000));
  int64_t kind = below(10);
  kl_order_request q = {.user = (uint32_t)below(USERS),
                        .ticker = m->ticker,
                        .client_order_id = chance(300) ? name : NULL,
                        .side = chance(500) ? KL_BID : KL_ASK,
                        .price = some_price(m),
                        .count = chance(300) ? 1 + below(40) : 100 * (1 + below(30)),
                        .tif = kind < 6   ? KL_TIF_GTC
                               : kind < 9 ? KL_TIF_IOC
                                          : KL_TIF_FOK,
                        .stp = chance(500) ? KL_STP_MAKER : KL_STP_TAKER_AT_CROSS,
                        .behind = chance(100),
                        .subaccount = chance(800) ? 0 : 1};
  if (q.tif == KL_TIF_GTC) {
    q.post_only = chance(300);
    q.cancel_on_pause = chance(300);
    if (chance(600)) q.expiration_us = r->now + below(4000000);
  }
  q.reduce_only = q.tif == KL_TIF_IOC && chance(300);
  kl_order_outcome out;
  kl_exchange_result result = kl_exchange_create(r->x, r->now, &q, &out);
  if (result == KL_X_INSUFFICIENT_BALANCE) r->seen.refused_balance++;
  if (result != KL_X_OK) {
    assert_null(out.order);
    return;
  }
  assert_non_null(kl_exchange_order(r->x, q.user, out.order->id));
  assert_ptr_equal(kl_exchange_order_at(r->x, q.user, 0), out.order);
  assert_int_equal(out.order->filled, out.filled);
  assert_int_equal(out.order->taker_fees, out.fees);
  if (q.tif != KL_TIF_GTC) assert_int_equal(out.remaining, 0);
  if (q.post_only) assert_int_equal(out.filled, 0);
}

static void random_change(run *r, const kl_order *o) {
  const kl_order *same = NULL;
  kl_count reduced;
  int64_t kind = below(10);
  if (kind < 4) {
    kl_count remaining = o->remaining;
    kl_exchange_result result = kl_exchange_cancel(r->x, r->now, o->user, o->subaccount, o->id, &reduced, &same);
    if (result == KL_X_OK) assert_int_equal(reduced, remaining);
  } else if (kind < 8) {
    kl_amend_request a = {.user = o->user,
                          .subaccount = o->subaccount,
                          .order_id = o->id,
                          .ticker = o->market->ticker,
                          .side = o->side,
                          .price = chance(500) ? o->price : some_price(o->market),
                          .count = o->filled + 1 + below(2 * o->remaining)};
    kl_order_outcome out;
    uint64_t seq = o->seq;
    kl_price price = o->price;
    kl_count total = o->initial;
    kl_exchange_result result = kl_exchange_amend(r->x, r->now, &a, &out);
    if (result == KL_X_INSUFFICIENT_BALANCE) {
      r->seen.refused_balance++;
      assert_int_equal(o->initial, total);
    } else if (result == KL_X_OK && o->status == KL_ORDER_RESTING) {
      assert_int_equal(o->seq == seq, a.price == price && a.count <= total);
      assert_int_equal(o->initial, a.count);
    }
  } else {
    (void)kl_exchange_decrease(r->x, r->now, o->user, o->subaccount, o->id, chance(500) ? 1 + below(o->remaining) : -1,
                               -1, &same);
  }
}

static void random_step(run *r, int i) {
  kl_market *m = r->markets[i].m;
  int64_t kind = below(10000);
  const kl_order *o = some_order(r);
  if (m->status == KL_MARKET_CLOSED || kind < 3) {
    kl_price value = chance(400) ? KL_PRICE_ONE : chance(500) ? 0 : below(KL_PRICE_ONE);
    assert_int_equal(kl_exchange_settle(r->x, r->now, m, value), KL_X_OK);
    check_all(r, -1);
    replace_market(r, i);
  } else if (kind < 20) {
    (void)kl_exchange_set_active(r->x, r->now, m, m->status != KL_MARKET_ACTIVE);
  } else if (m->status == KL_MARKET_INACTIVE && kind < 1000) {
    (void)kl_exchange_set_active(r->x, r->now, m, true);
  } else if (kind < 30 || (kl_exchange_paused(r->x) && kind < 2000)) {
    kl_exchange_set_paused(r->x, r->now, !kl_exchange_paused(r->x));
  } else if (kind < 60) {
    uint32_t user = (uint32_t)below(USERS);
    (void)kl_exchange_cancel_all(r->x, r->now, user, (int)below(3) - 1);
  } else if (kind < 100) {
    (void)kl_exchange_transfer(r->x, (uint32_t)below(USERS), 0, (int)below(2), (int)below(2), below(40000000));
  } else if (kind < 3000 && o) {
    random_change(r, o);
  } else {
    random_create(r, m);
  }
}

static void random_operations_keep_every_invariant(void **state) {
  (void)state;
  random_state = 20260901;
  for (int pass = 0; pass < 2; pass++) {
    run *r = calloc(1, sizeof *r);
    assert_non_null(r);
    kl_exchange_options o = {.seed = 7, .balance_precision = pass == 0 ? 0 : 100};
    o.sink = (kl_exchange_sink){.data = r, .level = on_level, .trade = on_trade, .fill = on_fill, .order = on_order};
    r->x = kl_exchange_new(&o);
    r->status = kl_map_new();
    r->now = INT64_C(1790000000000000);
    assert_true(r->x && r->status);
    for (uint32_t u = 0; u < USERS; u++) {
      /* some are poor, so that refusals and shared collateral happen */
      assert_int_equal(kl_exchange_add_user(r->x, u < 3 ? 60000000 + 37 * 10000 * u : INT64_C(100000000000)), u);
      kl_exchange_keep(r->x, u, 500, 500);
      assert_int_equal(kl_exchange_open_subaccount(r->x, u, 1, 0), KL_X_OK);
      (void)kl_exchange_transfer(r->x, u, 0, 0, 1, u < 3 ? 20000000 : INT64_C(50000000000));
    }
    for (int i = 0; i < MARKETS; i++)
      replace_market(r, i);
    for (int step = 0; step < STEPS / 2; step++) {
      r->now += below(20000);
      int i = (int)below(MARKETS);
      /* time first, so that what expires elsewhere is seen by the check of its market in turn */
      check_next(r, kl_exchange_tick(r->x, r->now));
      random_step(r, i);
      check_all(r, step % 64 == 0 ? -1 : i);
    }
    const seen *s = &r->seen;
    assert_int_equal(s->fills, 2 * s->trades);
    assert_true(s->trades > 6000);
    assert_true(s->refused_balance > 50);
    assert_true(s->self_trades > 50);
    assert_true(s->expired > 500);
    assert_true(s->closed > 10);
    assert_true(s->halted > 10);
    assert_true(s->reduced > 50);
    assert_true(s->post_only_ended > 10);
    assert_true(s->amended > 500);
    assert_true(s->decreased > 50);
    assert_true(s->fok_killed > 50);
    count_line("engine: %d random steps with %llu trades, every invariant after each", STEPS / 2,
               (unsigned long long)s->trades);
    kl_exchange_free(r->x);
    kl_map_free(r->status);
    free(r);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(random_operations_keep_every_invariant),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
