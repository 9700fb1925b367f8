-- Values as the prompt draws them: whole drawings at several widths, with colour and without; and that nothing is ever
-- wider than the terminal, nor able to do anything to it.
local draw = require "prompt.draw"
local json = require "json"
local task = require "task"
local test = require "test"
local width = require "prompt.width"

local NOW = 1764082800 -- 2025-11-25 15:00:00 UTC
local opaque = {}

local function float(v)
  if v ~= v then return { n = "nan" } end
  if v == math.huge or v == -math.huge then return { n = v > 0 and "inf" or "-inf" } end
  local text = string.format("%.15g", v)
  if tonumber(text) ~= v then text = string.format("%.17g", v) end
  return { n = text:find "[.e]" and text or text .. ".0" }
end

-- A portrait of a plain value, as the other side makes it (runtime/prompt/portrait.c, which has tests of its own).
-- opaque[table]: the portrait of something else.
local function portrait(value, state)
  state = state or { n = 0, ids = {} }
  if value == nil then return json.null end
  if value == json.null then return { null = true } end
  if math.type(value) == "float" then return float(value) end
  if type(value) ~= "table" then return value end
  if opaque[value] then return opaque[value] end
  if state.ids[value] then return { ref = state.ids[value] } end
  state.n = state.n + 1
  state.ids[value] = state.n
  local out, keys = { t = state.n }, {}
  for i, one in ipairs(value) do
    out.a = out.a or {}
    out.a[i] = portrait(one, state)
  end
  for key in next, value do
    if not (math.type(key) == "integer" and key >= 1 and key <= #value) then keys[#keys + 1] = key end
  end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for i, key in ipairs(keys) do
    out.h = out.h or {}
    out.h[i] = { portrait(key, state), portrait(value[key], state) }
  end
  return out
end

local function is(p)
  local stands = {}
  opaque[stands] = p
  return stands
end

local function drawn(value, o)
  o = o or {}
  o.now, o.offset = NOW, 0
  return draw.value(portrait(value), o)
end

-- A drawing in a long string begins in the line below its bracket.
local function expect(text, expected)
  text, expected = tostring(text), expected:gsub("\n$", "")
  if text ~= expected then error("drew\n" .. text .. "\nnot\n" .. expected, 2) end
end

local function contains(text, part)
  if not text:find(part, 1, true) then error("in\n" .. text .. "\nthere is no\n" .. part, 2) end
end

local function market(ticker, more)
  local m = {
    ticker = ticker, event_ticker = "KXHIGHNY-25NOV26", market_type = "binary", status = "active",
    title = "Highest temperature in NYC", yes_sub_title = "41° to 42°", yes_bid_dollars = 0.26, yes_ask_dollars = 0.27,
    yes_bid_size_fp = 238.88, yes_ask_size_fp = 21, no_bid_dollars = 0.73, no_ask_dollars = 0.74,
    last_price_dollars = 0.26, previous_price_dollars = 0.25, volume_fp = 43018, volume_24h_fp = 9999,
    open_interest_fp = 17047.01, open_time = "2025-11-21T02:38:00Z", close_time = "2025-11-26T05:00:00.000000Z",
    rules_primary = ("If the highest temperature lies in the range, the market resolves to Yes. "):rep(4),
  }
  for name, value in pairs(more or {}) do m[name] = value end
  return m
end

local function markets()
  return {
    market "KXHIGHNY-25NOV26-B41.5",
    market("KXHIGHNY-25NOV26-T46",
      { yes_sub_title = "47° or above", yes_bid_dollars = 0, yes_ask_dollars = 0.0125, last_price_dollars = 0.01 }),
  }
end

test("a list of markets is a table, with the cursor to the next page", function()
  expect(drawn({ markets = markets(), cursor = "abc" }), [[
Highest temperature in NYC
ticker                  title          bid     ask  spread  last  volume  closes
KXHIGHNY-25NOV26-B41.5  41° to 42°    0.26  0.2700    0.01  0.26  43,018     14h
KXHIGHNY-25NOV26-T46    47° or above        0.0125          0.01  43,018     14h
2 markets; not shown: interest
cursor abc, next: kalshi.get_markets{ …, cursor = _.cursor }
]])
  expect(drawn(markets(), { width = 120 }), [[
Highest temperature in NYC
ticker                  title          bid     ask  spread  last  volume   interest  closes
KXHIGHNY-25NOV26-B41.5  41° to 42°    0.26  0.2700    0.01  0.26  43,018  17,047.01     14h
KXHIGHNY-25NOV26-T46    47° or above        0.0125          0.01  43,018  17,047.01     14h
2 markets
]])
  expect(drawn({ markets = {}, cursor = "" }), "no markets")
end)

test("a market is a card", function()
  expect(drawn{ market = markets()[1] }, [[
KXHIGHNY-25NOV26-B41.5                                                    active
            Highest temperature in NYC: 41° to 42°
  yes       bid $0.26 x 238.88   ask $0.27 x 21   spread $0.01
  no        bid $0.73   ask $0.74
  last      $0.26   +0.01 since yesterday
  volume    43,018   24 h 9999   open interest 17,047.01
  opens     2025-11-21 02:38 UTC, 4 d 12 h ago
  closes    2025-11-26 05:00 UTC, in 14 h
  event     KXHIGHNY-25NOV26
  rules     If the highest temperature lies in the range, the market resolves to
            Yes. If the highest temperature lies in the range, the market
            resolves to Yes. If the highest temperature lies in the range, the …
  also      market_type
]])
end)

test("colours are few, and only where they are wanted", function(t)
  local text = drawn(markets(), { colour = true })
  contains(text, "\27[1mHighest temperature in NYC\27[0m")
  contains(text, "\27[32m0.26\27[0m")
  contains(text, "\27[31m0.2700\27[0m")
  expect(text:gsub("\27%[%d*m", ""), drawn(markets()))
  expect(drawn(markets(), { colour = true }):gsub("\27%[%d*m", ""), drawn(markets()))
  t.ok(not drawn(markets()):find "\27")
end)

test("a book is a ladder with bars", function()
  local book = {
    type = "book", ticker = "KXHIGHNY-25NOV26-B41.5", closed = false, stale = false, age = 0.21, seq = 7,
    bids = { { 0.26, 338.88 }, { 0.25, 1374 } }, asks = { { 0.27, 21 }, { 0.28, 704 } },
    bid_levels = 2, ask_levels = 3, bid_count = 1712.88, ask_count = 12425,
  }
  expect(drawn(is{ u = "kalshi.Book", t = 90, v = portrait(book) }), [[
KXHIGHNY-25NOV26-B41.5   changed 0.2 s ago
   price      count        sum
  1 more ask, 11,700 contracts
    0.28        704        725  ████████████████████████▋
    0.27         21         21  ▊
  ── spread 0.01, mid 0.265
    0.26     338.88     338.88  ███████████▉
    0.25    1374.00    1712.88  ████████████████████████████████████████████████
]])
  expect(drawn(is{ u = "kalshi.Book", t = 90, v = portrait(book) }, { ascii = true, width = 50 }), [[
KXHIGHNY-25NOV26-B41.5   changed 0.2 s ago
   price      count        sum
  1 more ask, 11,700 contracts
    0.28        704        725  #########
    0.27         21         21  #
  -- spread 0.01, mid 0.265
    0.26     338.88     338.88  ####
    0.25    1374.00    1712.88  ##################
]])
  expect(drawn{ orderbook_fp = { yes_dollars = { { 0.25, 5 }, { 0.26, 10 } }, no_dollars = {} } }, [[
   price      count        sum
  -- no asks
    0.26         10         10  ████████████████████████████████████████████████
    0.25          5         15  ████████████████████████
]])
  expect(drawn{ { 0.26, 10 }, { 0.25, 2.5 } }, [[
   price      count        sum
    0.26      10.00      10.00  ████████████████████████████████████████████████
    0.25       2.50      12.50  ████████████
]])
end)

local function order(more)
  local o = {
    order_id = "7bd3431f", ticker = "KXHIGHNY-25NOV26-T46", book_side = "bid", outcome_side = "yes", action = "buy",
    side = "yes", yes_price_dollars = 0.42, no_price_dollars = 0.58, initial_count_fp = 10, remaining_count_fp = 7.5,
    fill_count_fp = 2.5, status = "resting", created_time = "2025-11-25T14:00:00Z", client_order_id = "mine-1",
  }
  for name, value in pairs(more or {}) do o[name] = value end
  return o
end

test("orders say what they do, and how the book sees it", function()
  local no = order{ book_side = "ask", outcome_side = "no", side = "no", status = "executed", remaining_count_fp = 0 }
  expect(drawn{ orders = { order(), no }, cursor = "" }, [[
order              ticker                yes       filled  left  status    age
buy yes 10 @ 0.42  KXHIGHNY-25NOV26-T46  bid 0.42    2.50  7.50  resting   60m
buy no 10 @ 0.58   KXHIGHNY-25NOV26-T46  ask 0.42    2.50  0.00  executed  60m
2 orders; not shown: order id
]])
  expect(drawn{ order = order() }, [[
buy yes 10 @ 0.42                                                        resting
  market    KXHIGHNY-25NOV26-T46
  yes side  bid 0.42
  filled    2.50   left 7.50
  created   2025-11-25 14:00 UTC, 60 min ago
  id        7bd3431f
  client id mine-1
]])
  -- kalshi.orders() and the answer of create_order have fields of their own
  expect(drawn{ order_id = "e75d", remaining_count = 0, fill_count = 5, average_fill_price = 0.02 }, [[
order
  filled    5 at $0.02   left 0
  id        e75d
]])
  local own = { side = "ask", outcome_side = "no", price = 0.97, initial_count = 3, remaining_count = 3, fill_count = 0,
    order_id = "x", status = "resting", ticker = "A" }
  contains(drawn{ own }, "buy no 3 @ 0.03  A       ask 0.97       0     3  resting")
end)

test("a portfolio", function()
  local held = { ticker = "A", position = -5, exposure = 1.35, realized_pnl = -0.5, fees_paid = 0.07,
    average_price = 0.73, mark = 0.7, unrealized_pnl = 0.15, outcome_side = "no", bought = 0, sold = 5, subaccount = 0 }
  local paid = { ticker = "B", settlement = 1, realized_pnl = 2, fees_paid = 0.01, bought = 4, sold = 0,
    subaccount = 0 }
  local portfolio = { script = "maker", realized = 1.5, unrealized = 0.15, fees = 0.08, profit = 1.57,
    profit_today = -1, drawdown = 0, max_drawdown = 0.5, exposure = 1.35, contracts = 5, traded = 9,
    fills = 1, positions = { held },
    settled = { paid } }
  expect(drawn(portfolio), [[
maker                                                                      $1.57
  realized  $1.50
  open      $0.15
  fees      $0.08
  today     -$1.00
  drawdown  $0.00   at most $0.50
  exposure  $1.35   5 contracts
  traded    9   1 fill

ticker  position  average  mark  unrealized  exposure  realized  fees
A             -5     0.73  0.70        0.15      1.35     -0.50  0.07
1 position

ticker  paid  realized  fees  bought  sold
B       1.00      2.00  0.01       4     0
1 settled market
]])
  portfolio.positions, portfolio.settled, portfolio.script, portfolio.cash = {}, {}, nil, 100
  contains(drawn(portfolio), "no positions")
  contains(drawn(held), "average   $0.73   now $0.70")
end)

test("fills, positions, settlements and trades", function()
  expect(drawn{ fills = { { order_id = "o", is_taker = true, fee_cost = 0.0125, count_fp = 5, yes_price_dollars = 0.02,
    outcome_side = "yes", book_side = "bid", ticker = "A", created_time = "2025-11-25T14:00:00Z" } }, cursor = "" }, [[
time                 fill              ticker  yes          fee  role   order id
2025-11-25 14:00:00  buy yes 5 @ 0.02  A       bid 0.02  0.0125  taker  o
1 fill
]])
  expect(drawn{ { ticker = "A", position = 5, exposure = 1.35, realized_pnl = -0.5, fees_paid = 0.07 },
    { ticker = "B", position = -12000.5, exposure = 1350, realized_pnl = 2, fees_paid = 0 } }, [[
ticker    position  exposure  realized  fees
A             5.00      1.35     -0.50  0.07
B       -12,000.50   1350.00      2.00  0.00
2 positions
]])
  expect(drawn{ { ticker = "A", position = 5, exposure = 1.35, realized_pnl = -0.5, fees_paid = 0.07,
    average_price = 0.27, mark = 0.3, unrealized_pnl = 0.15, outcome_side = "yes" } }, [[
ticker  position  average  mark  unrealized  exposure  realized  fees
A              5     0.27  0.30        0.15      1.35     -0.50  0.07
1 position
]])
  expect(drawn{ settlements = { { ticker = "A", market_result = "yes", settled_time = "2025-11-25T14:00:00Z",
    revenue = 500, yes_count_fp = 5, yes_total_cost_dollars = 1.2, no_total_cost_dollars = 0, no_count_fp = 0,
    fee_cost = 0.1 } } }, [[
settled              ticker  result  yes  no  cost  paid  profit
2025-11-25 14:00:00  A       yes       5   0  1.20  5.00    3.70
1 settlement
]])
  expect(drawn{ trades = { { trade_id = "t", ticker = "A", yes_price_dollars = 0.52, count_fp = 109, taker_side = "no",
    created_time = "2025-11-25T14:00:00Z" } }, cursor = "x" }, [[
time                 ticker  taker    yes  count  trade id
2025-11-25 14:00:00  A       buy no  0.52    109  t
1 trade
cursor x, next: kalshi.get_trades{ …, cursor = _.cursor }
]])
end)

test("a balance in dollars, whatever the exchange counts in", function()
  expect(drawn{ balance = 4000050, balance_dollars = 40000.5, portfolio_value = 135, updated_ts = NOW }, [[
  balance   $40,000.50
  portfolio $1.35
  together  $40,001.85
  at        2025-11-25 15:00 UTC, just now
]])
end)

test("a list of other records is a table of the columns that fit, and names the others", function()
  expect(drawn({ { name = "日本 a", x = 1, y = 2.5, z = true }, { name = "b", x = 12345, y = 10.25 } }), [[
name        x      y  z
日本 a      1   2.50  true
b       12345  10.25
2 rows
]])
  expect(drawn({ { name = "a long text with words", x = 1, other = { 1 }, y = 3 }, { name = "b", x = 2, y = 4 } },
    { width = 20 }), [[
name            x  y
a long text w…  1  3
b               2  4
2 rows
]])
  -- one record of one's own is Lua
  expect(drawn{ { x = 1 } }, "{ { x = 1 } }")
end)

test("numbers are a chart when there are many", function()
  expect(drawn{ 1, 2, 3 }, "{ 1, 2, 3 }")
  local line = {}
  for i = 1, 20 do line[i] = i * 0.5 end
  expect(drawn(line, { ascii = true, width = 60 }), [[
  10.00 |                                     ***
        |                                *****
        |                           *****
        |                      *****
   5.25 |                  ****
        |             *****
        |        *****
        |   *****
   0.50 |***
         1                                     20
  20 numbers: first 0.5, last 10, low 0.5, high 10, mean
  5.25
]])
  local points = {}
  for i = 1, 60 do points[i] = { NOW + i * 60, 0.5 + (i % 20) / 100 } end
  local text = drawn(points, { width = 80 })
  contains(text, "2025-11-25 15:01")
  contains(text, "16:00")
  contains(text, "60 points: first 0.51, last 0.5, low 0.5, high 0.69, mean 0.595")
end)

test("candlesticks are a chart with volume", function()
  local candles = {}
  for i = 1, 12 do
    candles[i] = { end_period_ts = NOW + i * 3600, volume_fp = i * 10, price = i % 5 ~= 0 and {
      open_dollars = 0.2 + i / 100, close_dollars = 0.22 + i / 100 - (i % 3) / 50, high_dollars = 0.25 + i / 100,
      low_dollars = 0.15 + i / 100 } or {}, yes_bid = { close_dollars = 0.2 }, yes_ask = { close_dollars = 0.22 } }
  end
  expect(drawn({ candlesticks = candles, ticker = "A" }, { width = 60, ascii = true }), [[
ticker A
  0.370 |                              |  |
        |                        |     |  #
        |               |  |  |  #     =  #
        |      |  |     #  |  =  #     =  |
  0.265 ||  |  |  |     #  #  =  |     |  |
        ||  |  #  #     |  |  |  |
        |#  =  |  |  -  |  |        -
        ||  |  |  |
  0.160 ||  |
  vol    _  .  .  -  =  =  o  O  O  0  #  #
         2025-11-25 16:00  2025-11-26 03:00
  12 candles of 1 h, 10 with trades: open 0.21, high 0.37,
  low 0.16, close 0.34, volume 780
]])
end)

test("errors say where, which, and what to do", function()
  local e = { kind = "rate_limit", message = "too many requests", status = 429, code = "too_many_requests",
    operation = "create_order", retryable = true, where = "maker.lua:12" }
  local trace = "stack traceback:\n\t[C]: in function 'kalshi.create_order'\n\tmaker.lua:12: in main chunk\n\t[C]: in ?"
  expect(draw.error(portrait(e), trace, {}), [[
rate_limit: too many requests
  where     maker.lua:12
  operation create_order
  status    429   too_many_requests
  again     may be tried again
  try       kalshi.budget() says what is left; calls wait for their tokens by
            themselves
stack traceback:
  [C]: in function 'kalshi.create_order'
  maker.lua:12: in main chunk
]])
  -- a mistake in what was typed needs no traceback
  local mistake = "prompt:1: attempt to call a nil value (global 'x')"
  expect(draw.error(mistake, "stack traceback:\n\tprompt:1: in main chunk"), "error: " .. mistake)
  expect(draw.error(json.null), "error: an error without a message (nil was raised)")
  contains(draw.error(portrait(e), trace, { colour = true }), "\27[31mrate_limit:\27[0m")
end)

test("everything else is Lua: sorted, in lines that fit, with comments for what has no text", function()
  expect(drawn(nil), "nil")
  expect(drawn(42), "42")
  expect(drawn(3.0), "3.0")
  expect(drawn(math.mininteger), "math.mininteger")
  expect(drawn "a\nb\0\27[2Jü\u{202E}", [["a\nb\0\27[2Jü\u{202E}"]])
  expect(drawn("ü", { ascii = true }), [["\u{FC}"]])
  expect(drawn{ b = 1, a = { 1, 2 }, ["c d"] = json.null, ["end"] = true, [2.5] = "x" },
    [[{ [2.5] = "x", a = { 1, 2 }, b = 1, ["c d"] = json.null, ["end"] = true }]])
  expect(drawn{ f = is{ fn = "maker.lua:3" }, g = is{ fn = "kalshi.g", c = true },
    co = is{ co = "suspended", at = "f:1" }, ud = is{ u = "kalshi.Book", t = 99, v = portrait{ type = "book",
    ticker = "A" } } }, [=[
{
  co = nil --[[ coroutine, suspended at f:1 ]],
  f = nil --[[ function maker.lua:3 ]],
  g = nil --[[ function ]],
  ud = nil --[[ kalshi.Book A ]],
}
]=])
  expect(drawn{ list = is{ t = 9, a = { 1, 2 }, na = 180, h = { { "x", 1 } }, nh = 20, cut = true } },
    "{ list = { 1, 2, x = 1, --[[ 200 or more more ]] } }")
  expect(drawn(is{ t = 9, deep = true, n = 3 }), "{ --[[ 3 entries ]] }")
  local own = {}
  own.me = own
  expect(drawn(own), "{ me = nil --[[ itself ]] }")
  expect(drawn(is{ s = ("word "):rep(20), len = 90000 }), [=[
"word word word word word word word word word word word word word word word \z
  word word word word word " --[[ 89,900 more bytes ]]
]=])
end)

test("several values one after the other", function()
  expect(draw.values({ { n = "0.42" }, 13 }), "0.42, 13")
  expect(draw.values({ json.null, "x" }), 'nil\n"x"')
  expect(draw.values({}), "")
  expect(draw.values({ { t = 1, a = { 1 } }, { ref = 1 } }), "{ 1 }\n{ 1 }")
end)

test("JSON is one document, or an error that says which field", function(t)
  expect(draw.json{ portrait{ a = 0.5, list = { 1, json.null }, n = 9007199254740993 } },
    '{"a":0.5,"list":[1,null],"n":9007199254740993}')
  expect(draw.json{ 1, "x", json.null }, '[1,"x",null]')
  expect(draw.json{ { t = 1, a = {} } }, "[]")
  expect(draw.json{ { t = 1 } }, "{}")
  local function refused(p, words)
    local ok, e = pcall(draw.json, { p })
    t.ok(not ok and e.message:find(words, 1, true), ok and "no error" or e.message)
  end
  refused(portrait{ a = { is{ fn = "print", c = true } } }, "the value.a[1] is a function")
  refused(portrait{ a = { ["b c"] = 0 / 0 } }, 'the value.a["b c"] is not a number')
  refused(portrait{ [1] = 1, x = 2 }, "a table with both a list and names")
  refused(portrait{ is{ b = "/w==" } }, "the value[1] is a text that is no UTF-8")
  refused({ t = 1, h = { { "me", { ref = 1 } } } }, "the value.me is a table that holds itself")
end)

-- ---- bounds ----

test("characters have the columns that a terminal gives them", function(t)
  local columns_of = { abc = 3, ["ü"] = 1, ["e\u{301}"] = 1, ["日本"] = 4, ["😀"] = 2, ["\u{200B}"] = 0, ["한"] = 2 }
  for text, columns in pairs(columns_of) do
    t.eq(width.of(text), columns)
  end
  t.eq(width.cut("日本語", 5), "日本…")
  t.eq(width.cut("日本語", 4), "日…")
  t.eq(width.cut("abc", 3), "abc")
  t.eq(width.pad("日", 4), "日  ")
end)

test("nothing is wider than the terminal, and nothing moves its cursor", function()
  math.randomseed(11)
  local evil = { "\27[2J", "日本語", "e\u{301}", "a b", ("x"):rep(100), "\r\n", "😀", "\u{202E}", "\xff", "", "ok" }
  local function text()
    local parts = {}
    for i = 1, math.random(6) do parts[i] = evil[math.random(#evil)] end
    return table.concat(parts)
  end
  local function spoil(record)
    for name, value in pairs(record) do
      local kind = math.random(12)
      if kind == 1 then record[name] = text()
      elseif kind == 2 then record[name] = type(value) == "number" and value * 1e6 or nil
      elseif kind == 3 then record[name] = json.null
      elseif kind == 4 then record[name] = { 1, text() } end
    end
    return record
  end
  local made = {
    function() return { markets = { spoil(market "A"), spoil(market "B") }, cursor = text() } end,
    function() return { market = spoil(market(text())) } end,
    function() return { orders = { spoil(order()), spoil(order()) }, cursor = "" } end,
    function() return spoil(order()) end,
    function() return { spoil{ a = text(), b = 1, c = text(), d = 1e9 }, spoil{ a = text(), b = 2.5 } } end,
    function()
      return spoil{ type = "book", ticker = text(), bids = { { 0.1, 1e9 } }, asks = { { 0.2, 5 } }, age = 1 }
    end,
    function() return spoil{ balance = 1e9, portfolio_value = 5, updated_ts = NOW } end,
    function() return { text(), { text(), { text(), text() } }, x = text(), is{ fn = text() } } end,
  }
  for i = 1, 600 do
    if i % 10 == 0 then task.yield() end
    local columns = math.random(40, 130)
    local value = made[i % #made + 1]()
    local out = drawn(value, { width = columns, ascii = math.random(2) == 1 })
    for line in (out .. "\n"):gmatch "(.-)\n" do
      if line:find "[%c\127]" or not utf8.len(line) or line:find "\u{202E}" then error(string.format("%q", out)) end
      if width.of(line) > columns then
        error(string.format("%d columns of %d:\n%s\nin\n%s", width.of(line), columns, line, out))
      end
    end
  end
end)

test("whatever is in a field, it is drawn", function(t)
  local time = "2025-11-26T04:59:00Z"
  local records = {
    market("KX-A"),
    { event_ticker = "E", series_ticker = "S", title = "T", sub_title = "s", strike_date = time,
      mutually_exclusive = true },
    { ticker = "S", title = "T", frequency = "daily", fee_type = "flat", fee_multiplier = 1, tags = { "a" } },
    { order_id = "o", ticker = "KX-A", status = "resting", side = "yes", action = "buy", yes_price_dollars = 0.4,
      fill_count_fp = 1, remaining_count_fp = 2, average_fill_price = 0.4, average_fee_paid = 0.01,
      created_time = time },
    { order_id = "o", is_taker = true, ticker = "KX-A", book_side = "bid", yes_price_dollars = 0.4, count_fp = 2,
      fee_cost = 0.01, created_time = time },
    { trade_id = "t", ticker = "KX-A", yes_price_dollars = 0.4, count_fp = 2, taker_side = "yes", created_time = time },
    { ticker = "KX-A", position_fp = -3, position = 3, market_exposure_dollars = 1.5, realized_pnl_dollars = -2,
      fees_paid_dollars = 0.1, total_traded_dollars = 9, last_updated_ts = time },
    { event_ticker = "E", event_exposure_dollars = 1, realized_pnl_dollars = 1, fees_paid_dollars = 0,
      total_cost_dollars = 1 },
    { ticker = "KX-A", market_result = "yes", settled_time = time, yes_count_fp = 2, no_count_fp = 0,
      yes_total_cost_dollars = 1, no_total_cost_dollars = 0, revenue = 200, fee_cost = 0.1 },
    { id = "m", title = "T", type = "game", start_date = time, end_date = time, related_event_tickers = { "E" } },
    { type = "book", ticker = "KX-A", bids = { { 0.4, 10 }, { 0.39, 2 } }, asks = { { 0.45, 10 } }, age = 1.5,
      stale = false, bid_levels = 12, ask_levels = 1, bid_count = 99, ask_count = 10 },
    { yes_dollars = { { 0.2, 3 }, { 0.3, 4 } }, no_dollars = { { 0.5, 3 }, { 0.6, 4 } }, ticker = "KX-A" },
    { balance = 100, balance_dollars = 1, portfolio_value = 5, updated_ts = 1764082800 },
    { exchange_active = true, trading_active = false, exchange_estimated_resume_time = time,
      exchange_index_statuses = { { trading_active = false, description = "d" } } },
    { tier = "basic", read = 10, read_capacity = 20, read_rate = 5, write = 1, write_capacity = 2, write_rate = 1,
      waiting = 1 },
    { end_period_ts = 1764082800, price = { open = 0.4, high = 0.5, low = 0.3, close = 0.45 }, volume_fp = 5,
      yes_bid = { close = 0.4 }, yes_ask = { close = 0.5 } },
    { 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9 },
    { { 0.4, 10 }, { 0.41, 5 } },
    { { 1764082800, 1 }, { 1764082900, 2 }, { 1764083000, 3 } },
    { price = 1.5, count = 2, time = time, note = "two words" },
  }
  local strange = { 0 / 0, math.huge, -math.huge, -0.0, math.mininteger, math.maxinteger, 1e300, -1e-300, true, false,
    "", "text", "\27[2J\xff", time, "9999-99-99T99:99:99Z", json.null, {}, { 1, 2 }, { a = 1 }, { { 0 / 0, 1 / 0 } },
    is{ fn = "f", c = false }, is{ u = "kalshi.Order", t = 999, str = "o" }, is{ t = 998, deep = true, n = 3 } }
  local seed = 11
  local function pick(n)
    seed = seed * 1103515245 + 12345 & 0x7fffffff
    return (seed >> 12) % n + 1
  end
  local function copy(v)
    if type(v) ~= "table" or opaque[v] then return v end
    local out = {}
    for k, one in pairs(v) do out[k] = copy(one) end
    return out
  end
  -- Puts something strange into a field, or into one of a table in it.
  local function spoil(v)
    local keys = {}
    for k in pairs(v) do keys[#keys + 1] = k end
    table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
    if #keys == 0 then return end
    local key = keys[pick(#keys)]
    if type(v[key]) == "table" and not opaque[v[key]] and pick(3) > 1 then return spoil(v[key]) end
    v[key] = strange[pick(#strange)]
  end
  for _, record in ipairs(records) do
    for i = 1, 10 do
      task.yield()
      local one, other = copy(record), copy(record)
      for _ = 1, pick(3) do spoil(one) end
      local o = { width = i % 2 == 0 and 80 or 33, colour = i % 3 == 0, whole = i % 5 == 0, ascii = i % 7 == 0 }
      for _, value in ipairs{ one, { one, other }, { other, one, one }, { markets = { one, other }, cursor = "c" } } do
        local ok, text = pcall(drawn, value, o)
        t.ok(ok and not text:find "could not be drawn", draw.lua(portrait(value)) .. "\n" .. tostring(text))
      end
    end
  end
end)

test("without characters beyond ASCII there are none", function(t)
  local some = { { markets = markets(), cursor = "x" }, { market = markets()[1] }, markets(), { "日本", ("x"):rep(200) } }
  for _, value in ipairs(some) do
    t.ok(not drawn(value, { ascii = true }):find "[\128-\255]", drawn(value, { ascii = true }))
  end
end)
