-- The parts of module kalshi that are several calls: pages, cancel_all, balance, budget.
-- Run once by the module itself with its table and a few helpers; not for `require`.
local kalshi, helpers = ...
assert(type(kalshi) == "table" and type(helpers) == "table", 'use require "kalshi"')

local error, pairs, select, setmetatable, type, table = error, pairs, select, setmetatable, type, table
local require, tostring = require, tostring

local printed = { __tostring = function(e) return e.kind .. ": " .. e.message end }

local function raise(kind, operation, retryable, text, level)
  local e = { kind = kind, operation = operation, retryable = retryable, message = operation .. ": " .. text }
  error(setmetatable(e, printed), level + 1)
end

local function refuse(operation, text)
  raise("validation", operation, false, text, 3)
end

---All rows of a paged operation, one page at a time: for market in kalshi.each.get_markets{ status = "open" } do … end
---`limit` is the size of a page, `max` the most rows to hand out.
local function each(name, how)
  local call = kalshi[name]
  return function(...)
    local n = select("#", ...)
    local args = { ... }
    local query = {}
    if type(args[n]) == "table" then
      for k, v in pairs(args[n]) do query[k] = v end
    else
      n = n + 1
    end
    args[n] = query
    local max = query.max
    query.max = nil
    if max ~= nil and not (type(max) == "number" and max >= 0) then refuse(name, "max must be a number of rows") end
    if query.raw and type(query.raw) ~= "boolean" then refuse(name, "raw must be true or false") end
    if how.size and how.size ~= "limit" and query.limit then
      query[how.size], query.limit = query.limit, nil
    end

    local rows, at, given, last = nil, 0, 0, false
    local seen = {}
    return function()
      if max and given >= max then return nil end
      while true do
        if rows then
          at = at + 1
          local row = rows[at]
          if row ~= nil then
            given = given + 1
            return row
          end
          if last then return nil end
        end
        local page = call(table.unpack(args, 1, n))
        rows, at = page[how.rows], 0
        if type(rows) ~= "table" then rows = {} end -- null or absent: an empty page
        local cursor = page[how.cursor]
        last = type(cursor) ~= "string" or cursor == ""
        if not last then
          if seen[cursor] then
            raise("protocol", name, true, "the exchange gave the same page cursor twice, the list would never end", 2)
          end
          seen[cursor] = true
          query.cursor = cursor
        end
      end
    end
  end
end

local pages = {}
for name, how in pairs(helpers.paging) do pages[name] = each(name, how) end
kalshi.each = setmetatable(pages, {
  __metatable = "kalshi",
  __index = function(_, name)
    if type(name) ~= "string" then return nil end
    local _ = kalshi[name] -- raises for a name that is no operation
    refuse("kalshi.each." .. name, "this operation has no pages; call kalshi." .. name)
  end,
})

---Cancels every resting order of the account and returns when none rests any more.
---The exchange cancels at most 10,000 a call, and its lists lag behind by a second or so.
function kalshi.cancel_all()
  local sleep = require("task").sleep
  local pause = 0.25
  for _ = 1, 40 do
    kalshi.cancel_all_orders()
    local page = kalshi.get_orders { status = "resting", limit = 1 }
    if #page.orders == 0 then return true end
    sleep(pause)
    if pause < 2 then pause = pause * 2 end
  end
  local left = kalshi.get_orders { status = "resting", limit = 1000 }.orders
  if #left == 0 then return true end
  raise("timeout", "cancel_all", true,
    #left .. " orders still rest after 40 tries, the first is " .. tostring(left[1].order_id), 2)
end

---Cash of the account in dollars.
function kalshi.balance()
  return kalshi.get_balance().balance_dollars
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
