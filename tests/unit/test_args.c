#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

#include "bindings/args.h"

static lua_State *L;
static char path[256], query[512], body[1024];
static bool raw;
static uint32_t items;
static int64_t timeout_ms, shard;

/* read(operation, ...): what the arguments become. */
static int l_read(lua_State *l) {
  const kl_operation *op = kl_operation_find(luaL_checkstring(l, 1));
  if (!op) return luaL_error(l, "no such operation");
  kl_args *a = kl_args_read(l, NULL, op, 2);
  snprintf(path, sizeof path, "%s", a->path.data);
  snprintf(query, sizeof query, "%s", a->query.data ? a->query.data : "");
  snprintf(body, sizeof body, "%s", a->has_body ? a->body.data : "");
  raw = a->raw;
  timeout_ms = a->timeout_ms;
  shard = a->routed ? a->shard : -1;
  items = a->items;
  return 0;
}

/* free(method, path, table) */
static int l_free(lua_State *l) {
  const char *method = luaL_checkstring(l, 1), *where = luaL_checkstring(l, 2);
  kl_args *a = kl_args_read_free(l, NULL, method, where, kl_operation_match(method, where), 3);
  snprintf(path, sizeof path, "%s", a->path.data);
  snprintf(query, sizeof query, "%s", a->query.data ? a->query.data : "");
  snprintf(body, sizeof body, "%s", a->has_body ? a->body.data : "");
  raw = a->raw;
  timeout_ms = a->timeout_ms;
  shard = a->routed ? a->shard : -1;
  return 0;
}

static int set_up(void **state) {
  (void)state;
  L = luaL_newstate();
  *(void **)lua_getextraspace(L) = NULL; /* no script: bindings alone */
  luaL_openlibs(L);
  luaL_requiref(L, "json", luaopen_kl_json, 1);
  lua_pop(L, 1);
  lua_register(L, "read", l_read);
  lua_register(L, "free", l_free);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  lua_close(L);
  return 0;
}

static void run(const char *chunk) {
  if (luaL_dostring(L, chunk) == LUA_OK) return;
  if (lua_istable(L, -1)) lua_getfield(L, -1, "message");
  fail_msg("%s: %s", chunk, lua_tostring(L, -1));
}

/* The chunk must raise a validation error with this message. */
static void refused(const char *chunk, const char *message) {
  if (luaL_dostring(L, chunk) == LUA_OK) fail_msg("%s: accepted", chunk);
  assert_true(lua_istable(L, -1));
  lua_getfield(L, -1, "kind");
  assert_string_equal(lua_tostring(L, -1), KL_ERR_VALIDATION);
  lua_getfield(L, -2, "message");
  assert_string_equal(lua_tostring(L, -1), message);
  lua_settop(L, 0);
}

#define ORDER                                                                                                          \
  "read('create_order', { ticker = 'T', side = 'bid', price = 0.42, count = 10, "                                      \
  "time_in_force = 'good_till_canceled', self_trade_prevention_type = 'taker_at_cross', "                              \
  "client_order_id = 'c'"

static void path_parameters_come_as_arguments_or_by_name(void **state) {
  (void)state;
  run("read('get_market', 'KX-A.B')");
  assert_string_equal(path, "/markets/KX-A.B");
  run("read('get_market', { ticker = 'KX/ä ?' })");
  assert_string_equal(path, "/markets/KX%2F%C3%A4%20%3F");
  run("read('get_market_candlesticks', 'S', { ticker = 'T', start_ts = 1, end_ts = 2, period_interval = 60 })");
  assert_string_equal(path, "/series/S/markets/T/candlesticks");
  assert_string_equal(query, "start_ts=1&end_ts=2&period_interval=60");
  run("read('cfbenchmarks_passthrough', 'v1/values')");
  assert_string_equal(path, "/cfbenchmarks/v1/values");
  run("read('get_exchange_status')");
  run("read('get_exchange_status', nil)");
  run("read('get_exchange_status', {})");
}

static void missing_or_superfluous_arguments_are_named(void **state) {
  (void)state;
  refused("read('get_market')", "get_market: ticker is required, as argument 1");
  refused("read('get_market', '')", "get_market: ticker must not be empty");
  refused("read('get_market', '..')", "get_market: ticker \"..\" is not a name");
  refused("read('get_market', 7)", "get_market: ticker must be a string, not a number");
  refused("read('get_market', 'T', 'U')", "get_market: takes 1 plain argument and then one table");
  refused("read('get_market', 'T', {}, 1)", "get_market: takes 1 plain argument and then one table");
  refused("read('get_markets', nil, print)", "get_markets: takes one table, for example kalshi.get_markets{ … }");
  refused("read('get_market', 'T', nil, 5)", "get_market: takes 1 plain argument and then one table");
  run("read('get_markets', nil, nil)");
  refused("read('get_markets', 5)", "get_markets: takes one table, for example kalshi.get_markets{ … }");
  refused("read('get_market', 'T', { ticker = 'U' })",
          "get_market: ticker is given twice, as argument 1 and in the table");
  refused("read('get_milestones')", "get_milestones: limit is required");
  refused("read('get_exchange_status', { a = 1 })",
          "get_exchange_status: unknown parameter \"a\"; it takes raw, timeout");
}

static void a_query_is_encoded(void **state) {
  (void)state;
  run("read('get_markets', { limit = 200, status = 'open', cursor = 'a+b=&c', tickers = { 'A', 'B' } })");
  assert_string_equal(query, "limit=200&cursor=a%2Bb%3D%26c&status=open&tickers=A%2CB");
  run("read('get_markets', { tickers = 'A,B' })");
  assert_string_equal(query, "tickers=A%2CB");
  run("read('get_market_orderbooks', { tickers = { 'A', 'B' } })");
  assert_string_equal(query, "tickers=A&tickers=B");
  run("read('get_events', { with_nested_markets = true, limit = 5.0 })");
  assert_non_null(strstr(query, "with_nested_markets=true"));
  assert_non_null(strstr(query, "limit=5"));
}

static void query_values_are_checked(void **state) {
  (void)state;
  refused("read('get_markets', { limit = 5000 })", "get_markets: limit must be 0 to 1000, not 5000");
  refused("read('get_markets', { limit = 1.5 })", "get_markets: limit must be a whole number, not 1.5");
  refused("read('get_markets', { limit = 0/0 })", "get_markets: limit must be a finite number");
  refused("read('get_markets', { limit = '5' })", "get_markets: limit must be a number, not a string");
  refused("read('get_markets', { status = 'opne' })",
          "get_markets: status must be one of unopened, open, paused, closed, settled; \"opne\" is not (did you mean "
          "\"open\"?)");
  refused("read('get_markets', { tickers = { 'A', 2 } })", "get_markets: tickers[2] must be a string, not a number");
  refused("read('get_markets', { tickers = { a = 'A' } })",
          "get_markets: tickers must be a list: a table with the keys 1 to n");
  refused("read('get_market_orderbooks', { tickers = {} })", "get_market_orderbooks: tickers needs at least 1, not 0");
  refused("read('get_markets', { cursor = json.null })", "get_markets: cursor must not be json.null; leave it out");
  refused("read('get_markets', { raw = 1 })", "get_markets: raw must be true, false or \"text\"");
  refused("read('get_markets', { 'x' })", "get_markets: the table must have names as keys, not a number");
  refused("read('get_market_candlesticks', 'S', 'T', { start_ts = 1, end_ts = 2, period_interval = 5 })",
          "get_market_candlesticks: period_interval must be one of 1, 60, 1440; \"5\" is not");
}

static void texts_keep_the_lengths_and_forms_of_the_description(void **state) {
  (void)state;
  run("read('get_milestones', { limit = 5, minimum_start_date = '2026-09-15T14:30:00+02:00' })");
  refused("read('get_milestones', { limit = 5, minimum_start_date = '15.9.2026' })",
          "get_milestones: minimum_start_date must be a time like 2026-09-15T14:30:00Z, not \"15.9.2026\"");
  refused("read('get_market_orderbooks', { tickers = { ('é'):rep(201) } })",
          "get_market_orderbooks: tickers[1] must have at most 200 characters, not 201");
  run("read('get_market_orderbooks', { tickers = { ('é'):rep(200) } })");
#define TRANSFER "read('apply_subaccount_transfer', { from_subaccount = 0, to_subaccount = 1, amount_cents = 5, "
  run(TRANSFER "client_transfer_id = '5D2f1c3a-8f0e-4c61-9b7e-2a4d6e8f0a1b' })");
  refused(TRANSFER "client_transfer_id = 'my-1' })",
          "apply_subaccount_transfer: client_transfer_id must be a UUID like 5d2f1c3a-8f0e-4c61-9b7e-2a4d6e8f0a1b, not "
          "\"my-1\"");
}

static void a_call_has_its_own_time_and_shard(void **state) {
  (void)state;
  run("read('get_market', 'T', { timeout = 2.5 })");
  assert_int_equal(timeout_ms, 2500);
  assert_string_equal(query, "");
  refused("read('get_market', 'T', { timeout = 0 })", "get_market: timeout must be a number of seconds, 0.001 to 3600");
  refused("read('get_market', 'T', { timeout = '1' })",
          "get_market: timeout must be a number of seconds, 0.001 to 3600");
  run("read('cancel_order', 'x', { exchange_index = 2 })");
  assert_int_equal(shard, 2);
  assert_string_equal(query, "exchange_index=2");
  run("read('cancel_order', 'x')");
  assert_int_equal(shard, -1);
  run("free('GET', '/markets', { timeout = 1, limit = 5 })");
  assert_int_equal(timeout_ms, 1000);
  assert_string_equal(query, "limit=5");
}

static void an_order_goes_out_in_fixed_point_strings(void **state) {
  (void)state;
  run(ORDER ", raw = true })");
  assert_string_equal(body,
                      "{\"ticker\":\"T\",\"side\":\"bid\",\"count\":\"10.00\",\"price\":\"0.4200\","
                      "\"time_in_force\":\"good_till_canceled\",\"self_trade_prevention_type\":\"taker_at_cross\","
                      "\"client_order_id\":\"c\"}");
  assert_true(raw);
  run(ORDER ", price = 0.1 + 0.2, count = 2.5, post_only = true })");
  assert_non_null(strstr(body, "\"price\":\"0.3000\""));
  assert_non_null(strstr(body, "\"count\":\"2.50\""));
  assert_non_null(strstr(body, "\"post_only\":true"));
  run(ORDER ", price = '0.42', count = '3' })");
  assert_non_null(strstr(body, "\"price\":\"0.4200\""));
  assert_non_null(strstr(body, "\"count\":\"3.00\""));
}

static void an_order_without_a_name_gets_one(void **state) {
  (void)state;
  char first[40], second[40];
  run(ORDER ", client_order_id = nil })");
  const char *id = strstr(body, "\"client_order_id\":\"");
  assert_non_null(id);
  assert_int_equal(sscanf(id, "\"client_order_id\":\"%36[0-9a-f-]\"", first), 1);
  assert_int_equal(strlen(first), 36);
  assert_int_equal(first[14], '4');
  run(ORDER ", client_order_id = nil })");
  assert_int_equal(sscanf(strstr(body, "\"client_order_id\":\""), "\"client_order_id\":\"%36[0-9a-f-]\"", second), 1);
  assert_string_not_equal(first, second);
  run("read('amend_order', 'x', { ticker = 'T', side = 'bid', price = 0.5, count = 1 })");
  assert_null(strstr(body, "client_order_id"));
}

static void a_wrong_order_is_refused_before_it_is_sent(void **state) {
  (void)state;
  refused(ORDER ", prize = 1 })", "create_order: unknown parameter \"prize\" (did you mean \"price\"?)");
  refused(ORDER ", price = 0.42001 })",
          "create_order: price 0.42001 is off the grid: prices are multiples of 1/10,000 dollar");
  refused(ORDER ", count = 0.005 })",
          "create_order: count 0.005 is off the grid: counts are multiples of 1/100 contract");
  refused(ORDER ", price = 0 })", "create_order: price must be above 0 and below 1 dollar, not 0.0000");
  refused(ORDER ", price = 1 })", "create_order: price must be above 0 and below 1 dollar, not 1.0000");
  refused(ORDER ", price = -0.2 })", "create_order: price must be above 0 and below 1 dollar, not -0.2000");
  refused(ORDER ", count = 0 })", "create_order: count must be above 0, not 0.00");
  refused(ORDER ", count = -5 })", "create_order: count must be above 0, not -5.00");
  refused(ORDER ", price = 'x' })",
          "create_order: price \"x\" is off the grid or no number: prices are multiples of 1/10,000 dollar");
  refused(ORDER ", price = {} })", "create_order: price must be a number, not a table");
  refused(ORDER ", side = 'buy' })", "create_order: side must be one of bid, ask; \"buy\" is not");
  refused(ORDER ", post_only = 1 })", "create_order: post_only must be true or false, not a number");
  refused(ORDER ", client_order_id = '' })",
          "create_order: client_order_id must not be empty; leave it out to get a random one");
  refused(ORDER ", ticker = '' })", "create_order: ticker must not be empty");
  refused(ORDER ", price = 0/0 })", "create_order: price must be a finite number");
  refused(ORDER ", ticker = nil })", "create_order: ticker is required");
  refused(ORDER ", subaccount = -1 })", "create_order: subaccount must be at least 0, not -1");
  refused("read('create_order')", "create_order: ticker is required");
}

static void a_batch_is_checked_item_by_item(void **state) {
  (void)state;
  run("local o = { ticker = 'T', side = 'ask', price = 0.5, count = 1, time_in_force = 'fill_or_kill',\n"
      "  self_trade_prevention_type = 'maker' }\n"
      "read('batch_create_orders', { orders = { o, o, o } })");
  assert_int_equal(items, 3);
  assert_non_null(strstr(body, "{\"orders\":[{\"ticker\":\"T\""));
  assert_non_null(strstr(body, "\"client_order_id\":\""));
  refused("read('batch_create_orders', { orders = { { ticker = 'T', sidee = 'bid' } } })",
          "batch_create_orders: orders[1] unknown parameter \"sidee\" (did you mean \"side\"?)");
  refused("read('batch_create_orders', { orders = 'x' })", "batch_create_orders: orders must be a list, not a string");
  refused("read('batch_cancel_orders', { orders = { {} } })", "batch_cancel_orders: orders[1].order_id is required");
}

static void a_free_call_puts_its_table_where_it_belongs(void **state) {
  (void)state;
  run("free('GET', '/markets', { limit = 5, raw = true })");
  assert_string_equal(path, "/markets");
  assert_string_equal(query, "limit=5");
  assert_true(raw);
  run("free('GET', '/markets?status=open', { tickers = { 'A', 'B' } })");
  assert_string_equal(path, "/markets");
  assert_string_equal(query, "status=open&tickers=A&tickers=B");
  run("free('POST', '/something/new', { a = { 1, 2 } })");
  assert_string_equal(body, "{\"a\":[1,2]}");
  run("free('DELETE', '/portfolio/events/orders/batched', { orders = { { order_id = 'x' } } })");
  assert_string_equal(body, "{\"orders\":[{\"order_id\":\"x\"}]}");
  run("free('DELETE', '/portfolio/events/orders/x', { subaccount = 1 })");
  assert_string_equal(query, "subaccount=1");
  /* An operation with a body may want a parameter behind the path, too: it is where its description has it. */
  run("free('POST', '/portfolio/events/orders/x/amend', { subaccount = 3, price = '0.5' })");
  assert_string_equal(query, "subaccount=3");
  assert_string_equal(body, "{\"price\":\"0.5\"}");
  run("free('PUT', '/portfolio/order_groups/g/limit', { subaccount = 3, contracts_limit = 5 })");
  assert_string_equal(query, "subaccount=3");
  run("free('GET', '/markets')");
  refused("free('GET', '/markets', { a = print })", "call: a cannot be a function");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(path_parameters_come_as_arguments_or_by_name),
      TEST(missing_or_superfluous_arguments_are_named),
      TEST(a_query_is_encoded),
      TEST(query_values_are_checked),
      TEST(texts_keep_the_lengths_and_forms_of_the_description),
      TEST(a_call_has_its_own_time_and_shard),
      TEST(an_order_goes_out_in_fixed_point_strings),
      TEST(an_order_without_a_name_gets_one),
      TEST(a_wrong_order_is_refused_before_it_is_sent),
      TEST(a_batch_is_checked_item_by_item),
      TEST(a_free_call_puts_its_table_where_it_belongs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
