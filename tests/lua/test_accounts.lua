-- kalshi.connect on the embedded exchange: each name is an account of its own.
local kalshi = require "kalshi"
local task = require "task"
local test = require "test"

local ticker = kalshi.get_markets{ status = "open", limit = 1 }.markets[1].ticker

test("a name is an account with money of its own, the same one for all who connect to it", function(t)
  local a, b = kalshi.connect{ profile = "one" }, kalshi.connect{ profile = "two" }
  t.ok(a ~= b and a ~= kalshi)
  t.eq({ a.profile, b.profile, kalshi.profile }, { "one", "two", "" })
  t.eq(a, task.spawn(function() return kalshi.connect{ profile = "one" } end):await())
  t.eq(a, b.connect{ profile = "one" }) -- a table of another account leads there, too
  t.eq({ a.env, a.balance(), b.balance() }, { "sim", 40000.0, 40000.0 })
  for name in pairs(kalshi) do t.ok(rawget(a, name) ~= nil, name .. " is missing") end
end)

test("several at a time", function(t)
  local made = task.all{
    function() return kalshi.connect{ profile = "x" } end, function() return kalshi.connect{ profile = "y" } end,
    function() return kalshi.connect{ profile = "z" } end, function() return kalshi.connect{ profile = "x" } end,
  }
  t.eq({ made[1].profile, made[2].profile, made[3].profile, made[4] == made[1] }, { "x", "y", "z", true })
end)

test("what is ordered on one is on no other, also raw and by its object", function(t)
  local a = kalshi.connect{ profile = "one" }
  local o = a.order{ ticker = ticker, side = "bid", price = 0.01, count = 2 }
  local raw = a.create_order{
    ticker = ticker, side = "bid", price = 0.01, count = 1, time_in_force = "good_till_canceled",
    self_trade_prevention_type = "taker_at_cross",
  }
  t.eq({ #a.own_orders(), #kalshi.own_orders(), #kalshi.connect{ profile = "two" }.own_orders() }, { 2, 0, 0 })
  t.eq(kalshi.find_order(o.id), nil)
  t.eq(a.find_order(raw.order_id).count, 1.0)
  t.eq(kalshi.cancel_all(), 0)
  t.eq(o.status, "resting")
  local ok, err = pcall(kalshi.cancel_order, o.id)
  t.eq({ ok, err.status }, { false, 404 })
  t.eq(o:cancel(), true)
  t.eq(a.cancel_all(), 1)
  t.ok(a.portfolio().script)
end)

test("books, streams and lists are those of its session", function(t)
  local a = kalshi.connect{ profile = "one" }
  local mine <close> = kalshi.book(ticker)
  local its <close> = a.book(ticker)
  t.eq(mine.ticker, its.ticker)
  t.eq({ kalshi.status().connected, a.status().connected }, { true, true })
  local calls = kalshi.status().calls
  t.eq(#a.get_markets{ limit = 2 }.markets, 2)
  local n = 0
  for _ in a.each.get_markets{ max = 3 } do n = n + 1 end
  t.eq(n, 3)
  t.eq(kalshi.status().calls, calls)
end)

test("limits that are tightened are those of its account", function(t)
  local a = kalshi.connect{ profile = "one" }
  a.limits{ max_order_cost = 1 }
  local ok, err = pcall(a.order, { ticker = ticker, side = "bid", price = 0.5, count = 10 })
  t.eq({ ok, err.kind, err.code }, { false, "risk", "max_order_cost" })
  t.eq({ a.limits().max_order_cost, kalshi.limits().max_order_cost }, { 1.0, nil })
end)

test("what is no name of a profile is an error at once", function(t)
  for _, case in ipairs{
    { {}, "missing_parameter" }, { { profile = "" }, "malformed_value" }, { { profile = "../x" }, "malformed_value" },
    { { profile = ("x"):rep(33) }, "malformed_value" }, { { profil = "x" }, "unknown_option" },
    { "x", "wrong_arguments" },
  } do
    local ok, err = pcall(kalshi.connect, case[1])
    t.eq({ ok, err.kind, err.code }, { false, "validation", case[2] })
  end
end)
