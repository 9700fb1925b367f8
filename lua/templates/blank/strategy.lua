-- Prints the best bid and the best ask of a market whenever its book changes.
--
--   kalua run                                 on the embedded exchange, as kalua.lua says
--   kalua NAME.lua -- TICKER                  of one market
local kalshi = require "kalshi"
local kalua = require "kalua"

local ticker = kalua.args[1] or kalshi.get_markets{ status = "open", limit = 1 }.markets[1].ticker
local book = kalshi.book(ticker)

for _ in book:changes() do
  local bid, bids = book:best_bid()
  local ask, asks = book:best_ask()
  print(string.format("%s  %s x %s | %s x %s", ticker, bids or "-", bid or "-", ask or "-", asks or "-"))
end
