-- Books against the embedded exchange.
local kalshi = require "kalshi"
local kalua = require "kalua"
local task = require "task"
local test = require "test"

-- The busiest first, so that no test waits long for a change.
local function open_markets(n)
  local markets = kalshi.get_markets{ status = "open", limit = n, mve_filter = "exclude" }.markets
  table.sort(markets, function(a, b) return a.volume_fp > b.volume_fp end)
  local tickers = {}
  for _, m in ipairs(markets) do tickers[#tickers + 1] = m.ticker end
  return tickers
end

-- The same book over REST, as a map from price to count for each side.
local function rest_book(ticker)
  local answer = kalshi.get_market_orderbook(ticker)
  local raw = answer.orderbook_fp or answer.orderbook
  local function side(levels)
    local map = {}
    for _, level in ipairs(levels or {}) do map[string.format("%.4f", level[1])] = level[2] end
    return map
  end
  return side(raw.yes_dollars), side(raw.no_dollars)
end

local function book_side(book, side)
  local map = {}
  for _, level in ipairs(book:bids(10000, side)) do map[string.format("%.4f", level[1])] = level[2] end
  return map
end

local function same(a, b)
  for k, v in pairs(a) do if b[k] ~= v then return false end end
  for k, v in pairs(b) do if a[k] ~= v then return false end end
  return true
end

local tickers = open_markets(30)
local ticker = tickers[1]

test("a book opens with a snapshot and reads consistently", function(t)
  local b <close> = kalshi.book(ticker)
  t.eq(b.ticker, ticker)
  t.ok(b.seq >= 1)
  t.eq(b.stale, false)
  t.ok(b.age >= 0)
  local bid, bid_count = b:best_bid()
  local ask, ask_count = b:best_ask()
  if bid then
    t.ok(bid > 0 and bid < 1 and bid_count > 0)
    t.eq(b:bids(1)[1][1], bid)
    t.eq(b:count_at(bid), bid_count)
    t.ok(b:depth(1) >= bid_count)
  end
  if ask then
    local no, no_count = b:best_bid "no"
    t.ok(math.abs(no + ask - 1) < 1e-9)
    t.eq(no_count, ask_count)
  end
  if bid and ask then
    t.ok(bid < ask)
    t.ok(math.abs(b:spread() - (ask - bid)) < 1e-9)
    t.ok(b:microprice() >= bid and b:microprice() <= ask)
  end
  t.eq(#b:bids(), b:levels())
  t.eq(#b:asks(), b:levels "no")
end)

test("a book agrees with REST", function(t)
  local b <close> = kalshi.book(ticker)
  for _ = 1, 50 do -- the market moves between the two looks: sooner or later they fall together
    local yes, no = rest_book(ticker)
    if same(yes, book_side(b, "yes")) and same(no, book_side(b, "no")) then
      t.ok(true)
      return
    end
    task.sleep(0.05)
  end
  t.ok(false, "the book never agreed with get_market_orderbook")
end)

test("a ticker that does not exist is an error", function(t)
  t.raises(function() kalshi.book "NO-SUCH-MARKET" end, "validation")
  t.raises(function() kalshi.book "not a ticker" end, "validation")
  t.raises(function() kalshi.book(42) end, "validation")
end)

test("wait tells changes from silence", function(t)
  local b <close> = kalshi.book(ticker)
  local woke = false
  for _ = 1, 40 do woke = woke or b:wait(0.5) end
  t.ok(woke)
  t.raises(function() b:wait(-1) end, "validation")
end)

test("changes yields the book itself", function(t)
  local b <close> = kalshi.book(ticker)
  local n = 0
  for same_book in b:changes() do
    t.ok(same_book == b)
    n = n + 1
    if n == 3 then break end
  end
  t.eq(n, 3)
end)

test("the iterators may be called by hand, as after an error in a loop", function(t)
  local b <close> = kalshi.book(ticker)
  local changed, moved = b:changes(), b:deltas()
  t.ok(changed() == b)
  t.ok(changed() == b)
  local side = moved().side
  t.ok(side == "yes" or side == "no")
end)

test("deltas add up to the book", function(t)
  local b <close> = kalshi.book(ticker)
  local sides = { yes = book_side(b, "yes"), no = book_side(b, "no") }
  local n, last = 0, b.seq
  for d in b:deltas() do
    local side, key = sides[d.side], string.format("%.4f", d.price)
    t.ok(d.seq >= last)
    last = d.seq
    side[key] = (side[key] or 0) + d.delta
    if math.abs(side[key]) < 1e-9 then side[key] = nil end
    n = n + 1
    if n >= 5 and d.seq == b.seq then break end -- nothing is queued behind it: the book is as we have it
  end
  for _, side in ipairs{ "yes", "no" } do
    local now = book_side(b, side)
    for k, v in pairs(now) do t.ok(math.abs((sides[side][k] or 0) - v) < 1e-6) end
    for k in pairs(sides[side]) do t.ok(now[k]) end
  end
end)

test("a function sees every delta, and the touch behind each", function(t)
  local b <close> = kalshi.book(ticker)
  local sides = { yes = book_side(b, "yes"), no = book_side(b, "no") }
  local n, wrong = 0, 0
  local calls
  calls = b:on_delta(function(price, delta, side, bid, ask, seq, ts)
    local levels, key = sides[side], string.format("%.4f", price)
    levels[key] = (levels[key] or 0) + delta
    if math.abs(levels[key]) < 1e-9 then levels[key] = nil end
    local best = { yes = 0, no = 0 }
    for outcome, held in pairs(sides) do
      for k in pairs(held) do best[outcome] = math.max(best[outcome], tonumber(k)) end
    end
    if math.abs((bid or 0) - best.yes) > 1e-9 or math.abs((ask or 1) - (1 - best.no)) > 1e-9 then wrong = wrong + 1 end
    if math.type(seq) ~= "integer" or ts and math.abs(ts - kalua.now()) > 60 then wrong = wrong + 1 end
    n = n + 1
    if n == 10 then calls:cancel() end
  end)
  while calls:status() == "waiting" do task.sleep(0.01) end
  t.eq(calls:status(), "cancelled")
  t.eq(n, 10)
  t.eq(wrong, 0)
end)

test("many books at once are all right", function(t)
  local books = {}
  for i, name in ipairs(tickers) do books[i] = kalshi.book(name) end
  task.sleep(0.3)
  for i, b in ipairs(books) do
    t.eq(b.ticker, tickers[i])
    t.eq(b.stale, false)
  end
  t.ok(kalshi.status().books >= #books)
  for _, b in ipairs(books) do b:close() end
end)

test("a closed book says so", function(t)
  local b = kalshi.book(ticker)
  b:close()
  b:close()
  t.raises(function() b:best_bid() end, "closed")
  t.raises(function() return b.stale end, "closed")
  t.eq(b.ticker, ticker)
end)

test("a loop ends when its book is closed", function(t)
  local b = kalshi.book(ticker)
  local closer = task.spawn(function()
    task.sleep(0.05)
    b:close()
  end)
  for _ in b:deltas() do end
  for _ in (kalshi.book(ticker)):changes() do break end -- luacheck: ignore 512
  closer:await()
  t.ok(true)
end)

test("opening a book can be given up", function(t)
  local opening = task.spawn(function() return kalshi.book(tickers[#tickers]) end)
  opening:cancel()
  local ok, e = pcall(opening.await, opening)
  t.eq(ok, false)
  t.eq(e.kind, "cancelled")
end)

test("many books are opened together, or none", function(t)
  local names = open_markets(20)
  local books = kalshi.books(names)
  for _, name in ipairs(names) do t.eq(books[name].stale, false) end
  for _, book in pairs(books) do book:close() end
  t.raises(function() kalshi.books{ names[1], "NO-SUCH-MARKET" } end, "validation")
  t.raises(function() kalshi.books("A") end, "validation")
  t.raises(function() kalshi.books{ a = "A" } end, "validation")
  local _, hole = pcall(kalshi.books, { names[1], nil, names[2] })
  t.eq(tostring(hole), "validation: books: tickers must be a list: it has the key 3, but nothing at 2")
  t.eq(next(kalshi.books{}), nil)
end)

test("a delta's fields are there however they are read", function(t)
  local book <close> = kalshi.book(open_markets(1)[1])
  local n, names, seq = 0, {}, nil
  for d in book:deltas() do
    n = n + 1
    if n == 1 then
      t.eq(d.nothing, nil)
      t.eq(d[1], nil)
    elseif n == 2 then
      for name in pairs(d) do names[name] = true end
      t.ok(names.price and names.delta and names.side and names.seq)
      t.eq(names.nothing, nil)
      seq = d.seq
    elseif n == 3 then
      -- Read for the first time before, set at every turn since.
      t.ok(d.price > 0 and d.price < 1)
      t.ok(d.delta ~= 0)
      t.ok(d.side == "yes" or d.side == "no")
      t.ok(d.seq > seq)
      t.ok(d.bid < d.ask)
      break
    end
  end
end)
