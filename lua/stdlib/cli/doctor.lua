-- The body of `kalua doctor`: what can be seen only by talking to the exchange. kalua.args[1] is "key" where there is
-- one.
local kalshi = require "kalshi"
local kalua = require "kalua"
local task = require "task"

local first_error

-- Longer than a call goes on trying, so that its own reason is what is told.
local PATIENCE = 35

local function check(what, fn)
  local ok, answer = pcall(task.timeout, PATIENCE, fn)
  if ok then
    print(string.format("ok    %s%s", what, answer and ": " .. answer or ""))
  else
    first_error = first_error or answer
    print(string.format("wrong %s: %s", what, answer))
  end
  return ok
end

local reached = check("REST", function()
  local s = kalshi.get_exchange_status()
  if s.exchange_active == nil then
    error("the answer of get_exchange_status does not say whether the exchange is active; is the REST URL right?", 0)
  end
  return string.format("exchange %s, trading %s", s.exchange_active and "active" or "not active",
    s.trading_active and "active" or "paused")
end)

if reached then
  check("clock", function()
    -- A Date header says which second it is; where that changes says more.
    for _ = 1, 9 do
      task.sleep(0.12)
      kalshi.get_exchange_status()
    end
    local offset, about = kalshi.status().clock_offset, kalshi.status().clock_error
    if not offset then return "the exchange gave no time" end
    local said = string.format("%.3f s %s the exchange's, give or take %.3f s", math.abs(offset),
      offset > 0 and "behind" or "ahead of", about)
    if math.abs(offset) > 5 then
      error("this machine's clock is " .. said .. "; signatures allow for it, but set it by NTP", 0)
    end
    return offset == 0 and string.format("within %.3f s of the exchange's", about) or said
  end)
end

if reached and kalua.args[1] == "key" then
  local accepted = check("key", function()
    local balance = kalshi.get_balance().balance_dollars
    if not balance then error("the answer of get_balance has no balance; is the REST URL that of the exchange?", 0) end
    return string.format("accepted, balance %.2f dollars", balance)
  end)
  if accepted then
    check("limits", function()
      local l = kalshi.get_account_api_limits()
      return string.format("tier %s, %g read and %g write tokens a second", l.usage_tier, l.read.refill_rate,
        l.write.refill_rate)
    end)
    check("WebSocket", function()
      local market = kalshi.get_markets{ status = "open", limit = 1 }.markets[1]
      if not market then return "connected only on demand; no market is open to try it with" end
      local book <close> = kalshi.book(market.ticker)
      return string.format("live book of %s, %d levels", book.ticker, book:levels() + book:levels "no")
    end)
  end
end

if first_error then error(first_error, 0) end
