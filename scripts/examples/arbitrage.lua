-- Arbitrage inside an event of whose outcomes at most one comes: NO of all of them pays a dollar for each but one, so
-- when the bids add up to more than a dollar and the fees, selling all is a profit whatever happens. Where exactly one
-- outcome must come, buying all pays a dollar, too; only you can know that, so it is done only when you say so.
--
--   kalua scripts/examples/arbitrage.lua -- EVENT                  sells sets that are too dear
--   kalua scripts/examples/arbitrage.lua -- EVENT exhaustive       buys sets that are too cheap, too
--   … once                                                        ends after the first set
local kalshi = require "kalshi"
local kalua = require "kalua"
local log = require "log"
local sizing = require "sizing"
local task = require "task"

local MOST <const> = 100 -- dollars that a set may cost
local LEAST_PROFIT <const> = 0.005 -- dollars a set after fees
local PAUSE <const> = 0.1 -- seconds between two looks

local event_ticker, exhaustive, once = kalua.args[1], false, false
for i = 2, #kalua.args do
  exhaustive, once = exhaustive or kalua.args[i] == "exhaustive", once or kalua.args[i] == "once"
end
if not event_ticker then error("usage: kalua arbitrage.lua -- EVENT [exhaustive] [once]", 0) end

local event = kalshi.get_event(event_ticker, { with_nested_markets = true }).event
if not event.mutually_exclusive then error(event_ticker .. ": its outcomes do not exclude each other", 0) end
local fees = sizing.fees(kalshi.get_series(event.series_ticker).series, event)
fees.precision = 0.01 -- balances of most accounts are kept in cents, so each leg may cost one more

local tickers = {}
for _, m in ipairs(event.markets) do
  if m.status == "active" then
    tickers[#tickers + 1] = m.ticker
  elseif exhaustive and m.result ~= "no" then -- the set would pay nothing if this one came
    log.warn("no set is bought: one outcome cannot be had", { ticker = m.ticker, status = m.status })
    exhaustive = false
  end
end
if #tickers < 2 then error(event_ticker .. " has fewer than two open markets", 0) end
local books = kalshi.books(tickers)

-- What so many of each leg cost, with fees as they are rounded up.
local function cost_of(legs, count)
  local sum = 0
  for _, leg in ipairs(legs) do sum = sum + sizing.cost(leg.price, count, fees) end
  return sum
end

-- Dollars that a set may cost: each shard of the exchange has cash of its own, and orders are paid from that of their
-- market's. 0 where it cannot be asked now.
local function money()
  local ok, answer = pcall(kalshi.get_balance, { exchange_index = event.exchange_index })
  if ok then return math.min(MOST, answer.balance_dollars) end
  log.warn("no set is traded: the balance cannot be read", { why = tostring(answer) })
  return 0
end

-- What buying `side` of the markets would be: legs at the best prices, as many sets as the thinnest leg has, and the
-- profit of a set after fees. Nil where that is none.
local function find(side)
  local legs, cost, count = {}, 0, math.huge
  for _, ticker in ipairs(tickers) do
    local book = books[ticker]
    if book.stale then return nil end
    local price, available = book:best_ask(side)
    -- A NO adds a dollar to what the set pays: it belongs in when it costs less. Of YES every outcome is needed.
    local useful = price and (side == "yes" or sizing.break_even(price, fees) < 1)
    if side == "yes" and not price then return nil end
    if useful then
      legs[#legs + 1] = { ticker = ticker, side = side, price = price }
      cost, count = cost + sizing.break_even(price, fees), math.min(count, available)
    end
  end
  local pays = side == "yes" and 1 or #legs - 1
  if #legs < 2 or pays - cost < LEAST_PROFIT then return nil end
  -- Not more than there is money for: a set of which some legs are refused would have to be sold back.
  local most = money()
  count = math.min(math.floor(count), math.floor(most / cost))
  while count > 0 and cost_of(legs, count) > most do count = count - 1 end
  local profit = count * pays - cost_of(legs, count)
  if count < 1 or profit < LEAST_PROFIT * count then return nil end
  return { side = side, legs = legs, count = count, cost = cost, profit = profit }
end

-- Takes what is there of one side at that price or better. Returns the contracts filled, once it is known.
local function take(ticker, side, price, count, closing)
  local ok, order = pcall(kalshi.order, {
    ticker = ticker, side = side, price = price, count = count, time_in_force = "ioc", reduce_only = closing,
  })
  if not ok then
    if order.kind == "cancelled" then error(order, 0) end
    log.error("a leg was refused", { ticker = ticker, why = tostring(order) })
    return 0
  end
  while order.status == "pending" or order.status == "unknown" do order:wait(1) end
  return order.filled
end

-- Sells what was bought too much of a leg: buys its other side at whatever is asked. What cannot be sold is said.
local function unwind(leg, count)
  local other = leg.side == "yes" and "no" or "yes"
  local left = count
  for _ = 1, 20 do
    local price = books[leg.ticker]:best_ask(other)
    if price then left = left - take(leg.ticker, other, price, left, true) end
    if left < 0.005 then
      print(("unwound %g of %s"):format(count, leg.ticker))
      return
    end
    task.sleep(PAUSE)
  end
  log.error("an uneven leg stays open", { ticker = leg.ticker, side = leg.side, count = left })
end

-- All legs at once; what one of them missed is tried a second time as long as the set still pays, then made even.
local function trade(set)
  print(("%s %d sets of %d: %.4f each, profit %.2f"):format(set.side == "yes" and "buying" or "selling", set.count,
    #set.legs, set.cost, set.profit))
  local function send(count_of)
    local calls = {}
    for i, leg in ipairs(set.legs) do
      calls[i] = function()
        local count = count_of(leg)
        if count > 0 then leg.filled = (leg.filled or 0) + take(leg.ticker, leg.side, leg.price, count) end
      end
    end
    task.all(calls)
  end
  send(function() return set.count end)
  local most = 0
  for _, leg in ipairs(set.legs) do most = math.max(most, leg.filled) end
  local spare = set.profit / set.count -- of a set: what the legs that missed may cost more, all together
  for _, leg in ipairs(set.legs) do
    if leg.filled < most then
      local price = books[leg.ticker]:best_ask(leg.side)
      local more = price and sizing.break_even(price, fees) - sizing.break_even(leg.price, fees)
      if more and more > 0 and more < spare then leg.price, spare = price, spare - more end
    end
  end
  send(function(leg) return most - leg.filled end)

  local even = math.huge
  for _, leg in ipairs(set.legs) do even = math.min(even, leg.filled) end
  for _, leg in ipairs(set.legs) do
    if leg.filled - even >= 0.005 then unwind(leg, leg.filled - even) end
  end
  print(("holding %g sets"):format(even))
end

print(("watching %d markets of %s: %s"):format(#tickers, event_ticker, event.title))
while true do
  local set = find "no" or exhaustive and find "yes"
  if set then
    trade(set)
    if once then break end
    task.sleep(1) -- until the books show what was taken
  end
  task.sleep(PAUSE)
end
