-- Orders, fills and trades in words, from the fields of the exchange's answers, of its messages and of kalshi's tables.
local text = require "prompt.draw_text"

local sides = {}

local number = text.finite

-- The price of YES, and whether it is a bid there: buying YES, or selling NO.
local function yes_price(row)
  local price = number(row.yes_price_dollars) or number(row.price)
  if not price and number(row.no_price_dollars) then price = 1 - row.no_price_dollars end
  return price
end

local function is_bid(row)
  local side = row.book_side or row.side
  if side == "bid" or side == "ask" then return side == "bid" end
  if row.action and (side == "yes" or side == "no") then return (row.action == "buy") == (side == "yes") end
  local outcome = row.outcome_side or side
  if outcome == "yes" or outcome == "no" then return outcome == "yes" end
  return nil
end

-- "buy", "yes"
local function action_of(row)
  local legacy = row.side == "yes" or row.side == "no"
  if legacy and (row.action == "buy" or row.action == "sell") then return row.action, row.side end
  local outcome = row.outcome_side
  if outcome == "yes" or outcome == "no" then return "buy", outcome end
  local bid = is_bid(row)
  if bid == nil then return nil end
  return "buy", bid and "yes" or "no"
end

local function count_of(row)
  local filled = number(row.fill_count_fp or row.fill_count)
  local left = number(row.remaining_count_fp or row.remaining_count)
  return number(row.count_fp or row.count) or number(row.initial_count_fp or row.initial_count)
    or filled and left and filled + left
end

---"buy yes 10 @ 0.42"; nil where nothing is known of it.
function sides.order(row)
  local action, side = action_of(row)
  if not action then return nil end
  local price, count = yes_price(row), count_of(row)
  local words = { action .. " " .. side }
  if count then words[#words + 1] = text.count(count) end
  if price then words[#words + 1] = "@ " .. text.price(side == "no" and 1 - price or price) end
  return table.concat(words, " ")
end

---The same from the side of YES, as the book has it: "bid 0.42".
function sides.view(row)
  local bid, price = is_bid(row), yes_price(row)
  if bid == nil or not price then return nil end
  return (bid and "bid " or "ask ") .. text.price(price)
end

---Who took a trade: "buy yes".
function sides.taker(row)
  local side = row.taker_outcome_side or row.taker_side
  return (side == "yes" or side == "no") and "buy " .. side or nil
end

---What a settled position had cost, in dollars.
function sides.cost(row)
  local yes, no = number(row.yes_total_cost_dollars), number(row.no_total_cost_dollars)
  return (yes or no) and (yes or 0) + (no or 0) or nil
end

---What it brought: paid out, without cost and fees.
function sides.profit(row)
  local cost = sides.cost(row)
  if not cost or not number(row.revenue) then return nil end
  return row.revenue / 100 - cost - (number(row.fee_cost) or 0)
end

return sides
