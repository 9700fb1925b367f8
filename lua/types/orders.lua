---@meta orders

---What every function of `orders` takes beside its own options, for the orders that it places.
---@class orders.Common
---@field ticker string of the market
---@field side kalshi.Outcome|kalshi.Side "yes" or "no" with an action, "bid" or "ask" for YES without one; prices are in its terms
---@field action? "buy"|"sell" with side "yes" or "no" ("buy")
---@field subaccount? integer as for kalshi.order
---@field order_group_id? string as for kalshi.order
---@field self_trade_prevention_type? "taker_at_cross"|"maker" as for kalshi.order
---@field cancel_order_on_pause? boolean as for kalshi.order
---@field sync? boolean as for kalshi.order

---What has come of several orders.
---@class orders.Result
---@field filled number contracts
---@field average_price? number dollars a contract, in the terms of the side; nil where nothing filled
---@field cost number dollars: paid by who buys, received by who sells
---@field fees number dollars
---@field left number contracts of the count that did not fill
---@field unknown? number contracts of an order that nobody could tell the outcome of in time; it is the last of `orders`
---@field orders kalshi.Order[] in the order in which they were placed

---What `orders.take` is given.
---@class orders.Take: orders.Common
---@field count number contracts
---@field limit number the worst price, dollars
---@field timeout? number seconds to wait for more to be offered (0: what is there now)
---@field levels? integer no deeper into the book than so many prices
---@field reduce_only? boolean fills no more than takes the position to 0

---A ladder that was placed. Its numbers are of the moment at which they are read. With `<close>` what rests is canceled at
---the end of the block.
---@class orders.Ladder
---@field orders kalshi.Order[] in the order of the rungs
---@field filled number contracts
---@field remaining number contracts that rest
---@field average_price? number dollars a contract of what has filled
---@field cost number dollars of that
---@field fees number dollars
local Ladder = {}

---Cancels what rests of it. Raises what `order:cancel` does: "network", "timeout" or "http".
---```lua
---orders.ladder{ ticker = ticker, side = "yes", from = 0.03, to = 0.01, levels = 3, count = 6 }:cancel()
---```
---@async
function Ladder:cancel() end

---Moves every order that rests, all at the same time. Each loses its place in the queue. Raises what `order:amend` does:
---"risk", "http", "network" or "timeout".
---```lua
---ladder = orders.ladder{ ticker = ticker, side = "yes", from = 0.03, to = 0.01, levels = 3, count = 6 }
---ladder:move(0.01)
---ladder:cancel()
---```
---@async
---@param by number dollars, in the terms of the side; negative: down
function Ladder:move(by) end

---What `orders.ladder` is given.
---@class orders.LadderOptions: orders.Common
---@field from number price of the first order, dollars
---@field to number price of the last one, dollars; what is not on the market's grid is moved to where it costs less
---@field levels? integer how many, evenly spread; either this or step
---@field step? number dollars between two
---@field count number contracts of all together
---@field weights? number[] how they are shared out, one for each level (evenly)
---@field post_only? boolean as for kalshi.order
---@field expires_in? number seconds from now on, as for kalshi.order
---@field lease? number seconds, as for kalshi.order
---@field keep? boolean they go on resting at the end of the block and of the script (false)

---Two orders of which as much as one fills is taken off the other. With `<close>` both are canceled at the end of the block.
---@class orders.Oco
---@field a kalshi.Order the first
---@field b kalshi.Order the second
---@field error? kalshi.Error what went wrong last and is being tried again
local Oco = {}

---Waits until both have ended.
---```lua
---a = kalshi.order{ ticker = ticker, side = "yes", price = 0.01, count = 5 }
---b = kalshi.order{ ticker = ticker, side = "yes", price = 0.02, count = 5 }
---pair = orders.oco(a, b)
---print(pair:wait(0.1))
---pair:cancel()
---```
---@async
---@param timeout? number seconds; without it as long as it takes
---@return boolean ended false when the time ran out
function Oco:wait(timeout) end

---Cancels both. Raises what `order:cancel` does: "network", "timeout" or "http".
---```lua
---a = kalshi.order{ ticker = ticker, side = "yes", price = 0.01, count = 5 }
---b = kalshi.order{ ticker = ticker, side = "yes", price = 0.02, count = 5 }
---orders.oco(a, b):cancel()
---```
---@async
function Oco:cancel() end

---What `orders.bracket` is given.
---@class orders.BracketOptions: orders.Common
---@field count number contracts
---@field entry number price of the entry in dollars, which rests until it fills
---@field take_profit? number price, in dollars, of the order that takes the profit, which rests; this or stop_loss or both
---@field stop_loss? number price in dollars: when the best price that would close it is there or worse, it is closed; watched in the script
---@field stop_limit? number the worst price, in dollars, at which the stop closes (any)
---@field post_only? boolean of the entry
---@field expires_in? number seconds from now on, of the entry
---@field resume? table<string, any> the `state` of an earlier one, which goes on; then nothing else is given

---An entry with what closes it. With `<close>` what rests is canceled at the end of the block; the position stays.
---@class orders.Bracket
---@field entry kalshi.Order the order that opens
---@field profits kalshi.Order[] those that take the profit; the last one rests
---@field exits kalshi.Order[] those of the stop
---@field state table<string, any> plain data for `resume`; it stays current, so that kalua.state may hold it
---@field error? kalshi.Error what went wrong last and is being tried again
local Bracket = {}

---How far it is.
---```lua
---b = orders.bracket{ ticker = ticker, side = "yes", count = 5, entry = 0.02, take_profit = 0.5, stop_loss = 0.01 }
---b:status()
---b:cancel()
---```
---@return "entering"|"open"|"closing"|"done" status open: something was opened and not closed
function Bracket:status() end

---Contracts that were opened.
---```lua
---b = orders.bracket{ ticker = ticker, side = "yes", count = 5, entry = 0.02, take_profit = 0.5 }
---print(b:opened(), b:closed(), b:open(), b:profit())
---b:cancel()
---```
---@return number contracts that the entry has filled
function Bracket:opened() end

---Contracts that were closed again.
---```lua
---b = orders.bracket{ ticker = ticker, side = "yes", count = 5, entry = 0.02, take_profit = 0.5 }
---b:closed()
---b:cancel()
---```
---@return number contracts by profit and stop together
function Bracket:closed() end

---Contracts that are open.
---```lua
---b = orders.bracket{ ticker = ticker, side = "yes", count = 5, entry = 0.02, take_profit = 0.5 }
---b:open()
---b:cancel()
---```
---@return number contracts opened less closed
function Bracket:open() end

---What it has brought so far.
---```lua
---b = orders.bracket{ ticker = ticker, side = "yes", count = 5, entry = 0.02, take_profit = 0.5 }
---b:profit()
---b:cancel()
---```
---@return number dollars of what is closed, fees taken off
function Bracket:profit() end

---Waits until nothing of it rests and nothing is open.
---```lua
---b = orders.bracket{ ticker = ticker, side = "yes", count = 5, entry = 0.02, take_profit = 0.5 }
---print(b:wait(0.1))
---b:cancel()
---```
---@async
---@param timeout? number seconds; without it as long as it takes
---@return boolean done false when the time ran out
function Bracket:wait(timeout) end

---Closes what is open now, as if the stop were hit.
---```lua
---b = orders.bracket{ ticker = ticker, side = "yes", count = 5, entry = 0.02, take_profit = 0.5 }
---b:exit()
---b:wait(5)
---```
function Bracket:exit() end

---Takes back what rests and watches no more. What is open stays open. Raises what `order:cancel` does: "network", "timeout"
---or "http".
---```lua
---b = orders.bracket{ ticker = ticker, side = "yes", count = 5, entry = 0.02, take_profit = 0.5 }
---b:cancel()
---```
---@async
function Bracket:cancel() end

---What `orders.twap` is given.
---@class orders.TwapOptions: orders.Common
---@field count number contracts
---@field duration number seconds for all of it
---@field slices integer parts; what a part did not fill goes to the next
---@field limit number the worst price, dollars
---@field passive? boolean rests at the best price of its own side and follows it, in place of taking (false)
---@field finish? boolean with passive: takes at the end what is left, within the limit (false)
---@field reduce_only? boolean of what it takes

---What `orders.requote` is given beside the order.
---@class orders.RequoteOptions
---@field price number dollars that are wanted, in the terms of the side
---@field count number contracts that are to rest
---@field tolerance? number the order stays where it is within so many dollars of the price (0)
---@field least? number at a price that stays it is made larger only when less than so many contracts rest (0)
---@field keep_if? fun(order: kalshi.Order, price: number, count: number): boolean asked before it is moved; true: it stays
---@field ticker? string of a new order; likewise all that follows
---@field side? kalshi.Outcome|kalshi.Side as for kalshi.order
---@field action? "buy"|"sell" as for kalshi.order
---@field post_only? boolean as for kalshi.order
---@field reduce_only? boolean as for kalshi.order
---@field time_in_force? string as for kalshi.order
---@field expires_in? number seconds from now on, as for kalshi.order
---@field lease? number seconds, as for kalshi.order
---@field subaccount? integer as for kalshi.order
---@field order_group_id? string as for kalshi.order
---@field self_trade_prevention_type? "taker_at_cross"|"maker" as for kalshi.order
---@field cancel_order_on_pause? boolean as for kalshi.order
---@field sync? boolean as for kalshi.order

---What one does with several orders, or with one over a while, in Lua above kalshi.order. When a block is left by an error,
---a task is cancelled or the script ends, what such a function has placed is canceled; a reload leaves it alone. A wrong
---argument raises "validation".
---```lua
---bought = orders.take{ ticker = ticker, side = "yes", count = 3, limit = 0.99 }
---print(bought.filled, bought.average_price)
---```
---@class orders
local orders = {}

---Takes what the book offers, at the price that the count needs and never a worse one than the limit, and again as more is
---offered while there is time. Nothing of it ever rests. An error that comes after a part has filled has that as `result`.
---Raises what `kalshi.order` does: "risk", "auth", "http", "network" or "timeout".
---```lua
---orders.take{ ticker = ticker, side = "yes", count = 10, limit = 0.99, timeout = 1 }
---```
---@async
---@param options orders.Take what to take
---@return orders.Result result what was filled
function orders.take(options) end

---Places several resting orders at prices from one to another; all of them, or when one is refused none. Raises what
---`kalshi.order` does: "risk", "auth", "http", "network" or "timeout".
---```lua
---ladder = orders.ladder{ ticker = ticker, side = "yes", from = 0.05, to = 0.01, step = 0.01, count = 15, weights = { 1, 2, 3, 4, 5 } }
---print(ladder.remaining, #ladder.orders)
---ladder:cancel()
---```
---@async
---@param options orders.LadderOptions which
---@return orders.Ladder ladder its orders and what can be done with all of them
function orders.ladder(options) end

---Ties two orders together: as many contracts as one fills are taken off the other. What is decided here is decided after
---the fill was told: two orders that fill at the same moment both have filled.
---```lua
---a = kalshi.order{ ticker = ticker, side = "yes", price = 0.01, count = 5 }
---b = kalshi.order{ ticker = ticker, side = "yes", price = 0.02, count = 5 }
---orders.oco(a, b):cancel()
---```
---@param a kalshi.Order one
---@param b kalshi.Order the other
---@return orders.Oco pair both
function orders.oco(a, b) end

---An entry, and for what it opens, as it opens, an order that takes the profit and a stop. The exchange has no stop orders:
---the stop is this script, which must run for it. When the script ends, entry and profit order are canceled and what is open
---stays open without a stop; after a reload or a restart `resume` goes on with it. Raises what `kalshi.book` does, before
---anything is placed, and what `kalshi.order` does for the entry: "risk", "auth", "http", "network" or "timeout"; what goes
---wrong later is tried again and stands in `error`.
---```lua
---b = orders.bracket{ ticker = ticker, side = "yes", count = 5, entry = 0.02, take_profit = 0.5, stop_loss = 0.01 }
---kalua.state.bracket = b.state
---b:cancel()
---```
---@async
---@param options orders.BracketOptions which
---@return orders.Bracket bracket its orders and how far it is
function orders.bracket(options) end

---Trades a count over a time, in equal parts, and returns at its end. An error has what has filled until then as `result`.
---Raises what `kalshi.order` does: "risk", "auth", "http", "network" or "timeout".
---```lua
---orders.twap{ ticker = ticker, side = "yes", count = 4, duration = 0.4, slices = 2, limit = 0.99 }.filled
---```
---@async
---@param options orders.TwapOptions what, and over how long
---@return orders.Result result what was filled
function orders.twap(options) end

---One quote that follows a price: the order stays while it is near enough, is made smaller in its place, and is amended only
---when it must move. Where there is none, or it has ended, a new one is placed, which takes over `post_only`,
---`time_in_force`, `subaccount` and `order_group_id` of the old one where they are left out. `ticker` and `side` may be left
---out where there is one, and must be its own where they are given. Raises what `kalshi.order` and `order:amend` do:
---"risk", "auth", "http", "network" or "timeout".
---```lua
---quote = orders.requote(nil, { ticker = ticker, side = "bid", price = 0.02, count = 5, post_only = true })
---quote = orders.requote(quote, { price = 0.021, count = 3, tolerance = 0.001 })
---quote.price, quote.remaining
---quote:cancel()
---```
---@async
---@param order kalshi.Order? the quote so far
---@param options orders.RequoteOptions what it is to be
---@return kalshi.Order order the quote; the same object unless a new order was placed
function orders.requote(order, options) end
