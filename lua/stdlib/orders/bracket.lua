---orders.bracket: an entry, and for what it opens a resting order that takes the profit and a stop that is watched
---here, since the exchange has none. Never more is closed than was opened: the stop first takes the profit order back,
---knows what that has filled, and closes the rest.
local arguments = require "arguments"
local kalshi = require "kalshi"
local log = require "log"
local task = require "task"
local kept = require "orders.kept"
local request = require "orders.request"

local error, ipairs, pairs, setmetatable, string, table, tostring, type =
  error, ipairs, pairs, setmetatable, string, table, tostring, type

local KNOWN <const> = {
  "ticker", "side", "action", "count", "entry", "take_profit", "stop_loss", "stop_limit", "post_only", "expires_in",
  "resume",
}
local AGAIN <const> = 2 -- seconds until what went wrong is tried again
local SOON <const> = 0.1 -- seconds for the book to show that what it offered is gone

local NAME <const> = "orders.bracket"
local FINAL = kept.FINAL

local function filled_of(list)
  local filled = request.sum(list)
  return filled
end

-- ---- what is to be done ----

-- The side that would have to be hit to close it stands at the stop or beyond.
local function is_hit(b, book)
  if not b.stop_loss or book.stale then return false end
  local best
  if b.way.buys then best = book:best_bid(b.way.outcome) else best = book:best_ask(b.way.outcome) end
  return best ~= nil and request.within(b.way.buys, best, b.stop_loss)
end

-- An order that closes. It is in `state` before it can fill, so who goes on with that knows it; one that was refused
-- has never been one.
local function close_by(b, list, options, what)
  what.wait = false
  local order = kalshi.order(request.order(b.way, options, what, true))
  local exits = b.state.exits
  list[#list + 1], b.orders[#b.orders + 1], exits[#exits + 1] = order, order, order.client_id
  b.signal.watch(order)
  local ok, err = kept.attempt(kept.placed, order)
  if ok then return order end
  for _, from in ipairs{ list, b.orders, exits } do
    for i = #from, 1, -1 do
      if from[i] == order or from[i] == order.client_id then table.remove(from, i) end
    end
  end
  error(err, 0)
end

-- The profit order is as large as what is open. Returns seconds to wait for, where it was taken back at once: it met an
-- order of the same account, or its group has ended.
local function keep_profit(b, open)
  local last = b.profits[#b.profits]
  if not b.take_profit or open <= 0 then return end
  if not last or FINAL[last.status] then
    local order = close_by(b, b.profits, b.options, { price = b.take_profit, count = open })
    return order.status == "canceled" and order.filled == 0 and AGAIN or nil
  elseif last.status == "resting" and last.remaining < open - 1e-9 then
    last:amend{ count = request.contracts(last.filled + open) }
  end
end

-- Nothing opens any more and nothing else closes; then what is left is sold for what there is.
local function close_now(b, book)
  for _, order in ipairs(table.move(b.orders, 1, #b.orders, 1, {})) do
    if not FINAL[order.status] then order:cancel() end
  end
  for _, order in ipairs(b.orders) do
    if not FINAL[order.status] then return end -- not known yet: the next turn
  end
  local open = b:open()
  if open <= 0 or book.stale or b.ended or kept.stopping() then return end
  local buys = not b.way.buys
  local limit = b.stop_limit or (buys and 0.9999 or 0.0001)
  local size, worst = request.offered(book, { outcome = b.way.outcome, buys = buys }, open, limit)
  if not worst then return end
  local order = close_by(b, b.exits, { subaccount = b.options.subaccount },
    { price = worst, count = size, time_in_force = "immediate_or_cancel", reduce_only = true })
  return order.filled < size and SOON or nil
end

local function step(b, book)
  if not b.stopping and b:open() > 0 and is_hit(b, book) then
    b.stopping, b.state.stopping = true, true
    log.warn(string.format("bracket %s: the stop at %s is hit, %s contracts are closed", b.way.ticker, b.stop_loss,
      b:open()))
  end
  if b.signal.paused(b.stopping) then return nil end -- a profit order that is waited with does not hold up the stop
  if b.stopping then return close_now(b, book) end
  return keep_profit(b, b:open())
end

local function over(b)
  for _, order in ipairs(b.orders) do
    if not FINAL[order.status] then return false end
  end
  return b.ended or b:open() <= 0
end

local function run(b)
  local keeper <close> = b.keeper -- who watches no more leaves nothing resting
  local book <close> = b.book
  local signal <close> = kept.signal()
  b.signal = signal
  for _, order in ipairs(b.orders) do signal.watch(order) end
  signal.watch(book)
  while not over(b) do
    if kept.stopping() then b.ended = true end
    if not b.ended then
      local ok, pause = kept.attempt(step, b, book)
      if not ok then
        local err = pause
        pause = SOON -- it had ended before it could be changed: look again
        if type(err) ~= "table" or err.kind ~= "closed" then
          b.error, pause = err, AGAIN
          log.warn("bracket " .. b.way.ticker .. ": " .. tostring(err) .. "; it is tried again")
        end
      end
      if pause then signal.pause(b.stopping, pause) end
    end
    if over(b) then break end
    signal.wait()
  end
  keeper:release()
end

-- ---- the object ----

local Bracket = {}
Bracket.__index = Bracket

---Contracts that were opened and not closed yet.
function Bracket:open() return request.contracts(self:opened() - self:closed()) end
function Bracket:opened() return self.entry.filled end
function Bracket:closed() return request.contracts(filled_of(self.profits) + filled_of(self.exits)) end

---"entering", "open", "closing" or "done".
function Bracket:status()
  if over(self) then return "done" end
  if self.stopping or self.ended then return "closing" end
  return self:opened() > 0 and "open" or "entering"
end

---What it has brought in dollars, fees taken off, of what is closed.
function Bracket:profit()
  local closed = self:closed()
  if closed == 0 then return 0 end
  local _, _, got, paid_out = request.sum(self.profits)
  local _, _, got_more, paid_more = request.sum(self.exits)
  local cost = (self.entry.cost or 0) * closed / self.entry.filled
  local gain = got + got_more - cost
  return (self.way.buys and gain or -gain) - paid_out - paid_more - self.entry.fees * closed / self.entry.filled
end

---Waits until it is done. False when the time ran out.
function Bracket:wait(timeout) return kept.await(self.job, timeout) end

---Closes what is open now, as if the stop were hit.
function Bracket:exit()
  self.stopping, self.state.stopping = true, true
  if self.signal then self.signal.set() end
end

---Takes back the orders that rest and watches no more. What is open stays open.
function Bracket:cancel()
  self.ended = true
  kept.cancel(self.orders)
  if self.signal then self.signal.set() end
  self.keeper:release()
end

function Bracket:__close()
  self.ended = true
  self.keeper:__close()
  if self.signal then self.signal.set() end
end

-- ---- beginning ----

local function check_prices(b, entry)
  local buys, profit, stop = b.way.buys, b.take_profit, b.stop_loss
  if not profit and not stop then
    arguments.refuse(NAME .. ": give take_profit, stop_loss or both")
  end
  if profit and (request.within(buys, profit, entry)) then
    arguments.refuse(NAME .. ": take_profit " .. profit .. " is no profit for who " ..
      (buys and "buys" or "sells") .. " at " .. entry)
  end
  if stop and not (request.within(buys, stop, entry)) then
    arguments.refuse(NAME .. ": stop_loss " .. stop .. " is on the wrong side of the entry at " .. entry)
  end
  if b.stop_limit and stop and not request.within(buys, b.stop_limit, stop) then
    arguments.refuse(NAME .. ": stop_limit " .. b.stop_limit .. " is better than the stop at " .. stop)
  end
end

local function new(way, options, state)
  local b = setmetatable({
    way = way, options = options, profits = {}, exits = {}, orders = {}, state = state,
    take_profit = state.take_profit, stop_loss = state.stop_loss, stop_limit = state.stop_limit,
    stopping = state.stopping, ended = false,
  }, Bracket)
  b.keeper = kept.keep(b.orders)
  return b
end

-- From the plain data of `state`, in another version or another run of the script.
local function resumed(options)
  local state = options.resume
  for key in pairs(options) do
    if key ~= "resume" then arguments.refuse(NAME .. ": with resume goes nothing else, not " .. key) end
  end
  if type(state) ~= "table" or type(state.entry) ~= "string" or type(state.exits) ~= "table" then
    arguments.refuse(NAME .. ": resume must be the `state` of a bracket")
  end
  local way = { ticker = state.ticker, side = state.outcome, outcome = state.outcome, buys = state.buys }
  local b = new(way, { subaccount = state.subaccount }, state)
  local function find(id)
    local order = kalshi.find_order(id)
    if not order then request.raise("closed", NAME .. ": the order " .. id .. " is not known any more") end
    b.orders[#b.orders + 1] = order
    return order
  end
  b.entry = find(state.entry)
  for _, id in ipairs(state.exits) do
    local order = find(id)
    local list = order.time_in_force == "good_till_canceled" and b.profits or b.exits
    list[#list + 1] = order
  end
  return b
end

-- The book comes before the entry, since what that opens would have no stop without it. It is closed again where nobody
-- begins to watch.
local function look_at(b)
  b.book = kalshi.book(b.way.ticker)
  return setmetatable({}, { __close = function()
    if not b.job then b.book:close() end
  end })
end

return function(options)
  request.check(NAME, options, KNOWN)
  if options.resume ~= nil then
    local b = resumed(options)
    local _ <close> = look_at(b)
    b.job = task.spawn(run, b)
    return b
  end
  local way = request.direction(NAME, options)
  local entry, count = request.price(NAME, options, "entry", true), request.count(NAME, options)
  local b = new(way, options, {
    ticker = way.ticker, outcome = way.outcome, buys = way.buys, subaccount = options.subaccount,
    take_profit = request.price(NAME, options, "take_profit"), stop_loss = request.price(NAME, options, "stop_loss"),
    stop_limit = request.price(NAME, options, "stop_limit"), stopping = false, exits = {},
  })
  local guard <close> = b.keeper:guard()
  check_prices(b, entry)
  local _ <close> = look_at(b)
  b.entry = kalshi.order(request.order(way, options, {
    price = entry, count = count, post_only = options.post_only, expires_in = options.expires_in, wait = false,
  }))
  b.orders[1], b.state.entry = b.entry, b.entry.client_id
  kept.placed(b.entry)
  b.job = task.spawn(run, b)
  guard.done = true
  return b
end
