---Module `orders`: what one does with several orders, or with one over a while. All of it uses only what every script
---has: kalshi.order, books and tasks.
---
---    local orders = require "orders"
---    local bought = orders.take{ ticker = ticker, side = "yes", count = 10, limit = 0.45, timeout = 5 }
---    print(bought.filled, bought.average_price)
return {
  take = require "orders.take",
  ladder = require "orders.ladder",
  oco = require "orders.oco",
  bracket = require "orders.bracket",
  twap = require "orders.twap",
  requote = require "orders.requote",
}
