-- Compares live books with REST, one market after the other. Between the two the market may move, so a difference
-- counts only when the book did not change while REST was asked. Part of tests/bench/soak.
local kalshi = require "kalshi"
local kalua = require "kalua"
local task = require "task"

local function same(levels, pairs_)
  if #levels ~= #pairs_ then return false end
  for i, level in ipairs(levels) do
    local other = pairs_[#pairs_ - i + 1] -- REST gives the best last
    if math.abs(level[1] - other[1]) > 1e-9 or math.abs(level[2] - other[2]) > 1e-9 then return false end
  end
  return true
end

local compared, moved, wrong = 0, 0, 0
kalua.on_stop(function() print(string.format("compared %d, moved meanwhile %d, wrong %d", compared, moved, wrong)) end)

local tickers = {}
for m in kalshi.each.get_markets{ status = "open", limit = 1000 } do tickers[#tickers + 1] = m.ticker end
while true do
  for _, ticker in ipairs(tickers) do
    local book <close> = kalshi.book(ticker)
    local before = book.ts
    local rest = kalshi.get_market_orderbook(ticker).orderbook_fp
    local seq, yes, no = book.ts, book:bids(), book:bids(nil, "no")
    task.sleep(0.05) -- what REST knew before the stream told it
    if book.ts ~= before or seq ~= before or book.stale then
      moved = moved + 1
    elseif same(yes, rest.yes_dollars) and same(no, rest.no_dollars) then
      compared = compared + 1
    else
      wrong = wrong + 1
      print("WRONG " .. ticker)
    end
    task.sleep(0.2)
  end
end
