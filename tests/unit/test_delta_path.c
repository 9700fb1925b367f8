/* The way of a delta from the socket into Lua: nothing on it allocates once it is warm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "allocations.h"
#include "base/log.h"
#include "bindings/bindings.h"
#include "bindings/rest.h"
#include "script/script.h"

/* ---- a server that is moved by hand and allocates nothing ---- */

static uv_loop_t loop;
static int listener, peer;

static int listen_on(void) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t n = sizeof a;
  listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(listener >= 0);
  assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof a), 0);
  assert_int_equal(listen(listener, 4), 0);
  assert_int_equal(fcntl(listener, F_SETFL, O_NONBLOCK), 0);
  assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &n), 0);
  return ntohs(a.sin_port);
}

/* Turns the loop until the peer has read something that has this in it; returns it. */
static const char *hear(const char *part) {
  static char text[8192];
  size_t have = 0;
  for (int i = 0; i < 2000; i++) {
    uv_run(&loop, UV_RUN_NOWAIT);
    if (peer < 0) peer = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    ssize_t n = peer < 0 ? -1 : recv(peer, text + have, sizeof text - 1 - have, 0);
    if (n > 0) have += (size_t)n;
    text[have] = 0;
    if (have && memmem(text, have, part, strlen(part))) return text;
    if (n <= 0) uv_sleep(5);
  }
  fail_msg("nothing came that has this: %s", part);
  return NULL;
}

static void say(const char *p, size_t n) { assert_int_equal(send(peer, p, n, 0), (ssize_t)n); }

static void upgrade(void) {
  const char *at = strstr(hear("\r\n\r\n"), "Sec-WebSocket-Key: ");
  char text[128], answer[256];
  unsigned char digest[20], accept[32];
  assert_non_null(at);
  snprintf(text, sizeof text, "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", at + 19);
  assert_int_equal(EVP_Digest(text, strlen(text), digest, NULL, EVP_sha1(), NULL), 1);
  EVP_EncodeBlock(accept, digest, 20);
  int n = snprintf(answer, sizeof answer,
                   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   "Sec-WebSocket-Accept: %s\r\n\r\n",
                   accept);
  say(answer, (size_t)n);
}

/* Appends a text frame to out; returns its length. */
static size_t frame(char *out, const char *text) {
  size_t n = strlen(text), head = n < 126 ? 2 : 4;
  out[0] = (char)0x81;
  out[1] = (char)(n < 126 ? n : 126);
  if (n >= 126) {
    out[2] = (char)(n >> 8);
    out[3] = (char)n;
  }
  memcpy(out + head, text, n);
  return head + n;
}

static void say_frame(const char *text) {
  char out[1024];
  say(out, frame(out, text));
}

enum { BURST = 40 };

/* Deltas that leave the book as it was, of prices near and far, both sides, and with the touch moving. */
static void say_burst(int64_t *seq) {
  static const char *const prices[] = {"0.3900", "0.3800", "0.0100", "0.4000"};
  char out[BURST * 400], text[400];
  size_t n = 0;
  for (int i = 0; i < BURST; i++) {
    int k = i / 2 % 4;
    ++*seq;
    snprintf(text, sizeof text,
             "{\"type\":\"orderbook_delta\",\"sid\":1,\"seq\":%lld,\"msg\":{\"market_ticker\":\"A\",\"market_id\":"
             "\"30ebe0c2-d075-4992-9896-9ab2e8d35072\",\"price_dollars\":\"%s\",\"delta_fp\":\"%s\",\"side\":\"%s\","
             "\"ts\":\"2026-09-15T14:30:01.25Z\",\"ts_ms\":%lld}}",
             (long long)*seq, prices[k], i % 2 ? "-1.00" : "1.00", k == 3 ? "no" : "yes",
             1789482601250LL + (long long)*seq);
    n += frame(out + n, text);
  }
  say(out, n);
}

/* ---- a script ---- */

static kl_buf out;

static void on_print(void *data, kl_script *s, const char *text, size_t n) {
  (void)data;
  (void)s;
  kl_buf_add(&out, text, n);
}

static int open_kalshi(lua_State *L) {
  static const luaL_Reg functions[] = {{"book", kl_book_open_lua}, {NULL, NULL}};
  kl_book_register(L);
  luaL_newlibtable(L, functions);
  lua_pushlightuserdata(L, &kl_environment_of(L)->place); /* as functions of kalshi have it */
  luaL_setfuncs(L, functions, 1);
  return 1;
}

static void on_closed(void *data) { *(bool *)data = true; }

static void nothing_allocates_once_warm(void **state) {
  (void)state;
  static const luaL_Reg modules[] = {{"kalshi", open_kalshi}, {"task", luaopen_kl_task}, {NULL, NULL}};
  kl_error e;
  kl_key *key = NULL;
  kl_script *script;
  bool closed = false;
  char url[64];
  count_allocations();
  kl_log_set_level(KL_LOG_ERROR);
  uv_loop_init(&loop);
  peer = -1;
  snprintf(url, sizeof url, "ws://127.0.0.1:%d/trade-api/ws/v2", listen_on());
  assert_true(kl_key_generate(0, &key, &e));
  kl_session *session = kl_session_new(&loop,
                                       &(kl_session_options){.env = "sim",
                                                             .rest_url = "http://127.0.0.1:9/trade-api/v2",
                                                             .ws_url = url,
                                                             .key_id = "0f1e2d3c",
                                                             .key = key,
                                                             .clock = kl_clock_real(),
                                                             .user_agent = "test"},
                                       &e);
  kl_key_release(key);
  assert_non_null(session);
  kl_environment environment = {.place = {.session = session, .env = "sim"}, .version = "0"};
  kl_host *host = kl_host_new(
      &loop,
      &(kl_host_options){
          .clock = kl_clock_real(), .data = &environment, .modules = modules, .grace_ms = 50, .print = on_print});
  assert_non_null(host);
  const char *source =
      "local task, book = require 'task', require 'kalshi'.book 'A'\n"
      "local calls, turns, states, sum = 0, 0, 0, 0\n"
      "book:on_delta(function(price, delta, side, bid, ask, seq, ts)\n"
      "  calls = calls + 1 sum = sum + delta + bid + ask + seq + ts + #side end)\n"
      "task.spawn(function() for d in book:deltas() do\n"
      "  turns = turns + 1 sum = sum + d.delta + d.bid + d.ask + d.seq + d.ts + #d.side end end)\n"
      "task.spawn(function() for b in book:changes() do states = states + 1 sum = sum + b:mid() end end)\n"
      "print 'open'\n"
      "repeat book:wait() until book.seq >= 12001\n"
      "repeat task.yield() until calls == 12000 and turns == 12000\n"
      "print(calls, turns, states > 10) book:close()";
  if (!kl_script_start(host, &(kl_script_options){.source = source, .name = "test", .env = "sim"}, &script, &e))
    fail_msg("%s", e.message);
  upgrade();
  hear(""); /* the subscription, masked */
  say_frame("{\"id\":1,\"type\":\"subscribed\",\"msg\":{\"channel\":\"orderbook_delta\",\"sid\":1}}");
  say_frame(
      "{\"type\":\"orderbook_snapshot\",\"sid\":1,\"seq\":1,\"msg\":{\"market_ticker\":\"A\",\"market_id\":"
      "\"30ebe0c2-d075-4992-9896-9ab2e8d35072\",\"yes_dollars_fp\":[[\"0.3700\",\"20.00\"],[\"0.3800\",\"10.00\"]],"
      "\"no_dollars_fp\":[[\"0.4100\",\"5.00\"]]}}");
  for (int i = 0; i < 2000 && !out.len; i++) {
    uv_run(&loop, UV_RUN_NOWAIT);
    uv_sleep(1);
  }
  assert_string_equal(out.data ? out.data : "", "open");
  kl_buf_clear(&out);
  for (int i = 0; i < 10; i++)
    uv_run(&loop, UV_RUN_NOWAIT); /* the tasks that it started wait by now */
  int64_t seq = 1;
  uint64_t before = 0;
  for (int i = 0; i < 300; i++) {
    if (i == 100) before = allocations;
    if (i == 299) assert_int_equal(allocations - before, 0);
    say_burst(&seq);
    for (int k = 0; k < 3; k++)
      uv_run(&loop, UV_RUN_NOWAIT);
  }
  for (int i = 0; i < 400 && kl_host_running(host); i++) {
    uv_run(&loop, UV_RUN_NOWAIT);
    uv_sleep(5);
  }
  assert_string_equal(out.data ? out.data : "", "12000\t12000\ttrue");
  kl_session_close(session, on_closed, &closed);
  kl_host_close(host);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_true(closed);
  close(peer);
  close(listener);
  kl_buf_free(&out);
  assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_allocates_once_warm)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
