---orders.twap: a size over a time, in equal parts.
local arguments = require "arguments"
local kalshi = require "kalshi"
local kalua = require "kalua"
local task = require "task"
local kept = require "orders.kept"
local request = require "orders.request"
local requote = require "orders.requote"
local take = require "orders.take"

local error, math, pcall, type = error, math, pcall, type

local KNOWN <const> = {
  "ticker", "side", "action", "count", "duration", "slices", "limit", "passive", "finish", "reduce_only",
}

local NAME <const> = "orders.twap"

-- The price ran into the quote before it was there: not an error of anybody's.
local function crossed(err)
  return type(err) == "table" and err.order ~= nil and err.code == "invalid_order"
end

-- Rests at the best price of its own side, no worse than the limit, and follows it until `stop`.
local function rest(run, want, stop)
  local way, book = run.way, run.book
  local order = run.order
  local before = order and order.filled or 0
  while not kept.stopping() do
    local best
    if way.buys then best = book:best_bid(way.outcome) else best = book:best_ask(way.outcome) end
    local done = 0
    if order then done = order.filled - before end
    local left = request.contracts(want - done)
    if left <= 0 then break end
    if best and not book.stale then
      local price = request.better(way.buys, best, run.limit)
      local ok, result = pcall(requote, order, request.order(way, run.options, {
        price = price, count = left, least = left, post_only = true,
      }))
      if not ok and not crossed(result) then error(result, 0) end
      if ok and result ~= order then
        if order then want = request.contracts(want - (order.filled - before)) end
        order, before = result, 0
        run.order = order
        run.list[#run.list + 1] = order
      end
    end
    local now = kalua.now()
    if now >= stop then break end
    book:wait(stop - now)
  end
end

local function withdraw(run)
  local order = run.order
  if order and not kept.FINAL[order.status] then order:cancel() end
end

return function(options)
  request.check(NAME, options, KNOWN)
  local way = request.direction(NAME, options)
  local count = request.count(NAME, options)
  local limit = request.price(NAME, options, "limit", true)
  local duration = request.number(NAME, options, "duration", 0.001)
  local slices = request.number(NAME, options, "slices", 1)
  if slices ~= math.floor(slices) then arguments.refuse(NAME .. ": slices must be a whole number") end
  local passive = request.typed(NAME, options, "passive", "boolean")
  if passive and options.reduce_only then
    arguments.refuse(NAME .. ": reduce_only is for what fills at once, and passive orders rest")
  end

  local list = {}
  local keeper = kept.keep(list)
  local guard <close> = keeper:guard()
  local book <close> = kalshi.book(way.ticker)
  local run = { way = way, book = book, limit = limit, list = list, options = options }
  local unit = count == math.floor(count) and 1 or 0.01
  local began = kalua.now()

  local function take_now(want, seconds)
    local ok, got = pcall(take, request.order(way, options, {
      count = want, limit = limit, timeout = seconds, reduce_only = options.reduce_only,
    }))
    local err = not ok and got or nil
    if err then got = type(err) == "table" and err.result or { orders = {} } end
    for _, order in ipairs(got.orders) do list[#list + 1] = order end
    if err then error(err, 0) end
    return not got.unknown
  end

  local function result()
    return request.result(list, { left = request.contracts(count - request.sum(list)) })
  end

  local function work()
    for i = 1, slices do
      if kept.stopping() then break end
      local stop = began + duration * i / slices
      local due = math.floor(count * i / slices / unit + 0.5) * unit
      local want = request.contracts(due - request.sum(list))
      if want > 0 then
        if passive then
          rest(run, want, stop)
        elseif not take_now(want, math.max(stop - kalua.now(), 0)) then
          break -- what became of an order is not known: more could be too much
        end
      end
      local left = stop - kalua.now()
      if left > 0 then task.sleep(left) end
    end
    withdraw(run)
    local left = request.contracts(count - request.sum(list))
    if options.finish and passive and left > 0 and not kept.stopping() then take_now(left, 0) end
  end

  local ok, err = pcall(work)
  if not ok then
    if type(err) == "table" then err.result = result() end -- a part may have filled
    error(err, 0)
  end
  guard.done = true
  keeper:release()
  return result()
end
