/* A long random life of the exchange: groups, pauses, disputes, closes and reopenings among orders of all kinds. What
 * must hold is looked at while the sink is told, and after every step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/map.h"
#include "exchange/exchange.h"
#include "unit/counts.h"

enum { STEPS = 150000, USERS = 5, MARKETS = 6, GROUPS = 12, MAX_LIVE = 4096, MAX_FILLS = 8192 };
#define SECOND INT64_C(1000000)
static const int64_t WINDOW = 15 * SECOND;

static uint64_t random_state = 20261103;

static uint64_t random_next(void) {
  uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}
static int64_t below(int64_t n) { return (int64_t)(random_next() % (uint64_t)n); }
static bool chance(int64_t in_thousand) { return below(1000) < in_thousand; }

/* A fill of an order of a group, as the test saw it. */
typedef struct seen_fill {
  int64_t at;
  kl_count count;
  int step;
  char order[37];
} seen_fill;

typedef struct watched_group {
  kl_uuid id;
  uint32_t user;
  int shard;
  kl_count limit;
  bool triggered;
  seen_fill fills[MAX_FILLS];
  int n, first;
} watched_group;

typedef struct counts {
  uint64_t orders, trades, behind, triggered, halted, closed, reopened, disputed, amended, finalized, grids,
      refused_by_pause, refused_by_group, refused_by_market;
} counts;

typedef struct run {
  kl_exchange *x;
  int64_t now;
  int step, made;
  kl_market *markets[MARKETS];
  kl_market_status status[MARKETS];
  watched_group *groups; /* GROUPS of them; no id: none there */
  kl_map *orders;        /* status + 1 of every order told of */
  const kl_order *live[MAX_LIVE];
  size_t n_live;
  counts seen;
} run;

/* ---- what the sink is told ---- */

static watched_group *group_of(run *r, const char *id) {
  for (int i = 0; i < GROUPS; i++)
    if (id[0] && !strcmp(r->groups[i].id, id)) return &r->groups[i];
  return NULL;
}

static kl_count window(const run *r, const watched_group *g, const char *without) {
  kl_count sum = 0;
  for (int i = g->first; i < g->n; i++) {
    const seen_fill *f = &g->fills[i];
    if (f->at > r->now - WINDOW && !(without && f->step == r->step && !strcmp(f->order, without))) sum += f->count;
  }
  return sum;
}

static void on_trade(void *data, const kl_trade *t) {
  run *r = data;
  assert_int_equal(t->market->status, KL_MARKET_ACTIVE);
  assert_int_equal(kl_exchange_pause_of(r->x, t->market->exchange_index, NULL), KL_RUNNING);
  r->seen.trades++;
}

/* Price first, then those that do not stand behind, then time. */
static void check_priority(const run *r, const kl_fill *f) {
  for (size_t i = 0; i < r->n_live; i++) {
    const kl_order *o = r->live[i];
    if (o == f->order || o->market != f->market || o->side != f->side || o->status != KL_ORDER_RESTING) continue;
    assert_false(f->side == KL_BID ? o->price > f->yes_price : o->price < f->yes_price);
    if (o->price != f->yes_price) continue;
    assert_true(o->behind || !f->order->behind);
    if (o->behind == f->order->behind) assert_true(o->seq > f->order->seq);
  }
}

static void on_fill(void *data, const kl_fill *f) {
  run *r = data;
  if (!f->is_taker) check_priority(r, f);
  if (f->order->behind) r->seen.behind++;
  watched_group *g = group_of(r, f->order->order_group_id);
  if (!g) return;
  assert_false(g->triggered);
  /* Whatever this order does now, the others had not gone over the limit before. */
  assert_true(window(r, g, f->order_id) <= g->limit);
  while (g->first < g->n && g->fills[g->first].at <= r->now - WINDOW)
    g->first++;
  if (g->n == MAX_FILLS) {
    memmove(g->fills, g->fills + g->first, (size_t)(g->n - g->first) * sizeof *g->fills);
    g->n -= g->first;
    g->first = 0;
  }
  assert_true(g->n < MAX_FILLS);
  seen_fill *s = &g->fills[g->n++];
  *s = (seen_fill){.at = r->now, .count = f->count, .step = r->step};
  memcpy(s->order, f->order_id, sizeof s->order);
}

static void check_pause(const run *r, const kl_order *o, bool first) {
  kl_pause pause = kl_exchange_pause_of(r->x, o->market->exchange_index, NULL);
  bool by_owner = o->reason == KL_REASON_CANCEL || o->reason == KL_REASON_DECREASE;
  bool by_trading = o->reason == KL_REASON_TRADE || o->reason == KL_REASON_AMEND || first;
  assert_false(pause != KL_RUNNING && by_trading);
  assert_false(pause == KL_EXCHANGE_PAUSE && by_owner);
}

static void on_order(void *data, const kl_order *o) {
  run *r = data;
  uintptr_t before = (uintptr_t)kl_map_get(r->orders, o->id, 36);
  assert_true(before == 0 || before == (uintptr_t)KL_ORDER_RESTING + 1);
  assert_true(
      kl_map_set(r->orders, o->id, 36, (void *)((uintptr_t)o->status + 1))); // NOLINT(performance-no-int-to-ptr)
  check_pause(r, o, before == 0);
  if (o->reason == KL_REASON_HALT) r->seen.halted++;
  size_t i = 0;
  while (i < r->n_live && r->live[i] != o)
    i++;
  if (o->status != KL_ORDER_RESTING) {
    assert_int_equal(o->remaining, 0);
    if (i < r->n_live) r->live[i] = r->live[--r->n_live];
    return;
  }
  assert_int_equal(o->filled + o->remaining, o->initial);
  const watched_group *g = group_of(r, o->order_group_id);
  assert_false(g && g->triggered);
  assert_true(r->n_live < MAX_LIVE);
  r->live[i] = o;
  if (i == r->n_live) r->n_live++;
}

static void on_group(void *data, const kl_order_group *g, const char *event_type) {
  run *r = data;
  watched_group *w = group_of(r, g->id);
  if (!strcmp(event_type, "created")) return;
  assert_non_null(w);
  if (!strcmp(event_type, "triggered")) {
    assert_false(w->triggered);
    assert_null(kl_exchange_group_order_next(g, NULL));
    w->triggered = true;
    r->seen.triggered++;
  } else if (!strcmp(event_type, "reset")) {
    w->triggered = false;
    w->first = w->n = 0;
  } else if (!strcmp(event_type, "limit_updated")) {
    w->limit = g->limit;
  } else {
    assert_string_equal(event_type, "deleted");
    assert_null(kl_exchange_group_order_next(g, NULL));
    *w = (watched_group){0};
  }
}

static void check_transition(run *r, int i) {
  enum { I = 1 << KL_MARKET_INITIALIZED, A = 1 << KL_MARKET_ACTIVE, P = 1 << KL_MARKET_INACTIVE };
  enum { C = 1 << KL_MARKET_CLOSED, D = 1 << KL_MARKET_DETERMINED, Q = 1 << KL_MARKET_DISPUTED };
  enum { M = 1 << KL_MARKET_AMENDED, F = 1 << KL_MARKET_FINALIZED };
  static const unsigned allowed[] = {
      [KL_MARKET_INITIALIZED] = I | A | C, /* C: both dates passed in one step */
      [KL_MARKET_ACTIVE] = A | P | C,      [KL_MARKET_INACTIVE] = P | A | C,
      [KL_MARKET_CLOSED] = C | A | D,      [KL_MARKET_DETERMINED] = D | Q | M | F,
      [KL_MARKET_DISPUTED] = Q | D | M,    [KL_MARKET_AMENDED] = M | Q | F,
      [KL_MARKET_FINALIZED] = F,
  };
  kl_market_status now = r->markets[i]->status;
  assert_true(allowed[r->status[i]] & 1U << now);
  r->status[i] = now;
}

static void on_market(void *data, const kl_market *m, const char *event_type) {
  run *r = data;
  counts *s = &r->seen;
  for (int i = 0; i < MARKETS; i++) {
    if (r->markets[i] != m) continue;
    if (!strcmp(event_type, "activated") && r->status[i] == KL_MARKET_CLOSED) s->reopened++;
    if (!strcmp(event_type, "determined") && m->status == KL_MARKET_AMENDED) s->amended++;
    check_transition(r, i);
  }
  if (!strcmp(event_type, "disputed")) s->disputed++;
  if (!strcmp(event_type, "settled")) s->finalized++;
  if (!strcmp(event_type, "price_level_structure_updated")) s->grids++;
  if (!strcmp(event_type, "close_date_updated") && m->status == KL_MARKET_CLOSED) s->closed++;
}

/* ---- what is done ---- */

static const char *const grids[] = {"linear_cent", "deci_cent", "tapered_deci_cent", "center_half_edge_deci_cent"};

static void replace_market(run *r, int i) {
  int number = r->made++;
  kl_series s = {.fee_type = KL_FEE_QUADRATIC_MAKER, .fee_multiplier_ppm = 1000000, .exchange_index = i % 2 ? 2 : 0};
  kl_market_event e = {0};
  kl_market m = {.created_us = r->now,
                 .open_us = chance(300) ? r->now + below(20 * SECOND) : 0,
                 .close_us = chance(500) ? r->now + 20 * SECOND + below(600 * SECOND) : 0,
                 .settlement_timer_s = chance(800) ? 5 + (int)below(60) : 0};
  (void)snprintf(s.ticker, sizeof s.ticker, "S%d", number);
  (void)snprintf(e.ticker, sizeof e.ticker, "S%d-E", number);
  (void)snprintf(m.ticker, sizeof m.ticker, "S%d-E-M", number);
  assert_true(kl_price_structure(grids[number % 4], &m));
  e.series = kl_exchange_add_series(r->x, &s);
  m.event = kl_exchange_add_event(r->x, &e);
  r->markets[i] = kl_exchange_add_market(r->x, &m);
  assert_non_null(r->markets[i]);
  r->status[i] = r->markets[i]->status;
}

static void random_create(run *r, const kl_market *m) {
  int64_t kind = below(10);
  const watched_group *g = chance(500) ? &r->groups[below(GROUPS)] : NULL;
  kl_order_request q = {.user = g && g->id[0] ? g->user : (uint32_t)below(USERS),
                        .ticker = m->ticker,
                        .side = chance(500) ? KL_BID : KL_ASK,
                        .price = kl_price_snap(m, 4500 + below(1000)),
                        .count = 50 * (1 + below(20)),
                        .tif = kind < 7   ? KL_TIF_GTC
                               : kind < 9 ? KL_TIF_IOC
                                          : KL_TIF_FOK,
                        .stp = chance(800) ? KL_STP_MAKER : KL_STP_TAKER_AT_CROSS,
                        .cancel_on_pause = chance(300),
                        .behind = chance(150),
                        .order_group_id = g && g->id[0] ? g->id : NULL};
  bool own = false; /* a fill-or-kill that meets one is an immediate-or-cancel */
  for (size_t i = 0; i < r->n_live; i++) {
    const kl_order *o = r->live[i];
    bool reached = q.side == KL_BID ? o->price <= q.price : o->price >= q.price;
    own = own || (o->user == q.user && o->market == m && o->side != q.side && reached);
  }
  kl_order_outcome out;
  kl_exchange_result result = kl_exchange_create(r->x, r->now, &q, &out);
  kl_pause pause = kl_exchange_pause_of(r->x, m->exchange_index, NULL);
  counts *s = &r->seen;
  s->orders++;
  s->refused_by_pause += result == KL_X_PAUSED || result == KL_X_EXCHANGE_PAUSED;
  s->refused_by_group += result == KL_X_GROUP_TRIGGERED || result == KL_X_GROUP_NOT_FOUND;
  s->refused_by_market += result == KL_X_MARKET_INACTIVE;
  if (pause == KL_EXCHANGE_PAUSE) assert_int_equal(result, KL_X_EXCHANGE_PAUSED);
  if (pause == KL_TRADING_PAUSE) assert_true(result == KL_X_PAUSED || result == KL_X_MARKET_INACTIVE);
  if (result != KL_X_OK) return;
  assert_int_equal(m->status, KL_MARKET_ACTIVE);
  if (q.tif == KL_TIF_FOK && !own) assert_true(out.filled == 0 || out.filled == q.count);
}

static void random_change(run *r, const kl_order *o) {
  const kl_market *m = o->market;
  kl_pause pause = kl_exchange_pause_of(r->x, m->exchange_index, NULL);
  bool open = m->status == KL_MARKET_ACTIVE;
  kl_exchange_result result;
  int64_t kind = below(10);
  if (kind < 4) {
    result = kl_exchange_cancel(r->x, r->now, o->user, 0, o->id, NULL, NULL);
  } else if (kind < 6) {
    result = kl_exchange_decrease(r->x, r->now, o->user, 0, o->id, 1 + below(100), -1, NULL);
  } else {
    kl_amend_request a = {.user = o->user,
                          .order_id = o->id,
                          .ticker = m->ticker,
                          .side = o->side,
                          .price = chance(300) ? o->price : kl_price_snap(m, 4500 + below(1000)),
                          .count = o->filled + 1 + below(1000)};
    result = kl_exchange_amend(r->x, r->now, &a, NULL);
    if (pause == KL_TRADING_PAUSE && open) assert_int_equal(result, KL_X_PAUSED);
  }
  if (pause == KL_EXCHANGE_PAUSE) assert_int_equal(result, KL_X_EXCHANGE_PAUSED);
  if (pause != KL_EXCHANGE_PAUSE && !open) assert_int_equal(result, KL_X_MARKET_INACTIVE);
  if (pause != KL_EXCHANGE_PAUSE && open && kind < 6) assert_int_equal(result, KL_X_OK);
}

static void random_group(run *r) {
  watched_group *w = &r->groups[below(GROUPS)];
  if (!w->id[0]) {
    const kl_order_group *g;
    uint32_t user = (uint32_t)below(USERS);
    int shard = chance(500) ? 0 : 2;
    if (kl_exchange_group_create(r->x, r->now, user, 0, shard, 100 + below(3000), &g) != KL_X_OK) return;
    *w = (watched_group){.user = user, .shard = shard, .limit = g->limit};
    memcpy(w->id, g->id, sizeof w->id);
    return;
  }
  kl_group_key k = {w->user, 0, w->shard, w->id};
  int64_t kind = below(20);
  if (kind < 2)
    (void)kl_exchange_group_trigger(r->x, r->now, &k);
  else if (kind < 6)
    (void)kl_exchange_group_set_limit(r->x, r->now, &k, 100 + below(3000));
  else if (kind < 7)
    (void)kl_exchange_group_delete(r->x, r->now, &k);
  else if (w->triggered)
    (void)kl_exchange_group_reset(r->x, r->now, &k);
}

static void random_life(run *r, int i) {
  kl_market *m = r->markets[i];
  kl_price value = chance(400) ? KL_PRICE_ONE : chance(500) ? 0 : 100 * below(100);
  switch (below(12)) {
  case 0:
    (void)kl_exchange_set_active(r->x, r->now, m, false);
    break;
  case 1:
  case 2:
    (void)kl_exchange_set_active(r->x, r->now, m, true);
    break;
  case 3:
  case 4:
    (void)kl_exchange_set_close(r->x, r->now, m, r->now + (chance(300) ? 0 : below(300 * SECOND)));
    break;
  case 5:
    (void)kl_exchange_determine(r->x, r->now, m, value);
    break;
  case 6:
    (void)kl_exchange_dispute(r->x, r->now, m);
    break;
  case 7:
    (void)kl_exchange_amend_result(r->x, r->now, m, chance(500) && m->settlement >= 0 ? m->settlement : value);
    break;
  case 8:
    (void)kl_exchange_settle(r->x, r->now, m, m->settlement >= 0 ? m->settlement : value);
    break;
  default:
    (void)kl_exchange_set_structure(r->x, r->now, m, grids[below(4)], NULL, 0);
  }
}

static void random_step(run *r, int i) {
  int64_t kind = below(10000);
  const kl_order *o = r->n_live ? r->live[below((int64_t)r->n_live)] : NULL;
  kl_market_status status = r->markets[i]->status;
  bool paused = kl_exchange_pause_of(r->x, r->markets[i]->exchange_index, NULL) != KL_RUNNING;
  if (status == KL_MARKET_FINALIZED) {
    replace_market(r, i);
  } else if (kind < (status == KL_MARKET_ACTIVE ? 20 : 400)) { /* what does not trade goes on soon */
    random_life(r, i);
  } else if (kind < (paused ? 600 : 420)) {
    kl_pause pause = chance(600) ? KL_RUNNING : chance(500) ? KL_TRADING_PAUSE : KL_EXCHANGE_PAUSE;
    assert_true(kl_exchange_set_pause(r->x, r->now, (int)below(5) - 1, pause, 0));
  } else if (kind < 900) {
    random_group(r);
  } else if (kind < 3000 && o) {
    random_change(r, o);
  } else {
    random_create(r, r->markets[i]);
  }
}

/* ---- what must hold ---- */

static void check_groups(const run *r) {
  for (int i = 0; i < GROUPS; i++) {
    const watched_group *w = &r->groups[i];
    if (!w->id[0]) continue;
    const kl_order_group *g = kl_exchange_group(r->x, w->user, w->id);
    assert_non_null(g);
    assert_int_equal(g->triggered, w->triggered);
    kl_count sum = window(r, w, NULL);
    assert_int_equal(kl_exchange_group_volume(r->x, g), sum);
    assert_true(w->triggered || sum <= w->limit);
    assert_true(!w->triggered || !kl_exchange_group_order_next(g, NULL));
  }
}

static void check_all(run *r) {
  assert_int_equal(kl_exchange_conservation(r->x), 0);
  for (uint32_t u = 0; u < USERS; u++)
    assert_true(kl_exchange_balance(r->x, u, 0, KL_ALL_SHARDS) >= 0);
  for (int i = 0; i < MARKETS; i++) {
    const kl_market *m = r->markets[i];
    kl_price bid, ask;
    kl_count bid_size, ask_size;
    check_transition(r, i);
    kl_exchange_top(m, &bid, &bid_size, &ask, &ask_size);
    assert_true(bid < ask);
    if (m->status >= KL_MARKET_CLOSED || m->status == KL_MARKET_INITIALIZED) assert_int_equal(bid_size + ask_size, 0);
    assert_true(m->close_us == 0 || m->close_us > r->now || m->status >= KL_MARKET_CLOSED);
    assert_true(m->status != KL_MARKET_CLOSED || m->close_us <= r->now);
    assert_true(m->settle_us == 0 || m->settle_us > r->now);
  }
  check_groups(r);
}

static void a_random_life_keeps_every_rule(void **state) {
  (void)state;
  run *r = calloc(1, sizeof *r);
  assert_non_null(r);
  r->groups = calloc(GROUPS, sizeof *r->groups);
  r->orders = kl_map_new();
  r->now = INT64_C(1790000000000000);
  kl_exchange_options o = {.seed = 9};
  o.sink = (kl_exchange_sink){.data = r, .trade = on_trade, .fill = on_fill, .order = on_order, .market = on_market};
  o.sink.group = on_group;
  r->x = kl_exchange_new(&o);
  assert_true(r->x && r->orders && r->groups);
  for (uint32_t u = 0; u < USERS; u++)
    assert_int_equal(kl_exchange_add_user(r->x, INT64_C(100000000000)), u);
  for (int i = 0; i < MARKETS; i++)
    replace_market(r, i);
  for (r->step = 0; r->step < STEPS; r->step++) {
    r->now += chance(2) ? below(20 * SECOND) : below(30000);
    (void)kl_exchange_tick(r->x, r->now);
    random_step(r, (int)below(MARKETS));
    check_all(r);
  }
  const counts *s = &r->seen;
  count_line(
      "life: %d random steps: %llu orders, %llu trades (%llu fills of orders behind), %llu groups triggered, %llu "
      "orders halted, "
      "%llu early closes, %llu reopened, %llu disputes, %llu amended, %llu settled, %llu price grids; refused: %llu "
      "by a pause, %llu by a group, %llu by the market",
      STEPS, (unsigned long long)s->orders, (unsigned long long)s->trades, (unsigned long long)s->behind,
      (unsigned long long)s->triggered, (unsigned long long)s->halted, (unsigned long long)s->closed,
      (unsigned long long)s->reopened, (unsigned long long)s->disputed, (unsigned long long)s->amended,
      (unsigned long long)s->finalized, (unsigned long long)s->grids, (unsigned long long)s->refused_by_pause,
      (unsigned long long)s->refused_by_group, (unsigned long long)s->refused_by_market);
  assert_true(s->trades > 10000 && s->behind > 1000 && s->triggered > 100 && s->halted > 100);
  assert_true(s->closed > 10 && s->reopened > 5 && s->disputed > 5 && s->amended > 5 && s->finalized > 50);
  assert_true(s->grids > 50 && s->refused_by_pause > 1000 && s->refused_by_group > 100 && s->refused_by_market > 1000);
  kl_exchange_free(r->x);
  kl_map_free(r->orders);
  free(r->groups);
  free(r);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_random_life_keeps_every_rule)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
