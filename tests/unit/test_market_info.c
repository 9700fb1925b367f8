/* What is known of markets: read once for all that wait, kept, read again when it may have changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "trading/market_info.h"
#include "trading/market_rows.h"
#include "unit/rest_peer.h"

#define GET "GET /trade-api/v2"

static struct {
  const char *status, *result, *last, *event_extra;
  int market_status, event_status; /* of HTTP */
  bool odd;
} world;

static char answer_text[4096];

static const char *json_answer(int status, const char *body) {
  snprintf(answer_text, sizeof answer_text,
           "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", status, strlen(body),
           body);
  return answer_text;
}

static const char *choose(const char *request) {
  static char body[2048];
  char ticker[64];
  if (sscanf(request, GET "/markets/%63s", ticker) == 1) {
    if (world.market_status) return json_answer(world.market_status, "{\"error\":{\"code\":\"x\",\"message\":\"no\"}}");
    if (world.odd) return json_answer(200, "{\"market\":{\"ticker\":\"T-1\"}}");
    snprintf(
        body, sizeof body,
        "{\"market\":{\"ticker\":\"%s\",\"event_ticker\":\"KX-EV\",\"title\":\"A title\",\"yes_sub_title\":\"Yes\","
        "\"status\":\"%s\",\"result\":\"%s\",\"open_time\":\"2026-09-15T14:30:00Z\",\"close_time\":"
        "\"2099-09-15T14:30:00.5Z\",\"settlement_timer_seconds\":60,\"exchange_index\":2,\"last_price_dollars\":"
        "\"%s\",\"price_ranges\":[{\"start\":\"0.0010\",\"end\":\"0.1000\",\"step\":\"0.0010\"},{\"start\":"
        "\"0.1000\",\"end\":\"0.9000\",\"step\":\"0.0100\"}]}}",
        ticker, world.status, world.result, world.last);
    return json_answer(200, body);
  }
  if (sscanf(request, GET "/events/%63s", ticker) == 1) {
    if (world.event_status) return json_answer(world.event_status, "{\"error\":{\"code\":\"x\",\"message\":\"no\"}}");
    snprintf(body, sizeof body,
             "{\"event\":{\"event_ticker\":\"%s\",\"series_ticker\":\"KX\",\"title\":\"An event\","
             "\"mutually_exclusive\":true%s},\"markets\":[]}",
             ticker, world.event_extra);
    return json_answer(200, body);
  }
  if (!strncmp(request, GET "/series/", strlen(GET "/series/")))
    return json_answer(200, "{\"series\":{\"ticker\":\"KX\",\"fee_type\":\"quadratic_with_maker_fees\","
                            "\"fee_multiplier\":0.5}}");
  return NULL;
}

static kl_market_infos *infos;

static int begin_world(void **state) {
  memset(&world, 0, sizeof world);
  world.status = "active";
  world.result = world.event_extra = "";
  world.last = "0.4200";
  set_up(state);
  peer.choose = choose;
  start(false);
  infos = kl_market_infos_new(session);
  return infos ? 0 : -1;
}

static int end_world(void **state) {
  kl_market_infos_free(infos);
  return tear_down(state);
}

#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, begin_world, end_world)

typedef struct {
  kl_market_waiter w; /* first */
  int told;
  bool good;
  kl_market_info info;
  kl_error error;
} waiting;

static void on_done(kl_market_waiter *w, const kl_market_info *i, const kl_error *e) {
  waiting *x = (waiting *)w;
  x->told++;
  x->good = i != NULL;
  if (i) x->info = *i;
  if (e) x->error = *e;
}

static void want(const char *ticker, waiting *x) {
  *x = (waiting){.w = {.done = on_done}};
  kl_list_init(&x->w.link);
  kl_market_info_want(infos, ticker, &x->w);
  assert_int_equal(x->told, 0);
}

static waiting wanted(const char *ticker) {
  waiting x;
  want(ticker, &x);
  run_until(&x.told);
  return x;
}

static void test_a_market_with_its_event_and_series(void **state) {
  (void)state;
  assert_null(kl_market_info_get(infos, "KX-EV-1"));
  waiting x = wanted("KX-EV-1");
  assert_true(x.good);
  const kl_market_info *i = kl_market_info_get(infos, "KX-EV-1");
  assert_non_null(i);
  assert_string_equal(i->event_ticker, "KX-EV");
  assert_string_equal(i->series_ticker, "KX");
  assert_string_equal(i->event_title, "An event");
  assert_string_equal(i->status, "active");
  assert_true(i->exclusive);
  assert_int_equal(i->fee_type, KL_FEE_QUADRATIC_MAKER);
  assert_int_equal(i->fee_multiplier_ppm, 500000);
  assert_int_equal(i->exchange_index, 2);
  assert_int_equal(i->settlement, -1);
  assert_int_equal(i->last_price, 4200);
  assert_int_equal(i->settlement_timer_s, 60);
  assert_int_equal(i->close_ms % 1000, 500);
  assert_true(kl_market_info_on_grid(i, 10) && kl_market_info_on_grid(i, 990) && kl_market_info_on_grid(i, 5000));
  assert_false(kl_market_info_on_grid(i, 5050) || kl_market_info_on_grid(i, 0) || kl_market_info_on_grid(i, 9100) ||
               kl_market_info_on_grid(i, KL_PRICE_ONE));
}

static void test_many_who_wait_are_one_read(void **state) {
  (void)state;
  waiting a, b, c, left;
  want("KX-EV-1", &a);
  want("KX-EV-1", &b);
  want("KX-EV-2", &c);
  want("KX-EV-1", &left);
  kl_market_info_leave(&left.w);
  kl_market_info_leave(&left.w);
  run_until(&c.told);
  run_until(&a.told);
  assert_true(a.good && b.good && c.good);
  assert_int_equal(left.told, 0);
  assert_int_equal(asked(GET "/markets/KX-EV-1"), 1);
  assert_int_equal(asked(GET "/markets/KX-EV-2"), 1);
  assert_int_equal(asked(GET "/events/KX-EV"), 1);
  assert_int_equal(asked(GET "/series/KX"), 1);
  a = wanted("KX-EV-1");
  assert_int_equal(peer.count, 4);
}

static void test_fees_that_the_event_has_instead(void **state) {
  (void)state;
  world.event_extra = ",\"fee_type_override\":\"flat\",\"fee_multiplier_override\":0.25";
  waiting x = wanted("KX-EV-1");
  assert_int_equal(x.info.fee_type, KL_FEE_FLAT);
  assert_int_equal(x.info.fee_multiplier_ppm, 250000);
  world.event_extra = ",\"fee_type_override\":null,\"fee_multiplier_override\":null";
  kl_market_info_refresh_event(infos, "KX-EV");
  while (kl_market_info_get(infos, "KX-EV-1")->fee_type == KL_FEE_FLAT)
    uv_run(&loop, UV_RUN_ONCE);
  assert_int_equal(kl_market_info_get(infos, "KX-EV-1")->fee_multiplier_ppm, 500000);
}

static void test_an_error_is_told_and_not_kept(void **state) {
  (void)state;
  world.market_status = 404;
  waiting x = wanted("KX-EV-1");
  assert_false(x.good);
  assert_int_equal(x.error.status, 404);
  x = wanted("KX-EV-1"); /* at once: the same error, without a read */
  assert_int_equal(x.error.status, 404);
  assert_int_equal(peer.count, 1);
  world.market_status = 0;
  run_for(1600);
  x = wanted("KX-EV-1");
  assert_true(x.good);
}

static void test_an_error_of_the_event_is_the_markets(void **state) {
  (void)state;
  world.event_status = 403;
  waiting x = wanted("KX-EV-1");
  assert_false(x.good);
  assert_int_equal(x.error.status, 403);
  assert_null(kl_market_info_get(infos, "KX-EV-1"));
}

static void test_an_event_that_is_not_shown(void **state) {
  (void)state;
  world.event_status = 404;
  waiting x = wanted("KX-EV-1");
  assert_true(x.good);
  assert_false(x.info.exclusive);
  assert_string_equal(x.info.series_ticker, "KX");
  assert_int_equal(x.info.fee_type, KL_FEE_QUADRATIC_MAKER);
}

static void test_an_answer_that_is_none(void **state) {
  (void)state;
  world.odd = true;
  waiting x = wanted("T-1");
  assert_false(x.good);
  assert_string_equal(x.error.kind, KL_ERR_PROTOCOL);
  assert_non_null(strstr(x.error.message, "event_ticker"));
  x = wanted("../../portfolio/orders");
  assert_string_equal(x.error.kind, KL_ERR_VALIDATION);
  assert_int_equal(peer.count, 1);
}

static void test_refreshed_it_is_answered_meanwhile(void **state) {
  (void)state;
  (void)wanted("KX-EV-1");
  world.status = "finalized";
  world.result = "yes";
  kl_market_info_refresh(infos, "KX-EV-1");
  assert_string_equal(kl_market_info_get(infos, "KX-EV-1")->status, "active");
  while (strcmp(kl_market_info_get(infos, "KX-EV-1")->status, "finalized") != 0)
    uv_run(&loop, UV_RUN_ONCE);
  assert_int_equal(kl_market_info_get(infos, "KX-EV-1")->settlement, KL_PRICE_ONE);
  kl_market_info_refresh(infos, "UNKNOWN");
  assert_null(kl_market_info_get(infos, "UNKNOWN"));
}

/* What was on its way when it changed is not believed. */
static void test_refreshed_while_it_is_read(void **state) {
  (void)state;
  waiting x;
  want("KX-EV-1", &x);
  while (peer.count == 0)
    uv_run(&loop, UV_RUN_ONCE);
  world.last = "0.5000";
  kl_market_info_refresh(infos, "KX-EV-1");
  run_until(&x.told);
  assert_int_equal(x.info.last_price, 5000);
  assert_int_equal(asked(GET "/markets/KX-EV-1"), 2);
}

static void test_the_end(void **state) {
  (void)state;
  waiting a, b;
  want("KX-EV-1", &a);
  while (peer.count == 0)
    uv_run(&loop, UV_RUN_ONCE);
  want("KX-EV-2", &b);
  kl_market_infos_free(infos);
  infos = NULL;
  assert_int_equal(a.told + b.told, 2);
  assert_string_equal(a.error.kind, KL_ERR_CLOSED);
}

/* ---- rows ---- */

static void test_rows_of_a_scalar_market(void **state) {
  (void)state;
  kl_market_info i = {.exclusive = true, .fee_multiplier_ppm = 7};
  kl_error e;
  static const char row[] = "{\"market\":{\"ticker\":\"A\",\"event_ticker\":\"B\",\"status\":\"finalized\",\"result\":"
                            "\"scalar\",\"settlement_value_dollars\":\"0.3300\",\"price_level_structure\":"
                            "\"linear_cent\",\"settlement_ts\":\"2026-09-15T14:30:00Z\",\"title\":\"\xc3\xa4\"}}";
  assert_true(kl_market_row_read(&i, row, sizeof row - 1, &e));
  assert_int_equal(i.settlement, 3300);
  assert_int_equal(i.settled_ms, INT64_C(1789482600000));
  assert_true(i.exclusive && i.fee_multiplier_ppm == 7);
  assert_int_equal(i.n_bands, 1);
  assert_true(kl_market_info_on_grid(&i, 4200));
  assert_false(kl_market_info_on_grid(&i, 4210));
}

static void test_a_long_title_is_cut_between_characters(void **state) {
  (void)state;
  kl_event_row r;
  kl_error e;
  char body[600] = "{\"event\":{\"series_ticker\":\"S\",\"title\":\"x";
  for (int k = 0; k < 120; k++)
    strcat(body, "\xc3\xa4");
  strcat(body, "\"}}");
  assert_true(kl_event_row_read(&r, body, strlen(body), &e));
  assert_int_equal(strlen(r.title), 159);
  assert_int_equal((unsigned char)r.title[158], 0xa4);
  assert_false(kl_event_row_read(&r, "[]", 2, &e));
  assert_false(kl_event_row_read(&r, "{\"event\":{}}", 12, &e));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      WORLD_TEST(test_a_market_with_its_event_and_series),
      WORLD_TEST(test_many_who_wait_are_one_read),
      WORLD_TEST(test_fees_that_the_event_has_instead),
      WORLD_TEST(test_an_error_is_told_and_not_kept),
      WORLD_TEST(test_an_error_of_the_event_is_the_markets),
      WORLD_TEST(test_an_event_that_is_not_shown),
      WORLD_TEST(test_an_answer_that_is_none),
      WORLD_TEST(test_refreshed_it_is_answered_meanwhile),
      WORLD_TEST(test_refreshed_while_it_is_read),
      WORLD_TEST(test_the_end),
      cmocka_unit_test(test_rows_of_a_scalar_market),
      cmocka_unit_test(test_a_long_title_is_cut_between_characters),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
