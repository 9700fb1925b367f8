/* Books, deltas, subscriptions and timers of two versions of a strategy side by side, against a link moved by hand:
 * what one did not handle the other does, and nothing is handled twice. */
#include "ws_peer.h"

#include <uv.h>

#include "base/log.h"
#include "bindings/bindings.h"
#include "bindings/rest.h"
#include "script/internal.h"

enum { VERSIONS_MAX = 4 };

static uv_loop_t loop;
static kl_host *host;
static kl_clock_virtual clock_by_hand; /* the scripts' */
static kl_session *session;
static kl_environment environment;
static kl_buf out; /* what the scripts printed */
static int failures;
static bool session_closed;
static kl_script *versions[VERSIONS_MAX];
static int n_versions;
static kl_keeper *keeper;

static void on_print(void *data, kl_script *s, const char *text, size_t n) {
  (void)data;
  (void)s;
  kl_buf_add(&out, text, n);
  kl_buf_char(&out, ' ');
}

static void on_ended(void *data, kl_script *s, bool failed) {
  (void)data;
  failures += failed;
  if (failed) fprintf(stderr, "%s: %s\n", kl_script_name(s), kl_script_error(s));
}

static int open_kalshi(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"book", kl_book_open_lua}, {"subscribe", kl_stream_subscribe_lua}, {NULL, NULL}};
  kl_book_register(L);
  kl_stream_register(L);
  luaL_newlibtable(L, functions);
  lua_pushlightuserdata(L, &kl_environment_of(L)->place); /* as functions of kalshi have it */
  luaL_setfuncs(L, functions, 1);
  return 1;
}

static int setup(void **state) {
  (void)state;
  static const luaL_Reg modules[] = {{"kalshi", open_kalshi}, {"task", luaopen_kl_task}, {NULL, NULL}};
  kl_error e;
  kl_key *key = NULL;
  memset(&peer, 0, sizeof peer);
  memset(&out, 0, sizeof out);
  failures = n_versions = 0;
  session_closed = false;
  kl_log_set_level(KL_LOG_ERROR);
  uv_loop_init(&loop);
  assert_true(kl_key_generate(0, &key, &e));
  session = kl_session_new(&loop,
                           &(kl_session_options){.env = "sim",
                                                 .rest_url = "http://127.0.0.1:9/trade-api/v2",
                                                 .ws_url = "ws://127.0.0.1:9/trade-api/ws/v2",
                                                 .key_id = "0f1e2d3c",
                                                 .key = key,
                                                 .clock = kl_clock_real(),
                                                 .user_agent = "test"},
                           &e);
  kl_key_release(key);
  if (!session) fail_msg("%s", e.message);
  environment = (kl_environment){.place = {.session = session, .env = "sim"}, .version = "0"};
  kl_clock_virtual_init(&clock_by_hand, 1789482600000000);
  host = kl_host_new(&loop, &(kl_host_options){.clock = &clock_by_hand.clock,
                                               .data = &environment,
                                               .modules = modules,
                                               .grace_ms = 50,
                                               .script_ended = on_ended,
                                               .print = on_print});
  assert_non_null(host);
  return 0;
}

static void on_session_closed(void *data) { *(bool *)data = true; }

static void turn(void) {
  for (int i = 0; i < 8 || (i < 2000 && uv_backend_timeout(&loop) == 0); i++)
    uv_run(&loop, UV_RUN_NOWAIT);
}

static void close_version(kl_script *s) {
  for (int i = 0; i < n_versions; i++)
    if (versions[i] == s) versions[i] = NULL;
  kl_script_discard(s);
  turn();
}

static int teardown(void **state) {
  (void)state;
  for (int i = 0; i < n_versions; i++)
    if (versions[i]) close_version(versions[i]);
  kl_session_close(session, on_session_closed, &session_closed);
  kl_host_close(host);
  uv_run(&loop, UV_RUN_DEFAULT);
  forget_sent();
  kl_buf_free(&out);
  return session_closed && !failures ? uv_loop_close(&loop) : -1;
}

/* The tasks of a version that is not live run to where they wait, as those of a start do. */
static void exempt(kl_script *s, bool on) {
  s->for_swap = on;
  for (kl_list *n = s->tasks.next; n != &s->tasks; n = n->next)
    KL_CONTAINER(n, kl_task, link)->exempt = on;
}

/* A version beside those that are there; the first is live. */
static kl_script *start(const char *source) {
  static char text[8192];
  kl_error e;
  kl_script *s;
  snprintf(text, sizeof text, "local kalshi, task = require 'kalshi', require 'task'\n%s", source);
  if (!kl_script_start(host, &(kl_script_options){.source = text, .name = "test", .env = "sim"}, &s, &e))
    fail_msg("%s", e.message);
  if (n_versions) {
    kl_keeper_release(s->keeper);
    s->keeper = kl_keeper_retain(keeper);
    s->live = false;
    exempt(s, true);
  } else {
    keeper = s->keeper;
  }
  versions[n_versions++] = s;
  turn();
  return s;
}

static void swap(kl_script *from, kl_script *to) {
  exempt(to, false);
  kl_version_suspend(from);
  kl_version_go_live(to);
}

static void link_opens(void) {
  for (int i = 0; i < 400 && !peer.ws; i++) {
    uv_run(&loop, UV_RUN_NOWAIT);
    uv_sleep(5);
  }
  assert_non_null(peer.ws);
  if (peer.ws) peer.ws->o.open(peer.ws->o.data, 0);
  turn();
}

static void burst_ends(void) {
  peer.ws->o.burst_end(peer.ws->o.data);
  turn();
}

static void assert_printed(const char *text) {
  assert_string_equal(out.data ? out.data : "", text);
  kl_buf_clear(&out);
}

/* ---- subscriptions ---- */

#define LOOP(version) "for m in sub:messages() do print('" version ":' .. m.market_ticker .. m.seq) end\n"
#define TRADES(list, version)                                                                                          \
  "local sub = kalshi.subscribe{channels = {'trade'}, market_tickers = {" list "}} print '" version "'\n" LOOP(version)

static void trades_open(const char *source) {
  start(source);
  link_opens();
  answer_subscribe("trade", 2);
  burst_ends();
}

static void acknowledge(const char *part) {
  say("{\"type\":\"ok\",\"id\":%lld,\"sid\":2}", sent_id(peer.n_sent - 1, part));
  burst_ends();
}

static void the_same_subscription_goes_on_in_the_new_version(void **state) {
  (void)state;
  trades_open(TRADES("'A', 'B'", "1"));
  say_trade(2, 1, "A");
  burst_ends();
  assert_printed("1 1:A1 ");
  int sent = peer.n_sent;
  kl_script *two = start(TRADES("'B', 'A'", "2")); /* needs no answer of the exchange */
  assert_printed("2 ");
  say_trade(2, 2, "B");
  burst_ends();
  assert_printed("1:B2 "); /* the one that is not live gets nothing */
  say_trade(2, 3, "A");    /* comes, and the swap before anybody was resumed */
  say_trade(2, 4, "A");
  swap(versions[0], two);
  burst_ends();
  assert_printed("2:A3 2:A4 ");
  say_trade(2, 5, "B");
  burst_ends();
  assert_printed("2:B5 ");
  say_trade(2, 6, "B");
  swap(two, versions[0]); /* back */
  burst_ends();
  assert_printed("1:B6 ");
  swap(versions[0], two);
  close_version(versions[0]);
  say_trade(2, 7, "B");
  burst_ends();
  assert_printed("2:B7 ");
  assert_int_equal(peer.n_sent, sent);
}

static void a_longer_list_takes_over_what_both_have(void **state) {
  (void)state;
  trades_open(TRADES("'A', 'B'", "1"));
  assert_printed("1 ");
  kl_script *two = start(TRADES("'C', 'A'", "2"));
  acknowledge("add_markets");
  assert_printed("2 ");
  say_trade(2, 1, "A");
  say_trade(2, 2, "B");
  say_trade(2, 3, "C");
  burst_ends();
  assert_printed("1:A1 1:B2 "); /* A1 is not for the new one any more, C3 waits for it */
  say_trade(2, 4, "A");
  say_trade(2, 5, "B");
  say_trade(2, 6, "C");
  swap(versions[0], two);
  burst_ends();
  assert_printed("2:C3 2:A4 2:C6 ");
  say_trade(2, 7, "A");
  say_trade(2, 8, "B");
  say_trade(2, 9, "C");
  burst_ends();
  assert_printed("2:A7 2:C9 ");
  say_trade(2, 10, "A");
  say_trade(2, 11, "B");
  say_trade(2, 12, "C");
  swap(two, versions[0]); /* the new one was wrong: what it left, and what was for the old one only */
  burst_ends();
  assert_printed("1:B5 1:B8 1:A10 1:B11 ");
  close_version(two);
  say_trade(2, 13, "A");
  burst_ends();
  assert_printed("1:A13 ");
}

static void loops_that_were_two_become_one(void **state) {
  (void)state;
  trades_open("for _, t in ipairs{'A', 'B'} do task.spawn(function()\n" TRADES("t", "1") "end) end\n");
  kl_buf_clear(&out);
  kl_script *two = start(TRADES("'A', 'B'", "2"));
  assert_printed("2 ");
  say_trade(2, 1, "A");
  say_trade(2, 2, "B");
  burst_ends();
  assert_printed("1:A1 1:B2 ");
  say_trade(2, 3, "B");
  say_trade(2, 4, "A");
  say_trade(2, 5, "B");
  swap(versions[0], two);
  burst_ends();
  assert_printed("2:B3 2:A4 2:B5 ");
}

static void two_loops_over_the_same_go_on_as_two(void **state) {
  (void)state;
  static const char source[] = "for i = 1, 2 do task.spawn(function()\n"
                               "  local sub = kalshi.subscribe{channels = {'trade'}, market_tickers = {'A'}}\n"
                               "  for m in sub:messages() do print(V .. ':' .. i .. m.seq)\n"
                               "    if V == 1 and i == 1 and m.seq == 1 then task.sleep(60) end end end) end\n";
  char text[1024];
  snprintf(text, sizeof text, "local V = 1\n%s", source);
  trades_open(text);
  say_trade(2, 1, "A");
  say_trade(2, 2, "A");
  burst_ends();
  assert_printed("1:11 1:21 1:22 "); /* the first loop is busy */
  snprintf(text, sizeof text, "local V = 2\n%s", source);
  kl_script *two = start(text);
  swap(versions[0], two);
  turn();
  assert_printed("2:12 ");
  say_trade(2, 3, "A");
  burst_ends();
  assert_printed("2:13 2:23 ");
}

static void additions_are_of_one_version(void **state) {
  (void)state;
  static const char source[] = "sub = kalshi.subscribe{channels = {'trade'}, market_tickers = {'A'}} print(V)\n"
                               "task.spawn(function() for m in sub:messages() do print(V .. m.market_ticker .. m.seq)\n"
                               "  if m.seq == 1 or m.seq == 5 then sub:add{'B'} print(V .. 'added') end end end)\n";
  char text[1024];
  snprintf(text, sizeof text, "local V = '1:'\n%s", source);
  trades_open(text);
  say_trade(2, 1, "A");
  burst_ends();
  acknowledge("add_markets");
  assert_printed("1: 1:A1 1:added ");
  snprintf(text, sizeof text, "local V = '2:'\n%s", source);
  kl_script *two = start(text); /* asks for A, as the first did */
  assert_printed("2: ");
  say_trade(2, 2, "A");
  say_trade(2, 3, "B");
  burst_ends();
  assert_printed("1:A2 1:B3 ");
  swap(versions[0], two);
  say_trade(2, 4, "B"); /* nobody's who is live */
  say_trade(2, 5, "A"); /* has it add B, which the exchange sends already */
  burst_ends();
  assert_printed("2:A5 2:added 2:B4 ");
  say_trade(2, 6, "B");
  burst_ends();
  assert_printed("2:B6 ");
  kl_script *three =
      start("local sub = kalshi.subscribe{channels = {'trade'}, market_tickers = {'B', 'A'}} print '3:'\n"
            "for m in sub:messages() do print('3:' .. m.market_ticker .. m.seq)\n"
            "  if m.seq == 7 then sub:remove{'A'} end end\n"); /* what the second has by now */
  say_trade(2, 7, "B");
  swap(two, three);
  burst_ends();
  say_trade(2, 8, "A");
  say_trade(2, 9, "B");
  burst_ends();
  assert_printed("3: 3:B7 3:B9 ");
  swap(three, two); /* it kept its markets */
  turn();
  assert_printed("2:A8 ");
}

static void closing_is_of_one_version(void **state) {
  (void)state;
  trades_open("sub = kalshi.subscribe{channels = {'trade'}, market_tickers = {'A'}}\n" LOOP("1"));
  kl_script *two = start("sub = kalshi.subscribe{channels = {'trade'}, market_tickers = {'A'}}\n"
                         "for m in sub:messages() do print('2:' .. m.seq) if m.seq == 2 then sub:close() end end\n"
                         "print 'over' task.sleep(60)\n");
  say_trade(2, 1, "A");
  say_trade(2, 2, "A");
  say_trade(2, 3, "A");
  swap(versions[0], two);
  burst_ends();
  assert_printed("2:1 2:2 2:3 over ");
  say_trade(2, 4, "A");
  burst_ends();
  assert_printed("");
  swap(two, versions[0]);
  turn();
  assert_printed("1:A4 ");
  close_version(two);
  say_trade(2, 5, "A");
  burst_ends();
  assert_printed("1:A5 ");
}

static void what_is_lost_is_told_to_the_version_that_goes_on(void **state) {
  (void)state;
  trades_open(TRADES("'A', 'B'", "1"));
  kl_script *two = start("local sub = kalshi.subscribe{channels = {'trade'}, market_tickers = {'A'}}\n"
                         "local n, ok, e = 0 repeat\n"
                         "  ok, e = pcall(function() for m in sub:messages() do n = n + 1 end end) until not ok\n"
                         "print(n, e.kind, e.message:match '^%d+ messages lost')\n"
                         "for m in sub:messages() do print(m.seq) end\n");
  kl_buf_clear(&out);
  for (int i = 1; i <= 10005; i++)
    say_trade(2, i, i == 10001 ? "B" : "A");
  swap(versions[0], two);
  burst_ends();
  assert_printed("10000\toverflow\t5 messages lost ");
  say_trade(2, 10006, "A");
  burst_ends();
  assert_printed("10006 ");
}

/* The old version has taken all that was queued, and not yet heard that there was more. */
static void a_hole_that_was_not_told_yet_is_told_to_the_next(void **state) {
  (void)state;
  trades_open(
      "sub = kalshi.subscribe{channels = {'trade'}, market_tickers = {'A', 'B'}}\n"
      "local n = 0 for m in sub:messages() do n = n + 1 if n == 10000 then print 'all' task.sleep(60) end end\n");
  kl_buf_clear(&out);
  for (int i = 1; i <= 10005; i++)
    say_trade(2, i, "A");
  burst_ends();
  for (int i = 0; i < 200 && !out.len; i++)
    turn();
  assert_printed("all ");
  kl_script *two = start("local sub = kalshi.subscribe{channels = {'trade'}, market_tickers = {'A'}} print '2:'\n"
                         "local ok, e = pcall(function() for m in sub:messages() do print(m.seq) end end)\n"
                         "print(e.kind, e.message:match '^%d+ messages lost')\n"
                         "for m in sub:messages() do print(m.seq) end\n");
  assert_printed("2: ");
  swap(versions[0], two);
  turn();
  assert_printed("overflow\t5 messages lost ");
  say_trade(2, 10006, "A");
  burst_ends();
  assert_printed("10006 ");
}

static void a_refused_market_is_refused_to_each_version(void **state) {
  (void)state;
  trades_open("sub = kalshi.subscribe{channels = {'trade'}, market_tickers = {'A'}}\n"
              "local ok, e = pcall(sub.add, sub, {'NO'}) print(ok, e.kind)\n" LOOP("1"));
  say("{\"type\":\"error\",\"id\":%lld,\"msg\":{\"code\":16,\"msg\":\"Market not found\",\"market_ticker\":\"NO\"}}",
      sent_id(peer.n_sent - 1, "NO"));
  burst_ends();
  assert_printed("false\tvalidation ");
  kl_script *two = start("local ok, e = pcall(kalshi.subscribe, {channels = {'trade'}, market_tickers = {'A', 'NO'}})\n"
                         "print(ok, e.kind) task.sleep(60)\n");
  say("{\"type\":\"error\",\"id\":%lld,\"msg\":{\"code\":16,\"msg\":\"Market not found\",\"market_ticker\":\"NO\"}}",
      sent_id(peer.n_sent - 1, "NO"));
  burst_ends();
  assert_printed("false\tvalidation ");
  close_version(two);
  say_trade(2, 1, "A");
  burst_ends();
  assert_printed("1:A1 ");
}

/* ---- books and deltas ---- */

static void book_opens(const char *source) {
  start(source);
  link_opens();
  answer_subscribe("orderbook_delta", 1);
  say_snapshot(1, 1, "A", "[\"0.3800\",\"10.00\"]", "[\"0.4000\",\"5.00\"]");
  burst_ends();
}

#define DELTAS(version)                                                                                                \
  "local b = kalshi.book 'A' print '" version "'\n"                                                                    \
  "task.spawn(function() for d in b:deltas() do print('" version ":' .. d.seq .. ' ' .. d.bid) end print 'end' end)\n" \
  "b:on_delta(function(_, _, _, _, _, seq) print('" version "f:' .. seq) end)\n"

static void deltas_go_on_in_the_new_version(void **state) {
  (void)state;
  book_opens(DELTAS("1"));
  say_delta(1, 2, "A", "0.3800", "1.00", "yes");
  burst_ends();
  assert_printed("1 1f:2 1:2 0.38 ");
  int sent = peer.n_sent;
  kl_script *two = start(DELTAS("2"));
  assert_printed("2 "); /* the book is there, without a snapshot */
  say_delta(1, 3, "A", "0.3800", "1.00", "yes");
  burst_ends();
  assert_printed("1f:3 1:3 0.38 ");
  say_delta(1, 4, "A", "0.3900", "1.00", "yes");
  say_delta(1, 5, "A", "0.3900", "-1.00", "yes");
  swap(versions[0], two);
  burst_ends();
  assert_printed("2f:4 2f:5 2:4 0.39 2:5 0.38 ");
  say_delta(1, 6, "A", "0.3800", "1.00", "yes");
  swap(two, versions[0]);
  burst_ends();
  assert_printed("1:6 0.38 1f:6 ");
  swap(versions[0], two);
  close_version(versions[0]);
  say_delta(1, 7, "A", "0.3800", "1.00", "yes");
  burst_ends();
  assert_printed("2f:7 2:7 0.38 ");
  assert_int_equal(peer.n_sent, sent);
  close_version(two);
  sent_id(peer.n_sent - 1, "unsubscribe");
}

static void the_state_is_looked_at_when_the_version_is_live(void **state) {
  (void)state;
  static const char source[] = "local b = kalshi.book 'A'\n"
                               "task.spawn(function() while true do b:wait() print(V .. 'w' .. b.seq) end end)\n"
                               "for x in b:changes() do print(V .. x.seq) end\n";
  char text[1024];
  snprintf(text, sizeof text, "local V = '1:'\n%s", source);
  book_opens(text);
  assert_printed("1:1 ");
  snprintf(text, sizeof text, "local V = '2:'\n%s", source);
  kl_script *two = start(text);
  assert_printed("");
  say_delta(1, 2, "A", "0.3800", "1.00", "yes");
  burst_ends();
  assert_printed("1:2 1:w2 ");
  swap(versions[0], two);
  turn();
  assert_printed("2:2 2:w2 ");
  say_delta(1, 3, "A", "0.3800", "1.00", "yes");
  burst_ends();
  assert_printed("2:3 2:w3 ");
  swap(two, versions[0]);
  turn();
  assert_printed("1:3 1:w3 ");
  swap(versions[0], two); /* nothing new */
  turn();
  assert_printed("");
}

/* ---- timers ---- */

static void kept_timers_keep_their_time(void **state) {
  (void)state;
  static const char source[] = "for name, seconds in pairs{x = 30, y = Y} do\n"
                               "  task.every(seconds, function() print(V .. name) end, {keep = name}) end\n";
  char text[512];
  snprintf(text, sizeof text, "local V, Y = 1, 1000\n%s", source);
  kl_script *one = start(text);
  kl_clock_virtual_advance(&clock_by_hand, 30000000);
  snprintf(text, sizeof text, "local V, Y = 2, 5\n%s", source);
  kl_script *two = start(text); /* x is due in the midst of the swap; y begins anew */
  swap(one, two);
  close_version(one);
  turn();
  assert_string_equal(out.data ? out.data : "", "2x ");
  kl_buf_clear(&out);
  snprintf(text, sizeof text, "local V, Y = 3, 1000\n%s", source);
  kl_clock_virtual_advance(&clock_by_hand, 29900000);
  kl_script *three = start(text);
  swap(two, three);
  turn();
  assert_printed(""); /* it was called 29.9 s ago */
  kl_clock_virtual_advance(&clock_by_hand, 100000);
  kl_script *four = start(text);
  swap(three, four);
  turn();
  assert_printed("3x ");
  swap(four, three); /* the call is done */
  turn();
  assert_printed("");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(the_same_subscription_goes_on_in_the_new_version, setup, teardown),
      cmocka_unit_test_setup_teardown(a_longer_list_takes_over_what_both_have, setup, teardown),
      cmocka_unit_test_setup_teardown(loops_that_were_two_become_one, setup, teardown),
      cmocka_unit_test_setup_teardown(two_loops_over_the_same_go_on_as_two, setup, teardown),
      cmocka_unit_test_setup_teardown(additions_are_of_one_version, setup, teardown),
      cmocka_unit_test_setup_teardown(closing_is_of_one_version, setup, teardown),
      cmocka_unit_test_setup_teardown(what_is_lost_is_told_to_the_version_that_goes_on, setup, teardown),
      cmocka_unit_test_setup_teardown(a_hole_that_was_not_told_yet_is_told_to_the_next, setup, teardown),
      cmocka_unit_test_setup_teardown(a_refused_market_is_refused_to_each_version, setup, teardown),
      cmocka_unit_test_setup_teardown(deltas_go_on_in_the_new_version, setup, teardown),
      cmocka_unit_test_setup_teardown(the_state_is_looked_at_when_the_version_is_live, setup, teardown),
      cmocka_unit_test_setup_teardown(kept_timers_keep_their_time, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
