/* Pages of lists whose rows go meanwhile: trades that the memory lets go, events that are forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "sim/archive.h"
#include "sim/rfqs.h"
#include "sim/routes.h"

#define SECOND INT64_C(1000000)

enum { MAKER, TAKER, KEPT_TRADES = 8 };

typedef struct box {
  kl_sim sim;
  kl_sim_account accounts[2];
} box;

static void on_rfq(void *data, const kl_sim_rfq *r) {
  (void)data;
  (void)r;
}
static void on_quote(void *data, const kl_sim_rfq_quote *q) {
  (void)data;
  (void)q;
}
static void on_forgotten(void *data, bool quote, const char *id) {
  (void)data;
  (void)quote;
  (void)id;
}

static int setup(void **state) {
  box *b = calloc(1, sizeof *b);
  if (!b) return -1;
  kl_exchange_options o = {.seed = 1, .keep_trades = KEPT_TRADES, .keep_market_trades = KEPT_TRADES};
  b->sim.x = kl_exchange_new(&o);
  b->sim.now_us = INT64_C(1790000000000000);
  (void)kl_exchange_tick(b->sim.x, b->sim.now_us);
  for (uint32_t i = 0; i < 2; i++)
    b->accounts[i].user = kl_exchange_add_user(b->sim.x, 1000 * KL_MONEY_ONE);
  *state = b;
  b->sim.rfqs = kl_sim_rfqs_new(b->sim.x, 1, 1, (kl_sim_rfqs_sink){b, on_rfq, on_quote, on_forgotten});
  return b->sim.rfqs && kl_sim_archive_new(&b->sim) ? 0 : -1;
}

static int teardown(void **state) {
  box *b = *state;
  kl_sim_rfqs_free(b->sim.rfqs);
  kl_sim_archive_free(b->sim.archive);
  kl_exchange_free(b->sim.x);
  free(b);
  return 0;
}

/* One more market of an event: EVENT-0, EVENT-1, … */
static kl_market *add_market(box *b, kl_market_event *e) {
  kl_market m = {.event = e,
                 .created_us = b->sim.now_us,
                 .open_us = b->sim.now_us,
                 .close_us = b->sim.now_us + 3600 * SECOND,
                 .expected_expiration_us = b->sim.now_us + 7200 * SECOND};
  assert_true(snprintf(m.ticker, sizeof m.ticker, "%s-%zu", e->ticker, e->n_markets) < (int)sizeof m.ticker);
  assert_true(kl_price_structure("linear_cent", &m));
  kl_market *added = kl_exchange_add_market(b->sim.x, &m);
  assert_non_null(added);
  return added;
}

static kl_market_event *add_event(box *b, const char *name, int markets) {
  kl_series s = {.ticker = "KXSNOW", .fee_type = KL_FEE_QUADRATIC, .fee_multiplier_ppm = 1000000};
  kl_series *series = kl_exchange_series(b->sim.x, s.ticker);
  kl_market_event e = {.series = series ? series : kl_exchange_add_series(b->sim.x, &s)};
  (void)snprintf(e.ticker, sizeof e.ticker, "%s", name);
  kl_market_event *event = kl_exchange_add_event(b->sim.x, &e);
  for (int i = 0; i < markets; i++)
    add_market(b, event);
  return event;
}

/* One contract at 40 cents, a millisecond after whatever was before. */
static void trade(box *b, const kl_market *m) {
  b->sim.now_us += 1000;
  for (uint32_t user = MAKER; user <= TAKER; user++) {
    kl_order_outcome out;
    kl_order_request q = {.user = user,
                          .ticker = m->ticker,
                          .side = user == MAKER ? KL_ASK : KL_BID,
                          .price = 4000,
                          .count = 100,
                          .tif = KL_TIF_GTC,
                          .stp = KL_STP_TAKER_AT_CROSS};
    assert_int_equal(kl_exchange_create(b->sim.x, b->sim.now_us, &q, &out), KL_X_OK);
  }
}

static void settle_and_forget(box *b, kl_market_event *e) {
  for (size_t i = 0; i < e->n_markets; i++) {
    kl_market *m = e->markets[i];
    assert_int_equal(kl_exchange_set_close(b->sim.x, b->sim.now_us, m, b->sim.now_us), KL_X_OK);
    assert_int_equal(kl_exchange_settle(b->sim.x, b->sim.now_us, m, KL_PRICE_ONE), KL_X_OK);
  }
  assert_true(kl_exchange_retire_event(b->sim.x, e));
}

/* The answer of a list for the taker; the cursor of the one before goes on. */
static json_t *page(box *b, const kl_sim_route *routes, const char *operation, const char *limit,
                    const json_t *before) {
  kl_sim_arg args[2] = {{"limit", limit},
                        {"cursor", before ? json_string_value(json_object_get(before, "cursor")) : ""}};
  kl_sim_request rq = {.method = "GET", .path = "", .args = args, .n_args = 2, .account = &b->accounts[TAKER]};
  kl_sim_response rs = {.status = 200};
  for (; routes->id; routes++)
    if (!strcmp(routes->id, operation)) routes->handler(&b->sim, &rq, &rs);
  assert_int_equal(rs.status, 200);
  json_t *answer = json_loadb(rs.body.data, rs.body.len, 0, NULL);
  kl_buf_free(&rs.body);
  assert_non_null(answer);
  return answer;
}

static const char *text(const json_t *row, const char *key) { return json_string_value(json_object_get(row, key)); }

/* A client that reads slowly: the trade that its page ended with has gone, and so has all that was older. */
static void a_page_behind_what_is_kept_is_the_last(void **state) {
  box *b = *state;
  kl_market_event *e = add_event(b, "KXSNOW-OSLO", 1);
  for (int i = 0; i < KEPT_TRADES; i++)
    trade(b, e->markets[0]);
  json_t *first = page(b, kl_sim_routes_market, "GetTrades", "6", NULL);
  assert_int_equal(json_array_size(json_object_get(first, "trades")), 6);
  assert_string_not_equal(text(first, "cursor"), "");
  for (int i = 0; i < KEPT_TRADES; i++)
    trade(b, e->markets[0]);
  json_t *second = page(b, kl_sim_routes_market, "GetTrades", "6", first);
  assert_int_equal(json_array_size(json_object_get(second, "trades")), 0);
  assert_string_equal(text(second, "cursor"), "");
  json_decref(first);
  json_decref(second);
}

/* Fills and orders of another event stay behind the row that has gone. */
static void pages_go_on_behind_a_forgotten_event(void **state) {
  static const struct { const char *operation, *rows; } lists[] = {{"GetFills", "fills"}, {"GetOrders", "orders"}};
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
    box *b = *state;
    kl_market_event *stays = add_event(b, i ? "KXSNOW-BERN" : "KXSNOW-ROME", 1);
    trade(b, stays->markets[0]);
    trade(b, stays->markets[0]);
    kl_market_event *goes = add_event(b, i ? "KXSNOW-LIMA" : "KXSNOW-OSLO", 1);
    trade(b, goes->markets[0]);
    kl_market_event *new = add_event(b, i ? "KXSNOW-CORK" : "KXSNOW-NICE", 1);
    trade(b, new->markets[0]);
    json_t *first = page(b, kl_sim_routes_portfolio, lists[i].operation, "2", NULL);
    const json_t *row = json_array_get(json_object_get(first, lists[i].rows), 1);
    assert_string_equal(text(row, "ticker"), goes->markets[0]->ticker);
    settle_and_forget(b, goes);
    json_t *second = page(b, kl_sim_routes_portfolio, lists[i].operation, "2", first);
    const json_t *rows = json_object_get(second, lists[i].rows);
    assert_int_equal(json_array_size(rows), 2);
    for (size_t k = 0; k < 2; k++)
      assert_string_equal(text(json_array_get(rows, k), "ticker"), stays->markets[0]->ticker);
    json_decref(first);
    json_decref(second);
  }
}

static void requests_and_quotes_go_on_behind_a_forgotten_event(void **state) {
  static const struct { const char *operation, *rows; } lists[] = {{"GetRFQs", "rfqs"}, {"GetQuotes", "quotes"}};
  box *b = *state;
  kl_market *markets[4];
  json_t *first[2];
  for (int i = 0; i < 4; i++) {
    char name[32];
    (void)snprintf(name, sizeof name, "KXSNOW-%d", i);
    markets[i] = add_event(b, name, 1)->markets[0];
    b->sim.now_us += SECOND;
    const kl_sim_rfq *rfq;
    const kl_sim_rfq_quote *quote;
    kl_sim_rfq_request wanted = {.user = TAKER, .ticker = markets[i]->ticker, .contracts = 100};
    assert_null(kl_sim_rfq_create(b->sim.rfqs, b->sim.now_us, &wanted, &rfq));
    kl_sim_quote_request offered = {.user = MAKER, .rfq_id = rfq->id, .bids = {4000, 5000}};
    assert_null(kl_sim_quote_create(b->sim.rfqs, b->sim.now_us, &offered, &quote));
  }
  for (int i = 0; i < 2; i++)
    first[i] = page(b, kl_sim_routes_communications, lists[i].operation, "2", NULL);
  kl_sim_rfqs_retire(b->sim.rfqs, b->sim.now_us, markets[2]);
  for (int i = 0; i < 2; i++) {
    json_t *second = page(b, kl_sim_routes_communications, lists[i].operation, "2", first[i]);
    const json_t *rows = json_object_get(second, lists[i].rows);
    assert_int_equal(json_array_size(rows), 2);
    assert_string_equal(text(json_array_get(rows, 0), "market_ticker"), markets[1]->ticker);
    assert_string_equal(text(json_array_get(rows, 1), "market_ticker"), markets[0]->ticker);
    json_decref(first[i]);
    json_decref(second);
  }
}

/* The numbers of forgotten markets are used again, and then say nothing of the order; an event may get markets late. */
static void positions_of_an_event_are_one_sum(void **state) {
  box *b = *state;
  kl_market_event *gone = add_event(b, "KXSNOW-OSLO", 1), *middle = add_event(b, "KXSNOW-ROME", 1);
  kl_market_event *also_gone = add_event(b, "KXSNOW-LIMA", 1);
  trade(b, middle->markets[0]);
  settle_and_forget(b, gone);
  settle_and_forget(b, also_gone);
  kl_market_event *late = add_event(b, "KXSNOW-BERN", 2);
  trade(b, late->markets[0]);
  trade(b, late->markets[1]);
  trade(b, add_market(b, middle));
  json_t *all = page(b, kl_sim_routes_portfolio, "GetPositions", "100", NULL);
  const json_t *events = json_object_get(all, "event_positions");
  assert_int_equal(json_array_size(events), 2);
  assert_string_equal(text(json_array_get(events, 0), "event_ticker"), "KXSNOW-ROME");
  assert_string_equal(text(json_array_get(events, 0), "total_cost_dollars"), "0.800000");
  assert_string_equal(text(json_array_get(events, 1), "event_ticker"), "KXSNOW-BERN");
  assert_string_equal(text(json_array_get(events, 1), "total_cost_dollars"), "0.800000");
  json_decref(all);
  /* A page goes on at the next market, whatever came since. */
  json_t *first = page(b, kl_sim_routes_portfolio, "GetPositions", "2", NULL);
  json_t *second = page(b, kl_sim_routes_portfolio, "GetPositions", "2", first);
  const json_t *rows = json_object_get(second, "market_positions");
  assert_int_equal(json_array_size(rows), 2);
  assert_string_equal(text(json_array_get(rows, 0), "ticker"), "KXSNOW-BERN-0");
  assert_string_equal(text(json_array_get(rows, 1), "ticker"), "KXSNOW-BERN-1");
  assert_string_equal(text(second, "cursor"), "");
  json_decref(first);
  json_decref(second);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_page_behind_what_is_kept_is_the_last, setup, teardown),
      cmocka_unit_test_setup_teardown(pages_go_on_behind_a_forgotten_event, setup, teardown),
      cmocka_unit_test_setup_teardown(requests_and_quotes_go_on_behind_a_forgotten_event, setup, teardown),
      cmocka_unit_test_setup_teardown(positions_of_an_event_are_one_sum, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
