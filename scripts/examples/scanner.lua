-- Lists all open markets as a table, sorted by volume (default) or by spread.
--
--   kalua scripts/examples/scanner.lua
--   kalua scripts/examples/scanner.lua -- spread 20      the 20 tightest
local kalshi = require "kalshi"
local kalua = require "kalua"

local order = kalua.args[1] or "volume"
local rows = tonumber(kalua.args[2]) or math.huge
if order ~= "volume" and order ~= "spread" then error("sort by volume or spread, not " .. order, 0) end

local markets = {}
for m in kalshi.each.get_markets{ status = "open", limit = 1000 } do
  markets[#markets + 1] = {
    ticker = m.ticker,
    title = m.yes_sub_title,
    bid = m.yes_bid_dollars,
    ask = m.yes_ask_dollars,
    spread = m.yes_ask_dollars - m.yes_bid_dollars,
    volume = m.volume_fp,
    last = m.last_price_dollars,
  }
end

-- Ties are broken by ticker, so that two runs over the same markets print the same table.
table.sort(markets, function(a, b)
  if order == "spread" and a.spread ~= b.spread then return a.spread < b.spread end
  if order == "volume" and a.volume ~= b.volume then return a.volume > b.volume end
  return a.ticker < b.ticker
end)

print(string.format("%-32s %-24s %7s %7s %7s %7s %12s", "MARKET", "YES MEANS", "BID", "ASK", "SPREAD", "LAST",
  "VOLUME"))
for i, m in ipairs(markets) do
  if i > rows then break end
  print(string.format("%-32s %-24.24s %7.4g %7.4g %7.4f %7.4g %12.2f", m.ticker, m.title, m.bid, m.ask, m.spread,
    m.last, m.volume))
end
print(string.format("%d open markets", #markets))
