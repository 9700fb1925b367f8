-- The front end of the prompt: reads inputs, has them evaluated at the other end, shows what comes of them.
local task = require "task"
local link = require "prompt.link"
local terminals = require "prompt.terminal"
local asking = require "prompt.asking"
local commands = require "prompt.commands"
local connection = require "prompt.connection"
local later = require "prompt.later"
local lines = require "prompt.lines"
local sessions = require "prompt.session"
local syntax = require "prompt.syntax"
local width = require "prompt.width"

local complete = later "prompt.complete"
local stops = later "prompt.stops"
-- In the order in which :help lists their commands.
commands.later{ "prompt.help", "prompt.tour", "prompt.basic", "prompt.looking", "prompt.debugging" }

local BUSY_AFTER = 0.25   -- seconds before it is said that a call waits
local BUSY_EVERY = 0.1
local BETWEEN = 0.02      -- seconds for keys between modules that are compiled in the background
local PATIENCE = 0.2      -- seconds that a call has to end by itself after Ctrl-C, before it is broken
local LAST_PATIENCE = 1   -- seconds after that, before it is not waited for any more

local options = link.options()
local typed = not options.inputs -- what is evaluated comes from the terminal, or from standard input

-- ---- opening ----

local exit_codes = { usage = 2, config = 3, auth = 3, network = 4, timeout = 4 }

-- What an error of this kind makes the command exit with, when nobody sits at a terminal.
local function code_of(kind) return exit_codes[kind] or 1 end

local gone -- why the other end has gone
local events = task.channel(64)

local terminal = terminals.open{ plain = not typed or nil }
local asks = terminal:asks() -- else the first input that fails is the last one

-- Begins to leave: nothing more can come of what is typed.
local function is_over(why)
  gone = gone or why
  events:close()
end

local session

-- A mistake of the prompt's own is told, once each; what was asked for goes on without it. What the other end refuses
-- (an error object with a kind) is none.
local faults = {}
local function fault(what, err)
  if type(err) == "table" and err.kind then return end
  local text = ("the prompt has made a mistake (%s): %s"):format(what, tostring(err))
  if faults[text] then return end
  faults[text] = true
  pcall(session.complain, session, text) -- fails where the terminal has gone
end

local conn = connection.open(link.open(), is_over, fault)
session = sessions.new(conn, terminal, options)
for _, event in ipairs{ "stopped", "went_on", "version" } do
  session:on(event, function(s, fields) stops.heed(s, event, fields) end)
end

local function fail(message, code)
  terminal:above("kalua: " .. message, "error")
  link.exit_code(code)
  terminal:close()
  conn:close()
end

local function label()
  local ready = session.ready
  local name = type(ready.path) == "string" and ready.name or session.is_local and "kalua" or ready.name
  local env = ready.env ~= "sim" and "[" .. ready.env .. "]" or ""
  return name .. env .. (session.armed and not session.is_local and "!" or "")
end

local function set_prompt()
  local text = label()
  session.first, session.next = text .. "> ", (" "):rep(#text - 1) .. ".. "
  terminal:prompt(session.first, session.next)
end
session.set_prompt = set_prompt

local function begin()
  if not conn:greet() then
    if session.is_local then return terminal:close() end -- the command says why
    return fail(gone or "the process has ended", 1)
  end
  local ready, began = task.channel(1), false
  session:begin(function()
    began = true
    ready:send(true)
  end)
  local waiter = task.spawn(pcall, session.call.wait, session.call) -- goes on as long as the session
  local ok, err = pcall(task.race, {
    function() ready:recv() end,
    function()
      local good, why = waiter:await()
      if not good then error(why, 0) end
    end,
  })
  if not ok then return fail(type(err) == "table" and err.message or tostring(err), code_of(err.kind)) end
  if not began then return fail("the session has ended before it began", 1) end
  task.spawn(function()
    local good, why = waiter:await()
    is_over(good and "the session has ended" or why.message or tostring(why))
  end)
  return true
end

local exchanges = { sim = "embedded exchange", demo = "demo exchange", prod = "production exchange, real money" }

local function greeting()
  local ready = session.ready
  local live = ready.env:match "^paper/(.*)"
  local exchange = live and "paper trading on " .. live
    or ready.simulator and "simulator at " .. ready.simulator:gsub("/trade%-api/v2/?$", "")
    or exchanges[ready.env]
  if session.is_local then
    session:print(("Kalua %s, %s. :help helps%s, Ctrl-D leaves."):format(ready.version, exchange,
      ready.env == "sim" and ", :tour shows around" or ""))
  else
    session:print(("%s, generation %d, process %d, %s. %s\nCtrl-D leaves; %s goes on."):format(ready.name,
      ready.generation, ready.pid, exchange, session.armed and "Armed." or "Looking only, until :arm.",
      ready.name))
  end
end

-- ---- inputs ----

-- Whether an input is complete: "more" where Lua could go on with it.
local function state_of(text)
  if text:find("^%s*:") or asking.question(text) then return "run" end
  if text:find("\n[ \t]*$") then return "run" end -- an empty line ends it, whatever it is
  text = syntax.without_equals(text)
  return syntax.unfinished(text) and not syntax.lone_method(text) and not syntax.split(text) and "more" or "run"
end

local function run_command(text)
  local name, rest = commands.parse(text)
  local command, near = commands.find(name or "")
  if not command then
    local meant = near and #near > 0 and ":" .. table.concat(near, ", :") or asking.near(name or "")
    local hint = meant and "; did you mean " .. meant .. "?"
    session:complain(("there is no command :%s%s"):format(name or "", hint or "; :help lists them"))
    return false
  end
  return command.run(session, rest) ~= false
end

-- Statements, and then the expression behind them: only its value is shown.
local function evaluate(text)
  local method = syntax.lone_method(text)
  if method then
    session.last_kind = "usage"
    session:complain(("%s is called: %s(…)%s"):format(method, text:match("^%s*(.-)%s*$"),
      asks and "; :help " .. method .. " says with what" or ""))
    return false
  end
  local whole = text
  local head, tail = syntax.split(text)
  local result = session:evaluate(head or text, { silent = head and true or nil })
  if head and result.status == "value" then
    text = tail
    result = session:evaluate(tail)
  end
  if result.status == "error" then
    session.last_kind = result.kind or session.last_kind
    session.last_error = result
  end
  if result.status == "value" then session:keep(whole, result.values) end
  local shown = session:show(result)
  if asks then asking.afterwards(session, text, result) end
  return shown
end

-- Runs one input to its end; true when it did not fail.
local function run(text)
  if text:find("^%s*$") then
    if not session.on_empty then return true end
    text = nil
  end
  local topic = text and asking.question(text)
  local ok, good = pcall(function()
    if not text then return session.on_empty.run(session) ~= false end
    if topic then return asking.about(session, topic) or run_command(":help " .. topic) end
    if text:find("^%s*:") then return run_command(text) end
    local command = asking.command(session, text)
    if command then return run_command(":" .. command) end
    return evaluate(syntax.without_equals(text))
  end)
  if ok then return good end
  local err = good
  if type(err) == "table" and err.kind == "cancelled" then
    session:complain("cancelled")
  elseif type(err) == "table" and err.kind then
    session.last_kind = err.kind
    session.last_error = { message = err.message, kind = err.kind, code = err.code }
    local own = err.kind == "usage" or err.kind == "validation" -- of a command: the words suffice
    session:complain((own and "" or err.kind .. ": ") .. err.message)
  else
    session:complain(tostring(err))
  end
  return false
end

-- Says how long an input has been running, until it is cancelled.
local function show_time()
  local waited = BUSY_AFTER
  task.sleep(BUSY_AFTER)
  while true do
    terminal:busy(("waiting, %.1f s (Ctrl-C cancels)"):format(waited))
    task.sleep(BUSY_EVERY)
    waited = waited + BUSY_EVERY
  end
end

local interrupted = false

-- Ends what runs: the call at the other end is cancelled, then broken; at last it is left alone.
local function interrupt(running)
  local call = session.under_way
  if call and not call:has_ended() then
    call:cancel()
    task.sleep(PATIENCE)
    link.interrupt()
    task.sleep(LAST_PATIENCE)
  end
  running:cancel("interrupted")
end

-- Runs an input while keys are looked at.
local function attend(text)
  terminal:busy("")
  local running = task.spawn(run, text)
  local clock = task.spawn(show_time)
  local watcher = task.spawn(function()
    while true do
      if terminal:event() == "interrupt" then
        interrupted = true
        interrupt(running)
      end
    end
  end)
  local ok, good = pcall(running.await, running)
  clock:cancel()
  watcher:cancel()
  if session.leaving then return ok and good end -- no further line is shown
  terminal:busy(nil)
  if session.on_empty then terminal:hint(session.on_empty.hint(session)) end
  if ok then return good end
  session:complain(type(good) == "table" and good.kind == "cancelled" and "cancelled" or tostring(good))
  return false
end

-- ---- what is typed ----

local function offer(text, cursor)
  local ok, list, from = pcall(complete.at, session, text, cursor)
  if not ok then
    fault("completion", list)
    list, from = {}, cursor
  end
  terminal:offer(list, from)
end

local function hint(text, cursor)
  if session.on_empty and not text:find("%S") then return terminal:hint(session.on_empty.hint(session)) end
  local ok, line = pcall(complete.hint, session, text, cursor)
  if not ok then fault("the hint", line) end
  terminal:hint(ok and line and width.cut(line, (terminal:size())) or nil)
end

-- Whether no more inputs are taken from who does not sit at a terminal.
local function over()
  return not asks and (interrupted or session.failed and not options.keep_going)
end

local function read_terminal()
  local asked_to_leave = false
  while not session.leaving and not gone do
    local kind, text, cursor = terminal:event()
    if kind == "enter" then
      if state_of(text) == "more" then
        terminal:newline()
      else
        terminal:accept(session.on_empty and not text:find("%S") and session.on_empty.input(session) or nil)
        if not attend(text) then session.failed = true end
        if over() then return end
      end
    elseif kind == "complete" then
      offer(text, cursor)
    elseif kind == "hint" then
      hint(text, cursor)
    elseif kind == "interrupt" then
      if asked_to_leave then session:print("Ctrl-D or :quit leaves") end
      if session.on_empty then terminal:hint(session.on_empty.hint(session)) end
    elseif kind == "eof" then
      if text and text:find("%S") and not attend(text) then session.failed = true end
      return
    end
    asked_to_leave = kind == "interrupt"
  end
end

local function run_inputs()
  for _, text in ipairs(options.inputs) do
    if not attend(text) then session.failed = true end
    if session.leaving or gone or over() then return end
  end
end

-- What the first keys and the first input need is compiled while nobody waits for it.
local function warm_up()
  local function pause() task.sleep(BETWEEN) end
  for _, name in ipairs{ "complete", "draw", "draw_table", "draw_card", "draw_book", "help_index", "help_pages" } do
    pause()
    require("prompt." .. name)
  end
  pause()
  require("prompt.doc_comments").all()
  commands.settle(pause)
end

-- ---- the whole ----

-- What the other end will say of itself is known, and it is still being started.
local foreseen = typed and asks and options.foreseen
if foreseen then
  session.ready = { version = options.version, env = "sim", name = "repl" }
  greeting()
  set_prompt()
  terminal:busy("")
  terminal:busy(nil) -- what is typed is shown from here on, though nobody takes it yet
end
if not begin() then return end

lines.follow(session)
session:on("note", function(s, m) s:print(m.text) end)
session:on("version", function(s, m)
  if m.phase == "ended" then
    is_over(("%s has ended%s"):format(s.ready.name, m.error and ": " .. m.error or ""))
  else
    s.ready.generation = m.generation
  end
end)

local background = {}
if typed and asks then
  if not foreseen then greeting() end
  if not terminal:plain() then background = { task.spawn(warm_up), session.names.fill(session) } end
end
if not foreseen then set_prompt() end
if not session.is_local then stops.settle(session) end

local reader = task.spawn(typed and read_terminal or run_inputs)
local watcher = task.spawn(function()
  events:recv() -- closed when the other end has gone
  if not session.leaving then reader:cancel("the other end has gone") end
end)
local ok, why = pcall(reader.await, reader)
watcher:cancel()
for _, one in ipairs(background) do one:cancel() end

local code = 0
if not asks and interrupted then
  code = 130
elseif not asks and session.failed then
  code = code_of(session.last_kind)
end
if not ok and not (type(why) == "table" and (why.kind == "cancelled" or why.kind == "broken_pipe")) then
  code = code_of(type(why) == "table" and why.kind)
  terminal:above("kalua: " .. (type(why) == "table" and why.message or tostring(why)), "error")
end
if gone and not session.leaving then
  terminal:above("kalua: " .. gone, "error")
  if not session.is_local then code = 1 end
end
local lost = not asks and terminal:lost()
if lost then -- a reader that has had enough is no news
  code = 1
  local text = "kalua: cannot write to standard output: " .. lost
  if lost ~= "" then pcall(terminal.above, terminal, text, "error") end
end
link.exit_code(code)
terminal:close()
conn:close()
