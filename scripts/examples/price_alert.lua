-- Tells a webhook when the price of a market crosses a threshold.
--
--   kalua --allow-net hooks.example.com scripts/examples/price_alert.lua -- URL TICKER above 0.60
--   … price_alert.lua -- URL TICKER below 0.40 [once]
--
-- The price is the middle of the book. It counts as back when it is BAND on the other side, so that a price that
-- trembles around the threshold is one alert. What is sent is {"text", "ticker", "price", "bid", "ask", "threshold",
-- "at"}; chat services show `text`. An alert that cannot be delivered is tried again, until the next one.
local http = require "http"
local kalshi = require "kalshi"
local kalua = require "kalua"
local log = require "log"
local task = require "task"

local BAND <const> = 0.01 -- dollars
local FIRST_WAIT <const>, LAST_WAIT <const> = 1, 60 -- seconds between attempts to deliver

local url, ticker, direction, threshold = kalua.args[1], kalua.args[2], kalua.args[3], tonumber(kalua.args[4])
local once = kalua.args[5] == "once"
if not url or not ticker or not threshold or (direction ~= "above" and direction ~= "below") then
  error("usage: kalua price_alert.lua -- URL TICKER above|below PRICE [once]", 0)
end

local title = kalshi.get_market(ticker).market.title
local book <close> = kalshi.book(ticker)

local function deliver(message)
  local wait = FIRST_WAIT
  while true do
    local ok, err = pcall(http.post, url, { json = message, timeout = 10 })
    if ok then
      log.info("alerted", { price = message.price })
      return
    end
    if err.kind == "cancelled" or err.kind == "permission" or err.kind == "validation" then error(err, 0) end
    log.warn("the webhook did not take the alert", { why = tostring(err), again_in = wait })
    task.sleep(wait)
    wait = math.min(wait * 2, LAST_WAIT)
  end
end

local sign = direction == "above" and 1 or -1
local beyond, delivery = false, nil
print(("watching %s (%s) for a price %s %.2f"):format(ticker, title, direction, threshold))
for b in book:changes() do
  local price = not b.stale and b:mid() or nil
  local distance = price and sign * (price - threshold)
  if distance and not beyond and distance > 0 then
    beyond = true
    if delivery then delivery:cancel "a newer alert" end
    local message = {
      text = ("%s: %.3f, %s %.2f (%s)"):format(title, price, direction, threshold, ticker), ticker = ticker,
      price = price, bid = b:best_bid(), ask = b:best_ask(), threshold = threshold, at = kalua.now(),
    }
    if once then
      deliver(message)
      break
    end
    delivery = task.spawn(deliver, message) -- the book goes on meanwhile
  elseif distance and beyond and distance < -BAND then
    beyond = false
  end
end
