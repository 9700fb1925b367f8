-- What a script meets: Lua, arguments, permissions, ceilings.
return {
  {
    name = "lua", title = "Lua", kind = "",
    {
      "nil_value", says = {
        "attempt to index a nil value", "attempt to call a nil value", "attempt to perform arithmetic on a nil value",
        "attempt to concatenate a nil value", "attempt to compare nil with", "attempt to compare number with nil",
        "attempt to compare string with nil",
      },
      what = "The script used something that is not there; the message names it, with file and line.",
      why = "`book:best_bid()` and `book:best_ask()` are nil while that side of the book is empty, "
        .. "`kalshi.find_order` where there is none, and fields that the exchange left out are nil. A misspelt name "
        .. "is nil, too.",
      todo = {
        "`local ask = book:best_ask()`, then `if ask then … end`.",
        "A function that is not there: `:help kalshi` at the prompt lists those of a module.",
      },
      see = { "scripts.md", "prompt.md" },
    },
    {
      "cannot_yield_here", kind = "validation", says = { "cannot wait here, inside a C function" },
      what = "A call that waits was made where Lua cannot be suspended.",
      why = "Inside a function that C calls and waits for: the comparison of `table.sort`, the replacement of "
        .. "`string.gsub`, a metamethod called by C, the loading of a module in C.",
      todo = {
        "Ask before: read what the comparison needs into a table, then sort.",
        "Or let a task do it: `task.spawn(function() … end)`.",
      },
      see = { "scripts.md" },
    },
    {
      "module_not_found", says = { "not found: it is no module of kalua" },
      what = "`require` did not find the module.",
      why = "It looks in KALUA_PATH, among Kalua's own modules, and beside the script. Modules written in C are "
        .. "not loaded.",
      todo = { "Put the file beside the script, or its folder into `KALUA_PATH`; `a.b` is the file `a/b.lua`." },
      see = { "scripts.md" },
    },
    {
      "module_loop", says = { "is being loaded already: modules require each other" },
      what = "Modules require each other in a circle.",
      why = "None of them can be whole before the other.",
      todo = { "Move what both need into a third module, or require within the function that uses it." },
    },
    {
      "stack_overflow", says = { "stack overflow" },
      what = "A function called itself too often.",
      why = "It never comes to the case in which it ends, or a `__index` leads back to itself.",
      todo = { "The traceback shows which; a loop does the same without a stack." },
    },
    {
      "pattern_too_complex", says = { "pattern too complex" },
      what = "A pattern of `string.find`, `match` or `gsub` needs too many steps within steps.",
      why = "Nested repetitions on a long text.",
      todo = { "Split the text first, or use a simpler pattern." },
    },
    {
      "deadlock", kind = "validation", says = { "deadlock: every task waits" },
      what = "Tasks wait for each other, and nothing else can wake one of them.",
      why = "A task waits for itself, or on a channel that nobody sends to any more.",
      todo = { "Close channels when the senders are done: `channel:close()`; give waits a time limit." },
      see = { "scripts.md" },
    },
    {
      "script_stopping", kind = "closed",
      what = "The script is stopping and starts no tasks any more.",
      why = "Its `on_stop` handlers run, or are over.",
      todo = { "Do it in the handler itself, which may wait for up to three seconds." },
      see = { "scripts.md" },
    },
    {
      "task_timeout", kind = "timeout", exit = 4,
      what = "A `task.timeout` was over before its function had ended; the function was cancelled.",
      why = "That is what it is for.",
      todo = {
        "Catch it where it may happen: `local ok, err = pcall(task.timeout, 5, fn)`; `err.kind` is \"timeout\".",
      },
      see = { "scripts.md" },
    },
    {
      "no_such_task", kind = "validation",
      what = "There is no such task or frame any more.",
      why = "It has ended or gone on since it was listed.",
      todo = { "`:tasks` lists those that there are." },
      see = { "prompt.md" },
    },
    {
      "breakpoint_wrong", kind = "validation",
      what = "The breakpoint cannot be set there.",
      why = "It is `FILE:LINE`, or that with ` if CONDITION` behind it; the file must be one that the script has "
        .. "loaded, the line one with code.",
      todo = { "`:break` lists what there is, `:break maker.lua:12 if price > 0.5` sets one." },
      see = { "prompt.md" },
    },
  },
  {
    name = "arguments", title = "Arguments of functions", kind = "validation",
    {
      "unknown_operation",
      what = "The exchange has no operation of that name.",
      why = "It is misspelt, or is a helper of another module. The message proposes the nearest.",
      todo = { "`kalua api --list` names all, `:help kalshi` at the prompt explains them." },
      see = { "operations.md" },
    },
    {
      "operation_replaced",
      what = "The operation has been replaced or removed by the exchange.",
      why = "The exchange's API moves on. The old name still exists in `kalshi.legacy`, as long as the exchange "
        .. "answers it.",
      todo = { "Use the one that the message names." },
      see = { "operations.md" },
    },
    {
      "unknown_parameter",
      what = "The operation has no parameter of that name.",
      why = "A misspelt parameter would be left out in silence, and an order would be another one than you meant.",
      todo = { "`kalua api OPERATION --help` lists them." },
      see = { "operations.md" },
    },
    {
      "unknown_option",
      what = "The function has no option of that name.",
      why = "The message proposes the nearest, or lists all.",
      todo = { "`:help FUNCTION` at the prompt." },
    },
    {
      "missing_parameter",
      what = "Something that the call needs was not given.",
      why = "A variable in its place may be nil: `ticker = market.tikcer` gives nothing.",
      todo = { "The message names it; print what you pass." },
      see = { "operations.md" },
    },
    {
      "unknown_value",
      what = "The value is none of those that there are.",
      why = "The message lists them.",
      todo = { "Use one of them, in lower case as written." },
    },
    {
      "wrong_type",
      what = "A value has another type than is wanted.",
      why = "Numbers are not taken for texts, nor texts for numbers but where the message says so.",
      todo = { "`tonumber(text)`, `tostring(number)`, or look where the value comes from." },
    },
    {
      "wrong_arguments",
      what = "An argument is not what the function takes, or not in that form.",
      why = "The message says which one. Most functions take one table with names: `kalshi.order{ ticker = t, "
        .. "side = \"yes\", price = 0.42, count = 10 }`. Path parameters come first: `kalshi.get_market(ticker)`.",
      todo = { "`:help FUNCTION` at the prompt has an example." },
    },
    {
      "called_with_dot",
      what = "A method was called with a dot.",
      why = "`book.best_ask()` does not say which book; `book:best_ask()` does.",
      todo = { "Write a colon." },
    },
    {
      "contradicting_options",
      what = "Two of the things given do not go together.",
      why = "One says what the other says already, or its opposite.",
      todo = { "Leave one of them out; the message names both." },
    },
    {
      "malformed_value",
      what = "A text does not have the form that it must have.",
      why = "It is empty, too long, or no name, id, time or address of the kind that is wanted.",
      todo = { "The message has an example of the form." },
    },
    {
      "out_of_range",
      what = "A number is not in the range that is allowed.",
      why = "The message says the range. NaN and infinity are in none: they come from 0/0 and 1/0.",
      todo = { "Check it before the call: `if x == x and x < math.huge then`." },
    },
    {
      "history_filter",
      what = "The rows of the history cannot be filtered in that way.",
      why = "The exchange keeps old rows apart, and asks for them by fewer filters. Leaving one out would give other "
        .. "rows than were asked for.",
      todo = { "`history = false` for the live rows alone, or what the message proposes." },
      see = { "history.md" },
    },
    {
      "list_length",
      what = "A list has not as many elements as are needed.",
      why = "It is empty or too short, or two lists that belong together have different lengths; `nil` inside of a "
        .. "list ends it.",
      todo = { "Print `#list` before the call." },
    },
    {
      "not_in_order",
      what = "Values do not come in the order that they must have.",
      why = "Times of a series never go back, and levels of a book go from the best price to the worst.",
      todo = {
        "Of several sources of times take one, or a `stats` object for each; `book:asks(n)` has its levels in order.",
      },
    },
    {
      "probabilities_sum",
      what = "Probabilities do not add up to what they must.",
      why = "Of outcomes that exclude each other all together come with a probability of 1, some of them with at "
        .. "most 1.",
      todo = { "`odds.fair(prices)` makes probabilities that add up to 1 out of prices." },
      see = { "sizing.md" },
    },
    {
      "crossed_quotes",
      what = "The bid is above the ask.",
      why = "Such a book would have traded: the two are exchanged, of different times, or one is of NO.",
      todo = { "`book:best_bid()` and `book:best_ask()` of the same moment are never crossed." },
    },
    {
      "margin_too_large",
      what = "The margin cannot be taken out of the prices in that way.",
      why = "The method \"additive\" takes the same from each outcome, and one of them costs less than that.",
      todo = { "`odds.fair(prices, \"power\")`, or another method." },
      see = { "sizing.md" },
    },
    {
      "price_off_grid",
      what = "The price is not on the grid of the market.",
      why = "Markets trade in steps of 0.01, 0.001 or 0.0001 dollar, and some in finer steps near 0 and 1. Kalua "
        .. "never rounds a price: it would be another order.",
      todo = {
        "`kalshi.get_market(TICKER).market.price_ranges` has the steps, each with the prices from and to which it "
          .. "holds.",
        "In steps of a cent `math.floor(price * 100 + 1e-6) / 100` rounds down, for a bid, and "
          .. "`math.ceil(price * 100 - 1e-6) / 100` up, for an ask. Without the small number 0.29 would become 0.28.",
        "`to_grid` in the strategy that `kalua new` makes does it for every grid.",
      },
      see = { "orders.md", "two-sides.md" },
    },
    {
      "price_out_of_range",
      what = "The price is not above 0 and below 1 dollar.",
      why = "A contract pays one dollar at most. Prices are in dollars: 42 cents are 0.42.",
      todo = { "`price = cents / 100`" },
    },
    {
      "count_off_grid",
      what = "The count is no multiple of 0.01 contract.",
      why = "The exchange counts in hundredths, and Kalua never rounds a count.",
      todo = { "`math.floor(count)` for whole contracts, `math.floor(count * 100) / 100` for hundredths." },
    },
    {
      "count_out_of_range",
      what = "There cannot be an order for so many contracts.",
      why = "A count is above 0. In `order:amend` it is the whole size, what has filled already included.",
      todo = { "To end an order: `order:cancel()`." },
      see = { "orders.md" },
    },
    {
      "never_rests",
      what = "The order is asked to rest and not to rest.",
      why = "`immediate_or_cancel` and `fill_or_kill` never rest, so they cannot expire or be `post_only`, which "
        .. "never takes.",
      todo = { "`time_in_force = \"good_till_canceled\"`, or leave the other out." },
      see = { "orders.md" },
    },
    {
      "expiration_wrong",
      what = "The expiration is in the past or centuries away.",
      why = "`expiration` is in seconds since 1970, not milliseconds; `expires_in` counts from now.",
      todo = { "`expires_in = 60`" },
      see = { "orders.md" },
    },
    {
      "client_order_id_used",
      what = "Another order had that client_order_id.",
      why = "It names an order for ever, so that a lost answer can be looked up.",
      todo = { "Leave it out: Kalua gives each order its own." },
      see = { "orders.md" },
    },
    {
      "unknown_field",
      what = "The object has no field or method of that name.",
      why = "A misspelt field would be nil, and `nil` of an order means \"not known\".",
      todo = { "`:help kalshi.Order` lists what an order has." },
      see = { "orders.md" },
    },
    {
      "read_only_field",
      what = "The fields of the object cannot be set.",
      why = "They say what the exchange says.",
      todo = { "`order:amend{ price = 0.41 }` changes an order at the exchange." },
      see = { "orders.md" },
    },
    {
      "metric_taken",
      what = "There is a metric of that name already, of another type or with other buckets.",
      why = "A name means one thing in a process, whichever script made it.",
      todo = { "Take another name, or ask for it with the same type and buckets." },
      see = { "monitoring.md" },
    },
    {
      "unknown_metric",
      what = "`kalua.expect` knows no metric of that name.",
      why = "A threshold that is never compared would be worse than none.",
      todo = { "docs/commands.md, The summary, lists them." },
      see = { "commands.md" },
    },
    {
      "not_json", kind = "protocol",
      what = "The text is not JSON; the message says where.",
      why = "It is something else, is cut off, or has a comma too many.",
      todo = { "Print its beginning: an answer that begins with `<` is a page of HTML." },
    },
    {
      "not_plain_data",
      what = "The value has something in it that cannot be kept, copied or written as JSON.",
      why = "Plain data are nil, booleans, numbers, strings and tables of them. Functions, books, orders, tasks "
        .. "and connections are not.",
      todo = {
        "Keep what finds it again: an order's `client_id` and `kalshi.find_order(id)`, a book's `ticker`.",
        "The message has the path of what is not plain.",
      },
      see = { "scripts.md" },
    },
  },
  {
    name = "permissions", title = "Permissions", kind = "permission",
    {
      "permission_fs",
      what = "The script may not use that file.",
      why = "A script starts without any right to files; modules beside it are loaded without one.",
      todo = { "`--allow-fs PATH`, or `--allow-fs PATH:ro` to read only; in kalua.lua `allow_fs = \"data\"`." },
      see = { "commands.md", "threat-model.md" },
    },
    {
      "permission_net",
      what = "The script may not connect to that host.",
      why = "A script starts without any right to the network; the exchange needs none.",
      todo = { "`--allow-net HOST`; in kalua.lua `allow_net = \"api.example.com\"`." },
      see = { "commands.md", "threat-model.md" },
    },
    {
      "permission_env",
      what = "The script may not read that variable of the environment.",
      why = "Variables often hold passwords.",
      todo = {
        "`--allow-env NAME`; settings of a script are better given as arguments: `kalua run maker.lua -- KXFED "
          .. "10`, which is `kalua.args`.",
      },
      see = { "commands.md", "threat-model.md" },
    },
    {
      "permission_run",
      what = "The script may not start programs.",
      why = "A program that it starts has all your rights.",
      todo = { "`--allow-run`" },
      see = { "commands.md", "threat-model.md" },
    },
    {
      "secret_protected",
      what = "The variable or file leads to the private key, and no option gives it to a script.",
      why = "The key never leaves the part of the program that signs.",
      todo = { "Nothing a script does needs it: calls are signed for it." },
      see = { "threat-model.md" },
    },
    {
      "not_for_scripts",
      what = "That part of Lua is not there in scripts, and no option gives it.",
      why = "It would reach around permissions and ceilings; the message says what to use instead.",
      todo = { "For standard input: `kalua.args`. For clean-up: `<close>` variables, `kalua.on_stop`." },
      see = { "scripts.md", "threat-model.md" },
    },
    {
      "arm_first",
      what = "The input may change the running strategy, and the prompt may only look.",
      why = "So that looking is safe: a slip at the prompt must not send an order.",
      todo = { "`:arm`, then the input again; `:disarm` when done." },
      see = { "prompt.md" },
    },
    {
      "not_on_prod_without_live",
      what = "The call would act on the real exchange, and `--live` was not given.",
      why = "Without it nothing is ever sent to production that moves money. Scripts of `kalua run` then trade on "
        .. "paper.",
      todo = {
        "`kalua --env prod --live --risk max_exposure=50,max_daily_loss=20 maker.lua` trades for real, with limits.",
        "`--env demo` is the exchange's test environment.",
      },
      see = { "paper-to-live.md", "risk.md" },
    },
    {
      "paper_not_possible", kind = "paper",
      what = "The call would act on the live exchange, and this is paper trading.",
      why = "Orders on paper are filled here; what has no counterpart on paper is refused rather than done for real.",
      todo = {
        "The message says what does the same on paper, where there is something. docs/paper.md lists what is refused.",
      },
      see = { "paper.md" },
    },
    {
      "shadow_no_effect", kind = "shadow",
      what = "The script runs as a shadow, which has no effect outside.",
      why = "A shadow sees the events of the version beside it, on paper: no files, programs or other servers.",
      todo = { "Catch it, or leave that part out where `err.kind` is \"shadow\"." },
      see = { "reload.md" },
    },
    {
      "shadow_no_answer", kind = "shadow",
      what = "The script runs as a shadow, and what the exchange would have answered cannot be known.",
      why = "The call was noted and not sent.",
      todo = { "Catch it; `kalua shadow NAME` shows what was noted." },
      see = { "reload.md" },
    },
  },
  {
    name = "ceilings", title = "Ceilings", kind = "limit",
    {
      "memory_ceiling", kind = "", says = { "not enough memory" },
      what = "The script would use more memory than it may.",
      why = "Something grows: a table of everything that ever came, a text that is built by `..` in a loop.",
      todo = {
        "`:stats` at `kalua attach` shows memory; keep only what is used.",
        "`--mem 512`; in kalua.lua `mem = 512`.",
      },
      see = { "scripts.md" },
    },
    {
      "cpu_ceiling", kind = "", says = { "ms without waiting" },
      what = "A task computed for too long without waiting, and was ended; the message has the place.",
      why = "One loop serves all scripts, books and connections: while one computes, all others stand still. "
        .. "Mostly it is a loop without a wait.",
      todo = {
        "`task.yield()` in long loops, `task.sleep(0.1)` or `book:wait()` in those that wait for something.",
        "`--cpu-ms 3000` where the work is needed.",
      },
      see = { "scripts.md" },
    },
    {
      "resource_ceiling",
      what = "The script has as many tasks, timers, sockets or handles as it may.",
      why = "Something is opened in a loop and never closed; the message says what.",
      todo = {
        "`:tasks` and `:subs` at `kalua attach` show what there is. `<close>` variables close by themselves.",
        "Raise it by the option that the message names.",
      },
      see = { "scripts.md" },
    },
    {
      "queue_ceiling",
      what = "What waits for the script, or from it for its servers, is more than it may hold.",
      why = "It does not read what comes, or sends faster than the server takes.",
      todo = { "Read what waits; `--max-queued MB`." },
      see = { "scripts.md" },
    },
    {
      "order_rate_ceiling",
      what = "The script sends more orders a second than `--order-rate` allows.",
      why = "That is a ceiling that you set. Cancels, decreases and triggers of order groups are not counted.",
      todo = { "Wait for the time that the message says: the error is `retryable`; or raise `--order-rate`." },
      see = { "scripts.md" },
    },
  },
}
