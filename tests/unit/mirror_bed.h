/* The fixture of the tests of the fill model: one live market "M" whose book and trades are told by hand, and one own
 * user who trades on paper. */
#ifndef KL_TEST_MIRROR_BED_H
#define KL_TEST_MIRROR_BED_H

#include "exchange_world.h"
#include "sim/mirror.h"

#define MS INT64_C(1000)
#define WINDOW (250 * MS)
#define ONE KL_COUNT_ONE /* a contract */
#define PESS KL_VIEW_PESSIMISTIC
#define EST KL_VIEW_ESTIMATE
#define OPT KL_VIEW_OPTIMISTIC

typedef struct bed {
  kl_exchange *x;
  kl_mirror *m;
  int64_t now;
  uint32_t me;
  kl_mirror_market_info info;
  kl_series series;
  kl_market_event event;
  kl_market market;
  kl_order_outcome out;
} bed;

static inline bed *bed_new(const kl_mirror_options *o) {
  bed *b = calloc(1, sizeof *b);
  if (!b) return NULL;
  b->now = START;
  b->x = kl_exchange_new(&(kl_exchange_options){.seed = 7});
  b->me = kl_exchange_add_user(b->x, DOLLARS(100000));
  b->m = kl_mirror_new(b->x, o);
  b->series = (kl_series){.ticker = "S", .fee_type = KL_FEE_QUADRATIC, .fee_multiplier_ppm = 1000000};
  b->event = (kl_market_event){.ticker = "E"};
  b->market = (kl_market){.ticker = "M", .price_structure = "linear_cent", .created_us = START, .settlement = -1};
  b->market.status = KL_MARKET_ACTIVE;
  b->info = (kl_mirror_market_info){&b->series, &b->event, &b->market};
  assert_true(kl_mirror_market(b->m, b->now, &b->info));
  return b;
}

/* Whether money, books and the model agree in all views. */
static inline void check_views(bed *b) {
  kl_mirror_before(b->m, b->now, NULL);
  const char *wrong = kl_mirror_audit(b->m, "M");
  if (wrong) fail_msg("%s", wrong);
  for (int v = 0; v < KL_VIEWS; v++) {
    const kl_market *where;
    wrong = kl_exchange_audit(kl_mirror_exchange(b->m, (kl_mirror_view)v), &where);
    if (wrong) fail_msg("%s: %s", kl_mirror_view_name((kl_mirror_view)v), wrong);
  }
}

static inline void bed_free(bed *b) {
  check_views(b);
  kl_mirror_free(b->m);
  kl_exchange_free(b->x);
  free(b);
}

static inline int bed_setup(void **state) {
  *state = bed_new(&(kl_mirror_options){.seed = 1});
  return *state ? 0 : -1;
}
static inline int bed_teardown(void **state) {
  bed_free(*state);
  return 0;
}
#define BED_CASE(f) cmocka_unit_test_setup_teardown(f, bed_setup, bed_teardown)

static inline void pass(bed *b, int64_t us) {
  b->now += us;
  kl_mirror_time(b->m, b->now);
}

/* ---- what live says ---- prices of YES in cents, counts in contracts */

static inline void live(bed *b, kl_side side, int cents, int delta) {
  kl_price own = side == KL_BID ? cents * 100 : KL_PRICE_ONE - cents * 100;
  kl_mirror_level(b->m, b->now, "M", side == KL_BID ? KL_YES : KL_NO, own, delta * ONE);
}
static inline void prints(bed *b, int cents, int count, kl_side taker) {
  kl_mirror_trade(b->m, b->now, "M", cents * 100, count * ONE, taker, NULL);
}
static inline void empty_book(bed *b) {
  const kl_mirror_rung *const levels[2] = {NULL, NULL};
  const size_t n[2] = {0, 0};
  kl_mirror_snapshot(b->m, b->now, "M", levels, n);
}

/* ---- own commands, as whoever has the exchange does them ---- */

static inline kl_exchange_result enter(bed *b, kl_order_request r) {
  r.user = b->me;
  r.ticker = "M";
  kl_mirror_before(b->m, b->now, "M");
  kl_exchange_result result = kl_exchange_create(b->x, b->now, &r, &b->out);
  if (result == KL_X_OK) kl_mirror_created(b->m, b->now, &r, b->out.order);
  return result;
}
static inline const kl_order *order(bed *b, kl_side side, int cents, int count) {
  assert_int_equal(enter(b, (kl_order_request){.side = side, .price = cents * 100, .count = count * ONE}), KL_X_OK);
  return b->out.order;
}
static inline kl_count take(bed *b, kl_side side, int cents, int count) {
  kl_order_request r = {.side = side, .price = cents * 100, .count = count * ONE, .tif = KL_TIF_IOC};
  assert_int_equal(enter(b, r), KL_X_OK);
  return b->out.filled / ONE;
}
static inline void withdraw(bed *b, const kl_order *o) {
  kl_mirror_before(b->m, b->now, "M");
  assert_int_equal(kl_exchange_cancel(b->x, b->now, b->me, 0, o->id, NULL, NULL), KL_X_OK);
  kl_mirror_canceled(b->m, b->now, o);
}
static inline kl_exchange_result change(bed *b, const kl_order *o, int cents, int count) {
  kl_amend_request a = {
      .user = b->me, .order_id = o->id, .ticker = "M", .side = o->side, .price = cents * 100, .count = count * ONE};
  kl_mirror_before(b->m, b->now, "M");
  kl_exchange_result result = kl_exchange_amend(b->x, b->now, &a, &b->out);
  if (result == KL_X_OK) kl_mirror_amended(b->m, b->now, &a, b->out.order);
  return result;
}

/* ---- what came of it ---- in contracts */

static inline kl_mirror_total total(bed *b, kl_mirror_view v) {
  kl_mirror_total t;
  kl_mirror_totals(b->m, v, b->me, NULL, &t);
  return t;
}
static inline int contracts(bed *b, kl_mirror_view v) { return (int)(total(b, v).contracts / ONE); }

/* Contracts that filled, by view: pessimistic, estimate, optimistic. */
static inline void check_fills(bed *b, int pessimistic, int estimate, int optimistic) {
  assert_int_equal(contracts(b, PESS), pessimistic);
  assert_int_equal(contracts(b, EST), estimate);
  assert_int_equal(contracts(b, OPT), optimistic);
}

typedef struct ahead {
  uint32_t me;
  kl_count before, found;
} ahead;
static inline bool look_ahead(void *data, const kl_order *o) {
  ahead *a = data;
  if (a->found < 0 && o->user != 0xffffffff && o->user == a->me) a->found = a->before;
  a->before += o->remaining;
  return a->found < 0;
}
/* Contracts in front of the first own order of a level; -1: there is none. */
static inline int in_front(bed *b, kl_mirror_view v, kl_side side, int cents) {
  kl_exchange *x = kl_mirror_exchange(b->m, v);
  /* In the bounds the users of the model are the first two, and ours is the next. */
  ahead a = {.me = v == EST ? b->me : 2, .found = -1};
  kl_price own = side == KL_BID ? cents * 100 : KL_PRICE_ONE - cents * 100;
  kl_exchange_each_at(kl_exchange_market(x, "M"), side == KL_BID ? KL_YES : KL_NO, own, look_ahead, &a);
  return (int)(a.found / (a.found < 0 ? 1 : ONE));
}
static inline void check_in_front(bed *b, kl_side side, int cents, int pessimistic, int estimate, int optimistic) {
  assert_int_equal(in_front(b, PESS, side, cents), pessimistic);
  assert_int_equal(in_front(b, EST, side, cents), estimate);
  assert_int_equal(in_front(b, OPT, side, cents), optimistic);
}

#endif
