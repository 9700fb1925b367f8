-- The holes of Redis, KeyDB and Valkey in their Lua, by number: what each was, and why it is none here.

--# CVE-2015-4335_bytecode_by_load
-- Binary chunks were loaded; a crafted one reads and writes memory. Only text is.
for _, mode in ipairs{ "b", "bt", "t" } do denied("", load, "\27Lua\x51\0\1\4\8\4\8\0", "x", mode) end assert(loadstring == nil and string.dump == nil)
--# CVE-2015-8080_struct_getnum
-- An overflow of the number in a format of struct.unpack. There is string.pack, which checks its numbers.
for _, f in ipairs{ "i2147483648", "i4294967297", "i" .. ("9"):rep(100), "s99999999999999999999", "!99999999999" } do denied("", string.pack, f, 1) denied("", string.unpack, f, ("x"):rep(100)) end
--# CVE-2018-11218_cmsgpack
-- Overflows of the stack in cmsgpack, by depth and by counts. There is none; json has bounds for its depth.
denied("not found", require, "cmsgpack") assert(cmsgpack == nil)
assert(not pcall(require "json".decode, ("["):rep(100000) .. ("]"):rep(100000)))
--# CVE-2018-11219_struct_overflow
-- Sizes in struct that overflow an integer. The same with string.pack.
denied("not found", require, "struct")
denied("", string.unpack, "c2147483647c2147483647c2147483647", "x") denied("", string.unpack, "!16 i16 c" .. math.maxinteger, ("x"):rep(64)) denied("", string.pack, "c" .. math.maxinteger, "x")
--# CVE-2020-14147_struct_getnum_again
for i = 28, 70 do pcall(string.pack, "i" .. (1 << i % 63), 1) pcall(string.packsize, "c" .. (1 << i % 63)) pcall(string.unpack, "s" .. i, ("\255"):rep(80)) end
--# CVE-2021-32626_stack_without_a_check
-- C functions of Redis pushed onto Lua's stack without asking for room. All that push many values are called with many.
local task, json, log, kalua, kalshi = require "task", require "json", require "log", require "kalua", require "kalshi"
local function many(n) return table.unpack({}, 1, n) end
for _, n in ipairs{ 20, 250, 10000, 100000 } do
  for _, f in ipairs{ print, json.encode, json.decode, log.info, task.spawn, task.sleep, task.all, task.race, kalua.expect, kalshi.book, kalshi.call, kalshi.create_order, kalshi.batch_create_orders, coroutine.create, string.char, string.format, os.time, io.open, os.execute, require, load, setmetatable, xpcall, pcall, select, next, ipairs, table.concat, table.unpack, utf8.char, math.max } do pcall(f, many(n)) end
end
local t = {} for i = 1, 5000 do t[i] = i end pcall(json.encode, t) pcall(string.char, table.unpack(t)) pcall(task.all, t)
--# CVE-2021-32672_debugger_reads_past_the_end
-- The protocol parser of the Lua debugger. There is no debugger.
assert(debug.debug == nil and debug.sethook == nil)
--# CVE-2022-0543_package_of_debian
-- Debian's build left `package`, so loadlib gave the system. There is no package, and require opens no libraries.
assert(package == nil and require "string".package == nil) denied("not found", require, "package") denied("not found", require, "lua5.4") denied("is not the name", require, "/usr/lib/x86_64-linux-gnu/liblua5.4.so.0")
--# CVE-2022-24735_code_for_another_user
-- A script changed tables that scripts of other users shared. Every script has a state of its own: look at the other one.
local next = next
for _, t in ipairs{ string, table, math, os, io, coroutine, utf8, debug, require "kalshi", require "task", require "kalua", require "json", require "log", require "http", (require "ws"), (require "bus"), (require "store"), (require "metrics") } do for k in next, t do t[k] = function() return "mine" end end end
--# CVE-2022-24736_null_pointer_by_a_crafted_script
-- A load that fails left NULL behind. Loads that fail in all kinds of ways:
for _, s in ipairs{ "", "\n", "--", "--[[", "return", "return return", "\0", ";;;", "::a::", "goto a", "local x <close> = 1", "x =", ("x"):rep(70000) } do local f, err = load(s, "") if f then pcall(f) end f, err = load(function() return nil end) end
--# CVE-2022-24834_cjson_overflow
-- Buffers of cjson and cmsgpack overflowed with very long input. Long keys, strings, numbers and lists:
local json = require "json"
local long = ("\1"):rep(1 << 17) assert(#json.encode(long) > 6 << 17) pcall(json.encode, { [long] = long }) assert(json.decode(json.encode(long)) == long) pcall(json.decode, ("9"):rep(1 << 18)) pcall(json.decode, '"' .. ("\\u0000"):rep(1 << 15) .. '"')
--# CVE-2024-31449_bit_tohex
-- bit.tohex overflowed its buffer for a count of mininteger. There is no bit; string.format has bounds for widths.
denied("not found", require, "bit") assert(bit == nil and bit32 == nil) denied("invalid", string.format, "%2147483648x", 1) denied("invalid", string.format, "%-2147483648x", 1) assert(#string.format("%99x", -1) == 99)
--# CVE-2024-46981_collector_use_after_free
-- Freed objects were reached by finalizers and newproxy while the state closed. Scripts have neither.
assert(newproxy == nil) denied("finalizers", setmetatable, {}, { __gc = function() end }) denied("only", collectgarbage) denied("only", collectgarbage, "collect")
local mt = setmetatable({}, { __mode = "k" }) for i = 1, 1000 do mt[{}] = mt end
--# CVE-2025-49844_parser_and_collector
-- The name of a chunk was not anchored while it was parsed, so a collection freed it. Parse much while memory is short:
for i = 1, 200 do local name = "@" .. ("n"):rep(500) .. i local f, err = load("local t = {} " .. ("t.a%d = 'b' "):rep(200):format(table.unpack((function() local t = {} for k = 1, 200 do t[k] = k + i end return t end)())) .. (i % 2 == 0 and "" or " ="), name) assert(f or err:find "nnn") end
--# CVE-2025-49844_reader_that_makes_garbage | mem: 4
local n = 0 local function reader() n = n + 1 local g = {} for i = 1, 50 do g[i] = ("g"):rep(1000) .. i .. n end return n < 200 and "local x" .. n % 100 .. " = '" .. n .. "' do local y end " or nil end
local f, err = load(reader, "@" .. ("n"):rep(100) .. math.random()) pcall(f or print)
--# CVE-2025-46817_unpack_overflow
-- unpack(t, i, j) with a range that overflows its count.
for _, r in ipairs{ { -1, math.maxinteger }, { math.mininteger, math.maxinteger }, { 0, math.maxinteger }, { math.mininteger, -1 }, { math.maxinteger - 8, math.maxinteger - 1, 8 }, { -2147483648, 2147483647 }, { 0, 2147483647 } } do if not r[3] then denied("too many results", table.unpack, {}, r[1], r[2]) else assert(select("#", table.unpack({}, r[1], r[2])) == r[3]) end end
--# CVE-2025-46818_metatables_of_basic_types
-- Scripts changed the metatables of strings, booleans, nil and functions, which scripts of others then used.
for _, v in ipairs{ "", 1, true, print, coroutine.create(print), require "json".null } do denied("table expected", setmetatable, v, { __index = function() return "mine" end }) end denied("table expected", setmetatable, nil, {}) denied("attempt to index", function() getmetatable("").__index = nil end)
--# CVE-2025-46819_long_strings_in_the_parser
-- Delimiters of long strings and comments, malformed or without end, were read past the end.
for _, n in ipairs{ 0, 1, 100, 65536, 1 << 17 } do local e = ("="):rep(n) for _, s in ipairs{ "[" .. e, "[" .. e .. "[", "[" .. e .. "[x", "[" .. e .. "[x]" .. e, "--[" .. e .. "[", "--[" .. e, "return [" .. e .. "[x]" .. e .. "=]", "return [" .. e .. "[x]" .. e .. "]" } do load(s) end end
--# CVE-2022-35977_and_others_of_commands
-- Overflows in the server's commands that scripts reach. Ours are called with the largest numbers there are:
local kalshi = require "kalshi"
for _, v in ipairs{ math.maxinteger, math.mininteger, 1e308, -1e308, 1 << 53, 0/0, 1/0 } do for _, k in ipairs{ "count", "price", "limit", "expiration_ts", "min_ts" } do local t = require "task".spawn(kalshi.create_order, { ticker = "A", side = "bid", price = 0.5, count = 1, time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross", [k] = v, timeout = 0.01 }) require "task".yield() t:cancel() pcall(t.await, t) end end
--# CVE-2023-41056_and_22458_sizes
-- Sizes of buffers that were computed wrongly. Buffers of ours at their edges:
local json = require "json" for _, n in ipairs{ 1023, 1024, 1025, 8191, 8192, 8193, 65535, 65536, 65537 } do assert(json.decode(json.encode(("x"):rep(n))) == ("x"):rep(n)) assert(#tostring(("y"):rep(n)) == n) print(("z"):rep(n)) end
--# script_that_blocks_the_server | fails: ran for | cpu: 300
while true do end
--# global_protection_by_a_metatable
-- Redis keeps globals by a metatable, which rawset and getmetatable got round. Nothing here rests on that.
rawset(_G, "leak", 1) assert(leak == 1 and getmetatable(_G) == nil)
