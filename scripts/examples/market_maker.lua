-- A market maker: one bid and one ask around the middle of the book, post-only, moved as the book moves.
-- It leans against what it holds, stops adding at MAX_POSITION, and takes its quotes back when it is stopped.
--
--   kalua scripts/examples/market_maker.lua                           on the embedded exchange
--   kalua --env demo scripts/examples/market_maker.lua -- TICKER 5    five contracts a side, with an account
local kalshi = require "kalshi"
local kalua = require "kalua"
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

-- One resting order a side: id, price, and how much of it was filled so far (an amend names the total).
local quotes = {}
local stopping, busy = false, false

-- What the market's own movement brings about is no error: the order was filled before it could be changed, or the
-- price ran into the quote.
local expected = { not_found = true, invalid_order = true, order_already_exists = true }

local function try(call, ...)
  local ok, answer = pcall(call, ...)
  if ok then return answer end
  if type(answer) == "table" and expected[answer.code] then return nil end
  error(answer, 0)
end

local function withdraw(side)
  local q = quotes[side]
  quotes[side] = nil
  if q then try(kalshi.cancel_order, q.id, { market_ticker = ticker }) end
end

local function quote(side, price)
  local q = quotes[side]
  if q and math.abs(q.price - price) < 1e-9 then return end
  if q then
    local change = { ticker = ticker, side = side, price = price, count = q.filled + SIZE }
    local answer = try(kalshi.amend_order, q.id, change)
    if answer then
      q.price = price
      return
    end
    withdraw(side)
  end
  local answer = try(kalshi.create_order, {
    ticker = ticker,
    side = side,
    price = price,
    count = SIZE,
    time_in_force = "good_till_canceled",
    self_trade_prevention_type = "taker_at_cross",
    post_only = true,
  })
  if answer then quotes[side] = { id = answer.order_id, price = price, filled = answer.fill_count } end
end

local function requote()
  local bid, ask = book:best_bid(), book:best_ask()
  if stopping or book.stale or not bid or not ask then return end
  busy = true
  local middle = book:mid() - LEAN * position
  -- Never at or through the other side: post-only orders that would trade are refused.
  local tick = market.price_ranges[1].step
  local our_bid = to_grid(math.min(middle - EDGE, ask - tick), math.floor)
  local our_ask = to_grid(math.max(middle + EDGE, bid + tick), math.ceil)
  if position < MAX_POSITION and our_bid and our_bid > 0 then quote("bid", our_bid) else withdraw "bid" end
  if position > -MAX_POSITION and our_ask and our_ask < 1 then quote("ask", our_ask) else withdraw "ask" end
  busy = false
end

kalua.on_stop(function()
  stopping = true
  while busy do task.sleep(0.01) end -- an order on its way has an id only when its answer is here
  withdraw "bid"
  withdraw "ask"
  print(string.format("stopped with a position of %+g", position))
end)

task.spawn(function()
  for f in fills:messages() do
    position = f.post_position_fp
    for side, q in pairs(quotes) do
      if q.id == f.order_id then
        q.filled = q.filled + f.count_fp
        if q.filled >= SIZE then quotes[side] = nil end
      end
    end
    print(string.format("filled  %-3s %6.2f @ %.4f   position %+.2f", f.book_side, f.count_fp, f.yes_price_dollars,
      position))
  end
end)

task.every(1, function()
  local function show(q) return q and string.format("%.4f", q.price) or "-" end
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
