-- kalshi.limits, and what a refused order looks like. What one test has tightened stays so for the next.
local kalshi = require "kalshi"
local test = require "test"

local T = kalshi.get_markets{ status = "open", limit = 1 }.markets[1].ticker

local function order(count, price)
  return kalshi.create_order{ ticker = T, side = "bid", price = price or 0.01, count = count,
    time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross" }
end

local function fails(f, ...)
  local ok, e = pcall(f, ...)
  assert(not ok, "did not fail")
  return e
end

test("without limits there are none, and the state is told", function(t)
  local l = kalshi.limits()
  t.eq(l.max_position, nil)
  t.eq(l.open_orders, 0)
  t.eq(l.exposure, 0.0)
  t.eq(l.refused, 0)
  t.eq(l.refused_by, nil)
  t.eq(l.account.exposure, 0.0)
end)

test("a price off the grid is told with the steps of the market", function(t)
  kalshi.limits{ max_exposure = 1000 } -- which asks for what there is to know of the market
  kalshi.cancel_order(order(1).order_id)
  local first = kalshi.get_market(T).market.price_ranges[1]
  local steps = ("%s, whose steps are %.4f"):format(T, first.step):gsub("00$", "")
  for _, side in ipairs{ "yes", "no" } do
    local e = fails(kalshi.order, { ticker = T, side = side, price = 0.012345, count = 1 })
    t.eq(e.code, "price_off_grid")
    t.ok(e.message:find("price 0.012345 is off the grid of " .. steps, 1, true), e.message)
  end
  local o = kalshi.order{ ticker = T, side = "bid", price = first.start + first.step, count = 1 }
  local e = fails(o.amend, o, { price = 0.02001 })
  t.ok(e.message:find("price 0.02001 is off the grid of " .. steps, 1, true), e.message)
  o:cancel()
  if first.step <= 0.0001 then return end
  e = fails(kalshi.order, { ticker = T, side = "bid", price = first.start + first.step + 0.0001, count = 1 })
  t.ok(e.message:find("is off the grid of " .. steps, 1, true), e.message)
end)

test("a script tightens, an order beyond is refused with the numbers", function(t)
  local l = kalshi.limits{ max_position = 50, max_order_count = 40.5 }
  t.eq(l.max_position, 50.0)
  t.eq(l.max_order_count, 40.5)
  order(40)
  local e = fails(order, 10.01)
  t.eq(e.kind, "risk")
  t.eq(e.code, "max_position")
  local says = "an order for 10.01 would make 50.01 contracts in " .. T .. " at worst, and max_position is 50"
  t.ok(e.message:find(says, 1, true), e.message)
  t.eq(fails(order, 41).code, "max_order_count")
  local last = order(10)
  l = kalshi.limits()
  t.eq(l.open_orders, 2)
  t.near(l.exposure, 0.5, 1e-9)
  t.eq(l.refused, 2)
  t.eq(l.refused_by, "max_order_count")
  t.eq(l.account.open_orders, 2)
  kalshi.cancel_order(last.order_id)
  order(10)
end)

test("it cannot widen, and a table with one wrong limit changes nothing", function(t)
  local e = fails(kalshi.limits, { max_position = 51, max_open_orders = 5 })
  t.eq(e.kind, "validation")
  t.eq(e.message, "max_position cannot be made 51 contracts: it is 50 contracts, as this version asked before, "
    .. "and a script may only make it tighter")
  t.eq(kalshi.limits().max_open_orders, nil)
  t.eq(fails(kalshi.limits, { max_positon = 1 }).message,
    'limits: no limit is called "max_positon"; did you mean max_position?')
  t.eq(fails(kalshi.limits, { max_position = "1" }).message, "limits: max_position must be a number, not string")
  t.eq(fails(kalshi.limits, { self_cross = 0 }).message, "limits: self_cross must be true or false, not number")
  t.eq(fails(kalshi.limits, { 5 }).kind, "validation")
  t.eq(fails(kalshi.limits, 5).kind, "validation")
  t.eq(fails(kalshi.limits, { max_open_orders = 1.5 }).kind, "validation")
  t.eq(fails(kalshi.limits, { max_position = 0 / 0 }).kind, "validation")
  t.eq(fails(kalshi.limits, { max_position = -1 }).kind, "validation")
end)

test("a change upwards is an order, too", function(t)
  local o = kalshi.get_orders{ status = "resting", ticker = T }.orders[1]
  local e = fails(kalshi.amend_order, o.order_id, { ticker = T, side = "bid", price = 0.01, count = 40.5 })
  t.eq(e.code, "max_position")
  kalshi.amend_order(o.order_id, { ticker = T, side = "bid", price = 0.01, count = 1 })
end)

test("an own order is not crossed", function(t)
  kalshi.limits{ self_cross = false }
  local best = kalshi.get_market_orderbook(T)
  t.ok(best)
  local e = fails(function()
    kalshi.create_order{ ticker = T, side = "ask", price = 0.01, count = 1, time_in_force = "immediate_or_cancel",
      self_trade_prevention_type = "maker" }
  end)
  t.eq(e.code, "self_cross")
end)

test("distance and age need a book, which is there without asking for it", function(t)
  kalshi.limits{ max_price_distance = 0.2, max_book_age = 60 }
  local e = fails(order, 1, 0.99)
  t.eq(e.code, "max_price_distance")
end)
