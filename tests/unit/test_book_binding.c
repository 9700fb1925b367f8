/* kalshi.book and kalshi.subscribe as scripts see them, against a link moved by hand. */
#include "ws_peer.h"

#include <uv.h>

#include "base/log.h"
#include "bindings/bindings.h"
#include "bindings/json.h"
#include "bindings/rest.h"
#include "prompt/portrait.h"
#include "script/script.h"

static uv_loop_t loop;
static kl_host *host;
static kl_session *session;
static kl_script *script;
static kl_environment environment;
static kl_buf out; /* what the script printed */
static int ended, failures;
static bool session_closed;

static void on_print(void *data, kl_script *s, const char *text, size_t n) {
  (void)data;
  (void)s;
  kl_buf_add(&out, text, n);
  if (!n || text[n - 1] != '\n') kl_buf_char(&out, '\n');
}

static void on_ended(void *data, kl_script *s, bool failed) {
  (void)data;
  (void)s;
  ended++;
  failures += failed;
  script = NULL;
}

/* The portrait of a value, as a prompt gets it. */
static int l_portrait(lua_State *L) {
  kl_buf *b = kl_push_buffer(L);
  lua_insert(L, 1);
  kl_portrait_write(L, 1, &kl_portrait_draw, b);
  lua_pushlstring(L, b->data, b->len);
  return 1;
}

static int open_kalshi(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"book", kl_book_open_lua}, {"subscribe", kl_stream_subscribe_lua}, {"portrait", l_portrait}, {NULL, NULL}};
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
  ended = failures = 0;
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
  host = kl_host_new(&loop, &(kl_host_options){.clock = kl_clock_real(),
                                               .data = &environment,
                                               .modules = modules,
                                               .grace_ms = 50,
                                               .script_ended = on_ended,
                                               .print = on_print});
  assert_non_null(host);
  return 0;
}

static void on_session_closed(void *data) { *(bool *)data = true; }

static int teardown(void **state) {
  (void)state;
  if (script) kl_script_stop(script, KL_STOP_EXIT, true);
  for (int i = 0; i < 1000 && kl_host_running(host); i++)
    uv_run(&loop, UV_RUN_ONCE);
  kl_session_close(session, on_session_closed, &session_closed);
  kl_host_close(host);
  uv_run(&loop, UV_RUN_DEFAULT);
  forget_sent();
  kl_buf_free(&out);
  return session_closed ? uv_loop_close(&loop) : -1;
}

/* And on while somebody has something to do: a script that works for long gives others their turn. */
static void turn(void) {
  for (int i = 0; i < 6 || (i < 2000 && uv_backend_timeout(&loop) == 0); i++)
    uv_run(&loop, UV_RUN_NOWAIT);
}

static void run(const char *source) {
  static char text[8192];
  kl_error e;
  snprintf(text, sizeof text, "local kalshi = require 'kalshi'\n%s", source);
  if (!kl_script_start(host, &(kl_script_options){.source = text, .name = "test", .env = "sim"}, &script, &e)) {
    fail_msg("%s", e.message);
  }
  turn();
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

/* Book "A" for a script that opened it: YES bids 0.38 x 10, 0.37 x 20; YES asks 0.40 x 5, 0.42 x 2.5. */
static void book_opens(void) {
  link_opens();
  answer_subscribe("orderbook_delta", 1);
  say_snapshot(1, 1, "A", "[\"0.3700\",\"20.00\"],[\"0.3800\",\"10.00\"]",
               "[\"0.4000\",\"5.00\"],[\"0.4200\",\"2.50\"]");
  burst_ends();
}

static void assert_printed(const char *text) {
  assert_string_equal(out.data ? out.data : "", text);
  kl_buf_clear(&out);
}

static void wait_printed(const char *text) {
  for (int i = 0; i < 400 && (!out.data || !strstr(out.data, text)); i++) {
    uv_run(&loop, UV_RUN_NOWAIT);
    uv_sleep(5);
  }
  if (!out.data || !strstr(out.data, text)) fail_msg("printed: %s\nexpected: %s", out.data ? out.data : "", text);
}

static void assert_ended(void) {
  turn();
  assert_int_equal(ended, 1);
  assert_int_equal(failures, 0);
}

static void a_script_reads_a_book_from_both_sides(void **state) {
  (void)state;
  run("local b <close> = kalshi.book 'A'\n"
      "print(b.ticker, b.seq, b.ts, b.stale, b.age >= 0, b.age < 60)\n"
      "print(b:best_bid()) print(b:best_ask()) print(b:best_bid 'no') print(b:best_ask 'no')\n"
      "print(b:spread(), b:mid(), b:mid 'no', b:microprice())\n"
      "print(b:imbalance(1), b:imbalance(2, 'no'), b:levels(), b:levels 'no')\n"
      "print(b:count_at(0.37), b:count_at(0.6, 'no'), b:count_at(0.1 + 0.2), b:depth(0), b:depth(0.01))\n"
      "local t = b:asks() print(#t, t[1][1], t[1][2], t[2][1], t[2][2])\n"
      "t = b:bids(1, 'no') print(#t, t[1][1], t[1][2])\n"
      "print(b:sweep('buy', 6)) print(b:sweep('sell', 30.5)) print(b:sweep('buy', 10, 'no'))\n"
      "print(b)\n");
  book_opens();
  assert_printed("A\t1\tnil\tfalse\ttrue\ttrue\n"
                 "0.38\t10.0\n0.4\t5.0\n0.6\t5.0\n0.62\t10.0\n"
                 "0.02\t0.39\t0.61\t0.39333333333333\n"
                 "0.33333333333333\t-0.6\t2\t2\n"
                 "20.0\t5.0\t0.0\t10.0\t30.0\n"
                 "2\t0.4\t5.0\t0.42\t2.5\n"
                 "1\t0.6\t5.0\n"
                 "0.40333333333333\t6.0\t0.42\n0.37333333333333\t30.0\t0.37\n0.62\t10.0\t0.62\n"
                 "book A 0.3800 x 10.00 / 0.4000 x 5.00\n");
  assert_ended();
}

static void a_book_has_a_picture(void **state) {
  (void)state;
  run("local b = kalshi.book 'A'\n"
      "print((kalshi.portrait(b):gsub('%[\"age\",{[^}]*}%]', 'AGE')))\n"
      "b:close()\n"
      "print(kalshi.portrait(b))\n");
  book_opens();
  assert_printed(
      "[{\"u\":\"kalshi.Book\",\"t\":1,\"v\":{\"t\":2,\"h\":[AGE,[\"ask_count\",{\"n\":\"7.5\"}],[\"ask_levels\",2],"
      "[\"asks\",{\"t\":3,\"a\":[{\"t\":4,\"a\":[{\"n\":\"0.4\"},{\"n\":\"5.0\"}]},"
      "{\"t\":5,\"a\":[{\"n\":\"0.42\"},{\"n\":\"2.5\"}]}]}],"
      "[\"bid_count\",{\"n\":\"30.0\"}],[\"bid_levels\",2],"
      "[\"bids\",{\"t\":6,\"a\":[{\"t\":7,\"a\":[{\"n\":\"0.38\"},{\"n\":\"10.0\"}]},"
      "{\"t\":8,\"a\":[{\"n\":\"0.37\"},{\"n\":\"20.0\"}]}]}],"
      "[\"closed\",false],[\"seq\",1],[\"stale\",false],[\"ticker\",\"A\"],[\"type\",\"book\"]]}}]\n"
      "[{\"u\":\"kalshi.Book\",\"t\":1,\"v\":{\"t\":2,\"h\":[[\"closed\",true],[\"ticker\",\"A\"],"
      "[\"type\",\"book\"]]}}]\n");
  assert_ended();
}

static void a_subscription_has_a_picture(void **state) {
  (void)state;
  run("local s = kalshi.subscribe{ channels = { 'ticker' }, market_tickers = { 'A' } }\n"
      "print(kalshi.portrait(s))\n"
      "s:close()\n"
      "print(kalshi.portrait(s))\n");
  link_opens();
  answer_subscribe("ticker", 1);
  burst_ends();
  assert_printed("[{\"u\":\"kalshi.Subscription\",\"t\":1,\"v\":{\"t\":2,\"h\":["
                 "[\"channels\",{\"t\":3,\"a\":[\"ticker\"]}],[\"closed\",false],[\"lost\",0],[\"queued\",0],"
                 "[\"ticker_count\",1],[\"tickers\",{\"t\":4,\"a\":[\"A\"]}],[\"type\",\"subscription\"]]}}]\n"
                 "[{\"u\":\"kalshi.Subscription\",\"t\":1,\"v\":{\"t\":2,\"h\":[[\"closed\",true],"
                 "[\"type\",\"subscription\"]]}}]\n");
  assert_ended();
}

static void an_empty_side_reads_as_nil(void **state) {
  (void)state;
  run("local b = kalshi.book 'A'\n"
      "print(b:best_bid()) print(b:best_ask(), b:spread(), b:mid(), b:microprice(), b:imbalance(), #b:bids())\n"
      "print(b:sweep('buy', 1))\n");
  link_opens();
  answer_subscribe("orderbook_delta", 1);
  say_snapshot(1, 1, "A", "", "");
  burst_ends();
  assert_printed("nil\nnil\tnil\tnil\tnil\t0.0\t0\nnil\t0.0\tnil\n");
  assert_ended();
}

static void bad_arguments_are_refused_in_words(void **state) {
  (void)state;
  run("local b = kalshi.book 'A'\n"
      "local function try(f, ...) local ok, e = pcall(f, ...) print(ok, e.kind, e.message) end\n"
      "try(kalshi.book) try(kalshi.book, 'a b')\n"
      "try(b.best_bid, b, 'maybe') try(b.best_bid) try(b.count_at, b, 0.00001) try(b.count_at, b, 1)\n"
      "try(b.bids, b, 0) try(b.sweep, b, 'hold', 1) try(b.sweep, b, 'buy', 0.001) try(b.wait, b, -1)\n"
      "try(b.depth, b)\n");
  book_opens();
  assert_printed(
      "false\tvalidation\tkalshi.book: the ticker must be a string, not no value\n"
      "false\tvalidation\t\"a b\" is not a market ticker: letters, digits, '.', '_' and '-', at most 63 of them\n"
      "false\tvalidation\tbook:best_bid: the side must be \"yes\" or \"no\", not maybe\n"
      "false\tvalidation\tbook:best_bid: call it with a colon, on a book\n"
      "false\tvalidation\tbook:count_at: price 1e-05 is not a multiple of 0.0001 dollar\n"
      "false\tvalidation\tbook:count_at: price 1 is not between 0.0001 and 0.9999 dollar\n"
      "false\tvalidation\tbook:bids: the number of levels must be a whole number of 1 or more, not 0\n"
      "false\tvalidation\tbook:sweep: say \"buy\" or \"sell\" first, then the count\n"
      "false\tvalidation\tbook:sweep: count 0.001 is not a positive multiple of 0.01 contract\n"
      "false\tvalidation\tbook:wait: the timeout must be 0 to 1,000,000 seconds, not -1\n"
      "false\tvalidation\tbook:depth: the distance must be a number, not no value\n");
  assert_ended();
}

static void a_refused_market_raises_where_the_script_waits(void **state) {
  (void)state;
  run("local ok, e = pcall(kalshi.book, 'NOSUCH') print(ok, e.kind, e.status, e.message)\n"
      "ok, e = pcall(kalshi.book, 'NOSUCH') print(ok, e.kind)\n");
  link_opens();
  say("{\"type\":\"error\",\"id\":%lld,\"msg\":{\"code\":16,\"msg\":\"Market not "
      "found\",\"market_ticker\":\"NOSUCH\"}}",
      sent_id(0, "NOSUCH"));
  burst_ends();
  assert_printed("false\tvalidation\t16\tno such market: the exchange refused NOSUCH on orderbook_delta: Market not "
                 "found (code 16)\n");
  say("{\"type\":\"error\",\"id\":%lld,\"msg\":{\"code\":8,\"msg\":\"Unknown channel name\"}}", sent_id(1, "NOSUCH"));
  burst_ends();
  assert_printed("false\tws\n");
  assert_ended();
}

static void wait_wakes_once_for_many_changes(void **state) {
  (void)state;
  run("local b = kalshi.book 'A'\n"
      "print('open') print(b:wait(), b.seq) print(b:wait(60), b.seq) print(b:wait(0.01)) print(b:wait(0))\n");
  book_opens();
  assert_printed("open\n");
  for (int i = 0; i < 5; i++)
    say_delta(1, 2 + i, "A", "0.3800", "1.00", "yes");
  burst_ends();
  assert_printed("true\t6\n");
  say_delta(1, 7, "A", "0.3800", "1.00", "yes");
  burst_ends();
  wait_printed("true\t7\nfalse\nfalse\n");
  assert_ended();
}

static void changes_give_the_latest_state_and_end_with_the_book(void **state) {
  (void)state;
  run("local b = kalshi.book 'A'\n"
      "for x in b:changes() do print(x == b, x.seq, x:best_bid()) if x.seq == 5 then b:close() end end\n"
      "print('over', b)\n"
      "for _, f in ipairs{b.best_bid, b.wait, b.changes, b.deltas, b.bids} do\n"
      "  local ok, e = pcall(f, b) print(ok, e.kind) end\n"
      "print(select(2, pcall(function() return b.stale end)).message)\n"
      "b:close()\n");
  book_opens();
  assert_printed("true\t1\t0.38\t10.0\n");
  say_delta(1, 2, "A", "0.3800", "1.00", "yes");
  say_delta(1, 3, "A", "0.3800", "1.00", "yes");
  burst_ends();
  assert_printed("true\t3\t0.38\t12.0\n");
  say_delta(1, 4, "A", "0.3900", "1.00", "yes");
  say_delta(1, 5, "A", "0.3900", "1.00", "yes");
  burst_ends();
  assert_printed(
      "true\t5\t0.39\t2.0\nover\tbook A (closed)\nfalse\tclosed\nfalse\tclosed\nfalse\tclosed\nfalse\tclosed\n"
      "false\tclosed\nbook.stale: this book is closed\n");
  assert_ended();
  assert_non_null(strstr(peer.sent[peer.n_sent - 1], "unsubscribe"));
}

static void deltas_come_in_order_through_one_table(void **state) {
  (void)state;
  run("local b = kalshi.book 'A' print 'open'\n"
      "local first\n"
      "for d in b:deltas() do\n"
      "  first = first or d print(d == first, d.price, d.delta, d.side, d.seq, d.ts, d.bid, d.ask)\n"
      "  if d.seq == 4 then break end end\n"
      "print 'over'\n");
  book_opens();
  assert_printed("open\n");
  say_delta(1, 2, "A", "0.3800", "-1.50", "yes");
  say_delta(1, 3, "A", "0.3900", "2.00", "no");
  burst_ends();
  assert_printed("true\t0.38\t-1.5\tyes\t2\t1789482601.25\t0.38\t0.4\n"
                 "true\t0.61\t2.0\tno\t3\t1789482601.25\t0.38\t0.39\n");
  say_delta(1, 4, "A", "0.3900", "1.00", "no");
  say_delta(1, 5, "A", "0.3900", "1.00", "no");
  burst_ends();
  assert_printed("true\t0.61\t1.0\tno\t4\t1789482601.25\t0.38\t0.39\nover\n");
  assert_ended();
}

static void lost_deltas_are_an_error_after_those_that_were_kept(void **state) {
  (void)state;
  run("local b = kalshi.book 'A'\n"
      "local next, it = b:deltas()\n"
      "print(b:wait())\n"
      "local n = 0\n"
      "local ok, e = pcall(function() while true do next(it) n = n + 1 end end)\n"
      "print(n, ok, e.kind, e.message:match '%d+ lost')\n"
      "print(next(it).seq)\n"
      "b:close() print(next(it))\n");
  book_opens();
  for (int i = 0; i < 4096 + 7; i++)
    say_delta(1, 2 + i, "A", "0.3800", "1.00", "yes");
  burst_ends();
  assert_printed("true\n4096\tfalse\toverflow\t7 lost\n");
  say_delta(1, 2 + 4096 + 7, "A", "0.3800", "1.00", "yes");
  burst_ends();
  assert_printed("4105\nnil\n");
  assert_ended();
}

static void deltas_stay_right_over_a_gap(void **state) {
  (void)state;
  run("local b = kalshi.book 'A' local sum = b:count_at(0.38)\n"
      "for d in b:deltas() do\n"
      "  if d.price == 0.38 and d.side == 'yes' then sum = sum + d.delta end\n"
      "  if d.seq == 6 then break end end\n"
      "print(sum, b:count_at(0.38), b.stale)\n");
  book_opens();
  say_delta(1, 2, "A", "0.3800", "1.00", "yes");
  say_delta(1, 4, "A", "0.3800", "1.00", "yes");
  burst_ends();
  say_snapshot(1, 5, "A", "[\"0.3800\",\"44.00\"]", "[\"0.4000\",\"5.00\"]");
  say_delta(1, 6, "A", "0.3800", "1.00", "yes");
  burst_ends();
  assert_printed("45.0\t45.0\tfalse\n");
  assert_ended();
}

static void each_delta_shows_the_touch_that_it_led_to(void **state) {
  (void)state;
  run("local b = kalshi.book 'A' print 'open'\n"
      "for d in b:deltas() do print(d.side, d.price, d.delta, d.bid, d.ask, d.seq)\n"
      "  if d.seq == 8 then break end end\n");
  book_opens();
  assert_printed("open\n");
  say_delta(1, 2, "A", "0.3900", "4.00", "yes"); /* all in one burst: the book itself is at the last of them */
  say_delta(1, 3, "A", "0.3900", "-4.00", "yes");
  say_delta(1, 4, "A", "0.4000", "-5.00", "no");
  say_delta(1, 5, "A", "0.4200", "-2.50", "no");
  say_delta(1, 6, "A", "0.4100", "1.00", "no");
  burst_ends();
  assert_printed("yes\t0.39\t4.0\t0.39\t0.4\t2\nyes\t0.39\t-4.0\t0.38\t0.4\t3\nno\t0.6\t-5.0\t0.38\t0.42\t4\n"
                 "no\t0.58\t-2.5\t0.38\tnil\t5\nno\t0.59\t1.0\t0.38\t0.41\t6\n");
  /* A snapshot comes as the deltas to it, each with the touch of the new book. */
  say_delta(1, 7, "A", "0.3800", "0.00", "yes");
  say_snapshot(1, 8, "A", "[\"0.3700\",\"20.00\"]", "[\"0.3900\",\"5.00\"]");
  burst_ends();
  assert_printed("yes\t0.38\t0.0\t0.38\t0.41\t7\nyes\t0.38\t-10.0\t0.37\t0.39\t8\n");
  assert_ended();
}

static void a_function_is_called_for_every_delta(void **state) {
  (void)state;
  run("local b = kalshi.book 'A'\n"
      "local t t = b:on_delta(function(...) print(...) if select(6, ...) == 5 then b:close() end end)\n"
      "print(t:status()) print(select('#', t:await()), t:status())\n");
  book_opens();
  assert_printed("waiting\n");
  say_delta(1, 2, "A", "0.3800", "-1.50", "yes");
  say_delta(1, 3, "A", "0.4000", "-5.00", "no");
  burst_ends();
  assert_printed("0.38\t-1.5\tyes\t0.38\t0.4\t2\t1789482601.25\n0.6\t-5.0\tno\t0.38\t0.42\t3\t1789482601.25\n");
  say_delta(1, 4, "A", "0.4200", "-2.50", "no");
  say_delta(1, 5, "A", "0.3900", "1.00", "yes");
  say_delta(1, 6, "A", "0.3900", "1.00", "yes"); /* closed by then: not handed over */
  burst_ends();
  assert_printed("0.58\t-2.5\tno\t0.38\tnil\t4\t1789482601.25\n0.39\t1.0\tyes\t0.39\tnil\t5\t1789482601.25\n"
                 "0\tdone\n");
  assert_ended();
}

static void a_function_may_wait_and_loses_nothing_meanwhile(void **state) {
  (void)state;
  run("local b = kalshi.book 'A'\n"
      "b:on_delta(function(_, delta, _, _, _, seq) print('begin', seq, delta) b:wait(60) print('end', seq)\n"
      "  if seq == 3 then b:close() end end)\n");
  book_opens();
  say_delta(1, 2, "A", "0.3800", "1.00", "yes");
  burst_ends();
  assert_printed("begin\t2\t1.0\nend\t2\n"); /* the change was not seen yet */
  say_delta(1, 3, "A", "0.3800", "2.00", "yes");
  say_delta(1, 4, "A", "0.3800", "3.00", "yes");
  burst_ends();
  assert_printed("begin\t3\t2.0\nend\t3\n");
  assert_ended();
}

static void an_error_ends_the_calls_and_not_the_book(void **state) {
  (void)state;
  run("local b = kalshi.book 'A' local seen = {}\n"
      "local t = b:on_delta(function(price) seen[#seen + 1] = price error{kind = 'mine'} end)\n"
      "b:wait() b:wait()\n"
      "local ok, e = pcall(t.await, t) print(ok, e.kind, t:status(), #seen, b.seq, (b:best_bid()))\n");
  book_opens();
  say_delta(1, 2, "A", "0.3800", "1.00", "yes");
  say_delta(1, 3, "A", "0.3800", "1.00", "yes");
  burst_ends();
  say_delta(1, 4, "A", "0.3900", "1.00", "yes");
  burst_ends();
  assert_printed("false\tmine\tfailed\t1\t4\t0.39\n");
  assert_ended();
}

static void calls_that_fall_behind_end_with_an_error(void **state) {
  (void)state;
  run("local task = require 'task' local b = kalshi.book 'A' local n = 0 local gate = task.channel()\n"
      "local t = b:on_delta(function() n = n + 1 if n == 1 then gate:recv() end end)\n"
      "b:wait() task.yield() task.yield() print(n) b:wait() gate:send(true)\n"
      "local ok, e = pcall(t.await, t) print(n, ok, e.kind, e.message)\n");
  book_opens();
  say_delta(1, 2, "A", "0.3800", "1.00", "yes");
  burst_ends();
  assert_printed("1\n");
  for (int i = 0; i < 4096 + 7; i++)
    say_delta(1, 3 + i, "A", "0.3800", "1.00", "yes");
  burst_ends();
  turn();
  assert_printed(
      "4097\tfalse\toverflow\tdeltas of A: 7 lost, the function was more than 4096 behind; do less in it, or "
      "use book:changes()\n");
  assert_ended();
}

static void a_whole_queue_goes_to_functions_of_any_shape(void **state) {
  (void)state;
  run("local b = kalshi.book 'A' local one, seven, any, c = 0, 0, 0, 0\n"
      "b:on_delta(function(price) one = one + price end)\n"
      "b:on_delta(function(a, b, c, d, e, f, g) seven = seven + f assert(g == 1789482601.25) end)\n"
      "b:on_delta(function(...) any = any + select('#', ...) end)\n"
      "c = b:on_delta(type)\n"
      "repeat b:wait() until b.seq == 4097 require('task').sleep(0.01)\n"
      "print(string.format('%.2f', one), seven, any, c:status()) b:close()\n");
  book_opens();
  for (int i = 0; i < 4096; i++)
    say_delta(1, 2 + i, "A", "0.3800", "1.00", "yes");
  burst_ends();
  wait_printed("\n");
  assert_printed("1556.48\t8394752\t28672\twaiting\n");
  assert_ended();
}

static void calls_can_be_cancelled_from_outside_and_inside(void **state) {
  (void)state;
  run("local b = kalshi.book 'A' local n, inside = 0\n"
      "local before = b:on_delta(function() n = n + 100 end) before:cancel()\n"
      "local outside = b:on_delta(function() n = n + 1 end)\n"
      "inside = b:on_delta(function() n = n + 10 inside:cancel() end)\n"
      "b:wait() require('task').yield() print(n) outside:cancel() b:wait() print(n)\n"
      "print(before:status(), outside:status(), inside:status())\n");
  book_opens();
  say_delta(1, 2, "A", "0.3800", "1.00", "yes");
  say_delta(1, 3, "A", "0.3800", "1.00", "yes");
  burst_ends();
  assert_printed("12\n");
  say_delta(1, 4, "A", "0.3800", "1.00", "yes");
  burst_ends();
  assert_printed("12\ncancelled\tcancelled\tcancelled\n");
  assert_ended();
}

static void each_reader_of_a_book_has_all_of_it(void **state) {
  (void)state;
  run("local task = require 'task' local b = kalshi.book 'A' local text = {'', '', ''}\n"
      "local function loop(i) for d in b:deltas() do text[i] = text[i] .. ' ' .. d.seq .. d.bid\n"
      "  if i == 1 and d.seq == 3 then break end end end\n"
      "local one, two = task.spawn(loop, 1), task.spawn(loop, 2)\n"
      "b:on_delta(function(_, _, _, bid, _, seq) text[3] = text[3] .. ' ' .. seq .. bid end)\n"
      "b:wait() b:wait() task.yield() task.yield() b:close() one:await() two:await() for i = 1, 3 do print(text[i]) "
      "end\n");
  book_opens();
  say_delta(1, 2, "A", "0.3900", "1.00", "yes");
  say_delta(1, 3, "A", "0.3900", "-1.00", "yes");
  say_delta(1, 4, "A", "0.3900", "1.00", "yes");
  burst_ends();
  say_delta(1, 5, "A", "0.3900", "1.00", "yes");
  burst_ends();
  assert_printed(" 20.39 30.38\n 20.39 30.38 40.39 50.39\n 20.39 30.38 40.39 50.39\n");
  assert_ended();
}

static void a_function_that_is_none_is_refused(void **state) {
  (void)state;
  run("local b = kalshi.book 'A'\n"
      "local function try(f, ...) local ok, e = pcall(f, ...) print(ok, e.kind, e.message) end\n"
      "try(b.on_delta, b) try(b.on_delta, b, {}) try(b.on_delta, print) b:close() try(b.on_delta, b, print)\n");
  book_opens();
  assert_printed("false\tvalidation\tbook:on_delta: give it a function to call, not no value\n"
                 "false\tvalidation\tbook:on_delta: give it a function to call, not table\n"
                 "false\tvalidation\tbook:on_delta: call it with a colon, on a book\n"
                 "false\tclosed\tbook:on_delta: this book is closed\n");
  assert_ended();
}

static void a_loop_over_an_anonymous_book_keeps_it(void **state) {
  (void)state;
  run("for d in kalshi.book('A'):deltas() do\n"
      "  local garbage for i = 1, 20000 do garbage = {i, {i}} end\n"
      "  print(d.seq) if d.seq == 3 then break end end\n");
  book_opens();
  say_delta(1, 2, "A", "0.3800", "1.00", "yes");
  burst_ends();
  say_delta(1, 3, "A", "0.3800", "1.00", "yes");
  burst_ends();
  assert_printed("2\n3\n");
  assert_ended();
}

static void books_of_a_script_close_with_it(void **state) {
  (void)state;
  run("local b = kalshi.book 'A'\nlocal c = kalshi.book 'A'\nb:wait()\n");
  book_opens();
  forget_sent();
  say_delta(1, 2, "A", "0.3800", "1.00", "yes");
  burst_ends();
  assert_ended();
  assert_int_equal(peer.n_sent, 1);
  sent_id(0, "unsubscribe");
}

static void a_script_can_be_stopped_while_its_book_opens(void **state) {
  (void)state;
  run("local ok, e = pcall(kalshi.book, 'A') print(ok, e.kind) error(e)\n");
  link_opens();
  kl_script_stop(script, KL_STOP_EXIT, false);
  for (int i = 0; i < 100 && !ended; i++)
    uv_run(&loop, UV_RUN_NOWAIT);
  assert_int_equal(ended, 1);
  kl_feed_status s;
  kl_feed_status_get(kl_session_feed(session), &s);
  assert_int_equal(s.books, 0);
}

/* ---- streams ---- */

static void messages_are_flat_tables_with_all_their_fields(void **state) {
  (void)state;
  run("local sub = kalshi.subscribe{channels = {'trade'}, market_tickers = {'A'}}\n"
      "print(sub)\n"
      "for m in sub:messages() do\n"
      "  local keys = {} for k in pairs(m) do keys[#keys + 1] = k end table.sort(keys)\n"
      "  print(m.type, m.sid, m.seq, m.market_ticker, m.yes_price_dollars, m.count_fp, m.is_block_trade, m.ts_ms)\n"
      "  print(table.concat(keys, ' '))\n"
      "  if m.seq == 2 then sub:close() end end\n"
      "print('over', sub)\n");
  link_opens();
  assert_printed("");
  answer_subscribe("trade", 2);
  burst_ends();
  assert_printed("subscription\n");
  say_trade(2, 1, "A");
  say_trade(2, 2, "A");
  say_trade(2, 3, "A");
  burst_ends();
  const char *keys =
      "count_fp is_block_trade market_ticker no_price_dollars seq sid taker_book_side taker_outcome_side "
      "taker_side trade_id ts ts_ms type yes_price_dollars\n";
  char text[1024];
  snprintf(text, sizeof text,
           "trade\t2\t1\tA\t0.4\t12.25\tfalse\t1789482600402\n%strade\t2\t2\tA\t0.4\t12.25\tfalse\t1789482600402\n%s",
           keys, keys);
  assert_non_null(out.data);
  assert_true(strncmp(out.data, text, strlen(text)) == 0);
  assert_non_null(strstr(out.data, "over\tsubscription (closed)\n"));
  assert_ended();
}

static void raw_books_come_beside_the_book(void **state) {
  (void)state;
  run("local b = kalshi.book 'A'\n"
      "local sub <close> = kalshi.subscribe{channels = {'orderbook_delta'}, market_ticker = 'A'}\n"
      "for m in sub:messages() do\n"
      "  print(m.type, m.seq, m.price_dollars, m.delta_fp, m.yes_dollars_fp and m.yes_dollars_fp[1][2], b:best_bid())\n"
      "  if m.type == 'orderbook_delta' then break end end\n");
  book_opens();
  say_snapshot(1, 2, "A", "[\"0.3800\",\"11.00\"]", "");
  say_delta(1, 3, "A", "0.3800", "1.00", "yes");
  burst_ends();
  assert_printed("orderbook_snapshot\t2\tnil\tnil\t11.0\t0.38\t12.0\norderbook_delta\t3\t0.38\t1.0\tnil\t0.38\t12.0\n");
  assert_ended();
}

static void markets_are_added_and_removed(void **state) {
  (void)state;
  run("local sub = kalshi.subscribe{channels = {'trade'}, market_tickers = {'A'}}\n"
      "sub:add{'B', 'C'} print 'added' sub:remove{'A'}\n"
      "print(pcall(sub.remove, sub, {'B', 'C'}))\n"
      "print(select(2, pcall(sub.add, sub, {'x y'})).kind)\n");
  link_opens();
  answer_subscribe("trade", 2);
  burst_ends();
  assert_printed("");
  say("{\"type\":\"ok\",\"id\":%lld,\"sid\":2,\"seq\":1}",
      sent_id(1, "\"action\":\"add_markets\",\"market_tickers\":[\"B\",\"C\"]"));
  burst_ends();
  assert_non_null(out.data);
  assert_true(strncmp(out.data, "added\nfalse\tvalidation: that would leave", 38) == 0);
  turn();
  assert_ended();
}

static void lost_messages_are_an_error_after_those_that_were_kept(void **state) {
  (void)state;
  run("local sub = kalshi.subscribe{channels = {'trade'}}\n"
      "local next, s = sub:messages()\n"
      "local n, last = 0\n"
      "local ok, e = pcall(function() while true do last = next(s).seq n = n + 1 end end)\n"
      "print(n, last, ok, e.kind, e.message:match '^%d+') print(next(s).seq)\n");
  link_opens();
  answer_subscribe("trade", 2);
  burst_ends();
  for (int i = 1; i <= 10003; i++)
    say_trade(2, i, "A");
  burst_ends();
  assert_printed("10000\t10000\tfalse\toverflow\t3\n");
  say_trade(2, 10004, "A");
  burst_ends();
  assert_printed("10004\n");
  assert_ended();
}

static void a_queue_that_is_read_and_filled_keeps_its_order(void **state) {
  (void)state;
  run("local sub = kalshi.subscribe{channels = {'trade'}}\n"
      "local expected = 1\n"
      "for m in sub:messages() do\n"
      "  assert(m.seq == expected and m.type == 'trade') expected = expected + 1\n"
      "  if expected > 3000 then break end end\n"
      "print(expected)\n");
  link_opens();
  answer_subscribe("trade", 2);
  burst_ends();
  int seq = 1;
  for (int burst = 1; seq <= 3000; burst = burst * 3 % 101 + 1) {
    for (int i = 0; i < burst && seq <= 3000; i++)
      say_trade(2, seq++, "A");
    burst_ends();
  }
  assert_printed("3001\n");
  assert_ended();
}

static void bad_subscriptions_are_refused_in_words(void **state) {
  (void)state;
  run("local function try(o) local ok, e = pcall(kalshi.subscribe, o) print(ok, e.kind, e.message) end\n"
      "try() try{channels = {'tickr'}} try{channels = {}} try{channels = 'trade'} try{channels = {1}}\n"
      "try{channel = {'trade'}} try{channels = {'trade'}, market_tickers = {}} try{channels = {'orderbook_delta'}}\n"
      "try{channels = {'trade'}, market_ticker = 'A', market_tickers = {'B'}}\n"
      "try{channels = {'pyth_value'}, market_ticker = 'A'}\n"
      "try{channels = {'fill'}}\n");
  link_opens();
  assert_printed(
      "false\tvalidation\tkalshi.subscribe takes one table: {channels = {\"trade\"}, market_tickers = {…}}\n"
      "false\tvalidation\tkalshi.subscribe: there is no channel \"tickr\"; did you mean \"ticker\"?\n"
      "false\tvalidation\tkalshi.subscribe: channels is empty\n"
      "false\tvalidation\tkalshi.subscribe: channels must be a list of strings, not string\n"
      "false\tvalidation\tkalshi.subscribe: channels[1] must be a string, not number\n"
      "false\tvalidation\tkalshi.subscribe: there is no option channel; did you mean \"channels\"?\n"
      "false\tvalidation\tkalshi.subscribe: market_tickers is empty; leave it out for all markets\n"
      "false\tvalidation\tchannel orderbook_delta needs market_tickers: it has no subscription to all markets\n"
      "false\tvalidation\tkalshi.subscribe: market_tickers or market_ticker, not both\n"
      "false\tvalidation\tchannel pyth_value is chosen by underlying_tickers, not by market_tickers: subscribe to it "
      "apart\n");
  say("{\"type\":\"error\",\"id\":%lld,\"msg\":{\"code\":9,\"msg\":\"Authentication required\"}}", sent_id(0, "fill"));
  burst_ends();
  assert_printed("false\tauth\tthe exchange refused fill: Authentication required (code 9); check the key, and that "
                 "it belongs to this environment\n");
  assert_ended();
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
  const struct CMUnitTest tests[] = {
      T(a_script_reads_a_book_from_both_sides),
      T(a_book_has_a_picture),
      T(a_subscription_has_a_picture),
      T(an_empty_side_reads_as_nil),
      T(bad_arguments_are_refused_in_words),
      T(a_refused_market_raises_where_the_script_waits),
      T(wait_wakes_once_for_many_changes),
      T(changes_give_the_latest_state_and_end_with_the_book),
      T(deltas_come_in_order_through_one_table),
      T(lost_deltas_are_an_error_after_those_that_were_kept),
      T(deltas_stay_right_over_a_gap),
      T(each_delta_shows_the_touch_that_it_led_to),
      T(a_function_is_called_for_every_delta),
      T(a_function_may_wait_and_loses_nothing_meanwhile),
      T(an_error_ends_the_calls_and_not_the_book),
      T(calls_that_fall_behind_end_with_an_error),
      T(a_whole_queue_goes_to_functions_of_any_shape),
      T(calls_can_be_cancelled_from_outside_and_inside),
      T(each_reader_of_a_book_has_all_of_it),
      T(a_function_that_is_none_is_refused),
      T(a_loop_over_an_anonymous_book_keeps_it),
      T(books_of_a_script_close_with_it),
      T(a_script_can_be_stopped_while_its_book_opens),
      T(messages_are_flat_tables_with_all_their_fields),
      T(raw_books_come_beside_the_book),
      T(markets_are_added_and_removed),
      T(lost_messages_are_an_error_after_those_that_were_kept),
      T(a_queue_that_is_read_and_filled_keeps_its_order),
      T(bad_subscriptions_are_refused_in_words),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
