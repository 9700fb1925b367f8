-- What is stopped in the strategy: which tasks, where, and the source there, shown as it happens. The debugger's
-- commands are in debugging.lua.
local task = require "task"
local looking = require "prompt.looking_text"
local style = require "prompt.style"
local width = require "prompt.width"

local stops = {}

local AROUND = 2 -- lines of the source around the one where a task has stopped

---What is known of this session: stops (by task), order (the tasks, the longest stopped first), shown (the
---task that shows a stop, by task), steps (channels of steps that wait), last (the step that an empty line repeats).
function stops.of(session)
  local d = session.debugging
  if not d then
    d = { stops = {}, order = {}, steps = {}, shown = {} }
    session.debugging = d
  end
  return d
end

---The file of the strategy; nil where it is from a text.
function stops.own_path(session)
  return type(session.ready.path) == "string" and session.ready.path or nil
end

---The name of a file as one who works on the strategy calls it.
function stops.file(session, file) return looking.file(file, session.ready.path) end

-- ---- sources ----

---Lines of the source around one (two before and behind it, or `around`), numbered, with an arrow at it; nil where the
---file is not one of the strategy.
function stops.source(session, file, line, around)
  if not file or not line then return nil end
  -- Of a long path only the end may be known.
  local name = file:match("^%.%.%.[^/]*/(.+)$") or file
  local ok, answer = pcall(session.ask, session, "source", { file = name, line = line, around = around or AROUND })
  if not ok or #answer.lines == 0 then return nil end
  local columns = session.terminal:size()
  local colour = session.terminal:colour()
  local digits = #tostring(answer.first + #answer.lines - 1)
  local out = {}
  for i, text in ipairs(answer.lines) do
    local n = answer.first + i - 1
    local here = n == line
    local row = ("%s %" .. digits .. "d  %s"):format(here and "->" or "  ", n, width.clean((text:gsub("\t", "  "))))
    row = width.cut(row:gsub("%s+$", ""), math.max(columns, 20))
    out[i] = style.paint(colour, here and style.BOLD or style.DIM, row)
  end
  return table.concat(out, "\n")
end

-- ---- what is stopped ----

local whys = { ["break"] = "breakpoint", step = "step", pause = "suspended", loop = "it ran for longer than --cpu-ms" }

---A stop in words; what went wrong at it on a line of its own.
function stops.describe(session, stop)
  local why = whys[stop.why] or stop.why
  if stop.breakpoint then why = ("breakpoint %d"):format(stop.breakpoint) end
  local text = ("task %d stopped at %s:%d (%s)"):format(stop.task, stops.file(session, stop.file), stop.line, why)
  if stop.error then text = text .. "\nits condition failed: " .. width.clean(stop.error) end
  return text
end

---Has names in inputs mean the variables of this frame of a waiting or stopped task first, or, without one, of what the
---task runs (the innermost function where it was stopped); task 0: of none any more.
function stops.select(session, id, frame)
  session:ask("select", { task = id, frame = frame })
  session.selected = id > 0 and { task = id, generation = session.ready.generation } or nil
end

local function show_stop(session, stop)
  local source = stops.source(session, stop.file, stop.line)
  session:print(stops.describe(session, stop) .. (source and "\n" .. source or ""))
end

local function forget(d, id)
  d.stops[id], d.shown[id] = nil, nil
  for i = #d.order, 1, -1 do
    if d.order[i] == id then table.remove(d.order, i) end
  end
end

local function on_stopped(session, stop)
  local d = stops.of(session)
  forget(d, stop.task)
  d.stops[stop.task] = stop
  d.order[#d.order + 1] = stop.task
  -- What is selected because it is stopped stays so: others are looked at when one asks.
  local selected = session.selected
  local mine = not selected or selected.task == stop.task or not d.stops[selected.task]
  local shown = task.spawn(function()
    if mine then pcall(stops.select, session, stop.task, 0) end -- fails where it goes on already
    show_stop(session, stop)
    local step = d.steps[stop.task]
    if step then step:close() end
  end)
  d.shown[stop.task] = shown
end

local function on_went_on(session, m)
  local d = stops.of(session)
  local stop = d.stops[m.task]
  if stop and stop.generation ~= m.generation then -- of the version before: that of the new one is stopped
    return session:print(("task %d of generation %d is not stopped any more: %s"):format(m.task, m.generation,
      m.text or "it went on"))
  end
  forget(d, m.task)
  if session.selected and session.selected.task == m.task then
    session.selected = nil
    -- Its frame is gone; what is typed next comes behind this request.
    local request = session.connection:start("select", { session = session.id, task = 0 })
    task.spawn(pcall, request.wait, request)
  end
  if m.text then
    session:print(("task %d is not stopped any more: %s"):format(m.task, m.text))
    local step = d.steps[m.task]
    if step then step:close() end
  end
end

-- In another version other tasks are stopped.
local function on_version(session)
  local d = stops.of(session)
  local id = d.order[#d.order]
  if session.selected and not d.stops[session.selected.task] then session.selected = nil end
  if id then task.spawn(pcall, stops.select, session, id, 0) end
end

local handlers = { stopped = on_stopped, went_on = on_went_on, version = on_version }

---Takes an event of the session: "stopped", "went_on" or "version". Does not wait for the connection.
function stops.heed(session, event, fields) handlers[event](session, fields) end

---When a session has begun: what was stopped already is known and shown before the first input.
function stops.settle(session)
  local ok, answer = pcall(session.ask, session, "breaks")
  for _, stop in ipairs(ok and answer.stops or {}) do
    local shown = stops.of(session).shown[stop.task]
    if shown then pcall(shown.await, shown) end
  end
end

return stops
