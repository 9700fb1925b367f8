-- A market's book beside the price that another provider streams over WebSocket: here the last trade of BTC-USD at
-- Coinbase, beside the market on Bitcoin whose book is the liveliest.
--
--   kalua --env prod --allow-net ws-feed.exchange.coinbase.com scripts/examples/reference_price.lua
--   … reference_price.lua -- URL [TICKER]
local json = require "json"
local kalshi = require "kalshi"
local kalua = require "kalua"
local log = require "log"
local task = require "task"
local ws = require "ws"

local URL = kalua.args[1] or "wss://ws-feed.exchange.coinbase.com"
local SUBSCRIBE = json.encode{ type = "subscribe", product_ids = { "BTC-USD" }, channels = { "ticker" } }
local AGAIN = 2 -- seconds until the next attempt to connect
local EVERY = 1 -- seconds between two lines

local price -- nil while nobody says

local function follow()
  local feed <close> = ws.connect(URL)
  feed:send(SUBSCRIBE)
  for text in feed:messages() do
    local message = json.decode(text)
    if message.type == "ticker" then price = tonumber(message.price) end
    if message.type == "error" then error(message.message .. ": " .. tostring(message.reason)) end
  end
end

task.spawn(function()
  while true do
    local ok, err = pcall(follow)
    price = nil -- an old price is worse than none
    if not ok and (err.kind == "permission" or err.kind == "validation") then error(err, 0) end
    log.warn("the reference price is gone", { why = ok and "the server closed" or tostring(err) })
    task.sleep(AGAIN)
  end
end)

local function liveliest()
  local best
  for m in kalshi.each.get_markets{ series_ticker = "KXBTCD", status = "open" } do
    if not best or m.volume_24h_fp > best.volume_24h_fp then best = m end
  end
  return assert(best, "no market on Bitcoin is open: name one")
end

local ticker = kalua.args[2]
local market = ticker and kalshi.get_market(ticker).market or liveliest()
local book <close> = kalshi.book(market.ticker)
print(market.ticker, market.yes_sub_title)
for b in book:changes() do
  local bid, ask = b:best_bid(), b:best_ask()
  print(string.format("%s | %s   BTC-USD %s%s", bid or "-", ask or "-", price or "-", b.stale and "   (stale)" or ""))
  task.sleep(EVERY)
end
