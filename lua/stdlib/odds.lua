---Module `odds`: prices as probabilities, bookmakers' odds as either, and what is left of them without the margin.
---
---    local odds = require "odds"
---    odds.probability(-150)                                          --> 0.6, of American odds
---    odds.fair({ 1 / 2.6, 1 / 2.4, 1 / 4.3 }, "shin")                --> probabilities that add up to 1
---
---Probabilities are from 0 to 1. Decimal odds are what a dollar pays back with the stake, fractional ones what it wins
---beside it, American ones what 100 dollars win (from 100) or what must be staked to win 100 (to -100).
local arguments = require "arguments"
local ipairs, math, string, tonumber, type = ipairs, math, string, tonumber, type

local odds = {}

local HALVINGS <const> = 200

-- ---- one price ----

---The probability that odds imply: American numbers from 100 or to -100, or the text of a fraction as "7/2" or of
---American odds as "+250".
function odds.probability(american)
  local NAME <const> = "odds.probability"
  if type(american) == "string" then
    local won, staked = string.match(american, "^%s*(%d+%.?%d*)%s*/%s*(%d+%.?%d*)%s*$")
    won, staked = tonumber(won), tonumber(staked)
    if won and staked > 0 then return staked / (won + staked) end
    local number = string.match(american, "^%s*([+-]%d+%.?%d*)%s*$")
    if not number then
      arguments.refuse(NAME .. ': "7/2", "+250" or a number, not "' .. american .. '"', "malformed_value")
    end
    american = tonumber(number)
  end
  arguments.number(NAME, "odds", american)
  if american >= 100 then return 100 / (american + 100) end
  if american <= -100 then return -american / (-american + 100) end
  arguments.refuse(NAME .. ": American odds are 100 and more, or -100 and less, not " .. american
    .. ": decimal odds are for odds.from_decimal", "out_of_range")
end

---The probability that decimal odds imply: 1 / odds.
function odds.from_decimal(decimal)
  return 1 / arguments.number("odds.from_decimal", "odds", decimal, 1)
end

local function inside(name, p)
  arguments.number(name, "probability", p)
  if p <= 0 or p >= 1 then
    arguments.refuse(name .. ": the probability must be above 0 and below 1, not " .. p, "out_of_range")
  end
  return p
end

---A probability, or a price in dollars, as decimal odds.
function odds.decimal(p) return 1 / inside("odds.decimal", p) end

---The same as American odds, not rounded. Even odds are 100.
function odds.american(p)
  inside("odds.american", p)
  return p > 0.5 and -100 * p / (1 - p) or 100 * (1 - p) / p
end

---The same as fractional odds: the nearest fraction whose denominator is at most `largest` (100), as text.
---Source: the best rational approximation, by continued fractions.
function odds.fractional(p, largest)
  local NAME <const> = "odds.fractional"
  inside(NAME, p)
  largest = largest == nil and 100 or arguments.whole(NAME, "largest", largest, 1, 1e6)
  local x = (1 - p) / p
  local n0, d0, n1, d1 = 0, 1, 1, 0
  local rest = x
  while true do
    local whole = math.floor(rest + 1e-9)
    local n2, d2 = whole * n1 + n0, whole * d1 + d0
    if d2 > largest then -- the last convergent, or a step towards this one, whichever is nearer
      local k = (largest - d0) // d1
      local n, d = k * n1 + n0, k * d1 + d0
      if d1 == 0 or math.abs(n / d - x) < math.abs(n1 / d1 - x) then n1, d1 = n, d end
      break
    end
    n0, d0, n1, d1 = n1, d1, n2, d2
    if math.abs(rest - whole) < 1e-9 then break end
    rest = 1 / (rest - whole)
  end
  if n1 == 0 then n1, d1 = 1, largest end -- odds too short for such a fraction
  return string.format("%d/%d", n1, d1)
end

-- ---- the margin ----

---The margin of a bookmaker, or what all outcomes cost above a dollar: the sum of the prices less 1.
function odds.overround(prices)
  local sum = 0
  arguments.list("odds.overround", "prices", prices, 1, arguments.price)
  for _, price in ipairs(prices) do sum = sum + price end
  return sum - 1
end

---The root of a function that falls from above 0 at `low` to below it at `high`.
local function falling_root(f, low, high)
  for _ = 1, HALVINGS do
    local middle = (low + high) / 2
    if middle == low or middle == high then break end
    if f(middle) > 0 then low = middle else high = middle end
  end
  return (low + high) / 2
end

local function sum_of(list)
  local sum = 0
  for _, x in ipairs(list) do sum = sum + x end
  return sum
end

local function map(list, fn)
  local out = {}
  for i, x in ipairs(list) do out[i] = fn(x) end
  return out
end

local methods = {}

---Each in proportion.
function methods.multiplicative(prices, sum)
  return map(prices, function(x) return x / sum end), sum
end

---The same share of the margin from each.
function methods.additive(prices, sum)
  local each = (sum - 1) / #prices
  for i, x in ipairs(prices) do
    if x <= each then
      arguments.refuse("odds.fair: additive: the margin of " .. each .. " for each outcome is more than prices[" .. i
        .. "], which is " .. x .. ": take another method", "margin_too_large")
    end
  end
  return map(prices, function(x) return x - each end), each
end

---Each to the same power. Source: Vovk and Zhdanov, "Prediction with expert advice for the Brier game" (2009); Clarke,
---Kovalchik and Ingram, "Adjusting bookmaker's odds to allow for overround" (2017).
function methods.power(prices)
  local function excess(k) return sum_of(map(prices, function(x) return x ^ k end)) - 1 end
  local high = 1
  while excess(high) > 0 do high = high * 2 end
  local low = high
  while excess(low) < 0 do low = low / 2 end
  local k = falling_root(excess, low, high)
  return map(prices, function(x) return x ^ k end), k
end

---Source: Shin, "Prices of state contingent claims with insider traders, and the favourite-longshot bias" (1992), in
---the form of Jullien and Salanie (1994): z is the share of the money of those who know the outcome.
function methods.shin(prices, sum)
  local function fair(z)
    return map(prices, function(x)
      return (math.sqrt(z * z + 4 * (1 - z) * x * x / sum) - z) / (2 * (1 - z))
    end)
  end
  if sum <= 1 then return methods.multiplicative(prices, sum), 0 end -- without a margin nobody pays for insiders
  local z
  if #prices == 2 then -- closed: Clarke, Kovalchik and Ingram (2017)
    local gap = prices[1] - prices[2]
    z = (sum - 1) * (gap * gap - sum) / (sum * (gap * gap - 1))
  else
    z = falling_root(function(at) return sum_of(fair(at)) - 1 end, 0, 1 - 1e-9)
  end
  return fair(z), z
end

local METHODS <const> = { "multiplicative", "additive", "power", "shin" }

---Prices of all outcomes without the margin: probabilities that add up to 1, and the parameter of the method: the sum
---of the prices, what each gave, the exponent, or Shin's z.
function odds.fair(prices, method)
  local NAME <const> = "odds.fair"
  method = arguments.choice(NAME, "method", method, METHODS, "multiplicative")
  arguments.list(NAME, "prices", prices, 2, arguments.price)
  local fair, parameter = methods[method](prices, sum_of(prices))
  local sum = sum_of(fair) -- 1 but for the last digits
  return map(fair, function(x) return x / sum end), parameter
end

-- ---- an event ----

---The best bid and ask of YES of a market's table, of { bid, ask }, or of a book; 0 and 1 where a side is empty.
local function quote_of(name, what, one)
  local bid, ask
  if type(one) == "userdata" then
    bid, ask = one:best_bid(), one:best_ask()
  else
    arguments.table(name, what, one)
    bid, ask = one.bid or one.yes_bid_dollars, one.ask or one.yes_ask_dollars
  end
  bid = arguments.optional(name, what .. ".bid", bid, 0, 0, 1)
  ask = arguments.optional(name, what .. ".ask", ask, 1, 0, 1)
  if ask == 0 then ask = 1 end -- a market's table has 0 for an empty side
  if bid > ask then
    arguments.refuse(name .. ": " .. what .. " has a bid of " .. bid .. " above its ask of " .. ask, "crossed_quotes")
  end
  return bid, ask
end

---One distribution from the yes books of an event of whose outcomes exactly one comes. Where the bids add up to less
---than 1 and the asks to more, every probability is the same share of the way from its bid to its ask, so that all are
---within their books and wide books give most. Otherwise the event can be bought or sold for a profit, and the side
---that allows it is scaled to 1.
function odds.distribution(markets)
  local NAME <const> = "odds.distribution"
  local bids, asks = {}, {}
  for i, one in ipairs(arguments.list(NAME, "markets", markets, 2)) do
    bids[i], asks[i] = quote_of(NAME, "markets[" .. i .. "]", one)
  end
  local bid_sum, ask_sum = sum_of(bids), sum_of(asks)
  local result = { bid_sum = bid_sum, ask_sum = ask_sum }
  if ask_sum < 1 - 1e-9 then
    result.arbitrage, result.probabilities = "buy", map(asks, function(x) return x / ask_sum end)
  elseif bid_sum > 1 + 1e-9 then
    result.arbitrage, result.probabilities = "sell", map(bids, function(x) return x / bid_sum end)
  else
    local width = ask_sum - bid_sum
    local share = width > 1e-12 and math.min(math.max((1 - bid_sum) / width, 0), 1) or 0.5
    result.share, result.probabilities = share, {}
    for i, bid in ipairs(bids) do result.probabilities[i] = bid + share * (asks[i] - bid) end
  end
  return result
end

return odds
