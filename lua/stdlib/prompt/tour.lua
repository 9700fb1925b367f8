-- `:tour`: from "what is a market" to a first order on the embedded exchange, in twelve steps that can each be run.
local commands = require "prompt.commands"

local tour = {}

-- The steps: title, text (paragraphs), code (an input, or several).
tour.steps = {
  {
    title = "What is a market",
    text = [[
A market asks a question about the world that will be answered yes or no. A contract on the right answer pays one dollar,
on the wrong one nothing. So a price is a probability: who pays 0.42 for a "yes" thinks that it is 42 % likely, or more.

These are some open ones. bid and ask are what others pay and want for a "yes" at this moment.]],
    code = { [[kalshi.get_markets{ status = "open", limit = 8 }]] },
  },
  {
    title = "One market",
    text = [[
Let us look for one that is undecided, with buyers and sellers close to each other. `kalshi.each` goes through all pages
of an answer by itself. A name that is set at the prompt stays: `m` is yours from here on.]],
    code = {
      [[
for x in kalshi.each.get_markets{ status = "open" } do
  local spread = x.yes_ask_dollars - x.yes_bid_dollars
  if x.yes_bid_dollars > 0.2 and x.yes_ask_dollars < 0.8 and spread <= 0.05 then m = x break end
end]],
      "m",
    },
  },
  {
    title = "Events and series",
    text = [[
Markets that share a question belong to an event, like the temperature of one day in ranges, of which exactly one will
be right. What comes again every day or week is a series. Names say it: KXHIGHNY is the series, KXHIGHNY-26NOV26 its event of
that day, and -B41.5 behind it the market of one range. Press Tab in a ticker, and it is completed.]],
    code = { "kalshi.get_event(m.event_ticker).markets" },
  },
  {
    title = "The order book",
    text = [[
Offers that wait are the order book. This one is live: it is kept up to date while you type, also while nothing waits
for it. Below are those who buy "yes", above those who sell it; the bars say how much.]],
    code = { "book = kalshi.book(m.ticker)", "book" },
  },
  {
    title = "Two sides of one thing",
    text = [[
Who sells a "yes" at 0.28 buys a "no" at 0.72: that is one offer with two names. Kalua shows the side of "yes" unless you ask for
the other one. A call may return several values; this one returns a price and a count of contracts.]],
    code = { "book:best_bid()", [[book:best_ask "no"]] },
  },
  {
    title = "What would it cost",
    text = [[
The best price holds for so many contracts only; more of them go through the offers behind it. `sweep` says what an order
would get: the average price, how many are filled, and the worst price paid. It only looks.]],
    code = { [[book:sweep("buy", 500)]], [[book:sweep("buy", 5000)]] },
  },
  {
    title = "Waiting",
    text = [[
A call that waits lets everything else go on, and Ctrl-C ends it. `wait` returns at the next change of the book,
or false when the time is over.]],
    code = { "book:wait(10)", "book:best_bid()" },
  },
  {
    title = "What was",
    text = [[
The last trades, newest first; and how the price went, one candle an hour. What is a row of numbers is drawn as a chart.]],
    code = {
      "kalshi.get_trades{ ticker = m.ticker, limit = 5 }.trades",
      [[
series = kalshi.get_event(m.event_ticker).event.series_ticker
candles = kalshi.get_market_candlesticks(series, m.ticker,
  { start_ts = kalua.now() // 1 - 86400, end_ts = kalua.now() // 1, period_interval = 60 })]],
      "candles.candlesticks",
    },
  },
  {
    title = "Your account",
    text = [[
On the embedded exchange you have play money. The same calls work with a key on the exchange's demo and on the real one; there,
nothing is bought before you say --live.]],
    code = { "kalshi.get_balance()" },
  },
  {
    title = "Your first order",
    text = [[
Ten contracts of "yes" at a price below the best bid, so that it waits in the book. `side` is "bid" or "ask" of the "yes";
`:help create_order` has the rest.]],
    code = {
      [[
order = kalshi.create_order{ ticker = m.ticker, side = "bid", price = book:best_bid() - 0.05, count = 10,
  time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross" }]],
      "order",
    },
  },
  {
    title = "Changing your mind",
    text = [[
What rests can be seen and taken back. `kalshi.orders` needs no call over the network: the exchange tells of every change.]],
    code = { "kalshi.orders()", "kalshi.cancel_order(order.order_id)", "kalshi.orders()" },
  },
  {
    title = "Buying for real, and what comes next",
    text = [[
An order at the best ask is filled at once. Then look at what you have.

A strategy is a file with what you have just typed, in a loop. Save this as first.lua and start it with `kalua first.lua`; change
the file while it runs, and see it go on with the new version; `kalua attach first` looks inside.

  local kalshi = require "kalshi"
  local book = kalshi.book(kalua.args[1])
  for b in book:changes() do print(b:best_bid(), b:best_ask()) end

`:help` knows every function, `:help FUNCTION` has an example of each.]],
    code = {
      [[
taken = kalshi.create_order{ ticker = m.ticker, side = "bid", price = book:best_ask(), count = 5,
  time_in_force = "immediate_or_cancel", self_trade_prevention_type = "taker_at_cross" }]],
      "taken",
      "kalshi.get_positions{ ticker = m.ticker }.market_positions",
    },
  },
}

-- The text of a step as it is shown, for a width.
function tour.text(n, o)
  local step = tour.steps[n]
  local bold, plain = o.colour and "\27[1m" or "", o.colour and "\27[0m" or ""
  local out = { ("%s%d of %d: %s%s"):format(bold, n, #tour.steps, step.title, plain), "" }
  for paragraph in (step.text .. "\n\n"):gmatch("(.-)\n\n+") do
    if paragraph:find("^  ") then
      out[#out + 1] = paragraph
    else
      local line = ""
      for word in paragraph:gmatch("%S+") do
        if #line > 0 and #line + 1 + #word > math.min(o.width, 100) then
          out[#out + 1] = line
          line = word
        else
          line = #line > 0 and line .. " " .. word or word
        end
      end
      out[#out + 1] = line
    end
    out[#out + 1] = ""
  end
  for _, code in ipairs(step.code) do
    for line in code:gmatch("[^\n]+") do out[#out + 1] = "    " .. line end
  end
  return table.concat(out, "\n")
end

-- Runs the code of a step, each input as if it had been typed; false when one failed.
local function run_step(session, n)
  for _, code in ipairs(tour.steps[n].code) do
    session:print(session:as_typed(code))
    if not session:show(session:evaluate(code)) then return false end
  end
  return true
end

local function leave(session)
  session.tour, session.on_empty = nil, nil
end

-- What an empty line does during the tour: it runs the step, then shows the next one.
local function go_on(session)
  local at = session.tour
  if not at.ran then
    if not run_step(session, at.step) then
      session:print("That failed. Enter tries it again, :tour " .. at.step + 1 .. " goes on, :tour end leaves the tour.")
      return false
    end
    at.ran = true
    if at.step == #tour.steps then
      session:print("\nThat was the tour. :help is there for the rest.")
      return leave(session)
    end
    session:print("\nEnter goes on; or try something of your own first.")
    return true
  end
  at.step, at.ran = at.step + 1, false
  session:print(tour.text(at.step, session:drawing()) .. "\n\nEnter runs it.")
  return true
end

local function run_all(session)
  for n = 1, #tour.steps do
    session:print(tour.text(n, session:drawing()) .. "\n")
    if not run_step(session, n) then return false end
    session:print("")
  end
end

commands.add{
  name = "tour", usage = ":tour [STEP|all|end]", help = "a tour in twelve steps, to your first order on the embedded exchange",
  detail = "An empty line runs what a step shows, and the next one goes on. :tour 5 goes to the fifth step, :tour all runs "
    .. "all of them at once, :tour end leaves.",
  run = function(session, text)
    if text == "end" then return leave(session) end
    if session.ready.env ~= "sim" then
      error({ kind = "validation",
        message = "the tour buys and sells, so it is for the embedded exchange only: kalua repl --env sim" }, 0)
    end
    if not session.armed then error({ kind = "permission", message = "the tour buys and sells: :arm first" }, 0) end
    if text == "all" then return run_all(session) end
    local step = text == "" and (session.tour and session.tour.step or 1) or math.tointeger(tonumber(text))
    if not tour.steps[step] then
      error({ kind = "usage", message = ("the tour has the steps 1 to %d"):format(#tour.steps) }, 0)
    end
    session.tour, session.on_empty = { step = step, ran = false }, go_on
    session:print(tour.text(step, session:drawing()) .. "\n\nEnter runs it.")
  end,
  complete = function() return { { text = "all" }, { text = "end" } }, 0 end,
}

return tour
