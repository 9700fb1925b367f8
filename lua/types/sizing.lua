---@meta sizing

---What trades cost. Nothing at all where a function gets none.
---@class sizing.Fees
---@field type? "quadratic"|"quadratic_with_maker_fees"|"quadratic_with_combo_maker_fees"|"flat" fee_type of the series ("quadratic")
---@field multiplier? number what the usual fee is multiplied by: fee_multiplier of the series (1)
---@field role? "taker"|"maker" whether the order takes from the book or rests in it ("taker")
---@field precision? number dollars that balances are rounded to, 0.01 for most accounts: a fill costs up to that more; absent: not counted

---What to decide. Either `price` or `levels`.
---@class sizing.ContractsOptions
---@field probability number that the contract pays, 0 to 1
---@field price? number dollars of a contract, of any number of them
---@field levels? number[][] of the book, {price, count} each in dollars and contracts, the cheapest first: book:asks(n), or NO prices for NO
---@field bankroll number dollars that may be lost: the balance
---@field fraction? number of Kelly's position, above 0 to 1 (1)
---@field fees? sizing.Fees of the series
---@field position? number contracts held of this side; negative: of the other (0)
---@field max_count? number contracts at most
---@field max_cost? number dollars at most, fees included
---@field min_count? number contracts; less is none
---@field min_edge? number dollars a contract that each level must bring after fees (0)
---@field step? number contracts that the count is a multiple of, down to 0.01 (1)

---What to buy.
---@class sizing.Contracts
---@field count number contracts; 0: nothing
---@field cost number dollars, fees included
---@field fee number dollars of it
---@field ideal number contracts before rounding and caps
---@field limited_by "kelly"|"edge"|"book"|"max_count"|"max_cost"|"bankroll"|"no edge"|"position"|"step"|"min_count"|"fees" what ended it
---@field limit_price? number dollars of the worst level that is bought
---@field average_price? number dollars of a contract, without fees
---@field share number of the bankroll that it costs, 0 to 1
---@field edge? number expected profit of a contract after fees, dollars
---@field expected_value number expected profit after fees, dollars
---@field growth number expected natural logarithm of the growth of the bankroll

---An outcome of several of which at most one comes.
---@class sizing.Outcome
---@field probability number that it comes, 0 to 1
---@field price number dollars of a contract on it
---@field position? number contracts held of it; negative: of NO (0)
---@field max_count? number contracts to buy at most
---@field name? string for the reader

---What to decide.
---@class sizing.ExclusiveOptions
---@field outcomes sizing.Outcome[] all that may be bought; their probabilities add up to 1 at most
---@field bankroll number dollars that may be lost: the balance
---@field fraction? number of Kelly's positions, above 0 to 1 (1)
---@field fees? sizing.Fees of the series
---@field step? number contracts that counts are multiples of (1)
---@field max_cost? number dollars of all purchases at most, fees included

---What to buy of each outcome, in their order.
---@class sizing.Exclusive
---@field outcomes {count: number, cost: number, fee: number, ideal: number, share: number, edge: number}[] as in sizing.Contracts
---@field cost number dollars of all, fees included
---@field fee number dollars of it
---@field reserve number share of the bankroll that full Kelly keeps in cash
---@field expected_value number expected profit after fees, dollars
---@field growth number expected natural logarithm of the growth of the bankroll

---What a contract that pays one dollar or nothing is worth buying for, and how many of it. Prices and fees are dollars of a
---contract, probabilities from 0 to 1, counts contracts. Buying NO is buying a contract of the probability 1 - p at the NO
---price. A wrong argument raises "validation". The formulas are in docs/sizing.md.
---```lua
---sizing = require "sizing"
---sizing.contracts{ probability = 0.6, price = 0.5, bankroll = 1000, fraction = 0.25, fees = { type = "quadratic" } }
---```
---@class sizing
local sizing = {}

---The fees of an event's markets.
---```lua
---sizing.fees(kalshi.get_series("KXNBAGAME").series)
---```
---@param series {fee_type: string, fee_multiplier: number?} of kalshi.get_series: how its fees are counted, and what they are multiplied by
---@param event? {fee_type_override: string?, fee_multiplier_override: number?} of kalshi.get_event: how its fees are counted, and what they are multiplied by, where that is not as in the series
---@param role? "taker"|"maker" of the orders ("taker")
---@return sizing.Fees fees for the other functions
function sizing.fees(series, event, role) end

---The fee of one fill: for takers 0.07 times multiplier, count, price and 1 - price, rounded up to a ten-thousandth of a
---dollar. In series with maker fees a maker pays a quarter of it, a half for combos.
---```lua
---sizing.fee(0.52, 1, { type = "quadratic" })
---```
---@param price number dollars, YES or NO
---@param count number contracts
---@param fees? sizing.Fees of the series
---@return number fee dollars
function sizing.fee(price, count, fees) end

---What contracts cost with their fee.
---```lua
---sizing.cost(0.5, 100, { type = "quadratic" })
---```
---@param price number dollars
---@param count number contracts
---@param fees? sizing.Fees of the series
---@return number cost dollars
function sizing.cost(price, count, fees) end

---The probability from which on buying pays: the price with its fee.
---```lua
---sizing.break_even(0.5, { type = "quadratic" })
---```
---@param price number dollars
---@param fees? sizing.Fees of the series
---@param count? number contracts: with the fee of so many, rounded up
---@return number probability 0 to 1; above 1: never
function sizing.break_even(price, fees, count) end

---The expected profit of a contract after its fee: p - price - fee.
---```lua
---sizing.edge(0.6, 0.5, { type = "quadratic" })
---```
---@param p number probability that it pays
---@param price number dollars
---@param fees? sizing.Fees of the series
---@return number edge dollars, which is also points of probability
function sizing.edge(p, price, fees) end

---The expected profit of so many contracts after fees, rounded up as they are.
---```lua
---sizing.expected_value(0.6, 0.5, 100, { type = "quadratic" })
---```
---@param p number probability that they pay
---@param price number dollars
---@param count number contracts
---@param fees? sizing.Fees of the series
---@return number profit dollars
function sizing.expected_value(p, price, count, fees) end

---The highest price that still has this edge after fees.
---```lua
---sizing.max_price(0.6, { type = "quadratic" }, 0.05)
---```
---@param p number probability that the contract pays
---@param fees? sizing.Fees of the series
---@param edge? number dollars a contract (0)
---@return number? price dollars, not rounded; nil: there is none
function sizing.max_price(p, fees, edge) end

---The share of the bankroll to spend, fees included: (p - c) / (1 - c), c being the price with its fee. 0 without an edge.
---Kelly (1956).
---```lua
---sizing.kelly(0.6, 0.5)
---sizing.kelly(0.6, 0.5, { type = "quadratic" }, 0.25)
---```
---@param p number probability that the contract pays
---@param price number dollars
---@param fees? sizing.Fees of the series
---@param fraction? number of it, above 0 to 1 (1)
---@return number share of the bankroll, 0 to 1
function sizing.kelly(p, price, fees, fraction) end

---The expected logarithm of what the bankroll grows by.
---```lua
---math.exp(sizing.growth(0.6, 0.5, 0.2)) - 1
---```
---@param p number probability that the contract pays
---@param price number dollars
---@param share number of the bankroll that is spent, fees included, 0 to 1
---@param fees? sizing.Fees of the series
---@return number growth natural logarithm; negative: it shrinks
function sizing.growth(p, price, share, fees) end

---How many contracts to buy: by Kelly, less what is held, at one price or from a book level by level, with exact fees,
---rounded down, within caps. With `fraction` the whole position is that part of Kelly's, so that asking again adds nothing.
---```lua
---r = sizing.contracts{ probability = 0.6, levels = { { 0.5, 20 }, { 0.52, 500 } }, bankroll = 1000, min_edge = 0.05 }
---print(r.count, r.limit_price, r.cost, r.limited_by)
---```
---@param options sizing.ContractsOptions what is thought, had and allowed
---@return sizing.Contracts decision to be bought as one order at `limit_price`
function sizing.contracts(options) end

---How many contracts to buy of outcomes that exclude each other, at once. Smoczynski and Tomkins (2010).
---```lua
---r = sizing.exclusive{
---  outcomes = { { probability = 0.5, price = 0.4 }, { probability = 0.3, price = 0.32 } }, bankroll = 1000,
---}
---print(r.outcomes[1].count, r.outcomes[2].count, r.reserve)
---```
---@param options sizing.ExclusiveOptions what is thought, had and allowed
---@return sizing.Exclusive decision for each outcome
function sizing.exclusive(options) end

return sizing
