-- Which fields of a list's rows are worth a column, for lists that have no drawing of their own.
local columns = {}

---The columns that are most useful, by the field of the list. What a row has beyond them follows where there is room.
columns.favourites = {
  markets = { "ticker", "market_ticker", "yes_bid_dollars", "yes_ask_dollars", "last_price_dollars", "volume_24h_fp",
    "open_interest_fp", "status", "close_time", "yes_sub_title" },
  events = { "event_ticker", "title", "sub_title", "category", "strike_date", "mutually_exclusive" },
  series = { "ticker", "title", "category", "frequency", "fee_type", "fee_multiplier" },
  trades = { "created_time", "ticker", "yes_price_dollars", "count_fp", "taker_outcome_side", "taker_book_side",
    "trade_id" },
  orders = { "order_id", "ticker", "book_side", "outcome_side", "yes_price_dollars", "remaining_count_fp",
    "fill_count_fp", "status", "created_time", "client_order_id" },
  fills = { "created_time", "ticker", "outcome_side", "book_side", "yes_price_dollars", "count_fp", "fee_cost",
    "is_taker", "order_id" },
  market_positions = { "ticker", "position_fp", "market_exposure_dollars", "realized_pnl_dollars",
    "fees_paid_dollars", "total_traded_dollars", "last_updated_ts" },
  event_positions = { "event_ticker", "event_exposure_dollars", "realized_pnl_dollars", "fees_paid_dollars",
    "total_cost_dollars" },
  settlements = { "settled_time", "ticker", "market_result", "revenue", "yes_count_fp", "yes_total_cost_dollars",
    "no_count_fp", "no_total_cost_dollars", "fee_cost" },
  candlesticks = { "end_period_ts", "price.open_dollars", "price.high_dollars", "price.low_dollars",
    "price.close_dollars", "price.open", "price.high", "price.low", "price.close", "volume_fp", "volume",
    "yes_bid.close_dollars", "yes_ask.close_dollars", "yes_bid.close", "yes_ask.close", "open_interest_fp",
    "open_interest" },
  quotes = { "id", "market_ticker", "status", "yes_bid_dollars", "no_bid_dollars", "contracts_fp", "created_ts",
    "rfq_id" },
  rfqs = { "id", "market_ticker", "status", "contracts_fp", "target_cost_dollars", "created_ts" },
  block_trade_proposals = { "id", "market_ticker", "status", "maker_side", "price_centi_cents", "centicount",
    "created_ts" },
  milestones = { "id", "title", "type", "category", "start_date", "end_date" },
  multivariate_contracts = { "collection_ticker", "title", "open_date", "close_date", "size_min", "size_max" },
  incentive_programs = { "market_ticker", "incentive_type", "period_reward", "start_date", "end_date", "paid_out" },
  structured_targets = { "id", "name", "type", "last_updated_ts" },
  endpoint_costs = { "method", "path", "cost" },
}

---For a field that is no favourite: the lower, the sooner.
function columns.rank(name)
  if name:find "ticker$" then return 1 end
  if name:find "_dollars$" or name:find "_fp$" then return 2 end
  if name:find "status$" or name:find "side$" or name:find "type$" then return 3 end
  if name:find "name$" or name:find "title$" then return 4 end
  if name == "id" or name:find "_id$" then return 5 end
  if name:find "_ts$" or name:find "time$" or name:find "date$" then return 6 end
  return 7
end

---The head of a column.
function columns.label(path)
  local name = path:gsub("_dollars$", ""):gsub("_fp$", ""):gsub("^price%.", ""):gsub("%.", " ")
  return name
end

return columns
