-- kalshi.books: many books at once. Run once by the module itself; not for `require`.
local kalshi, helpers = ...
assert(type(kalshi) == "table" and type(helpers) == "table", 'use require "kalshi"')

local error, ipairs, math, pairs, pcall = error, ipairs, math, pairs, pcall
local require, tostring, type = require, tostring, type

---Opens the books of all tickers together and returns them by ticker once each has had its snapshot. When one is
---refused, none stays open.
function kalshi.books(tickers)
  if type(tickers) ~= "table" then
    helpers.fail("validation", "books", false, "give it a list of tickers, not " .. type(tickers), "wrong_type")
  end
  local books, openers, seen = {}, {}, {}
  local last = 0
  for i, ticker in ipairs(tickers) do
    if type(ticker) ~= "string" then
      helpers.fail("validation", "books", false, "tickers[" .. i .. "] must be a string, not " .. type(ticker),
        "wrong_type")
    end
    last = i
    if not seen[ticker] then
      seen[ticker] = true
      openers[#openers + 1] = function() books[ticker] = kalshi.book(ticker) end
    end
  end
  for key in pairs(tickers) do
    if math.type(key) ~= "integer" or key < 1 or key > last then
      helpers.fail("validation", "books", false, "tickers must be a list: it has the key " .. tostring(key) ..
        (math.type(key) == "integer" and ", but nothing at " .. last + 1 or ""), "wrong_arguments")
    end
  end
  local ok, err = pcall(require("task").all, openers)
  if ok then return books end
  for _, book in pairs(books) do book:close() end
  error(err, 0)
end
