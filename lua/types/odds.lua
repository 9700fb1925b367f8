---@meta odds

---What the books of an event say together.
---@class odds.Distribution
---@field probabilities number[] in the order of the markets; they add up to 1
---@field share? number how far from bid to ask all of them are, 0 to 1; absent with `arbitrage`
---@field arbitrage? "buy"|"sell" all asks together cost less than a dollar; all bids pay more than one
---@field bid_sum number dollars of all bids
---@field ask_sum number dollars of all asks

---Prices as probabilities, bookmakers' odds as either, and what is left of them without the margin. A wrong argument raises
---"validation". The formulas are in docs/sizing.md.
---```lua
---odds = require "odds"
---odds.fair({ odds.probability(-150), odds.probability(130) }, "shin")
---```
---@class odds
local odds = {}

---The probability that American odds imply, or odds as text: "+250", "7/2".
---```lua
---odds.probability(-150)
---odds.probability "7/2"
---```
---@param american number|string from 100, or to -100
---@return number probability 0 to 1
function odds.probability(american) end

---The probability that decimal odds imply.
---```lua
---odds.from_decimal(2.5)
---```
---@param decimal number what a dollar pays back, from 1
---@return number probability 0 to 1
function odds.from_decimal(decimal) end

---A probability, or a price, as decimal odds.
---```lua
---odds.decimal(0.4)
---```
---@param p number probability, above 0 and below 1
---@return number odds what a dollar pays back
function odds.decimal(p) end

---A probability, or a price, as American odds, not rounded.
---```lua
---odds.american(0.6)
---```
---@param p number probability, above 0 and below 1
---@return number odds from 100, or below -100: dollars won with 100, or staked to win 100
function odds.american(p) end

---A probability, or a price, as fractional odds.
---```lua
---odds.fractional(2 / 9)
---```
---@param p number probability, above 0 and below 1
---@param largest? integer denominator (100)
---@return string odds as "7/2"
function odds.fractional(p, largest) end

---What all outcomes together cost above a dollar: the margin.
---```lua
---odds.overround{ 0.55, 0.52 }
---```
---@param prices number[] of all outcomes, dollars or implied probabilities
---@return number margin negative: they cost less than a dollar
function odds.overround(prices) end

---Prices of all outcomes without the margin. "multiplicative" takes from each in proportion, "additive" the same from each;
---"power" and "shin" take more from longshots.
---```lua
---odds.fair({ 1 / 2.6, 1 / 2.4, 1 / 4.3 }, "shin")
---```
---@param prices number[] of all outcomes, dollars or implied probabilities
---@param method? "multiplicative"|"additive"|"power"|"shin" ("multiplicative")
---@return number[] probabilities that add up to 1
---@return number parameter the sum, what each gave, the exponent, or Shin's share of insiders
function odds.fair(prices, method) end

---One distribution from the yes books of an event of which exactly one outcome comes: every probability as far from bid to
---ask as the others, so that wide books give most.
---```lua
---event = kalshi.get_events{ series_ticker = "KXFED", with_nested_markets = true, limit = 1 }.events[1]
---odds.distribution{ { bid = 0.5, ask = 0.54 }, { bid = 0.3, ask = 0.32 }, { bid = 0.1, ask = 0.2 } }
---```
---@param markets (kalshi.Market|kalshi.Book|{bid: number?, ask: number?})[] all of the event; dollars of YES
---@return odds.Distribution distribution of the event
function odds.distribution(markets) end

return odds
