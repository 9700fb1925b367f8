-- Every message of the three channels as a table, in one loop, and no books.
local feed = require "feed"
local kalshi = require "kalshi"
local task = require "task"

local seen, all = { orderbook_delta = 0, orderbook_snapshot = 0, ticker = 0, trade = 0 }, 0
feed.connect()
local sub = kalshi.subscribe{ channels = { "orderbook_delta", "ticker", "trade" }, market_tickers = feed.tickers }
task.spawn(function()
  for m in sub:messages() do
    seen[m.type] = seen[m.type] + 1
    all = all + 1
  end
end)
feed.go()
feed.finish(function()
  sub:close()
  return { deltas = seen.orderbook_delta, snapshots = seen.orderbook_snapshot, tickers = seen.ticker,
    trades = seen.trade }
end, function() return all end)
