---orders.take: takes what the book offers, up to a price, now or within a time.
local arguments = require "arguments"
local kalshi = require "kalshi"
local kalua = require "kalua"
local kept = require "orders.kept"
local request = require "orders.request"

local error, math, pcall, type = error, math, pcall, type

local KNOWN <const> = { "ticker", "side", "action", "count", "limit", "timeout", "levels", "reduce_only" }
local UNKNOWN <const> = 60 -- seconds for the exchange to say what became of an order

-- What came of it so far goes with an error: a part may have filled.
local function attempt(placed, count, fn, ...)
  local ok, result = pcall(fn, ...)
  if ok then return result end
  if #placed > 0 and type(result) == "table" then
    local filled = request.sum(placed)
    result.result = request.result(placed, { left = request.contracts(count - filled) })
  end
  error(result, 0)
end

return function(options)
  local name = "orders.take"
  request.check(name, options, KNOWN)
  local way = request.direction(name, options)
  local count = request.count(name, options)
  local limit = request.price(name, options, "limit", true)
  local timeout = request.number(name, options, "timeout", 0, 0)
  local levels = options.levels
  if levels ~= nil and (math.type(levels) ~= "integer" or levels < 1) then
    arguments.refuse(name .. ": levels must be a whole number from 1 up")
  end

  local book <close> = kalshi.book(way.ticker)
  local deadline = kalua.now() + timeout
  local placed = {}
  local left = count
  local stops = kept.stopping() -- at the end of the script goes on what was begun there, in an on_stop handler
  while true do
    local size, worst = 0, nil
    if not book.stale and kept.stopping() == stops then
      size, worst = request.offered(book, way, left, limit, levels)
    end
    if worst then
      -- It fills at once or not at all: whoever cancels this task leaves nothing behind that rests.
      local order = attempt(placed, count, kalshi.order, request.order(way, options, {
        price = worst, count = size, time_in_force = "immediate_or_cancel", reduce_only = options.reduce_only,
      }))
      placed[#placed + 1] = order
      attempt(placed, count, order.wait_fill, order, UNKNOWN)
      left = request.contracts(left - order.filled)
      if order.status == "unknown" or order.status == "pending" then
        return request.result(placed, { left = left, unknown = size })
      end
    end
    local now = kalua.now()
    if left <= 0 or now >= deadline then break end
    attempt(placed, count, book.wait, book, deadline - now) -- it does not show yet what was taken just now
  end
  return request.result(placed, { left = left })
end
