-- The parts of module kalshi that are several calls: cancel_all, budget. Lists are in kalshi_pages.lua.
-- Run once by the module itself with its table and a few helpers; not for `require`.
local kalshi, helpers = ...
assert(type(kalshi) == "table" and type(helpers) == "table", 'use require "kalshi"')

local ipairs, require, tostring = ipairs, require, tostring

---Cancels every resting order of the account and returns when none rests any more: how many, or true where nobody
---counts (a shadow, the body of a command).
---The exchange cancels at most 10,000 a call, and its lists lag behind by a second or so.
function kalshi.cancel_all()
  local canceled = helpers.cancel_many(false)
  if canceled then return canceled end
  local sleep = require("task").sleep
  local pause = 0.25
  for _ = 1, 40 do
    kalshi.cancel_all_orders()
    if helpers.shadow() then return true end -- the account's orders go on
    local page = kalshi.get_orders { status = "resting", limit = 1 }
    if #page.orders == 0 then return true end
    sleep(pause)
    if pause < 2 then pause = pause * 2 end
  end
  local left = kalshi.get_orders { status = "resting", limit = 1000 }.orders
  if #left == 0 then return true end
  helpers.fail("timeout", "cancel_all", true,
    #left .. " orders still rest after 40 tries, the first is " .. tostring(left[1].order_id))
end

---Cancels the open orders of this script and returns how many.
function kalshi.cancel_mine()
  local canceled = helpers.cancel_many(true)
  if canceled then return canceled end
  canceled = 0
  for _, order in ipairs(kalshi.own_orders()) do
    if order:cancel() then canceled = canceled + 1 end
  end
  return canceled
end

---Tokens left: read, write, their capacities and rates, and the account's tier (nil without a key).
function kalshi.budget()
  local now = helpers.budget()
  if not now.tier and helpers.has_key() then
    kalshi.get_account_api_limits()
    now = helpers.budget()
  end
  return now
end
