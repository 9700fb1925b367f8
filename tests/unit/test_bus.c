/* The bus between scripts, and what a reload of a listener or a sender does to its messages: nothing. */
#include "script_world.h"

#include "script/strategy.h"

typedef struct {
  world w;
  kl_strategy *g;
  char path[64];
  char outcome[1024]; /* of the last reload */
} bed;

static void open_bed(bed *b) {
  memset(b, 0, sizeof *b);
  world_open(&b->w, 200);
  snprintf(b->path, sizeof b->path, "/tmp/kalua-bus-%d.lua", (int)getpid());
}

static void close_bed(bed *b) {
  world_run(&b->w);
  world_close(&b->w);
  unlink(b->path);
}

static kl_script *start(bed *b, const char *name, const char *source) {
  kl_script_options o = {.source = source, .name = name, .env = "sim", .cpu_ms = 60000};
  kl_script *s = NULL;
  kl_error e = {0};
  if (!kl_script_start(b->w.host, &o, &s, &e)) fail_msg("%s", e.message);
  return s;
}

static void write_script(const bed *b, const char *text) {
  FILE *f = fopen(b->path, "we");
  assert_non_null(f);
  fputs(text, f);
  fclose(f);
}

/* The strategy, from a file that is reloaded. */
static void start_strategy(bed *b, const char *text) {
  kl_strategy_options o = {.probation_ms = 1000000,
                           .script = {.path = b->path, .name = "strategy", .env = "sim", .cpu_ms = 60000}};
  kl_error e = {0};
  write_script(b, text);
  if (!kl_strategy_start(b->w.host, &o, &b->g, &e)) fail_msg("%s", e.message);
}

static void run_until(bed *b, const char *text) {
  for (int i = 0; i < 200000 && !strstr(world_out(&b->w), text); i++)
    uv_run(&b->w.loop, UV_RUN_ONCE);
  assert_contains(world_out(&b->w), text);
}

static void reloaded(void *data, kl_strategy *g, const kl_error *e) {
  bed *b = data;
  (void)g;
  snprintf(b->outcome, sizeof b->outcome, "%s", e ? e->message : "ok");
}

static const char *reload(bed *b, const char *text) {
  kl_error e = {0};
  write_script(b, text);
  b->outcome[0] = 0;
  if (!kl_strategy_reload(b->g, reloaded, b, &e)) fail_msg("%s", e.message);
  for (int i = 0; i < 100000 && !b->outcome[0]; i++)
    uv_run(&b->w.loop, UV_RUN_ONCE);
  return b->outcome;
}

static const char *last_line(const bed *b) {
  const char *all = world_out(&b->w), *end = all + b->w.out.len - 1;
  while (end > all && end[-1] != '\n')
    end--;
  return end;
}

/* ---- */

static void scripts_hear_each_other(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  start(&b, "listener",
        "local bus = require 'bus'\n"
        "for value, from in bus.listen('fills'):messages() do\n"
        "  print(from, value.ticker, value.count, math.type(value.count), value.self == value)\n"
        "  if value.last then break end\n"
        "end\n");
  start(&b, "sender",
        "local bus, task = require 'bus', require 'task'\n"
        "task.yield()\n"
        "local v = { ticker = 'KXA', count = 3 } v.self = v\n"
        "print(bus.send('fills', v))\n"
        "v.count, v.last = 2.5, true\n"
        "bus.send('fills', v)\n");
  world_run(&b.w);
  assert_int_equal(b.w.failed, 0);
  assert_contains(world_out(&b.w), "1\n");
  assert_contains(world_out(&b.w), "sender\tKXA\t3\tinteger\ttrue\nsender\tKXA\t2.5\tfloat\ttrue\n");
  close_bed(&b);
}

/* Two senders: each listener sees the same order. */
static void all_listeners_see_one_order(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  static const char listener[] = "local bus = require 'bus'\n"
                                 "local seen, n = {}, 0\n"
                                 "for value, from in bus.listen('c'):messages() do\n"
                                 "  n = n + 1; seen[n] = from .. value\n"
                                 "  if n == 200 then break end\n"
                                 "end\n"
                                 "print(table.concat(seen, ' '))\n";
  static const char sender[] = "local bus, task = require 'bus', require 'task'\n"
                               "task.sleep(0.001)\n"
                               "for i = 1, 100 do bus.send('c', i); if i % 7 == 0 then task.yield() end end\n";
  start(&b, "l1", listener);
  start(&b, "l2", listener);
  start(&b, "a", sender);
  start(&b, "b", sender);
  world_run(&b.w);
  assert_int_equal(b.w.failed, 0);
  char *first = b.w.out.data, *second = strchr(first, '\n');
  assert_non_null(second);
  *second++ = 0;
  second[strlen(second) - 1] = 0;
  assert_string_equal(first, second);
  assert_contains(first, "a1 ");
  assert_contains(first, "b100");
  close_bed(&b);
}

static void a_slow_or_ended_listener_harms_nobody(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  start(&b, "gone", "require('bus').listen 'c'");
  start(&b, "slow",
        "local bus, task = require 'bus', require 'task'\n"
        "local sub = bus.listen 'c'\n"
        "task.sleep(0.02)\n"
        "local next, n = sub:messages(), 0\n"
        "while true do\n"
        "  local ok, e = pcall(next)\n"
        "  if not ok then print('after', n, e) break end\n"
        "  n = n + 1\n"
        "end\n");
  start(&b, "sender",
        "local bus, task = require 'bus', require 'task'\n"
        "task.sleep(0.005)\n"
        "local reached = 0\n"
        "for i = 1, 12000 do reached = reached + bus.send('c', i) end\n"
        "print('reached', reached)\n");
  world_run(&b.w);
  assert_int_equal(b.w.failed, 0);
  assert_contains(world_out(&b.w), "reached\t10000\n");
  assert_contains(world_out(&b.w), "after\t10000\toverflow: 2000 messages lost");
  close_bed(&b);
}

/* A script that sends on ever more channels meets its own ceiling, not the memory of the process. */
static void last_values_count_for_their_sender(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  kl_script_options o = {.source = "local bus = require 'bus'\n"
                                   "local text, n, ok, e = ('x'):rep(100000), 0\n"
                                   "repeat n = n + 1; ok, e = pcall(bus.send, 'c' .. n, text) until not ok\n"
                                   "print(n, e.kind)\n"
                                   "print(pcall(bus.send, 'c1', text))\n"
                                   "bus.send('c1', 'short')\n"
                                   "print(pcall(bus.send, 'c' .. n, text))\n",
                         .name = "greedy",
                         .env = "sim",
                         .cpu_ms = 60000,
                         .limits = {.queued = 1 << 20}};
  kl_script *s = NULL;
  kl_error e = {0};
  if (!kl_script_start(b.w.host, &o, &s, &e)) fail_msg("%s", e.message);
  world_run(&b.w);
  assert_string_equal(world_out(&b.w), "11\tlimit\ntrue\t0\ntrue\t0\n");
  close_bed(&b);
}

/* ---- reloads ---- */

/* Numbers the messages, and tells of each one that does not follow the one before, over all versions. */
static const char counter[] = "local bus, kalua, task = require 'bus', require 'kalua', require 'task'\n"
                              "local s = kalua.state\n"
                              "for value in bus.listen('ticks'):messages() do\n"
                              "  if value ~= (s.n or 0) + 1 then print('wrong', s.n, value) end\n"
                              "  s.n = value\n"
                              "  if value == 1 then print 'first' end\n"
                              "  if value % 3 == 0 then task.yield() end\n"
                              "  if value == 6000 then print('all', kalua.generation) break end\n"
                              "end\n";

static const char ticker[] = "local bus, task = require 'bus', require 'task'\n"
                             "task.sleep(0.005)\n"
                             "for i = 1, 6000 do bus.send('ticks', i); if i % 10 == 0 then task.yield() end end\n"
                             "print 'sent'\n";

static void a_reload_of_a_listener_loses_and_doubles_nothing(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  start_strategy(&b, counter);
  start(&b, "ticker", ticker);
  run_until(&b, "first");
  for (int i = 0; i < 8; i++) {
    char text[sizeof counter + 32];
    snprintf(text, sizeof text, "%s-- %d\n", counter, i);
    assert_string_equal(reload(&b, text), "ok");
  }
  run_until(&b, "all");
  assert_lacks(world_out(&b.w), "wrong");
  assert_contains(world_out(&b.w), "all\t9\n");
  close_bed(&b);
}

/* One that fails in its probation hands the queue back, without what it handled. */
static void a_return_to_the_version_before_loses_nothing(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  static const char good[] = "local bus = require 'bus'\n"
                             "for value in bus.listen('c'):messages() do\n"
                             "  print('good', value)\n"
                             "  if value == 5 then break end\n"
                             "end\n";
  start_strategy(&b, good);
  start(&b, "sender",
        "local bus, task = require 'bus', require 'task'\n"
        "task.sleep(0.002)\n"
        "bus.send('c', 1)\n"
        "for value in bus.listen('go'):messages() do break end\n"
        "for i = 2, 5 do bus.send('c', i) end\n");
  run_until(&b, "good\t1\n");
  assert_string_equal(reload(&b, "local bus = require 'bus'\n"
                                 "local sub = bus.listen 'c'\n"
                                 "bus.send('go', true)\n"
                                 "for value in sub:messages() do\n"
                                 "  print('bad', value)\n"
                                 "  if value == 3 then error 'wrong' end\n"
                                 "end\n"),
                      "ok");
  run_until(&b, "good\t5\n");
  assert_string_equal(strstr(world_out(&b.w), "bad"), "bad\t2\nbad\t3\ngood\t4\ngood\t5\n");
  close_bed(&b);
}

/* What a version would send while it starts is sent once it is live, and never by one that is refused. */
static void a_version_that_is_not_live_sends_nothing(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  start(&b, "listener",
        "local bus = require 'bus'\n"
        "for value, from in bus.listen('c'):messages() do\n"
        "  print(from, value)\n"
        "  if value == 'end' then break end\n"
        "end\n");
  start_strategy(&b, "require('task').sleep(60)");
  uv_run(&b.w.loop, UV_RUN_NOWAIT);
  assert_contains(reload(&b, "require('task').spawn(function() require('bus').send('c', 'never') end) error 'no'"),
                  "no");
  assert_lacks(world_out(&b.w), "never");
  assert_string_equal(reload(&b, "print('before', require('bus').last 'c')\n"
                                 "require('bus').send('c', 'end')"),
                      "ok");
  world_run(&b.w);
  assert_string_equal(world_out(&b.w), "before\tnil\nstrategy\tend\n");
  assert_string_equal(last_line(&b), "strategy\tend\n");
  close_bed(&b);
}

/* A listener that is new in a version has what was sent since it asked. */
static void a_new_channel_begins_when_the_version_asks_for_it(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  start_strategy(&b, "local bus = require 'bus'\n"
                     "for value in bus.listen('a'):messages() do print('a', value) end\n");
  start(&b, "sender",
        "local bus, task = require 'bus', require 'task'\n"
        "while bus.send('b', 'x') == 0 do task.sleep(0.001) end\n"
        "bus.send('a', 1)\n"
        "bus.send('b', 'end')\n");
  assert_string_equal(reload(&b, "local bus, task = require 'bus', require 'task'\n"
                                 "local a, b = bus.listen 'a', bus.listen 'b'\n"
                                 "for value in b:messages() do\n"
                                 "  print('b', value)\n"
                                 "  if value == 'end' then break end\n"
                                 "end\n"
                                 "print('a', a:messages()())\n"),
                      "ok");
  world_run(&b.w);
  assert_string_equal(world_out(&b.w), "b\tx\nb\tend\na\t1\tsender\n");
  close_bed(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(scripts_hear_each_other),
      cmocka_unit_test(all_listeners_see_one_order),
      cmocka_unit_test(a_slow_or_ended_listener_harms_nobody),
      cmocka_unit_test(last_values_count_for_their_sender),
      cmocka_unit_test(a_reload_of_a_listener_loses_and_doubles_nothing),
      cmocka_unit_test(a_return_to_the_version_before_loses_nothing),
      cmocka_unit_test(a_version_that_is_not_live_sends_nothing),
      cmocka_unit_test(a_new_channel_begins_when_the_version_asks_for_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
