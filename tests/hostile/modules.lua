-- require, and what the modules of the program do with nonsense.

--# names_that_are_paths
for _, name in ipairs{ "../main", "..", ".", "./main", "/etc/passwd", "a/b", "a\\b", "a..b", ".a", "a.", "~", "a b", "a\nb", "", "C:a", "file:x", "a%2fb", "*", "?", "a;b", "a:b", "$HOME", "`id`", "\xff" } do
  denied("is not the name of a module", require, name)
end
--# names_with_a_zero_byte
denied("is not the name", require, "outside.txt\0") denied("is not the name", require, "self\0.lua") denied("is not the name", require, "\0")
--# names_that_are_long
denied("is not the name", require, ("x"):rep(100000)) denied("not found", require, ("x"):rep(200)) denied("", require, ("a."):rep(99) .. "a")
--# names_that_are_no_text
denied("", require, nil) denied("", require, {}) denied("", require, print) denied("not found", require, 5)
--# name_by_tostring
denied("", require, setmetatable({}, { __tostring = function() return "kalshi" end }))
--# module_that_requires_itself
denied("circle", require, "self")
--# module_that_raises_an_object
local ok, err = pcall(require, "raises") assert(not ok and err.kind == "mine")
--# module_that_raises_is_tried_again
for i = 1, 3 do assert(not pcall(require, "raises")) end
--# module_that_gives_nothing_or_false
assert(require "nothing" == true and require "no" == false and require "no" == false)
--# module_that_waits
assert(require "waits"[1] == "waited")
--# module_loaded_by_two_tasks_at_once
local task = require "task"
local a, b = task.spawn(require, "waits"), task.spawn(require, "waits")
assert(a:await()[1] == "waited") denied("two tasks", b.await, b)
--# module_whose_load_is_cancelled
local task = require "task"
local t = task.spawn(require, "waits") task.yield() t:cancel() pcall(t.await, t)
assert(require "waits"[1] == "waited")
--# module_that_is_a_link_to_the_key
-- The message of the compiler would show a piece of what it cannot compile: of an Ed25519 key, all of it.
denied("holds a private key", require, "link_to_key")
--# module_that_is_a_link_out_of_the_folder
denied("is a link to a file outside of its folder", require, "link_to_passwd")
--# module_that_is_a_link_out_of_the_folder_with_all | allow: all
denied("passwd", require, "link_to_passwd") denied("holds a private key", require, "link_to_key")
--# module_that_is_a_link_to_a_store
denied("settings or data of this program", require, "link_to_store")
--# module_that_is_a_link_to_a_store_with_all | allow: all
denied("settings or data of this program", require, "link_to_store")
--# module_in_a_folder_by_a_link
denied("not found", require, "data.root.etc.passwd")
--# module_that_is_binary
denied("binary chunk", require, "binary")
--# module_that_replaces_functions_of_its_script
require "replaces" assert(string.format == nil)
--# module_that_shadows_one_of_the_program
assert(require "kalshi".create_order and require "json".decode)
--# required_module_written_by_the_script | allow: folder
local f = io.open(home .. "/written.lua", "w") f:write "return _G" f:close() assert(require "written" == _G) os.remove(home .. "/written.lua")
--# require_replaced
local real = require require = function() return "mine" end denied("call", real, "http") require = real denied("", real "http".get, "x")
--# loaded_cannot_be_reached
assert(package == nil) local m = require "task" m.loaded = {} assert(require "task" == m)
--# kalua_state_with_odd_values
local kalua = require "kalua" kalua.state.f = print kalua.state.t = coroutine.create(print) kalua.state.s = kalua.state
--# kalua_expect_with_odd_values
local kalua = require "kalua"
for _, v in ipairs{ 5, "x", {}, print, { errors = 5 }, { errors = "<" }, { [{}] = "<1" }, setmetatable({}, { __index = error }) } do pcall(kalua.expect, v) end
--# task_functions_with_odd_values
local task = require "task"
for _, f in pairs(task) do for _, v in ipairs{ 0/0, 1/0, -1/0, math.mininteger, -1, "x", {}, { {} }, { 1 }, print == nil } do pcall(function() local t = f(v, v) if type(t) == "userdata" then pcall(t.cancel, t) pcall(t.close, t) end end) end pcall(f) end
--# sleep_for_odd_times
local task = require "task"
for _, v in ipairs{ 0/0, -1, -1/0, "x", {}, 1 << 62 } do local t = task.spawn(task.sleep, v) task.yield() t:cancel() pcall(t.await, t) end
--# channel_of_odd_sizes
local task = require "task"
for _, n in ipairs{ -1, 0, 0.5, math.maxinteger, math.mininteger, 1 << 40, 0/0, "x", {} } do pcall(task.channel, n) end
--# channel_that_holds_itself
local task = require "task" local ch = task.channel(4) ch:send(ch) ch:send(coroutine.running()) ch:close()
--# channel_closed_while_somebody_waits
local task = require "task" local ch = task.channel()
local t = task.spawn(function() return ch:recv() end) task.yield() ch:close() assert(t:await() == nil) denied("closed", ch.send, ch, 1)
--# channels_without_end | fails: not enough memory | mem: 8
local task, t = require "task", {} while true do t[#t + 1] = task.channel(100) t[#t]:send(t) end
--# every_with_odd_values
local task = require "task"
for _, v in ipairs{ 0, -1, 0/0, 1/0, "x" } do pcall(function() local t = task.every(v, print) t:cancel() end) end
--# kalshi_with_odd_arguments
local kalshi = require "kalshi"
for _, v in ipairs{ 5, "x", {}, { {} }, { ticker = {} }, { count = 0/0, ticker = "A" }, { price = math.huge, count = 1 }, setmetatable({}, { __pairs = error, __index = error }), print == nil } do
  pcall(kalshi.create_order, v) pcall(kalshi.book, v == "x" and {} or nil) pcall(kalshi.call, v, v) pcall(kalshi.subscribe, v ~= "x" and v or 5) pcall(kalshi.describe, v)
end
--# kalshi_call_with_odd_paths
local kalshi = require "kalshi"
for _, p in ipairs{ "/a\0b", "/a\r\nHost: x", "http://example.com/", "//example.com/x", "/../../x", "/%0d%0aHost:x", "", " ", "/\xff", "@example.com/", ("/x"):rep(100000) } do
  local t = require "task".spawn(kalshi.call, "GET", p, { timeout = 0.01 }) require "task".yield() t:cancel() pcall(t.await, t)
end
--# kalshi_call_with_odd_methods
local kalshi = require "kalshi"
for _, m in ipairs{ "CONNECT", "TRACE", "GET /x HTTP/1.1\r\n", "", "OPTIONS", ("G"):rep(100000) } do denied("", kalshi.call, m, "/x") end
--# headers_of_the_session_cannot_be_set
local http = require "http"
for _, name in ipairs{ "KALSHI-ACCESS-KEY", "kalshi-access-signature", "Kalshi-Access-Timestamp", "KALSHI_ACCESS_KEY" } do assert(not pcall(http.get, "http://127.0.0.1:9/", { headers = { [name] = "x" }, timeout = 0.1 })) end
--# http_without_a_permission
local http, ws = require "http", require "ws"
for _, url in ipairs{ "https://example.com/", "https://10.0.0.1/", "https://[::1]/", "https://api.elections.kalshi.com/", "http://localhost:9/", "http://127.0.0.1:9/" } do denied("--allow-net", http.get, url) end
denied("--allow-net", ws.connect, "wss://example.com/") denied("unencrypted", http.get, "http://169.254.169.254/latest/meta-data")
--# http_of_other_schemes | allow: all
local http = require "http"
for _, url in ipairs{ "file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/", "dict://127.0.0.1:11211/", "smb://x/", "ldap://x/", "javascript:1", "http:", "http://", "//x", "", "unix:/tmp/x", "data:,x", "scp://127.0.0.1/x", "telnet://127.0.0.1" } do denied("", http.get, url) end
--# http_of_odd_urls | allow: all
local http = require "http"
for _, url in ipairs{ "http://127.0.0.1:99999/", "http://127.0.0.1:-1/", "http://127.0.0.1:9 /", "http://127.0.0.1:9/\r\nX: y", "http://127.0.0.1:9/\0", "http://a\0b/", "http://user:pass@127.0.0.1:9/", "http://[::1", "http://" .. ("a"):rep(100000), "http://127.0.0.1:9/" .. ("a"):rep(1 << 17) } do denied("", http.get, url, { timeout = 0.2 }) end
--# http_with_odd_options | allow: all
local http = require "http"
for _, o in ipairs{ { timeout = 0 }, { timeout = -1 }, { timeout = 0/0 }, { timeout = 1/0 }, { max_body = -1 }, { max_body = 1.5 }, { redirects = 1000 }, { headers = 5 }, { headers = { 5 } }, { headers = { a = {} } }, { headers = { ["a b"] = "c" } }, { headers = { a = "b\r\nc: d" } }, { headers = { a = "b\0c" } }, { method = "CONNECT" }, { json = print }, { query = { a = {} } and 5 }, { raise = 5 }, { nothing = 1 } } do
  o.url = "http://127.0.0.1:9/" denied("", http.request, o)
end
--# http_options_that_lie | allow: all | fails: ran for | cpu: 300
local http = require "http"
local o = setmetatable({}, { __index = function(_, k) return k == "url" and "http://127.0.0.1:9/" or nil end, __pairs = function() return function() end end })
pcall(http.request, o) pcall(http.get, "http://127.0.0.1:9/", setmetatable({}, { __pairs = function() return function() return "url", "file:///etc/passwd" end end }))
--# ws_with_odd_options | allow: all
local ws = require "ws"
for _, o in ipairs{ { protocols = 5 }, { protocols = { "a b" } }, { protocols = { "a\r\nb" } }, { protocols = {} }, { headers = { ["Sec-WebSocket-Key"] = "x" } }, { headers = { Upgrade = "x" } }, { max_message = -1 }, { idle = -1 }, { timeout = 0 } } do denied("", ws.connect, "ws://127.0.0.1:9/", o) end
--# log_with_secrets_of_nobody
require "log".info("x", { password = "p" })
--# json_decode_of_large_numbers_of_values | fails: not enough memory | mem: 8
require "json".decode("[" .. ("1,"):rep(2000000) .. "1]")
--# json_encode_of_many | mem: 16
local t = {} for i = 1, 100000 do t[i] = i end require "json".encode(t)
