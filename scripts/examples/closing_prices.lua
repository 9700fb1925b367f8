-- The last price of each day (UTC) of some markets, kept on the disk: it may be stopped and started at any time.
--
--   kalua scripts/examples/closing_prices.lua                         the three markets that were traded most
--   kalua scripts/examples/closing_prices.lua -- TICKER TICKER        these
--   kalua scripts/examples/closing_prices.lua -- show                 what was recorded so far
--
-- A day that passes while nothing runs is missing: the price of its end is not known any more.
local kalshi = require "kalshi"
local kalua = require "kalua"
local store = require "store"
local task = require "task"

local EVERY <const> = 5 -- seconds between two looks
local KEPT <const> = 366 -- days of each market
local DAY <const> = 86400

local function show()
  for _, list in ipairs(store.lists "closes:") do
    local line = {}
    for _, close in ipairs(store.last(list, 10)) do line[#line + 1] = ("%s %.4f"):format(close.day, close.price) end
    print(list:match "^closes:(.*)", table.concat(line, "  "))
  end
end

local function busiest(n)
  local tickers = {}
  local all = {}
  for m in kalshi.each.get_markets{ status = "open", limit = 1000 } do all[#all + 1] = m end
  table.sort(all, function(a, b) return a.volume_fp > b.volume_fp end)
  for i = 1, math.min(n, #all) do tickers[i] = all[i].ticker end
  return tickers
end

-- The price of now becomes that of the day; when the day is another one, that of the day before is final. All of it in
-- one write, so that a stop at any moment leaves no day out and none twice.
local function record(ticker, price)
  local now = kalua.now()
  local today = os.date("!%Y-%m-%d", math.floor(now)) --[[@as string]]
  local running = store.get("today:" .. ticker)
  store.batch(function(b)
    if running and running.day ~= today then
      b.append("closes:" .. ticker, { day = running.day, price = running.price }, KEPT)
      local old = running.at < now - DAY and "(seen last long before)" or ""
      print(ticker, running.day, ("%.4f"):format(running.price), old)
    end
    b.set("today:" .. ticker, { day = today, price = price, at = now })
  end)
  if not running or running.price ~= price then print(ticker, "now", ("%.4f"):format(price)) end
end

if kalua.args[1] == "show" then
  show()
  return
end

local tickers = #kalua.args > 0 and kalua.args or busiest(3)
print("recording", table.concat(tickers, " "))
while true do
  local ok, answer = pcall(kalshi.get_markets, { tickers = table.concat(tickers, ",") })
  if ok then
    for _, m in ipairs(answer.markets) do
      if m.last_price_dollars and m.last_price_dollars > 0 then record(m.ticker, m.last_price_dollars) end
    end
  elseif not answer.retryable then
    error(answer, 0)
  end
  task.sleep(EVERY)
end
