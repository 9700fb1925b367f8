/* The simulator's REST side, over real sockets and with real signatures. */
#include "sim_client.h"

#include <pthread.h>

#include "sim/stage.h"

/* One quiet exchange with two accounts for all tests of the file. */
static int open_exchange(void **state) {
  *state = sim_open((kl_sim_options){.seed = 1, .users = 2, .quiet = true});
  return 0;
}

static int close_exchange(void **state) {
  kl_sim_stop(*state);
  return 0;
}

/* A market on the whole-cent grid. */
static void cent_market(const kl_sim *s, char out[64]) {
  sim_answer a = sim_call(s, NULL, "GET", "/markets?series_ticker=KXNBAGAME&limit=1", NULL);
  assert_int_equal(a.status, 200);
  snprintf(out, 64, "%s", sim_text(a.body, "markets.0.ticker"));
  assert_true(out[0]);
  sim_answer_free(&a);
}

static sim_answer order(const kl_sim *s, int user, const char *ticker, const char *side, const char *price,
                        const char *count, const char *more) {
  char body[512];
  snprintf(body, sizeof body,
           "{\"ticker\":\"%s\",\"side\":\"%s\",\"price\":\"%s\",\"count\":\"%s\",\"time_in_force\":"
           "\"good_till_canceled\",\"self_trade_prevention_type\":\"taker_at_cross\"%s}",
           ticker, side, price, count, more);
  return sim_call(s, kl_sim_user_at(s, user), "POST", "/portfolio/events/orders", body);
}

static void expect_error(sim_answer a, int status, const char *code) {
  assert_int_equal(a.status, status);
  assert_string_equal(sim_text(a.body, "error.code"), code);
  sim_answer_free(&a);
}

static void says_the_date_and_its_type(void **state) {
  sim_answer a = sim_call(*state, NULL, "GET", "/exchange/status", NULL);
  assert_int_equal(a.status, 200);
  assert_true(json_is_true(sim_at(a.body, "exchange_active")));
  assert_non_null(strstr(a.head, "\r\nDate: "));
  assert_non_null(strstr(a.head, " GMT\r\n"));
  assert_non_null(strstr(a.head, "\r\nContent-Type: application/json\r\n"));
  sim_answer_free(&a);
}

static void keeps_a_connection_open(void **state) {
  int fd = sim_connect(*state);
  for (int i = 0; i < 20; i++) {
    sim_answer a = sim_call_on(fd, NULL, "GET", i % 2 ? "/series" : "/markets?limit=1000", NULL);
    assert_int_equal(a.status, 200);
    sim_answer_free(&a);
  }
  close(fd);
}

static void refuses_what_is_not_signed_well(void **state) {
  const kl_sim *s = *state;
  const kl_sim_user *u = kl_sim_user_at(s, 0);
  expect_error(sim_call(s, NULL, "GET", "/portfolio/balance", NULL), 401, "signature_is_missing_from_headers");
  static const struct {
    const char *path;
    int64_t skew_ms;
    const char *code;
  } cases[] = {{SIM_ROOT "/portfolio/balance", -16000, "header_timestamp_expired"},
               {SIM_ROOT "/portfolio/balance", 16500, "header_timestamp_expired"},
               {SIM_ROOT "/portfolio/fills", 0, "authentication_error"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    kl_buf b = {0};
    int fd = sim_connect(s);
    kl_buf_str(&b, "GET " SIM_ROOT "/portfolio/balance HTTP/1.1\r\nHost: x\r\n");
    sim_sign(&b, u, "GET", cases[i].path, cases[i].skew_ms);
    kl_buf_str(&b, "\r\n");
    sim_write(fd, b.data, b.len);
    kl_buf_free(&b);
    expect_error(sim_receive(fd), 401, cases[i].code);
    close(fd);
  }
  kl_sim_user stranger = *u;
  snprintf(stranger.key_id, sizeof stranger.key_id, "00000000-0000-4000-8000-000000000000");
  sim_answer a = sim_call(s, &stranger, "GET", "/portfolio/balance", NULL);
  assert_string_equal(sim_text(a.body, "error.details"), "NOT_FOUND");
  expect_error(a, 401, "authentication_error");
}

static void knows_what_it_does_not_serve(void **state) {
  const kl_sim *s = *state;
  const kl_sim_user *u = kl_sim_user_at(s, 0);
  expect_error(sim_call(s, NULL, "GET", "/nowhere", NULL), 404, "not_found");
  expect_error(sim_call(s, NULL, "POST", "/exchange/status", "{}"), 405, "method_not_allowed");
  expect_error(sim_call(s, u, "POST", "/portfolio/orders", "{}"), 410, "deprecated_v1_order_endpoint");
  expect_error(sim_call(s, NULL, "GET", "/markets/NOPE", NULL), 404, "not_found");
}

static void pages_hold_everything_once(void **state) {
  const kl_sim *s = *state;
  char path[256] = "/markets?limit=7&status=open", seen[36][64];
  size_t n = 0;
  for (;;) {
    sim_answer a = sim_call(s, NULL, "GET", path, NULL);
    assert_int_equal(a.status, 200);
    for (size_t i = 0; i < json_array_size(sim_at(a.body, "markets")); i++) {
      const char *ticker = json_string_value(json_object_get(json_array_get(sim_at(a.body, "markets"), i), "ticker"));
      for (size_t k = 0; k < n; k++)
        assert_string_not_equal(seen[k], ticker);
      assert_true(n < 36);
      snprintf(seen[n++], sizeof seen[0], "%s", ticker);
    }
    snprintf(path, sizeof path, "/markets?limit=7&status=open&cursor=%s", sim_text(a.body, "cursor"));
    bool last = !sim_text(a.body, "cursor")[0];
    sim_answer_free(&a);
    if (last) break;
  }
  assert_int_equal(n, 36);
}

static void a_bad_limit_is_refused_and_a_bad_cursor_is_page_one(void **state) {
  const kl_sim *s = *state;
  sim_answer a = sim_call(s, NULL, "GET", "/markets?limit=1001", NULL);
  assert_int_equal(a.status, 400);
  assert_string_equal(sim_text(a.body, "msg"), "Parameter validation failed for GetMarkets: limit out of range");
  sim_answer_free(&a);
  a = sim_call(s, NULL, "GET", "/markets?limit=2&cursor=%21garbage&unheard_of=1", NULL);
  assert_int_equal(a.status, 200);
  assert_int_equal(json_array_size(sim_at(a.body, "markets")), 2);
  sim_answer_free(&a);
}

static void refuses_orders_that_make_no_sense(void **state) {
  const kl_sim *s = *state;
  char t[64];
  cent_market(s, t);
  expect_error(order(s, 0, t, "bid", "0.4250", "1", ""), 400, "invalid_price");
  expect_error(order(s, 0, t, "bid", "0.00", "1", ""), 400, "invalid_price");
  expect_error(order(s, 0, t, "bid", "0.42", "0", ""), 400, "invalid_order_size");
  expect_error(order(s, 0, t, "bid", "0.42", "0.001", ""), 400, "invalid_order_size");
  expect_error(order(s, 0, t, "yes", "0.42", "1", ""), 400, "invalid_parameters");
  expect_error(order(s, 0, "NOPE", "bid", "0.42", "1", ""), 404, "not_found");
  expect_error(order(s, 0, t, "bid", "0.42", "10000000", ""), 400, "insufficient_balance");
  expect_error(order(s, 0, t, "bid", "0.42", "1", ",\"subaccount\":64"), 400, "invalid_parameters");
  sim_answer a = sim_call(s, kl_sim_user_at(s, 0), "POST", "/portfolio/events/orders", "{\"count\":1}");
  assert_int_equal(a.status, 400);
  assert_string_equal(sim_text(a.body, "code"), "bad_request");
  assert_string_equal(sim_text(a.body, "details"), "count: expected a string");
  sim_answer_free(&a);
  a = sim_call(s, kl_sim_user_at(s, 0), "POST", "/portfolio/events/orders", "{\"count\":");
  assert_int_equal(a.status, 400);
  assert_string_equal(sim_text(a.body, "code"), "bad_request");
  sim_answer_free(&a);
}

static void two_accounts_trade_and_agree(void **state) {
  const kl_sim *s = *state;
  char t[64], path[128], body[256];
  cent_market(s, t);
  sim_answer rest = order(s, 0, t, "bid", "0.4000", "10.00", ",\"client_order_id\":\"maker\"");
  assert_int_equal(rest.status, 201);
  assert_string_equal(sim_text(rest.body, "remaining_count"), "10.00");
  char id[40];
  snprintf(id, sizeof id, "%s", sim_text(rest.body, "order_id"));
  sim_answer_free(&rest);
  expect_error(order(s, 0, t, "bid", "0.4000", "1.00", ",\"client_order_id\":\"maker\""), 409, "order_already_exists");
  sim_answer none = sim_call(s, kl_sim_user_at(s, 0), "GET", "/portfolio/positions", NULL);
  assert_int_equal(json_array_size(json_object_get(none.body, "market_positions")), 0); /* only an order rests */
  sim_answer_free(&none);

  sim_answer take = order(s, 1, t, "ask", "0.3900", "4.50", "");
  assert_int_equal(take.status, 201);
  assert_string_equal(sim_text(take.body, "fill_count"), "4.50");
  assert_string_equal(sim_text(take.body, "average_fill_price"), "0.4000");
  sim_answer_free(&take);

  snprintf(path, sizeof path, "/portfolio/orders/%s", id);
  sim_answer a = sim_call(s, kl_sim_user_at(s, 0), "GET", path, NULL);
  assert_string_equal(sim_text(a.body, "order.fill_count_fp"), "4.50");
  assert_string_equal(sim_text(a.body, "order.remaining_count_fp"), "5.50");
  assert_string_equal(sim_text(a.body, "order.maker_fill_cost_dollars"), "1.800000");
  sim_answer_free(&a);
  a = sim_call(s, kl_sim_user_at(s, 1), "GET", path, NULL);
  expect_error(a, 404, "not_found");
  a = sim_call(s, kl_sim_user_at(s, 0), "GET", "/portfolio/positions", NULL);
  assert_string_equal(sim_text(a.body, "market_positions.0.position_fp"), "4.50");
  sim_answer_free(&a);
  a = sim_call(s, kl_sim_user_at(s, 1), "GET", "/portfolio/positions", NULL);
  assert_string_equal(sim_text(a.body, "market_positions.0.position_fp"), "-4.50");
  sim_answer_free(&a);
  a = sim_call(s, NULL, "GET", "/markets/trades?limit=1", NULL);
  assert_string_equal(sim_text(a.body, "trades.0.taker_book_side"), "ask");
  sim_answer_free(&a);

  snprintf(path, sizeof path, "/portfolio/events/orders/%s/amend", id);
  snprintf(body, sizeof body, "{\"ticker\":\"%s\",\"side\":\"bid\",\"price\":\"0.41\",\"count\":\"7.50\"}", t);
  a = sim_call(s, kl_sim_user_at(s, 0), "POST", path, body);
  assert_int_equal(a.status, 200);
  assert_string_equal(sim_text(a.body, "remaining_count"), "3.00");
  sim_answer_free(&a);
  snprintf(path, sizeof path, "/portfolio/events/orders/%s/decrease", id);
  a = sim_call(s, kl_sim_user_at(s, 0), "POST", path, "{\"reduce_by\":\"1\"}");
  assert_string_equal(sim_text(a.body, "remaining_count"), "2.00");
  sim_answer_free(&a);
  snprintf(path, sizeof path, "/markets/%s/orderbook", t);
  a = sim_call(s, NULL, "GET", path, NULL);
  assert_string_equal(sim_text(a.body, "orderbook_fp.yes_dollars.0.0"), "0.4100");
  assert_string_equal(sim_text(a.body, "orderbook_fp.yes_dollars.0.1"), "2.00");
  sim_answer_free(&a);
  snprintf(body, sizeof body, "{\"orders\":[{\"order_id\":\"%s\"},{\"order_id\":\"%s\"}]}", id, id);
  a = sim_call(s, kl_sim_user_at(s, 0), "DELETE", "/portfolio/events/orders/batched", body);
  assert_int_equal(a.status, 200);
  assert_string_equal(sim_text(a.body, "orders.0.reduced_by"), "2.00");
  assert_string_equal(sim_text(a.body, "orders.1.error.code"), "not_found");
  sim_answer_free(&a);
}

static void cancels_all_without_a_body(void **state) {
  const kl_sim *s = *state;
  char t[64];
  cent_market(s, t);
  for (int i = 0; i < 3; i++) {
    sim_answer a = order(s, 0, t, "bid", "0.0100", "1.00", "");
    assert_int_equal(a.status, 201);
    sim_answer_free(&a);
  }
  sim_answer a = sim_call(s, kl_sim_user_at(s, 0), "DELETE", "/portfolio/events/orders", NULL);
  assert_int_equal(a.status, 204);
  assert_null(a.body);
  sim_answer_free(&a);
  a = sim_call(s, kl_sim_user_at(s, 0), "GET", "/portfolio/orders?status=resting", NULL);
  assert_int_equal(json_array_size(sim_at(a.body, "orders")), 0);
  sim_answer_free(&a);
}

static void a_batch_beyond_the_bucket_is_too_many_requests(void **state) {
  kl_buf b = {0};
  kl_buf_str(&b, "{\"orders\":[");
  for (int i = 0; i < 20000; i++)
    kl_buf_str(&b, i ? ",{\"order_id\":\"x\"}" : "{\"order_id\":\"x\"}");
  kl_buf_str(&b, "]}");
  const kl_sim *s = *state;
  sim_answer a = sim_call(s, kl_sim_user_at(s, 1), "DELETE", "/portfolio/events/orders/batched", b.data);
  assert_int_equal(a.status, 429);
  assert_string_equal(sim_text(a.body, "error"), "too many requests");
  sim_answer_free(&a);
  kl_buf_free(&b);
}

static void outlives_malformed_requests(void **state) {
  static const char *const texts[] = {"\r\n\r\n\r\n",
                                      "GET\r\n\r\n",
                                      "GET /trade-api/v2/markets/%zz HTTP/1.1\r\n\r\n",
                                      "POST /trade-api/v2/x HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
                                      "POST /trade-api/v2/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                                      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"};
  const kl_sim *s = *state;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    kl_buf in = {0};
    int fd = sim_connect(s);
    sim_write(fd, texts[i], strlen(texts[i]));
    sim_read(fd, &in, 200);
    close(fd);
    kl_buf_free(&in);
  }
  sim_answer a = sim_call(s, NULL, "GET", "/exchange/status", NULL);
  assert_int_equal(a.status, 200);
  sim_answer_free(&a);
}

static void a_taken_port_is_an_error(void **state) {
  kl_sim *other = NULL;
  kl_error e = {0};
  kl_sim_options o = {.seed = 1, .quiet = true, .markets = 1, .port = kl_sim_port(*state)};
  assert_false(kl_sim_start(&o, &other, &e));
  assert_null(other);
  assert_string_equal(e.kind, KL_ERR_CONFIG);
  assert_non_null(strstr(e.message, "port"));
}

static void starts_again_after_a_stop(void **state) {
  (void)state;
  for (int i = 0; i < 4; i++) {
    kl_sim *s = sim_open((kl_sim_options){.seed = 2, .markets = 12, .tls = i % 2 == 1});
    assert_int_equal(kl_sim_users(s), 1);
    assert_true((kl_sim_ca_path(s) != NULL) == (i % 2 == 1));
    char ca[300];
    snprintf(ca, sizeof ca, "%s", kl_sim_ca_path(s) ? kl_sim_ca_path(s) : "/nowhere");
    if (i % 2 == 1) assert_int_equal(access(ca, R_OK), 0);
    assert_int_equal(strncmp(kl_sim_rest_url(s), i % 2 ? "https://127.0.0.1:" : "http://127.0.0.1:", 17), 0);
    if (i % 2 == 0) {
      sim_answer a = sim_call(s, NULL, "GET", "/markets?status=open&mve_filter=exclude&limit=1000", NULL);
      assert_int_equal(json_array_size(sim_at(a.body, "markets")), 12);
      sim_answer_free(&a);
      kl_sim_stats st;
      kl_sim_stats_get(s, &st);
      assert_int_equal(st.requests, 1);
    }
    kl_sim_stop(s);
    assert_int_not_equal(access(ca, F_OK), 0);
  }
}

/* ---- asked from several threads ---- */

enum { ASKERS = 4, QUESTIONS = 500 };
typedef struct {
  kl_sim *sim;
  char key_id[KL_SIM_KEY_ID_MOST + 1];
  bool ok;
} asker;

static void *ask_often(void *data) {
  asker *a = data;
  kl_sim_look look;
  kl_key *key = NULL;
  kl_error e;
  for (int i = 0; i < QUESTIONS; i++)
    kl_sim_stage_turn(a->sim, &look);
  a->ok = kl_sim_member(a->sim, "second", a->key_id, &key, &e);
  kl_key_release(key);
  return NULL;
}

/* Two scripts may connect to two profiles at once. */
static void answers_each_of_several_threads(void **state) {
  asker askers[ASKERS];
  pthread_t threads[ASKERS];
  for (int i = 0; i < ASKERS; i++) {
    askers[i] = (asker){.sim = *state};
    assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &askers[i]), 0);
  }
  for (int i = 0; i < ASKERS; i++) {
    assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(askers[i].ok);
    assert_string_equal(askers[i].key_id, askers[0].key_id);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(says_the_date_and_its_type),
      cmocka_unit_test(keeps_a_connection_open),
      cmocka_unit_test(refuses_what_is_not_signed_well),
      cmocka_unit_test(knows_what_it_does_not_serve),
      cmocka_unit_test(pages_hold_everything_once),
      cmocka_unit_test(a_bad_limit_is_refused_and_a_bad_cursor_is_page_one),
      cmocka_unit_test(refuses_orders_that_make_no_sense),
      cmocka_unit_test(two_accounts_trade_and_agree),
      cmocka_unit_test(cancels_all_without_a_body),
      cmocka_unit_test(a_batch_beyond_the_bucket_is_too_many_requests),
      cmocka_unit_test(outlives_malformed_requests),
      cmocka_unit_test(a_taken_port_is_an_error),
      cmocka_unit_test(starts_again_after_a_stop),
      cmocka_unit_test(answers_each_of_several_threads),
  };
  return cmocka_run_group_tests(tests, open_exchange, close_exchange);
}
