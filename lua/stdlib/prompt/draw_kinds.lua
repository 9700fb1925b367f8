-- What a value is, to someone who trades: by its fields, as the exchange's answers, kalshi's own tables and messages of
-- the feed have them.
local json = require "json"
local values = require "prompt.values"

local kinds = {}

local function is_number(value) return type(value) == "number" end
local function is_text(value) return type(value) == "string" end

-- In this order: the first that fits.
local RECORDS = {
  { "portfolio", function(r)
    return is_number(r.profit) and is_number(r.max_drawdown) and type(r.positions) == "table"
  end },
  { "settled_market", function(r)
    return is_text(r.ticker) and is_number(r.settlement) and is_number(r.realized_pnl)
  end },
  { "candle", function(r)
    return is_number(r.end_period_ts) and (type(r.price) == "table" or type(r.yes_bid) == "table")
  end },
  { "settlement", function(r) return r.market_result ~= nil and r.settled_time ~= nil end },
  { "fill", function(r) return r.order_id ~= nil and r.is_taker ~= nil end },
  { "order", function(r)
    if r.type == "order" then return true end -- the picture of an object: an id may be yet to come
    return r.order_id ~= nil and (r.remaining_count_fp or r.remaining_count or r.status) ~= nil and r.quote_id == nil
  end },
  { "trade", function(r) return r.trade_id ~= nil and (r.yes_price_dollars or r.price) ~= nil end },
  { "position", function(r)
    return is_text(r.ticker or r.market_ticker) and (is_number(r.position_fp) or is_number(r.position))
  end },
  { "event_position", function(r) return r.event_exposure_dollars ~= nil and r.event_ticker ~= nil end },
  { "market", function(r)
    return is_text(r.ticker) and r.event_ticker ~= nil and (r.market_type or r.yes_bid_dollars or r.close_time) ~= nil
  end },
  { "event", function(r) return is_text(r.event_ticker) and r.series_ticker ~= nil and r.ticker == nil end },
  { "series", function(r)
    return is_text(r.ticker) and r.title ~= nil and (r.frequency or r.fee_type) ~= nil and r.event_ticker == nil
  end },
  { "milestone", function(r)
    return r.id ~= nil and r.start_date ~= nil and (r.related_event_tickers or r.type) ~= nil
  end },
  { "book", function(r)
    return r.type == "book" and is_text(r.ticker) or type(r.orderbook_fp or r.orderbook) == "table"
      or type(r.yes_dollars) == "table" and type(r.no_dollars) == "table"
  end },
  { "balance", function(r) return is_number(r.balance) and r.portfolio_value ~= nil end },
  { "exchange_status", function(r)
    return type(r.exchange_active) == "boolean" and type(r.trading_active) == "boolean"
  end },
  { "budget", function(r) return is_number(r.read_capacity) and is_number(r.write_capacity) end },
}

-- A table that has names only.
local function is_record(value)
  if type(value) ~= "table" or values.is_opaque(value) or next(value) == nil then return false end
  for name in next, value do
    if type(name) ~= "string" then return false end
  end
  return true
end
kinds.is_record = is_record

---What a table is: "market", "order"… nil for none of these.
function kinds.record(value)
  if not is_record(value) then return nil end
  for _, one in ipairs(RECORDS) do
    if one[2](value) then return one[1] end
  end
  return nil
end

---What a list is: "numbers", "points" ({t, v} pairs), "levels" ({price, count} pairs), "records" with the kind of its
---rows ("market"…, or "row"). nil for none of these.
function kinds.list(value)
  if type(value) ~= "table" or values.is_opaque(value) or value[1] == nil then return nil end
  local n = #value
  for key in next, value do
    if math.type(key) ~= "integer" then return nil end
  end
  local numbers, pairs_of_numbers, records, later = true, true, true, true
  for i = 1, n do
    local row = value[i]
    numbers = numbers and type(row) == "number"
    if type(row) ~= "table" or values.is_opaque(row) then
      pairs_of_numbers, records = false, false
    else
      local pair = is_number(row[1]) and is_number(row[2]) and #row == 2
      pairs_of_numbers = pairs_of_numbers and pair
      records = records and is_record(row)
      later = later and pairs_of_numbers and (i == 1 or value[i - 1][1] < row[1])
    end
    if not (numbers or pairs_of_numbers or records) then return nil end
  end
  if numbers then return "numbers" end
  if pairs_of_numbers then
    if later and n >= 3 and value[1][1] > 1e8 and value[n][1] < 1e14 then return "points" end
    for i = 1, n do
      local price, count = value[i][1], value[i][2]
      if not (price > 0 and price < 1 and count >= 0 and count < math.huge) then return nil end
    end
    return "levels"
  end
  local kind = kinds.record(value[1])
  if kind then
    for i = 2, n do
      if kinds.record(value[i]) ~= kind then return "records", "row" end
    end
    return "records", kind
  end
  return "records", "row"
end

-- ---- answers ----

-- What the lists of answers hold, by the names of their fields; the operation that gives more of it.
kinds.LISTS = {
  markets = "get_markets", events = "get_events", series = "get_series_list", trades = "get_trades",
  orders = "get_orders", fills = "get_fills", market_positions = "get_positions", event_positions = "get_positions",
  settlements = "get_settlements", milestones = "get_milestones", candlesticks = false, quotes = "get_quotes",
  rfqs = "get_rfqs", multivariate_contracts = "get_multivariate_event_collections",
  incentive_programs = "get_incentive_programs", structured_targets = "get_structured_targets",
  block_trade_proposals = "get_block_trade_proposals", endpoint_costs = false, api_keys = false, order_groups = false,
  subaccount_balances = false,
}
-- Lists whose rows are known by their fields: others of these names are somebody's own.
local KNOWN_ROWS = {
  markets = true, events = true, series = true, trades = true, orders = true, fills = true, market_positions = true,
  event_positions = true, settlements = true, milestones = true, candlesticks = true,
}
local ONES = { market = true, event = true, order = true, fill = true, series = true, milestone = true }

---The parts of an answer that is drawn part by part: a list of { name, value } (records and lists of records), the
---fields beside them, and the cursor to the next page. nil for a table that is none.
function kinds.answer(value)
  if not is_record(value) then return nil end
  local parts, beside, cursor, known = {}, {}, nil, false
  for name, member in pairs(value) do
    if name == "cursor" or name == "next_cursor" then
      if member ~= json.null and type(member) ~= "string" then return nil end
      cursor = type(member) == "string" and member ~= "" and member or nil
      known = true
    elseif type(member) == "table" and not values.is_opaque(member) then
      local listed = kinds.LISTS[name] ~= nil
      local list, kind = kinds.list(member)
      if list == "records" then
        known = known or listed and (kind ~= "row" or value.cursor ~= nil or not KNOWN_ROWS[name])
      elseif next(member) == nil and listed then
        known = known or value.cursor ~= nil
      elseif ONES[name] and kinds.record(member) == name then
        known = true
      else
        return nil
      end
      parts[#parts + 1] = { name = name, value = member }
    elseif member ~= json.null then
      beside[#beside + 1] = name
    end
  end
  if not known or #parts == 0 then return nil end
  table.sort(beside)
  -- One thing first, then the lists; among lists the longest last, where the footer is.
  table.sort(parts, function(a, b)
    local one_a, one_b = ONES[a.name] and a.value[1] == nil, ONES[b.name] and b.value[1] == nil
    if one_a ~= one_b then return one_a end
    return a.name < b.name
  end)
  return parts, beside, cursor
end

return kinds
