/* Module `task`, seen from scripts. */
#include "script_world.h"

#define T "local task = require 'task'\n"

static void tells_the_status_of_a_task(void **state) {
  (void)state;
  runs(T "local t\n"
         "t = task.spawn(function() print(t:status()) task.sleep(0.01) end)\n"
         "print(t:status()) task.yield() print(t:status()) t:await() print(t:status())\n"
         "local f = task.spawn(error, 'x') print(pcall(f.await, f)) print(f:status())\n"
         "local c = task.spawn(task.sleep, 9) c:cancel() pcall(c.await, c) print(c:status())",
       "waiting\nrunning\nwaiting\ndone\nfalse\tx\nfailed\ncancelled\n");
}

static void raises_the_same_error_object_again(void **state) {
  (void)state;
  runs(T "local e = setmetatable({ kind = 'mine' }, { __tostring = function() return 'mine!' end })\n"
         "local t = task.spawn(function() error(e) end)\n"
         "local ok, got = pcall(t.await, t) print(ok, rawequal(got, e), got)\n"
         "ok, got = pcall(t.await, t) print(ok, rawequal(got, e))\n"
         "t = task.spawn(function() error() end) print(pcall(t.await, t))",
       "false\ttrue\tmine!\nfalse\ttrue\nfalse\tnil\n");
}

static void refuses_to_wait_for_itself(void **state) {
  (void)state;
  runs(T "local t\n"
         "t = task.spawn(function() return pcall(t.await, t) end)\n"
         "local ok, e = t:await() print(ok, e.kind, e)\n"
         "t = task.spawn(function() return pcall(task.all, { t }) end)\n"
         "ok, e = t:await() print(ok, e.kind)",
       "false\tvalidation\tvalidation: a task cannot wait for itself\nfalse\tvalidation\n");
}

static void wakes_a_cancelled_task_and_runs_its_closing_variables(void **state) {
  (void)state;
  runs(T "local t = task.spawn(function()\n"
         "  local guard <close> = setmetatable({}, { __close = function(_, e) print('closed', e) end })\n"
         "  task.sleep(60)\n"
         "end)\n"
         "task.yield() t:cancel('enough')\n"
         "local ok, e = pcall(t.await, t) print(ok, e.kind, tostring(e), e.retryable)",
       "closed\tcancelled: enough\nfalse\tcancelled\tcancelled: enough\tfalse\n");
}

static void cancels_a_task_that_has_not_run_yet(void **state) {
  (void)state;
  runs(T "local t = task.spawn(print, 'never') t:cancel 'early'\n"
         "print(pcall(t.await, t)) print(t:status())\n"
         "t:cancel 'again' print(pcall(t.await, t))",
       "false\tcancelled: early\ncancelled\nfalse\tcancelled: early\n");
}

static void keeps_a_task_cancelled_that_catches_it(void **state) {
  (void)state;
  runs(T "local ch = task.channel(3)\n"
         "local t = task.spawn(function()\n"
         "  local calls = { task.sleep, task.yield, ch.recv, ch.send, task.all, task.race, task.timeout }\n"
         "  local args = { { 1 }, {}, { ch }, { ch, 1 }, { {} }, { { print } }, { 1, print } }\n"
         "  for i, f in ipairs(calls) do print(i, pcall(f, table.unpack(args[i]))) end\n"
         "  return 'survived'\n"
         "end)\n"
         "task.yield() t:cancel('so') print(t:await()) print(t:status())",
       "1\tfalse\tcancelled: so\n2\tfalse\tcancelled: so\n3\tfalse\tcancelled: so\n4\tfalse\tcancelled: so\n"
       "5\tfalse\tcancelled: so\n6\tfalse\tcancelled: so\n7\tfalse\tcancelled: so\nsurvived\ndone\n");
}

static void ends_a_loop_that_catches_every_cancel(void **state) {
  (void)state;
  runs(T "local n = 0\n"
         "local t = task.spawn(function() while n < 1000 do n = n + 1 pcall(task.sleep, 1) end end)\n"
         "task.yield() t:cancel() t:await() print(n)",
       "1000\n");
}

static void lets_the_task_cancel_itself(void **state) {
  (void)state;
  runs(T "local t\n"
         "t = task.spawn(function() t:cancel('by me') print 'still here' task.sleep(1) print 'never' end)\n"
         "print(pcall(t.await, t))",
       "still here\nfalse\tcancelled: by me\n");
}

static void says_nothing_of_a_cancelled_task(void **state) {
  (void)state;
  runs(T "local t = task.spawn(task.sleep, 60) task.yield() t:cancel() task.sleep(0.005) print(t:status())",
       "cancelled\n");
}

static void waits_in_closing_variables_even_when_an_error_is_under_way(void **state) {
  (void)state;
  runs(T "local t = task.spawn(function()\n"
         "  local guard <close> = setmetatable({}, { __close = function() task.sleep(0.005) print 'closed' end })\n"
         "  error('oh', 0)\n"
         "end)\n"
         "print(pcall(t.await, t))",
       "closed\nfalse\toh\n");
}

/* ---- every ---- */

static void calls_at_a_fixed_rate(void **state) {
  (void)state;
  runs(T
       "local kalua = require 'kalua'\n"
       "local start, n, shortest = kalua.now(), 0, math.huge\n"
       "local t, last\n"
       "t = task.every(0.02, function()\n"
       "  local now = kalua.now()\n"
       "  if last then shortest = math.min(shortest, now - last) end\n"
       "  n, last = n + 1, now\n"
       "  task.sleep(0.01)\n"
       "  if n == 500 or n >= 5 and shortest < 0.028 then t:cancel() end\n" /* the sleep is not added to the interval */
       "end)\n"
       "pcall(t.await, t)\n"
       "print(shortest < 0.028 or shortest, n <= (last - start) / 0.02 + 0.5, t:status())",
       "true\ttrue\tcancelled\n");
}

static void leaves_out_calls_instead_of_making_up_for_them(void **state) {
  (void)state;
  runs(T "local kalua = require 'kalua'\n"
         "local at, start = {}, kalua.now()\n"
         "local t = task.every(0.02, function() at[#at + 1] = kalua.now() - start if #at == 1 then task.sleep(0.07) "
         "end end)\n"
         "repeat task.sleep(0.002) until #at == 3 t:cancel()\n" /* due at 20, (40, 60, 80 are missed), 100, 120 ms */
         "local missed = (at[2] - at[1]) // 0.02 - 1\n"
         "print(at[2] - at[1] > 0.07 and #at + missed <= at[3] / 0.02 + 0.5 or table.concat(at, ' '))",
       "true\n");
}

static void ends_every_with_the_error_of_its_function(void **state) {
  (void)state;
  runs(T "local t = task.every(0.002, function() error('third', 0) end)\n"
         "print(pcall(t.await, t)) print(pcall(task.every, 0, print)) print(pcall(task.every, 1))",
       "false\tthird\n"
       "false\tvalidation: task.every: argument 1 must be 0.001 to a million seconds, not 0\n"
       "false\tvalidation: task.every: argument 2 is missing: it must be a function\n");
}

/* ---- timeout ---- */

static void gives_all_results_within_the_time(void **state) {
  (void)state;
  runs(T "print(task.timeout(1, function(...) task.sleep(0.002) return 'x', ... end, nil, 7))\n"
         "print(pcall(task.timeout, 1, error, 'oh', 0))",
       "x\tnil\t7\nfalse\toh\n");
}

static void raises_timeout_after_the_cancelled_task_has_ended(void **state) {
  (void)state;
  runs(T "local ok, e = pcall(task.timeout, 0.005, function()\n"
         "  local guard <close> = setmetatable({}, { __close = function(_, err) print('closed', err.kind) end })\n"
         "  task.sleep(60)\n"
         "end)\n"
         "print(ok, e.kind, e)\n"
         "print(pcall(task.timeout, 0, task.sleep, 60))",
       "closed\tcancelled\nfalse\ttimeout\ttimeout: not done within 0.005 seconds\n"
       "false\ttimeout: not done within 0 seconds\n");
  /* Nothing but time can end this wait: that is no deadlock. */
  runs(T "local ch = task.channel() print(select(2, pcall(task.timeout, 0.005, ch.recv, ch)).kind)", "timeout\n");
}

/* ---- all and race ---- */

static void gives_first_results_in_the_order_given(void **state) {
  (void)state;
  runs(T
       "local slow = task.spawn(function() task.sleep(0.01) return 'slow', 2 end)\n"
       "local r = task.all{ slow, function() return 'quick' end, function() end, function() return nil, 4 end, slow }\n"
       "print(r[1], r[2], r[3], r[4], r[5])\n"
       "print(#task.all{})\n"
       "print(task.all{ slow, slow }[2])",
       "slow\tquick\tnil\tnil\tslow\n0\nslow\n");
}

static void cancels_the_others_at_the_first_error(void **state) {
  (void)state;
  runs(T "local given = task.spawn(task.sleep, 60)\n"
         "local ok, e = pcall(task.all, {\n"
         "  function() local g <close> = setmetatable({}, { __close = function() print 'closed' end }) task.sleep(60) "
         "end,\n"
         "  function() task.sleep(0.005) error({ kind = 'mine' }) end,\n"
         "  given })\n"
         "print(ok, e.kind, given:status())",
       "closed\nfalse\tmine\tcancelled\n");
}

static void gives_the_winner_and_cancels_the_others(void **state) {
  (void)state;
  runs(T "print(task.race{ function() task.sleep(60) end, function() task.sleep(0.003) return 'won', 2 end })\n"
         "print(pcall(task.race, { function() task.sleep(60) end, function() error('lost', 0) end }))\n"
         "local done = task.spawn(function() return 5 end) done:await()\n"
         "print(task.race{ function() task.sleep(60) return 1 end, done })\n"
         "print(task.race{ function() end, function() task.sleep(1) end })\n"
         "print(pcall(task.race, {}))",
       "won\nfalse\tlost\n5\nnil\nfalse\tvalidation: task.race: the list is empty, so nothing can be first\n");
}

static void refuses_lists_that_are_none(void **state) {
  (void)state;
  runs(T "print(pcall(task.all, { a = print }))\nprint(pcall(task.all, { print, 3 }))\nprint(pcall(task.race, 1))",
       "false\tvalidation: task.all takes a list: functions or tasks without names or gaps\n"
       "false\tvalidation: task.all: entry 2 is a number, not a function or a task\n"
       "false\tvalidation: task.race takes a list: functions or tasks, not number\n");
}

static void cancels_nested_groups_to_the_bottom_and_waits_for_them(void **state) {
  (void)state;
  runs(T "local function leaf(name)\n"
         "  return function()\n"
         "    local g <close> = setmetatable({}, { __close = function(_, e) print(name, e.message) end })\n"
         "    task.sleep(60)\n"
         "  end\n"
         "end\n"
         "local t = task.spawn(function()\n"
         "  task.all{ leaf 'a', function() task.race{ leaf 'b', function() task.timeout(60, leaf 'c') end } end }\n"
         "end)\n"
         "task.sleep(0.005) t:cancel('all of it')\n"
         "local ok, e = pcall(t.await, t) print(ok, e)",
       "a\tall of it\nb\tall of it\nc\tall of it\nfalse\tcancelled: all of it\n");
}

static void logs_an_error_that_the_group_cannot_raise(void **state) {
  (void)state;
  world w;
  world_open(&w, 500);
  world_start(&w, T "print(pcall(task.all, { function() task.yield() error('first', 0) end, function()\n"
                    "  local ok = pcall(task.sleep, 60) error('second', 0) end }))");
  world_run(&w);
  assert_string_equal(world_out(&w), "false\tfirst\n");
  assert_contains(world_log(&w), "error in a task that nobody awaits: second");
  world_close(&w);
}

/* ---- channels ---- */

static void hands_values_over_in_order(void **state) {
  (void)state;
  runs(T "for _, size in ipairs{ 0, 1, 2, 100 } do\n"
         "  local ch, sum, last = task.channel(size), 0, 0\n"
         "  task.spawn(function() for i = 1, 300 do ch:send(i) end ch:close() end)\n"
         "  for v in ch.recv, ch do assert(v == last + 1) last = v sum = sum + v end\n"
         "  print(size, sum)\n"
         "end",
       "0\t45150\n1\t45150\n2\t45150\n100\t45150\n");
}

static void suspends_the_sender_while_full(void **state) {
  (void)state;
  runs(T "local ch = task.channel(2)\n"
         "task.spawn(function() for i = 1, 4 do ch:send(i) print('sent', i) end end)\n"
         "task.sleep(0.003) print 'look' print(ch:recv()) task.sleep(0.003) print(ch:recv(), ch:recv(), ch:recv())",
       "sent\t1\nsent\t2\nlook\n1\nsent\t3\nsent\t4\n2\t3\t4\n");
}

static void ends_with_nil_once_closed_and_empty(void **state) {
  (void)state;
  runs(T "local ch = task.channel(5) ch:send(1) ch:send(false) ch:close() ch:close()\n"
         "print(ch:recv(), ch:recv(), ch:recv(), ch:recv())\n"
         "print(pcall(ch.send, ch, 1)) print(select(2, pcall(ch.send, ch, 1)).kind)\n"
         "local c2 = task.channel()\n"
         "local waits = task.spawn(function() return c2:recv() end)\n"
         "local sends = task.spawn(function() task.yield() end) task.yield() c2:close() print(waits:await())\n"
         "local c3 = task.channel() local s = task.spawn(function() c3:send(1) end) task.yield() c3:close()\n"
         "print(pcall(s.await, s)) print(pcall(ch.send, task.channel(1), nil))",
       "1\tfalse\tnil\tnil\nfalse\tclosed: the channel is closed\nclosed\nnil\nfalse\tclosed: the channel is closed\n"
       "false\tvalidation: channel:send: nil cannot be sent: recv gives it when the channel is closed\n");
}

static void loses_no_value_when_a_receiver_is_cancelled(void **state) {
  (void)state;
  /* The receiver is woken for the value and cancelled before it runs. */
  runs(T "local ch = task.channel(1)\n"
         "local r1 = task.spawn(function() print('r1', ch:recv()) end)\n"
         "local r2 = task.spawn(function() print('r2', ch:recv()) end)\n"
         "task.yield() ch:send 'v' r1:cancel() task.sleep(0.002)\n"
         "local s = task.spawn(function() ch:send 'a' ch:send 'b' ch:send 'c' end) task.yield() s:cancel()\n"
         "pcall(s.await, s) print(ch:recv()) ch:send 'd' print(ch:recv())",
       "r2\tv\na\nd\n");
}

static void keeps_the_order_of_senders_and_drops_a_cancelled_one(void **state) {
  (void)state;
  runs(T "local ch = task.channel(0)\n"
         "local senders = {}\n"
         "for i = 1, 5 do senders[i] = task.spawn(function() ch:send(i) end) end\n"
         "task.yield() senders[2]:cancel() senders[4]:cancel()\n"
         "print(ch:recv(), ch:recv(), ch:recv())",
       "1\t3\t5\n");
}

static void survives_many_senders_receivers_and_cancels(void **state) {
  (void)state;
  runs(T
       "for round = 1, 20 do\n"
       "  local ch, sent, got, tasks = task.channel(round % 4), {}, {}, {}\n"
       "  local seed = round\n"
       "  local function random(n) seed = (seed * 1103515245 + 12345) % 2147483648 return seed // 65536 % n + 1 end\n"
       "  for i = 1, 40 do\n"
       "    tasks[i] = task.spawn(function()\n"
       "      for k = 1, 5 do\n"
       "        if random(3) == 1 then task.yield() end\n"
       "        local v = i * 100 + k\n"
       "        if i % 2 == 0 then ch:send(v) sent[v] = true else local x = ch:recv() got[x] = (got[x] or 0) + 1 end\n"
       "      end\n"
       "    end)\n"
       "  end\n"
       "  for i = 1, 30 do tasks[random(40)]:cancel() task.yield() end\n"
       "  task.sleep(0.005)\n"
       "  for _, t in ipairs(tasks) do t:cancel() end\n"
       "  task.sleep(0.002) ch:close()\n"
       "  for v in ch.recv, ch do got[v] = (got[v] or 0) + 1 end\n"
       "  for v in pairs(sent) do assert(got[v] == 1, 'lost ' .. v) end\n"
       "  for v, n in pairs(got) do assert(n == 1, 'twice ' .. v) end\n"
       "end print 'ok'",
       "ok\n");
}

/* ---- waiting in odd places ---- */

static void waits_in_pcall_metamethods_iterators_and_coroutines(void **state) {
  (void)state;
  runs(T "print(pcall(function() task.sleep(0.001) error('x', 0) end))\n"
         "print(xpcall(function() task.sleep(0.001) error('y', 0) end, function(m) return m .. '!' end))\n"
         "local mt = { __index = function(_, k) task.sleep(0.001) return k end, __add = function() task.yield() return "
         "5 end,\n"
         "  __call = function(_, a) task.yield() return a end, __eq = function() task.yield() return true end,\n"
         "  __concat = function() task.yield() return 'c' end, __lt = function() task.yield() return true end }\n"
         "local o, p = setmetatable({}, mt), setmetatable({}, mt)\n"
         "print(o.key, o + 1, o(7), o == p, o .. 'x', o < p)\n"
         "for i in function(_, i) task.sleep(0.001) i = (i or 0) + 1 return i < 3 and i or nil end do print(i) end\n"
         "local gen = coroutine.wrap(function(a) local b = coroutine.yield(a) task.sleep(0.001) coroutine.yield(b) "
         "task.yield() return 'end' end)\n"
         "print(gen(1), gen(2), gen())\n"
         "local co = coroutine.create(function() task.sleep(0.001) local inner = coroutine.wrap(function() "
         "task.sleep(0.001) coroutine.yield 'deep' end) return inner() end)\n"
         "print(coroutine.status(co), coroutine.resume(co)) print(coroutine.status(co), coroutine.resume(co))",
       "false\tx\nfalse\ty!\nkey\t5\t7\ttrue\tc\ttrue\n1\n2\n1\t2\tend\nsuspended\ttrue\tdeep\n"
       "dead\tfalse\tcannot resume dead coroutine\n");
}

static void refuses_to_wait_where_lua_cannot(void **state) {
  (void)state;
  runs(T "print(pcall(table.sort, { 1, 2, 3 }, function(a, b) task.sleep(1) end))\n"
         "print(pcall(table.sort, { 1, 2 }, coroutine.wrap(function() task.yield() end)))\n"
         "print(pcall(string.gsub, 'x', 'x', function() task.yield() end))",
       "false\ts:2: cannot wait here, inside a C function that cannot be suspended: use task.spawn\n"
       "false\ts:3: cannot wait here, inside a C function that cannot be suspended: use task.spawn\n"
       "false\ts:4: cannot wait here, inside a C function that cannot be suspended: use task.spawn\n");
}

static void keeps_others_from_resuming_what_waits(void **state) {
  (void)state;
  runs(T "local co = coroutine.create(function() task.sleep(0.01) return 'mine' end)\n"
         "local t = task.spawn(function() return coroutine.resume(co) end)\n"
         "task.yield() print(coroutine.status(co), coroutine.resume(co)) print(pcall(coroutine.close, co)) "
         "print(t:await())\n"
         "local thread\n"
         "local t2 = task.spawn(function() thread = coroutine.running() task.sleep(0.005) return print end)\n"
         "task.yield() print(coroutine.resume(thread)) t2:await() print(coroutine.resume(thread), "
         "coroutine.status(thread))\n"
         "print(pcall(coroutine.close, thread)) print(t2:await() == print)",
       "suspended\tfalse\tcannot resume a coroutine that waits, or the thread of a task\n"
       "false\tcannot close a coroutine that waits, or was broken, or is the thread of a task\ntrue\tmine\n"
       "false\tcannot resume a coroutine that waits, or the thread of a task\nfalse\tdead\n"
       "false\tcannot close a coroutine that waits, or was broken, or is the thread of a task\ntrue\n");
}

static void cancels_through_a_coroutine(void **state) {
  (void)state;
  runs(T "local t = task.spawn(function() for x in coroutine.wrap(function() task.sleep(60) end) do end end)\n"
         "task.yield() t:cancel('in there') print(pcall(t.await, t))\n"
         "local done = {}\n"
         "local co = coroutine.create(function() local g <close> = setmetatable({}, { __close = function() done[1] = "
         "'closed' end }) coroutine.yield(1) end)\n"
         "print(coroutine.resume(co)) print(coroutine.close(co), done[1], coroutine.status(co))",
       "false\tcancelled: in there\ntrue\t1\ntrue\tclosed\tdead\n");
}

static void lets_others_run_at_a_yield_of_the_task_itself(void **state) {
  (void)state;
  runs(T "task.spawn(function() for i = 1, 3 do print('a', i) coroutine.yield() end end)\n"
         "task.spawn(function() for i = 1, 3 do print('b', i) task.yield() end end)",
       "a\t1\nb\t1\na\t2\nb\t2\na\t3\nb\t3\n");
}

static void runs_thousands_of_tasks(void **state) {
  (void)state;
  runs(T "local n, all = 0, {}\n"
         "for i = 1, 5000 do all[i] = task.spawn(function() task.sleep(0.001 * (i % 7)) n = n + 1 return i end) end\n"
         "local r = task.all(all) print(n, #r, r[5000])",
       "5000\t5000\t5000\n");
}

static void survives_collections_while_tasks_wait(void **state) {
  (void)state;
  runs(T "local ch = task.channel(1)\n"
         "local function churn() for i = 1, 2000 do local t = { tostring(i) } end end\n"
         "for i = 1, 50 do\n"
         "  task.spawn(function() for x in coroutine.wrap(function() for k = 1, 3 do coroutine.yield(ch:recv()) end "
         "end) do churn() end end)\n"
         "end\n"
         "for i = 1, 150 do ch:send({ i }) churn() end\n"
         "print(select('#', table.unpack(task.all{ function() churn() task.sleep(0.001) churn() return 1 end, "
         "task.yield })))",
       "1\n");
}

static void leaves_no_memory_behind_ended_tasks(void **state) {
  (void)state;
  runs(T "local function burst() for i = 1, 500 do task.spawn(function() task.yield() return {} end) end "
         "task.sleep(0.002) end\n"
         "for i = 1, 10 do burst() end\n"
         "local before = collectgarbage 'count'\n"
         "for i = 1, 60 do burst() end\n"
         "local after = collectgarbage 'count'\n"
         "print(after < before + 3000 or after - before)",
       "true\n");
}

static void refuses_bad_arguments(void **state) {
  (void)state;
  runs(T "print(pcall(task.sleep, -1)) print(pcall(task.sleep, 1 / 0)) print(pcall(task.sleep, 'x')) "
         "print(pcall(task.spawn, 1))\n"
         "print(pcall(task.channel, -1)) print(pcall(task.timeout, 1)) print(pcall(task.timeout, 2e6, print))\n"
         "print(getmetatable(task.spawn(print)), getmetatable(task.channel()))",
       "false\tvalidation: task.sleep: argument 1 must be 0 to a million seconds, not -1\n"
       "false\tvalidation: task.sleep: argument 1 must be 0 to a million seconds, not inf\n"
       "false\tvalidation: task.sleep: argument 1 must be 0 to a million seconds, not a string\n"
       "false\tvalidation: task.spawn: argument 1 must be a function, not 1\n"
       "false\tvalidation: task.channel: argument 1 must be a whole number of 0 or more, not -1\n"
       "false\tvalidation: task.timeout: argument 2 is missing: it must be a function\n"
       "false\tvalidation: task.timeout: argument 1 must be 0 to a million seconds, not 2000000\n"
       "task.Task\ttask.Channel\n\n");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(tells_the_status_of_a_task),
                                     cmocka_unit_test(raises_the_same_error_object_again),
                                     cmocka_unit_test(refuses_to_wait_for_itself),
                                     cmocka_unit_test(wakes_a_cancelled_task_and_runs_its_closing_variables),
                                     cmocka_unit_test(cancels_a_task_that_has_not_run_yet),
                                     cmocka_unit_test(keeps_a_task_cancelled_that_catches_it),
                                     cmocka_unit_test(ends_a_loop_that_catches_every_cancel),
                                     cmocka_unit_test(lets_the_task_cancel_itself),
                                     cmocka_unit_test(says_nothing_of_a_cancelled_task),
                                     cmocka_unit_test(waits_in_closing_variables_even_when_an_error_is_under_way),
                                     cmocka_unit_test(calls_at_a_fixed_rate),
                                     cmocka_unit_test(leaves_out_calls_instead_of_making_up_for_them),
                                     cmocka_unit_test(ends_every_with_the_error_of_its_function),
                                     cmocka_unit_test(gives_all_results_within_the_time),
                                     cmocka_unit_test(raises_timeout_after_the_cancelled_task_has_ended),
                                     cmocka_unit_test(gives_first_results_in_the_order_given),
                                     cmocka_unit_test(cancels_the_others_at_the_first_error),
                                     cmocka_unit_test(gives_the_winner_and_cancels_the_others),
                                     cmocka_unit_test(refuses_lists_that_are_none),
                                     cmocka_unit_test(cancels_nested_groups_to_the_bottom_and_waits_for_them),
                                     cmocka_unit_test(logs_an_error_that_the_group_cannot_raise),
                                     cmocka_unit_test(hands_values_over_in_order),
                                     cmocka_unit_test(suspends_the_sender_while_full),
                                     cmocka_unit_test(ends_with_nil_once_closed_and_empty),
                                     cmocka_unit_test(loses_no_value_when_a_receiver_is_cancelled),
                                     cmocka_unit_test(keeps_the_order_of_senders_and_drops_a_cancelled_one),
                                     cmocka_unit_test(survives_many_senders_receivers_and_cancels),
                                     cmocka_unit_test(waits_in_pcall_metamethods_iterators_and_coroutines),
                                     cmocka_unit_test(refuses_to_wait_where_lua_cannot),
                                     cmocka_unit_test(keeps_others_from_resuming_what_waits),
                                     cmocka_unit_test(cancels_through_a_coroutine),
                                     cmocka_unit_test(lets_others_run_at_a_yield_of_the_task_itself),
                                     cmocka_unit_test(runs_thousands_of_tasks),
                                     cmocka_unit_test(survives_collections_while_tasks_wait),
                                     cmocka_unit_test(leaves_no_memory_behind_ended_tasks),
                                     cmocka_unit_test(refuses_bad_arguments)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
