-- What goes wrong with the stores of scripts.
local AWAY <const> = "Move the file away (`mv NAME.db NAME.db.old`): the next write makes a new, empty one."

return {
  {
    name = "store", title = "The store", kind = "config",
    {
      "store_unusable",
      what = "The file of a store cannot be opened, read or written; the message has the path and the reason.",
      why = "Its folder is not writable or not on a local disk, the disk fails, or files may not grow (`ulimit -f`).",
      todo = {
        "Look at the path that the message names, and at the folder that it is in.",
        "`XDG_STATE_HOME` names another place for all that Kalua keeps.",
      },
      see = { "store.md" },
    },
    {
      "store_no_space",
      what = "There is no space left on the disk of a store. What it held is still there; this write is not.",
      why = "The disk is full.",
      todo = { "Make room; the next write is done as if nothing had been." },
      see = { "store.md" },
    },
    {
      "store_locked",
      what = "Another process has kept the store locked for five seconds.",
      why = "It writes something long, or was stopped in the middle of it (Ctrl-Z, a debugger).",
      todo = { "Try again, or end that process; `kalua ps` lists those that run." },
      see = { "store.md" },
    },
    {
      "store_damaged",
      what = "The file of a store is damaged; nothing is read from it and nothing is written to it.",
      why = "The disk has lost something, or another program has changed the file.",
      todo = { AWAY, "`sqlite3 NAME.db .recover` gets out of it what can be got." },
      see = { "store.md" },
    },
    {
      "store_foreign",
      what = "The file at the place of a store is none.",
      why = "Another program made it, or its first bytes are lost.",
      todo = { AWAY },
      see = { "store.md" },
    },
    {
      "store_newer",
      what = "The store was written by a newer version of Kalua.",
      why = "Its form has changed since, and this version would not understand it.",
      todo = { "Run the newer version.", AWAY },
      see = { "store.md" },
    },
    {
      "store_full", kind = "limit",
      what = "The store has the size that it may have, and the write was not done.",
      why = "Lists grow without end, or keys are never deleted.",
      todo = {
        "`store.append(list, value, 1000)` keeps the newest thousand; `store.delete` and `store.clear` make room.",
        "`store.info()` says how large it is; `--max-store MB`, or `max_store` in kalua.lua, raises it.",
      },
      see = { "store.md" },
    },
    {
      "store_too_big", kind = "limit",
      what = "A value, a batch or an answer of a store is larger than one may be: 1 MiB, 16 MiB, 16 MiB.",
      why = "A whole table was kept under one key, or too much was asked for at once.",
      todo = { "Keep parts under keys of their own, `store.each` reads them one by one; ask for fewer items." },
      see = { "store.md" },
    },
    {
      "store_busy", kind = "limit",
      what = "More waits for the disk of a store than may wait.",
      why = "Tasks write faster than the disk takes it, or another process holds the file.",
      todo = { "`store.batch` writes many values at once; write less often." },
      see = { "store.md" },
    },
    {
      "store_too_many", kind = "limit",
      what = "The process has as many stores open as it may.",
      why = "Names for `store.open` are made in a loop.",
      todo = { "Use one store, and begin its keys with what you would name another by: `\"TICKER:price\"`." },
      see = { "store.md" },
    },
    {
      "store_no_number", kind = "validation",
      what = "`store.add` was called for a key whose value is no number.",
      why = "`store.set` gave it another value, or the name is used for two things.",
      todo = { "`store.set` gives it a number; `store.update` changes values of any kind." },
      see = { "store.md" },
    },
    {
      "store_overflow", kind = "validation",
      what = "The sum that `store.add` would make is more than an integer holds.",
      why = "Integers end at 9,223,372,036,854,775,807.",
      todo = { "Keep it as a float: `store.add(key, 1.0)`." },
      see = { "store.md" },
    },
  },
}
