-- Holds the books of all open markets and says once a minute how they fare: stale ones, the longest time one was stale,
-- changes seen. Part of tests/bench/soak.
local kalshi = require "kalshi"
local kalua = require "kalua"
local task = require "task"

local books = {}
for m in kalshi.each.get_markets{ status = "open", limit = 1000 } do books[#books + 1] = kalshi.book(m.ticker) end
print(#books .. " books")

local changes, longest = 0, 0
for _, book in ipairs(books) do
  task.spawn(function()
    for _ in book:changes() do changes = changes + 1 end
  end)
  task.spawn(function()
    local since
    while true do
      task.sleep(0.1)
      if book.stale then
        since = since or kalua.now()
        longest = math.max(longest, kalua.now() - since)
      else
        since = nil
      end
    end
  end)
end

local function report()
  local stale = 0
  for _, book in ipairs(books) do stale = stale + (book.stale and 1 or 0) end
  local s = kalshi.status()
  local form = "messages %d gaps %d reconnects %d malformed %d changes %d stale %d longest stale %.1f s lua %.0f KB"
  print(string.format(form,
    s.messages, s.gaps, s.reconnects, s.malformed, changes, stale, longest,
    collectgarbage "count"))
end
kalua.on_stop(report)
task.every(60, report)
