-- Globals, _ENV, what load gives, the registry, modules and who sees whose.

--# globals_of_another_script
assert(SECRET == nil and _G.SECRET == nil and require "kalua".state.secret == nil)
--# package_is_absent
assert(package == nil and require "string".package == nil)
--# debug_has_traceback_only
for k in pairs(debug) do assert(k == "traceback") end
assert(debug.getregistry == nil and debug.sethook == nil and debug.getupvalue == nil and debug.setmetatable == nil)
--# require_of_debug_is_the_same
assert(require "debug" == debug and require "debug".getinfo == nil)
--# require_of_package
denied("not found", require, "package")
--# require_of_g
denied("not found", require, "_G")
--# require_of_ffi
for _, name in ipairs{ "ffi", "jit", "bit", "struct", "cjson", "cmsgpack", "lfs", "posix", "socket", "luv", "uv" } do
  denied("not found", require, name)
end
--# load_gives_these_globals
x = 1 assert(load "return x"() == 1)
local env = {} assert(load("return _ENV", "x", "t", env)() == env and load("return io", "x", "t", env)() == nil)
--# load_with_a_nil_environment
denied("index", load("return io", "x", "t", nil))
--# load_with_a_number_as_environment
denied("index", load("return io", "x", "t", 5))
--# load_with_a_string_as_environment
assert(load("return rep", "x", "t", "")() == string.rep)
--# env_assigned
local _ENV = { error = error } denied = nil
--# env_as_an_upvalue_of_everything
local function f() return _ENV end assert(f() == _G)
--# globals_emptied
local n, g = next, _G
for k in n, g do g[k] = nil end
--# globals_emptied_and_a_module_used
local next, task, g, print, http, ws, kalshi, json = next, require "task", _G, print, require "http", require "ws", require "kalshi", require "json"
local pcall = pcall
for k in next, g do g[k] = nil end
pcall(http.get, "http://10.0.0.1/") pcall(ws.connect, "ws://10.0.0.1/") pcall(kalshi.books, {})
task.sleep(0.001)
json.decode(json.encode { 1, { a = "b" } })
--# globals_with_a_metatable_that_raises | fails: no global x
setmetatable(_G, { __index = function(_, k) error("no global " .. k, 0) end })
local _ = x
--# globals_with_newindex
setmetatable(_G, { __newindex = function() error "frozen" end })
denied("frozen", load "y = 1")
--# globals_with_a_hidden_metatable
setmetatable(_G, { __metatable = "mine" })
require "http" require "ws" require "kalshi"
--# functions_of_the_program_replaced_before_a_module_is_loaded
-- The modules that are written in Lua take the functions they use when they are loaded: of this script, for this script.
local seen
local real = string.gsub
string.gsub = function(...) seen = true return real(...) end
local http = require "http"
pcall(http.get, "http://127.0.0.1:9/", { query = { a = "b" } })
string.gsub = real
--# replaced_functions_see_no_secret
-- A module's own code, run with functions of the script's, holds nothing that the script did not give it.
local all, find = {}, string.find
local function tap(t, name)
  local real = t[name]
  t[name] = function(...) for _, v in ipairs { ... } do all[#all + 1] = tostring(v) end return real(...) end
end
for _, name in ipairs{ "format", "gsub", "find", "match", "sub", "byte", "lower", "upper" } do tap(string, name) end
for _, name in ipairs{ "concat", "insert" } do tap(table, name) end
local kalshi, http, ws = require "kalshi", require "http", require "ws"
pcall(http.get, "http://127.0.0.1:9/")
pcall(ws.connect, "ws://127.0.0.1:9/")
pcall(function() for _ in kalshi.each.get_markets { limit = 1, timeout = 0.05 } do end end)
pcall(kalshi.books, { "X" , 5 })
for _, text in ipairs(all) do if find(text, "PEM", 1, true) or find(text, "-SIGNATURE", 1, true) then print("ESCAPED", text) end end
--# error_replaced_before_a_module_is_loaded
local real = error
error = function() end
local http = require "http"
pcall(http.get, 5) pcall(http.request, {}) pcall(http.get, "file:///etc/passwd") pcall(http.get, "http://10.0.0.1/")
error = real
--# type_replaced_before_a_module_is_loaded
-- Checks of the Lua parts can be fooled by whoever replaces what they use; those that matter are in C.
local real = type
type = function(v) return "string" end
local http, ws = require "http", require "ws"
type = real
for _, url in ipairs{ "http://10.0.0.1/", "https://example.com/", "file:///etc/passwd", 5, {}, "ftp://127.0.0.1/" } do
  assert(not pcall(http.get, url) and not pcall(ws.connect, url))
end
--# string_find_replaced_and_header_lines
local real = string.find
string.find = function() return 1 end
local http = require "http"
string.find = real
for _, name in ipairs{ "KALSHI-ACCESS-KEY", "Host", "Content-Length", "Proxy-Authorization", "X\r\nHost", "X: y" } do
  local ok = pcall(http.get, "http://127.0.0.1:9/", { headers = { [name] = "x" }, timeout = 0.2 })
  assert(not ok, name)
end
--# string_find_replaced_and_header_values
local real = string.find
string.find = function() return nil end
local http = require "http"
string.find = real
assert(not pcall(http.get, "http://127.0.0.1:9/", { headers = { ["X-A"] = "a\r\nHost: b" }, timeout = 0.2 }))
--# modules_are_tables_of_their_own
local kalshi = require "kalshi"
kalshi.create_order = function() return "mine" end
kalshi.status = nil
rawset(kalshi, "cancel_all", 5)
require "task".sleep = nil require "kalua".state = nil require "json".null = 1 require "log".info = nil
--# kalshi_functions_replaced_are_seen_by_this_script_only
local kalshi = require "kalshi"
for k in next, kalshi do rawset(kalshi, k, nil) end
--# kalua_args_and_name_replaced
local kalua = require "kalua"
kalua.name, kalua.args, kalua.env, kalua.version, kalua.generation = "canary", nil, "prod", {}, -1
require "log".info "x"
--# module_table_in_its_own_place
require "kalshi".kalshi = require "kalshi" require "task".task = _G
--# require_returns_the_same_for_this_script
assert(require "kalshi" == require "kalshi" and require "nothing" == true and require "no" == false)
--# string_replaced_as_a_whole
string = nil assert(("x"):rep(2) == "xx")
--# tostring_replaced_and_print
tostring = function() error "never called" end
print(1, {}, nil)
--# names_of_functions_in_tracebacks
-- The interpreter looks for names in a table of its own, which holds this script's modules only.
assert(not debug.traceback():find("SECRET", 1, true))
local ok, err = xpcall(function() string.rep() end, debug.traceback)
assert(err:find("'string.rep'", 1, true) or err:find("'rep'", 1, true))
--# traceback_of_a_thread_of_somebody_else
local task = require "task"
local t = task.spawn(function() task.sleep(60) end)
pcall(debug.traceback, nil, 1 << 40) pcall(debug.traceback, t)
t:cancel()
--# traceback_with_odd_arguments
assert(debug.traceback({}) and debug.traceback(print) == print and debug.traceback("x", -5) and debug.traceback("x", 1000000))
--# upvalues_cannot_be_reached
assert(debug.getlocal == nil and debug.upvalueid == nil and debug.upvaluejoin == nil and debug.getuservalue == nil)
--# getfenv_and_its_kin_are_absent
assert(getfenv == nil and setfenv == nil and newproxy == nil and loadstring == nil and module == nil and unpack == nil)
--# collectgarbage_options
for _, what in ipairs{ "collect", "stop", "restart", "step", "setpause", "setstepmul", "incremental", "generational", "isrunning" } do
  denied("only \"count\" is", collectgarbage, what)
end
--# warn_is_absent
assert(warn == nil)
--# tools_of_the_command_line
for _, name in ipairs{ "cli.output", "cli.terminal", "cli.report" } do denied("for the commands of kalua", require, name) end
--# lua_parts_of_the_command_line
for _, name in ipairs{ "cli.api", "cli.book", "cli.doctor", "cli.doctor_drift", "cli.ladder", "cli.markets", "cli.rows", "cli.tail", "cli.demo",
  "cli.reach", "cli.settings" } do
  denied("", require, name)
end
--# parts_of_modules
for _, name in ipairs{ "kalshi_books", "kalshi_calls", "kalshi_candles", "kalshi_history", "kalshi_pages", "http_core" } do
  assert(not pcall(require, name), name)
end
--# environment_of_embedded_modules
-- An embedded module runs with the globals of the script that required it.
MARK = {}
local m = require "request_options"
assert(type(m) == "function")
--# calls_of_the_core_with_nonsense
local m = require "request_options"
for _, core in ipairs{ 1, {}, "x", print, setmetatable({}, { __index = error }) } do pcall(m, core) end
