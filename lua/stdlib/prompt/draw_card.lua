-- One thing as a card: a market, an event, an order, a fill, a position, a balance, what the exchange says of itself.
local json = require "json"
local lua = require "prompt.draw_lua"
local sides = require "prompt.draw_sides"
local text = require "prompt.draw_text"
local values = require "prompt.values"
local width = require "prompt.width"

local cards = {}

local LABEL = 12     -- columns of a label with the blank behind it
local FULL_LABEL = 28 -- the same for the names of all fields
local MOST_RULES = 3 -- lines
local INPUT = "^%s*prompt:%d+: in main chunk" -- of a traceback

-- A card that is being made.
local Card = {}
Card.__index = Card

local function new_card(o, record)
  return setmetatable({ o = o, record = record, lines = {}, shown = {} }, Card)
end

-- The field's value; it is then not named among those that are not shown.
function Card:take(...)
  for _, name in ipairs{ ... } do
    self.shown[name] = true
  end
  for _, name in ipairs{ ... } do
    if text.has(self.record[name]) and not values.is_opaque(self.record[name]) then return self.record[name] end
  end
  return nil
end

-- The first of these fields that is a number.
function Card:number(...)
  self:take(...)
  for _, name in ipairs{ ... } do
    if type(self.record[name]) == "number" then return self.record[name] end
  end
  return nil
end

-- The same as text; a table has none.
function Card:text(...)
  local value = self:take(...)
  if type(value) == "table" or value == nil then return nil end
  return math.type(value) == "float" and string.format("%.14g", value) or tostring(value)
end

-- A line; `parts`: texts or { text, style }, as many as fit.
function Card:add(parts)
  local line, taken = {}, 0
  for _, part in ipairs(parts) do
    local s, style = part, nil
    if type(part) == "table" then s, style = part[1], part[2] end
    s = text.fit(self.o, s, self.o.width - taken)
    taken = taken + width.of(s)
    line[#line + 1] = text.styled(self.o, style, s)
  end
  self.lines[#self.lines + 1] = (table.concat(line):gsub(" +$", ""))
end

-- A name at the left, a state at the right.
function Card:head(name, state, style)
  name = name or "?"
  local o = self.o
  state = state and text.fit(o, state, o.width // 2) or ""
  name = text.fit(o, name, o.width - width.of(state) - 2)
  local blanks = string.rep(" ", math.min(o.width, 80) - width.of(name) - width.of(state))
  if blanks == "" then blanks = "  " end
  name, state = text.styled(o, text.BOLD, name), text.styled(o, style, state)
  self.lines[#self.lines + 1] = state == "" and name or name .. blanks .. state
end

-- A label and what belongs to it; nothing when the first part is nil.
function Card:field(label, ...)
  if (...) == nil then return end
  self:add{ { width.pad("  " .. label, LABEL), text.DIM }, ... }
end

function Card:wrapped(label, s, most)
  if not s then return end
  local room = self.o.width - LABEL
  local lines = width.wrap(width.clean(tostring(s), self.o.ascii), room)
  if self.o.whole then most = #lines end
  for i = 1, math.min(#lines, most) do
    local line = lines[i]
    if i == most and #lines > most then line = width.cut(line .. " " .. lines[i + 1], room, text.dots(self.o)) end
    self:add{ { width.pad(i == 1 and "  " .. label or "", LABEL), text.DIM }, line }
  end
end

function Card:time(label, ...)
  local seconds = text.seconds(self:take(...))
  if seconds then self:field(label, text.when(self.o, seconds)) end
end

-- The fields that the card does not show, by name.
function Card:rest()
  local names = {}
  for name, value in pairs(self.record) do
    if type(name) == "string" and not self.shown[name] and text.has(value) then names[#names + 1] = name end
  end
  if #names == 0 then return self.lines end
  table.sort(names)
  if self.o.whole then
    for _, name in ipairs(names) do
      local value = self.record[name]
      local lines = type(value) == "table" and lua.lines(values.portrait(value), {}, self.o) or { tostring(value) }
      for i, line in ipairs(lines) do
        self:add{ { width.pad(i == 1 and "  " .. name or "", FULL_LABEL), text.DIM }, line }
      end
    end
    return self.lines
  end
  local room, listed, taken = self.o.width - LABEL, {}, 0
  for i, name in ipairs(names) do
    name = width.clean(name, self.o.ascii)
    local rest = #names - i
    local after = rest > 0 and #string.format(", %d more", rest) or 0
    if taken + #name + 2 + after > room then
      listed[#listed + 1] = string.format("%d more", rest + 1)
      break
    end
    listed[#listed + 1] = name
    taken = taken + #name + 2
  end
  self:add{ { width.pad("  also", LABEL), text.DIM }, { table.concat(listed, ", "), text.DIM } }
  return self.lines
end

local STATES = {
  active = text.GREEN, open = text.GREEN, resting = text.GREEN, executed = text.GREEN, filled = text.GREEN,
  canceled = text.YELLOW, closed = text.YELLOW, paused = text.YELLOW, inactive = text.YELLOW, rejected = text.RED,
  unknown = text.RED, pending = text.YELLOW,
}

local function quote(price, count)
  if not price then return "none" end
  return text.dollars(price) .. (count and count > 0 and " x " .. text.count(count) or "")
end

-- The texts of a list; nil where there are none.
local function listed(list)
  local words = {}
  for _, word in ipairs(type(list) == "table" and list or {}) do
    if type(word) == "string" then words[#words + 1] = word end
  end
  return #words > 0 and table.concat(words, ", ") or nil
end

-- ---- the cards ----

local CARDS = {}

function CARDS.market(card)
  local status = card:text "status"
  card:head(card:text "ticker", status and tostring(status), STATES[status])
  local title, outcome = card:text "title", card:text "yes_sub_title"
  if title and outcome and title ~= outcome then title = title .. ": " .. outcome end
  card:wrapped("", title or outcome, 2)
  local bid, ask = card:number "yes_bid_dollars", card:number "yes_ask_dollars"
  local bid_size, ask_size = card:number "yes_bid_size_fp", card:number "yes_ask_size_fp"
  if bid and bid <= 0 then bid = nil end
  if ask and (ask >= 1 or ask <= 0) then ask = nil end
  local last, before = card:number "last_price_dollars", card:number "previous_price_dollars"
  if card.record.yes_bid_dollars ~= nil or card.record.yes_ask_dollars ~= nil then
    card:field("yes", { "bid ", text.DIM }, { quote(bid, bid_size), text.GREEN }, { "   ask ", text.DIM },
      { quote(ask, ask_size), text.RED }, { "   spread ", text.DIM }, bid and ask and text.dollars(ask - bid) or "-")
  end
  local no_bid, no_ask = card:number "no_bid_dollars", card:number "no_ask_dollars"
  if no_bid and no_ask and (bid or ask) then
    card:field("no", { "bid ", text.DIM }, no_bid > 0 and text.dollars(no_bid) or "none", { "   ask ", text.DIM },
      no_ask < 1 and text.dollars(no_ask) or "none")
  end
  if last and last > 0 then
    local change = before and before > 0 and last - before
    local words = change and string.format("   %s%s since yesterday", change < 0 and "" or "+", text.price(change))
    card:field("last", text.dollars(last), change and { words, text.profit_style(change) } or "")
  end
  local volume, day = card:number("volume_fp", "volume"), card:number("volume_24h_fp", "volume_24h")
  local interest = card:number("open_interest_fp", "open_interest")
  if volume then
    card:field("volume", text.count(volume), { day and "   24 h " or "", text.DIM }, day and text.count(day) or "",
      { interest and "   open interest " or "", text.DIM }, interest and text.count(interest) or "")
  end
  local result = card:text "result"
  if result then card:field("result", tostring(result)) end
  card:time("opens", "open_time")
  card:time("closes", "close_time")
  card:field("event", card:text "event_ticker")
  card:wrapped("rules", card:text "rules_primary", MOST_RULES)
end

function CARDS.event(card)
  card:head(card:text "event_ticker", card:text "category")
  local title, more = card:text "title", card:text "sub_title"
  card:wrapped("", title and tostring(title) .. (more and ", " .. tostring(more) or ""), 2)
  card:field("series", card:text "series_ticker")
  card:time("date", "strike_date")
  local exclusive = card:take "mutually_exclusive"
  if exclusive == true then card:field("outcomes", "at most one of its markets comes true") end
end

function CARDS.series(card)
  card:head(card:text "ticker", card:text "category")
  card:wrapped("", card:text "title", 2)
  card:field("frequency", card:text "frequency")
  local fees, factor = card:text "fee_type", card:text "fee_multiplier"
  if fees then card:field("fees", tostring(fees) .. (factor and " x " .. tostring(factor) or "")) end
  card:field("tags", listed(card:take "tags"))
end

function CARDS.order(card)
  local record = card.record
  local status, words = card:text "status", sides.order(record)
  card:head(words or "order", status and tostring(status), STATES[status])
  card:text("action", "side", "book_side", "outcome_side", "yes_price_dollars", "no_price_dollars", "price",
    "initial_count_fp", "initial_count")
  card:field("market", card:text("ticker", "market_ticker"))
  local view = sides.view(record)
  if view then card:field("yes side", view) end
  local filled, left = card:number("fill_count_fp", "fill_count"), card:number("remaining_count_fp", "remaining_count")
  local average = card:number("average_price", "average_fill_price")
  if filled then
    card:field("filled", text.count(filled), average and " at " .. text.dollars(average) or "",
      left and { "   left ", text.DIM } or "", left and text.count(left) or "")
  end
  local fee = card:number "average_fee_paid"
  if fee then card:field("fee", text.dollars(fee), " a contract") end
  local fees, taker, maker = card:number "fees", card:number "taker_fees_dollars", card:number "maker_fees_dollars"
  fees = fees or (taker or maker) and (taker or 0) + (maker or 0)
  if fees then card:field("fees", text.dollars(fees)) end
  card:field("reason", card:text "reason")
  card:wrapped("why", card:text "why", 3)
  card:text "type"
  card:time("created", "created_time", "created_ts", "ts_ms")
  card:time("expires", "expiration_time", "expiration_ts")
  card:field("id", card:text "order_id")
  card:field("client id", card:text "client_order_id")
end

function CARDS.fill(card)
  local record = card.record
  local taker = card:take "is_taker"
  card:head(sides.order(record) or "fill", taker and "taker" or "maker")
  card:text("action", "side", "book_side", "outcome_side", "yes_price_dollars", "no_price_dollars", "price", "count_fp",
    "count")
  card:field("market", card:text("ticker", "market_ticker"))
  card:text "market_ticker"
  local view = sides.view(record)
  if view then card:field("yes side", view) end
  local fee = card:number("fee_cost", "fee")
  if fee then card:field("fee", text.dollars(fee)) end
  card:time("time", "created_time", "ts")
  card:field("order", card:text "order_id")
end

function CARDS.trade(card)
  local record = card.record
  local price, count = card:number("yes_price_dollars", "price"), card:number("count_fp", "count")
  card:head(string.format("%s @ %s", count and text.count(count) or "?", price and text.dollars(price) or "?"),
    sides.taker(record) and "taker " .. sides.taker(record))
  card:text("taker_side", "taker_outcome_side", "taker_book_side", "no_price_dollars")
  card:field("market", card:text("ticker", "market_ticker"))
  card:time("time", "created_time", "ts_ms", "ts", "created_ts")
  card:field("id", card:text "trade_id")
end

function CARDS.position(card)
  local count = card:number("position_fp", "position")
  local side = count > 0 and "yes" or count < 0 and "no" or ""
  local held = count == 0 and "flat" or text.count(math.abs(count)) .. " " .. side
  card:head(tostring(card:text("ticker", "market_ticker")), held, text.profit_style(count))
  local exposure = card:number("market_exposure_dollars", "exposure")
  if exposure then card:field("exposure", text.dollars(exposure)) end
  if count ~= 0 then card:field("pays", text.dollars(math.abs(count)), " if " .. side) end
  local average, mark = card:number "average_price", card:number "mark"
  if average then card:field("average", text.dollars(average), mark and "   now " .. text.dollars(mark) or "") end
  local open = card:number "unrealized_pnl"
  if open then card:field("open", { text.dollars(open), text.profit_style(open) }) end
  card:text "outcome_side"
  local realized = card:number("realized_pnl_dollars", "realized_pnl")
  if realized then card:field("realized", { text.dollars(realized), text.profit_style(realized) }) end
  local fees = card:number("fees_paid_dollars", "fees_paid")
  if fees then card:field("fees", text.dollars(fees)) end
  local traded = card:number "total_traded_dollars"
  if traded then card:field("traded", text.dollars(traded)) end
  card:time("changed", "last_updated_ts", "updated_ts")
end

function CARDS.event_position(card)
  card:head(tostring(card:text "event_ticker"))
  for _, one in ipairs{ { "exposure", "event_exposure_dollars" }, { "realized", "realized_pnl_dollars" },
    { "fees", "fees_paid_dollars" }, { "cost", "total_cost_dollars" } } do
    local value = card:number(one[2])
    local style = value and one[1] == "realized" and text.profit_style(value) or nil
    if value then card:field(one[1], { text.dollars(value), style }) end
  end
end

function CARDS.settlement(card)
  card:head(tostring(card:text "ticker"), "settled " .. tostring(card:text "market_result"))
  local yes, no = card:number "yes_count_fp", card:number "no_count_fp"
  card:field("held", string.format("%s yes, %s no", text.count(yes or 0), text.count(no or 0)))
  local cost, won = sides.cost(card.record), sides.profit(card.record)
  card:text("yes_total_cost_dollars", "no_total_cost_dollars", "revenue")
  if cost then card:field("cost", text.dollars(cost)) end
  local fee = card:number "fee_cost"
  if fee then card:field("fees", text.dollars(fee)) end
  if won then card:field("profit", { text.dollars(won), text.profit_style(won) }) end
  card:time("settled", "settled_time")
end

function CARDS.settled_market(card)
  card:head(tostring(card:text "ticker"), "settled at " .. text.dollars(card:number "settlement"))
  local realized, fees = card:number "realized_pnl", card:number "fees_paid"
  card:field("realized", { text.dollars(realized), text.profit_style(realized) })
  if fees then card:field("fees", text.dollars(fees)) end
  card:number("bought", "sold")
  card:time("settled", "updated_ts")
end

-- Its positions and settled markets are drawn below it.
function CARDS.portfolio(card)
  local profit = card:number "profit"
  card:head(card:text "script" or "account", text.dollars(profit), text.profit_style(profit))
  local function money(label, name, ...)
    local value = card:number(name)
    if value then card:field(label, text.dollars(value), ...) end
    return value
  end
  money("cash", "cash")
  money("realized", "realized")
  money("open", "unrealized")
  money("fees", "fees")
  money("today", "profit_today")
  money("drawdown", "drawdown", { "   at most " .. text.dollars(card:number "max_drawdown"), text.DIM })
  money("exposure", "exposure", { "   " .. text.count(card:number "contracts" or 0) .. " contracts", text.DIM })
  local traded, fills = card:number "traded", card:number "fills"
  if traded then
    local in_fills = string.format("   %d fill%s", fills or 0, fills == 1 and "" or "s")
    card:field("traded", text.count(traded), { in_fills, text.DIM })
  end
  card:take("positions", "settled")
end

function CARDS.milestone(card)
  card:head(tostring(card:text "title" or card:text "id"), card:text "type")
  card:time("starts", "start_date")
  card:time("ends", "end_date")
  card:field("events", listed(card:take("related_event_tickers")))
  card:text "primary_event_tickers"
  card:field("id", card:text "id")
end

-- get_balance: `balance` and `portfolio_value` are cents.
function CARDS.balance(card)
  local dollars, cents = card:number "balance_dollars", card:number "balance"
  dollars = dollars or cents / 100
  local held = card:number "portfolio_value"
  card:field("balance", text.dollars(dollars))
  if held then
    card:field("portfolio", text.dollars(held / 100))
    card:field("together", text.dollars(dollars + held / 100))
  end
  card:time("at", "updated_ts")
end

function CARDS.exchange_status(card)
  local function state(label, name, yes, no)
    local value = card:take(name)
    if type(card.record[name]) == "boolean" then value = card.record[name] end
    card:field(label, { value and yes or no, value and text.GREEN or text.RED })
  end
  state("exchange", "exchange_active", "open", "closed")
  state("trading", "trading_active", "open", "paused")
  local list = card:take "exchange_index_statuses"
  if type(list) == "table" then
    for _, one in ipairs(list) do
      if type(one) == "table" and one.trading_active == false then
        card:field("", string.format("%s: paused", tostring(one.description or one.exchange_index)))
      end
    end
  end
  card:time("resumes", "exchange_estimated_resume_time")
end

function CARDS.budget(card)
  card:head("tokens", card:text "tier")
  for _, name in ipairs{ "read", "write" } do
    local left, most, rate = card:number(name), card:number(name .. "_capacity"), card:number(name .. "_rate")
    if left and most then
      card:field(name, string.format("%s of %s", text.number(math.floor(left), 0), text.number(most, 0)),
        rate and { string.format("   %s a second", text.number(rate, 0)), text.DIM } or "")
    end
  end
  local waiting = card:number "waiting"
  if waiting then card:field("waiting", text.number(waiting, 0), waiting == 1 and " call" or " calls") end
end

---The lines of a card for a record of this kind (kinds.record); nil for a kind that has none.
function cards.lines(record, kind, o)
  local make = CARDS[kind]
  if not make then return nil end
  local card = new_card(o, record)
  make(card)
  return card:rest()
end

-- ---- errors ----

-- What to do, by code and by kind.
local BY_CODE = {
  insufficient_balance = "the order costs more than the balance: a lower count or price, or cancel what rests",
  not_found = "nothing there has that name: is the ticker, or the id, right?",
  market_closed = "the market does not trade any more: kalshi.get_market(ticker).market.status",
  order_not_found = "the order is gone, filled or cancelled: kalshi.get_orders{ ticker = … }",
}
local BY_KIND = {
  auth = "kalua doctor looks at the key, its file and the clock",
  rate_limit = "kalshi.budget() says what is left; calls wait for their tokens by themselves",
  network = "kalua doctor looks at the way to the exchange",
  timeout = "try again, or give it longer with timeout",
  closed = "it was closed before; open it anew",
}

-- A frame of the modules of Kalua's own, "kalshi_pages.lua:21: in upvalue 'refuse'": nothing in them is the reader's.
local function is_ours(line)
  local file = line:match "^%s+([%w_]+%.lua):%d+: in "
  return file and (file:find "^kalshi_" or file:find "^task_") and true
end

-- A traceback, without the frame that has nothing to say below an input. One of the input alone says nothing new.
local function traceback_lines(card, traceback)
  local lines, telling = {}, false
  for line in (traceback or ""):gmatch "[^\n]+" do
    line = line:gsub("\t", "  ")
    if not line:find "^%s*%[C%]: in %?$" then
      lines[#lines + 1] = text.dim(card.o, text.fit(card.o, line, card.o.width))
      telling = telling or line:find "^%s" and not line:find "^%s*%[C%]" and not line:find(INPUT) and not is_ours(line)
    end
  end
  if telling then table.move(lines, 1, #lines, #card.lines + 1, card.lines) end
end

---The lines of an error: a value of any kind that was raised, and its traceback or nil.
function cards.error(value, traceback, o)
  local card = new_card(o, type(value) == "table" and value or {})
  if type(value) ~= "table" or values.is_opaque(value) then
    local message = values.is_opaque(value) and "an error object (" .. value.kind .. ")" or tostring(value)
    if value == nil then message = "an error without a message (nil was raised)" end
    for i, line in ipairs(width.wrap(width.clean(message, o.ascii), o.width - 7)) do
      card:add{ { i == 1 and "error: " or "       ", text.RED }, line }
    end
    traceback_lines(card, traceback)
    return card.lines
  end
  local kind, message = card:text "kind", card:text "message"
  local name = width.clean(tostring(kind or "error"), o.ascii)
  local lines = width.wrap(width.clean(name .. ": " .. tostring(message or "without a message"), o.ascii), o.width)
  for i, line in ipairs(lines) do
    if i == 1 and line:sub(1, #name + 1) == name .. ":" then
      card:add{ { name .. ":", text.RED }, line:sub(#name + 2) }
    else
      card:add{ line }
    end
  end
  local where = card:text "where"
  if where ~= "prompt:1" then card:field("where", where) end -- what was typed stands above
  card:field("operation", card:text "operation")
  local status, code = card:text "status", card:text "code"
  if status then card:field("status", tostring(status), code and "   " .. tostring(code) or "") end
  if code and not status then card:field("code", tostring(code)) end
  local again = card:take "retryable"
  if again == true then card:field("again", "may be tried again") end
  card.shown.retryable = true
  card:wrapped("try", BY_CODE[code] or BY_KIND[kind], 2)
  for field, beside in pairs(value) do
    if beside == json.null then card.shown[field] = true end
  end
  card:rest()
  traceback_lines(card, traceback)
  return card.lines
end

return cards
