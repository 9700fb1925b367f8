-- A function is called for every delta of every book.
local feed = require "feed"

local deltas, callbacks, bids, spreads = 0, 0, 0, 0
local function on_delta(_, _, _, bid, ask)
  deltas = deltas + 1
  if bid and ask then
    callbacks = callbacks + 1
    bids = bids + bid
    spreads = spreads + (ask - bid)
  end
end
for _, book in ipairs(feed.open()) do book:on_delta(on_delta) end
feed.go()
feed.finish(function() return { deltas = deltas, callbacks = callbacks, bids = bids, spreads = spreads } end,
  function() return deltas end)
