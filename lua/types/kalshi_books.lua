---@meta _
-- Order books. Part of kalshi.lua.

---@class kalshi
local kalshi = {}

---A live order book: one per market, shared by all that hold it. From the side of YES unless "no" is given. A method of a
---closed book raises "closed", a wrong argument "validation".
---```lua
---book = kalshi.book(ticker)
---book
---book.seq, book.age, book.stale
---```
---@class kalshi.Book
---@field ticker string of its market
---@field seq integer of the last message applied
---@field ts? number exchange's time of the last change, seconds since 1970; nil while there was none since the snapshot
---@field stale boolean may be wrong: a gap or a lost connection is being repaired
---@field age number seconds since the last change, by when it came or when the exchange made it, whichever is longer
local Book = {}

---The highest price that somebody bids, and how much is bid there.
---```lua
---book = kalshi.book(ticker)
---price, count = book:best_bid()
---price_of_no = book:best_bid "no"
---```
---@param side? kalshi.Outcome of which the bids are asked for ("yes")
---@return number? price dollars; nil when the side is empty
---@return number? count contracts
function Book:best_bid(side) end

---The lowest price at which somebody sells, and how much is offered there.
---```lua
---book = kalshi.book(ticker)
---price, count = book:best_ask()
---```
---@param side? kalshi.Outcome of which the offers are asked for ("yes")
---@return number? price dollars; nil when nothing is offered
---@return number? count contracts
function Book:best_ask(side) end

---The best offer less the best bid: small in a tight market.
---```lua
---kalshi.book(ticker):spread()
---```
---@param side? kalshi.Outcome ("yes"); both have the same spread
---@return number? dollars nil when one of the two is missing
function Book:spread(side) end

---Halfway between the best bid and the best offer.
---```lua
---kalshi.book(ticker):mid()
---```
---@param side? kalshi.Outcome whose mid it is ("yes")
---@return number? dollars may lie between two prices of the grid; nil when a side is empty
function Book:mid(side) end

---The mid, weighted by the sizes of the other side: nearer to the offer where more is bid.
---```lua
---book = kalshi.book(ticker)
---print(book:mid(), book:microprice())
---```
---@param side? kalshi.Outcome whose price it is ("yes")
---@return number? dollars nil when a side is empty
function Book:microprice(side) end

---(bids - asks) / (bids + asks) over so many best levels: 1 when only bids are there, -1 when only offers.
---```lua
---kalshi.book(ticker):imbalance(3)
---```
---@param levels? integer how many of each side (1)
---@param side? kalshi.Outcome whose bids and offers ("yes")
---@return number share -1 to 1; 0 for an empty book
function Book:imbalance(levels, side) end

---The bids, best first.
---```lua
---for i, level in ipairs(kalshi.book(ticker):bids(3)) do print(level[1], level[2]) end
---```
---@param n? integer how many; all without it
---@param side? kalshi.Outcome whose bids ("yes")
---@return number[][] levels { {price, count}, … } in dollars and contracts
function Book:bids(n, side) end

---The offers, best first.
---```lua
---kalshi.book(ticker):asks(5)
---```
---@param n? integer how many; all without it
---@param side? kalshi.Outcome whose offers ("yes")
---@return number[][] levels { {price, count}, … } in dollars and contracts
function Book:asks(n, side) end

---How much is bid at exactly this price.
---```lua
---book = kalshi.book(ticker)
---book:count_at(book:best_bid() or 0.5)
---```
---@param price number dollars, on the grid of 0.0001
---@param side? kalshi.Outcome whose bids ("yes")
---@return number contracts 0 where nothing is bid
function Book:count_at(price, side) end

---How much is bid no further than this from the best bid.
---```lua
---kalshi.book(ticker):depth(0.05)
---```
---@param within number dollars, 0 to 1
---@param side? kalshi.Outcome whose bids ("yes")
---@return number contracts that are bid there
function Book:depth(within, side) end

---How many levels of bids there are.
---```lua
---book = kalshi.book(ticker)
---book:levels(), book:levels "no"
---```
---@param side? kalshi.Outcome whose bids ("yes")
---@return integer levels prices at which something is bid
function Book:levels(side) end

---What an order of this size would get if it took what is there now, and so how far it would move the price. Nothing is
---sent.
---```lua
---book = kalshi.book(ticker)
---average, filled, worst = book:sweep("buy", 500)
---print(average, filled, worst, average and average - book:mid())
---```
---@param action "buy"|"sell" what the order would do
---@param count number contracts
---@param side? kalshi.Outcome what would be bought or sold ("yes")
---@return number? average dollars a contract; nil when nothing would fill
---@return number filled contracts, fewer than asked for where the book is too thin
---@return number? worst price of the last level taken, dollars
function Book:sweep(action, count, side) end

---Waits for a change since the last look. Wakes once for any number of changes.
---```lua
---book = kalshi.book(ticker)
---book:wait(2)
---```
---@async
---@param timeout? number seconds, 0 to a million; without it as long as it takes
---@return boolean changed false when the time ran out
function Book:wait(timeout) end

---The book at each turn of the loop, as it is then: never behind, however slow the loop. The first turn comes at once; the
---loop ends when the book is closed.
---```lua
---for book in kalshi.book(ticker):changes() do
---  print(book:best_bid(), book:best_ask())
---  break
---end
---```
---@async
---@return fun(): kalshi.Book? next for `for`
function Book:changes() end

---One change of a book.
---@class kalshi.Delta
---@field price number dollars, in own terms of `side`
---@field delta number contracts, negative when taken away
---@field side kalshi.Outcome whose bids changed
---@field seq integer number of the message that brought it
---@field ts? number seconds since 1970; nil where the message had no time
---@field bid? number best bid of YES right after it, dollars; nil where nothing is bid
---@field ask? number best offer of YES right after it, dollars; nil where nothing is offered

---Every change, in order. One table for the whole loop, to be read only and until the next turn: a turn allocates
---nothing. Raises "overflow" rather than lose one in silence, when the loop is more than 4,096 changes behind.
---```lua
---seen = 0
---for d in kalshi.book(ticker):deltas() do
---  print(d.side, d.price, d.delta)
---  seen = seen + 1
---  if seen == 2 then break end
---end
---```
---@async
---@return fun(): kalshi.Delta? next for `for`
function Book:deltas() end

---Calls `fn` for every change, in order, in a task of its own; the arguments are those of kalshi.Delta. The fastest way to
---see all. `fn` may wait. The task ends when the book is closed, by `cancel`, by an error in `fn`, or by "overflow".
---```lua
---book = kalshi.book(ticker)
---watcher = book:on_delta(function(price, delta, side) print(side, price, delta) end)
---task.sleep(0.2)
---watcher:cancel()
---```
---@param fn fun(price: number, delta: number, side: kalshi.Outcome, bid?: number, ask?: number, seq: integer, ts?: number) dollars, contracts, seconds as in kalshi.Delta
---@return task.Task task that calls it
function Book:on_delta(fn) end

---Lets go of the book, raises nothing when that was done already. The feed keeps it as long as somebody else holds it. Loops
---over it end.
---```lua
---book = kalshi.book(ticker)
---book:close()
---```
function Book:close() end

---Opens a market's live book and waits for its first snapshot. Raises "validation" for a market that does not exist, "auth"
---without a key, "network" or "timeout" where the exchange cannot be reached.
---```lua
---book = kalshi.book(ticker)
---print(book:best_bid(), book:best_ask(), book:spread())
---```
---@async
---@param ticker string of the market
---@return kalshi.Book book one for all that hold it; close it when it is not needed any more
function kalshi.book(ticker) end

---Opens many books together; returns them by ticker once each has had its snapshot. When one is refused, none stays open.
---Raises what `kalshi.book` does: "validation", "auth", "network" or "timeout".
---```lua
---tickers = {}
---for m in kalshi.each.get_markets{ status = "open", max = 3 } do tickers[#tickers + 1] = m.ticker end
---for name, book in pairs(kalshi.books(tickers)) do print(name, book:mid()) end
---```
---@async
---@param tickers string[] of the markets
---@return table<string, kalshi.Book> books by ticker
function kalshi.books(tickers) end
