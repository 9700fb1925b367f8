---Module `sizing`: what a contract that pays one dollar or nothing is worth buying for, and how many of it.
---
---    local sizing = require "sizing"
---    local fees = sizing.fees(kalshi.get_series("KXNBAGAME").series)
---    sizing.kelly(0.60, 0.50, fees)                                 --> the share of the bankroll to spend
---    sizing.contracts{ probability = 0.6, price = 0.5, bankroll = 1000, fraction = 0.25, fees = fees }
---
---Prices and fees are dollars of one contract, probabilities from 0 to 1, counts contracts. Buying NO is buying a
---contract of the probability 1 - p at the NO price. Without `fees` there are none.
local arguments = require "arguments"
local solve = require "sizing_exclusive"
local ipairs, math = ipairs, math

local sizing = {}

local PRICE_UNITS <const>, COUNT_UNITS <const> = 10000, 100 -- of a dollar, of a contract
local MULTIPLIER_UNITS <const> = 1000000
local FEE_STEP <const> = 0.0001 -- dollars that a trade fee is rounded up to
local MONEY_UNITS <const> = 1000000

---Quarters of 0.07 that a maker pays; a taker pays all four. `flat` is not quadratic: see `rate`.
local MAKER_QUARTERS <const> = {
  quadratic = 0, quadratic_with_maker_fees = 1, quadratic_with_combo_maker_fees = 2, flat = 0,
}
local FEE_TYPES <const> = {
  "quadratic", "quadratic_with_maker_fees", "quadratic_with_combo_maker_fees", "flat",
}
local ROLES <const> = { "taker", "maker" }

---Money without the dust of floating point: to a millionth of a dollar, as the exchange counts.
local function money(dollars) return math.floor(dollars * MONEY_UNITS + 0.5) / MONEY_UNITS end

-- ---- fees ----

---The fees of an event's markets, from its series and, where the event has some of its own, from the event.
---Source: Kalshi, fee schedule.
function sizing.fees(series, event, role)
  local NAME <const> = "sizing.fees"
  arguments.table(NAME, "series", series)
  if event ~= nil then arguments.table(NAME, "event", event) end
  local own = event or {}
  local kind = arguments.choice(NAME, "fee_type", own.fee_type_override or series.fee_type, FEE_TYPES)
  if not kind then
    arguments.refuse(NAME .. ": the series has no fee_type: give the table of kalshi.get_series", "missing_parameter")
  end
  local multiplier = own.fee_multiplier_override or series.fee_multiplier
  return {
    type = kind, multiplier = arguments.optional(NAME, "fee_multiplier", multiplier, 1, 0, 1000),
    role = arguments.choice(NAME, "role", role, ROLES, "taker"),
  }
end

local function check_fees(name, fees)
  if fees == nil then return nil end
  arguments.table(name, "fees", fees)
  arguments.choice(name, "fees.type", fees.type, FEE_TYPES)
  arguments.optional(name, "fees.multiplier", fees.multiplier, 1, 0, 1000)
  arguments.choice(name, "fees.role", fees.role, ROLES)
  if fees.precision ~= nil then arguments.positive(name, "fees.precision", fees.precision, 1) end
  return fees
end

local function quarters_of(fees)
  if fees.role == "maker" then return MAKER_QUARTERS[fees.type or "quadratic"] end
  return 4
end

---The fee of a contract before any rounding, dollars.
local function rate(price, fees)
  if not fees then return 0 end
  local multiplier = fees.multiplier or 1
  if fees.type == "flat" then return fees.role == "maker" and 0 or multiplier end
  return 0.0175 * quarters_of(fees) * multiplier * price * (1 - price)
end

---The trade fee of one fill in steps of a ten-thousandth of a dollar, exactly; nil where price or count is off its
---grid.
local function fee_steps(price, count, fees)
  local p, n = price * PRICE_UNITS, count * COUNT_UNITS
  local multiplier = (fees.multiplier or 1) * MULTIPLIER_UNITS
  local wp, wn, wm = math.floor(p + 0.5), math.floor(n + 0.5), math.floor(multiplier + 0.5)
  if math.abs(p - wp) > 1e-5 or math.abs(n - wn) > 1e-5 or math.abs(multiplier - wm) > 1e-5 then return nil end
  if n > 1e9 or wm > 1000 * MULTIPLIER_UNITS then return nil end
  -- 0.0175 is 7 / 400: a step is 400 * (price units)^2 * (count units) / (steps of a dollar) parts of the product.
  local product = 7 * quarters_of(fees) * wp * (PRICE_UNITS - wp) * wn -- at most 7e17
  local parts = 400 * PRICE_UNITS * COUNT_UNITS -- with the multiplier 1
  if wm == MULTIPLIER_UNITS then return (product + parts - 1) // parts end
  local whole, rest = product // parts, product % parts -- times wm / MULTIPLIER_UNITS, without overflow
  local steps, left = whole * wm // MULTIPLIER_UNITS, whole * wm % MULTIPLIER_UNITS
  local unit = parts * MULTIPLIER_UNITS
  return steps + (left * parts + rest * wm + unit - 1) // unit
end

local function fee_of(price, count, fees)
  if not fees or count <= 0 then return 0 end
  local steps = fees.type ~= "flat" and fee_steps(price, count, fees)
  local fee = steps and steps * FEE_STEP or math.ceil(rate(price, fees) * count / FEE_STEP - 1e-9) * FEE_STEP
  if fees.precision then -- the change of the balance is rounded down to it
    local change = math.floor((price * count + fee) * MONEY_UNITS + 0.5)
    local unit = math.floor(fees.precision * MONEY_UNITS + 0.5)
    fee = fee + (-change % unit) / MONEY_UNITS
  end
  return money(fee)
end

---The fee of one fill, rounded up to a ten-thousandth of a dollar: 0.07 M C P (1 - P) for takers, in series with maker
---fees a quarter of it for makers (a half for combos). Source: Kalshi, fee schedule and fee rounding guide.
function sizing.fee(price, count, fees)
  arguments.number("sizing.fee", "price", price, 0, 1)
  arguments.number("sizing.fee", "count", count, 0)
  return fee_of(price, count, check_fees("sizing.fee", fees))
end

---What the contracts cost with their fee, dollars.
function sizing.cost(price, count, fees)
  arguments.number("sizing.cost", "price", price, 0, 1)
  arguments.number("sizing.cost", "count", count, 0)
  return money(price * count + fee_of(price, count, check_fees("sizing.cost", fees)))
end

-- ---- worth ----

---The probability from which on buying pays: the price with its fee; with `count` that of so many, rounding included.
function sizing.break_even(price, fees, count)
  local NAME <const> = "sizing.break_even"
  arguments.price(NAME, "price", price)
  check_fees(NAME, fees)
  if count == nil then return price + rate(price, fees) end
  arguments.positive(NAME, "count", count)
  return price + fee_of(price, count, fees) / count
end

---The expected profit of a contract after its fee, dollars: p - price - fee.
function sizing.edge(p, price, fees)
  arguments.probability("sizing.edge", "p", p)
  arguments.price("sizing.edge", "price", price)
  return p - price - rate(price, check_fees("sizing.edge", fees))
end

---The expected profit of so many contracts after fees, dollars.
function sizing.expected_value(p, price, count, fees)
  local NAME <const> = "sizing.expected_value"
  arguments.probability(NAME, "p", p)
  arguments.price(NAME, "price", price)
  arguments.number(NAME, "count", count, 0)
  return (p - price) * count - fee_of(price, count, check_fees(NAME, fees))
end

---The highest price whose edge after fees is at least `edge`; nil where there is none. The root of
---p - edge = P + k P (1 - P), k the factor of the quadratic fee.
function sizing.max_price(p, fees, edge)
  local NAME <const> = "sizing.max_price"
  arguments.probability(NAME, "p", p)
  check_fees(NAME, fees)
  local most = p - arguments.optional(NAME, "edge", edge, 0)
  local price
  if fees and fees.type == "flat" then
    price = most - rate(0.5, fees)
  else
    local k = rate(0.5, fees) * 4
    price = k == 0 and most or 2 * most / (1 + k + math.sqrt((1 + k) ^ 2 - 4 * k * most)) -- without cancellation
  end
  return price > 0 and math.min(price, 1) or nil
end

-- ---- Kelly ----

local function check_fraction(name, fraction)
  if fraction == nil then return 1 end
  arguments.positive(name, "fraction", fraction, 1)
  return fraction
end

---The share of the bankroll to spend, fees included: (p - c) / (1 - c) with c the price and its fee, times `fraction`;
---0 where there is no edge. Source: Kelly, "A New Interpretation of Information Rate" (1956); fractional: Thorp, "The
---Kelly Criterion in Blackjack, Sports Betting and the Stock Market" (2006), section 7.
function sizing.kelly(p, price, fees, fraction)
  local NAME <const> = "sizing.kelly"
  arguments.probability(NAME, "p", p)
  arguments.price(NAME, "price", price)
  local c = price + rate(price, check_fees(NAME, fees))
  fraction = check_fraction(NAME, fraction)
  if c >= 1 or p <= c then return 0 end
  return fraction * (p - c) / (1 - c)
end

---The expected logarithm of what the bankroll grows by when `share` of it is spent: p ln(1 + share (1 - c) / c) +
---(1 - p) ln(1 - share). Source: Kelly (1956).
function sizing.growth(p, price, share, fees)
  local NAME <const> = "sizing.growth"
  arguments.probability(NAME, "p", p)
  arguments.price(NAME, "price", price)
  arguments.number(NAME, "share", share, 0, 1)
  local c = price + rate(price, check_fees(NAME, fees))
  local won = p > 0 and p * math.log(1 + share * (1 - c) / c) or 0
  local lost = p < 1 and (1 - p) * math.log(1 - share) or 0
  return won + lost
end

---What `count` contracts cost when the levels are bought from the first on: cost, fees, the worst price.
local function walk(levels, count, fees)
  local cost, paid, worst = 0, 0, nil
  for _, level in ipairs(levels) do
    if count <= 1e-9 then break end
    local taken = math.min(count, level[2])
    local fee = fee_of(level[1], taken, fees)
    cost, paid, worst, count = cost + level[1] * taken + fee, paid + fee, level[1], count - taken
  end
  return money(cost), money(paid), worst
end

---The contracts that make the position `fraction` of what Kelly would hold at each level's price, as a real number,
---and what ended it. `win` and `lose` are what the account is worth then, before the purchase.
local function wanted(o, levels, win, lose)
  local p, held, sum = o.probability, o.position, 0
  for _, level in ipairs(levels) do
    local c = level[1] + rate(level[1], o.fees)
    if c >= 1 or p <= c or p - c < o.min_edge then return sum, sum == 0 and "no edge" or "edge" end
    -- Where p (1 - c) / (win + x (1 - c)) = (1 - p) c / (lose - x c).
    local x = p * lose / c - (1 - p) * win / (1 - c)
    local more = o.fraction * (held + x) - held
    if more <= 0 then return sum, sum == 0 and o.position > 0 and "position" or "kelly" end
    local taken = math.min(more, level[2])
    sum, held, win, lose = sum + taken, held + taken, win + taken * (1 - c), lose - taken * c
    if taken < level[2] then return sum, "kelly" end
  end
  return sum, "book"
end

local function check_levels(name, o)
  arguments.either(name, o, "price", "levels")
  if o.price then return { { arguments.price(name, "price", o.price), math.huge } } end
  local last = 0
  for i, level in ipairs(arguments.list(name, "levels", o.levels, 0)) do
    local what = "levels[" .. i .. "]"
    arguments.table(name, what, level)
    arguments.price(name, what .. "[1]", level[1])
    arguments.number(name, what .. "[2]", level[2], 0)
    if level[1] <= last then
      arguments.refuse(name .. ": levels go from the best price to the worst", "not_in_order")
    end
    last = level[1]
  end
  return o.levels
end

local CONTRACTS <const> = {
  "probability", "price", "levels", "bankroll", "fraction", "fees", "position", "max_count", "max_cost", "min_count",
  "min_edge", "step",
}

local function check_contracts(name, o)
  arguments.table(name, "argument 1", o)
  arguments.check_options(o, CONTRACTS, name)
  return {
    probability = arguments.probability(name, "probability", o.probability),
    bankroll = arguments.number(name, "bankroll", o.bankroll, 0), fraction = check_fraction(name, o.fraction),
    fees = check_fees(name, o.fees), position = arguments.optional(name, "position", o.position, 0),
    max_count = arguments.optional(name, "max_count", o.max_count, math.huge, 0),
    max_cost = arguments.optional(name, "max_cost", o.max_cost, math.huge, 0),
    min_count = arguments.optional(name, "min_count", o.min_count, 0, 0),
    min_edge = arguments.optional(name, "min_edge", o.min_edge, 0, 0, 1),
    step = o.step == nil and 1 or arguments.positive(name, "step", o.step),
  }
end

---How many contracts to buy: by Kelly, less what is held already, with exact fees, rounded down, within caps.
---Source: Kelly (1956); the growth of rounded counts with rounded fees is compared, not derived.
function sizing.contracts(o)
  local NAME <const> = "sizing.contracts"
  local levels = check_levels(NAME, arguments.table(NAME, "argument 1", o))
  local given = check_contracts(NAME, o)
  local p, fees, step = given.probability, given.fees, given.step
  local win = given.bankroll + math.max(given.position, 0)
  local lose = given.bankroll + math.max(-given.position, 0)
  local ideal, why = wanted(given, levels, win, lose)

  local most = math.min(given.max_cost, given.bankroll)
  local function growth(n)
    local cost = walk(levels, n, fees)
    if cost >= lose and p < 1 or cost >= win + n then return -math.huge end
    return p * math.log((win + n - cost) / win) + (p < 1 and (1 - p) * math.log((lose - cost) / lose) or 0)
  end

  local steps = math.floor(math.min(ideal, given.max_count, 1e12) / step + 1e-9)
  if given.max_count < ideal then why = "max_count" end
  if steps == 0 and ideal > 0 and why ~= "max_count" then why = "step" end
  if steps > 0 and walk(levels, steps * step, fees) > most then
    local low, high = 0, steps -- the most that the money pays for
    while high - low > 1 do
      local middle = (low + high) // 2
      if walk(levels, middle * step, fees) > most then high = middle else low = middle end
    end
    steps, why = low, most == given.max_cost and "max_cost" or "bankroll"
  end
  local count = steps * step
  if count > 0 and count < given.min_count then count, why = 0, "min_count" end
  -- A fee is rounded up, by up to a cent with `precision`: of few contracts it may take more than they bring.
  if count > 0 and (p * count <= walk(levels, count, fees) or growth(count) <= 0) then count, why = 0, "fees" end

  local cost, fee, worst = walk(levels, count, fees)
  return {
    count = count, cost = cost, fee = fee, limited_by = why, ideal = ideal, limit_price = worst,
    average_price = count > 0 and (cost - fee) / count or nil,
    share = given.bankroll > 0 and cost / given.bankroll or 0,
    edge = count > 0 and p - cost / count or nil,
    expected_value = money(p * count - cost), growth = count > 0 and growth(count) or 0,
  }
end

-- ---- several outcomes, of which at most one comes ----

local EXCLUSIVE <const> = { "outcomes", "bankroll", "fraction", "fees", "step", "max_cost" }

local function check_outcomes(name, o)
  local sum, list = 0, {}
  for i, one in ipairs(arguments.list(name, "outcomes", o.outcomes, 1)) do
    local what = "outcomes[" .. i .. "]"
    arguments.table(name, what, one)
    arguments.check_options(one, { "probability", "price", "position", "max_count", "name" }, name .. ": " .. what)
    local price = arguments.price(name, what .. ".price", one.price)
    local c = price + rate(price, o.fees)
    list[i] = {
      p = arguments.probability(name, what .. ".probability", one.probability), c = c, price = price,
      held = arguments.optional(name, what .. ".position", one.position, 0),
      max_count = arguments.optional(name, what .. ".max_count", one.max_count, math.huge, 0),
    }
    sum = sum + one.probability
  end
  if sum > 1 + 1e-9 then
    arguments.refuse(name .. ": the probabilities add up to " .. sum .. ", which is above 1", "probabilities_sum")
  end
  return list
end

---What to buy of each for `fraction` of the positions of `hold`, and what it costs. What is held of the other side is
---never closed further than full Kelly would close it.
local function purchases(outcomes, hold, fraction)
  local counts, total = {}, 0
  for i, one in ipairs(outcomes) do
    local full = hold[i] - one.held
    counts[i] = math.min(math.max(0, fraction * hold[i] - one.held), full, one.max_count)
    total = total + counts[i] * one.c
  end
  return counts, total
end

---How many contracts of each outcome to buy at once: the Kelly bets on outcomes that exclude each other.
---Source: Smoczynski and Tomkins, "An explicit solution to the problem of optimizing the allocations of a bettor's
---wealth when wagering on horse races" (2010); with positions the same conditions, solved by bisection.
function sizing.exclusive(o)
  local NAME <const> = "sizing.exclusive"
  arguments.table(NAME, "argument 1", o)
  arguments.check_options(o, EXCLUSIVE, NAME)
  check_fees(NAME, o.fees)
  local bankroll = arguments.positive(NAME, "bankroll", o.bankroll)
  local fraction = check_fraction(NAME, o.fraction)
  local step = o.step == nil and 1 or arguments.positive(NAME, "step", o.step)
  local most = math.min(arguments.optional(NAME, "max_cost", o.max_cost, math.huge, 0), bankroll)
  local outcomes = check_outcomes(NAME, o)
  local hold, reserve = solve(outcomes, bankroll, math.huge)
  local ideal, total = purchases(outcomes, hold, fraction)
  local wish = ideal
  if total > most then -- the best for that much: an outcome that only hedges larger bets is not among it
    wish, total = purchases(outcomes, (solve(outcomes, bankroll, most / fraction)), fraction)
  end
  local scale = total > most and most / total or 1
  local result = { outcomes = {}, cost = 0, fee = 0, expected_value = 0, reserve = reserve / bankroll }
  for i, one in ipairs(outcomes) do
    local count = math.floor(wish[i] * scale / step + 1e-9) * step
    local fee = fee_of(one.price, count, o.fees)
    local cost = money(one.price * count + fee)
    while count > 0 and result.cost + cost > most do -- rounding went over the cap
      count = math.max(0, count - step)
      fee = fee_of(one.price, count, o.fees)
      cost = money(one.price * count + fee)
    end
    -- The fee of a few contracts is rounded up: it may take more than they bring.
    if one.p > one.c and one.p * count <= cost then count, cost, fee = 0, 0, 0 end
    result.outcomes[i] = {
      count = count, cost = cost, fee = fee, ideal = ideal[i], share = cost / bankroll,
      edge = one.p - one.c,
    }
    result.cost, result.fee = money(result.cost + cost), money(result.fee + fee)
    result.expected_value = result.expected_value + one.p * count
  end
  result.expected_value = money(result.expected_value - result.cost)
  result.growth = solve.growth(outcomes, bankroll, result)
  return result
end

return sizing
