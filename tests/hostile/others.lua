-- Ways out of the sandboxes of others: nginx and OpenResty, games, editors, routers, wikis.

--# string_metatable_index_replaced
-- Ways by ("").format and its kin: methods of strings reach the table `string`, which is this script's.
assert(getmetatable("") == false) local s = ("").rep assert(s == string.rep)
--# environment_by_levels
assert(getfenv == nil and setfenv == nil) assert(load "return _ENV"() == _G)
--# environment_of_the_caller_by_load_in_a_module
-- A function that a module gives loads text in the environment of this state, which is the script's own.
assert(load("return os", "x", "t", _G)() == os)
--# debug_by_another_name
for _, t in ipairs{ _G, string, table, math, os, io, coroutine, utf8, require "kalshi", require "task", require "kalua", require "json", require "log", require "http", (require "ws"), (require "bus"), (require "store"), (require "metrics") } do for k, v in next, t do assert(k ~= "getregistry" and k ~= "sethook" and k ~= "getinfo" and k ~= "setupvalue" and k ~= "getupvalue", tostring(k)) end end
--# loadlib_and_searchers
assert(package == nil and loadlib == nil and module == nil)
--# coroutine_wrap_around_the_sandbox
-- WoW, Roblox: a coroutine, a callback or an error handler ran with more rights. All run in the one environment.
for _, run in ipairs{ function(f) return coroutine.wrap(f)() end, function(f) return select(2, pcall(f)) end, function(f) return select(2, xpcall(error, function() return f() end)) end, function(f) return require "task".spawn(f):await() end, function(f) local r = {} table.sort({ 2, 1 }, function() r[1] = f() return false end) return r[1] end, function(f) local r ("x"):gsub(".", function() r = f() end) return r end, function(f) return setmetatable({}, { __index = f }).x end } do
  assert(run(function() return package end) == nil) local said = run(function() local ok, e = pcall(os.execute, "id") return not ok and e.kind end) assert(said == "permission")
end
--# handlers_have_no_more_rights
local kalua, task = require "kalua", require "task"
local function try() assert(package == nil) denied("permission", os.execute, "id") denied("permission", io.open, "/etc/passwd") end
kalua.on_error(try) kalua.on_stop(try) task.spawn(error, "x") task.every(0.001, function() try() error "once" end) task.sleep(0.01) local t = task.spawn(function() local x <close> = setmetatable({}, { __close = try }) task.sleep(60) end) task.yield() t:cancel()
--# error_handlers_with_more_rights
-- Factorio, Garry's Mod: xpcall's handler saw frames of the host. Tracebacks are text.
local ok, trace = xpcall(require "json".decode, function(m) return debug.traceback(tostring(m)) end, "[") assert(type(trace) == "string")
--# tostring_gives_addresses
-- Addresses of functions can be seen, as in every Lua; without binary chunks there is nothing to use them with.
assert(tostring(print):find "^builtin: " or tostring(print):find "^function: ")
--# crafted_objects_in_place_of_userdata
-- Neovim, Wireshark: a table with the right fields passed for an object of C.
local task = require "task" local t, ch = task.spawn(function() end), task.channel(1)
for _, fake in ipairs{ {}, setmetatable({}, { __index = t, __name = "task.Task" }), setmetatable({}, { __index = ch, __name = "task.Channel", __metatable = "task.Channel" }), require "json".null, require "json".empty_array } do for _, f in ipairs{ t.await, t.cancel, t.status, ch.send, ch.recv, ch.close, task.await } do assert(not pcall(f, fake)) end pcall(task.all, { fake }) pcall(task.race, { fake }) end
--# userdata_of_one_kind_for_another | allow: all
local task = require "task" local f, p, t, ch = io.open(home .. "/data/plain.txt"), io.popen "true", task.spawn(function() end), task.channel(1)
local all = { f, p, t, ch } for _, a in ipairs(all) do for _, b in ipairs(all) do for _, m in ipairs{ "read", "lines", "write", "close", "seek", "flush", "setvbuf", "await", "cancel", "status", "send", "recv" } do local fn = a ~= b and select(2, pcall(function() return a[m] end)) if type(fn) == "function" then assert(not pcall(fn, b) or io.type(a) and io.type(b), m) end end end end
--# light_userdata_in_place_of_pointers
local json = require "json" for _, v in ipairs{ json.null, json.empty_array } do for _, f in pairs(require "task") do pcall(f, v) end for name, f in pairs(require "kalshi") do if type(f) == "function" and name ~= "cancel_all" then local t = require "task".spawn(f, v) require "task".yield() t:cancel() end end end
--# callbacks_called_after_the_end
local task, kalua = require "task", require "kalua" kalua.on_stop(function() pcall(task.spawn, print, "late") pcall(task.every, 0.001, print) pcall(kalua.on_stop, print) end)
--# objects_used_after_they_are_closed
local task = require "task" local ch = task.channel(1) ch:close() ch:close() pcall(ch.send, ch, 1) ch:recv() local t = task.spawn(function() end) t:await() t:await() t:cancel() t:cancel() assert(t:status())
--# wiki_clone_of_globals
-- Scribunto: a deep copy of the environment went into what should stay hidden.
local seen = {} local function clone(v) if type(v) ~= "table" or seen[v] then return v end seen[v] = true local r = {} for k, x in next, v do r[clone(k)] = clone(x) end return setmetatable(r, type(getmetatable(v)) == "table" and getmetatable(v) or nil) end
local g = clone(_G) assert(g.package == nil and g.print == print)
--# numeric_for_as_a_lock | fails: ran for | cpu: 300
for i = 1, math.maxinteger do end
--# output_without_end | cpu: 400 | fails: ran for
while true do print "x" end
--# output_of_a_megabyte
print(("x"):rep(1 << 20)) print(("\0"):rep(1000), "\27[2J\27]0;title\7")
--# output_by_error_and_log
for i = 1, 200 do require "log".error("flood", { n = i }) end
--# shared_files_of_modules
-- What one script's module keeps is its own: two scripts that require one file have it twice.
assert(require "nothing" == true)
--# name_of_another_script
require "kalua".name = "canary" require "log".info "I am the canary" assert(SECRET == nil)
--# yields_into_the_host
coroutine.yield() coroutine.yield(coroutine.running()) coroutine.yield(require "json".null) coroutine.yield(require "json".empty_array) coroutine.yield(table.unpack({}, 1, 200))
--# a_thousand_tasks_that_fail
local task = require "task" for i = 1, 300 do task.spawn(error, { i }) end
