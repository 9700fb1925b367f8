-- What is seen inside of a running strategy, as text: its tasks, their variables, its figures. From what the operations
-- of runtime/prompt/inspect.h answer.
local json = require "json"
local draw_text = require "prompt.draw_text"
local style = require "prompt.style"
local width = require "prompt.width"

local text = {}

local LEAST = 12 -- columns of what may be cut

local dim, duration, several = draw_text.dim, draw_text.fine_span, draw_text.several

local function whole(n) return draw_text.number(n, 0) end

-- Rows of texts in columns; the last is cut where it does not fit, and has the style row.style. rows.head: the first is
-- a head; rows.style: of the first column; `right`: which columns are numbers.
local function columns(rows, o, right)
  local wide, lines = {}, {}
  for _, row in ipairs(rows) do
    for i = 1, #row - 1 do wide[i] = math.max(wide[i] or 0, width.of(row[i])) end
  end
  for n, row in ipairs(rows) do
    local line, used = {}, 0
    for i = 1, #row - 1 do
      line[i] = width.pad(row[i], wide[i], right and right[i])
      used = used + wide[i] + 2
    end
    if not rows.head then line[1] = style.paint(o.colour, rows.style, line[1]) end
    line[#row] = style.paint(o.colour, row.style, width.cut(row[#row], math.max(o.width - used, LEAST)))
    local s = table.concat(line, "  "):gsub("%s+$", "")
    lines[n] = n == 1 and rows.head and dim(o, s) or s
  end
  return lines
end

---The name of a file as one who works on it calls it: that in the folder of the strategy itself without the folder.
---own: the path of the strategy; not a string where it is from a text.
function text.file(file, own)
  local folder = type(own) == "string" and own:match("^(.*/)")
  if folder and file:sub(1, #folder) == folder then file = file:sub(#folder + 1) end
  return width.clean(file)
end

-- A place is "FILE:LINE".
local function short_place(place, own)
  local file, line = place:match("^(.*):(%d+)$")
  return file and text.file(file, own) .. ":" .. line or width.clean(place)
end

-- ---- tasks ----

---"quote at maker.lua:12"
function text.frame(f, own)
  local name = f.what == "main" and "the main chunk" or f.name and width.clean(f.name) or "a function"
  if f.what == "C" then return name == "a function" and "inside of Kalua" or name end
  return ("%s at %s%s"):format(name, text.file(f.file, own), f.line and ":" .. f.line or "")
end

-- Where it is: of the frames of Lua the innermost. The first of all where there is none.
local function first_of_lua(frames)
  for _, f in ipairs(frames) do
    if f.what ~= "C" then return f end
  end
  return frames[1]
end

---The list of tasks. o: width, colour, own (path of the strategy).
function text.tasks(answer, o)
  local rows = { head = true, { "task", "is", "where it is", "spawned at", "waits for" } }
  for _, t in ipairs(answer.tasks) do
    local f = first_of_lua(t.frames)
    rows[#rows + 1] = {
      ("%d"):format(t.id), t.status,
      f and f.what ~= "C" and text.file(f.file, o.own) .. ":" .. (f.line or "?") or "",
      t.main and "main chunk" or t.prompt and "a prompt" or t.place and short_place(t.place, o.own) or "",
      width.clean(t.waits),
    }
  end
  if #rows == 1 then return answer.total and answer.total > 0 and "no further tasks" or "no task runs" end
  local lines = columns(rows, o, { true })
  if answer.next and answer.total > #answer.tasks then
    lines[#lines + 1] = dim(o, ("… of %s tasks; :tasks %d+ goes on"):format(whole(answer.total), answer.next))
  end
  return table.concat(lines, "\n")
end

---One task with its frames, the innermost first.
function text.task(t, o)
  local head = ("task %d, %s: waits for %s"):format(t.id, t.main and "the main chunk" or t.prompt and "of a prompt" or
    "spawned at " .. (t.place and short_place(t.place, o.own) or "?"), width.clean(t.waits))
  local rows = {}
  for _, f in ipairs(t.frames) do
    local mark = t.selected == f.level and "*" or ""
    local words = text.frame(f, o.own)
    rows[#rows + 1] = { mark .. ("%d"):format(f.level), f.tail and words .. " (a tail call)" or words }
  end
  local lines = columns(rows, o, { true })
  table.insert(lines, 1, head)
  if #rows == 0 then lines[2] = dim(o, "it has not begun") end
  if t.more_frames then lines[#lines + 1] = dim(o, "… and what called those") end
  return table.concat(lines, "\n")
end

-- A table of functions, as a module, is not opened: everybody knows what is in it, and it hides the rest.
local function as_module(p)
  if type(p) ~= "table" or not p.t or not p.h or (p.a and #p.a > 0) then return nil end
  local functions = 0
  for _, pair in ipairs(p.h) do
    if type(pair[2]) == "table" and pair[2].fn then functions = functions + 1 end
  end
  local hidden = p.nh or 0
  if functions < 4 or functions * 2 <= #p.h then return nil end
  return ("{ … %s }"):format(several(functions + hidden, "function"))
end

---The variables of a frame: a list of {name, kind, value}. `draw(portrait, columns)` gives the text of a value.
function text.locals(list, o, draw)
  local lines, kind = {}, nil
  local words = { ["local"] = "local", vararg = "further arguments", upvalue = "from around it" }
  for _, v in ipairs(list) do
    if v.kind ~= kind then
      kind = v.kind
      lines[#lines + 1] = dim(o, words[kind] or kind)
    end
    local name = "  " .. width.clean(v.name) .. " = "
    local value = as_module(v.value) or draw(v.value, math.max(o.width - width.of(name), LEAST))
    local first, rest = value:match("^([^\n]*)\n(.*)$")
    if first then
      lines[#lines + 1] = name:gsub(" $", "")
      value = first .. "\n" .. rest
      lines[#lines + 1] = "    " .. value:gsub("\n", "\n    ")
    else
      lines[#lines + 1] = name .. value
    end
  end
  return #lines > 0 and table.concat(lines, "\n") or "it has no variables"
end

-- ---- figures ----

local function bytes(n)
  if n < 10 * 1024 then return whole(n) .. " bytes" end
  if n < 10 * 1024 * 1024 then return ("%.0f KiB"):format(n / 1024) end
  return ("%.1f MiB"):format(n / 1024 / 1024)
end

local function of(pair) return ("%s of %s"):format(whole(pair[1]), whole(pair[2])) end

local function account(a)
  if a == json.null then return "not kept: kalshi.orders(), positions() or balance() begins that" end
  if not a.loaded then return "is being read" end
  return ("%s, %s, %s%s"):format(several(a.resting, "resting order"), several(a.positions, "position"),
    several(a.fills, "fill"), a.stale and "; maybe not as it is now" or "")
end

local function feed(f)
  local out = { f.connected and "connected" or "not connected" }
  if f.age then out[#out + 1] = ("the last byte %s ago"):format(duration(f.age)) end
  if f.late then out[#out + 1] = ("%s late"):format(duration(f.delay)) end
  out[#out + 1] = several(f.messages, "message")
  if f.reconnects > 0 then out[#out + 1] = several(f.reconnects, "reconnect") end
  if f.gaps > 0 then out[#out + 1] = several(f.gaps, "gap") end
  out[#out + 1] = several(f.books, "book") .. (f.stale_books > 0 and (", %d stale"):format(f.stale_books) or "")
  if f.last_error and not f.connected then out[#out + 1] = width.clean(f.last_error) end
  return table.concat(out, ", ")
end

local function rest(r)
  local out = { several(r.calls, "call") }
  for _, k in ipairs{ "errors", "retries", "rate_limited", "lost", "lost_unknown" } do
    if r[k] > 0 then out[#out + 1] = whole(r[k]) .. " " .. k:gsub("_", " ") end
  end
  if r.writes_pending > 0 then out[#out + 1] = several(r.writes_pending, "write") .. " under way" end
  return table.concat(out, ", ")
end

local function budget(b)
  return ("read %.0f of %.0f (%.0f/s), write %.0f of %.0f (%.0f/s)%s%s"):format(b.read, b.read_capacity, b.read_rate,
    b.write, b.write_capacity, b.write_rate, b.tier and ", tier " .. width.clean(b.tier) or "",
    b.waiting > 0 and ", " .. several(b.waiting, "call") .. " waiting" or "")
end

---What the operation `inspect` answers, a line each.
function text.figures(m, o)
  local rows = { style = style.DIM }
  local function add(what, value) rows[#rows + 1] = { what, value } end
  add("is", ("%s, generation %d, up for %s%s"):format(m.phase, m.generation,
    duration((m.now_ms - m.started_ms) / 1e3), m.reloads > 0 and ", " .. several(m.reloads, "reload") or ""))
  if m.memory then
    add("memory", ("%s, at most %s so far, may have %s"):format(bytes(m.memory), bytes(m.memory_peak),
      bytes(m.memory_cap)))
  end
  local each
  if m.run then
    local r = m.run
    add("time", ("%s of the last %s (%.1f %%)"):format(duration(r.ran), duration(r.seconds),
      r.seconds > 0 and r.ran / r.seconds * 100 or 0))
    each = (", %s each, the longest %s (measuring takes %d ns)"):format(
      duration(r.resumes > 0 and r.ran / r.resumes or 0), duration(r.longest), r.cost_ns)
  end
  if m.limits then
    local l = m.limits
    add("turns", whole(m.resumes) .. (each or ""))
    add("errors", whole(m.errors))
    add("tasks", of(l.tasks))
    add("timers", of(l.timers))
    add("open", ("%s books and subscriptions, %s requests and connections"):format(of(l.handles), of(l.sockets)))
    add("queued", ("%s of %s"):format(bytes(l.queued[1]), bytes(l.queued[2])))
  end
  if m.feed then
    add("feed", feed(m.feed))
    add("REST", rest(m.rest))
    add("tokens", budget(m.budget))
    add("account", account(m.account))
  end
  if m.last_error then add("last error", width.clean(m.last_error)) end
  for i, s in ipairs(m.sessions or {}) do
    add(i == 1 and "prompts" or "", ("%s%s%s"):format(width.clean(s.who), s.armed and ", armed" or "",
      s.own and ", this one" or ""))
  end
  return table.concat(columns(rows, o), "\n")
end

-- ---- what is open ----

local about = {
  book = function(m)
    local state = m.error and width.clean(m.error) or not m.ready and "has no snapshot yet" or m.stale and "stale" or
      ("%s old"):format(duration(m.age or 0))
    return m.ticker, several(m.changes or 0, "change") .. ", " .. state
  end,
  deltas = function(m) return m.ticker end,
  subscription = function(m)
    local what = table.concat(m.channels, ", ")
    return what, (m.markets and several(m.markets, "market") or "all markets") ..
      (m.error and ", " .. width.clean(m.error) or "")
  end,
  bus = function(m) return width.clean(m.channel) end,
  ws = function(m) return width.clean(m.url), m.open and "open" or "not open" end,
  http = function(m) return width.clean(m.url), m.bytes > 0 and bytes(m.bytes) .. " to read" or nil end,
}

---What is open, of the answer of `inspect`: books, subscriptions, connections; a line each.
function text.open(m, o)
  local rows = { head = true, { "what", "of", "queued", "" } }
  for _, one in ipairs(m.open) do
    local what, more = (about[one.kind] or function() return "" end)(one)
    local queued = one.queued and whole(one.queued) or ""
    local lost = one.lost and one.lost > 0
    if lost then more = whole(one.lost) .. " lost" .. (more and ", " .. more or "") end
    rows[#rows + 1] = { one.kind, what, queued, more or "", style = lost and style.YELLOW or nil }
  end
  if #rows == 1 then return "no book, subscription or connection is open" end
  local lines = columns(rows, o, { false, false, true })
  if m.open_total > #m.open then
    lines[#lines + 1] = dim(o, ("… and %s more"):format(whole(m.open_total - #m.open)))
  end
  return table.concat(lines, "\n")
end

---A watched expression and its value.
function text.watched(number, source, value, o)
  local head = ("[%d] %s"):format(number, width.cut(width.clean(source), math.max(o.width // 2, LEAST)))
  head = style.paint(o.colour, style.BOLD, head)
  if value:find("\n") then return head .. "\n" .. value end
  return head .. " = " .. value
end

return text
