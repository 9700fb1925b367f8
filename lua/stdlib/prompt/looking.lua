-- Commands for looking inside of a running strategy, and for what one does there then.
local json = require "json"
local task = require "task"
local later = require "prompt.later"
local commands = require "prompt.commands"
local draw = later "prompt.draw"
local stops = require "prompt.stops"
local syntax = require "prompt.syntax"
local text = require "prompt.looking_text"

local WATCHES_MOST = 8 -- a client has 16 requests under way at a time
local WATCH_EVERY, WATCH_LEAST, WATCH_MOST = 1, 0.05, 3600

local usage = commands.usage
local function whole(word, what) return commands.whole(word, what, 0) end

local function drawing(session, more)
  local o = session:drawing(more)
  local path = session.ready.path
  o.own = type(path) == "string" and path or nil -- a prompt without a script has none
  return o
end

-- One task with all that is asked of it.
local function task_of(session, id)
  return session:ask("tasks", { task = id }).tasks[1]
end

-- ---- tasks and their variables ----

-- What is selected; another version has other tasks.
local function selected_of(session)
  local selected = session.selected
  return selected and selected.generation == session.ready.generation and selected or nil
end

commands.add{
  name = "tasks", usage = ":tasks [ID]", help = "what runs and what each task waits for, or one task with its frames",
  detail = ":tasks 3 shows the frames of task 3, the innermost first; :tasks 100+ lists those behind task 100.",
  run = function(session, rest)
    local id, onward = rest:match("^(%S+)$"), rest:match("^(%d+)%+$")
    if rest == "" or onward then
      local answer = session:ask("tasks", { after = onward and whole(onward, "the task") or nil })
      return session:print(text.tasks(answer, drawing(session)))
    end
    if not id then usage("which task? :tasks 3") end
    session:print(text.task(task_of(session, whole(id, "the task")), drawing(session)))
  end,
}

-- The number of a frame, where one was named.
local function frame_of(word)
  return word and word ~= "" and whole(word, "the frame") or nil
end

commands.add{
  name = "task", usage = ":task [ID [FRAME]]", help = "look names up in the variables of a task first",
  detail = ":task 0 ends that. FRAME is a number that :tasks ID shows; left out: what the task runs, or, where " ..
    "it was stopped, its innermost function.",
  run = function(session, rest)
    local id, frame = rest:match("^(%S+)%s*(%S*)$")
    if not id then
      local selected = selected_of(session)
      local one = selected and task_of(session, selected.task)
      if not one or not one.selected then
        session.selected = nil -- its frame is gone
        return session:print("no task is selected; :tasks lists them")
      end
      return session:print(text.task(one, drawing(session)))
    end
    id = whole(id, "the task")
    if id == 0 then
      stops.select(session, 0)
      return session:print("no task is selected any more")
    end
    stops.select(session, id, frame_of(frame))
    session:print(text.task(task_of(session, id), drawing(session)))
  end,
}

commands.add{
  name = "locals", usage = ":locals [ID [FRAME]]", help = "the variables of a task",
  detail = "Without ID those of the task that :task has selected, or of the only one.",
  run = function(session, rest)
    local id, frame = rest:match("^(%S+)%s*(%S*)$")
    local selected = selected_of(session)
    if not id and selected then
      id = selected.task
    elseif not id then
      local all = session:ask("tasks", { n = 1, frames = 0 })
      if all.total ~= 1 then usage("of which task? :tasks lists them, :locals 3 shows those of task 3") end
      id = all.tasks[1].id
    else
      id = whole(id, "the task")
    end
    local where, list = session:ask_parts("locals", { task = id, frame = frame_of(frame) })
    local o = drawing(session)
    session:print(("task %d, %s"):format(id, text.frame(where, o.own)))
    session:print(text.locals(list or {}, o, function(value, columns)
      return draw.value(value, drawing(session, { width = columns, rows = 20 }))
    end))
  end,
}

-- ---- figures ----

commands.add{
  name = "stats", usage = ":stats", help = "memory, time, what it holds of what it may, feed, tokens, who looks",
  run = function(session)
    session:print(text.figures(session:ask("inspect", { n = 0 }), drawing(session)))
  end,
}

commands.add{
  name = "subs", usage = ":subs", help = "its books, subscriptions and connections, and how much waits in each",
  run = function(session)
    session:print(text.open(session:ask("inspect"), drawing(session)))
  end,
}

-- Of one account. What it was is not the last value, `_`.
local function show_orders(session, source)
  local result = session:evaluate(source)
  local orders = result.status == "value" and result.values[1]
  if orders and not (orders.a and #orders.a > 0) then return session:print("no resting orders") end
  return session:show(result)
end

commands.add{
  name = "orders", usage = ":orders", help = "the resting orders of each account",
  run = function(session)
    local accounts = session:ask("inspect", { n = 0 }).accounts or {}
    if #accounts < 2 then return show_orders(session, "kalshi.orders()") end
    local fine = true
    for _, a in ipairs(accounts) do
      local source = a.profile == "" and "kalshi.orders()"
        or ('kalshi.connect{ profile = "%s" }.orders()'):format(a.profile)
      session:print(("-- account %s%s%s"):format(a.paper and "paper/" or "", a.env, a.profile ~= "" and " " .. a.profile
        or ""))
      fine = show_orders(session, source) ~= false and fine
    end
    return fine
  end,
}

-- ---- watching ----

-- "EXPR SECONDS", where SECONDS is no part of the expression.
local function split_seconds(rest)
  local source, seconds = rest:match("^(.-)%s+([%d.]+)$")
  if source and tonumber(seconds) and syntax.is_expression(source) then
    return source, tonumber(seconds)
  end
  return rest, WATCH_EVERY
end

local function show_watched(session, w, m, document)
  local o = drawing(session)
  local value
  if type(document) ~= "table" then -- it has no value: why is said in words
    value = tostring(document)
  elseif m.status == "error" then
    value = draw.error(document[1], nil, o)
    if m.kind == "permission" then -- also of who is armed
      value = value:gsub(": :arm first", "")
        .. "\nwhat is watched can only look: set a variable first, like book = kalshi.book(…), and watch that"
    end
  else
    value = draw.values(document, o)
  end
  session:print(text.watched(w.number, w.source, value ~= "" and value or "no value", o))
end

-- Begins to follow an expression; goes on until it is told not to, or the session ends.
local function watch(session, source, seconds)
  local list = session.watches or {}
  session.watches = list
  local w = { number = (session.last_watch or 0) + 1, source = source, seconds = seconds }
  local parts = {}
  w.call = session.connection:start("watch",
    { session = session.id, source = source, every_ms = math.floor(seconds * 1000 + 0.5) },
    function(event, m)
      if event == "part" then
        parts[#parts + 1] = m.text
      elseif event == "value" then
        local document = json.decode(table.concat(parts))
        parts = {}
        if not w.over then show_watched(session, w, m, document) end
      end
    end)
  session.last_watch = w.number
  list[#list + 1] = w
  task.spawn(function() -- what is refused is told, whenever that is
    local ok, err = pcall(w.call.wait, w.call)
    for n, other in ipairs(list) do
      if other == w then table.remove(list, n) end
    end
    if not ok and not w.over and err.kind ~= "closed" and err.kind ~= "cancelled" then
      session:complain(("[%d] is not watched: %s"):format(w.number, err.message or tostring(err)))
    end
  end)
end

commands.add{
  name = "watch", usage = ":watch [EXPR [SECONDS]]", help = "show a value whenever it changes, looked at each second",
  detail = ":watch lists what is watched, :unwatch 1 or :unwatch all ends it. What is watched cannot change anything.",
  run = function(session, rest)
    local list = session.watches or {}
    if rest == "" then
      local lines = {}
      for _, w in ipairs(list) do lines[#lines + 1] = ("[%d] %s, each %g s"):format(w.number, w.source, w.seconds) end
      return session:print(#lines > 0 and table.concat(lines, "\n") or "nothing is watched; :watch EXPR begins that")
    end
    local source, seconds = split_seconds(rest)
    if seconds < WATCH_LEAST or seconds > WATCH_MOST then
      usage(("it can be looked at each %g to %d seconds"):format(WATCH_LEAST, WATCH_MOST))
    end
    if #list >= WATCHES_MOST then usage(("%d expressions are watched already; :unwatch one"):format(#list)) end
    session:ask("journal", { text = ":watch " .. rest })
    watch(session, source, seconds)
  end,
}

commands.add{
  name = "unwatch", usage = ":unwatch N|all", help = "watch an expression no longer",
  run = function(session, rest)
    local list, found = session.watches or {}, false
    for n = #list, 1, -1 do
      local w = list[n]
      if rest == "all" or rest == tostring(w.number) then
        found, w.over = true, true
        w.call:cancel()
      end
    end
    if not found then usage("which one? :watch lists them") end
  end,
}

-- ---- the log ----

local LEVELS = {}
for i, level in ipairs{ "error", "warn", "info", "debug", "trace" } do LEVELS[i] = { text = level } end

commands.add{
  name = "log", usage = ":log [LEVEL]", help = "which lines the process logs: error, warn, info, debug or trace",
  run = function(session, rest)
    local answer = session:ask("log_level", { level = rest ~= "" and rest or nil })
    if answer.was == answer.level then return session:print("the log level is " .. answer.level) end
    session:print(("the log level is %s now, it was %s"):format(answer.level, answer.was))
  end,
  complete = function(_, rest) return commands.offer(rest, LEVELS) end,
}

-- ---- changing ----

local function arm(session, on)
  local answer = session:ask("arm", { on = on })
  session.armed = answer.armed
  if session.set_prompt then session.set_prompt() end
  if answer.journal then session:complain("what is typed cannot be written to the journal: " .. answer.journal) end
end

commands.add{
  name = "arm", usage = ":arm", help = "inputs may change the strategy from now on",
  run = function(session)
    arm(session, true)
    local env = session.ready.env
    session:print(("armed: what is typed can change %s%s; :disarm ends that"):format(session.ready.name,
      env == "prod" and ", on prod, with real money" or " (" .. env .. ")"))
  end,
}

commands.add{
  name = "disarm", usage = ":disarm", help = "inputs can look only from now on",
  run = function(session)
    arm(session, false)
    session:print("looking only, until :arm")
  end,
}

-- Something that changes what the strategy does, from outside of it: the operation of the same name.
local function change(session, op, fields)
  if not session.armed then
    error({ kind = "permission", message = (":%s changes what %s does: :arm first"):format(op, session.ready.name) }, 0)
  end
  session:ask("journal", { text = ":" .. op })
  fields = fields or {}
  fields.name = session.ready.name
  return session:ask(op, fields)
end

commands.add{
  name = "reload", usage = ":reload", help = "start the source of the strategy as it is now",
  run = function(session)
    local answer = change(session, "reload")
    session:print(("reloaded in %.1f ms, generation %d"):format(answer.ms, answer.generation))
  end,
}

commands.add{
  name = "pause", usage = ":pause", help = "its tasks rest, events queue, until :resume",
  run = function(session)
    change(session, "pause")
    session:print(session.ready.name .. " is paused; :resume lets it go on")
  end,
}

commands.add{
  name = "resume", usage = ":resume", help = "a paused strategy goes on",
  run = function(session)
    change(session, "resume")
    session:print(session.ready.name .. " goes on")
  end,
}

commands.add{
  name = "stop", usage = ":stop [NAME]", help = "end the strategy, with its on_stop handlers",
  detail = "At a terminal its name must be typed, too: it cannot be undone.",
  run = function(session, rest)
    local name = session.ready.name
    if rest ~= "" and rest ~= name then usage(("this is %s, not %s"):format(name, rest)) end
    if rest == "" and not session.terminal:plain() and session.armed then
      return session:print((":stop %s ends it, with its on_stop handlers; with the last strategy the process ends")
        :format(name))
    end
    session.leaving = true -- its end is not the end of this command
    local ok, answer = pcall(change, session, "stop")
    if not ok and answer.kind ~= "closed" then -- the process may end before it has answered
      session.leaving = false
      error(answer, 0)
    end
    session:print(name .. (ok and answer.failed and " has stopped; it has failed" or " has stopped"))
    return not (ok and answer.failed)
  end,
  complete = function(session, rest) return commands.offer(rest, { { text = session.ready.name } }) end,
}

commands.add{
  name = "detach", usage = ":detach", help = "leave the prompt; what runs goes on",
  run = function(session) session.leaving = true end,
}
