/* The decoder's way for usual messages against its general way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kalshi/wire_internal.h"
#include "tests/unit/wire_same.h"

enum { MUTANTS = 600000, ROOM = 1024 };

static uint64_t state_of_random = 88172645463325252;
static uint32_t random_below(uint32_t n) {
  state_of_random ^= state_of_random << 13;
  state_of_random ^= state_of_random >> 7;
  state_of_random ^= state_of_random << 17;
  return (uint32_t)((state_of_random >> 32) * n >> 32);
}

/* A valid delta of today's shape; every part of it varies. */
static size_t usual_delta(char *out) {
  static const char *const numbers[] = {
      "0", "1", "7", "42", "99999999", "123456789", "999999999999999", "1789482601250"};
  static const char *const tickers[] = {"KXSNOWOSL-26NOV03-T4.5", "A", "", "KXMVEDEMO-S2026A1B2C3D4E5-0F1E2D3C4B5"};
  static const char *const counts[] = {"-54.00", "0.01", "-0.00", "12345678.25", "250000.00", "-1.50"};
#define PICK(a) (a)[random_below(sizeof(a) / sizeof *(a))]
  int n = snprintf(
      out, ROOM,
      "{\"type\":\"orderbook_delta\",\"sid\":%s,\"seq\":%s,\"msg\":{\"market_ticker\":\"%s\",\"market_id\":\""
      "%s\",\"price_dollars\":\"0.%04u\",\"delta_fp\":\"%s\",\"side\":\"%s\"",
      PICK(numbers), PICK(numbers), PICK(tickers), random_below(4) ? "30ebe0c2-d075-4992-9896-9ab2e8d35072" : "",
      random_below(10000), PICK(counts), random_below(2) ? "yes" : "no");
#define APPEND(...) n += snprintf(out + n, ROOM - (size_t)n, __VA_ARGS__)
  if (random_below(3) == 0) APPEND(",\"client_order_id\":\"mm-cpi-000017\"");
  if (random_below(3) == 0) APPEND(",\"subaccount\":%s", PICK(numbers));
  if (random_below(2) == 0) APPEND(",\"ts\":\"2026-09-15T14:30:01.250114Z\"");
  if (random_below(4) != 0) APPEND(",\"ts_ms\":%s", PICK(numbers));
  APPEND("}");
  if (random_below(3) == 0) APPEND(",\"sending_ts_ms\":%s", PICK(numbers));
  APPEND("}%s", random_below(2) ? "\n" : "");
  return (size_t)n;
}

static size_t usual_ticker(char *out) {
  static const char *const numbers[] = {"0", "7", "42", "123456789", "999999999999999", "1789482601250"};
  static const char *const counts[] = {"0.00", "0.01", "12345678.25", "99999999.99", "1.50"};
  int n = snprintf(out, ROOM,
                   "{\"type\":\"ticker\",\"sid\":%s%s,\"msg\":{\"market_ticker\":\"%s\",\"market_id\":\"%s\","
                   "\"price_dollars\":\"0.%04u\",\"yes_bid_dollars\":\"0.%04u\",\"yes_ask_dollars\":\"0.%04u\","
                   "\"volume_fp\":\"%s\",\"open_interest_fp\":\"%s\",\"dollar_volume\":%s,"
                   "\"dollar_open_interest\":%s,\"yes_bid_size_fp\":\"%s\",\"yes_ask_size_fp\":\"%s\","
                   "\"last_trade_size_fp\":\"%s\",\"ts\":%s,\"ts_ms\":%s",
                   PICK(numbers), random_below(4) ? "" : ",\"seq\":12", random_below(8) ? "KXFED-26NOV05-T103" : "",
                   random_below(8) ? "bf95d691-551f-4cea-b092-07d49975b4d5" : "", random_below(10000),
                   random_below(10000), random_below(10000), PICK(counts), PICK(counts), PICK(numbers), PICK(numbers),
                   PICK(counts), PICK(counts), PICK(counts), PICK(numbers), PICK(numbers));
  if (random_below(2) == 0) APPEND(",\"time\":\"2026-11-22T20:44:01Z\"");
  APPEND("}");
  if (random_below(3) == 0) APPEND(",\"sending_ts_ms\":%s", PICK(numbers));
  APPEND("}%s", random_below(2) ? "\n" : "");
  return (size_t)n;
}

static size_t usual_trade(char *out) {
  static const char *const numbers[] = {"0", "7", "42", "999999999999999", "1789482601250"};
  static const char *const counts[] = {"0.01", "12345678.25", "99999999.99", "1.50"};
  int n = snprintf(out, ROOM,
                   "{\"type\":\"trade\",\"sid\":%s,\"seq\":%s,\"msg\":{\"trade_id\":\"%s\",\"market_ticker\":"
                   "\"%s\",\"yes_price_dollars\":\"0.%04u\",\"no_price_dollars\":\"0.%04u\",\"count_fp\":\"%s\","
                   "\"taker_side\":\"%s\",\"taker_outcome_side\":\"%s\",\"taker_book_side\":\"%s\","
                   "\"is_block_trade\":%s,\"ts\":%s,\"ts_ms\":%s}",
                   PICK(numbers), PICK(numbers), random_below(8) ? "b4c11cc8-f989-49ec-8f61-8321b6f1e70b" : "",
                   random_below(8) ? "KXCPIYOY-26NOV15-B134.5" : "", random_below(10000), random_below(10000),
                   PICK(counts), random_below(2) ? "yes" : "no", random_below(2) ? "yes" : "no",
                   random_below(2) ? "bid" : "ask", random_below(2) ? "true" : "false", PICK(numbers), PICK(numbers));
  if (random_below(3) == 0) APPEND(",\"sending_ts_ms\":%s", PICK(numbers));
  APPEND("}%s", random_below(2) ? "\n" : "");
  return (size_t)n;
}

/* A message of one of the three types; deltas as often as the others together. */
static size_t usual_message(char *out) {
  uint32_t which = random_below(4);
  return which > 1 ? usual_delta(out) : which ? usual_ticker(out) : usual_trade(out);
}

static char a_byte(void) {
  static const char likely[] = "\"\\{}[]:,0123456789.-+eE \n\tnulltruefalse\x1f\x7f\x80\xc3\xa9";
  return random_below(8) ? likely[random_below(sizeof likely - 1)] : (char)random_below(256);
}

/* One small damage, or one small rewording. */
static size_t mutate(char *text, size_t n) {
  size_t at = random_below((uint32_t)n), len;
  switch (random_below(7)) {
  case 0:
    text[at] = a_byte();
    return n;
  case 1: /* one byte less */
    memmove(text + at, text + at + 1, n - at - 1);
    return n - 1;
  case 2: /* one byte more */
    memmove(text + at + 1, text + at, n - at);
    text[at] = a_byte();
    return n + 1;
  case 3:
    return at; /* the rest is lost */
  case 4:      /* a piece lost */
    len = random_below((uint32_t)(n - at));
    memmove(text + at, text + at + len, n - at - len);
    return n - len;
  case 5: /* a piece twice */
    len = random_below((uint32_t)(n - at));
    if (len > 64) len = 64;
    memmove(text + at + len, text + at, n - at);
    return n + len;
  default: /* a digit changed: mostly still valid */
    for (size_t i = 0; i < n && (text[at] < '0' || text[at] > '9'); i++)
      at = (at + 1) % n;
    text[at] = (char)('0' + random_below(10));
    return n;
  }
}

static void gives_the_same_event_either_way(void **state) {
  (void)state;
  kl_decoder *d = kl_decoder_new();
  assert_non_null(d);
  unsigned usual = 0, general = 0, neither = 0;
  for (int i = 0; i < MUTANTS; i++) {
    char text[ROOM * 2];
    size_t n = usual_message(text);
    for (uint32_t changes = random_below(3); changes > 0 && n > 0; changes--)
      n = mutate(text, n);
    char *exact = malloc(n + 16);
    assert_non_null(exact);
    memcpy(exact, text, n);
    for (size_t k = 0; k < 16; k++)
      exact[n + k] = a_byte();
    kl_event fast, slow, either;
    kl_error e = {0};
    bool took = kl_wire_decode_usual(exact, n, &fast);
    bool general_took = kl_wire_decode_general(d, exact, n, &slow, &e);
    assert_int_equal(kl_wire_decode(d, exact, n, &either, &e), general_took);
    if (took && (!general_took || !same_usual(&fast, &slow)))
      fail_msg("%.*s\n%s", (int)n, exact, general_took ? "the events differ" : e.message);
    if (general_took) assert_true(same_envelope(&either, &slow));
    usual += took;
    general += general_took && !took;
    neither += !general_took;
    free(exact);
  }
  kl_decoder_free(d);
  /* Each of the three outcomes was tried. */
  assert_true(usual > MUTANTS / 4);
  assert_true(general > MUTANTS / 100);
  assert_true(neither > MUTANTS / 4);
}

static void takes_every_message_of_the_usual_shape(void **state) {
  (void)state;
  for (int i = 0; i < 10000; i++) {
    char text[ROOM];
    size_t n = usual_message(text);
    kl_event ev;
    const char *subaccount = strstr(text, "\"subaccount\":");
    bool too_long = subaccount && strtoll(subaccount + strlen("\"subaccount\":"), NULL, 10) > INT32_MAX;
    if (kl_wire_decode_usual(text, n, &ev) == too_long) fail_msg("%s", text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gives_the_same_event_either_way),
      cmocka_unit_test(takes_every_message_of_the_usual_shape),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
