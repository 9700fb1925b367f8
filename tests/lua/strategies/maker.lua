-- One bid and one ask in the market that is named: for the examples of lua/types/test.lua.
local kalshi = require "kalshi"
local kalua = require "kalua"
local task = require "task"

for side, price in pairs{ bid = 0.41, ask = 0.43 } do
  kalshi.order{ ticker = kalua.args[1], side = side, price = price, count = 10 }
end
task.sleep(3600)
