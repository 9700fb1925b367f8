-- Follows the flow: buys where takers keep buying, sells again after a while.
--
--   kalua scripts/examples/momentum.lua                 on the five busiest markets
--   kalua scripts/examples/momentum.lua -- TICKER...
local kalshi = require "kalshi"
local kalua = require "kalua"
local log = require "log"
local orders = require "orders"
local task = require "task"

local HALF_LIFE = 3 -- seconds after which a trade counts half
local TRIGGER = 60 -- contracts of net flow that start a position
local SIZE = 5
local HOLD = 4 -- seconds
local AGAIN = 1 -- seconds until what could not be closed is tried again
local GIVE = 0.02 -- how far through the best price an order may reach, in dollars

local function busiest(n)
  local all = {}
  for m in kalshi.each.get_markets{ status = "open", limit = 1000 } do all[#all + 1] = m end
  table.sort(all, function(a, b) return a.volume_fp > b.volume_fp end)
  local tickers = {}
  for i = 1, math.min(n, #all) do tickers[i] = all[i].ticker end
  return tickers
end

local tickers = #kalua.args > 0 and kalua.args or busiest(5)

local function wait_until_known(order)
  while order.status == "pending" or order.status == "unknown" do order:wait() end
end

-- What a take has come to, once it is known of its last order, whose answer was lost.
local function known(got, count)
  wait_until_known(got.orders[#got.orders])
  local filled, cost = 0, 0
  for _, order in ipairs(got.orders) do
    filled, cost = filled + order.filled, cost + (order.cost or order.filled * order.price)
  end
  return { filled = filled, left = count - filled, average_price = filled > 0 and cost / filled or nil }
end

-- Takes what is there, up to GIVE through the best price: leaves nothing resting. What is refused, by a limit or by a
-- market that rests, is logged and has filled nothing.
local function take(book, side, count, reduce_only)
  local buys = side == "bid"
  local best
  if buys then best = book:best_ask() else best = book:best_bid() end
  if not best or book.stale then return { filled = 0, left = count } end
  local limit = buys and math.min(best + GIVE, 0.99) or math.max(best - GIVE, 0.01)
  local ok, got = pcall(orders.take,
    { ticker = book.ticker, side = side, count = count, limit = limit, reduce_only = reduce_only })
  if ok then return got.unknown and known(got, count) or got end
  if type(got) ~= "table" or got.kind == "cancelled" then error(got, 0) end
  log.warn("not now", { ticker = book.ticker, why = tostring(got) })
  return got.result or { filled = 0, left = count }
end

-- Whether the market will not trade again: what is held of it then pays or not.
local function has_ended(ticker)
  local ok, answer = pcall(kalshi.get_market, ticker)
  return ok and answer.market.status ~= "active" and answer.market.status ~= "inactive"
end

-- Whether the account holds contracts that were bought, or sold; true where it cannot be asked now.
local function holds(ticker, side)
  local ok, rows = pcall(kalshi.positions, { ticker = ticker })
  if not ok then return true end
  for _, p in ipairs(rows) do
    if (side == "bid" and p.position or -p.position) > 0 then return true end
  end
  return false
end

-- Gets rid of `left` contracts that were bought, or sold, at `paid`, for as long as it takes.
local function close(book, side, left, paid)
  local back = side == "bid" and "ask" or "bid"
  while left > 0 do
    local closed = take(book, back, left, true)
    left = closed.left
    if closed.filled > 0 then
      local got = closed.average_price
      local profit = (side == "bid" and got - paid or paid - got) * closed.filled
      print(string.format("%-30s closed %.2f @ %.4f   %+.2f dollars before fees", book.ticker, closed.filled, got,
        profit))
    elseif has_ended(book.ticker) then
      print(string.format("%-30s has ended, and %.2f are held", book.ticker, left))
      return
    elseif not holds(book.ticker, side) then
      print(string.format("%-30s somebody else has closed %.2f", book.ticker, left))
      return
    end
    if left > 0 then task.sleep(AGAIN) end
  end
end

local function trade(book, side)
  local opened = take(book, side, SIZE)
  if opened.filled == 0 then return end
  print(string.format("%-30s %s %.2f @ %.4f", book.ticker, side == "bid" and "bought" or "sold  ", opened.filled,
    opened.average_price))
  task.sleep(HOLD)
  close(book, side, opened.filled, opened.average_price)
end

local state = {}
for _, ticker in ipairs(tickers) do
  state[ticker] = { book = kalshi.book(ticker), flow = 0, at = kalua.now(), busy = false }
end

-- What the version before a reload has opened, nobody else closes.
task.spawn(function()
  for _, order in ipairs(kalshi.own_orders()) do wait_until_known(order) end
  task.sleep(HOLD)
  for _, p in ipairs(kalshi.portfolio().positions) do
    local s = state[p.ticker] or { book = kalshi.book(p.ticker) }
    if p.position ~= 0 and not s.busy then
      s.busy = true
      task.spawn(function()
        close(s.book, p.position > 0 and "bid" or "ask", math.abs(p.position), p.average_price)
        s.busy = false
      end)
    end
  end
end)

local trades <close> = kalshi.subscribe{ channels = { "trade" }, market_tickers = tickers }
print("watching " .. table.concat(tickers, ", "))
for t in trades:messages() do
  local s = state[t.market_ticker]
  local now = t.ts_ms / 1000
  -- Exponential decay: what happened a half-life ago counts half.
  s.flow = s.flow * 0.5 ^ (math.max(now - s.at, 0) / HALF_LIFE)
  s.at = now
  s.flow = s.flow + (t.taker_book_side == "bid" and t.count_fp or -t.count_fp)
  if math.abs(s.flow) >= TRIGGER and not s.busy then
    local side = s.flow > 0 and "bid" or "ask"
    s.flow, s.busy = 0, true
    task.spawn(function()
      trade(s.book, side)
      s.busy = false
    end)
  end
end
