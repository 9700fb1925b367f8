-- The debugger's commands: breakpoints, steps, and looking at frames. What is stopped is in stops.lua.
local task = require "task"
local commands = require "prompt.commands"
local looking = require "prompt.looking_text"
local stops = require "prompt.stops"
local width = require "prompt.width"

local AROUND_MORE = 5  -- lines of the source around the one that is meant
-- How long a step waits for its end before it is said that the task runs on. Who sits at a terminal wants to go on
-- typing; the next input of a pipe is there already, and looks at where the step has led.
local STEP_SECONDS, PIPED_SECONDS = 2, 10

local usage, whole = commands.usage, commands.whole

-- The stopped task that is meant: the one that is named, the selected one, or the only one.
local function stopped(session, word)
  local d = stops.of(session)
  if word and word ~= "" then
    local id = whole(word, "the task")
    if not d.stops[id] then usage(("task %d is not stopped"):format(id)) end
    return id
  end
  local selected = session.selected
  if selected and d.stops[selected.task] then return selected.task end
  if #d.order == 0 then usage("no task is stopped; :break FILE:LINE sets a breakpoint, :suspend stops a task") end
  if #d.order > 1 then usage("which task? Stopped are " .. table.concat(d.order, ", ")) end
  return d.order[1]
end

-- ---- breakpoints ----

local function describe_break(session, b)
  local place = b.line > 0 and ("%s:%d"):format(stops.file(session, b.file), b.line) or
    ("%s:%d, nowhere in what is loaded now"):format(stops.file(session, b.file), b.wanted)
  local text = ("%d  %s%s%s"):format(b.breakpoint, place, b.once and " once" or "",
    b.condition and " if " .. width.clean(b.condition) or "")
  local told = {}
  if b.hits > 0 then told[#told + 1] = b.hits == 1 and "hit once" or ("hit %d times"):format(b.hits) end
  if b.passed > 0 then told[#told + 1] = ("%d of them could not stop"):format(b.passed) end
  if b.stays then told[#told + 1] = "of --break" end
  return #told > 0 and text .. "  (" .. table.concat(told, ", ") .. ")" or text
end

local function list_breaks(session)
  local answer = session:ask "breaks"
  local out = {}
  for _, b in ipairs(answer.breakpoints) do out[#out + 1] = describe_break(session, b) end
  for _, stop in ipairs(answer.stops) do out[#out + 1] = stops.describe(session, stop):match("^[^\n]*") end
  if answer.on_loop then out[#out + 1] = "loop  a task that runs for longer than --cpu-ms is stopped" end
  session:print(#out > 0 and table.concat(out, "\n") or "there are no breakpoints; :break FILE:LINE sets one")
end

-- The file that a bare line number belongs to: where the selected task stands, else the strategy itself.
local function usual_file(session)
  local d, selected = stops.of(session), session.selected
  local stop = selected and d.stops[selected.task]
  local file = stop and stop.file or stops.own_path(session)
  if not file then usage("in which file? :break FILE:LINE") end
  return file
end

local function set_break(session, text)
  local place, condition = text:match("^(%S.-)%s+if%s+(.+)$")
  place = place or text
  local bare = place:match("^(.-)%s+once$")
  local file, line = (bare or place):match("^(.+):(%d+)$")
  if not file then file, line = nil, (bare or place):match("^(%d+)$") end
  if not line then usage("where? :break FILE:LINE, or :break FILE:LINE if CONDITION") end
  local b = session:ask("break", { file = file or usual_file(session), line = whole(line, "the line"),
                                   condition = condition, once = bare and true or nil })
  local moved = b.line ~= b.wanted and (" (line %d has no code)"):format(b.wanted) or ""
  session:print(("breakpoint %d at %s:%d%s"):format(b.breakpoint, stops.file(session, b.file), b.line, moved))
end

local function offer_stopped(session, text)
  local d, words = stops.of(session), {}
  for i, id in ipairs(d.order) do
    local stop = d.stops[id]
    words[i] = { text = tostring(id), hint = ("%s:%d"):format(stops.file(session, stop.file), stop.line) }
  end
  return commands.offer(text, words)
end

commands.add{
  name = "break", aliases = { "b", "breaks" }, usage = ":break [FILE:LINE [once] [if COND]]",
  help = "stop each task that comes to a line; without FILE:LINE, list the breakpoints",
  detail = ":break 12 is line 12 of the file at hand. :break maker.lua:12 if bid > 0.4 stops where that holds; the\n" ..
    "condition reads the variables there and changes nothing. :break loop stops a task that runs for longer than\n" ..
    "--cpu-ms, in place of ending it; :break loop off does not. Needs :arm.",
  run = function(session, text)
    if text == "" then return list_breaks(session) end
    local word, off = text:match("^(loop)%s*(.-)$")
    if word and (off == "" or off == "on" or off == "off") then
      session:ask("on_loop", { on = off ~= "off" })
      return session:print(off == "off" and "a task that runs for longer than --cpu-ms is ended" or
        "a task that runs for longer than --cpu-ms is stopped; :continue lets it run, :cancel ends it")
    end
    set_break(session, text)
  end,
  complete = function(session, text)
    local words = { { text = "loop", hint = "tasks that run for longer than --cpu-ms" } }
    for _, file in ipairs(session:ask("breaks").files) do
      words[#words + 1] = { text = stops.file(session, file) .. ":" }
    end
    return commands.offer(text, words)
  end,
}

commands.add{
  name = "unbreak", usage = ":unbreak N|all", help = "remove a breakpoint, or all of them",
  run = function(session, text)
    if text == "" then usage("which one? :break lists them") end
    if text == "all" then
      session:ask("unbreak", { all = true })
      return session:print("there are no breakpoints any more")
    end
    local id = whole(text, "the breakpoint")
    session:ask("unbreak", { breakpoint = id })
    session:print(("breakpoint %d is removed"):format(id))
  end,
  complete = function(session, text)
    local words = { { text = "all" } }
    for _, b in ipairs(session:ask("breaks").breakpoints) do
      words[#words + 1] = { text = tostring(b.breakpoint), hint = describe_break(session, b) }
    end
    return commands.offer(text, words)
  end,
}

-- ---- going on ----

-- Waits for the task to stop again, for a moment.
local function step(session, word, how)
  local d = stops.of(session)
  local id = stopped(session, word)
  local over = task.channel()
  d.steps[id] = over
  session:ask("step", { task = id, how = how })
  local seconds = session.terminal:asks() and STEP_SECONDS or PIPED_SECONDS
  local ended, err = pcall(task.timeout, seconds, function() over:recv() end)
  if d.steps[id] == over then d.steps[id] = nil end
  if not ended and err.kind ~= "timeout" then error(err, 0) end
  if not ended and not d.stops[id] then
    session:print(("task %d runs on; when it stops it will be shown"):format(id))
  end
end

-- What an empty line does while a task is stopped and was stepped before (see main.lua): the same step again.
local repeating = {}

function repeating.hint(session)
  local d = stops.of(session)
  return #d.order > 0 and ("Enter: %s again"):format(d.last.command) or nil
end

function repeating.input(session)
  local d = stops.of(session)
  return #d.order > 0 and d.last.command or nil
end

function repeating.run(session)
  local d = stops.of(session)
  if #d.order > 0 then return step(session, nil, d.last.how) end
  session.on_empty = nil
end

local steps = {
  { "step", "into", "to the next line, also of what is called" },
  { "next", "over", "to the next line of this function" },
  { "out", "out", "until this function has returned" },
}
for _, s in ipairs(steps) do
  local name, how, what = s[1], s[2], s[3]
  commands.add{
    name = name, usage = (":%s [TASK]"):format(name), help = "a stopped task goes on " .. what,
    detail = "An empty line repeats the last of :step, :next and :out.",
    run = function(session, text)
      if not session.on_empty and not session.terminal:plain() then session.on_empty = repeating end
      stops.of(session).last = { command = ":" .. name, how = how }
      return step(session, text, how)
    end,
    complete = offer_stopped,
  }
end

commands.add{
  name = "continue", aliases = { "c", "cont" }, usage = ":continue [TASK|all]",
  help = "a stopped task goes on until its next breakpoint",
  run = function(session, text)
    if session.on_empty == repeating then session.on_empty = nil end
    session:ask("continue", { task = text ~= "all" and stopped(session, text) or nil })
  end,
  complete = offer_stopped,
}

commands.add{
  name = "suspend", usage = ":suspend [TASK]",
  help = "stop a task at the next line that it runs; without TASK, the next one that runs",
  run = function(session, text)
    session:ask("suspend", { task = text ~= "" and whole(text, "the task") or nil })
  end,
}

commands.add{
  name = "cancel", usage = ":cancel [TASK]", help = "cancel a task: its next wait raises \"cancelled\"",
  detail = "One that was stopped in a loop is ended. Without TASK it is the stopped one.",
  run = function(session, text)
    local id = text ~= "" and whole(text, "the task") or stopped(session)
    session:ask("cancel_task", { task = id })
  end,
}

-- ---- frames ----

-- The task that frames are looked at of: a stopped one, or the one that :task has selected.
local function looked_at(session, word)
  if word and word ~= "" then return whole(word, "the task") end
  local selected = session.selected
  return selected and selected.task or stopped(session)
end

local function task_of(session, id) return session:ask("tasks", { task = id }).tasks[1] end

local function frame_at(frames, level)
  for _, f in ipairs(frames) do
    if f.level == level then return f end
  end
end

-- The frame that is selected of this task; else its innermost.
local function level_in(t) return t.selected or 0 end

local function go_to(session, id, f)
  stops.select(session, id, f.level)
  local source = stops.source(session, f.file, f.line)
  session:print(("frame %d, %s"):format(f.level, looking.frame(f, stops.own_path(session))) ..
    (source and "\n" .. source or ""))
end

-- Of deep recursion only the innermost frames are listed.
local function no_frame(id, t, level)
  if t.more_frames and level >= #t.frames then
    usage(("only the innermost %d frames of task %d are listed"):format(#t.frames, id))
  end
  usage(("task %d has no frame %d"):format(id, level))
end

-- The next frame in a direction that has a line of Lua.
local function move(session, by)
  local id = looked_at(session)
  local t = task_of(session, id)
  local frames = t.frames
  local level = math.min(level_in(t), #frames) + by
  local f = frame_at(frames, level)
  while f and not f.line do
    level = level + by
    f = frame_at(frames, level)
  end
  if not f and by < 0 then usage "this is the innermost frame" end
  if not f and not t.more_frames then usage "this is the outermost frame" end
  if not f then no_frame(id, t, level) end
  go_to(session, id, f)
end

commands.add{
  name = "up", usage = ":up", help = "look at the function that called this one",
  run = function(session) move(session, 1) end,
}

commands.add{
  name = "down", usage = ":down", help = "look at the function that this one called",
  run = function(session) move(session, -1) end,
}

commands.add{
  name = "frame", usage = ":frame N", help = "look at frame N of the task; :where numbers them",
  run = function(session, text)
    local id = looked_at(session)
    local t = task_of(session, id)
    local level = text == "" and level_in(t) or whole(text, "the frame", 0)
    local f = frame_at(t.frames, level)
    if not f then no_frame(id, t, level) end
    go_to(session, id, f)
  end,
}

commands.add{
  name = "where", aliases = { "w", "bt" }, usage = ":where [TASK]",
  help = "the frames of the task that is looked at, and the source around the line where it is",
  run = function(session, text)
    local id = looked_at(session, text)
    local t = task_of(session, id)
    local o = session:drawing{ own = stops.own_path(session) }
    local f = frame_at(t.frames, level_in(t))
    local source = f and stops.source(session, f.file, f.line, AROUND_MORE)
    session:print(looking.task(t, o) .. (source and "\n" .. source or ""))
  end,
}

