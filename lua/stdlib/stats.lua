---Module `stats`: figures of streams, each kept up to date by `add` in constant time, and the pressure in a book.
---
---    local stats = require "stats"
---    local fair = stats.ema{ half_life = 30 }
---    for b in book:changes() do print(b:mid(), fair:add(b:mid(), b.ts)) end
---
---Times are seconds and never go back.
local arguments = require "arguments"
local pressure = require "stats_pressure"
local getmetatable, ipairs, math, pairs, setmetatable, table = getmetatable, ipairs, math, pairs, setmetatable, table

local stats = {}
for name, fn in pairs(pressure) do stats[name] = fn end

---The methods of a class, to be filled, and a function that makes a table an object of it.
local function class(name)
  local methods = {}
  local meta = { __index = methods, __name = name, __metatable = name }
  return methods, function(object) return setmetatable(object, meta) end
end

---Time of an addition: not before the last one.
local function at(name, object, t)
  arguments.number(name, "t", t)
  if object.at and t < object.at then
    arguments.refuse(name .. ": t goes back from " .. object.at .. " to " .. t, "not_in_order")
  end
  return t
end

-- ---- averages ----

local Sma, new_sma = class "stats.Sma"

---The mean of the last `n` values.
function stats.sma(n)
  return new_sma{ n = arguments.whole("stats.sma", "n", n, 1, 1e7), count = 0, last = 0, sum = 0, lost = 0, ring = {} }
end

---The sum of a window with what rounding lost kept beside it. Source: Kahan (1965), in the form of Neumaier (1974).
local function add_exactly(o, x)
  local sum = o.sum + x
  local large, small = o.sum, x
  if math.abs(large) < math.abs(small) then large, small = small, large end
  o.lost = o.lost + (large - sum + small)
  o.sum = sum
end

---Adds a value; returns the mean, of fewer values as long as there are no `n`.
function Sma:add(x)
  arguments.number("sma:add", "x", x)
  self.last = self.last % self.n + 1
  local old = self.ring[self.last]
  if old then add_exactly(self, -old) else self.count = self.count + 1 end
  self.ring[self.last] = x
  add_exactly(self, x)
  return self:value()
end

---The mean; nil before the first value.
function Sma:value() return self.count > 0 and (self.sum + self.lost) / self.count or nil end

---Whether there are `n` values.
function Sma:full() return self.count == self.n end

local Ema, new_ema = class "stats.Ema"

---An exponential average: by time, where a value that is `half_life` seconds old counts half, or by values, where each
---new one has the weight 2 / (`periods` + 1). Source: by time, Eckner, "Algorithms for unevenly spaced time series:
---moving averages and other rolling operators" (2012), the last value holding until the next one.
function stats.ema(o)
  local NAME <const> = "stats.ema"
  arguments.table(NAME, "argument 1", o)
  arguments.check_options(o, { "half_life", "periods" }, NAME)
  arguments.either(NAME, o, "half_life", "periods")
  return new_ema{
    half_life = o.half_life and arguments.positive(NAME, "half_life", o.half_life),
    weight = o.periods and 2 / (arguments.number(NAME, "periods", o.periods, 1) + 1), count = 0,
  }
end

---Adds a value, by time the one at `t`; returns the average. By time the value before it counts for the time between.
function Ema:add(x, t)
  arguments.number("ema:add", "x", x)
  if self.half_life then
    t = at("ema:add", self, t)
    local old = self.mean
    if old then
      local kept = 0.5 ^ ((t - self.at) / self.half_life)
      self.mean = kept * old + (1 - kept) * self.last
    else
      self.mean = x
    end
    self.at, self.last = t, x
  elseif self.mean then
    self.mean = self.mean + self.weight * (x - self.mean)
  else
    self.mean = x
  end
  self.count = self.count + 1
  return self.mean
end

---The average; by time, where `t` is given, that at `t`, the last value holding until then. Nil before the first value.
function Ema:value(t)
  if not self.mean or not self.half_life or t == nil then return self.mean end
  t = at("ema:value", self, t)
  local kept = 0.5 ^ ((t - self.at) / self.half_life)
  return kept * self.mean + (1 - kept) * self.last
end

-- ---- mean and variance ----

local Running, new_running = class "stats.Running"

---Mean and variance of all values. Source: Welford, "Note on a method for calculating corrected sums of squares and
---products" (1962).
function stats.running() return new_running{ count = 0, average = 0, squares = 0 } end

function Running:add(x)
  arguments.number("running:add", "x", x)
  self.count = self.count + 1
  local delta = x - self.average
  self.average = self.average + delta / self.count
  self.squares = self.squares + delta * (x - self.average)
  return self
end

---Adds all that another one has seen. Source: Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for
---computing sample variances" (1979).
function Running:merge(other)
  if getmetatable(other) ~= "stats.Running" then
    arguments.refuse("running:merge: argument 1 must be a stats.running, not " .. arguments.is(other), "wrong_type")
  end
  local n = self.count + other.count
  if n == 0 then return self end
  local delta = other.average - self.average
  self.squares = self.squares + other.squares + delta * delta * self.count * other.count / n
  self.average = self.average + delta * other.count / n
  self.count = n
  return self
end

---The mean; nil before the first value.
function Running:mean() return self.count > 0 and self.average or nil end

---The variance of the sample, that is over n - 1; nil before the second value.
function Running:variance()
  if self.count < 2 then return nil end
  return math.max(self.squares, 0) / (self.count - 1)
end

---Its root.
function Running:deviation()
  local variance = self:variance()
  return variance and math.sqrt(variance)
end

---How many standard deviations `x` is above the mean; nil where there is none, or no deviation.
function Running:z(x)
  local deviation = self:deviation()
  return deviation and stats.zscore(x, self:mean(), deviation)
end

local Rolling, new_rolling = class "stats.Rolling"
Rolling.mean, Rolling.variance, Rolling.deviation, Rolling.z =
  Running.mean, Running.variance, Running.deviation, Running.z

---Mean and variance of the last `count` values, or of those of the last `seconds`. Source: Welford (1962), with values
---that are taken out again by the same step backwards.
function stats.rolling(o)
  local NAME <const> = "stats.rolling"
  arguments.table(NAME, "argument 1", o)
  arguments.check_options(o, { "count", "seconds" }, NAME)
  arguments.either(NAME, o, "count", "seconds")
  return new_rolling{
    most = o.count and arguments.whole(NAME, "count", o.count, 1, 1e7),
    seconds = o.seconds and arguments.positive(NAME, "seconds", o.seconds),
    first = 1, next = 1, values = {}, times = {}, count = 0, average = 0, squares = 0, taken = 0,
  }
end

local function take_oldest(r)
  local x = r.values[r.first]
  r.values[r.first], r.times[r.first] = nil, nil
  r.first, r.count, r.taken = r.first + 1, r.count - 1, r.taken + 1
  if r.count == 0 then
    r.average, r.squares = 0, 0
    return
  end
  local delta = x - r.average
  r.average = r.average - delta / r.count
  r.squares = r.squares - delta * (x - r.average)
end

---Anew from the values that are there: once a window, so that rounding does not add up.
local function recount(r)
  r.average, r.squares, r.taken = 0, 0, 0
  local n = 0
  for i = r.first, r.next - 1 do
    n = n + 1
    local delta = r.values[i] - r.average
    r.average = r.average + delta / n
    r.squares = r.squares + delta * (r.values[i] - r.average)
  end
end

---Adds a value, by time the one at `t`; values that are `seconds` old or older leave.
function Rolling:add(x, t)
  arguments.number("rolling:add", "x", x)
  if self.seconds then t = at("rolling:add", self, t) end
  self.values[self.next], self.times[self.next] = x, t
  self.next, self.count, self.at = self.next + 1, self.count + 1, t
  local delta = x - self.average
  self.average = self.average + delta / self.count
  self.squares = self.squares + delta * (x - self.average)
  while self.most and self.count > self.most or self.seconds and self.times[self.first] <= t - self.seconds do
    take_oldest(self)
  end
  if self.taken > self.count then recount(self) end
  return self
end

-- ---- volatility ----

---The logarithm of the odds of a probability: ln(p / (1 - p)).
function stats.logit(p)
  arguments.price("stats.logit", "p", p)
  return math.log(p / (1 - p))
end

---The probability of which `x` is the logarithm of the odds.
function stats.logistic(x)
  arguments.number("stats.logistic", "x", x)
  if x >= 0 then return 1 / (1 + math.exp(-x)) end
  local e = math.exp(x)
  return e / (1 + e)
end

local Volatility, new_volatility = class "stats.Volatility"

---How much a price moves, in log-odds, where a step near 0 or 1 counts as much as its like in the middle: the root of
---the mean square of the changes a second, in which a second that is `half_life` seconds ago counts half. Source: the
---exponentially weighted variance of RiskMetrics (1996), weighted by time.
function stats.volatility(o)
  local NAME <const> = "stats.volatility"
  arguments.table(NAME, "argument 1", o)
  arguments.check_options(o, { "half_life" }, NAME)
  return new_volatility{
    half_life = arguments.positive(NAME, "half_life", o.half_life), squares = 0, seconds = 0,
  }
end

---Adds the price at `t`; returns the volatility a root second, nil as long as no time has passed.
function Volatility:add(price, t)
  local x = stats.logit(arguments.price("volatility:add", "price", price))
  t = at("volatility:add", self, t)
  if self.last then
    local passed = t - self.at
    local kept = 0.5 ^ (passed / self.half_life)
    -- The seconds since then, each with its weight, and their change with the mean of these weights.
    local weight = (1 - kept) * self.half_life / math.log(2)
    self.seconds = self.seconds * kept + weight
    self.squares = self.squares * kept + (x - self.last) ^ 2 * (passed > 0 and weight / passed or 1)
  end
  self.last, self.at = x, t
  return self:value()
end

---The standard deviation of a second's change in log-odds; nil as long as no time has passed.
function Volatility:value()
  if self.seconds <= 0 then return nil end
  return math.sqrt(self.squares / self.seconds)
end

---That of a change over so many seconds, changes being independent.
function Volatility:over(seconds)
  arguments.number("volatility:over", "seconds", seconds, 0)
  local value = self:value()
  return value and value * math.sqrt(seconds)
end

-- ---- quantiles ----

local Quantile, new_quantile = class "stats.Quantile"

---An estimate of a quantile in constant memory. Source: Jain and Chlamtac, "The P2 algorithm for dynamic calculation of
---quantiles and histograms without storing observations" (1985).
function stats.quantile(p)
  local NAME <const> = "stats.quantile"
  arguments.number(NAME, "p", p, 0, 1)
  if p == 0 or p == 1 then
    arguments.refuse(NAME .. ": p must be above 0 and below 1, not " .. p, "out_of_range")
  end
  return new_quantile{
    p = p, count = 0, heights = {}, positions = { 1, 2, 3, 4, 5 },
    desired = { 1, 1 + 2 * p, 1 + 4 * p, 3 + 2 * p, 5 }, steps = { 0, p / 2, p, (1 + p) / 2, 1 },
  }
end

---The piecewise parabolic prediction of marker `i`, moved by `d`; a straight one where that leaves its neighbours.
local function moved(q, n, i, d)
  local parabolic = q[i] + d / (n[i + 1] - n[i - 1]) * (
    (n[i] - n[i - 1] + d) * (q[i + 1] - q[i]) / (n[i + 1] - n[i])
    + (n[i + 1] - n[i] - d) * (q[i] - q[i - 1]) / (n[i] - n[i - 1]))
  if q[i - 1] < parabolic and parabolic < q[i + 1] then return parabolic end
  return q[i] + d * (q[i + d] - q[i]) / (n[i + d] - n[i])
end

---Adds a value; returns the estimate.
function Quantile:add(x)
  arguments.number("quantile:add", "x", x)
  local q, n = self.heights, self.positions
  self.count = self.count + 1
  if self.count <= 5 then
    q[self.count] = x
    table.sort(q)
    return self:value()
  end
  local k
  if x < q[1] then
    q[1], k = x, 1
  elseif x >= q[5] then
    q[5], k = math.max(q[5], x), 4
  else
    k = 1
    while x >= q[k + 1] do k = k + 1 end
  end
  for i = k + 1, 5 do n[i] = n[i] + 1 end
  for i, step in ipairs(self.steps) do self.desired[i] = self.desired[i] + step end
  for i = 2, 4 do
    local off = self.desired[i] - n[i]
    if off >= 1 and n[i + 1] - n[i] > 1 or off <= -1 and n[i - 1] - n[i] < -1 then
      local d = off > 0 and 1 or -1
      q[i] = moved(q, n, i, d)
      n[i] = n[i] + d
    end
  end
  return q[3]
end

---The estimate; of up to five values the one of the nearest rank. Nil before the first value.
function Quantile:value()
  if self.count == 0 then return nil end
  if self.count > 5 then return self.heights[3] end
  return self.heights[math.max(1, math.ceil(self.p * self.count))]
end

return stats
