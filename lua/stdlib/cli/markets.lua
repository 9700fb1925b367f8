-- Which markets are meant: for commands that take tickers.
local kalshi = require "kalshi"
local task = require "task"

local markets = {}

local PATIENCE = 5 -- seconds for a suggestion
local SAMPLE = 200 -- markets of a series that are compared

local function open_markets(query)
  query.status = "open"
  local ok, answer = pcall(kalshi.get_markets, query)
  return ok and answer.markets or {}
end

local function some(list)
  local names = {}
  for i = 1, math.min(#list, 3) do names[i] = list[i].ticker end
  return table.concat(names, ", ") .. (#list > 3 and ", …" or "")
end

local function common_prefix(a, b)
  local n = 0
  while n < #a and a:byte(n + 1) == b:byte(n + 1) do n = n + 1 end
  return n
end

-- The open market of the list whose ticker shares most of its beginning; of those the one nearest in length.
local function nearest(ticker, list)
  local best, best_shared, best_off
  for _, market in ipairs(list) do
    local shared, off = common_prefix(ticker, market.ticker), math.abs(#ticker - #market.ticker)
    if not best or shared > best_shared or shared == best_shared and off < best_off then
      best, best_shared, best_off = market.ticker, shared, off
    end
  end
  return best
end

local function suggestion(ticker)
  local upper = ticker:upper()
  if upper ~= ticker and pcall(kalshi.get_market, upper) then
    return string.format("; did you mean %s?", upper)
  end
  local series = upper:match "^[^-]+"
  if series == upper then
    local list = open_markets{ series_ticker = series, limit = 4 }
    if #list > 0 then return string.format(": it is a series; markets of it: %s", some(list)) end
  else
    local list = open_markets{ event_ticker = upper, limit = 4 }
    if #list > 0 then return string.format(": it is an event; markets of it: %s", some(list)) end
    local near = nearest(upper, open_markets{ series_ticker = series, limit = SAMPLE })
    if near then return string.format("; did you mean %s?", near) end
  end
  return "; `kalua api get_markets status=open` lists those that are open"
end

---Raises one line that names the market that does not exist, with what may have been meant.
function markets.refuse(ticker)
  local ok, text = pcall(task.timeout, PATIENCE, function() return suggestion(ticker) end)
  error(string.format('there is no market "%.80s"%s', ticker, ok and text or ""), 0)
end

---True when the error of a call says that there is no such thing.
function markets.is_missing(err)
  return type(err) == "table" and err.status == 404
end

return markets
