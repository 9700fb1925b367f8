/* A long random run over all that moves money: orders, block trades, subaccounts, shards, netting, moves of positions,
 * changes of fees, locks, and settlement with disputes. After every step the money is all there, no balance is below
 * zero, and what is held and returned is what orders and positions say, counted here in another way. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "exchange/internal.h"
#include "unit/counts.h"

enum { STEPS = 160000, USERS = 5, SUBACCOUNTS = 3, EVENTS = 5, OF_EVENT = 3, ON_THE_WAY = 64 };
#define SECOND INT64_C(1000000)

static uint64_t random_state;

static uint64_t random_next(void) {
  uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}
static int64_t below(int64_t n) { return (int64_t)(random_next() % (uint64_t)n); }
static bool chance(int64_t in_thousand) { return below(1000) < in_thousand; }

typedef struct event {
  kl_market_event *e;
  kl_market *markets[OF_EVENT];
  int winner;   /* which market settles at YES; OF_EVENT: none */
  bool divided; /* scalar: they share the dollar */
  bool honest;  /* what is called exclusive is */
} event;

typedef struct sent {
  uint32_t user;
  int subaccount, shard;
  kl_money amount;
} sent;

typedef struct counts {
  uint64_t orders, trades, refused, transfers, sent, arrived, positions, opened, locked, netted, kept, fees, blocks,
      settled, scalar, amended, borne, deposits;
  kl_money most_returned;
} counts;

typedef struct run {
  kl_exchange *x;
  int64_t now;
  int made;
  event events[EVENTS];
  sent way[ON_THE_WAY];
  int n_way;
  counts n;
} run;

static void on_trade(void *data, const kl_trade *t) {
  (void)t;
  ((run *)data)->n.trades++;
}

static void on_fill(void *data, const kl_fill *f) {
  (void)data;
  assert_true(f->fee >= 0);
}

static void add_event(run *r, event *v) {
  static const kl_fee_type fees[] = {KL_FEE_QUADRATIC, KL_FEE_QUADRATIC_MAKER, KL_FEE_QUADRATIC_COMBO_MAKER,
                                     KL_FEE_FLAT};
  static const char *const grids[] = {"linear_cent", "deci_cent", "center_deci_edge_centi_cent"};
  int number = r->made++;
  kl_series s = {.fee_type = fees[below(4)], .fee_multiplier_ppm = 1000000, .exchange_index = number % 4};
  kl_market_event e = {.mutually_exclusive = chance(800)};
  if (s.fee_type == KL_FEE_FLAT) s.fee_multiplier_ppm = 20000;
  (void)snprintf(s.ticker, sizeof s.ticker, "S%d", number);
  (void)snprintf(e.ticker, sizeof e.ticker, "S%d-E", number);
  e.series = kl_exchange_add_series(r->x, &s);
  *v = (event){.e = kl_exchange_add_event(r->x, &e),
               .winner = (int)below(OF_EVENT + 1),
               .divided = chance(250),
               .honest = chance(900)};
  assert_non_null(v->e);
  for (int i = 0; i < OF_EVENT; i++) {
    kl_market m = {.event = v->e, .created_us = r->now, .settlement_timer_s = 30};
    (void)snprintf(m.ticker, sizeof m.ticker, "S%d-E-%d", number, i);
    assert_true(kl_price_structure(grids[below(3)], &m));
    v->markets[i] = kl_exchange_add_market(r->x, &m);
    assert_non_null(v->markets[i]);
  }
}

/* ---- what must hold ---- */

/* What is sure to be paid for the NO contracts of an account, by trying every outcome of the open markets. */
static kl_money sure_by_outcomes(const kl_x_account *a, const kl_market_event *e) {
  kl_price left = KL_PRICE_ONE;
  kl_money least = INT64_MAX;
  for (size_t i = 0; i < e->n_markets; i++)
    if (e->markets[i]->status == KL_MARKET_FINALIZED) left -= e->markets[i]->settlement;
  if (left < 0) left = 0;
  for (size_t winner = 0; winner < e->n_markets; winner++) {
    kl_money pays = 0;
    for (size_t i = 0; i < e->n_markets; i++) {
      const kl_x_holding *h = kl_x_holding_find(a, e->markets[i]);
      kl_count no = h && h->p.position < 0 ? -h->p.position - h->promised : 0;
      if (no > 0) pays += no * (KL_PRICE_ONE - (i == winner ? left : 0));
    }
    if (pays < least) least = pays;
  }
  return least;
}

static void check_account(run *r, const kl_x_account *a) {
  kl_money held = 0, returned = 0;
  assert_true(kl_x_balance(a) >= 0);
  for (const kl_list *n = r->x->users[a->user]->live.next; n != &r->x->users[a->user]->live; n = n->next) {
    const kl_x_order *o = KL_CONTAINER(n, kl_x_order, live);
    if (o->holding->account != a) continue;
    assert_true(a->open && !a->locked);
    assert_int_equal(o->held, kl_x_collateral(o));
    assert_int_equal(o->o.market->exchange_index, a->shard);
    held += o->held;
  }
  assert_int_equal(a->held, held);
  for (int i = 0; i < EVENTS; i++)
    if (a->netting && r->events[i].e->mutually_exclusive) returned += sure_by_outcomes(a, r->events[i].e);
  assert_int_equal(a->returned, returned);
  if (returned > r->n.most_returned) r->n.most_returned = returned;
}

static void check_all(run *r) {
  assert_int_equal(kl_exchange_conservation(r->x), 0);
  kl_money way = 0;
  for (int i = 0; i < r->n_way; i++)
    way += r->way[i].amount;
  assert_int_equal(r->x->transit, way);
  for (uint32_t u = 0; u < USERS; u++)
    for (const kl_x_account *a = r->x->users[u]->used; a; a = a->next)
      check_account(r, a);
}

/* ---- steps ---- */

static event *some_event(run *r) { return &r->events[below(EVENTS)]; }
static kl_market *some_market(run *r) { return some_event(r)->markets[below(OF_EVENT)]; }
static int some_subaccount(void) { return chance(600) ? 0 : (int)below(SUBACCOUNTS); }
static uint32_t some_user(void) { return (uint32_t)below(USERS); }

static void create_order(run *r) {
  const kl_market *m = some_market(r);
  int64_t kind = below(10);
  kl_order_request q = {.user = some_user(),
                        .subaccount = some_subaccount(),
                        .ticker = m->ticker,
                        .side = chance(350) ? KL_BID : KL_ASK, /* NO is what nets */
                        .price = kl_price_snap(m, 2000 + 400 * below(8) + below(400)),
                        .count = chance(300) ? 1 + below(60) : 100 * (1 + below(20)),
                        .tif = kind < 7   ? KL_TIF_GTC
                               : kind < 9 ? KL_TIF_IOC
                                          : KL_TIF_FOK,
                        .stp = chance(500) ? KL_STP_MAKER : KL_STP_TAKER_AT_CROSS};
  q.reduce_only = q.tif == KL_TIF_IOC && chance(300);
  kl_exchange_result result = kl_exchange_create(r->x, r->now, &q, NULL);
  if (result == KL_X_OK)
    r->n.orders++;
  else if (result == KL_X_INSUFFICIENT_BALANCE)
    r->n.refused++;
}

static const kl_order *some_order(const run *r, uint32_t user) {
  const kl_list *live = &r->x->users[user]->live, *n = live->next;
  for (int64_t skip = below(12); skip > 0 && n != live; skip--)
    n = n->next;
  return n == live ? NULL : &KL_CONTAINER(n, kl_x_order, live)->o;
}

static void change_order(run *r) {
  const kl_order *o = some_order(r, some_user()), *same;
  if (!o) return;
  if (chance(350)) {
    (void)kl_exchange_cancel(r->x, r->now, o->user, o->subaccount, o->id, NULL, NULL);
  } else if (chance(800)) {
    kl_amend_request a = {.user = o->user,
                          .subaccount = o->subaccount,
                          .order_id = o->id,
                          .ticker = o->market->ticker,
                          .side = o->side,
                          .price = chance(500) ? o->price : kl_price_snap(o->market, 2000 + below(4000)),
                          .count = o->filled + 1 + below(2 * o->remaining)};
    if (kl_exchange_amend(r->x, r->now, &a, NULL) == KL_X_INSUFFICIENT_BALANCE) r->n.refused++;
  } else {
    (void)kl_exchange_decrease(r->x, r->now, o->user, o->subaccount, o->id, 1 + below(o->remaining), -1, &same);
  }
}

static void block_trade(run *r) {
  const kl_market *m = some_market(r);
  kl_cross_outcome out;
  kl_block_trade t = {.ticker = m->ticker,
                      .price = kl_price_snap(m, 2000 + below(4000)),
                      .count = 1 + below(1500),
                      .maker = chance(500) ? KL_BID : KL_ASK,
                      .buyer = {.user = some_user(), .subaccount = some_subaccount()},
                      .seller = {.user = some_user(), .subaccount = some_subaccount()}};
  if (kl_exchange_block_trade(r->x, r->now, &t, &out) == KL_X_OK) r->n.blocks++;
}

/* A little or all of it: what is left on the edge is where rounding would show. */
static kl_money some_money(const run *r, uint32_t user, int subaccount, int shard) {
  kl_money all = kl_exchange_balance(r->x, user, subaccount, shard);
  return chance(150) ? all : chance(100) ? all + 1 : 1 + below(all / 2 + 1);
}

static void move_money(run *r) {
  uint32_t user = some_user();
  int shard = (int)below(KL_EXCHANGE_SHARDS), from = some_subaccount(), to = some_subaccount();
  kl_money amount = some_money(r, user, from, shard);
  if (chance(500)) {
    if (kl_exchange_transfer(r->x, user, shard, from, to, amount) == KL_X_OK) r->n.transfers++;
  } else if (r->n_way < ON_THE_WAY && chance(600)) {
    if (kl_exchange_send(r->x, user, from, shard, amount) != KL_X_OK) return;
    r->way[r->n_way++] = (sent){user, 0, (int)below(KL_EXCHANGE_SHARDS), amount};
    r->n.sent++;
  } else if (r->n_way > 0) {
    int i = (int)below(r->n_way);
    const sent *s = &r->way[i];
    if (kl_exchange_arrive(r->x, s->user, s->subaccount, s->shard, s->amount) != KL_X_OK) return;
    r->way[i] = r->way[--r->n_way];
    r->n.arrived++;
  }
}

static void move_position(run *r) {
  kl_market *m = some_market(r);
  uint32_t user = some_user();
  int from = some_subaccount();
  const kl_x_account *a = kl_x_account_find(r->x, user, from, m->exchange_index);
  const kl_x_holding *h = a ? kl_x_holding_find(a, m) : NULL;
  kl_count has = h ? h->p.position < 0 ? -h->p.position : h->p.position : 0;
  kl_position_transfer t = {.user = user,
                            .from = from,
                            .to = (int)below(SUBACCOUNTS),
                            .ticker = m->ticker,
                            .side = h && h->p.position < 0 ? KL_NO : KL_YES,
                            .price = below(KL_PRICE_ONE + 1),
                            .count = chance(300) ? has : 1 + below(has + 1)};
  if (kl_exchange_transfer_position(r->x, r->now, &t) == KL_X_OK) r->n.positions++;
}

static void set_account(run *r) {
  uint32_t user = some_user();
  int subaccount = (int)below(SUBACCOUNTS), shard = (int)below(KL_EXCHANGE_SHARDS);
  int64_t kind = below(100);
  if (kind < 35) {
    if (kl_exchange_open_subaccount(r->x, user, subaccount, shard) == KL_X_OK) r->n.opened++;
  } else if (kind < 38) {
    if (kl_exchange_lock_subaccount(r->x, r->now, user, subaccount, shard, true) == KL_X_OK) r->n.locked++;
  } else if (kind < 70 && kl_exchange_locked(r->x, user, subaccount, shard)) {
    assert_int_equal(kl_exchange_lock_subaccount(r->x, r->now, user, subaccount, shard, false), KL_X_OK);
  } else if (kind < 95) {
    bool on = kl_exchange_netting(r->x, user, subaccount, shard) && chance(400) ? false : true;
    kl_exchange_result result = kl_exchange_set_netting(r->x, user, subaccount, shard, on);
    if (result == KL_X_OK) r->n.netted++;
    if (result == KL_X_INSUFFICIENT_BALANCE) r->n.kept++;
  } else if (chance(500)) {
    if (kl_exchange_deposit(r->x, user, subaccount, shard, 1 + below(30000000)) == KL_X_OK) r->n.deposits++;
  } else {
    (void)kl_exchange_withdraw(r->x, user, subaccount, shard, some_money(r, user, subaccount, shard));
  }
}

static void change_fees(run *r) {
  event *v = some_event(r);
  kl_fee_type type = (kl_fee_type)below(4);
  int64_t ppm = type == KL_FEE_FLAT ? below(40000) : below(4) * 500000;
  kl_exchange_result result;
  if (chance(400))
    result = kl_exchange_set_series_fees(r->x, r->now, kl_exchange_series(r->x, v->e->series->ticker),
                                         (kl_fee_schedule){type, ppm});
  else
    result = kl_exchange_set_event_fees(r->x, r->now, v->e, chance(700) ? &type : NULL, chance(700) ? &ppm : NULL);
  assert_int_equal(result, KL_X_OK);
  r->n.fees++;
}

/* The result of a market. What is not honest may have several winners. */
static kl_price result_of(const event *v, int i) {
  if (!v->honest && chance(500)) return KL_PRICE_ONE;
  if (v->divided) return KL_PRICE_ONE / OF_EVENT - (i == 1 ? 7 : 0);
  return i == v->winner ? KL_PRICE_ONE : 0;
}

/* One market of an event goes a step further; an event of which nothing is left is replaced. */
static void end_market(run *r) {
  event *v = some_event(r);
  int i = (int)below(OF_EVENT);
  kl_market *m = v->markets[i];
  kl_price value = result_of(v, i);
  if (m->status == KL_MARKET_DISPUTED ||
      ((m->status == KL_MARKET_DETERMINED || m->status == KL_MARKET_AMENDED) && chance(300))) {
    if (m->status != KL_MARKET_DISPUTED && chance(500)) {
      assert_int_equal(kl_exchange_dispute(r->x, r->now, m), KL_X_OK);
      return;
    }
    assert_int_equal(kl_exchange_amend_result(r->x, r->now, m, value), KL_X_OK);
    r->n.amended++;
  } else if (m->status < KL_MARKET_DETERMINED) {
    assert_int_equal(kl_exchange_determine(r->x, r->now, m, value), KL_X_OK);
  } else if (m->status != KL_MARKET_FINALIZED) {
    kl_money before = r->x->fees;
    assert_int_equal(kl_exchange_settle(r->x, r->now, m, m->settlement), KL_X_OK);
    r->n.settled++;
    r->n.scalar += m->settlement > 0 && m->settlement < KL_PRICE_ONE;
    r->n.borne += r->x->fees < before;
    if (v->honest) assert_true(r->x->fees >= before);
  }
}

static void replace_events(run *r) {
  for (int k = 0; k < EVENTS; k++) {
    event *v = &r->events[k];
    bool over = true;
    for (int i = 0; i < OF_EVENT; i++)
      over = over && v->markets[i]->status == KL_MARKET_FINALIZED;
    if (over) add_event(r, v);
  }
}

static void one_step(run *r) {
  int64_t kind = below(1000);
  if (kind < 560)
    create_order(r);
  else if (kind < 720)
    change_order(r);
  else if (kind < 770)
    block_trade(r);
  else if (kind < 850)
    move_money(r);
  else if (kind < 910)
    move_position(r);
  else if (kind < 970)
    set_account(r);
  else if (kind < 985)
    change_fees(r);
  else if (kind < 991)
    end_market(r);
  else if (kind < 993)
    (void)kl_exchange_cancel_all(r->x, r->now, some_user(), -1);
}

static void no_money_is_made_or_lost_and_no_balance_is_negative(void **state) {
  (void)state;
  for (int pass = 0; pass < 2; pass++) {
    random_state = 310 + (uint64_t)pass;
    run *r = calloc(1, sizeof *r);
    assert_non_null(r);
    kl_exchange_options o = {.seed = 31, .balance_precision = pass == 0 ? 0 : 100};
    o.sink = (kl_exchange_sink){.data = r, .trade = on_trade, .fill = on_fill};
    r->x = kl_exchange_new(&o);
    assert_non_null(r->x);
    r->now = INT64_C(1790000000000000);
    for (uint32_t u = 0; u < USERS; u++) {
      assert_int_equal(kl_exchange_add_user(r->x, u < 2 ? 60000000 + 37 : INT64_C(900000000)), u);
      kl_exchange_keep(r->x, u, 200, 200);
    }
    for (int i = 0; i < EVENTS; i++)
      add_event(r, &r->events[i]);
    for (int step = 0; step < STEPS / 2; step++) {
      r->now += below(40000);
      (void)kl_exchange_tick(r->x, r->now);
      one_step(r);
      check_all(r);
      replace_events(r);
    }
    const counts *n = &r->n;
    count_line("money: %d random steps: %" PRIu64 " orders, %" PRIu64 " trades, %" PRIu64 " refused for money, %" PRIu64
               " block trades, %" PRIu64 " transfers, %" PRIu64 " sent, %" PRIu64 " arrived, %" PRIu64
               " positions moved, %" PRIu64 " subaccounts, %" PRIu64 " locks, %" PRIu64 " netting set, %" PRIu64
               " kept on, %" PRIu64 " fee changes, %" PRIu64 " settled (%" PRIu64 " scalar, %" PRIu64
               " amended, %" PRIu64 " borne), %.2f dollars returned at most",
               STEPS / 2, n->orders, n->trades, n->refused, n->blocks, n->transfers, n->sent, n->arrived, n->positions,
               n->opened, n->locked, n->netted, n->kept, n->fees, n->settled, n->scalar, n->amended, n->borne,
               (double)n->most_returned / 1e6);
    assert_true(n->orders > 5000 && n->trades > 3000 && n->refused > 500 && n->blocks > 100);
    assert_true(n->transfers > 100 && n->sent > 100 && n->arrived > 100 && n->positions > 100);
    assert_true(n->opened > 20 && n->locked > 20 && n->netted > 100 && n->kept > 10 && n->fees > 100);
    assert_true(n->settled > 30 && n->scalar > 5 && n->amended > 5 && n->most_returned > 0);
    kl_exchange_free(r->x);
    free(r);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_money_is_made_or_lost_and_no_balance_is_negative),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
