/* The fixture of the tests of the matching engine: one market, three users with a thousand dollars each, and a log of
 * what the sink was told. */
#ifndef KL_TEST_EXCHANGE_WORLD_H
#define KL_TEST_EXCHANGE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "exchange/exchange.h"

#define START INT64_C(1790000000000000)
#define SECOND INT64_C(1000000)
#define DOLLARS(n) ((kl_money)(n)*KL_MONEY_ONE)
#define CENTS(n) ((kl_money)(n)*10000)

enum { ANN, BOB, CAT };

typedef struct world {
  kl_exchange *x;
  kl_market *m;
  int64_t now;
  char log[4096]; /* what the sink was told, in short words */
  kl_order_outcome out;
} world;

static inline void note(world *w, const char *text) {
  size_t n = strlen(w->log);
  (void)snprintf(w->log + n, sizeof w->log - n, "%s%s", n ? " " : "", text);
}

static inline void on_level(void *data, const kl_market *m, kl_outcome side, kl_price price, kl_count delta,
                            const kl_order *by) {
  char text[64];
  (void)m;
  (void)snprintf(text, sizeof text, "level:%s:%d:%+d:%u", side == KL_YES ? "yes" : "no", (int)price, (int)delta,
                 by->user);
  note(data, text);
}
static inline void on_trade(void *data, const kl_trade *t) {
  char text[64];
  (void)snprintf(text, sizeof text, "trade:%d:%d:%s", (int)t->yes_price, (int)t->count,
                 t->taker_side == KL_BID ? "bid" : "ask");
  note(data, text);
}
static inline void on_fill(void *data, const kl_fill *f) {
  char text[64];
  (void)snprintf(text, sizeof text, "fill:%u:%s:%d", f->user, f->is_taker ? "taker" : "maker", (int)f->post_position);
  note(data, text);
}
static inline void on_order(void *data, const kl_order *o) {
  static const char *const status[] = {"resting", "canceled", "executed"};
  char text[96];
  const char *reason = kl_update_reason_name(o->reason);
  (void)snprintf(text, sizeof text, "order:%u:%s:%d:%s", o->user, status[o->status], (int)o->remaining,
                 reason ? reason : "-");
  note(data, text);
}
static inline void on_position(void *data, uint32_t user, int subaccount, const kl_position *p) {
  char text[64];
  (void)snprintf(text, sizeof text, "position:%u/%d:%d", user, subaccount, (int)p->position);
  note(data, text);
}
static inline void on_market(void *data, const kl_market *m, const char *event_type) {
  (void)m;
  note(data, event_type);
}

static inline void on_event(void *data, const kl_market_event *e) {
  (void)e;
  note(data, "event");
}
static inline void on_group(void *data, const kl_order_group *g, const char *event_type) {
  char text[64];
  (void)snprintf(text, sizeof text, "group:%u:%s", g->user, event_type);
  note(data, text);
}

static inline kl_market *add_market(kl_exchange *x, const char *ticker, const char *structure, kl_fee_type fee_type,
                                    int64_t open_us, int64_t close_us) {
  kl_series s = {.fee_type = fee_type, .fee_multiplier_ppm = 1000000};
  kl_market_event e = {0};
  kl_market m = {.created_us = START, .open_us = open_us, .close_us = close_us};
  (void)snprintf(s.ticker, sizeof s.ticker, "%s", ticker);
  (void)snprintf(e.ticker, sizeof e.ticker, "%s", ticker);
  (void)snprintf(m.ticker, sizeof m.ticker, "%s", ticker);
  (void)snprintf(m.price_structure, sizeof m.price_structure, "%s", structure);
  e.series = kl_exchange_add_series(x, &s);
  m.event = kl_exchange_add_event(x, &e);
  return kl_exchange_add_market(x, &m);
}

static inline world *world_new(void) {
  world *w = calloc(1, sizeof *w);
  if (!w) return NULL;
  kl_exchange_options o = {.seed = 1};
  o.sink = (kl_exchange_sink){.data = w,
                              .level = on_level,
                              .trade = on_trade,
                              .fill = on_fill,
                              .order = on_order,
                              .position = on_position,
                              .market = on_market,
                              .event = on_event,
                              .group = on_group};
  w->x = kl_exchange_new(&o);
  w->m = add_market(w->x, "M", "linear_cent", KL_FEE_QUADRATIC, 0, 0);
  w->now = START;
  for (int i = 0; i < 3; i++)
    (void)kl_exchange_add_user(w->x, DOLLARS(1000));
  w->log[0] = '\0';
  return w;
}

/* False when money was made or lost. */
static inline bool world_free(world *w) {
  bool conserved = kl_exchange_conservation(w->x) == 0;
  kl_exchange_free(w->x);
  free(w);
  return conserved;
}

static inline int setup(void **state) {
  *state = world_new();
  return *state ? 0 : -1;
}

static inline int teardown(void **state) { return world_free(*state) ? 0 : -1; }

static inline kl_order_request request(uint32_t user, kl_side side, kl_price price, kl_count count) {
  return (kl_order_request){.user = user, .ticker = "M", .side = side, .price = price, .count = count};
}

static inline kl_exchange_result send_order(world *w, kl_order_request r) {
  return kl_exchange_create(w->x, w->now, &r, &w->out);
}

/* A plain good-till-canceled order that must be accepted. */
static inline const kl_order *place(world *w, uint32_t user, kl_side side, kl_price price, kl_count count) {
  assert_int_equal(send_order(w, request(user, side, price, count)), KL_X_OK);
  return w->out.order;
}

static inline const kl_order *place_as(world *w, uint32_t user, kl_side side, kl_price price, kl_count count,
                                       kl_tif tif, kl_stp stp) {
  kl_order_request r = request(user, side, price, count);
  r.tif = tif;
  r.stp = stp;
  assert_int_equal(send_order(w, r), KL_X_OK);
  return w->out.order;
}

static inline kl_money balance(const world *w, uint32_t user) { return kl_exchange_balance(w->x, user, 0, 0); }

static inline kl_count position(const world *w, uint32_t user) {
  const kl_position *p = kl_exchange_position_at(w->x, user, 0, 0);
  return p ? p->position : 0;
}

static inline kl_exchange_result amend(world *w, const kl_order *o, kl_price price, kl_count count) {
  kl_amend_request a = {.user = o->user,
                        .subaccount = o->subaccount,
                        .order_id = o->id,
                        .ticker = o->market->ticker,
                        .side = o->side,
                        .price = price,
                        .count = count};
  return kl_exchange_amend(w->x, w->now, &a, &w->out);
}

static inline kl_exchange_result cancel(world *w, const kl_order *o) {
  kl_count reduced;
  const kl_order *ended;
  return kl_exchange_cancel(w->x, w->now, o->user, o->subaccount, o->id, &reduced, &ended);
}

static inline void check_level(const world *w, kl_outcome side, size_t i, kl_price price, kl_count count) {
  kl_price p;
  kl_count n;
  assert_true(kl_exchange_level(w->m, side, i, &p, &n));
  assert_int_equal(p, price);
  assert_int_equal(n, count);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
