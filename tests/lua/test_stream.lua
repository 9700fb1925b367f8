-- Subscriptions against the embedded exchange.
local json = require "json"
local kalshi = require "kalshi"
local task = require "task"
local test = require "test"

local tickers = {}
for _, m in ipairs(kalshi.get_markets{ status = "open", limit = 10 }.markets) do tickers[#tickers + 1] = m.ticker end

-- The first message that passes, within some seconds.
local function first(sub, pass)
  return task.timeout(20, function()
    for m in sub:messages() do if pass(m) then return m end end
  end)
end

test("trades come as flat tables with numbers", function(t)
  local sub <close> = kalshi.subscribe{ channels = { "trade" } }
  local m = first(sub, function(m) return m.type == "trade" end)
  t.eq(math.type(m.sid), "integer")
  t.eq(math.type(m.seq), "integer")
  t.eq(type(m.market_ticker), "string")
  t.ok(m.yes_price_dollars > 0 and m.yes_price_dollars < 1)
  t.ok(math.abs(m.yes_price_dollars + m.no_price_dollars - 1) < 1e-9)
  t.ok(m.count_fp > 0)
  t.eq(math.type(m.ts_ms), "integer")
  t.eq(m.msg, nil)
end)

test("the first state of a ticker comes where it is asked for", function(t)
  local one <close> = kalshi.subscribe{
    channels = { "ticker" }, market_tickers = { tickers[1] }, send_initial_snapshot = true,
  }
  t.eq(first(one, function(m) return m.type == "ticker" end).market_ticker, tickers[1])
  local again <close> = kalshi.subscribe{
    channels = { "ticker" }, market_ticker = tickers[1], send_initial_snapshot = true,
  }
  t.eq(first(again, function(m) return m.type == "ticker" end).market_ticker, tickers[1])
end)

test("each subscription gets its own markets only", function(t)
  local a <close> = kalshi.subscribe{ channels = { "orderbook_delta" }, market_tickers = { tickers[1], tickers[2] } }
  local b <close> = kalshi.subscribe{ channels = { "orderbook_delta" }, market_tickers = { tickers[3] } }
  local snapshot = first(a, function(m) return m.type == "orderbook_snapshot" end)
  t.ok(snapshot.market_ticker == tickers[1] or snapshot.market_ticker == tickers[2])
  for _ = 1, 3 do t.eq(first(b, function() return true end).market_ticker, tickers[3]) end
end)

test("raw messages come beside a book", function(t)
  local book <close> = kalshi.book(tickers[1])
  local sub <close> = kalshi.subscribe{ channels = { "orderbook_delta" }, market_ticker = tickers[1] }
  local m = first(sub, function(m) return m.type == "orderbook_delta" end)
  t.ok(book.seq >= m.seq)
  t.eq(book.stale, false)
end)

test("markets are added and removed", function(t)
  local sub <close> = kalshi.subscribe{ channels = { "orderbook_delta" }, market_tickers = { tickers[4] } }
  sub:add{ tickers[5] }
  t.eq(first(sub, function(m) return m.market_ticker == tickers[5] end).market_ticker, tickers[5])
  sub:remove{ tickers[4] }
  t.raises(function() sub:remove{ tickers[5] } end, "validation")
  t.raises(function() sub:add{ "no ticker" } end, "validation")
end)

test("the iterator may be called by hand", function(t)
  local sub <close> = kalshi.subscribe{ channels = { "ticker" } }
  local messages = sub:messages()
  t.eq(messages().type, "ticker")
  t.eq(messages().type, "ticker")
  sub:close()
  while messages() do end
end)

test("mistakes are told before anything is sent", function(t)
  t.raises(function() kalshi.subscribe{ channels = { "tickr" } } end, "validation")
  t.raises(function() kalshi.subscribe{ channels = {} } end, "validation")
  t.raises(function() kalshi.subscribe{ channels = { "orderbook_delta" } } end, "validation")
  t.raises(function() kalshi.subscribe{ channels = { "trade" }, tickers = { "A" } } end, "validation")
end)

test("a market that does not exist is refused", function(t)
  t.raises(function() kalshi.subscribe{ channels = { "ticker" }, market_ticker = "NO-SUCH-MARKET" } end, "validation")
end)

test("messages end with close", function(t)
  local sub = kalshi.subscribe{ channels = { "ticker" } }
  local closer = task.spawn(function()
    task.sleep(0.05)
    sub:close()
  end)
  for _ in sub:messages() do end
  closer:await()
  t.raises(function() sub:messages() end, "closed")
end)

test("index channels: the list, nothing until an index is chosen, no markets", function(t)
  local sub <close> = kalshi.subscribe{ channels = { "cfbenchmarks_value" } }
  t.eq(type(sub:available()), "table")
  sub:add{ "BRTI" }
  sub:remove{ "BRTI" }
  local all <close> = kalshi.subscribe{ channels = { "pyth_value" }, underlying_tickers = { "all" } }
  t.eq(type(all:available()), "table")
  t.raises(function() kalshi.subscribe{ channels = { "cfbenchmarks_value" }, market_ticker = "A" } end, "validation")
  t.raises(function() kalshi.subscribe{ channels = { "trade" }, index_ids = { "BRTI" } } end, "validation")
  t.raises(function() sub:add{ "all" } end, "validation")
end)

test("channels with parameters of their own", function(t)
  local market = kalshi.get_market(tickers[1]).market
  local _ <close> = kalshi.subscribe{ channels = { "communications" }, shard_factor = 4, shard_key = 3 }
  local _ <close> = kalshi.subscribe{ channels = { "communications" }, user_filter = "self" }
  local no <close> = kalshi.subscribe{
    channels = { "orderbook_delta" }, market_ticker = tickers[1], use_yes_price = false,
  }
  local m = first(no, function(m) return m.type == "orderbook_snapshot" and m.no_dollars_fp end)
  local book <close> = kalshi.book(tickers[1])
  -- In NO prices the best NO bid is the last and dearest; the YES ask is a dollar less it.
  t.ok(m.no_dollars_fp[#m.no_dollars_fp][1] >= m.no_dollars_fp[1][1])
  t.ok(book:best_ask())
  t.ok(kalshi.status().connections >= 2)
  local listed = kalshi.subscriptions()
  local channels = {}
  for _, s in ipairs(listed) do
    channels[s.channel] = (channels[s.channel] or 0) + 1
    t.eq(math.type(s.sid), "integer")
    t.ok(s.connection >= 1)
  end
  t.eq(channels.communications, 2)
  t.eq(channels.orderbook_delta, 2)
  t.raises(function() kalshi.subscribe{ channels = { "trade" }, shard_factor = 2, shard_key = 0 } end, "validation")
  t.raises(function() kalshi.subscribe{ channels = { "communications" }, shard_factor = 2 } end, "validation")
  t.raises(function() kalshi.subscribe{ channels = { "communications" }, shard_factor = 2, shard_key = 2 } end,
    "validation")
  t.raises(function() kalshi.subscribe{ channels = { "communications" }, user_filter = "me" } end, "validation")
  t.ok(market.ticker)
end)

test("markets by their ids", function(t)
  local ticker <close> = kalshi.subscribe{ channels = { "ticker" }, send_initial_snapshot = true }
  local m = first(ticker, function(m) return m.type == "ticker" end)
  local one <close> = kalshi.subscribe{ channels = { "ticker" }, market_id = m.market_id, send_initial_snapshot = true }
  t.eq(first(one, function(n) return n.type == "ticker" end).market_ticker, m.market_ticker)
  t.raises(function() kalshi.subscribe{ channels = { "trade" }, market_ids = { m.market_id } } end, "validation")
end)

test("the feed's own events are a channel", function(t)
  local sub <close> = kalshi.subscribe{ channels = { "kalshi.status" } }
  t.raises(function() sub:add{ tickers[1] } end, "validation")
  local both <close> = kalshi.subscribe{ channels = { "kalshi.status", "trade" } }
  t.ok(first(both, function(m) return m.type == "trade" end))
  -- A channel with parameters that are new opens a connection, which is told.
  local _ <close> = kalshi.subscribe{ channels = { "communications" }, shard_factor = 7, shard_key = 2 }
  local _ <close> = kalshi.subscribe{ channels = { "communications" }, shard_factor = 7, shard_key = 3 }
  local m = first(sub, function() return true end)
  t.eq(m.type, "kalshi.status")
  t.eq(m.event, "connected")
  t.ok(m.ts > 1e9)
  t.eq(type(m.detail), "string")
  t.ok(first(both, function(n) return n.type == "kalshi.status" and n.event == "connected" end))
end)

test("raw messages are the texts that the exchange sent", function(t)
  local raw <close> = kalshi.subscribe{ channels = { "ticker" }, send_initial_snapshot = true, raw = "text" }
  local text = first(raw, function() return true end)
  t.eq(type(text), "string")
  t.ok(text:find '^{.*"yes_bid_dollars":"0%.%d%d%d%d".*}$', text)
  t.eq(json.decode(text).type, "ticker")
  t.raises(function() kalshi.subscribe{ channels = { "ticker" }, raw = true } end, "validation")
end)

test("a wrong ticker in an addition leaves the rest as it was", function(t)
  local sub <close> = kalshi.subscribe{ channels = { "orderbook_delta" }, market_tickers = { tickers[6] } }
  t.raises(function() sub:add{ "NO-SUCH-MARKET" } end, "validation")
  sub:add{ tickers[7] }
  t.ok(first(sub, function(m) return m.market_ticker == tickers[6] end))
  t.ok(first(sub, function(m) return m.market_ticker == tickers[7] end))
end)
