-- Values as people would draw them, from their portraits: markets as a table, one market as a card, a book as a ladder,
-- candlesticks as a chart; everything else as Lua that can be pasted back.
local kinds = require "prompt.draw_kinds"
local later = require "prompt.later"
local lua = require "prompt.draw_lua"
local text = require "prompt.draw_text"
local values = require "prompt.values"
local width = require "prompt.width"

local books = later "prompt.draw_book"
local cards = later "prompt.draw_card"
local charts = later "prompt.draw_chart"
local documents = later "prompt.draw_json"
local tables = later "prompt.draw_table"

local draw = {}

local LEAST_WIDTH = 20
local LEAST_NUMBERS = 8 -- for a chart
local MOST_LINES = 400  -- of Lua
local MOST_ROWS = 200   -- of a table
local WHOLE_WIDTH = 4000

local function options(o)
  o = o or {}
  return {
    width = math.max(math.tointeger(o.width) or 80, LEAST_WIDTH), colour = o.colour,
    whole = o.whole, ascii = o.ascii, lines = o.whole and math.huge or MOST_LINES,
    rows = not o.whole and (o.rows or MOST_ROWS) or nil, now = o.now, offset = o.offset,
  }
end

local function join(lines, more)
  return table.move(more, 1, #more, #lines + 1, lines)
end

-- ---- lists ----

-- nil for a list that is no table, chart or ladder. `name`: in its answer.
local function list_lines(value, name, o, cursor)
  local is, kind = kinds.list(value)
  local more = values.left_out(value)
  if is == "numbers" then
    if #value < LEAST_NUMBERS then return nil end
    return charts.numbers(value, nil, o, more)
  end
  if is == "points" then
    local numbers, times = charts.points(value)
    return charts.numbers(numbers, times, o, more)
  end
  if is == "levels" then return books.levels(value, o) end
  if is ~= "records" then return nil end
  if kind == "candle" then return charts.candles(value, o, more) end
  if kind == "row" and not name and #value < 2 then return nil end
  if o.whole then o = setmetatable({ width = WHOLE_WIDTH }, { __index = o }) end -- all columns, uncut
  return tables.lines(value, kind, name, o, more, cursor)
end

-- ---- answers ----

local function empty_words(name)
  return "no " .. name:gsub("_", " ")
end

local function answer_lines(value, o)
  local parts, beside, cursor = kinds.answer(value)
  if not parts then return nil end
  local lines, lists = {}, 0
  for _, part in ipairs(parts) do
    if part.value[1] ~= nil then lists = lists + 1 end
  end
  for i, part in ipairs(parts) do
    local kind = kinds.record(part.value)
    local drawn
    if i > 1 then lines[#lines + 1] = "" end
    if kind then
      drawn = cards.lines(part.value, kind, o)
    elseif next(part.value) == nil then
      drawn = { text.dim(o, empty_words(part.name)) }
    else
      drawn = list_lines(part.value, part.name, o, i == #parts and cursor or nil)
    end
    if not drawn then return nil end
    join(lines, drawn)
  end
  local said = {}
  for _, name in ipairs(beside) do
    local member = value[name]
    if type(member) == "number" and text.is_time(name) and text.seconds(member) then
      member = text.clock(o, text.seconds(member), true)
    end
    said[#said + 1] = name .. " " .. width.clean(tostring(member), o.ascii)
  end
  if #said > 0 then table.insert(lines, 1, text.dim(o, text.fit(o, table.concat(said, ", "), o.width))) end
  return lines
end

-- ---- one value ----

local function portfolio_lines(value, o)
  local lines = cards.lines(value, "portfolio", o)
  for _, name in ipairs{ "positions", "settled" } do
    local list = value[name]
    local drawn = type(list) == "table" and next(list) ~= nil and list_lines(list, nil, o)
    if drawn then
      lines[#lines + 1] = ""
      join(lines, drawn)
    elseif name == "positions" then
      lines[#lines + 1] = text.dim(o, "  no positions")
    end
  end
  return lines
end

local function record_lines(value, o)
  local kind = kinds.record(value)
  if not kind then return nil end
  if kind == "portfolio" then return portfolio_lines(value, o) end
  if kind == "book" then return books.lines(value, o) end
  if kind == "candle" then return nil end
  return cards.lines(value, kind, o)
end

-- A picture that has no drawing of its own: what it is, and its fields as Lua.
local function userdata_lines(p, ids, o)
  local lines = { text.dim(o, text.fit(o, "--[[ " .. lua.words(p):gsub("%]%]", "] ]") .. " ]]", o.width)) }
  return p.v and join(lines, lua.lines(p.v, ids, o)) or lines
end

-- The drawing of what traders know; nil for anything else. A mistake in one costs the drawing, not the value, and is
-- told as the second result.
local function drawing(value, o)
  local ok, lines = pcall(function()
    return record_lines(value, o) or answer_lines(value, o) or list_lines(value, nil, o)
  end)
  if ok then return lines end
  return nil, text.dim(o, text.fit(o, "(could not be drawn: " .. tostring(lines) .. ")", o.width))
end

local function value_lines(p, ids, made, o)
  local kind = values.kind(p)
  local shown = p
  if kind == "ref" then shown = ids[p.ref] or p end
  kind = values.kind(shown)
  local value = values.of(p, made)
  if kind == "table" or kind == "userdata" then
    if type(value) == "table" and not values.is_opaque(value) then
      if shown.err then return cards.error(value, nil, o) end
      local drawn, mistake
      if not shown.mt then drawn, mistake = drawing(value, o) end
      if drawn then return drawn end
      if mistake then return join({ mistake }, lua.lines(p, ids, o)) end
    end
    if kind == "userdata" then return userdata_lines(shown, ids, o) end
  end
  return lua.lines(p, ids, o)
end

local SIMPLE = { ["nil"] = true, boolean = true, number = true, null = true }

---The text of a list of portraits: one value after the other, without a newline at the end. o: width (80), colour (no),
---ascii (characters beyond it do not come out well), rows (most of a table), whole (all that there is), now
---and offset (seconds since the epoch, and from UTC; left out: those of this machine). "" for an empty list.
function draw.values(list, o)
  o = options(o)
  local ids, made, simple = values.index(list), {}, true
  local n = list.n or #list
  for i = 1, n do simple = simple and SIMPLE[values.kind(list[i])] end
  local lines = {}
  if simple and n > 1 then
    local words = {}
    for i = 1, n do words[i] = lua.lines(list[i], ids, o)[1] end
    local line = table.concat(words, ", ")
    if #line <= o.width then return line end
  end
  for i = 1, n do join(lines, value_lines(list[i], ids, made, o)) end
  return table.concat(lines, "\n")
end

---The text of one portrait.
function draw.value(p, o)
  return draw.values({ n = 1, p }, o)
end

---The text of an error: the portrait of what was raised, and its traceback or nil.
function draw.error(p, traceback, o)
  return table.concat(cards.error(values.of(p), traceback, options(o)), "\n")
end

---A portrait as Lua that gives an equal value when it is loaded, as far as it is plain data and nothing was left out;
---what has no text in Lua is nil with a comment. It names `math` and `json` where it needs them. o: width, ascii, list
---(the portraits that this one is among: it may name what was shown before).
function draw.lua(p, o)
  local list = o and o.list or { p }
  o = options(o)
  o.lines, o.colour = math.huge, false
  return table.concat(lua.lines(p, values.index(list), o), "\n")
end

---A list of portraits as one JSON document: the value itself where there is one, else the list of all. Raises
---"validation" for what JSON has no place for, with the way to it.
function draw.json(list) return documents.encode(list) end

return draw
