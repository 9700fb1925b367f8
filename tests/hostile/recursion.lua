-- Depth: of Lua's stack, of C's, of the parser, of data.

--# lua_recursion | fails: stack overflow | mem: 128
local function down() return 1 + down() end down()
--# lua_recursion_caught_again_and_again | mem: 128
local function down() return 1 + down() end
for i = 1, 2 do denied("stack overflow", down) end
--# lua_recursion_with_many_locals | mem: 128
local function down(a, b, c, d, e, f, g, h) return (down(a, b, c, d, e, f, g, h)) end denied("stack overflow", down)
--# lua_recursion_with_many_arguments
local function down(...) return (down(1, ...)) end denied("overflow", down)
--# recursion_by_gsub
local function down() return (("x"):gsub(".", down)) end denied("C stack overflow", down)
--# recursion_by_pcall
local function down() return pcall(down) end
local r = table.pack(down()) assert(not r[r.n] or type(r[r.n]) == "string")
--# recursion_by_xpcall
local function down() return xpcall(down, tostring) end down()
--# recursion_by_sort
local function down() table.sort({ 1, 2, 3 }, down) end denied("C stack overflow", down)
--# recursion_by_tostring
local t = setmetatable({}, { __tostring = function(t) return tostring(t) end }) denied("C stack overflow", tostring, t)
--# recursion_by_index
local t = setmetatable({}, { __index = function(t, k) return t[k] end }) denied("stack overflow", function() return t.x end)
--# recursion_by_newindex
local t = setmetatable({}, { __newindex = function(t, k, v) t[k] = v end }) denied("stack overflow", function() t.x = 1 end)
--# recursion_by_arithmetic
local t = setmetatable({}, { __add = function(a, b) return a + b end }) denied("stack overflow", function() return t + 1 end)
--# recursion_by_concat
local t = setmetatable({}, { __concat = function(a, b) return a .. b end }) denied("stack overflow", function() return t .. 1 end)
--# recursion_by_eq
local mt = {} mt.__eq = function(a, b) return setmetatable({}, mt) == setmetatable({}, mt) end
denied("stack overflow", function() return setmetatable({}, mt) == setmetatable({}, mt) end)
--# recursion_by_lt
local t = setmetatable({}, { __lt = function(a, b) return a < b end }) denied("stack overflow", function() return t < t end)
--# recursion_by_len
local t = setmetatable({}, { __len = function(t) return #t end }) denied("stack overflow", function() return #t end)
--# recursion_by_call | mem: 128
local t = setmetatable({}, { __call = function(t) return (t()) end }) denied("stack overflow", t)
--# recursion_by_close
local function down() local x <close> = setmetatable({}, { __close = function() down() end }) end denied("overflow", down)
--# recursion_by_load
local function down() return assert(load(function() return down() end)) end denied("overflow", down)
--# recursion_by_load_text | mem: 16
denied("not enough memory", load "local function f() return load('return ...')(f()) end return f()")
--# recursion_by_iterators
local function down() for _ in function() return down() end do end end denied("overflow", down)
--# recursion_by_pairs
local t t = setmetatable({}, { __pairs = function(t) return pairs(t) end }) denied("overflow", pairs, t)
--# recursion_by_require
denied("circle", require, "self")
--# recursion_by_tasks
local task = require "task"
local function down(n) if n == 0 then return 0 end return task.spawn(down, n - 1):await() + 1 end
assert(down(2000) == 2000)
--# recursion_by_task_all
local task = require "task"
local function down(n) if n == 0 then return 0 end return task.all { function() return down(n - 1) end }[1] + 1 end
assert(down(200) == 200)
--# recursion_by_task_timeout
local task = require "task"
local function down(n) if n == 0 then return 0 end return task.timeout(60, function() return down(n - 1) end) + 1 end
assert(down(200) == 200)
--# recursion_by_select | mem: 128
local function down(n, ...) return select(n, down(n + 1, ...)) end denied("overflow", down, 1)
--# recursion_of_traceback
local function down(n) if n == 0 then return debug.traceback() end return (down(n - 1)) end
assert(#down(10000) < 5000)
--# json_deep_text
local json = require "json"
for _, n in ipairs{ 10, 1000, 100000, 1000000 } do pcall(json.decode, ("["):rep(n)) pcall(json.decode, ("["):rep(n) .. ("]"):rep(n)) pcall(json.decode, ('{"a":'):rep(n)) end
--# json_deep_table
local json = require "json"
local t = {} for i = 1, 200000 do t = { t } end
assert(not pcall(json.encode, t))
--# json_ring
local json = require "json"
local t = {} t.t = t assert(not pcall(json.encode, t))
local a, b = {}, {} a[1], b[1] = b, a assert(not pcall(json.encode, a))
--# json_with_metamethods
local json = require "json"
pcall(json.encode, setmetatable({}, { __pairs = error, __index = error, __len = function() return 1 << 60 end }))
pcall(json.encode, setmetatable({ 1, 2 }, { __len = function() return -1 end }))
pcall(json.encode, { [1 << 40] = 1 }) pcall(json.encode, { [math.maxinteger] = 1 }) pcall(json.encode, { 1, [1e15] = 2 })
--# json_odd_numbers
local json = require "json"
for _, v in ipairs{ 0/0, 1/0, -1/0 } do assert(not pcall(json.encode, v)) end
for _, s in ipairs{ "1e999", "-1e999", "1e-999", ("9"):rep(100000), "1" .. ("0"):rep(400), "0x10", "1.", ".5", "-", "01", "+1" } do pcall(json.decode, s) end
--# json_odd_texts
local json = require "json"
for _, s in ipairs{ "", "\0", '"\0"', '"\\u0000"', '"\\ud800"', '"\\udc00\\ud800"', '"\xff"', "[1,]", '{"a"}', '{"a":1,}', "nul", "tru", "[", '"', '"\\', '"\\u12', "{", "[1 2]", "//", "\xEF\xBB\xBF1", "NaN", "Infinity" } do pcall(json.decode, s) end
assert(json.decode '"\\u0000"' == "\0")
--# json_long_keys
local json = require "json"
pcall(json.decode, '{"' .. ("k"):rep(1 << 20) .. '":1}')
pcall(json.decode, '{"a":1,' .. ('"a":1,'):rep(100000) .. '"a":1}')
--# json_of_what_it_cannot
local json = require "json"
for _, v in ipairs{ print, coroutine.create(print), require "task".channel(1) } do assert(not pcall(json.encode, v) and not pcall(json.encode, { v }) and not pcall(json.encode, { [v] = 1 })) end
--# parser_nested_parentheses
for _, n in ipairs{ 150, 300, 10000, 1000000 } do load("return " .. ("("):rep(n) .. "1" .. (")"):rep(n)) end
assert(not load("return " .. ("("):rep(300) .. "1" .. (")"):rep(300)))
--# parser_nested_tables
assert(not load("return " .. ("{"):rep(100000) .. ("}"):rep(100000)))
--# parser_nested_functions
assert(not load(("return function() "):rep(10000) .. ("end "):rep(10000)))
--# parser_nested_blocks
assert(not load(("do "):rep(100000) .. ("end "):rep(100000)))
--# parser_nested_loops
assert(not load(("while true do "):rep(100000) .. ("end "):rep(100000)))
--# parser_nested_unary
assert(not load("return " .. ("- "):rep(100000) .. "1")) assert(not load("return " .. ("not "):rep(100000) .. "1"))
--# parser_nested_concats
assert(not load("return " .. ("'x' .. "):rep(100000) .. "'x'"))
--# parser_nested_powers
assert(not load("return " .. ("2 ^ "):rep(100000) .. "2"))
--# parser_nested_calls
load("return " .. ("f("):rep(10000) .. (")"):rep(10000)) load("return f" .. ("()"):rep(100000)) load("return f" .. (".x"):rep(100000))
--# parser_long_brackets_deep
load("--[" .. ("="):rep(100000) .. "[ x ]" .. ("="):rep(100000) .. "]") load("return [" .. ("="):rep(100000) .. "[ x ]" .. ("="):rep(100000) .. "]")
--# parser_elseif_chain
local ok = load("if a then " .. ("elseif b then "):rep(3000) .. "end")
--# parser_200_locals
local t = {} for i = 1, 200 do t[i] = "local a" .. i end assert(load(table.concat(t, " ")))
t[201] = "local a201" denied("too many local variables", load, table.concat(t, " "))
--# parser_255_upvalues
local t = {} for i = 1, 150 do t[#t + 1] = "local a" .. i .. " = 1" end t[#t + 1] = "return function()" for i = 1, 150 do t[#t + 1] = "local b" .. i end
t[#t + 1] = "return function() return 0" for i = 1, 150 do t[#t + 1] = "+ a" .. i .. "+ b" .. i end t[#t + 1] = "end end"
denied("too many upvalues", load, table.concat(t, " "))
--# parser_many_constants
local t = { "return {" } for i = 1, 40000 do t[#t + 1] = "'k" .. i .. "'," end t[#t + 1] = "}"
local f = assert(load(table.concat(t))) assert(#f() == 40000)
--# parser_many_constants_as_operands
-- Wrong code was made for operands beyond the index that fits; the values must be right.
local t = { "local r = 0 local x = 1 " } for i = 1, 300 do t[#t + 1] = "r = r + x * " .. i .. ".5 r = r | 0 r = r - 0 " end
local f = load(table.concat(t):gsub("r = r | 0", "")) assert(f) f()
--# parser_many_string_keys
local t = { "local t = {} " } for i = 1, 5000 do t[#t + 1] = ("t.k%d = %d "):format(i, i) end t[#t + 1] = "return t.k1 + t.k300 + t.k5000"
assert(load(table.concat(t))() == 5301)
--# parser_large_function
local t = {} for i = 1, 100000 do t[i] = "x = y " end assert(load(table.concat(t)))
--# parser_large_jump
local t = {} for i = 1, 100000 do t[i] = "x = y " end load("while z do " .. table.concat(t) .. " end") load("goto e " .. table.concat(t) .. " ::e::")
--# parser_many_gotos
local t = {} for i = 1, 5000 do t[i] = "goto l" .. i .. " " end for i = 1, 5000 do t[#t + 1] = "::l" .. i .. ":: " end load(table.concat(t))
--# parser_gotos_without_labels
denied("no visible label", load, "goto nowhere") denied("jumps into the scope", load, "goto a local x ::a:: x = 1") assert(not load "break")
--# parser_many_labels_of_one_name
denied("already defined", load, "::a:: ::a::")
--# parser_attribs
denied("unknown attribute", load, "local x <gc> = 1") denied("attempt to assign to const", load, "local x <const> = 1 x = 2")
denied("multiple to-be-closed", load, "local a <close>, b <close> = 1, 2")
--# parser_many_parameters
local t = {} for i = 1, 300 do t[i] = "a" .. i end assert(not load("return function(" .. table.concat(t, ",") .. ") end"))
--# parser_many_returns
local t = {} for i = 1, 300 do t[i] = "1" end local f = load("return " .. table.concat(t, ",")) local f2 = load("local x = f(" .. table.concat(t, ",") .. ")")
--# parser_many_assignments
local a, b = {}, {} for i = 1, 300 do a[i] = "x" .. i b[i] = i end load(table.concat(a, ",") .. " = " .. table.concat(b, ","))
--# parser_long_name
assert(load(("x"):rep(1 << 20) .. " = 1"))
--# parser_long_number
local f = load("return " .. ("9"):rep(100000)) f = load("return 0x" .. ("f"):rep(100000)) f = load("return 1e" .. ("9"):rep(1000)) f = load("return 0x1p" .. ("9"):rep(1000))
--# parser_malformed_numbers
for _, s in ipairs{ "0x", "1e", "1..2", "0xg", "1.2.3", "3x", "0x1p", "08a" } do assert(not load("return " .. s), s) end
--# parser_long_string
assert(#load("return '" .. ("x"):rep(1 << 20) .. "'")() == 1 << 20)
--# parser_escapes
for _, s in ipairs{ "\\x", "\\xg", "\\300", "\\u{}", "\\u{80000000}", "\\u{110000", "\\q", "\\", "\\u", "\\z" } do assert(not load("return '" .. s), s) end
assert(#load [[return '\u{7fffffff}']]() == 6)
--# parser_unfinished
for _, s in ipairs{ "x", "x =", "(", "return {", "[[", "--[[", "'", '"', "f(", "if", "for i", "local function", "::", "goto", "return return", "x.", "x:", "..", "~", "@", "$", "\1", "`" } do assert(not load(s), s) end
--# parser_zero_bytes
assert(not load "return 1\0 + 1") assert(#load "return 'a\0b'"() == 3)
--# parser_control_characters_in_the_message
local f, err = load("x \27[2J y") assert(not f)
--# syntax_error_of_the_script | syntax: unexpected symbol near
return = 1
--# syntax_error_too_deep | syntax: C stack overflow
local x = ((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((
--# unfinished_comment | syntax: unfinished long comment
--[==[ never ends ]=]
--# tables_with_a_million_levels | mem: 128
local t = {} for i = 1, 2e5 do t = { t } end t = nil
--# closures_a_million_deep | mem: 160
local f = print for i = 1, 2e5 do local g = f f = function() return g end end f = nil
