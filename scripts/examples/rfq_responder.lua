-- Answers requests for quotes (RFQs): bids for YES and for NO around the middle of the book, each lowered by an edge,
-- both leaning against what it holds. It confirms what is accepted as long as the market has not moved against it.
--
--   kalua --risk max_position=200,max_exposure=500 scripts/examples/rfq_responder.lua
--   … -- SERIES 0.02    only markets of that series, with two cents of edge
--
-- How large a quote may be is for the limits: each bid counts like an order for the whole request, until the quote has
-- ended. A request that is beyond them is not answered, and the log says which limit it was.
local kalshi = require "kalshi"
local kalua = require "kalua"
local log = require "log"
local task = require "task"

local SERIES = kalua.args[1] or ""
local EDGE = tonumber(kalua.args[2]) or 0.01 -- dollars that each bid stays below what its side is worth
local LEAN = 0.0002 -- dollars that what YES is worth to us falls with each contract held
local WIDEST <const> = 0.10 -- a book with a wider gap than that says too little
local SLACK <const> = 0.5 -- of the edge: what the market may take of it before we confirm
local EXECUTES <const> = 60 -- seconds after which what was confirmed has executed, or never will

local requests <close> = kalshi.subscribe{ channels = { "communications" } }
-- Our quotes that may still be accepted, by quote id. In kalua.state, so that the version after a reload confirms them.
kalua.state.quotes = kalua.state.quotes or {}
local open = kalua.state.quotes
local quoted, executed = 0, 0

-- What we hold of a market, and would with what was accepted and has not executed yet.
local function position_in(ticker)
  local held = 0
  for _, p in ipairs(kalshi.portfolio().positions) do
    if p.ticker == ticker then held = held + p.position end
  end
  for _, q in pairs(open) do
    if q.ticker == ticker and q.accepted then held = held + q.accepted end
  end
  return held
end

-- What YES is worth to us: the middle of the book, less for what we hold of it. Nil where the book says too little.
local function fair_value(ticker)
  local book <close> = kalshi.book(ticker)
  local bid, ask = book:best_bid(), book:best_ask()
  if book.stale or not bid or not ask or ask - bid > WIDEST then return nil end
  return (bid + ask) / 2 - LEAN * position_in(ticker)
end

-- The price of YES at or next to `price` that the market takes, rounded by math.floor or math.ceil; nil where none is.
local function to_grid(market, price, round)
  for _, band in ipairs(market.price_ranges) do
    if price >= band.start and price <= band["end"] + 1e-9 then
      local steps = (price - band.start) / band.step
      local nearest = math.floor(steps + 0.5)
      if math.abs(steps - nearest) > 1e-6 then nearest = round(steps) end
      return band.start + nearest * band.step
    end
  end
end

local function answer(request)
  local market = kalshi.get_market(request.market_ticker).market
  local fair = fair_value(market.ticker)
  if not fair then return end
  -- A bid for NO at n is an offer of YES at 1 - n, which is the price that has to be on the grid. 0 declines a side.
  local yes_bid = to_grid(market, fair - EDGE, math.floor) or 0
  local no_bid = 1 - (to_grid(market, fair + EDGE, math.ceil) or 1)
  if yes_bid == 0 and no_bid == 0 then return end
  local made = kalshi.create_quote{ rfq_id = request.id, yes_bid = yes_bid, no_bid = no_bid, rest_remainder = false }
  open[made.id] = { rfq = request.id, ticker = market.ticker, yes = yes_bid, no = no_bid }
  quoted = quoted + 1
  print(("quoted    %s  yes %.4f  no %.4f  fair %.4f"):format(market.ticker, yes_bid, no_bid, fair))
end

-- What was accepted and does not execute would be counted as held for ever.
local function give_up_later(id)
  task.sleep(EXECUTES)
  open[id] = nil
end

-- The last look: is what was accepted still worth more to us than its price?
local function confirm(message)
  local quote = open[message.quote_id]
  if not quote then return end
  local side = message.accepted_side
  local count = message.contracts_accepted_fp or message[side .. "_contracts_offered_fp"] or 0
  local fair = fair_value(quote.ticker)
  local worth = fair and (side == "yes" and fair or 1 - fair) or 0
  if worth - quote[side] < EDGE * (1 - SLACK) then
    print(("declined  %s  %s at %.4f: it is worth %.4f now"):format(quote.ticker, side, quote[side], worth))
    return -- the exchange cancels a quote that is not confirmed
  end
  quote.accepted = side == "yes" and count or -count
  local ok, err = pcall(kalshi.confirm_rfq_quote, { rfq_id = quote.rfq, quote_id = message.quote_id })
  if not ok and err.kind ~= "network" and err.kind ~= "timeout" then -- it was not confirmed: nothing comes of it
    open[message.quote_id] = nil
    error(err, 0)
  end
  if ok then
    print(("confirmed %s  %g %s at %.4f"):format(quote.ticker, count, side, quote[side]))
  else
    log.warn("nobody knows whether a quote is confirmed", { ticker = quote.ticker, why = tostring(err) })
  end
  give_up_later(message.quote_id)
end

local function report(message)
  local quote = open[message.quote_id]
  if not quote then return end
  open[message.quote_id] = nil
  executed = executed + 1
  task.sleep(0.5) -- for its fills
  local p = kalshi.portfolio()
  print(("executed  %s  position %+g  profit %+.2f"):format(quote.ticker, position_in(quote.ticker), p.profit))
end

local function forget(message)
  for id, quote in pairs(open) do
    if quote.rfq == message.id and not quote.accepted then open[id] = nil end
  end
end

-- What goes wrong with one request is no reason to miss the next.
local function carefully(what, act, message)
  local ok, e = pcall(act, message)
  if ok then return end
  if e.kind == "cancelled" then error(e, 0) end
  if e.kind == "risk" then
    print(("beyond    %s  %s"):format(message.market_ticker, e.code))
  else
    log.warn(what .. " failed", { ticker = message.market_ticker, why = tostring(e) })
  end
end

local actions = { rfq_created = answer, rfq_deleted = forget, quote_accepted = confirm, quote_executed = report }

kalua.on_stop(function(reason)
  if reason == "reload" then return end
  for id, quote in pairs(open) do
    if not quote.accepted then
      local ok, err = pcall(kalshi.delete_rfq_quote, { rfq_id = quote.rfq, quote_id = id })
      if not ok and err.status ~= 404 then -- 404: it has ended by itself
        log.warn("a quote may stay open", { ticker = quote.ticker, id = id, why = tostring(err) })
      end
      open[id] = nil
    end
  end
  print(("answered %d requests, %d quotes executed"):format(quoted, executed))
end)

for id, quote in pairs(open) do -- of the version before
  if quote.accepted then task.spawn(give_up_later, id) end
end

print("waiting for requests" .. (SERIES ~= "" and " about " .. SERIES or ""))
for message in requests:messages() do
  local act = actions[message.type]
  if act and (SERIES == "" or message.market_ticker:sub(1, #SERIES + 1) == SERIES .. "-") then
    task.spawn(carefully, message.type, act, message)
  end
end
