-- One task for each book takes every delta in a loop.
local feed = require "feed"
local task = require "task"

local deltas, callbacks, bids, spreads = 0, 0, 0, 0
for _, book in ipairs(feed.open()) do
  task.spawn(function()
    for d in book:deltas() do
      deltas = deltas + 1
      local bid, ask = d.bid, d.ask
      if bid and ask then
        callbacks = callbacks + 1
        bids = bids + bid
        spreads = spreads + (ask - bid)
      end
    end
  end)
end
feed.go()
feed.finish(function() return { deltas = deltas, callbacks = callbacks, bids = bids, spreads = spreads } end,
  function() return deltas end)
