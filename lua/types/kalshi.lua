---@meta kalshi
-- The exchange. Prices are in dollars (0.42), counts in contracts (2.5), times in seconds unless a name ends in _ms.
-- Every documented REST operation is a function under its operationId in snake case without V2; the most used ones are
-- spelt out here, all of them in docs/operations.md.

---@alias kalshi.Outcome "yes"|"no"

---@alias kalshi.Side "bid"|"ask"

---What a failing call raises.
---@class kalshi.Error
---@field kind "http"|"network"|"timeout"|"auth"|"rate_limit"|"ws"|"validation"|"cancelled"|"closed"|"overflow"|"limit"|"permission"|"shadow"|string
---@field message string
---@field status? integer HTTP status
---@field code? string the exchange's own code; for a write without an answer "not_done" or "outcome_unknown"
---@field operation? string
---@field retryable? boolean the same call may succeed later, and repeating it is safe
---@field where? string the script's line

---A live order book: one per market, shared by all that hold it. From the side of YES unless "no" is given.
---@class kalshi.Book
---@field ticker string
---@field seq integer of the last message applied
---@field ts? number exchange's time of the last change, seconds; nil while there was none since the snapshot
---@field stale boolean may be wrong: a gap or a lost connection is being repaired
---@field age number seconds since the last change
local Book = {}

---@param side? kalshi.Outcome
---@return number? price nil when the side is empty
---@return number? count
function Book:best_bid(side) end
---@param side? kalshi.Outcome
---@return number? price
---@return number? count
function Book:best_ask(side) end
---@param side? kalshi.Outcome
---@return number?
function Book:spread(side) end
---@param side? kalshi.Outcome
---@return number?
function Book:mid(side) end
---The mid weighted by the sizes of the other side.
---@param side? kalshi.Outcome
---@return number?
function Book:microprice(side) end
---(bids - asks) / (bids + asks) over so many best levels, -1 to 1.
---@param levels? integer
---@param side? kalshi.Outcome
---@return number
function Book:imbalance(levels, side) end
---@param n? integer how many; all without it
---@param side? kalshi.Outcome
---@return number[][] levels { {price, count}, … }, best first
function Book:bids(n, side) end
---@param n? integer
---@param side? kalshi.Outcome
---@return number[][]
function Book:asks(n, side) end
---Contracts bid at exactly this price.
---@param price number
---@param side? kalshi.Outcome
---@return number
function Book:count_at(price, side) end
---Contracts bid no further than this from the best bid.
---@param within number dollars
---@param side? kalshi.Outcome
---@return number
function Book:depth(within, side) end
---How many levels of bids there are.
---@param side? kalshi.Outcome
---@return integer
function Book:levels(side) end
---What a marketable order of this size would get.
---@param action "buy"|"sell"
---@param count number
---@param side? kalshi.Outcome
---@return number? average price; nil when nothing would fill
---@return number filled
---@return number? worst price
function Book:sweep(action, count, side) end
---Waits for a change since the last look. Wakes once for any number of changes.
---@async
---@param timeout? number seconds
---@return boolean changed false when the time ran out
function Book:wait(timeout) end
---The latest state at each turn, never behind.
---@async
---@return fun(): kalshi.Book?
function Book:changes() end
---One change of a book. `price` is in own terms of `side`; `bid` and `ask` are the best of YES right after it, nil where
---nothing is offered; `ts` is nil where the message had no time.
---@class kalshi.Delta
---@field price number dollars
---@field delta number contracts, negative when taken away
---@field side kalshi.Outcome
---@field seq integer
---@field ts? number seconds since 1970
---@field bid? number
---@field ask? number

---Every change, in order. One table for the whole loop, to be read only and until the next turn: a turn allocates
---nothing. Raises "overflow" rather than lose one in silence.
---@async
---@return fun(): kalshi.Delta?
function Book:deltas() end
---Calls `fn` for every change, in order, in a task of its own; the arguments are those of kalshi.Delta. The fastest way to
---see all. `fn` may wait. The task ends when the book is closed, by `cancel`, by an error in `fn`, or by "overflow".
---@param fn fun(price: number, delta: number, side: kalshi.Outcome, bid?: number, ask?: number, seq: integer, ts?: number)
---@return task.Task
function Book:on_delta(fn) end
function Book:close() end

---@class kalshi.Subscription
local Subscription = {}
---Every message: the fields of its payload flat, plus type, sid and seq. Raises "overflow" rather than lose one.
---@async
---@return fun(): table?
function Subscription:messages() end
---@async
---@param tickers string[]
function Subscription:add(tickers) end
---@async
---@param tickers string[]
function Subscription:remove(tickers) end
---What the exchange has, of a channel that is chosen by index.
---@async
---@return string[]
function Subscription:available() end
function Subscription:close() end

---A parameter of an operation, or a field of a body or an answer.
---@class kalshi.Field
---@field name? string absent for an answer, and for the inner array of an array of arrays
---@field in "path"|"query"|"body"|"answer"
---@field type "string"|"integer"|"number"|"boolean"|"array"|"object"|"any"
---@field item_type? string of an array, or of the values of a map
---@field unit? "dollars"|"contracts" of a fixed-point number
---@field required boolean
---@field nullable? boolean
---@field deprecated? boolean
---@field map? boolean an object with any keys
---@field default? any
---@field min? number of a number; of an array: how many items
---@field max? number
---@field min_length? integer
---@field max_length? integer
---@field pattern? string a regular expression
---@field format? "int32"|"int64"|"double"|"date-time"|"uuid"
---@field enum? string[]
---@field fields? kalshi.Field[] of an object, or of the objects in an array; absent for what is free-form

---@class kalshi.OperationSummary
---@field name string
---@field method "GET"|"POST"|"PUT"|"DELETE"
---@field path string
---@field tag string the exchange's group
---@field status "current"|"deprecated"|"removed"|"perps"
---@field legacy boolean under kalshi.legacy

---@class kalshi.Operation: kalshi.OperationSummary
---@field id string the exchange's operationId
---@field auth boolean needs an API key
---@field bucket "read"|"write" of the rate limits
---@field cost integer tokens
---@field cost_per_item boolean the cost is of each order in a batch
---@field paged boolean
---@field rows? string the field of a page's rows
---@field cursor? string the field of the next page's cursor
---@field replaced_by? string today's operation for a superseded one
---@field has_body boolean
---@field params kalshi.Field[] those of the path first, in its order
---@field answer? kalshi.Field absent when it has no content

---What `kalshi.each` takes beside the operation's own parameters.
---@class kalshi.Walk
---@field limit? integer rows of a page; as many as the operation allows, up to 1000, when absent
---@field max? integer rows in all
---@field rows? string the other list where an answer has two: "event_positions" of positions, "milestones" of get_events
---@field history? boolean false: only live rows; otherwise get_trades, get_fills, get_orders, get_markets and get_positions go on in the history when the query reaches below its cutoff
---@field raw? boolean rows as the exchange sent them
---@field timeout? number seconds for each page

---@class kalshi
---@field each table<string, fun(...): fun(): table?> any list operation row by row, all its pages, lazily: see kalshi.Walk
---@field legacy table<string, function> superseded operations
---@field env "sim"|"demo"|"prod"
local kalshi = {}

---Opens a market's live book and waits for its first snapshot.
---@async
---@param ticker string
---@return kalshi.Book
function kalshi.book(ticker) end

---Opens many books together; returns them by ticker once each has had its snapshot. When one is refused, none stays open.
---@async
---@param tickers string[]
---@return table<string, kalshi.Book>
function kalshi.books(tickers) end

---What `kalshi.subscribe` takes. All channels of a subscription are chosen in the same way.
---@class kalshi.SubscribeOptions
---@field channels string[] names of the exchange's channels, or "kalshi.status" for the feed's own events
---@field market_tickers? string[] absent: all markets, where the channel allows it
---@field market_ticker? string
---@field market_ids? string[] channel "ticker" only
---@field market_id? string
---@field index_ids? string[] of "cfbenchmarks_value" and "cfbenchmarks_value_5hz"; {"all"} for all
---@field underlying_tickers? string[] of "pyth_value"; {"all"} for all
---@field send_initial_snapshot? boolean channel "ticker": the state as it is comes first
---@field use_yes_price? boolean channel "orderbook_delta": false gives NO levels in NO prices
---@field user_filter? "self" channel "communications": own RFQs only
---@field shard_factor? integer channel "communications": 1 to 100, with shard_key
---@field shard_key? integer 0 to shard_factor - 1
---@field raw? "text" messages are texts, as the exchange sent them, instead of tables

---Returns once the exchange has acknowledged it.
---@async
---@param options kalshi.SubscribeOptions
---@return kalshi.Subscription
function kalshi.subscribe(options) end

---What the exchange says that it sends to this session: one row per channel and connection.
---@async
---@return {channel: string, sid: integer, connection: integer}[]
function kalshi.subscriptions() end

---Any REST call by method and path. `raw` and `timeout` (seconds) in `params` are ours, as in every other call.
---@async
---@param method "GET"|"POST"|"PUT"|"DELETE"
---@param path string below /trade-api/v2
---@param params? table
---@return table
function kalshi.call(method, path, params) end

---The feed and the session.
---@class kalshi.Status
---@field connected boolean every connection that is needed is open
---@field connections integer open ones
---@field age? number seconds since a byte came
---@field delay number seconds from the exchange's time of the newest message until it was here
---@field late boolean that has been too long for a second and more
---@field reconnects integer
---@field messages integer
---@field bytes integer
---@field gaps integer
---@field malformed integer
---@field snapshots integer
---@field books integer
---@field stale_books integer
---@field audits integer comparisons of a live book with REST
---@field audit_differences integer books that were wrong and got a new snapshot
---@field audits_undecided integer comparisons without a verdict
---@field account? {stale: boolean, age: number?, resting: integer, fills: integer, positions: integer, reconciled: integer} nil until it is kept; `stale` while it is not known to be right, `age` the seconds since it was
---@field clock_offset? number the exchange's clock minus this machine's, in seconds; signatures allow for it
---@field clock_error? number how far off that may be
---@field calls integer
---@field errors integer
---@field retries integer
---@field rate_limited integer answers of 429
---@field lost integer writes of orders without an answer
---@field lost_done integer what became of them
---@field lost_not_done integer
---@field lost_unknown integer
---@field presigned integer order writes that found their signature made
---@field last_error? string

---@return kalshi.Status
function kalshi.status() end

---Tokens left of the rate limits, and what they come from; `tier` is nil without a key. `waiting` counts the calls that
---wait for tokens; `shards` has the write tokens of those shards (by exchange_index) whose bucket is not full.
---@async
---@return {read: number, write: number, read_capacity: number, write_capacity: number, read_rate: number, write_rate: number, waiting: integer, shards: table<integer, number>, tier: string?}
function kalshi.budget() end

---Cancels every resting order of the account.
---@async
function kalshi.cancel_all() end

---The candles of a market that end within a range, oldest first, lazily; the same for live markets and for those that have
---moved to the history. `period_interval` is 1, 60 or 1440 minutes.
---@async
---@param ticker string
---@param query {start_ts: number, end_ts: number, period_interval: 1|60|1440, raw?: boolean, timeout?: number}
---@return fun(): table? next end_period_ts, yes_bid, yes_ask, price, volume_fp, open_interest_fp
function kalshi.candlesticks(ticker, query) end

---An order of the account. What is not known, or does not apply, is absent.
---@class kalshi.OwnOrder
---@field order_id string
---@field client_order_id? string
---@field ticker string
---@field side kalshi.Side on the YES leg
---@field outcome_side kalshi.Outcome
---@field price number of YES
---@field status "resting"|"filled"|"canceled"|"unknown" unknown: rests no longer, and how it ended is being looked up
---@field initial_count number
---@field fill_count number
---@field remaining_count number
---@field average_fill_price? number of YES
---@field fees? number
---@field created_ts? number
---@field updated_ts? number
---@field expiration_ts? number
---@field order_group_id? string
---@field last_update_reason? string the exchange's word
---@field subaccount integer
---@field exchange_index integer

---The account's orders from memory, newest first; resting ones unless `status` says otherwise. The first call of this or
---of fills, positions, balance waits until the account was read; from then on channels keep it and nothing waits.
---@async
---@param filter? {ticker?: string, status?: "resting"|"filled"|"canceled"|"unknown"|"all"}
---@return kalshi.OwnOrder[]
function kalshi.orders(filter) end

---@class kalshi.OwnFill
---@field trade_id string
---@field order_id string
---@field client_order_id? string
---@field ticker string
---@field side kalshi.Side on the YES leg
---@field outcome_side kalshi.Outcome
---@field price number of YES
---@field count number
---@field fee number
---@field is_taker boolean
---@field post_position? number the position after it
---@field ts number
---@field subaccount integer
---@field exchange_index integer

---The account's newest fills from memory, newest first.
---@async
---@param filter? {ticker?: string, order_id?: string, limit?: integer, min_ts?: number}
---@return kalshi.OwnFill[]
function kalshi.fills(filter) end

---@class kalshi.OwnPosition
---@field ticker string
---@field position number contracts of YES; negative: of NO
---@field exposure number what the open position cost
---@field realized_pnl number without fees
---@field fees_paid number
---@field updated_ts? number
---@field subaccount integer

---The account's positions in markets that are not settled, from memory; closed ones too, for what was realized.
---@async
---@param filter? {ticker?: string}
---@return kalshi.OwnPosition[]
function kalshi.positions(filter) end

---Cash of the account in dollars, from memory; read again within a second or so of each change. Of the primary
---subaccount, or of the one that the key belongs to.
---@async
---@return number
function kalshi.balance() end

---Every REST operation.
---@return kalshi.OperationSummary[]
function kalshi.operations() end

---One REST operation with its parameters and its answer; a superseded one by "legacy.NAME".
---@param name string
---@return kalshi.Operation
function kalshi.describe(name) end

---@async
---@param ticker string
---@return {market: table}
function kalshi.get_market(ticker) end

---@async
---@param query? {status?: "unopened"|"open"|"paused"|"closed"|"settled", limit?: integer, cursor?: string, event_ticker?: string, series_ticker?: string, tickers?: string, raw?: boolean}
---@return {markets: table[], cursor: string}
function kalshi.get_markets(query) end

---@class kalshi.NewOrder
---@field ticker string
---@field side kalshi.Side on the YES leg: to buy NO at q, give "ask" at 1 - q
---@field price number
---@field count number
---@field time_in_force "good_till_canceled"|"immediate_or_cancel"|"fill_or_kill"
---@field self_trade_prevention_type "taker_at_cross"|"maker"
---@field client_order_id? string made up when absent
---@field post_only? boolean
---@field reduce_only? boolean
---@field cancel_order_on_pause? boolean
---@field expiration_time? integer seconds since the epoch
---@field order_group_id? string
---@field subaccount? integer
---@field exchange_index? integer
---@field timeout? number seconds the call may take

---`resolved` is true when the answer was lost and this was looked up.
---@async
---@param order kalshi.NewOrder
---@return {order_id: string, client_order_id?: string, fill_count: number, remaining_count: number, average_fill_price?: number, average_fee_paid?: number, ts_ms: integer, resolved?: boolean}
function kalshi.create_order(order) end

---`count` is the total: what is filled already plus what shall rest.
---@async
---@param order_id string
---@param change {ticker: string, side: kalshi.Side, price: number, count: number}
---@return table
function kalshi.amend_order(order_id, change) end

---@async
---@param order_id string
---@param change {reduce_by?: number, reduce_to?: number}
---@return table
function kalshi.decrease_order(order_id, change) end

---@async
---@param order_id string
---@param query? {market_ticker?: string, subaccount?: integer, exchange_index?: integer}
---@return {order_id: string, reduced_by: number, ts_ms: integer}
function kalshi.cancel_order(order_id, query) end

return kalshi
