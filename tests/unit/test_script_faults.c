/* A script that uses everything, with a fault at every possible moment: memory that runs out, a stop. Nothing may leak,
 * crash or hang; the sanitizers see to the first two. */
#include "script_world.h"

static const char everything[] =
    "local task, kalua, log = require 'task', require 'kalua', require 'log'\n"
    "kalua.on_stop(function(why) task.sleep(0.001) print('stop', why) end)\n"
    "kalua.on_error(function(e) task.yield() print(e) end)\n"
    "local guard <close> = setmetatable({}, { __close = function() print 'closed' end })\n"
    "local ch = task.channel(1)\n"
    "task.spawn(function() for i = 1, 3 do ch:send({ i }) end ch:close() end)\n"
    "task.spawn(function() for v in ch.recv, ch do print(v[1]) end end)\n"
    "task.spawn(function() task.yield() error({ kind = 'mine', message = 'nobody waits' }) end)\n"
    "local tick = task.every(0.001, function() task.yield() end)\n"
    "local all = task.all{ function() return task.race{ function() task.sleep(9) end, function() task.sleep(0.001) "
    "return 1 end } end,\n"
    "  function() return (select(2, pcall(task.timeout, 0.001, task.sleep, 9))) end,\n"
    "  coroutine.wrap(function() task.sleep(0.001) return 3 end) }\n"
    "print(all[1], all[2], all[3])\n"
    "print(pcall(error, { kind = 'x' })) print(pcall(string.rep))\n"
    "for x in coroutine.wrap(function() for i = 1, 2 do task.yield() coroutine.yield(i) end end) do print(x) end\n"
    "print(load('return 1 + 1')()) log.info('x', { a = 1, b = 'two words' })\n"
    "tick:cancel() print(pcall(tick.await, tick)) print(tick:status())\n";

static kl_script *start(world *w) {
  kl_script_options o = {.source = everything, .name = "s", .env = "sim", .cpu_ms = 5000};
  kl_script *s = NULL;
  kl_error e;
  return kl_script_start(w->host, &o, &s, &e) ? s : NULL;
}

static void give_up(uv_timer_t *t) { kl_script_stop(t->data, KL_STOP_EXIT, false); }

/* A task that failed leaves others waiting for it for ever: the script is stopped after a while. */
static void run_until_stopped(world *w, kl_script *s) {
  uv_timer_t timer;
  uv_timer_init(&w->loop, &timer);
  timer.data = s;
  uv_timer_start(&timer, give_up, 40, 0);
  world_run(w);
  uv_close((uv_handle_t *)&timer, NULL);
  uv_run(&w->loop, UV_RUN_NOWAIT);
}

static void survives_running_out_of_memory_at_every_allocation(void **state) {
  (void)state;
  world w;
  world_open(&w, 50);
  kl_script *s = start(&w);
  world_run(&w);
  assert_false(w.failed);
  assert_contains(world_out(&w), "closed\n");
  size_t total = w.allocations;
  assert_true(total > 500);
  world_close(&w);
  /* Two failures get past the collection that Lua answers the first one with; many are a memory that stays full. */
  const size_t lengths[] = {1, 2, 40, 1000000};
  for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++) {
    for (size_t n = 1; n <= total; n += n > 300 && lengths[k] != 2 ? 7 : 1) {
      world_open(&w, 50);
      w.fail_at = n;
      w.fail_count = lengths[k];
      s = start(&w);
      if (s) {
        run_until_stopped(&w, s);
        kl_script_stats stats;
        kl_script_stats_get(s, &stats);
        assert_int_equal(stats.memory, 0);
        assert_int_equal(w.ended, 1);
        if (w.failed) assert_non_null(kl_script_error(s));
      }
      world_close(&w);
    }
  }
}

static void survives_a_stop_after_every_number_of_turns(void **state) {
  (void)state;
  for (int now = 0; now < 2; now++) {
    for (int turns = 0; turns < 60; turns++) {
      world w;
      world_open(&w, 1000);
      kl_script *s = start(&w);
      for (int i = 0; i < turns && kl_host_running(w.host) > 0; i++)
        uv_run(&w.loop, UV_RUN_ONCE);
      kl_script_stop(s, KL_STOP_EXIT, now != 0);
      world_run(&w);
      if (w.failed) fail_msg("after %d turns: %s", turns, kl_script_error(s));
      if (!now && turns > 0) assert_contains(world_out(&w), "stop\texit\n");
      if (turns > 1) assert_contains(world_out(&w), "closed\n");
      world_close(&w);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(survives_running_out_of_memory_at_every_allocation),
                                     cmocka_unit_test(survives_a_stop_after_every_number_of_turns)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
