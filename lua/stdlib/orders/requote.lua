---orders.requote: one quote that follows a price and gives up its place in the queue only for a reason.
local arguments = require "arguments"
local kalshi = require "kalshi"
local kept = require "orders.kept"
local request = require "orders.request"

local error, math, pairs, pcall, type = error, math, pairs, pcall, type

local KNOWN <const> = {
  "ticker", "side", "action", "price", "count", "tolerance", "least", "keep_if", "post_only", "time_in_force",
  "expires_in", "lease", "reduce_only",
}
local FINAL = kept.FINAL
-- What a new order takes over from the one that ended: options of kalshi.order by fields of the order.
local SAME <const> = {
  post_only = "post_only", time_in_force = "time_in_force", subaccount = "subaccount", order_group_id = "own_group_id",
}

-- The way of the order that is there; what the options say of it must be the same.
local function way_of(name, old, options)
  if not old then return request.direction(name, options) end
  local outcome = (old.side == "bid") == (old.action == "buy") and "yes" or "no"
  local way = { ticker = old.ticker, outcome = outcome, buys = old.action == "buy" }
  if options.ticker ~= nil and options.ticker ~= way.ticker then
    arguments.refuse(name .. ": the order is one of " .. way.ticker .. ", and ticker is another market")
  end
  if options.side ~= nil then
    local said = request.direction(name, { ticker = way.ticker, side = options.side, action = options.action })
    if said.outcome ~= way.outcome or said.buys ~= way.buys then
      arguments.refuse(name .. ": the order is to " .. old.action .. " " .. outcome
        .. ", and side and action say another")
    end
  end
  return way
end

-- Whoever is cancelled while it is on its way has no order, so it must not stay.
local function place(way, old, options)
  local more = {
    price = options.price, count = options.count, post_only = options.post_only, reduce_only = options.reduce_only,
    time_in_force = options.time_in_force, expires_in = options.expires_in, lease = options.lease,
    wait = false,
  }
  for option, field in pairs(SAME) do
    if old and options[option] == nil then more[option] = old[field] end
  end
  local order = kalshi.order(request.order(way, options, more))
  local keeper = kept.keep{ order }
  local guard <close> = keeper:guard()
  kept.placed(order)
  guard.done = true
  keeper:release()
  return order
end

return function(order, options)
  local name = "orders.requote"
  request.check(name, options, KNOWN)
  local price = request.price(name, options, "price", true)
  local count = request.count(name, options)
  local tolerance = request.number(name, options, "tolerance", 0, 0)
  local least = request.number(name, options, "least", 0, 0)
  local keep_if = request.typed(name, options, "keep_if", "function")
  if order ~= nil and type(order) ~= "userdata" then
    arguments.refuse(name .. ": the first argument is an order, or nil where there is none yet")
  end
  local way = way_of(name, order, options)
  if not order or FINAL[order.status] then return place(way, order, options) end
  -- What is on its way, or not known, cannot be judged; what is sent then could be one too many.
  if order.status == "pending" or order.status == "unknown" then return order end

  local near = math.abs(order.price - price) <= tolerance + 1e-9
  if not near and keep_if and keep_if(order, price, count) then near = true end
  local ok, err = true, nil
  if not near then
    ok, err = pcall(order.amend, order, { price = price, count = request.contracts(order.filled + count) })
  elseif order.remaining > count + 1e-9 then
    ok, err = pcall(order.decrease, order, request.contracts(order.remaining - count)) -- keeps its place
  elseif order.remaining < least - 1e-9 then
    ok, err = pcall(order.amend, order, { count = request.contracts(order.filled + count) })
  end
  if not ok and not (type(err) == "table" and err.kind == "closed") then error(err, 0) end
  return order -- it may have ended meanwhile: the next call places another one
end
