-- A prompt inside a strategy, from the side of who types: what is evaluated there, and what is shown of it.
local json = require "json"
local later = require "prompt.later"
local syntax = require "prompt.syntax"
local draw = later "prompt.draw"
local names = later "prompt.names"

local session = {}
local Session = {}
local KEPT = 1000 -- inputs
Session.__index = Session

-- Whether characters beyond ASCII come out as they are meant: what the locale says.
local function is_utf8()
  for _, name in ipairs{ "LC_ALL", "LC_CTYPE", "LANG" } do
    local value = os.getenv(name)
    if value and value ~= "" then return value:lower():find "utf%-?8" ~= nil end
  end
  return false
end

---A session over a connection, for a terminal. Its fields: connection, terminal, options (of prompt.link), names;
---under_way (the last request for values), id (of the request that the session is), ready (what the other end said of
---itself), is_local, armed, ascii (nothing beyond it is drawn), leaving (set to end the prompt), failed (an input
---failed), on_empty (what an empty line does: {hint, input, run}, functions of the session; nil: nothing).
function session.new(connection, terminal, options)
  return setmetatable({
    connection = connection,
    terminal = terminal,
    options = options,
    is_local = options.is_local,
    armed = options.armed,
    ascii = not is_utf8(),
    handlers = {},
    names = names,
  }, Session)
end

---fn(session, fields) is called for each event of that name: "version", "stopped", "note". It must not wait.
function Session:on(event, fn)
  local list = self.handlers[event] or {}
  self.handlers[event] = list
  list[#list + 1] = fn
end

---Begins; `on_ready()` is called once the other end is. Raises what it refuses.
function Session:begin(on_ready)
  local call
  call = self.connection:start("prompt", { name = self.options.name, armed = self.armed }, function(event, fields)
    if event == "ready" then
      self.ready, self.id, self.armed = fields, call.id, fields.armed
      on_ready()
    end
    for _, fn in ipairs(self.handlers[event] or {}) do fn(self, fields) end
  end)
  self.call = call
end

---Sends a request about this session and waits for its answer.
function Session:ask(op, fields, on_event)
  fields = fields or {}
  fields.session = self.id
  return self.connection:ask(op, fields, on_event)
end

---The same where the answer has a JSON document in parts: returns the answer and the document.
function Session:ask_parts(op, fields, on_event)
  local parts = {}
  fields = fields or {}
  fields.session = self.id
  local call = self.connection:start(op, fields, function(event, m)
    if event == "part" then
      parts[#parts + 1] = m.text
    elseif on_event then
      on_event(event, m)
    end
  end)
  self.under_way = call
  local answer = call:wait()
  return answer, #parts > 0 and json.decode(table.concat(parts)) or nil
end

---Evaluates an input and returns {status = "value"|"error"|"cancelled"|"more", values (portraits, or the one of the
---error), traceback, ms, waited}. What it prints is shown as it comes. `o.mode` "whole": values without limits;
---`o.chunk`: the name of the file that the text is from; `o.silent`: `_` stays what it is.
function Session:evaluate(text, o)
  o = o or {}
  local begun = {} -- of a long line that comes in parts
  local fields = { source = text, mode = o.mode or "draw", chunk = o.chunk, silent = o.silent }
  local answer, values = self:ask_parts("eval", fields, function(event, m)
    if event ~= "print" then return end
    begun[#begun + 1] = m.text
    if m.more then return end
    local line = table.concat(begun)
    begun = {}
    self:output(line)
  end)
  answer.values = values
  if answer.status == "more" then answer.message = syntax.unfinished(text, o.chunk) or "it is not complete" end
  if values then names.learn(values) end
  return answer
end

---How values are drawn here, with what `more` changes.
function Session:drawing(more)
  local columns = self.terminal:size()
  local o = { width = columns, colour = self.terminal:colour(), ascii = self.ascii }
  for k, v in pairs(more or {}) do o[k] = v end
  return o
end

---Shows the outcome of an evaluation; true when it did not fail. `more`: of how values are drawn.
function Session:show(result, more)
  if result.status == "value" then
    if result.values and #result.values > 0 then
      self:print(self.options.json and draw.json(result.values) or draw.values(result.values, self:drawing(more)))
    end
    return true
  end
  if result.status == "cancelled" then
    self:complain(result.message or "cancelled")
  elseif result.values then
    self:complain(draw.error(result.values[1], result.traceback, self:drawing()))
  else
    self:complain(result.message or result.status)
  end
  return false
end

---An input as it looks once it was typed.
function Session:as_typed(text)
  return self.first .. text:gsub("\n", "\n" .. self.next)
end

---A text of the prompt's own above the line that is being typed; without a terminal, on standard output.
function Session:print(text)
  if text ~= "" then self.terminal:above(text) end
end

---What an input printed.
function Session:output(text) self.terminal:above(text) end

---What went wrong; without a terminal, on standard error. Nothing is said of what only came of a lost output.
function Session:complain(text)
  if self.terminal:plain() and self.terminal:lost() then return end
  self.terminal:above(text, "error")
end

---Keeps an input that went well, for `:save`, and whether its value became `_`; the oldest of too many are forgotten.
function Session:keep(text, found)
  self.kept = self.kept or {}
  local first = found and found[1]
  self.kept[#self.kept + 1] = { text = text, named = first ~= nil and first ~= json.null }
  if #self.kept > KEPT then table.remove(self.kept, 1) end
end

return session
