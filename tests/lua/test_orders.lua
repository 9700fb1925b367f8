-- kalshi.order and its objects, against the embedded exchange: what one script can do by itself. Fills by others are in
-- tests/integration/orders.test.mjs.
local json = require "json"
local kalshi = require "kalshi"
local kalua = require "kalua"
local task = require "task"
local test = require "test"

local market, fine -- of whole cents at 0.5, with a book; with finer steps near 0
for m in kalshi.each.get_markets{ status = "open", limit = 1000 } do
  local whole = #m.price_ranges == 1 and m.price_ranges[1].step == 0.01
  if whole and m.yes_bid_dollars > 0.1 and m.yes_ask_dollars < 0.9 and not market then market = m end
  if not whole and not fine then fine = m end
end
local ticker = market.ticker

local function order(change)
  local o = { ticker = ticker, side = "yes", price = 0.01, count = 10 }
  for k, v in pairs(change or {}) do o[k] = v end
  return kalshi.order(o)
end

-- Refused before anything is sent, with these words in the message.
local function refused(t, change, ...)
  local o = { ticker = ticker, side = "yes", price = 0.01, count = 10 }
  for k, v in pairs(change) do o[k] = v ~= "nil" and v or nil end
  local err = t.raises(function() kalshi.order(o) end, "validation")
  for _, text in ipairs{ ... } do t.ok(err.message:find(text, 1, true), err.message) end
end

test("an order and all that it says of itself", function(t)
  local before = kalua.now()
  local o = order{ count = 2.5, post_only = true, client_order_id = "all-of-it-" .. before }
  t.eq(o.status, "resting")
  t.eq({ o.ticker, o.side, o.action, o.outcome_side }, { ticker, "bid", "buy", "yes" })
  t.eq({ o.price, o.yes_price, o.no_price }, { 0.01, 0.01, 0.99 })
  t.eq({ o.count, o.filled, o.remaining, o.fees, o.cost }, { 2.5, 0.0, 2.5, 0.0, 0.0 })
  t.eq(o.average_price, nil)
  t.eq({ o.time_in_force, o.post_only }, { "good_till_canceled", true })
  t.eq(o.client_id, "all-of-it-" .. before)
  t.eq(#o.id, 36)
  t.ok(math.abs(o.created - before) < 60 and o.updated)
  t.eq({ o.error, o.group_id, o.expiration }, {})
  t.eq(o.generation, kalua.generation)
  t.eq(tostring(o), "buy yes 2.5 @ 0.01 " .. ticker .. ": resting")
  t.eq(o:cancel(), true)
  t.eq({ o.status, o.remaining, o.count }, { "canceled", 0.0, 2.5 })
  t.eq(tostring(o), "buy yes 2.5 @ 0.01 " .. ticker .. ": canceled")
  t.eq(o:cancel(), false)
end)

test("the four ways to say it, and both that the exchange knows", function(t)
  local bid = market.yes_bid_dollars
  local ways = {
    { { side = "yes", price = 0.02 }, { "bid", "buy", "yes", 0.02, 0.02 } },
    { { side = "yes", action = "sell", price = 0.98 }, { "ask", "sell", "no", 0.98, 0.98 } },
    { { side = "no", price = 0.03 }, { "ask", "buy", "no", 0.97, 0.03 } },
    { { side = "no", action = "sell", price = 0.97 }, { "bid", "sell", "yes", 0.03, 0.97 } },
    { { side = "bid", price = 0.02 }, { "bid", "buy", "yes", 0.02, 0.02 } },
    { { side = "ask", price = 0.98 }, { "ask", "sell", "no", 0.98, 0.98 } },
  }
  t.ok(bid > 0.03)
  for _, way in ipairs(ways) do
    local o = order(way[1])
    t.eq({ o.side, o.action, o.outcome_side, o.yes_price, o.price }, way[2])
    local row = kalshi.get_order(o.id).order
    t.eq(row.yes_price_dollars, o.yes_price)
    o:cancel()
  end
  local o = order{ side = "no", price = 0.03, count = 4 }
  t.eq(tostring(o), "buy no 4 @ 0.03 " .. ticker .. ": resting")
  t.eq(o:amend{ price = 0.02 }.price, 0.02)
  t.eq(o.yes_price, 0.98)
  t.eq(kalshi.get_order(o.id).order.yes_price_dollars, 0.98)
  o:cancel()
end)

test("numbers are exact, or refused", function(t)
  local o = order{ price = 0.01 + 0.02, count = 0.1 + 0.2 }
  t.eq({ o.price, o.count }, { 0.03, 0.3 })
  o:cancel()
  o = order{ price = "0.02", count = "1.50" }
  t.eq({ o.price, o.count }, { 0.02, 1.5 })
  o:cancel()
  refused(t, { price = 0.00001 }, "off the grid")
  refused(t, { price = 0.0 / 0.0 }, "off the grid")
  refused(t, { price = 58 }, "58 cents are 0.58")
  refused(t, { price = 0 }, "above 0")
  refused(t, { price = -0.1 }, "above 0")
  refused(t, { price = 1 }, "1 cents are 0.01")
  refused(t, { price = true }, "a number, not a boolean")
  refused(t, { price = "5 cents" }, "no number")
  refused(t, { count = 0 }, "count must be above 0")
  refused(t, { count = 1.001 }, "off the grid")
  refused(t, { count = 1e13 }, "more than any market has")
end)

test("what contradicts itself is explained", function(t)
  refused(t, { side = "nil" }, "side is missing", '"bid" or "ask"')
  refused(t, { side = "buy" }, "side must be")
  refused(t, { side = "bid", action = "buy" }, 'side "bid" says already that YES is bought')
  refused(t, { side = "ask", action = "sell" }, "leave action out")
  refused(t, { action = "purchase" }, 'action must be "buy" or "sell"')
  refused(t, { side = "no", price = "nil" }, "of NO, since side is")
  refused(t, { post_only = true, time_in_force = "ioc" }, "never takes", "never rests")
  refused(t, { time_in_force = "day" }, "time_in_force must be")
  refused(t, { time_in_force = "imediate_or_cancel" }, 'did you mean "immediate_or_cancel"')
  refused(t, { expiration = kalua.now() + 60, expires_in = 5 }, "either expiration or expires_in")
  refused(t, { expiration = kalua.now() - 60 }, "s ago", "expires_in counts from now")
  refused(t, { expiration = kalua.now() * 1000 }, "not ms")
  refused(t, { expires_in = 60, time_in_force = "fok" }, "cannot expire")
  refused(t, { lease = 5, expires_in = 5 }, "lease")
  refused(t, { subaccount = 64 }, "subaccount must be 0 to 63")
  refused(t, { subaccount = 1.5 }, "whole number")
  refused(t, { client_order_id = ("x"):rep(65) }, "at most 64 bytes")
  refused(t, { client_order_id = "" }, "must not be empty")
  refused(t, { client_order_id = "a\xff" }, "client_order_id is not valid UTF-8")
  refused(t, { ticker = "nil" }, "ticker is missing")
  refused(t, { ticker = 5 }, "must be a string")
  refused(t, { ticker = "A\0B" }, "zero byte")
end)

test("unknown options are refused with the one that was meant", function(t)
  refused(t, { prise = 0.4 }, 'no option prise; did you mean "price"?')
  refused(t, { size = 5 }, "it is called count here")
  refused(t, { no_price = 0.4 }, 'give `price` with side = "no"')
  refused(t, { type = "market" }, "every order is a limit order")
  refused(t, { post_onli = true }, 'did you mean "post_only"')
  refused(t, { [1] = "x" }, "its options have names")
  t.raises(function() kalshi.order() end, "kalshi.order takes one table")
  t.raises(function() kalshi.order("KXA", 0.4) end, "validation")
  t.raises(function() kalshi.order({}, {}) end, "validation")
end)

test("fields are read only, and misspelt ones are errors", function(t)
  local o = order()
  local slips = { filed = "filled", fill_count = "filled", cancle = "cancel", order_id = "id", Status = "status" }
  for name, meant in pairs(slips) do
    local err = t.raises(function() return o[name] end, "validation")
    t.ok(err.message:find('did you mean "' .. meant .. '"', 1, true), err.message)
  end
  t.raises(function() return o.nothing_of_the_kind end, ":help kalshi.Order")
  t.raises(function() return o[1] end, "validation")
  t.raises(function() o.price = 0.5 end, "order:amend")
  t.raises(function() o.cancel() end, "call it with a colon")
  t.raises(function() o:cancel(1) end, "no arguments")
  t.raises(function() o:wait(-1) end, "timeout")
  t.raises(function() o:wait_fill "5" end, "timeout")
  o:cancel()
end)

test("amend names the whole size, and says what it keeps", function(t)
  local o = order()
  t.eq(o:amend{ price = 0.02, count = 12 }, o)
  t.eq({ o.price, o.count, o.remaining, o.status }, { 0.02, 12.0, 12.0, "resting" })
  t.eq(o:amend{ count = 5 }.remaining, 5.0)
  t.eq(o:amend{ price = 0.01 }.count, 5.0)
  local row = kalshi.get_order(o.id).order
  t.eq({ row.yes_price_dollars, row.remaining_count_fp }, { 0.01, 5.0 })
  t.raises(function() o:amend{} end, "say what changes")
  t.raises(function() o:amend() end, "validation")
  t.raises(function() o:amend(0.02) end, "takes one table")
  t.raises(function() o:amend{ prize = 0.5 } end, 'did you mean "price"')
  t.raises(function() o:amend{ remaining = 3 } end, "count is the whole size")
  t.raises(function() o:amend{ price = 1.5 } end, "below 1 dollar")
  t.raises(function() o:amend{ count = 0 } end, "to end it, cancel")
  o:cancel()
  local err = t.raises(function() o:amend{ price = 0.02 } end, "closed")
  t.eq({ err.code, err.order }, { "canceled", o })
end)

test("decrease takes off what is left, and keeps the place", function(t)
  local o = order()
  t.eq(o:decrease(4), o)
  t.eq({ o.remaining, o.count, o.status }, { 6.0, 6.0, "resting" })
  t.raises(function() o:decrease(0) end, "validation")
  t.raises(function() o:decrease() end, "validation")
  t.raises(function() o:decrease "2" end, "validation")
  o:decrease(6)
  o:wait_fill(5)
  t.eq({ o.status, o.remaining, o.filled }, { "canceled", 0.0, 0.0 })
  local err = t.raises(function() o:decrease(1) end, "closed")
  t.eq(err.code, "canceled")
end)

test("an order that fills at once: average price, cost and fees", function(t)
  local o = order{ price = 0.99, count = 3, time_in_force = "ioc" }
  t.eq(o:wait_fill(10), true)
  t.eq({ o.status, o.filled, o.remaining, o.time_in_force }, { "filled", 3.0, 0.0, "immediate_or_cancel" })
  t.ok(o.average_price > 0.01 and o.average_price <= 0.99)
  t.near(o.cost, o.average_price * 3, 1e-6)
  t.ok(o.fees > 0)
  t.eq(o:wait(0), true)
  t.eq(o:cancel(), false)
  -- The other way, in terms of NO: what it cost is of NO, too.
  local back = order{ side = "no", price = 0.99, count = 3, time_in_force = "ioc" }
  t.eq(back:wait_fill(10), true)
  t.near(back.average_price + o.average_price, 1, 0.2)
  t.near(back.cost, back.average_price * 3, 1e-6)
  -- And selling YES is the same with the price of YES.
  local again = order{ price = 0.99, count = 2, time_in_force = "fok" }
  t.eq(again:wait_fill(10), true)
  local sold = order{ action = "sell", price = 0.01, count = 2, time_in_force = "fok" }
  t.eq(sold:wait_fill(10), true)
  t.ok(sold.average_price <= again.average_price and sold.average_price > 0.01, sold)
  t.near(sold.cost, sold.average_price * 2, 1e-6)
end)

test("what does not fill at once is canceled, and that is no error", function(t)
  local o = order{ time_in_force = "ioc" }
  t.eq({ o:wait_fill(10), o.status, o.filled }, { false, "canceled", 0.0 })
  local turns = 0
  for same in o:changes() do
    t.eq(same, o)
    turns = turns + 1
  end
  t.eq(turns, 1)
end)

test("what the exchange refuses raises, with the order", function(t)
  local err = t.raises(function() order{ price = 0.99, post_only = true } end, "http")
  t.eq(err.order.status, "rejected")
  t.eq({ err.order.remaining, err.order.filled }, { 0.0, 0.0 })
  t.eq(err.order.error.message, err.message)
  t.ok(tostring(err.order):find(": rejected, ", 1, true), tostring(err.order))
  t.eq(err.order:cancel(), false)
  t.eq(err.order:wait_fill(), false)
  t.raises(function() order{ ticker = "NO-SUCH-MARKET" } end, "http")
  if fine then
    local no = t.raises(function() order{ ticker = fine.ticker, price = 0.5001 } end)
    t.ok(no.kind == "validation" or no.kind == "http", tostring(no))
  end
end)

test("wait: the answer, then news, then the end", function(t)
  local o = order()
  t.eq(o:wait(0), true) -- the answer has come with kalshi.order
  t.eq(o:wait(0), false)
  t.eq(o:wait(0.02), false)
  local woken = task.spawn(function() return o:wait(30), o.price end)
  task.yield()
  o:amend{ price = 0.02 }
  t.eq({ woken:await() }, { true, 0.02 })
  local filled = task.spawn(function() return o:wait_fill() end)
  local turns = task.spawn(function()
    local list = {}
    for now in o:changes() do list[#list + 1] = now.status end
    return list
  end)
  task.yield()
  o:cancel()
  t.eq(filled:await(), false)
  local list = turns:await()
  t.eq({ list[1], list[#list] }, { "resting", "canceled" })
  t.eq({ o:wait(0), o:wait(0) }, { true, true })
end)

test("without waiting: pending, then answered", function(t)
  local o = order{ wait = false }
  t.eq({ o.status, o.id }, { "pending" })
  local begin = kalua.name:gsub("%W", "_"):sub(1, 24) .. "-g" .. kalua.generation .. "-"
  t.eq(o.client_id:sub(1, #begin), begin)
  t.eq(o:wait(10), true)
  t.eq(o.status, "resting")
  o:cancel()
  -- A change of one that is pending waits for its answer.
  local p = order{ wait = false }
  p:amend{ price = 0.02 }
  t.eq({ p.status, p.price }, { "resting", 0.02 })
  p:cancel()
  local c = order{ wait = false }
  t.eq(c:cancel(), true)
  t.eq(c.status, "canceled")
  local r = order{ wait = false, price = 0.99, post_only = true }
  t.eq({ r:wait_fill(10), r.status, r.error.kind }, { false, "rejected", "http" })
end)

test("a cancelled task leaves its order to be found", function(t)
  local job = task.spawn(function() order{ client_order_id = "left-" .. kalua.now() } end)
  task.yield()
  job:cancel()
  t.raises(function() job:await() end, "cancelled")
  task.timeout(10, function()
    for _, o in ipairs(kalshi.own_orders()) do while o.status == "pending" do o:wait(1) end end
  end)
  for _, o in ipairs(kalshi.own_orders()) do
    t.ok(o.client_id:find "^left%-")
    o:cancel()
  end
  t.eq(#kalshi.own_orders(), 0)
end)

test("own orders, the newest first, each the same object", function(t)
  t.eq(json.encode(kalshi.own_orders()), "[]")
  local a, b = order(), order{ price = 0.02 }
  local own = kalshi.own_orders()
  t.eq({ own[1] == b, own[2] == a, #own }, { true, true, 2 })
  t.ok(rawequal(own[1], b))
  t.eq(kalshi.find_order(a.id), a)
  t.eq(kalshi.find_order(a.client_id), a)
  t.eq(kalshi.find_order "nothing", nil)
  t.eq(#kalshi.own_orders{ ticker = "NONE" }, 0)
  t.eq(#kalshi.own_orders{ ticker = ticker, status = "resting" }, 2)
  local raw = kalshi.create_order{
    ticker = ticker, side = "bid", price = 0.01, count = 1, time_in_force = "good_till_canceled",
    self_trade_prevention_type = "taker_at_cross",
  }
  t.eq(kalshi.own_orders()[1].id, raw.order_id)
  kalshi.cancel_order(b.id)
  t.eq(b.status, "canceled")
  t.eq(kalshi.own_orders{ status = "all" }[2] == b, true)
  t.raises(function() kalshi.own_orders{ status = "resing" } end, 'did you mean "resting"')
  t.raises(function() kalshi.own_orders{ tiker = "x" } end, 'did you mean "ticker"')
  t.raises(function() kalshi.find_order() end, "validation")
  t.eq(kalshi.cancel_mine(), 2)
  t.eq({ a.status, #kalshi.own_orders() }, { "canceled", 0 })
  t.eq(kalshi.cancel_mine(), 0)
end)

test("cancel_all says how many", function(t)
  order()
  order{ price = 0.02 }
  t.eq(kalshi.cancel_all(), 2)
  t.eq(#kalshi.own_orders(), 0)
end)

test("an order that expires", function(t)
  local o = order{ expires_in = 1 }
  t.ok(o.expiration > kalua.now())
  t.eq(o:wait_fill(20), false)
  t.eq(o.status, "canceled")
end)
