-- Module stats: published examples, and figures kept up to date against those computed anew.
local stats = require "stats"
local task = require "task"
local test = require "test"

local state = 1
local function random()
  state = state * 48271 % 2147483647
  return state / 2147483647
end

-- Mean and sample variance, in two passes.
local function moments(list, from, to)
  local n, sum, squares = to - from + 1, 0, 0
  for i = from, to do sum = sum + list[i] end
  for i = from, to do squares = squares + (list[i] - sum / n) ^ 2 end
  return sum / n, squares / (n - 1)
end

test("a simple moving average", function(t)
  local sma = stats.sma(5) -- StockCharts, ChartSchool: prices 11 to 17, five days
  t.eq(sma:value(), nil)
  local last
  for price = 11, 15 do last = sma:add(price) end
  t.near(last, 13)
  t.ok(sma:full())
  t.near(sma:add(16), 14)
  t.near(sma:add(17), 15)
  -- It stays exact after large numbers have left.
  sma = stats.sma(3)
  for _ = 1, 1000 do sma:add(1e15 * random()) end
  for _ = 1, 3 do sma:add(0.1) end
  t.near(sma:value(), 0.1, 1e-12)
end)

test("an exponential average over values", function(t)
  -- StockCharts, ChartSchool: the ten-day average, from the simple average of the first ten prices.
  local ema = stats.ema{ periods = 10 }
  ema:add(22.22)
  local expected = { 22.21, 22.24, 22.27, 22.33, 22.52, 22.80, 22.97, 23.13, 23.28, 23.34, 23.43, 23.51, 23.54 }
  for i, price in ipairs{ 22.15, 22.39, 22.38, 22.61, 23.36, 24.05, 23.75, 23.83, 23.95, 23.63, 23.82, 23.87, 23.65 } do
    t.near(ema:add(price), expected[i], 0.0101, "price " .. i)
  end
end)

test("an exponential average by time does not care how often it is told", function(t)
  local rare, often = stats.ema{ half_life = 10 }, stats.ema{ half_life = 10 }
  rare:add(1, 0)
  often:add(1, 0)
  rare:add(2, 10)
  for i = 1, 10 do often:add(i < 10 and 1 or 2, i) end
  t.near(rare:value(), 1)
  t.near(often:value(), 1)
  t.near(rare:value(20), 1.5) -- half way after a half-life
  t.near(rare:add(2, 20), 1.5)
  for i = 11, 20 do often:add(2, i) end
  t.near(often:value(), 1.5)
  t.near(often:add(5, 20), 1.5) -- nothing has passed
  t.raises(function() often:add(1, 19) end, "goes back")
  t.raises(function() often:add(1) end, "t must be a number")
  t.raises(function() stats.ema{} end, "either half_life or periods")
end)

test("mean and variance of hard data: the StRD sets of NIST", function(t)
  local function check(first, low, high, mean, deviation, digits)
    local r = stats.running()
    r:add(first)
    for i = 2, 1001 do r:add(i % 2 == 0 and low or high) end
    t.near(r:mean(), mean, mean * 1e-14)
    t.near(r:deviation(), deviation, deviation * 10 ^ -digits)
  end
  local r = stats.running():add(10000001):add(10000003):add(10000002) -- NumAcc1
  t.eq({ r:mean(), r:deviation() }, { 10000002.0, 1.0 })
  check(1.2, 1.1, 1.3, 1.2, 0.1, 12)                          -- NumAcc2
  check(1000000.2, 1000000.1, 1000000.3, 1000000.2, 0.1, 9)   -- NumAcc3
  check(10000000.2, 10000000.1, 10000000.3, 10000000.2, 0.1, 7) -- NumAcc4
end)

test("parts are merged into the whole", function(t)
  local whole, a, b = stats.running(), stats.running(), stats.running()
  for i = 1, 500 do
    local x = random() * 10
    whole:add(x);
    (i % 3 == 0 and a or b):add(x)
  end
  a:merge(b):merge(stats.running())
  t.near(a:mean(), whole:mean())
  t.near(a:variance(), whole:variance())
  t.eq(a.count, 500)
  t.raises(function() a:merge{} end, "validation")
end)

test("a window of values and one of seconds are what they would be anew", function(t)
  local list, by_count, by_time = {}, stats.rolling{ count = 20 }, stats.rolling{ seconds = 20 }
  for i = 1, 2000 do
    if i % 200 == 0 then task.yield() end
    list[i] = 1e6 + random()
    by_count:add(list[i])
    by_time:add(list[i], i)
    if i >= 20 and i % 7 == 0 then
      local mean, variance = moments(list, i - 19, i)
      t.near(by_count:mean(), mean, 1e-6)
      t.near(by_count:variance(), variance, 1e-5)
      t.near(by_time:mean(), mean, 1e-6)
      t.near(by_time:variance(), variance, 1e-5)
    end
  end
  t.eq(by_time.count, 20)
  by_time:add(5, 10000)
  t.eq({ by_time.count, by_time:mean(), by_time:variance() }, { 1, 5.0 })
end)

test("z-scores", function(t)
  t.near(stats.zscore(110, 100, 5), 2)
  t.eq(stats.zscore(1, 1, 0), nil)
  local r = stats.running()
  t.eq(r:z(1), nil)
  for _, x in ipairs{ 2, 4, 4, 4, 5, 5, 7, 9 } do r:add(x) end
  t.near(r:z(r:mean() + r:deviation()), 1)
end)

test("log-odds and back", function(t)
  t.near(stats.logit(0.5), 0)
  t.near(stats.logit(0.9), math.log(9))
  for i = 1, 99 do t.near(stats.logistic(stats.logit(i / 100)), i / 100) end
  t.near(stats.logistic(-800), 0)
  t.near(stats.logistic(800), 1)
end)

test("the volatility of a random walk in log-odds is found, at any rate of prices", function(t)
  local function gauss() return math.sqrt(-2 * math.log(random())) * math.cos(2 * math.pi * random()) end
  for _, step in ipairs{ 0.5, 5 } do
    local v, x, now = stats.volatility{ half_life = 4000 }, 0, 0
    t.eq(v:value(), nil)
    for i = 1, 10000 do
      if i % 500 == 0 then task.yield() end
      now = now + step * (0.5 + random())
      x = x * 0.999 -- stays where prices can be
      v:add(stats.logistic(x), now)
      local before = now
      now = now + step
      x = x + 0.02 * math.sqrt(now - before) * gauss()
      v:add(stats.logistic(x), now)
    end
    -- Half of the time moves, half stands nearly still.
    t.near(v:value(), 0.02 * math.sqrt(0.5), 0.0015, "step " .. step)
    t.near(v:over(100), 10 * v:value())
  end
end)

test("imbalance and microprice", function(t)
  local bids, asks = { { 0.40, 300 }, { 0.39, 100 } }, { { 0.42, 100 }, { 0.43, 100 } }
  t.near(stats.imbalance(bids, asks, 1), 0.5)
  t.near(stats.imbalance(bids, asks), 1 / 3)
  t.eq(stats.imbalance({}, {}), nil)
  t.near(stats.microprice(0.40, 300, 0.42, 100), 0.415) -- drawn to the thin side
  t.near(stats.microprice(0.40, 0, 0.42, 0), 0.41)
  t.raises(function() stats.microprice(0.42, 1, 0.40, 1) end, "validation")
end)

test("order flow imbalance, case by case as in its definition", function(t)
  local flow = stats.order_flow()
  t.eq(flow:add(0.40, 10, 0.42, 20), 0)   -- the first is where it begins
  t.eq(flow:add(0.40, 15, 0.42, 20), 5)   -- five came to the bid
  t.eq(flow:add(0.40, 15, 0.42, 12), 8)   -- eight left the ask
  t.eq(flow:add(0.41, 7, 0.42, 12), 7)    -- a higher bid: all of it
  t.eq(flow:add(0.39, 30, 0.42, 12), -7)  -- the bid left
  t.eq(flow:add(0.39, 30, 0.41, 4), -4)   -- a lower ask
  t.eq(flow:add(0.39, 30, 0.43, 9), 4)    -- it left
  t.eq(flow:value(), 13)
  t.eq(flow:take(), 13)
  t.eq(flow:value(), 0)
  t.eq(flow:add(nil, nil, 0.43, 9), -30)  -- the bids are gone
end)

test("a streaming quantile: the paper's example, and the truth of many values", function(t)
  -- Jain and Chlamtac (1985), table I: the median of 20 observations is estimated as 4.44.
  local q = stats.quantile(0.5)
  t.eq(q:value(), nil)
  for _, x in ipairs{ 0.02, 0.15, 0.74, 3.39, 0.83, 22.37, 10.15, 15.43, 38.62, 15.92, 34.60, 10.28, 1.47, 0.40, 0.05,
    11.39, 0.27, 0.42, 0.09, 11.37 } do q:add(x) end
  t.near(q:value(), 4.44, 0.005)
  for _, p in ipairs{ 0.05, 0.5, 0.9, 0.99 } do
    q = stats.quantile(p)
    for i = 1, 20000 do
      if i % 1000 == 0 then task.yield() end
      q:add(-math.log(1 - random())) -- exponential: the quantile is -ln(1 - p)
    end
    t.near(q:value(), -math.log(1 - p), 0.05 + 0.05 * -math.log(1 - p), "p " .. p)
  end
  q = stats.quantile(0.5)
  t.eq(q:add(3), 3)
  t.eq(q:add(1), 1)
  t.eq(q:add(2), 2)
end)

test("what makes no sense is refused", function(t)
  t.raises(function() stats.sma(0) end, "validation")
  t.raises(function() stats.sma(2):add "1" end, "sma:add: x must be a number, not a string")
  t.raises(function() stats.running():add(0 / 0) end, "validation")
  t.raises(function() stats.rolling{} end, "either count or seconds")
  t.raises(function() stats.quantile(1) end, "below 1")
  t.raises(function() stats.logit(0) end, "above 0")
end)
