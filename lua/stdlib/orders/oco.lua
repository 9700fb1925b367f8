---orders.oco: of two orders, as much as one fills is taken off the other.
local arguments = require "arguments"
local log = require "log"
local task = require "task"
local kept = require "orders.kept"
local request = require "orders.request"

local error, ipairs, pcall, setmetatable, tostring, type = error, ipairs, pcall, setmetatable, tostring, type

local FINAL = kept.FINAL
local AGAIN <const> = 2 -- seconds until what went wrong is tried again

local Oco = {}
Oco.__index = Oco

-- Takes off `order` what the other has filled; its size was `size` at the beginning.
local function shrink(order, size, other)
  if FINAL[order.status] then return end
  local left = request.contracts(size - other.filled - order.filled)
  if left <= 0 then
    order:cancel()
  elseif order.remaining > left + 1e-9 then
    local ok, err = pcall(order.decrease, order, request.contracts(order.remaining - left))
    if not ok and not (type(err) == "table" and err.kind == "closed") then error(err, 0) end
  end
end

local function balance(pair)
  shrink(pair.b, pair.sizes[2], pair.a)
  shrink(pair.a, pair.sizes[1], pair.b)
end

local function run(pair)
  local a, b = pair.a, pair.b
  local keeper <close> = pair.keeper -- who watches no more leaves nothing behind
  local signal <close> = kept.signal()
  signal.watch(a)
  signal.watch(b)
  while not (FINAL[a.status] and FINAL[b.status]) do
    local ok, err = true, nil
    if not signal.paused "all" then ok, err = kept.attempt(balance, pair) end
    if FINAL[a.status] and FINAL[b.status] then break end
    if not ok then
      pair.error = err
      log.warn("oco " .. a.ticker .. ": " .. tostring(err) .. "; it is tried again")
      signal.pause("all", AGAIN)
    end
    signal.wait()
  end
  keeper:release()
end

---Waits until both have ended. False when the time ran out.
function Oco:wait(timeout) return kept.await(self.job, timeout) end

---Cancels both.
function Oco:cancel() kept.cancel(self.orders) end

function Oco:__close() self.keeper:__close() end

return function(a, b)
  for i, o in ipairs{ a or false, b or false } do
    if type(o) ~= "userdata" then
      arguments.refuse("orders.oco: argument " .. i .. " must be an order, as kalshi.order gives it")
    end
  end
  if a == b then arguments.refuse("orders.oco: both are the same order") end
  local pair = setmetatable({ a = a, b = b, orders = { a, b }, sizes = { a.count, b.count } }, Oco)
  pair.keeper = kept.keep(pair.orders)
  pair.job = task.spawn(run, pair)
  return pair
end
