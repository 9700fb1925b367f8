-- Tests of NAME.lua, run by `kalua test`. Each has an exchange of its own where nobody trades but who is told to, and a
-- clock that moves when the test says so.
describe("NAME", function()
  it("prints the book when it changes", function(t)
    local market = t.market{ ticker = "TEST-1", bids = { { 0.40, 100 } }, asks = { { 0.44, 100 } } }
    local script = t.run("NAME.lua", { args = { "TEST-1" } })
    market:set{ bids = { { 0.41, 50 } }, asks = { { 0.44, 100 } } }
    t.settle()
    t.matches(script.output[#script.output], "0.41 | 0.44")
  end)
end)
