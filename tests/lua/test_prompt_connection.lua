-- The prompt's side of the control socket, with a table at the other end of the line.
local json = require "json"
local connection = require "prompt.connection"
local task = require "task"
local test = require "test"

local line -- of the connection that was opened last

local function new_line()
  line = { sent = {}, waiting = task.channel(100) }
  function line:send(text)
    self.sent[#self.sent + 1] = json.decode(text)
    return true
  end
  function line:receive() return self.waiting:recv() end
  function line:close() self.waiting:close() end
  return line
end

local function receives(m) line.waiting:send(type(m) == "string" and m or json.encode(m)) end

-- A connection, and what it has told: why it ended, and the faults of handlers.
local function opened()
  local told = { faults = {} }
  local c = connection.open(new_line(), function(why) told.ended = why end, function(what, err)
    table.insert(told.faults, what .. ": " .. tostring(err))
  end)
  return c, told
end

test("an answer belongs to its request, and events come before it, in order", function(t)
  local c = opened()
  local seen = {}
  local first = c:start("eval", { source = "1" }, function(name, m) seen[#seen + 1] = name .. m.n end)
  local second = c:start "tasks"
  t.eq(line.sent[1], { id = 1, op = "eval", source = "1" })
  receives{ id = 1, event = "print", n = 1 }
  receives{ id = 2, ok = true, of = "second" }
  receives{ id = 1, event = "print", n = 2 }
  receives{ id = 1, ok = true, of = "first" }
  t.eq(first:wait().of, "first")
  t.eq(second:wait().of, "second")
  t.eq(table.concat(seen, " "), "print1 print2")
  c:close()
end)

test("what is refused is raised with its kind", function(t)
  local c = opened()
  local call = c:start "arm"
  receives{ id = 1, ok = false, error = { kind = "permission", message = "not here" } }
  local ok, err = pcall(call.wait, call)
  t.eq(ok, false)
  t.eq(err.kind, "permission")
  t.eq(tostring(err), "permission: not here")
  c:close()
end)

test("a mistake in a handler is told, and the connection goes on", function(t)
  local c, told = opened()
  local call = c:start("watch", {}, function(_, m)
    if m.n == 1 then error "no such drawing" end
    if m.n == 2 then error({ kind = "broken_pipe", message = "the reader has gone" }, 0) end
  end)
  for n = 1, 3 do receives{ id = 1, event = "value", n = n } end
  receives{ id = 1, ok = true }
  t.eq(call:wait().ok, true)
  t.eq(#told.faults, 1)
  t.ok(told.faults[1]:find "^event value of watch: .*no such drawing", told.faults[1])
  t.eq(told.ended, nil)
  c:close()
end)

test("who waits when the other end goes, or cannot be understood, is told so", function(t)
  for text, why in pairs{ [""] = "^the process has ended$", ["{ nonsense"] = "^its answers cannot be read: " } do
    local c, told = opened()
    local call = c:start "tasks"
    if text == "" then line:close() else receives(text) end
    local ok, err = pcall(call.wait, call)
    t.eq(ok, false)
    t.eq(err.kind, "closed")
    t.ok(err.message:find(why), err.message)
    t.ok(told.ended:find(why), told.ended)
    t.eq(select(2, pcall(c.ask, c, "tasks")).kind, "closed")
  end
end)

test("a cancelled wait cancels its request, whose answer harms nobody", function(t)
  local c, told = opened()
  local waiting = task.spawn(c.ask, c, "eval")
  task.sleep(0)
  waiting:cancel()
  pcall(waiting.await, waiting)
  t.eq(line.sent[2], { id = 2, op = "cancel", call = 1 })
  receives{ id = 1, ok = true, status = "cancelled" }
  receives{ id = 2, ok = true }
  local after = c:start "tasks"
  receives{ id = 3, ok = true }
  t.eq(after:wait().id, 3)
  t.eq(#told.faults, 0)
  c:close()
end)
