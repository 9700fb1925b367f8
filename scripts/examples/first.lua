local kalshi = require "kalshi"
local task = require "task"

local ticker = kalshi.get_markets{ status = "open", limit = 1 }.markets[1].ticker
for book in kalshi.book(ticker):changes() do
  local ask = book:best_ask()
  if ask and book:imbalance(3) > 0.5 then -- far more contracts are bid for than offered
    local order = kalshi.create_order{
      ticker = ticker, side = "bid", price = ask, count = 5,
      time_in_force = "immediate_or_cancel", self_trade_prevention_type = "taker_at_cross",
    }
    print(ticker, "bought", order.fill_count, "at", order.average_fill_price)
    task.sleep(5)
  end
end
