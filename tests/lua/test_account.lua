-- The account from memory, against the embedded exchange.
local json = require "json"
local kalshi = require "kalshi"
local task = require "task"
local test = require "test"

local tickers = {}
for _, m in ipairs(kalshi.get_markets{ status = "open", limit = 100 }.markets) do
  for _, range in ipairs(m.price_ranges) do
    if range.step == 0.01 and #tickers < 2 then
      tickers[#tickers + 1] = m.ticker
      break
    end
  end
end

local function place(change)
  local o = {
    ticker = tickers[1], side = "bid", price = 0.01, count = 10, time_in_force = "good_till_canceled",
    self_trade_prevention_type = "taker_at_cross",
  }
  for k, v in pairs(change or {}) do o[k] = v end
  return kalshi.create_order(o)
end

-- Waits until it is so; what the channels bring takes a moment.
local function until_true(condition)
  task.timeout(10, function()
    while not condition() do task.sleep(0.02) end
  end)
end

local function find(list, key, value)
  for _, row in ipairs(list) do if row[key] == value then return row end end
end

test("nothing is kept before somebody asks", function(t)
  t.eq(kalshi.status().account, nil)
end)

test("empty lists at the beginning, written as lists", function(t)
  t.eq(#kalshi.orders(), 0)
  t.eq(json.encode(kalshi.orders()), "[]")
  t.eq(json.encode(kalshi.fills()), "[]")
  t.eq(json.encode(kalshi.positions()), "[]")
  t.eq(kalshi.balance(), kalshi.get_balance().balance_dollars)
  local account = kalshi.status().account
  t.eq(account.stale, false)
  t.eq(account.reconciled, 1)
  t.ok(account.age >= 0)
end)

test("an order is known as soon as its answer is here, and gone as soon as it is canceled", function(t)
  local made = place{ client_order_id = "first", count = 2.5 }
  local row = kalshi.orders()[1]
  t.eq(row.order_id, made.order_id)
  t.eq(row.client_order_id, "first")
  t.eq(row.ticker, tickers[1])
  t.eq(row.side, "bid")
  t.eq(row.outcome_side, "yes")
  t.eq(row.price, 0.01)
  t.eq(row.status, "resting")
  t.eq({ row.initial_count, row.fill_count, row.remaining_count }, { 2.5, 0.0, 2.5 })
  t.eq(row.fees, 0.0)
  t.eq(row.average_fill_price, nil)
  t.eq(row.subaccount, 0)
  t.ok(math.abs(row.created_ts - require "kalua".now()) < 60)
  kalshi.cancel_order(made.order_id)
  t.eq(#kalshi.orders(), 0)
  t.eq(find(kalshi.orders{ status = "canceled" }, "order_id", made.order_id).status, "canceled")
end)

test("filters choose, newest first", function(t)
  local a, b = place(), place{ ticker = tickers[2] }
  t.eq(#kalshi.orders(), 2)
  t.eq(kalshi.orders{ ticker = tickers[1] }[1].order_id, a.order_id)
  t.eq(kalshi.orders{ ticker = tickers[2] }[1].order_id, b.order_id)
  t.eq(#kalshi.orders{ ticker = "NONE" }, 0)
  local all = kalshi.orders{ status = "all" }
  for i = 2, #all do t.ok(all[i - 1].created_ts >= all[i].created_ts) end
  kalshi.cancel_all()
  until_true(function() return #kalshi.orders() == 0 end)
end)

test("a trade shows in orders, fills, positions and balance", function(t)
  local before = kalshi.balance()
  local made = place{ price = 0.99, count = 3, time_in_force = "immediate_or_cancel" }
  until_true(function()
    local o = find(kalshi.orders{ status = "all" }, "order_id", made.order_id)
    return o and o.fees and #kalshi.fills{ order_id = made.order_id } > 0 and #kalshi.positions() > 0
  end)
  local order = find(kalshi.orders{ status = "all" }, "order_id", made.order_id)
  t.eq(order.fill_count, made.fill_count)
  local count, cost, fees = 0, 0, 0
  for _, f in ipairs(kalshi.fills{ order_id = made.order_id }) do
    count, cost, fees = count + f.count, cost + f.count * f.price, fees + f.fee
    t.eq({ f.ticker, f.side, f.is_taker, f.client_order_id }, { tickers[1], "bid", true, made.client_order_id })
  end
  t.eq(count, made.fill_count)
  t.ok(math.abs(cost / count - order.average_fill_price) < 1e-6)
  t.ok(math.abs(fees - order.fees) < 1e-9)
  local p = kalshi.positions{ ticker = tickers[1] }[1]
  t.eq(p.position, count)
  t.ok(math.abs(p.exposure - cost) < 1e-9)
  t.ok(math.abs(p.fees_paid - fees) < 1e-9)
  t.eq(p.realized_pnl, 0.0)
  until_true(function() return math.abs(kalshi.balance() - (before - cost - fees)) < 1e-6 end)
  t.eq(#kalshi.fills{ limit = 1 }, 1)
  t.eq(#kalshi.fills{ min_ts = kalshi.fills()[1].ts + 1 }, 0)
end)

test("wrong options are refused", function(t)
  for _, call in ipairs{
    function() kalshi.orders("T") end, function() kalshi.orders{ tiker = "T" } end,
    function() kalshi.orders{ status = "executed" } end, function() kalshi.orders{ ticker = 5 } end,
    function() kalshi.fills{ limit = 0 } end, function() kalshi.fills{ limit = 1.5 } end,
    function() kalshi.fills{ min_ts = "x" } end, function() kalshi.positions{ status = "all" } end,
    function() kalshi.balance{ subaccount = 1 } end, function() kalshi.orders({}, {}) end,
  } do
    t.raises(call, "validation")
  end
  t.raises(function() kalshi.orders{ tiker = "T" } end, 'did you mean "ticker"')
  t.raises(function() kalshi.fills{ since = 1 } end, "no option since; it takes ticker, order_id, limit, min_ts")
  t.raises(function() kalshi.fills{ limit = 1.5 } end, "limit must be a whole number, not 1.5")
  t.raises(function() kalshi.positions{ ticker = "" } end, "ticker must not be empty")
end)
