---@meta task

---A task that runs beside the others of its script, and ends with it.
---```lua
---t = task.spawn(function() return 6 * 7 end)
---t:await()
---```
---@class task.Task
local Task = {}

---Waits for the end of the task and returns its results; raises its error again, "cancelled" where it was cancelled.
---```lua
---t = task.spawn(function() task.sleep(0.1) return "done", 42 end)
---print(t:await())
---```
---@async
---@return any ... what its function returned
function Task:await() end

---Ends the task: what it waits for raises `{kind = "cancelled"}` in it, now and at every further wait.
---```lua
---t = task.spawn(task.sleep, 60)
---t:cancel "enough"
---print(pcall(t.await, t))
---```
---@param why? string message of the error
function Task:cancel(why) end

---What has become of the task. Raises nothing.
---```lua
---t = task.spawn(task.sleep, 0.1)
---t:status()
---```
---@return "running"|"waiting"|"done"|"failed"|"cancelled" status "waiting": it is not its turn, or something it needs has not come
function Task:status() end

---A queue between the tasks of a script. A method called otherwise than on a channel raises "validation".
---```lua
---ch = task.channel(2)
---ch:send "one"
---ch:recv()
---```
---@class task.Channel
local Channel = {}

---Adds a value; waits while the channel is full. Raises "closed" on a closed one.
---```lua
---ch = task.channel(1)
---ch:send{ price = 0.42 }
---```
---@async
---@param value any not nil
function Channel:send(value) end

---Takes the oldest value; waits while there is none.
---```lua
---ch = task.channel(10)
---task.spawn(function() for i = 1, 3 do ch:send(i) end ch:close() end)
---for value in ch.recv, ch do print(value) end
---```
---@async
---@return any value nil once the channel is closed and empty
function Channel:recv() end

---No more values: those that are in it can still be taken. Raises nothing, also where it was closed already.
---```lua
---ch = task.channel(1)
---ch:send "last"
---ch:close()
---print(ch:recv(), ch:recv())
---```
function Channel:close() end

---Concurrency. A call that waits suspends its task and nothing else; whatever a script starts ends with it. A wrong
---argument raises "validation". More tasks or timers than `--max-tasks` and `--max-timers` allow raise "limit".
---```lua
---results = task.all{
---  function() return kalshi.get_exchange_status().trading_active end,
---  function() return #kalshi.get_markets{ status = "open" }.markets end,
---}
---print(results[1], results[2])
---```
---@class task
local task = {}

---Starts `fn(...)` as a task of this script; it first runs when the present task waits. An error that nobody awaits is
---logged with its traceback and handed to `kalua.on_error`.
---```lua
---t = task.spawn(function(name) print("hello", name) end, "world")
---t:await()
---```
---@param fn function that is called
---@param ... any its arguments
---@return task.Task task that was started
function task.spawn(fn, ...) end

---Waits. Everything else goes on.
---```lua
---task.sleep(0.1)
---```
---@async
---@param seconds number 0 to a million; 0 lets the others run
function task.sleep(seconds) end

---Lets the others run: for long loops that never wait. Raises nothing but "cancelled".
---```lua
---sum = 0
---for i = 1, 100000 do
---  sum = sum + i
---  if i % 10000 == 0 then task.yield() end
---end
---```
---@async
function task.yield() end

---Calls `fn` every so many seconds, first after one interval, until it is cancelled or `fn` raises. With
---`{keep = "name"}` a reload does not shift it: a new version that asks for the same name and interval goes on at the time
---at which the old one would have; a call that fell due meanwhile comes at once.
---```lua
---ticks = 0
---t = task.every(0.05, function() ticks = ticks + 1 end)
---task.sleep(0.2)
---t:cancel()
---```
---@param seconds number 0.001 to a million
---@param fn function called without arguments
---@param options? {keep: string} a name of 1 to 200 bytes
---@return task.Task task that calls it
function task.every(seconds, fn, options) end

---Runs `fn` and returns its results; after `seconds` it is cancelled and "timeout" raised.
---```lua
---ok, err = pcall(task.timeout, 0.1, function() task.sleep(60) end)
---print(ok, err)
---```
---@async
---@param seconds number 0 to a million
---@param fn function called without arguments
---@return any ... what it returned
function task.timeout(seconds, fn) end

---Runs all; returns the first result of each, in the order given. The first error cancels the others and is raised.
---```lua
---task.all{ function() return 1 end, function() task.sleep(0.1) return 2 end }
---```
---@async
---@param list (function|task.Task)[] without names or gaps
---@return any[] results the first of each
function task.all(list) end

---Runs all; returns the first result of the first to end and cancels the others.
---```lua
---task.race{ function() task.sleep(60) return "slow" end, function() return "fast" end }
---```
---@async
---@param list (function|task.Task)[] without names or gaps, not empty
---@return any result of the first
function task.race(list) end

---A queue between tasks.
---```lua
---ch = task.channel(16)
---```
---@param size? integer values that it holds before `send` waits (0: a send waits for its `recv`)
---@return task.Channel channel empty and open
function task.channel(size) end

return task
