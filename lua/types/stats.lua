---@meta stats

---The mean of the last values.
---@class stats.Sma
local Sma = {}

---Adds a value.
---```lua
---stats.sma(5):add(0.42)
---```
---@param x number value, in any unit
---@return number mean of up to n values, in their unit
function Sma:add(x) end

---The mean.
---```lua
---stats.sma(5):value()
---```
---@return number? mean in the unit of the values; nil before the first one
function Sma:value() end

---Whether there are n values.
---```lua
---stats.sma(5):full()
---```
---@return boolean full the mean is one of n values
function Sma:full() end

---An exponential average.
---@class stats.Ema
local Ema = {}

---Adds a value. By time it counts from `t` on.
---```lua
---fair = stats.ema{ half_life = 30 }
---fair:add(0.42, kalua.now())
---```
---@param x number value, in any unit
---@param t? number seconds; needed with half_life
---@return number average of all until now, in the unit of the values
function Ema:add(x, t) end

---The average.
---```lua
---stats.ema{ periods = 10 }:value()
---```
---@param t? number seconds, not before the last value, which holds until then
---@return number? average in the unit of the values; nil before the first one
function Ema:value(t) end

---Mean and variance of all values.
---@class stats.Running
local Running = {}

---Adds a value.
---```lua
---stats.running():add(1):add(2):mean()
---```
---@param x number value, in any unit
---@return stats.Running self for the next call
function Running:add(x) end

---Adds all values of another one.
---```lua
---stats.running():add(1):merge(stats.running():add(2)):mean()
---```
---@param other stats.Running that stays as it is
---@return stats.Running self for the next call
function Running:merge(other) end

---The mean.
---```lua
---stats.running():add(1):mean()
---```
---@return number? mean in the unit of the values; nil before the first one
function Running:mean() end

---The variance of the sample, over n - 1.
---```lua
---stats.running():add(1):add(3):variance()
---```
---@return number? variance nil before the second value
function Running:variance() end

---The standard deviation of the sample.
---```lua
---stats.running():add(1):add(3):deviation()
---```
---@return number? deviation nil before the second value
function Running:deviation() end

---How many standard deviations a value is above the mean.
---```lua
---stats.running():add(1):add(3):z(4)
---```
---@param x number value in the unit of the others, which is not added
---@return number? score standard deviations; nil where there is none
function Running:z(x) end

---Mean and variance of a window: of the last values, or of those of the last seconds. `mean`, `variance`, `deviation` and `z`
---are those of `stats.Running`.
---@class stats.Rolling: stats.Running
local Rolling = {}

---Adds a value; older ones leave.
---```lua
---stats.rolling{ seconds = 60 }:add(0.42, kalua.now()):mean()
---```
---@param x number value, in any unit
---@param t? number seconds; needed for a window of seconds
---@return stats.Rolling self for the next call
function Rolling:add(x, t) end

---How much a price moves.
---@class stats.Volatility
local Volatility = {}

---Adds a price.
---```lua
---v = stats.volatility{ half_life = 60 }
---v:add(0.42, 0)
---v:add(0.43, 1)
---```
---@param price number above 0 and below 1 dollar
---@param t number seconds
---@return number? deviation of a second's change in log-odds; nil as long as no time has passed
function Volatility:add(price, t) end

---The standard deviation of a second's change in log-odds.
---```lua
---stats.volatility{ half_life = 60 }:value()
---```
---@return number? deviation in log-odds a second; nil as long as no time has passed
function Volatility:value() end

---That of a longer change, changes being independent.
---```lua
---stats.volatility{ half_life = 60 }:over(3600)
---```
---@param seconds number seconds from now on
---@return number? deviation in log-odds over so many seconds; nil as long as no time has passed
function Volatility:over(seconds) end

---An estimate of a quantile.
---@class stats.Quantile
local Quantile = {}

---Adds a value.
---```lua
---stats.quantile(0.9):add(0.42)
---```
---@param x number value, in any unit
---@return number estimate of the quantile, in the unit of the values
function Quantile:add(x) end

---The estimate.
---```lua
---stats.quantile(0.9):value()
---```
---@return number? estimate in the unit of the values; nil before the first one
function Quantile:value() end

---The flow of orders at the best prices.
---@class stats.OrderFlow
local Flow = {}

---Adds the best prices as they are now; nil for those of an empty side.
---```lua
---flow = stats.order_flow()
---flow:add(0.40, 10, 0.42, 20)
---flow:add(0.40, 15, 0.42, 20)
---```
---@param bid? number dollars
---@param bid_count? number contracts
---@param ask? number dollars
---@param ask_count? number contracts
---@return number change contracts that came to the bid or left the ask, less the others; 0 for the first
function Flow:add(bid, bid_count, ask, ask_count) end

---The flow so far.
---```lua
---stats.order_flow():value()
---```
---@return number flow contracts
function Flow:value() end

---The flow so far, which begins anew.
---```lua
---stats.order_flow():take()
---```
---@return number flow contracts
function Flow:take() end

---Figures of streams, each kept up to date in constant time, and the pressure in a book. Times are seconds and never go back.
---A wrong argument raises "validation". The sources are in docs/sizing.md.
---```lua
---stats = require "stats"
---fair = stats.ema{ half_life = 30 }
---book = kalshi.book(ticker)
---print(fair:add(book:mid(), kalua.now()))
---book:close()
---```
---@class stats
local stats = {}

---The mean of the last `n` values.
---```lua
---mean = stats.sma(5)
---mean:add(11)
---```
---@param n integer values
---@return stats.Sma average empty
function stats.sma(n) end

---An exponential average, by time or by values. Either `half_life` or `periods`.
---```lua
---stats.ema{ half_life = 30 }
---stats.ema{ periods = 10 }
---```
---@param options {half_life: number?, periods: number?} seconds after which a value counts half; or n of the weight 2 / (n + 1)
---@return stats.Ema average empty
function stats.ema(options) end

---Mean and variance of all values, in constant memory and without cancellation.
---```lua
---r = stats.running()
---r:add(0.42):add(0.44)
---print(r:mean(), r:deviation())
---```
---@return stats.Running figures empty
function stats.running() end

---Mean and variance of the last `count` values, or of those of the last `seconds`.
---```lua
---stats.rolling{ count = 100 }
---stats.rolling{ seconds = 60 }
---```
---@param options {count: integer?, seconds: number?} one of them
---@return stats.Rolling figures empty
function stats.rolling(options) end

---The volatility of a price in log-odds, in which a step near 0 or 1 counts as much as its like in the middle.
---```lua
---stats.volatility{ half_life = 300 }
---```
---@param options {half_life: number} seconds after which a change counts half
---@return stats.Volatility volatility empty
function stats.volatility(options) end

---An estimate of a quantile in constant memory. Jain and Chlamtac (1985).
---```lua
---median = stats.quantile(0.5)
---median:add(3)
---```
---@param p number probability, above 0 and below 1
---@return stats.Quantile quantile empty
function stats.quantile(p) end

---The flow of orders at the best prices. Cont, Kukanov and Stoikov (2014).
---```lua
---stats.order_flow()
---```
---@return stats.OrderFlow flow at 0
function stats.order_flow() end

---How much more is bid for than offered.
---```lua
---book = kalshi.book(ticker)
---print(stats.imbalance(book:bids(5), book:asks(5)))
---book:close()
---```
---@param bids number[][] {price, count} each in dollars and contracts, best first
---@param asks number[][] {price, count} each in dollars and contracts, best first
---@param levels? integer of each side that count (all)
---@return number? imbalance share, -1 to 1; nil: the book is empty
function stats.imbalance(bids, asks, levels) end

---The middle between bid and ask, nearer to the side with less behind it.
---```lua
---stats.microprice(0.40, 300, 0.42, 100)
---```
---@param bid number dollars
---@param bid_count number contracts
---@param ask number dollars
---@param ask_count number contracts
---@return number price dollars
function stats.microprice(bid, bid_count, ask, ask_count) end

---How many standard deviations a value is above the mean.
---```lua
---stats.zscore(110, 100, 5)
---```
---@param x number value, in any unit
---@param mean number of its like, in the same unit
---@param deviation number of its like, in the same unit
---@return number? score standard deviations; nil where the deviation is 0
function stats.zscore(x, mean, deviation) end

---The logarithm of the odds of a probability.
---```lua
---stats.logit(0.9)
---```
---@param p number probability, above 0 and below 1
---@return number x log-odds: ln(p / (1 - p))
function stats.logit(p) end

---The probability of which `x` is the logarithm of the odds.
---```lua
---stats.logistic(2.2)
---```
---@param x number log-odds, any number
---@return number p 0 to 1
function stats.logistic(x) end

return stats
