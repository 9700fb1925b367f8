---What the functions of `orders` are given, read and checked, and the arithmetic of prices and counts.
local arguments = require "arguments"
local kalshi = require "kalshi"
local library = require "library"

local error, ipairs, math, pairs, table, type = error, ipairs, math, pairs, table, type

-- Options that are handed on to kalshi.order as they are.
local HANDED_ON <const> = {
  "subaccount", "order_group_id", "self_trade_prevention_type", "cancel_order_on_pause", "sync",
}

local request = {}

local is, refuse = arguments.is, arguments.refuse

---Raises an error object of a kind ("closed", …).
function request.raise(kind, text) error(library.error(kind, text), 0) end

---The options of function `name`, which has no others than these (a list) and those that every order may have.
function request.check(name, options, known)
  arguments.table(name, "what it is given", options)
  local all = table.move(HANDED_ON, 1, #HANDED_ON, #known + 1, table.move(known, 1, #known, 1, {}))
  arguments.check_options(options, all, name)
end

---An option that must be of this type, where it is given; `needed`: must be given.
function request.typed(name, options, key, expected, needed)
  local value = options[key]
  if value == nil and not needed then return nil end
  if value == nil then refuse(name .. ": " .. key .. " is missing", "missing_parameter") end
  if type(value) ~= expected then
    refuse(name .. ": " .. key .. " must be a " .. expected .. ", not " .. is(value), "wrong_type")
  end
  return value
end

---A number from `least` up; `preset` where it is absent.
function request.number(name, options, key, least, preset)
  local value = request.typed(name, options, key, "number", preset == nil)
  if value == nil then return preset end
  if not (value >= least and value < math.huge) then
    refuse(name .. ": " .. key .. " must be " .. least .. " or more, not " .. is(value), "out_of_range")
  end
  return value
end

---A price in dollars, above 0 and below 1.
function request.price(name, options, key, needed)
  local value = request.typed(name, options, key, "number", needed)
  return value and arguments.price(name, key, value)
end

---How many contracts, above 0 and on their grid.
function request.count(name, options)
  local value = request.typed(name, options, "count", "number", true)
  if not (value >= 0.01 and value < 1e12) or math.abs(request.contracts(value) - value) > 1e-9 then
    refuse(name .. ": count must be a multiple of 0.01 contract above 0, not " .. is(value), "count_off_grid")
  end
  return request.contracts(value)
end

---Which way: { ticker, side, action } for kalshi.order, and with it the outcome whose book it concerns ("yes", "no"),
---whether it buys there, and what the opposite is.
function request.direction(name, options)
  local ticker = request.typed(name, options, "ticker", "string", true)
  local side = request.typed(name, options, "side", "string", true)
  local action = request.typed(name, options, "action", "string")
  local way = { ticker = ticker, side = side, action = action }
  if side == "bid" or side == "ask" then
    if action then
      refuse(name .. ': side "' .. side .. '" says already which way: leave action out', "contradicting_options")
    end
    way.outcome, way.buys = "yes", side == "bid"
  elseif side == "yes" or side == "no" then
    if action and action ~= "buy" and action ~= "sell" then
      refuse(name .. ': action must be "buy" or "sell", not ' .. is(action), "unknown_value")
    end
    way.outcome, way.buys = side, action ~= "sell"
  else
    refuse(name .. ': side must be "yes" or "no" with action "buy" or "sell", or "bid" or "ask" for YES,'
      .. " not " .. is(side), "unknown_value")
  end
  return way
end

---The table for kalshi.order that goes this way, or with `back` the opposite one, with what is handed on.
function request.order(way, options, more, back)
  local o = { ticker = way.ticker, side = way.outcome }
  o.action = way.buys ~= (back == true) and "buy" or "sell"
  for _, key in ipairs(HANDED_ON) do o[key] = options[key] end
  for key, value in pairs(more) do o[key] = value end
  return o
end

-- ---- numbers ----

---On the grid of contracts: the difference of two floats is not.
function request.contracts(x) return math.floor(x * 100 + 0.5) / 100 end

---No worse than `limit` for who buys (or sells).
function request.within(buys, price, limit)
  if buys then return price <= limit + 1e-9 end
  return price >= limit - 1e-9
end

---The better of two prices for who buys (or sells).
function request.better(buys, a, b) return buys and math.min(a, b) or not buys and math.max(a, b) end

---What a book offers within the limit: how much of `count`, and the worst price that is needed for it (nil: nothing).
---No deeper than `most` prices, where it is given.
function request.offered(book, way, count, limit, most)
  local levels = way.buys and book:asks(most, way.outcome) or book:bids(most, way.outcome)
  local size, worst = 0, nil
  for _, level in ipairs(levels) do
    if not request.within(way.buys, level[1], limit) or size >= count then break end
    size, worst = size + level[2], level[1]
  end
  return request.contracts(math.min(size, count)), worst
end

local grids = {} -- by ticker

---The price on the market's grid that is `price` or next to it, on the side where it costs less ("down": lower).
---Waits for the market the first time.
function request.on_grid(way, price, down)
  local bands = grids[way.ticker]
  if not bands then
    bands = kalshi.get_market(way.ticker).market.price_ranges
    grids[way.ticker] = bands
  end
  local no = way.outcome == "no"
  if no then price, down = 1 - price, not down end
  local found
  for _, band in ipairs(bands) do
    local start, stop, step = band.start, band["end"], band.step
    if price <= stop + 1e-9 then
      local steps = (price - start) / step
      local nearest = math.floor(steps + 0.5)
      if math.abs(steps - nearest) > 1e-6 then nearest = down and math.floor(steps) or math.ceil(steps) end
      found = math.floor((start + nearest * step) * 10000 + 0.5) / 10000
      break
    end
  end
  found = found or price
  return no and 1 - found or found
end

---The smallest step of the market's grid.
function request.tick(way)
  request.on_grid(way, 0.5, true)
  local least = 1
  for _, band in ipairs(grids[way.ticker]) do least = math.min(least, band.step) end
  return least
end

-- ---- sums ----

---What a list of orders has come to: filled, average_price, cost, fees. `average_price` is nil where nothing filled.
function request.sum(list)
  local filled, cost, fees = 0, 0, 0
  for _, o in ipairs(list) do
    filled, fees = filled + o.filled, fees + o.fees
    cost = cost + (o.cost or 0)
  end
  filled = request.contracts(filled)
  return filled, filled > 0 and cost / filled or nil, cost, fees
end

---The same as fields of a table.
function request.result(list, more)
  local result = more or {}
  result.filled, result.average_price, result.cost, result.fees = request.sum(list)
  result.orders = list
  return result
end

return request
