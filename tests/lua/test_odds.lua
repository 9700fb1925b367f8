-- Module odds: conversions, the margin removed, and one distribution from the books of an event.
local kalshi = require "kalshi"
local odds = require "odds"
local task = require "task"
local test = require "test"

local function sum(list)
  local total = 0
  for _, x in ipairs(list) do total = total + x end
  return total
end

test("odds of every kind are probabilities, and back", function(t)
  t.near(odds.probability(-150), 0.6)
  t.near(odds.probability(150), 0.4)
  t.near(odds.probability "+250", 2 / 7)
  t.near(odds.probability "7/2", 2 / 9)
  t.near(odds.probability " 1 / 4 ", 0.8)
  t.near(odds.probability(100), 0.5)
  t.near(odds.probability(-100), 0.5)
  t.near(odds.from_decimal(4), 0.25)
  t.near(odds.decimal(0.25), 4)
  t.near(odds.american(0.6), -150)
  t.near(odds.american(0.4), 150)
  t.near(odds.american(0.5), 100)
  t.eq(odds.fractional(2 / 9), "7/2")
  t.eq(odds.fractional(0.5), "1/1")
  t.eq(odds.fractional(0.8), "1/4")
  t.eq(odds.fractional(1 / (1 + math.pi), 10), "22/7")
  t.eq(odds.fractional(1 / (1 + math.pi), 7), "22/7")
  t.eq(odds.fractional(1 / (1 + math.pi), 6), "19/6")
  t.eq(odds.fractional(0.9999), "1/100")
  for i = 1, 99 do
    local p = i / 100
    t.near(odds.probability(odds.american(p)), p)
    t.near(odds.from_decimal(odds.decimal(p)), p)
    t.near(odds.probability(odds.fractional(p)), p, 1e-9)
  end
end)

test("what are no odds is refused", function(t)
  t.raises(function() odds.probability(1.91) end, "decimal odds are for odds.from_decimal")
  t.raises(function() odds.probability "evens" end, "validation")
  t.raises(function() odds.probability "3/0" end, "validation")
  t.raises(function() odds.from_decimal(0.5) end, "at least 1")
  t.raises(function() odds.decimal(0) end, "above 0 and below 1")
  t.raises(function() odds.fair({ 0.5, 0.6 }, "magic") end, '"multiplicative", "additive", "power", "shin"')
  t.raises(function() odds.fair{ 0.5 } end, "at least 2")
end)

test("Shin: the published example", function(t)
  -- The package shin of Python, documentation: decimal odds 2.6, 2.4, 4.3.
  local fair, z = odds.fair({ 1 / 2.6, 1 / 2.4, 1 / 4.3 }, "shin")
  t.near(fair[1], 0.37299406033208965, 1e-9)
  t.near(fair[2], 0.4047794109200184, 1e-9)
  t.near(fair[3], 0.2222265287474275, 1e-9)
  t.near(z, 0.01694251276407055, 1e-9)
end)

test("Shin of two outcomes is the additive method", function(t)
  -- A theorem of Clarke, Kovalchik and Ingram (2017).
  for i = 1, 9 do
    local prices = { i / 10, 1.04 - i / 10 }
    local shin, z = odds.fair(prices, "shin")
    local additive = odds.fair(prices, "additive")
    t.near(shin[1], additive[1])
    t.ok(z > 0 and z < 1, z)
  end
  t.near(odds.fair({ 0.55, 0.5 }, "additive")[1], 0.525)
end)

test("multiplicative, additive and power do what they say", function(t)
  local prices = { 1 / 4.20, 1 / 3.70, 1 / 1.95 }
  t.near(odds.overround(prices), 0.02118, 1e-5)
  local fair, margin = odds.fair(prices)
  t.near(fair[1], 0.2331556, 1e-7) -- the R package implied, introduction
  t.near(fair[2], 0.2646631, 1e-7)
  t.near(fair[3], 0.5021813, 1e-7)
  t.near(margin, sum(prices))
  local additive, each = odds.fair(prices, "additive")
  for i = 1, 3 do t.near(additive[i], prices[i] - each) end
  local power, k = odds.fair(prices, "power")
  for i = 1, 3 do t.near(power[i], prices[i] ^ k) end
  t.ok(k > 1)
  t.raises(function() odds.fair({ 0.02, 0.6, 0.6 }, "additive") end, "take another method")
end)

test("every method gives probabilities that add up to 1 and keeps the order", function(t)
  local x = 0.123
  for n = 2, 30 do
    task.yield()
    local prices = {}
    for i = 1, n do
      x = 3.9 * x * (1 - x)
      prices[i] = 0.02 + 0.9 * x / n
    end
    for _, method in ipairs{ "multiplicative", "power", "shin" } do
      local fair = odds.fair(prices, method)
      t.near(sum(fair), 1)
      for i = 2, n do t.eq(fair[i] > fair[i - 1], prices[i] > prices[i - 1], method) end
      for _, p in ipairs(fair) do t.ok(p > 0 and p < 1) end
    end
  end
  -- A longshot is worth less than in proportion where insiders are feared, or by the power.
  local prices = { 0.05, 0.25, 0.78 }
  local flat = odds.fair(prices)[1]
  t.ok(odds.fair(prices, "shin")[1] < flat and odds.fair(prices, "power")[1] < flat)
end)

test("the books of an event as one distribution", function(t)
  local d = odds.distribution{ { bid = 0.50, ask = 0.54 }, { bid = 0.30, ask = 0.32 }, { bid = 0.10, ask = 0.20 } }
  t.near(sum(d.probabilities), 1)
  t.near(d.share, (1 - 0.9) / 0.16)
  t.near(d.probabilities[1], 0.5 + 0.04 * d.share)
  t.eq(d.arbitrage, nil)
  d = odds.distribution{ { bid = 0.3, ask = 0.4 }, { bid = 0.4, ask = 0.5 } }
  t.eq(d.arbitrage, "buy")
  t.near(d.probabilities[1], 4 / 9)
  d = odds.distribution{ { bid = 0.6, ask = 0.7 }, { bid = 0.5, ask = 0.6 } }
  t.eq(d.arbitrage, "sell")
  t.near(d.probabilities[2], 5 / 11)
  d = odds.distribution{ { bid = 0.4, ask = 0.4 }, { bid = 0.6, ask = 0.6 } }
  t.near(d.probabilities[1], 0.4)
  d = odds.distribution{ {}, { bid = 0.6, ask = 0.62 } }
  t.near(sum(d.probabilities), 1)
  t.raises(function() odds.distribution{ { bid = 0.6, ask = 0.5 }, {} } end, "above its ask")
end)

test("markets and live books are taken as they are", function(t)
  local event
  for e in kalshi.each.get_events{ status = "open", with_nested_markets = true } do
    if e.mutually_exclusive and #e.markets >= 2 then event = e break end
  end
  local d = odds.distribution(event.markets)
  t.near(sum(d.probabilities), 1)
  local books = {}
  for i, m in ipairs(event.markets) do books[i] = kalshi.book(m.ticker) end
  d = odds.distribution(books)
  t.near(sum(d.probabilities), 1)
  t.eq(#d.probabilities, #event.markets)
  for _, book in ipairs(books) do book:close() end
end)
