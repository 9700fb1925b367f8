-- scripts/examples where their sums meet a market that this test makes: what rests, what is held, what ends them.
local function example(name) return "../scripts/examples/" .. name .. ".lua" end

local function text_of(strategy) return table.concat(strategy.output, "\n") end

describe("market_maker", function()
  it("does not follow its own quotes through a wide book", function(t)
    local market = t.market{ ticker = "TEST-1", bids = { { 0.40, 100 } }, asks = { { 0.60, 500 } } }
    local maker = t.run(example "market_maker", { args = { "TEST-1" } })
    t.orders(maker, { { side = "bid", price = 0.49 }, { side = "ask", price = 0.51 } })
    for _ = 1, 10 do -- somebody sells ten to it, until it may hold no more
      market:trade{ side = "ask", price = 0.40, count = 10 }
      t.advance(2)
    end
    t.eq(maker:position "TEST-1", 100)
    t.advance(30)
    t.orders(maker, { { side = "ask", price = 0.49 } }) -- the middle of the others less the lean of two cents
  end)

  it("goes on within a limit of the host, and when its market rests or closes", function(t)
    local market = t.market{ ticker = "TEST-1", bids = { { 0.40, 100 } }, asks = { { 0.60, 100 } } }
    local maker = t.run(example "market_maker", { args = { "TEST-1" }, risk = { max_position = 15 } })
    market:trade{ side = "ask", price = 0.40, count = 10 }
    t.advance(2)
    t.eq(maker.failed, false, table.concat(maker.errors, "; "))
    t.orders(maker, { { side = "ask" } })
    market:set{ asks = { { 0.60, 100 } } }
    t.advance(2)
    t.orders(maker, {}, "nobody else bids")
    market:set{ bids = { { 0.40, 100 } }, asks = { { 0.60, 100 } } }
    market:pause()
    t.advance(5)
    market:open()
    t.advance(5)
    t.eq(maker.failed, false, table.concat(maker.errors, "; "))
    market:close()
    t.advance(5)
    t.eq(maker.failed, false, table.concat(maker.errors, "; "))
  end)

  it("goes on while answers to its changes are lost, and places nothing twice", function(t)
    local market = t.market{ ticker = "TEST-1", bids = { { 0.40, 100 } }, asks = { { 0.60, 100 } } }
    local maker = t.run(example "market_maker", { args = { "TEST-1" } })
    local lost = { "lose-after", "fail-before" }
    for i, middle in ipairs{ 0.40, 0.30 } do
      market:fault(("amend_order:%s for 1m; get_orders:fail-before for 1m"):format(lost[i]))
      market:set{ bids = { { middle - 0.10, 100 } }, asks = { { middle + 0.10, 100 } } }
      t.advance(50)
      t.eq(maker.failed, false, table.concat(maker.errors, "; "))
      t.advance(60)
      t.orders(maker, { { side = "bid", price = middle - 0.01 }, { side = "ask", price = middle + 0.01 } })
    end
    t.eq(#maker:orders(), 2, "each was amended, and none placed again")
    market:fault "create_order:lose-after for 1m; get_orders:fail-before for 1m; ws/user_orders:drop for 1m"
    market:trade{ side = "ask", price = 0.28, count = 10 } -- its bid is gone
    t.advance(50)
    t.eq({ maker.failed, #maker:orders() }, { false, 3 })
    t.advance(60)
    t.eq({ #maker:orders{ status = "resting" }, #maker:orders() }, { 2, 3 })
  end)
end)

describe("momentum", function()
  local book = { bids = { { 0.40, 500 } }, asks = { { 0.42, 500 } } }

  local function begin(t)
    local market = t.market{ ticker = "TEST-1", bids = book.bids, asks = book.asks }
    local script = t.run(example "momentum", { args = { "TEST-1" } })
    market:trade{ side = "bid", price = 0.42, count = 70 }
    t.eq(script:position "TEST-1", 5)
    return market, script
  end

  it("sells again what it has bought before a reload", function(t)
    local _, script = begin(t)
    t.advance(1)
    script:reload()
    t.advance(10)
    t.eq(script:position "TEST-1", 0, text_of(script))
  end)

  it("sells again when an order failed in between, and then trades the market again", function(t)
    local market, script = begin(t)
    market:pause()
    t.advance(6)
    market:open()
    market:set(book)
    t.advance(6)
    t.eq(script:position "TEST-1", 0, text_of(script))
    t.eq(script.errors, {})
    market:trade{ side = "bid", price = 0.42, count = 70 }
    t.eq(script:position "TEST-1", 5)
  end)

  local function lose_an_answer(t, reloads)
    local market = t.market{ ticker = "TEST-1", bids = book.bids, asks = book.asks }
    local script = t.run(example "momentum", { args = { "TEST-1" } })
    t.advance(10) -- it has looked what was left
    market:fault "create_order:lose-after next 1; get_orders:fail-before for 3m; ws/user_orders,ws/fill:drop for 3m"
    market:trade{ side = "bid", price = 0.42, count = 70 }
    t.advance(100)
    t.eq({ #script:orders(), script:orders()[1].status }, { 1, "unknown" })
    market:trade{ side = "bid", price = 0.42, count = 70 }
    t.advance(20)
    t.eq(#script:orders(), 1, "another one could buy too much")
    if reloads then script:reload() end
    t.advance(120)
    t.eq({ script:position "TEST-1", script.failed }, { 0, false }, text_of(script))
    t.eq(script.errors, {})
  end

  it("sells again what an order has bought whose answer was lost for minutes", lose_an_answer)

  it("sells it also after a reload", function(t) lose_an_answer(t, true) end)
end)

describe("arbitrage", function()
  -- Three outcomes of one event, of which at most one comes.
  local function event(t, prices)
    local markets = {}
    for i, price in ipairs(prices) do
      markets[i] = t.market{
        ticker = "TEST-E-" .. i, event_ticker = "TEST-E", mutually_exclusive = true,
        bids = { { price[1], price[3] } }, asks = { { price[2], price[3] } },
      }
    end
    return markets
  end

  it("buys no set while an outcome may still come that cannot be bought", function(t)
    local markets = event(t, { { 0.20, 0.25, 50 }, { 0.20, 0.25, 50 }, { 0.20, 0.25, 50 } })
    markets[3]:pause()
    local script = t.run(example "arbitrage", { args = { "TEST-E", "exhaustive", "once" } })
    t.advance(5)
    for i = 1, 3 do t.eq(script:position("TEST-E-" .. i), 0) end
  end)

  it("sells no set whose profit goes into rounded fees", function(t)
    -- NO of all costs 1.94 and fees of 0.048, and pays 2. Of one set each fee is rounded up to the next cent.
    local markets = event(t, { { 0.35, 0.37, 1 }, { 0.35, 0.37, 1 }, { 0.36, 0.38, 1 } })
    local script = t.run(example "arbitrage", { args = { "TEST-E" } })
    t.advance(5)
    t.eq(text_of(script):match "selling", nil)
    for i, price in ipairs{ 0.35, 0.35, 0.36 } do markets[i]:bid(price, 49) end
    t.advance(5)
    t.matches(text_of(script), "selling 50 sets of 3")
    for i = 1, 3 do t.eq(script:position("TEST-E-" .. i), -50) end
  end)

  it("sells no more sets than there is money for", function(t)
    t.market{ ticker = "TEST-1", bids = { { 0.01, 1 } }, asks = { { 0.50, 1000000 } } }
    t.run("spend", { source = [[
      local kalshi = require "kalshi"
      local function cash() return kalshi.get_balance{ exchange_index = 0 }.balance_dollars end
      while cash() > 41 do -- what is held back for fees comes back
        local count = math.ceil((cash() - 40) / 0.56)
        kalshi.order{ ticker = "TEST-1", side = "bid", price = 0.50, count = count, time_in_force = "ioc" }
      end
    ]] })
    event(t, { { 0.35, 0.37, 50 }, { 0.35, 0.37, 50 }, { 0.36, 0.38, 50 } })
    local script = t.run(example "arbitrage", { args = { "TEST-E", "once" } })
    t.advance(5)
    t.matches(text_of(script), "selling 20 sets of 3")
    for i = 1, 3 do t.eq(script:position("TEST-E-" .. i), -20) end
  end)
end)
