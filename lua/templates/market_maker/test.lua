-- Tests of NAME.lua, run by `kalua test`. Each has an exchange of its own where nobody trades but who is told to, and a
-- clock that moves when the test says so.
describe("NAME", function()
  local market, maker

  before_each(function(t)
    market = t.market{ ticker = "TEST-1", bids = { { 0.40, 100 } }, asks = { { 0.46, 100 } } }
    maker = t.run("NAME.lua", { args = { "TEST-1" } })
  end)

  it("quotes both sides around the middle", function(t)
    t.orders(maker, { { side = "bid", count = 10 }, { side = "ask", count = 10 } })
    for _, order in ipairs(maker:orders()) do
      t.ok(order.price > 0.40 and order.price < 0.46, "inside the spread")
    end
  end)

  it("follows the market", function(t)
    market:set{ bids = { { 0.60, 100 } }, asks = { { 0.66, 100 } } }
    t.advance(1)
    t.orders(maker, { { side = "bid", count = 10 }, { side = "ask", count = 10 } })
    for _, order in ipairs(maker:orders{ status = "resting" }) do t.near(order.price, 0.63, 0.03) end
  end)

  it("stops buying at its limit, and says why", function(t)
    for _ = 1, 5 do -- somebody sells ten to it, five times
      market:trade{ side = "ask", price = 0.42, count = 10 }
      t.advance(1)
    end
    t.eq(maker:position "TEST-1", 50)
    t.orders(maker, { { side = "ask", count = 10 } })
    t.matches(table.concat(maker.output, "\n"), "bid  no quote: 50 held")
  end)

  it("goes on while its quotes cannot be moved", function(t)
    market:fault "amend_order:fail-before for 1m; get_orders:fail-before for 1m"
    market:set{ bids = { { 0.38, 100 } }, asks = { { 0.44, 100 } } }
    t.advance(50)
    t.eq({ maker.failed, #maker:orders() }, { false, 2 })
    t.advance(60)
    t.orders(maker, { { side = "bid", price = 0.40 }, { side = "ask", price = 0.42 } })
  end)
end)
