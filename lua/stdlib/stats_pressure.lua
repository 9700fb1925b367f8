---What the book says of where the price goes next; a part of module `stats`.
local arguments = require "arguments"
local ipairs, math, setmetatable = ipairs, math, setmetatable

local pressure = {}

local function depth(name, what, levels, most)
  local sum = 0
  for i, level in ipairs(arguments.table(name, what, levels)) do
    if i > most then break end
    arguments.table(name, what .. "[" .. i .. "]", level)
    sum = sum + arguments.number(name, what .. "[" .. i .. "][2]", level[2], 0)
  end
  return sum
end

---How much more is bid for than offered, from -1 to 1: (B - A) / (B + A) of the contracts on the best `levels` levels
---of both sides; nil where the book is empty. Levels are lists { price, count }, as book:bids and book:asks give them.
---Source: Cartea, Donnelly and Jaimungal, "Enhancing trading strategies with order book signals" (2018).
function pressure.imbalance(bids, asks, levels)
  local NAME <const> = "stats.imbalance"
  local most = levels == nil and math.huge or arguments.whole(NAME, "levels", levels, 1)
  local b, a = depth(NAME, "bids", bids, most), depth(NAME, "asks", asks, most)
  if b + a == 0 then return nil end
  return (b - a) / (b + a)
end

---The middle between bid and ask, weighted by the size of the other side: nearer to the side with less behind it.
---Source: Gatheral and Oomen, "Zero-intelligence realized variance estimation" (2010).
function pressure.microprice(bid, bid_count, ask, ask_count)
  local NAME <const> = "stats.microprice"
  arguments.number(NAME, "bid", bid, 0, 1)
  arguments.number(NAME, "ask", ask, bid, 1)
  arguments.number(NAME, "bid_count", bid_count, 0)
  arguments.number(NAME, "ask_count", ask_count, 0)
  if bid_count + ask_count == 0 then return (bid + ask) / 2 end
  return (bid * ask_count + ask * bid_count) / (bid_count + ask_count)
end

---How many standard deviations `x` is above the mean; nil where the deviation is 0.
function pressure.zscore(x, mean, deviation)
  local NAME <const> = "stats.zscore"
  arguments.number(NAME, "x", x)
  arguments.number(NAME, "mean", mean)
  arguments.number(NAME, "deviation", deviation, 0)
  if deviation == 0 then return nil end
  return (x - mean) / deviation
end

local Flow = {}
local flow_meta = { __index = Flow, __name = "stats.OrderFlow", __metatable = "stats.OrderFlow" }

---The flow of orders at the best prices since the last `take`, contracts: what came to the bid or left the ask counts
---up, what left the bid or came to the ask down. Source: Cont, Kukanov and Stoikov, "The price impact of order book
---events" (2014).
function pressure.order_flow() return setmetatable({ sum = 0, events = 0 }, flow_meta) end

---Adds the best prices and their counts as they are now, nil for those of an empty side; returns what this change
---counts, 0 for the first.
function Flow:add(bid, bid_count, ask, ask_count)
  local NAME <const> = "order_flow:add"
  bid, ask = arguments.optional(NAME, "bid", bid, 0, 0, 1), arguments.optional(NAME, "ask", ask, 1, 0, 1)
  bid_count = arguments.optional(NAME, "bid_count", bid_count, 0, 0)
  ask_count = arguments.optional(NAME, "ask_count", ask_count, 0, 0)
  local change = 0
  if self.bid then
    if bid >= self.bid then change = change + bid_count end
    if bid <= self.bid then change = change - self.bid_count end
    if ask <= self.ask then change = change - ask_count end
    if ask >= self.ask then change = change + self.ask_count end
    self.events = self.events + 1
  end
  self.bid, self.bid_count, self.ask, self.ask_count = bid, bid_count, ask, ask_count
  self.sum = self.sum + change
  return change
end

---The flow so far, contracts.
function Flow:value() return self.sum end

---The flow so far, which begins anew at 0.
function Flow:take()
  local sum = self.sum
  self.sum, self.events = 0, 0
  return sum
end

return pressure
