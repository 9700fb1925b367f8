-- One task for each book reads the best prices whenever it has changed, once for all that came in between.
local feed = require "feed"
local task = require "task"

local turns, bids, asks = 0, 0, 0
for _, book in ipairs(feed.open()) do
  task.spawn(function()
    for b in book:changes() do
      local bid, ask = b:best_bid(), b:best_ask()
      turns = turns + 1
      if bid and ask then bids, asks = bids + bid, asks + ask end
    end
  end)
end
feed.go()
feed.finish(function() return { turns = turns } end)
