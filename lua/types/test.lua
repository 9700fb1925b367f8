---@meta test

---Tests in Lua, run by `kalua test` (docs/testing.md). `require "test"` gives the module; in a file that `kalua test` runs,
---`describe`, `it`, `before_each`, `after_each` and `pending` are globals as well. A test may wait like any script. What
---is called wrongly raises a text that names the line, and so does an assertion that does not hold.
---```lua
---local test = require "test"
---test("prices add up", function(t) t.near(0.1 + 0.2, 0.3) end)
---```
---@class test
local test = {}

---A test, which runs where it stands; inside of a describe block the same as `test.it`. It fails when it raises, takes
---longer than a minute (`kalua test --limit`), leaves tasks running, or when a task of it failed that nobody awaited.
---`test(name, fn)` is short for it.
---```lua
---test.run("a limit is a number", function(t) t.eq(tonumber "0.42", 0.42) end)
---```
---@async
---@param name string what it shows
---@param fn fun(t: test.T) the test
function test.run(name, fn) end

---Tests that belong together. `fn` is called at once; its tests run when the file is through, each with the `before_each` and
---`after_each` of the blocks around it. Blocks may stand in blocks.
---```lua
---describe("a maker", function()
---  it("adds up what it has paid", function(t) t.near(0.1 + 0.2, 0.3) end)
---  describe("at its limit", function()
---    pending "does not buy more"
---  end)
---end)
---```
---@param name string what they are about
---@param fn fun() defines them
function test.describe(name, fn) end

---A test of the block around it.
---```lua
---it("rounds down to the grid", function(t) t.eq(math.floor(0.427 * 100) / 100, 0.42) end)
---```
---@param name string what it shows, as a sentence: "quotes inside the spread"
---@param fn fun(t: test.T) the test
function test.it(name, fn) end

---What runs before each test of this block and of those in it: those of outer blocks first.
---```lua
---describe("a list", function()
---  local list
---  before_each(function() list = { 1, 2 } end)
---  it("has two entries", function(t) t.eq(#list, 2) end)
---end)
---```
---@param fn fun(t: test.T) is given what the test is given
function test.before_each(fn) end

---What runs after each test of this block and of those in it, failed or not: those of inner blocks first.
---```lua
---describe("a list", function()
---  local list = {}
---  after_each(function() list = {} end)
---  it("is empty at first", function(t) t.eq(list, {}) end)
---end)
---```
---@param fn fun(t: test.T) is given what the test is given
function test.after_each(fn) end

---A test that is still to be written: it is reported, and not run. Inside of a test: ends it as such a one.
---```lua
---pending "cancels everything when the market closes"
---```
---@param name? string what it is to show; inside of a test why it ends
---@param fn? fun(t: test.T) is not called
function test.pending(name, fn) end

---What a test is given. An assertion that does not hold ends the test; its line, what came and what was expected are
---reported. `message` stands in front of that.
---@class test.T
local T = {}

---The same value, or tables with the same content. Numbers are compared by value: 4 is 4.0.
---```lua
---t.eq({ 1, { a = 2 } }, { 1, { a = 2 } })
---```
---@param got any what came
---@param expected any what it is to be
---@param message? string what is looked at, in front of what is reported
function T.eq(got, expected, message) end

---Not the same value, nor tables with the same content.
---```lua
---t.neq(kalua.now(), 0, "the time")
---```
---@param got any what came
---@param unexpected any what it must not be
---@param message? string what is looked at, in front of what is reported
function T.neq(got, unexpected, message) end

---Numbers no further apart than `within`.
---```lua
---t.near(0.1 + 0.2, 0.3)
---```
---@param got number what came, in any unit
---@param expected number what it is to be, in the same unit
---@param within? number how far apart they may be, in the same unit (1e-9)
---@param message? string what is looked at, in front of what is reported
function T.near(got, expected, within, message) end

---Neither nil nor false.
---```lua
---local name = t.ok(kalua.name, "a script has a name")
---```
---@param value any what is looked at
---@param message? string what is looked at, in front of what is reported
---@return any value the same
function T.ok(value, message) end

---`value`, a table or an object, has the fields of `part` with the same values, and theirs; it may have more.
---```lua
---t.has({ side = "bid", price = 0.42, count = 5 }, { price = 0.42 })
---```
---@param value any what is looked at
---@param part any what it is to have
---@param message? string what is looked at, in front of what is reported
function T.has(value, part, message) end

---A text that contains this part, or a match of this Lua pattern.
---```lua
---t.eq(t.matches("bid 10 at 0.42", "at (%S+)"), "0.42")
---```
---@param text string what is looked at
---@param pattern string what it is to have
---@param message? string what is looked at, in front of what is reported
---@return string ... the captures of the pattern, or what it matched
function T.matches(text, pattern, message) end

---`fn` raises an error. `expected` is its kind, its code, a part of its text, or a Lua pattern.
---```lua
---local err = t.raises(function() error "no such market" end, "no such")
---t.matches(err, "market")
---```
---@async
---@param fn fun() is called without arguments
---@param expected? string what is to be raised
---@return any err the error
function T.raises(fn, expected) end

---So many tasks of this test fail without being awaited; without this none may.
---```lua
---t.unawaited(1)
---task.spawn(error, "nobody waits for this one")
---task.yield()
---```
---@param n integer how many
function T.unawaited(n) end

---A market that is open, on an exchange where nobody trades but who is told to. The first one of a test starts that exchange
---and its clock; both end with the test.
---```lua
---local market = t.market{ ticker = "TEST-1", bids = { { 0.40, 100 } }, asks = { { 0.44, 100 } } }
---```
---@async
---@param options? test.MarketOptions what it is, and who offers what
---@return test.Market market to change it
function T.market(options) end

---Starts a script as a strategy of its own: at the exchange of the test, with 10,000 dollars, by the clock of the test.
---```lua
---local maker = t.run("maker.lua", { args = { "TEST-1" } })
---```
---@async
---@param path string of the script, from the folder of the test or else from the current one
---@param options? test.RunOptions how it runs
---@return test.Strategy strategy to look at it
function T.run(path, options) end

---The resting orders of a strategy are these, in any order. Each table has the fields that matter, of those of `kalshi.Order`;
---`price` is of YES, as `side` is.
---```lua
---t.orders(maker, { { side = "bid", price = 0.41, count = 10 }, { side = "ask", price = 0.43 } })
---```
---@param strategy test.Strategy whose
---@param expected table<string, any>[] fields of as many as rest; an empty list: none
---@param message? string what is looked at, in front of what is reported
function T.orders(strategy, expected, message) end

---Moves the time of strategies and of their exchange: all that is due happens in its order, without being waited for.
---```lua
---t.advance(60)
---```
---@async
---@param seconds number seconds by which it moves
function T.advance(seconds) end

---Waits until nothing moves: no task can go on, no order is under way, all that the exchange has sent was handled. What
---changes a market or the time does so by itself.
---```lua
---t.settle()
---```
---@async
function T.settle() end

---The time of strategies and of their exchange.
---```lua
---local began = t.now()
---```
---@return number seconds since the epoch
function T.now() end

---What `t.market` is given.
---@class test.MarketOptions
---@field ticker? string ("TEST-1", "TEST-2" and so on)
---@field title? string for people
---@field event_ticker? string several markets of one event have the same (from the ticker)
---@field series_ticker? string of its series (from the ticker)
---@field bids? number[][] others' bids: { price, count } each, of YES, in dollars and contracts
---@field asks? number[][] others' asks: { price, count } each, of YES, in dollars and contracts
---@field close_time? number seconds since the epoch (in 30 days)
---@field price_level_structure? string its grid ("linear_cent")
---@field mutually_exclusive? boolean at most one market of the event pays (false)
---@field now? number when the test begins, seconds since the epoch; of its first market only

---What `t.run` is given: keys of a script in kalua.lua.
---@class test.RunOptions: kalua.ProjectKeys
---@field name? string (the name of the file)

---A market of a test. Whatever is done to it, everything has come to rest again when the call returns. What the exchange of
---the test cannot do raises "validation".
---@class test.Market
---@field ticker string its name
---@field event_ticker string that of its event
local Market = {}

---The orders of others are these from now on. What crosses an order of a strategy trades with it.
---```lua
---market:set{ bids = { { 0.30, 50 } }, asks = { { 0.36, 50 } } }
---```
---@async
---@param book { bids?: number[][], asks?: number[][] } { price, count } each, of YES, in dollars and contracts; a side that is not given is empty
function Market:set(book) end

---One more order of somebody else, which rests, or trades with what it crosses.
---```lua
---market:bid(0.31, 5)
---```
---@async
---@param price number of YES, dollars
---@param count number contracts
function Market:bid(price, count) end

---The same on the other side.
---```lua
---market:ask(0.35, 5)
---```
---@async
---@param price number of YES, dollars
---@param count number contracts
function Market:ask(price, count) end

---Somebody takes what is there: with side "ask" sells into bids, with side "bid" buys from asks. Raises when nothing trades.
---```lua
---market:trade{ side = "ask", price = 0.30, count = 4 }
---```
---@async
---@param order { side: "bid"|"ask", count: number, price?: number } contracts; dollars, of YES (any)
---@return { filled: number, last_price: number } done contracts that traded; dollars of YES
function Market:trade(order) end

---Trading stops, until `open`.
---```lua
---market:pause()
---```
---@async
function Market:pause() end

---Trading goes on. As at the exchange, what rested meanwhile is canceled.
---```lua
---market:open()
---```
---@async
function Market:open() end

---The market closes; its orders are canceled.
---```lua
---market:close()
---```
---@async
function Market:close() end

---The result is known, and nothing is paid yet.
---```lua
---market:determine "yes"
---```
---@async
---@param result "yes"|"no"|number the side that wins, or the value of YES in dollars
function Market:determine(result) end

---Positions are paid, and the market is over.
---```lua
---market:settle "yes"
---```
---@async
---@param result "yes"|"no"|number the side that wins, or the value of YES in dollars
function Market:settle(result) end

---Something goes wrong at the exchange: what `kalua trigger` takes, or a rule of `--faults`.
---```lua
---market:fault "disconnect"
---```
---@async
---@param spec string what
---@return table<string, any> done what `kalua trigger --json` prints
function Market:fault(spec) end

---A strategy under test.
---@class test.Strategy
---@field name string as in the log
---@field output string[] the lines that it printed
---@field errors string[] what went wrong in it
---@field ended boolean it runs no longer
---@field failed boolean it ended by an error
---@field phase string as `kalua ps` shows it
---@field generation integer of the version that runs
local Strategy = {}

---Its orders, the oldest first, with the fields of `kalshi.Order`. `price` is of YES, as `side` is, and `own_price` in the
---terms in which the order was placed.
---```lua
---maker:orders{ status = "resting" }[1].price
---```
---@param filter? { status?: string, ticker?: string } "open", "resting", "filled" and so on ("all"); of one market
---@return table<string, any>[] orders as they are now
function Strategy:orders(filter) end

---Contracts of YES that its fills have left it with; negative: of NO.
---```lua
---maker:position "TEST-1"
---```
---@param ticker? string of the market (the only one of the test)
---@return number contracts of YES that are held
function Strategy:position(ticker) end

---What was filled of its orders, the oldest first.
---```lua
---#maker:fills()
---```
---@return kalshi.OwnFill[] fills as kalshi.fills gives them
function Strategy:fills() end

---What its fills and settlements have come to.
---```lua
---maker:money().profit
---```
---@return { realized: number, unrealized: number, fees: number, profit: number } money dollars
function Strategy:money() end

---A new version takes over, with its state: of the same file, or of another. Raises why it did not.
---```lua
---maker:reload "maker_v2.lua"
---```
---@async
---@param path? string the file, where it is another one
---@return boolean over false: the new version still starts, because it waits for time to pass
function Strategy:reload(path) end

---Ends it, as Ctrl-C does: its on_stop handlers run, and time moves for as long as they need.
---```lua
---maker:stop()
---```
---@async
function Strategy:stop() end
