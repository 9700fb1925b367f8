-- Keeps positions where they are wanted: so many contracts of a market, or so large a share of a budget in it.
--
--   kalua scripts/examples/rebalancer.lua -- KXA=50 KXB=-20              50 YES of one, 20 NO of the other
--   … rebalancer.lua -- budget=200 band=10 KXA=30% KXB=-20%              shares of 200 dollars, at what they cost now
--   … once                                                              ends when all are there
--
-- It acts when a position is further than `band` percent (5) and more than a contract from its target, and then goes
-- all the way. It pays no spread: its orders rest at the best price and follow it. A contract costs its price and its
-- fee, so a share is never more than was said. What others trade on the account counts as soon as all is quiet.
local kalshi = require "kalshi"
local kalua = require "kalua"
local log = require "log"
local orders = require "orders"
local sizing = require "sizing"
local task = require "task"

local PAUSE <const> = 0.25 -- seconds between two looks
local REFUSED <const> = 5 -- seconds before the next look after something was refused
local QUIET <const> = 2 -- seconds without an order after which the account's record is the truth

local band, budget, once, wanted = 0.05, nil, false, {}
for _, word in ipairs(kalua.args) do
  local key, number, percent = tostring(word):match "^([%w.-]+)=(-?[%d.]+)(%%?)$"
  number = tonumber(number)
  if word == "once" then
    once = true
  elseif key == "band" and number and number >= 0 then
    band = number / 100
  elseif key == "budget" and number and number > 0 then
    budget = number
  elseif key and number and key ~= "band" and key ~= "budget" then
    wanted[#wanted + 1] = { ticker = key, count = percent == "" and number, share = percent ~= "" and number / 100 }
  else
    error(("%s: TICKER=COUNT, TICKER=SHARE%%, budget=DOLLARS, band=PERCENT or once"):format(word), 0)
  end
end
if #wanted == 0 then
  error("usage: kalua rebalancer.lua -- [budget=DOLLARS] [band=PERCENT] [once] TICKER=TARGET...", 0)
end

local shares = 0
for _, w in ipairs(wanted) do
  if w.share and not budget then error("shares of what? Say budget=DOLLARS", 0) end
  shares = shares + math.abs(w.share or 0)
  local market = kalshi.get_market(w.ticker).market
  local event = kalshi.get_event(market.event_ticker).event
  w.fees = sizing.fees(kalshi.get_series(event.series_ticker).series, event, "maker")
  w.book = kalshi.book(w.ticker)
  w.order = kalshi.own_orders{ ticker = w.ticker }[1] -- of the version before
  w.before, w.since = 0, -math.huge
  if w.order then w.before = -w.order.filled * (w.order.side == "bid" and 1 or -1) end
  local row = kalshi.positions{ ticker = w.ticker }[1]
  w.before = w.before + (row and row.position or 0)
end
if shares > 1 + 1e-9 then error(("the shares add up to %g %%"):format(shares * 100), 0) end

-- Contracts that are wanted now, below zero of NO; nil while the book does not say what they cost.
local function target(w)
  if w.count then return w.count end
  local middle = w.book:mid()
  if not middle then return nil end
  local price = w.share > 0 and middle or 1 - middle
  local count = math.floor(budget * math.abs(w.share) / sizing.break_even(price, w.fees))
  return w.share > 0 and count or -count
end

-- What is held: what was before the order, and what that has filled. The account's own record comes a moment later
-- than the order's, so it is asked only when no order is under way.
local function held(w)
  local o = w.order
  if o then
    local now = w.before + o.filled * (o.side == "bid" and 1 or -1)
    if o.status == "pending" or o.status == "unknown" or o.status == "resting" then return now end
    print(("%s: %s %g at %s, fees %.4f"):format(w.ticker, o.side == "bid" and "bought" or "sold", o.filled,
      o.average_price or "-", o.fees))
    w.before, w.order, w.since = now, nil, kalua.now()
  elseif kalua.now() - w.since > QUIET then
    local row = kalshi.positions{ ticker = w.ticker }[1]
    w.before = row and row.position or 0
  end
  return w.before
end

-- One look at a market: true when it is where it should be.
local function balance(w)
  if w.book.stale then return false end
  local have, want = held(w), target(w)
  if not want then return false end
  local off = math.floor((want - have) * 100 + 0.5) / 100
  local there = math.abs(off) < 1
  if not w.order and (there or math.abs(off) <= band * math.abs(want)) then return true end
  local side = off > 0 and "bid" or "ask"
  if w.order and (there or w.order.side ~= side) then
    w.order:cancel() -- the next look sees what it has filled
    return false
  end
  local price = side == "bid" and w.book:best_bid() or side == "ask" and w.book:best_ask() -- maybe its own
  if not price then return false end
  if not w.order then print(("%s: have %g, want %g"):format(w.ticker, have, want)) end
  w.order = orders.requote(w.order, { ticker = w.ticker, side = side, price = price, count = math.abs(off),
    post_only = true, tolerance = 0.0001 })
  return false
end

kalua.on_stop(function(reason)
  if reason ~= "reload" then kalshi.cancel_mine() end
end)

while true do
  local all, pause = true, PAUSE
  for _, w in ipairs(wanted) do
    local ok, there = pcall(balance, w)
    if not ok then
      if type(there) ~= "table" or there.kind == "cancelled" then error(there, 0) end
      log.warn("not now", { ticker = w.ticker, why = tostring(there) }) -- a limit, or a market that is closed
      pause = REFUSED
    end
    all = ok and there and all
  end
  if once and all then break end
  task.sleep(pause)
end
print(("all there; fees %.4f"):format(kalshi.portfolio().fees))
