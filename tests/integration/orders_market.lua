-- Orders in a market where only the test trades: run by orders.test.mjs with `kalua test` against `kalua sim
-- --quiet-market`, whose triggers stand for everybody else.
local http = require "http"
local kalshi = require "kalshi"
local orders = require "orders"
local task = require "task"
local test = require "test"

local TRIGGERS = os.getenv "TRIGGERS"

local markets = {}
for m in kalshi.each.get_markets{ status = "open", limit = 1000 } do
  if #m.price_ranges == 1 and m.price_ranges[1].step == 0.01 then markets[#markets + 1] = m.ticker end
end

-- Each test has a market of its own, whose book is empty.
local ticker

local function on_market(name, fn)
  test(name, function(t)
    ticker = table.remove(markets) or error "too few markets"
    local ok, err = pcall(fn, t)
    local left = kalshi.cancel_mine()
    if not ok then error(err, 0) end
    t.eq(left, 0, "orders that rest at the end")
  end)
end

local function trigger(kind, arguments)
  local text = {}
  for k, v in pairs(arguments) do text[k] = tostring(v) end
  return http.post(TRIGGERS .. kind, { json = text }):json()
end

-- Whether the fault has met a request.
local function has_struck() return http.get((TRIGGERS:gsub("trigger/$", "status"))):json().faults[1].struck > 0 end

-- Somebody rests, or takes.
local function quote(side, price, count)
  trigger("quote", { market = ticker, side = side, price = price, count = count })
end

local function trade(side, count, price)
  trigger("trade", { market = ticker, side = side, count = count, price = price })
end

local function fill(order, count) trigger("fill", { order = order.id, count = count }) end

local function order(change)
  local o = { ticker = ticker, side = "yes", price = 0.40, count = 10 }
  for k, v in pairs(change or {}) do o[k] = v end
  return kalshi.order(o)
end

local function until_true(condition)
  task.timeout(60, function()
    while not condition() do task.sleep(0.02) end
  end)
end

-- ---- following one ----

on_market("fills wake who waits, with prices and fees in the terms of the order", function(t)
  local o = order{ side = "no", price = 0.60, count = 10 } -- an ask of YES at 0.40
  t.eq({ o:wait(0), o.status }, { true, "resting" })
  local waiting = task.spawn(function() return o:wait_fill(60) end)
  local seen = {}
  local turns = task.spawn(function()
    for now in o:changes() do seen[#seen + 1] = now.filled end
  end)
  fill(o, 4)
  until_true(function() return o.filled == 4 end)
  t.eq({ o.status, o.remaining, o.count }, { "resting", 6.0, 10.0 })
  t.near(o.average_price, 0.60)
  t.near(o.cost, 2.40)
  t.eq(tostring(o), "buy no 10 @ 0.60 " .. ticker .. ": resting, 4 filled at 0.60")
  t.raises(function() o:amend{ count = 4 } end, "of which 4 have filled already")
  fill(o, 6)
  t.eq(waiting:await(), true)
  turns:await()
  t.eq({ o.status, o.filled, o.remaining, seen[1], seen[#seen] }, { "filled", 10.0, 0.0, 0.0, 10.0 })
  t.eq(o:cancel(), false)
  local err = t.raises(function() o:amend{ price = 0.5 } end, "closed")
  t.eq({ err.code, err.order }, { "filled", o })
end)

on_market("a change of an order that was filled on the way there is closed", function(t)
  local o = order()
  task.all{
    function() fill(o) end,
    function()
      local ok, err = pcall(o.amend, o, { price = 0.41 })
      if not ok then t.eq({ err.kind, err.code }, { "closed", "filled" }, tostring(err)) end
    end,
    function()
      local ok, err = pcall(o.decrease, o, 1)
      if not ok then t.eq({ err.kind }, { "closed" }, tostring(err)) end
    end,
  }
  o:cancel()
  o:wait_fill(60)
end)

-- ---- take ----

on_market("take: at the price that the count needs, never beyond the limit", function(t)
  quote("ask", 0.40, 5)
  quote("ask", 0.42, 5)
  quote("ask", 0.45, 5)
  local got = orders.take{ ticker = ticker, side = "yes", count = 7, limit = 0.44 }
  t.eq({ got.filled, got.left, #got.orders }, { 7.0, 0.0, 1 })
  t.near(got.average_price, (5 * 0.40 + 2 * 0.42) / 7, 5e-5) -- the answer's is rounded, until the fills are told
  until_true(function() return math.abs(got.orders[1].average_price - (5 * 0.40 + 2 * 0.42) / 7) < 1e-6 end)
  t.eq(got.orders[1].price, 0.42)
  got = orders.take{ ticker = ticker, side = "yes", count = 10, limit = 0.44 }
  t.eq({ got.filled, got.left }, { 3.0, 7.0 })
  -- Nothing within the limit: nothing is sent.
  got = orders.take{ ticker = ticker, side = "yes", count = 10, limit = 0.44, timeout = 0.05 }
  t.eq({ got.filled, #got.orders, got.average_price }, { 0.0, 0 })
  -- It waits for more.
  local later = task.spawn(orders.take, { ticker = ticker, side = "bid", count = 4, limit = 0.44, timeout = 60 })
  task.sleep(0.05)
  quote("ask", 0.43, 3)
  quote("ask", 0.44, 3)
  got = later:await()
  t.eq({ got.filled, got.left }, { 4.0, 0.0 })
  -- Selling, in terms of NO, and no deeper than the best price.
  quote("ask", 0.30, 2) -- a bid of NO at 0.70
  got = orders.take{ ticker = ticker, side = "no", action = "sell", count = 9, limit = 0.5, levels = 1 }
  t.eq({ got.filled, got.left }, { 2.0, 7.0 })
  t.near(got.average_price, 0.70, 1e-6)
end)

on_market("take: wrong options", function(t)
  local function wrong(change, text)
    local o = { ticker = ticker, side = "yes", count = 7, limit = 0.44 }
    for k, v in pairs(change) do o[k] = v end
    local err = t.raises(function() orders.take(o) end, "validation")
    t.ok(err.message:find(text, 1, true), err.message)
  end
  wrong({ limt = 0.4 }, 'did you mean "limit"')
  wrong({ limit = 44 }, "below 1 dollar")
  wrong({ count = 0 }, "count must be")
  wrong({ count = 1.005 }, "count must be")
  wrong({ side = "up" }, "side must be")
  wrong({ side = "bid", action = "buy" }, "leave action out")
  wrong({ levels = 0 }, "levels must be")
  wrong({ timeout = "5" }, "timeout must be")
  t.raises(function() orders.take() end, "validation")
end)

-- ---- ladder ----

on_market("ladder: rungs, sizes, move, and what it has come to", function(t)
  local ladder = orders.ladder{
    ticker = ticker, side = "yes", from = 0.40, to = 0.36, levels = 5, count = 17, weights = { 1, 2, 3, 4, 5 },
  }
  local prices, counts = {}, {}
  for i, o in ipairs(ladder.orders) do prices[i], counts[i] = o.price, o.count end
  t.eq(prices, { 0.40, 0.39, 0.38, 0.37, 0.36 })
  t.eq(counts, { 1.0, 2.0, 3.0, 5.0, 6.0 })
  t.eq({ ladder.remaining, ladder.filled, ladder.average_price }, { 17.0, 0.0 })
  trade("ask", 3, 0.39)
  until_true(function() return ladder.filled == 3 end)
  t.near(ladder.average_price, (0.40 + 2 * 0.39) / 3, 1e-6)
  ladder:move(-0.01)
  t.eq({ ladder.orders[3].price, ladder.orders[5].price }, { 0.37, 0.35 })
  t.raises(function() ladder:move(0.9) end, "nothing was moved")
  ladder:cancel()
  t.eq({ ladder.remaining, ladder.filled }, { 0.0, 3.0 })
end)

on_market("ladder: all or none, and nothing left behind", function(t)
  quote("ask", 0.38, 5)
  -- The best rung would trade, which post_only forbids: so none rests.
  local err = t.raises(function()
    orders.ladder{ ticker = ticker, side = "yes", from = 0.36, to = 0.39, step = 0.01, count = 8, post_only = true }
  end, "http")
  t.ok(err.order == nil or err.order.status == "rejected")
  t.eq(#kalshi.own_orders(), 0)
  do
    local ladder <close> = orders.ladder{ ticker = ticker, side = "no", from = 0.30, to = 0.32, step = 0.01, count = 3 }
    t.eq({ #kalshi.own_orders(), ladder.orders[1].side }, { 3, "ask" })
  end
  t.eq(#kalshi.own_orders(), 0)
  -- A cancelled task, too.
  local job = task.spawn(function()
    local ladder <close> = orders.ladder{ ticker = ticker, side = "no", from = 0.30, to = 0.32, step = 0.01, count = 3 }
    task.sleep(60)
    return ladder
  end)
  until_true(function() return #kalshi.own_orders{ status = "resting" } == 3 end)
  job:cancel()
  until_true(function() return #kalshi.own_orders() == 0 end)
  -- Kept on purpose.
  do
    local ladder <close> = orders.ladder{
      ticker = ticker, side = "no", from = 0.30, to = 0.31, levels = 2, count = 2, keep = true,
    }
    t.eq(#ladder.orders, 2)
  end
  t.eq(kalshi.cancel_mine(), 2)
  for change, text in pairs{
    [{ levels = 2, step = 0.01 }] = "either step or levels", [{}] = "either step or levels",
    [{ levels = 1000 }] = "up to 100", [{ levels = 2, weights = { 1 } }] = "1 weights",
    [{ weights = { 0, 0 } }] = "all weights are 0", [{ steps = 2 }] = "did you mean",
  } do
    local o = { ticker = ticker, side = "no", from = 0.30, to = 0.31, count = 2 }
    for k, v in pairs(change) do o[k] = v end
    local wrong = t.raises(function() orders.ladder(o) end, "validation")
    t.ok(wrong.message:find(text, 1, true), wrong.message)
  end
end)

-- ---- oco ----

on_market("oco: what one fills is taken off the other", function(t)
  local a, b = order{ price = 0.40 }, order{ price = 0.39 }
  local pair = orders.oco(a, b)
  fill(a, 4)
  until_true(function() return b.remaining == 6 end)
  t.eq({ pair:wait(0.02), a.remaining, b.count }, { false, 6.0, 6.0 })
  fill(a, 6)
  t.eq(pair:wait(60), true)
  t.eq({ a.status, b.status, b.filled }, { "filled", "canceled", 0.0 })
  -- Canceled together; and by the end of a block.
  local c, d = order{ price = 0.40 }, order{ price = 0.39 }
  orders.oco(c, d):cancel()
  t.eq({ c.status, d.status }, { "canceled", "canceled" })
  do
    local other <close> = orders.oco(order(), order{ price = 0.38 })
    t.eq(#kalshi.own_orders(), 2)
    t.ok(other)
  end
  until_true(function() return #kalshi.own_orders() == 0 end)
  t.raises(function() orders.oco(a) end, "argument 2 must be an order")
  t.raises(function() orders.oco(a, a) end, "the same order")
end)

-- ---- bracket ----

local function bracket(change)
  local o = { ticker = ticker, side = "yes", count = 10, entry = 0.40, take_profit = 0.50, stop_loss = 0.30 }
  for k, v in pairs(change or {}) do o[k] = v end
  return orders.bracket(o)
end

on_market("bracket: the profit order is as large as what is open", function(t)
  local b = bracket()
  t.eq({ b:status(), b:opened(), #b.profits }, { "entering", 0.0, 0 })
  fill(b.entry, 4)
  until_true(function() return b.profits[1] and b.profits[1].status == "resting" end)
  t.eq({ b:status(), b.profits[1].side, b.profits[1].remaining }, { "open", "ask", 4.0 })
  fill(b.profits[1], 1)
  fill(b.entry, 6)
  until_true(function() return b.profits[1].remaining == 9 end)
  t.eq({ b:open(), #b.profits, b:wait(0.02) }, { 9.0, 1, false })
  fill(b.profits[1], 9)
  t.eq({ b:wait(60), b:status(), b:closed() }, { true, "done", 10.0 })
  t.near(b:profit(), 10 * 0.10 - b.entry.fees - b.profits[1].fees, 1e-6)
  t.eq(b.error, nil)
end)

on_market("bracket: the stop closes what is open and nothing more", function(t)
  quote("bid", 0.39, 20)
  local b = bracket()
  fill(b.entry, 6)
  until_true(function() return b.profits[1] and b.profits[1].status == "resting" end)
  fill(b.profits[1], 2) -- so 4 are open, and 4 of the entry rest
  until_true(function() return b:open() == 4 end)
  trade("ask", 24) -- takes all that is bid, our own rest of the entry included
  until_true(function() return b:opened() == 10 end)
  quote("bid", 0.30, 5)
  until_true(function() return b:closed() == 7 end)
  t.eq({ b:status(), b:open(), b.profits[#b.profits].status }, { "closing", 3.0, "canceled" })
  quote("bid", 0.28, 50)
  t.eq({ b:wait(60), b:status(), b:closed() }, { true, "done", 10.0 })
  local position = 0
  for _, p in ipairs(kalshi.get_positions{ ticker = ticker }.market_positions) do position = p.position_fp end
  t.eq(position, 0.0)
  t.ok(b:profit() < 0)
end)

on_market("bracket: short, a stop limit, exit, cancel and going on with it", function(t)
  local b = bracket{ side = "no", entry = 0.60, take_profit = 0.70, stop_loss = 0.50, stop_limit = 0.45 }
  fill(b.entry)
  until_true(function() return b.profits[1] and b.profits[1].status == "resting" end)
  quote("ask", 0.60, 10) -- a bid of NO at 0.40: beyond the limit
  until_true(function() return b:status() == "closing" end)
  t.eq(b:closed(), 0.0)
  quote("ask", 0.54, 4) -- NO at 0.46
  until_true(function() return b:closed() == 4 end)
  -- Somebody else goes on with it.
  local saved = b.state
  b:cancel()
  t.eq({ b:wait(60), b:open() }, { true, 6.0 })
  saved.stopping = false
  local again = orders.bracket{ resume = saved }
  t.eq({ again:opened(), again:open(), again:closed() }, { 10.0, 6.0, 4.0 })
  again:exit()
  quote("ask", 0.53, 10)
  t.eq({ again:wait(60), again:open(), again:status() }, { true, 0.0, "done" })
  do
    local third <close> = bracket()
    t.eq(third:status(), "entering")
  end
  until_true(function() return #kalshi.own_orders() == 0 end)
  for change, text in pairs{
    [{ take_profit = 0.39 }] = "no profit", [{ stop_loss = 0.45 }] = "wrong side",
    [{ stop_limit = 0.35 }] = "better than the stop", [{ side = "ask" }] = "no profit for who sells",
    [{ stop = 0.3 }] = "no option stop", [{ resume = {} }] = "with resume goes nothing else",
  } do
    local err = t.raises(function() bracket(change) end, "validation")
    t.ok(err.message:find(text, 1, true), err.message)
  end
  t.raises(function() orders.bracket{ ticker = ticker, side = "yes", count = 1, entry = 0.4 } end, "stop_loss or both")
  local gone = { entry = "gone", exits = {}, ticker = ticker, outcome = "yes" }
  t.raises(function() orders.bracket{ resume = gone } end, "closed")
end)

-- ---- twap ----

on_market("twap: in equal parts, and what one part did not get goes to the next", function(t)
  quote("ask", 0.40, 3)
  local run = task.spawn(orders.twap,
    { ticker = ticker, side = "yes", count = 9, duration = 4.5, slices = 3, limit = 0.41 })
  until_true(function() return #kalshi.own_orders{ status = "filled", ticker = ticker } == 1 end)
  t.eq(kalshi.own_orders{ status = "filled", ticker = ticker }[1].filled, 3.0)
  quote("ask", 0.41, 50)
  local got = run:await()
  t.eq({ got.filled, got.left }, { 9.0, 0.0 })
  t.ok(#got.orders >= 2) -- a part that found nothing sent none
  t.near(got.average_price, (3 * 0.40 + 6 * 0.41) / 9, 5e-5)
end)

on_market("twap: passive, it rests at the best price of its side", function(t)
  quote("bid", 0.30, 5)
  quote("ask", 0.40, 50)
  local slowly = { ticker = ticker, side = "yes", count = 4, slices = 2, limit = 0.35, passive = true, finish = true }
  local function over(seconds)
    slowly.duration = seconds
    return task.spawn(orders.twap, slowly)
  end
  local function rests_at(price)
    local o = kalshi.own_orders()[1]
    return o and o.status == "resting" and o.price == price
  end
  local run = over(6)
  until_true(function() return rests_at(0.30) end)
  quote("bid", 0.31, 5)
  until_true(function() return rests_at(0.31) end)
  fill(kalshi.own_orders()[1], 1)
  local got = run:await()
  t.eq({ got.filled, got.left }, { 1.0, 3.0 }) -- what is offered is beyond the limit
  -- Left in the middle, it leaves nothing.
  run = over(60)
  until_true(function() return #kalshi.own_orders{ status = "resting" } == 1 end)
  run:cancel()
  until_true(function() return #kalshi.own_orders() == 0 end)
  slowly.slices = 1.5
  t.raises(function() orders.twap(slowly) end, "whole number")
end)

-- ---- requote ----

on_market("requote: it moves only for a reason", function(t)
  local o = orders.requote(nil, { ticker = ticker, side = "bid", price = 0.40, count = 10, post_only = true })
  t.eq({ o.price, o.remaining, o.post_only }, { 0.40, 10.0, true })
  local function wish(more)
    local w = { price = 0.40, count = 10 }
    for k, v in pairs(more or {}) do w[k] = v end
    return orders.requote(o, w)
  end
  local version = o.updated
  local function keep() return true end
  t.eq({ wish(), wish{ price = 0.41, tolerance = 0.01 }, wish{ price = 0.45, keep_if = keep } }, { o, o, o })
  t.eq({ o.price, o.updated }, { 0.40, version })
  t.eq({ wish{ count = 6 }, o.remaining, o.price }, { o, 6.0, 0.40 }) -- decreased in its place
  t.eq({ wish(), o.remaining }, { o, 6.0 }) -- a larger one would lose it
  t.eq({ wish{ least = 8 }, o.remaining }, { o, 10.0 })
  t.eq({ wish{ price = 0.42 }, o.price, o.remaining }, { o, 0.42, 10.0 })
  fill(o, 3)
  until_true(function() return o.filled == 3 end)
  t.eq({ wish{ price = 0.43 }, o.price, o.remaining, o.count }, { o, 0.43, 10.0, 13.0 })
  o:cancel()
  local new = wish{ price = 0.39, count = 2 }
  t.eq({ new == o, new.price, new.remaining, new.post_only, new.side }, { false, 0.39, 2.0, true, "bid" })
  new:cancel()
  t.raises(function() orders.requote(5, { price = 0.4, count = 1 }) end, "an order, or nil")
  t.raises(function() orders.requote(new, { price = 0.4 }) end, "count")
  t.raises(function() orders.requote(nil, { price = 0.4, count = 1 }) end, "ticker is missing")
end)

-- ---- what goes wrong in the middle ----

on_market("take: what has filled before an error goes with it", function(t)
  quote("ask", 0.40, 3)
  local run = task.spawn(function()
    return pcall(orders.take, { ticker = ticker, side = "yes", count = 10, limit = 0.41, timeout = 60 })
  end)
  until_true(function() return #kalshi.own_orders{ status = "filled", ticker = ticker } == 1 end)
  trigger("fail", { target = "create_order", status = 400, count = 1 })
  quote("ask", 0.41, 20)
  local ok, err = run:await()
  t.eq({ ok, err.kind, err.status }, { false, "http", 400 })
  t.eq({ err.result.filled, err.result.left, #err.result.orders }, { 3.0, 7.0, 1 })
end)

on_market("requote and twap: cancelled while an order is on its way, nothing stays", function(t)
  quote("bid", 0.30, 5)
  for _, call in ipairs{
    function() orders.requote(nil, { ticker = ticker, side = "bid", price = 0.30, count = 1 }) end,
    function()
      orders.twap{ ticker = ticker, side = "yes", count = 4, slices = 1, duration = 60, limit = 0.35, passive = true }
    end,
  } do
    trigger("fault", { spec = "create_order:arrival=3s" })
    local job = task.spawn(call)
    until_true(has_struck) -- the exchange has it
    t.eq(#kalshi.own_orders{ status = "pending" }, 1)
    job:cancel()
    trigger("clear", {})
    until_true(function() return #kalshi.own_orders() == 0 end)
    t.eq(kalshi.own_orders{ status = "all" }[1].status, "canceled")
  end
end)

on_market("requote: the order of another market or side is refused", function(t)
  local o = order{ price = 0.40 }
  local function wrong(more, text)
    local w = { price = 0.41, count = 10 }
    for k, v in pairs(more) do w[k] = v end
    local err = t.raises(function() orders.requote(o, w) end, "validation")
    t.ok(err.message:find(text, 1, true), err.message)
  end
  wrong({ ticker = "ANOTHER" }, "another market")
  wrong({ side = "no" }, "say another")
  wrong({ side = "yes", action = "sell" }, "say another")
  t.eq(o.price, 0.40)
  t.eq(orders.requote(o, { ticker = ticker, side = "bid", price = 0.41, count = 10 }), o)
  o:cancel()
end)

on_market("requote: the order in place of one that ended is in its group and subaccount", function(t)
  local group = kalshi.create_order_group{ contracts_limit_fp = 100 }.order_group_id
  local function requote(old, more)
    local o = { ticker = ticker, side = "bid", price = 0.30, count = 2 }
    for k, v in pairs(more or {}) do o[k] = v end
    return orders.requote(old, o)
  end
  local first = requote(nil, { order_group_id = group })
  first:cancel()
  local second = requote(first)
  t.eq({ second == first, second.group_id, second.own_group_id, second.subaccount }, { false, group, group })
  second:cancel()
  local other = kalshi.create_order_group{ contracts_limit_fp = 100 }.order_group_id
  local third = requote(second, { order_group_id = other })
  t.eq(third.own_group_id, other)
  third:cancel()
  local number = kalshi.create_subaccount().subaccount_number
  kalshi.apply_subaccount_transfer{
    client_transfer_id = "5d2f1c3a-8f0e-4c61-9b7e-2a4d6e8f0a1b", from_subaccount = 0, to_subaccount = number,
    amount_cents = 1000,
  }
  local there = requote(nil, { subaccount = number })
  there:cancel()
  local again = requote(there)
  t.eq({ again == there, again.subaccount, again.own_group_id }, { false, number })
  again:cancel()
end)

on_market("twap: options that are handed on reach the orders; passive ones are not reduce_only", function(t)
  quote("bid", 0.30, 5)
  local group = kalshi.create_order_group{ contracts_limit_fp = 100 }.order_group_id
  local run = task.spawn(orders.twap, {
    ticker = ticker, side = "yes", count = 4, slices = 1, duration = 60, limit = 0.35, passive = true,
    order_group_id = group,
  })
  until_true(function() return #kalshi.own_orders{ status = "resting" } == 1 end)
  t.eq(kalshi.own_orders()[1].group_id, group)
  run:cancel()
  until_true(function() return #kalshi.own_orders() == 0 end)
  local passive = { ticker = ticker, side = "yes", count = 4, slices = 1, duration = 1, limit = 0.35, passive = true }
  passive.reduce_only = true
  t.raises(function() orders.twap(passive) end, "passive orders rest")
end)

on_market("bracket: a profit order that meets an order of the same account is not sent again and again", function(t)
  local b = bracket{ stop_loss = 0.10 }
  fill(b.entry)
  until_true(function() return b.profits[1] and b.profits[1].status == "resting" end)
  -- It ends the one that rests, and the next ones end at it.
  local own = order{ price = 0.50, count = 3, self_trade_prevention_type = "maker" }
  until_true(function() return b.profits[2] and b.profits[2].status == "canceled" end)
  task.sleep(0.5)
  t.ok(#b.profits <= 3, #b.profits)
  own:cancel()
  until_true(function() return b.profits[#b.profits].status == "resting" end)
  fill(b.profits[#b.profits])
  t.eq({ b:wait(60), b:closed() }, { true, 10.0 })
end)

on_market("bracket: refused profit orders are tried again and leave no trace", function(t)
  local b = bracket()
  trigger("fail", { target = "create_order", status = 400, count = 1 })
  fill(b.entry)
  until_true(function() return b.error end)
  t.eq({ #b.profits, #b.orders, #b.state.exits, b.error.kind }, { 0, 1, 0, "http" })
  until_true(function() return b.profits[1] and b.profits[1].status == "resting" end)
  b:cancel()
  t.eq({ b:wait(60), b:open() }, { true, 10.0 })
end)

on_market("bracket: who goes on while the stop's order is on its way does not close twice", function(t)
  local b = orders.bracket{ ticker = ticker, side = "yes", count = 10, entry = 0.40, stop_loss = 0.30 }
  fill(b.entry)
  until_true(function() return b:open() == 10 end)
  trigger("fault", { spec = "create_order:arrival=3s" })
  quote("bid", 0.30, 30)
  until_true(function() return #kalshi.own_orders{ status = "pending" } == 1 end)
  t.eq(#b.state.exits, 1)
  local again = orders.bracket{ resume = b.state }
  t.eq({ again:wait(60), again:open(), again:closed() }, { true, 0.0, 10.0 })
  trigger("clear", {})
  b:cancel()
  t.eq(b:wait(60), true)
  local position = 0
  for _, p in ipairs(kalshi.get_positions{ ticker = ticker }.market_positions) do position = p.position_fp end
  t.eq(position, 0.0)
end)

on_market("oco: what goes wrong is tried again, and the pair stays", function(t)
  local a, b = order{ price = 0.40 }, order{ price = 0.39 }
  local pair = orders.oco(a, b)
  trigger("fail", { target = "decrease_order", status = 400, count = 1 })
  fill(a, 4)
  until_true(function() return pair.error end)
  t.eq({ a.status, b.status }, { "resting", "resting" })
  until_true(function() return b.remaining == 6 end)
  pair:cancel()
  t.eq(pair:wait(60), true)
end)
