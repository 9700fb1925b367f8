/* The account in memory: what channels, lists and answers say, in every order of arrival. Both sides of the exchange
 * are scripted: the link of the feed by ws_peer.h, REST by rest_peer.h. */
#define peer link_peer
#include "unit/ws_peer.h"
#undef peer

#include "kalshi/account_internal.h"
#include "unit/rest_peer.h"

/* ---- an exchange whose lists may lag behind what its channels said ---- */

enum { TEXT = 16384, T0 = 1789482600 };

static struct {
  char orders[8192], fills[8192], positions[4096], positions_of_3[2048]; /* rows, as the lists show them */
  char order[2048];                                                      /* the row of a look-up; "": 404 */
  int stale_lookups;                                                     /* so many look-ups show it resting */
  const char *balance;
  const char *subaccounts; /* rows */
  int64_t lag_ms;          /* of the read side */
  bool no_timestamp, locked;
  const char *refuse; /* requests that hold this get `refusal` */
  const char *refusal;
  const char *hold; /* requests that hold this hang until released */
  int held;
  const char *order_answer; /* to any POST or DELETE */
} world;

static char answer_text[TEXT + 256];

static const char *json_answer(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static const char *json_answer(int status, const char *fmt, ...) {
  static char body[TEXT];
  va_list ap;
  va_start(ap, fmt);
  int n = vsnprintf(body, sizeof body, fmt, ap);
  va_end(ap);
  assert_true(n < TEXT);
  snprintf(answer_text, sizeof answer_text,
           "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", status, n, body);
  return answer_text;
}

static bool is(const char *request, const char *line) { return !strncmp(request, line, strlen(line)); }
#define GET "GET /trade-api/v2"
#define NOT_FOUND "{\"error\":{\"code\":\"not_found\",\"message\":\"not found\"}}"

/* A row of an order in both lists; ms counts from T0. */
static const char *order_row(const char *id, const char *status, const char *filled, const char *remaining, int ms) {
  static char row[4][1024];
  static int at;
  char updated[40], created[40];
  char *out = row[at++ & 3];
  kl_time_rfc3339(created, sizeof created, (int64_t)T0 * 1000000, 6);
  kl_time_rfc3339(updated, sizeof updated, (int64_t)T0 * 1000000 + ms * 1000, 6);
  snprintf(
      out, sizeof row[0],
      "{\"order_id\":\"%s\",\"user_id\":\"u\",\"client_order_id\":\"my-%s\",\"ticker\":\"T\",\"status\":\"%s\","
      "\"outcome_side\":\"yes\",\"book_side\":\"bid\",\"type\":\"limit\",\"yes_price_dollars\":\"0.4200\","
      "\"no_price_dollars\":\"0.5800\",\"fill_count_fp\":\"%s\",\"remaining_count_fp\":\"%s\",\"initial_count_fp\":"
      "\"10.00\",\"taker_fees_dollars\":\"0.0000\",\"maker_fees_dollars\":\"0.0100\",\"taker_fill_cost_dollars\":"
      "\"0.0000\",\"maker_fill_cost_dollars\":\"1.6800\",\"created_time\":\"%s\",\"last_update_time\":\"%s\"}",
      id, id, status, filled, remaining, created, updated);
  return out;
}

static const char *fill_row(const char *trade, const char *order, int ms) {
  static char row[4][512];
  static int at;
  char created[40];
  char *out = row[at++ & 3];
  kl_time_rfc3339(created, sizeof created, (int64_t)T0 * 1000000 + ms * 1000, 6);
  snprintf(
      out, sizeof row[0],
      "{\"fill_id\":\"%s\",\"exchange_index\":0,\"trade_id\":\"%s\",\"order_id\":\"%s\",\"ticker\":\"T\","
      "\"market_ticker\":\"T\",\"outcome_side\":\"yes\",\"book_side\":\"bid\",\"count_fp\":\"4.00\","
      "\"yes_price_dollars\":\"0.4200\",\"no_price_dollars\":\"0.5800\",\"is_taker\":false,\"fee_cost\":\"0.0100\","
      "\"created_time\":\"%s\"}",
      trade, trade, order, created);
  return out;
}

static const char *position_row(const char *ticker, const char *position) {
  static char row[4][512];
  static int at;
  char *out = row[at++ & 3];
  snprintf(
      out, sizeof row[0],
      "{\"ticker\":\"%s\",\"exchange_index\":0,\"total_traded_dollars\":\"1.6800\",\"position_fp\":\"%s\","
      "\"market_exposure_dollars\":\"1.6800\",\"realized_pnl_dollars\":\"-0.1000\",\"fees_paid_dollars\":\"0.0100\","
      "\"last_updated_ts\":\"2026-09-15T14:30:00.5Z\"}",
      ticker, position);
  return out;
}

#define SET(member, text) snprintf(world.member, sizeof world.member, "%s", text)

static const char *answer_now(const char *request) {
  if (world.refuse && strstr(request, world.refuse)) return world.refusal;
  if (is(request, "POST") || is(request, "DELETE")) return json_answer(200, "%s", world.order_answer);
  if (is(request, GET "/portfolio/orders?")) return json_answer(200, "{\"orders\":[%s],\"cursor\":\"\"}", world.orders);
  if (is(request, GET "/portfolio/orders/")) {
    char id[8] = "";
    snprintf(id, sizeof id, "%.2s", request + strlen(GET "/portfolio/orders/"));
    if (world.stale_lookups > 0) {
      world.stale_lookups--;
      return json_answer(200, "{\"order\":%s}", order_row(id, "resting", "0.00", "10.00", 0));
    }
    if (!strcmp(world.order, "all canceled"))
      return json_answer(200, "{\"order\":%s}", order_row(id, "canceled", "0.00", "0.00", 500));
    return world.order[0] ? json_answer(200, "{\"order\":%s}", world.order) : json_answer(404, NOT_FOUND);
  }
  if (is(request, GET "/portfolio/fills")) return json_answer(200, "{\"fills\":[%s],\"cursor\":\"\"}", world.fills);
  if (is(request, GET "/portfolio/positions"))
    return json_answer(200, "{\"market_positions\":[%s],\"event_positions\":[],\"cursor\":\"\"}",
                       strstr(request, "subaccount=3") ? world.positions_of_3 : world.positions);
  if (is(request, GET "/portfolio/balance"))
    return json_answer(200, "{\"balance\":1,\"balance_dollars\":\"%s\",\"portfolio_value\":250,\"updated_ts\":1%s}",
                       world.balance, world.locked ? "" : ",\"balance_breakdown\":[]");
  if (is(request, GET "/portfolio/subaccounts/balances"))
    return json_answer(200, "{\"subaccount_balances\":[%s]}", world.subaccounts);
  if (is(request, GET "/exchange/user_data_timestamp")) {
    char time[40];
    if (world.no_timestamp) return json_answer(501, "{\"error\":{\"code\":\"not_implemented\",\"message\":\"\"}}");
    kl_time_rfc3339(time, sizeof time, kl_wall_us(kl_clock_real()) + (5 - world.lag_ms) * 1000, 6);
    return json_answer(200, "{\"as_of_time\":\"%s\"}", time);
  }
  return json_answer(200, "{}");
}

static connection *held_on;
static char held_request[512];

static const char *exchange(const char *request) {
  if (world.hold && strstr(request, world.hold)) {
    world.held++;
    held_on = KL_CONTAINER(request, connection, text);
    snprintf(held_request, sizeof held_request, "%s", request);
    return HANG;
  }
  return answer_now(request);
}

/* The read that hangs gets the answer that it would get now. */
static void release(void) {
  assert_non_null(held_on);
  world.hold = NULL;
  const char *what = answer_now(held_request);
  uv_write_t *w = calloc(1, sizeof *w);
  assert_non_null(w);
  w->data = strdup(what);
  uv_buf_t buf = uv_buf_init(w->data, (unsigned)strlen(what));
  assert_int_equal(uv_write(w, (uv_stream_t *)&held_on->tcp, &buf, 1, written), 0);
  held_on = NULL;
}

static void forget_requests(void) {
  for (size_t i = 0; i < peer.count; i++) {
    free(peer.requests[i]);
    peer.requests[i] = NULL;
  }
  peer.count = 0;
}

/* ---- an account against it, and somebody who is told ---- */

static kl_account *account;
static struct {
  int orders, fills, positions, reconciled;
  char last_order[128], last_position[128], last_fill[64];
} told;

static void note_order(void *data, const kl_own_order *o) {
  (void)data;
  told.orders++;
  snprintf(told.last_order, sizeof told.last_order, "%s %s", o->order_id, kl_own_status_name(o->status));
}
static void note_fill(void *data, const kl_account_fill *f) {
  (void)data;
  told.fills++;
  snprintf(told.last_fill, sizeof told.last_fill, "%s", f->trade_id);
}
static void note_position(void *data, const kl_account_position *p) {
  (void)data;
  told.positions++;
  snprintf(told.last_position, sizeof told.last_position, "%s %lld", p->ticker, (long long)p->position);
}
static void note_reconciled(void *data) {
  (void)data;
  told.reconciled++;
}
static kl_account_listener listener;

static int begin_world(void **state) {
  set_up(state);
  memset(&world, 0, sizeof world);
  memset(&told, 0, sizeof told);
  memset(&link_peer, 0, sizeof link_peer);
  world.balance = "100.5000";
  world.subaccounts = "";
  peer.choose = exchange;
  start(true);
  account = kl_session_account(session);
  listener = (kl_account_listener){
      .order = note_order, .fill = note_fill, .position = note_position, .reconciled = note_reconciled};
  kl_account_listen(account, &listener);
  return 0;
}

static int end_world(void **state) {
  forget_sent();
  forget_requests();
  return tear_down(state);
}

static void spin(void) { uv_run(&loop, UV_RUN_ONCE); }

#define UNTIL(condition)                                                                                               \
  do {                                                                                                                 \
    uv_timer_t guard_;                                                                                                 \
    uv_timer_init(&loop, &guard_);                                                                                     \
    uv_timer_start(&guard_, too_long, 10000, 0);                                                                       \
    while (!(condition))                                                                                               \
      spin();                                                                                                          \
    uv_close((uv_handle_t *)&guard_, NULL);                                                                            \
    uv_run(&loop, UV_RUN_NOWAIT);                                                                                      \
  } while (0)

static kl_account_status status_now(void) {
  kl_account_status s;
  kl_account_status_get(account, &s);
  return s;
}

/* The feed connects, and the exchange acknowledges the three channels. */
static void channels_open(void) {
  UNTIL(link_peer.ws != NULL);
  forget_sent();
  link_peer.ws->o.open(link_peer.ws->o.data, 0);
  UNTIL(link_peer.n_sent >= 3);
  answer_subscribe("user_orders", 11);
  answer_subscribe("fill", 12);
  answer_subscribe("market_positions", 13);
  link_peer.ws->o.burst_end(link_peer.ws->o.data);
}

static void start_account(void) {
  kl_error e;
  if (!kl_account_start(account, &e)) fail_msg("%s", e.message);
  channels_open();
}

static void start_and_load(void) {
  start_account();
  UNTIL(!status_now().stale);
}

static void reconnect(void) {
  link_breaks(0);
  assert_true(status_now().stale);
  assert_true(status_now().loaded);
  link_peer.ws = NULL;
  channels_open();
}

static void say_order(const char *id, const char *status, const char *filled, const char *remaining, long long ms) {
  say("{\"type\":\"user_order\",\"sid\":11,\"msg\":{\"order_id\":\"%s\",\"user_id\":\"u\",\"ticker\":\"T\","
      "\"exchange_index\":0,\"status\":\"%s\",\"side\":\"yes\",\"is_yes\":true,\"outcome_side\":\"yes\",\"book_side\":"
      "\"bid\",\"yes_price_dollars\":\"0.4200\",\"fill_count_fp\":\"%s\",\"remaining_count_fp\":\"%s\","
      "\"initial_count_fp\":\"10.00\",\"taker_fill_cost_dollars\":\"0.0000\",\"maker_fill_cost_dollars\":\"1.6800\","
      "\"taker_fees_dollars\":\"0.0000\",\"maker_fees_dollars\":\"0.0100\",\"client_order_id\":\"my-%s\","
      "\"created_time\":null,\"created_ts_ms\":%lld,\"last_updated_ts_ms\":%lld,\"last_update_reason\":\"Trade\"}}",
      id, status, filled, remaining, id, T0 * 1000LL, T0 * 1000LL + ms);
}

static void say_fill(const char *trade, const char *order, int ms) {
  say("{\"type\":\"fill\",\"sid\":12,\"msg\":{\"trade_id\":\"%s\",\"order_id\":\"%s\",\"client_order_id\":\"my-%s\","
      "\"market_ticker\":\"T\",\"exchange_index\":0,\"is_taker\":false,\"side\":\"yes\",\"yes_price_dollars\":\"0."
      "4200\","
      "\"count_fp\":\"4.00\",\"fee_cost\":\"0.0100\",\"action\":\"buy\",\"outcome_side\":\"yes\",\"book_side\":\"bid\","
      "\"ts\":1,\"ts_ms\":%lld,\"post_position_fp\":\"4.00\",\"purchased_side\":\"yes\"}}",
      trade, order, order, T0 * 1000LL + ms);
}

static void say_position(const char *ticker, const char *position, const char *subaccount) {
  say("{\"type\":\"market_position\",\"sid\":13,\"msg\":{\"user_id\":\"u\",\"market_ticker\":\"%s\",\"position_fp\":\"%"
      "s\","
      "\"position_cost_dollars\":\"2.0000\",\"realized_pnl_dollars\":\"0.2000\",\"fees_paid_dollars\":\"0.0300\","
      "\"position_fee_cost_dollars\":\"0.0000\",\"volume_fp\":\"9.00\"%s%s}}",
      ticker, position, subaccount ? ",\"subaccount\":" : "", subaccount ? subaccount : "");
}

static const kl_own_order *order_of(const char *id) { return kl_own_orders_by_id(kl_account_orders(account), id); }
static void assert_order(const char *id, kl_own_status status, kl_count filled) {
  const kl_own_order *o = order_of(id);
  if (!o) fail_msg("no order %s", id);
  assert_string_equal(kl_own_status_name(o->status), kl_own_status_name(status));
  assert_int_equal(o->filled, filled);
}

static const kl_account_position *position_of(const char *ticker, int subaccount) {
  for (const kl_account_position *p = NULL; (p = kl_account_position_next(account, p));)
    if (!strcmp(p->ticker, ticker) && p->subaccount == subaccount) return p;
  return NULL;
}
static void assert_position(const char *ticker, int subaccount, kl_count position) {
  const kl_account_position *p = position_of(ticker, subaccount);
  if (!p) fail_msg("no position in %s of %d", ticker, subaccount);
  assert_int_equal(p->position, position);
}

static size_t fills_now(void) { return status_now().fills; }

/* ---- the first load ---- */

static void nobody_asks_and_nothing_is_read(void **state) {
  (void)state;
  kl_account_watch(account);
  run_for(50);
  assert_int_equal(peer.count, 0);
  assert_int_equal(link_peer.opened, 0);
  assert_false(status_now().started);
}

static void the_first_load_has_all_there_is(void **state) {
  (void)state;
  SET(orders, order_row("o1", "resting", "4.00", "6.00", 10));
  SET(fills, fill_row("t1", "o1", 10));
  SET(positions, position_row("T", "4.00"));
  start_and_load();
  assert_order("o1", KL_OWN_RESTING, 400);
  const kl_own_order *o = order_of("o1");
  assert_int_equal(o->remaining, 600);
  assert_int_equal(o->yes_price, 4200);
  assert_int_equal(o->maker_cost, 1680000);
  assert_int_equal(o->maker_fees, 10000);
  assert_int_equal(o->created_ms, T0 * 1000LL);
  assert_int_equal(o->ts_ms, T0 * 1000LL + 10);
  assert_string_equal(o->client_order_id, "my-o1");
  const kl_account_fill *f = kl_account_fill_next(account, NULL);
  if (!f) fail_msg("no fill");
  assert_string_equal(f->trade_id, "t1");
  assert_int_equal(f->fee, 10000);
  assert_null(kl_account_fill_next(account, f));
  assert_position("T", 0, 400);
  assert_int_equal(position_of("T", 0)->realized, -100000);
  assert_int_equal(kl_account_balance_get(account).balance, 100500000);
  assert_int_equal(kl_account_balance_get(account).portfolio_value, 2500000);
  assert_int_equal(told.reconciled, 1);
  assert_int_equal(told.orders + told.fills + told.positions, 0); /* what was there at the beginning is no change */
}

static void channels_tell_from_then_on(void **state) {
  (void)state;
  start_and_load();
  forget_requests();
  say_order("o1", "resting", "0.00", "10.00", 0);
  say_order("o1", "resting", "4.00", "6.00", 20);
  say_fill("t1", "o1", 20);
  say_position("T", "4.00", NULL);
  assert_int_equal(told.orders, 2);
  assert_string_equal(told.last_order, "o1 resting");
  assert_int_equal(told.fills, 1);
  assert_string_equal(told.last_position, "T 400");
  assert_string_equal(kl_account_fill_next(account, NULL)->client_order_id, "my-o1");
  say_order("o1", "canceled", "4.00", "0.00", 30);
  assert_order("o1", KL_OWN_CANCELED, 400);
  assert_string_equal(order_of("o1")->reason, "Trade");
  say_fill("t1", "o1", 20); /* twice */
  say_order("o1", "canceled", "4.00", "0.00", 30);
  assert_int_equal(told.fills, 1);
  assert_int_equal(told.orders, 3);
  assert_int_equal(asked("GET "
                         "/trade-api/v2/portfolio/orders"),
                   0);
}

static void a_list_that_lags_does_not_bring_a_canceled_order_back(void **state) {
  (void)state;
  SET(orders, order_row("o1", "resting", "0.00", "10.00", 0));
  world.hold = "status=resting";
  start_account();
  UNTIL(world.held);
  say_order("o1", "canceled", "0.00", "0.00", 50);
  release();
  UNTIL(!status_now().stale);
  assert_order("o1", KL_OWN_CANCELED, 0);
  assert_int_equal(status_now().resting, 0);
}

static void an_older_row_does_not_take_fills_back(void **state) {
  (void)state;
  SET(orders, order_row("o1", "resting", "0.00", "10.00", 0));
  world.hold = "status=resting";
  start_account();
  UNTIL(world.held);
  say_order("o1", "resting", "4.00", "6.00", 50);
  release();
  UNTIL(!status_now().stale);
  assert_order("o1", KL_OWN_RESTING, 400);
}

static void an_order_that_came_while_the_list_was_read_stays(void **state) {
  (void)state;
  world.hold = "status=resting";
  start_account();
  UNTIL(world.held);
  say_order("o2", "resting", "0.00", "10.00", 100);
  release();
  UNTIL(!status_now().stale);
  assert_order("o2", KL_OWN_RESTING, 0);
  assert_int_equal(asked(GET "/portfolio/orders/"), 0);
}

static void an_order_newer_than_the_reads_stays_though_the_list_lacks_it(void **state) {
  (void)state;
  world.lag_ms = 300;
  start_account();
  UNTIL(asked(GET "/exchange/user_data_timestamp"));
  /* Told before the list was asked for, but it happened behind the moment that reads are as of. */
  say_order("o2", "resting", "0.00", "10.00", kl_wall_ms(kl_clock_real()) + 60000 - T0 * 1000LL);
  UNTIL(!status_now().stale);
  assert_order("o2", KL_OWN_RESTING, 0);
  assert_int_equal(asked(GET "/portfolio/orders/"), 0);
}

static void reads_that_lag_are_waited_for(void **state) {
  (void)state;
  world.lag_ms = 400;
  start_account();
  UNTIL(asked(GET "/exchange/user_data_timestamp") == 2);
  assert_int_equal(asked(GET "/portfolio/orders"), 0);
  assert_false(status_now().loaded);
  UNTIL(!status_now().stale);
  assert_int_equal(asked(GET "/portfolio/orders"), 1);
}

static void an_exchange_that_does_not_say_how_fresh_it_is_is_given_time(void **state) {
  (void)state;
  world.no_timestamp = true;
  int64_t began = kl_mono_ns(kl_clock_real());
  start_and_load();
  assert_true(kl_mono_ns(kl_clock_real()) - began >= INT64_C(2900000000));
}

static void a_position_told_while_the_list_is_read_counts(void **state) {
  (void)state;
  SET(positions, position_row("T", "4.00"));
  world.hold = "/portfolio/positions";
  start_account();
  UNTIL(world.held);
  say_position("T", "9.00", NULL);
  say_position("U", "-1.00", NULL);
  release();
  UNTIL(!status_now().stale);
  assert_position("T", 0, 900);
  assert_position("U", 0, -100); /* the list lacks it, but it is newer */
}

/* ---- reconnects ---- */

static void what_happened_meanwhile_is_found_out(void **state) {
  (void)state;
  SET(orders, order_row("o1", "resting", "0.00", "10.00", 0));
  SET(positions, position_row("GONE", "7.00"));
  SET(fills, fill_row("t1", "o0", 5));
  start_and_load();
  say_order("o2", "resting", "0.00", "10.00", 10);
  say_position("T", "1.00", NULL);
  memset(&told, 0, sizeof told);

  SET(orders, order_row("o3", "resting", "0.00", "10.00", 700)); /* o1 filled, o2 too, o3 is new */
  SET(order, order_row("o1", "executed", "10.00", "0.00", 600));
  snprintf(world.fills, sizeof world.fills, "%s,%s", fill_row("t2", "o1", 600), fill_row("t1", "o0", 5));
  SET(positions, position_row("T", "11.00"));
  world.hold = "/portfolio/orders/o2";
  reconnect();
  UNTIL(world.held);
  assert_true(status_now().stale);
  assert_order("o2", KL_OWN_UNKNOWN, 0); /* rests no longer, and more is not known yet */
  UNTIL(order_of("o1")->status == KL_OWN_EXECUTED);
  SET(order, order_row("o2", "canceled", "0.00", "0.00", 650));
  release();
  UNTIL(!status_now().stale);
  assert_order("o1", KL_OWN_EXECUTED, 1000);
  assert_order("o2", KL_OWN_CANCELED, 0);
  assert_order("o3", KL_OWN_RESTING, 0);
  assert_int_equal(status_now().resting, 1);
  assert_int_equal(fills_now(), 2);
  assert_int_equal(told.fills, 1);
  assert_string_equal(told.last_fill, "t2");
  assert_position("T", 0, 1100); /* though the channel had spoken before the connection broke */
  assert_null(position_of("GONE", 0));
  assert_int_equal(told.positions, 2);
  assert_int_equal(told.reconciled, 1);
  assert_int_equal(status_now().reconciled, 2);
}

static void fills_are_asked_for_from_before_it_was_last_right(void **state) {
  (void)state;
  start_and_load();
  forget_requests();
  reconnect();
  UNTIL(!status_now().stale);
  long long now = kl_wall_ms(kl_clock_real()) / 1000, since = 0;
  for (size_t i = 0; i < peer.count; i++)
    if (is(peer.requests[i], GET "/portfolio/fills?min_ts="))
      since = strtoll(peer.requests[i] + strlen(GET "/portfolio/fills?min_ts="), NULL, 10);
  assert_in_range(since, now - 130, now - 110);
}

static void a_look_up_that_lags_is_made_again(void **state) {
  (void)state;
  SET(orders, order_row("o1", "resting", "0.00", "10.00", 0));
  start_and_load();
  SET(orders, "");
  SET(order, order_row("o1", "canceled", "0.00", "0.00", 500));
  world.stale_lookups = 1;
  reconnect();
  UNTIL(!status_now().stale);
  assert_order("o1", KL_OWN_CANCELED, 0);
  assert_int_equal(asked(GET "/portfolio/orders/o1"), 2);
}

static void many_look_ups_that_lag_are_made_again(void **state) {
  (void)state;
  start_and_load();
  for (char id[3] = "o0"; id[1] <= '9'; id[1]++)
    say_order(id, "resting", "0.00", "10.00", 0);
  for (char id[3] = "p0"; id[1] <= '9'; id[1]++)
    say_order(id, "resting", "0.00", "10.00", 0);
  SET(order, "all canceled");
  world.stale_lookups = 11;
  reconnect();
  forget_requests();
  UNTIL(!status_now().stale);
  assert_int_equal(status_now().resting, 0);
  for (char id[3] = "o0"; id[1] <= '9'; id[1]++)
    assert_order(id, KL_OWN_CANCELED, 0);
  for (char id[3] = "p0"; id[1] <= '9'; id[1]++)
    assert_order(id, KL_OWN_CANCELED, 0);
  assert_int_equal(asked(GET "/portfolio/orders/"), 31);
}

static void an_order_that_nobody_shows_any_more_is_unknown(void **state) {
  (void)state;
  SET(orders, order_row("o1", "resting", "0.00", "10.00", 0));
  start_and_load();
  SET(orders, "");
  reconnect();
  UNTIL(!status_now().stale);
  assert_order("o1", KL_OWN_UNKNOWN, 0);
  assert_int_equal(status_now().resting, 0);
}

static void an_event_during_a_look_up_settles_it(void **state) {
  (void)state;
  SET(orders, order_row("o1", "resting", "0.00", "10.00", 0));
  start_and_load();
  SET(orders, "");
  SET(order, order_row("o1", "resting", "0.00", "10.00", 0));
  world.hold = "/portfolio/orders/o1";
  reconnect();
  UNTIL(world.held);
  say_order("o1", "executed", "10.00", "0.00", 900);
  world.stale_lookups = 100;
  release();
  UNTIL(!status_now().stale);
  assert_order("o1", KL_OWN_EXECUTED, 1000);
}

static void a_connection_that_breaks_during_a_load_begins_it_anew(void **state) {
  (void)state;
  world.hold = "status=resting";
  start_account();
  UNTIL(world.held);
  world.hold = NULL;
  SET(orders, order_row("o1", "resting", "0.00", "10.00", 0));
  link_breaks(0);
  link_peer.ws = NULL;
  channels_open();
  UNTIL(!status_now().stale);
  assert_order("o1", KL_OWN_RESTING, 0);
  assert_int_equal(told.reconciled, 1);
}

static void it_is_stale_while_the_feed_is_away(void **state) {
  (void)state;
  start_and_load();
  for (int i = 0; i < 3; i++) {
    reconnect();
    assert_true(status_now().age >= 0);
    UNTIL(!status_now().stale);
  }
  assert_int_equal(told.reconciled, 4);
}

/* ---- answers to writes ---- */

#define CREATE                                                                                                         \
  "{\"client_order_id\":\"my-o1\",\"ticker\":\"T\",\"side\":\"ask\",\"price\":\"0.4300\",\"count\":\"10.00\"}"

static void a_created_order_is_known_before_its_caller_hears_of_it(void **state) {
  (void)state;
  start_and_load();
  world.order_answer = "{\"order_id\":\"o1\",\"client_order_id\":\"my-o1\",\"fill_count\":\"4.00\",\"remaining_count\":"
                       "\"6.00\",\"ts_ms\":1789482600100}";
  outcome o = call("create_order", ORDERS, CREATE, 0);
  assert_false(o.failed);
  assert_order("o1", KL_OWN_RESTING, 400);
  const kl_own_order *known = order_of("o1");
  assert_int_equal(known->side, KL_ASK);
  assert_int_equal(known->yes_price, 4300);
  assert_int_equal(known->initial, 1000);
  assert_int_equal(known->maker_fees, 0);
  assert_string_equal(known->ticker, "T");
  /* The same state with what it cost, though its time is a little earlier. */
  kl_own_order channel = *known;
  channel.ts_ms -= 1;
  channel.taker_fees = 10000;
  channel.told_ns = kl_mono_ns(kl_clock_real());
  kl_account_tell_order(account, &channel, KL_TOLD_BY_CHANNEL);
  assert_int_equal(order_of("o1")->taker_fees, 10000);

  world.order_answer =
      "{\"order_id\":\"o1\",\"client_order_id\":\"my-o1\",\"reduced_by\":\"6.00\",\"ts_ms\":1789482600200}";
  o = call("cancel_order", ORDERS "/o1", NULL, 0);
  assert_false(o.failed);
  assert_order("o1", KL_OWN_CANCELED, 400);
  assert_int_equal(order_of("o1")->taker_fees, 10000);
}

static void an_amend_and_a_decrease_are_known_with_their_answers(void **state) {
  (void)state;
  static const char amend[] = "{\"ticker\":\"T\",\"side\":\"bid\",\"price\":\"0.4400\",\"count\":\"12.00\","
                              "\"updated_client_order_id\":\"renamed\"}";
  start_and_load();
  say_order("o1", "resting", "4.00", "6.00", 10);
  world.order_answer =
      "{\"order_id\":\"o1\",\"remaining_count\":\"5.00\",\"fill_count\":\"3.00\",\"ts_ms\":1789482600100}";
  outcome o = call("amend_order", ORDERS "/o1/amend", amend, 0);
  assert_false(o.failed);
  assert_order("o1", KL_OWN_RESTING, 700); /* three more by the amend itself */
  assert_int_equal(order_of("o1")->remaining, 500);
  assert_int_equal(order_of("o1")->yes_price, 4400);
  assert_ptr_equal(kl_own_orders_by_client_id(kl_account_orders(account), "renamed"), order_of("o1"));
  world.order_answer = "{\"order_id\":\"o1\",\"ts_ms\":1789482600150}"; /* it changed nothing */
  o = call("amend_order", ORDERS "/o1/amend", amend, 0);
  assert_false(o.failed);
  assert_order("o1", KL_OWN_RESTING, 700);
  world.order_answer = "{\"order_id\":\"o1\",\"remaining_count\":\"2.00\",\"ts_ms\":1789482600200}";
  o = call("decrease_order", ORDERS "/o1/decrease", "{\"reduce_to\":\"2.00\"}", 0);
  assert_false(o.failed);
  assert_int_equal(order_of("o1")->remaining, 200);
  world.order_answer = "{\"order_id\":\"o1\",\"remaining_count\":\"0.00\",\"ts_ms\":1789482600300}";
  o = call("decrease_order", ORDERS "/o1/decrease", "{\"reduce_to\":\"0.00\"}", 0);
  assert_false(o.failed);
  assert_order("o1", KL_OWN_CANCELED, 700);
}

static void an_answer_that_comes_behind_the_channel_takes_nothing_back(void **state) {
  (void)state;
  start_and_load();
  say_order("o1", "canceled", "4.00", "0.00", 150);
  world.order_answer = "{\"order_id\":\"o1\",\"client_order_id\":\"my-o1\",\"fill_count\":\"0.00\",\"remaining_count\":"
                       "\"10.00\",\"ts_ms\":1789482600100}";
  outcome o = call("create_order", ORDERS, CREATE, 0);
  assert_false(o.failed);
  assert_order("o1", KL_OWN_CANCELED, 400);
}

static void a_batch_is_known_order_by_order(void **state) {
  (void)state;
  start_and_load();
  world.order_answer =
      "{\"orders\":[{\"order_id\":\"o1\",\"client_order_id\":\"a\",\"fill_count\":\"0.00\",\"remaining_count\":\"1."
      "00\","
      "\"ts_ms\":1789482600100},{\"client_order_id\":\"b\",\"error\":{\"code\":\"invalid_price\",\"message\":\"\"}},"
      "{\"order_id\":\"o3\",\"client_order_id\":\"c\",\"fill_count\":\"0.00\",\"remaining_count\":\"0.00\",\"ts_ms\":"
      "1789482600100}]}";
  outcome o = call(
      "batch_create_orders", ORDERS "/batched",
      "{\"orders\":[{\"client_order_id\":\"a\",\"ticker\":\"T\",\"side\":\"bid\",\"price\":\"0.4\",\"count\":\"1\"},"
      "{\"client_order_id\":\"b\",\"ticker\":\"T\",\"side\":\"bid\",\"price\":\"0.4001\",\"count\":\"1\"},"
      "{\"client_order_id\":\"c\",\"ticker\":\"U\",\"side\":\"ask\",\"price\":\"0.5\",\"count\":\"2\"}]}",
      0);
  assert_false(o.failed);
  assert_order("o1", KL_OWN_RESTING, 0);
  assert_order("o3", KL_OWN_CANCELED, 0); /* what an immediate one did not get */
  assert_string_equal(order_of("o3")->ticker, "U");
  assert_int_equal(status_now().resting, 1);
}

/* ---- subaccounts ---- */

static void positions_of_every_subaccount_are_read(void **state) {
  (void)state;
  world.subaccounts = "{\"subaccount_number\":0,\"balance\":\"1\"},{\"subaccount_number\":3,\"balance\":\"1\"}";
  SET(positions, position_row("T", "4.00"));
  SET(positions_of_3, position_row("T", "-3.00"));
  start_and_load();
  assert_position("T", 0, 400);
  assert_position("T", 3, -300);
  say_position("T", "5.00", "3");
  assert_position("T", 0, 400);
  assert_position("T", 3, 500);
}

static void a_key_of_one_subaccount_has_its_positions_once(void **state) {
  (void)state;
  world.locked = true;
  SET(positions, position_row("T", "4.00"));
  start_and_load();
  assert_int_equal(asked(GET "/portfolio/subaccounts"), 0);
  assert_position("T", 0, 400); /* which it is has not been seen yet */
  say_position("T", "5.00", "3");
  SET(positions, position_row("T", "5.00"));
  UNTIL(told.reconciled == 2);
  assert_position("T", 3, 500);
  assert_null(position_of("T", 0));
}

static void an_account_of_many_subaccounts_is_not_taken_for_one(void **state) {
  (void)state;
  world.locked = true; /* the answer lacks what tells, for another reason */
  SET(positions, position_row("T", "4.00"));
  SET(positions_of_3, position_row("T", "5.00"));
  start_and_load();
  say_position("T", "4.00", NULL);
  say_position("T", "5.00", "3");
  UNTIL(told.reconciled == 2);
  say_position("U", "1.00", NULL);
  say_position("U", "2.00", "3");
  run_for(1100);
  assert_int_equal(told.reconciled, 2);
  assert_position("T", 0, 400);
  assert_position("T", 3, 500);
}

static void a_subaccount_that_is_new_is_read(void **state) {
  (void)state;
  SET(positions_of_3, position_row("T", "5.00"));
  start_and_load();
  assert_int_equal(asked(GET "/portfolio/positions"), 1);
  say_order("o1", "resting", "0.00", "10.00", 0);
  kl_account_saw_subaccount(account, 3);
  UNTIL(told.reconciled == 2);
  assert_position("T", 3, 500);
}

/* ---- trouble ---- */

static struct {
  int calls;
  kl_error error;
} waited;
static void note_waited(void *data, const kl_error *e) {
  (void)data;
  waited.calls++;
  waited.error = e ? *e : (kl_error){0};
}

static void a_read_that_fails_is_made_again(void **state) {
  (void)state;
  kl_account_waiter w = {.done = note_waited};
  memset(&waited, 0, sizeof waited);
  world.refuse = "/portfolio/fills";
  world.refusal = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<html>hi<";
  start_account();
  kl_account_await(account, &w);
  UNTIL(asked(GET "/portfolio/fills") == 2);
  assert_int_equal(waited.calls, 0);
  world.refuse = NULL;
  UNTIL(waited.calls);
  assert_null(waited.error.kind);
  assert_false(status_now().stale);
}

static void a_refused_key_is_told_and_the_next_call_tries_again(void **state) {
  (void)state;
  kl_account_waiter w = {.done = note_waited};
  memset(&waited, 0, sizeof waited);
  world.refuse = "/portfolio/fills";
  world.refusal = "HTTP/1.1 401 X\r\nContent-Type: application/json\r\nContent-Length: 48\r\n\r\n"
                  "{\"error\":{\"code\":\"authentication_error\",\"a\":\"\"}}";
  start_account();
  kl_account_await(account, &w);
  UNTIL(waited.calls);
  assert_string_equal(waited.error.kind, "auth");
  assert_false(status_now().started);
  world.refuse = NULL;
  kl_error e;
  assert_true(kl_account_start(account, &e));
  kl_account_await(account, &w);
  link_breaks(0); /* the channels, which had been given back, are subscribed to on the next connection */
  channels_open();
  UNTIL(waited.calls == 2);
  assert_null(waited.error.kind);
}

static void without_a_key_it_cannot_start(void **state) {
  (void)state;
  stop_session();
  kl_key_release(key);
  key = NULL;
  options.key = NULL;
  start(false);
  account = kl_session_account(session);
  kl_error e;
  assert_false(kl_account_start(account, &e));
  assert_string_equal(e.kind, "auth");
}

static void rows_that_are_odd_are_left_out(void **state) {
  (void)state;
  snprintf(world.orders, sizeof world.orders, "{\"order_id\":\"x\"},%s,5",
           order_row("o1", "resting", "0.00", "10.00", 0));
  SET(fills, "{},[]");
  SET(positions, "{\"ticker\":\"T\",\"position_fp\":4}");
  start_and_load();
  assert_int_equal(status_now().resting, 1);
  assert_int_equal(status_now().fills + status_now().positions, 0);
}

static void closing_tells_who_waits(void **state) {
  (void)state;
  kl_account_waiter w = {.done = note_waited};
  memset(&waited, 0, sizeof waited);
  world.hold = "/portfolio/fills";
  start_account();
  kl_account_await(account, &w);
  UNTIL(world.held);
  stop_session();
  assert_int_equal(waited.calls, 1);
  assert_string_equal(waited.error.kind, "closed");
}

static void leave_both(void *data, const kl_own_order *o) {
  (void)o;
  kl_account_unlisten(&listener);
  kl_account_unlisten(data);
  told.orders += 100;
}

static void a_listener_may_leave_inside(void **state) {
  (void)state;
  start_and_load();
  kl_account_unlisten(&listener);
  kl_account_listener first = {.data = &first, .order = leave_both};
  kl_account_listen(account, &first);
  kl_account_listen(account, &listener);
  say_order("o1", "resting", "0.00", "10.00", 0);
  say_order("o1", "resting", "1.00", "9.00", 5);
  assert_int_equal(told.orders, 100);
  kl_account_unlisten(&listener); /* once more does no harm */
}

static void the_balance_follows_events_within_a_second_or_so(void **state) {
  (void)state;
  start_and_load();
  forget_requests();
  world.balance = "99.0000";
  say_position("T", "4.00", NULL);
  UNTIL(kl_account_balance_get(account).balance == 99000000);
  assert_in_range(asked(GET "/portfolio/balance"), 1, 2);
  assert_int_equal(asked(GET "/portfolio/positions"), 0);
}

#define RUN(name) cmocka_unit_test_setup_teardown(name, begin_world, end_world)

int main(void) {
  const struct CMUnitTest tests[] = {
      RUN(nobody_asks_and_nothing_is_read),
      RUN(the_first_load_has_all_there_is),
      RUN(channels_tell_from_then_on),
      RUN(a_list_that_lags_does_not_bring_a_canceled_order_back),
      RUN(an_older_row_does_not_take_fills_back),
      RUN(an_order_that_came_while_the_list_was_read_stays),
      RUN(an_order_newer_than_the_reads_stays_though_the_list_lacks_it),
      RUN(reads_that_lag_are_waited_for),
      RUN(an_exchange_that_does_not_say_how_fresh_it_is_is_given_time),
      RUN(a_position_told_while_the_list_is_read_counts),
      RUN(what_happened_meanwhile_is_found_out),
      RUN(fills_are_asked_for_from_before_it_was_last_right),
      RUN(a_look_up_that_lags_is_made_again),
      RUN(many_look_ups_that_lag_are_made_again),
      RUN(an_order_that_nobody_shows_any_more_is_unknown),
      RUN(an_event_during_a_look_up_settles_it),
      RUN(a_connection_that_breaks_during_a_load_begins_it_anew),
      RUN(it_is_stale_while_the_feed_is_away),
      RUN(a_created_order_is_known_before_its_caller_hears_of_it),
      RUN(an_amend_and_a_decrease_are_known_with_their_answers),
      RUN(an_answer_that_comes_behind_the_channel_takes_nothing_back),
      RUN(a_batch_is_known_order_by_order),
      RUN(positions_of_every_subaccount_are_read),
      RUN(a_key_of_one_subaccount_has_its_positions_once),
      RUN(an_account_of_many_subaccounts_is_not_taken_for_one),
      RUN(a_subaccount_that_is_new_is_read),
      RUN(a_read_that_fails_is_made_again),
      RUN(a_refused_key_is_told_and_the_next_call_tries_again),
      RUN(without_a_key_it_cannot_start),
      RUN(rows_that_are_odd_are_left_out),
      RUN(closing_tells_who_waits),
      RUN(a_listener_may_leave_inside),
      RUN(the_balance_follows_events_within_a_second_or_so),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
