-- Kalua's part of cut.mjs: keeps the books of all markets through every cut, and notes when each was stale and until
-- when. Ends when the server says that the trading has ended, with the books as they are then.
local feed = require "feed"
local json = require "json"
local kalshi = require "kalshi"
local kalua = require "kalua"
local task = require "task"

local stale = {} -- { since, until } of each book, seconds since the epoch
local books = feed.open()

for _, book in ipairs(books) do
  task.spawn(function()
    local since
    for b in book:changes() do
      if b.stale then
        since = since or kalua.now()
      elseif since then
        stale[#stale + 1] = { since, kalua.now() }
        since = nil
      end
    end
  end)
end

local sub = kalshi.subscribe{ channels = { "market_lifecycle_v2" } }
for m in sub:messages() do
  if m.event_type == "determined" then break end
end
local final, wrong = {}, 0
for _, book in ipairs(books) do
  final[book.ticker] = feed.text(book)
  if book.stale then wrong = wrong + 1 end
end
local s = kalshi.status()
print(json.encode{ books = final, stale = stale, still_stale = wrong, messages = s.messages,
  reconnects = s.reconnects, gaps = s.gaps, malformed = s.malformed })
sub:close()
feed.close()
