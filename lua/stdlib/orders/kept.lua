---Orders that must not be forgotten: they are canceled when the block that placed them is left by an error or because
---its task was cancelled, and when the script ends. A reload leaves them alone, as it leaves all orders.
local kalua = require "kalua"
local library = require "library"
local log = require "log"
local task = require "task"

local error, ipairs, pairs, pcall, setmetatable, tostring, type =
  error, ipairs, pairs, pcall, setmetatable, tostring, type

local FINAL <const> = { filled = true, canceled = true, rejected = true }

local kept = {}
local all = {} -- those that are open
local listens, stopping = false, false

kept.FINAL = FINAL

local Keeper = {}
Keeper.__index = Keeper

---Cancels what is open, all at once, and waits for it. Raises the first error, once all were tried.
local function cancel(list)
  local first
  local jobs = {}
  for _, o in ipairs(list) do
    if not FINAL[o.status] then
      jobs[#jobs + 1] = task.spawn(function()
        local ok, err = pcall(o.cancel, o)
        if not ok and not FINAL[o.status] then first = first or err end
      end)
    end
  end
  for _, job in ipairs(jobs) do job:await() end
  if first then error(first, 0) end
end
kept.cancel = cancel

---The script ends (and is not only replaced by a newer version): nothing more is to be placed.
function kept.stopping()
  if listens then return stopping end
  listens = true
  kalua.on_stop(function(reason)
    if reason == "reload" then return end
    stopping = true
    local keepers = {} -- `all` changes while one is waited for
    for keeper in pairs(all) do keepers[#keepers + 1] = keeper end
    for _, keeper in ipairs(keepers) do
      local ok, err = pcall(keeper.cancel, keeper)
      if not ok then log.error("an order may still rest: " .. tostring(err)) end
    end
  end)
  return false
end

---Keeps a list of orders, which may grow.
function kept.keep(list)
  kept.stopping()
  local keeper = setmetatable({ orders = list }, Keeper)
  all[keeper] = true
  return keeper
end

---Nobody has to look after them any more.
function Keeper:release() all[self] = nil end

---Cancels those that are open.
function Keeper:cancel() cancel(self.orders) end

---At the end of a block: whatever is still kept is canceled. A task that was cancelled cannot wait, so another does it.
function Keeper:__close()
  if not all[self] then return end
  self:release()
  local ok, job = pcall(task.spawn, cancel, self.orders)
  if ok then pcall(job.await, job) end
end

---For the block that places them: unless it sets `done` of this, whatever is kept is canceled at its end.
function Keeper:guard()
  return setmetatable({ done = false }, { __close = function(guard)
    if not guard.done then self:__close() end
  end })
end

---Waits for a task for so long (nil: as long as it takes). False when the time ran out; raises what it raised.
function kept.await(job, timeout)
  if not timeout then
    job:await()
    return true
  end
  local ok, err = pcall(task.timeout, timeout, job.await, job)
  if ok then return true end
  local status = job:status()
  if status == "waiting" or status == "running" then
    if type(err) == "table" and err.kind == "timeout" then return false end
    error(err, 0) -- who waits was cancelled
  end
  job:await() -- a timeout of its own is an error like any other
  return true
end

-- ---- watching ----

---Waits for the answer to an order that was placed with wait = false, and returns it; raises what it was refused with,
---as kalshi.order does. Not by o:wait, whose news are for who holds the order.
function kept.placed(order)
  local next_change = order:changes()
  next_change() -- the first comes with the answer
  if order.status ~= "rejected" then return order end
  local err = order.error or library.error("http", "the order was rejected")
  err.order = order
  error(err, 0)
end

---What went wrong with what will be tried again; a task that was cancelled ends here.
function kept.attempt(fn, ...)
  local ok, result = pcall(fn, ...)
  if not ok and type(result) == "table" and result.kind == "cancelled" then error(result, 0) end
  return ok, result
end

---Something that tasks set and one task waits for: any number of sets before it looks are one.
function kept.signal()
  local ch, set = task.channel(1), false
  local signal, helpers, pauses = {}, {}, {}

  local function help(fn)
    local job
    job = task.spawn(function()
      fn()
      helpers[job] = nil
      signal.set()
    end)
    helpers[job] = true
  end

  function signal.set()
    if set then return end
    set = true
    ch:send(true)
  end

  function signal.wait()
    ch:recv()
    set = false
  end

  ---Set at every change of an order or a book.
  function signal.watch(thing)
    help(function()
      for _ in thing:changes() do signal.set() end
    end)
  end

  ---Set after so many seconds; until then `what` is paused.
  function signal.pause(what, seconds)
    pauses[what] = (pauses[what] or 0) + 1
    help(function()
      task.sleep(seconds)
      pauses[what] = pauses[what] - 1
    end)
  end

  function signal.paused(what) return (pauses[what] or 0) > 0 end

  function signal.close()
    for job in pairs(helpers) do job:cancel() end
  end

  return setmetatable(signal, { __close = signal.close })
end

return kept
