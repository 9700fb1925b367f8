-- Strings, numbers, tables and times at their edges.

--# rep_overflow
denied("too large", string.rep, "xx", 1 << 62) denied("too large", string.rep, "xx", 1 << 32, ("y"):rep(1 << 20):rep(2)) 
--# rep_of_math_maxinteger
for _, n in ipairs{ math.maxinteger, 1 << 40, 1 << 33 } do assert(not pcall(string.rep, "x", n)) end assert(("x"):rep(-1) == "" and ("x"):rep(math.mininteger) == "")
--# rep_with_a_separator
assert(not pcall(string.rep, "", math.maxinteger, "x")) assert(not pcall(string.rep, "", 1 << 40, ","))
--# sub_at_the_edges
local s = "abc" for _, i in ipairs{ math.mininteger, -4, -1, 0, 1, 3, 4, math.maxinteger } do for _, j in ipairs{ math.mininteger, -4, -1, 0, 1, 3, 4, math.maxinteger } do s:sub(i, j) pcall(s.byte, s, i, j) end end
--# byte_of_a_long_string
local s = ("x"):rep(1 << 20) denied("too", string.byte, s, 1, -1)
--# char_at_the_edges
for _, n in ipairs{ -1, 256, 1 << 40, math.mininteger } do assert(not pcall(string.char, n)) end
--# char_of_many
denied("", function() local f = string.char(table.unpack({}, 1, 900000)) end)
--# format_wide
for _, f in ipairs{ "%100d", "%.100d", "%-+ #0100d", "%.99f%", "%999999999d", "%.999999999f", "%1$d", "%*d", "%n", "%ld", "%hhd", "%z", "%", "%5", "%-", "%#", "%L" } do assert(not pcall(string.format, f, 1), f) end
--# format_of_large_floats
assert(#string.format("%.99f", -1e308) == 410) assert(#string.format("%99.99f", 1e308) > 400) string.format("%a", 1e308) string.format("%.99a", 0.1) string.format("%.99g", 1e-308)
--# format_q
for _, v in ipairs{ 0/0, 1/0, -1/0, math.mininteger, 1e308, "\0\n\r\27\"\\", ("x"):rep(1000) } do string.format("%q", v) end
denied("no literal", string.format, "%q", {}) denied("cannot have modifiers", string.format, "%10q", 1)
--# format_s_with_zero_bytes
pcall(string.format, "%10s", "a\0b") assert(string.format("%s", "a\0b") == "a\0b")
--# format_s_of_a_long_string
assert(#string.format("%s", ("x"):rep(1 << 20)) == 1 << 20) pcall(string.format, "%99s", ("x"):rep(1 << 20))
--# format_p
assert(string.format("%p", 1) == "(null)")
--# format_with_too_few_arguments
denied("no value", string.format, "%d") denied("no value", string.format, ("%d"):rep(300), 1)
--# format_c_and_i
string.format("%c%c", 0, 255) pcall(string.format, "%c", 1 << 40) pcall(string.format, "%d", 1.5) pcall(string.format, "%x", -1) pcall(string.format, "%i", "0x10")
--# pack_overflow
denied("", string.pack, "i17", 1) denied("", string.pack, "i0", 1) denied("", string.pack, "!17i4", 1) denied("", string.packsize, "i" .. ("9"):rep(30))
for _, f in ipairs{ "s1", "z", "c2147483648", "c" .. ("9"):rep(18), "<!16", "Xi16", "X", "i16!", "j!3", " ", "\0" } do pcall(string.pack, f, ("x"):rep(300)) pcall(string.packsize, f) pcall(string.unpack, f, "x") end
--# pack_size_overflow
denied("", string.packsize, "c2147483647c2147483647") assert(not pcall(string.pack, "c2147483647", ""))
--# pack_of_wrong_values
denied("overflow", string.pack, "i1", 128) denied("overflow", string.pack, "I1", 256) denied("longer", string.pack, "c1", "ab") denied("contains zeros", string.pack, "z", "a\0b")
denied("does not fit", string.pack, "s1", ("x"):rep(256))
--# unpack_past_the_end
denied("too short", string.unpack, "i8", "x") denied("too short", string.unpack, "s8", "\255\255\255\255\255\255\255\127") denied("too short", string.unpack, "s8", "\255\255\255\255\255\255\255\255")
denied("out of string", string.unpack, "i1", "x", 3) pcall(string.unpack, "i1", "x", math.mininteger) pcall(string.unpack, "i1", "x", -1) denied("out of string", string.unpack, "i1", "x", math.maxinteger)
denied("unfinished string", string.unpack, "z", "abc") denied("does not fit", string.unpack, "i16", ("\255"):rep(8) .. ("\1"):rep(8))
--# unpack_many
denied("format longer", string.unpack, ("b"):rep(1000000), ("x"):rep(1000000))
--# patterns_malformed
for _, p in ipairs{ "[", "[a", "[^", "%", "%b", "%bx", "(", "(()", "%1", "%f", "%f[", "[%", "[a-", "(%1)", "%0" } do assert(not pcall(string.find, "abc", p), p) end
--# patterns_with_many_captures
denied("too many captures", string.find, "x", ("()"):rep(33)) assert(select("#", string.find("x", ("()"):rep(32))) == 34)
--# patterns_too_complex
denied("too complex", string.find, ("x"):rep(300000), ("x?"):rep(300000)) denied("too complex", string.match, ("x"):rep(500000), (".-"):rep(250000) .. "y")
--# patterns_with_frontier_at_the_edges
local _ = ("abc"):gsub("%f[%w]%w+%f[%W]", "%0%0"), ("\0\0"):find("%f[\0]")
--# pattern_find_at_the_edges
for _, i in ipairs{ math.mininteger, -1, 0, 1, 4, 5, math.maxinteger } do local _ = ("abc"):find("b", i), ("abc"):find("", i), ("abc"):find("b", i, true), ("abc"):match("()", i), ("abc"):gmatch(".", i)() end
--# gsub_replacement
denied("invalid capture", string.gsub, "x", "x", "%9") denied("invalid use of '%'", string.gsub, "x", "x", "%q") denied("invalid replacement value", string.gsub, "x", "x", function() return {} end) denied("", string.gsub, "x", "x", true) denied("invalid capture", string.gsub, "x", "x", "%2")
--# gsub_that_grows | fails: not enough memory | mem: 8
local _ = ("x"):rep(1 << 20):gsub(".", ("y"):rep(1 << 10))
--# gsub_with_a_table_that_lies
local _ = ("abc"):gsub(".", setmetatable({}, { __index = function(_, k) return k:rep(2) end })) denied("mine", string.gsub, "x", ".", setmetatable({}, { __index = function() error("mine", 0) end }))
--# gmatch_kept_beyond_its_string
local f do local s = ("x"):rep(1000) .. math.random() f = s:gmatch "." end for i = 1, 2e4 do local _ = { {} } end for i = 1, 1000 do f() end
--# concat_of_many
denied("", table.concat, {}, ",", 1, 1 << 40) denied("", table.concat, { 1, {}, 3 }) denied("", table.concat, { 1 }, ",", math.mininteger, math.maxinteger) assert(table.concat({}, ",", math.maxinteger, math.mininteger) == "")
--# concat_at_maxinteger
local t = { [math.maxinteger] = "x", [math.mininteger] = "y" } assert(table.concat(t, ",", math.maxinteger, math.maxinteger) == "x" and table.concat(t, ",", math.mininteger, math.mininteger) == "y")
--# unpack_of_many
for _, r in ipairs{ { 1, 1e8 }, { 1, 1 << 31 }, { 0, math.maxinteger }, { math.mininteger, math.maxinteger }, { math.mininteger, 0 }, { -1, math.maxinteger - 1 }, { 1, 1e7 } } do denied("too many results", table.unpack, {}, r[1], r[2]) end
assert(select("#", table.unpack({}, math.maxinteger, math.mininteger)) == 0) assert(select("#", table.unpack({}, math.maxinteger, math.maxinteger)) == 1)
--# insert_and_remove_at_the_edges
denied("position out of bounds", table.insert, {}, 5, 1) denied("position out of bounds", table.remove, {}, 5) denied("wrong number", table.insert, {}) denied("", table.insert, {}, math.mininteger, 1)
--# insert_with_a_length_that_overflows
local t = setmetatable({}, { __len = function() return math.maxinteger end }) pcall(table.insert, t, 1)
--# move_that_overflows
denied("too many elements", table.move, {}, math.mininteger, math.maxinteger, 1) denied("wrap around", table.move, {}, 1, math.maxinteger, 2) denied("", table.move, {}, -1, math.maxinteger, 1)
--# sort_of_too_many
denied("array too big", table.sort, setmetatable({}, { __len = function() return math.maxinteger end })) table.sort(setmetatable({}, { __len = function() return -1 end }))
--# sort_invalid_order
denied("", table.sort, { 1, "x", {} }) pcall(table.sort, { 3, 1, 2, 5, 4, 9, 8, 7, 6, 0 }, function() return true end)
--# table_pack_of_many
assert(table.pack(table.unpack({}, 1, 100000)).n == 100000)
--# select_at_the_edges
denied("out of range", select, 0) denied("out of range", select, -2, 1) denied("out of range", select, math.mininteger, 1) assert(select("#") == 0 and select(math.maxinteger, 1) == nil)
--# tonumber_at_the_edges
for _, s in ipairs{ ("9"):rep(100000), "0x" .. ("f"):rep(100000), "1e" .. ("9"):rep(1000), " 1 ", "1\0", "0x", "", "nan", "inf", "1_000", "0b1" } do tonumber(s) end
denied("base out of range", tonumber, "1", 1) denied("base out of range", tonumber, "1", 37) denied("string expected", tonumber, 1, 10) assert(tonumber(("z"):rep(1000), 36)) tonumber("-" .. ("7"):rep(1000), 8)
--# integer_division_and_modulo
denied("divide by zero", function() return 1 // 0 end) denied("perform 'n%", function() return 1 % 0 end) assert(math.mininteger // -1 == math.mininteger and math.mininteger % -1 == 0) local _ = 1 // 0.0, 1 % 0.0, math.fmod(1.0, 0.0) denied("zero", math.fmod, 1, 0) assert(math.fmod(math.mininteger, -1) == 0)
--# shifts
for _, n in ipairs{ 63, 64, 65, -63, -64, -65, math.maxinteger, math.mininteger } do local _ = 1 << n, 1 >> n, -1 >> n end denied("no integer representation", function() return 1.5 << 1 end) denied("no integer", function() return 2^64 | 1 end)
--# loops_at_the_edges
local n = 0 for i = math.maxinteger - 1, math.maxinteger do n = n + 1 end for i = math.mininteger, math.mininteger + 1 do n = n + 1 end for i = 1, 0 do n = n + 1 end assert(n == 4)
denied("'for' step is zero", function() for i = 1, 2, 0 do end end) for i = math.maxinteger, math.mininteger, math.mininteger do n = n + 1 end for i = 1, 0/0 do n = n + 1 end for i = 1.0, 1.0 + 2^-52, 2^-53 do n = n + 1 if n > 1000 then break end end
--# random_at_the_edges
math.random(math.mininteger, math.maxinteger) math.random(0) denied("interval is empty", math.random, 1, 0) denied("interval is empty", math.random, -1) math.randomseed(math.mininteger, 1) pcall(math.randomseed, 0/0) pcall(math.randomseed, 1e308) denied("wrong number", math.random, 1, 2, 3)
--# random_of_two_scripts
-- The generator belongs to the state: a script cannot make another's numbers known to itself.
math.randomseed(42) local a = math.random(1 << 40) math.randomseed(42) assert(a == math.random(1 << 40))
--# math_of_odd_values
for _, v in ipairs{ 0/0, 1/0, -1/0, math.mininteger, math.maxinteger, 1e308, -0.0 } do for _, f in pairs(math) do if type(f) == "function" then pcall(f, v) pcall(f, v, v) end end end
--# utf8_at_the_edges
for _, n in ipairs{ -1, 0x80000000, 1 << 40, math.mininteger } do assert(not pcall(utf8.char, n)) end utf8.char(0x7FFFFFFF)
for _, s in ipairs{ "\x80", "\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "a\xbf\xbf\xbf" } do utf8.len(s) pcall(function() for _ in utf8.codes(s) do end end) pcall(utf8.codepoint, s, 1, -1) pcall(utf8.codes, s, true) end
for _, i in ipairs{ math.mininteger, -10, 0, 1, 10, math.maxinteger } do pcall(utf8.offset, "abc", i) pcall(utf8.offset, "abc", 1, i) pcall(utf8.codepoint, "abc", i) pcall(utf8.len, "abc", i, i) end
--# utf8_codepoint_of_many
denied("", function() return utf8.codepoint(("x"):rep(1100000), 1, -1) end)
--# utf8_codes_called_by_hand
local f, s = utf8.codes "abc" for _, i in ipairs{ -1, 0, 3, 4, 100, math.maxinteger - 1, math.mininteger } do pcall(f, s, i) end pcall(f, "\x80\x80\x80", 0) pcall(f)
--# rawlen_and_next_by_hand
denied("", rawlen, 5) denied("", next, 5) denied("", ipairs) denied("", pairs) local f, t, i = ipairs {} pcall(f, 5, 1) pcall(f, t, math.maxinteger) pcall(f)
--# ipairs_of_a_lying_table | fails: ran for | cpu: 300
for _ in ipairs(setmetatable({}, { __index = function() return 1 end })) do end
--# length_of_holes
local t = {} for i = 1, 64 do t[1 << (i - 1)] = 1 end local _ = #t t[math.maxinteger] = 1 t[math.mininteger] = 1 _ = #t
--# keys_of_every_kind
local t = {} for _, k in ipairs{ 1, 1.5, -0.0, 2^53, "1", true, print, {}, coroutine.create(print), math.mininteger } do t[k] = k end for k in pairs(t) do t[k] = nil end
--# hash_collisions
local t = {} for i = 0, 20000 do t[("%08x"):format(i * 65536)] = i end for i = 0, 20000 do t[i * 2.0^40] = i end
--# strings_that_collide_in_their_hash
local long = {} for i = 1, 2000 do long[("x"):rep(64) .. i] = i end
--# date_formats
for _, f in ipairs{ "%", "%E", "%O", "%Ez", "%Q", "%1", "%-d", "%\0", "*t%", "!%", "%Ey%", ("%"):rep(3) } do pcall(os.date, f) end
denied("invalid conversion", os.date, "%Ez") denied("invalid conversion", os.date, "%Q") denied("invalid conversion", os.date, "%")
--# date_formats_without_end | mem: 8
denied("format longer", os.date, ("%c"):rep(1 << 20)) assert(#os.date(("%Y"):rep(10000)) == 40000)
--# date_of_odd_times
for _, t in ipairs{ math.maxinteger, math.mininteger, 1 << 55, -(1 << 55), 1 << 62 } do pcall(os.date, "*t", t) pcall(os.date, "%c", t) end denied("cannot be represented", os.date, "*t", math.maxinteger) denied("cannot be represented", os.date, "*t", math.mininteger)
denied("", os.date, "%Y", 1.5) denied("", os.date, "%Y", "x") os.date("!%c", -1) os.date("!*t", -62135596800)
--# time_of_odd_tables
for _, v in ipairs{ math.maxinteger, math.mininteger, 1.5, "x", {}, true, 2^53, 1 << 31, 0/0 } do pcall(os.time, { year = v, month = 1, day = 1 }) pcall(os.time, { year = 2026, month = v, day = 1 }) pcall(os.time, { year = 2026, month = 1, day = v }) pcall(os.time, { year = 2026, month = 1, day = 1, hour = v, min = v, sec = v, isdst = v }) end
denied("missing", os.time, {}) denied("out-of-bound", os.time, { year = math.maxinteger, month = 1, day = 1 }) denied("not an integer", os.time, { year = "x", month = 1, day = 1 })
--# time_of_a_table_that_lies
denied("mine", os.time, setmetatable({}, { __index = function() error("mine", 0) end })) pcall(os.time, setmetatable({ year = 2026, month = 1, day = 1 }, { __newindex = error }))
--# difftime_and_clock
pcall(os.difftime) pcall(os.difftime, math.maxinteger, math.mininteger) pcall(os.clock, {})
--# userdata_from_nothing
assert(newproxy == nil) local n = require "json".null assert(type(n) == "userdata" and getmetatable(n) == nil) denied("index", function() return n.x end)
--# tostring_of_everything
for _, v in ipairs{ print, {}, coroutine.create(print), require "json".null, require "json".empty_array, require "task".channel(1) } do assert(#tostring(v) < 100) end
