-- A market maker: one bid and one ask around the middle of the book, post-only, moved as the book moves.
-- It leans against what it holds, stops adding at MAX_POSITION, and takes its quotes back when it is stopped.
--
--   kalua scripts/examples/market_maker.lua                           on the embedded exchange
--   kalua --env demo scripts/examples/market_maker.lua -- TICKER 5    five contracts a side, with an account
local kalshi = require "kalshi"
local kalua = require "kalua"
local orders = require "orders"
local task = require "task"
local log = require "log"

local SIZE = tonumber(kalua.args[2]) or 10
local MAX_POSITION = 10 * SIZE
local EDGE = 0.004 -- distance of a quote from the middle, in dollars
local LEAN = 0.02 / MAX_POSITION -- how far both quotes move, per contract held
local PAUSE = 0.25 -- seconds between two looks at the book

-- The busiest open market in the middle of the price range, where there is room for two sides.
local function pick_market()
  local best
  for m in kalshi.each.get_markets{ status = "open", limit = 1000 } do
    local two_sided = m.yes_bid_dollars >= 0.2 and m.yes_ask_dollars <= 0.8
    if two_sided and (not best or m.volume_fp > best.volume_fp) then best = m end
  end
  return best or error("no open market has a book to quote around; name one after --", 0)
end

local market = kalua.args[1] and kalshi.get_market(kalua.args[1]).market or pick_market()
local ticker = market.ticker
local book <close> = kalshi.book(ticker)
local fills <close> = kalshi.subscribe{ channels = { "fill" }, market_tickers = { ticker } }

local position = 0
for _, p in ipairs(kalshi.get_positions{ ticker = ticker }.market_positions) do position = p.position_fp end

-- The valid price at or next to `price`: `round` is math.floor for a bid and math.ceil for an ask, so that rounding
-- never makes a quote more generous.
local function to_grid(price, round)
  for _, band in ipairs(market.price_ranges) do
    if price <= band["end"] + 1e-9 then
      local steps = (price - band.start) / band.step
      local nearest = math.floor(steps + 0.5)
      if math.abs(steps - nearest) > 1e-6 then nearest = round(steps) end
      return band.start + nearest * band.step
    end
  end
end

local quotes = {} -- one order a side
for _, order in ipairs(kalshi.own_orders{ ticker = ticker }) do quotes[order.side] = order end -- of the version before
local stopping = false

-- Refusals while the market or the exchange rests: what is there stays, and the next look tries again.
local RESTS = { trading_is_paused = true, exchange_is_paused = true, MARKET_INACTIVE = true }

-- What did not get through, or lost its answer, is tried again at the next look, too: to move or cancel an order twice
-- does no harm, and a new one that raises is not there. One whose answer is lost raises nothing, and is "unknown".
local function may_try_again(err)
  return type(err) == "table" and (RESTS[err.code] or err.retryable or err.code == "outcome_unknown"
    or err.kind == "network" or err.kind == "timeout")
end

local function withdraw(side)
  local order = quotes[side]
  if not order then return end
  local ok, err = pcall(order.cancel, order)
  if ok then
    quotes[side] = nil
  elseif not may_try_again(err) then
    error(err, 0)
  end
end

-- Moves the quote there, or places one. The market may have run into the price meanwhile, which post-only refuses, or a
-- limit of the host (--risk) may hold: then there is none until the next look.
local function quote(side, price)
  if stopping then return end
  local ok, result = pcall(orders.requote, quotes[side],
    { ticker = ticker, side = side, price = price, count = SIZE, post_only = true })
  if ok then
    quotes[side] = result
  elseif type(result) == "table" and (result.code == "invalid_order" or result.kind == "risk") then
    withdraw(side)
  elseif not may_try_again(result) then
    error(result, 0)
  end
end

-- The best price of the others. A quote of ours that is alone there does not count: leaning against the position from a
-- middle of our own quotes would lead them through the whole book, look by look.
local function best(side)
  local own = quotes[side]
  for _, level in ipairs(side == "bid" and book:bids(3) or book:asks(3)) do
    local price, count = level[1], level[2]
    if own and math.abs(own.price - price) < 1e-9 then count = count - own.remaining end
    if count > 0.005 then return price end
  end
end

local function requote()
  if stopping then return end
  local bid, ask = best "bid", best "ask"
  if book.stale or not bid or not ask then -- nothing says what it is worth
    withdraw "bid"
    withdraw "ask"
    return
  end
  local middle = (bid + ask) / 2 - LEAN * position
  -- Never at or through the other side: post-only orders that would trade are refused.
  local tick = market.price_ranges[1].step
  local our_bid = to_grid(math.min(middle - EDGE, ask - tick), math.floor)
  local our_ask = to_grid(math.max(middle + EDGE, bid + tick), math.ceil)
  if position < MAX_POSITION and our_bid and our_bid > 0 then quote("bid", our_bid) else withdraw "bid" end
  if position > -MAX_POSITION and our_ask and our_ask < 1 then quote("ask", our_ask) else withdraw "ask" end
end

kalua.on_stop(function(reason)
  if reason == "reload" then return end -- the next version goes on with the quotes
  stopping = true
  kalshi.cancel_mine()
  print(string.format("stopped with a position of %+g", position))
end)

task.spawn(function()
  for f in fills:messages() do
    position = f.post_position_fp
    print(string.format("filled  %-3s %6.2f @ %.4f   position %+.2f", f.book_side, f.count_fp, f.yes_price_dollars,
      position))
  end
end)

task.every(1, function()
  local function show(o) return o and o.remaining > 0 and string.format("%.4f", o.price) or "-" end
  local bid, bids = book:best_bid()
  local ask, asks = book:best_ask()
  print(string.format("book    %s x %s | %s x %s   quoting %s | %s   position %+.2f", bids, bid, ask, asks,
    show(quotes.bid), show(quotes.ask), position))
end)

log.info("quoting " .. ticker .. ", " .. SIZE .. " contracts a side")
print(string.format("market  %s  %s", ticker, market.yes_sub_title))
while not stopping do
  requote()
  book:wait(1)
  task.sleep(PAUSE) -- what changed meanwhile is seen in the next look
end
