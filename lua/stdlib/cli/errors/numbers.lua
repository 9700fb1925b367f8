-- Numbers and kinds: HTTP statuses, errors of the feed, exit codes, and what each kind of error means.
local function ws(number, what, todo)
  return {
    tostring(number), alias = { "ws " .. number }, what = what,
    why = "The exchange answers commands of the feed with numbers.", todo = { todo }, see = { "feed.md" },
  }
end

local OURS <const> = "It was Kalua's command: please report it, with the log of `--log debug`."

return {
  {
    name = "http", title = "HTTP statuses", kind = "http", source = "number",
    {
      "400", what = "The exchange does not take the request.", alias = { "http 400" },
      why = "A parameter is wrong in a way that only the exchange can see; the message has its word for it.",
      todo = { "`kalua explain CODE` with that word; `kalua api OPERATION --help`." },
    },
    {
      "401", kind = "auth", exit = 3, alias = { "http 401" }, what = "The exchange does not know who asks.",
      why = "No key, a key of another environment, an id that does not belong to the private key, or a clock that "
        .. "is wrong.",
      todo = { "`kalua doctor --env ENV`" }, see = { "paper-to-live.md" },
    },
    {
      "403", kind = "auth", exit = 3, alias = { "http 403" }, what = "The key may not do that.",
      why = "Its scopes, the subaccount it is bound to, or the account's tier do not allow it.",
      todo = { "Look at the exchange's page of API keys." },
    },
    {
      "404", alias = { "http 404" }, what = "It is not there.",
      why = "A ticker, id or path is wrong, or it has ended; of an order, it may be on another shard.",
      todo = { "`kalua explain not_found`" },
    },
    {
      "409", alias = { "http 409" }, what = "It collides with what is there.",
      why = "Mostly a client_order_id that was used before.",
      todo = { "`kalua explain order_already_exists`" },
    },
    {
      "410", alias = { "http 410" }, what = "The operation is no more.",
      why = "The exchange has replaced it.",
      todo = { "The message names what takes its place." }, see = { "operations.md" },
    },
    {
      "429", kind = "rate_limit", alias = { "http 429" }, what = "Too many calls: the account's tokens were used up.",
      why = "Kalua waits for tokens, so another program on the account probably trades, too. Nothing happened: it "
        .. "is repeated.",
      todo = { "`kalua explain too_many_requests`" }, see = { "scripts.md" },
    },
    {
      "500", alias = { "5xx", "http 500", "501", "502", "503", "504" }, what = "The exchange failed.",
      why = "Not because of the request. Whether a write happened is looked up.",
      todo = { "Nothing, when it is rare; else `kalua api get_exchange_status`." }, see = { "scripts.md" },
    },
  },
  {
    name = "ws", title = "Numbers of the feed", kind = "ws", source = "number",
    ws(1, "The feed could not read a command.", OURS), ws(2, "A command had no parameters.", OURS),
    ws(3, "A command named no channels.", OURS), ws(4, "A command named no subscriptions.", OURS),
    ws(5, "The feed does not know the command.", OURS),
    ws(6, "It is subscribed already.", "Nothing: the exchange does not say so any more."),
    ws(7, "The feed does not know the subscription.", "Nothing: it is subscribed to anew."),
    ws(8, "There is no such channel.", "`kalua tail --list` shows those that there are; the exchange has removed it."),
    ws(9, "The channel needs a key.", "`kalua doctor --env ENV`: does the key belong to this environment?"),
    ws(10,
    "The exchange has ended the subscription.",
    "Nothing: it is subscribed to anew; books are stale until then."),
    ws(11, "A parameter is wrong; of a market, that it does not exist.", "Check the ticker or index."),
    ws(12, "A command named several subscriptions, or none.", OURS), ws(13, "The feed does not know the action.", OURS),
    ws(14, "A command named no market.", OURS), ws(15, "A command named no action.", OURS),
    ws(16, "There is no such market.", "Check the ticker; the exchange says 11 today."),
    ws(17,
    "The feed failed.",
    "Nothing: it is asked again."),
    ws(18,
    "The feed was too slow.",
    "Nothing: it is asked again."),
    ws(19, "`shard_factor` must be above 0.", "`shard_factor` is 1 to 100."),
    ws(20, "`shard_key` was given without `shard_factor`.", "Give both."),
    ws(21, "`shard_key` is not below `shard_factor`.", "`shard_key` goes from 0 to `shard_factor` - 1."),
    ws(22, "`shard_factor` is above 100.", "`shard_factor` is 1 to 100."), ws(23, "A command named no matches.", OURS),
    ws(24, "No index was given.", "`index_ids = { \"BRTI\" }`, or \"all\"."),
    ws(25, "More came than the exchange could send, and it ended the subscription.",
      "Nothing: it is subscribed to anew, over two connections. When it keeps coming: fewer markets."),
    ws(26, "The subscription takes no more markets.", "Nothing: the rest goes to another connection, up to 16."),
    ws(27, "Too many commands.", "Nothing: it is asked again."),
    ws(28, "No underlying was given.", "`underlying_tickers = { … }`, or \"all\"."),
  },
  {
    name = "exit", title = "Exit codes", kind = "", source = "number",
    { "exit_0", alias = { "exit 0" }, what = "Done.", why = "Nothing failed.", todo = {}, see = { "commands.md" } },
    {
      "exit_1", alias = { "exit 1" }, what = "Something failed; the line on stderr says what.",
      why = "A script ended with an error, the exchange refused a call, or what was named is not there.",
      todo = { "`kalua explain CODE` with the code at the end of that line." }, see = { "commands.md" },
    },
    {
      "exit_2", alias = { "exit 2" }, what = "The command line is wrong; nothing was done.",
      why = "An unknown option or command, or a word that is missing.",
      todo = { "`kalua COMMAND --help`" }, see = { "commands.md" },
    },
    {
      "exit_3", alias = { "exit 3" }, what = "Credentials or configuration are wrong.",
      why = "A key, `.env`, kalua.lua, an option's value; or the exchange does not take the key.",
      todo = { "`kalua doctor --env ENV`" }, see = { "commands.md" },
    },
    {
      "exit_4", alias = { "exit 4" }, what = "The exchange could not be reached, or did not answer in time.",
      why = "The network, or the exchange.",
      todo = { "`kalua doctor --env ENV`; a service may simply start it again." }, see = { "commands.md" },
    },
    {
      "exit_5", alias = { "exit 5" }, what = "A threshold of `kalua.expect` was missed.",
      why = "The strategy ran to its end, but not as it was to; stderr says which.",
      todo = { "Look at the summary." }, see = { "commands.md" },
    },
    {
      "exit_130", alias = { "exit 130" }, what = "Interrupted: Ctrl-C or SIGTERM.",
      why = "The first runs the `on_stop` handlers, the second skips waiting, the third ends at once.",
      todo = {}, see = { "commands.md" },
    },
  },
  {
    name = "kinds", title = "Kinds, for what has no code of its own", source = "kind",
    {
      "http", kind = "http",
      what = "The exchange, or a server, said no.",
      why = "`code` and `status` of the error are its own.",
      todo = { "`kalua explain CODE`, or with the status: `kalua explain 404`." }, see = { "scripts.md" },
    },
    {
      "network", kind = "network", exit = 4,
      what = "There was no answer: no connection, or it broke.",
      why = "This machine's network, the way, or the server.",
      todo = { "`kalua doctor`" }, see = { "scripts.md" },
    },
    {
      "timeout", kind = "timeout", exit = 4,
      what = "Something took longer than it may.",
      why = "For a call, all waits and repetitions count into its time.",
      todo = { "`timeout = 60` in the call's table; `kalua doctor`.",
    },
      see = { "scripts.md" } },
    {
      "auth", kind = "auth", exit = 3,
      what = "The exchange does not take the key, or the key may not do that.",
      why = "See 401 and 403.",
      todo = { "`kalua doctor --env ENV`" }, see = { "paper-to-live.md" },
    },
    {
      "rate_limit", kind = "rate_limit",
      what = "Too much at once.",
      why = "Of the exchange: see 429.",
      todo = { "Wait; the error is `retryable`." }, see = { "scripts.md" },
    },
    {
      "ws", kind = "ws",
      what = "The feed, or a WebSocket of the script's, said no or ended.",
      why = "`status` of the error is the number: of the feed 1 to 28, of a close frame 1000 and more.",
      todo = { "`kalua explain ws NUMBER`" }, see = { "feed.md" },
    },
    {
      "validation", kind = "validation",
      what = "It was refused before anything was sent.",
      why = "A wrong argument, name or state; the message says which and what is wanted.",
      todo = { "`:help FUNCTION` at the prompt." }, see = { "scripts.md" },
    },
    {
      "cancelled", kind = "cancelled",
      what = "The task was cancelled while it waited.",
      why = "By `task:cancel`, by a `task.race` or `task.timeout` that was over, or since the script ends or is "
        .. "reloaded.",
      todo = {
        "Let it pass: clean up in `<close>` variables, and do not swallow it in a `pcall` within a loop.",
      },
      see = { "scripts.md" },
    },
    {
      "closed", kind = "closed",
      what = "What was used has ended or was closed before.",
      why = "The message says what.",
      todo = { "Open it again." }, see = { "scripts.md" },
    },
    {
      "limit", kind = "limit",
      what = "The script would hold or do more than it may.",
      why = "A ceiling: memory, tasks, sockets and the like.",
      todo = { "The message names the option that raises it." }, see = { "scripts.md" },
    },
    {
      "risk", kind = "risk",
      what = "A risk limit refused an order.",
      why = "`code` of the error is the limit's name.",
      todo = { "`kalshi.limits()` shows limits and what is counted." }, see = { "risk.md" },
    },
    {
      "config", kind = "config", exit = 3,
      what = "Credentials or configuration are wrong.",
      why = "The message says which and where.",
      todo = { "`kalua doctor`" }, see = { "commands.md" },
    },
    {
      "protocol", kind = "protocol",
      what = "The other side sent what it must not.",
      why = "Something else answers there, or the exchange has changed.",
      todo = { "Check the address; report it with the log of `--log debug`." }, see = { "scripts.md" },
    },
    {
      "permission", kind = "permission",
      what = "The script may not do that.",
      why = "A script starts without any rights but to trade.",
      todo = { "The message names the option that gives it." }, see = { "commands.md" },
    },
    {
      "paper", kind = "paper",
      what = "It cannot be done in paper trading.",
      why = "It would act on the live exchange.",
      todo = { "docs/paper.md says what does the same." }, see = { "paper.md" },
    },
    {
      "shadow", kind = "shadow",
      what = "The script is a shadow, and this has no effect or no answer there.",
      why = "A shadow changes nothing outside.",
      todo = { "Catch it." }, see = { "reload.md" },
    },
    {
      "usage", kind = "usage", exit = 2,
      what = "The command line is wrong.",
      why = "The message says which word.",
      todo = { "`kalua COMMAND --help`" }, see = { "commands.md" },
    },
    {
      "internal", kind = "internal",
      what = "Something failed that should not.",
      why = "Memory or files of the system are used up, or it is a mistake in Kalua.",
      todo = { "`free -h`, `ulimit -n`; report it with the log of `--log debug`." },
    },
    {
      "broken_pipe", kind = "broken_pipe",
      what = "What read the output has gone.",
      why = "As with `kalua tail … | head`.",
      todo = {},
    },
  },
}
