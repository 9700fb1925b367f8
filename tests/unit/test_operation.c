#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kalshi/operation.h"

static const kl_param *param_of(const kl_param *params, uint16_t n, const char *name) {
  for (uint16_t i = 0; i < n; i++)
    if (!strcmp(params[i].name, name)) return &params[i];
  return NULL;
}

static const kl_shape *field_of(const kl_shape *s, const char *name) {
  assert_non_null(s);
  if (s->kind == KL_SHAPE_ARRAY || s->kind == KL_SHAPE_MAP) s = s->item;
  assert_int_equal(s->kind, KL_SHAPE_OBJECT);
  for (uint16_t i = 0; i < s->n_fields; i++)
    if (!strcmp(s->fields[i].name, name)) return s->fields[i].shape;
  return NULL;
}

static void every_row_of_the_endpoint_list_is_there(void **state) {
  (void)state;
  FILE *f = fopen("../runtime/kalshi/spec/endpoints.tsv", "r");
  assert_non_null(f);
  char line[1024];
  assert_non_null(fgets(line, sizeof line, f));
  size_t rows = 0;
  while (fgets(line, sizeof line, f)) {
    char id[80], method[16], path[128];
    assert_int_equal(sscanf(line, "%79s %15s %127s", id, method, path), 3);
    rows++;
    const kl_operation *op = NULL;
    for (size_t i = 0; i < kl_operation_count; i++)
      if (!strcmp(kl_operations[i].id, id)) op = &kl_operations[i];
    if (!op) {
      fail_msg("%s is missing", id);
      continue;
    }
    assert_string_equal(op->method, method);
    assert_string_equal(op->path, path);
    assert_ptr_equal(op->legacy ? kl_operation_find_legacy(id) : kl_operation_find(id), op);
  }
  fclose(f);
  assert_int_equal(rows, kl_operation_count);
  assert_int_equal(rows, 131);
}

static void names_are_unique_and_in_snake_case(void **state) {
  (void)state;
  for (size_t i = 0; i < kl_operation_count; i++) {
    const kl_operation *a = &kl_operations[i];
    assert_int_equal(strspn(a->name, "abcdefghijklmnopqrstuvwxyz_"), strlen(a->name));
    for (size_t k = i + 1; k < kl_operation_count; k++)
      if (!strcmp(a->name, kl_operations[k].name)) assert_true(a->legacy != kl_operations[k].legacy);
  }
  static const char *const expected[][2] = {
      {"GetRFQs", "get_rfqs"},
      {"CFBenchmarksPassthrough", "cfbenchmarks_passthrough"},
      {"GetCommunicationsID", "get_communications_id"},
      {"GetFCMFills", "get_fcm_fills"},
      {"GetLiveDatas", "get_live_datas"},
      {"ConfirmRFQQuote", "confirm_rfq_quote"},
      {"CreateOrderV2", "create_order"},
      {"BatchCancelOrdersV2", "batch_cancel_orders"},
      {"GetAccountApiLimits", "get_account_api_limits"},
      {"UpdateFCMEventContractDailyCap", "update_fcm_event_contract_daily_cap"},
  };
  for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
    assert_string_equal(kl_operation_find(expected[i][0])->name, expected[i][1]);
}

static void todays_form_wins_over_the_legacy_one(void **state) {
  (void)state;
  assert_string_equal(kl_operation_find("create_order")->path, "/portfolio/events/orders");
  const kl_operation *old = kl_operation_find_legacy("create_order");
  assert_string_equal(old->path, "/portfolio/orders");
  assert_string_equal(old->replaced_by, "create_order");
  assert_string_equal(kl_operation_find_legacy("delete_quote")->replaced_by, "delete_rfq_quote");
  assert_string_equal(kl_operation_find_legacy("get_live_data")->replaced_by, "get_live_data_by_milestone");
  assert_null(kl_operation_find_legacy("get_exchange_announcements")->replaced_by);
  assert_null(kl_operation_find("no_such_thing"));
}

static void path_parameters_come_first_and_in_the_order_of_the_path(void **state) {
  (void)state;
  for (size_t i = 0; i < kl_operation_count; i++) {
    const kl_operation *op = &kl_operations[i];
    uint16_t n = 0;
    for (const char *p = strchr(op->path, '{'); p; p = strchr(p + 1, '{'), n++) {
      assert_true(n < op->n_params);
      const kl_param *q = &op->params[n];
      assert_int_equal(q->in, KL_IN_PATH);
      assert_true(q->required);
      assert_int_equal(strncmp(p + 1, q->name, strlen(q->name)), 0);
      assert_int_equal(p[1 + strlen(q->name)], '}');
    }
    for (; n < op->n_params; n++) {
      assert_int_not_equal(op->params[n].in, KL_IN_PATH);
      if (op->params[n].in == KL_IN_BODY) assert_true(op->has_body);
    }
  }
}

static void an_order_has_its_required_fields_and_types(void **state) {
  (void)state;
  const kl_operation *op = kl_operation_find("create_order");
  static const char *const required[] = {"ticker", "side",          "count",
                                         "price",  "time_in_force", "self_trade_prevention_type"};
  for (size_t i = 0; i < sizeof required / sizeof required[0]; i++)
    assert_true(param_of(op->params, op->n_params, required[i])->required);
  assert_int_equal(param_of(op->params, op->n_params, "price")->type, KL_T_DOLLARS);
  assert_int_equal(param_of(op->params, op->n_params, "count")->type, KL_T_COUNT);
  assert_int_equal(param_of(op->params, op->n_params, "post_only")->type, KL_T_BOOLEAN);
  const kl_param *side = param_of(op->params, op->n_params, "side");
  assert_string_equal(side->enums[0], "bid");
  assert_string_equal(side->enums[1], "ask");
  assert_null(side->enums[2]);
  const kl_param *orders = param_of(kl_operation_find("batch_create_orders")->params, 1, "orders");
  assert_int_equal(orders->type, KL_T_ARRAY);
  assert_int_equal(orders->item_type, KL_T_OBJECT);
  assert_int_equal(param_of(orders->fields, orders->n_fields, "price")->type, KL_T_DOLLARS);
  assert_int_equal(op->bucket, KL_BUCKET_WRITE);
  assert_int_equal(op->cost, 10);
  assert_true(kl_operation_find("batch_cancel_orders")->cost_per_item);
}

static void query_lists_know_how_they_are_written(void **state) {
  (void)state;
  const kl_operation *op = kl_operation_find("get_market_orderbooks");
  const kl_param *tickers = param_of(op->params, op->n_params, "tickers");
  assert_int_equal(tickers->type, KL_T_ARRAY);
  assert_true(tickers->explode);
  assert_true(tickers->has_max && tickers->max == 100);
  op = kl_operation_find("get_markets");
  tickers = param_of(op->params, op->n_params, "tickers");
  assert_int_equal(tickers->type, KL_T_ARRAY);
  assert_false(tickers->explode);
  const kl_param *limit = param_of(op->params, op->n_params, "limit");
  assert_true(limit->has_max && limit->max == 1000);
}

static void paged_operations_name_their_rows_and_cursor(void **state) {
  (void)state;
  assert_string_equal(kl_operation_find("get_markets")->rows, "markets");
  assert_string_equal(kl_operation_find("get_markets")->cursor_field, "cursor");
  assert_string_equal(kl_operation_find("get_positions")->rows, "market_positions");
  assert_string_equal(kl_operation_find("get_incentive_programs")->cursor_field, "next_cursor");
  assert_null(kl_operation_find("get_market")->rows);
}

static void answers_show_where_fixed_point_strings_are(void **state) {
  (void)state;
  const kl_shape *order = kl_operation_find("create_order")->answer;
  assert_int_equal(field_of(order, "fill_count")->kind, KL_SHAPE_FIXED);
  assert_int_equal(field_of(order, "average_fill_price")->kind, KL_SHAPE_FIXED);
  assert_null(field_of(order, "order_id"));
  const kl_shape *market = field_of(kl_operation_find("get_markets")->answer, "markets");
  assert_int_equal(field_of(market, "yes_bid_dollars")->kind, KL_SHAPE_FIXED);
  assert_int_equal(field_of(field_of(market, "price_ranges"), "step")->kind, KL_SHAPE_FIXED);
  const kl_shape *book = field_of(kl_operation_find("get_market_orderbook")->answer, "orderbook_fp");
  const kl_shape *levels = field_of(book, "yes_dollars");
  assert_int_equal(levels->kind, KL_SHAPE_ARRAY);
  assert_int_equal(levels->item->kind, KL_SHAPE_ARRAY);
  assert_int_equal(levels->item->item->kind, KL_SHAPE_FIXED);
  const kl_shape *candle = field_of(kl_operation_find("get_market_candlesticks")->answer, "candlesticks");
  assert_int_equal(field_of(field_of(candle, "yes_bid"), "close_dollars")->kind, KL_SHAPE_FIXED);
  assert_null(kl_operation_find("get_exchange_status")->answer);
}

static void messages_show_where_fixed_point_strings_are(void **state) {
  (void)state;
  assert_int_equal(field_of(kl_message_shape("trade"), "yes_price_dollars")->kind, KL_SHAPE_FIXED);
  assert_int_equal(field_of(kl_message_shape("orderbook_delta"), "delta_fp")->kind, KL_SHAPE_FIXED);
  assert_null(field_of(kl_message_shape("orderbook_delta"), "side"));
  const kl_shape *side = field_of(kl_message_shape("orderbook_snapshot"), "yes_dollars_fp");
  assert_int_equal(side->item->item->kind, KL_SHAPE_FIXED);
  const kl_shape *ranges = field_of(kl_message_shape("market_lifecycle_v2"), "price_ranges");
  assert_int_equal(field_of(ranges, "start")->kind, KL_SHAPE_FIXED);
  assert_null(kl_message_shape("event_lifecycle"));
  assert_null(kl_message_shape(""));
  assert_null(kl_message_shape("zzz"));
}

static void every_operation_has_a_group_and_a_status(void **state) {
  (void)state;
  size_t with_content = 0;
  for (size_t i = 0; i < kl_operation_count; i++) {
    assert_true(*kl_operations[i].tag);
    assert_true(*kl_operations[i].status);
    if (kl_operations[i].result) with_content++;
  }
  assert_string_equal(kl_operation_find("create_order")->tag, "orders");
  assert_string_equal(kl_operation_find("get_series")->tag, "market");
  assert_string_equal(kl_operation_find("create_order")->status, "current");
  assert_string_equal(kl_operation_find_legacy("create_order")->status, "removed");
  assert_string_equal(kl_operation_find_legacy("get_quote")->status, "deprecated");
  assert_in_range(with_content, 110, kl_operation_count - 1);
}

static void parameters_have_their_defaults_and_limits(void **state) {
  (void)state;
  const kl_operation *op = kl_operation_find("get_markets");
  assert_string_equal(param_of(op->params, op->n_params, "limit")->preset, "100");
  assert_int_equal(param_of(op->params, op->n_params, "limit")->format, KL_FORMAT_INT64);
  assert_null(param_of(op->params, op->n_params, "status")->preset);
  op = kl_operation_find("get_positions");
  assert_string_equal(param_of(op->params, op->n_params, "settlement_status")->preset, "unsettled");
  op = kl_operation_find("get_market_candlesticks");
  assert_string_equal(param_of(op->params, op->n_params, "include_latest_before_start")->preset, "false");
  op = kl_operation_find("update_fcm_subtrader_blocked_categories");
  const kl_param *category = param_of(op->params, op->n_params, "category");
  assert_int_equal(category->min_length, 1);
  assert_int_equal(category->max_length, 100);
  op = kl_operation_find("get_market_orderbooks");
  assert_int_equal(param_of(op->params, op->n_params, "tickers")->max_length, 200); /* of each */
}

/* The field at a path of names in an answer. */
static const kl_param *answer_field(const char *operation, const char *const *names) {
  const kl_param *p = kl_operation_find(operation)->result;
  for (; p && *names; names++)
    p = param_of(p->fields, p->n_fields, *names);
  return p;
}
#define ANSWER_FIELD(operation, ...) answer_field(operation, (const char *const[]){__VA_ARGS__, NULL})

static void answers_have_their_fields(void **state) {
  (void)state;
  const kl_param *markets = ANSWER_FIELD("get_markets", "markets");
  assert_int_equal(markets->in, KL_IN_ANSWER);
  assert_int_equal(markets->type, KL_T_ARRAY);
  assert_int_equal(markets->item_type, KL_T_OBJECT);
  assert_true(markets->required);
  const kl_param *bid = ANSWER_FIELD("get_markets", "markets", "yes_bid_dollars");
  assert_int_equal(bid->type, KL_T_DOLLARS);
  assert_true(bid->required && !bid->nullable);
  assert_true(ANSWER_FIELD("get_market", "market", "title")->deprecated);
  const kl_param *status = ANSWER_FIELD("get_market", "market", "status");
  assert_string_equal(status->enums[0], "initialized");
  assert_true(ANSWER_FIELD("get_market", "market", "expected_expiration_time")->nullable);
  assert_int_equal(ANSWER_FIELD("get_market", "market", "created_time")->format, KL_FORMAT_DATE_TIME);
  assert_int_equal(ANSWER_FIELD("get_market", "market", "price_ranges", "step")->type, KL_T_STRING);
  assert_ptr_equal(ANSWER_FIELD("get_market", "market")->fields, markets->fields); /* told once */
  /* levels are arrays of arrays, and a map names no keys */
  const kl_param *levels = ANSWER_FIELD("get_market_orderbook", "orderbook_fp", "yes_dollars");
  assert_int_equal(levels->item_type, KL_T_ARRAY);
  assert_string_equal(levels->fields->name, "");
  assert_int_equal(levels->fields->item_type, KL_T_STRING);
  const kl_param *sports = ANSWER_FIELD("get_filters_for_sports", "filters_by_sports");
  assert_true(sports->map);
  assert_int_equal(sports->item_type, KL_T_OBJECT);
  assert_true(sports->n_fields > 0);
  assert_null(kl_operation_find("cancel_all_orders")->result);
}

static void channels_are_listed(void **state) {
  (void)state;
  size_t n = 0;
  bool book = false;
  for (; kl_channels[n]; n++)
    book = book || !strcmp(kl_channels[n], "orderbook_delta");
  assert_int_equal(n, 13);
  assert_true(book);
}

static const char *matched(const char *method, const char *path) {
  const kl_operation *op = kl_operation_match(method, path);
  return op ? op->id : "none";
}

static void a_concrete_path_finds_its_operation(void **state) {
  (void)state;
  assert_string_equal(matched("GET", "/markets"), "GetMarkets");
  assert_string_equal(matched("GET", "/markets/KX-1"), "GetMarket");
  assert_string_equal(matched("GET", "/markets/orderbooks"), "GetMarketOrderbooks");
  assert_string_equal(matched("GET", "/markets/KX-1/orderbook"), "GetMarketOrderbook");
  assert_string_equal(matched("DELETE", "/portfolio/events/orders"), "CancelAllOrders");
  assert_string_equal(matched("DELETE", "/portfolio/events/orders/batched"), "BatchCancelOrdersV2");
  assert_string_equal(matched("DELETE", "/portfolio/events/orders/x"), "CancelOrderV2");
  assert_string_equal(matched("GET", "/cfbenchmarks/v1/values"), "CFBenchmarksPassthrough");
  assert_string_equal(matched("GET", "/markets/"), "none");
  assert_string_equal(matched("GET", "/nothing"), "none");
  assert_string_equal(matched("POST", "/markets"), "none");
  assert_string_equal(matched("GET", ""), "none");
}

static void a_misspelt_name_finds_the_nearest(void **state) {
  (void)state;
  assert_string_equal(kl_operation_nearest("creat_order"), "create_order");
  assert_string_equal(kl_operation_nearest("get_market"), "get_market");
  assert_string_equal(kl_operation_nearest("get_makrets"), "get_markets");
  assert_null(kl_operation_nearest("frobnicate"));
  static const char *const fields[] = {"price", "count", "ticker"};
  assert_string_equal(kl_nearest("prize", fields, 3), "price");
  assert_string_equal(kl_nearest("tikcer", fields, 3), "ticker");
  assert_null(kl_nearest("side", fields, 3));
  assert_null(kl_nearest("side", fields, 0));
  char longest[300];
  memset(longest, 'a', sizeof longest - 1);
  longest[sizeof longest - 1] = '\0';
  assert_null(kl_operation_nearest(longest));
}

/* Paper trading: what an account does and has is the paper exchange's, other reads are live, and no write is. */
static void every_operation_has_its_place_in_paper_trading(void **state) {
  (void)state;
  static const char *const paper[] = {"orders", "order-groups", "portfolio"};
  size_t counts[3] = {0};
  for (size_t i = 0; i < kl_operation_count; i++) {
    const kl_operation *op = &kl_operations[i];
    bool read = !strcmp(op->method, "GET");
    counts[op->paper]++;
    for (size_t k = 0; k < sizeof paper / sizeof paper[0]; k++)
      if (!strcmp(op->tag, paper[k]) && op->paper != KL_PAPER_PAPER) fail_msg("%s is not on paper", op->id);
    if (!read && op->paper == KL_PAPER_LIVE) fail_msg("%s would write to the live exchange", op->id);
    if (read && op->paper == KL_PAPER_REFUSED) fail_msg("%s reads, and is refused", op->id);
  }
  assert_int_equal(counts[KL_PAPER_LIVE], 60);
  assert_int_equal(counts[KL_PAPER_PAPER], 50);
  assert_int_equal(counts[KL_PAPER_REFUSED], 21);
  assert_int_equal(kl_operation_find("get_market")->paper, KL_PAPER_LIVE);
  assert_int_equal(kl_operation_find("get_fills_historical")->paper, KL_PAPER_PAPER);
  assert_int_equal(kl_operation_find("create_rfq")->paper, KL_PAPER_REFUSED);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_operation_has_its_place_in_paper_trading),
      cmocka_unit_test(every_row_of_the_endpoint_list_is_there),
      cmocka_unit_test(names_are_unique_and_in_snake_case),
      cmocka_unit_test(todays_form_wins_over_the_legacy_one),
      cmocka_unit_test(path_parameters_come_first_and_in_the_order_of_the_path),
      cmocka_unit_test(an_order_has_its_required_fields_and_types),
      cmocka_unit_test(query_lists_know_how_they_are_written),
      cmocka_unit_test(paged_operations_name_their_rows_and_cursor),
      cmocka_unit_test(answers_show_where_fixed_point_strings_are),
      cmocka_unit_test(messages_show_where_fixed_point_strings_are),
      cmocka_unit_test(every_operation_has_a_group_and_a_status),
      cmocka_unit_test(parameters_have_their_defaults_and_limits),
      cmocka_unit_test(answers_have_their_fields),
      cmocka_unit_test(channels_are_listed),
      cmocka_unit_test(a_concrete_path_finds_its_operation),
      cmocka_unit_test(a_misspelt_name_finds_the_nearest),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
