-- Scripts and processes: what keeps one from starting, from being replaced, from keeping what it has.
return {
  {
    name = "project", title = "Scripts, project files and processes", kind = "config",
    {
      "script_unreadable", kind = "validation",
      what = "The script file cannot be read.",
      why = "It is not there, or you may not read it. A relative path counts from the current folder.",
      todo = { "`ls -l FILE`." },
    },
    {
      "syntax_error", kind = "validation",
      what = "The file is not Lua; the message has file and line.",
      why = "Often the mistake is just above that line: a bracket or `end` that is missing, `!=` for `~=`, `+=`, "
        .. "which Lua has not.",
      todo = { "Mend it. While a version runs it goes on, and a save tries the new one." },
      see = { "reload.md" },
    },
    {
      "project_empty",
      what = "The folder has no kalua.lua and no scripts.",
      why = "A folder is run by what its kalua.lua lists, or else by all its `*.lua` files.",
      todo = { "`kalua run FOLDER` with another folder, or `kalua run FILE.lua`." },
      see = { "running.md" },
    },
    {
      "project_unreadable",
      what = "The project's folder, its kalua.lua or a script that it names cannot be read.",
      why = "Paths in kalua.lua count from its own folder.",
      todo = { "Mend the path, or the rights of the file." },
      see = { "running.md" },
    },
    {
      "project_wrong",
      what = "kalua.lua is not what it should be; the message says where.",
      why = "It is Lua that returns one table and does nothing else: no `require`, no files, no functions but "
        .. "those of string, table and math.",
      todo = { "`return { scripts = { \"maker.lua\", { \"taker.lua\", args = { \"KXFED\" } } } }` is a whole one." },
      see = { "running.md" },
    },
    {
      "project_key_unknown",
      what = "kalua.lua has a key that means nothing.",
      why = "Keys are the options of `kalua run` with `_` for `-`. A misspelt one would be left out in silence, "
        .. "so it is an error.",
      todo = { "The message proposes the nearest; docs/running.md has all." },
      see = { "running.md" },
    },
    {
      "project_name_taken",
      what = "Two scripts of kalua.lua have the same name.",
      why = "Logs, orders and state belong to names. Without `name` a script is called as its file.",
      todo = { "Give one of them another: `{ \"maker.lua\", name = \"maker-fed\" }`." },
      see = { "running.md" },
    },
    {
      "no_script_running", kind = "validation",
      what = "No script of this user runs.",
      why = "`ps`, `logs`, `attach`, `reload` and `stop` are about processes of `kalua run` on this machine and "
        .. "of this user; what a process kept of its logs ends with it.",
      todo = {
        "`kalua run SCRIPT` starts one.",
        "If one does run: has its service the same `XDG_RUNTIME_DIR` as this shell? See docs/commands.md, What runs.",
      },
      see = { "commands.md" },
    },
    {
      "no_such_script", kind = "validation",
      what = "No running script has that name.",
      why = "Names are those of `kalua ps`: the file's without .lua, or `name` in kalua.lua, with `-2` where it "
        .. "was taken.",
      todo = { "`kalua ps`" },
    },
    {
      "script_ambiguous", kind = "validation",
      what = "Several running scripts are meant by that name.",
      why = "Two processes may each run a script of one name.",
      todo = { "Say which, as `4711:maker`: the process id and the name, as `kalua ps` shows them." },
    },
    {
      "not_running", kind = "closed",
      what = "The script has ended, or is about to.",
      why = "It came to its end, failed, or was stopped.",
      todo = { "`kalua logs NAME` says why while its process lives; `kalua start NAME` starts it anew." },
      see = { "commands.md" },
    },
    {
      "already_running", kind = "validation",
      what = "The script runs already.",
      why = "`start` is for one that has ended.",
      todo = { "`kalua reload NAME` starts its source as it is now." },
    },
    {
      "being_reloaded", kind = "validation",
      what = "A new version of the script is just starting.",
      why = "One change at a time: the answer to the first must be there before the next.",
      todo = { "Try again in a moment; `kalua ps` shows the state." },
    },
    {
      "paused", kind = "closed",
      what = "The script is paused at a breakpoint or by hand.",
      why = "A version that stands still cannot hand over.",
      todo = { "`kalua attach NAME`, then `:resume`, or `:continue` for a task at a breakpoint." },
      see = { "prompt.md" },
    },
    {
      "not_from_a_file", kind = "validation",
      what = "The strategy was not started from a file.",
      why = "Only a file can be replaced by another file.",
      todo = { "Start it as `kalua run FILE.lua`." },
    },
    {
      "process_silent", kind = "timeout", exit = 4,
      what = "A process of Kalua does not answer.",
      why = "It is suspended (Ctrl-Z), busy in one long call, or has just ended.",
      todo = { "`kalua ps`; `ps -o stat,pid,args -p PID` shows T for a suspended one, which `kill -CONT PID` wakes." },
    },
    {
      "process_ended", kind = "closed",
      what = "The process ended while it was asked.",
      why = "Its last script ended, or somebody stopped it.",
      todo = { "`kalua ps`; the log of its terminal or service says why." },
    },
    {
      "process_busy", kind = "rate_limit",
      what = "The process serves as many clients as it can.",
      why = "Each `kalua attach`, `logs -f` and the like is one.",
      todo = { "Close some of them, and try again." },
    },
    {
      "other_version", kind = "validation",
      what = "The process runs another version of Kalua than this command.",
      why = "They speak a language that may differ from version to version.",
      todo = { "Use the `kalua` that started it, or start the script anew with this one." },
    },
    {
      "runtime_folder_unusable",
      what = "The folder through which commands find running scripts cannot be used.",
      why = "It is `$XDG_RUNTIME_DIR/kalua`, or `kalua-UID` in `$TMPDIR`, and must belong to this user and be "
        .. "closed to others.",
      todo = {
        "`ls -ld $XDG_RUNTIME_DIR/kalua`; `chmod 700` it, or unset XDG_RUNTIME_DIR. Scripts run without it, but "
          .. "`kalua ps` does not see them.",
      },
      see = { "commands.md" },
    },
    {
      "start_too_long", kind = "timeout",
      what = "The new version did not come to its first wait for an event in time; the old one goes on.",
      why = "A start may read and compute, but must end: at a book's change, a sleep, a message. A loop without a "
        .. "wait never does.",
      todo = { "Put the work behind the first wait, or into a task: `task.spawn(…)`." },
      see = { "reload.md" },
    },
    {
      "version_ends_at_once", kind = "validation",
      what = "The new version came to its end at once, so nothing would be left to trade; the old one goes on.",
      why = "Saving an unfinished file would otherwise stop the strategy.",
      todo = {
        "If it shall end: `kalua stop NAME`. Else see why nothing waits: a loop over a book, or a task, is missing.",
      },
      see = { "reload.md" },
    },
    {
      "probation_failed", kind = "validation",
      what = "A check of `kalua.on_probation` said no, and the version before is back.",
      why = "That is what the check is for.",
      todo = { "The log has what the new version did; mend it and save again." },
      see = { "reload.md" },
    },
    {
      "state_schema", kind = "validation",
      what = "`kalua.state` is of a schema that the new version does not know.",
      why = "Each step from one schema to the next is a function of `kalua.migrate`; one of them is missing, or "
        .. "the file is older than the state.",
      todo = { "Keep all steps: `kalua.migrate(1, fn)`, `kalua.migrate(2, fn)`, in their order." },
      see = { "scripts.md" },
    },
    {
      "state_not_a_table", kind = "validation",
      what = "`kalua.state`, or what a migration returned, is no table.",
      why = "The state is one table that goes from version to version.",
      todo = { "Set fields of it: `kalua.state.position = 3`." },
      see = { "scripts.md" },
    },
    {
      "no_shadow", kind = "validation",
      what = "The script has no shadow that runs.",
      why = "It was not started, or has ended by itself.",
      todo = { "`kalua shadow NAME --start FILE`" },
      see = { "reload.md" },
    },
    {
      "shadow_runs", kind = "validation",
      what = "The script has a shadow already.",
      why = "One shadow at a time stands beside a script.",
      todo = { "`kalua shadow NAME --stop`, then start the other." },
      see = { "reload.md" },
    },
    {
      "process_ending", kind = "closed",
      what = "The process is ending, and nothing is sent any more.",
      why = "After the `on_stop` handlers, orders would be left that nobody looks after.",
      todo = { "Send what must be sent within `kalua.on_stop`, which has three seconds." },
      see = { "commands.md" },
    },
    {
      "state_file_unusable",
      what = "The file of `--state` cannot be read or written.",
      why = "The disk is full, the folder is not there or not yours, another process has the file, or others may "
        .. "read it.",
      todo = { "`ls -l FILE` and `df -h FILE`; or name another file." },
      see = { "scripts.md" },
    },
    {
      "state_file_damaged",
      what = "The state is not what was written.",
      why = "The file was changed, cut off or copied while it was in use.",
      todo = {
        "Go back to a copy of it, or name a new file with `--state`: the script then begins with an empty state.",
      },
      see = { "scripts.md" },
    },
    {
      "state_file_foreign",
      what = "The file of `--state` is something else: not Kalua's, or that of a simulator.",
      why = "It would be overwritten.",
      todo = { "Name another file, or one that is not there yet." },
      see = { "commands.md" },
    },
    {
      "state_file_newer",
      what = "The state was written in a form that this Kalua does not read.",
      why = "A newer or much older version wrote it.",
      todo = { "Use that version, or name a new file." },
    },
    {
      "journal_unusable",
      what = "The order journal cannot be read or written.",
      why = "The disk is full, the folder is not there or not yours, or is on a network disk. Without a journal, "
        .. "orders of this run would not be known after a restart.",
      todo = { "`df -h` and `ls -ld` of the folder; or name a file on a local disk: `--state FILE`." },
      see = { "orders.md" },
    },
    {
      "journal_damaged",
      what = "The order journal is not what was written.",
      why = "The file was changed, or is none.",
      todo = {
        "`kalua api get_orders status=resting --env ENV` shows what rests at the exchange.",
        "Then move the journal away; a new one is made, and what rests is no script's any more.",
      },
      see = { "orders.md" },
    },
    {
      "journal_newer",
      what = "The order journal was written in a form that this Kalua does not read.",
      why = "A newer or much older version wrote it.",
      todo = { "Use that version until its orders have ended." },
    },
    {
      "journal_other_account",
      what = "The order journal has orders of another account that have not ended.",
      why = "They would be looked for on this account, and taken for gone.",
      todo = { "Start with that key and environment, or name another file: `--state FILE`." },
      see = { "orders.md" },
    },
    {
      "kill_mark_unusable",
      what = "The mark that trading is stopped cannot be written, read or taken away.",
      why = "`kalua kill` leaves a file behind that keeps scripts from trading until a person lifts it; its "
        .. "folder cannot be used.",
      todo = {
        "Look at the rights of the folder that the message names. Until the mark is written, a script that is "
          .. "started may trade.",
      },
      see = { "orders.md" },
    },
  },
  {
    name = "simulator", title = "Triggers of the simulator", kind = "validation",
    {
      "trigger_wrong",
      what = "The trigger does not take the arguments that it was given.",
      why = "An argument is missing, misspelt, there twice, or has a value of another form; the message names it.",
      todo = { "`kalua trigger KIND --help` lists the arguments of a kind." },
      see = { "simulator.md" },
    },
    {
      "trigger_not_found",
      what = "There is no trigger of that name, or nothing that its arguments name.",
      why = "The simulator has no such market, event, series, user, order or rule; markets come and go while it runs.",
      todo = { "`kalua trigger --list`; `kalua api get_markets status=open` at the same simulator." },
      see = { "simulator.md" },
    },
    {
      "trigger_not_now",
      what = "The trigger cannot do that in the state in which the simulator is.",
      why = "The market is not open or has settled, no order rests, or no client is connected; the message says which.",
      todo = { "Bring that state about first, or take another market or order." },
      see = { "simulator.md" },
    },
    {
      "faults_wrong", kind = "config", exit = 3,
      what = "The rules of `--faults` cannot be read.",
      why = "The message names the rule and the column.",
      todo = { "docs/simulator.md has the form of a rule, with examples." },
      see = { "simulator.md" },
    },
    {
      "no_simulator", kind = "config", exit = 1,
      what = "What answers at the address is no simulator of Kalua.",
      why = "A trigger makes things happen that no exchange would, so it goes to a simulator only.",
      todo = { "`kalua sim` starts one, and `kalua run` on the environment `sim` has one inside. Check `--rest-url`." },
      see = { "simulator.md" },
    },
  },
}
