-- How long completion takes in the front end: with 50,000 tickers and a table of 10,000 fields. The other end's answer
-- comes as the text that it sends for these.
--   kalua tests/bench/prompt/complete.lua
local complete = require "prompt.complete"
local expected = require "prompt.complete_expected"
local json = require "json"
local names = require "prompt.names"
local task = require "task"

local TICKERS, FIELDS, TIMES = 50000, 10000, 200

local function learn_tickers() -- in pages, as an exchange gives them
  names.clear()
  for page = 0, TICKERS // 1000 - 1 do
    local rows = {}
    for i = 1, 1000 do
      local n = page * 1000 + i
      local event = ("KXHIGH%s-26NOV%02d"):format(string.char(65 + n % 26, 65 + n // 26 % 26, 65), n % 30)
      rows[i] = { h = {
        { "ticker", ("%s-B%d"):format(event, n) }, { "event_ticker", event },
        { "title", "Will the highest temperature be between " .. n .. " and " .. n + 1 .. " degrees?" },
        { "yes_bid_dollars", { n = "0.41" } }, { "yes_ask_dollars", { n = "0.43" } },
      } }
    end
    names.learn{ { a = rows } }
    names.settle()
  end
end

-- What the operation `members` says of a table of FIELDS fields: at most 2,000 of those that begin with the prefix.
local function members_text(prefix)
  local items, more = {}, false
  for i = 1, FIELDS do
    local name = ("field_%05d"):format(i)
    if name:sub(1, #prefix) == prefix then
      if #items == 2000 then
        more = true
        break
      end
      items[#items + 1] = { name = name, type = "number", text = tostring(i / 100) }
    end
  end
  return json.encode{ type = "table", items = items, more = more }
end

local texts = {}
local session = { ask = function(_, _, fields)
  return json.decode(texts[fields.path and fields.path[1] == "kalshi" and "kalshi" or fields.prefix or ""])
end }
local operations = {}
for name in pairs(expected.operations()) do operations[#operations + 1] = { name = name, type = "function" } end
texts.kalshi = json.encode{ type = "table", items = operations, more = false }
for _, prefix in ipairs{ "", "f", "field_012" } do texts[prefix] = members_text(prefix) end

learn_tickers()
print(("%d markets, %d events, %d series are known"):format(names.count "market", names.count "event",
  names.count "series"))

local cases = {
  { "a ticker by its beginning", 'kalshi.book("KXHIGHB|' },
  { "a ticker, nothing typed yet", 'kalshi.book("|' },
  { "a ticker by a part of it", 'kalshi.book("07-B1234|' },
  { "a ticker by a word of its title", 'kalshi.book("between 7771|' },
  { "a ticker that nobody has", 'kalshi.book("nobody has it|' },
  { "a field of a table of 10,000, nothing typed", "many.|" },
  { "a field, one letter typed", "many.f|" },
  { "a field, nine letters typed", "many.field_012|" },
  { "an operation by a part of its name", "kalshi.orderbook|" },
  { "the keys of an operation", "kalshi.create_order{ |" },
  { "the end of a long input", ("local x = kalshi.get_markets{ limit = 5 }\n"):rep(400) .. "many.f|" },
}

for _, case in ipairs(cases) do
  local cursor = case[2]:find("|", 1, true) - 1
  local text = case[2]:sub(1, cursor)
  local took, offers = {}, 0
  for i = 1, TIMES do
    local from = os.clock()
    offers = #complete.at(session, text, cursor)
    took[i] = (os.clock() - from) * 1000
    if i % 20 == 0 then task.sleep(0) end
  end
  local first = took[1]
  table.sort(took)
  print(("%-48s %4d offers  first %6.2f ms  median %6.2f ms  worst %6.2f ms"):format(case[1], offers, first,
    took[TIMES // 2], took[TIMES]))
end
