---Module `calibration`: how good forecasts were, once it is known what came.
---
---    local calibration = require "calibration"
---    local record = calibration.record()
---    record:add(0.7, true)                         -- 70 % was said, and it came
---    record:forecast("KXA", 0.4)                   -- the outcome is told later:
---    record:outcome("KXA", false)
---    print(record:brier().score, record:log_loss())
---
---Forecasts are probabilities of yes, outcomes true or false, or 1 and 0. A lower score is a better one, but for
---`resolution` and `skill`.
local arguments = require "arguments"
local ipairs, math, pairs, setmetatable, table, type = ipairs, math, pairs, setmetatable, table, type

local calibration = {}

local BINS <const> = 10

local function outcome_of(name, what, value)
  if value == true or value == 1 then return 1 end
  if value == false or value == 0 then return 0 end
  arguments.refuse(name .. ": " .. what .. " must be true or false, 1 or 0, not " .. arguments.is(value), "wrong_type")
end

---Two lists of the same length as a list of pairs { forecast, outcome }.
local function pairs_of(name, forecasts, outcomes)
  arguments.list(name, "forecasts", forecasts, 1, arguments.probability)
  arguments.table(name, "outcomes", outcomes)
  if #forecasts ~= #outcomes then
    arguments.refuse(name .. ": " .. #forecasts .. " forecasts and " .. #outcomes .. " outcomes", "list_length")
  end
  local list = {}
  for i, p in ipairs(forecasts) do list[i] = { p, outcome_of(name, "outcomes[" .. i .. "]", outcomes[i]) } end
  return list
end

local function bins_of(name, bins) return bins == nil and BINS or arguments.whole(name, "bins", bins, 1, 10000) end

---The pairs by forecast: `bins` groups of the same width, the last with 1; only those that have any.
local function grouped(list, bins)
  local by = {}
  for _, pair in ipairs(list) do
    local k = math.min(math.floor(pair[1] * bins + 1e-9), bins - 1)
    local bin = by[k]
    if not bin then
      bin = { low = k / bins, high = (k + 1) / bins, count = 0, forecast = 0, observed = 0, pairs = {} }
      by[k] = bin
    end
    bin.count = bin.count + 1
    bin.forecast, bin.observed = bin.forecast + pair[1], bin.observed + pair[2]
    bin.pairs[bin.count] = pair
  end
  local out = {}
  for k = 0, bins - 1 do
    local bin = by[k]
    if bin then
      bin.forecast, bin.observed = bin.forecast / bin.count, bin.observed / bin.count
      out[#out + 1] = bin
    end
  end
  return out
end

local function brier(list, bins)
  local n, score, came = #list, 0, 0
  for _, pair in ipairs(list) do
    score, came = score + (pair[1] - pair[2]) ^ 2, came + pair[2]
  end
  local base = came / n
  local reliability, resolution, within = 0, 0, 0
  for _, bin in ipairs(grouped(list, bins)) do
    reliability = reliability + bin.count * (bin.forecast - bin.observed) ^ 2
    resolution = resolution + bin.count * (bin.observed - base) ^ 2
    for _, pair in ipairs(bin.pairs) do
      local off = pair[1] - bin.forecast
      within = within + off * off - 2 * off * (pair[2] - bin.observed)
    end
  end
  local uncertainty = base * (1 - base)
  score = score / n
  return {
    score = score, reliability = reliability / n, resolution = resolution / n, uncertainty = uncertainty,
    within = within / n, base_rate = base, count = n, skill = uncertainty > 0 and 1 - score / uncertainty or nil,
  }
end

---The Brier score, the mean of (forecast - outcome)^2, and what it is made of: score = reliability - resolution +
---uncertainty + within. Source: Brier (1950); Murphy, "A new vector partition of the probability score" (1973);
---`within`, which is 0 where all forecasts of a bin are the same: Stephenson, Coelho and Jolliffe, "Two extra
---components in the Brier score decomposition" (2008).
function calibration.brier(forecasts, outcomes, bins)
  local NAME <const> = "calibration.brier"
  return brier(pairs_of(NAME, forecasts, outcomes), bins_of(NAME, bins))
end

local function log_loss(list, least)
  local sum = 0
  for _, pair in ipairs(list) do
    local said = pair[2] == 1 and pair[1] or 1 - pair[1]
    sum = sum - math.log(math.max(said, least))
  end
  return sum / #list
end

---The mean of -ln of the probability that was given to what came. Infinite when something came that was said to be
---impossible; with `least`, no probability counts as less. Source: Good, "Rational decisions" (1952).
function calibration.log_loss(forecasts, outcomes, least)
  local NAME <const> = "calibration.log_loss"
  least = arguments.optional(NAME, "least", least, 0, 0, 0.5)
  return log_loss(pairs_of(NAME, forecasts, outcomes), least)
end

---The interval of Wilson, "Probable inference, the law of succession, and statistical inference" (1927), at 95 %.
local function wilson(share, n)
  local z <const> = 1.959963984540054
  local centre = (share + z * z / (2 * n)) / (1 + z * z / n)
  local half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
  return math.max(0, centre - half), math.min(1, centre + half)
end

local function reliability(list, bins)
  local rows = grouped(list, bins)
  for _, row in ipairs(rows) do
    row.pairs = nil
    row.lower, row.upper = wilson(row.observed, row.count)
  end
  return rows
end

---The reliability table: for each bin that has forecasts their number, their mean, and how often yes came, with the
---interval that its true share is in at 95 % (Wilson, 1927). Source: Murphy and Winkler, "Reliability of subjective
---probability forecasts of precipitation and temperature" (1977).
function calibration.reliability(forecasts, outcomes, bins)
  local NAME <const> = "calibration.reliability"
  return reliability(pairs_of(NAME, forecasts, outcomes), bins_of(NAME, bins))
end

local function expected_error(list, bins)
  local sum = 0
  for _, bin in ipairs(grouped(list, bins)) do sum = sum + bin.count * math.abs(bin.forecast - bin.observed) end
  return sum / #list
end

---The expected calibration error: the mean distance between what was said and what came, by bins. Source: Naeini,
---Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning" (2015).
function calibration.expected_error(forecasts, outcomes, bins)
  local NAME <const> = "calibration.expected_error"
  return expected_error(pairs_of(NAME, forecasts, outcomes), bins_of(NAME, bins))
end

---The ranked probability score of one forecast over outcomes that have an order, of which number `came` came: the sum
---of the squared distances between the cumulated probabilities and the cumulated outcome, over their number less 1, so
---from 0 to 1. Source: Epstein, "A scoring system for probability forecasts of ranked categories" (1969); Murphy
---(1971).
function calibration.ranked(probabilities, came)
  local NAME <const> = "calibration.ranked"
  arguments.list(NAME, "probabilities", probabilities, 2, arguments.probability)
  arguments.whole(NAME, "came", came, 1, #probabilities)
  local sum, score = 0, 0
  for i, p in ipairs(probabilities) do
    sum = sum + p
    if i < #probabilities then score = score + (sum - (i >= came and 1 or 0)) ^ 2 end
  end
  if math.abs(sum - 1) > 1e-6 then
    arguments.refuse(NAME .. ": the probabilities add up to " .. sum .. ", not to 1", "probabilities_sum")
  end
  return score / (#probabilities - 1)
end

-- ---- a record ----

local Record = {}
local record_meta = { __index = Record, __name = "calibration.Record", __metatable = "calibration.Record" }

---A record of forecasts. `saved` is what `record:save` gave, for instance in kalua.state.
function calibration.record(saved)
  local NAME <const> = "calibration.record"
  local record = setmetatable({ list = {}, open = {} }, record_meta)
  if saved == nil then return record end
  arguments.table(NAME, "saved", saved)
  for i, pair in ipairs(arguments.table(NAME, "saved.list", saved.list)) do
    arguments.table(NAME, "saved.list[" .. i .. "]", pair)
    record:add(pair[1], pair[2])
  end
  for id, p in pairs(arguments.table(NAME, "saved.open", saved.open)) do record:forecast(id, p) end
  return record
end

---Adds a forecast whose outcome is known.
function Record:add(forecast, outcome)
  local NAME <const> = "record:add"
  self.list[#self.list + 1] = {
    arguments.probability(NAME, "forecast", forecast), outcome_of(NAME, "outcome", outcome),
  }
end

local function check_id(name, id)
  if type(id) ~= "string" and type(id) ~= "number" then
    arguments.refuse(name .. ": id must be a string or a number, not " .. arguments.is(id), "wrong_type")
  end
  return id
end

---Notes a forecast whose outcome comes later. A newer one with the same id replaces it.
function Record:forecast(id, probability)
  check_id("record:forecast", id)
  self.open[id] = arguments.probability("record:forecast", "probability", probability)
end

---The outcome of what was forecast; false where nothing was.
function Record:outcome(id, outcome)
  local p = self.open[check_id("record:outcome", id)]
  local came = outcome_of("record:outcome", "outcome", outcome)
  if p == nil then return false end
  self.open[id] = nil
  self:add(p, came)
  return true
end

---The number of forecasts with an outcome, and of those without one.
function Record:count()
  local open = 0
  for _ in pairs(self.open) do open = open + 1 end
  return #self.list, open
end

---The functions of the module over this record; nil while it has no outcome.
function Record:brier(bins) return #self.list > 0 and brier(self.list, bins_of("record:brier", bins)) or nil end

function Record:log_loss(least)
  least = arguments.optional("record:log_loss", "least", least, 0, 0, 0.5)
  return #self.list > 0 and log_loss(self.list, least) or nil
end

function Record:reliability(bins) return reliability(self.list, bins_of("record:reliability", bins)) end

function Record:expected_error(bins)
  return #self.list > 0 and expected_error(self.list, bins_of("record:expected_error", bins)) or nil
end

---The record as plain data, for kalua.state or a file.
function Record:save()
  local list, open = {}, {}
  for i, pair in ipairs(self.list) do list[i] = table.move(pair, 1, 2, 1, {}) end
  for id, p in pairs(self.open) do open[id] = p end
  return { list = list, open = open }
end

return calibration
