---@meta kalua

---The runtime: what a script knows of itself and of the process that it runs in. A wrong argument raises "validation".
---```lua
---print(kalua.name, kalua.env, kalua.version, kalua.now())
---```
---@class kalua
---@field state table plain data that the next version of this script is given, with cycles and shared tables
---@field generation integer 1, then one more at each reload
---@field args string[] what followed `--` on the command line
---@field env "sim"|"demo"|"prod" which exchange this is
---@field paper boolean orders are filled here, by that exchange's market data, and none is sent there
---@field name string of this script
---@field version string of Kalua
local kalua = {}

---Runs before the script's tasks are cancelled; may wait, within a few seconds. The place to cancel what rests.
---```lua
---kalua.on_stop(function(reason) print("stopping:", reason) end)
---```
---@param fn fun(reason: "reload"|"exit"|"error") is told why
function kalua.on_stop(fn) end

---Is told of every error in a task that nobody awaits.
---```lua
---kalua.on_error(function(err) log.warn("a task failed", { why = tostring(err) }) end)
---```
---@param fn fun(err: any) is given what was raised
function kalua.on_error(fn) end

---Checks a new version after a reload: called every second for the ten seconds of its probation. False or an error
---brings the version before it back.
---```lua
---kalua.on_probation(function() return kalua.stats().errors == 0 end)
---```
---@param fn fun(): boolean? false: not good
function kalua.on_probation(fn) end

---Converts `kalua.state` of an older version: where it is of schema `from`, `fn` changes it in place or returns another
---table, and its schema is `from` + 1; it may not wait. A first state is of the newest schema that the script knows, and
---nothing is called.
---```lua
---kalua.migrate(1, function(state) state.orders = state.orders or {} end)
---```
---@param from integer 1 or more
---@param fn fun(state: table): table? is given the older state
function kalua.migrate(from, fn) end

---Saves `kalua.state` in the file of `--state` now, and waits until it is on the disk. Without that it is saved at a
---reload, at the end, and every 1 to 60 seconds while the script runs. Raises "validation" for what is no plain data.
---```lua
---kalua.state.fair = 0.43
---kalua.save()
---```
---@async
---@return boolean saved false without `--state`
function kalua.save() end

---Thresholds of the end summary; a missed one makes the exit code 5. Of the account: seconds, messages, orders, fills,
---errors, cash_change, position_change. Of this script, in dollars and contracts: profit, realized, unrealized, fees, max_drawdown, traded,
---held, refused, rejected, unknown.
---```lua
---kalua.expect{ errors = "==0", cash_change = ">-100" }
---```
---@param thresholds table<string, string> a comparison for each metric: "<", "<=", "==", ">=" or ">" and a number
function kalua.expect(thresholds) end

---What this script uses.
---```lua
---s = kalua.stats()
---print(s.tasks, s.memory // 1024 .. " KiB")
---```
---@return {tasks: integer, resumes: integer, errors: integer, memory: integer, memory_peak: integer} stats memory in bytes, `errors` those of tasks that nobody awaited
function kalua.stats() end

---The time.
---```lua
---os.date("!%H:%M:%S", math.floor(kalua.now()))
---```
---@return number seconds since 1970, with fractions
function kalua.now() end

return kalua
