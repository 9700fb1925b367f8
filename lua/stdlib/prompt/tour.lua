-- `:tour`: from "what is a market" to a first order on the embedded exchange, in twelve steps that can each be run.
local commands = require "prompt.commands"
local style = require "prompt.style"
local width = require "prompt.width"

local tour = {}

-- The steps: title, text (paragraphs), code (inputs), needs (names that code uses, made by earlier steps).
tour.steps = {
  {
    title = "What is a market",
    text = [[
A market asks a question that the world will answer, yes or no. A contract on the right answer pays one dollar, on
the wrong one nothing. So a price is a probability: at 0.42 dollars the others think that "yes" is 42 % likely.

bid is what somebody pays for a "yes" now, ask what somebody wants for one, spread what is between them. last is the
price of the last that was sold; closes says how long trading goes on. The last line is how the next page is asked
for.]],
    code = { [[kalshi.get_markets{ status = "open", limit = 8 }]] },
  },
  {
    title = "One market",
    text = [[
Of all open markets this finds the one whose prices are nearest to 0.50: nobody knows how that ends. A name that is
set stays: `m` is that market from now on.]],
    code = {
      [[
best, later = 1, math.floor(kalua.now()) + 3600
for x in kalshi.each.get_markets{ min_close_ts = later } do
  local far = math.max(0.5 - x.yes_bid_dollars, x.yes_ask_dollars - 0.5)
  if x.status == "active" and far < best then m, best = x, far end
end]],
      "m",
    },
  },
  {
    title = "Events and series",
    text = [[
Markets about one thing belong to an event, and what comes again each day or month is a series. Names say it:
KXHIGHNY is the temperature in New York, KXHIGHNY-26NOV26 that of one day, and with -B41.5 behind it one range of
degrees.

Tab completes names. Try it behind m.yes, and behind kalshi.get_market "KX, or in what runs next.]],
    code = { "kalshi.get_event(m.event_ticker).markets" },
    needs = { "m" },
  },
  {
    title = "The order book",
    text = [[
Offers that wait. The upper ones sell a "yes", the lower ones buy one; the best of both meet in the middle. It is
kept up to date while you type.]],
    code = { "book = kalshi.book(m.ticker)", "book" },
    needs = { "m" },
  },
  {
    title = "Two sides of one thing",
    text = [[
Who sells a "yes" at 0.28 buys a "no" at 0.72: that is one offer with two names, and the two prices make 1. Kalua
means "yes" unless you ask for the other.

A call may return several values. These return two: a price, and how many contracts there are at it.]],
    code = { "book:best_ask()", [[book:best_bid "no"]] },
    needs = { "m", "book" },
  },
  {
    title = "What would it cost",
    text = [[
The best price holds for so many contracts only; more of them go through the offers behind it. `sweep` says what an
order would get, and only looks: the average price, how many contracts there are for it, and the worst price.]],
    code = { [[book:sweep("buy", 500)]], [[book:sweep("buy", 5000)]] },
    needs = { "m", "book" },
  },
  {
    title = "What happens",
    text = [[
A call that waits lets all else go on, and Ctrl-C ends it. `wait` returns true as soon as the book changes, or false
after so many seconds.

A trade is an offer that somebody took. Here are the last ones.]],
    code = { "book:wait(5)", "kalshi.get_trades{ ticker = m.ticker, limit = 4 }.trades" },
    needs = { "m", "book" },
  },
  {
    title = "What was",
    text = [[
How the price went in a day: one candle an hour, from its lowest to its highest price, thick from the first to the
last; below, how many contracts were traded. Times are seconds since 1970. A list of numbers is drawn as a chart,
too.]],
    code = {
      [[
now = math.floor(kalua.now())
day = { start_ts = now - 86400, end_ts = now, period_interval = 60 }
list = {}
for c in kalshi.candlesticks(m.ticker, day) do table.insert(list, c) end]],
      "list",
    },
    needs = { "m" },
  },
  {
    title = "Your account",
    text = [[
On the embedded exchange you have play money. The same calls work with a key on the exchange's demo (`--env demo`)
and on the real one (`--env prod`); there nothing is ordered unless you say `--live`.]],
    code = { "kalshi.get_balance()", "kalshi.orders()" },
  },
  {
    title = "Your first order",
    text = [[
A bid for ten contracts of "yes" at one cent: nobody sells so cheaply, so it waits in the book. The last two fields
must be given: how long it may wait, and what happens when it would trade with yourself. `:help create_order` has
the rest.]],
    code = {
      [[
order = kalshi.create_order{
  ticker = m.ticker, side = "bid", price = 0.01, count = 10,
  time_in_force = "good_till_canceled",
  self_trade_prevention_type = "taker_at_cross",
}]],
      "order",
    },
    needs = { "m" },
  },
  {
    title = "Changing your mind",
    text = [[
What waits can be seen, and taken back. `kalshi.orders()` asks nobody: the exchange tells of every change. `{}` is a
list with nothing in it.]],
    code = { "kalshi.orders()", "kalshi.cancel_order(order.order_id).reduced_by", "kalshi.orders()" },
    needs = { "m", "order" },
  },
  {
    title = "Buying",
    text = [[
A bid at the price of the best ask is filled at once; what is no longer there is not waited for. What was bought is
a position: exposure is what it cost, and what you lose when the answer is no.]],
    code = {
      [[
kalshi.create_order{
  ticker = m.ticker, side = "bid", price = book:best_ask(), count = 5,
  time_in_force = "immediate_or_cancel",
  self_trade_prevention_type = "taker_at_cross",
}]],
      "kalshi.get_positions{ ticker = m.ticker }.market_positions",
    },
    needs = { "m", "book" },
  },
}

-- What is said behind the last step; %s: the market of the tour.
local STRATEGY = [[
What you typed, in a file and in a loop, is a strategy:

  local kalshi = require "kalshi"
  for book in kalshi.book("%s"):changes() do
    print(book.ticker, book:mid())
  end

Save that as first.lua and run `kalua first.lua`. It goes on with every change of the file that you save; `kalua
attach first` looks inside of it.

That was the tour. `:help FUNCTION` has an example of each function, `:help` lists what else there is.]]

-- What makes the names that later steps need, for who goes to one of them at once.
local makers = { m = tour.steps[2].code[1], book = tour.steps[4].code[1], order = tour.steps[10].code[1] }

local WIDEST = 90 -- of a paragraph; longer lines are hard to read

-- Paragraphs, as lines behind those of `out`.
local function add_text(text, o, out)
  for paragraph in (text .. "\n\n"):gmatch("(.-)\n\n+") do
    out[#out + 1] = ""
    if paragraph:find("^  ") then
      for line in paragraph:gmatch("[^\n]+") do out[#out + 1] = line end
    else
      for _, line in ipairs(width.wrap(paragraph, math.min(o.width - 1, WIDEST))) do out[#out + 1] = line end
    end
  end
  return out
end

---The lines of a step as they are shown: its number, title and paragraphs. o: width, colour.
function tour.lines(n, o)
  local step = tour.steps[n]
  local title = ("%d of %d: %s"):format(n, #tour.steps, step.title)
  return add_text(step.text, o, { style.paint(o.colour, style.BOLD, title) })
end

-- The inputs of a step, a line each, as they are shown before they run.
local function listing(n)
  local out = {}
  for _, code in ipairs(tour.steps[n].code) do
    for line in code:gmatch("[^\n]+") do out[#out + 1] = "  " .. line end
  end
  return table.concat(out, "\n")
end

local function count_lines(text)
  return select(2, text:gsub("\n", "\n")) + 1
end

-- Runs the inputs of a step as if each had been typed; false when one failed. `entered`: the first is on the screen.
local function run_step(session, n, entered)
  local step = tour.steps[n]
  local _, rows = session.terminal:size() -- text and values are to be seen together
  rows = rows - #tour.lines(n, session:drawing()) - count_lines(listing(n)) - 2
  for i, code in ipairs(step.code) do
    if i > 1 or not entered then session:print(session:as_typed(code)) end
    if not session:show(session:evaluate(code), { rows = math.max(rows, 8) }) then return false end
  end
  return true
end

-- What is missing of the names that a step needs is made, in sight: who came straight to it sees how.
local function make_needed(session, step)
  for _, name in ipairs(step.needs or {}) do
    local looked = session:evaluate(name .. " == nil", { silent = true })
    if looked.status ~= "value" then return session:show(looked) end
    if looked.values[1] == true then
      session:print(session:as_typed(makers[name]))
      if not session:show(session:evaluate(makers[name])) then return false end
    end
  end
  return true
end

-- Shows a step; false when what it needs cannot be made. Where there is a terminal to draw on, what an empty line does
-- now stands below that line; else it is told before it.
local function show_step(session, n)
  session.tour.step, session.tour.ran = n, false
  if not make_needed(session, tour.steps[n]) then return false end
  session:print(table.concat(tour.lines(n, session:drawing()), "\n") .. "\n")
  if session.terminal:plain() then session:print("\n" .. listing(n) .. "\n\nEnter runs it.") end
  return true
end

local function show_strategy(session)
  local market = session:evaluate("m.ticker", { silent = true })
  local ticker = market.status == "value" and market.values[1]
  local text = STRATEGY:format(type(ticker) == "string" and ticker or "TICKER")
  session:print(table.concat(add_text(text, session:drawing(), {}), "\n", 2))
end

local function leave(session)
  session.tour, session.on_empty = nil, nil
end

-- What an empty line does during the tour (see main.lua): it runs a step, or shows the next one.
local on_empty = {}

-- What it says below an empty line.
function on_empty.hint(session)
  local at = session.tour
  if not at.ran then return listing(at.step) .. "\nEnter runs this. :tour end leaves the tour." end
  local next_step = tour.steps[at.step + 1]
  return "Enter goes on: " .. (next_step and next_step.title or "A strategy") .. ". Or try something of your own first."
end

-- The input that stands in its place.
function on_empty.input(session)
  local at = session.tour
  if at.ran then return nil end
  at.entered = true
  return tour.steps[at.step].code[1]
end

function on_empty.run(session)
  local at = session.tour
  if at.ran and at.step == #tour.steps then
    leave(session)
    show_strategy(session)
    return true
  elseif at.ran then
    return show_step(session, at.step + 1)
  end
  local entered = at.entered
  at.entered = false
  if not run_step(session, at.step, entered) then
    session:print(at.step == #tour.steps and "That failed. Enter tries it again; :tour end leaves the tour."
      or ("That failed. Enter tries it again, :tour %d goes on, :tour end leaves the tour."):format(at.step + 1))
    return false
  end
  at.ran = true
  if session.terminal:plain() then
    session:print("\n" .. on_empty.hint(session))
  end
  return true
end

local function run_all(session)
  for n = 1, #tour.steps do
    session:print(table.concat(tour.lines(n, session:drawing()), "\n") .. "\n")
    if not run_step(session, n) then return false end
    session:print("\n")
  end
  show_strategy(session)
end

commands.add{
  name = "tour", usage = ":tour [STEP|all|end]",
  help = "a tour in twelve steps, to your first order on the embedded exchange",
  detail = "An empty line runs what a step shows, and the next one goes on; what you type yourself runs in between. "
    .. ":tour 5 goes to the fifth step, :tour all runs all of them at once, :tour end leaves.",
  run = function(session, text)
    if text == "end" then return leave(session) end
    if session.ready.env ~= "sim" then
      error({ kind = "validation",
        message = "the tour buys and sells, so it is for the embedded exchange only: kalua repl --env sim" }, 0)
    end
    if not session.armed then error({ kind = "permission", message = "the tour buys and sells: :arm first" }, 0) end
    if text == "all" then return run_all(session) end
    local step = text == "" and (session.tour and session.tour.step or 1) or commands.whole(text, "a step")
    if not tour.steps[step] then
      commands.usage(("the tour has the steps 1 to %d"):format(#tour.steps))
    end
    session.tour, session.on_empty = {}, on_empty
    return show_step(session, step)
  end,
  complete = function(_, text) return commands.offer(text, { { text = "all" }, { text = "end" } }) end,
}

return tour
