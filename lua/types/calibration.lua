---@meta calibration

---What came: yes or no.
---@alias calibration.Outcome boolean|0|1

---The Brier score and what it is made of: score = reliability - resolution + uncertainty + within.
---@class calibration.Brier
---@field score number mean of (forecast - outcome)^2, 0 to 1
---@field reliability number mean squared distance between what was said and how often it came, by bins, 0 to 1; 0 is best
---@field resolution number mean squared distance of the bins from the mean, 0 to 0.25; more is better
---@field uncertainty number of the outcomes, whatever was forecast: the share of yes times that of no, 0 to 0.25
---@field within number what forecasts of the same bin differ by, squared; about 0
---@field skill? number 1 - score / uncertainty: 0 is as good as always saying the mean; absent where all outcomes were the same
---@field base_rate number share of yes
---@field count integer forecasts

---A bin of the reliability table.
---@class calibration.Bin
---@field low number probability from which on forecasts are in it
---@field high number probability below which they are; 1 is in the last
---@field count integer forecasts
---@field forecast number mean of them, 0 to 1
---@field observed number share of yes
---@field lower number of the interval that the true share is in, at 95 %, 0 to 1
---@field upper number of it, 0 to 1

---A record of forecasts and what came of them.
---@class calibration.Record
local Record = {}

---Adds a forecast whose outcome is known.
---```lua
---calibration.record():add(0.7, true)
---```
---@param forecast number probability of yes
---@param outcome calibration.Outcome what came
function Record:add(forecast, outcome) end

---Notes a forecast whose outcome comes later. A newer one of the same id replaces it.
---```lua
---r = calibration.record()
---r:forecast("KXA", 0.4)
---r:outcome("KXA", false)
---```
---@param id string|number of what was forecast, for example a ticker
---@param probability number of yes, 0 to 1
function Record:forecast(id, probability) end

---Tells the outcome of what was forecast.
---```lua
---calibration.record():outcome("KXA", true)
---```
---@param id string|number of what was forecast
---@param outcome calibration.Outcome what came
---@return boolean known false where nothing was forecast
function Record:outcome(id, outcome) end

---How many forecasts there are.
---```lua
---calibration.record():count()
---```
---@return integer done with an outcome
---@return integer open without one yet
function Record:count() end

---The Brier score of the record.
---```lua
---r = calibration.record()
---r:add(0.7, true)
---r:brier().score
---```
---@param bins? integer groups of forecasts (10)
---@return calibration.Brier? score nil while there is no outcome
function Record:brier(bins) end

---The log loss of the record.
---```lua
---calibration.record():log_loss()
---```
---@param least? number probability that counts at least (0)
---@return number? loss mean natural logarithm, 0 is best; nil while there is no outcome
function Record:log_loss(least) end

---The reliability table of the record.
---```lua
---calibration.record():reliability(5)
---```
---@param bins? integer groups of forecasts (10)
---@return calibration.Bin[] table those bins that have forecasts
function Record:reliability(bins) end

---The expected calibration error of the record.
---```lua
---calibration.record():expected_error()
---```
---@param bins? integer groups of forecasts (10)
---@return number? distance 0 to 1; nil while there is no outcome
function Record:expected_error(bins) end

---The record as plain data.
---```lua
---kalua.state.forecasts = calibration.record():save()
---```
---@return table<string, any> saved plain data for calibration.record
function Record:save() end

---How good forecasts were, once it is known what came. Forecasts are probabilities of yes. A wrong argument raises
---"validation". The sources are in docs/sizing.md.
---```lua
---calibration = require "calibration"
---r = calibration.record(kalua.state.forecasts)
---r:add(0.7, true)
---print(r:brier().score, r:log_loss())
---```
---@class calibration
local calibration = {}

---The Brier score and its parts. Brier (1950), Murphy (1973).
---```lua
---calibration.brier({ 0.8, 0.3 }, { true, false })
---```
---@param forecasts number[] probabilities of yes
---@param outcomes calibration.Outcome[] what came
---@param bins? integer groups of forecasts (10)
---@return calibration.Brier score and its parts
function calibration.brier(forecasts, outcomes, bins) end

---The mean of -ln of the probability that was given to what came. Good (1952).
---```lua
---calibration.log_loss({ 0.8, 0.3 }, { true, false })
---```
---@param forecasts number[] probabilities of yes
---@param outcomes calibration.Outcome[] what came
---@param least? number probability that counts at least (0: what was called impossible and came costs infinity)
---@return number loss mean natural logarithm, 0 is best; ln 2 is that of always saying a half
function calibration.log_loss(forecasts, outcomes, least) end

---How often yes came of what was forecast how, with the interval of Wilson (1927).
---```lua
---calibration.reliability({ 0.8, 0.3 }, { true, false }, 5)
---```
---@param forecasts number[] probabilities of yes
---@param outcomes calibration.Outcome[] what came
---@param bins? integer groups of forecasts (10)
---@return calibration.Bin[] table those bins that have forecasts
function calibration.reliability(forecasts, outcomes, bins) end

---The mean distance between what was said and how often it came, by bins. Naeini, Cooper and Hauskrecht (2015).
---```lua
---calibration.expected_error({ 0.8, 0.3 }, { true, false })
---```
---@param forecasts number[] probabilities of yes
---@param outcomes calibration.Outcome[] what came
---@param bins? integer groups of forecasts (10)
---@return number distance 0 to 1
function calibration.expected_error(forecasts, outcomes, bins) end

---The ranked probability score of one forecast over outcomes that have an order, like strikes. Epstein (1969).
---```lua
---calibration.ranked({ 0.6, 0.25, 0.15 }, 1)
---```
---@param probabilities number[] of all outcomes, in order; they add up to 1
---@param came integer number of the outcome that came
---@return number score 0 to 1; 0 is best
function calibration.ranked(probabilities, came) end

---A record of forecasts and what came of them.
---```lua
---calibration.record()
---```
---@param saved? table<string, any> what record:save gave
---@return calibration.Record record to add to
function calibration.record(saved) end

return calibration
