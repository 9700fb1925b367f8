---orders.ladder: several resting orders at prices from one to another.
local arguments = require "arguments"
local kalshi = require "kalshi"
local task = require "task"
local kept = require "orders.kept"
local request = require "orders.request"

local error, ipairs, math, pcall, rawget, setmetatable, table, type =
  error, ipairs, math, pcall, rawget, setmetatable, table, type

local KNOWN <const> = {
  "ticker", "side", "action", "from", "to", "step", "levels", "count", "weights", "post_only", "expires_in", "lease",
  "keep",
}
local MOST <const> = 100 -- orders

local NAME <const> = "orders.ladder"

-- How many rungs, and how far apart.
local function rungs(options, from, to)
  local step = request.number(NAME, options, "step", 0.0001, false)
  local levels = request.number(NAME, options, "levels", 1, false)
  local weights = request.typed(NAME, options, "weights", "table")
  if weights and not levels and not step then levels = #weights end
  if (step and 1 or 0) + (levels and 1 or 0) ~= 1 then
    arguments.refuse(NAME .. ": give either step or levels")
  end
  if step then levels = math.floor(math.abs(to - from) / step + 1e-6) + 1 end
  if levels ~= math.floor(levels) or levels > MOST then
    arguments.refuse(NAME .. ": that makes " .. levels .. " levels; it must be a whole number up to " .. MOST)
  end
  if weights and #weights ~= levels then
    arguments.refuse(NAME .. ": there are " .. levels .. " levels and " .. #weights .. " weights")
  end
  if not step then step = levels > 1 and math.abs(to - from) / (levels - 1) or 0 end
  return math.tointeger(levels), from <= to and step or -step, weights
end

-- `count` over the rungs by their weights, in whole contracts where it is whole: what rounding leaves goes to those
-- that lost most by it.
local function sizes(count, n, weights)
  local unit = count == math.floor(count) and 1 or 0.01
  local total, out, rest, given = 0, {}, {}, 0
  for i = 1, n do
    local weight = weights and weights[i] or 1
    if type(weight) ~= "number" or not (weight >= 0 and weight < math.huge) then
      arguments.refuse(NAME .. ": weights[" .. i .. "] must be a number from 0 up")
    end
    total = total + weight
  end
  if total <= 0 then arguments.refuse(NAME .. ": all weights are 0") end
  for i = 1, n do
    local exact = count / unit * (weights and weights[i] or 1) / total
    out[i] = math.floor(exact + 1e-9)
    given = given + out[i]
    rest[i] = { i = i, lost = exact - out[i] }
  end
  table.sort(rest, function(a, b)
    if math.abs(a.lost - b.lost) > 1e-12 then return a.lost > b.lost end
    return a.i < b.i
  end)
  for k = 1, math.floor(count / unit + 0.5) - given do out[rest[k].i] = out[rest[k].i] + 1 end
  for i = 1, n do out[i] = request.contracts(out[i] * unit) end
  return out
end

-- ---- the object ----

local Ladder = {}

---Cancels what rests of it.
function Ladder:cancel()
  kept.cancel(self.orders)
  self.keeper:release()
end

---Moves every order that rests by so many dollars, in the terms of the side; all are amended at the same time.
function Ladder:move(by)
  if type(by) ~= "number" or by ~= by then
    arguments.refuse("ladder:move: by how many dollars must be a number")
  end
  local jobs, first = {}, nil
  for _, o in ipairs(self.orders) do
    if not kept.FINAL[o.status] then
      local price = request.on_grid(self.way, o.price + by, self.way.buys)
      if not (price > 0 and price < 1) then
        arguments.refuse("ladder:move: " .. o.price + by .. " is no price; nothing was moved")
      end
      jobs[#jobs + 1] = function()
        local ok, err = pcall(o.amend, o, { price = price })
        if not ok and not (type(err) == "table" and err.kind == "closed") then first = first or err end
      end
    end
  end
  if #jobs > 0 then task.all(jobs) end
  if first then error(first, 0) end
end

local meta = {}

-- `filled`, `average_price`, `cost`, `fees` and `remaining` are of this moment.
function meta:__index(key)
  if Ladder[key] then return Ladder[key] end
  local list = rawget(self, "orders")
  if key == "remaining" then
    local left = 0
    for _, o in ipairs(list) do left = left + o.remaining end
    return request.contracts(left)
  end
  local filled, average, cost, fees = request.sum(list)
  return ({ filled = filled, average_price = average, cost = cost, fees = fees })[key]
end

function meta:__close()
  if not self.keep then self.keeper:__close() end
end

return function(options)
  request.check(NAME, options, KNOWN)
  local way = request.direction(NAME, options)
  local from, to = request.price(NAME, options, "from", true), request.price(NAME, options, "to", true)
  local n, step, weights = rungs(options, from, to)
  local counts = sizes(request.count(NAME, options), n, weights)
  local list = {}
  local ladder = setmetatable({
    orders = list, way = way, keep = options.keep == true, keeper = kept.keep(list),
  }, meta)
  local guard <close> = ladder.keeper:guard()

  -- Prices that the grid makes the same share one order.
  local at, order_of = {}, {}
  for i = 1, n do
    local price = request.on_grid(way, from + (i - 1) * step, way.buys)
    local k = order_of[price]
    if not k then
      k = #at + 1
      order_of[price], at[k] = k, { price = price, count = 0 }
    end
    at[k].count = request.contracts(at[k].count + counts[i])
  end
  for _, rung in ipairs(at) do
    if rung.count > 0 then
      list[#list + 1] = kalshi.order(request.order(way, options, {
        price = rung.price, count = rung.count, post_only = options.post_only, expires_in = options.expires_in,
        lease = options.lease, wait = false, -- the object is there before the answer: nothing can get lost
      }))
    end
  end
  for _, o in ipairs(list) do kept.placed(o) end
  guard.done = true
  if ladder.keep then ladder.keeper:release() end
  return ladder
end
