-- Lists against the embedded exchange, which has no history.
local kalshi = require "kalshi"
local test = require "test"

local market = kalshi.get_markets{ status = "open", limit = 1 }.markets[1]

test("lists that could go on in a history end where there is none", function(t)
  local trades = 0
  for trade in kalshi.each.get_trades{ ticker = market.ticker, max = 20 } do
    t.eq(trade.ticker, market.ticker)
    trades = trades + 1
  end
  t.ok(trades <= 20)
  for _ in kalshi.each.get_fills{ order_id = "none" } do error "there is none" end
  for _ in kalshi.each.get_orders{ event_ticker = market.event_ticker } do error "there is none" end
  for _ in kalshi.each.get_positions{ settlement_status = "all", rows = "event_positions" } do error "there is none" end
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
