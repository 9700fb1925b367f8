-- Bets on the outcome of a live game when a provider of probabilities sees more in a contract than it costs.
--
--   kalua run value_bet.lua -- games          the games that are on or will begin
--   kalua run value_bet.lua -- bet GAME       bets on one: its id, event, a part of its title, or "any"
--
-- Once a look: what happens in the game, the books of its markets, a probability for each. A side is bought when its
-- expected profit after fees is at least MIN_EDGE_PCT on every contract and the provider is sure enough, as many as a
-- fraction of the Kelly position asks for and the bounds of config.lua allow. A position is held until the game ends,
-- unless the other side of its market has an edge of EXIT_EDGE_PCT: buying that closes it. Every decision, also the one
-- to do nothing, is a line of JSON with its reason.
local json = require "json"
local kalshi = require "kalshi"
local kalua = require "kalua"
local log = require "log"
local calibration = require "calibration"
local sizing = require "sizing"
local task = require "task"
local games = require "games"
local settings = require "settings"

local LEVELS <const> = 10 -- of a book that one order may take
local SETTLE <const> = 5 -- seconds until what an order did must be seen in the account
local RESULT <const> = 120 -- seconds after the game until its result must be known

local MODES <const> = { sim = "embedded exchange", demo = "demo", prod = "live" }
local mode = kalua.paper and "paper" or MODES[kalua.env]

-- ---- the record of decisions ----

local file = settings.DECISIONS_FILE ~= "" and assert(io.open(settings.DECISIONS_FILE, "a"))
local said = {} -- by market: what the log said last

-- A decision as a line of JSON; the log has those that differ from the last one of the market.
local function record(game, d)
  d.at, d.game, d.mode, d.provider = kalua.now(), game.title, mode, settings.PROVIDER
  d.score = game.home_points and { home = game.home_points, away = game.away_points, clock = game.clock } or nil
  local line = json.encode(d)
  if file then
    file:write(line, "\n")
    file:flush()
  else
    print(line)
  end
  local short = d.action .. " " .. d.code
  local key = d.ticker or game.id
  if said[key] ~= short or d.action ~= "none" then log.info(("%s: %s, %s"):format(key, d.action, d.why)) end
  said[key] = short
end

-- ---- the account ----

local today -- the day's figures, in kalua.state: they survive a reload and, with --state, a restart

-- What is held of each market: contracts of YES (negative: of NO) and what they cost.
local function holdings()
  local held, cost, total = {}, {}, 0
  for _, p in ipairs(kalshi.positions()) do
    held[p.ticker] = (held[p.ticker] or 0) + p.position
    cost[p.ticker] = (cost[p.ticker] or 0) + math.abs(p.exposure)
    total = total + math.abs(p.exposure)
  end
  return held, cost, total
end

-- Cash and positions; positions at what they cost, but those of the game at what they would bring now.
local function equity(events)
  local held, cost, total = holdings()
  local worth = kalshi.balance() + total
  for _, event in ipairs(events) do
    for _, market in ipairs(event.markets) do
      local contracts = held[market.ticker] or 0
      local price = market.book and market.book:best_bid(contracts >= 0 and "yes" or "no")
      if contracts ~= 0 and price then worth = worth - cost[market.ticker] + math.abs(contracts) * price end
    end
  end
  return worth
end

local function begin_day(events)
  local date = os.date "!%Y-%m-%d"
  today = kalua.state.today
  if not today or today.date ~= date then
    today = { date = date, trades = 0, equity = equity(events) }
    kalua.state.today = today
  end
end

-- The bound that ends betting for today, and why; nil while there is none.
local function exhausted(events)
  begin_day(events)
  if today.trades >= settings.MAX_DAILY_TRADES then
    return "MAX_DAILY_TRADES", today.trades .. " trades today, and MAX_DAILY_TRADES is " .. settings.MAX_DAILY_TRADES
  end
  local loss = today.equity - equity(events)
  if loss >= settings.MAX_DAILY_LOSS_USD then
    return "MAX_DAILY_LOSS_USD", ("%.2f dollars are lost today, and MAX_DAILY_LOSS_USD is %g"):format(loss,
      settings.MAX_DAILY_LOSS_USD)
  end
end

-- What one more purchase in the market may cost, and the bound that says so. Both markets of a game with two outcomes
-- are one bet.
local function room(event, market)
  local _, cost, total = holdings()
  local here = cost[market.ticker] or 0
  if event.opposites then
    here = 0
    for _, one in ipairs(event.markets) do here = here + (cost[one.ticker] or 0) end
  end
  local balance = kalshi.balance()
  local bounds = {
    { "MAX_POSITION_SIZE_USD", settings.MAX_POSITION_SIZE_USD - here },
    { "MAX_SINGLE_MARKET_PERCENT", settings.MAX_SINGLE_MARKET_PERCENT / 100 * (balance + total) - here },
    { "MAX_TOTAL_EXPOSURE_USD", settings.MAX_TOTAL_EXPOSURE_USD - total },
    { "MIN_ACCOUNT_BALANCE_USD", balance - settings.MIN_ACCOUNT_BALANCE_USD },
  }
  local least = bounds[1]
  for _, bound in ipairs(bounds) do
    if bound[2] < least[2] then least = bound end
  end
  return math.max(least[2], 0), least[1], balance
end

-- ---- decisions ----

-- Contracts that pay if the market's outcome comes, less those that pay if not.
local function position_on(event, market)
  local held = holdings()
  local contracts = held[market.ticker] or 0
  if event.opposites then
    for _, other in ipairs(event.markets) do
      if other ~= market then contracts = contracts - (held[other.ticker] or 0) end
    end
  end
  return contracts, held[market.ticker] or 0
end

-- What buying one side of a market would be: sizing's decision, and whether it closes what is held.
local function consider(event, market, side, probability, budget, bankroll)
  local position, here = position_on(event, market)
  if side == "no" then position, here, probability = -position, -here, 1 - probability end
  local o = {
    probability = probability, levels = market.book:asks(LEVELS, side), bankroll = bankroll, fees = event.fees,
    position = position, min_edge = settings.MIN_EDGE_PCT / 100, fraction = settings.KELLY_FRACTION, max_cost = budget,
  }
  local closes = here <= -1 -- a contract or more of the other side is held here, and each closed frees a dollar
  if closes then
    o.min_edge, o.fraction, o.max_count, o.max_cost = settings.EXIT_EDGE_PCT / 100, 1, math.floor(-here), nil
    o.bankroll = bankroll - here
  end
  local bet = sizing.contracts(o)
  bet.side, bet.closes, bet.probability, bet.ask = side, closes, probability, o.levels[1] and o.levels[1][1]
  bet.break_even = bet.ask and sizing.break_even(bet.ask, event.fees)
  return bet
end

local function describe(bet)
  if not bet.ask then return bet.side:upper() .. " is not offered" end
  return ("%s at %.4f costs %.4f with its fee, and is worth %.4f"):format(bet.side:upper(), bet.ask, bet.break_even,
    bet.probability)
end

-- Why nothing is bought, in the order in which it is looked at; else the bet.
local function decide(event, market, answer)
  if market.book.stale then return "stale_book", "the book is being repaired" end
  if not answer then return "no_answer", market.problem end
  local age = kalua.now() - answer.as_of
  if age > settings.MAX_ANSWER_AGE_S then
    return "old_answer", ("the probability is %.0f seconds old, and MAX_ANSWER_AGE_S is %g"):format(age,
      settings.MAX_ANSWER_AGE_S)
  end
  if answer.confidence < settings.MIN_CONFIDENCE then
    return "low_confidence", ("the provider is sure to %.2f, and MIN_CONFIDENCE is %g"):format(answer.confidence,
      settings.MIN_CONFIDENCE)
  end
  local budget, bound, bankroll = room(event, market)
  local yes = consider(event, market, "yes", answer.probability, budget, bankroll)
  local no = consider(event, market, "no", answer.probability, budget, bankroll)
  local best = no.expected_value > yes.expected_value and no or yes
  if best.count > 0 then return nil, nil, best end
  for _, bet in ipairs{ yes, no } do
    local by = bet.limited_by
    if by == "max_cost" then return bound, ("%s; %s leaves %.2f dollars"):format(describe(bet), bound, budget) end
    if by == "position" then return "position", describe(bet) .. "; as much as Kelly asks for is held" end
    if by == "step" or by == "fees" then return "too_small", describe(bet) .. "; less than a contract" end
  end
  return "no_edge", describe(yes) .. "; " .. describe(no)
end

-- Waits until an order has ended: when its answer was lost that is when it was found out, and nothing else is bought
-- meanwhile.
local function ended(order)
  while order.status == "pending" or order.status == "unknown" do
    if not order:wait(5) then log.warn("nobody knows yet what became of an order", { order = order.client_id }) end
  end
  return order
end

-- Takes what is there up to the limit price, and leaves nothing resting. Returns the order.
local function place(ticker, side, price, count)
  return ended(kalshi.order{ ticker = ticker, side = side, price = price, count = count, time_in_force = "ioc" })
end

-- What the version before, or the run before, had on its way.
local function take_over()
  for _, order in ipairs(kalshi.own_orders()) do
    if ended(order).filled > 0 then today.trades = today.trades + 1 end
  end
end

-- Waits until the account shows what was filled and paid, so that the next decision counts it.
local function settle(ticker, before, cash, change)
  local until_ = kalua.now() + SETTLE
  while kalua.now() < until_ do
    local held = holdings()
    local there = math.abs((held[ticker] or 0) - before - change) < 0.005
    if there and (change == 0 or kalshi.balance() ~= cash) then return end
    task.sleep(0.05)
  end
  log.warn("the account does not show the position that was expected", { ticker = ticker })
end

local forecasts = calibration.record(kalua.state.forecasts)

-- Buys, follows the order to its end, and records both.
local function buy(game, market, answer, bet, d)
  local before, cash = holdings()[market.ticker] or 0, kalshi.balance()
  d.action, d.code, d.side, d.count, d.limit = bet.closes and "close" or "buy", "edge", bet.side, bet.count,
    bet.limit_price
  d.edge, d.expected_value, d.cost = bet.edge, bet.expected_value, bet.cost
  d.why = ("%s; count %g, limited by %s"):format(describe(bet), bet.count, bet.limited_by)
  local ok, order = pcall(place, market.ticker, bet.side, bet.limit_price, bet.count)
  if not ok then
    local err = type(order) == "table" and order or { kind = "script", message = tostring(order) }
    if err.kind == "cancelled" then error(order, 0) end
    d.action, d.code = "refused", err.kind == "risk" and "risk:" .. tostring(err.code) or err.kind
    d.why = d.why .. "; " .. err.message
    record(game, d)
    -- A breaker of the host, or what only a person can put right.
    return (err.kind == "risk" and (err.code == "halted" or err.code == "max_daily_loss")) and d.why or nil
  end
  d.order_id, d.filled, d.average_price, d.fees = order.id, order.filled, order.average_price, order.fees
  if order.filled > 0 then
    today.trades = today.trades + 1
    forecasts:forecast(market.ticker .. "#" .. today.date .. "#" .. today.trades, answer.probability)
    kalua.state.forecasts = forecasts:save()
    d.why = d.why .. ("; bought %g at %.4f"):format(order.filled, order.average_price or bet.limit_price)
  else
    d.code, d.why = "not_filled", d.why .. "; somebody was faster, nothing was bought"
  end
  record(game, d)
  settle(market.ticker, before, cash, bet.side == "yes" and order.filled or -order.filled)
end

-- ---- a game ----

-- The answer for each market, or what kept it from coming. Of two opposites only one is asked about.
local function ask(provider, game, event)
  for i, market in ipairs(event.markets) do
    if event.opposites and i == 2 then
      local first = event.markets[1]
      local a = first.answer
      market.problem = first.problem
      market.answer = a and { probability = 1 - a.probability, confidence = a.confidence, reasons = a.reasons,
        as_of = a.as_of }
    else
      local ok, answer = pcall(provider.probability, game, market)
      if not ok and type(answer) == "table" and (answer.kind == "cancelled" or answer.kind == "permission") then
        error(answer, 0)
      end
      market.answer, market.problem = ok and answer or nil, not ok and tostring(answer) or nil
    end
  end
end

-- One look at everything. Returns why betting ends, or nil.
local function look(provider, game, events)
  for _, event in ipairs(events) do
    ask(provider, game, event)
    for _, market in ipairs(event.markets) do
      local bound, text = exhausted(events)
      if bound then
        record(game, { action = "stop", code = bound, why = text })
        return text
      end
      local answer = market.answer
      local d = {
        ticker = market.ticker, subject = market.subject, action = "none", bid = market.book:best_bid(),
        ask = market.book:best_ask(), probability = answer and answer.probability,
        confidence = answer and answer.confidence, reasons = answer and answer.reasons, as_of = answer and answer.as_of,
      }
      local code, why, bet = decide(event, market, answer)
      if bet then
        local stop = buy(game, market, answer, bet, d)
        if stop then return stop end
      else
        d.code, d.why = code, why
        record(game, d)
      end
    end
  end
end

-- An answer of the exchange that did not come, or not as it should: it may come the next time.
local PASSING <const> = { network = true, http = true, timeout = true, rate_limit = true }

-- What `fn` returns; nil and the error where it may be otherwise the next time.
local function try(fn, ...)
  local ok, result = pcall(fn, ...)
  if ok then return result end
  if type(result) == "table" and PASSING[result.kind] then return nil, result end
  error(result, 0)
end

-- Whether nothing can be traded any more: the game may be over for the exchange before its feed says so.
local function all_closed(events)
  for _, event in ipairs(events) do
    for _, market in ipairs(event.markets) do
      if market.book:best_bid() or market.book:best_ask() then return false end
    end
  end
  for _, event in ipairs(events) do
    for _, market in ipairs(event.markets) do
      local status = kalshi.get_market(market.ticker).market.status
      if status == "active" or status == "inactive" then return false end -- empty, or paused
    end
  end
  return true
end

-- What came, once it is known: for the forecasts that were bet on.
local function finish(game, events)
  local until_ = kalua.now() + RESULT
  for _, event in ipairs(events) do
    for _, market in ipairs(event.markets) do
      local result
      repeat
        local answer = try(kalshi.get_market, market.ticker)
        result = answer and answer.market.result
        if result ~= "yes" and result ~= "no" then result = nil end
        if not result then task.sleep(math.min(1, settings.POLL_SECONDS)) end
      until result or kalua.now() > until_
      for id in pairs(result and forecasts.open or {}) do
        if id:sub(1, #market.ticker + 1) == market.ticker .. "#" then forecasts:outcome(id, result == "yes") end
      end
    end
  end
  kalua.state.forecasts = forecasts:save()
  local score = forecasts:brier()
  record(game, {
    action = "end", code = "over", equity = equity({}), trades = today.trades, forecasts = score and score.count or 0,
    brier = score and score.score or nil, log_loss = forecasts:log_loss(0.001),
    why = "the game is over" .. (score and (", Brier score of the bets %.3f"):format(score.score) or ""),
  })
end

-- The bounds, for the host to keep whatever happens here. Where it was started with tighter ones, those hold.
local function bind_host()
  local in_force, wish = kalshi.limits(), settings.limits()
  for name, value in pairs(wish) do
    local now = in_force[name]
    if now then wish[name] = name == "min_balance" and math.max(now, value) or math.min(now, value) end
  end
  kalshi.limits(wish)
end

-- Whether the game goes on; nil while nobody can tell: then nothing is bought, and it is asked again.
local function goes_on(game, events)
  local on, err = try(function()
    games.refresh(game)
    return game.status ~= "closed" and not all_closed(events)
  end)
  if err then log.warn("the state of the game is not known: " .. tostring(err)) end
  return on
end

local function bet_on(word)
  local provider = require("providers." .. settings.PROVIDER)(settings)
  bind_host()
  local game = games.find(word, settings.LEAGUE_SERIES)
  local events = games.events(game)
  if #events == 0 then error(game.title .. " has no open market", 0) end
  for _, event in ipairs(events) do
    event.fees = sizing.fees(kalshi.get_series(event.series).series, event.event)
    event.fees.precision = 0.01 -- balances of most accounts are kept in cents, so a fill may cost one more
    for _, market in ipairs(event.markets) do market.book = kalshi.book(market.ticker) end
  end
  log.info(("betting on %s (%s) by %s"):format(game.title, mode, settings.PROVIDER))
  begin_day(events)
  take_over()

  local looks = 0
  while true do
    local on = goes_on(game, events)
    if on == false then return finish(game, events) end
    if on and (game.status == "inprogress" or settings.BET_BEFORE_START) then
      local stop = look(provider, game, events)
      if stop then
        log.warn("no more bets: " .. stop)
        return
      end
      looks = looks + 1
      if settings.LOOKS > 0 and looks >= settings.LOOKS then return end
    elseif on and said[game.id] == nil then
      record(game, { action = "none", code = "not_started", why = game.title .. " has not begun" })
    end
    task.sleep(settings.POLL_SECONDS)
  end
end

local function list()
  print(string.format("%-36s  %-34s %-10s %-9s %s", "GAME", "TITLE", "STATUS", "SCORE", "MARKETS"))
  for _, game in ipairs(games.list(settings.LEAGUE_SERIES)) do
    local score = game.home_points and (game.away_points or "?") .. ":" .. game.home_points or "-"
    local prices = {}
    for _, event in ipairs(games.events(game)) do
      for _, market in ipairs(event.markets) do prices[#prices + 1] = market.ticker end
    end
    print(string.format("%-36s  %-34.34s %-10s %-9s %s", game.id, game.title, game.status, score,
      table.concat(prices, " ")))
  end
end

local command, word = kalua.args[1], kalua.args[2]
if command == "games" then
  list()
elseif command == "bet" and word then
  bet_on(word)
else
  error("usage: kalua run value_bet.lua -- games | bet GAME", 0)
end
