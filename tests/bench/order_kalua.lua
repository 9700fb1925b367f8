-- Kalua's part of order_latency.mjs: one order after the other, each timed.
-- Arguments: ORDERS WARM_UP PAUSE_MS asleep|awake.
local kalshi, kalua, json, task = require "kalshi", require "kalua", require "json", require "task"

local orders, warm_up, pause = tonumber(kalua.args[1]), tonumber(kalua.args[2]), tonumber(kalua.args[3]) / 1000
local awake = kalua.args[4] == "awake"
local now = kalua.now

-- Between two orders: asleep, or with the loop turning all the time.
local function rest()
  if not awake then return task.sleep(pause) end
  local stop = now() + pause
  repeat task.yield() until now() >= stop
end

local times = {}
for i = 1 - warm_up, orders do
  if pause > 0 then rest() end
  local begin = now()
  local order = kalshi.create_order{
    ticker = "KXBENCH-26NOV25-T1", side = "bid", price = 0.42, count = 1,
    time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross",
  }
  local took = now() - begin
  assert(order.order_id)
  if i > 0 then times[i] = took * 1e6 end
end
table.sort(times)
local function percentile(p) return times[orders * p // 100 + 1] end
-- How many found their signature ready, the warm-up included; nil in a version that makes none ahead.
local ahead = kalshi.status().presigned
print(json.encode{ ahead = ahead and ahead / (orders + warm_up), median = percentile(50), p90 = percentile(90),
  p99 = percentile(99) })
