-- The client's side of the control socket: requests, their events and answers. See runtime/control/protocol.h.
local json = require "json"
local task = require "task"

local connection = {}
local Connection, Call = {}, {}
Connection.__index, Call.__index = Connection, Call

-- What was refused is raised as an error object, like those of scripts.
local refusal = { __tostring = function(e) return e.kind .. ": " .. e.message end }

local function refused(e)
  return setmetatable({ kind = e.kind or "internal", message = e.message or "refused" }, refusal)
end

-- What a handler may raise without a mistake in it: the terminal has gone, and who waits for its keys is told so.
local ends_by_itself = { closed = true, broken_pipe = true }

local function finish(call, answer, err)
  call.connection.calls[call.id] = nil
  call.answer, call.error = answer, err
  call.done:close()
end

-- Calls a handler: a mistake in one is told, and what comes behind it still arrives.
local function tell(self, call, m)
  if not call.on_event then return end
  local ok, err = pcall(call.on_event, m.event, m)
  if ok then return end
  local kind = type(err) == "table" and err.kind
  if kind == "cancelled" then error(err, 0) end
  if not ends_by_itself[kind] then self.on_fault(("event %s of %s"):format(m.event, call.op), err) end
end

local function take(self, m)
  if m.protocol then
    self.hello = m
    self.greeted:close()
    return
  end
  local call = self.calls[m.id]
  if call and m.event then
    tell(self, call, m)
  elseif call and m.ok then
    finish(call, m)
  elseif call then
    finish(call, nil, refused(m.error))
  elseif m.error then -- of no request of ours: the connection ends with it
    self.why = m.error.message
  end
end

-- Nothing comes any more: who waits is told so.
local function finish_all(self, why)
  self.ended = true
  local left = {}
  for _, call in pairs(self.calls) do left[#left + 1] = call end
  for _, call in ipairs(left) do finish(call, nil, refused{ kind = "closed", message = why }) end
  self.greeted:close()
end

local function read_lines(self)
  for text in function() return self.line:receive() end do take(self, json.decode(text)) end
end

local function read_all(self)
  local ok, err = pcall(read_lines, self)
  if self.closed then return end
  local why = self.why or ok and "the process has ended" or "its answers cannot be read: " .. tostring(err)
  finish_all(self, why)
  self.on_end(why)
end

---Begins to talk over a line (of prompt.link). on_end(why) is called when the other side has gone, or cannot be
---understood; on_fault(what, err) when a handler of events has raised something that tells of a mistake in it.
function connection.open(line, on_end, on_fault)
  local self = { line = line, calls = {}, last = 0, greeted = task.channel(), on_end = on_end, on_fault = on_fault }
  setmetatable(self, Connection)
  self.reader = task.spawn(read_all, self)
  return self
end

---Waits for the other side's hello: a table with kalua (its version), protocol, pid, operations. nil when it has gone.
function Connection:greet()
  self.greeted:recv()
  return self.hello
end

---Sends a request; `fields` is a table without id and op. on_event(name, fields) is called for each of its events, in
---order, and must not wait for this connection. Returns the call. Does not wait, nor raise.
function Connection:start(op, fields, on_event)
  self.last = self.last + 1
  local call = { connection = self, id = self.last, op = op, on_event = on_event, done = task.channel() }
  setmetatable(call, Call)
  local request = { id = call.id, op = op }
  for k, v in pairs(fields or {}) do request[k] = v end
  self.calls[call.id] = call
  if self.ended or not self.line:send(json.encode(request) .. "\n") then
    finish(call, nil, refused{ kind = "closed", message = self.why or "the process has ended" })
  end
  return call
end

---Sends a request and waits for its answer, a table. Raises what was refused. When the waiting task is cancelled, so is
---the request.
function Connection:ask(op, fields, on_event)
  return self:start(op, fields, on_event):wait()
end

---Whether the answer is there.
function Call:has_ended() return self.answer ~= nil or self.error ~= nil end

---Asks the other side to end it early; the answer comes nonetheless.
function Call:cancel()
  if self:has_ended() then return end
  local c = self.connection
  c.last = c.last + 1
  c.line:send(json.encode{ id = c.last, op = "cancel", call = self.id } .. "\n")
end

---Waits for the answer; raises what was refused.
function Call:wait()
  local ok, err = pcall(self.done.recv, self.done)
  if not ok then
    self:cancel()
    error(err, 0)
  end
  if self.error then error(self.error, 0) end
  return self.answer
end

---Ends the connection; who waits for an answer gets kind "closed".
function Connection:close()
  self.closed = true
  self.reader:cancel()
  self.line:close()
  finish_all(self, "the connection was closed")
end

return connection
