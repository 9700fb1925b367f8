/* The simulator's WebSocket side, over real sockets. */
#include "sim_client.h"

static int open_exchange(void **state) {
  *state = sim_open((kl_sim_options){.seed = 1, .users = 2, .quiet = true});
  return 0;
}

static int close_exchange(void **state) {
  kl_sim_stop(*state);
  return 0;
}

/* The i-th market of a series on the whole-cent grid. */
static void cent_market(const kl_sim *s, int i, char out[64]) {
  char path[32];
  sim_answer a = sim_call(s, NULL, "GET", "/markets?series_ticker=KXHIGHNY", NULL);
  snprintf(path, sizeof path, "markets.%d.ticker", i);
  snprintf(out, 64, "%s", sim_text(a.body, path));
  assert_true(out[0]);
  sim_answer_free(&a);
}

static void order(const kl_sim *s, int user, const char *ticker, const char *side, const char *price,
                  const char *client_id) {
  char body[512];
  snprintf(body, sizeof body,
           "{\"ticker\":\"%s\",\"side\":\"%s\",\"price\":\"%s\",\"count\":\"5\",\"client_order_id\":\"%s\","
           "\"time_in_force\":\"good_till_canceled\",\"self_trade_prevention_type\":\"maker\"}",
           ticker, side, price, client_id);
  sim_answer a = sim_call(s, kl_sim_user_at(s, user), "POST", "/portfolio/events/orders", body);
  assert_int_equal(a.status, 201);
  sim_answer_free(&a);
}

static void subscribe(sim_socket *w, const char *channels, const char *ticker, const char *more) {
  char text[512], tickers[128] = "";
  if (ticker) snprintf(tickers, sizeof tickers, ",\"market_tickers\":[\"%s\"]", ticker);
  snprintf(text, sizeof text, "{\"id\":1,\"cmd\":\"subscribe\",\"params\":{\"channels\":[%s]%s%s}}", channels, tickers,
           more);
  sim_ws_send(w, text);
}

static json_int_t integer(const json_t *v, const char *path) { return json_integer_value(sim_at(v, path)); }

static void a_handshake_must_be_signed(void **state) {
  static const char text[] = "GET /trade-api/ws/v2 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\n\r\n";
  int fd = sim_connect(*state);
  sim_write(fd, text, sizeof text - 1);
  sim_answer a = sim_receive(fd);
  assert_int_equal(a.status, 401);
  assert_string_equal(sim_text(a.body, "error.code"), "signature_is_missing_from_headers");
  assert_non_null(strstr(a.head, "\r\nDate: "));
  sim_answer_free(&a);
  close(fd);
}

static void a_snapshot_comes_first_and_seq_has_no_gap(void **state) {
  const kl_sim *s = *state;
  char t[64];
  sim_socket w;
  cent_market(s, 0, t);
  order(s, 0, t, "bid", "0.30", "seq-1");
  sim_ws_open(&w, s, kl_sim_user_at(s, 0));
  subscribe(&w, "\"orderbook_delta\"", t, ",\"use_yes_price\":true");
  json_t *m = sim_ws_next(&w, 5000);
  assert_string_equal(sim_text(m, "type"), "subscribed");
  assert_int_equal(integer(m, "id"), 1);
  assert_int_equal(integer(m, "msg.sid"), 1);
  json_decref(m);
  m = sim_ws_next(&w, 5000);
  assert_string_equal(sim_text(m, "type"), "orderbook_snapshot");
  assert_int_equal(integer(m, "seq"), 1);
  assert_string_equal(sim_text(m, "msg.yes_dollars_fp.0.0"), "0.3000");
  assert_null(sim_at(m, "msg.no_dollars_fp"));
  json_decref(m);
  for (int i = 2; i < 12; i++) {
    char id[16];
    snprintf(id, sizeof id, "seq-%d", i);
    order(s, 0, t, "ask", "0.75", id);
    m = sim_ws_next(&w, 5000);
    assert_string_equal(sim_text(m, "type"), "orderbook_delta");
    assert_int_equal(integer(m, "seq"), i);
    assert_string_equal(sim_text(m, "msg.side"), "no");
    assert_string_equal(sim_text(m, "msg.price_dollars"), "0.7500"); /* turned into a YES price */
    assert_string_equal(sim_text(m, "msg.delta_fp"), "5.00");
    assert_string_equal(sim_text(m, "msg.client_order_id"), id);
    json_decref(m);
  }
  sim_ws_close(&w);
}

static void others_do_not_see_whose_order_it_is(void **state) {
  const kl_sim *s = *state;
  char t[64];
  sim_socket w;
  cent_market(s, 1, t);
  sim_ws_open(&w, s, kl_sim_user_at(s, 1));
  subscribe(&w, "\"orderbook_delta\"", t, ",\"use_yes_price\":false");
  json_decref(sim_ws_expect(&w, "orderbook_snapshot"));
  order(s, 0, t, "ask", "0.75", "whose");
  json_t *m = sim_ws_expect(&w, "orderbook_delta");
  assert_null(sim_at(m, "msg.client_order_id"));
  assert_string_equal(sim_text(m, "msg.price_dollars"), "0.2500"); /* the NO price */
  json_decref(m);
  sim_ws_close(&w);
}

static void a_trade_is_told_on_all_its_channels(void **state) {
  const kl_sim *s = *state;
  char t[64];
  sim_socket w;
  cent_market(s, 2, t);
  sim_ws_open(&w, s, kl_sim_user_at(s, 0));
  subscribe(&w, "\"fill\",\"user_orders\",\"market_positions\",\"trade\",\"ticker\"", NULL, "");
  for (int i = 0; i < 5; i++)
    json_decref(sim_ws_expect(&w, "subscribed"));
  order(s, 0, t, "bid", "0.50", "told");
  json_t *m = sim_ws_expect(&w, "user_order");
  assert_string_equal(sim_text(m, "msg.status"), "resting");
  json_decref(m);
  order(s, 1, t, "ask", "0.50", "");
  bool fill = false, trade = false, position = false, executed = false, ticker = false;
  while (!(fill && trade && position && executed && ticker)) {
    m = sim_ws_next(&w, 5000);
    assert_non_null(m);
    const char *type = sim_text(m, "type");
    if (!strcmp(type, "fill")) {
      fill = true;
      assert_string_equal(sim_text(m, "msg.client_order_id"), "told");
      assert_string_equal(sim_text(m, "msg.post_position_fp"), "5.00");
      assert_true(json_is_false(sim_at(m, "msg.is_taker")));
    } else if (!strcmp(type, "trade")) {
      trade = true;
      assert_string_equal(sim_text(m, "msg.taker_outcome_side"), "no");
      assert_int_equal(integer(m, "seq"), 1);
    } else if (!strcmp(type, "market_position")) {
      position = true;
      assert_string_equal(sim_text(m, "msg.position_cost_dollars"), "2.500000");
    } else if (!strcmp(type, "user_order")) {
      executed = !strcmp(sim_text(m, "msg.status"), "executed");
      assert_string_equal(sim_text(m, "msg.last_update_reason"), "Trade");
    } else if (!strcmp(type, "ticker") && !strcmp(sim_text(m, "msg.price_dollars"), "0.5000")) {
      ticker = true;
    }
    json_decref(m);
  }
  sim_ws_close(&w);
}

static void markets_come_and_go(void **state) {
  const kl_sim *s = *state;
  char a[64], b[64], text[256];
  sim_socket w;
  cent_market(s, 0, a);
  cent_market(s, 3, b);
  sim_ws_open(&w, s, kl_sim_user_at(s, 0));
  subscribe(&w, "\"orderbook_delta\"", a, "");
  json_decref(sim_ws_expect(&w, "orderbook_snapshot"));
  snprintf(
      text, sizeof text,
      "{\"id\":2,\"cmd\":\"update_subscription\",\"params\":{\"sid\":1,\"action\":\"add_markets\",\"market_tickers\":"
      "[\"%s\"]}}",
      b);
  sim_ws_send(&w, text);
  json_t *m = sim_ws_expect(&w, "ok");
  assert_int_equal(integer(m, "seq"), 2);
  assert_int_equal(json_array_size(sim_at(m, "msg.market_tickers")), 2);
  json_decref(m);
  m = sim_ws_expect(&w, "orderbook_snapshot");
  assert_string_equal(sim_text(m, "msg.market_ticker"), b);
  json_decref(m);
  snprintf(text, sizeof text,
           "{\"id\":3,\"cmd\":\"update_subscription\",\"params\":{\"sids\":[1],\"action\":\"get_snapshot\","
           "\"market_tickers\":[\"%s\"]}}",
           a);
  sim_ws_send(&w, text);
  m = sim_ws_expect(&w, "orderbook_snapshot");
  assert_int_equal(integer(m, "id"), 3);
  assert_int_equal(integer(m, "seq"), 4);
  json_decref(m);
  sim_ws_send(&w, "{\"id\":4,\"cmd\":\"unsubscribe\",\"params\":{\"sids\":[1]}}");
  m = sim_ws_expect(&w, "unsubscribed");
  assert_int_equal(integer(m, "seq"), 5);
  json_decref(m);
  sim_ws_send(&w, "{\"id\":5,\"cmd\":\"list_subscriptions\"}");
  m = sim_ws_expect(&w, "ok");
  assert_true(json_is_array(sim_at(m, "msg")));
  assert_int_equal(json_array_size(sim_at(m, "msg")), 0);
  json_decref(m);
  sim_ws_close(&w);
}

static void wrong_commands_have_their_codes(void **state) {
  static const struct {
    const char *text;
    int code;
  } cases[] = {
      {"{", 1},
      {"{\"id\":1,\"cmd\":\"subscribe\"}", 2},
      {"{\"id\":1,\"cmd\":\"subscribe\",\"params\":{}}", 3},
      {"{\"id\":1,\"cmd\":\"unsubscribe\",\"params\":{}}", 4},
      {"{\"id\":1,\"cmd\":\"dance\",\"params\":{}}", 5},
      {"{\"id\":1,\"cmd\":\"unsubscribe\",\"params\":{\"sids\":[9]}}", 7},
      {"{\"id\":1,\"cmd\":\"subscribe\",\"params\":{\"channels\":[\"multivariate\"]}}", 8},
      {"{\"id\":1,\"cmd\":\"subscribe\",\"params\":{\"channels\":[\"trade\"],\"market_tickers\":[\"NOPE\"]}}", 11},
      {"{\"id\":1,\"cmd\":\"update_subscription\",\"params\":{\"action\":\"add_markets\"}}", 12},
      {"{\"id\":1,\"cmd\":\"subscribe\",\"params\":{\"channels\":[\"orderbook_delta\"]}}", 14},
      {"{\"id\":1,\"cmd\":\"update_subscription\",\"params\":{\"sid\":1}}", 15},
      {"{\"id\":1,\"cmd\":\"subscribe\",\"params\":{\"channels\":[\"communications\"],\"shard_key\":0}}", 20},
  };
  sim_socket w;
  const kl_sim *s = *state;
  sim_ws_open(&w, s, kl_sim_user_at(s, 0));
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    sim_ws_send(&w, cases[i].text);
    json_t *m = sim_ws_expect(&w, "error");
    assert_int_equal(integer(m, "msg.code"), cases[i].code);
    json_decref(m);
  }
  sim_ws_close(&w);
}

/* Reads so many bytes and forgets them. */
static void read_past(sim_socket *w, size_t n) {
  for (size_t got = 0; got < n; got += w->in.len) {
    kl_buf_clear(&w->in);
    if (!sim_read(w->fd, &w->in, 60000)) fail_msg("nothing came for a minute, after %zu bytes", got);
  }
}

/* A client that does not read gets, once it does, error 25 for its book, and its other subscriptions go on. */
static void a_client_that_does_not_read_loses_its_largest_subscription(void **state) {
  (void)state;
  kl_sim *s = sim_open((kl_sim_options){.seed = 1, .rate = 2000, .speed = 20});
  sim_answer a = sim_call(s, NULL, "GET", "/markets?limit=1000", NULL);
  kl_buf b = {0};
  kl_buf_str(&b, "{\"id\":1,\"cmd\":\"subscribe\",\"params\":{\"channels\":[\"trade\",\"orderbook_delta\"],"
                 "\"market_tickers\":[");
  for (size_t i = 0; i < json_array_size(sim_at(a.body, "markets")); i++) {
    const json_t *m = json_array_get(sim_at(a.body, "markets"), i);
    kl_buf_printf(&b, "%s\"%s\"", i ? "," : "", json_string_value(json_object_get(m, "ticker")));
  }
  kl_buf_str(&b, "]}}");
  sim_answer_free(&a);
  sim_socket w, reader;
  sim_ws_open(&w, s, kl_sim_user_at(s, 0));
  sim_ws_open(&reader, s, kl_sim_user_at(s, 0));
  sim_ws_send(&w, b.data);
  sim_ws_send(&reader, b.data);
  kl_buf_free(&b);
  read_past(&reader, 16 << 20); /* what may wait for the other, and what fits into the sockets */
  sim_ws_close(&reader);
  json_t *m = sim_ws_expect(&w, "error");
  assert_int_equal(integer(m, "msg.code"), 25);
  assert_int_equal(integer(m, "sid"), 2);
  json_decref(m);
  json_decref(sim_ws_expect(&w, "trade"));
  sim_ws_close(&w);
  kl_sim_stop(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_handshake_must_be_signed),
      cmocka_unit_test(a_snapshot_comes_first_and_seq_has_no_gap),
      cmocka_unit_test(others_do_not_see_whose_order_it_is),
      cmocka_unit_test(a_trade_is_told_on_all_its_channels),
      cmocka_unit_test(markets_come_and_go),
      cmocka_unit_test(wrong_commands_have_their_codes),
      cmocka_unit_test(a_client_that_does_not_read_loses_its_largest_subscription),
  };
  return cmocka_run_group_tests(tests, open_exchange, close_exchange);
}
