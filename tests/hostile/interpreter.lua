-- The holes of Lua 5.4 itself, by number. The interpreter is the system's: these say whether it has them.

--# CVE-2020-15888_stack_and_collector
-- The stack was moved while a value was still used (5.4.0). Deep calls with collections between them:
local function f(n, ...) if n == 0 then return ... end local t = {} for i = 1, 20 do t[i] = { n } end return f(n - 1, n, ...) end
for i = 1, 10 do select("#", f(200)) end
--# CVE-2020-15889_generational_barrier
-- youngcollection missed a barrier (5.4.0). Old tables that get young values; scripts cannot choose the mode.
denied("only", collectgarbage, "generational")
local old = {} for i = 1, 2e4 do old[i % 100] = { old[(i + 1) % 100] } if i % 1000 == 0 then old = { [0] = old[0] } end end
--# CVE-2020-15945_changedline
-- A hook for lines with a stripped function (5.4.0). Scripts have no hooks; ours are for counts.
assert(debug.sethook == nil)
--# CVE-2020-24342_stack_overflow_in_luaO_pushvfstring
-- A message was formatted where the stack had no room (5.4.0). Errors at every depth of it:
local function deep(n) if n == 0 then return nil + 1 end return (deep(n - 1)) end
for n = 1, 400 do pcall(deep, n) end
local function c(n) if n == 0 then local x = ("x").y.z end return pcall(c, n - 1) end for n = 150, 200 do pcall(c, n) end
--# CVE-2020-24369_upvalue_names_in_variable_info
-- An error message looked for names that a stripped chunk has not (5.4.0). No stripped chunks: none are binary.
assert(string.dump == nil) local a <const> = 5 denied("attempt", load "local t <close> = nil return t.x.y")
--# CVE-2020-24370_getlocal_of_a_negative_index
-- debug.getlocal with mininteger (5.4.0). It is absent.
assert(debug.getlocal == nil and debug.setlocal == nil)
--# CVE-2020-24371_barrier_and_sweep
-- A barrier forgot a state of the collector (5.4.0). Upvalues that are written while it runs:
local fs = {} for i = 1, 2000 do local v = {} fs[i % 50] = function() v = { fs[(i + 7) % 50], v } if #v > 1 then v[2] = nil end end for _, f in pairs(fs) do f() end if i % 100 == 0 then fs = {} end end
--# CVE-2021-43519_stack_overflow_in_lua_resume
-- Coroutines that resume coroutines without end overflowed the stack of C (5.4.0 to 5.4.3).
local function down(n) local co = coroutine.create(down) return coroutine.resume(co, n + 1) end down(0)
local function wrapped() return coroutine.wrap(wrapped)() end denied("C stack overflow", wrapped)
local co co = coroutine.wrap(function() local f = co co = coroutine.wrap(function() return f end) return pcall(co) end) co()
--# CVE-2021-44647_name_of_a_finalizer_in_an_error
-- funcnamefromcode took the name of a metamethod from an instruction that was none (5.4.2, 5.4.3).
local mt = { __close = function() error(nil + 1) end, __index = function() error(nil .. {}) end, __lt = function() return nil < {} end, __unm = function() return -{} end, __eq = function() return (nil)() end }
for _, f in ipairs{ function(t) local x <close> = t end, function(t) return t.x end, function(t) return t < t end, function(t) return -t end, function(t) return t == setmetatable({}, mt) end, function(t) for _ in t do end end, function(t) local _ = t() end } do for i = 1, 50 do pcall(f, setmetatable({}, mt)) xpcall(f, debug.traceback, setmetatable({}, mt)) end end
--# CVE-2021-44964_collector_in_an_error_handler
-- A use after free by finalizers in the handling of errors (5.4.0 to 5.4.3). There are no finalizers of scripts.
for i = 1, 200 do xpcall(function() local t = setmetatable({}, { __close = function() local g = {} for k = 1, 50 do g[k] = {} end end }) local x <close> = t error {} end, function(e) local g = {} for k = 1, 100 do g[k] = { e } end return e end) end
--# CVE-2022-28805_env_that_is_a_constant
-- The parser made wrong code for a global when _ENV is a compile-time constant (5.4.0 to 5.4.4; Debian has the fix).
for _, s in ipairs{ "local _ENV <const> = {}; x = 1", "local _ENV <const> = 'x' return a", "local _ENV <const> = nil return function() return a.b end", "local _ENV <const> = 1 a = b", "local a <const> = 5 local _ENV <const> = 3 return b[a]" } do local f = load(s) for i = 1, 20 do if f then pcall(f) end end end
--# CVE-2022-33099_error_in_error_at_the_end_of_the_stack
-- luaG_runerror ran over the stack when an error came while one was handled at its end (5.4.0 to 5.4.4; Debian has the fix).
local function loop() local ok, err = pcall(loop) error(setmetatable({}, { __tostring = loop })) end
for i = 1, 1 do xpcall(loop, function(m) return loop() end) xpcall(loop, loop) end
local function err() local t = nil return t.x.y.z end local function rec(n) local ok = xpcall(rec, err, n + 1) return nil + n end pcall(rec, 0)
--# bug_5_4_4_wrong_code_for_constants_in_bitwise_operations
assert(load "local x = 0xFF return x & 0x0F, x | 0x100, x ~ 1, x & 3.0"() == 15) local _, b, c, d = load "local x = 0xFF return x & 0x0F, x | 0x100, x ~ 1, x & 3.0"() assert(b == 0x1FF and c == 0xFE and d == 3)
--# bug_5_4_4_too_many_constants
local t = {} for i = 1, 300 do t[i] = "local a" .. i % 150 .. " = 'c" .. i .. "' " end local s = "local x = {} " for i = 1, 400 do s = s .. "x['k" .. i .. "'] = 'v" .. i .. "' " end s = s .. "return x" local x = load(s)() for i = 1, 400 do assert(x["k" .. i] == "v" .. i) end
local parts = { "local x = 3 local r = {} " } for i = 1, 400 do parts[#parts + 1] = ("r[%d] = x + %d.25 "):format(i, i) end parts[#parts + 1] = "return r" local r = load(table.concat(parts))() for i = 1, 400 do assert(r[i] == 3 + i + 0.25) end
--# bug_5_4_4_settop_with_closing_variables
-- lua_settop used a stack that a closing variable had moved.
local function grow(n) if n > 0 then grow(n - 1) end end
for i = 1, 50 do local ok, a, b = pcall(function() local x <close> = setmetatable({}, { __close = function() grow(2000) end }) return i, table.unpack({}, 1, 50) end) assert(ok and a == i) end
for i in (function() local n = 0 return function() n = n + 1 return n < 20 and n or nil end, nil, nil, setmetatable({}, { __close = function() grow(3000) end }) end)() do end
--# bug_5_4_4_collector_without_userdata_in_finalizers
local task = require "task" for i = 1, 2000 do task.channel(1) end
--# bug_5_4_4_codes_with_spurious_continuation_bytes
pcall(function() for _ in utf8.codes("ab\x80\x80cd") do end end) pcall(function() for _ in utf8.codes("\xF4\x9F\xBF\xBF") do end end)
--# bug_5_4_5_stack_of_c_in_coroutine_close
-- Closing variables of a coroutine that close coroutines, and so on.
local function nest(n) local co = coroutine.create(function() local x <close> = setmetatable({}, { __close = function() if n > 0 then nest(n - 1) end end }) coroutine.yield() end) coroutine.resume(co) return coroutine.close(co) end
nest(50) pcall(nest, 300) pcall(nest, 5000)
--# bug_5_4_6_read_past_the_end_in_comparisons
-- l_strcmp with strings that hold zero bytes.
local a, b = ("x\0"):rep(1000), ("x\0"):rep(1000) .. "y" assert(a < b and not (b < a)) for i = 1, 50 do local s = ("\0"):rep(i) assert(s < s .. "\0" and s .. "a" > s) end table.sort { "\0a", "\0", "", "\0\0", "a\0b", "a" }
--# bug_5_4_6_count_hook_that_yields
-- The watchdog's hook may yield; what it breaks stays broken.
local co = coroutine.create(function() for i = 1, 1e6 do end coroutine.yield(1) end) assert(coroutine.resume(co)) assert(coroutine.resume(co))
--# bug_5_4_7_closing_variable_replaces_a_message_handler
for i = 1, 20 do local ok, err = xpcall(function() local x <close> = setmetatable({}, { __close = function() error "b" end }) error "a" end, function(m) local y <close> = setmetatable({}, { __close = function() end }) return m end) assert(not ok) end
--# bug_5_4_7_seterrorobj_that_raises | mem: 4
-- A memory error while the error object is set.
for i = 1, 30 do pcall(function() local t = {} local x <close> = setmetatable({}, { __close = function() t[#t + 1] = ("x"):rep(1 << 21) end }) while true do t[#t + 1] = ("y"):rep(1 << 16) .. #t end end) end
--# varargs_and_the_collector
local function v(...) local a = { ... } return ... end for i = 1, 100 do v(table.unpack({}, 1, i * 10)) end
--# goto_and_closing_variables
for i = 1, 20 do local n = 0 ::again:: do local x <close> = setmetatable({}, { __close = function() n = n + 1 end }) if n < 5 then goto again end end assert(n == 6) end
--# tables_that_are_rehashed_while_they_are_walked
local t = {} for i = 1, 1000 do t[i] = i t["k" .. i] = i end for k in next, t do t[k] = nil if type(k) == "number" then t[k] = nil end end
--# table_constructors_of_many_values
assert(#load("return {" .. ("1,"):rep(100000) .. "}")() == 100000) pcall(load("return {" .. ("f(),"):rep(10000) .. "}"))
--# integer_for_loops_that_overflow
local n = 0 for i = math.maxinteger - 2, math.maxinteger, 2 do n = n + 1 end for i = math.mininteger + 2, math.mininteger, -2 do n = n + 1 end assert(n == 4)
--# its_own_call_in_every_metamethod | fails: ran for | cpu: 300
local t = setmetatable({}, {}) getmetatable(t).__call = t getmetatable(t).__index = t pcall(function() return t.x end) t(1, 2, 3)
