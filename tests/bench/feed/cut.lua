-- Kalua's part of cut.mjs: keeps the books of all markets through every cut, and notes when each was stale and until when.
-- Ends when the server says that the trading has ended, with the books as they are then.
local feed = require "feed"
local json = require "json"
local kalshi = require "kalshi"
local kalua = require "kalua"
local task = require "task"

local stale = {} -- { since, until } of each book, seconds since the epoch
local asked = kalua.now()
local books = feed.open()
local opened = kalua.now()

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

for m in kalshi.subscribe{ channels = { "market_lifecycle_v2" } }:messages() do
  if m.event_type == "determined" then break end
end
local final, wrong = {}, 0
for _, book in ipairs(books) do
  final[book.ticker] = feed.text(book)
  if book.stale then wrong = wrong + 1 end
end
local s = kalshi.status()
print(json.encode{ books = final, stale = stale, still_stale = wrong, opening = opened - asked, messages = s.messages,
  reconnects = s.reconnects, gaps = s.gaps, malformed = s.malformed })
for _, book in ipairs(books) do book:close() end
