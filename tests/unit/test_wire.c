#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/decimal.h"
#include "kalshi/wire.h"
#include "kalshi/wire_internal.h"
#include "kalshi/wire_json.h"
#include "tests/unit/wire_json_text.h"

static kl_decoder *decoder;
static char *message; /* the last one decoded, in memory that ends 16 bytes behind it */

static int set_up(void **state) {
  (void)state;
  decoder = kl_decoder_new();
  return decoder ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  kl_decoder_free(decoder);
  free(message);
  message = NULL;
  return 0;
}

/* Puts n bytes where the sanitizer sees a read beyond the 16 bytes that may be touched; those 16 look like more JSON.
 */
static const char *place(const char *text, size_t n, const char *tail) {
  free(message);
  message = malloc(n + 16);
  assert_non_null(message);
  memcpy(message, text, n);
  memcpy(message + n, tail, 16);
  return message;
}

static const char TAIL[] = "0\"}}]}}\"}}]}}}}}";

static bool decode_n(const char *text, size_t n, kl_event *ev, kl_error *e) {
  memset(e, 0, sizeof *e);
  return kl_wire_decode(decoder, place(text, n, TAIL), n, ev, e);
}

static kl_event decoded(const char *text) {
  kl_event ev;
  kl_error e;
  if (!decode_n(text, strlen(text), &ev, &e)) fail_msg("%s\nrefused: %s", text, e.message);
  return ev;
}

static void assert_refused(const char *text, const char *because) {
  kl_event ev;
  kl_error e;
  if (decode_n(text, strlen(text), &ev, &e)) fail_msg("accepted: %s", text);
  assert_string_equal(e.kind, KL_ERR_PROTOCOL);
  if (!strstr(e.message, because)) fail_msg("%s\nrefused with: %s\nexpected: %s", text, e.message, because);
}

static void assert_str(kl_str s, const char *expected) {
  assert_int_equal(s.n, strlen(expected));
  assert_memory_equal(s.p, expected, s.n);
}

/* What a second reader, jansson, says about the same message. */
static void assert_text(json_t *o, const char *key, kl_str got) {
  json_t *v = json_object_get(o, key);
  assert_str(got, json_is_string(v) ? json_string_value(v) : "");
}

static void assert_decimal(json_t *o, const char *key, int places, int64_t got) {
  int64_t expected = 0;
  const char *s = json_string_value(json_object_get(o, key));
  assert_non_null(s);
  assert_true(kl_decimal_parse(s, strlen(s), places, &expected));
  assert_int_equal(got, expected);
}

static void assert_flagged(json_t *o, const char *key, const kl_event *ev, uint32_t flag, int64_t got) {
  json_t *v = json_object_get(o, key);
  assert_int_equal((ev->has & flag) != 0, json_is_integer(v));
  assert_int_equal(got, json_integer_value(v));
}

static void assert_word(json_t *o, const char *key, const char *one, int got) {
  assert_int_equal(got, strcmp(json_string_value(json_object_get(o, key)), one) == 0);
}

static void assert_levels(json_t *msg, const char *key, const kl_event *ev, int side) {
  json_t *array = json_object_get(msg, key);
  assert_int_equal(ev->snapshot.n[side], json_array_size(array));
  assert_non_null(ev->snapshot.levels[side]);
  for (size_t i = 0; i < json_array_size(array); i++) {
    json_t *pair = json_object();
    json_object_set(pair, "price", json_array_get(json_array_get(array, i), 0));
    json_object_set(pair, "count", json_array_get(json_array_get(array, i), 1));
    assert_decimal(pair, "price", 4, ev->snapshot.levels[side][i].price);
    assert_decimal(pair, "count", 2, ev->snapshot.levels[side][i].count);
    json_decref(pair);
  }
}

static void assert_ticker(json_t *msg, const kl_event *ev) {
  assert_decimal(msg, "price_dollars", 4, ev->ticker_.price);
  assert_decimal(msg, "yes_bid_dollars", 4, ev->ticker_.yes_bid);
  assert_decimal(msg, "yes_ask_dollars", 4, ev->ticker_.yes_ask);
  assert_decimal(msg, "yes_bid_size_fp", 2, ev->ticker_.yes_bid_size);
  assert_decimal(msg, "yes_ask_size_fp", 2, ev->ticker_.yes_ask_size);
  assert_decimal(msg, "last_trade_size_fp", 2, ev->ticker_.last_trade_size);
  assert_decimal(msg, "volume_fp", 2, ev->ticker_.volume);
  assert_decimal(msg, "open_interest_fp", 2, ev->ticker_.open_interest);
  assert_flagged(msg, "dollar_volume", ev, KL_HAS_SID, ev->ticker_.dollar_volume);
  assert_flagged(msg, "dollar_open_interest", ev, KL_HAS_SID, ev->ticker_.dollar_open_interest);
}

static void assert_fill(json_t *msg, const kl_event *ev) {
  assert_text(msg, "trade_id", ev->fill.trade_id);
  assert_text(msg, "order_id", ev->fill.order_id);
  assert_text(msg, "client_order_id", ev->fill.client_order_id);
  assert_decimal(msg, "yes_price_dollars", 4, ev->fill.yes_price);
  assert_decimal(msg, "count_fp", 2, ev->fill.count);
  assert_decimal(msg, "post_position_fp", 2, ev->fill.post_position);
  assert_decimal(msg, "fee_cost", 6, ev->fill.fee);
  assert_int_equal(ev->fill.is_taker, json_is_true(json_object_get(msg, "is_taker")));
  assert_word(msg, "outcome_side", "no", (int)ev->fill.outcome);
  assert_word(msg, "book_side", "ask", (int)ev->fill.side);
  assert_flagged(msg, "exchange_index", ev, KL_HAS_EXCHANGE_INDEX, ev->exchange_index);
}

static void assert_user_order(json_t *msg, const kl_event *ev) {
  assert_text(msg, "order_id", ev->user_order.order_id);
  assert_text(msg, "user_id", ev->user_order.user_id);
  assert_text(msg, "client_order_id", ev->user_order.client_order_id);
  assert_text(msg, "order_group_id", ev->user_order.order_group_id);
  assert_text(msg, "status", ev->user_order.status);
  assert_text(msg, "last_update_reason", ev->user_order.last_update_reason);
  assert_text(msg, "self_trade_prevention_type", ev->user_order.self_trade_prevention);
  assert_decimal(msg, "yes_price_dollars", 4, ev->user_order.yes_price);
  assert_decimal(msg, "fill_count_fp", 2, ev->user_order.filled);
  assert_decimal(msg, "remaining_count_fp", 2, ev->user_order.remaining);
  assert_decimal(msg, "initial_count_fp", 2, ev->user_order.initial);
  assert_decimal(msg, "taker_fill_cost_dollars", 6, ev->user_order.taker_fill_cost);
  assert_decimal(msg, "maker_fill_cost_dollars", 6, ev->user_order.maker_fill_cost);
  assert_decimal(msg, "taker_fees_dollars", 6, ev->user_order.taker_fees);
  assert_decimal(msg, "maker_fees_dollars", 6, ev->user_order.maker_fees);
  assert_word(msg, "outcome_side", "no", (int)ev->user_order.outcome);
  assert_word(msg, "book_side", "ask", (int)ev->user_order.side);
  assert_flagged(msg, "expiration_ts_ms", ev, KL_HAS_EXPIRATION, ev->user_order.expiration_ts_ms);
  assert_flagged(msg, "exchange_index", ev, KL_HAS_EXCHANGE_INDEX, ev->exchange_index);
  assert_flagged(msg, "subaccount_number", ev, KL_HAS_SUBACCOUNT, ev->subaccount);
  assert_int_equal(ev->user_order.created_ts_ms, json_integer_value(json_object_get(msg, "created_ts_ms")));
  assert_int_equal(ev->user_order.updated_ts_ms, json_integer_value(json_object_get(msg, "last_updated_ts_ms")));
  assert_int_equal(ev->ts_ms, ev->user_order.updated_ts_ms);
}

static void assert_position(json_t *msg, const kl_event *ev) {
  assert_text(msg, "user_id", ev->position.user_id);
  assert_decimal(msg, "position_fp", 2, ev->position.position);
  assert_decimal(msg, "position_cost_dollars", 6, ev->position.cost);
  assert_decimal(msg, "realized_pnl_dollars", 6, ev->position.realized);
  assert_decimal(msg, "fees_paid_dollars", 6, ev->position.fees);
  assert_decimal(msg, "position_fee_cost_dollars", 6, ev->position.position_fees);
  assert_decimal(msg, "volume_fp", 2, ev->position.volume);
}

static void assert_body(json_t *msg, const kl_event *ev) {
  switch (ev->type) {
  case KL_EV_SUBSCRIBED:
    assert_text(msg, "channel", ev->subscribed.channel);
    break;
  case KL_EV_ERROR:
    assert_int_equal(ev->error.code, json_integer_value(json_object_get(msg, "code")));
    assert_text(msg, "msg", ev->error.message);
    assert_text(msg, "market_ticker", ev->error.market_ticker);
    break;
  case KL_EV_SNAPSHOT:
    assert_levels(msg, "yes_dollars_fp", ev, KL_YES);
    assert_levels(msg, "no_dollars_fp", ev, KL_NO);
    break;
  case KL_EV_DELTA:
    assert_decimal(msg, "price_dollars", 4, ev->delta.price);
    assert_decimal(msg, "delta_fp", 2, ev->delta.delta);
    assert_word(msg, "side", "no", (int)ev->delta.side);
    assert_text(msg, "client_order_id", ev->delta.client_order_id);
    break;
  case KL_EV_TICKER:
    assert_ticker(msg, ev);
    break;
  case KL_EV_TRADE:
    assert_text(msg, "trade_id", ev->trade.trade_id);
    assert_decimal(msg, "yes_price_dollars", 4, ev->trade.yes_price);
    assert_decimal(msg, "no_price_dollars", 4, ev->trade.no_price);
    assert_decimal(msg, "count_fp", 2, ev->trade.count);
    assert_word(msg, "taker_outcome_side", "no", (int)ev->trade.taker_outcome);
    assert_word(msg, "taker_book_side", "ask", (int)ev->trade.taker_side);
    assert_int_equal(ev->trade.is_block_trade, json_is_true(json_object_get(msg, "is_block_trade")));
    break;
  case KL_EV_FILL:
    assert_fill(msg, ev);
    break;
  case KL_EV_USER_ORDER:
    assert_user_order(msg, ev);
    break;
  case KL_EV_POSITION:
    assert_position(msg, ev);
    break;
  case KL_EV_UNSUBSCRIBED:
  case KL_EV_OK:
  case KL_EV_OTHER:
    break;
  }
}

static void assert_agrees(json_t *root, const kl_event *ev) {
  static const char *const names[] = {[KL_EV_OTHER] = "",
                                      [KL_EV_SUBSCRIBED] = "subscribed",
                                      [KL_EV_UNSUBSCRIBED] = "unsubscribed",
                                      [KL_EV_OK] = "ok",
                                      [KL_EV_ERROR] = "error",
                                      [KL_EV_SNAPSHOT] = "orderbook_snapshot",
                                      [KL_EV_DELTA] = "orderbook_delta",
                                      [KL_EV_TICKER] = "ticker",
                                      [KL_EV_TRADE] = "trade",
                                      [KL_EV_FILL] = "fill",
                                      [KL_EV_USER_ORDER] = "user_order",
                                      [KL_EV_POSITION] = "market_position"};
  const char *type = json_string_value(json_object_get(root, "type"));
  assert_str(ev->type_name, type);
  kl_event_type expected = KL_EV_OTHER;
  for (int i = 1; i <= KL_EV_POSITION; i++)
    if (strcmp(names[i], type) == 0) expected = (kl_event_type)i;
  assert_int_equal(ev->type, expected);
  json_t *msg = json_object_get(root, "msg");
  assert_flagged(root, "id", ev, KL_HAS_ID, ev->id);
  assert_flagged(expected == KL_EV_SUBSCRIBED ? msg : root, "sid", ev, KL_HAS_SID, ev->sid);
  assert_flagged(root, "seq", ev, KL_HAS_SEQ, ev->seq);
  assert_flagged(root, "sending_ts_ms", ev, KL_HAS_SENDING_TS, ev->sending_ts_ms);
  if (expected == KL_EV_OTHER || expected == KL_EV_OK || expected == KL_EV_UNSUBSCRIBED) return;
  if (expected != KL_EV_USER_ORDER) assert_flagged(msg, "ts_ms", ev, KL_HAS_TS, ev->ts_ms);
  if (expected == KL_EV_DELTA || expected == KL_EV_FILL || expected == KL_EV_POSITION)
    assert_flagged(msg, "subaccount", ev, KL_HAS_SUBACCOUNT, ev->subaccount);
  if (expected != KL_EV_ERROR) assert_text(msg, expected == KL_EV_USER_ORDER ? "ticker" : "market_ticker", ev->ticker);
  assert_text(msg, "market_id", ev->market_id);
  assert_body(msg, ev);
}

/* Calls `each` with every captured or documented message of the exchange. */
static void for_each_sample(void (*each)(json_t *root)) {
  struct dirent **types;
  int n_types = scandir("fixtures/ws", &types, NULL, alphasort), samples = 0;
  assert_true(n_types > 0);
  for (int i = 0; i < n_types; i++) {
    char dir[512], path[1024];
    snprintf(dir, sizeof dir, "fixtures/ws/%s", types[i]->d_name);
    free(types[i]);
    if (strstr(dir, "/.")) continue;
    for (int k = 1;; k++, samples++) {
      snprintf(path, sizeof path, "%s/%d.json", dir, k);
      json_t *root = json_load_file(path, 0, NULL);
      if (!root) {
        assert_true(k > 1);
        break;
      }
      each(root);
      json_decref(root);
    }
  }
  free(types);
  assert_true(samples >= 81);
}

static void decode_and_compare(json_t *root, int style) {
  kl_buf text = {0};
  write_json(&text, root, style);
  assert_false(text.failed);
  kl_event ev = decoded(text.data);
  assert_agrees(root, &ev);
  kl_error e = {0};
  assert_true(kl_wire_decode_general(decoder, message, text.len, &ev, &e));
  assert_agrees(root, &ev);
  kl_buf_free(&text);
}

static void compare_plain(json_t *root) { decode_and_compare(root, 0); }
static void compare_all_styles(json_t *root) {
  for (int round = 0; round < 200; round++)
    decode_and_compare(root, round & 15);
}

static void decodes_every_sample(void **state) {
  (void)state;
  for_each_sample(compare_plain);
}

static void decodes_any_key_order_spacing_escapes_and_unknown_keys(void **state) {
  (void)state;
  for_each_sample(compare_all_styles);
}

static void assert_usual(json_t *root) {
  const char *type = json_string_value(json_object_get(root, "type"));
  if (strcmp(type, "orderbook_delta") != 0 && strcmp(type, "ticker") != 0 && strcmp(type, "trade") != 0) return;
  kl_buf text = {0};
  kl_event ev;
  write_json(&text, root, 0);
  assert_true(kl_wire_decode_usual(place(text.data, text.len, TAIL), text.len, &ev));
  assert_agrees(root, &ev);
  kl_buf_char(&text, '\n');
  assert_true(kl_wire_decode_usual(place(text.data, text.len, TAIL), text.len, &ev));
  kl_buf_free(&text);
}

static void takes_the_usual_way_for_messages_as_the_exchange_sends_them(void **state) {
  (void)state;
  for_each_sample(assert_usual);
}

static void refuse_prefixes(json_t *root) {
  kl_buf text = {0};
  write_json(&text, root, 0);
  size_t whole = text.len;
  for (int i = 0; i < 16; i++)
    kl_buf_char(&text, '\n');
  for (size_t n = 0; n < whole; n++) {
    /* What follows the prefix is the rest of the valid message: it must not be believed. */
    const char *p = place(text.data, n, text.data + n);
    kl_event ev;
    kl_error e = {0};
    assert_false(kl_wire_decode_usual(p, n, &ev));
    assert_false(kl_wire_decode(decoder, p, n, &ev, &e));
    assert_string_equal(e.kind, KL_ERR_PROTOCOL);
    const char *at = strstr(e.message, "byte ");
    assert_non_null(at);
    assert_true(strtoul(at + 5, NULL, 10) <= n);
  }
  kl_buf_free(&text);
}

static void refuses_every_prefix_of_every_sample(void **state) {
  (void)state;
  for_each_sample(refuse_prefixes);
}

static void accepts_a_type_that_comes_last(void **state) {
  (void)state;
  kl_event ev = decoded("{\"msg\":{\"side\":\"no\",\"market_id\":\"i\",\"delta_fp\":\"-1\",\"price_dollars\":\"1\","
                        "\"market_ticker\":\"T\\u002d1\"},\"seq\":2,\"sid\":1,\"type\":\"orderbook_delta\"}\r\n");
  assert_int_equal(ev.type, KL_EV_DELTA);
  assert_str(ev.ticker, "T-1");
  assert_int_equal(ev.delta.delta, -100);
  assert_int_equal(ev.delta.price, KL_PRICE_ONE);
  assert_int_equal(ev.delta.side, KL_NO);
}

static void gives_sid_and_seq_of_types_it_does_not_know(void **state) {
  (void)state;
  kl_event ev = decoded("{\"type\":\"n\\u0065w\",\"msg\":[[]],\"seq\":8,\"id\":3,\"sid\":7}");
  assert_int_equal(ev.type, KL_EV_OTHER);
  assert_str(ev.type_name, "new");
  assert_int_equal(ev.has, KL_HAS_ID | KL_HAS_SID | KL_HAS_SEQ);
  assert_int_equal(ev.id, 3);
  assert_int_equal(ev.sid, 7);
  assert_int_equal(ev.seq, 8);
  assert_str(ev.ticker, "");
}

#define WITH_SEQ(n) "{\"type\":\"x\",\"seq\":" n "}"
static void reads_integers_in_any_spelling(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t value;
  } good[] = {{WITH_SEQ("0"), 0},
              {WITH_SEQ("-0"), 0},
              {WITH_SEQ("1e3"), 1000},
              {WITH_SEQ("12.50E+1"), 125},
              {WITH_SEQ("4.000"), 4},
              {WITH_SEQ("700e-2"), 7},
              {WITH_SEQ("0e99999999999999999999"), 0},
              {WITH_SEQ("0.0000e-5"), 0},
              {WITH_SEQ("12345678"), 12345678},
              {WITH_SEQ("123456789012345"), 123456789012345},
              {WITH_SEQ("1234567890123456"), 1234567890123456},
              {WITH_SEQ("9223372036854775807"), INT64_MAX}};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    assert_int_equal(decoded(good[i].text).seq, good[i].value);
  assert_int_equal(decoded("{\"type\":\"x\",\"sending_ts_ms\":-9223372036854775808}").sending_ts_ms, INT64_MIN);
}

static void refuses_what_is_no_integer(void **state) {
  (void)state;
  assert_refused(WITH_SEQ("9223372036854775808"), "64 bits");
  assert_refused(WITH_SEQ("1e19"), "64 bits");
  assert_refused(WITH_SEQ("1e999999999999999999999"), "64 bits");
  assert_refused("{\"type\":\"x\",\"sending_ts_ms\":-9223372036854775809}", "64 bits");
  assert_refused(WITH_SEQ("1.5"), "fraction");
  assert_refused(WITH_SEQ("1e-1"), "fraction");
  assert_refused(WITH_SEQ("01"), "leading zero");
  assert_refused(WITH_SEQ("-01"), "leading zero");
  assert_refused(WITH_SEQ("-1"), "not negative");
  assert_refused(WITH_SEQ("1."), "behind its point");
  assert_refused(WITH_SEQ("1e"), "exponent");
  assert_refused(WITH_SEQ("1e+"), "exponent");
  assert_refused(WITH_SEQ(".5"), "expected an integer");
  assert_refused(WITH_SEQ("+1"), "expected an integer");
  assert_refused(WITH_SEQ("-"), "expected a number");
  assert_refused(WITH_SEQ("12a"), "expected ',' or '}'");
  assert_refused(WITH_SEQ("\"1\""), "expected an integer");
  assert_refused("{\"type\":\"error\",\"msg\":{\"code\":2147483648,\"msg\":\"\"}}", "32 bits");
}

#define DELTA(price, change)                                                                                           \
  "{\"type\":\"orderbook_delta\",\"sid\":1,\"seq\":2,\"msg\":{\"market_ticker\":\"T\",\"market_id\":\"i\",\"price_"    \
  "dollars\":\"" price "\",\"delta_fp\":\"" change "\",\"side\":\"yes\"}}"
static void reads_fixed_point_in_any_length(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t price, change;
  } good[] = {{DELTA("0.4200", "-54.00"), 4200, -5400},
              {DELTA("0.05", "1"), 500, 100},
              {DELTA("1", "0.01"), 10000, 1},
              {DELTA("1.0000", "-0.5"), 10000, -50},
              {DELTA("0.42000000", "12345678.90"), 4200, 1234567890},
              {DELTA("0", "123456789.00"), 0, 12345678900},
              {DELTA("0.0001", "92233720368547758.07"), 1, INT64_MAX},
              {DELTA("\\u0030.0002", "\\u002d1.000"), 2, -100}};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    kl_event ev = decoded(good[i].text);
    assert_int_equal(ev.delta.price, good[i].price);
    assert_int_equal(ev.delta.delta, good[i].change);
  }
}

static void refuses_fixed_point_off_the_grid(void **state) {
  (void)state;
  static const char *const prices[] = {DELTA("0.42001", "1"), DELTA("1.0001", "1"), DELTA("2", "1"),
                                       DELTA("-0.01", "1"),   DELTA(".5", "1"),     DELTA("0.", "1"),
                                       DELTA("", "1"),        DELTA("0,5", "1"),    DELTA(" 0.5", "1"),
                                       DELTA("5e-1", "1"),    DELTA("0.420/", "1")};
  for (size_t i = 0; i < sizeof prices / sizeof *prices; i++)
    assert_refused(prices[i], "\"price_dollars\": expected a price");
  static const char *const counts[] = {DELTA("0.5", "1.001"),
                                       DELTA("0.5", "--1"),
                                       DELTA("0.5", "-"),
                                       DELTA("0.5", "1.0:"),
                                       DELTA("0.5", "92233720368547758.08"),
                                       DELTA("0.5", "+1.00")};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
    assert_refused(counts[i], "\"delta_fp\": expected a count");
  assert_refused(
      "{\"type\":\"orderbook_snapshot\",\"sid\":1,\"seq\":1,\"msg\":{\"market_ticker\":\"T\",\"market_id\":\"i\","
      "\"no_dollars_fp\":[[\"0.5000\",\"-1.00\"]]}}",
      "not negative");
  assert_refused(
      "{\"type\":\"orderbook_snapshot\",\"sid\":1,\"seq\":1,\"msg\":{\"market_ticker\":\"T\",\"market_id\":\"i\","
      "\"no_dollars_fp\":[[\"0.5000\",1]]}}",
      "expected a count");
}

static void refuses_missing_and_null_required_fields(void **state) {
  (void)state;
  assert_refused("{}", "\"type\": a required field is absent");
  assert_refused("{\"type\":null}", "\"type\": a required field is absent");
  assert_refused("{\"type\":7}", "\"type\": expected a string");
  assert_refused("{\"type\":\"unsubscribed\",\"sid\":1}", "unsubscribed, byte 31, \"seq\": a required field is absent");
  assert_refused("{\"type\":\"subscribed\",\"msg\":null}", "\"msg\": a required field is absent");
  assert_refused("{\"type\":\"subscribed\",\"msg\":[]}", "expected an object");
  assert_refused("{\"type\":\"subscribed\",\"msg\":{\"channel\":\"c\"}}", "\"sid\": a required field is absent");
  assert_refused("{\"msg\":{\"channel\":\"c\"},\"type\":\"subscribed\"}", "\"sid\": a required field is absent");
  assert_refused(
      "{\"type\":\"orderbook_delta\",\"sid\":1,\"seq\":2,\"msg\":{\"market_ticker\":\"T\",\"market_id\":\"i\","
      "\"price_dollars\":null,\"delta_fp\":\"1\",\"side\":\"yes\"}}",
      "\"price_dollars\": a required field is absent or null");
}

static void drop_each_key(json_t *root) {
  json_t *msg = json_object_get(root, "msg"), *value;
  kl_buf text = {0};
  write_json(&text, root, 0);
  kl_event whole = decoded(text.data);
  const char *key;
  if (!json_is_object(msg) || whole.type == KL_EV_OTHER || whole.type == KL_EV_OK) {
    kl_buf_free(&text);
    return;
  }
  /* Not required by the exchange's description, or not wanted here. */
  static const char optional[] =
      " market_tickers yes_dollars_fp no_dollars_fp client_order_id subaccount ts time taker_side side "
      "action purchased_side is_yes order_group_id self_trade_prevention_type created_time last_update_time "
      "expiration_time expiration_ts_ms last_updated_ts_ms last_update_reason subaccount_number ";
  json_object_foreach(msg, key, value) {
    char spaced[64];
    snprintf(spaced, sizeof spaced, " %s ", key);
    bool may_go = strstr(optional, spaced) != NULL;
    if (whole.type == KL_EV_DELTA && strcmp(key, "side") == 0) may_go = false;
    if (whole.type == KL_EV_DELTA && strcmp(key, "ts_ms") == 0) may_go = true;
    if (whole.type == KL_EV_USER_ORDER && strcmp(key, "client_order_id") == 0) may_go = false;
    json_t *without = json_copy(root), *body = json_copy(msg);
    json_object_del(body, key);
    json_object_set_new(without, "msg", body);
    kl_buf_clear(&text);
    write_json(&text, without, 0);
    kl_event ev;
    kl_error e;
    if (decode_n(text.data, text.len, &ev, &e) != may_go) fail_msg("%s without %s", text.data, key);
    json_decref(without);
  }
  kl_buf_free(&text);
}

static void requires_what_the_exchange_describes_as_required(void **state) {
  (void)state;
  for_each_sample(drop_each_key);
}

static void takes_null_for_absence(void **state) {
  (void)state;
  kl_event ev =
      decoded("{\"type\":\"orderbook_delta\",\"id\":null,\"sid\":1,\"seq\":2,\"msg\":{\"market_ticker\":\"T\","
              "\"market_id\":\"i\",\"price_dollars\":\"0.5\",\"delta_fp\":\"1\",\"side\":\"yes\",\"ts_ms\":null,"
              "\"client_order_id\":null,\"subaccount\":null,\"ts\":null},\"sending_ts_ms\":null}");
  assert_int_equal(ev.has, KL_HAS_SID | KL_HAS_SEQ);
  assert_str(ev.delta.client_order_id, "");
  ev = decoded("{\"type\":\"ok\",\"msg\":null}");
  assert_int_equal(ev.type, KL_EV_OK);
}

static void refuses_a_known_key_given_twice(void **state) {
  (void)state;
  assert_refused("{\"type\":\"x\",\"type\":\"x\"}", "\"type\": a field given twice");
  assert_refused("{\"type\":\"x\",\"seq\":1,\"\\u0073eq\":1}", "\"seq\": a field given twice");
  assert_refused("{\"type\":\"x\",\"seq\":null,\"seq\":1}", "\"seq\": a field given twice");
  assert_refused("{\"type\":\"subscribed\",\"sid\":1,\"msg\":{\"channel\":\"c\",\"sid\":1}}",
                 "\"sid\": a field given twice");
  assert_refused("{\"type\":\"subscribed\",\"msg\":{\"channel\":\"c\",\"sid\":1},\"sid\":1}",
                 "\"sid\": a field given twice");
  decoded("{\"type\":\"x\",\"unknown\":1,\"unknown\":2}");
}

static void refuses_what_is_not_json(void **state) {
  (void)state;
  assert_refused("", "expected an object");
  assert_refused("null", "expected an object");
  assert_refused("<html>", "message, byte 0: expected an object");
  assert_refused("{\"type\":\"x\"} x", "byte 13: bytes behind the message");
  assert_refused("{\"type\":\"x\"}{}", "bytes behind the message");
  assert_refused("{\"type\":\"x\",}", "expected a key");
  assert_refused("{,\"type\":\"x\"}", "expected a key");
  assert_refused("{\"type\" \"x\"}", "expected ':'");
  assert_refused("{\"type\":\"x\" \"a\":1}", "expected ',' or '}'");
  assert_refused("{\"type\":\"x\",\"a\":[1,]}", "expected a number");
  assert_refused("{\"type\":\"x\",\"a\":[1 2]}", "expected ',' or ']'");
  assert_refused("{\"type\":\"x\",\"a\":{\"b\":1,}}", "expected a key");
  assert_refused("{\"type\":\"x\",\"a\":{\"b\":1]}", "expected ',' or '}'");
  assert_refused("{\"type\":\"x\",\"a\":{1:2}}", "expected a key");
  assert_refused("{\"type\":\"x\",\"a\":tru}", "expected a value");
  assert_refused("{\"type\":\"x\",\"a\":nul}", "expected a value");
  assert_refused("{\"type\":\"x\",\"a\":NaN}", "expected a number");
  assert_refused("{\"type\":\"x\",\"a\":'x'}", "expected a number");
  assert_refused("{'type':\"x\"}", "expected a key");
  assert_refused("{\"type\":\"x\",/**/\"a\":1}", "expected a key");
  assert_refused("\xef\xbb\xbf{\"type\":\"x\"}", "expected an object");
}

static void refuses_nesting_beyond_64(void **state) {
  (void)state;
  char text[256];
  for (int levels = 62; levels <= 66; levels++) {
    int n = snprintf(text, sizeof text, "{\"type\":\"x\",\"a\":");
    for (int i = 1; i < levels; i++)
      text[n++] = '[';
    for (int i = 1; i < levels; i++)
      text[n++] = ']';
    snprintf(text + n, sizeof text - (size_t)n, "}");
    if (levels <= 64) {
      decoded(text);
    } else {
      assert_refused(text, "64 levels");
    }
  }
}

#define NAMED(s) "{\"type\":\"" s "\"}"
static void decodes_escapes_and_utf8(void **state) {
  (void)state;
  assert_str(decoded(NAMED("\\\"\\\\\\/\\b\\f\\n\\r\\t")).type_name, "\"\\/\b\f\n\r\t");
  assert_str(decoded(NAMED("\\u00e9\\u20AC\\ud83d\\ude00")).type_name, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  assert_str(decoded(NAMED("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f")).type_name,
             "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f");
  assert_str(decoded(NAMED("0123456789abcdef\\u00410123456789abcdef")).type_name, "0123456789abcdefA0123456789abcdef");
  kl_str nul = decoded(NAMED("a\\u0000b")).type_name;
  assert_int_equal(nul.n, 3);
  assert_memory_equal(nul.p, "a\0b", 3);
}

static void refuses_bad_escapes_and_utf8(void **state) {
  (void)state;
  static const char *const escapes[] = {NAMED("\\x"),     NAMED("\\u12g4"),  NAMED("\\ud83d"), NAMED("\\ud83d\\u0041"),
                                        NAMED("\\ude00"), NAMED("\\ud83dx"), NAMED("\\u"),     NAMED("\\ud83d\\ud83d"),
                                        NAMED("\\U0041")};
  for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++)
    assert_refused(escapes[i], "escape");
  static const char *const bytes[] = {NAMED("\x80"),
                                      NAMED("\xc0\xaf"),
                                      NAMED("\xc3"),
                                      NAMED("\xe0\x80\xaf"),
                                      NAMED("\xed\xa0\x80"),
                                      NAMED("\xf0\x80\x80\x80"),
                                      NAMED("\xff"),
                                      NAMED("\xf4\x90\x80\x80"),
                                      NAMED("\xe2\x82 "),
                                      "{\"type\":\"x\",\"\xff\":1}",
                                      "{\"type\":\"x\",\"a\":[\"\xff\"]}"};
  for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++)
    assert_refused(bytes[i], "not UTF-8");
  assert_refused(NAMED("a\nb"), "control character");
  assert_refused(NAMED("0123456789abcdef0\x1f"), "control character");
}

/* A snapshot with n levels a side. */
static kl_buf big_snapshot(int n) {
  kl_buf b = {0};
  kl_buf_str(&b, "{\"type\":\"orderbook_snapshot\",\"sid\":1,\"seq\":1,\"msg\":{\"market_ticker\":\"a\\u002db\","
                 "\"market_id\":\"i\"");
  for (int side = 0; side < 2; side++) {
    kl_buf_str(&b, side ? "],\"no_dollars_fp\":[" : ",\"yes_dollars_fp\":[");
    for (int i = 1; i <= n; i++)
      kl_buf_printf(&b, i & 1 ? "%s[\"0.%04d\",\"%d.25\"]" : "%s[ \"0.%04d00\" , \"%d.250\" ]", i > 1 ? "," : "", i, i);
  }
  kl_buf_str(&b, "]}}\n");
  return b;
}

static void allocates_nothing_once_warm(void **state) {
  (void)state;
  kl_buf b = big_snapshot(5000);
  decoded(b.data);
  uint64_t warm = kl_decoder_allocations(decoder);
  for (int round = 0; round < 3; round++) {
    kl_event ev = decoded(b.data);
    for (int side = 0; side < 2; side++) {
      assert_int_equal(ev.snapshot.n[side], 5000);
      for (int i = 0; i < 5000; i++) {
        assert_int_equal(ev.snapshot.levels[side][i].price, i + 1);
        assert_int_equal(ev.snapshot.levels[side][i].count, (i + 1) * 100 + 25);
      }
    }
    assert_str(ev.ticker, "a-b");
    for_each_sample(compare_plain);
  }
  assert_int_equal(kl_decoder_allocations(decoder), warm);
  kl_buf_free(&b);
}

static bool ends_plain_run(unsigned char c) { return c < 0x20 || c >= 0x80 || c == '"' || c == '\\'; }

static void finds_the_stops_of_a_string_by_bytes_and_words_alike(void **state) {
  (void)state;
  for (int round = 0; round < 200000; round++) {
    char bytes[16];
    uint32_t expected = 0;
    for (unsigned i = 0; i < 16; i++) {
      static const char edges[] = "\"\\\x1f\x20\x21\x23\x5b\x5d\x7f\x80\xff\xa2\xdc";
      bytes[i] = round & 1 ? (char)random_below(256) : edges[random_below(sizeof edges)];
      if (ends_plain_run((unsigned char)bytes[i])) expected |= 1u << i;
    }
    assert_int_equal(kl_json_stops(bytes), expected);
    assert_int_equal(kl_json_stops8(bytes) | kl_json_stops8(bytes + 8) << 8, expected);
  }
}

static void reads_digits_by_words_as_by_bytes(void **state) {
  (void)state;
  for (int round = 0; round < 200000; round++) {
    char bytes[8];
    unsigned n = 0;
    uint64_t expected = 0, got = 0;
    for (unsigned i = 0; i < 8; i++)
      bytes[i] = random_below(12) ? (char)('0' + random_below(10))
                 : round & 1      ? (char)random_below(256)
                                  : "/:."[round % 3];
    while (n < 8 && bytes[n] >= '0' && bytes[n] <= '9')
      expected = expected * 10 + (unsigned)(bytes[n++] - '0');
    assert_int_equal(kl_digits8(bytes, &got), n);
    assert_int_equal(got, expected);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(decodes_every_sample),
      cmocka_unit_test(decodes_any_key_order_spacing_escapes_and_unknown_keys),
      cmocka_unit_test(takes_the_usual_way_for_messages_as_the_exchange_sends_them),
      cmocka_unit_test(refuses_every_prefix_of_every_sample),
      cmocka_unit_test(accepts_a_type_that_comes_last),
      cmocka_unit_test(gives_sid_and_seq_of_types_it_does_not_know),
      cmocka_unit_test(reads_integers_in_any_spelling),
      cmocka_unit_test(refuses_what_is_no_integer),
      cmocka_unit_test(reads_fixed_point_in_any_length),
      cmocka_unit_test(refuses_fixed_point_off_the_grid),
      cmocka_unit_test(refuses_missing_and_null_required_fields),
      cmocka_unit_test(requires_what_the_exchange_describes_as_required),
      cmocka_unit_test(takes_null_for_absence),
      cmocka_unit_test(refuses_a_known_key_given_twice),
      cmocka_unit_test(refuses_what_is_not_json),
      cmocka_unit_test(refuses_nesting_beyond_64),
      cmocka_unit_test(decodes_escapes_and_utf8),
      cmocka_unit_test(refuses_bad_escapes_and_utf8),
      cmocka_unit_test(allocates_nothing_once_warm),
      cmocka_unit_test(finds_the_stops_of_a_string_by_bytes_and_words_alike),
      cmocka_unit_test(reads_digits_by_words_as_by_bytes),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
