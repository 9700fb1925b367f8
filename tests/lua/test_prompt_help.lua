-- Help has something to say of everything that a script can reach, of every operation, and of what is mistyped.
-- Runs in the folder tests/ with --allow-fs for the project.
local kalshi = require "kalshi"
local task = require "task"
local test = require "test"
local asking = require "prompt.asking"
local commands = require "prompt.commands"
local doc_comments = require "prompt.doc_comments"
local help = require "prompt.help"
local pages = require "prompt.help_pages"
local docs = doc_comments.all()

-- ---- completeness ----

-- The names in the list of what a script can reach, as help has them: functions, and methods by their class.
local objects = {
  ["a channel"] = "task.Channel", ["a task"] = "task.Task", ["a listener"] = "bus.Subscription", ["a file"] = "file",
}
local function reachable()
  local names = {}
  for line in io.lines "hostile/reachable.txt" do
    local name = line:match "^(.+): function$"
    local object, method = (name or ""):match "^(an? %a+):(%w+)$"
    if object then
      if objects[object] then names[#names + 1] = objects[object] .. ":" .. method end
    elseif name and not name:find "^test" and not name:find "^kalshi%.each" and not name:find "^request_options" then
      names[#names + 1] = (name:gsub("^_G%.", ""))
    end
  end
  return names
end

test("every function that a script can reach has a page with its signature, a text and an example", function(t)
  local names = reachable()
  t.ok(#names > 280, "the list is short: " .. #names)
  for _, name in ipairs(names) do
    task.yield()
    local page = help.text(name, { width = 80 })
    t.ok(page, "no help on " .. name)
    local short = name:match "[%w_]+$"
    t.ok(page:match "^[^\n]*":find(short, 1, true), name .. " begins with: " .. page:match "^[^\n]*")
    t.ok(help.signature(name), name .. " has no signature")
    t.ok(page:find "\nExamples?\n  %S", name .. " has no example")
  end
end)

test("every method, type and module has a page; every parameter, result and field says what it is", function(t)
  local count = 0
  local function check(list, name, results)
    for i, field in ipairs(list) do
      count = count + 1
      local unit = results and field.name -- number? dollars
      t.ok(field.text ~= "" or unit, ("%s: nothing is said of %s"):format(name, field.name or i))
      t.ok(field.type ~= "", name)
    end
  end
  for name, fn in pairs(docs.functions) do
    task.yield()
    t.ok(fn.text ~= "", name .. " has no text")
    t.ok(#fn.examples > 0, name .. " has no example")
    if not fn.signature then
      check(fn.params, name)
      check(fn.returns, name, true)
    end
    t.ok(help.text(name), name)
  end
  for name, class in pairs(docs.classes) do
    t.ok(class.text ~= "", name .. " has no text")
    check(class.fields, name)
    t.ok(help.text(name), name)
  end
  for _, name in ipairs(doc_comments.modules) do
    local module = docs.modules[name]
    t.ok(name == "project" or module.text ~= "" and #module.examples > 0, name .. " has no text or no example")
    check(module.fields, name)
  end
  t.ok(count > 400, "read: " .. count)
end)

test("every operation has a page: what it does, the request, each parameter with its meaning, an example", function(t)
  for _, summary in ipairs(kalshi.operations()) do
    task.yield()
    local name = (summary.legacy and "legacy." or "") .. summary.name
    local page = help.text("kalshi." .. name, { width = 100 })
    t.ok(page, name)
    local op = kalshi.describe(name)
    t.ok(page:find(op.method .. " " .. op.path, 1, true), name .. " does not show its request")
    t.ok(page:find "\nExamples?\n  ", name .. " has no example")
    t.ok(help.signature("kalshi." .. name):find(summary.name, 1, true), name)
    if docs.functions["kalshi." .. name] == nil then t.ok(page:find(op.summary, 1, true) or #op.summary > 100, name) end
    t.ok(load(pages.operation_example(op)), name .. ": the example is no Lua: " .. pages.operation_example(op))
    local rows = page:match "\nParameters.-\n\n" or page
    for _, p in ipairs(op.params) do
      local row = ("\n" .. rows):match("\n  " .. p.name .. "%?? ([^\n]*\n?[^\n]*)")
      t.ok(row, name .. " does not show " .. p.name)
      t.ok(p.text, ("nothing is said of %s.%s"):format(name, p.name))
      t.ok(op.legacy or row:find "%S+%s%s+%S", ("%s: nothing is said of %s: %s"):format(name, p.name, row))
      for _, value in ipairs(p.enum or {}) do t.ok(rows:find('"' .. value .. '"', 1, true), name .. " " .. value) end
    end
  end
end)

test("the types of answers have the fields of the exchange's description, both ways", function(t)
  local function described(operation, ...)
    local field = kalshi.describe(operation).answer
    for _, name in ipairs{ ... } do
      for _, inner in ipairs(field.fields) do
        if inner.name == name then field = inner break end
      end
    end
    local set = {}
    for _, inner in ipairs(field.fields) do set[inner.name] = inner.required and "always" or "at times" end
    return set
  end
  for class, where in pairs{
    ["kalshi.Market"] = { "get_market", "market" }, ["kalshi.Event"] = { "get_event", "event" },
    ["kalshi.Series"] = { "get_series", "series" }, ["kalshi.Trade"] = { "get_trades", "trades" },
    ["kalshi.Candle"] = { "get_market_candlesticks", "candlesticks" },
  } do
    local real, ours = described(table.unpack(where)), {}
    for _, field in ipairs(docs.classes[class].fields) do ours[field.name] = field.optional end
    for name in pairs(real) do t.ok(ours[name] ~= nil, class .. " lacks " .. name) end
    for name, optional in pairs(ours) do
      t.ok(real[name], class .. " has " .. name .. ", which no answer has")
      if real[name] == "at times" then t.ok(optional, class .. "." .. name .. " may be absent") end
    end
  end
end)

-- ---- how it is asked for ----

test("a short name finds what it means", function(t)
  local book = help.text "book"
  t.ok(book:find "kalshi.book%(ticker%) %-> book" and book:find "\nkalshi.Book\n", book)
  t.ok(book:find "book:best_bid%(%[side%]%) +The highest price", book)
  t.ok(help.text "best_bid":find "^book:best_bid")
  t.eq(help.text "book:best_bid", help.text "kalshi.Book:best_bid")
  t.eq(help.text "kalshi.book(ticker)", help.text "kalshi.book")
  t.eq(help.text "GetEvent", help.text "kalshi.get_event")
  t.ok(help.text "market":find "yes_bid_dollars +number +best bid for YES, dollars")
  t.ok(help.text "book.stale":find "^kalshi.Book.stale   boolean")
  t.ok(help.text "yes_ask_dollars":find "^kalshi.Market.yes_ask_dollars")
  t.ok(help.text "kalshi.each":find "history%? +boolean")
  t.ok(help.text "close":find "task.Channel:close")
  t.ok(help.text "format":find "^string.format%(format, ...%)")
end)

test("topics, commands and the first screen", function(t)
  local first = help.text ""
  for _, word in ipairs{ "kalshi.get_markets", ":help book", "waiting", ":tour", "Ctrl%-C" } do
    t.ok(first:find(word), word)
  end
  for _, topic in ipairs(require "prompt.help_topics") do
    t.ok(help.text(topic.name):find(topic.title, 1, true), topic.name)
    t.ok(first:find(topic.name, 1, true), topic.name .. " is not on the first screen")
  end
  commands.add{ name = "wobble", usage = ":wobble N", help = "shakes", detail = "For so long.", run = function() end }
  t.eq(help.text ":wobble", ":wobble N\n\nShakes.\n\nFor so long.")
  t.ok(help.text "commands":find ":wobble N +shakes")
  t.ok(help.text "operations":find "get_markets" and help.text "operations orders":find "create_order +Places an order")
end)

test("channels of the feed", function(t)
  local list = help.text "channels"
  for _, channel in ipairs(require("prompt.catalog").channels()) do
    t.ok(list:find(channel.name, 1, true), channel.name)
    t.ok(help.text(channel.name):find(channel.name, 1, true), channel.name)
  end
  t.ok(help.text "orderbook_delta":find "^orderbook_delta   %(channel%)\n\n%u.*It needs market_tickers")
end)

test("a short name leads to what has it in its name", function(t)
  local page = help.text "cancel"
  t.ok(page:find "^Several things are called cancel\n", page)
  t.ok(page:find "kalshi.Order:cancel " and page:find "task.Task:cancel ", page)
  t.ok(page:find "\nSee also\n.*kalshi.cancel_all%(.*kalshi.cancel_order%(", page)
  t.eq(help.text("kalshi.orders"):find "get_orders", nil)
  t.ok(help.text("buy"):find ":help prices")
end)

test("what is mistyped or unknown leads on", function(t)
  t.ok(help.text "bookk":find 'Nothing is called "bookk". Did you mean .*kalshi.book')
  t.ok(help.text "kalshi.get_makret":find "kalshi.get_market")
  t.ok(help.text "spread tight":find "kalshi.Book:spread")
  local found = help.text "?cancel order"
  for _, name in ipairs{ "kalshi.cancel_order", "kalshi.cancel_all", ":help money" } do
    t.ok(found:find(name, 1, true), name .. " is not found:\n" .. found)
  end
  t.eq(help.text "qqqqzzzz", nil)
  t.eq(help.text ":qqqqzzzz", nil)
  t.eq(help.text "operations qqqq", nil)
end)

test("a question mark behind or before a name asks for help, and no Lua is taken for that", function(t)
  for text, name in pairs{
    ["kalshi.book?"] = "kalshi.book", ["?spread"] = "spread", [" book:mid ? "] = "book:mid", ["?"] = "", ["x??"] = "x",
    ["?cancel order"] = "?cancel order",
  } do
    t.eq(asking.question(text), name, text)
  end
  for _, text in ipairs{ "x", "x = 1", 'f "what?"', "", "a.b:c()", "-- why?" } do
    t.eq(asking.question(text), nil, text)
  end
end)

test("the command prints the page, and says so when there is none", function(t)
  local printed
  local session = { drawing = function() return { width = 60 } end, print = function(_, text) printed = text end }
  local command = commands.find "help"
  command.run(session, "kalshi.balance")
  t.ok(printed:find "^kalshi.balance%(%) %-> dollars   %(waits%)\n", printed)
  t.raises(function() command.run(session, "qqqqzzzz") end, "usage")
  local offers, from = command.complete(session, "best")
  t.eq({ from, #offers }, { 0, 2 })
  t.eq({ offers[1].text, offers[1].hint }, { "kalshi.Book:best_ask", "book:best_ask([side]) -> price, count" })
end)

-- ---- how it looks ----

test("pages keep to the width, but for code", function(t)
  for _, width in ipairs{ 50, 80, 110 } do
    local names = { "", "kalshi.Market", "kalshi.create_order", "kalshi.budget", "keys", "operations", "?order" }
    for _, name in ipairs(names) do
      task.yield()
      local code = false
      for line in help.text(name, { width = width }):gmatch "[^\n]+" do
        if line:find "^%S" then code = line:find "^Examples?$" ~= nil end
        local long = utf8.len(line) > width and line:find("%s", 30)
        t.ok(not long or code or line:find "^ +%S+$" or line:find '[={}"]', ("%s at %d: %s"):format(name, width, line))
      end
    end
  end
end)

test("colours only where they are asked for", function(t)
  t.eq(help.text("book", { width = 80 }):find "\27", nil)
  local painted = help.text("book", { width = 80, colour = true })
  t.ok(painted:find "\27%[1m")
  t.eq(painted:gsub("\27%[%d+m", ""), help.text("book", { width = 80 }))
end)

-- ---- the parser ----

local function parse(text)
  local made = doc_comments.new()
  doc_comments.parse(made, "m", text)
  return made
end

test("doc comments are read: types, optional ones, values, tables, results with names, examples", function(t)
  local made = parse([[
---@meta m

---@alias m.Side "bid"|"ask" which

---A thing.
---@class m.Thing: m.Base
---@field [1] string the first
---@field way? "a"|"b"|3 how
local Thing = {}

---Does it.
---And more.
---
---Another paragraph.
---```lua
---m.f{ x = 1 }
---```
---@async
---@deprecated
---@param a {x: integer, y?: m.Side, z: {q: string}[]} in a table
---@param b? fun(n: integer, ...: any): string?, table<string, {k: number}> called
---@param ... (string|number)[] more
---@return number[][]? rows of it, sorted
---@return "yes"|"no"
function Thing:act(a, b, ...) end

---@class m
local m = {}

---Nothing.
function m.nothing() end

return m
]])
  local act = made.functions["m.Thing:act"]
  t.eq(act.text, "Does it. And more.\n\nAnother paragraph.")
  t.eq(act.examples, { "m.f{ x = 1 }" })
  t.eq({ act.async, act.deprecated, act.class, act.module }, { true, true, "m.Thing", "m" })
  t.eq({ act.params[1].name, act.params[1].text, act.params[1].optional }, { "a", "in a table", false })
  local inner = act.params[1].fields
  t.eq({ inner[1].name, inner[1].type, inner[2].name, inner[2].optional, inner[3].type },
    { "x", "integer", "y", true, "{q: string}[]" })
  t.eq({ act.params[2].optional, act.params[2].type, act.params[2].text },
    { true, "fun(n: integer, ...: any): string?, table<string, {k: number}>", "called" })
  t.eq({ act.params[3].name, act.params[3].type }, { "...", "(string|number)[]" })
  t.eq({ act.returns[1].type, act.returns[1].name, act.returns[1].text, act.returns[1].optional },
    { "number[][]?", "rows", "of it, sorted", true })
  t.eq(act.returns[2].literals, { "yes", "no" })
  t.eq(doc_comments.signature(act), 'thing:act(a [, b], ...) -> rows, "yes"|"no"')
  local thing = made.classes["m.Thing"]
  t.eq({ thing.text, thing.parent }, { "A thing.", "m.Base" })
  t.eq({ thing.fields[1].name, thing.fields[2].optional }, { "[1]", true })
  t.eq(thing.fields[2].literals, { "a", "b", 3 })
  t.eq(thing.methods, { "m.Thing:act" })
  t.eq({ made.modules.m.functions, made.modules.m.classes }, { { "m.nothing" }, { "m.Thing" } })
  t.eq({ made.aliases["m.Side"].literals, made.aliases["m.Side"].text }, { { "bid", "ask" }, "which" })
end)

test("what cannot be read in a doc comment is an error that names the line", function(t)
  for what, comment in pairs{
    unknown = "@parma x string", ["cannot read the type"] = "@param x {a: ", ["a name and a type"] = "@param x",
    ["without an end"] = "```lua\n---x = 1",
  } do
    local made = parse("---@class m\nlocal m = {}\n\n---Text.\n---" .. comment .. "\nfunction m.f(x) end\n")
    local err = t.raises(function() return made.functions["m.f"].text end, what)
    t.ok(tostring(err):find "m.lua:4", tostring(err))
  end
end)
