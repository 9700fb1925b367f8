-- Completion and hints at the prompt: inputs with the cursor as |, and what is offered there. The other end is a table.
local commands = require "prompt.commands"
local complete = require "prompt.complete"
local context = require "prompt.complete_context"
local names = require "prompt.names"
local test = require "test"

-- Live values: a table is one with fields; a text is its type, or type=text; `__name` names a userdata, whose methods
-- are functions.
local operation = "function"
local live = {
  kalshi = {
    book = operation, books = operation, subscribe = operation, get_market = operation, get_markets = operation,
    get_market_orderbook = operation, get_market_orderbooks = operation, create_order = operation,
    cancel_order = operation, env = 'string="sim"', each = { get_markets = operation, get_fills = operation },
    legacy = { create_order = operation },
  },
  kalua = { on_stop = operation, state = { quotes = {}, last_price = "number=0.42" }, name = 'string="maker"' },
  task = { spawn = operation, sleep = operation, every = operation },
  print = operation,
  string = { upper = operation, rep = operation },
  b = { __name = "kalshi.Book", ticker = "string", seq = "number", best_bid = operation, best_ask = operation,
    sweep = operation, changes = operation },
  market = { ticker = 'string="KXHIGHNY-26NOV26-B50"', ["end"] = "number=1", ["two words"] = "number=2",
    volume = "number=10" },
  list = { [1] = { ticker = 'string="A"', title = 'string="First"' } },
}

local asked -- paths of the last completion

local function members(fields)
  local value = live
  for _, key in ipairs(fields.path or {}) do value = type(value) == "table" and value[key] or nil end
  asked[#asked + 1] = table.concat(fields.path or {}, ".")
  local items = {}
  for name, v in pairs(type(value) == "table" and value or {}) do
    local kind, text = tostring(v):match "^([^=]*)=?(.*)$"
    if type(v) == "table" then kind, text = v.__name and "userdata" or "table", v.__name or "" end
    local fits = name:sub(1, 2) ~= "__" and (not fields.prefix or name:sub(1, #fields.prefix) == fields.prefix)
    if fits and (not fields.method or kind == "function") then
      items[#items + 1] = { name = name, type = kind, text = text ~= "" and text or nil }
    end
  end
  return { type = "table", name = type(value) == "table" and value.__name or nil, items = items, more = false }
end

local session = { ask = function(_, op, fields)
  assert(op == "members", op)
  return members(fields)
end }

local function split(input)
  local at = assert(input:find("|", 1, true), "no cursor")
  return input:sub(1, at - 1) .. input:sub(at + 1), at - 1
end

-- What is offered, and what stays before it.
local function offered(input)
  asked = {}
  local text, cursor = split(input)
  local list, from = complete.at(session, text, cursor)
  local out, hints = {}, {}
  for i, o in ipairs(list) do
    out[i] = o.text
    hints[o.text] = o.hint or ""
  end
  return out, text:sub(1, from), hints
end

-- Rows of { input, what is offered in its order }.
local function check(t, rows)
  for _, row in ipairs(rows) do
    local got = offered(row[1])
    local wanted = {}
    for text in row[2]:gmatch "[^;]+" do wanted[#wanted + 1] = text end
    t.eq(got, wanted, row[1])
  end
end

local function has(list, text)
  for _, one in ipairs(list) do
    if one == text then return true end
  end
  return false
end

local function market(ticker, event, title, bid, ask)
  return { h = { { "ticker", ticker }, { "event_ticker", event }, { "title", title },
    { "yes_bid_dollars", { n = bid } }, { "yes_ask_dollars", { n = ask } } } }
end

names.clear()
names.learn{ { h = { { "markets", { a = {
  market("KXHIGHNY-26NOV26-B50", "KXHIGHNY-26NOV26", "Highest temperature in New York", "0.41", "0.43"),
  market("KXHIGHNY-26NOV26-B52", "KXHIGHNY-26NOV26", "Highest temperature in New York", "0.1", "0.12"),
  market("KXBTC-26NOV26-T90000", "KXBTC-26NOV26", "Bitcoin above 90,000 dollars", "0.005", "0.02"),
} } } } }, { h = { { "ticker", "KXRAIN" }, { "title", "Rain" }, { "frequency", "daily" } } } }

test("names: globals, fields and methods of live values", function(t)
  check(t, {
    { "ka|", "kalshi;kalua" },
    { "pri|", "print" },
    { "x = 1 + mar|", "market" },
    { "kalua.st|", "state" },
    { "kalua.state.|", "last_price;quotes" },
    { "market.|", "ticker;volume" },
    { "list[1].|", "ticker;title" },
    { 'market["ti|', "ticker" },
    { 'market["t|', "ticker;two words" },
    { "kalua['state'].la|", "last_price" },
    { "b:s|", "sweep" },
    { "b.s|", "seq;sweep" },
    { "print(b:be|", "best_ask;best_bid" },
    { '("x"):u|', "upper" },
    { "MAR|", "market" },
    { "nobody.x|", "" },
    { "f(x).|", "" },
  })
  local _, from, hints = offered "kalua.state.la|"
  t.eq({ from, hints.last_price }, { "kalua.state.", "0.42" })
end)

test("nothing that was typed is evaluated, and only known paths are asked for", function(t)
  offered "exit(1).|"
  t.eq(asked, {})
  offered "kalua.state[f()].|"
  t.eq(asked, {})
  offered "kalua.state.last_price|"
  t.eq(asked, { "kalua.state" })
end)

test("names that the input makes itself", function(t)
  check(t, {
    { "local quoted = 1\nprint(quo|", "quoted" },
    { "for index, value in pairs(t) do val|", "value" },
    { "local function helper(first, second)\n  return fir|", "first" },
    { "local x|", "" },
    { "local x, ka|", "" },
    { "for ka|", "" },
    { "function ka|", "" },
    { "local market = f()\nmarket.|", "" },
    { "whi|", "while" },
  })
end)

test("the type of what a call returns is taken from the doc comments", function(t)
  check(t, {
    { 'kalshi.book("X"):swe|', "sweep" },
    { 'local k = kalshi.book("X")\nk:best_|', "best_ask;best_bid" },
    { 'local k = kalshi.book("X")\nk.st|', "stale" },
    { 'k = kalshi.book "X" k:mi|', "microprice;mid" },
    { 'books = kalshi.books{ "X", "Y" }\nbooks["X"]:swe|', "sweep" },
    { "local job = task.spawn(print)\njob:a|", "await" },
  })
end)

test("operations, also by a part of their name", function(t)
  check(t, {
    { "kalshi.get_market|", "get_market;get_market_orderbook;get_market_orderbooks;get_markets" },
    { "kalshi.orderb|", "get_market_orderbook;get_market_orderbooks" },
    { "kalshi.each.fil|", "get_fills" },
    { "kalshi.legacy.cre|", "create_order" },
  })
  t.ok(has(offered "kalshi.|", "cancel_order"))
end)

test("without an answer of the other end what is known here is offered", function(t)
  local busy = { ask = function() error "gone" end }
  local list = complete.at(busy, "kalshi.get_series_", 18)
  t.eq(list[1].text, "get_series_fee_changes")
end)

test("keys of an operation's table: required ones first, without those that are given", function(t)
  local got, from, hints = offered "kalshi.create_order{ |"
  t.eq(from, "kalshi.create_order{ ")
  t.eq(table.move(got, 1, 4, 1, {}), { "count = ", "price = ", "self_trade_prevention_type = ", "side = " })
  t.ok(hints["price = "]:find("number, dollars, required", 1, true), hints["price = "])
  t.ok(has(got, "post_only = ") and has(got, "timeout = "))
  got = offered 'kalshi.create_order{ ticker = "X", side = "bid",\n  |'
  t.ok(not has(got, "ticker = ") and not has(got, "side = ") and has(got, "count = "))
  check(t, {
    { "kalshi.get_markets{ sta|", "status = " },
    { 'kalshi.get_markets({ limit = 5, ["status"] = "open", sta|', "" },
    { "kalshi.get_market{ tick|", "ticker = " },
    { 'kalshi.get_market("X", { tick|', "" },
    { "kalshi.each.get_markets{ max|", "max = ;max_close_ts = ;max_created_ts = ;max_settled_ts = ;max_updated_ts = " },
    { "kalshi.subscribe{ mark|", "market_id = ;market_ids = ;market_ticker = ;market_tickers = " },
    { "kalshi.create_order{ ticker = mar|", "market" },
  })
end)

test("the values that a key or an argument takes", function(t)
  check(t, {
    { 'kalshi.get_markets{ status = "|', "closed;open;paused;settled;unopened" },
    { 'kalshi.get_markets{ status = "o|', "open" },
    { "kalshi.get_markets{ status = '|", "closed;open;paused;settled;unopened" },
    { "kalshi.get_markets{ status = |", '"closed";"open";"paused";"settled";"unopened"' },
    { 'kalshi.create_order{ side = "|', "ask;bid" },
    { 'kalshi.create_order{ time_in_force = "good|', "good_till_canceled" },
    { "kalshi.create_order{ post_only = |", "false;true" },
    { 'b:sweep("|', "buy;sell" },
    { 'b:sweep("buy", 5, "|', "no;yes" },
    { 'b:best_bid("|', "no;yes" },
    { "b:sweep(|", '"buy";"sell"' },
    { 'kalshi.subscribe{ channels = { "orderb|', "orderbook_delta" },
    { 'kalshi.subscribe{ channels = { "trade", "kalshi|', "kalshi.status" },
    { 'kalshi.call("|', "DELETE;GET;POST;PUT" },
    { 'kalshi.orders{ status = "r|', "resting" },
    { 'kalua.expect("|', "" },
    { 'print("o|', "" },
  })
end)

test("tickers where one is expected", function(t)
  check(t, {
    { 'kalshi.book("KXH|', "KXHIGHNY-26NOV26-B50;KXHIGHNY-26NOV26-B52" },
    { 'kalshi.book "KXB|', "KXBTC-26NOV26-T90000" },
    { 'kalshi.book("kxb|', "KXBTC-26NOV26-T90000" },
    { 'kalshi.book("B52|', "KXHIGHNY-26NOV26-B52" },
    { 'kalshi.book("bitcoin|', "KXBTC-26NOV26-T90000" },
    { 'kalshi.books{ "A", "KXB|', "KXBTC-26NOV26-T90000" },
    { 'kalshi.get_market("KXB|', "KXBTC-26NOV26-T90000" },
    { 'kalshi.get_markets{ event_ticker = "KXB|', "KXBTC-26NOV26" },
    { 'kalshi.get_markets{ series_ticker = "KX|', "KXBTC;KXHIGHNY;KXRAIN" },
    { 'kalshi.create_order{ ticker = "KXB|', "KXBTC-26NOV26-T90000" },
    { 'kalshi.subscribe{ channels = { "trade" }, market_tickers = { "KXB|', "KXBTC-26NOV26-T90000" },
    { 't = "KXB|', "KXBTC-26NOV26-T90000" },
    { 't = "K|', "" },
  })
  local got, from, hints = offered 'kalshi.get_markets{ tickers = "KXBTC-26NOV26-T90000,KXHIGHNY-26NOV26-B50|'
  t.eq({ got, from }, { { "KXHIGHNY-26NOV26-B50" }, 'kalshi.get_markets{ tickers = "KXBTC-26NOV26-T90000,' })
  t.eq(hints["KXHIGHNY-26NOV26-B50"], "0.41/0.43  Highest temperature in New York")
end)

test("the place is found through what is unfinished, long, or wrong", function(t)
  check(t, {
    { "-- kal|", "" },
    { "--[[ kal|", "" },
    { "--[==[ x ]] ]==] kals|", "kalshi" },
    { "x = [[ kal|", "" },
    { "x = 'it\\'s kal|", "" },
    { "x = 'broken\nkals|", "kalshi" },
    { "f(a]})) kals|", "kalshi" },
    { "if x then kals|", "kalshi" },
    { 'task.spawn(function()\n  local x = 1, 2\n  b:sweep("|', "buy;sell" },
    { 'task.every(1, function() kalshi.get_markets{ status = "o|', "open" },
    { 'kalshi.create_order{ ticker = f{ 1, 2 }, count = #{}, side = "|', "ask;bid" },
    { "x = 12|", "" },
    { "kalshi.get_markets{}|", "" },
    { "a..ka|", "kalshi;kalua" },
    { "goto = kals|", "kalshi" },
    { "|kalshi", "b;kalshi;kalua;list;market;print;string;task" },
    { "kalshi.get_|market", "get_market;get_market_orderbook;get_market_orderbooks;get_markets" },
  })
  for i = 0, 255 do -- every byte, anywhere
    local text = "kalshi.get_markets{ " .. string.char(i) .. " = 'x', [" .. string.char(i) .. "] = " .. string.char(i)
    for cursor = 18, #text, 8 do complete.at(session, text, cursor) end
  end
end)

test("whatever is typed, in whatever order, is no error", function(t)
  local parts = { "kalshi", ".", ":", "get_markets", "book", "{", "}", "(", ")", "[", "]", "=", ",", ";", "'",
    '"', "--", "[[", "]]", "\n", " ", "function", "end", "local", "for", "in", "do", "if", "then", "return", "x", "1",
    "0x", "..", "::", "status", "ticker", "KX", "<", "==", "\\", "b", "each", "\u{1F600}", "\xff", "#",
    "subscribe", "channels", "goto" }
  local seed = 7
  for _ = 1, 500 do
    local words = {}
    for i = 1, 14 do
      seed = seed * 1103515245 + 12345 & 0x7fffffff
      words[i] = parts[(seed >> 12) % #parts + 1]
    end
    local text = table.concat(words)
    local list, from = complete.at(session, text, #text)
    t.ok(type(list) == "table" and math.type(from) == "integer" and from <= #text, text)
    complete.hint(session, text, #text)
  end
end)

test("deep nesting takes no long time, nor much of the stack", function(t)
  for _, part in ipairs{ "f({", "a = b ", "[[", "a.", "\n" } do
    local text = part:rep(100000 // #part) .. "\n x = kals"
    local list, from = complete.at(session, text, #text)
    t.ok(part == "[[" or list[1].text == "kalshi" and from == #text - 4, part)
  end
  t.eq(offered "x = x.y x = x.y x.|", {})
end)

test("commands, and what stands behind them", function(t)
  commands.add{ name = "load", usage = ":load FILE", help = "runs a file", run = print }
  commands.add{ name = "time", usage = ":time EXPR", help = "says how long it took", run = print }
  commands.add{ name = "tasks", usage = ":tasks", help = "lists tasks", run = print,
    complete = function(_, text) return { { text = "seen " .. text } }, 0 end }
  session.list_files = function(folder)
    if folder == "." then
      return { { name = "maker.lua" }, { name = "notes.txt" }, { name = "more", folder = true },
        { name = ".git", folder = true } }
    end
    return folder == "more/" and { { name = "deep.lua" } } or nil
  end
  check(t, {
    { ":|", "load;tasks;time" },
    { ":t|", "tasks;time" },
    { ":load m|", "maker.lua;more/" },
    { ":load |", "maker.lua;more/" },
    { ":load .|", ".git/" },
    { ":load more/|", "deep.lua" },
    { ":load none/|", "" },
    { ":time kalshi.create|", "create_order" },
    { ":tasks 12|", "seen 12" },
    { ":nothing x|", "" },
  })
  local _, from = offered ":load more/d|"
  t.eq(from, ":load more/")
  _, from = offered "  :time kalshi.create|"
  t.eq(from, "  :time kalshi.")
end)

test("the commands of the prompt offer what goes on with what is typed", function(t)
  require "prompt.looking"
  require "prompt.tour"
  session.ready = { name = "maker" }
  for input, expected in pairs{
    [":log |"] = { "error;warn;info;debug;trace", ":log " }, [":log d|"] = { "debug", ":log " },
    [":stop |"] = { "maker", ":stop " }, [":stop ma|"] = { "maker", ":stop " }, [":stop x|"] = { "", ":stop " },
    [":tour e|"] = { "end", ":tour " },
  } do
    local list, from = offered(input)
    t.eq({ table.concat(list, ";"), from }, expected, input)
  end
end)

test("modules in require", function(t)
  check(t, { { 'require "t|', "task;test" }, { 'local j = require("js|', "json" } })
end)

test("hints: the argument at the cursor, or the key", function(t)
  local function hint(input)
    asked = {}
    return complete.hint(session, split(input))
  end
  local function begins(input, text)
    local got = hint(input) or "nothing"
    t.eq(got:sub(1, #text), text, input)
  end
  begins("kalshi.book(|", "kalshi.book(‹ticker: string›)  Opens a market's live book")
  begins("task.every(1, |", "task.every(seconds, ‹fn: function›, options?)")
  begins('b:sweep("buy", |', "book:sweep(action, ‹count: number›, side?)")
  begins('b:sweep("buy", 5, "ye|', "book:sweep(action, count, ‹side?: \"yes\"|\"no\"›)")
  begins("kalshi.get_market(|", "kalshi.get_market(‹ticker: string›, {…}?)")
  begins("kalshi.get_markets{ status = |",
    "kalshi.get_markets  status = string: unopened|open|paused|closed|settled")
  begins('kalshi.create_order{ ticker = "X", |', "kalshi.create_order  needs side, count, price")
  begins("kalshi.create_order{ ticker = 'X', post_only = |", "kalshi.create_order  post_only = boolean")
  begins(":load |", ":load FILE  runs a file")
  t.eq(hint "x = 1|", nil)
  begins("print(1, |", "print(‹...: any›)  ")
  t.eq(hint "unknown(|", nil)
  t.eq(hint "-- kalshi.book(|", nil)
end)

test("names: bounded, the oldest are forgotten, titles stay with their names", function(t)
  names.clear()
  for page = 0, 54 do
    local rows = {}
    for i = page * 1000 + 1, page * 1000 + 1000 do
      rows[#rows + 1] = market(("KX-%05d"):format(i), "KX-E", "Title " .. i, "0.4", "0.5")
    end
    names.learn{ { a = rows } }
    names.settle()
  end
  t.ok(names.count "market" <= 50000 and names.count "market" >= 25000, names.count "market")
  t.eq(names.tickers("KX-55000", "market")[1].hint, "0.40/0.50  Title 55000")
  t.eq(#names.tickers("KX-00001", "market"), 0)
  t.eq(#names.tickers("KX", "market"), 200)
  t.eq(names.tickers("title 54999", "market")[1].text, "KX-54999")
  names.learn{ { u = "kalshi.Book", v = { h = { { "ticker", "KX-NEW" } } } },
    { h = { { "ticker", "two words" } } }, "x", 5 }
  t.eq(names.tickers("KX-N", "market")[1].text, "KX-NEW")
  names.clear()
end)

test("the place of the cursor", function(t)
  local place = context.at('f(a, { x = 1, y = { "z', 22)
  t.eq({ place.kind, place.word, place.from, #place.frames }, { "string", "z", 21, 3 })
  t.eq({ place.frames[1].argument, place.frames[2].key, place.frames[2].given }, { 2, "y", { "x", "y" } })
end)
