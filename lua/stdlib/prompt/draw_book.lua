-- A book as a ladder: asks above, bids below, the best of both at the middle with spread and mid between them.
local rungs = require "prompt.rungs"
local text = require "prompt.draw_text"
local width = require "prompt.width"

local books = {}

local finite = text.finite

local LEVELS = 10 -- of each side, as far as the rows of the screen suffice
local LEAST = 3
local BESIDE = 6  -- lines beside the levels: two above, the middle, what is left out of each side, the prompt
local WIDEST = 60 -- columns of a bar

local function is_pair(level)
  return type(level) == "table" and finite(level[1]) and finite(level[2])
end

local function pairs_of(list)
  local out = {}
  for _, level in ipairs(type(list) == "table" and list or {}) do
    if is_pair(level) then out[#out + 1] = level end
  end
  return out
end

-- The exchange's answers have the bids of both sides, worst first: an ask of YES is a bid of NO.
local function from_answer(yes, no)
  local bids, asks = pairs_of(yes), {}
  for _, level in ipairs(pairs_of(no)) do asks[#asks + 1] = { 1 - level[1], level[2] } end
  table.sort(bids, function(a, b) return a[1] > b[1] end)
  table.sort(asks, function(a, b) return a[1] < b[1] end)
  return bids, asks
end

local function sum(levels)
  local total = 0
  for _, level in ipairs(levels) do total = total + level[2] end
  return total
end

---What is drawn of a book's picture, or of an answer of get_market_orderbook: ticker, bids and asks best first, and how
---many levels and contracts there are of each.
function books.view(record)
  if record.type == "book" then
    local view = { ticker = record.ticker, stale = record.stale == true, closed = record.closed == true }
    view.age = finite(record.age)
    view.bids, view.asks = pairs_of(record.bids), pairs_of(record.asks)
    view.bid_levels = finite(record.bid_levels) or #view.bids
    view.ask_levels = finite(record.ask_levels) or #view.asks
    view.bid_count = finite(record.bid_count) or sum(view.bids)
    view.ask_count = finite(record.ask_count) or sum(view.asks)
    return view
  end
  local answer = record.orderbook_fp or record.orderbook or record
  local ticker = record.ticker or record.market_ticker
  local view = { ticker = type(ticker) == "string" and ticker or nil }
  view.bids, view.asks = from_answer(answer.yes_dollars or answer.yes, answer.no_dollars or answer.no)
  view.bid_levels, view.ask_levels = #view.bids, #view.asks
  view.bid_count, view.ask_count = sum(view.bids), sum(view.asks)
  return view
end

-- Lines for levels, best first.
local function ladder(levels, n, o, format, largest, style)
  local lines, total, counts = {}, 0, 0
  for i = 1, n do
    total = total + levels[i][2]
    counts = math.max(counts, text.places(levels[i][2], 2))
  end
  local places = counts > 0 and 2 or 0
  local total_width = math.max(9, #text.number(total, places))
  local count_width = math.max(9, #text.number(largest, places))
  total = 0
  for i = 1, n do
    local price, count = levels[i][1], levels[i][2]
    total = total + count
    local begin = string.format("  %6s  %s", format(price), width.pad(text.number(count, places), count_width, true))
    local so_far = "  " .. width.pad(text.number(total, places), total_width, true)
    local room = math.min(o.width - #begin - #so_far - 2, WIDEST)
    local bar = rungs.bar(largest > 0 and count / largest or 0, room, not o.ascii)
    if bar ~= "" then bar = "  " .. text.styled(o, style, bar) end
    lines[i] = "  " .. text.styled(o, style, begin:sub(3)) .. text.dim(o, so_far) .. bar
  end
  return lines
end

---The lines of a ladder.
function books.lines(record, o)
  local view = books.view(record)
  local lines = {}
  local function add(line) lines[#lines + 1] = line end
  local state = view.closed and "closed" or view.stale and "STALE" or ""
  if state == "" and view.age then state = "changed " .. text.span(view.age) .. " ago" end
  if view.ticker then
    local name = text.fit(o, view.ticker, o.width - width.of(state) - 3)
    if state ~= "" then state = "   " .. text.styled(o, view.stale and text.RED or text.DIM, state) end
    add(text.styled(o, text.BOLD, name) .. state)
  end
  if view.closed then return lines end
  if #view.bids == 0 and #view.asks == 0 then
    add(text.dim(o, "  no bids and no asks"))
    return lines
  end
  local places = rungs.places(view.bids, view.asks)
  local function format(price) return string.format("%." .. places .. "f", price) end
  local most = o.rows and math.max(LEAST, math.min(LEVELS, (o.rows - BESIDE) // 2)) or LEVELS
  local n_bids, n_asks, largest = math.min(#view.bids, most), math.min(#view.asks, most), 0
  for i = 1, n_bids do largest = math.max(largest, view.bids[i][2]) end
  for i = 1, n_asks do largest = math.max(largest, view.asks[i][2]) end
  add(text.dim(o, text.fit(o, "   price      count        sum", o.width)))
  local function rest(shown, levels, count, side)
    if levels > shown then
      local beyond = count - sum(table.move(view[side .. "s"], 1, shown, 1, {}))
      local deeper = "  " .. text.several(levels - shown, "more " .. side)
      if beyond > 1e-9 then deeper = deeper .. ", " .. text.count(beyond) .. " contracts" end
      add(text.dim(o, text.fit(o, deeper, o.width)))
    end
  end
  rest(n_asks, view.ask_levels, view.ask_count, "ask")
  local asks = ladder(view.asks, n_asks, o, format, largest, text.RED)
  for i = n_asks, 1, -1 do add(asks[i]) end
  local bid, ask = view.bids[1], view.asks[1]
  if bid and ask then
    local mid = text.price((bid[1] + ask[1]) / 2)
    local between = string.format("  %s spread %s, mid %s", o.ascii and "--" or "──", format(ask[1] - bid[1]), mid)
    add(text.dim(o, text.fit(o, between, o.width)))
  else
    add(text.dim(o, bid and "  -- no asks" or "  -- no bids"))
  end
  for _, line in ipairs(ladder(view.bids, n_bids, o, format, largest, text.GREEN)) do add(line) end
  rest(n_bids, view.bid_levels, view.bid_count, "bid")
  return lines
end

---The lines of one side of a book: { {price, count}, … }, best first.
function books.levels(list, o)
  local places = rungs.places(list, {})
  local largest, n = 0, math.min(#list, o.rows or #list)
  for i = 1, n do largest = math.max(largest, list[i][2]) end
  local lines = ladder(list, n, o, function(price) return string.format("%." .. places .. "f", price) end, largest)
  table.insert(lines, 1, text.dim(o, text.fit(o, "   price      count        sum", o.width)))
  if n < #list then lines[#lines + 1] = text.dim(o, string.format("  %d more", #list - n)) end
  return lines
end

return books
