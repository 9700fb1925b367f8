-- The body of `kalua book`: kalua.args are ticker, mode ("screen", "lines", "json") and the number of levels.
local kalshi = require "kalshi"
local kalua = require "kalua"
local json = require "json"
local task = require "task"

local ticker, mode, levels = kalua.args[1], kalua.args[2], math.tointeger(tonumber(kalua.args[3]))
local book <close> = kalshi.book(ticker)

local function number(v, format)
  return v and string.format(format, v) or "-"
end

-- A ladder of n rows: asks above, bids below, each with a bar of its size.
local function ladder()
  local asks, bids = book:asks(levels), book:bids(levels)
  local largest = 1
  for _, side in ipairs{ asks, bids } do
    for _, level in ipairs(side) do largest = math.max(largest, level[2]) end
  end
  local function row(level, colour)
    local bar = string.rep("#", math.ceil(level[2] / largest * 30))
    return string.format("  %s%8.4f\27[0m %12.2f  %s%s\27[0m\27[K", colour, level[1], level[2], colour, bar)
  end
  local lines = {
    string.format("\27[1m%s\27[0m%s\27[K", ticker, book.stale and "  STALE: being repaired" or ""),
    string.format("  mid %s  spread %s  imbalance %+.2f  age %.1f s\27[K", number(book:mid(), "%.4f"),
      number(book:spread(), "%.4f"), book:imbalance(levels), book.age),
    "\27[K",
  }
  for i = #asks, 1, -1 do lines[#lines + 1] = row(asks[i], "\27[31m") end
  lines[#lines + 1] = "  " .. string.rep("-", 52) .. "\27[K"
  for _, level in ipairs(bids) do lines[#lines + 1] = row(level, "\27[32m") end
  return "\27[H" .. table.concat(lines, "\n") .. "\27[J"
end

local function line()
  local bid, bids = book:best_bid()
  local ask, asks = book:best_ask()
  return string.format("%s  %s x %s | %s x %s%s", ticker, number(bids, "%.2f"), number(bid, "%.4f"),
    number(ask, "%.4f"), number(asks, "%.2f"), book.stale and "  stale" or "")
end

local function object()
  return json.encode{
    ticker = ticker,
    seq = book.seq,
    ts = book.ts,
    stale = book.stale,
    bids = #book:bids(levels) > 0 and book:bids(levels) or json.empty_array,
    asks = #book:asks(levels) > 0 and book:asks(levels) or json.empty_array,
  }
end

local draw = mode == "screen" and ladder or mode == "json" and object or line
if mode == "screen" then
  kalua.on_stop(function() print "\27[?25h" end)
  print "\27[2J\27[?25l"
end
print(draw())
while true do
  -- A screen is drawn at most ten times a second, and once a second for the age.
  local changed = book:wait(1)
  if changed or mode == "screen" then print(draw()) end
  if mode == "screen" then task.sleep(0.1) end
end
