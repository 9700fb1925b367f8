-- Module `task` as scripts use it; the finer points are in tests/unit/test_script_tasks.c.
local test = require "test"
local task = require "task"
local kalua = require "kalua"

test("a cancelled sleep raises its reason and leaves nothing", function(t)
  local sleeper = task.spawn(task.sleep, 60)
  sleeper:cancel "enough"
  local err = t.raises(function() sleeper:await() end, "cancelled")
  t.eq(tostring(err), "cancelled: enough")
  t.eq(sleeper:status(), "cancelled")
end)

test("tasks take turns and give their results", function(t)
  local order = {}
  local tasks = {}
  for i = 1, 3 do
    tasks[i] = task.spawn(function()
      for step = 1, 2 do
        order[#order + 1] = i * 10 + step
        task.yield()
      end
      return i
    end)
  end
  t.eq(task.all(tasks), { 1, 2, 3 })
  t.eq(order, { 11, 21, 31, 12, 22, 32 })
end)

test("a sleep lasts as long as it was told", function(t)
  for _, seconds in ipairs{ 0.001, 0.0105, 0.03 } do
    local start = kalua.now()
    task.sleep(seconds)
    local took = kalua.now() - start
    t.ok(took >= seconds - 0.0002 and took < seconds + 20, "slept " .. took .. " instead of " .. seconds)
  end
end)

test("cancelling at the n-th wait ends the task, for every n", function(t)
  local waits = 6
  for n = 0, waits do
    local reached, closed = 0, 0
    local body = task.spawn(function()
      local guard <close> = setmetatable({}, { __close = function() closed = closed + 1 end })
      local ch = task.channel(1)
      local steps = {
        function() task.sleep(0.001) end,
        function() task.spawn(task.sleep, 0.001):await() end,
        function() task.all{ function() task.sleep(0.001) end, task.yield } end,
        function() task.timeout(1, task.sleep, 0.001) end,
        function() task.spawn(function() task.sleep(0.001) ch:send(1) end) return ch:recv() end,
        coroutine.wrap(function() task.sleep(0.001) end),
      }
      for i, step in ipairs(steps) do
        reached = i
        step()
      end
      reached = waits + 1
      return guard
    end)
    while reached <= n and body:status() ~= "done" do task.yield() end
    body:cancel("at " .. n)
    local ok, err = pcall(body.await, body)
    t.eq(closed, 1)
    if not ok then t.eq(err.message, "at " .. n) end
    task.sleep(0.003) -- what it had started comes to its end
  end
end)

test("a timeout cancels what takes too long", function(t)
  local ended = false
  local err = t.raises(function()
    task.timeout(0.01, function()
      local guard <close> = setmetatable({}, { __close = function() ended = true end })
      task.sleep(60)
      return guard
    end)
  end, "timeout")
  t.ok(ended)
  t.ok(err.where:find "test_task.lua:%d+", err.where)
  t.eq(task.timeout(1, function() return 42 end), 42)
end)

test("an error that nobody awaits goes to on_error", function(t)
  t.unawaited(1)
  local told
  kalua.on_error(function(e) told = e end)
  task.spawn(function() error({ kind = "mine", message = "on purpose" }) end)
  task.sleep(0.005)
  t.eq(told.kind, "mine")
end)

test("a channel is a queue between tasks", function(t)
  local jobs, results = task.channel(2), task.channel()
  for _ = 1, 3 do
    task.spawn(function()
      for job in jobs.recv, jobs do results:send(job * job) end
    end)
  end
  task.spawn(function()
    for i = 1, 10 do jobs:send(i) end
    jobs:close()
  end)
  local sum = 0
  for _ = 1, 10 do sum = sum + results:recv() end
  t.eq(sum, 385)
end)

test("every calls again and again until it is cancelled", function(t)
  local calls = 0
  local start = kalua.now()
  local ticker = task.every(0.005, function() calls = calls + 1 end)
  task.timeout(20, function() while calls < 3 do task.sleep(0.005) end end)
  ticker:cancel()
  local made, took = calls, kalua.now() - start
  t.ok(made <= took / 0.005 + 0.5, made .. " calls in " .. took .. " s")
  task.sleep(0.02)
  t.eq(calls, made)
  t.raises(function() ticker:await() end, "cancelled")
end)

test("metamethods, iterators and closing variables may wait", function(t)
  local closed = false
  local function waits(v) return function() task.sleep(0.001) return v end end
  local mt = {
    __index = waits(1), __add = waits(2), __lt = waits(true), __concat = waits "c", __call = waits(3), __len = waits(4),
    __pairs = function() task.sleep(0.001) return function(_, k) task.sleep(0.001) return not k and 5 or nil end end,
    __close = function() task.sleep(0.001) closed = true end,
  }
  local x = setmetatable({}, mt)
  t.eq({ x.any, x + 1, x < x, x .. "", x(), #x }, { 1, 2, true, "c", 3, 4 })
  for k in pairs(x) do t.eq(k, 5) end
  do local guard <close> = x end -- luacheck: ignore 211
  t.ok(closed)
  local seen = {}
  for i in coroutine.wrap(function() for i = 1, 3 do task.sleep(0.001) coroutine.yield(i) end end) do seen[i] = i end
  t.eq(seen, { 1, 2, 3 })
  t.raises(function() table.sort({ 3, 2, 1 }, function(a, b) task.sleep(0) return a < b end) end, "cannot wait here")
end)

test("wrong arguments are error objects", function(t)
  local ch, running = task.channel(), task.spawn(task.yield)
  for _, call in ipairs{
    function() task.sleep() end, function() task.sleep(-1) end, function() task.sleep(0 / 0) end,
    function() task.sleep "1" end, function() task.spawn(1) end, function() task.every(0, print) end,
    function() task.timeout(1) end, function() task.all(1) end, function() task.race{} end,
    function() task.channel(0.5) end, function() task.channel "1" end, function() ch.recv() end,
    function() ch:send(nil) end, function() running.await() end, function() running:cancel{} end,
  } do
    local err = t.raises(call, "validation")
    t.ok(err.where:find "test_task.lua:%d+", err.where)
  end
  running:await()
end)

test("an error keeps its value across tasks and coroutines", function(t)
  local thrown = { any = "table" }
  local inner = task.spawn(function() coroutine.wrap(function() task.sleep(0.001) error(thrown) end)() end)
  local outer = task.spawn(function() return inner:await() end)
  local ok, err = pcall(task.all, { outer })
  t.eq(ok, false)
  t.ok(rawequal(err, thrown))
  local nothing = task.spawn(function() error(nil) end)
  t.eq({ pcall(nothing.await, nothing) }, { false })
end)

test("the first error of a group cancels the others and waits for them", function(t)
  local why
  local err = t.raises(function()
    task.all{
      function() task.sleep(0.001) error("first", 0) end,
      function() local _, e = pcall(task.sleep, 60) why = e task.sleep(60) end,
    }
  end, "first")
  t.eq(err, "first")
  t.eq(why.kind, "cancelled")
end)
