---A market of a test's own, and strategies on it, in time that the test moves. What `t.market`, `t.run`, `t.orders`,
---`t.advance`, `t.settle` and `t.now` of a test are made of.
---
---Each test has an exchange without anybody else, an account with 10,000 dollars on each shard, and a clock that
---stands still. Every
---call here returns when everything has come to rest: no task can go on, no request is under way, and all that the
---exchange has sent was handled. What needs time waits until the test moves it.
local kalua = require "kalua"
local library = require "library"
local json = require "json"
require "kalshi" -- orders are objects of it
local stage_of = require "test.stage"

local START = 1767625200 -- 2026-01-05 15:00 UTC, a Monday
local DAY = 86400
local GRACE = 4 -- seconds that strategies may take to end with their test

local test_market = {}

local current -- the stage of the test that runs, and what is on it

local function bad(level, ...)
  return error(library.error("validation", string.format(...)), level + 1)
end

---The stage, made when a test first needs one.
local function stage(now)
  if not current then current = { native = stage_of.open(now or START), markets = {}, scripts = {} } end
  return current
end

---The strategies of a stage, in the order in which they were started; by name they are in the same table.
local function strategies(s) return ipairs(s and s.scripts or {}) end

local function known(level, what, spec, keys)
  if type(spec) ~= "table" then bad(level + 1, "%s: give a table, not %s", what, type(spec)) end
  for key in pairs(spec) do
    local found = false
    for _, k in ipairs(keys) do found = found or k == key end
    if not found then
      local near = type(key) == "string" and library.nearest(key, keys)
      bad(level + 1, "%s: there is no field %s%s", what, tostring(key), near and "; did you mean " .. near .. "?" or "")
    end
  end
end

---Errors of what is called here are about the line of the test.
local function at_caller(level, ok, ...)
  if ok then return ... end
  local err = ...
  if type(err) == "string" then err = err:gsub("^[^:]*:%d+: ", "") end
  return error(err, level + 1)
end

local function rest(level, until_)
  local ok, err = pcall(current.native.settle, current.native, until_)
  if ok then return end
  if current then current.restless = true end
  return at_caller(level + 1, ok, err)
end

-- markets ---------------------------------------------------------------------------------------------------------

local market_methods = {}
local market_meta = { __index = market_methods, __name = "test.Market" }
market_meta.__tostring = function(m) return "test.Market " .. m.ticker end

---Levels as `{ {price, count}, … }` or `{ { price = …, count = … }, … }`, appended to `out` as orders of that
---side.
local function levels(level, what, list, side, out)
  if list == nil then return end
  if type(list) ~= "table" then bad(level + 1, "%s is to be a list like { { 0.40, 100 } }", what) end
  for i, l in ipairs(list) do
    local price, count
    if type(l) == "table" then price, count = l.price or l[1], l.count or l[2] end
    if type(price) ~= "number" or type(count) ~= "number" then
      bad(level + 1, "%s[%d] is to be { price, count }", what, i)
    end
    out[#out + 1] = { side, price, count }
  end
end

local function book_of(level, spec)
  local orders = {}
  levels(level + 1, "bids", spec.bids, "bid", orders)
  levels(level + 1, "asks", spec.asks, "ask", orders)
  local bid, ask
  for _, o in ipairs(orders) do
    if o[1] == "bid" then bid = math.max(bid or 0, o[2]) else ask = math.min(ask or 1, o[2]) end
  end
  if bid and ask and bid >= ask then
    bad(level + 1, "the best bid (%g) is not below the best ask (%g): they would trade with each other", bid, ask)
  end
  return orders
end

local FIELDS = { "ticker", "event_ticker", "series_ticker", "title", "close_time", "price_level_structure",
                 "mutually_exclusive", "bids", "asks", "now" }

---A market that is open, with orders of somebody else in it.
---Every field is optional: ticker ("TEST-1", "TEST-2", …), event_ticker and series_ticker (from the ticker), title,
---close_time (seconds since 1970; in 30 days), price_level_structure ("linear_cent"), mutually_exclusive (of its
---event's
---markets), bids and asks ({ { price, count }, … }, prices of YES in dollars), now (when the test begins,
---seconds since
---1970; only in what the test calls first).
---@param spec? table these
---@return table market
function test_market.market(spec)
  spec = spec or {}
  known(2, "market", spec, FIELDS)
  if spec.now and current then bad(2, "market: the test's time has begun already: give `now` with its first market") end
  local orders = book_of(2, spec)
  for _, key in ipairs{ "ticker", "event_ticker", "series_ticker", "title", "price_level_structure" } do
    if spec[key] ~= nil and type(spec[key]) ~= "string" then bad(2, "market: %s is to be a text", key) end
  end
  local now = spec.now
  if now ~= nil and not (type(now) == "number" and now >= 0 and now <= 1e10) then
    bad(2, "market: now is to be a time in seconds since 1970")
  end
  local s = stage(now)
  local ticker = spec.ticker
  for i = 1, ticker and 0 or #s.markets + 1 do
    ticker = "TEST-" .. i
    if not s.markets[ticker] then break end
  end
  if not ticker:find "^[%w._%-]+$" then
    bad(2, "market: ticker is to be letters, digits, '.', '_' and '-', not %s", ticker)
  end
  local event = spec.event_ticker or ticker:match "^(.+)%-[^%-]*$" or ticker
  at_caller(2, pcall(s.native.add, s.native, {
    ticker = ticker,
    event_ticker = event,
    series_ticker = spec.series_ticker or event:match "^[^%-]+" or event,
    title = spec.title or ticker,
    price_level_structure = spec.price_level_structure or "linear_cent",
    close_time = spec.close_time or s.native:now() + 30 * DAY,
    mutually_exclusive = spec.mutually_exclusive == true,
  }))
  local m = setmetatable({ ticker = ticker, event_ticker = event }, market_meta)
  s.markets[#s.markets + 1] = m
  s.markets[ticker] = m
  if #orders > 0 then at_caller(2, pcall(s.native.orders, s.native, ticker, orders, false)) end
  rest(2)
  return m
end

local function of_this_test(level, object, list)
  if not current or not list or list[object.ticker or object.name] ~= object then
    bad(level + 1, "%s is of another test, which is over", tostring(object))
  end
end

local function act(level, m, fn, ...)
  of_this_test(level + 1, m, current and current.markets)
  local result = at_caller(level + 1, pcall(fn, current.native, ...))
  rest(level + 1)
  return result
end

local function trigger(level, m, kind, words)
  local text = act(level + 1, m, current and current.native.trigger, kind, words)
  return type(text) == "string" and json.decode(text) or text
end

---The orders of others are these, in place of those that there were. What crosses an order of a strategy trades
---with it.
---A side that is not given is empty.
---@param spec table bids and asks, as in `t.market`
function market_methods:set(spec)
  known(2, "market:set", spec, { "bids", "asks" })
  act(2, self, current and current.native.orders, self.ticker, book_of(2, spec), true)
end

---One more order of somebody else, which rests, or trades with what it crosses.
---@param price number of YES, dollars
---@param count number contracts
function market_methods:bid(price, count)
  act(2, self, current and current.native.orders, self.ticker, { { "bid", price, count } }, false)
end

---As `market:bid`, on the other side.
---@param price number of YES, dollars
---@param count number contracts
function market_methods:ask(price, count)
  act(2, self, current and current.native.orders, self.ticker, { { "ask", price, count } }, false)
end

---Somebody takes: a bid buys from the asks, an ask sells to the bids, the best price and then the oldest order
---first, and
---no further than `price`. Raises when nothing trades.
---@param spec table side ("bid" or "ask"), count (contracts), price (of YES, dollars; nil: any)
---@return table done what traded: filled, last_price
function market_methods:trade(spec)
  known(2, "market:trade", spec, { "side", "count", "price" })
  if spec.side ~= "bid" and spec.side ~= "ask" then bad(2, "market:trade: side is \"bid\" or \"ask\"") end
  local words = { "market=" .. self.ticker, "side=" .. spec.side, "count=" .. tostring(spec.count) }
  if spec.price then words[#words + 1] = "price=" .. tostring(spec.price) end
  return trigger(2, self, "trade", words)
end

---Trading in the market stops.
function market_methods:pause() trigger(2, self, "pause", { "market=" .. self.ticker }) end

---Trading goes on. As on the exchange, what rested meanwhile is canceled.
function market_methods:open() trigger(2, self, "resume", { "market=" .. self.ticker }) end

---The market closes now; its orders are canceled.
function market_methods:close() trigger(2, self, "close", { "market=" .. self.ticker }) end

---The result is known, and nothing is paid yet.
---@param result "yes"|"no"|number the value of YES in dollars
function market_methods:determine(result)
  trigger(2, self, "determine", { "market=" .. self.ticker, "result=" .. tostring(result) })
end

---Positions are paid, and the market is over.
---@param result "yes"|"no"|number the value of YES in dollars
function market_methods:settle(result)
  trigger(2, self, "settle", { "market=" .. self.ticker, "result=" .. tostring(result) })
end

---Something goes wrong at the exchange.
---@param spec string what `kalua trigger` takes ("disconnect"), or a rule of `--faults` ("create_order:latency=300ms")
---@return table done what `kalua trigger` prints
function market_methods:fault(spec)
  if type(spec) ~= "string" or spec == "" then bad(2, "market:fault: give a text, as `kalua trigger` takes it") end
  local kind, tail = spec:match "^([%w_]+)%s*(.*)$"
  local words = {}
  if not kind or spec:match "^%S*:" then
    kind, words[1] = "fault", "spec=" .. spec
  else
    for word in tail:gmatch "%S+" do words[#words + 1] = word end
  end
  return trigger(2, self, kind, words)
end

-- strategies ------------------------------------------------------------------------------------------------------

local strategy_methods = {}

local ORDER_FIELDS = { "id", "client_id", "ticker", "status", "filled", "remaining", "count", "average_price", "fees",
                       "cost", "side", "action", "outcome_side", "yes_price", "no_price", "time_in_force", "post_only",
                       "reason", "error", "created", "updated", "expiration", "group_id", "own_group_id",
                       "subaccount", "generation" }

---An order as plain values. Its price is that of YES, as its side is.
local function plain(o)
  local row = {}
  for _, k in ipairs(ORDER_FIELDS) do row[k] = o[k] end
  row.price, row.own_price = o.yes_price, o.price
  return row
end

local function orders_of(strategy, filter)
  local list = {}
  for _, o in ipairs(strategy.native:orders()) do
    local status = filter.status or "all"
    local open = o.status == "pending" or o.status == "resting" or o.status == "unknown"
    if (status == "all" or o.status == status or (status == "open" and open)) and
      (not filter.ticker or filter.ticker == o.ticker) then
      list[#list + 1] = plain(o)
    end
  end
  return list
end

---Its orders, the oldest first, as plain tables with the fields of `kalshi.Order`; `price` is of YES, as `side` is, and
---`own_price` in the terms in which the order was placed.
---@param filter? table status ("all", "open", "resting", "filled", …; all), ticker
---@return table[] orders
function strategy_methods:orders(filter)
  filter = filter or {}
  known(2, "orders", filter, { "status", "ticker" })
  return orders_of(self, filter)
end

---Its fills, the oldest first, as `kalshi.fills` has them.
---@return table[] fills
function strategy_methods:fills() return self.native:fills() end

---Contracts of YES that its fills have left it with; less than zero: of NO.
---@param ticker? string nil: of the only market of the test
---@return number contracts
function strategy_methods:position(ticker)
  of_this_test(2, self, current and current.scripts)
  if not ticker then
    if #current.markets ~= 1 then bad(2, "position: of which market? There are %d", #current.markets) end
    ticker = current.markets[1].ticker
  end
  return self.native:position(type(ticker) == "table" and ticker.ticker or ticker)
end

---What its fills and settlements have come to: realized, unrealized, fees, profit (dollars).
---@return table money
function strategy_methods:money() return self.native:money() end

---It is told to stop, as by Ctrl-C: its on_stop handlers run. Time moves for as long as they need, ten seconds at most.
function strategy_methods:stop()
  of_this_test(2, self, current and current.scripts)
  self.native:stop(false)
  rest(2)
  for _ = 1, 100 do
    if self.native:status().ended then return end
    rest(2, current.native:now() + 0.1)
  end
  bad(2, "%s has not ended ten seconds after it was told to stop", self.name)
end

---A new version takes over, from the same file or another one, with its state. Raises why it did not.
---@param path? string of the other file
---@return boolean over false: the new version is still starting, because it waits for time to pass
function strategy_methods:reload(path)
  of_this_test(2, self, current and current.scripts)
  at_caller(2, pcall(self.native.reload, self.native, path))
  rest(2)
  return (at_caller(2, pcall(self.native.reloaded, self.native)))
end

local strategy_meta = { __name = "test.Strategy" }
strategy_meta.__tostring = function(s) return "test.Strategy " .. rawget(s, "name") end
function strategy_meta.__index(s, key)
  local method = strategy_methods[key]
  -- Also with a dot, as `maker.position("TEST-1")`.
  if method then
    return function(self, ...)
      if rawequal(self, s) then return method(s, ...) end
      return method(s, self, ...)
    end
  end
  if key == "output" then return (s.native:said()) end
  if key == "errors" then return (select(2, s.native:said())) end
  return s.native:status()[key] -- ended, failed, phase, generation, halted
end

local OPTIONS = { "name", "source", "args", "mem", "cpu_ms", "max_tasks", "max_timers", "order_rate",
                  "allow_fs", "allow_net", "allow_env", "allow_run", "allow_all", "on_failure", "probation", "risk",
                  "order_group" }

---Starts a script as a strategy, on an account that only the strategies of this test have, and lets it come to rest.
---Options are the keys of a script in kalua.lua: args, name, risk, order_group, order_rate, allow_net, allow_fs,
---on_failure, probation, …; and source: the script itself, in place of a file, named `path`.
---
---What comes back has output (lines printed), errors (texts), ended, failed, phase, generation, and the methods
---orders(filter), fills(), position(ticker), money(), stop(), reload(path).
---@param path string of the file, from the folder of the test or else from the current one
---@param options? table these
---@return table strategy
function test_market.run(path, options)
  options = options or {}
  if type(path) ~= "string" then bad(2, "run: give the path of a script, not %s", type(path)) end
  known(2, "run", options, OPTIONS)
  local name = options.name or options.source and path
  if name and (type(name) ~= "string" or #name > 100 or not name:find "^%C+$") then
    bad(2, "run: name is to be a text of 1 to 100 letters in one line")
  end
  local s = stage()
  local native = at_caller(2, pcall(s.native.run, s.native, path, options))
  local strategy = setmetatable({ native = native, name = native:status().name }, strategy_meta)
  s.scripts[#s.scripts + 1] = strategy
  s.scripts[strategy.name] = strategy
  rest(2)
  return strategy
end

-- time ------------------------------------------------------------------------------------------------------------

---Time moves: timers, sleeps and time limits of the strategies, and what time brings at the exchange (expirations, the
---close of markets), each at its moment and in its order.
---@param seconds number zero or more
function test_market.advance(seconds)
  if type(seconds) ~= "number" or not (seconds >= 0 and seconds < 1e9) then
    bad(2, "advance: give seconds, zero or more")
  end
  stage()
  rest(2, current.native:now() + seconds)
end

---Until nothing moves any more. All that changes the market does so by itself.
function test_market.settle()
  stage()
  rest(2)
end

---The time of the test's strategies and its exchange.
---@return number seconds since 1970
function test_market.now()
  return stage().native:now()
end

local function running(s)
  for _, strategy in strategies(s) do
    if not strategy.native:status().ended then return true end
  end
  return false
end

---The test is over: its strategies are stopped, as by `strategy:stop()`, and its exchange ends. Called by the runner.
---What goes wrong in them meanwhile, as in an on_stop handler, which no assertion could have seen: a text, or nil.
function test_market.finish()
  local s = current
  if not s then return end
  local ok = not s.restless
  local before = {}
  for _, strategy in strategies(s) do
    local _, errors = strategy.native:said()
    before[strategy] = #errors
    if ok then strategy.native:stop(false) end
  end
  if ok and running(s) then ok = pcall(s.native.settle, s.native) end
  if ok and running(s) then pcall(s.native.settle, s.native, s.native:now() + GRACE) end
  local wrong
  for _, strategy in strategies(s) do
    local _, errors = strategy.native:said()
    local first = ok and errors[before[strategy] + 1]
    if first and not wrong then wrong = strategy.name .. " failed at the end of the test: " .. first end
  end
  current = nil
  s.native:close()
  return wrong
end

---What the strategies of the test have printed and what went wrong in them, as lines with their names in front.
---@return string[] lines
function test_market.said()
  local lines = {}
  for _, strategy in strategies(current) do
    local name = strategy.name
    local printed, errors = strategy.native:said()
    for _, line in ipairs(printed) do lines[#lines + 1] = "[" .. name .. "] " .. line end
    for _, line in ipairs(errors) do lines[#lines + 1] = "[" .. name .. "] error: " .. line end
  end
  return lines
end

-- assertions ------------------------------------------------------------------------------------------------------

local function same(a, b)
  if type(a) == "number" and type(b) == "number" then return math.abs(a - b) < 1e-9 end
  return a == b
end

local function matches(expected, order)
  for k, v in pairs(expected) do
    if not same(order[k], v) then return false end
  end
  return true
end

---Which expected one has which order: as many of them as can have one each.
local function pair_up(expected, orders)
  local of_order = {}
  local function find(i, seen)
    for k, o in ipairs(orders) do
      if not seen[k] and matches(expected[i], o) then
        seen[k] = true
        if not of_order[k] or find(of_order[k], seen) then
          of_order[k] = i
          return true
        end
      end
    end
    return false
  end
  local found = {}
  for i = 1, #expected do found[i] = find(i, {}) end
  return found, of_order
end

local function cell(v)
  if v == nil then return "" end
  if math.type(v) == "float" then return (string.format("%.6f", v):gsub("0+$", ""):gsub("%.$", "")) end
  return tostring(v)
end

---Rows with a mark in front, as a small table.
local function small_table(title, rows, columns, marks, none)
  local lines, widths = { title }, {}
  if #rows == 0 then return title .. " " .. none end
  for c, name in ipairs(columns) do
    widths[c] = #name
    for _, row in ipairs(rows) do widths[c] = math.max(widths[c], utf8.len(cell(row[name])) or #cell(row[name])) end
  end
  local function line(mark, get)
    local parts = {}
    for c, name in ipairs(columns) do
      local text = get(name)
      parts[c] = text .. (" "):rep(widths[c] - (utf8.len(text) or #text))
    end
    lines[#lines + 1] = ("  " .. mark .. " " .. table.concat(parts, "  ")):gsub("%s+$", "")
  end
  line(" ", function(name) return name end)
  for i, row in ipairs(rows) do line(marks(i), function(name) return cell(row[name]) end) end
  return table.concat(lines, "\n")
end

local FIRST = { "ticker", "side", "price", "count", "filled", "remaining" }

local function columns_of(expected, orders)
  local wanted, list, tickers, n = { side = true, price = true, count = true }, {}, {}, 0
  for _, e in ipairs(expected) do
    for k in pairs(e) do wanted[k] = true end
  end
  for _, o in ipairs(orders) do
    if not tickers[o.ticker] then
      tickers[o.ticker], n = true, n + 1
    end
    if o.filled > 0 then wanted.filled = true end
  end
  if n > 1 then wanted.ticker = true end
  for _, k in ipairs(FIRST) do
    if wanted[k] then list[#list + 1] = k end
    wanted[k] = nil
  end
  local others = {}
  for k in pairs(wanted) do others[#others + 1] = tostring(k) end
  table.sort(others)
  for _, k in ipairs(others) do list[#list + 1] = k end
  return list
end

---The resting orders of a strategy are these, in any order. Each expected one is a table of some fields of an
---order, which
---has to have them: ticker, side, price (of YES), count (contracts in all), filled, remaining, post_only, ….
---@param strategy table of `t.run`
---@param expected table[] an empty list: none rests
---@param message? string in front of what is said when they differ
function test_market.orders(strategy, expected, message)
  if getmetatable(strategy) ~= strategy_meta then bad(2, "orders: give a strategy of t.run") end
  if type(expected) ~= "table" then bad(2, "orders: give a list, like { { side = \"bid\", price = 0.41 } }") end
  for i, e in ipairs(expected) do
    local keys = { "price", "own_price" }
    for _, k in ipairs(ORDER_FIELDS) do keys[#keys + 1] = k end
    known(2, "orders[" .. i .. "]", e, keys)
  end
  of_this_test(2, strategy, current and current.scripts)
  local orders = orders_of(strategy, { status = "resting" })
  local found, of_order = pair_up(expected, orders)
  local good = #orders == #expected
  for i = 1, #expected do good = good and found[i] end
  if good then return end
  local columns = columns_of(expected, orders)
  local text = string.format("%sresting orders of %s are not as expected", message and message .. ": " or "",
                             rawget(strategy, "name"))
  local wanted = small_table("expected:", expected, columns, function(i) return found[i] and " " or "-" end, "none")
  local there = small_table("resting:", orders, columns, function(k) return of_order[k] and " " or "+" end, "none")
  local ended = strategy.native:status()
  if ended.failed then
    there = there .. "\n" .. rawget(strategy, "name") .. " has failed: " .. tostring(strategy.errors[#strategy.errors])
  elseif ended.ended then
    there = there .. "\n" .. rawget(strategy, "name") .. " has ended"
  end
  error(text .. "\n" .. wanted .. "\n" .. there, 2)
end

kalua.on_stop(test_market.finish)

return test_market
