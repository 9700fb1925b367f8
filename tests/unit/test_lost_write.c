/* Writes of orders whose answer was lost: they are looked up, and end as done, not done or unknown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kalshi/session_impl.h"
#include "unit/rest_peer.h"

/* ---- an exchange of one order ---- */

enum { TEXT = 2048 };

static struct {
  int lose;              /* so many writes get no answer */
  bool lost_before;      /* they are lost on the way there: nothing happens */
  const char *says;      /* what they get instead */
  const char *says_last; /* what the last of them gets */
  bool answer_500;       /* they get a 500 instead of a broken connection */
  bool exists;           /* the order does */
  bool hidden;           /* reads do not show it yet */
  const char *status;    /* "resting", … */
  const char *price, *filled, *remaining, *initial, *client_id;
  int64_t lag_ms; /* of the read side */
  bool no_timestamp;
  int stale_reads; /* so many reads of the order show it as it was */
  bool channel;    /* the account channel tells of changes at once */
  int looked;      /* how often its list or itself was read */
} world;

static char answer_text[TEXT];

static const char *json_answer(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static const char *json_answer(int status, const char *fmt, ...) {
  char body[TEXT / 2];
  va_list ap;
  va_start(ap, fmt);
  int n = vsnprintf(body, sizeof body, fmt, ap);
  va_end(ap);
  snprintf(answer_text, sizeof answer_text,
           "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", status, n, body);
  return answer_text;
}

static const char *order_json(char out[512]) {
  snprintf(
      out, 512,
      "{\"order_id\":\"ord-1\",\"client_order_id\":\"%s\",\"ticker\":\"T\",\"status\":\"%s\",\"yes_price_dollars\":"
      "\"%s\",\"fill_count_fp\":\"%s\",\"remaining_count_fp\":\"%s\",\"initial_count_fp\":\"%s\",\"created_time\":"
      "\"2026-09-15T14:30:02.150Z\",\"last_update_time\":\"2026-09-15T14:30:03.250Z\"}",
      world.client_id, world.status, world.price, world.filled, world.remaining, world.initial);
  return out;
}

static const char *lookup(const char *request) {
  char order[512];
  order_json(order);
  bool seen = world.exists && !world.hidden;
  if (!strncmp(request, "GET /trade-api/v2/portfolio/orders?", 35)) {
    world.looked++;
    return json_answer(200, "{\"orders\":[%s],\"cursor\":\"\"}", seen ? order : "");
  }
  if (!strncmp(request, "GET /trade-api/v2/portfolio/orders/", 35)) {
    world.looked++;
    if (!seen) return json_answer(404, "{\"error\":{\"code\":\"not_found\",\"message\":\"not found\"}}");
    if (world.stale_reads > 0) {
      world.stale_reads--;
      return json_answer(200, "{\"order\":{\"order_id\":\"ord-1\",\"status\":\"resting\",\"fill_count_fp\":\"0.00\","
                              "\"remaining_count_fp\":\"10.00\",\"initial_count_fp\":\"10.00\"}}");
    }
    return json_answer(200, "{\"order\":%s}", order);
  }
  if (!strncmp(request, "GET /trade-api/v2/portfolio/fills?", 34))
    return json_answer(
        200, "{\"fills\":[{\"count_fp\":\"3.00\",\"yes_price_dollars\":\"0.4200\",\"fee_cost\":\"0.0500\"},"
             "{\"count_fp\":\"1.00\",\"yes_price_dollars\":\"0.4000\",\"fee_cost\":\"0.0200\"}],\"cursor\":\"\"}");
  if (!strncmp(request, "GET /trade-api/v2/exchange/user_data_timestamp", 46)) {
    char time[40];
    if (world.no_timestamp) return json_answer(501, "{\"error\":{\"code\":\"not_implemented\",\"message\":\"\"}}");
    kl_time_rfc3339(time, sizeof time, kl_wall_us(kl_clock_real()) - world.lag_ms * 1000, 6);
    return json_answer(200, "{\"as_of_time\":\"%s\"}", time);
  }
  return NULL;
}

static const char *lose(void) {
  world.lose--;
  if (world.says_last && !world.lose) return world.says_last;
  if (world.says) return world.says;
  return world.answer_500 ? "HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n" : DROP;
}

static const char *create(const char *request) {
  bool losing = world.lose > 0;
  if (!(losing && world.lost_before)) {
    if (world.exists)
      return json_answer(409, "{\"error\":{\"code\":\"order_already_exists\",\"message\":\"order already exists\"}}");
    world.exists = true;
  }
  (void)request;
  if (losing) return lose();
  return json_answer(201, "{\"order_id\":\"ord-1\",\"client_order_id\":\"my-id-17\",\"fill_count\":\"0.00\","
                          "\"remaining_count\":\"10.00\",\"ts_ms\":1789482602150}");
}

static const char *change(const char *request) {
  bool losing = world.lose > 0;
  if (strcmp(world.status, "resting") != 0)
    return json_answer(404, "{\"error\":{\"code\":\"not_found\",\"message\":\"not found\"}}");
  if (!(losing && world.lost_before)) {
    if (!strncmp(request, "DELETE", 6)) {
      world.status = "canceled";
      world.remaining = "0.00";
    } else if (strstr(request, "/amend")) {
      world.price = "0.4300";
      world.remaining = "12.00";
      world.initial = "12.00";
    } else if (strstr(request, "reduce_by")) {
      world.remaining = "6.00";
      if (world.channel) kl_own_orders_note(session->own, "ord-1", "my-id-17", NULL, 600);
    } else {
      world.remaining = "4.00";
    }
  }
  if (losing) return lose();
  return json_answer(
      200, "{\"order_id\":\"ord-1\",\"remaining_count\":\"%s\",\"reduced_by\":\"10.00\",\"ts_ms\":1789482603250}",
      world.remaining);
}

static const char *exchange(const char *request) {
  if (strstr(request, "events/orders/ord-1")) return change(request);
  if (!strncmp(request, "POST /trade-api/v2/portfolio/events/orders ", 43)) return create(request);
  return lookup(request);
}

static int begin_world(void **state) {
  set_up(state);
  memset(&world, 0, sizeof world);
  world.status = "resting";
  world.price = "0.4200";
  world.filled = "0.00";
  world.remaining = world.initial = "10.00";
  world.client_id = "my-id-17";
  peer.choose = exchange;
  start(true);
  return 0;
}

#define CREATE                                                                                                         \
  "{\"client_order_id\":\"my-id-17\",\"ticker\":\"T\",\"side\":\"bid\",\"price\":\"0.4200\",\"count\":\"10.00\"}"
static outcome create_order(int64_t timeout_ms) { return call("create_order", ORDERS, CREATE, timeout_ms); }

static kl_session_stats stats_now(void) {
  kl_session_stats s;
  kl_session_stats_get(session, &s);
  return s;
}

/* ---- creates ---- */

static void a_create_that_happened_gives_its_answer(void **state) {
  (void)state;
  world.lose = 1;
  outcome o = create_order(0);
  assert_false(o.failed);
  assert_string_equal(o.body, "{\"order_id\":\"ord-1\",\"client_order_id\":\"my-id-17\",\"remaining_count\":\"10.00\","
                              "\"fill_count\":\"0.00\",\"ts_ms\":1789482602150,\"resolved\":true}");
  assert_int_equal(asked("POST"), 1);
  assert_int_equal(stats_now().lost_done, 1);
}

static void its_fills_give_the_averages(void **state) {
  (void)state;
  world.lose = 1;
  world.filled = "4.00";
  world.remaining = "6.00";
  outcome o = create_order(0);
  assert_false(o.failed);
  assert_non_null(strstr(o.body, "\"fill_count\":\"4.00\""));
  assert_non_null(strstr(o.body, "\"average_fill_price\":\"0.415000\"")); /* (3 * 0.42 + 0.40) / 4 */
  assert_non_null(strstr(o.body, "\"average_fee_paid\":\"0.017500\""));
}

static void a_create_that_did_not_happen_is_sent_again_with_the_same_id(void **state) {
  (void)state;
  world.lose = 1;
  world.lost_before = true;
  outcome o = create_order(0);
  assert_false(o.failed);
  assert_int_equal(o.status, 201);
  assert_null(strstr(o.body, "resolved"));
  assert_int_equal(asked("POST"), 2);
  assert_int_equal(asked("GET /trade-api/v2/exchange/user_data_timestamp") > 0, 1);
  for (size_t i = 0; i < peer.count; i++)
    if (!strncmp(peer.requests[i], "POST", 4)) assert_non_null(strstr(peer.requests[i], "my-id-17"));
  assert_int_equal(stats_now().lost_not_done, 1);
}

static void reads_that_lag_behind_do_not_make_it_undone(void **state) {
  (void)state;
  world.lose = 1;
  world.hidden = true;
  world.lag_ms = 100000; /* far behind: nothing it does not show counts */
  outcome o = {0};
  begin("create_order", ORDERS, CREATE, 0, &o);
  while (world.looked < 3)
    uv_run(&loop, UV_RUN_ONCE);
  assert_int_equal(o.calls, 0);
  world.hidden = false;
  run_until(&o.calls);
  assert_false(o.failed);
  assert_int_equal(asked("POST"), 1);
}

static void a_create_sent_again_that_exists_after_all_is_done(void **state) {
  (void)state;
  world.lose = 1;
  world.hidden = true; /* it happened, and a read that claims to be fresh does not show it */
  outcome o = {0};
  begin("create_order", ORDERS, CREATE, 0, &o);
  while (asked("POST") < 2)
    uv_run(&loop, UV_RUN_ONCE);
  world.hidden = false;
  run_until(&o.calls);
  assert_false(o.failed);
  assert_non_null(strstr(o.body, "\"resolved\":true"));
  assert_int_equal(asked("POST"), 2);
}

static void a_create_lost_twice_is_looked_up_twice(void **state) {
  (void)state;
  world.lose = 2;
  world.lost_before = true;
  outcome o = create_order(0);
  assert_false(o.failed);
  assert_int_equal(asked("POST"), 3);
}

static void an_answer_of_503_is_looked_up_too(void **state) {
  (void)state;
  world.lose = 1;
  world.answer_500 = true;
  outcome o = create_order(0);
  assert_false(o.failed);
  assert_non_null(strstr(o.body, "\"resolved\":true"));
  assert_int_equal(asked("POST"), 1);
}

static const char paused[] = "HTTP/1.1 503 X\r\nContent-Type: application/json\r\nContent-Length: 70\r\n\r\n"
                             "{\"error\":{\"code\":\"exchange_is_paused\",\"message\":\"exchange is paused\"}}";

/* A script knows a pause by its code, and need not wait for it until the time of its call is up. */
static void a_pause_of_the_exchange_refuses_it_at_once(void **state) {
  (void)state;
  world.lose = 1;
  world.lost_before = true;
  world.says = paused;
  outcome o = create_order(0);
  assert_true(o.failed);
  assert_string_equal(o.error.kind, KL_ERR_HTTP);
  assert_string_equal(o.error.code, "exchange_is_paused");
  assert_int_equal(o.error.status, 503);
  assert_true(o.error.retryable);
  assert_int_equal(asked("POST"), 1);
  assert_int_equal(asked("GET"), 0);
  assert_int_equal(stats_now().lost, 0);
}

static void a_pause_after_a_loss_says_nothing_of_the_first_try(void **state) {
  (void)state;
  world.lose = 2;
  world.lost_before = true;
  world.says_last = paused;
  outcome o = create_order(0);
  assert_false(o.failed);
  assert_int_equal(asked("POST"), 3);
  assert_int_equal(stats_now().lost, 2);
}

static void a_cancel_outlasts_a_pause_of_the_exchange(void **state) {
  (void)state;
  world.exists = true;
  world.lose = 1;
  world.lost_before = true;
  world.says = paused;
  outcome o = call("cancel_order", ORDERS "/ord-1", NULL, 0);
  assert_false(o.failed);
  assert_int_equal(asked("DELETE"), 2);
  assert_string_equal(world.status, "canceled");
}

static void a_success_that_is_no_json_is_looked_up(void **state) {
  (void)state;
  static const char *const odd[] = {
      "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 15\r\n\r\n<html>hi</html>",
      "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 201 Created\r\nContent-Length: 12\r\n\r\n{\"order_id\": "};
  for (size_t i = 0; i < 3; i++) {
    world.exists = false;
    world.lose = 1;
    world.says = odd[i];
    outcome o = create_order(0);
    assert_false(o.failed);
    assert_non_null(strstr(o.body, "\"resolved\":true"));
    assert_int_equal(asked("POST"), i + 1);
  }
}

static void without_time_to_look_it_is_unknown_and_looked_up_for_the_log(void **state) {
  (void)state;
  world.lose = 1;
  world.hidden = true;
  world.lag_ms = 100000;
  outcome o = create_order(1500);
  assert_string_equal(o.error.code, "outcome_unknown");
  assert_false(o.error.retryable);
  assert_non_null(strstr(o.error.message, "my-id-17"));
  assert_int_equal(kl_session_writes_pending(session), 1);
  world.hidden = false;
  while (kl_session_writes_pending(session))
    uv_run(&loop, UV_RUN_ONCE);
  assert_int_equal(o.calls, 1);
  assert_int_equal(stats_now().lost_unknown, 1); /* as it was told */
  assert_int_equal(stats_now().lost_done, 0);
  assert_int_equal(asked("POST"), 1);
}

static void without_time_for_another_look_up_it_is_not_sent_again(void **state) {
  (void)state;
  world.lose = 1;
  world.lost_before = true;
  outcome o = create_order(3000);
  assert_string_equal(o.error.code, "not_done");
  assert_true(o.error.retryable);
  assert_int_equal(asked("POST"), 1);
}

static void one_that_nobody_waits_for_is_not_sent_again(void **state) {
  (void)state;
  world.lose = 1;
  world.lost_before = true;
  outcome o = {0};
  kl_call *c = begin("create_order", ORDERS, CREATE, 0, &o);
  while (asked("POST") == 0)
    uv_run(&loop, UV_RUN_ONCE);
  kl_call_cancel(c);
  while (kl_session_writes_pending(session))
    uv_run(&loop, UV_RUN_ONCE);
  assert_int_equal(o.calls, 0);
  assert_int_equal(asked("POST"), 1);
  assert_int_equal(stats_now().lost_not_done, 1);
}

static void without_a_client_order_id_it_cannot_be_looked_up(void **state) {
  (void)state;
  world.lose = 1;
  outcome o = call("create_order", ORDERS, "{\"ticker\":\"T\"}", 0);
  assert_string_equal(o.error.code, "outcome_unknown");
  assert_int_equal(asked("GET"), 0);
}

static void closing_during_a_look_up_says_that_it_is_unknown(void **state) {
  (void)state;
  world.lose = 1;
  world.hidden = true;
  world.lag_ms = 100000;
  outcome o = {0};
  begin("create_order", ORDERS, CREATE, 0, &o);
  while (world.looked < 2)
    uv_run(&loop, UV_RUN_ONCE);
  stop_session();
  assert_int_equal(o.calls, 1);
  assert_string_equal(o.error.code, "outcome_unknown");
}

/* ---- cancels, amends, decreases ---- */

static void a_cancel_that_happened_gives_its_answer(void **state) {
  (void)state;
  world.exists = true;
  world.lose = 1;
  outcome o = call("cancel_order", ORDERS "/ord-1", NULL, 0);
  assert_false(o.failed);
  assert_string_equal(o.body, "{\"order_id\":\"ord-1\",\"client_order_id\":\"my-id-17\",\"reduced_by\":\"10.00\","
                              "\"ts_ms\":1789482603250,\"resolved\":true}");
  assert_int_equal(asked("DELETE"), 1);
}

static void a_cancel_that_did_not_happen_is_sent_again(void **state) {
  (void)state;
  world.exists = true;
  world.lose = 1;
  world.lost_before = true;
  outcome o = call("cancel_order", ORDERS "/ord-1", NULL, 0);
  assert_false(o.failed);
  assert_int_equal(asked("DELETE"), 2);
  assert_int_equal(asked("GET /trade-api/v2/exchange/user_data_timestamp"), 0); /* a cancel does not wait for reads */
  assert_string_equal(world.status, "canceled");
}

static void a_cancel_of_an_order_that_was_filled_meanwhile_is_refused_as_the_exchange_does(void **state) {
  (void)state;
  world.exists = true;
  world.lose = 1;
  world.lost_before = true;
  outcome o = {0};
  begin("cancel_order", ORDERS "/ord-1", NULL, 0, &o);
  while (asked("DELETE") == 0)
    uv_run(&loop, UV_RUN_ONCE);
  world.status = "executed";
  world.filled = "10.00";
  world.remaining = "0.00";
  run_until(&o.calls);
  assert_int_equal(o.error.status, 404);
  assert_string_equal(o.error.code, "not_found");
}

static void a_cancel_sent_again_for_a_stale_read_is_done(void **state) {
  (void)state;
  world.exists = true;
  world.lose = 1;
  world.stale_reads = 2; /* it says resting after the order was canceled */
  outcome o = call("cancel_order", ORDERS "/ord-1", NULL, 0);
  assert_false(o.failed);
  assert_non_null(strstr(o.body, "\"reduced_by\":\"10.00\""));
  assert_int_equal(asked("DELETE"), 2);
}

static void an_amend_is_compared_with_the_order(void **state) {
  (void)state;
  static const char body[] = "{\"ticker\":\"T\",\"side\":\"bid\",\"price\":\"0.4300\",\"count\":\"12.00\"}";
  world.exists = true;
  world.lose = 1;
  outcome o = call("amend_order", ORDERS "/ord-1/amend", body, 0);
  assert_false(o.failed);
  assert_non_null(strstr(o.body, "\"remaining_count\":\"12.00\""));
  assert_non_null(strstr(o.body, "\"resolved\":true"));
  assert_int_equal(asked("POST"), 1);
  world.price = "0.4200";
  world.lose = 1;
  world.lost_before = true;
  o = call("amend_order", ORDERS "/ord-1/amend", body, 0);
  assert_false(o.failed);
  assert_int_equal(asked("POST"), 3);
  assert_string_equal(world.price, "0.4300");
}

static void a_decrease_to_a_number_is_compared_with_the_order(void **state) {
  (void)state;
  world.exists = true;
  world.lose = 1;
  outcome o = call("decrease_order", ORDERS "/ord-1/decrease", "{\"reduce_to\":\"4.00\"}", 0);
  assert_false(o.failed);
  assert_non_null(strstr(o.body, "\"remaining_count\":\"4.00\""));
  assert_int_equal(asked("POST"), 1);
}

static void a_decrease_by_a_number_needs_to_know_the_size_before(void **state) {
  (void)state;
  outcome o = create_order(0); /* ten contracts */
  assert_false(o.failed);
  world.lose = 1;
  o = call("decrease_order", ORDERS "/ord-1/decrease", "{\"reduce_by\":\"4.00\"}", 0);
  assert_false(o.failed);
  assert_non_null(strstr(o.body, "\"remaining_count\":\"6.00\""));
  assert_non_null(strstr(o.body, "\"resolved\":true"));
  assert_int_equal(asked("POST"), 2);
}

/* The account channel tells of the decrease before its answer is missed: what counts is the size before. */
static void a_decrease_that_the_channel_told_of_is_not_sent_again(void **state) {
  (void)state;
  assert_false(create_order(0).failed);
  world.lose = 1;
  world.channel = true;
  outcome o = call("decrease_order", ORDERS "/ord-1/decrease", "{\"reduce_by\":\"4.00\"}", 0);
  assert_false(o.failed);
  assert_non_null(strstr(o.body, "\"remaining_count\":\"6.00\""));
  assert_int_equal(asked("POST"), 2);
}

static void a_stale_read_without_time_to_cancel_again_leaves_it_unknown(void **state) {
  (void)state;
  world.exists = true;
  world.lose = 1;
  world.stale_reads = 1000;
  world.lag_ms = 100000; /* and they say so: nothing is sure before the time is up */
  outcome o = call("cancel_order", ORDERS "/ord-1", NULL, 1500);
  assert_string_equal(o.error.code, "outcome_unknown");
}

static void one_that_was_refused_and_given_up_meanwhile_is_not_sent_again(void **state) {
  (void)state;
  world.lose = 1;
  world.lost_before = true;
  world.says = "HTTP/1.1 429 X\r\nContent-Length: 0\r\n\r\n";
  outcome o = {0};
  kl_call *c = begin("create_order", ORDERS, CREATE, 0, &o);
  while (asked("POST") == 0)
    uv_run(&loop, UV_RUN_ONCE);
  run_for(40); /* it pauses before another try */
  kl_call_cancel(c);
  run_for(600);
  assert_int_equal(asked("POST"), 1);
  assert_false(world.exists);
  assert_int_equal(kl_session_writes_pending(session), 0);
}

static void of_an_order_from_elsewhere_it_is_unknown(void **state) {
  (void)state;
  world.exists = true;
  world.lose = 1;
  world.no_timestamp = false;
  outcome o = call("decrease_order", ORDERS "/ord-1/decrease", "{\"reduce_by\":\"4.00\"}", 0);
  assert_string_equal(o.error.code, "outcome_unknown");
  assert_non_null(strstr(o.error.message, "reduce_to"));
  assert_int_equal(asked("POST"), 1);
}

static void an_order_that_is_not_to_be_seen_leaves_it_unknown(void **state) {
  (void)state;
  world.exists = true;
  world.hidden = true;
  world.lose = 1;
  outcome o = call("amend_order", ORDERS "/ord-1/amend",
                   "{\"ticker\":\"T\",\"side\":\"bid\",\"price\":\"0.4300\",\"count\":\"12.00\"}", 0);
  assert_string_equal(o.error.code, "outcome_unknown");
  assert_int_equal(asked("POST"), 1);
}

static void a_cancel_of_an_order_that_reads_do_not_show_yet_is_sent_again(void **state) {
  (void)state;
  world.exists = true;
  world.hidden = true;
  world.lose = 1;
  world.lost_before = true;
  outcome o = call("cancel_order", ORDERS "/ord-1", NULL, 0);
  assert_false(o.failed);
  assert_int_equal(asked("DELETE"), 2);
  assert_string_equal(world.status, "canceled");
}

/* ---- batches, and what sets a state ---- */

static bool batch_lost;
static const char *batch_exchange(const char *request) {
  if (strstr(request, "/batched ")) {
    if (batch_lost) return json_answer(201, "{\"orders\":[]}");
    batch_lost = true;
    return DROP;
  }
  if (!strncmp(request, "DELETE /trade-api/v2/portfolio/events/orders ", 45)) {
    if (batch_lost) return "HTTP/1.1 204 No Content\r\n\r\n";
    batch_lost = true;
    return DROP;
  }
  if (!strncmp(request, "DELETE /trade-api/v2/portfolio/order_groups/", 44)) {
    if (batch_lost) return json_answer(404, "{\"error\":{\"code\":\"not_found\",\"message\":\"not found\"}}");
    batch_lost = true;
    return DROP;
  }
  return lookup(request);
}

static void a_batch_of_which_a_part_happened_says_so_item_by_item(void **state) {
  (void)state;
  peer.choose = batch_exchange;
  batch_lost = false;
  world.exists = true;
  outcome o = call("batch_create_orders", ORDERS "/batched",
                   "{\"orders\":[{\"client_order_id\":\"other\",\"ticker\":\"T\"},"
                   "{\"client_order_id\":\"my-id-17\",\"ticker\":\"T\"}]}",
                   0);
  assert_false(o.failed);
  assert_non_null(strstr(o.body, "{\"orders\":[{\"client_order_id\":\"other\",\"error\":{\"code\":\"not_done\""));
  assert_non_null(strstr(o.body, "{\"order_id\":\"ord-1\",\"client_order_id\":\"my-id-17\""));
  assert_int_equal(asked("POST"), 1);
}

static void a_batch_of_cancels_is_looked_up_order_by_order(void **state) {
  (void)state;
  peer.choose = batch_exchange;
  batch_lost = false;
  world.exists = true;
  world.status = "canceled";
  world.remaining = "0.00";
  outcome o = call("batch_cancel_orders", ORDERS "/batched", "{\"orders\":[{\"order_id\":\"ord-1\"}]}", 0);
  assert_false(o.failed);
  assert_non_null(strstr(o.body, "\"reduced_by\":\"10.00\""));
  assert_int_equal(asked("DELETE"), 1);
}

static void cancelling_all_is_sent_again_since_twice_is_as_once(void **state) {
  (void)state;
  peer.choose = batch_exchange;
  batch_lost = false;
  outcome o = call("cancel_all_orders", ORDERS, NULL, 0);
  assert_false(o.failed);
  assert_int_equal(o.status, 204);
  assert_int_equal(asked("DELETE"), 2);
}

static void a_second_delete_that_finds_nothing_is_done(void **state) {
  (void)state;
  peer.choose = batch_exchange;
  batch_lost = false;
  outcome o = call("delete_order_group", "/portfolio/order_groups/g", NULL, 0);
  assert_false(o.failed);
  o = call("delete_order_group", "/portfolio/order_groups/g", NULL, 0);
  assert_int_equal(o.error.status, 404); /* nothing was lost here */
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_world, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_create_that_happened_gives_its_answer),
      TEST(its_fills_give_the_averages),
      TEST(a_create_that_did_not_happen_is_sent_again_with_the_same_id),
      TEST(reads_that_lag_behind_do_not_make_it_undone),
      TEST(a_create_sent_again_that_exists_after_all_is_done),
      TEST(a_create_lost_twice_is_looked_up_twice),
      TEST(an_answer_of_503_is_looked_up_too),
      TEST(a_pause_of_the_exchange_refuses_it_at_once),
      TEST(a_pause_after_a_loss_says_nothing_of_the_first_try),
      TEST(a_cancel_outlasts_a_pause_of_the_exchange),
      TEST(a_success_that_is_no_json_is_looked_up),
      TEST(without_time_to_look_it_is_unknown_and_looked_up_for_the_log),
      TEST(without_time_for_another_look_up_it_is_not_sent_again),
      TEST(one_that_nobody_waits_for_is_not_sent_again),
      TEST(without_a_client_order_id_it_cannot_be_looked_up),
      TEST(closing_during_a_look_up_says_that_it_is_unknown),
      TEST(a_cancel_that_happened_gives_its_answer),
      TEST(a_cancel_that_did_not_happen_is_sent_again),
      TEST(a_cancel_of_an_order_that_was_filled_meanwhile_is_refused_as_the_exchange_does),
      TEST(a_cancel_sent_again_for_a_stale_read_is_done),
      TEST(an_amend_is_compared_with_the_order),
      TEST(a_decrease_to_a_number_is_compared_with_the_order),
      TEST(a_decrease_by_a_number_needs_to_know_the_size_before),
      TEST(a_decrease_that_the_channel_told_of_is_not_sent_again),
      TEST(a_stale_read_without_time_to_cancel_again_leaves_it_unknown),
      TEST(one_that_was_refused_and_given_up_meanwhile_is_not_sent_again),
      TEST(of_an_order_from_elsewhere_it_is_unknown),
      TEST(an_order_that_is_not_to_be_seen_leaves_it_unknown),
      TEST(a_cancel_of_an_order_that_reads_do_not_show_yet_is_sent_again),
      TEST(a_batch_of_which_a_part_happened_says_so_item_by_item),
      TEST(a_batch_of_cancels_is_looked_up_order_by_order),
      TEST(cancelling_all_is_sent_again_since_twice_is_as_once),
      TEST(a_second_delete_that_finds_nothing_is_done),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
