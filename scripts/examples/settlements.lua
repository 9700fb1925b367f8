-- What settled and what it paid: a line for each market, sums for each event and in total.
--
--   kalua scripts/examples/settlements.lua                                  all that the account has
--   kalua scripts/examples/settlements.lua -- 2026-11-01 2026-11-30         from the first day to the last, in UTC
--   kalua scripts/examples/settlements.lua -- live                          each as it comes, until Ctrl-C
--
-- Counts, cost and fees are what the exchange lists with a settlement. What was made by selling before the end is none
-- of it: kalshi.portfolio() has that, too.
local kalshi = require "kalshi"
local kalua = require "kalua"
local log = require "log"
local task = require "task"

local PAUSE <const> = 5 -- seconds between two looks when nothing says that there is something to see

-- Seconds since 1970 at which that day begins (UTC), by the count of days of the Gregorian calendar.
local function midnight(text)
  local year, month, day = text:match "^(%d%d%d%d)-(%d%d)-(%d%d)$"
  if not year then error(("a day is YYYY-MM-DD, and %q is none"):format(text), 0) end
  year, month, day = math.tointeger(year), math.tointeger(month), math.tointeger(day)
  local leap = year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
  local lengths = { 31, leap and 29 or 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }
  if not lengths[month] or day < 1 or day > lengths[month] then error("there is no day " .. text, 0) end
  local before = year - 1
  local days = before * 365 + before // 4 - before // 100 + before // 400 + day - 1
  for m = 1, month - 1 do days = days + lengths[m] end
  return (days - 719162) * 86400 -- so many days lie before 1970
end

-- A settlement as numbers: contracts held, what they cost, what they paid, all in dollars.
local function read(s)
  local cost = s.yes_total_cost_dollars + s.no_total_cost_dollars
  local pays = s.revenue / 100 -- told in cents
  return {
    ticker = s.ticker, event = s.event_ticker, result = s.market_result, at = s.settled_time,
    yes = s.yes_count_fp, no = s.no_count_fp, cost = cost, pays = pays, fees = s.fee_cost,
    profit = pays - cost - s.fee_cost,
  }
end

local HEAD <const> = ("%-34s %-6s %9s %9s %10s %10s %8s %10s"):format("", "result", "yes", "no", "cost", "paid", "fees",
  "profit")
local function line(name, r)
  print(("%-34s %-6s %9.2f %9.2f %10.2f %10.2f %8.2f %+10.2f"):format(name, r.result or "", r.yes, r.no, r.cost,
    r.pays, r.fees, r.profit))
end

local function add(sum, r)
  sum.n = sum.n + 1
  for _, key in ipairs{ "yes", "no", "cost", "pays", "fees", "profit" } do sum[key] = sum[key] + r[key] end
end
local function none() return { n = 0, yes = 0, no = 0, cost = 0, pays = 0, fees = 0, profit = 0 } end

local function report(from, to)
  local total, events, order = none(), {}, {}
  for s in kalshi.each.get_settlements{ min_ts = from, max_ts = to, limit = 1000 } do
    local r = read(s)
    local event = events[r.event]
    if not event then
      event = { rows = {}, sum = none() }
      events[r.event], order[#order + 1] = event, r.event
    end
    event.rows[#event.rows + 1] = r
    add(event.sum, r)
    add(total, r)
  end
  if total.n == 0 then
    print "nothing has settled"
    return
  end
  print(HEAD)
  for _, name in ipairs(order) do
    local event = events[name]
    table.sort(event.rows, function(a, b) return a.ticker < b.ticker end)
    for _, r in ipairs(event.rows) do line(r.ticker, r) end
    if #event.rows > 1 then line("  " .. name, event.sum) end
  end
  line(("%d markets of %d events"):format(total.n, #order), total)
end

-- The feed says that a market has settled before the account was paid; the list says what was paid. A look in between
-- is for what the feed did not tell. What was there at the start is not told.
local function follow()
  local seen, total = {}, none()
  local function look(tell)
    for s in kalshi.each.get_settlements{ limit = 1000, min_ts = math.floor(kalua.now()) - 86400 } do
      local key = s.ticker .. "@" .. tostring(s.settled_time)
      if tell and not seen[key] then
        local r = read(s)
        add(total, r)
        line(r.ticker, r)
        line(("%d since the start"):format(total.n), total)
      end
      seen[key] = true
    end
  end
  look(false)
  print(HEAD)
  local life <close> = kalshi.subscribe{ channels = { "market_lifecycle_v2" } }
  local news = false
  task.spawn(function()
    for m in life:messages() do
      if m.event_type == "settled" or m.event_type == "determined" then news = true end
    end
  end)
  local waited = 0
  while true do
    task.sleep(0.5)
    waited = waited + 0.5
    if news or waited >= PAUSE then
      news, waited = false, 0
      local ok, err = pcall(look, true)
      if not ok and err.kind == "cancelled" then error(err, 0) end
      if not ok then log.warn("the settlements could not be read, and are asked for again", { why = tostring(err) }) end
    end
  end
end

local from, to = kalua.args[1], kalua.args[2]
if from == "live" then
  follow()
else
  report(from and midnight(from), to and midnight(to) + 86399)
end
