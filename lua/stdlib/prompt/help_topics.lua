-- Pages of help about what is no single function. A line that begins with "> " is code, which the tests run.
return {
  {
    name = "keys", title = "Keys",
    text = [[
Enter runs what is typed; where Lua could not end there, it goes on in the next line. An empty line ends it all the
same. Tab completes names, fields, parameters, their values and tickers; again: through the list. Below the line
stands what comes next, with its type.

- Ctrl-C drops what is typed, or cancels the call that runs; what a script has started goes on
- Ctrl-D leaves, as :quit does
- Up, Down, Page Up, Page Down: what was typed before; Ctrl-R searches in it
- Alt-. the last word of the input before
- Alt-Enter or Ctrl-O: a new line here; Tab at its begin indents
- Ctrl-A, Ctrl-E or Home, End: to the ends of the line; Alt-B, Alt-F: by words; Alt-<, Alt->: to the ends of all
- Ctrl-W, Ctrl-U, Ctrl-K, Alt-D: delete a word, to the begin, to the end, the next word; Ctrl-Y brings it back
- Ctrl-_ undoes; Ctrl-T swaps two characters; Ctrl-L clears the screen

Pasted lines stay one text until Enter. What was typed is kept for the next time, without secrets.]],
  },
  {
    name = "prices", title = "Prices, counts and money",
    text = [[
A contract of YES pays 1 dollar when the market comes true, one of NO when it does not. A price is in dollars,
0.0001 to 0.9999, and so also a probability: 0.42 is 42 %. A count is in contracts, in steps of 0.01. Money is in
dollars, a time in seconds since 1970 unless its name ends in _ms.

A price of YES of 0.42 is one of NO of 0.58. Who bids for NO at 0.58 offers YES at 0.42: there is one book, seen
here from the side of YES. Books show the other side for "no":

> book = kalshi.book(ticker)
> print(book:best_bid(), book:best_ask())
> print(book:best_bid "no", book:best_ask "no")

Orders are on YES: side "bid" buys YES, "ask" sells YES or buys NO. To buy NO at q, ask at 1 - q.

Every market has its own grid of prices, mostly cents; in its field price_ranges. A number that is not on the grid
is an error, not a rounding. Fields that end in _dollars or _fp are numbers here; with raw = true they are the
exchange's texts.]],
  },
  {
    name = "waiting", title = "Calls that wait",
    text = [[
A call that asks the exchange waits for the answer; help says (waits) behind its name. Only the task that called
waits: books, tasks and what is typed at another prompt go on. Here Ctrl-C cancels the call, and nothing else.

More than one at a time are tasks:

> results = task.all{
>   function() return kalshi.get_market(ticker).market.yes_ask_dollars end,
>   function() return kalshi.book(ticker):mid() end,
> }
> results

Something that goes on in the background:

> watcher = task.spawn(function() for b in kalshi.book(ticker):changes() do last = b:mid() end end)
> task.sleep(0.2)
> last
> watcher:cancel()

task.timeout(seconds, fn) gives up after a time; in calls of the exchange `timeout` is a parameter. :tasks lists
what runs.]],
  },
  {
    name = "errors", title = "Errors",
    text = [[
A call that fails raises a table with `kind` and `message`, and where they are known `status`, `code`, `operation`,
`retryable`. pcall catches it:

> ok, err = pcall(kalshi.get_market, "NO-SUCH-MARKET")
> print(err.kind, err.status, err.message)

- validation: refused before anything was sent; the message names the argument
- http: the exchange said no; code and status are its own
- auth: the key is missing, wrong, or may not do this. `kalua doctor` looks for the reason
- rate_limit: too many calls, although they are spread out here; another program uses the same account
- network, timeout: no answer came. For an order, code says what is known: see :help money
- overflow: the script was too slow for a queue that loses nothing in silence
- limit: the script would hold or do more than it may; the message names the option
- permission: a flag (--allow-…, --live) or :arm is needed; the message names it
- cancelled, closed: somebody ended it
- shadow: the script runs on paper, where this has no effect

nil is never an error: it means that something is not there, like the best bid of an empty book.]],
  },
  {
    name = "reload", title = "Reloading",
    text = [[
Save the file of a strategy, or type :reload: the new version is started beside the old one and takes over between
two events. Connections, books, resting orders and kalua.state stay; globals, tasks and timers begin anew. When the
new version is wrong, the old one goes on and the error is shown; for ten seconds an error brings the old one back.

Keep in kalua.state what the next version needs: plain data, tables of numbers, texts and booleans.

> kalua.state.fair = 0.43
> kalua.generation

See :help kalua.on_stop, :help kalua.migrate, :help kalua.on_probation. What was defined at the prompt is not part
of the strategy and is gone after a reload.]],
  },
  {
    name = "paper", title = "Without risk",
    text = [[
`kalua repl` without more runs an exchange inside the process, with traders that are made up: every order is real
there and worth nothing. kalua.env says where you are: "sim" is that exchange, "demo" Kalshi's, with play money,
"prod" the real one.

> kalua.env

On prod no order is sent without --live: until then orders are paper, filled here by live market data, as they are
elsewhere with --paper; kalua.paper says so. A strategy can also run beside the one that trades (`kalua run
--shadow`): it sees the same events, and its orders are noted instead of sent.

A prompt that is attached to a running strategy only looks, until :arm.]],
  },
  {
    name = "money", title = "Orders and the account",
    text = [[
An order is placed with kalshi.order: side "yes" or "no", bought unless action = "sell"; or "bid" or "ask" for YES.

> order = kalshi.order{ ticker = ticker, side = "yes", price = 0.01, count = 2, post_only = true }
> order
> print(order.status, order.filled, order.remaining)
> order:amend{ price = 0.02 }
> order:cancel()

It knows what becomes of it: order:wait_fill(5), `for o in order:changes()`. kalshi.own_orders() has those of this
script. Module orders does more with them: :help orders.take, orders.bracket, orders.ladder.

kalshi.orders, fills, positions and balance answer from memory, once the account was read. kalshi.cancel_all()
cancels everything that rests. kalshi.portfolio() says what it has come to.

When the answer to an order is lost, nothing is sent again blindly: it is looked up what became of it, and until that
is known its status is "unknown". Raw calls as kalshi.create_order return the answer with resolved = true when it
happened; code "not_done" says that it did not, "outcome_unknown" that nobody can tell yet.

Calls wait for their rate limits by themselves, cancels first: kalshi.budget(). Fees are part of the account's
fills.]],
  },
  {
    name = "books", title = "Live books",
    text = [[
kalshi.book(ticker) opens a book that is kept up to date while you do other things. One for all that hold it.

> book = kalshi.book(ticker)
> book
> print(book:best_bid(), book:best_ask(), book:spread(), book:mid())
> print(book:sweep("buy", 500))

`for b in book:changes()` turns once for each change or more, with the book as it is; `for d in book:deltas()` for
every single change. book.stale is true while something is repaired: what it says then is what was last known.

`:help kalshi.Book` lists everything; `kalua book TICKER` shows one in the shell.]],
  },
  {
    name = "streams", title = "Streams",
    text = [[
kalshi.subscribe asks for channels of the exchange, like "trade", "ticker" and "fill"; "kalshi.status" tells of the feed
itself. `:help channels` lists them all.

> sub = kalshi.subscribe{ channels = { "ticker" }, market_tickers = { ticker }, send_initial_snapshot = true }
> for m in sub:messages() do print(m.type, m.yes_bid_dollars, m.yes_ask_dollars) break end
> sub:close()

A loop over messages goes on until it is left; in a task (task.spawn) it leaves the prompt free. `kalua tail
CHANNEL` prints a channel in the shell.]],
  },
  {
    name = "searching", title = "Finding a market",
    text = [[
Markets belong to events, events to series: KXHIGHNY is the highest temperature in New York, KXHIGHNY-26NOV26 that
of a day, KXHIGHNY-26NOV26-B41.5 one range of it. Tab completes what was seen so far.

> kalshi.get_series_list{ category = "Climate and Weather" }.series
> for e in kalshi.each.get_events{ status = "open", max = 5 } do print(e.event_ticker, e.title) end
> for m in kalshi.each.get_markets{ series_ticker = "KXHIGHNY", status = "open" } do print(m.ticker) end

The tightest ones:

> rows = {}
> for m in kalshi.each.get_markets{ status = "open", mve_filter = "exclude" } do
>   if m.yes_bid_dollars > 0 then rows[#rows + 1] = m end
> end
> table.sort(rows, function(a, b)
>   return a.yes_ask_dollars - a.yes_bid_dollars < b.yes_ask_dollars - b.yes_bid_dollars
> end)
> table.move(rows, 1, 5, 1, {})]],
  },
  {
    name = "values", title = "How values are shown",
    text = [[
An expression prints its value; `_` is the last one. Markets, books, orders and the like are drawn, other tables are
shown as Lua.

- :full EXPR shows all of it
- :lua EXPR prints Lua that can be pasted back, :json EXPR prints JSON
- :time EXPR says how long it took

> kalshi.get_markets{ status = "open", limit = 5 }
> #_.markets]],
  },
  {
    name = "lua", title = "Lua in a minute",
    text = [[
> x = 0.42                                     -- a variable
> t = { 10, 20, name = "list and fields" }     -- a table; t[1] is 10, #t is 2
> if x > 0.4 then print "dear" elseif x > 0.2 then print "fair" else print "cheap" end
> for i, v in ipairs(t) do print(i, v) end
> for key, v in pairs(t) do print(key, v) end
> function half(v) return v / 2 end            -- half(3) is 1.5
> ("%.2f"):format(half(x))                     -- text; .. joins texts
> f = function(...) return select("#", ...) end

A call with one table or text needs no parentheses: kalshi.get_markets{ status = "open" }. Names stay from one
input to the next. ~= is "not equal", `and`, `or`, `not` are what they say, nil and false are false,
all else is true.

:help string, :help table, :help math list the libraries; `:help _G` what needs no module.]],
  },
}
