/* A desk between a script and an exchange whose answers, channels and lists the test speaks. Include it first. */
#ifndef KL_TEST_DESK_WORLD_H
#define KL_TEST_DESK_WORLD_H

#define peer link_peer
#include "unit/ws_peer.h"
#undef peer

#include "base/log.h"
#include "trading/desk_impl.h"
#include "unit/rest_peer.h"

enum { TEXT = 8192 };

static struct {
  const char *create, *cancel, *amend, *batch; /* answers to these writes; NULL: a good one */
  char row[2048];                              /* of the order in lists and look-ups; "": none */
  int64_t ahead_ms;                            /* of the read side's time */
  int64_t off_ms;                              /* of the exchange's clock, which its answers tell then */
  char last_body[1024];                        /* of the last POST */
  const char *(*also)(const char *request);    /* is asked first; NULL: as ever */
  int creates, cancels;
} world;

static char answer_text[TEXT + 256];

static const char *json_answer(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static const char *json_answer(int status, const char *fmt, ...) {
  static char body[TEXT];
  char date[80] = "";
  time_t now = (time_t)((kl_wall_ms(kl_clock_real()) + world.off_ms) / 1000);
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(body, sizeof body, fmt, ap);
  va_end(ap);
  if (world.off_ms) strftime(date, sizeof date, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", gmtime(&now));
  snprintf(answer_text, sizeof answer_text,
           "HTTP/1.1 %d X\r\n%sContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", status, date,
           strlen(body), body);
  return answer_text;
}

#define GET "GET /trade-api/v2"
#define REFUSED(code) "{\"error\":{\"code\":\"" code "\",\"message\":\"no\"}}"
static bool is(const char *request, const char *line) { return !strncmp(request, line, strlen(line)); }
static char kept[4][1024];
/* An answer to be given later: the text of others does not write over it. */
static const char __attribute__((unused)) * keep(int at, const char *answer) {
  snprintf(kept[at], sizeof kept[at], "%s", answer);
  return kept[at];
}
static int64_t now_ms(void) { return kl_wall_ms(kl_clock_real()) + world.off_ms; } /* at the exchange */

static void __attribute__((unused))
show_row(const char *client_id, const char *status, const char *filled, const char *remaining) {
  char now[40];
  kl_time_rfc3339(now, sizeof now, now_ms() * 1000, 6);
  snprintf(world.row, sizeof world.row,
           "{\"order_id\":\"o1\",\"user_id\":\"u\",\"client_order_id\":\"%s\",\"ticker\":\"T\",\"status\":\"%s\","
           "\"outcome_side\":\"yes\",\"book_side\":\"bid\",\"type\":\"limit\",\"yes_price_dollars\":\"0.4200\","
           "\"no_price_dollars\":\"0.5800\",\"fill_count_fp\":\"%s\",\"remaining_count_fp\":\"%s\","
           "\"initial_count_fp\":\"10.00\",\"taker_fees_dollars\":\"0.0000\",\"maker_fees_dollars\":\"0.0100\","
           "\"taker_fill_cost_dollars\":\"0.0000\",\"maker_fill_cost_dollars\":\"1.6800\",\"created_time\":\"%s\","
           "\"last_update_time\":\"%s\"}",
           client_id, status, filled, remaining, now, now);
}

static const char *exchange(const char *request) {
  const char *said = world.also ? world.also(request) : NULL;
  if (said) return said;
  if (is(request, "POST")) {
    const char *body = strstr(request, "\r\n\r\n");
    snprintf(world.last_body, sizeof world.last_body, "%s", body ? body + 4 : "");
  }
  if (is(request, "POST") && strstr(request, "/amend"))
    return world.amend ? world.amend
                       : json_answer(200, "{\"order_id\":\"o1\",\"remaining_count\":\"20.00\",\"ts_ms\":%lld}",
                                     (long long)now_ms());
  if (is(request, "POST") && strstr(request, "/batched")) return world.batch;
  if (is(request, "POST")) {
    world.creates++;
    return world.create ? world.create
                        : json_answer(201,
                                      "{\"order_id\":\"o%d\",\"fill_count\":\"0.00\",\"remaining_count\":\"10.00\","
                                      "\"ts_ms\":%lld}",
                                      world.creates, (long long)now_ms());
  }
  if (is(request, "DELETE")) {
    world.cancels++;
    return world.cancel
               ? world.cancel
               : json_answer(200, "{\"order_id\":\"o1\",\"reduced_by\":\"10.00\",\"ts_ms\":%lld}", (long long)now_ms());
  }
  if (is(request, GET "/portfolio/orders/"))
    return world.row[0] ? json_answer(200, "{\"order\":%s}", world.row) : json_answer(404, REFUSED("not_found"));
  if (is(request, GET "/portfolio/orders"))
    return json_answer(200, "{\"orders\":[%s],\"cursor\":\"\"}",
                       strstr(request, "status=resting") && !strstr(world.row, "resting") ? "" : world.row);
  if (is(request, GET "/portfolio/fills")) return json_answer(200, "{\"fills\":[],\"cursor\":\"\"}");
  if (is(request, GET "/portfolio/positions"))
    return json_answer(200, "{\"market_positions\":[],\"event_positions\":[],\"cursor\":\"\"}");
  if (is(request, GET "/portfolio/balance"))
    return json_answer(200, "{\"balance\":100000,\"balance_dollars\":\"1000.0000\",\"portfolio_value\":0,"
                            "\"updated_ts\":1,\"balance_breakdown\":[]}");
  if (is(request, GET "/portfolio/subaccounts/balances")) return json_answer(200, "{\"subaccount_balances\":[]}");
  if (is(request, GET "/exchange/user_data_timestamp")) {
    char time[40];
    kl_time_rfc3339(time, sizeof time, (now_ms() + 5 + world.ahead_ms) * 1000, 6);
    return json_answer(200, "{\"as_of_time\":\"%s\"}", time);
  }
  return json_answer(404, REFUSED("not_found"));
}

/* ---- a desk against it ---- */

static kl_desk *desk;
static kl_party *maker;

static void begin_exchange(void) {
  memset(&world, 0, sizeof world);
  memset(&link_peer, 0, sizeof link_peer);
  peer.choose = exchange;
  start(true);
}

/* `limits` and `journal` may be NULL; a `group_limit` of 0 is none. */
static void open_with(const char *limits, const char *journal, kl_count group_limit) {
  kl_error e;
  kl_limit_values values = {0};
  if (limits && !kl_limits_parse(limits, &values, &e)) fail_msg("%s", e.message);
  kl_desk_options o = {.loop = &loop,
                       .session = session,
                       .clock = kl_clock_real(),
                       .journal_path = journal,
                       .limits = values,
                       .group_limit = group_limit};
  if (!kl_desk_open(&o, &desk, &e)) fail_msg("%s", e.message);
  maker = kl_desk_party(desk, "maker one");
  assert_non_null(maker);
}

static int __attribute__((unused)) begin_with(const char *limits) {
  begin_exchange();
  open_with(limits, NULL, 0);
  return 0;
}

static int __attribute__((unused)) begin_world(void **state) {
  set_up(state);
  return begin_with(NULL);
}

static int __attribute__((unused)) begin_limited(void **state) {
  set_up(state);
  return begin_with("max_position=15");
}

static void note_desk_closed(void *data) { *(int *)data = 1; }

static void close_desk(void) {
  int closed = 0;
  kl_desk_close(desk, note_desk_closed, &closed);
  while (!closed)
    uv_run(&loop, UV_RUN_ONCE);
  desk = NULL;
}

static int end_world(void **state) {
  if (desk) close_desk();
  forget_sent();
  return tear_down(state);
}

#define UNTIL(condition)                                                                                               \
  do {                                                                                                                 \
    uv_timer_t guard_;                                                                                                 \
    uv_timer_init(&loop, &guard_);                                                                                     \
    uv_timer_start(&guard_, too_long, 10000, 0);                                                                       \
    while (!(condition))                                                                                               \
      uv_run(&loop, UV_RUN_ONCE);                                                                                      \
    uv_close((uv_handle_t *)&guard_, NULL);                                                                            \
    uv_run(&loop, UV_RUN_NOWAIT);                                                                                      \
  } while (0)

static void __attribute__((unused)) channels_open(void) {
  UNTIL(link_peer.ws != NULL);
  forget_sent();
  link_peer.ws->o.open(link_peer.ws->o.data, 0);
  UNTIL(link_peer.n_sent >= 3);
  answer_subscribe("user_orders", 11);
  answer_subscribe("fill", 12);
  answer_subscribe("market_positions", 13);
  link_peer.ws->o.burst_end(link_peer.ws->o.data);
}

static void __attribute__((unused)) say_order(const char *id, const char *client_id, const char *status,
                                              const char *filled, const char *remaining, const char *reason) {
  say("{\"type\":\"user_order\",\"sid\":11,\"msg\":{\"order_id\":\"%s\",\"user_id\":\"u\",\"ticker\":\"T\","
      "\"exchange_index\":0,\"status\":\"%s\",\"side\":\"yes\",\"is_yes\":true,\"outcome_side\":\"yes\",\"book_side\":"
      "\"bid\",\"yes_price_dollars\":\"0.4200\",\"fill_count_fp\":\"%s\",\"remaining_count_fp\":\"%s\","
      "\"initial_count_fp\":\"10.00\",\"taker_fill_cost_dollars\":\"0.0000\",\"maker_fill_cost_dollars\":\"0.0000\","
      "\"taker_fees_dollars\":\"0.0000\",\"maker_fees_dollars\":\"0.0000\",\"client_order_id\":\"%s\","
      "\"created_time\":null,\"created_ts_ms\":%lld,\"last_updated_ts_ms\":%lld,\"last_update_reason\":\"%s\"}}",
      id, status, filled, remaining, client_id, (long long)now_ms(), (long long)now_ms(), reason);
}

static void __attribute__((unused))
say_fill(const char *trade, const char *order, const char *client_id, const char *count) {
  say("{\"type\":\"fill\",\"sid\":12,\"msg\":{\"trade_id\":\"%s\",\"order_id\":\"%s\",\"client_order_id\":\"%s\","
      "\"market_ticker\":\"T\",\"exchange_index\":0,\"is_taker\":false,\"side\":\"yes\",\"yes_price_dollars\":\"0."
      "4200\",\"count_fp\":\"%s\",\"fee_cost\":\"0.0100\",\"action\":\"buy\",\"outcome_side\":\"yes\",\"book_side\":"
      "\"bid\",\"ts\":1,\"ts_ms\":%lld,\"post_position_fp\":\"4.00\",\"purchased_side\":\"yes\"}}",
      trade, order, client_id, count, (long long)now_ms());
}

static kl_order_intent bid(void) {
  return (kl_order_intent){.ticker = "T", .side = KL_BID, .yes_price = 4200, .count = 1000};
}

static kl_desk_order __attribute__((unused)) * place(const kl_order_intent *i, outcome *o) {
  kl_error e;
  kl_desk_order *out = NULL;
  kl_desk_write *w = NULL;
  if (!kl_desk_place(desk, maker, 3, i, &out, on_answer, o, &w, &e)) fail_msg("%s", e.message);
  assert_int_equal(o->calls, 0);
  assert_int_equal(out->status, KL_DESK_PENDING);
  return out;
}

static kl_desk_order __attribute__((unused)) * resting(void) {
  outcome o = {0};
  kl_order_intent i = bid();
  kl_desk_order *x = place(&i, &o);
  channels_open();
  UNTIL(o.calls);
  assert_int_equal(x->status, KL_DESK_RESTING);
  return x;
}

static outcome __attribute__((unused)) cancel(kl_desk_order *x) {
  outcome o = {0};
  kl_error e;
  if (!kl_desk_cancel(desk, x, on_answer, &o, NULL, &e)) fail_msg("%s", e.message);
  assert_int_equal(o.calls, 0);
  UNTIL(o.calls);
  return o;
}

static bool __attribute__((unused))
raw(const char *operation, const char *path, const char *body, outcome *o, kl_error *e) {
  kl_call_request r = {.op = kl_operation_find(operation), .path = path, .body = body, .body_len = strlen(body)};
  return kl_desk_call(desk, maker, 3, &r, on_answer, o, e) != NULL;
}

#define ORDER                                                                                                          \
  "{\"ticker\":\"T\",\"side\":\"bid\",\"price\":\"0.4200\",\"count\":\"10.00\",\"time_in_force\":"                     \
  "\"good_till_canceled\",\"self_trade_prevention_type\":\"taker_at_cross\"}"

#define IN(world_of, name) cmocka_unit_test_setup_teardown(name, world_of, end_world)

#endif
