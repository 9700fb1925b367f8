---@meta kalshi

---@alias kalshi.Outcome "yes"|"no"

---@alias kalshi.Side "bid"|"ask"

---What a failing call raises; it prints as `kind: message`.
---```lua
---ok, err = pcall(kalshi.get_market, "NO-SUCH-MARKET")
---print(ok, err.kind, err.status, err.message)
---```
---@class kalshi.Error
---@field kind "http"|"network"|"timeout"|"auth"|"rate_limit"|"ws"|"validation"|"cancelled"|"closed"|"overflow"|"limit"|"permission"|"risk"|"paper"|"shadow"|"protocol"|"config"|"internal"|string what kind of failure; `:help errors` says what to do about each
---@field message string what, where, and what to do
---@field status? integer HTTP status, or the number of an error of the feed
---@field code? string a word for the situation ("price_off_grid"; `kalua explain CODE` has what to do), the exchange's own code, or the name of a risk limit; for a write without an answer "not_done" or "outcome_unknown"
---@field operation? string name of the REST operation
---@field retryable? boolean the same call may succeed later, and repeating it is safe
---@field where? string the script's line, as "maker.lua:12"
---@field order? kalshi.Order of kalshi.order and what an order can do: which one
---@field result? orders.Result of orders.take and orders.twap: what had filled until then

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
---@field each kalshi.Each any list operation row by row, all its pages, lazily: see kalshi.Walk
---@field legacy kalshi.Legacy superseded operations
---@field env "sim"|"demo"|"prod" which exchange this is
---@field profile string name of the account, as kalshi.connect takes it; "" of the one that kalua was started with
local kalshi = {}

---The same functions on another account: the table has everything that `kalshi` has, on a session, with orders, tokens and
---limits of its own. A profile is a file `.env.NAME` in the folder in which kalua is started, in the form of `.env`; on
---the embedded exchange it goes without one. Whoever connects to a name gets the same account, until the process ends.
---Raises "validation" for a name that is none, "config" with what to write into which file, and what the exchange says of
---the key when it is first used.
---```lua
---other = kalshi.connect{ profile = "second-account" }
---print(other.profile, other.env, other.balance())
---```
---@async
---@param options {profile: string} letters, digits, - and _, at most 32
---@return kalshi other account
function kalshi.connect(options) end

---Any REST call by method and path, for what has no function. `raw` and `timeout` (seconds) in `params` are ours, as in
---every other call. Raises "validation" for a wrong method or path, "auth" without a key that may do it, "permission" for a
---write on production without `--live`, "http" for what the exchange refuses, "network" or "timeout" where no answer came.
---```lua
---kalshi.call("GET", "/exchange/status")
---kalshi.call("GET", "/markets", { limit = 2, status = "open" })
---```
---@async
---@param method "GET"|"POST"|"PUT"|"DELETE" of the request
---@param path string below /trade-api/v2
---@param params? table<string, any> query of a GET or DELETE, body of the others, by name
---@return table<string, any> answer of the exchange, decoded
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

---How the feed and the session are: connections, delays, what was repaired, what failed. Raises nothing.
---```lua
---s = kalshi.status()
---print(s.connected, s.delay, s.reconnects, s.gaps, s.last_error)
---```
---@return kalshi.Status status as it is now
function kalshi.status() end

---Tokens left of the rate limits, and what they come from. A call waits for its tokens; it is not refused. Raises "http",
---"network" or "timeout" where the account's tier has to be asked for and no answer comes.
---```lua
---b = kalshi.budget()
---print(b.tier, b.read, b.write, b.waiting)
---```
---@async
---@return {read: number, write: number, read_capacity: number, write_capacity: number, read_rate: number, write_rate: number, waiting: integer, shards: table<integer, number>, tier: string?} budget tokens; rates are tokens a second. `waiting` counts the calls that wait; `shards` has the write tokens of those shards (by exchange_index) whose bucket is not full; `tier` is nil without a key
function kalshi.budget() end

---Every REST operation, as a table. Raises nothing.
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

return kalshi
