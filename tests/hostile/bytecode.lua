-- Binary chunks: a crafted one makes the interpreter read and write what it wants, so none is ever loaded.

--# string_dump_is_absent
assert(string.dump == nil and ("").dump == nil)
--# load_of_a_binary_chunk
denied("binary chunk", load, "\27Lua")
--# load_of_a_binary_chunk_mode_b
denied("binary chunks", load, "\27Lua", "x", "b")
--# load_of_a_binary_chunk_mode_bt
denied("binary chunk", load, "\27Lua", "x", "bt")
--# load_of_a_binary_chunk_mode_tb
denied("binary chunk", load, "\27LuaT\0\x19\x93\r\n\x1a\n\4\8\8", "x", "tb")
--# load_mode_empty
denied("binary chunks", load, "return 1", "x", "")
--# load_mode_of_a_number
denied("binary chunks", load, "return 1", "x", 5)
--# load_mode_with_a_zero_byte
denied("binary chunk", load, "\27Lua", "x", "t\0b")
--# load_mode_hidden_in_a_table | fails: bad argument
load("\27Lua", "x", setmetatable({}, { __tostring = function() return "b" end }))
--# load_reader_gives_the_signature
local parts = { "\27", "Lua", "T\0" }
denied("binary chunk", load, function() return table.remove(parts, 1) end, "x", "bt")
--# load_reader_gives_the_signature_late
local parts = { "", "\27Lua" }
local f = load(function() return table.remove(parts, 1) end, "x", "bt")
assert(f == nil or f() == nil)
--# load_reader_gives_no_text
denied("reader function must return a string", load, function() return {} end)
--# load_reader_gives_a_number
assert(load((function() local n = 0 return function() n = n + 1 return n == 1 and "return " or n == 2 and 42 or nil end end)())() == 42)
--# load_reader_raises
denied("mine", load, function() error("mine", 0) end)
--# load_reader_raises_an_object
local f, err = load(function() error { mine = true } end)
assert(f == nil and err.mine)
--# load_reader_waits
denied("cannot wait", load, function() require "task".sleep(0.001) end)
--# load_reader_yields
local co = coroutine.create(function() return load(function() coroutine.yield(1) end) end)
local ok, f, err = coroutine.resume(co)
assert(ok and f == nil and tostring(err):find("yield", 1, true))
--# load_reader_never_ends | fails: ran for | cpu: 300
load(function() return " " end)
--# load_reader_gives_without_end | mem: 8
denied("not enough memory", load, function() return ("x"):rep(100000) end)
--# load_reader_loads_in_itself
local depth = 0
local function reader() depth = depth + 1 if depth < 100 then load(reader) end return nil end
load(reader) assert(depth > 1)
--# load_with_a_byte_order_mark
denied("unexpected symbol", load, "\xEF\xBB\xBFreturn 1")
--# load_with_a_shebang
denied("unexpected symbol", load, "#!/bin/sh\nreturn 1")
--# load_with_a_shebang_and_a_binary_chunk
denied("unexpected symbol", load, "#\n\27Lua")
--# binary_after_a_comment
denied("unexpected symbol", load, "--\n\27Lua")
--# module_that_is_binary
denied("binary chunk", require, "binary")
--# loadfile_of_a_binary_chunk | allow: fs
local f = io.open(home .. "/data/b", "wb") f:write "\27LuaT\0" f:close()
denied("binary chunk", loadfile, home .. "/data/b")
denied("binary chunk", loadfile, home .. "/data/b", "bt")
denied("binary chunks", loadfile, home .. "/data/b", "b")
denied("binary chunk", dofile, home .. "/data/b")
--# loadfile_of_a_binary_chunk_behind_a_shebang | allow: fs
local f = io.open(home .. "/data/b", "wb") f:write "#!x\n\27LuaT\0" f:close()
denied("unexpected symbol", loadfile, home .. "/data/b")
--# chunk_name_that_is_a_path_of_the_program
-- A chunk may call itself what it likes: it gets nothing by that.
local f = load("error('x')", "=kalua/http.lua")
denied("kalua/http.lua:1: x", f)
--# chunk_name_as_long_as_memory | mem: 8
denied("not enough memory", function() return load("return 1", ("x"):rep(1 << 23)) end)
--# chunk_name_with_control_characters
local ok, err = pcall(load("error 'x'", "=\27[2J\0\n"))
assert(not ok)
