-- Lists and candles against the embedded exchange.
local kalshi = require "kalshi"
local kalua = require "kalua"
local test = require "test"

local market = kalshi.get_markets{ status = "open", limit = 1 }.markets[1]

test("lists go on in the history, or say why they cannot", function(t)
  local trades = 0
  for trade in kalshi.each.get_trades{ ticker = market.ticker, max = 20 } do
    t.eq(trade.ticker, market.ticker)
    trades = trades + 1
  end
  t.ok(trades <= 20)
  for _ in kalshi.each.get_fills{ order_id = "none" } do error "there is none" end
  for _ in kalshi.each.get_orders{ ticker = market.ticker } do error "there is none" end
  for _ in kalshi.each.get_orders{ event_ticker = market.event_ticker, history = false } do error "there is none" end
  t.raises(function() kalshi.each.get_orders{ event_ticker = market.event_ticker }() end, "history = false")
  for _ in kalshi.each.get_positions{ settlement_status = "all", rows = "event_positions" } do error "there is none" end
end)

test("candles are those of the operation", function(t)
  local now = math.floor(kalua.now())
  local query = { start_ts = now - 7200, end_ts = now, period_interval = 1 }
  local series = kalshi.get_event(market.event_ticker).event.series_ticker
  local expected, n = kalshi.get_market_candlesticks(series, market.ticker, query).candlesticks, 0
  for candle in kalshi.candlesticks(market.ticker, query) do
    n = n + 1
    t.eq(candle.end_period_ts, expected[n].end_period_ts)
    if n < #expected then t.eq(candle, expected[n]) end -- the last may have changed between the two
  end
  t.ok(n > 0 and n == #expected, n .. " of " .. #expected)
  local err = t.raises(function() kalshi.candlesticks("NO-SUCH-MARKET", query)() end, "http")
  t.eq({ err.status, err.operation }, { 404, "get_market" })
end)

test("walks refuse what they cannot do", function(t)
  t.raises(function() kalshi.each.get_positions{ rows = "positions" } end, '"market_positions" or "event_positions"')
  t.raises(function() kalshi.each.get_markets{ rows = "events" } end, 'rows can only be "markets"')
  t.raises(function() kalshi.each.get_trades{ history = "no" } end, "history must be true or false")
  t.raises(function() kalshi.each.get_events{ history = false }() end, "validation")
  t.raises(function() kalshi.each.get_markets{ max = 1.5 } end, "whole number")
  local err = t.raises(function() kalshi.each.get_exchange_status() end, "call kalshi.get_exchange_status")
  t.eq(err.kind, "validation")
  t.ok(err.where:find "test_pages.lua:%d+", err.where)
end)

test("a walk that was not called says how to call it", function(t)
  local ok, err = pcall(function()
    for _ in kalshi.each.get_markets do end
  end)
  t.eq(ok, false)
  t.eq(tostring(err), "validation: get_markets: call it: for row in kalshi.each.get_markets{ … } do")
end)
