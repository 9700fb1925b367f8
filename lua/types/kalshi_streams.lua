---@meta _
-- Streams of messages. Part of kalshi.lua.

---@class kalshi
local kalshi = {}

---What `kalshi.subscribe` returns. It ends when nothing in the script refers to it any more. A wrong argument raises
---"validation", a method of one that was closed "closed".
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
---@return fun(): table<string, any>? next for `for`; prices in dollars, counts in contracts
function Subscription:messages() end

---Adds markets, and waits until the exchange has acknowledged them. Raises "validation" for a market that does not exist,
---"ws" for what else the exchange refuses; the subscription goes on with the others.
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

---What the exchange has, of a channel that is chosen by index. Raises "validation" for another channel, "timeout" or
---"network" where no answer came.
---```lua
---sub = kalshi.subscribe{ channels = { "cfbenchmarks_value" }, index_ids = { "all" } }
---sub:available()
---sub:close()
---```
---@async
---@return string[] indices that can be asked for
function Subscription:available() end

---Ends the subscription; loops over it end. Raises nothing, also where it has ended already.
---```lua
---sub = kalshi.subscribe{ channels = { "trade" } }
---sub:close()
---```
function Subscription:close() end

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

---Asks for a stream of messages; returns once the exchange has acknowledged it. Raises "validation" for an unknown channel,
---option or market, "auth" without a key, "ws" for what the exchange refuses.
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

---What the exchange says that it sends to this session: one row per channel and connection. Raises "auth" without a key,
---"network" or "timeout" where no answer came.
---```lua
---kalshi.subscriptions()
---```
---@async
---@return {channel: string, sid: integer, connection: integer}[] rows `sid` is the exchange's number of it on that connection
function kalshi.subscriptions() end
