-- Module sizing: fees against the exchange's, formulas against published examples and against a search.
local kalshi = require "kalshi"
local sizing = require "sizing"
local task = require "task"
local test = require "test"

local taker = { type = "quadratic", multiplier = 1 }
local maker = { type = "quadratic_with_maker_fees", multiplier = 1, role = "maker" }

-- The same numbers in every run: the generator of Park and Miller (1988).
local state = 20240607
local function random(low, high)
  state = state * 48271 % 2147483647
  return low + (high - low) * state / 2147483647
end

test("fees are those of the schedule, rounded up to a hundredth of a cent", function(t)
  t.near(sizing.fee(0.52, 1, taker), 0.0175, 1e-12) -- 0.017472: Kalshi's guide to fee rounding
  t.near(sizing.fee(0.50, 100, taker), 1.75, 1e-12) -- the row "50 cents" of the fee schedule: 1.75 dollars
  t.near(sizing.fee(0.99, 100, taker), 0.0693, 1e-12) -- 0.07 there, in whole cents
  t.near(sizing.fee(0.50, 100, maker), 0.4375, 1e-12)
  t.eq(sizing.fee(0.50, 100, { type = "quadratic", role = "maker" }), 0.0)
  t.near(sizing.fee(0.50, 100, { type = "quadratic_with_combo_maker_fees", role = "maker" }), 0.875, 1e-12)
  t.near(sizing.fee(0.50, 100, { type = "flat", multiplier = 0.01 }), 1, 1e-12)
  t.near(sizing.fee(0.3, 10, { type = "quadratic", multiplier = 0.5 }), 0.0735, 1e-12)
  t.eq(sizing.fee(0.52, 10), 0)
  t.near(sizing.fee(0.5, 1, { type = "quadratic", precision = 0.01 }), 0.02, 1e-12) -- 0.5175 leaves as 0.52
end)

test("a fee is the exact product, rounded up, whatever its size", function(t)
  for i = 1, 2000 do
    if i % 100 == 0 then task.yield() end
    local p, n = math.floor(random(1, 10000)), math.floor(random(1, 1e6))
    local ppm = math.floor(random(1, 2e6))
    local fee = sizing.fee(p / 10000, n / 100, { type = "quadratic", multiplier = ppm / 1e6 })
    -- In two steps of 64 bits: the number of steps s is the least with s * 4e14 >= 28 p (1e4 - p) n ppm.
    local steps = math.floor(fee / 0.0001 + 0.5)
    local a, b = 28 * p * (10000 - p) * n, ppm
    local function reaches(s) -- s * 4e14 >= a * b, by 1e6: s * 4e8 * 1e6 >= a * b
      local q, r = a // 1000000, a % 1000000
      return s * 400000000 - q * b >= (r * b + 999999) // 1000000
    end
    t.ok(reaches(steps), "enough")
    t.ok(steps == 0 or not reaches(steps - 1), "not more")
    t.near(fee, steps * 0.0001, 1e-9)
  end
end)

test("the schedule comes from the series, and the event's own wins", function(t)
  local series = { fee_type = "quadratic_with_maker_fees", fee_multiplier = 0.5 }
  t.eq(sizing.fees(series), { type = "quadratic_with_maker_fees", multiplier = 0.5, role = "taker" })
  t.eq(sizing.fees(series, { fee_type_override = "quadratic", fee_multiplier_override = 2 }, "maker"),
    { type = "quadratic", multiplier = 2, role = "maker" })
  t.raises(function() sizing.fees({}) end, "no fee_type")
  t.raises(function() sizing.fees{ fee_type = "cubic" } end, "validation")
end)

test("what the exchange takes for a purchase is what was computed", function(t)
  local market
  for m in kalshi.each.get_markets{ status = "open", mve_filter = "exclude" } do
    if m.yes_ask_dollars > 0.2 and m.yes_ask_dollars < 0.8 and m.yes_ask_size_fp >= 3 then market = m break end
  end
  local event = kalshi.get_event(market.event_ticker).event
  local fees = sizing.fees(kalshi.get_series(event.series_ticker).series, event)
  local order = kalshi.create_order{
    ticker = market.ticker, side = "bid", price = 0.99, count = 3, time_in_force = "immediate_or_cancel",
    self_trade_prevention_type = "taker_at_cross",
  }
  local count, expected, exact = 0, 0, true
  for _, fill in ipairs(kalshi.get_fills{ order_id = order.order_id }.fills) do
    count = count + fill.count_fp
    expected = expected + sizing.fee(fill.yes_price_dollars, fill.count_fp, fees)
    exact = exact and math.abs(fill.fee_cost - sizing.fee(fill.yes_price_dollars, fill.count_fp, fees)) <= 0.01
  end
  t.near(count, 3)
  t.ok(exact, "each fill's fee, to the cent that balances are rounded to")
  t.near(order.average_fee_paid * 3, expected, 0.011)
end)

test("Kelly: a coin that comes 60 of 100 times, at even odds", function(t)
  -- Kelly, "A New Interpretation of Information Rate" (1956): bet q - p; it grows by 1 + p log2 p + q log2 q bits.
  t.near(sizing.kelly(0.6, 0.5), 0.2)
  t.near(sizing.growth(0.6, 0.5, 0.2) / math.log(2), 1 + 0.6 * math.log(0.6, 2) + 0.4 * math.log(0.4, 2))
  -- Thorp, "The Kelly Criterion in Blackjack, Sports Betting and the Stock Market" (2006): 0.53 gives 0.06, and 0.0018.
  t.near(sizing.kelly(0.53, 0.5), 0.06)
  t.near(sizing.growth(0.53, 0.5, 0.06), 0.0018, 0.00005)
  t.near(sizing.kelly(0.53, 0.5, nil, 0.5), 0.03)
  -- Three quarters of the growth for half the bet, where the edge is small (the same paper, section 7).
  t.near(sizing.growth(0.53, 0.5, 0.03) / sizing.growth(0.53, 0.5, 0.06), 0.75, 0.001)
  t.eq(sizing.kelly(0.5, 0.5), 0)
  t.eq(sizing.kelly(0.4, 0.5), 0)
  t.near(sizing.kelly(1, 0.5), 1)
end)

test("Kelly with fees is the share at which growth with fees is largest", function(t)
  for _ = 1, 100 do
    local p, price = random(0.05, 0.95), random(0.05, 0.95)
    local share = sizing.kelly(p, price, taker)
    local best = sizing.growth(p, price, share, taker)
    for _, other in ipairs{ share - 0.01, share + 0.01, share / 2, 0 } do
      if other >= 0 and other < 1 then t.ok(sizing.growth(p, price, other, taker) <= best + 1e-12) end
    end
    t.ok((share > 0) == (sizing.edge(p, price, taker) > 0), "a bet exactly where there is an edge")
  end
end)

test("edge, break-even and the highest price agree", function(t)
  t.near(sizing.edge(0.6, 0.5, taker), 0.0825)
  t.near(sizing.break_even(0.5, taker), 0.5175)
  t.near(sizing.break_even(0.52, taker, 1), 0.5375)
  t.near(sizing.expected_value(0.6, 0.5, 100, taker), 8.25)
  t.near(sizing.cost(0.5, 100, taker), 51.75)
  for _ = 1, 200 do
    local p, edge = random(0.1, 1), random(0, 0.1)
    local free, flat = { type = "quadratic", role = "maker" }, { type = "flat", multiplier = 0.01 }
    for _, fees in ipairs{ taker, maker, free, flat } do
      local price = sizing.max_price(p, fees, edge)
      if price and price < 1 then t.near(sizing.edge(p, price, fees), edge, 1e-9) end
    end
  end
  t.eq(sizing.max_price(0.05, nil, 0.1), nil)
end)

local function log_wealth(p, win, lose, n, cost)
  if lose - cost <= 0 then return -math.huge end
  return p * math.log(win + n - cost) + (1 - p) * math.log(lose - cost)
end

test("the number of contracts is what a search over all numbers finds, rounded down", function(t)
  for i = 1, 100 do
    task.yield() -- a search may take its time on a busy machine
    local p, price = random(0.1, 0.95), math.floor(random(10, 95)) / 100
    local bankroll, position = random(20, 300), i % 3 == 0 and math.floor(random(-20, 20)) or 0
    local r = sizing.contracts{
      probability = p, price = price, bankroll = bankroll, fees = taker, position = position,
    }
    local win, lose = bankroll + math.max(position, 0), bankroll + math.max(-position, 0)
    local best, at = -math.huge, 0
    for n = 0, math.floor(bankroll / price) do
      local cost = sizing.cost(price, n, taker)
      local g = cost <= bankroll and log_wealth(p, win, lose, n, cost) or -math.huge
      if g > best then best, at = g, n end
    end
    t.ok(r.count == at or r.count == at - 1, ("%g at %g: %g, and the best is %d"):format(p, price, r.count, at))
    t.near(r.cost, sizing.cost(price, r.count, taker))
    t.ok(r.count == 0 or r.growth > 0 and r.expected_value > 0)
  end
end)

test("what is held already counts: in two steps no more is bought than in one", function(t)
  local o = { probability = 0.6, price = 0.5, bankroll = 1000, fees = taker, fraction = 0.25 }
  local once = sizing.contracts(o)
  t.eq(once.count, 82) -- 1000 * 0.25 * (0.6 - 0.5175) / (1 - 0.5175) / 0.5175 = 82.6
  t.near(once.cost, 82 * 0.5175, 0.001)
  o.position, o.bankroll = 40, 1000 - sizing.cost(0.5, 40, taker)
  t.eq(sizing.contracts(o).count, 42)
  o.position, o.bankroll = once.count, 1000 - once.cost
  t.eq(sizing.contracts(o).count, 0)
  o.position, o.bankroll = 200, 900
  local r = sizing.contracts(o)
  t.eq({ r.count, r.limited_by }, { 0, "position" })
end)

test("a book is bought level by level, as far as each is worth it", function(t)
  local levels = { { 0.50, 10 }, { 0.52, 20 }, { 0.55, 1000 }, { 0.60, 1000 } }
  local o = { probability = 0.6, levels = levels, bankroll = 1000, fees = taker }
  local r = sizing.contracts(o)
  t.eq(r.limit_price, 0.55)
  t.eq(r.limited_by, "kelly")
  local first = sizing.cost(0.5, 10, taker) + sizing.cost(0.52, 20, taker)
  t.near(r.cost, first + sizing.cost(0.55, r.count - 30, taker), 1e-6)
  t.near(r.average_price, (5 + 10.4 + 0.55 * (r.count - 30)) / r.count, 1e-6)
  o.min_edge = 0.05
  r = sizing.contracts(o)
  t.eq({ r.count, r.limit_price, r.limited_by }, { 30, 0.52, "edge" })
  o.levels = { { 0.5, 7.5 } }
  r = sizing.contracts(o)
  t.eq({ r.count, r.limited_by }, { 7, "book" })
  o.step = 0.01
  t.near(sizing.contracts(o).count, 7.5)
  o.levels = {}
  t.near(sizing.contracts(o).count, 0)
end)

test("caps hold, and the result says which", function(t)
  local o = { probability = 0.7, price = 0.5, bankroll = 1000, fees = taker }
  local function with(more)
    local all = {}
    for k, v in pairs(o) do all[k] = v end
    for k, v in pairs(more) do all[k] = v end
    return sizing.contracts(all)
  end
  t.eq({ with{ max_count = 12 }.count, with{ max_count = 12 }.limited_by }, { 12, "max_count" })
  local r = with{ max_cost = 20 }
  t.eq(r.limited_by, "max_cost")
  t.ok(r.cost <= 20 and sizing.cost(0.5, r.count + 1, taker) > 20)
  t.eq({ with{ min_count = 1000 }.count, with{ min_count = 1000 }.limited_by }, { 0, "min_count" })
  t.eq(with{ probability = 0.51 }.limited_by, "no edge")
  t.eq({ with{ bankroll = 0.4 }.count, with{ bankroll = 0.4 }.limited_by }, { 0, "step" })
  -- What is certain is worth all there is, what is impossible nothing.
  r = sizing.contracts{ probability = 1, price = 0.5, bankroll = 100 }
  t.eq({ r.count, r.cost, r.growth }, { 200, 100.0, math.log(2) })
  r = sizing.contracts{ probability = 1, price = 0.99, bankroll = 100, fees = taker }
  t.ok(r.count > 99 and r.cost <= 100, r.count)
  t.eq(sizing.contracts{ probability = 0, price = 0.01, bankroll = 100 }.limited_by, "no edge")
  t.eq(with{ bankroll = 0 }.count, 0)
  -- One contract at 0.5 costs 0.52 where balances are kept in cents, and is worth 0.519.
  r = with{ probability = 0.519, bankroll = 400, fees = { type = "quadratic", precision = 0.01 }, max_count = 1 }
  t.eq({ r.count, r.limited_by }, { 0, "fees" })
end)

-- The published algorithm as it stands, on fractions of the bankroll: Smoczynski and Tomkins (2010).
local function smoczynski_tomkins(list)
  local order = {}
  for i, o in ipairs(list) do order[i] = { i = i, p = o.probability, c = o.price, rate = o.probability / o.price } end
  table.sort(order, function(a, b) return a.rate > b.rate end)
  local reserve, p, c, f = 1, 0, 0, {}
  for i = 1, #list do f[i] = 0 end
  local set = {}
  for _, o in ipairs(order) do
    if o.rate <= reserve then break end
    set[#set + 1], p, c = o, p + o.p, c + o.c
    reserve = (1 - p) / (1 - c)
  end
  for _, o in ipairs(set) do f[o.i] = o.p - reserve * o.c end
  return f, reserve
end

local function random_outcomes(n)
  local weights, sum, list, dear = {}, 0, {}, 0
  for i = 1, n do weights[i] = random(0.05, 1) sum = sum + weights[i] end
  local none = random(0, 1) < 0.5 and 0 or random(0, 0.3)
  for i = 1, n do
    local p = weights[i] / sum * (1 - none)
    list[i] = { probability = p, price = math.min(0.95, math.max(0.02, p * random(0.7, 1.6))) }
    dear = dear + list[i].price
  end
  return list, dear
end

test("several outcomes at once: the published algorithm's set, fractions and reserve", function(t)
  local compared = 0
  for n = 2, 9 do
    for _ = 1, 15 do
      task.yield()
      local list, dear = random_outcomes(n)
      if dear > 1.01 then
        local f, reserve = smoczynski_tomkins(list)
        local r = sizing.exclusive{ outcomes = list, bankroll = 1000, step = 0.000001 }
        for i = 1, n do t.near(r.outcomes[i].ideal * list[i].price, 1000 * f[i], 1e-4) end
        local spent = 0
        for i = 1, n do spent = spent + f[i] end
        t.near(r.reserve, 1 - spent, 1e-7)
        t.near(r.cost, 1000 * spent, 0.01)
        compared = compared + (reserve < 1 and 1 or 0)
      end
    end
  end
  t.ok(compared > 30, compared)
end)

test("one outcome is the simple Kelly bet", function(t)
  local r = sizing.exclusive{ outcomes = { { probability = 0.6, price = 0.5 } }, bankroll = 1000, fees = taker }
  t.near(r.outcomes[1].ideal * 0.5175, 1000 * sizing.kelly(0.6, 0.5, taker), 1e-6)
  t.near(r.growth, sizing.growth(0.6, 0.5, sizing.kelly(0.6, 0.5, taker), taker), 1e-5)
end)

test("a race at fair odds grows by log m less the entropy", function(t)
  -- Cover and Thomas, "Elements of Information Theory", chapter 6: eight horses of 2 bits at 8 for 1 give 3 - 2 bits.
  local list = {}
  for i, p in ipairs{ 1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 64, 1 / 64, 1 / 64, 1 / 64 } do
    list[i] = { probability = p, price = 1 / 8 }
  end
  local r = sizing.exclusive{ outcomes = list, bankroll = 1e6, step = 0.01 }
  t.near(r.growth / math.log(2), 1, 1e-5)
end)

test("when all outcomes together cost less than a dollar, the probabilities are bet", function(t)
  -- Kelly (1956): without a track take, bet the probabilities, whatever the odds.
  local list = {
    { probability = 0.5, price = 0.4 }, { probability = 0.3, price = 0.35 }, { probability = 0.2, price = 0.1 },
  }
  local r = sizing.exclusive{ outcomes = list, bankroll = 1000, step = 0.0001 }
  t.near(r.outcomes[1].cost, 500, 0.01)
  t.near(r.outcomes[2].cost, 300, 0.01)
  t.near(r.outcomes[3].cost, 200, 0.01)
  t.near(r.reserve, 0, 1e-9)
end)

-- The logarithm of wealth with holdings `held` after buying `x`.
local function growth_of(list, cash, x)
  local base, spent, none, sum = cash, 0, 1, 0
  for i, o in ipairs(list) do
    base = base + math.max(-(o.position or 0), 0)
    spent, none = spent + x[i] * o.price, none - o.probability
  end
  if none > 1e-12 then
    if base - spent <= 0 then return -math.huge end
    sum = none * math.log(base - spent)
  end
  for i, o in ipairs(list) do
    local worth = base + (o.position or 0) - spent + x[i]
    if worth <= 0 then return -math.huge end
    sum = sum + o.probability * math.log(worth)
  end
  return sum
end

test("with positions nothing near the solution grows more", function(t)
  local bought = 0
  for n = 2, 6 do
    for _ = 1, 15 do
      task.yield()
      local list = random_outcomes(n)
      for _, o in ipairs(list) do
        if random(0, 1) < 0.5 then o.position = math.floor(random(-30, 120)) end
      end
      local r = sizing.exclusive{ outcomes = list, bankroll = 1000, step = 0.0001 }
      local x, spent = {}, 0
      for i = 1, n do x[i] = r.outcomes[i].ideal spent = spent + x[i] * list[i].price end
      if spent < 999 then -- else the bankroll ends it
        local best = growth_of(list, 1000, x)
        for i = 1, n do
          for _, by in ipairs{ -5, -0.5, 0.5, 5 } do
            local old = x[i]
            x[i] = math.max(0, old + by)
            t.ok(growth_of(list, 1000, x) <= best + 1e-9, "one more or less")
            for j = 1, n do
              if j ~= i then
                local other = x[j]
                x[j] = math.max(0, other - by * list[i].price / list[j].price)
                t.ok(growth_of(list, 1000, x) <= best + 1e-9, "one for another")
                x[j] = other
              end
            end
            x[i] = old
          end
        end
        bought = bought + (spent > 0 and 1 or 0)
      end
    end
  end
  t.ok(bought > 20, bought)
end)

test("a fraction, a cap and whole contracts of several outcomes", function(t)
  local list = {
    { probability = 0.5, price = 0.4 }, { probability = 0.4, price = 0.35 }, { probability = 0.1, price = 0.3 },
  }
  local o = { outcomes = list, bankroll = 1000, fees = taker }
  local full = sizing.exclusive(o)
  o.fraction = 0.25
  local quarter = sizing.exclusive(o)
  for i = 1, 3 do
    t.near(quarter.outcomes[i].ideal, full.outcomes[i].ideal / 4)
    t.eq(quarter.outcomes[i].count % 1, 0)
  end
  t.eq(full.outcomes[3].count, 0)
  o.max_cost = 20
  local capped = sizing.exclusive(o)
  t.ok(capped.cost <= 20 and capped.cost > 18, capped.cost)
  list[1].position = 10000
  t.eq(sizing.exclusive(o).outcomes[1].count, 0)
end)

test("a fraction never closes more of the other side than full Kelly would", function(t)
  local list = { { probability = 0.3, price = 0.4, position = -40 }, { probability = 0.5, price = 0.45 } }
  local o = { outcomes = list, bankroll = 1000, fees = taker }
  t.eq(sizing.exclusive(o).outcomes[1].ideal, 0) -- NO is the better side
  o.fraction = 0.25
  t.eq(sizing.exclusive(o).outcomes[1].count, 0)
end)

test("under a cap the money goes where it grows most, not into hedges of larger bets", function(t)
  -- Full Kelly buys all four, the last one although it costs more than it is worth.
  local list = {
    { probability = 0.14, price = 0.08 }, { probability = 0.18, price = 0.10 }, { probability = 0.44, price = 0.34 },
    { probability = 0.24, price = 0.30 },
  }
  local full = sizing.exclusive{ outcomes = list, bankroll = 1000, step = 0.01 }
  t.ok(full.outcomes[4].count > 0 and full.outcomes[4].edge < 0, "a hedge")
  for _, fraction in ipairs{ 1, 0.25 } do
    local r = sizing.exclusive{ outcomes = list, bankroll = 1000, step = 0.01, max_cost = 50, fraction = fraction }
    t.near(r.cost, 50, 0.02)
    t.eq(r.outcomes[4].count, 0)
    t.eq(r.outcomes[4].ideal, full.outcomes[4].ideal * fraction)
  end
  -- No other way of spending as much grows more: money moved from any of them to any other one.
  local r = sizing.exclusive{ outcomes = list, bankroll = 1000, step = 0.0001, max_cost = 300 }
  local x = {}
  for i = 1, 4 do x[i] = r.outcomes[i].count end
  local best = growth_of(list, 1000, x)
  for i = 1, 4 do
    for j = 1, 4 do
      if i ~= j and x[i] * list[i].price > 1 then
        local y = table.move(x, 1, 4, 1, {})
        y[i], y[j] = y[i] - 1 / list[i].price, y[j] + 1 / list[j].price
        t.ok(growth_of(list, 1000, y) < best, "a dollar from " .. i .. " to " .. j)
      end
    end
  end
end)

test("of several outcomes, too, none is bought whose rounded fee takes what it brings", function(t)
  local o = { outcomes = { { probability = 0.52, price = 0.5 } }, bankroll = 150, fees = { precision = 0.01 } }
  local r = sizing.exclusive(o) -- one contract would cost 0.5175, rounded up to what it is worth
  t.near(r.outcomes[1].ideal, 1.5, 0.01)
  t.eq({ r.outcomes[1].count, r.cost, r.fee, r.growth }, { 0, 0, 0, 0 })
end)

test("what makes no sense is refused with the reason", function(t)
  t.raises(function() sizing.kelly(1.2, 0.5) end, "sizing.kelly: p must be from 0 to 1, not 1.2")
  t.raises(function() sizing.kelly(0.5, 1) end, "price must be above 0 and below 1 dollar, not 1")
  t.raises(function() sizing.kelly(0.5, 0.4, taker, 2) end, "fraction")
  t.raises(function() sizing.kelly(0 / 0, 0.4) end, "validation")
  t.raises(function() sizing.kelly("0.5", 0.4) end, "must be a number, not a string")
  t.raises(function() sizing.contracts{ probability = 0.5, price = 0.4, bankroll = 10, fractoin = 1 } end,
    'did you mean "fraction"')
  t.raises(function() sizing.contracts{ probability = 0.5, bankroll = 10 } end, "either price or levels")
  t.raises(function() sizing.contracts{ probability = 0.5, levels = { { 0.5, 1 }, { 0.4, 1 } }, bankroll = 10 } end,
    "from the best price to the worst")
  t.raises(function()
    local same = { probability = 0.7, price = 0.4 }
    sizing.exclusive{ outcomes = { same, same }, bankroll = 1 }
  end, "add up to")
  local err = t.raises(function() sizing.edge(0.5) end, "validation")
  t.ok(tostring(err):find("^validation: "), tostring(err))
end)
