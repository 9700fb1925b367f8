-- The body of `kalua book`. Settings of kalua.args, then the ticker:
--   show=screen|once|lines|json  the ladder, live or a single time; a line per change; an object per change
--   once=1                       the first state only
--   side=yes|no, levels=, seconds=, orders=1, colour=1, blocks=1, keys=1
local kalshi = require "kalshi"
local json = require "json"
local task = require "task"
local ladder = require "cli.ladder"
local markets = require "cli.markets"
local reach = require "cli.reach"
local args = require "cli.settings"

local settings, ticker = args.settings, args.words[1]
local limit = math.tointeger(tonumber(settings.levels)) -- nil: as many as fit
local side = settings.side

local DEFAULT_LEVELS = 10 -- where no screen says how many there is room for
local MOST_LEVELS = 100
local FRAME = 0.066       -- seconds between two drawings
local TITLE_WAIT = 1.5    -- seconds that the book waits for what REST knows of the market
local ORDERS_EVERY = 0.25 -- seconds between two looks at own orders
local KEPT_TRADES = 50
local IMBALANCE = 5       -- levels

local wanted = task.channel(1) -- holds a value while something is to be shown
local marked = false

local function mark()
  if marked then return end
  marked = true
  wanted:send(true)
end

-- What is read on the side must not hold up the end: a call to an exchange that is gone goes on for long.
local aside = {}

local function read_aside(fn)
  local reader = task.spawn(fn)
  aside[#aside + 1] = reader
  return reader
end

-- ---- the market ----

local market -- as REST has it, once it came

local missing = false

local function read_market()
  local ok, answer = pcall(kalshi.get_market, ticker)
  if ok then
    market = answer.market
    mark()
  end
  missing = not ok and markets.is_missing(answer) -- other errors: the book says what is wrong, or does without
end

local function title()
  if not market then return nil end
  local text, outcome = market.title or "", market[side .. "_sub_title"]
  if outcome and outcome ~= "" and outcome ~= text then text = text .. ": " .. outcome end
  if not settings.blocks then text = text:gsub("[\194-\244][\128-\191]*", "?") end
  return text ~= "" and text or nil
end

-- A market that does not exist is found before the feed is asked for it. An answer that is slow is not waited for.
do
  local reader = read_aside(read_market)
  local ok, err = pcall(task.timeout, TITLE_WAIT, function() reader:await() end)
  if not ok and err.kind ~= "timeout" then error(err, 0) end
  if missing then markets.refuse(ticker) end
end

local book <close> = reach(function() return kalshi.book(ticker) end)

-- ---- lines and objects ----

local function number(v, format)
  return v and string.format(format, v) or "-"
end

local function line()
  local bid, bids = book:best_bid(side)
  local ask, asks = book:best_ask(side)
  return string.format("%s  %s x %s | %s x %s%s", ticker, number(bids, "%.2f"), number(bid, "%.4f"),
    number(ask, "%.4f"), number(asks, "%.2f"), book.stale and "  stale" or "")
end

local function object()
  local n = limit or DEFAULT_LEVELS
  local bids, asks = book:bids(n, side), book:asks(n, side)
  return json.encode{
    ticker = ticker,
    side = side,
    seq = book.seq,
    ts = book.ts,
    stale = book.stale,
    bids = #bids > 0 and bids or json.empty_array,
    asks = #asks > 0 and asks or json.empty_array,
  }
end

-- A reader that is slow gets fewer states, each the newest when it is taken.
local function show_lines(text)
  local output = require "cli.output"
  while true do
    output.write(text() .. "\n")
    output.flush()
    if settings.once then return end
    book:wait()
  end
end

-- ---- trades ----

local trades, known = {}, {} -- newest first; by trade_id

-- `made`: when, as the exchange writes it: 2026-11-25T16:56:57.846927Z, with any number of places.
local function add_trade(trade, made)
  if known[trade.trade_id] then return end
  known[trade.trade_id] = true
  local at = 1
  while trades[at] and trades[at].made > made do at = at + 1 end
  table.insert(trades, at, {
    id = trade.trade_id,
    made = made,
    time = made:sub(12, 19),
    yes_price = trade.yes_price_dollars,
    no_price = trade.no_price_dollars,
    buys_yes = (trade.taker_outcome_side or trade.taker_side) == "yes",
    count = trade.count_fp,
  })
  if #trades > KEPT_TRADES then known[table.remove(trades).id] = nil end
  mark()
end

-- Where they cannot be read the ladder does without.
local function read_trades()
  local ok, answer = pcall(kalshi.get_trades, { ticker = ticker, limit = KEPT_TRADES })
  for _, trade in ipairs(ok and answer.trades or {}) do add_trade(trade, trade.created_time) end
end

-- Subscribed first, so that none falls between what was and what comes.
local function watch_trades()
  local sub <close> = kalshi.subscribe{ channels = { "trade" }, market_tickers = { ticker } }
  read_aside(read_trades)
  local reconnects = kalshi.status().reconnects
  for trade in sub:messages() do
    local ms = trade.ts_ms or trade.ts * 1000
    add_trade(trade, os.date("!%Y-%m-%dT%H:%M:%S", ms // 1000) .. string.format(".%03dZ", ms % 1000))
    if kalshi.status().reconnects ~= reconnects then -- what happened meanwhile is only in REST
      reconnects = kalshi.status().reconnects
      read_aside(read_trades)
    end
  end
end

-- ---- own orders ----

local resting = {}

local function read_orders() resting = kalshi.orders{ ticker = ticker } end

-- From memory after the first time.
local function watch_orders()
  while true do
    read_orders()
    mark()
    task.sleep(ORDERS_EVERY)
  end
end

local function own_prices()
  local mine = { bids = {}, asks = {} }
  for _, order in ipairs(resting) do
    local price = side == "yes" and order.price or 1 - order.price
    local where = (order.side == "bid") == (side == "yes") and mine.bids or mine.asks
    where[string.format("%.4f", price)] = true
  end
  return mine
end

-- ---- the ladder ----

local function why_stale(feed)
  if feed.connected then return "waiting for a snapshot" end
  return "no connection" .. (feed.last_error and ": " .. feed.last_error or "")
end

local function status(feed)
  local said = market and market.status
  if said and said ~= "active" then return said end
  return feed.late and "late" or "live"
end

local function view(levels)
  local feed = kalshi.status()
  local shown = {}
  for i, trade in ipairs(trades) do
    shown[i] = { time = trade.time, buy = trade.buys_yes == (side == "yes"), count = trade.count,
      price = side == "yes" and trade.yes_price or trade.no_price }
  end
  return {
    ticker = ticker, side = side, title = title(), status = status(feed),
    stale = book.stale, reason = book.stale and why_stale(feed),
    bids = book:bids(levels, side), asks = book:asks(levels, side), mine = own_prices(),
    mid = book:mid(side), micro = book:microprice(side), spread = book:spread(side),
    imbalance = book:imbalance(IMBALANCE, side), age = book.age, feed_age = feed.age,
    trades = shown,
  }
end

local style = { colour = settings.colour == "1", blocks = settings.blocks == "1", keys = settings.keys == "1" }

local function lines_for(rows, columns)
  style.limit = limit
  return ladder.lines(view(MOST_LEVELS), rows, columns, style)
end

-- One ladder between the other lines of the terminal.
local function show_once()
  local terminal, output = require "cli.terminal", require "cli.output"
  local _, columns = terminal.size()
  limit = limit or DEFAULT_LEVELS
  local n = math.min(limit, math.max(book:levels "yes", book:levels "no", 1))
  limit, style.keys = n, false
  read_trades()
  if settings.orders then read_orders() end
  output.write(table.concat(lines_for(2 * n + 6, columns), "\n") .. "\n")
  output.flush()
end

local function show_screen()
  local terminal = require "cli.terminal"
  local screen <close> = terminal.screen()
  local last = {} -- the lines that are on the screen

  local function draw()
    local rows, columns = terminal.size()
    local lines = lines_for(rows, columns)
    local codes = {}
    if #last == 0 then codes[1] = "\27[2J" end
    for i = 1, math.max(#lines, #last) do
      local text = lines[i] or ""
      if text ~= last[i] then codes[#codes + 1] = string.format("\27[%d;1H\27[2K%s", i, text) end
    end
    if #codes == 0 or screen:draw(table.concat(codes)) then
      last = lines
    else
      mark() -- the terminal has not taken the one before
    end
  end

  local function pressed(key)
    if key == "q" or key == "Q" or key == "\4" then return true end
    local rows, columns = terminal.size()
    local fitting = ladder.levels(rows, columns)
    if key == "+" or key == "=" then
      limit = math.min((limit or fitting) + 1, math.max(fitting, 1))
    elseif key == "-" then
      limit = math.max(math.min(limit or fitting, fitting) - 1, 1)
    elseif key == "s" then
      side = side == "yes" and "no" or "yes"
    end
  end

  local function obey()
    while true do
      local anew, keys = screen:event()
      if anew then last = {} end
      keys = keys:gsub("\27%[A", "+"):gsub("\27%[B", "-"):gsub("\27%[[%d;]*%a", ""):gsub("\27O.", "")
      for key in keys:gmatch "." do
        if pressed(key) then return end
      end
      mark()
    end
  end

  local function keep_drawing()
    while wanted:recv() do
      marked = false
      draw()
      task.sleep(FRAME)
    end
  end

  local function watch_book()
    while true do
      book:wait(1) -- and once a second for the ages
      mark()
      task.sleep(FRAME)
    end
  end

  mark()
  local work = { obey, keep_drawing, watch_book, watch_trades }
  if settings.orders then work[#work + 1] = watch_orders end
  task.race(work)
end

local function show()
  if settings.show == "once" then return show_once() end
  if settings.show == "screen" then return show_screen() end
  show_lines(settings.show == "json" and object or line)
end

local seconds = tonumber(settings.seconds)
if seconds then
  task.race{ show, function() task.sleep(seconds) end }
else
  show()
end
for _, reader in ipairs(aside) do reader:cancel() end
