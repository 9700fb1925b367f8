-- The body of `kalua tail`. Settings of kalua.args, then words:
--   channels=                    separated by commas
--   words=market_tickers|index_ids|underlying_tickers   what the words are: an option of kalshi.subscribe
--   raw=1, initial=1, self=1, max=, seconds=, shard=KEY/FACTOR
local kalshi = require "kalshi"
local json = require "json"
local task = require "task"
local markets = require "cli.markets"
local output = require "cli.output"
local reach = require "cli.reach"
local args = require "cli.settings"

local settings, words = args.settings, args.words
local max, seconds = tonumber(settings.max) or math.huge, tonumber(settings.seconds)

local CHECK_WAIT = 5   -- seconds that are spent on whether the markets exist
local CHECK_AT_ONCE = 100

-- A ticker that does not exist is found before the feed is asked for it. Where REST does not answer, the feed tells.
local function check_markets()
  for from = 1, #words, CHECK_AT_ONCE do
    local asked = table.move(words, from, math.min(#words, from + CHECK_AT_ONCE - 1), 1, {})
    local ok, answer = pcall(kalshi.get_markets, { tickers = table.concat(asked, ","), limit = CHECK_AT_ONCE })
    if not ok then return nil end
    local there = {}
    for _, market in ipairs(answer.markets) do there[market.ticker] = true end
    for _, ticker in ipairs(asked) do
      -- Those that moved to the history are in no list.
      if not there[ticker] then
        local known, err = pcall(kalshi.get_market, ticker)
        if not known and markets.is_missing(err) then return ticker end
      end
    end
  end
end

local function subscribe()
  local options = { channels = {} }
  for channel in settings.channels:gmatch "[^,]+" do options.channels[#options.channels + 1] = channel end
  if #words > 0 then options[settings.words] = words end
  if settings.initial then options.send_initial_snapshot = true end
  if settings.raw then options.raw = "text" end
  if settings.self then options.user_filter = "self" end
  if settings.shard then
    local key, factor = settings.shard:match "^(%d+)/(%d+)$"
    options.shard_key, options.shard_factor = math.tointeger(key), math.tointeger(factor)
  end
  return kalshi.subscribe(options)
end

-- Events alone need no connection, and then there are none: one is held by a channel that says next to nothing.
local function hold_connection() return kalshi.subscribe{ channels = { "order_group_updates" } } end

local function follow()
  if settings.words == "market_tickers" and #words > 0 then
    local ok, missing = pcall(task.timeout, CHECK_WAIT, check_markets)
    if ok and missing then markets.refuse(missing) end
  end
  local sub <close> = reach(subscribe)
  local _ <close> = settings.channels == "kalshi.status" and reach(hold_connection) or nil
  local n = 0
  for message in sub:messages() do
    output.write((settings.raw and message or json.encode(message)) .. "\n")
    n = n + 1
    if n >= max then return end
  end
end

local ok, err = pcall(function()
  if not seconds then return follow() end
  task.race{ follow, function() task.sleep(seconds) end }
end)
-- What came before goes out first, however slow the reader is.
if ok or err.kind ~= "broken_pipe" then output.flush() end
if not ok and type(err) == "table" and err.kind == "overflow" then
  error(err.message .. ": what reads the output is too slow; ask for less, or write to a file", 0)
end
if not ok then error(err, 0) end
