-- REST as scripts use it, against the embedded exchange.
local json = require "json"
local kalshi = require "kalshi"
local test = require "test"

local market = kalshi.get_markets{ status = "open", limit = 1 }.markets[1]
local ticker = market.ticker

local function order(change)
  local o = {
    ticker = ticker, side = "bid", price = 0.01, count = 10, time_in_force = "good_till_canceled",
    self_trade_prevention_type = "taker_at_cross", post_only = true,
  }
  for k, v in pairs(change or {}) do o[k] = v end
  return o
end

test("reads answer with tables", function(t)
  local now = math.floor(require "kalua".now())
  local event = kalshi.get_event(market.event_ticker).event
  t.eq(kalshi.get_market(ticker).market.ticker, ticker)
  t.eq(kalshi.get_exchange_status().exchange_active, true)
  t.eq(kalshi.get_series(event.series_ticker).series.ticker, event.series_ticker)
  t.ok(#kalshi.get_series_list().series > 0)
  t.ok(#kalshi.get_events{ limit = 1 }.events == 1)
  t.ok(kalshi.get_market_orderbook(ticker, { depth = 1 }).orderbook_fp)
  t.ok(kalshi.get_trades{ ticker = ticker, limit = 1 }.trades)
  t.ok(kalshi.get_market_candlesticks(event.series_ticker, ticker,
    { start_ts = now - 3600, end_ts = now, period_interval = 1 }).candlesticks)
  for name, field in pairs{
    get_balance = "balance", get_positions = "market_positions", get_fills = "fills", get_orders = "orders",
    get_account_api_limits = "usage_tier",
  } do
    t.ok(kalshi[name]()[field], name)
  end
  t.eq(type(kalshi.balance()), "number")
end)

test("raw leaves an answer as the exchange sent it", function(t)
  t.eq(math.type(kalshi.get_balance().balance_dollars), "float")
  t.eq(type(kalshi.get_balance{ raw = true }.balance_dollars), "string")
  t.eq(type(kalshi.get_balance().balance), "number")
  t.raises(function() kalshi.get_balance{ raw = 1 } end, "validation")
end)

test("wrong parameters are refused before anything is sent", function(t)
  local calls = kalshi.status().calls
  for _, call in ipairs{
    function() kalshi.get_market() end, function() kalshi.get_market "" end, function() kalshi.get_market(5) end,
    function() kalshi.get_market ".." end, function() kalshi.get_market(ticker, ticker) end,
    function() kalshi.get_market(ticker, { x = 1 }) end, function() kalshi.get_markets{ limit = 1001 } end,
    function() kalshi.get_markets{ limit = 1.5 } end, function() kalshi.get_markets{ limit = "2" } end,
    function() kalshi.get_markets{ 2 } end, function() kalshi.get_markets{ status = json.null } end,
    function() kalshi.create_order(5) end, function() kalshi.create_order{} end,
    function() kalshi.create_order(order{ price = 0 }) end, function() kalshi.create_order(order{ price = 1 }) end,
    function() kalshi.create_order(order{ price = 0.00015 }) end,
    function() kalshi.create_order(order{ price = "abc" }) end,
    function() kalshi.create_order(order{ price = 0 / 0 }) end,
    function() kalshi.create_order(order{ price = true }) end,
    function() kalshi.create_order(order{ count = 0 }) end,
    function() kalshi.create_order(order{ count = -1 }) end,
    function() kalshi.create_order(order{ count = 0.001 }) end,
    function() kalshi.create_order(order{ count = 1e17 }) end,
    function() kalshi.create_order(order{ side = "yes" }) end,
    function() kalshi.create_order(order{ post_only = 1 }) end,
    function() kalshi.call() end, function() kalshi.call("GET", 5) end, function() kalshi.call("GET", "/a\0b") end,
    function() kalshi.call("BREW", "/x") end, function() kalshi.call("GET", "exchange/status") end,
    function() kalshi.call("GET", "/markets", 5) end, function() return kalshi.get_marketz end,
    function() return kalshi.each.get_market end, function() return kalshi.legacy.nothing end,
    function() kalshi.each.get_markets{ max = -1 } end, function() kalshi.each.get_markets{ max = 0 / 0 } end,
  } do
    t.raises(call, "validation")
  end
  t.eq(kalshi.status().calls, calls)
  local err = t.raises(function() kalshi.get_markets{ limt = 2 } end, 'did you mean "limit"?')
  t.eq({ err.kind, err.operation, err.retryable }, { "validation", "get_markets", false })
  t.raises(function() kalshi.get_markets{ status = "opn" } end, 'did you mean "open"?')
end)

test("the exchange's own refusals carry its code and status", function(t)
  local err = t.raises(function() kalshi.get_market "NO-SUCH-MARKET" end, "http")
  t.eq({ err.status, err.code, err.operation, err.retryable }, { 404, "not_found", "get_market", false })
  t.ok(err.where:find "test_kalshi.lua:%d+", err.where)
  t.eq(t.raises(function() kalshi.create_order(order{ ticker = "NO-SUCH-MARKET" }) end, "http").status, 404)
  t.eq(t.raises(function() kalshi.call("GET", "/nothing/here") end, "http").status, 404)
end)

test("each walks all pages and stops where it is told", function(t)
  local function count(query)
    local n, seen = 0, {}
    for row in kalshi.each.get_markets(query) do
      t.ok(not seen[row.ticker])
      seen[row.ticker] = true
      n = n + 1
    end
    return n
  end
  local all = count()
  t.eq(count{ limit = 7 }, all)
  t.eq(count{ limit = 5, max = 12 }, 12)
  t.eq(count{ max = 0 }, 0)
  local query = { limit = 5, max = 1 }
  count(query)
  t.eq(query, { limit = 5, max = 1 })
end)

test("an order lives from create to cancel", function(t)
  local o = kalshi.create_order(order())
  t.ok(o.client_order_id:find("^test_kalshi%-g1%-%w+$"), o.client_order_id)
  t.eq({ o.fill_count, o.remaining_count }, { 0.0, 10.0 })
  t.eq(kalshi.get_order(o.order_id).order.status, "resting")
  kalshi.decrease_order(o.order_id, { reduce_by = 4 })
  t.eq(kalshi.get_order(o.order_id).order.remaining_count_fp, 6.0)
  kalshi.amend_order(o.order_id, { ticker = ticker, side = "bid", price = 0.01, count = 8 })
  t.eq(kalshi.get_order(o.order_id).order.remaining_count_fp, 8.0)
  kalshi.cancel_order(o.order_id)
  t.eq(kalshi.get_order(o.order_id).order.status, "canceled")
  t.eq(t.raises(function() kalshi.cancel_order(o.order_id) end, "http").status, 404)
end)

test("orders of other shards are canceled and decreased by their id alone", function(t)
  local other = kalshi.get_markets{ series_ticker = "KXBTC", status = "open", limit = 1 }.markets[1]
  t.ok(other.exchange_index > 0)
  local function create() return kalshi.create_order(order{ ticker = other.ticker }).order_id end
  local id = create()
  t.eq(kalshi.decrease_order(id, { reduce_to = 4 }).remaining_count, 4.0)
  kalshi.cancel_order(id)
  t.eq(kalshi.get_order(id).order.status, "canceled")
  id = kalshi.batch_create_orders{ orders = { order(), order{ ticker = other.ticker } } }.orders[2].order_id
  local here = create()
  for _, done in ipairs(kalshi.batch_cancel_orders{ orders = { { order_id = id }, { order_id = here } } }.orders) do
    t.eq(done.error, nil)
  end
  t.eq(kalshi.get_order(id).order.status, "canceled")
  t.eq(kalshi.get_order(here).order.status, "canceled")
  -- What was named is left as it is.
  id = create()
  t.eq(t.raises(function() kalshi.cancel_order(id, { exchange_index = 0 }) end, "http").status, 404)
  kalshi.cancel_order(id, { exchange_index = other.exchange_index })
  local unknown, advice = "6cf1d3ab-0a3b-4b43-8a1c-5d3f8f1b7f20", "shard 0 alone: give market_ticker"
  t.raises(function() kalshi.cancel_order(unknown) end, advice)
  t.raises(function() kalshi.decrease_order(unknown, { reduce_to = 1 }) end, advice)
end)

test("a client order id is taken once", function(t)
  kalshi.create_order(order{ client_order_id = "only-once" })
  t.eq(t.raises(function() kalshi.create_order(order{ client_order_id = "only-once" }) end, "http").status, 409)
end)

test("cancel_all leaves nothing resting", function(t)
  for _ = 1, 3 do kalshi.create_order(order()) end
  t.ok(#kalshi.get_orders{ status = "resting" }.orders >= 3)
  kalshi.cancel_all()
  t.eq(#kalshi.get_orders{ status = "resting" }.orders, 0)
end)

test("budget and status tell how things stand", function(t)
  local b, s = kalshi.budget(), kalshi.status()
  t.ok(b.read <= b.read_capacity and b.write <= b.write_capacity and b.tier)
  for _, name in ipairs{ "reconnects", "clock_offset" } do t.eq(type(s[name]), "number", name) end
  t.eq(type(s.connected), "boolean")
end)

test("superseded operations are under legacy", function(t)
  t.eq(type(kalshi.legacy.create_order), "function")
  t.ok(kalshi.legacy.create_order ~= kalshi.create_order)
end)
