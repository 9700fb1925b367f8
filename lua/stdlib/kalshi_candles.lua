-- kalshi.candlesticks: the candles of a market wherever the exchange keeps them. Run once by the module itself; not for
-- `require`.
local kalshi, helpers = ...
assert(type(kalshi) == "table" and type(helpers) == "table", 'use require "kalshi"')

local error, ipairs, math, pairs, pcall, table, type = error, ipairs, math, pairs, pcall, table, type

local MOST = 5000 -- candles that one answer may hold: 10,000 for live markets, not documented for the others

local known = { start_ts = true, end_ts = true, period_interval = true, raw = true, timeout = true }

local function refuse(text) helpers.fail("validation", "candlesticks", false, text, "wrong_arguments") end

-- The history leaves out the endings _dollars and _fp.
local function with_dollars(prices)
  if type(prices) ~= "table" then return prices end
  local out = {}
  for name, price in pairs(prices) do out[name:find "_dollars$" and name or name .. "_dollars"] = price end
  return out
end

local function as_live(candle)
  local out = {}
  for name, value in pairs(candle) do
    if name == "volume" or name == "open_interest" then name = name .. "_fp" end
    out[name] = with_dollars(value)
  end
  return out
end

-- nil, and not an error, when the exchange does not know the market there (or has no such place at all).
local function unless_gone(fn, ...)
  local ok, answer = pcall(fn, ...)
  if ok then return answer end
  if type(answer) == "table" and (answer.status == 404 or answer.status == 501) then return nil, answer end
  error(answer, 0)
end

local function list(v) return type(v) == "table" and v or {} end -- null is an empty one

-- By one ticker of many: unlike the operation for one market it does not ask for the series.
local function live_candles(ticker, piece)
  local query = { market_tickers = { ticker } }
  for name, value in pairs(piece) do query[name] = value end
  local answer, gone = unless_gone(kalshi.batch_get_market_candlesticks, query)
  for _, market in ipairs(answer and list(answer.markets) or {}) do
    if market.market_ticker == ticker then return list(market.candlesticks) end
  end
  return {}, gone
end

local function historical_candles(ticker, piece)
  local out = list(kalshi.get_market_candlesticks_historical(ticker, piece).candlesticks)
  for i, candle in ipairs(out) do out[i] = as_live(candle) end
  return out
end

---The candles of a market that end in start_ts … end_ts, oldest first, lazily:
---
---    for c in kalshi.candlesticks(ticker, { start_ts = a, end_ts = b, period_interval = 60 }) do … end
---
---A range longer than one answer may be is asked for piece by piece. A market that has moved to the history is read
---there, also when it moves meanwhile; its candles have the field names of the live ones.
function kalshi.candlesticks(ticker, query)
  if type(ticker) ~= "string" or ticker == "" then refuse "the first argument must be a market's ticker" end
  if type(query) ~= "table" then refuse "takes a ticker and then { start_ts = …, end_ts = …, period_interval = … }" end
  for name in pairs(query) do
    if not known[name] then
      refuse(('there is no parameter "%s": start_ts, end_ts, period_interval, raw, timeout'):format(name))
    end
  end
  local minutes, raw, timeout = query.period_interval, query.raw, query.timeout
  if minutes ~= 1 and minutes ~= 60 and minutes ~= 1440 then
    refuse "period_interval must be 1, 60 or 1440 minutes"
  end
  if raw and raw ~= true then refuse "raw must be true or false" end
  for _, name in ipairs{ "start_ts", "end_ts" } do
    local v = query[name]
    if not (math.type(v) and v >= 0 and v < 2 ^ 53) then refuse(name .. " must be seconds since the epoch") end
  end
  -- Candles end on whole seconds.
  local from, to = math.ceil(query.start_ts), math.floor(query.end_ts)
  if query.start_ts > query.end_ts then refuse "start_ts is after end_ts" end

  local span = (MOST - 1) * minutes * 60 -- both ends belong to a piece
  local market, historical

  local function find_market()
    local found, gone = unless_gone(kalshi.get_market, ticker, { timeout = timeout })
    local there
    if not found then
      found = unless_gone(kalshi.get_historical_market, ticker, { timeout = timeout })
      if not found then error(gone, 0) end -- neither here nor there
      there = true
    end
    if type(found.market) ~= "table" then
      helpers.fail("protocol", there and "get_historical_market" or "get_market", false, "the answer has no market")
    end
    market, historical = found.market, there
    local opened = helpers.seconds(market.open_time)
    if opened and opened > from then from = math.floor(opened) end -- there is nothing before
  end

  -- Only a settled market moves.
  local function has_moved()
    if market.status ~= "finalized" and not market.settlement_ts then return false end
    if unless_gone(kalshi.get_market, ticker, { timeout = timeout }) then return false end
    historical = true
    return true
  end

  local function next_page()
    if not market then find_market() end
    if from > to then return {}, true end
    local last = math.min(to, from + span)
    local piece = { start_ts = from, end_ts = last, period_interval = minutes, raw = raw, timeout = timeout }
    local candles, gone
    if not historical then
      candles, gone = live_candles(ticker, piece)
      -- Nothing can mean nothing, or that the market is no longer there.
      if #candles == 0 and not has_moved() and gone then error(gone, 0) end
    end
    if historical then candles = historical_candles(ticker, piece) end
    table.sort(candles, function(a, b) return a.end_period_ts < b.end_period_ts end)
    from = last + 1
    return candles, last == to
  end
  return helpers.iterate(next_page)
end
