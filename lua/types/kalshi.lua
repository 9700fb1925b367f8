---@meta kalshi

---@alias kalshi.Outcome "yes"|"no"

---@alias kalshi.Side "bid"|"ask"

---What a failing call raises; it prints as `kind: message`.
---```lua
---ok, err = pcall(kalshi.get_market, "NO-SUCH-MARKET")
---print(ok, err.kind, err.status, err.message)
---```
---@class kalshi.Error
---@field kind "http"|"network"|"timeout"|"auth"|"rate_limit"|"ws"|"validation"|"cancelled"|"closed"|"overflow"|"limit"|"permission"|"shadow"|"protocol"|"config"|"internal"|string what kind of failure; `:help errors` says what to do about each
---@field message string what, where, and what to do
---@field status? integer HTTP status, or the number of an error of the feed
---@field code? string the exchange's own code; for a write without an answer "not_done" or "outcome_unknown"
---@field operation? string name of the REST operation
---@field retryable? boolean the same call may succeed later, and repeating it is safe
---@field where? string the script's line, as "maker.lua:12"

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
---@return number contracts
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

---Lets go of the book. The feed keeps it as long as somebody else holds it. Loops over it end.
---```lua
---book = kalshi.book(ticker)
---book:close()
---```
function Book:close() end

---What `kalshi.subscribe` returns. It ends when nothing in the script refers to it any more.
---```lua
---trades = kalshi.subscribe{ channels = { "trade" }, market_tickers = { ticker } }
---trades:close()
---```
---@class kalshi.Subscription
local Subscription = {}

---Every message, in order: the fields of its payload flat, plus type, sid and seq. Raises "overflow" rather than lose one,
---when the loop is more than 10,000 messages or 4 MiB behind. One task reads at a time.
---```lua
---sub = kalshi.subscribe{ channels = { "ticker" }, market_tickers = { ticker }, send_initial_snapshot = true }
---for m in sub:messages() do
---  print(m.type, m.market_ticker, m.yes_bid_dollars, m.yes_ask_dollars)
---  break
---end
---sub:close()
---```
---@async
---@return fun(): table? next for `for`; prices in dollars, counts in contracts
function Subscription:messages() end

---Adds markets, and waits until the exchange has acknowledged them. Raises for those that it refuses; the subscription
---goes on with the others.
---```lua
---sub = kalshi.subscribe{ channels = { "trade" }, market_tickers = { ticker } }
---another = kalshi.get_markets{ status = "open", limit = 2 }.markets[2].ticker
---sub:add{ another }
---sub:close()
---```
---@async
---@param tickers string[] of the markets; for channels that are chosen by index, indices
function Subscription:add(tickers) end

---Takes markets out of the subscription.
---```lua
---another = kalshi.get_markets{ status = "open", limit = 2 }.markets[2].ticker
---sub = kalshi.subscribe{ channels = { "trade" }, market_tickers = { ticker, another } }
---sub:remove{ another }
---sub:close()
---```
---@async
---@param tickers string[] of the markets; for channels that are chosen by index, indices
function Subscription:remove(tickers) end

---What the exchange has, of a channel that is chosen by index.
---```lua
---sub = kalshi.subscribe{ channels = { "cfbenchmarks_value" }, index_ids = { "all" } }
---sub:available()
---sub:close()
---```
---@async
---@return string[] indices that can be asked for
function Subscription:available() end

---Ends the subscription; loops over it end.
---```lua
---sub = kalshi.subscribe{ channels = { "trade" } }
---sub:close()
---```
function Subscription:close() end

---A parameter of an operation, or a field of a body or an answer.
---@class kalshi.Field
---@field name? string absent for an answer, and for the inner array of an array of arrays
---@field in "path"|"query"|"body"|"answer" where it goes
---@field type "string"|"integer"|"number"|"boolean"|"array"|"object"|"any" of the Lua value
---@field item_type? string of an array, or of the values of a map
---@field unit? "dollars"|"contracts" of a fixed-point number
---@field text? string what it means; absent where its name has to do
---@field required boolean must be given; of an answer: is always there
---@field nullable? boolean may be null, which is absent in Lua
---@field deprecated? boolean the exchange wants to be rid of it
---@field map? boolean an object with any keys
---@field default? any what the exchange takes when it is left out
---@field min? number of a number; of an array: how many items
---@field max? number of a number; of an array: how many items
---@field min_length? integer characters
---@field max_length? integer characters
---@field pattern? string a regular expression
---@field format? "int32"|"int64"|"double"|"date-time"|"uuid" what narrows the type
---@field enum? string[] the values that it may have
---@field fields? kalshi.Field[] of an object, or of the objects in an array; absent for what is free-form

---A REST operation in a list of them.
---@class kalshi.OperationSummary
---@field name string of the function
---@field method "GET"|"POST"|"PUT"|"DELETE" of the request
---@field path string below /trade-api/v2
---@field tag string the exchange's group
---@field summary string what it does, in one sentence
---@field status "current"|"deprecated"|"removed"|"perps" what the exchange says of it
---@field legacy boolean under kalshi.legacy

---A REST operation with all that is known of it.
---@class kalshi.Operation: kalshi.OperationSummary
---@field id string the exchange's operationId
---@field auth boolean needs an API key
---@field bucket "read"|"write" of the rate limits
---@field cost integer tokens
---@field cost_per_item boolean the cost is of each order in a batch
---@field paged boolean `kalshi.each` walks through its pages
---@field rows? string the field of a page's rows
---@field cursor? string the field of the next page's cursor
---@field replaced_by? string today's operation for a superseded one
---@field has_body boolean parameters that are not in the path go into a body
---@field params kalshi.Field[] those of the path first, in its order
---@field answer? kalshi.Field absent when it has no content

---What `kalshi.each` takes beside the operation's own parameters.
---```lua
---for m in kalshi.each.get_markets{ status = "open", max = 5 } do print(m.ticker, m.yes_ask_dollars) end
---```
---@class kalshi.Walk
---@field limit? integer rows of a page; as many as the operation allows, up to 1000, when absent
---@field max? integer rows in all
---@field rows? string the other list where an answer has two: "event_positions" of positions, "milestones" of get_events
---@field history? boolean false: only live rows; otherwise get_trades, get_fills, get_orders, get_markets and get_positions go on in the history when the query reaches below its cutoff
---@field raw? boolean rows as the exchange sent them
---@field timeout? number seconds for each page

---A yes-or-no question that can be traded: a contract of YES pays a dollar when it comes true, one of NO when not. A
---price is what a contract costs, and so the chance that the market gives it.
---
---Times are texts in UTC. What is not known, or does not apply, is absent.
---```lua
---m = kalshi.get_market(ticker).market
---print(m.title, m.yes_sub_title, m.yes_bid_dollars, m.yes_ask_dollars, m.close_time)
---```
---@class kalshi.Market
---@field ticker string name of the market, by which everything else asks for it
---@field event_ticker string of the event that it belongs to
---@field market_type "binary"|"scalar" scalar: pays a value between 0 and 1 dollar
---@field title? string the question; the exchange means to drop it for the event's title
---@field subtitle? string going away, like title
---@field yes_sub_title string what YES stands for
---@field no_sub_title string what NO stands for
---@field status "initialized"|"inactive"|"active"|"closed"|"determined"|"disputed"|"amended"|"finalized" active: it trades; finalized: it has paid. A query says "open" for active, "paused" for inactive and "settled" for finalized
---@field result "yes"|"no"|"scalar"|"" how it came out; "" while that is open
---@field created_time string when the exchange made it
---@field updated_time string when its description last changed
---@field open_time string trading begins
---@field close_time string trading ends
---@field expected_expiration_time? string when the outcome should be known
---@field latest_expiration_time string when it is settled at the latest
---@field expiration_time? string going away
---@field occurrence_datetime? string when what it asks about happens
---@field settlement_timer_seconds integer seconds from the outcome to the payment
---@field settlement_ts? string when it was settled
---@field settlement_value_dollars? number what a contract of YES paid, dollars
---@field settlement_bounds_type? "default"|"floor" announced, not in use yet
---@field settlement_floor_dollars? number dollars; announced, not in use yet
---@field expiration_value string the value that decided it, a temperature for example
---@field yes_bid_dollars number best bid for YES, dollars; 0 where there is none
---@field yes_bid_size_fp number contracts bid there
---@field yes_ask_dollars number best offer of YES, dollars; 1 where there is none
---@field yes_ask_size_fp number contracts offered there
---@field no_bid_dollars number best bid for NO: 1 less the offer of YES
---@field no_ask_dollars number best offer of NO: 1 less the bid for YES
---@field last_price_dollars number of the last trade in YES, dollars
---@field previous_yes_bid_dollars number yes_bid_dollars a day ago
---@field previous_yes_ask_dollars number yes_ask_dollars a day ago
---@field previous_price_dollars number last_price_dollars a day ago
---@field volume_fp number contracts traded so far
---@field volume_24h_fp number contracts traded in the last 24 hours
---@field open_interest_fp number contracts that somebody holds
---@field liquidity_dollars? number going away
---@field notional_value_dollars number what a contract that wins pays: 1 dollar
---@field price_level_structure string name of the grid that prices lie on
---@field price_ranges table[] the grid: { start, ["end"], step } in dollars for each range of prices
---@field can_close_early boolean trading may end before close_time
---@field early_close_condition? string when that happens
---@field rules_primary string the rules, in words
---@field rules_secondary string what else the rules say
---@field strike_type? "greater"|"greater_or_equal"|"less"|"less_or_equal"|"between"|"functional"|"custom"|"structured" how the value is compared with the strikes
---@field floor_strike? number the value must be above it
---@field cap_strike? number the value must be below it
---@field functional_strike? string how the value is made
---@field custom_strike? table what the strike is where it is no number
---@field primary_participant_key? string the target that it is about
---@field mve_collection_ticker? string of a combo: the collection that it was made from
---@field mve_selected_legs? table[] of a combo: { event_ticker, market_ticker, side } of each leg
---@field fee_waiver_expiration_time? string trading costs no fee until then
---@field is_provisional? boolean it goes away again if nobody trades it
---@field exchange_index? integer the shard that matches its orders

---What a group of markets is about: the highest temperature in a city on a day, with a market for each range.
---```lua
---e = kalshi.get_event(kalshi.get_market(ticker).market.event_ticker)
---print(e.event.title, #e.markets)
---```
---@class kalshi.Event
---@field event_ticker string name of the event
---@field series_ticker string of the series that it belongs to
---@field title string what it asks
---@field sub_title string which one of the series it is: the day, the game
---@field mutually_exclusive boolean at most one of its markets comes true
---@field collateral_return_type string whether money is given back when positions in its markets cover each other
---@field settlement_sources? table[] { name, url } of who decides the outcome
---@field category? string going away: see the series
---@field strike_date? string the day it is about
---@field strike_period? string the week, month or quarter it is about
---@field markets? kalshi.Market[] where with_nested_markets asked for them
---@field fee_type_override? string where its fees are not those of the series
---@field fee_multiplier_override? number where its fees are not those of the series
---@field product_metadata? table what else the exchange says
---@field available_on_brokers? boolean going away
---@field last_updated_ts? string when its description last changed
---@field exchange_index? integer the shard of its markets

---What comes again and again: "the highest temperature in New York", with an event every day.
---```lua
---s = kalshi.get_series("KXHIGHNY").series
---print(s.title, s.category, s.frequency, s.fee_type)
---```
---@class kalshi.Series
---@field ticker string name of the series
---@field title string what it is about
---@field category string "Climate and Weather", "Sports", "Economics" …
---@field categories string[] all of them where it has several
---@field tags? string[] words to find it by
---@field frequency string how often an event comes: "daily", "weekly" …
---@field fee_type "quadratic"|"quadratic_with_maker_fees"|"quadratic_with_combo_maker_fees"|"flat" how fees are counted
---@field fee_multiplier number what the usual fee is multiplied by
---@field settlement_sources? table[] { name, url } of who decides the outcome
---@field contract_url string where the terms are
---@field contract_terms_url string where the contract is
---@field additional_prohibitions? string[] who may not trade it
---@field product_metadata? table what else the exchange says
---@field volume_fp? number contracts traded so far, where include_volume asked for it
---@field last_updated_ts? string when its description last changed
---@field exchange_index? integer the shard of its markets

---A trade between any two people, as everybody sees it.
---```lua
---for t in kalshi.each.get_trades{ ticker = ticker, max = 3 } do print(t.created_time, t.count_fp, t.yes_price_dollars) end
---```
---@class kalshi.Trade
---@field trade_id string of the exchange
---@field ticker string of the market
---@field count_fp number contracts
---@field yes_price_dollars number of YES, dollars
---@field no_price_dollars number of NO, dollars
---@field taker_outcome_side kalshi.Outcome what the one who did not wait has bought
---@field taker_book_side kalshi.Side the taker bid or offered YES
---@field taker_side? kalshi.Outcome going away: taker_outcome_side
---@field created_time string when, in UTC
---@field is_block_trade boolean arranged away from the book

---A candle: what happened to a market's prices in a minute, an hour or a day.
---```lua
---now = kalua.now()
---for c in kalshi.candlesticks(ticker, { start_ts = now - 7200, end_ts = now, period_interval = 60 }) do
---  print(c.end_period_ts, c.price.close_dollars, c.volume_fp)
---end
---```
---@class kalshi.Candle
---@field end_period_ts integer seconds since 1970 at which it ends
---@field yes_bid table best bids of YES: open_dollars, high_dollars, low_dollars, close_dollars
---@field yes_ask table best offers of YES: the same fields
---@field price table trades of YES: the same fields and mean_dollars, previous_dollars, min_dollars, max_dollars; empty but for previous_dollars where there was no trade
---@field volume_fp number contracts traded in it
---@field open_interest_fp number contracts that somebody held at its end

---The exchange. Prices are in dollars (0.42), counts in contracts (2.5), times in seconds since 1970 unless a name ends in
---_ms or the value is a text. A call that waits lets everything else run on; one that fails raises a kalshi.Error.
---
---Every documented REST operation is a function under its operationId in snake case without V2: `:help get_markets`;
---`:help operations` lists them. Path parameters come first, then one table for the others.
---```lua
---page = kalshi.get_markets{ status = "open", limit = 3 }
---for _, m in ipairs(page.markets) do print(m.ticker, m.yes_bid_dollars, m.yes_ask_dollars) end
---```
---```lua
---for m in kalshi.each.get_markets{ series_ticker = "KXHIGHNY", max = 10 } do print(m.ticker) end
---```
---@class kalshi
---@field each table<string, fun(...): fun(): table?> any list operation row by row, all its pages, lazily: see kalshi.Walk
---@field legacy table<string, function> superseded operations
---@field env "sim"|"demo"|"prod" which exchange this is
local kalshi = {}

---Opens a market's live book and waits for its first snapshot. Raises "validation" for a market that does not exist.
---```lua
---book = kalshi.book(ticker)
---print(book:best_bid(), book:best_ask(), book:spread())
---```
---@async
---@param ticker string of the market
---@return kalshi.Book book one for all that hold it; close it when it is not needed any more
function kalshi.book(ticker) end

---Opens many books together; returns them by ticker once each has had its snapshot. When one is refused, none stays open.
---```lua
---tickers = {}
---for m in kalshi.each.get_markets{ status = "open", max = 3 } do tickers[#tickers + 1] = m.ticker end
---for name, book in pairs(kalshi.books(tickers)) do print(name, book:mid()) end
---```
---@async
---@param tickers string[] of the markets
---@return table<string, kalshi.Book> books by ticker
function kalshi.books(tickers) end

---What `kalshi.subscribe` takes. All channels of a subscription are chosen in the same way.
---@class kalshi.SubscribeOptions
---@field channels string[] names of the exchange's channels ("trade", "ticker", "fill", "user_orders" …), or "kalshi.status" for the feed's own events
---@field market_tickers? string[] absent: all markets, where the channel allows it
---@field market_ticker? string a list of one
---@field market_ids? string[] channel "ticker" only
---@field market_id? string a list of one
---@field index_ids? string[] of "cfbenchmarks_value" and "cfbenchmarks_value_5hz"; {"all"} for all
---@field underlying_tickers? string[] of "pyth_value"; {"all"} for all
---@field send_initial_snapshot? boolean channel "ticker": the state as it is comes first
---@field use_yes_price? boolean channel "orderbook_delta": false gives NO levels in NO prices
---@field user_filter? "self" channel "communications": own RFQs only
---@field shard_factor? integer channel "communications": 1 to 100, with shard_key
---@field shard_key? integer channel "communications": 0 to less than shard_factor
---@field raw? "text" messages are texts, as the exchange sent them, instead of tables

---Asks for a stream of messages; returns once the exchange has acknowledged it. Raises "validation" for an unknown channel
---or option, "ws" for what the exchange refuses.
---```lua
---trades = kalshi.subscribe{ channels = { "trade" }, market_tickers = { ticker } }
---reader = task.spawn(function()
---  for m in trades:messages() do print(m.market_ticker, m.count_fp, m.yes_price_dollars) end
---end)
---task.sleep(0.2)
---trades:close()
---```
---@async
---@param options kalshi.SubscribeOptions channels, and which markets or indices
---@return kalshi.Subscription subscription keep it: what nobody refers to ends
function kalshi.subscribe(options) end

---What the exchange says that it sends to this session: one row per channel and connection.
---```lua
---kalshi.subscriptions()
---```
---@async
---@return {channel: string, sid: integer, connection: integer}[] rows `sid` is the exchange's number of it on that connection
function kalshi.subscriptions() end

---Any REST call by method and path, for what has no function. `raw` and `timeout` (seconds) in `params` are ours, as in
---every other call.
---```lua
---kalshi.call("GET", "/exchange/status")
---kalshi.call("GET", "/markets", { limit = 2, status = "open" })
---```
---@async
---@param method "GET"|"POST"|"PUT"|"DELETE" of the request
---@param path string below /trade-api/v2
---@param params? table query of a GET or DELETE, body of the others
---@return table answer decoded
function kalshi.call(method, path, params) end

---The feed and the session.
---@class kalshi.Status
---@field connected boolean every connection that is needed is open
---@field connections integer open ones
---@field age? number seconds since a byte came
---@field delay number seconds from the exchange's time of the newest message until it was here
---@field late boolean that has been too long for a second and more
---@field reconnects integer connections that came back
---@field messages integer that came
---@field bytes integer that came
---@field gaps integer holes in sequence numbers
---@field malformed integer messages that could not be read
---@field snapshots integer of books
---@field books integer open ones
---@field stale_books integer of them that may be wrong
---@field audits integer comparisons of a live book with REST
---@field audit_differences integer books that were wrong and got a new snapshot
---@field audits_undecided integer comparisons without a verdict
---@field account? {stale: boolean, age: number?, resting: integer, fills: integer, positions: integer, reconciled: integer} nil until it is kept; `stale` while it is not known to be right, `age` the seconds since it was
---@field clock_offset? number the exchange's clock minus this machine's, in seconds; signatures allow for it
---@field clock_error? number how far off that may be, seconds
---@field calls integer REST calls
---@field errors integer of them that failed
---@field retries integer of them that were repeated
---@field rate_limited integer answers of 429
---@field lost integer writes of orders without an answer
---@field lost_done integer of them that turned out to have happened
---@field lost_not_done integer of them that turned out not to have happened
---@field lost_unknown integer of them that nobody could tell
---@field presigned integer order writes that found their signature made
---@field last_error? string what went wrong last

---How the feed and the session are: connections, delays, what was repaired, what failed.
---```lua
---s = kalshi.status()
---print(s.connected, s.delay, s.reconnects, s.gaps, s.last_error)
---```
---@return kalshi.Status status as it is now
function kalshi.status() end

---Tokens left of the rate limits, and what they come from. A call waits for its tokens; it is not refused.
---```lua
---b = kalshi.budget()
---print(b.tier, b.read, b.write, b.waiting)
---```
---@async
---@return {read: number, write: number, read_capacity: number, write_capacity: number, read_rate: number, write_rate: number, waiting: integer, shards: table<integer, number>, tier: string?} budget tokens; rates are tokens a second. `waiting` counts the calls that wait; `shards` has the write tokens of those shards (by exchange_index) whose bucket is not full; `tier` is nil without a key
function kalshi.budget() end

---Cancels every resting order of the account, everything that waits in any market.
---```lua
---kalshi.cancel_all()
---```
---@async
function kalshi.cancel_all() end

---Which candles `kalshi.candlesticks` gives.
---@class kalshi.CandleQuery
---@field start_ts number they end not before, seconds since 1970
---@field end_ts number they end not after, seconds since 1970
---@field period_interval 1|60|1440 minutes of a candle
---@field raw? boolean as the exchange sent them
---@field timeout? number seconds of each call (30)

---The candles of a market that end within a range, oldest first, lazily; the same for live markets and for those that have
---moved to the history. The prompt draws a list of them as a chart.
---```lua
---now = kalua.now()
---candles = {}
---for c in kalshi.candlesticks(ticker, { start_ts = now - 86400, end_ts = now, period_interval = 60 }) do
---  candles[#candles + 1] = c
---end
---candles
---```
---```lua
---now = kalua.now()
---for c in kalshi.candlesticks(ticker, { start_ts = now - 3600, end_ts = now, period_interval = 1 }) do
---  print(c.end_period_ts, c.price.close_dollars, c.volume_fp)
---end
---```
---@async
---@param ticker string of the market
---@param query kalshi.CandleQuery which ones
---@return fun(): kalshi.Candle? next for `for`
function kalshi.candlesticks(ticker, query) end

---An order of the account. What is not known, or does not apply, is absent.
---@class kalshi.OwnOrder
---@field order_id string of the exchange
---@field client_order_id? string of who placed it
---@field ticker string of the market
---@field side kalshi.Side on the YES leg
---@field outcome_side kalshi.Outcome what it buys: a bid YES, an ask NO
---@field price number of YES, dollars
---@field status "resting"|"filled"|"canceled"|"unknown" unknown: rests no longer, and how it ended is being looked up
---@field initial_count number contracts
---@field fill_count number contracts so far
---@field remaining_count number contracts that rest
---@field average_fill_price? number of YES, dollars
---@field fees? number dollars
---@field created_ts? number seconds since 1970
---@field updated_ts? number seconds since 1970
---@field expiration_ts? number seconds since 1970
---@field order_group_id? string of its group
---@field last_update_reason? string the exchange's word
---@field subaccount integer 0: the primary one
---@field exchange_index integer the shard that has it

---Which orders `kalshi.orders` gives.
---@class kalshi.OrderFilter
---@field ticker? string of one market
---@field status? "resting"|"filled"|"canceled"|"unknown"|"all" those ("resting")

---The account's orders from memory, newest first; resting ones unless `status` says otherwise. The first call of this or
---of fills, positions, balance waits until the account was read; from then on channels keep it and nothing waits.
---```lua
---kalshi.orders()
---kalshi.orders{ ticker = ticker, status = "all" }
---```
---@async
---@param filter? kalshi.OrderFilter which ones
---@return kalshi.OwnOrder[] orders copies
function kalshi.orders(filter) end

---A fill of an order of the account.
---@class kalshi.OwnFill
---@field trade_id string of the exchange
---@field order_id string of the order
---@field client_order_id? string of the order
---@field ticker string of the market
---@field side kalshi.Side of the order, on the YES leg
---@field outcome_side kalshi.Outcome what was bought
---@field price number of YES, dollars
---@field count number contracts
---@field fee number dollars
---@field is_taker boolean the order did not rest
---@field post_position? number the position after it, contracts of YES
---@field ts number seconds since 1970
---@field subaccount integer 0: the primary one
---@field exchange_index integer the shard where it happened

---Which fills `kalshi.fills` gives.
---@class kalshi.FillFilter
---@field ticker? string of one market
---@field order_id? string of one order
---@field limit? integer how many
---@field min_ts? number not before, seconds since 1970

---The account's newest fills from memory, newest first.
---```lua
---kalshi.fills{ limit = 10 }
---kalshi.fills{ ticker = ticker, min_ts = kalua.now() - 3600 }
---```
---@async
---@param filter? kalshi.FillFilter which ones
---@return kalshi.OwnFill[] fills copies
function kalshi.fills(filter) end

---What the account holds of a market.
---@class kalshi.OwnPosition
---@field ticker string of the market
---@field position number contracts of YES; negative: of NO
---@field exposure number what the open position cost, dollars
---@field realized_pnl number profit or loss of what was closed, dollars without fees
---@field fees_paid number dollars
---@field updated_ts? number seconds since 1970
---@field subaccount integer 0: the primary one

---Which positions `kalshi.positions` gives.
---@class kalshi.PositionFilter
---@field ticker? string of one market

---The account's positions in markets that are not settled, from memory; closed ones too, for what was realized.
---```lua
---for _, p in ipairs(kalshi.positions()) do print(p.ticker, p.position, p.exposure) end
---```
---@async
---@param filter? kalshi.PositionFilter which ones
---@return kalshi.OwnPosition[] positions copies, one for each market and subaccount
function kalshi.positions(filter) end

---Cash of the account, from memory; read again within a second or so of each change. Of the primary subaccount, or of the
---one that the key belongs to.
---```lua
---kalshi.balance()
---```
---@async
---@return number dollars of cash, without what positions are worth
function kalshi.balance() end

---Every REST operation, as a table.
---```lua
---for _, op in ipairs(kalshi.operations()) do
---  if op.tag == "market" then print(op.name, op.summary) end
---end
---```
---@return kalshi.OperationSummary[] operations today's and superseded ones
function kalshi.operations() end

---One REST operation with its parameters and its answer, as a table; `:help NAME` says the same in words. Raises
---"validation" for a name that is none.
---```lua
---op = kalshi.describe "get_markets"
---for _, p in ipairs(op.params) do print(p.name, p.type, p.unit or "", p.required) end
---```
---@param name string of the function; a superseded one by "legacy.NAME"
---@return kalshi.Operation operation what is known of it
function kalshi.describe(name) end

---One market.
---```lua
---m = kalshi.get_market(ticker).market
---print(m.title, m.yes_bid_dollars, m.yes_ask_dollars)
---```
---@async
---@param ticker string of the market
---@return {market: kalshi.Market} answer the market in a table
function kalshi.get_market(ticker) end

---A page of markets. `kalshi.each.get_markets` walks through all pages.
---```lua
---for _, m in ipairs(kalshi.get_markets{ status = "open", limit = 5 }.markets) do print(m.ticker, m.title) end
---```
---```lua
---best = nil
---for m in kalshi.each.get_markets{ status = "open" } do
---  width = m.yes_ask_dollars - m.yes_bid_dollars
---  if width > 0 and (not best or width < best.width) then best = { width = width, ticker = m.ticker } end
---end
---best
---```
---@async
---@param query? {status?: "unopened"|"open"|"paused"|"closed"|"settled", limit?: integer, cursor?: string, event_ticker?: string, series_ticker?: string, tickers?: string[], raw?: boolean, timeout?: number} which ones; rows of a page (100, at most 1000); `:help get_markets` lists all filters
---@return {markets: kalshi.Market[], cursor: string} page `cursor` leads to the next one; "" at the last
function kalshi.get_markets(query) end

---An order to place. To buy YES at 0.42: side "bid", price 0.42. To buy NO at 0.42: side "ask", price 0.58, since an
---offer of YES at 0.58 is a bid for NO at 0.42.
---@class kalshi.NewOrder
---@field ticker string of the market
---@field side kalshi.Side on the YES leg: to buy NO at q, give "ask" at 1 - q
---@field price number of YES in dollars, on the market's grid
---@field count number contracts, in steps of 0.01
---@field time_in_force "good_till_canceled"|"immediate_or_cancel"|"fill_or_kill" good_till_canceled rests, immediate_or_cancel takes what is there, fill_or_kill takes all or nothing
---@field self_trade_prevention_type "taker_at_cross"|"maker" which of two own orders that would trade with each other is canceled: the new one, or the one that rests
---@field client_order_id? string made up when absent
---@field post_only? boolean refused where it would trade at once
---@field reduce_only? boolean only makes a position smaller
---@field cancel_order_on_pause? boolean canceled when trading is paused
---@field expiration_time? integer seconds since 1970 at which it is canceled
---@field order_group_id? string of a group of orders that are limited together
---@field subaccount? integer 0: the primary one
---@field exchange_index? integer the shard; the exchange finds it when absent
---@field timeout? number seconds the call may take (30)

---Places an order: buys or sells. On the production exchange only with `--live`. When the answer is lost, what became
---of the order is looked up; it is never sent twice (`:help money`).
---
---Raises "validation" for a wrong field before anything is sent, "http" with the exchange's `code` when it refuses
---(insufficient_balance, invalid_price …), "timeout" or "network" with `code` "outcome_unknown" when nobody can tell.
---```lua
---order = kalshi.create_order{
---  ticker = ticker, side = "bid", price = 0.01, count = 1, post_only = true,
---  time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross",
---}
---kalshi.cancel_order(order.order_id)
---```
---@async
---@param order kalshi.NewOrder what to place
---@return {order_id: string, client_order_id?: string, fill_count: number, remaining_count: number, average_fill_price?: number, average_fee_paid?: number, ts_ms: integer, resolved?: boolean} answer contracts; dollars of YES and of fees for a contract; milliseconds since 1970. `resolved` is true when the answer was lost and this was looked up
function kalshi.create_order(order) end

---Gives an order another price or size. It keeps its place in the queue only when its size falls and its price stays.
---```lua
---order = kalshi.create_order{
---  ticker = ticker, side = "bid", price = 0.01, count = 2, post_only = true,
---  time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross",
---}
---kalshi.amend_order(order.order_id, { ticker = ticker, side = "bid", price = 0.02, count = 2 })
---kalshi.cancel_order(order.order_id)
---```
---@async
---@param order_id string of the exchange
---@param change {ticker: string, side: kalshi.Side, price: number, count: number} dollars of YES; `count` is the total: what is filled already plus what shall rest
---@return {order_id: string, client_order_id?: string, fill_count?: number, remaining_count?: number, average_fill_price?: number, average_fee_paid?: number, ts_ms: integer} answer contracts; dollars of YES and of fees for a contract; milliseconds since 1970. The optional ones where something changed or filled
function kalshi.amend_order(order_id, change) end

---Makes a resting order smaller; it keeps its place in the queue.
---```lua
---order = kalshi.create_order{
---  ticker = ticker, side = "bid", price = 0.01, count = 5, post_only = true,
---  time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross",
---}
---kalshi.decrease_order(order.order_id, { reduce_to = 2 })
---kalshi.cancel_order(order.order_id)
---```
---@async
---@param order_id string of the exchange
---@param change {reduce_by?: number, reduce_to?: number} contracts: one of the two
---@return {order_id: string, client_order_id?: string, remaining_count: number, ts_ms: integer} answer contracts that rest; milliseconds since 1970
function kalshi.decrease_order(order_id, change) end

---Cancels an order. A cancel reaches only the shard that it names; orders that are known here get theirs by themselves, for
---others give `market_ticker`. Raises "http" with status 404 when it does not rest any more.
---```lua
---order = kalshi.create_order{
---  ticker = ticker, side = "bid", price = 0.01, count = 1, post_only = true,
---  time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross",
---}
---kalshi.cancel_order(order.order_id).reduced_by
---```
---@async
---@param order_id string of the exchange
---@param query? {market_ticker?: string, subaccount?: integer, exchange_index?: integer} where the order is, when it was not placed here
---@return {order_id: string, reduced_by: number, ts_ms: integer} answer contracts that were canceled; milliseconds since 1970
function kalshi.cancel_order(order_id, query) end

return kalshi
