-- What the scripts of the feed bench share: the connection, all books, the measured span, the report. The span is that
-- of the other peers: it begins when the connection is there and the books are asked for, and ends when the server has
-- closed it. CPU time is os.clock's: user and system time of all threads of the process.
local json = require "json"
local kalshi = require "kalshi"
local task = require "task"
local tickers = require "feed_tickers" -- made by feed.mjs

local feed = { books = {}, tickers = tickers }
local began, opened, status
local held = {} -- subscriptions that nobody reads

local function subscribe(channel) held[#held + 1] = kalshi.subscribe{ channels = { channel } } end

-- Opens the connection by a subscription that brings no messages; the measured span begins.
function feed.connect()
  task.sleep(0.2) -- what the session does at its start is no part of it
  subscribe "multivariate_market_lifecycle"
  status = kalshi.subscribe{ channels = { "kalshi.status" } }
  began = os.clock()
end

-- Opens all books.
function feed.open()
  feed.connect()
  local by_ticker = kalshi.books(tickers)
  for i, ticker in ipairs(tickers) do feed.books[i] = by_ticker[ticker] end
  return feed.books
end

-- Tells the server that all loops wait for messages. The loops need their turn before that.
function feed.go()
  task.sleep(0)
  opened = os.clock()
  subscribe "market_lifecycle_v2"
end

-- A book's levels in the text of synthetic.h, without the ticker.
function feed.text(book)
  local lines = {}
  local function add(letter, levels)
    for i = #levels, 1, -1 do
      local price, count = math.floor(levels[i][1] * 1e4 + 0.5), math.floor(levels[i][2] * 100 + 0.5)
      lines[#lines + 1] = string.format("%s%d:%d\n", letter, price, count)
    end
  end
  add("y", book:bids(10000))
  add("n", book:bids(10000, "no"))
  return table.concat(lines)
end

-- See synthetic.h.
local function checksum()
  local hash = 2166136261
  table.sort(feed.books, function(a, b) return a.ticker < b.ticker end)
  for _, book in ipairs(feed.books) do
    local text = book.ticker .. "\n" .. feed.text(book)
    for byte in text:gmatch "." do hash = (hash ~ byte:byte()) * 16777619 & 0xffffffff end
  end
  return string.format("%08x", hash)
end

local function peak_kb()
  for line in io.lines "/proc/self/status" do
    local kb = line:match "^VmHWM:%s+(%d+)"
    if kb then return tonumber(kb) end
  end
end

function feed.close()
  for _, book in ipairs(feed.books) do book:close() end
  for _, sub in ipairs(held) do sub:close() end
  status:close()
end

-- Waits for the end; `counted()` gives what the script has counted, prices in dollars. `progress()` is a number that
-- grows while a loop still works on what came before the end. Prints one line of JSON.
function feed.finish(counted, progress)
  for m in status:messages() do
    if m.event == "disconnected" then break end
  end
  local before
  while progress and before ~= progress() do
    before = progress()
    task.sleep(0.001)
  end
  local ended = os.clock()
  local counters = kalshi.status()
  local t = counted and counted() or {}
  for _, sum in ipairs{ "bids", "spreads" } do t[sum] = t[sum] and math.floor(t[sum] * 1e4 + 0.5) end
  t.cpu, t.cpu_opening = ended - began, opened - began
  t.messages, t.snapshots = counters.messages, t.snapshots or counters.snapshots
  t.checksum, t.rss_kb = checksum(), peak_kb()
  print(json.encode(t))
  feed.close()
end

return feed
