-- Lists of records as tables: columns that say most, as many as fit, numbers aligned at their points.
local json = require "json"
local columns = require "prompt.columns"
local sides = require "prompt.draw_sides"
local text = require "prompt.draw_text"
local values = require "prompt.values"
local width = require "prompt.width"

local tables = {}

local GAP = "  "
local NARROWEST, WIDEST = 10, 60 -- of a column that may be cut
local CURSOR = 20 -- columns

-- The first of the fields that has a value.
local function field(...)
  local names = { ... }
  return function(row)
    for _, name in ipairs(names) do
      if text.has(row[name]) then return row[name] end
    end
    return nil
  end
end

-- A column: label, what it is ("text", "price", "count", "dollars", "time", "ago" or "until"), its value, and how
-- important it is (the lower, the more). `flex`: may be cut; style(value, row).
local function column(label, is, get, rank, more)
  local out = { label = label, is = is, get = get, rank = rank }
  for name, value in pairs(more or {}) do out[name] = value end
  return out
end

local function bid(row)
  local price = row.yes_bid_dollars
  return type(price) == "number" and price > 0 and price or nil
end

local function ask(row)
  local price = row.yes_ask_dollars
  return type(price) == "number" and price < 1 and price > 0 and price or nil
end

-- The price of the first level of one side of a book's picture.
local function best(levels)
  local level = type(levels) == "table" and levels[1]
  return type(level) == "table" and level[1] or nil
end

local function green() return text.GREEN end
local function red() return text.RED end

local flex = { flex = true }

local LAYOUTS = {
  market = {
    column("ticker", "text", field "ticker", 1),
    column("title", "text", function(row, list)
      local outcome, title = row.yes_sub_title, row.title
      if type(outcome) ~= "string" or outcome == "" or outcome == title then return title end
      return (list.same_title or type(title) ~= "string") and outcome or outcome .. ", " .. title
    end, 6, { flex = 16 }),
    column("bid", "price", bid, 2, { style = green }),
    column("ask", "price", ask, 3, { style = red }),
    column("spread", "price", function(row) return bid(row) and ask(row) and ask(row) - bid(row) end, 7),
    column("last", "price", function(row)
      return type(row.last_price_dollars) == "number" and row.last_price_dollars > 0 and row.last_price_dollars or nil
    end, 4),
    column("volume", "count", field("volume_fp", "volume"), 8),
    column("interest", "count", field("open_interest_fp", "open_interest"), 9),
    column("closes", "until", field "close_time", 5),
    column("status", "text", field "status", 10, { unless = "active" }),
    column("result", "text", field "result", 11),
  },
  event = {
    column("event", "text", field "event_ticker", 1),
    column("title", "text", field "title", 2, flex),
    column("", "text", field "sub_title", 4, flex),
    column("category", "text", field "category", 5, flex),
    column("date", "time", field "strike_date", 3),
  },
  series = {
    column("series", "text", field "ticker", 1),
    column("title", "text", field "title", 2, flex),
    column("category", "text", field "category", 3, flex),
    column("frequency", "text", field "frequency", 4),
    column("fees", "text", field "fee_type", 5),
  },
  trade = {
    column("time", "time", field("created_time", "ts_ms", "ts", "created_ts"), 2),
    column("ticker", "text", field("ticker", "market_ticker"), 1),
    column("taker", "text", sides.taker, 5),
    column("yes", "price", field("yes_price_dollars", "price"), 3),
    column("count", "count", field("count_fp", "count"), 4),
    column("trade id", "text", field "trade_id", 6),
  },
  order = {
    column("order", "text", sides.order, 1),
    column("ticker", "text", field "ticker", 2),
    column("yes", "text", sides.view, 5),
    column("filled", "count", field("fill_count_fp", "fill_count"), 4),
    column("left", "count", field("remaining_count_fp", "remaining_count"), 3),
    column("status", "text", field "status", 6),
    column("age", "ago", field("created_time", "created_ts"), 7),
    column("order id", "text", field "order_id", 8),
  },
  fill = {
    column("time", "time", field("created_time", "ts"), 4),
    column("fill", "text", sides.order, 1),
    column("ticker", "text", field("ticker", "market_ticker"), 2),
    column("yes", "text", sides.view, 6),
    column("fee", "dollars", field("fee_cost", "fee"), 3),
    column("role", "text", function(row) return row.is_taker and "taker" or "maker" end, 5),
    column("order id", "text", field "order_id", 7),
  },
  position = {
    column("ticker", "text", field("ticker", "market_ticker"), 1),
    column("position", "count", field("position_fp", "position"), 2),
    column("average", "price", field "average_price", 6),
    column("mark", "price", field "mark", 5),
    column("unrealized", "dollars", field "unrealized_pnl", 3, { style = text.profit_style }),
    column("exposure", "dollars", field("market_exposure_dollars", "exposure"), 7),
    column("realized", "dollars", field("realized_pnl_dollars", "realized_pnl"), 4, { style = text.profit_style }),
    column("fees", "dollars", field("fees_paid_dollars", "fees_paid"), 8),
    column("traded", "dollars", field "total_traded_dollars", 9),
    column("changed", "ago", field("last_updated_ts", "updated_ts"), 10),
  },
  settled_market = {
    column("ticker", "text", field "ticker", 1),
    column("paid", "price", field "settlement", 3),
    column("realized", "dollars", field "realized_pnl", 2, { style = text.profit_style }),
    column("fees", "dollars", field "fees_paid", 4),
    column("bought", "count", field "bought", 6),
    column("sold", "count", field "sold", 7),
    column("settled", "ago", field "updated_ts", 5),
  },
  event_position = {
    column("event", "text", field "event_ticker", 1),
    column("exposure", "dollars", field "event_exposure_dollars", 3),
    column("realized", "dollars", field "realized_pnl_dollars", 2, { style = text.profit_style }),
    column("fees", "dollars", field "fees_paid_dollars", 4),
    column("cost", "dollars", field "total_cost_dollars", 5),
  },
  settlement = {
    column("settled", "time", field "settled_time", 3),
    column("ticker", "text", field "ticker", 1),
    column("result", "text", field "market_result", 2),
    column("yes", "count", field "yes_count_fp", 5),
    column("no", "count", field "no_count_fp", 6),
    column("cost", "dollars", sides.cost, 7),
    column("paid", "dollars", function(row) return type(row.revenue) == "number" and row.revenue / 100 or nil end, 8),
    column("profit", "dollars", sides.profit, 4, { style = text.profit_style }),
  },
  milestone = {
    column("starts", "time", field "start_date", 2),
    column("title", "text", field "title", 1, flex),
    column("type", "text", field "type", 3),
    column("id", "text", field "id", 4),
  },
  book = {
    column("ticker", "text", field "ticker", 1),
    column("bid", "price", function(row) return best(row.bids) end, 2, { style = green }),
    column("ask", "price", function(row) return best(row.asks) end, 3, { style = red }),
    column("bids", "count", field "bid_count", 4),
    column("asks", "count", field "ask_count", 5),
    column("changed", "text", function(row)
      return type(row.age) == "number" and text.span(row.age) .. " ago" or nil
    end, 6),
    column("", "text", function(row) return row.closed and "closed" or row.stale and "stale" or nil end, 7),
  },
}

-- ---- columns of other lists ----

local function is_scalar(value)
  return value ~= nil and value ~= json.null and (type(value) ~= "table" or values.is_opaque(value))
end

-- A column for each field that some row has; `name`: of the list, where that is known.
local function layout_of_rows(list, name)
  local seen, names, first = {}, {}, {}
  for i, path in ipairs(columns.favourites[name] or {}) do first[path] = i end
  for _, row in ipairs(list) do
    for one, value in pairs(row) do
      if not seen[one] and is_scalar(value) then
        seen[one] = true
        names[#names + 1] = one
      end
    end
  end
  table.sort(names, function(a, b)
    if first[a] or first[b] then return (first[a] or math.huge) < (first[b] or math.huge) end
    if columns.rank(a) ~= columns.rank(b) then return columns.rank(a) < columns.rank(b) end
    return a < b
  end)
  local out = {}
  for i, one in ipairs(names) do
    local is, strings = "number", false
    for _, row in ipairs(list) do
      local value = row[one]
      if is_scalar(value) and type(value) ~= "number" then
        is = "text"
        strings = strings or type(value) == "string" and value:find " " ~= nil
      end
    end
    if is == "text" and text.is_time(one) then is = "time" end
    if is == "number" and one:find "_dollars$" then is = "dollars" end
    if is == "number" and (one:find "_fp$" or one:find "count$") then is = "count" end
    out[i] = column(columns.label(one), is, function(row)
      if is_scalar(row[one]) then return row[one] end
      return nil
    end, i, { flex = is == "text" and strings })
  end
  return out
end

-- ---- cells ----

-- Each gives text for one value; the places are those that the whole column needs.
local CELLS = {
  price = function(_, value, places) return text.number(value, math.max(2, places)) end,
  dollars = function(_, value, places) return text.number(value, math.max(2, places)) end,
  count = function(_, value, places) return text.number(value, places > 0 and 2 or 0) end,
  number = function(_, value, places)
    if math.type(value) == "integer" and places == 0 then return string.format("%d", value) end
    if value ~= 0 and (math.abs(value) < 1e-4 or math.abs(value) >= 1e15) then return string.format("%.6g", value) end
    return text.number(value, places)
  end,
}
local PLACES = { price = 4, dollars = 4, count = 2, number = 6 }

local function time_cell(o, is, value)
  local seconds = text.seconds(value)
  if not seconds then return nil end
  if is == "time" then return text.clock(o, seconds, true) end
  local left = seconds - (o.now or os.time())
  if is == "until" then return left >= 0 and text.short_span(left) or "over" end
  return text.short_span(left)
end

local function text_cell(o, value)
  if values.is_opaque(value) then return "(" .. value.kind .. ")" end
  if math.type(value) == "float" then return string.format("%.14g", value) end
  return width.clean(tostring(value), o.ascii)
end

-- Fills cells, styles and widths of a column; false when it has nothing to say.
local function measure(one, list, o)
  one.cells, one.styles, one.width = {}, {}, width.of(one.label)
  one.right = CELLS[one.is] ~= nil or one.is == "until" or one.is == "ago"
  local places, some, telling, got = 0, false, not one.unless, {}
  for i, row in ipairs(list) do
    local value = one.get(row, list)
    if value == json.null or value == "" or value == false and one.is ~= "text" then value = nil end
    if type(value) == "table" and not values.is_opaque(value) then value = nil end
    got[i] = value
    if value ~= nil then
      some = true
      telling = telling or value ~= one.unless
      if type(value) == "number" and PLACES[one.is] then
        places = math.max(places, text.places(value, PLACES[one.is]))
      end
    end
  end
  if not (some and telling) then return false end
  for i = 1, #list do
    local value, cell = got[i], nil
    if value == nil then
      cell = ""
    elseif CELLS[one.is] and type(value) == "number" then
      cell = CELLS[one.is](o, value, places)
      one.styles[i] = one.style and one.style(value, list[i])
    elseif one.is == "time" or one.is == "until" or one.is == "ago" then
      cell = time_cell(o, one.is, value)
    end
    cell = cell or text_cell(o, value)
    one.cells[i] = cell
    one.width = math.max(one.width, width.of(cell))
  end
  if one.flex then
    one.natural = math.min(one.width, WIDEST)
    one.width = math.min(one.natural, math.max(math.tointeger(one.flex) or NARROWEST, width.of(one.label)))
  end
  return true
end

-- The columns that fit, in their order, and the labels of those that do not.
local function choose(layout, list, o)
  local by_rank, used, left_out = {}, 0, {}
  for at, one in ipairs(layout) do
    one.at, one.shown = at, false
    if measure(one, list, o) then by_rank[#by_rank + 1] = one end
  end
  table.sort(by_rank, function(a, b) return a.rank < b.rank end)
  for i, one in ipairs(by_rank) do
    local more = one.width + (i > 1 and #GAP or 0)
    if i == 1 or used + more <= o.width then
      one.shown, used = true, used + more
    end
  end
  local chosen = {}
  for _, one in ipairs(layout) do
    if one.shown then
      if one.natural then
        local more = math.max(0, math.min(one.natural - one.width, o.width - used))
        one.width, used = one.width + more, used + more
      end
      chosen[#chosen + 1] = one
    elseif one.cells and one.label ~= "" and #one.cells > 0 then
      left_out[#left_out + 1] = one.label
    end
  end
  return chosen, left_out
end

-- ---- a table ----

local function plural(name, n)
  if name == "series" then return name end
  return n == 1 and (name:gsub("ies$", "y"):gsub("s$", "")) or name
end

-- What a footer says of fields that have no column.
local function left_out_words(left_out)
  if #left_out == 0 then return nil end
  return "not shown: " .. table.concat(left_out, ", ")
end

---A list of records as lines. kind: as kinds.list says it; name: of the list in its answer, or nil. more: rows that are
---there beyond those of the list; cursor: to the next page.
function tables.lines(list, kind, name, o, more, cursor)
  local shown = list
  more = more or 0
  if o.rows and #list > o.rows then
    shown = table.move(list, 1, o.rows, 1, {})
    more = more + #list - o.rows
  end
  local layout = {}
  if LAYOUTS[kind] then
    for i, one in ipairs(LAYOUTS[kind]) do layout[i] = setmetatable({}, { __index = one }) end
  else
    layout = layout_of_rows(shown, name)
  end
  shown.same_title = #shown > 1
  for _, row in ipairs(shown) do shown.same_title = shown.same_title and row.title == shown[1].title end
  local chosen, left_out = choose(layout, shown, o)
  local lines = {}
  if kind == "market" and shown.same_title and text.has(shown[1].title) then
    lines[1] = text.styled(o, text.BOLD, text.fit(o, tostring(shown[1].title), o.width))
  end
  shown.same_title = nil
  local head = {}
  for i, one in ipairs(chosen) do head[i] = width.pad(one.label, one.width, one.right) end
  lines[#lines + 1] = text.dim(o, text.fit(o, (table.concat(head, GAP):gsub("%s+$", "")), o.width))
  for i = 1, #shown do
    local cells, blanks = {}, ""
    for at, one in ipairs(chosen) do
      local cell = width.cut(one.cells[i], math.min(one.width, o.width), text.dots(o))
      local fill = string.rep(" ", one.width - width.of(cell))
      local styled = text.styled(o, one.styles[i], cell)
      if at > 1 then blanks = blanks .. GAP end
      if one.right then
        cells[#cells + 1] = blanks .. fill .. styled
        blanks = ""
      elseif cell ~= "" then
        cells[#cells + 1] = blanks .. styled
        blanks = fill
      else
        blanks = blanks .. fill
      end
    end
    lines[#lines + 1] = table.concat(cells)
  end
  local words = (name or (kind == "row" and "rows" or kind == "series" and "series" or kind .. "s")):gsub("_", " ")
  local footer = { more > 0 and string.format("%s of %s %s (:full shows all)", text.number(#shown, 0),
    text.number(#shown + more, 0), words) or text.number(#shown, 0) .. " " .. plural(words, #shown) }
  footer[#footer + 1] = left_out_words(left_out)
  local operation = cursor and name and require("prompt.draw_kinds").LISTS[name]
  for _, line in ipairs(width.wrap(table.concat(footer, "; "), o.width)) do lines[#lines + 1] = text.dim(o, line) end
  if cursor then
    local next_page = "cursor = _.cursor"
    if operation then next_page = string.format("kalshi.%s{ %s, cursor = _.cursor }", operation, text.dots(o)) end
    cursor = text.fit(o, cursor, CURSOR)
    lines[#lines + 1] = text.dim(o, text.fit(o, string.format("cursor %s, next: %s", cursor, next_page), o.width))
  end
  return lines
end

return tables
