-- Tests of NAME.lua, run by `kalua test`. Each has an exchange of its own where nobody trades but who is told to, and a
-- clock that moves when the test says so.
describe("NAME", function()
  it("buys when far more is bid for than offered", function(t)
    t.market{ ticker = "TEST-1", bids = { { 0.40, 900 } }, asks = { { 0.42, 100 } } }
    local taker = t.run("NAME.lua", { args = { "TEST-1" } })
    t.eq(taker:position "TEST-1", 5)
  end)

  it("waits while the sides are even, and says so", function(t)
    t.market{ ticker = "TEST-1", bids = { { 0.40, 100 } }, asks = { { 0.42, 100 } } }
    local taker = t.run("NAME.lua", { args = { "TEST-1" } })
    t.advance(10)
    t.eq(taker:position "TEST-1", 0)
    t.matches(table.concat(taker.output, "\n"), "no order: the sides are even")
  end)

  it("says once why it waits", function(t)
    local market = t.market{ ticker = "TEST-1", bids = { { 0.40, 100 } }, asks = { { 0.42, 900 } } }
    local taker = t.run("NAME.lua", { args = { "TEST-1" } })
    t.advance(4)
    t.matches(taker.output[#taker.output], "nothing is held to sell")
    market:pause()
    t.advance(30)
    t.matches(taker.output[#taker.output], "the market is inactive")
    t.eq(#taker.output, 3)
  end)

  it("sells again when the pressure turns", function(t)
    local market = t.market{ ticker = "TEST-1", bids = { { 0.40, 900 } }, asks = { { 0.42, 100 } } }
    local taker = t.run("NAME.lua", { args = { "TEST-1" } })
    market:set{ bids = { { 0.40, 100 } }, asks = { { 0.42, 900 } } }
    t.advance(10)
    t.eq(taker:position "TEST-1", 0)
  end)

  it("knows after a reload what the version before has bought", function(t)
    local market = t.market{ ticker = "TEST-1", bids = { { 0.40, 900 } }, asks = { { 0.42, 5 } } }
    local taker = t.run("NAME.lua", { args = { "TEST-1" } })
    taker:reload()
    market:set{ bids = { { 0.40, 100 } }, asks = { { 0.42, 900 } } }
    t.advance(10)
    t.eq(taker:position "TEST-1", 0)
  end)

  it("sells no more than it has, and buys no more than it may hold", function(t)
    local market = t.market{ ticker = "TEST-1", bids = { { 0.40, 900 } }, asks = { { 0.42, 3 } } }
    local taker = t.run("NAME.lua", { args = { "TEST-1" } })
    t.eq(taker:position "TEST-1", 3)
    market:set{ bids = { { 0.40, 100 } }, asks = { { 0.42, 900 } } }
    t.advance(10)
    t.eq(taker:position "TEST-1", 0)
    for _ = 1, 8 do
      market:set{ bids = { { 0.40, 900 } }, asks = { { 0.42, 3 } } }
      t.advance(3)
    end
    t.eq(taker:position "TEST-1", 20)
  end)

  it("sends nothing more while nobody knows what became of an order, over a reload too", function(t)
    local market = t.market{ ticker = "TEST-1", bids = { { 0.40, 100 } }, asks = { { 0.42, 100 } } }
    local taker = t.run("NAME.lua", { args = { "TEST-1" } })
    market:fault "create_order:lose-after for 2m; get_orders:fail-before for 2m; ws/user_orders,ws/fill:drop for 2m"
    market:set{ bids = { { 0.40, 900 } }, asks = { { 0.42, 100 } } }
    t.advance(60)
    t.eq({ #taker:orders(), taker:orders()[1].status }, { 1, "unknown" })
    taker:reload()
    t.advance(40)
    t.eq(#taker:orders(), 1)
    t.advance(100)
    t.eq(taker:position "TEST-1", 20)
  end)
end)
