-- Module calibration: published examples, and identities that must hold for any forecasts.
local calibration = require "calibration"
local kalua = require "kalua"
local task = require "task"
local test = require "test"

local state = 7
local function random()
  state = state * 48271 % 2147483647
  return state / 2147483647
end

test("the Brier score of a forecast of rain", function(t)
  -- Wikipedia, "Brier score": 100 % and 70 % and 30 % and 50 %, and it rains.
  t.near(calibration.brier({ 1 }, { true }).score, 0)
  t.near(calibration.brier({ 1 }, { false }).score, 1)
  t.near(calibration.brier({ 0.7 }, { true }).score, 0.09)
  t.near(calibration.brier({ 0.3 }, { true }).score, 0.49)
  t.near(calibration.brier({ 0.5 }, { 0 }).score, 0.25)
end)

test("its decomposition, by hand", function(t)
  -- Ten days: 0.8 was said on five, and it rained on four; 0.2 on five, and it rained on two.
  local said, came = {}, {}
  for i = 1, 5 do said[i], came[i] = 0.8, i <= 4 end
  for i = 1, 5 do said[5 + i], came[5 + i] = 0.2, i <= 2 end
  local b = calibration.brier(said, came)
  t.near(b.score, (4 * 0.04 + 0.64 + 2 * 0.64 + 3 * 0.04) / 10)
  t.near(b.reliability, 0.5 * 0 + 0.5 * 0.04)
  t.near(b.resolution, 0.04)
  t.near(b.uncertainty, 0.24)
  t.near(b.within, 0)
  t.near(b.base_rate, 0.6)
  t.near(b.skill, 1 - 0.22 / 0.24)
end)

test("the parts add up to the score, whatever was forecast and in however many bins", function(t)
  for bins = 1, 40, 3 do
    task.yield()
    local said, came = {}, {}
    for i = 1, 200 do
      said[i] = random()
      came[i] = random() < said[i] ^ 1.5
    end
    local b = calibration.brier(said, came, bins)
    t.near(b.reliability - b.resolution + b.uncertainty + b.within, b.score)
    t.ok(b.reliability >= 0 and b.resolution >= 0)
  end
end)

test("the log loss", function(t)
  t.near(calibration.log_loss({ 0.5, 0.5 }, { 1, 0 }), math.log(2))
  -- scikit-learn, documentation of log_loss: 0.21616.
  t.near(calibration.log_loss({ 0.9, 0.1, 0.2, 0.65 }, { 1, 0, 0, 1 }), 0.21616, 5e-6)
  t.eq(calibration.log_loss({ 0 }, { true }), math.huge)
  t.near(calibration.log_loss({ 0 }, { true }, 1e-3), math.log(1000))
end)

test("the ranked probability score of football matches", function(t)
  -- Constantinou and Fenton, "Solving the problem of inadequate scoring rules for assessing probabilistic football
  -- forecast models" (2012), table 4: home, draw, away.
  local function score(h, d, a, came) return calibration.ranked({ h, d, a }, came) end
  t.near(score(1, 0, 0, 1), 0)
  t.near(score(0.9, 0.1, 0, 1), 0.0050)
  t.near(score(0.8, 0.1, 0.1, 1), 0.0250)
  t.near(score(0.5, 0.25, 0.25, 1), 0.1562, 5e-5)
  t.near(score(0.35, 0.30, 0.35, 2), 0.1225)
  t.near(score(0.60, 0.30, 0.10, 2), 0.1850)
  t.near(score(0.60, 0.25, 0.15, 1), 0.0912, 1e-4)
  t.near(score(0.60, 0.15, 0.25, 1), 0.1112, 1e-4)
  t.raises(function() score(0.5, 0.5, 0.5, 1) end, "add up to")
  t.raises(function() score(0.5, 0.5, 0, 4) end, "came must be from 1 to 3")
end)

test("a ranked score of two outcomes is the Brier score", function(t)
  for i = 0, 10 do
    t.near(calibration.ranked({ i / 10, 1 - i / 10 }, 1), calibration.brier({ i / 10 }, { true }).score)
  end
end)

test("the reliability table, with its intervals", function(t)
  -- Newcombe, "Two-sided confidence intervals for the single proportion" (1998): 81 of 263, and 15 of 148.
  local said, came = {}, {}
  for i = 1, 263 do said[i], came[i] = 0.31, i <= 81 end
  for i = 1, 148 do said[263 + i], came[263 + i] = 1, i <= 15 end
  local rows = calibration.reliability(said, came)
  t.eq(#rows, 2)
  t.eq({ rows[1].low, rows[1].high, rows[1].count }, { 0.3, 0.4, 263 })
  t.near(rows[1].observed, 81 / 263)
  t.near(rows[1].forecast, 0.31)
  t.near(rows[1].lower, 0.2553, 5e-5)
  t.near(rows[1].upper, 0.3662, 5e-5)
  t.eq({ rows[2].low, rows[2].high }, { 0.9, 1.0 }) -- a certain forecast is in the last bin
  t.near(rows[2].lower, 0.0624, 5e-5)
  t.near(rows[2].upper, 0.1605, 5e-5)
  t.near(calibration.expected_error(said, came), (263 * (0.31 - 81 / 263) + 148 * (1 - 15 / 148)) / 411)
end)

test("0.3, however it was computed, is in the bin that begins with 0.3", function(t)
  t.eq(calibration.reliability({ 0.1 + 0.2 }, { 1 })[1].low, 0.3)
  t.eq(calibration.reliability({ 0.7 - 0.4 }, { 1 })[1].low, 0.3)
end)

test("a record takes outcomes later, and goes through kalua.state", function(t)
  local r = calibration.record()
  t.eq({ r:brier(), r:log_loss(), r:expected_error() }, {})
  r:add(0.8, true)
  r:forecast("KXA", 0.5)
  r:forecast("KXA", 0.4)
  r:forecast("KXB", 0.9)
  t.eq({ r:count() }, { 1, 2 })
  t.eq(r:outcome("KXA", false), true)
  t.eq(r:outcome("KXA", false), false)
  t.near(r:brier().score, (0.04 + 0.16) / 2)
  kalua.state.record = r:save()
  local again = calibration.record(kalua.state.record)
  t.eq(again:save(), r:save())
  t.eq({ again:count() }, { 2, 1 })
  again:outcome("KXB", 1)
  t.eq({ r:count() }, { 2, 1 })
  t.near(again:log_loss(), calibration.log_loss({ 0.8, 0.4, 0.9 }, { 1, 0, 1 }))
  t.eq(#again:reliability(), 3)
end)

test("what makes no sense is refused", function(t)
  t.raises(function() calibration.brier({ 0.5 }, {}) end, "1 forecasts and 0 outcomes")
  t.raises(function() calibration.brier({}, {}) end, "at least 1 element")
  t.raises(function() calibration.brier({ 1.5 }, { 1 }) end, "forecasts[1] must be from 0 to 1, not 1.5")
  t.raises(function() calibration.brier({ 0.5 }, { "yes" }) end, "outcomes[1] must be true or false, 1 or 0, not a str")
  t.raises(function() calibration.record():forecast({}, 0.5) end, "id must be a string or a number")
  t.raises(function() calibration.record{ list = {} } end, "saved.open")
end)
