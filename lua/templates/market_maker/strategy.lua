-- Makes a market: one bid and one ask around the middle of a book, moved as the book moves.
--
--   kalua run                                 on the embedded exchange, as kalua.lua says
--   kalua NAME.lua -- TICKER                  in one market
--   kalua --env demo NAME.lua -- TICKER       the same on Kalshi's demo exchange, with a key (README.md)
local kalshi = require "kalshi"
local kalua = require "kalua"
local orders = require "orders"
local task = require "task"

-- What you will want to change. Save the file while it runs: the new version takes over, the orders stay.
local SIZE = 10 -- contracts of each quote
local EDGE = 0.002 -- dollars between the middle of the book and a quote
local MAX_POSITION = 50 -- contracts held, either way, beyond which that side is not quoted
local PAUSE = 0.25 -- seconds between two looks at the book

-- The busiest open market with a book to quote around.
local function pick_market()
  local best
  for m in kalshi.each.get_markets{ status = "open", limit = 1000 } do
    local two_sided = m.yes_bid_dollars >= 0.2 and m.yes_ask_dollars <= 0.8
    if two_sided and (not best or m.volume_fp > best.volume_fp) then best = m end
  end
  return best or error("no open market has a book to quote around; name one: kalua NAME.lua -- TICKER", 0)
end

local market = kalua.args[1] and kalshi.get_market(kalua.args[1]).market or pick_market()
local ticker = market.ticker
local book <close> = kalshi.book(ticker)

-- Prices are on a grid, and its steps are not the same everywhere. `round` is math.floor for a bid and math.ceil for an
-- ask, so that rounding never gives money away.
local function to_grid(price, round)
  for _, range in ipairs(market.price_ranges) do
    if price <= range["end"] + 1e-9 then
      local steps = (price - range.start) / range.step
      local nearest = math.floor(steps + 0.5)
      if math.abs(steps - nearest) > 1e-6 then nearest = round(steps) end
      return range.start + nearest * range.step
    end
  end
end

-- What is held: as it is now, and then by the fills (below).
local fills <close> = kalshi.subscribe{ channels = { "fill" }, market_tickers = { ticker } }
local held = 0
for _, p in ipairs(kalshi.get_positions{ ticker = ticker }.market_positions) do held = p.position_fp end

-- Says what is new, once.
local last = {}
local function say(about, text)
  if last[about] == text then return end
  last[about] = text
  print(string.format("%-4s %s", about, text))
end

local quotes = {} -- one order a side
for _, order in ipairs(kalshi.own_orders{ ticker = ticker }) do quotes[order.side] = order end -- of the version before

-- Refusals while the market or the exchange rests: what is there stays, and the next look tries again.
local RESTS = { trading_is_paused = true, exchange_is_paused = true, MARKET_INACTIVE = true }

-- What did not get through, or lost its answer, is tried again at the next look, too: to move or cancel an order twice
-- does no harm, and a new one that raises is not there. One whose answer is lost raises nothing, and is "unknown".
local function may_try_again(err)
  return type(err) == "table" and (RESTS[err.code] or err.retryable or err.code == "outcome_unknown"
    or err.kind == "network" or err.kind == "timeout")
end

local function withdraw(side, why)
  local order = quotes[side]
  local ok, err = true, nil
  if order then ok, err = pcall(order.cancel, order) end
  if ok then
    quotes[side] = nil
    say(side, "no quote: " .. why)
  elseif may_try_again(err) then
    say(side, "a quote that cannot be taken back now: " .. tostring(err))
  else
    error(err, 0)
  end
end

local function quote(side, price)
  local ok, result = pcall(orders.requote, quotes[side],
    { ticker = ticker, side = side, price = price, count = SIZE, post_only = true })
  if ok then
    quotes[side] = result
    say(side, string.format("%g at %.4f", result.remaining, result.yes_price))
  elseif type(result) == "table" and (result.code == "invalid_order" or result.kind == "risk") then
    withdraw(side, tostring(result)) -- the market ran into the price meanwhile, or a limit of kalua.lua holds
  elseif may_try_again(result) then
    say(side, "no change now: " .. tostring(result))
  else
    error(result, 0)
  end
end

-- The best price of the others: a quote of ours that is alone there does not count, or it would follow itself.
local function best(side)
  local own = quotes[side]
  for _, level in ipairs(side == "bid" and book:bids(3) or book:asks(3)) do
    local price, count = level[1], level[2]
    if own and math.abs(own.price - price) < 1e-9 then count = count - own.remaining end
    if count > 0.005 then return price end
  end
end

local function look()
  local bid, ask = best "bid", best "ask"
  local why = book.stale and "the book is not current" or not bid and "nobody bids" or not ask and "nobody asks"
  if why then
    withdraw("bid", why)
    withdraw("ask", why)
    return
  end
  local step = market.price_ranges[1].step
  -- A post-only order that would trade at once is refused, so neither quote reaches the other side.
  local middle = (bid + ask) / 2
  local our_bid = to_grid(math.min(middle - EDGE, ask - step), math.floor)
  local our_ask = to_grid(math.max(middle + EDGE, bid + step), math.ceil)
  if held >= MAX_POSITION then
    withdraw("bid", string.format("%g held, MAX_POSITION is %g", held, MAX_POSITION))
  elseif not our_bid or our_bid <= 0 then
    withdraw("bid", "the middle is too near to 0")
  else
    quote("bid", our_bid)
  end
  if held <= -MAX_POSITION then
    withdraw("ask", string.format("%g held, MAX_POSITION is %g", held, MAX_POSITION))
  elseif not our_ask or our_ask >= 1 then
    withdraw("ask", "the middle is too near to 1")
  else
    quote("ask", our_ask)
  end
end

task.spawn(function()
  for f in fills:messages() do
    held = f.post_position_fp
    print(string.format("fill %s %g at %.4f, position %+g", f.book_side, f.count_fp, f.yes_price_dollars, held))
  end
end)

kalua.on_stop(function(reason)
  if reason == "reload" then return end -- the next version goes on with the orders
  kalshi.cancel_mine()
  print(string.format("stopped with a position of %+g", held))
end)

-- A book that does not change may be that of a market that rests.
local function ask_why()
  say("market", "is " .. kalshi.get_market(ticker).market.status)
  say("exchange", kalshi.get_exchange_status().trading_active and "trades" or "does not trade")
end
last.market, last.exchange = "is active", "trades"

print("market " .. ticker .. "  " .. market.title)
while true do
  look()
  if not book:wait(5) then ask_why() end
  task.sleep(PAUSE) -- what changed meanwhile is seen in the next look
end
