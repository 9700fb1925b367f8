-- Errors: objects, handlers, errors in errors, closing variables, the end of a script.

--# error_nil | fails: nil was raised
error(nil)
--# error_without_a_message | fails: nil was raised
error()
--# error_number | fails: 42
error(42)
--# error_false | fails: false
error(false)
--# error_function | fails: function
error(print)
--# error_thread | fails: thread
error((coroutine.running()))
--# error_table | fails: table
error {}
--# error_own_task | fails: task.Task
error(require "task".spawn(function() end))
--# error_channel | fails: Channel
error(require "task".channel(1))
--# error_empty | fails: main.lua:1:
error ""
--# error_json_null | fails: userdata
error(require "json".null)
--# error_message_of_a_megabyte | fails: xxxxxxxx
error(("x"):rep(1 << 20), 0)
--# error_message_as_large_as_memory | fails: not enough memory | mem: 8
error(("x"):rep(7 << 20):rep(1):rep(1) .. "y", 0)
--# error_message_with_control_characters | fails: a
error("a\27[2J\0\r\nb", 0)
--# error_message_with_format_characters | fails: %s%n%d
error("%s%n%d%999999d", 0)
--# error_message_that_is_not_utf8 | fails: a
error("a\xff\xfe\x80", 0)
--# error_level_odd
for _, level in ipairs{ -1, 0, 1, 2, 100, 1 << 30, math.mininteger, math.maxinteger } do assert(not pcall(error, "x", level)) end
--# tostring_of_an_error_raises | fails: __tostring failed
error(setmetatable({}, { __tostring = function() error "inner" end }))
--# tostring_of_an_error_raises_itself | fails: __tostring failed
local e = setmetatable({}, {}) getmetatable(e).__tostring = function() error(e) end error(e)
--# tostring_of_an_error_gives_no_text | fails: __tostring failed
error(setmetatable({}, { __tostring = function() return {} end }))
--# tostring_of_an_error_loops | fails:  | cpu: 300
error(setmetatable({}, { __tostring = function() while true do end end }))
--# tostring_of_an_error_yields | fails: __tostring failed
error(setmetatable({}, { __tostring = function() coroutine.yield() end }))
--# tostring_of_an_error_waits | fails: __tostring failed
error(setmetatable({}, { __tostring = function() require "task".sleep(60) end }))
--# tostring_of_an_error_recurses | fails: __tostring failed
local e = setmetatable({}, { __tostring = function(s) return tostring(s) end }) error(e)
--# tostring_of_an_error_eats_memory | fails:  | mem: 8
error(setmetatable({}, { __tostring = function() local t = {} for i = 1, 1e9 do t[i] = i end end }))
--# tostring_of_an_error_spawns | fails: text
error(setmetatable({}, { __tostring = function() require "task".spawn(print, "spawned") return "text" end }))
--# error_fields_that_lie | fails: k
error { kind = "k", message = ("m"):rep(1000), where = ("w"):rep(1000), status = {}, code = print }
--# error_fields_by_index | fails: table
error(setmetatable({}, { __index = function() while true do end end }))
--# error_name_that_is_long | fails: nnnn
error(setmetatable({}, { __name = ("n"):rep(100000) }))
--# kind_cancelled_by_the_script | fails: cancelled
error { kind = "cancelled", message = "cancelled" }
--# kind_permission_by_the_script | fails: permission: mine
error { kind = "permission", message = "mine" }
--# error_in_a_message_handler
local ok, err = xpcall(error, function() error "inner" end, "x") assert(not ok)
--# error_in_a_message_handler_without_end
local function h(e) return h2(e) end
local ok = xpcall(error, function(e) error(e) end, "x") assert(not ok)
--# message_handler_that_is_no_function
denied("function expected", xpcall, error, 5) denied("function expected", xpcall, error)
--# message_handler_that_yields
local co = coroutine.create(function() return xpcall(error, function() coroutine.yield() end, "x") end)
assert(coroutine.resume(co))
--# message_handler_that_waits
local ok, err = xpcall(error, function() require "task".sleep(1) end, "x") assert(not ok)
--# message_handler_that_loops | fails: ran for | cpu: 300
xpcall(error, function() while true do end end, "x")
--# message_handler_of_a_stack_overflow
local function down() return 1 + down() end
local ok, err = xpcall(down, function(m) return m .. debug.traceback() end) assert(not ok)
--# message_handler_that_overflows
local function down() return 1 + down() end
assert(not xpcall(down, down)) assert(not xpcall(error, down))
--# message_handlers_in_message_handlers
local function deep(n) return select(2, xpcall(error, function(e) if n > 0 then return deep(n - 1) end return e end, "x")) end
deep(30)
--# pcall_of_pcall
assert(pcall(pcall)==false and pcall(pcall, pcall, error)) denied("value expected", pcall)
--# pcall_of_error_objects
assert(not pcall(nil) and not pcall({}) and not pcall(5) and not pcall("x"))
--# errors_eaten_for_ever | fails: ran for | cpu: 300
while true do pcall(error, "x") end
--# errors_eaten_by_a_closing_variable | fails: ran for | cpu: 300
while true do pcall(function() local x <close> = setmetatable({}, { __close = function() while true do end end }) end) end
--# errors_eaten_by_coroutines | fails: ran for | cpu: 300
while true do coroutine.resume(coroutine.create(function() while true do end end)) end
--# errors_eaten_by_wraps_in_pcalls | fails: ran for | cpu: 300
while true do pcall(coroutine.wrap(function() while true do pcall(function() while true do end end) end end)) end
--# errors_eaten_by_xpcall | fails: ran for | cpu: 300
local function again() while true do xpcall(again, again) end end again()
--# loop_in_goto | fails: ran for | cpu: 300
::top:: goto top
--# loop_in_a_numeric_for | fails: ran for | cpu: 300
for i = 1, math.huge do end
--# loop_in_a_repeat | fails: ran for | cpu: 300
repeat until false
--# loop_in_tail_calls | fails: ran for | cpu: 300
local function f() return f() end f()
--# loop_in_a_closing_variable_of_the_main_chunk | fails: ran for | cpu: 300
local x <close> = setmetatable({}, { __close = function() while true do end end })
--# loop_in_on_stop | fails: ran for | cpu: 300
require "kalua".on_stop(function() while true do end end)
--# loop_in_on_error | cpu: 300
require "kalua".on_error(function() while true do end end)
require "task".spawn(function() error "x" end)
--# error_in_on_error
require "kalua".on_error(function(e) error(e) end)
require "task".spawn(function() error "x" end)
--# error_in_on_error_spawns
local task, n = require "task", 0
require "kalua".on_error(function(e) n = n + 1 if n < 50 then task.spawn(function() error "again" end) end end)
task.spawn(function() error "x" end)
--# on_stop_that_adds_on_stop
local kalua, n = require "kalua", 0
local function more() n = n + 1 if n < 1000 then kalua.on_stop(more) end end kalua.on_stop(more)
--# on_stop_that_waits_for_ever
require "kalua".on_stop(function() require "task".sleep(3600) end)
--# on_stop_that_spawns_for_ever
local task = require "task"
require "kalua".on_stop(function() local function again() pcall(task.spawn, again) end again() end)
--# close_that_waits_for_ever_at_the_end | fails:
local task = require "task"
task.spawn(function() local x <close> = setmetatable({}, { __close = function() task.sleep(3600) end }) task.sleep(3600) end)
task.sleep(0.002) error "over"
--# close_that_raises_at_the_end | fails: over
local task = require "task"
task.spawn(function() local x <close> = setmetatable({}, { __close = function() error "closing" end }) task.sleep(3600) end)
task.sleep(0.002) error "over"
--# close_that_replaces_the_error | fails: closing
local x <close> = setmetatable({}, { __close = function() error("closing", 0) end }) error "first"
--# close_that_reads_the_error
local ok, err = pcall(function() local x <close> = setmetatable({}, { __close = function(_, e) e.message = nil end }) os.execute "x" end)
assert(not ok)
--# close_of_what_cannot_be_closed
denied("non-closable", function() local x <close> = {} end) denied("non-closable", function() local x <close> = 5 end)
--# close_field_taken_away
denied("close", function() local mt = { __close = print } local x <close> = setmetatable({}, mt) mt.__close = nil end)
--# close_field_that_is_a_table
pcall(function() local mt = { __close = setmetatable({}, { __call = error }) } local x <close> = setmetatable({}, mt) end)
--# generic_for_closes_what_raises
pcall(function() for _ in next, {}, nil, setmetatable({}, { __close = error }) do end end)
--# error_while_memory_is_out | fails: not enough memory | mem: 8
local t = {} while true do t[#t + 1] = ("x"):rep(1000) .. #t end
--# memory_caught_again_and_again | mem: 8
for i = 1, 20 do pcall(function() local t = {} while true do t[#t + 1] = ("x"):rep(100000) .. #t end end) end
--# memory_in_one_string | fails: not enough memory
local _ = ("x"):rep(1 << 30)
--# memory_in_a_table_constructor | fails: too many results | mem: 8
local t = { table.unpack({}, 1, 900000) }
--# memory_by_concat | fails: not enough memory | mem: 8
local s = "x" while true do s = s .. s end
--# memory_by_closures | fails: not enough memory | mem: 8
local t = {} for i = 1, 1e9 do t[i] = function() return i end end
--# assert_with_odd_values
denied("mine", assert, false, "mine") assert(not pcall(assert, nil)) assert(not pcall(assert)) assert(not pcall(assert, false, {}))
--# error_of_a_task_with_the_same_object
local task, e = require "task", {}
local t = {} for i = 1, 10 do t[i] = task.spawn(error, e) end
for i = 1, 10 do local ok, err = pcall(t[i].await, t[i]) assert(not ok and err == e) end
--# log_with_odd_values
local log = require "log"
log.info("x", setmetatable({ a = 1 }, { __pairs = error, __index = error }))
pcall(log.info, setmetatable({}, { __tostring = error })) pcall(log.info, ("x"):rep(1 << 20))
pcall(log.info, "a\27[2J\r\n\0forged  error canary x", { ["k\n"] = "v\n" })
--# log_lines_cannot_be_forged
require "log".info("first\n2026-01-01T00:00:00.000Z error canary forged")
