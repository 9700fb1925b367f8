-- Prints a live order book: kalua scripts/examples/hello_book.lua [-- TICKER]
local kalshi, kalua = require "kalshi", require "kalua"

local ticker = kalua.args[1] or kalshi.get_markets{ status = "open", limit = 1 }.markets[1].ticker
local book <close> = kalshi.book(ticker)
for b in book:changes() do
  local bid, bids = b:best_bid()
  local ask, asks = b:best_ask()
  print(string.format("%s  bid %s x %s   ask %s x %s", ticker, bid, bids, ask, asks))
end
