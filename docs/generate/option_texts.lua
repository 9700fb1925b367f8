-- What the man page says of options beyond their line of --help, which stands in front of it: whole sentences. "run
-- quiet" is that of a command, a name alone that of every command that connects. Between backticks stands code.
-- An entry for an option that does not exist is an error.
return {
  ["rest-url"] = "In place of that of the environment; plain http goes to loopback only.",
  ["ws-url"] = "In place of that of the environment; plain ws goes to loopback only.",
  ["paper"] = "Of `run`, `repl` and `-e`: nothing is sent. docs/paper.md says how orders are filled.",
  ["presign"] = "Each signature is used once.",
  ["orders-sync"] = "Not even a power cut loses it then; an order takes longer for it.",
  ["state"] = "Without it orders on demo and prod are kept below $XDG_STATE_HOME/kalua/orders.",
  ["risk"] = "Several are parted by commas or given one by one. docs/risk.md says what there is and how it is counted. "
    .. "`KALUA_RISK` gives some, too; the same one here wins.",
  ["order-groups"] = "From 1 to 1,000,000. The script is then halted, and `kalua start NAME --resume` lets it go on.",
  ["lease"] = "From 5 to 3600. docs/risk.md says what that costs.",
  ["max-tasks"] = "The call that would pass the ceiling raises an error of kind limit; so with the other ceilings.",
  ["max-queued"] = "They count beside `--mem`.",
  ["allow-fs"] = "Scripts start without any permission.",
  ["allow-net"] = "Without a port any port is meant, with one that alone.",
  ["faults"] = "Rules TARGET:FAULT, parted by semicolons, each with a probability, a count, a schedule and a filter "
    .. "behind it where that is wanted.",
  ["run resume"] = "Their loss of the day is counted from here on.",
  ["run on-failure"] = "A start comes after 1 s, 2 s and so on up to 60 s.",
  ["run probation"] = "The version before it comes back, with its state.",
  ["run shadow"] = "OLD is a script or its file. Its orders are noted instead of sent.",
  ["run break"] = "Everything else runs on, and who has attached lets it go on.",
  ["repl json"] = "A document for each input.",
  ["repl keep-going"] = "Where nobody sits at a terminal the first failure is the end.",
  ["test list"] = "With their lines.",
  ["test coverage"] = "And which have not.",
  ["api all"] = "With `--json` one row a line.",
  ["api jq"] = "Of the array of `--all` or, with `--all --json`, of each row. Strings are printed as they are, with "
    .. "`--json` as JSON. The filter has no environment and no files.",
  ["shadow promote"] = "As by a reload: with the state of the old one, which comes back when the new one fails in its "
    .. "probation.",
  ["start resume"] = "The loss of its day, and of the account's, is counted from then on.",
  ["sim faults"] = "Rules TARGET:FAULT, parted by semicolons, each with a probability, a count, a schedule and a "
    .. "filter behind it, as `create_order:lose-after=1%; ws:disconnect every 30s`. docs/simulator.md has the whole "
    .. "language.",
  ["sim state"] = "At any moment. Its keys stay in FILE.keys.",
  ["sim json"] = "It has rest_url, ws_url, key_id and key_path.",
  ["sim user"] = "The file is private or public.",
  ["sim history"] = "Of settled markets and positions 90 days, of trades, fills and ended orders 14 where nothing is "
    .. "said.",
  ["trigger rest-url"] = "Else that of `KALSHI_REST_URL` where it is on this machine, else the one that runs.",
}
