/* Ceilings of a script: what would pass one is an error in that very call, and what was given back counts no more. */
#include "script_world.h"

static kl_script *start_limited(world *w, const char *source, const kl_limits *limits) {
  kl_script_options o = {.source = source, .name = "s", .env = "sim", .cpu_ms = 60000, .limits = *limits};
  kl_script *s = NULL;
  kl_error e = {0};
  if (!kl_script_start(w->host, &o, &s, &e)) fail_msg("%s", e.message);
  return s;
}

static void runs_limited(const char *source, const kl_limits *limits, const char *expected) {
  world w;
  world_open(&w, 500);
  kl_script *s = start_limited(&w, source, limits);
  world_run(&w);
  if (w.failed) fail_msg("%s\n%s", kl_script_error(s), kl_script_traceback(s) ? kl_script_traceback(s) : "");
  assert_string_equal(world_out(&w), expected);
  world_close(&w);
}

static void tasks_have_a_ceiling_and_ended_ones_do_not_count(void **state) {
  (void)state;
  runs_limited("local task = require 'task'\n"
               "local function fill()\n"
               "  local n = 1\n"
               "  while true do\n"
               "    local ok, e = pcall(task.spawn, task.sleep, 0.01)\n"
               "    if not ok then return n, e end\n"
               "    n = n + 1\n"
               "  end\n"
               "end\n"
               "for _ = 1, 3 do\n"
               "  local n, e = fill()\n"
               "  print(n, e.kind, e.message:find('--max-tasks', 1, true) ~= nil, e.message:find('7 tasks') ~= nil)\n"
               "  task.sleep(0.05)\n"
               "end\n"
               "print(pcall(task.all, { print, print, print, print, print, print, print }))\n"
               "task.sleep(0.01)\n"
               "print(#task.all{ task.yield, task.yield, task.yield, task.yield, task.yield, task.yield })",
               &(kl_limits){.tasks = 7},
               "7\tlimit\ttrue\ttrue\n7\tlimit\ttrue\ttrue\n7\tlimit\ttrue\ttrue\n"
               "false\tlimit: the script has 7 tasks that have not ended, which is its ceiling: wait for some of them, "
               "or raise it by --max-tasks\n0\n");
}

static void handlers_run_at_the_ceiling_of_tasks(void **state) {
  (void)state;
  world w;
  world_open(&w, 500);
  kl_script *s = start_limited(&w,
                               "local task, kalua = require 'task', require 'kalua'\n"
                               "kalua.on_stop(function(why) print('stop', why) end)\n"
                               "while pcall(task.spawn, task.sleep, 100) do end\n"
                               "print 'full'\n"
                               "task.sleep(100)",
                               &(kl_limits){.tasks = 5});
  while (!strstr(world_out(&w), "full"))
    uv_run(&w.loop, UV_RUN_ONCE);
  kl_script_stop(s, KL_STOP_EXIT, false);
  world_run(&w);
  assert_string_equal(world_out(&w), "full\nstop\texit\n");
  world_close(&w);
}

static void timers_have_a_ceiling_and_dropped_ones_do_not_count(void **state) {
  (void)state;
  runs_limited("local task = require 'task'\n"
               "local function try() local ok, e = pcall(task.sleep, 100) return ok or e.kind end\n"
               "local ts = {}\n"
               "for round = 1, 3 do\n"
               "  for i = 1, 4 do ts[i] = task.spawn(try) end\n"
               "  task.sleep(0)\n"
               "  task.yield()\n"
               "  print(ts[1]:status(), ts[3]:status(), ts[4]:status(), ts[4]:await())\n"
               "  for i = 1, 3 do ts[i]:cancel() end\n"
               "  task.yield() task.yield()\n"
               "end\n"
               "print(pcall(task.timeout, 1, task.timeout, 1, task.timeout, 1, task.sleep, 0.01))\n"
               "print(task.timeout(1, task.timeout, 1, task.yield))",
               &(kl_limits){.timers = 3},
               "waiting\twaiting\tdone\tlimit\nwaiting\twaiting\tdone\tlimit\nwaiting\twaiting\tdone\tlimit\n"
               "false\tlimit: task.sleep: the script has 3 sleeps and time limits under way already, which is its "
               "ceiling: end some, or raise it by --max-timers\n\n");
}

/* A call that could only fail to wait takes no timer and no memory, however often it is tried within one stretch. */
static void what_cannot_wait_takes_nothing(void **state) {
  (void)state;
  runs_limited("local task = require 'task'\n"
               "local n, kinds = 0, {}\n"
               "table.sort({ 1, 2, 3, 4 }, function(a, b)\n"
               "  for _ = 1, 100 do\n"
               "    local ok, e = pcall(task.sleep, 100)\n"
               "    if not ok then n = n + 1 kinds[tostring(type(e) == 'table' and e.kind)] = true end\n"
               "  end\n"
               "  return a < b\n"
               "end)\n"
               "print(n >= 100, kinds.limit)\n"
               "local t = task.spawn(function() pcall(task.sleep, 100) for _ = 1, 100 do\n"
               "  local ok, e = pcall(task.sleep, 100) assert(not ok and e.kind == 'cancelled', e) end end)\n"
               "task.yield() t:cancel() t:await() print(t:status())",
               &(kl_limits){.timers = 2}, "true\tnil\ndone\n");
}

static void a_flood_of_log_lines_is_counted(void **state) {
  (void)state;
  world w;
  world_open(&w, 500);
  start_limited(&w, "local log = require 'log' for i = 1, 20015 do log.info('line', { i = i }) end",
                &(kl_limits){.log_rate = 2});
  world_run(&w);
  const char *log = world_log(&w);
  assert_contains(log, "line i=10\n");
  assert_lacks(log, "line i=20015");
  assert_contains(log, " lines of this script were dropped: more than 2 a second (--log-rate)\n");
  assert_non_null(strstr(log, " 20,0")); /* 20,005 or, where the machine was slow, a few less */
  world_close(&w);
}

static void a_flood_of_errors_is_counted(void **state) {
  (void)state;
  world w;
  world_open(&w, 500);
  start_limited(&w,
                "local task = require 'task'\n"
                "for i = 1, 50 do task.spawn(function() error('no ' .. i) end) end\n"
                "task.yield()",
                &(kl_limits){.log_rate = 2});
  world_run(&w);
  const char *log = world_log(&w);
  assert_contains(log, "no 1\n");
  assert_lacks(log, "no 50\n");
  assert_contains(log, "lines of this script were dropped");
  world_close(&w);
}

static void a_huge_line_is_cut_off(void **state) {
  (void)state;
  world w;
  world_open(&w, 500);
  world_start(&w, "local log = require 'log' local s = ('x'):rep(10 << 20) log.info(s, { a = s, b = s })\n"
                  "print(pcall(log.info, 'x', setmetatable({}, nil)))");
  world_run(&w);
  const char *log = world_log(&w);
  assert_contains(log, "x… (cut off: a line has at most 64 KiB)\n");
  assert_in_range(strlen(log), 60000, 70000);
  world_close(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tasks_have_a_ceiling_and_ended_ones_do_not_count),
      cmocka_unit_test(handlers_run_at_the_ceiling_of_tasks),
      cmocka_unit_test(timers_have_a_ceiling_and_dropped_ones_do_not_count),
      cmocka_unit_test(what_cannot_wait_takes_nothing),
      cmocka_unit_test(a_flood_of_log_lines_is_counted),
      cmocka_unit_test(a_flood_of_errors_is_counted),
      cmocka_unit_test(a_huge_line_is_cut_off),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
