---@meta kalua
-- The runtime.

---@class kalua
---@field state table plain data that the next version of this script is given, with cycles and shared tables
---@field generation integer 1, then one more at each reload
---@field args string[] what followed `--` on the command line
---@field env "sim"|"demo"|"prod"
---@field name string of this script
---@field version string of Kalua
local kalua = {}

---Runs before the script's tasks are cancelled; may wait, within a few seconds.
---@param fn fun(reason: "reload"|"exit"|"error")
function kalua.on_stop(fn) end

---Is told of every error in a task that nobody awaits.
---@param fn fun(err: any)
function kalua.on_error(fn) end

---Checks a new version after a reload: called every second for the ten seconds of its probation. False or an error
---brings the version before it back.
---@param fn fun(): boolean?
function kalua.on_probation(fn) end

---Converts `kalua.state` of an older version: where it is of schema `from`, `fn` changes it in place or returns another
---table, and its schema is `from` + 1; it may not wait. A first state is of the newest schema that the script knows, and nothing is called.
---@param from integer 1 or more
---@param fn fun(state: table): table?
function kalua.migrate(from, fn) end

---Saves `kalua.state` in the file of `--state` now, and waits until it is on the disk. Without that it is saved at a
---reload, at the end, and every 1 to 60 seconds while the script runs.
---@async
---@return boolean saved false without `--state`
function kalua.save() end

---Thresholds of the end summary; a missed one makes the exit code 5. Metrics: seconds, messages, orders, fills, errors,
---cash_change, position_change.
---@param thresholds table<string, string> for example `{ errors = "==0", cash_change = ">-5" }`
function kalua.expect(thresholds) end

---What this script uses; memory in bytes, `errors` those of tasks that nobody awaited.
---@return {tasks: integer, resumes: integer, errors: integer, memory: integer, memory_peak: integer}
function kalua.stats() end

---@return number seconds since the epoch
function kalua.now() end

return kalua
