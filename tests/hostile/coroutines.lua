-- Coroutines: those of tasks, of handlers, of others; waiting across what cannot be suspended; closing.

--# resume_of_the_own_task
local co = coroutine.running()
denied("", function() local ok, err = coroutine.resume(co) error(err) end)
--# close_of_the_own_task
denied("cannot close", coroutine.close, (coroutine.running()))
--# wrap_of_a_running_thread
denied("function expected", coroutine.wrap, (coroutine.running()))
--# resume_of_another_task
local task = require "task"
local co
local t = task.spawn(function() co = coroutine.running() task.sleep(0.02) end)
task.sleep(0.001)
local ok, err = coroutine.resume(co)
assert(not ok and err:find "waits") t:await()
--# close_of_another_task
local task = require "task"
local co
local t = task.spawn(function() co = coroutine.running() task.sleep(0.02) end)
task.sleep(0.001)
denied("cannot close", coroutine.close, co) t:await()
--# resume_of_a_task_that_ended
local task = require "task"
local co
task.spawn(function() co = coroutine.running() end):await()
local ok = coroutine.resume(co) assert(not ok and coroutine.status(co) == "dead")
denied("cannot close", coroutine.close, co)
--# resume_of_a_task_that_failed
local task = require "task"
local co
local t = task.spawn(function() co = coroutine.running() error "mine" end)
pcall(t.await, t)
local ok = coroutine.resume(co) assert(not ok)
denied("cannot close", coroutine.close, co)
--# resume_of_a_task_that_was_cancelled
local task = require "task"
local co
local t = task.spawn(function() co = coroutine.running() task.sleep(60) end)
task.sleep(0.001) t:cancel() pcall(t.await, t)
assert(not coroutine.resume(co))
--# resume_of_a_task_before_it_started
local task = require "task"
local t = task.spawn(function() return 5 end)
assert(t:await() == 5)
--# resume_of_a_coroutine_that_waits
local task = require "task"
local co = coroutine.create(function() task.sleep(0.02) return "done" end)
local t = task.spawn(function() return select(2, coroutine.resume(co)) end)
task.sleep(0.001)
local ok, err = coroutine.resume(co)
assert(not ok and err:find "waits") assert(t:await() == "done")
--# close_of_a_coroutine_that_waits
local task = require "task"
local co = coroutine.create(function() task.sleep(0.02) return "done" end)
local t = task.spawn(function() return select(2, coroutine.resume(co)) end)
task.sleep(0.001)
denied("waits", coroutine.close, co) assert(t:await() == "done")
--# yield_of_the_mark
-- A script cannot make the yield that stands for waiting.
local co = coroutine.wrap(function() coroutine.yield(require "json".null) coroutine.yield(nil) end)
assert(co() == require "json".null) co()
--# yield_out_of_a_task_with_values
for i = 1, 10 do coroutine.yield(i, {}, nil) end
--# values_resumed_into_a_wait
local task = require "task"
local co = coroutine.wrap(function(...) task.sleep(0.001) return ... end)
assert(co(1) == 1)
--# coroutine_that_resumes_itself
local co co = coroutine.create(function() return coroutine.resume(co) end)
local ok, inner = coroutine.resume(co) assert(ok and inner == false)
--# two_coroutines_that_resume_each_other
local a, b
a = coroutine.create(function() return coroutine.resume(b) end)
b = coroutine.create(function() return coroutine.resume(a) end)
local ok, ok2, ok3 = coroutine.resume(a) assert(ok and ok2 and ok3 == false)
--# coroutines_in_coroutines_300_deep
local function down(n) if n == 0 then return "bottom" end return coroutine.wrap(down)(n - 1) end
denied("C stack overflow", down, 300)
--# coroutines_in_coroutines_without_end
local function down() return coroutine.wrap(down)() end
denied("C stack overflow", down)
--# coroutines_resumed_in_pcall_without_end
local function down() local co = coroutine.create(down) local ok, err = coroutine.resume(co) return err end
local err = tostring(down())
--# coroutine_closed_while_it_is_closed
local co
co = coroutine.create(function() local x <close> = setmetatable({}, { __close = function() pcall(coroutine.close, co) end }) coroutine.yield() end)
coroutine.resume(co) coroutine.close(co)
--# coroutine_resumed_while_it_is_closed
local co
co = coroutine.create(function() local x <close> = setmetatable({}, { __close = function() coroutine.resume(co) end }) coroutine.yield() end)
coroutine.resume(co) coroutine.close(co)
--# close_that_yields
local co = coroutine.create(function() local x <close> = setmetatable({}, { __close = function() coroutine.yield() end }) coroutine.yield() end)
coroutine.resume(co)
local ok, err = coroutine.close(co) assert(not ok and err:find "yield")
--# close_that_waits_in_a_coroutine_that_is_closed
local task = require "task"
local co = coroutine.create(function() local x <close> = setmetatable({}, { __close = function() task.sleep(1) end }) coroutine.yield() end)
coroutine.resume(co)
local ok, err = coroutine.close(co) assert(not ok)
--# close_that_raises_a_hundred_times
local co = coroutine.create(function()
  local mt = { __close = function(_, e) error((e or 0) + 1, 0) end }
  local a <close> = setmetatable({}, mt) local b <close> = setmetatable({}, mt) local c <close> = setmetatable({}, mt)
  coroutine.yield()
end)
pcall(coroutine.resume, co) pcall(coroutine.close, co)
--# close_of_thousands_of_variables
local function nest(n) local x <close> = setmetatable({}, { __close = function() error(n) end }) if n > 0 then nest(n - 1) else coroutine.yield() end end
local co = coroutine.create(function() nest(150) end)
coroutine.resume(co) pcall(coroutine.close, co)
--# dead_coroutine_resumed
local co = coroutine.create(function() end) coroutine.resume(co)
for i = 1, 100 do local ok, err = coroutine.resume(co) assert(not ok and err == "cannot resume dead coroutine") end
--# dead_coroutine_closed_and_resumed
local co = coroutine.create(function() error "x" end) coroutine.resume(co)
coroutine.close(co) coroutine.close(co) assert(not coroutine.resume(co))
--# wrap_called_after_its_error
local f = coroutine.wrap(function() error "mine" end)
denied("mine", f) denied("dead", f)
--# too_many_arguments_to_resume
local co = coroutine.create(function(...) return select("#", ...) end)
local ok, n = pcall(coroutine.resume, co, table.unpack({}, 1, 200000))
assert(ok)
--# too_many_results_of_resume
local function many(...) return ... end
pcall(coroutine.wrap(function() return table.unpack({}, 1, 250000) end))
--# too_many_values_of_yield
local co = coroutine.wrap(function() coroutine.yield(table.unpack({}, 1, 250000)) end)
pcall(co) pcall(co)
--# yield_across_sort
local co = coroutine.create(function() table.sort({ 3, 2, 1 }, function() coroutine.yield() end) end)
local ok, err = coroutine.resume(co) assert(not ok and err:find "yield")
--# yield_across_gsub
local co = coroutine.create(function() ("abc"):gsub(".", function() coroutine.yield() end) end)
local ok, err = coroutine.resume(co) assert(not ok and err:find "yield")
--# yield_across_tostring
local co = coroutine.create(function() tostring(setmetatable({}, { __tostring = function() coroutine.yield() end })) end)
assert(not coroutine.resume(co))
--# wait_across_sort
local task = require "task"
denied("cannot wait", table.sort, { 3, 2, 1 }, function() task.sleep(0.001) end)
--# wait_across_gsub
denied("cannot wait", string.gsub, "abc", ".", function() require "task".sleep(0.001) end)
--# wait_across_tostring_and_print
denied("cannot wait", print, setmetatable({}, { __tostring = function() require "task".sleep(0.001) end }))
--# wait_in_a_sort_in_a_coroutine
local task = require "task"
local co = coroutine.wrap(function() table.sort({ 3, 2, 1 }, function() coroutine.wrap(function() task.sleep(0.001) end)() end) end)
denied("cannot wait", co)
--# wait_in_metamethods
local task = require "task"
local t = setmetatable({}, { __index = function() task.sleep(0.001) return 5 end, __add = function() task.sleep(0.001) return 7 end,
  __eq = function() task.sleep(0.001) return true end, __call = function() task.sleep(0.001) return 9 end,
  __concat = function() task.sleep(0.001) return "c" end, __lt = function() task.sleep(0.001) return true end,
  __len = function() task.sleep(0.001) return 3 end, __unm = function() task.sleep(0.001) return 4 end })
assert(t.x == 5 and t + 1 == 7 and t == setmetatable({}, getmetatable(t)) and t() == 9 and t .. 1 == "c" and t < 1 and #t == 3 and -t == 4)
--# wait_in_an_iterator
local task = require "task"
local n = 0
for i in function(_, i) task.sleep(0.001) i = (i or 0) + 1 return i < 5 and i or nil end do n = n + i end
assert(n == 10)
--# thread_of_a_handler_kept
local task, kalua = require "task", require "kalua"
local co
kalua.on_error(function() co = coroutine.running() end)
task.spawn(function() error "x" end)
task.sleep(0.01)
assert(co and not coroutine.resume(co))
--# coroutines_without_end | fails: not enough memory | mem: 8
local all = {} while true do all[#all + 1] = coroutine.create(print) end
--# tasks_without_end | fails: not enough memory | mem: 8
local task = require "task"
while true do task.spawn(task.sleep, 60) end
--# isyieldable_of_anything
for _, v in ipairs{ 1, "x", {}, print } do pcall(coroutine.isyieldable, v) pcall(coroutine.status, v) pcall(coroutine.close, v) end
--# running_in_the_main_chunk_is_no_main_thread
local co, main = coroutine.running() assert(not main)
--# task_that_awaits_itself
local task = require "task"
local t t = task.spawn(function() task.yield() return t:await() end)
task.sleep(0.01) t:cancel()
--# tasks_that_await_each_other
local task = require "task"
local a, b
a = task.spawn(function() task.yield() return b:await() end) b = task.spawn(function() task.yield() return a:await() end)
task.sleep(0.01) a:cancel() b:cancel()
--# task_that_cancels_itself
local task = require "task"
local t t = task.spawn(function() task.yield() t:cancel() task.sleep(1) end)
denied("cancelled", t.await, t)
--# cancel_in_a_closing_variable
local task = require "task"
local t t = task.spawn(function() local x <close> = setmetatable({}, { __close = function() t:cancel() task.sleep(0.001) end }) task.sleep(60) end)
task.sleep(0.001) t:cancel() pcall(t.await, t)
--# cancelled_task_that_goes_on_for_ever | fails: over | cpu: 300
local task = require "task"
task.spawn(function() while true do pcall(task.sleep, 0.001) end end)
task.sleep(0.005)
error("over", 0)
