local kalshi = require "kalshi"
local task = require "task"

local ticker = kalshi.get_markets{ status = "open", limit = 1 }.markets[1].ticker
local book = kalshi.book(ticker)
for _ in book:changes() do
  local ask = book:best_ask()
  if ask and book:imbalance(3) > 0.5 then -- far more contracts are bid for than offered
    local order = kalshi.order{
      ticker = ticker, side = "bid", price = ask, count = 5, time_in_force = "immediate_or_cancel",
    }
    print(ticker, "bought", order.filled, "at", order.average_price)
    task.sleep(5)
  end
end
