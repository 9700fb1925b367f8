---@meta task
-- Concurrency. A call that waits suspends its task and nothing else; whatever a script starts ends with it.

---@class task.Task
local Task = {}

---Waits for the end of the task and returns its results; raises its error again.
---@async
---@return any ...
function Task:await() end

---Ends the task: what it waits for raises `{kind = "cancelled"}` in it, now and at every further wait.
---@param why? string
function Task:cancel(why) end

---@return "running"|"waiting"|"done"|"failed"|"cancelled"
function Task:status() end

---@class task.Channel
local Channel = {}

---Adds a value; waits while the channel is full. Raises "closed" on a closed one.
---@async
---@param value any not nil
function Channel:send(value) end

---Takes the oldest value; waits while there is none. nil once the channel is closed and empty.
---@async
---@return any value
function Channel:recv() end

---No more values: those that are in it can still be taken.
function Channel:close() end

---@class task
local task = {}

---Starts `fn(...)` as a task of this script; it first runs when the present task waits. An error that nobody awaits is
---logged with its traceback and handed to `kalua.on_error`.
---@param fn function
---@param ... any
---@return task.Task
function task.spawn(fn, ...) end

---@async
---@param seconds number 0 lets the others run
function task.sleep(seconds) end

---Lets the others run.
---@async
function task.yield() end

---Calls `fn` every so many seconds, first after one interval, until it is cancelled or `fn` raises. With
---`{keep = "name"}` a reload does not shift it: a new version that asks for the same name and interval goes on at the time
---at which the old one would have; a call that fell due meanwhile comes at once.
---@param seconds number
---@param fn function
---@param options? {keep: string}
---@return task.Task
function task.every(seconds, fn, options) end

---Runs `fn` and returns its results; after `seconds` it is cancelled and `{kind = "timeout"}` raised.
---@async
---@param seconds number
---@param fn function
---@return any ...
function task.timeout(seconds, fn) end

---Runs all; returns the first result of each, in the order given. The first error cancels the others and is raised.
---@async
---@param list (function|task.Task)[]
---@return any[]
function task.all(list) end

---Runs all; returns the first result of the first to end and cancels the others.
---@async
---@param list (function|task.Task)[]
---@return any
function task.race(list) end

---A queue between tasks that holds up to `size` values.
---@param size integer
---@return task.Channel
function task.channel(size) end

return task
