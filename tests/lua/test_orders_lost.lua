-- The helpers of `orders` where what they need does not come: time and faults are the test's.
local task = require "task"
local kept = require "orders.kept"

describe("orders.bracket", function()
  local SOURCE = [[
    local orders = require "orders"
    local ok, b = pcall(orders.bracket,
      { ticker = "TEST-1", side = "yes", count = 5, entry = 0.42, take_profit = 0.50, stop_loss = 0.30 })
    print(ok, ok and b:status() or b.code)
    if ok then print(pcall(b.wait, b, 60)) end
  ]]

  it("places no entry whose book cannot be had", function(t)
    local market = t.market{ ticker = "TEST-1", bids = { { 0.40, 100 } }, asks = { { 0.42, 100 } } }
    market:fault "ws/orderbook_delta:drop"
    local script = t.run("bracket", { source = SOURCE })
    t.advance(120)
    t.eq({ #script:orders(), script.output, script.errors }, { 0, { "false\tno_such_market" }, {} })
  end)
end)

describe("a wait with a time limit", function()
  it("raises the timeout that the job itself ended with", function(t)
    local own = { kind = "timeout", message = "no answer" }
    local job = task.spawn(function()
      task.sleep(0.01)
      error(own, 0)
    end)
    local ok, err = pcall(kept.await, job, 60)
    t.eq({ ok, err }, { false, own })
    job = task.spawn(task.sleep, 60)
    t.eq(kept.await(job, 0.01), false)
    job:cancel()
    t.eq(kept.await(task.spawn(task.sleep, 0), 60), true)
  end)
end)
