-- Buys what is offered when far more contracts are bid for than offered, and sells them again.
--
--   kalua run                                 on the embedded exchange, as kalua.lua says
--   kalua NAME.lua -- TICKER                  in one market
--   kalua --env demo NAME.lua -- TICKER       the same on Kalshi's demo exchange, with a key (README.md)
local kalshi = require "kalshi"
local kalua = require "kalua"
local task = require "task"

-- What you will want to change. Save the file while it runs: the new version takes over.
local SIZE = 5 -- contracts of each order, at most
local PRESSURE = 0.3 -- from -1 (all offered) to 1 (all bid for): buys above it, sells below its negative
local LEVELS = 3 -- of each side of the book, that are counted
local MAX_POSITION = 20 -- contracts
local PAUSE = 2 -- seconds after an order

-- The busiest open market in the middle of the price range.
local function pick_ticker()
  local best
  for m in kalshi.each.get_markets{ status = "open", limit = 1000 } do
    local two_sided = m.yes_bid_dollars >= 0.2 and m.yes_ask_dollars <= 0.8
    if two_sided and (not best or m.volume_fp > best.volume_fp) then best = m end
  end
  return best and best.ticker or error("no open market has two sides; name one: kalua NAME.lua -- TICKER", 0)
end

local ticker = kalua.args[1] or pick_ticker()
local book <close> = kalshi.book(ticker)

-- Contracts held, as the account has them: also what another version or somebody else bought.
local function position()
  local held = 0
  for _, p in ipairs(kalshi.positions{ ticker = ticker }) do held = held + p.position end
  return held
end

-- Says what is new, once.
local last
local function say(text)
  if text ~= last then print(text) end
  last = text
end

-- Refusals while the market or the exchange rests.
local RESTS = { trading_is_paused = true, exchange_is_paused = true, MARKET_INACTIVE = true }

-- Waits until it is known what became of an order. While its answer is lost the account does not show what it filled,
-- and another order could buy the same again.
local function ended(order)
  while order.status == "pending" or order.status == "unknown" do
    if not order:wait(5) then say "no order: what became of the last one is not known yet" end
  end
  return order
end

-- Takes what is there at this price and nothing more. The account shows it well within PAUSE.
local function take(side, price, count, held)
  local ok, order = pcall(kalshi.order, {
    ticker = ticker, side = side, price = price, count = count, time_in_force = "ioc",
  })
  if ok then
    ended(order)
    local now = held + (side == "bid" and order.filled or -order.filled)
    print(string.format("%s %g of %g at %.4f, position %+g", side, order.filled, count, price, now))
  elseif type(order) == "table" and order.kind == "risk" then
    say("no order: " .. tostring(order)) -- a limit of kalua.lua
  elseif type(order) == "table" and RESTS[order.code] then
    say("no order: " .. tostring(order))
  else
    error(order, 0)
  end
  task.sleep(PAUSE)
end

-- A book that does not change may be that of a market that rests.
local rests
local function look()
  if rests then return say("no order: the market is " .. rests) end
  local bid, ask = book:best_bid(), book:best_ask()
  if book.stale then return say "no order: the book is not current" end
  if not bid or not ask then return say "no order: one side of the book is empty" end
  local pressure, held = book:imbalance(LEVELS), position()
  if pressure > PRESSURE and held < MAX_POSITION then
    return take("bid", ask, math.min(SIZE, MAX_POSITION - held), held)
  end
  if pressure < -PRESSURE and held > 0 then return take("ask", bid, math.min(SIZE, held), held) end
  say("no order: " .. (pressure > PRESSURE and string.format("%g held, MAX_POSITION is %g", held, MAX_POSITION)
    or pressure < -PRESSURE and "more is offered than bid for, and nothing is held to sell"
    or string.format("the sides are even, within %g", PRESSURE)))
end

print("market " .. ticker)
for _, order in ipairs(kalshi.own_orders{ ticker = ticker }) do -- of the version before
  ended(order)
  task.sleep(PAUSE)
end
while true do
  look()
  local status = not book:wait(5) and kalshi.get_market(ticker).market.status -- nothing moves
  rests = status and status ~= "active" and status
end
