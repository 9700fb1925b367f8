#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/rest_peer.h"

#define BUSY                                                                                                           \
  "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nContent-Length: 29\r\n\r\n"                     \
  "{\"error\":\"too many requests\"}"
#define HTML                                                                                                           \
  "HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/html\r\nContent-Length: 38\r\n\r\n"                        \
  "<html><h1>Oops</h1>try later</html>  \n"

#define ORDER "{\"client_order_id\":\"my-id-17\",\"ticker\":\"T\"}"

static kl_error refusal(const kl_call_request *r) {
  kl_error e;
  assert_null(kl_session_call(session, r, on_answer, NULL, &e));
  return e;
}

/* ---- reads ---- */

static void a_read_brings_its_answer(void **state) {
  (void)state;
  start(false);
  outcome o = call("get_exchange_status", "/exchange/status", NULL, 0);
  assert_false(o.failed);
  assert_int_equal(o.status, 200);
  assert_string_equal(o.body, "{}");
  assert_non_null(strstr(peer.requests[0], "GET /trade-api/v2/exchange/status HTTP/1.1\r\n"));
  assert_null(strstr(peer.requests[0], "KALSHI-ACCESS"));
}

static void the_query_is_sent_but_not_signed(void **state) {
  (void)state;
  start(true);
  outcome o = {0};
  kl_error e;
  kl_call_request r = {.op = kl_operation_find("get_orders"), .path = "/portfolio/orders", .query = "limit=5"};
  assert_non_null(kl_session_call(session, &r, on_answer, &o, &e));
  run_until(&o.calls);
  const char *text = peer.requests[0];
  assert_non_null(strstr(text, "GET /trade-api/v2/portfolio/orders?limit=5 HTTP/1.1\r\n"));
  assert_non_null(strstr(text, "KALSHI-ACCESS-KEY: a-key-id\r\n"));
  char signature[KL_SIGNATURE_MAX], signed_text[256];
  static const char name[] = "KALSHI-ACCESS-TIMESTAMP: ";
  const char *at = strstr(text, name), *sign = strstr(text, "KALSHI-ACCESS-SIGNATURE: ");
  assert_non_null(at);
  assert_non_null(sign);
  long long timestamp = strtoll(at + sizeof name - 1, NULL, 10);
  assert_int_equal(sscanf(sign, "KALSHI-ACCESS-SIGNATURE: %1399s", signature), 1);
  size_t n = (size_t)snprintf(signed_text, sizeof signed_text, "%lldGET/trade-api/v2/portfolio/orders", timestamp);
  kl_public_key *public = kl_public_key_of(key);
  assert_true(kl_public_key_verify(public, signed_text, n, signature));
  kl_public_key_release(public);
}

static void a_read_is_tried_again_after_429_a_500_and_a_broken_connection(void **state) {
  (void)state;
  start(false);
  ANSWERS(BUSY, HTML, DROP, OK_EMPTY);
  outcome o = call("get_exchange_status", "/exchange/status", NULL, 0);
  assert_false(o.failed);
  assert_int_equal(peer.count, 4);
  kl_session_stats stats;
  kl_session_stats_get(session, &stats);
  assert_true(stats.retries >= 2); /* curl itself repeats a read on a connection that turned out dead */
  assert_int_equal(stats.rate_limited, 1);
  assert_int_equal(stats.errors, 0);
}

static void a_429_of_an_unsigned_read_says_nothing_of_the_accounts_tokens(void **state) {
  (void)state;
  start(true);
  ANSWERS(BUSY, OK_EMPTY);
  outcome o = {0};
  kl_error e;
  kl_call_request r = {.op = kl_operation_find("get_exchange_status"), .path = "/exchange/status", .anonymous = true};
  assert_non_null(kl_session_call(session, &r, on_answer, &o, &e));
  run_until(&o.calls);
  assert_false(o.failed);
  assert_int_equal(asked("GET /trade-api/v2/exchange/status"), 2);
  kl_budget b;
  kl_session_budget(session, &b);
  assert_true(b.read == b.read_capacity);
}

static void html_is_said_to_be_html(void **state) {
  (void)state;
  start(false);
  ANSWERS(HTML);
  outcome o = call("get_markets", "/markets", NULL, 1500);
  assert_true(o.failed);
  assert_string_equal(o.error.kind, KL_ERR_HTTP);
  assert_int_equal(o.error.status, 500);
  assert_true(o.error.retryable);
  assert_non_null(strstr(o.error.message, "get_markets answered 500 with text/html, not JSON: \"Oops try later\""));
}

static void a_404_is_an_error_at_once(void **state) {
  (void)state;
  start(false);
  ANSWERS("HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 59\r\n\r\n"
          "{\"error\":{\"code\":\"not_found\",\"message\":\"market not found\"}}");
  outcome o = call("get_market", "/markets/NO", NULL, 0);
  assert_int_equal(peer.count, 1);
  assert_string_equal(o.error.kind, KL_ERR_HTTP);
  assert_string_equal(o.error.code, "not_found");
  assert_string_equal(o.error.operation, "get_market");
  assert_string_equal(o.error.message, "get_market answered 404 not_found: market not found");
  assert_false(o.error.retryable);
}

static void a_read_without_an_answer_times_out(void **state) {
  (void)state;
  start(false);
  ANSWERS(HANG);
  outcome o = call("get_exchange_status", "/exchange/status", NULL, 300);
  assert_string_equal(o.error.kind, KL_ERR_TIMEOUT);
  assert_true(o.error.retryable);
}

/* ---- writes ---- */

static void a_write_refused_with_429_is_sent_again(void **state) {
  (void)state;
  start(true);
  ANSWERS(BUSY, OK_EMPTY);
  outcome o = call("create_order", ORDERS, ORDER, 0);
  assert_false(o.failed);
  assert_int_equal(peer.count, 2);
  assert_non_null(strstr(peer.requests[1], ORDER));
}

static void a_write_without_an_answer_is_never_sent_twice(void **state) {
  (void)state;
  start(true);
  ANSWERS(DROP, OK_EMPTY); /* and what looking it up brings is no list of orders */
  outcome o = call("create_order", ORDERS, ORDER, 1500);
  assert_true(o.failed);
  assert_string_equal(o.error.kind, KL_ERR_NETWORK);
  assert_string_equal(o.error.code, "outcome_unknown");
  assert_false(o.error.retryable);
  assert_non_null(strstr(o.error.message, "client_order_id my-id-17"));
  assert_int_equal(asked("POST"), 1);
}

static void a_write_on_a_connection_that_was_used_before_is_not_sent_twice_either(void **state) {
  (void)state;
  start(true);
  ANSWERS(OK_EMPTY, DROP, OK_EMPTY);
  assert_false(call("get_balance", "/portfolio/balance", NULL, 0).failed);
  outcome o = call("create_order", ORDERS, ORDER, 1500);
  assert_int_equal(asked("POST"), 1);
  assert_string_equal(o.error.code, "outcome_unknown");
}

static void a_write_that_hangs_has_an_unknown_outcome(void **state) {
  (void)state;
  start(true);
  ANSWERS(HANG);
  outcome o = call("create_order", ORDERS, ORDER, 1500);
  assert_string_equal(o.error.kind, KL_ERR_TIMEOUT);
  assert_string_equal(o.error.code, "outcome_unknown");
  assert_int_equal(kl_session_writes_pending(session), 1); /* it is looked up all the same, for the log */
}

static void a_write_answered_with_500_is_not_repeated(void **state) {
  (void)state;
  start(true);
  ANSWERS(HTML, OK_EMPTY);
  outcome o = call("create_order", ORDERS, ORDER, 1500);
  assert_int_equal(o.error.status, 500);
  assert_string_equal(o.error.code, "outcome_unknown");
  assert_false(o.error.retryable);
  assert_non_null(strstr(o.error.message, "my-id-17"));
  assert_int_equal(asked("POST"), 1);
}

static void a_write_that_could_not_be_sent_is_tried_again_and_then_safe_to_repeat(void **state) {
  (void)state;
  snprintf(rest_url, sizeof rest_url, "http://127.0.0.1:1/trade-api/v2");
  start(true);
  outcome o = call("create_order", ORDERS, ORDER, 1500);
  assert_string_equal(o.error.kind, KL_ERR_NETWORK);
  assert_string_equal(o.error.code, "connection_failed");
  assert_true(o.error.retryable);
  kl_session_stats stats;
  kl_session_stats_get(session, &stats);
  assert_true(stats.retries >= 1);
}

static void a_post_without_a_body_sends_an_empty_object(void **state) {
  (void)state;
  start(true);
  call("reset_order_group", "/portfolio/order_groups/g/reset", NULL, 0);
  assert_non_null(strstr(peer.requests[0], "PUT /trade-api/v2/portfolio/order_groups/g/reset"));
  assert_non_null(strstr(peer.requests[0], "Content-Type: application/json\r\n"));
  assert_non_null(strstr(peer.requests[0], "\r\n\r\n{}"));
}

static void a_delete_may_carry_a_body(void **state) {
  (void)state;
  start(true);
  call("batch_cancel_orders", ORDERS "/batched", "{\"orders\":[]}", 0);
  assert_non_null(strstr(peer.requests[0], "DELETE /trade-api/v2/portfolio/events/orders/batched"));
  assert_non_null(strstr(peer.requests[0], "\r\n\r\n{\"orders\":[]}"));
}

/* ---- what is refused before it is sent ---- */

static void the_real_exchange_needs_the_live_flag(void **state) {
  (void)state;
  options.env = "prod";
  start(true);
  kl_error e = refusal(&(kl_call_request){.op = kl_operation_find("create_order"), .path = ORDERS, .body = "{}"});
  assert_string_equal(e.kind, KL_ERR_PERMISSION);
  assert_non_null(strstr(e.message, "--live"));
  assert_string_equal(e.operation, "create_order");
  e = refusal(&(kl_call_request){.method = "PUT", .path = "/portfolio/order_groups/x/trigger"});
  assert_string_equal(e.kind, KL_ERR_PERMISSION);
  outcome o = call("get_balance", "/portfolio/balance", NULL, 0);
  assert_false(o.failed);
}

static void with_the_live_flag_it_goes_out(void **state) {
  (void)state;
  options.env = "prod";
  options.live = true;
  start(true);
  assert_false(call("create_order", ORDERS, ORDER, 0).failed);
}

/* Paper trading's side of the market: even where --live would allow it, and a call comes by mistake. */
static void a_session_that_only_reads_writes_nothing(void **state) {
  (void)state;
  options.live = true;
  options.read_only = true;
  start(true);
  kl_error e = refusal(&(kl_call_request){.op = kl_operation_find("create_order"), .path = ORDERS, .body = ORDER});
  assert_string_equal(e.kind, KL_ERR_PAPER);
  static const char *const methods[] = {"POST", "PUT", "DELETE", "PATCH"};
  for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
    e = refusal(&(kl_call_request){.method = methods[i], .path = "/anything", .anonymous = true});
    assert_string_equal(e.kind, KL_ERR_PAPER);
  }
  assert_false(call("get_balance", "/portfolio/balance", NULL, 0).failed);
  assert_int_equal(strncmp(peer.requests[0], "GET ", 4), 0);
}

static void a_private_call_without_a_key_is_refused(void **state) {
  (void)state;
  start(false);
  kl_error e = refusal(&(kl_call_request){.op = kl_operation_find("get_balance"), .path = "/portfolio/balance"});
  assert_string_equal(e.kind, KL_ERR_AUTH);
  assert_false(call("get_market_orderbook", "/markets/T/orderbook", NULL, 0).failed); /* answers unsigned calls too */
}

static void a_malformed_path_or_method_is_refused(void **state) {
  (void)state;
  start(false);
  static const char *const paths[] = {"markets", "", "/a b", "/a?b", "/a#b", "/a\r\nX: y"};
  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
    assert_string_equal(refusal(&(kl_call_request){.method = "GET", .path = paths[i]}).kind, KL_ERR_VALIDATION);
  assert_string_equal(refusal(&(kl_call_request){.method = "FETCH", .path = "/markets"}).kind, KL_ERR_VALIDATION);
}

/* ---- tokens ---- */

#define LIMITS                                                                                                         \
  "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 143\r\n\r\n"                                   \
  "{\"usage_tier\":\"expert\",\"read\":{\"refill_rate\":600,\"bucket_capacity\":1200},"                                \
  "\"write\":{\"refill_rate\":600,\"bucket_capacity\":1200},\"grants\":[]}         "

static void the_accounts_limits_are_taken_over(void **state) {
  (void)state;
  start(true);
  ANSWERS(LIMITS, OK_EMPTY);
  kl_budget b;
  kl_session_budget(session, &b);
  assert_string_equal(b.tier, "");
  assert_true(b.write_capacity == 100);
  assert_false(call("get_account_api_limits", "/account/limits", NULL, 0).failed);
  kl_session_budget(session, &b);
  assert_string_equal(b.tier, "expert");
  assert_true(b.write_capacity == 1200 && b.write_rate == 600 && b.write > 1100);
  kl_error e;
  kl_call_request r = {.op = kl_operation_find("batch_create_orders"),
                       .path = ORDERS "/batched",
                       .body = "{}",
                       .body_len = 2,
                       .items = 121};
  assert_null(kl_session_call(session, &r, on_answer, NULL, &e));
  assert_non_null(strstr(e.message, "at most 120"));
}

static void limits_are_asked_for_when_a_bucket_is_half_empty(void **state) {
  (void)state;
  start(true);
  outcome o[8] = {{0}};
  for (int i = 0; i < 8; i++)
    begin("create_order", ORDERS, ORDER, 0, &o[i]);
  for (int i = 0; i < 8; i++)
    run_until(&o[i].calls);
  run_for(50);
  int asked = 0;
  for (size_t i = 0; i < peer.count; i++)
    if (strstr(peer.requests[i], "GET /trade-api/v2/account/limits ")) asked++;
  assert_int_equal(asked, 1);
}

static void a_call_waits_for_its_tokens(void **state) {
  (void)state;
  start(true);
  int64_t from = kl_mono_ns(kl_clock_real());
  outcome o[13] = {{0}};
  for (int i = 0; i < 13; i++)
    begin("create_order", ORDERS, ORDER, 0, &o[i]); /* 130 tokens; there are 100 */
  for (int i = 0; i < 13; i++)
    run_until(&o[i].calls);
  for (int i = 0; i < 13; i++)
    assert_false(o[i].failed);
  assert_true(kl_mono_ns(kl_clock_real()) - from > 250000000);
}

static kl_call *begin_batch(uint32_t items, outcome *o) {
  kl_error e;
  kl_call_request r = {.op = kl_operation_find("batch_create_orders"),
                       .path = ORDERS "/batched",
                       .body = "{}",
                       .body_len = 2,
                       .items = items};
  kl_call *c = kl_session_call(session, &r, on_answer, o, &e);
  assert_non_null(c);
  return c;
}

static void waiting_too_long_for_tokens_is_a_timeout_of_something_unsent(void **state) {
  (void)state;
  start(true);
  outcome first = {0}, late = {0};
  begin_batch(10, &first); /* all of the 100 tokens */
  begin("create_order", ORDERS, ORDER, 100, &late);
  run_until(&late.calls);
  assert_string_equal(late.error.kind, KL_ERR_TIMEOUT);
  assert_true(late.error.retryable);
  assert_string_equal(late.error.code, "tokens_exhausted");
  assert_false(first.failed);
}

static void a_batch_beyond_the_basic_tier_waits_until_the_tier_is_known(void **state) {
  (void)state;
  start(true);
  ANSWERS(LIMITS, OK_EMPTY);
  outcome o = {0};
  begin_batch(100, &o);
  run_until(&o.calls);
  assert_false(o.failed);
  assert_int_equal(asked("GET /trade-api/v2/account/limits "), 1);
  assert_int_equal(asked("POST /trade-api/v2" ORDERS "/batched "), 1);
}

static void a_batch_that_can_never_fit_is_an_error_with_the_number_that_does(void **state) {
  (void)state;
  start(true); /* what the account may do is not to be had: the documented least counts */
  outcome o = {0};
  begin_batch(11, &o);
  run_until(&o.calls);
  assert_string_equal(o.error.kind, KL_ERR_VALIDATION);
  assert_non_null(strstr(o.error.message, "at most 10"));
  assert_int_equal(asked("POST"), 0);
  outcome again = {0};
  begin_batch(12, &again); /* and it is not asked for each time */
  run_until(&again.calls);
  assert_non_null(strstr(again.error.message, "at most 10"));
  assert_int_equal(asked("GET /trade-api/v2/account/limits "), 1);
}

#define COSTS                                                                                                          \
  "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 141\r\n\r\n"                                   \
  "{\"default_cost\":10,\"endpoint_costs\":[{\"method\":\"POST\",\"path\":\"/trade-api/v2/portfolio/events/orders/"    \
  ":order_id/amend\",\"cost\":40}]}            "

static void the_exchanges_prices_are_taken_over(void **state) {
  (void)state;
  start(true);
  ANSWERS(COSTS, OK_EMPTY);
  assert_false(call("get_account_endpoint_costs", "/account/endpoint_costs", NULL, 0).failed);
  kl_budget before, after;
  kl_session_budget(session, &before);
  assert_false(call("amend_order", ORDERS "/x/amend", "{}", 0).failed);
  kl_session_budget(session, &after);
  assert_true(before.write - after.write > 30 && before.write - after.write <= 40);
}

/* ---- cancelling ---- */

static void a_cancelled_read_is_silent(void **state) {
  (void)state;
  start(false);
  ANSWERS(HANG);
  outcome o = {0};
  kl_call *c = begin("get_exchange_status", "/exchange/status", NULL, 0, &o);
  run_for(30);
  kl_call_cancel(c);
  run_for(30);
  assert_int_equal(o.calls, 0);
}

static void a_cancelled_write_goes_on_once_it_is_on_its_way(void **state) {
  (void)state;
  start(true);
  ANSWERS(HANG);
  outcome o = {0};
  kl_call *c = begin("create_order", ORDERS, ORDER, 2000, &o);
  while (peer.count == 0 && !o.calls)
    uv_run(&loop, UV_RUN_ONCE);
  assert_int_equal(o.calls, 0);
  kl_call_cancel(c);
  assert_int_equal(kl_session_writes_pending(session), 1);
  run_for(2400);
  assert_int_equal(kl_session_writes_pending(session), 1); /* no answer came: it is looked up */
  assert_int_equal(o.calls, 0);
}

static void a_cancelled_order_that_still_waits_is_never_sent_but_a_cancel_is(void **state) {
  (void)state;
  start(true);
  outcome first = {0}, order = {0}, cancel = {0};
  begin_batch(10, &first);
  kl_call *a = begin("create_order", ORDERS, ORDER, 0, &order);
  kl_call *b = begin("cancel_order", ORDERS "/x", NULL, 0, &cancel);
  kl_call_cancel(a);
  kl_call_cancel(b);
  assert_int_equal(kl_session_writes_pending(session), 2);
  while (kl_session_writes_pending(session) > 0)
    uv_run(&loop, UV_RUN_ONCE);
  assert_int_equal(order.calls, 0);
  assert_int_equal(cancel.calls, 0);
  bool sent_order = false, sent_cancel = false;
  for (size_t i = 0; i < peer.count; i++) {
    sent_order = sent_order || strstr(peer.requests[i], "POST /trade-api/v2" ORDERS " ");
    sent_cancel = sent_cancel || strstr(peer.requests[i], "DELETE /trade-api/v2" ORDERS "/x ");
  }
  assert_false(sent_order);
  assert_true(sent_cancel);
}

static void closing_ends_every_call_with_an_error(void **state) {
  (void)state;
  start(true);
  ANSWERS(HANG);
  outcome read = {0}, write = {0}, fresh = {0};
  begin("get_balance", "/portfolio/balance", NULL, 0, &read);
  begin("create_order", ORDERS, ORDER, 0, &write);
  while (peer.count < 2)
    uv_run(&loop, UV_RUN_ONCE);
  begin("get_fills", "/portfolio/fills", NULL, 0, &fresh); /* not signed yet */
  stop_session();
  assert_int_equal(read.calls + write.calls + fresh.calls, 3);
  assert_string_equal(read.error.kind, KL_ERR_CLOSED);
  assert_string_equal(write.error.code, "outcome_unknown");
}

/* ---- the clock ---- */

static void a_refused_timestamp_is_corrected_from_the_date_and_sent_again(void **state) {
  (void)state;
  start(true);
  static char late[512];
  time_t ahead = time(NULL) + 3600;
  char date[64];
  strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime(&ahead));
  snprintf(late, sizeof late,
           "HTTP/1.1 401 Unauthorized\r\nDate: %s\r\nContent-Type: application/json\r\nContent-Length: 82\r\n\r\n"
           "{\"error\":{\"code\":\"header_timestamp_expired\",\"message\":\"header timestamp expired\"}}",
           date);
  static const char *const then[] = {late, OK_EMPTY};
  peer.answers = then;
  peer.n_answers = 2;
  outcome o = call("create_order", ORDERS, ORDER, 0);
  assert_false(o.failed);
  assert_int_equal(peer.count, 2);
  kl_session_stats stats;
  kl_session_stats_get(session, &stats);
  assert_true(stats.clock_known);
  assert_true(stats.clock_offset_ms > 3598000 && stats.clock_offset_ms < 3602000);
  int64_t off = kl_session_timestamp_ms(session) - kl_wall_ms(kl_clock_real());
  assert_true(off > 3598000 && off < 3602000);
}

/* ---- error bodies ---- */

static kl_error body_error(int status, const char *body) {
  kl_error e;
  kl_error_from_response(&e, status, body, strlen(body), "get_trades");
  assert_int_equal(e.status, status);
  return e;
}

static void all_four_shapes_of_an_error_body_are_read(void **state) {
  (void)state;
  kl_error e =
      body_error(400, "{\"error\":{\"code\":\"invalid_order\",\"message\":\"invalid order\",\"details\":\"post "
                      "only cross\"}}");
  assert_string_equal(e.code, "invalid_order");
  assert_string_equal(e.message, "get_trades answered 400 invalid_order (post only cross)");
  e = body_error(400, "{\"code\":\"bad_request\",\"message\":\"unexpected end of input\"}");
  assert_string_equal(e.code, "bad_request");
  assert_string_equal(e.message, "get_trades answered 400 bad_request: unexpected end of input");
  e = body_error(400, "{\"msg\":\"Parameter validation failed for GetTrades: limit\"}");
  assert_string_equal(e.code, "");
  assert_non_null(strstr(e.message, "Parameter validation failed for GetTrades: limit"));
  e = body_error(429, "{\"error\":\"too many requests\"}");
  assert_string_equal(e.kind, KL_ERR_RATE_LIMIT);
  assert_non_null(strstr(e.message, "too many requests"));
  assert_true(e.retryable);
}

static void the_status_gives_the_kind(void **state) {
  (void)state;
  assert_string_equal(body_error(401, "{}").kind, KL_ERR_AUTH);
  assert_string_equal(body_error(403, "").kind, KL_ERR_AUTH);
  assert_string_equal(body_error(429, "x").kind, KL_ERR_RATE_LIMIT);
  assert_string_equal(body_error(409, "{}").kind, KL_ERR_HTTP);
  assert_true(body_error(503, "").retryable);
  assert_false(body_error(400, "").retryable);
  assert_non_null(strstr(body_error(404, "").message, "without a body"));
  assert_non_null(strstr(body_error(500, "[1,2]").message, "unknown shape"));
  assert_non_null(strstr(body_error(502, "<html><title>Bad\ngateway</title>").message, "\"Bad gateway\""));
}

static void environments_have_their_hosts(void **state) {
  (void)state;
  const char *rest, *ws;
  assert_true(kl_environment_urls("prod", &rest, &ws));
  assert_string_equal(rest, "https://external-api.kalshi.com/trade-api/v2");
  assert_true(kl_environment_urls("demo", &rest, &ws));
  assert_string_equal(ws, "wss://external-api-ws.demo.kalshi.co/trade-api/ws/v2");
  assert_false(kl_environment_urls("sim", &rest, &ws));
  assert_false(kl_environment_urls("live", &rest, &ws));
}

static void a_session_refuses_what_cannot_work(void **state) {
  (void)state;
  kl_error e;
  snprintf(rest_url, sizeof rest_url, "http://127.0.0.1:1/");
  assert_null(kl_session_new(&loop, &options, &e));
  assert_string_equal(e.kind, KL_ERR_CONFIG);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_read_brings_its_answer),
      TEST(the_query_is_sent_but_not_signed),
      TEST(a_read_is_tried_again_after_429_a_500_and_a_broken_connection),
      TEST(a_429_of_an_unsigned_read_says_nothing_of_the_accounts_tokens),
      TEST(html_is_said_to_be_html),
      TEST(a_404_is_an_error_at_once),
      TEST(a_read_without_an_answer_times_out),
      TEST(a_write_refused_with_429_is_sent_again),
      TEST(a_write_without_an_answer_is_never_sent_twice),
      TEST(a_write_on_a_connection_that_was_used_before_is_not_sent_twice_either),
      TEST(a_write_that_hangs_has_an_unknown_outcome),
      TEST(a_write_answered_with_500_is_not_repeated),
      TEST(a_write_that_could_not_be_sent_is_tried_again_and_then_safe_to_repeat),
      TEST(a_post_without_a_body_sends_an_empty_object),
      TEST(a_delete_may_carry_a_body),
      TEST(the_real_exchange_needs_the_live_flag),
      TEST(with_the_live_flag_it_goes_out),
      TEST(a_session_that_only_reads_writes_nothing),
      TEST(a_private_call_without_a_key_is_refused),
      TEST(a_malformed_path_or_method_is_refused),
      TEST(the_accounts_limits_are_taken_over),
      TEST(limits_are_asked_for_when_a_bucket_is_half_empty),
      TEST(a_call_waits_for_its_tokens),
      TEST(waiting_too_long_for_tokens_is_a_timeout_of_something_unsent),
      TEST(a_batch_beyond_the_basic_tier_waits_until_the_tier_is_known),
      TEST(a_batch_that_can_never_fit_is_an_error_with_the_number_that_does),
      TEST(the_exchanges_prices_are_taken_over),
      TEST(a_cancelled_read_is_silent),
      TEST(a_cancelled_write_goes_on_once_it_is_on_its_way),
      TEST(a_cancelled_order_that_still_waits_is_never_sent_but_a_cancel_is),
      TEST(closing_ends_every_call_with_an_error),
      TEST(a_refused_timestamp_is_corrected_from_the_date_and_sent_again),
      TEST(all_four_shapes_of_an_error_body_are_read),
      TEST(the_status_gives_the_kind),
      TEST(environments_have_their_hosts),
      TEST(a_session_refuses_what_cannot_work),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
