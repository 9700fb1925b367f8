-- The first connection of a command that lives on the feed. A connection that is lost later comes back by itself.
local kalshi = require "kalshi"
local task = require "task"

local PATIENCE = 15 -- seconds

local function never_connected()
  local feed = kalshi.status()
  return not feed.connected and feed.reconnects == 0, feed.last_error
end

local unreachable = { __tostring = function(e) return e.kind .. ": " .. e.message end }

local function give_up()
  task.sleep(PATIENCE)
  local never, why = never_connected()
  while not never do
    task.sleep(3600) -- the exchange is there: what is opened may take its time
  end
  error(setmetatable({
    kind = "network",
    message = string.format("no connection to the exchange's feed within %d seconds%s", PATIENCE,
      why and ": " .. why or ""),
  }, unreachable), 0)
end

---What `open` returns, or an error (`network`) when there was no connection by then.
return function(open)
  local opened
  task.race{ function() opened = open() end, give_up }
  return opened
end
