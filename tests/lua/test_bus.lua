-- bus: what a script sees of it by itself. Two scripts and reloads: tests/unit/test_bus.c.
local bus = require "bus"
local json = require "json"
local kalua = require "kalua"
local task = require "task"
local test = require "test"

local function refused(t, fn, kind, part)
  local e = t.raises(fn, kind)
  t.eq(e.message:find(part, 1, true) and part or e.message, part)
end

test("who listens gets every message in order, with the sender, also its own", function(t)
  local sub <close> = bus.listen "order"
  for i = 1, 100 do t.eq(bus.send("order", { n = i }), 1) end
  local n = 0
  for value, from in sub:messages() do
    n = n + 1
    t.eq(value.n, n)
    t.eq(from, kalua.name)
    if n == 100 then break end
  end
  local waiting = task.spawn(function()
    return (sub:messages()())
  end)
  task.yield()
  bus.send("order", "later")
  t.eq(waiting:await(), "later")
end)

test("listeners get copies of their own, with cycles and kinds of numbers", function(t)
  local a <close> = bus.listen "copies"
  local b <close> = bus.listen "copies"
  local value = { 1, 1.0, json.null, deep = { { "x" } } }
  value.self = value
  t.eq(bus.send("copies", value), 2)
  value.deep = nil
  local first, second = a:messages()(), b:messages()()
  t.eq(first.deep[1][1], "x")
  t.eq(first.self == first and first ~= second and first ~= value, true)
  t.eq(math.type(first[1]), "integer")
  t.eq(math.type(first[2]), "float")
  t.eq(first[3] == json.null, true)
end)

test("nobody hears what was sent before, but the last value is there", function(t)
  t.eq(bus.last "early", nil)
  t.eq(bus.send("early", false), 0)
  local value, from = bus.last "early"
  t.eq(value, false)
  t.eq(from, kalua.name)
  local sub <close> = bus.listen "early"
  bus.send("early", 2)
  t.eq(sub:messages()(), 2)
  t.eq(bus.last "early", 2)
end)

test("channels lists those with a listener or a value, sorted", function(t)
  local sub = bus.listen "b\0odd"
  bus.send("a value", 1)
  local names = bus.channels()
  local found = {}
  for i, name in ipairs(names) do
    found[name] = true
    if i > 1 then t.eq(names[i - 1] < name, true) end
  end
  t.eq(found["b\0odd"] and found["a value"], true)
  sub:close()
  for _, name in ipairs(bus.channels()) do t.eq(name == "b\0odd", false) end
end)

test("after close the loop gets what is there, and ends", function(t)
  local sub = bus.listen "closing"
  bus.send("closing", 1)
  bus.send("closing", 2)
  local got = {}
  for value in sub:messages() do
    got[#got + 1] = value
    sub:close()
    t.eq(bus.send("closing", 3), 0)
  end
  t.eq(got, { 1, 2 })
  refused(t, function() sub:messages() end, "closed", "this subscription is closed")
  local waiting = bus.listen "closing"
  local loop = task.spawn(function() for _ in waiting:messages() do error "none was sent" end return "ended" end)
  task.yield()
  waiting:close()
  t.eq(loop:await(), "ended")
end)

test("who falls behind is told how many are lost, at their place", function(t)
  local sub <close> = bus.listen "slow"
  for i = 1, 10003 do bus.send("slow", i) end
  local n, lost = 0, nil
  for _ = 1, 2 do
    local ok, e = pcall(function()
      for value in sub:messages() do
        n = n + 1
        if value == "end" then return end
        if value ~= n then error "out of order" end
      end
    end)
    if not ok then
      lost = e
      t.eq(n, 10000)
      bus.send("slow", "end")
    end
  end
  t.eq(lost.kind, "overflow")
  t.eq(lost.message:find("3 messages lost", 1, true), 1)
  t.eq(n, 10001)
end)

test("what cannot cross, and wrong names, are errors before anything is sent", function(t)
  local sub <close> = bus.listen "strict"
  refused(t, function() bus.send("strict", { f = { print } }) end, "validation",
    "bus.send: the value.f[1]: a function is not plain data")
  refused(t, function() bus.send("strict", nil) end, "validation", "argument 2 must be a value, not nil")
  refused(t, function() bus.send(1, 1) end, "validation", "bus.send: argument 1")
  refused(t, function() bus.send("", 1) end, "validation", "1 to 200 bytes, not 0")
  refused(t, function() bus.listen(("x"):rep(201)) end, "validation", "1 to 200 bytes, not 201")
  refused(t, function() bus.last() end, "validation", "bus.last: argument 1")
  t.eq(bus.send("strict", "good"), 1)
  t.eq(sub:messages()(), "good")
end)

test("one task reads at a time, and a cancelled one leaves nothing", function(t)
  local sub <close> = bus.listen "readers"
  local first = task.spawn(function() return (sub:messages()()) end)
  task.yield()
  refused(t, function() sub:messages()() end, "validation", "another task waits")
  first:cancel "enough"
  t.eq(select(2, pcall(first.await, first)).kind, "cancelled")
  bus.send("readers", 1)
  t.eq(sub:messages()(), 1)
end)
