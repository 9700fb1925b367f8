-- Strategies under test: a market of the test's own, and time that the test moves.
local test = require "test"
local market_of = require "test_market"
local kalua = require "kalua"

-- A test that ends what it began, whoever runs it.
local function it(name, fn)
  test(name, function(t)
    local ok, err = xpcall(fn, debug.traceback, t)
    market_of.finish()
    if not ok then error(err, 0) end
  end)
end

local MAKER = [[
local kalshi, task, kalua = require "kalshi", require "task", require "kalua"
local ticker = kalua.args[1]
local book, orders = kalshi.book(ticker), {}
kalua.on_stop(function() for _, o in pairs(orders) do o:cancel() end end)
for b in book:changes() do
  if not b.stale then
    local bid, ask = b:best_bid(), b:best_ask()
    if orders.bid and orders.bid.price == bid then bid = bid - 0.01 end
    if orders.ask and orders.ask.price == ask then ask = ask + 0.01 end
    bid, ask = math.floor(bid * 100 + 1.5) / 100, math.floor(ask * 100 - 0.5) / 100
    if not orders.bid or orders.bid.price ~= bid then
      if orders.bid then orders.bid:cancel() end
      orders.bid = kalshi.order{ ticker = ticker, side = "bid", price = bid, count = 10 }
      print(string.format("bid %.2f", bid))
    end
    if not orders.ask or orders.ask.price ~= ask then
      if orders.ask then orders.ask:cancel() end
      orders.ask = kalshi.order{ ticker = ticker, side = "ask", price = ask, count = 10 }
      print(string.format("ask %.2f", ask))
    end
  end
end
]]

local function run(source, options)
  options = options or {}
  options.source = source
  return market_of.run(options.name or "strategy", options)
end

local function book() return { bids = { { 0.40, 100 } }, asks = { { 0.44, 100 } } } end

it("a strategy quotes, is hit, and has the position", function(t)
  local market = market_of.market(book())
  t.eq(market.ticker, "TEST-1")
  local maker = run(MAKER, { args = { "TEST-1" }, name = "maker" })
  market_of.orders(maker, { { side = "ask", price = 0.43 }, { side = "bid", price = 0.41, count = 10 } })
  t.eq(maker.output, { "bid 0.41", "ask 0.43" })
  market:trade{ side = "ask", price = 0.41, count = 4 }
  t.eq(maker.position("TEST-1"), 4.0)
  t.eq(maker:position(), 4.0)
  market_of.orders(maker, { { side = "ask" }, { side = "bid", filled = 4, remaining = 6, count = 10 } })
  local fill = maker:fills()[1]
  t.eq({ #maker:fills(), fill.side, fill.price, fill.count, fill.is_taker }, { 1, "bid", 0.41, 4.0, false })
  market:set{ bids = { { 0.30, 50 } }, asks = { { 0.36, 50 } } } -- the ask at 0.36 meets its bid at 0.41
  t.eq(maker:position(), 10.0)
end)

it("what differs is shown as two lists, at the line of the test", function(t)
  local market = market_of.market(book())
  local maker = run(MAKER, { args = { market.ticker } })
  local _, here = pcall(function() error "" end)
  local err = t.raises(function() market_of.orders(maker, { { side = "bid", price = 0.42 }, { side = "ask" } }) end)
  local line = tonumber(here:match ":(%d+):") + 1
  t.ok(err:find("test_test_market.lua:" .. line .. ":", 1, true), err)
  t.ok(err:find("expected:\n    side  price  count\n  - bid   0.42\n    ask\nresting:\n    side  price  count\n" ..
                "  + bid   0.41   10\n    ask   0.43   10", 1, true), err)
  t.raises(function() market:trade{ side = "bid", price = 0.01, count = 1 } end, "nothing in the book")
  t.raises(function() market_of.market{ bid = {} } end, "did you mean bids?")
end)

it("time passes only by the test's word, and the strategy's clocks follow", function(t)
  local began = market_of.now()
  local s = run[[
    local task, kalua = require "task", require "kalua"
    local from, wall, worked = kalua.now(), os.time(), os.clock()
    local ticks = 0
    local every = task.every(0.5, function() ticks = ticks + 1 end)
    print(pcall(task.timeout, 2.5, task.sleep, 100))
    print(ticks, kalua.now() - from, os.time() - wall, os.clock() - worked, os.date("!%H:%M:%S"))
    every:cancel()
  ]]
  t.eq(#s.output, 0)
  market_of.advance(2.4)
  t.eq(#s.output, 0)
  market_of.advance(0.1)
  t.eq(s.output[2], "5\t2.5\t2\t2.5\t15:00:02")
  t.near(market_of.now() - began, 2.5)
  t.ok(s.ended)
end)

it("timers that are due together fire in the order of their start", function(t)
  local s = run[[
    local task = require "task"
    for i = 1, 5 do task.spawn(function() task.sleep(i % 2 == 1 and 1 or 0.5) print(i) end) end
  ]]
  market_of.advance(1)
  t.eq(s.output, { "2", "4", "1", "3", "5" })
end)

it("an order expires at its time", function(t)
  market_of.market(book())
  local s = run[[
    local kalshi, kalua = require "kalshi", require "kalua"
    local from = kalua.now()
    local o = kalshi.order{ ticker = "TEST-1", side = "bid", price = 0.41, count = 10, expires_in = 30 }
    for x in o:changes() do print(x.status, kalua.now() - from) end
  ]]
  market_of.advance(29.9)
  market_of.orders(s, { { side = "bid" } })
  market_of.advance(1)
  market_of.orders(s, {})
  t.eq(s.output, { "resting\t0.0", "canceled\t30.0" })
end)

it("a market closes at its time, is settled, and pays", function(t)
  local market = market_of.market{ asks = { { 0.44, 100 } }, close_time = market_of.now() + 600 }
  local s = run[[
    local kalshi = require "kalshi"
    kalshi.order{ ticker = "TEST-1", side = "bid", price = 0.44, count = 10 }
    kalshi.order{ ticker = "TEST-1", side = "bid", price = 0.10, count = 1 }
  ]]
  t.eq(s:position(), 10.0)
  market_of.orders(s, { { price = 0.10 } })
  market_of.advance(601)
  market_of.orders(s, {})
  market:settle "yes"
  market_of.advance(5)
  t.eq(s:position(), 0.0)
  t.near(s:money().realized, 5.6)
end)

it("a new version takes over in the midst of a test", function(t)
  market_of.market(book())
  local s = market_of.run("strategies/counter.lua")
  market_of.advance(3)
  t.eq(s.output, { "old 1", "old 2", "old 3" })
  t.eq(s:reload "strategies/counter_next.lua", true)
  t.eq(s.generation, 2)
  market_of.advance(2)
  t.eq({ s.output[4], s.output[5] }, { "new 4", "new 5" })
  t.raises(function() s:reload "strategies/none.lua" end)
end)

it("the connection is lost and comes back", function(t)
  local market = market_of.market(book())
  local s = run[[
    for b in require("kalshi").book("TEST-1"):changes() do print(b.stale, b:best_bid()) end
  ]]
  market:fault "disconnect"
  market:set{ bids = { { 0.39, 5 } } }
  t.eq(s.output, { "false\t0.4\t100.0", "true\t0.4\t100.0", "false\t0.4\t100.0", "false\t0.39\t5.0" })
end)

it("an answer that is late is late by the test's time", function(t)
  local market = market_of.market(book())
  market:fault "create_order:latency=300ms"
  local s = run[[
    local kalshi, kalua = require "kalshi", require "kalua"
    local from = kalua.now()
    kalshi.order{ ticker = "TEST-1", side = "bid", price = 0.41, count = 10 }
    print(kalua.now() - from)
  ]]
  t.eq(#s.output, 0)
  market_of.advance(1)
  t.eq(string.format("%.3f", s.output[1]), "0.300")
end)

it("an answer that never comes is the error that it is elsewhere", function(t)
  local market = market_of.market(book())
  market:fault "get_markets:hang-before"
  local s = run[[
    local ok, err = pcall(require("kalshi").get_markets, { timeout = 5 })
    print(ok, err.kind, err.code)
  ]]
  market_of.advance(60)
  t.eq(s.output, { "false\ttimeout\tno_answer" })
end)

it("a lost answer is looked up, and there is one order", function(t)
  local market = market_of.market(book())
  market:fault "create_order:lose-after next 1"
  local s = run[[
    print(require("kalshi").order{ ticker = "TEST-1", side = "bid", price = 0.41, count = 10 }.status)
  ]]
  market_of.advance(10)
  t.eq(s.output, { "resting" })
  market_of.orders(s, { { side = "bid", count = 10 } })
end)

it("risk limits and what fails are seen", function(t)
  market_of.market(book())
  local s = run([[
    local kalshi, task = require "kalshi", require "task"
    local ok, err = pcall(kalshi.order, { ticker = "TEST-1", side = "bid", price = 0.41, count = 10 })
    print(ok, err.kind, err.code)
    task.sleep(1)
    error "enough"
  ]], { risk = { max_order_count = 5 } })
  t.eq(s.output, { "false\trisk\tmax_order_count" })
  t.eq({ s.ended, s.failed }, { false, false })
  market_of.advance(1)
  t.eq({ s.ended, s.failed }, { true, true })
  t.ok(s.errors[1]:find("enough", 1, true))
end)

it("stop runs on_stop, and orders are canceled", function(t)
  local market = market_of.market(book())
  local maker = run(MAKER, { args = { market.ticker } })
  maker:stop()
  t.ok(maker.ended)
  market_of.orders(maker, {})
  t.eq(#maker:orders{ status = "canceled" }, 2)
end)

it("nothing of one test is seen in the next", function(t)
  local market = market_of.market(book())
  t.eq(market.ticker, "TEST-1")
  local s = run[[
    local kalshi = require "kalshi"
    print(#kalshi.orders(), #kalshi.fills(), kalshi.balance())
  ]]
  t.eq(s.output, { "0\t0\t40000.0" }) -- 10,000 dollars on each of four shards
end)

it("a strategy that never rests is an error", function(t)
  t.raises(function() run "while true do require('task').sleep(0) end" end, "does not come to rest")
end)

-- What a strategy says over a scenario with much at the same time.
local function transcript()
  local said = {}
  local market = market_of.market(book())
  local one = run(MAKER, { args = { "TEST-1" }, name = "one" })
  local two = run([[
    local kalshi, task, kalua = require "kalshi", require "task", require "kalua"
    local from = kalua.now()
    local function say(...) print(string.format("%.3f", kalua.now() - from), ...) end
    for i = 1, 8 do
      task.spawn(function()
        task.sleep(i % 3 * 0.1)
        local o = kalshi.order{ ticker = "TEST-1", side = "ask", price = 0.5 + i / 100, count = i, expires_in = 5 }
        say(i, o.status, o.client_id)
        for x in o:changes() do say(i, x.status, x.filled) end
      end)
    end
    for trade in kalshi.subscribe{ channels = { "trade" }, market_tickers = { "TEST-1" } }:messages() do
      say("trade", trade.yes_price_dollars, trade.count_fp, math.random(1000))
    end
  ]], { name = "two" })
  for i = 1, 6 do
    market:bid(0.41 + i / 100, 3 * i)
    market_of.advance(0.35)
    if i == 3 then market:fault "disconnect" end
    if i == 4 then market:trade{ side = "bid", count = 20 } end
  end
  market_of.advance(10)
  for _, s in ipairs{ one, two } do
    for _, l in ipairs(s.output) do said[#said + 1] = s.name .. " " .. l end
    for _, f in ipairs(s:fills()) do
      said[#said + 1] = string.format("%s %s %.2f %g", f.trade_id, f.side, f.price, f.count)
    end
    for _, o in ipairs(s:orders()) do said[#said + 1] = string.format("%s %s %g", o.id, o.status, o.filled) end
    assert(#s.errors == 0, s.errors[1])
  end
  market_of.finish()
  return table.concat(said, "\n"), #said
end

it("the same run has the same result", function(t)
  local first, n = transcript()
  t.ok(n > 40, n)
  t.eq(transcript(), first)
end)

it("a day is over soon", function(t)
  local market = market_of.market(book())
  local s = run([[
    local n = 0
    require("task").every(60, function() n = n + 1 end)
    for b in require("kalshi").book("TEST-1"):changes() do print(n, b:best_bid()) end
  ]], { cpu_ms = 10000 })
  local real = kalua.now()
  market_of.advance(86400)
  market:bid(0.42, 1)
  t.eq(s.output[#s.output], "1440\t0.42\t1.0")
  t.ok(kalua.now() - real < 3600)
end)

it("what a market and a strategy are given is looked at, and a mistake breaks nothing", function(t)
  local markets = { { event_ticker = {} }, { ticker = 5 }, { now = -1 }, { now = "noon" } }
  for _, spec in ipairs(markets) do t.raises(function() market_of.market(spec) end, "market: ") end
  t.raises(function() market_of.market{ bids = { { 0.405, 1 } } } end, "invalid price")
  market_of.market{ ticker = "TEST-3" }
  t.eq(market_of.market().ticker, "TEST-2")
  t.eq(market_of.market().ticker, "TEST-4")
  local options = { { name = "" }, { name = "a\nb" }, { args = { "a\0b" } }, { risk = { max_position = "ten" } } }
  for _, o in ipairs(options) do
    o.source = "print 'runs'"
    t.raises(function() market_of.run("it", o) end, "run: ")
  end
end)
